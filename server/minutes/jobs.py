"""The recount that follows new minutes, as a job of the practice: kind `recount`, no arguments."""

from typing import Final

from server.tenants.actor import Actor
from server.tenants.db import Db

RECOUNT: Final = "recount"


async def ask_for_recount(db: Db, actor: Actor) -> None:
    """Nothing yet: `month_totals_of` adds up what is marked, and the sweep will recount it."""
