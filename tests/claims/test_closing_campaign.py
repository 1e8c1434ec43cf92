"""P11: the same inputs give the same claims: closed twice, eight times at once, under kills, on a restored copy."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World, make_practice
from claims import care
from conftest import ROOT, SECRET, _admin, database_url, make_database
from sqlalchemy.ext.asyncio import create_async_engine

from migrations.run import async_url, runtime_urls
from server.claims.actions import ask_to_close
from server.embedded import postgres
from server.minutes.actions import NewMinutes, log_minutes
from server.tenants import db as doors_of
from server.tenants.db import Doors, tenant_db

FULL = os.environ.get("CAREWRIGHT_CAMPAIGN") == "full"
pytestmark = [pytest.mark.campaign, pytest.mark.timeout(7_200 if FULL else 900)]

BOOKS, KILLS, PEOPLE = (50, 20, 7) if FULL else (2, 6, 7)


class Workers:
    """Worker processes that close months, forked on demand, killed by id."""

    def __init__(self, url: str, *options: str) -> None:
        urls = runtime_urls(url, bytes.fromhex(SECRET))
        self.pids: list[int] = []
        self._parent = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("closing_worker.py")), *options],
            cwd=ROOT,
            env={
                **os.environ,
                **{f"CAREWRIGHT_{word.upper()}_URL": address for word, address in urls.items()},
                "PYTHONPATH": str(ROOT),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def fork(self) -> None:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write("\n")
        self._parent.stdin.flush()
        self.pids.append(int(self._parent.stdout.readline()))

    def kill_one(self, chance: random.Random) -> None:
        pid = self.pids.pop(chance.randrange(len(self.pids)))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        self._parent.wait(60)
        assert self._parent.stdout is not None
        self._parent.stdout.close()


@asynccontextmanager
async def doors_to(url: str) -> AsyncIterator[None]:
    """This process's doors, open to another database for a while."""
    addresses, before = runtime_urls(url, bytes.fromhex(SECRET)), doors_of.doors()
    mine = doors_of.open_doors(Doors(addresses["app"], addresses["auth"], addresses["bell"]))
    try:
        yield
    finally:
        doors_of.open_doors(before)
        await mine.close()


async def ask_of(url: str, statement: str, **values: object) -> list[Any]:
    engine = create_async_engine(async_url(url), hide_parameters=True)
    try:
        async with engine.begin() as connection:
            found = await connection.execute(sa.text(statement), values)
            return list(found.all()) if found.returns_rows else []
    finally:
        await engine.dispose()


