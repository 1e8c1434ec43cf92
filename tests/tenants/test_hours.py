"""Who is there when: on a date, in both nights when the clocks change, and never two places at once."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from carewright_plugin_api.facts import start_of_day
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Refused
from server.tenants.hours import Away, Weekly, check_away, check_weekly, there_at, there_on, time_in

NORA, ROSA = UUID(int=1), UUID(int=2)
MAIN = UUID(int=9)
DETROIT = "America/Detroit"
FORWARD, BACK = date(2026, 3, 8), date(2026, 11, 1)  # Sundays
MONDAY = date(2026, 11, 23)


def hours(who: UUID, weekday: int, begins: str, ends: str, **more: Any) -> Weekly:
    given = {"site_id": MAIN, "from_on": date(2026, 1, 1), "to_on": None, **more}
    return Weekly(who, given["site_id"], weekday, time.fromisoformat(begins), time.fromisoformat(ends),
                  given["from_on"], given["to_on"])  # fmt: skip


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_somebody_is_there_on_their_days_only() -> None:
    week = [hours(NORA, 0, "08:30", "16:30"), hours(ROSA, 1, "09:00", "12:00", to_on=date(2026, 11, 24))]
    monday = there_on(MONDAY, week, [], DETROIT)
    assert [(one.staff_id, one.starts_at, one.ends_at) for one in monday] == [
        (NORA, utc("2026-11-23T13:30"), utc("2026-11-23T21:30"))
    ]
    assert [one.staff_id for one in there_at(utc("2026-11-23T13:30"), monday)] == [NORA]
    assert there_at(utc("2026-11-23T21:30"), monday) == []
    assert [one.staff_id for one in there_on(date(2026, 11, 24), week, [], DETROIT)] == [ROSA]
    assert there_on(date(2026, 12, 1), week, [], DETROIT) == [], "the last day has been"
    assert there_on(date(2025, 12, 29), week, [], DETROIT) == [], "not yet"


def test_away_is_away_for_whole_days_and_for_one_person() -> None:
    week = [hours(NORA, 0, "08:30", "16:30"), hours(ROSA, 0, "08:30", "16:30")]
    away = [Away(NORA, MONDAY, MONDAY)]
    assert [one.staff_id for one in there_on(MONDAY, week, away, DETROIT)] == [ROSA]
    assert len(there_on(MONDAY + timedelta(days=7), week, away, DETROIT)) == 2


def test_the_night_with_an_hour_less() -> None:
    """At 2:00 the clock shows 3:00: what was to end at 2:30 ends then, what was to begin then begins then."""
    night = [hours(NORA, 6, "00:00", "02:30"), hours(ROSA, 6, "02:30", "08:00")]
    early, late = there_on(FORWARD, night, [], DETROIT)
    assert (early.starts_at, early.ends_at) == (utc("2026-03-08T05:00"), utc("2026-03-08T07:00"))
    assert (late.starts_at, late.ends_at) == (utc("2026-03-08T07:00"), utc("2026-03-08T12:00"))
    assert there_on(FORWARD, [hours(NORA, 6, "02:10", "02:50")], [], DETROIT) == [], "there is no such time"


def test_the_night_with_an_hour_more() -> None:
    """1:00 to 2:00 comes twice: hours across it last both."""
    night = there_on(BACK, [hours(NORA, 6, "00:30", "02:00"), hours(ROSA, 6, "02:00", "08:00")], [], DETROIT)
    assert night[0].ends_at - night[0].starts_at == timedelta(hours=2, minutes=30)
    assert night[0].ends_at == night[1].starts_at == utc("2026-11-01T07:00")


@given(
    st.sampled_from([FORWARD, BACK, MONDAY - timedelta(days=1), date(2026, 3, 29), date(2026, 10, 25)]),
    st.sampled_from(["America/Detroit", "America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "UTC"]),
    st.lists(st.integers(1, 24 * 60 - 1), max_size=8, unique=True),
)
def test_hours_that_touch_on_the_wall_touch_in_the_day(day: date, zone: str, cuts: list[int]) -> None:
    """A day cut anyhow: no instant is missing, none is there twice, whatever the clocks do."""
    marks = [time(cut // 60, cut % 60) for cut in (0, *sorted(cuts))]
    pieces = [Weekly(NORA, None, day.weekday(), a, b, date(2026, 1, 1)) for a, b in pairwise(marks)]
    found = there_on(day, pieces, [], zone)
    assert all(one.ends_at == other.starts_at for one, other in pairwise(found))
    if found:
        assert found[0].starts_at == start_of_day(day, zone)
    assert all(one.starts_at < one.ends_at for one in found)


def test_nobody_is_in_two_places_at_once() -> None:
    there = hours(NORA, 0, "08:30", "12:00", to_on=date(2026, 11, 30))
    for fine in (
        hours(NORA, 0, "12:00", "16:00", site_id=None),
        hours(NORA, 1, "08:30", "12:00"),
        hours(ROSA, 0, "08:30", "12:00"),
        hours(NORA, 0, "08:30", "12:00", from_on=date(2026, 12, 1)),
    ):
        check_weekly(fine, [there], MONDAY)
    for clash in (
        hours(NORA, 0, "11:59", "13:00", site_id=None),
        hours(NORA, 0, "06:00", "20:00"),
        hours(NORA, 0, "09:00", "10:00", from_on=date(2026, 11, 30)),
    ):
        with pytest.raises(Refused) as refused:
            check_weekly(clash, [there], MONDAY)
        assert refused.value.code == "HOURS_OVERLAP"
        assert "Monday, 8:30 am to 12:00 pm" in refused.value.message


def test_days_and_times_that_cannot_be_are_refused() -> None:
    for wrong, code in (
        (hours(NORA, 0, "16:00", "08:00"), "ENDS_BEFORE_START"),
        (hours(NORA, 0, "08:00", "08:00"), "ENDS_BEFORE_START"),
        (hours(NORA, 0, "08:00", "12:00", from_on=date(1999, 12, 31)), "DATE_FAR"),
        (hours(NORA, 0, "08:00", "12:00", from_on=date(2031, 1, 1)), "DATE_FAR"),
        (hours(NORA, 0, "08:00", "12:00", to_on=date(2025, 12, 31)), "ENDS_BEFORE_START"),
        (hours(NORA, 0, "08:00", "12:00", to_on=date(2150, 1, 1)), "DATE_FAR"),
    ):
        with pytest.raises(Refused) as refused:
            check_weekly(wrong, [], MONDAY)
        assert refused.value.code == code
    with pytest.raises(Refused) as twice:
        check_away(Away(NORA, MONDAY, MONDAY), [Away(NORA, date(2026, 11, 20), MONDAY)], MONDAY)
    assert twice.value.code == "AWAY_ALREADY"
    check_away(Away(ROSA, MONDAY, MONDAY), [Away(NORA, date(2026, 11, 20), MONDAY)], MONDAY)


def test_a_time_is_read_as_people_type_it() -> None:
    assert time_in("8:05", "begins") == time(8, 5)
    assert time_in(" 16:45 ", "ends") == time(16, 45)
    assert time_in("00:00:00", "ends") == time(0, 0)
    for wrong in ("", "8", "24:00", "8:60", "8.30", "eight", "٨:٠٠", "08:30 am", "1" * 300):
        with pytest.raises(Refused) as refused:
            time_in(wrong, "begins")
        assert (refused.value.code, refused.value.field) == ("TIME_FORM", "begins")


# --- over GraphQL -------------------------------------------------------------------------------------------------

ADD = """mutation ($input: AddWorkingHoursInput!) { addWorkingHours(input: $input) {
  ... on WorkingHoursAdded { lines { id weekday begins ends siteName fromOn toOn } } ... on Refusal { code field } } }"""
AWAY = """mutation ($staff: ID!, $from: Date!, $to: Date!) { addDaysAway(staffId: $staff, fromOn: $from, toOn: $to) {
  ... on DaysAway { id fromOn toOn } ... on Refusal { code field } } }"""
THERE = "query ($from: Date!, $days: Int!) { whoIsThere(fromOn: $from, days: $days) { staffName siteName startsAt endsAt } }"
PLANNING = (
    "query ($staff: ID!) { planning(staffId: $staff) { workingHours { id weekday } daysAway { id fromOn } } }"
)


def staff_id(world: Any, who: str) -> str:
    from server.graphql.connections import global_id

    return global_id("Staff", world.staff[who])


def site_id(world: Any) -> str:
    from server.graphql.connections import global_id

    return global_id("Site", world.site_id)


def this_monday(world: Any) -> date:
    from server.clock import today
    from server.tenants.working_hours import monday_of

    return monday_of(today(world.zone))


def line(world: Any, who: str, *weekdays: str, **more: Any) -> dict[str, Any]:
    return {
        "staffId": staff_id(world, who), "weekdays": list(weekdays), "begins": "08:30", "ends": "16:30",
        "siteId": site_id(world), "fromOn": "2026-01-01", **more,
    }  # fmt: skip


async def test_ones_own_hours_are_seen_by_all_as_presence(lakeside: Any, hillcrest: Any, ask: Any) -> None:
    added = await ask(lakeside, "nora", ADD, input=line(lakeside, "nora", "MONDAY", "WEDNESDAY"))
    lines = added["data"]["addWorkingHours"]["lines"]
    assert [(one["weekday"], one["begins"], one["ends"]) for one in lines] == [
        ("MONDAY", "08:30", "16:30"),
        ("WEDNESDAY", "08:30", "16:30"),
    ]
    week = {"from": f"{this_monday(lakeside) + timedelta(days=7)}", "days": 7}
    for who in ("nora", "fred", "mona", "bill"):
        found = (await ask(lakeside, who, THERE, **week))["data"]["whoIsThere"]
        assert [one["staffName"] for one in found] == ["Nora Feld", "Nora Feld"], who
    assert (await ask(hillcrest, "ada", THERE, **week))["data"]["whoIsThere"] == []


async def test_the_weekly_lines_and_days_away_are_for_oneself_and_whoever_sets_up_staff(
    lakeside: Any, hillcrest: Any, ask: Any
) -> None:
    nora = staff_id(lakeside, "nora")
    await ask(lakeside, "nora", ADD, input=line(lakeside, "nora", "MONDAY", "TUESDAY"))
    tuesday = this_monday(lakeside) + timedelta(days=8)
    away = await ask(lakeside, "nora", AWAY, staff=nora, **{"from": f"{tuesday}", "to": f"{tuesday}"})
    assert away["data"]["addDaysAway"]["fromOn"] == f"{tuesday}"
    for who in ("nora", "ada"):
        planned = (await ask(lakeside, who, PLANNING, staff=nora))["data"]["planning"]
        assert (len(planned["workingHours"]), len(planned["daysAway"])) == (2, 1), who
    for world, who in ((lakeside, "rosa"), (lakeside, "dr_lin"), (lakeside, "mona"), (hillcrest, "ada")):
        hidden = await ask(world, who, PLANNING, staff=nora)
        assert hidden["data"] is None or hidden["data"]["planning"] is None
        assert hidden["errors"][0]["extensions"]["code"] == "NOT_FOUND", (who, hidden)
    week = {"from": f"{tuesday - timedelta(days=1)}", "days": 7}
    assert len((await ask(lakeside, "rosa", THERE, **week))["data"]["whoIsThere"]) == 1, "away is not there"


async def test_anothers_hours_are_written_by_whoever_sets_up_staff_alone(
    lakeside: Any, hillcrest: Any, ask: Any
) -> None:
    asked = line(lakeside, "nora", "MONDAY")
    for world, who in ((lakeside, "rosa"), (lakeside, "mika"), (hillcrest, "ada"), (hillcrest, "nora")):
        refused = (await ask(world, who, ADD, input=asked))["data"]["addWorkingHours"]
        assert refused["code"] == "NOT_FOUND", who
    made = (await ask(lakeside, "ada", ADD, input=asked))["data"]["addWorkingHours"]["lines"][0]["id"]
    for gone in ("removeWorkingHours(id: $id)", 'endWorkingHours(id: $id, lastDay: "2026-12-31")'):
        text = f"mutation ($id: ID!) {{ {gone} {{ __typename ... on Refusal {{ code }} }} }}"
        for world, who in ((lakeside, "rosa"), (hillcrest, "ada")):
            answer = await ask(world, who, text, id=made)
            assert next(iter(answer["data"].values()))["code"] == "NOT_FOUND"
    removed = "mutation ($id: ID!) { removeWorkingHours(id: $id) { ... on TakenOff { id } ... on Refusal { code } } }"
    assert (await ask(lakeside, "nora", removed, id=made))["data"]["removeWorkingHours"] == {"id": made}
    assert (await ask(lakeside, "nora", removed, id=made))["data"]["removeWorkingHours"] == {
        "code": "NOT_FOUND"
    }


async def test_overlaps_are_refused_also_when_written_at_the_same_moment(lakeside: Any, ask: Any) -> None:
    import asyncio

    asked = line(lakeside, "nora", "MONDAY", "TUESDAY")
    both = await asyncio.gather(*(ask(lakeside, "nora", ADD, input=asked) for _ in range(4)))
    said = sorted(str(one["data"]["addWorkingHours"].get("code")) for one in both)
    assert said == ["HOURS_OVERLAP"] * 3 + ["None"]
    part = line(lakeside, "nora", "TUESDAY", "FRIDAY", begins="16:00", ends="18:00")
    assert (await ask(lakeside, "nora", ADD, input=part))["data"]["addWorkingHours"][
        "code"
    ] == "HOURS_OVERLAP"
    planned = (await ask(lakeside, "nora", PLANNING, staff=staff_id(lakeside, "nora")))["data"]["planning"]
    assert [one["weekday"] for one in planned["workingHours"]] == ["MONDAY", "TUESDAY"], "all or nothing"


async def test_what_was_is_shown_to_nobody(lakeside: Any, ask: Any) -> None:
    before = this_monday(lakeside) - timedelta(days=1)
    for who in ("ada", "nora"):
        refused = await ask(lakeside, who, THERE, **{"from": f"{before}", "days": 1})
        assert refused["errors"][0]["extensions"]["code"] == "HOURS_PAST"
    many = await ask(lakeside, "ada", THERE, **{"from": f"{before + timedelta(days=1)}", "days": 15})
    assert many["errors"][0]["extensions"]["code"] == "TOO_MANY_DAYS"


async def test_who_has_left_is_not_there(lakeside: Any, ask: Any) -> None:
    await ask(lakeside, "rosa", ADD, input=line(lakeside, "rosa", "MONDAY"))
    week = {"from": f"{this_monday(lakeside)}", "days": 7}
    assert len((await ask(lakeside, "nora", THERE, **week))["data"]["whoIsThere"]) == 1
    leave = "mutation ($id: ID!) { deactivateStaff(staffId: $id) { __typename } }"
    await ask(lakeside, "ada", leave, id=staff_id(lakeside, "rosa"))
    assert (await ask(lakeside, "nora", THERE, **week))["data"]["whoIsThere"] == []
    again = await ask(lakeside, "ada", ADD, input=line(lakeside, "rosa", "FRIDAY"))
    assert again["data"]["addWorkingHours"]["code"] == "NOT_FOUND"


async def test_bad_values_are_refused_beside_their_field(lakeside: Any, ask: Any) -> None:
    for wrong, code, field in (
        ({"begins": "8 o'clock"}, "TIME_FORM", "begins"),
        ({"ends": "08:00"}, "ENDS_BEFORE_START", "ends"),
        ({"weekdays": []}, "WEEKDAY_MISSING", "weekdays"),
        ({"fromOn": "2150-01-01"}, "DATE_FAR", "fromOn"),
        ({"toOn": "2025-01-01"}, "ENDS_BEFORE_START", "toOn"),
    ):
        asked = {**line(lakeside, "nora", "MONDAY"), **wrong}
        refused = (await ask(lakeside, "nora", ADD, input=asked))["data"]["addWorkingHours"]
        assert (refused["code"], refused["field"]) == (code, field)
