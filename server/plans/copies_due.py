"""Whether somebody is still to be given their plan: a task that comes from the plan and goes with the copy (N17).

A first plan, and one that was rethought, is theirs to have in hand; a routine update asks for nothing, so that nobody is
nagged. What was written together belongs to the person whether or not they are still in the program.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from server.tasks.derived import Wanted
from server.words import say

#: the rule's name beside the tasks it makes
RULE: Final = "plan_copy"
_WITHIN: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Written:
    """One version of a plan. rethought: more than a routine update. given: a copy of it was given to somebody."""

    id: UUID
    program: str
    number: int
    dated_on: date
    rethought: bool
    given: bool
    by: UUID | None = None


def copies_due(versions: Iterable[Written], *, today: date) -> list[Wanted]:
    """At most one task a program: for the version in which it was last rethought, where neither that nor a later one was
    given. So one that a person dismissed is not asked for again by the next routine update. Whether they have died is
    looked at where tasks are read: it is changed in rooms below, which settle nothing here."""
    by_program: dict[str, list[Written]] = defaultdict(list)
    for one in sorted(versions, key=lambda one: (one.dated_on, one.number, one.id)):
        by_program[one.program].append(one)
    found = []
    for theirs in by_program.values():
        since = max(place for place, one in enumerate(theirs) if place == 0 or one.rethought)
        new = theirs[since]
        if not any(one.given for one in theirs[since:]):
            found.append(
                Wanted(
                    new.id,
                    "paper",
                    say("Give them their plan"),
                    say(
                        "Version %(number)s was written, and a copy in their hands makes it theirs.",
                        number=new.number,
                    ),
                    today + _WITHIN,
                    holder_id=new.by,
                    for_role="" if new.by else "care_manager",
                )
            )
    return found
