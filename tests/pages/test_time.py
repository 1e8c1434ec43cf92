"""The running timer on pages: the top line, the person's page, one's own time; with the forms alone, without script."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from claims.care import someone_in_care
from claims.month_end import close_month
from newcomer import local
from sqlalchemy.ext.asyncio import AsyncEngine

from server.jobs import KINDS
from server.minutes.actions import NewMinutes, log_minutes
from server.tenants.db import tenant_db
from tests.minutes.conftest import TIMED, Clock
from tests.pages.test_care import Hand, hand


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (*TIMED, "web.timer_line"):
        monkeypatch.setattr(f"{module}.now", made)
    return made


@pytest.fixture
async def nora(browse: Any, lakeside: World) -> Hand:
    return await hand(browse, lakeside, "nora")


def heard(counted: float, *bursts: tuple[float, float], page: str = "p1") -> str:
    ago = [[int(start * 1000), int(end * 1000)] for start, end in bursts]
    return json.dumps({"page": page, "counted": int(counted * 1000), "bursts": ago, "ago": 0})


def running(page: str) -> str:
    found = re.search(r'data-timer="([0-9a-f-]{36})"', page)
    assert found, "no timer runs on this page"
    return found[1]


async def beats(nora: Hand, clock: Clock, timer: str, first: int, last: int, *, busy: bool = True) -> None:
    for at in range(first, last + 1, 10):
        clock.on(seconds=10)
        given = heard(at, (10, 0)) if busy else heard(at)
        answer = await nora.send("/time/beat", 200, timer=timer, heard=given)
        assert answer.json()["state"] == "running"


async def test_without_script_two_presses_are_enough(
    lakeside: World, hillcrest: World, browse: Any, nora: Hand, clock: Clock
) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    page = await nora.get(f"/people/{ruth}")
    assert "Start the timer" in page
    assert "data-timer=" not in page
    await nora.send("/time/start", patient=str(ruth))
    clock.on(minutes=12)
    for address in ("/", "/people", "/time", f"/people/{ruth}"):
        said = await nora.get(address)
        assert "Ruth Walker" in said
        assert "12:00" in said
    timer = running(await nora.get("/people"))
    done = await nora.send("/time/stop", timer=timer, back="/people")
    assert done.headers["location"] == "/people"
    assert "12 min" in await nora.get(f"/people/{ruth}/minutes")
    assert "data-timer=" not in await nora.get("/people")
    theirs = await hand(browse, hillcrest, "nora")
    for path in ("stop", "discard"):
        await theirs.send(f"/time/{path}", 404, timer=timer)
    await theirs.send("/time/start", 404, patient=str(ruth))
    await theirs.send("/time/beat", 404, timer=timer, heard=heard(1))


async def test_the_way_back_stays_in_the_house(lakeside: World, nora: Hand, clock: Clock) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    for back in ("https://elsewhere.example/", "//elsewhere.example", "/people\r\nx: y", "javascript:1", ""):
        await nora.send("/time/start", patient=str(ruth))
        timer = running(await nora.get("/people"))
        done = await nora.send("/time/discard", timer=timer, back=back)
        assert done.headers["location"] == "/time"


async def test_a_reason_that_is_too_long_is_refused_and_not_cut(
    lakeside: World, nora: Hand, clock: Clock, behind: AsyncEngine
) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    await nora.send("/time/start", patient=str(ruth))
    timer = running(await nora.get("/people"))
    refused = await nora.send("/time/discard", 422, timer=timer, reason="a" * 1_001)
    assert "This text has 1,001 characters; at most 1,000 fit here." in refused.text
    assert running(await nora.get("/people")) == timer, "nothing was done"
    await nora.send("/time/discard", timer=timer, reason="b" * 1_000)
    async with behind.connect() as connection:
        kept = await connection.scalar(sa.text("select reason from timer where id = :id"), {"id": timer})
    assert kept == "b" * 1_000
    told = await nora.send(f"/people/{ruth}/story", 422, what_matters="c" * 10_001, revision="0")
    assert "10,001 characters" in told.text
    assert "c" * 10_001 in told.text, "what was written is given back"


async def test_one_that_runs_for_somebody_else_says_so_and_offers_to_switch(
    lakeside: World, nora: Hand, clock: Clock
) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    james = await someone_in_care(lakeside, "2026-09", name="Lindqvist")
    await nora.send("/time/start", patient=str(ruth))
    clock.on(minutes=3)
    page = await nora.get(f"/people/{james}")
    assert "Your timer is running for Ruth Walker" in page
    assert "Switch to Ruth" in page  # both are called Ruth
    refused = await nora.send("/time/start", 422, patient=str(james))
    assert "Nobody works on two people at once" in refused.text
    await nora.send("/time/switch", patient=str(james))
    assert "The timer is running for Ruth since" in await nora.get(f"/people/{james}")
    assert "3 min" in await nora.get(f"/people/{ruth}/minutes")


async def test_nobody_sees_anybodys_time(lakeside: World, browse: Any, nora: Hand, clock: Clock) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    await nora.send("/time/start", patient=str(ruth), heard=heard(0))
    timer = running(await nora.get("/time"))
    await beats(nora, clock, timer, 10, 60)
    await beats(nora, clock, timer, 70, 500, busy=False)
    await beats(nora, clock, timer, 510, 520)
    assert "Nobody typed or moved" in await nora.get("/time")
    assert "Your time to sort out" in await nora.get("/")
    for who in ("rosa", "dr_lin"):
        other = await hand(browse, lakeside, who)
        for address in ("/time", "/", f"/people/{ruth}", f"/people/{ruth}/minutes"):
            page = await other.get(address)
            assert timer not in page
            assert "Nobody typed or moved" not in page
            assert "Your time to sort out" not in page
    for who in ("bill", "fred", "ada", "mona"):
        other = await hand(browse, lakeside, who)
        assert (await other.client.get("/time")).status_code == 403
        assert "/time" not in await other.get("/")
    # Set aside for her, and gone on with when her page came back.
    clock.on(minutes=11)
    system = lakeside.system("minutes.write")
    async with tenant_db(system) as db:
        await KINDS["timer.set_aside"].handler(db, system, {"timer_id": timer})
    absence = ("not seen for ten minutes", "page came back", "A draft, not counted", "To be confirmed")
    assert "not seen for ten minutes" in await nora.get("/time")
    page = await nora.get(f"/people/{ruth}/minutes")
    assert "A draft, not counted" in page
    assert "(None)" not in page, "made by the system, whose name is nobody's"
    for back in (False, True):
        if back:
            await nora.send("/time/beat", 200, timer=timer, heard=heard(1200, (10, 0)))
        for who in ("rosa", "dr_lin", "ada", "bill"):
            page = await (await hand(browse, lakeside, who)).get(f"/people/{ruth}/minutes")
            assert not [words for words in absence if words in page]
            assert "No minutes yet" in page


async def test_a_silence_is_sorted_out_on_its_page(lakeside: World, nora: Hand, clock: Clock) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    await nora.send("/time/start", patient=str(ruth), heard=heard(0))
    timer = running(await nora.get("/time"))
    await beats(nora, clock, timer, 10, 60)
    await beats(nora, clock, timer, 70, 660, busy=False)
    await beats(nora, clock, timer, 670, 720)
    stopped = await nora.send("/time/stop", timer=timer, heard=heard(720, (1, 0)), back="/people")
    assert stopped.headers["location"] == "/time"
    page = await nora.get("/time")
    found = re.search(r'action="/time/stretches/([0-9a-f-]{36})"', page)
    assert found
    asked = await nora.send(f"/time/stretches/{found[1]}", 422, what="keep")
    assert "any reason will do" in asked.text
    await nora.send(f"/time/stretches/{found[1]}", what="keep", reason="On the phone")
    assert "Nothing waits for you" in await nora.get("/time")
    assert "On the phone" in await nora.get(f"/people/{ruth}/minutes")
    again = await nora.send(f"/time/stretches/{found[1]}", 422, what="trim")
    assert "decided already" in again.text


async def test_a_draft_is_confirmed_on_its_page(lakeside: World, nora: Hand, clock: Clock) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    await nora.send("/time/start", patient=str(ruth), heard=heard(0))
    timer = running(await nora.get("/time"))
    await beats(nora, clock, timer, 10, 300)
    clock.on(minutes=11)
    system = lakeside.system("minutes.write")
    async with tenant_db(system) as db:
        await KINDS["timer.set_aside"].handler(db, system, {"timer_id": timer})
    page = await nora.get("/time")
    assert "A draft, not counted" in page
    me, start = lakeside.actor("nora"), clock.at - timedelta(hours=3)
    async with tenant_db(me) as db:
        by_hand = NewMinutes("ccm", "plan_work", start, start + timedelta(minutes=7), state="draft",
                             reason="To be confirmed")  # fmt: skip
        by_hand_id = (await log_minutes(db, me, ruth, by_hand)).id
    page = await nora.get("/time")
    assert page.count("not seen for ten minutes") == page.count("To be confirmed") == 1
    await nora.send(f"/time/drafts/{by_hand_id}/confirm")
    page = await nora.get("/time")
    found = re.search(r'action="(/time/drafts/[0-9a-f-]{36}/confirm)"', page)
    assert found
    await nora.send(found[1])
    assert "Nothing waits for you" in await nora.get("/time")
    again = await nora.send(found[1], 422)
    assert "error-summary" in again.text


async def test_the_contact_takes_the_timers_minutes(lakeside: World, nora: Hand, clock: Clock) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    await nora.send("/time/start", patient=str(ruth))
    clock.on(minutes=12)
    page = await nora.get(f"/people/{ruth}")
    assert "Its minutes are the timer" in page
    timer = running(page)
    day = f"{datetime.now():%Y-%m-%d}"
    contact = {
        "kind": "phone",
        "on": day,
        "began": "08:00",
        "program": "ccm",
        "note": "Slept well.",
        "timer": timer,
    }
    both = await nora.send(f"/people/{ruth}/contacts", 422, **contact, minutes="5")
    assert "given twice" in both.text
    await nora.send(f"/people/{ruth}/contacts", **contact)
    page = await nora.get(f"/people/{ruth}")
    assert "Slept well." in page
    assert "data-timer=" not in page
    assert "12 min" in await nora.get(f"/people/{ruth}/minutes")


async def test_it_starts_with_the_chart_for_those_who_want_it(
    lakeside: World, browse: Any, nora: Hand, clock: Clock
) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    lin = await hand(browse, lakeside, "dr_lin")
    assert "data-timer-starts" in await lin.get(f"/people/{ruth}")
    assert "data-timer-starts" not in await nora.get(f"/people/{ruth}")
    started = await lin.send("/time/start", 200, patient=str(ruth), automatic="yes", heard=heard(0))
    assert running(started.text)
    assert "<html" not in started.text
    quiet = await nora.send("/time/start", 200, patient=str(ruth), automatic="yes", heard=heard(0))
    assert "data-timer=" not in quiet.text
    page = await lin.get(f"/people/{ruth}")
    assert "This was not work on Ruth" in page
    await lin.send("/time/discard", timer=running(page), back=f"/people/{ruth}")
    assert "12 min" not in await lin.get(f"/people/{ruth}/minutes")
    await nora.send("/time/start-choice", start="never", idle_minutes="7")
    assert "Start the timer" not in await nora.get(f"/people/{ruth}")
    for minutes in ("0", "61", "x", ""):
        await nora.send("/time/start-choice", 422, start="manual", idle_minutes=minutes)
    await nora.send("/time/start-choice", 422, start="always", idle_minutes="5")


@pytest.mark.parametrize(
    "given",
    ["", "x", "[]", "null", '{"page": 1}', '{"page": "p", "counted": -1}', '{"page": "p", "counted": 1e400}',
     '{"page": "p", "counted": 1, "bursts": 5}', '{"page": "p", "counted": 1, "bursts": [[1]]}',
     '{"page": "' + "p" * 70 + '", "counted": 1}', "[" * 3000],
)  # fmt: skip
async def test_what_no_page_of_ours_would_say(lakeside: World, nora: Hand, clock: Clock, given: str) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    await nora.send("/time/start", patient=str(ruth), heard=given)
    timer = running(await nora.get("/people"))
    await nora.send("/time/beat", 404, timer=timer, heard=given)
    await nora.send("/time/stop", timer=timer, heard=given)


async def test_a_beat_does_not_keep_a_sign_in_alive(
    lakeside: World, browse: Any, nora: Hand, behind: AsyncEngine, clock: Clock
) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    await nora.send("/time/start", patient=str(ruth), heard=heard(0))
    timer = running(await nora.get("/people"))
    before = datetime.now().astimezone() - timedelta(minutes=10)
    change = sa.text("update sign_in set seen_at = :at where person_id = :p")
    async with behind.begin() as connection:
        await connection.execute(change, {"at": before, "p": lakeside.persons["nora"]})
    await nora.send("/time/beat", 200, timer=timer, heard=heard(1))
    async with behind.begin() as connection:
        seen = await connection.execute(
            sa.text("select seen_at from sign_in where person_id = :p"), {"p": lakeside.persons["nora"]}
        )
        assert seen.scalar_one() == before
        await connection.execute(
            change, {"at": before - timedelta(minutes=10), "p": lakeside.persons["nora"]}
        )
    ended = await nora.client.post(
        "/time/beat", data={"_csrf": nora.csrf, "timer": timer, "heard": heard(2)}, headers={"x-timer": "1"}
    )
    assert (ended.status_code, ended.headers["x-session-ended"]) == (401, "1")
    assert "set-cookie" not in ended.headers


def fields_of(page: str, piece: str) -> dict[str, str]:
    """What the form of a piece holds before anybody changes it."""
    form = page[page.index(f'action="/time/stretches/{piece}"') :]
    form = form[: form.index("</form>")]
    found = re.findall(r'name="(on|began|until_on|ended)"[^>]*? value="([^"]*)"', form)
    assert len(found) == 4, form
    return dict(found)


def the_piece(page: str) -> str:
    (found,) = re.findall(r'action="/time/stretches/([0-9a-f-]{36})"', page)
    return str(found)


async def test_stopping_says_what_became_of_it(lakeside: World, nora: Hand, clock: Clock) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")

    async def stopped(timer: str, **given: Any) -> str:
        return await nora.get((await nora.send("/time/stop", timer=timer, **given)).headers["location"])

    # A silence of the first waits; of the second nothing does, of the third there is nothing at all.
    await nora.send("/time/start", patient=str(ruth), heard=heard(0))
    first = running(await nora.get("/time"))
    await beats(nora, clock, first, 10, 60)
    await beats(nora, clock, first, 70, 500, busy=False)
    await beats(nora, clock, first, 510, 520)
    assert "Some of it waits for you below" in await stopped(first, heard=heard(520, (1, 0)))
    clock.on(seconds=1)
    await nora.send("/time/start", patient=str(ruth))
    clock.on(minutes=2)
    assert "Its minutes are entered." in await stopped(running(await nora.get("/time")), back="/people")
    clock.on(seconds=1)
    await nora.send("/time/start", patient=str(ruth))
    third = running(await nora.get("/time"))
    assert "There was nothing to enter" in await stopped(third, back="/people")
    await nora.send("/time/start", patient=str(ruth), heard=heard(0))
    fourth = running(await nora.get("/time"))
    await nora.send("/time/discard", timer=fourth)
    assert "It was discarded before" in await stopped(fourth, back="/people")
    await nora.send("/time/start", patient=str(ruth), heard=heard(0))
    fifth = running(await nora.get("/time"))
    await beats(nora, clock, fifth, 10, 60)
    clock.on(minutes=11)
    system = lakeside.system("minutes.write")
    async with tenant_db(system) as db:
        await KINDS["timer.set_aside"].handler(db, system, {"timer_id": fifth})
    assert "It was set aside before" in await stopped(fifth)
    late = await nora.send("/time/stop", 200, timer=fifth, then="count")
    assert late.json() == {"state": "set_aside", "seconds": 0, "waits": False}
    late = await nora.send("/time/stop", 200, timer=fourth, then="count", heard=heard(60))
    assert late.json() == {"state": "discarded", "seconds": 0, "waits": False}


async def test_what_a_closed_month_refuses_is_entered_as_late(
    lakeside: World, hillcrest: World, browse: Any, nora: Hand, clock: Clock
) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    clock.at = local(lakeside, "2026-09-20T10:00")
    await nora.send("/time/start", patient=str(ruth), heard=heard(0))
    timer = running(await nora.get("/time"))
    await beats(nora, clock, timer, 10, 300)
    written_up = local(lakeside, "2026-09-21T10:00")
    me = lakeside.actor("nora")
    async with tenant_db(me) as db:
        new = NewMinutes(
            "ccm",
            "plan_work",
            written_up,
            written_up + timedelta(minutes=7),
            state="draft",
            reason="From paper",
        )
        draft = (await log_minutes(db, me, ruth, new)).id
    await close_month(lakeside.actor("bill"), "2026-09")

    # The contact that takes the timer's time.
    contact = {
        "kind": "phone", "on": "2026-09-20", "began": "10:00", "program": "ccm", "note": "Slept well.",
        "timer": timer, "heard": heard(300), "reason": "The line was down",
    }  # fmt: skip
    refused = await nora.send(f"/people/{ruth}/contacts", 422, **contact)
    assert "as late" in refused.text
    assert 'name="late"' in refused.text
    # The timer stopped by itself.
    await nora.send("/time/stop", timer=timer, heard=heard(300))
    page = await nora.get("/time")
    piece = the_piece(page)
    keep = {"what": "keep", "reason": "The line was down", **fields_of(page, piece)}
    refused = await nora.send(f"/time/stretches/{piece}", 422, **keep)
    assert refused.text.count('name="late"') == 1
    await nora.send(f"/time/stretches/{piece}", **keep, late="yes")
    # The draft that waited.
    confirm = f"/time/drafts/{draft}/confirm"
    refused = await nora.send(confirm, 422)
    assert 'name="late"' in refused.text
    assert 'name="reason"' in refused.text
    assert "Write in a few words" in (await nora.send(confirm, 422, late="yes")).text
    await nora.send(confirm, late="yes", reason="From paper")
    assert "Nothing waits for you" in await nora.get("/time")
    assert (await nora.get(f"/people/{ruth}/minutes")).count("Entered late") == 2
    theirs = await hand(browse, hillcrest, "nora")
    await theirs.send(confirm, 404, late="yes", reason="x")
    await theirs.send(f"/time/stretches/{piece}", 404, **keep, late="yes")


async def test_a_contact_is_saved_with_the_timer_into_a_closed_month(
    lakeside: World, nora: Hand, clock: Clock
) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    clock.at = local(lakeside, "2026-09-20T10:00")
    await nora.send("/time/start", patient=str(ruth), heard=heard(0))
    timer = running(await nora.get("/time"))
    await beats(nora, clock, timer, 10, 300)
    await close_month(lakeside.actor("bill"), "2026-09")
    contact = {
        "kind": "phone", "on": "2026-09-20", "began": "10:00", "program": "ccm", "note": "Slept well.",
        "timer": timer, "heard": heard(300), "reason": "The line was down", "late": "yes",
    }  # fmt: skip
    await nora.send(f"/people/{ruth}/contacts", **contact)
    page = await nora.get(f"/people/{ruth}/minutes")
    assert "Entered late" in page
    assert "5 min" in page


async def test_a_piece_kept_as_it_stands_is_kept_whole_in_the_hour_shown_twice(
    lakeside: World, nora: Hand, clock: Clock, behind: AsyncEngine
) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    clock.at = datetime(2026, 11, 1, 6, 10, 0, 300_000, tzinfo=UTC)  # 1:10 am in Detroit, for the second time
    await nora.send("/time/start", patient=str(ruth), heard=heard(0))
    timer = running(await nora.get("/time"))
    await beats(nora, clock, timer, 10, 60)
    await beats(nora, clock, timer, 70, 660, busy=False)
    clock.on(milliseconds=500)
    await beats(nora, clock, timer, 670, 720)
    await nora.send("/time/stop", timer=timer, heard=heard(720, (1, 0)))
    async with behind.connect() as connection:
        waits = sa.text(
            "select id, state, started_at, ended_at from timer_stretch where tenant_id = :t and kind = 'idle'"
        )
        (silence,) = (await connection.execute(waits, {"t": lakeside.tenant_id})).all()
        page = await nora.get("/time")
        given = fields_of(page, str(silence.id))
        assert given["began"].startswith("01:1")
        await nora.send(f"/time/stretches/{silence.id}", what="keep", reason="On the phone", **given)
        await connection.rollback()
        (kept,) = (await connection.execute(waits, {"t": lakeside.tenant_id})).all()
    assert kept.state == "entered"
    assert (kept.started_at, kept.ended_at) == (silence.started_at, silence.ended_at)
