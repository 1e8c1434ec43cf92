"""Into a program and out of it, through the door."""

import asyncio
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from cast import World
from newcomer import key, register, say, staff, today
from sqlalchemy.ext.asyncio import AsyncEngine

FIELDS = "id program status startedOn endedOn endedReason practitionerName contactFrequency history { status fromOn reason contactFrequency recordedBy }"
RESULT = f"{{ ... on Enrollment {{ {FIELDS} }} ... on Refusal {{ code message nextStep field }} }}"
ENROLL = f"mutation ($input: EnrollInput!) {{ enroll(input: $input) {RESULT} }}"
CHANGE = f"mutation ($input: ChangeEnrollmentInput!) {{ changeEnrollment(input: $input) {RESULT} }}"
PAUSE = f"mutation ($input: PauseEnrollmentInput!) {{ pauseEnrollment(input: $input) {RESULT} }}"
RESUME = f"mutation ($input: ResumeEnrollmentInput!) {{ resumeEnrollment(input: $input) {RESULT} }}"
END = f"mutation ($input: EndEnrollmentInput!) {{ endEnrollment(input: $input) {RESULT} }}"
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on Enrollment {{ {FIELDS} }} }} }}"
OF = f"query ($id: ID!) {{ node(id: $id) {{ ... on Patient {{ enrollments {{ {FIELDS} }} programs {{ program enrollment {{ id }} consent mayAsk }} }} }} }}"


async def enrolled(ask: Any, world: World, patient: str, **more: Any) -> dict[str, Any]:
    new = {
        "patientId": patient,
        "program": "CCM",
        "startedOn": str(today(world) - timedelta(days=10)),
        **more,
    }
    return await say(ask, world, "nora", ENROLL, input=new)


