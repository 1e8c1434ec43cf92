"""What may become of a referral: which step may follow which, whom we may ask and when, and the next unhurried hour.

Pure. The order is a help, not a gate: a care manager may always make first contact, confirmed or not.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from server.enrollment.days import written
from server.errors import Refused
from server.words import say

OPEN: Final = ("suggested", "asked", "accepted")
#: step -> the states it may be taken in, and the state it leads to ("" leaves it as it is)
MAY_FOLLOW: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "joined": (OPEN, ""),
    "said": (OPEN, ""),
    "confirmed": (("suggested",), "asked"),
    "coming": (OPEN, ""),
    "not_now": (OPEN, ""),
    "rerouted": (OPEN, "asked"),
    "accepted": (("suggested", "asked"), "accepted"),
    "enrolled": (OPEN, "enrolled"),
    "declined": (OPEN, "declined"),
    "closed": (OPEN, "closed"),
    "taken_back": (OPEN, "taken_back"),
}
#: what those who asked hear about
NEWS: Final = (
    "confirmed", "said", "coming", "not_now", "rerouted", "accepted", "enrolled", "declined", "closed", "taken_back",
)  # fmt: skip
#: a first visit takes 40 to 60 minutes
FIRST_VISIT: Final = timedelta(minutes=60)
SHORTEST_FIRST_VISIT: Final = timedelta(minutes=40)
#: days in which an unhurried hour is looked for
AHEAD: Final = 60


@dataclass(frozen=True, slots=True)
class Said:
    """A no that was heard before. asked_not_before: none, when they did not say that we may ask again."""

    on: date
    what_would_help: str
    asked_not_before: date | None


def first_state(source: str, role: str, *, confirmed_by_provider: bool) -> str:
    """`suggested` where a provider has the last word, unless one is asking or the person asks for themselves."""
    needs_a_word = confirmed_by_provider and role != "provider" and source != "self"
    return "suggested" if needs_a_word else "asked"


def after(state: str, step: str, *, ended_on: date | None = None) -> str:
    """The state a step leads to. Raises Refused REFERRAL_OVER, REFERRAL_CONFIRMED or REFERRAL_TAKEN_UP."""
    states, leads_to = MAY_FOLLOW[step]
    if state in states:
        return leads_to or state
    if state not in OPEN:
        when = say(" on %(day)s", day=written(ended_on)) if ended_on else ""
        raise Refused(
            "REFERRAL_OVER",
            say("This came to an end%(when)s, so nothing is added to it any more.", when=when),
            say("Read how it ended. If they could use help again, think of them anew."),
        )
    if step == "confirmed":
        raise Refused(
            "REFERRAL_CONFIRMED",
            say("No provider’s word is waited for here."),
            say("Say a line to those involved if there is something they should know."),
        )
    raise Refused(
        "REFERRAL_TAKEN_UP",
        say("This is taken up already."),
        say("Hand it on if a colleague should have it instead."),
    )


def check_may_ask(before: Said | None, source: str, today: date, name: str) -> None:
    """Nobody is asked again before the day they chose; whoever asks for themselves is always heard.

    Raises Refused NOT_BEFORE.
    """
    if before is None or source == "self":
        return
    day = before.asked_not_before
    if day is not None and today >= day:
        return
    helps = say(" What would help: %(words)s", words=before.what_would_help) if before.what_would_help else ""
    if day is None:
        raise Refused(
            "NOT_BEFORE",
            say(
                "%(name)s decided on %(on)s not to take part, and did not ask to be asked again.%(helps)s",
                name=name, on=written(before.on), helps=helps,
            ),
            say("When %(name)s brings it up, choose “They asked themselves” and it goes on at once.", name=name),
            "source",
        )  # fmt: skip
    raise Refused(
        "NOT_BEFORE",
        say(
            "%(name)s decided on %(on)s not to take part for now, and wishes not to be asked before %(day)s.%(helps)s",
            name=name, on=written(before.on), day=written(day), helps=helps,
        ),
        say("Come back then. When %(name)s brings it up first, choose “They asked themselves”.", name=name),
        "source",
    )  # fmt: skip


def check_ask_again(day: date | None, today: date) -> None:
    """Raises Refused ASK_AGAIN_TOO_SOON."""
    if day is not None and day <= today:
        raise Refused(
            "ASK_AGAIN_TOO_SOON",
            say("%(day)s would not be later than the no itself.", day=written(day)),
            say("Choose a later day, or leave it empty: then we do not ask again."),
            "ask_again_on",
        )


def may_take_back(askers: Collection[UUID], who: UUID | None) -> None:
    """Only who asked takes it back, and only while nobody else asks too. Raises Refused NOT_YOURS or OTHERS_ASK."""
    if who is None or who not in askers:
        raise Refused(
            "NOT_YOURS",
            say("Somebody else asked for this, so it is theirs to take back."),
            say("Say a line to them, or close it with a reason."),
        )
    if len(askers) > 1:
        raise Refused(
            "OTHERS_ASK",
            say("A colleague asks for this person too, so it stays open."),
            say("Say a line to those involved instead."),
        )


class _Lasting(Protocol):
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...


def next_first_visit(
    after_instant: datetime, protected: Iterable[_Lasting], taken: Collection[datetime]
) -> datetime | None:
    """The beginning of the next hour kept for first visits that is still free. None: none is kept, or all are taken.

    protected: by beginning. taken: beginnings of first visits; each fills an hour.
    """
    for time in protected:
        start = time.starts_at
        while time.ends_at - start >= SHORTEST_FIRST_VISIT:
            free = all(start >= one + FIRST_VISIT or one >= start + FIRST_VISIT for one in taken)
            if free and start > after_instant:
                return start
            start += FIRST_VISIT
    return None
