"""The invented lives: the same from the same seed, all of them different, and none that could not be."""

from collections import Counter
from dataclasses import asdict, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.assessments.instrument import Answer
from server.assessments.library import newest
from server.assessments.scoring import check_answers, concerns, scores
from server.demo_cast import PRACTICES
from server.demo_people import HILLCREST as BY_HAND_THERE
from server.demo_people import LAKESIDE as BY_HAND
from server.lives import measures, notes
from server.lives.diary import Diary
from server.lives.dice import Dice
from server.lives.hours import HOURS, hours_of
from server.lives.illnesses import ILLNESSES, PROFILES, conditions, fits
from server.lives.life import Life, Place, Result
from server.lives.people import lives
from server.lives.places import PLACES, TEAMS
from server.tenants.hours import Weekly, there_on

TODAY = date(2026, 11, 23)
SIZES = {"lakeside": 240, "hillcrest": 40}


def made(seed: int, slug: str, on: date = TODAY) -> list[Life]:
    return list(lives(seed, PLACES[slug], TEAMS[slug], on, SIZES[slug]))


@pytest.fixture(scope="module")
def practices() -> dict[str, list[Life]]:
    return {slug: made(20, slug) for slug in SIZES}


@pytest.fixture(scope="module")
def everybody(practices: dict[str, list[Life]]) -> list[Life]:
    return [one for people in practices.values() for one in people]


def local(at: datetime, place: Place) -> datetime:
    return at.astimezone(ZoneInfo(place.zone))


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(
    practices: dict[str, list[Life]],
) -> None:
    for slug, people in practices.items():
        assert repr(made(20, slug)).encode() == repr(people).encode()
        other = made(21, slug)
        assert len({one.story for one in other} & {one.story for one in people}) <= len(people) / 20
        alike = sum(a.family == b.family and a.born == b.born for a, b in zip(other, people, strict=True))
        assert alike < len(people) / 20


def test_another_day_gives_the_same_people_with_other_dates(practices: dict[str, list[Life]]) -> None:
    for slug, people in practices.items():
        later = made(20, slug, date(2029, 3, 1))
        for one, same in zip(people, later, strict=True):
            assert who(one) == who(same)
            assert one.born != same.born
            assert age_on(one.born, TODAY) == age_on(same.born, date(2029, 3, 1))


def who(one: Life) -> tuple[object, ...]:
    return (
        (one.family, one.given, one.preferred, one.sex, one.language, one.matters, one.story),
        tuple(problem.key for problem in one.problems),
        tuple(helper.name for helper in one.supporters),
    )


def test_nobody_depends_on_how_many_come_after() -> None:
    few = list(lives(20, PLACES["hillcrest"], TEAMS["hillcrest"], TODAY, 10))
    assert few == made(20, "hillcrest")[:10]


def test_no_two_people_are_alike(practices: dict[str, list[Life]], everybody: list[Life]) -> None:
    assert len(everybody) == 280
    assert len({one.story for one in everybody}) == 280
    for people in practices.values():
        assert len({one.matters for one in people}) == len(people)
        assert len({(one.family, one.given) for one in people}) == len(people)


def test_ages_sexes_and_conditions_go_together(everybody: list[Life]) -> None:
    pregnant = 0
    for one in everybody:
        age = age_on(one.born, TODAY)
        assert 6 <= age <= 98, one
        for problem in one.problems:
            illness = ILLNESSES[problem.key]
            assert fits(illness, age, one.sex), (age, one.sex, problem)
            assert one.born <= problem.since <= TODAY
        if any(problem.code.startswith("O") for problem in one.problems):
            pregnant += 1
            assert one.sex == "female"
            assert age < 50
            assert (TODAY - problem_since(one, "pregnancy")).days < 280
        if age < 18:
            assert one.marital == ""
            assert one.program is None
            assert any(helper.legal_role == "guardian" for helper in one.supporters)
            assert one.insurance[0].subscriber is not None or one.insurance[0].payer == "Acme Mutual"
        if any(cover.payer == "Medicare Part B" for cover in one.insurance):
            assert age >= 45
    assert pregnant >= 1


