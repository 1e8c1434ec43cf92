"""Minutes of a closed month: refused, or entered as late with a reason; told, and decided by the next closing."""

import asyncio
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from claims import care
from claims.closing import asked, close, decisions
from sqlalchemy.ext.asyncio import AsyncEngine

from server.errors import Refused
from server.graphql.connections import global_id
from server.minutes.actions import NewMinutes, log_minutes
from server.tenants.db import tenant_db
from server.worker import drain_once, gather_kinds

LOG = """mutation ($input: LogMinutesInput!) { logMinutes(input: $input) {
  ... on TimeEntry { id late reason } ... on Refusal { code message nextStep field } } }"""
CORRECT = """mutation ($input: CorrectMinutesInput!) { correctMinutes(input: $input) {
  ... on TimeEntry { id late } ... on Refusal { code field } } }"""
VOID = """mutation ($input: VoidMinutesInput!) { voidMinutes(input: $input) {
  ... on TimeEntry { id late } ... on Refusal { code field } } }"""
CHANGED = "{ monthCloses { month changedSince { people lastAt } } }"


async def changed(ask: Any, world: World, month: str) -> int:
    answer = await ask(world, "bill", CHANGED)
    assert not answer["errors"], answer
    (row,) = [row for row in answer["data"]["monthCloses"] if row["month"] == month]
    return row["changedSince"]["people"] if row["changedSince"] else 0


def span(world: World, patient: Any, start: Any, length: int, **more: Any) -> dict[str, Any]:
    return {
        "patientId": global_id("Patient", patient),
        "program": "CCM",
        "activity": "CONTACT",
        "startedAt": start.isoformat(),
        "endedAt": (start + timedelta(minutes=length)).isoformat(),
        **more,
    }


