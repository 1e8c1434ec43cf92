"""A ladder climbed, written out as claim lines."""

from collections.abc import Iterator
from datetime import date

from carewright_plugin_api.book import cited, counted, listed, spelled, used
from carewright_plugin_api.decisions import FactUsed, Line
from carewright_plugin_api.effective import Dated
from carewright_plugin_api.facts import MonthFacts, local_day
from carewright_plugin_api.ladder import Rung, Tally

from billing_medicare.rules.book import BOOK, PROGRAM
from billing_medicare.rules.countable import Tallies
from billing_medicare.rules.ladders import COMPLEX, PERSONAL, ladder_of
from billing_medicare.rules.money import fee, fee_name, no_fee_note
from billing_medicare.rules.prerequisites import chronic_codes, plans_by_month_end
from billing_medicare.rules.standing import Standing


def lines_of(facts: MonthFacts, standing: Standing, name: str, tallies: Tallies) -> tuple[Line, ...]:
    """What the ladder `name` gives in the month; none if its base was not reached."""
    tally = tallies.practitioner if name == PERSONAL else tallies.together
    rungs = ladder_of(name, facts.last_day).climb(tally.minutes)
    if not rungs:
        return ()
    highest, units = rungs[-1]
    on = date_of_service(facts, standing, tally, highest.threshold(units))
    why = f"because {standing.ended_by}" if standing.ended_by else "the last day of the month"
    then = f"Date of service {spelled(on)}, {why}."
    sources = tuple(_sources(facts, name))
    shown = (*minutes_used(tallies), *_standing_used(facts, standing))
    conditions = BOOK.on("ccm.conditions", facts.last_day).whole
    lines = []
    for rung, count in rungs:
        row = BOOK.on(f"code.{rung.code}", facts.last_day)
        rate = fee(rung.code, facts, on)
        rated = (BOOK.on(fee_name(rung.code, facts), on),) if rate else ()
        edit = f"mue.{rung.code}"
        edited = (BOOK.on(edit, facts.last_day),) if BOOK.known(edit, facts.last_day) else ()
        line = Line(
            code=rung.code,
            units=count,
            date_of_service=on,
            program=PROGRAM,
            rule_id=BOOK.rule_id(row),
            sentence=f"{counted(tally.minutes, 'whole minute')} count in {facts.first_day:%B %Y}. "
            f"{_asks(rung, count, row.table['label'])} {then}",
            citations=cited(row, *sources, *edited, *rated),
            what_would_change="Fewer counted minutes after a correction, a withdrawn consent, or another claim that "
            "may not stand beside this one in the month.",
            label=row.table["label"],
            amount=rate.amount * count if rate else None,
            amount_note=rate.basis if rate else no_fee_note(rung.code, on),
            entry_ids=tally.entry_ids,
            facts_used=shown,
            needs_diagnoses=conditions,
            diagnoses=tuple(chronic_codes(facts)),
            units_at_most=int(edited[0].table["units"]) if edited else None,
            rests_on="" if rung is rungs[0][0] else rungs[0][0].code,
        )
        lines.append(line)
    return tuple(lines)


def date_of_service(facts: MonthFacts, standing: Standing, tally: Tally, threshold: int) -> date:
    """The last day of the month; the day the threshold was met if care ended before."""
    days = BOOK.on("ccm.date_of_service", facts.last_day).table
    if days["usual" if standing.ended_by is None else "ended"] == "last_day":
        return facts.last_day
    return tally.reached_on(threshold, facts.zone)


def minutes_used(tallies: Tallies) -> tuple[FactUsed, ...]:
    return used(
        staff_minutes=tallies.staff.minutes,
        practitioner_minutes=tallies.practitioner.minutes,
        minutes_together=tallies.together.minutes,
        seconds_together=tallies.together.seconds,
    )


def _asks(rung: Rung, units: int, label: str) -> str:
    several = f" for {units} units" if units > 1 else ""
    limit = ", the most that is paid in a month" if rung.step and units == rung.units else ""
    return f"{rung.code} ({label}) asks for {rung.threshold(units)}{several}{limit}."


def _sources(facts: MonthFacts, name: str) -> Iterator[Dated]:
    """Where it is written: the rules behind the prerequisites, the counting and the choice."""
    for rule in ("consent_tells", "conditions", "plan", "initiating_visits", "month", "date_of_service"):
        yield BOOK.on(f"ccm.{rule}", facts.last_day)
    if name == COMPLEX:
        yield BOOK.on("ccm.complex_levels", facts.last_day)
    if name == PERSONAL:
        yield BOOK.on("ccm.selection", facts.last_day)


def _standing_used(facts: MonthFacts, standing: Standing) -> tuple[FactUsed, ...]:
    plans, visit = plans_by_month_end(facts), standing.seen or standing.begins_on
    levels = sorted(held.level for held in facts.decision_levels if held.program == PROGRAM)
    return used(
        consent_given=", ".join(str(local_day(yes.at, facts.zone)) for yes in standing.consents) or "none",
        chronic_conditions=", ".join(chronic_codes(facts)),
        care_plan_of=plans[-1].dated_on if plans else "none",
        visit_on=visit.on if visit else "none",
        decision_level=listed(levels) if levels else "not recorded",
        policy=facts.policy,
    )
