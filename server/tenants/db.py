"""The doors to the data. There is no other way to a database session.

`tenant_db(actor)` opens one transaction that sees one practice, because PostgreSQL says so: the practice is set
with SET LOCAL in the same message as BEGIN, and dies with the transaction. `one_transaction(actor)` makes every
`tenant_db` inside it a part of one. `auth_db()` sees only what is needed before a practice is known. `bell_db()`
sees one table that says which practices have work due.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, NoReturn
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

from server.clock import now
from server.errors import Refused
from server.ids import new_id
from server.settings import settings
from server.tenants.actor import Actor
from server.tenants.one_trip import OneTrip
from server.tenants.tables import AuditEvent
from server.tenants.transaction import (
    CommitInside,
    Ending,
    Row,
    all_finished,
    engine_of,
    server_settings,
    surely,
    throw_away,
    to_its_end,
    transaction,
)

__all__ = ["Row"]

_WEB_SECONDS = 5
WORK_SECONDS: Final = 60
"""Longest SQL statement of work that no page waits for: the worker's, and of commands that do the same work."""


class _OneTransaction(Session):
    """A session inside a transaction that someone else began and will end."""

    def commit(self) -> NoReturn:
        raise CommitInside("tenant_db() commits when its block ends; use begin_nested() for a savepoint")

    def rollback(self) -> NoReturn:
        raise CommitInside("raise to roll back; tenant_db() does the rest")

    def begin(self, nested: bool = False) -> SessionTransaction:
        # Its rollback would reach nobody: the connection is in the door's transaction, not in the session's.
        if not nested:
            raise CommitInside("the transaction has begun already; use begin_nested() for a savepoint")
        return super().begin(nested=True)


class Db(AsyncSession):
    """The session a room is given: an AsyncSession that also knows its actor, its audit notes and its bells."""

    sync_session_class = _OneTransaction

    def __init__(self, connection: AsyncConnection, driver: Any, *, read_only: bool) -> None:
        super().__init__(bind=connection, expire_on_commit=False, autoflush=True)
        self.over = connection
        self.read_only = read_only
        self.notes: list[dict[str, Any]] = []
        #: The driver's own connection, for the few statements that must be quick; it is inside this transaction too.
        self.driver = driver
        #: When the earliest job added here is due; the door sets the practice's bell to it and wakes the worker.
        self.rings: datetime | None = None
        #: Parts of this transaction (`one_transaction`) take turns: resolvers run side by side, a connection does not.
        self.turn = asyncio.Lock()
        #: Whether the block of `one_transaction` has ended: what still runs then can no longer be part of it.
        self.ended = False
        #: What `after_commit` was given.
        self.later: list[Callable[[Db], Awaitable[None]]] = []
        #: Whether the next transaction of a row follows at once.
        self.another_follows = False

    def after_commit(self, work: Callable[["Db"], Awaitable[None]]) -> None:
        """Do `work` at the sign-in door once this transaction is committed, and not at all if it is not.

        work: takes that door's session (`auth_db`); everything given here is one transaction there, finished with the
        commit even if whoever asked has gone. A crash between the two loses it, so it may only be what opens no door
        by being missing and is done when asked for again.
        """
        self.later.append(work)

    async def flush(self, objects: Sequence[Any] | None = None) -> None:
        """As always, but without the detour through a greenlet when there is nothing to write."""
        if self.new or self.deleted or self.dirty:
            await super().flush(objects)

    def note(
        self,
        actor: Actor,
        action: str,
        *,
        entity: str,
        entity_ids: Sequence[UUID] = (),
        patient_ids: Sequence[UUID] = (),
        effect: str = "read",
        **details: Any,
    ) -> None:
        """Remember that `actor` saw or did something; the door writes all notes of the transaction at once."""
        self.notes.append(
            {
                "id": new_id(),
                "tenant_id": actor.tenant_id,
                "at": now(),
                "staff_id": actor.staff_id,
                "role": actor.role,
                "via": actor.via,
                "request_id": actor.request_id,
                "action": action,
                "effect": effect,
                "patient_ids": list(dict.fromkeys(patient_ids)),
                "entity": entity,
                "entity_ids": list(dict.fromkeys(entity_ids)),
                "details": details,
            }
        )


