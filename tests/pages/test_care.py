"""The whole path on pages: from a registered person to the line of a closed month, and what stands in the way."""

import html
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cast import World
from newcomer import key, register

TOLD = ["availability", "cost_share", "one_practitioner", "right_to_stop"]


def token(page: str) -> str:
    found = re.search(r'name="_csrf" value="([^"]+)"', page)
    assert found, page[:400]
    return found[1]


def last_month(zone: str) -> str:
    first = datetime.now(ZoneInfo(zone)).date().replace(day=1)
    return f"{first - timedelta(days=1):%Y-%m}"


BY_SCRIPT = {"hx-request": "true"}


async def rows_opened(bill: "Hand", page: str) -> list[str]:
    """What each row of a month's list shows when it is opened."""
    found = []
    for address in re.findall(r'hx-get="(/month/[^"]+/proof[^"]+)"', page):
        answer = await bill.client.get(html.unescape(address), headers=BY_SCRIPT)
        assert answer.status_code == 200, (address, answer.text[:1500])
        found.append(str(answer.text))
    return found


@dataclass
class Hand:
    """Somebody at a browser: sends forms with the token of their sign-in."""

    client: Any
    csrf: str

    async def get(self, address: str) -> str:
        answer = await self.client.get(address)
        assert answer.status_code == 200, (address, answer.status_code, answer.text[:1500])
        return str(answer.text)

    async def send(self, address: str, status: int = 303, /, **fields: Any) -> Any:
        answer = await self.client.post(address, data={"_csrf": self.csrf, **fields})
        assert answer.status_code == status, (address, answer.status_code, answer.text[:4000])
        return answer


async def hand(browse: Callable[..., Any], world: World, who: str) -> Hand:
    client = browse(world, who)
    return Hand(client, token((await client.get("/")).text))


async def registered(world: World, browse: Any) -> str:
    """The address of Ruth's page: insured by Medicare, two lasting conditions chosen."""
    fred, nora = await hand(browse, world, "fred"), await hand(browse, world, "nora")
    new = await fred.send("/people/new", given_names="Ruth", family_name="Walker", birth_date="1944-05-02")
    ruth = str(new.headers["location"])
    await fred.send(f"{ruth}/coverages", payer_id=str(world.payers["medicare_part_b"]), from_on="2020-01-01")
    for code in ("I50.22", "E11.9"):
        await nora.send(f"{ruth}/diagnoses", code=code, chronic="yes", from_on="2024-01-02")
    return ruth


async def in_care(world: World, browse: Any) -> str:
    """Ruth, in the program since before last month: agreed, planned, seen."""
    ruth = await registered(world, browse)
    nora = await hand(browse, world, "nora")
    before = (date.fromisoformat(f"{last_month(world.zone)}-01") - timedelta(days=20)).isoformat()
    lin = str(world.staff["dr_lin"])
    await nora.send(f"{ruth}/programs", program="ccm", practitioner_id=lin, started_on=before,
                    contact_frequency="every other Tuesday")  # fmt: skip
    consent = await nora.get(f"{ruth}/consent/ccm")
    assert "It is your choice" in consent
    assert 'name="told" value="cost_share" checked' not in consent
    wording = re.search(r'name="wording_version" value="([^"]+)"', consent)
    assert wording
    await nora.send(
        f"{ruth}/consent/ccm/given", told=TOLD, method="verbal", given_by="patient", day=before, time="10:00",
        practitioner_id=lin, wording_version=wording[1], language="en",
    )  # fmt: skip
    plan = await nora.send(f"{ruth}/plan", program="ccm", dated_on=before, goals="Walk to church on Sundays",
                           steps="Tom drives on Fridays", supports="Tom, next door", based_on="0")  # fmt: skip
    await nora.send(f"{plan.headers['location']}/copies", given_on=before, how="paper", to_whom="Ruth")
    await nora.send(f"{ruth}/visits", kind="office_visit", visited_on=before, practitioner_id=lin,
                    initiating_for="ccm")  # fmt: skip
    return ruth


