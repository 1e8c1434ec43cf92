"""What imports leave to the worker."""

from uuid import UUID

from server.interop.sheet_portions import PORTION, work_on_portion
from server.interop.watch import WATCH, watch_batch
from server.jobs import register
from server.tables import JSON
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import N_


async def watch(db: Db, actor: Actor, args: JSON) -> None:
    """Look after the batch. Twice is the same as once."""
    await watch_batch(db, actor, UUID(args["batch_id"]), args["look"])


register(
    WATCH,
    watch,
    lease_seconds=30,
    max_attempts=8,
    rights=("imports.write",),
    says=N_("Notice an import that stopped half way"),
)
register(
    PORTION,
    work_on_portion,
    lease_seconds=30,
    max_attempts=8,
    rights=("imports.write",),
    says=N_("Try, bring in or take back part of a table of people"),
)
