"""Runs a command that ends when the process that started it ends, even by kill -9.

Used as a script, so that nothing is done between fork and exec in a threaded parent:
`python -I -S leash.py SIGNAL PARENT_PID COMMAND...`. On Linux the kernel sends SIGNAL to the command when the
*thread* that started it ends: start leashed commands from the main thread only. Elsewhere the command simply
runs, and the next start clears up what was left (`server.embedded.leftovers`).
"""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def leashed(command: Sequence[str | Path], ending: signal.Signals) -> list[str]:
    """The argument list that runs `command` on a leash; `ending` is sent to it when we die."""
    require_main_thread()
    script = str(Path(__file__).resolve())
    return [sys.executable, "-I", "-S", script, str(int(ending)), str(os.getpid()), *map(str, command)]


def require_main_thread() -> None:
    """Raise RuntimeError in any other thread: what is leashed there would die with that thread, not with us."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("servers and other leashed commands must be started from the main thread")


def _main() -> None:
    ending, parent, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ending, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked to be told
            raise SystemExit(1)
    os.execvp(command[0], command)  # noqa: S606 -- the command comes from leashed(), never from input


if __name__ == "__main__":
    _main()
