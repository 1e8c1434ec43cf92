"""`carewright up`: servers, migrations, web and worker under one roof, started in order and stopped in order.

Everything runs in the main thread of one process that owns all others: what is leashed to it ends with it, even
on kill -9, and the next `up` on the same data folder needs no help.
"""

# ruff: noqa: S603 -- every command run here is written here; none comes from input

import asyncio
import errno
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from server import embedded
from server.attach import runtime_environment, secret_of
from server.embedded.lock import hold
from server.errors import Refused
from server.leash import leashed, require_main_thread
from server.settings import ROOT, Settings

_READY_SECONDS = 120
_STEADY_SECONDS = 60  # a process that has lived this long has earned a quick restart
_LONGEST_PAUSE = 30.0
_STOP_SECONDS = 30  # the worker finishes what it holds, or gives it back
_DEMO_PENDING = "demo.pending"  # in the data folder until its demo practices are made
_PEOPLE_PENDING = "demo-people.pending"  # and until they have all their people


class _Stop(KeyboardInterrupt):
    """Raised in the main thread by Ctrl-C, SIGTERM or SIGHUP. asyncio lets only this kind through."""


@dataclass(slots=True)
class Child:
    """A process kept alive: its command, and how its restarts went."""

    name: str
    command: list[str]
    environment: dict[str, str]
    descriptors: tuple[int, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    falls: int = field(default=0)
    due: float = 0.0  # when it may start again, in time.monotonic() seconds

    def keep(self) -> None:
        """Start it if it is not running and its pause is over."""
        if self.process is not None and self.process.poll() is None:
            return
        now = time.monotonic()
        if self.process is not None:
            self.falls = 1 if now - self.started > _STEADY_SECONDS else self.falls + 1
            pause = min(_LONGEST_PAUSE, 0.5 * 2.0 ** (self.falls - 1))
            self.due = now + pause
            say(
                f"The {self.name} process ended with {self.process.returncode}; starting again in {pause:g} s."
            )
            _end_group(self.process.pid)
            self.process = None
        if now >= self.due:
            self.started = now
            self.process = subprocess.Popen(
                leashed(
                    self.command, signal.SIGKILL
                ),  # after kill -9 of ours nothing may hold the port or a lease
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
                pass_fds=self.descriptors,
                start_new_session=True,  # Ctrl-C reaches us alone; we stop them in order
            )


@dataclass(slots=True)
class Filling:
    """The demo's people coming in beside everything else. A killed or failed one is taken up by the next start."""

    pending: Path
    process: "subprocess.Popen[bytes]"
    began: float

    def look(self) -> bool:
        """Whether it still runs; says how it ended."""
        ended = self.process.poll()
        if ended is None:
            return True
        if ended == 0:
            self.pending.unlink(missing_ok=True)
            say(f"Everybody in the demo is here, after {time.monotonic() - self.began:.0f} s.")
        else:
            say("The demo could not be finished; why is above. The next start goes on with it.")
        return False

    def end(self) -> None:
        """Stop it where it stands."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            say("The demo was not finished; the next start goes on with it.")


def up(configured: Settings, *, demo: bool, small_demo: bool = False) -> None:
    """Run until told to stop. Raises `Refused` for what the operator can mend."""
    require_main_thread()
    configured.check_bind()
    folder = Path(configured.data_dir)
    with _stoppable(), ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Refused(
                "DATA_FOLDER_UNUSABLE",
                f"The data folder {folder} cannot be made: {error.strerror}.",
                "Give a folder you may write with --data, or CAREWRIGHT_DATA_DIR.",
            ) from None
        stack.enter_context(hold(folder / "up.lock"))
        door = stack.enter_context(closing(_listen(configured)))
        port = door.getsockname()[1]
        secret = secret_of(configured)
        demo = demo and not configured.database_url  # never into a database somebody else runs
        if demo and not (folder / "postgres").exists():
            (folder / _DEMO_PENDING).touch()
            if not small_demo:
                (folder / _PEOPLE_PENDING).touch()
        servers = _servers(configured, stack)
        admin_url = configured.database_url or (servers.database_url if servers else "")
        redis_url = configured.redis_url or (servers.redis_url if servers else "")
        say(f"{asyncio.run(_check_postgres(admin_url, configured))} Bringing the schema up to date.")
        _migrate(admin_url, secret)
        environment = {
            **os.environ,
            **runtime_environment(admin_url, redis_url, secret),
            "CAREWRIGHT_PORT": str(port),
            "CAREWRIGHT_DATA_DIR": str(folder.resolve()),
            "PYTHONPATH": str(ROOT),
        }
        children = [
            Child("web", _python("server.serve", str(door.fileno())), environment, (door.fileno(),)),
            Child("worker", _python("server.worker"), environment),
        ]
        stack.callback(_stop, children)
        for child in children:
            child.keep()
        if demo:
            _demo(folder / _DEMO_PENDING, environment)
        _until_ready(configured.host, port, children)
        print(f"ready http://{_shown(configured.host)}:{port}", flush=True)  # noqa: T201 -- programs read this line
        filling = None
        if demo and not small_demo:
            filling = _fill(folder / _PEOPLE_PENDING, environment, stack)
        _keep(children, servers, filling)


def _keep(children: list[Child], servers: "embedded.Servers | None", filling: Filling | None) -> None:
    """Look after everything, until _Stop is raised."""
    due, falls = 0.0, 0
    while True:
        if filling is not None and not filling.look():
            filling = None
        for child in children:
            child.keep()
        if servers is not None and time.monotonic() >= due:
            try:
                for name in servers.mend():
                    say(f"{name} had ended and was started again.")
                    falls = 0
            except RuntimeError as error:
                falls += 1
                due = time.monotonic() + min(_LONGEST_PAUSE, 0.5 * 2.0**falls)
                say(str(error))
        time.sleep(0.2)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Turn the signals that mean "stop" into _Stop, once; stopping itself is not interrupted."""
    signs = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(_sign: int, _frame: FrameType | None) -> None:
        for sign in signs:
            signal.signal(sign, signal.SIG_IGN)
        say("Stopping.")
        raise _Stop

    before = {sign: signal.signal(sign, stop) for sign in signs}
    try:
        yield
    except _Stop:
        pass
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


def _listen(configured: Settings) -> socket.socket:
    port = int(configured.port) if configured.port.isdigit() else -1
    if not 0 <= port <= 65535:
        raise Refused(
            "BAD_PORT", f"{configured.port} is not a port.", "Give a number from 0 (any free one) to 65535."
        )
    try:
        family, _, _, _, address = socket.getaddrinfo(configured.host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise _cannot_listen(configured, error) from None
    door = socket.socket(family)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for attempts_left in range(9, -1, -1):
        try:
            door.bind(address)
            door.listen(256)
            break
        except OSError as error:
            if attempts_left == 0 or error.errno != errno.EADDRINUSE:
                door.close()
                raise _cannot_listen(configured, error) from None
            time.sleep(0.1)  # the web process of a run just killed may be on its way out
    return door


def _cannot_listen(configured: Settings, error: OSError) -> Refused:
    return Refused(
        "PORT_TAKEN",
        f"Cannot listen on {configured.host} port {configured.port}: {error.strerror}.",
        "Stop what uses it, or choose another with --port (0 takes any free one).",
    )


def _servers(configured: Settings, stack: ExitStack) -> "embedded.Servers | None":
    database, ring = not configured.database_url, not configured.redis_url
    if not database and not ring:
        return None
    return stack.enter_context(embedded.servers(configured.data_dir, database=database, ring=ring))


async def _check_postgres(admin_url: str, configured: Settings) -> str:
    """A sentence that names the version. Raises `Refused` when it cannot be reached, is not 15 to 18, or would lose
    what was saved when the power goes."""
    import asyncpg

    try:
        connection = await asyncpg.connect(admin_url.replace("+asyncpg", ""), timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        raise Refused(
            "DATABASE_UNREACHABLE",
            f"PostgreSQL could not be reached: {type(error).__name__}: {error}.",
            "Check CAREWRIGHT_DATABASE_URL and that the server runs; leave it empty to use the embedded one.",
        ) from None
    try:
        version = str(await connection.fetchval("show server_version"))
        off = [name for name in embedded.postgres.SAFE if await connection.fetchval(f"show {name}") == "off"]
    finally:
        await connection.close()
    major = int(version.partition(".")[0].partition(" ")[0])
    if major not in embedded.postgres.SUPPORTED:
        raise Refused(
            "DATABASE_VERSION",
            f"This is PostgreSQL {version}; Carewright is made for 15 to 18.",
            "Use a server of one of those versions.",
        )
    if off and configured.mode != "test":
        raise Refused(
            "DATABASE_FORGETS",
            f"PostgreSQL runs with {', '.join(off)} off: a power cut can lose or damage what was saved.",
            f"psql -c 'alter system set {off[0]} = on' -c 'select pg_reload_conf()', for each of them; then start again.",
        )
    return f"PostgreSQL {version} answers."


def _migrate(admin_url: str, secret: bytes) -> None:
    from migrations.run import upgrade

    asyncio.run(upgrade(admin_url, secret))


def _demo(pending: Path, environment: dict[str, str]) -> None:
    """In a new data folder make the demo practices and print their sign-ins. A killed try is repeated."""
    if not pending.exists():
        return
    command = leashed(_python("server.cli", "demo", "make"), signal.SIGTERM)
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
        raise Refused(
            "DEMO_FAILED",
            "The demo practices could not be made; why is above.",
            "Start with --no-demo to do without them.",
        )
    pending.unlink()


def _fill(pending: Path, environment: dict[str, str], stack: ExitStack) -> Filling | None:
    """Begin to bring in the demo's people, where that has not been done: after `ready`, so that nobody waits for it."""
    if not pending.exists():
        return None
    say("What the demo still lacks is coming in; look around meanwhile.")
    process = subprocess.Popen(
        leashed(_python("server.cli", "demo", "fill"), signal.SIGKILL),
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,
    )
    filling = Filling(pending, process, time.monotonic())
    stack.callback(filling.end)
    return filling


def _until_ready(host: str, port: int, children: list[Child]) -> None:
    """Wait for /health/ready, keeping the children alive meanwhile."""
    deadline = time.monotonic() + _READY_SECONDS
    while not _healthy(host, port):
        for child in children:
            child.keep()
            if child.falls >= 3:
                raise Refused(
                    "WILL_NOT_START",
                    f"The {child.name} process ended {child.falls} times before Carewright was ready; why is above.",
                    "Run `python3 carewright.py doctor`.",
                )
        if time.monotonic() > deadline:
            raise Refused(
                "NOT_READY",
                f"Carewright was not ready after {_READY_SECONDS} seconds.",
                "Run `python3 carewright.py doctor`.",
            )
        time.sleep(0.05)


def _healthy(host: str, port: int) -> bool:
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- asked, not listened on
    asked = http.client.HTTPConnection(here, port, timeout=5)
    try:
        asked.request("GET", "/health/ready")
        return asked.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()


def _stop(children: list[Child]) -> None:
    """End web and worker, politely and then not, with everything they started."""
    running = [child.process for child in children if child.process is not None]
    for process in running:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _end_group(process.pid)


def _end_group(leader: int) -> None:
    """What an ended process left behind in its own group."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _python(module: str, *arguments: str) -> list[str]:
    """-P: the folder one stands in is not searched for modules; server/graphql would hide the graphql library."""
    return [sys.executable, "-P", "-m", module, *arguments]


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 -- the operator's console
