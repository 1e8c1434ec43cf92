"""A practice of invented people: each from their own draws, and all of them in the same few diaries."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from server.lives import households, measures, names, stories
from server.lives.asked import asked_of
from server.lives.contacts import Person, desk_calls, visits
from server.lives.coverage import insurance
from server.lives.diary import Diary
from server.lives.dice import Dice
from server.lives.illnesses import Illness, conditions
from server.lives.life import Hospital, Life, Medicine, Place, Problem, Result, Team
from server.lives.programs import suited, take_part

_AGES: Final = (((6, 17), 4.0), ((18, 44), 15.0), ((45, 64), 27.0), ((65, 79), 35.0), ((80, 97), 19.0))
_ALLERGIES: Final = (
    ("Penicillin", "Rash"),
    ("Sulfa medicines", "Hives"),
    ("Shellfish", "Swelling of the lips"),
    ("Latex", "Itching"),
    ("Codeine", "Vomiting"),
    ("Bee stings", "Swelling"),
)
_SPECIALISTS: Final = {
    "heart_failure": "Dr. Amara Ossai, heart", "stiff_heart": "Dr. Amara Ossai, heart", "fibrillation": "Dr. Amara Ossai, heart", "coronary": "Dr. Amara Ossai, heart",
    "diabetes_kidney": "Dr. Piet Verhoek, kidneys", "kidney": "Dr. Piet Verhoek, kidneys", "copd": "Dr. Ines Calloway, lungs", "parkinson": "Dr. Joao Merrin, nerves", "stroke": "Dr. Joao Merrin, nerves",
    "epilepsy": "Dr. Joao Merrin, nerves", "rheumatoid": "Dr. Tova Lindgren, joints", "pregnancy": "Dr. Odile Marchetti, obstetrics", "sickle_cell": "Dr. Sunniva Achterberg, blood", "diabetes_1": "Dr. Halvard Quist, hormones",
}  # fmt: skip
#: the year whose names somebody of an age has: no later day gives them others
_NAMED_IN: Final = 2026
_MAY_BE_ADMITTED: Final = {"heart_failure", "stiff_heart", "copd", "stroke", "sickle_cell"}


def lives(
    seed: int,
    place: Place,
    team: Team,
    today: date,
    count: int,
    busy: tuple[tuple[str, datetime, datetime], ...] = (),
) -> Iterator[Life]:
    """`count` lives up to the day before `today`. busy: (staff, start, end) when somebody is taken already.

    Another `today` gives the same people: names, ages, conditions, stories. Their dates count back from it.
    """
    diary = Diary(place.zone, busy, place.slug)
    told: set[str] = set()
    called: set[tuple[str, str]] = set()
    for number in range(count):
        yield _life(Dice(seed, place.slug, number), seed, place, team, today, number, diary, told, called)


def _life(
    dice: Dice, seed: int, place: Place, team: Team, today: date, number: int, diary: Diary, told: set[str], called: set[tuple[str, str]]
) -> Life:  # fmt: skip
    who = dice.apart("who")
    age = who.whole(*who.weighted(_AGES))
    born = _days_before(today, age, who.whole(0, 364))
    sex = "female" if who.chance(0.54) else "male"
    of = names.heritage(who)
    name = names.name(who, of, sex, _NAMED_IN - age)
    for _ in range(30):
        if (name.family, name.given) not in called:
            break
        name = names.name(who, of, sex, _NAMED_IN - age)
    called.add((name.family, name.given))
    speaks, share, helped = of.language
    language = speaks if age >= 18 and who.chance(share) else "en"
    interpreter = language != "en" and who.chance(helped)
    married = age >= 22 and who.chance(0.1 if age < 30 else 0.48)
    marital = (
        "M"
        if married
        else "W"
        if age > 72 and who.chance(0.6)
        else "D"
        if age > 35 and who.chance(0.4)
        else "S"
        if age >= 18
        else ""
    )
    since = max(born + timedelta(days=20), today - timedelta(days=who.whole(760, 2400)))

    ill = dice.apart("ill")
    had = conditions(ill, age, sex)
    problems = tuple(_problem(ill, one, born, today) for one in had)
    therapy = today - timedelta(days=ill.whole(150, 500))
    died_on = today - timedelta(days=ill.whole(15, 330)) if age >= 76 and ill.chance(0.035) else None
    medicines = _medicines(had, problems, therapy, today)
    seen_until = died_on or today
    courses = tuple(
        measures.course(ill, kind, max(today - timedelta(days=725), problem.since, since), therapy)
        for kind, problem in _measured(had, problems)
    )
    results: list[Result] = []
    for course in courses:
        results += measures.results(ill, course, seen_until, place.zone)
    stays = _stays(dice.apart("stay"), had, place, today, since) if died_on is None else ()

    home = dice.apart("home")
    supporters = households.supporters(home, of, place, age, sex, name.family, marital, _NAMED_IN - age)
    spouse = next(
        (
            (one.name.split()[0], "male" if sex == "female" else "female")
            for one in supporters
            if one.words in {"wife", "husband"}
        ),
        None,
    )
    covers = insurance(dice.apart("covers"), place, born, age, name.family, spouse, today)

    person = Person(
        sex, language, interpreter, problems, courses, supporters, stays, team.managers[number % len(team.managers)],
        team.providers[(number // 2) % len(team.providers)],
    )  # fmt: skip
    care = dice.apart("care")
    program = suited(place, person, age, covers)
    taken = take_part(
        care, diary, person, place, team, program, medicines, today, died_on, since + timedelta(days=30)
    )
    began = max(since, today - timedelta(days=730))
    seen, at_visits = visits(care, diary, person, began, seen_until, taken.discussed)
    contacts = [*taken.contacts, *at_visits, *desk_calls(care, diary, person, team, began, seen_until)]
    cared = taken.program is not None and taken.program.status in {"enrolled", "paused"}
    words = dice.apart("words")
    matters = _unlike(told, lambda turn: stories.matters(number + turn, age, language, seed, place.slug))
    ordered = tuple(sorted(results, key=lambda one: (one.at, one.label)))
    return Life(
        family=name.family, given=name.given, preferred=name.preferred, born=born, sex=sex,
        races=of.races, ethnicity=of.ethnicity, language=language, interpreter=interpreter, marital=marital,
        reach="Ask for the mother" if age < 18 else households.reach(home, language, interpreter),
        ways=households.ways(home, place, age, name.given, name.family, number), street=households.street(home, place),
        city=place.city, state=place.state, zip=home.one(place.zips), supporters=supporters, insurance=covers,
        matters=matters,
        story=_unlike(told, lambda turn: stories.story(number + turn, age, sex, married, seed, place.slug)),
        told_by="Told through the interpreter" if interpreter else "", told_on=max(since, began) + timedelta(days=words.whole(0, 20)),
        problems=problems, medicines=medicines, results=ordered,
        allergies=tuple(ill.some(_ALLERGIES, 1)) if ill.chance(0.24) else (), visits=tuple(seen), stays=stays,
        manager=person.manager if cared else "", provider=person.provider,
        specialists=tuple(dict.fromkeys(_SPECIALISTS[one.key] for one in had if one.key in _SPECIALISTS)), since=since,
        program=taken.program, contacts=tuple(sorted(contacts, key=lambda one: one.at)), 
        asked=asked_of(
            dice.apart("asked"), place, ordered, taken.program, person.manager if cared else "", person.provider, age, matters, seen_until
        ),
        between=taken.worked, died_on=died_on,
    )  # fmt: skip


def _days_before(today: date, years: int, days: int) -> date:
    """So many birthdays and days ago; the 29th of February counts as the 28th."""
    birthday = today.replace(year=today.year - years, day=min(today.day, 28))
    return birthday - timedelta(days=days)


def _problem(dice: Dice, one: Illness, born: date, today: date) -> Problem:
    if one.key == "pregnancy":
        since = today - timedelta(days=dice.whole(30, 100))
    elif one.key == "sickle_cell":
        since = born
    else:
        since = max(
            born + timedelta(days=365),
            today - timedelta(days=365 * dice.whole(*one.years) + dice.whole(0, 300)),
        )
    return Problem(one.key, one.code, one.label, one.words, one.chronic, since)


def _medicines(
    had: tuple[Illness, ...], problems: tuple[Problem, ...], therapy: date, today: date
) -> tuple[Medicine, ...]:
    found: dict[str, Medicine] = {}
    for one, problem in zip(had, problems, strict=True):
        for drug in one.first:
            found.setdefault(drug.label, Medicine(drug.label, drug.dosage, problem.words, problem.since))
        for drug in one.added:
            if problem.since <= therapy:
                found.setdefault(drug.label, Medicine(drug.label, drug.dosage, problem.words, therapy))
    return tuple(one for one in found.values() if one.started_on <= today)


def _measured(had: tuple[Illness, ...], problems: tuple[Problem, ...]) -> list[tuple[str, Problem]]:
    found: dict[str, Problem] = {}
    for one, problem in zip(had, problems, strict=True):
        for kind in one.measures:
            found.setdefault(kind, problem)
    return list(found.items())


def _stays(
    dice: Dice, had: tuple[Illness, ...], place: Place, today: date, since: date
) -> tuple[Hospital, ...]:
    """Some of those who may be admitted were, once, for a few days."""
    ill = next((one for one in had if one.key in _MAY_BE_ADMITTED), None)
    if ill is None or not dice.chance(0.3):
        return ()
    on = today - timedelta(days=dice.whole(20, 500))
    if on < since:
        return ()
    zone = ZoneInfo(place.zone)
    start = datetime.combine(on, time(dice.whole(1, 20), 20), zone)
    end = datetime.combine(on + timedelta(days=dice.whole(2, 6)), time(11, 30), zone)
    return (Hospital(start.astimezone(UTC), end.astimezone(UTC), place.hospital, ill.words),)


def _unlike(told: set[str], say: Callable[[int], str]) -> str:
    """The first telling that nobody here was given before; in a practice of many thousands, the last one tried."""
    said = ""
    for turn in range(0, 4000, 97):
        said = say(turn)
        if said not in told:
            break
    told.add(said)
    return said
