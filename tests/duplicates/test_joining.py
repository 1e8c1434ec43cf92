"""Two records of one person over the front door: found, joined, taken apart, and what is refused."""

import asyncio
from typing import Any

from cast import World
from claims.care import last_month, minutes, someone_in_care
from duplicates.pairs import join, registered, twice_on_file

from server.graphql.connections import global_id

PAIRS = """{ duplicatePairs { edges { node { id score alike unlike
  one { patientId recordNumber } other { patientId recordNumber } } } } }"""
SEPARATE = """mutation ($input: SeparateRecordsInput!) { separateRecords(input: $input) { __typename
  ... on PatientMerge { id undoneAt undoneReason } ... on Refusal { code message } } }"""
WHOLE = """query ($id: ID!) { node(id: $id) { ... on Patient { id recordNumber givenNames language
  story { whatMatters } contactWays { value } coverages { memberId }
  consents { program } planVersions { number goals } encounters(first: 9) { edges { node { note } } }
  minutes(first: 9) { edges { node { seconds } } } monthTotals { month seconds } } } }"""


async def one_pair(ask: Any, drain: Any, world: World) -> dict[str, Any]:
    await drain()
    found = (await ask(world, "nora", PAIRS))["data"]["duplicatePairs"]["edges"]
    assert len(found) == 1, found
    return found[0]["node"]  # type: ignore[no-any-return]


async def test_found_joined_and_taken_apart(lakeside: World, hillcrest: World, ask: Any, drain: Any) -> None:
    one, other = await twice_on_file(lakeside)
    pair = await one_pair(ask, drain, lakeside)
    assert 0.7 <= pair["score"] <= 1
    assert "the same birth date" in pair["alike"]
    assert "the same telephone number" in pair["alike"]
    assert (await ask(hillcrest, "nora", PAIRS))["data"]["duplicatePairs"]["edges"] == []

    done = await join(ask, lakeside, one, other, take=["given_names"])
    assert done["__typename"] == "PatientMerge", done
    assert done["goneNumber"] == "K-2"
    assert done["taken"] == ["given_names", "language"]  # chosen; and what only the other one knew
    await drain()

    for id in (one, other):  # the old id leads on
        found = (await ask(lakeside, "nora", WHOLE, id=global_id("Patient", id)))["data"]["node"]
        assert found["recordNumber"] == "K-1"
        assert found["givenNames"] == "Ana"
        assert found["language"] == "es"
        assert found["story"] == {"whatMatters": "Her sister"}  # the newest of both
        assert len(found["contactWays"]) == 1  # the same number is not there twice
        assert found["coverages"] == [{"memberId": "1EG4TE5MK73"}]
        assert len(found["consents"]) == 2
        assert {plan["goals"] for plan in found["planVersions"]} == {"Walk to church", "Sleep through"}
        assert len(found["encounters"]["edges"]) == 2
        assert len(found["minutes"]["edges"]) == 2
        assert [total["seconds"] for total in found["monthTotals"]] == [24 * 60]

    find = "query ($find: Line) { patients(find: $find) { edges { node { recordNumber } } } }"
    for typed in ("K-1", "K-2", "ana kel", "0142"):
        rows = (await ask(lakeside, "nora", find, find=typed))["data"]["patients"]["edges"]
        assert rows == [{"node": {"recordNumber": "K-1"}}], typed

    answer = await ask(lakeside, "nora", SEPARATE, input={"mergeId": done["id"], "reason": "Sisters"})
    assert answer["data"]["separateRecords"]["undoneReason"] == "Sisters", answer
    await drain()
    found = (await ask(lakeside, "nora", WHOLE, id=global_id("Patient", one)))["data"]["node"]
    assert (found["givenNames"], found["language"]) == ("Anna", "")
    assert [total["seconds"] for total in found["monthTotals"]] == [12 * 60]
    found = (await ask(lakeside, "nora", WHOLE, id=global_id("Patient", other)))["data"]["node"]
    assert (found["recordNumber"], found["givenNames"]) == ("K-2", "Ana")
    assert [total["seconds"] for total in found["monthTotals"]] == [12 * 60]


async def test_nobody_else_and_nobody_elses(lakeside: World, hillcrest: World, ask: Any, drain: Any) -> None:
    one, other = await twice_on_file(lakeside)
    pair = await one_pair(ask, drain, lakeside)
    for who in ("fred", "bill", "mika", "mona", "dr_lin"):
        assert (await join(ask, lakeside, one, other, who))["code"] == "NOT_ALLOWED", who
    assert (await join(ask, hillcrest, one, other))["code"] == "NOT_FOUND"
    theirs = await registered(hillcrest, "Keller", "Anna")
    assert (await join(ask, lakeside, one, theirs))["code"] == "NOT_FOUND"
    told = """mutation ($input: TellApartInput!) { tellApart(input: $input) { __typename
      ... on DuplicatePair { state reason decidedBy } ... on Refusal { code } } }"""
    given = {"pairId": pair["id"], "reason": "Twins"}
    assert (await ask(hillcrest, "nora", told, input=given))["data"]["tellApart"]["code"] == "NOT_FOUND"
    said = (await ask(lakeside, "ada", told, input=given))["data"]["tellApart"]
    assert said == {
        "__typename": "DuplicatePair",
        "state": "DIFFERENT",
        "reason": "Twins",
        "decidedBy": "Ada Brandt",
    }
    assert (await ask(lakeside, "nora", PAIRS))["data"]["duplicatePairs"]["edges"] == []


