"""The ledger of work that happens later. The truth is in PostgreSQL; Redis only rings.

A room registers a kind of job and adds jobs through the `db` of its own transaction:

    register("minutes.recount", recount_month, lease_seconds=20, max_attempts=8, rights=("minutes.read",))
    await add(db, actor, "minutes.recount", f"{patient_id}:{month}", {"patient_id": patient_id, "month": month})

The job and its practice's bell commit with the business rows or not at all. A worker (`server.worker`) takes a
practice from the bell in fair turn and claims a job with a lease and a fence; the job's effect and its closing
commit together, and only under the fence it was claimed with. So a job is never lost, and its effect in the
database happens once however often workers die. All times are the database's, so clocks that differ do no harm.
"""

import asyncio
import json
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from arq.connections import ArqRedis, RedisSettings, create_pool
from sqlalchemy import text

from server.ids import new_id
from server.logs import log
from server.tables import JSON

if TYPE_CHECKING:  # the rooms above: their shapes only, never their code
    from sqlalchemy.ext.asyncio import AsyncConnection

    from server.tenants.actor import Actor
    from server.tenants.db import Db

Handler = Callable[["Db", "Actor", JSON], Awaitable[None]]

QUEUE: Final = "carewright:bell"
DRAIN: Final = "drain"

_LONGEST_LEASE = 60.0
_LONGEST_BACKOFF = 3600.0
_OTHERS_WORK_SECONDS = 5  # how soon to look again for a kind that only another version of the worker knows
_PLAIN = re.compile(r"[A-Za-z0-9_.:+-]{0,100}", re.ASCII)


class Overtaken(Exception):
    """The job was claimed again, added anew or cancelled meanwhile: this run's effect must be rolled back."""


class Later(Exception):
    """A handler's word that what it needs is in other hands: put back for a second, and no attempt is used up."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job. rights: the permissions its actor holds. lease_seconds: how long silence means death. says: what
    it does, in words for the people of a practice, marked with N_."""

    name: str
    handler: Handler
    lease_seconds: float
    max_attempts: int
    rights: tuple[str, ...]
    says: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job in this worker's hands for as long as the fence is the row's."""

    id: UUID
    kind: Kind
    args: JSON
    attempts: int
    fence: int
    zone: str


KINDS: dict[str, Kind] = {}


def register(
    kind: str,
    handler: Handler,
    *,
    lease_seconds: float,
    max_attempts: int,
    rights: tuple[str, ...] = (),
    says: str = "",
) -> None:
    """Name the handler of `kind`. It gets (db, actor, args), the actor holding exactly `rights`, and does not commit."""
    if kind in KINDS and KINDS[kind].handler is not handler:
        raise ValueError(f"two handlers for the job {kind!r}")
    if not 0 < lease_seconds <= _LONGEST_LEASE or max_attempts < 1:
        raise ValueError(f"the job {kind!r} needs a lease of at most {_LONGEST_LEASE:.0f} s and an attempt")
    KINDS[kind] = Kind(kind, handler, lease_seconds, max_attempts, rights, says or kind)


# --- adding ---------------------------------------------------------------------------------------------------


async def add(
    db: "Db",
    actor: "Actor",
    kind: str,
    dedupe_key: str,
    args: Mapping[str, Any],
    *,
    run_at: datetime | None = None,
    once: bool = False,
) -> None:
    """Add a job in the transaction of `db`; it runs after the commit, not before `run_at`.

    One job waits per kind and key in a practice. Adding it again while it waits moves it no later; while it runs,
    the running one is overtaken and it runs again; after it is done or dead, it runs again. once: not so, it runs
    once per key for ever (schedules: the key holds the instant). args: ids, dates and numbers, never words.
    """
    given = json.dumps({name: _id_only(name, value) for name, value in args.items()})
    row = (
        await db.execute(
            text(_ADD_ONCE if once else _ADD),
            {
                "tenant": actor.tenant_id,
                "id": new_id(),
                "kind": kind,
                "key": dedupe_key,
                "args": given,
                "run_at": run_at,
            },
        )
    ).scalar_one_or_none()
    if row is not None:
        db.rings = row if db.rings is None else min(db.rings, row)


_INSERT = """
insert into job (tenant_id, id, kind, dedupe_key, args, state, attempts, run_at, fence, last_error, made_at)
values (:tenant, :id, :kind, :key, cast(:args as jsonb), 'ready', 0, coalesce(cast(:run_at as timestamptz), now()),
        0, '', now())
