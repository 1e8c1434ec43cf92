"""Dated values: the right row or an error, never the nearest; gaps and overlaps are found."""

import re
from datetime import date

import pytest
from carewright_plugin_api.effective import OnlyProposed, OutsideHistory, ParameterError, Parameters, read

BOOK = """
citations:
  page: {title: A page, section: two, where: p. 3, basis: general_knowledge}
parameters:
  units:
    unit: units
    history:
      - {from: 2020-01-01, to: 2020-12-31, value: 2, citation: page, status: FINAL, reviewed_on: 2026-11-22}
      - {from: 2021-01-01, to: 2026-12-31, value: 3, citation: page, status: FINAL, reviewed_on: 2026-10-01}
      - {from: 2027-01-01, value: 4, citation: page, status: PROPOSED, reviewed_on: 2026-11-22}
"""


def parameters(text: str = BOOK) -> Parameters:
    return Parameters(read(text, "book.yaml"))


@pytest.mark.parametrize(
    ("day", "value"),
    [("2020-01-01", 2), ("2020-12-31", 2), ("2021-01-01", 3), ("2026-12-31", 3)],
)
def test_the_row_of_the_day(day: str, value: int) -> None:
    assert parameters().on("units", date.fromisoformat(day)).whole == value


def test_the_citation_carries_its_row() -> None:
    citation = parameters().on("units", date(2022, 1, 1)).citation
    assert (citation.title, citation.section, citation.where) == ("A page", "two", "p. 3")
    assert (citation.status, citation.reviewed_on, citation.basis) == (
        "FINAL",
        date(2026, 10, 1),
        "general_knowledge",
    )


def test_a_day_outside_the_history_is_an_error_that_names_both() -> None:
    with pytest.raises(OutsideHistory, match="units has no value for 2019-12-31") as error:
        parameters().on("units", date(2019, 12, 31))
    assert (error.value.parameter, error.value.on) == ("units", date(2019, 12, 31))


def test_a_proposal_can_be_read_and_not_billed_on() -> None:
    book = parameters()
    assert book.row("units", date(2027, 1, 1)).whole == 4
    with pytest.raises(OnlyProposed, match="units on 2027-01-01 is only proposed"):
        book.on("units", date(2027, 1, 1))


def test_a_name_nobody_wrote() -> None:
    with pytest.raises(ParameterError, match="there is no parameter unit"):
        parameters().on("unit", date(2022, 1, 1))


def test_the_oldest_review() -> None:
    assert parameters().oldest_review == date(2026, 10, 1)


def test_a_sound_book_has_no_problems() -> None:
    assert parameters().problems() == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("from: 2021-01-01", "from: 2021-01-02", "units: nothing holds between 2020-12-31 and 2021-01-02"),
        ("from: 2021-01-01", "from: 2020-12-31", "units: the rows from 2020-01-01 and 2020-12-31 overlap"),
        ("to: 2026-12-31, ", "", "units: the rows from 2021-01-01 and 2027-01-01 overlap"),
        ("to: 2020-12-31", "to: 2019-12-31", "ends on 2019-12-31, before it starts"),
    ],
)
def test_gaps_and_overlaps_are_found(before: str, after: str, said: str) -> None:
    assert BOOK.count(before) == 1
    assert any(said in problem for problem in parameters(BOOK.replace(before, after)).problems())


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("value: 2", "value: 2.5", "floating"),
        ("value: 2, ", "", "lacks value"),
        ("status: PROPOSED", "status: DRAFT", "status is 'DRAFT'"),
        ("value: 4, citation: page", "value: 4, citation: pg", "cites 'pg'"),
        ("from: 2020-01-01", "from: '2020-01-01'", "are dates"),
        ("unit: units", "units: units", "needs a unit and a history"),
        ("value: 2,", "value: 2, note: why,", "no use for note"),
        ("basis: general_knowledge", "basis: rumour", "basis 'rumour'"),
        ("  units:\n", "  units: {unit: a, history: []}\n  units:\n", "stands twice"),
        ("value: 2,", "value: {on: 2},", "quote it"),
    ],
)
def test_a_malformed_book_is_refused_with_its_place(before: str, after: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parameters(BOOK.replace(before, after, 1))


def test_values_cannot_be_changed() -> None:
    row = parameters(BOOK.replace("value: 2,", "value: {a: [1, 2]},")).on("units", date(2020, 5, 1))
    assert row.table["a"] == (1, 2)
    with pytest.raises(TypeError):
        row.table["a"] = ()


def test_a_value_of_another_kind_says_so() -> None:
    row = parameters().on("units", date(2020, 5, 1))
    with pytest.raises(TypeError, match="not a list of words"):
        _ = row.words
