"""The worker: `python -m server.worker`. Takes practices from the bell in fair turn and does their due jobs.

A few hands work side by side. Each sleeps until the bell rings or a second has passed, whichever is sooner: the
ring comes through Redis from whoever added a job, and is a courtesy. Without Redis the seconds alone do; without
PostgreSQL the hands wait and try again. On SIGTERM they finish what they hold, or give it back.
"""

import asyncio
import gc
import importlib
import pkgutil
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, cast
from uuid import UUID

from arq import func
from arq.worker import Worker as Listener

import server
from server import jobs, logs, schedules
from server.errors import Refused
from server.jobs import Claimed, Overtaken
from server.logs import log
from server.mail import deliver_waiting
from server.plugin_host.kept import end_kept_runner
from server.settings import settings
from server.tenants import attempts, seal, sessions, upkeep
from server.tenants.actor import Actor, system
from server.tenants.db import WORK_SECONDS, Doors, Row, doors, on_ring, open_doors

_HANDS: Final = 4
_SWEEP_SECONDS: Final = 1.0
_SLICE_SECONDS: Final = 0.2
_GRACE_SECONDS: Final = 25.0
_LONGEST_RUN_SECONDS: Final = 900.0
_LONGEST_WAIT_SECONDS: Final = 10.0
_HOUR: Final = 3600.0


# --- one job --------------------------------------------------------------------------------------------------


async def work_once(
    through: Doors, *, slice_seconds: float = _SLICE_SECONDS, stopping: Callable[[], bool] = lambda: False
) -> int | None:
    """Give the practice that waited longest its turn, for a slice of time. None when no practice's bell has rung.

    Returns how many jobs were run, whatever became of them; 0 when there was nothing to do but to set the bell.
    """
    async with through.bell() as bell:
        tenant_id = await jobs.take_turn(bell)
    if tenant_id is None:
        return None
    nobody = system(tenant_id, "UTC")
    async with through.in_a_row() as row:
        async with through.tenant(nobody, row=row) as db:
            behind = await schedules.is_behind(db)
            job = await jobs.claim(db)
            if job is None and not behind:
                await jobs.settle(db, tenant_id, schedules.SCHEDULES)
            db.another_follows = job is not None and not behind
        if behind:
            await _plan(through, nobody, settle=job is None)
        return await _work_off(through, row, tenant_id, job, slice_seconds, stopping)


async def work_for(through: Doors, tenant_id: UUID) -> int:
    """Do what is due in one practice, whatever its place in the line, for a slice of time; how many jobs were run."""
    async with through.in_a_row() as row:
        async with through.tenant(system(tenant_id, "UTC"), row=row) as db:
            job = await jobs.claim(db)
            db.another_follows = job is not None
        return await _work_off(through, row, tenant_id, job)


