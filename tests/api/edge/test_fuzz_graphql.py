"""Malformed requests never become a 5xx, never reach the log, and always get a typed answer.

Bodies are grown from the schema's own grammar and then spoiled: bytes flipped, cut, doubled, swapped; values no
field expects; JSON that is nearly JSON. The seed is printed with the counts, so a failure can be run again. The
control sends the same bodies to Strawberry's own controller, which must fail: otherwise this test sees nothing.
"""

import json
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_required_argument,
    is_required_input_field,
)
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient
from strawberry.litestar import make_graphql_controller

from server.errors import Refused
from server.graphql.document import BadDocument, Documents, Prepared
from server.graphql.limits import GraphQLRequest, Limits

OURS_TO_BREAK = {"broken", "notWritable", "halfCharacter", "slow", "failing", "nothing"}
NASTY: list[Any] = [
    "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "\u202eabc", "\ufeff", "\x1c", "9" * 400, "NaN", "Infinity", "-0",
    "2023-02-30", "0000-01-01", "9999-12-31", "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00", "24:00", "1e999999999",
    "x" * 20_001, "'; drop table patient; --", "{{7*7}}", "<script>", "%s%n", "../../x", "\r\nSet-Cookie: a=b",
    0, -1, 1, 2**31 - 1, 2**31, -(2**31) - 1, 2**53, 2**63 - 1, 2**63, 10**30, 0.1, -0.0, 1e308, float("nan"), float("inf"),
    True, False, None, [], {}, [[]], [None], {"": None}, {"__proto__": 1}, ["a"] * 300, {"deep": {"inner": {"inner": {}}}},
]  # fmt: skip
HEADERS: list[dict[str, str]] = [
    *({} for _ in range(80)), {"Authorization": "Bearer hill"}, {"Authorization": "Bearer nobody"}, {"Authorization": "x"},
    {"Content-Type": "application/json; charset=utf-8"}, {"Content-Type": "text/plain"}, {"Content-Type": ";;;"},
    {"Content-Type": "multipart/form-data"}, {"Content-Type": "application/json; charset=\xff"}, {"Cookie": "a=b"},
    {"Accept": "application/graphql-response+json"}, {"Accept": "\xff"}, {"Content-Encoding": "gzip"}, {"Origin": "null"},
]  # fmt: skip


