"""A month at a glance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from carewright_plugin_api.decisions import Decision
from sqlalchemy import cast, func, select
from sqlalchemy.dialects.postgresql import JSONB, distinct_on

from server.claims.tables import ClaimHold, ClaimLine, MonthDecision
from server.enrollment.tables import Enrollment
from server.minutes.tables import TimeEntry
from server.patients.records import joined_records
from server.tenants.actor import Actor
from server.tenants.db import Db


@dataclass(frozen=True, slots=True)
class MonthOverview:
    """People of a month as it now stands: with a line, waiting for something to be mended, not billable."""

    people: int
    with_line: int
    waiting: int
    not_billable: int


async def month_overview(db: Db, actor: Actor, month: str) -> MonthOverview:
    """How many people have a line, wait, or are not billable; somebody with a line and a hold has a line."""
    actor.require("claims.read")
    lines = (
        select(func.count())
        .where(ClaimLine.tenant_id == MonthDecision.tenant_id, ClaimLine.decision_id == MonthDecision.id)
        .correlate(MonthDecision)
        .scalar_subquery()
    )
    mendable = (
        select(func.count())
        .where(
            ClaimHold.tenant_id == MonthDecision.tenant_id,
            ClaimHold.decision_id == MonthDecision.id,
            ClaimHold.mendable,
        )
        .correlate(MonthDecision)
        .scalar_subquery()
    )
    newest = (
        select(MonthDecision.id)
        .where(MonthDecision.month == month, MonthDecision.patient_id.not_in(joined_records()))
        .ext(distinct_on(MonthDecision.patient_id))
        .order_by(MonthDecision.patient_id, MonthDecision.version.desc())
    )
    rows = (await db.execute(select(lines, mendable).where(MonthDecision.id.in_(newest)))).all()
    with_line = sum(1 for count, _ in rows if count)
    waiting = sum(1 for count, held in rows if not count and held)
    return MonthOverview(len(rows), with_line, waiting, len(rows) - with_line - waiting)


async def to_look_at(db: Db, actor: Actor, decision_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """decision id -> what its rules ask somebody to look at before a line is sent, as sentences."""
    actor.require("claims.read")
    rows = await db.execute(
        select(MonthDecision.id, MonthDecision.decision).where(
            MonthDecision.id.in_(decision_ids),
            cast(MonthDecision.decision, JSONB)["findings"].contains([{"severity": "review"}]),
        )
    )
    return {
        id: [
            f"{f.sentence} {f.next_step}".strip()
            for f in Decision.from_json(told).findings
            if f.severity == "review"
        ]
        for id, told in rows
    }


async def held_of(db: Db, actor: Actor, decision_ids: Sequence[UUID]) -> dict[UUID, dict[str, str]]:
    """decision id -> reason -> sentence, of the holds on it."""
    actor.require("claims.read")
    rows = await db.execute(
        select(ClaimHold.decision_id, ClaimHold.reason, ClaimHold.sentence)
        .where(ClaimHold.decision_id.in_(decision_ids))
        .order_by(ClaimHold.decision_id, ClaimHold.number)
    )
    found: dict[UUID, dict[str, str]] = {}
    for id, reason, sentence in rows:
        found.setdefault(id, {}).setdefault(reason, sentence)
    return found


async def first_work(db: Db, actor: Actor) -> datetime | None:
    """The earliest instant anything billable can have happened here: the first minutes, or the first enrollment."""
    actor.require("claims.read")
    worked, enrolled = (
        await db.execute(
            select(
                select(func.min(TimeEntry.started_at)).scalar_subquery(),
                select(func.min(Enrollment.made_at)).scalar_subquery(),
            )
        )
    ).one()
    return min((at for at in (worked, enrolled) if at is not None), default=None)
