"""A nurse's morning: somebody is in the room and could use help, the care manager hears at once, and the answer comes back.

Only words on the page are used, as somebody would who was shown round once.
"""

import time as clock
from collections.abc import AsyncIterator, Callable
from datetime import time, timedelta
from typing import Any

import pytest
from cast import World
from newcomer import register, today

from server.tenants.db import tenant_db
from server.tenants.working_hours import add_hours
from web import look
from web.site import cookie_name

pytestmark = [
    pytest.mark.browser,
    pytest.mark.campaign,
    pytest.mark.timeout(180),
    pytest.mark.skipif(look.chromium() is None, reason="no Chromium on this machine"),
]
#: "at once": within this many seconds on a page that was open already
AT_ONCE = 10.0


@pytest.fixture
async def sit(house: str, lakeside: World) -> AsyncIterator[Callable[[str, str], Any]]:
    """`await sit("mika", "/refer")` -> their open page."""
    from playwright.async_api import async_playwright

    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=look.chromium(), args=look.CHROMIUM_ARGS)

        async def sit(who: str, path: str) -> Any:
            context = await browser.new_context(viewport=look.DESKTOP)
            await context.add_cookies(
                [{"name": cookie_name(), "value": lakeside.sessions[who], "url": house}]
            )
            page = await context.new_page()
            page.set_default_timeout(20_000)
            await page.goto(house + path)
            return page

        yield sit
        await browser.close()


async def _keeps_wednesdays(world: World) -> None:
    nora, on = world.actor("nora"), today(world)
    async with tenant_db(nora) as db:
        await add_hours(
            db, nora, world.staff["nora"], weekdays=[2], begins=time(13), ends=time(15), from_on=on - timedelta(days=7),
            protected=True, today=on,
        )  # fmt: skip


async def _ask_in_the_room(page: Any, world: World, *, soon: str) -> list[str]:
    """Mika fills the one screen; the names of the fields she touched, in order."""
    touched = ["who", "why", "how soon", "whom"]
    await page.get_by_role("combobox", name="Who could use help?").press_sequentially("Alvarez", delay=30)
    await page.get_by_role("option", name="Alvarez").first.click()
    await page.get_by_label("Why? In your own words").fill("Third fall since spring; she lives alone")
    await page.get_by_label(soon).check()
    await page.get_by_label("Whom do you ask?").select_option(str(world.staff["nora"]))
    await page.get_by_role("button", name="Ask", exact=True).click()
    await page.get_by_text("Asked. What becomes of it stands on your first page.").wait_for()
    return touched


async def test_a_nurse_asks_in_the_room_and_hears_back(
    lakeside: World, ask: Any, sit: Callable[[str, str], Any], record_property: Callable[[str, object], None]
) -> None:
    """R084 R088 R089 R090 R098 (acceptance test 2): four fields while in the room; Nora is told at once on the page she
    is on; she is busy, so a first visit lands on her protected day; Mika sees it."""
    await _keeps_wednesdays(lakeside)
    await register(ask, lakeside)
    nora = await sit("nora", "/practice/hours")
    mika = await sit("mika", "/refer")
    assert len(await _ask_in_the_room(mika, lakeside, soon="Now: they are here")) == 4

    began = clock.monotonic()
    slip = nora.locator("#at-once")
    await slip.get_by_text("Maria Alvarez is here now").wait_for()
    told = clock.monotonic() - began
    assert told < AT_ONCE
    assert nora.url.endswith("/practice/hours"), "she was not taken away from what she was doing"
    await slip.get_by_role("button", name="Not now").click()
    await slip.get_by_text("Maria Alvarez is here now").wait_for(state="detached")

    answer = mika.locator("#at-once").get_by_text("Nora Feld cannot come to Maria Alvarez at once.")
    await answer.wait_for()
    words = await answer.inner_text()
    assert "First visit proposed: Wed" in words
    assert "1:00 pm" in words or "2:00 pm" in words
    await mika.locator("#at-once").get_by_role("button", name="Thank you").click()
    await answer.wait_for(state="detached")

    await nora.goto(nora.url.replace("/practice/hours", "/"))
    await nora.get_by_role("link", name="Maria Alvarez").first.click()
    await nora.get_by_role("button", name="Look after this").click()
    await nora.get_by_text("You look after it now, and whoever asked knows.").wait_for()
    await mika.goto(nora.url.partition("/referrals")[0] + "/")
    await mika.get_by_text("Nora Feld looks after Maria Alvarez.").wait_for()
    record_property("count", f"told after {told:.1f} s on a page that was open; four fields")


async def test_control_what_can_wait_does_not_come_at_once(
    lakeside: World, ask: Any, sit: Callable[[str, str], Any]
) -> None:
    """R088: the same form with “This week” puts no slip on anybody's page, so the test above sees the hand-off itself."""
    await register(ask, lakeside)
    nora = await sit("nora", "/practice/hours")
    mika = await sit("mika", "/refer")
    await _ask_in_the_room(mika, lakeside, soon="This week")
    await nora.wait_for_timeout(6_000)  # one look more than the page takes
    assert await nora.locator("#at-once").inner_text() == ""
    await nora.goto(nora.url.replace("/practice/hours", "/"))
    await nora.get_by_role("link", name="Maria Alvarez").first.wait_for()
