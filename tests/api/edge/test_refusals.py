"""Declaring permissions, and how `Refused` travels."""

from typing import Any

import pytest
import strawberry
from graphql import GraphQLError

from server.errors import Refused
from server.graphql.refusals import (
    BY_KIND,
    PUBLIC,
    GuardedSchema,
    UndeclaredPermission,
    declarations,
    described,
    field,
    lone_mutations,
    mutation,
    permissions,
    refusal_of,
    subscription,
)


@strawberry.type
class Thing:
    name: str


@strawberry.type
class Other:
    size: int


@strawberry.type
class Query:
    @field(permission="things.read", name="things", description="All of them.", deprecation_reason="Old.")
    async def the_things(self) -> list[Thing]:
        return [Thing(name="a")]


class Actor:
    def __init__(self, *rights: str) -> None:
        self.rights = rights

    def require(self, permission: str) -> None:
        if permission not in self.rights:
            raise Refused("NOT_ALLOWED", "No.", "Ask.")


def context(*rights: str) -> Any:
    return type("Context", (), {"actor": Actor(*rights)})()


def test_a_root_field_without_a_permission_stops_the_schema() -> None:
    @strawberry.type
    class Bare(Query):
        plain: int = 1

        @strawberry.field
        def naked(self) -> int:
            return 1

    @strawberry.type
    class BareMutation:
        @strawberry.mutation
        def undeclared(self) -> int:
            return 1

    with pytest.raises(UndeclaredPermission, match=r"Bare\.plain, Bare\.naked, BareMutation\.undeclared"):
        GuardedSchema(Bare, BareMutation)


def test_every_declaration_can_be_listed(schema: Any) -> None:
    listed = permissions(schema)
    assert listed["Query.node"] == BY_KIND
    assert listed["Query.people"] == "people.read"
    assert listed["Mutation.registerPerson"] == "people.write"
    assert listed["Mutation.requestReset"] == PUBLIC
    assert listed["Subscription.ticks"] == "people.read"
    core = schema._schema
    roots = (core.query_type, core.mutation_type, core.subscription_type)
    assert set(listed) == {f"{root.name}.{name}" for root in roots for name in root.fields}
    assert lone_mutations(schema) == {"requestReset"}
    assert declarations(schema)["Mutation.requestReset"].alone


def test_a_mutation_is_widened_to_a_union_named_after_it() -> None:
    @strawberry.type
    class Mutation:
        @mutation(permission=PUBLIC, description="Makes one.")
        async def make_thing(self) -> Thing:
            return Thing(name="a")

        @mutation(permission=PUBLIC, name="makeEither")
        def either(self) -> Thing | Other:
            return Other(size=1)

    sdl = GuardedSchema(Query, Mutation).as_str()
    assert GuardedSchema(Query, Mutation).as_str() == sdl  # and again from the same types
    assert "union MakeThingResult = Thing | Refusal" in sdl
    assert "union MakeEitherResult = Thing | Other | Refusal" in sdl
    assert "makeThing: MakeThingResult\n" in sdl
    assert '"""All of them."""\n  things: [Thing!] @deprecated(reason: "Old.")' in sdl


@pytest.mark.parametrize("answer", [int, list[Thing], Thing | None])
def test_a_mutation_must_return_something_a_refusal_can_stand_beside(answer: Any) -> None:
    async def make(self: Any) -> Any: ...

    make.__annotations__["return"] = answer
    Mutation = strawberry.type(type("Mutation", (), {"make": mutation(permission=PUBLIC)(make)}))
    with pytest.raises(TypeError, match="must return an object type"):
        GuardedSchema(Query, Mutation).as_str()


