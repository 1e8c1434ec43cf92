"""The script of the timer in a real browser: a page in the background, a stop that stays one, and a stop that somebody
else was faster with."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from cast import World
from claims.care import someone_in_care
from page_waits import until
from sqlalchemy.ext.asyncio import AsyncEngine

from server.minutes.timers import Stop, set_aside_timer, stop_timer
from server.tenants.db import tenant_db
from web import look
from web.site import cookie_name

pytest.importorskip("playwright", reason="pictures need playwright")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(look.chromium() is None, reason="no Chromium on this machine"),
    pytest.mark.timeout(120),
]

#: a page that believes to lie behind another one until `window.__shown()` is called
BEHIND = """
Object.defineProperty(document, "hidden", { get: () => !window.__seen, configurable: true });
Object.defineProperty(document, "visibilityState", { get: () => window.__seen ? "visible" : "hidden", configurable: true });
window.__shown = () => { window.__seen = true; document.dispatchEvent(new Event("visibilitychange")); };
"""


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=look.chromium(), args=look.CHROMIUM_ARGS)
        yield made
        await made.close()


async def window_of(browser: Any, house: str, world: World, who: str) -> Any:
    window = await browser.new_context(base_url=house, viewport={"width": 1000, "height": 700})
    await window.add_cookies([{"name": cookie_name(), "value": world.sessions[who], "url": house}])
    window.set_default_timeout(20_000)
    return window


async def test_a_chart_opened_in_the_background_starts_the_timer_when_it_is_looked_at(
    house: str, browser: Any, lakeside: World, hillcrest: World
) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    window = await window_of(browser, house, lakeside, "dr_lin")
    page = await window.new_page()
    await page.add_init_script(BEHIND)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.method} {request.url.removeprefix(house)}"))
    await page.goto(f"/people/{ruth}")
    await page.wait_for_timeout(2500)
    assert await page.locator("#timer [data-timer]").count() == 0
    assert "POST /time/start" not in sent
    async with page.expect_request("**/time/start") as started:
        await page.evaluate("window.__shown()")
    heard = (await started.value).post_data
    await page.wait_for_selector("#timer [data-timer]")
    assert "bursts%22%3A%5B%5B" in heard, "opening it is the first that was done there"
    await page.evaluate("window.__shown()")
    await page.wait_for_timeout(500)
    assert sent.count("POST /time/start") == 1
    # For comparison: in front, it starts at once; and nowhere else.
    theirs = await (await window_of(browser, house, hillcrest, "dr_lin")).new_page()
    assert (await theirs.goto(f"/people/{ruth}")).status == 404


async def timers_of(behind: AsyncEngine, world: World, who: str) -> list[str]:
    """What became of somebody's timers, oldest first."""
    async with behind.connect() as connection:
        rows = await connection.execute(
            sa.text("select state from timer where tenant_id = :t and staff_id = :s order by started_at"),
            {"t": world.tenant_id, "s": world.staff[who]},
        )
        return list(rows.scalars())


async def counted_after(behind: AsyncEngine, world: World, patient: UUID, pressed: float) -> float:
    """How many seconds past `pressed`, the true time, the patient's only timer was entered; negative if fewer."""
    async with behind.connect() as connection:
        rows = await connection.execute(
            sa.text(
                "select extract(epoch from (select sum(ended_at - started_at) from time_entry "
                "where tenant_id = :t and patient_id = :id)) as lasted, extract(epoch from started_at) as began "
                "from timer where tenant_id = :t and patient_id = :id"
            ),
            {"t": world.tenant_id, "id": patient},
        )
        row = rows.one()
    return float(row.lasted) - (pressed - float(row.began))


