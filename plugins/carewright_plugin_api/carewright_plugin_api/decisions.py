"""What a payer's rules answer: lines, holds and findings, each with its reason and its source.

A stored decision is read again years later, so it must stand alone: every item names the rule, says a sentence a
biller can read aloud, the facts it used, where the rule is written, and what would change it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from carewright_plugin_api import canonical
from carewright_plugin_api.facts import MonthFacts, Policy

if TYPE_CHECKING:
    from carewright_plugin_api.hooks import Manifest

Status = Literal["FINAL", "PROPOSED"]
Severity = Literal["info", "review"]
Basis = Literal["published", "general_knowledge", "uncertain", "our_policy"]

_CODE = re.compile(r"[A-Z0-9]{5}")
_MODIFIER = re.compile(r"[A-Z0-9]{2}")
_REASON = re.compile(r"[A-Z][A-Z0-9_]{1,63}")
_LONGEST_SENTENCE = 2000
_MOST_POINTERS = 4


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a rule or a number is written. where: a page or file; status: PROPOSED rules are never billed on.

    basis: how well it stands. `published` was read in a published text; the other three say plainly that it was not.
    """

    title: str
    section: str = ""
    where: str = ""
    status: Status = "FINAL"
    reviewed_on: date | None = None
    basis: Basis = "published"


@dataclass(frozen=True, slots=True)
class FactUsed:
    """One fact an item rests on, as the reader should see it: ("staff minutes", "21")."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a claim. amount: dollars for all units (None where the plugin has no rate; amount_note says why).

    label: what we call the code, in our own words. entry_ids: the ledger entries whose time the line rests on.
    rests_on: the code of the line without which this one may not stand, if there is one.

    What the claim that carries the line must then show. needs_diagnoses: how many ICD-10 codes the line must point
    to, at least. diagnoses: the codes it rests on, the weightiest first; empty leaves the choice to the house.
    units_at_most: what the payer's edits let one line ask for. The line of `rests_on` must stand beside it for the
    same day.
    """

    code: str
    units: int
    date_of_service: date
    program: str
    rule_id: str
    sentence: str
    citations: tuple[Citation, ...]
    what_would_change: str
    label: str = ""
    modifiers: tuple[str, ...] = ()
    amount: Decimal | None = None
    amount_note: str = ""
    entry_ids: tuple[str, ...] = ()
    facts_used: tuple[FactUsed, ...] = ()
    needs_diagnoses: int = 0
    diagnoses: tuple[str, ...] = ()
    units_at_most: int | None = None
    rests_on: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nothing is billed. code: stable, UPPER_SNAKE. next_step: what a person can do, or that nothing is to be done.

    mendable: whether a person can do something about it, so that it waits for somebody; False where it is settled.
    may_accept: whether the rule lets a person say, with a written reason, that it does not stand in the way this
    month; asserts: what they then assert, as a sentence. Never for minutes, dates, consent or coverage.
    """

    code: str
    program: str
    sentence: str
    next_step: str
    rule_id: str
    citations: tuple[Citation, ...]
    what_would_change: str
    facts_used: tuple[FactUsed, ...] = ()
    mendable: bool = True
    may_accept: bool = False
    asserts: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the biller should know that stops nothing. review: look before sending."""

    code: str
    severity: Severity
    program: str
    sentence: str
    next_step: str
    rule_id: str
    citations: tuple[Citation, ...] = ()
    facts_used: tuple[FactUsed, ...] = ()


