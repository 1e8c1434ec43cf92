"""P14: no form, address or text is answered with a failure of ours, whatever is in it; and no answer runs what was typed."""

import itertools
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote_from_bytes

import httpx
import pytest
from page_forms import Form, Route, csrf_of, forms_of, routes, runs_in, who_may
from sqlalchemy import insert
from two_practices import (
    FITS,
    PAYLOADS,
    ROOTS,
    Leaf,
    Practice,
    TwoPractices,
    client_of,
    document,
    leaves,
    variables,
)

from server.graphql.refusals import lone_mutations
from server.graphql.schema import SCHEMA
from server.ids import new_id
from server.tenants.db import auth_db
from server.tenants.tables import SignIn

pytestmark = pytest.mark.timeout(300)  # making two practices takes a while on a busy machine

NASTY: list[bytes] = [
    b"a\0b", b"\xed\xa0\x80", b"\xff\xfe", "\u202eevil".encode(), b"9" * 400, b"NaN", b"-Infinity", b"9223372036854775808",
    b"0000-01-01", b"9999-12-31", b"2023-02-30", b"10000-01-01", "😀👩‍👩‍👧".encode(), b"=cmd()", b"@SUM(1)", b"", b" ", b"\r\nX: y",
    b"../../x", b"x" * 10_001, b"x" * 60_000, b"-1", b"1e999", "١٢٣".encode(), b"24:61", b"99:99", "２０２６-０１-０１".encode(), b"None",
    b"[]", b"{}", b"2026-13", b"'; drop table patient; --", b"%00", b"%s%n", b"\x1c", b"\xef\xbb\xbf", b"00000000-0000-0000-0000-000000000000",
    *(payload.encode() for payload in PAYLOADS[:6]),
]  # fmt: skip
HUGE = b"x" * 1_000_000
#: each costs a password hash, or a month decided in the plugins; a few are enough
SLOW = (
    "/sign-in",
    "/sign-up",
    "/password",
    "/invitation",
    "/security/password",
    "/security/authenticator",
    "/security/recovery",
    "/month",
)
LONE = lone_mutations(SCHEMA)
Count = Callable[[str, object], None]


async def another_session(practice: Practice, who: str) -> tuple[httpx.AsyncClient, str]:
    """A sign-in that may be spoilt, and its secret."""
    token, secret, at = secrets.token_urlsafe(32), secrets.token_hex(16), datetime.now(UTC)
    async with auth_db() as db:
        await db.execute(
            insert(SignIn).values(
                id=new_id(), token_hash=sha256(token.encode()).digest(), csrf_secret=secret.encode(), stage="full",
                person_id=practice.world.persons[who], tenant_id=practice.world.tenant_id, made_at=at, seen_at=at,
                ends_at=at + timedelta(hours=1), device="test",
            )
        )  # fmt: skip
    return client_of(practice.app, token), secret


