"""Logs that cannot carry a person's words: one JSON object a line, and only keys and shapes named here.

    from server.logs import log, log_error, bind_request
    log.info("job.done", kind=job.kind, seconds=0.2)      # the event is a name, never a sentence with values in it
    log_error(reference, exception)                       # what a masked answer's reference number leads to

What is not in `KEYS`, or has another shape, is left out and counted. Exceptions are told by type, SQLSTATE, our
own refusal code and places in the code; never by message, because messages quote what people typed. Libraries'
own records keep their logger and the place they were written at, and lose their text for the same reason.
"""

import asyncio
import logging
import re
import secrets
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO, cast
from uuid import UUID

import structlog

from server.errors import Refused

_ROOT = str(Path(__file__).resolve().parent.parent)
_PACKAGES = re.compile(r".*/(?:site-packages|lib/python[\d.]+)/")
_LONGEST_CHAIN = 8
_LONGEST_TRACE = 12

_NAME = re.compile(r"[a-z][a-z0-9_]*(?:[.:][a-z0-9_]+)*", re.ASCII)
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,60}", re.ASCII)
_ID = re.compile(r"[0-9a-fA-F-]{4,36}")
_SQLSTATE = re.compile(r"[0-9A-Z]{5}")

#: key -> the shape its value must have; a type, or a pattern the whole text must match
KEYS: Final[Mapping[str, type | re.Pattern[str]]] = {
    "reference": _ID,
    "request_id": _ID,
    "practice": UUID,
    "job": UUID,
    "kind": _NAME,
    "state": _NAME,
    "door": _NAME,
    "operation": _NAME,
    "code": _CODE,
    "method": re.compile(r"[A-Z]{3,7}"),
    "route": re.compile(
        r"(?:/[a-z0-9_.-]*|/\{[a-z_:]+\})+", re.ASCII
    ),  # the template, never the address typed
    "signal": re.compile(r"SIG[A-Z0-9]+"),
    "logger": re.compile(r"[A-Za-z0-9_.]{1,80}", re.ASCII),
    "place": re.compile(r"[A-Za-z0-9_./<>-]{1,160}:\d+", re.ASCII),
    "version": re.compile(r"[0-9][0-9a-z.]{0,20}"),
    "attempt": int,
    "count": int,
    "number": int,
    "pid": int,
    "port": int,
    "status": int,
    "size": int,
    "seconds": float,
}


def bind_request(request_id: str) -> None:
    """Start a request: every line logged from here on carries its id. `request_id`: hexadecimal digits and dashes."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


def new_reference() -> str:
    """A short number for a person to read aloud to support, such as 3F9A-01BC."""
    return f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()


def log_error(reference: str, error: BaseException, **more: Any) -> None:
    """Our own failure: everything that helps find it, nothing that anyone typed."""
    log.error("error.masked", reference=reference, error=error, **more)


def described(error: BaseException) -> list[dict[str, Any]]:
    """The exception and what it came from: types, codes and places, outermost first. No message, no value."""
    found: list[dict[str, Any]] = []
    waiting, seen = [error], set[int]()
    while waiting and len(found) < _LONGEST_CHAIN:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        found.append(_one(one))
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        if one.__cause__ is not None:
            waiting.append(one.__cause__)
        elif one.__context__ is not None and not one.__suppress_context__:
            waiting.append(one.__context__)
    return found


def _one(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    told: dict[str, Any] = {"type": f"{kind.__module__}.{kind.__qualname__}"}
    if isinstance(error, Refused) and _CODE.fullmatch(error.code):
        told["code"] = error.code
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str) and _SQLSTATE.fullmatch(state):
        told["sqlstate"] = state
    constraint = getattr(error, "constraint_name", None)  # a name from our schema, not a value
    if isinstance(constraint, str) and _NAME.fullmatch(constraint):
        told["constraint"] = constraint
    trace = _frames(error.__traceback__)
    if trace:
        told["where"] = trace
    return told


def _frames(trace: TracebackType | None) -> list[str]:
    # walk_tb, not extract_tb: the latter reads source lines, and a line may hold a literal
    frames = [
        (frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in traceback.walk_tb(trace)
    ]
    return [f"{_short(file)}:{line} {name}" for file, line, name in frames[-_LONGEST_TRACE:]]


def _short(file: str) -> str:
    return _PACKAGES.sub("", file).removeprefix(_ROOT).lstrip("/")


def _only_what_is_named(
    _logger: Any, method: str, given: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    event = given.pop("event", None)
    error = given.pop("error", None) or given.pop("exc_info", None)
    kept: dict[str, Any] = {
        "at": given.pop("at", None),
        "level": method,
        "event": event if isinstance(event, str) and _NAME.fullmatch(event) else "unnamed",
    }
    withheld = 0
    for key, value in given.items():
        if (shape := KEYS.get(key)) is not None and (plain := _plain(value, shape)) is not None:
            kept[key] = plain
        else:
            withheld += 1
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        kept["error"] = described(error)
    if withheld:
        kept["withheld"] = withheld
    return kept


def _plain(value: Any, shape: type | re.Pattern[str]) -> str | int | float | None:
    """The value if it has the shape asked for, else None."""
    if isinstance(shape, re.Pattern):
        return value if isinstance(value, str) and shape.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, (shape, int) if shape is float else shape):
        return None
    if shape is float:
        return round(float(cast(float, value)), 4)
    return str(value) if shape is UUID else cast(int, value)


class _FromLibraries(logging.Handler):
    """Standard-library records, ours or not: where and how bad, never the text."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            said = record.exc_info[1] if record.exc_info else None
            log.log(
                record.levelno,
                "library",
                logger=record.name,
                place=f"{_short(record.pathname)}:{record.lineno}",
                error=said,
            )
        except Exception:  # noqa: S110 - a log line is never worth a failed request
            pass


def _write_to(stream: TextIO | None, level: int) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _only_what_is_named,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.WriteLogger(
            stream or sys.stderr
        ),  # whatever standard error is by then
        cache_logger_on_first_use=False,
    )


def configure(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send everything this process logs, warns of or dies of through here. `stream`: standard error."""
    _write_to(stream, level)
    logging.raiseExceptions = False  # its own complaint prints the arguments of the record it choked on
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers[:] = [_FromLibraries()]
    root.setLevel(max(level, logging.WARNING))
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    sys.excepthook = lambda kind, error, trace: log.critical("process.died", error=error)
    threading.excepthook = lambda told: log.critical("thread.died", error=told.exc_value)
    sys.unraisablehook = lambda told: log.error("unraisable", error=told.exc_value)


def watch_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Tell exceptions nobody awaited the same way; asyncio's own telling prints the task, arguments and all."""
    loop.set_exception_handler(lambda _, told: log.error("loop.error", error=told.get("exception")))


log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
_write_to(
    None, logging.WARNING
)  # a command that never calls configure() is no reason to print what people typed
