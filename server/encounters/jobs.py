"""Removing drafts that nobody brings back any more: one job per practice and day."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete

from server.clock import now
from server.encounters.drafting import KEPT, kept_since
from server.encounters.tables import NoteDraft
from server.jobs import add, register
from server.tables import JSON
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import N_

PURGE: Final = "encounters.purge_drafts"


async def ask_for_purge(db: Db, actor: Actor, gone_at: datetime) -> None:
    """Have what was discarded or finished at that instant removed when its time is over."""
    over = gone_at + KEPT + timedelta(days=1)  # a day later, so that one job serves a whole day
    await add(db, actor, PURGE, f"{over:%Y-%m-%d}", {}, run_at=over, once=True)


async def purge(db: Db, actor: Actor, args: JSON) -> None:
    """Remove what was discarded or finished so long ago that nobody brings it back. Twice is the same as once."""
    actor.require("encounters.write")
    await db.execute(
        delete(NoteDraft).where(NoteDraft.state != "open", NoteDraft.gone_at < kept_since(now()))
    )


register(
    PURGE, purge, lease_seconds=30, max_attempts=8, rights=("encounters.write",),
    says=N_("Remove drafts of notes that nobody brings back any more"),
)  # fmt: skip
