"""Servers that an earlier, killed run left behind in one data folder, and how to end them.

A process is ours when it is a database or Valkey server *and* works inside that very folder; never by name alone.
"""

# ruff: noqa: S607 -- every command run here is written here; none comes from input

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

_NAMES = frozenset({"postgres", "valkey-server", "redis-server"})


def alive(pid: int) -> bool:
    """Whether `pid` still runs. A zombie nobody has reaped is dead."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return sys.platform != "linux"
    return state != "Z"


def working_in(folder: Path) -> list[int]:
    """Ids of the server processes that work inside `folder`."""
    if sys.platform != "linux":
        return _by_command_line(folder)
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            name = (entry / "comm").read_text().strip()
            here = (entry / "cwd").readlink()
        except OSError:  # gone meanwhile, or another user's: not ours either way
            continue
        if name in _NAMES and here == folder and alive(int(entry.name)):
            found.append(int(entry.name))
    return found


def _by_command_line(folder: Path) -> list[int]:
    listing = subprocess.run(
        ["ps", "-axo", "pid=,command="], capture_output=True, text=True, check=False
    ).stdout
    rows = (line.strip().partition(" ") for line in listing.splitlines())
    return [
        int(pid) for pid, _, command in rows if str(folder) in command and any(n in command for n in _NAMES)
    ]


def end(pids: Iterable[int], steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn, waiting up to its seconds for all to be gone."""
    left = [pid for pid in pids if alive(pid)]
    for sign, seconds in steps:
        for pid in left:
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + seconds
        while left and time.monotonic() < deadline:
            time.sleep(0.01)
            left = [pid for pid in left if alive(pid)]
        if not left:
            return


def clear(folder: Path) -> None:
    """End what an earlier run left in `folder`: politely, then not. SIGINT is a fast shutdown to both kinds."""
    end(
        working_in(folder),
        ((signal.SIGINT, 10), (signal.SIGTERM, 2), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)),
    )
    left = working_in(folder)
    if left:
        raise RuntimeError(f"processes {left} still work in {folder} and cannot be ended")
