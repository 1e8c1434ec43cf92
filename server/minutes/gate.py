"""The gate of this room: the only way to hold an entry of the ledger."""

from uuid import UUID

from sqlalchemy import select

from server.enrollment.days import Life
from server.enrollment.gate import life_of
from server.errors import not_found
from server.minutes.tables import TimeEntry
from server.patients.gate import patient_for
from server.tenants.actor import Actor
from server.tenants.db import Db


async def entry_for(
    db: Db, actor: Actor, entry_id: UUID, *, permission: str = "minutes.write"
) -> tuple[TimeEntry, Life]:
    """The entry, and the life its span must fit."""
    actor.require(permission)
    entry = (await db.execute(select(TimeEntry).where(TimeEntry.id == entry_id))).scalar_one_or_none()
    if entry is None:
        db.note(actor, permission, entity="time_entry", entity_ids=[entry_id], effect="refused")
        raise not_found("entry of minutes")
    patient = await patient_for(db, actor, entry.patient_id, permission=permission)
    return entry, life_of(patient, actor)
