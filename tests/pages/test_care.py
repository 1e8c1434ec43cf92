"""The whole path on pages: from a registered person to the line of a closed month, and what stands in the way."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cast import World

TOLD = ["availability", "cost_share", "one_practitioner", "right_to_stop"]


def token(page: str) -> str:
    found = re.search(r'name="_csrf" value="([^"]+)"', page)
    assert found, page[:400]
    return found[1]


def last_month(zone: str) -> str:
    first = datetime.now(ZoneInfo(zone)).date().replace(day=1)
    return f"{first - timedelta(days=1):%Y-%m}"


@dataclass
class Hand:
    """Somebody at a browser: sends forms with the token of their sign-in."""

    client: Any
    csrf: str

    async def get(self, address: str) -> str:
        answer = await self.client.get(address)
        assert answer.status_code == 200, (address, answer.status_code, answer.text[:1500])
        return str(answer.text)

    async def send(self, address: str, status: int = 303, /, **fields: Any) -> Any:
        answer = await self.client.post(address, data={"_csrf": self.csrf, **fields})
        assert answer.status_code == status, (address, answer.status_code, answer.text[:4000])
        return answer


async def hand(browse: Callable[..., Any], world: World, who: str) -> Hand:
    client = browse(world, who)
    return Hand(client, token((await client.get("/")).text))


async def registered(world: World, browse: Any) -> str:
    """The address of Ruth's page: insured by Medicare, two lasting conditions chosen."""
    fred, nora = await hand(browse, world, "fred"), await hand(browse, world, "nora")
    new = await fred.send("/people/new", given_names="Ruth", family_name="Walker", birth_date="1944-05-02")
    ruth = str(new.headers["location"])
    await fred.send(f"{ruth}/coverages", payer_id=str(world.payers["medicare_part_b"]), from_on="2020-01-01")
    for code in ("I50.22", "E11.9"):
        await nora.send(f"{ruth}/diagnoses", code=code, chronic="yes", from_on="2024-01-02")
    return ruth


async def in_care(world: World, browse: Any) -> str:
    """Ruth, in the program since before last month: agreed, planned, seen."""
    ruth = await registered(world, browse)
    nora = await hand(browse, world, "nora")
    before = (date.fromisoformat(f"{last_month(world.zone)}-01") - timedelta(days=20)).isoformat()
    lin = str(world.staff["dr_lin"])
    await nora.send(f"{ruth}/programs", program="ccm", practitioner_id=lin, started_on=before,
                    contact_frequency="every other Tuesday")  # fmt: skip
    consent = await nora.get(f"{ruth}/consent/ccm")
    assert "It is your choice" in consent
    assert 'name="told" value="cost_share" checked' not in consent
    wording = re.search(r'name="wording_version" value="([^"]+)"', consent)
    assert wording
    await nora.send(
        f"{ruth}/consent/ccm/given", told=TOLD, method="verbal", given_by="patient", day=before, time="10:00",
        practitioner_id=lin, wording_version=wording[1], language="en",
    )  # fmt: skip
    plan = await nora.send(f"{ruth}/plan", program="ccm", dated_on=before, goals="Walk to church on Sundays",
                           steps="Tom drives on Fridays", supports="Tom, next door", based_on="0")  # fmt: skip
    await nora.send(f"{plan.headers['location']}/copies", given_on=before, how="paper", to_whom="Ruth")
    await nora.send(f"{ruth}/visits", kind="office_visit", visited_on=before, practitioner_id=lin,
                    initiating_for="ccm")  # fmt: skip
    return ruth


Contact = Callable[..., Awaitable[Any]]


async def spoke(nora: Hand, ruth: str, month: str, on: int, minutes: int, status: int = 303, **more: Any) -> Any:
    given = {
        "kind": "phone", "on": f"{month}-{on:02}", "began": "14:00", "minutes": str(minutes), "program": "ccm",
        "outcome": "reached", "note": "Sleeps better", "reason": "From my notebook",
    }  # fmt: skip
    return await nora.send(f"{ruth}/contacts", status, **(given | more))


