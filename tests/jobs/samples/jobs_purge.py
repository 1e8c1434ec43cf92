"""Work that was done long ago, work that was done lately, and work that failed long ago."""

from typing import Any

from server.worker import drain_once

KIND = "jobs.purge"


async def situation(at: Any) -> None:
    for key in ("2025-01", "2025-02", "2025-03", "2025-04"):
        await at.add("recount", key, month=key)
    await drain_once()
    for key, state, days in (
        ("2025-01", "done", 31), ("2025-02", "done", 29), ("2025-03", "dead", 90), ("2025-04", "given_up", 40),
    ):  # fmt: skip
        await at.sql(
            f"update job set state = '{state}', done_at = now() - interval '{days} days' where tenant_id = :t and dedupe_key = :k",
            k=key,
        )
    await at.sql(
        "insert into schedule (tenant_id, id, name, occasion, due_at, state) values "
        "(:t, gen_random_uuid(), 'x', '2024-01-01', now() - interval '500 days', 'added'), "
        "(:t, gen_random_uuid(), 'x', '2026-01-01', now() - interval '10 days', 'added')"
    )
    await at.add(KIND, "now")


async def check(at: Any) -> None:
    rows = await at.sql("select dedupe_key from job where tenant_id = :t and kind = 'recount' order by 1")
    assert rows == [("2025-02",), ("2025-03",)]
    assert await at.sql("select occasion from schedule where tenant_id = :t") == [("2026-01-01",)]
