"""The gate: the only way to hold a patient. Right practice, right role, access written down."""

from uuid import UUID

from sqlalchemy import select

from server.errors import not_found
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db


async def patient_for(
    db: Db, actor: Actor, patient_id: UUID, *, permission: str = "patients.read", for_update: bool = False
) -> Patient:
    """The patient, if `actor` may `permission` them. Missing and another practice's are the same answer."""
    actor.require(permission)
    statement = select(Patient).where(Patient.id == patient_id)
    patient = (
        await db.execute(statement.with_for_update() if for_update else statement)
    ).scalar_one_or_none()
    if patient is None:
        db.note(actor, permission, entity="patient", entity_ids=[patient_id], effect="refused")
        raise not_found("patient")
    db.note(
        actor,
        permission,
        entity="patient",
        patient_ids=[patient_id],
        effect="write" if permission.endswith(".write") else "read",
    )
    return patient
