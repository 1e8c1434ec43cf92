"""Two years of talks, visits and work between them, each in somebody's diary."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from server.lives import notes
from server.lives.diary import Diary, at_home, working_day
from server.lives.dice import Dice
from server.lives.life import Contact, Hospital, Problem, Seen, Supporter, Team, Worked
from server.lives.measures import Course

#: how often -> days between two talks
RHYTHMS: Final = {"Every week": (6, 8), "Every other week": (12, 16), "Once a month": (26, 33)}
_LENGTH: Final = {"in_person": (18, 34), "home": (28, 44), "video": (10, 22)}


@dataclass(frozen=True, slots=True)
class Person:
    """What a talk depends on."""

    sex: str
    language: str
    interpreter: bool
    problems: tuple[Problem, ...]
    courses: tuple[Course, ...]
    supporters: tuple[Supporter, ...]
    stays: tuple[Hospital, ...]
    manager: str
    provider: str
    lately: list[str] = field(default_factory=list)  # pieces of the notes so far


def figure(person: Person, theme: str, on: date) -> float | None:
    """Where the home readings of the theme stand that day."""
    kind = {"sugar": "a1c", "heart": "weight", "pressure": "bp", "expecting": "glucose"}.get(theme, "")
    found = next((one for one in person.courses if one.kind == kind), None)
    if found is None:
        return None
    value = found.at(max(on, found.first))
    return 28.7 * value - 66 if kind == "a1c" else value


def theme_of(dice: Dice, person: Person, on: date) -> tuple[str, Problem | None]:
    """What a talk is about: most often the condition that weighs most."""
    known = [one for one in person.problems if one.since <= on and one.key in notes.THEMES]
    if not known or dice.chance(0.18):
        return "general", None
    problem = known[0] if dice.chance(0.6) else dice.one(known)
    return notes.THEMES[problem.key], problem


def first_talk(dice: Dice, diary: Diary, person: Person, program: str, on: date) -> Contact | None:
    """The long one at which the person says yes; the program's time begins five minutes in."""
    start = diary.take(person.manager, on, 60 * dice.whole(9, 15), 45)
    if start is None:
        return None
    note, then = notes.talk(dice, "first", person.sex, None, person.lately)
    began = start + timedelta(minutes=5)
    worked = (
        Worked(person.manager, "contact", began, began + timedelta(minutes=dice.whole(20, 30))),
        Worked(
            person.manager,
            "plan_work",
            start + timedelta(minutes=36),
            start + timedelta(minutes=43, seconds=dice.whole(0, 50)),
        ),
    )
    kind = "in_person" if dice.chance(0.8) else "home"
    who = person.supporters[0].name if person.supporters and dice.chance(0.4) else ""
    return Contact(person.manager, start, kind, "reached", program, note, then, who, "", True, worked)


def talks(
    dice: Dice,
    diary: Diary,
    person: Person,
    team: Team,
    program: str,
    rhythm: str,
    first: date,
    until: date,
    today: date,
) -> list[Contact]:
    """Talks from `first` on, before `until`, none of them during a stay; and the call after each stay."""
    found: list[Contact] = []
    low, high = RHYTHMS[rhythm]
    on = first
    calls = {working_day(one.to_at.date() + timedelta(days=1)) for one in person.stays}
    while on < until:
        day = working_day(on)
        if day < until and at_home(day, person.stays, "UTC"):
            one = _talk(dice, diary, person, team, program, day, today)
            found += [one] if one else []
        on += timedelta(days=dice.whole(low, high))
    for day in sorted(calls):
        if first <= day < until:
            one = _talk(dice, diary, person, team, program, day, today, after_stay=True)
            found += [one] if one else []
    return sorted(found, key=lambda one: one.at)


