"""What must hold whatever the month looks like."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from billing_medicare.plugin import RULES
from carewright_plugin_api.decisions import Decision, problems
from carewright_plugin_api.examples import split, typical_month
from carewright_plugin_api.facts import Consent, DecisionLevel, Entry, FacilityStay, MonthFacts, start_of_day
from hypothesis import given, settings
from hypothesis import strategies as st

ZONES = ["America/Detroit", "America/Phoenix", "Europe/Dublin", "Asia/Kathmandu", "Australia/Lord_Howe"]
MONTHS = ["2016-02", "2019-11", "2020-03", "2024-03", "2026-03", "2026-11"]


@st.composite
def months(draw: st.DrawFn) -> MonthFacts:
    """A month with a few entries, perhaps over its edges, and perhaps consent, stays or death in the middle."""
    zone, month = draw(st.sampled_from(ZONES)), draw(st.sampled_from(MONTHS))
    first = date.fromisoformat(f"{month}-01")
    begins = start_of_day(first, zone)
    moment = st.integers(-36, 32 * 24 * 60).map(lambda minutes: begins + timedelta(minutes=minutes))
    entry = st.builds(
        lambda start, seconds, person, role, **held: dict(
            person=f"{role}-{person}", role=role, start=start, end=start + timedelta(seconds=seconds), **held
        ),
        moment,
        st.integers(1, 5400),
        st.sampled_from("ab"),
        st.sampled_from(["staff", "staff", "practitioner", "admin"]),
        status=st.sampled_from(["final", "final", "final", "draft"]),
        joint=st.sampled_from([None, None, None, "m"]),
        program=st.sampled_from(["ccm", "ccm", "ccm", "rpm"]),
        activity=st.sampled_from(["contact", "coordination", "administrative"]),
    )
    drawn: list[dict[str, Any]] = draw(st.lists(entry, max_size=7))
    facts = typical_month(
        month,
        zone=zone,
        policy=draw(st.sampled_from(["accurate", "max"])),
        decision_levels=(DecisionLevel("ccm", draw(st.sampled_from(["low", "moderate", "high"]))),),
        entries=tuple(Entry(id=f"e{n}", **held) for n, held in enumerate(drawn)),
    )
    if draw(st.booleans()):
        facts = replace(facts, died_on=first + timedelta(days=draw(st.integers(0, 31))))
    if draw(st.booleans()):
        stay: datetime = draw(moment)
        facts = replace(
            facts, stays=(FacilityStay("inpatient", stay, stay + timedelta(days=draw(st.integers(1, 9)))),)
        )
    if draw(st.booleans()):
        facts = replace(facts, consents=(*facts.consents, Consent("no", "ccm", "revoked", draw(moment))))
    return facts


def decide(facts: MonthFacts) -> Decision:
    (decision,) = RULES.decide([facts])
    return decision


def billed(decision: Decision) -> dict[str, int]:
    return {line.code: line.units for line in decision.lines}


@given(months(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_order_of_entries_never_matters(facts: MonthFacts, random: Any) -> None:
    shuffled = list(facts.entries)
    random.shuffle(shuffled)
    assert decide(replace(facts, entries=tuple(shuffled))) == decide(facts)


@given(months(), st.integers(0, 31 * 24 * 3600))
@settings(max_examples=150, deadline=None)
def test_splitting_an_entry_never_changes_what_is_billed(facts: MonthFacts, second: int) -> None:
    at = start_of_day(facts.first_day, facts.zone) + timedelta(seconds=second)
    whole, pieces = decide(facts), decide(replace(facts, entries=split(facts.entries, at)))
    assert billed(whole) == billed(pieces)
    assert [(m.who, m.seconds) for m in whole.minutes] == [(m.who, m.seconds) for m in pieces.minutes]
    assert [line.date_of_service for line in whole.lines] == [line.date_of_service for line in pieces.lines]


@given(months())
@settings(max_examples=200, deadline=None)
def test_every_answer_is_storable_and_within_the_rules(facts: MonthFacts) -> None:
    decision = decide(facts)
    assert problems(decision, facts, RULES.manifest) == []
    units = billed(decision)
    assert units.get("99439", 0) <= 2
    assert units.get("G2058", 0) <= 2
    assert len({"99490", "99491", "99487"} & set(units)) <= 1
    for addon, base in {"99439": "99490", "G2058": "99490", "99437": "99491", "99489": "99487"}.items():
        assert addon not in units or base in units
    for line in decision.lines:
        assert facts.first_day <= line.date_of_service <= facts.last_day
        assert facts.died_on is None or line.date_of_service <= facts.died_on
    assert len({line.date_of_service for line in decision.lines}) <= 1


@given(months())
@settings(max_examples=150, deadline=None)
def test_every_second_of_the_month_is_counted_or_explained(facts: MonthFacts) -> None:
    decision = decide(facts)
    begins = start_of_day(facts.first_day, facts.zone)
    ends = start_of_day(facts.last_day + timedelta(days=1), facts.zone)
    logged = sum(
        (max(timedelta(), min(e.end, ends) - max(e.start, begins)) for e in facts.entries),
        timedelta(),
    )
    if not decision.minutes:
        return
    together = next(m.seconds for m in decision.minutes if m.who == "together")
    assert together + sum(out.seconds for out in decision.left_out) == logged.total_seconds()


@given(months(), st.integers(1, 600))
@settings(max_examples=150, deadline=None)
def test_taking_time_away_never_adds_minutes(facts: MonthFacts, seconds: int) -> None:
    shorter = tuple(
        replace(e, end=max(e.start + timedelta(seconds=1), e.end - timedelta(seconds=seconds)))
        for e in facts.entries
        if e.program == "ccm"
    )
    others = tuple(e for e in facts.entries if e.program != "ccm")
    before, after = decide(facts), decide(replace(facts, entries=(*shorter, *others)))
    for one, other in zip(before.minutes, after.minutes, strict=True):
        assert other.seconds <= one.seconds
