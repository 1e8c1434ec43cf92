"""The look's own rules: contrast computed from the tokens, nothing inline, nothing unescaped, vendored files intact."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from web import vendor
from web.rendering import environment

WEB = Path(__file__).resolve().parents[2] / "web"
CSS = (WEB / "static/css/carewright.css").read_text()
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))

# What is written on what. Every pair must be legible; edges and lines that carry meaning need 3:1.
TEXT = [
    (ink, ground)
    for ink in ("--ink", "--ink-soft", "--accent", "--accent-deep", "--soon", "--danger")
    for ground in ("--paper", "--leaf", "--shade")
] + [
    ("--ink", "--accent-wash"),
    ("--ink-soft", "--accent-wash"),
    ("--accent", "--accent-wash"),
    ("--accent-deep", "--accent-wash"),
    ("--ink", "--soon-wash"),
    ("--soon", "--soon-wash"),
    ("--ink", "--danger-wash"),
    ("--danger", "--danger-wash"),
    ("--on-accent", "--accent"),
    ("--on-accent", "--accent-deep"),
    ("--on-danger", "--danger"),
    ("--paper", "--ink"),
]
EDGES = [
    (edge, ground)
    for edge in ("--edge", "--accent", "--danger-line", "--soon-line")
    for ground in ("--paper", "--leaf")
]


def _block(opening: str) -> dict[str, tuple[str, str]]:
    """Tokens of the first rule that begins with `opening`: name -> (on paper, by lamplight)."""
    start = CSS.index(opening) + len(opening)
    body = CSS[start : CSS.index("}", start)]
    return {
        name: (light, dark)
        for name, light, dark in re.findall(r"(--[\w-]+): light-dark\((#\w{6}), (#\w{6})\)", body)
    }


NORMAL = _block(":root {\n  color-scheme: light dark;")
ASKED = _block(':root[data-contrast="more"] {')
BY_SYSTEM = _block("@media (prefers-contrast: more) {\n  :root {")


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two #rrggbb colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _too_low(
    tokens: dict[str, tuple[str, str]], pairs: list[tuple[str, str]], least: float
) -> list[tuple[str, str, str, float]]:
    return [
        (look, ink, ground, round(contrast(tokens[ink][n], tokens[ground][n]), 2))
        for n, look in enumerate(("light", "dark"))
        for ink, ground in pairs
        if contrast(tokens[ink][n], tokens[ground][n]) < least
    ]


def test_contrast_formula_knows_the_extremes() -> None:
    assert round(contrast("#000000", "#ffffff"), 1) == 21.0
    assert contrast("#777777", "#777777") == 1.0
    assert 4.4 < contrast("#777777", "#ffffff") < 4.5


def test_text_is_legible_in_light_and_dark() -> None:
    assert len(NORMAL) >= 17
    assert _too_low(NORMAL, TEXT, 4.5) == []
    assert _too_low(NORMAL, EDGES, 3.0) == []


def test_high_contrast_is_seven_to_one() -> None:
    tokens = NORMAL | ASKED
    assert _too_low(tokens, TEXT, 7.0) == []
    assert _too_low(tokens, EDGES, 4.5) == []


def test_the_contrast_check_can_fail() -> None:
    spoiled = NORMAL | {"--ink-soft": ("#b0a890", "#5a5a50")}
    assert _too_low(spoiled, TEXT, 4.5)


def test_high_contrast_is_the_same_by_system_and_by_switch() -> None:
    assert ASKED == BY_SYSTEM
    assert ASKED


def test_stylesheet_names_no_outside_address_and_every_token_exists() -> None:
    assert "http" not in CSS
    assert "@import" not in CSS
    used = set(re.findall(r"var\((--[\w-]+)", CSS))
    defined = set(re.findall(r"(--[\w-]+):", CSS))
    assert used - defined == set()
    for font in re.findall(r'url\("\.\./(fonts/[^"]+)"\)', CSS):
        assert (WEB / "static" / font).exists(), font


class _Inline(HTMLParser):
    """Collects what a strict Content-Security-Policy would refuse, or what would need eval."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "style" or re.fullmatch(r"on[a-z]+", name) or name.startswith("hx-on"):
                self.wrong.append(f"{tag} {name}")
            if name in {"hx-vals", "hx-headers"} and (value or "").startswith("js:"):
                self.wrong.append(f"{tag} {name}=js:")
            if name in {"src", "href", "action"} and re.match(r"(https?:)?//|javascript:", value or ""):
                self.wrong.append(f"{tag} {name}={value}")
        self._script = tag == "script" and not dict(attrs).get("src")
        if tag == "style":
            self.wrong.append("style element")

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.wrong.append("inline script")

    def handle_endtag(self, tag: str) -> None:
        self._script = False


