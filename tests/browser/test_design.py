"""The design in a real browser: under our own policy, by keyboard, on a phone, in the dark, when a sign-in ends.

A small server stands in for the house: it renders our templates with invented people and can end a sign-in.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from jinja2 import ChoiceLoader, DictLoader
from markupsafe import Markup
from page_waits import wait_until

from web import look
from web.doorway import _HEADERS
from web.rendering import environment

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(look.chromium() is None, reason="no Chromium on this machine"),
]

ROOT = Path(__file__).resolve().parents[2]
AXE = (ROOT / "tests/browser/axe/axe.min.js").read_text() + ";undefined"
SAVE = "form[data-keep=note] .button-primary"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}

PAGES = {
    "note.html": """{% extends "base.html" %}
{% import "components/forms.html" as forms %}{% from "components/buttons.html" import button %}
{% set here = "people" %}{% block title %}A note{% endblock %}{% block content %}<h1>A note</h1>
<form class="form" method="post" action="{{ action }}" data-keep="note" novalidate>{{ csrf_field() }}
{{ forms.error_summary(errors) }}
{{ forms.textarea_field("words", "Note", values.words, error=errors.words) }}
{{ forms.select_field("kind", "Kind", [("phone", "Phone"), ("video", "Video")], values.kind) }}
{{ forms.checkbox("told", "Cost told") }}
{{ forms.text_field("password", "Password", type="password") }}
{{ forms.combobox("condition", "Condition", "/find") }}
{{ button("Save", busy="Saving") }}{{ button("Remove", kind="danger", name="remove", value="yes", confirm="Remove it?") }}
</form>
<form hx-post="/htmx" hx-target="#answer" data-keep="line">{{ forms.text_field("line", "Line") }}{{ button("Add") }}</form>
<div id="answer"></div>{% endblock %}""",
    "saved.html": """{% extends "base.html" %}{% block title %}Saved{% endblock %}
{% block content %}<h1>Saved</h1>{% endblock %}""",
    "signin.html": """{% extends "public.html" %}{% import "components/forms.html" as forms %}
{% from "components/page.html" import head %}{% from "components/buttons.html" import button %}
{% block title %}Sign in{% endblock %}{% block content %}{{ head("Sign in", "Your e-mail and password.") }}
<form class="form" method="post" action="/signed-in">{{ forms.text_field("email", "E-mail", type="email") }}
{{ forms.code_field("code", "Code") }}{{ button("Sign in") }}</form>{% endblock %}""",
    "found.html": """{% import "components/forms.html" as forms %}
{{ forms.choice("E11.9", "Type 2 diabetes", "E11.9") }}{{ forms.choice("I10", "High blood pressure", "I10") }}""",
}
FRAME = {
    "practice_name": "Lakeside Family Medicine",
    "person": {"id": "lena", "name": "Lena Weiss", "role": "Care manager"},
    "rail": [
        {"key": key, "label": key.title(), "href": f"/room/{key}"}
        for key in ("today", "people", "outreach", "resources", "month", "practice")
    ],
    "menu": [{"label": "Security", "href": "/security"}],
    "find_url": "/find",
    "people_url": "/people",
    "session_url": "/session",
    "flashes": [{"kind": "done", "text": "Saved."}],
}


@dataclass
class House:
    """What the stand-in server knows and was told."""

    address: str = ""
    alive: bool = True
    person: str = "lena"
    token: str = "first"
    slow: float = 0.0
    sent: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)


def _handler(house: House) -> type[BaseHTTPRequestHandler]:
    templates = environment().overlay(loader=ChoiceLoader([DictLoader(PAGES), environment().loader]))  # type: ignore[list-item]

    def page(template: str, **values: Any) -> bytes:
        given = {
            "frame": FRAME | {"person": FRAME["person"] | {"id": house.person}},  # type: ignore[operator]
            "csrf_field": lambda: Markup('<input type="hidden" name="_csrf" value="{}">').format(house.token),
            "errors": {},
            "values": {},
            "action": "/save",
        }
        return templates.get_template(template).render(**given | values).encode()

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            return

        def say(
            self, status: int, body: bytes = b"", kind: str = "text/html; charset=utf-8", **more: str
        ) -> None:
            self.send_response(status)
            for name, value in _HEADERS.items():
                self.send_header(name.decode(), value.decode())
            self.send_header("Content-Type", kind)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            for name, value in more.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path.startswith("/static/"):
                file = ROOT / "web" / path[1:]
                self.say(200, file.read_bytes(), TYPES[file.suffix])
            elif path == "/session":
                if house.alive:
                    self.say(204, X_Session_Person=house.person, X_CSRF_Token=house.token)
                else:
                    self.say(401, X_Session_Ended="1")
            elif path == "/design":
                self.say(200, page("styleguide.html"))
            elif path == "/note":
                action = parse_qs(urlsplit(self.path).query).get("to", ["/save"])[0]
                self.say(200, page("note.html", action=action))
            elif path == "/signin":
                self.say(200, page("signin.html"))
            elif path == "/find":
                self.say(200, page("found.html"))
            elif path.startswith("/errors/"):
                self.say(200, page(f"errors/{path[8:11]}.html", reference="7F3K-22", retry_after=20))
            else:
                self.say(200, page("saved.html"))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            told = parse_qs(body, keep_blank_values=True)
            path = urlsplit(self.path).path
            sleep(house.slow)
            if not house.alive:
                self.say(401, X_Session_Ended="1")
                return
            house.sent.append((path, told))
            if path == "/refuse":
                errors = {"words": "A note needs words."}
                self.say(422, page("note.html", errors=errors, values={"words": told["words"][0]}))
            elif path == "/break":
                self.say(500, page("errors/500.html", reference="7F3K-22"))
            elif path == "/htmx":
                self.say(200, b"<p>Added.</p>")
            else:
                self.say(303, Location="/saved")

    return Answers


@pytest.fixture(scope="module")
def _server() -> Iterator[House]:
    house = House()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(house))
    house.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield house
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def house(_server: House) -> House:
    _server.alive, _server.person, _server.token, _server.slow, _server.sent = True, "lena", "first", 0.0, []
    return _server


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=look.chromium(), args=look.CHROMIUM_ARGS)
        yield browser
        browser.close()


class Tab:
    """A page that remembers what the console complained of."""

    def __init__(self, browser: Any, address: str, **view: Any) -> None:
        self.context = browser.new_context(base_url=address, reduced_motion="reduce", **view)
        self.page = self.context.new_page()
        self.page.set_default_timeout(6000)
        self.complaints: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("dialog", lambda d: d.accept())


@pytest.fixture
def tab(chromium: Any, house: House) -> Iterator[Tab]:
    made = Tab(chromium, house.address, viewport=look.DESKTOP)
    yield made
    made.context.close()


def _kept(page: Any) -> dict[str, str]:
    """Ours alone: htmx notes the address of the page there too."""
    found: dict[str, str] = page.evaluate("Object.assign({}, sessionStorage)")
    return {key: value for key, value in found.items() if key.startswith("carewright:")}


# --- what everyone can see and reach ------------------------------------------------------------------------

LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "contrast": {"color_scheme": "light", "contrast": "more"},
    "dark contrast": {"color_scheme": "dark", "contrast": "more"},
    "phone": look.VIEWS["phone"],
}


@pytest.mark.parametrize("view", LOOKS)
def test_axe_finds_nothing(chromium: Any, house: House, view: str) -> None:
    tab = Tab(chromium, house.address, **({"viewport": look.DESKTOP} | LOOKS[view]))
    try:
        for path in ("/design", "/note", "/signin", "/errors/500"):
            tab.page.goto(path)
            tab.page.evaluate(AXE)
            found = tab.page.evaluate("axe.run(document)")
            wrong = [f"{v['id']}: {n['html'][:120]}" for v in found["violations"] for n in v["nodes"]]
            assert wrong == [], path
            assert len(found["passes"]) > 15, path
        assert tab.complaints == []
    finally:
        tab.context.close()


def test_axe_finds_nothing_in_what_opens(tab: Tab) -> None:
    def wrong() -> list[str]:
        tab.page.evaluate(AXE)
        return [
            f"{v['id']}: {v['nodes'][0]['html'][:120]}"
            for v in tab.page.evaluate("axe.run(document)")["violations"]
        ]

    tab.page.goto("/note")
    tab.page.click("[data-menu] summary")
    assert wrong() == []
    tab.page.keyboard.press("Escape")
    tab.page.locator("#f-condition").press_sequentially("diab")
    tab.page.locator("#f-condition-list [role=option]").first.wait_for(state="visible")
    tab.page.keyboard.press("ArrowDown")
    assert wrong() == []
    for dialog in ("keyboard-help", "confirm-dialog", "lock-dialog"):
        tab.page.evaluate(f"document.getElementById('{dialog}').showModal()")
        assert wrong() == [], dialog
        tab.page.evaluate(f"document.getElementById('{dialog}').close()")


def test_axe_can_find_something(tab: Tab) -> None:
    tab.page.goto("/signin")
    tab.page.evaluate("document.querySelector('label[for=f-email]').remove()")
    tab.page.evaluate(AXE)
    assert "label" in [v["id"] for v in tab.page.evaluate("axe.run(document)")["violations"]]


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_is_wider_than_the_window(chromium: Any, house: House, width: int) -> None:
    tab = Tab(chromium, house.address, viewport={"width": width, "height": 800})
    try:
        for path in ("/design", "/note", "/signin", "/errors/404"):
            tab.page.goto(path)
            assert tab.page.evaluate("document.documentElement.scrollWidth") <= width, path
    finally:
        tab.context.close()


@pytest.mark.parametrize(("view", "least"), [("desktop", 24), ("phone", 44)])
def test_targets_are_large_enough(chromium: Any, house: House, view: str, least: int) -> None:
    tab = Tab(chromium, house.address, **look.VIEWS[view])
    try:
        for path in ("/design", "/signin"):
            tab.page.goto(path)
            small = tab.page.evaluate(
                """(least) => {
                const all = [...document.querySelectorAll(
                    "button, .button, input:not([type=hidden]), select, textarea, summary, .rail a, .tabs a")];
                const seen = all.filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.closest(".skip"));
                const size = (e) => (e.closest("label.choice") ?? e).getBoundingClientRect();
                return [seen.length, seen.filter((e) => size(e).height < least - 0.5 || size(e).width < 24)
                    .map((e) => e.outerHTML.slice(0, 90))];
                }""",
                least,
            )
            assert small[0] >= 5
            assert "\n".join(small[1]) == "", path
    finally:
        tab.context.close()


def test_focus_is_always_visible(tab: Tab) -> None:
    tab.page.goto("/design")
    tab.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    unseen, stops = [], 0
    for _ in range(60):
        tab.page.keyboard.press("Tab")
        what = tab.page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
            return [e === document.body ? "" : e.outerHTML.slice(0, 200), s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2]; }"""
        )
        stops += 1
        if what[0] and not what[1]:
            unseen.append(what[0])
    assert stops == 60
    assert "\n".join(unseen) == ""


