"""Reads of drafts: all of one's own, and of colleagues' nothing but that they are writing about somebody."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select

from server.clock import now
from server.encounters.drafting import kept_since, told_since
from server.encounters.tables import NoteDraft
from server.patients.gate import patient_for
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.staff_names import name_of


@dataclass(frozen=True, slots=True)
class DraftRow:
    """One of one's own drafts. state: open, or discarded (gone_at: since when). base, revision: see NoteDraft."""

    id: UUID
    patient_id: UUID
    encounter_id: UUID | None
    revision: int
    base: dict[str, Any]
    fields: dict[str, str]
    sequence: int
    cursor_field: str
    cursor_at: int
    state: str
    saved_at: datetime
    gone_at: datetime | None
    given_names: str
    family_name: str
    preferred_name: str


@dataclass(frozen=True, slots=True)
class ColleagueWriting:
    """A colleague has a draft under way about a person; what it says is theirs."""

    patient_id: UUID
    staff_name: str
    saved_at: datetime


_OWN = tuple(getattr(NoteDraft, name) for name in list(DraftRow.__dataclass_fields__)[:12])


async def my_note_drafts(
    db: Db,
    actor: Actor,
    *,
    limit: int,
    patient_id: UUID | None = None,
    discarded: bool = False,
) -> list[DraftRow]:
    """My open drafts with something in them, newest first; with `discarded` those that can be brought back."""
    actor.require("encounters.write")
    if patient_id is not None:
        await patient_for(db, actor, patient_id, permission="encounters.write")
    statement = (
        select(*_OWN, Patient.given_names, Patient.family_name, Patient.preferred_name)
        .join(Patient, and_(Patient.tenant_id == NoteDraft.tenant_id, Patient.id == NoteDraft.patient_id))
        .where(NoteDraft.staff_id == actor.staff_id, NoteDraft.blank.is_(False))
        .order_by(NoteDraft.saved_at.desc(), NoteDraft.id.desc())
        .limit(limit)
    )
    if discarded:
        statement = statement.where(NoteDraft.state == "discarded", NoteDraft.gone_at >= kept_since(now()))
    else:
        statement = statement.where(NoteDraft.state == "open")
    if patient_id is not None:
        statement = statement.where(NoteDraft.patient_id == patient_id)
    rows: Any = await db.execute(statement)
    found = [DraftRow(*row) for row in rows]
    if found:
        db.note(
            actor, "encounters.read", entity="note_draft", entity_ids=[row.id for row in found],
            patient_ids=[row.patient_id for row in found],
        )  # fmt: skip
    return found


async def my_note_draft(db: Db, actor: Actor, draft_id: UUID) -> DraftRow | None:
    """One draft of mine, open or discarded."""
    actor.require("encounters.read")
    found: Any = (
        await db.execute(
            select(*_OWN, Patient.given_names, Patient.family_name, Patient.preferred_name)
            .join(Patient, and_(Patient.tenant_id == NoteDraft.tenant_id, Patient.id == NoteDraft.patient_id))
            .where(
                NoteDraft.id == draft_id,
                NoteDraft.staff_id == actor.staff_id,
                NoteDraft.state.in_(("open", "discarded")),
            )
        )
    ).one_or_none()
    if found is None:
        return None
    row = DraftRow(*found)
    db.note(actor, "encounters.read", entity="note_draft", entity_ids=[row.id], patient_ids=[row.patient_id])
    return row


async def colleagues_writing(
    db: Db, actor: Actor, patient_ids: Sequence[UUID]
) -> dict[UUID, list[ColleagueWriting]]:
    """Who else is writing about each of these people, the latest first. Only for those who write contacts themselves."""
    actor.require("encounters.write")
    last = func.max(NoteDraft.saved_at)
    rows: Any = await db.execute(
        select(NoteDraft.patient_id, name_of(NoteDraft.staff_id), last)
        .where(
            NoteDraft.patient_id.in_(patient_ids),
            NoteDraft.staff_id != actor.staff_id,
            NoteDraft.state == "open",
            NoteDraft.blank.is_(False),
            NoteDraft.saved_at >= told_since(now()),
        )
        .group_by(NoteDraft.tenant_id, NoteDraft.patient_id, NoteDraft.staff_id)
        .order_by(last.desc())
    )
    found: dict[UUID, list[ColleagueWriting]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(ColleagueWriting(*row))
    return dict(found)
