"""From the first page to an open practice, through the pages alone; links come out of the letters."""

import html
import re
import secrets
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from cast import World
from sqlalchemy.ext.asyncio import AsyncEngine

from server.mail import outbox
from server.tenants import totp
from server.tenants.db import auth_db

PASSWORD = "kettle otter marble song"
NOBODY = "harbor.example"


def csrf(page: str) -> str:
    found = re.search(r'name="_csrf" value="([^"]*)"', page)
    return found[1] if found else ""


async def link_for(email: str, kind: str) -> str:
    """The path of the link in the newest letter to an address."""
    async with auth_db() as db:
        letters = [letter for letter in await outbox(db, most=1000) if letter.to == email]
    for letter in letters:
        if found := re.search(rf"http://127\.0\.0\.1:8080(/{kind}/\S+)", letter.body):
            return found[1]
    raise AssertionError(f"no letter with a {kind} link for {email}")


async def post(
    client: httpx.AsyncClient, path: str, *, page: str | None = None, **form: Any
) -> httpx.Response:
    """Fill in and send the form at `path` (or the one found at `page`), with its token."""
    shown = await client.get(page or path)
    return await client.post(path, data={**form, "_csrf": csrf(shown.text)})


def inside_as(client: httpx.AsyncClient, world: World, who: str) -> httpx.AsyncClient:
    """The client with somebody's session, under the host's own name so that the server can replace it."""
    client.cookies.set("carewright", world.sessions[who], domain="127.0.0.1", path="/")
    return client


def wish(**given: str) -> dict[str, str]:
    unique = secrets.token_hex(4)
    plain = {
        "practice_name": f"Harbor Clinic {unique}", "npi": "1234567893", "time_zone": "America/Detroit",
        "name": "Ruth Vale", "email": f"ruth-{unique}@{NOBODY}", "password": PASSWORD,
    }  # fmt: skip
    return {**plain, **given}


def secret_on(page: str) -> str:
    return html.unescape(re.search(r'class="code-by-hand">([^<]+)<', page)[1]).replace(" ", "")  # type: ignore[index]


def code_of(secret: str, offset: int = 0) -> str:
    return totp.code_at(secret, totp.step_at(datetime.now(UTC)) + offset)


async def set_up_authenticator(client: httpx.AsyncClient) -> tuple[str, list[str]]:
    """Through the authenticator page; the secret and the recovery codes shown."""
    page = await client.get("/authenticator")
    secret = secret_on(page.text)
    sealed = re.search(r'name="sealed" value="([^"]+)"', page.text)[1]  # type: ignore[index]
    form = {"sealed": sealed, "code": code_of(secret), "_csrf": csrf(page.text)}
    shown = await client.post("/authenticator", data=form)
    assert shown.status_code == 200, shown.text
    return secret, re.findall(r"<li><code>([^<]+)</code></li>", shown.text)


async def signed_up(browse: Any) -> tuple[httpx.AsyncClient, dict[str, str], str, list[str]]:
    """A client inside a fresh practice: its wish, the authenticator's secret, the recovery codes."""
    client, wished = browse(), wish()
    assert (await client.post("/sign-up", data=wished)).headers["location"] == "/sign-up/mail"
    link = await link_for(wished["email"], "sign-up/confirm")
    await post(client, link, password=PASSWORD)
    secret, codes = await set_up_authenticator(client)
    place = (await client.get("/sign-in/next")).headers["location"]
    page = await client.get(place)
    shown = dict(re.findall(r'name="((?:terms|baa)_\w+)" value="([^"]+)"', page.text))
    form = {**shown, "terms": "Ruth Vale", "baa": "Ruth Vale", "_csrf": csrf(page.text)}
    opened = await client.post(place, data=form)
    assert (opened.status_code, opened.headers["location"]) == (303, "/set-up")
    return client, wished, secret, codes


