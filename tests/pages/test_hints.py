"""Hints for the first days: one at most, where it belongs, gone for good once put away or done, back on request."""

import asyncio
import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from cast import BY_ROLE, World
from newcomer import key, register
from page_forms import routes

from server.tenants.permissions import permissions_of
from web.hints import HINTS, KEYS, Hint, done_with, hint_for

_SHOWN = re.compile(r'<div class="hint no-print" role="note">(.*?)</div>', re.DOTALL)
MONTH = "2026-08"


def shown(html: str) -> list[str]:
    """The keys of the hints on a page."""
    return re.findall(r'name="hint" value="([a-z-]+)"', "".join(_SHOWN.findall(html)))


def address(page: str, person: str) -> str:
    return page.replace("{id:str}", person).replace("{month:str}", MONTH)


# --- the list -----------------------------------------------------------------------------------------------------


def test_a_page_shows_one_hint_after_the_other_never_two() -> None:
    first = hint_for("/people/{id:str}", "care_manager", set())
    assert first is not None
    second = hint_for("/people/{id:str}", "care_manager", {first.key})
    assert second is not None
    assert first.key != second.key
    assert hint_for("/people/{id:str}", "care_manager", {first.key, second.key}) is None
    assert hint_for("/people/{id:str}", "mentor", set()) is None
    assert hint_for("/nowhere", "care_manager", set()) is None


def wrong_with(hint: Hint) -> list[str]:
    """What would keep a hint from being seen, from going away, or from being read."""
    gets = {route.path: route.permission for route in routes("GET")}
    posts = {route.path: route.permission for route in routes("POST")}
    found = []
    if hint.page not in gets:
        found.append("no such page")
    for role in hint.roles:
        if gets.get(hint.page, "self.read") not in permissions_of(role):
            found.append(f"{role} cannot open the page")
    found += [f"no such form: {form}" for form in hint.done_by if form not in posts]
    found += [
        f"nobody it is for can send {form}"
        for form in hint.done_by
        if form in posts and not any(posts[form] in permissions_of(role) for role in hint.roles)
    ]
    sentences = [one for one in re.split(r"(?<=\.) ", hint.says) if one]
    if not 1 <= len(sentences) <= 2 or any(len(one.split()) > 26 for one in sentences):
        found.append("too long")
    if not re.fullmatch(r"[a-z][a-z-]{0,39}", hint.key):
        found.append("a key the house would not keep")
    return found


def test_every_hint_can_be_seen_read_and_done(app: object) -> None:
    assert {hint.key: wrong for hint in HINTS if (wrong := wrong_with(hint))} == {}
    assert len(KEYS) == len(HINTS)


def test_control_a_hint_that_cannot_is_told(app: object) -> None:
    for worse in (
        replace(HINTS[0], page="/gone"),
        replace(HINTS[0], roles=("mentor",), page="/people"),
        replace(HINTS[0], done_by=("/nothing/here",)),
        replace(HINTS[0], roles=("mentor",), done_by=("/people/new",)),
        replace(HINTS[0], says="One. Two. Three."),
        replace(HINTS[0], says=" ".join(["word"] * 30) + "."),
    ):
        assert wrong_with(worse), worse


def test_only_hints_of_ones_own_role_are_done_with() -> None:
    assert "month-closing" in done_with("/month/{month:str}/close", "biller", set())
    assert done_with("/month/{month:str}/close", "biller", KEYS) == []
    assert done_with("/month/{month:str}/close", "care_manager", set()) == []


# --- on the pages -------------------------------------------------------------------------------------------------


async def test_every_hint_stands_on_its_page_alone_and_is_put_away_for_good(
    lakeside: World, hillcrest: World, browse: Any, at_browser: Any, ask: Any
) -> None:
    person = str(key(await register(ask, lakeside)))
    for hint in HINTS:
        for role in hint.roles:
            who = BY_ROLE[role]
            at = address(hint.page, person)
            client = await at_browser(lakeside, who)
            page = await client.get(at)
            assert shown(page) == [hint.key], (hint.key, who, "one alone, those before it are away")
            assert hint.says in unescape(page)
            sent = await client.send("/hints/away", {"hint": hint.key, "back": at}, status=303)
            assert sent.headers["location"] == at
            # another browser of the same person knows it too
            again = await browse(lakeside, who).get(at)
            assert hint.key not in shown(again.text)
    untouched = await browse(hillcrest, "nora").get("/")
    assert shown(untouched.text) == ["today-people"]
    assert shown((await browse(lakeside, "rosa").get("/")).text) == ["today-people"], (
        "a colleague's are theirs"
    )


