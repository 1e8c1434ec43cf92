"""P31: whatever a superuser does to the audit behind the door's back is found, with its place."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from cast import World
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from server.ids import new_id
from server.tenants import seal
from server.tenants.actor import Actor, system
from server.tenants.chain import Breach, Event, Seal, broken_ends, broken_links, link, origin
from server.tenants.db import doors, tenant_db
from server.tenants.seal import HeadFiles, seal_events, signed, tick, verify
from server.worker import drain_once

CI_MUTATIONS, CAMPAIGN_MUTATIONS = 110, 1000


@dataclass
class Book:
    """One practice's sealed and signed audit, made through the door."""

    actor: Actor
    store: HeadFiles
    seals: list[Any]
    events: dict[UUID, Any]

    @property
    def tenant(self) -> UUID:
        return self.actor.tenant_id


async def write(actor: Actor, count: int) -> None:
    async with tenant_db(actor) as db:
        for _ in range(count):
            db.note(
                actor, "patient.open", entity="patient", entity_ids=[new_id()], patient_ids=[new_id(), new_id()],
                effect="write", reason="care", count=3,
            )  # fmt: skip


async def seal_and_sign(actor: Actor, store: HeadFiles) -> None:
    async with tenant_db(actor) as db:
        await seal_events(db, actor)
        last = (
            await db.execute(
                sa.text("select number, chain_hash from audit_seal order by number desc limit 1")
            )
        ).one()
    store.append(actor.tenant_id, signed(actor.tenant_id, last.number, last.chain_hash, datetime.now(UTC)))


async def make_book(folder: Path, behind: AsyncEngine) -> Book:
    """Fifteen events, sealed and signed five at a time."""
    actor, store = system(new_id(), "UTC"), HeadFiles(folder)
    for _ in range(3):
        await write(actor, 5)
        await seal_and_sign(actor, store)
    async with behind.begin() as connection:
        return Book(actor, store, *await behold(connection, actor.tenant_id))


async def behold(connection: AsyncConnection, tenant: UUID) -> tuple[list[Any], dict[UUID, Any]]:
    seals = await connection.execute(
        sa.text("select * from audit_seal where tenant_id = :t order by number"), {"t": tenant}
    )
    events = await connection.execute(
        sa.text("select * from audit_event where tenant_id = :t"), {"t": tenant}
    )
    return list(seals.all()), {row.id: row for row in events.all()}


async def breaches(book: Book) -> list[Breach]:
    async with tenant_db(book.actor, read_only=True) as db:
        return await verify(db, book.actor, book.store)


# --- what may be done behind the door's back --------------------------------------------------------------------


class Hand:
    """A superuser's: statements on one book."""

    def __init__(self, connection: AsyncConnection, book: Book, chance: random.Random) -> None:
        self.connection, self.book, self.chance = connection, book, chance
        self.number = chance.randint(1, len(book.seals))
        self.seal = book.seals[self.number - 1]
        self.event = book.events[self.seal.event_id]

    async def sql(self, statement: str, **values: Any) -> None:
        done = await self.connection.execute(sa.text(statement), {"t": self.book.tenant, **values})
        assert done.rowcount > 0, "the mutation changed nothing"

    async def rechain(self, start: int) -> None:
        """Seal anew from `start`, as somebody would who can read this repository."""
        seals, events = await behold(self.connection, self.book.tenant)
        before = origin(self.book.tenant)
        for row in seals:
            if row.number >= start:
                told = events[row.event_id]
                before = link(before, row.id, row.number, row.sealed_at, as_event(told))
                await self.sql(
                    "update audit_seal set chain_hash = :h where tenant_id = :t and id = :i",
                    h=before,
                    i=row.id,
                )
            else:
                before = row.chain_hash


def as_event(row: Any) -> Event:
    return Event(
        row.id, row.at.astimezone(UTC), row.staff_id, row.role, row.via, row.request_id, row.action, row.effect,
        tuple(row.patient_ids), row.entity, tuple(row.entity_ids), row.details,
    )  # fmt: skip


FIELDS = {
    "at": "at + interval '1 microsecond'",
    "staff_id": "gen_random_uuid()",
    "role": "'biller'",
    "via": "'page'",
    "request_id": "'other'",
    "action": "'patient.close'",
    "effect": "'read'",
    "patient_ids": "patient_ids[1:1]",
    "entity": "'plan'",
    "entity_ids": "'{}'",
    "details": 'details || \'{"reason": "curiosity"}\'',
}


