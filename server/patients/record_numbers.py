"""The practice's own record numbers, for people who come without one."""

from sqlalchemy import select, text

from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db


async def next_record_numbers(db: Db, actor: Actor, count: int) -> list[str]:
    """The next `count` numbers, ours until this transaction ends: two must not be given the same one."""
    # Counted within the practice: a number shared with others would tell how many people they have.
    await db.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"{actor.tenant_id} record number"},
    )
    newest = await db.scalar(
        select(Patient.record_number)
        .where(Patient.record_number >= "CW-", Patient.record_number < "CW.")
        .order_by(Patient.record_number.desc())
        .limit(1)
    )
    last = int(newest[3:]) if newest else 0
    return [f"CW-{last + step:06d}" for step in range(1, count + 1)]
