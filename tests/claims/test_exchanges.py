"""Sent claims of one month whose corrections exchange services: in pairs, in rings, and at random.

Whatever is signed, withdrawn, sent or turned away in whatever order: a payer never holds one service on two claims, and
nothing waits for ever.
"""

import os
import random
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from billing_ready import billable, ready_to_bill
from care import last_month
from cast import World
from claim_steps import MAKE, WITHDRAW, claims, close, codes, errors, numbered, said, sent, sign
from pyx12_says import complaints
from sqlalchemy.ext.asyncio import AsyncEngine

from server.claims import sign as signing
from server.claims.claim_queries import month_claims
from server.claims.claim_rows import Chosen, ClaimRow
from server.claims.sending import make_interchanges
from server.claims.sign import record_payer_number, sign_claims, withdraw_claim
from server.errors import Refused
from server.ids import new_id
from server.tenants.billing_identity import state_provider_billing
from server.tenants.db import tenant_db

NPIS = {"dr_lin": "1234567893", "rosa": "1987654328", "mika": "1003000126", "nora": "1740220854"}
CODES = ("99490", "99439", "99491", "98966", "98967", "98968", "99487")
PEOPLE = 6
EXAMPLES = 120 if os.environ.get("CAREWRIGHT_CAMPAIGN") == "full" else 12


async def practitioners(world: World, behind: AsyncEngine) -> None:
    """Four people render; which of them a line's program says (`by_practitioner`)."""
    ada = world.actor("ada")
    for who, npi in NPIS.items():
        async with behind.begin() as connection:
            await connection.execute(
                sa.text("update staff set npi = :npi, bills = true where id = :id"),
                {"npi": npi, "id": world.staff[who]},
            )
        if who != "dr_lin":
            async with tenant_db(ada) as db:
                await state_provider_billing(
                    db, ada, world.staff[who], from_on=date(2020, 1, 1), family_name=who.title(), given_name="A",
                    taxonomy="363L00000X",
                )  # fmt: skip


async def treated_by_all(world: World, behind: AsyncEngine, id: UUID) -> None:
    """One enrollment for each practitioner, under a program of its own."""
    async with behind.begin() as connection:
        for who in NPIS:
            await connection.execute(
                sa.text(
                    "insert into enrollment select (jsonb_populate_record(e, jsonb_build_object('id', cast(:new as text), 'program', "
                    "cast(:program as text), 'practitioner_id', cast(:staff as text)))).* from enrollment e "
                    "where patient_id = :id and program = 'ccm'"
                ),
                {"new": str(new_id()), "program": f"of {who}", "staff": str(world.staff[who]), "id": id},
            )


async def decides(behind: AsyncEngine, id: UUID, given: dict[str, str]) -> None:
    """The month's newest decision asks for these codes, each rendered by one of the practitioners."""
    async with behind.begin() as connection:
        (line, decision), *_ = await connection.execute(
            sa.text("select id, decision_id from claim_line where patient_id = :id order by id"),
            {"id": id},
        )
        # What was signed keeps its lines; the decision gets others, under a further version.
        new = new_id()
        await connection.execute(
            sa.text(
                "insert into month_decision select (jsonb_populate_record(d, jsonb_build_object('id', cast(:new as text), "
                "'version', (select max(version) + 1 from month_decision x where x.patient_id = d.patient_id)))).* "
                "from month_decision d where id = :decision"
            ),
            {"new": str(new), "decision": decision},
        )
        for number, (code, who) in enumerate(sorted(given.items()), 1):
            await connection.execute(
                sa.text(
                    "insert into claim_line select (jsonb_populate_record(l, jsonb_build_object('id', cast(:new as text), "
                    "'decision_id', cast(:decision as text), 'number', cast(:number as int), 'code', cast(:code as text), "
                    "'program', cast(:program as text), 'goes_with', array[]::text[], 'units_at_most', null, 'modifiers', "
                    "array[]::text[]))).* from claim_line l where id = :line"
                ),
                {"new": str(new_id()), "decision": str(new), "number": number, "code": code, "program": f"of {who}",
                 "line": line},
            )  # fmt: skip


RING = {
    "99490": "dr_lin", "99439": "dr_lin", "99491": "rosa", "98966": "rosa", "98967": "mika", "98968": "mika",
}  # fmt: skip