class Fuzz:
    def __init__(self, practice: Practice, forms: Mapping[str, Form], seed: int) -> None:
        self.practice, self.forms, self.chance = practice, forms, random.Random(seed)
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.names = sorted({name for form in forms.values() for name in form.controls})
        self.slowest = 0.0

    async def route(self, route: Route, count: int) -> None:
        who = who_may(route.permission)
        client, lost = self.practice.client(who), None
        token = csrf_of(self.practice.world, who)
        if route.scope == "public":
            client, token = self.practice.client(None), ""
        elif route.scope == "platform" or route.path.startswith(("/security", "/sign-out")):
            client, secret = await another_session(self.practice, "rosa")
            token = csrf_of_secret(secret)
            lost = client
        for _ in range(count):
            await self.one(client, route, token)
        if lost is not None:
            await lost.aclose()

    async def one(self, client: httpx.AsyncClient, route: Route, token: str) -> None:
        chance = self.chance
        address = self.address(route)
        if route.method == "GET":
            query = self.encoded([(name, value[:2_000]) for name, value in self.spoiled({})]).decode()
            request = client.build_request("GET", f"{address}?{query}")
        else:
            known = self.forms.get(route.name)
            right = known.filled(self.practice, lambda name: f"About {name}") if known else {}
            pairs = [*self.spoiled({k: v.encode() for k, v in right.items()}), ("_csrf", token.encode())]
            if chance.random() < 0.1:
                files = {
                    name: ("x", value, chance.choice(["text/plain", "application/json"]))
                    for name, value in pairs[:-1]
                }
                request = client.build_request("POST", address, data={"_csrf": token}, files=files)
            else:
                kind = {"content-type": "application/x-www-form-urlencoded"}
                request = client.build_request("POST", address, content=self.encoded(pairs), headers=kind)
        began = time.monotonic()
        answer = await client.send(request)
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.statuses[answer.status_code] += 1
        if answer.status_code >= 500:
            self.wrong.append(f"{answer.status_code} {route.name} {request.content[:600]!r}")
        elif self.chance.random() < 0.25 and b"__xss" in answer.content:
            self.wrong += [f"{route.name}: {run}" for run in runs_in(answer.text)]

    def address(self, route: Route) -> str:
        spoilt = {}
        if route.parameters and self.chance.random() < 0.15:
            value = self.chance.choice([n for n in NASTY if n and len(n) < 500])
            spoilt[self.chance.choice(route.parameters)] = quote_from_bytes(value, safe="")
        return route.address(self.practice, spoilt)

    def spoiled(self, right: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
        chance = self.chance
        pairs = dict(right) or dict.fromkeys(chance.sample(self.names, k=min(5, len(self.names))), b"")
        for name in chance.sample(
            list(pairs), k=chance.choice([1, 1, 1, 2, len(pairs)]) if len(pairs) > 1 else len(pairs)
        ):
            pairs[name] = HUGE if chance.random() < 0.01 else chance.choice(NASTY)
        if chance.random() < 0.2:
            pairs.pop(chance.choice(list(pairs)))
        found = list(pairs.items())
        if found and chance.random() < 0.1:
            found.append((chance.choice(found)[0], chance.choice(NASTY)))
        if chance.random() < 0.1:
            found.append((chance.choice(self.names), chance.choice(NASTY)))
        return found

    @staticmethod
    def encoded(pairs: list[tuple[str, bytes]]) -> bytes:
        return "&".join(f"{name}={quote_from_bytes(value, safe='')}" for name, value in pairs).encode()


def csrf_of_secret(secret: str) -> str:
    import hmac

    return hmac.new(secret.encode(), b"form", "sha256").hexdigest()


async def fuzzed(two: TwoPractices, each: int, seed: int) -> str:
    forms = await forms_of(two.a)
    fuzz = Fuzz(two.a, forms, seed)
    posts, gets = routes("POST"), [r for r in routes("GET") if not r.path.startswith("/static/")]
    for route in posts:
        await fuzz.route(route, max(2, each // 6) if route.path.startswith(SLOW) else each)
    for route in gets:
        await fuzz.route(route, max(1, each // 8))
    assert fuzz.wrong == []
    total = fuzz.statuses.total()
    assert total >= 10_000
    assert fuzz.statuses[303] > total // 50, "hardly anything was saved: the forms are not understood"
    without = [r.name for r in posts if r.name not in forms]
    return (
        f"P14 pages, seed {seed}: {total:,} requests to {len(posts)} forms and {len(gets)} pages, 0 x 5xx, 0 payloads run, "
        f"statuses {dict(sorted(fuzz.statuses.items()))}, slowest {fuzz.slowest:.1f} s; {len(without)} posts whose form "
        f"no page showed: {without}"
    )


@pytest.mark.campaign
@pytest.mark.timeout(1_800)  # four or five minutes of work, on a machine that may have other work
async def test_ten_thousand_spoiled_forms(two: TwoPractices, record_property: Count) -> None:
    record_property("count", await fuzzed(two, 90, seed=time.time_ns() % 10**9))


# --- the same texts through every mutation --------------------------------------------------------------------

TEXTS = [
    "\u202eevil\u202c", "9" * 190, "NaN", "9223372036854775808", "0000-01-01", "2023-02-30", "😀👩‍👩‍👧", "=cmd()", PAYLOADS[0], "1e999",
    "a\tb", "２０２６", "%s%n", "../../x", "\ufeff", "\u2028", "ﷺ" * 60, "İ" * 150, "ß" * 190, "e" + "\u0301" * 150,
]  # fmt: skip
REFUSED_AT_THE_DOOR = ["a\0b", "\ud800", "x" * 60_000, "", "\x1c"]


def texts_of(name: str) -> list[Leaf]:
    return [leaf for leaf in leaves(name, ROOTS["Mutation"].fields[name]) if leaf.is_text]  # type: ignore[union-attr]


def spoiled_texts(name: str, texts: list[str]) -> Iterator[dict[Any, str]]:
    """Overrides by path: every free text at once, then each text that has a form of its own alone."""
    own = [leaf for leaf in texts_of(name) if leaf.name in FITS or f"{name}.{leaf.name}" in FITS]
    free = [leaf for leaf in texts_of(name) if leaf not in own]
    for text in texts:
        if free:
            yield {leaf.path: text for leaf in free}
    for leaf, text in itertools.product(own, texts):
        yield {leaf.path: text}


async def every_mutation(
    two: TwoPractices, texts: list[str], door: list[str], share: float, seed: int
) -> str:
    chance, a = random.Random(seed), two.a
    codes: Counter[str] = Counter()
    places, executions = set(), 0
    for name, definition in ROOTS["Mutation"].fields.items():  # type: ignore[union-attr]
        who = a.who_may("Mutation", name)
        some = [one for one in spoiled_texts(name, texts) if chance.random() < share]
        at_once = 1 if name in LONE else 8
        for batch in (some[n : n + at_once] for n in range(0, len(some), at_once)):
            calls, values = [], {}
            for n, given in enumerate(batch):
                arguments = a.arguments(name, definition, given)
                calls.append((f"c{n}", name, arguments))
                values |= variables(f"c{n}", arguments)
                places |= {(name, path) for path in given}
            answer = await a.post(who, document("Mutation", calls, depth=0), **values)
            executions += len(batch)
            _judge(name, answer, codes)
        for text in door if texts_of(name) else ():
            arguments = a.arguments(name, definition, {leaf.path: text for leaf in texts_of(name)})
            answer = await a.post(
                who, document("Mutation", [("m", name, arguments)], depth=0), **variables("m", arguments)
            )
            executions += 1
            _judge(name, answer, codes)
            assert answer.status_code in {400, 413}, (name, text[:20], answer.text)
    total = sum(len(texts_of(name)) for name in ROOTS["Mutation"].fields)  # type: ignore[union-attr]
    return (
        f"P14 texts: {len(places)} of {total} text inputs of all mutations, {executions:,} calls, 0 x 5xx, 0 masked, "
        f"{len(codes)} codes"
    )


def _judge(name: str, answer: httpx.Response, codes: Counter[str]) -> None:
    assert answer.status_code < 500, (name, answer.text)
    payload = answer.json()
    found = [e["extensions"]["code"] for e in payload.get("errors", ())]
    found += [v.get("code", v["__typename"]) for v in (payload.get("data") or {}).values() if v]
    assert "INTERNAL" not in found, (name, answer.request.content.decode()[:3_000], answer.text)
    codes.update(found)


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
async def test_every_hard_text_through_every_mutation(two: TwoPractices, record_property: Count) -> None:
    record_property("count", await every_mutation(two, TEXTS, REFUSED_AT_THE_DOOR, 1.0, seed=1))
