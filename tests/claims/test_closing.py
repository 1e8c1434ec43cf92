"""A closing as work that goes on: told live, stopped by a person, taken up by others, never half a batch."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from claims import care
from claims.closing import asked, came_to, close, decisions
from conftest import SECRET
from sqlalchemy.ext.asyncio import AsyncEngine

from migrations.run import runtime_urls
from server import jobs
from server.claims import actions as closing_actions
from server.claims import jobs as closing_jobs
from server.claims.command import close_month
from server.claims.queries import closes
from server.errors import Refused
from server.graphql.context import Context
from server.graphql.schema import SCHEMA
from server.tenants import db as doors_of
from server.tenants.db import tenant_db
from server.worker import drain_once, gather_kinds, work_for

STOP = """mutation ($id: ID!) { stopClosing(closeId: $id) {
  ... on MonthClose { state decided stoppedBy } ... on Refusal { code message } } }"""
PROGRESS = (
    "subscription ($id: ID!) { monthCloseProgress(closeId: $id) { state patients decided resultHash } }"
)


async def some_people(world: World, month: str, number: int = 3) -> None:
    for n in range(number):
        ruth = await care.someone_in_care(world, month, name=f"Walker{n}")
        await care.minutes(world, ruth, month, 21 + n, hour=8 + n)


async def test_it_is_told_from_the_asking_to_the_end(
    lakeside: World, hillcrest: World, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing_jobs, "PATIENTS_PER_BATCH", 1)
    month = care.last_month(lakeside.zone)
    await some_people(lakeside, month)
    run = await asked(ask, lakeside, month)
    assert (run["state"], run["askedBy"], run["endedAt"]) == ("asked", "Bill Janssen", None)

    async def told(world: World, who: str) -> Any:
        return await SCHEMA.subscribe(
            PROGRESS,
            variable_values={"id": run["id"]},
            context_value=Context(world.actor(who, via="graphql")),
        )

    seen = []
    stream = await told(lakeside, "bill")
    seen.append((await anext(stream)).data["monthCloseProgress"])
    gather_kinds()
    working = asyncio.create_task(drain_once())
    async for result in stream:
        seen.append(result.data["monthCloseProgress"])
    await working
    assert (seen[0]["state"], seen[0]["decided"]) == ("asked", 0)
    assert (seen[-1]["state"], seen[-1]["patients"], seen[-1]["decided"]) == ("done", 3, 3)
    assert [s["decided"] for s in seen] == sorted(s["decided"] for s in seen)

    for world, who, code in ((hillcrest, "bill", "NOT_FOUND"), (lakeside, "nora", "NOT_ALLOWED")):
        stream = await told(world, who)
        result = await anext(stream) if hasattr(stream, "__anext__") else stream
        assert result.errors, (who, result)
        assert result.errors[0].original_error.code == code


async def test_asking_again_while_it_goes_on_gives_the_same_run(lakeside: World, ask: Any) -> None:
    month = care.last_month(lakeside.zone)
    await some_people(lakeside, month, 1)
    first, second = await asked(ask, lakeside, month), await asked(ask, lakeside, month)
    assert first["id"] == second["id"]
    gather_kinds()
    await drain_once()
    third = await asked(ask, lakeside, month)
    assert third["id"] != first["id"]


@pytest.mark.parametrize(
    "lost",
    [
        "update job set state = 'dead', done_at = now() where tenant_id = :t and kind = 'claims.close'",
        "update job set state = 'cancelled', done_at = now() where tenant_id = :t and kind = 'claims.close'",
        "delete from job where tenant_id = :t and kind = 'claims.close'",
    ],
)
async def test_work_given_up_on_is_taken_up_when_somebody_asks_again(
    lakeside: World, ask: Any, behind: AsyncEngine, lost: str
) -> None:
    month = care.last_month(lakeside.zone)
    await some_people(lakeside, month, 1)
    run = await asked(ask, lakeside, month)
    async with behind.begin() as connection:
        await connection.execute(
            sa.text(lost),
            {"t": lakeside.tenant_id},
        )
    gather_kinds()
    await drain_once()
    assert (await came_to(ask, lakeside, run))["state"] == "asked"
    assert (await asked(ask, lakeside, month))["id"] == run["id"]
    await drain_once()
    assert (await came_to(ask, lakeside, run))["state"] == "done"


async def test_stopped_it_leaves_whole_batches_and_closing_again_takes_up_the_rest(
    lakeside: World, hillcrest: World, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing_jobs, "PATIENTS_PER_BATCH", 2)
    month = care.last_month(lakeside.zone)
    await some_people(lakeside, month, 5)
    run = await asked(ask, lakeside, month)
    gather_kinds()
    # The split, then batches, one at a time; stopped after the first of them.
    from server.tenants.db import doors
    from server.worker import _run

    async with doors().tenant(lakeside.system()) as db:
        job = await jobs.claim(db)
    left = 2 if job is not None and job.kind.name == "claims.close" else 3
    async with doors().in_a_row() as row:
        while job is not None and left:
            left -= 1
            job = await _run(doors(), row, lakeside.tenant_id, job, lambda: left > 0)  # noqa: B023
    stopped = (await ask(lakeside, "bill", STOP, id=run["id"]))["data"]["stopClosing"]
    assert stopped["state"] == "stopped"
    assert stopped["stoppedBy"] == "Bill Janssen"
    await drain_once()
    now = await came_to(ask, lakeside, run)
    stored = await decisions(ask, lakeside, month)
    assert now["state"] == "stopped"
    assert now["decided"] == len(stored)
    assert len(stored) % 2 == 0, "half a batch was stored"
    assert len(stored) < 5

    again = await close(ask, lakeside, month)
    assert (again["state"], again["decided"], again["unchanged"]) == ("done", 5, len(stored))
    refused = (await ask(lakeside, "bill", STOP, id=run["id"]))["data"]["stopClosing"]
    assert refused["code"] == "NOT_UNDER_WAY"
    theirs = (await ask(hillcrest, "bill", STOP, id=run["id"]))["data"]["stopClosing"]
    assert theirs["code"] == "NOT_FOUND"


async def test_the_command_needs_no_worker(lakeside: World, ask: Any) -> None:
    month = care.last_month(lakeside.zone)
    await some_people(lakeside, month, 2)
    gather_kinds()
    seen: list[tuple[int, int]] = []
    run = await close_month(month, lakeside.slug, work_for, lambda done, of: seen.append((done, of)))
    assert (run.state, run.patients, run.decided) == ("done", 2, 2)
    assert seen[-1] == (2, 2)
    assert run.ended_at is not None
    assert run.ended_at <= datetime.now(UTC)


@pytest.mark.parametrize("failed", ["claims.close", "claims.close_batch"])
async def test_the_command_ends_with_what_failed_when_nothing_goes_on(
    lakeside: World, hillcrest: World, ask: Any, monkeypatch: pytest.MonkeyPatch, failed: str
) -> None:
    """At its last attempt the work fails for good: the command says which, where, and how to go on, and goes on."""
    month = care.last_month(lakeside.zone)
    await some_people(lakeside, month, 2)
    gather_kinds()
    before = jobs.KINDS[failed]

    async def breaks(*_: Any) -> None:
        raise ZeroDivisionError("Ruth Walker")

    monkeypatch.setitem(jobs.KINDS, failed, replace(before, handler=breaks, max_attempts=1))
    async with asyncio.timeout(20):
        with pytest.raises(Refused) as refused:
            await close_month(month, lakeside.slug, work_for)
    assert refused.value.code == "CLOSING_FAILED"
    assert before.says in refused.value.message
    assert "ZeroDivisionError at " in refused.value.message
    assert "Ruth" not in refused.value.message
    assert f"jobs failed --practice {lakeside.slug}" in refused.value.next_step
    monkeypatch.setitem(jobs.KINDS, failed, before)
    run = await close_month(month, lakeside.slug, work_for)
    assert (run.state, run.decided) == ("done", 2)
    assert (await close_month(month, hillcrest.slug, work_for)).patients == 0


async def test_the_command_ends_when_its_work_was_taken_back(lakeside: World, behind: AsyncEngine) -> None:
    month = care.last_month(lakeside.zone)
    await some_people(lakeside, month, 1)

    async def takes_it_back(*_: Any) -> int:
        async with behind.begin() as connection:
            await connection.execute(
                sa.text("update job set state = 'cancelled', done_at = now() where tenant_id = :t"),
                {"t": lakeside.tenant_id},
            )
        return 0

    async with asyncio.timeout(20):
        with pytest.raises(Refused) as refused:
            await close_month(month, lakeside.slug, takes_it_back)
    assert refused.value.code == "CLOSING_FAILED"
    assert "taken back" in refused.value.message


async def test_the_command_says_who_stopped_it(lakeside: World) -> None:
    month = care.last_month(lakeside.zone)
    await some_people(lakeside, month, 1)
    bill = lakeside.actor("bill")

    async def stops(*_: Any) -> int:
        async with tenant_db(bill) as db:
            [run] = await closes(db, bill)
            if run.under_way:
                await closing_actions.stop_closing(db, bill, run.id)
        return 0

    async with asyncio.timeout(20):
        with pytest.raises(Refused) as refused:
            await close_month(month, lakeside.slug, stops)
    assert refused.value.code == "CLOSING_STOPPED"
    assert f"{month} was stopped by" in refused.value.message


async def test_the_commands_statements_may_take_as_long_as_the_workers(
    lakeside: World, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a page may: through the doors that the command hands on, and through those its jobs open."""
    month = care.last_month(lakeside.zone)
    await some_people(lakeside, month, 1)
    gather_kinds()
    for kind in ("claims.close", "claims.close_batch"):
        monkeypatch.setitem(jobs.KINDS, kind, replace(jobs.KINDS[kind], max_attempts=1))
    slept = []

    def slow(before: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def slowly(db: Any, *given: Any) -> Any:
            await db.execute(sa.text("select pg_sleep(1.5)"))
            slept.append(before.__name__)
            return await before(db, *given)

        return slowly

    for name in ("first_billed", "gather"):
        monkeypatch.setattr(closing_jobs, name, slow(getattr(closing_jobs, name)))
    addresses, before = runtime_urls(database, bytes.fromhex(SECRET)), doors_of.doors()
    hurried = doors_of.Doors(addresses["app"], addresses["auth"], addresses["bell"], seconds=1)
    doors_of.open_doors(hurried)
    try:
        run = await close_month(month, lakeside.slug, work_for)
        assert doors_of.doors() is hurried
    finally:
        doors_of.open_doors(before)
        await hurried.close()
    assert (run.state, run.decided, slept) == ("done", 1, ["first_billed", "gather"])


async def test_a_run_that_ends_while_somebody_asks_leaves_room_for_theirs(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there when the new one is to be written, and over when it is looked for."""
    month = care.last_month(lakeside.zone)
    await some_people(lakeside, month, 1)
    first = await asked(ask, lakeside, month)
    theirs = await asked(ask, hillcrest, month)
    before, looked = closing_actions._under_way, []

    async def ended_meanwhile(*given: Any) -> Any:
        async with behind.begin() as connection:
            await connection.execute(
                sa.text("update month_close set state = 'stopped', ended_at = now() where tenant_id = :t"),
                {"t": lakeside.tenant_id},
            )
        looked.append(await before(*given))
        return looked[-1]

    monkeypatch.setattr(closing_actions, "_under_way", ended_meanwhile)
    second = await asked(ask, lakeside, month)
    assert looked == [None]
    assert (second["state"], second["id"] != first["id"]) == ("asked", True)
    gather_kinds()
    await drain_once()
    assert (await came_to(ask, lakeside, second))["decided"] == 1
    assert (await came_to(ask, lakeside, first))["state"] == "stopped"
    assert (await came_to(ask, hillcrest, theirs))["state"] == "done"


@pytest.mark.parametrize("held", [0.5, 6.0])
async def test_stopped_while_it_is_cut_into_batches_it_stays_stopped(
    lakeside: World, hillcrest: World, ask: Any, monkeypatch: pytest.MonkeyPatch, held: float
) -> None:
    """Stopping waits for the cutting, and what was cut is not decided; if that takes too long, it says so kindly."""
    month = care.last_month(lakeside.zone)
    await some_people(lakeside, month, 2)
    run = await asked(ask, lakeside, month)
    cutting, before = asyncio.Event(), closing_jobs.first_billed

    async def slowly(*given: Any) -> Any:
        cutting.set()
        await asyncio.sleep(held)
        return await before(*given)

    monkeypatch.setattr(closing_jobs, "first_billed", slowly)
    gather_kinds()
    working = asyncio.create_task(drain_once())
    await cutting.wait()
    answer = await ask(lakeside, "bill", STOP, id=run["id"])
    assert not answer["errors"], answer
    told = answer["data"]["stopClosing"]
    await working
    now = await came_to(ask, lakeside, run)
    if held > 4:
        assert told["code"] == "CLOSING_BUSY"
        assert (now["state"], now["decided"]) == ("done", 2)
        return
    assert told["state"] == "stopped"
    assert (now["state"], now["decided"], await decisions(ask, lakeside, month)) == ("stopped", 0, [])
    assert (await close(ask, hillcrest, month))["state"] == "done"


async def test_the_thirty_seventh_month_still_shows_its_closing(
    lakeside: World, ask: Any, browse: Any, behind: AsyncEngine
) -> None:
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("""insert into month_close (tenant_id, id, month, state, patients, decided, batches_left, lines,
                         holds, unchanged, result_hash, first_billed, made_at)
                       select :t, gen_random_uuid(), to_char(date '2020-01-01' + make_interval(months => n), 'YYYY-MM'),
                         'running', 0, 0, 0, 0, 0, 0, '', '[]', now() from generate_series(0, 39) n"""),
            {"t": lakeside.tenant_id},
        )
    client = browse(lakeside, "bill")
    text = (await client.get("/month/2020-01")).text
    found = re.search(r'name="_csrf" value="([^"]+)"', text)
    assert found
    assert "/month/2020-01/stop" in text
    stopped = await client.post("/month/2020-01/stop", data={"_csrf": found[1]})
    assert stopped.status_code in (200, 303), stopped.status_code
    async with behind.connect() as connection:
        state = await connection.scalar(
            sa.text("select state from month_close where tenant_id = :t and month = '2020-01'"),
            {"t": lakeside.tenant_id},
        )
    assert state == "stopped"