def _talk(
    dice: Dice,
    diary: Diary,
    person: Person,
    team: Team,
    program: str,
    on: date,
    today: date,
    *,
    after_stay: bool = False,
) -> Contact | None:
    colleague = len(team.managers) > 1 and dice.chance(0.07)
    staff = dice.one([one for one in team.managers if one != person.manager]) if colleague else person.manager
    kind = "video" if person.language == "ase" else dice.weighted(
        [("phone", 72.0), ("in_person", 10.0), ("video", 8.0), ("home", 3.0), ("message", 3.0)]
    )  # fmt: skip
    told = [one for one in person.supporters if one.may_discuss]
    outcome = "reached"
    if kind == "phone" and not after_stay:
        outcome = dice.weighted(
            [
                ("reached", 78.0),
                ("no_answer", 8.0),
                ("left_message", 8.0),
                ("reached_supporter", 5.0 if told else 0.0),
            ]
        )
    length = dice.whole(*_LENGTH.get(kind, (7, 18))) if outcome.startswith("reached") else dice.whole(1, 2)
    writing = dice.whole(2, 4) if outcome.startswith("reached") and dice.chance(0.45) else 0
    start = diary.take(staff, on, 60 * dice.whole(8, 15) + 5 * dice.whole(0, 11), length + writing + 2)
    if start is None:
        return None
    about = ""
    if outcome in notes.NOBODY:
        note, then = dice.one(notes.NOBODY[outcome]), "Try again"
    elif after_stay:
        note, then = notes.talk(dice, "home_again", person.sex, None, person.lately, day="yesterday")
    else:
        theme, problem = theme_of(dice, person, on)
        note, then = notes.talk(dice, theme, person.sex, figure(person, theme, on), person.lately)
        about = problem.code if problem and dice.chance(0.7) else ""
    who = (
        dice.one(told).name
        if outcome == "reached_supporter"
        else "Interpreter on the line"
        if person.interpreter and length > 3
        else ""
    )
    end = start + timedelta(minutes=length, seconds=dice.whole(0, 50))
    activity = "supporter_contact" if outcome == "reached_supporter" else "contact"
    worked = [Worked(staff, activity, start, end)]
    if writing:
        worked.append(Worked(staff, "documentation", end, end + timedelta(minutes=writing)))
    signed = (today - on).days > 6 or dice.chance(0.75)
    return Contact(staff, start, kind, outcome, program, note, then, who, about, signed, tuple(worked))


def between(dice: Dice, diary: Diary, person: Person, first: date, until: date) -> list[Worked]:
    """Work for the person that was no contact: about every other month, before `until`."""
    found: list[Worked] = []
    on = first + timedelta(days=dice.whole(5, 40))
    while on < until:
        day = working_day(on)
        length = dice.whole(4, 11)
        start = (
            diary.take(person.manager, day, 60 * dice.whole(9, 16), length + 1)
            if day < until and at_home(day, person.stays, "UTC")
            else None
        )
        if start is not None:
            activity = dice.weighted(
                [
                    ("coordination", 5.0),
                    ("record_review", 3.0),
                    ("plan_work", 2.0),
                    ("medication_review", 2.0),
                ]
            )
            found.append(
                Worked(
                    person.manager,
                    activity,
                    start,
                    start + timedelta(minutes=length, seconds=dice.whole(0, 50)),
                )
            )
        on += timedelta(days=dice.whole(24, 75))
    return found


def visits(
    dice: Dice, diary: Diary, person: Person, first: date, until: date, initiating: tuple[date, str] | None
) -> tuple[list[Seen], list[Contact]]:
    """Visits in the practice, about every five months, and what the practitioner noted."""
    days = [(working_day(initiating[0]), initiating[1])] if initiating else []
    on = first + timedelta(days=dice.whole(3, 120))
    while on < until:
        if all(abs((on - day).days) > 30 for day, _ in days):
            days.append((working_day(on), ""))
        on += timedelta(days=dice.whole(110, 200))
    seen, contacts = [], []
    for day, program in sorted(days):
        if day >= until or not (program or at_home(day, person.stays, "UTC")):
            continue
        known = [one for one in person.problems if one.since <= day]
        reason = known[0].words if known and dice.chance(0.7) else "Yearly check-up"
        kind = "annual_wellness" if reason == "Yearly check-up" else "office_visit"
        start = diary.take(person.provider, day, 60 * dice.whole(8, 16), 20)
        if start is None and not program:
            continue
        seen.append(Seen(day, person.provider, kind, reason, program))
        if start is not None:
            theme = (
                notes.THEMES.get(known[0].key, "general")
                if known and reason != "Yearly check-up"
                else "general"
            )
            note, then = notes.talk(dice, theme, person.sex, figure(person, theme, day), person.lately)
            about = known[0].code if known and reason != "Yearly check-up" else ""
            contacts.append(
                Contact(person.provider, start, "in_person", "reached", "", note, then, "", about, True, ())
            )
    return seen, contacts


def desk_calls(
    dice: Dice, diary: Diary, person: Person, team: Team, first: date, until: date
) -> list[Contact]:
    """Now and then a call from the desk: refills, rides, forms."""
    found = []
    for _ in range(dice.whole(0, 3)):
        day = working_day(first + timedelta(days=dice.whole(0, max(1, (until - first).days - 1))))
        staff = dice.one(team.assistants)
        start = (
            diary.take(staff, day, 60 * dice.whole(9, 16), 5)
            if first <= day < until and at_home(day, person.stays, "UTC")
            else None
        )
        if start is not None:
            note = dice.one(
                (
                    "Refill sent to the pharmacy.",
                    "Confirmed the visit and the ride.",
                    "New insurance card copied.",
                    "Forms for work ready at the desk.",
                    "Moved the visit to a morning.",
                    "Results letter sent.",
                )
            )
            kind = "message" if person.language == "ase" else "phone"
            found.append(Contact(staff, start, kind, "reached", "", note, "", "", "", True, ()))
    return found
