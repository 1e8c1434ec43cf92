"""A small schema of its own, with two practices in memory, behind the real edge: nothing here needs a database."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import strawberry
from graphql import OperationType
from litestar import Litestar
from litestar.testing import TestClient
from strawberry.schema.config import StrawberryConfig

from server.errors import Refused, forbidden
from server.graphql.connections import (
    After,
    Connection,
    First,
    Node,
    NodeQuery,
    Ordering,
    global_id,
    id_of,
    node_kind,
    page_from_rows,
    rows_to_fetch,
)
from server.graphql.handler import from_our_pages, graphql_routes, known_origin
from server.graphql.refusals import PUBLIC, GuardedSchema, field, mutation, sign_in_needed, subscription
from server.graphql.scalars import SCALARS, Line, LongText, Minutes, Seconds, ShortText, Text

OURS = "https://care.example.org"
LAKESIDE, HILLCREST = UUID(int=1), UUID(int=2)
BY_NAME = Ordering("people.by_name", str, UUID)
SECRET_WORDS = "Mrs Secret said"


@dataclass
class Actor:
    tenant_id: UUID
    rights: frozenset[str]

    def require(self, permission: str) -> None:
        if permission not in self.rights:
            raise forbidden()


@dataclass
class World:
    """Everything outside the edge: two practices' people, who is signed in, what was logged and scoped."""

    people: dict[UUID, dict[UUID, str]] = attribute(default_factory=dict)
    sessions: dict[str, Actor] = attribute(default_factory=dict)
    logged: list[tuple[str, BaseException]] = attribute(default_factory=list)
    scopes: list[str] = attribute(default_factory=list)
    registered: list[str] = attribute(default_factory=list)
    guesses: int = 0
    context_fails: bool = False
    scope_fails: bool = False
    live: int = 0  # subscriptions whose generator is open
    stopped: list[str] = attribute(default_factory=list)  # resolvers that were cut short


@dataclass
class Context:
    actor: Actor | None
    world: World
    token: str


Info = strawberry.Info[Context, Any]


@strawberry.type
class Visit(Node):
    on: date
    note: str


@strawberry.type
class Person(Node):
    name: str
    born: date
    owed: Decimal
    seen_at: datetime
    visits: list[Visit]

    @strawberry.field
    def friends(self, info: Info, first: First = 50, after: After = None) -> Connection["Person"]:
        return _page(info, first, after)


def _person(info: Info, id: UUID, name: str) -> Person:
    return Person(
        id=global_id("Person", id),
        name=name,
        born=date(1950, 2, 28),
        owed=Decimal("12.50"),
        seen_at=datetime(2026, 10, 31, 10, 0, tzinfo=timezone(timedelta(hours=-4))),
        visits=[Visit(id=global_id("Visit", id), on=date(2026, 1, 2), note="seen")],
    )


def _mine(info: Info) -> dict[UUID, str]:
    assert info.context.actor is not None
    return info.context.world.people[info.context.actor.tenant_id]


def _page(info: Info, first: int, after: str | None) -> Connection[Person]:
    assert info.context.actor is not None
    cursors = BY_NAME.within(info.context.actor.tenant_id)
    position = cursors.read(after)
    rows = sorted((name, id) for id, name in _mine(info).items())
    if position is not None:
        rows = [row for row in rows if row > position]
    return page_from_rows(
        rows[: rows_to_fetch(first)],
        first,
        cursor_of=lambda row: cursors.write(*row),
        node_of=lambda row: _person(info, row[1], row[0]),
        after=after,
    )


async def _load(info: Info, id: UUID) -> Person | None:
    name = _mine(info).get(id)
    return _person(info, id, name) if name is not None else None


@strawberry.input
class Deep:
    name: Line
    inner: "Deep | None" = None


@strawberry.input
class Everything:
    line: Line | None = None
    short: ShortText | None = None
    text: Text | None = None
    long: LongText | None = None
    day: date | None = None
    moment: datetime | None = None
    amount: Decimal | None = None
    minutes: Minutes | None = None
    seconds: Seconds | None = None
    whole: int | None = None
    ratio: float | None = None
    yes: bool | None = None
    id: strawberry.ID | None = None
    many: list[Line] | None = None
    deep: Deep | None = None


@strawberry.type
class Query(NodeQuery):
    @field(permission="people.read")
    async def people(self, info: Info, first: First = 50, after: After = None) -> Connection[Person]:
        return _page(info, first, after)

    @field(permission="people.read")
    async def person(self, info: Info, id: strawberry.ID) -> Person:
        found = await _load(info, id_of("Person", id))
        if found is None:
            raise Refused("NOT_FOUND", "There is no such person in this practice.", "Check the link.")
        return found

    @field(permission=PUBLIC)
    def hello(self, name: Line | None = None) -> str:
        return f"hello {name or 'you'}"

    @field(permission="books.read")
    async def books(self) -> int:
        return 1

    @field(permission=PUBLIC)
    async def echo(self, input: Everything) -> str:
        return repr(input)

    @field(permission=PUBLIC)
    async def broken(self) -> str:
        raise RuntimeError(SECRET_WORDS)

    @field(permission=PUBLIC)
    async def nothing(self) -> str:
        return None  # type: ignore[return-value]

    @field(permission=PUBLIC)
    async def not_writable(self) -> datetime:
        return datetime(2026, 1, 1)  # no offset: a bug of ours

    @field(permission=PUBLIC)
    async def half_character(self) -> str:
        return "\ud800"

    @field(permission=PUBLIC)
    async def slow(self, info: Info) -> str:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            info.context.world.stopped.append("slow")
            raise
        return "done"