def test_what_people_answered_comes_to_what_their_chart_says_and_no_worry_is_left_alone(
    practices: dict[str, list[Life]],
) -> None:
    totals = {"phq-9": "44261-6", "gad-7": "70274-6"}
    seen: Counter[str] = Counter()
    for one in (one for people in practices.values() for one in people):
        for told in one.asked:
            assert told.at.date() < (one.died_on or TODAY), told
            assert told.at.date() > one.born
            instrument = newest()[told.instrument]
            answers = check_answers(
                instrument, [Answer(said.item, said.codes, said.number, said.text) for said in told.replies]
            )
            values = {score.key: score.value for score in scores(instrument, answers)}
            if told.instrument in totals:
                loinc = totals[told.instrument]
                (result,) = [r for r in one.results if r.loinc == loinc and r.at == told.at]
                assert values["total"] == round(result.value or 0)
            assert bool(told.worry) == bool(concerns(instrument, answers)), told
            seen[told.instrument] += 1
            seen["worry"] += bool(told.worry)
    assert (
        min(seen[key] for key in ("phq-9", "gad-7", "ahc-hrsn", "rulers", "whole-picture", "falls", "worry"))
        > 4
    )


def test_every_profile_can_be_somebodys() -> None:
    for _, low, high, keys in PROFILES:
        assert any(
            fits(ILLNESSES[keys[0]], age, sex) for age in range(low, high + 1) for sex in ("female", "male")
        )


@given(st.integers(0, 10**6), st.integers(6, 97), st.sampled_from(["female", "male"]))
def test_no_draw_gives_anybody_what_they_cannot_have(seed: int, age: int, sex: str) -> None:
    for one in conditions(Dice(seed), age, sex):
        assert fits(one, age, sex)
        assert not (sex == "male" and one.key in {"pregnancy", "ovaries", "bones", "breast_history"})
        assert not (sex == "female" and one.key in {"prostate", "prostate_history"})


def test_visits_and_talks_lie_between_birth_and_death_and_never_in_a_hospital_or_to_come(
    practices: dict[str, list[Life]],
) -> None:
    for slug, people in practices.items():
        place = PLACES[slug]
        for one in people:
            last = one.died_on or TODAY
            for contact in one.contacts:
                day = local(contact.at, place).date()
                assert one.born < day < last or (day < TODAY and one.died_on is None), (one, contact)
                assert day.weekday() < 5
                assert 8 <= local(contact.at, place).hour < 17
                for stay in one.stays:
                    assert not stay.from_at <= contact.at <= stay.to_at, (one, contact)
            for seen in one.visits:
                assert one.born < seen.on < last
            for result in one.results:
                assert local(result.at, place).date() < last
            for stay in one.stays:
                assert stay.from_at < stay.to_at
                assert stay.to_at.date() < TODAY


def test_minutes_lie_in_their_contact_s_day_and_nobody_is_in_two_places(
    practices: dict[str, list[Life]],
) -> None:
    for slug, people in practices.items():
        place = PLACES[slug]
        spans: dict[str, list[tuple[datetime, datetime]]] = {}
        for one in people:
            for contact in one.contacts:
                for worked in contact.worked:
                    assert contact.at <= worked.start < worked.end
                    assert worked.end - contact.at <= timedelta(hours=1)
                    assert local(worked.start, place).date() == local(worked.end, place).date()
                    assert worked.staff == contact.staff
            for worked in [w for c in one.contacts for w in c.worked] + list(one.between):
                assert worked.end > worked.start
                spans.setdefault(worked.staff, []).append((worked.start, worked.end))
        assert set(spans) == set(TEAMS[slug].managers)
        for mine in spans.values():
            assert all(before[1] <= after[0] for before, after in pairwise(sorted(mine)))


