"""A worry about somebody's safety: what opened it, what usually helps, and the words that close it."""

from typing import Any, Final
from uuid import UUID

from carewright_plugin_api.facts import local_day

from server.assessments import library
from server.assessments.queries import assessments_of, closings_of, concerns_of
from server.assessments.safety import Closing, close_safety_concern, open_safety_concern
from server.assessments.tables import DOMAINS
from server.errors import Refused, not_found
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.words import N_, say
from web.pages.assessments import worry_said
from web.pages.person_sections import person_frame
from web.rendering import day
from web.site import Answer, Visit, page
from web.typed import day_in, text_in

#: domain -> what usually helps. A guide, not a form: none of it has to be ticked.
HELPS: Final = {
    "self_harm": (
        N_(
            "Ask plainly and kindly: are there thoughts of ending your life? Asking does not put the thought there."
        ),
        N_("Ask about a plan, the means for it, and what has kept them going."),
        N_(
            "If it may be today: stay with them, on the line or in the room, and bring in the provider or 911."
        ),
        N_("Agree who they can call, at night too. 988 answers calls and texts at any hour."),
        N_("Tell the provider today. Agree when you talk again, and write it in the plan if they want that."),
    ),
    "violence": (
        N_("Talk when they are alone, and ask whether it is safe to talk now."),
        N_("Believe what you hear. Ask what they want, and what would make it worse."),
        N_("The National Domestic Violence Hotline answers at any hour: 1-800-799-7233."),
        N_("Agree how and when you may call, and what you say if somebody else picks up."),
        N_("Where the law asks for a report, tell them first, and make it together with the provider."),
    ),
    "home": (
        N_("Ask what worries them most at home, and who is near at night."),
        N_("Look at it together: steps, stove, heat, lights, a telephone within reach."),
        N_("A risk they choose with open eyes is theirs; write down what they want and what was offered."),
    ),
    "other": (N_("Write down what you saw, talk it over with somebody, and agree who stays with it."),),
}


@page.get("/people/{id:str}/safety/new", permission="assessments.write")
async def safety_form(visit: Visit) -> Answer:
    return visit.show("assessments/worry_new.html", **await _new(visit))


@page.post("/people/{id:str}/safety", permission="assessments.write")
async def safety_opened(visit: Visit) -> Answer:
    id, form = visit.id("id", "patient"), await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            made = await open_safety_concern(
                db, visit.actor, id, domain=form.get("domain", ""), words=text_in(form, "words", 10_000)
            )
    except Refused as refused:
        return visit.again("assessments/worry_new.html", refused, values=form, **await _new(visit))
    return visit.go(
        f"/people/{id}/safety/{made.id}",
        say("Written down. It stays here until somebody says what was done."),
    )


@page.get("/people/{id:str}/safety/{concern:str}", permission="chart.read")
async def safety(visit: Visit) -> Answer:
    return visit.show("assessments/worry.html", values={"on": visit.today.isoformat()}, **await _one(visit))


@page.post("/people/{id:str}/safety/{concern:str}/closed", permission="assessments.write")
async def safety_closed(visit: Visit) -> Answer:
    id, which = visit.id("id", "patient"), visit.id("concern", "safety concern")
    form = await visit.form()
    try:
        closing = Closing(
            done=text_in(form, "done", 10_000),
            done_by=text_in(form, "done_by", 200),
            talked_with=text_in(form, "talked_with", 200),
            words=text_in(form, "words", 10_000),
            on=day_in(form, "on"),
        )
        async with tenant_db(visit.actor) as db:
            await _held(db, visit.actor, id, which)
            await close_safety_concern(db, visit.actor, which, closing)
    except Refused as refused:
        return visit.again("assessments/worry.html", refused, values=form, **await _one(visit))
    return visit.go(f"/people/{id}/safety/{which}", say("Closed, with what was done. It stays readable."))


async def _new(visit: Visit) -> dict[str, Any]:
    async with tenant_db(visit.actor, read_only=True) as db:
        given = await person_frame(db, visit, visit.id("id", "patient"), permission="assessments.write")
    return given | {"domains": [(key, say(words)) for key, words in DOMAINS.items()]}


async def _held(db: Db, actor: Actor, id: UUID, which: UUID) -> Any:
    rows = (await concerns_of(db, actor, [id])).get(id, [])
    found = next((row for row in rows if row.id == which), None)
    if found is None:
        raise not_found("safety concern")
    return found


async def _one(visit: Visit) -> dict[str, Any]:
    id, which, actor = visit.id("id", "patient"), visit.id("concern", "safety concern"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        row = await _held(db, actor, id, which)
        closing = (await closings_of(db, actor, [which])).get(which)
        asked = (await assessments_of(db, actor, [id])).get(id, []) if row.assessment_id else []
    answered = next((one for one in asked if one.id == row.assessment_id), None)
    instrument = library.known(answered.instrument, answered.version) if answered else None
    return given | {
        "worry": worry_said(row, id, actor.zone),
        "from_title": (instrument.title if instrument else answered.instrument) if answered else "",
        "from_on": day(local_day(answered.at, actor.zone)) if answered else "",
        "from_href": f"/people/{id}/assessments/{answered.id}" if answered else "",
        "helps": [say(words) for words in HELPS[row.domain]],
        "closing": closing,
        "closed_on": day(closing.done_on) if closing else "",
    }
