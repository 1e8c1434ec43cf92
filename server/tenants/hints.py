"""Hints for somebody's first days: which of them they have put away, kept with their place in the practice, so that
another browser knows it too. What a hint says, and where, is each front end's own (web/hints.py)."""

import re
from collections.abc import Sequence
from typing import Final

from sqlalchemy import select

from server.errors import Refused, not_found
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Staff
from server.words import say

_KEY: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
MOST: Final = 100


async def put_hints_away(db: Db, actor: Actor, keys: Sequence[str]) -> list[str]:
    """Show these hints to the actor no more; all that are away then. Raises Refused HINT_UNKNOWN for what is no
    hint's name, and when there are more than a hundred."""
    actor.require("self.write")
    staff = await _own_row(db, actor)
    if not all(_KEY.fullmatch(key) for key in keys) or len({*staff.hints_away, *keys}) > MOST:
        raise Refused(
            "HINT_UNKNOWN",
            say("There is no hint of that name."),
            say("Reload the page; it may be gone already."),
            "key",
        )
    new = [key for key in dict.fromkeys(keys) if key not in staff.hints_away]
    if new:
        staff.hints_away = [*staff.hints_away, *new]
        await db.flush()
        db.note(actor, "hints.away", entity="staff", entity_ids=[staff.id], effect="write")
    return staff.hints_away


async def show_hints_again(db: Db, actor: Actor) -> None:
    """All hints from the beginning, for the actor alone."""
    actor.require("self.write")
    staff = await _own_row(db, actor)
    staff.hints_away = []
    await db.flush()
    db.note(actor, "hints.again", entity="staff", entity_ids=[staff.id], effect="write")


async def _own_row(db: Db, actor: Actor) -> Staff:
    """Locked: two hints put away at the same moment must both stay away."""
    chosen = select(Staff).where(Staff.id == actor.staff_id).with_for_update()
    found = (await db.execute(chosen)).scalar_one_or_none()
    if found is None:
        raise not_found("person on the staff")
    return found
