"""Documents made to hurt: each is refused with its own code before a single resolver runs.

The times are printed, not asserted: a busy machine is not a broken promise. What is asserted is the structure:
nothing was executed, the refusal is typed, and a legitimate question is answered as before in the middle of it.
"""

import asyncio
import gc
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from graphql.validation.rules import overlapping_fields_can_be_merged as overlap
from litestar import Litestar
from litestar.testing import TestClient

from server.graphql.limits import Limits

ROUNDS = 3
PERSON = "people(first: 1) { edges { node { %s } } }"


def document(text: str, variables: Any = None) -> bytes:
    return json.dumps({"query": text, "variables": variables}).encode()


def nest(levels: int, inner: str = "id") -> str:
    """Friends of friends, one row each, so that only depth is at issue."""
    for _ in range(levels):
        inner = "friends(first: 1) { edges { node { " + inner + " } } }"
    return inner


def fragments(count: int, make: Callable[[int], str]) -> str:
    return " ".join(f"fragment F{n} on {make(n)}" for n in range(count))


def branching(levels: int, width: int) -> str:
    inner = "id name"
    for _ in range(levels):
        inner = ("friends(first: 1) { edges { node { " + inner + " } } } ") * width
    return inner


RESET = 'requestReset(email: "a@b.c") { __typename }'
ATTACKS: dict[str, tuple[bytes, str]] = {
    # depth
    "fifty levels of friends": (document("{ " + PERSON % nest(50) + " }"), "DOCUMENT_TOO_DEEP"),
    "depth through fragments": (
        document("{ ...F0 } " + fragments(30, lambda n: f"Query {{ ...F{n + 1} }}")),
        "DOCUMENT_TOO_DEEP",
    ),
    "depth through inline fragments": (document("{ " + "... { " * 100 + "hello" + " }" * 101), "DOCUMENT_TOO_DEEP"),
    "twenty thousand braces": (document("{a" * 20_000), "DOCUMENT_TOO_LONG"),
    "a literal of a hundred lists": (
        document("{ echo(input: { many: " + "[" * 100 + "]" * 100 + " }) }"),
        "BAD_DOCUMENT",
    ),
    "a type of a hundred and fifty lists": (
        document("query($v: " + "[" * 150 + "Int" + "]" * 150 + ") { hello }"),
        "BAD_QUERY",
    ),
    "JSON of twenty thousand levels": (
        b'{"query":"{hello}","variables":{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
        "BODY_TOO_DEEP",
    ),
    # width
    "five hundred fields at the top": (
        document("{ " + " ".join(f"a{n}: hello" for n in range(45)) + " " + "hello " * 25 + "}"),
        "TOO_MANY_ROOT_FIELDS",
    ),
    "root fields hidden in fragments": (
        document("{ ...F0 ...F1 ...F2 } " + fragments(3, lambda _: "Query { " + "hello " * 9 + "}")),
        "TOO_MANY_ROOT_FIELDS",
    ),
    "sixty kilobytes of one field": (document("{ " + "hello " * 10_000 + "}"), "DOCUMENT_TOO_LONG"),
    "one field a hundred times": (document("{ " + PERSON % ("id " * 100) + " }"), "TOO_MANY_REPEATS"),
    "one spread a hundred times": (
        document("{ " + PERSON % ("...F0 " * 100) + " } " + fragments(1, lambda _: "Person { id }")),
        "TOO_MANY_REPEATS",
    ),
    "fields repeated in every combination": (document("{ " + PERSON % branching(4, 3) + " }"), "DOCUMENT_TOO_TANGLED"),
    "repeats that branch at each level": (document("{ " + PERSON % branching(6, 2) + " }"), "DOCUMENT_TOO_TANGLED"),
    "forty-five fragments that overlap": (
        document(
            "{ " + PERSON % " ".join(f"...F{n}" for n in range(45)) + " } "
            + fragments(45, lambda _: "Person { friends(first: 1) { edges { node { id name born owed ...G } } } }")
            + " fragment G on Person { id name born owed seenAt }"
        ),
        "DOCUMENT_TOO_TANGLED",
    ),
    # aliases
    "two thousand aliased resets": (
        document("mutation { " + " ".join(f"a{n}: {RESET}" for n in range(2_000)) + " }"),
        "DOCUMENT_TOO_LONG",
    ),
    "ten aliased resets": (
        document("mutation { " + " ".join(f"a{n}: {RESET}" for n in range(10)) + " }"),
        "MUTATION_STANDS_ALONE",
    ),
    "resets in fragments": (
        document("mutation { ...F0 ...F1 } " + fragments(2, lambda n: f"Mutation {{ a{n}: {RESET} }}")),
        "MUTATION_STANDS_ALONE",
    ),
    "one reset beside another mutation": (
        document('mutation { registerPerson(name: "a", born: "2000-01-01") { __typename } ' + RESET + " }"),
        "MUTATION_STANDS_ALONE",
    ),
    "aliases deep down": (
        document("{ " + PERSON % " ".join(f"a{n}: name" for n in range(200)) + " }"),
        "TOO_MANY_ALIASES",
    ),
    "aliases multiplied by fragments": (
        document(
            "{ " + PERSON % "...F0" + " } "
            + fragments(8, lambda n: f"Person {{ a{n}: name ...F{n + 1} b{n}: name ...F{n + 1} }}")
            + " fragment F8 on Person { id }"
        ),
        "TOO_MANY_ALIASES",
    ),
    # fragments
    "a fragment that spreads itself": (document("{ ...F0 } " + fragments(1, lambda _: "Query { ...F0 }")), "FRAGMENT_CYCLE"),
    "a ring of three": (
        document("{ ...F0 } " + fragments(3, lambda n: f"Query {{ hello ...F{(n + 1) % 3} }}")),
        "FRAGMENT_CYCLE",
    ),
    "a ring nobody uses": (
        document("{ hello } " + fragments(2, lambda n: f"Person {{ friends {{ edges {{ node {{ ...F{1 - n} }} }} }} }}")),
        "FRAGMENT_CYCLE",
    ),
    "fragments that double twenty times": (
        document(
            "{ " + PERSON % "...F0" + " } "
            + fragments(20, lambda n: f"Person {{ id ...F{n + 1} ... {{ ...F{n + 1} }} }}")
            + " fragment F20 on Person { id }"
        ),
        "TOO_COSTLY",
    ),
    "fragments that double nine times over lists": (
        document(
            "{ " + PERSON % "...F0" + " } "
            + fragments(4, lambda n: f"Person {{ friends {{ edges {{ node {{ ...F{n + 1} }} }} }} }}")
            + " fragment F4 on Person { id }"
        ),
        "TOO_COSTLY",
    ),
    "sixty fragments": (document("{ hello } " + fragments(60, lambda _: "Query { hello }")), "TOO_MANY_FRAGMENTS"),
    # directives
    "a hundred directives on one field": (document("{ hello " + "@include(if: true) " * 100 + "}"), "TOO_MANY_DIRECTIVES"),
    "three hundred directives": (
        document("{ " + PERSON % ("id @skip(if: false) @include(if: true) " * 25 + "name @a @b @c @d " * 25) + " }"),
        "TOO_MANY_DIRECTIVES",
    ),
    "directives on variables": (
        document("query(" + " ".join(f"$v{n}: Int @a @b @c @d" for n in range(30)) + ") { hello }"),
        "TOO_MANY_DIRECTIVES",
    ),
    # lists
    "a billion rows": (document("{ people(first: 1000000000) { edges { node { id } } } }"), "BAD_PAGE_SIZE"),
    "a billion rows by variable": (
        document("query($n: Int!) { people(first: $n) { edges { node { id } } } }", {"n": 10**9}),
        "BAD_PAGE_SIZE",
    ),
    "a billion rows by default": (
        document("query($n: Int! = 1000000000) { people(first: $n) { edges { node { id } } } }"),
        "BAD_PAGE_SIZE",
    ),
    "minus one row": (document("{ people(first: -1) { edges { node { id } } } }"), "BAD_PAGE_SIZE"),
    "a number of five thousand digits": (document("{ people(first: " + "9" * 5_000 + ") { edges { node { id } } } }"), "BAD_DOCUMENT"),
    "two hundred times two hundred": (
        document("{ people(first: 200) { edges { node { friends(first: 200) { edges { node { id } } } } } } }"),
        "TOO_COSTLY",
    ),
    "a short query that says no sizes": (
        document("{people{edges{node{friends{edges{node{friends{edges{node{id}}}}}}}}}}"),
        "TOO_COSTLY",
    ),
    # introspection
    "types of types of types": (
        document("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"),
        "BAD_QUERY",
    ),
    "the schema sixty times": (
        document("{ " + " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(20)) + " }"),
        "INTROSPECTION_TOO_LARGE",
    ),
    # bodies
    "a batch": (b'[{"query":"{hello}"},{"query":"{hello}"}]', "BATCHING_OFF"),
    "three hundred kilobytes": (document("{ hello }", {"a": "x" * 300_000}), "BODY_TOO_LARGE"),
    "twenty thousand values": (document("{ hello }", {"a": [0] * 20_000}), "BODY_TOO_LARGE"),
    "a JSON number of five thousand digits": (b'{"query":"{hello}","variables":{"n":' + b"9" * 5_000 + b"}}", "BODY_NOT_JSON"),
    "a thousand comments": (document("{ hello }" + "\n#" * 1_000), "DOCUMENT_TOO_LONG"),
    "a hundred kilobytes of spaces": (document("{ hello" + " " * 100_000 + "}"), "DOCUMENT_TOO_LONG"),
    "NUL in a literal": (document('{ hello(name: "a\\u0000") }'), "BODY_BAD_TEXT"),
    "eleven operations": (document(" ".join(f"query Q{n} {{ hello }}" for n in range(11))), "TOO_MANY_OPERATIONS"),
    "definitions of types": (document("{ hello } type A { a: Int }"), "BAD_DOCUMENT"),
    "a thousand misspelled fields": (document("{ " + PERSON % " ".join(f"nam{n}" for n in range(1_000)) + " }"), "BAD_QUERY"),
    "five hundred unused variables": (document("query(" + " ".join(f"$v{n}: Int" for n in range(450)) + ") { hello }"), "BAD_QUERY"),
}  # fmt: skip
LEGITIMATE = document(
    "query Worklist($n: Int!, $after: String) { people(first: $n, after: $after) { edges { cursor node { id name "
    "born owed seenAt visits { id on note } friends(first: 3) { edges { node { id name } } } } } "
    "pageInfo { hasNextPage endCursor } } }",
    {"n": 50},
)


