"""How a plugin is found, and what the one object it registers must answer.

pluggy finds plugins through the entry point group `carewright.plugins` and is used for nothing else: the hook
below only hands over an object, and the object is then called directly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol, runtime_checkable

import pluggy

from carewright_plugin_api.decisions import (
    Conflict,
    CostShare,
    Decision,
    Fee,
    Finding,
    Line,
    RequiredDocument,
    Verdict,
)
from carewright_plugin_api.facts import Coverage, Entry, MonthFacts

PROJECT = "carewright"
ENTRY_POINTS = "carewright.plugins"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class PayerKind:
    """A payer this plugin speaks for: the key in Coverage.payer, what people call it, and the keys its products have.

    No products: the product makes no difference to these rules.
    """

    key: str
    label: str
    products: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Who is answering. codes: every code a line may carry. api_version: the API it was written against.

    oldest_review: the day its least recently reviewed value was last checked. rule_set_hash: sha256 over the
    parameters and the source of the rules; the same facts and the same hash always give the same decision.
    remembers: services (a code, or code-modifier) whose earlier claims these rules ask about beyond the month, such
    as one that is paid once; the host then tells them in `MonthFacts.billed`, however old.
    labels: code -> what this plugin calls it in its own words, never its owner's descriptor, for forms that name a
    code before any month came to it.
    """

    name: str
    version: str
    api_version: str
    payers: tuple[PayerKind, ...]
    programs: tuple[str, ...]
    codes: tuple[str, ...]
    oldest_review: date
    rule_set_hash: str
    remembers: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class PayerRules(Protocol):
    """One payer family's rules. Pure: the same question always gets the same answer, and nothing is remembered."""

    @property
    def manifest(self) -> Manifest:
        """Name, versions, payers, codes, review date and hash."""

    def owns(self, coverage: Coverage) -> bool:
        """Whether this plugin decides for that coverage. At most one plugin may say yes."""

    def eligibility(self, batch: Sequence[MonthFacts]) -> list[tuple[Finding, ...]]:
        """Per patient-month, in order: what stands in the way before any minute is counted."""

    def required_documents(self, program: str, on: date) -> tuple[RequiredDocument, ...]:
        """What must be on file for a program on a day; empty for a program of somebody else."""

    def counts(self, entry: Entry, on: date) -> Verdict:
        """Whether that kind of work, by that kind of person, counts toward its program on a day."""

    def decide(self, batch: Sequence[MonthFacts]) -> list[Decision]:
        """One decision per patient-month, in order. Never raises for facts that merely do not qualify: it holds."""

    def conflicts(self, code: str, on: date) -> tuple[Conflict, ...]:
        """What may not be paid together with that code on a day."""

    def fees(self, code: str, facts: MonthFacts, on: date) -> Fee | None:
        """The amount of one unit on a day for this practitioner and place, or None where no rate is held."""

    def cost_share(self, lines: Sequence[Line], facts: MonthFacts) -> CostShare:
        """What the patient may owe for these lines."""


class Hooks:
    """The hooks Carewright calls. One so far; it runs once, at start."""

    @hookspec
    def carewright_payer_rules(self) -> PayerRules:
        """Return the object that decides for your payers."""
        raise NotImplementedError("a specification: what is called is each plugin's own")
