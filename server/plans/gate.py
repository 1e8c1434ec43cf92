"""The gate of this room: the only way to hold a plan version."""

from uuid import UUID

from sqlalchemy import select

from server.errors import not_found
from server.patients.gate import patient_for
from server.plans.tables import PlanVersion
from server.tenants.actor import Actor
from server.tenants.db import Db


async def plan_version_for(
    db: Db, actor: Actor, version_id: UUID, *, permission: str = "chart.read"
) -> PlanVersion:
    actor.require(permission)
    version = (await db.execute(select(PlanVersion).where(PlanVersion.id == version_id))).scalar_one_or_none()
    if version is None:
        db.note(actor, permission, entity="plan_version", entity_ids=[version_id], effect="refused")
        raise not_found("plan")
    await patient_for(db, actor, version.patient_id, permission=permission, by_row=True)
    return version
