from datetime import date
from typing import Any

import sqlalchemy as sa
from cast import World
from sqlalchemy.ext.asyncio import AsyncEngine

from server.patients.actions import NewPatient, register_patient
from server.tenants.db import doors, tenant_db

PERSON = """
query ($id: ID!) { node(id: $id) { ... on Patient {
  givenNames preferredName
  details { revision contactNotes sex }
  story { whatMatters story }
  contactWays { id kind value messageOk bestTime }
  addresses { street city }
  supports { name kind mayDiscuss legalRole phone }
  careTeam { part name }
  coverages { payer memberId fromOn toOn rank }
  diagnoses { code chronic toOn }
  conditions: chart(kind: CONDITION) { label }
} } }
"""


async def someone(world: World, **more: Any) -> str:
    from server.graphql.connections import global_id

    async with tenant_db(world.actor("fred")) as db:
        new = NewPatient(family_name="Walker", given_names="Ruth", birth_date=date(1944, 5, 2), **more)
        return str(global_id("Patient", (await register_patient(db, world.actor("fred"), new)).id))


def mutation(name: str, kind: str) -> str:
    return f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ __typename ... on Refusal {{ code field }} }} }}"


async def do(ask: Any, world: World, who: str, name: str, /, **given: Any) -> dict[str, Any]:
    kind = name[0].upper() + name[1:] + "Input"
    answer = await ask(world, who, mutation(name, kind), input=given)
    assert not answer["errors"], answer
    return answer["data"][name]  # type: ignore[no-any-return]


