"""Totals of which one was spoiled, one lost and one invented behind everybody's back."""

from typing import Any

from claims.care import minutes, someone_in_care
from samples import recount

from server.worker import drain_once

KIND = "minutes.prove"


async def situation(at: Any) -> None:
    await recount.situation(at)
    third = await someone_in_care(at.world, "2026-02", name="Stone")
    await minutes(at.world, third, "2026-02", 30)
    await drain_once()
    await at.sql("update month_total set seconds = seconds + 60 where tenant_id = :t and seconds = 1620")
    await at.sql("delete from month_total where tenant_id = :t and month = '2026-02'")
    await at.sql(
        "insert into month_total select tenant_id, gen_random_uuid(), patient_id, program, '2026-01', role_class, 60, 1, "
        "counted_at from month_total where tenant_id = :t limit 1"
    )
    await at.add(KIND, "2026-11-02", day="2026-11-02")


async def check(at: Any) -> None:
    rows = await at.sql("select seconds from month_total where tenant_id = :t order by seconds")
    assert rows == [(26 * 60,), (27 * 60,), (30 * 60,)]
    assert await at.sql("select day::text, different from total_proof where tenant_id = :t") == [
        ("2026-11-02", 3)
    ]
