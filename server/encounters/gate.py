"""The gates of this room: the only way to hold a contact, or a draft."""

from uuid import UUID

from sqlalchemy import select

from server.encounters.tables import Encounter, NoteDraft
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


async def draft_for(db: Db, actor: Actor, draft_id: UUID, *, for_update: bool = False) -> NoteDraft:
    """One's own draft. A colleague's is as if it were not there."""
    actor.require("encounters.write")
    statement = select(NoteDraft).where(NoteDraft.id == draft_id, NoteDraft.staff_id == actor.staff_id)
    draft = (await db.execute(statement.with_for_update() if for_update else statement)).scalar_one_or_none()
    if draft is None:
        db.note(actor, "encounters.write", entity="note_draft", entity_ids=[draft_id], effect="refused")
        raise not_found("draft")
    await patient_for(db, actor, draft.patient_id, permission="encounters.write")
    return draft
