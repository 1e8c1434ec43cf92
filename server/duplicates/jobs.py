"""The look for people who are on file twice: after somebody was registered or people were brought in, and at night."""

from datetime import time
from typing import Final
from uuid import UUID

from server.duplicates.finding import compare, some_people
from server.jobs import add, register
from server.patients.comparing import FIND
from server.recurrence import Daily
from server.schedules import schedule
from server.tables import JSON
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import N_

_AT_ONCE: Final = 500


async def find(db: Db, actor: Actor, args: JSON) -> None:
    """Compare `ids` with everybody, or else the next people after `after`; the rest is a further job."""
    if given := args.get("ids"):
        await compare(db, actor, [UUID(id) for id in given])
        return
    after = UUID(args["after"]) if args.get("after") else None
    some = await some_people(db, actor, after=after, limit=_AT_ONCE)
    await compare(db, actor, some)
    if len(some) == _AT_ONCE:
        await add(db, actor, FIND, f"after:{some[-1]}", {"after": some[-1]})


register(
    FIND, find, lease_seconds=30, max_attempts=8, rights=("patients.merge",),
    says=N_("Look for people who may be on file twice"),
)  # fmt: skip

schedule(
    "duplicates.find",
    Daily(time(1, 20)),
    FIND,
    says=N_(
        "Everybody is compared with everybody else who shares a birth date, a name, a telephone or a member number"
    ),
)
