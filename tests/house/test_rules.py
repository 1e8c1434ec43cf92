"""The rules about ourselves that no linter knows."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.errors import MISSING
from server.graphql.connections import words_of

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "assessments", "claims", "encounters", "enrollment", "interop", "minutes", "patients", "plans", "tasks", "tenants",
)  # fmt: skip


def tracked(*patterns: str) -> list[Path]:
    """Files git knows, or would if added; so that scratch files of nobody's are not judged."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


def python_files(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in tracked(
        *(f"{folder}/**/*.py" for folder in folders), *(f"{folder}/*.py" for folder in folders)
    ):
        yield path.relative_to(ROOT), ast.parse(path.read_text())


def test_import_graphql_finds_the_library() -> None:
    import graphql

    assert hasattr(graphql, "GraphQLSchema")
    assert "site-packages" in str(graphql.__file__)


def test_locks_carry_hashes_and_no_addresses() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        pins = re.findall(r"^[a-z0-9._-]+(?:\[[^\]]*\])?==.*", text, re.MULTILINE | re.IGNORECASE)
        assert len(pins) > 50
        assert all(pin.rstrip().endswith("\\") for pin in pins), "a pin without a hash"


def test_the_development_lock_holds_the_running_one() -> None:
    def pins(name: str) -> set[str]:
        return set(
            re.findall(r"^([a-z0-9._-]+(?:\[[^\]]*\])?==\S+)", (ROOT / name).read_text(), re.MULTILINE)
        )

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_no_registry_is_named_anywhere() -> None:
    hosts = (
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "npmjs" + ".org",
        "registry." + "npm",
        "debian" + ".org/debian",
    )
    named = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked(".")
        if path.suffix not in {".woff2", ".png", ".ico"} and path.stat().st_size < 2_000_000
        for host in hosts
        if host in path.read_text(errors="ignore")
    ]
    assert named == []


#: five characters that look like a code and are something else
NOT_CODES = {
    "48201": "a ZIP code",
    "60601": "a ZIP code",
    "60000": "milliseconds",
    "00501": "the version of an X12 interchange",
    "80840": "the prefix of NPI check digits",
}
_CODE = re.compile(r"^(\d{5}|[A-Z]\d{4}|\d{4}[A-Z])$")


def billing_codes(tree: ast.Module) -> list[str]:
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _CODE.fullmatch(node.value)
        and node.value not in NOT_CODES
    ]


def test_no_billing_code_is_written_outside_the_plugins() -> None:
    found = {
        str(path): codes
        for path, tree in python_files("server", "web", "migrations")
        if (codes := billing_codes(tree))
    }
    assert found == {}
    templates = [
        path.name
        for path in tracked("web/templates/**/*.html")
        if re.search(r"\b(99[0-9]{3}|G[0-9]{4})\b", path.read_text())
    ]
    assert templates == []
    assert billing_codes(ast.parse('x = "99490"')) == ["99490"], "the control: the test can tell"


def test_only_the_clock_asks_the_time() -> None:
    asking = [
        f"{path}:{node.lineno}"
        for path, tree in python_files("server", "web", "plugins")
        if path.name != "clock.py" and "tests" not in path.parts
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"now", "utcnow", "today"}
        and isinstance(node.value, ast.Name)
        and node.value.id in {"datetime", "date"}
    ]
    assert asking == []


#: what takes the word for what was not found -> as which of its arguments
_WHAT = {"not_found": 0, "id": 1, "id_chosen": 2, "_uuid": 2, "_of": 2}
#: what takes the GraphQL type instead, unless the word is given
_KIND = {"id_of": 0, "_with_id": 1}


def not_found_words(tree: ast.Module) -> Iterator[str]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        given = [word.value for word in call.keywords if word.arg == "what"]
        place = _WHAT.get(name, _KIND.get(name))
        if place is None:
            continue
        for word in given or call.args[place : place + 1]:
            if isinstance(word, ast.Constant) and isinstance(word.value, str):
                yield word.value if given or name in _WHAT else words_of(word.value)


