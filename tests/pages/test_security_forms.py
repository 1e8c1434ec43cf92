"""P22: a form that did not come from our own page, or not from this sign-in, changes nothing. Every route there is."""

import hashlib
import hmac
import re
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from cast import World
from sqlalchemy.ext.asyncio import AsyncEngine

from server.app import route_table
from server.ids import new_id

FORM = {
    "name": "Changed by a stranger", "npi": "1234567893", "time_zone": "America/Chicago", "policy": "accurate",
    "email": "stranger@harbor.example", "role": "biller", "kind": "", "from_on": "2026-01-05",
    "last_day": "2026-02-05", "discipline": "md", "reason": "", "edi_id": "", "password": "kettle otter marble song", "scopes": "read", "days": "30",
    "practice_name": "Stranger Clinic", "family_name": "Stranger", "given_names": "Ann", "birth_date": "1950-01-01",
    "what_matters": "Nothing of this", "bills": "",
}  # fmt: skip
MUTATION = {"query": 'mutation { addSite(input: {name: "Stranger Street"}) { __typename } }'}
EVIL = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
Prints = Callable[[], Any]


def token_of(world: World, who: str) -> str:
    return hmac.new(world.csrf[who].encode(), b"form", hashlib.sha256).hexdigest()


def unsafe_routes() -> list[str]:
    """Every path that takes an unsafe method."""
    return sorted(
        {r["path"] for r in route_table() if set(r["methods"].split(",")) - {"GET", "HEAD", "WEBSOCKET"}}
    )


def address(path: str, world: World) -> str:
    """The route's path with ids of things that are there, so that a form could have an effect."""
    ids = {
        "/practice/staff/": world.staff["mika"], "/practice/sites/": world.site_id,
        "/practice/payers/": world.payers["unknown"], "/agreements/": world.tenant_id,
    }  # fmt: skip
    known = next((id for start, id in ids.items() if path.startswith(start)), new_id())
    return re.sub(r"\{[^}]+\}", str(known), path)


@pytest.fixture
def prints(behind: AsyncEngine) -> Prints:
    """`await prints()`: one line per table, changed by any change of any row."""

    async def read() -> dict[str, str]:
        async with behind.connect() as connection:
            names = (
                await connection.execute(
                    sa.text("select tablename from pg_tables where schemaname = 'public'")
                )
            ).scalars()
            return {
                name: str(
                    await connection.scalar(
                        sa.text(
                            f"select md5(coalesce(string_agg(line, '' order by line), '')) from "
                            f"(select (to_jsonb(t) - 'seen_at')::text as line from \"{name}\" t) lines"
                        )
                    )
                )
                for name in names
                if name != "diagnosis_code"
            }

    return read


async def send(
    client: httpx.AsyncClient, path: str, token: str | None, **headers: str | None
) -> httpx.Response:
    """Post a plausible form. headers: replaced, or left out where None."""
    form = dict(FORM) if token is None else {**FORM, "_csrf": token}
    request = client.build_request("POST", path, data=form)
    if path == "/graphql" and headers:
        request = client.build_request("POST", path, json=MUTATION)
    for name, value in headers.items():
        key = name.replace("_", "-")
        request.headers.pop(key, None)
        if value is not None:
            request.headers[key] = value
    return await client.send(request)


async def test_no_form_from_elsewhere_changes_anything(lakeside: World, browse: Any, prints: Prints) -> None:
    ada = browse(lakeside, "ada")
    right = token_of(lakeside, "ada")
    variants: dict[str, tuple[str | None, dict[str, str | None]]] = {
        "no token": (None, {}),
        "another session's token": (token_of(lakeside, "nora"), {}),
        "foreign origin": (right, {"origin": EVIL["origin"], "sec_fetch_site": EVIL["sec-fetch-site"]}),
        "origin null": (right, {"origin": "null", "sec_fetch_site": None}),
        "no origin": (right, {"origin": None, "sec_fetch_site": None}),
    }
    routes = unsafe_routes()
    assert {"/sign-in", "/graphql", "/practice/tokens", "/security/password"} <= set(routes)
    before = await prints()
    tried = 0
    for path in routes:
        for variant, (token, headers) in variants.items():
            answer = await send(ada, address(path, lakeside), token, **headers)
            expected = {403} if path != "/graphql" else {400, 403, 415}
            assert answer.status_code in expected, (path, variant, answer.status_code)
            tried += 1
        for variant, headers in (("foreign", dict(EVIL)), ("none", {"origin": None, "sec-fetch-site": None})):
            answer = await send(
                browse(),
                address(path, lakeside),
                None,
                **{k.replace("-", "_"): v for k, v in headers.items()},
            )
            # GraphQL without a cookie is nobody, whoever sends it
            assert answer.status_code == 403 or path == "/graphql", (path, variant, answer.status_code)
            tried += 1
    assert await prints() == before
    sys.stdout.write(f"P22: {len(routes)} unsafe routes, {tried} forms from elsewhere, 0 effects\n")


async def test_the_same_forms_from_our_own_page_do_change_things(
    lakeside: World, browse: Any, prints: Prints
) -> None:
    """The control: the check above would notice an effect."""
    ada, right = browse(lakeside, "ada"), token_of(lakeside, "ada")
    changed, before = 0, await prints()
    for path in (
        "/practice/sites/new",
        "/practice/payers/new",
        "/practice/staff/invite",
        "/practice/edit",
        "/practice/tokens",
    ):
        answer = await send(ada, path, right)
        assert answer.status_code in {200, 303}, (path, answer.text)
        after = await prints()
        changed, before = changed + (after != before), after
    assert changed == 5


async def test_tokens_of_a_session_end_with_it(lakeside: World, browse: Any) -> None:
    """A page that was open before the token changed is refused, and says what to do."""
    nora = browse(lakeside, "nora")
    old = await nora.post("/sign-out", data={"_csrf": "0" * 64})
    assert old.status_code == 403
    assert "Open the page again" in old.text


async def test_every_page_of_a_signed_in_person_is_kept_by_no_cache(lakeside: World, browse: Any) -> None:
    ada = browse(lakeside, "ada")
    for path in ("/practice", "/security", "/set-up", "/practice/tokens", "/session"):
        answer = await ada.get(path)
        assert answer.headers["cache-control"] == "no-store", path
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy, path
        assert "unsafe" not in policy, path
