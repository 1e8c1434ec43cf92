"""Versions of a patient-month's decision: what each changed against the one before it."""

from collections.abc import Sequence
from uuid import UUID

from carewright_plugin_api.decisions import Decision
from sqlalchemy import and_, select
from sqlalchemy.orm import aliased

from server.claims.difference import Change, differences
from server.claims.tables import MonthDecision
from server.tenants.actor import Actor
from server.tenants.db import Db


async def changes_of(db: Db, actor: Actor, decision_ids: Sequence[UUID]) -> dict[UUID, tuple[Change, ...]]:
    """decision id -> how it differs from the version before it; first versions are left out."""
    actor.require("claims.read")
    before = aliased(MonthDecision)
    rows = await db.execute(
        select(MonthDecision.id, before.decision, MonthDecision.decision)
        .join(
            before,
            and_(
                before.tenant_id == MonthDecision.tenant_id,
                before.patient_id == MonthDecision.patient_id,
                before.month == MonthDecision.month,
                before.version == MonthDecision.version - 1,
            ),
        )
        .where(MonthDecision.id.in_(decision_ids))
    )
    return {id: differences(Decision.from_json(was), Decision.from_json(now)) for id, was, now in rows}


async def version_ids(db: Db, actor: Actor, patient_id: UUID, month: str) -> dict[int, UUID]:
    """version -> decision id."""
    actor.require("claims.read")
    rows = await db.execute(
        select(MonthDecision.version, MonthDecision.id).where(
            MonthDecision.patient_id == patient_id, MonthDecision.month == month
        )
    )
    return {row.version: row.id for row in rows}
