"""The arithmetic of a running timer: examples, then properties over true time, a clock that lies and pages that die."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.minutes import timing
from server.minutes.arithmetic import Span, split_by_month
from server.minutes.timing import BRIDGE, Gap, Heard, Run

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
FIVE = timedelta(minutes=5)
ZERO = timedelta(0)


def s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def beat(run: Run, at: float, counted: float, *bursts: tuple[float, float], page: str = "p") -> Run:
    """`bursts`: seconds ago."""
    ago = tuple((s(start), s(end)) for start, end in bursts)
    return timing.beaten(run, Heard(page, s(counted), ago), START + s(at), FIVE)


def counted(run: Run) -> float:
    return sum((span.lasts for span in timing.worked(run)), ZERO).total_seconds()


def gaps(run: Run) -> list[tuple[str, float, float]]:
    return [
        (g.kind, (g.span.start - START).total_seconds(), (g.span.end - START).total_seconds())
        for g in run.gaps
    ]


def steady(run: Run, start: int, end: int, *, page: str = "p", opened: int = 0, idle: bool = False) -> Run:
    """A page that beats every ten seconds, somebody at it all the while unless idle."""
    for at in range(start, end + 1, 10):
        run = beat(run, at, at - opened, *(() if idle else ((10.0, 0.0),)), page=page)
    return run


# --- examples -------------------------------------------------------------------------------------------------


def test_a_page_that_beats_counts_all_the_time() -> None:
    run = steady(timing.began(START), 0, 1200)
    assert (counted(run), gaps(run)) == (1200, [])


def test_a_line_that_was_down_is_made_good_by_the_page_that_counted_through_it() -> None:
    run = steady(timing.began(START), 0, 600)
    run = beat(run, 1500, 1500, (890, 0))
    assert (counted(run), gaps(run)) == (1500, [])


def test_a_page_cannot_count_more_than_the_servers_clock_allows() -> None:
    run = steady(timing.began(START), 0, 60)
    run = beat(run, 70, 90_000, (80_000, 0))
    assert counted(run) == 70


def test_a_reload_goes_on_and_a_long_absence_is_shown_and_not_counted() -> None:
    run = steady(timing.began(START), 0, 100)
    run = beat(run, 125, 0, page="reloaded")
    assert (counted(run), gaps(run)) == (125, [])
    run = beat(run, 125 + 240, 0, page="the next morning")
    assert (counted(run), gaps(run)) == (125, [("unseen", 125, 365)])


def test_two_pages_beat_one_timer() -> None:
    run = timing.began(START)
    for at in range(0, 601, 5):
        run = beat(run, at, at, (5, 0), page="ab"[at // 5 % 2])
    assert (counted(run), gaps(run)) == (600, [])


def test_what_one_page_missed_the_other_has_seen() -> None:
    run = steady(timing.began(START), 0, 100)
    run = beat(run, 400, 0, page="another")
    assert gaps(run) == [("unseen", 100, 400)]
    run = beat(run, 410, 410, (300, 0))
    assert (counted(run), gaps(run)) == (410, [])


def test_what_was_decided_stays_decided() -> None:
    run = beat(steady(timing.began(START), 0, 100), 400, 0, page="another")
    run = replace(run, gaps=tuple(replace(g, state="trimmed") for g in run.gaps))
    run = beat(run, 410, 410, (300, 0))
    assert (counted(run), gaps(run)) == (110, [("unseen", 100, 400)])


def test_a_silence_is_shown_once_somebody_is_back_and_not_counted() -> None:
    run = steady(timing.began(START), 0, 100)
    run = steady(run, 110, 500, idle=True)
    assert gaps(run) == []
    run = beat(run, 510, 510, (2, 0))
    assert (counted(run), gaps(run)) == (102, [("idle", 100, 508)])
    kept = replace(run, gaps=(replace(run.gaps[0], state="kept"),))
    assert counted(kept) == 510


def test_a_short_silence_is_nobodys_business() -> None:
    run = steady(timing.began(START), 0, 100)
    run = beat(steady(run, 110, 390, idle=True), 399, 399, (0, 0))
    assert gaps(run) == []


def test_a_silence_in_one_tab_is_none_while_another_is_worked_in() -> None:
    run = timing.began(START)
    for at in range(0, 1001, 5):
        busy = at // 5 % 2 == 0
        run = beat(run, at, at, *(((5, 0),) if busy else ()), page="busy" if busy else "left open")
    assert (counted(run), gaps(run)) == (1000, [])


def test_silences_during_a_lost_line_come_from_what_the_page_noted() -> None:
    run = steady(timing.began(START), 0, 100)
    run = beat(run, 1500, 1500, (1390, 1200), (600, 0))
    assert gaps(run) == [("idle", 300, 900)]
    assert counted(run) == 900


def test_stopping_ends_a_silence() -> None:
    run = steady(steady(timing.began(START), 0, 100), 110, 700, idle=True)
    run = timing.stopped(run, Heard("p", s(705)), START + s(705), FIVE)
    assert (counted(run), gaps(run)) == (100, [("idle", 100, 705)])


def test_stopping_while_the_line_is_down_counts_to_the_press() -> None:
    run = steady(timing.began(START), 0, 100)
    run = timing.stopped(run, Heard("p", s(160), ((s(60), ZERO),), ago=s(900)), START + s(1060), FIVE)
    assert (counted(run), gaps(run)) == (160, [])
    seen_since = steady(timing.began(START), 0, 300)
    cut = timing.stopped(seen_since, Heard("q", s(10), ago=s(100)), START + s(310), FIVE)
    assert counted(cut) == 210


def test_two_presses_without_a_page_count_in_full() -> None:
    run = timing.stopped(timing.began(START), None, START + s(2400), FIVE)
    assert (counted(run), gaps(run)) == (2400, [])


def test_left_alone_it_ends_where_it_was_seen_with_its_last_silence_shown() -> None:
    run = steady(steady(timing.began(START), 0, 100), 110, 500, idle=True)
    assert not timing.is_away(run, START + s(1000))
    assert timing.is_away(run, START + s(1100))
    run = timing.left(run, FIVE)
    assert (counted(run), gaps(run)) == (100, [("idle", 100, 500)])


@pytest.mark.parametrize("back", [3, 5, 14, 15, 16, 3600, 86_400])
def test_a_clock_that_jumps_back_loses_at_most_fifteen_seconds(back: int) -> None:
    run = steady(timing.began(START), 0, 600)
    for at in range(610, 1201, 10):
        run = beat(run, at - back, at, (10, 0))
    assert 1185 <= counted(run) <= 1200
    assert gaps(run) == []
    assert run.seen_at == START + s(1200 - back), "it ends by the clock as it is now"


def test_a_clock_that_jumps_forward_adds_nothing() -> None:
    run = steady(timing.began(START), 0, 600)
    for at in range(610, 1201, 10):
        run = beat(run, at + 3600, at, (10, 0))
    assert counted(run) == 1200
    assert gaps(run) == [("unseen", 600, 4200)]


def test_servers_whose_clocks_differ_a_little_neither_add_nor_lose() -> None:
    run = timing.began(START)
    for n, at in enumerate(range(0, 3601, 10)):
        run = beat(run, at + (2 if n % 2 else 0), at, (10, 0))
    assert abs(counted(run) - 3600) <= 2


def test_a_slow_line_loses_nothing_in_a_day() -> None:
    run = timing.began(START)
    for n in range(2881):  # eight hours; each beat is up to 900 ms on its way
        run = beat(run, n * 10 + (n * 37 % 10) / 11, n * 10, (10, 0))
    assert abs(counted(run) - 28_800) <= 1


def test_pages_are_written_beside_the_timer_and_read_again() -> None:
    run = beat(steady(timing.began(START), 0, 30), 35, 5, page="q")
    assert timing.pages_read(timing.pages_written(run.pages)) == run.pages


def test_only_the_newest_pages_are_remembered() -> None:
    run = timing.began(START)
    for n in range(40):
        run = beat(run, n, 0, page=f"p{n}")
    assert len(run.pages) == 12
    assert "p39" in run.pages


# --- properties -----------------------------------------------------------------------------------------------

_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["beat", "line down", "reload", "crash", "asleep", "clock"]),
        st.integers(1, 900),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


def lived(steps: list[tuple[str, int, bool]], *, jumps: bool) -> tuple[Run, float, float]:
    """A page's life: the run, true seconds from start to end, and those in which a page was open to be counted by."""
    true, offset, opened, name = 0.0, 0.0, 0.0, 0
    asleep = 0.0
    run = beat(timing.began(START), 0, 0, page="p0")
    alive = 0.0
    for what, seconds, busy in steps:
        if what == "clock":
            offset += (seconds if busy else -seconds) if jumps else 0
            continue
        true += seconds
        if what == "asleep":
            asleep += seconds
        elif what in ("reload", "crash"):
            opened, asleep, name = true, 0.0, name + 1
        else:
            alive += seconds
        bursts = ((float(seconds), 0.0),) if busy else ()
        run = beat(run, true + offset, true - opened - asleep, *bursts, page=f"p{name}")
    return run, true, alive


