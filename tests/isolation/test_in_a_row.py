"""Transactions in a row share a connection and a message, and nothing else."""

from contextlib import suppress

import pytest
import sqlalchemy as sa
from cast import World
from sqlalchemy.ext.asyncio import AsyncEngine

from server.tenants.db import Db, Row, doors

ONE_MORE = sa.text("update practice set phone = phone || '1'")
IDLE = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'"


class Mishap(Exception):
    """Raised on purpose."""


async def backend(db: Db) -> tuple[int, int]:
    pid, at = await db.driver.fetchrow("select pg_backend_pid(), extract(epoch from now())")
    return pid, at


async def phone(behind: AsyncEngine, world: World) -> str:
    async with behind.connect() as connection:
        return (
            await connection.execute(
                sa.text("select phone from practice where tenant_id = :id"), {"id": world.tenant_id}
            )
        ).scalar_one()


async def test_each_is_committed_before_the_next_begins_and_undone_alone(
    lakeside: World, hillcrest: World, behind: AsyncEngine
) -> None:
    actor, was = lakeside.actor("ada"), await phone(behind, lakeside)
    async with doors().in_a_row() as row:
        async with doors().tenant(actor, row=row) as db:
            first = await backend(db)
            await db.execute(ONE_MORE)
            db.another_follows = True
        assert await phone(behind, lakeside) == was + "1"
        async with doors().tenant(actor, row=row) as db:
            second = await backend(db)
            await db.execute(ONE_MORE)
            db.another_follows = True
        assert await phone(behind, lakeside) == was + "11"
        assert first[0] == second[0], "one connection"
        assert first[1] < second[1], "two transactions"
        with suppress(Mishap):
            async with doors().tenant(actor, row=row) as db:
                third = await backend(db)
                await db.execute(ONE_MORE)
                db.another_follows = True
                raise Mishap
        assert third[0] == first[0]
        assert row.connection is None
    assert await phone(behind, lakeside) == was + "11"


async def test_another_practice_on_the_same_connection_sees_itself_alone(
    lakeside: World, hillcrest: World, behind: AsyncEngine
) -> None:
    async with doors().in_a_row() as row:
        for world in (lakeside, hillcrest, hillcrest, lakeside):
            async with doors().tenant(world.actor("ada"), row=row) as db:
                seen = (await db.execute(sa.text("select tenant_id from practice"))).scalars().all()
                staff = (await db.execute(sa.text("select current_setting('app.staff_id')"))).scalar_one()
                assert seen == [world.tenant_id]
                assert staff == str(world.actor("ada").staff_id)
                db.another_follows = True
    async with doors().tenant(lakeside.actor("ada"), read_only=True) as db:
        assert (await db.execute(sa.text("select tenant_id from practice"))).scalars().all() == [
            lakeside.tenant_id
        ]


async def test_what_may_only_read_may_not_write_after_one_that_wrote(lakeside: World) -> None:
    actor = lakeside.actor("ada")
    async with doors().in_a_row() as row:
        async with doors().tenant(actor, row=row) as db:
            await db.execute(ONE_MORE)
            db.another_follows = True
        with pytest.raises(sa.exc.DBAPIError, match="read-only"):
            async with doors().tenant(actor, read_only=True, row=row) as db:
                await db.execute(ONE_MORE)


async def test_one_that_was_begun_and_not_wanted_leaves_no_open_transaction(
    lakeside: World, behind: AsyncEngine
) -> None:
    actor, was = lakeside.actor("ada"), await phone(behind, lakeside)
    async with doors().in_a_row() as row:
        async with doors().tenant(actor, row=row) as db:
            await db.execute(ONE_MORE)
            db.another_follows = True
        async with behind.connect() as connection:
            assert (await connection.execute(sa.text(IDLE))).scalar_one() >= 1, "the next one has begun"
        held = row.connection
        assert held is not None
        raw = await held.get_raw_connection()
        driver = raw.driver_connection
    assert driver is not None
    assert driver.is_closed()
    assert await phone(behind, lakeside) == was + "1"


async def test_an_error_that_was_caught_is_told_where_another_follows(
    lakeside: World, behind: AsyncEngine
) -> None:
    """Also where nothing was asked after it: PostgreSQL answers such a COMMIT with a ROLLBACK, and says no more of it
    once a BEGIN has followed."""
    actor, was = lakeside.actor("ada"), await phone(behind, lakeside)

    async def hides_an_error(row: Row) -> None:
        async with doors().tenant(actor, row=row) as db:
            await db.execute(ONE_MORE)
            with pytest.raises(sa.exc.DBAPIError):
                await db.execute(sa.text("select 1 / 0"))
            db.another_follows = True

    async with doors().in_a_row() as row:
        with pytest.raises(Exception, match="transaction is aborted"):
            await hides_an_error(row)
        assert row.connection is None
    assert await phone(behind, lakeside) == was
