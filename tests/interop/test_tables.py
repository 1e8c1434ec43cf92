"""A table of people, from a file in any columns to people who can be found, and back; by page and over GraphQL."""

import csv
import io
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World

from server.interop.sheets import packing
from server.jobs import KINDS
from server.worker import drain_once, gather_kinds

gather_kinds()

PLAIN = "MRN,Last Name,First Name,DOB,Sex,Phone,Address,City,ST,Zip\r\n"
RUTH = "A1,Walker,Ruth,1944-05-02,F,(313) 555-0142,12 Elm St,Detroit,MI,48201\r\n"
OMAR = "A2,Haddad,Omar,1951-11-30,M,313-555-0143,9 Oak St,Detroit,MI,48201\r\n"


async def test_a_table_is_tried_brought_in_and_a_second_time_changes_nothing(
    lakeside: World, hillcrest: World, table: Any, people: Any
) -> None:
    mine, before = await table(lakeside), await people(hillcrest)
    assert (await mine.brought(PLAIN + RUTH + OMAR)).status_code == 303
    assert mine.counts(await mine.tried()) == {"new": 2}
    assert await people(lakeside) == [], "a trial brings nobody"
    assert "2 new people" in (await mine.does("bring")).text
    here = await people(lakeside)
    assert here == [
        ("A2", "Omar", "Haddad", "1951-11-30", "+13135550143", "9 Oak St"),
        ("A1", "Ruth", "Walker", "1944-05-02", "+13135550142", "12 Elm St"),
    ]
    again = await table(lakeside)
    page = await again.came_in(PLAIN + RUTH + OMAR)
    assert "0 new people, 0 changed, 2 as they were" in page.text
    assert await people(lakeside) == here
    theirs = await table(hillcrest)
    assert (await theirs.nora.get(mine.at)).status_code == 404
    theirs.at = mine.at
    for what in ("bring", "undo", "discard", "rows"):
        answer = await theirs.nora.post(
            f"{mine.at}/{what}", data={"_csrf": theirs.csrf, "line": "2", "choice": "new"}
        )
        assert answer.status_code == 404, what
    assert (await theirs.nora.get(f"{mine.at}/to-mend.csv")).status_code == 404
    assert await people(hillcrest) == before


async def test_only_what_the_file_says_anew_is_changed(
    lakeside: World, hillcrest: World, table: Any, people: Any, ask: Any
) -> None:
    mine = await table(lakeside)
    await mine.came_in(PLAIN + RUTH + OMAR)
    found = await ask(lakeside, "nora", '{ patients(find: "Walker", first: 1) { edges { node { id } } } }')
    id = found["data"]["patients"]["edges"][0]["node"]["id"]
    mended = 'mutation { changePatient(input: {patientId: "%s", givenNames: "Ruth Ann"}) { __typename } }'
    await ask(lakeside, "nora", mended % id)
    again = await table(lakeside)
    await again.brought(PLAIN + RUTH.replace("12 Elm St", "44 Pine St") + OMAR)
    page = await again.tried()
    assert again.counts(page) == {"changed": 1, "same": 1}
    assert "address 44 Pine St" in page.text
    await again.does("bring")
    assert ("A1", "Ruth Ann", "Walker", "1944-05-02", "+13135550142", "44 Pine St") in await people(lakeside)
    # Undone, the old address is back; the name that somebody wrote here stays.
    assert "Taken back" in (await again.does("undo")).text
    assert ("A1", "Ruth Ann", "Walker", "1944-05-02", "+13135550142", "12 Elm St") in await people(lakeside)
    assert await people(hillcrest) == []


async def test_taking_back_leaves_whom_somebody_has_written_about(
    lakeside: World, hillcrest: World, table: Any, people: Any, ask: Any
) -> None:
    mine = await table(lakeside)
    await mine.came_in(PLAIN + RUTH + OMAR)
    theirs = await table(hillcrest)
    await theirs.came_in(PLAIN + RUTH + OMAR)
    found = await ask(lakeside, "nora", '{ patients(find: "Walker", first: 1) { edges { node { id } } } }')
    told = "mutation ($input: SaveStoryInput!) { saveStory(input: $input) { __typename } }"
    walker = found["data"]["patients"]["edges"][0]["node"]["id"]
    await ask(lakeside, "nora", told, input={"patientId": walker, "whatMatters": "Her garden"})
    page = await mine.does("undo")
    assert "1 rows were taken back, 1 stay" in page.text
    assert "somebody has since written" in (await mine.page("stays")).text
    assert [row[2] for row in await people(lakeside)] == ["Walker"]
    assert [row[2] for row in await people(hillcrest)] == ["Haddad", "Walker"]
    fresh = await table(lakeside)
    await fresh.brought(PLAIN + RUTH + OMAR)
    assert fresh.counts(await fresh.tried()) == {"new": 1, "same": 1}