Contact = Callable[..., Awaitable[Any]]


async def spoke(
    nora: Hand, ruth: str, month: str, on: int, lasted: int, status: int = 303, **more: Any
) -> Any:
    given = {
        "kind": "phone", "on": f"{month}-{on:02}", "began": "14:00", "minutes": str(lasted), "program": "ccm",
        "outcome": "reached", "note": "Sleeps better", "reason": "From my notebook",
    }  # fmt: skip
    return await nora.send(f"{ruth}/contacts", status, **(given | more))


async def test_from_a_name_to_a_line_and_its_source(
    lakeside: World, hillcrest: World, browse: Any, drain: Any
) -> None:
    ruth, month = await in_care(lakeside, browse), last_month(lakeside.zone)
    nora, bill = await hand(browse, lakeside, "nora"), await hand(browse, lakeside, "bill")
    await spoke(nora, ruth, month, 5, 12, next_step="Ask about the evening tablet")
    await spoke(nora, ruth, month, 12, 9)

    page = await nora.get(ruth)
    for words in (
        "Walk to church on Sundays", "A copy was given to Ruth", "spoken; told about what it offers, the cost",
        "every other Tuesday", "Phone call, 12 min", "Ask about the evening tablet", "Office visit with Lin Wei",
        "Write down a contact with Ruth",
    ):  # fmt: skip
        assert words in page, words
    assert "21 min" not in page
    assert "21 min" in await nora.get(f"{ruth}/minutes")

    assert "Can be closed" in await bill.get("/month")
    closed = await bill.send(f"/month/{month}/close")
    await drain()
    assert closed.headers["location"] == f"/month/{month}"
    page = await bill.get(f"/month/{month}")
    assert "1 person; 1 with a line." in page
    for words in ("Ruth Walker, 99490", "Look before sending", "$"):
        assert words in page, words
    assert "What would change it" not in page, "a proof is fetched when its row is opened"
    (row,) = await rows_opened(bill, page)
    for words in (
        "Nora Feld",
        "12 min",
        "9 min",
        "Look before sending",
        "Nobody has recorded whether these are in place",
        "What would change it",
        "reviewed",
        "The whole proof, to print",
    ):
        assert words in row, words
    (place,) = re.findall(r'hx-get="([^"]+)"', page)
    plainly = await bill.client.get(html.unescape(place), follow_redirects=False)
    assert plainly.status_code == 303, "not asked by our script: the whole page of it"
    assert f'href="{plainly.headers["location"]}"' in page, "and that is the plain link without script"
    assert "Facts it rests on" in await bill.get(plainly.headers["location"])
    proof = await bill.get(f"/month/{month}/{ruth.rpartition('/')[2]}")
    for words in ("billing_medicare", "Version", "Facts it rests on", "Rule set"):
        assert words in proof, words

    again = await bill.client.post(f"/month/{month}/close", data={"_csrf": bill.csrf}, follow_redirects=True)
    assert "is being closed" in again.text
    assert "nothing changed" not in again.text
    await drain()
    assert "nothing changed" in await bill.get(f"/month/{month}")

    theirs = await hand(browse, hillcrest, "bill")
    assert (await theirs.client.get(html.unescape(place), headers=BY_SCRIPT)).status_code == 404
    nothing = place.partition("=")[0]
    for of in ("x", "01a206b8-b62b-7105-8019-a487adfba4f7"):
        assert (await bill.client.get(f"{nothing}={of}", headers=BY_SCRIPT)).status_code == 404
    assert (await bill.client.get(nothing.partition("?")[0])).headers["location"] == nothing.partition(
        "/proof"
    )[0]
    assert (await theirs.client.get(f"/month/{month}/{ruth.rpartition('/')[2]}")).status_code == 404
    assert "Walker" not in await theirs.get(f"/month/{month}")


