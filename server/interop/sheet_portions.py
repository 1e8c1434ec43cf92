"""The worker's part of a table: one portion of rows at a time is tried, brought in or taken back, each its own
transaction, and the next is asked for. A portion that was done is not done again."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import insert, or_, select, text

from server.clock import now, today
from server.ids import new_id
from server.interop.intake import Columns, sql
from server.interop.sheet_judging import Judged, judge
from server.interop.sheet_queries import counted
from server.interop.sheet_storing import store
from server.interop.sheet_undo import undo_rows
from server.interop.sheets.columns import remembered
from server.interop.sheets.packing import Rows, unpacked
from server.interop.sheets.verdicts import given
from server.interop.tables import Sheet, SheetPortion, SheetRow
from server.jobs import add
from server.lookups import delete_each, plan_anew
from server.patients.comparing import ask_to_compare
from server.patients.records import keep_whose
from server.tables import JSON
from server.tenants.actor import Actor
from server.tenants.db import Db

PORTION: Final = "imports.sheet_portion"
_THEN: Final = {"trying": "tried", "bringing": "in", "undoing": "undone"}


async def work_on_portion(db: Db, actor: Actor, args: JSON) -> None:
    """Do one portion of the step a table is in. Twice is the same as once."""
    actor.require("imports.write")
    sheet_id, state, number = UUID(args["sheet_id"]), args["state"], int(args["number"])
    sheet = (
        await db.execute(select(Sheet).where(Sheet.id == sheet_id).with_for_update())
    ).scalar_one_or_none()
    if sheet is None or sheet.state != state or sheet.done != number:
        return
    if state != "trying":
        await keep_whose(db, actor)
    await plan_anew(db)
    if state == "undoing":
        rows = await _cells(db, sheet, sheet.portions - 1 - number)
        touched = await undo_rows(db, sheet, rows[0][0], rows[-1][0])
    else:
        touched = await _bring(db, actor, sheet, number, for_good=state == "bringing")
    sheet.done += 1
    if sheet.done < sheet.portions:
        await ask_for_portion(db, actor, sheet_id, state, sheet.done)
    else:
        await db.flush()
        sheet.counts = await counted(db, sheet_id)
        sheet.state = _THEN[state]
        sheet.ended_at = now()
        if state == "bringing":
            await ask_to_compare(db, actor)
    if touched:
        db.note(
            actor,
            f"imports.{state}",
            entity="sheet",
            entity_ids=[sheet_id],
            patient_ids=touched,
            effect="write",
        )


async def _bring(db: Db, actor: Actor, sheet: Sheet, number: int, *, for_good: bool) -> list[UUID]:
    if for_good:
        # Two tables at once could both think that a person is new.
        await db.execute(
            text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"),
            {"key": f"{actor.tenant_id} sheet"},
        )
    rows = await _cells(db, sheet, number)
    if for_good and rows:
        brought = set(
            await db.scalars(
                select(SheetRow.line).where(
                    SheetRow.sheet_id == sheet.id,
                    SheetRow.line.between(rows[0][0], rows[-1][0]),
                    SheetRow.outcome != "",
                )
            )
        )
        rows = [row for row in rows if row[0] not in brought]
    judged = await _judged(db, actor, sheet, rows, for_good=for_good)
    touched = await store(db, actor, sheet, judged) if for_good else []
    await _keep(db, sheet, number, judged, now() if for_good else None)
    return touched


async def judge_again(db: Db, actor: Actor, sheet: Sheet, row: SheetRow) -> None:
    """See anew what a row would do about which somebody decided, and what others would that may be about the same
    person."""
    actor.require("imports.write")
    same = SheetRow.line == row.line
    if row.patient_id is not None:
        same = or_(same, SheetRow.patient_id == row.patient_id)
    lines = (
        await db.execute(
            select(SheetRow.portion, SheetRow.line)
            .where(SheetRow.sheet_id == sheet.id, SheetRow.outcome == "", same)
            .order_by(SheetRow.line)
        )
    ).all()
    cells = {number: dict(await _cells(db, sheet, number)) for number in {number for number, _ in lines}}
    for number, line in lines:
        judged = await _judged(db, actor, sheet, [(line, cells[number][line])])
        await _keep(db, sheet, number, judged, None)


async def _cells(db: Db, sheet: Sheet, number: int) -> Rows:
    packed = await db.scalar(
        select(SheetPortion.cells).where(SheetPortion.sheet_id == sheet.id, SheetPortion.number == number)
    )
    return await asyncio.to_thread(unpacked, packed) if packed else []


async def _judged(db: Db, actor: Actor, sheet: Sheet, rows: Rows, *, for_good: bool = False) -> list[Judged]:
    meaning = remembered(sheet.columns, sheet.header)
    return await judge(db, sheet, rows, meaning, today(actor.zone), for_good=for_good)


async def _keep(
    db: Db, sheet: Sheet, number: int, judged: Sequence[Judged], brought_at: datetime | None
) -> None:
    """These rows as they now are, in the place of what was there of them."""
    if not judged:
        return
    lines = {one.line for one in judged}
    # In order of the lines, so that the index by line serves and not just one that leads with the sheet.
    there = await db.execute(
        select(SheetRow.id, SheetRow.line)
        .where(SheetRow.sheet_id == sheet.id, SheetRow.line.between(min(lines), max(lines)))
        .order_by(SheetRow.line)
    )
    await delete_each(db, sql(SheetRow), [id for id, line in there if line in lines])
    rows = [_row(sheet, number, one, brought_at if one.goes_in else None) for one in judged]
    await db.execute(insert(sql(SheetRow)), rows)


def _row(sheet: Sheet, number: int, one: Judged, at: object) -> Columns:
    fault = one.fault
    return {
        "tenant_id": sheet.tenant_id, "id": one.row_id or new_id(), "sheet_id": sheet.id, "portion": number,
        "line": one.line, "key": one.key, "called": one.said.called if one.said else "", "verdict": one.verdict,
        "field": fault.field if fault else "", "sentence": fault.sentence if fault else one.sentence,
        "next_step": fault.next_step if fault else one.next_step, "patient_id": one.patient_id, "choice": one.choice,
        "outcome": "in" if at else "", "said": given(one.said) if one.said else {}, "effects": one.effects, "at": at,
    }  # fmt: skip


async def ask_for_portion(db: Db, actor: Actor, sheet_id: UUID, state: str, number: int) -> None:
    """Have the worker take up a portion of the step that is under way."""
    actor.require("imports.write")
    await add(
        db,
        actor,
        PORTION,
        f"{sheet_id}:{state}:{number}",
        {"sheet_id": sheet_id, "state": state, "number": number},
    )