async def edit_event(hand: Hand) -> set[int]:
    field = hand.chance.choice(list(FIELDS))
    await hand.sql(
        f"update audit_event set {field} = {FIELDS[field]} where tenant_id = :t and id = :i", i=hand.event.id
    )
    return {hand.number}


async def edit_seal(hand: Hand) -> set[int]:
    changes = ("sealed_at = sealed_at - interval '1 day'", "chain_hash = repeat('0', 64)")
    change = hand.chance.choice((*changes, "event_id = gen_random_uuid()", "id = gen_random_uuid()"))
    await hand.sql(f"update audit_seal set {change} where tenant_id = :t and id = :i", i=hand.seal.id)
    return {hand.number}


async def delete_event(hand: Hand) -> set[int]:
    await hand.sql("delete from audit_event where tenant_id = :t and id = :i", i=hand.event.id)
    return {hand.number}


async def delete_seal(hand: Hand) -> set[int]:
    await hand.sql("delete from audit_seal where tenant_id = :t and id = :i", i=hand.seal.id)
    return {hand.number}


async def delete_both(hand: Hand) -> set[int]:
    await delete_event(hand)
    await hand.sql("delete from audit_subject where tenant_id = :t and event_id = :i", i=hand.event.id)
    return await delete_seal(hand)


async def delete_and_close_up(hand: Hand) -> set[int]:
    """Everything of one event gone, the numbers moved up, the chain sealed anew."""
    await delete_both(hand)
    for row in hand.book.seals[hand.number :]:
        await hand.sql("update audit_seal set number = number - 1 where tenant_id = :t and id = :i", i=row.id)
    await hand.rechain(hand.number)
    return {hand.number}


async def swap_events(hand: Hand) -> set[int]:
    other = hand.chance.choice([n for n in range(1, len(hand.book.seals) + 1) if n != hand.number])
    theirs = hand.book.events[hand.book.seals[other - 1].event_id]
    for here, there in ((hand.event, theirs), (theirs, hand.event)):
        await hand.sql(
            "update audit_event set entity_ids = :e, at = :at where tenant_id = :t and id = :i",
            e=list(there.entity_ids), at=there.at, i=here.id,
        )  # fmt: skip
    return {hand.number, other}


async def swap_places(hand: Hand) -> set[int]:
    other = hand.chance.choice([n for n in range(1, len(hand.book.seals) + 1) if n != hand.number])
    for number, to in ((hand.number, -1), (other, hand.number), (-1, other)):
        await hand.sql(
            "update audit_seal set number = :to where tenant_id = :t and number = :n", to=to, n=number
        )
    return {hand.number, other}


async def insert_sealed(hand: Hand) -> set[int]:
    """An event slipped in, the ones behind it moved on by one."""
    await insert_unsealed(hand)
    for row in reversed(hand.book.seals[hand.number - 1 :]):
        await hand.sql("update audit_seal set number = number + 1 where tenant_id = :t and id = :i", i=row.id)
    await hand.sql(
        "insert into audit_seal values (:t, gen_random_uuid(), :n, :e, :h, now())",
        n=hand.number, e=hand.inserted, h="1" * 64,  # type: ignore[attr-defined]
    )  # fmt: skip
    return {hand.number}


async def insert_unsealed(hand: Hand) -> set[int]:
    hand.inserted = new_id()  # type: ignore[attr-defined]
    await hand.sql(
        "insert into audit_event select tenant_id, :new, at, staff_id, role, via, request_id, action, effect, "
        "patient_ids, entity, entity_ids, details from audit_event where tenant_id = :t and id = :i",
        new=hand.inserted, i=hand.event.id,  # type: ignore[attr-defined]
    )  # fmt: skip
    return set()


async def truncate(hand: Hand) -> set[int]:
    gone = [row.event_id for row in hand.book.seals[hand.number - 1 :]]
    await hand.sql("delete from audit_event where tenant_id = :t and id = any(:gone)", gone=gone)
    await hand.sql("delete from audit_subject where tenant_id = :t and event_id = any(:gone)", gone=gone)
    await hand.sql("delete from audit_seal where tenant_id = :t and number >= :n", n=hand.number)
    return {hand.number}


async def rewrite_tail(hand: Hand) -> set[int]:
    await hand.sql(
        "update audit_event set action = 'harmless' where tenant_id = :t and id = :i", i=hand.event.id
    )
    await hand.rechain(hand.number)
    return {hand.number}


