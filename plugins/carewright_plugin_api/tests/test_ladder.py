"""Counting: windows, joint meetings, thresholds, bands."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from carewright_plugin_api.facts import start_of_day
from carewright_plugin_api.ladder import (
    Band,
    Ladder,
    Rung,
    Span,
    Window,
    band_of,
    days_window,
    inside,
    length,
    month_window,
    once,
    outside,
)
from hypothesis import given
from hypothesis import strategies as st

NINE = datetime(2026, 3, 2, 14, tzinfo=UTC)


def span(name: str, start: int, end: int, person: str = "ana", joint: str | None = None) -> Span:
    """Minutes after nine."""
    return Span(name, person, NINE + timedelta(minutes=start), NINE + timedelta(minutes=end), joint)


def test_nothing_lies_in_what_would_end_before_it_starts() -> None:
    written = days_window(date(2026, 3, 2), date(2026, 2, 20), "America/Detroit")
    assert inside([span("a", 0, 30)], written) == ()
    assert outside([span("a", 0, 30)], [written]) == (span("a", 0, 30),)
    backwards = Window.between(NINE + timedelta(minutes=10), NINE)
    assert inside([span("a", 0, 30)], backwards) == ()
    assert once(outside([span("a", 0, 30)], [backwards])).minutes == 30


def test_different_people_add_in_the_same_hour() -> None:
    assert once([span("a", 0, 10), span("b", 0, 10, "ben")]).minutes == 20


def test_one_person_counts_once() -> None:
    tally = once([span("a", 0, 10), span("b", 5, 15)])
    assert tally.minutes == 15
    assert length(tally.repeated) == timedelta(minutes=5)


def test_of_a_joint_meeting_the_longest_stay_counts() -> None:
    tally = once(
        [span("a", 0, 10, joint="m"), span("b", 2, 14, "ben", joint="m"), span("c", 0, 3, "cleo", joint="m")]
    )
    assert tally.minutes == 12
    assert tally.entry_ids == ("b",)


def test_two_meetings_are_two() -> None:
    assert once([span("a", 0, 10, joint="m"), span("b", 20, 30, "ben", joint="n")]).minutes == 20


def test_alone_beside_the_meeting_counts() -> None:
    spans = [span("a", 0, 15, joint="m"), span("b", 0, 15, "ben", joint="m"), span("c", 10, 20, "ben")]
    assert once(spans).minutes == 20


def test_seconds_are_added_before_anything_is_floored() -> None:
    pieces = [
        Span(str(n), "ana", NINE + timedelta(hours=n), NINE + timedelta(hours=n, seconds=400, milliseconds=0))
        for n in range(3)
    ]
    assert (once(pieces).minutes, once(pieces).seconds) == (20, 1200)


def test_no_rounding_up() -> None:
    almost = Span("a", "ana", NINE, NINE + timedelta(minutes=20) - timedelta(microseconds=1))
    assert (once([almost]).minutes, once([almost]).seconds) == (19, 1199)


def test_when_a_number_of_minutes_was_reached() -> None:
    tally = once([span("a", 0, 10), span("b", 60, 75, "ben"), span("c", 60, 70, "cleo")])
    assert tally.reached_at(10) == NINE + timedelta(minutes=10)
    assert tally.reached_at(20) == NINE + timedelta(minutes=65)  # two people at once
    assert tally.reached_at(35) == NINE + timedelta(minutes=75)
    with pytest.raises(ValueError, match="35 minutes were counted, not 36"):
        tally.reached_at(36)


@pytest.mark.parametrize(
    ("first", "hours"),
    [
        ("2026-03-01", 31 * 24 - 1),
        ("2026-11-01", 30 * 24 + 1),
        ("2026-02-01", 28 * 24),
        ("2024-02-01", 29 * 24),
    ],
)
def test_a_month_on_the_wall_clock(first: str, hours: int) -> None:
    window = month_window(date.fromisoformat(first), "America/Detroit")
    assert window.starts is not None
    assert window.ends is not None
    assert window.ends - window.starts == timedelta(hours=hours)


def test_whole_days() -> None:
    window = days_window(date(2026, 3, 8), date(2026, 3, 8), "America/Detroit")
    assert window.starts == start_of_day(date(2026, 3, 8), "America/Detroit")
    assert window.ends == datetime(2026, 3, 9, 4, tzinfo=UTC)


def test_outside_of_any_windows_nothing_without_length_is_left() -> None:
    at = datetime(2026, 9, 7, 14, tzinfo=UTC)
    later = at + timedelta(hours=1)
    spans = [
        Span("empty", "nora", at, at),
        Span("turned", "nora", later, at),
        Span("proper", "nora", at, later),
    ]
    for windows in ([], [Window(later, None)], [Window(None, at)], [Window(later, later)]):
        assert [piece.entry_id for piece in outside(spans, windows)] == ["proper"]


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    at = datetime(2026, 9, 7, 14, tzinfo=UTC)
    assert Window(at, at) == Window(at, at), "without length it is no mistake"
    with pytest.raises(ValueError, match=r"cannot end at 2026-09-07 13:59:59\.999999"):
        Window(at, at - timedelta.resolution)


def test_outside_of_a_window_without_ends_is_nothing() -> None:
    assert outside([span("a", 0, 10)], [Window()]) == ()
    assert outside([span("a", 0, 10)], []) == (span("a", 0, 10),)


LADDER = Ladder(Rung("base1", 20), Rung("addon", 40, step=20, units=2))


@pytest.mark.parametrize(
    ("minutes", "earned"),
    [
        (0, []),
        (19, []),
        (20, [("base1", 1)]),
        (39, [("base1", 1)]),
        (40, [("base1", 1), ("addon", 1)]),
        (59, [("base1", 1), ("addon", 1)]),
        (60, [("base1", 1), ("addon", 2)]),
        (80, [("base1", 1), ("addon", 2)]),
        (100_000, [("base1", 1), ("addon", 2)]),
    ],
)
def test_climbing(minutes: int, earned: list[tuple[str, int]]) -> None:
    assert [(rung.code, units) for rung, units in LADDER.climb(minutes)] == earned


def test_a_further_limit_only_narrows() -> None:
    assert LADDER.capped({"addon": 1}).climb(100)[1][1] == 1
    assert LADDER.capped({"addon": 9}).climb(100)[1][1] == 2
    assert LADDER.capped({"addon": None}).climb(100)[1][1] == 2


def test_what_a_unit_needs() -> None:
    assert [Rung("addon", 76, step=30, units=None).threshold(n) for n in (1, 2, 3)] == [76, 106, 136]
    assert Rung("addon", 76, step=30, units=None).earned(136) == 3


def test_bands() -> None:
    bands = [Band(5, 10, "a"), Band(11, None, "b")]
    found = [band_of(bands, minutes) for minutes in (4, 5, 10, 11, 999)]
    assert [band and band.code for band in found] == [None, "a", "a", "b", "b"]


# --- properties -------------------------------------------------------------------------------------------------

spans_of_a_day = st.lists(
    st.builds(
        lambda n, start, size, person, joint: Span(
            f"{n}-{start}-{size}-{person}-{joint}",
            person,
            NINE + timedelta(seconds=start),
            NINE + timedelta(seconds=start + size),
            joint,
        ),
        st.integers(0, 10**9),
        st.integers(0, 5000),
        st.integers(1, 3000),
        st.sampled_from(["ana", "ben", "cleo"]),
        st.sampled_from([None, None, "m"]),
    ),
    max_size=8,
    unique_by=lambda one: one.entry_id,
)


@given(spans_of_a_day, st.randoms())
def test_order_never_matters(spans: list[Span], random: Random) -> None:
    shuffled = list(spans)
    random.shuffle(shuffled)
    assert once(spans) == once(shuffled)


@given(spans_of_a_day, st.integers(0, 8000))
def test_splitting_never_changes_the_total(spans: list[Span], cut: int) -> None:
    at = NINE + timedelta(seconds=cut)
    halves = [*inside(spans, Window(None, at)), *inside(spans, Window(at, None))]
    renamed = [Span(f"{n}", s.person, s.start, s.end, s.joint) for n, s in enumerate(halves)]
    assert once(renamed).seconds == once(spans).seconds


@given(spans_of_a_day)
def test_nothing_is_counted_twice_and_nothing_is_lost(spans: list[Span]) -> None:
    tally = once(spans)
    assert length(tally.counted) + length(tally.repeated) == length(spans)
    for person in ("ana", "ben", "cleo"):
        mine = sorted((s.start, s.end) for s in tally.counted if s.person == person)
        assert all(end <= start for (_, end), (start, _) in pairwise(mine))


@given(st.integers(0, 10_000), st.integers(0, 5))
def test_never_more_than_the_cap(minutes: int, cap: int) -> None:
    assert Rung("addon", 40, step=20, units=cap).earned(minutes) <= cap


@given(
    st.dates(date(2000, 1, 1), date(2040, 12, 1)),
    st.sampled_from(["America/Detroit", "Europe/Dublin", "Asia/Kathmandu", "Pacific/Apia"]),
)
def test_months_follow_each_other_without_a_gap(day: date, zone: str) -> None:
    window = month_window(day.replace(day=1), zone)
    following = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
    assert window.ends == month_window(following, zone).starts
    assert window.starts is not None
    assert window.starts.astimezone(ZoneInfo(zone)).date() == day.replace(day=1)
