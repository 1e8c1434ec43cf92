"""Reads of tables that were brought: how far each is, and what its rows would do or did."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from server import csv_text
from server.errors import not_found
from server.interop.sheets.columns import FIELDS, Days, Meaning, guessed, held_against, remembered
from server.interop.sheets.packing import Rows, unpacked
from server.interop.sheets.reading import TO_MEND
from server.interop.tables import Sheet, SheetColumns, SheetPortion, SheetRow
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say

_AT_WORK = ("trying", "bringing", "undoing")


@dataclass(frozen=True, slots=True)
class SheetState:
    """One table. counts: as `counted` has them. done, portions: of the step that is under way."""

    id: UUID
    name: str
    encoding: str
    separator: str
    header: list[str]
    shape: str
    days: dict[str, Any]
    rows: int
    portions: int
    state: str
    done: int
    columns: dict[str, Any]
    counts: dict[str, int]
    made_at: datetime
    ended_at: datetime | None

    @property
    def at_work(self) -> bool:
        return self.state in _AT_WORK

    @property
    def days_of(self) -> tuple[Days, ...]:
        return tuple(Days(**self.days.get(str(place), {})) for place in range(len(self.header)))


@dataclass(frozen=True, slots=True)
class SheetRowState:
    """One row of a table, and what it would do or did."""

    id: UUID
    line: int
    called: str
    verdict: str
    field: str
    sentence: str
    next_step: str
    patient_id: UUID | None
    choice: str
    outcome: str


_SHEET: tuple[Any, ...] = tuple(getattr(Sheet, name) for name in SheetState.__dataclass_fields__)
_ROW: tuple[Any, ...] = tuple(getattr(SheetRow, name) for name in SheetRowState.__dataclass_fields__)


def kept_days(days: tuple[Days, ...]) -> dict[str, Any]:
    return {str(place): asdict(each) for place, each in enumerate(days) if each.numeric}


async def sheets(db: Db, actor: Actor, *, limit: int = 50) -> list[SheetState]:
    """The newest tables first."""
    actor.require("imports.write")
    rows = await db.execute(select(*_SHEET).order_by(Sheet.made_at.desc(), Sheet.id.desc()).limit(limit))
    return [SheetState(*row) for row in rows]


async def sheet_state(db: Db, actor: Actor, sheet_id: UUID) -> SheetState:
    """One table of this practice."""
    actor.require("imports.write")
    row = (await db.execute(select(*_SHEET).where(Sheet.id == sheet_id))).one_or_none()
    if row is None:
        raise not_found("table")
    db.note(actor, "imports.read", entity="sheet", entity_ids=[sheet_id])
    return SheetState(*row)


async def meaning_of(db: Db, actor: Actor, sheet: SheetState) -> tuple[Meaning, bool]:
    """What its columns mean, and whether the practice said so (now, or for a header like it) or we guessed."""
    actor.require("imports.write")
    if sheet.columns:
        return remembered(sheet.columns, sheet.header), True
    earlier: Mapping[str, Any] | None = await db.scalar(
        select(SheetColumns.columns).where(SheetColumns.shape == sheet.shape)
    )
    if earlier:
        return held_against(remembered(earlier, sheet.header), sheet.header, sheet.days_of), True
    return guessed(sheet.header, sheet.days_of), False


async def first_cells(db: Db, actor: Actor, sheet_id: UUID, *, limit: int = 200) -> Rows:
    """Its first rows as they came, for whoever says what the columns mean."""
    actor.require("imports.write")
    cells = await db.scalar(
        select(SheetPortion.cells).where(SheetPortion.sheet_id == sheet_id, SheetPortion.number == 0)
    )
    return unpacked(cells)[:limit] if cells else []


async def rows_of(
    db: Db,
    actor: Actor,
    sheet_id: UUID,
    *,
    verdict: str = "",
    outcome: str = "",
    decided: bool = False,
    after: int = 0,
    limit: int = 50,
) -> list[SheetRowState]:
    """Rows of a table in the file's order, after a line; of one verdict or outcome, or those that somebody decided about
    and that are not in yet."""
    actor.require("imports.write")
    statement = select(*_ROW).where(SheetRow.sheet_id == sheet_id, SheetRow.line > after)
    if verdict:
        statement = statement.where(SheetRow.verdict == verdict)
    if outcome:
        statement = statement.where(SheetRow.outcome == outcome)
    if decided:
        statement = statement.where(SheetRow.choice != "", SheetRow.outcome == "")
    found = [SheetRowState(*row) for row in await db.execute(statement.order_by(SheetRow.line).limit(limit))]
    db.note(
        actor, "imports.read", entity="sheet", entity_ids=[sheet_id],
        patient_ids=[row.patient_id for row in found if row.patient_id],
    )  # fmt: skip
    return found


async def to_mend(db: Db, actor: Actor, sheet_id: UUID) -> tuple[str, str]:
    """(file name, CSV): the rows that did not come in, as they came, each with what to mend; to be brought again."""
    sheet = await sheet_state(db, actor, sheet_id)
    left = await db.execute(
        select(SheetRow.portion, SheetRow.line, SheetRow.field, SheetRow.sentence, SheetRow.next_step).where(
            SheetRow.sheet_id == sheet_id,
            SheetRow.verdict.in_(("error", "duplicate")),
            SheetRow.outcome == "",
        )
    )
    faults, numbers = {}, set()
    for number, line, field, sentence, next_step in left:
        numbers.add(number)
        faults[line] = f"{say(FIELDS.get(field, ''))}: {sentence} {next_step}".removeprefix(": ").strip()
    portions = await db.scalars(
        select(SheetPortion.cells)
        .where(SheetPortion.sheet_id == sheet_id, SheetPortion.number.in_(numbers))
        .order_by(SheetPortion.number)
    )
    width = len(sheet.header)
    kept = [place for place in range(width) if sheet.header[place] != TO_MEND]

    def written(packed: list[bytes]) -> str:
        rows = (
            [*(cells[place] for place in kept), faults[line], *cells[width:]]
            for one in packed
            for line, cells in unpacked(one)
            if line in faults
        )
        return csv_text.as_csv([*(sheet.header[place] for place in kept), TO_MEND], rows)

    text = await asyncio.to_thread(written, list(portions))
    db.note(actor, "imports.download", entity="sheet", entity_ids=[sheet_id])
    return f"to-mend-{sheet.made_at:%Y-%m-%d}.csv", text


async def counted(db: Db, sheet_id: UUID) -> dict[str, int]:
    """Rows by verdict (`new`), by outcome (`in`), by both (`in_new`), and `decided`: those that wait to be brought in as
    somebody said."""
    found: dict[str, int] = {}
    decided = SheetRow.choice != ""
    for verdict, outcome, chosen, number in await db.execute(
        select(SheetRow.verdict, SheetRow.outcome, decided, func.count())
        .where(SheetRow.sheet_id == sheet_id)
        .group_by(SheetRow.verdict, SheetRow.outcome, decided)
    ):
        further = [outcome, f"{outcome}_{verdict}"] if outcome else ["decided"] if chosen else []
        for name in (verdict, *further):
            found[name] = found.get(name, 0) + number
    return found
