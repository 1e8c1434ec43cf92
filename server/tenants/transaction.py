"""One transaction at the database: a connection, BEGIN and COMMIT, for the doors (`server.tenants.db`) alone.

The practice is set with SET LOCAL in the same message as BEGIN, and dies with the transaction. What code inside may
not say is refused before it is sent; a connection in doubt is thrown away; what must be finished is finished, also when
whoever asked is cancelled.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from server.words import say


class CommitInside(RuntimeError):
    """The door commits, once, at the end. Code inside it may not."""


class NotCommitted(RuntimeError):
    """The block ended well, and yet the transaction was undone: somebody inside caught a statement's error."""


@dataclass(slots=True)
class Row:
    """Transactions of one practice after each other on one connection. Where one says `another_follows`, its COMMIT
    and the next one's BEGIN are one message: of short work, the messages are most of what it costs."""

    connection: AsyncConnection | None = None  # in a transaction in which nothing was done yet
    begun: str = ""  # how that one was begun


@dataclass(slots=True)
class Ending:
    """How a transaction ends. last_words: statements sent in the same message as COMMIT, so that the rows they lock
    are held for no longer. later: run after COMMIT; then the two are not cut apart, even if whoever asked is cancelled
    meanwhile. another_follows: COMMIT is sent with the next BEGIN of the row."""

    last_words: list[str] = field(default_factory=list)
    later: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    another_follows: bool = False


#: What only the door may say; savepoints, `set local` of timeouts, `set constraints` and `discard plans` remain.
_OURS_ALONE = re.compile(
    r"""(?: \s | --[^\n]*\n | /\*.*?\*/ )*
    (?: set \s+ (?! local\b | constraints\b )
      | set \s+ local \s+ (?: app\. | role\b | session\b | transaction\b | "? transaction_read_only )
      | reset\b | discard\b (?! \s+ plans \s* \Z ) | begin\b | start\b | commit\b | end\b | abort\b | prepare \s+ transaction\b
      | rollback\b (?! \s+ to\b ) )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


def engine_of(url: str, size: int, seconds: int) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=10,
        hide_parameters=True,  # a failed statement's values are patients' data, and exceptions reach logs
        isolation_level="AUTOCOMMIT",  # the door sends BEGIN and COMMIT itself, with the practice in the same message
        connect_args={"server_settings": server_settings(seconds)},
    )

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def _not_inside(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if _OURS_ALONE.match(statement) or "set_config" in statement.lower():
            raise CommitInside(
                say(
                    "Beginning, ending and setting the practice belong to the door. A plain SET would "
                    "outlive the transaction and hand one practice's context to the next borrower of "
                    "the connection."
                )
            )

    return engine


def server_settings(seconds: int) -> dict[str, str]:
    return {
        "statement_timeout": str(seconds * 1000),
        "idle_in_transaction_session_timeout": "60000",
        "lock_timeout": "4000",
        "timezone": "UTC",
        "search_path": "public",
        "application_name": "carewright",
    }


@asynccontextmanager
async def transaction(
    engine: AsyncEngine,
    context: dict[str, UUID | None],
    *,
    read_only: bool,
    snapshot: bool = False,
    ending: Ending | None = None,
    row: Row | None = None,
) -> AsyncIterator[tuple[AsyncConnection, Any]]:
    """One transaction on one pooled connection, or on that of a row; one that was interrupted is thrown away."""
    ending, row = ending or Ending(), row or Row()
    settings_sql = "".join(
        f"; set local {key} = '{UUID(str(value))}'" for key, value in context.items() if value is not None
    )
    level = "repeatable read" if snapshot else "read committed"
    begin = f"begin isolation level {level} {'read only' if read_only else 'read write'}{settings_sql}"
    connection, begun = row.connection or await engine.connect(), row.begun
    row.connection, row.begun = None, ""
    clean = False
    try:
        driver = cast(Any, connection.sync_connection).connection.driver_connection
        try:
            if begun != begin:
                await driver.execute(f"rollback; {begin}" if begun else begin)
            yield connection, driver
            if ending.another_follows:
                # Of a COMMIT with a BEGIN behind it no ROLLBACK is told. A statement before it is: where an error was
                # caught it fails, and nothing behind it is done.
                await driver.execute("; ".join([*(ending.last_words or ["select"]), "commit", begin]))
                row.connection, row.begun = connection, begin
            elif ending.later:
                await to_its_end(_commit(driver, ending.last_words, ending.later))
            else:
                await _commit(driver, ending.last_words)
        except Exception:
            # What went wrong inside is the news; that a broken connection cannot roll back is not.
            with suppress(Exception):
                await driver.execute("rollback")
                clean = not driver.is_in_transaction()
            raise
        clean = not driver.is_in_transaction()
    finally:
        # Also when cancelled, and cancelled again: a connection in doubt never goes back to the pool.
        if row.connection is connection:
            pass  # it is the next one's
        elif clean:
            # Handed back without a word to the server, so there is nothing that could be interrupted.
            await connection.close()
        else:
            await surely(throw_away(connection))


async def _commit(
    driver: Any, last_words: Sequence[str], later: Sequence[Callable[[], Awaitable[None]]] = ()
) -> None:
    ended = await driver.execute("; ".join([*last_words, "commit"]))
    if ended != "COMMIT":
        # PostgreSQL answers the COMMIT of an aborted transaction with a friendly ROLLBACK.
        raise NotCommitted("a statement failed, its error was caught, and so nothing was committed")
    for work in later:
        await work()


async def throw_away(connection: AsyncConnection) -> None:
    with suppress(Exception):
        await connection.invalidate()
    with suppress(Exception):
        await connection.close()


_finishing: set[asyncio.Task[None]] = set()


def _begun(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    _finishing.add(task)
    task.add_done_callback(_finishing.discard)
    return task


async def surely(work: Coroutine[Any, Any, None]) -> None:
    """Finish `work` even if whoever asked for it is cancelled meanwhile."""
    await asyncio.shield(_begun(work))


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """`surely`, and whoever is cancelled waits for the end of it: their connection is at work until then."""
    task = _begun(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # nobody is left to be told; the log of whoever failed has it
        raise


async def all_finished(seconds: float) -> None:
    """Wait for what must be finished though whoever asked for it has gone; no longer than that."""
    if _finishing:
        await asyncio.wait(list(_finishing), timeout=seconds)
