"""One's own sign-in: sessions, password, authenticator and recovery codes, through the pages."""

import re
from datetime import UTC, datetime
from typing import Any

import httpx
import sqlalchemy as sa
from cast import World
from sqlalchemy.ext.asyncio import AsyncEngine

from server.tenants import passwords, totp

PASSWORD = "kettle otter marble song"


async def with_password(world: World, who: str, behind: AsyncEngine) -> None:
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update person set password_hash = :hash where id = :id"),
            {"hash": await passwords.hash_password(PASSWORD), "id": world.persons[who]},
        )


def signed_in(client: httpx.AsyncClient, world: World, who: str) -> httpx.AsyncClient:
    client.cookies.set("carewright", world.sessions[who], domain="127.0.0.1", path="/")
    return client


async def post(client: httpx.AsyncClient, path: str, page: str = "", **form: Any) -> httpx.Response:
    shown = (await client.get(page or path)).text
    token = re.search(r'name="_csrf" value="([^"]*)"', shown)
    assert token is not None
    sealed = re.search(r'name="sealed" value="([^"]+)"', shown)
    secret = re.search(r'class="code-by-hand">([^<]+)<', shown)
    if sealed and secret:
        form["sealed"] = sealed[1]
        form.setdefault("code", totp.code_at(secret[1].replace(" ", ""), totp.step_at(datetime.now(UTC))))
    return await client.post(path, data={**form, "_csrf": token[1]})


async def test_one_may_end_ones_own_sessions_and_nobody_elses(
    lakeside: World, browse: Any, behind: AsyncEngine
) -> None:
    await with_password(lakeside, "nora", behind)
    nora = signed_in(browse(), lakeside, "nora")
    elsewhere = browse()
    await elsewhere.post("/sign-in", data={"email": lakeside.emails["nora"], "password": PASSWORD})
    page = await nora.get("/security")
    ends = re.findall(r'action="(/security/sessions/[0-9a-f-]{36}/end)"', page.text)
    assert len(ends) == 1
    assert "This one" in page.text

    stranger = browse(lakeside, "fred")
    assert (await post(stranger, ends[0], page="/security")).status_code == 404
    assert (await elsewhere.get("/sign-in/code")).status_code == 200
    assert (await post(nora, ends[0], page="/security")).status_code == 303
    assert (await elsewhere.get("/sign-in/code")).headers["location"] == "/sign-in"

    await elsewhere.post("/sign-in", data={"email": lakeside.emails["nora"], "password": PASSWORD})
    assert (await post(nora, "/security/sessions/end-others", page="/security")).status_code == 303
    assert (await elsewhere.get("/sign-in/code")).headers["location"] == "/sign-in"
    assert (await nora.get("/session")).status_code == 204


async def test_a_changed_password_needs_the_present_one(
    lakeside: World, browse: Any, behind: AsyncEngine
) -> None:
    await with_password(lakeside, "nora", behind)
    nora = signed_in(browse(), lakeside, "nora")
    wrong = await post(
        nora, "/security/password", password="not the right words", new_password="seven quiet lamps at noon"
    )
    assert (wrong.status_code, "not your present password" in wrong.text) == (422, True)
    short = await post(nora, "/security/password", password=PASSWORD, new_password="short")
    assert (short.status_code, 'id="f-new_password-error"' in short.text) == (422, True)
    before = nora.cookies["carewright"]
    done = await post(nora, "/security/password", password=PASSWORD, new_password="seven quiet lamps at noon")
    assert (done.status_code, done.headers["location"]) == (303, "/security")
    assert nora.cookies["carewright"] != before
    assert "Your password is changed" in (await nora.get("/security")).text
    assert "Your password is changed" not in (await nora.get("/security")).text  # said once
    old = browse()
    refused = await old.post("/sign-in", data={"email": lakeside.emails["nora"], "password": PASSWORD})
    assert refused.status_code == 422


async def test_a_new_authenticator_and_new_recovery_codes(
    lakeside: World, browse: Any, behind: AsyncEngine
) -> None:
    await with_password(lakeside, "nora", behind)
    nora = signed_in(browse(), lakeside, "nora")
    wrong = await post(nora, "/security/authenticator", password=PASSWORD, code="000000")
    assert (wrong.status_code, 'id="f-code-error"' in wrong.text) == (422, True)
    wrong = await post(nora, "/security/authenticator", password="not the right words")
    assert (wrong.status_code, 'id="f-password-error"' in wrong.text) == (422, True)
    changed = await post(nora, "/security/authenticator", password=PASSWORD)
    codes = re.findall(r"<li><code>([^<]+)</code></li>", changed.text)
    assert (changed.status_code, len(codes)) == (200, 10)
    assert "10 of them are unused" in (await nora.get("/security")).text

    refused = await post(nora, "/security/recovery-codes", password="not the right words")
    assert (refused.status_code, 'id="f-password-error"' in refused.text) == (422, True)
    renewed = await post(nora, "/security/recovery-codes", password=PASSWORD)
    fresh = re.findall(r"<li><code>([^<]+)</code></li>", renewed.text)
    assert len(fresh) == 10
    assert not set(fresh) & set(codes)
    for path in ("/security", "/security/recovery-codes"):
        assert fresh[0] not in (await nora.get(path)).text


async def test_the_heartbeat_alone_keeps_nobody_signed_in(
    lakeside: World, browse: Any, behind: AsyncEngine
) -> None:
    nora = browse(lakeside, "nora")

    async def idle(minutes: int) -> None:
        async with behind.begin() as connection:
            await connection.execute(
                sa.text(
                    "update sign_in set seen_at = now() - make_interval(mins => :m) where person_id = :p"
                ),
                {"m": minutes, "p": lakeside.persons["nora"]},
            )

    async def seen() -> datetime:
        async with behind.connect() as connection:
            found = await connection.scalar(
                sa.text("select seen_at from sign_in where person_id = :p"), {"p": lakeside.persons["nora"]}
            )
        assert isinstance(found, datetime)
        return found

    await idle(14)
    before = await seen()
    assert (await nora.get("/session")).status_code == 204
    assert await seen() == before  # asking is not working
    assert (await nora.get("/session", headers={"x-active": "1"})).status_code == 204
    assert await seen() > before
    await idle(16)
    ended = await nora.get("/session", headers={"x-active": "1"})
    assert (ended.status_code, ended.headers["x-session-ended"]) == (401, "1")
    assert "set-cookie" not in ended.headers  # another tab may be signing in at this moment
