#!/usr/bin/env python3
"""Runs Carewright from a fresh clone: `python3 carewright.py up`, `python3 carewright.py test`, `... --help`.

Standard library only. Makes a private environment in `.carewright/env` from `requirements.lock` (every package
checked against its hash; nothing is installed anywhere else), then runs the real command, `server.cli`, in it.
The next run finds it made and starts at once; a changed lock, plugin or Python, or a half-made environment, is
noticed and made again. `--env DIR` before the command, or CAREWRIGHT_ENV, puts it elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NEEDS_DEV = ("test", "campaign")  # commands that also need the tools of requirements-dev.lock
NO_NETWORK = (
    "name resolution",
    "Failed to establish a new connection",
    "Connection refused",
    "Network is unreachable",
    "error sending request",
    "dns error",
    "timed out",
    "from versions: none",
)


class Sorry(Exception):
    """Something the person can mend: one sentence, and what to do."""


def main(arguments: list[str]) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 -- whoever runs this has not read pyproject.toml
        raise Sorry(
            f"Carewright needs Python 3.11 or newer, and this is {platform.python_version()} ({sys.executable}). "
            "Run it with a newer one, for example: python3.11 carewright.py"
        )
    if sys.platform == "win32":
        raise Sorry("Carewright runs on Linux and macOS; on Windows, use it inside WSL.")
    chosen = os.environ.get("CAREWRIGHT_ENV")
    if arguments[:1] == ["--env"]:
        if len(arguments) < 2:
            raise Sorry("--env needs a folder: python3 carewright.py --env DIR COMMAND")
        chosen, arguments = arguments[1], arguments[2:]
    dev = arguments[:1] != [] and arguments[0] in NEEDS_DEV
    env = environment(Path(chosen).absolute() if chosen else None, dev)
    python = str(env / "bin" / "python")
    settings = dict(os.environ, PYTHONPATH=str(ROOT))
    settings.pop("PYTHONHOME", None)
    # -P: the folder one happens to stand in must not be searched, or server/graphql would hide the graphql library.
    command = [python, "-P", "-m", "server.cli", *arguments]
    os.execve(python, command, settings)  # noqa: S606 -- our own Python, and no shell is wanted


def environment(chosen: Path | None, dev: bool) -> Path:
    """A folder with a finished environment; made now if there is none."""
    places = [chosen] if chosen else [ROOT / ".carewright" / "env", user_place()]
    for env in places:
        if finished(env, dev):
            return env
    for env in places:
        if writable(env):
            return prepare(env, dev)
    tried = " and ".join(str(env) for env in places)
    raise Sorry(f"No folder for the environment can be written ({tried}). Give one with --env DIR.")


def user_place() -> Path:
    """Where the environment goes when the clone may not be written: one folder per clone in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~")) / ".cache")
    return cache / "carewright" / hashlib.sha256(str(ROOT).encode()).hexdigest()[:12] / "env"


def writable(env: Path) -> bool:
    try:
        env.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=env.parent):
            return not env.exists() or os.access(env, os.W_OK)
    except OSError:
        return False


