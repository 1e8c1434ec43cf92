"""Days and times of day as people read them: names of months and weekdays go through gettext like every word."""

from datetime import date
from typing import Final

from server.words import N_, say

#: from Monday on, as Python numbers them
WEEKDAYS: Final = (
    *(N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday")),
    N_("Sunday"),
)
_WEEKDAYS_SHORT: Final = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
_MONTHS: Final = (
    *(N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June")),
    *(N_("July"), N_("August"), N_("September"), N_("October"), N_("November"), N_("December")),
)
_MONTHS_SHORT: Final = (
    *(N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun")),
    *(N_("Jul"), N_("Aug"), N_("Sep"), N_("Oct"), N_("Nov"), N_("Dec")),
)


def weekday_name(day: date, *, short: bool = False) -> str:
    """`Tuesday`, or `Tue`."""
    return say((_WEEKDAYS_SHORT if short else WEEKDAYS)[day.weekday()])


def month_name(day: date, *, short: bool = False) -> str:
    """`August`, or `Aug`."""
    return say((_MONTHS_SHORT if short else _MONTHS)[day.month - 1])


def dated(day: date, *, short: bool = False) -> str:
    """`04 August 2026`, or `04 Aug 2026`."""
    month = month_name(day, short=short)
    return say("%(day)s %(month)s %(year)s", day=f"{day:%d}", month=month, year=day.year)


def month_words(month: str) -> str:
    """`2026-10` becomes `October 2026`."""
    first = date.fromisoformat(f"{month}-01")
    return say("%(month)s %(year)s", month=month_name(first), year=first.year)


def half_day(time: str, hour: int) -> str:
    """`2:05 pm`. time: as a dial of twelve hours shows it; hour: of the whole day."""
    return say("%(time)s am", time=time) if hour < 12 else say("%(time)s pm", time=time)
