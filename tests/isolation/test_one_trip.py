"""P4 for the one-round-trip read: the practice is set and gone with the statement, whatever happens to it."""

import asyncio
import contextlib
import random
from collections import Counter
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from cast import World

from server.ids import new_id
from server.settings import settings
from server.tenants.db import Doors, glance
from server.tenants.one_trip import OneTrip


@pytest.fixture
def app_url(database: str) -> str:
    return settings().app_url


MINE = "select practice.name, pg_sleep($2) from here join practice on practice.tenant_id = here.tenant_id"


async def test_each_practice_sees_itself_through_cancels_and_errors(
    lakeside: World, hillcrest: World, database: str, app_url: str, record_property: Any
) -> None:
    doors = Doors(app_url, "", "", pool_size=1)
    names = {}
    for world in (lakeside, hillcrest):
        (row,) = await doors.glance(world.tenant_id, MINE, 0.0)
        names[world.tenant_id] = row["name"]
    assert len(set(names.values())) == 2
    seed = random.randrange(10**6)
    chance, counts = random.Random(seed), Counter[str]()

    async def one(number: int) -> None:
        world = (lakeside, hillcrest)[number % 2]
        task = asyncio.create_task(doors.glance(world.tenant_id, MINE, chance.uniform(0, 0.004)))
        if chance.random() < 0.4:
            await asyncio.sleep(chance.uniform(0, 0.01))
            task.cancel()
        try:
            rows = await task
        except asyncio.CancelledError:
            counts["cancelled"] += 1
        else:
            counts["answered"] += 1
            counts["wrong"] += [row["name"] for row in rows] != [names[world.tenant_id]]

    for start in range(0, 600, 12):
        await asyncio.gather(*(one(number) for number in range(start, start + 12)))
    record_property("count", f"P4 in one round trip: 600 questions (seed {seed}): {dict(counts)}")
    assert counts["wrong"] == 0
    assert counts["cancelled"] > 120
    assert counts["answered"] > 120
    pool = doors._one_trip._pool  # type: ignore[union-attr]
    assert pool is not None
    for _ in range(4):
        async with pool.acquire() as connection:
            assert (
                await connection.fetchval("select coalesce(current_setting('app.tenant_id', true), '')") == ""
            )
            assert not connection.is_in_transaction()
    await doors.close()


@pytest.mark.parametrize(
    "question",
    [
        "select name from practice, here",
        "select name from practice where exists (select from here)",
        "select name from practice",
        "select name from here right join practice on true",
    ],
)
async def test_a_question_that_forgets_to_join_finds_nothing_of_others(
    lakeside: World, hillcrest: World, question: str
) -> None:
    found = {row["name"] for row in await glance(lakeside.tenant_id, question)}
    (mine,) = await glance(lakeside.tenant_id, MINE, 0.0)
    assert found <= {mine["name"]}


async def test_it_cannot_write(lakeside: World) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await glance(
            lakeside.tenant_id,
            ", written as (insert into job (tenant_id, id) select tenant_id, $2 from here returning id) "
            "select * from written",
            new_id(),
        )


async def test_a_practice_that_is_no_id_is_refused(database: str) -> None:
    with pytest.raises(ValueError, match="badly formed"):
        await glance("' or true", "select 1 from here")  # type: ignore[arg-type]


async def test_the_connections_come_back_after_they_were_cut(
    lakeside: World, app_url: str, behind: Any
) -> None:
    trip = OneTrip(app_url, {"application_name": "one trip, cut"})
    await trip.ask(lakeside.tenant_id, MINE, 0.0)
    async with behind.begin() as connection:
        cut = await connection.execute(
            sa.text(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'one trip, cut'"
            )
        )
        assert cut.all()
    await asyncio.sleep(0.1)
    with contextlib.suppress(asyncpg.PostgresConnectionError, asyncpg.InterfaceError):
        await trip.ask(lakeside.tenant_id, MINE, 0.0)
    assert await trip.ask(lakeside.tenant_id, MINE, 0.0)
    await trip.close()