async def test_a_timer_that_was_ended_does_not_start_by_itself_again_on_the_page_it_was_ended_on(
    house: str, browser: Any, lakeside: World, hillcrest: World, behind: AsyncEngine
) -> None:
    """Stopping leads back to the chart, and opening a chart starts the timer of those who chose so."""
    ruth = await someone_in_care(lakeside, "2026-09")
    window = await window_of(browser, house, lakeside, "dr_lin")
    page = await window.new_page()
    started: list[str] = []
    page.on("request", lambda request: started.extend(["start"] * request.url.endswith("/time/start")))

    async def shown_for_long() -> list[str]:
        await page.wait_for_selector("form[data-timer-starts]")
        await until(page, "performance.now() > 1500")
        assert await page.locator("#timer [data-timer]").count() == 0
        return await timers_of(behind, lakeside, "dr_lin")

    async def starts_by_itself() -> None:
        await page.goto("/people")
        await page.goto(f"/people/{ruth}")
        await page.wait_for_selector("#timer [data-timer]")

    await starts_by_itself()
    other = await window.new_page()
    await other.goto(f"/people/{ruth}")
    await other.wait_for_selector("#timer [data-timer]")
    await page.wait_for_timeout(1500)
    async with page.expect_navigation():
        await page.locator("#timer [data-timer-stop] button").click()
    assert await shown_for_long() == ["stopped"]
    await page.reload()
    assert await shown_for_long() == ["stopped"]
    # Another tab with the same chart has seen it end.
    await until(other, "document.querySelector('#timer [data-timer]') === null")
    await other.reload()
    await until(other, "performance.now() > 1500")
    assert await timers_of(behind, lakeside, "dr_lin") == ["stopped"]

    await starts_by_itself()
    async with page.expect_navigation():
        await page.get_by_role("button", name="This was not work on").click()
    assert await shown_for_long() == ["stopped", "discarded"]
    assert started == ["start"] * 2

    # What the tab remembers of it goes with the sign-in.
    kept = "sessionStorage.getItem('carewright:timer-rests') !== null"
    assert await page.evaluate(kept)
    await starts_by_itself()
    assert await timers_of(behind, lakeside, "dr_lin") == ["stopped", "discarded", "running"]
    await page.wait_for_timeout(1500)
    async with page.expect_navigation():
        await page.locator("#timer [data-timer-stop] button").click()
    assert await page.evaluate(kept)
    async with page.expect_navigation():
        await page.evaluate("document.querySelector('form[data-signs-out]').requestSubmit()")
    assert not await page.evaluate(kept)
    assert await timers_of(behind, hillcrest, "dr_lin") == []


async def test_a_stop_arrives_and_counts_as_of_the_press_while_another_page_has_the_timer_shown_anew(
    house: str, browser: Any, lakeside: World, hillcrest: World, behind: AsyncEngine
) -> None:
    """Before a stop is sent, the page sees whether the line is there. That takes a while here, and in it the page is told
    to ask what runs, as it is whenever another page starts, switches or ends a timer."""
    ruth = await someone_in_care(lakeside, "2026-09")
    window = await window_of(browser, house, lakeside, "nora")
    page = await window.new_page()
    await page.goto(f"/people/{ruth}")
    async with page.expect_response("**/time/beat"):
        await page.get_by_role("button", name="Start the timer").click()
        await page.wait_for_selector("#timer [data-timer]")
    await page.wait_for_timeout(2000)
    goes_on = asyncio.Event()

    async def slowly(route: Any) -> None:
        await goes_on.wait()
        await route.continue_()

    await page.route("**/time/beat", slowly)
    async with page.expect_request("**/time/beat"):
        await page.locator("#timer [data-timer-stop] button").click()
        pressed = time.time()
    async with page.expect_response("**/time/now*"):
        await page.evaluate(
            "new BroadcastChannel('carewright:timer:' + document.body.dataset.person).postMessage('')"
        )
    await page.wait_for_timeout(6000)
    async with page.expect_response("**/time/stop"), page.expect_navigation():
        goes_on.set()
    await page.wait_for_selector("#timer:not(:has([data-timer]))", state="attached")
    assert await timers_of(behind, lakeside, "nora") == ["stopped"]
    assert -1.5 <= await counted_after(behind, lakeside, ruth, pressed) <= 1.5, "as of the press"
    assert await timers_of(behind, hillcrest, "nora") == []


