"""What people answer, through GraphQL: kept as answered, corrected by adding; a worry about safety that stays."""

import asyncio
from datetime import timedelta
from typing import Any

from cast import World
from duplicates.pairs import join
from newcomer import ago, key, register, say, today, written

ROW = "id instrument version title state corrects: correctsId correctedById reason note modeReason recordedBy answers { item codes chosen number text } scores { key value band loinc }"
RESULT = f"{{ ... on Assessment {{ {ROW} }} ... on Refusal {{ code message nextStep field }} }}"
RECORD = f"mutation ($input: RecordAssessmentInput!) {{ recordAssessment(input: $input) {RESULT} }}"
TAKE_BACK = f"mutation ($input: TakeBackAssessmentInput!) {{ takeBackAssessment(input: $input) {RESULT} }}"
WORRY = "id domain closed words openedBy assessmentId closing { done doneBy talkedWith words on recordedBy }"
WORRY_RESULT = f"{{ ... on SafetyConcern {{ {WORRY} }} ... on Refusal {{ code message nextStep field }} }}"
OPEN = f"mutation ($input: OpenSafetyConcernInput!) {{ openSafetyConcern(input: $input) {WORRY_RESULT} }}"
CLOSE = f"mutation ($input: CloseSafetyConcernInput!) {{ closeSafetyConcern(input: $input) {WORRY_RESULT} }}"
OF = f"query ($id: ID!) {{ node(id: $id) {{ ... on Patient {{ assessments {{ {ROW} }} safetyConcerns {{ {WORRY} }} }} }} }}"
MINE = f"{{ myOpenSafetyConcerns {{ {WORRY} }} }}"
NODE = "query ($id: ID!) { node(id: $id) { id } }"

PHQ = ["interest", "down", "sleep", "tired", "appetite", "failure", "concentration", "slow-or-restless", "better-off-dead"]  # fmt: skip
DAYS = ["LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9"]


def phq(*points: int) -> list[dict[str, Any]]:
    return [{"item": item, "codes": [DAYS[n]]} for item, n in zip(PHQ, points, strict=False)]


async def record(
    ask: Any, world: World, patient: str, answers: list[dict[str, Any]], who: str = "nora", **more: Any
) -> dict[str, Any]:
    new = {
        "patientId": patient,
        "instrument": "phq-9",
        "version": "1",
        "at": written(ago(minutes=20)),
        "answers": answers,
        **more,
    }
    return await say(ask, world, who, RECORD, input=new)


def closing(id: str, world: World, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "done": "Called back the same hour and asked plainly: no plan, no means at home.",
        "doneBy": "Nora Feld",
        "talkedWith": "Dr. Lin and his daughter",
        "words": "Safer tonight. The daughter stays until Thursday; we talk tomorrow at nine.",
        "on": str(today(world)),
        **more,
    }


