"""Files brought in again after two records were joined, and while they are being joined: everything lands on the record
that stayed, and nobody is made anew."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from cast import World
from duplicates.pairs import join as asked
from sqlalchemy.ext.asyncio import AsyncEngine

from server.duplicates import actions
from server.duplicates.actions import join_records
from server.graphql.connections import global_id
from server.interop import fhir_import, sheet_portions
from server.tenants.db import tenant_db
from server.worker import gather_kinds

gather_kinds()

TABLES = (
    "patient", "patient_identifier", "patient_word", "contact_way", "address", "support_person", "care_team_member",
    "coverage", "observation",
)  # fmt: skip
PLAIN = "MRN,Last Name,First Name,DOB,Sex,Phone,Address,City,ST,Zip\r\n"
RUTH = "A1,Walker,Ruth,1944-05-02,F,(313) 555-0142,12 Elm St,Detroit,MI,48201\r\n"
RUTHIE = "A2,Walker,Ruthie,1944-05-02,F,(313) 555-0143,12 Elm St,Detroit,MI,48201\r\n"


def person(id: str, given: str, phone: str = "(313) 555-0143") -> list[dict[str, Any]]:
    """A patient with everything that a file may say of them; all but id and name alike, whoever it is."""
    subject = {"reference": f"Patient/{id}"}
    return [
        {
            "resourceType": "Patient", "id": id, "name": [{"family": "Okafor", "given": [given]}],
            "identifier": [{"type": {"coding": [{"code": "MR"}]}, "system": "urn:clinic", "value": f"MR-{id}"}],
            "birthDate": "1948-03-09", "gender": "female",
            "telecom": [{"system": "phone", "value": phone, "use": "home"}],
            "address": [{"line": ["5 Elm St"], "city": "Detroit", "state": "MI", "postalCode": "48201"}],
            "contact": [{"relationship": [{"text": "Daughter"}], "name": {"text": "Grace Okafor"}}],
        },
        {
            "resourceType": "Coverage", "id": f"c-{id}", "status": "active", "beneficiary": subject,
            "subscriberId": "M1", "payor": [{"display": "Medicare part b"}], "period": {"start": "2013-03-01"}, "order": 1,
        },
        {
            "resourceType": "CareTeam", "id": f"t-{id}", "status": "active", "subject": subject,
            "period": {"start": "2026-01-05"},
            "participant": [{"role": [{"text": "Cardiologist"}], "member": {"display": "Dr. Hart"}}],
        },
        result(id, f"o-{id}"),
    ]  # fmt: skip


def result(whose: str, id: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id, "status": "final", "subject": {"reference": f"Patient/{whose}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4", "display": "Hemoglobin A1c"}]},
        "valueQuantity": {"value": 7.1, "unit": "%"}, "effectiveDateTime": "2026-02-03",
    }  # fmt: skip


Bring = Callable[..., Awaitable[str]]


@pytest.fixture
def bring(browse: Any) -> Bring:
    """`await bring(world, *resources)`: nora brings them in by page; what the page then says."""

    async def bring(world: World, *resources: dict[str, Any]) -> str:
        nora = browse(world, "nora")
        found = re.search(r'name="_csrf" value="([^"]+)"', (await nora.get("/imports")).text)
        assert found
        entries = [{"resource": each} for each in resources]
        data = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})
        files = [("files", ("people.json", data.encode(), "application/json"))]
        sent = await nora.post("/imports", data={"_csrf": found[1]}, files=files)
        assert sent.status_code == 303, sent.text[:3000]
        return str((await nora.get(sent.headers["location"])).text)

    return bring


async def whole(behind: AsyncEngine, world: World) -> dict[str, list[dict[str, Any]]]:
    """Every row about people here, but what is made anew each time."""
    async with behind.connect() as connection:
        found = {}
        for name in TABLES:
            rows = await connection.execute(
                sa.text(f"select * from {name} where tenant_id = :t"), {"t": world.tenant_id}
            )
            left_out = {"id"} if name == "patient_word" else set()
            told = [{k: v for k, v in row.items() if k not in left_out} for row in rows.mappings()]
            found[name] = sorted(told, key=repr)
    return found


async def of(behind: AsyncEngine, world: World, key: str, value: str) -> UUID:
    async with behind.connect() as connection:
        statement = sa.text(f"select id from patient where tenant_id = :t and {key} = :v")
        return (await connection.execute(statement, {"t": world.tenant_id, "v": value})).scalar_one()


async def on(behind: AsyncEngine, world: World, table: str, id: UUID) -> int:
    async with behind.connect() as connection:
        statement = sa.text(f"select count(*) from {table} where tenant_id = :t and patient_id = :v")
        return int((await connection.execute(statement, {"t": world.tenant_id, "v": id})).scalar_one())


async def join(world: World, kept: UUID, gone: UUID) -> None:
    nora = world.actor("nora")
    async with tenant_db(nora) as db:
        await join_records(db, nora, kept, gone)


async def test_the_same_fhir_file_again_changes_nothing_and_a_newer_one_lands_on_the_record_that_stayed(
    lakeside: World, hillcrest: World, behind: AsyncEngine, bring: Bring, drain: Any
) -> None:
    both = [*person("ruth", "Ruth"), *person("ruthie", "Ruthie")]
    await bring(lakeside, *both)
    kept = await of(behind, lakeside, "given_names", "Ruth")
    gone = await of(behind, lakeside, "given_names", "Ruthie")
    await join(lakeside, kept, gone)
    await drain()
    before = await whole(behind, lakeside)
    assert len(before["patient"]) == 2
    assert {row["patient_id"] for row in before["observation"]} == {kept}
    assert len(before["observation"]) == 2

    page = await bring(lakeside, *both)
    await drain()
    assert await whole(behind, lakeside) == before
    assert "added" not in page

    newer = person("ruthie", "Ruthie", phone="(313) 555-0188")
    newer[1]["period"]["end"] = "2026-06-30"
    await bring(lakeside, *newer, result("ruthie", "o-new"))
    await drain()
    after = await whole(behind, lakeside)
    assert len(after["patient"]) == 2
    assert {row["patient_id"] for row in after["observation"]} == {kept}
    assert len(after["observation"]) == 3
    assert [row["value"][-4:] for row in after["contact_way"] if row["patient_id"] == kept and row["active"]] == [
        "0188"
    ]  # fmt: skip
    for name in TABLES[3:]:
        for_gone = [[row for row in whose[name] if row["patient_id"] == gone] for whose in (before, after)]
        assert for_gone[0] == for_gone[1], name
    assert str([row["to_on"] for row in after["coverage"] if row["to_on"]]) == "[datetime.date(2026, 6, 30)]"
    assert (await whole(behind, hillcrest))["patient"] == []


async def test_the_same_table_again_lands_on_the_record_that_stayed(
    lakeside: World, hillcrest: World, behind: AsyncEngine, table: Any, people: Any, drain: Any
) -> None:
    first = await table(lakeside)
    assert "2 new people" in (await first.came_in(PLAIN + RUTH + RUTHIE)).text
    kept = await of(behind, lakeside, "record_number", "A1")
    gone = await of(behind, lakeside, "record_number", "A2")
    await join(lakeside, kept, gone)
    await drain()
    here = await people(lakeside)

    again = await table(lakeside)
    await again.brought(PLAIN + RUTH + RUTHIE)
    page = await again.tried()
    assert again.counts(page) == {"same": 1, "error": 1}
    assert "Line 2 is about Ruth Walker, record A1, too." in page.text
    await again.does("bring")
    assert await people(lakeside) == here

    alone = await table(lakeside)
    page = await alone.came_in(PLAIN + RUTHIE.replace("0143", "0177"))
    assert "0 new people, 1 changed" in page.text
    changed = {row[0]: row for row in await people(lakeside)}
    assert changed["A1"][4].endswith("+13135550177")
    assert changed["A2"] == next(row for row in here if row[0] == "A2")
    assert await people(hillcrest) == []


async def test_a_table_is_taken_back_after_its_person_was_joined_with_another(
    lakeside: World, behind: AsyncEngine, table: Any, people: Any, ask: Any, drain: Any
) -> None:
    first = await table(lakeside)
    await first.came_in(PLAIN + RUTH + RUTHIE)
    named = await table(lakeside)
    assert "1 changed" in (await named.came_in(PLAIN + RUTHIE.replace("Ruthie", "Ruthanne"))).text
    kept = await of(behind, lakeside, "record_number", "A1")
    await join(lakeside, kept, await of(behind, lakeside, "record_number", "A2"))
    await drain()

    assert "Taken back" in (await named.does("undo")).text
    find = "query ($find: Line) { patients(find: $find) { edges { node { recordNumber } } } }"
    for typed, number in (("ruthie", ["A1"]), ("ruthanne", [])):
        rows = (await ask(lakeside, "nora", find, find=typed))["data"]["patients"]["edges"]
        assert [row["node"]["recordNumber"] for row in rows] == number, typed
    await first.does("undo")
    assert "that they were on file twice" in (await first.page("stays")).text
    assert [row[0] for row in await people(lakeside)] == ["A1", "A2"]


# --- both at once ---------------------------------------------------------------------------------------------


class Meeting:
    """One of two stops in the middle of what it does until the other is done, or waits for it: a second and a half."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.other: asyncio.Future[asyncio.Future[Any]] = asyncio.get_running_loop().create_future()

    def pausing(self, real: Any, *, before: bool) -> Any:
        async def paused(*given: Any, **more: Any) -> Any:
            found = None if before else await real(*given, **more)
            self.reached.set()
            await asyncio.wait({await self.other}, timeout=1.5)
            return await real(*given, **more) if before else found

        return paused

    async def hold(self, first: Awaitable[Any], second: Callable[[], Awaitable[Any]]) -> None:
        one = asyncio.ensure_future(first)
        await asyncio.wait(
            {one, asyncio.ensure_future(self.reached.wait())}, return_when=asyncio.FIRST_COMPLETED
        )
        assert not one.done(), "nothing was met on the way"
        other = asyncio.ensure_future(second())
        self.other.set_result(other)
        await asyncio.gather(one, other)


