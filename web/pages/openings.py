"""Who opened a person's record: for the one who answers for privacy here. By person only, never by colleague (V2)."""

from server.patients.gate import patient_for
from server.tenants.audit import openings
from server.tenants.db import tenant_db
from server.tenants.permissions import ROLES
from server.words import N_, say
from web.pages.people import header_of
from web.rendering import called, moment
from web.site import Answer, Visit, page

_EFFECTS = {"read": N_("Looked"), "write": N_("Changed"), "refused": N_("Was turned away")}
_WAYS = {"page": N_("page"), "graphql": "graphql", "command": N_("command"), "job": N_("job")}


@page.get("/people/{id:str}/openings", permission="audit.read")
async def openings_of(visit: Visit) -> Answer:
    id = visit.id("id", "patient")
    async with tenant_db(visit.actor, read_only=True) as db:
        patient = await patient_for(db, visit.actor, id)
        head = await header_of(db, visit.actor, patient, visit.today)
        rows = await openings(db, visit.actor, id, most=200)
    return visit.show(
        "audit/openings.html",
        person=head,
        patient_id=str(id),
        name=called(patient),
        rows=[
            {
                "when": moment(row.at, visit.zone),
                "who": row.staff_name or say("The system"),
                "role": say(ROLES.get(row.role, "")),
                "what": row.action.replace(".", ": ").replace("_", " "),
                "effect": say(_EFFECTS.get(row.effect, row.effect)),
                "via": say(_WAYS.get(row.via, row.via)),
            }
            for row in rows
        ],
    )