async def test_what_is_wrong_comes_down_to_be_mended_and_brought_again(
    lakeside: World, hillcrest: World, table: Any, people: Any
) -> None:
    mine = await table(lakeside)
    name = "N" * 300
    await mine.brought(
        PLAIN + RUTH
        + "A3,=cmd(),Eve,1950-02-30,F,,,,,\r\n"
        + "A4,,Nobody,1950-02-03,F,,,,,\r\n"
        + f"A5,{name},Long,1950-02-03,F,,,,,\r\n"
        + "A1,Other,Person,1960-01-01,M,,,,,\r\n"
        + "A6,Phone,Bad,1960-01-01,M,12,,,,\r\n"
    )  # fmt: skip
    page = await mine.tried()
    assert mine.counts(page) == {"new": 1, "error": 5}
    for words in (
        "1950-02-30",
        "no family name",
        "room for 120 characters",
        "Line 2 has the same record number A1",
        "not a telephone",
    ):
        assert words in page.text, words
    await mine.does("bring")
    assert [row[2] for row in await people(lakeside)] == ["Walker"]
    file = await mine.nora.get(f"{mine.at}/to-mend.csv")
    assert file.headers["content-disposition"].startswith("attachment")
    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert rows[0][-1] == "Carewright: what to mend"
    assert len(rows) == 6
    assert rows[1][1] == "'=cmd()", "no formula leaves"
    mended = file.content.decode("utf-8-sig").replace("1950-02-30", "1950-02-03")
    again = await table(lakeside)
    await again.brought(mended)
    assert again.counts(await again.tried()) == {"new": 1, "error": 4}, "the columns are remembered"
    await again.does("bring")
    assert [row[2] for row in await people(lakeside)] == ["=cmd()", "Walker"], "text it was, and text it is"
    assert await people(hillcrest) == []


async def test_somebody_perhaps_here_already_waits_for_a_person(
    lakeside: World, hillcrest: World, table: Any, people: Any, ask: Any
) -> None:
    made = """mutation { registerPatient(input: {familyName: "Núñez", givenNames: "Ana María", birthDate: "1950-03-14"})
      { __typename } }"""
    for world in (lakeside, hillcrest):
        await ask(world, "nora", made)
    header = "Name;Date of birth;Phone\r\n"
    mine = await table(lakeside)
    await mine.brought(header + '"Nunez, Ana";1950-03-14;(313) 555-0199\r\n"Nunez, Luis";1981-01-02;\r\n')
    page = await mine.tried()
    assert mine.counts(page) == {"new": 1, "duplicate": 1}
    assert "the same family name" in page.text
    assert "birth date" in page.text
    await mine.does("bring")
    assert [row[1] for row in await people(lakeside)] == ["Ana María", "Luis"], "undecided, left out"
    await mine.does("rows", line="2", choice="same")
    await mine.does("bring")
    assert [row[1] for row in await people(lakeside)] == ["Ana María", "Luis"], "what was written here stays"
    assert "+13135550199" in (await people(lakeside))[0]
    again = await table(lakeside)
    await again.brought(header + '"Nunez, Ana";1950-03-14;(313) 555-0199\r\n')
    assert again.counts(await again.tried()) == {"same": 1}, "what was decided is remembered"
    other = await table(lakeside)
    await other.brought(header + '"Nunez, Anna Maria";1950-03-14;(313) 555-0107\r\n')
    assert other.counts(await other.tried()) == {"duplicate": 1}
    await other.does("rows", line="2", choice="new")
    await other.does("bring")
    assert len(await people(lakeside)) == 3
    assert len(await people(hillcrest)) == 1


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("cp1252", b""), ("utf-16", b""), ("utf-16-le", b"")],
)
async def test_whatever_the_encoding_the_name_is_right(
    lakeside: World, hillcrest: World, table: Any, people: Any, encoding: str, mark: bytes
) -> None:
    mine = await table(lakeside)
    text = "Last name\tFirst name\tBorn\r\nMüller\tZoë\t14 March 1950\r\n"
    await mine.came_in(mark + text.encode(encoding))
    assert [row[1:4] for row in await people(lakeside)] == [("Zoë", "Müller", "1950-03-14")]
    assert await people(hillcrest) == []


