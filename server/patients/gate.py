"""The gate: the only way to hold a patient. Right practice, right role, access written down."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from server.errors import Refused, not_found
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say


class Joined(Refused):
    """This record was joined with another one, `into`, under which everything about the person is found."""

    def __init__(self, gone: Patient, kept: Patient) -> None:
        super().__init__(
            "RECORD_JOINED",
            say(
                "Record %(gone)s was joined with record %(kept)s: they are one person.",
                gone=gone.record_number,
                kept=kept.record_number,
            ),
            say("Go on with record %(record_number)s.", record_number=kept.record_number),
        )
        self.gone, self.into = gone.id, kept.id


async def patient_for(
    db: Db,
    actor: Actor,
    patient_id: UUID,
    *,
    permission: str = "patients.read",
    for_update: bool = False,
    by_row: bool = False,
) -> Patient:
    """The patient, if `actor` may `permission` them. Missing and another practice's are the same answer.

    A record that was joined with another raises Joined. by_row: not so, where the id was read from a row that keeps
    the record it was written for; then whoever that is now.
    """
    actor.require(permission)
    patient = await _held(db, patient_id, for_update)
    if patient is not None and patient.merged_into is not None:
        kept = await _held(db, patient.merged_into, for_update)
        if kept is not None and not by_row:
            db.note(actor, permission, entity="patient", entity_ids=[patient_id], effect="refused")
            raise Joined(patient, kept)
        patient = kept
    if patient is None:
        db.note(actor, permission, entity="patient", entity_ids=[patient_id], effect="refused")
        raise not_found("patient")
    db.note(
        actor,
        permission,
        entity="patient",
        patient_ids=[patient.id],
        effect="write" if permission.endswith(".write") else "read",
    )
    return patient


async def _held(db: Db, patient_id: UUID, for_update: bool) -> Patient | None:
    statement = select(Patient).where(Patient.id == patient_id)
    if for_update:
        # Not against those who only write about them (FOR KEY SHARE), such as a file of facts on its way in.
        statement = statement.with_for_update(key_share=True)
    elif not db.read_only:
        # What this transaction writes about them is there before their record can be joined with another, or after.
        statement = statement.with_for_update(read=True, key_share=True)
    try:
        found: Patient | None = (
            await db.execute(statement.execution_options(populate_existing=True))
        ).scalar_one_or_none()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != "55P03":
            raise
        raise Refused(
            "BEING_CHANGED",
            say(
                "This person's details are being changed right now, perhaps by a file that is being "
                "brought in."
            ),
            say("Nothing of yours was kept. Try again in a minute."),
        ) from None
    return found