async def hide_subject(hand: Hand) -> set[int]:
    await hand.sql(
        "delete from audit_subject where tenant_id = :t and event_id = :i and patient_id = :p",
        i=hand.event.id, p=hand.event.patient_ids[0],
    )  # fmt: skip
    return {hand.number}


async def blame_subject(hand: Hand) -> set[int]:
    await hand.sql(
        "update audit_subject set patient_id = gen_random_uuid() where tenant_id = :t and event_id = :i",
        i=hand.event.id,
    )
    return {hand.number}


async def forge_head(hand: Hand) -> set[int]:
    """The other store, too: a head that says what the database was made to say."""
    path = hand.book.store.folder / f"{hand.book.tenant}.heads"
    kept = [json.loads(line) for line in path.read_bytes().splitlines() if line]
    odd = hand.chance.choice(kept)
    odd["hash"] = "2" * 64
    path.write_bytes(b"\n".join(json.dumps(each).encode() for each in kept))
    return {odd["number"]}


MUTATIONS: list[Callable[[Hand], Any]] = [
    edit_event, edit_event, edit_event, edit_seal, delete_event, delete_seal, delete_both, delete_and_close_up,
    swap_events, swap_places, insert_sealed, insert_unsealed, truncate, rewrite_tail, hide_subject, blame_subject,
    forge_head,
]  # fmt: skip


async def mutate_and_verify(folder: Path, behind: AsyncEngine, count: int, seed: int) -> Counter[str]:
    """Each mutation on a book of its own; every one must be found at its place. Returns how many of each kind."""
    chance = random.Random(seed)
    done: Counter[str] = Counter()
    for turn in range(count):
        book = await make_book(folder, behind)
        assert await breaches(book) == [], "an untouched book is sound"
        mutation = MUTATIONS[turn] if turn < len(MUTATIONS) else chance.choice(MUTATIONS)
        async with behind.begin() as connection:
            hand = Hand(connection, book, chance)
            places = await mutation(hand)
        found = await breaches(book)
        told = f"seed {seed}, turn {turn}: {mutation.__name__} at {places or hand.event.id}, found {found}"
        assert found, told
        for place in places:
            assert any(b.first is not None and b.first <= place <= (b.last or 0) for b in found), told
        if not places:
            assert any(b.code == "UNSEALED" and b.event_id == hand.inserted for b in found), told  # type: ignore[attr-defined]
        widest = max((b.last or 0) - (b.first or 0) for b in found)
        assert widest < 5 or mutation in (truncate, delete_seal, swap_places), told
        done[mutation.__name__] += 1
    return done


async def test_every_mutation_is_found_at_its_place(
    tmp_path: Path, behind: AsyncEngine, record_property: Any
) -> None:
    seed = random.randrange(10**6)
    done = await mutate_and_verify(tmp_path, behind, CI_MUTATIONS, seed)
    record_property(
        "count", f"P31: {done.total()} of {done.total()} mutations found at their place: {dict(done)}"
    )
    assert set(done) == {mutation.__name__ for mutation in MUTATIONS}


@pytest.mark.campaign
@pytest.mark.timeout(900)
async def test_a_thousand_mutations(tmp_path: Path, behind: AsyncEngine, record_property: Any) -> None:
    done = await mutate_and_verify(tmp_path, behind, CAMPAIGN_MUTATIONS, random.randrange(10**6))
    record_property(
        "count", f"P31: {done.total()} of {done.total()} mutations found at their place: {dict(done)}"
    )


async def test_control_without_the_heads_outside_a_rewritten_or_cut_tail_goes_unnoticed(
    tmp_path: Path, behind: AsyncEngine
) -> None:
    for mutation in (rewrite_tail, truncate, delete_and_close_up):
        book = await make_book(tmp_path, behind)
        async with behind.begin() as connection:
            await mutation(Hand(connection, book, random.Random(3)))
        assert await breaches(book) != []
        assert await breaches(replace(book, store=HeadFiles(tmp_path / "empty"))) == []


async def test_an_event_deleted_before_it_was_sealed_leaves_a_gap_that_is_told(
    tmp_path: Path, behind: AsyncEngine
) -> None:
    book = await make_book(tmp_path, behind)
    await write(book.actor, 2)
    async with behind.begin() as connection:
        lost = (
            await connection.execute(
                sa.text("delete from audit_event where tenant_id = :t and id = (select max(event_id::text)::uuid from "
                        "audit_unsealed where tenant_id = :t) returning id"), {"t": book.tenant}
            )
        ).scalar_one()  # fmt: skip
    await tick(doors())
    assert [(b.code, b.event_id) for b in await breaches(book)] == [("LOST", lost)]


