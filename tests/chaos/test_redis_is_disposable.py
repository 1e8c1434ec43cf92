"""P8: Redis flushed, killed, restarted empty, full, silent or talking nonsense while minutes are entered and counted."""

import asyncio
import contextlib
import random
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from conftest import make_database
from house import FULL, House, kill
from test_worker import OwnValkey
from writers import Book, writers

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(7_200 if FULL else 900)]

Count = Callable[[str, object], None]
WRITERS = 8
TIMES = 20 if FULL else 5
SWEEP_SECONDS = 1.0


@pytest.fixture
def ring_server(tmp_path: Path) -> object:
    made = OwnValkey(tmp_path)
    made.start()
    yield made
    made.kill()


@pytest.fixture
async def house(tmp_path: Path, worker_id: str, ring_server: OwnValkey) -> AsyncIterator[House]:
    made = House(await make_database(f"chaos_{worker_id}"), ring_server.url, tmp_path)
    made.open(workers=2)
    try:
        await made.ready()
        yield made
    finally:
        made.close()


class Faults:
    """What becomes of Redis. Each ends with one that answers, empty or not."""

    def __init__(self, ring_server: OwnValkey) -> None:
        self.ring_server = ring_server

    async def flushed(self) -> None:
        self.ring_server.say(b"FLUSHALL\r\n")

    async def killed(self) -> None:
        self.ring_server.kill()
        await asyncio.sleep(random.uniform(0.05, 0.5))
        self.ring_server.start()

    async def full(self) -> None:
        """3 MB, the least used keys thrown away, and others who fill it."""
        self.ring_server.say(b"CONFIG SET maxmemory 3mb\r\n")
        self.ring_server.say(b"CONFIG SET maxmemory-policy allkeys-lru\r\n")
        for n in range(60):
            value = b"x" * 50_000
            self.ring_server.say(b"SET filler:%d %s\r\n" % (n, value))
        assert b"evicted_keys:0\r\n" not in self.ring_server.say(b"INFO stats\r\n")

    async def silent(self) -> None:
        """Connections are taken and nothing is ever said, as in a network cut in two."""
        server = self.ring_server._server
        assert server is not None
        kill(server.pid, signal.SIGSTOP)
        await asyncio.sleep(random.uniform(0.3, 1.5))
        kill(server.pid, signal.SIGCONT)

    async def nonsense(self) -> None:
        """Something else answers at its address."""

        async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                await writer.drain()
            writer.close()

        self.ring_server.kill()
        stranger = await asyncio.start_server(babble, "127.0.0.1", self.ring_server.port)
        await asyncio.sleep(random.uniform(0.2, 0.8))
        stranger.close()
        await stranger.wait_closed()
        self.ring_server.start()


async def test_minutes_are_entered_and_counted_whatever_becomes_of_redis(
    house: House, ring_server: OwnValkey, record_property: Count
) -> None:
    book, stop, faults = Book(house), asyncio.Event(), Faults(ring_server)
    everyone = await writers(book, await house.practices(), WRITERS)
    kinds = [faults.flushed, faults.killed, faults.full, faults.silent, faults.nonsense]
    many = kinds * TIMES
    random.shuffle(many)
    async with httpx.AsyncClient(base_url=house.address, timeout=30) as client:
        writing = [asyncio.create_task(one.until(stop, client)) for one in everyone]
        for fault in many:
            await fault()
            await asyncio.sleep(random.uniform(0.1, 0.4))
        ring_server.kill()  # and none at all at the end: only the sweep is left
        await asyncio.sleep(1)
        stop.set()
        await asyncio.gather(*writing)
    seconds = await house.caught_up(60)
    assert house.lives(), "web process and workers outlive Redis"
    there = await book.there()
    lost = sum(not there[write.place] for write in book.writes)
    doubled = sum(n - 1 for n in there.values())
    wrong = await house.wrong_totals()
    dead = await house.one("select count(*) from job where state not in ('done', 'ready', 'running')")
    record_property(
        "count",
        f"P8: {TIMES} each of FLUSHALL, kill and restart empty, allkeys-lru at 3 MB, silent, nonsense; "
        f"{len(book.writes)} minutes in two practices by {WRITERS} writers: {lost} lost, {doubled} doubled, {wrong} wrong "
        f"totals, answers {dict(book.statuses)}, slowest {book.slowest:.2f} s, caught up {seconds:.1f} s after the last "
        "without Redis",
    )
    assert (lost, doubled, wrong, dead) == (0, 0, 0, 0)
    assert set(book.statuses) == {"200"}
    assert await house.half_written() == {}
    assert seconds <= 2 * SWEEP_SECONDS + 3, "two sweeps, and room for a slow machine to do the counting"


async def test_control_with_redis_alone_work_is_lost(
    house: House, ring_server: OwnValkey, worker_id: str, record_property: Count
) -> None:
    """The same faults must catch workers that wait for the ring and never look by themselves."""
    from test_worker import Process

    for worker in house.workers:
        worker.kill()
        worker.wait()
    deaf = Process(house.environment, "rooms", "no-sweep")
    book = Book(house)
    everyone = await writers(book, await house.practices(), 2)
    try:
        deaf.fork()
        async with httpx.AsyncClient(base_url=house.address, timeout=30) as client:
            for _ in range(5):
                await asyncio.gather(*(book.post(client, one.next()) for one in everyone))
                await asyncio.sleep(0.1)
            await house.caught_up(30)  # the ring is enough as long as there is one
            ring_server.kill()
            for _ in range(5):
                await asyncio.gather(*(book.post(client, one.next()) for one in everyone))
            await asyncio.sleep(4 * SWEEP_SECONDS)
            left = await house.waiting()
    finally:
        deaf.end()
    record_property("count", f"P8 control: {left} still wait after four sweeps' time without a sweep")
    assert book.count("done") == 20
    assert left > 0