async def test_two_lines_of_header_arabic_and_quoted_lines(
    lakeside: World, hillcrest: World, table: Any, people: Any
) -> None:
    mine = await table(lakeside)
    await mine.brought(
        'Our people,,,\r\nPatient,,,Home\r\nLast Name,First Name,DOB,Address\r\nحداد,ليلى,1950-03-14,"1 Elm St\nApt 2"\r\n'
    )
    page = (await mine.nora.get(f"{mine.at}/columns")).text
    assert "Patient Last Name" in page
    assert "Home Address" in page
    await mine.tried()
    await mine.does("bring")
    assert [(row[1], row[2], row[5]) for row in await people(lakeside)] == [
        ("ليلى", "حداد", "1 Elm St Apt 2")
    ]
    assert await people(hillcrest) == []


async def test_days_that_can_be_read_two_ways_are_asked_about(
    lakeside: World, hillcrest: World, table: Any, people: Any
) -> None:
    mine = await table(lakeside)
    await mine.brought("Last,First,DOB\r\nWalker,Ruth,3/4/1950\r\nReed,Ann,11/12/1944\r\n")
    refused = await mine.tried()
    assert refused.status_code == 422
    assert "can be read two ways" in refused.text
    assert mine.counts(await mine.tried(order_birth_date="dmy")) == {"new": 2}
    await mine.does("bring")
    assert [row[3] for row in await people(lakeside)] == ["1944-12-11", "1950-04-03"]
    mixed = await table(lakeside)
    await mixed.brought("Last,First,DOB\r\nA,B,13/4/1950\r\nC,D,4/13/1950\r\n")
    assert "only the other" in (await mixed.nora.get(f"{mixed.at}/columns")).text
    assert mixed.counts(await mixed.tried(order_birth_date="mdy")) == {"new": 1, "error": 1}
    assert await people(hillcrest) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04rest", "CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel"),
        (b"", "nothing in this file"),
        (b"Last,First,DOB\r\n", "no row under the header"),
        (b"a,b\x00\x01\x02\x00,\x03", "not text"),
        (b"Last,First\r\n" + b",".join([b"x"] * 201) + b"\r\n", "201 columns"),
        (b'Last,First\r\nWalker,"Ruth\r\n' + b"x" * 200_000, "never closed"),
        (b"Last\r\n" + b"x\r\n" * 250_010, "250,000"),
    ],
)
async def test_what_is_no_table_is_refused_with_the_way_on(
    lakeside: World, hillcrest: World, table: Any, data: bytes, words: str
) -> None:
    for world in (lakeside, hillcrest):
        mine = await table(world)
        answer = await mine.brought(data)
        assert answer.status_code == 422
        assert words in answer.text


async def test_insurance_comes_with_a_payer_the_practice_knows(
    lakeside: World, hillcrest: World, table: Any, behind: Any
) -> None:
    header = "MRN,Last,First,DOB,Insurance,Member ID\r\n"
    async with behind.begin() as connection:
        name = await connection.scalar(
            sa.text("select name from payer where tenant_id = :t and active order by name limit 1"),
            {"t": lakeside.tenant_id},
        )
    mine = await table(lakeside)
    await mine.brought(
        header
        + f"A1,Walker,Ruth,1944-05-02,{name.upper()},M123\r\nA2,Reed,Ann,1950-01-01,Nobody Mutual,M9\r\n"
    )
    page = await mine.tried()
    assert mine.counts(page) == {"new": 1, "error": 1}
    assert "no payer called “Nobody Mutual”" in page.text
    await mine.does("bring")
    async with behind.begin() as connection:
        found = await connection.execute(sa.text("select tenant_id, member_id, rank from coverage where member_id like 'M%' and tenant_id in (:a, :b)"), {"a": lakeside.tenant_id, "b": hillcrest.tenant_id})  # fmt: skip
        assert [tuple(row) for row in found] == [(lakeside.tenant_id, "M123", 1)]


async def test_a_larger_table_is_the_workers(
    lakeside: World, hillcrest: World, table: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "imports.sheet_portion" in KINDS
    monkeypatch.setattr(packing, "ROWS_IN_A_PORTION", 100)
    rows = "".join(f"B{n},Family{n},Given,1950-01-0{n % 9 + 1},F,,,,,\r\n" for n in range(241))
    mine = await table(lakeside)
    await mine.brought(PLAIN + rows)
    page = await mine.tried()
    assert "/progress" in page.text
    await drain_once()
    assert mine.counts(await mine.page()) == {"new": 241}
    await mine.does("bring")
    assert "being worked on" in (await mine.does("bring")).text
    await drain_once()
    assert "241 new people" in (await mine.page()).text
    assert len(await people(lakeside)) == 241
    await mine.does("undo")
    await drain_once()
    assert await people(lakeside) == []
    assert await people(hillcrest) == []
