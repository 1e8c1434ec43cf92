"""How a decision's minutes add up, and that a sum which does not is said."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from carewright_plugin_api.decisions import Decision, LeftOut, MinutesCounted
from carewright_plugin_api.facts import Coverage, Entry, MonthFacts

from server.claims.adding_up import sum_behind, sums_of

NOON = datetime(2026, 10, 5, 16, tzinfo=UTC)


def entry(id: str, start: datetime, seconds: int) -> Entry:
    return Entry(id, "nora", "staff", start, start + timedelta(seconds=seconds), "ccm")


FACTS = MonthFacts(
    patient="ruth",
    month="2026-10",
    zone="America/Detroit",
    coverage=Coverage("c", "medicare_part_b", "", date(2020, 1, 1)),
    entries=(
        entry("a", NOON, 857),
        entry("b", NOON + timedelta(hours=1), 600),
        # Ten minutes over midnight of the last day on the practice's clock; four of them in October.
        entry("c", datetime(2026, 11, 1, 3, 56, tzinfo=UTC), 600),
    ),
)
DECISION = Decision(
    policy="accurate",
    minutes=(MinutesCounted("ccm", "staff", 857 + 300 + 240, 23, ("a", "b", "c")),),
    left_out=(LeftOut("b", 300, "X", "Half of it was another service.", "r"),),
)


def test_each_entry_is_told_left_out_and_counted_within_the_month() -> None:
    (total,) = sums_of(FACTS, DECISION)
    assert [(s.entry_id, s.told, s.left_out, s.counted) for s in total.shares] == [
        ("a", 857, 0, 857),
        ("b", 600, 300, 300),
        ("c", 240, 0, 240),
    ]
    assert total.agrees


def test_a_sum_that_does_not_come_out_is_said() -> None:
    wrong = replace(DECISION, minutes=(replace(DECISION.minutes[0], seconds=1_500),))
    (total,) = sums_of(FACTS, wrong)
    assert not total.agrees


def test_a_line_rests_on_the_total_of_its_entries_or_on_the_only_one_that_names_none() -> None:
    staff = MinutesCounted("ccm", "staff", 857, 14, ("a",))
    together = MinutesCounted("ccm", "together", 857 + 300, 19)
    both = replace(DECISION, minutes=(staff, together))
    alone = sum_behind("ccm", ["a"], FACTS, both)
    assert alone is not None
    assert alone.counted.who == "staff"
    shared = sum_behind("ccm", ["b", "a"], FACTS, both)
    assert shared is not None
    assert (shared.counted.who, shared.agrees, len(shared.shares)) == ("together", True, 2)
    assert sum_behind("pdcm", ["a"], FACTS, both) is None
    assert sum_behind("ccm", [], FACTS, both) is None
