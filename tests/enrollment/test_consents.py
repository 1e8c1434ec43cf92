"""A yes, a no, a goodbye and a mistake, through the door."""

import asyncio
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from cast import World
from newcomer import ago, key, register, say, staff, today, written
from sqlalchemy.ext.asyncio import AsyncEngine

FIELDS = """id program kind method at effectiveAt wordingVersion wordingHash language givenBy told practitionerName
  reason whatWouldHelp askAgainOn strikes counts recordedBy"""
RESULT = f"{{ ... on Consent {{ {FIELDS} }} ... on Refusal {{ code message nextStep field }} }}"
GIVE = f"mutation ($input: RecordConsentInput!) {{ recordConsent(input: $input) {RESULT} }}"
REFUSE = f"mutation ($input: RecordRefusalInput!) {{ recordRefusal(input: $input) {RESULT} }}"
REVOKE = f"mutation ($input: RevokeConsentInput!) {{ revokeConsent(input: $input) {RESULT} }}"
STRIKE = f"mutation ($input: StrikeConsentInput!) {{ strikeConsent(input: $input) {RESULT} }}"
OF = f"""query ($id: ID!) {{ node(id: $id) {{ ... on Patient {{ consents {{ {FIELDS} }}
  programs {{ program consent consentSince consentEndsAt askAgainOn mayAsk }} }} }} }}"""
WORDINGS = "query ($program: Program, $language: Line) { consentWordings(program: $program, language: $language) { program language version sha256 text } }"
EVERY_POINT = ["AVAILABILITY", "COST_SHARE", "ONE_PRACTITIONER", "RIGHT_TO_STOP"]


def yes(patient: str, **more: Any) -> dict[str, Any]:
    return {
        "patientId": patient, "program": "CCM", "at": written(ago(hours=1)), "method": "VERBAL", "givenBy": "patient",
        "language": "es-MX", "wordingVersion": "2026-11", "told": EVERY_POINT, **more,
    }  # fmt: skip


async def ccm(ask: Any, world: World, patient: str) -> dict[str, Any]:
    programs = (await say(ask, world, "nora", OF, id=patient))["programs"]
    return next(row for row in programs if row["program"] == "CCM")