def test_there_are_at_least_forty() -> None:
    assert len(ATTACKS) >= 40


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_before_anything_runs(name: str, client: Any, world: Any) -> None:
    body, code = ATTACKS[name]
    answer = client.send_raw(body)
    assert answer.status_code == (413 if code == "BODY_TOO_LARGE" else 400), answer.text[:300]
    errors = answer.json()["errors"]
    assert errors[0]["extensions"]["code"] == code, errors[0]
    assert all(e["message"] and e["extensions"]["nextStep"] for e in errors)
    assert len(errors) <= 21
    assert len(answer.content) < 20_000
    assert world.scopes == []
    assert world.guesses == 0
    assert world.logged == []


@pytest.mark.parametrize(
    "name",
    ["a hundred directives on one field", "aliases deep down", "fields repeated in every combination",
     "one field a hundred times", "sixty fragments", "two hundred times two hundred"],
)  # fmt: skip
def test_control_without_limits_the_same_documents_get_further(
    name: str, app_of: Callable[..., Litestar], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each refusal is the work of its own limit: with the limits out of the way, another answer is given."""
    body, code = ATTACKS[name]
    everything = 10**9
    loose = Limits(
        body=everything, json_depth=everything, json_values=everything, document=everything, tokens=everything,
        comments=everything, operations=everything, fragments=everything, depth=everything, root_fields=everything,
        aliases=everything, directives_here=everything, directives=everything, repeats=everything,
        value_depth=everything, page=everything, cost=everything, introspection_fields=everything,
    )  # fmt: skip
    monkeypatch.setattr(overlap, "MAX_COMPLEXITY_BUDGET", everything)
    with TestClient(app_of(limits=loose, seconds=60)) as http:
        answer = http.post(
            "/graphql",
            content=body,
            headers={"Content-Type": "application/json", "Authorization": "Bearer lake"},
        )
    assert code not in {e["extensions"]["code"] for e in answer.json().get("errors", ())}


def test_a_stranger_may_not_introspect(client: Any, world: Any) -> None:
    answer = client.ask("{ __schema { types { name } } }", token="")
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTROSPECTION_OFF"
    assert world.scopes == []
    assert client.ask("{ __schema { types { name } } }").json()["data"]["__schema"]["types"]


@pytest.mark.campaign
async def test_under_attack_a_legitimate_question_is_answered(
    app_of: Callable[..., Litestar], capsys: pytest.CaptureFixture[str]
) -> None:
    """Every attack several times from 8 callers at once, while a worklist is asked for again and again."""
    headers = {"Content-Type": "application/json", "Authorization": "Bearer lake"}
    spent: dict[str, list[float]] = {name: [] for name in ATTACKS}
    alone: list[float] = []
    beside: list[float] = []
    over = asyncio.Event()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app_of()), base_url="http://test", headers=headers
    ) as http:

        async def ask(body: bytes, times: list[float]) -> httpx.Response:
            began = time.process_time()
            answer = await http.post("/graphql", content=body)
            times.append((time.process_time() - began) * 1_000)
            return answer

        for _ in range(20):
            assert len((await ask(LEGITIMATE, alone)).json()["data"]["people"]["edges"]) == 50

        # One at a time, so that each pays only for itself; a full collection of the test run's own heap is not its price.
        gc.collect()
        gc.freeze()
        for name, (body, _) in ATTACKS.items():
            for _ in range(ROUNDS):
                await ask(body, spent[name])
        gc.unfreeze()

        async def attacker(mine: list[str]) -> int:
            refused = 0
            for name in mine:
                for _ in range(ROUNDS):
                    refused += (await ask(ATTACKS[name][0], [])).status_code in (400, 413)
                    await asyncio.sleep(0)
            return refused

        async def patient() -> int:
            answered = 0
            while not over.is_set():
                answered += len((await ask(LEGITIMATE, beside)).json()["data"]["people"]["edges"]) == 50
                await asyncio.sleep(0.005)
            return answered

        asking = asyncio.create_task(patient())
        names = list(ATTACKS)
        refused = sum(await asyncio.gather(*(attacker(names[n::8]) for n in range(8))))
        over.set()
        answered = await asking
    assert refused == ROUNDS * len(ATTACKS)
    assert answered == len(beside) >= 1
    every = sorted(t for times in spent.values() for t in times)
    worst = sorted(spent, key=lambda name: -min(spent[name]))[:3]
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{len(ATTACKS)} attacks x {ROUNDS}, 8 at once: {refused} refused, 0 run; CPU ms p50 {every[len(every) // 2]:.1f}, "
            f"p99 {every[int(len(every) * 0.99)]:.1f}; dearest {', '.join(f'{n} {min(spent[n]):.0f}' for n in worst)}; "
            f"worklist p50 {sorted(alone)[10]:.1f} alone, {sorted(beside)[len(beside) // 2]:.1f} beside ({answered} answered)"
        )
