"""Totals: the statement in SQL and the arithmetic in Python agree, and what is derived can be burned."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from cast import World
from newcomer import key, local, register, say
from sqlalchemy.ext.asyncio import AsyncEngine

from server import jobs
from server.ids import new_id
from server.minutes.actions import NewMinutes, log_minutes
from server.minutes.arithmetic import Span, Totals, Worked, totals
from server.minutes.jobs import RECOUNT
from server.minutes.recount import rebuild_person_time, rebuild_totals, recount_dirty
from server.minutes.roles import Dated, spell_at, spells
from server.minutes.tables import MonthTotal, TimeEntry
from server.tenants.db import tenant_db
from server.tenants.tables import Qualification
from tests.minutes.conftest import TOTALS, Log


async def recount_all(world: World) -> None:
    system = world.system("minutes.write")
    async with tenant_db(system) as db:
        await rebuild_totals(db, system)
    async with tenant_db(system) as db:
        while await recount_dirty(db, system, at_most=7):
            pass


async def stored(world: World) -> Totals:
    async with tenant_db(world.system("minutes.read"), read_only=True) as db:
        rows = await db.execute(
            sa.select(
                MonthTotal.patient_id,
                MonthTotal.program,
                MonthTotal.month,
                MonthTotal.role_class,
                MonthTotal.seconds,
            )
        )
        return {(patient, program, month, role): seconds for patient, program, month, role, seconds in rows}


@pytest.mark.parametrize("seed", range(6))
async def test_sql_and_python_add_up_the_same(lakeside: World, hillcrest: World, ask: Any, seed: int) -> None:
    """A wild ledger planted past the rules: overlaps, meetings of every shape, corrections, drafts, month edges."""
    chance = random.Random(seed)
    patients = [key(await register(ask, lakeside, givenNames=f"Maria {n}")) for n in range(4)]
    people = [lakeside.staff[who] for who in ("nora", "rosa", "dr_lin", "fred")]
    becomes_np = date(2026, 3, 9)
    meetings = [new_id() for _ in range(6)]
    rows: list[dict[str, Any]] = []
    for _ in range(150):
        base = datetime(2026, 3, 1, 4, 30, tzinfo=UTC) + chance.choice(
            [timedelta(0), timedelta(days=8), timedelta(days=31)]
        )
        start = base + timedelta(seconds=chance.randrange(4_000), microseconds=chance.choice([0, 0, 250_000]))
        end = start + timedelta(seconds=chance.choice([1, 59, 61, 600, 901, 2_000, 86_400]))
        joint = chance.choice(meetings) if chance.random() < 0.5 else None
        if joint and chance.random() < 0.7 and (shared := [row for row in rows if row["joint_id"] == joint]):
            start, end = (shared[0][name] for name in ("started_at", "ended_at"))
        rows.append(
            {
                "tenant_id": lakeside.tenant_id, "id": new_id(), "patient_id": chance.choice(patients),
                "staff_id": chance.choice(people), "program": chance.choice(["ccm", "ccm", "pdcm"]),
                "activity": chance.choice(["contact", "contact", "coordination", "automated"]), "mode": "",
                "with_patient": False, "started_at": start, "ended_at": end,
                "state": chance.choice(["final"] * 5 + ["draft"]), "part_of": chance.choice([""] * 6 + ["a visit"]),
                "joint_id": joint, "void": False, "replaces_id": None, "reason": "", "made_at": base,
            }
        )  # fmt: skip
    for old in chance.sample(rows, 30):
        rows.append({**old, "id": new_id(), "replaces_id": old["id"], "void": chance.random() < 0.5})
    async with tenant_db(lakeside.system()) as db:
        await db.execute(sa.insert(TimeEntry), rows)
        await db.execute(
            sa.insert(Qualification).values(
                tenant_id=lakeside.tenant_id, staff_id=lakeside.staff["rosa"], kind="discipline", name="np",
                from_on=becomes_np, made_at=datetime.now(UTC),
            )
        )  # fmt: skip

    await recount_all(lakeside)

    begun = date(2015, 1, 1)
    disciplines = {"nora": "rn", "rosa": "lmsw", "dr_lin": "md", "fred": "front_desk"}
    held = [Dated(lakeside.staff[who], word, begun) for who, word in disciplines.items()]
    line = spells(people, [*held, Dated(lakeside.staff["rosa"], "np", becomes_np)], lakeside.zone)
    replaced = {row["replaces_id"] for row in rows}
    expected = totals(
        [
            Worked(
                row["id"], row["patient_id"], row["program"], row["staff_id"],
                spell_at(line, row["staff_id"], row["started_at"]).role_class,
                Span(row["started_at"], row["ended_at"]), row["joint_id"],
                row["state"] == "final" and not row["part_of"],
            )
            for row in rows
            if not row["void"] and row["id"] not in replaced and row["activity"] != "automated"
        ],
        lakeside.zone,
    )  # fmt: skip
    found = await stored(lakeside)
    assert found == expected
    assert len(found) > 10
    assert {role for *_, role in found} == {"staff", "practitioner", "admin"}
    assert await stored(hillcrest) == {}


async def test_burned_totals_and_places_come_back_the_same(
    lakeside: World, ask: Any, log: Log, behind: AsyncEngine
) -> None:
    maria = await register(ask, lakeside)
    start = local(lakeside, "2026-02-10T09:00")
    for n, who in enumerate(("nora", "rosa", "dr_lin", "nora")):
        at = start + timedelta(days=9 * n)
        await log(lakeside, maria, at, at + timedelta(minutes=10 + n), who, joint=n == 1, reason="x")
    await recount_all(lakeside)
    before = await stored(lakeside)
    places = await _places(behind, lakeside)
    assert len(before) == 3
    assert len(places) == 4
    async with behind.begin() as connection:
        for table in ("month_total", "person_time"):
            await connection.execute(
                sa.text(f"delete from {table} where tenant_id = :t"), {"t": lakeside.tenant_id}
            )
    assert await stored(lakeside) == {}
    system = lakeside.system("minutes.write")
    async with tenant_db(system) as db:
        await rebuild_person_time(db, system)
    await recount_all(lakeside)
    assert await stored(lakeside) == before
    assert await _places(behind, lakeside) == places


async def _places(behind: AsyncEngine, world: World) -> set[tuple[Any, ...]]:
    async with behind.connect() as connection:
        rows = await connection.execute(
            sa.text(
                "select staff_id, lower(span), upper(span), entry_id, joint_id from person_time where tenant_id = :t"
            ),
            {"t": world.tenant_id},
        )
        return {tuple(row) for row in rows}


async def test_totals_read_before_and_after_the_recount_are_the_same(
    lakeside: World, ask: Any, log: Log
) -> None:
    maria = await register(ask, lakeside)
    start = local(lakeside, "2026-02-10T09:00")
    await log(lakeside, maria, start, start + timedelta(minutes=19, seconds=59), reason="x")
    fresh = (await say(ask, lakeside, "nora", TOTALS, id=maria))["monthTotals"]
    assert fresh == [
        {
            "program": "CCM",
            "month": "2026-02",
            "roleClass": "STAFF",
            "seconds": 1199,
            "minutes": 19,
            "entries": 1,
        }
    ]
    assert await stored(lakeside) == {}
    await run_recounts(lakeside)
    assert list((await stored(lakeside)).values()) == [1199]
    assert (await say(ask, lakeside, "nora", TOTALS, id=maria))["monthTotals"] == fresh


async def run_recounts(world: World) -> None:
    """What the worker does with this practice's waiting recounts."""
    kind = jobs.KINDS[RECOUNT]
    system = world.system(*kind.rights)
    async with tenant_db(system) as db:
        waiting = await db.execute(
            sa.text("select args from job where kind = :kind and state = 'ready' and run_at <= now()"),
            {"kind": RECOUNT},
        )
        for args in waiting.scalars().all():
            await kind.handler(db, system, args)


