"""Workers that close months, to be killed: `python closing_worker.py [no-fence]`. Addresses come in the environment.

Imports once, then forks a worker for every line on standard input and answers with its process id. `no-fence` takes out
what keeps a batch from being counted twice: the fence of its job, and the batch's own row. The campaign must notice.
"""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from server import jobs, logs
from server.claims import jobs as closing
from server.plugin_host.kept import end_kept_runner
from server.tenants.db import Doors, on_ring, open_doors
from server.worker import Worker, gather_kinds

LEASE_SECONDS = 1.2


async def _finish_without_fence(db: Any, job: jobs.Claimed) -> None:
    await db.execute(
        text("update job set state = 'done', done_at = now(), lease_until = null where id = :id"),
        {"id": job.id},
    )


async def _finish_and_claim_without_fence(db: Any, job: jobs.Claimed) -> jobs.Claimed | None:
    await db.flush()
    await _finish_without_fence(db, job)
    return await jobs.claim(db)


async def _renew_without_fence(db: Any, job: jobs.Claimed) -> bool:
    return True


async def _take_without_looking(db: Any, close_id: Any, number: int) -> bool:
    await asyncio.sleep(2 * LEASE_SECONDS)  # a slow machine: the lease is over before the batch is stored
    return True


async def work() -> None:
    logs.configure()
    through = open_doors(
        Doors(
            os.environ["CAREWRIGHT_APP_URL"], "", os.environ["CAREWRIGHT_BELL_URL"], pool_size=9, seconds=60
        )
    )
    worker = Worker(through, "", hands=3)
    on_ring(worker.ring)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop.set)
    await worker.run()
    await end_kept_runner()
    await through.close()


def main() -> None:
    gather_kinds()
    for name in ("claims.close", "claims.close_batch", "recount"):
        jobs.KINDS[name] = replace(jobs.KINDS[name], lease_seconds=LEASE_SECONDS, max_attempts=200)
    closing.PATIENTS_PER_BATCH = int(os.environ.get("PATIENTS_PER_BATCH", "2"))  # type: ignore[misc]
    if "no-fence" in sys.argv:
        jobs.finish, jobs.renew = _finish_without_fence, _renew_without_fence
        jobs.finish_and_claim = _finish_and_claim_without_fence
        closing._take = _take_without_looking
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