async def test_they_come_back_from_the_account_page(lakeside: World, at_browser: Any) -> None:
    nora = await at_browser(lakeside, "nora")
    await nora.send("/hints/away", {"hint": "today-people", "back": "/"}, status=303)
    assert shown(await nora.get("/")) == []
    assert "Show the hints again" in await nora.get("/security")
    await nora.send("/hints/again", {}, status=303)
    assert shown(await nora.get("/")) == ["today-people"]


async def test_doing_the_thing_puts_its_hint_away(lakeside: World, at_browser: Any, ask: Any) -> None:
    person = str(key(await register(ask, lakeside)))
    nora = await at_browser(lakeside, "nora")
    assert shown(await nora.get(f"/people/{person}")) == ["person-timer"]
    await nora.send("/time/start", {"patient": person}, status=303)
    assert shown(await nora.get(f"/people/{person}")) == ["person-write"]
    refused = await nora.send(f"/people/{person}/contacts", {"kind": "", "on": "2050-01-01"}, status=422)
    assert shown(refused.text) == [], "a page that asks for something says nothing else"
    assert shown(await nora.get(f"/people/{person}")) == ["person-write"], "a refused form has done nothing"


async def test_the_script_takes_it_off_without_a_new_page(lakeside: World, browse: Any) -> None:
    nora = browse(lakeside, "nora")
    page = (await nora.get("/")).text
    csrf = re.search(r'name="_csrf" value="([^"]+)"', page)
    assert csrf
    answer = await nora.post(
        "/hints/away", data={"_csrf": csrf[1], "hint": "today-people"}, headers={"hx-request": "true"}
    )
    assert (answer.status_code, answer.text) == (200, "")
    assert "hx-redirect" not in answer.headers


async def test_what_is_no_hint_is_not_kept_and_leads_nowhere_else(lakeside: World, at_browser: Any) -> None:
    nora = await at_browser(lakeside, "nora")
    await nora.send("/hints/away", {"hint": "not-a-hint", "back": "/"}, status=404)
    for back in ("//evil.example/", "https://evil.example/", "/\\evil", ""):
        sent = await nora.send("/hints/away", {"hint": "today-people", "back": back}, status=303)
        assert sent.headers["location"] == "/"


# --- over GraphQL -------------------------------------------------------------------------------------------------


async def test_another_front_end_keeps_hints_of_its_own(lakeside: World, hillcrest: World, ask: Any) -> None:
    put = "mutation ($key: Line!) { putHintAway(key: $key) { ... on HintsAway { keys } ... on Refusal { code } } }"
    both = await asyncio.gather(
        ask(lakeside, "nora", put, key="our-own-hint"), ask(lakeside, "nora", put, key="today-people")
    )
    assert all(not one["errors"] for one in both)
    me = "{ me { hintsAway } }"
    assert set((await ask(lakeside, "nora", me))["data"]["me"]["hintsAway"]) == {
        "our-own-hint",
        "today-people",
    }
    for world, who in ((lakeside, "rosa"), (hillcrest, "nora")):
        assert (await ask(world, who, me))["data"]["me"]["hintsAway"] == []
    assert (await ask(lakeside, "nora", put, key="NO HINT"))["data"]["putHintAway"] == {
        "code": "HINT_UNKNOWN"
    }
    again = "mutation { showHintsAgain { ... on HintsAway { keys } } }"
    assert (await ask(lakeside, "nora", again))["data"]["showHintsAgain"] == {"keys": []}
    assert (await ask(lakeside, "nora", me))["data"]["me"]["hintsAway"] == []


async def test_no_more_than_a_hundred_are_kept(lakeside: World) -> None:
    from server.errors import Refused
    from server.tenants.db import tenant_db
    from server.tenants.hints import put_hints_away

    nora = lakeside.actor("nora")
    async with tenant_db(nora) as db:
        assert len(await put_hints_away(db, nora, [f"hint-{n}" for n in range(100)])) == 100
        assert len(await put_hints_away(db, nora, ["hint-5"])) == 100
        with pytest.raises(Refused) as refused:
            await put_hints_away(db, nora, ["one-more"])
    assert refused.value.code == "HINT_UNKNOWN"
