"""They are in the building today: told to whoever cares for them, and forgotten at the end of the practice's day."""

from uuid import UUID

from server.clock import now, today
from server.enrollment.days import written
from server.enrollment.referral_tables import Arrival
from server.errors import Refused
from server.ids import new_id
from server.patients.gate import patient_for
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say


async def note_arrival(db: Db, actor: Actor, patient_id: UUID, *, here: bool, place: str = "") -> Arrival:
    """They are here, or have left. Holds until the practice's day ends. Raises Refused PATIENT_DIED."""
    actor.require("referrals.write")
    patient = await patient_for(db, actor, patient_id, permission="referrals.write")
    if patient.deceased_on is not None:
        raise Refused(
            "PATIENT_DIED",
            say("This person died on %(on)s.", on=written(patient.deceased_on)),
            say("Check that you are on the right person's page."),
        )
    arrival = Arrival(
        tenant_id=actor.tenant_id, id=new_id(), patient_id=patient_id, on_date=today(actor.zone), here=here,
        place=place.strip() if here else "", made_at=now(), made_by=actor.staff_id,
    )  # fmt: skip
    db.add(arrival)
    await db.flush()
    db.note(
        actor,
        "referrals.arrival",
        entity="arrival",
        entity_ids=[arrival.id],
        patient_ids=[patient_id],
        effect="write",
    )
    return arrival
