"""Reading the audit: who opened a patient's record. For the privacy officer, by patient; there is deliberately no
way to ask what a colleague did all day."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import any_, func, literal, or_, select, union_all

from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import AuditEvent, AuditSubject, AuditUnsealed, Staff

_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Opening:
    """One time somebody saw or did something with a patient's record. staff_name is empty for the system's jobs."""

    event_id: UUID
    at: datetime
    staff_id: UUID | None
    staff_name: str
    role: str
    via: str
    action: str
    effect: str
    entity: str


async def openings(
    db: Db, actor: Actor, patient_id: UUID, *, before: tuple[datetime, UUID] | None = None, most: int = 50
) -> list[Opening]:
    """Who opened the patient's record, newest first, refusals included. before: (at, event_id) of the last one seen.

    Raises Refused NOT_ALLOWED without `audit.read`. Reading this is itself written down.
    """
    actor.require("audit.read")
    db.note(actor, "audit.read", entity="audit", patient_ids=[patient_id])
    most = min(most, _MOST)

    sealed = (
        select(AuditSubject.event_id)
        .where(AuditSubject.tenant_id == actor.tenant_id, AuditSubject.patient_id == patient_id)
        .order_by(AuditSubject.at.desc(), AuditSubject.event_id.desc())
        .limit(most)
    )
    if before is not None:
        at, event_id = before
        sealed = sealed.where(
            or_(AuditSubject.at < at, (AuditSubject.at == at) & (AuditSubject.event_id < event_id))
        )
    # The sealer's index is a few seconds behind: what it has not met yet is short, and searched by itself.
    fresh = select(AuditUnsealed.event_id).where(AuditUnsealed.tenant_id == actor.tenant_id)
    name = (
        select(Staff.name)
        .where(Staff.tenant_id == AuditEvent.tenant_id, Staff.id == AuditEvent.staff_id)
        .scalar_subquery()
    )
    events = select(
        AuditEvent.id, AuditEvent.at, AuditEvent.staff_id, name.label("staff_name"), AuditEvent.role,
        AuditEvent.via, AuditEvent.action, AuditEvent.effect, AuditEvent.entity,
    ).where(
        AuditEvent.tenant_id == actor.tenant_id,
        # As one array the ids are looked up by key, however many wait to be sealed and whatever the planner guesses.
        AuditEvent.id == any_(func.array(union_all(sealed.subquery().select(), fresh).scalar_subquery())),
        literal(patient_id) == any_(AuditEvent.patient_ids),
    )  # fmt: skip
    if before is not None:
        events = events.where(or_(AuditEvent.at < at, (AuditEvent.at == at) & (AuditEvent.id < event_id)))
    rows = await db.execute(events.order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(most))
    return [
        Opening(
            row.id,
            row.at,
            row.staff_id,
            row.staff_name or "",
            row.role,
            row.via,
            row.action,
            row.effect,
            row.entity,
        )
        for row in rows
    ]
