"""Two claims of one patient's month: each is corrected by its own replacement."""

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

from server.enrollment.actions import NewEnrollment, enroll
from server.tenants.billing_identity import state_provider_billing
from server.tenants.db import tenant_db

ROSA = "1987654328"


async def two_practitioners(world: World, behind: AsyncEngine, month: str) -> UUID:
    """A decided month whose base has one practitioner and whose second line another."""
    await ready_to_bill(world)
    id = await billable(world, behind, month, 21, 22)
    ada, nora = world.actor("ada"), world.actor("nora")
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update staff set npi = :npi, bills = true where id = :id"),
            {"npi": ROSA, "id": world.staff["rosa"]},
        )
    async with tenant_db(ada) as db:
        await state_provider_billing(
            db, ada, world.staff["rosa"], from_on=date(2020, 1, 1), family_name="Ortiz", given_name="Rosa",
            taxonomy="363L00000X",
        )  # fmt: skip
    await close(world, month)
    async with tenant_db(nora) as db:
        await enroll(
            db, nora, id, NewEnrollment("pdcm", date.fromisoformat(f"{month}-01"), world.staff["rosa"])
        )
    await lines(behind, id, "99439", "program = 'pdcm', goes_with = '{}'")
    return id


async def lines(behind: AsyncEngine, person: UUID, code: str, change: str) -> None:
    """The decision says something else of its lines with this code."""
    async with behind.begin() as connection:
        result = await connection.execute(
            sa.text(f"update claim_line set {change} where patient_id = :id and code = :code"),
            {"id": person, "code": code},
        )
        assert result.rowcount


