"""What a payer's rules are told about a patient's month, and what the house itself says when no rules can answer.
Pure: rows in, facts out."""

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final, cast
from uuid import UUID

from carewright_plugin_api.decisions import Citation, Decision, Hold, Line
from carewright_plugin_api.facts import (
    Activity,
    Attestation,
    BilledService,
    CarePlanVersion,
    Consent,
    Coverage,
    DecisionLevel,
    Diagnosis,
    Enrollment,
    Entry,
    FacilityStay,
    Mode,
    MonthFacts,
    Override,
    Policy,
    Practitioner,
    Role,
    Site,
    StayKind,
    Visit,
    local_day,
    start_of_day,
)

from server.errors import Refused
from server.minutes.counted import CountedEntry
from server.words import say

PLUGIN_FAULT: Final = "PLUGIN_FAULT"
MANUAL_REVIEW: Final = "MANUAL_REVIEW"
_MODES: Final = {"phone", "video", "in_person", "home", "message", "email", "letter"}
_STAYS: Final[dict[str, StayKind]] = {
    "inpatient": "inpatient",
    "observation": "observation",
    "skilled_nursing": "skilled_nursing",
    "nursing_facility": "nursing_facility",
}
_TEAM_TRAINING: Final = "team-based care"  # the course payers ask care teams to have taken


@dataclass(frozen=True, slots=True)
class Qualification:
    kind: str  # discipline | licence | training
    name: str
    from_on: date
    to_on: date | None


@dataclass(frozen=True, slots=True)
class Person:
    """A staff member as payer rules see one: dated disciplines, licences and trainings."""

    id: UUID
    qualifying_participant: bool
    qualifications: tuple[Qualification, ...]

    def held(self, kind: str, on: date) -> str:
        """The newest qualification of a kind in force on a day, or ''."""
        found = [
            q for q in self.qualifications
            if q.kind == kind and q.from_on <= on and (q.to_on is None or on <= q.to_on)
        ]  # fmt: skip
        return max(found, key=lambda q: q.from_on).name if found else ""

    def trained_on(self) -> date | None:
        dates = [
            q.from_on
            for q in self.qualifications
            if q.kind == "training" and _TEAM_TRAINING in q.name.casefold()
        ]
        return min(dates, default=None)


@dataclass(frozen=True, slots=True)
class StayRow:
    kind: str
    from_at: datetime
    to_at: datetime | None