async def test_nineteen_minutes_are_held_with_the_reason_and_nobody_is_told_to_do_more(
    lakeside: World, browse: Any, drain: Any
) -> None:
    ruth, month = await in_care(lakeside, browse), last_month(lakeside.zone)
    nora, bill = await hand(browse, lakeside, "nora"), await hand(browse, lakeside, "bill")
    await spoke(nora, ruth, month, 5, 10)
    await spoke(nora, ruth, month, 12, 9)
    await bill.send(f"/month/{month}/close")
    await drain()
    page = await bill.get(f"/month/{month}")
    assert "1 person; 1 not billable." in page
    (row,) = await rows_opened(bill, page)
    assert "19 whole minutes count" in row
    assert "nothing is to be done" in page + row
    assert "more minute" not in page + row


async def test_what_is_missing_is_grouped_by_what_mends_it(lakeside: World, browse: Any, drain: Any) -> None:
    ruth, month = await registered(lakeside, browse), last_month(lakeside.zone)
    nora, bill = await hand(browse, lakeside, "nora"), await hand(browse, lakeside, "bill")
    before = f"{month}-01"
    await nora.send(
        f"{ruth}/programs", program="ccm", practitioner_id=str(lakeside.staff["dr_lin"]), started_on=before
    )
    await spoke(nora, ruth, month, 5, 25)
    await bill.send(f"/month/{month}/close")
    await drain()
    page = await bill.get(f"/month/{month}")
    assert "1 waiting for something you can mend" in page
    for words in (
        "An answer about the program",
        "A plan to be written",
        f"{ruth}/consent/ccm",
        f"{ruth}/plan",
    ):
        assert words in page, words


async def test_a_payer_nobody_knows_waits_for_a_person(lakeside: World, browse: Any, drain: Any) -> None:
    fred, nora = await hand(browse, lakeside, "fred"), await hand(browse, lakeside, "nora")
    bill, month = await hand(browse, lakeside, "bill"), last_month(lakeside.zone)
    new = await fred.send("/people/new", given_names="Otto", family_name="Berg", birth_date="1950-01-05")
    otto = str(new.headers["location"])
    await fred.send(f"{otto}/coverages", payer_id=str(lakeside.payers["unknown"]), from_on="2020-01-01")
    await spoke(nora, otto, month, 5, 25)
    await bill.send(f"/month/{month}/close")
    await drain()
    page = await bill.get(f"/month/{month}")
    assert "Waiting for a person" in page
    assert "Acme Mutual" in page


async def test_a_month_that_is_not_over_is_not_closed(lakeside: World, browse: Any) -> None:
    bill = await hand(browse, lakeside, "bill")
    this = f"{datetime.now(ZoneInfo(lakeside.zone)):%Y-%m}"
    refused = await bill.send(f"/month/{this}/close", 422)
    assert "is not over yet" in refused.text
    assert (await bill.client.get("/month/2026-13")).status_code == 404
    assert (await bill.client.get("/month/what")).status_code == 404


# --- what is refused, and nothing lost ----------------------------------------------------------------------------


