"""The journeys people make every day, on the demo as `up` makes it: by keyboard alone, and as a stranger would.

A stranger knows no address and no key, only the words on the page. An action is one thing somebody does: a key or a
chord, a text typed, a thing clicked. A step of signing up is a form filled in and sent.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyotp
import pytest
from page_waits import wait_until

from web import look

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "four quiet herons standing"
FOCUS = """() => { const e = document.activeElement, s = getComputedStyle(e), box = e.getBoundingClientRect();
  const ring = (s) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2;
  return {
    words: (e.labels?.[0]?.innerText || e.getAttribute("aria-label") || e.innerText || "").trim(),
    name: e.getAttribute("name") || "", page: e === document.body || e === document.documentElement,
    seen: ring(s) || (e.parentElement && ring(getComputedStyle(e.parentElement))),
    inside: box.bottom > 0 && box.top < innerHeight, html: e.outerHTML.slice(0, 120),
  }; }"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(look.chromium() is None, reason="no Chromium on this machine"),
]


@dataclass
class Demo:
    address: str
    secrets: dict[str, str]  # e-mail -> TOTP secret
    password: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`up` on an empty folder, as a stranger starts it."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-P", "-m", "server.cli", "up", "--port", "0", "--data", str(folder / "data")]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder)}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said, address = [], ""
    for line in process.stdout:
        said.append(line)
        if line.startswith("ready "):
            address = line.split()[1]
            break
    try:
        assert address, "".join(said)
        rows = [re.split(r"\s{2,}", line.strip()) for line in said if "@" in line]
        yield Demo(address, {row[-3]: row[-1] for row in rows}, rows[0][-2])
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=look.chromium(), args=look.CHROMIUM_ARGS)
        yield browser
        browser.close()


