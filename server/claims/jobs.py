"""A month close as ledger work: one job cuts the month into batches, each batch is decided by a job of its own.

Several hands and workers share one month. Facts are read in one snapshot, the rules answer in their child process
while the job's own transaction has locked nothing yet, and decisions, progress and the closing of the job commit together, under its fence.
"""

from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, exists, func, select, text, update
from sqlalchemy import insert as plain_insert

from server import jobs
from server.claims.actions import BATCH, SPLIT, batch_key
from server.claims.asking import answers_about
from server.claims.gather import first_billed, gather, house_of, patients_of_month
from server.claims.keeping import finish, keep
from server.claims.month import month_bounds
from server.claims.tables import MonthClose, MonthCloseBatch
from server.ids import new_id
from server.minutes.recount import recount_dirty
from server.minutes.tables import UndecidedChange
from server.plugin_host.kept import kept_runner
from server.plugin_host.runner import Crowded
from server.tables import JSON
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.words import N_

PATIENTS_PER_BATCH: Final = 200
_LONGEST_WAIT_SECONDS: Final = 900  # the worker gives up a run then
_RIGHTS: Final = ("claims.close", "claims.read", "minutes.read", "minutes.write", "enrollment.read")


async def split_month(db: Db, actor: Actor, args: JSON) -> None:
    """Count what minutes are still to be counted, see who the month is about, and add a job per batch of them."""
    close_id = UUID(args["close_id"])
    run = (
        await db.execute(
            select(MonthClose.month, MonthClose.state)
            .where(MonthClose.id == close_id)
            .with_for_update(key_share=True)
        )
    ).one()
    if run.state != "asked":
        return
    first_instant, end, first, last = month_bounds(run.month, actor.zone)
    while await recount_dirty(db, actor, month=run.month):
        pass
    ids = await patients_of_month(db, first_instant, end, first, last)
    before = await first_billed(db, first)

    batches = [ids[start : start + PATIENTS_PER_BATCH] for start in range(0, len(ids), PATIENTS_PER_BATCH)]
    rows = [
        {
            "tenant_id": actor.tenant_id,
            "id": new_id(),
            "close_id": close_id,
            "number": number,
            "patient_ids": batch,
            "state": "waiting",
        }
        for number, batch in enumerate(batches, 1)
    ]
    if rows:
        await db.execute(plain_insert(MonthCloseBatch), rows)
    await db.execute(
        update(MonthClose)
        .where(MonthClose.id == close_id)
        .values(
            state="running",
            patients=len(ids),
            batches_left=len(batches),
            first_billed=[
                {"staff_id": str(staff), "payer": payer, "on": on.isoformat()}
                for (staff, payer), on in sorted(before.items())
            ],
        )
    )
    for number in range(1, len(batches) + 1):
        await jobs.add(
            db, actor, BATCH, batch_key(close_id, number), {"close_id": close_id, "number": number}
        )
    if not rows:
        await finish(db, actor, close_id, run.month)


async def decide_batch(db: Db, actor: Actor, args: JSON) -> None:
    """Decide one batch. Twice is the same as once: a batch that is done or stopped is left alone."""
    # This transaction holds nothing while the rules are asked, and they may wait for their turn.
    await db.execute(text(f"set local idle_in_transaction_session_timeout = '{_LONGEST_WAIT_SECONDS}s'"))
    close_id, number = UUID(args["close_id"]), int(args["number"])
    async with tenant_db(actor, read_only=True, snapshot=True) as seen:
        run = await _batch(seen, close_id, number)
        if run.batch_state != "waiting" or run.run_state != "running":
            return
        first_instant, end, first, last = month_bounds(run.month, actor.zone)
        house = await house_of(seen)
        known = await gather(seen, actor, run.patient_ids, first_instant, end, first, last)
        changes = await _changes_seen(seen, run.month, run.patient_ids)
    before = {
        (UUID(one["staff_id"]), one["payer"]): date.fromisoformat(one["on"]) for one in run.first_billed
    }

    try:
        answers = await answers_about(known, run.month, house, before, kept_runner(), closing=close_id)
    except Crowded:
        raise jobs.Later from None  # this hand is free for other work meanwhile

    if not await _take(db, close_id, number):
        return  # stopped, or done by another hand, while the rules were asked
    unchanged = await keep(db, actor, close_id, run.month, answers)
    if changes:
        await db.execute(delete(UndecidedChange).where(UndecidedChange.id.in_(changes)))
    if await _count(db, close_id, len(answers), unchanged) == 0:
        await finish(db, actor, close_id, run.month)


async def _batch(db: Db, close_id: UUID, number: int) -> Any:
    return (
        await db.execute(
            select(
                MonthClose.month,
                MonthClose.first_billed,
                MonthClose.state.label("run_state"),
                MonthCloseBatch.patient_ids,
                MonthCloseBatch.state.label("batch_state"),
            )
            .join(
                MonthCloseBatch,
                (MonthCloseBatch.tenant_id == MonthClose.tenant_id)
                & (MonthCloseBatch.close_id == MonthClose.id),
            )
            .where(MonthClose.id == close_id, MonthCloseBatch.number == number)
        )
    ).one()


async def _changes_seen(db: Db, month: str, patient_ids: list[UUID]) -> list[UUID]:
    found = await db.execute(
        select(UndecidedChange.id).where(
            UndecidedChange.month == month, UndecidedChange.patient_id.in_(patient_ids)
        )
    )
    return list(found.scalars())


async def _take(db: Db, close_id: UUID, number: int) -> bool:
    """The batch is ours to store, and nobody can stop it any more. Not if its run was stopped: who stops a run while
    it is cut into batches cannot see them. The run's row is only looked at; locking it first would cross with stopping."""
    taken = await db.execute(
        update(MonthCloseBatch)
        .where(
            MonthCloseBatch.close_id == close_id,
            MonthCloseBatch.number == number,
            MonthCloseBatch.state == "waiting",
            exists().where(MonthClose.id == close_id, MonthClose.state == "running"),
        )
        .values(state="done")
        .returning(MonthCloseBatch.id)
    )
    return taken.scalar_one_or_none() is not None


async def _count(db: Db, close_id: UUID, patients: int, unchanged: int) -> int:
    """Add a batch to the run's progress; how many are left. The last statement but for the run's end: it waits for
    every batch that is storing, so whoever finds none left sees all of them."""
    counted = await db.execute(
        update(MonthClose)
        .where(MonthClose.id == close_id)
        .values(
            decided=MonthClose.decided + patients,
            unchanged=MonthClose.unchanged + unchanged,
            batches_left=MonthClose.batches_left - 1,
        )
        .returning(func.coalesce(MonthClose.batches_left, 0))
    )
    return int(counted.scalar_one())


jobs.register(
    SPLIT,
    split_month,
    lease_seconds=30,
    max_attempts=8,
    rights=_RIGHTS,
    says=N_("Cut a month that is being closed into batches"),
)
jobs.register(
    BATCH,
    decide_batch,
    lease_seconds=30,
    max_attempts=8,
    rights=_RIGHTS,
    says=N_("Decide a batch of a month that is being closed"),
)
