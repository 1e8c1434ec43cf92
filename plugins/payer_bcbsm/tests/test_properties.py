"""What must hold whatever the month looks like."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from carewright_plugin_api.decisions import Decision, problems
from carewright_plugin_api.examples import split, typical_month
from carewright_plugin_api.facts import BilledService, Entry, MonthFacts, start_of_day
from carewright_plugin_api.testing import answers_digest, units_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from payer_bcbsm.plugin import RULES

MONTH, ZONE = "2026-05", "America/Detroit"
BEGINS, ENDS = start_of_day(date(2026, 5, 1), ZONE), start_of_day(date(2026, 6, 1), ZONE)
MOMENT = st.integers(0, 31 * 24 * 60 - 100).map(lambda minutes: BEGINS + timedelta(minutes=minutes))


@st.composite
def months(draw: st.DrawFn) -> MonthFacts:
    """Entries of every kind of work by all kinds of people, perhaps with a death or the end of the cover in between."""
    entry = st.builds(
        lambda start, seconds, **held: {"start": start, "end": start + timedelta(seconds=seconds), **held},
        MOMENT,
        st.integers(1, 5400),
        person=st.sampled_from("abc"),
        role=st.sampled_from(["staff", "staff", "staff", "practitioner", "admin"]),
        activity=st.sampled_from(
            ["contact", "coordination", "coordination", "assessment", "team_meeting", "prior_authorization"]
        ),
        mode=st.sampled_from(["phone", "video", "message", "email", "none"]),
        with_patient=st.booleans(),
        licensed=st.booleans(),
        reached=st.sampled_from([True, True, True, False]),
        declined=st.sampled_from([False, False, False, True]),
        condition=st.sampled_from([None, "E11.9", "I50.22"]),
        status=st.sampled_from(["final", "final", "final", "draft"]),
        joint=st.sampled_from([None, None, None, "m"]),
        encounter=st.sampled_from([None, None, "e"]),
        first_billed_on=st.sampled_from([None, None, date(2025, 1, 4)]),
        program=st.sampled_from(["pdcm", "pdcm", "pdcm", "ccm"]),
    )
    drawn: list[dict[str, Any]] = draw(st.lists(entry, max_size=7))
    facts = typical_month(
        MONTH,
        program="pdcm",
        payer="bcbsm",
        product=draw(st.sampled_from(["commercial_ppo", "bcn"])),
        policy=draw(st.sampled_from(["accurate", "max"])),
        entries=tuple(Entry(id=f"e{n}", **held) for n, held in enumerate(drawn)),
    )
    day = st.integers(-3, 33).map(lambda days: date(2026, 5, 1) + timedelta(days=days))
    if draw(st.booleans()):
        facts = replace(facts, died_on=draw(day))
    if draw(st.booleans()):
        facts = replace(facts, coverage=replace(facts.coverage, ends_on=draw(day)))
    if draw(st.booleans()):
        services = st.builds(
            BilledService,
            st.sampled_from(["G9002", "99487", "99489", "98966"]),
            st.one_of(day, st.just(date(2026, 1, 5))),
            st.booleans(),
            modifiers=st.sampled_from([(), ("2P",)]),
            diagnosis=st.sampled_from([None, "E11.9"]),
        )
        facts = replace(facts, billed=tuple(draw(st.lists(services, max_size=3))))
    return facts


def decide(facts: MonthFacts) -> Decision:
    (decision,) = RULES.decide([facts])
    return decision


def said(decision: Decision) -> tuple[Any, ...]:
    return (
        units_of(decision.lines),
        sorted(line.date_of_service for line in decision.lines),
        sorted(hold.code for hold in decision.holds),
        [(counted.who, counted.seconds) for counted in decision.minutes],
    )


@given(months(), st.randoms(use_true_random=False))
@settings(max_examples=120, deadline=None)
def test_order_never_matters(facts: MonthFacts, random: Any) -> None:
    entries, billed = list(facts.entries), list(facts.billed)
    random.shuffle(entries)
    random.shuffle(billed)
    assert decide(replace(facts, entries=tuple(entries), billed=tuple(billed))) == decide(facts)


@given(months(), MOMENT)
@settings(max_examples=200, deadline=None)
def test_splitting_an_entry_never_changes_what_is_billed(facts: MonthFacts, at: datetime) -> None:
    """But at the month's own edge: a contact belongs to the month it began in, and two entries are two beginnings."""
    assume(all(e.end <= ENDS for e in facts.entries))
    whole, pieces = decide(facts), decide(replace(facts, entries=split(facts.entries, at)))
    one, other = said(whole), said(pieces)
    assert (one[0], one[1], one[3]) == (other[0], other[1], other[3])
    assert set(one[2]) == set(other[2])