class Grower:
    """Requests grown from a schema by chance, the same ones for the same seed."""

    def __init__(self, schema: Any, seed: int) -> None:
        self.schema = schema
        self.chance = random.Random(seed)
        self.calm = False  # half of all bodies are grown to be right, so that resolvers are reached too

    def value(self, kind: Any, depth: int = 0) -> Any:
        """A JSON value: often of the right form, sometimes nasty."""
        chance = self.chance
        if chance.random() < (0.01 if self.calm else 0.15):
            return chance.choice(NASTY)
        kind = get_nullable_type(kind)
        if isinstance(kind, GraphQLList):
            return [self.value(kind.of_type, depth + 1) for _ in range(chance.randrange(3))]
        if isinstance(kind, GraphQLInputObjectType):
            if depth > 4:
                return {}
            return {
                n: self.value(f.type, depth + 1)
                for n, f in kind.fields.items()
                if chance.random() < 0.4 or (self.calm and is_required_input_field(f))
            }
        if isinstance(kind, GraphQLEnumType):
            return chance.choice(list(kind.values))
        return {
            "Int": chance.randrange(-2, 60),
            "Minutes": chance.randrange(90),
            "Seconds": chance.randrange(90),
            "Float": chance.random(),
            "Boolean": chance.random() < 0.5,
            "Date": "2024-02-29",
            "DateTime": "2026-10-31T10:00:00-04:00",
            "Decimal": "1.50",
            "ID": chance.choice(
                ["x", "UGVyc29uOjE=", "UGVyc29uOjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDNlOA=="]
            ),
        }.get(kind.name, "Ada")

    def literal(self, value: Any) -> str:
        if isinstance(value, dict):
            return "{" + " ".join(f"{k or '_'}: {self.literal(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + " ".join(map(self.literal, value)) + "]"
        return json.dumps(value)

    def selection(self, kind: Any, depth: int) -> str:
        chance = self.chance
        kind = get_named_type(kind)
        if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
            possible = self.schema.get_possible_types(kind)
            picked = chance.sample(possible, k=chance.randint(1, len(possible)))
            return (
                "{ __typename "
                + " ".join(f"... on {t.name} {self.selection(t, depth - 1)}" for t in picked)
                + " }"
            )
        if not isinstance(kind, GraphQLObjectType):
            return ""
        names = [n for n in kind.fields if n not in OURS_TO_BREAK]
        parts = []
        for name in chance.sample(names, k=chance.randint(1, min(5, len(names)))):
            field = kind.fields[name]
            if depth <= 0 and self.selection(field.type, -1):
                continue
            arguments = {
                n: self.value(a.type)
                for n, a in field.args.items()
                if n != "after" and (chance.random() < 0.6 or (self.calm and is_required_argument(a)))
            }
            for size in ("first", "last"):
                if isinstance(arguments.get(size), int) and chance.random() < 0.9:
                    arguments[size] = chance.randint(1, 4)
            given_ = (
                "(" + " ".join(f"{n}: {self.literal(v)}" for n, v in arguments.items()) + ")"
                if arguments
                else ""
            )
            alias = f"a{len(parts)}: " if chance.random() < 0.15 else ""
            directive = chance.choice(
                [""] * (99 if self.calm else 9) + [" @include(if: true)", " @skip(if: null)", " @nope"]
            )
            parts.append(f"{alias}{name}{given_}{directive} {self.selection(field.type, depth - 1)}")
        return "{ " + " ".join(parts or ["__typename"]) + " }"

    def query(self) -> str:
        chance = self.chance
        kind, root = chance.choice(
            [("query", self.schema.query_type)] * 6
            + [("mutation", self.schema.mutation_type), ("subscription", self.schema.subscription_type)]
        )
        text = f"{kind} Q{chance.randrange(3)} {self.selection(root, chance.randint(1, 7))}"
        if chance.random() < (0.01 if self.calm else 0.15):
            text += f" fragment F on Person {self.selection(self.schema.get_type('Person'), 2)}"
            text = text.replace("__typename", "...F", 1) if chance.random() < 0.7 else text
        return text

    def spoiled(self, raw: bytes) -> bytes:
        chance = self.chance
        spoilt = bytearray(raw)
        for _ in range(chance.choice([1, 1, 2, 5, 20])):
            if not spoilt:
                break
            at = chance.randrange(len(spoilt))
            upto = min(len(spoilt), at + chance.choice([1, 2, 8, 50]))
            match chance.randrange(6):
                case 0:
                    spoilt[at] ^= 1 << chance.randrange(8)
                case 1:
                    spoilt[at] = chance.choice(b'{}[]()"\\:,@$!.#\0\xff\xc0 \n')
                case 2:
                    del spoilt[at:upto]
                case 3:
                    spoilt[at:at] = spoilt[at:upto] * chance.choice([1, 3, 40])
                case 4:
                    spoilt[at:at] = chance.choice(
                        [
                            b"\\u0000",
                            b"\\ud83d",
                            b'"',
                            b"...",
                            b"{" * 40,
                            b"[" * 2_000,
                            b"9" * 5_000,
                            b"\xed\xa0\x80",
                        ]
                    )
                case 5:
                    del spoilt[at:]
        return bytes(spoilt)

    def body(self) -> bytes:
        chance = self.chance
        self.calm = chance.random() < 0.5
        request: Any = {"query": self.query()}
        if self.calm:
            return json.dumps(request).encode()
        if chance.random() < 0.15:
            request["query"] = self.spoiled(request["query"].encode()).decode("utf-8", "replace")
        if chance.random() < 0.3:
            everything = self.schema.get_type("Everything")
            request = {
                "query": "query($i: Everything!) { echo(input: $i) }",
                "variables": {"i": self.value(everything)},
            }
        if chance.random() < 0.2:
            request[chance.choice(["query", "variables", "operationName", "extensions", "x"])] = (
                chance.choice(NASTY)
            )
        if chance.random() < 0.03:
            request = chance.choice([*NASTY, [request]])
        raw = json.dumps(request).encode()
        return self.spoiled(raw) if chance.random() < 0.35 else raw

    def requests(self, count: int) -> Iterator[tuple[bytes, dict[str, str]]]:
        for _ in range(count):
            yield self.body(), self.chance.choice(HEADERS)


def well_formed(answer: Any) -> str | None:
    """What is wrong with an answer, or None."""
    try:
        payload = answer.json()
    except ValueError:
        return "not JSON"
    if not isinstance(payload, dict) or not ("data" in payload or payload.get("errors")):
        return "neither data nor errors"
    for error in payload.get("errors", ()):
        extensions = error.get("extensions", {})
        if not (error.get("message") and extensions.get("code") and extensions.get("nextStep")):
            return f"an untyped error: {error}"
        if extensions["code"] == "INTERNAL":
            return f"masked: {error}"
    return None


def ask(http: TestClient[Litestar], body: bytes, headers: dict[str, str]) -> Any:
    sent = {"Content-Type": "application/json", "Authorization": "Bearer lake", **headers}
    return http.post("/graphql", content=body, headers={k: v.encode("latin-1") for k, v in sent.items()})


