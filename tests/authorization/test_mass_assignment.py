"""P28: what nobody may set cannot be set by sending it, and rights that were taken away are gone at the next request."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from graphql import GraphQLInputObjectType, get_named_type
from page_forms import csrf_of, forms_of, routes, who_may
from sqlalchemy.ext.asyncio import AsyncEngine
from strawberry.utils.str_converters import to_camel_case
from two_practices import CORE, ROOTS, TENANT_TABLES, TwoPractices, changed, document, rows_of, variables

from server.ids import new_id

pytestmark = pytest.mark.timeout(300)  # making two practices takes a while on a busy machine

Count = Callable[[str, object], None]
COLUMNS = sorted({column.name for table in TENANT_TABLES for column in table.columns})


#: always tried; the other columns take turns, and all are tried in the campaign
CORE_NAMES = (
    "tenantId", "tenant_id", "id", "role", "madeBy", "madeAt", "signedAt", "active", "revision", "personId", "struck", "source",
)  # fmt: skip


async def surplus_inputs(two: TwoPractices, behind: AsyncEngine, *, every: bool) -> str:
    before = await rows_of(behind, two.a.world.tenant_id)
    names = sorted(
        {*map(to_camel_case, COLUMNS), *COLUMNS, "isAdmin", "permissions", "actor"} - set(CORE_NAMES)
    )
    tried, turn = 0, 0
    for name, definition in ROOTS["Mutation"].fields.items():  # type: ignore[union-attr]
        takes = set(definition.args)
        inputs = [get_named_type(a.type) for a in definition.args.values()]
        fields = {f for i in inputs if isinstance(i, GraphQLInputObjectType) for f in i.fields}
        turns = names if every else [names[(turn + n) % len(names)] for n in range(6)]
        turn += 6
        extra = [one for one in (*CORE_NAMES, *turns) if one not in takes | fields]
        arguments = two.a.arguments(name, definition)
        who = two.a.who_may("Mutation", name)
        for start in range(0, len(extra), 18):
            some = extra[start : start + 18]
            if "input" in takes:
                given = {**arguments, "input": {**arguments["input"], **dict.fromkeys(some, "x")}}
                text = document("Mutation", [("m", name, given)], depth=0)
                answer = await two.a.post(who, text, **variables("m", given))
            else:
                more = ", ".join(f'{one}: "x"' for one in some)
                answer = await two.a.post(who, f"mutation {{ {name}({more}) {{ __typename }} }}")
            assert answer.status_code == 400, (name, answer.text)
            said = " ".join(error["message"] for error in answer.json()["errors"])
            assert [one for one in some if one not in said] == [], (name, said)
            tried += len(some)
    assert changed(before, await rows_of(behind, two.a.world.tenant_id), but=("sign_in",)) == []
    return f"P28: {tried:,} inputs that mutations do not have: all refused by name, 0 writes"


async def test_no_mutation_takes_a_column_it_does_not_name(
    two: TwoPractices, behind: AsyncEngine, record_property: Count
) -> None:
    """Columns of our tables sent to every mutation as an input it does not have: refused by the schema."""
    record_property("count", await surplus_inputs(two, behind, every=False))


@pytest.mark.campaign
@pytest.mark.timeout(1_800)
async def test_no_mutation_takes_any_column_it_does_not_name(
    two: TwoPractices, behind: AsyncEngine, record_property: Count
) -> None:
    record_property("count", await surplus_inputs(two, behind, every=True))


def test_no_input_is_named_like_what_the_server_decides() -> None:
    """The practice, the writer and the time of writing are never an input."""
    decided = {
        "tenantId",
        "tenant",
        "madeBy",
        "madeAt",
        "signedAt",
        "personId",
        "entityIds",
        "decidedAt",
        "closeId",
        "struck",
    }
    named = {
        f"{name}.{field}"
        for name, kind in CORE.type_map.items()
        if isinstance(kind, GraphQLInputObjectType)
        for field in kind.fields
        if field in decided
    }
    assert named == set()


@pytest.mark.campaign
async def test_no_form_takes_a_column_it_does_not_show(
    two: TwoPractices, behind: AsyncEngine, record_property: Count
) -> None:
    """Every form of every page, sent with every column besides: nothing of the surplus is stored."""
    a = two.a
    forms = await forms_of(a)
    mark, id = "Mzzq", str(new_id())
    tried = accepted = 0
    before = await rows_of(behind, two.b.world.tenant_id)
    for route in routes("POST"):
        form = forms.get(route.name)
        if form is None or route.scope != "tenant" or route.path.startswith("/security/"):
            continue
        who = who_may(route.permission)
        surplus = {
            column: {"tenant_id": str(two.b.world.tenant_id), "role": "administrator", "active": ""}.get(
                column, id if column.endswith("_id") or column in {"id", "made_by"} else f"{mark} {column}"
            )
            for column in COLUMNS
            if column not in form.controls
        }
        answer = await a.client(who).post(
            route.address(a),
            data={**surplus, **form.filled(a, lambda n: f"About {n}"), "_csrf": csrf_of(a.world, who)},
        )
        assert answer.status_code < 500, (route.name, answer.text[:300])
        tried += 1
        accepted += answer.status_code == 303
    found = await _holding(behind, a.world, mark) + await _holding(behind, a.world, id)
    assert found == []
    assert changed(before, await rows_of(behind, two.b.world.tenant_id)) == []
    assert accepted > tried // 3, f"only {accepted} of {tried} forms were taken: the surplus was hardly tried"
    async with behind.connect() as connection:
        roles = await connection.execute(
            sa.text(
                "select count(*) from staff where tenant_id = :t and role = 'administrator' and id <> :ada"
            ),
            {"t": a.world.tenant_id, "ada": a.world.staff["ada"]},
        )
        assert roles.scalar() == 0
    record_property(
        "count",
        f"P28: {tried} forms with {len(COLUMNS)} columns besides ({accepted} taken): 0 surplus values stored",
    )


async def _holding(behind: AsyncEngine, world: World, text: str) -> list[str]:
    """The tables where a row of the practice holds a text anywhere."""
    parts = [
        f"select '{t.name}' from \"{t.name}\" t where tenant_id = :t and t::text like :x"
        for t in TENANT_TABLES
    ]
    async with behind.connect() as connection:
        rows = await connection.execute(
            sa.text(" union ".join(parts)), {"t": world.tenant_id, "x": f"%{text}%"}
        )
        return sorted(rows.scalars())


@pytest.mark.parametrize("way", ["session", "token"])
async def test_a_role_taken_away_is_gone_at_the_next_request(lakeside: World, browse: Any, way: str) -> None:
    headers = {"authorization": f"Bearer {lakeside.tokens['nora']}"} if way == "token" else {}
    nora = browse(lakeside, "nora") if way == "session" else browse()
    ada = browse(lakeside, "ada")
    register = """mutation { registerPatient(input: {familyName: "Walker", givenNames: "Ruth", birthDate: "1944-05-02"}) {
      ... on Patient { id } ... on Refusal { code } } }"""
    first = (await nora.post("/graphql", json={"query": register}, headers=headers)).json()
    assert "id" in first["data"]["registerPatient"]
    demoted = await ada.post(
        f"/practice/staff/{lakeside.staff['nora']}/role",
        data={"role": "mentor", "_csrf": csrf_of(lakeside, "ada")},
    )
    assert demoted.status_code == 303, demoted.text
    second = (await nora.post("/graphql", json={"query": register}, headers=headers)).json()
    assert second["data"]["registerPatient"] == {"code": "NOT_ALLOWED"} or "SIGN_IN_NEEDED" in str(second)
    if way == "session":
        assert (await nora.get("/people")).status_code in {303, 403}


@pytest.mark.parametrize("way", ["session", "token"])
async def test_somebody_who_left_is_nobody_at_the_next_request(
    lakeside: World, browse: Any, way: str
) -> None:
    headers = {"authorization": f"Bearer {lakeside.tokens['nora']}"} if way == "token" else {}
    nora, ada = browse(lakeside, "nora") if way == "session" else browse(), browse(lakeside, "ada")
    ask = {"query": "{ patients { edges { node { id } } } }"}
    assert (await nora.post("/graphql", json=ask, headers=headers)).json()["data"]["patients"] == {
        "edges": []
    }
    left = await ada.post(
        f"/practice/staff/{lakeside.staff['nora']}/leave", data={"_csrf": csrf_of(lakeside, "ada")}
    )
    assert left.status_code == 303, left.text
    assert "SIGN_IN_NEEDED" in (await nora.post("/graphql", json=ask, headers=headers)).text
