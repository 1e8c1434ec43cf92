"""The shape and the cost of documents, on the syntax tree alone."""

from typing import Any

import pytest
from graphql import GraphQLSyntaxError, OperationType, build_schema

from server.errors import Refused
from server.graphql.cost import Plan, plan
from server.graphql.limits import Limits, read_document, shape_of

LIMITS = Limits()
SCHEMA = build_schema(
    """
    type Query {
      people(first: Int = 50, after: String, last: Int): PersonConnection!
      plain: [Person!]!
      page(first: Int): [Person]
      me: Person
      thing: Thing
    }
    union Thing = Person | Visit
    type PersonConnection { edges: [PersonEdge!]! pageInfo: Info! nodes: [Person!]! }
    type PersonEdge { cursor: String! node: Person! }
    type Info { more: Boolean }
    type Person { id: ID name: String tags: [String!]! visits(first: Int = 10): PersonConnection friends: [Person!]! }
    type Visit { id: ID }
    type Mutation { login(a: Int): Boolean other: Boolean }
    type Subscription { tick: Int }
    """
)


def planned(
    text: str, variables: dict[str, Any] | None = None, name: str | None = None, **options: Any
) -> Plan:
    options.setdefault("may_introspect", False)
    shape = shape_of(read_document(text, LIMITS), LIMITS)
    return plan(shape, SCHEMA, operation_name=name, variables=variables or {}, limits=LIMITS, **options)


def cost(text: str, variables: dict[str, Any] | None = None) -> int:
    return planned(text, variables).cost


def refusal(text: str, variables: dict[str, Any] | None = None, **options: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        planned(text, variables, **options)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ me { name } }", 2),
        ("{ me { name tags } }", 3),
        ("{ plain { name } }", 1 + 10 * 1),
        ("{ page(first: 7) { name id } }", 1 + 7 * 2),
        ("{ people(first: 3) { edges { cursor node { name } } } }", 1 + 1 + 3 * 3),
        ("{ people { edges { node { name } } } }", 1 + 1 + 50 * 2),  # the schema's default
        ("{ people(first: null) { edges { node { name } } } }", 1 + 1 + 50 * 2),
        ("{ people(last: 4) { nodes { name } } }", 1 + 1 + 4),
        ("{ people(first: 3) { pageInfo { more } } }", 1 + 2),  # only the rows multiply
        ("{ page { name } }", 1 + 200),  # no default: the most there can be
        ("{ people(first: 2) { nodes { visits(first: 3) { nodes { name } } } } }", 1 + 1 + 2 * (1 + 1 + 3)),
        ("{ people(first: 2) { nodes { friends { name } } } }", 1 + 1 + 2 * (1 + 10)),
        ("{ ...F } fragment F on Query { me { name } }", 2),
        ("{ me { ... on Person { name } ... { id } } }", 3),
        ("{ thing { ... on Person { friends { id } } ... on Visit { id } } }", 1 + (1 + 10) + 1),
        ("{ people(first: 5) { ...C } } fragment C on PersonConnection { nodes { name } }", 1 + 1 + 5),
        ("{ nonsense { more(first: 9) { x } } }", 3),  # unknown fields cost one; validation refuses them
    ],
)
def test_cost_counts_the_fields_of_the_largest_answer(text: str, expected: int) -> None:
    assert cost(text) == expected


@pytest.mark.parametrize(
    ("variables", "rows"),
    [({"n": 3}, 3), ({"n": 3.0}, 3), ({}, 20), ({"n": None}, 50), ({"n": "7"}, 200), ({"n": True}, 200)],
)
def test_a_page_size_from_a_variable(variables: dict[str, Any], rows: int) -> None:
    text = "query ($n: Int = 20) { people(first: $n) { nodes { name } } }"
    assert cost(text, variables) == 1 + 1 + rows


def test_one_fragment_under_two_page_sizes_is_weighed_for_each() -> None:
    text = "{ a: people(first: 2) { ...C } b: people(first: 9) { ...C } } fragment C on PersonConnection { nodes { name } }"
    assert cost(text) == (1 + 1 + 2) + (1 + 1 + 9)


@pytest.mark.parametrize("size", ["0", "-1", "201", "1000000000", "9" * 25])
def test_a_page_outside_1_to_200_is_refused(size: str) -> None:
    assert refusal(f"{{ people(first: {size}) {{ nodes {{ name }} }} }}").code == "BAD_PAGE_SIZE"


def test_a_page_too_large_is_refused_from_a_variable_and_on_unknown_fields_too() -> None:
    assert (
        refusal("query($n: Int) { people(first: $n) { nodes { name } } }", {"n": 10**9}).code
        == "BAD_PAGE_SIZE"
    )
    assert refusal("{ whatever(last: 5000) }").code == "BAD_PAGE_SIZE"


def test_lists_in_lists_cost_too_much() -> None:
    text = "{ people(first: 200) { nodes { visits(first: 200) { nodes { name } } } } }"
    refused = refusal(text)
    assert refused.code == "TOO_COSTLY"
    assert "40,402" in refused.message
    assert "20,000" in refused.message


