"""Reads of contacts, newest first, for many patients in one statement."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_

from server.encounters.tables import Encounter, EncounterAmendment
from server.enrollment.queries import by_patient
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.staff_names import name_of


@dataclass(frozen=True, slots=True)
class EncounterRow:
    """One contact as it reads now."""

    id: UUID
    patient_id: UUID
    kind: str
    outcome: str
    at: datetime
    staff_id: UUID
    program: str
    video_declined: bool
    who_else: str
    note: str
    next_step: str
    about_code: str
    revision: int
    signed_at: datetime | None
    made_at: datetime
    made_by: UUID | None
    staff_name: str | None
    made_by_name: str | None


@dataclass(frozen=True, slots=True)
class EncounterAmendmentRow:
    """What a signed contact said before, why it was changed, by whom and when."""

    id: UUID
    encounter_id: UUID
    reason: str
    revision_before: int
    kind_before: str
    outcome_before: str
    at_before: datetime
    program_before: str
    about_code_before: str
    video_declined_before: bool
    who_else_before: str
    note_before: str
    next_step_before: str
    made_at: datetime
    made_by_name: str | None


_COLUMNS = tuple(
    getattr(Encounter, name) for name in EncounterRow.__dataclass_fields__ if not name.endswith("_name")
)


async def encounters_of(
    db: Db,
    actor: Actor,
    patient_ids: Sequence[UUID],
    *,
    limit: int,
    position: tuple[datetime, UUID] | None = None,
) -> dict[UUID, list[EncounterRow]]:
    """Each patient's contacts, newest first: at most `limit` each, continuing after `position` (at, id)."""
    actor.require("encounters.read")
    place = (
        func.row_number()
        .over(partition_by=Encounter.patient_id, order_by=(Encounter.at.desc(), Encounter.id.desc()))
        .label("place")
    )
    inner = select(Encounter.tenant_id, Encounter.id, place).where(Encounter.patient_id.in_(patient_ids))
    if position is not None:
        inner = inner.where(tuple_(Encounter.at, Encounter.id) < tuple_(*position))
    newest = inner.subquery()
    rows: Any = await db.execute(
        select(*_COLUMNS, name_of(Encounter.staff_id), name_of(Encounter.made_by))
        .join(newest, (newest.c.tenant_id == Encounter.tenant_id) & (newest.c.id == Encounter.id))
        .where(newest.c.place <= limit)
        .order_by(Encounter.at.desc(), Encounter.id.desc())
    )
    found = by_patient([EncounterRow(*row) for row in rows])
    db.note(actor, "encounters.read", entity="encounter", patient_ids=patient_ids)
    return found


async def encounter_row(db: Db, actor: Actor, encounter_id: UUID) -> EncounterRow | None:
    """One contact with the names; None if it is not this practice's."""
    actor.require("encounters.read")
    found: Any = (
        await db.execute(
            select(*_COLUMNS, name_of(Encounter.staff_id), name_of(Encounter.made_by)).where(
                Encounter.id == encounter_id
            )
        )
    ).one_or_none()
    if found is None:
        return None
    row = EncounterRow(*found)
    db.note(
        actor, "encounters.read", entity="encounter", entity_ids=[encounter_id], patient_ids=[row.patient_id]
    )
    return row


async def encounters_by_id(db: Db, actor: Actor, encounter_ids: Sequence[UUID]) -> dict[UUID, EncounterRow]:
    """These contacts with the names, in one statement."""
    actor.require("encounters.read")
    rows: Any = await db.execute(
        select(*_COLUMNS, name_of(Encounter.staff_id), name_of(Encounter.made_by)).where(
            Encounter.id.in_(encounter_ids)
        )
    )
    found = {row.id: row for row in (EncounterRow(*values) for values in rows)}
    db.note(
        actor,
        "encounters.read",
        entity="encounter",
        entity_ids=list(found),
        patient_ids=[row.patient_id for row in found.values()],
    )
    return found


async def amendments_of(
    db: Db, actor: Actor, encounter_ids: Sequence[UUID]
) -> dict[UUID, list[EncounterAmendmentRow]]:
    """What each contact said before each amendment, oldest first."""
    actor.require("encounters.read")
    columns = [
        getattr(EncounterAmendment, name)
        for name in EncounterAmendmentRow.__dataclass_fields__
        if name != "made_by_name"
    ]
    rows: Any = await db.execute(
        select(*columns, name_of(EncounterAmendment.made_by), EncounterAmendment.patient_id)
        .where(EncounterAmendment.encounter_id.in_(encounter_ids))
        .order_by(EncounterAmendment.revision_before)
    )
    found: dict[UUID, list[EncounterAmendmentRow]] = defaultdict(list)
    patients = []
    for *values, patient_id in rows:
        row = EncounterAmendmentRow(*values)
        found[row.encounter_id].append(row)
        patients.append(patient_id)
    db.note(actor, "encounters.read", entity="encounter_amendment", patient_ids=patients)
    return dict(found)
