"""How alike two records are: pure. Two practices matter nowhere here; whose records are compared is the caller's."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.patients.likeness import ASK, Who, likeness

CERTAIN = 0.95

RUTH = Who("walker", "ruth", date(1944, 5, 2), "female", ["2410555313"], ["12 elm st 48201"], ["M1"])


@pytest.mark.parametrize(
    ("other", "low", "high"),
    [
        (RUTH, 1.0, 1.0),
        (Who("walker", "ruth", date(1944, 5, 2)), CERTAIN, 1.0),
        (Who("walker", "ruth ann", date(1944, 5, 2)), CERTAIN, 1.0),
        (Who("walker", "ruth", date(1944, 2, 5)), ASK, CERTAIN),  # day and month exchanged
        (Who("walker", "ruht", date(1944, 5, 2)), ASK, CERTAIN),  # mistyped
        (Who("reed", "ruth", date(1944, 5, 2), "female", ["2410555313"]), ASK, CERTAIN),  # married since
        (
            Who("walker", "edith", date(1944, 5, 2), "female", ["2410555313"], ["12 elm st 48201"]),
            ASK,
            CERTAIN,
        ),  # a twin: asked
        (Who("walker", "ruth", date(1971, 9, 30)), 0.0, ASK),  # a daughter of her name
        (Who("reed", "omar", date(1944, 5, 2)), 0.0, ASK),
    ],
)
def test_who_is_asked_about(other: Who, low: float, high: float) -> None:
    assert low <= likeness(RUTH, other).score <= high


def test_the_reasons_are_words() -> None:
    found = likeness(RUTH, Who("walker", "edith", date(1944, 5, 2), "female", ["2410555313"]))
    assert found.alike == (
        "the same family name",
        "the same birth date",
        "the same sex",
        "the same telephone number",
    )
    assert found.unlike == ("another given name",)


NAMES = st.text(alphabet="abcdef ", max_size=12).map(lambda t: " ".join(t.split()))
PEOPLE = st.builds(
    Who, NAMES, NAMES, st.dates(date(1920, 1, 1), date(2020, 1, 1)), st.sampled_from(["", "female", "male", "unknown"]),
    st.lists(st.sampled_from(["1", "2"])), st.lists(st.sampled_from(["a", "b"])), st.lists(st.sampled_from(["x", "y"])),
)  # fmt: skip


@given(PEOPLE, PEOPLE)
def test_it_is_the_same_both_ways_and_never_outside_its_range(one: Who, other: Who) -> None:
    there, back = likeness(one, other), likeness(other, one)
    assert 0 <= there.score <= 1
    assert there == back
    assert set(there.alike).isdisjoint(there.unlike)
