"""As a new user would, in a real browser: from signing up to a line with its source, and to a hold with its reason.

Acceptance tests 1 and 10 of the requirements, walked on the pages alone: sign up, confirm from the outbox, second key,
set-up, invite a nurse, bring in real bundles, enroll one person with consent and plan, write down 12 + 9 minutes,
close the month, read the line; take two minutes back, close again, read why it is held.
"""

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyotp
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from migrations.run import async_url
from web import look

ROOT = Path(__file__).resolve().parents[2]
BUNDLES = ROOT.parent / "shared" / "data" / "synthea_r4"
ZONE = "America/Detroit"
PASSWORD = "four quiet herons standing"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(400),
    pytest.mark.skipif(look.chromium() is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(not BUNDLES.is_dir(), reason="the sample data is not beside this checkout"),
]


@pytest.fixture(scope="module")
def house(database: str) -> Iterator[str]:
    """The web process on loopback and a worker, as `up` runs them; the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "server.app:create_app", "--factory", "--port", str(port)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CAREWRIGHT_PORT": str(port)}
    process = subprocess.Popen([*command, "--log-level", "warning"], cwd=ROOT, env=environment)
    worker = subprocess.Popen([sys.executable, "-m", "server.worker"], cwd=ROOT, env=environment)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{address}/health/ready", timeout=2).read()
                break
            except OSError:
                assert process.poll() is None, "the web process ended"
                time.sleep(0.2)
        yield address
    finally:
        for started in (worker, process):
            started.terminate()
            started.wait(30)


def last_month() -> str:
    first = datetime.now(ZoneInfo(ZONE)).date().replace(day=1)
    return f"{first - timedelta(days=1):%Y-%m}"


class Visitor:
    """Somebody in a browser window of their own."""

    def __init__(self, window: Any, address: str) -> None:
        self.page = window.new_page()
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.page.set_default_timeout(20_000)
        self.address = address
        self.secret = ""

    def go(self, path: str) -> "Visitor":
        answer = self.page.goto(self.address + path)
        assert answer is not None
        assert answer.status == 200, (path, answer.status, self.words()[:600])
        return self

    def fill(self, **fields: str) -> "Visitor":
        for name, value in fields.items():
            found = self.page.locator(f"main [name={name}]").first
            if found.evaluate("e => e.tagName") == "SELECT":
                found.select_option(value)
            else:
                found.fill(value)
        return self

    def press(self, words: str) -> "Visitor":
        self.page.locator("main").get_by_role("button", name=words, exact=True).first.click()
        self.page.wait_for_load_state()
        return self

    def follow(self, words: str) -> "Visitor":
        self.page.get_by_role("link", name=words, exact=True).first.click()
        self.page.wait_for_load_state()
        return self

    def unfold(self, form: str) -> Any:
        """The form, with the fold it lies in opened."""
        found = self.page.locator(f"main {form}").first
        if not found.is_visible():
            self.page.locator("main details").filter(has=self.page.locator(form)).locator(
                "summary"
            ).first.click()
        return found

    def words(self) -> str:
        return str(self.page.inner_text("body"))

    def sees(self, *expected: str) -> "Visitor":
        said = self.words()
        for words in expected:
            assert words in said, (words, self.page.url, said[:3000])
        return self

    def open_letter(self, path: str) -> "Visitor":
        """Follow the newest link of that kind in the outbox."""
        self.go("/outbox")
        self.page.locator(f'main a[href*="{path}"]').first.click()
        self.page.wait_for_load_state()
        return self

    def set_up_second_key(self) -> "Visitor":
        by_hand = re.sub(r"\s", "", self.page.content())
        self.secret = max(re.findall(r"[A-Z2-7]{32,}", by_hand), key=len)
        self.fill(code=pyotp.TOTP(self.secret).now()).press("This is my second key")
        self.sees("Keep these for the day the phone is lost")
        return self.follow("I have kept them, go on")


def someone_on_medicare(database: str) -> tuple[str, str]:
    """(id, family name) of an imported, living person whom Medicare covers."""

    async def ask() -> tuple[str, str]:
        engine = create_async_engine(async_url(database))
        async with engine.connect() as connection:
            row = (
                await connection.execute(
                    sa.text(
                        "select p.id, p.family_name from patient p "
                        "join coverage c on c.tenant_id = p.tenant_id and c.patient_id = p.id and c.to_on is null "
                        "join payer y on y.tenant_id = c.tenant_id and y.id = c.payer_id "
                        "where y.kind = 'medicare_part_b' and p.deceased_on is null and p.source <> 'here' "
                        "order by p.made_at desc, p.family_name limit 1"
                    )
                )
            ).one()
        await engine.dispose()
        return str(row[0]), str(row[1])

    with ThreadPoolExecutor(1) as aside:  # the browser's own loop runs in this thread
        return aside.submit(lambda: asyncio.run(ask())).result()


def test_from_signing_up_to_a_line_and_to_a_hold(house: str, database: str) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=look.chromium(), args=look.CHROMIUM_ARGS)
        try:
            _walk(browser, house, database)
        finally:
            browser.close()


def _walk(browser: Any, house: str, database: str) -> None:
    mark = f"{time.time_ns()}"[-9:]
    ann = Visitor(browser.new_context(), house)
    ann.go("/sign-up").fill(
        practice_name=f"Cedar Street {mark}", npi="1881000008", time_zone=ZONE, name="Ann Cedar",
        email=f"ann{mark}@cedar.example", password=PASSWORD,
    ).press("Sign up and send the letter")  # fmt: skip
    ann.sees("Look in your mail").open_letter("/sign-up/confirm/")
    ann.fill(password=PASSWORD).press("Confirm").set_up_second_key()
    ann.sees("Two agreements before the first patient").fill(terms="Ann Cedar", baa="Ann Cedar")
    ann.press("Accept both and open the practice").sees("Setting up")

    ann.go("/practice/sites/new").fill(name="Cedar Street").press("Add the site")
    ann.go("/practice/payers/new").fill(name="Medicare", kind="medicare_part_b").press("Add the payer")
    ann.go("/practice/staff/provider").fill(name="Dr. Lin Wei", npi="1234567893")
    ann.page.locator("main [name=bills]").check()
    ann.press("Add the provider")
    ann.go("/practice/staff/invite").fill(name="Nora Feld", email=f"nora{mark}@cedar.example")
    ann.page.locator("main [name=role][value=care_manager]").check()
    ann.press("Send the invitation")
    _qualify(ann, "Nora Feld", "rn")
    _qualify(ann, "Dr. Lin Wei", "md")

    nora = Visitor(browser.new_context(), house)
    nora.open_letter("/invitation/")
    nora.fill(password=PASSWORD).press(nora.page.locator("main form button[type=submit]").first.inner_text())
    nora.set_up_second_key()

    nora.go("/imports")
    nora.page.set_input_files("main [name=files]", sorted(str(path) for path in BUNDLES.glob("*.json")))
    nora.fill(source="Synthea").press("Bring them in").sees("What came in", "22 files from Synthea", "22 new")

    id, family = someone_on_medicare(database)
    nora.page.locator("#find").fill(family)
    nora.page.locator(f'#find-list [data-href="/people/{id}"]').click()
    nora.page.wait_for_url(f"**/people/{id}")
    before = (date.fromisoformat(f"{last_month()}-01") - timedelta(days=20)).isoformat()

    nora.go(f"/people/{id}/story").fill(what_matters="Seeing the lake from my own porch.").press("Save")
    nora.sees("Seeing the lake from my own porch.")
    for code in ("I50.22", "E11.9"):
        nora.go(f"/people/{id}/diagnoses").page.locator("main [name=q]").fill(code)
        nora.page.locator(f'main [data-value="{code}"]').click()
        nora.page.locator("main [name=chronic]").check()
        nora.fill(from_on=before).press("Add this code")
    nora.go(f"/people/{id}/programs/new")
    nora.page.locator("main [name=practitioner_id]").select_option(label="Dr. Lin Wei")
    nora.fill(started_on=before).press("Enroll")
    nora.go(f"/people/{id}/consent/ccm").sees("It is your choice")
    for box in nora.page.locator("main [name=told]").all():
        assert not box.is_checked(), "nothing may be ticked beforehand"
        box.check()
    nora.page.locator("main [name=method][value=verbal]").first.check()
    nora.page.locator("main [name=practitioner_id]").first.select_option(label="Dr. Lin Wei")
    nora.fill(day=before, time="10:00").press("Write down the yes")
    nora.go(f"/people/{id}/plan/new?program=ccm").fill(goals="Walk to the lake", dated_on=before)
    nora.page.locator("main form button[type=submit]").first.click()
    nora.page.wait_for_load_state()
    nora.fill(given_on=before, to_whom="Herself")
    nora.page.locator("main form[action$='/copies'] button[type=submit]").first.click()
    nora.page.wait_for_load_state()
    nora.go(f"/people/{id}/payers-ask").unfold("form[action$='/visits']")
    nora.fill(kind="office_visit", visited_on=before, initiating_for="ccm")
    nora.page.locator("main form[action$='/visits'] [name=practitioner_id]").select_option(
        label="Dr. Lin Wei"
    )
    nora.press("Write down the visit")
    for day, minutes in ((5, 12), (12, 9)):
        _contact(nora, id, day, minutes)

    month = last_month()
    ann.go("/month").sees("Month")
    ann.go(f"/month/{month}")
    _close(ann, month)
    ann.sees("99490", "1 with a line")
    _open_the_proof(ann)
    ann.sees("Nora Feld", "12", "9", "What would change it")
    ann.go(f"/month/{month}/{id}").sees("billing_medicare", "Rule set")

    _take_back_the_shorter(nora, id)
    _contact(nora, id, 13, 7, late=True)
    ann.go(f"/month/{month}")
    _close(ann, month)
    ann.sees("1 not billable")
    _open_the_proof(ann)
    ann.sees("19 whole minutes count", "What would change it")


def _qualify(ann: Visitor, name: str, discipline: str) -> None:
    """Write down what somebody is: payers' rules ask for it, with its date."""
    ann.go("/practice/staff").follow(name)
    form = ann.unfold("form[action$='/qualifications']")
    form.locator("[name=kind][value=discipline]").check()
    form.locator("[name=discipline]").select_option(discipline)
    form.locator("[name=from_on]").fill("2015-01-01")
    form.locator("button[type=submit]").click()
    ann.page.wait_for_load_state()


