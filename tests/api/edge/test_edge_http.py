"""The POST route: what it takes, whom it lets in, how it runs things, and what it says when they fail."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from graphql import GraphQLError
from litestar import Litestar
from litestar.testing import TestClient

from server.graphql.edge import Introspection
from server.graphql.refusals import log_without_words

OURS = "https://care.example.org"
SECRET_WORDS = "Mrs Secret said"


def code(answer: Any) -> str:
    """The code of the only error."""
    (error,) = answer.json()["errors"]
    assert error["message"]
    assert error["extensions"]["nextStep"]
    return str(error["extensions"]["code"])


# --- the envelope


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_only_post(client: Any, world: Any, method: str) -> None:
    answer = client.request(method, "/graphql", params={"query": "{hello}"})
    assert (answer.status_code, code(answer), answer.headers["allow"]) == (405, "POST_ONLY", "POST")
    assert world.scopes == []


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/graphql",
     "application/json; charset=utf-16", "application/jsonx", "text/plain; application/json"],
)  # fmt: skip
def test_only_json(client: Any, world: Any, content_type: str) -> None:
    answer = client.send_raw(b'{"query":"{hello}"}', Content_Type=content_type)
    assert (answer.status_code, code(answer)) == (415, "NOT_JSON")
    assert world.scopes == []


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"'],
)
def test_json_by_its_other_names(client: Any, content_type: str) -> None:
    assert client.send_raw(b'{"query":"{hello}"}', Content_Type=content_type).json()["data"] == {
        "hello": "hello you"
    }


def test_compressed_bodies_are_not_opened(client: Any) -> None:
    answer = client.send_raw(b"\x1f\x8b", Content_Encoding="gzip")
    assert (answer.status_code, code(answer)) == (415, "NOT_JSON")


def test_a_body_too_large_is_cut_off_while_it_arrives(client: Any) -> None:
    sent = 0

    def endless() -> Any:
        nonlocal sent
        for _ in range(64):
            sent += 64 * 1024
            yield b" " * 64 * 1024

    answer = client.post("/graphql", content=endless(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, code(answer)) == (413, "BODY_TOO_LARGE")


def test_a_mangled_content_length(client: Any) -> None:
    answer = client.send_raw(b'{"query":"{hello}"}', Content_Length="many")
    assert answer.status_code == 400


async def test_a_body_that_dawdles(app_of: Callable[..., Litestar]) -> None:
    app = app_of(body_seconds=0.05)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(5)
        return {"type": "http.request", "body": b"", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/graphql", "raw_path": b"/graphql", "query_string": b"",
        "headers": [(b"content-type", b"application/json")], "http_version": "1.1", "scheme": "http", "root_path": "",
        "client": ("127.0.0.1", 1), "server": ("test", 80), "asgi": {"version": "3.0"}, "extensions": {}, "app": app,
    }  # fmt: skip
    await app(scope, receive, send)
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["errors"][0]["extensions"]["code"] == "BODY_TOO_SLOW"


async def test_a_client_that_leaves_half_way(app_of: Callable[..., Litestar], world: Any) -> None:
    app = app_of()
    sent: list[dict[str, Any]] = []
    events = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/graphql", "raw_path": b"/graphql", "query_string": b"",
        "headers": [(b"content-type", b"application/json")], "http_version": "1.1", "scheme": "http", "root_path": "",
        "client": ("127.0.0.1", 1), "server": ("test", 80), "asgi": {"version": "3.0"}, "extensions": {}, "app": app,
    }  # fmt: skip
    await app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert world.logged == []


def test_answers_are_never_stored_and_name_their_type(client: Any) -> None:
    answer = client.ask("{ hello }")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    newer = client.post(
        "/graphql", json={"query": "{hello}"}, headers={"Accept": "application/graphql-response+json"}
    )
    assert newer.headers["content-type"] == "application/graphql-response+json"


def test_the_cost_is_told(client: Any) -> None:
    answer = client.ask("query($n: Int!) { people(first: $n) { edges { node { name } } } }", {"n": 100})
    assert answer.json()["extensions"] == {"cost": {"requested": 1 + 1 + 100 * 2, "limit": 20_000}}


# --- who, and from where


def test_somebody_without_a_session_meets_a_401(client: Any, world: Any) -> None:
    answer = client.ask("{ hello }", token="expired")
    assert (answer.status_code, code(answer), answer.headers["www-authenticate"]) == (
        401,
        "SIGN_IN_NEEDED",
        "Bearer",
    )
    assert world.scopes == []


def test_nobody_may_use_public_fields_and_no_others(client: Any) -> None:
    assert client.ask("{ hello }", token="").json()["data"] == {"hello": "hello you"}
    answer = client.ask("{ people { edges { cursor } } }", token="")
    assert (answer.status_code, code(answer), answer.json()["data"]) == (
        200,
        "SIGN_IN_NEEDED",
        {"people": None},
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "https://evil.example"}, 200),  # nothing to be stolen: no cookie
        ({"Cookie": "session=1"}, 403),
        ({"Cookie": "session=1", "Origin": OURS}, 200),
        ({"Cookie": "session=1", "Origin": "https://evil.example"}, 403),
        ({"Cookie": "session=1", "Origin": "null"}, 403),
        ({"Cookie": "session=1", "Origin": OURS + ".evil.example"}, 403),
        ({"Cookie": "session=1", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Cookie": "session=1", "Sec-Fetch-Site": "none"}, 200),
        ({"Cookie": "session=1", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Cookie": "session=1", "Sec-Fetch-Site": "cross-site", "Origin": OURS}, 403),
    ],
)
def test_cookies_count_only_from_our_pages(
    client: Any, world: Any, headers: dict[str, str], status: int
) -> None:
    answer = client.post(
        "/graphql",
        json={"query": 'mutation { requestReset(email: "a@b.c") { __typename } }'},
        headers=headers,
    )
    assert answer.status_code == status
    assert world.guesses == (status == 200)
    if status == 403:
        assert code(answer) == "FOREIGN_PAGE"


@pytest.mark.parametrize(
    ("policy", "stranger", "staff"),
    [
        (Introspection.NOBODY, False, False),
        (Introspection.SIGNED_IN, False, True),
        (Introspection.EVERYONE, True, True),
    ],
)
def test_who_may_introspect(
    app_of: Callable[..., Litestar], policy: Introspection, stranger: bool, staff: bool
) -> None:
    with TestClient(app_of(introspection=policy)) as http:
        for headers, allowed in (({}, stranger), ({"Authorization": "Bearer lake"}, staff)):
            body = {"query": '{ __type(name: "Person") { name } }'}
            answer = http.post("/graphql", json=body, headers=headers)
            assert (answer.status_code == 200) is allowed
            if not allowed:
                assert code(answer) == "INTROSPECTION_OFF"


def test_one_practice_sees_nothing_of_the_other(client: Any) -> None:
    query = "{ people(first: 200) { edges { node { id name } } } }"
    lake, hill = (
        client.ask(query, token=token).json()["data"]["people"]["edges"] for token in ("lake", "hill")
    )
    assert len(lake) == len(hill) == 120
    foreign = hill[0]["node"]["id"]
    ghost = "UGVyc29uOjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwOQ=="
    for field in ("node", "person"):
        answers = [client.ask(f'{{ {field}(id: "{id}") {{ id }} }}').text for id in (foreign, ghost)]
        assert answers[0] == answers[1].replace(ghost, foreign)
        assert "NOT_FOUND" in answers[0]


# --- running


def test_a_query_and_its_scope(client: Any, world: Any) -> None:
    assert client.ask("{ hello }").status_code == 200
    assert world.scopes == ["query begins", "query ends"]


def test_a_mutation_and_its_refusal(client: Any, world: Any) -> None:
    query = (
        'mutation($name: Line!) { registerPerson(name: $name, born: "1950-02-28") { __typename '
        "... on Person { name born } ... on Refusal { code message nextStep field } } }"
    )
    answer = client.ask(query, {"name": "Ada"}).json()["data"]["registerPerson"]
    assert answer == {"__typename": "Person", "name": "Ada", "born": "1950-02-28"}
    refused = client.ask(query, {"name": "Twice"}).json()["data"]["registerPerson"]
    assert refused == {
        "__typename": "Refusal",
        "code": "ALREADY_HERE",
        "message": "Twice is already registered.",
        "nextStep": "Open the person.",
        "field": "givenNames",
    }
    world.sessions["lake"].rights = frozenset({"people.read"})
    demoted = client.ask(query, {"name": "Eve"}).json()["data"]["registerPerson"]
    assert demoted["code"] == "NOT_ALLOWED"
    assert world.registered == ["Ada"]


def test_a_refusal_in_a_query_is_a_typed_error_beside_the_others_answers(client: Any) -> None:
    answer = client.ask("{ books hello }")
    assert answer.status_code == 200
    assert answer.json()["data"] == {"books": None, "hello": "hello you"}
    assert code(answer) == "NOT_ALLOWED"


@pytest.mark.parametrize("field", ["broken", "notWritable", "halfCharacter"])
def test_our_failures_are_masked_and_logged(client: Any, world: Any, field: str) -> None:
    answer = client.ask("{ " + field + " }")
    (error,) = answer.json()["errors"]
    assert answer.status_code == 200
    assert error["message"] == "Something went wrong on our side."
    assert error["extensions"]["code"] == "INTERNAL"
    assert SECRET_WORDS not in answer.text
    ((reference, logged),) = world.logged
    assert reference == error["extensions"]["reference"]
    assert reference in error["extensions"]["nextStep"]
    assert not isinstance(logged, GraphQLError) or logged.original_error is None


def test_the_default_log_has_places_but_no_words(caplog: pytest.LogCaptureFixture) -> None:
    def inner(word: str) -> None:
        raise ValueError(word)

    try:
        inner(SECRET_WORDS)
    except ValueError as error:
        log_without_words("AB12-CD34", error)
    assert "AB12-CD34" in caplog.text
    assert "ValueError at test_edge_http.py" in caplog.text
    assert "Secret" not in caplog.text


def test_a_failing_column_of_a_long_list_is_told_twenty_times(schema: Any, client: Any, world: Any) -> None:
    fields = " ".join(f"a{n}: broken" for n in range(20))
    assert len(client.ask("{ " + fields + " }").json()["errors"]) == 20
    assert len(world.logged) == 20


def test_what_runs_too_long_is_stopped_and_undone(app_of: Callable[..., Litestar], world: Any) -> None:
    with TestClient(app_of(seconds=0.1)) as http:
        answer = http.post("/graphql", json={"query": "{ hello slow }"})
    assert (answer.status_code, code(answer)) == (200, "TOOK_TOO_LONG")
    assert answer.json()["data"] is None
    assert world.scopes == ["query begins", "query undone"]
    assert world.stopped == ["slow"]


@pytest.mark.parametrize("where", ["context_fails", "scope_fails"])
def test_when_the_data_is_away_no_answer_leaves(client: Any, world: Any, where: str) -> None:
    setattr(world, where, True)
    answer = client.ask("{ people { edges { node { name } } } }")
    assert (answer.status_code, code(answer), answer.headers["retry-after"]) == (503, "INTERNAL", "2")
    assert "Lake" not in answer.text
    assert SECRET_WORDS not in answer.text
    assert len(world.logged) == 1


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ("query($n: Int!) { people(first: $n) { edges { cursor } } }", {}, "BAD_INPUT"),
        ("query($n: Int!) { people(first: $n) { edges { cursor } } }", {"n": "x"}, "BAD_INPUT"),
        ("query($i: Everything!) { echo(input: $i) }", {"i": {"day": "2023-02-30"}}, "BAD_DATE"),
        ("query($i: Everything!) { echo(input: $i) }", {"i": {"nope": 1}}, "BAD_INPUT"),
    ],
)
def test_variables_that_do_not_fit_are_a_400(
    client: Any, world: Any, query: str, variables: Any, expected: str
) -> None:
    answer = client.ask(query, variables)
    assert (answer.status_code, code(answer)) == (400, expected)
    assert "data" not in answer.json()
    assert world.logged == []


def test_an_argument_left_null_is_the_clients_mistake(client: Any, world: Any) -> None:
    answer = client.ask("query($n: Int) { people(first: $n) { edges { cursor } } }", {"n": None})
    assert (answer.status_code, code(answer)) == (200, "BAD_INPUT")
    assert world.logged == []


def test_subscriptions_do_not_run_over_post(client: Any, world: Any) -> None:
    answer = client.ask("subscription { ticks }")
    assert (answer.status_code, code(answer)) == (400, "SUBSCRIPTION_NEEDS_SOCKET")
    assert world.live == 0


def test_syntax_and_validation_errors_name_the_place(client: Any) -> None:
    answer = client.ask("{ hello(")
    assert (answer.status_code, code(answer)) == (400, "BAD_SYNTAX")
    answer = client.ask("{ helo }")
    assert (answer.status_code, code(answer)) == (400, "BAD_QUERY")
    assert answer.json()["errors"][0]["locations"] == [{"line": 1, "column": 3}]
    assert "Did you mean" not in answer.text


VALID = [
    ("{ hello }", None),
    ('query A($n: Line) { hello(name: $n) }', {"n": "Ada"}),
    ("{ people(first: 3) { edges { cursor node { id name born owed seenAt visits { id on note } } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }", None),
    ("query($n: Int = 2) { people(first: $n) { edges { node { ...P friends(first: 2) { edges { node { ...P } } } } } } } fragment P on Person { __typename name }", None),
    ("query($yes: Boolean!) { hello @include(if: $yes) other: hello @skip(if: $yes) }", {"yes": False}),
    ('{ node(id: "UGVyc29uOjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDNlOA==") { __typename id ... on Person { name } } }', None),
    ("query($i: Everything!) { echo(input: $i) }", {"i": {"line": "a", "day": "2024-02-29", "moment": "2026-10-31T10:00:00-04:00", "amount": "1.50", "minutes": 20, "seconds": 0, "whole": 1, "ratio": 2, "yes": True, "id": 5, "many": "one", "deep": {"name": "a", "inner": {"name": "b"}}}}),
    ('mutation { registerPerson(name: "Ada", born: "1950-02-28") { __typename ... on Person { id name } } }', None),
    ("query A { hello } query B { a: hello }", None),
    ("{ __typename }", None),
    ("{ __schema { queryType { name } types { name kind } } }", None),
]  # fmt: skip


@pytest.mark.parametrize(("query", "variables"), VALID)
async def test_the_data_is_what_strawberry_itself_would_give(
    app_of: Callable[..., Litestar], schema: Any, world: Any, query: str, variables: Any
) -> None:
    operation = "B" if "query B" in query else None
    context = type("Context", (), {"actor": world.sessions["lake"], "world": world, "token": "lake"})()
    theirs = await schema.execute(query, variables, context_value=context, operation_name=operation)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app_of()), base_url="http://test") as http:
        for _ in range(2):  # the second time from the kept document
            answer = await http.post(
                "/graphql",
                json={"query": query, "variables": variables, "operationName": operation},
                headers={"Authorization": "Bearer lake"},
            )
            assert answer.json()["data"] == theirs.data
            assert "errors" not in answer.json()
    assert theirs.errors is None
