"""The commands' manners: help, exit codes, one sentence when refused, JSON where a program reads."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from server import cli

ROOT = Path(__file__).resolve().parents[2]


def every_command() -> list[str]:
    """Every command and group there is, as one would type it."""

    def below(group: TyperGroup, path: str) -> list[str]:
        names = []
        for name, found in group.commands.items():
            names.append(f"{path} {name}".strip())
            if isinstance(found, TyperGroup):
                names += below(found, names[-1])
        return names

    group = typer.main.get_command(cli.app)
    assert isinstance(group, TyperGroup)
    return below(group, "")


def test_the_promised_commands_exist() -> None:
    promised = {
        *(
            "up",
            "test",
            "bench",
            "campaign",
            "doctor",
            "import fhir",
            "close-month",
            "cases",
            "tokens create",
        ),
        *("schema", "routes", "plugins", "demo code"),
    }
    assert promised <= set(every_command())


@pytest.mark.parametrize("command", every_command())
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.app([*command.split(), "--help"], prog_name="carewright.py")
    said = capsys.readouterr().out
    assert left.value.code == 0
    assert f"carewright.py {command}" in said
    assert said.count("\n") > 8


def test_help_waits_for_none_of_the_rooms() -> None:
    tree = ast.parse((ROOT / "server" / "cli.py").read_text())
    at_import = {
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert {name for name in at_import if name and name.startswith(("server", "migrations", "web"))} == {
        "server.errors"
    }
    loaded = subprocess.run(
        [sys.executable, "-P", "-c", "import server.cli, sys; print(*sys.modules)"],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {"litestar", "sqlalchemy", "strawberry", "asyncpg"}.isdisjoint(loaded)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["up", "--port", "many"],
        ["close-month", "2026-03"],
        ["import", "fhir", "/nowhere/at/all.json", "--practice", "lakeside"],
        ["cases", "/nowhere/at/all.yaml"],
        ["tokens", "create", "--practice", "lakeside"],
    ],
)
def test_wrong_usage_is_two(carewright, arguments: list[str]) -> None:
    said = carewright(*arguments)
    assert said.returncode == 2
    assert "Traceback" not in said.stderr
    assert said.stdout == ""


@pytest.mark.parametrize("month", ["2026-13", "2026-00", "March", "2026-3", "2026-03-01"])
def test_a_month_that_is_none_is_refused(carewright, month: str) -> None:
    said = carewright("close-month", month, "--practice", "lakeside")
    assert said.returncode == 1
    assert said.stderr.strip() == f"{month} is not a month. Write it as YYYY-MM, such as 2026-03."


def test_a_bad_port_is_refused(carewright, tmp_path: Path) -> None:
    said = carewright("up", "--port", "70000", "--data", tmp_path / "data")
    assert said.returncode == 1
    assert "70000 is not a port" in said.stderr


def test_the_schema_is_printed_and_nothing_else(carewright) -> None:
    said = carewright("schema")
    assert said.returncode == 0, said.stderr
    assert "type Query" in said.stdout
    assert said.stderr == ""


def test_a_refusal_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["carewright.py", "close-month", "soon", "--practice", "lakeside"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == "soon is not a month. Write it as YYYY-MM, such as 2026-03."


def test_a_mistake_of_ours_says_where_and_keeps_the_words_to_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = "Rosalinda Quetzal"

    def broken() -> str:
        raise ValueError(f"cannot read {someone}")

    monkeypatch.setattr("server.graphql.schema.sdl", broken)
    monkeypatch.setattr(sys, "argv", ["carewright.py", "schema"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    said = capsys.readouterr().err
    assert str(left.value.code).startswith("ValueError.")
    assert "in broken" in said
    assert "Rosalinda" not in said + str(left.value.code)


def test_tables_have_aligned_columns_and_json_the_same_facts(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"method": "GET", "path": "/", "scope": ["public"]},
        {"method": "DELETE", "path": "/x", "scope": ["a", "b"]},
    ]
    cli._print_table(rows, as_json=False)
    assert capsys.readouterr().out == "METHOD  PATH  SCOPE\nGET     /     public\nDELETE  /x    a, b\n"
    cli._print_table(rows, as_json=True)
    assert json.loads(capsys.readouterr().out) == rows
