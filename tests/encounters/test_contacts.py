"""Contacts: three fields suffice, two writers lose nothing, a signed one is amended with what it said before."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from cast import World
from newcomer import ago, key, register, say, staff, today, written
from sqlalchemy.ext.asyncio import AsyncEngine

from server.ids import new_id
from server.patients.tables import Diagnosis
from server.tenants.db import tenant_db

FIELDS = """id kind kindName outcome outcomeName at staffName program note nextStep whoElse videoDeclined aboutCode
  revision signedAt recordedBy amendments { reason noteBefore outcomeBefore revisionBefore amendedBy }"""
RESULT = f"{{ __typename ... on Encounter {{ {FIELDS} }} ... on Refusal {{ code message nextStep field }} }}"
WITH_NEWER = RESULT[:-1] + f" ... on NewerEncounter {{ message nextStep newer {{ {FIELDS} }} }} }}"
RECORD = f"mutation ($input: RecordEncounterInput!) {{ recordEncounter(input: $input) {RESULT} }}"
SAVE = f"mutation ($input: SaveEncounterInput!) {{ saveEncounter(input: $input) {WITH_NEWER} }}"
SIGN = f"mutation ($input: SignEncounterInput!) {{ signEncounter(input: $input) {WITH_NEWER} }}"
AMEND = f"mutation ($input: AmendEncounterInput!) {{ amendEncounter(input: $input) {WITH_NEWER} }}"
CONTACT = f"""mutation ($input: RecordContactInput!) {{ recordContact(input: $input) {{
  ... on RecordedContact {{ encounter {{ {FIELDS} }} minutes {{ encounterId mode withPatient seconds staffName }} }}
  ... on Refusal {{ code field }} }} }}"""
OF = f"""query ($id: ID!, $first: Int!, $after: String) {{ node(id: $id) {{ ... on Patient {{
  encounters(first: $first, after: $after) {{ edges {{ node {{ {FIELDS} }} }} pageInfo {{ hasNextPage endCursor }} }} }} }} }}"""
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on Encounter {{ {FIELDS} }} }} }}"


async def record(ask: Any, world: World, patient: str, who: str = "nora", **more: Any) -> dict[str, Any]:
    new = {"patientId": patient, "kind": "PHONE", "at": written(ago(hours=1)), **more}
    return await say(ask, world, who, RECORD, input=new)


async def listed(ask: Any, world: World, patient: str) -> list[dict[str, Any]]:
    node = await say(ask, world, "nora", OF, id=patient, first=50, after=None)
    return [edge["node"] for edge in node["encounters"]["edges"]]


async def test_kind_time_and_person_suffice(lakeside: World, hillcrest: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    made = await record(ask, lakeside, maria)
    assert (made["kindName"], made["outcome"], made["staffName"], made["revision"]) == (
        "Phone call",
        "REACHED",
        "Nora Feld",
        1,
    )
    assert made["signedAt"] is None
    assert await say(ask, lakeside, "rosa", NODE, id=made["id"]) == {
        k: v for k, v in made.items() if k != "__typename"
    }
    for document, variables in ((NODE, {"id": made["id"]}), (OF, {"id": maria, "first": 5, "after": None})):
        there = await ask(hillcrest, "nora", document, **variables)
        assert there["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert (await record(ask, hillcrest, maria))["code"] == "NOT_FOUND"
    for document, more in (
        (SAVE, {"changes": {"note": "x"}}),
        (SIGN, {}),
        (AMEND, {"changes": {}, "reason": "x"}),
    ):
        there = await say(
            ask, hillcrest, "nora", document, input={"encounterId": made["id"], "revision": 1, **more}
        )
        assert there["code"] == "NOT_FOUND"


async def test_contacts_that_reached_nobody_count_too_and_the_newest_is_first(
    lakeside: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    outcomes = [
        "NO_ANSWER",
        "LEFT_MESSAGE",
        "WRONG_NUMBER",
        "NO_SHOW",
        "DECLINED_CONTACT",
        "DECLINED_PROGRAM",
        "REACHED_SUPPORTER",
    ]
    for hours, outcome in enumerate(outcomes, start=1):
        await record(ask, lakeside, maria, outcome=outcome, at=written(ago(hours=hours)))
    assert [row["outcome"] for row in await listed(ask, lakeside, maria)] == outcomes
    first = await say(ask, lakeside, "nora", OF, id=maria, first=5, after=None)
    rest = await say(
        ask, lakeside, "nora", OF, id=maria, first=5, after=first["encounters"]["pageInfo"]["endCursor"]
    )
    assert [edge["node"]["outcome"] for edge in rest["encounters"]["edges"]] == outcomes[5:]
    assert rest["encounters"]["pageInfo"]["hasNextPage"] is False


async def test_a_contact_to_come_or_before_birth_is_refused_and_one_after_a_death_is_not(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    maria = await register(ask, lakeside)
    assert (await record(ask, lakeside, maria, at=written(ago(hours=-1))))["code"] == "DATED_IN_FUTURE"
    assert (await record(ask, lakeside, maria, at=written(datetime(1940, 1, 1, tzinfo=UTC))))[
        "code"
    ] == "DATED_BEFORE_BIRTH"
    assert await listed(ask, lakeside, maria) == []
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update patient set deceased_on = :day where id = :id"),
            {"day": today(lakeside) - timedelta(days=3), "id": key(maria)},
        )
    condolence = await record(
        ask, lakeside, maria, outcome="REACHED_SUPPORTER", whoElse="Elena", note="Told her we are sorry."
    )
    assert condolence["whoElse"] == "Elena"


async def test_two_people_writing_in_one_note_lose_nothing(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    made = await record(ask, lakeside, maria, note="She is well.")
    base = {"encounterId": made["id"], "revision": 1}
    first = await say(
        ask, lakeside, "rosa", SAVE, input={**base, "changes": {"note": "She is well. Her feet are better."}}
    )
    assert (first["revision"], first["kind"]) == (2, "PHONE")
    late = await say(
        ask, lakeside, "nora", SAVE, input={**base, "changes": {"note": "She is well. Call her on Friday."}}
    )
    assert late["__typename"] == "NewerEncounter"
    assert late["newer"]["note"] == "She is well. Her feet are better."
    assert late["newer"]["revision"] == 2
    both = {
        "encounterId": made["id"],
        "revision": 2,
        "changes": {"note": "She is well. Her feet are better. Call her on Friday."},
    }
    assert (await say(ask, lakeside, "nora", SAVE, input=both))["revision"] == 3
    answers = await asyncio.gather(
        *(
            say(
                ask,
                lakeside,
                "nora",
                SAVE,
                input={"encounterId": made["id"], "revision": 3, "changes": {"note": f"{n}"}},
            )
            for n in range(8)
        )
    )
    kept = [answer for answer in answers if answer["__typename"] == "Encounter"]
    assert len(kept) == 1
    assert {answer["newer"]["note"] for answer in answers if answer["__typename"] == "NewerEncounter"} == {
        kept[0]["note"]
    }


async def test_a_change_leaves_the_rest_and_null_empties(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    made = await record(ask, lakeside, maria, note="n", nextStep="s", program="CCM", videoDeclined=True)
    changed = await say(
        ask, lakeside, "nora", SAVE,
        input={"encounterId": made["id"], "revision": 1, "changes": {"nextStep": None, "program": None, "outcome": "NO_ANSWER", "kind": None}},
    )  # fmt: skip
    assert (changed["note"], changed["nextStep"], changed["program"], changed["kind"]) == (
        "n",
        "",
        None,
        "PHONE",
    )
    assert (changed["outcome"], changed["videoDeclined"]) == ("NO_ANSWER", True)


async def test_a_signed_contact_is_amended_with_a_reason_and_keeps_what_it_said(
    lakeside: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    made = await record(ask, lakeside, maria, note="Sugar 140.")
    base = {"encounterId": made["id"], "revision": 1}
    assert (await say(ask, lakeside, "nora", AMEND, input={**base, "reason": "x", "changes": {}}))[
        "code"
    ] == "NOT_SIGNED"
    assert (await say(ask, lakeside, "rosa", SIGN, input=base))["code"] == "NOT_YOURS_TO_SIGN"
    signed = await say(ask, lakeside, "nora", SIGN, input=base)
    assert signed["signedAt"]
    now_at = {"encounterId": made["id"], "revision": signed["revision"]}
    assert (await say(ask, lakeside, "nora", SIGN, input=now_at))["code"] == "SIGNED"
    assert (await say(ask, lakeside, "nora", SAVE, input={**now_at, "changes": {"note": "Sugar 104."}}))[
        "code"
    ] == "SIGNED"
    amended = await say(
        ask, lakeside, "nora", AMEND,
        input={**now_at, "reason": "Digits swapped", "changes": {"note": "Sugar 104.", "outcome": "REACHED_SUPPORTER"}},
    )  # fmt: skip
    assert amended["note"] == "Sugar 104."
    assert amended["amendments"] == [
        {
            "reason": "Digits swapped",
            "noteBefore": "Sugar 140.",
            "outcomeBefore": "REACHED",
            "revisionBefore": 2,
            "amendedBy": "Nora Feld",
        }
    ]
    stale = await say(ask, lakeside, "rosa", AMEND, input={**now_at, "reason": "x", "changes": {"note": "y"}})
    assert stale["newer"]["note"] == "Sugar 104."


async def test_a_contact_may_name_one_of_the_persons_own_diagnoses(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    assert (await record(ask, lakeside, maria, aboutCode="E11.9"))["code"] == "DIAGNOSIS_NOT_CHOSEN"
    async with tenant_db(lakeside.system()) as db:
        db.add(
            Diagnosis(
                tenant_id=lakeside.tenant_id, id=new_id(), patient_id=key(maria), code="E11.9", label="Diabetes", chronic=True,
                from_on=date(2020, 1, 1), made_at=datetime.now(UTC),
            )
        )  # fmt: skip
    assert (await record(ask, lakeside, maria, aboutCode="E11.9"))["aboutCode"] == "E11.9"


async def test_a_colleagues_contact_may_be_written_down_for_them(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    made = await record(ask, lakeside, maria, "mika", staffId=staff(lakeside, "dr_lin"))
    assert (made["staffName"], made["recordedBy"]) == ("Lin Wei", "Mika Salo")
    assert (await record(ask, lakeside, maria, staffId=staff(hillcrest, "nora")))["code"] == "NOT_FOUND"


async def test_one_save_makes_the_note_and_its_minutes_or_neither(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    start = ago(hours=2)
    span = {
        "program": "CCM",
        "activity": "CONTACT",
        "startedAt": written(start),
        "endedAt": written(start + timedelta(minutes=12)),
    }
    after = {
        **span,
        "activity": "DOCUMENTATION",
        "startedAt": span["endedAt"],
        "endedAt": written(start + timedelta(minutes=15)),
        "withPatient": False,
    }
    encounter = {
        "patientId": maria,
        "kind": "VIDEO",
        "at": written(start),
        "program": "CCM",
        "note": "Talked about her feet.",
    }
    made = await say(ask, lakeside, "nora", CONTACT, input={"encounter": encounter, "spans": [span, after]})
    assert made["minutes"] == [
        {"encounterId": made["encounter"]["id"], "mode": "VIDEO", "withPatient": True, "seconds": 720, "staffName": "Nora Feld"},
        {"encounterId": made["encounter"]["id"], "mode": "VIDEO", "withPatient": False, "seconds": 180, "staffName": "Nora Feld"},
    ]  # fmt: skip
    twice = await say(ask, lakeside, "nora", CONTACT, input={"encounter": encounter, "spans": [span]})
    assert (twice["code"], twice["field"]) == ("OVERLAPS", "startedAt")
    assert len(await listed(ask, lakeside, maria)) == 1
    alone = await say(
        ask,
        lakeside,
        "nora",
        CONTACT,
        input={"encounter": {**encounter, "outcome": "NO_ANSWER"}, "spans": []},
    )
    assert alone["minutes"] == []


async def test_who_may_not_write_or_read_contacts_is_told_so(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    for who in ("ada", "bill", "fred", "mona"):
        assert (await record(ask, lakeside, maria, who))["code"] == "NOT_ALLOWED", who
    answer = await ask(lakeside, "bill", OF, id=maria, first=5, after=None)
    assert answer["data"]["node"] == {"encounters": None}
