"""A forgotten password: asked for by mail, chosen anew behind the link. It opens nothing by itself."""

from server.errors import Refused
from server.tenants import own_password
from server.words import say
from web.pages.entrance import link_over
from web.site import Answer, Visit, page, session_cookie


@page.get("/password/forgotten", scope="public")
async def forgotten_form(visit: Visit) -> Answer:
    return visit.show("entrance/forgotten.html")


@page.post("/password/forgotten", scope="public")
async def forgotten(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        await own_password.ask_reset(form.get("email", ""), visit.visitor)
    except Refused as refused:
        return visit.again("entrance/forgotten.html", refused, values=form)
    return visit.go("/password/mail")


@page.get("/password/mail", scope="public")
async def password_mail(visit: Visit) -> Answer:
    return visit.show("entrance/mail.html", about="password", outbox=visit.has_outbox)


@page.get("/password/new/{token:str}", scope="public")
async def new_password_form(visit: Visit) -> Answer:
    return await _page(visit)


@page.post("/password/new/{token:str}", scope="public")
async def new_password(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        await own_password.reset(visit.path("token"), form.get("password", ""))
    except Refused as refused:
        return await _page(visit, refused)
    said = say("Your new password is in place, and you are signed out everywhere. Sign in with it now.")
    return visit.go("/sign-in", said, cookies=[session_cookie("", ends=True)])


async def _page(visit: Visit, refused: Refused | None = None) -> Answer:
    try:
        email = await own_password.look_reset(visit.path("token"))
    except Refused as over:
        return link_over(visit, over, "/password/forgotten", say("Ask for a new link"))
    if refused is None:
        return visit.show("entrance/new_password.html", email=email)
    return visit.again("entrance/new_password.html", refused, email=email)
