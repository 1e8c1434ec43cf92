"""Putting a hint away, and having all of them again."""

import re
from typing import Final

from litestar import Response

from server.errors import not_found
from server.tenants.db import tenant_db
from server.tenants.hints import put_hints_away, show_hints_again
from server.words import say
from web.hints import KEYS
from web.site import Answer, Visit, page

_OURS: Final = re.compile(r"/[a-z0-9/-]*")


@page.post("/hints/away", permission="self.write")
async def hint_away(visit: Visit) -> Answer:
    """The page again, or nothing for the script, which takes the hint off the page."""
    form = await visit.form()
    if form.get("hint") not in KEYS:
        raise not_found("hint")
    async with tenant_db(visit.actor) as db:
        await put_hints_away(db, visit.actor, [form["hint"]])
    if visit.htmx:
        return Response("", media_type="text/html")
    back = form.get("back", "")
    return visit.go(back if _OURS.fullmatch(back) and not back.startswith("//") else "/")


@page.post("/hints/again", permission="self.write")
async def hints_again(visit: Visit) -> Answer:
    async with tenant_db(visit.actor) as db:
        await show_hints_again(db, visit.actor)
    return visit.go("/security", say("The hints are back, each on its page."))
