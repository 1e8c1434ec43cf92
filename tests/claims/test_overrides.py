"""What a person may decide about a month, with a reason, and what nobody may."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from cast import World
from claims import care
from claims.closing import close
from sqlalchemy.ext.asyncio import AsyncEngine

from server.enrollment.prerequisites import record_other_service
from server.graphql.connections import global_id
from server.tenants.db import tenant_db

OVERRIDE = """mutation ($input: OverrideMonthInput!) { overrideMonth(input: $input) {
  ... on MonthOverride { id kind target reason inForce madeBy } ... on Refusal { code message field } } }"""
WITHDRAW = """mutation ($input: WithdrawOverrideInput!) { withdrawOverride(input: $input) {
  ... on MonthOverride { id withdraws reason } ... on Refusal { code } } }"""
MADE = """query ($id: ID!, $month: Line!) { monthOverrides(patientId: $id, month: $month) { target inForce withdraws } }"""
NEWEST = """query ($month: Line!) { monthDecisions(month: $month) { edges { node {
  version policy lines { code units amount } holds { reason mendable mayAccept } changes { kind sentence } } } } }"""


async def newest(ask: Any, world: World, month: str) -> dict[str, Any]:
    answer = await ask(world, "bill", NEWEST, month=month)
    assert not answer["errors"], answer
    (edge,) = answer["data"]["monthDecisions"]["edges"]
    return edge["node"]  # type: ignore[no-any-return]


async def decide(
    ask: Any, world: World, patient: Any, month: str, who: str = "bill", **given: Any
) -> dict[str, Any]:
    given = {
        "patientId": global_id("Patient", patient),
        "month": month,
        "reason": "She asked us not to",
        **given,
    }
    answer = await ask(world, who, OVERRIDE, input=given)
    assert not answer["errors"], answer
    return answer["data"]["overrideMonth"]  # type: ignore[no-any-return]


async def test_not_billing_is_always_a_persons_to_decide_and_stays_until_taken_back(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    month = care.last_month(lakeside.zone)
    ruth = await care.someone_in_care(lakeside, month)
    await care.minutes(lakeside, ruth, month, 25, 20)
    assert (await decide(ask, lakeside, ruth, month, kind="WITHHOLD"))["code"] == "NOTHING_DECIDED"
    await close(ask, lakeside, month)
    codes = [line["code"] for line in (await newest(ask, lakeside, month))["lines"]]
    assert codes == ["99490", "99439"]

    assert (await decide(ask, lakeside, ruth, month, kind="WITHHOLD", target="99487"))["code"] == "NOT_A_LINE"
    assert (await decide(ask, lakeside, ruth, month, who="nora", kind="WITHHOLD"))["code"] == "NOT_ALLOWED"
    assert (await decide(ask, hillcrest, ruth, month, kind="WITHHOLD"))["code"] == "NOT_FOUND"
    made = await decide(ask, lakeside, ruth, month, kind="WITHHOLD", target="99490")
    assert (made["inForce"], made["madeBy"]) == (True, "Bill Janssen")
    again = await decide(ask, lakeside, ruth, month, kind="WITHHOLD", target="99490")
    assert again["code"] == "ALREADY_CHOSEN"

    for _ in range(2):  # sticky: however often it is closed
        await close(ask, lakeside, month)
        node = await newest(ask, lakeside, month)
        assert node["lines"] == [], "an add-on does not stand without its base"
        assert [hold["reason"] for hold in node["holds"]] == ["WITHHELD", "WITHHELD"]
        assert node["version"] == 2
    assert {"line_removed", "hold_added"} <= {change["kind"] for change in node["changes"]}
    assert any("99490" in change["sentence"] for change in node["changes"])

    given = {"overrideId": made["id"], "reason": "She agreed after all"}
    back = (await ask(lakeside, "bill", WITHDRAW, input=given))["data"]["withdrawOverride"]
    assert back["withdraws"] == made["id"]
    assert (await ask(lakeside, "bill", WITHDRAW, input=given))["data"]["withdrawOverride"]["code"] == (
        "ALREADY_WITHDRAWN"
    )
    theirs = (await ask(hillcrest, "bill", WITHDRAW, input=given))["data"]["withdrawOverride"]
    assert theirs["code"] == "NOT_FOUND"
    await close(ask, lakeside, month)
    node = await newest(ask, lakeside, month)
    assert ([line["code"] for line in node["lines"]], node["version"]) == (codes, 3)
    listed = await ask(lakeside, "bill", MADE, id=global_id("Patient", ruth), month=month)
    assert [one["inForce"] for one in listed["data"]["monthOverrides"]] == [False, False]


async def test_the_other_permitted_answer_can_be_chosen(lakeside: World, ask: Any) -> None:
    month = care.last_month(lakeside.zone)
    ruth = await care.someone_in_care(lakeside, month)
    await care.minutes(lakeside, ruth, month, 25)
    await care.minutes(lakeside, ruth, month, 95, who="dr_lin", hour=17)
    await close(ask, lakeside, month)
    before = await newest(ask, lakeside, month)
    chosen = await decide(ask, lakeside, ruth, month, kind="CHOOSE", target="max")
    assert chosen.get("inForce"), chosen
    await close(ask, lakeside, month)
    node = await newest(ask, lakeside, month)
    assert (before["policy"], node["policy"]) == ("accurate", "max")
    assert "policy" in {change["kind"] for change in node["changes"]}
    assert (await decide(ask, lakeside, ruth, month, kind="CHOOSE", target="best"))[
        "code"
    ] == "ALREADY_CHOSEN"


async def test_billing_truth_is_not_for_a_person_to_decide(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = care.last_month(lakeside.zone)
    for number, (name, without, minutes) in enumerate(
        (
            ("Consent", {"consent": False}, 25),
            ("Minutes", {}, 19),
            ("Cover", {"covered": False}, 25),
        )
    ):
        person = await care.someone_in_care(lakeside, month, name=name, **without)  # type: ignore[arg-type]
        await care.minutes(lakeside, person, month, minutes, hour=8 + number)
    await close(ask, lakeside, month)
    async with behind.connect() as connection:
        held = (
            await connection.execute(
                sa.text("select patient_id, reason from claim_hold where tenant_id = :t"),
                {"t": lakeside.tenant_id},
            )
        ).all()
    assert {reason for _, reason in held} >= {"NO_CONSENT", "BELOW_20", "NO_COVERAGE"}
    for patient, reason in held:
        refused = await decide(ask, lakeside, patient, month, kind="ACCEPT", target=reason)
        assert refused["code"] == "NOT_FOR_A_PERSON", (reason, refused)


async def test_anothers_claim_known_by_hearsay_can_be_checked_and_found_not_to_stand(
    lakeside: World, ask: Any
) -> None:
    month = care.last_month(lakeside.zone)
    ruth = await care.someone_in_care(lakeside, month)
    await care.minutes(lakeside, ruth, month, 25)
    nora = lakeside.actor("nora")
    async with tenant_db(nora) as db:
        await record_other_service(
            db,
            nora,
            ruth,
            code="99490",
            on_date=date.fromisoformat(f"{month}-10"),
            practitioner_id=None,
            note="",
        )
    await close(ask, lakeside, month)
    node = await newest(ask, lakeside, month)
    open_ones = [hold["reason"] for hold in node["holds"] if hold["mayAccept"]]
    assert open_ones, node
    assert node["lines"] == []
    for reason in open_ones:
        made = await decide(
            ask, lakeside, ruth, month, kind="ACCEPT", target=reason, reason="They withdrew it"
        )
        assert made.get("inForce"), made
    await close(ask, lakeside, month)
    node = await newest(ask, lakeside, month)
    assert [line["code"] for line in node["lines"]] == ["99490"], node


async def test_the_page_offers_it_and_shows_what_changed(
    lakeside: World, ask: Any, browse: Any, drain: Any
) -> None:
    month = care.last_month(lakeside.zone)
    ruth = await care.someone_in_care(lakeside, month)
    await care.minutes(lakeside, ruth, month, 25)
    await close(ask, lakeside, month)
    client = browse(lakeside, "bill")
    place = f"/month/{month}/{ruth}"
    page = (await client.get(place)).text
    assert "Do not bill anything of this month" in page
    import re

    csrf = re.search(r'name="_csrf" value="([^"]+)"', page)
    assert csrf
    send = {"_csrf": csrf[1], "choice": "withhold:"}
    refused = await client.post(f"{place}/choose", data=send | {"reason": " "})
    assert refused.status_code == 422
    assert "show to an auditor" in refused.text
    kept = await client.post(f"{place}/choose", data=send | {"reason": "She asked us not to"})
    assert kept.status_code == 303
    await close(ask, lakeside, month)
    page = (await client.get(place)).text
    for words in ("What changed since the version before", "99490", "She asked us not to", "In force"):
        assert words in page, words
