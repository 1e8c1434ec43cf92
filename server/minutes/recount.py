"""Derived things rebuilt from the ledger: month totals after a change, or everything after a fire."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from carewright_plugin_api.facts import start_of_day
from sqlalchemy import ARRAY, Text, Uuid, and_, bindparam, delete, select, text, true
from sqlalchemy.dialects.postgresql import TIMESTAMP

from server.clock import now
from server.minutes.arithmetic import Span, months_touched
from server.minutes.queries import is_live
from server.minutes.tables import NOBODYS_TIME, DirtyMonth, MonthTotal, PersonTime, TimeEntry
from server.minutes.totals import LIVE, STORE_SUMS, PatientMonth, question
from server.patients.gate import patient_for
from server.patients.records import person_of
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Staff


async def mark_months(db: Db, actor: Actor, due: Sequence[PatientMonth]) -> None:
    """Note in this transaction that these totals are out of date."""
    if not due:
        return
    # In one order everywhere, so that two transactions marking the same months wait instead of deadlocking.
    await db.execute(_MARK, {**_columns(actor, sorted(set(due))), "at": now()})


async def recount_month(db: Db, actor: Actor, patient_id: UUID, month: str) -> None:
    """Add one patient's month up again from zero. month: YYYY-MM."""
    actor.require("minutes.write")
    await patient_for(db, actor, patient_id, permission="minutes.write")
    # Marked first: the mark's row is the lock that keeps an older count from overwriting a newer one.
    await mark_months(db, actor, [(patient_id, month)])
    await _recount(db, actor, [(patient_id, month)])


async def recount_months(db: Db, actor: Actor, due: Sequence[PatientMonth]) -> None:
    """Add these patient-months up again from zero. At most a thousand at a time."""
    actor.require("minutes.write")
    await mark_months(db, actor, due)  # as above
    await _recount(db, actor, due)


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
            # Waits for whoever holds one: skipped, it would be counted by nobody if that worker is undone.
            .with_for_update()
        )
    ]
    if due:
        await _recount(db, actor, due)
    return len(due)


async def months_of_staff(db: Db, actor: Actor, staff_id: UUID, since: date) -> list[PatientMonth]:
    """The patient-months with minutes of one person from that day on, in order; a meeting's others share its months."""
    actor.require("minutes.write")
    theirs = (
        TimeEntry.staff_id == staff_id,
        TimeEntry.ended_at > start_of_day(since, actor.zone),
        is_live(),
    )
    meetings = select(TimeEntry.joint_id).where(*theirs, TimeEntry.joint_id.is_not(None)).scalar_subquery()
    entries = await db.execute(
        select(person_of(TimeEntry.patient_id), TimeEntry.started_at, TimeEntry.ended_at)
        .where(and_(*theirs) | and_(TimeEntry.joint_id.in_(meetings), is_live()))
        .distinct()
    )
    return sorted(
        {
            (patient_id, month)
            for patient_id, started_at, ended_at in entries
            for month in months_touched(Span(started_at, ended_at), actor.zone)
        }
    )


async def months_marked(db: Db, actor: Actor) -> list[str]:
    """The months (YYYY-MM) of the practice in which a total is out of date."""
    actor.require("minutes.write")
    return list((await db.execute(select(DirtyMonth.month).distinct().order_by(DirtyMonth.month))).scalars())


async def rebuild_totals(db: Db, actor: Actor) -> int:
    """Burn every month total of the practice and mark all its months; `recount_dirty` then adds them up again."""
    actor.require("minutes.write")
    await db.execute(delete(MonthTotal))
    entries = await db.execute(
        select(person_of(TimeEntry.patient_id), TimeEntry.started_at, TimeEntry.ended_at)
        .where(is_live())
        .distinct()
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


def _columns(actor: Actor, due: Sequence[PatientMonth]) -> dict[str, Any]:
    return {
        "tenant": actor.tenant_id,
        "patients": [patient_id for patient_id, _ in due],
        "months": [month for _, month in due],
    }


_PAIRS = (bindparam("patients", type_=ARRAY(Uuid)), bindparam("months", type_=ARRAY(Text)))
_MARK = text("""
    insert into dirty_month (tenant_id, id, patient_id, month, marked_at)
    select :tenant, gen_random_uuid(), whose.id, whose.month, :at
    from (
        select distinct coalesce(p.merged_into, due.patient_id) as id, due.month
        from unnest(:patients, :months) as due(patient_id, month)
        left join patient p on p.tenant_id = :tenant and p.id = due.patient_id) whose
    order by whose.id, whose.month
    on conflict (tenant_id, patient_id, month) do update set marked_at = excluded.marked_at
""").bindparams(*_PAIRS, bindparam("at", type_=TIMESTAMP(timezone=True)))
_UNMARK, _BURN = (
    text(f"""
    delete from {table} old using unnest(:patients, :months) as due(patient_id, month)
    where old.tenant_id = :tenant and old.patient_id = due.patient_id and old.month = due.month
    """).bindparams(*_PAIRS)  # noqa: S608 - table names of ours
    for table in ("dirty_month", "month_total")
)


async def _recount(db: Db, actor: Actor, due: Sequence[PatientMonth]) -> None:
    # The marks go first and the sums come in later statements: an entry committed before the sums is in them,
    # and one committed after could not yet have marked its month, so its mark survives us.
    columns = _columns(actor, due)
    await db.execute(_UNMARK, columns)
    await db.execute(_BURN, columns)
    parameters = await question(db, actor.tenant_id, actor.zone, due)
    await db.execute(STORE_SUMS, {**parameters, "counted_at": now()})
    db.note(
        actor, "minutes.recount", entity="month_total", patient_ids=[patient_id for patient_id, _ in due],
        effect="write",
    )  # fmt: skip
