"""Every word of a page goes through gettext, and whatever a patient reads stands in every catalog."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import nodes

from server.words import LANGUAGES, LOCALE, reads, say, say_of, speaking
from web import catalog
from web.rendering import environment

TEMPLATES = sorted(
    path
    for path in (catalog.WEB / "templates").rglob("*.html")
    if path.name != "styleguide.html"  # shows the components with invented people; nobody works in it
)
OTHERS = [language for language in LANGUAGES if language != "en"]
SERVER = LOCALE.parent
#: files beside the rooms that speak to whoever runs the server, or bring invented people to life
OPERATORS = {
    *(path.name for path in SERVER.glob("demo*.py")),
    "cli.py",
    "doctor.py",
    "supervisor.py",
    "settings.py",
    "serve.py",
    "attach.py",
}
LETTERS = re.compile(r"[^\W\d_]")
LIKE_A_SENTENCE = re.compile(r"[A-Z][a-z]|.*[A-Za-z]{2,} [A-Za-z]")
ATTRIBUTES = {"alt", "title", "placeholder", "aria-label", "data-confirm", "data-busy", "label", "content"}
OURS = {"Carewright"}


class Shown(HTMLParser):
    """What is written on a page besides expressions: text, and attributes that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "style", "kbd", "head"}:
            self.inside.append(tag)
        self.found += [v for k, v in attrs if k in ATTRIBUTES and tag != "meta" and v and LETTERS.search(v)]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            self.inside.remove(tag)

    def handle_data(self, data: str) -> None:
        words = data.strip(" ·\n")
        if not self.inside and LETTERS.search(words) and words not in OURS and not words.startswith("/"):
            self.found.append(words)


def unmarked(source: str) -> Iterator[str]:
    """What a template says without gettext: in its HTML, and as text in its expressions."""
    block: list[str] = []
    html: list[str] = []
    for _, kind, value in environment().lex(source):
        if kind == "block_begin":
            block = []
        elif kind in {"name", "operator"}:
            block.append(value)
        elif kind == "data" and not (
            block[:1] in (["trans"], ["pluralize"])
            or block[:2] == ["block", "kind"]
            or (block[:1] == ["set"] and "=" not in block)
        ):
            html.append(value)  # the others are said, or are values that stand in attributes
    shown = Shown()
    shown.feed("".join(html))
    shown.close()
    yield from shown.found
    tree = environment().parse(source)
    said = {
        id(const)
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in {"_", "gettext", "ngettext"}
        for const in call.find_all(nodes.Const)
    }
    for const in tree.find_all(nodes.Const):
        if id(const) not in said and isinstance(const.value, str) and LIKE_A_SENTENCE.match(const.value):
            yield const.value


def wrong_calls(source: str) -> Iterator[str]:
    """Calls of `_` whose words are not written there, or that lack a value their words ask for."""
    for call in environment().parse(source).find_all(nodes.Call):
        if not (isinstance(call.node, nodes.Name) and call.node.name == "_"):
            continue
        words = call.args[0] if call.args else None
        given = {value.key for value in call.kwargs}
        if isinstance(call.dyn_kwargs, nodes.Dict):
            given |= {pair.key.as_const() for pair in call.dyn_kwargs.items}
        if not isinstance(words, nodes.Const):
            yield f"line {call.lineno}: only words that stand there can be gathered"
        elif set(re.findall(r"%\((\w+)\)s", words.value)) != given or "%" in re.sub(
            r"%\(\w+\)s|%%", "", words.value
        ):
            yield f"line {call.lineno}: {words.value!r} is given {sorted(given)}"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_template_says_every_word_through_gettext(path: Path) -> None:
    source = path.read_text()
    assert list(unmarked(source)) == []
    assert list(wrong_calls(source)) == []