@dataclass(frozen=True, slots=True)
class MinutesCounted:
    """Whole minutes after every rule about counting, floored once. who: staff, practitioner, or both together."""

    program: str
    who: str
    seconds: int
    minutes: int
    entry_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Time that does not count, and why. One entry may be left out in part, and for more than one reason."""

    entry_id: str
    seconds: int
    code: str
    sentence: str
    rule_id: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """What the same facts would give under another policy, where that differs.

    amount: dollars of all its lines, None if one has no rate.
    """

    policy: Policy
    lines: tuple[Line, ...]
    holds: tuple[Hold, ...] = ()
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for one MonthFacts. Lines and holds may stand together: one program billable, another not."""

    policy: Policy
    lines: tuple[Line, ...] = ()
    holds: tuple[Hold, ...] = ()
    findings: tuple[Finding, ...] = ()
    minutes: tuple[MinutesCounted, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    alternatives: tuple[Alternative, ...] = ()

    def to_json(self) -> str:
        return canonical.dumps(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Decision":
        """Raises `canonical.NotCanonical`: unknown keys, floats, NaN and wrong shapes are all refused."""
        return canonical.loads(cls, text)


@dataclass(frozen=True, slots=True)
class RequiredDocument:
    """Something a program needs on file. element: the key an Attestation or the facts answer to."""

    element: str
    label: str
    sentence: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an activity counts toward its program at all; code and sentence say why not."""

    counts: bool
    code: str
    sentence: str
    rule_id: str
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """Codes that may not be paid together. scope: whose; period: over what."""

    rule_id: str
    codes: tuple[str, ...]
    with_codes: tuple[str, ...]
    scope: Literal["same_practitioner", "same_group", "any_practitioner"]
    period: str
    hold_code: str
    sentence: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Fee:
    """Dollars for one unit, and where the number stands."""

    code: str
    amount: Decimal
    basis: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class CostShare:
    """What the patient may owe, in dollars; low and high differ while the deductible is unknown. None: not known."""

    low: Decimal | None
    high: Decimal | None
    sentence: str
    citations: tuple[Citation, ...]


def problems(decision: Decision, facts: MonthFacts, manifest: "Manifest") -> list[str]:
    """What a host must refuse in an answer, as sentences; empty if it may be stored.

    Catches what the types cannot: a code the plugin never declared, an entry that was not in the question,
    money below zero, an item without a reason or a source, another policy than the one asked for.
    """
    found: list[str] = []
    if decision.policy != facts.policy:
        found.append(f"asked for policy {facts.policy}, answered for {decision.policy}")
    if not decision.lines and not decision.holds:
        found.append("neither a line nor a hold: silence is no answer")
    for lines, holds in [
        (decision.lines, decision.holds),
        *((a.lines, a.holds) for a in decision.alternatives),
    ]:
        for line in lines:
            found += _line_problems(line, facts, manifest)
        for hold in holds:
            found += _item_problems("hold", hold.code, hold)
            if not hold.next_step.strip():
                found.append(f"hold {hold.code} has no next step")
            if hold.may_accept and not hold.asserts.strip():
                found.append(f"hold {hold.code} may be accepted and does not say what is then asserted")
            if facts.accepts(hold.code) and hold.may_accept:
                found.append(f"hold {hold.code} may be accepted, was accepted, and is still there")
    for finding in decision.findings:
        if not _REASON.fullmatch(finding.code):
            found.append(f"finding {finding.code!r} is not UPPER_SNAKE")
        found += _sentence_problems(f"finding {finding.code}", finding.sentence)
    known = {entry.id for entry in facts.entries}
    strange = sorted({out.entry_id for out in decision.left_out} - known)
    strange += sorted({used for counted in decision.minutes for used in counted.entry_ids} - known)
    if strange:
        found.append(f"counts entries nobody asked about: {', '.join(strange[:3])}")
    return found


def _line_problems(line: Line, facts: MonthFacts, manifest: "Manifest") -> list[str]:
    found = _item_problems("line", line.code, line)
    if not _CODE.fullmatch(line.code) or line.code not in manifest.codes:
        found.append(f"line {line.code!r} is not among the codes {manifest.name} declares")
    if line.units < 1:
        found.append(f"line {line.code} has {line.units} units")
    if line.amount is not None and (not line.amount.is_finite() or line.amount < 0):
        found.append(f"line {line.code} has the amount {line.amount}")
    if line.amount is None and not line.amount_note.strip():
        found.append(f"line {line.code} has no amount and does not say why")
    if len(line.modifiers) > 4 or not all(_MODIFIER.fullmatch(modifier) for modifier in line.modifiers):
        found.append(f"line {line.code} has modifiers no claim can carry: {', '.join(line.modifiers)}")
    if line.units_at_most is not None and line.units > line.units_at_most:
        found.append(
            f"line {line.code} has {line.units} units and says itself that {line.units_at_most} are the most"
        )
    if not 0 <= line.needs_diagnoses <= _MOST_POINTERS:
        found.append(f"line {line.code} asks to point to {line.needs_diagnoses} diagnoses; a line holds four")
    unknown = sorted(set(line.diagnoses) - {diagnosis.code.upper() for diagnosis in facts.diagnoses})
    if unknown:
        found.append(f"line {line.code} rests on diagnoses nobody chose: {', '.join(unknown[:3])}")
    strange = sorted(set(line.entry_ids) - {entry.id for entry in facts.entries})
    if strange:
        found.append(f"line {line.code} rests on entries nobody asked about: {', '.join(strange[:3])}")
    return found


def _item_problems(kind: str, code: str, item: Line | Hold) -> list[str]:
    found = _sentence_problems(f"{kind} {code}", item.sentence)
    if isinstance(item, Hold) and not _REASON.fullmatch(code):
        found.append(f"hold {code!r} is not UPPER_SNAKE")
    if not item.rule_id.strip():
        found.append(f"{kind} {code} names no rule")
    if not item.what_would_change.strip():
        found.append(f"{kind} {code} does not say what would change it")
    if not item.citations:
        found.append(f"{kind} {code} cites nothing")
    if kind == "line" and any(citation.status != "FINAL" for citation in item.citations):
        found.append(f"{kind} {code} rests on a rule that is only proposed")
    return found


def _sentence_problems(what: str, sentence: str) -> list[str]:
    if not sentence.strip():
        return [f"{what} has no sentence"]
    if len(sentence) > _LONGEST_SENTENCE:
        return [f"{what} has a sentence of {len(sentence)} characters"]
    return []


def total(lines: Sequence[Line]) -> Decimal | None:
    """Dollars of all lines, or None if one of them has no rate."""
    amounts = [line.amount for line in lines]
    return None if any(amount is None for amount in amounts) else sum(filter(None, amounts), Decimal(0))


def as_finding(hold: Hold) -> Finding:
    """The same reason as something to look at, for use before the month is over."""
    return Finding(
        hold.code,
        "review",
        hold.program,
        hold.sentence,
        hold.next_step,
        hold.rule_id,
        hold.citations,
        hold.facts_used,
    )
