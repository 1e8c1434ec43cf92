"""What somebody wrote here and a table says otherwise: it stays, is shown beforehand, and is asked about."""

from gettext import NullTranslations
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World

from server import words

HEADER = "MRN,Last,First,DOB,Phone,Address,City\r\n"
RUTH = "A1,Walker,Ruth,1944-05-02,(313) 555-0142,12 Elm St,Detroit\r\n"
INSURED = "MRN,Last,First,DOB,Insurance,Member ID,Group\r\n"


async def patient(ask: Any, world: World, family: str) -> str:
    found = await ask(
        world, "nora", f'{{ patients(find: "{family}", first: 1) {{ edges {{ node {{ id }} }} }} }}'
    )
    return str(found["data"]["patients"]["edges"][0]["node"]["id"])


async def moves(ask: Any, world: World, street: str) -> None:
    await ask(
        world, "nora",
        "mutation ($input: SetAddressInput!) { setAddress(input: $input) { __typename } }",
        input={"patientId": await patient(ask, world, "Walker"), "street": street, "city": "Lansing", "state": "MI",
               "zip": "48901"},
    )  # fmt: skip


async def test_an_address_written_here_stays_unless_the_table_is_said_to_be_right(
    lakeside: World, hillcrest: World, table: Any, people: Any, ask: Any
) -> None:
    mine = await table(lakeside)
    await mine.came_in(HEADER + RUTH)
    await moves(ask, lakeside, "9 Oak St")
    # Even a new city alone would write over the street.
    again = await table(lakeside)
    await again.brought(HEADER + RUTH.replace("Detroit", "Flint").replace("0142", "0143"))
    page = await again.tried()
    assert again.counts(page) == {"differs": 1}
    assert "telephone +13135550143" in page.text
    assert (
        "kept as it was written here: address 9 Oak St, Lansing, MI, 48901, not 12 Elm St, Flint" in page.text
    )
    await again.does("bring")
    assert (await people(lakeside))[0][4:] == ("+13135550142 +13135550143", "9 Oak St")
    third = await table(lakeside)
    await third.brought(HEADER + RUTH.replace("12 Elm St", "7 Ash St").replace("0142", "0143"))
    assert third.counts(await third.tried()) == {"differs": 1}
    for choice, verdict in (("table", "changed"), ("same", "differs"), ("table", "changed")):
        page = await third.does("rows", line="2", choice=choice)
        assert third.counts(page) == {verdict: 1, "decided": 1}, "decided again until it is in"
    assert "address 7 Ash St, Detroit" in page.text
    await third.does("bring")
    assert (await people(lakeside))[0][5] == "7 Ash St"
    answer = await third.does("rows", line="2", choice="same")
    assert answer.status_code == 422
    assert "nothing to decide" in answer.text
    assert await people(hillcrest) == []


async def test_leave_to_write_over_holds_for_what_was_shown(
    lakeside: World, hillcrest: World, table: Any, people: Any, ask: Any
) -> None:
    mine = await table(lakeside)
    await mine.came_in(HEADER + RUTH)
    given = 'mutation { changePatient(input: {patientId: "%s", givenNames: "%s"}) { __typename } }'
    walker = await patient(ask, lakeside, "Walker")
    await ask(lakeside, "nora", given % (walker, "Ruth Ann"))
    again = await table(lakeside)
    await again.brought(HEADER + RUTH.replace("Ruth", "Rutha"))
    await again.tried()
    assert "given names from Ruth Ann to Rutha" in (await again.does("rows", line="2", choice="table")).text
    await ask(lakeside, "nora", given % (walker, "Ruth Elaine"))
    page = await again.does("bring")
    assert "kept as it was written here: given names Ruth Elaine, not Rutha" in page.text
    assert [row[1] for row in await people(lakeside)] == ["Ruth Elaine"]
    assert await people(hillcrest) == []


class Marked(NullTranslations):
    """A language in which every message ends with a sign."""

    def gettext(self, message: str) -> str:
        return f"{message} \N{CHECK MARK}"


async def test_what_was_shown_in_another_language_is_known_again(
    lakeside: World, hillcrest: World, table: Any, people: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        words, "catalog", lambda language: Marked() if language == "es" else NullTranslations()
    )
    mine = await table(lakeside)
    await mine.came_in(HEADER + RUTH)
    await moves(ask, lakeside, "9 Oak St")
    again = await table(lakeside)
    await again.brought(HEADER + RUTH.replace("12 Elm St", "7 Ash St"))
    await again.tried()
    with words.speaking("es"):
        page = await again.does("rows", line="2", choice="table")
    assert "address 7 Ash St, Detroit, MI, 48901 \N{CHECK MARK}" in page.text
    await again.does("bring")
    assert (await people(lakeside))[0][5] == "7 Ash St"
    assert await people(hillcrest) == []


async def test_what_is_empty_here_is_filled_in_and_capitals_are_no_news(
    lakeside: World, hillcrest: World, table: Any, people: Any, ask: Any
) -> None:
    made = 'mutation { registerPatient(input: {familyName: "Walker", givenNames: "Ruth", birthDate: "1944-05-02", recordNumber: "A1"}) { __typename } }'  # fmt: skip
    await ask(lakeside, "nora", made)
    mine = await table(lakeside)
    await mine.brought(HEADER + RUTH.replace("Walker,Ruth", "WALKER,RUTH"))
    page = await mine.tried()
    assert mine.counts(page) == {"changed": 1}
    await mine.does("bring")
    assert await people(lakeside) == [("A1", "Ruth", "Walker", "1944-05-02", "+13135550142", "12 Elm St")]
    assert await people(hillcrest) == []


