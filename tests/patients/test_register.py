from typing import Any

from cast import World

REGISTER = """
mutation ($input: RegisterPatientInput!) {
  registerPatient(input: $input) {
    ... on Patient { id recordNumber familyName }
    ... on Refusal { code message nextStep field }
  }
}
"""
FIND = "query ($find: Line) { patients(find: $find) { edges { node { id givenNames recordNumber } } } }"


def person(**more: Any) -> dict[str, Any]:
    return {"familyName": "O'Brien-Núñez", "givenNames": "Maria Elena", "birthDate": "1948-03-09", **more}


async def test_a_registered_person_is_found_by_name_birth_date_and_number(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    made = (await ask(lakeside, "fred", REGISTER, input=person()))["data"]["registerPatient"]
    assert made["recordNumber"] == "CW-000001"
    for typed in ("obrien", "NUNEZ mar", "elena", "maria", "3/9/1948", "1948-03-09", "CW-000001"):
        found = (await ask(lakeside, "nora", FIND, find=typed))["data"]["patients"]["edges"]
        assert [edge["node"]["id"] for edge in found] == [made["id"]], typed
        assert (await ask(hillcrest, "nora", FIND, find=typed))["data"]["patients"]["edges"] == []


async def test_a_record_number_is_used_once_within_a_practice_and_freely_in_another(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    first = (await ask(lakeside, "fred", REGISTER, input=person(recordNumber="77")))["data"][
        "registerPatient"
    ]
    again = (await ask(lakeside, "fred", REGISTER, input=person(recordNumber="77")))["data"][
        "registerPatient"
    ]
    there = (await ask(hillcrest, "fred", REGISTER, input=person(recordNumber="77")))["data"][
        "registerPatient"
    ]
    assert first["recordNumber"] == there["recordNumber"] == "77"
    assert again["code"] == "RECORD_NUMBER_TAKEN"
    assert again["field"] == "recordNumber"


async def test_february_30_and_a_birth_to_come_are_refused_and_change_nothing(
    lakeside: World, ask: Any
) -> None:
    answer = await ask(lakeside, "fred", REGISTER, input=person(birthDate="1948-02-30"))
    assert answer["errors"][0]["extensions"]["code"] == "BAD_DATE"
    to_come = (await ask(lakeside, "fred", REGISTER, input=person(birthDate="2101-01-01")))["data"][
        "registerPatient"
    ]
    assert to_come["code"] == "BORN_IN_FUTURE"
    assert (await ask(lakeside, "nora", FIND))["data"]["patients"]["edges"] == []


async def test_a_mentor_finds_nobody(lakeside: World, ask: Any) -> None:
    answer = await ask(lakeside, "mona", FIND)
    assert answer["errors"][0]["extensions"]["code"] == "NOT_ALLOWED"
