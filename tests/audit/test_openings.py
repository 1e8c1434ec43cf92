"""Who opened this patient's record: complete, quick, and only for the privacy officer."""

import time
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from sqlalchemy.ext.asyncio import AsyncEngine

from server.errors import Refused, forbidden
from server.ids import new_id
from server.tenants.audit import openings
from server.tenants.db import doors, tenant_db
from server.tenants.seal import tick


async def look(world: World, who: str, patient: Any, action: str = "patient.open") -> None:
    actor = world.actor(who)
    async with tenant_db(actor, read_only=True) as db:
        db.note(actor, action, entity="patient", patient_ids=[patient])


async def told(world: World, patient: Any, **more: Any) -> list[Any]:
    actor = world.actor("ada")
    async with tenant_db(actor, read_only=True) as db:
        return await openings(db, actor, patient, **more)


async def test_reads_writes_and_refusals_are_told_before_and_after_sealing(
    lakeside: World, hillcrest: World
) -> None:
    patient, other = new_id(), new_id()
    await look(lakeside, "nora", patient)
    nora, fred = lakeside.actor("nora"), lakeside.actor("fred")
    async with tenant_db(nora) as db:
        db.note(nora, "patient.mend", entity="patient", patient_ids=[patient, other], effect="write")

    async def turned_away() -> None:
        async with tenant_db(fred) as db:
            db.note(fred, "plan.open", entity="plan", patient_ids=[patient], effect="refused")
            raise forbidden()

    with pytest.raises(Refused):
        await turned_away()
    expected = [("plan.open", "refused", "Fred Okafor"), ("patient.mend", "write", "Nora Feld"), ("patient.open", "read", "Nora Feld")]  # fmt: skip
    for _ in range(2):
        shown = [o for o in await told(lakeside, patient) if o.action != "audit.read"]
        assert [(o.action, o.effect, o.staff_name) for o in shown] == expected
        await tick(doors())
    assert [o.action for o in await told(lakeside, other)] == ["patient.mend"]
    assert await told(hillcrest, patient) == []


async def test_reading_the_audit_is_itself_written_down_and_needs_the_right(lakeside: World) -> None:
    patient = new_id()
    await told(lakeside, patient)
    assert [(o.action, o.staff_name) for o in await told(lakeside, patient)] == [("audit.read", "Ada Brandt")]
    for who in ("nora", "dr_lin", "bill", "fred", "mika", "mona", "rosa"):
        actor = lakeside.actor(who)
        async with tenant_db(actor, read_only=True) as db:
            with pytest.raises(Refused, match="NOT_ALLOWED"):
                await openings(db, actor, patient)


async def test_pages_meet_without_gap_or_overlap(lakeside: World) -> None:
    patient = new_id()
    for number in range(7):
        await look(lakeside, "nora", patient, f"patient.open_{number}")
        if number == 4:
            await tick(doors())
    seen: list[str] = []
    before = None
    for _ in range(5):
        page = list(await told(lakeside, patient, before=before, most=3))
        if not page:
            break
        seen += [o.action for o in page if o.action != "audit.read"]
        before = (page[-1].at, page[-1].event_id)
    assert seen == [f"patient.open_{number}" for number in range(6, -1, -1)]


async def test_a_patient_is_found_among_forty_thousand_events(
    lakeside: World, behind: AsyncEngine, record_property: Any
) -> None:
    """The gate is the plan: through the index on the patient, never over the practice's whole audit."""
    patient = new_id()
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("""
            with many as (
              insert into audit_event select :t, gen_random_uuid(), now() - n * interval '1 second', null, 'system', 'job',
                '', 'patient.open', 'read', array[case when n % 400 = 0 then cast(:p as uuid) else gen_random_uuid() end],
                'patient', '{}', '{}' from generate_series(1, 40000) n returning id, patient_ids, at)
            insert into audit_subject select :t, gen_random_uuid(), patient_ids[1], id, at from many"""),
            {"t": lakeside.tenant_id, "p": patient},
        )
        await connection.execute(sa.text("analyze audit_event, audit_subject"))
    started = time.monotonic()
    assert len(await told(lakeside, patient, most=100)) == 100
    took = time.monotonic() - started
    plans: list[str] = []
    actor = lakeside.actor("ada")
    async with tenant_db(actor, read_only=True) as db:
        real = db.execute

        async def explained(statement: Any, *args: Any, **more: Any) -> Any:
            shown = statement.compile(
                dialect=sa.dialects.postgresql.dialect(), compile_kwargs={"literal_binds": True}
            )
            plans.append("\n".join((await real(sa.text(f"explain {shown}"))).scalars()))
            return await real(statement, *args, **more)

        db.execute = explained  # type: ignore[method-assign]
        await openings(db, actor, patient)
    assert plans
    assert all(
        "ix_audit_subject_patient" in plan and "Seq Scan on audit_event" not in plan for plan in plans
    ), plans
    record_property("count", f"P31: one patient's 100 openings among 40,000 events in {took * 1000:.0f} ms")
    assert took < 1


async def test_a_patient_is_found_among_twenty_thousand_events_that_wait_to_be_sealed(
    lakeside: World, hillcrest: World, behind: AsyncEngine, record_property: Any
) -> None:
    """When the sealer was away for a day: what is not sealed is searched event by event, and still in time."""
    patient = new_id()
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("""
            with many as (
              insert into audit_event select :t, gen_random_uuid(), now() - n * interval '1 second', null, 'system', 'job',
                '', 'patient.open', 'read', array[case when n % 400 = 0 then cast(:p as uuid) else gen_random_uuid() end],
                'patient', '{}', '{}' from generate_series(1, 20000) n returning id)
            insert into audit_unsealed select :t, id from many"""),
            {"t": lakeside.tenant_id, "p": patient},
        )
    started = time.monotonic()
    found = await told(lakeside, patient, most=100)
    took = time.monotonic() - started
    assert len(found) == 50
    assert [one.at for one in found] == sorted((one.at for one in found), reverse=True)
    assert await told(hillcrest, patient) == []
    record_property(
        "count", f"P31: one patient's 50 openings among 20,000 unsealed events in {took * 1000:.0f} ms"
    )
    assert took < 2
    async with behind.begin() as connection:  # or every sealer after this test has a day's work
        await connection.execute(
            sa.text("delete from audit_unsealed where tenant_id = :t"), {"t": lakeside.tenant_id}
        )
