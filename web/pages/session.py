"""The session itself: whether it lives, in which practice, and its end."""

from litestar import Response

from server.errors import Refused
from server.ids import parse_id
from server.tenants import sessions
from server.words import say
from web.pages.sign_in import me_of
from web.site import Answer, Visit, issued_cookies, page, session_cookie


@page.get("/session", scope="public")
async def session(visit: Visit) -> Answer:
    """For the page's own heartbeat. A sign-in that is half done is not one yet, and is left alone."""
    if visit.signed_in is None or visit.signed_in.actor is None:
        return Response("", status_code=401, headers={"X-Session-Ended": "1"})
    headers = {"X-Session-Person": str(visit.actor.staff_id), "X-CSRF-Token": visit.csrf_token()}
    return Response(None, status_code=204, headers=headers)


@page.post("/sign-out", scope="public")
async def sign_out(visit: Visit) -> Answer:
    await sessions.sign_out(visit.token)
    said = say("You are signed out.") if visit.signed_in else ""
    return visit.go("/welcome", said, cookies=[session_cookie("", ends=True)])


@page.get("/switch", scope="platform")
async def switch_form(visit: Visit) -> Answer:
    me = me_of(visit)
    if me.stage != "full":
        return visit.go("/sign-in/next")
    return visit.show("entrance/switch.html", me=me)


@page.post("/switch", scope="platform")
async def switch(visit: Visit) -> Answer:
    me = me_of(visit)
    chosen = parse_id((await visit.form()).get("practice", ""))
    try:
        if chosen is None:
            raise Refused("PRACTICE_MISSING", say("No practice was chosen."), say("Choose one of the list."))
        issued = await sessions.enter(visit.token, chosen)
    except Refused as refused:
        # Whose staff row was closed is told so in the same words, whatever the practice.
        closed = refused if refused.code != "NOT_FOUND" else _not_there()
        return visit.again("entrance/switch.html", closed, me=me)
    return visit.go("/sign-in/next", cookies=issued_cookies(issued))


def _not_there() -> Refused:
    return Refused(
        "NOT_THERE",
        say("You are not on the staff of that practice any more, or it has been closed."),
        say("Choose another one, or ask its administrator."),
    )
