"""What stands in an address, in its path or after the question mark: never a failure of ours, and never repeated."""

from collections import defaultdict
from urllib.parse import quote, quote_from_bytes

import httpx
import pytest
from page_forms import Route, csrf_of, routes, runs_in, who_may
from two_practices import PAYLOADS, Practice, TwoPractices

from web.site import Visit

pytestmark = pytest.mark.timeout(300)  # making two practices takes a while on a busy machine

CANNOT_BE_KEPT = [b"a\0b", b"\x1b[2J", b"x" * 60_000]
ODD = [
    b"\xed\xa0\x80",
    b"\xff\xfe",
    b"9" * 400,
    b"-1",
    b"2026-02-30",
    b"\r\nX: y",
    "\u202e😀".encode(),
    PAYLOADS[0].encode(),
]
NO_IDS = [b'"><img src=x onerror=__xss()>', b"a\0b", b"\xff", "😀".encode(), b"9" * 400, b"%"]


def written(text: bytes) -> str:
    return quote_from_bytes(text, safe="")


def pages() -> list[Route]:
    return [route for route in routes("GET") if not route.path.startswith("/static/")]


def visitor(practice: Practice, route: Route) -> httpx.AsyncClient:
    return practice.client(None if route.scope == "public" else who_may(route.permission))


@pytest.mark.campaign
async def test_whatever_stands_after_the_question_mark(
    two: TwoPractices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page, with every name it reads there."""
    read: dict[str, set[str]] = defaultdict(set)
    asked, query = "", Visit.query

    def heard(visit: Visit, name: str, default: str = "") -> str:
        read[asked].add(name)
        return query(visit, name, default)

    monkeypatch.setattr(Visit, "query", heard)
    wrong, refused = [], 0
    for route in pages():
        asked, address, client = route.name, route.address(two.a), visitor(two.a, route)
        plain = await client.get(address)
        for name in sorted(read[route.name] | {"nobody reads it"}):
            for text in [*CANNOT_BE_KEPT, *ODD] if name in read[route.name] else ODD[:2]:
                answer = await client.get(f"{address}?{quote(name)}={written(text)}&{written(text[:9])}=&&%")
                if answer.status_code >= 500 or runs_in(answer.text):
                    wrong.append((answer.status_code, route.name, name, text[:20]))
                if plain.status_code == 200 and name in read[route.name] and text in CANNOT_BE_KEPT:
                    refused += 1
                    if answer.status_code != 422:
                        wrong.append((answer.status_code, route.name, name, text[:20]))
    assert wrong == []
    assert refused >= 10 * len(CANNOT_BE_KEPT), "hardly any page was heard to read its address"


async def test_a_path_that_names_nothing_is_404_before_a_form_is_read(two: TwoPractices) -> None:
    wrong, asked = [], 0
    for route in [route for route in (*pages(), *routes("POST")) if route.scope != "public"]:
        for name in route.ids:
            for text in NO_IDS if route.method == "GET" else NO_IDS[:2]:
                address = route.address(two.a, {name: written(text)})
                asked += 1
                if route.method == "GET":
                    answer = await visitor(two.a, route).get(address)
                else:
                    form = {"_csrf": csrf_of(two.a.world, who_may(route.permission)), "reason": "a\0b"}
                    answer = await visitor(two.a, route).post(address, data=form)
                if answer.status_code != 404 or "__xss" in answer.text:
                    wrong.append((answer.status_code, route.name, name, text[:20]))
    assert wrong == []
    assert asked > 300


async def test_a_form_given_back_repeats_nothing_of_its_address(two: TwoPractices) -> None:
    form = {"_csrf": csrf_of(two.a.world, "nora"), "note": "a\0b"}
    answered = 0
    for route in routes("POST"):
        for name in {*route.parameters} - {*route.ids}:
            if route.scope == "tenant":
                token = csrf_of(two.a.world, who_may(route.permission))
                address = route.address(two.a, {name: written(NO_IDS[0])})
                answer = await visitor(two.a, route).post(address, data=form | {"_csrf": token})
                assert answer.status_code in {404, 422}, (route.name, answer.status_code)
                assert "__xss" not in answer.text, route.name
                answered += 1
    assert answered


async def test_an_address_that_nobody_could_have_been_sent_to_asks_to_sign_in(two: TwoPractices) -> None:
    """Where somebody was going is kept in a cookie until they are in, whatever it is."""
    stranger = two.a.client(None)
    for route in pages():
        if route.scope == "tenant" and route.parameters:
            for text in NO_IDS:
                address = route.address(two.a, {route.parameters[0]: written(text)})
                answer = await stranger.get(address)
                assert answer.status_code in {303, 404}, (route.name, text[:20], answer.status_code)