def test_on_paper_there_is_no_frame_and_no_button(tab: Tab) -> None:
    tab.page.goto("/design")
    tab.page.emulate_media(media="print")
    shown = tab.page.evaluate(
        """[...document.querySelectorAll(".rail, .topline, .button, dialog, .toasts, .tabs")]
           .filter((e) => e.checkVisibility()).length"""
    )
    assert shown == 0
    assert tab.page.locator(".print-head").is_visible()
    assert tab.page.locator(".proof-body").nth(1).is_visible(), "a closed proof is open on paper"


def test_without_script_a_form_still_goes(chromium: Any, house: House) -> None:
    tab = Tab(chromium, house.address, java_script_enabled=False)
    try:
        tab.page.goto("/note")
        tab.page.fill("#f-words", "By hand.")
        tab.page.click(SAVE)
        tab.page.wait_for_url("**/saved")
        assert house.sent[0][1]["words"] == ["By hand."]
        assert house.sent[0][1]["_csrf"] == ["first"]
    finally:
        tab.context.close()


# --- keys ---------------------------------------------------------------------------------------------------


def test_keys(tab: Tab, house: House) -> None:
    tab.page.goto("/note")
    tab.page.keyboard.press("?")
    assert tab.page.locator("#keyboard-help").is_visible()
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("/")
    assert tab.page.evaluate("document.activeElement.id") == "find"
    tab.page.keyboard.type("g m?")
    assert tab.page.input_value("#find") == "g m?", "letters typed in a field stay letters"
    tab.page.fill("#find", "")
    tab.page.evaluate("document.activeElement.blur()")
    tab.page.keyboard.press("g")
    tab.page.keyboard.press("m")
    tab.page.wait_for_url("**/room/month")
    tab.page.goto("/note")
    tab.page.fill("#f-words", "She slept well.")
    tab.page.keyboard.press("Control+Enter")
    tab.page.wait_for_url("**/saved")
    saved = [told for path, told in house.sent if path == "/save"]  # what was typed to find is sent too
    assert saved[0]["words"] == ["She slept well."]
    assert "remove" not in saved[0]


