"""P4 and P5: one practice's context never reaches another's request, and nothing tells whether another's row exists."""

import asyncio
import contextlib
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from cast import World
from conftest import SECRET, make_database
from isolation_rows import CLASSES, TENANT_TABLES, allowed, rows_for_every_table
from isolation_rows import _value as value_of
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from migrations.run import async_url, runtime_urls
from server.errors import forbidden
from server.ids import new_id
from server.tenants import db as door
from server.tenants import transaction
from server.tenants.actor import Actor, system
from server.tenants.db import Doors, Row, auth_db, bell_db, doors, tenant_db
from server.tenants.tables import Practice
from server.tenants.transaction import CommitInside, NotCommitted

CI_REQUESTS, CAMPAIGN_REQUESTS = 1000, 10_000
POOL = 5


class Hall:
    """A database of its own, doors with five connections, two practices that each know only their own name."""

    def __init__(self, url: str) -> None:
        self.url = url
        urls = runtime_urls(url, bytes.fromhex(SECRET))
        self.app_url = urls["app"]
        self.doors = Doors(urls["app"], urls["auth"], urls["bell"], pool_size=POOL)
        self.actors = [system(new_id(), "UTC") for _ in range(2)]
        self.names = ["Lakeside", "Hillcrest"]
        self.admin = create_async_engine(async_url(url), isolation_level="AUTOCOMMIT")

    async def open(self) -> None:
        for actor, name in zip(self.actors, self.names, strict=True):
            async with self.doors.tenant(actor) as db:
                db.add(
                    Practice(
                        tenant_id=actor.tenant_id, id=actor.tenant_id, name=name, npi="1", time_zone="UTC",
                        made_at=door.now(),
                    )
                )  # fmt: skip

    @property
    def engine(self) -> AsyncEngine:
        assert self.doors._app is not None
        return self.doors._app

    async def backends(self) -> list[tuple[int, str]]:
        async with self.admin.connect() as connection:
            rows = await connection.execute(
                sa.text("""select pid, state from pg_stat_activity
                           where datname = current_database() and usename = 'carewright_app'""")
            )
            return [(row.pid, row.state) for row in rows]

    async def inspect(self) -> None:
        """Every pooled connection is at rest and remembers no practice."""
        assert self.engine.pool.checkedout() == 0, "a connection is stuck"  # type: ignore[attr-defined]
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(POOL):
                connection = await stack.enter_async_context(self.engine.connect())
                driver: Any = (await connection.get_raw_connection()).driver_connection
                assert not driver.is_in_transaction()
                assert await driver.fetchval("select current_setting('app.tenant_id', true)") in (None, "")
                assert await driver.fetchval("select current_setting('app.staff_id', true)") in (None, "")
                assert await driver.fetchval("select count(*) from practice") == 0
        assert not [state for _, state in await self.backends() if state.startswith("idle in transaction")]

    async def close(self) -> None:
        await self.doors.close()
        await self.admin.dispose()


@pytest.fixture
async def hall(worker_id: str) -> AsyncIterator[Hall]:
    made = Hall(await make_database(f"doors_{worker_id}"))
    await made.open()
    yield made
    await made.close()


class Mishap(Exception):
    """Raised by a request on purpose."""


async def request(
    hall: Hall, number: int, nonce: int, chance: random.Random, outcome: dict[str, Any]
) -> tuple[Any, ...]:
    """One request of practice `number`: what it saw. Some write, some use savepoints, some raise; some come second in
    a row, after one of the same practice or of the other."""
    actor = hall.actors[number]
    style = chance.random()
    async with contextlib.AsyncExitStack() as stack:
        row = await stack.enter_async_context(hall.doors.in_a_row()) if chance.random() < 0.3 else None
        if row is not None:
            async with hall.doors.tenant(hall.actors[chance.choice((0, 1))], row=row) as before:
                before.another_follows = True
                await before.execute(sa.text("select count(*) from practice"))
        return await _asked(hall, actor, style, nonce, chance, outcome, row)


