"""The gate of this room: the only way to hold a contact."""

from uuid import UUID

from sqlalchemy import select

from server.encounters.tables import Encounter
from server.enrollment.days import Life
from server.enrollment.gate import life_of
from server.errors import not_found
from server.patients.gate import patient_for
from server.tenants.actor import Actor
from server.tenants.db import Db


async def encounter_for(
    db: Db, actor: Actor, encounter_id: UUID, *, permission: str = "encounters.read", for_update: bool = False
) -> tuple[Encounter, Life]:
    """The contact (locked until this transaction ends with `for_update`), and the life its dates must fit."""
    actor.require(permission)
    statement = select(Encounter).where(Encounter.id == encounter_id)
    encounter = (
        await db.execute(statement.with_for_update() if for_update else statement)
    ).scalar_one_or_none()
    if encounter is None:
        db.note(actor, permission, entity="encounter", entity_ids=[encounter_id], effect="refused")
        raise not_found("contact")
    patient = await patient_for(db, actor, encounter.patient_id, permission=permission)
    return encounter, life_of(patient, actor)
