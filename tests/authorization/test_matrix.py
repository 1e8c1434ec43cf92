"""P28: every role and every token against every field and route, cell by cell, as matrix.toml says.

A field or route that the file does not know fails, and so does one the running site treats differently.
"""

import hashlib
import secrets
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cast import BY_ROLE
from draft_matrix import OWNERS, drafted, written
from page_forms import Form, Route, csrf_of, forms_of, ghost, routes
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine
from two_practices import (
    ROOTS,
    Practice,
    TwoPractices,
    changed,
    client_of,
    document,
    kind_of,
    leaves,
    rows_of,
    variables,
)

from server.graphql.connections import global_id
from server.graphql.refusals import lone_mutations
from server.graphql.schema import SCHEMA
from server.ids import new_id
from server.tenants.db import auth_db
from server.tenants.permissions import ROLES, SCOPES
from server.tenants.tables import ApiToken

pytestmark = pytest.mark.timeout(300)  # making two practices takes a while on a busy machine

FILE = Path(__file__).with_name("matrix.toml")
MATRIX: dict[str, dict[str, list[str]]] = {
    table: {name: who.split(", ") if who else [] for name, who in rows.items()}
    for table, rows in tomllib.loads(FILE.read_text()).items()
}
FIELDS = MATRIX["fields"]
TOKENS = [f"{scope}:{owner}" for scope in SCOPES for owner in OWNERS]
#: written although the cell is refused: that somebody was refused a patient is itself written down
NOTED = ("audit_event", "audit_subject")
LONE = lone_mutations(SCHEMA)
REFUSED = {"NOT_ALLOWED", "SIGN_IN_NEEDED"}
Count = Callable[[str, object], None]


def test_the_file_says_what_the_code_declares() -> None:
    assert FILE.read_text() == written(drafted()), (
        "fields, routes or permissions changed: run tests/authorization/draft_matrix.py > matrix.toml and review it"
    )


# --- GraphQL --------------------------------------------------------------------------------------------------


def call(place: str, practice: Practice, *, real: bool) -> tuple[str, str, dict[str, Any]]:
    """(root, field, arguments) of a cell. real: with ids of what is there, so that a hole would have an effect."""
    root, _, rest = place.partition(".")
    name, _, kind = rest.partition(" of ")
    definition = ROOTS[root].fields[name]  # type: ignore[union-attr]
    given: dict[Any, Any] = {}
    for leaf in leaves(name, definition):
        wanted = kind or kind_of(leaf)
        if leaf.type == "ID" and (kind or not real):
            given[leaf.path] = practice.one(str(wanted)) if real else global_id(str(wanted), new_id())
        if leaf.name == "month" and not real:
            given[leaf.path] = "no month"  # asked, and refused for another reason
    return root, name, practice.arguments(name, definition, given)


async def outcomes(
    client: httpx.AsyncClient, practice: Practice, places: list[str], *, real: bool, **headers: str
) -> dict[str, str]:
    """place -> the code it was answered with, or ANSWERED."""
    found: dict[str, str] = {}
    for root in ("Query", "Mutation"):
        lone = [[place] for place in places if place.partition(".")[2] in LONE]
        own = [place for place in places if place.startswith(root) and [place] not in lone]
        for some in [
            *(own[n : n + 12] for n in range(0, len(own), 12)),
            *(lone if root == "Mutation" else ()),
        ]:
            calls, values = [], {}
            for n, place in enumerate(some):
                _, name, arguments = call(place, practice, real=real)
                calls.append((f"c{n}", name, arguments))
                values |= variables(f"c{n}", arguments)
            body = {"query": document(root, calls, depth=0), "variables": values}
            answer = await client.post("/graphql", json=body, headers=headers)
            payload = answer.json()
            codes = {
                e["path"][0]: e["extensions"]["code"] for e in payload.get("errors", ()) if e.get("path")
            }
            assert "data" in payload, payload
            for n, place in enumerate(some):
                value = (payload["data"] or {}).get(f"c{n}")
                refused = value.get("code") if isinstance(value, dict) else None
                found[place] = codes.get(f"c{n}") or refused or "ANSWERED"
    return found


async def tokens_of(practice: Practice) -> dict[str, str]:
    """`scope:owner` -> a bearer token of that owner with that scope alone."""
    made, rows, at = {}, [], datetime.now(UTC)
    for cell in TOKENS:
        scope, owner = cell.split(":")
        made[cell] = secrets.token_urlsafe(32)
        rows.append(
            {
                "id": new_id(), "token_hash": hashlib.sha256(made[cell].encode()).digest(), "name": cell, "scopes": [scope],
                "person_id": practice.world.persons[BY_ROLE[owner]], "tenant_id": practice.world.tenant_id, "made_at": at,
                "ends_at": at + timedelta(days=1),
            }
        )  # fmt: skip
    async with auth_db() as db:
        await db.execute(insert(ApiToken), rows)
    return made


