"""Deciding about pieces of one's own time: in closed months, in parts, to the second, beside a page that still beats;
and what was decided already when a page comes back or the whole timer is discarded."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from claims.month_end import close_month
from newcomer import ago, key, local, say, written
from sqlalchemy.ext.asyncio import AsyncEngine

from server.graphql.enrollment import staff_id
from tests.minutes.conftest import CORRECT, VOID, Clock, Log
from tests.minutes.test_timers import CONTACT, Hand, aside, entries, in_care


@pytest.fixture
def nora(ask: Any, lakeside: World, clock: Clock) -> Hand:
    return Hand(ask, lakeside, "nora", clock)


LATE = "query ($id: ID!) { node(id: $id) { ... on TimeEntry { late reason seconds } } }"


# --- closed months ----------------------------------------------------------------------------------------------


async def test_over_the_edge_of_a_closed_month_it_is_split_and_entered_late(
    lakeside: World, hillcrest: World, ask: Any, nora: Hand, totals: Any
) -> None:
    ruth = await in_care(lakeside)
    nora.clock.at = local(lakeside, "2026-09-30T23:50")
    timer = await nora.work(await nora.start(ruth), 1200)
    await close_month(lakeside.actor("bill"), "2026-09")
    await nora.stop(timer)
    (waits,) = (await nora.mine())["toSortOut"]
    decide = {"timerStretchId": waits["id"], "decision": "KEEP", "reason": "A night call"}
    refused = await nora.do("decideStretch", **decide)
    assert (refused["code"], refused["field"]) == ("MONTH_CLOSED", "late")
    assert "Split it" in refused["nextStep"]
    midnight = written(local(lakeside, "2026-10-01T00:00"))
    split = await nora.do("decideStretch", **decide, startedAt=midnight)
    assert sorted((s["state"], s["seconds"]) for s in split["stretches"]) == [("ENTERED", 600), ("OPEN", 600)]
    (rest,) = (await nora.mine())["toSortOut"]
    assert (rest["kind"], rest["seconds"], rest["endedAt"]) == ("WORKED", 600, midnight)
    decide["timerStretchId"] = rest["id"]
    assert (await nora.do("decideStretch", **decide))["code"] == "MONTH_CLOSED"
    unsaid = await nora.do("decideStretch", **{**decide, "reason": None}, late=True)
    assert (unsaid["code"], unsaid["field"]) == ("LATE_WITHOUT_REASON", "reason")
    assert (await nora.do("decideStretch", **decide, late=True))["__typename"] == "Timer"
    found = [(await say(ask, lakeside, "nora", LATE, id=e["id"])) for e in await entries(ask, lakeside, ruth)]
    assert sorted((e["late"], e["seconds"], e["reason"]) for e in found) == [
        (False, 600, "A night call"), (True, 600, "A night call"),
    ]  # fmt: skip
    assert (await nora.mine())["toSortOut"] == []
    assert await totals(lakeside, ruth) == {("2026-09", "STAFF"): 600, ("2026-10", "STAFF"): 600}
    theirs = Hand(ask, hillcrest, "nora", nora.clock)
    assert (await theirs.do("decideStretch", **decide, late=True))["code"] == "NOT_FOUND"


async def test_a_contact_takes_the_timers_minutes_into_a_closed_month(
    lakeside: World, ask: Any, nora: Hand
) -> None:
    ruth = await in_care(lakeside)
    nora.clock.at = local(lakeside, "2026-09-20T10:00")
    timer = await nora.work(await nora.start(ruth), 300)
    await close_month(lakeside.actor("bill"), "2026-09")
    contact = {
        "patientId": ruth,
        "kind": "PHONE",
        "at": written(nora.clock.at),
        "program": "CCM",
        "note": "Well.",
    }
    given = {"encounter": contact, "spans": [], "timerId": timer["id"]}

    async def record(**more: Any) -> Any:
        return await say(ask, lakeside, "nora", CONTACT, input={**given, **more})

    assert (await record())["code"] == "LATE_WITHOUT_REASON"
    assert (await record(reason="The line was down"))["code"] == "MONTH_CLOSED"
    made = await record(reason="The line was down", late=True)
    (minutes,) = made["minutes"]
    entry = await say(ask, lakeside, "nora", LATE, id=minutes["id"])
    assert entry == {"late": True, "reason": "The line was down", "seconds": 300}
    assert (await nora.mine())["running"] is None


# --- in parts, to the second ------------------------------------------------------------------------------------


async def test_times_within_the_second_of_an_edge_are_that_edge(
    lakeside: World, ask: Any, nora: Hand
) -> None:
    ruth = await in_care(lakeside)
    nora.clock.at = ago(hours=2).replace(microsecond=300_000)
    timer = await nora.work(await nora.start(ruth), 60)
    nora.clock.on(milliseconds=400)
    await nora.work(timer, 600, idle=True)
    nora.clock.on(milliseconds=500)
    await nora.work(timer, 60)
    await nora.stop(timer)
    (silence,) = (await nora.mine())["toSortOut"]
    edges = [datetime.fromisoformat(silence[name]) for name in ("startedAt", "endedAt")]
    assert all(edge.microsecond for edge in edges), "edges that a form can show only cut"
    began, ended = (written(edge.replace(microsecond=0)) for edge in edges)
    decided = await nora.do(
        "decideStretch", timerStretchId=silence["id"], decision="KEEP", reason="On the phone",
        startedAt=began, endedAt=ended,
    )  # fmt: skip
    states = [s["state"] for s in decided["stretches"] if s["kind"] == "IDLE"]
    assert states == ["ENTERED"], "nothing is trimmed that nobody asked to trim"
    (entry,) = [e for e in await entries(ask, lakeside, ruth) if e["reason"] == "On the phone"]
    assert (entry["startedAt"], entry["endedAt"]) == (began, ended)


# --- beside a page that beats -----------------------------------------------------------------------------------


async def test_a_decision_holds_no_piece_while_it_waits_for_the_timer(
    lakeside: World, nora: Hand, behind: AsyncEngine
) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 60)
    await nora.work(timer, 400, idle=True)
    await nora.work(timer, 20)
    (silence,) = (await nora.mine())["toSortOut"]
    waits = sa.text(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )
    async with behind.connect() as beating, behind.connect() as looking:
        # A beat has locked the timer and comes to its pieces next.
        await beating.execute(
            sa.text("select id from timer where id = :id for no key update"), {"id": key(timer["id"])}
        )
        decided = asyncio.create_task(nora.do("decideStretch", timerStretchId=silence["id"], decision="KEEP"))
        for _ in range(200):
            await asyncio.sleep(0.02)
            if (await looking.execute(waits)).scalar_one():
                break
            await looking.rollback()
        else:
            pytest.fail("the decision did not wait for the timer")
        held = await beating.execute(
            sa.text("select id from timer_stretch where id = :id for no key update nowait"),
            {"id": key(silence["id"])},
        )
        assert held.scalar_one() == key(silence["id"])
        await beating.rollback()
        answer = await decided
    assert [s["state"] for s in answer["stretches"] if s["kind"] == "IDLE"] == ["KEPT"]
    assert timedelta(seconds=answer["seconds"]) == timedelta(seconds=480)


# --- decided already --------------------------------------------------------------------------------------------


async def test_what_its_owner_trimmed_does_not_count_when_the_page_comes_back(
    lakeside: World, ask: Any, nora: Hand, log: Log
) -> None:
    ruth, james = await in_care(lakeside), await in_care(lakeside, "Lindqvist")
    timer = await nora.start(ruth)
    start = nora.clock.at
    await nora.work(timer, 600)
    await log(lakeside, james, start, start + timedelta(seconds=120))
    nora.clock.on(minutes=11)
    await aside(lakeside, timer)
    (refused,) = (await nora.mine())["toSortOut"]
    assert (refused["kind"], refused["code"]) == ("WORKED", "OVERLAPS")
    await nora.do("decideStretch", timerStretchId=refused["id"], decision="TRIM", reason="Not hers")
    back = await nora.beat(timer, busy=660)
    assert back["state"] == "SET_ASIDE"
    (late,) = (await nora.mine())["toSortOut"]
    assert (late["kind"], late["state"], late["seconds"]) == ("UNSEEN", "OPEN", 660)
    await nora.work(timer, 60)
    await nora.stop(timer)
    assert await entries(ask, lakeside, ruth) == []
    trimmed = [s for s in (await nora.beat(timer))["stretches"] if s["kind"] == "WORKED"]
    assert [(s["state"], s["seconds"], s["reason"]) for s in trimmed] == [("TRIMMED", 600, "Not hers")]


async def test_discarding_takes_back_the_silences_that_were_kept(
    lakeside: World, ask: Any, nora: Hand
) -> None:
    ruth, james = await in_care(lakeside), await in_care(lakeside, "Lindqvist")
    timer = await nora.work(await nora.start(ruth), 60)
    for _ in range(3):
        await nora.work(timer, 400, idle=True)
        await nora.work(timer, 60)
    nora.clock.on(minutes=11)
    await aside(lakeside, timer)
    kept, given, by_hand = (await nora.mine())["toSortOut"]
    decide = {"reason": "On the phone", "decision": "KEEP"}
    await nora.do("decideStretch", timerStretchId=kept["id"], **decide)
    await nora.do("decideStretch", timerStretchId=by_hand["id"], **decide)
    await nora.do(
        "decideStretch", timerStretchId=given["id"], **{**decide, "decision": "REASSIGN", "patientId": james}
    )
    held = {e["startedAt"]: e for e in await entries(ask, lakeside, ruth) if e["reason"] == "On the phone"}
    assert len(held) == 2
    taken_back = {"timeEntryId": held[by_hand["startedAt"]]["id"], "reason": "Wrong"}
    await say(ask, lakeside, "nora", VOID, input=taken_back)
    gone = await nora.do("discardTimer", timerId=timer["id"], reason="I was elsewhere")
    assert gone["state"] == "DISCARDED"
    silences = Counter((s["state"], s["reason"]) for s in gone["stretches"])
    assert silences == {("DISCARDED", "I was elsewhere"): 2, ("ENTERED", "On the phone"): 1}
    assert await entries(ask, lakeside, ruth) == [], "nothing of it counts"
    assert [e["seconds"] for e in await entries(ask, lakeside, james)] == [400]


async def test_discarding_is_refused_where_a_kept_silence_was_corrected(
    lakeside: World, ask: Any, nora: Hand
) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 60)
    await nora.work(timer, 400, idle=True)
    await nora.work(timer, 60)
    nora.clock.on(minutes=11)
    await aside(lakeside, timer)
    (silence,) = (await nora.mine())["toSortOut"]
    await nora.do("decideStretch", timerStretchId=silence["id"], decision="KEEP", reason="On the phone")
    before = await entries(ask, lakeside, ruth)
    (kept,) = [e for e in before if e["reason"] == "On the phone"]
    change = {"timeEntryId": kept["id"], "changes": {"activity": "EDUCATION"}, "reason": "Taught"}
    await say(ask, lakeside, "nora", CORRECT, input=change)
    refused = await nora.do("discardTimer", timerId=timer["id"])
    assert refused["code"] == "ALREADY_DECIDED"
    assert len(await entries(ask, lakeside, ruth)) == len(before) == 3, "all of it or nothing"


async def test_the_timer_is_not_a_colleagues_contact(
    lakeside: World, hillcrest: World, ask: Any, nora: Hand
) -> None:
    ruth = await in_care(lakeside)
    timer = await nora.work(await nora.start(ruth), 300)
    contact = {
        "patientId": ruth, "kind": "PHONE", "at": written(nora.clock.at), "program": "CCM", "note": "Well.",
        "staffId": staff_id(lakeside.staff["rosa"]),
    }  # fmt: skip
    given = {"encounter": contact, "spans": [], "timerId": timer["id"], "reason": "For Rosa"}
    refused = await say(ask, lakeside, "nora", CONTACT, input=given)
    assert refused["code"] == "TIMER_IS_YOURS"
    assert (await nora.mine())["running"]["seconds"] == 300
    contact["staffId"] = staff_id(lakeside.staff["nora"])
    made = await say(ask, lakeside, "nora", CONTACT, input=given)
    assert [minutes["seconds"] for minutes in made["minutes"]] == [300]
    assert (await ask(hillcrest, "nora", CONTACT, input=given))["data"]["recordContact"][
        "code"
    ] == "NOT_FOUND"
