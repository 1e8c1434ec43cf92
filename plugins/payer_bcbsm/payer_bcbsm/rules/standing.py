"""The member, the group, the practice and the team: what must be so whatever the service."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from carewright_plugin_api.book import cited, listed, spelled, used
from carewright_plugin_api.decisions import Finding, Hold, RequiredDocument
from carewright_plugin_api.facts import Entry, MonthFacts, local_day

from payer_bcbsm.rules.book import BOOK, PROGRAM


def in_order(facts: MonthFacts) -> tuple[Hold, ...]:
    return tuple(_holds(facts))


def _holds(facts: MonthFacts) -> Iterator[Hold]:
    day, coverage = facts.last_day, facts.coverage
    if coverage.starts_on > day or (coverage.ends_on is not None and coverage.ends_on < facts.first_day):
        yield BOOK.hold(
            "COVERAGE_NOT_IN_FORCE",
            BOOK.on("pdcm.coverage", day),
            f"The coverage was not in force in {facts.first_day:%B %Y}.",
            "Check the dates of the coverage.",
            "Coverage dates that reach into the month.",
            *used(coverage_from=coverage.starts_on, coverage_to=coverage.ends_on or "open"),
        )
    products = BOOK.on("pdcm.products", day)
    if coverage.product not in ("", *products.words):
        yield BOOK.hold(
            "PRODUCT_NOT_HELD",
            products,
            f"These rules do not know the product {coverage.product}; they know "
            f"{listed([product.replace('_', ' ') for product in products.words])}.",
            "Choose the product on the coverage, or look at it by hand.",
            "A product these rules know.",
            *used(product=coverage.product),
        )
    benefit = BOOK.on("pdcm.benefit", day)
    if coverage.care_management_benefit is False:
        yield BOOK.hold(
            "GROUP_NOT_IN_PDCM_MEMBER_LIABLE",
            benefit,
            f"The member's group does not pay for care management; a denial would leave the {benefit.value} to pay.",
            "Do not bill. Tell the patient before any further service that this insurance does not cover it.",
            "A group that has the benefit on the day of service.",
            *used(care_management_benefit="no"),
            mendable=False,
        )
    if coverage.care_management_benefit is None:
        yield BOOK.hold(
            "PDCM_BENEFIT_NOT_CHECKED",
            benefit,
            "Nobody has checked whether the member's group pays for care management; "
            f"if it does not, the {benefit.value} would be billed.",
            "Check the benefit with the payer and record the answer.",
            "A recorded answer that the group has the benefit.",
            *used(care_management_benefit="not checked"),
        )
    practice = BOOK.on("pdcm.practice", day)
    for element, label in practice.table.items():
        if _last_said(facts, element) is False:
            yield BOOK.hold(
                "ELEMENT_NOT_MET",
                practice,
                f"The practice recorded that this is not so: {label[0].lower()}{label[1:]}.",
                "Put it in place and record it, or do not bill the program.",
                "A record that it is in place by the end of the month.",
                *used(element=element, met="no"),
            )


def no_plan(facts: MonthFacts) -> tuple[Hold, ...]:
    """A plan is asked for by every service but the one that records a no."""
    if any(plan.program == PROGRAM and plan.dated_on <= facts.last_day for plan in facts.plans):
        return ()
    return (
        BOOK.hold(
            "NO_CARE_PLAN",
            BOOK.on("pdcm.plan", facts.last_day),
            f"There is no care plan dated by {spelled(facts.last_day)}.",
            "Make the plan with the patient; services before it stay unbilled.",
            "A care plan dated in or before the month.",
            *used(care_plan="none by the end of the month"),
        ),
    )


def team_ready(entries: Sequence[Entry], service: str, facts: MonthFacts) -> tuple[Hold, ...]:
    """Licence and training of the people behind one service."""
    return tuple(_team_holds(entries, service, facts))


def _team_holds(entries: Sequence[Entry], service: str, facts: MonthFacts) -> Iterator[Hold]:
    day = facts.last_day
    licensed, training = BOOK.on("pdcm.licensed_only", day), BOOK.on("pdcm.training", day)
    for entry in sorted(entries, key=lambda entry: entry.id):
        on = local_day(entry.start, facts.zone)
        if service in licensed.words and not entry.licensed:
            yield BOOK.hold(
                "UNLICENSED_LIMITED",
                licensed,
                f"The contact of {spelled(on)} was by a team member without a licence "
                f"({entry.discipline or 'discipline not recorded'}); this service is for licensed members.",
                "Nothing is to be done if that is so; phone calls and coordination of the same person are billable.",
                "A licensed team member for that contact.",
                *used(entry=entry.id, licensed="no"),
                mendable=False,
            )
        due = _training_due(entry, training.whole)
        if due is not None and on > due and (entry.trained_on is None or entry.trained_on > on):
            yield BOOK.hold(
                "TEAM_MEMBER_NOT_TRAINED_6MO",
                training,
                f"The team member of {spelled(on)} had not finished the course on team-based care, due on "
                f"{spelled(due)}: {training.whole} months after first billing.",
                "Record the training if it was done; services between the due day and the training stay unbilled.",
                "Training finished by the day of service.",
                *used(
                    entry=entry.id,
                    first_billed_on=entry.first_billed_on,
                    trained_on=entry.trained_on or "never",
                ),
            )


def _training_due(entry: Entry, months: int) -> date | None:
    """The last day a team member may bill untrained; None while nothing of theirs was ever billed."""
    first = entry.first_billed_on
    if first is None:
        return None
    index = first.year * 12 + first.month - 1 + months
    month = date(index // 12, index % 12 + 1, 1)
    last = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return month.replace(day=min(first.day, last.day))


def worth_a_look(facts: MonthFacts) -> tuple[Finding, ...]:
    practice = BOOK.on("pdcm.practice", facts.last_day)
    missing = [element for element in practice.table if _last_said(facts, element) is None]
    found = []
    if not facts.coverage.product:
        products = BOOK.on("pdcm.products", facts.last_day)
        found.append(
            BOOK.finding(
                "PRODUCT_NOT_RECORDED",
                "review",
                products,
                "The coverage does not say which product of the payer it is.",
                "Choose the product on the coverage.",
            )
        )
    if missing:
        labels = "; ".join(practice.table[element] for element in missing)
        found.append(
            BOOK.finding(
                "ELEMENTS_NOT_RECORDED",
                "review",
                practice,
                f"Nobody has recorded whether this is so: {labels}.",
                "Record it once for the practice.",
                *used(not_recorded=", ".join(missing)),
            )
        )
    if facts.coverage.deductible_applies:
        share = BOOK.on("cost_share.usual", facts.last_day)
        found.append(
            BOOK.finding(
                "DEDUCTIBLE_APPLIES",
                "review",
                share,
                "This member's plan has a deductible that may apply to care management.",
                "Tell the patient what it may cost before the next service.",
                *used(deductible_remaining=facts.coverage.deductible_remaining or "not known"),
            )
        )
    return tuple(found)


def documents(on: date) -> tuple[RequiredDocument, ...]:
    plan, benefit, practice = (
        BOOK.on("pdcm.plan", on),
        BOOK.on("pdcm.benefit", on),
        BOOK.on("pdcm.practice", on),
    )
    training = BOOK.on("pdcm.training", on)
    return (
        RequiredDocument("care_plan", "Care plan", "Dated in or before the month.", cited(plan)),
        RequiredDocument(
            "care_management_benefit",
            "The group's benefit",
            "Checked before the first contact: outside the program the member would be billed.",
            cited(benefit),
        ),
        RequiredDocument(
            "training",
            "Training",
            f"The course on team-based care, within {training.whole} months of a member's first billing.",
            cited(training),
        ),
        *(
            RequiredDocument(key, label, f"{label}.", cited(practice))
            for key, label in practice.table.items()
        ),
    )


def _last_said(facts: MonthFacts, element: str) -> bool | None:
    said = sorted((held.on, held.met) for held in facts.attestations if held.element == element)
    before = [met for on, met in said if on <= facts.last_day]
    return before[-1] if before else None
