"""`carewright cases FILE...`: golden billing cases, run against the installed plugins.

The form of a case belongs to the files, not to the rules: this adapter turns each case into the facts a plugin is
asked about, and compares. What cannot be decided yet is said and counted as failed, never passed over.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

import yaml
from carewright_plugin_api.decisions import Decision, problems
from carewright_plugin_api.facts import Policy
from carewright_plugin_api.testing import units_of

from server.cases.form import BadCase, NotYet, checked, day_of, facts_of, owner_of, whole

_POLICIES: Final[tuple[Policy, ...]] = get_args(Policy)


@dataclass(slots=True)
class Report:
    """What a run found. lines: what was said, in order."""

    passed: int = 0
    failed: int = 0
    mismatches: list[dict[str, Any]] = field(default_factory=list)
    not_yet: list[dict[str, str]] = field(default_factory=list)
    malformed: list[dict[str, str]] = field(default_factory=list)
    manual: list[dict[str, str]] = field(default_factory=list)


def run(paths: Iterable[Path], as_json: bool = False) -> int:
    """Run every case of every file, print what was found, and return the exit code: 0 only if none failed."""
    report = Report()
    for path in paths:
        for case in _cases_of(path, report):
            _run_case(case, report)
    if as_json:
        _say(json.dumps({name: getattr(report, name) for name in report.__slots__}, indent=2))
    else:
        _print(report)
    return 1 if report.failed else 0


def _cases_of(path: Path, report: Report) -> list[Any]:
    try:
        book = yaml.safe_load(path.read_text("utf-8"))
        if not isinstance(book, dict) or set(book) != {"cases"} or not isinstance(book["cases"], list):
            raise BadCase("a file holds one key, cases, with a list")
    except (OSError, UnicodeDecodeError, yaml.YAMLError, BadCase) as error:
        report.failed += 1
        report.malformed.append({"id": path.name, "error": str(error)})
        return []
    return list(book["cases"])


def _run_case(case: Any, report: Report) -> None:
    name = str(case.get("id", "?")) if isinstance(case, dict) else "?"
    try:
        case = checked(case)
        if case.get("manual"):
            said = case["expect"].get("note", "")
            report.manual.append({"id": name, "title": str(case.get("title", "")), "note": str(said)})
            return
        found = [_mismatch(case, policy) for policy in _POLICIES]
    except NotYet as error:
        report.failed += 1
        report.not_yet.append({"id": name, "kind": str(case.get("kind", "ccm")), "why": str(error)})
        return
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        # Whatever shape a hand-written case has, it is the case that fails, by name, and the others still run.
        told = (
            str(error)
            if isinstance(error, ValueError)
            else f"cannot be read ({type(error).__name__}: {error})"
        )
        report.failed += 1
        report.malformed.append({"id": name, "error": told})
        return
    report.mismatches += [one for one in found if one is not None]
    if any(found):
        report.failed += 1
    else:
        report.passed += 1


def _mismatch(case: Mapping[str, Any], policy: Policy) -> dict[str, Any] | None:
    """How the answer under a policy differs from what the case expects, or None."""
    expect = case["expect_max"] if policy == "max" and "expect_max" in case else case["expect"]
    wanted = {str(code): whole(units) for code, units in (expect["lines"] or {}).items()}
    owner = owner_of(case["kind"])
    facts = facts_of(case, owner, policy)
    unknown = sorted({code.partition("-")[0] for code in wanted} - set(owner.rules.manifest.codes))
    if unknown:
        raise NotYet(f"the installed rules do not hold {', '.join(unknown)}")
    try:
        (decision,) = owner.rules.decide([facts])
    except Exception as error:
        raise BadCase(f"the rules raised {type(error).__name__}: {error}") from error
    wrong = problems(decision, facts, owner.rules.manifest)
    if not wrong:
        wrong = _differences(decision, expect, wanted)
    if not wrong:
        return None
    got = units_of(decision.lines)
    return {
        "id": str(case["id"]),
        "title": str(case.get("title", "")),
        "policy": policy,
        "expected": _shown(wanted) + (f" ({expect['reason']})" if expect.get("reason") else ""),
        "got": _shown(got) + "".join(f" ({hold.code})" for hold in decision.holds),
        "what": wrong,
        "reasons": [*(hold.sentence for hold in decision.holds), *(line.sentence for line in decision.lines)],
    }


def _differences(decision: Decision, expect: Mapping[str, Any], wanted: Mapping[str, int]) -> list[str]:
    found = []
    if units_of(decision.lines) != wanted:
        found.append("other lines")
    if expect.get("reason") and expect["reason"] not in {hold.code for hold in decision.holds}:
        found.append(f"the reason {expect['reason']} was not given")
    days = {line.date_of_service for line in decision.lines}
    if expect.get("dos") and days != {day_of(expect["dos"])}:
        found.append(f"date of service {', '.join(map(str, sorted(days))) or 'none'}, not {expect['dos']}")
    return found


def _shown(lines: Mapping[str, int]) -> str:
    return ", ".join(f"{code} x {units}" for code, units in sorted(lines.items())) or "nothing"


def _print(report: Report) -> None:
    for one in report.mismatches:
        _say(
            f"{one['id']} ({one['policy']}): expected {one['expected']}; got {one['got']}: {'; '.join(one['what'])}"
        )
        for reason in one["reasons"]:
            _say(f"    {reason}")
    for bad in report.malformed:
        _say(f"{bad['id']}: {bad['error']}")
    for later in report.not_yet:
        _say(f"not yet: {later['id']} ({later['kind']}): {later['why']}")
    for manual in report.manual:
        _say(f"manual: {manual['id']}: {manual['title']}: {manual['note']}")
    _say(f"{report.passed} passed, {report.failed} failed")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
