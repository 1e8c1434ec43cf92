"""Reads of care plans, for many patients in one statement."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from server.enrollment.queries import by_patient
from server.patients.records import of_people, person_of
from server.plans.tables import PlanCopy, PlanVersion
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.staff_names import name_of


@dataclass(frozen=True, slots=True)
class PlanVersionRow:
    """One version of a plan, as it was written and stays."""

    id: UUID
    patient_id: UUID
    program: str
    number: int
    dated_on: date
    problems: str
    goals: str
    steps: str
    medicines: str
    supports: str
    expected: str
    review_on: date | None
    substantially_revised: bool
    made_at: datetime
    made_by: UUID | None
    made_by_name: str | None


@dataclass(frozen=True, slots=True)
class PlanCopyRow:
    """One copy given."""

    id: UUID
    plan_version_id: UUID
    given_on: date
    how: str
    to_whom: str
    made_at: datetime
    made_by_name: str | None


async def plan_versions_of(
    db: Db, actor: Actor, patient_ids: Sequence[UUID]
) -> dict[UUID, list[PlanVersionRow]]:
    """Every version, by program, newest first: the first of a program is its current plan."""
    actor.require("chart.read")
    db.note(actor, "chart.read", entity="plan_version", patient_ids=patient_ids)
    columns = [
        person_of(PlanVersion.patient_id) if name == "patient_id" else getattr(PlanVersion, name)
        for name in PlanVersionRow.__dataclass_fields__
        if name != "made_by_name"
    ]
    rows: Any = await db.execute(
        select(*columns, name_of(PlanVersion.made_by))
        .where(of_people(PlanVersion.patient_id, patient_ids))
        .order_by(PlanVersion.program, PlanVersion.number.desc(), PlanVersion.made_at.desc(), PlanVersion.id)
    )
    return by_patient([PlanVersionRow(*row) for row in rows])


async def plan_copies_of(db: Db, actor: Actor, version_ids: Sequence[UUID]) -> dict[UUID, list[PlanCopyRow]]:
    """The copies given of each version, oldest first."""
    actor.require("chart.read")
    rows: Any = await db.execute(
        select(
            PlanCopy.id, PlanCopy.plan_version_id, PlanCopy.given_on, PlanCopy.how, PlanCopy.to_whom,
            PlanCopy.made_at, name_of(PlanCopy.made_by), PlanCopy.patient_id,
        )
        .where(PlanCopy.plan_version_id.in_(version_ids))
        .order_by(PlanCopy.given_on, PlanCopy.id)
    )  # fmt: skip
    found: dict[UUID, list[PlanCopyRow]] = defaultdict(list)
    patients = []
    for *values, patient_id in rows:
        row = PlanCopyRow(*values)
        found[row.plan_version_id].append(row)
        patients.append(patient_id)
    db.note(actor, "chart.read", entity="plan_copy", patient_ids=patients)
    return dict(found)