@given(_STEPS)
@settings(max_examples=400, deadline=None)
def test_never_longer_than_it_was_and_nothing_is_dropped(steps: list[tuple[str, int, bool]]) -> None:
    run, true, _ = lived(steps, jumps=False)
    assert counted(run) <= true
    whole = counted(run) + sum(g.span.lasts.total_seconds() for g in run.gaps)
    assert abs(whole - (run.seen_at - run.started_at).total_seconds()) <= 1
    assert run.seen_at == START + s(true)
    ordered = sorted(g.span for g in run.gaps)
    assert all(a.end <= b.start for a, b in pairwise(ordered))


@given(_STEPS)
@settings(max_examples=400, deadline=None)
def test_time_at_an_open_page_is_never_lost_whatever_the_line_did(steps: list[tuple[str, int, bool]]) -> None:
    """Somebody who works all the while loses nothing of what a page was open for."""
    steps = [(what, seconds, True) for what, seconds, _ in steps]
    run, _, alive = lived(steps, jumps=False)
    assert counted(run) >= alive - 1


@given(_STEPS)
@settings(max_examples=400, deadline=None)
def test_a_clock_that_jumps_never_makes_it_longer_than_it_was(steps: list[tuple[str, int, bool]]) -> None:
    run, true, _ = lived(steps, jumps=True)
    jumped = sum(1 for what, *_ in steps if what == "clock")
    # After a jump nobody can tell a short absence from none: one bridge each, as with a reload.
    assert counted(run) <= true + jumped * (BRIDGE + timing.STEP).total_seconds()


