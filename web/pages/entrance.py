"""Before anybody is known: the first page, and signing a practice up."""

from typing import Any

from server.errors import Refused
from server.tenants import sessions, sign_up
from server.tenants.sign_up import Wish
from server.words import say
from web.site import Answer, Visit, issued_cookies, page
from web.zones import zone_choices


@page.get("/welcome", scope="public")
async def welcome(visit: Visit) -> Answer:
    return visit.show("entrance/welcome.html")


@page.get("/sign-up", scope="public")
async def sign_up_form(visit: Visit) -> Answer:
    return visit.show("entrance/sign_up.html", zones=zone_choices())


@page.post("/sign-up", scope="public")
async def sign_up_send(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        await sign_up.request(
            Wish(
                practice_name=form.get("practice_name", ""),
                npi=form.get("npi", ""),
                time_zone=form.get("time_zone", ""),
                name=form.get("name", ""),
                email=form.get("email", ""),
                password=form.get("password", ""),
            ),
            visit.visitor,
        )
    except Refused as refused:
        return visit.again("entrance/sign_up.html", refused, values=form, zones=zone_choices())
    return visit.go("/sign-up/mail")


@page.get("/sign-up/mail", scope="public")
async def look_in_your_mail(visit: Visit) -> Answer:
    return visit.show("entrance/mail.html", about="sign-up", outbox=visit.has_outbox)


@page.get("/sign-up/confirm/{token:str}", scope="public")
async def confirm_form(visit: Visit) -> Answer:
    return await _confirm_page(visit)


@page.post("/sign-up/confirm/{token:str}", scope="public")
async def confirm(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        issued = await sign_up.confirm(visit.path("token"), form.get("password", ""), visit.visitor)
    except Refused as refused:
        return await _confirm_page(visit, refused)
    await sessions.sign_out(visit.token)
    return visit.go("/sign-in/next", cookies=issued_cookies(issued))


async def _confirm_page(visit: Visit, refused: Refused | None = None) -> Answer:
    try:
        confirming = await sign_up.look_confirm(visit.path("token"))
    except Refused as over:
        return link_over(visit, over, "/sign-up", say("Sign up again"))
    given: dict[str, Any] = {"confirming": confirming}
    if refused is None:
        return visit.show("entrance/confirm.html", **given)
    return visit.again("entrance/confirm.html", refused, **given)


def link_over(visit: Visit, over: Refused, href: str, words: str) -> Answer:
    """The page behind a link that was used, replaced, or is too old: the same for every reason (410)."""
    return visit.show(
        "entrance/link_over.html",
        status=410,
        message=over.message,
        next_step=over.next_step,
        href=href,
        words=words,
    )