async def _asked(
    hall: Hall,
    actor: Actor,
    style: float,
    nonce: int,
    chance: random.Random,
    outcome: dict[str, Any],
    row: Row | None,
) -> tuple[Any, ...]:
    async with hall.doors.tenant(actor, read_only=style < 0.5, row=row) as db:
        outcome["in"] = "query"
        outcome["asking"].set()
        seen = (
            await db.execute(
                sa.text("select name, tenant_id, cast(:nonce as bigint), current_setting('app.tenant_id'), "
                        "pg_sleep(:pause) from practice"),
                {"nonce": nonce, "pause": chance.uniform(0.001, 0.006)},
            )
        ).all()  # fmt: skip
        if style >= 0.5:
            db.note(actor, "trial.write", entity="trial", effect="write", nonce=nonce)
        if style >= 0.8:
            async with db.begin_nested():
                await db.execute(sa.text("update practice set phone = :p"), {"p": str(nonce)})
        if chance.random() < 0.25:  # of those that are not cancelled first
            raise Mishap
        outcome["in"] = "thinking"
        await asyncio.sleep(chance.uniform(0, 0.002))
        outcome["in"] = "closing"
    (found,) = seen
    return (found[0], found[1], found[2], UUID(found[3]))


async def storm(hall: Hall, requests: int, seed: int) -> Counter[str]:
    """Requests of both practices in turn through five connections, cancelled, failing and cut off at random."""
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    gate = asyncio.Semaphore(12)

    async def one(number: int) -> None:
        which, cancelled_in = number % 2, "nothing"
        outcome = {"in": "waiting", "asking": asyncio.Event()}
        mine = random.Random(chance.random())
        task = asyncio.create_task(request(hall, which, number, mine, outcome))
        if mine.random() < 0.45:
            if mine.random() < 0.85:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(outcome["asking"].wait(), 1)
            await asyncio.sleep(mine.uniform(0, 0.005))
            cancelled_in = outcome["in"]
            task.cancel()
            if mine.random() < 0.3:
                await asyncio.sleep(0)
                task.cancel()  # and again, while it is cleaning up
        try:
            name, tenant, nonce, setting = await task
        except asyncio.CancelledError:
            counts["cancelled"] += 1
            counts[f"cancelled in {cancelled_in}"] += 1
        except Mishap:
            counts["raised"] += 1
        except Exception as error:
            # The last is how the driver tells that the server is hanging up on it.
            known = ("clos", "terminat", "another operation (2) is in progress")
            counts["cut off" if any(word in str(error) for word in known) else f"strange: {error!r}"] += 1
        else:
            counts["answered"] += 1
            expected = (hall.names[which], hall.actors[which].tenant_id, number, hall.actors[which].tenant_id)
            if (name, tenant, nonce, setting) != expected:
                counts["wrong"] += 1

    async def gated(number: int) -> None:
        async with gate:
            if chance.random() < 0.025:
                counts["terminated"] += await terminate_one(hall, chance)
            await one(number)

    await asyncio.gather(*(gated(number) for number in range(requests)))
    for _ in range(200):  # connections being thrown away
        if not transaction._finishing:
            break
        await asyncio.sleep(0.02)
    return counts


async def terminate_one(hall: Hall, chance: random.Random) -> int:
    pids = [pid for pid, _ in await hall.backends()]
    if not pids:
        return 0
    async with hall.admin.connect() as connection:
        await connection.execute(sa.text("select pg_terminate_backend(:pid)"), {"pid": chance.choice(pids)})
    return 1


