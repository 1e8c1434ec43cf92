"""Chronic care management: from counted minutes to lines, under either policy of choosing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from carewright_plugin_api.book import cited, listed, spelled, used
from carewright_plugin_api.counting import Counted
from carewright_plugin_api.decisions import FactUsed, Finding, Hold, Line, total
from carewright_plugin_api.effective import Dated
from carewright_plugin_api.facts import MonthFacts, Policy, local_day
from carewright_plugin_api.ladder import Ladder, Rung, Tally

from billing_medicare.rules.book import BOOK, PROGRAM
from billing_medicare.rules.money import fee, no_fee_note
from billing_medicare.rules.prerequisites import chronic_codes
from billing_medicare.rules.standing import Standing

_STAFF, _PERSONAL, _COMPLEX = "ccm_staff", "ccm_practitioner", "ccm_complex"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A permitted answer: one ladder climbed with one tally."""

    ladder: str
    lines: tuple[Line, ...]
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class Tallies:
    staff: Tally
    practitioner: Tally
    together: Tally


def tallies_of(counted: Counted, facts: MonthFacts) -> Tallies:
    """Practitioner time may be counted as staff time, so the staff ladders see both together."""
    return Tallies(counted.tally("staff"), _personal(counted, facts), counted.tally("staff", "practitioner"))


def candidates(facts: MonthFacts, standing: Standing, tallies: Tallies) -> tuple[Candidate, ...]:
    """Every permitted answer, in the order policy `accurate` prefers them."""
    found = []
    for name in BOOK.on("ccm.selection", facts.last_day).words:
        if not BOOK.known(f"ladder.{name}", facts.last_day):
            continue
        if name == _COMPLEX and not complex_allowed(facts):
            continue
        tally = tallies.practitioner if name == _PERSONAL else tallies.together
        lines = _lines(facts, standing, name, tally, tallies)
        if lines:
            found.append(Candidate(name, lines, total(lines)))
    return tuple(found)


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
    staff_alone = ladder_of(_STAFF, facts.last_day).base.earned(tallies.staff.minutes)
    fitting = [candidate for candidate in found if candidate.ladder != _PERSONAL or not staff_alone]
    return fitting[0].lines if fitting else ()


def complex_allowed(facts: MonthFacts) -> bool:
    """Moderate or high decisions; in earlier years also a plan made or substantially revised that month."""
    if not BOOK.known("ccm.complex_levels", facts.last_day):
        return False
    levels = BOOK.on("ccm.complex_levels", facts.last_day).words
    if not any(held.program == PROGRAM and held.level in levels for held in facts.decision_levels):
        return False
    wanted = BOOK.on("ccm.complex_plan", facts.last_day).words
    if not wanted:
        return True
    plans = sorted((plan for plan in facts.plans if plan.program == PROGRAM), key=lambda plan: plan.dated_on)
    first = plans[0].dated_on if plans else None
    return any(
        facts.first_day <= plan.dated_on <= facts.last_day
        and (plan.substantially_revised or plan.dated_on == first)
        for plan in plans
    )


def ladder_of(name: str, on: date) -> Ladder:
    """The ladder as it stood on a day, its units limited by the edits of that day."""
    members = BOOK.on(f"ladder.{name}", on).table
    base = Rung.of(members["base"], BOOK.on(f"code.{members['base']}", on).table)
    addon = members.get("addon")
    ladder = Ladder(base, Rung.of(addon, BOOK.on(f"code.{addon}", on).table) if addon else None)
    edits = {
        code: BOOK.on(f"mue.{code}", on).table["units"]
        for code in ladder.codes
        if BOOK.known(f"mue.{code}", on)
    }
    return ladder.capped(edits)


def below(facts: MonthFacts, tallies: Tallies) -> Hold:
    """No ladder was reached."""
    base = ladder_of(_STAFF, facts.last_day).base
    row = BOOK.on(f"code.{base.code}", facts.last_day)
    minutes = tallies.together.minutes
    return BOOK.hold(
        f"BELOW_{base.minutes}",
        row,
        f"{minutes} whole minute{'' if minutes == 1 else 's'} count in {facts.first_day:%B %Y}; "
        f"the rule asks for {base.minutes}. Seconds are added up first and never rounded up.",
        "If the care did not call for more, nothing is to be done. The minutes are not carried into another month.",
        f"A month in which the care given comes to {base.minutes} whole countable minutes or more.",
        *_minutes_used(tallies),
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
            f"Policy {facts.policy} gives {_shown(here)} ({_dollars(total(here))}); "
            f"policy {policy} would give {_shown(there)} ({_dollars(total(there))}).",
            "Nothing is to be done. The practice chose its policy; a change of policy is recorded.",
            *used(policy=facts.policy),
        ),
    )