@given(st.lists(st.integers(1, 120), min_size=1, max_size=30), st.integers(1, 3600))
@settings(deadline=None)
def test_more_beats_change_nothing(pauses: list[int], more: int) -> None:
    total = sum(pauses) + more
    once = beat(beat(timing.began(START), 0, 0), total, total, (total, 0))
    often, at = beat(timing.began(START), 0, 0), 0
    for pause in [*pauses, more]:
        at += pause
        often = beat(often, at, at, (pause, 0))
    assert timing.worked(once) == timing.worked(often) == [Span(START, START + s(total))]


@pytest.mark.parametrize(
    "zone", ["America/Detroit", "America/Chicago", "Europe/Lisbon", "Australia/Lord_Howe"]
)
@pytest.mark.parametrize(
    "moment",
    ["2026-03-08T01:30", "2026-11-01T00:30", "2028-02-28T23:30", "2028-02-29T23:30", "2026-12-31T23:30",
     "2026-03-29T00:30", "2026-10-25T00:30", "2026-04-05T01:30", "2026-10-04T01:30"],
)  # fmt: skip
def test_nights_on_which_clocks_change_leap_days_and_month_ends_are_elapsed_time(
    zone: str, moment: str
) -> None:
    start = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    run = timing.began(start)
    for at in range(0, 7201, 10):
        run = timing.beaten(run, Heard("p", s(at), ((s(10), ZERO),)), start + s(at), FIVE)
    (span,) = timing.worked(run)
    assert span.lasts == timedelta(hours=2)
    parts = split_by_month(span, zone)
    assert sum((part.lasts for _, part in parts), ZERO) == timedelta(hours=2)


def test_cutting_and_shifting_keep_what_they_should() -> None:
    run = Run(START, START + s(600), START + s(600), (Gap(Span(START + s(100), START + s(300)), "idle"),))
    assert counted(timing.cut(run, START + s(200))) == 100
    assert counted(timing.cut(run, START)) == 0
    assert counted(timing.shifted(run, s(77))) == counted(run) == 400
