"""A month that is over, with minutes; the biller asks for it to be closed, which cuts it into batches."""

from typing import Any

from claims.care import last_month, minutes, someone_in_care

KIND = "claims.close"


async def situation(at: Any) -> None:
    from server.claims.actions import ask_to_close
    from server.tenants.db import tenant_db

    month = last_month(at.world.zone)
    for hour, name in ((9, "Walker"), (11, "Reed")):
        patient = await someone_in_care(at.world, month, name=name)
        await minutes(at.world, patient, month, 12, 10, hour=hour)
    bill = at.world.actor("bill")
    async with tenant_db(bill) as db:
        await ask_to_close(db, bill, month)


async def check(at: Any) -> None:
    assert await at.sql("select state, patients, decided from month_close where tenant_id = :t") == [
        ("done", 2, 2)
    ]
    rows = await at.sql("select version from month_decision where tenant_id = :t")
    assert rows == [(1,), (1,)]