async def test_a_yes_keeps_who_how_when_in_which_words(lakeside: World, hillcrest: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    made = await say(
        ask, lakeside, "nora", GIVE,
        input=yes(maria, givenBy="Elena Alvarez, her daughter and proxy", practitionerId=staff(lakeside, "dr_lin")),
    )  # fmt: skip
    assert (made["kind"], made["method"], made["language"]) == ("GIVEN", "VERBAL", "es-MX")
    assert made["givenBy"] == "Elena Alvarez, her daughter and proxy"
    assert made["told"] == EVERY_POINT
    assert (made["practitionerName"], made["recordedBy"], made["counts"]) == ("Lin Wei", "Nora Feld", True)
    wordings = await say(ask, lakeside, "nora", WORDINGS, program="CCM", language="es")
    assert [text["sha256"] for text in wordings] == [made["wordingHash"]]
    assert wordings[0]["text"].startswith("# Ayuda")
    stands = await ccm(ask, lakeside, maria)
    assert (stands["consent"], stands["mayAsk"]) == ("GIVEN", False)
    assert (await ask(hillcrest, "nora", OF, id=maria))["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert (await say(ask, hillcrest, "nora", GIVE, input=yes(maria)))["code"] == "NOT_FOUND"
    assert (await say(ask, hillcrest, "nora", STRIKE, input={"consentId": made["id"], "reason": "x"}))[
        "code"
    ] == "NOT_FOUND"


async def test_a_consent_dated_tomorrow_or_outside_a_life_is_refused_and_changes_nothing(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    maria = await register(ask, lakeside)
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update patient set deceased_on = :day where id = :id"),
            {"day": today(lakeside) - timedelta(days=2), "id": key(maria)},
        )
    cases = {
        "DATED_IN_FUTURE": ago(days=-1),
        "DATED_AFTER_DEATH": ago(hours=1),
        "DATED_BEFORE_BIRTH": ago(days=366 * 100),
    }
    for code, at in cases.items():
        refused = await say(ask, lakeside, "nora", GIVE, input=yes(maria, at=written(at)))
        assert (refused["code"], refused["field"]) == (code, "at")
        assert refused["nextStep"]
    later_today = await say(ask, lakeside, "nora", GIVE, input=yes(maria, at=written(ago(seconds=-30))))
    assert later_today["code"] == "DATED_IN_FUTURE"
    assert (await say(ask, lakeside, "nora", OF, id=maria))["consents"] == []


async def test_an_unknown_wording_is_refused_and_one_from_elsewhere_is_taken(
    lakeside: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    refused = await say(ask, lakeside, "nora", GIVE, input=yes(maria, wordingVersion="1999-01"))
    assert (refused["code"], refused["field"]) == ("WORDING_UNKNOWN", "wordingVersion")
    made = await say(
        ask,
        lakeside,
        "nora",
        GIVE,
        input=yes(maria, wordingVersion="elsewhere", method="WRITTEN", note="her old office's form, 2019"),
    )
    assert (made["wordingHash"], made["method"], made["reason"]) == (
        "",
        "WRITTEN",
        "her old office's form, 2019",
    )


async def test_a_no_is_kept_with_what_would_help_and_nobody_nags(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    soon = today(lakeside) + timedelta(days=90)
    no = {"patientId": maria, "program": "CCM", "at": written(ago(hours=1)), "reason": "Too many calls already",
          "whatWouldHelp": "If my daughter were on the line", "askAgainOn": str(soon)}  # fmt: skip
    made = await say(ask, lakeside, "nora", REFUSE, input=no)
    assert (made["kind"], made["whatWouldHelp"]) == ("REFUSED", "If my daughter were on the line")
    stands = await ccm(ask, lakeside, maria)
    assert (stands["consent"], stands["mayAsk"], stands["askAgainOn"]) == ("REFUSED", False, str(soon))
    sooner = await say(
        ask, lakeside, "nora", REFUSE, input={**no, "askAgainOn": str(today(lakeside) - timedelta(days=1))}
    )
    assert (sooner["code"], sooner["field"]) == ("ASK_AGAIN_TOO_SOON", "askAgainOn")
    # They may change their mind at any time; the day only keeps us from asking.
    assert (await say(ask, lakeside, "nora", GIVE, input=yes(maria)))["kind"] == "GIVEN"
    assert (await ccm(ask, lakeside, maria))["consent"] == "GIVEN"


async def test_consent_is_taken_back_at_once_or_with_notice(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    back = {
        "patientId": maria,
        "program": "CCM",
        "at": written(ago(minutes=10)),
        "reason": "Moving to my son",
    }
    assert (await say(ask, lakeside, "nora", REVOKE, input=back))["code"] == "NO_CONSENT_TO_REVOKE"
    await say(ask, lakeside, "nora", GIVE, input=yes(maria))
    before = await say(ask, lakeside, "nora", REVOKE, input={**back, "effectiveAt": written(ago(hours=1))})
    assert (before["code"], before["field"]) == ("EFFECTIVE_BEFORE_SAID", "effectiveAt")
    later = written(ago(days=-20))
    noticed = await say(ask, lakeside, "nora", REVOKE, input={**back, "effectiveAt": later})
    assert noticed["effectiveAt"] == later
    stands = await ccm(ask, lakeside, maria)
    assert (stands["consent"], stands["consentEndsAt"]) == ("GIVEN", later)
    await say(ask, lakeside, "nora", REVOKE, input={**back, "at": written(ago(minutes=5))})
    assert (await ccm(ask, lakeside, maria))["consent"] == "REVOKED"


async def test_the_same_goodbye_heard_by_six_is_recorded_once(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    await say(ask, lakeside, "nora", GIVE, input=yes(maria))
    back = {"patientId": maria, "program": "CCM", "at": written(ago(minutes=10))}
    answers = await asyncio.gather(*(say(ask, lakeside, "nora", REVOKE, input=back) for _ in range(6)))
    assert sorted(answer.get("code", "made") for answer in answers) == ["NO_CONSENT_TO_REVOKE"] * 5 + ["made"]


async def test_a_row_recorded_by_mistake_is_struck_and_both_stay(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    wrong = await say(ask, lakeside, "nora", GIVE, input=yes(maria))
    strike = {"consentId": wrong["id"], "reason": "This was James, not Maria"}
    answers = await asyncio.gather(*(say(ask, lakeside, "nora", STRIKE, input=strike) for _ in range(4)))
    assert sorted(answer.get("code", "made") for answer in answers) == ["ALREADY_STRUCK"] * 3 + ["made"]
    made = next(answer for answer in answers if "id" in answer)
    assert (made["strikes"], made["counts"]) == (wrong["id"], False)
    log = {row["id"]: row for row in (await say(ask, lakeside, "nora", OF, id=maria))["consents"]}
    assert [log[wrong["id"]]["counts"], log[made["id"]]["counts"]] == [False, False]
    stands = await ccm(ask, lakeside, maria)
    assert (stands["consent"], stands["mayAsk"]) == (None, True)
    assert (await say(ask, lakeside, "nora", STRIKE, input={"consentId": made["id"], "reason": "x"}))[
        "code"
    ] == "ALREADY_STRUCK"


async def test_who_may_not_record_consent_is_told_so(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    for who in ("ada", "bill", "fred", "mona"):
        assert (await say(ask, lakeside, who, GIVE, input=yes(maria)))["code"] == "NOT_ALLOWED", who
