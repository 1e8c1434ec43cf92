"""What payers say comes in any order: nothing fails, nothing comes back unseen, nothing goes out twice."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from billing_ready import billable, ready_to_bill
from care import last_month, minutes
from cast import World
from claim_steps import (
    DRAFTS,
    MAKE,
    PAYER_NUMBER,
    REFUSED,
    WITHDRAW,
    another_medicare,
    claims,
    close,
    corrected,
    errors,
    numbers_in_files,
    said,
    sent,
    sign,
    signed,
    uncovered,
)
from sqlalchemy.ext.asyncio import AsyncEngine


async def a_sent_claim(
    world: World, ask: Any, behind: AsyncEngine, month: str
) -> tuple[dict[str, Any], UUID]:
    await ready_to_bill(world)
    id = await billable(world, behind, month, 21)
    (first,) = await signed(ask, world, month)
    await sent(ask, world, month)
    await said(ask, world, PAYER_NUMBER, id=first["id"], number="ICN1")
    return first, id


async def the_next(ask: Any, world: World, month: str) -> dict[str, Any]:
    """Sign the one draft there is."""
    (draft,) = await claims(ask, world, month, *DRAFTS)
    (row,) = (await sign(ask, world, month, [draft]))["signed"]
    return row  # type: ignore[no-any-return]


def refused(answer: dict[str, Any], number: str) -> None:
    assert answer.get("code") == "WITHDRAW_FIRST", answer
    assert number in answer["message"]


async def test_a_refused_void_while_the_service_is_claimed_anew(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    first, id = await a_sent_claim(lakeside, ask, behind, month)
    await uncovered(behind, id)
    await close(lakeside, month)
    void = await the_next(ask, lakeside, month)
    await sent(ask, lakeside, month)
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update coverage set to_on = null where patient_id = :id"), {"id": id}
        )
    await close(lakeside, month)
    anew = await the_next(ask, lakeside, month)
    assert anew["frequency"] == "1"

    refused(await said(ask, lakeside, REFUSED, id=void["id"], note="A3"), anew["number"])
    await said(ask, lakeside, WITHDRAW, id=anew["id"])
    assert (await said(ask, lakeside, REFUSED, id=void["id"], note="A3"))["state"] == "refused"
    assert await claims(ask, lakeside, month, *DRAFTS) == [], "the first claim stands and says what is so"
    states = {c["number"]: c["state"] for c in await claims(ask, lakeside, month)}
    assert states == {first["number"]: "sent", void["number"]: "refused", anew["number"]: "withdrawn"}


async def test_a_replacement_refused_while_the_next_one_waits(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    first, id = await a_sent_claim(lakeside, ask, behind, month)
    await minutes(lakeside, id, month, 20, hour=17, late=True)
    await close(lakeside, month)
    second = await the_next(ask, lakeside, month)
    await sent(ask, lakeside, month)
    await said(ask, lakeside, PAYER_NUMBER, id=second["id"], number="ICN2")
    await minutes(lakeside, id, month, 20, hour=19, late=True)
    await close(lakeside, month)
    third = await the_next(ask, lakeside, month)
    assert third["replacesNumber"] == second["number"]

    refused(await said(ask, lakeside, REFUSED, id=second["id"], note="A7"), third["number"])
    await said(ask, lakeside, WITHDRAW, id=third["id"])
    assert (await said(ask, lakeside, REFUSED, id=second["id"], note="A7"))["state"] == "refused"
    (draft,) = await claims(ask, lakeside, month, *DRAFTS)
    assert (draft["frequency"], draft["replacesNumber"], errors(draft)) == ("7", first["number"], set())


async def test_a_claim_refused_while_its_replacement_waits(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    first, id = await a_sent_claim(lakeside, ask, behind, month)
    await minutes(lakeside, id, month, 20, hour=17, late=True)
    await close(lakeside, month)
    second = await the_next(ask, lakeside, month)
    refused(await said(ask, lakeside, REFUSED, id=first["id"], note="A7"), second["number"])
    assert (await said(ask, hillcrest, REFUSED, id=first["id"], note="A7"))["code"] == "NOT_FOUND"

    await said(ask, lakeside, WITHDRAW, id=second["id"])
    assert (await said(ask, lakeside, REFUSED, id=first["id"], note="A7"))["state"] == "refused"
    assert (await said(ask, lakeside, MAKE, month=month))["code"] == "NOTHING_TO_SEND"
    anew = await the_next(ask, lakeside, month)
    assert anew["frequency"] == "1", "what was never taken in is not replaced"
    _, text = await sent(ask, lakeside, month)
    assert ":B:1*" in text
    assert await numbers_in_files(behind, lakeside) == [first["number"], anew["number"]]


async def test_one_service_twice_on_a_claim_is_stopped(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    id = await billable(lakeside, behind, month, 21, 22)
    await close(lakeside, month)
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update claim_line set code = '99490', goes_with = '{}' where patient_id = :id"),
            {"id": id},
        )
    (draft,) = await claims(ask, lakeside, month)
    assert errors(draft) == {"S23"}
    answer = await sign(ask, lakeside, month, [draft])
    assert answer["code"] == "CLAIM_NOT_READY"


async def test_a_void_refused_by_the_first_payer_brings_its_claim_back(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    """While a claim to the second payer is only signed, the first payer's cannot come back unseen; once it is sent,
    what the first payer said is written down, and a void is offered again."""
    month = last_month(lakeside.zone)
    first, id = await a_sent_claim(lakeside, ask, behind, month)
    other = await another_medicare(lakeside)
    await corrected(behind, id, other)
    await close(lakeside, month)
    (draft,) = [d for d in await claims(ask, lakeside, month, *DRAFTS) if d["frequency"] == "8"]
    (void,) = (await sign(ask, lakeside, month, [draft]))["signed"]
    await sent(ask, lakeside, month)
    second = await the_next(ask, lakeside, month)

    refused(await said(ask, lakeside, REFUSED, id=void["id"], note="A3 unknown"), second["number"])
    await sent(ask, lakeside, month)
    assert (await said(ask, lakeside, REFUSED, id=void["id"], note="A3 unknown"))["state"] == "refused"
    (again,) = await claims(ask, lakeside, month, *DRAFTS)
    assert (again["frequency"], again["replacesNumber"], errors(again)) == ("8", first["number"], set())


async def test_a_void_at_another_payer_counts_on_nothing(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    first, id = await a_sent_claim(lakeside, ask, behind, month)
    other = await another_medicare(lakeside)
    await corrected(behind, id, other)
    await close(lakeside, month)
    (draft,) = [d for d in await claims(ask, lakeside, month, *DRAFTS) if d["frequency"] == "8"]
    (void,) = (await sign(ask, lakeside, month, [draft]))["signed"]
    interchange, _ = await sent(ask, lakeside, month)
    assert Decimal(interchange["total"]) == 0, "a file that takes back asks for nothing"
    second = await the_next(ask, lakeside, month)
    await sent(ask, lakeside, month)
    await said(ask, lakeside, PAYER_NUMBER, id=second["id"], number="ICN2")
    await uncovered(behind, id)
    await close(lakeside, month)
    assert (await the_next(ask, lakeside, month))["replacesNumber"] == second["number"]
    assert (await said(ask, lakeside, REFUSED, id=void["id"], note="A3"))["state"] == "refused"
    (again,) = await claims(ask, lakeside, month, *DRAFTS)
    assert (again["frequency"], again["replacesNumber"]) == ("8", first["number"])


async def test_who_does_not_get_a_turn_is_told_to_try_again(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"),
            {"key": f"{lakeside.tenant_id} claims"},
        )
        assert (await said(ask, lakeside, MAKE, month=month))["code"] == "CLAIMS_BUSY"
        assert (await said(ask, hillcrest, MAKE, month=month))["code"] == "NOTHING_TO_SEND"
    assert (await said(ask, lakeside, MAKE, month=month))["code"] == "NOTHING_TO_SEND"
