"""Worker processes: killed, stopped, cut off from Redis and PostgreSQL. Nothing is lost, nothing is done twice."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World, make_practice
from claims.care import last_month
from conftest import ROOT, SECRET, make_database
from every_kind import At, samples
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from trial_kinds import EFFECT_TABLE

from migrations.run import async_url, runtime_urls
from server.embedded import valkey
from server.ids import new_id
from server.worker import drain_once

CI_KILLS, CI_PAUSES, CI_FLUSHES = 20, 8, 5


class Process:
    """A folder of worker processes of one kind, forked on demand, killed by id."""

    def __init__(self, environment: dict[str, str], *options: str) -> None:
        self.pids: list[int] = []
        self._parent = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker_process.py")), *options],
            cwd=ROOT,
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def fork(self) -> int:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write("\n")
        self._parent.stdin.flush()
        pid = int(self._parent.stdout.readline())
        self.pids.append(pid)
        return pid

    def send(self, pid: int, sign: signal.Signals) -> None:
        if sign is signal.SIGKILL:
            self.pids.remove(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)

    def end(self) -> None:
        for pid in list(self.pids):
            self.send(pid, signal.SIGKILL)
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        self._parent.wait(10)
        assert self._parent.stdout is not None
        self._parent.stdout.close()


class Scene:
    """A database of its own with three practices, and what the superuser sees in it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(async_url(url), hide_parameters=True)
        self.tenants = [new_id() for _ in range(3)]
        urls = runtime_urls(url, bytes.fromhex(SECRET))
        self.environment = {
            "CAREWRIGHT_APP_URL": urls["app"],
            "CAREWRIGHT_AUTH_URL": urls["auth"],
            "CAREWRIGHT_BELL_URL": urls["bell"],
            "CAREWRIGHT_REDIS_URL": "",
            "CAREWRIGHT_SECRET_KEY": SECRET,
        }

    async def sql(self, statement: str, **values: object) -> list[Any]:
        async with self.engine.begin() as connection:
            found = await connection.execute(sa.text(statement), values)
            return list(found.all()) if found.returns_rows else []

    async def begin(self) -> None:
        for statement in EFFECT_TABLE:
            await self.sql(statement)

    async def add(self, kind: str, count: int, milliseconds: int = 0) -> None:
        """`count` jobs over the practices, put there from behind, then the bells."""
        chance = random.Random(count)
        now = datetime.now(UTC)
        rows = [
            {
                "t": self.tenants[n % 3], "i": new_id(), "kind": kind, "n": str(n), "now": now,
                "args": f'{{"word": "{n}", "milliseconds": {int(milliseconds * chance.uniform(0.3, 1.7))}}}',
            }
            for n in range(count)
        ]  # fmt: skip
        async with self.engine.begin() as connection:
            await connection.execute(
                sa.text(
                    """insert into job (tenant_id, id, kind, dedupe_key, args, state, attempts, run_at, fence,
                           last_error, made_at) values (:t, :i, :kind, :n, cast(:args as jsonb), 'ready', 0, :now, 0,
                           '', :now)""".replace("cast(:args as jsonb)", "cast(cast(:args as text) as jsonb)")
                ),
                rows,
            )
            await connection.execute(
                sa.text("""insert into bell select distinct tenant_id, now() from job
                           on conflict (tenant_id) do update set due_at = now()""")
            )

    async def left(self) -> int:
        return int((await self.sql("select count(*) from job where state <> 'done'"))[0][0])

    async def drained(self, seconds: float) -> float:
        """Seconds until the ledger was empty; fails when it takes longer."""
        started = time.monotonic()
        while await self.left():
            assert time.monotonic() - started < seconds, f"{await self.left()} jobs left after {seconds} s"
            await asyncio.sleep(0.1)
        return time.monotonic() - started

    async def until(self, question: str, seconds: float = 30) -> None:
        started = time.monotonic()
        while not (await self.sql(question))[0][0]:
            assert time.monotonic() - started < seconds, question
            await asyncio.sleep(0.02)

    async def count_effects(self) -> Counter[str]:
        return Counter(row[0] for row in await self.sql("select word from trial_effect"))


@pytest.fixture
async def scene(worker_id: str) -> AsyncIterator[Scene]:
    made = Scene(await make_database(f"workers_{worker_id}"))
    await made.begin()
    yield made
    await made.engine.dispose()


