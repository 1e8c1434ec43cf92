"""P7 and P11: workers killed while they close a month. What was decided is what an undisturbed run decides, to the byte."""

import asyncio
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from cast import World
from claims.care import last_month, minutes, someone_in_care
from conftest import _admin, make_database
from house import FULL, House
from test_worker import Process

from server.claims.actions import ask_to_close
from server.tenants.db import tenant_db

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(7_200 if FULL else 900)]

Count = Callable[[str, object], None]
KILLS = 100 if FULL else 25
PATIENTS = 12
OPTIONS = ("rooms", "slow", "short-lease", "small-batches")

DECIDED = """
select d.patient_id, d.version, d.plugin, d.plugin_version, d.rule_set_hash, d.facts, d.decision_hash, d.decision,
  (select json_agg(json_build_array(l.number, l.code, l.units, l.entry_ids) order by l.number) from claim_line l
   where l.tenant_id = d.tenant_id and l.decision_id = d.id)::text,
  (select json_agg(json_build_array(h.number, h.reason, h.sentence) order by h.number) from claim_hold h
   where h.tenant_id = d.tenant_id and h.decision_id = d.id)::text
from month_decision d order by d.tenant_id, d.patient_id, d.version"""


async def copy_of(house: House, name: str) -> House:
    """The same house over a copy of its database."""
    source = sa.make_url(house.url).database
    await _admin(
        f'drop database if exists "{name}" with (force)', f'create database "{name}" template "{source}"'
    )
    url = sa.make_url(house.url).set(database=name).render_as_string(hide_password=False)
    return House(url, "", house.folder)


async def a_month(house: House) -> list[World]:
    """Two practices with a dozen patients between them, a month behind them."""
    worlds = await house.practices()
    async with house.doors():
        for n in range(PATIENTS):
            world = worlds[n % 2]
            month = last_month(world.zone)
            patient_id = await someone_in_care(world, month, name=f"Walker {n}", consent=n % 5 != 4)
            await minutes(world, patient_id, month, 10 + n, 15, hour=8 + n // 2)
    return worlds


async def close_all(house: House, worlds: list[World]) -> None:
    """Have every practice's month decided; a run that is under way goes on."""
    async with house.doors():
        for world in worlds:
            bill = world.actor("bill")
            async with tenant_db(bill) as db:
                await ask_to_close(db, bill, last_month(world.zone))


async def under_way(house: House) -> int:
    return int(await house.one("select count(*) from month_close where state in ('asked', 'running')"))


async def closed(house: House, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while await under_way(house):  # noqa: ASYNC110 - another process ends it
            await asyncio.sleep(0.05)


async def results(house: House) -> set[tuple[object, ...]]:
    rows = await house.sql("select tenant_id, result_hash, patients from month_close where state = 'done'")
    return {tuple(row) for row in rows}


async def test_a_month_closed_by_workers_who_die_is_decided_as_if_none_had(
    tmp_path: Path, worker_id: str, record_property: Count
) -> None:
    planted = House(await make_database(f"month_{worker_id}"), "", tmp_path)
    worlds = await a_month(planted)

    calm = await copy_of(planted, f"calm_{worker_id}")
    workers = Process(calm.environment, *OPTIONS)
    try:
        workers.fork()
        await close_all(calm, worlds)
        await closed(calm, 120)
    finally:
        workers.end()
    expected = await calm.sql(DECIDED)

    house = await copy_of(planted, f"storm_{worker_id}")
    workers, chance, runs = Process(house.environment, *OPTIONS), random.Random(), 0
    try:
        for _ in range(3):
            workers.fork()
        for _ in range(KILLS):
            while not await house.one("select count(*) from job where state = 'running'"):
                if not await under_way(house):
                    await close_all(house, worlds)
                    runs += 1
                await asyncio.sleep(0.01)
            await asyncio.sleep(chance.uniform(0, 0.3))
            workers.send(chance.choice(workers.pids), signal.SIGKILL)
            workers.fork()
        await closed(house, 120)
        await house.caught_up(60)
    finally:
        workers.end()
    claimed = await house.one("select sum(fence) from job where kind <> 'recount'")
    jobs = await house.one("select count(*) from job where kind <> 'recount'")
    decided = await house.sql(DECIDED)
    record_property(
        "count",
        f"P7, P11: {KILLS} workers killed while months were closed {runs} times in two practices: {len(decided)} decisions "
        f"of {PATIENTS} patients, byte for byte those of an undisturbed run; {jobs} jobs claimed {claimed} times",
    )
    assert len(expected) == PATIENTS
    assert decided == expected, "another answer, a lost one, or a doubled one"
    assert await results(house) == await results(calm)
    assert claimed > jobs, "no kill hit a job under way"
    assert await house.one("select count(*) from job where state not in ('done', 'ready')") == 0
