"""Closing a month: asked for here, done as ledger work (`jobs.py`), stopped here."""

from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from server import jobs
from server.claims.month import month_bounds
from server.claims.tables import MonthClose, MonthCloseBatch
from server.clock import now, today
from server.dates import month_words
from server.errors import Refused, not_found
from server.ids import new_id
from server.minutes.closed import begin_closing
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say

#: the kinds of job a run is made of; `jobs.py` says what they do
SPLIT, BATCH = "claims.close", "claims.close_batch"

UNDER_WAY = ("asked", "running")


async def ask_to_close(db: Db, actor: Actor, month: str) -> UUID:
    """Have every patient's month decided; returns the run. While one is under way, asking again gives that one.

    Again with the same facts, a run changes nothing; with others, the next version of each decision that differs is
    appended. Refused: a month that is not over on the practice's clock.
    """
    actor.require("claims.close")
    _, end, _, last = month_bounds(month, actor.zone)
    if last >= today(actor.zone):
        raise Refused(
            "MONTH_NOT_OVER",
            say(
                "%(month)s is not over yet: work done on its last day would be left out.",
                month=month_words(month),
            ),
            say("Close it from the first of the following month on (%(day)s).", day=f"{end:%Y-%m-%d}"),
            field="month",
        )

    # Whoever is entering minutes of the month right now commits before the run begins; whoever comes later marks
    # what they change. So nothing falls between what the run sees and what is told to have changed since.
    await begin_closing(db, actor, month)
    while (asked := await _ask_anew(db, actor, month)) is None:
        if (under_way := await _under_way(db, actor, month)) is not None:
            return under_way  # else it ended between the two statements

    await jobs.add(db, actor, SPLIT, str(asked), {"close_id": asked})
    db.note(actor, "claims.close", entity="month_close", entity_ids=[asked], effect="write", month=month)
    return asked


async def _ask_anew(db: Db, actor: Actor, month: str) -> UUID | None:
    """A new run, or None while one is under way."""
    asked: UUID | None = (
        await db.execute(
            insert(MonthClose)
            .values(
                tenant_id=actor.tenant_id, id=new_id(), month=month, state="asked", made_at=now(), made_by=actor.staff_id
            )
            .on_conflict_do_nothing()
            .returning(MonthClose.id)
        )
    ).scalar_one_or_none()  # fmt: skip
    return asked


async def _under_way(db: Db, actor: Actor, month: str) -> UUID | None:
    """The run that is under way. What it still owes and nobody works on gets another chance: somebody is asking."""
    run = (
        await db.execute(
            select(MonthClose.id, MonthClose.state).where(
                MonthClose.month == month, MonthClose.state.in_(UNDER_WAY)
            )
        )
    ).one_or_none()
    if run is None:
        return None
    waiting = await db.execute(
        select(MonthCloseBatch.number).where(
            MonthCloseBatch.close_id == run.id, MonthCloseBatch.state == "waiting"
        )
    )
    owed: dict[str, int | None] = {batch_key(run.id, number): number for number in waiting.scalars()}
    if run.state == "asked":
        owed = {str(run.id): None}
    live = await db.execute(
        text("""select dedupe_key from job where kind in (:split, :batch) and state in ('ready', 'running')
                and dedupe_key = any(:owed)"""),
        {"split": SPLIT, "batch": BATCH, "owed": list(owed)},
    )
    for key in sorted(owed.keys() - set(live.scalars())):
        number = owed[key]
        args = {"close_id": run.id} if number is None else {"close_id": run.id, "number": number}
        await jobs.add(db, actor, SPLIT if number is None else BATCH, key, args)
    found: UUID = run.id
    return found


def batch_key(close_id: UUID, number: int) -> str:
    """The dedupe key of a batch's job."""
    return f"{close_id}:{number}"


async def stop_closing(db: Db, actor: Actor, close_id: UUID) -> None:
    """Stop a run. What was decided stays decided, whole batches of it; closing again takes up the rest."""
    actor.require("claims.close")
    run = (
        await db.execute(select(MonthClose.month, MonthClose.state).where(MonthClose.id == close_id))
    ).one_or_none()
    if run is None:
        db.note(actor, "claims.close", entity="month_close", entity_ids=[close_id], effect="refused")
        raise not_found("closing")

    try:
        stopped = await _stop(db, actor, close_id)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != "55P03":
            raise
        raise Refused(
            "CLOSING_BUSY",
            say(
                "This closing is storing right now and could not be stopped. Nothing was lost, and it "
                "goes on."
            ),
            say("Try again in a few seconds."),
        ) from None
    if not stopped:
        raise Refused(
            "NOT_UNDER_WAY",
            say("This closing is not under way any more, so there is nothing to stop."),
            say("Open the month to see what it came to."),
        )
    db.note(
        actor, "claims.stop", entity="month_close", entity_ids=[close_id], effect="write", month=run.month
    )


async def _stop(db: Db, actor: Actor, close_id: UUID) -> bool:
    """Whether there was a run under way to stop."""
    # The batches first, in the order in which their own jobs lock: one that is storing now is waited for and counts.
    await db.execute(
        update(MonthCloseBatch)
        .where(MonthCloseBatch.close_id == close_id, MonthCloseBatch.state == "waiting")
        .values(state="stopped")
    )
    stopped = await db.execute(
        update(MonthClose)
        .where(MonthClose.id == close_id, MonthClose.state.in_(UNDER_WAY))
        .values(state="stopped", ended_at=now(), stopped_by=actor.staff_id)
        .returning(MonthClose.id)
    )
    return stopped.scalar_one_or_none() is not None