async def test_two_people_in_one_note_lose_nothing(lakeside: World, browse: Any) -> None:
    ruth = await registered(lakeside, browse)
    nora, rosa = await hand(browse, lakeside, "nora"), await hand(browse, lakeside, "rosa")
    today = datetime.now(ZoneInfo(lakeside.zone)).date().isoformat()
    await nora.send(f"{ruth}/contacts", kind="phone", on=today, began="00:00", note="First words")
    found = re.search(rf"{ruth}/contacts/[0-9a-f-]{{36}}", await nora.get(ruth))
    assert found
    note = found[0]
    given = {"kind": "phone", "outcome": "reached", "on": today, "began": "00:00", "revision": "1"}
    assert 'value="1"' in await nora.get(f"{note}/change")
    await rosa.send(note, **given, note="Rosa wrote more")
    refused = await nora.send(note, 422, **given, note="Nora wrote too")
    assert "A colleague saved this contact while you were writing" in refused.text
    assert "Rosa wrote more" in refused.text
    assert "Nora wrote too" in refused.text
    assert 'name="revision" value="2"' in refused.text
    await nora.send(note, **(given | {"revision": "2"}), note="Rosa wrote more. Nora wrote too")

    page = await nora.get(note)
    assert "Rosa wrote more. Nora wrote too" in page
    await rosa.send(f"{note}/sign", 422, revision="3")
    await nora.send(f"{note}/sign", revision="3")
    assert "Signed by Nora Feld" in await rosa.get(note)
    unreasoned = await nora.send(note, 422, **(given | {"revision": "4"}), note="Amended")
    assert "amended with a reason" in unreasoned.text
    await nora.send(note, **(given | {"revision": "4"}), note="Amended", reason="She called back")
    page = await nora.get(note)
    assert "What it said before" in page
    assert "She called back" in page
    assert "Rosa wrote more. Nora wrote too" in page


async def test_a_kind_and_a_day_are_enough_and_overlaps_are_refused_beside_the_field(
    lakeside: World, browse: Any
) -> None:
    ruth, month = await registered(lakeside, browse), last_month(lakeside.zone)
    nora = await hand(browse, lakeside, "nora")
    composer = await nora.get(ruth)
    on = re.search(r'name="on"[^>]* value="([^"]+)"', composer)
    began = re.search(r'name="began"[^>]* value="([^"]+)"', composer)
    assert on
    assert began
    await nora.send(f"{ruth}/contacts", kind="letter", on=on[1], began=began[1])
    assert "Letter" in await nora.get(ruth)

    await spoke(nora, ruth, month, 5, 30)
    again = await spoke(nora, ruth, month, 5, 10, 422, began="14:20", note="Kept <words>")
    assert "overlaps minutes already entered for this person" in again.text
    assert 'id="f-began-error"' in again.text
    assert "Kept &lt;words&gt;" in again.text
    backwards = await spoke(nora, ruth, month, 6, 0, 422, minutes="", ended="13:00")
    assert "not after its start" in backwards.text
    unsure = await spoke(nora, ruth, month, 6, 12, 422, ended="14:15")
    assert "15 minutes, not 12" in unsure.text
    for wrong in ("twelve", "0", "-3", "1e3", "9999", "١٢"):
        assert "is not a number of minutes" in (await spoke(nora, ruth, month, 6, 0, 422, minutes=wrong)).text
    late = await spoke(nora, ruth, month, 6, 12, 422, reason="")
    assert 'id="f-reason-error"' in late.text
    assert "Minutes belong to a program" in (await spoke(nora, ruth, month, 6, 12, 422, program="")).text
    tomorrow = (datetime.now(ZoneInfo(lakeside.zone)) + timedelta(days=1)).date().isoformat()
    to_come = await nora.send(f"{ruth}/contacts", 422, kind="phone", on=tomorrow, began="10:00")
    assert "A record says what has happened" in to_come.text
    assert (await nora.get(f"{ruth}/minutes")).count("30 min") == 2


