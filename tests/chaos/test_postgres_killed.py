"""P9: PostgreSQL killed outright, again and again, under writers who come through the API."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import httpx
import pytest
from conftest import SECRET
from house import FULL, House, kill
from writers import Book, Writer, writers

from server import embedded
from server.embedded import leftovers

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(7_200 if FULL else 900)]

Count = Callable[[str, object], None]
WRITERS = 16
ROUNDS = 20 if FULL else 6
CONTROL_ROUNDS = 5 if FULL else 3


class Killed:
    """A house over a PostgreSQL of its own, durable as in production, and the rounds of killing it."""

    def __init__(self, servers: embedded.Servers, house: House) -> None:
        self.servers, self.house = servers, house
        self.cluster = Path(servers.data_dir) / "postgres"
        self.slowest_recovery = self.slowest_health = 0.0

    async def round(self, book: Book, everyone: list[Writer], client: httpx.AsyncClient) -> None:
        """Write, kill every process of PostgreSQL at a random moment, start it again, be healthy."""
        enough = book.count("done") + 3 * len(everyone)
        writing = [asyncio.create_task(one.until_trouble(client)) for one in everyone]
        async with asyncio.timeout(60):
            while book.count("done") < enough:  # noqa: ASYNC110 - sixteen writers fill the book
                await asyncio.sleep(0.01)
        await asyncio.sleep(random.uniform(0, 0.3))
        pids = leftovers.working_in(self.cluster)
        assert len(pids) > 5, "its backends are processes too"
        for pid in pids:
            kill(pid)
        await asyncio.gather(*writing)
        began = time.monotonic()
        self.servers.mend()
        self.slowest_recovery = max(self.slowest_recovery, time.monotonic() - began)
        self.slowest_health = max(self.slowest_health, await self.house.ready())


@pytest.fixture
async def killed(tmp_path: Path) -> AsyncIterator[Killed]:
    from migrations.run import upgrade

    with embedded.servers(tmp_path / "data", throwaway=False) as servers:
        await upgrade(servers.database_url, bytes.fromhex(SECRET), code_sets=False)
        house = House(servers.database_url, servers.redis_url, tmp_path)
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            assert await house.one(f"show {setting}") == "on"
        house.open()
        try:
            await house.ready()
            yield Killed(servers, house)
        finally:
            house.close()


async def test_what_was_said_to_be_done_is_there_once_however_often_postgresql_is_killed(
    killed: Killed, record_property: Count
) -> None:
    house = killed.house
    book = Book(house)
    everyone = await writers(book, await house.practices(), WRITERS)
    unknown_there = unknown = undone = 0
    async with httpx.AsyncClient(base_url=house.address, timeout=30) as client:
        for _ in range(ROUNDS):
            await killed.round(book, everyone, client)
            there = await book.there()
            for write in book.writes:
                assert there[write.place] in {"done": (1,), "undone": (0,), "unknown": (0, 1)}[write.told], (
                    write
                )
            assert await house.half_written() == {}
            pending = [write for write in book.writes if write.told != "done"]
            unknown += sum(write.told == "unknown" for write in pending)
            undone += sum(write.told == "undone" for write in pending)
            unknown_there += sum(there[write.place] for write in pending)
            began = time.monotonic()
            for write in pending:
                while write.told != "done":
                    await book.post(client, write)
                    assert time.monotonic() - began < 30, write
            killed.slowest_health = max(
                killed.slowest_health, (time.monotonic() - began) / max(len(pending), 1)
            )
            there = await book.there()
            assert all(there[write.place] == 1 for write in pending)
        assert house.lives(), "the web process and the worker outlive their database"
        await house.caught_up(60)
    there = await book.there()
    assert sorted(there.values()) == [1] * len(book.writes)
    assert await house.wrong_totals() == 0
    keys = await house.one("select count(*) from idempotency_key")
    record_property(
        "count",
        f"P9: {ROUNDS} x kill -9 of every PostgreSQL process under {WRITERS} writers: {len(book.writes)} minutes, "
        f"0 missing, 0 doubled, 0 half-written; {unknown} unknown ({unknown_there} of them there) and {undone} undone "
        f"before their retry, all there once after it; slowest recovery {killed.slowest_recovery:.1f} s, "
        f"API healthy {killed.slowest_health:.1f} s after it; answers {dict(book.statuses)}",
    )
    assert keys == len(book.writes)
    assert unknown + undone > ROUNDS, "no write was under way when PostgreSQL died"
    assert killed.slowest_health <= 10


async def test_control_without_synchronous_commit_what_was_said_to_be_done_is_missing(
    killed: Killed, record_property: Count
) -> None:
    """The same fault must catch a database that answers before its log is written."""
    house = killed.house
    book = Book(house)
    everyone = await writers(book, await house.practices(), WRITERS)
    admin = await asyncpg.connect(house.url.replace("+asyncpg", ""))
    for setting in (
        "synchronous_commit = off",
        "wal_writer_delay = '10s'",
    ):  # the least that may be lost is more
        await admin.execute(f"alter system set {setting}")
    await admin.execute("select pg_reload_conf()")
    await admin.close()
    missing = 0
    async with httpx.AsyncClient(base_url=house.address, timeout=30) as client:
        for _ in range(CONTROL_ROUNDS):
            await killed.round(book, everyone, client)
            there = await book.there()
            gone = [write for write in book.writes if write.told == "done" and not there[write.place]]
            missing += len(gone)
            for write in gone:
                book.writes.remove(write)
    record_property(
        "count", f"P9 control: {missing} minutes said to be done are missing without synchronous_commit"
    )
    assert missing > 0
