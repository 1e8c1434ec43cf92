"""The other questions a host may ask: eligibility, documents, conflicts, fees, cost share, what counts."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from billing_medicare.plugin import RULES, carewright_payer_rules
from carewright_plugin_api.examples import entry, spent, typical_month
from carewright_plugin_api.facts import Attestation, Coverage, DecisionLevel, Practitioner
from carewright_plugin_api.hooks import PayerRules

DAY = date(2026, 3, 31)


def test_the_hook_hands_over_rules() -> None:
    assert isinstance(carewright_payer_rules(), PayerRules)


def test_whose_coverage_it_owns() -> None:
    part_b = Coverage("b", "medicare_part_b", "", date(2020, 1, 1))
    assert RULES.owns(part_b)
    assert not RULES.owns(replace(part_b, replaces_part_b=True))
    assert not RULES.owns(replace(part_b, payer="bcbsm"))


def test_eligibility_speaks_before_any_minute_is_counted() -> None:
    fine, not_fine = typical_month(), typical_month(consents=(), diagnoses=())
    assert [[finding.code for finding in found] for found in RULES.eligibility([fine, not_fine])] == [
        [],
        ["NO_CONSENT", "NEEDS_2_CHRONIC"],
    ]
    ((proposed,),) = RULES.eligibility([typical_month("2027-02")])
    assert proposed.code == "RULES_ONLY_PROPOSED"


def test_required_documents() -> None:
    elements = [document.element for document in RULES.required_documents("ccm", DAY)]
    assert elements[:4] == ["consent", "conditions", "care_plan", "initiating_visit"]
    assert "access_24x7" in elements
    assert RULES.required_documents("pdcm", DAY) == ()


def test_an_attested_month_has_nothing_left_to_look_at() -> None:
    attested = tuple(
        Attestation(document.element, True, date(2025, 1, 1))
        for document in RULES.required_documents("ccm", DAY)
    )
    facts = typical_month(
        entries=spent(20), attestations=attested, billing_practitioner=Practitioner("dr", "MD")
    )
    (decision,) = RULES.decide([facts])
    assert decision.findings == ()
    (bare,) = RULES.decide([replace(facts, attestations=())])
    assert [finding.code for finding in bare.findings] == ["ELEMENTS_NOT_RECORDED"]


def test_what_counts() -> None:
    call = entry("a", "2026-03-02T09:00", "2026-03-02T09:10")
    assert RULES.counts(call, DAY).counts
    assert RULES.counts(replace(call, role="admin"), DAY).code == "NOT_CLINICAL"
    assert RULES.counts(replace(call, program="rpm"), DAY).code == "OTHER_PROGRAM"


def test_conflicts_change_with_the_year() -> None:
    def holds(day: date) -> set[str]:
        return {
            conflict.hold_code for conflict in RULES.conflicts("99490", day) if "99495" in conflict.with_codes
        }

    assert holds(date(2019, 12, 31)) == {"CONFLICT_CCM_PCM_TCM"}
    assert holds(date(2020, 1, 1)) == set()
    assert RULES.conflicts("12345", DAY) == ()


@pytest.mark.parametrize(
    ("place", "qualifying", "amount"),
    [
        ("11", False, "66.13"),
        ("22", False, "43.76"),
        ("11", True, "66.46"),
        ("22", True, "43.97"),
        ("10", False, "66.13"),
    ],
)
def test_the_rate_goes_by_place_and_factor(place: str, qualifying: bool, amount: str) -> None:
    facts = typical_month(
        place_of_service=place,
        billing_practitioner=Practitioner("dr", "MD", qualifying_participant=qualifying),
    )
    fee = RULES.fees("99490", facts, DAY)
    assert fee is not None
    assert fee.amount == Decimal(amount)


def test_there_is_no_rate_before_2023_and_none_for_2027() -> None:
    assert RULES.fees("99490", typical_month(), date(2022, 12, 31)) is None
    assert RULES.fees("99490", typical_month(), date(2027, 1, 1)) is None
    (decision,) = RULES.decide([typical_month("2020-06", entries=spent(40, "2020-06"))])
    notes = {line.code: line.amount_note for line in decision.lines}
    assert notes["99490"] == "These rules hold rates from 2023-01-01 to 2026-12-31; none for 2020-06-30."
    assert notes["G2058"] == "These rules hold no rate for G2058."


@pytest.mark.parametrize(
    ("remaining", "low", "high"),
    [("0", "13.23", "13.23"), (None, "13.23", "66.13"), ("30", "37.23", "37.23"), ("500", "66.13", "66.13")],
)
def test_cost_share(remaining: str | None, low: str, high: str) -> None:
    facts = typical_month(entries=spent(20))
    left = None if remaining is None else Decimal(remaining)
    facts = replace(facts, coverage=replace(facts.coverage, deductible_remaining=left))
    (decision,) = RULES.decide([facts])
    share = RULES.cost_share(decision.lines, facts)
    assert (share.low, share.high) == (Decimal(low), Decimal(high))


def test_a_qualified_beneficiary_owes_nothing() -> None:
    facts = typical_month(entries=spent(45))
    facts = replace(facts, coverage=replace(facts.coverage, qmb=True))
    (decision,) = RULES.decide([facts])
    assert RULES.cost_share(decision.lines, facts).high == 0


def test_the_other_answer_is_shown_and_never_taken_silently() -> None:
    facts = typical_month(entries=spent(60), decision_levels=(DecisionLevel("ccm", "moderate"),))
    (decision,) = RULES.decide([facts])
    (other,) = decision.alternatives
    assert (other.policy, other.amount) == ("max", Decimal("167.01"))
    (finding,) = [finding for finding in decision.findings if finding.code == "POLICIES_DIFFER"]
    assert "144.29" in finding.sentence
    assert "167.01" in finding.sentence


def test_nobody_is_nudged_to_pad_minutes() -> None:
    (decision,) = RULES.decide([typical_month(entries=spent(19))])
    (hold,) = decision.holds
    assert hold.sentence.startswith("19 whole minutes count in March 2026; the rule asks for 20.")
    assert "nothing is to be done" in hold.next_step
    assert "more minute" not in f"{hold.sentence}{hold.next_step}{hold.what_would_change}".lower()


def test_every_line_shows_its_sources_and_facts() -> None:
    (decision,) = RULES.decide([typical_month("2026-04", entries=spent(61, "2026-04"))])
    addon = decision.lines[1]
    assert addon.entry_ids == ("staff-ccm-0",)
    assert ("staff minutes", "61") in {(fact.name, fact.value) for fact in addon.facts_used}
    assert any("medically unlikely" in citation.title for citation in addon.citations)
    assert all(citation.reviewed_on and citation.status == "FINAL" for citation in addon.citations)