async def test_consent_dated_tomorrow_refusal_revocation_and_a_struck_entry(
    lakeside: World, browse: Any
) -> None:
    ruth = await registered(lakeside, browse)
    nora = await hand(browse, lakeside, "nora")
    now = datetime.now(ZoneInfo(lakeside.zone))
    tomorrow = (now + timedelta(days=1)).date().isoformat()
    yesterday = (now - timedelta(days=1)).date().isoformat()
    given = {
        "told": TOLD,
        "method": "verbal",
        "given_by": "patient",
        "time": "10:00",
        "wording_version": "elsewhere",
    }
    early = await nora.send(f"{ruth}/consent/ccm/given", 422, **given, day=tomorrow)
    assert "A record says what has happened" in early.text
    assert 'id="f-time-error"' in early.text
    assert 'value="cost_share" checked' in early.text
    assert (
        "Spoken or signed?"
        in (await nora.send(f"{ruth}/consent/ccm/given", 422, **(given | {"method": ""}), day=yesterday)).text
    )

    spanish = await nora.get(f"{ruth}/consent/ccm?lang=es")
    assert 'lang="es"' in spanish
    await nora.send(f"{ruth}/consent/ccm/refused", day=yesterday, time="09:00", given_by="patient",
                    what_would_help="A ride to the clinic")  # fmt: skip
    page = await nora.get(f"{ruth}/consent/ccm")
    assert "Not to be asked now" in page
    assert "A ride to the clinic" in page
    await nora.send(f"{ruth}/consent/ccm/given", **given, day=yesterday)
    assert "Agreed on" in await nora.get(ruth)
    await nora.send(f"{ruth}/consent/ccm/revoked", day=yesterday, time="11:00", given_by="patient")
    page = await nora.get(f"{ruth}/consent/ccm")
    assert "Took consent back" in page
    strike = re.search(rf"({ruth}/consent/ccm/[0-9a-f-]{{36}}/strike)", page)
    assert strike
    await nora.send(strike[1], 422, reason="")
    await nora.send(strike[1], reason="It was somebody else")
    page = await nora.get(f"{ruth}/consent/ccm")
    assert "It was somebody else" in page
    assert "<s>Took consent back" in page
    assert "Agreed on" in page.partition("What was said before")[0]


async def test_minutes_are_corrected_taken_back_and_meetings_joined(lakeside: World, browse: Any) -> None:
    ruth, month = await registered(lakeside, browse), last_month(lakeside.zone)
    nora, rosa = await hand(browse, lakeside, "nora"), await hand(browse, lakeside, "rosa")
    entered = {"on": f"{month}-08", "began": "09:00", "minutes": "20", "activity": "team_meeting", "program": "ccm",
               "reason": "From my notebook", "joint": "yes"}  # fmt: skip
    await nora.send(f"{ruth}/minutes", **entered)
    entry = re.search(rf"{ruth}/minutes/[0-9a-f-]{{36}}", await rosa.get(f"{ruth}/minutes"))
    assert entry
    assert "I was in this meeting" in await rosa.get(entry[0])
    await rosa.send(f"{entry[0]}/join", reason="I forgot")
    page = await nora.get(f"{ruth}/minutes")
    assert page.count("A meeting") >= 2
    assert "40 min" not in page  # one person's time at a moment

    fixed = {"on": f"{month}-08", "until_on": f"{month}-08", "began": "09:00", "ended": "09:10",
             "activity": "team_meeting", "program": "ccm", "joint": "yes"}  # fmt: skip
    await nora.send(f"{entry[0]}/correct", 422, **fixed, reason="")
    await nora.send(f"{entry[0]}/correct", **fixed, reason="It ended early")
    page = await nora.get(f"{ruth}/minutes")
    assert "It ended early" in page
    assert "No longer counts" in page
    assert (
        "corrected or taken back already" in (await nora.send(f"{entry[0]}/void", 422, reason="Twice")).text
    )


async def test_a_plan_written_meanwhile_is_shown_beside_ones_own(lakeside: World, browse: Any) -> None:
    ruth = await registered(lakeside, browse)
    nora, rosa = await hand(browse, lakeside, "nora"), await hand(browse, lakeside, "rosa")
    today = datetime.now(ZoneInfo(lakeside.zone)).date().isoformat()
    first = {"program": "ccm", "dated_on": today, "goals": "Walk to church", "based_on": "0"}
    one = (await nora.send(f"{ruth}/plan", **first)).headers["location"]
    assert "Walk to church" in await nora.get(f"{ruth}/plan/new?program=ccm")
    moved = await rosa.send(f"{ruth}/plan", 422, **(first | {"goals": "Sing in the choir"}))
    assert "Walk to church" in moved.text
    assert "Sing in the choir" in moved.text
    await rosa.send(f"{ruth}/plan", **(first | {"goals": "Walk and sing", "based_on": "1"}))
    assert "There is a newer version" in await nora.get(one)
    home = await nora.get(f"{one}/home")
    assert "Who to call" in home
    assert "I50.22" not in home.partition("<article")[2].partition("</article")[0]
    assert "A quién llamar" in await nora.get(f"{one}/home?lang=es")
    assert "Version 2" in await nora.get(f"{ruth}/plan")