def test_a_doubling_chain_of_fragments_is_weighed_in_no_time() -> None:
    chain = "".join(
        f"fragment F{n} on Person {{ friends {{ ...F{n + 1} ...F{n + 1} }} }} " for n in range(20)
    )
    assert refusal("{ me { ...F0 } } " + chain + "fragment F20 on Person { id }").code == "DOCUMENT_TOO_DEEP"
    flat = "".join(f"fragment F{n} on Person {{ ...F{n + 1} a{n}: id ...F{n + 1} }} " for n in range(10))
    assert refusal("{ me { ...F0 } } " + flat + "fragment F10 on Person { id }").code == "TOO_MANY_ALIASES"
    lists = "".join(f"fragment F{n} on Person {{ friends {{ ...F{n + 1} }} }} " for n in range(9))
    assert refusal("{ me { ...F0 } } " + lists + "fragment F9 on Person { id }").code == "TOO_COSTLY"


@pytest.mark.parametrize(
    "text",
    [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { me { friends { ...A } } }",
        "{ me { id } } fragment A on Query { ...A }",  # not even used
    ],
)
def test_circles_of_fragments_are_refused(text: str) -> None:
    assert refusal(text).code == "FRAGMENT_CYCLE"


def test_depth_is_counted_through_fragments() -> None:
    def nested(levels: int) -> str:
        return "{ me " + "{ friends " * levels + "{ id }" + " }" * levels + " }"

    with pytest.raises(Refused, match="DOCUMENT_TOO_DEEP"):
        shape_of(read_document(nested(24), LIMITS), LIMITS)
    shape_of(read_document(nested(23), LIMITS), LIMITS)
    split = "{ me { ...F } } fragment F on Person " + "{ friends " * 23 + "{ id }" + " }" * 23
    assert refusal(split).code == "DOCUMENT_TOO_DEEP"


def test_a_mutation_that_stands_alone() -> None:
    alone = frozenset({"login"})
    assert planned("mutation { login }", alone=alone).kind is OperationType.MUTATION
    for text in (
        "mutation { login b: login }",
        "mutation { other login }",
        "mutation { login ...F } fragment F on Mutation { login }",
        "mutation { ... { login } ... on Mutation { other } }",
        "mutation { login login }",
    ):
        assert refusal(text, alone=alone).code == "MUTATION_STANDS_ALONE", text
    assert planned("mutation { other b: other }", alone=alone).cost == 2


@pytest.mark.parametrize(
    "text",
    [
        "{ __schema { types { name } } }",
        '{ ... { ...F } } fragment F on Query { x: __type(name: "A") { name } }',
    ],
)
def test_introspection_is_a_policy(text: str) -> None:
    assert refusal(text).code == "INTROSPECTION_OFF"
    assert planned(text, may_introspect=True).introspects


def test_introspection_has_bounds_of_its_own() -> None:
    many = "{ __schema { types { " + " ".join(f"a{n}: name" for n in range(45)) + " } } }"
    assert planned(many, may_introspect=True).introspects
    assert (
        refusal("{ __schema { types { name } } me { id } }", may_introspect=True).code
        == "INTROSPECTION_TOO_LARGE"
    )
    three = "{ a: __schema { types { name } } b: __schema { types { name } } c: __schema { types { name } } }"
    assert refusal(three, may_introspect=True).code == "INTROSPECTION_TOO_LARGE"
    wide = (
        "{ __schema { "
        + " ".join(f"... on __Schema {{ ...F }} types {{ ...F{n} }}" for n in range(3))
        + " } }"
    )
    assert planned(wide, may_introspect=True)
    big = "{ __schema { types { ...A } } } fragment A on __Type { "
    big += "ofType { ...B " * 7 + "} " * 7 + "} "
    big += "fragment B on __Type { " + "fields { type { name kind } } " * 30 + "}"
    assert refusal(big, may_introspect=True).code == "INTROSPECTION_TOO_LARGE"
    assert planned("{ __typename }").cost == 1  # no introspection


def test_choosing_the_operation() -> None:
    two = "query A { me { id } } mutation B { other }"
    assert planned(two, name="B").kind is OperationType.MUTATION
    assert refusal(two).code == "UNKNOWN_OPERATION"
    assert refusal(two, name="C").code == "UNKNOWN_OPERATION"
    assert refusal("fragment F on Query { me { id } }").code == "UNKNOWN_OPERATION"


def test_too_long_is_told_apart_from_not_graphql() -> None:
    with pytest.raises(Refused, match="DOCUMENT_TOO_LONG"):
        read_document("{ " + "a " * 2_000 + "}", LIMITS)
    with pytest.raises(Refused, match="DOCUMENT_TOO_LONG"):
        read_document("{ a }" + "#\n" * 300, LIMITS)
    with pytest.raises(Refused, match="DOCUMENT_TOO_LONG"):
        read_document("{ a }" + " " * 70_000, LIMITS)
    with pytest.raises(GraphQLSyntaxError):
        read_document("{ a ", LIMITS)
    with pytest.raises(GraphQLSyntaxError):
        read_document("[" * 1_500, LIMITS)
