"""What must be so before any minute is billed: each rule gives a hold, or nothing."""

from collections.abc import Iterator
from datetime import date

from carewright_plugin_api.book import cited, counted, listed, spelled, used
from carewright_plugin_api.decisions import Finding, Hold, RequiredDocument
from carewright_plugin_api.facts import CarePlanVersion, MonthFacts, local_day

from billing_medicare.rules.book import BOOK, PROGRAM
from billing_medicare.rules.standing import Standing, takes_the_whole_month


def payable_at_all(facts: MonthFacts) -> tuple[Hold, ...]:
    """Whether Part B pays this practitioner for this patient in the month, whatever the service."""
    return tuple(found for rule in (_coverage, _clinic, _biller) for found in rule(facts))


def program_in_order(facts: MonthFacts, standing: Standing) -> tuple[Hold, ...]:
    """What the program asks for. Every reason, not only the first: who mends one should know of the next."""
    rules = (_consent, _conditions, _plan, _initiating_visit, _elements)
    return tuple(found for rule in rules for found in rule(facts, standing))


def documents(on: date) -> tuple[RequiredDocument, ...]:
    """What must be on file for the program on a day."""
    consent, plan = BOOK.on("ccm.consent_tells", on), BOOK.on("ccm.plan", on)
    conditions, visit = BOOK.on("ccm.conditions", on), BOOK.on("ccm.initiating_visits", on)
    months, elements = BOOK.on("ccm.seen_within", on), BOOK.on("ccm.elements", on)
    told = listed([what.replace("_", " ") for what in consent.words])
    return (
        RequiredDocument(
            "consent",
            "Consent",
            f"Verbal or written, before the first billable minute, covering {told}.",
            cited(consent),
        ),
        RequiredDocument(
            "conditions",
            "Chronic conditions",
            f"{conditions.whole} or more, expected to last 12 months or until death, as ICD-10 codes a person chose.",
            cited(conditions),
        ),
        RequiredDocument(
            "care_plan",
            "Care plan",
            "Electronic, dated in or before the month, with a copy given to the patient or caregiver.",
            cited(plan),
        ),
        RequiredDocument(
            "initiating_visit",
            "Initiating visit",
            f"Only for a patient who is new or was not seen by the billing practitioner for {months.whole} months.",
            cited(visit),
        ),
        *(
            RequiredDocument(key, label, f"{label}.", cited(elements))
            for key, label in elements.table.items()
        ),
    )


def _coverage(facts: MonthFacts) -> Iterator[Hold]:
    day, coverage = facts.last_day, facts.coverage
    row = BOOK.on("ccm.coverage", day)
    if coverage.starts_on > day or (coverage.ends_on is not None and coverage.ends_on < facts.first_day):
        ends = f" to {spelled(coverage.ends_on)}" if coverage.ends_on else ""
        yield BOOK.hold(
            "COVERAGE_NOT_IN_FORCE",
            row,
            f"Part B was not in force in {facts.first_day:%B %Y}: the coverage runs from "
            f"{spelled(coverage.starts_on)}{ends}.",
            "Check the dates of the coverage, or ask who covered the patient that month.",
            "Coverage dates that reach into the month.",
            *used(coverage_from=coverage.starts_on, coverage_to=coverage.ends_on or "open"),
        )
    advantage = BOOK.on("ccm.advantage", day)
    for other in (coverage, *facts.other_coverages):
        if other.replaces_part_b and takes_the_whole_month(other, facts):
            yield BOOK.hold(
                "MEDICARE_ADVANTAGE",
                advantage,
                f"The patient has a Medicare Advantage plan ({other.payer}) since {spelled(other.starts_on)}; "
                "it pays in place of Part B.",
                "Bill that plan, or correct the coverage if the patient has left it.",
                "The plan not being in force in the month.",
                *used(plan=other.payer, since=other.starts_on),
            )
    if facts.died_on is not None and facts.died_on < facts.first_day:
        yield BOOK.hold(
            "DIED_BEFORE_MONTH",
            BOOK.on("ccm.death", day),
            f"The patient died on {spelled(facts.died_on)}, before this month.",
            "Nothing is to be done, unless the date is wrong.",
            "Another date of death.",
            *used(died_on=facts.died_on),
            mendable=False,
        )


def _clinic(facts: MonthFacts) -> Iterator[Hold]:
    row = BOOK.on("ccm.clinics", facts.last_day)
    if facts.site != "practice" and not row.value:
        kind = facts.site.replace("_", " ")
        yield BOOK.hold(
            "CLINIC_USES_ANOTHER_CODE",
            row,
            f"A {kind} did not bill the individual codes in {facts.first_day:%B %Y}; one general code stood for them.",
            "Ask the biller how the clinic billed that month; these rules do not hold the older code.",
            "A month after the individual codes opened to clinics, or a site that is not such a clinic.",
            *used(site=kind),
        )


