"""Which days a record may bear, and how days and times are written in sentences."""

from datetime import UTC, date, datetime, timedelta

import pytest

from server.enrollment.days import Life, check_day, check_instant, clock, time_of_day, written
from server.errors import Refused

NOW = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)  # still the 19th in Detroit
LIFE = Life(date(1948, 3, 9), date(2026, 11, 18), NOW, "America/Detroit")


@pytest.mark.parametrize(
    ("day", "code"),
    [
        (date(2026, 11, 20), "DATED_IN_FUTURE"),
        (date(2026, 11, 19), "DATED_AFTER_DEATH"),
        (date(2026, 11, 18), None),
        (date(1948, 3, 9), None),
        (date(1948, 3, 8), "DATED_BEFORE_BIRTH"),
    ],
)
def test_a_day_lies_between_birth_and_death_and_is_not_to_come(day: date, code: str | None) -> None:
    if code is None:
        check_day(LIFE, day, what="The plan", field="dated_on")
        return
    with pytest.raises(Refused) as refused:
        check_day(LIFE, day, what="The plan", field="dated_on")
    assert (refused.value.code, refused.value.field) == (code, "dated_on")
    assert written(day) in refused.value.message
    assert refused.value.message.startswith("The plan is dated")


def test_today_is_the_practices_day() -> None:
    assert LIFE.today == date(2026, 11, 19)
    assert Life(LIFE.born, None, NOW, "UTC").today == date(2026, 11, 20)


def test_an_instant_later_today_has_not_come_either() -> None:
    life = Life(LIFE.born, None, NOW, LIFE.zone)
    check_instant(life, NOW, what="The consent", field="at")
    with pytest.raises(Refused) as refused:
        check_instant(life, NOW + timedelta(seconds=1), what="The consent", field="at")
    assert "19 November 2026, 10:30:01 pm" in refused.value.message


def test_what_may_follow_a_death_is_not_refused_for_it() -> None:
    check_day(LIFE, date(2026, 11, 19), what="The call", field="at", after_death=True)


def test_times_are_written_as_people_say_them() -> None:
    assert clock(datetime(2026, 3, 2, 17, 5, tzinfo=UTC), "America/Detroit") == "2 March 2026, 12:05 pm"
    assert time_of_day(datetime(2026, 3, 2, 5, 0, 7, tzinfo=UTC), "America/Detroit") == "12:00:07 am"
