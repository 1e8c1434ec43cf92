"""The author's guide: its tables are current, and the plugin it describes works as written."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from carewright_plugin_api import facts, reference
from carewright_plugin_api.effective import load_yaml
from carewright_plugin_api.testing import differences

GUIDE = Path(__file__).resolve().parents[2] / "README.md"


def test_the_tables_are_current() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "cogapp", "--check", "--diff", str(GUIDE)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_fact_and_every_question_is_in_the_guide() -> None:
    text = GUIDE.read_text("utf-8")
    assert reference.answers() in text
    assert reference.dataclasses_of(facts) in text
    assert "### MonthFacts" in text


def block(language: str, opening: str) -> str:
    """The one code block of the guide that begins so."""
    (found,) = re.findall(
        rf"```{language}\n({re.escape(opening)}.*?)```", GUIDE.read_text("utf-8"), re.DOTALL
    )
    return str(found)


def test_the_plugin_of_the_guide_works_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "payer_acme"
    (package / "parameters").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "plugin.py").write_text(block("python", "from carewright_plugin_api import API_VERSION"))
    (package / "parameters" / "calls.yaml").write_text(block("yaml", "citations:"))
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("payer_acme.plugin")
    assert module.BOOK.problems() == []
    book = load_yaml(block("yaml", "plugin: payer_acme.plugin:RULES"))
    assert [differences(case, book) for case in book["cases"]] == [[], []]
    exec(block("python", "from carewright_plugin_api.examples import spent"), held := {"RULES": module.RULES})
    held["test_the_threshold"]()
    wrong = {"id": "wrong", "month": "2026-03", "minutes": {"staff": 7}, "expect": {"lines": {"A0001": 1}}}
    assert differences(wrong, book)
