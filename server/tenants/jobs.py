"""What every practice's ledger does for itself."""

from datetime import time
from typing import Final

from server.clock import now
from server.jobs import register
from server.recurrence import Daily
from server.schedules import schedule
from server.tables import JSON
from server.tenants import (
    idempotency,
    seal,  # noqa: F401 - registers the signing of the audit
    upkeep,
)
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import N_

PURGE: Final = "jobs.purge"


async def purge_answers(db: Db, actor: Actor, args: JSON) -> None:
    """Answers kept with idempotency keys are forgotten after a week."""
    await idempotency.purge(db, now())


register(
    idempotency.PURGE,
    purge_answers,
    lease_seconds=30,
    max_attempts=8,
    says=N_("Forget answers kept for programs that ask again"),
)
register(
    PURGE,
    upkeep.purge,
    lease_seconds=30,
    max_attempts=8,
    rights=("jobs.write",),
    says=N_("Forget finished work after 30 days"),
)

schedule(
    "jobs.purge",
    Daily(time(2, 15)),
    PURGE,
    says=N_("Finished work older than 30 days is forgotten"),
)
