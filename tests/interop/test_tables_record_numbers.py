"""Record numbers that a table brings, beside those the practice gives itself."""

from typing import Any

import pytest
from cast import World

HEADER = "MRN,Last,First,DOB\r\n"


@pytest.mark.parametrize(
    ("brought", "next_one"),
    [("CW-DETROIT", "CW-000001"), ("CW-1000000", "CW-1000001"), ("CW-7", "CW-000008")],
)
async def test_a_number_that_looks_like_ours_stops_no_registration(
    lakeside: World, hillcrest: World, table: Any, people: Any, ask: Any, brought: str, next_one: str
) -> None:
    mine = await table(lakeside)
    await mine.came_in(f"{HEADER}{brought},Walker,Ruth,1944-05-02\r\n")
    made = 'mutation { registerPatient(input: {familyName: "Reed", givenNames: "Ann", birthDate: "1950-03-14"}) { __typename } }'
    for world in (lakeside, hillcrest):
        assert not (await ask(world, "nora", made))["errors"]
    assert [row[0] for row in await people(lakeside)] == [next_one, brought]
    assert [row[0] for row in await people(hillcrest)] == ["CW-000001"]


async def test_a_number_of_ours_in_the_file_is_not_given_to_another_row(
    lakeside: World, hillcrest: World, table: Any, people: Any
) -> None:
    mine = await table(lakeside)
    page = await mine.came_in(
        HEADER + ",Adams,Ann,1950-01-01\r\nCW-000001,Baker,Bo,1951-01-01\r\n,Cole,Cy,1952-01-01\r\n"
    )
    assert "3 new people" in page.text
    assert [row[0] for row in await people(lakeside)] == ["CW-000002", "CW-000001", "CW-000003"]
    assert await people(hillcrest) == []