@dataclass(frozen=True, slots=True)
class PatientMonth:
    """Everything on file that a month's rules may ask about one patient."""

    patient_id: UUID
    died_on: date | None
    coverages: tuple[Coverage, ...] = ()
    enrollments: tuple[Enrollment, ...] = ()
    practitioner_id: UUID | None = None
    consents: tuple[Consent, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    plans: tuple[CarePlanVersion, ...] = ()
    visits: tuple[Visit, ...] = ()
    decision_levels: tuple[DecisionLevel, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    stays: tuple[StayRow, ...] = ()
    billed: tuple[BilledService, ...] = ()
    spans: tuple[CountedEntry, ...] = ()
    overrides: tuple[Override, ...] = ()
    first_billed: dict[UUID, date] = field(default_factory=dict)  # staff -> first day billed to this payer


@dataclass(frozen=True, slots=True)
class House:
    """The practice, as the rules ask about it."""

    zone: str
    policy: Policy
    site: Site
    people: dict[UUID, Person]


_MONTH: Final = re.compile(r"(19|20)[0-9]{2}-(0[1-9]|1[0-2])")


def is_month(text: str) -> bool:
    """Whether `text` is a month as it is written everywhere: YYYY-MM, of this century or the last."""
    return _MONTH.fullmatch(text) is not None


def check_month(text: str) -> str:
    """`text` if it is a month; refused otherwise."""
    if not is_month(text):
        raise Refused(
            "BAD_MONTH",
            say("%(text)s is not a month.", text=text[:20]),
            say("Write it as YYYY-MM, such as 2026-03."),
            "month",
        )
    return text


def month_bounds(month: str, zone: str) -> tuple[datetime, datetime, date, date]:
    """(first instant, first instant after, first day, last day) of `YYYY-MM` on the practice's clock."""
    first = date.fromisoformat(f"{check_month(month)}-01")
    following = (first + timedelta(days=31)).replace(day=1)
    return start_of_day(first, zone), start_of_day(following, zone), first, following - timedelta(days=1)


def deciding_coverage(known: PatientMonth, first: date, last: date) -> Coverage | None:
    """The coverage that pays first at the end of the month (or on the last day lived), else the latest in force."""
    end = min(last, known.died_on) if known.died_on and known.died_on >= first else last
    in_force = [c for c in known.coverages if c.in_force(end)]
    if in_force:
        return min(in_force, key=lambda c: (c.rank, c.starts_on, c.id))
    touching = [
        c for c in known.coverages if c.starts_on <= last and (c.ends_on is None or c.ends_on >= first)
    ]
    return max(touching, key=lambda c: (c.ends_on or last, -c.rank, c.id), default=None)


def facts_of(known: PatientMonth, coverage: Coverage, month: str, house: House) -> MonthFacts:
    """The whole question put to a payer's rules about one patient's month."""
    _, _, _, last = month_bounds(month, house.zone)
    practitioner = house.people.get(known.practitioner_id) if known.practitioner_id else None
    return MonthFacts(
        patient=str(known.patient_id),
        month=month,
        zone=house.zone,
        coverage=coverage,
        other_coverages=tuple(c for c in known.coverages if c.id != coverage.id),
        policy=policy_of(known, house),
        billing_practitioner=None
        if practitioner is None
        else Practitioner(
            str(practitioner.id),
            practitioner.held("discipline", last).upper(),
            practitioner.qualifying_participant,
        ),
        site=house.site,
        died_on=known.died_on,
        enrollments=known.enrollments,
        consents=known.consents,
        diagnoses=known.diagnoses,
        plans=known.plans,
        visits=known.visits,
        decision_levels=known.decision_levels,
        attestations=known.attestations,
        stays=tuple(_stay(stay) for stay in known.stays),
        billed=known.billed,
        entries=tuple(_entry(span, house, known.first_billed) for span in known.spans),
        overrides=known.overrides,
    )


def policy_of(known: PatientMonth, house: House) -> Policy:
    """How lines are chosen for this patient-month: as a person decided for it, else as the practice did."""
    chosen = [one.target for one in known.overrides if one.kind == "choose"]
    return cast(Policy, chosen[-1]) if chosen else house.policy


def _stay(stay: StayRow) -> FacilityStay:
    return FacilityStay(_STAYS.get(stay.kind, "other"), stay.from_at, stay.to_at)


def _entry(span: CountedEntry, house: House, first_billed: dict[UUID, date]) -> Entry:
    person = house.people[span.staff_id]
    on = local_day(span.started_at, house.zone)
    return Entry(
        id=str(span.id),
        person=str(span.staff_id),
        role=cast(Role, span.role_class),
        start=span.started_at,
        end=span.ended_at,
        program=span.program,
        activity=cast(Activity, span.activity),
        mode=cast(Mode, span.mode if span.mode in _MODES else "none"),
        status="draft" if span.state == "draft" else "final",
        part_of=span.part_of or None,
        joint=str(span.joint_id) if span.joint_id else None,
        encounter=str(span.encounter_id) if span.encounter_id else None,
        face_to_face=span.with_patient and span.mode in {"in_person", "home"},
        with_patient=span.with_patient,
        reached=span.reached,
        declined=span.declined,
        video_declined=span.video_declined,
        condition=span.about_code or None,
        discipline=span.discipline,
        licensed=bool(person.held("licence", on)),
        trained_on=person.trained_on(),
        first_billed_on=first_billed.get(span.staff_id),
    )


# --- when nobody's rules can answer -----------------------------------------------------------------------------

_HOUSE_RULE: Final = Citation(
    title="Carewright",
    section="Closing a month",
    where="README, Closing a month",
    basis="our_policy",
)


def no_coverage(policy: Policy, program: str) -> Decision:
    return _house_hold(
        policy,
        program,
        "NO_COVERAGE",
        say("No insurance is on file for any day of this month, so no payer's rules can be asked."),
        say("Enter the coverage on the person's page and close the month again, or leave it unbilled."),
        say("A coverage in force during the month."),
    )


def unknown_payer(policy: Policy, program: str, payer: str) -> Decision:
    return _house_hold(
        policy,
        program,
        MANUAL_REVIEW,
        say(
            "No installed plugin knows the rules of %(payer)s. Nothing is guessed: a person decides "
            "about this month.",
            payer=payer,
        ),
        say(
            "Look up what this payer asks for and bill by hand if it is due, or install a plugin that "
            "knows the payer."
        ),
        say("A plugin for this payer."),
    )


def not_owned(policy: Policy, program: str, payer: str, plugin: str) -> Decision:
    return _house_hold(
        policy,
        program,
        MANUAL_REVIEW,
        say(
            "The rules of %(plugin)s know %(payer)s, and say that this coverage is not theirs to "
            "decide. Nothing is guessed: a person decides about this month.",
            plugin=plugin,
            payer=payer,
        ),
        say("Check the coverage: another plan may pay in its place. Bill by hand if it is due."),
        say("A coverage that these rules own."),
    )


def plugin_fault(policy: Policy, program: str, plugin: str, why: str) -> Decision:
    return _house_hold(
        policy,
        program,
        PLUGIN_FAULT,
        say(
            "The rules of %(plugin)s could not answer for this month: the plugin %(why)s. Everything "
            "else was decided.",
            plugin=plugin,
            why=why,
        ),
        say("Tell whoever keeps the plugin; close the month again once it is mended. Nothing is lost."),
        say("A plugin that answers."),
    )


def carried_out(decision: Decision, overrides: tuple[Override, ...]) -> Decision:
    """The decision with what a person chose not to bill turned into holds; lines that rest on such a line go with it."""
    withheld = {one.target for one in overrides if one.kind == "withhold"}
    if not withheld:
        return decision
    gone = {line.code for line in decision.lines if "" in withheld or line.code in withheld}
    while more := {line.code for line in decision.lines if line.rests_on in gone} - gone:
        gone |= more
    return replace(
        decision,
        lines=tuple(line for line in decision.lines if line.code not in gone),
        holds=(*decision.holds, *(_withheld(line) for line in decision.lines if line.code in gone)),
    )


def _withheld(line: Line) -> Hold:
    return Hold(
        code="WITHHELD",
        program=line.program,
        sentence=say(
            "%(code)s is due by the rules, and somebody decided not to bill it; the reason is written down.",
            code=line.code,
        ),
        next_step=say("Nothing is to be done. Withdraw that decision if it should be billed after all."),
        rule_id="carewright.withheld",
        citations=(_HOUSE_RULE,),
        what_would_change=say("Withdrawing the decision, then closing the month again."),
        mendable=False,
    )


def _house_hold(
    policy: Policy, program: str, code: str, sentence: str, next_step: str, change: str
) -> Decision:
    hold = Hold(
        code=code,
        program=program,
        sentence=sentence,
        next_step=next_step,
        rule_id=f"carewright.{code.lower()}",
        citations=(_HOUSE_RULE,),
        what_would_change=change,
    )
    return Decision(policy=policy, holds=(hold,))
