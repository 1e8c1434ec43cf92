"""The gate of this room: the only way to hold an entry of the ledger."""

from uuid import UUID

from sqlalchemy import select

from server.enrollment.days import Life
from server.enrollment.gate import life_of
from server.errors import not_found
from server.minutes.queries import is_shown
from server.minutes.tables import TimeEntry
from server.patients.gate import patient_for
from server.tenants.actor import Actor
from server.tenants.db import Db


async def entry_for(
    db: Db, actor: Actor, entry_id: UUID, *, permission: str = "minutes.write", whoever: bool = False
) -> tuple[TimeEntry, Life]:
    """The entry, and the life its span must fit. Somebody else's draft is as if it were not there, unless `whoever`."""
    actor.require(permission)
    wanted = select(TimeEntry).where(TimeEntry.id == entry_id)
    if not whoever:
        wanted = wanted.where(is_shown(actor))
    entry = (await db.execute(wanted)).scalar_one_or_none()
    if entry is None:
        db.note(actor, permission, entity="time_entry", entity_ids=[entry_id], effect="refused")
        raise not_found("entry of minutes")
    patient = await patient_for(db, actor, entry.patient_id, permission=permission, by_row=True)
    return entry, life_of(patient, actor)
