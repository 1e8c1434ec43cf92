"""The embedded servers: made, started, killed in every way, and started again without help."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from server import embedded
from server.embedded import account, leftovers, postgres, valkey
from server.errors import Refused

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from server import embedded
s = embedded.start(sys.argv[1], throwaway=sys.argv[2:] == ["throwaway"])
print(*s.pids.values(), flush=True)
time.sleep(60)
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for this module: every test leaves it startable, which is the point."""
    return tmp_path_factory.mktemp("data")


async def ask(url: str, *statements: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        answer = None
        for statement in statements:
            answer = await connection.fetchval(statement)
        return answer
    finally:
        await connection.close()


@contextmanager
def another_process(folder: Path, *extra: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process that runs the servers of `folder`, and the servers' ids."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), *extra],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        yield child, [int(pid) for pid in child.stdout.readline().split()]
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 60
    while any(map(leftovers.alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [pid for pid in pids if leftovers.alive(pid)] == []


def every_command_line() -> str:
    return subprocess.run(["ps", "-axww", "-o", "args="], capture_output=True, text=True, check=True).stdout


async def test_a_second_start_finds_the_same_data_at_the_same_address(folder: Path) -> None:
    async with embedded.servers(folder) as first:
        await ask(first.database_url, "create table kept (word text)", "insert into kept values ('here')")
        safe = [await ask(first.database_url, f"show {name}") for name in ("fsync", "full_page_writes")]
        pids = list(first.pids.values())
    assert safe == ["on", "on"]
    wait_until_gone(pids)
    async with embedded.servers(folder) as second:
        assert await ask(second.database_url, "select word from kept") == "here"
        assert second.database_url == first.database_url
        assert second.redis_url == first.redis_url


async def test_strangers_and_the_curious_find_no_password(folder: Path) -> None:
    async with embedded.servers(folder) as servers:
        password = servers.database_url.split(":")[2].partition("@")[0]
        ring_password = servers.redis_url.split(":")[2].partition("@")[0]
        assert len(password) == len(ring_password) == 48
        listing = every_command_line()
        assert "postgres -D" in listing
        assert password not in listing
        assert ring_password not in listing
        assert password not in repr(servers.addresses)
        assert (folder / "servers.json").stat().st_mode & 0o077 == 0
        assert (folder / "valkey" / "valkey.conf").stat().st_mode & 0o077 == 0
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(servers.database_url.replace(password, "guess"))
        assert not valkey.answers(int(servers.redis_url.rpartition(":")[2].partition("/")[0]), "guess")


async def test_the_log_keeps_no_value_of_a_failed_statement(folder: Path) -> None:
    async with embedded.servers(folder) as servers:
        with pytest.raises(asyncpg.DataError):
            await ask(servers.database_url, "select 'Rosalinda Quetzal'::int")
        with pytest.raises(asyncpg.UniqueViolationError):
            await ask(
                servers.database_url,
                "create temp table once (name text primary key)",
                "insert into once values ('Rosalinda Quetzal')",
                "insert into once values ('Rosalinda Quetzal')",
            )
    log = (folder / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "Rosalinda" not in log


@linux
async def test_killing_the_parent_ends_the_servers_and_loses_nothing(folder: Path) -> None:
    with another_process(folder) as (parent, pids):
        addresses = embedded.running(folder)
        assert addresses is not None
        await ask(addresses.database_url, "create table survived (n int)", "insert into survived values (7)")
        parent.kill()
        parent.wait()
        wait_until_gone(pids)
    assert embedded.running(folder) is None
    with embedded.servers(folder) as servers:
        assert await ask(servers.database_url, "select n from survived") == 7


async def test_killed_servers_are_mended_on_the_same_address(folder: Path) -> None:
    with embedded.servers(folder) as servers:
        await ask(servers.database_url, "create table crash (n int)", "insert into crash values (1)")
        before = list(servers.pids.values())
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 60
        mended: list[str] = []
        while len(mended) < 2 and time.monotonic() < deadline:
            mended += servers.mend()
        assert sorted(mended) == ["PostgreSQL", "Valkey"]
        assert set(before).isdisjoint(servers.pids.values())
        assert await ask(servers.database_url, "select n from crash") == 1
        assert servers.mend() == []


def test_a_living_stranger_in_a_stale_pid_file_is_left_alone(folder: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        stale = folder / "postgres" / "postmaster.pid"
        stale.write_text(f"{stranger.pid}\n{folder / 'postgres'}\n1\n5432\n\n127.0.0.1\n0 0\nready\n")
        with embedded.servers(folder) as servers:
            assert servers.pids["PostgreSQL"] != stranger.pid
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@linux
def test_what_a_killed_run_left_behind_is_ended_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    with embedded.servers(tmp_path, throwaway=True) as neighbour, another_process(folder) as (parent, pids):
        # Frozen, the servers cannot hear that their parent died: left over for the next start to find.
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        parent.kill()
        parent.wait()
        assert all(map(leftovers.alive, pids))
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        with embedded.servers(folder) as servers:
            assert set(pids).isdisjoint(servers.pids.values())
            wait_until_gone(pids)
        assert all(map(leftovers.alive, neighbour.pids.values()))


def test_a_second_process_is_told_who_runs_it(folder: Path) -> None:
    with another_process(folder) as (parent, _), pytest.raises(embedded.AlreadyRunning) as refused:
        embedded.start(folder)
    assert refused.value.pid == parent.pid
    assert str(folder) in refused.value.message


def test_taken_ports_are_left_to_their_takers(folder: Path) -> None:
    with embedded.servers(folder) as servers:
        ports = [
            int(url.rpartition(":")[2].partition("/")[0]) for url in (servers.database_url, servers.redis_url)
        ]
    with socket.socket() as one, socket.socket() as two:
        for taker, port in zip((one, two), ports, strict=True):
            taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taker.bind(("127.0.0.1", port))
            taker.listen()
        with embedded.servers(folder) as servers:
            assert f":{ports[0]}/" not in servers.database_url
            assert f":{ports[1]}/" not in servers.redis_url


def test_a_ring_log_that_cannot_be_read_is_set_aside(folder: Path) -> None:
    with embedded.servers(folder):
        pass
    base = next((folder / "valkey" / "appendonlydir").glob("*.base.rdb"))
    base.write_bytes(b"not a Valkey file at all")
    with embedded.servers(folder):
        assert list((folder / "valkey").glob("appendonlydir.unreadable-*"))


def test_data_of_another_major_version_is_refused_with_the_way_out(folder: Path) -> None:
    version = folder / "postgres" / "PG_VERSION"
    before = version.read_text()
    version.write_text("14\n")
    try:
        with pytest.raises(Refused) as refused:
            embedded.start(folder)
    finally:
        version.write_text(before)
    assert refused.value.code == "POSTGRES_OTHER_VERSION"
    assert "CAREWRIGHT_PG_BIN" in refused.value.next_step


def test_a_half_made_cluster_is_made_again(tmp_path: Path) -> None:
    half = tmp_path / "postgres.making"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with embedded.servers(tmp_path, throwaway=True):
        assert not half.exists()


def test_either_server_may_be_left_out(tmp_path: Path) -> None:
    with embedded.servers(tmp_path, throwaway=True, database=False) as servers:
        assert list(servers.pids) == ["Valkey"]
        assert servers.database_url == ""
        assert not (tmp_path / "postgres").exists()


def test_no_binaries_is_a_sentence_with_a_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAREWRIGHT_PG_BIN", str(tmp_path))
    with pytest.raises(Refused) as refused:
        embedded.start(throwaway=True)
    assert refused.value.code == "POSTGRES_MISSING"


def test_debians_postgresql_serves_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not debian:
        pytest.skip("no PostgreSQL of the system's own in /usr/lib/postgresql")
    monkeypatch.setenv("CAREWRIGHT_PG_BIN", str(debian[0].parent))
    with embedded.servers(throwaway=True) as servers:
        assert str(servers.postgres_major) == debian[0].parts[-3]
        collation = asyncio.run(ask(servers.database_url, "select 'a' < 'B'"))
    assert collation is False, "names sort by code point on every version"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_as_root_without_namespaces_it_runs_as_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = account._works
    monkeypatch.setattr(account, "_works", lambda prefix: prefix[0] != "unshare" and real(prefix))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with embedded.servers(closed / "data", throwaway=True) as servers:
        status = Path(f"/proc/{servers.pids['PostgreSQL']}/status").read_text()
        assert "Uid:\t65534\t65534" in status
        assert asyncio.run(ask(servers.database_url, "select 1")) == 1
        pids = list(servers.pids.values())
    assert closed.stat().st_mode & 0o777 == 0o700, "no folder above the data folder is loosened"
    wait_until_gone(pids)


@pytest.mark.campaign
@linux
def test_a_killed_test_runs_folder_is_swept_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    old = tmp_path / "carewright-throwaway-old"
    with another_process(old, "throwaway") as (parent, pids):
        with embedded.servers(throwaway=True) as servers:
            assert old.exists(), "in use"
            folder = servers.data_dir
        parent.kill()
        parent.wait()
        wait_until_gone(pids)
    assert not folder.exists()
    with embedded.servers(throwaway=True):
        assert not old.exists()


def test_started_from_another_thread_it_refuses_before_starting_anything() -> None:
    async def elsewhere() -> None:
        await asyncio.to_thread(embedded.start, throwaway=True)

    with pytest.raises(RuntimeError, match="main thread"):
        asyncio.run(elsewhere())


def test_binaries_of_every_supported_version_are_recognised() -> None:
    assert postgres.binaries().major in postgres.SUPPORTED
    assert valkey.binary().exists()
