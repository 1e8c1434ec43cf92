"""Many at once: exactly one may have a minute, and no correction is lost or doubled."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from cast import World
from newcomer import ago, key, local, register, say, written
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from server.ids import new_id
from server.minutes.recount import recount_dirty, recount_month
from server.minutes.tables import MonthTotal, PersonTime
from server.tenants.db import tenant_db
from tests.minutes.conftest import CORRECT, JOIN, VOID, Log


async def test_of_eight_overlapping_entries_at_once_exactly_one_is_kept(
    lakeside: World, ask: Any, log: Log, behind: AsyncEngine
) -> None:
    patients = [await register(ask, lakeside, givenNames=f"Maria {n}") for n in range(4)]
    start = ago(hours=3)
    answers = await asyncio.gather(
        *(
            log(lakeside, patients[n % 4], start + timedelta(minutes=n), start + timedelta(minutes=n + 30))
            for n in range(8)
        )
    )
    assert Counter(answer["__typename"] for answer in answers) == {"TimeEntry": 1, "Refusal": 7}
    assert {answer["code"] for answer in answers if answer["__typename"] == "Refusal"} == {"OVERLAPS"}
    async with behind.connect() as connection:
        counts = await connection.execute(
            sa.text("select (select count(*) from time_entry where tenant_id = :t), "
                    "(select count(*) from person_time where tenant_id = :t)"),
            {"t": lakeside.tenant_id},
        )  # fmt: skip
        assert counts.one() == (1, 1)


async def test_without_our_lock_the_database_itself_lets_one_through(
    lakeside: World, behind: AsyncEngine
) -> None:
    start = datetime(2026, 3, 2, 14, tzinfo=UTC)
    actor = lakeside.actor()

    async def occupy(n: int) -> None:
        span = Range(start + timedelta(minutes=n), start + timedelta(minutes=n + 20))
        row = {"tenant_id": actor.tenant_id, "staff_id": actor.staff_id, "id": new_id(), "entry_id": new_id()}
        async with tenant_db(actor) as db:
            await db.execute(sa.insert(PersonTime).values(span=span, **row))

    outcomes = await asyncio.gather(*(occupy(n) for n in range(8)), return_exceptions=True)
    failed = [outcome for outcome in outcomes if outcome is not None]
    assert len(failed) == 7
    assert all(isinstance(outcome, DBAPIError) for outcome in failed)  # excluded, or ended as a deadlock
    async with behind.connect() as connection:
        rows = sa.text("select count(*) from person_time where tenant_id = :t")
        assert (await connection.execute(rows, {"t": actor.tenant_id})).scalar_one() == 1


async def test_of_many_corrections_at_once_one_is_taken(
    lakeside: World, ask: Any, log: Log, totals: Any
) -> None:
    maria = await register(ask, lakeside)
    start = ago(hours=3)
    entry = await log(lakeside, maria, start, start + timedelta(minutes=30))

    async def correct(minutes: int) -> Any:
        changes = {"endedAt": written(start + timedelta(minutes=minutes))}
        return await say(
            ask,
            lakeside,
            "nora",
            CORRECT,
            input={"timeEntryId": entry["id"], "changes": changes, "reason": "?"},
        )

    async def void() -> Any:
        return await say(ask, lakeside, "nora", VOID, input={"timeEntryId": entry["id"], "reason": "?"})

    answers = await asyncio.gather(*(correct(n) for n in range(1, 5)), *(void() for _ in range(3)))
    kept = [answer for answer in answers if "id" in answer]
    assert len(kept) == 1
    assert {answer["code"] for answer in answers if "id" not in answer} == {"ALREADY_CORRECTED"}
    counted = sum((await totals(lakeside, maria)).values())
    assert counted == (kept[0]["seconds"] if kept[0]["live"] else 0)


async def test_recounts_among_entries_lose_nothing(lakeside: World, ask: Any, log: Log) -> None:
    maria = await register(ask, lakeside)
    start = local(lakeside, "2026-02-10T09:00")
    system = lakeside.system("minutes.write")

    async def enter(n: int, who: str) -> Any:
        at = start + timedelta(minutes=10 * n)
        return await log(lakeside, maria, at, at + timedelta(minutes=10), who, reason="x")

    async def recount() -> None:
        for _ in range(6):
            async with tenant_db(system) as db:
                await recount_dirty(db, system)

    async def recount_one() -> None:
        for _ in range(4):
            async with tenant_db(system) as db:
                await recount_month(db, system, key(maria), "2026-02")

    await asyncio.gather(
        *(enter(n, who) for n in range(6) for who in ("nora", "mika")), recount(), recount(), recount_one()
    )
    async with tenant_db(system) as db:
        while await recount_dirty(db, system):
            pass
    assert await stored(lakeside, key(maria)) == {("2026-02", "staff"): 12 * 600}


async def test_two_recounts_of_one_month_go_one_after_the_other(
    lakeside: World, ask: Any, log: Log, behind: AsyncEngine
) -> None:
    maria = await register(ask, lakeside)
    start = local(lakeside, "2026-02-10T09:00")
    await log(lakeside, maria, start, start + timedelta(minutes=10), reason="x")
    system = lakeside.system("minutes.write")

    async def recount() -> None:
        async with tenant_db(system) as db:
            await recount_month(db, system, key(maria), "2026-02")

    await recount()
    async with behind.begin() as connection:  # burned, and no mark left from the entry
        await connection.execute(
            sa.text("delete from month_total where tenant_id = :t"), {"t": system.tenant_id}
        )
    async with tenant_db(system) as db:
        await recount_month(db, system, key(maria), "2026-02")
        second = asyncio.create_task(recount())
        await asyncio.sleep(0.3)
        assert not second.done()
    await second
    assert await stored(lakeside, key(maria)) == {("2026-02", "staff"): 600}


async def test_a_place_in_a_meeting_survives_being_left_and_joined_at_once(
    lakeside: World, ask: Any, log: Log, behind: AsyncEngine
) -> None:
    maria = await register(ask, lakeside)
    james = await register(ask, lakeside, givenNames="James")
    for round in range(6):
        start = local(lakeside, f"2026-02-1{round}T09:00")
        entry = await log(lakeside, maria, start, start + timedelta(minutes=10), joint=True, reason="x")
        join = {"timeEntryId": entry["id"], "patientId": james, "reason": "x"}
        _, joined = await asyncio.gather(
            say(ask, lakeside, "nora", VOID, input={"timeEntryId": entry["id"], "reason": "x"}),
            say(ask, lakeside, "nora", JOIN, input=join),
        )
        assert ("id" in joined) or joined["code"] == "ALREADY_CORRECTED"
        async with behind.connect() as connection:
            held = await connection.execute(
                sa.text("select count(*) from person_time where tenant_id = :t and lower(span) = :start"),
                {"t": lakeside.tenant_id, "start": start},
            )
            assert held.scalar_one() == (1 if "id" in joined else 0)


async def stored(world: World, patient: UUID) -> dict[tuple[str, str], int]:
    async with tenant_db(world.system("minutes.read"), read_only=True) as db:
        rows = await db.execute(
            sa.select(MonthTotal.month, MonthTotal.role_class, MonthTotal.seconds).where(
                MonthTotal.patient_id == patient
            )
        )
        return {(month, role_class): seconds for month, role_class, seconds in rows}
