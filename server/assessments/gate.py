"""The gates of this room: the only ways to hold an assessment or a worry about somebody's safety."""

from uuid import UUID

from sqlalchemy import select

from server.assessments.tables import Assessment, SafetyConcern
from server.errors import not_found
from server.patients.gate import patient_for
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db


async def assessment_for(
    db: Db, actor: Actor, assessment_id: UUID, *, permission: str = "chart.read", for_update: bool = False
) -> tuple[Assessment, Patient]:
    """The assessment and whose it is. for_update: nobody else writes about this person until the transaction ends."""
    actor.require(permission)
    found = (await db.execute(select(Assessment).where(Assessment.id == assessment_id))).scalar_one_or_none()
    if found is None:
        db.note(actor, permission, entity="assessment", entity_ids=[assessment_id], effect="refused")
        raise not_found("assessment")
    patient = await patient_for(
        db, actor, found.patient_id, permission=permission, for_update=for_update, by_row=True
    )
    return found, patient


async def concern_for(
    db: Db, actor: Actor, concern_id: UUID, *, permission: str = "chart.read", for_update: bool = False
) -> tuple[SafetyConcern, Patient]:
    """The worry and whose it is, as `assessment_for`."""
    actor.require(permission)
    found = (
        await db.execute(select(SafetyConcern).where(SafetyConcern.id == concern_id))
    ).scalar_one_or_none()
    if found is None:
        db.note(actor, permission, entity="safety_concern", entity_ids=[concern_id], effect="refused")
        raise not_found("safety concern")
    patient = await patient_for(
        db, actor, found.patient_id, permission=permission, for_update=for_update, by_row=True
    )
    return found, patient
