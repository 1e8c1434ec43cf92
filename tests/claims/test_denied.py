"""A claim its payer denied or paid nothing on: the next payer's goes without a void, the same payer's replaces it."""

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from billing_ready import billable, patient_id, ready_to_bill
from care import last_month
from cast import World
from claim_steps import (
    DENIED,
    DRAFTS,
    MAKE,
    PAID,
    PAYER_NUMBER,
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
from pyx12_says import complaints
from sqlalchemy.ext.asyncio import AsyncEngine

from server.clock import today

WHY = "CO-22: a Medicare Advantage plan pays in its place"
EVIDENCE = """query ($patientId: ID!, $month: Line!) { evidence(patientId: $patientId, month: $month) {
  claims { number frequency payerName state note deniedOn deniedBy signedBy } } }"""


async def test_the_next_payer_is_asked_without_a_void_of_what_the_first_denied(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    other = await another_medicare(lakeside)
    id = await billable(lakeside, behind, month, 21)
    (first,) = await signed(ask, lakeside, month)
    on = today(lakeside.zone).isoformat()
    early = await said(ask, lakeside, DENIED, id=first["id"], on=on, note=WHY)
    assert early["code"] == "NOT_SENT"
    await sent(ask, lakeside, month)
    await corrected(behind, id, other)
    await close(lakeside, month)
    waiting = {d["frequency"]: d for d in await claims(ask, lakeside, month, *DRAFTS)}
    assert waiting.keys() == {"1", "8"}, "until it is said that it was denied, it has to be taken back"
    assert "denied it or paid nothing, enter so on it" in waiting["1"]["findings"][0]["mends"]

    for day in (date.fromisoformat(on) + timedelta(days=1), date(2020, 1, 1)):
        wrong = await said(ask, lakeside, DENIED, id=first["id"], on=day.isoformat(), note=WHY)
        assert (wrong["code"], wrong["field"]) == ("BAD_DENIED_ON", "on")
    theirs = await said(ask, hillcrest, DENIED, id=first["id"], on=on, note=WHY)
    assert theirs["code"] == "NOT_FOUND"
    denied = await said(ask, lakeside, DENIED, id=first["id"], on=on, note=WHY)
    assert (denied["state"], denied["note"], denied["deniedOn"]) == ("denied", WHY, on)
    assert denied["deniedBy"] == "Bill Janssen"

    (draft,) = await claims(ask, lakeside, month, *DRAFTS)
    assert (draft["frequency"], draft["payer"], errors(draft)) == ("1", "Railroad Medicare", set())
    (second,) = (await sign(ask, lakeside, month, [draft]))["signed"]
    blocked = await said(ask, lakeside, PAID, id=first["id"])
    assert (blocked["code"], second["number"] in blocked["message"]) == ("CLAIMED_ELSEWHERE", True)
    interchange, text = await sent(ask, lakeside, month)
    assert (interchange["receiverId"], complaints(text)) == ("RRB01", [])
    assert await numbers_in_files(behind, lakeside) == [first["number"], second["number"]], "no void between"
    assert {c["number"]: c["state"] for c in await claims(ask, lakeside, month)} == {
        first["number"]: "denied",
        second["number"]: "sent",
    }

    (proof,) = (await ask(lakeside, "bill", EVIDENCE, patientId=patient_id(id), month=month))["data"].values()
    assert [(c["state"], c["note"], c["deniedOn"], c["deniedBy"]) for c in proof["claims"]] == [
        ("denied", WHY, on, "Bill Janssen"),
        ("sent", "", None, None),
    ]
    async with behind.connect() as connection:
        noted = await connection.scalar(
            sa.text(
                "select count(*) from audit_event where tenant_id = :t and action = 'claims.denied' and effect = 'write'"
            ),
            {"t": lakeside.tenant_id},
        )
    assert noted == 1


async def test_at_the_same_payer_a_denied_claim_is_replaced_and_never_asked_for_beside(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    id = await billable(lakeside, behind, month, 21)
    (first,) = await signed(ask, lakeside, month)
    await sent(ask, lakeside, month)
    on = today(lakeside.zone).isoformat()
    await said(ask, lakeside, DENIED, id=first["id"], on=on, note="CO-16: modifier missing")
    assert await claims(ask, lakeside, month, *DRAFTS) == [], "asked for already, as it is"
    assert (await said(ask, lakeside, PAYER_NUMBER, id=first["id"], number="ICN1"))[
        "payerControlNumber"
    ] == "ICN1"
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update claim_line set modifiers = '{GT}' where patient_id = :id"), {"id": id}
        )
    (draft,) = await claims(ask, lakeside, month, *DRAFTS)
    assert (draft["frequency"], draft["replacesNumber"], errors(draft)) == ("7", first["number"], set())
    (second,) = (await sign(ask, lakeside, month, [draft]))["signed"]
    await said(ask, lakeside, WITHDRAW, id=second["id"])
    assert {c["number"]: c["state"] for c in await claims(ask, lakeside, month, "denied")} == {
        first["number"]: "denied"
    }, "what was withdrawn leaves it as it was"
    (draft,) = await claims(ask, lakeside, month, *DRAFTS)
    await sign(ask, lakeside, month, [draft])
    await sent(ask, lakeside, month)
    assert sorted(c["state"] for c in await claims(ask, lakeside, month)) == ["replaced", "sent", "withdrawn"]


async def test_a_denied_claim_that_the_month_no_longer_makes_needs_no_void(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    id = await billable(lakeside, behind, month, 21)
    (first,) = await signed(ask, lakeside, month)
    await sent(ask, lakeside, month)
    await said(ask, lakeside, PAYER_NUMBER, id=first["id"], number="ICN1")
    await uncovered(behind, id)
    await close(lakeside, month)
    (void,) = await claims(ask, lakeside, month, *DRAFTS)
    assert void["frequency"] == "8"
    (void,) = (await sign(ask, lakeside, month, [void]))["signed"]
    on = today(lakeside.zone).isoformat()
    blocked = await said(ask, lakeside, DENIED, id=first["id"], on=on, note=WHY)
    assert (blocked["code"], void["number"] in blocked["message"]) == ("WITHDRAW_FIRST", True)
    await said(ask, lakeside, WITHDRAW, id=void["id"])
    await said(ask, lakeside, DENIED, id=first["id"], on=on, note=WHY)
    assert await claims(ask, lakeside, month, *DRAFTS) == []
    back = await said(ask, lakeside, PAID, id=first["id"])
    assert (back["state"], back["deniedOn"], back["deniedBy"], back["note"]) == ("sent", None, "", "")
    assert (await said(ask, lakeside, PAID, id=first["id"]))["code"] == "NOT_DENIED"
    (void,) = await claims(ask, lakeside, month, *DRAFTS)
    (void,) = (await sign(ask, lakeside, month, [void]))["signed"]
    await sent(ask, lakeside, month)
    assert (await said(ask, lakeside, DENIED, id=void["id"], on=on, note=WHY))["code"] == "VOID_DENIED"
    assert (await said(ask, lakeside, MAKE, month=month))["code"] == "NOTHING_TO_SEND"


async def test_where_no_rules_know_the_payer_nothing_is_voided_and_it_says_what_to_do(
    lakeside: World, hillcrest: World, ask: Any, browse: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    id = await billable(lakeside, behind, month, 21)
    (first,) = await signed(ask, lakeside, month)
    await sent(ask, lakeside, month)
    await said(ask, lakeside, PAYER_NUMBER, id=first["id"], number="ICN1")
    await corrected(behind, id, lakeside.payers["unknown"])
    await close(lakeside, month)
    assert await claims(ask, lakeside, month, *DRAFTS) == []
    (stands,) = await claims(ask, lakeside, month)
    assert (stands["state"], stands["changedSince"]) == ("sent", False)
    told = await ask(
        lakeside, "bill",
        "query ($month: Line!) { claims(month: $month) { edges { node { unanswered } } } }", month=month,
    )  # fmt: skip
    (edge,) = told["data"]["claims"]["edges"]
    assert "No installed plugin knows the rules of" in edge["node"]["unanswered"]
    assert "nothing is made void or replaced" in edge["node"]["unanswered"]
    bill = browse(lakeside, "bill")
    page = (await bill.get(f"/month/{month}/claims")).text
    assert "Sent, and without an answer now" in page
    assert "Makes void" not in page
    await corrected(behind, id, await another_medicare(lakeside))  # a payer whose rules are known again
    await close(lakeside, month)
    assert {d["frequency"] for d in await claims(ask, lakeside, month, *DRAFTS)} == {"1", "8"}
    assert await claims(ask, hillcrest, month) == []