async def nothing(*_: Any) -> None:
    return None


async def fhir_meets_joining(
    world: World, behind: AsyncEngine, bring: Bring, monkeypatch: pytest.MonkeyPatch, first: str
) -> tuple[int, int]:
    """Results on the record that stays and on the one that goes, where a file with one meets the joining."""
    await bring(world, *person("ruth", "Ruth"), *person("ruthie", "Ruthie"))
    kept = await of(behind, world, "given_names", "Ruth")
    gone = await of(behind, world, "given_names", "Ruthie")
    met = Meeting()

    async def bringing() -> None:
        await bring(world, result("ruthie", "o-new"))

    async def joining() -> None:
        await join(world, kept, gone)

    if first == "import":
        monkeypatch.setattr(fhir_import, "keep_facts", met.pausing(fhir_import.keep_facts, before=True))
        await met.hold(bringing(), joining)
    else:
        monkeypatch.setattr(actions, "_move", met.pausing(actions._move, before=False))
        await met.hold(joining(), bringing)
    return await on(behind, world, "observation", kept), await on(behind, world, "observation", gone)


@pytest.mark.parametrize("first", ["import", "joining"])
async def test_a_fhir_file_that_meets_a_joining_writes_nothing_for_the_record_that_goes(
    lakeside: World, behind: AsyncEngine, bring: Bring, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    assert await fhir_meets_joining(lakeside, behind, bring, monkeypatch, first) == (3, 0)


@pytest.mark.parametrize("first", ["import", "joining"])
async def test_control_without_the_hold_a_file_writes_for_the_record_that_went(
    lakeside: World, behind: AsyncEngine, bring: Bring, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setattr(fhir_import, "keep_whose", nothing)
    assert await fhir_meets_joining(lakeside, behind, bring, monkeypatch, first) == (2, 1)


async def table_meets_joining(
    world: World, behind: AsyncEngine, table: Any, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, int]:
    """Telephones on the record that stays and on the one that goes, where a table with one meets the joining."""
    await (await table(world)).came_in(PLAIN + RUTH + RUTHIE)
    kept = await of(behind, world, "record_number", "A1")
    gone = await of(behind, world, "record_number", "A2")
    newer = await table(world)
    await newer.brought(PLAIN + RUTHIE.replace("0143", "0177"))
    await newer.tried()
    met = Meeting()
    monkeypatch.setattr(sheet_portions, "store", met.pausing(sheet_portions.store, before=True))
    await met.hold(newer.does("bring"), lambda: join(world, kept, gone))
    return await on(behind, world, "contact_way", kept), await on(behind, world, "contact_way", gone)


async def test_a_table_that_meets_a_joining_writes_nothing_for_the_record_that_goes(
    lakeside: World, behind: AsyncEngine, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await table_meets_joining(lakeside, behind, table, monkeypatch) == (3, 0)


async def test_control_without_the_hold_a_table_writes_for_the_record_that_went(
    lakeside: World, behind: AsyncEngine, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet_portions, "keep_whose", nothing)
    assert await table_meets_joining(lakeside, behind, table, monkeypatch) == (2, 1)


async def table_undone_meets_separating(
    world: World, table: Any, behind: AsyncEngine, monkeypatch: pytest.MonkeyPatch, browse: Any
) -> str:
    """Two who came with a table were joined; it is taken back while somebody takes the two apart by page. What the page
    of joinings then says."""
    mine = await table(world)
    await mine.came_in(PLAIN + RUTH + RUTHIE)
    kept = await of(behind, world, "record_number", "A1")
    await join(world, kept, await of(behind, world, "record_number", "A2"))
    nora = browse(world, "nora")
    page = (await nora.get(f"/people/{kept}/joined")).text
    back = f"/people/{kept}/joined/" + page.partition(f'action="/people/{kept}/joined/')[2].partition('"')[0]
    met = Meeting()
    monkeypatch.setattr(sheet_portions, "undo_rows", met.pausing(sheet_portions.undo_rows, before=True))
    await met.hold(
        mine.does("undo"),
        lambda: nora.post(back, data={"_csrf": mine.csrf, "reason": "Sisters"}),
    )
    assert "that they were on file twice" in (await mine.page("stays")).text
    return str((await nora.get(f"/people/{kept}/joined")).text)


async def test_taking_a_table_back_and_two_apart_at_once_neither_holds_the_other(
    lakeside: World, table: Any, behind: AsyncEngine, monkeypatch: pytest.MonkeyPatch, browse: Any
) -> None:
    page = await table_undone_meets_separating(lakeside, table, behind, monkeypatch, browse)
    assert "Sisters" in page


ADD = "mutation ($input: AddContactWayInput!) { addContactWay(input: $input) { __typename } }"
CHANGE = """mutation ($input: ChangePatientInput!) { changePatient(input: $input) {
  __typename ... on Refusal { code } } }"""
STORY = "mutation ($input: SaveStoryInput!) { saveStory(input: $input) { __typename } }"


@pytest.mark.parametrize("before", [True, False], ids=["not yet written", "written, not committed"])
async def test_the_chart_is_read_and_written_while_a_file_about_that_person_comes_in(
    lakeside: World,
    behind: AsyncEngine,
    bring: Bring,
    browse: Any,
    ask: Any,
    monkeypatch: pytest.MonkeyPatch,
    before: bool,
) -> None:
    await bring(lakeside, *person("ruth", "Ruth"), *person("ruthie", "Ruthie"))
    ruth, ruthie = [await of(behind, lakeside, "given_names", name) for name in ("Ruth", "Ruthie")]
    here, done = asyncio.Event(), asyncio.Event()
    real = fhir_import.keep_facts

    async def long(*given: Any) -> None:
        if not before:
            await real(*given)
        here.set()
        await done.wait()
        if before:
            await real(*given)

    monkeypatch.setattr(fhir_import, "keep_facts", long)
    renamed = person("ruth", "Ruth Ann")[0]
    bringing = asyncio.ensure_future(bring(lakeside, renamed, result("ruthie", "o-new")))
    await here.wait()
    try:
        for path in (f"/people/{ruthie}", f"/people/{ruthie}/joined", "/people?q=okafor"):
            assert (await browse(lakeside, "nora").get(path)).status_code == 200, path
        for written, given in (
            (ADD, {"kind": "phone", "value": "(313) 555-0199"}),
            (STORY, {"whatMatters": "Her garden"}),
            (CHANGE, {"preferredName": "Ruthie"}),
        ):
            answer = await ask(
                lakeside, "nora", written, input={"patientId": global_id("Patient", ruthie), **given}
            )
            assert "Refusal" not in str(answer), answer
            assert not answer["errors"], answer
        if not before:  # whom the file itself renames is said to be busy, and not waited for without end
            given = {"patientId": global_id("Patient", ruth), "preferredName": "R"}
            refused = await ask(lakeside, "nora", CHANGE, input=given)
            assert refused["data"]["changePatient"]["code"] == "BEING_CHANGED", refused
        # The file was held all the time: what had waited for it would have been turned away after some seconds.
        assert not bringing.done()
        # Control: what has to wait is held up by the same file.
        assert (await asked(ask, lakeside, ruth, ruthie))["code"] == "IMPORT_RUNNING"
    finally:
        done.set()
        await bringing
    assert await on(behind, lakeside, "observation", ruthie) == 2


async def test_a_long_import_is_not_waited_for_and_it_is_said(
    lakeside: World,
    hillcrest: World,
    behind: AsyncEngine,
    bring: Bring,
    ask: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = [*person("ruth", "Ruth"), *person("ruthie", "Ruthie")]
    ids = {}
    for world in (lakeside, hillcrest):
        await bring(world, *both)
        ids[world.slug] = [await of(behind, world, "given_names", name) for name in ("Ruth", "Ruthie")]
    here, done = asyncio.Event(), asyncio.Event()
    real = fhir_import.keep_facts

    async def long(*given: Any) -> None:
        here.set()
        await done.wait()
        await real(*given)

    monkeypatch.setattr(fhir_import, "keep_facts", long)
    bringing = asyncio.ensure_future(bring(lakeside, result("ruthie", "o-new")))
    await here.wait()
    assert (await asked(ask, hillcrest, *ids[hillcrest.slug]))["__typename"] == "PatientMerge", (
        "another practice's"
    )
    refused = await asked(ask, lakeside, *ids[lakeside.slug])
    done.set()
    await bringing
    assert refused["code"] == "IMPORT_RUNNING", refused
    assert (await asked(ask, lakeside, *ids[lakeside.slug]))["__typename"] == "PatientMerge"
    assert await on(behind, lakeside, "observation", ids[lakeside.slug][0]) == 3
