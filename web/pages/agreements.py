"""Accepting the terms of use and the business associate agreement, which opens a practice."""

from server.errors import Refused, not_found
from server.tenants import sign_up
from server.tenants.agreements import KINDS, Accepted, documents
from server.tenants.sessions import PracticeChoice
from web.pages.sign_in import me_of
from web.site import Answer, Visit, issued_cookies, page


@page.get("/agreements/{practice:str}", scope="platform")
async def agreements_form(visit: Visit) -> Answer:
    if me_of(visit).stage != "full":
        return visit.go("/sign-in/next")
    return visit.show("entrance/agreements.html", documents=documents(), practice=_preparing(visit))


@page.post("/agreements/{practice:str}", scope="platform")
async def agreements_accept(visit: Visit) -> Answer:
    form = await visit.form()
    practice = _preparing(visit)
    accepted = [
        Accepted(kind, form.get(f"{kind}_version", ""), form.get(f"{kind}_hash", ""), form.get(kind, ""))
        for kind in KINDS
    ]
    try:
        issued = await sign_up.open_practice(visit.token, practice.id, accepted)
    except Refused as refused:
        return visit.again(
            "entrance/agreements.html", refused, values=form, documents=documents(), practice=practice
        )
    return visit.go("/set-up", cookies=issued_cookies(issued))


def _preparing(visit: Visit) -> PracticeChoice:
    """The practice in the address, if it is one's own and waits for its agreements. Raises Refused NOT_FOUND."""
    wanted = visit.id("practice", "practice")
    found = next((p for p in me_of(visit).practices if p.id == wanted and p.state == "preparing"), None)
    if found is None:
        raise not_found("practice")
    return found
