"""The second payer: its numbers, its other answers, and that it disagrees with the first."""

import tomllib
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from carewright_plugin_api.examples import entry, typical_month
from carewright_plugin_api.facts import Entry, MonthFacts
from carewright_plugin_api.hooks import PayerRules
from carewright_plugin_api.testing import check_rules
from hypothesis import given, settings
from hypothesis import strategies as st
from payer_bcbsm.plugin import RULES, carewright_payer_rules
from payer_bcbsm.rules.book import BOOK

CALL = entry(
    "call",
    "2026-05-05T09:00",
    "2026-05-05T09:20",
    program="pdcm",
    mode="phone",
    with_patient=True,
    licensed=True,
)


def month(**changes: Any) -> MonthFacts:
    return typical_month("2026-05", program="pdcm", payer="bcbsm", product="commercial_ppo", **changes)


def test_no_gaps_and_no_overlaps() -> None:
    assert BOOK.problems() == []


def test_the_hook_hands_over_rules() -> None:
    assert isinstance(carewright_payer_rules(), PayerRules)
    assert {"98966", "98967", "98968"} <= set(RULES.manifest.codes)


def test_twenty_minutes_on_the_telephone_mean_something_else_here() -> None:
    facts = month(entries=(CALL,))
    (decision,) = check_rules(RULES, [facts])
    (line,) = decision.lines
    assert (line.code, line.units, line.date_of_service) == ("98967", 1, date(2026, 5, 5))
    assert line.amount is None
    assert "contract" in line.amount_note


def test_the_same_code_has_another_threshold_here() -> None:
    work = entry("a", "2026-05-05T09:00", "2026-05-05T09:35", program="pdcm", activity="coordination")
    facts = month(entries=(work,))
    (decision,) = check_rules(RULES, [facts])
    assert [(line.code, line.units) for line in decision.lines] == [("99487", 1)]


def test_a_hold_on_the_member_keeps_every_line_back() -> None:
    facts = month(entries=(CALL,))
    facts = replace(facts, coverage=replace(facts.coverage, care_management_benefit=False))
    (decision,) = check_rules(RULES, [facts])
    assert decision.lines == ()
    assert "member" in decision.holds[0].sentence


def test_a_second_call_the_same_day_is_told() -> None:
    later = replace(CALL, id="later", start=CALL.start.replace(hour=20), end=CALL.end.replace(hour=20))
    facts = month(entries=(CALL, later))
    (decision,) = check_rules(RULES, [facts])
    assert [finding.code for finding in decision.findings][:1] == ["SECOND_CALL_SAME_DAY"]
    assert sum(line.units for line in decision.lines) == 1


def test_cost_share_is_nothing_only_where_that_is_known() -> None:
    facts = month()

    def share(**coverage: object) -> tuple[Decimal | None, Decimal | None]:
        held = RULES.cost_share([], replace(facts, coverage=replace(facts.coverage, **coverage)))
        return held.low, held.high

    assert share() == (None, None)
    assert share(deductible_applies=False) == (0, 0)
    assert share(deductible_applies=True, deductible_remaining=Decimal(300)) == (None, Decimal(300))


def test_eligibility_and_documents() -> None:
    facts = month(plans=())
    facts = replace(facts, coverage=replace(facts.coverage, care_management_benefit=None))
    (found,) = RULES.eligibility([facts])
    assert [finding.code for finding in found] == ["PDCM_BENEFIT_NOT_CHECKED", "NO_CARE_PLAN"]
    assert RULES.required_documents("ccm", date(2026, 5, 1)) == ()
    assert RULES.required_documents("pdcm", date(2026, 5, 1))[0].element == "care_plan"


def test_what_counts() -> None:
    assert RULES.counts(CALL, date(2026, 5, 5)).counts
    assert RULES.counts(replace(CALL, role="practitioner"), date(2026, 5, 5)).code == "NOT_BY_PHYSICIAN"
    assert RULES.counts(replace(CALL, program="ccm"), date(2026, 5, 5)).code == "OTHER_PROGRAM"


entries_of_a_month = st.lists(
    st.builds(
        lambda minute, seconds, **held: {
            "start": CALL.start.replace(day=1) + timedelta(minutes=minute),
            "end": CALL.start.replace(day=1) + timedelta(minutes=minute, seconds=seconds),
            **held,
        },
        st.integers(0, 30 * 24 * 60),
        st.integers(1, 6000),
        person=st.sampled_from("ab"),
        role=st.sampled_from(["staff", "staff", "practitioner"]),
        mode=st.sampled_from(["phone", "phone", "video", "message", "none"]),
        activity=st.sampled_from(["contact", "coordination", "team_meeting", "assessment"]),
        licensed=st.booleans(),
        declined=st.booleans(),
        joint=st.sampled_from([None, None, "m"]),
        first_billed_on=st.sampled_from([None, date(2025, 1, 1)]),
    ),
    max_size=7,
)


@given(entries_of_a_month, st.one_of(st.none(), st.integers(1, 31)))
@settings(max_examples=200, deadline=None)
def test_every_answer_is_storable_and_within_the_rules(drawn: list[dict[str, Any]], died: int | None) -> None:
    entries = tuple(Entry(id=f"e{n}", program="pdcm", **held) for n, held in enumerate(drawn))
    facts = month(entries=entries, died_on=date(2026, 5, died) if died else None)
    (decision,) = check_rules(RULES, [facts])
    keys = [(line.code, line.date_of_service) for line in decision.lines]
    assert len(keys) == len(set(keys))
    assert all(facts.died_on is None or day <= facts.died_on for _, day in keys)
    assert sum(line.units for line in decision.lines if line.code == "99487") <= 1
    assert sum(line.units for line in decision.lines if line.code == "G9007") <= 2
    assert all(line.units == 1 for line in decision.lines if line.code.startswith("9896"))


def test_the_version_is_the_package_s() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    assert RULES.manifest.version == project["version"]