def _inline(source: str) -> list[str]:
    reader = _Inline()
    # Jinja's own marks go first, so that a tag written around them is still read as one tag.
    reader.feed(re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", source, flags=re.DOTALL))
    return reader.wrong


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(WEB / "templates")))
def test_template_is_safe_under_the_policy(path: Path) -> None:
    source = path.read_text()
    assert _inline(source) == []
    assert not re.search(r"\|\s*safe\b|\bMarkup\(|autoescape\s+false", source), "autoescape stays on"
    environment().parse(source)


def test_the_policy_check_can_fail() -> None:
    assert _inline('<p style="color: red">') == ["p style"]
    assert _inline('<button onclick="x()">') == ["button onclick"]
    assert _inline('<div hx-on:click="x()">') == ["div hx-on:click"]
    assert _inline("<script>x()</script>") == ["inline script"]
    assert _inline('<script src="https://elsewhere.example/x.js"></script>') != []


def test_icons_that_templates_name_exist() -> None:
    known = set(vendor.ICON_NAMES)
    named = {
        (path.name, name)
        for path in TEMPLATES
        for name in re.findall(r'\bicon\("(\w+)"|\bsign="(\w+)"', path.read_text())
        for name in name
        if name
    }
    assert named
    assert [(file, name) for file, name in sorted(named) if name not in known] == []


def test_no_translated_words_are_glued_together() -> None:
    """`_("a") ~ x ~ _("b")` cannot be translated; values are named inside the sentence."""
    for path in TEMPLATES:
        assert not re.search(r'_\("[^"]*"\)\s*~|~\s*_\("', path.read_text()), path


def test_the_sample_answer_of_a_search_is_what_the_macro_makes() -> None:
    made = environment().from_string(
        '{% from "components/forms.html" import choice %}'
        '{{ choice("E11.9", "Type 2 diabetes, without complications", "E11.9") }}\n'
        '{{ choice("I10", "High blood pressure", "I10") }}\n'
    )
    assert (WEB / "static/samples/choices.html").read_text() == made.render()


def test_vendored_files_are_what_was_recorded() -> None:
    assert vendor.recorded()
    assert vendor.differences() == []


def test_a_changed_vendored_file_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    record = vendor.recorded() | {"web/static/vendor/htmx.min.js": "0" * 64}
    monkeypatch.setattr(vendor, "recorded", lambda: record)
    assert [line for line in vendor.differences() if "htmx.min.js was changed" in line]


def test_every_vendored_family_has_its_licence_beside_it() -> None:
    for folder, stem in (("fonts", "source-sans-3"), ("fonts", "literata"), ("vendor", "htmx")):
        text = (WEB / "static" / folder / f"{stem}.LICENSE.txt").read_text()
        assert re.search(r"SIL Open Font License|Zero-Clause BSD|BSD", text), stem


def test_script_keeps_nothing_about_people_beyond_the_tab() -> None:
    script = (WEB / "static/js/carewright.js").read_text() + (WEB / "static/js/look.js").read_text()
    assert set(re.findall(r'(?:computer\.set|localStorage\.setItem)\("?([\w:.]+)', script)) <= {
        "carewright:look",
        "carewright:contrast",
        "KEYS_OFF",
    }
    assert not re.search(r"\beval\(|new Function|innerHTML|document\.cookie|https?://", script)