async def test_the_whole_way_from_the_first_page_to_an_open_practice(browse: Any) -> None:
    client, wished = browse(), wish()
    assert "/sign-up" in (await client.get("/welcome")).text
    assert "ten minutes" in (await client.get("/sign-up")).text

    sent = await client.post("/sign-up", data=wished)
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-up/mail")
    assert "/outbox" in (await client.get("/sign-up/mail")).text
    link = await link_for(wished["email"], "sign-up/confirm")
    assert link in (await client.get("/outbox")).text

    for _ in range(3):  # looking uses nothing up: mail scanners open links
        assert wished["practice_name"] in (await client.get(link)).text
    wrong = await post(client, link, password="not the words that were typed")
    assert (wrong.status_code, "do not go together" in wrong.text) == (422, True)
    confirmed = await post(client, link, password=PASSWORD)
    assert (confirmed.status_code, confirmed.headers["location"]) == (303, "/sign-in/next")
    assert (await client.get(link)).status_code == 410
    assert (await client.get("/sign-in/next")).headers["location"] == "/authenticator"
    assert (await client.get("/people")).headers["location"] == "/sign-in/next"  # nothing is open yet

    page = await client.get("/authenticator")
    assert "data:image/svg+xml;base64," in page.text
    secret = secret_on(page.text)
    sealed = re.search(r'name="sealed" value="([^"]+)"', page.text)[1]  # type: ignore[index]
    mistyped = await client.post(
        "/authenticator", data={"sealed": sealed, "code": "000000", "_csrf": csrf(page.text)}
    )
    assert (mistyped.status_code, secret_on(mistyped.text)) == (422, secret)  # the same picture again
    form = {"sealed": sealed, "code": code_of(secret), "_csrf": csrf(page.text)}
    shown = await client.post("/authenticator", data=form)
    codes = re.findall(r"<li><code>([^<]+)</code></li>", shown.text)
    assert len(codes) == 10
    assert codes[0] not in (await client.get("/sign-in/next", follow_redirects=True)).text

    place = (await client.get("/sign-in/next")).headers["location"]
    assert place.startswith("/agreements/")
    page = await client.get(place)
    assert "164.504" in page.text  # the text itself, readable
    hidden = dict(re.findall(r'name="((?:terms|baa)_\w+)" value="([^"]+)"', page.text))
    form = {**hidden, "terms": "Ruth Vale", "baa": "Ruth", "_csrf": csrf(page.text)}
    short = await client.post(place, data=form)
    assert (short.status_code, "not a full name" in short.text) == (422, True)
    assert 'value="Ruth Vale"' in short.text  # what was typed is still there
    opened = await client.post(place, data={**form, "baa": "Ruth Vale"})
    assert (opened.status_code, opened.headers["location"]) == (303, "/set-up")

    checklist = await client.get("/set-up")
    assert wished["practice_name"] in checklist.text
    assert "/people/new" in checklist.text
    assert "/imports" in checklist.text
    overview = await client.get("/practice")
    assert "1234567893" in overview.text
    assert overview.text.count("Ruth Vale") >= 2  # both agreements, with the name as typed


async def test_the_first_address_leads_strangers_to_the_welcome_page(lakeside: World, browse: Any) -> None:
    first = await browse().get("/")
    assert (first.status_code, first.headers.get("location")) == (303, "/welcome")
    ended = browse(lakeside, "nora")
    ended.cookies.set("carewright", "a token of long ago")
    assert (await ended.get("/")).headers["location"] == "/sign-in"


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("npi", "1234567890", "the tenth digit"),
        ("npi", "12345", "digits"),
        ("time_zone", "", "time zone"),
        ("email", "ruth", "e-mail address"),
        ("password", "short", "at least 12"),
        ("practice_name", "", "We need"),
    ],
)
async def test_a_refused_sign_up_keeps_what_was_typed(browse: Any, field: str, typed: str, says: str) -> None:
    wished = wish(**{field: typed})
    answer = await browse().post("/sign-up", data=wished)
    assert answer.status_code == 422
    beside = re.search(rf'id="f-{field}-error">.*?<span>([^<]+)</span>', answer.text, re.S)
    assert beside is not None
    assert says in html.unescape(beside[1])
    assert f'href="#f-{field}"' in answer.text
    kept = {k: v for k, v in wished.items() if k not in {field, "password", "time_zone"}}
    assert all(html.escape(value) in answer.text for value in kept.values())
    assert PASSWORD not in answer.text


