"""Chronic care management: every permitted answer for the minutes of a month, and the choice between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from carewright_plugin_api.book import counted, listed, used
from carewright_plugin_api.decisions import Finding, Hold, Line, total
from carewright_plugin_api.facts import MonthFacts, Policy

from billing_medicare.rules.book import BOOK, PROGRAM
from billing_medicare.rules.countable import Tallies
from billing_medicare.rules.ladders import COMPLEX, PERSONAL, STAFF, ladder_of
from billing_medicare.rules.lines import lines_of, minutes_used
from billing_medicare.rules.standing import Standing


@dataclass(frozen=True, slots=True)
class Candidate:
    """A permitted answer: one ladder climbed. amount: dollars, None where a rate is missing."""

    ladder: str
    lines: tuple[Line, ...]
    amount: Decimal | None


def candidates(facts: MonthFacts, standing: Standing, tallies: Tallies) -> tuple[Candidate, ...]:
    """Every permitted answer, in the order policy `accurate` prefers them."""
    found = []
    for name in BOOK.on("ccm.selection", facts.last_day).words:
        permitted = name != COMPLEX or complex_allowed(facts)
        if permitted and BOOK.known(f"ladder.{name}", facts.last_day):
            lines = lines_of(facts, standing, name, tallies)
            found.append(Candidate(name, lines, total(lines)))
    return tuple(candidate for candidate in found if candidate.lines)


def chosen(
    policy: Policy, facts: MonthFacts, tallies: Tallies, found: Sequence[Candidate]
) -> tuple[Line, ...]:
    """The lines under a policy; none if there is no candidate.

    accurate: complex where its conditions are documented; else the practitioner's personal service where the
    practitioner's own time reached it and staff time alone did not reach theirs; else the staff service.
    max: the highest national amount; where a rate is missing there is nothing to compare, and accurate decides.
    """
    if policy == "max" and found and all(candidate.amount is not None for candidate in found):
        return max(found, key=lambda candidate: candidate.amount or Decimal(0)).lines
    staff_alone = ladder_of(STAFF, facts.last_day).base.earned(tallies.staff.minutes)
    fitting = [candidate for candidate in found if candidate.ladder != PERSONAL or not staff_alone]
    return fitting[0].lines if fitting else ()


def complex_allowed(facts: MonthFacts) -> bool:
    """Moderate or high decisions; in earlier years also a plan made or substantially revised that month."""
    if not BOOK.known("ccm.complex_levels", facts.last_day):
        return False
    levels = BOOK.on("ccm.complex_levels", facts.last_day).words
    if not any(held.program == PROGRAM and held.level in levels for held in facts.decision_levels):
        return False
    if not BOOK.on("ccm.complex_plan", facts.last_day).words:
        return True
    plans = [plan for plan in facts.plans if plan.program == PROGRAM]
    first = min((plan.dated_on for plan in plans), default=None)
    return any(
        facts.first_day <= plan.dated_on <= facts.last_day
        and (plan.substantially_revised or plan.dated_on == first)
        for plan in plans
    )


def below(facts: MonthFacts, tallies: Tallies) -> Hold:
    """No ladder was reached. Nobody is told to find more minutes: the rule is named, and that it may well end here."""
    base = ladder_of(STAFF, facts.last_day).base
    minutes = tallies.together.minutes
    return BOOK.hold(
        f"BELOW_{base.minutes}",
        BOOK.on(f"code.{base.code}", facts.last_day),
        f"{counted(minutes, 'whole minute')} count in {facts.first_day:%B %Y}; "
        f"the rule asks for {base.minutes}. Seconds are added up first and never rounded up.",
        "If the care did not call for more, nothing is to be done. The minutes are not carried into another month.",
        f"A month in which the care given comes to {base.minutes} whole countable minutes or more.",
        *minutes_used(tallies),
        mendable=False,
    )


def pays_differently(
    facts: MonthFacts, here: Sequence[Line], policy: Policy, there: Sequence[Line]
) -> tuple[Finding, ...]:
    """Both answers are permitted and one pays more: shown, recorded, and never switched silently."""
    if here == there:
        return ()
    return (
        BOOK.finding(
            "POLICIES_DIFFER",
            "info",
            BOOK.on("ccm.selection", facts.last_day),
            f"Policy {facts.policy} gives {_shown(here)} ({_dollars(here)}); "
            f"policy {policy} would give {_shown(there)} ({_dollars(there)}).",
            "Nothing is to be done. The practice chose its policy; a change of policy is recorded.",
            *used(policy=facts.policy),
        ),
    )


def _shown(lines: Sequence[Line]) -> str:
    return listed([f"{line.units} x {line.code}" for line in lines]) if lines else "nothing"


def _dollars(lines: Sequence[Line]) -> str:
    amount = total(lines)
    return "no rate held" if amount is None else f"{amount} dollars"
