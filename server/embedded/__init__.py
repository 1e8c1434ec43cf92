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

import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

from server.embedded import leftovers, postgres, valkey
from server.embedded.account import account_for
from server.errors import Refused

_THROWAWAY_PREFIX = "carewright-throwaway-"
_LOG_LIMIT = 10_000_000  # bytes; a longer log becomes .old at the next start


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


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers of a data folder answer. postgres_major: 15 to 18."""

    data_dir: Path
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    postgres_major: int


class Servers:
    """Running servers that this process started and will stop."""

    def __init__(
        self,
        addresses: Addresses,
        children: tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]],
        lock: IO[str],
        *,
        throwaway: bool,
    ) -> None:
        self.addresses = addresses
        self.data_dir = addresses.data_dir
        self.database_url = addresses.database_url
        self.redis_url = addresses.redis_url
        self.postgres_major = addresses.postgres_major
        self._postgres, self._valkey = children
        self._lock = lock
        self._throwaway = throwaway

    @property
    def pids(self) -> tuple[int, int]:
        """Process ids of PostgreSQL and Valkey."""
        return self._postgres.pid, self._valkey.pid

    def failed(self) -> str | None:
        """The name of a server that has ended on its own, or None while both live."""
        for name, child in (("PostgreSQL", self._postgres), ("Valkey", self._valkey)):
            if child.poll() is not None:
                return name
        return None

    def stop(self) -> None:
        """Stop both and let the folder go; a throw-away folder is removed."""
        if self._lock.closed:
            return
        valkey.stop(self._valkey)
        postgres.stop(self._postgres, throwaway=self._throwaway)
        if self._throwaway:
            leftovers.clear(
                self.data_dir / "postgres"
            )  # the postmaster is gone; its last children may not be
            shutil.rmtree(self.data_dir, ignore_errors=True)
        self._lock.close()


def start(data_dir: Path | str | None = None, *, throwaway: bool = False) -> Servers:
    """Start both servers in `data_dir` (made if missing) and return once they answer.

    throwaway: for tests; without `data_dir` in a fresh temporary folder. Raises `AlreadyRunning`, `Refused` when
    there are no binaries or the folder is not ours, and RuntimeError with the log's end when a server won't start.
    """
    if data_dir is None:
        if not throwaway:
            raise ValueError("a data folder is needed unless throwaway=True")
        _sweep_throwaways()
        data_dir = tempfile.mkdtemp(prefix=_THROWAWAY_PREFIX)
    folder = Path(data_dir).resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = _hold(folder)
    try:
        return _start(folder, lock, throwaway=throwaway)
    except BaseException:
        leftovers.clear(folder / "postgres")
        leftovers.clear(folder / "valkey")
        lock.close()
        raise


def _start(folder: Path, lock: IO[str], *, throwaway: bool) -> Servers:
    cluster, ring_folder = folder / "postgres", folder / "valkey"
    leftovers.clear(cluster)
    leftovers.clear(ring_folder)
    kept = _Kept.read(folder)
    made_by = postgres.version_in(cluster)
    pg_binaries, ring_binary = postgres.binaries(made_by), valkey.binary()
    account = account_for([folder / "postgres", pg_binaries.folder / "postgres", ring_binary])
    if account.uid != os.geteuid():
        folder.chmod(0o711)  # ours alone to list; `nobody` may pass through to its own two folders
    if made_by is None:
        if cluster.exists():
            raise Refused(
                "POSTGRES_FOLDER_UNKNOWN",
                f"{cluster} exists but holds no PostgreSQL data.",
                "Move it away, or give another folder with --data.",
            )
        postgres.make(cluster, pg_binaries, account, kept.postgres_password, throwaway=throwaway)
    ring_folder.mkdir(mode=0o700, exist_ok=True)
    account.own(cluster)
    account.own(ring_folder)
    logs = {name: _log(folder / f"{name}.log") for name in ("postgres", "valkey")}
    for attempts_left in (2, 1, 0):
        kept.choose_ports()
        kept.write(folder)
        try:
            ring = valkey.Ring(
                ring_folder, ring_binary, account, kept.valkey_port, kept.valkey_password, logs["valkey"]
            )
            ring_process = valkey.start(ring, throwaway=throwaway)
            pg_process = postgres.start(cluster, pg_binaries, account, kept.postgres_port, logs["postgres"])
            break
        except RuntimeError:
            leftovers.clear(ring_folder)
            leftovers.clear(cluster)
            if attempts_left == 0 or (_free(kept.postgres_port) and _free(kept.valkey_port)):
                raise  # not a port that somebody took between our look and our start
    return Servers(
        kept.addresses(folder, pg_binaries.major), (pg_process, ring_process), lock, throwaway=throwaway
    )


def running(data_dir: Path | str) -> Addresses | None:
    """The addresses of the servers another process runs in `data_dir`, or None when none does."""
    folder = Path(data_dir).resolve()
    major = postgres.version_in(folder / "postgres")
    if major is None or not (folder / "servers.json").exists() or _holder(folder) is None:
        return None
    return _Kept.read(folder).addresses(folder, major)


class servers:
    """`start` as a context manager, plain or async."""

    def __init__(self, data_dir: Path | str | None = None, *, throwaway: bool = False) -> None:
        self._data_dir, self._throwaway = data_dir, throwaway

    def __enter__(self) -> Servers:
        self._running = start(self._data_dir, throwaway=self._throwaway)
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


@dataclass(slots=True)
class _Kept:
    """What `servers.json` remembers."""

    postgres_port: int
    postgres_password: str
    valkey_port: int
    valkey_password: str

    @classmethod
    def read(cls, folder: Path) -> "_Kept":
        try:
            return cls(**json.loads((folder / "servers.json").read_text()))
        except FileNotFoundError:
            fresh = cls(0, secrets.token_hex(24), 0, secrets.token_hex(24))
            fresh.write(folder)
            return fresh

    def write(self, folder: Path) -> None:
        new = folder / "servers.json.new"
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        new.write_text(json.dumps({name: getattr(self, name) for name in self.__slots__}, indent=1))
        new.replace(folder / "servers.json")

    def choose_ports(self) -> None:
        """Keep the ports of last time unless someone else has taken them since."""
        if not _free(self.postgres_port):
            self.postgres_port = _any_port()
        while not _free(self.valkey_port) or self.valkey_port == self.postgres_port:
            self.valkey_port = _any_port()

    def addresses(self, folder: Path, major: int) -> Addresses:
        return Addresses(
            folder,
            f"postgresql://{postgres.SUPERUSER}:{self.postgres_password}@127.0.0.1:{self.postgres_port}/{postgres.DATABASE}",
            f"redis://:{self.valkey_password}@127.0.0.1:{self.valkey_port}/0",
            major,
        )


def _free(port: int) -> bool:
    if port == 0:
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _log(path: Path) -> Path:
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.replace(path.with_suffix(".log.old"))
    path.touch(mode=0o600)
    return path


def _hold(folder: Path) -> IO[str]:
    """The folder's lock, which the kernel lets go when we end, however we end."""
    lock = (folder / "servers.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise AlreadyRunning(folder, _holder(folder)) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _holder(folder: Path) -> int | None:
    """The process that holds the folder's lock, or None when nobody does."""
    try:
        with (folder / "servers.lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                written = lock.read().strip()
                return int(written) if written.isdigit() else -1
    except FileNotFoundError:
        return None
    return None


def _sweep_throwaways() -> None:
    """Remove the throw-away folders of runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(_THROWAWAY_PREFIX + "*"):
        try:
            lock = _hold(folder)
        except (OSError, AlreadyRunning):  # another user's, or in use
            continue
        leftovers.clear(folder / "postgres")
        leftovers.clear(folder / "valkey")
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()