async def coverages(behind: Any, world: World) -> list[tuple[Any, ...]]:
    async with behind.begin() as connection:
        rows = await connection.execute(
            sa.text(
                "select member_id, group_number, to_on is null from coverage where tenant_id = :t order by from_on, id"
            ),
            {"t": world.tenant_id},
        )
        return [tuple(row) for row in rows]


async def test_a_coverage_that_ended_here_is_not_opened_for_a_group_number(
    lakeside: World, hillcrest: World, table: Any, behind: Any
) -> None:
    async with behind.begin() as connection:
        payer, other = await connection.scalars(
            sa.text("select name from payer where tenant_id = :t and active order by name limit 2"),
            {"t": lakeside.tenant_id},
        )
    row = f"A1,Walker,Ruth,1944-05-02,{payer},M1,G1\r\n"
    mine = await table(lakeside)
    await mine.came_in(INSURED + row)
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update coverage set from_on = '2020-01-01', to_on = '2021-12-31' where tenant_id = :t"),
            {"t": lakeside.tenant_id},
        )
    again = await table(lakeside)
    await again.brought(INSURED + row.replace("G1", "G2"))
    assert again.counts(await again.tried()) == {"same": 1}
    # Somebody new to tables says the same payer: asked, since somebody ended it here.
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("delete from sheet_row where tenant_id = :t"), {"t": lakeside.tenant_id}
        )
    third = await table(lakeside)
    await third.brought(INSURED + row.replace("G1", "G2"))
    page = await third.tried()
    assert third.counts(page) == {"differs": 1}
    assert f"{payer} ended on 2021-12-31" in page.text
    assert "counts on" in (await third.does("rows", line="2", choice="table")).text
    await third.does("bring")
    assert await coverages(behind, lakeside) == [("M1", "G2", True)]
    await third.does("undo")
    assert await coverages(behind, lakeside) == [("M1", "G1", False)]
    # The rule of a coverage written by hand: no two pay first on one day.
    late = await table(lakeside)
    await late.brought(
        INSURED.replace("Group", "Covered since") + row.replace(payer, other).replace("G1", "2021-06-01")
    )
    page = await late.tried()
    assert late.counts(page) == {"error": 1}
    assert f"{payer} already pays in that place from 01 Jan 2020 to 31 Dec 2021" in page.text
    assert await coverages(behind, hillcrest) == []


async def test_of_two_rows_about_one_person_the_second_is_a_fault(
    lakeside: World, hillcrest: World, table: Any, people: Any, ask: Any
) -> None:
    made = 'mutation { registerPatient(input: {familyName: "Núñez", givenNames: "Ana", birthDate: "1950-03-14"}) { __typename } }'
    await ask(lakeside, "nora", made)
    mine = await table(lakeside)
    await mine.brought(
        "Last,First,DOB,Phone\r\nNunez,Ana M,1950-03-14,313-555-0101\r\nNunez,Anna,1950-03-14,313-555-0102\r\n"
    )
    assert mine.counts(await mine.tried()) == {"duplicate": 2}
    await mine.does("rows", line="3", choice="same")
    page = await mine.does("rows", line="2", choice="same")
    assert mine.counts(page) == {"differs": 1, "error": 1, "decided": 2}
    assert "Line 2 is about Ana Núñez" in page.text
    assert "too" in page.text
    await mine.does("bring")
    assert [row[4] for row in await people(lakeside)] == ["+13135550101"]
    page = await mine.does("rows", line="3", choice="new")
    assert mine.counts(page)["new"] == 1, "what did not come in may be decided again"
    await mine.does("bring")
    assert [row[1] for row in await people(lakeside)] == ["Ana", "Anna"]
    assert await people(hillcrest) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Walker,Ruth,1944-02-05,,", "a similar birth date"),
        ("Walker,Ruth,1945-05-02,,", "a similar birth date"),
        ("Walkers,Rut,1944-02-05,(313) 555-0142,", "the same telephone number"),
        ("Walkre,Ruht,1944-02-05,,M77", "the same member number"),
    ],
)
async def test_somebody_here_is_found_by_name_telephone_and_member_number_too(
    lakeside: World, hillcrest: World, table: Any, behind: Any, row: str, words: str
) -> None:
    async with behind.begin() as connection:
        payer = await connection.scalar(
            sa.text("select name from payer where tenant_id = :t and active order by name limit 1"),
            {"t": lakeside.tenant_id},
        )
    header = "Last,First,DOB,Phone,Member ID,Insurance\r\n"
    mine = await table(lakeside)
    await mine.came_in(header + f"Walker,Ruth,1944-05-02,(313) 555-0142,M77,{payer}\r\n")
    for world, expected in ((lakeside, {"duplicate": 1}), (hillcrest, {"new": 1})):
        again = await table(world)
        await again.brought(header + f"{row},{payer if row.endswith('M77') else ''}\r\n")
        page = await again.tried(**({"column_5": "payer"} if world is hillcrest else {}))
        assert again.counts(page) == expected
        assert (words in page.text) == (world is lakeside)
