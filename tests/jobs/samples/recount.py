"""Minutes of two people, entered by two colleagues; the entries' own transactions ask for the recount."""

from typing import Any

from claims.care import last_month, minutes, someone_in_care

KIND = "recount"


async def situation(at: Any) -> None:
    month = last_month(at.world.zone)
    for hour, name, lengths in ((9, "Walker", (12, 10)), (11, "Reed", (21,))):
        patient = await someone_in_care(at.world, month, name=name)
        await minutes(at.world, patient, month, *lengths, hour=hour)
        await minutes(at.world, patient, month, 5, who="rosa", hour=hour)


async def check(at: Any) -> None:
    rows = await at.sql("select seconds, entries from month_total where tenant_id = :t order by seconds")
    assert rows == [(26 * 60, 2), (27 * 60, 3)]
    assert await at.sql("select count(*) from dirty_month where tenant_id = :t") == [(0,)]