def _consent(facts: MonthFacts, standing: Standing) -> Iterator[Hold]:
    row = BOOK.on("ccm.consent_tells", facts.last_day)
    month = f"{facts.first_day:%B %Y}"
    if not standing.consents:
        yield BOOK.hold(
            "NO_CONSENT",
            row,
            f"There is no consent to chronic care management in force in {month}{_instead(facts)}. "
            "The patient must have agreed before the first minute that is billed.",
            "Talk with the patient about the program and record the answer. "
            "Time before the consent stays unbilled.",
            "A consent to this practitioner that was given before the time was spent and not withdrawn.",
            *used(consent="none in force"),
        )
        return
    told = {what for yes in standing.consents for what in yes.told}
    missing = [what.replace("_", " ") for what in row.words if what not in told]
    if missing:
        given = local_day(standing.consents[-1].at, facts.zone)
        yield BOOK.hold(
            "CONSENT_INCOMPLETE",
            row,
            f"The consent of {spelled(given)} does not record that the patient was told about {listed(missing)}.",
            "Tell the patient what is missing and record the consent again, in the complete wording.",
            "A consent whose wording covers availability, cost share, one practitioner a month and the right to stop.",
            *used(consent_given_on=given, not_told=", ".join(missing)),
        )


def _instead(facts: MonthFacts) -> str:
    """What there is in place of a consent, so that nobody has to look it up."""
    ours = [event for event in facts.consents if event.program == PROGRAM]
    if not ours:
        return ""
    last = max(ours, key=lambda event: (event.at, event.id))
    on = spelled(local_day(last.at, facts.zone))
    if last.kind == "given" and local_day(last.at, facts.zone) > facts.last_day:
        return f" (it was given on {on}, after the month)"
    if last.kind == "given":
        return f" (the one of {on} was given to another practitioner)"
    return f" (it was {last.kind} on {on})"


def _conditions(facts: MonthFacts, standing: Standing) -> Iterator[Hold]:
    row = BOOK.on("ccm.conditions", facts.last_day)
    chronic = chronic_codes(facts)
    if len(chronic) < row.whole:
        have = (
            f"{counted(len(chronic), 'chronic condition')} ({', '.join(chronic)})"
            if chronic
            else "no chronic condition"
        )
        yield BOOK.hold(
            f"NEEDS_{row.whole}_CHRONIC",
            row,
            f"The chart names {have} chosen for billing; "
            f"the rule asks for {row.whole} that are expected to last 12 months or until death.",
            "If the patient lives with more, have the practitioner choose the ICD-10 codes; otherwise this "
            "program is not the right one.",
            f"{row.whole} chronic ICD-10 codes chosen by a person and in force that month.",
            *used(chronic_conditions=", ".join(chronic) or "none"),
        )


def chronic_codes(facts: MonthFacts) -> list[str]:
    """The distinct chronic ICD-10 codes in force at some time in the month."""
    return sorted(
        {
            held.code.upper()
            for held in facts.diagnoses
            if held.chronic
            and (held.starts_on is None or held.starts_on <= facts.last_day)
            and (held.ends_on is None or held.ends_on >= facts.first_day)
        }
    )


def plans_by_month_end(facts: MonthFacts) -> list[CarePlanVersion]:
    """Versions of the program's plan dated in or before the month, oldest first."""
    ours = [plan for plan in facts.plans if plan.program == PROGRAM and plan.dated_on <= facts.last_day]
    return sorted(ours, key=lambda plan: plan.dated_on)


def _plan(facts: MonthFacts, standing: Standing) -> Iterator[Hold]:
    row = BOOK.on("ccm.plan", facts.last_day)
    ours = plans_by_month_end(facts)
    if not ours:
        yield BOOK.hold(
            "NO_CARE_PLAN",
            row,
            f"There is no care plan dated by {spelled(facts.last_day)}.",
            "Make the plan with the patient and give them a copy; months before it stay unbilled.",
            "A care plan dated in or before the month.",
            *used(care_plan="none by the end of the month"),
        )
        return
    dated = spelled(ours[-1].dated_on)
    if "electronic" in row.words and not ours[-1].electronic:
        yield BOOK.hold(
            "CARE_PLAN_NOT_ELECTRONIC",
            row,
            f"The care plan of {dated} is not electronic, so it cannot be shared as the rule asks.",
            "Enter the plan in the record.",
            "An electronic plan dated in or before the month.",
            *used(care_plan_of=ours[-1].dated_on),
        )
    if "copy_given" in row.words and not any(plan.copy_given_on for plan in ours):
        yield BOOK.hold(
            "CARE_PLAN_COPY_NOT_GIVEN",
            row,
            f"Nobody recorded that the patient or caregiver got a copy of the care plan of {dated}.",
            "Give or send a copy and record the day.",
            "A copy of the plan given to the patient or caregiver.",
            *used(care_plan_of=ours[-1].dated_on, copy_given="not recorded"),
        )


