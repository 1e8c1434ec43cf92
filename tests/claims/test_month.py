"""Closing a month through GraphQL: acceptance test 10 of the requirements, and what stands around it."""

import asyncio
from typing import Any

import sqlalchemy as sa
from cast import World
from claims import care
from claims.closing import CLOSE, asked, came_to, close, decisions
from sqlalchemy.ext.asyncio import AsyncEngine

from server.worker import drain_once, gather_kinds


async def test_twelve_and_nine_minutes_make_one_line_however_often_it_is_closed(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    month = care.last_month(lakeside.zone)
    ruth = await care.someone_in_care(lakeside, month)
    await care.minutes(lakeside, ruth, month, 12, 9)
    first = await close(ask, lakeside, month)
    assert (first["patients"], first["lines"], first["unchanged"]) == (1, 1, 0), await decisions(
        ask, lakeside, month
    )
    (node,) = await decisions(ask, lakeside, month)
    (line,) = node["lines"]
    assert (line["code"], line["units"]) == ("99490", 1)
    assert len(line["entryIds"]) == 2
    assert line["citations"]
    assert line["sentence"]
    assert line["whatWouldChange"]
    assert node["plugin"] == "billing_medicare"
    assert len(node["ruleSetHash"]) == len(node["factsFingerprint"]) == 64

    again = await close(ask, lakeside, month)
    assert (again["lines"], again["unchanged"], again["resultHash"]) == (1, 1, first["resultHash"])
    assert (await decisions(ask, lakeside, month))[0]["version"] == 1
    assert await decisions(ask, hillcrest, month) == []
    assert (await close(ask, hillcrest, month))["patients"] == 0


async def test_nineteen_minutes_make_a_hold_with_its_reason(lakeside: World, ask: Any) -> None:
    month = care.last_month(lakeside.zone)
    ruth = await care.someone_in_care(lakeside, month)
    await care.minutes(lakeside, ruth, month, 10, 9)
    await close(ask, lakeside, month)
    (node,) = await decisions(ask, lakeside, month)
    assert node["lines"] == []
    (hold,) = node["holds"]
    assert hold["reason"] == "BELOW_20"
    assert hold["citations"]
    assert "more minute" not in (hold["sentence"] + hold["nextStep"] + hold["whatWouldChange"])

    await care.minutes(lakeside, ruth, month, 2, who="rosa", late=True)
    changed = await close(ask, lakeside, month)
    assert (changed["lines"], changed["unchanged"]) == (1, 0)
    (node,) = await decisions(ask, lakeside, month)
    assert (node["version"], node["lines"][0]["code"], node["holds"]) == (2, "99490", [])


async def test_whatever_is_missing_is_named(lakeside: World, ask: Any) -> None:
    month = care.last_month(lakeside.zone)
    left_out: dict[str, dict[str, Any]] = {
        "NO_CONSENT": {"consent": False},
        "NO_CARE_PLAN": {"plan": False},
        "NO_INITIATING_VISIT": {"visit": False},
        "NEEDS_2_CHRONIC": {"codes": ("I50.22",)},
        "NO_COVERAGE": {"covered": False},
        "MANUAL_REVIEW": {"payer": "unknown"},
    }
    for number, (reason, without) in enumerate(left_out.items()):
        person = await care.someone_in_care(lakeside, month, name=reason, **without)
        await care.minutes(lakeside, person, month, 25, hour=8 + number)
    await close(ask, lakeside, month)
    found = {
        node["patientName"].removeprefix("Ruth "): ([h["reason"] for h in node["holds"]], node["lines"])
        for node in await decisions(ask, lakeside, month)
    }
    assert found == {reason: ([reason], []) for reason in left_out}


async def test_the_payer_down_the_road_counts_the_same_call_otherwise(lakeside: World, ask: Any) -> None:
    month = care.last_month(lakeside.zone)
    ruth = await care.someone_in_care(lakeside, month, payer="bcbsm", program="pdcm")
    await care.minutes(lakeside, ruth, month, 12, program="pdcm", with_patient=True)
    await close(ask, lakeside, month)
    (node,) = await decisions(ask, lakeside, month)
    assert node["plugin"] == "payer_bcbsm"
    assert [line["code"] for line in node["lines"]] == ["98967"], node["holds"]


async def test_eight_closings_at_once_store_one_answer(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    month = care.last_month(lakeside.zone)
    for number in range(3):
        ruth = await care.someone_in_care(lakeside, month, name=f"Walker{number}")
        await care.minutes(lakeside, ruth, month, 21 + number, who=("nora", "rosa", "mika")[number])
    runs = await asyncio.gather(*(asked(ask, lakeside, month) for _ in range(8)))
    assert len({run["id"] for run in runs}) == 1
    gather_kinds()
    await asyncio.gather(*(drain_once() for _ in range(3)))
    ended = [await came_to(ask, lakeside, run) for run in runs]
    assert {(run["state"], run["patients"], run["decided"]) for run in ended} == {("done", 3, 3)}
    assert len({run["resultHash"] for run in ended}) == 1
    async with behind.connect() as connection:
        stored = await connection.scalar(
            sa.text("select count(*) from month_decision where tenant_id = :t"), {"t": lakeside.tenant_id}
        )
    assert stored == 3


async def test_a_month_that_is_not_over_and_one_that_is_none(lakeside: World, ask: Any) -> None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    this = f"{datetime.now(ZoneInfo(lakeside.zone)):%Y-%m}"
    assert (await asked(ask, lakeside, this))["code"] == "MONTH_NOT_OVER"
    for none in ("2026-13", "9999-12", "0001-01", "1899-12", "2100-01", "２０26-01"):
        assert (await asked(ask, lakeside, none))["code"] == "BAD_MONTH", none
    answer = await ask(lakeside, "nora", CLOSE, month="2026-01")
    assert answer["data"]["closeMonth"]["code"] == "NOT_ALLOWED"