# --- sealing ----------------------------------------------------------------------------------------------------


async def test_events_wait_in_the_open_are_sealed_once_and_numbered_without_gaps(
    lakeside: World, hillcrest: World, behind: AsyncEngine, tmp_path: Path
) -> None:
    """Several sealers at once, while events are still being written, in two practices."""

    async def busy(world: World) -> None:
        for _ in range(15):
            await write(world.system(), 2)

    async def sealer() -> None:
        for _ in range(8):
            await tick(doors())

    await asyncio.gather(busy(lakeside), busy(hillcrest), sealer(), sealer(), sealer())
    await tick(doors())
    for world in (lakeside, hillcrest):
        async with behind.begin() as connection:
            seals, events = await behold(connection, world.tenant_id)
        assert [row.number for row in seals] == list(range(1, len(events) + 1))
        assert {row.event_id for row in seals} == set(events)
        assert len(events) >= 30
        async with tenant_db(world.system(), read_only=True) as db:
            assert await verify(db, world.system(), HeadFiles(tmp_path)) == []


async def test_the_head_is_signed_by_a_job_that_survives_restarts_and_forgery_is_seen(
    lakeside: World, behind: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = HeadFiles(tmp_path / "seals")
    monkeypatch.setattr(seal, "head_store", lambda: store)
    actor = lakeside.system()
    await write(actor, 3)
    await tick(doors())
    assert store.lines(lakeside.tenant_id) == [], "at most once a minute"
    async with behind.begin() as connection:
        waits = await connection.execute(
            sa.text(
                "update job set run_at = now() where tenant_id = :t and kind = 'audit.sign' returning run_at"
            ),
            {"t": lakeside.tenant_id},
        )
        assert len(waits.all()) == 1
        await connection.execute(
            sa.text("update bell set due_at = now() where tenant_id = :t"), {"t": lakeside.tenant_id}
        )
    assert await drain_once() >= 1
    (line,) = store.lines(lakeside.tenant_id)
    assert json.loads(line)["number"] >= 3
    assert (store.folder / f"{lakeside.tenant_id}.heads").stat().st_mode & 0o777 == 0o600
    async with tenant_db(actor, read_only=True) as db:
        assert await verify(db, actor) == []
        store.append(lakeside.tenant_id, b'{"torn')
        store.append(lakeside.tenant_id, line.replace(b'"number": ', b'"number": 1'))
        assert [b.code for b in await verify(db, actor)] == ["FORGED_HEAD", "FORGED_HEAD"]


async def test_the_app_cannot_change_what_was_written(lakeside: World) -> None:
    actor = lakeside.system()
    await write(actor, 1)
    await tick(doors())

    async def attempt(statement: str) -> None:
        async with tenant_db(actor) as db:
            await db.execute(sa.text(statement))

    for table in ("audit_event", "audit_seal", "audit_subject"):
        for statement in (f"update {table} set id = id", f"delete from {table}", f"truncate {table}"):
            with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                await attempt(statement)


# --- the arithmetic ---------------------------------------------------------------------------------------------


def chain_of(count: int) -> tuple[UUID, list[tuple[Seal, Event | None]]]:
    tenant, at = new_id(), datetime(2026, 3, 1, tzinfo=UTC)
    links: list[tuple[Seal, Event | None]] = []
    before = origin(tenant)
    for number in range(1, count + 1):
        event = Event(new_id(), at, None, "nurse", "page", "", "a.b", "read", (), "x", (), {"n": number})
        made = Seal(new_id(), number, event.id, "", at + timedelta(seconds=number))
        before = link(before, made.id, number, made.sealed_at, event)
        links.append((replace(made, chain_hash=before), event))
    return tenant, links


def test_a_chain_may_be_checked_in_pages_and_belongs_to_one_practice() -> None:
    tenant, links = chain_of(7)
    assert broken_links(None, tenant, links) == []
    assert broken_links(links[2][0], tenant, links[3:]) == []
    assert [b.first for b in broken_links(None, new_id(), links)] == [1]


def test_an_empty_chain_is_sound_and_a_head_beyond_its_end_is_not() -> None:
    assert broken_links(None, new_id(), []) == []
    assert broken_ends(0, {}, []) == []
    assert [(b.code, b.first, b.last) for b in broken_ends(0, {}, [seal.Head(4, "x")])] == [
        ("TRUNCATED", 1, 4)
    ]