@dataclass(frozen=True, slots=True)
class _Around:
    """The transaction that the doors opened in this context become parts of."""

    doors: "Doors"
    tenant_id: UUID
    db: Db


_around: ContextVar[_Around | None] = ContextVar("around", default=None)


class Doors:
    """The three pools of one process. Made at start, closed at the end; tests make their own."""

    def __init__(
        self, app_url: str, auth_url: str, bell_url: str, *, pool_size: int = 10, seconds: int = _WEB_SECONDS
    ):
        self._made_of = (app_url, auth_url, bell_url, pool_size)
        self._app = engine_of(app_url, pool_size, seconds) if app_url else None
        self._auth = engine_of(auth_url, pool_size, seconds) if auth_url else None
        self._bell = engine_of(bell_url, 2, seconds) if bell_url else None
        self._one_trip = OneTrip(app_url, server_settings(seconds)) if app_url else None

    async def glance(self, tenant_id: UUID, question: str, *values: Any) -> Sequence[Any]:
        """One read-only statement in one round trip, about a practice and no patient: nothing is written down.

        Rows by name. question: `select ... from here join staff s on s.tenant_id = here.tenant_id where ... = $2`.
        """
        if self._one_trip is None:
            raise RuntimeError("the app door is not open in this process")
        return await self._one_trip.ask(tenant_id, question, *values)

    def for_work(self) -> "Doors":
        """Doors to the same data whose statements may take as long as work may."""
        app_url, auth_url, bell_url, pool_size = self._made_of
        return Doors(app_url, auth_url, bell_url, pool_size=pool_size, seconds=WORK_SECONDS)

    async def close(self) -> None:
        await all_finished(_WEB_SECONDS)
        if self._one_trip is not None:
            await self._one_trip.close()
        for engine in (self._app, self._auth, self._bell):
            if engine is not None:
                await engine.dispose()

    @asynccontextmanager
    async def tenant(
        self, actor: Actor, *, read_only: bool = False, snapshot: bool = False, row: Row | None = None
    ) -> AsyncIterator[Db]:
        if not isinstance(actor, Actor) or not isinstance(actor.tenant_id, UUID):
            raise TypeError("tenant_db() needs an actor with a practice")
        around = _around.get()
        if around is not None and around.doors is self:
            async with self._part(around, actor, read_only=read_only) as part:
                yield part
            return
        context = {"app.tenant_id": actor.tenant_id, "app.staff_id": actor.staff_id}
        engine = _open(self._app, "app")
        db: Db
        ending = Ending()
        try:
            async with transaction(
                engine, context, read_only=read_only, snapshot=snapshot, ending=ending, row=row
            ) as (connection, driver):
                db = Db(connection, driver, read_only=read_only)
                try:
                    yield db
                    if not read_only:
                        await db.flush()
                        ending.last_words += await _write_notes(connection, db.notes)
                        ending.last_words += _ring_for(actor.tenant_id, db.rings)
                    if db.later:
                        ending.later.append(partial(self._do_later, db.later))
                    ending.another_follows = db.another_follows and row is not None and not db.later
                finally:
                    await _forget(db)
        except Refused:
            # What was rolled back did not happen; that someone was turned away did, and is written down.
            await self._write_apart(engine, context, [n for n in db.notes if n["effect"] == "refused"])
            raise
        if read_only:
            # Reads ran in a read-only transaction; what was seen is written down before the answer leaves.
            await self._write_apart(engine, context, db.notes)
        if db.rings:
            await ring()

    async def _do_later(self, later: Sequence[Callable[[Db], Awaitable[None]]]) -> None:
        async with self.auth() as auth:
            for work in later:
                await work(auth)

    @asynccontextmanager
    async def in_a_row(self) -> AsyncIterator[Row]:
        """For `tenant(actor, row=row)`. A transaction that was begun and then not wanted is undone at the end."""
        row = Row()
        try:
            yield row
        finally:
            if row.connection is not None:
                await surely(throw_away(row.connection))

    @asynccontextmanager
    async def one(self, actor: Actor) -> AsyncIterator[Db]:
        async with self.tenant(actor) as db:
            token = _around.set(_Around(self, actor.tenant_id, db))
            try:
                yield db
                async with db.turn:  # a part that somebody left running ends first
                    db.ended = True
            finally:
                db.ended = True
                _around.reset(token)

    @asynccontextmanager
    async def _part(self, around: _Around, actor: Actor, *, read_only: bool) -> AsyncIterator[Db]:
        """What would be a transaction of its own, as a savepoint of the one around it: a session of its own, undone
        alone when it raises, its notes and bells handed on when it does not."""
        if actor.tenant_id != around.tenant_id:
            raise RuntimeError("one transaction is one practice's")
        async with around.db.turn:
            if around.db.ended:
                raise RuntimeError("the transaction this would be a part of has ended already")
            driver = around.db.driver
            # PostgreSQL lifts what a savepoint made read only when the savepoint ends, either way.
            await driver.execute("savepoint part" + ("; set local transaction_read_only = on" * read_only))
            db = Db(around.db.over, driver, read_only=read_only)
            token = _around.set(_Around(self, actor.tenant_id, db))
            try:
                yield db
                if not read_only:
                    await db.flush()
                await driver.execute("release savepoint part")
            except BaseException as error:
                # Also when cancelled: half a part must not be committed with the rest.
                await to_its_end(_undo_part(driver))
                if isinstance(error, Refused):
                    around.db.notes += [n for n in db.notes if n["effect"] == "refused"]
                raise
            finally:
                _around.reset(token)
                await _forget(db)
        around.db.notes += db.notes
        around.db.later += db.later
        around.db.rings = min((r for r in (around.db.rings, db.rings) if r is not None), default=None)

    async def _write_apart(
        self, engine: AsyncEngine, context: dict[str, UUID | None], notes: list[dict[str, Any]]
    ) -> None:
        if notes:
            ending = Ending()
            async with transaction(engine, context, read_only=False, ending=ending) as (connection, _):
                ending.last_words += await _write_notes(connection, notes)

    @asynccontextmanager
    async def auth(self) -> AsyncIterator[Db]:
        async with transaction(_open(self._auth, "auth"), {}, read_only=False) as (connection, driver):
            db = Db(connection, driver, read_only=False)
            try:
                yield db
                await db.flush()
            finally:
                await _forget(db)

    @asynccontextmanager
    async def bell(self) -> AsyncIterator[AsyncConnection]:
        async with transaction(_open(self._bell, "bell"), {}, read_only=False) as (connection, _):
            yield connection

    async def check_roles(self) -> None:
        """Refuse to start as a role that could see past the policies or change the schema."""
        for name, engine in (("app", self._app), ("auth", self._auth), ("bell", self._bell)):
            if engine is None:
                continue
            async with transaction(engine, {}, read_only=True) as (connection, _):
                found = (await connection.execute(text(_POWERS))).one()
            if any(found):
                raise RuntimeError(
                    f"The {name} role is too strong (superuser {found[0]}, bypasses policies {found[1]}, "
                    f"owns tables {found[2]}, may create {found[3]}). Run the migrations, which make the right "
                    "roles, and use their addresses."
                )


