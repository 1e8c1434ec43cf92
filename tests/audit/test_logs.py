"""P32, at the unit: canaries go through every way there is to log, warn and die, and reach no output."""

import asyncio
import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from cast import World
from conftest import ROOT

from server import logs
from server.errors import Refused
from server.ids import new_id
from server.logs import log
from server.tenants.db import tenant_db

CANARY = "Zebulon Quackenbush"
CANARIES = (CANARY, "Zebulon", "Quackenbush", "1931-07-14", "zebulon@example.org")


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """What a process set up by `configure` writes; everything is put back afterwards."""
    root = logging.getLogger()
    kept = (
        sys.excepthook, sys.unraisablehook, root.handlers[:], root.level, logging.raiseExceptions, warnings.showwarning,
    )  # fmt: skip
    handlers = {name: logging.getLogger(name).handlers[:] for name in logging.root.manager.loggerDict}
    written = io.StringIO()
    logs.configure(written)
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


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def clean(output: io.StringIO) -> bool:
    return not any(canary in output.getvalue() for canary in CANARIES)


def forced(number: int) -> BaseException:
    """Errors as they come: nested, grouped, with notes, with values in every place an exception has."""
    kinds = (ValueError, KeyError, TypeError, RuntimeError, LookupError, UnicodeError)
    words = CANARIES[number % len(CANARIES)]
    try:
        try:
            {}[words]
        except KeyError as inner:
            outer = kinds[number % len(kinds)](words)
            outer.add_note(f"for {words}")
            if number % 3 == 0:
                raise outer from inner
            if number % 3 == 1:
                raise ExceptionGroup(words, [outer, OSError(2, words, words)]) from None
            raise outer  # noqa: B904 - the context is the point
    except Exception as error:
        return error


def test_an_error_is_told_by_type_and_place_and_never_by_its_words(output: io.StringIO) -> None:
    for number in range(500):
        logs.log_error(logs.new_reference(), forced(number))
    assert clean(output)
    told = lines(output)
    assert len(told) == 500
    assert all(line["event"] == "error.masked" and line["reference"] and line["error"] for line in told)
    first = told[0]["error"]
    assert [each["type"] for each in first] == ["builtins.ValueError", "builtins.KeyError"]
    assert first[0]["where"][0].startswith("tests/audit/test_logs.py:")


def test_control_what_anybody_would_write_lets_the_canary_through() -> None:
    written = io.StringIO()
    plain = logging.Logger("plain")
    plain.addHandler(logging.StreamHandler(written))
    plain.error("masked", exc_info=forced(0))
    assert not clean(written)