def campaign(app: Litestar, world: Any, schema: Any, count: int, seed: int) -> str:
    """Sends `count` spoiled requests and asserts that each was answered well; the report for the reader."""
    grower = Grower(schema._schema, seed)
    statuses: Counter[int] = Counter()
    codes: Counter[str] = Counter()
    times: list[float] = []
    with TestClient(app, raise_server_exceptions=False) as http:
        for n, (body, headers) in enumerate(grower.requests(count)):
            if n == count // 5:  # the first fifth fills caches and pools
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            began = time.process_time()
            answer = ask(http, body, headers)
            times.append((time.process_time() - began) * 1_000)
            statuses[answer.status_code] += 1
            wrong = well_formed(answer)
            assert wrong is None, (seed, n, wrong, headers, body[:2_000])
            assert answer.status_code < 500, (seed, n, headers, body[:2_000])
            codes.update(e["extensions"]["code"] for e in answer.json().get("errors", ())[:1])
        alive = http.post("/graphql", json={"query": "{ hello }"}).json()["data"]
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    assert alive == {"hello": "hello you"}
    assert world.logged == []
    assert grown < 50
    assert statuses[200] > count // 20, "the grammar no longer reaches the resolvers"
    assert len(codes) > 12, "the bodies are spoiled in too few ways"
    times.sort()
    return (
        f"\nGraphQL fuzz, seed {seed}: {count:,} bodies, {sum(n for s, n in statuses.items() if s >= 500)} x 5xx, "
        f"statuses {dict(sorted(statuses.items()))}, {len(codes)} codes, CPU ms p50 {times[len(times) // 2]:.1f} "
        f"p99 {times[int(len(times) * 0.99)]:.1f}, memory +{grown:.0f} MB"
    )


def test_a_thousand_spoiled_requests(
    app_of: Callable[..., Litestar], world: Any, schema: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    report = campaign(app_of(), world, schema, 1_000, seed=20_261_122)
    with capsys.disabled():
        print(report)  # noqa: T201


@pytest.mark.campaign
@pytest.mark.timeout(1_200)
def test_ten_thousand_spoiled_requests(
    app_of: Callable[..., Litestar], world: Any, schema: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    report = campaign(app_of(), world, schema, 10_000, seed=time.time_ns() % 10**9)
    with capsys.disabled():
        print(report)  # noqa: T201


@pytest.mark.filterwarnings("ignore")
def test_control_the_stock_controller_fails_the_same_requests(
    world: Any, schema: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    context = type("Context", (dict,), {"actor": world.sessions["lake"], "world": world, "token": "lake"})

    async def context_getter() -> Any:
        return context()

    controller = make_graphql_controller(schema, path="/graphql", context_getter=context_getter)
    app = Litestar(route_handlers=[controller], logging_config=None)
    count, failed, untyped = 300, 0, 0
    with TestClient(app, raise_server_exceptions=False) as http:
        for body, headers in Grower(schema._schema, 20_261_122).requests(count):
            if len(body) > 20_000:
                continue  # it has no limits, and this is not its trial for slowness
            answer = ask(http, body, headers)
            failed += answer.status_code >= 500
            untyped += answer.status_code < 500 and well_formed(answer) is not None
    with capsys.disabled():
        print(f"\ncontrol, stock controller: {failed} x 5xx and {untyped} untyped answers in {count}")  # noqa: T201
    assert failed > 0
    assert untyped > 0


@pytest.mark.parametrize("nasty", NASTY, ids=lambda value: repr(value)[:20])
def test_every_input_meets_every_nasty_value(client: Any, world: Any, schema: Any, nasty: Any) -> None:
    fields = schema._schema.get_type("Everything").fields
    tried = 0
    for name in fields:
        raw = json.dumps(
            {"query": "query($i: Everything!) { echo(input: $i) }", "variables": {"i": {name: nasty}}}
        )
        answer = client.send_raw(raw.encode())
        assert answer.status_code < 500
        assert well_formed(answer) is None
        tried += 1
    assert tried == len(fields) >= 15
    assert world.logged == []


_documents: dict[int, Documents] = {}


@given(st.text(max_size=300) | st.text(alphabet='{}()[]:$!@.#"\\ \nabFQ01…', max_size=300))
def test_any_text_is_prepared_or_refused(schema: Any, text: str) -> None:
    documents = _documents.setdefault(id(schema), Documents(schema, Limits()))
    try:
        outcome: object = documents.prepare(GraphQLRequest(text, {}, None, {}), may_introspect=True)
    except (Refused, BadDocument) as refused:
        outcome = refused
    assert isinstance(outcome, Prepared | Refused | BadDocument)