async def test_two_people_are_not_asked_about_again_until_something_changes(
    lakeside: World, ask: Any, drain: Any
) -> None:
    one, _ = await twice_on_file(lakeside)
    pair = await one_pair(ask, drain, lakeside)
    for name, given in (("tellApart", {"reason": "Twins"}), ("askLater", {})):
        kind = name[0].upper() + name[1:] + "Input"
        said = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ __typename }} }}"
        answer = await ask(lakeside, "nora", said, input={"pairId": pair["id"], **given})
        assert answer["data"][name]["__typename"] == "DuplicatePair"
        await ask(lakeside, "nora", "mutation { lookForDuplicates { ... on LookedForDuplicates { asked } } }")
        await drain()
        assert (await ask(lakeside, "nora", PAIRS))["data"]["duplicatePairs"]["edges"] == []
    again = "mutation ($input: TellApartInput!) { tellApart(input: $input) { __typename } }"
    await ask(lakeside, "nora", again, input={"pairId": pair["id"], "reason": "Twins"})
    changed = "mutation ($input: ChangePatientInput!) { changePatient(input: $input) { __typename } }"
    done = await ask(
        lakeside, "nora", changed, input={"patientId": global_id("Patient", one), "givenNames": "Ana"}
    )
    assert done["data"]["changePatient"]["__typename"] == "Patient", done
    await ask(lakeside, "nora", "mutation { lookForDuplicates { ... on LookedForDuplicates { asked } } }")
    await one_pair(ask, drain, lakeside)


async def test_twice_at_once_crosswise_and_in_chains(lakeside: World, ask: Any, drain: Any) -> None:
    one, other = await twice_on_file(lakeside)
    third = await registered(lakeside, "Keller", "Anne", record_number="K-3")
    same = await asyncio.gather(*(join(ask, lakeside, one, other) for _ in range(4)))
    assert len({done["id"] for done in same}) == 1
    crosswise = await join(ask, lakeside, other, one)
    assert crosswise["code"] == "RECORD_JOINED"
    assert (await join(ask, lakeside, one, one))["code"] == "ONE_RECORD"

    after = await join(ask, lakeside, third, one)
    assert after["__typename"] == "PatientMerge", after
    await drain()
    for id in (one, other, third):
        found = (await ask(lakeside, "nora", WHOLE, id=global_id("Patient", id)))["data"]["node"]
        assert found["recordNumber"] == "K-3"
        assert len(found["consents"]) == len(found["minutes"]["edges"]) == 2
    refused = await ask(lakeside, "nora", SEPARATE, input={"mergeId": same[0]["id"], "reason": "No"})
    assert refused["data"]["separateRecords"]["code"] == "JOINED_ON"
    for merge in (after, same[0]):
        answer = await ask(lakeside, "nora", SEPARATE, input={"mergeId": merge["id"], "reason": "No"})
        assert answer["data"]["separateRecords"]["__typename"] == "PatientMerge", answer
    for number, id in (("K-1", one), ("K-2", other), ("K-3", third)):
        found = (await ask(lakeside, "nora", WHOLE, id=global_id("Patient", id)))["data"]["node"]
        assert found["recordNumber"] == number


async def test_both_ways_at_once_is_one_way(lakeside: World, ask: Any) -> None:
    one, other = await twice_on_file(lakeside)
    done = await asyncio.gather(join(ask, lakeside, one, other), join(ask, lakeside, other, one))
    assert sorted(each["__typename"] for each in done) == ["PatientMerge", "Refusal"]


async def test_what_was_written_for_the_record_that_went_is_mended_under_the_one_that_stayed(
    lakeside: World, ask: Any, drain: Any
) -> None:
    from server.minutes.actions import correct_minutes, void_minutes
    from server.tenants.db import tenant_db

    one = await registered(lakeside, "Keller", "Anna", record_number="K-1")
    other = await registered(lakeside, "Keller", "Ana", record_number="K-2")
    entries = await minutes(lakeside, other, last_month(lakeside.zone), 12, 20)
    await join(ask, lakeside, one, other)
    nora = lakeside.actor("nora")
    async with tenant_db(nora) as db:
        await void_minutes(db, nora, entries[0], reason="Not so")
    async with tenant_db(nora) as db:
        await correct_minutes(db, nora, entries[1], changes={"mode": "video"}, reason="By video")
    await drain()
    found = (await ask(lakeside, "nora", WHOLE, id=global_id("Patient", one)))["data"]["node"]
    assert [total["seconds"] for total in found["monthTotals"]] == [20 * 60]
    log = """mutation ($input: AddContactWayInput!) { addContactWay(input: $input) { __typename
      ... on Refusal { code nextStep } } }"""
    given = {"patientId": global_id("Patient", other), "kind": "phone", "value": "(313) 555-0199"}
    answer = await ask(lakeside, "nora", log, input=given)
    assert answer["data"]["addContactWay"] == {
        "__typename": "Refusal", "code": "RECORD_JOINED", "nextStep": "Go on with record K-1.",
    }  # fmt: skip


