from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.tenants import throttle
from server.tenants.throttle import ACCOUNT, BLOCK, block_of, wait
from server.tenants.visitor import describe, known_device, new_mark

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_the_first_five_slips_cost_nothing_and_then_waits_double() -> None:
    past: list[datetime] = []
    waits = []
    for _ in range(12):
        waits.append(wait(past, AT, ACCOUNT) // SECOND)
        past.append(AT)
    assert waits == [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128]


def test_nobody_waits_more_than_a_quarter_of_an_hour_before_the_hour_is_full() -> None:
    assert wait([AT] * 19, AT, ACCOUNT) == timedelta(minutes=15)
    assert wait([AT] * 19, AT + timedelta(minutes=15), ACCOUNT) == timedelta(0)
    assert wait([AT] * 500, AT + timedelta(hours=1), ACCOUNT) == timedelta(0)
    assert wait([AT] * 299, AT, BLOCK) == timedelta(minutes=2)


@given(st.lists(st.integers(0, 7200), max_size=400))
def test_never_more_than_twenty_are_evaluated_in_any_hour(offsets: list[int]) -> None:
    evaluated: list[datetime] = []
    for offset in sorted(offsets):
        at = AT + offset * SECOND
        if wait(evaluated, at, ACCOUNT) == timedelta(0):
            evaluated.append(at)
    for moment in evaluated:
        assert sum(moment - timedelta(hours=1) < other <= moment for other in evaluated) <= ACCOUNT.per_hour


def test_the_most_patient_guesser_gets_twenty_an_hour_and_nobody_is_shut_out_for_good() -> None:
    evaluated: list[datetime] = []
    for second in range(6 * 3600):
        at = AT + second * SECOND
        if wait(evaluated, at, ACCOUNT) == timedelta(0):
            evaluated.append(at)
    first_hour = sum(at < AT + timedelta(hours=1) for at in evaluated)
    assert 5 < first_hour <= 20
    assert len(evaluated) > first_hour  # the door opens again


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/56"),
        ("fe80::1%eth0", "fe80::/56"),
        ("", "unknown"),
        ("evil, 1.2.3.4", "unknown"),
    ],
)
def test_address_blocks(address: str, block: str) -> None:
    assert block_of(address) == block


def test_the_answer_says_how_long() -> None:
    assert "in 32 seconds" in throttle.try_later(timedelta(seconds=31.2)).next_step
    assert "in 15 minutes" in throttle.try_later(timedelta(seconds=900)).next_step


def test_a_mark_counts_for_its_owner_and_for_half_a_year(database: str) -> None:
    today = AT.date()
    mark = new_mark("nora@lakeside.example", today)
    assert known_device(mark, "nora@lakeside.example", today)
    assert known_device(mark, "nora@lakeside.example", today + timedelta(days=180))
    assert known_device(mark, "nora@lakeside.example", today + timedelta(days=181)) is None
    assert known_device(mark, "ada@lakeside.example", today) is None
    for forged in (
        "",
        "x",
        mark[:-1] + ("0" if mark[-1] != "0" else "1"),
        mark.replace(".", ".9", 1),
        "\ud800" + mark,
    ):
        assert known_device(forged, "nora@lakeside.example", today) is None


def test_devices_are_named_as_people_know_them() -> None:
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"
    assert describe(agent) == "Chrome on Windows"
    assert describe(agent + " Edg/142.0") == "Edge on Windows"
    assert describe("curl/8") == "A browser on an unknown system"