def date_of_service(facts: MonthFacts, standing: Standing, tally: Tally, threshold: int) -> date:
    """The last day of the month; the day the threshold was met if care ended before."""
    days = BOOK.on("ccm.date_of_service", facts.last_day).table
    if days["usual" if standing.ended_by is None else "ended"] == "last_day":
        return facts.last_day
    return local_day(tally.reached_at(threshold), facts.zone)


def _personal(counted: Counted, facts: MonthFacts) -> Tally:
    """The billing practitioner's own time; where nobody is named as such, that of any practitioner."""
    tally = counted.tally("practitioner")
    mine = facts.billing_practitioner
    if mine is None:
        return tally
    return Tally(tuple(span for span in tally.counted if span.person == mine.id))


def _lines(
    facts: MonthFacts, standing: Standing, name: str, tally: Tally, tallies: Tallies
) -> tuple[Line, ...]:
    rungs = ladder_of(name, facts.last_day).climb(tally.minutes)
    if not rungs:
        return ()
    highest, units = rungs[-1]
    on = date_of_service(facts, standing, tally, highest.threshold(units))
    return tuple(
        _line(facts, standing, rung, units=count, on=on, tally=tally, tallies=tallies)
        for rung, count in rungs
    )


def _line(
    facts: MonthFacts, standing: Standing, rung: Rung, *, units: int, on: date, tally: Tally, tallies: Tallies
) -> Line:
    row = BOOK.on(f"code.{rung.code}", facts.last_day)
    label = row.table["label"]
    rate = fee(rung.code, facts, on)
    why_then = f"because {standing.ended_by}" if standing.ended_by else "the last day of the month"
    needs = f"The rule asks for {rung.threshold(units)}"
    limit = f", and pays at most {rung.units} units" if rung.step and units == rung.units else ""
    return Line(
        code=rung.code,
        units=units,
        date_of_service=on,
        program=PROGRAM,
        rule_id=BOOK.rule_id(row),
        sentence=f"{tally.minutes} whole minutes count in {facts.first_day:%B %Y}. {needs} for {units} "
        f"unit{'' if units == 1 else 's'} of {rung.code} ({label}){limit}. "
        f"Date of service {spelled(on)}, {why_then}.",
        citations=cited(row, *_sources(facts, rung.code), *_rate_sources(rung.code, facts, on)),
        what_would_change="Fewer counted minutes after a correction, a withdrawn consent, or another claim that may "
        "not stand beside this one in the month.",
        label=label,
        amount=rate.amount * units if rate else None,
        amount_note=rate.basis if rate else no_fee_note(rung.code, on),
        entry_ids=tally.entry_ids,
        facts_used=(
            *_minutes_used(tallies),
            *used(
                consent_given=local_day(standing.consents[-1].at, facts.zone)
                if standing.consents
                else "none",
                chronic_conditions=", ".join(chronic_codes(facts)),
                decision_level=_level(facts),
                policy=facts.policy,
            ),
        ),
    )


def _sources(facts: MonthFacts, code: str) -> tuple[Dated, ...]:
    day = facts.last_day
    edit = (BOOK.on(f"mue.{code}", day),) if BOOK.known(f"mue.{code}", day) else ()
    return (BOOK.on("ccm.month", day), BOOK.on("ccm.date_of_service", day), *edit)


def _rate_sources(code: str, facts: MonthFacts, on: date) -> tuple[Dated, ...]:
    biller = facts.billing_practitioner
    name = f"fee.{'qualifying' if biller and biller.qualifying_participant else 'standard'}.{code}"
    return (BOOK.on(name, on),) if fee(code, facts, on) else ()


def _minutes_used(tallies: Tallies) -> tuple[FactUsed, ...]:
    return used(
        staff_minutes=tallies.staff.minutes,
        practitioner_minutes=tallies.practitioner.minutes,
        minutes_together=tallies.together.minutes,
        seconds_together=tallies.together.seconds,
    )


def _level(facts: MonthFacts) -> str:
    return (
        listed(sorted(held.level for held in facts.decision_levels if held.program == PROGRAM))
        or "not recorded"
    )


def _shown(lines: Sequence[Line]) -> str:
    return listed([f"{line.units} x {line.code}" for line in lines]) if lines else "nothing"


def _dollars(amount: Decimal | None) -> str:
    return "no rate held" if amount is None else f"{amount} dollars"
