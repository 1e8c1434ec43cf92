"""Random lives of two records, with rows in every table that names a patient, and a fingerprint of a whole practice."""

import random
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from cast import World
from claims.care import last_month, minutes
from duplicates.pairs import registered
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from server.duplicates.references import moved
from server.ids import new_id
from server.minutes.actions import NewMinutes, log_minutes, void_minutes
from server.patients.story import save_story
from server.plans.actions import NewPlan, write_plan
from server.tables import Table
from server.tenants.db import tenant_db

#: what is no part of a record: the doing itself, its jobs and its audit
_ABOUT_THE_DOING = {
    "patient_merge", "patient_merge_row", "duplicate_pair", "audit_event", "audit_subject", "audit_seal", "audit_unsealed", "job",
    "schedule", "idempotency_key", "dirty_month",
}  # fmt: skip
#: made anew with other ids and times, and the same otherwise
_BURNABLE = {"patient_word": {"id"}, "month_total": {"id", "counted_at"}}
#: planted by the actions below, or kept from being there twice by a rule that is tested by itself
_NOT_PLANTED = {"patient", "undecided_change"}
#: planted for one of the two: what both have alike or against each other is tested by itself
_FOR_ONE = {"enrollment", "coverage", "diagnosis"}


async def a_book(world: World, behind: AsyncEngine, seed: int) -> tuple[UUID, UUID]:
    """Two records with random lives."""
    dice = random.Random(seed)
    month = last_month(world.zone)
    ids = []
    for number in (1, 2):
        given = dice.choice(["Anna", "Ana", "Anna Maria"])
        id = await registered(
            world, "Keller", given, record_number=f"B-{seed}-{number}", sex=dice.choice(["", "female"]),
            language=dice.choice(["", "en", "es"]), preferred_name=dice.choice(["", "Annie"]),
        )  # fmt: skip
        ids.append(id)
        nora = world.actor("nora")
        for turn in range(dice.randrange(3)):
            async with tenant_db(nora) as db:
                await save_story(db, nora, id, what_matters=f"Words {turn}", story="", told_by="")
        for turn in range(dice.randrange(3)):
            async with tenant_db(nora) as db:
                await write_plan(
                    db, nora, id, NewPlan("ccm", date.fromisoformat(f"{month}-03"), goals=f"{turn}")
                )
        made = await minutes(
            world, id, month, *(dice.randint(2, 50) for _ in range(dice.randrange(4))), hour=10 + 2 * number
        )
        for entry in made:
            if dice.random() < 0.3:
                async with tenant_db(nora) as db:
                    await void_minutes(db, nora, entry, reason="Not so")
    await _met(world, ids, month)
    await _plant(world, behind, ids, dice)
    return ids[0], ids[1]


async def _met(world: World, ids: list[UUID], month: str) -> None:
    """One meeting about both: each record has a slice of it."""
    from server.minutes.actions import Joining, join_meeting

    rosa = world.actor("rosa")
    start = datetime.fromisoformat(f"{month}-20T15:00:00+00:00")
    async with tenant_db(rosa) as db:
        new = NewMinutes(
            "ccm",
            "team_meeting",
            start,
            start + timedelta(minutes=31),
            joint=True,
            reason="Written down later",
        )
        first = await log_minutes(db, rosa, ids[0], new)
    async with tenant_db(rosa) as db:
        await join_meeting(db, rosa, first.id, Joining(patient_id=ids[1], reason="Written down later"))


async def _plant(world: World, behind: AsyncEngine, ids: list[UUID], dice: random.Random) -> None:
    """Up to two rows for each record in every table that joining moves."""
    async with behind.begin() as db:
        for one in moved():
            if one.table in _NOT_PLANTED:
                continue
            table = Table.metadata.tables[one.table]
            for id in ids[: 1 if one.table in _FOR_ONE else 2]:
                for _ in range(dice.randrange(3)):
                    row = await _row(db, world, table, id, dice)
                    if row is not None:
                        # What there can be once is there once.
                        await db.execute(
                            insert(table).values({**row, one.column: id}).on_conflict_do_nothing()
                        )


async def _row(
    db: Any, world: World, table: sa.Table, whose: UUID, dice: random.Random
) -> dict[str, Any] | None:
    values: dict[str, Any] = {"tenant_id": world.tenant_id, "id": new_id()}
    for key in table.foreign_key_constraints:
        column = next(element.parent for element in key.elements if element.parent.name != "tenant_id")
        there = key.referred_table
        if there.name == "patient":
            continue
        theirs = sa.select(there.c.id).where(there.c.tenant_id == world.tenant_id).limit(1)
        if "patient_id" in there.c:
            theirs = theirs.where(there.c.patient_id == whose)
        found = (await db.execute(theirs)).scalar()
        if found is None and not column.nullable:
            return None
        values[column.name] = None if column.nullable and dice.random() < 0.5 else found
    for column in table.columns:
        if column.name not in values:
            values[column.name] = _value(table, column, dice)
    if table.name == "timer":
        values["state"] = "stopped"
    if table.name == "note_draft":
        values["state"] = "finished"
    for later, earlier in (("ended_at", "started_at"), ("to_at", "from_at"), ("ended_on", "started_on")):
        if values.get(later) is not None and values.get(earlier) is not None:
            values[later] = values[earlier] + timedelta(days=1)
    return values


def _value(table: sa.Table, column: Any, dice: random.Random) -> Any:
    for check in table.constraints:
        if isinstance(check, sa.CheckConstraint):
            said = re.fullmatch(rf"{column.name} in \((.*)\)", str(check.sqltext))
            if said:
                return dice.choice(re.findall(r"'([^']*)'", said[1]))
    if column.nullable and dice.random() < 0.5:
        return None
    word = f"{column.name} {dice.randrange(10_000)}"
    if isinstance(column.type, JSONB):
        return [] if "list" in str(column.default) else {"of": word}
    kind = column.type.python_type if not isinstance(column.type, sa.types.TypeDecorator) else datetime
    given: dict[type, Any] = {
        str: word, bool: dice.random() < 0.5, int: dice.randint(1, 9), Decimal: Decimal(dice.randint(1, 99)),
        date: date(2024, 1, dice.randint(1, 28)), datetime: datetime(2024, 1, dice.randint(1, 28), tzinfo=UTC),
        UUID: new_id(), list: [], time: time(dice.randint(0, 23), 5),
    }  # fmt: skip
    return given[kind]


async def fingerprint(behind: AsyncEngine, world: World) -> dict[str, list[str]]:
    """table -> its rows, all columns, in order; of what is made anew, what it says."""
    found = {}
    async with behind.connect() as db:
        for table in Table.metadata.sorted_tables:
            if "tenant_id" not in table.c or table.name in _ABOUT_THE_DOING or "bell" in table.name:
                continue
            left_out = _BURNABLE.get(table.name, set())
            shown = [column for column in table.columns if column.name not in left_out]
            rows = await db.execute(sa.select(*shown).where(table.c.tenant_id == world.tenant_id))
            found[table.name] = sorted(repr(tuple(row)) for row in rows)
    return found


def different(one: dict[str, list[str]], other: dict[str, list[str]]) -> list[str]:
    """The tables in which two fingerprints differ."""
    return [name for name in one if one[name] != other[name]]
