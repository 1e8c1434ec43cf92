"""Reads of the files of claims that were made, and taking one along."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from server.claims.claim_queries import month_claims
from server.claims.claim_rows import ClaimRow, InterchangeRow
from server.claims.tables import Claim as ClaimTable
from server.claims.tables import Interchange, InterchangeClaim, InterchangeDelivery
from server.clock import now
from server.errors import not_found
from server.ids import new_id
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Staff


async def interchanges(
    db: Db,
    actor: Actor,
    *,
    month: str | None = None,
    limit: int = 50,
    position: tuple[Any, UUID] | None = None,
) -> list[InterchangeRow]:
    """Files made, newest first; with `month`, those that hold a claim of it. position: (made_at, id) last seen."""
    actor.require("claims.read")
    statement = _interchange().order_by(Interchange.made_at.desc(), Interchange.id.desc()).limit(limit)
    if month is not None:
        held = (
            select(InterchangeClaim.interchange_id)
            .join(
                ClaimTable,
                and_(
                    ClaimTable.tenant_id == InterchangeClaim.tenant_id,
                    ClaimTable.id == InterchangeClaim.claim_id,
                ),
            )
            .where(ClaimTable.month == month)
        )
        statement = statement.where(Interchange.id.in_(held))
    if position is not None:
        at, id = position
        statement = statement.where(
            or_(Interchange.made_at < at, and_(Interchange.made_at == at, Interchange.id < id))
        )
    return [InterchangeRow(*row) for row in await db.execute(statement)]


async def interchange_for(db: Db, actor: Actor, interchange_id: UUID) -> InterchangeRow:
    """One file. Raises Refused NOT_FOUND."""
    actor.require("claims.read")
    found = (await db.execute(_interchange().where(Interchange.id == interchange_id))).one_or_none()
    if found is None:
        db.note(actor, "claims.read", entity="interchange", entity_ids=[interchange_id], effect="refused")
        raise not_found("file of claims")
    return InterchangeRow(*found)


def _interchange() -> Any:
    i, d = Interchange, InterchangeDelivery
    delivered = (
        select(func.count())
        .where(d.tenant_id == i.tenant_id, d.interchange_id == i.id)
        .correlate(i)
        .scalar_subquery()
    )
    by = (
        select(Staff.name)
        .where(Staff.tenant_id == i.tenant_id, Staff.id == i.made_by)
        .correlate(i)
        .scalar_subquery()
    )
    return select(
        i.id, i.submitter_id, i.receiver_id, i.receiver_name, i.control_number, i.production, i.claims, i.total,
        i.content_hash, i.made_at, func.coalesce(by, ""), delivered,
    )  # fmt: skip


async def claims_in(db: Db, actor: Actor, interchange_id: UUID) -> Sequence[ClaimRow]:
    """The claims of one file, in its order. Raises Refused NOT_FOUND."""
    await interchange_for(db, actor, interchange_id)
    held = (
        await db.execute(
            select(InterchangeClaim.claim_id, InterchangeClaim.patient_id, ClaimTable.month)
            .join(
                ClaimTable,
                and_(
                    ClaimTable.tenant_id == InterchangeClaim.tenant_id,
                    ClaimTable.id == InterchangeClaim.claim_id,
                ),
            )
            .where(InterchangeClaim.interchange_id == interchange_id)
            .order_by(InterchangeClaim.position)
        )
    ).all()
    found: dict[UUID, ClaimRow] = {}
    for month in {row.month for row in held}:
        theirs = [row.patient_id for row in held if row.month == month]
        found |= {row.id: row for row in await month_claims(db, actor, month, patient_ids=theirs)}
    return [found[row.claim_id] for row in held]


async def file_of(
    db: Db, actor: Actor, interchange_id: UUID, *, way: str = "download"
) -> tuple[InterchangeRow, bytes]:
    """One file, byte for byte as it was made; that it left is written down, so the door must write."""
    actor.require("claims.sign")
    row = await interchange_for(db, actor, interchange_id)
    content = await db.scalar(select(Interchange.content).where(Interchange.id == interchange_id))
    inside = await db.execute(
        select(InterchangeClaim.patient_id).where(InterchangeClaim.interchange_id == interchange_id)
    )
    db.add(
        InterchangeDelivery(
            tenant_id=actor.tenant_id, id=new_id(), interchange_id=interchange_id, way=way, made_at=now(),
            made_by=actor.staff_id,
        )
    )  # fmt: skip
    db.note(
        actor, "claims.file", entity="interchange", entity_ids=[interchange_id], patient_ids=list(inside.scalars()),
        effect="write", way=way,
    )  # fmt: skip
    return replace(row, deliveries=row.deliveries + 1), (content or "").encode("ascii")
