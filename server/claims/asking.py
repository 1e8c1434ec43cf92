"""Asks each payer's rules about many patients' months: one answer for each, whatever becomes of a plugin."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from carewright_plugin_api.canonical import fingerprint_of
from carewright_plugin_api.decisions import Decision
from carewright_plugin_api.facts import Coverage, MonthFacts

from server.claims.month import (
    House,
    PatientMonth,
    carried_out,
    deciding_coverage,
    facts_of,
    month_bounds,
    no_coverage,
    not_owned,
    plugin_fault,
    unknown_payer,
)
from server.plugin_host.discover import Loaded, plugins
from server.plugin_host.runner import Fault, NotOwned, Runner, Told

#: (staff, payer kind) -> first day on which a line rested on that person's work
FirstBilled = Mapping[tuple[UUID, str], date]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be kept of one patient's month. facts and told are the canonical texts of question and decision."""

    known: PatientMonth
    coverage: Coverage | None
    plugin: Loaded | None
    facts: str
    fingerprint: str
    decision: Decision
    told: str


async def answers_about(
    known: Sequence[PatientMonth],
    month: str,
    house: House,
    before: FirstBilled,
    runner: Runner,
    *,
    closing: UUID | None = None,
) -> list[Answer]:
    """One answer per patient: the owner's rules, or the house's own hold where nobody's rules apply. closing: the run."""
    _, _, first, last = month_bounds(month, house.zone)
    answers: list[Answer] = []
    asked: dict[str, list[tuple[PatientMonth, Coverage, MonthFacts]]] = defaultdict(list)
    owners: dict[str, Loaded] = {}
    for one in known:
        program = one.enrollments[0].program if one.enrollments else one.spans[0].program if one.spans else ""
        coverage = deciding_coverage(one, first, last)
        if coverage is None:
            answers.append(_from_the_house(one, None, no_coverage(house.policy, program)))
            continue
        owner = plugins().owner_of(coverage)
        if owner is None:
            unknown = unknown_payer(house.policy, program, coverage.payer)
            answers.append(_from_the_house(one, coverage, unknown))
            continue
        billed = {staff: day for (staff, payer), day in before.items() if payer == coverage.payer}
        facts = facts_of(replace(one, first_billed=billed), coverage, month, house)
        owners[owner.name] = owner
        asked[owner.name].append((one, coverage, facts))
    for name, questions in asked.items():
        texts = [facts.to_json() for _, _, facts in questions]
        replies = await runner.decide(
            owners[name], [facts for _, _, facts in questions], texts, closing=closing
        )
        for (one, coverage, facts), text, reply in zip(questions, texts, replies, strict=True):
            program = facts.enrollments[0].program if facts.enrollments else ""
            match reply:
                case Told():
                    decision, told = reply.decision, reply.text
                    if (kept := carried_out(decision, facts.overrides)) is not decision:
                        decision, told = kept, kept.to_json()
                case NotOwned():
                    decision = not_owned(facts.policy, program, coverage.payer, reply.plugin)
                    told = decision.to_json()
                case Fault():
                    decision = plugin_fault(facts.policy, program, reply.plugin, reply.why)
                    told = decision.to_json()
            answers.append(Answer(one, coverage, owners[name], text, fingerprint_of(text), decision, told))
    return answers


def _from_the_house(known: PatientMonth, coverage: Coverage | None, decision: Decision) -> Answer:
    return Answer(known, coverage, None, "", "", decision, decision.to_json())
