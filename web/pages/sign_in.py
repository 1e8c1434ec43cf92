"""Signing in: the password, the second factor, and on to whatever is missing before work can begin."""

from typing import Any

from server.demo_cast import PASSWORD, PRACTICES
from server.errors import Refused
from server.tenants import sessions, sign_in
from server.tenants.db import tenant_db
from server.tenants.demo_code import current_code, demo_slugs, is_demo_person
from server.tenants.permissions import ROLES
from server.tenants.practice import practice_of
from server.tenants.sessions import SignedIn
from server.words import say
from web.site import AFTER, Answer, SessionEnded, Visit, after_cookie, issued_cookies, page, session_cookie

_STEPS = {"authenticator": "/authenticator", "code": "/sign-in/code", "practice": "/switch"}


def me_of(visit: Visit) -> SignedIn:
    """Who holds the session; platform pages have one."""
    if visit.signed_in is None:
        raise SessionEnded
    return visit.signed_in


@page.get("/sign-in", scope="public")
async def sign_in_form(visit: Visit) -> Answer:
    if visit.signed_in is not None and visit.signed_in.actor is not None:
        return visit.go("/sign-in/next")
    demo = await _demo_people(visit)
    chosen = next(
        (person for people in demo for person in people["people"] if person["email"] == visit.query("as")),
        None,
    )
    values = {"email": chosen["email"], "password": PASSWORD} if chosen else {}
    return visit.show("entrance/sign_in.html", demo=demo, values=values)


@page.post("/sign-in", scope="public")
async def sign_in_with_password(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        issued = await sign_in.with_password(form.get("email", ""), form.get("password", ""), visit.visitor)
    except Refused as refused:
        values = {"email": form.get("email", "")}
        return visit.again("entrance/sign_in.html", refused, values=values, demo=await _demo_people(visit))
    if visit.signed_in is not None:
        await sessions.sign_out(visit.token)
    return visit.go("/sign-in/next", cookies=issued_cookies(issued))


@page.get("/sign-in/code", scope="platform")
async def code_form(visit: Visit) -> Answer:
    if me_of(visit).needs != "code":
        return visit.go("/sign-in/next")
    return visit.show("entrance/code.html", **await _code_page(visit))


@page.post("/sign-in/code", scope="platform")
async def code_given(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        issued = await sign_in.second_factor(visit.token, form.get("code", ""), visit.visitor)
    except Refused as refused:
        if refused.code in {"CHALLENGE_OVER", "SIGN_IN_AGAIN"}:
            ended = [session_cookie("", ends=True)]
            return visit.again(
                "entrance/sign_in.html", refused, cookies=ended, demo=await _demo_people(visit)
            )
        return visit.again("entrance/code.html", refused, **await _code_page(visit))
    return visit.go("/sign-in/next", cookies=issued_cookies(issued))


@page.get("/sign-in/next", scope="platform")
async def next_step(visit: Visit) -> Answer:
    """On to the step that is missing, else to where somebody was going, the set-up, or the first page."""
    me = me_of(visit)
    if me.needs == "agreements":
        waiting = next(p for p in me.practices if p.state == "preparing")
        return visit.go(f"/agreements/{waiting.id}")
    if me.needs:
        return visit.go(_STEPS[me.needs])
    after = visit.request.cookies.get(AFTER, "")
    if after.startswith("/") and not after.startswith(("//", "/\\", "/sign-in")):
        return visit.go(after, cookies=[after_cookie("")])
    return visit.go("/set-up" if await _set_up_waits(visit) else "/")


async def _set_up_waits(visit: Visit) -> bool:
    if not visit.actor.may("practice.write"):
        return False
    async with tenant_db(visit.actor, read_only=True) as db:
        return (await practice_of(db, visit.actor)).set_up_done_at is None


async def _code_page(visit: Visit) -> dict[str, Any]:
    """What the page of the second factor shows. In a demo on this machine alone: an offer to fill the code in."""
    me = me_of(visit)
    if not visit.only_this_machine or not await is_demo_person(me.email):
        return {"email": me.email, "demo": False}
    given: dict[str, Any] = {"email": me.email, "demo": True}
    if visit.query("demo") == "fill":
        try:
            given["values"] = {"code": await current_code(me.email)}
        except Refused as refused:
            given["wait"] = f"{refused.message} {refused.next_step}"
    return given


async def _demo_people(visit: Visit) -> list[dict[str, Any]]:
    """The demo's practices and people, for a visitor on this machine; nothing anywhere else."""
    if not visit.only_this_machine:
        return []
    slugs = await demo_slugs()
    return [
        {
            "practice": demo.name,
            "people": [
                {"name": m.name, "role": say(ROLES[m.role]), "email": m.email(demo.slug)} for m in demo.staff
            ],
        }
        for demo in PRACTICES
        if demo.slug in slugs
    ]
