"""A month that has ended, with minutes that nothing has counted yet."""

from typing import Any

from claims.care import last_month
from samples import recount

KIND = "minutes.roll_up"


async def situation(at: Any) -> None:
    await recount.situation(at)
    month = last_month(at.world.zone)
    await at.add(KIND, month, month=month)


async def check(at: Any) -> None:
    await recount.check(at)