async def test_what_payers_ask_about(lakeside: World, browse: Any) -> None:
    ruth = await in_care(lakeside, browse)
    nora, month = await hand(browse, lakeside, "nora"), last_month(lakeside.zone)
    page = await nora.get(f"{ruth}/payers-ask")
    for words in ("Medicare Part B", "Somebody with the record can be reached at any hour", "Office visit"):
        assert words in page, words
    given = {"element": "access_24x7", "met": "yes", "on_date": f"{month}-01"}
    assert "Choose one" in (await nora.send(f"{ruth}/attestations", 422, **given)).text
    await nora.send(f"{ruth}/attestations", **given, holds_for="practice")
    await nora.send(f"{ruth}/decision-levels", program="ccm", month=month, level="moderate")
    wrong = await nora.send(f"{ruth}/other-services", 422, code="12", on_date=f"{month}-02")
    assert "is not a procedure code" in wrong.text
    await nora.send(f"{ruth}/other-services", code="99495", on_date=f"{month}-02", note="From the hospital")
    page = await nora.get(f"{ruth}/payers-ask")
    for words in ("In place", "for everybody here", "moderate", "From the hospital"):
        assert words in page, words
    back = re.search(rf"({ruth}/other-services/[0-9a-f-]{{36}}/withdraw)", page)
    assert back
    await nora.send(back[1], reason="Another Ruth")
    assert "Another Ruth" in await nora.get(f"{ruth}/payers-ask")


# --- who may see what ---------------------------------------------------------------------------------------------

MAY = {
    "": "ada nora rosa dr_lin mika fred bill",
    "/programs": "ada nora rosa dr_lin mika bill",
    "/programs/new": "nora rosa dr_lin mika",
    "/consent/ccm": "ada nora rosa dr_lin mika bill",
    "/payers-ask": "ada nora rosa dr_lin mika bill",
    "/plan": "ada nora rosa dr_lin mika",
    "/plan/new": "nora rosa dr_lin mika",
    "/diary": "ada nora rosa dr_lin mika",
    "/contacts/new": "nora rosa dr_lin mika",
    "/minutes": "ada nora rosa dr_lin mika bill",
}


