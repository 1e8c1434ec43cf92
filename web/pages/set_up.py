"""The guided set-up after sign-up: left and taken up at will, ending with the practice's own first patient."""

from server.errors import Refused
from server.patients.queries import how_many
from server.tenants.db import tenant_db
from server.tenants.set_up import finish_set_up, set_up_of
from server.words import say
from web.site import Answer, Visit, page

_WHERE = {
    "sites": "/practice/sites/new",
    "providers": "/practice/staff/provider",
    "payers": "/practice/payers/new",
    "staff": "/practice/staff/invite",
    "patients": "/people/new",
}


@page.get("/set-up", permission="practice.write")
async def set_up(visit: Visit) -> Answer:
    return await _page(visit)


@page.post("/set-up", permission="practice.write")
async def set_up_done(visit: Visit) -> Answer:
    try:
        async with tenant_db(visit.actor) as db:
            await finish_set_up(db, visit.actor, patients=await how_many(db, visit.actor))
    except Refused as refused:
        return await _page(visit, refused)
    return visit.go("/", say("The practice is ready. Everything here stays under Practice."))


async def _page(visit: Visit, refused: Refused | None = None) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        state = await set_up_of(db, visit.actor, patients=await how_many(db, visit.actor))
    steps = [
        {
            "words": step.title,
            "note": step.why,
            "href": _WHERE[step.key],
            "done": step.done,
            "state": _said(step.count, step.done, step.needed),
        }
        for step in state.steps
    ]
    if refused is None:
        return visit.show("set_up/checklist.html", steps=steps, state=state)
    return visit.again("set_up/checklist.html", refused, steps=steps, state=state)


def _said(count: int, done: bool, needed: bool) -> str:
    if done:
        return say("%(count)s so far", count=count)
    return say("To do") if needed else say("When you like")
