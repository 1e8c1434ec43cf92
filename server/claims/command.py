"""`carewright close-month`: the same action as on the page, from a shell of the machine."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from server.claims.actions import ask_to_close
from server.claims.queries import MonthRow, close_row
from server.tenants.commands import actor_for
from server.tenants.db import tenant_db

_LOOK_AGAIN_SECONDS = 0.2
_HANDS = 3  # one asks the rules, one reads, one stores

#: does what is due in a practice for a moment and says how much that was: `server.worker.work_for`
Work = Callable[[UUID], Awaitable[int]]


async def close_month(
    month: str, practice: str, work: Work, progress: Callable[[int, int], None] | None = None
) -> MonthRow:
    """Close `month` (YYYY-MM) of the practice with this slug and wait for it. progress: told (decided, of).

    Does the practice's due work itself, beside whatever workers run: it needs none.
    """
    actor = await actor_for(practice, "claims.close", "claims.read")
    async with tenant_db(actor) as db:
        close_id = await ask_to_close(db, actor, month)

    over = asyncio.Event()

    async def hand() -> None:
        while not over.is_set():
            if not await work(actor.tenant_id):
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    hands = [asyncio.create_task(hand()) for _ in range(_HANDS)]
    try:
        while True:
            async with tenant_db(actor, read_only=True) as db:
                run = await close_row(db, actor, close_id)
            if progress is not None and run.patients:
                progress(run.decided, run.patients)
            if not run.under_way:
                return run
            for one in hands:
                if one.done():
                    one.result()  # a hand only ends by what it could not do
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    finally:
        over.set()
        await asyncio.gather(*hands, return_exceptions=True)
