"""Worker processes to be killed: `python worker_process.py [option...]`. Addresses come in the environment.

Imports once, then forks a worker for every line on standard input and answers with its process id: a killed worker
is replaced within milliseconds, and the imports do not count.

rooms: the product's own kinds of job, not those of these tests. short-lease: a killed worker's job is taken up again
after half a second. slow: each job takes a moment longer, so that death finds it under way. small-batches: a month is
closed two patients at a time. The controls, which
campaigns must catch: no-fence closes jobs without looking at the fence, close-first closes them before they are done,
no-sweep waits for the bell alone.
"""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from sqlalchemy import text
from trial_kinds import KINDS_OF_THESE_TESTS

from server import jobs, logs, worker
from server.tenants.db import Doors, on_ring, open_doors, tenant_db
from server.worker import Worker


async def finish_without_fence(db: Any, job: jobs.Claimed) -> None:
    await db.execute(
        text("update job set state = 'done', done_at = now(), lease_until = null where id = :id"),
        {"id": job.id},
    )


async def finish_and_claim_without_fence(db: Any, job: jobs.Claimed) -> jobs.Claimed | None:
    await db.flush()
    await finish_without_fence(db, job)
    return await jobs.claim(db)


async def renew_without_fence(db: Any, job: jobs.Claimed) -> bool:
    return True


def slow(handler: jobs.Handler) -> jobs.Handler:
    async def later(db: Any, actor: Any, args: dict[str, Any]) -> None:
        await handler(db, actor, args)
        await asyncio.sleep(0.1)

    return later


def close_first(handler: jobs.Handler) -> jobs.Handler:
    async def too_late(db: Any, actor: Any, args: dict[str, Any]) -> None:
        asyncio.get_running_loop().create_task(afterwards(actor, args))

    async def afterwards(actor: Any, args: dict[str, Any]) -> None:
        await asyncio.sleep(1)
        async with tenant_db(actor) as db:
            await handler(db, actor, args)

    return too_late


def kinds(options: list[str]) -> None:
    if "rooms" in options:
        worker.gather_kinds()
    else:
        for name, (handler, lease, attempts) in KINDS_OF_THESE_TESTS.items():
            jobs.register(name, handler, lease_seconds=lease, max_attempts=attempts)
    for name, kind in jobs.KINDS.items():
        changed = kind
        if "short-lease" in options:
            changed = replace(changed, lease_seconds=0.5, max_attempts=1_000)
        if "slow" in options:
            changed = replace(changed, handler=slow(changed.handler))
        if "close-first" in options:
            changed = replace(changed, handler=close_first(kind.handler))
        jobs.KINDS[name] = changed
    if "small-batches" in options:
        from server.claims import jobs as closing

        closing.PATIENTS_PER_BATCH = 2  # type: ignore[misc]
    if "no-fence" in options:
        jobs.finish, jobs.renew = finish_without_fence, renew_without_fence
        jobs.finish_and_claim = finish_and_claim_without_fence
    if "no-sweep" in options:
        worker._SWEEP_SECONDS = 3_600.0


async def work() -> None:
    logs.configure()
    through = open_doors(
        Doors(
            os.environ["CAREWRIGHT_APP_URL"], "", os.environ["CAREWRIGHT_BELL_URL"], pool_size=9, seconds=60
        )
    )
    made = Worker(
        through,
        os.environ.get("CAREWRIGHT_REDIS_URL", ""),
        grace_seconds=float(os.environ.get("GRACE", "25")),
    )
    on_ring(made.ring)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, made.stop.set)
    await made.run()
    await through.close()


def main() -> None:
    kinds(sys.argv[1:])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the killed
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            sys.stdin.close()
            asyncio.run(work())
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
