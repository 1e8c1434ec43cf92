"""Derived things rebuilt from the ledger: month totals after a change, or everything after a fire."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, text, true, tuple_
from sqlalchemy.dialects.postgresql import insert

from server.clock import now
from server.ids import new_id
from server.minutes.arithmetic import Span, months_touched
from server.minutes.queries import is_live
from server.minutes.tables import NOBODYS_TIME, DirtyMonth, MonthTotal, PersonTime, TimeEntry
from server.minutes.totals import LIVE, STORE_SUMS, PatientMonth, question
from server.patients.gate import patient_for
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Staff


async def mark_months(db: Db, actor: Actor, due: Sequence[PatientMonth]) -> None:
    """Note in this transaction that these totals are out of date."""
    if not due:
        return
    marked_at = now()
    # In one order everywhere, so that two transactions marking the same months wait instead of deadlocking.
    rows = [
        {
            "tenant_id": actor.tenant_id, "id": new_id(), "patient_id": patient_id, "month": month,
            "marked_at": marked_at,
        }
        for patient_id, month in sorted(set(due))
    ]  # fmt: skip
    marking = insert(DirtyMonth).values(rows)
    await db.execute(
        marking.on_conflict_do_update(
            index_elements=["tenant_id", "patient_id", "month"],
            set_={"marked_at": marking.excluded.marked_at},
        )
    )


async def recount_month(db: Db, actor: Actor, patient_id: UUID, month: str) -> None:
    """Add one patient's month up again from zero. month: YYYY-MM."""
    actor.require("minutes.write")
    await patient_for(db, actor, patient_id, permission="minutes.write")
    # Marked first: the mark's row is the lock that keeps an older count from overwriting a newer one.
    await mark_months(db, actor, [(patient_id, month)])
    await _recount(db, actor, [(patient_id, month)])


async def recount_dirty(db: Db, actor: Actor, *, month: str = "", at_most: int = 1_000) -> int:
    """Add up at most so many of the practice's totals that are out of date; returns how many were.

    month: YYYY-MM for that month's alone.
    """
    actor.require("minutes.write")
    due = [
        (patient_id, month)
        for patient_id, month in await db.execute(
            select(DirtyMonth.patient_id, DirtyMonth.month)
            .where(DirtyMonth.month == month if month else true())
            .order_by(DirtyMonth.patient_id, DirtyMonth.month)
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
    ]
    if due:
        await _recount(db, actor, due)
    return len(due)


async def rebuild_totals(db: Db, actor: Actor) -> int:
    """Burn every month total of the practice and mark all its months; `recount_dirty` then adds them up again."""
    actor.require("minutes.write")
    await db.execute(delete(MonthTotal))
    entries = await db.execute(
        select(TimeEntry.patient_id, TimeEntry.started_at, TimeEntry.ended_at).where(is_live()).distinct()
    )
    due = {
        (patient_id, month)
        for patient_id, started_at, ended_at in entries
        for month in months_touched(Span(started_at, ended_at), actor.zone)
    }
    ordered = sorted(due)
    for start in range(0, len(ordered), 1_000):
        await mark_months(db, actor, ordered[start : start + 1_000])
    return len(due)


async def rebuild_person_time(db: Db, actor: Actor) -> None:
    """Burn everybody's occupied time and lay it out again from the ledger."""
    actor.require("minutes.write")
    # Whoever enters minutes holds the person's row; holding all of them keeps the ledger still.
    await db.execute(select(Staff.id).order_by(Staff.id).with_for_update(key_share=True))
    await db.execute(delete(PersonTime))
    await db.execute(_LAY_OUT, {"tenant": actor.tenant_id, "nobodys_time": sorted(NOBODYS_TIME)})


_LAY_OUT = text(f"""
    insert into person_time (tenant_id, id, staff_id, span, entry_id, joint_id)
    select distinct on (e.staff_id, coalesce(e.joint_id, e.id), e.started_at, e.ended_at)
           e.tenant_id, gen_random_uuid(), e.staff_id, tstzrange(e.started_at, e.ended_at), e.id, e.joint_id
    from time_entry e
    where e.tenant_id = :tenant and e.activity <> all(:nobodys_time) and {LIVE.format("e")}
    order by e.staff_id, coalesce(e.joint_id, e.id), e.started_at, e.ended_at, e.id
""")  # noqa: S608 - LIVE is a constant of ours


async def _recount(db: Db, actor: Actor, due: Sequence[PatientMonth]) -> None:
    # The marks go first and the sums come in later statements: an entry committed before the sums is in them,
    # and one committed after could not yet have marked its month, so its mark survives us.
    await db.execute(delete(DirtyMonth).where(tuple_(DirtyMonth.patient_id, DirtyMonth.month).in_(due)))
    await db.execute(delete(MonthTotal).where(tuple_(MonthTotal.patient_id, MonthTotal.month).in_(due)))
    counted_at: datetime = now()
    parameters = await question(db, actor.tenant_id, actor.zone, due)
    await db.execute(STORE_SUMS, {**parameters, "counted_at": counted_at})
    db.note(
        actor, "minutes.recount", entity="month_total", patient_ids=[patient_id for patient_id, _ in due],
        effect="write",
    )  # fmt: skip
