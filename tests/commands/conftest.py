"""Running commands as a person would: another process, another folder, nothing configured but what a test says."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-P", "-m", "server.cli"]


class Run(Protocol):
    """Runs one command to its end. settings: CAREWRIGHT_* variables, without the prefix."""

    def __call__(self, *arguments: str | Path, **settings: str) -> "subprocess.CompletedProcess[str]": ...


def clean_environment(**settings: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CAREWRIGHT_")}
    kept |= {f"CAREWRIGHT_{key.upper()}": value for key, value in settings.items()}
    return {**kept, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def carewright(tmp_path: Path) -> Run:
    def run(*arguments: str | Path, **settings: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=tmp_path,
            env=clean_environment(**settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


class Up:
    """A started `up`: its process, the address it printed, and the ids of every process below it."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self.folder = folder
        self._log = (folder.parent / f"{folder.name}.log").open("w+")
        self.process = subprocess.Popen(
            [*COMMAND, "up", "--port", "0", "--no-demo", "--data", str(folder), *arguments],
            cwd=folder.parent,
            env=clean_environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.address = ""

    def until_ready(self) -> "Up":
        assert self.process.stdout is not None
        for line in self.process.stdout:  # ends when it is ready or gone, whichever is first
            if line.startswith("ready "):
                self.address = line.split()[1]
                break
        assert self.address, self.said
        return self

    @property
    def said(self) -> str:
        """What it wrote to stderr so far."""
        self._log.flush()
        return Path(self._log.name).read_text()

    def family(self) -> dict[int, str]:
        """Process id -> command line of every living descendant."""
        rows = [
            line.split(None, 2)
            for line in subprocess.run(
                ["ps", "-axww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
            ).stdout.splitlines()
        ]
        found: dict[int, str] = {}
        parents = {self.process.pid}
        while parents:
            born = {
                int(pid): args
                for pid, parent, args in rows
                if int(parent) in parents and "<defunct>" not in args
            }
            found |= born
            parents = set(born)
        return found

    def one(self, word: str) -> int:
        """The id of the one direct child whose command line contains `word`."""
        (found,) = [pid for pid, args in self.family().items() if word in args]
        return found

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()


@pytest.fixture(scope="module")
def up() -> Iterator[Callable[..., Up]]:
    """Starts `up` and waits until it says ready; whatever a module's tests leave running is ended."""
    if importlib.util.find_spec("server.app") is None:
        pytest.skip("there is no web application yet (server/app.py)")
    started: list[Up] = []

    def start(folder: Path, *arguments: str, **settings: str) -> Up:
        started.append(Up(folder, *arguments, **settings))
        return started[-1].until_ready()

    yield start
    for one in started:
        one.close()
