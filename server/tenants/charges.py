"""What the practice asks for one unit of each code, from a day on. The same for every payer."""

import re
from datetime import date
from decimal import Decimal
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from server.clock import now
from server.errors import Refused
from server.ids import new_id
from server.tenants.actor import Actor
from server.tenants.billing_statements import ChargeRow
from server.tenants.db import Db
from server.tenants.tables import Charge
from server.words import say

__all__ = ["ChargeRow"]

_CODE: Final = re.compile(r"[A-Z0-9]{5}")
_MOST: Final = Decimal("99999.99")


async def charges_on(db: Db, actor: Actor, on: date) -> dict[str, ChargeRow]:
    """code -> the charge in force on a day."""
    actor.require("claims.read")
    rows = await db.execute(
        select(Charge.id, Charge.code, Charge.from_on, Charge.amount)
        .where(Charge.from_on <= on)
        .ext(distinct_on(Charge.code))
        .order_by(Charge.code, Charge.from_on.desc(), Charge.made_at.desc(), Charge.id.desc())
    )
    return {row.code: ChargeRow(*row) for row in rows}


async def all_charges(db: Db, actor: Actor) -> tuple[ChargeRow, ...]:
    """Every charge, the one that counts first: for assembling claims of any day."""
    actor.require("claims.read")
    rows = await db.execute(
        select(Charge.id, Charge.code, Charge.from_on, Charge.amount).order_by(
            Charge.from_on.desc(), Charge.made_at.desc(), Charge.id.desc()
        )
    )
    return tuple(ChargeRow(*row) for row in rows)


async def charge_history(db: Db, actor: Actor) -> list[ChargeRow]:
    """Every charge ever stated: by code, newest day first, and of one day the one written last first."""
    actor.require("billing.read")
    rows = await db.execute(
        select(Charge.id, Charge.code, Charge.from_on, Charge.amount)
        .order_by(Charge.code, Charge.from_on.desc(), Charge.made_at.desc(), Charge.id.desc())
        .limit(2000)
    )
    return [ChargeRow(*row) for row in rows]


async def state_charge(db: Db, actor: Actor, *, code: str, from_on: date, amount: Decimal) -> ChargeRow:
    """What one unit of a code costs from a day on, or a correction. Raises Refused CODE_FORM or CHARGE_AMOUNT."""
    actor.require("billing.write")
    plain = code.strip().upper()
    if not _CODE.fullmatch(plain):
        raise Refused(
            "CODE_FORM",
            say("“%(code)s” is not a procedure code.", code=plain[:12]),
            say("Write its five letters and digits."),
            "code",
        )
    if not amount.is_finite() or not 0 < amount <= _MOST or amount != amount.quantize(Decimal("0.01")):
        raise Refused(
            "CHARGE_AMOUNT",
            say(
                "%(amount)s dollars is not a charge: a claim asks for an amount above zero, in whole cents.",
                amount=amount,
            ),
            say("Write what the practice asks for one unit, such as 95.00."),
            "amount",
        )
    row = Charge(
        tenant_id=actor.tenant_id, id=new_id(), code=plain, from_on=from_on, amount=amount, made_at=now(),
        made_by=actor.staff_id,
    )  # fmt: skip
    db.add(row)
    await db.flush()
    db.note(actor, "billing.charge", entity="charge", entity_ids=[row.id], effect="write", code=plain)
    return ChargeRow(row.id, row.code, row.from_on, row.amount)
