"""Which step of a referral may follow which, whom we may ask and when, and the next unhurried hour: plain functions."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.enrollment.introductions import STARTERS, check_script, introduced
from server.enrollment.referral_tables import INTRODUCERS, STATES, STEPS
from server.enrollment.referrals import (
    FIRST_VISIT,
    MAY_FOLLOW,
    OPEN,
    Said,
    after,
    check_may_ask,
    first_state,
    next_first_visit,
)
from server.errors import Refused

MONDAY = datetime(2026, 11, 23, 13, tzinfo=UTC)


@dataclass(frozen=True)
class Kept:
    starts_at: datetime
    ends_at: datetime


@pytest.mark.parametrize(
    ("state", "step", "leads_to"),
    [
        ("suggested", "confirmed", "asked"),
        (
            "suggested",
            "accepted",
            "accepted",
        ),  # a care manager may make first contact, confirmed or not (T16)
        ("asked", "not_now", "asked"),
        ("accepted", "rerouted", "asked"),
        ("accepted", "enrolled", "enrolled"),
        ("asked", "declined", "declined"),
    ],
)
def test_what_may_follow(state: str, step: str, leads_to: str) -> None:
    """R085 R093 R101 T16."""
    assert after(state, step) == leads_to


def test_nothing_follows_an_end_and_every_step_is_known() -> None:
    """R112: an end stays an end; a control that each open state lets a no be heard."""
    assert set(MAY_FOLLOW) | {"suggested", "asked"} == set(STEPS)
    for state in STATES:
        for step in MAY_FOLLOW:
            if state not in OPEN:
                with pytest.raises(Refused) as refused:
                    after(state, step, ended_on=date(2026, 11, 3))
                assert refused.value.code == "REFERRAL_OVER"
                assert "3 November 2026" in refused.value.message
        if state in OPEN:
            assert after(state, "declined") == "declined"


def test_who_needs_a_providers_word() -> None:
    """R085 R097 T16."""
    told = {
        (source, role): first_state(source, role, confirmed_by_provider=True)
        for source in ("team", "self")
        for role in ("medical_assistant", "provider")
    }
    assert told == {
        ("team", "medical_assistant"): "suggested", ("team", "provider"): "asked",
        ("self", "medical_assistant"): "asked", ("self", "provider"): "asked",
    }  # fmt: skip
    assert first_state("team", "medical_assistant", confirmed_by_provider=False) == "asked"


def test_nobody_is_asked_before_their_day() -> None:
    """R111: on the day itself we may ask; without a day, only they bring it up."""
    no = Said(date(2026, 11, 3), "An evening call", date(2027, 2, 3))
    with pytest.raises(Refused, match="NOT_BEFORE") as refused:
        check_may_ask(no, "team", date(2027, 2, 2), "Maria")
    assert "An evening call" in refused.value.message
    check_may_ask(no, "team", date(2027, 2, 3), "Maria")
    check_may_ask(no, "self", date(2026, 11, 4), "Maria")
    with pytest.raises(Refused):
        check_may_ask(Said(date(2026, 11, 3), "", None), "family", date(2030, 1, 1), "Maria")
    check_may_ask(None, "team", date(2026, 11, 4), "Maria")


def test_the_next_unhurried_hour() -> None:
    """R089 R090: the first kept hour ahead that is free; forty minutes at the end of a block are enough, less is not."""
    block = Kept(MONDAY, MONDAY + timedelta(minutes=100))
    short = Kept(MONDAY + timedelta(days=1), MONDAY + timedelta(days=1, minutes=39))
    before = MONDAY - timedelta(hours=1)
    assert next_first_visit(before, [block], []) == MONDAY
    assert next_first_visit(before, [block], [MONDAY]) == MONDAY + FIRST_VISIT
    assert next_first_visit(MONDAY, [block, short], [MONDAY + FIRST_VISIT]) is None
    assert next_first_visit(before, [], []) is None


@settings(max_examples=60)
@given(
    starts=st.lists(st.integers(0, 60 * 24 * 5), max_size=6), lasts=st.integers(0, 300),
    taken=st.lists(st.integers(0, 60 * 24 * 5), max_size=6), now=st.integers(0, 60 * 24 * 5),
)  # fmt: skip
def test_a_proposed_hour_is_kept_ahead_and_nobody_elses(
    starts: list[int], lasts: int, taken: list[int], now: int
) -> None:
    """R090: whatever is kept and taken."""

    def at(minute: int) -> datetime:
        return MONDAY + timedelta(minutes=minute)

    blocks = [Kept(at(one), at(one + lasts)) for one in sorted(starts)]
    busy = [at(one) for one in taken]
    found = next_first_visit(at(now), blocks, busy)
    if found is None:
        return
    assert found > at(now)
    assert any(b.starts_at <= found and found + timedelta(minutes=40) <= b.ends_at for b in blocks)
    assert all(abs(found - one) >= FIRST_VISIT for one in busy)


def test_our_own_words_are_whole_with_and_without_a_condition() -> None:
    """R027 R028: four starters; nothing is left unfilled, and nobody is called a case."""
    assert set(STARTERS) == set(INTRODUCERS)
    for words in STARTERS.values():
        assert check_script(words) == words
        bare = introduced(words, {"patient": "Maria", "care_manager": "Nora", "colleague": "Dr. Lin"})
        assert bare
        assert "{{" not in " ".join(bare)
        assert "case" not in words.lower().split()
    assert introduced("Hello {{ patient }}.\n{{result}} is new.", {"patient": "Maria", "result": ""}) == [
        "Hello Maria."
    ]