class Hands:
    """Somebody with a keyboard and no mouse; every key and every text is an action."""

    def __init__(self, browser: Any, demo: Demo) -> None:
        context = browser.new_context(base_url=demo.address, reduced_motion="reduce", viewport=look.DESKTOP)
        self.page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.demo = demo
        self.actions = 0

    def press(self, key: str) -> "Hands":
        self.page.keyboard.press(key)
        self.actions += 1
        return self

    def type(self, text: str) -> "Hands":
        self.page.keyboard.type(text)
        self.actions += 1
        return self

    def go(self, key: str, to: str) -> "Hands":
        """Press a key that leads to another page."""
        with self.page.expect_navigation(url=re.compile(to)):
            self.press(key)
        return self

    def focus(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate(FOCUS)
        return found

    def tab_to(self, words: str) -> "Hands":
        """Tab until the thing with these words has the focus; each stop must be seen."""
        for _ in range(60):
            self.press("Tab")
            here = self.focus()
            assert here["page"] or (here["seen"] and here["inside"]), here["html"]
            if here["words"].startswith(words) or here["name"] == words:
                return self
        raise AssertionError(f"{words!r} is not reached by Tab on {self.page.url}")

    def sign_in(self, email: str) -> "Hands":
        self.page.goto("/sign-in")
        self.tab_to("email").type(email).tab_to("password").type(self.demo.password)
        self.go("Enter", "/sign-in/code")
        assert self.focus()["name"] == "code"
        self.type(pyotp.TOTP(self.demo.secrets[email]).now()).go("Enter", r":\d+/(switch)?$")
        return self


@pytest.fixture(scope="module")
def nora(chromium: Any, demo: Demo) -> Iterator[Hands]:
    hands = Hands(chromium, demo)
    hands.sign_in("nora@lakeside.example")
    yield hands
    hands.page.context.close()


def test_signing_in_and_a_contact_by_keyboard(
    nora: Hands, record_property: Callable[[str, object], None]
) -> None:
    signing_in = nora.actions
    nora.page.goto("/")
    nora.actions = 0
    nora.go("1", "/people/[0-9a-f-]{36}$")
    nora.press("c")
    wait_until(nora.page, "document.activeElement.name === 'note'")
    assert nora.focus()["seen"]
    nora.type("Walked to the lake and back, and slept well.")
    nora.go("Control+Enter", "/people/[0-9a-f-]{36}")
    assert "Walked to the lake and back" in nora.page.inner_text("#diary")
    assert nora.actions == 4
    record_property(
        "count", f"keyboard: signed in with {signing_in} actions, a contact in {nora.actions} from Today"
    )


def test_a_contact_by_mouse_takes_four_actions_too(nora: Hands) -> None:
    nora.page.goto("/")
    nora.page.locator(".person-row-name").first.click()
    nora.page.locator("#composer > summary").click()
    nora.page.get_by_label("Note", exact=True).fill("Left the plan on the kitchen table.")
    with nora.page.expect_navigation():
        nora.page.get_by_role("button", name="Save", exact=True).click()
    assert "Left the plan on the kitchen table." in nora.page.inner_text("#diary")


def test_finding_and_going_by_keyboard(nora: Hands, record_property: Callable[[str, object], None]) -> None:
    page = nora.page
    page.goto("/")
    name = page.locator(".person-row-name").last.inner_text()
    family = name.split()[-1]
    nora.actions = 0
    nora.press("/").type(family)
    page.locator("#find-list [role=option]").first.wait_for()
    nora.press("ArrowDown").go("Enter", "/people/[0-9a-f-]{36}$")
    assert family in page.inner_text(".person-name")
    found = nora.actions
    nora.actions = 0
    nora.press("Control+k").type("your time").go("Enter", "/time$")  # Enter waits for the answer
    assert nora.actions == 3
    nora.press("Control+k").type(family).go("Enter", "/people/[0-9a-f-]{36}$")
    assert family in page.inner_text(".person-name")
    nora.press("Control+k").type("diary").go("Enter", "/people/[0-9a-f-]{36}/diary$")
    nora.press("Control+k").type("zzzz")
    page.locator("#palette-list", has_text="Nothing by that name").wait_for()
    assert nora.press("Escape").page.locator("#palette").is_hidden()
    nora.press("?")
    keys = page.inner_text("#keyboard-help")
    assert "go to any page or person by name" in keys
    nora.press("Escape")
    record_property("count", f"keyboard: a person found in {found} actions, any page or person by name in 3")


def test_every_stop_is_seen_and_none_is_a_trap(
    nora: Hands, record_property: Callable[[str, object], None]
) -> None:
    page, stops = nora.page, 0
    page.goto("/")
    person = page.locator(".person-row-name").first.get_attribute("href")
    for address in ("/", "/people", person, f"{person}/contacts/new", "/time", "/security"):
        page.goto(address)
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        for _ in range(250):
            page.keyboard.press("Tab")
            here = nora.focus()
            if here["page"]:
                break  # past the last one: out of the page
            stops += 1
            assert here["seen"], (address, here["html"])
            assert here["inside"], (address, here["html"])
        else:
            raise AssertionError(f"Tab does not leave {address}: {here['html']}")
    record_property("count", f"keyboard: {stops} stops on 6 pages, each seen, none a trap")


def test_control_a_hidden_focus_is_found(nora: Hands) -> None:
    nora.page.goto("/people")
    nora.page.evaluate(
        """() => { const sheet = new CSSStyleSheet(); sheet.replaceSync("* { outline: none !important }");
        document.adoptedStyleSheets = [sheet]; }"""
    )
    with pytest.raises(AssertionError):
        nora.tab_to("Register someone")


def test_a_month_is_closed_by_keyboard(
    chromium: Any, demo: Demo, record_property: Callable[[str, object], None]
) -> None:
    bill = Hands(chromium, demo)
    bill.sign_in("bill@lakeside.example")
    if "/switch" in bill.page.url:
        bill.tab_to("Lakeside").go("Enter", r":\d+/$")
    bill.actions = 0
    bill.press("g").go("m", "/month$")
    bill.tab_to(
        bill.page.locator("main table tbody tr", has_text="Can be closed").first.locator("a").inner_text()
    )
    bill.go("Enter", r"/month/\d{4}-\d{2}$")
    bill.tab_to("Close ").press("Enter")
    bill.page.get_by_text(re.compile(r"^Closed \w")).first.wait_for(timeout=60_000)
    record_property("count", f"keyboard: a month closed in {bill.actions} actions from Today, Tabs counted")
    bill.page.context.close()


@pytest.mark.parametrize("name", ["Rosa Ortiz", "Tomas Hale"])
def test_a_stranger_logs_a_contact_in_under_three_minutes(
    chromium: Any, demo: Demo, name: str, record_property: Callable[[str, object], None]
) -> None:
    """From the address `ready` printed, by visible words alone, to a contact in the diary."""
    began = time.monotonic()
    page = chromium.new_context(viewport=look.DESKTOP).new_page()
    page.set_default_timeout(15_000)
    clicks = 0

    def click(words: str) -> None:
        nonlocal clicks
        found = page.get_by_role("link", name=words).or_(page.get_by_role("button", name=words))
        found.locator("visible=true").first.click()
        page.wait_for_load_state()
        clicks += 1

    page.goto(demo.address)
    if page.get_by_label("Password").count() == 0:
        click("Sign in")
    click(name)
    click("Go on")
    click("Fill in the code")
    click("Sign in")
    page.get_by_role("heading", name="Today").wait_for()
    if page.get_by_text("Nobody is in your care yet").count():
        click("Find somebody")
    page.locator("main .person-row a, main tbody a").first.click()
    page.locator("summary", has_text="Write down a contact").click()
    page.get_by_label("Note", exact=True).fill("She laughed about the cat.")
    click("Save")
    page.get_by_text("She laughed about the cat.").wait_for()
    took = time.monotonic() - began
    assert took < 180
    record_property("count", f"a stranger's walk: {clicks + 2} clicks and one note, {took:.1f} s of waiting")
    page.context.close()


class Newcomer:
    """Somebody in a window of their own: forms they filled in and sent, and pages they passed with one click."""

    def __init__(self, browser: Any, demo: Demo) -> None:
        self.page = browser.new_context(base_url=demo.address, viewport=look.DESKTOP).new_page()
        self.page.set_default_timeout(15_000)
        self.forms: list[str] = []
        self.passed: list[str] = []

    def fill(self, **fields: str) -> "Newcomer":
        for name, value in fields.items():
            control = self.page.locator(f"main [name={name}]").first
            if control.evaluate("e => e.tagName") == "SELECT":
                control.select_option(value)
            else:
                control.fill(value)
        return self

    def send(self, words: str) -> "Newcomer":
        return self._onward("button", words, self.forms)

    def follow(self, words: str) -> "Newcomer":
        return self._onward("link", words, self.passed)

    def _onward(self, role: Any, words: str, counted: list[str]) -> "Newcomer":
        counted.append(self.page.locator("h1").first.inner_text())
        with self.page.expect_navigation():
            self.page.locator("main").get_by_role(role, name=words).first.click()
        return self

    def open_letter(self, path: str) -> "Newcomer":
        """What comes by mail: followed from the mail, not from a page of ours."""
        self.page.goto("/outbox")
        self.page.locator(f'main a[href*="{path}"]').first.click()
        self.page.wait_for_load_state()
        return self

    def set_up_second_key(self) -> "Newcomer":
        secret = max(re.findall(r"[A-Z2-7]{32,}", re.sub(r"\s", "", self.page.content())), key=len)
        self.fill(code=pyotp.TOTP(secret).now()).send("This is my second key")
        return self.follow("I have kept them, go on")


def test_from_signing_up_to_the_first_enrolled_patient_in_nine_steps(
    chromium: Any, demo: Demo, record_property: Callable[[str, object], None]
) -> None:
    """A step is a form filled in and sent; pages passed with one click are told beside it.

    An administrator opens the practice, a care manager enrolls: who keeps the keys takes no consent.
    """
    ann = Newcomer(chromium, demo)
    ann.page.goto("/sign-up")
    ann.fill(
        practice_name="Cedar Street", npi="1881000008", time_zone="America/Detroit", name="Ann Cedar",
        email="ann@cedar.example", password=PASSWORD,
    ).send("Sign up and send the letter")  # fmt: skip
    ann.open_letter("/sign-up/confirm/").fill(password=PASSWORD).send("Confirm").set_up_second_key()
    ann.fill(terms="Ann Cedar", baa="Ann Cedar").send("Accept both and open the practice")
    ann.page.locator("main a[href='/practice/staff/invite']").wait_for()
    ann.follow(ann.page.locator("main a[href='/practice/staff/invite']").first.inner_text())
    ann.fill(name="Nora Feld", email="nora@cedar.example")
    ann.page.locator("main [name=role][value=care_manager]").check()
    ann.send("Send the invitation")

    nora = Newcomer(chromium, demo)
    nora.open_letter("/invitation/").fill(password=PASSWORD)
    nora.send(nora.page.locator("main form button[type=submit]").first.inner_text()).set_up_second_key()
    nora.follow("Register someone")
    nora.fill(family_name="Delgado", given_names="Rosa", birth_date="1950-05-02").send("Register and enroll")
    nora.send("Enroll")
    nora.page.goto(re.sub(r"(/people/[0-9a-f-]{36}).*", r"\1", nora.page.url))
    assert "In no program" not in nora.page.inner_text("#programs")

    forms, passed = ann.forms + nora.forms, ann.passed + nora.passed
    record_property(
        "count", f"sign-up to the first enrolled patient: {len(forms)} forms, {len(passed)} clicks between: "
        + "; ".join(forms),
    )  # fmt: skip
    assert len(forms) == 9, forms
    assert len(passed) <= 4, passed
    ann.page.context.close()
    nora.page.context.close()