async def test_sign_in_with_a_password_then_a_code(browse: Any, behind: AsyncEngine) -> None:
    _, wished, secret, codes = await signed_up(browse)
    await forget_steps(behind, wished["email"])
    client = browse()
    wrong = await client.post("/sign-in", data={"email": wished["email"], "password": "not the right words"})
    assert (wrong.status_code, f'value="{wished["email"]}"' in wrong.text) == (422, True)
    first = await client.post("/sign-in", data={"email": wished["email"], "password": PASSWORD})
    assert (first.status_code, first.headers["location"]) == (303, "/sign-in/next")
    assert (await client.get("/session")).status_code == 401
    assert (await client.get("/practice")).headers["location"] == "/sign-in/next"
    assert (await client.get("/sign-in/next")).headers["location"] == "/sign-in/code"

    half = client.cookies["carewright"]
    mistyped = await post(client, "/sign-in/code", code="000000")
    assert (mistyped.status_code, "not right" in mistyped.text) == (422, True)
    inside = await post(client, "/sign-in/code", code=code_of(secret))
    assert inside.status_code == 303
    assert client.cookies["carewright"] != half
    alive = await client.get("/session")
    assert alive.status_code == 204
    assert alive.headers["x-csrf-token"] == csrf((await client.get("/practice")).text)
    assert (await client.get("/sign-in")).headers["location"] == "/sign-in/next"

    client.cookies.set("carewright", half)  # the token from before the second factor opens nothing any more
    assert (await client.get("/session")).status_code == 401

    spare = browse()
    await spare.post("/sign-in", data={"email": wished["email"], "password": PASSWORD})
    assert (await post(spare, "/sign-in/code", code=codes[0])).status_code == 303
    assert (await spare.get("/session")).status_code == 204
    again = browse()
    await again.post("/sign-in", data={"email": wished["email"], "password": PASSWORD})
    assert (await post(again, "/sign-in/code", code=codes[0])).status_code == 422  # each works once


async def test_five_wrong_codes_end_the_challenge(browse: Any, behind: AsyncEngine) -> None:
    _, wished, secret, _ = await signed_up(browse)
    await forget_steps(behind, wished["email"])
    client = browse()
    await client.post("/sign-in", data={"email": wished["email"], "password": PASSWORD})
    answers = [await post(client, "/sign-in/code", code="000000") for _ in range(5)]
    assert [a.status_code for a in answers] == [422] * 5
    assert "ended" in answers[-1].text
    assert 'name="password"' in answers[-1].text  # back at the first step
    assert (await client.get("/sign-in/code")).headers["location"] == "/sign-in"
    assert (await client.post("/sign-in/code", data={"code": code_of(secret)})).status_code == 401


async def test_where_somebody_was_going_is_where_they_arrive(browse: Any, behind: AsyncEngine) -> None:
    _, wished, secret, _ = await signed_up(browse)
    await forget_steps(behind, wished["email"])
    client = browse()
    assert (await client.get("/practice/staff")).headers["location"] == "/sign-in"
    await client.post("/sign-in", data={"email": wished["email"], "password": PASSWORD})
    await post(client, "/sign-in/code", code=code_of(secret))
    assert (await client.get("/sign-in/next")).headers["location"] == "/practice/staff"
    assert (await client.get("/sign-in/next")).headers["location"] == "/set-up"
    client.cookies.set("after", "//evil.example/", path="/sign-in")
    assert (await client.get("/sign-in/next")).headers["location"] == "/set-up"


async def test_a_new_password_does_not_pass_the_second_factor(browse: Any, behind: AsyncEngine) -> None:
    inside, wished, secret, _ = await signed_up(browse)
    await forget_steps(behind, wished["email"])
    client = browse()
    sent = await client.post("/password/forgotten", data={"email": wished["email"]})
    assert sent.headers["location"] == "/password/mail"
    link = await link_for(wished["email"], "password/new")
    assert wished["email"] in (await client.get(link)).text
    short = await client.post(link, data={"password": "short"})
    assert (short.status_code, "at least 12" in short.text) == (422, True)
    done = await client.post(link, data={"password": "seven quiet lamps at noon"})
    assert (done.status_code, done.headers["location"]) == (303, "/sign-in")
    assert (await client.get("/session")).status_code == 401  # nobody is signed in by it
    assert (await inside.get("/session")).status_code == 401  # and everybody was signed out
    assert (await client.get(link)).status_code == 410
    assert (await client.post(link, data={"password": "another good long one"})).status_code == 410
    await client.post("/sign-in", data={"email": wished["email"], "password": "seven quiet lamps at noon"})
    assert (await client.get("/practice")).headers["location"] == "/sign-in/next"
    assert (await post(client, "/sign-in/code", code=code_of(secret))).status_code == 303


