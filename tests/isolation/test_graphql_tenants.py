"""P1: nothing asked over GraphQL in one practice, with ids of another, leaks, changes or distinguishes anything.

Every root field and every argument that takes an id is found in the schema; one that cannot be tried fails here.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from graphql import GraphQLInterfaceType, GraphQLObjectType, get_named_type
from sqlalchemy.ext.asyncio import AsyncEngine
from two_practices import (
    CLASSES,
    CORE,
    FIRST,
    PERMISSIONS,
    ROOTS,
    Gone,
    Leaf,
    TwoPractices,
    changed,
    document,
    kind_of,
    leaves,
    root_fields,
    rows_of,
    variables,
)

from migrations.protect import POLICY
from server.graphql.connections import global_id, node_kinds, parts_of
from server.graphql.refusals import lone_mutations
from server.graphql.schema import SCHEMA
from server.ids import new_id

pytestmark = pytest.mark.timeout(300)  # making two practices takes a while on a busy machine

AT_ONCE = 16
AT_ONCE_OF_ANY_KIND = 1  # `node` names a field of every type, many of them by an alias
OTHER_KINDS = 5
LONE = lone_mutations(SCHEMA)
ID_PLACES: list[tuple[str, Leaf]] = [
    (root, leaf)
    for root, name, definition in root_fields()
    for leaf in leaves(name, definition)
    if leaf.type == "ID"
]
#: what is derived is never told apart from what it was derived to before -> how that is said
DERIVED = {"signOffClaims(input.claims.0.draftId)": {"CLAIM_CHANGED"}}
_UNLIKE = {"x-request-id", "date"}
_REFERENCE = re.compile(r"[0-9A-F]{4}-[0-9A-F]{4}")


def shape(answer: httpx.Response, *ids: str) -> tuple[int, str, dict[str, str]]:
    """What tells two answers apart, once the ids that were asked for are taken out."""
    text = answer.text
    for id in ids:
        text = text.replace(id, "ID")
        parts = parts_of(id)
        text = text.replace(str(parts[1]), "ID") if parts else text
    headers = {k: v for k, v in answer.headers.items() if k not in _UNLIKE}
    if answer.headers.get("content-type", "").startswith("application/json"):
        payload = json.loads(text)
        # Fields of a query run side by side; which one fails first is chance.
        payload.get("errors", []).sort(key=lambda error: str(error.get("path")))
        text = json.dumps(payload)
    return answer.status_code, _REFERENCE.sub("REFERENCE", text), headers


def ghost_of(id: str) -> str:
    """An id of the same kind that nothing has."""
    parts = parts_of(id)
    assert parts is not None
    return global_id(parts[0], new_id())


class Sweep:
    """A asks for what is B's; twice, the second time for nothing at all."""

    def __init__(self, two: TwoPractices, *, every_kind: bool = False) -> None:
        self.two = two
        self.every_kind = every_kind
        self.turn = 0
        self.counts: Counter[str] = Counter()
        self.differences: list[str] = []
        self.leaks: list[str] = []
        self.codes: dict[str, set[str]] = {}

    def targets(self, leaf: Leaf) -> list[str]:
        """Up to three ids of B of the right kind, then some other kinds in turn (every kind, in the campaign)."""
        right = kind_of(leaf)
        kinds = sorted({k.kind for k in node_kinds()} | set(self.two.b.ids) | set(self.two.b.pinned))
        if right is None:
            return [id for kind in kinds for id in self.two.of_b(kind, 2)]
        own = self.two.of_b(right)
        assert own, f"{leaf.place}: B has nothing of the kind {right}; name the kind in two_practices.KINDS"
        others = [kind for kind in kinds if kind != right]
        some = (
            others if self.every_kind else [others[(self.turn + n) % len(others)] for n in range(OTHER_KINDS)]
        )
        self.turn += OTHER_KINDS
        return [*own, *(id for kind in some for id in self.two.of_b(kind, 1))]

    async def place(self, root: str, leaf: Leaf, targets: list[str] | None = None) -> None:
        """One argument, every target."""
        a = self.two.a
        definition = ROOTS[root].fields[leaf.field]  # type: ignore[union-attr]
        if leaf.field in FIRST and sum(other.field == leaf.field for _, other in ID_PLACES) > 1:
            before, more = FIRST[leaf.field]
            await a.run("Mutation", before, more)
        at_once = (
            1
            if leaf.field in LONE or root == "Subscription"
            else AT_ONCE_OF_ANY_KIND
            if kind_of(leaf) is None
            else AT_ONCE
        )
        for some in in_parts(targets or self.targets(leaf), at_once):
            ghosts = [ghost_of(id) for id in some]
            arguments = a.arguments(leaf.field, definition, {leaf.path: "?"})
            await self._pair(root, leaf, arguments, some, ghosts)
            self.counts["calls"] += 2 * len(some)
        self.counts["places"] += 1

    async def _pair(
        self, root: str, leaf: Leaf, arguments: Mapping[str, Any], ids: list[str], ghosts: list[str]
    ) -> None:
        calls = [(f"c{n}", leaf.field, arguments) for n in range(len(ids))]
        text = document(root, calls, depth=1)
        answers = []
        for named in (ids, ghosts):
            given: dict[str, Any] = {}
            for n, id in enumerate(named):
                given |= variables(f"c{n}", replaced(arguments, "?", id))
            asked = self.two.a.first_event if root == "Subscription" else self.two.a.post
            answers.append(await asked(self.two.a.who_may(root, leaf.field), text, **given))
        theirs, nothing = answers
        if shape(theirs, *ids) != shape(nothing, *ghosts):
            self.differences.append(f"{leaf.place}: {theirs.text[:600]} / {nothing.text[:600]}")
        self.leaks += [f"{leaf.place}: {place}" for place in self.two.canaries.found_in(theirs.text)]
        self._read_codes(leaf, theirs.json())

    def _read_codes(self, leaf: Leaf, payload: dict[str, Any]) -> None:
        codes = {e["extensions"]["code"] for e in payload.get("errors", ())}
        for value in (payload.get("data") or {}).values():
            if isinstance(value, dict):
                codes.add(value.get("code", "ANSWERED") if value["__typename"] == "Refusal" else "ANSWERED")
            elif value is not None:
                codes.add("ANSWERED")
        self.codes.setdefault(leaf.place, set()).update(codes)


