"""Which column is read, and how its days are: never a guess that nobody sees."""

from typing import Any

import pytest
import sqlalchemy as sa
from cast import World

from server.interop import sheet_portions
from server.interop.sheets import packing
from server.worker import drain_once, gather_kinds

gather_kinds()


def births(*days: str) -> str:
    rows = [f"A{n},Family{n},Given,{day}\r\n" for n, day in enumerate(days, 1)]
    return "MRN,Last,First,DOB\r\n" + "".join(rows)


async def test_the_whole_column_is_looked_at_before_days_are_read(
    lakeside: World, hillcrest: World, table: Any, people: Any
) -> None:
    mine = await table(lakeside)
    await mine.brought(births(*["1950-03-14"] * 400, "3/4/1950"))
    refused = await mine.tried()
    assert refused.status_code == 422
    assert "can be read two ways" in refused.text
    await mine.does("discard")
    decided = await table(lakeside)
    await decided.brought(births(*["1950-03-14"] * 400, "3/4/1950", "14/4/1950"))
    assert decided.counts(await decided.tried()) == {"new": 402}, "the file itself leaves no doubt"
    await decided.does("bring")
    assert {row[3] for row in await people(lakeside)} == {"1950-03-14", "1950-04-03", "1950-04-14"}
    assert await people(hillcrest) == []


async def test_the_answer_is_remembered_but_a_file_that_says_otherwise_is_believed(
    lakeside: World, hillcrest: World, table: Any, people: Any
) -> None:
    first = await table(lakeside)
    await first.came_in(births("3/4/1950"), order_birth_date="mdy")
    second = await table(lakeside)
    await second.brought(births("3/4/1950", "5/6/1950"))
    assert second.counts(await second.tried()) == {"same": 1, "new": 1}, "not asked twice"
    third = await table(lakeside)
    await third.brought(births("4/3/1950", "13/6/1951"))
    page = (await third.nora.get(f"{third.at}/columns")).text
    assert 'value="dmy" checked' in page
    theirs = await table(hillcrest)
    await theirs.brought(births("3/4/1950"))
    assert (await theirs.tried()).status_code == 422, "another practice's answer is not ours"
    assert await people(hillcrest) == []


async def test_an_answer_about_one_column_is_not_taken_for_another(
    lakeside: World, hillcrest: World, table: Any, people: Any
) -> None:
    for world in (lakeside, hillcrest):
        mine = await table(world)
        await mine.brought("Last,First,DOB,Other\r\nWalker,Ruth,13/4/1950,3/4/1950\r\n")
        refused = await mine.tried(column_2="", column_3="birth_date")
        assert refused.status_code == 422
        assert "“Other” has days" in refused.text
        assert await people(world) == []


async def test_of_two_columns_whose_names_fold_alike_the_chosen_one_is_read(
    lakeside: World, hillcrest: World, table: Any, people: Any
) -> None:
    header = "Last,First,DOB,Téléphone,Telephone.,Telephone.\r\n"
    row = "Walker,Ruth,1944-05-02,313-555-0101,313-555-0102,313-555-0103\r\n"
    mine = await table(lakeside)
    await mine.came_in(header + row, column_3="phone", column_4="", column_5="")
    assert [row[4] for row in await people(lakeside)] == ["+13135550101"]
    again = await table(lakeside)
    await again.brought(header + row.replace("Ruth", "Omar").replace("1944", "1951"))
    page = (await again.nora.get(f"{again.at}/columns")).text
    chosen = [part.partition("</select>")[0] for part in page.split('name="column_')[1:]]
    assert ['value="phone" selected' in part for part in chosen] == [False, False, False, True, False, False]
    assert await people(hillcrest) == []


@pytest.mark.parametrize("place", [4, 99, -1])
async def test_our_own_column_and_one_that_is_not_there_mean_nothing(
    lakeside: World, hillcrest: World, table: Any, ask: Any, place: int
) -> None:
    text = "Last,First,DOB,Phone,Carewright: what to mend\r\nWalker,Ruth,1944-05-02,,Mend it\r\n"
    for world in (lakeside, hillcrest):
        took = await ask(
            world, "nora", "mutation ($text: LongText!) { takeSheet(name: \"a.csv\", text: $text) { ... on Sheet { id } } }", text=text
        )  # fmt: skip
        answer = await ask(
            world, "nora",
            "mutation ($input: SetSheetColumnsInput!) { setSheetColumns(input: $input) { ... on Refusal { code } } }",
            input={"sheetId": took["data"]["takeSheet"]["id"], "columns": [{"place": place, "field": "email"}]},
        )  # fmt: skip
        assert answer["data"]["setSheetColumns"] == {"code": "UNKNOWN_FIELD"}


async def test_an_extension_is_kept_and_the_number_is_found_without_it(
    lakeside: World, hillcrest: World, table: Any, people: Any, ask: Any
) -> None:
    mine = await table(lakeside)
    header = "MRN,Last,First,DOB,Phone\r\n"
    await mine.came_in(header + "A1,Walker,Ruth,1944-05-02,(313) 555-0142 ext. 12\r\n")
    assert [row[4] for row in await people(lakeside)] == ["+13135550142;ext=12"]
    for world, found in ((lakeside, 1), (hillcrest, 0)):
        answer = await ask(world, "nora", '{ patients(find: "5550142", first: 5) { edges { node { id } } } }')
        assert len(answer["data"]["patients"]["edges"]) == found
    again = await table(lakeside)
    await again.brought(header + "A1,Walker,Ruth,1944-05-02,(313) 555-0142\r\n")
    assert again.counts(await again.tried()) == {"same": 1}


async def test_the_last_portion_is_taken_back_first(
    lakeside: World, hillcrest: World, table: Any, people: Any, behind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    undo = sheet_portions.undo_rows

    async def seen(db: Any, sheet: Any, first: int, last: int) -> Any:
        order.append(first)
        return await undo(db, sheet, first, last)

    monkeypatch.setattr(sheet_portions, "undo_rows", seen)
    monkeypatch.setattr(packing, "ROWS_IN_A_PORTION", 5)
    mine = await table(lakeside)
    await mine.brought(births(*["1950-03-14"] * 11))
    await mine.tried()
    await drain_once()
    await mine.does("bring")
    await drain_once()
    assert len(await people(lakeside)) == 11
    await mine.does("undo")
    await drain_once()
    assert order == [12, 7, 2]
    async with behind.begin() as connection:
        left = sa.text("select count(*) from patient where tenant_id in (:a, :b)")
        assert await connection.scalar(left, {"a": lakeside.tenant_id, "b": hillcrest.tenant_id}) == 0
