"""From "this person could use help" to taking part, or to a respected no, through the door."""

import asyncio
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from cast import World
from duplicates.pairs import join
from enrollment.referral_steps import ENROLL, NEWS, OF, POLICY, asked, done, later, thought_of
from newcomer import key, register, say, staff, today
from sqlalchemy.ext.asyncio import AsyncEngine

from server.tenants.db import tenant_db
from server.tenants.working_hours import add_days_away, add_hours


async def test_from_a_thought_to_taking_part_and_whoever_thought_of_it_hears(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    """R084 R086 R087 R092 R098: four fields, accepted, enrolled; the one who asked hears each word until it is read."""
    maria = await register(ask, lakeside)
    made = await asked(ask, lakeside, maria)
    referral = made["referral"]
    assert (made["joined"], referral["state"], referral["toName"]) == (False, "ASKED", "Nora Feld")
    assert await say(ask, lakeside, "mika", NEWS) == [], "one's own asking is no news"
    mine = await say(ask, lakeside, "nora", "{ openReferrals(toMe: true) { id reason askedBy } }")
    assert mine == [
        {"id": referral["id"], "reason": "Three falls since spring; lives alone", "askedBy": "Mika Salo"}
    ]
    assert await say(ask, lakeside, "rosa", "{ openReferrals(toMe: true) { id } }") == []

    taken = await done(
        ask, lakeside, "nora", "acceptReferral", referral, introduced=True, note="Ringing her at ten"
    )
    assert (taken["state"], taken["introduced"]) == ("ACCEPTED", True)
    (news,) = await say(ask, lakeside, "mika", NEWS)
    assert (news["step"]["kind"], news["step"]["note"], news["step"]["recordedBy"]) == (
        "ACCEPTED", "Ringing her at ten", "Nora Feld",
    )  # fmt: skip
    await done(ask, lakeside, "mika", "readReferral", referral, throughId=news["step"]["id"])
    assert await say(ask, lakeside, "mika", NEWS) == []

    await say(
        ask, lakeside, "nora", ENROLL,
        input={"patientId": maria, "program": "CCM", "startedOn": str(today(lakeside)), "practitionerId": staff(lakeside, "dr_lin")},
    )  # fmt: skip
    (news,) = await say(ask, lakeside, "mika", NEWS)
    assert (news["step"]["kind"], news["referral"]["state"]) == ("ENROLLED", "ENROLLED")
    assert [step["kind"] for step in news["referral"]["steps"]] == ["ASKED", "ACCEPTED", "ENROLLED"]
    chart = (await ask(lakeside, "dr_lin", OF, id=maria))["data"]["node"]
    assert chart["inCareOf"] == {
        "programName": "Chronic care management", "since": str(today(lakeside)), "endedOn": None,
        "careManagerName": "Nora Feld", "practitionerName": "Lin Wei",
    }  # fmt: skip
    refused = await asked(ask, lakeside, maria, "dr_lin")
    assert refused["code"] == "ALREADY_IN_CARE"
    assert "Nora Feld" in refused["message"], "told kindly, with who cares for them"

    assert await say(ask, hillcrest, "nora", "{ openReferrals { id } }") == []
    assert (await ask(hillcrest, "nora", OF, id=maria))["data"]["node"] is None
    assert (await done(ask, hillcrest, "nora", "closeReferral", referral, reason="Not ours"))[
        "code"
    ] == "NOT_FOUND"


async def test_a_hand_off_is_told_at_once_and_not_now_means_the_next_kept_hour(
    lakeside: World, ask: Any
) -> None:
    """R073 R088 R089 R090 R091: here now, in room 3; Nora cannot come, and a first visit lands on her protected time."""
    nora = lakeside.actor("nora")
    on = today(lakeside)
    async with tenant_db(nora) as db:
        await add_hours(
            db, nora, lakeside.staff["nora"], weekdays=range(7), begins=time(9), ends=time(10, 45), from_on=on,
            protected=True, today=on,
        )  # fmt: skip
        await add_days_away(
            db, nora, lakeside.staff["nora"], from_on=on, to_on=on + timedelta(days=1), today=on
        )
    maria, joe = await register(ask, lakeside), await register(ask, lakeside, givenNames="Joe")
    one = (await asked(ask, lakeside, maria, howSoon="NOW", place="Room 3"))["referral"]
    other = (await asked(ask, lakeside, joe, howSoon="NOW"))["referral"]

    from server.graphql.context import Context
    from server.graphql.schema import SCHEMA

    heard = "subscription { atOnce { handOffs { id place } answers { step { kind firstVisitAt } } here { patientId place } } }"

    async def told(who: str) -> Any:
        stream: Any = await SCHEMA.subscribe(heard, context_value=Context(lakeside.actor(who)))
        first = await anext(stream)
        await stream.aclose()
        assert not first.errors
        return first.data["atOnce"]

    assert [(h["id"], h["place"]) for h in (await told("nora"))["handOffs"]] == [
        (one["id"], "Room 3"),
        (other["id"], ""),
    ]
    assert (await told("rosa"))["handOffs"] == []

    first = await done(ask, lakeside, "nora", "proposeFirstVisit", one, note="With somebody until noon")
    second = await done(ask, lakeside, "nora", "proposeFirstVisit", other)
    zone = ZoneInfo(lakeside.zone)
    at = [datetime.fromisoformat(r["firstVisitAt"]).astimezone(zone) for r in (first, second)]
    assert [(x.date(), x.time()) for x in at] == [
        (on + timedelta(days=2), time(9)), (on + timedelta(days=2), time(10)),
    ], "the days away are passed over, and each gets an hour of their own"  # fmt: skip
    assert (await told("nora"))["handOffs"] == []
    assert [a["step"]["kind"] for a in (await told("mika"))["answers"]] == ["NOT_NOW", "NOT_NOW"]

    lou = await thought_of(ask, lakeside, "dr_lin", howSoon="NOW", toId=staff(lakeside, "rosa"))
    come = await done(ask, lakeside, "rosa", "comeToReferral", lou)
    assert (come["introduced"], come["firstVisitAt"]) == (True, None)
    unplanned = await thought_of(ask, lakeside, "dr_lin", howSoon="NOW", toId=staff(lakeside, "rosa"))
    assert (await done(ask, lakeside, "rosa", "proposeFirstVisit", unplanned))["firstVisitAt"] is None


async def test_a_no_is_their_decision_and_nobody_asks_before_their_day(lakeside: World, ask: Any) -> None:
    """R093 R097 R111 R112 R113 R114: reason, what would help, until when; only the person themselves is heard sooner."""
    maria = await register(ask, lakeside)
    referral = (await asked(ask, lakeside, maria))["referral"]
    soon = await done(
        ask, lakeside, "nora", "declineReferral", referral, reason="Later", askAgainOn=later(lakeside, 0)
    )
    assert (soon["code"], soon["field"]) == ("ASK_AGAIN_TOO_SOON", "askAgainOn")
    no = await done(
        ask, lakeside, "nora", "declineReferral", referral, reason="Her sister is moving in first",
        whatWouldHelp="A call in the evening", askAgainOn=later(lakeside, 60),
    )  # fmt: skip
    assert (no["state"], no["whatWouldHelp"], no["askAgainOn"]) == (
        "DECLINED",
        "A call in the evening",
        later(lakeside, 60),
    )
    (news,) = await say(ask, lakeside, "mika", NEWS)
    assert (news["step"]["kind"], news["step"]["note"]) == ("DECLINED", "Her sister is moving in first")

    nagging = await asked(ask, lakeside, maria, "dr_lin")
    assert (nagging["code"], nagging["field"]) == ("NOT_BEFORE", "source")
    assert "A call in the evening" in nagging["message"]
    at_desk = await asked(ask, lakeside, maria, "fred")
    assert "A call in the evening" not in at_desk["message"], "the front desk reads the day, not the words"
    again = await asked(ask, lakeside, maria, "fred", source="SELF", reason="She rang and asked for Nora")
    assert (again["referral"]["state"], again["referral"]["source"]) == ("ASKED", "SELF")


async def test_a_no_to_a_program_answers_what_was_asked_for_them(lakeside: World, ask: Any) -> None:
    """R111 R112: the consent page's no closes the referral too, with the same words and the same day."""
    maria = await register(ask, lakeside)
    referral = (await asked(ask, lakeside, maria))["referral"]
    refuse = "mutation ($input: RecordRefusalInput!) { recordRefusal(input: $input) { ... on Consent { id } ... on Refusal { code message } } }"
    at = (datetime.now(ZoneInfo(lakeside.zone)) - timedelta(minutes=5)).isoformat()
    made = await say(
        ask, lakeside, "nora", refuse,
        input={"patientId": maria, "program": "CCM", "at": at, "reason": "Not this year", "whatWouldHelp": "Spanish", "askAgainOn": later(lakeside, 90)},
    )  # fmt: skip
    assert "id" in made, made
    (kept,) = (await ask(lakeside, "nora", OF, id=maria))["data"]["node"]["referrals"]
    assert (kept["id"], kept["state"], kept["endedReason"]) == (referral["id"], "DECLINED", "Not this year")
    assert (kept["whatWouldHelp"], kept["askAgainOn"]) == ("Spanish", later(lakeside, 90))
    assert (await asked(ask, lakeside, maria))["code"] == "NOT_BEFORE"


async def test_one_person_one_referral_also_of_two_at_once(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    """R084: no double contact. The second asker joins, is told who is on it, and hears what becomes of it."""
    maria = await register(ask, lakeside)
    first, second, third = await asyncio.gather(
        asked(ask, lakeside, maria, "mika"),
        asked(ask, lakeside, maria, "dr_lin", toId=staff(lakeside, "rosa"), reason="A1c went up"),
        asked(ask, lakeside, maria, "fred", source="FAMILY", reason="Her daughter rang"),
    )
    assert sorted(one["joined"] for one in (first, second, third)) == [False, True, True]
    assert len({one["referral"]["id"] for one in (first, second, third)}) == 1
    async with behind.connect() as db:
        count = await db.scalar(
            sa.text("select count(*) from referral where patient_id = :p"), {"p": key(maria)}
        )
    assert count == 1
    again = await asked(ask, lakeside, maria, "mika")
    assert len(again["referral"]["askerIds"]) == 3, "asking twice adds nothing"
    whole = (await ask(lakeside, "nora", OF, id=maria))["data"]["node"]["referrals"][0]
    assert [step["kind"] for step in whole["steps"]] == ["ASKED", "JOINED", "JOINED"]

    others = await done(ask, lakeside, "mika", "takeBackReferral", whole)
    assert others["code"] == "OTHERS_ASK"
    assert (await done(ask, lakeside, "nora", "takeBackReferral", whole))["code"] == "NOT_YOURS"
    await done(ask, lakeside, "nora", "sayOnReferral", whole, words="I ring her tonight")
    for who in ("mika", "dr_lin", "fred"):
        (news,) = await say(ask, lakeside, who, NEWS)
        assert news["step"]["note"] == "I ring her tonight"
    alone = await thought_of(ask, lakeside)
    back = await done(ask, lakeside, "mika", "takeBackReferral", alone, reason="Wrong Alvarez")
    assert (back["state"], back["endedReason"]) == ("TAKEN_BACK", "Wrong Alvarez")
    over = await done(ask, lakeside, "nora", "acceptReferral", alone)
    assert over["code"] == "REFERRAL_OVER"


async def test_handed_on_with_a_reason_the_sender_sees(lakeside: World, hillcrest: World, ask: Any) -> None:
    """R101: misdirected, so it goes to the social worker; who asked sees why. Another practice's people are nobody here."""
    referral = await thought_of(ask, lakeside)
    for to, code in (
        (staff(hillcrest, "nora"), "NOT_FOUND"),
        (staff(lakeside, "mika"), "NOT_A_CARE_MANAGER"),
        (staff(lakeside, "nora"), "THEIRS_ALREADY"),
    ):
        answer = await done(ask, lakeside, "nora", "rerouteReferral", referral, toId=to, reason="Housing")
        assert answer["code"] == code
    moved = await done(
        ask, lakeside, "nora", "rerouteReferral", referral, toId=staff(lakeside, "rosa"), reason="Housing comes first; Rosa knows the way",
    )  # fmt: skip
    assert (moved["toName"], moved["state"]) == ("Rosa Ortiz", "ASKED")
    (news,) = await say(ask, lakeside, "mika", NEWS)
    assert (news["step"]["kind"], news["step"]["note"]) == (
        "REROUTED",
        "Housing comes first; Rosa knows the way",
    )
    taken = await done(ask, lakeside, "nora", "acceptReferral", referral)
    assert taken["toName"] == "Nora Feld", "another care manager may take it over"
    assert (await done(ask, lakeside, "mika", "acceptReferral", referral))["code"] == "NOT_A_CARE_MANAGER"


async def test_a_step_taken_while_two_records_were_one_does_not_keep_them_one(
    lakeside: World, ask: Any
) -> None:
    """A referral moves with its record, and takes its steps and those who asked with it, there and back."""
    kept = await register(ask, lakeside)
    gone = await register(ask, lakeside, givenNames="Mary", birthDate="1961-05-06")
    referral = (await asked(ask, lakeside, gone))["referral"]
    merge = await join(ask, lakeside, key(kept), key(gone))
    assert merge["__typename"] == "PatientMerge", merge
    assert (await asked(ask, lakeside, kept, "dr_lin"))["joined"]
    await done(ask, lakeside, "nora", "acceptReferral", referral)

    separate = """mutation ($input: SeparateRecordsInput!) { separateRecords(input: $input) {
      ... on PatientMerge { undoneAt } ... on Refusal { code message } } }"""
    apart = await say(ask, lakeside, "nora", separate, input={"mergeId": merge["id"], "reason": "Sisters"})
    assert apart.get("undoneAt"), apart
    assert (await ask(lakeside, "nora", OF, id=kept))["data"]["node"]["referrals"] == []
    (back,) = (await ask(lakeside, "nora", OF, id=gone))["data"]["node"]["referrals"]
    assert [step["kind"] for step in back["steps"]] == ["ASKED", "JOINED", "ACCEPTED"]
    assert len(back["askerIds"]) == 2


async def test_a_providers_word_where_the_practice_wants_it(lakeside: World, ask: Any) -> None:
    """R085 R105 T16: off by default; on, a suggestion waits, yet a care manager may make first contact, and a
    self-referral needs nobody."""
    assert (await thought_of(ask, lakeside))["state"] == "ASKED"
    chosen = {"confirmedByProvider": True, "agreement": "TEAM_DEFAULT"}
    assert (await say(ask, lakeside, "nora", POLICY, input=chosen))["code"] == "NOT_ALLOWED"
    assert await say(ask, lakeside, "ada", POLICY, input=chosen) == chosen
    waits = await thought_of(ask, lakeside)
    assert waits["state"] == "SUGGESTED"
    assert (await thought_of(ask, lakeside, "dr_lin"))["state"] == "ASKED"
    assert (await thought_of(ask, lakeside, "fred", source="SELF"))["state"] == "ASKED"
    confirmed = await done(ask, lakeside, "dr_lin", "confirmReferral", waits, note="Yes, please")
    assert confirmed["state"] == "ASKED"
    assert (await done(ask, lakeside, "dr_lin", "confirmReferral", waits))["code"] == "REFERRAL_CONFIRMED"
    other = await thought_of(ask, lakeside)
    assert (await done(ask, lakeside, "nora", "acceptReferral", other))["state"] == "ACCEPTED"
    assert (await done(ask, lakeside, "nora", "acceptReferral", other))["code"] == "REFERRAL_TAKEN_UP"


async def test_others_may_ask_too(lakeside: World, ask: Any) -> None:
    """R096 R097: a pharmacist, a hospital, an agency, the family or the person rings, and the front desk writes it down."""
    for source in ("SELF", "FAMILY", "PHARMACY", "HOSPITAL", "AGENCY"):
        made = await thought_of(ask, lakeside, "fred", source=source, sourceName="Ms. Lee, Harper Pharmacy")
        assert made["source"] == source


async def test_bad_input_is_refused_kindly(lakeside: World, hillcrest: World, ask: Any) -> None:
    """A stranger, somebody who died, a blank reason, nobody to choose between: each is a sentence, never a fault."""
    maria = await register(ask, lakeside)
    stranger = await register(ask, hillcrest)
    assert (await asked(ask, lakeside, stranger))["code"] == "NOT_FOUND"
    assert (await asked(ask, lakeside, maria, toId=staff(hillcrest, "nora")))["code"] == "NOT_FOUND"
    assert (await asked(ask, lakeside, maria, toId=staff(lakeside, "ada")))["code"] == "NOT_A_CARE_MANAGER"
    assert (await asked(ask, lakeside, maria, toId=None))["code"] == "TO_WHOM", "there are two of them"
    change = "mutation ($input: ChangePatientInput!) { changePatient(input: $input) { ... on Patient { id } ... on Refusal { code message } } }"
    gone = await register(ask, lakeside, givenNames="Ida")
    died = await say(
        ask, lakeside, "nora", change, input={"patientId": gone, "deceasedOn": str(today(lakeside))}
    )
    assert "id" in died, died
    assert (await asked(ask, lakeside, gone))["code"] == "PATIENT_DIED"
    assert (await ask(lakeside, "bill", "{ openReferrals { id } }"))["errors"], "the biller has no part in it"
    unread = await thought_of(ask, lakeside)
    assert (await ask(lakeside, "fred", OF, id=maria))["data"]["node"]["referrals"] is None
    assert (await done(ask, lakeside, "fred", "sayOnReferral", unread, words="Hello"))["code"] == "NOT_FOUND"


async def test_in_the_building_until_the_day_ends(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    """R073: flagged at rooming, shown to her care manager, gone when she leaves and at the end of the practice's day."""
    note = "mutation ($input: NoteArrivalInput!) { noteArrival(input: $input) { ... on ArrivalNoted { here place } ... on Refusal { code } } }"
    mine = "{ peopleHereToday(mine: true) { patientId place notedBy } }"
    maria = (await thought_of(ask, lakeside))["patientId"]
    assert await say(ask, lakeside, "fred", note, input={"patientId": maria, "place": "Room 2"}) == {
        "here": True,
        "place": "Room 2",
    }
    here = {"patientId": maria, "place": "Room 2", "notedBy": "Fred Okafor"}
    assert await say(ask, lakeside, "nora", mine) == [here]
    assert await say(ask, lakeside, "rosa", mine) == [], "not hers"
    assert await say(ask, hillcrest, "nora", "{ peopleHereToday { patientId } }") == []
    await say(ask, lakeside, "mika", note, input={"patientId": maria, "here": False})
    assert await say(ask, lakeside, "nora", mine) == []
    await say(ask, lakeside, "mika", note, input={"patientId": maria, "place": "Lab"})
    assert [one["place"] for one in await say(ask, lakeside, "nora", mine)] == ["Lab"]
    async with behind.begin() as db:  # a day passes
        await db.execute(
            sa.text("update arrival set on_date = on_date - 1 where patient_id = :p"), {"p": key(maria)}
        )
    assert await say(ask, lakeside, "nora", mine) == []


async def test_words_for_an_introduction(lakeside: World, hillcrest: World, ask: Any) -> None:
    """R027 R028: a script per role, ours to begin with, the practice's own then; fields filled, lines without left out."""
    read = """{ introductions { role words ours said(patient: "Maria", careManager: "Nora Feld", colleague: "Dr. Lin",
      condition: "diabetes", result: "A1c 9.2 %") bare: said(patient: "Maria", careManager: "Nora", colleague: "Lin") } }"""
    write = """mutation ($input: WriteIntroductionInput!) { writeIntroduction(input: $input) {
      ... on Introduction { role words ours } ... on Refusal { code message field } } }"""
    scripts = {one["role"]: one for one in await say(ask, lakeside, "fred", read)}
    assert len(scripts) == 4
    assert all(one["ours"] for one in scripts.values())
    provider = scripts["PROVIDER"]
    assert any("diabetes" in line for line in provider["said"])
    assert any("A1c 9.2 %" in line for line in provider["said"])
    assert not any("{{" in line for line in provider["said"] + provider["bare"])
    assert len(provider["bare"]) == len(provider["said"]) - 2

    wrong = await say(ask, lakeside, "ada", write, input={"role": "PROVIDER", "words": "Hello {{doctor}}"})
    assert (wrong["code"], wrong["field"]) == ("SCRIPT_FIELD", "words")
    own = {"role": "PROVIDER", "words": "{{patient}}, meet {{care_manager}}."}
    assert await say(ask, lakeside, "ada", write, input=own) == {**own, "ours": False}
    assert (await say(ask, lakeside, "dr_lin", read))[0]["said"] == ["Maria, meet Nora Feld."]
    assert (await say(ask, hillcrest, "dr_lin", read))[0]["ours"]
    back = await say(ask, lakeside, "ada", write, input={"role": "PROVIDER"})
    assert back["ours"]
