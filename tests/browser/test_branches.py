"""A form that follows its answers, in a real browser and by keyboard: what is not asked is put away and not sent."""

from typing import Any

import pytest
from cast import World
from newcomer import key, register

from web import look
from web.site import cookie_name

pytest.importorskip("playwright", reason="it needs playwright")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(look.chromium() is None, reason="no Chromium on this machine"),
]


async def test_a_branch_opens_and_closes_by_keyboard_and_what_is_closed_is_not_sent(
    lakeside: World, ask: Any, house: str
) -> None:
    """R132: with script the further questions wait; answering "Never" takes what was answered there out again."""
    from playwright.async_api import async_playwright

    person = f"{house}/people/{key(await register(ask, lakeside))}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=look.chromium(), args=look.CHROMIUM_ARGS)
        context = await browser.new_context()
        await context.add_cookies([{"name": cookie_name(), "value": lakeside.sessions["nora"], "url": house}])
        page = await context.new_page()
        await page.goto(f"{person}/assessments/form?instrument=falls")
        many = page.get_by_label("How many times, about?")
        assert not await many.is_visible()
        yes = page.locator('input[name="q-fallen"][value="yes"]')
        await yes.focus()
        await page.keyboard.press("Space")
        await many.fill("3")
        await page.keyboard.press("Shift+Tab")
        await page.locator('input[name="q-fallen"][value="yes"]').focus()
        await page.keyboard.press("ArrowRight")  # No
        assert not await many.is_visible()
        await page.keyboard.press("Control+Enter")
        await page.wait_for_url("**/assessments/*-*")
        read = await page.locator("main").inner_text()
        assert "Have you fallen in the last year?" in read
        assert "How many times" not in read
        await browser.close()
