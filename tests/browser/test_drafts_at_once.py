"""Two people write about one person in two browsers; the line goes, tabs are killed, a sign-in ends: nothing is lost.

What may be lost of a killed tab is what was typed in its last four seconds; the test measures it.
"""

import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from newcomer import ago, key, register, say, written
from sqlalchemy.ext.asyncio import AsyncEngine

from web import look
from web.site import cookie_name

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(look.chromium() is None, reason="no Chromium on this machine"),
]
LOST_SECONDS = 4.0
RECORD = """mutation ($input: RecordEncounterInput!) { recordEncounter(input: $input) {
  ... on Encounter { id revision } ... on Refusal { code } } }"""
SIGN = """mutation ($input: SignEncounterInput!) { signEncounter(input: $input) {
  ... on Encounter { revision } ... on Refusal { code } } }"""
NOTE = "#composer [name=note], main form[data-draft] textarea[name=note]"


class Desk:
    """One of the cast in a browser of their own."""

    def __init__(self, context: Any, address: str, signed_in: list[dict[str, str]]) -> None:
        self.context, self.address, self.signed_in = context, address, signed_in
        self.page: Any = None

    async def open(self, path: str) -> "Desk":
        self.page = await self.context.new_page()
        self.page.set_default_timeout(20_000)
        await self.page.goto(self.address + path)
        return self

    async def composer(self, path: str) -> "Desk":
        await self.open(path)
        if not await self.page.locator("#composer [name=note]").is_visible():
            await self.page.locator("#composer summary").first.click()
        return self

    async def type(self, words: str) -> None:
        note = self.page.locator(NOTE).first
        await note.focus()
        await self.page.keyboard.press("Control+End")
        await self.page.keyboard.type(words)

    async def is_saved(self) -> None:
        """Not what the page came with, such as “You were writing this. Saved 10:02 am”."""
        await self.page.locator("[data-draft-said]", has_text=re.compile("^Saved")).wait_for()

    async def kill(self) -> None:
        """The tab is gone, and nothing it sent in going arrived."""
        await self.context.set_offline(True)
        await self.page.close(run_before_unload=False)
        await self.context.set_offline(False)


@pytest.fixture
async def desks(house: str, lakeside: World) -> AsyncIterator[Callable[[str], Any]]:
    from playwright.async_api import async_playwright

    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=look.chromium(), args=look.CHROMIUM_ARGS)

        async def desk(who: str) -> Desk:
            context = await browser.new_context(base_url=house)
            signed_in = [{"name": cookie_name(), "value": lakeside.sessions[who], "url": house}]
            await context.add_cookies(signed_in)
            return Desk(context, house, signed_in)

        yield desk
        await browser.close()


async def drafts(behind: AsyncEngine, world: World, who: str) -> list[str]:
    async with behind.connect() as connection:
        rows = await connection.execute(
            sa.text(
                "select fields ->> 'note' from note_draft where staff_id = :who and state = 'open' order by saved_at"
            ),
            {"who": world.staff[who]},
        )
        return [str(row[0]) for row in rows]


async def typed_until_killed(desk: Desk) -> list[tuple[float, str]]:
    """Word after word without a pause, for seven seconds; then the tab is gone. When each word was finished."""
    finished: list[tuple[float, str]] = []
    until = time.monotonic() + 7
    while time.monotonic() < until:
        word = f"w{len(finished)}"
        await desk.type(f" {word}")
        finished.append((time.monotonic(), word))
        await desk.page.wait_for_timeout(150)
    await desk.kill()
    return finished


