"""One second before, at and after every threshold of every ladder, in every year it stood: made from the tables."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from billing_medicare.plugin import RULES
from billing_medicare.rules.book import BOOK
from carewright_plugin_api.examples import spent, typical_month
from carewright_plugin_api.facts import DecisionLevel, MonthFacts
from carewright_plugin_api.testing import check_rules

LEVELS = {"ccm_complex": "high", "ccm_staff": "low", "ccm_practitioner": "low"}


def rows() -> Iterator[tuple[str, str]]:
    """(ladder, month): a month within each final row of each ladder, the first and the last of it."""
    for ladder in LEVELS:
        for row in BOOK.history(f"ladder.{ladder}"):
            if row.status == "FINAL" and row.ends is not None:
                yield ladder, f"{row.starts:%Y-%m}"
                yield ladder, f"{row.ends:%Y-%m}"


def month_with(ladder: str, month: str, minutes: int, seconds: int) -> MonthFacts:
    """`minutes` and `seconds` of the people the ladder counts, everything else in order."""
    role = "practitioner" if ladder == "ccm_practitioner" else "staff"
    entries = spent(minutes, month, role=role)
    *before, last = entries
    entries = (*before, replace(last, end=last.end + timedelta(seconds=seconds)))
    level = DecisionLevel("ccm", LEVELS[ladder])
    facts = typical_month(month, entries=entries, decision_levels=(level,))
    # Until 2019 complex also asked for a plan revised in the month.
    (plan,) = facts.plans
    revised = replace(
        plan, dated_on=facts.first_day, copy_given_on=facts.first_day, substantially_revised=True
    )
    return replace(facts, plans=(revised,))


def thresholds(ladder: str, month: str) -> list[tuple[int, str, int]]:
    """(minutes, code, units) of every unit of the ladder in that month, straight from the tables."""
    day = date.fromisoformat(f"{month}-28")
    members = BOOK.on(f"ladder.{ladder}", day).table
    found = []
    for code in members.values():
        table = BOOK.on(f"code.{code}", day).table
        limits = [
            table.get("units"),
            BOOK.on(f"mue.{code}", day).table["units"] if BOOK.known(f"mue.{code}", day) else None,
        ]
        most = min(limit for limit in limits if limit is not None)
        found += [(table["minutes"] + n * table.get("step", 0), code, n + 1) for n in range(most)]
    return sorted(found)


def units(facts: MonthFacts, code: str) -> int:
    (decision,) = RULES.decide([facts])
    return sum(line.units for line in decision.lines if line.code == code)


@pytest.mark.parametrize(("ladder", "month"), sorted(set(rows())))
def test_a_second_short_is_short_and_a_second_over_is_no_more(ladder: str, month: str) -> None:
    for minutes, code, unit in thresholds(ladder, month):
        assert units(month_with(ladder, month, minutes, -1), code) == unit - 1, (minutes, code)
        assert units(month_with(ladder, month, minutes, 0), code) == unit, (minutes, code)
        assert units(month_with(ladder, month, minutes, +1), code) == unit, (minutes, code)


@pytest.mark.parametrize(("ladder", "month"), sorted(set(rows())))
def test_no_number_of_minutes_earns_more_than_the_cap(ladder: str, month: str) -> None:
    *_, (last, code, most) = thresholds(ladder, month)
    assert units(month_with(ladder, month, last + 300, 0), code) == most


@pytest.mark.parametrize("month", ["2015-06", "2019-06", "2020-06", "2021-06", "2024-03", "2026-03"])
@pytest.mark.parametrize("level", ["low", "high"])
def test_every_minute_count_gives_a_storable_answer(month: str, level: str) -> None:
    months = [
        typical_month(month, entries=spent(minutes, month), decision_levels=(DecisionLevel("ccm", level),))
        for minutes in (0, 1, 19, 20, 30, 39, 40, 59, 60, 61, 89, 90, 120, 500, 2000)
    ]
    for facts, decision in zip(months, check_rules(RULES, months), strict=True):
        assert sum(line.units for line in decision.lines if line.code == "99439") <= 2
        assert bool(decision.lines) != bool(decision.holds), facts.month
