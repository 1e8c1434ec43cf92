"""From a closed month to a claim that is signed, copied, sent in a file, and followed by another when the month changes."""

import html
import importlib.util
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cast import World
from claims.month_end import close_month
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from server.patients.details import PatientChanges, change_patient, set_address
from server.patients.tables import Coverage
from server.tenants.billing_identity import state_identity, state_provider_billing, state_route
from server.tenants.charges import state_charge
from server.tenants.db import tenant_db
from web.pages import claims as pages

_spec = importlib.util.spec_from_file_location("care", Path(__file__).parents[1] / "claims" / "care.py")
assert _spec
assert _spec.loader
care = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(care)

SINCE = date(2020, 1, 1)


async def stated(world: World, *, production: bool = False) -> None:
    """Everything a claim says about the practice; unless `production`, its files are marked as a test."""
    bill = world.actor("bill")
    async with tenant_db(bill) as db:
        await state_identity(
            db, bill, from_on=SINCE, legal_name="Lakeside Family Medicine PC", tin="387654321", tin_kind="EI",
            npi="1881000008", taxonomy="207Q00000X", street="12 Main Street", city="Detroit", state="MI",
            zip="48226-1906", contact_name="Bill Janssen", contact_phone="3135550142", submitter_id="LAKE01",
        )  # fmt: skip
        await state_provider_billing(
            db, bill, world.staff["dr_lin"], from_on=SINCE, family_name="Lin", given_name="Wei", taxonomy="207Q00000X"
        )  # fmt: skip
        for kind, indicator in (("medicare_part_b", "MB"), ("bcbsm", "BL")):
            await state_route(
                db, bill, world.payers[kind], from_on=SINCE, receiver_id="GATE01", receiver_name="A gateway",
                claim_payer_name=f"Payer {indicator}", claim_payer_id=f"{indicator}001", filing_indicator=indicator,
                production=production,
            )  # fmt: skip
        for code, amount in (("99490", "95.00"), ("99439", "70.00")):
            await state_charge(db, bill, code=code, from_on=SINCE, amount=Decimal(amount))


async def billable(world: World, month: str, name: str = "Walker", minutes: int = 25) -> UUID:
    """Somebody whose month comes to a claim that lacks nothing."""
    person: UUID = await care.someone_in_care(world, month, name=name)
    await care.minutes(world, person, month, minutes, hour=9 + len(name))
    nora = world.actor("nora")
    async with tenant_db(nora) as db:
        await set_address(
            db, nora, person, street="88 Harper Street", city="Detroit", state="MI", zip="48202-1414"
        )
        await change_patient(db, nora, person, PatientChanges(sex="female"))
        await db.execute(
            update(Coverage).where(Coverage.patient_id == person).values(member_id="1EG4TE5MK73")
        )
    return person


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("&#39;", "'").replace("&#34;", '"')


def chosen_in(page: str) -> list[str]:
    return re.findall(r'name="chosen" value="([^"]+)"', page)


@pytest.fixture
async def month(lakeside: World) -> str:
    return str(care.last_month(lakeside.zone))


