"""What became of the claims of a patient's month, for whoever reads its proof. One statement."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select

from server.claims.tables import Claim, ClaimStanding
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.staff_names import name_of
from server.tenants.tables import Payer


@dataclass(frozen=True, slots=True)
class ClaimFate:
    """A signed claim and where it stands. note: why it was withdrawn, refused or denied; changed_by: whose entry it was.
    denied_on: the day its payer said that it pays nothing."""

    id: UUID
    number: str
    frequency: str
    payer_name: str
    total: Decimal
    signed_at: datetime
    signed_by: str | None
    state: str
    note: str
    denied_on: date | None
    denied_by: str | None
    changed_at: datetime
    changed_by: str | None


async def fates_of(db: Db, actor: Actor, patient_id: UUID, month: str) -> list[ClaimFate]:
    """Every claim signed for the month, in the order they were signed."""
    actor.require("claims.read")
    c, s = Claim, ClaimStanding
    statement = (
        select(
            c.id, c.number, c.frequency, Payer.name, c.total, c.signed_at, name_of(c.signed_by), s.state, s.note,
            s.denied_on, name_of(s.denied_by), s.changed_at, name_of(s.changed_by),
        )
        .join(s, and_(s.tenant_id == c.tenant_id, s.claim_id == c.id))
        .join(Payer, and_(Payer.tenant_id == c.tenant_id, Payer.id == c.payer_id))
        .where(c.patient_id == patient_id, c.month == month)
        .order_by(c.serial)
    )  # fmt: skip
    rows: Any = await db.execute(statement)
    return [ClaimFate(*row) for row in rows]
