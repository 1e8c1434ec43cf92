"""Worker processes to be killed: `python worker_process.py [no-fence]`. Addresses come in the environment.

Imports once, then forks a worker for every line on standard input and answers with its process id: a killed worker
is replaced within milliseconds, and the imports do not count. `no-fence` closes jobs without looking at the fence:
the control that the campaign must catch.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from sqlalchemy import text
from trial_kinds import KINDS_OF_THESE_TESTS

from server import jobs, logs
from server.tenants.db import Doors, on_ring, open_doors
from server.worker import Worker


async def finish_without_fence(db: Any, job: jobs.Claimed) -> None:
    await db.execute(
        text("update job set state = 'done', done_at = now(), lease_until = null where id = :id"),
        {"id": job.id},
    )


async def renew_without_fence(db: Any, job: jobs.Claimed) -> bool:
    return True


async def work() -> None:
    logs.configure()
    through = open_doors(
        Doors(
            os.environ["CAREWRIGHT_APP_URL"], "", os.environ["CAREWRIGHT_BELL_URL"], pool_size=9, seconds=60
        )
    )
    worker = Worker(
        through,
        os.environ.get("CAREWRIGHT_REDIS_URL", ""),
        grace_seconds=float(os.environ.get("GRACE", "25")),
    )
    on_ring(worker.ring)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop.set)
    await worker.run()
    await through.close()


def main() -> None:
    for name, (handler, lease, attempts) in KINDS_OF_THESE_TESTS.items():
        jobs.register(name, handler, lease_seconds=lease, max_attempts=attempts)
    if "no-fence" in sys.argv:
        jobs.finish, jobs.renew = finish_without_fence, renew_without_fence
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