def test_nothing_is_counted_before_a_yes_or_after_a_goodbye(everybody: list[Life]) -> None:
    statuses: Counter[str] = Counter()
    for one in everybody:
        worked = [w for c in one.contacts for w in c.worked] + list(one.between)
        if one.program is None:
            assert not worked
            continue
        statuses[one.program.status] += 1
        if one.program.status == "declined":
            assert not worked
            assert [a.kind for a in one.program.agreements] == ["refused"]
            continue
        given_at = one.program.agreements[0].at
        assert one.program.agreements[0].kind == "given"
        assert all(w.start >= given_at for w in worked), one
        if one.program.ended_on is not None:
            assert all(w.start.date() <= one.program.ended_on for w in worked)
        for revoked in one.program.agreements[1:]:
            assert revoked.kind == "revoked"
            assert all(w.start <= revoked.at for c in one.contacts for w in c.worked)
        visit = [seen for seen in one.visits if seen.initiating_for]
        assert len(visit) == 1
        assert visit[0].on <= one.program.started_on
        assert one.program.plans[0].dated_on == one.program.started_on
    assert min(statuses.values()) >= 3
    assert set(statuses) == {"enrolled", "ended", "paused", "declined"}


def test_a_diary_that_is_taken_is_not_given_again() -> None:
    zone = ZoneInfo("America/Detroit")
    busy = (("nora", datetime(2026, 11, 20, 9, 0, tzinfo=zone), datetime(2026, 11, 20, 16, 40, tzinfo=zone)),)
    diary = Diary("America/Detroit", busy)
    taken: list[tuple[datetime, datetime]] = []
    while (start := diary.take("nora", date(2026, 11, 20), 600, 10)) is not None:
        assert not busy[0][1] < start < busy[0][2]
        taken.append((start, start + timedelta(minutes=10)))
    assert taken
    assert all(a[1] <= b[0] for a, b in pairwise(sorted(taken)))
    assert diary.take("nora", date(2026, 11, 21), 600, 10) is None  # a Saturday
    assert diary.take("rosa", date(2026, 11, 20), 600, 10) is not None


def planned(slug: str, key: str, day: date) -> list[tuple[datetime, datetime]]:
    """When somebody of the demo is there that day, as their colleagues are told."""
    lines = [
        Weekly(UUID(int=1), None, weekday, block.begins, block.ends, date(2020, 1, 6))
        for block in hours_of(slug, key)
        for weekday in block.weekdays
    ]
    return [(one.starts_at, one.ends_at) for one in there_on(day, lines, [], PLACES[slug].zone)]


def outside(slug: str, key: str, start: datetime, end: datetime) -> bool:
    day = local(start, PLACES[slug]).date()
    return not any(begins <= start and end <= ends for begins, ends in planned(slug, key, day))


def test_contacts_lie_in_the_hours_of_whoever_made_them(practices: dict[str, list[Life]]) -> None:
    spans = [
        (slug, worked.staff, worked.start, worked.end)
        for slug, people in practices.items()
        for one in people
        for worked in [w for c in one.contacts for w in c.worked] + list(one.between)
    ]
    spans += [
        (slug, c.staff, c.at, c.at + timedelta(minutes=5))
        for slug, people in practices.items()
        for one in people
        for c in one.contacts
    ]
    assert len(spans) > 5_000
    assert [one for one in spans if outside(*one)] == []
    mika = [c for one in practices["lakeside"] for c in one.contacts if c.staff == "mika"]
    assert mika, "who has a day off works on the others"
    assert outside("lakeside", "mika", *(2 * (mika[0].at + timedelta(days=2 - mika[0].at.weekday()),)))


