"""P32: what is known about a person is in no log, error, letter's subject, Redis key, address or cookie.

B's world carries a canary in every text; it is visited from end to end, then made to fail a hundred times and more, with
failures that quote what they were given, as drivers and libraries do.
"""

import asyncio
import io
import itertools
import logging
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import structlog
from conftest import servers
from page_forms import crawl, csrf_of, routes, who_may
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine
from two_practices import CANARY, PERMISSIONS, TwoPractices, document, root_fields, variables

from server import logs
from server.jobs import Doorbell
from server.tenants import db as door
from server.tenants.db import Db

pytestmark = pytest.mark.timeout(300)  # making two practices takes a while on a busy machine

Count = Callable[[str, object], None]
#: words about the practice and its staff, which letters and addresses of their own may carry
NOT_ABOUT_PATIENTS = {"practice.write", "staff.write", "tokens.write"}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything logged from here on, as a serving process writes it; put back afterwards."""
    root = logging.getLogger()
    kept = (
        sys.excepthook,
        sys.unraisablehook,
        root.handlers[:],
        root.level,
        logging.raiseExceptions,
        warnings.showwarning,
    )
    handlers = {name: logging.getLogger(name).handlers[:] for name in logging.root.manager.loggerDict}
    written = io.StringIO()
    logs.configure(written, logging.DEBUG)
    yield written
    (
        sys.excepthook,
        sys.unraisablehook,
        root.handlers[:],
        level,
        logging.raiseExceptions,
        warnings.showwarning,
    ) = kept
    root.setLevel(level)
    logging.captureWarnings(False)
    for name, those in handlers.items():
        logging.getLogger(name).handlers[:] = those
    structlog.contextvars.clear_contextvars()
    logs._write_to(None, logging.WARNING)


class Listener:
    """Hears every answer: what must not be in its headers, nor in its body if it is a failure of ours."""

    def __init__(self, two: TwoPractices) -> None:
        self.two, self.heard, self.answers, self.failures = two, [], 0, 0  # type: ignore[var-annotated]

    def about_a_patient(self, text: str) -> list[str]:
        return [
            place
            for place in self.two.canaries.found_in(text)
            if PERMISSIONS.get(f"Mutation.{place.partition('(')[0]}") not in NOT_ABOUT_PATIENTS
        ]

    async def answer(self, answer: httpx.Response) -> None:
        await answer.aread()
        self.answers += 1
        ours = answer.status_code >= 500 or "INTERNAL" in answer.text
        self.failures += ours
        for what, text in (
            ("address", str(answer.headers.get("location", "")) + str(answer.headers.get("hx-redirect", ""))),
            ("cookie", " ".join(answer.headers.get_list("set-cookie"))),
            ("header", str(answer.headers)),
            ("error", answer.text if ours else ""),
            ("link", " ".join(re.findall(r'(?:href|action|src|hx-[a-z]+)="([^"]*)"', answer.text))),
        ):
            self.heard += [f"{what} of {answer.request.url}: {place}" for place in self.about_a_patient(text)]


@pytest.fixture
def listener(two: TwoPractices) -> Iterator[Listener]:
    heard = Listener(two)
    clients = [two.b.client(who) for who in ("nora", "ada", "dr_lin", "bill", "fred")]
    for client in clients:
        client.event_hooks["response"].append(heard.answer)
    yield heard
    for client in clients:
        client.event_hooks["response"].clear()


async def visit_everything(two: TwoPractices, said: str) -> None:
    """Every page, every form with what is there already, every query with everything it can tell."""
    forms, _ = await crawl(two.b)
    for route in routes("POST"):
        form = forms.get(route.name)
        if form is not None and route.scope == "tenant" and not route.path.startswith("/security"):
            who = who_may(route.permission)
            more = {"_csrf": csrf_of(two.b.world, who)}
            # Told about a person, and refused: the sentence comes back, and must not be kept anywhere else.
            words = {
                name: said for name, control in form.controls.items() if control.kind in {"text", "textarea"}
            }
            await two.b.client(who).post(route.address(two.b), data={**form.filled(two.b), **words, **more})
    await every_query(two)


async def every_query(two: TwoPractices) -> None:
    for root, name, definition in root_fields():
        if root == "Query":
            kinds = (
                [two.b.one(kind) for kind in ("Patient", "Encounter", "Consent")]
                if name == "node"
                else [None]
            )
            for id in kinds:
                arguments = two.b.arguments(name, definition, {("id",): id} if id else {})
                who = two.b.who_may(root, name)
                await two.b.post(
                    who, document(root, [(name, name, arguments)], depth=3), **variables(name, arguments)
                )


async def test_no_word_about_a_person_reaches_a_side_channel(
    two: TwoPractices,
    behind: AsyncEngine,
    log: io.StringIO,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    record_property: Count,
) -> None:
    bell = Doorbell(servers()["redis_url"])
    monkeypatch.setattr(door, "_ringer", [bell.ring])  # as in a serving process: work is announced in Redis
    word = next(w for p, w in two.canaries.places.items() if p.startswith("registerPatient(input.familyName"))
    said = f"{word}-"
    await visit_everything(two, said)
    visited = listener.answers

    plain, calls = Db.execute, itertools.count()
    failing = {"every": 1}

    async def execute(self: Db, *given: Any, **more: Any) -> Any:
        number = next(calls)
        if number % failing["every"]:
            return await plain(self, *given, **more)
        match number // failing["every"] % 4:
            case 0:
                raise RuntimeError(f"could not read {said}")
            case 1:  # the driver's own complaint, with the statement and its parameters
                return await plain(self, sa.text("select cast(:words as integer)"), {"words": said})
            case 2:
                raise ExceptionGroup(said, [ValueError(said), KeyError(said)])
            case _:
                return await plain(self, sa.text(f"select '{said}' from nothing_of_that_name"))

    monkeypatch.setattr(Db, "execute", execute)
    for failing["every"] in (1, 2):
        for route in routes("GET"):
            if route.scope == "tenant":
                await two.b.client(who_may(route.permission)).get(route.address(two.b))
        await every_query(two)
    for root, name, definition in root_fields():
        if root == "Mutation":
            arguments = two.b.arguments(name, definition)
            who = two.b.who_may(root, name)
            await two.b.post(
                who, document(root, [("m", name, arguments)], depth=0), **variables("m", arguments)
            )
    monkeypatch.undo()
    await bell.ring()
    for _ in range(50):
        if await _redis(two):
            break
        await asyncio.sleep(0.05)
    await bell.close()

    assert listener.failures >= 100, listener.failures
    assert listener.heard == []
    logged = log.getvalue()
    assert logged.count("error.masked") >= 100
    assert two.canaries.found_in(logged) == []
    assert CANARY not in logged
    printed = capsys.readouterr()
    assert CANARY not in printed.out + printed.err
    letters, keys = await _subjects(behind, listener), await _redis(two)
    assert letters == []
    assert keys, "nothing was announced: the look into Redis is blind"
    assert [key for key, found in keys.items() if found] == []
    record_property(
        "count",
        f"P32: {len(two.canaries.places)} canaries, {visited} answers, then {listener.failures} forced failures, "
        f"{len(logged.splitlines())} log lines, {len(keys)} Redis keys: 0 canaries",
    )


async def _subjects(behind: AsyncEngine, listener: Listener) -> list[str]:
    """Letters whose outside (address, subject) or stored body tells of a patient."""
    async with behind.connect() as connection:
        rows = await connection.execute(sa.text("select subject, to_address, body from mail"))
        return [str(row) for row in rows if listener.about_a_patient(" ".join(map(str, row)))]


async def _redis(two: TwoPractices) -> dict[str, list[str]]:
    """Every key in Redis, and the canaries in its name or value."""
    redis = Redis.from_url(servers()["redis_url"])
    found: dict[str, list[str]] = {}
    try:
        async for key in redis.scan_iter():
            kind = (await redis.type(key)).decode()
            held: Any = b""
            if kind == "string":
                held = await redis.get(key)
            elif kind == "zset":
                held = await redis.zrange(key, 0, -1, withscores=True)
            elif kind == "hash":
                held = await redis.hgetall(key)
            elif kind in {"list", "set"}:
                held = await (redis.lrange(key, 0, -1) if kind == "list" else redis.smembers(key))  # type: ignore[misc]
            found[key.decode()] = two.canaries.found_in(f"{key!r} {held!r}")
    finally:
        await redis.aclose()
    return found


def test_control_the_listener_hears() -> None:
    heard = re.findall(r'(?:href|action|src|hx-[a-z]+)="([^"]*)"', f'<a href="/people?q={CANARY}">x</a>')
    assert heard == [f"/people?q={CANARY}"]
