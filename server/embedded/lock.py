"""A lock on a data folder that ends with the process that took it."""

import fcntl
import os
import time
from pathlib import Path
from typing import IO

from server.embedded.account import not_ours
from server.errors import Refused


class AlreadyRunning(Refused):
    """Another process runs the servers of this data folder. pid: that process, when it could be read."""

    def __init__(self, data_dir: Path, pid: int | None) -> None:
        by = f" (process {pid})" if pid else ""
        super().__init__(
            "ALREADY_RUNNING",
            f"Carewright is already running on {data_dir}{by}.",
            "Use that one, stop it first, or give another folder with --data.",
        )
        self.pid = pid


def hold(path: Path, attempts: int = 10) -> IO[str]:
    """Take the lock at `path`, which the kernel lets go when we end, however we end."""
    try:
        lock = path.open("a+")
    except PermissionError:
        raise not_ours(path.parent) from None
    for attempts_left in range(attempts - 1, -1, -1):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if attempts_left == 0:
                lock.close()
                raise AlreadyRunning(path.parent, holder(path)) from None
            time.sleep(0.1)  # it may be stopping, or somebody is just looking (`holder`)
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def holder(path: Path) -> int | None:
    """The process that holds the lock, or None when nobody does."""
    try:
        with path.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                written = lock.read().strip()
                return int(written) if written.isdigit() else -1
    except FileNotFoundError:
        return None
    return None