async def test_a_closed_month_takes_minutes_only_as_late_and_with_a_reason(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    month = care.last_month(lakeside.zone)
    ruth = await care.someone_in_care(lakeside, month)
    await care.minutes(lakeside, ruth, month, 12, 9)
    await close(ask, lakeside, month)
    assert await changed(ask, lakeside, month) == 0

    start = care.at(lakeside, month, 20, 9)
    refused = (await ask(lakeside, "nora", LOG, input=span(lakeside, ruth, start, 5, reason="Forgotten")))[
        "data"
    ]
    refused = refused["logMinutes"]
    assert (refused["code"], refused["field"]) == ("MONTH_CLOSED", "late")
    assert "was closed on" in refused["message"]
    assert "as late" in refused["nextStep"]
    without = (await ask(lakeside, "nora", LOG, input=span(lakeside, ruth, start, 5, late=True)))["data"]
    assert without["logMinutes"]["code"] == "LATE_WITHOUT_REASON"
    taken = (
        await ask(
            lakeside, "nora", LOG, input=span(lakeside, ruth, start, 5, late=True, reason="From my notes")
        )
    )["data"]["logMinutes"]
    assert (taken["late"], taken["reason"]) == (True, "From my notes")
    assert await changed(ask, lakeside, month) == 1

    for document, name, more in (
        (CORRECT, "correctMinutes", {"changes": {"activity": "PLAN_WORK"}, "reason": "It was the plan"}),
        (VOID, "voidMinutes", {"reason": "It was somebody else"}),
    ):
        given = {"timeEntryId": taken["id"], **more}
        assert (await ask(lakeside, "nora", document, input=given))["data"][name]["code"] == "MONTH_CLOSED"
        taken = (await ask(lakeside, "nora", document, input=given | {"late": True}))["data"][name]
        assert taken["late"], taken

    await care.minutes(lakeside, ruth, month, 6, who="rosa", late=True)
    again = await close(ask, lakeside, month)
    assert again["unchanged"] == 0
    assert (await decisions(ask, lakeside, month))[0]["version"] == 2
    assert await changed(ask, lakeside, month) == 0

    # Another practice's months are its own.
    theirs = await care.someone_in_care(hillcrest, month)
    await care.minutes(hillcrest, theirs, month, 3)


async def test_a_span_across_the_edge_is_split_or_wholly_late(lakeside: World, ask: Any) -> None:
    month = care.last_month(lakeside.zone)
    ruth = await care.someone_in_care(lakeside, month)
    await close(ask, lakeside, month)
    year, number = map(int, month.split("-"))
    following = f"{year + number // 12}-{number % 12 + 1:02d}"
    start = care.at(lakeside, following, 1, 0) - timedelta(minutes=10)
    given = span(lakeside, ruth, start, 20, reason="A long evening")
    refused = (await ask(lakeside, "nora", LOG, input=given))["data"]["logMinutes"]
    assert refused["code"] == "MONTH_CLOSED"
    assert refused["nextStep"].startswith("Split it")
    after = span(lakeside, ruth, care.at(lakeside, following, 1, 0), 10, reason="A long evening")
    assert (await ask(lakeside, "nora", LOG, input=after))["data"]["logMinutes"]["late"] is False
    whole = span(lakeside, ruth, start, 10, late=True, reason="A long evening")
    assert (await ask(lakeside, "nora", LOG, input=whole))["data"]["logMinutes"]["late"] is True


@pytest.mark.parametrize("order", ["entry first", "closing first"])
async def test_what_is_entered_while_a_month_is_being_closed_is_decided_or_told(
    lakeside: World, ask: Any, order: str
) -> None:
    """Entered before the closing begins, it waits for the commit and decides with it; after, it is marked."""
    month = care.last_month(lakeside.zone)
    ruth = await care.someone_in_care(lakeside, month)
    nora = lakeside.actor("nora")
    start = care.at(lakeside, month, 9, 9)
    new = NewMinutes("ccm", "contact", start, start + timedelta(minutes=25), mode="phone", reason="Late")
    gather_kinds()
    if order == "entry first":
        async with tenant_db(nora) as db:
            await log_minutes(db, nora, ruth, new)
            asking = asyncio.create_task(asked(ask, lakeside, month))
            await asyncio.sleep(0.3)
            assert not asking.done(), "a closing began beside an entry that was not committed"
        await asking
        await drain_once()
        (node,) = await decisions(ask, lakeside, month)
        assert node["lines"]
        assert await changed(ask, lakeside, month) == 0
    else:
        await asked(ask, lakeside, month)
        async with tenant_db(nora) as db:
            await log_minutes(db, nora, ruth, new)
        assert await changed(ask, lakeside, month) == 1
        await drain_once()
        (node,) = await decisions(ask, lakeside, month)
        assert node["lines"]
        assert await changed(ask, lakeside, month) == 0


async def test_the_first_hour_of_a_month_on_the_practices_clock_is_not_the_last_of_the_one_before(
    lakeside: World, ask: Any
) -> None:
    month = care.last_month(lakeside.zone)
    ruth = await care.someone_in_care(lakeside, month)
    await close(ask, lakeside, month)
    year, number = map(int, month.split("-"))
    following = f"{year + number // 12}-{number % 12 + 1:02d}"
    nora = lakeside.actor("nora")
    first = care.at(lakeside, following, 1, 0)
    for start, refused in ((first - timedelta(minutes=1), True), (first, False)):
        new = NewMinutes("ccm", "contact", start, start + timedelta(seconds=60), reason="Night")
        with pytest.raises(Refused, match="MONTH_CLOSED") if refused else nullcontext():
            async with tenant_db(nora) as db:
                await log_minutes(db, nora, ruth, new)


async def test_the_page_says_it_changed(lakeside: World, ask: Any, browse: Any, behind: AsyncEngine) -> None:
    month = care.last_month(lakeside.zone)
    ruth = await care.someone_in_care(lakeside, month)
    await close(ask, lakeside, month)
    client = browse(lakeside, "bill")
    assert "Changed since" not in (await client.get(f"/month/{month}")).text
    await care.minutes(lakeside, ruth, month, 25, late=True)
    page = (await client.get(f"/month/{month}")).text
    assert "Changed since it was closed" in page
    assert "Ruth Walker" in page
    assert "Changed since" in (await client.get("/month")).text
    async with behind.connect() as connection:
        late = await connection.scalar(
            sa.text("select count(*) from time_entry where tenant_id = :t and late"),
            {"t": lakeside.tenant_id},
        )
    assert late == 1
