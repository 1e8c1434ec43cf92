"""Blue Cross Blue Shield of Michigan: the object that decides, and the hook that hands it over."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from carewright_plugin_api import API_VERSION
from carewright_plugin_api.book import cited, used
from carewright_plugin_api.counting import of_other_programs
from carewright_plugin_api.decisions import (
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
)
from carewright_plugin_api.effective import ParameterError, rule_set_hash
from carewright_plugin_api.facts import Coverage, Entry, MonthFacts
from carewright_plugin_api.hooks import Manifest, PayerKind, hookimpl

from payer_bcbsm.rules import countable, services, standing
from payer_bcbsm.rules.book import BCBSM, BOOK, PROGRAM

_PROGRAMS = "bcbsm.programs"


class BcbsmRules:
    """Provider-Delivered Care Management: calls, contacts, coordination, conferences."""

    def __init__(self) -> None:
        labels = {code: label for row in BOOK.history("pdcm.services") for code, label in row.table.items()}
        self._manifest = Manifest(
            name="payer_bcbsm",
            version="1.0.0",
            api_version=API_VERSION,
            payers=(PayerKind(BCBSM, "Blue Cross Blue Shield of Michigan", _products()),),
            programs=(PROGRAM,),
            codes=tuple(sorted(labels)),
            labels=labels,
            oldest_review=BOOK.oldest_review,
            rule_set_hash=rule_set_hash("payer_bcbsm"),
            remembers=services.declined_services(),
        )

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    def owns(self, coverage: Coverage) -> bool:
        return coverage.payer == BCBSM and coverage.product in ("", *_products())

    def eligibility(self, batch: Sequence[MonthFacts]) -> list[tuple[Finding, ...]]:
        return [_eligibility(facts) for facts in batch]

    def required_documents(self, program: str, on: date) -> tuple[RequiredDocument, ...]:
        return standing.documents(on) if program == PROGRAM else ()

    def counts(self, entry: Entry, on: date) -> Verdict:
        if entry.program != PROGRAM:
            return Verdict(
                False, "OTHER_PROGRAM", f"These rules hold nothing for {entry.program}.", _PROGRAMS
            )
        return countable.verdict(entry, on)

    def decide(self, batch: Sequence[MonthFacts]) -> list[Decision]:
        return [_decide(facts) for facts in batch]

    def conflicts(self, code: str, on: date) -> tuple[Conflict, ...]:
        """None are written down in the texts at hand."""
        return ()

    def fees(self, code: str, facts: MonthFacts, on: date) -> Fee | None:
        """None: the fee schedule is part of each practice's contract."""
        return None

    def cost_share(self, lines: Sequence[Line], facts: MonthFacts) -> CostShare:
        row = BOOK.on("cost_share.usual", facts.last_day)
        if facts.coverage.deductible_applies:
            return CostShare(
                None,
                facts.coverage.deductible_remaining,
                "This member's plan has a deductible; what is left of it may be charged.",
                cited(row),
            )
        if facts.coverage.deductible_applies is None:
            return CostShare(
                None,
                None,
                "Most members owe nothing; whether this plan has a deductible is not known.",
                cited(row),
            )
        nothing = Decimal(row.value)
        return CostShare(nothing, nothing, "The patient owes nothing for this service.", cited(row))


def _products() -> tuple[str, ...]:
    return BOOK.history("pdcm.products")[-1].words


def _decide(facts: MonthFacts) -> Decision:
    strangers = _other_programs(facts)
    theirs = of_other_programs(facts, (PROGRAM,), _PROGRAMS)
    try:
        first = standing.in_order(facts)
        time = countable.counted_time(facts)
        made = services.answer(facts, time)
        worth = standing.worth_a_look(facts)
    except ParameterError as error:
        return Decision(facts.policy, holds=(_not_decidable(facts, error), *strangers), left_out=theirs)
    lines = () if first else tuple(made.lines)
    holds = (*first, *made.holds, *strangers)
    if not lines and not holds:
        holds = tuple(made.below) or (_nothing_asked(facts),)
    else:
        made.findings += [replace(as_finding(hold), severity="info") for hold in made.below]
    staff, practitioner = time.tally("staff"), time.tally("practitioner")
    return Decision(
        facts.policy,
        lines=lines,
        holds=holds,
        findings=(*made.findings, *(worth if lines else ())),
        minutes=(time.minutes_of("staff", staff), time.minutes_of("practitioner", practitioner)),
        left_out=(*time.left_out, *theirs),
    )


def _eligibility(facts: MonthFacts) -> tuple[Finding, ...]:
    try:
        return tuple(as_finding(hold) for hold in (*standing.in_order(facts), *standing.no_plan(facts)))
    except ParameterError as error:
        return (as_finding(_not_decidable(facts, error)),)


def _other_programs(facts: MonthFacts) -> tuple[Hold, ...]:
    """Time logged for a program these rules hold nothing for: somebody has to look, because silence would lose it."""
    row = BOOK.history("pdcm.services")[-1]
    return tuple(
        Hold(
            "PROGRAM_NOT_HELD",
            program,
            f"Time was logged for the program {program}, for which these rules hold nothing.",
            "Look at it by hand: bill it elsewhere, or correct the program of the entries.",
            BOOK.rule_id(row),
            cited(row),
            "Rules for that program, or entries under another one.",
            used(program=program),
        )
        for program in sorted({entry.program for entry in facts.entries} - {PROGRAM})
    )


def _nothing_asked(facts: MonthFacts) -> Hold:
    return BOOK.hold(
        "NOTHING_TO_BILL",
        BOOK.on("pdcm.services", facts.last_day),
        f"No countable contact with or about this patient in {facts.first_day:%B %Y}.",
        "Nothing is to be done.",
        "A contact of the program in the month.",
        mendable=False,
    )


def _not_decidable(facts: MonthFacts, error: ParameterError) -> Hold:
    return BOOK.hold(
        "OUTSIDE_RULE_HISTORY",
        BOOK.history(error.parameter)[0],
        f"For {facts.first_day:%B %Y} there is no rule to bill by: {error}.",
        "Look at it by hand.",
        "A dated value that covers the month.",
        *used(parameter=error.parameter, on=error.on),
    )


RULES = BcbsmRules()


@hookimpl
def carewright_payer_rules() -> BcbsmRules:
    return RULES