def test_single_keys_can_be_switched_off(tab: Tab) -> None:
    tab.page.goto("/note")
    tab.page.keyboard.press("?")
    tab.page.uncheck("[data-keys-switch]")
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("/")
    assert tab.page.evaluate("document.activeElement.id") != "find"


def test_search_as_you_type_by_keyboard(tab: Tab, house: House) -> None:
    tab.page.goto("/note")
    box = tab.page.locator("#f-condition")
    box.press_sequentially("diab", delay=20)
    tab.page.locator("#f-condition-list [role=option]").first.wait_for(state="visible")
    assert box.get_attribute("aria-expanded") == "true"
    assert tab.page.inner_text("[data-combobox-count] >> nth=1") == "2 found"
    box.press("ArrowDown")
    box.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == "f-condition-list-1"
    box.press("Enter")
    assert box.input_value() == "High blood pressure"
    assert tab.page.input_value("input[name=condition]") == "I10"
    assert box.get_attribute("aria-expanded") == "false"
    box.press_sequentially("x")
    assert tab.page.input_value("input[name=condition]") == "", "changed words no longer name the choice"
    assert house.sent == []


def test_danger_asks_first(tab: Tab, house: House) -> None:
    tab.page.goto("/note")
    tab.page.click("form[data-keep=note] .button-danger")
    assert tab.page.inner_text("[data-confirm-words]") == "Remove it?"
    tab.page.keyboard.press("Enter")  # the focus is on "No"
    tab.page.wait_for_timeout(100)
    assert house.sent == []
    tab.page.click("form[data-keep=note] .button-danger")
    tab.page.click("[data-confirm-yes]")
    tab.page.wait_for_url("**/saved")
    assert house.sent[0][1]["remove"] == ["yes"]