async def test_nothing_tells_whether_a_login_exists(lakeside: World, browse: Any) -> None:
    known, unknown = lakeside.emails["nora"], "nobody-here" + lakeside.emails["nora"][4:]

    def told(answer: httpx.Response, email: str) -> tuple[int, str | None, str]:
        return (
            answer.status_code,
            answer.headers.get("location"),
            answer.text.replace(html.escape(email), "E"),
        )

    for path, form in (
        ("/sign-in", {"password": "a wrong but long one"}),
        ("/password/forgotten", {}),
        ("/sign-up", {k: v for k, v in wish(practice_name="Harbor", name="Ann Lee").items() if k != "email"}),
    ):
        answers = [told(await browse().post(path, data={**form, "email": e}), e) for e in (known, unknown)]
        assert answers[0] == answers[1], path


async def test_an_invitation_is_accepted_and_an_old_one_is_not(
    lakeside: World, browse: Any, behind: AsyncEngine
) -> None:
    ada = browse(lakeside, "ada")
    email = f"june-{secrets.token_hex(4)}@{NOBODY}"
    invited = await post(
        ada,
        "/practice/staff/invite",
        name="June Park",
        email=email,
        role="care_manager",
        npi="",
        role_edited="x",
    )
    assert invited.status_code == 303, invited.text
    link = await link_for(email, "invitation")

    june = browse()
    page = await june.get(link)
    assert "Lakeside Family Medicine" in page.text
    assert "care manager" in page.text
    short = await june.post(link, data={"name": "June Park", "password": "short"})
    assert short.status_code == 422
    joined = await june.post(link, data={"name": "June Park", "password": PASSWORD, "role": "administrator"})
    assert joined.headers["location"] == "/sign-in/next"
    assert (await june.get("/practice")).headers[
        "location"
    ] == "/sign-in/next"  # the second factor is asked for first
    await set_up_authenticator(june)
    assert (await june.get("/sign-in/next")).headers["location"] == "/"
    assert (await june.get("/practice")).status_code == 200
    assert (await june.get("/practice/staff/invite")).status_code == 403  # a care manager, whatever was sent
    assert (await browse().get(link)).status_code == 410

    other = f"tess-{secrets.token_hex(4)}@{NOBODY}"
    await post(ada, "/practice/staff/invite", name="Tess Ray", email=other, role="biller")
    old = await link_for(other, "invitation")
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update one_time_link set ends_at = now() - interval '1 minute' where email = :email"),
            {"email": other},
        )
    late = await browse().get(old)
    assert (late.status_code, "ask an administrator" in late.text) == (410, True)
    refused = await browse().post(old, data={"name": "Tess Ray", "password": PASSWORD})
    assert refused.status_code == 410
    async with behind.connect() as connection:
        made = await connection.scalar(
            sa.text("select count(*) from person where email = :email"), {"email": other}
        )
    assert made == 0


async def test_one_login_switches_between_its_practices(
    lakeside: World, hillcrest: World, browse: Any, behind: AsyncEngine
) -> None:
    iris = browse(hillcrest, "ada")
    invited = await post(
        iris, "/practice/staff/invite", name="Nora Feld", email=lakeside.emails["nora"], role="mentor"
    )
    assert invited.status_code == 303, invited.text
    link = await link_for(lakeside.emails["nora"], "invitation")
    asked = await browse().get(link)
    assert 'autocomplete="current-password"' in asked.text  # the login she has

    async with behind.begin() as connection:  # joined, as by the link
        await connection.execute(
            sa.text("insert into membership (person_id, tenant_id) values (:p, :t)"),
            {"p": lakeside.persons["nora"], "t": hillcrest.tenant_id},
        )
    nora = inside_as(browse(), lakeside, "nora")
    before = (await nora.get("/session")).headers["x-session-person"]
    token = nora.cookies["carewright"]
    choices = await nora.get("/switch")
    assert "Lakeside Family Medicine" in choices.text
    assert "Hillcrest Internal Medicine" in choices.text
    moved = await post(nora, "/switch", practice=str(hillcrest.tenant_id))
    assert moved.status_code == 303, moved.text
    assert nora.cookies["carewright"] != token
    page = await nora.get("/practice")
    assert "Hillcrest Internal Medicine" in page.text
    # A page left open for the other practice finds another person here, and leaves.
    assert (await nora.get("/session")).headers["x-session-person"] != before
    assert (await nora.get("/practice/staff/invite")).status_code == 403  # a mentor here
    strange = await post(nora, "/switch", practice=secrets.token_hex(4))
    assert strange.status_code == 422
    other = browse(hillcrest, "fred")
    assert (await post(other, "/switch", practice=str(lakeside.tenant_id))).status_code == 422
    assert "Hillcrest" in (await other.get("/practice")).text


