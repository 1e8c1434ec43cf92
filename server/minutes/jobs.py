"""What follows by itself: the recount after new minutes, one job per practice and month, whoever's they were; the
look at a timer that nobody may be watching any more; and the nightly proof and the monthly count from zero."""

from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Final
from uuid import UUID

from server.jobs import add, register
from server.minutes.arithmetic import month_of
from server.minutes.closed import mark_changes
from server.minutes.proof import prove_totals, roll_up_month
from server.minutes.recount import mark_months, months_marked, months_of_staff, recount_dirty
from server.recurrence import Daily, Monthly
from server.schedules import schedule
from server.tables import JSON
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.qualifications import DISCIPLINE_CHANGED
from server.words import N_

RECOUNT: Final = "recount"
SET_ASIDE: Final = "timer.set_aside"
_AT_ONCE: Final = 1_000
PROVE: Final = "minutes.prove"
ROLL_UP: Final = "minutes.roll_up"


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


async def prove(db: Db, actor: Actor, args: JSON) -> None:
    """The nightly proof of `day`. Twice is the same as once."""
    await ask_for_recount(db, actor, await months_marked(db, actor))  # these are counted instead
    await prove_totals(db, actor, date.fromisoformat(args["day"]))


async def roll_up(db: Db, actor: Actor, args: JSON) -> None:
    """Count the whole of `month` again from zero, now that it has ended. Twice is the same as once."""
    await roll_up_month(db, actor, args["month"])


def month_before(occasion: str) -> str:
    """YYYY-MM of the month that had ended on that date."""
    return month_of(date.fromisoformat(occasion).replace(day=1) - timedelta(days=1))


_RIGHTS: Final = ("minutes.write",)
register(
    RECOUNT, recount, lease_seconds=30, max_attempts=8, rights=_RIGHTS,
    says=N_("Add up the minutes of a month after a change"),
)  # fmt: skip
register(
    PROVE, prove, lease_seconds=30, max_attempts=8, rights=_RIGHTS,
    says=N_("Prove that the totals of minutes are right"),
)  # fmt: skip
register(
    ROLL_UP, roll_up, lease_seconds=30, max_attempts=8, rights=_RIGHTS,
    says=N_("Count the minutes of a month that has ended"),
)  # fmt: skip
register(
    SET_ASIDE, set_aside, lease_seconds=30, max_attempts=8, rights=_RIGHTS,
    says=N_("Look after a timer that nobody may be watching"),
)  # fmt: skip
register(
    DISCIPLINE_CHANGED, count_again_as, lease_seconds=30, max_attempts=8, rights=_RIGHTS,
    says=N_("Count minutes again after somebody's discipline changed"),
)  # fmt: skip

schedule(
    "minutes.proof",
    Daily(time(2, 40)),
    PROVE,
    says=N_("Every total of minutes is compared with a count from zero, and put right if it differs"),
    args=lambda day: {"day": day},
)
schedule(
    "minutes.month",
    Monthly(1, time(3)),
    ROLL_UP,
    catch_up="all",
    says=N_("The minutes of the month that has ended are counted again from zero"),
    args=lambda day: {"month": month_before(day)},
)
