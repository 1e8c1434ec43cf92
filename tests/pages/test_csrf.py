"""P22 beside the forms of test_security_forms.py: other kinds of bodies, GraphQL's door, and the headers of every answer."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from page_forms import csrf_of, routes, who_may
from sqlalchemy.ext.asyncio import AsyncEngine
from two_practices import ORIGIN, TwoPractices, changed, rows_of

pytestmark = pytest.mark.timeout(300)  # making two practices takes a while on a busy machine

Count = Callable[[str, object], None]
MUTATION = 'mutation { addSite(input: {name: "Stranger Street"}) { __typename } }'
EVIL = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
PLAIN = "text/plain;charset=UTF-8"


async def test_a_body_that_a_foreign_page_may_send_unasked_does_nothing(
    two: TwoPractices, behind: AsyncEngine, record_property: Count
) -> None:
    """text/plain, as `<form enctype=text/plain>` or a simple fetch sends it, with the person's cookie, to every route."""
    before = [await rows_of(behind, practice.world.tenant_id) for practice in (two.a, two.b)]
    tried = 0
    for route in routes("POST"):
        who = who_may(route.permission)
        client = two.a.client(who)
        token = f"_csrf={csrf_of(two.a.world, who)}&name=Stranger"
        for body, headers in (
            (token, {"content-type": PLAIN}),  # a token in a body that is no form is no token
            (token, {"content-type": "application/x-www-form-urlencoded", **EVIL}),
            (token, {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-site"}),
            (token, {"content-type": PLAIN, **EVIL}),
        ):
            answer = await client.post(route.address(two.a), content=body.encode(), headers=headers)
            assert answer.status_code == 403, (route.name, headers, answer.status_code)
            tried += 1
    after = [await rows_of(behind, practice.world.tenant_id) for practice in (two.a, two.b)]
    assert [changed(b, a, but=("sign_in",)) for b, a in zip(before, after, strict=True)] == [[], []]
    record_property("count", f"P22: {tried} bodies from elsewhere to {len(routes('POST'))} routes: 0 effects")


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"json": {"query": MUTATION}, "headers": EVIL}, 403),
        ({"json": {"query": MUTATION}, "headers": {"origin": "null", "sec-fetch-site": "cross-site"}}, 403),
        ({"data": {"query": MUTATION}}, 415),
        ({"files": {"operations": ("o", '{"query": "' + MUTATION.replace('"', '\\"') + '"}')}}, 415),
        ({"content": '{"query": "x"}', "headers": {"content-type": PLAIN}}, 415),
        ({"content": "[]", "headers": {"content-type": "application/json"}}, 400),
    ],
)
async def test_graphql_takes_json_from_our_own_pages_only(
    two: TwoPractices, behind: AsyncEngine, how: dict[str, Any], status: int
) -> None:
    before = await rows_of(behind, two.a.world.tenant_id)
    answer = await two.a.client("ada").post("/graphql", **how)
    assert answer.status_code == status, answer.text
    assert changed(before, await rows_of(behind, two.a.world.tenant_id), but=("sign_in",)) == []


async def test_graphql_is_never_asked_by_address(two: TwoPractices, behind: AsyncEngine) -> None:
    before = await rows_of(behind, two.a.world.tenant_id)
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = await two.a.client("ada").request(method, "/graphql", params={"query": MUTATION})
        assert answer.status_code == 405
    bare = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=two.a.app), base_url=ORIGIN, cookies=two.a.client("ada").cookies
    )
    async with bare:  # a cookie, but neither Origin nor Sec-Fetch-Site
        assert (await bare.post("/graphql", json={"query": MUTATION})).status_code == 403
    assert changed(before, await rows_of(behind, two.a.world.tenant_id), but=("sign_in",)) == []


async def test_every_answer_carries_the_headers_errors_too(two: TwoPractices, record_property: Count) -> None:
    seen: dict[int, int] = {}

    def check(answer: httpx.Response, what: str) -> None:
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        policy = answer.headers.get("content-security-policy", "")
        assert "default-src 'none'" in policy, what
        assert "unsafe" not in policy, what
        assert "frame-ancestors 'none'" in policy, what
        assert answer.headers["x-content-type-options"] == "nosniff", what
        assert answer.headers["referrer-policy"] == "same-origin", what
        assert answer.headers["cross-origin-opener-policy"] == "same-origin", what
        if "/static/" not in what:
            assert "no-store" in answer.headers["cache-control"], what
        for cookie in answer.headers.get_list("set-cookie"):
            assert "httponly" in cookie.lower(), what
            assert "samesite=lax" in cookie.lower(), what

    nobody, ada = two.a.client(None), two.a.client("ada")
    for route in routes("GET"):
        for client in (nobody, ada):
            check(await client.get(route.address(two.a)), route.name)
    for route in routes("POST"):
        check(await nobody.post(route.address(two.a), headers=EVIL), route.name)
        check(await ada.request("TRACE", route.address(two.a)), f"TRACE {route.name}")
    for client, method, address, more in (
        (ada, "GET", "/nowhere", {}),
        (ada, "GET", "/people/not-an-id", {}),
        (ada, "POST", "/people", {"data": {"q": "x" * 300_000}}),
        (ada, "POST", "/people/new", {"data": {"_csrf": csrf_of(two.a.world, "ada")}}),
        (ada, "POST", "/graphql", {"json": {"query": "{"}}),
        (nobody, "POST", "/graphql", {"json": {"query": "{ patients { edges { cursor } } }"}}),
        (two.a.client("mona"), "GET", "/people", {}),
    ):
        check(await client.request(method, address, **more), address)
    assert {200, 303, 400, 401, 403, 404, 405, 413, 422} <= set(seen), seen
    record_property(
        "count", f"P22: headers right on {sum(seen.values())} answers, statuses {dict(sorted(seen.items()))}"
    )
