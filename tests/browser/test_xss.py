"""P23 in a real browser: every page of a practice whose every text is hostile, with a trap for whatever would run.

The trap is the function the payloads call; our own policy's complaints count too, for a page of ours must not need it.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from page_forms import routes, who_may
from sqlalchemy.ext.asyncio import AsyncEngine
from two_practices import CANARY, PAYLOADS, TENANT_TABLES, TwoPractices, hostile_texts

from web import look
from web.site import cookie_name

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(look.chromium() is None, reason="no Chromium on this machine"),
]
TRAP = "window.__hits = []; window.__xss = (...given) => { window.__hits.push(String(document.currentScript || given)); };"


async def test_no_page_springs_the_trap(
    two: TwoPractices, behind: AsyncEngine, house: str, record_property: Callable[[str, object], None]
) -> None:
    from playwright.async_api import Error, async_playwright

    columns = await hostile_texts(two, behind, " ".join(PAYLOADS))
    assert columns > len(TENANT_TABLES)
    seen, shown, files, wrong = 0, 0, 0, []
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=look.chromium(), args=["--no-sandbox"])
        for who in ("nora", "ada", "bill"):
            context = await browser.new_context(base_url=house)
            await context.add_init_script(TRAP)
            await context.add_cookies(
                [{"name": cookie_name(), "value": two.b.world.sessions[who], "url": house}]
            )
            page = await context.new_page()
            said: list[str] = []

            def hear(message: Any, said: list[str] = said) -> None:
                if "Content Security Policy" in message.text:
                    said.append(message.text)

            page.on("console", hear)
            page.on("dialog", lambda dialog: dialog.dismiss())
            for route in routes("GET"):
                if route.scope != "tenant" or who_may(route.permission) != who:
                    continue
                try:
                    await page.goto(route.address(two.b), wait_until="load")
                except Error as error:
                    if "Download is starting" not in error.message:
                        raise
                    files += 1  # kept, not shown: nothing of it runs here
                    continue
                # Handlers that wait for a person: point at everything, put the caret everywhere, open everything.
                await page.evaluate(
                    "() => { for (const e of document.querySelectorAll('body *')) { for (const t of ['mouseover', 'focus', "
                    "'toggle', 'click']) { if (t !== 'click' || e.hasAttribute('onclick')) e.dispatchEvent(new Event(t)); } } }"
                )
                seen += 1
                shown += CANARY in await page.content()
                hits = await page.evaluate("() => window.__hits")
                wrong += [f"{route.name} as {who}: {what}" for what in [*hits, *said]]
                said.clear()
            await context.close()
        await browser.close()
    assert wrong == []
    assert shown > seen // 2, "hardly any page shows what was typed: the trap is blind"
    record_property(
        "count",
        f"P23 browser: {len(PAYLOADS)} payloads in {columns} columns, {seen} pages, {shown} show them, {files} are files to keep: 0 traps, 0 reports",
    )


async def test_control_the_trap_springs(house: str) -> None:
    """On a page without our policy and our templates, most of the payloads do run."""
    from playwright.async_api import async_playwright

    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=look.chromium(), args=["--no-sandbox"])
        page = await browser.new_page()
        await page.add_init_script(TRAP)
        sprung = 0
        for payload in PAYLOADS:
            body = f"<p>{payload}"
            await page.route("**/control", partial(_fulfil, body))
            await page.goto(f"{house}/control", wait_until="load")
            await page.wait_for_timeout(30)
            sprung += bool(await page.evaluate("() => window.__hits.length"))
            await page.unroute("**/control")
        await browser.close()
    assert sprung >= 8, sprung


async def _fulfil(body: str, route: Any) -> None:
    await route.fulfill(body=body, content_type="text/html")
