"""A list of twenty people with all their programs, plans, contacts and minutes costs no more statements than one."""

from datetime import timedelta
from typing import Any

from cast import World
from newcomer import ago, key, register, say, today, written

from server.encounters.queries import encounters_of
from server.minutes.queries import minutes_of
from server.tenants.db import tenant_db
from tests.minutes.conftest import Log

EVERYTHING = """query ($first: Int!) { patients(first: $first) { edges { node { id
  enrollments { program practitionerName history { status recordedBy } }
  consents { kind practitionerName recordedBy }
  programs { program consent mayAsk enrollment { status } }
  practitionerVisits { kind } decisionLevels { level } otherServices { code } attestations { element }
  planVersions { number copies { toWhom } } currentPlan { goals }
  encounters(first: 3) { edges { node { kind staffName amendments { reason } } } }
  minutes(first: 3) { edges { node { seconds staffName } } }
  monthTotals { month seconds }
} } } }"""
ENROLL = "mutation ($input: EnrollInput!) { enroll(input: $input) { ... on Enrollment { id } } }"
PLAN = "mutation ($input: WritePlanInput!) { writePlan(input: $input) { ... on PlanVersion { id } } }"
CONTACT = (
    "mutation ($input: RecordEncounterInput!) { recordEncounter(input: $input) { ... on Encounter { id } } }"
)


async def test_twenty_people_cost_as_many_statements_as_one(
    lakeside: World, hillcrest: World, ask: Any, log: Log, statements: Any
) -> None:
    day = str(today(lakeside))
    for n in range(20):
        patient = await register(ask, lakeside, givenNames=f"Maria {n:02}")
        await say(
            ask, lakeside, "nora", ENROLL, input={"patientId": patient, "program": "CCM", "startedOn": day}
        )
        await say(
            ask,
            lakeside,
            "nora",
            PLAN,
            input={"patientId": patient, "program": "CCM", "datedOn": day, "goals": "g"},
        )
        for hours in (50, 60):
            await say(
                ask,
                lakeside,
                "nora",
                CONTACT,
                input={"patientId": patient, "kind": "PHONE", "at": written(ago(hours=hours))},
            )
        await log(lakeside, patient, ago(hours=48, minutes=10 * n), ago(hours=48, minutes=10 * n - 5))
    counts = {}
    for first in (1, 20):
        with statements() as seen:
            people = (await say(ask, lakeside, "nora", EVERYTHING, first=first))["edges"]
        assert len(people) == first
        counts[first] = len(seen)
    assert counts[1] == counts[20]
    assert counts[20] <= 60
    for edge in people:
        person = edge["node"]
        assert [e["program"] for e in person["enrollments"]] == ["CCM"]
        assert person["currentPlan"] == {"goals": "g"}
        assert len(person["encounters"]["edges"]) == 2
        assert [row["seconds"] for row in person["monthTotals"]] == [300]
    assert (await say(ask, hillcrest, "nora", EVERYTHING, first=20))["edges"] == []


async def test_pages_inside_a_list_each_continue_in_their_own_place(
    lakeside: World, ask: Any, log: Log
) -> None:
    maria, james = await register(ask, lakeside), await register(ask, lakeside, givenNames="James")
    for n, patient in enumerate((maria, james, maria, james, maria)):
        start = ago(hours=10 - n)
        await log(lakeside, patient, start, start + timedelta(minutes=1))
    document = "query { patients { edges { node { id minutes(first: 2) { edges { node { id } } pageInfo { hasNextPage } } } } } }"
    people = {
        edge["node"]["id"]: edge["node"]["minutes"]
        for edge in (await say(ask, lakeside, "nora", document))["edges"]
    }
    assert people[maria]["pageInfo"]["hasNextPage"] is True
    assert people[james]["pageInfo"]["hasNextPage"] is False
    assert len(people[james]["edges"]) == 2


async def test_a_page_reads_no_more_rows_than_it_shows(lakeside: World, ask: Any, log: Log) -> None:
    maria = await register(ask, lakeside)
    for hours in range(2, 8):
        await log(lakeside, maria, ago(hours=hours), ago(hours=hours) + timedelta(minutes=5))
        await say(
            ask,
            lakeside,
            "nora",
            CONTACT,
            input={"patientId": maria, "kind": "PHONE", "at": written(ago(hours=hours))},
        )
    actor = lakeside.actor()
    async with tenant_db(actor, read_only=True) as db:
        entries = (await minutes_of(db, actor, [key(maria)], limit=3))[key(maria)]
        contacts = (await encounters_of(db, actor, [key(maria)], limit=2))[key(maria)]
    assert [len(entries), len(contacts)] == [3, 2]
    assert entries[0].started_at == max(row.started_at for row in entries)