class OwnValkey:
    """A Valkey of this test alone, to be flushed and killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with contextlib.closing(__import__("socket").create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._server = subprocess.Popen(
            [str(valkey.binary()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(100):
            with contextlib.suppress(OSError):
                self.say(b"PING\r\n")
                return
            time.sleep(0.05)
        raise AssertionError("Valkey did not start")

    def say(self, command: bytes) -> bytes:
        with __import__("socket").create_connection(("127.0.0.1", self.port), timeout=2) as line:
            line.sendall(command)
            return bytes(line.recv(4096))

    def kill(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None


@pytest.fixture
def ring_server(tmp_path: Path) -> Iterator[OwnValkey]:
    made = OwnValkey(tmp_path)
    made.start()
    yield made
    made.kill()


async def storm(
    scene: Scene, processes: Process, ring_server: OwnValkey, *, kills: int, pauses: int, flushes: int
) -> None:
    """Three workers under faults at random times; every killed one is replaced at once."""
    chance = random.Random()
    for _ in range(3):
        processes.fork()
    faults = ["kill"] * kills + ["pause"] * pauses + ["flush"] * flushes
    chance.shuffle(faults)
    await scene.until("select count(*) >= 3 from job where state = 'running'")
    for fault in faults:
        await asyncio.sleep(chance.uniform(0.02, 0.3))
        victim = chance.choice(processes.pids)
        if fault == "kill":
            processes.send(victim, signal.SIGKILL)
            processes.fork()
        elif fault == "flush":
            ring_server.say(b"FLUSHALL\r\n")
        else:
            processes.send(
                victim, signal.SIGSTOP
            )  # for longer than the lease of 0.6 s: others will believe it dead
            asyncio.get_running_loop().call_later(0.9, processes.send, victim, signal.SIGCONT)
    await asyncio.sleep(1)


async def campaign(
    scene: Scene, ring_server: OwnValkey, jobs: int, kills: int, pauses: int, flushes: int
) -> str:
    """Run it and check: every effect once. Returns the line to print."""
    await scene.add("trial.slow", jobs, milliseconds=80)
    processes = Process({**scene.environment, "CAREWRIGHT_REDIS_URL": ring_server.url})
    try:
        await storm(scene, processes, ring_server, kills=kills, pauses=pauses, flushes=flushes)
        seconds = await scene.drained(
            300
        )  # the promise is 60; how long it takes a crowded machine is only told
    finally:
        processes.end()
    effects = await scene.count_effects()
    attempts = (await scene.sql("select count(*) from job where attempts > 1"))[0][0]
    lost, doubled = jobs - len(effects), sum(n - 1 for n in effects.values())
    told = (
        f"{jobs} jobs, {kills} kill -9, {pauses} pauses longer than the lease, {flushes} FLUSHALL: {lost} lost, "
        f"{doubled} doubled, {attempts} jobs claimed again, drained {seconds:.1f} s after the last fault"
    )
    assert lost == doubled == 0, told
    assert attempts > 0, "no fault hit a running job: the campaign proved nothing"
    return told


@pytest.mark.campaign
async def test_killed_and_paused_workers_lose_and_double_nothing(
    scene: Scene, ring_server: OwnValkey, record_property: Any
) -> None:
    """P7 and part of P8, at CI size."""
    told = await campaign(scene, ring_server, jobs=700, kills=CI_KILLS, pauses=CI_PAUSES, flushes=CI_FLUSHES)
    record_property("count", f"P7: {told}")


@pytest.mark.campaign
@pytest.mark.timeout(900)
async def test_killed_and_paused_workers_at_full_size(
    scene: Scene, ring_server: OwnValkey, record_property: Any
) -> None:
    record_property(
        "count", f"P7: {await campaign(scene, ring_server, jobs=6000, kills=200, pauses=40, flushes=20)}"
    )


REAL_KILLS, REAL_JOBS = 12, 80


@pytest.mark.usefixtures("real_kinds")
@pytest.mark.timeout(300)
@pytest.mark.campaign
async def test_killed_workers_lose_and_double_nothing_of_the_real_kinds(
    behind: AsyncEngine, ring_server: OwnValkey, tmp_path: Path, record_property: Any
) -> None:
    """P7 over counting, proving, signing and purging. What doubles shows in the audit, which takes every row it is
    given: one event for each count that was committed."""
    chance = random.Random()
    scenes = [At(await make_practice("lakeside"), await make_practice("hillcrest"), behind) for _ in range(2)]
    for at in scenes:
        await samples()["recount"].situation(at)
    await drain_once()
    counted = "select count(*) from audit_event where tenant_id = :t and action = 'minutes.recount'"
    before = [(await at.sql(counted))[0][0] for at in scenes]
    for at in scenes:
        for n in range(REAL_JOBS):
            await at.add("minutes.roll_up", f"again-{n}", month=last_month(at.world.zone))
            await at.add("minutes.prove", f"night-{n}", day=f"2026-{n % 12 + 1:02d}-{n % 28 + 1:02d}")
            if n % 10 == 0:
                await at.add("audit.sign", f"end-{n}")
                await at.add("jobs.purge", f"old-{n}")
    environment = {
        **{
            key: os.environ[key]
            for key in ("CAREWRIGHT_APP_URL", "CAREWRIGHT_AUTH_URL", "CAREWRIGHT_BELL_URL")
        },
        "CAREWRIGHT_SECRET_KEY": SECRET,
        "CAREWRIGHT_DATA_DIR": str(tmp_path),
        "CAREWRIGHT_REDIS_URL": ring_server.url,
    }
    processes = Process(environment, "rooms", "short-lease")
    try:
        for _ in range(3):
            processes.fork()
        for _ in range(REAL_KILLS):
            await asyncio.sleep(chance.uniform(0.05, 0.3))
            processes.send(chance.choice(processes.pids), signal.SIGKILL)
            processes.fork()
        started = time.monotonic()
        while left := [one for at in scenes for one in await at.unfinished()]:
            assert time.monotonic() - started < 120, left[:5]
            await asyncio.sleep(0.1)
        took = time.monotonic() - started
    finally:
        processes.end()
    again = 0
    for at, number in zip(scenes, before, strict=True):
        await samples()["recount"].check(at)
        assert (await at.sql(counted))[0][0] - number == REAL_JOBS, "a count was committed twice, or never"
        assert (await at.sql("select sum(different) from total_proof where tenant_id = :t"))[0][0] == 0
        again += (await at.sql("select count(*) from job where tenant_id = :t and attempts > 1"))[0][0]
    assert again > 0, "no kill hit a running job: the campaign proved nothing"
    record_property(
        "count",
        f"P7: {len(scenes) * REAL_JOBS * 2} jobs of the real kinds, {REAL_KILLS} kill -9: 0 lost, 0 doubled, {again} "
        f"claimed again, drained {took:.1f} s after the last kill",
    )


async def test_control_without_the_fence_effects_are_doubled(
    scene: Scene, ring_server: OwnValkey, record_property: Any
) -> None:
    """The same fault must catch workers that close jobs without looking at the fence: one is stopped with jobs in
    hand, another does them, the first wakes up."""
    await scene.add("trial.slow", 60, milliseconds=150)
    processes = Process(scene.environment, "no-fence")
    try:
        sleeper = processes.fork()
        await scene.until("select count(*) >= 3 from job where state = 'running'")
        processes.send(sleeper, signal.SIGSTOP)
        processes.fork()
        await scene.until("select count(*) >= 3 from job where attempts > 1 and state = 'done'")
        processes.send(sleeper, signal.SIGCONT)
        await scene.drained(60)
        await asyncio.sleep(0.5)
    finally:
        processes.end()
    doubled = sum(n - 1 for n in (await scene.count_effects()).values())
    record_property("count", f"P7 control: {doubled} of 60 effects doubled without the fence")
    assert doubled > 0


@pytest.mark.campaign
async def test_without_redis_the_sweep_finds_everything_and_a_ring_is_heard_again_when_it_is_back(
    scene: Scene, ring_server: OwnValkey
) -> None:
    """P8: Redis dead at the start, then alive, killed, alive again. Work goes on throughout."""
    ring_server.kill()
    processes = Process({**scene.environment, "CAREWRIGHT_REDIS_URL": ring_server.url})
    try:
        pid = processes.fork()
        await scene.add("trial.effect", 10)
        assert await scene.drained(10) < 10
        for _ in range(2):
            ring_server.start()
            await asyncio.sleep(0.3)
            await scene.sql("delete from job")
            await scene.add("trial.effect", 10)
            await scene.drained(10)
            ring_server.kill()
            await scene.sql("delete from job")
            await scene.add("trial.effect", 10)
            await scene.drained(10)
        os.kill(pid, 0)  # the same process all the while
    finally:
        processes.end()
    assert set((await scene.count_effects()).values()) == {5}


async def test_a_ring_wakes_a_worker_long_before_its_sweep(
    scene: Scene, ring_server: OwnValkey, monkeypatch: pytest.MonkeyPatch, lakeside: World
) -> None:
    from server import worker
    from server.jobs import Doorbell

    monkeypatch.setattr(worker, "_SWEEP_SECONDS", 30.0)
    heard: list[float] = []
    bell = Doorbell(ring_server.url)

    async def hear() -> None:
        heard.append(time.monotonic())

    listening = asyncio.create_task(worker.listen(ring_server.url, hear))
    try:
        await asyncio.sleep(0.5)
        for _ in range(5):
            rung = time.monotonic()
            before = len(heard)
            await bell.ring()
            assert time.monotonic() - rung < 0.05, "ringing must not be waited for"
            while len(heard) == before:
                assert time.monotonic() - rung < 5, "the ring was not heard"
                await asyncio.sleep(0.005)
        ring_server.kill()
        for _ in range(3):
            rung = time.monotonic()
            await bell.ring()
            assert time.monotonic() - rung < 0.05, "ringing at a dead Redis must cost nothing"
            await asyncio.sleep(0.1)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await bell.close()
    await Doorbell("").ring()


@pytest.mark.campaign
async def test_the_worker_outlives_postgresql_being_away(scene: Scene) -> None:
    name = scene.url.rpartition("/")[2]
    admin = create_async_engine(async_url(scene.url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    processes = Process(scene.environment)
    try:
        pid = processes.fork()
        await scene.add("trial.slow", 60, milliseconds=60)
        for _ in range(2):
            await asyncio.sleep(0.3)
            async with admin.connect() as connection:
                await connection.execute(sa.text(f'alter database "{name}" allow_connections false'))
                await connection.execute(
                    sa.text("select pg_terminate_backend(pid) from pg_stat_activity where datname = :name"),
                    {"name": name},
                )
                await asyncio.sleep(0.3)
                await connection.execute(sa.text(f'alter database "{name}" allow_connections true'))
        await scene.engine.dispose()
        await scene.drained(30)
        os.kill(pid, 0)
    finally:
        processes.end()
        await admin.dispose()
    effects = await scene.count_effects()
    assert len(effects) == 60
    assert set(effects.values()) == {1}


async def test_sigterm_finishes_what_is_in_hand_and_gives_back_what_takes_longer(scene: Scene) -> None:
    processes = Process({**scene.environment, "GRACE": "0.8"})
    try:
        pid = processes.fork()
        await scene.add("trial.slow", 1, milliseconds=300)
        await scene.sql("""update job set args = '{"word": "short", "milliseconds": 500}'""")
        await scene.sql("""insert into job select tenant_id, :id, kind, 'long', '{"word": "long", "milliseconds": 60000}',
                           state, 0, run_at, null, 0, '', made_at, null from job""", id=new_id())  # fmt: skip
        await scene.sql("update bell set due_at = now()")
        started = time.monotonic()
        await scene.until("select count(*) = 2 from job where state = 'running'")
        processes.send(pid, signal.SIGTERM)
        while os.path.exists(f"/proc/{pid}"):  # noqa: ASYNC240 - a moment
            assert time.monotonic() - started < 15, "it did not stop"
            await asyncio.sleep(0.05)
    finally:
        processes.end()
    rows = {row[0]: tuple(row[1:]) for row in await scene.sql("select dedupe_key, state, attempts from job")}
    assert rows == {"0": ("done", 1), "long": ("ready", 0)}


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_the_command_starts_without_redis_says_so_once_ready_and_stops_cleanly(
    scene: Scene, sign: signal.Signals
) -> None:
    """`python -m server.worker`, as the supervisor runs it. It seals the audit that waits."""
    for statement in (
        "insert into audit_event select gen_random_uuid(), gen_random_uuid(), now(), null, 'system', 'job', '', 'a.b', "
        "'read', '{}', 'x', '{}', '{}'",
        "insert into audit_unsealed select tenant_id, id from audit_event",
    ):
        await scene.sql(statement)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server.worker", cwd=ROOT, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **scene.environment, "CAREWRIGHT_REDIS_URL": "redis://127.0.0.1:1/0"},
    )  # fmt: skip
    assert child.stderr is not None
    lines = []
    try:
        async with asyncio.timeout(30):
            while b"worker.ready" not in (line := await child.stderr.readline()):
                assert line, b"".join(lines).decode()
                lines.append(line)
            await scene.until("select count(*) = 1 from audit_seal")
            child.send_signal(sign)
            rest = await child.stderr.read()
            assert await child.wait() == 0
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert b"worker.stopped" in rest
    assert b"Traceback" not in b"".join(lines) + rest
    assert all(line.startswith(b"{") for line in [*lines, *rest.splitlines()])
