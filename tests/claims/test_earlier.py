"""What was billed in an earlier month and is paid once is known to the months after it."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from cast import World
from claims import care, closing
from sqlalchemy.ext.asyncio import AsyncEngine

from server.claims.overrides import override_month
from server.enrollment.actions import end_enrollment
from server.enrollment.prerequisites import (
    NewPractitionerVisit,
    record_practitioner_visit,
    withdraw_practitioner_visit,
)
from server.graphql.connections import global_id
from server.tenants.db import tenant_db

PLANNING = "G0506"
LINES = """query ($month: Line!) { monthDecisions(month: $month) { edges { node { patientName lines { code } } } } }"""


def month_before(month: str) -> str:
    return f"{date.fromisoformat(f'{month}-01') - timedelta(days=1):%Y-%m}"


async def planned(world: World, patient: UUID, month: str, by: str = "dr_lin") -> UUID:
    """An initiating visit on the tenth, with the practitioner's own care planning."""
    nora = world.actor("nora")
    visit = NewPractitionerVisit(
        "office_visit",
        date.fromisoformat(f"{month}-10"),
        world.staff[by],
        initiating_for="ccm",
        care_planning_by_practitioner=True,
    )
    async with tenant_db(nora) as db:
        return (await record_practitioner_visit(db, nora, patient, visit)).id


async def close(ask: Any, world: World, month: str) -> str:
    """The hash of the month's answers."""
    return str((await closing.close(ask, world, month))["resultHash"])


async def codes(ask: Any, world: World, month: str) -> dict[str, list[str]]:
    answer = await ask(world, "bill", LINES, month=month)
    assert not answer["errors"], answer
    return {
        edge["node"]["patientName"]: sorted(line["code"] for line in edge["node"]["lines"])
        for edge in answer["data"]["monthDecisions"]["edges"]
    }


