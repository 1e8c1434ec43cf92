"""A timer that was started and has been seen by nobody since this morning."""

from typing import Any

from claims.care import last_month, someone_in_care

KIND = "timer.set_aside"


async def situation(at: Any) -> None:
    from server.minutes.timers import Start, start_timer
    from server.tenants.db import tenant_db

    patient = await someone_in_care(at.world, last_month(at.world.zone))
    nora = at.world.actor("nora")
    async with tenant_db(nora) as db:
        await start_timer(db, nora, patient, Start(program="ccm"))
    await at.sql(
        "update timer set started_at = started_at - interval '8 hours', seen_at = seen_at - interval '7 hours', "
        "active_at = active_at - interval '7 hours' where tenant_id = :t"
    )


async def check(at: Any) -> None:
    assert await at.sql("select state from timer where tenant_id = :t") == [("set_aside",)]
    assert (await at.sql("select count(*) from timer_stretch where tenant_id = :t"))[0][0] >= 1