async def a_ring_sent(ask: Any, world: World, behind: AsyncEngine, month: str) -> UUID:
    """Three claims of two services each are sent; then the second service of each belongs to the next."""
    await ready_to_bill(world)
    await practitioners(world, behind)
    id = await billable(world, behind, month, 21)
    await close(world, month)
    await treated_by_all(world, behind, id)
    await decides(behind, id, RING)
    made = await sign(ask, world, month, await claims(ask, world, month))
    assert made["left"] == []
    assert len(made["signed"]) == 3
    await sent(ask, world, month)
    await numbered(ask, world, made["signed"])
    await decides(behind, id, RING | {"99439": "rosa", "98966": "mika", "98968": "dr_lin"})
    return id


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
async def test_a_ring_of_three_is_signed_in_any_order_and_sent_together(
    order: tuple[int, ...], lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await a_ring_sent(ask, lakeside, behind, month)
    drafts = await claims(ask, lakeside, month, "ready", "to_look_at", "to_mend")
    assert [errors(draft) for draft in drafts] == [set()] * 3
    assert {d["frequency"] for d in drafts} == {"7"}
    npis = [d["renderingNpi"] for d in drafts]
    for place in order:
        refusal = await said(ask, lakeside, MAKE, month=month)
        assert refusal["code"] in ("NOTHING_TO_SEND", "CLAIMS_CHANGED"), (
            "none of the three goes before the others"
        )
        (draft,) = [
            d
            for d in await claims(ask, lakeside, month, "to_look_at", "ready")
            if d["renderingNpi"] == npis[place]
        ]
        assert (await sign(ask, lakeside, month, [draft]))["left"] == []
    interchange, text = await sent(ask, lakeside, month)
    assert (interchange["claims"], complaints(text)) == (3, [])
    assert codes(await claims(ask, lakeside, month, "sent")) == {
        NPIS["dr_lin"]: ["98968", "99490"], NPIS["rosa"]: ["99439", "99491"], NPIS["mika"]: ["98966", "98967"],
    }  # fmt: skip
    assert await claims(ask, hillcrest, month) == []


@pytest.mark.parametrize("first", [0, 1, 2])
async def test_a_signed_ring_of_three_is_withdrawn_beginning_with_any(
    first: int, lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    id = await a_ring_sent(ask, lakeside, behind, month)
    before = codes(await claims(ask, lakeside, month, "sent"))
    await sign(ask, lakeside, month, await claims(ask, lakeside, month, "to_look_at", "ready"))
    ring = await claims(ask, lakeside, month, "signed")
    assert (await said(ask, lakeside, WITHDRAW, id=ring[first]["id"]))["state"] == "withdrawn"
    assert (await said(ask, lakeside, MAKE, month=month))["code"] == "CLAIMS_CHANGED"
    for _ in range(2):  # what is left is a row: its end, and then the other
        answers = [
            await said(ask, lakeside, WITHDRAW, id=c["id"])
            for c in await claims(ask, lakeside, month, "signed")
        ]
        assert any(one.get("state") == "withdrawn" for one in answers), answers
        if not await claims(ask, lakeside, month, "signed"):
            break
    assert await claims(ask, lakeside, month, "signed") == []
    assert codes(await claims(ask, lakeside, month, "sent")) == before
    async with behind.connect() as connection:
        held = await connection.scalar(
            sa.text("select count(distinct service_key) from claimed_service where patient_id = :id"),
            {"id": id},
        )
    assert held == 6, "each stands as it was sent"


# --- at random ------------------------------------------------------------------------------------------------------


class Book:
    """What the payer holds, by the files it was given: claim number -> codes asked for."""

    def __init__(self) -> None:
        self.held: dict[str, set[str]] = {}

    def read(self, rows: Sequence[ClaimRow], sent_before: set[UUID]) -> None:
        for row in rows:
            if row.interchange_id is not None and row.id not in sent_before:
                sent_before.add(row.id)
                if row.replaces_number:
                    del self.held[row.replaces_number]
                if row.claim.frequency != "8":
                    self.held[row.number] = {service.code for service in row.claim.services}

    def twice(self) -> list[str]:
        every = [code for codes in self.held.values() for code in codes]
        return sorted({code for code in every if every.count(code) > 1})


def _only(refused: Refused, *codes: str) -> bool:
    """False: it was refused, and for one of these reasons."""
    if refused.code not in codes:
        raise refused
    return False


class Desk:
    """Bill, who does what he likes with one person's claims."""

    def __init__(self, world: World, month: str, id: UUID) -> None:
        self.actor, self.month, self.id = world.actor("bill"), month, id
        self.book, self.sent_before = Book(), set[UUID]()

    async def rows(self) -> list[ClaimRow]:
        async with tenant_db(self.actor, read_only=True) as db:
            return await month_claims(db, self.actor, self.month, patient_ids=[self.id])

    async def sign(self, rows: Sequence[ClaimRow]) -> int:
        chosen = [Chosen(row.patient_id, row.id, row.content_hash, looked=True) for row in rows]
        try:
            async with tenant_db(self.actor) as db:
                return len((await sign_claims(db, self.actor, self.month, chosen)).signed)
        except Refused:
            return 0

    async def withdraw(self, row: ClaimRow) -> bool:
        try:
            async with tenant_db(self.actor) as db:
                await withdraw_claim(db, self.actor, row.id)
        except Refused as refused:
            return _only(refused, "WITHDRAW_FIRST")
        return True

    async def send(self) -> bool:
        try:
            async with tenant_db(self.actor) as db:
                await make_interchanges(db, self.actor, month=self.month)
        except Refused as refused:
            return _only(refused, "NOTHING_TO_SEND", "CLAIMS_CHANGED")
        rows = await self.rows()
        self.book.read(rows, self.sent_before)
        assert self.book.twice() == [], "a payer holds one service on two claims"
        for row in rows:
            if row.state == "sent" and not row.payer_control_number:
                async with tenant_db(self.actor) as db:
                    await record_payer_number(db, self.actor, row.id, number=f"ICN{row.number}")
        return True

    async def withdraw_everything(self) -> None:
        while signed := [row for row in await self.rows() if row.state == "signed"]:
            done = [await self.withdraw(row) for row in signed]
            assert any(done), f"{[row.number for row in signed]} wait for each other"

    async def settle(self) -> None:
        """Take every answer offered until there is none."""
        for _ in range(12):
            rows = await self.rows()
            drafts, changed = (
                [row for row in rows if row.draft],
                [row for row in rows if row.state == "signed" and row.changed_since],
            )
            if not drafts and not any(row.state == "signed" for row in rows):
                return
            moved = await self.sign(drafts) if drafts else 0
            moved += sum([await self.withdraw(row) for row in changed])
            moved += await self.send()
            if not moved:  # what is signed rests on what will not come: it is taken back, as its words say
                await self.withdraw_everything()
        raise AssertionError([(row.number, row.state, row.findings) for row in await self.rows()])


async def exchange(desk: Desk, behind: AsyncEngine, dice: random.Random) -> None:
    """A random piece of the life of a month's claims."""
    id = desk.id
    used = dice.sample(CODES, dice.randint(3, len(CODES)))
    people = dice.sample(sorted(NPIS), dice.randint(2, 4))
    given = {code: dice.choice(people) for code in used}
    await decides(behind, id, given)
    await desk.settle()
    for _ in range(2):
        turned = dice.sample(used, len(used))
        given = {
            code: given.get(other, dice.choice(people))
            for code, other in zip(used, turned, strict=True)
            if dice.random() > 0.15
        } or given
        await decides(behind, id, given)
        for _ in range(dice.randint(1, 6)):
            rows = await desk.rows()
            drafts, held = [r for r in rows if r.draft], [r for r in rows if r.state == "signed"]
            match dice.choice(("sign", "sign", "withdraw", "send", "everything")):
                case "sign" if drafts:
                    await desk.sign(dice.sample(drafts, dice.randint(1, len(drafts))))
                case "withdraw" if held:
                    await desk.withdraw(dice.choice(held))
                case "send":
                    await desk.send()
                case "everything" if held and dice.random() < 0.4:
                    await desk.withdraw_everything()
    await desk.settle()
    assert {code: given[code] for codes in desk.book.held.values() for code in codes} == given
    standing = [row for row in await desk.rows() if row.state == "sent" and row.claim.frequency != "8"]
    asked = [(s.code, r.claim.rendering.npi) for r in standing for s in r.claim.services if r.claim.rendering]
    assert sorted(asked) == sorted((code, NPIS[who]) for code, who in given.items())


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
async def test_random_exchanges_end_with_each_service_claimed_once(
    lakeside: World, hillcrest: World, behind: AsyncEngine, record_property: Any
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    await practitioners(lakeside, behind)
    people = [
        await billable(lakeside, behind, month, 21, hour=8 + n, name=f"Walker{n}") for n in range(PEOPLE)
    ]
    await close(lakeside, month)
    desks = [Desk(lakeside, month, id) for id in people]
    for id in people:
        await treated_by_all(lakeside, behind, id)
    for seed in range(EXAMPLES):
        try:
            await exchange(desks[seed % PEOPLE], behind, random.Random(seed))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    claimed = sum([sum(not row.draft for row in await desk.rows()) for desk in desks])
    theirs = hillcrest.actor("bill")
    async with tenant_db(theirs, read_only=True) as db:
        assert await month_claims(db, theirs, month) == []
    record_property(
        "count", f"{EXAMPLES} random exchanges, {claimed} claims signed: none twice, none left waiting"
    )
    assert claimed >= EXAMPLES * 3


@pytest.mark.campaign
async def test_control_where_only_pairs_are_known_a_ring_waits_for_itself(
    lakeside: World, ask: Any, behind: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.claims import resting

    month = last_month(lakeside.zone)
    await a_ring_sent(ask, lakeside, behind, month)
    await sign(ask, lakeside, month, await claims(ask, lakeside, month, "to_look_at", "ready"))

    def the_next_alone(row: ClaimRow, signed: Sequence[ClaimRow], rows: Sequence[ClaimRow]) -> set[UUID]:
        by_id = {one.id: one for one in rows}
        return {
            one.id for one in signed if one.replaces_id and resting.resting_on(by_id[one.replaces_id], [row])
        }

    monkeypatch.setattr(resting, "_counted_on", the_next_alone)
    assert signing.in_the_way is resting.in_the_way
    for one in await claims(ask, lakeside, month, "signed"):
        assert (await said(ask, lakeside, WITHDRAW, id=one["id"]))["code"] == "WITHDRAW_FIRST"
