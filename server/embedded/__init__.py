"""A private PostgreSQL and Valkey, for when nobody configured real ones.

    with embedded.servers(data_dir) as s:            # `async with` works too
        s.database_url   # postgresql://postgres:...@127.0.0.1:PORT/carewright, a superuser: for migrations only
        s.redis_url      # redis://:...@127.0.0.1:PORT/0

    s = embedded.start(data_dir); ...; s.stop()      # the same by hand; stop() twice is harmless
    s = embedded.start(throwaway=True)               # for tests: a temporary folder, no fsync, removed by stop()
    s = embedded.running(data_dir)                   # addresses of the servers another process runs there, or None

What is in the data folder: `postgres/`, `valkey/`, their logs, `servers.json` (ports and random passwords, mode
0600) and `servers.lock`, held while they run. One process may run a data folder; a second one gets
`AlreadyRunning`. Start from the main thread: on Linux the servers end with the thread that started them, also on
kill -9, and whatever a killed run left behind is ended by the next start. Starting blocks for about a second.
"""

import os
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO

from server.embedded import leftovers, postgres, valkey
from server.embedded.account import account_for
from server.embedded.kept import Addresses, Kept, free
from server.embedded.lock import AlreadyRunning, hold, holder
from server.embedded.postgres import Cluster
from server.embedded.valkey import Ring
from server.errors import Refused
from server.leash import require_main_thread

__all__ = ["Addresses", "AlreadyRunning", "Servers", "running", "servers", "start"]

_THROWAWAY_PREFIX = "carewright-throwaway-"
_LOCK = "servers.lock"
_LOG_LIMIT = 10_000_000  # bytes; a longer log becomes .old at the next start


