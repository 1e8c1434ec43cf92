"""Noticing an import that stopped half way: a job is put in the ledger with the batch, and looks after it.

Whoever brings files in may be killed between two files. Each file that was finished is in; nobody is left to say that
the rest is not. While a file is being brought in its transaction holds the practice's import lock, so a batch that is
`running` without that lock has nobody at work on it.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, insert, select, text, update

from server.clock import now
from server.ids import new_id
from server.interop.tables import ImportBatch, ImportIssue
from server.jobs import add
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say

WATCH: Final = "imports.watch"
STOPPED: Final = "IMPORT_STOPPED"
_LOOK_AFTER: Final = timedelta(minutes=30)


async def only_import(db: Db, actor: Actor) -> bool:
    """Take the practice's import lock for the rest of this transaction; False while another holds it."""
    whole = actor.tenant_id.int
    key = ((whole >> 64) ^ whole) & 0x7FFFFFFFFFFFFFFF
    return bool(await db.scalar(text("select pg_try_advisory_xact_lock(:key)"), {"key": key}))


async def ask_for_watch(db: Db, actor: Actor, batch_id: UUID, *, look: int = 1) -> None:
    """Have somebody look in half an hour whether this batch is still being brought in."""
    args = {"batch_id": batch_id, "look": look}
    await add(db, actor, WATCH, f"{batch_id}:{look}", args, run_at=now() + _LOOK_AFTER)


async def watch_batch(db: Db, actor: Actor, batch_id: UUID, look: int) -> None:
    """Mark the batch as stopped if nobody is at work on it any more. Twice is the same as once."""
    actor.require("imports.write")
    state = await db.scalar(select(ImportBatch.state).where(ImportBatch.id == batch_id).with_for_update())
    if state != "running":
        return
    if not await only_import(db, actor):
        await ask_for_watch(db, actor, batch_id, look=look + 1)
        return
    await db.execute(
        update(ImportBatch).where(ImportBatch.id == batch_id).values(state="stopped", ended_at=now())
    )
    await db.execute(
        insert(ImportIssue).values(
            tenant_id=actor.tenant_id,
            id=new_id(),
            batch_id=batch_id,
            severity="error",
            kind="file",
            source_id="",
            path=STOPPED,
            sentence=say(
                "The import stopped before its end: the program it ran in was interrupted. "
                "Some of the files may be missing."
            ),
            next_step=say("Bring the same files in again; what is already here is not doubled."),
            file="",
        )
    )
    db.note(actor, "imports.stop", entity="import_batch", entity_ids=[batch_id], effect="write")


async def not_stopped(db: Db, batch_id: UUID) -> None:
    """The batch came to its end after all: it had only been slow between two files."""
    await db.execute(delete(ImportIssue).where(ImportIssue.batch_id == batch_id, ImportIssue.path == STOPPED))
