"""Minutes through the door: entered, corrected, taken back, refused; and nobody else's practice sees them."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from cast import World
from newcomer import ago, key, local, register, say, staff, today, written
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.minutes.conftest import CONFIRM, CORRECT, LOG, MINUTES, VOID, Log


async def listed(ask: Any, world: World, patient: str, **more: Any) -> list[dict[str, Any]]:
    page = {"first": 50, "after": None, "corrected": False, **more}
    node = await say(ask, world, "nora", MINUTES, id=patient, **page)
    return [edge["node"] for edge in node["minutes"]["edges"]]


async def test_minutes_are_entered_and_added_up(
    lakeside: World, hillcrest: World, ask: Any, log: Log, totals: Any
) -> None:
    maria = await register(ask, lakeside)
    first = await log(
        lakeside, maria, ago(hours=3), ago(hours=3) + timedelta(minutes=12), mode="PHONE", withPatient=True
    )
    await log(lakeside, maria, ago(hours=2), ago(hours=2) + timedelta(minutes=9, seconds=30))
    assert first["seconds"] == 720
    assert first["staffName"] == first["recordedBy"] == "Nora Feld"
    assert first["live"] is True
    assert sum((await totals(lakeside, maria)).values()) == 21 * 60 + 30
    assert {role for _, role in await totals(lakeside, maria)} == {"STAFF"}
    assert len(await listed(ask, lakeside, maria)) == 2
    there = await ask(hillcrest, "nora", MINUTES, id=maria, first=5, after=None, corrected=False)
    assert there["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    stranger = await say(
        ask, hillcrest, "nora", LOG,
        input={"patientId": maria, "program": "CCM", "activity": "CONTACT", "startedAt": written(ago(hours=1)), "endedAt": written(ago(minutes=50))},
    )  # fmt: skip
    assert stranger["code"] == "NOT_FOUND"


async def test_the_class_of_person_comes_from_their_discipline(
    lakeside: World, ask: Any, log: Log, totals: Any
) -> None:
    maria = await register(ask, lakeside)
    start = local(lakeside, "2026-02-10T09:00")
    for who in ("nora", "dr_lin", "mika"):
        await log(lakeside, maria, start, start + timedelta(minutes=10), who, reason="from the diary")
    assert await totals(lakeside, maria) == {("2026-02", "STAFF"): 1200, ("2026-02", "PRACTITIONER"): 600}


async def test_time_over_a_month_edge_goes_to_both_months(
    lakeside: World, ask: Any, log: Log, totals: Any
) -> None:
    maria = await register(ask, lakeside)
    await log(
        lakeside,
        maria,
        local(lakeside, "2026-01-31T23:50"),
        local(lakeside, "2026-02-01T00:15"),
        reason="late call",
    )
    assert await totals(lakeside, maria) == {("2026-01", "STAFF"): 600, ("2026-02", "STAFF"): 900}


async def test_impossible_spans_are_refused_and_change_nothing(lakeside: World, ask: Any, log: Log) -> None:
    maria = await register(ask, lakeside)
    start = ago(hours=5)
    cases = {
        "ENDS_BEFORE_START": (start, start - timedelta(minutes=1)),
        "ENDS_IN_FUTURE": (start, ago(minutes=-5)),
        "TOO_LONG": (start - timedelta(hours=24), start + timedelta(seconds=1)),
        "DATED_BEFORE_BIRTH": (local(lakeside, "1948-03-01T09:00"), local(lakeside, "1948-03-01T09:10")),
        "LATE_WITHOUT_REASON": (ago(days=8), ago(days=8) + timedelta(minutes=5)),
    }
    for code, (first, last) in cases.items():
        refused = await log(lakeside, maria, first, last)
        assert refused["code"] == code, refused
        assert refused["field"]
    assert await listed(ask, lakeside, maria) == []


async def test_a_late_entry_with_any_reason_is_taken(lakeside: World, ask: Any, log: Log) -> None:
    maria = await register(ask, lakeside)
    late = await log(
        lakeside, maria, ago(days=40), ago(days=40) + timedelta(minutes=5), reason="was on leave"
    )
    assert late["reason"] == "was on leave"


async def test_nobody_is_in_two_places_and_the_answer_names_times_not_people(
    lakeside: World, ask: Any, log: Log
) -> None:
    maria = await register(ask, lakeside)
    james = await register(ask, lakeside, givenNames="James", familyName="Okonkwo")
    start = local(lakeside, f"{today(lakeside) - timedelta(days=1)}T09:00")
    await log(lakeside, maria, start, start + timedelta(minutes=20))
    refused = await log(lakeside, james, start + timedelta(minutes=10), start + timedelta(minutes=30))
    assert refused["code"] == "OVERLAPS"
    assert "9:00 am to 9:20 am" in refused["message"]
    assert "Alvarez" not in refused["message"]
    assert "Maria" not in refused["message"]
    assert await listed(ask, lakeside, james) == []
    after = await log(lakeside, james, start + timedelta(minutes=20), start + timedelta(minutes=30))
    assert after["live"] is True
    colleague = await log(lakeside, james, start, start + timedelta(minutes=20), "rosa")
    assert colleague["live"] is True


async def test_a_correction_is_a_further_entry_and_the_first_stays_readable(
    lakeside: World, ask: Any, log: Log, totals: Any
) -> None:
    maria = await register(ask, lakeside)
    start = ago(hours=4)
    wrong = await log(lakeside, maria, start, start + timedelta(minutes=50))
    changes = {"endedAt": written(start + timedelta(minutes=5)), "activity": "COORDINATION"}
    right = await say(
        ask,
        lakeside,
        "nora",
        CORRECT,
        input={"timeEntryId": wrong["id"], "changes": changes, "reason": "typed 50 for 5"},
    )
    assert right["replaces"] == wrong["id"]
    assert (right["seconds"], right["activity"], right["reason"]) == (300, "COORDINATION", "typed 50 for 5")
    assert sum((await totals(lakeside, maria)).values()) == 300
    assert [row["id"] for row in await listed(ask, lakeside, maria)] == [right["id"]]
    every = {row["id"]: row for row in await listed(ask, lakeside, maria, corrected=True)}
    assert every[wrong["id"]]["replacedBy"] == right["id"]
    assert every[wrong["id"]]["seconds"] == 3000
    again = await say(
        ask, lakeside, "nora", CORRECT, input={"timeEntryId": wrong["id"], "changes": {}, "reason": "again"}
    )
    assert again["code"] == "ALREADY_CORRECTED"
    # The time that was given back is free again.
    free = await log(lakeside, maria, start + timedelta(minutes=5), start + timedelta(minutes=50))
    assert free["live"] is True


async def test_a_correction_moves_time_between_months(
    lakeside: World, ask: Any, log: Log, totals: Any
) -> None:
    maria = await register(ask, lakeside)
    start = local(lakeside, "2026-01-15T09:00")
    wrong = await log(lakeside, maria, start, start + timedelta(minutes=5), reason="x")
    moved = local(lakeside, "2026-02-15T09:00")
    changes = {"startedAt": written(moved), "endedAt": written(moved + timedelta(minutes=5))}
    await say(
        ask,
        lakeside,
        "nora",
        CORRECT,
        input={"timeEntryId": wrong["id"], "changes": changes, "reason": "February"},
    )
    assert await totals(lakeside, maria) == {("2026-02", "STAFF"): 300}


async def test_an_entry_taken_back_counts_no_more_and_frees_its_time(
    lakeside: World, ask: Any, log: Log, totals: Any
) -> None:
    maria = await register(ask, lakeside)
    start = ago(hours=4)
    entry = await log(lakeside, maria, start, start + timedelta(minutes=10))
    void = await say(
        ask, lakeside, "nora", VOID, input={"timeEntryId": entry["id"], "reason": "wrong person"}
    )
    assert (void["void"], void["live"], void["replaces"]) == (True, False, entry["id"])
    assert await totals(lakeside, maria) == {}
    assert await listed(ask, lakeside, maria) == []
    assert (await log(lakeside, maria, start, start + timedelta(minutes=10)))["live"] is True
    twice = await say(ask, lakeside, "nora", VOID, input={"timeEntryId": entry["id"], "reason": "again"})
    assert twice["code"] == "ALREADY_CORRECTED"
    of_the_void = await say(ask, lakeside, "nora", VOID, input={"timeEntryId": void["id"], "reason": "again"})
    assert of_the_void["code"] == "ALREADY_CORRECTED"


async def test_a_draft_holds_its_place_but_counts_once_confirmed(
    lakeside: World, ask: Any, log: Log, totals: Any
) -> None:
    maria = await register(ask, lakeside)
    start = ago(hours=4)
    draft = await log(lakeside, maria, start, start + timedelta(minutes=10), state="DRAFT")
    assert await totals(lakeside, maria) == {}
    assert (await log(lakeside, maria, start, start + timedelta(minutes=1)))["code"] == "OVERLAPS"
    not_hers = await say(ask, lakeside, "rosa", CONFIRM, input={"timeEntryId": draft["id"]})
    assert not_hers["code"] == "NOT_YOURS_TO_CONFIRM"
    final = await say(ask, lakeside, "nora", CONFIRM, input={"timeEntryId": draft["id"]})
    assert final["state"] == "FINAL"
    assert sum((await totals(lakeside, maria)).values()) == 600


async def test_what_belongs_to_another_service_is_kept_but_not_totalled(
    lakeside: World, ask: Any, log: Log, totals: Any
) -> None:
    maria = await register(ask, lakeside)
    entry = await log(lakeside, maria, ago(hours=4), ago(hours=3), partOf="the office visit")
    assert entry["partOf"] == "the office visit"
    assert await totals(lakeside, maria) == {}


async def test_a_machines_call_takes_nobodys_time(lakeside: World, ask: Any, log: Log, totals: Any) -> None:
    maria = await register(ask, lakeside)
    start = ago(hours=4)
    await log(lakeside, maria, start, start + timedelta(minutes=10), activity="AUTOMATED")
    talk = await log(lakeside, maria, start, start + timedelta(minutes=5))
    assert talk["live"] is True
    assert sum((await totals(lakeside, maria)).values()) == 300


async def test_minutes_for_a_colleague_need_a_reason_and_say_who_entered_them(
    lakeside: World, ask: Any, log: Log
) -> None:
    maria = await register(ask, lakeside)
    start = ago(hours=4)
    refused = await log(
        lakeside, maria, start, start + timedelta(minutes=10), "mika", staffId=staff(lakeside, "dr_lin")
    )
    assert refused["code"] == "FOR_ANOTHER_WITHOUT_REASON"
    made = await log(
        lakeside,
        maria,
        start,
        start + timedelta(minutes=10),
        "mika",
        staffId=staff(lakeside, "dr_lin"),
        reason="dictated to me",
    )
    assert (made["staffName"], made["recordedBy"]) == ("Lin Wei", "Mika Salo")


async def test_a_colleague_of_another_practice_or_one_who_left_cannot_have_minutes(
    lakeside: World, hillcrest: World, ask: Any, log: Log, behind: AsyncEngine
) -> None:
    maria = await register(ask, lakeside)
    start = ago(hours=4)
    stranger = await log(
        lakeside, maria, start, start + timedelta(minutes=1), staffId=staff(hillcrest, "nora"), reason="x"
    )
    assert stranger["code"] == "NOT_FOUND"
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update staff set active = false where id = :id"), {"id": lakeside.staff["rosa"]}
        )
    left = await log(
        lakeside, maria, start, start + timedelta(minutes=1), staffId=staff(lakeside, "rosa"), reason="x"
    )
    assert left["code"] == "STAFF_INACTIVE"


async def test_after_a_death_no_minutes_are_counted(
    lakeside: World, ask: Any, log: Log, behind: AsyncEngine
) -> None:
    maria = await register(ask, lakeside)
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update patient set deceased_on = :day where id = :id"),
            {"day": today(lakeside) - timedelta(days=3), "id": key(maria)},
        )
    assert (await log(lakeside, maria, ago(days=2), ago(days=2) + timedelta(minutes=5)))[
        "code"
    ] == "DATED_AFTER_DEATH"
    assert (await log(lakeside, maria, ago(days=4), ago(days=4) + timedelta(minutes=5)))["live"] is True


async def test_who_may_not_enter_or_read_minutes_is_told_so(lakeside: World, ask: Any, log: Log) -> None:
    maria = await register(ask, lakeside)
    for who in ("bill", "fred", "mona", "ada"):
        assert (await log(lakeside, maria, ago(hours=2), ago(hours=1), who))["code"] == "NOT_ALLOWED", who
    answer = await ask(lakeside, "fred", MINUTES, id=maria, first=5, after=None, corrected=False)
    assert answer["data"]["node"]["minutes"] is None
    assert answer["errors"][0]["extensions"]["code"] == "NOT_ALLOWED"
    biller = await ask(lakeside, "bill", MINUTES, id=maria, first=5, after=None, corrected=False)
    assert biller["errors"] == []


async def test_pages_of_minutes_are_newest_first_and_miss_nothing(
    lakeside: World, ask: Any, log: Log
) -> None:
    maria = await register(ask, lakeside)
    made = [
        (await log(lakeside, maria, ago(hours=hours), ago(hours=hours) + timedelta(minutes=5)))["id"]
        for hours in (2, 3, 4, 5, 6)
    ]
    seen: list[str] = []
    after = None
    for _ in range(3):
        node = await say(ask, lakeside, "nora", MINUTES, id=maria, first=2, after=after, corrected=False)
        seen += [edge["node"]["id"] for edge in node["minutes"]["edges"]]
        after = node["minutes"]["pageInfo"]["endCursor"]
    assert seen == made
    assert node["minutes"]["pageInfo"]["hasNextPage"] is False
