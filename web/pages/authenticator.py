"""Setting up the authenticator at the first sign-in, and the recovery codes that are shown once."""

from base64 import b64encode
from typing import Any

from server.errors import Refused
from server.tenants import authenticator
from server.tenants.authenticator import Enrolment
from server.tenants.sessions import SignedIn
from web.pages.sign_in import me_of
from web.site import Answer, Visit, issued_cookies, page, session_cookie


@page.get("/authenticator", scope="platform")
async def authenticator_form(visit: Visit) -> Answer:
    me = me_of(visit)
    if me.needs != "authenticator":
        return visit.go("/sign-in/next")
    return visit.show("entrance/authenticator.html", **picture(authenticator.begin(me)))


@page.post("/authenticator", scope="platform")
async def authenticator_confirm(visit: Visit) -> Answer:
    form = await visit.form()
    sealed = form.get("sealed", "")
    try:
        issued = await authenticator.confirm(visit.token, sealed, form.get("code", ""))
    except Refused as refused:
        if refused.code == "SIGN_IN_AGAIN":
            return visit.again("entrance/sign_in.html", refused, cookies=[session_cookie("", ends=True)])
        return visit.again(
            "entrance/authenticator.html", refused, **picture(set_up_again(me_of(visit), sealed))
        )
    return visit.show(
        "entrance/recovery_codes.html",
        cookies=issued_cookies(issued),
        codes=issued.recovery_codes,
        after="/sign-in/next",
    )


def set_up_again(me: SignedIn, sealed: str) -> Enrolment:
    """The same picture after a mistyped code; a new one if that set-up is over."""
    try:
        return authenticator.again(me, sealed)
    except Refused:
        return authenticator.begin(me)


def picture(enrolment: Enrolment) -> dict[str, Any]:
    """What a page that shows the secret is given."""
    svg = enrolment.svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    image = f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
    return {"qr_image": image, "by_hand": enrolment.secret, "sealed": enrolment.sealed}
