"""Relay: global ids, the `node` field, and pages of rows behind opaque cursors.

A room's file reads like this:

    ROW_KIND = "Patient"

    @strawberry.type
    class Patient(Node):
        name: str
        # plain attributes only; `id` comes from Node and is made once per row

    BY_NAME = Ordering("patients.by_name", str, UUID)      # the columns of its `order by`, last one unique

    async def _load(info: Info, id: UUID) -> Patient | None: ...
    node_kind("Patient", permission="patients.read", loader=_load)

    @field(permission="patients.read")
    async def patients(self, info: Info, first: First = 50, after: After = None) -> Connection[Patient]:
        cursors = BY_NAME.within(info.context.actor.tenant_id)
        async with tenant_db(info.context.actor, read_only=True) as db:
            rows = await patients_by_name(db, after=cursors.read(after), limit=rows_to_fetch(first))
        return page_from_rows(
            rows,
            first,
            cursor_of=lambda row: cursors.write(row.family_key, row.id),
            node_of=lambda row: Patient(id=global_id("Patient", row.id), name=row.name),
            after=after,
        )

and in a mutation: `patient_id = id_of("Patient", input.patient_id)`.

A global id is base64 of `Kind:uuid`. Any id that is not exactly one of ours (mangled, of another kind, made
up) is answered like a record that does not exist, by the one sentence in `server.errors.not_found`.

A cursor is a position in one ordering of one practice: the ordering columns of a row, encrypted and
authenticated (AES-SIV), because they may be a name and cursors end up in addresses and logs. A cursor that
was altered, comes from another ordering or practice, or was made under another key is a BAD_CURSOR refusal.
"""

import base64
import binascii
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from hashlib import sha256
from typing import Annotated, Any, Generic, TypeVar, cast
from uuid import UUID

import orjson
import strawberry
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from server.errors import Refused, not_found
from server.graphql.refusals import BY_KIND, field, sign_in_needed
from server.ids import parse_id

DEFAULT_PAGE = 50
LARGEST_PAGE = 200

First = Annotated[
    int, strawberry.argument(description=f"How many to return, 1 to {LARGEST_PAGE}. Default {DEFAULT_PAGE}.")
]
After = Annotated[
    str | None, strawberry.argument(description="Continue after this cursor, taken from an earlier page.")
]


# --- global ids ---------------------------------------------------------------------------------------------


@strawberry.interface(description="Anything with a global id; `node(id:)` finds it again.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Global and opaque. Keep it whole; do not take it apart."
    )


def global_id(kind: str, id: UUID) -> strawberry.ID:
    """The id clients see. kind: the GraphQL type's name."""
    return strawberry.ID(base64.b64encode(f"{kind}:{id}".encode()).decode())


def parts_of(text: str) -> tuple[str, UUID] | None:
    """(kind, id) if `text` is exactly what `global_id` would have written, else None."""
    try:
        kind, colon, id_text = (
            base64.b64decode(text.encode("ascii"), validate=True).decode("ascii").partition(":")
        )
    except (ValueError, binascii.Error):
        return None
    id = parse_id(id_text)
    # Only the canonical spelling counts: otherwise one record would have many ids.
    return (kind, id) if colon and id is not None and global_id(kind, id) == text else None


def id_of(kind: str, text: str, *, what: str | None = None) -> UUID:
    """The id inside a global id that must be of `kind`; anything else does not exist.

    what: the word people use.
    """
    parts = parts_of(text)
    if parts is None or parts[0] != kind:
        raise not_found(what or words_of(kind))
    return parts[1]


def words_of(kind: str) -> str:
    """`CareTeamMember` becomes "care team member"."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in kind).strip()


Told = TypeVar("Told")


def told(cls: type[Told], row: Any, **other: Any) -> Told:
    """A value of an API type that says what `row` says under the same names. other: what it says otherwise.

    A Node's id is made from the row's. Raises TypeError for a bare uuid: outside, every id is a global one.
    """
    if issubclass(cls, Node):
        other.setdefault("id", global_id(cls.__name__, row.id))
    made: Any = cls
    same = {name: getattr(row, name) for name in _names_of(made) if name not in other}
    if bare := [name for name, value in same.items() if isinstance(value, UUID)]:
        raise TypeError(f"{cls.__name__}.{bare[0]} would be a bare uuid")
    return cast(
        Told, made(**{name: list(v) if isinstance(v, tuple) else v for name, v in same.items()}, **other)
    )


@cache
def _names_of(cls: type[Any]) -> tuple[str, ...]:
    return tuple(each.name for each in fields(cls))


# --- node(id:) ----------------------------------------------------------------------------------------------

Loader = Callable[[strawberry.Info, UUID], Awaitable[Node | None]]


@dataclass(frozen=True, slots=True)
class NodeKind:
    """One kind of thing that `node` can find: the type's name, the permission it needs, how to load one."""

    kind: str
    permission: str
    loader: Loader


_kinds: dict[str, NodeKind] = {}


def node_kind(kind: str, permission: str, loader: Loader) -> None:
    """Let `node(id:)` find things of this kind. The loader answers None for what this actor cannot see."""
    if kind in _kinds:
        raise ValueError(f"node kind {kind!r} is already registered")
    _kinds[kind] = NodeKind(kind, permission, loader)


def node_kinds() -> tuple[NodeKind, ...]:
    """Every registered kind, by name: house tests walk it."""
    return tuple(_kinds[name] for name in sorted(_kinds))


