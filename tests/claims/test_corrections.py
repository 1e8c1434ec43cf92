"""What was wrong on a sent claim is corrected by a replacement; what the payer was not misled about is not."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from billing_ready import IDENTITY, billable, patient_id, ready_to_bill
from care import last_month
from cast import World
from claim_steps import MAKE, PAYER_NUMBER, claims, close, errors, said, sent, sign, signed, uncovered
from pyx12_says import complaints
from sqlalchemy.ext.asyncio import AsyncEngine

from server.graphql.connections import global_id
from server.tenants.billing_identity import state_identity, state_route, state_site_billing
from server.tenants.db import tenant_db
from tests.pages.test_care import hand

SUBSCRIBER = (
    "update coverage set relationship = 'spouse', subscriber_family_name = 'Walker', "
    "subscriber_given_names = 'Richard', subscriber_birth_date = '1940-01-01', subscriber_sex = 'male'"
)
#: what was wrong -> (how it is put right, what the file then says)
WRONG = {
    "a diagnosis": ("update diagnosis set code = 'E11.22' where code = 'E11.9'", "E1122"),
    "which diagnosis weighs most": ("update diagnosis set rank = 2 where code = 'E11.9'", "HI*ABK:I5022*ABF:E119~"),
    "the member number": ("update coverage set member_id = '1EG4-TE5-MK99'", "1EG4TE5MK99"),
    "the name": ("update patient set family_name = 'Wilkerson'", "WILKERSON"),
    "the day of birth": ("update patient set birth_date = '1944-05-12'", "DMG*D8*19440512*F~"),
    "the sex": ("update patient set sex = 'male'", "DMG*D8*19440502*M~"),
    "the practitioner's taxonomy": ("update provider_billing set taxonomy = '363L00000X'", "PXC*363L00000X~"),
    "the group number": ("update coverage set group_number = 'GRP77'", "GRP77"),
    "the charge": ("insert into charge select tenant_id, gen_random_uuid(), code, from_on, 123.45, made_at + interval "
                   "'1 second', made_by from charge where code = '99490'", "*123.45*"),
}  # fmt: skip


async def a_sent_claim(
    world: World, ask: Any, behind: AsyncEngine, month: str
) -> tuple[dict[str, Any], UUID]:
    await ready_to_bill(world)
    id = await billable(world, behind, month, 21)
    (first,) = await signed(ask, world, month)
    await sent(ask, world, month)
    await said(ask, world, PAYER_NUMBER, id=first["id"], number="ICN1")
    return first, id


async def put_right(behind: AsyncEngine, world: World, statement: str) -> None:
    where = " and" if " where " in statement else " where"
    async with behind.begin() as connection:
        result = await connection.execute(
            sa.text(f"{statement}{where} tenant_id = :t"), {"t": world.tenant_id}
        )
        assert result.rowcount


async def replaced(ask: Any, world: World, month: str, first: dict[str, Any]) -> str:
    """Sign and send what is offered in the place of `first`: the file's text."""
    (draft,) = await claims(ask, world, month, "ready", "to_look_at", "to_mend")
    assert (draft["frequency"], draft["replacesNumber"], errors(draft)) == ("7", first["number"], set())
    (old,) = await claims(ask, world, month, "sent")
    assert old["changedSince"]
    assert (await sign(ask, world, month, [draft]))["left"] == []
    _, text = await sent(ask, world, month)
    assert complaints(text) == []
    return text


