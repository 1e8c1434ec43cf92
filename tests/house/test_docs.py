"""The docs cannot rot: generated parts are current, commands exist, examples run."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cast import World
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "plugins/README.md",
    ROOT / "web/README.md",
]


@pytest.mark.parametrize("page", [p for p in PAGES if "[[[cog" in p.read_text()], ids=lambda p: p.name)
def test_generated_parts_are_current(page: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cogapp", "--check", "--diff", str(page)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


def commands() -> set[tuple[str, ...]]:
    """Every `carewright.py WORD [WORD]` in the docs, up to its first argument or option."""
    found = set()
    for page in PAGES:
        for line in re.findall(r"carewright\.py ([^`\n]*)", page.read_text()):
            words = []
            for word in line.split():
                if not re.fullmatch(r"[a-z][a-z-]*", word) or len(words) == 2:
                    break
                words.append(word)
            found.add(tuple(words))
    return found


def test_every_command_in_the_docs_exists() -> None:
    from server.cli import app

    groups = {"import", "tokens", "demo", "jobs", "audit", "claims"}
    for page in PAGES:
        assert not re.findall(r"`carewright [a-z]", page.read_text()), (page.name, "it is carewright.py")
    seen = commands()
    assert len(seen) >= 8, seen
    for words in seen:
        called = list(words[:2] if words and words[0] in groups else words[:1])
        result = CliRunner().invoke(app, [*called, "--help"])
        assert result.exit_code == 0, (words, result.output)


async def test_every_graphql_example_runs(lakeside: World, ask: Any) -> None:
    examples = re.findall(r"```graphql\n(.*?)```", (ROOT / "docs" / "graphql.md").read_text(), re.DOTALL)
    assert len(examples) >= 3
    for example in examples:
        answer = await ask(lakeside, "bill" if "monthDecisions" in example else "nora", example)
        assert answer["errors"] == [], (example, answer)


async def test_the_http_example_is_answered_the_same_each_time(lakeside: World, browse: Any) -> None:
    (example,) = re.findall(r"```http\n(.*?)```", (ROOT / "docs" / "graphql.md").read_text(), re.DOTALL)
    head, _, body = example.partition("\n\n")
    request, *lines = head.splitlines()
    method, path = request.split()
    headers = dict(line.replace("TOKEN", lakeside.tokens["nora"]).split(": ", 1) for line in lines)
    answers = [await browse().request(method, path, headers=headers, content=body) for _ in range(2)]
    assert answers[0].json()["data"]["registerPatient"]["id"]
    assert answers[0].content == answers[1].content


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)


def test_every_file_the_docs_name_is_there() -> None:
    roots = [ROOT, ROOT / "web", ROOT / "web/templates", ROOT / "web/static"]
    seen = 0
    for page in PAGES:
        for name in re.findall(r"`((?:[\w.-]+/)+(?:[\w-]+\.\w+)?)[`:]", page.read_text()):
            seen += 1
            assert any((root / name).exists() for root in roots), (page.name, name)
    assert seen >= 30, seen


def test_what_the_docs_say_is_done_over_graphql_is_in_the_schema() -> None:
    schema = (ROOT / "server/graphql/schema.graphql").read_text()
    found = [
        name
        for page in PAGES
        for said in re.findall(r"Over GraphQL: ([^.]*)\.", page.read_text())
        for name in re.findall(r"`(\w+)`", said)
    ]
    assert len(found) >= 16, found
    assert [name for name in found if not re.search(rf"^  {name}\b", schema, re.MULTILINE)] == []


def test_the_scrubs_table_is_whole() -> None:
    told = re.findall(r"^\| (S\d\d) \|", (ROOT / "docs/billing.md").read_text(), re.MULTILINE)
    code = "".join(path.read_text() for path in (ROOT / "server/claims").rglob("*.py"))
    assert told == sorted(set(re.findall(r'"(S\d\d)"', code)))
