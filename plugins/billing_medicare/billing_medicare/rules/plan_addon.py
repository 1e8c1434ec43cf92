"""The practitioner's own assessment and planning, billed once with the visit that starts the program."""

from carewright_plugin_api.book import cited, spelled, used
from carewright_plugin_api.decisions import Finding, Line
from carewright_plugin_api.facts import MonthFacts, Visit

from billing_medicare.rules.book import BOOK, PROGRAM
from billing_medicare.rules.money import fee, fee_name, no_fee_note
from billing_medicare.rules.prerequisites import chronic_codes


def plan_addon(facts: MonthFacts) -> tuple[tuple[Line, ...], tuple[Finding, ...]]:
    """A line if an initiating visit of this month carried the practitioner's own care planning.

    A visit after the patient has left the program starts nothing, so there is nothing to add to: that is said, for
    somebody who began again and was not entered yet looks the same.
    """
    if not BOOK.known("ladder.ccm_plan", facts.last_day):
        return (), ()
    code = BOOK.on("ladder.ccm_plan", facts.last_day).table["addon"]
    kinds = BOOK.on("ccm.initiating_visits", facts.last_day).words
    with_planning = sorted(
        (visit for visit in facts.visits if _fits(visit, facts) and visit.kind in kinds),
        key=lambda visit: (visit.on, visit.kind),
    )
    if not with_planning:
        return (), ()
    row, often = BOOK.on(f"code.{code}", facts.last_day), BOOK.on("ccm.plan_addon", facts.last_day)
    visit = with_planning[0]
    before = sorted(held.on for held in facts.billed if held.code == code and held.same_practitioner)
    if before:
        return (), (
            BOOK.finding(
                "PLAN_ADDON_ALREADY_BILLED",
                "info",
                often,
                f"{code} was billed by this practitioner on {spelled(before[0])}; it is paid once.",
                "Nothing is to be done.",
                *used(billed_on=before[0]),
            ),
        )
    starting = [visit for visit in with_planning if not _had_left(visit, facts)]
    if not starting:
        ended = max(held.ended_on for held in facts.enrollments if held.program == PROGRAM and held.ended_on)
        return (), (
            BOOK.finding(
                "PLAN_ADDON_AFTER_PROGRAM",
                "review",
                often,
                f"At the visit of {spelled(visit.on)} the practitioner planned the care, but the program had ended on "
                f"{spelled(ended)}. {code} is paid with the visit that starts the program, and this one started none.",
                "If the patient began again, enter that enrollment and close the month again. Otherwise nothing is to "
                "be done.",
                *used(initiating_visit=visit.on, program_ended_on=ended),
            ),
        )
    visit = starting[0]
    rate = fee(code, facts, visit.on)
    rated = (BOOK.on(fee_name(code, facts), visit.on),) if rate else ()
    line = Line(
        code=code,
        units=1,
        date_of_service=visit.on,
        program=PROGRAM,
        rule_id=BOOK.rule_id(often),
        sentence=f"The practitioner assessed the patient and planned the care at the initiating visit of "
        f"{spelled(visit.on)}. {code} is paid once per practitioner, with that visit.",
        citations=cited(row, often, *rated),
        what_would_change="An earlier claim by the same practitioner, or a visit that did not start the program.",
        label=row.table["label"],
        amount=rate.amount if rate else None,
        amount_note=rate.basis if rate else no_fee_note(code, visit.on),
        facts_used=used(initiating_visit=visit.on, kind=visit.kind),
        needs_diagnoses=BOOK.on("ccm.conditions", facts.last_day).whole,
        diagnoses=tuple(chronic_codes(facts)),
    )
    return (line,), ()


def _fits(visit: Visit, facts: MonthFacts) -> bool:
    mine = facts.billing_practitioner
    return (
        visit.initiating_for == PROGRAM
        and visit.care_planning_by_practitioner
        and facts.first_day <= visit.on <= facts.last_day
        and (mine is None or visit.practitioner in (None, mine.id))
        and facts.coverage.in_force(visit.on)
        and not any(cover.replaces_part_b and cover.in_force(visit.on) for cover in facts.other_coverages)
        and (facts.died_on is None or visit.on <= facts.died_on)
    )


def _had_left(visit: Visit, facts: MonthFacts) -> bool:
    """Whether the program was over for this patient before the visit."""
    ends = [held.ended_on for held in facts.enrollments if held.program == PROGRAM]
    return bool(ends) and all(end is not None and end < visit.on for end in ends)
