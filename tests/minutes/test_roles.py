import itertools
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.minutes.roles import Dated, class_of, spell_at, spells

NORA = UUID(int=1)
ZONE = "America/Detroit"


@pytest.mark.parametrize(
    ("discipline", "role_class"),
    [
        ("md", "practitioner"), ("NP", "practitioner"), ("Physician Assistant", "practitioner"),
        ("rn", "staff"), ("medical_assistant", "staff"), ("lmsw", "staff"), ("Pharm.D.", "staff"),
        ("front_desk", "admin"), ("administrator", "admin"), ("", "admin"), ("astrologer", "admin"),
    ],
)  # fmt: skip
def test_a_discipline_makes_a_class_and_an_unknown_one_is_office_work(
    discipline: str, role_class: str
) -> None:
    assert class_of(discipline) == role_class


def test_a_nurse_who_becomes_a_practitioner_counts_as_one_from_that_midnight() -> None:
    line = spells([NORA], [Dated(NORA, "rn", date(2020, 1, 1)), Dated(NORA, "np", date(2026, 7, 1))], ZONE)
    midnight = datetime(2026, 7, 1, 4, tzinfo=UTC)
    assert spell_at(line, NORA, midnight).role_class == "practitioner"
    assert spell_at(line, NORA, midnight.replace(hour=3, minute=59)).discipline == "rn"
    assert spell_at(line, NORA, datetime(2019, 12, 31, tzinfo=UTC)).role_class == "admin"


def test_between_two_disciplines_nothing_is_assumed() -> None:
    line = spells(
        [NORA],
        [Dated(NORA, "rn", date(2020, 1, 1), date(2020, 12, 31)), Dated(NORA, "rn", date(2022, 1, 1))],
        ZONE,
    )
    assert spell_at(line, NORA, datetime(2020, 12, 31, 23, tzinfo=UTC)).role_class == "staff"
    assert spell_at(line, NORA, datetime(2021, 6, 1, tzinfo=UTC)).role_class == "admin"


@given(
    st.lists(
        st.builds(
            lambda word, first, days: Dated(
                NORA, word, first, None if days is None else date.fromordinal(first.toordinal() + days)
            ),
            st.sampled_from(["rn", "np", "md", "front_desk"]),
            st.dates(date(2015, 1, 1), date(2030, 1, 1)),
            st.none() | st.integers(0, 900),
        ),
        max_size=5,
    )
)
def test_a_time_line_has_no_gap_and_no_overlap(held: list[Dated]) -> None:
    line = spells([NORA], held, ZONE)
    assert line[0].starts_at.year == 1
    assert line[-1].ends_at.year == 9999
    assert all(one.ends_at == other.starts_at for one, other in itertools.pairwise(line))
    assert all(one.discipline != other.discipline for one, other in itertools.pairwise(line))
