"""The records of one person. A record that was joined with another keeps what may never be rewritten (minutes,
consents, plans, stories); whoever reads those by person reads all of that person's records, through `of_people` and
`person_of`. Whoever looks people up by a number and then writes about them holds that first, with `keep_whose`."""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased

from server.errors import Refused
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say

#: one alias for all statements: to make one takes longer than to send the statement
_RECORD: Final = aliased(Patient)


def of_people(column: Any, ids: Collection[UUID]) -> ColumnElement[bool]:
    """Whether the record that `column` names is of one of these people."""
    wanted = list(ids)
    found = select(_RECORD.id).where(or_(_RECORD.id.in_(wanted), _RECORD.merged_into.in_(wanted)))
    theirs: ColumnElement[bool] = column.in_(found)
    return theirs


def person_of(column: Any) -> ColumnElement[Any]:
    """Whose record it is that `column` names: the person's own, where it was joined with that."""
    named = column.__clause_element__() if hasattr(column, "__clause_element__") else column
    return (
        select(func.coalesce(_RECORD.merged_into, _RECORD.id))
        .where(_RECORD.tenant_id == named.table.c.tenant_id, _RECORD.id == named)
        .scalar_subquery()
    )


def joined_records() -> Select[Any]:
    """The ids of the records that were joined with another."""
    return select(Patient.id).where(Patient.merged_into.is_not(None))


async def keep_whose(db: Db, actor: Actor) -> None:
    """Whoever is found from here on stays who they are until this transaction ends: no two records are joined or taken
    apart meanwhile. Waits for what is under way; raises Refused JOINING_RUNNING where that outlasts the lock timeout."""
    if not await _lock(db, actor, "pg_advisory_xact_lock_shared"):
        raise Refused(
            "JOINING_RUNNING",
            say("Two records of one person are being joined right now, so nothing was brought in."),
            say("Try again in a moment."),
        )


async def change_whose(db: Db, actor: Actor) -> None:
    """Until this transaction ends nobody brings in what they looked up before. Waits for a portion that is being written;
    raises Refused IMPORT_RUNNING where that outlasts the lock timeout."""
    if not await _lock(db, actor, "pg_advisory_xact_lock"):
        raise Refused(
            "IMPORT_RUNNING",
            say(
                "People are being brought in from a file at this moment, perhaps one of these two. "
                "Nothing was changed."
            ),
            say("Try again when the file is in, in a few minutes."),
        )


async def _lock(db: Db, actor: Actor, function: str) -> bool:
    # Of its own statement, before anybody is looked up: a statement sees only what was there when it began.
    try:
        await db.execute(
            text(f"select {function}(hashtextextended(:key, 0))"), {"key": f"{actor.tenant_id} whose record"}
        )
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != "55P03":
            raise
        return False
    return True