async def test_from_a_line_to_a_file(
    lakeside: World, hillcrest: World, at_browser: Any, browse: Any, month: str
) -> None:
    await stated(lakeside)
    ruth = await billable(lakeside, month)
    await close_month(lakeside.actor("bill"), month)
    bill = await at_browser(lakeside, "bill")
    claims, drafts = f"/month/{month}/claims", f"/month/{month}/unsigned"
    page = await bill.get(claims)
    assert f"{drafts}/{ruth}/" in page, words(page)
    draft_at = re.search(rf'href="({drafts}/{ruth}/[0-9a-f-]{{36}})"', page)
    assert draft_at
    draft = await bill.get(draft_at[1])
    told = words(draft)
    for said in (
        "Claim for Ruth", "99490", "$95.00", "I50.22", "1EG4TE5MK73", "88 Harper Street, Detroit, MI 48202-1414",
        "Lakeside Family Medicine PC, NPI 1881000008", "ends in 4321", "Wei Lin, NPI 1234567893", "11, Office",
        "Medicare Part B", "A gateway (GATE01)", "Sign this claim",
    ):  # fmt: skip
        assert said in told, said
    assert "387654321" not in draft
    line = re.search(rf'href="(/month/{month}/{ruth}\?line=[0-9a-f-]{{36}})"', draft)
    assert line
    assert "How the minutes add up" in await bill.get(line[1])

    # What needs a look is signed from its own page, after looking.
    (choice,) = chosen_in(draft)
    looked = re.search(r'name="looked" value="([^"]+)"|id="f-looked" name="looked" value="([^"]+)"', draft)
    if looked:
        refused = await bill.send(f"{claims}/sign", {"chosen": choice}, 422)
        assert "Open the claim" in refused.text
    await bill.send(
        f"{claims}/sign", {"chosen": choice, **({"looked": choice.split("|")[1]} if looked else {})}
    )
    page = await bill.get(claims)
    assert "Signed, not sent" in page
    again = await bill.send(f"{claims}/sign", {"chosen": choice}, 422)
    assert "not there any more" in again.text
    claim_at = re.search(r'href="(/claims/[0-9a-f-]{36})"', page)
    assert claim_at
    signed = words(await bill.get(claim_at[1]))
    assert "Copy for the billing system" in signed
    assert "by Bill Janssen" in signed

    text = words(await bill.get(f"{claims}/text"))
    assert "99490" in text
    assert "Walker" in text or "WALKER" in text
    table = await bill.client.get(f"{claims}/csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert "99490" in table.text

    await bill.send(f"{claims}/files", {})
    page = await bill.get(claims)
    assert "Test: no payer pays it" in page
    assert "not downloaded yet" in page
    file_at = re.search(r'href="(/claims/files/[0-9a-f-]{36})"', page)
    assert file_at
    assert "A test file" in await bill.get(file_at[1])
    file = await bill.send(file_at[1], {}, 200)
    assert re.search(
        r'filename="837P-LAKE01-GATE01-\d{9}-T-[0-9a-f]{8}\.edi"', file.headers["content-disposition"]
    )
    assert file.content.startswith(b"ISA*")
    assert file.content.split(b"*")[15] == b"T"
    assert b"SV1*HC:99490*95*UN*1" in file.content
    assert (await bill.send(file_at[1], {}, 200)).content == file.content
    assert "2 times" in await bill.get(file_at[1])
    assert "Download again" in await bill.get(claims)
    assert "Signed, not sent" in await bill.get(claims), "a test sends nothing"

    stranger = await at_browser(hillcrest, "bill")
    for place in (draft_at[1], claim_at[1], file_at[1]):
        await stranger.get(place, 404)
    await stranger.send(file_at[1], {}, 404)
    await stranger.send(f"{claim_at[1]}/withdraw", {"note": "Mine"}, 404)
    assert "No claim comes of this month yet" in await stranger.get(claims)
    for who, expected in (("ada", 200), ("dr_lin", 200), ("nora", 403), ("fred", 403)):
        for place in (claims, claim_at[1], file_at[1], f"{claims}/text"):
            assert (await browse(lakeside, who).get(place)).status_code == expected, (who, place)
    lin = await at_browser(lakeside, "dr_lin")
    await lin.send(f"{claims}/files", {}, 403)
    await lin.send(f"{claims}/sign", {"chosen": choice}, 403)
    assert "Make the files" not in await lin.get(claims)


async def test_what_is_missing_is_grouped_by_what_mends_it(
    lakeside: World, at_browser: Any, month: str
) -> None:
    """Nothing is stated about the practice, and one of two has no address."""
    await billable(lakeside, month)
    without: UUID = await care.someone_in_care(lakeside, month, name="Mayer")
    await care.minutes(lakeside, without, month, 25)
    await close_month(lakeside.actor("bill"), month)
    bill = await at_browser(lakeside, "bill")
    page = await bill.get(f"/month/{month}/claims")
    groups = re.findall(r'<section class="hold-group">(.*?)</section>', page, re.DOTALL)
    assert len(groups) >= 3
    practice = next(g for g in groups if "Enter it under Practice, then Billing, from that day" in g)
    assert "2 claims" in practice
    assert 'href="/practice/billing' in practice
    address = next(g for g in groups if "address is not complete" in g)
    assert "1 claim<" in address
    assert f"/people/{without}/details" in address
    assert "Sign what is chosen" not in page
    mend = await bill.get(re.findall(rf'href="(/month/{month}/unsigned/{without}/[^"]+)"', page)[0])
    assert "To mend" in mend
    assert "Sign this claim" not in mend


async def test_many_are_signed_at_once_and_what_changed_meanwhile_is_left(
    lakeside: World, at_browser: Any, month: str
) -> None:
    await stated(lakeside)
    people = [await billable(lakeside, month, name) for name in ("Walker", "Mayerson", "Ng")]
    await close_month(lakeside.actor("bill"), month)
    bill = await at_browser(lakeside, "bill")
    claims, drafts = f"/month/{month}/claims", f"/month/{month}/unsigned"
    chosen, looked = [], []
    for person in people:
        page = await bill.get(claims)
        at = re.search(rf'href="({drafts}/{person}/[0-9a-f-]{{36}})"', page)
        assert at
        (choice,) = chosen_in(await bill.get(at[1]))
        chosen.append(choice)
        looked.append(choice.split("|")[1])
    stale = chosen[2].rpartition("|")[0] + "|" + "0" * 64
    answer = await bill.client.post(
        f"{claims}/sign",
        data={"_csrf": bill.csrf, "chosen": [*chosen[:2], stale], "looked": looked},
        follow_redirects=True,
    )
    assert "2 claims signed. One claim left as a draft: it changed since" in answer.text
    for nonsense in ("", "x", "|||", f"{people[0]}|{people[1]}|zz"):
        refused = await bill.client.post(f"{claims}/sign", data={"_csrf": bill.csrf, "chosen": nonsense})
        assert refused.status_code in (404, 422), nonsense
    assert "No claim was chosen" in (await bill.send(f"{claims}/sign", {}, 422)).text


async def test_a_signed_claim_is_taken_back_and_a_sent_one_is_not(
    lakeside: World, at_browser: Any, month: str
) -> None:
    await stated(lakeside, production=True)
    await billable(lakeside, month)
    await close_month(lakeside.actor("bill"), month)
    bill = await at_browser(lakeside, "bill")
    claims, drafts = f"/month/{month}/claims", f"/month/{month}/unsigned"

    async def sign() -> str:
        page = await bill.get(claims)
        at = re.search(rf'href="({drafts}/[0-9a-f-]{{36}}/[0-9a-f-]{{36}})"', page)
        assert at, words(page)
        (choice,) = chosen_in(await bill.get(at[1]))
        await bill.send(f"{claims}/sign", {"chosen": choice, "looked": choice.split("|")[1]})
        found = re.findall(
            r'Signed, not sent.*?href="(/claims/[0-9a-f-]{36})"', await bill.get(claims), re.DOTALL
        )
        return str(found[0])

    first = await sign()
    await bill.send(f"{first}/withdraw", {"note": "The wrong day"})
    assert "The wrong day" in await bill.get(claims)
    assert "Take it back" not in await bill.get(first)
    second = await sign()
    assert second != first
    await bill.send(f"{second}/payer-number", {"number": "1"}, 422)
    await bill.send(f"{claims}/files", {})
    assert "cannot be taken back" in (await bill.send(f"{second}/withdraw", {}, 422)).text
    refused = await bill.send(f"{second}/payer-number", {"number": ""}, 422)
    assert 'id="f-number-error"' in refused.text
    await bill.send(f"{second}/payer-number", {"number": "ICN-1"})
    assert "ICN-1" in await bill.get(second)
    empty = await bill.send(f"{second}/refused", {"refusal": ""}, 422)
    assert 'id="f-refusal-error"' in empty.text
    await bill.send(f"{second}/refused", {"refusal": "Member not found"})
    assert "Member not found" in await bill.get(claims)
    assert await sign() not in (first, second)


async def test_a_void_asks_for_no_money(
    lakeside: World, at_browser: Any, month: str, behind: AsyncEngine
) -> None:
    await stated(lakeside, production=True)
    ruth = await billable(lakeside, month)
    await close_month(lakeside.actor("bill"), month)
    bill = await at_browser(lakeside, "bill")
    claims = f"/month/{month}/claims"

    async def sign() -> str:
        # listed under each thing to look at: a void also under the hold that is why it is one
        (at,) = set(re.findall(rf'href="(/month/{month}/unsigned/[^"]+)"', await bill.get(claims)))
        draft = await bill.get(at)
        (choice,) = chosen_in(draft)
        await bill.send(f"{claims}/sign", {"chosen": choice, "looked": choice.split("|")[1]})
        return words(draft)

    assert "None: this takes back" not in await sign()
    await bill.send(f"{claims}/files", {})
    sent = words(await bill.get(claims))
    assert "Together $95.00" in sent
    (first,) = set(re.findall(r'href="(/claims/[0-9a-f-]{36})"', await bill.get(claims)))
    await bill.send(f"{first}/payer-number", {"number": "ICN-1"})
    async with behind.begin() as connection:
        await connection.execute(
            text("update coverage set to_on = '2020-02-01' where patient_id = :id"), {"id": ruth}
        )
    await close_month(lakeside.actor("bill"), month)
    draft = await sign()
    assert "None: this takes back what was sent before, which was:" in draft
    assert "99490" in draft
    assert "Asked for together $0.00" in draft
    page = words(await bill.get(claims))
    assert "nothing: it takes back what was sent $0.00" in page
    assert "Together $95.00" in page, "what was sent"
    assert "Together $0.00" in page, "what is signed"
    assert "$190" not in page


async def test_a_month_decided_anew_shows_what_changed_since_signed(
    lakeside: World, at_browser: Any, month: str
) -> None:
    await stated(lakeside)
    ruth = await billable(lakeside, month)
    await close_month(lakeside.actor("bill"), month)
    bill = await at_browser(lakeside, "bill")
    claims, drafts = f"/month/{month}/claims", f"/month/{month}/unsigned"
    at = re.search(rf'href="({drafts}/{ruth}/[0-9a-f-]{{36}})"', await bill.get(claims))
    assert at
    (choice,) = chosen_in(await bill.get(at[1]))
    await bill.send(f"{claims}/sign", {"chosen": choice, "looked": choice.split("|")[1]})
    await care.minutes(lakeside, ruth, month, 20, who="rosa", hour=16, late=True)
    await close_month(lakeside.actor("bill"), month)
    page = await bill.get(claims)
    assert "changed since signed" in page
    assert "Changed since signed" in page
    claim_at = re.search(r'href="(/claims/[0-9a-f-]{36})"', page)
    assert claim_at
    assert "The month now says something else" in await bill.get(claim_at[1])


async def test_figures_are_of_all_claims_and_lists_go_on_page_by_page(
    lakeside: World,
    hillcrest: World,
    at_browser: Any,
    month: str,
    monkeypatch: pytest.MonkeyPatch,
    behind: AsyncEngine,
) -> None:
    """Three people, two to a page: a month of three thousand at a hundred to a page."""
    monkeypatch.setattr(pages, "_PAGE", 2)
    await stated(lakeside)
    people = {await billable(lakeside, month, name): name for name in ("Walker", "Mayerson", "Ng")}
    await close_month(lakeside.actor("bill"), month)
    bill = await at_browser(lakeside, "bill")
    claims = f"/month/{month}/claims"
    page = await bill.get(claims)
    assert "3 to look at." in words(page)
    assert "3 claims" in page, "a group says how many it is about, not how many it names"
    assert page.count(f"/month/{month}/unsigned/") == 2
    listed = await bill.get(f"{claims}?state=to_look_at")
    assert "3 claims of" in words(listed)
    assert "$285.00 together" in words(listed)
    found = re.findall(rf'href="(/month/{month}/unsigned/[^"]+)"', listed)
    (on,) = re.findall(r'rel="next" href="([^"]+)"', listed)
    assert not any(name.lower() in on.lower() for name in people.values()), "an address is logged"
    rest = await bill.get(html.unescape(on))
    found += re.findall(rf'href="(/month/{month}/unsigned/[^"]+)"', rest)
    assert [people[UUID(at.split("/")[4])] for at in found] == ["Mayerson", "Ng", "Walker"]
    assert 'rel="next"' not in rest
    assert f'rel="prev" href="{claims}?state=to_look_at"' in rest
    await (await at_browser(hillcrest, "bill")).get(f"{claims}?state=nonsense", 404)
    assert "No such claim now" in await (await at_browser(hillcrest, "bill")).get(html.unescape(on))

    chosen = [chosen_in(await bill.get(at))[0] for at in found]
    await bill.client.post(
        f"{claims}/sign",
        data={"_csrf": bill.csrf, "chosen": chosen, "looked": [one.split("|")[1] for one in chosen]},
    )
    page = words(await bill.get(claims))
    assert "3 signed." in page
    assert "3 claims together $285.00" in page
    assert "The first 2 of 3 by name." in page
    assert (await bill.get(f"{claims}/text")).count("99490") == 3
    assert (await bill.client.get(f"{claims}/csv")).text.count("99490") == 3


async def test_an_old_file_is_found_behind_many_newer_ones(
    lakeside: World, at_browser: Any, month: str, behind: AsyncEngine
) -> None:
    await stated(lakeside)
    await billable(lakeside, month)
    await close_month(lakeside.actor("bill"), month)
    bill = await at_browser(lakeside, "bill")
    claims = f"/month/{month}/claims"
    (at,) = re.findall(rf'href="(/month/{month}/unsigned/[^"]+)"', await bill.get(claims))
    (choice,) = chosen_in(await bill.get(at))
    await bill.send(f"{claims}/sign", {"chosen": choice, "looked": choice.split("|")[1]})
    await bill.send(f"{claims}/files", {})
    (file_at,) = re.findall(r'href="(/claims/files/[0-9a-f-]{36})"', await bill.get(claims))
    async with behind.begin() as connection:
        await connection.execute(
            text(
                "insert into interchange (tenant_id, id, submitter_id, receiver_id, receiver_name, control_number, "
                "production, claims, total, content, content_hash, made_at, made_by) select tenant_id, "
                "gen_random_uuid(), submitter_id, receiver_id, receiver_name, n + 1, production, claims, total, content, "
                "content_hash, made_at + n * interval '1 second', made_by from interchange, generate_series(1, 501) n "
                "where tenant_id = :t"
            ),
            {"t": lakeside.tenant_id},
        )
    assert "A test file" in await bill.get(file_at)


async def test_nothing_and_no_such_thing(lakeside: World, at_browser: Any, month: str) -> None:
    bill = await at_browser(lakeside, "bill")
    claims, drafts = f"/month/{month}/claims", f"/month/{month}/unsigned"
    assert "No claim comes of this month yet" in await bill.get(claims)
    assert "Nothing is signed yet" in await bill.get(f"{claims}/text")
    await bill.get(f"{claims}/csv", 404)
    await bill.get("/month/2026-13/claims", 404)
    nobody = "00000000-0000-7000-8000-000000000000"
    for place in (f"{drafts}/{nobody}/{nobody}", f"/claims/{nobody}", f"/claims/files/{nobody}", "/claims/x",
                  f"{drafts}/x/y"):  # fmt: skip
        await bill.get(place, 404)
    for place in (f"/claims/{nobody}/withdraw", f"/claims/{nobody}/refused", f"/claims/{nobody}/payer-number",
                  f"/claims/files/{nobody}"):  # fmt: skip
        await bill.send(place, {"note": "x", "refusal": "x", "number": "x"}, 404)
    assert "No signed claim waits to be sent" in (await bill.send(f"{claims}/files", {}, 422)).text