def test_feedback_within_100_ms_and_sent_once(tab: Tab, house: House) -> None:
    house.slow = 0.6
    tab.page.goto("/note")
    waited = tab.page.evaluate(
        """() => new Promise((done) => {
        const button = document.querySelector("form[data-keep=note] .button-primary"), began = performance.now();
        new MutationObserver(() => done([performance.now() - began, button.innerText]))
            .observe(button, {attributes: true});
        button.click(); button.click(); })"""
    )
    assert waited[0] < 100
    assert waited[1].startswith("Saving")
    tab.page.wait_for_url("**/saved")
    assert len(house.sent) == 1


# --- nothing typed is lost ----------------------------------------------------------------------------------


def test_what_is_typed_survives_a_reload_and_ends_with_the_save(tab: Tab) -> None:
    tab.page.goto("/note")
    tab.page.fill("#f-words", "Her sister died in May.")
    tab.page.select_option("#f-kind", "video")
    tab.page.check("#f-told")
    tab.page.fill("#f-password", "correct horse")
    tab.page.reload()
    assert tab.page.input_value("#f-words") == "Her sister died in May."
    assert tab.page.input_value("#f-kind") == "video"
    assert tab.page.is_checked("#f-told")
    assert tab.page.input_value("#f-password") == ""
    assert "correct horse" not in str(_kept(tab.page))
    assert tab.page.locator(".kept").is_visible()
    assert tab.page.evaluate("JSON.stringify(localStorage)") == "{}"
    tab.page.click(SAVE)
    tab.page.wait_for_url("**/saved")
    assert _kept(tab.page) == {}
    tab.page.goto("/note")
    assert tab.page.input_value("#f-words") == ""


def test_what_is_typed_can_be_discarded(tab: Tab) -> None:
    tab.page.goto("/note")
    tab.page.fill("#f-words", "Wrong person.")
    tab.page.reload()
    tab.page.click("text=Discard it")
    assert tab.page.input_value("#f-words") == ""
    tab.page.reload()
    assert tab.page.input_value("#f-words") == ""


def test_a_broken_server_or_a_refusal_loses_nothing(tab: Tab) -> None:
    tab.page.goto("/note?to=/break")
    tab.page.fill("#f-words", "Said once, hard to say again.")
    tab.page.click(SAVE)
    tab.page.locator("text=Something broke on our side").wait_for()
    tab.page.goto("/note?to=/refuse")
    assert tab.page.input_value("#f-words") == "Said once, hard to say again."
    tab.page.click(SAVE)
    tab.page.locator(".error-summary").wait_for()
    wait_until(tab.page, "document.activeElement.className === 'error-summary'")
    tab.page.click(".error-summary a")
    assert tab.page.evaluate("document.activeElement.id") == "f-words"
    tab.page.goto("/note")
    assert tab.page.input_value("#f-words") == "Said once, hard to say again."