@strawberry.type
class ResetRequested:
    sent: bool


@strawberry.type
class Mutation:
    @mutation(permission="people.write")
    async def register_person(self, info: Info, name: Line, born: date) -> Person:
        if name == "Twice":
            raise Refused(
                "ALREADY_HERE", f"{name} is already registered.", "Open the person.", field="given_names"
            )
        info.context.world.registered.append(name)
        return _person(info, UUID(int=77), name)

    @mutation(permission=PUBLIC, alone=True)
    async def request_reset(self, info: Info, email: Line) -> ResetRequested:
        info.context.world.guesses += 1
        return ResetRequested(sent=True)


@strawberry.type
class Subscription:
    @subscription(permission="people.read")
    async def ticks(self, info: Info, upto: int = 3) -> AsyncGenerator[int, None]:
        info.context.world.live += 1
        try:
            for n in range(upto):
                yield n
                await asyncio.sleep(0.005)
        finally:
            info.context.world.live -= 1

    @subscription(permission="people.read")
    async def failing(self) -> AsyncGenerator[int, None]:
        yield 1
        raise RuntimeError(SECRET_WORDS)

    @subscription(permission="books.read")
    async def closed_books(self) -> AsyncGenerator[int, None]:
        yield 1


node_kind("Person", permission="people.read", loader=_load)


@pytest.fixture(scope="session")
def schema() -> GuardedSchema:
    return GuardedSchema(
        Query,
        Mutation,
        Subscription,
        config=StrawberryConfig(scalar_map=dict(SCALARS), disable_field_suggestions=True),
    )


@pytest.fixture
def world() -> World:
    world = World()
    world.people = {
        practice: {UUID(int=practice.int * 1000 + n): f"{word} {n:03}" for n in range(120)}
        for practice, word in ((LAKESIDE, "Lake"), (HILLCREST, "Hill"))
    }
    rights = frozenset({"people.read", "people.write"})
    world.sessions = {"lake": Actor(LAKESIDE, rights), "hill": Actor(HILLCREST, rights)}
    return world


@pytest.fixture
def app_of(schema: GuardedSchema, world: World) -> Callable[..., Litestar]:
    """Makes the app; keyword arguments reach `graphql_routes`."""

    async def context_for(connection: Any, params: Mapping[str, Any]) -> Context:
        if world.context_fails:
            raise ConnectionError(SECRET_WORDS)
        token = connection.headers.get("authorization", "").removeprefix("Bearer ") or params.get("token", "")
        if token == "expired" or (token and token not in world.sessions):
            raise sign_in_needed()
        return Context(world.sessions.get(token), world, token)

    async def still_allowed(context: Context) -> bool:
        return context.token in world.sessions

    @asynccontextmanager
    async def scope(context: Context, kind: OperationType) -> AsyncIterator[None]:
        world.scopes.append(f"{kind.value} begins")
        try:
            yield
        except BaseException:
            world.scopes.append(f"{kind.value} undone")
            raise
        if world.scope_fails:
            raise ConnectionError(SECRET_WORDS)
        world.scopes.append(f"{kind.value} ends")

    def build(**options: Any) -> Litestar:
        routes = graphql_routes(
            schema,
            context_for,
            same_site=from_our_pages({OURS}),
            known_origin=known_origin({OURS}),
            still_allowed=still_allowed,
            scope=scope,
            log_error=lambda reference, error: world.logged.append((reference, error)),
            **options,
        )
        return Litestar(route_handlers=routes, logging_config=None)

    return build


class Client(TestClient[Litestar]):
    """Asks as somebody of Lakeside unless told otherwise."""

    def ask(
        self, query: str, variables: dict[str, Any] | None = None, *, token: str = "lake", **more: Any
    ) -> Any:
        """The HTTP answer to one request."""
        body: dict[str, Any] = {"query": query, **more}
        if variables is not None:
            body["variables"] = variables
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.post("/graphql", json=body, headers=headers)

    def send_raw(self, body: bytes, *, token: str = "lake", **headers: str) -> Any:
        """The HTTP answer to a raw body."""
        sent = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        return self.post("/graphql", content=body, headers=sent)


@pytest.fixture
def client(app_of: Callable[..., Litestar]) -> Client:
    with Client(app_of(), raise_server_exceptions=False) as client:
        yield client