async def test_from_a_beginning_to_a_goodbye_with_every_step_kept(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    made = await enrolled(
        ask,
        lakeside,
        maria,
        practitionerId=staff(lakeside, "dr_lin"),
        contactFrequency="Every other Friday, after lunch",
    )
    assert (made["status"], made["practitionerName"]) == ("ENROLLED", "Lin Wei")
    assert made["contactFrequency"] == "Every other Friday, after lunch"
    day = today(lakeside)
    one = {"enrollmentId": made["id"]}
    await say(
        ask,
        lakeside,
        "nora",
        PAUSE,
        input={**one, "on": str(day - timedelta(days=5)), "reason": "with her sister"},
    )
    await say(ask, lakeside, "rosa", RESUME, input={**one, "on": str(day - timedelta(days=3))})
    await say(ask, lakeside, "nora", CHANGE, input={**one, "contactFrequency": "Monthly"})
    ended = await say(
        ask, lakeside, "nora", END, input={**one, "on": str(day), "reason": "Goals met; she has our number"}
    )
    assert (ended["status"], ended["endedOn"], ended["endedReason"]) == (
        "ENDED",
        str(day),
        "Goals met; she has our number",
    )
    assert [step["status"] for step in ended["history"]] == [
        "ENROLLED",
        "PAUSED",
        "ENROLLED",
        "ENROLLED",
        "ENDED",
    ]
    assert ended["history"][1]["reason"] == "with her sister"
    assert [step["recordedBy"] for step in ended["history"]][2] == "Rosa Ortiz"
    assert [step["contactFrequency"] for step in ended["history"]][-2:] == ["Monthly", "Monthly"]
    assert await say(ask, lakeside, "nora", NODE, id=made["id"]) == ended
    again = await enrolled(ask, lakeside, maria, startedOn=str(day))
    both = (await say(ask, lakeside, "nora", OF, id=maria))["enrollments"]
    assert {row["id"] for row in both} == {made["id"], again["id"]}
    for document, what in ((NODE, made["id"]), (OF, maria)):
        assert (await ask(hillcrest, "nora", document, id=what))["errors"][0]["extensions"][
            "code"
        ] == "NOT_FOUND"
    theirs = await say(
        ask, hillcrest, "nora", END, input={"enrollmentId": again["id"], "on": str(day), "reason": "x"}
    )
    assert theirs["code"] == "NOT_FOUND"


async def test_nobody_is_in_a_program_twice_even_when_two_enroll_at_once(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    answers = await asyncio.gather(*(enrolled(ask, lakeside, maria) for _ in range(6)))
    assert sorted(answer.get("code", "made") for answer in answers) == ["ALREADY_ENROLLED"] * 5 + ["made"]
    other = await enrolled(ask, lakeside, maria, program="PDCM")
    assert other["program"] == "PDCM"


async def test_days_that_cannot_be_are_refused(lakeside: World, ask: Any, behind: AsyncEngine) -> None:
    maria = await register(ask, lakeside)
    tomorrow = str(today(lakeside) + timedelta(days=1))
    assert (await enrolled(ask, lakeside, maria, startedOn=tomorrow))["code"] == "DATED_IN_FUTURE"
    assert (await enrolled(ask, lakeside, maria, startedOn="1948-03-08"))["code"] == "DATED_BEFORE_BIRTH"
    made = await enrolled(ask, lakeside, maria)
    early = str(today(lakeside) - timedelta(days=11))
    refused = await say(
        ask, lakeside, "nora", END, input={"enrollmentId": made["id"], "on": early, "reason": "x"}
    )
    assert (refused["code"], refused["field"]) == ("BEFORE_LAST_CHANGE", "on")
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update patient set deceased_on = :day where id = :id"),
            {"day": today(lakeside) - timedelta(days=2), "id": key(maria)},
        )
    assert (await enrolled(ask, lakeside, maria, program="PDCM", startedOn=str(today(lakeside))))[
        "code"
    ] == "DATED_AFTER_DEATH"
    # A goodbye is written down after it.
    ended = await say(
        ask,
        lakeside,
        "nora",
        END,
        input={"enrollmentId": made["id"], "on": str(today(lakeside)), "reason": "She died on Tuesday"},
    )
    assert ended["status"] == "ENDED"


async def test_steps_that_make_no_sense_are_refused(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    one = {"enrollmentId": (await enrolled(ask, lakeside, maria))["id"], "on": str(today(lakeside))}
    assert (await say(ask, lakeside, "nora", RESUME, input=one))["code"] == "NOT_PAUSED"
    await say(ask, lakeside, "nora", PAUSE, input=one)
    assert (await say(ask, lakeside, "nora", PAUSE, input=one))["code"] == "ALREADY_PAUSED"
    await say(ask, lakeside, "nora", END, input={**one, "reason": "moved away"})
    for document, more in ((END, {"reason": "x"}), (PAUSE, {}), (RESUME, {})):
        assert (await say(ask, lakeside, "nora", document, input={**one, **more}))[
            "code"
        ] == "ENROLLMENT_ENDED"


async def test_only_a_practitioner_of_this_practice_can_be_named(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    assert (await enrolled(ask, lakeside, maria, practitionerId=staff(lakeside, "nora")))[
        "code"
    ] == "NOT_A_PRACTITIONER"
    assert (await enrolled(ask, lakeside, maria, practitionerId=staff(hillcrest, "dr_lin")))[
        "code"
    ] == "NOT_FOUND"
    assert (await enrolled(ask, lakeside, maria, practitionerId="nonsense"))["code"] == "NOT_FOUND"


async def test_who_may_not_enroll_or_look_is_told_so(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    new = {"patientId": maria, "program": "CCM", "startedOn": str(today(lakeside))}
    for who in ("ada", "bill", "fred", "mona"):
        assert (await say(ask, lakeside, who, ENROLL, input=new))["code"] == "NOT_ALLOWED", who
    answer = await ask(lakeside, "fred", OF, id=maria)
    assert answer["data"]["node"] == {"enrollments": None, "programs": None}
