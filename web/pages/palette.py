"""The palette: from any page to any other one may open, and to a person, by name."""

from server.patients.queries import find_patients
from server.patients.search import sought
from server.tenants.db import tenant_db
from server.words import say
from web.pages.people import note_of
from web.rendering import person_name
from web.site import Answer, Visit, page
from web.ways import ways_to

_PEOPLE = 5


@page.post("/go", permission="self.read")
async def go(visit: Visit) -> Answer:
    """What matches the typed words, pages first, for the palette's list."""
    form = await visit.form()
    typed = form.get("q", "")[:200]
    actor = visit.actor
    ways = ways_to(typed, form.get("at", ""), actor.may)
    people = []
    if len(typed) >= 2 and actor.may("patients.find"):
        async with tenant_db(actor, read_only=True) as db:
            people = await find_patients(db, actor, sought(typed), limit=_PEOPLE)
    return visit.fragment(
        "palette/found.html",
        ways=[(way.address, say(way.words), say(way.note)) for way in ways],
        people=[
            {"id": str(row.id), "name": person_name(row), "note": note_of(row, visit.today)} for row in people
        ],
    )
