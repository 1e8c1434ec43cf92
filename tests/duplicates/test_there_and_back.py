"""Joining two records and taking them apart leaves a practice exactly as it was, whatever both held."""

import random
from typing import Any

import pytest
from cast import World, make_practice
from duplicates.books import a_book, different, fingerprint
from sqlalchemy.ext.asyncio import AsyncEngine

from server.duplicates import actions
from server.duplicates.actions import FIELDS, join_records, separate_records
from server.duplicates.references import moved
from server.tenants.db import tenant_db

Print = dict[str, list[str]]


async def there_and_back(
    world: World, behind: AsyncEngine, drain: Any, seed: int
) -> tuple[Print, Print, Print]:
    """The practice before two records of a random book are joined, joined, and taken apart again."""
    dice = random.Random(seed * 7 + 1)
    pair = list(await a_book(world, behind, seed))
    dice.shuffle(pair)
    await drain()
    before = await fingerprint(behind, world)
    nora = world.actor("nora")
    async with tenant_db(nora) as db:
        take = [name for name in FIELDS if dice.random() < 0.5]
        merge = await join_records(db, nora, pair[0], pair[1], take=take)
    await drain()
    joined = await fingerprint(behind, world)
    async with tenant_db(nora) as db:
        await separate_records(db, nora, merge.id, reason="Two people after all")
    await drain()
    return before, joined, await fingerprint(behind, world)


async def test_books_come_back(behind: AsyncEngine, drain: Any) -> None:
    for seed in range(3):
        before, joined, after = await there_and_back(await make_practice("lakeside"), behind, drain, seed)
        assert different(before, after) == []
        assert {"patient", "patient_word", "month_total"} <= set(different(before, joined))


@pytest.mark.campaign
async def test_many_books_come_back(behind: AsyncEngine, drain: Any, record_property: Any) -> None:
    touched: set[str] = set()
    for seed in range(100, 140):
        before, joined, after = await there_and_back(await make_practice("lakeside"), behind, drain, seed)
        assert different(before, after) == [], seed
        touched |= set(different(before, joined))
    missed = {one.table for one in moved()} - touched
    assert missed <= {"undecided_change"}, missed
    record_property("count", f"40 books there and back, {len(touched)} tables touched")


@pytest.mark.parametrize("part", ["_move_back", "_give_back", "index_words", "_changed"])
async def test_control_each_part_is_needed(
    lakeside: World, behind: AsyncEngine, drain: Any, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    real, calls = getattr(actions, part), []

    async def only_there(*given: Any, **more: Any) -> None:
        calls.append(part)
        if part != "_move_back" and len(calls) == 1:  # joining does its part; taking apart leaves it out
            await real(*given, **more)

    monkeypatch.setattr(actions, part, (lambda *_: None) if part == "_give_back" else only_there)
    before, _, after = await there_and_back(lakeside, behind, drain, 11)
    assert different(before, after) != []
