"""E-1 and E-2: what the ledger of work costs over the bare statements, and how soon rung work starts."""

import asyncio
import statistics
import time

import asyncpg

from bench.house import House
from bench.rounds import Ratio, seconds
from server import jobs
from server.ids import new_id
from server.jobs import Doorbell
from server.tables import JSON
from server.tenants.actor import Actor, system
from server.tenants.db import Db, on_ring
from server.worker import Worker, drain_once

_JOBS = {"ci": 400, "full": 4_000}
_RINGS = {"ci": 40, "full": 200}
_HANDS = 4

_CLAIM = """
update job set state = 'running', attempts = attempts + 1, fence = fence + 1, lease_until = now() + interval '10 s'
where (tenant_id, id) = (select tenant_id, id from job where tenant_id = $1 and state = 'ready' and run_at <= now()
  order by run_at, id limit 1 for update skip locked)
returning id, fence"""
_FINISH = "update job set state = 'done', done_at = now() where tenant_id = $1 and id = $2 and fence = $3"


async def _nothing(_db: Db, _actor: Actor, _args: JSON) -> None:
    """The ledger alone is measured."""


_started: dict[int, float] = {}
_waiting: list[asyncio.Event] = []


async def _note(_db: Db, _actor: Actor, args: JSON) -> None:
    _started[args["number"]] = time.perf_counter()
    _waiting.pop().set()


async def measure(house: House, size: str) -> list[Ratio]:
    jobs.register("bench.nothing", _nothing, lease_seconds=10, max_attempts=3)
    return [await _throughput(house, size), await _latency(house, size)]


async def _throughput(house: House, size: str) -> Ratio:
    """Both sides: the same rows, four hands, one transaction for each job that finishes it and claims the next."""
    count = _JOBS[size]
    actors = [system(new_id(), "UTC") for _ in range(_HANDS)]
    pool = await asyncpg.create_pool(house.plain("app"), min_size=_HANDS, max_size=_HANDS)

    async def fill() -> None:
        owner = await house.owner()
        await owner.execute("delete from job")
        await owner.close()
        for actor in actors:
            async with house.doors.tenant(actor) as db:
                for number in range(count // _HANDS):
                    await jobs.add(db, actor, "bench.nothing", str(number), {})

    async def ledger() -> None:
        await asyncio.gather(*(drain_once(house.doors) for _ in range(_HANDS)))

    async def bare() -> None:
        async def hand(actor: Actor) -> None:
            tenant, taken = actor.tenant_id, None
            async with pool.acquire() as connection:
                while True:
                    await connection.execute(f"begin; set local app.tenant_id = '{tenant}'")
                    if taken is not None:
                        await connection.execute(_FINISH, tenant, taken["id"], taken["fence"])
                    taken = await connection.fetchrow(_CLAIM, tenant)
                    await connection.execute("commit")
                    if taken is None:
                        return

        await asyncio.gather(*(hand(actor) for actor in actors))

    taken: dict[str, list[float]] = {"ledger": [], "bare": []}
    for name, run in (("ledger", ledger), ("bare", bare)) * 3:
        await fill()
        taken[name].append((await seconds({name: run}, rounds=1, warm=False))[name])
    await pool.close()
    ours, limit = statistics.median(taken["ledger"]), statistics.median(taken["bare"])
    return Ratio(
        "E-1", "ledger jobs per second / the bare claim-and-finish SQL", limit / ours, 0.5, 0.8, "more",
        f"{count / ours:.0f} and {count / limit:.0f} jobs/s",
    )  # fmt: skip


async def _latency(house: House, size: str) -> Ratio:
    """From the commit that added a job to the first line of its handler, the bell going through Valkey."""
    jobs.register("bench.note", _note, lease_seconds=10, max_attempts=3)
    actor = system(new_id(), "UTC")
    bell = Doorbell(house.redis_url)
    worker = Worker(house.doors, house.redis_url, hands=_HANDS)
    on_ring(bell.ring)
    running = asyncio.create_task(worker.run())
    waited: list[float] = []
    try:
        await asyncio.sleep(1)
        for number in range(_RINGS[size]):
            ran = asyncio.Event()
            _waiting.append(ran)
            async with house.doors.tenant(actor) as db:
                await jobs.add(db, actor, "bench.note", str(number), {"number": number})
            committed = time.perf_counter()
            async with asyncio.timeout(10):
                await ran.wait()
            waited.append(max(0.0, _started[number] - committed))
            await asyncio.sleep(0.02)
    finally:
        worker.stop.set()
        await running
        await bell.close()
    p50 = 1000 * statistics.median(waited)
    return Ratio(
        "E-2",
        "milliseconds from bell to start, idle worker, median",
        p50,
        60,
        10,
        "less",
        f"worst {1000 * max(waited):.0f} ms",
    )
