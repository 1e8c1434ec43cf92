"""Medicare Part B: the object that decides, and the hook that hands it over."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from carewright_plugin_api import API_VERSION
from carewright_plugin_api.book import cited, used
from carewright_plugin_api.counting import of_other_programs
from carewright_plugin_api.decisions import (
    Alternative,
    Conflict,
    CostShare,
    Decision,
    Fee,
    Finding,
    Hold,
    Line,
    RequiredDocument,
    Verdict,
    as_finding,
    total,
)
from carewright_plugin_api.effective import OnlyProposed, ParameterError, rule_set_hash
from carewright_plugin_api.facts import Coverage, Entry, MonthFacts, Policy
from carewright_plugin_api.hooks import Manifest, PayerKind, hookimpl

from billing_medicare.rules import ccm, countable, exclusions, money, prerequisites
from billing_medicare.rules.book import BOOK, PART_B, PROGRAM
from billing_medicare.rules.plan_addon import plan_addon
from billing_medicare.rules.standing import standing_of

_PROGRAMS = "medicare.programs"


class MedicareRules:
    """Chronic care management under Part B, 2015 on."""

    def __init__(self) -> None:
        self._manifest = Manifest(
            name="billing_medicare",
            version="1.0.0",
            api_version=API_VERSION,
            payers=(PayerKind(PART_B, "Medicare Part B", ()),),
            programs=(PROGRAM,),
            codes=tuple(name.removeprefix("code.") for name in BOOK.names("code.")),
            oldest_review=BOOK.oldest_review,
            rule_set_hash=rule_set_hash("billing_medicare"),
            labels={
                name.removeprefix("code."): BOOK.history(name)[-1].table["label"]
                for name in BOOK.names("code.")
            },
            remembers=tuple(sorted({row.table["addon"] for row in BOOK.history("ladder.ccm_plan")})),
        )

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    def owns(self, coverage: Coverage) -> bool:
        return coverage.payer == PART_B and not coverage.replaces_part_b

    def eligibility(self, batch: Sequence[MonthFacts]) -> list[tuple[Finding, ...]]:
        return [_eligibility(facts) for facts in batch]

    def required_documents(self, program: str, on: date) -> tuple[RequiredDocument, ...]:
        return prerequisites.documents(on) if program == PROGRAM else ()

    def counts(self, entry: Entry, on: date) -> Verdict:
        if entry.program != PROGRAM:
            return Verdict(
                False, "OTHER_PROGRAM", f"These rules hold nothing for {entry.program}.", _PROGRAMS
            )
        return countable.verdict(entry, on)

    def decide(self, batch: Sequence[MonthFacts]) -> list[Decision]:
        return [_decide(facts) for facts in batch]

    def conflicts(self, code: str, on: date) -> tuple[Conflict, ...]:
        return exclusions.conflicts(code, on) if code in self._manifest.codes else ()

    def fees(self, code: str, facts: MonthFacts, on: date) -> Fee | None:
        return money.fee(code, facts, on)

    def cost_share(self, lines: Sequence[Line], facts: MonthFacts) -> CostShare:
        return money.cost_share(lines, facts)


def _decide(facts: MonthFacts) -> Decision:
    strangers = _other_programs(facts)
    theirs = of_other_programs(facts, (PROGRAM,), _PROGRAMS)
    try:
        BOOK.on("ladder.ccm_staff", facts.last_day)
        if not _concerns_us(facts):
            return Decision(facts.policy, holds=strangers or (_nothing_asked(facts),), left_out=theirs)
        decision = _decide_ccm(facts, strangers)
    except ParameterError as error:
        return Decision(facts.policy, holds=(_not_decidable(facts, error), *strangers), left_out=theirs)
    return replace(decision, left_out=(*decision.left_out, *theirs))


def _decide_ccm(facts: MonthFacts, strangers: tuple[Hold, ...]) -> Decision:
    standing = standing_of(facts)
    counted = countable.counted_time(facts, standing)
    tallies = countable.tallies_of(counted, facts)
    nobody_pays = prerequisites.payable_at_all(facts)
    holds = (*nobody_pays, *prerequisites.program_in_order(facts, standing), *exclusions.exclusions(facts))
    addon, findings = ((), ()) if nobody_pays else plan_addon(facts)
    found = ccm.candidates(facts, standing, tallies)
    if not found and standing.consents:
        holds = (*holds, ccm.below(facts, tallies))
    picked = () if holds else ccm.chosen(facts.policy, facts, tallies, found)
    other: Policy = "max" if facts.policy == "accurate" else "accurate"
    otherwise = () if holds else ccm.chosen(other, facts, tallies, found)
    if picked:
        findings = (
            *findings,
            *ccm.pays_differently(facts, picked, other, otherwise),
            *prerequisites.worth_a_look(facts),
            *exclusions.accepted(facts),
        )
    return Decision(
        facts.policy,
        lines=(*addon, *picked),
        holds=(*holds, *strangers),
        findings=findings,
        minutes=(
            counted.minutes_of("staff", tallies.staff),
            counted.minutes_of("practitioner", tallies.practitioner),
            counted.minutes_of("together", tallies.together),
        ),
        left_out=counted.left_out,
        alternatives=()
        if otherwise == picked
        else (Alternative(other, (*addon, *otherwise), (), total((*addon, *otherwise))),),
    )


def _eligibility(facts: MonthFacts) -> tuple[Finding, ...]:
    try:
        BOOK.on("ladder.ccm_staff", facts.last_day)
        standing = standing_of(facts)
        holds = (
            *prerequisites.payable_at_all(facts),
            *prerequisites.program_in_order(facts, standing),
            *exclusions.exclusions(facts),
        )
    except ParameterError as error:
        holds = (_not_decidable(facts, error),)
    return tuple(as_finding(hold) for hold in holds)


def _concerns_us(facts: MonthFacts) -> bool:
    """Whether anything at all speaks of the program we hold rules for."""
    return (
        any(entry.program == PROGRAM for entry in facts.entries)
        or any(enrollment.program == PROGRAM for enrollment in facts.enrollments)
        or any(consent.program == PROGRAM for consent in facts.consents)
        or any(visit.initiating_for == PROGRAM for visit in facts.visits)
    )


def _other_programs(facts: MonthFacts) -> tuple[Hold, ...]:
    """Time logged for a program these rules hold nothing for: somebody has to look, because silence would lose it."""
    strange = sorted({entry.program for entry in facts.entries} - {PROGRAM})
    row = BOOK.history("ladder.ccm_staff")[0]
    return tuple(
        Hold(
            "PROGRAM_NOT_HELD",
            program,
            f"Time was logged for the program {program}, for which these Medicare rules hold nothing.",
            "Look at it by hand: bill it elsewhere, or correct the program of the entries.",
            BOOK.rule_id(row),
            cited(row),
            "Rules for that program, or entries under another one.",
            used(program=program),
        )
        for program in strange
    )


def _nothing_asked(facts: MonthFacts) -> Hold:
    row = BOOK.on("ladder.ccm_staff", facts.last_day)
    return Hold(
        "NOTHING_TO_BILL",
        PROGRAM,
        f"Nothing of this patient in {facts.first_day:%B %Y} speaks of chronic care management.",
        "Nothing is to be done.",
        BOOK.rule_id(row),
        cited(row),
        "An enrollment, a consent or time logged for the program.",
        mendable=False,
    )


def _not_decidable(facts: MonthFacts, error: ParameterError) -> Hold:
    """The rules of that month are not known, or not yet law: nothing is guessed."""
    rows = BOOK.history(error.parameter)
    proposed = isinstance(error, OnlyProposed)
    row = next((held for held in rows if error.on is not None and held.covers(error.on)), rows[0])
    change = (
        "The final rule, entered as a dated value." if proposed else "A dated value that covers the month."
    )
    return Hold(
        "RULES_ONLY_PROPOSED" if proposed else "OUTSIDE_RULE_HISTORY",
        PROGRAM,
        f"For {facts.first_day:%B %Y} there is no rule to bill by: {error}.",
        "Wait for the final rule." if proposed else "Look at it by hand.",
        f"medicare.{error.parameter}",
        cited(row),
        change,
        used(parameter=error.parameter, on=error.on),
    )


RULES = MedicareRules()


@hookimpl
def carewright_payer_rules() -> MedicareRules:
    return RULES