async def test_what_is_paid_once_is_not_billed_again_a_month_later(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    later = care.last_month(lakeside.zone)
    earlier = month_before(later)
    ruth = await care.someone_in_care(lakeside, earlier, name="Walker")
    olga = await care.someone_in_care(lakeside, earlier, name="Lind")
    elsewhere = await care.someone_in_care(hillcrest, earlier, name="Walker")
    for world, who, months in (
        (lakeside, ruth, (earlier, later)),
        (lakeside, olga, (later,)),
        (hillcrest, elsewhere, (later,)),
    ):
        for month in months:
            await planned(world, who, month)
    await care.minutes(lakeside, ruth, later, 25)

    await close(ask, lakeside, earlier)
    assert (await codes(ask, lakeside, earlier))["Ruth Walker"] == [PLANNING]
    first = await close(ask, lakeside, later)
    assert await codes(ask, lakeside, later) == {"Ruth Walker": ["99490"], "Ruth Lind": [PLANNING]}
    assert await close(ask, lakeside, later) == first

    # The other practice billed nothing before: what lakeside did is not its business.
    await close(ask, hillcrest, later)
    assert await codes(ask, hillcrest, later) == {"Ruth Walker": [PLANNING]}


async def test_only_the_newest_answer_of_an_earlier_month_counts(lakeside: World, ask: Any) -> None:
    """The planning is billed, then the visit turns out never to have taken place: the month after is free again."""
    later = care.last_month(lakeside.zone)
    earlier = month_before(later)
    ruth = await care.someone_in_care(lakeside, earlier)
    visit = await planned(lakeside, ruth, earlier)
    await close(ask, lakeside, earlier)
    assert (await codes(ask, lakeside, earlier))["Ruth Walker"] == [PLANNING]
    nora = lakeside.actor("nora")
    async with tenant_db(nora) as db:
        await withdraw_practitioner_visit(db, nora, visit, reason="She did not come")
    await close(ask, lakeside, earlier)
    assert (await codes(ask, lakeside, earlier))["Ruth Walker"] == []
    await planned(lakeside, ruth, later)
    await close(ask, lakeside, later)
    assert (await codes(ask, lakeside, later))["Ruth Walker"] == [PLANNING]


async def test_who_has_left_a_month_keeps_no_line_of_it(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    """Planning without a minute is billed; then it turns out that the program had ended before the month."""
    month = care.last_month(lakeside.zone)
    ruth = await care.someone_in_care(lakeside, month)
    await planned(lakeside, ruth, month)
    elsewhere = await care.someone_in_care(hillcrest, month)
    await planned(hillcrest, elsewhere, month)
    await close(ask, lakeside, month)
    await close(ask, hillcrest, month)
    assert await codes(ask, lakeside, month) == {"Ruth Walker": [PLANNING]}
    async with behind.connect() as connection:
        enrollment = await connection.scalar(
            sa.text("select id from enrollment where tenant_id = :t"), {"t": lakeside.tenant_id}
        )
    nora = lakeside.actor("nora")
    async with tenant_db(nora) as db:
        ended = date.fromisoformat(f"{month}-01") - timedelta(days=3)
        await end_enrollment(db, nora, enrollment, on=ended, reason="Moved away")
    again = await closing.close(ask, lakeside, month)
    assert (again["patients"], again["lines"], again["unchanged"]) == (1, 0, 0)
    (node,) = await closing.decisions(ask, lakeside, month)
    assert (node["version"], node["lines"]) == (2, [])
    assert node["holds"], "nothing says why there is no line"
    why = """query ($p: ID!, $m: Line!) { evidence(patientId: $p, month: $m) {
      findings { reason sentence nextStep citations { title } } } }"""
    answer = await ask(lakeside, "bill", why, p=global_id("Patient", ruth), m=month)
    (finding,) = answer["data"]["evidence"]["findings"]
    assert finding["reason"] == "PLAN_ADDON_AFTER_PROGRAM"
    assert PLANNING in finding["sentence"]
    assert [one["title"] for one in finding["citations"]] == ["NGS care-management page"]
    answer = await ask(hillcrest, "bill", why, p=global_id("Patient", ruth), m=month)
    assert [one["extensions"]["code"] for one in answer["errors"]] == ["NOT_FOUND"]
    assert await codes(ask, hillcrest, month) == {"Ruth Walker": [PLANNING]}


async def test_an_earlier_month_closed_after_a_later_one_is_told(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    """Both months are billed in the wrong order; the later one says that it changed, and closing it again puts it right."""
    later = care.last_month(lakeside.zone)
    earlier = month_before(later)
    for world in (lakeside, hillcrest):
        ruth = await care.someone_in_care(world, earlier)
        await planned(world, ruth, earlier)
        await planned(world, ruth, later)
        await close(ask, world, later)
        assert await codes(ask, world, later) == {"Ruth Walker": [PLANNING]}
    assert await changed(ask, lakeside, later) == 0
    await close(ask, lakeside, earlier)
    assert await changed(ask, lakeside, later) == 1
    assert await changed(ask, hillcrest, later) == 0
    await close(ask, lakeside, later)
    assert await codes(ask, lakeside, later) == {"Ruth Walker": []}
    assert await changed(ask, lakeside, later) == 0


async def changed(ask: Any, world: World, month: str) -> int:
    """How many people's answers of a closed month may not be as they would be now."""
    answer = await ask(world, "bill", "{ monthCloses { month changedSince { people } } }")
    assert not answer["errors"], answer
    (row,) = [row for row in answer["data"]["monthCloses"] if row["month"] == month]
    return row["changedSince"]["people"] if row["changedSince"] else 0


async def test_a_first_billed_day_that_was_taken_back_is_none(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    """Half a year after somebody's work was first billed they must be trained; a line that was withheld starts nothing."""
    later = care.last_month(lakeside.zone)
    earlier = later
    for _ in range(8):
        earlier = month_before(earlier)
    for world in (lakeside, hillcrest):
        async with behind.begin() as connection:
            await connection.execute(
                sa.text("delete from qualification where kind = 'training' and tenant_id = :t"),
                {"t": world.tenant_id},
            )
        ruth = await care.someone_in_care(world, earlier, payer="bcbsm", program="pdcm")
        await care.minutes(world, ruth, earlier, 12, program="pdcm", with_patient=True)
        await care.minutes(world, ruth, later, 12, program="pdcm", with_patient=True)
        await close(ask, world, earlier)
        assert (await codes(ask, world, earlier))["Ruth Walker"], "nothing was billed in the earlier month"
        if world is lakeside:
            bill = world.actor("bill")
            async with tenant_db(bill) as db:
                await override_month(
                    db, bill, ruth, earlier, kind="withhold", target="", reason="Not their patient"
                )
            await close(ask, world, earlier)
            assert (await codes(ask, world, earlier))["Ruth Walker"] == []
        await close(ask, world, later)
    assert (await codes(ask, lakeside, later))["Ruth Walker"] == ["98967"]
    # The other practice's line stands, and so does its day.
    (node,) = await closing.decisions(ask, hillcrest, later)
    assert [hold["reason"] for hold in node["holds"]] == ["TEAM_MEMBER_NOT_TRAINED_6MO"]
