"""Who is there when: weekly hours by the clock on the practice's wall, days away, and what they come to on a date.

Pure. Times are of the wall; what is handed out is instants. In the night in which an hour comes twice, hours last from
the first time their beginning is shown until the first time their end is; in the night that has an hour less, a time
that is never shown is the moment the clock is put forward. So hours that touch still touch, and none overlap.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Protocol, TypeVar
from uuid import UUID

from server.dates import WEEKDAYS, month_name
from server.errors import Refused
from server.recurrence import clock, instant_of
from server.words import say

_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?", re.ASCII)
_EARLIEST: Final = date(2000, 1, 1)
_AHEAD: Final = timedelta(days=2 * 366)


@dataclass(frozen=True, slots=True)
class Weekly:
    """Hours of one person on one weekday (0 is Monday), from a day to a day, both included; no last day: still.
    site_id: none when they work from elsewhere. protected: kept for first visits and unhurried talks."""

    staff_id: UUID
    site_id: UUID | None
    weekday: int
    begins: time
    ends: time
    from_on: date
    to_on: date | None = None
    protected: bool = False

    def holds_on(self, day: date) -> bool:
        return (
            day.weekday() == self.weekday
            and self.from_on <= day
            and (self.to_on is None or day <= self.to_on)
        )

    def meets(self, other: "Weekly") -> bool:
        """Do both ask one person to be there at the same time of the same day? Touching ends do not."""
        return (
            (self.staff_id, self.weekday) == (other.staff_id, other.weekday)
            and self.from_on <= (other.to_on or date.max)
            and other.from_on <= (self.to_on or date.max)
            and self.begins < other.ends
            and other.begins < self.ends
        )


@dataclass(frozen=True, slots=True)
class Away:
    """Whole days, both included, on which somebody is not there."""

    staff_id: UUID
    from_on: date
    to_on: date

    def meets(self, other: "Away") -> bool:
        return self.staff_id == other.staff_id and self.from_on <= other.to_on and other.from_on <= self.to_on


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody is there, from an instant until another (excluded)."""

    staff_id: UUID
    site_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    protected: bool = False


class _Lasting(Protocol):
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...


Stay = TypeVar("Stay", bound=_Lasting)


def there_on(day: date, weekly: Iterable[Weekly], away: Iterable[Away], zone: str) -> list[Presence]:
    """Who is there on a day of the practice, by beginning."""
    gone = {one.staff_id for one in away if one.from_on <= day <= one.to_on}
    there = [
        Presence(
            one.staff_id,
            one.site_id,
            instant_of(day, one.begins, zone),
            instant_of(day, one.ends, zone),
            one.protected,
        )
        for one in weekly
        if one.holds_on(day) and one.staff_id not in gone
    ]
    return sorted(
        (one for one in there if one.starts_at < one.ends_at),
        key=lambda one: (one.starts_at, one.ends_at, one.staff_id),
    )


def there_at(instant: datetime, presences: Iterable[Stay]) -> list[Stay]:
    """Those of them that hold at an instant."""
    return [one for one in presences if one.starts_at <= instant < one.ends_at]


def days_of(first: date, days: int) -> Sequence[date]:
    return [first + timedelta(days=n) for n in range(days)]


# --- what may be written down -------------------------------------------------------------------------------------


def time_in(text: str, field: str) -> time:
    """`08:30` or `8:30`, as a time of the wall. Raises Refused TIME_FORM."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise Refused(
            "TIME_FORM",
            say("“%(text)s” is not a time of day.", text=text.strip()[:20])
            if text.strip()
            else say("A time is missing."),
            say("Write hours and minutes, such as 08:30 or 16:45."),
            field,
        )
    return time(int(found[1]), int(found[2]))


def check_weekly(new: Weekly, others: Iterable[Weekly], today: date) -> None:
    """Raises Refused ENDS_BEFORE_START, DATE_FAR or HOURS_OVERLAP."""
    if new.ends <= new.begins:
        raise Refused(
            "ENDS_BEFORE_START",
            say(
                "It ends at %(ends)s, which is not after its beginning at %(begins)s.",
                ends=clock(new.ends),
                begins=clock(new.begins),
            ),
            say("Check both times. Hours past midnight are written as two lines, one for each day."),
            "ends",
        )
    check_days(new.from_on, new.to_on, today)
    there = next((one for one in others if one.meets(new)), None)
    if there is not None:
        raise Refused(
            "HOURS_OVERLAP",
            _there_already(there),
            say("Give that line a last day first, or choose other times."),
            "begins",
        )


def check_away(new: Away, others: Iterable[Away], today: date) -> None:
    """Raises Refused ENDS_BEFORE_START, DATE_FAR or AWAY_ALREADY."""
    check_days(new.from_on, new.to_on, today)
    there = next((one for one in others if one.meets(new)), None)
    if there is not None:
        raise Refused(
            "AWAY_ALREADY",
            say(
                "%(first)s to %(last)s is on the list already.",
                first=_said(there.from_on),
                last=_said(there.to_on),
            ),
            say("Take that line away first, or choose other days."),
            "from_on",
        )


def check_days(from_on: date, to_on: date | None, today: date) -> None:
    if not _EARLIEST <= from_on <= today + _AHEAD:
        raise Refused(
            "DATE_FAR",
            say("%(day)s is too far from today to be the first day.", day=_said(from_on)),
            say("Check the year."),
            "from_on",
        )
    if to_on is None:
        return
    if to_on < from_on:
        raise Refused(
            "ENDS_BEFORE_START",
            say(
                "The last day, %(last)s, lies before the first, %(first)s.",
                last=_said(to_on),
                first=_said(from_on),
            ),
            say("Check both days."),
            "to_on",
        )
    if to_on > today + 5 * _AHEAD:
        raise Refused(
            "DATE_FAR",
            say("%(day)s is too far away to be the last day.", day=_said(to_on)),
            say("Check the year."),
            "to_on",
        )


def _said(day: date) -> str:
    return say("%(day)s %(month)s %(year)s", day=day.day, month=month_name(day, short=True), year=day.year)


def _there_already(line: Weekly) -> str:
    told = {
        "weekday": say(WEEKDAYS[line.weekday]),
        "begins": clock(line.begins),
        "ends": clock(line.ends),
        "first": _said(line.from_on),
    }
    if line.to_on is None:
        return say(
            "%(weekday)s, %(begins)s to %(ends)s, is on the list already, from %(first)s on. Nobody is in two "
            "places at once.",
            **told,
        )
    return say(
        "%(weekday)s, %(begins)s to %(ends)s, is on the list already, from %(first)s to %(last)s. Nobody is in "
        "two places at once.",
        last=_said(line.to_on),
        **told,
    )
