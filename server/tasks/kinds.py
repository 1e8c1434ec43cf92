"""Kinds of tasks, and who could do each: a hint at the lowest suitable licence, never a block (R022)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from server.words import N_


@dataclass(frozen=True, slots=True)
class Kind:
    """words: what people call it. suits: disciplines that can do it, the one with the least licence first."""

    words: str
    suits: tuple[str, ...]


_NURSES: Final = ("lpn", "rn")
_SOCIAL: Final = ("lbsw", "lmsw")
_PRESCRIBERS: Final = ("np", "pa", "md", "do")

KINDS: Final = {
    "call": Kind(N_("Call them"), ("medical_assistant", "community_health_worker", *_NURSES, *_SOCIAL)),
    "book": Kind(N_("Book a visit, a test or a colleague"), ("front_desk", "medical_assistant", *_NURSES)),
    "ride": Kind(N_("Arrange a ride"), ("front_desk", "community_health_worker", "medical_assistant")),
    "records": Kind(N_("Get a record or a result"), ("front_desk", "medical_assistant", *_NURSES)),
    "paper": Kind(N_("Fill in, send or hand over a paper"), ("front_desk", "medical_assistant", *_NURSES)),
    "cover": Kind(N_("Find out about insurance or a bill"), ("biller", "front_desk")),
    "support": Kind(N_("Help with food, housing or money"), ("community_health_worker", *_SOCIAL)),
    "teach": Kind(N_("Teach or practise something"), ("lpn", "asthma_educator", "diabetes_educator", "rn")),
    "food": Kind(N_("Talk about eating"), ("dietitian", "diabetes_educator", "rn")),
    "medicine": Kind(N_("Sort out medicines"), ("lpn", "pharmacist", "rn")),
    "look": Kind(N_("Look at how they are"), ("rn", *_PRESCRIBERS)),
    "decide": Kind(N_("Decide or order something"), _PRESCRIBERS),
    "ask": Kind(N_("Ask a colleague"), ()),  # whoever knows: the asker does
    "other": Kind(N_("Something else"), ()),
}


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody a task can be given to, with the disciplines they hold today."""

    id: UUID
    name: str
    role: str
    disciplines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The lowest suitable discipline somebody here holds, and who does."""

    discipline: str
    colleagues: tuple[Colleague, ...]


def suggestion(kind: str, here: Iterable[Colleague]) -> Suggestion | None:
    """Who could do a task of this kind so that others do what only they can; None where nobody is nearer than another."""
    colleagues = tuple(here)
    for discipline in KINDS[kind].suits:
        if found := tuple(one for one in colleagues if discipline in one.disciplines):
            return Suggestion(discipline, found)
    return None