def fingerprint(env: Path, dev: bool) -> str:
    """Changes with all the environment is made from: lock, plugins, Python, and its place, for it cannot move."""
    sources = [lock(dev), *plugins()]
    digest = hashlib.sha256(f"{ROOT} {env} {os.path.realpath(env / 'bin' / 'python')}".encode())
    for path in sources:
        digest.update(
            str(path.relative_to(ROOT)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest()
        )
    return digest.hexdigest()


def lock(dev: bool) -> Path:
    return ROOT / ("requirements-dev.lock" if dev else "requirements.lock")


def plugins() -> list[Path]:
    return sorted((ROOT / "plugins").glob("*/pyproject.toml"))


def stamps(env: Path) -> dict[str, str]:
    try:
        return dict(json.loads((env / "carewright.json").read_text()))
    except (OSError, ValueError):
        return {}


def finished(env: Path, dev: bool) -> bool:
    kind = "dev" if dev else "run"
    return (env / "bin" / "python").exists() and stamps(env).get(kind) == fingerprint(env, dev)


def prepare(env: Path, dev: bool) -> Path:
    """Make or complete `env`. One run at a time; the stamp is written last, so a killed run leaves none."""
    import fcntl

    with open(str(env) + ".lock", "w") as turn:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another run is preparing the environment; waiting for it.")
            fcntl.flock(turn, fcntl.LOCK_EX)
        if finished(env, dev):
            return env
        began = time.monotonic()
        say(f"Preparing Carewright's private environment in {env} (once; about half a minute).")
        grow = dev and finished(env, dev=False)  # the development lock only adds to the other
        if not grow:
            clear(env)
        install(env, lock(dev), fresh=not grow)
        made = {"run": fingerprint(env, False), **({"dev": fingerprint(env, True)} if dev else {})}
        new = env / "carewright.json.new"
        new.write_text(json.dumps(made))
        new.replace(env / "carewright.json")
        say(f"Ready after {time.monotonic() - began:.0f} seconds.")
    return env


def clear(env: Path) -> None:
    """Remove an outdated or half-made environment; never a folder that is something else."""
    if not env.exists() or not any(env.iterdir()):
        return
    if not (env / "pyvenv.cfg").exists() and not (env / "bin" / "python").is_symlink():
        raise Sorry(
            f"{env} exists and is not an environment of ours, so it is left alone. Give another folder."
        )
    (env / "carewright.json").unlink(missing_ok=True)
    shutil.rmtree(env)


def install(env: Path, requirements: Path, fresh: bool) -> None:
    """Everything in `requirements`, then our plugins by path; with uv where there is one, else with pip."""
    uv = shutil.which("uv")
    if uv is not None:
        if _with_uv(uv, env, requirements, fresh):
            return
        if fresh:
            clear(env)
    _with_pip(env, requirements, fresh)


def _with_uv(uv: str, env: Path, requirements: Path, fresh: bool) -> bool:
    python = str(env / "bin" / "python")
    put = [uv, "pip", "install", "--quiet", "--python", python]
    return (
        (not fresh or run(env, [uv, "venv", "--quiet", "--python", sys.executable, str(env)]) is None)
        and run(env, [*put, "--require-hashes", "-r", str(requirements)]) is None
        and (not plugins() or run(env, [*put, "--no-deps", "--no-build-isolation", *editables()]) is None)
    )


def _with_pip(env: Path, requirements: Path, fresh: bool) -> None:
    python = str(env / "bin" / "python")
    put = [python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    put += ["--no-warn-script-location", "--root-user-action=ignore", "--no-compile"]
    steps = [[*put, "--require-hashes", "-r", str(requirements)]]
    if fresh:
        if not has_venv():
            raise Sorry(
                f"This Python ({sys.executable}) cannot make environments: its venv module is incomplete. "
                "On Debian or Ubuntu: apt-get install python3-venv"
            )
        steps.insert(0, [sys.executable, "-m", "venv", str(env)])
    if plugins():
        steps.append([*put, "--no-deps", "--no-build-isolation", *editables()])
    for step in steps:
        said = run(env, step)
        if said is not None:
            raise Sorry(reason(said))


def has_venv() -> bool:
    import importlib.util

    return all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip"))


def editables() -> list[str]:
    return [part for path in plugins() for part in ("--editable", str(path.parent))]


def run(env: Path, command: list[str]) -> str | None:
    """None when it went well, else what it said. On a terminal a dot every second shows that it lives."""
    search = str(env / "bin") + os.pathsep + os.environ.get("PATH", os.defpath)
    settings = dict(os.environ, PATH=search, VIRTUAL_ENV=str(env), PIP_USER="0")
    settings.pop("PYTHONPATH", None)
    settings.pop("PYTHONHOME", None)
    with tempfile.TemporaryFile("w+", errors="replace") as out:
        child = subprocess.Popen(
            command, cwd=env.parent, env=settings, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        try:
            while True:
                try:
                    code = child.wait(timeout=1)
                    break
                except subprocess.TimeoutExpired:
                    say(".", end="") if sys.stderr.isatty() else None
        except BaseException:
            child.kill()
            child.wait()
            raise
        out.seek(0)
        return None if code == 0 else out.read().strip() or f"it ended with code {code}"


def reason(said: str) -> str:
    """What the installer said, as a sentence."""
    if any(sign in said for sign in NO_NETWORK):
        return (
            "The packages could not be downloaded: the package index was not reached. Check the network (and "
            "HTTPS_PROXY, if you use one), then run the same command again; what was begun is cleared up."
        )
    if "DO NOT MATCH THE HASHES" in said or "Hash mismatch" in said:
        return (
            "A downloaded package is not the one the lock names, so nothing was run. Clear the package cache and try "
            "again; if it persists, somebody has changed a package and the maintainers should know."
        )
    if "No space left" in said:
        return "The disk is full; the environment needs about 500 MB. Make room or give another folder with --env DIR."
    return "The environment could not be made. The installer said:\n" + said[-2000:]


def say(sentence: str, end: str = "\n") -> None:
    print(sentence, end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Sorry as sorry:
        say(str(sorry))
        sys.exit(1)
    except KeyboardInterrupt:
        say("\nStopped. The next run clears up and begins again.")
        sys.exit(130)
