"""What follows by itself: the recount after new minutes, one job per practice and month, whoever's they were; and
the look at a timer that nobody may be watching any more."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from server.jobs import add, register
from server.minutes.closed import mark_changes
from server.minutes.recount import mark_months, months_of_staff, recount_dirty
from server.tables import JSON
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.qualifications import DISCIPLINE_CHANGED

RECOUNT: Final = "recount"
SET_ASIDE: Final = "timer.set_aside"
_AT_ONCE: Final = 1_000


async def ask_for_recount(db: Db, actor: Actor, months: Sequence[str]) -> None:
    """Have these months (YYYY-MM) added up once this transaction has committed."""
    for month in months:
        await add(db, actor, RECOUNT, month, {"month": month})


async def recount(db: Db, actor: Actor, args: JSON) -> None:
    """Add up everything of `month` that is marked. Twice is the same as once."""
    while await recount_dirty(db, actor, month=args["month"]):
        pass


async def set_aside(db: Db, actor: Actor, args: JSON) -> None:
    """See `timers.set_aside_timer`."""
    from server.minutes.timers import set_aside_timer  # which itself has recounts asked for, above

    await set_aside_timer(db, actor, UUID(args["timer_id"]))


async def count_again_as(db: Db, actor: Actor, args: JSON) -> None:
    """Somebody's discipline changed from `since` on: every month with their minutes from then on is due, and a closed
    one counts as changed."""
    due = await months_of_staff(db, actor, UUID(args["staff_id"]), date.fromisoformat(args["since"]))
    for start in range(0, len(due), _AT_ONCE):
        some = due[start : start + _AT_ONCE]
        await mark_months(db, actor, some)
        await mark_changes(db, actor, some)
    await ask_for_recount(db, actor, sorted({month for _, month in due}))


register(DISCIPLINE_CHANGED, count_again_as, lease_seconds=30, max_attempts=8, rights=("minutes.write",))
register(RECOUNT, recount, lease_seconds=30, max_attempts=8, rights=("minutes.write",))
register(SET_ASIDE, set_aside, lease_seconds=30, max_attempts=8, rights=("minutes.write",))