def test_what_is_written_by_hand_lies_in_hours_in_every_month() -> None:
    for slug, key, people in (("lakeside", "nora", BY_HAND), ("hillcrest", "tomas", BY_HAND_THERE)):
        zone = ZoneInfo(PLACES[slug].zone)
        for number in range(48):
            first = date(2026 + number // 12, number % 12 + 1, 1)
            for contact in [c for one in people for c in one.contacts]:
                start = datetime.combine(contact.day(first), time(contact.hour, 5), zone)
                assert (start.year, start.month) == (
                    (first - timedelta(days=1)).year,
                    (first - timedelta(days=1)).month,
                )
                assert not outside(slug, key, start, start + timedelta(minutes=contact.minutes)), (
                    first,
                    contact,
                )


def test_everybody_of_the_demo_has_hours_and_nobody_two_at_once() -> None:
    for demo in PRACTICES:
        assert set(HOURS[demo.slug]) <= {member.key for member in demo.staff}
        for member in demo.staff:
            blocks = hours_of(demo.slug, member.key)
            assert blocks
            for weekday in range(7):
                day = sorted((b.begins, b.ends) for b in blocks if weekday in b.weekdays)
                assert all(before[1] <= after[0] for before, after in pairwise(day))
    both = {
        day
        for slug in ("lakeside", "hillcrest")
        for block in hours_of(slug, "bill")
        for day in block.weekdays
    }
    assert len(both) == sum(len(block.weekdays) for slug in HOURS for block in hours_of(slug, "bill"))


def test_what_is_measured_falls_once_therapy_changes(everybody: list[Life]) -> None:
    moved = 0
    for one in everybody:
        added = [
            drug.started_on
            for drug in one.medicines
            if drug.label.startswith(("Empagliflozin", "Insulin glargine"))
        ]
        a1c = [result for result in one.results if result.label == "Hemoglobin A1c"]
        assert all(result.value is not None and 5 < result.value < 13 for result in a1c)
        if added and a1c and one.problems[0].key == "diabetes":
            before = [r for r in a1c if r.at.date() <= added[-1]]
            after = [r for r in a1c if (r.at.date() - added[-1]).days > 150]
            if before and after:
                moved += 1
                assert value(after[-1]) < value(before[-1]), one
    assert moved >= 20


def test_a_measure_stays_where_it_is_without_therapy() -> None:
    """The control: the same course, with the change of therapy put off for ever, does not fall."""
    course = measures.course(Dice(1), "a1c", date(2025, 1, 1), date(2025, 6, 1))
    untouched = replace(course, therapy=date(2030, 1, 1))
    assert course.at(date(2026, 6, 1)) < course.start - 0.5
    assert untouched.at(date(2026, 6, 1)) >= course.start


def test_codes_are_billable_and_say_what_the_official_set_says() -> None:
    icd: Any = pytest.importorskip("simple_icd_10_cm")
    for one in ILLNESSES.values():
        assert icd.is_leaf(one.code), one
        assert icd.get_description(one.code) == one.label


def test_the_words_are_kind(everybody: list[Life]) -> None:
    import re

    said = repr([asdict(one) for one in everybody])
    assert len(said) > 1_000_000
    for word in ("case", "cases", "non-compliant", "noncompliant", "failed", "overdue", "refused to"):
        found = re.search(rf"\b{re.escape(word)}\b", said, re.IGNORECASE)
        assert found is None, said[found.start() - 60 : found.end() + 20]
    written = [text for one in everybody for text in (one.story, one.matters)]
    written += [text for one in everybody for c in one.contacts for text in (c.note, c.next_step)]
    assert not any("{" in text for text in written)


def test_every_theme_has_a_goal() -> None:
    assert {*notes.THEMES.values(), "general"} == {
        *notes.GOALS,
        "expecting",
    }  # who is expecting is in no program
    assert set(notes.GOALS) <= set(notes.TALKS)


def test_phones_and_addresses_of_mail_are_nobody_s(everybody: list[Life]) -> None:
    for one in everybody:
        for way in one.ways:
            if way.kind == "email":
                assert way.value.endswith("@mail.example")
            else:
                assert way.value[5:10] == "55501"
                assert len(way.value) == 12
        for cover in one.insurance:
            assert cover.payer != "Medicare Part B" or cover.member_id.startswith("1EG4TE5")


def test_other_days_work_too() -> None:
    for on in (date(2028, 2, 29), date(2027, 1, 1), date(2026, 3, 8)):
        people = made(3, "hillcrest", on)
        assert all(
            contact.at.date() < on or contact.at.date() == on for one in people for contact in one.contacts
        )


def age_on(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def problem_since(one: Life, key: str) -> date:
    return next(problem.since for problem in one.problems if problem.key == key)


def value(result: Result) -> float:
    assert result.value is not None
    return result.value
