"""A second before, at and after every threshold of every code, year and policy, in every way a month can be spent.

The thresholds, caps and rates are read from the plugin's own dated values; what should come of them is reckoned here
once more, by looking at every permitted answer, and nothing is shared with the rules but the numbers.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from billing_medicare.plugin import RULES
from billing_medicare.rules.book import BOOK
from carewright_plugin_api import effective
from carewright_plugin_api.boundaries import around
from carewright_plugin_api.examples import ZONE, spent, typical_month
from carewright_plugin_api.facts import DecisionLevel, Entry, MonthFacts, Policy
from carewright_plugin_api.ladder import Tally
from carewright_plugin_api.testing import check_rules, units_of

LADDERS = ("ccm_staff", "ccm_practitioner", "ccm_complex")
YEARS = range(2015, 2027)
POLICIES: tuple[Policy, ...] = ("accurate", "max")
Answer = dict[str, int]


def thresholds(ladder: str, day: date) -> list[tuple[int, str, int]]:
    """(minutes, code, units) of every unit of the ladder on that day, straight from the tables."""
    if not BOOK.known(f"ladder.{ladder}", day):
        return []
    found = []
    for code in BOOK.on(f"ladder.{ladder}", day).table.values():
        table = BOOK.on(f"code.{code}", day).table
        edit = BOOK.on(f"mue.{code}", day).table["units"] if BOOK.known(f"mue.{code}", day) else None
        most = min(limit for limit in (table.get("units"), edit) if limit is not None)
        found += [(table["minutes"] + n * table.get("step", 0), code, n + 1) for n in range(most)]
    return sorted(found)


def expected(day: date, staff: int, practitioner: int, *, high: bool, policy: Policy, tables: Any) -> Answer:
    """The answer for so many seconds, from the tables alone."""
    answers: dict[str, Answer] = {}
    for ladder in LADDERS:
        seconds = practitioner if ladder == "ccm_practitioner" else staff + practitioner
        if ladder != "ccm_complex" or high:
            answers[ladder] = {
                code: units for minutes, code, units in tables[ladder] if seconds >= minutes * 60
            }
    answers = {ladder: answer for ladder, answer in answers.items() if answer}
    if policy == "max" and answers and BOOK.known("fee.standard.99490", day):
        return max(answers.values(), key=lambda answer: worth(answer, day))
    base = tables["ccm_staff"][0][0]
    for ladder in ("ccm_complex", "ccm_practitioner", "ccm_staff"):
        if ladder in answers and (ladder != "ccm_practitioner" or staff < base * 60):
            return answers[ladder]
    return {}


def worth(answer: Answer, day: date) -> Decimal:
    rates = {code: BOOK.on(f"fee.standard.{code}", day).table["non_facility"] for code in answer}
    return sum((Decimal(rates[code]) * units for code, units in answer.items()), Decimal(0))


def facts_with(month: str, entries: tuple[Entry, ...], policy: Policy, *, high: bool) -> MonthFacts:
    level = DecisionLevel("ccm", "high" if high else "low")
    facts = typical_month(month, entries=entries, decision_levels=(level,), policy=policy)
    # Until 2019 complex also asked for a plan revised in the month.
    (plan,) = facts.plans
    revised = replace(
        plan, dated_on=facts.first_day, copy_given_on=facts.first_day, substantially_revised=True
    )
    return replace(facts, plans=(revised,))


def cases(month: str, ways: Sequence[str] = ()) -> list[tuple[str, MonthFacts, Answer]]:
    """Every threshold of the month, from both sides of it, under both policies and levels; ways: all if empty."""
    made = []
    day = typical_month(month).last_day
    tables = {ladder: thresholds(ladder, day) for ladder in LADDERS}
    for role in ("staff", "practitioner"):
        for minutes in sorted({minutes for table in tables.values() for minutes, _, _ in table}):
            for way, beside, entries in around(minutes, month, role=role):
                if ways and way not in ways:
                    continue
                seconds = minutes * 60 + beside
                time = (seconds, 0) if role == "staff" else (0, seconds)
                for policy in POLICIES:
                    for high in (False, True):
                        wanted = expected(day, *time, high=high, policy=policy, tables=tables)
                        name = f"{month} {role} {minutes}m{beside:+}s {way} {policy} {high=}"
                        made.append((name, facts_with(month, entries, policy, high=high), wanted))
    return made


def mistakes(made: list[tuple[str, MonthFacts, Answer]]) -> list[str]:
    decisions = RULES.decide([facts for _, facts, _ in made])
    return [
        f"{name}: {units_of(decision.lines)}, not {wanted}"
        for (name, _, wanted), decision in zip(made, decisions, strict=True)
        if units_of(decision.lines) != wanted
        or [hold.code for hold in decision.holds] != ([] if wanted else ["BELOW_20"])
    ]


@pytest.mark.parametrize("year", YEARS)
def test_a_second_beside_every_threshold(year: int) -> None:
    """In one go and in pieces; the campaign below spends them in every way."""
    made = cases(f"{year}-03", ways=("one", "pieces"))
    print(f"{year}: {len(made)} situations")  # noqa: T201
    assert mistakes(made) == []


@pytest.mark.campaign
def test_a_second_beside_every_threshold_in_every_month_where_something_changes() -> None:
    """The first and the last month of every row of every ladder, and both nights on which the clock is changed."""
    edges = {
        f"{day:%Y-%m}"
        for ladder in LADDERS
        for row in BOOK.history(f"ladder.{ladder}")
        if row.status == "FINAL" and row.ends is not None
        for day in (row.starts, row.ends)
    }
    count = 0
    for month in sorted(edges | {f"{year}-{month}" for year in (2020, 2023, 2026) for month in ("03", "11")}):
        made = cases(month)
        count += len(made)
        assert mistakes(made) == []
    print(f"{count} situations")  # noqa: T201


@pytest.mark.parametrize("way", ["a second less", "a second more"])
def test_control_a_clock_wrong_by_a_second_is_seen(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from carewright_plugin_api.ladder import length

    wrong = timedelta(seconds=-1 if way == "a second less" else 1)
    made = cases("2026-03", ways=("one",))
    monkeypatch.setattr(
        Tally, "minutes", property(lambda tally: (length(tally.counted) + wrong) // timedelta(minutes=1))
    )
    assert len(mistakes(made)) > len(made) // 10


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("parameter", "key"),
    [
        (f"code.{code}", key)
        for code in ("99490", "99439", "99491", "99437", "99487", "99489")
        for key in ("minutes", "step", "units")
        if BOOK.on(f"code.{code}", date(2026, 3, 31)).table.get(key) is not None
    ],
)
@pytest.mark.parametrize("by", [-1, 1])
def test_control_a_changed_threshold_is_seen(
    parameter: str, key: str, by: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What should come is reckoned from the values as they are, then one of them is changed under the rules."""
    row = BOOK.on(parameter, date(2026, 3, 31))
    made = cases("2026-03", ways=("one",))
    monkeypatch.setattr(
        BOOK,
        "on",
        lambda name, on: (
            replace(row, value={**row.table, key: row.table[key] + by})
            if name == parameter
            else effective.Parameters.on(BOOK, name, on)
        ),
    )
    lowered_by_the_edit = key == "units" and by == 1  # the edits of the month still cap it
    assert bool(mistakes(made)) != lowered_by_the_edit


