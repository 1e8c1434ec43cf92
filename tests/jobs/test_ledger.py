"""The ledger of work, through the doors: what is added is done, once, in its practice, whatever happens between."""

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from sqlalchemy.ext.asyncio import AsyncEngine
from trial_kinds import CANARY

from server import jobs, logs, worker
from server.ids import new_id
from server.tenants.db import doors, tenant_db
from server.worker import drain_once, work_once


async def test_a_job_and_its_bell_commit_with_the_business_rows_and_run_once(
    lakeside: World, ledger: Any
) -> None:
    await ledger.add(lakeside, "trial.effect", word="a")
    assert await ledger.due_now(lakeside) is True
    assert await drain_once() == 1
    assert await drain_once() == 0
    assert await ledger.effects(lakeside) == ["a"]
    assert (await ledger.job(lakeside)).state == "done"
    assert await ledger.due_now(lakeside) is False


async def test_what_is_rolled_back_leaves_neither_job_nor_bell(lakeside: World, ledger: Any) -> None:
    async def change_of_mind() -> None:
        async with tenant_db(lakeside.system()) as db:
            await jobs.add(db, lakeside.system(), "trial.effect", "1", {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await change_of_mind()
    assert await ledger.due_now(lakeside) is None
    assert await drain_once() == 0


async def test_adding_a_waiting_job_again_makes_one_run(lakeside: World, ledger: Any) -> None:
    for word in ("old", "new"):
        await ledger.add(lakeside, "trial.effect", word=word)
    assert await drain_once() == 1
    assert await ledger.effects(lakeside) == ["new"]


async def test_adding_a_finished_job_again_runs_it_again_unless_once(lakeside: World, ledger: Any) -> None:
    for _ in range(2):
        await ledger.add(lakeside, "trial.effect", "again")
        await drain_once()
    for _ in range(2):
        async with tenant_db(lakeside.system()) as db:
            await jobs.add(db, lakeside.system(), "trial.effect", "once", {"word": "once"}, once=True)
        await drain_once()
    assert await ledger.effects(lakeside) == ["done", "done", "once"]


async def test_a_job_for_later_waits_and_an_earlier_one_moves_it(lakeside: World, ledger: Any) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    async with tenant_db(lakeside.system()) as db:
        await jobs.add(db, lakeside.system(), "trial.effect", "1", {}, run_at=later)
    assert await drain_once() == 0
    assert await ledger.due_now(lakeside) is False
    await ledger.add(lakeside, "trial.effect")
    assert await drain_once() == 1


async def test_practices_take_turns(lakeside: World, hillcrest: World, ledger: Any) -> None:
    async with tenant_db(lakeside.system()) as db:
        for number in range(50):
            await jobs.add(db, lakeside.system(), "trial.effect", str(number), {"word": str(number)})
    await ledger.add(hillcrest, "trial.effect", word="mine")
    turns = 0
    while not await ledger.effects(hillcrest):
        assert await work_once(doors(), slice_seconds=0) == 1
        turns += 1
        assert turns <= 2, "one practice's fifty jobs held up another's one"
    assert await drain_once() == 51 - turns


async def test_a_failing_job_leaves_no_effect_pauses_longer_and_ends_with_the_dead(
    lakeside: World, ledger: Any
) -> None:
    await ledger.add(lakeside, "trial.broken")
    for attempt in (1, 2):
        assert await drain_once() == 1
        job = await ledger.job(lakeside)
        assert (job.state, job.attempts, job.later) == ("ready", attempt, True)
        assert await drain_once() == 0, "it must pause before it tries again"
        await ledger.hasten()
    assert await drain_once() == 1
    job = await ledger.job(lakeside)
    assert (job.state, job.attempts) == ("dead", 3)
    assert job.last_error.startswith("builtins.ValueError at tests/jobs/trial_kinds.py:")
    assert CANARY not in job.last_error
    assert await ledger.effects(lakeside) == []
    await ledger.hasten()
    assert await drain_once() == 0, "the dead do not walk"
    await ledger.add(lakeside, "trial.broken")
    assert (await ledger.job(lakeside)).attempts == 0, "adding it anew revives it"


def test_pauses_grow_and_spread_and_end_at_an_hour() -> None:
    assert [jobs.pause(n, 1) for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert jobs.pause(3, 0) == 2
    assert jobs.pause(500, 1) == 3600


async def test_the_fence_undoes_the_effect_of_a_worker_that_lost_its_lease(
    lakeside: World, ledger: Any
) -> None:
    """The lease may be wrong; the fence may not. Without it the effect would be there twice (see the campaign)."""
    await ledger.add(lakeside, "trial.effect")
    actor = lakeside.system()
    async with doors().tenant(actor) as db:
        first = await jobs.claim(db)
    assert first is not None
    await ledger.hasten()
    assert await drain_once() == 1  # another worker, believing the first one dead

    async def wake_up_late() -> None:
        async with doors().tenant(actor) as db:
            await first.kind.handler(db, actor, first.args)
            await jobs.finish(db, first)

    with pytest.raises(jobs.Overtaken):
        await wake_up_late()
    assert await ledger.effects(lakeside) == ["done"]


async def test_a_job_added_anew_while_it_runs_runs_again_and_counts_once(
    lakeside: World, ledger: Any, gate: asyncio.Event
) -> None:
    import trial_kinds

    await ledger.add(lakeside, "trial.gated", word="before")
    running = asyncio.create_task(work_once(doors()))
    await asyncio.wait_for(trial_kinds.AT_GATE.wait(), 5)
    await ledger.add(lakeside, "trial.gated", word="after")
    gate.set()
    await running
    assert await ledger.effects(lakeside) == [], "the overtaken run must leave nothing"
    assert await drain_once() == 1
    assert await ledger.effects(lakeside) == ["after"]


async def test_a_cancelled_job_leaves_nothing(lakeside: World, ledger: Any, gate: asyncio.Event) -> None:
    import trial_kinds

    await ledger.add(lakeside, "trial.gated")
    running = asyncio.create_task(work_once(doors()))
    await asyncio.wait_for(trial_kinds.AT_GATE.wait(), 5)
    async with tenant_db(lakeside.system()) as db:
        assert await jobs.cancel(db, "trial.gated", "1")
    await asyncio.wait_for(running, 5)  # stopped by the heartbeat, not by its own end
    assert await ledger.effects(lakeside) == []
    assert (await ledger.job(lakeside)).state == "cancelled"


async def test_the_heartbeat_outlasts_the_lease(lakeside: World, ledger: Any) -> None:
    await ledger.add(lakeside, "trial.slow", milliseconds=1500)  # lease 600 ms
    first = asyncio.create_task(work_once(doors()))
    await asyncio.sleep(1.0)
    assert not await work_once(doors()), "a living worker's job was claimed"
    await first
    job = await ledger.job(lakeside)
    assert (job.state, job.attempts) == ("done", 1)
    assert await ledger.effects(lakeside) == ["done"]


async def test_a_stopping_worker_gives_its_job_back_without_counting_it(
    lakeside: World, ledger: Any, gate: asyncio.Event
) -> None:
    import trial_kinds

    await ledger.add(lakeside, "trial.gated")
    running = asyncio.create_task(work_once(doors()))
    await asyncio.wait_for(trial_kinds.AT_GATE.wait(), 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    job = await ledger.job(lakeside)
    assert (job.state, job.attempts, job.later) == ("ready", 0, False)
    gate.set()
    assert await drain_once() == 1
    assert await ledger.effects(lakeside) == ["done"]


async def test_a_job_whose_workers_die_each_time_goes_to_the_dead_letters(
    lakeside: World, ledger: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure()
    await ledger.add(lakeside, "trial.effect")
    for _ in range(3):
        async with doors().tenant(lakeside.system()) as db:
            assert await jobs.claim(db) is not None  # and dies
        await ledger.hasten()
    capsys.readouterr()
    assert await drain_once() == 0
    assert (await ledger.job(lakeside)).state == "dead"
    assert await ledger.effects(lakeside) == []
    out, err = capsys.readouterr()
    told = [json.loads(line) for line in (out + err).splitlines() if "job.dead" in line]
    assert [(line["kind"], line["practice"]) for line in told] == [("trial.effect", str(lakeside.tenant_id))]


async def test_a_kind_only_another_version_knows_is_left_to_it(lakeside: World, ledger: Any) -> None:
    await ledger.add(lakeside, "trial.effect", "mine")
    async with tenant_db(lakeside.system()) as db:
        await jobs.add(db, lakeside.system(), "tomorrow.kind", "1", {})
    assert await drain_once() == 1, "it must neither run nor be spun on"
    assert (await ledger.job(lakeside)).state == "ready"


async def test_jobs_of_jobs_commit_with_their_effect(lakeside: World, ledger: Any) -> None:
    await ledger.add(lakeside, "trial.adds_another", word="first", left=3)
    assert await drain_once() == 4
    assert await ledger.effects(lakeside) == ["first", "left-2", "left-1", "left-0"]


async def test_work_is_done_in_its_own_practice_with_named_rights_only(
    lakeside: World, hillcrest: World, ledger: Any
) -> None:
    """P6: run with the other practice's ids, a job finds nothing of them."""
    for world, other in ((lakeside, hillcrest), (hillcrest, lakeside)):
        await ledger.add(world, "trial.who", staff_id=other.staff["nora"])
    assert await drain_once() == 2
    for world in (lakeside, hillcrest):
        expected = f"{world.tenant_id} minutes.read {world.zone} None job 0"
        assert await ledger.effects(world) == [expected]


async def test_words_do_not_get_into_the_ledger(lakeside: World, ledger: Any) -> None:
    for words in (CANARY, "Ünal", "a" * 101, {"name": "x"}, [CANARY], 1.5, b"x"):
        with pytest.raises(ValueError, match="must be an id"):
            await ledger.add(lakeside, "trial.effect", word=words)
    await ledger.add(lakeside, "trial.effect", word=new_id(), many=[new_id(), 3, None, "2026-03"])
    assert await drain_once() == 1


async def test_no_ring_is_lost_between_adding_and_settling(
    lakeside: World, ledger: Any, behind: AsyncEngine
) -> None:
    """A worker that settles the bell while a job is being added must not put it to sleep. 40 races."""
    actor = lakeside.system()
    chance = random.Random(7)

    async def add(number: int) -> None:
        await asyncio.sleep(chance.random() * 0.004)
        async with tenant_db(actor) as db:
            await jobs.add(db, actor, "trial.effect", f"race-{number}", {"word": str(number)})
            await asyncio.sleep(chance.random() * 0.004)

    async def settle() -> None:
        for _ in range(4):
            await work_once(doors())
            await asyncio.sleep(chance.random() * 0.003)

    for number in range(40):
        await asyncio.gather(add(number), settle(), settle())
    await drain_once()
    assert sorted(await ledger.effects(lakeside), key=int) == [str(n) for n in range(40)]
    async with behind.begin() as connection:
        left = await connection.execute(sa.text("select count(*) from job where state <> 'done'"))
        assert left.scalar_one() == 0


async def test_eight_workers_at_once_do_each_job_once(lakeside: World, hillcrest: World, ledger: Any) -> None:
    for world in (lakeside, hillcrest):
        async with tenant_db(world.system()) as db:
            for number in range(40):
                await jobs.add(db, world.system(), "trial.effect", str(number), {"word": str(number)})
    ran = await asyncio.gather(*(drain_once() for _ in range(8)))
    assert sum(ran) == 80
    for world in (lakeside, hillcrest):
        assert sorted(await ledger.effects(world), key=int) == [str(n) for n in range(40)]


def test_two_handlers_cannot_share_a_kind() -> None:
    with pytest.raises(ValueError, match="two handlers"):
        jobs.register("trial.effect", worker.main, lease_seconds=5, max_attempts=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lease"):
        jobs.register("trial.long", worker.main, lease_seconds=61, max_attempts=1)  # type: ignore[arg-type]