async def restored(source: str, name: str) -> str:
    """A dump of `source`, restored into a database of its own."""
    await _admin(f'drop database if exists "{name}" with (force)', f'create database "{name}"')
    tools = postgres.binaries().folder
    dump = await asyncio.create_subprocess_exec(
        str(tools / "pg_dump"), "--format=custom", source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    told, _ = await dump.communicate()
    assert dump.returncode == 0
    restore = await asyncio.create_subprocess_exec(
        str(tools / "pg_restore"), "--exit-on-error", f"--dbname={database_url(name)}", stdin=subprocess.PIPE
    )
    await restore.communicate(told)
    assert restore.returncode == 0
    return database_url(name)


async def random_book(world: World, month: str, chance: random.Random) -> list[Any]:
    """People with something of everything: one thing missing here and there, minutes of many lengths, other payers.
    The first is in order, with 21 minutes: what late minutes change for them is known beforehand."""
    people = [await care.someone_in_care(world, month, name="Book0")]
    await care.minutes(world, people[0], month, 21, hour=6)
    for number in range(1, PEOPLE):
        missing = chance.choice(
            [{}, {}, {}, {"consent": False}, {"plan": False}, {"covered": False}, {"visit": False}]
        )
        payer = chance.choice(["medicare_part_b", "medicare_part_b", "bcbsm", "unknown"])
        program = "pdcm" if payer == "bcbsm" else "ccm"
        person = await care.someone_in_care(
            world, month, name=f"Book{number}", payer=payer, program=program, **missing
        )
        lengths = [chance.choice([1, 7, 12, 19, 20, 21, 40, 61]) for _ in range(chance.randrange(4))]
        who = chance.choice(["nora", "rosa", "dr_lin"])
        await care.minutes(world, person, month, *lengths, who=who, program=program, hour=6 + 2 * number)
        people.append(person)
    return people


async def close_with(url: str, world: World, month: str, workers: Workers, *, at_once: int = 1) -> list[Any]:
    """Ask, have the workers do it, and say what the runs came to; no kills here, those are the caller's."""
    biller = world.actor("bill")

    async def one() -> Any:
        async with tenant_db(biller) as db:
            return await ask_to_close(db, biller, month)

    async with doors_to(url):
        runs = {str(run) for run in await asyncio.gather(*(one() for _ in range(at_once)))}
    return sorted(runs)


async def ended(url: str, seconds: float = 120, each: Callable[[], Awaitable[None]] | None = None) -> Any:
    """The newest run, once it is done."""
    over = time.monotonic() + seconds
    while True:
        (row,) = await ask_of(
            url,
            "select state, patients, decided, unchanged, result_hash, batches_left from month_close "
            "order by made_at desc, id desc limit 1",
        )
        if row.state == "done":
            return row
        assert time.monotonic() < over, row
        if each is not None:
            await each()
        await asyncio.sleep(0.1)


CANONICAL = """select md5(string_agg(patient_id || ' ' || version || ' ' || decision, '|' order by patient_id, version))
  from month_decision"""
DOUBLED = "select count(*) from (select 1 from month_decision group by tenant_id, patient_id, month, version having count(*) > 1) d"
ORPHANS = """select (select count(*) from claim_line l where not exists (select from month_decision d where d.id = l.decision_id))
  + (select count(*) from claim_hold h where not exists (select from month_decision d where d.id = h.decision_id))
  + (select count(*) from month_decision d where not exists (select from claim_line l where l.decision_id = d.id)
      and not exists (select from claim_hold h where h.decision_id = d.id))"""


async def units(url: str, patient_id: Any) -> dict[str, int]:
    """code -> units of a person's newest decision."""
    rows = await ask_of(
        url,
        """select code, units from claim_line where decision_id = (
             select id from month_decision where patient_id = :id order by version desc limit 1)""",
        id=patient_id,
    )
    return {row.code: row.units for row in rows}


async def sound(url: str) -> str:
    assert (await ask_of(url, DOUBLED))[0][0] == 0
    assert (await ask_of(url, ORPHANS))[0][0] == 0
    return str((await ask_of(url, CANONICAL))[0][0])


async def test_the_same_book_gives_the_same_claims_whatever_happens(
    database: str, worker_id: str, record_property: Callable[[str, object], None]
) -> None:
    kills = closes = 0
    for seed in range(BOOKS):
        chance = random.Random(seed)
        url = await make_database(f"book_{worker_id}")
        async with doors_to(url):
            world = await make_practice("lakeside")
            month = care.last_month(world.zone)
            people = await random_book(world, month, chance)
        copy = await restored(url, f"book_copy_{worker_id}")
        other = await restored(url, f"book_other_{worker_id}")

        # Plain, then again, then eight at once.
        workers = Workers(url)
        try:
            workers.fork()
            await close_with(url, world, month, workers)
            first = await ended(url)
            text = await sound(url)
            assert (first.patients, first.decided, first.batches_left) == (PEOPLE, PEOPLE, 0)
            await close_with(url, world, month, workers)
            again = await ended(url)
            assert (again.result_hash, again.unchanged) == (first.result_hash, PEOPLE)
            workers.fork()
            assert len(await close_with(url, world, month, workers, at_once=8)) == 1
            assert (await ended(url)).result_hash == first.result_hash
            assert await sound(url) == text
            closes += 3

            # Late minutes are in the next version, and only there.
            late = people[0]
            assert await units(url, late) == {"99490": 1}
            start = care.at(world, month, 21, 3)
            mika = world.actor("nora")
            async with doors_to(url), tenant_db(mika) as db:
                new = NewMinutes(
                    "ccm", "contact", start, start + timedelta(minutes=33), reason="Found", late=True
                )
                await log_minutes(db, mika, late, new)
            assert await sound(url) == text
            await close_with(url, world, month, workers)
            await ended(url)
            versions = await ask_of(
                url, "select patient_id, max(version) as v from month_decision group by 1"
            )
            changed = {row.patient_id for row in versions if row.v > 1}
            assert changed == {late}, "late minutes changed nothing, or somebody else's month"
            assert await units(url, late) == {"99490": 1, "99439": 1}  # 21 and 33 minutes
            closes += 1
        finally:
            workers.end()

        # A restored copy, closed by eight askers at once.
        workers = Workers(copy)
        try:
            for _ in range(2):
                workers.fork()
            await close_with(copy, world, month, workers, at_once=8)
            assert (await ended(copy)).result_hash == first.result_hash
            assert await sound(copy) == text
            closes += 1
        finally:
            workers.end()

        # Another copy, its workers killed at random moments, each replaced.
        workers = Workers(other)
        left = KILLS
        try:
            for _ in range(2):
                workers.fork()
            await close_with(other, world, month, workers)

            async def kill(chance: random.Random = chance, workers: Workers = workers) -> None:
                nonlocal left, kills
                if left:
                    await asyncio.sleep(chance.uniform(0, 0.8))
                    workers.kill_one(chance)
                    workers.fork()
                    left, kills = left - 1, kills + 1

            run = await ended(other, 180, kill)
            assert (run.result_hash, run.decided, run.batches_left) == (first.result_hash, PEOPLE, 0)
            assert await sound(other) == text
            closes += 1
        finally:
            workers.end()
    record_property(
        "count",
        f"P11: {BOOKS} random books of {PEOPLE} people, {closes} closings, 8 asked at once, {kills} workers killed, "
        f"{2 * BOOKS} restored copies: one hash for each book, 0 doubled, 0 orphans, late minutes in the next version only",
    )


async def test_control_without_the_fence_a_batch_is_counted_twice(
    database: str, worker_id: str, record_property: Callable[[str, object], None]
) -> None:
    url = await make_database(f"book_{worker_id}")
    async with doors_to(url):
        world = await make_practice("lakeside")
        month = care.last_month(world.zone)
        await random_book(world, month, random.Random(1))
    workers = Workers(url, "no-fence")
    try:
        for _ in range(2):
            workers.fork()
        await close_with(url, world, month, workers)
        over, noticed, row = time.monotonic() + 90, "", None
        while time.monotonic() < over and not noticed:
            (row,) = await ask_of(url, "select state, patients, decided, batches_left from month_close")
            if row.decided > row.patients or row.batches_left < 0:
                noticed = f"{row.decided} of {row.patients} people decided"
            elif (
                row.state == "done"
                and (
                    await ask_of(
                        url, "select count(*) from job where kind = 'claims.close_batch' and state <> 'done'"
                    )
                )[0][0]
            ):
                noticed = "done before its batches were"
            await asyncio.sleep(0.2)
        assert noticed, row
    finally:
        workers.end()
    record_property("count", f"P11 control, no fence: noticed ({noticed})")