async def test_signing_out_ends_it_and_twice_is_no_error(lakeside: World, browse: Any) -> None:
    nora = browse(lakeside, "nora")
    out = await post(nora, "/sign-out", page="/practice")
    assert (out.status_code, out.headers["location"]) == (303, "/welcome")
    nora.cookies.set("carewright", lakeside.sessions["nora"])
    assert (await nora.get("/session")).status_code == 401
    assert (await nora.get("/practice")).headers["location"] == "/sign-in"
    assert (await nora.post("/sign-out")).status_code == 303


async def test_a_form_sent_after_the_end_says_so(lakeside: World, browse: Any) -> None:
    ada = browse(lakeside, "ada")
    token = csrf((await ada.get("/practice/sites/new")).text)
    await post(ada, "/sign-out", page="/practice")
    ada.cookies.set("carewright", lakeside.sessions["ada"])
    late = await ada.post("/practice/sites/new", data={"name": "West Street", "_csrf": token})
    assert (late.status_code, late.headers["x-session-ended"]) == (401, "1")
    assert "was not saved" in late.text
    script = await ada.post("/practice/sites/new", data={"name": "West"}, headers={"hx-request": "true"})
    assert (script.status_code, script.text) == (401, "")


async def test_only_a_demo_on_this_machine_offers_the_code(
    lakeside: World, browse: Any, behind: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.settings import settings

    _, wished, secret, _ = await signed_up(browse)
    await forget_steps(behind, wished["email"])
    client = browse()
    await client.post("/sign-in", data={"email": wished["email"], "password": PASSWORD})
    offered = await client.get("/sign-in/code?demo=fill")
    assert "demo" not in offered.text.lower().replace("?demo=fill", "")
    assert code_of(secret) not in offered.text

    async with behind.begin() as connection:  # the same person, now of a demo practice
        await connection.execute(
            sa.text("update directory set demo = true where name = :name"), {"name": wished["practice_name"]}
        )
    assert "This is a demo" in (await client.get("/sign-in/code")).text
    filled = (await client.get("/sign-in/code?demo=fill")).text
    typed = re.search(r'name="code"[^>]*value="(\d{6})"', filled)
    assert typed is not None
    for name in ("x-forwarded-for", "via", "forwarded"):  # a proxy that was not configured
        assert "This is a demo" not in (await client.get("/sign-in/code?demo=fill", headers={name: "1"})).text
    monkeypatch.setenv("CAREWRIGHT_PUBLIC_URL", "https://care.example.org")
    settings.cache_clear()
    try:
        public = await client.get(
            "/sign-in/code?demo=fill", headers={"cookie": f"__Host-carewright={client.cookies['carewright']}"}
        )
        assert "This is a demo" not in public.text
        assert not re.search(r'name="code"[^>]*value="\d{6}"', public.text)
    finally:
        monkeypatch.delenv("CAREWRIGHT_PUBLIC_URL")
        settings.cache_clear()
    assert (await post(client, "/sign-in/code", code=typed[1])).status_code == 303
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update directory set demo = false where name = :n"), {"n": wished["practice_name"]}
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CAREWRIGHT_HOST", "0.0.0.0"),
        ("CAREWRIGHT_PUBLIC_URL", "https://care.example.org"),
        ("CAREWRIGHT_TRUSTED_PROXY", "10.0.0.1"),
        ("CAREWRIGHT_SMTP_URL", "smtp://mail.example.org"),
    ],
)
async def test_the_outbox_exists_only_on_this_machine(
    browse: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    from server.settings import settings

    client = browse()
    assert (await client.get("/outbox")).status_code == 200
    assert (await client.get("/design")).status_code == 200
    assert (await client.get("/outbox", headers={"x-forwarded-for": "203.0.113.9"})).status_code == 404
    assert (await client.get("/outbox", headers={"host": "evil.example"})).status_code == 421
    monkeypatch.setenv(name, value)
    settings.cache_clear()
    try:
        assert (await client.get("/outbox")).status_code == 404
        if name != "CAREWRIGHT_SMTP_URL":
            assert (await client.get("/design")).status_code == 404
        assert "/outbox" not in (await client.get("/sign-up/mail")).text
    finally:
        monkeypatch.delenv(name)
        settings.cache_clear()


async def forget_steps(behind: AsyncEngine, email: str) -> None:
    """As if the code of this half minute had not been used yet."""
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update person set totp_last_step = 0 where email = :email"), {"email": email}
        )
