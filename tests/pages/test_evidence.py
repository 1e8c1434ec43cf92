"""The proof of a month, read as an auditor reads it: what was billed, and everything it rests on."""

import importlib.util
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from cast import World
from claims.month_end import close_month
from sqlalchemy.ext.asyncio import AsyncEngine

from server.encounters.actions import NewEncounter, amend_encounter, sign_encounter
from server.graphql.connections import global_id
from server.minutes.actions import (
    Joining,
    NewMinutes,
    confirm_minutes,
    correct_minutes,
    join_meeting,
    log_minutes,
    record_contact,
    void_minutes,
)
from server.tenants.db import tenant_db

_spec = importlib.util.spec_from_file_location("care", Path(__file__).parents[1] / "claims" / "care.py")
assert _spec
assert _spec.loader
care = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(care)


async def a_full_month(world: World) -> tuple[UUID, str]:
    """Ruth's month with a call corrected and its note amended, a meeting about two people, office work and an entry
    taken back; closed before and after the correction, so that there are two versions."""
    month = care.last_month(world.zone)
    ruth = await care.someone_in_care(world, month)
    otto = await care.someone_in_care(world, month, name="Mayer")
    nora, rosa = world.actor("nora"), world.actor("rosa")
    start = care.at(world, month, 5, 14)
    async with tenant_db(nora) as db:
        contact, entries, *_ = await record_contact(
            db, nora, ruth,
            NewEncounter(kind="phone", at=start, outcome="reached", program="ccm", note="Weight 151 <today>"),
            [NewMinutes(program="ccm", activity="contact", started_at=start, ended_at=start + timedelta(minutes=21),
                        reason="From my notebook")],
        )  # fmt: skip
        await sign_encounter(db, nora, contact.id, revision=contact.revision)
    await close_month(world.actor("bill"), month)
    async with tenant_db(nora) as db:
        await amend_encounter(
            db, nora, contact.id, revision=2, reason="Misread", changes={"note": "Weight 152"}
        )
        await correct_minutes(
            db, nora, entries[0].id, changes={"ended_at": start + timedelta(minutes=22, seconds=17)},
            reason="The phone says so", late=True,
        )  # fmt: skip
        meeting = await log_minutes(
            db, nora, ruth,
            NewMinutes(program="ccm", activity="team_meeting", started_at=care.at(world, month, 6, 9), joint=True,
                       ended_at=care.at(world, month, 6, 9, 10), reason="Huddle", late=True),
        )  # fmt: skip
        await join_meeting(db, nora, meeting.id, Joining(patient_id=otto, reason="Huddle", late=True))
        for day, activity in ((7, "administrative"), (8, "coordination")):
            beside = await log_minutes(
                db, nora, ruth,
                NewMinutes(program="ccm", activity=activity, started_at=care.at(world, month, day, 9),
                           ended_at=care.at(world, month, day, 9, 4), reason="Late", late=True),
            )  # fmt: skip
        await void_minutes(db, nora, beside.id, reason="It was about another person", late=True)
    async with tenant_db(rosa) as db:
        await join_meeting(db, rosa, meeting.id, Joining(reason="Huddle", late=True))
    await close_month(world.actor("bill"), month)
    return ruth, month


