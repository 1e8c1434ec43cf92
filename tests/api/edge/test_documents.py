"""Documents are kept by the hash of their text: bounded, valid ones only, and found again by that hash."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from server.errors import Refused
from server.graphql import document as module
from server.graphql.document import BadDocument, Documents
from server.graphql.limits import GraphQLRequest, Limits


def request(text: str | None, **more: Any) -> GraphQLRequest:
    return GraphQLRequest(text, more.get("variables", {}), None, {}, more.get("sha256"))


@pytest.fixture
def validations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each validation."""
    seen: list[int] = []
    real: Callable[..., Any] = module.validate
    monkeypatch.setattr(module, "validate", lambda *a, **k: (seen.append(1), real(*a, **k))[1])
    return seen


def test_the_same_text_is_read_once_and_gives_the_same_tree(schema: Any, validations: list[int]) -> None:
    documents = Documents(schema, Limits())
    first = documents.prepare(request("{ hello }"), may_introspect=False)
    second = documents.prepare(request("{ hello }"), may_introspect=False)
    assert first.document.node is second.document.node
    assert first.plan.operation is second.plan.operation
    assert len(validations) == 1


def test_the_cost_is_weighed_anew_with_each_requests_variables(schema: Any) -> None:
    documents = Documents(schema, Limits())
    text = "query($n: Int!) { people(first: $n) { edges { node { name } } } }"
    costs = [
        documents.prepare(request(text, variables={"n": n}), may_introspect=False).plan.cost for n in (1, 200)
    ]
    assert costs == [4, 402]
    with pytest.raises(Refused, match="BAD_PAGE_SIZE"):
        documents.prepare(request(text, variables={"n": 201}), may_introspect=False)


def test_only_so_many_are_kept_and_the_least_used_goes_first(schema: Any, validations: list[int]) -> None:
    documents = Documents(schema, Limits(), size=3)
    for text in ("{ a: hello }", "{ b: hello }", "{ c: hello }", "{ a: hello }", "{ d: hello }"):
        documents.prepare(request(text), may_introspect=False)
    assert (len(documents), len(validations)) == (3, 4)
    documents.prepare(request("{ a: hello }"), may_introspect=False)
    assert len(validations) == 4
    documents.prepare(request("{ b: hello }"), may_introspect=False)
    assert len(validations) == 5


def test_a_flood_of_bad_documents_leaves_no_trace(schema: Any) -> None:
    documents = Documents(schema, Limits(), size=3)
    documents.prepare(request("{ hello }"), may_introspect=False)
    for n in range(50):
        with pytest.raises(BadDocument, match="BAD_QUERY"):
            documents.prepare(request(f"{{ nope{n} }}"), may_introspect=False)
        with pytest.raises(BadDocument, match="BAD_SYNTAX"):
            documents.prepare(request(f"{{ nope{n} "), may_introspect=False)
        with pytest.raises(Refused, match="BAD_PAGE_SIZE"):
            documents.prepare(
                request(f"{{ people(first: {201 + n}) {{ edges {{ cursor }} }} }}"), may_introspect=False
            )
    assert len(documents) == 1


def test_too_much_is_refused_before_it_is_validated(schema: Any, validations: list[int]) -> None:
    documents = Documents(schema, Limits())
    with pytest.raises(Refused, match="TOO_COSTLY"):
        documents.prepare(
            request(
                "{ people(first: 200) { edges { node { friends(first: 200) { edges { node { nope } } } } } } }"
            ),
            may_introspect=False,
        )
    assert validations == []


def test_a_document_by_its_hash(client: Any) -> None:
    text = "{ people(first: 1) { edges { node { name } } } }"
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": sha256}}
    alone = {"headers": {"Authorization": "Bearer lake"}, "json": {"extensions": extensions}}

    unknown = client.post("/graphql", **alone)
    assert unknown.status_code == 200
    assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert unknown.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"

    told = client.ask(text, extensions=extensions)
    again = client.post("/graphql", **alone)
    assert again.json() == told.json()
    assert again.json()["data"]["people"]["edges"] == [{"node": {"name": "Lake 000"}}]

    other = client.post("/graphql", headers={"Authorization": "Bearer hill"}, json={"extensions": extensions})
    assert other.json()["data"]["people"]["edges"] == [{"node": {"name": "Hill 000"}}]


def test_a_hash_that_is_not_the_texts(client: Any) -> None:
    answer = client.ask("{ hello }", extensions={"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_MISMATCH"