async def weather(hall: Hall, requests: int, record_property: Any) -> None:
    seed = random.randrange(10**6)
    counts = await storm(hall, requests, seed)
    record_property(
        "count", f"P4: {requests} requests through {POOL} connections (seed {seed}): {dict(counts)}"
    )
    assert counts["wrong"] == 0, counts
    assert not [told for told in counts if told.startswith("strange")], counts
    assert counts["cancelled"] >= requests * 0.3, counts
    assert counts["cancelled in query"] >= requests * 0.15, counts
    assert counts["raised"] >= requests * 0.1, counts
    assert counts["terminated"] >= requests * 0.01, counts
    assert counts["answered"] >= requests * 0.3, counts
    for _ in range(POOL * 2):  # what was terminated while idle shows itself at its next use
        with contextlib.suppress(Exception):
            async with hall.doors.tenant(hall.actors[0]) as db:
                await db.execute(sa.text("select 1"))
    await hall.inspect()
    assert len(await hall.backends()) <= POOL


async def test_a_storm_of_cancels_errors_and_cuts_leaks_nothing(hall: Hall, record_property: Any) -> None:
    await weather(hall, CI_REQUESTS, record_property)


@pytest.mark.campaign
@pytest.mark.timeout(900)
async def test_ten_thousand_requests(hall: Hall, record_property: Any) -> None:
    await weather(hall, CAMPAIGN_REQUESTS, record_property)


async def test_control_a_session_level_setting_does_leak(hall: Hall, record_property: Any) -> None:
    """The same pool with SET instead of SET LOCAL: the next borrower, who set nothing, sees a practice."""
    engine = create_async_engine(hall.app_url, pool_size=POOL, max_overflow=0)
    leaks = 0
    for number in range(40):
        async with engine.connect() as connection:
            if number % 2 == 0:
                await connection.execute(sa.text(f"set app.tenant_id = '{hall.actors[0].tenant_id}'"))
                await connection.commit()
            else:
                leaks += len((await connection.execute(sa.text("select name from practice"))).all())
    await engine.dispose()
    record_property("count", f"P4 control: {leaks} of 20 borrowers saw another's practice after a plain SET")
    assert leaks > 0


