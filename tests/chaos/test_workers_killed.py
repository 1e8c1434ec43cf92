"""P7 on the product's own work: workers killed during the recount of months. Nothing is lost, nothing counted twice."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cast import World
from claims.care import at, last_month, someone_in_care
from conftest import make_database
from house import FULL, House
from test_worker import Process

from server.minutes.actions import NewMinutes, log_minutes
from server.minutes.jobs import ask_for_recount
from server.minutes.recount import rebuild_totals
from server.tenants.db import tenant_db

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(7_200 if FULL else 900)]

Count = Callable[[str, object], None]
KILLS = 200 if FULL else 60
PATIENTS, DAYS = 4, 2


@pytest.fixture
async def house(tmp_path: Path, worker_id: str) -> AsyncIterator[House]:
    made = House(await make_database(f"killed_{worker_id}"), "", tmp_path)
    yield made
    made.close()


def months_of(world: World) -> list[str]:
    """The last months, newest first, as YYYY-MM."""
    year, month = map(int, last_month(world.zone).split("-"))
    return [
        f"{(year * 12 + month - 1 - n) // 12}-{(year * 12 + month - 1 - n) % 12 + 1:02d}" for n in range(6)
    ]


async def a_ledger(house: House) -> list[World]:
    """Two practices with minutes in half a year of months."""
    worlds = await house.practices()
    async with house.doors():
        for world in worlds:
            nora = world.actor("nora")
            for n in range(PATIENTS):
                patient_id = await someone_in_care(
                    world, last_month(world.zone), name=f"Walker {n}",
                    codes=(), consent=False, plan=False, visit=False, covered=False,
                )  # fmt: skip
                async with tenant_db(nora) as db:
                    for month in months_of(world):
                        for day in range(1, 1 + DAYS):
                            start = at(world, month, day, 8 + n)
                            end = start + timedelta(minutes=10 + n)
                            span = NewMinutes("ccm", "contact", start, end, reason="Entered late")
                            await log_minutes(db, nora, patient_id, span)
    return worlds


async def burn(worlds: list[World]) -> None:
    """Throw every total of a practice away and have all its months counted again."""
    for world in worlds:
        system = world.system()
        async with tenant_db(system) as db:
            await rebuild_totals(db, system)
            await ask_for_recount(db, system, months_of(world))


async def storm(house: House, worlds: list[World], processes: Process, kills: int) -> None:
    """Three workers, one killed at a time with work in somebody's hands and replaced, while totals are burnt again
    and again."""
    chance = random.Random()
    for _ in range(3):
        processes.fork()
    async with house.doors():
        for _ in range(kills):
            while not await house.one("select count(*) from job where state = 'running'"):
                if not await house.waiting():
                    await burn(worlds)
                await asyncio.sleep(0.01)
            await asyncio.sleep(chance.uniform(0, 0.1))
            processes.send(chance.choice(processes.pids), signal.SIGKILL)
            processes.fork()


async def test_recounts_survive_the_death_of_their_workers(house: House, record_property: Count) -> None:
    worlds = await a_ledger(house)
    processes = Process(house.environment, "rooms", "slow", "short-lease")
    try:
        await storm(house, worlds, processes, KILLS)
        seconds = await house.caught_up(120)
    finally:
        processes.end()
    wrong = await house.wrong_totals()
    totals = await house.one("select count(*) from month_total")
    claimed = await house.one("select sum(fence) from job where kind = 'recount'")
    done = await house.one("select count(*) from audit_event where action = 'minutes.recount'")
    record_property(
        "count",
        f"P7: {KILLS} workers killed during recounts: {totals} totals, {wrong} wrong; jobs were claimed {claimed} times "
        f"and done {done} times, so about {claimed - done} died in hand; caught up {seconds:.1f} s after the last kill",
    )
    assert claimed - done > KILLS / 10, "hardly a kill hit work under way"
    assert wrong == 0
    assert totals == len(worlds) * PATIENTS * 6
    assert await house.half_written() == {}
    assert await house.one("select count(*) from job where state <> 'done' and kind = 'recount'") == 0


async def test_control_workers_that_close_a_job_before_doing_it_lose_recounts(
    house: House, record_property: Count
) -> None:
    """The same fault must catch workers that take a job off the ledger first, as a plain queue does."""
    worlds = await a_ledger(house)
    processes = Process(house.environment, "rooms", "close-first")
    try:
        for _ in range(3):
            processes.fork()
        async with house.doors():
            await burn(worlds)
        started = time.monotonic()
        while await house.one("select count(*) from job where state in ('ready', 'running')"):
            assert time.monotonic() - started < 60
            await asyncio.sleep(0.01)
        for pid in list(processes.pids):
            processes.send(pid, signal.SIGKILL)
        processes.fork()
        await asyncio.sleep(3)
    finally:
        processes.end()
    wrong = await house.wrong_totals()
    record_property("count", f"P7 control: {wrong} totals wrong when jobs are closed before they are done")
    assert wrong > 0
