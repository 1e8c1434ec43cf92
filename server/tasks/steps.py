"""Which step may follow which, who may take it, and who is owed the news: the life of one task.

A task is open until it is done or dismissed by a person, or settled because the fact it came from has changed. Open, it
is somebody's, or waits for whoever takes it. Rules here guide: a colleague's task is taken over with a word of why, not
with anybody's leave. What holds always: nothing closes without words (R038).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final
from uuid import UUID

from server.enrollment.days import written
from server.errors import Refused
from server.words import N_, say

#: state -> words
STATES: Final = {
    "open": N_("Open"),
    "done": N_("Done"),
    "dismissed": N_("Not needed"),
    "settled": N_("Took care of itself"),
}
#: what can happen to a task -> words
EVENTS: Final = {
    "asked": N_("Asked"),
    "taken": N_("Taken on"),
    "handed_on": N_("Handed on"),
    "came_back": N_("Came back"),
    "moved": N_("Another day"),
    "done": N_("Done"),
    "dismissed": N_("Not needed"),
    "settled": N_("Took care of itself"),
    "reopened": N_("Opened again"),
}
STEPS: Final = ("take", "hand_on", "give_back", "move", "done", "dismiss", "reopen")
#: the furthest day a task may be due
AHEAD: Final = timedelta(days=2 * 366)
#: the words a step cannot do without: the field, what is missing, what to do
_WORDS: Final = {
    "give_back": (
        "words",
        N_("Whoever gave it to you will want to know why it comes back."),
        N_("Write a few words."),
    ),
    "done": (
        "outcome",
        N_("Whoever asked will want to know what came of it."),
        N_("Write it in a few words, also if it came to nothing."),
    ),
    "dismiss": (
        "reason",
        N_("It goes with a reason, so that whoever asked understands, and so that nobody asks again."),
        N_("Write a few words."),
    ),
    "reopen": (
        "words",
        N_("Whoever does it will want to know what is still to do."),
        N_("Write a few words."),
    ),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a task stands. holder_here: whether its holder still works here. given_by: who gave it to the holder, none
    where they took it themselves or a fact gave it. handed_by: everybody who ever handed it on. part_in: everybody who ever had
    it or did something with it."""

    state: str
    asked_by: UUID | None = None
    holder_id: UUID | None = None
    for_role: str = ""
    holder_here: bool = True
    given_by: UUID | None = None
    handed_by: frozenset[UUID] = frozenset()
    part_in: frozenset[UUID] = frozenset()

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    @property
    def is_free(self) -> bool:
        """Does it wait for whoever takes it? So does what belongs to somebody who has left."""
        return self.holder_id is None or not self.holder_here


@dataclass(frozen=True, slots=True)
class Doer:
    """Who wants to take a step. opens_chart: whether they may open this person's chart."""

    staff_id: UUID | None
    role: str
    opens_chart: bool


@dataclass(frozen=True, slots=True)
class Names:
    """What people call those concerned, for what they are told."""

    holder: str = ""
    outcome: str = ""
    closed: str = ""  # when, in words


def sees(task: Standing, who: Doer) -> bool:
    """Whoever may open the chart sees its tasks; others see what is or was theirs, or waits for their role."""
    mine = who.staff_id is not None and who.staff_id in {task.asked_by, task.holder_id, *task.part_in}
    return who.opens_chart or mine or (bool(task.for_role) and task.for_role == who.role)


def check_step(step: str, task: Standing, who: Doer, *, words: str = "", names: Names | None = None) -> None:
    """Raises Refused where `who` may not take `step` now, or not without words."""
    names = names or Names()
    if task.is_open == (step == "reopen"):
        raise _open_already() if task.is_open else _closed(task.state, names)
    holds = who.staff_id is not None and who.staff_id == task.holder_id
    if step == "take":
        if holds:
            raise Refused("ALREADY_YOURS", say("This is yours already."), say("Nothing more is needed."))
        if not task.is_free and not words.strip():
            raise Refused(
                "TASK_TAKEN",
                say("%(name)s has this already.", name=names.holder),
                say("Leave it with them, or take it over with a word of why; they will be told."),
                "words",
            )
    elif step == "give_back":
        if not holds or task.given_by is None or task.given_by == who.staff_id:
            raise Refused(
                "NOBODY_TO_GIVE_BACK_TO",
                say("Nobody gave this to you, so it cannot go back to them."),
                say("Hand it on to somebody, or say that it is not needed."),
            )
    elif step != "reopen" and not (holds or task.is_free or who.staff_id == task.asked_by):
        raise Refused(
            "NOT_YOURS",
            say("%(name)s has this.", name=names.holder),
            say("Take it over first, with a word of why, or talk to them."),
        )
    if step in _WORDS and not words.strip():
        field, missing, then = _WORDS[step]
        raise Refused("WORDS_NEEDED", say(missing), say(then), field)


def may(step: str, task: Standing, who: Doer) -> bool:
    """Whether to offer a step; words are still to be written."""
    if not sees(task, who):
        return False
    try:
        check_step(step, task, who, words="-")
    except Refused:
        return False
    return True


def owed(event: str, task: Standing, by: UUID | None) -> frozenset[UUID]:
    """Who is to read what happened, for their own list: of what is done or not needed, everybody who asked, handed it on
    or has it; of what is given back or taken over, whose it was or is. Nobody is told what they did themselves."""
    told: Iterable[UUID | None] = ()
    if event in {"done", "dismissed"}:
        told = (task.asked_by, task.holder_id, *task.handed_by)
    elif event == "came_back":
        told = (task.given_by,)
    elif event == "taken":
        told = (task.holder_id,)
    return frozenset(one for one in told if one is not None and one != by)


def check_due(due_on: date, due_time: time | None, today: date) -> None:
    """A task is due on a day to come, today included."""
    if due_on < today:
        raise Refused(
            "DUE_PASSED",
            say("%(due_on)s has passed; today is %(today)s.", due_on=written(due_on), today=written(today)),
            say("Choose today or a later day."),
            "due_on",
        )
    if due_on > today + AHEAD:
        raise Refused(
            "DUE_FAR",
            say(
                "%(due_on)s is more than two years away; nobody would remember what it was about.",
                due_on=written(due_on),
            ),
            say("Check the year, or choose a nearer day."),
            "due_on",
        )
    if due_time is not None and (due_time.second or due_time.microsecond or due_time.tzinfo):
        raise Refused(
            "DUE_TIME",
            say("A time of day is given in hours and minutes."),
            say("Write it like 14:05."),
            "due_time",
        )


def _open_already() -> Refused:
    return Refused(
        "TASK_OPEN", say("This is open, so there is nothing to open again."), say("Go on with it.")
    )


def _closed(state: str, names: Names) -> Refused:
    return Refused(
        "TASK_CLOSED",
        say(
            "This was closed %(when)s (%(state)s): “%(outcome)s”",
            when=names.closed,
            state=say(STATES[state]).lower(),
            outcome=names.outcome,
        ),
        say("Read what came of it. If something is still to do, open it again and say what."),
    )