@pytest.mark.parametrize(
    "say",
    [
        lambda: log.info(f"opened {CANARY}"),
        lambda: log.info("patient.opened", name=CANARY, patient={"family": CANARY}, kind=CANARY, state=CANARY),
        lambda: log.info("patient.opened", route=f"/patients/{CANARY}", code=CANARY, place=CANARY, request_id=CANARY),
        lambda: log.warning("opened %s", CANARY),
        lambda: log.bind(family=CANARY).error("patient.opened", **{CANARY: 1}),
        lambda: log.info("job.done", count=CANARY, seconds=CANARY, practice=CANARY, job=CANARY),
        lambda: logging.getLogger("sqlalchemy.engine").warning("insert %s", CANARY),
        lambda: logging.getLogger("uvicorn.error").error(f"failed for {CANARY}", exc_info=forced(1)),
        lambda: logging.getLogger("asyncio").error("Task exception was never retrieved", exc_info=forced(2)),
        lambda: logging.getLogger(CANARY).error("x"),
        lambda: logging.getLogger("broken").error("%d %s", CANARY),  # noqa: PLE1206 - broken is the point
        lambda: warnings.warn(f"odd birth date {CANARIES[3]}", stacklevel=1),
        lambda: sys.excepthook(ValueError, ValueError(CANARY), None),
        lambda: logs.log_error(CANARY, ValueError(CANARY)),
    ],
    ids=range(14),
)  # fmt: skip
def test_words_have_no_way_in(output: io.StringIO, say: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        say()
    assert lines(output), "it must be logged, only without the words"
    assert clean(output)


async def test_an_exception_nobody_awaited_is_told_without_words(output: io.StringIO) -> None:
    loop = asyncio.get_running_loop()
    kept = loop.get_exception_handler()
    logs.watch_loop(loop)
    try:
        loop.call_exception_handler({"message": CANARY, "exception": ValueError(CANARY), "task": CANARY})
    finally:
        loop.set_exception_handler(kept)
    assert lines(output)[0]["error"][0]["type"] == "builtins.ValueError"
    assert clean(output)


async def test_a_database_error_gives_its_state_and_constraint_but_no_row(
    output: io.StringIO, lakeside: World
) -> None:
    """The driver quotes the row that failed; SQLAlchemy the statement and its values."""
    failures: list[BaseException] = []
    for statement, values in (
        ("insert into payer (tenant_id, id, name, kind, edi_id, active, made_at) values (:t, :i, :name, '', '', true, now())",
         {"name": CANARY}),
        (f"select '{CANARY}'::integer", {}),
        ("insert into payer (tenant_id, id, name) values (:t, :i, :name)", {"name": CANARY}),
        (f"select * from {CANARY.split(maxsplit=1)[0].lower()}", {}),
    ):  # fmt: skip
        try:
            async with tenant_db(lakeside.system()) as db:
                for _ in range(2):
                    given = {"t": lakeside.tenant_id, "i": new_id(), **values}
                    await db.execute(sa.text(statement), given if ":t" in statement else {})
        except Exception as error:
            failures.append(error)
            logs.log_error(logs.new_reference(), error)
    assert len(failures) == 4
    assert any(CANARY in repr(error) or CANARY in str(error.__cause__) for error in failures), (
        "no canary to hide"
    )
    assert clean(output)
    assert lines(output)[0]["error"][-1]["sqlstate"] == "23505"
    assert lines(output)[0]["error"][-1]["constraint"] == "uq_payer_tenant_id_name"


def test_our_own_refusal_is_told_by_its_code(output: io.StringIO) -> None:
    logs.log_error(logs.new_reference(), Refused("NOT_FOUND", CANARY, CANARY, CANARY))
    assert lines(output)[0]["error"] == [{"type": "server.errors.Refused", "code": "NOT_FOUND"}]
    assert clean(output)


def test_what_is_named_gets_through(output: io.StringIO) -> None:
    practice = new_id()
    logs.bind_request("0af3-11")
    log.info(
        "job.done",
        kind="minutes.recount",
        practice=practice,
        count=3,
        seconds=0.25,
        route="/patients/{id:uuid}",
    )
    (line,) = lines(output)
    del line["at"]
    assert line == {
        "level": "info", "event": "job.done", "kind": "minutes.recount", "practice": str(practice), "count": 3,
        "seconds": 0.25, "route": "/patients/{id:uuid}", "request_id": "0af3-11",
    }  # fmt: skip


@pytest.mark.parametrize("configured", [True, False])
def test_a_dying_process_says_no_words(configured: bool) -> None:
    """From outside, with everything it wrote: thread, unraisable and main all raise the canary."""
    program = f"""
import threading, server.logs as logs
if {configured}: logs.configure()
logs.log.error("x.y", error=ValueError({CANARY!r}), name={CANARY!r})
class Odd:
    def __del__(self): raise ValueError({CANARY!r})
if {configured}:
    Odd()
    thread = threading.Thread(target=lambda: int({CANARY!r})); thread.start(); thread.join()
    raise ValueError({CANARY!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode != 0) == configured
    told = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert told == (["x.y", "unraisable", "thread.died", "process.died"] if configured else ["x.y"])
    assert not any(canary in done.stderr + done.stdout for canary in CANARIES)