def _close(ann: Visitor, month: str) -> None:
    """The page tells how far it is, and shows the month once it is over."""
    ann.page.locator(f'main form[action="/month/{month}/close"] button').first.click()
    ann.page.wait_for_load_state()
    ann.page.locator("#closing").wait_for(state="detached", timeout=60_000)
    ann.page.wait_for_load_state()


def _open_the_proof(ann: Visitor) -> None:
    """Of the first row: it is fetched when the row is opened."""
    ann.page.locator("main details.proof summary").first.click()
    ann.page.locator("main details.proof").get_by_text("What would change it").first.wait_for()


def _contact(nora: Visitor, id: str, day: int, minutes: int, *, late: bool = False) -> None:
    nora.go(f"/people/{id}")
    form = nora.page.locator("#composer form")
    if not form.is_visible():  # words kept from before open it by themselves
        nora.page.locator("#composer summary").first.click()
    form.locator("[name=kind]").select_option("phone")
    form.locator("[name=on]").fill(f"{last_month()}-{day:02}")
    form.locator("[name=began]").fill("14:00")
    form.locator("[name=minutes]").fill(str(minutes))
    form.locator("[name=note]").fill("Walked twice this week.")
    form.locator("[name=program]").select_option("ccm")
    if not form.locator("[name=reason]").is_visible():
        form.locator("details.more > summary").click()
    form.locator("[name=reason]").fill("From my notebook")
    with nora.page.expect_navigation():  # the draft is kept first, and only then is the form sent
        form.get_by_role("button", name="Save", exact=True).click()
    if late:  # the month was closed meanwhile: it says so, and asks
        nora.sees("was closed on")
        nora.page.locator("main [name=late]").check()
        with nora.page.expect_navigation():
            nora.page.locator("main").get_by_role("button", name="Save", exact=True).click()
    nora.sees("Walked twice this week.")


def _take_back_the_shorter(nora: Visitor, id: str) -> None:
    nora.go(f"/people/{id}/minutes")
    row = nora.page.locator("main tr, main li").filter(has_text="9 min").first
    row.get_by_role("link").first.click()
    nora.page.wait_for_load_state()
    form = nora.unfold("form[action$='/void']")
    form.locator("[name=reason]").fill("Entered for the wrong day")
    form.locator("button[type=submit]").click()
    confirm = nora.page.locator("dialog[open] button").filter(has_text=re.compile("yes|take", re.IGNORECASE))
    if confirm.count():
        confirm.first.click()
    nora.page.wait_for_load_state()
    nora.sees("was closed on")
    form = nora.page.locator("form[action$='/void']")
    form.locator("[name=late]").check()
    form.locator("button[type=submit]").click()
    if confirm.count():
        confirm.first.click()
    nora.page.wait_for_load_state()