def in_parts(some: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(some), size):
        yield some[start : start + size]


def replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {k: replaced(v, old, new) for k, v in value.items()}
    if isinstance(value, list):
        return [replaced(v, old, new) for v in value]
    return new if value == old else value


async def refill(behind: AsyncEngine, tenant_id: UUID) -> None:
    """Work that waits is done, and then gone, whenever another test runs the worker: give B some again."""
    async with behind.begin() as connection:
        for statement in (
            "insert into job (tenant_id, id, kind, dedupe_key, args, state, attempts, run_at, fence, last_error, made_at) "
            "select :t, gen_random_uuid(), 'recount', 'kept for the test', '{}', 'done', 1, now(), 1, '', now() "
            "where not exists (select from job where tenant_id = :t)",
            "insert into dirty_month (tenant_id, id, patient_id, month, marked_at) "
            "select :t, gen_random_uuid(), id, '2020-01', now() from patient where tenant_id = :t "
            "and not exists (select from dirty_month where tenant_id = :t) limit 1",
            "insert into undecided_change (tenant_id, id, patient_id, month, marked_at) "
            "select :t, gen_random_uuid(), id, '2020-01', now() from patient where tenant_id = :t "
            "and not exists (select from undecided_change where tenant_id = :t) limit 1",
        ):
            await connection.execute(sa.text(statement), {"t": tenant_id})


