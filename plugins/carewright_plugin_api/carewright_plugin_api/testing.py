"""Trying rules without a server: `check_rules` for a batch of months, and a pytest plugin for case files.

Any `cases/*.yaml` beside your tests that names a plugin is collected by pytest, one test per case:

    plugin: payer_acme.plugin:RULES
    typical: {payer: acme, program: ccm}          # arguments of examples.typical_month
    cases:
      - id: nineteen-minutes
        title: one minute below the rule
        month: 2026-03
        minutes: {staff: 19}                      # whole minutes by role
        entries:                                  # or entries, on the practice's own clock
          - {id: call, start: 2026-03-02T09:00, end: 2026-03-02T09:12}
        facts: {died_on: 2026-03-20}              # fields of MonthFacts, in their JSON form
        expect:
          lines: {}                               # {code, or code-modifier: units over all lines}
          holds: [BELOW_20]                       # exactly these
          date_of_service: 2026-03-20             # the rest only where it matters
          amount: '66.13'
          left_out: {call: BEFORE_CONSENT}
          findings: [FIRST_MONTH]                 # these among them
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date, datetime
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carewright_plugin_api import API_VERSION, canonical
from carewright_plugin_api.decisions import Decision, Line, problems, total
from carewright_plugin_api.effective import load_yaml
from carewright_plugin_api.examples import entry, spent, typical_month
from carewright_plugin_api.facts import MonthFacts
from carewright_plugin_api.hooks import PayerRules

if TYPE_CHECKING:
    import pytest

_FILE = {"plugin", "typical", "cases"}
_CASE = {"id", "title", "month", "policy", "minutes", "entries", "facts", "expect"}
_EXPECT = {"lines", "holds", "date_of_service", "amount", "left_out", "findings"}


def check_rules(rules: PayerRules, batch: Sequence[MonthFacts]) -> list[Decision]:
    """Ask about a batch and assert what every host relies on; returns the decisions, in order.

    One storable answer per question; the same again, alone, in another batch order, and with the facts in another
    order; JSON there and back.
    """
    _must(isinstance(rules, PayerRules), "the object does not answer everything PayerRules names")
    _must(rules.manifest.api_version.split(".")[0] == API_VERSION.split(".")[0], "written for another API")
    decisions = rules.decide(batch)
    _must(len(decisions) == len(batch), f"{len(batch)} questions, {len(decisions)} answers")
    backwards = rules.decide([_turned(facts) for facts in reversed(batch)])[::-1]
    for facts, decision, turned in zip(batch, decisions, backwards, strict=True):
        found = problems(decision, facts, rules.manifest)
        _must(not found, "; ".join(found))
        _must(Decision.from_json(decision.to_json()) == decision, "the decision does not survive JSON")
        _must(MonthFacts.from_json(facts.to_json()) == facts, "the facts do not survive JSON")
        _must(turned == decision, "the answer depends on the order in which facts or months come")
        _must(facts.fingerprint() == _turned(facts).fingerprint(), "the fingerprint depends on order")
        _must(rules.decide([facts]) == [decision], "the answer depends on the company it was asked in")
    return decisions


def differences(case: Mapping[str, Any], book: Mapping[str, Any]) -> list[str]:
    """How the answer to one case of a file differs from what it expects, as sentences. ValueError: malformed."""
    rules = _rules(str(book["plugin"]))
    facts = month_of(case, book.get("typical") or {})
    (decision,) = check_rules(rules, [facts])
    expect = case["expect"]
    _known(expect, _EXPECT, "expect")
    got: dict[str, Any] = {
        "lines": units_of(decision.lines),
        "holds": sorted(hold.code for hold in decision.holds),
        "date_of_service": sorted({line.date_of_service for line in decision.lines}),
        "amount": str(total(decision.lines)),
        "left_out": {out.entry_id: out.code for out in decision.left_out},
        "findings": sorted({finding.code for finding in decision.findings} & set(expect.get("findings", ()))),
    }
    wanted = {"lines": {}, "holds": [], **expect}
    wanted["lines"] = {str(code): units for code, units in wanted["lines"].items()}
    wanted["holds"] = sorted(wanted["holds"])
    if "findings" in wanted:
        wanted["findings"] = sorted(wanted["findings"])
    if "date_of_service" in wanted:
        wanted["date_of_service"] = [wanted["date_of_service"]]
    found = [f"{key}: expected {held}, got {got[key]}" for key, held in wanted.items() if got[key] != held]
    return [*found, *(hold.sentence for hold in decision.holds)] if found else []


def answers_digest(path: Path, times: int = 1) -> str:
    """sha256 over the answers to every case of a file, asked `times` times; it is the same in every process."""
    book = load_yaml(path.read_text("utf-8"))
    months = [month_of(case, book.get("typical") or {}) for case in book["cases"]]
    rules = _rules(str(book["plugin"]))
    answers = {"\n".join(answer.to_json() for answer in rules.decide(months)) for _ in range(times)}
    _must(len(answers) == 1, f"{path.name}: asked again, the rules say something else")
    return sha256(answers.pop().encode()).hexdigest()


def units_of(lines: Iterable[Line]) -> dict[str, int]:
    """{code, or code-modifier: units}, added up over all lines."""
    found: dict[str, int] = {}
    for line in lines:
        name = "-".join((line.code, *line.modifiers))
        found[name] = found.get(name, 0) + line.units
    return found


def month_of(case: Mapping[str, Any], typical: Mapping[str, Any]) -> MonthFacts:
    """The facts a case of a file stands for. ValueError names a key that has no meaning here."""
    _known(case, _CASE, str(case.get("id", "a case")))
    facts = typical_month(str(case["month"]), **typical)
    program, zone = facts.enrollments[0].program, facts.zone
    entries = [
        one
        for role, minutes in (case.get("minutes") or {}).items()
        for one in spent(minutes, facts.month, role=role, program=program, zone=zone)
    ]
    for told in case.get("entries") or ():
        details = {"program": program, **{key: _plain(held) for key, held in told.items()}}
        name, start, end = (details.pop(key) for key in ("id", "start", "end"))
        for key in ("trained_on", "first_billed_on"):
            if key in details:
                details[key] = date.fromisoformat(details[key])
        entries.append(entry(name, start, end, zone=zone, **details))
    facts = replace(facts, entries=tuple(entries), policy=case.get("policy", facts.policy))
    told_facts = _plain(case.get("facts") or {})
    return canonical.from_data(MonthFacts, {**canonical.to_data(facts), **told_facts})


def _turned(facts: MonthFacts) -> MonthFacts:
    """The same facts with every set of them the other way round."""
    sets = {
        f.name: getattr(facts, f.name) for f in fields(facts) if isinstance(getattr(facts, f.name), tuple)
    }
    return replace(facts, **{name: held[::-1] for name, held in sets.items()})


def _rules(path: str) -> PayerRules:
    module, _, name = path.partition(":")
    rules: PayerRules = getattr(import_module(module), name)
    return rules


def _plain(value: Any) -> Any:
    """YAML's own dates and times back to the text they were written as."""
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    return value