async def test_two_people_one_person_and_nothing_is_lost(
    lakeside: World, ask: Any, behind: AsyncEngine, desks: Any, record_property: Callable[[str, object], None]
) -> None:
    person = f"/people/{key(await register(ask, lakeside))}"
    nora, rosa = await desks("nora"), await desks("rosa")
    await nora.composer(person)
    await rosa.composer(person)
    await nora.type("Nora heard: sleeps badly.")
    await rosa.type("Rosa heard: the knee.")
    await nora.is_saved()
    await rosa.is_saved()

    await nora.context.set_offline(True)
    await nora.type(" The line went here.")
    await nora.page.locator("[data-draft-trouble]", has_text="no connection").wait_for()
    await nora.page.locator("#composer [name=next_step]").fill("Call her son")
    await nora.context.set_offline(False)
    await nora.is_saved()
    assert await drafts(behind, lakeside, "nora") == ["Nora heard: sleeps badly. The line went here."]

    killed_at = time.monotonic()
    finished = await typed_until_killed(nora)
    killed_at = finished[-1][0]
    (kept,) = await drafts(behind, lakeside, "nora")
    lost = [at for at, word in finished if word not in kept.split()]
    assert kept.startswith("Nora heard: sleeps badly. The line went here.")
    lost_seconds = killed_at - min(lost) if lost else 0.0
    assert lost_seconds <= LOST_SECONDS

    await nora.open(person)
    note = nora.page.locator("#composer [name=note]")
    await note.wait_for()
    assert await note.input_value() == kept
    assert await nora.page.locator("#composer [name=next_step]").input_value() == "Call her son"
    await nora.page.wait_for_timeout(300)
    assert await note.evaluate("e => [document.activeElement === e, e.selectionStart]") == [True, len(kept)]
    assert "Rosa Ortiz is writing about this person" in await nora.page.inner_text("#composer")
    assert await drafts(behind, lakeside, "rosa") == ["Rosa heard: the knee."]
    stored = await nora.page.evaluate("JSON.stringify(sessionStorage) + JSON.stringify(localStorage)")
    assert "heard" not in stored

    async with behind.begin() as connection:
        end = sa.text("update sign_in set ends_at = now() - interval '1 minute' where person_id = :id")
        await connection.execute(end, {"id": lakeside.persons["nora"]})
    await nora.type(" After the end.")
    await nora.page.locator("#lock-dialog[open]").wait_for()
    async with behind.begin() as connection:
        again = sa.text("update sign_in set ends_at = now() + interval '1 hour' where person_id = :id")
        await connection.execute(again, {"id": lakeside.persons["nora"]})
    await nora.context.add_cookies(nora.signed_in)  # the ended one was taken away
    await nora.page.locator("#lock-dialog [data-lock-try]").click()
    await nora.is_saved()
    assert await note.input_value() == f"{kept} After the end."
    assert await drafts(behind, lakeside, "nora") == [f"{kept} After the end."]
    await nora.page.locator("#composer").get_by_role("button", name="Save", exact=True).click()
    await nora.page.locator(".timeline, #flashes").get_by_text("After the end.").first.wait_for()
    assert await drafts(behind, lakeside, "nora") == []
    record_property(
        "count", f"killed while typing: {lost_seconds:.1f} s of words lost, at most {LOST_SECONDS} may be"
    )


async def test_two_people_amend_one_contact_at_once(
    lakeside: World, ask: Any, behind: AsyncEngine, desks: Any
) -> None:
    maria = await register(ask, lakeside)
    new = {"patientId": maria, "kind": "PHONE", "at": written(ago(hours=1)), "note": "She is well."}
    made = await say(ask, lakeside, "nora", RECORD, input=new)
    await say(ask, lakeside, "nora", SIGN, input={"encounterId": made["id"], "revision": 1})
    contact = f"/people/{key(maria)}/contacts/{key(made['id'])}"
    nora, rosa = await desks("nora"), await desks("rosa")
    await nora.open(f"{contact}/change")
    await rosa.open(f"{contact}/change")
    await nora.type(" Call her on Friday.")
    await rosa.type(" Her feet are better.")
    for desk, why in ((rosa, "Feet"), (nora, "Friday")):
        await desk.page.locator("main [name=reason]").fill(why)
        await desk.page.get_by_role("button", name="Save the amendment").click()
        await desk.page.wait_for_load_state()
    await nora.page.get_by_role("heading", name="Two texts of one contact").wait_for()
    await nora.kill()
    await nora.open(f"{contact}/change")
    both = "She is well. Her feet are better. Call her on Friday."
    assert await nora.page.locator("[name=both_note]").input_value() == both
    await nora.page.locator("[name=both_note]").fill(f"{both} Both of us.")
    await nora.is_saved()
    await nora.kill()
    await nora.open(f"{contact}/change")
    together = await nora.page.locator("[name=both_note]").input_value()
    assert together == f"{both} Both of us."
    assert await nora.page.locator("[name=reason]").input_value() == "Friday"
    await nora.page.get_by_role("button", name="Save what stays").click()
    await nora.page.wait_for_url(f"**{contact}")
    said = await nora.page.inner_text("main")
    assert together in said
    assert "Feet" in said
    assert await drafts(behind, lakeside, "nora") == await drafts(behind, lakeside, "rosa") == []


async def test_control_without_the_script_a_killed_tab_loses_its_words(
    lakeside: World, ask: Any, behind: AsyncEngine, desks: Any
) -> None:
    person = f"/people/{key(await register(ask, lakeside))}"
    nora = await desks("nora")
    await nora.context.route("**/drafts.js", lambda route: route.abort())
    await nora.composer(person)
    await nora.type("Nobody keeps this.")
    await nora.page.wait_for_timeout(4000)
    await nora.kill()
    assert await drafts(behind, lakeside, "nora") == []