@strawberry.type
class NodeQuery:
    """Mix into the schema's Query."""

    @field(permission=BY_KIND, description="Anything, by its global id.")
    async def node(self, info: strawberry.Info, id: strawberry.ID) -> Node | None:
        actor = info.context.actor
        if actor is None:
            raise sign_in_needed()
        parts = parts_of(id)
        kind = _kinds.get(parts[0]) if parts else None
        if parts is None or kind is None:
            raise not_found()
        actor.require(kind.permission)
        found = await kind.loader(info, parts[1])
        if found is None:
            raise not_found()
        return found


# --- cursors ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Key:
    cipher: AESSIV


def _key_from(secret: bytes) -> _Key:
    return _Key(AESSIV(sha256(b"carewright cursor key\0" + secret).digest()))


# A fresh key per process is enough for one process; several must share one, see `use_cursor_secret`.
_keys = [_key_from(os.urandom(32))]


def use_cursor_secret(secret: bytes) -> None:
    """Make cursors readable across processes and restarts.

    Call once at start with at least 32 secret bytes.
    """
    if len(secret) < 32:
        raise ValueError("a cursor secret needs at least 32 bytes")
    _keys[0] = _key_from(secret)


Position = tuple[Any, ...]


class Ordering:
    """A named order of rows: the types of its `order by` columns, of which the last is unique.

    Columns may be str, int, bool, date, datetime (with an offset), Decimal or UUID, and may be null.
    The name is part of every cursor; change it when the columns change.
    """

    def __init__(self, name: str, *columns: type) -> None:
        unknown = [c.__name__ for c in columns if c not in _READ]
        if unknown or not columns:
            raise TypeError(f"ordering {name!r} cannot be built from {unknown or 'no columns'}")
        self.name = name
        self.columns = columns

    def within(self, practice: UUID) -> "Cursors":
        """The cursors of this ordering in one practice."""
        return Cursors(self, f"{self.name}\0{practice}".encode())


@dataclass(frozen=True, slots=True)
class Cursors:
    """Reads and writes the cursors of one ordering in one practice."""

    ordering: Ordering
    bound_to: bytes

    def write(self, *values: Any) -> str:
        """The cursor of a row with these ordering columns. The same row always has the same cursor."""
        plain = orjson.dumps([_write(v) for v in values])
        return base64.urlsafe_b64encode(_keys[0].cipher.encrypt(plain, [self.bound_to])).decode().rstrip("=")

    def read(self, cursor: str | None) -> Position | None:
        """The position to continue after: one value per column.

        None without a cursor; Refused if it is not ours.
        """
        if cursor is None:
            return None
        try:
            if len(cursor) > 2_000:
                raise ValueError("too long")
            sealed = base64.b64decode(
                cursor.encode("ascii") + b"=" * (-len(cursor) % 4), b"-_", validate=True
            )
            values = orjson.loads(_keys[0].cipher.decrypt(sealed, [self.bound_to]))
            return tuple(
                None if value is None else _READ[column](value)
                for column, value in zip(self.ordering.columns, values, strict=True)
            )
        except (ValueError, TypeError, InvalidTag, InvalidOperation):
            raise Refused(
                "BAD_CURSOR",
                "This place in the list is not known: the cursor was changed, or belongs to another list.",
                "Start again from the first page.",
                field="after",
            ) from None


def _write(value: Any) -> Any:
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


_READ: dict[type, Callable[[Any], Any]] = {
    str: str,
    int: int,
    bool: bool,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    Decimal: Decimal,
    UUID: UUID,
}


# --- pages --------------------------------------------------------------------------------------------------

NodeType = TypeVar("NodeType")
Row = TypeVar("Row")


@strawberry.type(description="Where this page lies in the whole list.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="One row of a page and its place in the list.")
class Edge(Generic[NodeType]):
    cursor: str
    node: NodeType


@strawberry.type(description="One page of a list, in a stable order.")
class Connection(Generic[NodeType]):
    edges: list[Edge[NodeType]]
    page_info: PageInfo


def rows_to_fetch(first: int) -> int:
    """The `limit` for the query: one row more than asked, to learn whether another page follows."""
    if not 1 <= first <= LARGEST_PAGE:
        raise Refused(
            "BAD_PAGE_SIZE",
            f"`first` is {first}; a page holds 1 to {LARGEST_PAGE}.",
            "Ask for fewer and continue with `after`.",
            field="first",
        )
    return first + 1


def page_from_rows(
    rows: Sequence[Row],
    first: int,
    cursor_of: Callable[[Row], str],
    *,
    node_of: Callable[[Row], Any] = lambda row: row,
    after: str | None = None,
) -> Connection[Any]:
    """One page from at most `rows_to_fetch(first)` rows already in order after `after`.

    cursor_of: the cursor of a row. node_of: the GraphQL object of a row; rows are their own nodes without it.
    """
    more = len(rows) >= rows_to_fetch(first)
    edges = [Edge(cursor=cursor_of(row), node=node_of(row)) for row in rows[:first]]
    return Connection(
        edges=edges,
        page_info=PageInfo(
            has_next_page=more,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


def by_name(position: tuple[object, ...] | None) -> tuple[str, UUID] | None:
    """A cursor of a list that is in order of name and id."""
    if position is None:
        return None
    name, id = position
    if not isinstance(name, str) or not isinstance(id, UUID):
        raise TypeError("a cursor by name holds a name and an id")
    return name, id