async def test_a_person_is_known_by_more_than_a_name(lakeside: World, hillcrest: World, ask: Any) -> None:
    from server.graphql.connections import global_id

    ruth = await someone(lakeside)
    medicare = global_id("Payer", lakeside.payers["medicare_part_b"])
    for who, name, given in (
        (
            "nora",
            "saveStory",
            {"whatMatters": "Dancing at my granddaughter's wedding.", "story": "Taught school."},
        ),
        (
            "fred",
            "addContactWay",
            {
                "kind": "phone",
                "value": "(313) 555-0142",
                "messageOk": True,
                "bestTime": "After 5 pm, not on Sundays",
            },
        ),
        ("fred", "addContactWay", {"kind": "email", "value": "ruth@mail.example"}),
        ("fred", "setAddress", {"street": "12 Elm St", "city": "Detroit", "state": "MI", "zip": "48201"}),
        (
            "nora",
            "addSupportPerson",
            {"name": "Tom", "kind": "neighbour", "mayDiscuss": "rides", "phone": "3135550100"},
        ),
        (
            "nora",
            "addCareTeamMember",
            {"part": "care_manager", "staffId": global_id("Staff", lakeside.staff["nora"])},
        ),
        ("fred", "addCoverage", {"payerId": medicare, "fromOn": "2020-01-01", "memberId": "1EG4TE5MK73"}),
        ("nora", "chooseDiagnosis", {"code": "i50.22", "chronic": True}),
        (
            "fred",
            "changePatient",
            {"preferredName": "Ruthie", "contactNotes": "After her morning walk", "revision": 1},
        ),
    ):
        done = await do(ask, lakeside, who, name, patientId=ruth, **given)
        assert done["__typename"] == "Patient", (name, done)

    found = (await ask(lakeside, "nora", PERSON, id=ruth))["data"]["node"]
    assert found["preferredName"] == "Ruthie"
    assert found["details"] == {"revision": 2, "contactNotes": "After her morning walk", "sex": ""}
    assert found["story"]["whatMatters"].startswith("Dancing")
    assert [(way["value"], way["bestTime"]) for way in found["contactWays"]] == [
        ("+13135550142", "After 5 pm, not on Sundays"),
        ("ruth@mail.example", ""),
    ]
    assert found["supports"] == [
        {"name": "Tom", "kind": "neighbour", "mayDiscuss": "rides", "legalRole": "", "phone": "+13135550100"}
    ]
    assert found["careTeam"] == [{"part": "care_manager", "name": "Nora Feld"}]
    assert found["coverages"][0]["payer"] == "Medicare Part B"
    assert found["diagnoses"] == [{"code": "I50.22", "chronic": True, "toOn": None}]
    assert found["conditions"] == []

    by_phone = await ask(lakeside, "fred", 'query { patients(find: "0142") { edges { node { id } } } }')
    assert [edge["node"]["id"] for edge in by_phone["data"]["patients"]["edges"]] == [ruth]
    elsewhere = await ask(hillcrest, "nora", PERSON, id=ruth)
    assert elsewhere["data"]["node"] is None
    assert elsewhere["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_what_does_not_fit_is_refused_with_its_reason(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    from server.graphql.connections import global_id

    ruth = await someone(lakeside)
    medicare, theirs = (global_id("Payer", w.payers["medicare_part_b"]) for w in (lakeside, hillcrest))
    assert (
        await do(ask, lakeside, "fred", "addCoverage", patientId=ruth, payerId=medicare, fromOn="2024-01-01")
    )["__typename"] == "Patient"
    for who, name, given, code in (
        ("fred", "addCoverage", {"payerId": theirs, "fromOn": "2020-01-01", "rank": 2}, "NOT_FOUND"),
        ("fred", "addCoverage", {"payerId": medicare, "fromOn": "2025-01-01"}, "COVERAGE_OVERLAPS"),
        (
            "fred",
            "addCoverage",
            {"payerId": medicare, "fromOn": "2023-01-01", "toOn": "2022-01-01"},
            "ENDS_BEFORE_START",
        ),
        ("fred", "addContactWay", {"kind": "phone", "value": "12"}, "BAD_PHONE"),
        ("fred", "addContactWay", {"kind": "pigeon", "value": "12"}, "UNKNOWN_CHOICE"),
        ("fred", "changePatient", {"revision": 7, "preferredName": "R"}, "CHANGED_MEANWHILE"),
        ("fred", "changePatient", {"deceasedOn": "1930-01-01"}, "DIED_BEFORE_BORN"),
        ("nora", "chooseDiagnosis", {"code": "E11", "chronic": True}, "CODE_TOO_WIDE"),
        ("nora", "chooseDiagnosis", {"code": "ZZZ", "chronic": True}, "UNKNOWN_CODE"),
        ("nora", "saveStory", {}, "NOTHING_WRITTEN"),
        ("fred", "saveStory", {"story": "x"}, "NOT_ALLOWED"),
    ):
        assert (await do(ask, lakeside, who, name, patientId=ruth, **given)).get("code") == code, (
            name,
            given,
        )


async def test_codes_are_found_by_letters_and_by_words(lakeside: World, ask: Any) -> None:
    find = "query ($find: Line!) { diagnosisCodes(find: $find) { code billable } }"
    codes = [
        c["code"] for c in (await ask(lakeside, "nora", find, find="heart failure"))["data"]["diagnosisCodes"]
    ]
    assert codes == ["I50.22", "I50"]
    codes = [c["code"] for c in (await ask(lakeside, "nora", find, find="e11"))["data"]["diagnosisCodes"]]
    assert codes == ["E11.22", "E11.9", "E11"]


async def test_a_list_of_people_costs_the_same_few_statements_however_long(lakeside: World, ask: Any) -> None:
    document = """{ patients(first: 100) { edges { node {
        details { sex } story { story } contactWays { value } supports { name } coverages { payer } diagnoses { code }
    } } } }"""
    statements: list[str] = []
    engine = doors()._app

    def count(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    assert engine is not None
    sa.event.listen(engine.sync_engine, "before_cursor_execute", count)
    try:
        counts = []
        for _ in range(2):
            for n in range(10):
                await someone(lakeside, record_number=f"r{len(counts)}-{n}")
            statements.clear()
            people = (await ask(lakeside, "nora", document))["data"]["patients"]["edges"]
            counts.append((len(people), len(statements)))
    finally:
        sa.event.remove(engine.sync_engine, "before_cursor_execute", count)
    assert [people for people, _ in counts] == [10, 20]
    assert counts[0][1] == counts[1][1] <= 12, counts


async def test_what_somebody_saw_is_written_down(lakeside: World, ask: Any, behind: AsyncEngine) -> None:
    ruth = await someone(lakeside)
    await ask(lakeside, "rosa", PERSON, id=ruth)
    async with behind.connect() as connection:
        actions = (
            await connection.execute(
                sa.text(
                    "select action, effect from audit_event where tenant_id = :t and staff_id = :s order by at"
                ),
                {"t": lakeside.tenant_id, "s": lakeside.staff["rosa"]},
            )
        ).all()
    assert ("patients.read", "read") in [tuple(row) for row in actions]
