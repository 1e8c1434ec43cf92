"""Hints and help in a real browser: by key, without script, on paper, and never in the way of what somebody types."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from cast import World
from newcomer import key, register

from web import look
from web.site import cookie_name

pytest.importorskip("playwright", reason="pictures need playwright")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(look.chromium() is None, reason="no Chromium on this machine"),
    pytest.mark.timeout(120),
]
FOCUSED = "document.activeElement === document.body ? 'page' : document.activeElement.id || document.activeElement.tagName"


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=look.chromium(), args=look.CHROMIUM_ARGS)
        yield made
        await made.close()


async def page_of(browser: Any, house: str, world: World, who: str, **more: Any) -> Any:
    window = await browser.new_context(base_url=house, viewport={"width": 1000, "height": 700}, **more)
    await window.add_cookies([{"name": cookie_name(), "value": world.sessions[who], "url": house}])
    window.set_default_timeout(20_000)
    return await window.new_page()


async def test_a_hint_goes_by_its_key_and_leaves_the_page_where_it_was(
    house: str, browser: Any, lakeside: World
) -> None:
    page = await page_of(browser, house, lakeside, "nora")
    await page.goto("/people")
    assert await page.locator(".hint").count() == 1
    assert await page.evaluate(FOCUSED) == "page", "a hint takes no focus"
    # in a field x is a letter
    await page.locator("#f-q").fill("")
    await page.locator("#f-q").press("x")
    assert await page.locator("#f-q").input_value() == "x"
    assert await page.locator(".hint").count() == 1
    # tabbed to and pressed, it goes without a new page, and the focus is on the page's title
    await page.evaluate("window.__same = true")
    await page.locator(".hint button").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".hint", state="detached")
    assert await page.evaluate("window.__same") is True
    assert await page.evaluate(FOCUSED) == "page-title"
    assert await page.locator("#f-q").input_value() == "x", "what was typed stays"
    # on another page, by its key from anywhere
    await page.goto("/")
    await page.keyboard.press("x")
    await page.wait_for_selector(".hint", state="detached")
    for address in ("/", "/people"):
        await page.goto(address)
        assert await page.locator(".hint").count() == 0


async def test_without_script_it_is_a_form_and_the_question_a_fold(
    house: str, browser: Any, lakeside: World, ask: Any
) -> None:
    person = key(await register(ask, lakeside))
    page = await page_of(browser, house, lakeside, "nora", java_script_enabled=False)
    await page.goto(f"/people/{person}/contacts/new")
    await page.locator(".hint button").click()
    await page.wait_for_url(f"**/people/{person}/contacts/new")
    assert await page.locator(".hint").count() == 0
    await page.goto(f"/people/{person}/minutes")
    fold = page.locator("details.help")
    assert not await fold.locator(".help-words").is_visible()
    await fold.locator("summary").click()
    assert await fold.locator(".help-words").is_visible()
    await fold.locator("a").click()
    await page.wait_for_url("**/help#time-counts")
    assert await page.locator("#time-counts").is_visible()


async def test_neither_is_printed(house: str, browser: Any, lakeside: World, ask: Any) -> None:
    person = key(await register(ask, lakeside))
    page = await page_of(browser, house, lakeside, "nora")
    for address, where in ((f"/people/{person}", ".hint"), (f"/people/{person}/minutes", "details.help")):
        await page.emulate_media(media="screen")
        await page.goto(address)
        assert await page.locator(where).first.is_visible()
        await page.emulate_media(media="print")
        assert not await page.locator(where).first.is_visible()
