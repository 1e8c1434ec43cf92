"""What a log of consents says: who agreed to what, since when, and whether we may ask again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from carewright_plugin_api.facts import local_day

from server.enrollment.days import Life, check_instant, clock, written
from server.errors import Refused
from server.words import N_, say

#: what a person is told before agreeing -> words
TOLD = {
    "availability": N_("What the program offers, and how to reach someone day or night"),
    "cost_share": N_("That there may be a cost to pay"),
    "one_practitioner": N_("That only one practitioner can bill for it in a month"),
    "right_to_stop": N_("That one may stop at any time, and how"),
}

#: kind -> words
KINDS = {"given": N_("Agreed"), "refused": N_("Said no"), "revoked": N_("Took consent back")}

METHODS = {"verbal": N_("Spoken"), "written": N_("Signed")}


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """One row of the log of consents, with the names of those concerned."""

    id: UUID
    patient_id: UUID
    program: str
    kind: str
    method: str
    at: datetime
    effective_at: datetime | None
    wording_version: str
    wording_hash: str
    language: str
    given_by: str
    told: list[str]
    practitioner_id: UUID | None
    reason: str
    what_would_help: str
    ask_again_on: date | None
    replaces_id: UUID | None
    struck: bool
    made_at: datetime
    made_by: UUID | None
    practitioner_name: str | None = None
    made_by_name: str | None = None

    @property
    def counts_from(self) -> datetime:
        """The instant it takes effect."""
        return self.effective_at or self.at


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person stands with one program. kind: given, refused, revoked, or empty: never asked.

    ends_at: consent is in force now and ends then, because it was taken back with notice.
    """

    program: str
    kind: str = ""
    since: datetime | None = None
    ends_at: datetime | None = None
    ask_again_on: date | None = None

    def in_force(self) -> bool:
        return self.kind == "given"

    def may_ask(self, today: date) -> bool:
        """Nobody is asked twice: after a no, only from the day the person chose; after a goodbye, not by us."""
        if self.kind in ("given", "revoked"):
            return False
        if self.kind == "refused":
            return self.ask_again_on is not None and today >= self.ask_again_on
        return True


def live(rows: Iterable[ConsentRow]) -> list[ConsentRow]:
    """The rows that count, oldest first: those struck, and those that strike, are left out."""
    every = list(rows)
    struck = {row.replaces_id for row in every if row.replaces_id is not None}
    kept = [row for row in every if not row.struck and row.id not in struck]
    return sorted(kept, key=lambda row: (row.at, row.made_at, row.id))


def standing(rows: Iterable[ConsentRow], program: str, at: datetime) -> Standing:
    """Where the person stands with `program` at instant `at`: the newest word counts."""
    said = [row for row in live(rows) if row.program == program and row.at <= at]
    if not said:
        return Standing(program)
    newest = said[-1]
    before = next((row for row in reversed(said[:-1]) if row.kind == "given"), None)
    if newest.kind == "revoked" and newest.counts_from > at and before is not None:
        return Standing(program, "given", before.at, newest.counts_from)
    return Standing(program, newest.kind, newest.counts_from, None, newest.ask_again_on)


@dataclass(frozen=True, slots=True)
class GivenConsent:
    """A yes. given_by: "patient", or who spoke for them. told: keys of TOLD, as said and ticked by a person.

    wording_version: one of `server.enrollment.wording`, or "elsewhere" for a consent on somebody else's form.
    language: BCP 47, the one it was given in.
    """

    program: str
    at: datetime
    method: str
    given_by: str
    language: str
    wording_version: str
    told: tuple[str, ...]
    practitioner_id: UUID | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SaidNo:
    """A no: a decision of theirs, kept without reproach. what_would_help: asked once, in their words."""

    program: str
    at: datetime
    given_by: str = ""
    reason: str = ""
    what_would_help: str = ""
    ask_again_on: date | None = None


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A goodbye. effective_at: empty means at once; a person may also say "until the end of the month"."""

    program: str
    at: datetime
    given_by: str = ""
    reason: str = ""
    effective_at: datetime | None = None
    method: str = "verbal"


def check_given(life: Life, new: GivenConsent) -> None:
    check_instant(life, new.at, what=say("The consent"), field="at")
    if not new.given_by.strip():
        raise Refused(
            "GIVEN_BY_MISSING",
            say("A consent needs to say who gave it: the patient, or who speaks for them."),
            say("Write “patient”, or the name and how they are related."),
            "given_by",
        )
    if unknown := sorted(set(new.told) - set(TOLD)):
        raise Refused(
            "TOLD_UNKNOWN",
            say("“%(choice)s” is not something we know a person can be told.", choice=unknown[0]),
            say("Choose among %(choices)s.", choices=", ".join(TOLD)),
            "told",
        )


def check_no(life: Life, new: SaidNo) -> None:
    check_instant(life, new.at, what=say("The refusal"), field="at")
    if new.ask_again_on is not None and new.ask_again_on <= local_day(new.at, life.zone):
        raise Refused(
            "ASK_AGAIN_TOO_SOON",
            say(
                "Asking again on %(ask_again_on)s would not be later than the no itself.",
                ask_again_on=written(new.ask_again_on),
            ),
            say("Choose a later day, or leave it empty: then we do not ask again."),
            "ask_again_on",
        )


def check_taken_back(life: Life, new: TakenBack, before: Standing) -> None:
    """before: where the person stood at `new.at`."""
    check_instant(life, new.at, what=say("The revocation"), field="at")
    if not before.in_force():
        raise Refused(
            "NO_CONSENT_TO_REVOKE",
            say(
                "No consent for this program was in force at %(at)s, so there is none to take back.",
                at=clock(new.at, life.zone),
            ),
            say("If they said no before ever agreeing, record a refusal instead."),
            "program",
        )
    if new.effective_at is not None and new.effective_at < new.at:
        raise Refused(
            "EFFECTIVE_BEFORE_SAID",
            say(
                "It cannot take effect at %(effective_at)s, before it was said at %(at)s.",
                effective_at=clock(new.effective_at, life.zone),
                at=clock(new.at, life.zone),
            ),
            say("Leave it empty to take effect at once, or choose a later time."),
            "effective_at",
        )
