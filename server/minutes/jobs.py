"""The recount that follows new minutes: one job per practice and month, whoever's minutes they were."""

from collections.abc import Sequence
from typing import Final

from server.jobs import add, register
from server.minutes.recount import recount_dirty
from server.tables import JSON
from server.tenants.actor import Actor
from server.tenants.db import Db

RECOUNT: Final = "recount"


async def ask_for_recount(db: Db, actor: Actor, months: Sequence[str]) -> None:
    """Have these months (YYYY-MM) added up once this transaction has committed."""
    for month in months:
        await add(db, actor, RECOUNT, month, {"month": month})


async def recount(db: Db, actor: Actor, args: JSON) -> None:
    """Add up everything of `month` that is marked. Twice is the same as once."""
    while await recount_dirty(db, actor, month=args["month"]):
        pass


register(RECOUNT, recount, lease_seconds=30, max_attempts=8, rights=("minutes.write",))