async def test_a_stop_pressed_without_a_line_is_forgotten_when_the_timer_was_stopped_elsewhere(
    house: str, browser: Any, lakeside: World
) -> None:
    ruth = await someone_in_care(lakeside, "2026-09")
    window = await window_of(browser, house, lakeside, "nora")
    page = await window.new_page()
    await page.goto(f"/people/{ruth}")
    await page.get_by_role("button", name="Start the timer").click()
    await page.wait_for_selector("#timer [data-timer]")
    timer = UUID(await page.locator("#timer [data-timer]").get_attribute("data-timer"))
    for path in ("beat", "stop"):
        await page.route(f"**/time/{path}", lambda route: route.abort())
    await page.locator("#timer [data-timer-stop] button").click()
    await until(page, "sessionStorage.getItem('carewright:timer-stopped') !== null")
    # Meanwhile stopped at another computer, and started again.
    me = lakeside.actor("nora")
    async with tenant_db(me) as db:
        await stop_timer(db, me, timer, Stop())
    other = await window_of(browser, house, lakeside, "nora")
    again = await other.new_page()
    await again.goto(f"/people/{ruth}")
    await again.get_by_role("button", name="Start the timer").click()
    await again.wait_for_selector("#timer [data-timer]")
    await page.evaluate(
        "new BroadcastChannel('carewright:timer:' + document.body.dataset.person).postMessage('x')"
    )
    await until(
        page, "known => document.querySelector('#timer [data-timer]')?.dataset.timer !== known", str(timer)
    )
    await page.wait_for_selector("#timer [data-timer]")
    before = await page.locator("[data-timer-clock]").inner_text()
    await page.wait_for_timeout(2500)
    assert await page.locator("[data-timer-clock]").inner_text() != before, "the clock of the new timer runs"
    assert await page.evaluate("sessionStorage.getItem('carewright:timer-stopped')") is None


@pytest.mark.parametrize(("seconds", "set_aside"), [(33, False), (12, True)])
async def test_a_stop_that_was_not_sent_before_a_reload_arrives_with_all_the_page_had_counted(
    seconds: int,
    set_aside: bool,
    house: str,
    browser: Any,
    lakeside: World,
    behind: AsyncEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Longer is counted after the last beat than the server bridges, or the timer is set aside meanwhile; stop is pressed
    without a line; then the page is loaded again."""
    ruth = await someone_in_care(lakeside, "2026-09")
    window = await window_of(browser, house, lakeside, "nora")
    page = await window.new_page()
    await page.goto(f"/people/{ruth}")
    async with page.expect_response("**/time/beat"):
        await page.get_by_role("button", name="Start the timer").click()
        await page.wait_for_selector("#timer [data-timer]")
    timer = await page.locator("#timer [data-timer]").get_attribute("data-timer")
    # The line is down for this page for good, also for what it sends as it goes, which Chromium's switches let through.
    await page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('no line')); }")
    await page.mouse.move(200, 300)
    await page.wait_for_timeout(seconds * 1000)
    await page.locator("#timer [data-timer-stop] button").click()
    pressed = time.time()
    await until(page, "sessionStorage.getItem('carewright:timer-stopped') !== null")
    await page.wait_for_timeout(4_000)
    if set_aside:  # ten minutes later nobody has seen it
        monkeypatch.setattr("server.minutes.timers.timing.AWAY", timedelta(seconds=1))
        system = lakeside.system("minutes.write")
        async with tenant_db(system) as db:
            await set_aside_timer(db, system, UUID(timer))
        async with behind.connect() as connection:
            state = await connection.scalar(sa.text("select state from timer where id = :id"), {"id": timer})
        assert state == "set_aside"
    async with page.expect_response("**/time/stop") as answered:
        await page.reload()
    assert (await (await answered.value).json())["state"] == "stopped"
    await until(page, "sessionStorage.getItem('carewright:timer-stopped') === null")
    await until(page, "document.querySelector('#timer [data-timer]') === null")
    after = await counted_after(behind, lakeside, ruth, pressed)
    assert -1.5 <= after <= 1.5, "as of the press, not of the last beat nor of the reload"
