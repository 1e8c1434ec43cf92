"""Quotation marks that are missing: no row disappears in a cell unsaid."""

from typing import Any

import pytest
from cast import World

HEADER = "MRN,Last,First,DOB,Address\r\n"
ROWS = [f"A{n},Family{n},Given,1950-01-0{n},{n} Elm St\r\n" for n in range(1, 8)]


@pytest.mark.parametrize(
    ("at", "row", "words"),
    [
        (3, 'A4,"Family4,Given,1950-01-04,4 Elm St\r\n', "row that begins on line 5"),
        (0, '"A1,Family1,Given,1950-01-01,1 Elm St\r\n', "row that begins on line 2"),
        (1, 'A2,"Fam"ily2,Given,1950-01-02,2 Elm St\r\n', "row that begins on line 3"),
    ],
)
async def test_a_mark_that_is_never_closed_is_refused_with_its_line(
    lakeside: World, hillcrest: World, table: Any, people: Any, at: int, row: str, words: str
) -> None:
    for world in (lakeside, hillcrest):
        mine = await table(world)
        answer = await mine.brought(HEADER + "".join([*ROWS[:at], row, *ROWS[at + 1 :]]))
        assert answer.status_code == 422
        assert words in answer.text
        assert await people(world) == []


async def test_a_cell_that_took_rows_in_is_a_fault_and_lines_in_an_address_are_none(
    lakeside: World, hillcrest: World, table: Any, people: Any
) -> None:
    mine = await table(lakeside)
    swallowing = (
        '"A1,Family1,Given,1950-01-01,1 Elm St\r\n' + ROWS[1] + 'A3",Family3,Given,1950-01-03,3 Elm St\r\n'
    )
    named = 'A4,Family4,Given,1950-01-04,"4 Elm St\nApt 2, rear"\r\n'
    await mine.brought(HEADER + swallowing + named)
    page = await mine.tried()
    assert "a whole further row" in page.text
    await mine.does("bring")
    assert [row[0] for row in await people(lakeside)] == ["A4"]
    assert await people(hillcrest) == []