async def test_a_number_on_both_records_stays_once_and_no_best_time_is_lost(
    lakeside: World, ask: Any
) -> None:
    from server.patients.details import add_contact_way
    from server.tenants.db import tenant_db

    fred = lakeside.actor("fred")
    one = await registered(lakeside, "Keller", "Anna", record_number="K-1")
    other = await registered(lakeside, "Keller", "Ana", record_number="K-2")
    async with tenant_db(fred) as db:
        for id, number, best in (
            (one, "0142", "Mornings"), (other, "0142", ""), (one, "0143", ""), (other, "0143", "After 5 pm"),
        ):  # fmt: skip
            value = f"(313) 555-{number}"
            await add_contact_way(db, fred, id, kind="phone", value=value, best_time=best)
    await join(ask, lakeside, one, other)
    whole = "query ($id: ID!) { node(id: $id) { ... on Patient { contactWays { value bestTime } } } }"
    found = (await ask(lakeside, "nora", whole, id=global_id("Patient", one)))["data"]["node"]["contactWays"]
    assert sorted((way["value"][-4:], way["bestTime"]) for way in found) == [
        ("0142", "Mornings"), ("0143", ""), ("0143", "After 5 pm"),
    ]  # fmt: skip


async def test_two_in_one_program_are_refused_and_the_way_out_works(lakeside: World, ask: Any) -> None:
    month = last_month(lakeside.zone)
    one = await someone_in_care(lakeside, month)
    other = await someone_in_care(lakeside, month)
    assert (await join(ask, lakeside, one, other))["code"] == "BOTH_ENROLLED"


async def test_a_month_counts_both_records_once_and_then_they_stay_one(
    lakeside: World, ask: Any, drain: Any
) -> None:
    from claims.month_end import close_month

    month = last_month(lakeside.zone)
    kept = await someone_in_care(lakeside, month)
    gone = await registered(lakeside, "Walker", "Ruthie")
    await minutes(lakeside, kept, month, 12, hour=14)
    await minutes(lakeside, gone, month, 13, hour=17)
    done = await join(ask, lakeside, kept, gone)
    await close_month(lakeside.actor("bill"), month)
    lines = """query ($month: Line!) { monthDecisions(month: $month) { edges { node {
      patientId lines { code } } } } }"""
    answer = await ask(lakeside, "bill", lines, month=month)
    assert not answer["errors"], answer
    (decided,) = [edge["node"] for edge in answer["data"]["monthDecisions"]["edges"]]
    assert [line["code"] for line in decided["lines"]] == ["99490"]  # neither record alone had twenty minutes
    refused = await ask(lakeside, "nora", SEPARATE, input={"mergeId": done["id"], "reason": "No"})
    assert refused["data"]["separateRecords"]["code"] == "DECIDED_SINCE"

    other = await registered(lakeside, "Walker", "Rut")
    assert (await join(ask, lakeside, other, kept))["code"] == "GOES_BILLED"
    assert (await join(ask, lakeside, kept, other))["__typename"] == "PatientMerge"


async def test_what_one_record_does_not_know_takes_nothing_from_the_one_that_stays(
    lakeside: World, ask: Any
) -> None:
    one = await registered(lakeside, "Keller", "Anna", record_number="K-1", language="es", sex="female")
    other = await registered(lakeside, "Keller", "Ana", record_number="K-2", sex="unknown")
    wrong = await join(ask, lakeside, one, other, take=["height"])
    assert wrong["code"] == "FIELD_UNKNOWN"
    assert "given_names" in wrong["nextStep"]
    done = await join(ask, lakeside, one, other, take=["language", "given_names", "sex"])
    assert done["taken"] == ["given_names", "sex"]
    found = (await ask(lakeside, "nora", WHOLE, id=global_id("Patient", one)))["data"]["node"]
    assert (found["givenNames"], found["language"]) == ("Ana", "es")


async def test_nobody_tells_two_records_apart_that_were_joined_meanwhile(
    lakeside: World, ask: Any, drain: Any
) -> None:
    one, other = await twice_on_file(lakeside)
    pair = await one_pair(ask, drain, lakeside)
    await join(ask, lakeside, one, other)
    for name, given in (("tellApart", {"reason": "Twins"}), ("askLater", {})):
        kind = name[0].upper() + name[1:] + "Input"
        said = f"""mutation ($input: {kind}!) {{ {name}(input: $input) {{ __typename
          ... on Refusal {{ code nextStep }} }} }}"""
        answer = await ask(lakeside, "nora", said, input={"pairId": pair["id"], **given})
        assert answer["data"][name] == {
            "__typename": "Refusal", "code": "RECORD_JOINED", "nextStep": "Go on with record K-1.",
        }  # fmt: skip
