"""Malformed requests never become a 5xx, never reach the log, and always get a typed answer.

Bodies are grown from the schema's own grammar and then spoiled: bytes flipped, cut, doubled, swapped; values no
field expects; JSON that is nearly JSON. The seed is printed with the counts, so a failure can be run again. The
control sends the same bodies to Strawberry's own controller, which must fail: otherwise this test sees nothing.
"""

import json
import resource
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient
from spoiled_requests import NASTY, Grower, codes_in, wrong_with
from strawberry.litestar import BaseContext, make_graphql_controller

from server.errors import Refused
from server.graphql.document import BadDocument, Documents, Prepared
from server.graphql.limits import GraphQLRequest, Limits

OURS_TO_BREAK = {"broken", "notWritable", "halfCharacter", "slow", "failing", "nothing"}
HEADERS: list[dict[str, str]] = [
    *({} for _ in range(80)), {"Authorization": "Bearer hill"}, {"Authorization": "Bearer nobody"}, {"Authorization": "x"},
    {"Content-Type": "application/json; charset=utf-8"}, {"Content-Type": "text/plain"}, {"Content-Type": ";;;"},
    {"Content-Type": "multipart/form-data"}, {"Content-Type": "application/json; charset=\xff"}, {"Cookie": "a=b"},
    {"Accept": "application/graphql-response+json"}, {"Accept": "\xff"}, {"Content-Encoding": "gzip"}, {"Origin": "null"},
]  # fmt: skip


def ask(http: TestClient[Litestar], body: bytes, headers: dict[str, str]) -> Any:
    sent = {"Content-Type": "application/json", "Authorization": "Bearer lake", **headers}
    return http.post("/graphql", content=body, headers={k: v.encode("latin-1") for k, v in sent.items()})


def grower(schema: Any, seed: int) -> Grower:
    return Grower(schema._schema, seed, avoid=OURS_TO_BREAK)


def campaign(app: Litestar, world: Any, schema: Any, count: int, seed: int) -> str:
    """Sends `count` spoiled requests and asserts that each was answered well; the report for the reader."""
    grown = grower(schema, seed)
    statuses: Counter[int] = Counter()
    codes: Counter[str] = Counter()
    times: list[float] = []
    memory = 0
    with TestClient(app, raise_server_exceptions=False) as http:
        for n in range(count):
            if n == count // 5:  # the first fifth fills caches and pools
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            body, headers = grown.body(), grown.chance.choice(HEADERS)
            began = time.process_time()
            answer = ask(http, body, headers)
            times.append((time.process_time() - began) * 1_000)
            assert wrong_with(answer) is None, (seed, n, wrong_with(answer), headers, body[:2_000])
            statuses[answer.status_code] += 1
            codes.update(codes_in(answer)[:1])
            grown.learn(answer.text)
        alive = http.post("/graphql", json={"query": "{ hello }"}).json()["data"]
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    assert alive == {"hello": "hello you"}
    assert world.logged == []
    assert more < 50
    assert statuses[200] > count // 10, "the grammar no longer reaches the resolvers"
    assert len(codes) > 12, "the bodies are spoiled in too few ways"
    times.sort()
    return (
        f"\nGraphQL fuzz, seed {seed}: {count:,} bodies, {sum(n for s, n in statuses.items() if s >= 500)} x 5xx, "
        f"statuses {dict(sorted(statuses.items()))}, {len(codes)} codes, CPU ms p50 {times[len(times) // 2]:.1f} "
        f"p99 {times[int(len(times) * 0.99)]:.1f}, memory +{more:.0f} MB"
    )


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

    class StockContext(BaseContext, kw_only=True):
        actor: Any = None
        world: Any = None
        token: str = "lake"

    async def context_getter() -> StockContext:
        return StockContext(actor=world.sessions["lake"], world=world)

    context_getter.__annotations__["return"] = StockContext
    controller = make_graphql_controller(schema, path="/graphql", context_getter=context_getter)
    app = Litestar(route_handlers=[controller], logging_config=None)
    count, failed, untyped, fine = 300, 0, 0, 0
    grown = grower(schema, 20_261_122)
    with TestClient(app, raise_server_exceptions=False) as http:
        for _ in range(count):
            body, headers = grown.body(), grown.chance.choice(HEADERS)
            if len(body) > 20_000:
                continue  # it has no limits, and this is not its trial for slowness
            answer = ask(http, body, headers)
            wrong = wrong_with(answer)
            failed += answer.status_code >= 500
            untyped += answer.status_code < 500 and wrong is not None
            fine += wrong is None
    with capsys.disabled():
        print(  # noqa: T201
            f"\ncontrol, stock controller: {failed} x 5xx, {untyped} untyped answers, {fine} fine, in {count}"
        )
    assert failed > 0
    assert untyped > 0
    assert fine > 0, "nothing gets through: this compares with a controller that is merely broken"


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
        assert wrong_with(answer) is None
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