async def test_new_minutes_leave_a_job_for_their_months_in_the_same_transaction(
    lakeside: World, ask: Any, log: Log
) -> None:
    maria = await register(ask, lakeside)
    over = local(lakeside, "2026-01-31T23:50")
    await log(lakeside, maria, over, over + timedelta(minutes=20), reason="x")
    actor = lakeside.actor()
    new = NewMinutes(
        "ccm", "contact", over + timedelta(days=40), over + timedelta(days=40, minutes=1), reason="x"
    )

    async def stop_before_the_commit() -> None:
        async with tenant_db(actor) as db:
            await log_minutes(db, actor, key(maria), new)
            raise RuntimeError("the machine stops here")

    with pytest.raises(RuntimeError, match="the machine stops here"):
        await stop_before_the_commit()
    async with tenant_db(lakeside.system(), read_only=True) as db:
        keys = (
            await db.execute(sa.text("select dedupe_key from job where kind = 'recount' order by 1"))
        ).scalars()
        assert list(keys) == ["2026-01", "2026-02"]


async def test_a_recount_of_many_patients_is_a_fixed_number_of_statements(
    lakeside: World, ask: Any, statements: Any
) -> None:
    counts = []
    for number in (1, 20):
        patients = [key(await register(ask, lakeside)) for _ in range(number)]
        await _plant(lakeside, patients)
        system = lakeside.system("minutes.write")
        async with tenant_db(system) as db:
            with statements() as seen:
                assert await recount_dirty(db, system) == number
        counts.append(len(seen))
    assert counts[0] == counts[1]


async def _plant(world: World, patients: list[UUID]) -> None:
    actor = world.actor()
    at = datetime(2026, 2, 10, 14, tzinfo=UTC)
    async with tenant_db(actor) as db:
        taken = (await db.execute(sa.select(sa.func.count()).select_from(TimeEntry))).scalar_one()
        for n, patient in enumerate(patients, start=taken):
            start = at + timedelta(minutes=10 * n)
            await log_minutes(
                db,
                actor,
                patient,
                NewMinutes("ccm", "contact", start, start + timedelta(minutes=5), reason="x"),
            )