async def test_control_a_connection_that_is_kept_after_a_cancel_is_found_out(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the throwing-away taken out, the inspection fails."""
    drivers = []

    async def keep(connection: Any) -> None:
        drivers.append((await connection.get_raw_connection()).driver_connection)
        await connection.close()

    monkeypatch.setattr(transaction, "throw_away", keep)
    reached = asyncio.Event()

    async def think() -> None:
        async with hall.doors.tenant(hall.actors[0]) as db:
            await db.execute(sa.text("select 1"))
            reached.set()
            await asyncio.sleep(10)

    task = asyncio.create_task(think())
    await reached.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    with pytest.raises(AssertionError):
        await hall.inspect()
    for driver in drivers:
        driver.terminate()


# --- what the door refuses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("nobody", [None, "nora", 5, new_id()])
async def test_without_an_actor_there_is_no_door(database: str, nobody: Any) -> None:
    with pytest.raises(TypeError, match="needs an actor"):
        async with tenant_db(nobody):
            pass


@pytest.mark.parametrize("practice", [None, "", "01900000-0000-7000-8000-000000000000"])
async def test_an_actor_without_a_practice_is_refused(database: str, practice: Any) -> None:
    with pytest.raises(TypeError, match="needs an actor"):
        async with tenant_db(system(practice, "UTC")):
            pass


async def test_a_raw_connection_without_a_practice_finds_nothing_and_writes_nothing(hall: Hall) -> None:

    engine = create_async_engine(hall.app_url)
    async with engine.connect() as connection:
        for table in TENANT_TABLES:
            count = await connection.execute(sa.select(sa.func.count()).select_from(table))
            assert count.scalar_one() == 0, table.name
    async with engine.connect() as connection:
        with pytest.raises(sa.exc.ProgrammingError, match="row-level security"):
            await connection.execute(
                sa.text("insert into practice (tenant_id, id, name, npi, time_zone, phone, selection_policy, made_at) "
                        "values (:t, :t, 'x', '1', 'UTC', '', 'accurate', now())"), {"t": hall.actors[0].tenant_id}
            )  # fmt: skip
    await engine.dispose()


async def within(world: World, work: Callable[[Any], Any], **options: Any) -> Any:
    async with tenant_db(world.system(), **options) as db:
        return await work(db)


@pytest.mark.parametrize(
    "statement",
    [
        "commit", "COMMIT", " \n commit", "/* x */ commit", "-- x\ncommit", "end", "rollback", "abort", "begin",
        "start transaction", "prepare transaction 'x'", "set app.tenant_id = 'x'", "SET app.tenant_id = 'x'",
        "set session app.tenant_id = 'x'", "set local app.tenant_id = 'x'", "set role carewright_owner",
        "set local role carewright_owner", "set session authorization carewright_owner", "reset app.tenant_id",
        "reset all", "discard all", "discard temp", "discard plans; reset all", "set transaction read write", "set local transaction_read_only = off",
        "set statement_timeout = 0", "select set_config('app.tenant_id', 'x', false)",
        "select set_config('app.tenant_id', 'x', true)", "select SET_CONFIG('a.b', 'x', true)",
    ],
)  # fmt: skip
async def test_what_is_the_doors_to_say_cannot_be_said_inside(lakeside: World, statement: str) -> None:
    with pytest.raises(CommitInside):
        await within(lakeside, lambda db: db.execute(sa.text(statement)))


@pytest.mark.parametrize(
    "statement",
    [
        "set local statement_timeout = '9s'",
        "set constraints all immediate",
        "savepoint a",
        "select 1",
        "discard plans",
    ],
)
async def test_what_harms_nobody_may_be_said(lakeside: World, statement: str) -> None:
    await within(lakeside, lambda db: db.execute(sa.text(statement)))


async def test_commit_rollback_and_begin_are_refused_and_undo_everything(
    lakeside: World, behind: AsyncEngine
) -> None:
    async def begin(db: Any) -> None:
        async with db.begin():
            pass

    for ending in (lambda db: db.commit(), lambda db: db.rollback(), begin):

        async def work(db: Any, ending: Any = ending) -> None:
            await db.execute(sa.text("update practice set phone = 'changed'"))
            await ending(db)

        with pytest.raises(CommitInside):
            await within(lakeside, work)
    async with behind.connect() as connection:
        phone = await connection.execute(
            sa.text("select phone from practice where id = :t"), {"t": lakeside.tenant_id}
        )
        assert phone.scalar_one() == ""


async def test_savepoints_undo_their_part_only(lakeside: World) -> None:
    async def work(db: Any) -> str:
        await db.execute(sa.text("update practice set phone = 'outer'"))
        with contextlib.suppress(sa.exc.DBAPIError):
            async with db.begin_nested():
                await db.execute(sa.text("update practice set phone = 'inner'"))
                await db.execute(sa.text("select 1/0"))
        return str((await db.execute(sa.text("select phone from practice"))).scalar_one())

    assert await within(lakeside, work) == "outer"
    assert (
        await within(lakeside, lambda db: db.scalar(sa.text("select phone from practice")), read_only=True)
        == "outer"
    )


async def test_a_part_needs_a_transaction_around_it(lakeside: World, behind: AsyncEngine) -> None:
    """Work left running when the block ends is refused; without that it would be inside somebody else's transaction."""
    ada, go = lakeside.actor("ada"), asyncio.Event()

    async def late() -> None:
        await go.wait()
        async with tenant_db(ada) as db:
            await db.execute(sa.text("update practice set phone = 'late'"))

    async with door.one_transaction(ada):
        left = asyncio.create_task(late())
        await asyncio.sleep(0)
    go.set()
    with pytest.raises(RuntimeError, match="has ended already"):
        await left
    assert await phone_of(behind, lakeside) == ""


async def test_a_part_that_still_runs_ends_before_the_transaction_does(
    lakeside: World, hillcrest: World, behind: AsyncEngine
) -> None:
    ada, begun = lakeside.actor("ada"), asyncio.Event()

    async def slow() -> None:
        async with tenant_db(ada) as db:
            begun.set()
            await db.execute(sa.text("update practice set phone = 'slow' from pg_sleep(0.2)"))

    async with door.one_transaction(ada):
        left = asyncio.create_task(slow())
        await begun.wait()
    await left
    assert await phone_of(behind, lakeside) == "slow"
    assert await phone_of(behind, hillcrest) == ""


async def test_a_part_that_is_cancelled_leaves_nothing_in_what_is_committed(
    lakeside: World, behind: AsyncEngine
) -> None:
    ada = lakeside.actor("ada")

    async def half() -> None:
        async with tenant_db(ada) as db:
            await db.execute(sa.text("update practice set phone = 'half'"))
            await asyncio.sleep(10)

    async with door.one_transaction(ada) as db:
        await db.execute(sa.text("update practice set name = 'Whole'"))
        part = asyncio.create_task(half())
        await asyncio.sleep(0.1)
        part.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await part
    assert await phone_of(behind, lakeside) == ""
    async with tenant_db(ada, read_only=True) as db:
        assert await db.scalar(sa.text("select name from practice")) == "Whole"


async def test_an_error_that_was_caught_is_no_commit(lakeside: World, behind: AsyncEngine) -> None:
    """PostgreSQL answers the COMMIT of an aborted transaction without an error; the door must not."""

    async def work(db: Any) -> None:
        await db.execute(sa.text("update practice set phone = 'gone'"))
        with contextlib.suppress(sa.exc.DBAPIError):
            await db.execute(sa.text("select 1/0"))

    with pytest.raises(NotCommitted):
        await within(lakeside, work)
    assert await phone_of(behind, lakeside) == ""


async def test_what_waits_for_the_commit_is_done_after_it_or_never(lakeside: World) -> None:
    ada, done = lakeside.actor("ada"), []

    async def say(word: str) -> None:
        async with tenant_db(ada, read_only=True) as db:
            done.append((word, await db.scalar(sa.text("select phone from practice"))))

    async def change(word: str, error: BaseException | None = None) -> None:
        async with tenant_db(ada) as db:
            await db.execute(sa.text("update practice set phone = :p"), {"p": word})
            db.after_commit(lambda _: say(word))
            if error is not None:
                raise error

    await change("alone")
    with pytest.raises(Mishap):
        await change("undone", Mishap())
    async with door.one_transaction(ada):
        await change("part")
        with pytest.raises(Mishap):
            await change("undone part", Mishap())
        assert done == [("alone", "alone")]
    assert done == [("alone", "alone"), ("part", "part")]
    with contextlib.suppress(Mishap):
        async with door.one_transaction(ada):
            await change("undone with the rest")
            raise Mishap
    assert len(done) == 2


async def test_whoever_is_cancelled_at_the_commit_leaves_no_half(
    lakeside: World, behind: AsyncEngine, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    """What was committed is followed by what was to follow it, whenever the one who asked gives up."""
    ada, done, real = lakeside.actor("ada"), set(), transaction._commit
    committing = asyncio.Event()

    async def commit(*given: Any) -> None:
        committing.set()
        await real(*given)

    monkeypatch.setattr(transaction, "_commit", commit)

    async def say(number: int) -> None:
        done.add(number)

    async def change(number: int) -> None:
        async with tenant_db(ada) as db:
            db.note(ada, "trial.cut", entity="trial", effect="write", number=number)
            db.after_commit(lambda _: say(number))

    chance = random.Random(7)
    for number in range(60):
        committing.clear()
        task = asyncio.create_task(change(number))
        await committing.wait()
        await asyncio.sleep(chance.uniform(0, 0.003))
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    async with behind.connect() as connection:
        rows = await connection.execute(
            sa.text(
                "select details ->> 'number' from audit_event where tenant_id = :t and action = 'trial.cut'"
            ),
            {"t": lakeside.tenant_id},
        )
        there = {int(row[0]) for row in rows}
    assert there == done
    assert there, "none was committed, so this says nothing"
    record_property(
        "count", f"60 cancelled at their commit: {len(there)} committed, each followed to its end"
    )


async def phone_of(behind: AsyncEngine, world: World) -> str:
    async with behind.connect() as connection:
        found = await connection.execute(
            sa.text("select phone from practice where id = :t"), {"t": world.tenant_id}
        )
        return str(found.scalar_one())


async def test_read_only_is(lakeside: World) -> None:
    for statement in (
        "update practice set phone = '1'",
        "delete from site",
        "insert into bell values (gen_random_uuid(), now())",
        "create temporary table t (a int)",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="read-only"):
            await within(lakeside, lambda db, s=statement: db.execute(sa.text(s)), read_only=True)


# --- notes ------------------------------------------------------------------------------------------------------


async def events(behind: AsyncEngine, world: World) -> list[tuple[Any, ...]]:
    async with behind.connect() as connection:
        rows = await connection.execute(
            sa.text("select action, effect, staff_id, request_id, (select count(*) from audit_unsealed u "
                    "where u.event_id = e.id) as waiting from audit_event e where tenant_id = :t order by at, id"),
            {"t": world.tenant_id},
        )  # fmt: skip
        return [tuple(row) for row in rows]


async def test_what_was_read_is_written_down_before_the_answer_leaves(
    lakeside: World, hillcrest: World, behind: AsyncEngine
) -> None:
    nora = lakeside.actor("nora")
    async with tenant_db(nora, read_only=True) as db:
        db.note(nora, "patient.open", entity="patient", patient_ids=[new_id()])
        assert await events(behind, lakeside) == []
    assert await events(behind, lakeside) == [("patient.open", "read", nora.staff_id, "test", 1)]
    assert await events(behind, hillcrest) == []


async def test_when_the_reading_cannot_be_written_down_there_is_no_answer(
    lakeside: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: Any) -> list[str]:
        raise OSError

    monkeypatch.setattr(door, "_write_notes", fails)
    nora = lakeside.actor("nora")
    answers = []

    async def answer() -> None:
        async with tenant_db(nora, read_only=True) as db:
            db.note(nora, "patient.open", entity="patient")
        answers.append("a patient's record")

    with pytest.raises(OSError):
        await answer()
    assert answers == []


async def test_a_write_and_its_note_stand_or_fall_together(lakeside: World, behind: AsyncEngine) -> None:
    nora = lakeside.actor("nora")

    async def work(db: Any) -> None:
        await db.execute(sa.text("update practice set phone = '313'"))
        db.note(nora, "practice.mend", entity="practice", effect="write")

    async def fail(db: Any) -> None:
        await work(db)
        raise Mishap

    with pytest.raises(Mishap):
        await within(lakeside, fail)
    assert await events(behind, lakeside) == []
    await within(lakeside, work)
    assert [event[:2] for event in await events(behind, lakeside)] == [("practice.mend", "write")]


async def test_that_someone_was_turned_away_survives_the_rollback(
    lakeside: World, behind: AsyncEngine
) -> None:
    fred = lakeside.actor("fred")

    async def turned_away(db: Any) -> None:
        db.note(fred, "plan.write", entity="plan", effect="write")
        db.note(fred, "plan.open", entity="plan", effect="refused", patient_ids=[new_id()])
        raise forbidden()

    for read_only in (False, True):
        with pytest.raises(Exception, match="NOT_ALLOWED"):
            await within(lakeside, turned_away, read_only=read_only)
    assert [event[:2] for event in await events(behind, lakeside)] == [("plan.open", "refused")] * 2


# --- the other doors --------------------------------------------------------------------------------------------


async def test_the_other_doors_reach_no_practices_table(database: str) -> None:

    for opened in (auth_db, bell_db):
        for table in TENANT_TABLES:
            with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                async with opened() as db:
                    await db.execute(sa.select(sa.func.count()).select_from(table))
    for table in ("person", "directory", "sign_in", "one_time_link", "api_token", "mail"):
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            async with bell_db() as connection:
                await connection.execute(sa.text(f"select count(*) from {table}"))


async def test_the_app_reaches_no_logins(lakeside: World) -> None:
    for table in (
        "person",
        "directory",
        "membership",
        "sign_in",
        "one_time_link",
        "api_token",
        "mail",
        "attempt",
    ):
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            await within(lakeside, lambda db, t=table: db.execute(sa.text(f"select count(*) from {t}")))


# --- P5: no existence oracle, for every table there is ----------------------------------------------------------


async def plant(world: World) -> dict[str, dict[str, Any]]:
    """A row in every table of the practice, put in through the door."""

    rows = rows_for_every_table(world.tenant_id)
    async with doors().tenant(world.system()) as db:
        for table in TENANT_TABLES:
            await db.execute(sa.insert(table), rows[table.name])
    return rows


def uniques(table: sa.Table) -> list[tuple[str, list[str]]]:
    """(name, columns) of everything that must not repeat within a practice."""
    found = [
        (str(c.name), [column.name for column in c.columns])
        for c in table.constraints
        if isinstance(c, (sa.UniqueConstraint, sa.PrimaryKeyConstraint))
        or type(c).__name__ == "ExcludeConstraint"
    ]
    return found + [(str(i.name), [column.name for column in i.columns]) for i in table.indexes if i.unique]


def bare_world(zone: str = "UTC") -> World:
    return World("bare", new_id(), zone)


async def test_every_unique_value_of_one_practice_goes_in_for_another(
    database: str, record_property: Any
) -> None:
    """The very same rows, ids included, in both; and a repetition within one is refused, so the values do collide."""
    lake, hill = bare_world(), bare_world()
    rows = await plant(lake)
    async with tenant_db(hill.system()) as db:
        for table in TENANT_TABLES:
            own = {"id": hill.tenant_id} if table.name == "practice" else {}
            await db.execute(sa.insert(table), {**rows[table.name], "tenant_id": hill.tenant_id, **own})
    tried = 0
    for table in TENANT_TABLES:
        for name, columns in uniques(table):
            again = {**rows[table.name], "id": new_id()}
            if "id" in columns:
                again["id"] = rows[table.name]["id"]
            empty = [column for column in columns if again[column] is None]
            if empty:  # it points at its own kind, and the first row pointed at nobody
                again.update(dict.fromkeys(empty, rows[table.name]["id"]))
                others = {
                    c: fresh(table, c, again[c]) for _, cs in uniques(table) for c in cs if c not in columns
                }
                again.update({c: value for c, value in others.items() if c not in ("tenant_id", "id")})
                await within(lake, lambda db, t=table, r=again: db.execute(sa.insert(t), r))
                again["id"] = new_id()
            with pytest.raises(sa.exc.IntegrityError) as refused:
                await within(lake, lambda db, t=table, r=again: db.execute(sa.insert(t), r))
            assert refused.value.orig.sqlstate in ("23505", "23P01"), (name, refused.value.orig)  # type: ignore[union-attr]
            tried += 1
    record_property(
        "count", f"P5: {tried} unique keys of {len(TENANT_TABLES)} tables: the same values go in elsewhere"
    )
    assert tried > len(TENANT_TABLES)


async def test_pointing_at_anothers_row_fails_exactly_as_pointing_at_nothing(
    behind: AsyncEngine, record_property: Any
) -> None:
    lake, hill = bare_world(), bare_world()
    mine, theirs = await plant(lake), await plant(hill)
    tried = 0
    for table in TENANT_TABLES:
        referring = {e.parent.name for k in table.foreign_key_constraints for e in k.elements}
        for key in table.foreign_key_constraints:
            column = next(e.parent.name for e in key.elements if e.parent.name != "tenant_id")
            parent = next(e.column.table.name for e in key.elements)
            told = []
            for id in (theirs[parent]["id"], new_id()):
                row = {**mine[table.name], "id": new_id()}
                row.update(
                    {
                        c: fresh(table, c, row[c])
                        for _, columns in uniques(table)
                        for c in columns
                        if c != "tenant_id"
                    }
                )
                for index in table.indexes:  # one of a kind while `state = 'running'`: this one is not
                    condition = str(index.dialect_options["postgresql"]["where"])
                    row.update({c: fresh(table, c, row[c]) for c in re.findall(r"(\w+) = '", condition)})
                    if index.unique and {c.name for c in index.columns} <= referring:  # one while it stands
                        row.update(
                            {c: value_of(table, table.c[c]) for c in re.findall(r"(\w+) is null", condition)}
                        )
                row[column] = id
                # Where a unique key is made of references alone, the row planted first would be in the way.
                taken = [
                    {column.name for column in c.columns} - {"tenant_id"}
                    for c in table.constraints
                    if isinstance(c, sa.UniqueConstraint)
                ]
                if any(
                    columns <= referring - {column} and all(row[c] is not None for c in columns)
                    for columns in taken
                ):
                    async with behind.begin() as connection:
                        await connection.execute(sa.delete(table).where(table.c.id == mine[table.name]["id"]))
                with pytest.raises(sa.exc.DBAPIError) as refused:
                    await within(lake, lambda db, t=table, r=row: db.execute(sa.insert(t), r))
                told.append(
                    re.sub(r"[0-9a-f-]{36}", "ID", f"{refused.value.orig.sqlstate} {refused.value.orig}")
                )  # type: ignore[union-attr]
            assert told[0] == told[1], f"{key.name} tells them apart"
            assert told[0].startswith("23503"), f"{key.name}: {told[0]}"
            tried += 1
    record_property("count", f"P5: {tried} foreign keys: another practice's row and no row are refused alike")
    assert tried > len(TENANT_TABLES) / 2


def fresh(table: sa.Table, column: str, value: Any) -> Any:
    """Another value of the same kind, where the column is free to take one."""
    if column == "id":
        return new_id()
    if any(e.parent.name == column for k in table.foreign_key_constraints for e in k.elements):
        return value
    if allowed(table, table.c[column]):
        return next((other for other in allowed(table, table.c[column]) if other != value), value)
    if isinstance(value, str):
        return "2031-" + new_id().hex
    if isinstance(value, UUID):
        return new_id()
    if isinstance(value, Range):
        return Range(value.lower.replace(year=2031), value.upper.replace(year=2031))  # type: ignore[union-attr]
    if isinstance(value, (date, datetime)):
        return value.replace(year=2031)
    return value + 1 if isinstance(value, int) and not isinstance(value, bool) else value


async def test_anothers_rows_cannot_be_seen_changed_removed_or_written_in_any_table(
    database: str, record_property: Any
) -> None:

    lake, hill = bare_world(), bare_world()
    rows = await plant(hill)
    await plant(lake)
    for table in TENANT_TABLES:
        theirs = rows[table.name]
        same = table.c.id == theirs["id"]
        seen = await within(lake, lambda db, t=table, s=same: db.execute(sa.select(t).where(s)))
        assert seen.all() == [], table.name
        for statement in (sa.update(table).where(same).values(id=table.c.id), sa.delete(table).where(same)):
            if CLASSES[table.name].append_only:
                with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                    await within(lake, lambda db, s=statement: db.execute(s))
            else:
                done = await within(lake, lambda db, s=statement: db.execute(s))
                assert done.rowcount == 0, table.name
        smuggled = {**theirs, "id": new_id()}
        with pytest.raises(sa.exc.DBAPIError, match="row-level security"):
            await within(lake, lambda db, t=table, r=smuggled: db.execute(sa.insert(t), r))
        kept = await within(hill, lambda db, t=table: db.execute(sa.select(t.c.id)))
        assert theirs["id"] in kept.scalars().all(), table.name
    record_property(
        "count", f"P5: {len(TENANT_TABLES)} tables: nothing of another practice is seen or changed"
    )