async def test_every_role_sees_what_is_theirs_and_the_other_practice_sees_nothing(
    lakeside: World, hillcrest: World, browse: Any, drain: Any
) -> None:
    ruth, month = await in_care(lakeside, browse), last_month(lakeside.zone)
    nora, bill = await hand(browse, lakeside, "nora"), await hand(browse, lakeside, "bill")
    await spoke(nora, ruth, month, 5, 25)
    await bill.send(f"/month/{month}/close")
    await drain()
    page, ledger = await nora.get(ruth), await nora.get(f"{ruth}/minutes")
    beside = {
        kind: found[0]
        for kind, text in (("contacts", page), ("plan", page), ("minutes", ledger))
        if (found := re.search(rf"{ruth}/{kind}/[0-9a-f-]{{36}}", text))
    }
    assert len(beside) == 3
    evidence = f"/month/{month}/{ruth.rpartition('/')[2]}"
    for who in ("ada", "nora", "rosa", "dr_lin", "mika", "fred", "bill", "mona"):
        client = browse(lakeside, who)
        for place, those in MAY.items():
            expected = 200 if who in those.split() else 403
            assert (await client.get(ruth + place)).status_code == expected, (who, place)
        for place in ("/month", f"/month/{month}", evidence):
            expected = 200 if who in {"ada", "bill", "dr_lin"} else 403
            assert (await client.get(place)).status_code == expected, (who, place)
    for who in ("nora", "ada"):
        theirs = browse(hillcrest, who)
        for place, those in MAY.items():
            if who in those.split():
                assert (await theirs.get(ruth + place)).status_code == 404, (who, place)
        for place in beside.values():
            assert (await theirs.get(place)).status_code in {404} | ({403} if who == "ada" else set()), place
    assert (await browse(hillcrest, "ada").get(evidence)).status_code == 404
    stranger = await hand(browse, hillcrest, "nora")
    await stranger.send(f"{ruth}/contacts", 404, kind="phone", on=f"{month}-05", began="10:00")
    await stranger.send(f"{ruth}/consent/ccm/given", 404, told=TOLD, method="verbal", given_by="patient",
                        day=f"{month}-05", time="10:00", wording_version="elsewhere")  # fmt: skip
    await stranger.send(f"{beside['contacts']}/sign", 404, revision="1")
    await stranger.send(f"{beside['minutes']}/void", 404, reason="Mine now")
    # Somebody else's record under another person's address is nobody's.
    other = await registered(lakeside, browse)
    for kind, address in beside.items():
        assert (await browse(lakeside, "nora").get(address.replace(ruth, other))).status_code == 404, kind


async def test_today_says_of_each_person_their_own_words(lakeside: World, browse: Any, ask: Any) -> None:
    today = datetime.now(ZoneInfo(lakeside.zone)).date().isoformat()
    nora = await hand(browse, lakeside, "nora")
    own = {"Anders": "The lake in the morning.", "Bellini": "Singing again.", "Castro": ""}
    for family, matters in own.items():
        person = f"/people/{key(await register(ask, lakeside, familyName=family))}"
        await nora.send(f"{person}/contacts", kind="phone", on=today, began="00:00")
        if matters:
            await nora.send(f"{person}/story", what_matters=matters, story="", told_by="", revision="0")
    rows = (await nora.get("/")).split('href="/people/')
    for family, matters in own.items():
        row = next(one for one in rows if f" {family}</span></a>" in one)
        assert [words for words in own.values() if words and words in row] == (
            [matters] if matters else []
        ), family


async def test_today_shows_people_and_only_ones_own_loose_ends(
    lakeside: World, hillcrest: World, browse: Any
) -> None:
    ruth = await registered(lakeside, browse)
    nora, rosa = await hand(browse, lakeside, "nora"), await hand(browse, lakeside, "rosa")
    assert "Nobody is in your care yet" in await nora.get("/")
    today = datetime.now(ZoneInfo(lakeside.zone)).date().isoformat()
    await nora.send(
        f"{ruth}/contacts", kind="phone", on=today, began="00:00", next_step="Ask about the shoes"
    )
    page = await nora.get("/")
    for words in (
        "Ruth Walker",
        "Ask about the shoes",
        "One note of yours waits",
        "One person is in your care",
    ):
        assert words in page, words
    assert "Ruth" not in await rosa.get("/")
    await rosa.send(f"{ruth}/contacts", kind="phone", on=today, began="00:01", then="sign")
    assert "Ruth Walker" in (await rosa.get("/")).partition("Your loose ends")[0]
    assert "waits for your signature" not in await rosa.get("/")
    assert "People in your care" not in await nora.get("/")
    for who, words in (
        ("fred", "Who is coming in?"),
        ("bill", "Months"),
        ("mona", "When a colleague asks"),
    ):
        assert words in await (await hand(browse, lakeside, who)).get("/")
    assert "Walker" not in await (await hand(browse, hillcrest, "nora")).get("/")
    gone = await browse().get("/")
    assert (gone.status_code, gone.headers["location"]) == (303, "/welcome")
