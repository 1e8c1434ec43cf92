"""The dated values of this plugin, read once, and the few shapes every rule answers in."""

from collections.abc import Sequence
from datetime import date

from carewright_plugin_api.decisions import Citation, FactUsed, Hold
from carewright_plugin_api.effective import Dated, Parameters

PROGRAM = "ccm"
BOOK = Parameters.of_package("billing_medicare")


def rule_id(row: Dated) -> str:
    """The id of a rule is the name of the value it rests on."""
    return f"medicare.{row.parameter}"


def cited(*rows: Dated) -> tuple[Citation, ...]:
    """The sources of the rows, each once."""
    return tuple(dict.fromkeys(row.citation for row in rows))


def used(**named: object) -> tuple[FactUsed, ...]:
    """Facts as the reader sees them: used(staff_minutes=21) is ("staff minutes", "21")."""
    return tuple(FactUsed(name.replace("_", " "), str(value)) for name, value in named.items())


def hold(code: str, row: Dated, sentence: str, next_step: str, change: str, *facts: FactUsed) -> Hold:
    return Hold(code, PROGRAM, sentence, next_step, rule_id(row), cited(row), change, facts)


def spelled(day: date) -> str:
    """31 March 2026"""
    return f"{day.day} {day:%B %Y}"


def listed(words: Sequence[str]) -> str:
    """a, b and c"""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))
