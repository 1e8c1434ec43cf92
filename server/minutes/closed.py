"""Closed months, as the ledger of minutes knows them: what may still be entered, and what changed since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert

from server.clock import now
from server.ids import new_id
from server.minutes.arithmetic import Span, check_open, months_touched
from server.minutes.tables import ClosedMonth, UndecidedChange
from server.minutes.totals import PatientMonth
from server.tenants.actor import Actor
from server.tenants.db import Db


async def begin_closing(db: Db, actor: Actor, month: str) -> None:
    """From this transaction's commit on, changes of the month's minutes are marked. Waits for those under way."""
    await _lock(db, actor, [month], "pg_advisory_xact_lock")
    await db.execute(
        insert(ClosedMonth)
        .values(tenant_id=actor.tenant_id, id=new_id(), month=month)
        .on_conflict_do_nothing()
    )


async def late_into(db: Db, actor: Actor, spans: Sequence[Span], *, late: bool, reason: str) -> bool:
    """Whether minutes of these spans change a closed month. Refused unless they are said to be late, with a reason.

    Held until the transaction ends: no closing of these months begins meanwhile.
    """
    months = sorted({month for span in spans for month in months_touched(span, actor.zone)})
    await _lock(db, actor, months, "pg_advisory_xact_lock_shared")
    rows = await db.execute(
        select(ClosedMonth.month, ClosedMonth.closed_at).where(
            ClosedMonth.month.in_(months), ClosedMonth.closed_at.is_not(None)
        )
    )
    closed: dict[str, datetime] = {month: at for month, at in rows if at is not None}
    check_open(spans, closed, actor.zone, late=late, reason=reason)
    return bool(closed)


async def mark_changes(db: Db, actor: Actor, due: Sequence[PatientMonth]) -> None:
    """Note in this transaction that months whose closing has begun are not as they were decided."""
    if due:
        await db.execute(
            _MARK,
            {
                "tenant": actor.tenant_id,
                "patients": [patient_id for patient_id, _ in due],
                "months": [month for _, month in due],
                "at": now(),
            },
        )


_MARK = text("""
    insert into undecided_change (tenant_id, id, patient_id, month, marked_at)
    select :tenant, gen_random_uuid(), coalesce(p.merged_into, due.patient_id), due.month, :at
    from unnest(:patients, :months) as due(patient_id, month)
    left join patient p on p.tenant_id = :tenant and p.id = due.patient_id
    where exists (select from closed_month c where c.tenant_id = :tenant and c.month = due.month)
""").bindparams(
    bindparam("patients", type_=ARRAY(Uuid)),
    bindparam("months", type_=ARRAY(Text)),
    bindparam("at", type_=TIMESTAMP(timezone=True)),
)


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed in a month after its closing began. patient_ids: whose, in order of id."""

    month: str
    patient_ids: tuple[UUID, ...]
    last_at: datetime


async def changes_since_closed(db: Db, actor: Actor, months: Sequence[str]) -> dict[str, Changed]:
    """month -> what its newest decisions have not seen; months with nothing new are left out."""
    actor.require("claims.read")
    rows = await db.execute(
        select(
            UndecidedChange.month,
            func.array_agg(UndecidedChange.patient_id.distinct()),
            func.max(UndecidedChange.marked_at),
        )
        .where(UndecidedChange.month.in_(list(months)))
        .group_by(UndecidedChange.month)
    )
    return {month: Changed(month, tuple(sorted(ids)), at) for month, ids, at in rows}


async def _lock(db: Db, actor: Actor, months: Sequence[str], function: str) -> None:
    # Of its own statement, before what it guards is looked at: a statement sees only what was there when it began.
    for month in sorted(months):
        await db.execute(
            text(f"select {function}(hashtextextended(:key, 0))"),
            {"key": f"{actor.tenant_id} minutes of {month}"},
        )
