"""Taking back what a table brought, its last portion and row first: of each row all or nothing, and nothing that anybody
has touched since."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Date, delete, select
from sqlalchemy import Table as SqlTable

from server.interop.intake import among_ids, sql
from server.interop.sheet_storing import TABLES, Updates, plain
from server.interop.tables import Sheet, SheetRow
from server.lookups import delete_each, for_each
from server.patients.tables import PatientWord
from server.patients.words import index_words
from server.tables import Table
from server.tenants.db import Db
from server.words import N_, listed, say

#: table -> what it is called in a sentence
_WORDS = {
    "patient": N_("their details"),
    "contact_way": N_("a way to reach them"),
    "address": N_("their address"),
    "coverage": N_("their insurance"),
    "patient_identifier": N_("what other systems call them"),
    "patient_merge": N_("that they were on file twice"),
}


async def undo_rows(db: Db, sheet: Sheet, first: int, last: int) -> list[UUID]:
    """Take back the rows from one line to another, the last first; whom it touched. What stays says why."""
    rows = list(
        await db.scalars(
            select(SheetRow)
            .where(
                SheetRow.sheet_id == sheet.id, SheetRow.line.between(first, last), SheetRow.outcome == "in"
            )
            .order_by(SheetRow.line.desc())
        )
    )
    now_there = await _now_there(db, rows)
    leaning = await _leaning(db, rows)
    back = []
    for row in rows:
        changed = [e["table"] for e in row.effects if not _as_left(e, now_there)]
        why = sorted({say(_WORDS[table]) for table in changed} | leaning[row.id])
        if why:
            row.outcome = "stays"
            row.sentence = say("Not taken back: somebody has since written %(what)s.", what=listed(why))
            row.next_step = say("Open the person's page.")
            continue
        row.outcome = "undone"
        back.append(row)
    removed = await _put_back(db, back)
    named = {
        row.patient_id
        for row in back
        if row.patient_id and any(e["table"] == "patient" and e["was"] is not None for e in row.effects)
    }
    await db.flush()
    await index_words(db, named - removed)
    return sorted({row.patient_id for row in back if row.patient_id and row.effects})


async def _now_there(db: Db, rows: Sequence[SheetRow]) -> dict[tuple[str, UUID], dict[str, Any]]:
    ids: dict[str, set[UUID]] = defaultdict(set)
    for row in rows:
        for effect in row.effects:
            ids[effect["table"]].add(UUID(effect["id"]))
    found = {}
    for name, those in ids.items():
        table = sql(TABLES[name])
        # Locked: what is compared must still be so when it is taken back.
        for each in (
            await db.execute(for_each(select(table).with_for_update(), table.c.id, those))
        ).mappings():
            found[name, each["id"]] = dict(each)
    return found


def _as_left(effect: dict[str, Any], now_there: dict[tuple[str, UUID], dict[str, Any]]) -> bool:
    row = now_there.get((effect["table"], UUID(effect["id"])))
    return row is not None and all(plain(row[name]) == value for name, value in effect["now"].items())


async def _leaning(db: Db, rows: Sequence[SheetRow]) -> dict[UUID, set[str]]:
    """Row -> what others have since written that rests on what it made, in words."""
    made: dict[str, dict[UUID, SheetRow]] = defaultdict(dict)
    own: dict[UUID, set[UUID]] = defaultdict(set)
    for row in rows:
        for effect in row.effects:
            if effect["was"] is None:
                made[effect["table"]][UUID(effect["id"])] = row
                own[row.id].add(UUID(effect["id"]))
    found: dict[UUID, set[str]] = defaultdict(set)
    for name, those in made.items():
        for table, column in _pointing_at(name):
            statement = select(column, table.c.id).where(among_ids(column, those))
            for at, id in await db.execute(statement):
                row = those[at]
                if id not in own[row.id]:
                    found[row.id].add(
                        say(_WORDS[table.name])
                        if table.name in _WORDS
                        else say("something about them (%(table)s)", table=_plainly(table.name))
                    )
    return found


def _pointing_at(name: str) -> list[tuple[SqlTable, Column[UUID]]]:
    """Every table and column that points at a row of this table, but the index of people's names."""
    return [
        (table, element.parent)
        for table in Table.metadata.sorted_tables
        if table.name != PatientWord.__tablename__
        for key in table.foreign_key_constraints
        if key.referred_table.name == name
        for element in key.elements
        if element.column.name == "id"
    ]


def _plainly(name: str) -> str:
    return name.replace("_", " ")


async def _put_back(db: Db, rows: Sequence[SheetRow]) -> set[UUID]:
    """Undo the effects of these rows, the last first; the people who are gone by it."""
    gone: dict[str, list[UUID]] = defaultdict(list)
    changes = Updates()
    for row in rows:
        for effect in reversed(row.effects):
            if effect["was"] is None:
                gone[effect["table"]].append(UUID(effect["id"]))
                continue
            table = TABLES[effect["table"]]
            columns = sql(table).c
            was = {
                name: date.fromisoformat(value)
                if value is not None and isinstance(columns[name].type, Date)
                else value
                for name, value in effect["was"].items()
            }
            changes.add(table, UUID(effect["id"]), was)
    await changes.write(db)
    people = set(gone["patient"])
    if people:
        words = sql(PatientWord)
        await db.execute(delete(words).where(among_ids(words.c.patient_id, people)))
    for name in reversed(TABLES):
        if gone[name]:
            await delete_each(db, sql(TABLES[name]), gone[name])
    return people
