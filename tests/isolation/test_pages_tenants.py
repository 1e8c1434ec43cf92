"""P2: what P1 says of GraphQL, for every page: another practice's id is an id of nothing, and no header changes that."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from page_forms import Form, Route, crawl, csrf_of, ghost, id_controls, key_of, keys_of, routes, who_may
from sqlalchemy.ext.asyncio import AsyncEngine
from two_practices import TwoPractices, changed, client_of, make_whole, rows_of

from server.app import SCOPES, litestar_app, route_table
from server.clock import now

pytestmark = pytest.mark.timeout(300)  # making two practices takes a while on a busy machine

_UNLIKE = {"x-request-id", "date"}
_REFERENCE = re.compile(r"[0-9A-F]{4}-[0-9A-F]{4}")
_CSRF = re.compile(r'name="_(?:csrf|once)" value="[^"]*"')
#: the letters of every practice, shown to whoever sits at the machine, and only there and only without SMTP
FOR_THIS_MACHINE = {"nobody /outbox"}
PAGES = [route for route in routes() if not route.path.startswith("/static/")]


@pytest.fixture(autouse=True)
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The running timer in the top line shows its seconds: two answers are compared at one moment."""
    moment = now()
    monkeypatch.setattr("web.timer_line.now", lambda: moment)


def shape(answer: httpx.Response, *ids: str) -> tuple[int, str, dict[str, str]]:
    """What tells two answers apart, ids and tokens taken out."""

    def plain(text: str) -> str:
        for id in ids:
            text = text.replace(id, "ID").replace(quote(id, safe=""), "ID")
        return _REFERENCE.sub("REFERENCE", _CSRF.sub("", text))

    headers = {k: plain(v) for k, v in answer.headers.multi_items() if k not in _UNLIKE}
    return answer.status_code, plain(answer.text), headers


