"""One's own sign-in: where it is open, the password, the authenticator, the recovery codes."""

from server.errors import Refused
from server.tenants import authenticator, own_password, sessions
from server.words import say
from web.pages.authenticator import picture, set_up_again
from web.pages.sign_in import me_of
from web.site import Answer, Visit, issued_cookies, page


@page.get("/security", permission="self.read")
async def security(visit: Visit) -> Answer:
    me = me_of(visit)
    open_sessions = await sessions.my_sessions(me)
    return visit.show(
        "security/overview.html", me=me, sessions=open_sessions, codes_left=await authenticator.codes_left(me)
    )


@page.post("/security/sessions/end-others", permission="self.write")
async def end_others(visit: Visit) -> Answer:
    await sessions.sign_out_everywhere(me_of(visit), but_here=True)
    return visit.go("/security", say("You are signed out everywhere else."))


@page.post("/security/sessions/{id:str}/end", permission="self.write")
async def end_one(visit: Visit) -> Answer:
    await sessions.end_session(me_of(visit), visit.id("id", "session"))
    return visit.go("/security", say("That sign-in has ended."))


@page.get("/security/password", permission="self.read")
async def password_form(visit: Visit) -> Answer:
    return visit.show("security/password.html", me=me_of(visit))


@page.post("/security/password", permission="self.write")
async def password_change(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        issued = await own_password.change(
            visit.token, form.get("password", ""), form.get("new_password", ""), visit.visitor
        )
    except Refused as refused:
        return visit.again("security/password.html", _beside_password(refused), me=me_of(visit))
    said = say("Your password is changed, and you are signed out everywhere else.")
    return visit.go("/security", said, cookies=issued_cookies(issued))


@page.get("/security/authenticator", permission="self.read")
async def authenticator_form(visit: Visit) -> Answer:
    return visit.show("security/authenticator.html", **picture(authenticator.begin(me_of(visit))))


@page.post("/security/authenticator", permission="self.write")
async def authenticator_change(visit: Visit) -> Answer:
    form = await visit.form()
    sealed = form.get("sealed", "")
    try:
        issued = await authenticator.replace_authenticator(
            visit.token, sealed, form.get("code", ""), form.get("password", ""), visit.visitor
        )
    except Refused as refused:
        again = picture(set_up_again(me_of(visit), sealed))
        return visit.again("security/authenticator.html", _beside_password(refused), **again)
    return visit.show(
        "entrance/recovery_codes.html",
        cookies=issued_cookies(issued),
        codes=issued.recovery_codes,
        after="/security",
    )


@page.get("/security/recovery-codes", permission="self.read")
async def codes_form(visit: Visit) -> Answer:
    return visit.show("security/recovery_codes.html", codes_left=await authenticator.codes_left(me_of(visit)))


@page.post("/security/recovery-codes", permission="self.write")
async def codes_renew(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        codes = await authenticator.renew_recovery_codes(visit.token, form.get("password", ""), visit.visitor)
    except Refused as refused:
        left = await authenticator.codes_left(me_of(visit))
        return visit.again("security/recovery_codes.html", _beside_password(refused), codes_left=left)
    return visit.show("entrance/recovery_codes.html", codes=codes, after="/security")


def _beside_password(refused: Refused) -> Refused:
    """Here the e-mail is known, so a wrong sign-in is a wrong password."""
    if refused.code != "SIGN_IN_WRONG":
        return refused
    return Refused(
        "PASSWORD_WRONG",
        say("This is not your present password."),
        say("Check the Caps Lock key and type it again."),
        "password",
    )
