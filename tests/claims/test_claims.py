"""Claims over GraphQL, from a closed month to a file a payer takes: signed, withdrawn, sent, replaced, refused."""

import asyncio
import csv
import hashlib
import io
import json
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from billing_ready import CHARGES, billable, patient_id, ready_to_bill
from care import last_month, minutes
from cast import World
from claim_steps import (
    CLAIMS,
    DOWNLOAD,
    MAKE,
    OVERVIEW,
    PAYER_NUMBER,
    REFUSED,
    WITHDRAW,
    claims,
    close,
    errors,
    said,
    sent,
    sign,
    signed,
)
from pyx12_says import complaints
from sqlalchemy.ext.asyncio import AsyncEngine

from server.claims.claim import Claim
from server.graphql.connections import global_id, id_of
from server.patients.coverages import Subscriber
from server.tenants.billing_identity import (
    state_identity,
    state_provider_billing,
    state_route,
    state_site_billing,
)
from server.tenants.db import tenant_db


async def test_a_closed_month_becomes_a_file_that_a_payer_takes(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    await billable(lakeside, behind, month, 21, 22, name="Walker")
    await close(lakeside, month)

    (draft,) = await claims(ask, lakeside, month)
    assert errors(draft) == set(), draft["findings"]
    assert [(s["code"], s["units"], s["charge"]) for s in draft["services"]] == [
        ("99490", 1, "100.00"),
        ("99439", 1, "80.00"),
    ]
    assert draft["total"] == "180.00"
    assert all(len(s["diagnoses"]) >= 2 for s in draft["services"])
    assert all(s["allowed"] is not None for s in draft["services"])
    assert (draft["renderingNpi"], draft["billingNpi"]) == ("1234567893", "1881000008")

    made = await sign(ask, lakeside, month, [draft])
    (claim,) = made["signed"]
    assert (claim["state"], claim["number"]) == ("signed", f"{month[2:4]}{month[5:]}-00001")
    assert (
        claim["contentHash"] == draft["contentHash"] == hashlib.sha256(claim["content"].encode()).hexdigest()
    )
    assert Claim.from_json(claim["content"]).to_json() == claim["content"]
    assert claim["signedBy"] == "Bill Janssen"

    interchange, text = await sent(ask, lakeside, month)
    assert complaints(text) == []
    assert hashlib.sha256(text.encode()).hexdigest() == interchange["contentHash"]
    assert (interchange["controlNumber"], interchange["claims"], interchange["total"]) == (1, 1, "180.00")
    assert f"CLM*{claim['number']}*180***11:B:1*Y*A*Y*Y~" in text
    again = await said(ask, lakeside, DOWNLOAD, id=interchange["id"])
    assert (again["content"], again["interchange"]["deliveries"]) == (text, 2)
    assert re.fullmatch(r"837P-LAKESIDE01-08202-000000001-P-[0-9a-f]{8}\.edi", again["fileName"])
    assert [c["state"] for c in await claims(ask, lakeside, month)] == ["sent"]

    assert await claims(ask, hillcrest, month) == []
    assert (await said(ask, hillcrest, DOWNLOAD, id=interchange["id"]))["code"] == "NOT_FOUND"
    assert (await said(ask, hillcrest, WITHDRAW, id=claim["id"]))["code"] == "NOT_FOUND"
    assert (await said(ask, hillcrest, MAKE, month=month))["code"] == "NOTHING_TO_SEND"


async def test_a_dependent_of_another_payer_with_quantity_two(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    id = await billable(
        lakeside, behind, month, payer="bcbsm", member="XYZ123456789",
        subscriber=Subscriber("spouse", "Walker", "Richard", date(1940, 1, 1), "male"),
    )  # fmt: skip
    await minutes(lakeside, id, month, 50, program="pdcm")
    async with behind.begin() as connection:  # a contact by video is what the payer calls one
        await connection.execute(
            sa.text("update time_entry set mode = 'video', with_patient = true where patient_id = :id"),
            {"id": id},
        )
    rows = await signed(ask, lakeside, month)
    assert [(s["code"], s["units"], s["charge"]) for s in rows[0]["services"]] == [("G9002", 2, "150.00")]
    _, text = await sent(ask, lakeside, month)
    assert complaints(text) == []
    assert "SBR*P**GRP0001******BL~" in text
    assert "PAT*01~" in text


async def test_two_sites_and_two_practitioners_go_in_one_file(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    here = await billable(lakeside, behind, month, 25, name="Adams")
    there = await billable(lakeside, behind, month, 25, name="Baker", hour=16)
    actor = lakeside.actor("ada")
    assert lakeside.site_id
    async with tenant_db(actor) as db:
        await state_site_billing(
            db, actor, lakeside.site_id, from_on=date(2020, 1, 1), legal_name="Lakeside West", npi="1992000004",
            place_of_service="19", street="9 Shore Rd", city="Dearborn", state="MI", zip="481240002",
        )  # fmt: skip
    answer = await said(
        ask, lakeside,
        "mutation ($input: SetUsualSiteInput!) { setUsualSite(input: $input) { ... on UsualSite { siteId } ... on Refusal { code } } }",
        who="nora",
        input={
            "patientId": patient_id(there), "siteId": global_id("Site", lakeside.site_id), "fromOn": "2020-01-01"
        },
    )  # fmt: skip
    assert "siteId" in answer, answer
    await close(lakeside, month)  # before she renders: the rules would hold for her credential
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update staff set npi = '1987654328', bills = true where id = :id"),
            {"id": lakeside.staff["rosa"]},
        )
        await connection.execute(
            sa.text("update enrollment set practitioner_id = :who where patient_id = :id"),
            {"who": lakeside.staff["rosa"], "id": there},
        )
    async with tenant_db(actor) as db:
        await state_provider_billing(
            db, actor, lakeside.staff["rosa"], from_on=date(2020, 1, 1), family_name="Ortiz", given_name="Rosa",
            taxonomy="363L00000X",
        )  # fmt: skip
    drafts = await claims(ask, lakeside, month)
    assert {d["patientId"]: (d["placeOfService"], d["renderingNpi"]) for d in drafts} == {
        patient_id(here): ("11", "1234567893"),
        patient_id(there): ("19", "1987654328"),
    }
    made = await sign(ask, lakeside, month, drafts)
    assert (len(made["signed"]), made["left"]) == (2, [])
    interchange, text = await sent(ask, lakeside, month)
    assert interchange["claims"] == 2
    assert complaints(text) == []


async def test_a_usual_site_that_claims_cannot_name_stops_the_claim(
    lakeside: World, hillcrest: World, ask: Any, browse: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    id = await billable(lakeside, behind, month, 21)
    await close(lakeside, month)
    (draft,) = await claims(ask, lakeside, month)
    assert (draft["placeOfService"], errors(draft)) == ("11", set())
    lacking = "How claims name"
    assert lacking not in (await browse(lakeside, "bill").get("/practice/billing")).text
    assert lakeside.site_id
    async with behind.begin() as connection:
        name = await connection.scalar(
            sa.text("update site set name = 'Lakeside West' where id = :id returning name"),
            {"id": lakeside.site_id},
        )
    await said(
        ask, lakeside, "mutation ($input: SetUsualSiteInput!) { setUsualSite(input: $input) { __typename } }",
        who="nora",
        input={
            "patientId": patient_id(id), "siteId": global_id("Site", lakeside.site_id), "fromOn": "2020-01-01"
        },
    )  # fmt: skip
    (draft,) = await claims(ask, lakeside, month)
    assert (draft["placeOfService"], errors(draft)) == ("", {"S10"})
    assert name in draft["findings"][0]["sentence"]
    assert (await sign(ask, lakeside, month, [draft]))["code"] == "CLAIM_NOT_READY"
    page = (await browse(lakeside, "bill").get("/practice/billing")).text
    assert f"{lacking} {name}" in page
    assert f"/practice/billing/sites/{lakeside.site_id}" in page
    assert lacking not in (await browse(hillcrest, "bill").get("/practice/billing")).text

    ada = lakeside.actor("ada")
    async with tenant_db(ada) as db:
        await state_site_billing(
            db, ada, lakeside.site_id, from_on=date(2020, 1, 1), legal_name="Lakeside West", npi="1992000004",
            place_of_service="19", street="9 Shore Rd", city="Dearborn", state="MI", zip="481240002",
        )  # fmt: skip
    (draft,) = await claims(ask, lakeside, month)
    assert (draft["placeOfService"], errors(draft)) == ("19", set())
    assert lacking not in (await browse(lakeside, "bill").get("/practice/billing")).text


async def test_a_claim_is_signed_as_it_was_seen(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    await billable(lakeside, behind, month, 21)
    await close(lakeside, month)
    (draft,) = await claims(ask, lakeside, month)
    other = {**draft, "contentHash": "0" * 64}
    assert (await sign(ask, lakeside, month, [other]))["code"] == "CLAIM_CHANGED"
    assert (await sign(ask, hillcrest, month, [draft]))["code"] == "NOT_FOUND"
    assert draft["findings"]
    assert (await sign(ask, lakeside, month, [draft], looked=False))["code"] == "LOOK_FIRST"
    answers = await asyncio.gather(*[sign(ask, lakeside, month, [draft]) for _ in range(4)])
    assert sorted(a["__typename"] for a in answers) == ["Refusal"] * 3 + ["SignedClaims"]
    async with behind.connect() as connection:
        count = await connection.scalar(
            sa.text("select count(*) from claim where tenant_id = :t"), {"t": lakeside.tenant_id}
        )
    assert count == 1


async def test_only_those_who_may_sign(lakeside: World, ask: Any, behind: AsyncEngine) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    await billable(lakeside, behind, month, 21)
    await close(lakeside, month)
    (draft,) = await claims(ask, lakeside, month)
    for who in ("nora", "dr_lin", "fred", "mika", "mona"):
        assert (await sign(ask, lakeside, month, [draft], who=who))["code"] == "NOT_ALLOWED"
    assert (await sign(ask, lakeside, month, [draft], who="ada"))["__typename"] == "SignedClaims"


async def test_a_withdrawn_claim_can_be_signed_anew(lakeside: World, ask: Any, behind: AsyncEngine) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    await billable(lakeside, behind, month, 21)
    (claim,) = await signed(ask, lakeside, month)
    assert await claims(ask, lakeside, month, "ready", "to_look_at", "to_mend") == []
    back = await said(ask, lakeside, WITHDRAW, id=claim["id"])
    assert back["state"] == "withdrawn"
    assert (await said(ask, lakeside, WITHDRAW, id=claim["id"]))["code"] == "NOT_LIVE"
    assert (await said(ask, lakeside, MAKE, month=month))["code"] == "NOTHING_TO_SEND"
    drafts = await claims(ask, lakeside, month, "ready", "to_look_at")
    (second,) = (await sign(ask, lakeside, month, drafts))["signed"]
    assert second["number"].endswith("-00002")
    await sent(ask, lakeside, month)
    refusal = await said(ask, lakeside, WITHDRAW, id=second["id"])
    assert refusal["code"] == "ALREADY_SENT"


async def test_a_change_after_sending_is_a_replacement_and_then_a_void(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    id = await billable(lakeside, behind, month, 21)
    (first,) = await signed(ask, lakeside, month)
    await sent(ask, lakeside, month)

    more = await minutes(lakeside, id, month, 20, hour=17, late=True)
    await close(lakeside, month)
    old, draft = sorted(await claims(ask, lakeside, month), key=lambda c: c["number"], reverse=True)
    assert (old["state"], old["changedSince"]) == ("sent", True)
    assert (draft["frequency"], draft["replacesNumber"]) == ("7", first["number"])
    assert errors(draft) == {"S25"}
    assert (await sign(ask, lakeside, month, [draft]))["code"] == "CLAIM_NOT_READY"
    numbered = await said(ask, lakeside, PAYER_NUMBER, id=first["id"], number="ICN 2026-1")
    assert numbered["payerControlNumber"] == "ICN 2026-1"
    (draft,) = await claims(ask, lakeside, month, "to_look_at")
    assert {f["rule"] for f in draft["findings"]} >= {"S26"}
    (second,) = (await sign(ask, lakeside, month, [draft]))["signed"]
    assert [s["code"] for s in second["services"]] == ["99490", "99439"]
    _, text = await sent(ask, lakeside, month)
    assert complaints(text) == []
    assert "REF*F8*ICN 2026-1~" in text
    assert ":B:7*" in text
    states = {c["number"]: c["state"] for c in await claims(ask, lakeside, month)}
    assert states == {first["number"]: "replaced", second["number"]: "sent"}

    # Now nothing is left to bill: the consent turns out to have been withdrawn before.
    assert more
    await said(ask, lakeside, PAYER_NUMBER, id=second["id"], number="ICN 2026-2")
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update coverage set to_on = '2020-02-01' where patient_id = :id"), {"id": id}
        )
    await close(lakeside, month)
    (draft,) = await claims(ask, lakeside, month, "ready", "to_look_at", "to_mend")
    assert (draft["frequency"], errors(draft)) == ("8", set())
    (third,) = (await sign(ask, lakeside, month, [draft]))["signed"]
    money = {row["state"]: row["total"] for row in await said(ask, lakeside, OVERVIEW, month=month)}
    assert (money["sent"], money["signed"]) == ("180.00", "0"), "a void asks for nothing"
    _, text = await sent(ask, lakeside, month)
    assert complaints(text) == []
    assert ":B:8*" in text
    assert [c["state"] for c in await claims(ask, lakeside, month, "sent")] == ["sent"]
    assert third["total"] == "180.00", "the file repeats what it takes back"
    money = {row["state"]: row["total"] for row in await said(ask, lakeside, OVERVIEW, month=month)}
    assert money["sent"] == "0"
    assert [c for c in await claims(ask, lakeside, month) if c["changedSince"]] == []


async def test_a_change_before_sending_asks_to_withdraw_first(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    id = await billable(lakeside, behind, month, 21)
    (first,) = await signed(ask, lakeside, month)
    await minutes(lakeside, id, month, 20, hour=17, late=True)
    await close(lakeside, month)
    (draft,) = await claims(ask, lakeside, month, "to_mend")
    assert errors(draft) == {"S23"}
    (old,) = await claims(ask, lakeside, month, "signed")
    assert old["changedSince"]
    await said(ask, lakeside, WITHDRAW, id=first["id"])
    (draft,) = await claims(ask, lakeside, month, "ready", "to_look_at")
    assert draft["frequency"] == "1"


async def test_a_refused_claim_frees_its_services(lakeside: World, ask: Any, behind: AsyncEngine) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    await billable(lakeside, behind, month, 21)
    (claim,) = await signed(ask, lakeside, month)
    assert (await said(ask, lakeside, REFUSED, id=claim["id"], note="A7 taxonomy"))["code"] == "NOT_SENT"
    await sent(ask, lakeside, month)
    assert (await said(ask, lakeside, REFUSED, id=claim["id"], note="A7 taxonomy"))["state"] == "refused"
    (draft,) = await claims(ask, lakeside, month, "ready", "to_look_at")
    assert draft["frequency"] == "1", "what never got in is sent anew, not replaced"


async def test_a_test_file_sends_nothing(lakeside: World, ask: Any, behind: AsyncEngine) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside, production=False)
    await billable(lakeside, behind, month, 21)
    await signed(ask, lakeside, month)
    interchange, text = await sent(ask, lakeside, month)
    assert not interchange["production"]
    assert text.split("*")[15] == "T"
    assert [c["state"] for c in await claims(ask, lakeside, month)] == ["signed"]
    actor = lakeside.actor("bill")
    async with tenant_db(actor) as db:
        await state_route(
            db, actor, lakeside.payers["medicare_part_b"], from_on=date(2020, 1, 1), receiver_id="08202",
            receiver_name="WPS", claim_payer_name="Medicare", claim_payer_id="08202", filing_indicator="MB",
            production=True,
        )  # fmt: skip
    interchange, text = await sent(ask, lakeside, month)
    assert (interchange["controlNumber"], interchange["production"]) == (2, True)
    assert text.split("*")[15] == "P"
    assert [c["state"] for c in await claims(ask, lakeside, month)] == ["sent"]


async def test_the_claim_that_no_file_can_hold_is_named(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    await billable(lakeside, behind, month, 21, name="Adams")
    await billable(lakeside, behind, month, 21, name="Baker", hour=16)
    _, bad = sorted(await signed(ask, lakeside, month), key=lambda row: row["number"])
    async with behind.begin() as connection:
        await connection.execute(
            sa.text(
                "update claim set content = replace(content, 'Detroit', '李') where number = :n and tenant_id = :t"
            ),
            {"n": bad["number"], "t": lakeside.tenant_id},
        )
    refusal = await said(ask, lakeside, MAKE, month=month)
    assert (refusal["code"], bad["number"] in refusal["message"]) == ("FILE_NOT_WRITABLE", True)
    assert [c["state"] for c in await claims(ask, lakeside, month)] == ["signed", "signed"]


async def test_control_numbers_have_no_gap_however_many_ask_at_once(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    for world in (lakeside, hillcrest):
        await ready_to_bill(world, production=False)
        await billable(world, behind, month, 21)
        await signed(ask, world, month)
    answers = await asyncio.gather(
        *[said(ask, world, MAKE, month=month) for world in (lakeside, hillcrest) for _ in range(4)]
    )
    numbers = [a["interchanges"][0]["controlNumber"] for a in answers]
    assert sorted(numbers[:4]) == sorted(numbers[4:]) == [1, 2, 3, 4]


BAD = {
    "no identity": ({"leave_out": "identity"}, {}, "", "S08"),
    "no practitioner": ({"leave_out": "provider"}, {}, "", "S08"),
    "no route": ({"leave_out": "route"}, {}, "", "S21"),
    "no charge": ({"leave_out": "charges"}, {}, "", "S21"),
    "no address": ({}, {"address": False}, "", "S21"),
    "a state written out": ({}, {}, "update address set state = 'Michigan'", "S21"),
    "no Medicare number": ({}, {"member": "12345"}, "", "S17"),
    "a code that is none": ({}, {}, "update diagnosis set code = 'E11.99' where code = 'E11.9'", "S16"),
    "a code not specific enough": ({}, {}, "update diagnosis set code = 'E11' where code = 'E11.9'", "S16"),
    "one diagnosis where two are needed": ({}, {}, "update diagnosis set to_on = '2020-02-01' where code = 'E11.9'", "S09"),
    "died": ({}, {}, "update patient set deceased_on = '2020-02-01'", "S11"),
    "coverage ended": ({}, {}, "update coverage set to_on = '2020-02-01'", "S11"),
    "two coverages in one place": (
        {}, {},
        "insert into coverage select tenant_id, gen_random_uuid(), patient_id, payer_id, product, member_id, rank, "
        "from_on, to_on, replaces_part_b, qualified_beneficiary, care_management_benefit, source, made_at, made_by, "
        "group_number, relationship, subscriber_family_name, subscriber_given_names, subscriber_birth_date, "
        "subscriber_sex from coverage",
        "S20",
    ),
    "99 units": ({}, {}, "update claim_line set units = 99", "S04"),
    "an add-on alone": ({}, {}, "delete from claim_line where code = '99490'", "S03"),
    "a name no claim can carry": ({}, {}, "update patient set family_name = '李'", "S22"),
    "a wrong practitioner's number": ({}, {}, "update staff set npi = '1234567890' where npi = '1234567893'", "S17"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
async def test_what_is_missing_stops_the_claim_and_says_who_mends_it(
    what: str, lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    practice, person, spoiled, rule = BAD[what]
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside, **practice)  # type: ignore[arg-type]
    await billable(lakeside, behind, month, 21, 20, **person)  # type: ignore[arg-type]
    await close(lakeside, month)
    if spoiled:
        async with behind.begin() as connection:
            where = " and" if " where " in spoiled else " where"
            result = await connection.execute(
                sa.text(f"{spoiled}{where} tenant_id = :t"), {"t": lakeside.tenant_id}
            )
            assert result.rowcount
    (draft,) = await claims(ask, lakeside, month)
    assert rule in errors(draft), draft["findings"]
    assert draft["state"] == "to_mend"
    assert all(f["sentence"] and f["mends"] and f["field"] for f in draft["findings"])
    refusal = await sign(ask, lakeside, month, [draft])
    assert refusal["code"] == "CLAIM_NOT_READY"
    assert refusal["message"]
    assert refusal["nextStep"]


async def test_what_is_entered_wrong_is_refused_where_it_is_entered(lakeside: World, ask: Any) -> None:
    good = {
        "fromOn": "2020-01-01", "legalName": "Lakeside", "tin": "123456789", "tinKind": "EI", "npi": "1881000008",
        "taxonomy": "207Q00000X", "street": "100 Main St", "city": "Detroit", "state": "MI", "zip": "482261906",
        "contactName": "Bill", "contactPhone": "313 555 0100", "submitterId": "LAKE01",
    }  # fmt: skip
    document = """mutation ($input: StateIdentityInput!) { stateIdentity(input: $input) {
      ... on BillingIdentity { zip tin contactPhone } ... on Refusal { code field message nextStep } } }"""
    answer = await said(ask, lakeside, document, input=good)
    assert answer == {"zip": "48226-1906", "tin": "123456789", "contactPhone": "3135550100"}
    for field, value, code in (
        ("tin", "12345678", "TIN_FORM"),
        ("tinKind", "XX", "TIN_KIND"),
        ("npi", "1881000009", "NPI_CHECK_DIGIT"),
        ("taxonomy", "207Q", "TAXONOMY_FORM"),
        ("street", "P.O. Box 12", "PO_BOX"),
        ("street", "PO BOX 12", "PO_BOX"),
        ("street", "Post Office Box 3", "PO_BOX"),
        ("zip", "48226", "ZIP_FOUR"),
        ("state", "XX", "STATE_UNKNOWN"),
        ("contactPhone", "555 0100", "PHONE_DIGITS"),
        ("submitterId", "A*B", "EDI_ID"),
    ):
        refusal = await said(ask, lakeside, document, input={**good, field: value})
        assert refusal["code"] == code, (field, value, refusal)
        assert refusal["field"] == field
        assert field != "tin" or value not in refusal["message"]
    charge = "mutation ($input: StateChargeInput!) { stateCharge(input: $input) { ... on Charge { amount } ... on Refusal { code } } }"
    for amount in ("0", "-5", "12.345", "100000"):
        asked = {"code": "99490", "fromOn": "2020-01-01", "amount": amount}
        assert (await said(ask, lakeside, charge, input=asked))["code"] == "CHARGE_AMOUNT"


async def test_statements_are_dated_and_corrected_by_adding(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    await billable(lakeside, behind, month, 21)
    await close(lakeside, month)
    charge = "mutation ($input: StateChargeInput!) { stateCharge(input: $input) { ... on Charge { amount } ... on Refusal { code } } }"
    later = date.fromisoformat(f"{month}-01") + timedelta(days=40)
    await said(ask, lakeside, charge, input={"code": "99490", "fromOn": str(later), "amount": "300"})
    (draft,) = await claims(ask, lakeside, month)
    assert draft["total"] == "100.00", "a charge counts from its day on"
    await said(ask, lakeside, charge, input={"code": "99490", "fromOn": "2020-01-01", "amount": "111.11"})
    (draft,) = await claims(ask, lakeside, month)
    assert draft["total"] == "111.11", "of one day, what was written last counts"
    history = "query { billing { charges { code fromOn amount } identities { legalName tin } } }"
    kept = await said(ask, lakeside, history)
    assert [c["amount"] for c in kept["charges"] if c["code"] == "99490"] == ["300.00", "111.11", "100.00"]
    empty = await said(ask, hillcrest, history)
    assert empty == {"charges": [], "identities": []}


async def test_a_low_charge_asks_for_a_look(lakeside: World, ask: Any, behind: AsyncEngine) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    await billable(lakeside, behind, month, 21)
    charge = "mutation ($input: StateChargeInput!) { stateCharge(input: $input) { ... on Charge { amount } ... on Refusal { code } } }"
    await said(ask, lakeside, charge, input={"code": "99490", "fromOn": "2020-01-01", "amount": "10"})
    await close(lakeside, month)
    (draft,) = await claims(ask, lakeside, month)
    assert draft["state"] == "to_look_at"
    assert "S14" in {f["rule"] for f in draft["findings"]}
    assert (await sign(ask, lakeside, month, [draft], looked=False))["code"] == "LOOK_FIRST"
    assert (await sign(ask, lakeside, month, [draft]))["__typename"] == "SignedClaims"


async def test_a_copy_for_another_billing_system(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    id = await billable(lakeside, behind, month, 21, 20)
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update patient set family_name = '=HYPERLINK(1)' where id = :id"), {"id": id}
        )
    (claim,) = await signed(ask, lakeside, month)
    text = "query ($ids: [ID!]!) { billingText(claims: $ids) }"
    copy = await said(ask, lakeside, text, ids=[claim["id"]])
    for part in (
        claim["number"],
        "1EG4-TE5-MK73",
        "99490",
        "99439",
        "$180.00",
        "123456789",
        "1234567893",
        "AB",
    ):
        assert part in copy
    table = await said(ask, lakeside, "query ($ids: [ID!]!) { billingCsv(claims: $ids) }", ids=[claim["id"]])
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(r["code"], r["units"], r["charge"]) for r in rows] == [
        ("99490", "1", "100.00"),
        ("99439", "1", "80.00"),
    ]
    assert rows[0]["family_name"] == "'=HYPERLINK(1)"
    assert (await ask(hillcrest, "bill", text, ids=[claim["id"]]))["errors"][0]["extensions"][
        "code"
    ] == "NOT_FOUND"


async def test_counts_pages_and_filters_tell_the_same(lakeside: World, ask: Any, behind: AsyncEngine) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    for hour, name in enumerate(("Adams", "Baker", "Clark"), 14):
        await billable(lakeside, behind, month, 21, name=name, hour=hour)
    await close(lakeside, month)
    drafts = await claims(ask, lakeside, month)
    await sign(ask, lakeside, month, drafts[:1])
    everyone, after = [], None
    while True:
        found = await said(ask, lakeside, CLAIMS, month=month, states=None, payer=None, first=1, after=after)
        everyone += [edge["node"]["patientName"] for edge in found["edges"]]
        if not found["pageInfo"]["hasNextPage"]:
            break
        after = found["pageInfo"]["endCursor"]
    assert everyone == ["Ruth Adams", "Ruth Baker", "Ruth Clark"]
    counted = {
        row["state"]: (row["count"], row["total"]) for row in await said(ask, lakeside, OVERVIEW, month=month)
    }
    assert counted.pop("signed") == (1, "100.00")
    assert sum(count for count, _ in counted.values()) == 2
    blue = global_id("Payer", lakeside.payers["bcbsm"])
    none = await said(ask, lakeside, CLAIMS, month=month, states=None, payer=blue, first=5, after=None)
    assert none["edges"] == []
    bad = await ask(lakeside, "bill", CLAIMS, month=month, states=["lost"], payer=None, first=5, after=None)
    assert bad["errors"][0]["extensions"]["code"] == "STATE_UNKNOWN"


async def test_what_was_signed_cannot_be_changed_behind_it(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    await billable(lakeside, behind, month, 21)
    (claim,) = await signed(ask, lakeside, month)
    actor = lakeside.actor("bill")
    async with tenant_db(actor) as db:
        from billing_ready import IDENTITY

        await state_identity(
            db, actor, from_on=date(2020, 1, 1), **{**IDENTITY, "legal_name": "Another Name"}
        )
    (now,) = await claims(ask, lakeside, month)
    assert (now["contentHash"], now["changedSince"]) == (claim["contentHash"], False)
    assert json.loads(now["content"])["biller"]["legal_name"] == "Lakeside Family Medicine PC"
    for table in ("claim", "interchange", "billing_identity", "charge"):
        with pytest.raises(sa.exc.DBAPIError, match="permission denied"):
            async with tenant_db(actor) as db:
                await db.execute(sa.text(f"update {table} set tenant_id = tenant_id"))
    assert isinstance(id_of("Claim", claim["id"]), UUID)


async def test_charges_are_whole_cents_times_units(lakeside: World, ask: Any, behind: AsyncEngine) -> None:
    month = last_month(lakeside.zone)
    await ready_to_bill(lakeside)
    await billable(lakeside, behind, month, 62)
    await close(lakeside, month)
    (draft,) = await claims(ask, lakeside, month)
    for service in draft["services"]:
        assert Decimal(service["charge"]) == Decimal(CHARGES[service["code"]]) * service["units"]
    assert Decimal(draft["total"]) == sum(Decimal(s["charge"]) for s in draft["services"])