def test_control_words_beside_gettext_are_found() -> None:
    source = """{% set here = "people" %}<p class="quiet words">{{ _("Said") }} Not said</p><img alt="A picture">
        {{ button("Save it", kind="quiet") }}{{ "Yes" if said }}{{ _(words) }}{{ _("%(n)s people") }}{{ _("5% of") }}
        {% trans n=rows|length %}Said of {{ n }}, too{% endtrans %}"""
    assert sorted(unmarked(source)) == ["A picture", "Not said", "Save it", "Yes"]
    assert len(list(wrong_calls(source))) == 3


def test_the_catalogs_are_what_the_pages_say() -> None:
    assert catalog.stale() == [], "run: python -m web.catalog, and translate what it names"


@pytest.mark.parametrize("language", OTHERS)
def test_a_printed_page_is_numbered_in_the_language_of_its_paper(language: str) -> None:
    """The one thing on a paper that gettext cannot say: the number comes from the stylesheet."""
    css = (catalog.WEB / "static/css/carewright.css").read_text()
    assert f"@page {language} {{" in css
    assert f"body:has(.take-home:lang({language})) {{ page: {language}; }}" in css


@pytest.mark.parametrize("language", OTHERS)
def test_whatever_a_patient_reads_is_translated(language: str) -> None:
    assert len(catalog.papers()) > 30
    assert catalog.untranslated(language) == []


def test_control_what_is_missing_or_given_another_value_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled = tmp_path / "es.po"
    text = catalog.po_of("es").read_text("utf-8")
    for words, instead in (("Who to call", ""), ("The plan of %(name)s", "El plan de %(nombre)s")):
        text, times = re.subn(f'(msgid "{re.escape(words)}"\nmsgstr) ".*"', rf'\1 "{instead}"', text)
        assert times == 1
    spoiled.write_text(text, "utf-8")
    monkeypatch.setattr(catalog, "po_of", lambda language: spoiled)
    told = catalog.untranslated("es")
    assert len(told) == 2
    assert any("Who to call" in one for one in told)
    assert any("%(name)s" in one for one in told)
    assert any(file.endswith(".mo") for file in catalog.stale())


def test_a_language_is_spoken_only_within() -> None:
    with speaking("es"):
        assert say("Who to call") == "A quién llamar"
        assert say("Nobody says this anywhere") == "Nobody says this anywhere"
        assert say("") == ""
    assert say("Who to call") == "Who to call"


@pytest.mark.parametrize(
    ("tag", "language"),
    [("es-MX", "es"), ("es_419", "es"), ("ES", "es"), ("spa", "es"), ("Spanish", "es"), ("en-US", "en"), ("est", "en"),
     ("ar", "en"), ("", "en"), ("../es", "en")],
)  # fmt: skip
def test_what_somebody_reads_is_told_from_their_record(tag: str, language: str) -> None:
    assert reads(tag) == language


def nested() -> str:
    return say("It was %(what)s.", what=str.strip(say("Said as a value within another"))) + say_of(
        "one", "two", 2
    )


def test_every_word_of_every_page_can_be_gathered() -> None:
    """Templates, pages and help: whoever adds a language starts from this list."""
    found = [message for message in catalog.everything() if message.id]
    assert len(found) > 3000
    assert {"Find a person", "Nobody has asked yet.", "What is a charge?", "Who to call"} <= {
        one.id for one in found
    }
    assert set(catalog.messages_of(Path(__file__))) >= {"Said as a value within another", ("one", "two")}
    assert [one.id for one in found if "%" in str(one.id) and not one.python_format] == []


#: rooms whose sentences nobody reads at a screen of a practice: programs, operators, and the demo's invented people
ENGLISH = {"graphql", "embedded", "cases", "lives", "plugin_host"}
#: help is gathered from its own table (`topics`); tables say why a row is as it is, to whoever reads the schema
TOLD_ELSEWHERE = {"help.py", "tables.py", "vendor.py", "look.py"}
PROGRAMS = {"AssertionError", "RuntimeError", "ValueError", "TypeError", "LookupError", "OSError"}
SENTENCE = re.compile(r"[“(]?[A-Z\0][^\n]* .*[.?!:]”?\)?\s*", re.DOTALL)


