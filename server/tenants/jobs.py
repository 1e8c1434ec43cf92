"""The room's kinds of job."""

from server.clock import now
from server.jobs import register
from server.tables import JSON
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.idempotency import PURGE, purge


async def purge_answers(db: Db, actor: Actor, args: JSON) -> None:
    """Answers kept with idempotency keys are forgotten after a week."""
    await purge(db, now())


register(PURGE, purge_answers, lease_seconds=30, max_attempts=8)