def _known(held: Mapping[str, Any], allowed: set[str], where: str) -> None:
    unknown = sorted(set(held) - allowed)
    if unknown:
        raise ValueError(f"{where}: unknown key {', '.join(unknown)}")


def _must(truth: bool, sentence: str) -> None:
    if not truth:
        raise AssertionError(sentence)


# --- pytest -----------------------------------------------------------------------------------------------------


def pytest_collect_file(file_path: Path, parent: "pytest.Collector") -> "pytest.Collector | None":
    """Every cases/*.yaml that names a plugin. pytest is imported only here, so that rules never need it."""
    if file_path.suffix != ".yaml" or file_path.parent.name != "cases":
        return None
    book = load_yaml(file_path.read_text("utf-8"))
    if not isinstance(book, dict) or "plugin" not in book:
        return None
    import pytest

    class CaseItem(pytest.Item):
        def __init__(self, *, case: Mapping[str, Any], **held: Any) -> None:
            super().__init__(**held)
            self.case = case

        def runtest(self) -> None:
            found = differences(self.case, book)
            if found:
                raise AssertionError("\n".join([str(self.case.get("title", "")), *found]))

        def repr_failure(self, excinfo: Any, style: Any = None) -> str:
            if isinstance(excinfo.value, (AssertionError, ValueError)):
                return str(excinfo.value)
            return str(super().repr_failure(excinfo, style))

        def reportinfo(self) -> tuple[Path, None, str]:
            return file_path, None, f"{file_path.name}: {self.name}"

    class CaseFile(pytest.File):
        def collect(self) -> Iterator[pytest.Item]:
            _known(book, _FILE, file_path.name)
            names = [str(case["id"]) for case in book["cases"]]
            if len(set(names)) != len(names):
                raise ValueError(f"{file_path.name}: two cases have the same id")
            for case in book["cases"]:
                yield CaseItem.from_parent(self, name=str(case["id"]), case=case)

    collector: pytest.Collector = CaseFile.from_parent(parent, path=file_path)
    return collector
