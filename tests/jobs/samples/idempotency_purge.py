"""Two answers kept with their keys, one of them for longer than a week; the first asks for the purge by itself."""

from typing import Any

from server.tenants.idempotency import PURGE, Answer, Asked, once

KIND = PURGE


async def situation(at: Any) -> None:
    async def work() -> Answer:
        return Answer(200, b"{}")

    for key in ("old", "young"):
        await once(at.world.actor("ada"), Asked("addSite", key, b"asked"), work)
    await at.sql(
        "update idempotency_key set made_at = now() - interval '8 days' where tenant_id = :t and key = 'old'"
    )


async def check(at: Any) -> None:
    assert await at.sql("select key from idempotency_key where tenant_id = :t") == [("young",)]