class Servers:
    """Running servers that this process started and will stop."""

    def __init__(
        self,
        cluster: Cluster | None,
        ring: Ring | None,
        addresses: Addresses,
        lock: IO[str],
        *,
        throwaway: bool,
    ) -> None:
        self.addresses = addresses
        self.data_dir = addresses.data_dir
        self.database_url = addresses.database_url
        self.redis_url = addresses.redis_url
        self.postgres_major = addresses.postgres_major
        self._cluster, self._ring = cluster, ring
        self._lock = lock
        self._throwaway = throwaway
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        try:
            self.mend()
        except BaseException:
            self._end()
            raise

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name: "PostgreSQL", "Valkey"."""
        return {name: child.pid for name, child in self._children.items()}

    def mend(self) -> list[str]:
        """Start again what has ended on its own, on the same port; the names of what that was."""
        mended = []
        if self._ring is not None and not self._lives("Valkey"):
            self._children["Valkey"] = valkey.start(self._ring, throwaway=self._throwaway)
            mended.append("Valkey")
        if self._cluster is not None and not self._lives("PostgreSQL"):
            leftovers.clear(self._cluster.folder)  # its sessions may outlive it for a moment
            self._children["PostgreSQL"] = postgres.start(self._cluster)
            mended.append("PostgreSQL")
        return mended

    def _lives(self, name: str) -> bool:
        return name in self._children and self._children[name].poll() is None

    def stop(self) -> None:
        """Stop them and let the folder go; a throw-away folder is removed."""
        if self._lock.closed:
            return
        self._end()
        if self._throwaway:
            shutil.rmtree(self.data_dir, ignore_errors=True)
        self._lock.close()

    def _end(self) -> None:
        if "Valkey" in self._children:
            valkey.stop(self._children["Valkey"])
        if "PostgreSQL" in self._children:
            postgres.stop(self._children["PostgreSQL"], throwaway=self._throwaway)
        if self._cluster is not None:
            leftovers.clear(
                self._cluster.folder
            )  # the postmaster is gone; a killed one's sessions may not be


def start(
    data_dir: Path | str | None = None, *, throwaway: bool = False, database: bool = True, ring: bool = True
) -> Servers:
    """Start the servers in `data_dir` (made if missing) and return once they answer.

    throwaway: for tests; without `data_dir` in a fresh temporary folder. database, ring: False leaves PostgreSQL
    or Valkey out, and its address empty. Raises `AlreadyRunning`, `Refused` when there are no binaries or the
    folder is not ours, and RuntimeError with the log's end when a server won't start.
    """
    require_main_thread()
    if data_dir is None:
        if not throwaway:
            raise ValueError("a data folder is needed unless throwaway=True")
        _sweep_throwaways()
        data_dir = tempfile.mkdtemp(prefix=_THROWAWAY_PREFIX)
    folder = Path(data_dir).resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = hold(folder / _LOCK)
    try:
        return _start(folder, lock, throwaway=throwaway, database=database, ring=ring)
    except BaseException:
        lock.close()
        raise


def _start(folder: Path, lock: IO[str], *, throwaway: bool, database: bool, ring: bool) -> Servers:
    cluster, ring_folder = folder / "postgres", folder / "valkey"
    leftovers.clear(cluster)
    leftovers.clear(ring_folder)
    kept = Kept.read(folder)
    binaries = postgres.binaries(postgres.version_in(cluster)) if database else None
    ring_binary = valkey.binary() if ring else None
    programs = [
        cluster,
        *([binaries.folder / "postgres"] if binaries else []),
        *([ring_binary] if ring_binary else []),
    ]
    account = account_for(programs)
    if account.uid != os.geteuid():
        folder.chmod(0o711)  # ours alone to list; `nobody` may pass through to its own two folders
    if binaries:
        if postgres.version_in(cluster) is None:
            postgres.make(cluster, binaries, account, kept.postgres_password, throwaway=throwaway)
        account.own(cluster)
    if ring_binary:
        ring_folder.mkdir(mode=0o700, exist_ok=True)
        account.own(ring_folder)
    for attempts_left in (2, 1, 0):
        kept.choose_ports()
        kept.write(folder)
        log, ring_log = _log(folder / "postgres.log"), _log(folder / "valkey.log")
        try:
            return Servers(
                Cluster(cluster, binaries, account, kept.postgres_port, log) if binaries else None,
                Ring(ring_folder, ring_binary, account, kept.valkey_port, kept.valkey_password, ring_log)
                if ring_binary
                else None,
                kept.addresses(folder, binaries.major if binaries else 0, ring=ring),
                lock,
                throwaway=throwaway,
            )
        except RuntimeError:
            if attempts_left == 0 or (free(kept.postgres_port) and free(kept.valkey_port)):
                raise  # not a port that somebody took between our look and our start
    raise AssertionError("unreachable")


def running(data_dir: Path | str) -> Addresses | None:
    """The addresses of the servers a process runs in `data_dir` now, or None when none does."""
    folder = Path(data_dir).resolve()
    if not (folder / "servers.json").exists() or holder(folder / _LOCK) is None:
        return None
    return Kept.read(folder).addresses(folder, postgres.version_in(folder / "postgres") or 0)


class servers:
    """`start` as a context manager, plain or async."""

    def __init__(
        self,
        data_dir: Path | str | None = None,
        *,
        throwaway: bool = False,
        database: bool = True,
        ring: bool = True,
    ) -> None:
        self._start = partial(start, data_dir, throwaway=throwaway, database=database, ring=ring)

    def __enter__(self) -> Servers:
        self._running = self._start()
        return self._running

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.stop()

    async def __aenter__(self) -> Servers:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.stop()


def _log(path: Path) -> Path:
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.replace(path.with_suffix(".log.old"))
    path.touch(mode=0o600)
    return path


def _sweep_throwaways() -> None:
    """Remove the throw-away folders of runs that were killed."""
    for mark in Path(tempfile.gettempdir()).glob(f"{_THROWAWAY_PREFIX}*/{_LOCK}"):
        folder = mark.parent
        try:
            lock = hold(mark, attempts=1)
        except Refused:  # another user's, or in use
            continue
        leftovers.clear(folder / "postgres")
        leftovers.clear(folder / "valkey")
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()
