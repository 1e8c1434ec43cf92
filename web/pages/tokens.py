"""API tokens: for programs that work on the practice's behalf."""

from server.errors import Refused
from server.tenants.db import tenant_db
from server.tenants.permissions import SCOPES
from server.tenants.tokens import create_token, list_tokens, revoke_token
from server.words import N_, say
from web.site import Answer, Visit, page

_SCOPES = {
    "read": (N_("Read"), N_("Everything your role may see.")),
    "write": (N_("Write"), N_("Patients, contacts, minutes and plans, as far as your role may.")),
    "billing": (N_("Billing"), N_("Minutes and the month’s lines; closing a month.")),
    "administration": (N_("Administration"), N_("The practice, its staff and the audit.")),
}


@page.get("/practice/tokens", permission="tokens.write")
async def tokens(visit: Visit) -> Answer:
    return await _page(visit)


@page.post("/practice/tokens", permission="tokens.write")
async def token_make(visit: Visit) -> Answer:
    form = await visit.form()
    scopes = await visit.many("scopes")
    typed: dict[str, object] = {**form, "scopes": scopes}
    try:
        days = _whole(form.get("days", ""))
        async with tenant_db(visit.actor) as db:
            made = await create_token(db, visit.actor, name=form.get("name", ""), scopes=scopes, days=days)
    except Refused as refused:
        return await _page(visit, refused, typed)
    return visit.show("practice/token_made.html", made=made, name=form.get("name", ""))


@page.post("/practice/tokens/{id:str}/revoke", permission="tokens.write")
async def token_revoke(visit: Visit) -> Answer:
    async with tenant_db(visit.actor) as db:
        await revoke_token(db, visit.actor, visit.id("id", "token"))
    return visit.go("/practice/tokens", say("The token opens nothing any more."))


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 4:
        raise Refused(
            "DAYS_FORM",
            say("The number of days is not a whole number."),
            say("Write digits, such as 90."),
            "days",
        )
    return int(text)


async def _page(
    visit: Visit, refused: Refused | None = None, typed: dict[str, object] | None = None
) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        lines = await list_tokens(db, visit.actor)
    scopes = [(scope, *map(say, _SCOPES[scope])) for scope in SCOPES]
    names = {scope: words.lower() for scope, words, _ in scopes}
    values = typed or {"days": "90", "scopes": ["read"]}
    if refused is None:
        return visit.show("practice/tokens.html", tokens=lines, scopes=scopes, names=names, values=values)
    return visit.again(
        "practice/tokens.html", refused, tokens=lines, scopes=scopes, names=names, values=values
    )