async def swept(two: TwoPractices, behind: AsyncEngine, *, every_kind: bool) -> str:
    await refill(behind, two.b.world.tenant_id)
    before = await rows_of(behind, two.b.world.tenant_id)
    assert [t for t, (count, _) in before.items() if not count] == [], "a table of B has no row to lose"
    sweep, untried = Sweep(two, every_kind=every_kind), []
    for root, leaf in ID_PLACES:
        try:
            await sweep.place(root, leaf)
        except Gone as gone:
            untried.append(f"{leaf.place}: {gone}")
    assert untried == [], "every argument that takes an id must be tried; see two_practices.FITS and KINDS"
    assert sweep.differences == []
    assert sweep.leaks == []
    assert {p: c for p, c in sweep.codes.items() if c - DERIVED.get(p, set()) != {"NOT_FOUND"}} == {}, (
        "refused, but for another reason"
    )
    assert changed(before, await rows_of(behind, two.b.world.tenant_id)) == []
    return (
        f"P1: {sweep.counts['places']} of {len(ID_PLACES)} id arguments of {sum(1 for _ in root_fields())} root "
        f"fields, {sweep.counts['calls']:,} calls in pairs, {len(two.canaries.places)} canaries: 0 leaks, "
        f"0 differences, 0 of {sum(count for count, _ in before.values()):,} rows in {len(before)} tables changed"
    )


async def test_no_id_of_another_practice_is_more_than_an_id_of_nothing(
    two: TwoPractices, behind: AsyncEngine, record_property: Callable[[str, object], None]
) -> None:
    record_property("count", await swept(two, behind, every_kind=False))


@pytest.mark.campaign
@pytest.mark.timeout(1_800)
async def test_no_id_of_any_kind_of_another_practice_is_more_than_an_id_of_nothing(
    two: TwoPractices, behind: AsyncEngine, record_property: Callable[[str, object], None]
) -> None:
    record_property("count", await swept(two, behind, every_kind=True))


def test_ids_are_taken_by_root_fields_only() -> None:
    """The sweep walks root fields; an id argument further down would escape it."""
    below = [
        f"{name}.{field}({argument})"
        for name, kind in CORE.type_map.items()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and kind not in ROOTS.values()
        for field, output in kind.fields.items()
        for argument, given in output.args.items()
        if get_named_type(given.type).name == "ID"
    ]
    assert below == [], "teach the sweep about these"


async def test_every_mutation_does_something_in_a_practice_of_ones_own(two: TwoPractices) -> None:
    """What the sweep refuses would otherwise have worked: each mutation was called with the same kind of arguments."""
    for practice in (two.a, two.b):
        names = {name for root, name, _ in root_fields() if root == "Mutation"}
        assert {n: practice.refused.get(n) for n in names if not practice.done[n]} == {}, (
            "say in two_practices.FITS or FIRST what this mutation needs"
        )


async def test_cursors_and_words_of_another_practice_find_nothing(
    two: TwoPractices, behind: AsyncEngine, record_property: Callable[[str, object], None]
) -> None:
    pairs, places = 0, {}
    for where, ask in _lists():
        theirs = await two.b.post("ada", ask("first: 1", two.b))
        places[where] = (ask, set(re.findall(r'"endCursor":"([^"]+)"', theirs.text)))
    before = await rows_of(behind, two.b.world.tenant_id)
    for where, (ask, cursors) in places.items():
        for cursor in cursors:
            foreign = await two.a.post("ada", ask(f'first: 1, after: "{cursor}"', two.a))
            made_up = await two.a.post("ada", ask(f'first: 1, after: "{cursor[::-1]}"', two.a))
            assert shape(foreign, cursor)[:2] == shape(made_up, cursor[::-1])[:2], where
            assert "BAD_CURSOR" in foreign.text, (where, foreign.text)
            pairs += 1
    assert pairs, "no list of B had a page to continue"
    words = [*list(two.canaries.places.values())[::5], two.b.world.slug, str(two.b.world.tenant_id)]
    for root, name, definition in root_fields():
        texts = [
            leaf for leaf in leaves(name, definition) if leaf.is_text and leaf.name not in {"after", "month"}
        ]
        for leaf in texts if root == "Query" else ():
            for some in in_parts(words, AT_ONCE):
                arguments = two.a.arguments(name, definition, {leaf.path: "?"})
                calls = [(f"c{n}", name, arguments) for n in range(len(some))]
                answers = []
                for scramble in (False, True):
                    given: dict[str, Any] = {}
                    for n, word in enumerate(some):
                        given |= variables(
                            f"c{n}", replaced(arguments, "?", word[::-1] if scramble else word)
                        )
                    answers.append(
                        await two.a.post(two.a.who_may(root, name), document(root, calls), **given)
                    )
                assert shape(answers[0], *some) == shape(answers[1], *(w[::-1] for w in some)), leaf.place
                pairs += len(some)
    assert changed(before, await rows_of(behind, two.b.world.tenant_id)) == []
    record_property("count", f"P1: {pairs} cursors and words of another practice: 0 differences")