async def _work_off(
    through: Doors,
    row: Row,
    tenant_id: UUID,
    job: Claimed | None,
    slice_seconds: float = _SLICE_SECONDS,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Run the job and those that follow it, for a slice of time; how many."""
    over = time.monotonic() + slice_seconds
    run = 0
    while job is not None:
        run += 1
        job = await _run(through, row, tenant_id, job, lambda: time.monotonic() < over and not stopping())
    return run


async def _plan(through: Doors, actor: Actor, *, settle: bool) -> None:
    """Add what the practice's schedules ask for. Trouble with them must not hold up its other work."""
    try:
        async with through.tenant(actor) as db:
            await schedules.plan(db, actor)
    except Exception as error:
        log.error("schedule.failed", practice=actor.tenant_id, error=error)
    if settle:
        async with through.tenant(actor) as db:
            await jobs.settle(db, actor.tenant_id, schedules.SCHEDULES)


async def drain_once(through: Doors | None = None, *, most: int = 10_000) -> int:
    """Do everything that is due now, one job after another, and return how many were run. For tests and commands."""
    through = through or doors()
    total = 0
    while total < most:
        run = await work_once(through)
        if run is None:
            break
        total += run
    return total


async def _run(
    through: Doors, row: Row, tenant_id: UUID, job: Claimed, go_on: Callable[[], bool]
) -> Claimed | None:
    """Run the job to its end. The practice's next one, if it is still its turn and there is one."""
    actor = system(tenant_id, job.zone, *job.kind.rights)
    work = asyncio.create_task(_attempt(through, row, actor, job, go_on))
    try:
        state = await _watched(through, actor, job, work)
    except asyncio.CancelledError:  # the worker stops, and has no time left for this
        work.cancel()
        held: Claimed | None = job
        with suppress(Exception, asyncio.CancelledError):
            held = await work  # it had just ended, and claimed the next one
        with suppress(Exception):
            if held is not None:
                async with through.tenant(actor) as db:
                    await jobs.give_back(db, held)
        raise
    if state == "dead":
        log.error("job.dead", kind=job.kind.name, practice=tenant_id, job=job.id, attempt=job.attempts)
    return work.result() if state == "done" else None


async def _watched(through: Doors, actor: Actor, job: Claimed, work: asyncio.Task[Claimed | None]) -> str:
    """Renew the lease while `work` goes on; how the job ended."""
    deadline = time.monotonic() + _LONGEST_RUN_SECONDS
    while not work.done():
        await asyncio.wait({work}, timeout=job.kind.lease_seconds / 3)
        if work.done():
            break
        if time.monotonic() > deadline or not await _still_ours(through, actor, job):
            work.cancel()
            await asyncio.wait({work})
    if work.cancelled():
        return await _failed(through, actor, job, TimeoutError())
    error = work.exception()
    if error is None:
        return "done"
    if isinstance(error, Overtaken):
        return "overtaken"
    if isinstance(error, jobs.Later):
        async with through.tenant(actor) as db:
            await jobs.give_back(db, job, seconds=1)
        return "ready"
    return await _failed(through, actor, job, error)


async def _attempt(
    through: Doors, row: Row, actor: Actor, job: Claimed, go_on: Callable[[], bool]
) -> Claimed | None:
    async with through.tenant(actor, row=row) as db:
        await job.kind.handler(db, actor, job.args)
        if go_on():
            # In the same transaction: one commit for each job, where closing and claiming apart would take two.
            following = await jobs.finish_and_claim(db, job)
            db.another_follows = following is not None
            return following
        await db.flush()
        await jobs.finish(db, job)
        return None


async def _still_ours(through: Doors, actor: Actor, job: Claimed) -> bool:
    try:
        async with through.tenant(actor) as db:
            return await jobs.renew(db, job)
    except Exception as error:
        log.warning("job.heartbeat_missed", kind=job.kind.name, job=job.id, error=error)
        return True  # nobody said otherwise; if the lease ends meanwhile, the fence decides


async def _failed(through: Doors, actor: Actor, job: Claimed, error: BaseException) -> str:
    log.warning("job.failed", kind=job.kind.name, job=job.id, attempt=job.attempts, error=error)
    async with through.tenant(actor) as db:
        return await jobs.fail(db, job, _briefly(error))


def _briefly(error: BaseException) -> str:
    """For the dead-letter page: what and where, never anyone's words."""
    if isinstance(error, Refused):
        return error.code
    first = logs.described(error)[0]
    return f"{first['type']} at {first['where'][-1]}" if "where" in first else str(first["type"])


# --- the process ----------------------------------------------------------------------------------------------

Ticks = Mapping[str, tuple[float, Callable[[], Awaitable[object]]]]


class Worker:
    """Hands, ticks and the ear for the doorbell, until `stop` is set. Ticks are what no practice's bell rings for:
    name -> (seconds between, what to do); what is due is in the database, so a missed one loses nothing."""

    def __init__(
        self,
        through: Doors,
        redis_url: str = "",
        *,
        hands: int = _HANDS,
        ticks: Ticks | None = None,
        grace_seconds: float = _GRACE_SECONDS,
    ) -> None:
        self._doors = through
        self._redis_url = redis_url
        self._hands = hands
        self._ticks = ticks or {}
        self._grace_seconds = grace_seconds
        self._rung = asyncio.Event()
        self.stop = asyncio.Event()

    async def ring(self) -> None:
        """Something may be due."""
        self._rung.set()

    async def run(self) -> None:
        """Work until told to stop; then finish what is in hand, or give it back when the grace is over."""
        hands = [asyncio.create_task(self._hand()) for _ in range(self._hands)]
        others = [asyncio.create_task(self._tick(name, *tick)) for name, tick in self._ticks.items()]
        if self._redis_url:
            others.append(asyncio.create_task(listen(self._redis_url, self.ring)))
        try:
            await self.stop.wait()
            self._rung.set()
            await asyncio.wait(hands, timeout=self._grace_seconds)
        finally:
            for task in (*hands, *others):
                task.cancel()
            await asyncio.gather(*hands, *others, return_exceptions=True)

    async def _hand(self) -> None:
        troubles = 0
        while not self.stop.is_set():
            try:
                if await work_once(self._doors, stopping=self.stop.is_set) is None:
                    await self._wait(_SWEEP_SECONDS)
                troubles = 0
            except Exception as error:  # the database is away, or this is our bug; either way others need us
                troubles += 1
                log.error("worker.trouble", count=troubles, error=error)
                await _until(self.stop, min(_LONGEST_WAIT_SECONDS, jobs.pause(troubles, 0)))

    async def _wait(self, seconds: float) -> None:
        await _until(self._rung, seconds)
        if not self.stop.is_set():
            self._rung.clear()

    async def _tick(self, name: str, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        while not self.stop.is_set():
            try:
                await work()
            except Exception as error:
                log.error("tick.failed", kind=name, error=error)
            await _until(self.stop, seconds)


async def _until(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def listen(redis_url: str, ring: Callable[[], Awaitable[None]]) -> None:
    """Pass on every `drain` that comes through Redis, for ever. arq ends its worker at any hiccup of Redis; this
    makes another."""

    async def drain(_context: dict[Any, Any]) -> None:
        await ring()

    troubles = 0
    while True:
        started = time.monotonic()
        ear = Listener(
            functions=[func(cast(Any, drain), name=jobs.DRAIN)],
            queue_name=jobs.QUEUE,
            redis_settings=jobs.redis_settings(redis_url),
            handle_signals=False,
            max_jobs=100,
            job_timeout=60,
            max_tries=100,
            keep_result=0,
            poll_delay=0.05,
            health_check_interval=5,
            health_check_key=f"{jobs.QUEUE}:{id(ring):x}",
            job_serializer=jobs.packed,
            job_deserializer=jobs.unpacked,
            log_results=False,
        )
        try:
            await ear.async_run()
        except Exception as error:
            troubles = 1 if time.monotonic() - started > 60 else troubles + 1
            log.warning("redis.away", count=troubles, error=error)
        finally:
            with suppress(Exception, asyncio.CancelledError):
                await ear.close()
            if ear._pool is not None:
                with suppress(Exception):
                    await ear.pool.aclose(close_connection_pool=True)
        await asyncio.sleep(min(_LONGEST_WAIT_SECONDS, jobs.pause(troubles, 0)))


def gather_kinds() -> None:
    """Import every room's jobs.py, so that their kinds are registered."""
    for room in pkgutil.iter_modules(server.__path__):
        if room.ispkg and importlib.util.find_spec(f"server.{room.name}.jobs") is not None:
            importlib.import_module(f"server.{room.name}.jobs")


async def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logs.configure()
    logs.watch_loop(asyncio.get_running_loop())
    gather_kinds()
    gc.freeze()  # what was imported stays: no need to look at it again and again (server/serve.py)
    s = settings()
    through = open_doors(
        # for each hand one connection for its work, one for its heartbeat, one for what it reads apart; one to seal
        Doors(s.app_url, s.auth_url, s.bell_url, pool_size=3 * _HANDS + 1, seconds=WORK_SECONDS)
    )
    worker = Worker(
        through,
        s.redis_url,
        ticks={
            "audit.seal": (5.0, partial(seal.tick, through)),
            "mail.deliver": (2.0, partial(deliver_waiting, through.auth)),
            "schedules.wake": (_HOUR, partial(upkeep.wake_the_silent, through)),
            "attempts.forget": (_HOUR, attempts.forget_old),
            "sessions.forget": (_HOUR, sessions.forget_old),
        },
    )
    on_ring(worker.ring)
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, worker.stop.set)
    try:
        await _safe_roles(through, worker.stop)
        log.info("worker.ready", count=len(jobs.KINDS))
        await worker.run()
    finally:
        await end_kept_runner()
        await through.close()
    log.info("worker.stopped")


async def _safe_roles(through: Doors, stop: asyncio.Event) -> None:
    """Wait for PostgreSQL; refuse to work as a role that could see past the policies."""
    troubles = 0
    while not stop.is_set():
        try:
            await through.check_roles()
            return
        except RuntimeError:
            raise
        except Exception as error:
            troubles += 1
            log.warning("postgres.away", count=troubles, error=error)
            await _until(stop, min(_LONGEST_WAIT_SECONDS, jobs.pause(troubles, 0)))


if __name__ == "__main__":
    asyncio.run(main())