def words(page: str) -> str:
    """The page's text as one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("&#39;", "'").replace("&#34;", '"')


@pytest.fixture
async def full(lakeside: World) -> tuple[World, UUID, str]:
    ruth, month = await a_full_month(lakeside)
    return lakeside, ruth, month


async def test_an_auditor_finds_everything_in_one_place(
    full: tuple[World, UUID, str], hillcrest: World, browse: Any, behind: AsyncEngine
) -> None:
    world, ruth, month = full
    address = f"/month/{month}/{ruth}"
    answer = await browse(world, "bill").get(address)
    assert answer.status_code == 200, answer.text[:2000]
    text = words(answer.text)
    for said in (
        "Lakeside Family Medicine, NPI 1881000008", "Lin Wei, NPI 1234567893", "Member number 1EG4",
        # the line, and how the minutes add up to the second
        "99490", "1,937 seconds are 32 min 17 s; rounded down once, 32 whole minutes.", "asks for 20",
        # consent: who, when, how, what was told, which wording, recorded by whom
        "By the patient", "Spoken", "That there may be a cost to pay", "sha256", "by Nora Feld",
        "Do you agree to take part?",
        # plan as billed, and the copy
        "version 1, dated", "Copy to Ruth on", "on paper, by hand", "Walk to church",
        # eligibility
        "from Wed 1 Jan 2020, no end on file", "I50.22", "the initiating visit",
        # minutes: who as what, local time to the second with the zone
        "Nora Feld Registered nurse; clinical staff; licensed as Registered nurse, since",
        "2:00:00 pm to 2:22:17 pm E",
        "“The phone says so”", "Before, it said", "“From my notebook”",
        "Late: the month was closed already when this was written.",
        "Taken back", "“It was about another person”",
        "4 min left out: Scheduling, billing and training do not count.",
        "A meeting of Nora Feld, Rosa Ortiz. It was about one more patient.",
        "this person's equal share, 5 min",
        # the note with its signature and what it said before
        "Weight 152", "Signed", "“Misread”", "Weight 151 &lt;today&gt;",
        # the rule and its source, the plugin, the hashes, every version
        "Rule medicare.code.99490", "billing_medicare 1.", "2 of 2; nothing was ever overwritten",
        "facts and answer are as they were stored", "closed by Bill Janssen",
    ):  # fmt: skip
        assert said in text, said
    assert "Mayer" not in text, "nobody else is named in somebody's proof"
    assert "no longer match" not in text
    assert "has taken its place" not in text
    assert re.search(r"printed \S+ .*by Bill Janssen", text, re.IGNORECASE)

    assert (await browse(hillcrest, "bill").get(address)).status_code == 404
    assert (await browse(world, "nora").get(address)).status_code == 403
    async with behind.connect() as connection:
        seen = await connection.scalar(
            sa.text(
                "select count(*) from audit_event where tenant_id = :t and action = 'claims.evidence' "
                "and staff_id = :s and :p = any(patient_ids)"
            ),
            {"t": world.tenant_id, "s": world.staff["bill"], "p": ruth},
        )
    assert seen == 1


async def test_an_older_version_is_explained_as_it_was(full: tuple[World, UUID, str], browse: Any) -> None:
    world, ruth, month = full
    bill = browse(world, "bill")
    text = words((await bill.get(f"/month/{month}/{ruth}?version=1")).text)
    assert "This is version 1. Version 2 has taken its place." in text
    assert "1,260 seconds are 21 min; rounded down once, 21 whole minutes." in text
    assert "Since this decision it was corrected" in text
    assert "facts and answer are as they were stored" in text
    assert "In the ledger, not part of this decision" in text
    for wrong in ("version=3", "version=0", "version=x", "version=99999999999", "line=x", f"line={ruth}"):
        for place in ("", "/packet"):
            answer = await bill.get(f"/month/{month}/{ruth}{place}?{wrong}")
            assert answer.status_code == 404, (wrong, place)
    assert (await bill.get(f"/month/2019-01/{ruth}")).status_code == 404


async def test_one_line_alone_shows_its_own_minutes(
    full: tuple[World, UUID, str], browse: Any, ask: Any
) -> None:
    world, ruth, month = full
    page = (await browse(world, "bill").get(f"/month/{month}/{ruth}")).text
    asked = "query ($p: ID!, $m: Line!) { evidence(patientId: $p, month: $m) { lines { line { id } } } }"
    answer = await ask(world, "bill", asked, p=global_id("Patient", ruth), m=month)
    (line,) = answer["data"]["evidence"]["lines"]
    narrowed = """query ($p: ID!, $m: Line!, $l: ID) { evidence(patientId: $p, month: $m, lineId: $l) {
      entries { activity askedAbout } holds { reason } } }"""
    answer = await ask(world, "bill", narrowed, p=global_id("Patient", ruth), m=month, l=line["line"]["id"])
    activities = [one["activity"] for one in answer["data"]["evidence"]["entries"]]
    assert sorted(activities) == ["contact", "team_meeting"]
    assert "Scheduling" in page


async def test_the_file_needs_nothing_else(
    full: tuple[World, UUID, str], hillcrest: World, browse: Any
) -> None:
    world, ruth, month = full
    address = f"/month/{month}/{ruth}/packet"
    answer = await browse(world, "bill").get(address)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "Walker" not in answer.headers["content-disposition"]
    assert not re.search(r"<(script|link|img|iframe|form|a)\b|https?://|@import|url\(", answer.text)
    assert "default-src 'none'" in answer.text
    assert "<style>" in answer.text
    text = words(answer.text)
    assert "1,937 seconds are 32 min 17 s" in text
    assert "Weight 151 &lt;today&gt;" in text
    assert re.search(r"Made \S+ .*by Bill Janssen", text)
    assert (await browse(hillcrest, "bill").get(address)).status_code == 404
    assert (await browse(world, "nora").get(address)).status_code == 403


async def test_a_stored_decision_that_was_touched_says_so(
    full: tuple[World, UUID, str], browse: Any, behind: AsyncEngine, ask: Any
) -> None:
    world, ruth, month = full
    async with behind.begin() as connection:
        changed = await connection.execute(
            sa.text(
                "update month_decision set decision = replace(decision, '32 whole minutes', '62 whole minutes') "
                "where tenant_id = :t and patient_id = :p and version = 2"
            ),
            {"t": world.tenant_id, "p": ruth},
        )
        assert changed.rowcount == 1
    text = words((await browse(world, "bill").get(f"/month/{month}/{ruth}")).text)
    assert "no longer match the fingerprints" in text
    assert "NOT as they were stored" in text
    asked = "query ($p: ID!, $m: Line!) { evidence(patientId: $p, month: $m) { asStored } }"
    answer = await ask(world, "bill", asked, p=global_id("Patient", ruth), m=month)
    assert answer["data"]["evidence"]["asStored"] is False


EVIDENCE = """query ($p: ID!, $m: Line!) { evidence(patientId: $p, month: $m) {
  patientName version newest asStored zone memberId practitionerNpi facts
  lines { line { code } total { seconds minutes addsUp shares { secondsInMonth secondsLeftOut secondsCounted } } }
  entries { askedAbout staffName roleClass activity qualifications { kind name } before { reason } since { reason }
    now { void reason } leftOut { seconds reason } meetingPeople meetingOtherPatients }
  notes { note signedAt amendments { noteBefore reason } }
  consents { counted told wordingVersion wording } plans { billed number copies { toWhom } }
  versions { number } findings { reason } } }"""


async def test_graphql_tells_the_same(full: tuple[World, UUID, str], hillcrest: World, ask: Any) -> None:
    world, ruth, month = full
    asked = {"p": global_id("Patient", ruth), "m": month}
    answer = await ask(world, "bill", EVIDENCE, **asked)
    assert not answer["errors"], answer["errors"]
    found = answer["data"]["evidence"]
    assert (found["patientName"], found["version"], found["newest"]) == ("Ruth Walker", 2, True)
    (line,) = found["lines"]
    total = line["total"]
    assert (total["seconds"], total["minutes"], total["addsUp"]) == (1937, 32, True)
    assert sum(share["secondsCounted"] for share in total["shares"]) == 1937
    assert [e["leftOut"][0]["reason"] for e in found["entries"] if e["activity"] == "administrative"] == [
        "OFFICE_WORK"
    ]
    assert [e["askedAbout"] for e in found["entries"] if e["now"]["void"]] == [False]
    assert found["notes"][0]["amendments"] == [{"noteBefore": "Weight 151 <today>", "reason": "Misread"}]
    assert found["consents"][0]["counted"]
    assert found["plans"][0]["copies"] == [{"toWhom": "Ruth"}]
    assert [v["number"] for v in found["versions"]] == [2, 1]
    for who, code in (("nora", "NOT_ALLOWED"), (None, "SIGN_IN_NEEDED")):
        refused = await ask(world, who, EVIDENCE, **asked)
        assert [e["extensions"]["code"] for e in refused["errors"]] == [code]
    theirs = await ask(hillcrest, "bill", EVIDENCE, **asked)
    assert [e["extensions"]["code"] for e in theirs["errors"]] == ["NOT_FOUND"]


async def test_a_contact_the_rules_were_not_told_of_lends_no_note(
    full: tuple[World, UUID, str], browse: Any, ask: Any
) -> None:
    """A biller may not read contacts; only what a claim rests on is lent. Written after the close, it rests on none."""
    world, ruth, month = full
    nora, start = world.actor("nora"), care.at(world, month, 9, 10)
    async with tenant_db(nora) as db:
        await record_contact(
            db, nora, ruth,
            NewEncounter(kind="phone", at=start, outcome="reached", program="ccm", note="Her son drinks again"),
            [NewMinutes(program="ccm", activity="contact", started_at=start, ended_at=start + timedelta(minutes=6),
                        reason="Remembered later", late=True)],
        )  # fmt: skip
    text = words((await browse(world, "bill").get(f"/month/{month}/{ruth}")).text)
    assert "Her son drinks" not in text
    assert "“Remembered later”" in text, "the minutes stand in the ledger, not part of this decision"
    assert "Weight 152" in text, "the note of what is billed is there"
    found = (await ask(world, "bill", EVIDENCE, p=global_id("Patient", ruth), m=month))["data"]["evidence"]
    assert [one["note"] for one in found["notes"]] == ["Weight 152"]
    assert [e["askedAbout"] for e in found["entries"] if e["now"]["reason"] == "Remembered later"] == [False]


async def test_a_draft_is_its_owners_in_a_proof_too(
    full: tuple[World, UUID, str], browse: Any, ask: Any
) -> None:
    world, ruth, month = full
    nora = world.actor("nora")

    async def draft(day: int) -> UUID:
        start = care.at(world, month, day, 9)
        new = NewMinutes(program="ccm", activity="plan_work", started_at=start, late=True, reason="Not sure",
                         ended_at=start + timedelta(minutes=4), state="draft")  # fmt: skip
        async with tenant_db(nora) as db:
            return (await log_minutes(db, nora, ruth, new)).id

    await draft(9)
    taken_back, confirmed = await draft(10), await draft(11)
    async with tenant_db(nora) as db:
        await void_minutes(db, nora, taken_back, reason="Was away", late=True)
        await confirm_minutes(db, nora, confirmed, reason="It was so", late=True)
    for closed_again in (False, True):
        if closed_again:
            await close_month(world.actor("bill"), month)
        text = words((await browse(world, "bill").get(f"/month/{month}/{ruth}")).text)
        assert "Was away" not in text
        assert "not confirmed by" not in text
        assert "“It was so”" in text
        assert text.count("“Not sure”") == 1, "what the confirmed one said before"
        found = (await ask(world, "bill", EVIDENCE, p=global_id("Patient", ruth), m=month))["data"][
            "evidence"
        ]
        assert [e["now"]["reason"] for e in found["entries"]].count("Not sure") == 0


async def test_a_month_nobody_rules_has_a_proof_too(lakeside: World, browse: Any) -> None:
    month = care.last_month(lakeside.zone)
    ruth = await care.someone_in_care(lakeside, month, covered=False)
    await care.minutes(lakeside, ruth, month, 25)
    await close_month(lakeside.actor("bill"), month)
    text = words((await browse(lakeside, "bill").get(f"/month/{month}/{ruth}")).text)
    assert "Not billed: NO_COVERAGE" in text
    assert "nobody's: a person decides" in text
    assert "In the ledger, not part of this decision" in text


async def test_the_proof_costs_the_same_number_of_statements_however_much_was_written(
    lakeside: World, behind: AsyncEngine
) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    from server.claims.evidence import evidence_of

    month = care.last_month(lakeside.zone)
    few = await care.someone_in_care(lakeside, month)
    many = await care.someone_in_care(lakeside, month, name="Mayer")
    await care.minutes(lakeside, few, month, 21)
    await care.minutes(lakeside, many, month, *[3] * 12, hour=9)
    bill = lakeside.actor("bill")
    await close_month(bill, month)
    sent: list[str] = []

    def count(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        counts = []
        for patient in (few, many):
            sent.clear()
            async with tenant_db(bill, read_only=True) as db:
                found = await evidence_of(db, bill, patient, month)
            counts.append(len(sent))
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert len(found.entries) == 12
    assert counts[0] == counts[1] > 0


async def test_what_people_decided_and_what_changed_belong_to_the_proof(
    full: tuple[World, UUID, str], at_browser: Any, ask: Any
) -> None:
    world, ruth, month = full
    bill = await at_browser(world, "bill")
    address = f"/month/{month}/{ruth}"
    assert "What changed since the version before" in words(await bill.get(address)), (
        "version 2 counts more time"
    )
    await bill.send(f"{address}/choose", {"choice": "withhold:", "reason": "Ruth asked us not to <bill> it"})
    for place in (address, f"{address}/packet", f"{address}?version=1"):
        text = words(await bill.get(place))
        assert "Do not bill it: the whole month" in text, place
        assert "“Ruth asked us not to &lt;bill&gt; it”" in text, place
        assert "by Bill Janssen" in text, place
    refused = await bill.send(f"{address}/choose", {"choice": "withhold:99490", "reason": ""}, 422)
    assert "Ruth asked us" in refused.text
    again = await bill.get(address)
    override = re.search(r'name="override_id" value="([^"]+)"', again)
    assert override
    await bill.send(f"{address}/take-back", {"override_id": override[1], "reason": "She changed her mind"})
    text = words(await bill.get(address))
    assert "Taken back: Do not bill it" in text
    assert "“She changed her mind”" in text
    assert 'name="override_id"' not in await bill.get(address)
    asked = """query ($p: ID!, $m: Line!) { evidence(patientId: $p, month: $m) {
      choices { kind reason takesBack inForce recordedBy } changes } }"""
    answer = await ask(world, "bill", asked, p=global_id("Patient", ruth), m=month)
    found = answer["data"]["evidence"]
    assert [(one["takesBack"], one["inForce"]) for one in found["choices"]] == [(False, False), (True, False)]
    assert found["changes"]


async def test_a_stored_decision_that_cannot_be_read_is_said_and_not_failed_on(
    full: tuple[World, UUID, str], browse: Any, behind: AsyncEngine
) -> None:
    world, ruth, month = full
    for column, spoiled in (("facts", "left(facts, 40)"), ("decision", "left(decision, 40)")):
        async with behind.begin() as connection:
            await connection.execute(
                sa.text(
                    f"update month_decision set {column} = {spoiled} where tenant_id = :t and version = 2"
                ),
                {"t": world.tenant_id},
            )
        for place in ("", "/packet"):
            answer = await browse(world, "bill").get(f"/month/{month}/{ruth}{place}")
            assert answer.status_code == 200, column
            assert "no longer match the fingerprints" in words(answer.text)
