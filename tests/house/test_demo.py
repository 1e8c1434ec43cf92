"""The demo as `up` makes it: twice the same, believable, closable."""

import os
from dataclasses import replace

import pytest
from conftest import SECRET, make_database
from sqlalchemy import func, select

from migrations.run import runtime_urls
from server import demo, demo_lives, jobs
from server.claims.command import close_month
from server.claims.queries import closes
from server.demo_people import HILLCREST, LAKESIDE, TWICE
from server.errors import Refused
from server.patients.tables import Patient
from server.settings import settings
from server.tenants import db as doors_of
from server.tenants.db import Doors, tenant_db
from server.worker import gather_kinds, work_for


async def breaks(*_: object) -> None:
    raise ZeroDivisionError


async def test_the_demo_is_made_once_and_its_last_month_closes(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await make_database("test_demo")
    addresses = runtime_urls(url, bytes.fromhex(SECRET))
    before, mine = doors_of.doors(), Doors(addresses["app"], addresses["auth"], addresses["bell"])
    assert settings().mode == "test", os.environ.get("CAREWRIGHT_MODE")
    doors_of.open_doors(mine)
    try:
        first = await demo.seed()
        assert await demo.seed() == first
        for slug, people in (("lakeside", (*LAKESIDE, *TWICE)), ("hillcrest", HILLCREST)):
            actor = await demo.actor_of(slug, "nora" if slug == "lakeside" else "tomas")
            async with tenant_db(actor, read_only=True) as db:
                assert await db.scalar(select(func.count()).select_from(Patient)) == len(people)
        from datetime import timedelta

        from server.clock import today

        month = f"{today('America/Detroit').replace(day=1) - timedelta(days=1):%Y-%m}"
        gather_kinds()
        closed = await close_month(month, "lakeside", work_for)
        assert closed.lines >= 2, closed
        assert closed.holds >= 1, closed

        # The invented people come in beside those, once; the months before the last are closed.
        monkeypatch.setattr(demo_lives, "SIZES", {"lakeside": 25, "hillcrest": 9})
        monkeypatch.setattr(demo_lives, "CLOSED_MONTHS", 2)
        came = {"lakeside": 25 - len(LAKESIDE) - len(TWICE), "hillcrest": 9 - len(HILLCREST)}
        assert await demo_lives.fill() == came
        with monkeypatch.context() as broken:
            split = jobs.KINDS["claims.close"]
            broken.setitem(jobs.KINDS, split.name, replace(split, handler=breaks, max_attempts=1))
            with pytest.raises(Refused) as refused:
                await demo_lives.close_months(work_for)
        assert refused.value.code == "CLOSING_FAILED"
        assert await demo_lives.close_months(work_for) == 2 * 2
        assert await demo_lives.fill() == {"lakeside": 0, "hillcrest": 0}
        assert await demo_lives.close_months(work_for) == 0
        bill = await demo.actor_of("lakeside", "bill")
        async with tenant_db(bill, read_only=True) as db:
            assert await db.scalar(select(func.count()).select_from(Patient)) == 25
            asked = await closes(db, bill)
        assert len(asked) == len({run.month for run in asked}) == demo_lives.CLOSED_MONTHS + 1
        assert all(run.state == "done" for run in asked)
    finally:
        doors_of.open_doors(before)
        await mine.close()