@pytest.mark.parametrize("ladder", LADDERS)
@pytest.mark.parametrize("year", YEARS)
def test_no_number_of_minutes_earns_more_than_the_cap(ladder: str, year: int) -> None:
    month = f"{year}-06"
    table = thresholds(ladder, typical_month(month).last_day)
    if not table:
        assert year < {"ccm_practitioner": 2019, "ccm_complex": 2017}[ladder]
        return
    role = "practitioner" if ladder == "ccm_practitioner" else "staff"
    facts = facts_with(
        month, spent(table[-1][0] + 600, month, role=role), "accurate", high=ladder == "ccm_complex"
    )
    (decision,) = check_rules(RULES, [facts])
    assert units_of(decision.lines) == {code: units for _, code, units in table}


def test_the_zone_of_the_cases_has_both_nights() -> None:
    from carewright_plugin_api.boundaries import clock_changes

    assert [len(clock_changes(f"2026-{m:02}", ZONE)) for m in range(1, 13)] == [0, 0, 1] + [0] * 7 + [1, 0]


@pytest.mark.parametrize("month", ["2015-06", "2019-06", "2020-06", "2021-06", "2024-03", "2026-03"])
@pytest.mark.parametrize("level", ["low", "high"])
def test_every_minute_count_gives_a_storable_answer(month: str, level: Any) -> None:
    months = [
        typical_month(month, entries=spent(minutes, month), decision_levels=(DecisionLevel("ccm", level),))
        for minutes in (0, 1, 19, 20, 30, 39, 40, 59, 60, 61, 89, 90, 120, 500, 2000)
    ]
    for facts, decision in zip(months, check_rules(RULES, months), strict=True):
        assert bool(decision.lines) != bool(decision.holds), facts.month