async def test_every_field_as_every_role_and_every_token(
    two: TwoPractices, behind: AsyncEngine, record_property: Count
) -> None:
    a = two.a
    allowed: dict[str, set[str]] = {role: {p for p in FIELDS if role in FIELDS[p]} for role in ROLES}
    allowed |= {cell: {p for p in FIELDS if cell in MATRIX["tokens"][p]} for cell in TOKENS}
    allowed["nobody"] = {p for p in FIELDS if "anybody" in FIELDS[p]}
    tokens = await tokens_of(a)
    nobody = client_of(a.app, None)

    async def ask(column: str, places: set[str], *, real: bool) -> dict[str, str]:
        if column in ROLES:
            return await outcomes(a.client(BY_ROLE[column]), a, sorted(places), real=real)
        bearer = {"authorization": f"Bearer {tokens[column]}"} if column in tokens else {}
        return await outcomes(nobody, a, sorted(places), real=real, **bearer)

    wrong: list[str] = []
    before = await rows_of(behind, a.world.tenant_id)
    for column, places in allowed.items():
        for place, code in (await ask(column, set(FIELDS) - places, real=True)).items():
            expected = "SIGN_IN_NEEDED" if column == "nobody" else "NOT_ALLOWED"
            if code != expected:
                wrong.append(f"{column} may {place}: {code}")
    after = await rows_of(behind, a.world.tenant_id)
    assert wrong == []
    assert changed(before, after, but=(*NOTED, "sign_in", "api_token")) == [], (
        "a refused cell wrote something"
    )
    for column, places in allowed.items():
        for place, code in (await ask(column, places, real=False)).items():
            if code in REFUSED or code == "INTERNAL":
                wrong.append(f"{column} may not {place}: {code}")
    await nobody.aclose()
    assert wrong == []
    cells = len(allowed) * len(FIELDS)
    refused = cells - sum(map(len, allowed.values()))
    record_property(
        "count",
        f"P28: {len(FIELDS)} fields x {len(allowed)} columns ({len(ROLES)} roles, {len(TOKENS)} tokens, nobody): "
        f"{cells:,} cells as expected, {refused:,} refused with 0 writes",
    )


# --- pages ----------------------------------------------------------------------------------------------------


async def visit(
    client: httpx.AsyncClient,
    route: Route,
    practice: Practice,
    who: str | None,
    forms: Mapping[str, Form],
    *,
    real: bool,
) -> httpx.Response:
    given = {} if real else {p: ghost() for p in route.ids}
    if "month" in route.parameters and not real:
        given["month"] = "1999-13"
    address = route.address(practice, given)
    if route.method == "GET":
        return await client.get(address)
    known = forms.get(route.name)
    form = known.filled(practice, lambda name: f"About {name}") if known and real else {}
    token = {"_csrf": csrf_of(practice.world, who)} if who else {}
    return await client.request(route.method, address, data={**form, **token})


async def test_every_route_as_every_role(
    two: TwoPractices, behind: AsyncEngine, record_property: Count
) -> None:
    a = two.a
    forms = await forms_of(a)
    tenant = [route for route in routes() if route.scope == "tenant"]
    rows = MATRIX["routes"]
    wrong: list[str] = []
    cells = refused = 0
    before = await rows_of(behind, a.world.tenant_id)
    nobody = client_of(a.app, None)
    for route in tenant:
        answer = await visit(nobody, route, a, None, forms, real=True)
        sent_away = answer.status_code == 303 and answer.headers["location"] in {"/sign-in", "/welcome"}
        if not (sent_away if route.method == "GET" else answer.status_code in {401, 403}):
            wrong.append(f"nobody may {route.name}: {answer.status_code}")
        for role in ROLES:
            cells += 1
            if role not in rows[route.name]:
                refused += 1
                who = BY_ROLE[role]
                answer = await visit(a.client(who), route, a, who, forms, real=True)
                if answer.status_code != 403 or "does not include" not in answer.text:
                    wrong.append(f"{role} may {route.name}: {answer.status_code}")
    after = await rows_of(behind, a.world.tenant_id)
    assert wrong == []
    assert changed(before, after, but=(*NOTED, "sign_in")) == [], "a refused cell wrote something"
    for route in tenant:
        for role in rows[route.name]:
            who = BY_ROLE[role]
            answer = await visit(a.client(who), route, a, who, forms, real=route.method == "GET")
            if answer.status_code in {401, 403} or answer.status_code >= 500:
                wrong.append(f"{role} may not {route.name}: {answer.status_code}")
    for route in routes():
        if route.scope != "tenant" and route.method == "GET":
            answer = await visit(nobody, route, a, None, forms, real=True)
            sent_away = answer.status_code == 303 and answer.headers["location"] == "/sign-in"
            if sent_away != (rows[route.name] == ["anybody signed in"]):
                wrong.append(f"nobody and {route.name}: {answer.status_code}")
    await nobody.aclose()
    assert wrong == []
    record_property(
        "count",
        f"P28: {len(tenant)} routes x {len(ROLES)} roles and nobody: {cells + len(tenant):,} cells as expected, "
        f"{refused + len(tenant):,} refused with 0 writes",
    )


# --- the control ----------------------------------------------------------------------------------------------


async def test_control_a_permission_that_is_not_checked_is_noticed(
    two: TwoPractices, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.tenants.actor import Actor

    monkeypatch.setattr(Actor, "require", lambda *_: None)
    place = "Mutation.addSite"
    assert "mentor" not in FIELDS[place]
    found = await outcomes(two.a.client("mona"), two.a, [place], real=True)
    assert found[place] not in REFUSED