def _initiating_visit(facts: MonthFacts, standing: Standing) -> Iterator[Hold]:
    if standing.visit_in_order:
        return
    row, months = BOOK.on("ccm.initiating_visits", facts.last_day), BOOK.on("ccm.seen_within", facts.last_day)
    yield BOOK.hold(
        "NO_INITIATING_VISIT",
        row,
        f"No visit with the billing practitioner within {months.whole} months is on file, and no initiating visit at "
        "which the program was discussed.",
        "Enter the visit if there was one. Otherwise offer one: the program starts there.",
        "An office, wellness or transition visit with the billing practitioner, in time.",
        *used(last_visit=max((visit.on for visit in facts.visits), default="none on file")),
    )


def _biller(facts: MonthFacts) -> Iterator[Hold]:
    row = BOOK.on("ccm.billers", facts.last_day)
    biller = facts.billing_practitioner
    if biller is not None and biller.credential.upper().replace(".", "") not in row.words:
        yield BOOK.hold(
            "NOT_A_BILLING_PRACTITIONER",
            row,
            f"The billing practitioner's credential is {biller.credential or 'not recorded'}; "
            f"the rule names {listed(row.words)}.",
            "Choose the practitioner who is responsible for this patient's care, or record the credential.",
            "A billing practitioner with one of these credentials.",
            *used(credential=biller.credential or "none"),
        )


def _elements(facts: MonthFacts, standing: Standing) -> Iterator[Hold]:
    row = BOOK.on("ccm.elements", facts.last_day)
    for element, label in row.table.items():
        said = latest(facts, element)
        if said is False:
            yield BOOK.hold(
                "ELEMENT_NOT_MET",
                row,
                f"The practice recorded that this is not in place: {label[0].lower()}{label[1:]}.",
                "Put it in place and record it, or do not bill the program.",
                "A record that the element is in place by the end of the month.",
                *used(element=element, met="no"),
            )


def latest(facts: MonthFacts, element: str) -> bool | None:
    """What was last recorded about an element by the end of the month; None if nobody recorded anything."""
    said = sorted((held.on, held.met) for held in facts.attestations if held.element == element)
    before = [met for on, met in said if on <= facts.last_day]
    return before[-1] if before else None


def worth_a_look(facts: MonthFacts) -> tuple[Finding, ...]:
    """What no record of ours can rule out, and what nobody has recorded."""
    return tuple(_findings(facts))


def _findings(facts: MonthFacts) -> Iterator[Finding]:
    day = facts.last_day
    elements = BOOK.on("ccm.elements", day)
    missing = [element for element in elements.table if latest(facts, element) is None]
    if missing:
        labels = [elements.table[element][0].lower() + elements.table[element][1:] for element in missing]
        yield BOOK.finding(
            "ELEMENTS_NOT_RECORDED",
            "review",
            elements,
            f"Nobody has recorded whether these are in place: {'; '.join(labels)}. Billing the code says they are.",
            "Record them once for the practice, and the risk for the patient.",
            *used(not_recorded=", ".join(missing)),
        )
    started = [held.started_on for held in facts.enrollments if held.program == PROGRAM]
    if started and facts.first_day <= min(started) <= day:
        yield BOOK.finding(
            "FIRST_MONTH",
            "info",
            BOOK.on("exclusion.other_practitioner", day),
            "This is the first month with this patient. Another practitioner may have been paid for it already.",
            "Ask the patient, or look at the payer's portal, before the claim goes.",
            *used(started_on=min(started)),
        )
    if facts.billing_practitioner is None:
        yield BOOK.finding(
            "NO_BILLING_PRACTITIONER",
            "review",
            BOOK.on("ccm.billers", day),
            "Nobody is named as the practitioner who bills for this patient.",
            "Name the practitioner who is responsible for this patient's care.",
        )
    if facts.coverage.rank != 1:
        yield BOOK.finding(
            "PART_B_PAYS_SECOND",
            "review",
            BOOK.on("ccm.coverage", day),
            "Part B is not the first payer for this patient.",
            "Bill the first payer first.",
            *used(rank=facts.coverage.rank),
        )