def rooms() -> list[Path]:
    """Python files of `server/` that speak to people: rooms, and the files beside them that several rooms use."""
    files = sorted(SERVER.rglob("*.py"))
    return [path for path in files if path.relative_to(SERVER).parts[0] not in ENGLISH | OPERATORS]


def called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def spelled(words: ast.expr) -> str | None:
    """The text that is written here; each value in it a NUL. None: it is not written here."""
    if isinstance(words, ast.Constant):
        return words.value if isinstance(words.value, str) else None
    if isinstance(words, ast.JoinedStr):
        return "".join(str(p.value) if isinstance(p, ast.Constant) else "\0" for p in words.values)
    return None


def quiet(tree: ast.Module) -> set[ast.AST]:
    """What is said through gettext, or read by nobody: docstrings, comments of columns, errors of programs."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and called(node) in {"say", "say_of", "N_", "text", "protect", "SystemExit"} | PROGRAMS
        ):
            found |= set(ast.walk(node))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(node.value)
        elif isinstance(node, ast.keyword) and node.arg in {"description", "comment", "help"}:
            found |= set(ast.walk(node))
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "exempt":
            found |= set(ast.walk(node))  # why a table belongs to no practice, to whoever reads the schema
    return found


def unsaid(source: str) -> Iterator[int]:
    """Lines of Python with words for people that do not go through gettext: what `go` says, refusals, and sentences."""
    tree = ast.parse(source)
    silent = quiet(tree)
    for node in ast.walk(tree):
        words: list[ast.expr] = []
        if isinstance(node, ast.Call) and called(node) == "go":
            words = node.args[1:2]
        elif isinstance(node, ast.Call) and called(node) == "Refused":
            words = node.args[1:3]
        elif isinstance(node, ast.expr) and SENTENCE.fullmatch(spelled(node) or ""):
            words = [node]
        yield from (w.lineno for w in words if w not in silent and LETTERS.search(spelled(w) or ""))


def misspoken(source: str) -> Iterator[int]:
    """Lines where what `say` is given is not what its words ask for."""
    for call in ast.walk(ast.parse(source)):
        if not (isinstance(call, ast.Call) and called(call) in {"say", "say_of"}):
            continue
        words = [text for text in map(spelled, call.args) if text is not None]
        given = {value.arg for value in call.keywords}
        if None in given or not words:
            continue  # values that come together, or words of a table
        own = {"n"} if called(call) == "say_of" else set()
        asked = {name for text in words for name in re.findall(r"%\((\w+)\)s", text)} - own
        stray = given and any("%" in re.sub(r"%\(\w+\)s|%%", "", text) for text in words)
        written = all(isinstance(text, ast.Constant) for text in call.args[: len(words)])
        if asked != given or stray or not written:
            yield call.lineno


def test_what_people_are_told_goes_through_gettext() -> None:
    files = [
        path for path in (*sorted(catalog.WEB.rglob("*.py")), *rooms()) if path.name not in TOLD_ELSEWHERE
    ]
    assert len(files) > 250
    assert [f"{path}:{line}" for path in files for line in unsaid(path.read_text())] == []
    assert [f"{path}:{line}" for path in files for line in misspoken(path.read_text())] == []


def test_control_words_of_python_beside_gettext_are_found() -> None:
    source = """
visit.go("/people", "Saved.")
visit.go("/people", say("Saved."))
raise Refused("CODE", f"{n} people.", say("Look."), "field")
note(f"The {what} is not known.", column("x", comment="Not for people."))
raise ValueError("Said to a program alone.")
say("%(n)s people", m=3)
say("100 %, and %(n)s", n=3)
say(f"{n} people")
"""
    assert sorted(set(unsaid(source))) == [2, 4, 5]
    assert sorted(misspoken(source)) == [7, 8, 9]