def test_whatever_may_not_be_found_has_a_sentence_that_says_so() -> None:
    words = {
        word: str(path) for path, tree in python_files("server", "web") for word in not_found_words(tree)
    }
    assert len(words) > 40
    assert {word: path for word, path in words.items() if word not in MISSING} == {}
    assert set(MISSING) - set(words) == {"record"}
    control = ast.parse(
        'raise not_found("dragon"); id_of("OldDragon", text); id_of("Egg", text, what="nest")'
    )
    assert set(not_found_words(control)) == {"dragon", "old dragon", "nest"}


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "manager", "service", "base", "misc"}
    assert [str(p) for p in tracked("**/*.py") if p.stem in drawers] == []


def actions() -> Iterator[tuple[str, ast.AsyncFunctionDef]]:
    """Every public coroutine of a room that takes `db` and `actor`."""
    for path, tree in python_files(*(f"server/{room}" for room in ROOMS)):
        if path.name in {"queries.py", "chart.py", "gate.py"}:
            continue
        for node in tree.body:
            if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
                names = [argument.arg for argument in node.args.args]
                if names[:2] == ["db", "actor"]:
                    yield f"{path}:{node.name}", node


def test_every_action_asks_for_a_right() -> None:
    """By `actor.require(...)`, or by passing a gate that does (`..._for(db, actor, ...)` or another action)."""
    unguarded = []
    seen = 0
    for name, node in actions():
        seen += 1
        calls = [c for c in ast.walk(node) if isinstance(c, ast.Call)]
        guarded = any(
            (isinstance(c.func, ast.Attribute) and c.func.attr == "require")
            or (
                isinstance(c.func, ast.Name)
                and len(c.args) >= 2
                and isinstance(c.args[1], ast.Name)
                and c.args[1].id == "actor"
            )
            for c in calls
        )
        if not guarded:
            unguarded.append(name)
    assert seen > 20
    assert set(unguarded) == set(NOT_ASKED)


#: called by other actions, or by jobs whose actor holds no right that a person could hold
NOT_ASKED = {
    "server/tenants/jobs.py:purge_answers": "housekeeping by the system, whose actor holds no right at all",
    "server/patients/record_numbers.py:next_record_numbers": "part of registering and of imports, inside their transaction",
    "server/interop/watch.py:only_import": "the lock that every import's transaction takes",
    "server/minutes/recount.py:mark_months": "part of every action on minutes, inside its transaction",
    "server/minutes/closed.py:mark_changes": "part of every action on minutes and on a month, inside its transaction",
    "server/tenants/agreements.py:require_open": "is itself a gate",
    "server/tenants/seal.py:seal_events": "the sealer's own job",
    "server/tenants/seal.py:sign_head": "the sealer's own job",
    "server/tenants/seal.py:verify": "the sealer's own check",
}
#: what pages do and GraphQL does not, each with its reason
PAGES_ONLY: dict[str, str] = {}
_WRITES = re.compile(r"'\w+\.(write|close)'")


def called_actions(folder: str) -> set[str]:
    """Actions (by name) that files of a folder mention."""
    known = {name.rpartition(":")[2] for name, node in actions() if _WRITES.search(ast.unparse(node))}
    used = set()
    for _, tree in python_files(folder):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("server."):
                used |= {alias.name for alias in node.names}
            elif isinstance(node, ast.Attribute):
                used.add(node.attr)
    return used & known


def test_what_pages_can_do_graphql_can_do() -> None:
    missing = called_actions("web/pages") - called_actions("server/graphql") - set(PAGES_ONLY)
    assert sorted(missing) == []


def test_the_committed_schema_is_what_the_code_makes() -> None:
    from server.graphql.schema import sdl

    committed = ROOT / "server" / "graphql" / "schema.graphql"
    if committed.read_text() != sdl():
        pytest.fail(
            "the schema changed: run `python3 carewright.py schema > server/graphql/schema.graphql` and review it"
        )