on conflict (tenant_id, kind, dedupe_key) do """

_ADD_ONCE = _INSERT + "nothing returning run_at"

# Touches the row even when nothing changes: the lock keeps a worker from claiming it before our commit and so
# from working without the rows that this transaction adds.
_ADD = (
    _INSERT
    + """update set
  state = 'ready', args = excluded.args, lease_until = null, done_at = null,
  run_at = case job.state when 'ready' then least(job.run_at, excluded.run_at) else excluded.run_at end,
  attempts = case job.state when 'ready' then job.attempts else 0 end,
  fence = job.fence + case job.state when 'running' then 1 else 0 end
returning run_at"""
)


def _id_only(name: str, value: Any) -> Any:
    """The value as JSON, if it can be an id, a date or a number; a person's words do not belong in the ledger."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (UUID, date)):
        return str(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    if isinstance(value, (list, tuple)):
        return [_id_only(name, each) for each in value]
    raise ValueError(f"the job argument {name!r} must be an id, a date or a number")


# --- working --------------------------------------------------------------------------------------------------


async def take_turn(bell: "AsyncConnection") -> UUID | None:
    """The practice that has waited longest for a turn, sent to the back of the line; None when none is due."""
    taken = await bell.execute(
        text("""
        update bell set due_at = clock_timestamp() where tenant_id = (
          select tenant_id from bell where due_at <= now() order by due_at limit 1 for update skip locked)
        returning tenant_id""")
    )
    found: UUID | None = taken.scalar_one_or_none()
    return found


async def claim(db: "Db") -> Claimed | None:
    """The practice's next due job, ours for its lease. One whose workers keep dying goes to the dead letters."""
    while True:
        row = await db.driver.fetchrow(_CLAIM, *_kinds())
        if row is None:
            return None
        if row["state"] == "running":
            return _claimed(row)
        _log_dead(row)


async def finish_and_claim(db: "Db", job: Claimed) -> Claimed | None:
    """`finish`, and then `claim`, in one statement."""
    await db.flush()
    row = await db.driver.fetchrow(_FINISH_AND_CLAIM, *_kinds(), job.id, job.fence)
    if row["closed"] is None:
        raise Overtaken
    if row["state"] == "dead":
        _log_dead(row)
        return await claim(db)
    return None if row["id"] is None else _claimed(row)


def _log_dead(row: Mapping[str, Any]) -> None:
    log.error("job.dead", kind=row["kind"], practice=row["tenant_id"], job=row["id"], attempt=row["attempts"])


def _kinds() -> tuple[list[str], list[float], list[int]]:
    known = list(KINDS.values())
    return [k.name for k in known], [k.lease_seconds for k in known], [k.max_attempts for k in known]


def _claimed(row: Mapping[str, Any]) -> Claimed:
    return Claimed(
        row["id"], KINDS[row["kind"]], row["args"], row["attempts"], row["fence"], row["zone"] or "UTC"
    )


_NEXT = """next as (
  select job.tenant_id, job.id, job.attempts >= known.most as spent, known.lease
  from job join unnest($1::text[], $2::float8[], $3::int[]) as known(kind, lease, most) on known.kind = job.kind
  where {when} and job.state in ('ready', 'running') and job.run_at <= now()
    and (job.state = 'ready' or job.lease_until <= now())
  order by job.run_at, job.id limit 1 for update of job skip locked
), taken as (
  update job set
    state = case when spent then 'dead' else 'running' end,
    last_error = case when spent then 'the worker died each time' else last_error end,
    attempts = job.attempts + case when spent then 0 else 1 end,
    fence = fence + 1,
    started_at = case when spent then job.started_at else clock_timestamp() end,
    lease_until = clock_timestamp() + make_interval(secs => next.lease),
    done_at = case when spent then now() end
  from next where job.tenant_id = next.tenant_id and job.id = next.id
  returning job.tenant_id, job.id, state, kind, args, job.attempts, fence,
    (select time_zone from practice where practice.tenant_id = job.tenant_id) as zone
)"""
_CLAIM = f"with {_NEXT.format(when='true')} select * from taken"  # noqa: S608 - a constant of ours
_FINISH_AND_CLAIM = f"""with closed as (
  update job set state = 'done', done_at = clock_timestamp(), lease_until = null, last_error = ''
  where id = $4 and fence = $5 and state = 'running' returning id
), {_NEXT.format(when="exists (select from closed) and job.id <> $4")}
select closed.id as closed, taken.* from (select) one left join closed on true left join taken on true"""  # noqa: S608 - the same


async def settle(db: "Db", tenant_id: UUID, schedules: Iterable[str] = ()) -> None:
    """Nothing is due now: set the practice's bell to when a job will be, or an occasion of one of `schedules`."""
    # Locked before looking: whoever adds a job either committed before we look, or sets the bell after us.
    await db.execute(text("select 1 from bell where tenant_id = :tenant for update"), {"tenant": tenant_id})
    await db.execute(
        text("""
        update bell set due_at = coalesce(least(
          (select min(case when kind = any(:kinds)
             then case state when 'ready' then run_at else greatest(run_at, lease_until) end
             else greatest(run_at, clock_timestamp() + make_interval(secs => :others)) end)
           from job where state in ('ready', 'running')),
          (select min(greatest(due_at, clock_timestamp() + make_interval(secs => :others)))
           from schedule where state = 'waiting' and name = any(:schedules))), 'infinity')
        where tenant_id = :tenant"""),
        {
            "tenant": tenant_id,
            "kinds": list(KINDS),
            "schedules": list(schedules),
            "others": float(_OTHERS_WORK_SECONDS),
        },
    )


async def finish(db: "Db", job: Claimed) -> None:
    """Close the job in the transaction of its effect. Raises Overtaken if the fence is no longer ours."""
    if not await _close(db, job.id, job.fence, "done", ""):
        raise Overtaken


async def fail(db: "Db", job: Claimed, why: str) -> str:
    """Put a failed job back with a growing pause, or with the dead letters; its state now. why: no one's words."""
    if job.attempts >= job.kind.max_attempts:
        return "dead" if await _close(db, job.id, job.fence, "dead", why) else "overtaken"
    back = await db.execute(
        text("""
        update job set state = 'ready', lease_until = null, last_error = :why,
          run_at = clock_timestamp() + make_interval(secs => :pause)
        where id = :id and fence = :fence and state = 'running' returning run_at"""),
        {"id": job.id, "fence": job.fence, "why": why, "pause": pause(job.attempts, random.random())},  # noqa: S311 - spreads load, guards nothing
    )
    db.rings = back.scalar_one_or_none()
    return "overtaken" if db.rings is None else "ready"


async def give_back(db: "Db", job: Claimed, *, seconds: float = 0) -> None:
    """The worker is stopping, or the job asks for later: as if it had not been claimed. seconds: not due before."""
    back = await db.execute(
        text("""
        update job set state = 'ready', lease_until = null, attempts = attempts - 1,
          run_at = greatest(run_at, case when :seconds > 0 then clock_timestamp() + make_interval(secs => :seconds) end)
        where id = :id and fence = :fence and state = 'running' returning run_at"""),
        {"id": job.id, "fence": job.fence, "seconds": float(seconds)},
    )
    db.rings = back.scalar_one_or_none()


async def renew(db: "Db", job: Claimed) -> bool:
    """Still alive: the lease begins anew. False if the job is no longer ours."""
    kept = await db.execute(
        text("""
        update job set lease_until = clock_timestamp() + make_interval(secs => :lease)
        where id = :id and fence = :fence and state = 'running' returning id"""),
        {"id": job.id, "fence": job.fence, "lease": job.kind.lease_seconds},
    )
    return kept.scalar_one_or_none() is not None


async def cancel(db: "Db", kind: str, dedupe_key: str) -> bool:
    """Take a waiting or running job back. A running one is stopped at its next heartbeat and leaves no effect."""
    taken = await db.execute(
        text("""
        update job set state = 'cancelled', done_at = now(), lease_until = null
        where kind = :kind and dedupe_key = :key and state in ('ready', 'running') returning id"""),
        {"kind": kind, "key": dedupe_key},
    )
    return taken.scalar_one_or_none() is not None


async def _close(db: "Db", job_id: UUID, fence: int, state: str, why: str) -> bool:
    closed = await db.execute(
        text("""
        update job set state = :state, done_at = clock_timestamp(), lease_until = null, last_error = :why
        where id = :id and fence = :fence and state = 'running' returning id"""),
        {"id": job_id, "fence": fence, "state": state, "why": why},
    )
    return closed.scalar_one_or_none() is not None


def pause(attempts: int, chance: float) -> float:
    """Seconds before the next attempt: 1, 2, 4 ... up to an hour, halved to whole at random. chance: 0 to 1."""
    return min(_LONGEST_BACKOFF, 2.0 ** (attempts - 1)) * (0.5 + chance / 2)


# --- ringing --------------------------------------------------------------------------------------------------


def redis_settings(url: str) -> RedisSettings:
    """arq's form of a redis:// address, with one try: whoever waits here has better things to do."""
    found = RedisSettings.from_dsn(url)
    found.conn_timeout, found.conn_retries = 1, 0
    return found


def packed(job: Mapping[str, Any]) -> bytes:
    """JSON for arq, whose own choice is pickle: there, whoever can write to Redis can run code."""
    return json.dumps(job).encode()


def unpacked(job: bytes) -> dict[str, Any]:
    """What `packed` made."""
    found: dict[str, Any] = json.loads(job)
    return found


class Doorbell:
    """Wakes the worker after a commit that added jobs. Never waits, never fails: the sweep finds them anyway.

    on_ring(Doorbell(settings().redis_url).ring)
    """

    def __init__(self, redis_url: str) -> None:
        self._settings = redis_settings(redis_url) if redis_url else None
        self._redis: ArqRedis | None = None
        self._wanted = False
        self._ringing: asyncio.Task[None] | None = None
        self._quiet_until = 0.0

    async def ring(self) -> None:
        """Ask for one `drain`. Rings that come while one is under way become one more."""
        if self._settings is None or time.monotonic() < self._quiet_until:
            return
        self._wanted = True
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._ring())

    async def _ring(self) -> None:
        try:
            async with asyncio.timeout(2):
                while self._wanted:
                    self._wanted = False
                    if self._redis is None:
                        self._redis = await create_pool(
                            self._settings, job_serializer=packed, default_queue_name=QUEUE
                        )
                    await self._redis.enqueue_job(DRAIN)
        except Exception:  # Redis is disposable, and so is every ring
            self._quiet_until = time.monotonic() + 1
            await self._hang_up()

    async def _hang_up(self) -> None:
        redis, self._redis = self._redis, None
        if redis is not None:
            with suppress(Exception):
                await redis.aclose(close_connection_pool=True)

    async def close(self) -> None:
        """The last ring is not waited for."""
        if self._ringing is not None:
            self._ringing.cancel()
            with suppress(asyncio.CancelledError):
                await self._ringing
        await self._hang_up()
