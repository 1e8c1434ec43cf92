"""A plugin's rule book: its dated values, and the shapes every rule answers in."""

from collections.abc import Iterable, Sequence
from datetime import date

from carewright_plugin_api.decisions import Citation, FactUsed, Finding, Hold, Severity, Verdict
from carewright_plugin_api.effective import Dated, Parameters


class Book(Parameters):
    """Parameters that know whose they are. prefix: the payer, in rule ids. program: the one these rules decide."""

    def __init__(self, rows: Iterable[Dated], prefix: str = "", program: str = "") -> None:
        super().__init__(rows)
        self.prefix = prefix
        self.program = program

    @classmethod
    def of(cls, package: str, prefix: str, program: str) -> "Book":
        """Every `parameters/*.yaml` of an installed package. ValueError names what is malformed."""
        return cls(cls.rows_of(package), prefix, program)

    def rule_id(self, row: Dated) -> str:
        """The id of a rule is the name of the value it rests on."""
        return f"{self.prefix}.{row.parameter}"

    def hold(
        self,
        code: str,
        row: Dated,
        sentence: str,
        next_step: str,
        change: str,
        *facts: FactUsed,
        mendable: bool = True,
        asserts: str = "",
    ) -> Hold:
        """mendable: a person can do something about it. asserts: a person may accept it, and then asserts this."""
        rule_id, sources = self.rule_id(row), cited(row)
        return Hold(
            code,
            self.program,
            sentence,
            next_step,
            rule_id,
            sources,
            change,
            facts,
            mendable,
            bool(asserts),
            asserts,
        )

    def finding(
        self, code: str, severity: Severity, row: Dated, sentence: str, next_step: str, *facts: FactUsed
    ) -> Finding:
        return Finding(
            code, severity, self.program, sentence, next_step, self.rule_id(row), cited(row), facts
        )

    def no(self, code: str, row: Dated, sentence: str) -> Verdict:
        """Time that does not count."""
        return Verdict(False, code, sentence, self.rule_id(row), cited(row))


def cited(*rows: Dated) -> tuple[Citation, ...]:
    """The sources of the rows, each once."""
    return tuple(dict.fromkeys(row.citation for row in rows))


def used(**named: object) -> tuple[FactUsed, ...]:
    """Facts as the reader sees them: used(staff_minutes=21) is ("staff minutes", "21")."""
    return tuple(FactUsed(name.replace("_", " "), str(value)) for name, value in named.items())


def spelled(day: date) -> str:
    """31 March 2026"""
    return f"{day.day} {day:%B %Y}"


def listed(words: Sequence[str]) -> str:
    """a, b and c"""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))


def counted(number: int, word: str) -> str:
    """1 minute, 2 minutes"""
    return f"{number} {word}{'' if number == 1 else 's'}"
