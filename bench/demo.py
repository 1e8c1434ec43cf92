"""D-1 and D-2: invented lives brought in through the app's door, against a bare COPY past the policies and the ORM."""

import statistics
import time
from datetime import date
from typing import Any

import asyncpg

from bench.house import House
from bench.rounds import Ratio
from server.clock import today
from server.demo import actor_of, seed
from server.demo_bulk import ORDER, default_of, insert_rows
from server.demo_lives import house_of
from server.demo_rows import Rows, rows_of
from server.lives.people import lives
from server.lives.places import PLACES, TEAMS
from server.tables import Table
from server.tenants.actor import Actor
from server.tenants.db import tenant_db

_PEOPLE = {"ci": 200, "full": 2_000}
_ROUNDS = 3
_BATCH = 200  # lives in a transaction


async def measure(house: House, size: str) -> list[Ratio]:
    await seed()
    actor = await actor_of("lakeside", "ada")
    on = today(actor.zone)
    taken: dict[str, list[float]] = {"import": [], "copy": [], "orm": []}
    count = 0
    owner = await house.owner()
    try:
        await owner.execute("create temporary table bench_kept as select id from patient")
        await _through_the_door(actor, await _batches(actor, on, 40, 0), owner)
        await _empty(owner)
        for round in range(1, _ROUNDS + 1):
            for name, bring in (("import", _through_the_door), ("copy", _copied), ("orm", _added)):
                batches = await _batches(actor, on, _PEOPLE[size], round)
                count = sum(len(rows) for batch in batches for rows in batch.values())
                taken[name].append(await bring(actor, batches, owner))
                stored = await owner.fetchval("select count(*) from patient where source = 'demo'")
                if stored != _PEOPLE[size]:
                    raise AssertionError(f"{name} stored {stored} people: the figures mean nothing")
                await _empty(owner)
    finally:
        await owner.close()
    door, copy, orm = (statistics.median(taken[name]) for name in ("import", "copy", "orm"))
    return [
        Ratio("D-1", "rows per second without person_time, import under RLS / direct COPY with bypass", copy / door, 0.45, 0.65, "more", f"{count:,} rows, {count / door:,.0f} and {count / copy:,.0f} a second"),
        Ratio("D-2", "rows per second without person_time, import / ORM add_all", orm / door, 4, 7, "more", f"{count / orm:,.0f} a second by add_all"),
    ]  # fmt: skip


async def _batches(actor: Actor, on: date, people: int, round: int) -> list[Rows]:
    """The same lives under new ids, as rows; inventing them is not what is timed."""
    async with tenant_db(actor, read_only=True) as db:
        house, team = await house_of(db, actor, TEAMS["lakeside"], on)
    found: list[Rows] = []
    for number, life in enumerate(lives(11, PLACES["lakeside"], team, on, people)):
        if number % _BATCH == 0:
            found.append({})
        _, theirs = rows_of(house, life, f"B{round}-{number}")
        for table, rows in theirs.items():
            if table != "person_time":  # guarded by an exclusion that the others' ratio would drown in
                found[-1].setdefault(table, []).extend(rows)
    return found


async def _through_the_door(actor: Actor, batches: list[Rows], owner: asyncpg.Connection) -> float:
    started = time.perf_counter()
    for batch in batches:
        async with tenant_db(actor) as db:
            await insert_rows(db, batch)
    return time.perf_counter() - started


async def _copied(actor: Actor, batches: list[Rows], owner: asyncpg.Connection) -> float:
    """By the owner, who is under no policy. The rows are laid out before the clock starts."""
    prepared = [
        [(name, *_laid_out(name, batch[name])) for name in ORDER if batch.get(name)] for batch in batches
    ]
    started = time.perf_counter()
    for batch in prepared:
        async with owner.transaction():
            for name, columns, records in batch:
                await owner.copy_records_to_table(name, columns=columns, records=records)
    return time.perf_counter() - started


async def _added(actor: Actor, batches: list[Rows], owner: asyncpg.Connection) -> float:
    classes = {mapper.class_.__tablename__: mapper.class_ for mapper in Table.registry.mappers}
    started = time.perf_counter()
    for batch in batches:
        async with tenant_db(actor) as db:
            for name in ORDER:
                db.add_all(classes[name](**row) for row in batch.get(name, []))
                await db.flush()
    return time.perf_counter() - started


def _laid_out(name: str, rows: list[dict[str, Any]]) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Every column that has a value or a default, and the rows as COPY takes them."""
    table = Table.metadata.tables[name]
    named = {key for row in rows for key in row}
    defaults = {column.name: default_of(column) for column in table.columns}
    columns = [name for name, default in defaults.items() if name in named or default is not None]
    return columns, [tuple(row.get(column, defaults[column]) for column in columns) for row in rows]


async def _empty(owner: asyncpg.Connection) -> None:
    await owner.execute("set session_replication_role = replica")
    for name in reversed(ORDER):
        if name in {"assessment_answer", "assessment_score"}:  # about a patient by what they are of
            kept = "select id from assessment where patient_id in (select id from bench_kept)"
            await owner.execute(f"delete from {name} where assessment_id not in ({kept})")
        elif name != "person_time":
            column = "id" if name == "patient" else "patient_id"
            await owner.execute(f"delete from {name} where {column} not in (select id from bench_kept)")
    await owner.execute("set session_replication_role = origin")
    await owner.execute("vacuum analyze")