async def test_from_a_name_to_a_line_and_its_source(lakeside: World, hillcrest: World, browse: Any) -> None:
    ruth, month = await in_care(lakeside, browse), last_month(lakeside.zone)
    nora, bill = await hand(browse, lakeside, "nora"), await hand(browse, lakeside, "bill")
    await spoke(nora, ruth, month, 5, 12, next_step="Ask about the evening tablet")
    await spoke(nora, ruth, month, 12, 9)

    page = await nora.get(ruth)
    for words in (
        "Walk to church on Sundays", "A copy was given to Ruth", "spoken; told about what it offers, the cost",
        "every other Tuesday", "Phone call, 12 min", "Ask about the evening tablet", "Office visit with Lin Wei",
        "Write down a contact with Ruth",
    ):  # fmt: skip
        assert words in page, words
    assert "21 min" not in page
    assert "21 min" in await nora.get(f"{ruth}/minutes")

    assert "Can be closed" in await bill.get("/month")
    closed = await bill.send(f"/month/{month}/close")
    assert closed.headers["location"] == f"/month/{month}"
    page = await bill.get(f"/month/{month}")
    assert "1 person; 1 with a line." in page
    for words in ("Ruth Walker, 99490", "Nora Feld", "12 min", "9 min", "What would change it", "reviewed", "$"):
        assert words in page, words
    proof = await bill.get(f"/month/{month}/{ruth.rpartition('/')[2]}")
    for words in ("billing_medicare", "Version", "Facts it rests on", "Rule set"):
        assert words in proof, words

    again = await bill.client.post(f"/month/{month}/close", data={"_csrf": bill.csrf}, follow_redirects=True)
    assert "nothing changed" in again.text

    theirs = await hand(browse, hillcrest, "bill")
    assert (await theirs.client.get(f"/month/{month}/{ruth.rpartition('/')[2]}")).status_code == 404
    assert "Walker" not in await theirs.get(f"/month/{month}")


async def test_nineteen_minutes_are_held_with_the_reason_and_nobody_is_told_to_do_more(
    lakeside: World, browse: Any
) -> None:
    ruth, month = await in_care(lakeside, browse), last_month(lakeside.zone)
    nora, bill = await hand(browse, lakeside, "nora"), await hand(browse, lakeside, "bill")
    await spoke(nora, ruth, month, 5, 10)
    await spoke(nora, ruth, month, 12, 9)
    await bill.send(f"/month/{month}/close")
    page = await bill.get(f"/month/{month}")
    assert "1 person; 1 not billable." in page
    assert "19 whole minutes count" in page
    assert "nothing is to be done" in page
    assert "more minute" not in page


async def test_what_is_missing_is_grouped_by_what_mends_it(lakeside: World, browse: Any) -> None:
    ruth, month = await registered(lakeside, browse), last_month(lakeside.zone)
    nora, bill = await hand(browse, lakeside, "nora"), await hand(browse, lakeside, "bill")
    before = f"{month}-01"
    await nora.send(f"{ruth}/programs", program="ccm", practitioner_id=str(lakeside.staff["dr_lin"]), started_on=before)
    await spoke(nora, ruth, month, 5, 25)
    await bill.send(f"/month/{month}/close")
    page = await bill.get(f"/month/{month}")
    assert "1 waiting for something you can mend" in page
    for words in ("An answer about the program", "A plan to be written", f"{ruth}/consent/ccm", f"{ruth}/plan"):
        assert words in page, words


async def test_a_payer_nobody_knows_waits_for_a_person(lakeside: World, browse: Any) -> None:
    fred, nora = await hand(browse, lakeside, "fred"), await hand(browse, lakeside, "nora")
    bill, month = await hand(browse, lakeside, "bill"), last_month(lakeside.zone)
    new = await fred.send("/people/new", given_names="Otto", family_name="Berg", birth_date="1950-01-05")
    otto = str(new.headers["location"])
    await fred.send(f"{otto}/coverages", payer_id=str(lakeside.payers["unknown"]), from_on="2020-01-01")
    await spoke(nora, otto, month, 5, 25)
    await bill.send(f"/month/{month}/close")
    page = await bill.get(f"/month/{month}")
    assert "Waiting for a person" in page
    assert "Acme Mutual" in page


async def test_a_month_that_is_not_over_is_not_closed(lakeside: World, browse: Any) -> None:
    bill = await hand(browse, lakeside, "bill")
    this = f"{datetime.now(ZoneInfo(lakeside.zone)):%Y-%m}"
    refused = await bill.send(f"/month/{this}/close", 422)
    assert "is not over yet" in refused.text
    assert (await bill.client.get("/month/2026-13")).status_code == 404
    assert (await bill.client.get("/month/what")).status_code == 404