_POWERS = """
select rolsuper, rolbypassrls,
       exists(select from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where c.relowner = r.oid and n.nspname = 'public'),
       has_schema_privilege(current_user, 'public', 'create')
from pg_roles r where rolname = current_user
"""


def _open(engine: AsyncEngine | None, name: str) -> AsyncEngine:
    if engine is None:
        raise RuntimeError(f"the {name} door is not open in this process")
    return engine


async def _undo_part(driver: Any) -> None:
    with suppress(Exception):  # then the connection is broken, and COMMIT will say so
        await driver.execute("rollback to savepoint part; release savepoint part")


async def _forget(db: Db) -> None:
    # Session.close() on an AUTOCOMMIT connection sends nothing: the transaction is the door's to end. So it never
    # waits, and nobody can cancel it half way. A session that nothing was asked of has nothing to forget.
    if db.in_transaction() or len(db.identity_map) or db.new:
        await AsyncSession.close(db)


async def _write_notes(connection: AsyncConnection, notes: list[dict[str, Any]]) -> list[str]:
    """Write the audit's events; what is returned goes with COMMIT and tells the sealer about them."""
    if not notes:
        return []
    await connection.execute(insert(AuditEvent), notes)
    marks = ", ".join(f"('{UUID(str(n['tenant_id']))}', '{UUID(str(n['id']))}')" for n in notes)
    return [f"insert into audit_unsealed (tenant_id, event_id) values {marks}"]  # noqa: S608 - ids only


