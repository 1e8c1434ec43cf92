"""Tasks that come from a fact: which to open, open again or settle, given what the facts ask for now (N17).

What a person decided stays: a task they dismissed or reported done is never opened again by its fact. What only the
facts settled is opened again when they ask for it once more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task that a fact asks for. source_id: the fact's row; with the rule's name it makes the task the only one.

    holder_id: whose it is when it comes up; none: whoever of for_role takes it.
    """

    source_id: UUID
    kind: str
    what: str
    why: str
    due_on: date
    holder_id: UUID | None = None
    for_role: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """A task there is already, of the same rule and person. state: `kept` where a person opened it again, which is theirs
    to close."""

    source_id: UUID
    state: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What to do so that what is open is what is wanted. settle: source ids."""

    opens: tuple[Wanted, ...] = ()
    reopens: tuple[Wanted, ...] = ()
    settles: tuple[UUID, ...] = ()


def changes(wanted: Iterable[Wanted], known: Iterable[Known]) -> Changes:
    there = {one.source_id: one.state for one in known}
    asked = {one.source_id: one for one in wanted}
    return Changes(
        opens=tuple(one for id, one in asked.items() if id not in there),
        reopens=tuple(one for id, one in asked.items() if there.get(id) == "settled"),
        settles=tuple(id for id, state in there.items() if state == "open" and id not in asked),
    )
