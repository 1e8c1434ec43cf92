"""Plans: versions that are never edited, numbered without gaps whoever writes when, and the copies given."""

import asyncio
from datetime import timedelta
from typing import Any

from cast import World
from newcomer import register, say, today

FIELDS = "id program number datedOn problems goals steps medicines supports expected reviewOn substantiallyRevised recordedBy copies { givenOn how toWhom recordedBy }"
RESULT = f"{{ ... on PlanVersion {{ {FIELDS} }} ... on Refusal {{ code message nextStep field }} }}"
WRITE = f"mutation ($input: WritePlanInput!) {{ writePlan(input: $input) {RESULT} }}"
COPY = f"mutation ($input: RecordPlanCopyInput!) {{ recordPlanCopy(input: $input) {RESULT} }}"
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on PlanVersion {{ {FIELDS} }} }} }}"
OF = f"query ($id: ID!) {{ node(id: $id) {{ ... on Patient {{ planVersions(program: CCM) {{ number }} currentPlan {{ {FIELDS} }} }} }} }}"


async def write(ask: Any, world: World, patient: str, who: str = "nora", **more: Any) -> dict[str, Any]:
    new = {
        "patientId": patient,
        "program": "CCM",
        "datedOn": str(today(world)),
        "goals": "Walk to church again",
        **more,
    }
    return await say(ask, world, who, WRITE, input=new)


async def test_a_plan_is_written_changed_by_a_further_version_and_given(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    assert (await say(ask, lakeside, "nora", OF, id=maria)) == {"planVersions": [], "currentPlan": None}
    first = await write(ask, lakeside, maria, supports="Elena drives; Mr. Hale next door looks in")
    second = await write(
        ask, lakeside, maria, "rosa", goals="Sing in the choir", substantiallyRevised=True, basedOn=1
    )
    assert (first["number"], second["number"]) == (1, 2)
    assert (first["recordedBy"], second["recordedBy"]) == ("Nora Feld", "Rosa Ortiz")
    day = str(today(lakeside))
    given = await say(
        ask,
        lakeside,
        "nora",
        COPY,
        input={
            "planVersionId": second["id"],
            "givenOn": day,
            "how": "READ_ALOUD",
            "toWhom": "Maria and Elena",
        },
    )
    assert given["copies"] == [
        {"givenOn": day, "how": "READ_ALOUD", "toWhom": "Maria and Elena", "recordedBy": "Nora Feld"}
    ]
    seen = await say(ask, lakeside, "nora", OF, id=maria)
    assert [row["number"] for row in seen["planVersions"]] == [2, 1]
    assert seen["currentPlan"] == given
    assert await say(ask, lakeside, "nora", NODE, id=first["id"]) == first
    other = await write(ask, lakeside, maria, program="PDCM")
    assert other["number"] == 1
    for document, what in ((NODE, first["id"]), (OF, maria)):
        assert (await ask(hillcrest, "nora", document, id=what))["errors"][0]["extensions"][
            "code"
        ] == "NOT_FOUND"
    assert (await write(ask, hillcrest, maria))["code"] == "NOT_FOUND"
    copy = {"planVersionId": first["id"], "givenOn": day, "how": "MAIL", "toWhom": "Maria"}
    assert (await say(ask, hillcrest, "nora", COPY, input=copy))["code"] == "NOT_FOUND"


async def test_eight_writers_at_once_get_the_numbers_one_to_eight(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    answers = await asyncio.gather(*(write(ask, lakeside, maria, goals=f"Goal {n}") for n in range(8)))
    assert sorted(answer["number"] for answer in answers) == list(range(1, 9))


async def test_a_writer_who_started_from_an_older_version_is_told_and_nothing_is_lost(
    lakeside: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    await write(ask, lakeside, maria)
    answers = await asyncio.gather(*(write(ask, lakeside, maria, basedOn=1) for _ in range(4)))
    assert sorted(answer.get("code", "made") for answer in answers) == ["PLAN_MOVED_ON"] * 3 + ["made"]
    assert [row["number"] for row in (await say(ask, lakeside, "nora", OF, id=maria))["planVersions"]] == [
        2,
        1,
    ]


async def test_plans_that_cannot_be_are_refused(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    day = today(lakeside)
    for more, code, field in (
        ({"datedOn": str(day + timedelta(days=1))}, "DATED_IN_FUTURE", "datedOn"),
        ({"datedOn": "1948-03-08"}, "DATED_BEFORE_BIRTH", "datedOn"),
        ({"goals": None}, "PLAN_EMPTY", "goals"),
        ({"reviewOn": str(day)}, "REVIEW_TOO_SOON", "reviewOn"),
    ):
        refused = await write(ask, lakeside, maria, **more)
        assert (refused["code"], refused["field"]) == (code, field)
    version = await write(ask, lakeside, maria, datedOn=str(day - timedelta(days=3)))
    for given_on, code in (
        (day + timedelta(days=1), "DATED_IN_FUTURE"),
        (day - timedelta(days=4), "COPY_BEFORE_PLAN"),
    ):
        copy = {"planVersionId": version["id"], "givenOn": str(given_on), "how": "PAPER", "toWhom": "Maria"}
        assert (await say(ask, lakeside, "nora", COPY, input=copy))["code"] == code
    assert (await say(ask, lakeside, "nora", OF, id=maria))["currentPlan"]["copies"] == []


async def test_who_may_not_write_or_read_plans_is_told_so(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    for who in ("ada", "bill", "fred", "mona"):
        assert (await write(ask, lakeside, maria, who))["code"] == "NOT_ALLOWED", who
    answer = await ask(lakeside, "bill", OF, id=maria)
    assert answer["data"]["node"] == {"planVersions": None, "currentPlan": None}