def _ring_for(tenant_id: UUID, due_at: datetime | None) -> list[str]:
    """What sets the practice's bell. With COMMIT, because every job of the practice wants this one row."""
    if due_at is None:
        return []
    return [
        f"insert into bell (tenant_id, due_at) values ('{UUID(str(tenant_id))}', '{due_at.isoformat()}') "  # noqa: S608 - an id and an instant
        "on conflict (tenant_id) do update set due_at = least(bell.due_at, excluded.due_at)"
    ]


# --- the process's own doors ----------------------------------------------------------------------------------

_doors: Doors | None = None
_ringer: list[Any] = []


def open_doors(doors: Doors | None = None) -> Doors:
    """Open this process's doors from the settings (or take the given ones)."""
    global _doors  # noqa: PLW0603 - one process, one set of pools
    s = settings()
    _doors = doors or Doors(
        s.app_url, s.auth_url, s.bell_url, pool_size=int(s.pool_size), seconds=int(s.statement_seconds)
    )
    return _doors


def doors() -> Doors:
    if _doors is None:
        raise RuntimeError("the doors are not open: call open_doors() when the process starts")
    return _doors


@asynccontextmanager
async def doors_for_work() -> AsyncIterator[Doors]:
    """While inside, this process's doors are ones whose statements may take as long as work may. For commands."""
    before = doors()
    mine = open_doors(before.for_work())
    try:
        yield mine
    finally:
        open_doors(before)
        await mine.close()


def tenant_db(actor: Actor, *, read_only: bool = False, snapshot: bool = False) -> Any:
    """`async with tenant_db(actor) as db:` one transaction in the actor's practice.

    Commits when the block ends, rolls back when it raises, then rings the worker if jobs were added. Audit notes
    are written in the same transaction, or, for reads, in a short second one before this returns. snapshot: all its
    statements see one moment; for reads, because a write that meets another's would fail.
    """
    return doors().tenant(actor, read_only=read_only, snapshot=snapshot)


def one_transaction(actor: Actor) -> Any:
    """`async with one_transaction(actor) as db:` every `tenant_db` opened inside, here or further down, is part of it.

    All of them commit together when the block ends, or none does; each still undoes itself alone when it refuses.
    What goes through another door (`auth_db`) is not part of it; what must wait for the commit is given to
    `db.after_commit`.
    """
    return doors().one(actor)


async def glance(tenant_id: UUID, question: str, *values: Any) -> Sequence[Any]:
    """What a practice's own rows say, in one round trip; see `Doors.glance`."""
    return await doors().glance(tenant_id, question, *values)


def auth_db() -> Any:
    """`async with auth_db() as db:` logins, sessions, links, tokens, mail and the directory of practices."""
    return doors().auth()


def bell_db() -> Any:
    """`async with bell_db() as connection:` the one table that says which practices have work due."""
    return doors().bell()


def on_ring(callback: Any) -> None:
    """Set what wakes the worker after a commit that added jobs. Best effort: the sweep finds them anyway."""
    _ringer[:] = [callback]


async def ring() -> None:
    for callback in _ringer:
        with suppress(Exception):  # losing a ring loses nothing: the sweep comes every second
            await callback()
