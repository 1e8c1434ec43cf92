"""The palette: every page one may go to is in it, nothing else is, and a person is found by name."""

import re
from collections.abc import Callable
from typing import Any

from cast import STAFF, World
from newcomer import key, register
from page_forms import routes

from server.tenants.permissions import permissions_of
from web.ways import HERE, WAYS, ways_to

#: pieces of pages, answers for scripts, files: nothing to go to
NO_PAGES = {"/codes", "/time/now", "/at-once", "/at-once/mark"}


def may(role: str) -> Callable[[str], bool]:
    return lambda permission: permission in permissions_of(role)


def addresses(html: str) -> list[str]:
    return re.findall(r'data-href="([^"]+)"', html)


def test_every_page_without_an_id_is_a_way_with_its_own_permission() -> None:
    pages = {
        r.path: r.permission
        for r in routes("GET")
        if r.scope == "tenant" and not r.parameters and r.path not in NO_PAGES
    }
    assert {way.address: way.permission for way in WAYS} == pages


def test_ways_of_this_person_and_this_month_are_pages() -> None:
    plain = {
        re.sub(r"\{\w+:str\}", "{id}", r.path): r.permission for r in routes("GET") if r.scope == "tenant"
    }
    assert {way.address: way.permission for way in HERE} == {way.address: plain[way.address] for way in HERE}


def test_words_are_found_at_their_beginning_and_names_come_first() -> None:
    everything = may("administrator")
    assert next(way.words for way in ways_to("pay", "/", everything)) == "Payers"
    assert [way.words for way in ways_to("add prov", "/", everything)] == ["Add a provider"]
    assert [way.words for way in ways_to("insurance new", "/", everything)] == ["Add a payer"]
    assert list(ways_to("zzz", "/", everything)) == []
    assert "/month/2026-10/claims" in [w.address for w in ways_to("claims", "/month/2026-10", everything)]
    for at in (
        "/people/no-id",
        "/month/01a205ea-ce22-7aa8-bfb9-577b3537921a",
        "/people/2026-10",
        "//evil",
        "",
    ):
        assert [w for w in ways_to("", at, everything) if w.note] == [], at


async def test_each_role_goes_where_it_may(lakeside: World, browse: Any, ask: Any) -> None:
    person = key(await register(ask, lakeside, familyName="Palettini", givenNames="Rosa"))
    for who, (_, role, *_) in STAFF.items():
        client = browse(lakeside, who)
        page = (await client.get("/")).text
        token = re.search(r'name="_csrf" value="([^"]+)"', page)
        assert token
        for typed in ("", "p", "s", "palet"):
            given = {"_csrf": token[1], "q": typed, "at": f"/people/{person}"}
            answer = await client.post("/go", data=given, headers={"hx-request": "true"})
            assert answer.status_code == 200, answer.text
            for address in addresses(answer.text):
                assert (await client.get(address)).status_code == 200, (who, address)
        assert (f"/people/{person}" in addresses(answer.text)) is may(role)("patients.find"), who


async def test_nobody_of_another_practice_is_found(
    lakeside: World, hillcrest: World, at_browser: Any, ask: Any
) -> None:
    await register(ask, lakeside, familyName="Palettini")
    for world, expected in ((lakeside, True), (hillcrest, False)):
        nora = await at_browser(world, "nora")
        answer = await nora.send("/go", {"q": "palettini", "at": "/"}, status=200)
        assert ("Palettini" in answer.text) is expected
        assert ("Nothing by that name" in answer.text) is not expected


async def test_a_strange_text_is_no_failure(lakeside: World, at_browser: Any) -> None:
    nora = await at_browser(lakeside, "nora")
    for typed in ("=cmd()", "%%", "علي", "x" * 300, "' or 1=1 --", "<script>"):
        answer = await nora.send("/go", {"q": typed, "at": "/people/../month"}, status=200)
        assert "<script>" not in answer.text
