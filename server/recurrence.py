"""When something that repeats is due, on the practice's clock on the wall. Pure: no clock, no database.

What makes one occasion differ from another is its local date (or, for every so many hours, its instant in UTC), not
the instant at which a clock happens to show a time. So a night in which 02:30 comes twice, or not at all, has one
occasion like any other, and a practice that moves to another zone neither repeats a day nor loses one.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from server.dates import WEEKDAYS, half_day
from server.words import say, say_of

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Daily:
    """Every day at a local time."""

    at: time


@dataclass(frozen=True, slots=True)
class Weekly:
    """Once a week at a local time. weekday: 0 is Monday."""

    weekday: int
    at: time


@dataclass(frozen=True, slots=True)
class Monthly:
    """Once a month at a local time. day: 1 to 31; a shorter month has it on its last day."""

    day: int
    at: time


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many hours of UTC, counted from midnight of 1 January 1970."""

    hours: int


Rule = Daily | Weekly | Monthly | Every


@dataclass(frozen=True, slots=True)
class Due:
    """One occasion. at: its instant, in UTC. occasion: its name, a local date or `2026-11-01T06:00Z`."""

    at: datetime
    occasion: str


def first_after(rule: Rule, zone: str, instant: datetime) -> Due:
    """The first occasion whose instant is later than `instant`."""
    if isinstance(rule, Every):
        step = rule.hours * _HOUR
        return _hourly(_EPOCH + ((instant - _EPOCH) // step + 1) * step)
    day = instant.astimezone(ZoneInfo(zone)).date() - _DAY
    while True:
        day = _next_date(rule, day)
        if (found := _on(rule, zone, day)).at > instant:
            return found


def following(rule: Rule, zone: str, last: Due) -> Due:
    """The occasion after `last`, which may have been reckoned in another zone or by another rule."""
    if isinstance(rule, Every) or "T" in last.occasion:
        return first_after(rule, zone, last.at)
    day = date.fromisoformat(last.occasion)
    while True:
        day = _next_date(rule, day)
        # Moving a whole day eastwards, the next date begins at the instant that has just been.
        if (found := _on(rule, zone, day)).at > last.at:
            return found


def as_due(rule: Rule, zone: str, due: Due) -> Due | None:
    """The same occasion in this zone, or None if this rule has none of that name."""
    if isinstance(rule, Every):
        fits = "T" in due.occasion and (due.at - _EPOCH) % (rule.hours * _HOUR) == timedelta(0)
        return _hourly(due.at) if fits else None
    if "T" in due.occasion:
        return None
    day = date.fromisoformat(due.occasion)
    return _on(rule, zone, day) if _next_date(rule, day - _DAY) == day else None


def instant_of(day: date, at: time, zone: str) -> datetime:
    """The instant (UTC) at which a clock in `zone` first shows `at` on `day`; if it never does, because it is put
    forward over it, the instant at which it is put forward."""
    there = ZoneInfo(zone)
    wall = datetime.combine(day, at.replace(fold=0))
    later = wall.replace(tzinfo=there).astimezone(UTC)
    if later.astimezone(there).replace(tzinfo=None) == wall:
        return later
    # In a gap the two readings of the wall lie on either side of the change.
    before, after = wall.replace(tzinfo=there, fold=1).astimezone(UTC), later
    offset = after.astimezone(there).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(there).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def said(rule: Rule) -> str:
    """The rule in words, such as "every day at 2:40 am"."""
    match rule:
        case Daily(at):
            return say("every day at %(time)s", time=clock(at))
        case Weekly(weekday, at):
            return say("every %(weekday)s at %(time)s", weekday=say(WEEKDAYS[weekday]), time=clock(at))
        case Monthly(1, at):
            return say("on the first of every month at %(time)s", time=clock(at))
        case Monthly(day, at):
            return say("on day %(day)s of every month, or its last, at %(time)s", day=day, time=clock(at))
        case Every(hours):
            return say_of("every hour", "every %(n)s hours", hours)


def clock(at: time) -> str:
    """`8:30 am`."""
    return half_day(f"{at.hour % 12 or 12}:{at:%M}", at.hour)


def _hourly(at: datetime) -> Due:
    return Due(at, f"{at:%Y-%m-%dT%H:%MZ}")


def _on(rule: Daily | Weekly | Monthly, zone: str, day: date) -> Due:
    return Due(instant_of(day, rule.at, zone), day.isoformat())


def _next_date(rule: Daily | Weekly | Monthly, day: date) -> date:
    """The first date of the rule after `day`."""
    if isinstance(rule, Daily):
        return day + _DAY
    if isinstance(rule, Weekly):
        return day + _DAY * ((rule.weekday - day.weekday() - 1) % 7 + 1)
    found = _in_month(rule, day.year, day.month)
    if found > day:
        return found
    first_of_next = (day.replace(day=1) + 32 * _DAY).replace(day=1)
    return _in_month(rule, first_of_next.year, first_of_next.month)


def _in_month(rule: Monthly, year: int, month: int) -> date:
    return date(year, month, min(rule.day, monthrange(year, month)[1]))