async def test_answers_are_kept_with_their_score_and_corrected_by_answering_anew(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    """R122, R124, F044: pinned to the version, never edited; the newer one stands in the earlier one's place."""
    maria = await register(ask, lakeside)
    first = await record(
        ask, lakeside, maria, phq(2, 2, 2, 1, 1, 0, 1, 1, 0), note="Bad nights since the move."
    )
    assert (first["state"], first["version"], first["recordedBy"]) == ("ANSWERED", "1", "Nora Feld")
    assert first["scores"] == [{"key": "total", "value": 10, "band": "Moderate", "loinc": "44261-6"}]
    assert [a["item"] for a in first["answers"]] == PHQ
    assert first["answers"][0]["chosen"] == ["More than half the days"]
    partly = await record(ask, lakeside, maria, phq(2, 2), "rosa")
    assert (partly["state"], partly["scores"]) == ("PARTLY", [])
    right = await record(
        ask,
        lakeside,
        maria,
        phq(2, 2, 2, 1, 1, 0, 1, 0, 0),
        "rosa",
        correctsId=first["id"],
        reason="Misheard",
    )
    assert (right["corrects"], right["scores"][0]["value"]) == (first["id"], 9)
    for again in (
        {"correctsId": first["id"], "reason": "Once more"},
        {"correctsId": right["id"]},
    ):
        refused = await record(ask, lakeside, maria, phq(1), **again)
        assert refused["code"] in {"ALREADY_CORRECTED", "REASON_NEEDED"}
    gone = await say(ask, lakeside, "nora", TAKE_BACK, input={"id": partly["id"], "reason": "Her sister's"})
    assert (gone["state"], gone["reason"], gone["answers"]) == ("TAKEN_BACK", "Her sister's", [])
    seen = (await say(ask, lakeside, "nora", OF, id=maria))["assessments"]
    stands = {row["id"]: row["correctedById"] for row in seen}
    assert stands == {first["id"]: right["id"], partly["id"]: gone["id"], right["id"]: None, gone["id"]: None}
    # Of two who correct one thing at once, one is told.
    both = await asyncio.gather(
        *(record(ask, lakeside, maria, phq(1), correctsId=right["id"], reason="Mine") for _ in range(2))
    )
    assert sorted(one.get("code", "made") for one in both) == ["ALREADY_CORRECTED", "made"]

    for document, what in ((NODE, first["id"]), (OF, maria)):
        assert (await ask(hillcrest, "nora", document, id=what))["errors"][0]["extensions"][
            "code"
        ] == "NOT_FOUND"
    assert (await record(ask, hillcrest, maria, phq(1)))["code"] == "NOT_FOUND"
    taken = await say(ask, hillcrest, "nora", TAKE_BACK, input={"id": first["id"], "reason": "x"})
    assert taken["code"] == "NOT_FOUND"
    for who in ("ada", "bill", "fred", "mona"):
        assert (await record(ask, lakeside, maria, phq(1), who))["code"] == "NOT_ALLOWED", who


async def test_what_cannot_be_is_refused_kindly_and_nothing_is_kept(lakeside: World, ask: Any) -> None:
    """Bad input: importance 11, another version, a branch that is closed, the future, twice, nothing."""
    maria = await register(ask, lakeside)
    ten = [{"item": "importance", "number": 11}]
    tomorrow = written(ago(days=-1))
    for answers, more, code, field in (
        (ten, {"instrument": "rulers"}, "ANSWER_OUT_OF_RANGE", "answers"),
        (phq(1), {"version": "0"}, "INSTRUMENT_MOVED_ON", "version"),
        (phq(1), {"instrument": "mmse"}, "INSTRUMENT_UNKNOWN", "instrument"),
        (phq(1), {"at": tomorrow}, "DATED_IN_FUTURE", "at"),
        (phq(1), {"at": "1947-01-01T12:00:00+00:00"}, "DATED_BEFORE_BIRTH", "at"),
        ([], {}, "NOTHING_ANSWERED", None),
        (phq(1) + phq(2), {}, "ANSWERED_TWICE", "answers"),
        ([{"item": "interest", "codes": ["often"]}], {}, "NOT_A_CHOICE", "answers"),
        ([{"item": "interest", "number": 2}], {}, "NOT_A_CHOICE", "answers"),
        ([{"item": "mood", "codes": ["LA6568-5"]}], {}, "ANSWER_TO_NOTHING", "answers"),
        ([{"item": "fallen", "codes": ["no"]}, {"item": "how-many", "number": 3}], {"instrument": "falls"}, "ANSWER_NOT_ASKED", "answers"),
        ([{"item": "total", "text": "many"}], {"instrument": "mcsi"}, "ANSWER_NOT_A_NUMBER", "answers"),
        ([{"item": "health", "text": "So"}], {"instrument": "whole-picture", "mode": "PHONE"}, "WHY_NOT_IN_PERSON", "modeReason"),
    ):  # fmt: skip
        refused = await record(ask, lakeside, maria, answers, **more)
        assert (refused["code"], refused["field"]) == (code, field), (code, refused)
        assert refused["message"]
        assert refused["nextStep"]
    assert (await say(ask, lakeside, "nora", OF, id=maria)) == {"assessments": [], "safetyConcerns": []}


async def test_nothing_is_answered_after_a_death_nor_in_the_place_of_anothers_answers(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    """What was answered before may still be written down; a correction stays with its person, instrument and practice."""
    maria, ruth = await register(ask, lakeside), await register(ask, lakeside)
    hers = await record(ask, lakeside, ruth, phq(1))
    for new in ({}, {"instrument": "gad-7"}):
        who, answers = (ruth, [{"item": "nervous", "codes": [DAYS[1]]}]) if new else (maria, phq(1))
        other = await record(ask, lakeside, who, answers, correctsId=hers["id"], reason="Mixed up", **new)
        assert (other["code"], other["field"]) == ("CORRECTS_ANOTHER", "correctsId")
    there = await register(ask, hillcrest)
    theirs = await record(ask, hillcrest, there, phq(1), correctsId=hers["id"], reason="Mixed up")
    assert theirs["code"] == "NOT_FOUND"

    died = "mutation ($input: ChangePatientInput!) { changePatient(input: $input) { ... on Patient { id } ... on Refusal { code } } }"
    on = str(today(lakeside) - timedelta(days=2))
    assert (await say(ask, lakeside, "nora", died, input={"patientId": maria, "deceasedOn": on})).get("id")
    late = await record(ask, lakeside, maria, phq(1))
    assert (late["code"], late["field"]) == ("DATED_AFTER_DEATH", "at")
    assert late["message"].startswith("The assessment is dated")
    before = await record(ask, lakeside, maria, phq(1), at=written(ago(days=4)))
    assert before["state"] == "PARTLY"


async def test_what_two_records_answered_goes_with_its_own_when_they_are_taken_apart(
    lakeside: World, ask: Any
) -> None:
    """Corrected, taken back and closed while they were one person: none of it stays behind with the other one."""
    kept = await register(ask, lakeside)
    gone = await register(ask, lakeside, givenNames="Mary", birthDate="1961-05-06")
    wrong, not_so = [await record(ask, lakeside, gone, phq(*[1] * 9)) for _ in range(2)]
    merge = await join(ask, lakeside, key(kept), key(gone))
    assert merge["__typename"] == "PatientMerge", merge
    for one in (wrong, not_so):
        assert (await say(ask, lakeside, "nora", NODE, id=one["id"]))["id"] == one["id"]
    worries = (await say(ask, lakeside, "nora", OF, id=kept))["safetyConcerns"]
    for worry in worries:
        assert (await say(ask, lakeside, "nora", NODE, id=worry["id"]))["id"] == worry["id"]
    right = await record(
        ask, lakeside, kept, phq(*[2] * 9), correctsId=wrong["id"], reason="Misheard the days"
    )
    back = await say(ask, lakeside, "nora", TAKE_BACK, input={"id": not_so["id"], "reason": "Asked twice"})
    closed = await say(ask, lakeside, "nora", CLOSE, input=closing(worries[0]["id"], lakeside))
    assert closed.get("closed"), closed

    separate = """mutation ($input: SeparateRecordsInput!) { separateRecords(input: $input) {
      ... on PatientMerge { undoneAt } ... on Refusal { code message } } }"""
    apart = await say(ask, lakeside, "nora", separate, input={"mergeId": merge["id"], "reason": "Sisters"})
    assert apart.get("undoneAt"), apart
    assert (await say(ask, lakeside, "nora", OF, id=kept)) == {"assessments": [], "safetyConcerns": []}
    hers = await say(ask, lakeside, "nora", OF, id=gone)
    assert {one["id"] for one in hers["assessments"]} == {wrong["id"], not_so["id"], right["id"], back["id"]}
    assert sorted(one["closed"] for one in hers["safetyConcerns"]) == [False, True]


async def test_a_first_long_talk_is_face_to_face_or_says_why_not(lakeside: World, ask: Any) -> None:
    """R118, R120, R121, R131: a written reason is enough, and the next time nobody asks."""
    maria = await register(ask, lakeside)
    words = [{"item": "matters", "text": "My own bed"}, {"item": "worth-a-risk", "text": "The stairs"}]
    bed = {"instrument": "whole-picture", "mode": "PHONE", "modeReason": "Bed-bound since the fall"}
    first = await record(ask, lakeside, maria, words, **bed)
    assert (first["modeReason"], first["scores"], first["state"]) == (bed["modeReason"], [], "ANSWERED")
    assert [a["text"] for a in first["answers"]] == ["My own bed", "The stairs"]
    again = await record(ask, lakeside, maria, words, instrument="whole-picture", mode="PHONE")
    assert again["state"] == "ANSWERED"


async def test_thoughts_of_harm_open_a_worry_that_closes_in_words_alone(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    """F044, R135, V8: PHQ-9's ninth answer above zero, even alone; nothing closes it silently, or twice."""
    maria = await register(ask, lakeside)
    told = await record(ask, lakeside, maria, [{"item": "better-off-dead", "codes": ["LA6569-3"]}])
    assert (told["state"], told["scores"]) == ("PARTLY", [])
    (worry,) = (await say(ask, lakeside, "nora", OF, id=maria))["safetyConcerns"]
    assert (worry["domain"], worry["closed"], worry["closing"]) == ("SELF_HARM", False, None)
    assert (worry["assessmentId"], worry["openedBy"]) == (told["id"], "Nora Feld")
    assert await say(ask, lakeside, "nora", MINE) == [worry]
    assert (
        await say(ask, lakeside, "rosa", MINE) == []
    )  # on the Today of the one who opened it, and nobody's board
    # Taking the answers back, or correcting them, closes nothing and opens nothing twice.
    fixed = await record(
        ask,
        lakeside,
        maria,
        phq(1, 1, 1, 1, 1, 1, 1, 1, 2),
        correctsId=told["id"],
        reason="The rest came later",
    )
    once_more = await record(
        ask,
        lakeside,
        maria,
        phq(1, 1, 1, 1, 1, 1, 1, 2, 2),
        correctsId=fixed["id"],
        reason="The eighth, too",
    )
    await say(
        ask, lakeside, "nora", TAKE_BACK, input={"id": once_more["id"], "reason": "Asked again tomorrow"}
    )
    assert await say(ask, lakeside, "nora", MINE) == [worry]
    for missing in ("done", "doneBy", "talkedWith", "words"):  # on pages: tests/pages/test_assessments.py
        empty = await ask(lakeside, "nora", CLOSE, input=closing(worry["id"], lakeside, **{missing: " "}))
        assert empty["errors"][0]["extensions"]["code"] == "BAD_TEXT", missing
    for days, code in ((1, "DATED_IN_FUTURE"), (-3, "CLOSED_BEFORE_OPENED")):
        on = str(today(lakeside) + timedelta(days=days))
        refused = await say(ask, lakeside, "nora", CLOSE, input=closing(worry["id"], lakeside, on=on))
        assert (refused["code"], refused["field"]) == (code, "on")
    assert (await say(ask, hillcrest, "nora", CLOSE, input=closing(worry["id"], hillcrest)))[
        "code"
    ] == "NOT_FOUND"
    assert (await say(ask, lakeside, "ada", CLOSE, input=closing(worry["id"], lakeside)))[
        "code"
    ] == "NOT_ALLOWED"
    assert await say(ask, lakeside, "nora", MINE) == [worry]

    both = await asyncio.gather(
        *(say(ask, lakeside, who, CLOSE, input=closing(worry["id"], lakeside)) for who in ("nora", "rosa"))
    )
    assert sorted(one.get("code", "closed") for one in both) == ["ALREADY_CLOSED", "closed"]
    (worry,) = (await say(ask, lakeside, "dr_lin", OF, id=maria))["safetyConcerns"]
    assert worry["closed"]
    assert worry["closing"]["done"].startswith("Called back")
    assert worry["closing"]["talkedWith"] == "Dr. Lin and his daughter"
    assert await say(ask, lakeside, "nora", MINE) == []


async def test_a_worry_can_be_opened_by_hand_and_by_answers_about_others(lakeside: World, ask: Any) -> None:
    """R135, R045: what somebody saw; and a sum of 11 on being safe with others."""
    maria = await register(ask, lakeside)
    new = {"patientId": maria, "domain": "HOME", "words": "The stove was on and nobody in the kitchen."}
    seen = await say(ask, lakeside, "rosa", OPEN, input=new)
    assert (seen["words"], seen["closed"], seen["openedBy"]) == (new["words"], False, "Rosa Ortiz")
    silent = await ask(lakeside, "rosa", OPEN, input={**new, "words": " "})
    assert silent["errors"][0]["extensions"]["code"] == "BAD_TEXT"
    four = ("hurt", "insulted", "threatened", "screamed")
    for codes, domains in ((["LA10066-1"] * 4, {"HOME"}), (["LA10082-8"] * 4, {"HOME", "VIOLENCE"})):
        answers = [{"item": item, "codes": [code]} for item, code in zip(four, codes, strict=True)]
        await record(ask, lakeside, maria, answers, instrument="ahc-hrsn")
        worries = (await say(ask, lakeside, "nora", OF, id=maria))["safetyConcerns"]
        assert {one["domain"] for one in worries} == domains


async def test_the_instruments_say_whose_words_they_are(lakeside: World, ask: Any) -> None:
    """R136, R137: what may be asked, with licence and source, for front ends that make their own forms."""
    query = "{ instruments { key version wording licence citation copy items { item type options { code } when { item codes unless above } } scores { key low high bands { low high text } } } }"
    shown = {one["key"]: one for one in await say(ask, lakeside, "nora", query)}
    assert shown["phq-9"]["wording"] == "PUBLISHED"
    assert "No permission is required" in shown["phq-9"]["licence"]
    assert shown["prapare"]["copy"]
    assert shown["audit-c"]["items"][1]["when"] == [
        {"item": "how-often", "codes": [], "unless": ["LA6270-8"], "above": None}
    ]
    assert shown["gad-7"]["scores"][0]["bands"][-1] == {"low": 15, "high": 21, "text": "Severe"}
