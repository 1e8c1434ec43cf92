"""From a yes to a goodbye: who is in a program, since when, with which plan; and who said no, and why."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from server.lives import notes
from server.lives.contacts import RHYTHMS, Person, between, first_talk, talks
from server.lives.diary import Diary, working_day
from server.lives.dice import Dice
from server.lives.life import Agreement, Contact, Insurance, Medicine, Place, Plan, Program, Team, Worked

_LEFT: Final = (
    "Doing well and does not need the calls any more",
    "Moved to be near family",
    "Would rather talk at visits only",
    "Changed to another practice",
)
_PAUSED: Final = (
    "Away with family until the weather turns",
    "Asked for some quiet after the funeral",
    "At a daughter's for the winter",
)
_NO: Final = (
    ("Has enough people calling already", "Fewer calls from everybody else"),
    ("Does not want another bill", "Knowing beforehand what it costs"),
    ("Manages well alone", "A call only if something changes"),
    ("Wants to think about it", "Talking it over with family"),
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a program came to: itself, its talks, work between them, the day it was first discussed at a visit."""

    program: Program | None
    contacts: tuple[Contact, ...] = ()
    worked: tuple[Worked, ...] = ()
    discussed: tuple[date, str] | None = None


def suited(place: Place, person: Person, age: int, insurance: tuple[Insurance, ...]) -> str:
    """The program somebody could be in; empty for none."""
    chronic = sum(one.chronic for one in person.problems)
    payer = insurance[0].payer
    if age < 18 or any(one.key == "pregnancy" for one in person.problems):
        return ""
    if payer == place.commercial:
        return "pdcm" if chronic >= 1 else ""
    return "ccm" if chronic >= 2 else ""


def take_part(
    dice: Dice, diary: Diary, person: Person, place: Place, team: Team, program: str, medicines: tuple[Medicine, ...], today: date,
    died_on: date | None, since: date,
) -> Taken:  # fmt: skip
    """Whether they take part, and everything that follows."""
    if not program:
        return Taken(None)
    answer = dice.weighted(
        [("enrolled", 62.0), ("ended", 8.0), ("paused", 3.0), ("declined", 8.0), ("", 17.0)]
    )
    if answer == "":
        return Taken(None)
    earliest = max(since, today - timedelta(days=730))
    latest = (died_on or today) - timedelta(days=70)
    if latest <= earliest:
        return Taken(None)
    span = (latest - earliest).days
    started = working_day(earliest + timedelta(days=int(span * dice.between(0, 1) ** 1.5)))
    if answer == "declined":
        return _said_no(dice, diary, person, program, started)
    opening = None
    while opening is None:
        opening = first_talk(dice, diary, person, program, started)
        started = started if opening else working_day(started + timedelta(days=1))
    ended = died_on
    if ended is None and answer == "ended":
        ended = started + timedelta(days=dice.whole(50, max(60, (today - started).days - 10)))
        ended = min(ended, today - timedelta(days=3))
    paused = (
        working_day(today - timedelta(days=dice.whole(14, 50)))
        if answer == "paused" and ended is None
        else None
    )
    until = ended or paused or today
    rhythm = dice.weighted([("Every week", 1.0), ("Every other week", 6.0), ("Once a month", 3.0)])
    follow = talks(
        dice, diary, person, team, program, rhythm, started + timedelta(days=RHYTHMS[rhythm][0]), until, today
    )
    changes: list[tuple[str, date, str]] = [("enrolled", started, "")]
    agreements = [Agreement("given", opening.at, "verbal" if dice.chance(0.7) else "written", "patient")]
    status, reason = "enrolled", ""
    if ended is not None:
        status = "ended"
        reason = "Died at home, with family there" if died_on else dice.one(_LEFT)
        changes.append(("ended", ended, reason))
        if not died_on:
            last = max([opening.at, *(one.at for one in follow)])
            agreements.append(Agreement("revoked", last + timedelta(hours=1), "verbal", "patient", reason))
    elif paused is not None:
        status = "paused"
        changes.append(("paused", paused, dice.one(_PAUSED)))
    discussed = max(since, started - timedelta(days=dice.whole(2, 20)))
    return Taken(
        Program(
            program, status, started, ended, reason, rhythm, tuple(changes), tuple(agreements),
            _plans(dice, person, medicines, started, until), dice.chance(0.86),
        ),
        (opening, *follow),
        tuple(between(dice, diary, person, started + timedelta(days=1), until)),
        (discussed - timedelta(days=max(0, discussed.weekday() - 4)), program),
    )  # fmt: skip


def _said_no(dice: Dice, diary: Diary, person: Person, program: str, on: date) -> Taken:
    start = diary.take(person.manager, on, 60 * dice.whole(9, 15), 12)
    if start is None:
        return Taken(None)
    why, help = dice.one(_NO)
    no = Agreement("refused", start, "verbal", "patient", why, help, on + timedelta(days=365))
    contact = Contact(
        person.manager, start, "phone", "declined_program", program, f"Told what the program is. {why}. A decision, and a clear one.", "", "", "", True, (),
    )  # fmt: skip
    return Taken(Program(program, "declined", on, on, why, "", (), (no,), (), False), (contact,))


def _plans(
    dice: Dice, person: Person, medicines: tuple[Medicine, ...], started: date, until: date
) -> tuple[Plan, ...]:
    found = []
    days = [started]
    if (until - started).days > 380:
        days.append(working_day(started + timedelta(days=dice.whole(340, 370))))
    for place, on in enumerate(days):
        known = [one for one in person.problems if one.since <= on]
        themes = list(dict.fromkeys(notes.THEMES.get(one.key, "general") for one in known)) or ["general"]
        goals = [notes.GOALS[one] for one in themes[:2]]
        taken = [one.label for one in medicines if one.started_on <= on]
        found.append(
            Plan(
                on, "; ".join(one.words for one in known), " ".join(one[0] for one in goals), " ".join(one[1] for one in goals),
                ", ".join(taken), "; ".join(f"{one.name}, {one.words}: {one.helps_with}" for one in person.supporters),
                " ".join(one[2] for one in goals), dice.one(("paper", "paper", "mail", "portal")), place > 0,
            )
        )  # fmt: skip
    return tuple(found)
