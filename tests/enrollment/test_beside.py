"""What payers' rules ask about beside consent: visits, judgements, other services, attestations."""

from datetime import timedelta
from typing import Any

from cast import World
from newcomer import register, say, staff, today

VISIT = "mutation ($input: RecordPractitionerVisitInput!) { recordPractitionerVisit(input: $input) { ... on PractitionerVisit { id kindName practitionerName initiatingFor recordedBy } ... on Refusal { code field } } }"
WITHDRAW_VISIT = "mutation ($input: WithdrawPractitionerVisitInput!) { withdrawPractitionerVisit(input: $input) { ... on PractitionerVisit { id withdrawnAt withdrawnReason } ... on Refusal { code } } }"
LEVEL = "mutation ($input: RecordDecisionLevelInput!) { recordDecisionLevel(input: $input) { ... on DecisionLevel { month level recordedBy } ... on Refusal { code field } } }"
SERVICE = "mutation ($input: RecordOtherServiceInput!) { recordOtherService(input: $input) { ... on OtherService { id code practitionerName } ... on Refusal { code field } } }"
WITHDRAW_SERVICE = "mutation ($input: WithdrawOtherServiceInput!) { withdrawOtherService(input: $input) { ... on OtherService { withdrawnReason } ... on Refusal { code } } }"
ATTEST = "mutation ($input: AttestInput!) { attest(input: $input) { ... on Attestation { element met practiceWide onDate } ... on Refusal { code field } } }"
OF = """query ($id: ID!) { node(id: $id) { ... on Patient { practitionerVisits { id withdrawnReason }
  decisionLevels { month level } otherServices { id withdrawnReason } attestations { element met practiceWide } } } }"""
PRACTICE = "query { practiceAttestations { element met } }"


async def test_visits_are_recorded_and_taken_back_with_a_reason(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    new = {"patientId": maria, "kind": "OFFICE_VISIT", "visitedOn": str(today(lakeside)), "practitionerId": staff(lakeside, "dr_lin"),
           "initiatingFor": "CCM"}  # fmt: skip
    made = await say(ask, lakeside, "mika", VISIT, input=new)
    assert (made["kindName"], made["practitionerName"], made["initiatingFor"]) == (
        "Office visit",
        "Lin Wei",
        "CCM",
    )
    for field, value, code in (
        ("visitedOn", str(today(lakeside) + timedelta(days=1)), "DATED_IN_FUTURE"),
        ("practitionerId", staff(hillcrest, "dr_lin"), "NOT_FOUND"),
    ):
        assert (await say(ask, lakeside, "mika", VISIT, input={**new, field: value}))["code"] == code
    back = {"practitionerVisitId": made["id"], "reason": "cancelled"}
    assert (await say(ask, hillcrest, "mika", WITHDRAW_VISIT, input=back))["code"] == "NOT_FOUND"
    assert (await say(ask, lakeside, "mika", WITHDRAW_VISIT, input=back))["withdrawnAt"]
    assert (await say(ask, lakeside, "mika", WITHDRAW_VISIT, input=back))["code"] == "ALREADY_WITHDRAWN"
    rows = (await say(ask, lakeside, "nora", OF, id=maria))["practitionerVisits"]
    assert rows == [{"id": made["id"], "withdrawnReason": "cancelled"}]


async def test_a_months_decisions_are_judged_and_judged_again_and_the_newest_is_first(
    lakeside: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    month = f"{today(lakeside):%Y-%m}"
    for level in ("LOW", "MODERATE"):
        made = await say(
            ask,
            lakeside,
            "dr_lin",
            LEVEL,
            input={"patientId": maria, "program": "CCM", "month": month, "level": level},
        )
        assert made == {"month": month, "level": level, "recordedBy": "Lin Wei"}
    rows = (await say(ask, lakeside, "nora", OF, id=maria))["decisionLevels"]
    assert [row["level"] for row in rows] == ["MODERATE", "LOW"]
    for wrong, code in (
        ("2026-13", "MONTH_FORM"),
        ("November", "MONTH_FORM"),
        ("2149-01", "DATED_IN_FUTURE"),
    ):
        refused = await say(
            ask,
            lakeside,
            "dr_lin",
            LEVEL,
            input={"patientId": maria, "program": "CCM", "month": wrong, "level": "LOW"},
        )
        assert refused == {"code": code, "field": "month"}


async def test_services_billed_elsewhere_are_written_down_and_taken_back(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    new = {"patientId": maria, "code": "g0181", "onDate": str(today(lakeside))}
    made = await say(ask, lakeside, "nora", SERVICE, input=new)
    assert (made["code"], made["practitionerName"]) == ("G0181", None)
    refused = await say(ask, lakeside, "nora", SERVICE, input={**new, "code": "oversight"})
    assert refused == {"code": "SERVICE_CODE_FORM", "field": "code"}
    back = {"otherServiceId": made["id"], "reason": "the other office says no"}
    assert (await say(ask, hillcrest, "nora", WITHDRAW_SERVICE, input=back))["code"] == "NOT_FOUND"
    assert (await say(ask, lakeside, "nora", WITHDRAW_SERVICE, input=back))[
        "withdrawnReason"
    ] == "the other office says no"
    assert (await say(ask, lakeside, "nora", WITHDRAW_SERVICE, input=back))["code"] == "ALREADY_WITHDRAWN"


async def test_elements_are_attested_for_the_practice_and_for_a_person(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    james = await register(ask, lakeside, givenNames="James")
    day = str(today(lakeside))
    wide = await say(
        ask, lakeside, "nora", ATTEST, input={"element": "access_24x7", "met": True, "onDate": day}
    )
    assert wide == {"element": "access_24x7", "met": True, "practiceWide": True, "onDate": day}
    await say(
        ask,
        lakeside,
        "nora",
        ATTEST,
        input={"element": "significant_risk", "met": True, "onDate": day, "patientId": maria},
    )
    await say(ask, lakeside, "nora", ATTEST, input={"element": "access_24x7", "met": False, "onDate": day})
    assert await say(ask, lakeside, "nora", PRACTICE) == [
        {"element": "access_24x7", "met": False}, {"element": "access_24x7", "met": True},
    ]  # fmt: skip
    hers = (await say(ask, lakeside, "nora", OF, id=maria))["attestations"]
    his = (await say(ask, lakeside, "nora", OF, id=james))["attestations"]
    assert {(row["element"], row["practiceWide"]) for row in hers} == {
        ("access_24x7", True),
        ("significant_risk", False),
    }
    assert {row["element"] for row in his} == {"access_24x7"}
    assert next(row["met"] for row in hers if row["element"] == "access_24x7") is False
    assert await say(ask, hillcrest, "nora", PRACTICE) == []
    refused = await say(
        ask, lakeside, "nora", ATTEST, input={"element": "A thing!", "met": True, "onDate": day}
    )
    assert refused == {"code": "ELEMENT_UNKNOWN", "field": "element"}
    tomorrow = str(today(lakeside) + timedelta(days=1))
    assert (
        await say(ask, lakeside, "nora", ATTEST, input={"element": "x", "met": True, "onDate": tomorrow})
    )["code"] == "DATED_IN_FUTURE"
