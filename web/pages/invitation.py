"""Accepting an invitation to a practice, with a new login or the one somebody has."""

from server.errors import Refused
from server.tenants import invitations, sessions
from server.words import say
from web.pages.entrance import link_over
from web.site import Answer, Visit, issued_cookies, page


@page.get("/invitation/{token:str}", scope="public")
async def invitation_form(visit: Visit) -> Answer:
    return await _page(visit)


@page.post("/invitation/{token:str}", scope="public")
async def invitation_accept(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        issued = await invitations.accept_invitation(
            visit.path("token"), form.get("password", ""), visit.visitor, name=form.get("name", "")
        )
    except Refused as refused:
        return await _page(visit, refused, form)
    await sessions.sign_out(visit.token)
    return visit.go("/sign-in/next", cookies=issued_cookies(issued))


async def _page(visit: Visit, refused: Refused | None = None, form: dict[str, str] | None = None) -> Answer:
    try:
        invitation = await invitations.look_invitation(visit.path("token"))
    except Refused as over:
        return link_over(visit, over, "/sign-in", say("Sign in"))
    values = form if form is not None else {"name": invitation.name}
    if refused is None:
        return visit.show("entrance/invitation.html", invitation=invitation, values=values)
    return visit.again("entrance/invitation.html", refused, invitation=invitation, values=values)