@pytest.mark.parametrize("first", ["1234567893", ROSA])
async def test_each_claim_is_replaced_by_its_own_correction(
    first: str, lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    id = await two_practitioners(lakeside, behind, month)
    drafts = await claims(ask, lakeside, month)
    assert codes(drafts) == {"1234567893": ["99490"], ROSA: ["99439"]}
    drafts.sort(key=lambda draft: draft["renderingNpi"] != first)
    made = await sign(ask, lakeside, month, drafts)
    assert made["left"] == []
    await sent(ask, lakeside, month)
    numbers = {row["renderingNpi"]: row["number"] for row in made["signed"]}
    await numbered(ask, lakeside, made["signed"])

    await lines(behind, id, "99490", "modifiers = '{GT}'")
    await lines(behind, id, "99439", "units = 2, units_at_most = null")
    drafts = await claims(ask, lakeside, month, "ready", "to_look_at", "to_mend")
    assert {d["renderingNpi"]: d["replacesNumber"] for d in drafts} == numbers
    assert [errors(d) for d in drafts] == [set(), set()]
    made = await sign(ask, lakeside, month, drafts)
    assert made["left"] == []
    interchange, text = await sent(ask, lakeside, month)
    assert (interchange["claims"], complaints(text)) == (2, [])
    assert sorted(c["state"] for c in await claims(ask, lakeside, month)) == [
        "replaced", "replaced", "sent", "sent",
    ]  # fmt: skip
    assert await claims(ask, hillcrest, month) == []


async def test_one_of_two_is_made_void_and_the_other_stands(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    id = await two_practitioners(lakeside, behind, month)
    signed = (await sign(ask, lakeside, month, await claims(ask, lakeside, month)))["signed"]
    await sent(ask, lakeside, month)
    numbers = {row["renderingNpi"]: row["number"] for row in signed}
    async with behind.begin() as connection:
        await connection.execute(
            sa.text(
                "update claim_line set program = 'ccm', units = 2, units_at_most = null where patient_id = :id"
            ),
            {"id": id},
        )
    drafts = {d["frequency"]: d for d in await claims(ask, lakeside, month, "ready", "to_look_at", "to_mend")}
    assert drafts.keys() == {"7", "8"}
    assert drafts["7"]["replacesNumber"] == numbers["1234567893"]
    assert drafts["8"]["replacesNumber"] == numbers[ROSA]


async def test_what_counts_on_a_replacement_that_stays_behind_stays_too(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    """A service moves from one claim to another: the payer must not hold it on both."""
    month = last_month(lakeside.zone)
    id = await two_practitioners(lakeside, behind, month)
    async with behind.begin() as connection:  # one claim with two services, and one with a third
        await connection.execute(
            sa.text(
                "insert into claim_line select (jsonb_populate_record(l, jsonb_build_object('id', gen_random_uuid(), "
                "'number', 9, 'code', '99491', 'program', 'ccm'))).* from claim_line l "
                "where patient_id = :id and code = '99439'"
            ),
            {"id": id},
        )
    made = await sign(ask, lakeside, month, await claims(ask, lakeside, month))
    assert codes(made["signed"]) == {"1234567893": ["99490", "99491"], ROSA: ["99439"]}
    await sent(ask, lakeside, month)
    await numbered(ask, lakeside, made["signed"])

    await lines(behind, id, "99491", "program = 'pdcm'")
    by_npi = {
        d["renderingNpi"]: d for d in await claims(ask, lakeside, month, "ready", "to_look_at", "to_mend")
    }
    for npi in ("1234567893", ROSA):  # the second only once the first has let the service go
        (draft,) = [
            d for d in await claims(ask, lakeside, month, "ready", "to_look_at") if d["renderingNpi"] == npi
        ]
        assert (await sign(ask, lakeside, month, [draft]))["left"] == []
    assert codes(list(by_npi.values())) == {"1234567893": ["99490"], ROSA: ["99439", "99491"]}
    numbers = sorted(c["number"] for c in await claims(ask, lakeside, month, "signed"))
    await lines(behind, id, "99490", "modifiers = '{GT}'")
    refusal = await said(ask, lakeside, MAKE, month=month)
    assert refusal["__typename"] == "Refusal", "the payer would hold one service on two claims"
    assert refusal["code"] == "CLAIMS_CHANGED"
    assert all(number in refusal["message"] for number in numbers)

    await lines(behind, id, "99490", "modifiers = '{}'")
    interchange, text = await sent(ask, lakeside, month)
    assert (interchange["claims"], complaints(text)) == (2, [])
    assert (await said(ask, hillcrest, MAKE, month=month))["code"] == "NOTHING_TO_SEND"


async def test_two_claims_that_exchange_services_are_signed_one_by_one_and_sent_together(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    id = await two_practitioners(lakeside, behind, month)
    await two_more_lines(behind, id)
    made = await sign(ask, lakeside, month, await claims(ask, lakeside, month))
    assert codes(made["signed"]) == {"1234567893": ["99490", "99491"], ROSA: ["99439", "98966"]}
    await sent(ask, lakeside, month)
    await numbered(ask, lakeside, made["signed"])

    await lines(behind, id, "99491", "program = 'pdcm'")
    await lines(behind, id, "98966", "program = 'ccm'")
    drafts = await claims(ask, lakeside, month, "ready", "to_look_at", "to_mend")
    assert codes(drafts) == {"1234567893": ["99490", "98966"], ROSA: ["99439", "99491"]}
    assert [errors(draft) for draft in drafts] == [set(), set()]
    await sign(ask, lakeside, month, drafts[:1])
    refusal = await said(ask, lakeside, MAKE, month=month)
    assert refusal["code"] == "CLAIMS_CHANGED", (
        "alone it would stand beside what the other claim was sent for"
    )
    await sign(ask, lakeside, month, await claims(ask, lakeside, month, "to_look_at"))
    one, other = await claims(ask, lakeside, month, "signed")

    assert (await said(ask, lakeside, WITHDRAW, id=one["id"]))["state"] == "withdrawn"
    assert (await said(ask, lakeside, MAKE, month=month))["code"] == "CLAIMS_CHANGED"
    assert (await said(ask, lakeside, WITHDRAW, id=other["id"]))["state"] == "withdrawn"
    async with behind.connect() as connection:
        held = await connection.execute(
            sa.text(
                "select c.number, count(*) from claimed_service s join claim c on c.id = s.claim_id "
                "where s.patient_id = :id group by 1"
            ),
            {"id": id},
        )
    assert dict(list(held)) == {row["number"]: 2 for row in made["signed"]}, "both stand as they were sent"

    drafts = await claims(ask, lakeside, month, "to_look_at")
    assert (await sign(ask, lakeside, month, drafts))["left"] == []
    interchange, text = await sent(ask, lakeside, month)
    assert (interchange["claims"], complaints(text)) == (2, [])
    assert await claims(ask, hillcrest, month) == []


async def two_more_lines(behind: AsyncEngine, person: UUID) -> None:
    """One more service for each of the two claims."""
    async with behind.begin() as connection:
        for number, code, program in ((8, "99491", "ccm"), (9, "98966", "pdcm")):
            await connection.execute(
                sa.text(
                    "insert into claim_line select (jsonb_populate_record(l, jsonb_build_object('id', "
                    "gen_random_uuid(), 'number', cast(:number as int), 'code', cast(:code as text), 'program', "
                    "cast(:program as text)))).* from claim_line l where patient_id = :id and code = '99439'"
                ),
                {"id": person, "number": number, "code": code, "program": program},
            )