@given(months())
@settings(max_examples=150, deadline=None)
def test_every_answer_is_storable_and_within_the_rules(facts: MonthFacts) -> None:
    decision = decide(facts)
    assert problems(decision, facts, RULES.manifest) == []
    assert decide(facts).to_json() == decision.to_json()
    units = units_of(line for line in decision.lines if line.code in ("99487", "99489"))
    assert units.get("99487", 0) <= 1
    assert units.get("99489", 0) <= 3
    assert "99489" not in units or "99487" in units
    a_day = [(line.code, line.date_of_service) for line in decision.lines if line.code != "G9007"]
    assert len(set(a_day)) == len(a_day)
    calls = [line.date_of_service for line in decision.lines if line.code.startswith("9896")]
    assert len(set(calls)) == len(calls)
    for line in decision.lines:
        assert line.units <= (4 if line.code == "G9002" else 3)
        assert line.entry_ids
        assert set(line.entry_ids) <= {entry.id for entry in facts.entries}
        assert facts.coverage.in_force(line.date_of_service)
        assert facts.died_on is None or line.date_of_service <= facts.died_on
        assert "2P" not in line.modifiers or facts.coverage.product == "commercial_ppo"
        assert line.amount is None
    assert all(hold.what_would_change.strip() for hold in decision.holds)


@given(months())
@settings(max_examples=150, deadline=None)
def test_every_entry_is_counted_or_explained(facts: MonthFacts) -> None:
    decision = decide(facts)
    named = {id for counted in decision.minutes for id in counted.entry_ids}
    assert named | {out.entry_id for out in decision.left_out} == {e.id for e in facts.entries}
    assert all(out.sentence and out.rule_id for out in decision.left_out)


@given(months())
@settings(max_examples=120, deadline=None)
def test_no_minute_counts_twice(facts: MonthFacts) -> None:
    """No two lines but of one code and its add-on rest on the same minute of the same person."""
    decision = decide(facts)
    total = timedelta(seconds=sum(counted.seconds for counted in decision.minutes))
    ours = [e for e in facts.entries if e.program == "pdcm"]
    alone = timedelta()
    for who in {(e.person, e.role) for e in ours}:
        upto = BEGINS - timedelta(days=1)
        for start, end in sorted((e.start, e.end) for e in ours if (e.person, e.role) == who):
            alone += max(timedelta(), end - max(start, upto))
            upto = max(upto, end)
    assert total <= alone


@given(months(), MOMENT, st.integers(1, 5400))
@settings(max_examples=150, deadline=None)
def test_more_coordination_never_lowers_anything(facts: MonthFacts, at: datetime, seconds: int) -> None:
    more = Entry("more", "zoe", "staff", at, at + timedelta(seconds=seconds), "pdcm", "coordination")
    before, after = decide(facts), decide(replace(facts, entries=(*facts.entries, more)))
    for service, units in units_of(before.lines).items():
        assert units_of(after.lines).get(service, 0) >= units


@given(months(), MOMENT)
@settings(max_examples=100, deadline=None)
def test_the_work_of_another_program_changes_nothing_here(facts: MonthFacts, at: datetime) -> None:
    other = Entry("other", "somebody", "staff", at, at + timedelta(minutes=30), "bhi")
    before, after = decide(facts), decide(replace(facts, entries=(*facts.entries, other)))
    assert (before.lines, before.minutes) == (after.lines, after.minutes)
    assert "other" in {out.entry_id for out in after.left_out}


@given(months())
@settings(max_examples=100, deadline=None)
def test_names_mean_nothing(facts: MonthFacts) -> None:
    people = dict(zip("abc", "zyx", strict=True))
    renamed = replace(
        facts,
        patient="somebody-else",
        entries=tuple(
            replace(e, id=f"y{99 - n}", person=people[e.person], encounter=e.encounter and "other")
            for n, e in enumerate(facts.entries)
        ),
    )
    one, other = said(decide(facts)), said(decide(renamed))
    assert one == other


def test_a_hundred_times_in_five_processes_the_same_bytes() -> None:
    cases = Path(__file__).parent.parent / "cases" / "pdcm.yaml"
    ask = (
        "from pathlib import Path; from carewright_plugin_api.testing import answers_digest as digest; "
        f"print(digest(Path({str(cases)!r}), 20))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", ask],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (0, 1, 2, 3, 4000)
    }
    assert told == {f"{answers_digest(cases)}\n"}
