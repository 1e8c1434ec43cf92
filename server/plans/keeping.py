"""The tasks of plans, kept in step with what was written and given, in the same transaction."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from server.clock import today
from server.patients.records import of_people
from server.patients.tables import Patient
from server.plans.copies_due import RULE, Written, copies_due
from server.plans.tables import PlanCopy, PlanVersion
from server.tasks.derived import Wanted
from server.tasks.reconciling import reconcile
from server.tenants.actor import Actor
from server.tenants.db import Db


async def keep_copy_tasks(db: Db, actor: Actor, record_id: UUID, *, because: str) -> None:
    """Open or settle the task of giving somebody their plan. record_id: the record that was written for, which may have
    been joined with another since. because: what settles a task, as a sentence."""
    actor.require("plans.write")
    whose = (
        await db.execute(
            select(func.coalesce(Patient.merged_into, Patient.id)).where(Patient.id == record_id)
        )
    ).scalar_one()

    async def ask() -> Sequence[Wanted]:
        given = select(PlanCopy.id).where(
            PlanCopy.tenant_id == PlanVersion.tenant_id, PlanCopy.plan_version_id == PlanVersion.id
        )
        version = PlanVersion
        rows: Any = await db.execute(
            select(
                version.id, version.program, version.number, version.dated_on, version.substantially_revised,
                given.correlate(version).exists(), version.made_by,
            ).where(of_people(version.patient_id, [whose]))
        )  # fmt: skip
        return copies_due([Written(*row) for row in rows], today=today(actor.zone))

    await reconcile(db, actor, whose, RULE, ask, because=because)
