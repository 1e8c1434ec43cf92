"""A colleague turns out to have been a physician since long ago: what she entered counts as another kind of person's."""

from datetime import UTC, date, datetime
from typing import Any

from samples import recount

KIND = "minutes.discipline_changed"


async def situation(at: Any) -> None:
    from server.tenants.db import tenant_db
    from server.tenants.qualifications import add_qualification
    from server.worker import drain_once

    await recount.situation(at)
    await drain_once()
    ada = at.world.actor("ada")
    async with tenant_db(ada) as db:
        await add_qualification(
            db, ada, at.world.staff["rosa"], kind="discipline", name="md", from_on=date(2018, 1, 1),
            today=datetime.now(UTC).date(),
        )  # fmt: skip


async def check(at: Any) -> None:
    rows = await at.sql(
        "select role_class, sum(seconds)::int from month_total where tenant_id = :t group by 1"
    )
    assert dict(rows) == {"staff": 43 * 60, "practitioner": 10 * 60}
