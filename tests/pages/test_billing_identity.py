"""Practice, then Billing: what is missing is said, every field refuses beside itself, and nothing is overwritten."""

import csv
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from cast import World
from conftest import SHARED

from server.claims.billing_readiness import missing
from server.plugin_host.discover import plugins
from server.tenants.billing_identity import identity_history, statements
from server.tenants.billing_statements import Statements, in_force
from server.tenants.charges import charge_history, charges_on
from server.tenants.db import tenant_db

IDENTITY = {
    "legal_name": "Lakeside Family Medicine PC", "tin_kind": "EI", "tin": "38-7654321", "npi": "1881000008",
    "taxonomy": "207Q00000X", "street": "12 Main Street", "city": "Detroit", "state": "MI", "zip": "48226-1906",
    "contact_name": "Bill Janssen", "contact_phone": "(313) 555-0142", "contact_email": "", "submitter_id": "LAKE01",
    "from_on": "2026-01-01",
}  # fmt: skip
ROUTE = {
    "receiver_id": "GATE01", "receiver_name": "A gateway", "claim_payer_name": "Medicare Part B Michigan",
    "claim_payer_id": "MB001", "filing_indicator": "MB", "sends": "test", "filing_days": "365", "provider_number": "",
    "from_on": "2026-01-01",
}  # fmt: skip
PROVIDER = {
    "given_name": "Wei",
    "family_name": "Lin",
    "taxonomy": "207Q00000X",
    "from_on": "2026-01-01",
}
SITE = {
    "legal_name": "Lakeside, Main Street", "npi": "", "place_of_service": "11", "street": "12 Main Street", "city": "Detroit",
    "state": "MI", "zip": "48226-1906", "from_on": "2026-01-01",
}  # fmt: skip
BILLING = "/practice/billing"


def today() -> date:
    return datetime.now(UTC).date()


async def test_what_is_missing_is_said_until_nothing_is(
    lakeside: World, hillcrest: World, at_browser: Any
) -> None:
    bill = await at_browser(lakeside, "bill")
    bcbsm, medicare = lakeside.payers["bcbsm"], lakeside.payers["medicare_part_b"]
    lin = lakeside.staff["dr_lin"]
    page = await bill.get(BILLING)
    for said in (
        "Who bills is not stated", "How claims reach Medicare Part B is not stated", "How a claim names Lin Wei is not stated",
        "How claims reach Blue Cross Blue Shield of Michigan is not stated", "No charge is stated for any code",
    ):  # fmt: skip
        assert said in page, said
    assert "Acme Mutual is not stated" not in page, "no rules: billed by hand, so nothing is asked for"

    await bill.send(f"{BILLING}/identity", IDENTITY)
    page = await bill.get(BILLING)
    assert "Who bills is not stated" not in page
    assert "ends in 4321" in page
    assert "387654321" not in page
    await bill.send(f"{BILLING}/payers/{medicare}", ROUTE)
    await bill.send(f"{BILLING}/payers/{bcbsm}", ROUTE | {"filing_indicator": "BL", "sends": "production"})
    await bill.send(f"{BILLING}/providers/{lin}", PROVIDER)
    charges = await bill.get(f"{BILLING}/charges")
    names = re.findall(r'name="(amount_[A-Z0-9]{5})"', charges)
    assert "amount_99490" in names
    await bill.send(f"{BILLING}/charges", {"from_on": "2026-01-01", "amount_99490": "$95.50"})
    await bill.send(f"{BILLING}/sites/{lakeside.site_id}", SITE)
    page = await bill.get(BILLING)
    assert "Nothing is missing" in page
    assert page.count("Marked as a test") == 1
    assert page.count("Real claims") == 1
    assert "$95.50" in page

    theirs = await (await at_browser(hillcrest, "bill")).get(BILLING)
    assert "Who bills is not stated" in theirs
    assert "Lakeside" not in theirs


