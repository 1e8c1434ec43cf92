"""Every page a role can open, in a real browser: axe finds nothing in any light, and nothing is too wide or too small.

What is folded is opened first. Elements are judged in the light look; the other looks change colours alone, so there
the rules about colour are asked again.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from every_page import Shown, every_page
from two_practices import TwoPractices

from web import look
from web.site import cookie_name

ROOT = Path(__file__).resolve().parents[2]
AXE = (ROOT / "tests/browser/axe/axe.min.js").read_text() + ";undefined"
OPEN = "for (const d of document.querySelectorAll('main details')) d.open = true"
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "contrast": "no-preference"},
    "dark": {"color_scheme": "dark", "contrast": "no-preference"},
    "high contrast": {"color_scheme": "light", "contrast": "more"},
    "dark high contrast": {"color_scheme": "dark", "contrast": "more"},
}
LEAST = 24
#: the ways and controls of a page that are smaller than a finger's tip; words of a sentence that lead on are excepted
SMALL = """(least) => {
  const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")];
  const inSentence = (e) => e.matches("a") && getComputedStyle(e).display === "inline" &&
    [...e.parentElement.childNodes].some((n) => n !== e && n.nodeType === 3 && n.textContent.trim().length > 1);
  const size = (e) => (e.closest("label.choice") ?? e).getBoundingClientRect();
  const seen = all.filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.matches(".skip") && !inSentence(e));
  return [seen.length, seen.filter((e) => size(e).height < least - 0.5 || size(e).width < least - 0.5)
    .map((e) => `${Math.round(size(e).width)}x${Math.round(size(e).height)} ${e.outerHTML.slice(0, 140)}`)];
}"""
WIDE = """() => [document.documentElement.scrollWidth,
  [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && e.checkVisibility())
    .slice(0, 2).map((e) => e.outerHTML.slice(0, 140))]"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(look.chromium() is None, reason="no Chromium on this machine"),
]


class Looking:
    """A browser that is signed in as one of the cast after the other."""

    def __init__(self, browser: Any, two: TwoPractices, house: str, view: dict[str, Any]) -> None:
        self.browser, self.two, self.house, self.view = browser, two, house, view
        self.pages: dict[str | None, Any] = {}
        self.complaints: list[str] = []

    async def open(self, shown: Shown) -> Any:
        if shown.who not in self.pages:
            context = await self.browser.new_context(
                base_url=self.house, reduced_motion="reduce", **self.view
            )
            if shown.who:
                session = self.two.a.world.sessions[shown.who]
                await context.add_cookies([{"name": cookie_name(), "value": session, "url": self.house}])
            page = await context.new_page()
            page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
            self.pages[shown.who] = page
        page = self.pages[shown.who]
        await page.goto(shown.address, wait_until="load")
        await page.evaluate(OPEN)
        return page


@asynccontextmanager
async def looking(two: TwoPractices, house: str, **view: Any) -> AsyncIterator[Looking]:
    from playwright.async_api import async_playwright

    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=look.chromium(), args=look.CHROMIUM_ARGS)
        yield Looking(browser, two, house, view)
        await browser.close()


async def findings(page: Any, only: dict[str, Any] | None = None) -> list[str]:
    """What axe finds, one line for each place."""
    ran = await page.evaluate(f"axe.run(document, {json.dumps(only or {})})")
    return [f"{v['id']}: {n['html'][:160]}" for v in ran["violations"] for n in v["nodes"]]


async def in_every_look(page: Any) -> list[str]:
    await page.evaluate(AXE)
    wrong = []
    for name, media in LOOKS.items():
        await page.emulate_media(**media)
        wrong += [f"{name}: {one}" for one in await findings(page, None if name == "light" else COLOURS)]
    return wrong


async def test_axe_finds_nothing_on_any_page(
    two: TwoPractices, house: str, record_property: Callable[[str, object], None]
) -> None:
    pages, asked = await every_page(two.a)
    wrong = []
    async with looking(two, house, viewport=look.DESKTOP) as eye:
        for shown in pages:
            page = await eye.open(shown)
            wrong += [f"{shown.address} as {shown.who}, {one}" for one in await in_every_look(page)]
    assert not wrong, "\n".join(wrong)
    assert eye.complaints == []
    assert len(pages) > 70
    record_property(
        "count",
        f"axe: {len(pages)} pages of {asked} (every role) x {len(LOOKS)} looks: {len(wrong)} findings",
    )


async def test_control_axe_finds_what_is_planted(two: TwoPractices, house: str) -> None:
    """A field without a label in the light, and words that only the dark look makes faint."""
    async with looking(two, house, viewport=look.DESKTOP) as eye:
        page = await eye.open(Shown("nora", "/people/new"))
        await page.evaluate("document.querySelector('label[for=f-family_name]').remove()")
        await page.evaluate(
            """() => { const sheet = new CSSStyleSheet();
            sheet.replaceSync("@media (prefers-color-scheme: dark) { .page-sentence { color: #333 !important; } }");
            document.adoptedStyleSheets = [sheet]; }"""
        )
        found = await in_every_look(page)
    assert any(one.startswith("light: label") for one in found)
    assert any(one.startswith("dark: color-contrast") for one in found)
    assert not any(one.startswith("light: color-contrast") for one in found)


async def test_every_page_fits_a_phone(
    two: TwoPractices, house: str, record_property: Callable[[str, object], None]
) -> None:
    pages, asked = await every_page(two.a)
    wrong, targets = [], 0
    async with looking(two, house, **look.VIEWS["phone"]) as eye:
        for shown in pages:
            page = await eye.open(shown)
            width, wide = await page.evaluate(WIDE)
            if width > look.PHONE["width"]:
                wrong.append(f"{shown.address} as {shown.who} is {width} px wide: {wide}")
            seen, small = await page.evaluate(SMALL, LEAST)
            targets += seen
            wrong += [f"{shown.address} as {shown.who}: {one}" for one in small]
    assert not wrong, "\n".join(wrong)
    record_property(
        "count",
        f"360 px: {len(pages)} pages of {asked}, {targets} targets: 0 too wide, 0 under {LEAST} px",
    )


async def test_control_a_phone_shows_what_is_too_wide_and_too_small(two: TwoPractices, house: str) -> None:
    async with looking(two, house, **look.VIEWS["phone"]) as eye:
        page = await eye.open(Shown("nora", "/people/new"))
        await page.evaluate(
            """document.querySelector("main").insertAdjacentHTML("beforeend",
            "<svg width=700 height=9></svg><button id=tiny>.</button>");
            const sheet = new CSSStyleSheet();
            sheet.replaceSync("main svg[width='700'] { max-width: none !important } #tiny { padding: 0; border: 0; font-size: 8px }");
            document.adoptedStyleSheets = [sheet];"""
        )
        assert (await page.evaluate(WIDE))[0] > look.PHONE["width"]
        assert "tiny" in str((await page.evaluate(SMALL, LEAST))[1])
