"""The arithmetic of minutes: examples first, then properties over many days, zones and meetings."""

import itertools
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.enrollment.days import Life
from server.errors import Refused
from server.minutes.arithmetic import (
    Span,
    Worked,
    check_span,
    merged,
    month_span,
    months_touched,
    overlap_refusal,
    overlapping,
    sliced,
    slices,
    split_by_month,
    totals,
    whole_minutes,
    whole_seconds,
    without,
)

DETROIT = "America/Detroit"
ZONES = st.sampled_from(
    [
        DETROIT,
        "America/Chicago",
        "Pacific/Honolulu",
        "America/St_Johns",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "UTC",
    ]
)
INSTANTS = st.datetimes(datetime(2019, 1, 1), datetime(2031, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
SPANS = st.builds(
    lambda start, seconds: Span(start, start + timedelta(seconds=seconds)), INSTANTS, st.integers(1, 86_400)
)
#: spans close together, so that they overlap often
NEAR = st.builds(
    lambda start, seconds: Span(
        at("2026-03-01T00:00") + timedelta(seconds=start),
        at("2026-03-01T00:00") + timedelta(seconds=start + seconds),
    ),
    st.integers(0, 4_000),
    st.integers(1, 1_500),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Span:
    return Span(at(start), at(end))


# --- elapsed time ---------------------------------------------------------------------------------------------


def test_minutes_are_floored_once_and_never_rounded_up() -> None:
    assert whole_minutes(19 * 60 + 59) == 19
    halves = [timedelta(minutes=10, seconds=30)] * 2
    assert whole_minutes(whole_seconds(sum(halves, timedelta()))) == 21


def test_on_the_night_clocks_go_back_elapsed_time_counts() -> None:
    # 1:30 EDT to 1:30 EST: the clock on the wall shows no time passing, an hour did.
    night = span("2026-11-01T05:30", "2026-11-01T06:30")
    assert night.lasts == timedelta(hours=1)
    assert split_by_month(night, DETROIT) == [("2026-11", night)]


def test_on_the_night_clocks_go_forward_no_hour_is_invented() -> None:
    # 1:30 EST to 3:30 EDT reads as two hours and is one.
    assert span("2026-03-08T06:30", "2026-03-08T07:30").lasts == timedelta(hours=1)


# --- months ---------------------------------------------------------------------------------------------------


def test_a_month_begins_at_the_practices_midnight() -> None:
    assert month_span("2026-11", DETROIT) == span("2026-11-01T04:00", "2026-12-01T05:00")
    assert month_span("2024-02", DETROIT).lasts == timedelta(days=29)
    assert month_span("2026-02", DETROIT).lasts == timedelta(days=28)


def test_a_span_over_the_month_edge_is_cut_there_and_nothing_is_carried() -> None:
    call = span("2026-02-01T04:50", "2026-02-01T05:15")
    assert split_by_month(call, DETROIT) == [
        ("2026-01", span("2026-02-01T04:50", "2026-02-01T05:00")),
        ("2026-02", span("2026-02-01T05:00", "2026-02-01T05:15")),
    ]
    assert months_touched(call, "America/Chicago") == ["2026-01"]


def test_a_span_that_ends_at_midnight_leaves_the_next_month_alone() -> None:
    assert months_touched(span("2026-02-01T04:00", "2026-02-01T05:00"), DETROIT) == ["2026-01"]


def test_the_leap_day_belongs_to_february() -> None:
    assert months_touched(span("2024-03-01T04:00", "2024-03-01T06:00"), DETROIT) == ["2024-02", "2024-03"]


@given(SPANS, ZONES)
@example(span("2026-11-01T03:30", "2026-11-01T07:30"), DETROIT)
@example(span("2024-02-29T12:00", "2024-03-01T11:59"), "Pacific/Honolulu")
def test_cutting_by_month_loses_and_adds_no_time(whole: Span, zone: str) -> None:
    parts = split_by_month(whole, zone)
    assert sum((part.lasts for _, part in parts), timedelta()) == whole.lasts
    assert parts[0][1].start == whole.start
    assert parts[-1][1].end == whole.end
    assert all(one.end == other.start for (_, one), (_, other) in itertools.pairwise(parts))
    assert all(part.within(month_span(month, zone)) == part for month, part in parts)


# --- overlaps -------------------------------------------------------------------------------------------------


def test_touching_spans_do_not_overlap() -> None:
    morning = span("2026-03-02T14:00", "2026-03-02T14:20")
    assert overlapping(morning, [span("2026-03-02T14:20", "2026-03-02T14:30")]) == []
    late = span("2026-03-02T14:19", "2026-03-02T14:30")
    assert overlapping(morning, [late]) == [late]


def test_an_overlap_is_told_with_the_other_times_and_no_name() -> None:
    refused = overlap_refusal(
        span("2026-03-02T14:10", "2026-03-02T14:30"),
        span("2026-03-02T14:00", "2026-03-02T14:20"),
        DETROIT,
        same_patient=False,
    )
    assert refused.code == "OVERLAPS"
    assert "2 March 2026, 9:00 am to 9:20 am" in refused.message


@given(st.lists(NEAR, max_size=12))
def test_merging_counts_every_instant_once(spans: list[Span]) -> None:
    result = merged(spans)
    assert all(one.end < other.start for one, other in itertools.pairwise(result))
    seconds = {
        start for one in spans for start in range(int(one.start.timestamp()), int(one.end.timestamp()))
    }
    assert sum(whole_seconds(one.lasts) for one in result) == len(seconds)


@given(st.lists(NEAR, max_size=8), st.lists(NEAR, max_size=8))
def test_what_is_left_and_what_was_taken_make_the_whole(spans: list[Span], taken: list[Span]) -> None:
    left = without(spans, taken)
    assert not any(one.meets(other) for one in left for other in taken)
    assert merged([*left, *taken]) == merged([*spans, *taken])


# --- meetings -------------------------------------------------------------------------------------------------


@given(SPANS, st.integers(1, 9))
def test_slices_are_equal_to_the_second_and_leave_no_gap(whole: Span, number: int) -> None:
    parts = slices(whole, number)
    assert (parts[0].start, parts[-1].end) == (whole.start, whole.end)
    assert all(one.end == other.start for one, other in itertools.pairwise(parts))
    lengths = [part.lasts for part in parts]
    assert max(lengths) - min(lengths) < timedelta(seconds=2)


MARIA, JAMES = UUID(int=1), UUID(int=2)
NORA, LIN, FRED = UUID(int=11), UUID(int=12), UUID(int=13)
MEETING = UUID(int=21)


def worked(
    number: int, start: str, end: str, *, patient: UUID = MARIA, who: UUID = NORA, role: str = "staff",
    joint: UUID | None = None, counts: bool = True,
) -> Worked:  # fmt: skip
    return Worked(UUID(int=100 + number), patient, "ccm", who, role, span(start, end), joint, counts)


def test_separate_work_in_the_same_hour_adds_up() -> None:
    entries = [
        worked(1, "2026-03-02T14:00", "2026-03-02T14:12"),
        worked(2, "2026-03-02T14:00", "2026-03-02T14:10", who=FRED),
    ]
    assert totals(entries, DETROIT) == {(MARIA, "ccm", "2026-03", "staff"): 22 * 60}


def test_a_meeting_counts_one_persons_time() -> None:
    entries = [
        worked(1, "2026-03-02T14:00", "2026-03-02T14:15", joint=MEETING),
        worked(2, "2026-03-02T14:00", "2026-03-02T14:15", who=FRED, joint=MEETING),
    ]
    assert totals(entries, DETROIT) == {(MARIA, "ccm", "2026-03", "staff"): 15 * 60}


def test_in_a_meeting_the_practitioner_counts_where_staff_was_not() -> None:
    entries = [
        worked(1, "2026-03-02T14:00", "2026-03-02T14:10", joint=MEETING),
        worked(2, "2026-03-02T14:05", "2026-03-02T14:25", who=LIN, role="practitioner", joint=MEETING),
        worked(3, "2026-03-02T14:00", "2026-03-02T14:30", who=FRED, role="admin", joint=MEETING),
    ]
    assert totals(entries, DETROIT) == {
        (MARIA, "ccm", "2026-03", "staff"): 10 * 60,
        (MARIA, "ccm", "2026-03", "practitioner"): 15 * 60,
        (MARIA, "ccm", "2026-03", "admin"): 5 * 60,
    }


def test_a_meeting_about_two_people_is_shared_between_them() -> None:
    entries = [
        worked(1, "2026-03-02T14:00", "2026-03-02T14:30", joint=MEETING),
        worked(2, "2026-03-02T14:00", "2026-03-02T14:30", patient=JAMES, joint=MEETING),
    ]
    assert totals(entries, DETROIT) == {
        (MARIA, "ccm", "2026-03", "staff"): 15 * 60,
        (JAMES, "ccm", "2026-03", "staff"): 15 * 60,
    }


def test_what_belongs_to_another_service_is_not_counted_but_keeps_its_slice() -> None:
    entries = [
        worked(1, "2026-03-02T14:00", "2026-03-02T14:30", joint=MEETING, counts=False),
        worked(2, "2026-03-02T14:00", "2026-03-02T14:30", patient=JAMES, joint=MEETING),
    ]
    assert totals(entries, DETROIT) == {(JAMES, "ccm", "2026-03", "staff"): 15 * 60}


@given(st.lists(st.tuples(NEAR, st.sampled_from([MARIA, JAMES]), st.booleans()), max_size=10))
def test_one_persons_minutes_are_never_counted_twice(rows: list[tuple[Span, UUID, bool]]) -> None:
    entries = [
        Worked(UUID(int=n), patient, "ccm", NORA, "staff", one, MEETING if joint else None)
        for n, (one, patient, joint) in enumerate(rows)
    ]
    per_patient = totals(entries, DETROIT)
    for patient in (MARIA, JAMES):
        own = [entry.span for entry in sliced(entries) if entry.patient_id == patient]
        assert per_patient.get((patient, "ccm", "2026-02", "staff"), 0) <= sum(
            whole_seconds(one.lasts) for one in own
        )


# --- what may be entered --------------------------------------------------------------------------------------

NOW = at("2026-11-20T15:00")
LIFE = Life(date(1948, 3, 9), None, NOW, DETROIT)


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        ("2026-11-20T14:30", "2026-11-20T14:30", "ENDS_BEFORE_START"),
        ("2026-11-20T14:30", "2026-11-20T14:20", "ENDS_BEFORE_START"),
        ("2026-11-20T14:50", "2026-11-20T15:00:01", "ENDS_IN_FUTURE"),
        ("2026-11-18T14:00", "2026-11-19T14:00:01", "TOO_LONG"),
        ("1948-03-08T14:00", "1948-03-08T15:00", "DATED_BEFORE_BIRTH"),
        ("2026-11-13T13:00", "2026-11-13T14:59", "LATE_WITHOUT_REASON"),
    ],
)
def test_an_impossible_span_is_refused_with_its_code(start: str, end: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        check_span(LIFE, span(start, end), reason="")
    assert refused.value.code == code
    assert refused.value.next_step


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("2026-11-20T14:50", "2026-11-20T15:00", ""),
        ("2026-11-18T14:00", "2026-11-19T14:00", ""),
        ("2026-11-13T14:40", "2026-11-13T15:00", ""),  # seven days to the second
        ("2025-01-01T14:40", "2025-01-01T15:00", "found in the paper diary"),
    ],
)
def test_a_possible_span_passes(start: str, end: str, reason: str) -> None:
    check_span(LIFE, span(start, end), reason=reason)


def test_the_day_somebody_died_still_counts_and_the_next_does_not() -> None:
    life = Life(date(1948, 3, 9), date(2026, 11, 18), NOW, DETROIT)
    check_span(life, span("2026-11-19T04:30", "2026-11-19T05:00"), reason="")
    with pytest.raises(Refused) as refused:
        check_span(life, span("2026-11-19T04:30", "2026-11-19T05:00:01"), reason="")
    assert refused.value.code == "DATED_AFTER_DEATH"