WRONG = [
    ("identity", IDENTITY, "tin", "12345", "nine digits"),
    ("identity", IDENTITY, "npi", "1881000009", "1881000009"),
    ("identity", IDENTITY, "taxonomy", "family", "taxonomy"),
    ("identity", IDENTITY, "street", "P.O. Box 12", "post-office box"),
    ("identity", IDENTITY, "zip", "48226", "nine digits"),
    ("identity", IDENTITY, "state", "ZZ", "abbreviation"),
    ("identity", IDENTITY, "contact_phone", "555", "ten digits"),
    ("identity", IDENTITY, "submitter_id", "x", "2 to 15"),
    ("identity", IDENTITY, "from_on", "2026-02-30", "not a day"),
    ("identity", IDENTITY, "legal_name", "", "legal name"),
    ("payers/{medicare}", ROUTE, "receiver_id", "*~*", "2 to 15"),
    ("payers/{medicare}", ROUTE, "filing_indicator", "Q", "filing indicator"),
    ("payers/{medicare}", ROUTE, "filing_days", "many", "days"),
    ("providers/{lin}", PROVIDER, "taxonomy", "x", "taxonomy"),
    ("providers/{nora}", PROVIDER, "", "", "not marked as somebody who bills"),
    ("sites/{site}", SITE, "place_of_service", "99", "place of service"),
    ("sites/{site}", SITE, "npi", "12", "NPI"),
    ("charges", {"from_on": "2026-01-01"}, "amount_99490", "many", "not an amount"),
    ("charges", {"from_on": "2026-01-01"}, "amount_99490", "0", "above zero"),
    ("charges", {"from_on": "2026-01-01"}, "amount_99490", "9999999", "dollars is not a charge"),
    ("charges", {"from_on": "2026-01-01", "other_amount": "5"}, "other_code", "9", "not a procedure code"),
    ("charges", {"from_on": "2026-01-01", "other_code": "12345"}, "other_amount", "", "no amount"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "form", "field", "value", "said"), WRONG)
async def test_a_refusal_stands_beside_its_field_and_keeps_what_was_typed(
    lakeside: World, at_browser: Any, place: str, form: dict[str, str], field: str, value: str, said: str
) -> None:
    bill = await at_browser(lakeside, "bill")
    address = place.format(
        medicare=lakeside.payers["medicare_part_b"], lin=lakeside.staff["dr_lin"], nora=lakeside.staff["nora"],
        site=lakeside.site_id,
    )  # fmt: skip
    answer = await bill.send(f"{BILLING}/{address}", form | ({field: value} if field else {}), 422)
    assert said in answer.text
    if field:
        assert re.search(rf'id="f-{field}-error"[^>]*>.*?{re.escape(said)}', answer.text, re.DOTALL)
    if form is IDENTITY:
        assert "7654321" not in answer.text, "a tax number is never written into a page"
        assert "Bill Janssen" in answer.text
    async with tenant_db(lakeside.actor("bill"), read_only=True) as db:
        stated = await statements(db, lakeside.actor("bill"))
        assert stated == Statements((), (), (), ())
        assert not await charge_history(db, lakeside.actor("bill"))


async def test_a_correction_is_a_further_statement_and_an_empty_number_keeps_the_one_on_file(
    lakeside: World, at_browser: Any
) -> None:
    bill, actor = await at_browser(lakeside, "bill"), lakeside.actor("bill")
    await bill.send(f"{BILLING}/identity", IDENTITY)
    form = await bill.get(f"{BILLING}/identity")
    assert 'value="Lakeside Family Medicine PC"' in form
    assert 'value="2026-01-01"' in form
    assert "ends in 4321" in form
    await bill.send(f"{BILLING}/identity", IDENTITY | {"tin": "", "street": "14 Main Street"})
    await bill.send(f"{BILLING}/identity", IDENTITY | {"tin": "987654321", "from_on": "2026-09-01"})
    async with tenant_db(actor, read_only=True) as db:
        rows = (await statements(db, actor)).identities
        assert len(await identity_history(db, actor)) == 3
    early, late = in_force(rows, date(2026, 8, 31)), in_force(rows, date(2026, 9, 1))
    assert early is not None
    assert late is not None
    assert (early.street, early.tin) == ("14 Main Street", "387654321")
    assert (late.street, late.tin) == ("12 Main Street", "987654321")
    assert "Earlier statements" in await bill.get(BILLING)


async def test_an_id_is_kept_in_the_capitals_a_file_is_written_in(lakeside: World, at_browser: Any) -> None:
    """Otherwise two spellings of one id would each count their files from 1."""
    bill, actor = await at_browser(lakeside, "bill"), lakeside.actor("bill")
    await bill.send(f"{BILLING}/identity", IDENTITY | {"submitter_id": "Lake01"})
    await bill.send(
        f"{BILLING}/payers/{lakeside.payers['medicare_part_b']}", ROUTE | {"receiver_id": "gate01"}
    )
    async with tenant_db(actor, read_only=True) as db:
        stated = await statements(db, actor)
    assert [row.submitter_id for row in stated.identities] == ["LAKE01"]
    assert [row.receiver_id for row in stated.routes] == ["GATE01"]


