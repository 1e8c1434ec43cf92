"""FHIR dates: a year, a month, a day or an instant, each kept as exactly as it was written."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Literal

from server.words import say

Precision = Literal["year", "month", "day", "instant"]

_FORM = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})?)?)?)?",
    re.ASCII,
)


class NotADate(ValueError):
    """`sentence` says what is wrong with it, for the person who has to mend it."""

    def __init__(self, sentence: str) -> None:
        super().__init__("not a date")
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class When:
    """A point in time as the source knew it.

    text: as written. precision: how much of it was known. day: the first day it can mean, in the offset it was
    written with. instant: in UTC, only for precision "instant".
    """

    text: str
    precision: Precision
    day: date
    instant: datetime | None = None

    @property
    def last_day(self) -> date:
        """The last day it can mean: 1950 may be as late as 31 December."""
        if self.precision == "year":
            return date(self.day.year, 12, 31)
        if self.precision == "month":
            return self.day.replace(day=calendar.monthrange(self.day.year, self.day.month)[1])
        return self.day

    def surely_before(self, other: "When") -> bool:
        """True only if no reading of the two lets this one be the same moment as `other` or later."""
        if self.instant is not None and other.instant is not None:
            return self.instant < other.instant
        # A day is the day somewhere: with mixed precision, one day's difference may be the clock's zone alone.
        slack = timedelta(days=1 if self.instant or other.instant else 0)
        return self.last_day < other.day and other.day - self.last_day > slack


def parse_when(text: str) -> When:
    """Reads FHIR date, dateTime and instant (R4, section 2.24.0.1). Raises NotADate.

    A time without an offset cannot be placed and is kept as its day; 24:00 is refused, second 60 is read as 59.
    """
    shown = text if len(text) <= 40 else text[:40] + "…"
    match = _FORM.fullmatch(text)
    if match is None:
        raise NotADate(
            say("“%(date)s” is not a date; dates look like 1956-08-03, 1956-08 or 1956.", date=shown)
        )
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    first = _day(shown, int(year), int(month or 1), int(day or 1))
    if hour is None or offset is None:
        if hour is not None:
            _check_time(shown, int(hour), int(minute), int(second or 0))
        precision: Precision = "day" if day else "month" if month else "year"
        return When(text, precision, first)
    _check_time(shown, int(hour), int(minute), int(second or 0))
    zone = _offset(shown, offset)
    local = datetime(
        first.year,
        first.month,
        first.day,
        int(hour),
        int(minute),
        min(int(second or 0), 59),
        int((fraction or "0")[:6].ljust(6, "0")),
        zone,
    )
    try:
        return When(text, "instant", first, local.astimezone(UTC))
    except OverflowError:  # 9999-12-31T23:59:59-05:00, which many systems write for "no end"
        return When(text, "day", first)


def _day(shown: str, year: int, month: int, day: int) -> date:
    if year == 0:
        raise NotADate(say("“%(date)s” has the year 0, which does not exist.", date=shown))
    if not 1 <= month <= 12:
        raise NotADate(say("“%(date)s” has month %(month)s; there are twelve.", date=shown, month=month))
    days = calendar.monthrange(year, month)[1]
    if not 1 <= day <= days:
        raise NotADate(
            say(
                "“%(date)s” does not exist: %(month)s %(year)s has %(days)s days.",
                date=shown,
                month=say(calendar.month_name[month]),
                year=year,
                days=days,
            )
        )
    return date(year, month, day)


def _check_time(shown: str, hour: int, minute: int, second: int) -> None:
    if hour > 23 or minute > 59 or second > 60:
        raise NotADate(say("“%(date)s” has a time of day that does not exist.", date=shown))


def _offset(shown: str, offset: str) -> timezone:
    if offset == "Z":
        return UTC
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if hours > 14 or minutes > 59:
        raise NotADate(say("“%(date)s” has a time zone offset that does not exist.", date=shown))
    distance = timedelta(hours=hours, minutes=minutes)
    return timezone(-distance if offset[0] == "-" else distance)
