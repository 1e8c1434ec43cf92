"""A month that was cut into batches; one batch of it is to be decided."""

from typing import Any

from samples import claims_close

from server.tenants.db import doors
from server.worker import work_once

KIND = "claims.close_batch"


async def situation(at: Any) -> None:
    await claims_close.situation(at)
    await at.only(claims_close.KIND)
    await work_once(doors(), slice_seconds=0)


async def check(at: Any) -> None:
    await claims_close.check(at)