class Sweep:
    def __init__(self, two: TwoPractices, forms: Mapping[str, Form]) -> None:
        self.two, self.forms = two, forms
        self.pairs = 0
        self.differences: list[str] = []
        self.leaks: list[str] = []
        self.found: list[str] = []
        self.forged = {
            "x-tenant": two.b.world.slug, "x-tenant-id": str(two.b.world.tenant_id), "x-practice": two.b.world.slug,
            "x-forwarded-host": f"{two.b.world.slug}.example", "x-original-url": "/people", "x-staff-id": str(two.b.world.staff["nora"]),
            "forwarded": f"host={two.b.world.slug}.example",
        }  # fmt: skip

    async def send(
        self, client: httpx.AsyncClient, route: Route, address: str, form: Mapping[str, str], **more: Any
    ) -> httpx.Response:
        if route.method in {"POST", "PUT", "PATCH"}:
            return await client.request(route.method, address, data=dict(form), **more)
        return await client.request(route.method, address, **more)

    def form(self, route: Route, who: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a person of A would send here, with A's own token."""
        known = self.forms.get(route.name)
        filled = known.filled(self.two.a, lambda name: f"About {name}") if known else {}
        return {**filled, **(more or {}), "_csrf": csrf_of(self.two.a.world, who)}

    def judge(self, what: str, theirs: httpx.Response, nothing: httpx.Response, id: str, other: str) -> None:
        self.pairs += 1
        if shape(theirs, id) != shape(nothing, other):
            self.differences.append(
                f"{what}: {theirs.status_code} {theirs.text[:300]} / {nothing.text[:300]}"
            )
        self.leaks += [
            f"{what}: {place}" for place in self.two.canaries.found_in(theirs.text + str(theirs.headers))
        ]
        if theirs.status_code < 400 and what.startswith("in the path"):
            self.found.append(f"{what}: {theirs.status_code}")

    async def path_parameter(self, route: Route, parameter: str, most: int) -> None:
        kind = route.kind(parameter)
        assert kind is not None
        theirs = keys_of(self.two.b, kind, most)
        assert theirs, f"{route.name}: B has nothing of the kind {kind}; name it in page_forms.KINDS"
        who = who_may(route.permission)
        a = self.two.a
        form = self.form(route, who)
        cases: list[tuple[str, httpx.AsyncClient, dict[str, Any]]] = [
            ("in the path", a.client(who), {}),
            ("in the path, forged headers", a.client(who), {"headers": self.forged, "params": {"tenant": self.two.b.world.slug}}),
            ("signed out", client_of(a.app, None), {}),
        ]  # fmt: skip
        for id in theirs:
            nothing = ghost()
            for what, client, more in cases if id == theirs[0] else cases[:1]:
                answers = [
                    await self.send(client, route, route.address(a, {parameter: one}), form, **more)
                    for one in (id, nothing)
                ]
                self.judge(f"{what} {route.name} {parameter}", answers[0], answers[1], id, nothing)
                if what == "signed out":
                    await client.aclose()
        if len(route.ids) > 1:
            # All of B's, which belong together, against one that belongs to nothing.
            whole = {p: key_of(self.two.b, str(route.kind(p))) for p in route.ids}
            nothing = ghost()
            answers = [
                await self.send(a.client(who), route, route.address(a, whole | {parameter: one}), form)
                for one in (whole[parameter], nothing)
            ]
            self.judge(
                f"in the path, all of B's, {route.name}", answers[0], answers[1], whole[parameter], nothing
            )

    async def form_ids(self, route: Route) -> None:
        known = self.forms.get(route.name)
        for name, kind in id_controls(known, self.two.a) if known else ():
            who = who_may(route.permission)
            for id in keys_of(self.two.b, kind, 1):
                nothing = ghost()
                answers = [
                    await self.send(
                        self.two.a.client(who),
                        route,
                        route.address(self.two.a),
                        self.form(route, who, {name: one}),
                    )
                    for one in (id, nothing)
                ]
                self.judge(f"in the form {route.name} {name}", answers[0], answers[1], id, nothing)
                if answers[0].status_code < 400 and answers[0].status_code != 200:
                    self.found.append(f"in the form {route.name} {name}: taken, {answers[0].status_code}")


async def swept(two: TwoPractices, behind: AsyncEngine, most: int) -> str:
    forms, pages = await crawl(two.a)
    before = await rows_of(behind, two.b.world.tenant_id)
    sweep = Sweep(two, forms)
    parameters = 0
    for route in PAGES:
        for parameter in route.ids:
            await sweep.path_parameter(route, parameter, most)
            parameters += 1
        if route.method == "POST":
            await sweep.form_ids(route)
    assert sweep.differences == []
    assert sweep.leaks == []
    assert sweep.found == [], "a page of A answered for an id of B"
    heard = {
        page: two.canaries.found_in(text) for page, text in pages.items() if page not in FOR_THIS_MACHINE
    }
    assert {page: places for page, places in heard.items() if places} == {}
    assert changed(before, await rows_of(behind, two.b.world.tenant_id)) == []
    return (
        f"P2: {len(PAGES)} routes, {parameters} path parameters, {sweep.pairs} pairs, {len(forms)} forms, "
        f"{len(pages)} pages read: 0 differences, 0 leaks, 0 rows of the other practice changed"
    )


async def test_no_page_tells_another_practices_id_from_nothing(
    two: TwoPractices, behind: AsyncEngine, record_property: Callable[[str, object], None]
) -> None:
    record_property("count", await swept(two, behind, 1))


@pytest.mark.campaign
@pytest.mark.timeout(1_800)
async def test_no_page_tells_three_ids_of_another_practice_from_nothing(
    two: TwoPractices, behind: AsyncEngine, record_property: Callable[[str, object], None]
) -> None:
    record_property("count", await swept(two, behind, 3))


@pytest.mark.campaign
async def test_ones_own_ids_are_found(app: Any, behind: AsyncEngine) -> None:
    """The control: with one's own ids the same addresses are pages, so B's are refused for being B's.

    In a practice of its own: what other tests do with A's things ends some of them.
    """
    own = await make_whole("lakeside", app, behind)
    answers = {}
    for route in routes("GET"):
        if route.ids and route.scope == "tenant":
            client, address = own.client(who_may(route.permission)), route.address(own)
            answer = await client.get(address)
            above = address.rpartition("/")[0]
            if (
                answer.status_code == 303 and answer.headers["location"] == above
            ):  # work that is over leads to its page
                answer = await client.get(above)
            answers[route.name] = answer.status_code
    await own.close()
    assert {name: status for name, status in answers.items() if status != 200} == {}
    assert len(answers) > 10


async def test_forged_names_of_a_practice_change_nothing(two: TwoPractices, behind: AsyncEngine) -> None:
    before = await rows_of(behind, two.b.world.tenant_id)
    sweep = Sweep(two, {})
    for route in routes("GET"):
        if not route.ids and not route.path.startswith("/static/"):
            who = who_may(route.permission)
            client, address = two.a.client(who), route.address(two.a)
            plain = await client.get(address)
            forged = await client.get(address, headers=sweep.forged, params={"tenant": two.b.world.slug})
            # Pages for this machine alone are gone as soon as somebody may have forwarded the request.
            assert forged.status_code in {plain.status_code, 404}, route.name
            assert two.canaries.found_in(forged.text) == [], route.name
            assert two.b.world.slug not in forged.text.replace(f"tenant={two.b.world.slug}", ""), route.name
            for host in (f"{two.b.world.slug}.example", "evil.example"):
                assert (await client.get(address, headers={"host": host})).status_code == 421, route.name
    assert changed(before, await rows_of(behind, two.b.world.tenant_id)) == []


def test_every_route_says_whose_it_is_and_one_that_does_not_stops_the_start() -> None:
    undeclared = [row["path"] for row in route_table() if row["scope"] not in SCOPES]
    assert undeclared == []
    assert [route.name for route in routes() for p in route.ids if not route.kind(p)] == []

    from web.site import page

    kept = list(page.handlers)

    async def stray(visit: Any) -> Any:
        return visit

    try:
        page.get("/stray", scope="nobody's")(stray)  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match="/stray"):
            litestar_app()
    finally:
        page.handlers[:] = kept
