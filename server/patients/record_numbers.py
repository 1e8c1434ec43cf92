"""The practice's own record numbers, for people who come without one."""

from collections.abc import Sequence
from itertools import count

from sqlalchemy import cast, func, select, text
from sqlalchemy.types import Numeric

from server.lookups import for_each
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db


async def next_record_numbers(db: Db, actor: Actor, wanted: Sequence[str]) -> list[str]:
    """A record number for each: the one it wants, if nobody has it, else (or where it wants none, "") the next of our
    own. They are ours until this transaction ends: two must not be given the same one."""
    # Counted within the practice: a number shared with others would tell how many people they have.
    await db.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"{actor.tenant_id} record number"},
    )
    own = Patient.record_number
    # Files bring numbers such as CW-DETROIT too; and CW-1000000 is more than CW-999999.
    last = await db.scalar(
        select(func.max(cast(func.substr(own, 4), Numeric))).where(
            own >= "CW-", own < "CW.", own.regexp_match("^CW-[0-9]+$")
        )
    )
    asked = {number for number in wanted if number}
    taken = set(await db.scalars(for_each(select(own), own, asked)))
    ours = (number for step in count(int(last or 0) + 1) if (number := f"CW-{step:06d}") not in asked)
    found = []
    for number in wanted:
        given = number if number and number not in taken else next(ours)
        taken.add(given)
        found.append(given)
    return found