@pytest.mark.parametrize("what", WRONG)
async def test_what_was_wrong_on_a_sent_claim_is_replaced(
    what: str, lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    statement, says = WRONG[what]
    month = last_month(lakeside.zone)
    first, _ = await a_sent_claim(lakeside, ask, behind, month)
    await put_right(behind, lakeside, statement)
    assert says in await replaced(ask, lakeside, month, first)
    assert [c["state"] for c in await claims(ask, lakeside, month) if c["changedSince"]] == []
    assert await claims(ask, hillcrest, month) == []


async def test_a_wrong_place_is_replaced(lakeside: World, ask: Any, behind: AsyncEngine) -> None:
    month = last_month(lakeside.zone)
    first, id = await a_sent_claim(lakeside, ask, behind, month)
    ada = lakeside.actor("ada")
    assert lakeside.site_id
    async with tenant_db(ada) as db:
        await state_site_billing(
            db, ada, lakeside.site_id, from_on=date(2020, 1, 1), legal_name="Lakeside West", npi="1992000004",
            place_of_service="19", street="9 Shore Rd", city="Dearborn", state="MI", zip="481240002",
        )  # fmt: skip
    await said(
        ask, lakeside, "mutation ($input: SetUsualSiteInput!) { setUsualSite(input: $input) { __typename } }",
        who="nora",
        input={
            "patientId": patient_id(id), "siteId": global_id("Site", lakeside.site_id), "fromOn": "2020-01-01"
        },
    )  # fmt: skip
    assert "*19:B:7*" in await replaced(ask, lakeside, month, first)


async def test_a_usual_site_is_taken_back(
    lakeside: World, hillcrest: World, ask: Any, browse: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    id = await billable(lakeside, behind, month, 21)
    await close(lakeside, month)
    set_site = """mutation ($input: SetUsualSiteInput!) { setUsualSite(input: $input) { ... on UsualSite { siteId }
      ... on Refusal { code } } }"""
    site = global_id("Site", lakeside.site_id)
    whose = {"patientId": patient_id(id), "fromOn": "2020-01-01"}
    for given in ({"siteId": site}, {"siteId": None}, {"siteId": site}):
        answer = await said(ask, lakeside, set_site, who="nora", input=whose | given)
        assert answer == given
        (draft,) = await claims(ask, lakeside, month)
        assert errors(draft) == ({"S10"} if given["siteId"] else set()), "a site that claims cannot name"
    assert (await said(ask, lakeside, set_site, who="nora", input=whose))["code"] == "SITE_NEEDED"
    theirs = await said(ask, hillcrest, set_site, who="nora", input=whose | {"siteId": None})
    assert theirs["code"] == "NOT_FOUND"

    nora = await hand(browse, lakeside, "nora")
    page = await nora.get(f"/people/{id}/details")
    assert f'<option value="{lakeside.site_id}" selected>' in page
    await nora.send(f"/people/{id}/usual-site", 422, site="", seen_from="not a day")
    await nora.send(f"/people/{id}/usual-site", site="", seen_from="2020-01-01")
    assert f'<option value="{lakeside.site_id}" selected>' not in await nora.get(f"/people/{id}/details")
    (draft,) = await claims(ask, lakeside, month)
    assert (draft["placeOfService"], errors(draft)) == ("11", set())


async def test_whose_insurance_it_is_is_replaced(lakeside: World, ask: Any, behind: AsyncEngine) -> None:
    month = last_month(lakeside.zone)
    bill = lakeside.actor("bill")
    first, _ = await a_sent_claim(lakeside, ask, behind, month)
    async with tenant_db(bill) as db:  # Medicare itself insures nobody but the person
        await state_route(
            db, bill, lakeside.payers["medicare_part_b"], from_on=date(2020, 1, 1), receiver_id="08202",
            receiver_name="WPS", claim_payer_name="A plan", claim_payer_id="08202", filing_indicator="CI",
            production=True,
        )  # fmt: skip
    await put_right(behind, lakeside, SUBSCRIBER)
    assert "PAT*01~" in await replaced(ask, lakeside, month, first)


async def test_the_practices_own_address_and_route_and_how_it_is_spelled_replace_nothing(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await a_sent_claim(lakeside, ask, behind, month)
    bill = lakeside.actor("bill")
    moved = {"street": "5 New St", "contact_phone": "3135550199", "contact_name": "Somebody Else"}
    async with tenant_db(bill) as db:
        await state_identity(db, bill, from_on=date(2020, 1, 1), **{**IDENTITY, **moved})
        await state_route(
            db, bill, lakeside.payers["medicare_part_b"], from_on=date(2020, 1, 1), receiver_id="GATE02",
            receiver_name="Another gateway", claim_payer_name="Medicare", claim_payer_id="08202", filing_indicator="MB",
            production=True,
        )  # fmt: skip
    await put_right(behind, lakeside, "update address set street = '7 Other Ave'")
    await put_right(behind, lakeside, "update coverage set member_id = '1eg4 TE5MK73'")
    await put_right(behind, lakeside, "update patient set family_name = 'Wálker'")
    (only,) = await claims(ask, lakeside, month)
    assert (only["state"], only["changedSince"]) == ("sent", False)


async def test_a_state_written_out_on_a_sent_claim_is_mended_on_its_void(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    _, id = await a_sent_claim(lakeside, ask, behind, month)
    await spoiled(behind, id)
    await uncovered(behind, id)
    await close(lakeside, month)
    (void,) = await claims(ask, lakeside, month, "to_mend")
    assert (void["frequency"], errors(void)) == ("8", {"S21"})
    await put_right(behind, lakeside, "update address set state = 'MI'")
    (void,) = await claims(ask, lakeside, month, "to_look_at")
    assert (await sign(ask, lakeside, month, [void]))["left"] == []
    _, text = await sent(ask, lakeside, month)
    assert (complaints(text), ":B:8*" in text) == ([], True)


async def test_a_signed_claim_that_would_spoil_its_file_stays_behind(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    fine = await billable(lakeside, behind, month, 21, name="Adams")
    spoils = await billable(lakeside, behind, month, 21, name="Baker", hour=16)
    rows = {row["patientId"]: row["number"] for row in await signed(ask, lakeside, month)}
    await spoiled(behind, spoils)
    document = MAKE.replace("... on MadeInterchanges {", "... on MadeInterchanges { leftOut")
    made = await said(ask, lakeside, document, month=month)
    assert [one["claims"] for one in made["interchanges"]] == [1]
    assert made["leftOut"] == [rows[patient_id(spoils)]]
    assert [c["patientId"] for c in await claims(ask, lakeside, month, "sent")] == [patient_id(fine)]
    assert (await said(ask, hillcrest, MAKE, month=month))["code"] == "NOTHING_TO_SEND"


async def spoiled(behind: AsyncEngine, person: UUID) -> None:
    """As if it had been signed before anybody looked at how states are written."""
    async with behind.begin() as connection:
        for statement in (
            "update address set state = 'Michigan' where patient_id = :id",
            "update claim set content = jsonb_set(content::jsonb, '{person,address,state}', '\"Michigan\"')::text "
            "where patient_id = :id",
        ):
            result = await connection.execute(sa.text(statement), {"id": person})
            assert result.rowcount


async def test_a_copy_leaves_out_what_no_longer_holds(
    lakeside: World, hillcrest: World, ask: Any, browse: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    first, _ = await a_sent_claim(lakeside, ask, behind, month)
    await put_right(behind, lakeside, "update patient set family_name = 'Wilkerson'")
    drafts = await claims(ask, lakeside, month, "to_look_at")
    (second,) = (await sign(ask, lakeside, month, drafts))["signed"]
    page = await copied(browse, lakeside, month)
    assert f"Claim                     {first['number']}" not in page
    assert f"Claim                     {second['number']}" in page
    assert f"Left out: {first['number']}<" in page
    text = "query ($ids: [ID!]!) { billingText(claims: $ids) }"
    assert f"claim {second['number']} takes its place" in await said(ask, lakeside, text, ids=[first["id"]])

    await put_right(behind, lakeside, "update patient set family_name = 'Williams'")
    page = await copied(browse, lakeside, month)
    assert "Claim      " not in page
    assert f"Left out: {first['number']}, {second['number']}<" in page
    assert "Withdraw it" in await said(ask, lakeside, text, ids=[second["id"]])
    table = await browse(lakeside, "bill").get(f"/month/{month}/claims/csv")
    assert table.status_code == 404
    assert first["number"] not in await copied(browse, hillcrest, month)


async def copied(browse: Any, world: World, month: str) -> str:
    answer = await browse(world, "bill").get(f"/month/{month}/claims/text")
    return str(answer.text)
