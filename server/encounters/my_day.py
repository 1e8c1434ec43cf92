"""What somebody at work sees first: the people in their care, and their own loose ends. Nobody else's, ever."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import aliased

from server.encounters.tables import Encounter
from server.patients.tables import CareTeamMember, Patient, StoryEntry
from server.tenants.actor import Actor
from server.tenants.db import Db

_RECORD = aliased(Patient)


@dataclass(frozen=True, slots=True)
class InMyCare:
    """One person in somebody's care, with what was last said. last_*: empty where there was no contact yet."""

    id: UUID
    given_names: str
    family_name: str
    preferred_name: str
    birth_date: date
    language: str
    interpreter_needed: bool
    contact_notes: str
    what_matters: str | None
    last_at: datetime | None
    last_kind: str | None
    last_outcome: str | None
    next_step: str | None


@dataclass(frozen=True, slots=True)
class LooseEnd:
    """A note of one's own that is not signed yet."""

    id: UUID
    patient_id: UUID
    given_names: str
    family_name: str
    preferred_name: str
    kind: str
    at: datetime


async def people_in_my_care(db: Db, actor: Actor, *, limit: int) -> list[InMyCare]:
    """Those whose care team I am on, or whose last contact was mine; the longest since a contact first."""
    actor.require("encounters.read")
    actor.require("chart.read")
    matters = (
        select(StoryEntry.what_matters)
        .where(
            StoryEntry.tenant_id == Patient.tenant_id,
            # One of the person's records: almost always their only one. The person is of the row outside, two queries
            # up, and has to be named: left to itself, the inner query would look at everybody.
            StoryEntry.patient_id.in_(
                select(_RECORD.id)
                .where(
                    _RECORD.tenant_id == Patient.tenant_id,
                    or_(_RECORD.id == Patient.id, _RECORD.merged_into == Patient.id),
                )
                .correlate(Patient)
            ),
        )
        .order_by(StoryEntry.made_at.desc(), StoryEntry.id.desc())
        .limit(1)
        .correlate(Patient)
        .scalar_subquery()
    )
    last_at = _of_last(Encounter.at)
    on_the_team = exists().where(
        CareTeamMember.tenant_id == Patient.tenant_id,
        CareTeamMember.patient_id == Patient.id,
        CareTeamMember.staff_id == actor.staff_id,
        CareTeamMember.to_on.is_(None),
    )
    # The second condition alone would look at every patient's last contact; mine are found by an index.
    met = select(Encounter.patient_id).where(Encounter.staff_id == actor.staff_id)
    last_was_mine = and_(Patient.id.in_(met), _of_last(Encounter.staff_id) == actor.staff_id)
    rows: Any = await db.execute(
        select(
            Patient.id, Patient.given_names, Patient.family_name, Patient.preferred_name, Patient.birth_date,
            Patient.language, Patient.interpreter_needed, Patient.contact_notes, matters, last_at,
            _of_last(Encounter.kind), _of_last(Encounter.outcome), _of_last(Encounter.next_step),
        )
        .where(or_(on_the_team, last_was_mine), Patient.deceased_on.is_(None))
        .order_by(last_at.asc().nulls_first(), Patient.family_key, Patient.id)
        .limit(limit)
    )  # fmt: skip
    found = [InMyCare(*row) for row in rows]
    db.note(actor, "encounters.read", entity="encounter", patient_ids=[row.id for row in found])
    return found


async def my_loose_ends(db: Db, actor: Actor, *, limit: int) -> list[LooseEnd]:
    """My unsigned notes, oldest first."""
    actor.require("encounters.read")
    rows: Any = await db.execute(
        select(
            Encounter.id, Encounter.patient_id, Patient.given_names, Patient.family_name, Patient.preferred_name,
            Encounter.kind, Encounter.at,
        )
        .join(Patient, and_(Patient.tenant_id == Encounter.tenant_id, Patient.id == Encounter.patient_id))
        .where(Encounter.staff_id == actor.staff_id, Encounter.signed_at.is_(None))
        .order_by(Encounter.at, Encounter.id)
        .limit(limit)
    )  # fmt: skip
    found = [LooseEnd(*row) for row in rows]
    db.note(actor, "encounters.read", entity="encounter", patient_ids=[row.patient_id for row in found])
    return found


def _of_last(column: Any) -> Any:
    """A column of each patient's newest contact."""
    return (
        select(column)
        .where(Encounter.tenant_id == Patient.tenant_id, Encounter.patient_id == Patient.id)
        .order_by(Encounter.at.desc(), Encounter.id.desc())
        .limit(1)
        .correlate(Patient)
        .scalar_subquery()
    )
