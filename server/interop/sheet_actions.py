"""What people do about a table of people: bring it, say what its columns mean, try it, bring it in, take it back."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from server.clock import now
from server.errors import Refused, not_found
from server.ids import new_id
from server.interop.sheet_portions import ask_for_portion, judge_again, work_on_portion
from server.interop.sheet_queries import SheetState, counted, kept_days
from server.interop.sheets.columns import checked
from server.interop.sheets.packing import Prepared
from server.interop.sheets.verdicts import CHOICES
from server.interop.tables import Sheet, SheetColumns, SheetPortion, SheetRow
from server.tenants.actor import Actor
from server.tenants.agreements import require_open
from server.tenants.db import Db
from server.words import say


async def take_sheet(db: Db, actor: Actor, name: str, read: Prepared) -> UUID:
    """Keep a table that was read; nothing of it is brought in yet. name: of the file."""
    actor.require("imports.write")
    await require_open(db, actor)
    sheet_id = new_id()
    db.add(
        Sheet(
            tenant_id=actor.tenant_id, id=sheet_id, name=name[:200], encoding=read.sheet.encoding,
            separator=read.sheet.separator, header=list(read.sheet.header), shape=read.sheet.shape,
            days=kept_days(read.days), rows=read.rows, portions=len(read.portions), state="columns",
            made_at=now(), made_by=actor.staff_id,
        )
    )  # fmt: skip
    await db.flush()
    await db.execute(
        insert(SheetPortion),
        [
            {
                "tenant_id": actor.tenant_id,
                "id": new_id(),
                "sheet_id": sheet_id,
                "number": number,
                "cells": cells,
            }
            for number, cells in enumerate(read.portions)
        ],
    )
    db.note(actor, "imports.take_sheet", entity="sheet", entity_ids=[sheet_id], effect="write")
    return sheet_id


async def set_sheet_columns(
    db: Db, actor: Actor, sheet_id: UUID, columns: Mapping[str, int], orders: Mapping[str, str]
) -> None:
    """Say what the columns mean, which is remembered for the next file with such a header, and try the table out."""
    actor.require("imports.write")
    sheet = await _sheet_for(db, actor, sheet_id, "columns", "tried")
    state = SheetState(*(getattr(sheet, name) for name in SheetState.__dataclass_fields__))
    meaning = checked(columns, orders, sheet.header, state.days_of)
    sheet.columns = stored = meaning.stored(sheet.header)
    row = {"tenant_id": actor.tenant_id, "id": new_id(), "shape": sheet.shape, "columns": stored}
    made = {"made_at": now(), "made_by": actor.staff_id}
    await db.execute(
        upsert(SheetColumns)
        .values(**row, **made)
        .on_conflict_do_update(index_elements=["tenant_id", "shape"], set_={"columns": stored, **made})
    )
    await _begin(db, actor, sheet, "trying")


async def bring_in_sheet(db: Db, actor: Actor, sheet_id: UUID) -> None:
    """Bring in what is new and changed, and what a person decided of those who are perhaps here already. A table that
    is in can be brought in again: what was decided since then follows, the rest is left as it is."""
    actor.require("imports.write")
    await require_open(db, actor)
    await _begin(db, actor, await _sheet_for(db, actor, sheet_id, "tried", "in"), "bringing")


async def undo_sheet(db: Db, actor: Actor, sheet_id: UUID) -> None:
    """Take back what this table brought, where nobody has touched it since."""
    actor.require("imports.write")
    await _begin(db, actor, await _sheet_for(db, actor, sheet_id, "in"), "undoing")


async def discard_sheet(db: Db, actor: Actor, sheet_id: UUID) -> None:
    """Forget a table of which nothing came in."""
    actor.require("imports.write")
    sheet = await _sheet_for(db, actor, sheet_id, "columns", "tried")
    for table in (SheetRow, SheetPortion):
        await db.execute(delete(table).where(table.sheet_id == sheet_id))
    await db.delete(sheet)
    db.note(actor, "imports.discard_sheet", entity="sheet", entity_ids=[sheet_id], effect="write")


async def decide_sheet_row(db: Db, actor: Actor, sheet_id: UUID, line: int, choice: str) -> None:
    """Answer what is asked about a row, as long as it was not brought in: the `same` person, and what is here stays; the
    same, and the `table` is right; a `new` person; or empty, to leave it open."""
    actor.require("imports.write")
    sheet = await _sheet_for(db, actor, sheet_id, "tried", "in")
    row = (
        await db.execute(
            select(SheetRow).where(SheetRow.line == line, SheetRow.sheet_id == sheet_id).with_for_update()
        )
    ).scalar_one_or_none()
    if row is None:
        raise not_found("row")
    asked = row.verdict in ("duplicate", "differs") or row.choice
    if row.outcome or not asked:
        raise Refused(
            "NOT_TO_DECIDE",
            say("There is nothing to decide about this row."),
            say("Look at the table again."),
        )
    if choice not in CHOICES:
        raise Refused(
            "UNKNOWN_CHOICE",
            say("“%(answer)s” is no answer here.", answer=choice[:20]),
            say("Say same, table or new."),
            "choice",
        )
    row_id = row.id
    patient_id = row.patient_id
    row.choice = choice
    await db.flush()
    await judge_again(db, actor, sheet, row)
    sheet.counts = await counted(db, sheet_id)
    db.note(
        actor, "imports.decide_row", entity="sheet_row", entity_ids=[row_id],
        patient_ids=[patient_id] if patient_id else [], effect="write",
    )  # fmt: skip


async def _sheet_for(db: Db, actor: Actor, sheet_id: UUID, *states: str) -> Sheet:
    sheet = (
        await db.execute(select(Sheet).where(Sheet.id == sheet_id).with_for_update())
    ).scalar_one_or_none()
    if sheet is None:
        raise not_found("table")
    if sheet.state not in states:
        busy = sheet.state in ("trying", "bringing", "undoing")
        raise Refused(
            "SHEET_BUSY" if busy else "SHEET_MOVED_ON",
            say("This table is being worked on.") if busy else say("This table is past that step."),
            say("Wait until it is done.")
            if busy
            else say("Look at what became of it; bring the file again if need be."),
        )
    return sheet


async def _begin(db: Db, actor: Actor, sheet: Sheet, state: str) -> None:
    sheet.state = state
    sheet.done = 0
    sheet.ended_at = None
    await db.flush()
    if sheet.portions == 1:  # small enough to be done at once
        await work_on_portion(db, actor, {"sheet_id": str(sheet.id), "state": state, "number": 0})
    else:
        await ask_for_portion(db, actor, sheet.id, state, 0)
    db.note(actor, f"imports.{state}", entity="sheet", entity_ids=[sheet.id], effect="write")
