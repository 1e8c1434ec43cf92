"""Meetings: several people about one patient count once; one person about several patients shares the time out."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from cast import World
from newcomer import ago, key, local, register, say, staff, written
from sqlalchemy.ext.asyncio import AsyncEngine

from server.minutes.queries import entries_of_month
from server.tenants.db import tenant_db
from tests.minutes.conftest import CORRECT, JOIN, VOID, Log


async def join(
    ask: Any, world: World, entry: dict[str, Any], who: str = "nora", **more: Any
) -> dict[str, Any]:
    return await say(ask, world, who, JOIN, input={"timeEntryId": entry["id"], **more})


async def held(behind: AsyncEngine, world: World) -> int:
    async with behind.connect() as connection:
        rows = sa.text("select count(*) from person_time where tenant_id = :t")
        return (await connection.execute(rows, {"t": world.tenant_id})).scalar_one()


async def test_a_meeting_of_three_counts_one_persons_time(
    lakeside: World, hillcrest: World, ask: Any, log: Log, totals: Any, behind: AsyncEngine
) -> None:
    maria = await register(ask, lakeside)
    start = local(lakeside, "2026-02-10T09:00")
    first = await log(
        lakeside, maria, start, start + timedelta(minutes=15), activity="TEAM_MEETING", joint=True, reason="x"
    )
    rosa = await join(ask, lakeside, first, "rosa", reason="x")
    late = await join(
        ask,
        lakeside,
        first,
        "dr_lin",
        startedAt=written(start + timedelta(minutes=5)),
        endedAt=written(start + timedelta(minutes=20)),
        reason="x",
    )
    assert rosa["joint"] is late["joint"] is True
    assert await totals(lakeside, maria) == {("2026-02", "STAFF"): 900, ("2026-02", "PRACTITIONER"): 300}
    assert await held(behind, lakeside) == 3
    assert (await join(ask, lakeside, first, "rosa", reason="x"))["code"] == "ALREADY_IN_MEETING"
    assert (await join(ask, hillcrest, first, "rosa", reason="x"))["code"] == "NOT_FOUND"


async def test_separate_work_by_two_people_in_the_same_hour_adds_up(
    lakeside: World, ask: Any, log: Log, totals: Any
) -> None:
    maria = await register(ask, lakeside)
    start = local(lakeside, "2026-02-10T09:00")
    for who in ("nora", "rosa"):
        await log(lakeside, maria, start, start + timedelta(minutes=15), who, reason="x")
    assert await totals(lakeside, maria) == {("2026-02", "STAFF"): 1800}


async def test_one_person_in_a_meeting_about_two_patients_is_in_one_place_and_shares_the_time(
    lakeside: World, ask: Any, log: Log, totals: Any, behind: AsyncEngine
) -> None:
    maria = await register(ask, lakeside)
    james = await register(ask, lakeside, givenNames="James")
    start = local(lakeside, "2026-02-10T09:00")
    first = await log(
        lakeside, maria, start, start + timedelta(minutes=25), activity="TEAM_MEETING", joint=True, reason="x"
    )
    second = await join(ask, lakeside, first, patientId=james, reason="x")
    assert second["seconds"] == 1500
    assert await held(behind, lakeside) == 1
    shares = [await totals(lakeside, patient) for patient in (maria, james)]
    assert shares == [{("2026-02", "STAFF"): 750}, {("2026-02", "STAFF"): 750}]
    # What the month close is told adds up to the meeting, too.
    patients = [key(maria), key(james)]
    async with tenant_db(lakeside.actor(), read_only=True) as db:
        counted = await entries_of_month(db, lakeside.actor(), patients, "2026-02")
        alone = await entries_of_month(db, lakeside.actor(), patients[:1], "2026-02")
    spans = sorted((entry.started_at, entry.ended_at) for rows in counted.values() for entry in rows)
    assert spans == [
        (start, start + timedelta(seconds=750)),
        (start + timedelta(seconds=750), start + timedelta(minutes=25)),
    ]
    assert alone[patients[0]] == counted[patients[0]]
    # Taken back for one, the other has the whole time, and the place is still held.
    await say(ask, lakeside, "nora", VOID, input={"timeEntryId": first["id"], "reason": "not about her"})
    assert await totals(lakeside, maria) == {}
    assert await totals(lakeside, james) == {("2026-02", "STAFF"): 1500}
    assert await held(behind, lakeside) == 1
    await say(ask, lakeside, "nora", VOID, input={"timeEntryId": second["id"], "reason": "cancelled"})
    assert await held(behind, lakeside) == 0


async def test_a_meeting_about_two_patients_with_two_people_counts_once_for_each(
    lakeside: World, ask: Any, log: Log, totals: Any
) -> None:
    maria = await register(ask, lakeside)
    james = await register(ask, lakeside, givenNames="James")
    start = local(lakeside, "2026-02-10T09:00")
    first = await log(lakeside, maria, start, start + timedelta(minutes=20), joint=True, reason="x")
    await join(ask, lakeside, first, patientId=james, reason="x")
    for patient in (maria, james):
        await join(ask, lakeside, first, "rosa", patientId=patient, reason="x")
    for patient in (maria, james):
        assert await totals(lakeside, patient) == {("2026-02", "STAFF"): 600}


async def test_only_a_meeting_can_be_joined_and_only_around_its_time(
    lakeside: World, ask: Any, log: Log
) -> None:
    maria = await register(ask, lakeside)
    start = ago(hours=5)
    alone = await log(lakeside, maria, start, start + timedelta(minutes=10))
    assert (await join(ask, lakeside, alone, "rosa"))["code"] == "NOT_A_MEETING"
    changes = {"joint": True}
    meeting = await say(
        ask,
        lakeside,
        "nora",
        CORRECT,
        input={"timeEntryId": alone["id"], "changes": changes, "reason": "Rosa was there"},
    )
    elsewhere = {
        "startedAt": written(start + timedelta(minutes=10)),
        "endedAt": written(start + timedelta(minutes=12)),
    }
    assert (await join(ask, lakeside, meeting, "rosa", **elsewhere))["code"] == "OUTSIDE_THE_MEETING"
    assert (await join(ask, lakeside, alone, "rosa"))["code"] == "ALREADY_CORRECTED"
    assert (await join(ask, lakeside, meeting, "rosa"))["live"] is True


async def test_being_in_a_meeting_does_not_excuse_being_elsewhere(
    lakeside: World, ask: Any, log: Log
) -> None:
    maria = await register(ask, lakeside)
    james = await register(ask, lakeside, givenNames="James")
    start = ago(hours=5)
    meeting = await log(lakeside, maria, start, start + timedelta(minutes=10), joint=True)
    await log(lakeside, james, start + timedelta(minutes=5), start + timedelta(minutes=15), "rosa")
    assert (await join(ask, lakeside, meeting, "rosa"))["code"] == "OVERLAPS"
    longer = {"patientId": james, "endedAt": written(start + timedelta(minutes=20))}
    assert (await join(ask, lakeside, meeting, **longer))["code"] == "OVERLAPS"


async def test_a_colleague_joins_for_another_with_a_reason(lakeside: World, ask: Any, log: Log) -> None:
    maria = await register(ask, lakeside)
    meeting = await log(lakeside, maria, ago(hours=5), ago(hours=4), joint=True)
    lin = staff(lakeside, "dr_lin")
    assert (await join(ask, lakeside, meeting, staffId=lin))["code"] == "FOR_ANOTHER_WITHOUT_REASON"
    assert (await join(ask, lakeside, meeting, staffId=lin, reason="asked me to"))["staffName"] == "Lin Wei"