def _lists() -> Iterator[tuple[str, Callable[[str, Any], str]]]:
    """Every field that gives pages, at the root and on a patient: (place, how to ask for it)."""
    pages = "{ pageInfo { endCursor hasNextPage } }"
    for root, name, definition in root_fields():
        if "after" in definition.args:
            others = [a for a in definition.args if a not in {"first", "after", "find"}]

            def at_root(page: str, practice: Any, name: str = name, others: list[str] = others) -> str:
                given = {"month": practice.month} | {
                    o: practice.one("ImportBatch") for o in others if o == "batchId"
                }
                more = "".join(f', {o}: "{given[o]}"' for o in others if o in given)
                return f"{{ {name}({page}{more}) {pages} }}"

            yield f"{root}.{name}", at_root
    for name, given in CORE.type_map["Patient"].fields.items():  # type: ignore[union-attr]
        if "after" in given.args:

            def on_patient(page: str, practice: Any, name: str = name) -> str:
                id = practice.pinned["Patient"]
                return f'{{ node(id: "{id}") {{ ... on Patient {{ {name}({page}) {pages} }} }} }}'

            yield f"Patient.{name}", on_patient


async def test_control_a_table_without_its_wall_is_noticed(
    two: TwoPractices, behind: AsyncEngine, record_property: Callable[[str, object], None]
) -> None:
    """The same sweep with the policy of one table opened must find B's rows: else it proves nothing."""
    noticed, silent = [], []
    for table in ("patient", "encounter", "time_entry", "site"):
        kind = CLASSES[table].__name__
        places = [(r, p) for r, p in ID_PLACES if kind_of(p) in (kind, None)][:6]
        sweep = Sweep(two)
        async with behind.begin() as connection:
            await connection.execute(
                sa.text(f'alter policy tenant on "{table}" using (true) with check (true)')
            )
        try:
            for root, leaf in places:
                await sweep.place(root, leaf, two.of_b(kind))
        finally:
            async with behind.begin() as connection:
                await connection.execute(
                    sa.text(f'alter policy tenant on "{table}" using {POLICY} with check {POLICY}')
                )
        (noticed if sweep.differences or sweep.leaks else silent).append(table)
    assert "patient" in noticed or len(noticed) > 1, (noticed, silent)
    record_property(
        "count",
        f"P1 control: wall taken from {', '.join(noticed)}: noticed; held by the queries too: {silent}",
    )


def test_every_root_field_declares_its_permission() -> None:
    assert set(PERMISSIONS) == {f"{root}.{name}" for root, name, _ in root_fields()}


@pytest.mark.parametrize("root", [r for r in ROOTS if ROOTS[r]])
def test_the_walk_finds_ids_in_lists_and_nested_inputs(root: str) -> None:
    """Counted another way: every ID in the printed schema that a root field can reach is among the places."""
    reachable = Counter[str]()

    def count(kind: Any, above: tuple[str, ...] = ()) -> int:
        named = get_named_type(kind)
        fields = getattr(named, "fields", None)
        if fields is None:
            return int(named.name == "ID")
        return sum(count(f.type, (*above, named.name)) for f in fields.values() if named.name not in above)

    for name, definition in ROOTS[root].fields.items():  # type: ignore[union-attr]
        reachable[name] = sum(count(a.type) for a in definition.args.values())
    found = Counter(leaf.field for r, leaf in ID_PLACES if r == root)
    assert found == +reachable