def test_signing_out_and_another_person_leave_nothing(tab: Tab, house: House) -> None:
    tab.page.goto("/note")
    tab.page.fill("#f-words", "Private.")
    tab.page.wait_for_timeout(300)
    assert "Private." in str(_kept(tab.page))
    tab.page.click("[data-menu] summary")
    tab.page.click("#sign-out button")
    tab.page.wait_for_url("**/saved")
    assert _kept(tab.page) == {}
    tab.page.goto("/note")
    tab.page.fill("#f-words", "Lena's.")
    tab.page.wait_for_timeout(300)
    house.person = "omar"
    tab.page.goto("/note")
    assert tab.page.input_value("#f-words") == ""
    assert "Lena's." not in str(_kept(tab.page))


# --- when the sign-in ends ----------------------------------------------------------------------------------


def _look_again(page: Any) -> None:
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_an_ended_sign_in_covers_the_page_and_opens_it_again(tab: Tab, house: House) -> None:
    tab.page.goto("/note")
    tab.page.fill("#f-words", "In the middle of a sentence")
    house.alive = False
    _look_again(tab.page)
    tab.page.locator("#lock-dialog").wait_for(state="visible")
    assert not tab.page.locator("#f-words").is_visible(), "nothing about a person shows behind the lock"
    assert tab.page.title() == "Your sign-in has ended", "nor in the tab's title"
    for _ in range(3):
        tab.page.keyboard.press("Escape")
    tab.page.wait_for_timeout(100)
    assert tab.page.locator("#lock-dialog").is_visible()
    tab.page.click("[data-lock-try]")
    tab.page.locator("text=Not yet").wait_for()
    house.alive, house.token = True, "second"
    tab.page.click("[data-lock-try]")
    tab.page.locator("#lock-dialog").wait_for(state="hidden")
    assert tab.page.input_value("#f-words") == "In the middle of a sentence"
    tab.page.click(SAVE)
    tab.page.wait_for_url("**/saved")
    assert house.sent[0][1]["_csrf"] == ["second"], "the new sign-in's token was taken up"


def test_a_form_sent_into_an_ended_sign_in_is_held_and_sent_after(tab: Tab, house: House) -> None:
    tab.page.clock.install()
    tab.page.goto("/note")
    tab.page.fill("#f-words", "Long note.")
    house.alive = False
    tab.page.evaluate("window.fetch = ((f) => (...a) => f(...a))(window.fetch)")
    tab.page.clock.set_system_time(tab.page.evaluate("Date.now()") + 61_000)
    tab.page.click(SAVE)
    tab.page.locator("#lock-dialog").wait_for(state="visible")
    assert house.sent == []
    house.alive = True
    tab.page.click("[data-lock-try]")
    tab.page.wait_for_url("**/saved")
    assert house.sent[0][1]["words"] == ["Long note."]


def test_an_htmx_request_into_an_ended_sign_in_is_held_and_sent_after(tab: Tab, house: House) -> None:
    tab.page.goto("/note")
    house.alive = False
    tab.page.fill("#f-line", "One line.")
    tab.page.click("text=Add")
    tab.page.locator("#lock-dialog").wait_for(state="visible")
    house.alive = True
    tab.page.click("[data-lock-try]")
    tab.page.locator("text=Added.").wait_for()
    assert house.sent[0][1]["line"] == ["One line."]
    assert house.sent[0][1]["_csrf"] == ["first"]


def test_another_person_signing_in_does_not_open_the_page(tab: Tab, house: House) -> None:
    tab.page.goto("/note")
    tab.page.fill("#f-words", "Lena's.")
    house.person = "omar"
    _look_again(tab.page)
    tab.page.wait_for_url(f"{house.address}/")
    assert "Lena's." not in str(_kept(tab.page))


def test_an_htmx_failure_is_said_aloud(tab: Tab, house: House) -> None:
    tab.page.goto("/note")
    tab.page.context.set_offline(True)
    tab.page.fill("#f-line", "One line.")
    tab.page.click("text=Add")
    tab.page.locator(".toast", has_text="No connection").wait_for()
    assert tab.page.input_value("#f-line") == "One line."
    assert house.sent == []
