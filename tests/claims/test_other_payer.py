"""A decision that changes after signing: nothing goes out that no longer holds, and no service to two payers."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from billing_ready import billable, patient_id, ready_to_bill
from care import last_month, minutes
from cast import World
from claim_steps import (
    DRAFTS,
    MAKE,
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

from server.claims.export import export_month
from server.errors import Refused


async def test_a_claim_signed_for_another_payer_is_withdrawn_first(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    other = await another_medicare(lakeside)
    id = await billable(lakeside, behind, month, 21)
    (first,) = await signed(ask, lakeside, month)
    await corrected(behind, id, other)
    await close(lakeside, month)

    (draft,) = await claims(ask, lakeside, month, *DRAFTS)
    assert (draft["frequency"], draft["payer"], errors(draft)) == ("1", "Railroad Medicare", {"S23"})
    assert first["number"] in draft["findings"][0]["sentence"]
    assert (await sign(ask, lakeside, month, [draft]))["code"] == "CLAIM_NOT_READY"
    refusal = await said(ask, lakeside, MAKE, month=month)
    assert (refusal["code"], first["number"] in refusal["message"]) == ("CLAIMS_CHANGED", True)
    assert await numbers_in_files(behind, lakeside) == []

    await said(ask, lakeside, WITHDRAW, id=first["id"])
    (draft,) = await claims(ask, lakeside, month, "ready", "to_look_at")
    (second,) = (await sign(ask, lakeside, month, [draft]))["signed"]
    interchange, text = await sent(ask, lakeside, month)
    assert (interchange["receiverId"], interchange["claims"]) == ("RRB01", 1)
    assert complaints(text) == []
    assert await numbers_in_files(behind, lakeside) == [second["number"]]
    assert await claims(ask, hillcrest, month) == []


async def test_a_claim_sent_to_another_payer_is_made_void_and_the_void_sent_first(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    other = await another_medicare(lakeside)
    id = await billable(lakeside, behind, month, 21)
    (first,) = await signed(ask, lakeside, month)
    await sent(ask, lakeside, month)
    await said(ask, lakeside, PAYER_NUMBER, id=first["id"], number="ICN1")
    await corrected(behind, id, other)
    await close(lakeside, month)

    by_kind = {d["frequency"]: d for d in await claims(ask, lakeside, month, *DRAFTS)}
    assert errors(by_kind["1"]) == {"S23"}
    assert (by_kind["8"]["replacesNumber"], errors(by_kind["8"])) == (first["number"], set())
    made = await sign(ask, lakeside, month, [by_kind["1"], by_kind["8"]])
    (void,) = made["signed"]
    assert [left["code"] for left in made["left"]] == ["CLAIM_NOT_READY"]
    (draft,) = await claims(ask, lakeside, month, *DRAFTS)
    assert errors(draft) == {"S23"}, "a void that is not sent has not reached the first payer"
    assert void["number"] in draft["findings"][0]["sentence"]

    interchange, _ = await sent(ask, lakeside, month)
    assert interchange["receiverId"] == "08202"
    (draft,) = await claims(ask, lakeside, month, *DRAFTS)
    assert errors(draft) == set()
    await sign(ask, lakeside, month, [draft])
    interchange, text = await sent(ask, lakeside, month)
    assert (interchange["receiverId"], complaints(text)) == ("RRB01", [])


async def test_other_services_of_the_month_wait_for_the_other_payer_too(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    """The same minutes under a code that the other payer's claim does not have: still one payer for the month."""
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    other = await another_medicare(lakeside)
    id = await billable(lakeside, behind, month, 21)
    (first,) = await signed(ask, lakeside, month)
    await sent(ask, lakeside, month)
    await corrected(behind, id, other)
    await close(lakeside, month)
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update claim_line set code = '99491' where patient_id = :id"),
            {"id": id},
        )
    drafts = {d["frequency"]: d for d in await claims(ask, lakeside, month, *DRAFTS)}
    assert [s["code"] for s in drafts["1"]["services"]] == ["99491"]
    assert "S23" in errors(drafts["1"])
    assert drafts["8"]["replacesNumber"] == first["number"]


async def test_what_no_longer_holds_is_left_out_of_a_file_and_named(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    await billable(lakeside, behind, month, 21, name="Adams")
    gone = await billable(lakeside, behind, month, 21, name="Baker", hour=16)
    stays, changed = await signed(ask, lakeside, month)
    assert changed["patientId"] == patient_id(gone)
    await uncovered(behind, gone)
    await close(lakeside, month)

    document = MAKE.replace("... on MadeInterchanges {", "... on MadeInterchanges { leftOut")
    made = await said(ask, lakeside, document, month=month)
    assert [one["claims"] for one in made["interchanges"]] == [1]
    assert made["leftOut"] == [changed["number"]]
    assert await numbers_in_files(behind, lakeside) == [stays["number"]]
    states = {c["number"]: (c["state"], c["changedSince"]) for c in await claims(ask, lakeside, month)}
    assert states == {stays["number"]: ("sent", False), changed["number"]: ("signed", True)}
    refusal = await said(ask, lakeside, MAKE, month=None)
    assert (refusal["code"], changed["number"] in refusal["message"]) == ("CLAIMS_CHANGED", True)


async def test_the_unattended_export_leaves_it_out_and_says_so(
    lakeside: World, ask: Any, behind: AsyncEngine, tmp_path: Path
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    await billable(lakeside, behind, month, 21, name="Adams")
    gone = await billable(lakeside, behind, month, 21, name="Baker", hour=16)
    _, changed = await signed(ask, lakeside, month)
    await uncovered(behind, gone)
    await close(lakeside, month)
    report = await export_month(month, lakeside.slug, tmp_path)
    assert [one["claims"] for one in report["files"]] == [1]
    assert report["left_out"] == [changed["number"]]
    assert changed["number"] in report["says"]
    with pytest.raises(Refused) as refused:
        await export_month(month, lakeside.slug, tmp_path)
    assert refused.value.code == "CLAIMS_CHANGED"


async def test_more_minutes_after_signing_stop_the_claim(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    id = await billable(lakeside, behind, month, 21)
    (first,) = await signed(ask, lakeside, month)
    await minutes(lakeside, id, month, 20, hour=17, late=True)
    await close(lakeside, month)
    assert (await said(ask, lakeside, MAKE, month=month))["code"] == "CLAIMS_CHANGED"
    await said(ask, lakeside, WITHDRAW, id=first["id"])
    (draft,) = await claims(ask, lakeside, month, "ready", "to_look_at")
    await sign(ask, lakeside, month, [draft])
    interchange, _ = await sent(ask, lakeside, month)
    assert interchange["total"] == "180.00"


async def test_services_signed_before_are_known_by_the_new_key(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    id = await billable(lakeside, behind, month, 21, 22)
    await close(lakeside, month)
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update claim_line set modifiers = '{GT,25}' where patient_id = :id and code = '99439'"),
            {"id": id},
        )
    await sign(ask, lakeside, month, await claims(ask, lakeside, month))
    keys = sa.text("select service_key from claimed_service where patient_id = :id order by line_id")
    renamed = import_module("migrations.versions.0009_a_service_is_the_same_at_every_payer").RENAMED
    async with behind.begin() as connection:
        made = list(await connection.scalars(keys, {"id": id}))
        await connection.execute(
            sa.text("update claimed_service set service_key = id::text where patient_id = :id"), {"id": id}
        )
        await connection.execute(sa.text(renamed))
        assert list(await connection.scalars(keys, {"id": id})) == made
    assert len(set(made)) == 2