@pytest.mark.parametrize("is_async", [True, False])
async def test_refusals_in_mutations_are_members_sync_and_async(is_async: bool) -> None:
    if is_async:

        async def make(self: Any, name: str) -> Thing:
            if name == "no":
                raise Refused("TAKEN", "It is taken.", "Choose another.", field="first_name")
            return Thing(name=name)
    else:

        def make(self: Any, name: str) -> Thing:  # type: ignore[misc]
            if name == "no":
                raise Refused("TAKEN", "It is taken.", "Choose another.", field="first_name")
            return Thing(name=name)

    Mutation = strawberry.type(type("Mutation", (), {"make": mutation(permission="things.make")(make)}))
    schema = GuardedSchema(Query, Mutation)
    query = "mutation($n: String!) { make(name: $n) { ... on Thing { name } ... on Refusal { code nextStep field } } }"
    made = await schema.execute(query, {"n": "yes"}, context_value=context("things.make"))
    assert made.data == {"make": {"name": "yes"}}
    refused = await schema.execute(query, {"n": "no"}, context_value=context("things.make"))
    assert refused.data == {"make": {"code": "TAKEN", "nextStep": "Choose another.", "field": "firstName"}}
    demoted = await schema.execute(query, {"n": "yes"}, context_value=context())
    assert demoted.data == {"make": {"code": "NOT_ALLOWED", "nextStep": "Ask.", "field": None}}


async def test_a_permission_is_asked_before_the_resolver_runs() -> None:
    ran: list[str] = []

    @strawberry.type
    class Guarded:
        @field(permission="things.read")
        def sync(self) -> int:
            ran.append("sync")
            return 1

        @field(permission="things.read")
        async def later(self) -> int:
            ran.append("later")
            return 1

    schema = GuardedSchema(Guarded)
    refused = await schema.execute("{ sync later }", context_value=context())
    assert refused.data == {"sync": None, "later": None}
    assert [e.original_error.code for e in refused.errors or []] == ["NOT_ALLOWED"] * 2  # type: ignore[union-attr]
    assert ran == []
    assert (await schema.execute("{ sync later }", context_value=context("things.read"))).data == {
        "sync": 1,
        "later": 1,
    }


async def test_one_failure_leaves_the_neighbours_answer() -> None:
    @strawberry.type
    class Mutation:
        @mutation(permission=PUBLIC)
        async def first(self) -> Thing:
            return Thing(name="done")

        @mutation(permission=PUBLIC)
        async def second(self) -> Thing:
            raise RuntimeError("ours")

    result = await GuardedSchema(Query, Mutation).execute(
        "mutation { first { ... on Thing { name } } second { __typename } }"
    )
    assert result.data == {"first": {"name": "done"}, "second": None}


async def test_a_subscription_is_refused_before_it_starts() -> None:
    from collections.abc import AsyncGenerator

    started: list[int] = []

    @strawberry.type
    class Subscription:
        @subscription(permission="things.read")
        async def ticks(self) -> AsyncGenerator[int, None]:
            started.append(1)
            yield 1

    schema = GuardedSchema(Query, subscription=Subscription)
    results = [r async for r in await schema.subscribe("subscription { ticks }", context_value=context())]
    assert [e.original_error.code for e in results[0].errors] == ["NOT_ALLOWED"]
    assert started == []
    results = [
        r
        async for r in await schema.subscribe("subscription { ticks }", context_value=context("things.read"))
    ]
    assert [r.data for r in results] == [{"ticks": 1}]


def test_the_member_spells_the_field_as_the_schema_does() -> None:
    assert refusal_of(Refused("A", "b", "c", field="started_at")).field == "startedAt"
    assert refusal_of(Refused("A", "b")).field is None


@pytest.mark.parametrize(
    "error",
    [
        GraphQLError("Mrs Secret", path=["a"]),  # raised by nobody who reads arguments
        GraphQLError("Mrs Secret", path=["a"], original_error=ValueError("Mrs Secret")),
        GraphQLError("Mrs Secret", original_error=KeyError("Mrs Secret")),
        GraphQLError("x", original_error=GraphQLError("y", original_error=RuntimeError("Mrs Secret"))),
    ],
)
def test_what_is_not_known_to_be_the_clients_is_masked(error: GraphQLError) -> None:
    logged: list[Any] = []
    shown = described(error, lambda *both: logged.append(both))
    assert "Secret" not in str(shown)
    assert shown["extensions"]["code"] == "INTERNAL"
    assert len(logged) == 1
