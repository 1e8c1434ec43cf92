"""When the people of the demo practices work: their diaries keep to it, and their colleagues see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Final


@dataclass(frozen=True, slots=True)
class Block:
    """weekdays: 0 is Monday. elsewhere: not at the practice's site."""

    weekdays: tuple[int, ...]
    begins: time
    ends: time
    elsewhere: bool = False

    def holds(self, on: date, start: int, end: int) -> bool:
        """Do these minutes of that day lie in it?"""
        return on.weekday() in self.weekdays and _minute(self.begins) <= start and end <= _minute(self.ends)


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _on(days: tuple[int, ...], begins: str, ends: str, *, elsewhere: bool = False) -> Block:
    return Block(days, time.fromisoformat(begins), time.fromisoformat(ends), elsewhere)


_WEEK: Final = (0, 1, 2, 3, 4)


#: of whoever is not named below
USUAL: Final = (_on(_WEEK, "08:00", "17:00"),)
#: practice -> member -> blocks
HOURS: Final[Mapping[str, Mapping[str, tuple[Block, ...]]]] = {
    "lakeside": {
        "ada": (_on(_WEEK, "09:00", "16:00"),),
        "nora": (_on(_WEEK, "08:00", "17:30"),),
        "rosa": (_on((0, 1, 2, 3), "08:00", "17:00"), _on((4,), "08:00", "13:00")),
        "dr_lin": (_on(_WEEK, "07:30", "12:00"), _on((0, 1, 3, 4), "13:00", "17:30")),
        "mika": (_on((0, 1, 3, 4), "08:00", "17:00"),),
        "fred": (_on(_WEEK, "07:30", "16:30"),),
        "bill": (_on((1, 3), "08:00", "16:00"),),
        "mona": (_on((2,), "09:00", "12:00", elsewhere=True),),
    },
    "hillcrest": {
        "iris": (_on(_WEEK, "09:00", "16:00"),),
        "tomas": (_on(_WEEK, "08:00", "17:00"),),
        "dr_vega": (_on(_WEEK, "08:00", "12:30"), _on((0, 1, 3), "13:30", "17:00")),
        "june": (_on(_WEEK, "08:00", "16:30"),),
        "omar": (_on(_WEEK, "07:30", "16:30"),),
        "bill": (_on((0, 2, 4), "08:00", "15:00"),),
        "greta": (_on((3,), "13:00", "16:00", elsewhere=True),),
    },
}  # fmt: skip


def hours_of(slug: str, member: str) -> tuple[Block, ...]:
    return HOURS.get(slug, {}).get(member, USUAL)
