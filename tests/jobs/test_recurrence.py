"""P12, the pure part: every occasion once, in every zone there is, through thirty years of clocks that change."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.recurrence import (
    Daily,
    Due,
    Every,
    Monthly,
    Weekly,
    as_due,
    first_after,
    following,
    instant_of,
    said,
)

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
FIRST, LAST = date(2015, 1, 1), date(2045, 12, 31)
DETROIT = "America/Detroit"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def occasions(rule: Any, zone: str, start: datetime, number: int) -> list[Due]:
    found = [first_after(rule, zone, start)]
    while len(found) < number:
        found.append(following(rule, zone, found[-1]))
    return found


def test_a_time_that_does_not_exist_is_due_when_the_clocks_are_put_forward() -> None:
    # Detroit, Sunday 8 March 2026: 01:59:59 is followed by 03:00:00.
    assert instant_of(date(2026, 3, 8), time(2, 30), DETROIT) == utc(2026, 3, 8, 7)
    assert [d.at for d in occasions(Daily(time(2, 30)), DETROIT, utc(2026, 3, 7, 0), 3)] == [
        utc(2026, 3, 7, 7, 30), utc(2026, 3, 8, 7), utc(2026, 3, 9, 6, 30),
    ]  # fmt: skip


def test_a_time_that_comes_twice_is_due_the_first_time() -> None:
    # Detroit, Sunday 1 November 2026: 01:30 comes at 05:30 and at 06:30 UTC.
    assert [d.at for d in occasions(Daily(time(1, 30)), DETROIT, utc(2026, 10, 31, 0), 3)] == [
        utc(2026, 10, 31, 5, 30), utc(2026, 11, 1, 5, 30), utc(2026, 11, 2, 6, 30),
    ]  # fmt: skip


def test_every_so_many_hours_no_hour_is_lost_or_doubled_when_the_clocks_change() -> None:
    for start in (utc(2026, 3, 8, 0), utc(2026, 11, 1, 0)):
        assert [d.at for d in occasions(Every(1), DETROIT, start, 24)] == [
            start + timedelta(hours=n) for n in range(1, 25)
        ]
    assert [d.at.hour for d in occasions(Every(6), DETROIT, utc(2026, 3, 8, 1), 4)] == [6, 12, 18, 0]


@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    [
        (Monthly(31, time(3)), utc(2026, 1, 1), ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        (Monthly(31, time(3)), utc(2028, 2, 1), ["2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]),
        (Monthly(29, time(3)), utc(2027, 2, 1), ["2027-02-28", "2027-03-29", "2027-04-29", "2027-05-29"]),
        (Monthly(1, time(3)), utc(2026, 12, 1, 12), ["2027-01-01", "2027-02-01", "2027-03-01", "2027-04-01"]),
        (Weekly(0, time(3)), utc(2028, 2, 25), ["2028-02-28", "2028-03-06", "2028-03-13", "2028-03-20"]),
        (Daily(time(3)), utc(2028, 2, 27, 12), ["2028-02-28", "2028-02-29", "2028-03-01", "2028-03-02"]),
    ],
)
def test_month_ends_and_leap_days(rule: Any, start: datetime, expected: list[str]) -> None:
    assert [d.occasion for d in occasions(rule, DETROIT, start, 4)] == expected


def test_a_day_that_a_country_skipped_has_its_occasion_when_the_clocks_jump() -> None:
    # Samoa went from 29 to 31 December 2011.
    found = occasions(Daily(time(3)), "Pacific/Apia", utc(2011, 12, 29, 0), 3)
    assert [(d.occasion, d.at) for d in found] == [
        ("2011-12-29", utc(2011, 12, 29, 13)), ("2011-12-30", utc(2011, 12, 30, 10)), ("2011-12-31", utc(2011, 12, 30, 13)),
    ]  # fmt: skip


@cache
def changes(zone: str) -> tuple[datetime, ...]:
    """The instants of 2015 to 2045 at which the zone's clocks change, to the minute, found by looking."""
    there = ZoneInfo(zone)
    found = []
    at, end = utc(2015, 1, 1), utc(2046, 1, 1)
    before = at.astimezone(there).utcoffset()
    while at < end:
        after = at + timedelta(days=14)
        offset = after.astimezone(there).utcoffset()
        if offset != before:
            low, high = at, after
            while high - low > timedelta(minutes=1):
                middle = low + timedelta(minutes=((high - low) // timedelta(minutes=2)))
                low, high = (
                    (middle, high) if middle.astimezone(there).utcoffset() == before else (low, middle)
                )
            found.append(high)
        at, before = after, offset
    return tuple(found)


def looked_up(rule: Daily, zone: str, start: datetime, hours: int) -> dict[str, datetime]:
    """Date -> when it is due, by walking through the time minute by minute: no arithmetic on clocks at all."""
    there = ZoneInfo(zone)
    found: dict[str, datetime] = {}
    wall = start.astimezone(there).replace(tzinfo=None)
    for minute in range(1, hours * 60):
        at = start + timedelta(minutes=minute)
        now = at.astimezone(there).replace(tzinfo=None)
        for day in {wall.date(), now.date()}:
            mark = datetime.combine(day, rule.at)
            if wall < mark <= now:
                found.setdefault(day.isoformat(), at)
        wall = now
    return found


def check_around(change: datetime, rule: Daily, zone: str) -> None:
    start = change - timedelta(hours=16)
    expected = looked_up(rule, zone, start, 44)
    due = first_after(rule, zone, start)
    found = {}
    while due.at < start + timedelta(hours=43):
        assert due.occasion not in found, "doubled"
        found[due.occasion] = due.at
        after = following(rule, zone, due)
        assert after.at > due.at
        assert as_due(rule, zone, due) == due
        due = after
    assert found == {day: at for day, at in expected.items() if at < start + timedelta(hours=43)}


def test_every_zone_around_one_of_its_changes(record_property: Any) -> None:
    """Every zone at least once, at the minute of the gap or the fold and on both sides of it."""
    checked = 0
    for number, zone in enumerate(ZONES):
        moments = changes(zone) or (utc(2015 + number % 30, 1 + number % 12, 15, number % 24),)
        change = moments[number % len(moments)]
        wall = change.astimezone(ZoneInfo(zone))
        minutes = timedelta(minutes=(0, -30, 30)[number % 3])
        check_around(change, Daily((wall + minutes).time().replace(second=0)), zone)
        checked += 1
    record_property(
        "count", f"P12: {len(ZONES)} zones, {checked} nights around a change of clocks: 0 missed, 0 doubled"
    )


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_zone_any_change_any_time(data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(ZONES))
    moments = changes(zone) or (utc(2030, 6, 15),)
    at = data.draw(st.times()).replace(second=0, microsecond=0, tzinfo=None)
    check_around(data.draw(st.sampled_from(moments)), Daily(at), zone)


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    year=st.integers(2015, 2044),
    day=st.integers(1, 31),
    weekday=st.integers(0, 6),
    at=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
)
def test_a_year_holds_each_occasion_once(zone: str, year: int, day: int, weekday: int, at: time) -> None:
    start, end = (instant_of(date(y, 1, 1), at, zone) - timedelta(seconds=1) for y in (year, year + 1))
    days = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    sundays = sum((date(year, 1, 1) + timedelta(days=n)).weekday() == weekday for n in range(days))
    for rule, number in ((Daily(at), days), (Monthly(day, at), 12), (Weekly(weekday, at), sundays)):
        found = [due for due in occasions(rule, zone, start, number + 1) if due.at <= end]
        assert len({due.occasion for due in found}) == len(found) == number
        assert all(a.at < b.at and a.occasion < b.occasion for a, b in pairwise(found))
        if isinstance(rule, Monthly):
            assert {due.occasion[:7] for due in found} == {f"{year}-{m:02d}" for m in range(1, 13)}


@settings(max_examples=200, deadline=None)
@given(
    one=st.sampled_from(ZONES),
    other=st.sampled_from(ZONES),
    instant=st.datetimes(datetime(2015, 1, 1), datetime(2045, 1, 1), timezones=st.just(UTC)),
    at=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
)
def test_moving_to_another_zone_repeats_no_date(one: str, other: str, instant: datetime, at: time) -> None:
    last = first_after(Daily(at), one, instant)
    after = following(Daily(at), other, last)
    assert after.occasion > last.occasion
    assert after.at > last.at
    # Never more than the next date, but for the one date that begins at the very instant that has been.
    ahead = date.fromisoformat(after.occasion) - date.fromisoformat(last.occasion)
    assert (
        ahead <= timedelta(days=1)
        or instant_of(date.fromisoformat(last.occasion) + timedelta(days=1), at, other) <= last.at
    )


def test_a_rule_says_itself() -> None:
    assert said(Daily(time(2, 40))) == "every day at 2:40 am"
    assert said(Weekly(6, time(15))) == "every Sunday at 3:00 pm"
    assert said(Monthly(1, time(3))) == "on the first of every month at 3:00 am"
    assert said(Every(6)) == "every 6 hours"