async def test_many_charges_at_once_save_what_differs(lakeside: World, at_browser: Any) -> None:
    bill, actor = await at_browser(lakeside, "bill"), lakeside.actor("bill")
    first = {"from_on": "2026-01-01", "amount_99490": "95", "amount_99439": "1,050.25", "other_code": "a1234",
             "other_amount": "12"}  # fmt: skip
    await bill.send(f"{BILLING}/charges", first)
    await bill.send(
        f"{BILLING}/charges", {"from_on": "2026-09-01", "amount_99490": "99", "amount_99439": "1050.25"}
    )
    nothing = await bill.send(f"{BILLING}/charges", {"from_on": "2026-09-01", "amount_99490": "99.00"})
    assert nothing.headers["location"] == f"{BILLING}/charges"
    async with tenant_db(actor, read_only=True) as db:
        assert {code: row.amount for code, row in (await charges_on(db, actor, date(2026, 8, 31))).items()} == {
            "99490": Decimal("95.00"), "99439": Decimal("1050.25"), "A1234": Decimal("12.00"),
        }  # fmt: skip
        assert (await charges_on(db, actor, date(2026, 9, 1)))["99490"].amount == Decimal("99.00")
        assert len(await charge_history(db, actor)) == 4
    page = await bill.get(f"{BILLING}/charges")
    assert "A1234" in page


async def test_a_code_says_what_we_call_it_before_any_month_came_to_it(
    lakeside: World, at_browser: Any
) -> None:
    bill = await at_browser(lakeside, "bill")
    page = await bill.get(f"{BILLING}/charges")
    for code, label in (
        ("99490", "CCM staff - first 20 min"),
        ("G9007", "PDCM team conference"),
        # two payers mean different work by it
        ("99487", "Complex CCM staff - first 60 min; PDCM coordination without the patient, first 31 min"),
    ):
        assert re.search(rf"{code}</th>\s*<td[^>]*>{re.escape(label)}</td>", page), code
    assert not re.search(r"[A-Z0-9]{5}</th>\s*<td[^>]*></td>", page), "every code of the list has a name"
    await bill.send(f"{BILLING}/charges", {"from_on": "2026-01-01", "amount_99490": "95"})
    assert re.search(r"99490</th><td[^>]*>CCM staff - first 20 min</td>", await bill.get(BILLING))


def test_labels_are_ours() -> None:
    """As shared/billing/labels.csv calls a code; the words of a code's owner are not ours to print."""
    file = SHARED / "billing" / "labels.csv"
    if not file.is_file():
        pytest.skip(f"no sample at {file}")
    ours = {row["code"]: row["label"] for row in csv.DictReader(file.read_text().splitlines())}
    labels = plugins().labels({"medicare_part_b"})
    assert labels
    assert {code: label for code, label in labels.items() if ours.get(code, label) != label} == {}
    assert set(labels.values()) <= set(ours.values()), "a code that was replaced is called as its successor"


async def test_who_may(lakeside: World, hillcrest: World, browse: Any) -> None:
    medicare, lin = lakeside.payers["medicare_part_b"], lakeside.staff["dr_lin"]
    places = (
        "", "/identity", "/charges", f"/payers/{medicare}", f"/providers/{lin}", f"/sites/{lakeside.site_id}",
    )  # fmt: skip
    for who in ("ada", "bill", "nora", "dr_lin", "fred", "mona"):
        for place in places:
            expected = 200 if who in ("ada", "bill") else 403
            assert (await browse(lakeside, who).get(BILLING + place)).status_code == expected, (who, place)
    for place in places[3:]:
        assert (await browse(hillcrest, "bill").get(BILLING + place)).status_code == 404, place
    assert BILLING not in (await browse(lakeside, "nora").get("/practice")).text
    assert BILLING in (await browse(lakeside, "bill").get("/practice")).text


def test_nothing_is_missing_only_where_nothing_is() -> None:
    nothing = Statements((), (), (), ())
    found = {one.about for one in missing(nothing, {}, [], [], [], today())}
    assert found == {"identity", "staff", "charges"}
    (charges,) = [m for m in missing(nothing, {}, [], [], ["99490"], today()) if m.about == "charges"]
    assert "99490" in charges.sentence
