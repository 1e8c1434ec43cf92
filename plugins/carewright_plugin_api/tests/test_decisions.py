"""What a host must refuse to store, and the harness that authors rely on."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from carewright_plugin_api import API_VERSION
from carewright_plugin_api.decisions import (
    Alternative,
    Citation,
    Decision,
    Hold,
    LeftOut,
    Line,
    MinutesCounted,
    problems,
    total,
)
from carewright_plugin_api.examples import spent, typical_month
from carewright_plugin_api.facts import MonthFacts
from carewright_plugin_api.hooks import Manifest, PayerKind
from carewright_plugin_api.testing import check_rules

FACTS = typical_month(entries=spent(20))
SOURCE = (Citation("A page"),)
LINE = Line(
    "99490", 1, date(2026, 3, 31), "ccm", "acme.rule", "Said.", SOURCE, "Nothing.", amount_note="No rate."
)
HOLD = Hold("NO_CONSENT", "ccm", "Said.", "Ask.", "acme.rule", SOURCE, "A consent.")
MANIFEST = Manifest(
    "acme", "1", API_VERSION, (PayerKind("acme", "Acme", ()),), ("ccm",), ("99490",), date(2026, 1, 1), "hash"
)


def test_a_sound_answer_has_no_problems() -> None:
    assert problems(Decision("accurate", (LINE,), (HOLD,)), FACTS, MANIFEST) == []


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (Decision("accurate"), "silence is no answer"),
        (Decision("max", (LINE,)), "asked for policy accurate"),
        (Decision("accurate", (replace(LINE, code="99999"),)), "not among the codes acme declares"),
        (Decision("accurate", (replace(LINE, units=0),)), "has 0 units"),
        (Decision("accurate", (replace(LINE, amount=Decimal(-1)),)), "has the amount -1"),
        (Decision("accurate", (replace(LINE, amount=Decimal("NaN")),)), "has the amount NaN"),
        (Decision("accurate", (replace(LINE, amount_note=""),)), "does not say why"),
        (Decision("accurate", (replace(LINE, modifiers=("25", "long")),)), "modifiers no claim can carry"),
        (Decision("accurate", (replace(LINE, entry_ids=("x",)),)), "nobody asked about: x"),
        (Decision("accurate", (replace(LINE, citations=()),)), "cites nothing"),
        (
            Decision("accurate", (replace(LINE, citations=(Citation("A", status="PROPOSED"),)),)),
            "only proposed",
        ),
        (Decision("accurate", (replace(LINE, rule_id=""),)), "names no rule"),
        (Decision("accurate", (replace(LINE, sentence=" "),)), "has no sentence"),
        (Decision("accurate", (replace(LINE, sentence="x" * 5000),)), "5000 characters"),
        (Decision("accurate", (), (replace(HOLD, code="no consent"),)), "not UPPER_SNAKE"),
        (Decision("accurate", (), (replace(HOLD, what_would_change=""),)), "what would change it"),
        (Decision("accurate", (), (replace(HOLD, next_step=""),)), "no next step"),
        (Decision("accurate", (LINE,), left_out=(LeftOut("x", 1, "A", "b", "c"),)), "nobody asked about: x"),
        (
            Decision("accurate", (LINE,), minutes=(MinutesCounted("ccm", "staff", 1, 0, ("y",)),)),
            "asked about: y",
        ),
        (
            Decision("accurate", (LINE,), alternatives=(Alternative("max", (replace(LINE, code="00000"),)),)),
            "not among the codes",
        ),
    ],
)
def test_what_must_not_be_stored_is_named(decision: Decision, said: str) -> None:
    assert any(said in problem for problem in problems(decision, FACTS, MANIFEST))


def test_a_sum_with_an_unknown_rate_is_unknown() -> None:
    priced = replace(LINE, amount=Decimal("66.13"))
    assert total([priced, priced]) == Decimal("132.26")
    assert total([priced, LINE]) is None
    assert total([]) == 0


# --- the harness ------------------------------------------------------------------------------------------------


class Acme:
    """Rules that can be made to misbehave."""

    manifest = MANIFEST

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked = 0

    def decide(self, batch: Sequence[MonthFacts]) -> list[Decision]:
        self.asked += 1
        return [self.answer(self, facts) for facts in batch]

    def owns(self, coverage: object) -> bool:
        return True

    def nothing(self, *asked: object) -> Any:
        return None

    eligibility = required_documents = counts = conflicts = fees = cost_share = nothing


def test_the_harness_accepts_sound_rules() -> None:
    rules = Acme(lambda rules, facts: Decision("accurate", (LINE,)))
    assert check_rules(rules, [FACTS]) == [Decision("accurate", (LINE,))]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda rules, facts: Decision("accurate"), "silence"),
        (
            lambda rules, facts: Decision("accurate", (replace(LINE, sentence=f"asked {rules.asked}"),)),
            "the order",
        ),
        (
            lambda rules, facts: Decision("accurate", (replace(LINE, sentence=facts.diagnoses[0].code),)),
            "the order",
        ),
    ],
)
def test_the_harness_catches(answer: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_rules(Acme(answer), [FACTS, replace(FACTS, patient="another")])


def test_a_case_file_is_collected_and_fails_where_the_answer_differs(tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    cases.mkdir()
    (cases / "a.yaml").write_text(
        "plugin: carewright_acme:RULES\n"
        "cases:\n"
        "  - {id: right, month: 2026-03, minutes: {staff: 20}, expect: {lines: {'99490': 1}}}\n"
        "  - {id: wrong, month: 2026-03, minutes: {staff: 20}, expect: {holds: [NO_CONSENT]}}\n"
        "  - {id: misspelt, month: 2026-03, minuts: {staff: 20}, expect: {}}\n"
        "  - {id: unknown-fact, month: 2026-03, facts: {patience: 1}, expect: {}}\n"
    )
    (cases / "other.yaml").write_text("cases: []\n")
    (tmp_path / "carewright_acme.py").write_text(
        "from test_decisions import LINE, Acme\n"
        "from carewright_plugin_api.decisions import Decision\n"
        "RULES = Acme(lambda rules, facts: Decision('accurate', (LINE,)))\n"
    )
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "cases",
            "-p",
            "carewright_plugin_api.testing",
            "-p",
            "no:cacheprovider",
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parent)]),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 1
    assert "3 failed, 1 passed" in run.stdout
    for said in ("lines: expected {}, got {'99490': 1}", "misspelt: unknown key minuts", "no field patience"):
        assert said in run.stdout
