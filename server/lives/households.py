"""Who stands by somebody, where they live, how they like to be reached."""

from dataclasses import replace
from typing import Final

from server.lives.dice import Dice
from server.lives.life import Place, Supporter, Way
from server.lives.names import Heritage, given_names

_REACH: Final = (
    "After ten, not before", "Mornings, before the heat", "Evenings after six", "Any time; lets it ring long", "A text first, then the call", "Not during prayers; late afternoon is good",
    "Tuesdays and Thursdays, when off work", "Speak slowly, on the left side", "The house phone, not the mobile", "Lunch break, half past twelve", "Not on Fridays",
    "Daughter answers by day", "Early; up at five", "Hard of hearing: say your name twice", "After the school run", "By video, to see a face", "",
    "", "Weekday mornings", "Leave a message, calls back the same day",
)  # fmt: skip
#: limits only, so that none of them contradicts how somebody likes to be reached
_BEST_TIMES: Final = ("Not on Sundays", "Not at weekends", "Not after eight in the evening")
#: (relationship in words, kind, whose sex, least and most age of the person helped, years older than the person)
_KIN: Final = (
    ("daughter", "family", "female", 48, 110, -27), ("son", "family", "male", 48, 110, -29), ("sister", "family", "female", 25, 110, 2), ("brother", "family", "male", 25, 110, -3),
    ("niece", "family", "female", 60, 110, -30), ("grandson", "family", "male", 66, 110, -48), ("granddaughter", "family", "female", 66, 110, -47), ("mother", "family", "female", 18, 45, 26),
    ("neighbour across the hall", "neighbour", "female", 30, 110, -5), ("neighbour who has the key", "neighbour", "male", 40, 110, -8), ("friend from church", "friend", "female", 40, 110, 0),
    ("friend since school", "friend", "male", 25, 110, 0), ("home aide, three mornings a week", "paid", "female", 70, 110, -30), ("cousin", "family", "female", 20, 110, 1),
)  # fmt: skip
_TOPICS: Final = (
    "everything",
    "appointments and rides",
    "medicines and appointments",
    "the breathing, not the money",
    "whatever is needed in an emergency",
    "everything but the mood",
    "",
    "diet and shopping",
)
_HELP: Final = (
    "rides",
    "fills the pill box on Sundays",
    "shopping and lifting",
    "sits in on the calls",
    "cooks twice a week",
    "the paperwork",
    "company",
    "reads the letters aloud",
)
_SPOUSE: Final = {"female": ("husband", "male"), "male": ("wife", "female")}


def phone(dice: Dice, place: Place) -> str:
    """An invented number: 555-0100 to 555-0199 of an area's are kept for that."""
    return f"+1{dice.one(place.area_codes)}555{100 + dice.whole(0, 99):04d}"  # 555-0100 to 0199 ring nobody


def ways(dice: Dice, place: Place, age: int, given: str, family: str, number: int) -> tuple[Way, ...]:
    found = [
        Way(
            "phone",
            phone(dice, place),
            "home" if age > 60 and dice.chance(0.6) else "mobile",
            dice.chance(0.7),
        )
    ]
    if age >= 18 and dice.chance(0.35):
        found.append(Way("text", phone(dice, place), "mobile", True))
    if 18 <= age < 80 and dice.chance(0.3):
        plain = "".join(
            c
            for c in f"{given.split(maxsplit=1)[0]}.{family.split(maxsplit=1)[0]}".lower()
            if c.isascii() and (c.isalpha() or c == ".")
        )
        found.append(Way("email", f"{plain}{number}@mail.example", "", True))
    times = dice.apart("best times")
    return tuple(
        replace(way, best_time=times.one(_BEST_TIMES)) if times.chance(0.3) else way for way in found
    )


def reach(dice: Dice, language: str, interpreter: bool) -> str:
    if language == "ase":
        return "By video relay or text; never by voice"
    if interpreter:
        return dice.one(
            (
                "Through an interpreter, mornings",
                "Interpreter first, then the call",
                "Through an interpreter; likes the same one",
            )
        )
    return dice.one(_REACH)


def supporters(
    dice: Dice, of: Heritage, place: Place, age: int, sex: str, family: str, marital: str, born_year: int
) -> tuple[Supporter, ...]:
    """Up to three who help, each with what may be talked about. A child has a parent."""
    found: list[Supporter] = []

    def add(words: str, kind: str, whose: str, older: int, *, topics: str = "", role: str = "") -> None:
        first = dice.one(given_names(of, whose, born_year - older))
        surname = family if kind == "family" and dice.chance(0.7) else dice.one(of.families.split())
        known = any(one.name.split()[0] == first for one in found)
        if not known:
            found.append(
                Supporter(
                    f"{first} {surname}",
                    kind,
                    words,
                    topics,
                    dice.one(_HELP),
                    role,
                    phone(dice, place) if dice.chance(0.7) else "",
                )
            )

    if age < 18:
        add("mother", "family", "female", 29, topics="everything", role="guardian")
        return tuple(found)
    if marital == "M":
        words, whose = _SPOUSE[sex]
        add(
            words,
            "family",
            whose,
            1,
            topics=dice.one(("everything", "everything", "appointments and rides")),
            role="emergency_contact" if dice.chance(0.5) else "",
        )
    for _ in range(
        dice.weighted([(0, 2.0), (1, 5.0), (2, 2.0)])
        if found
        else dice.weighted([(0, 1.0), (1, 6.0), (2, 3.0)])
    ):
        words, kind, whose, low, high, older = dice.one(_KIN)
        if low <= age <= high:
            add(
                words,
                kind,
                whose,
                older,
                topics=dice.one(_TOPICS),
                role=dice.weighted([("", 6.0), ("emergency_contact", 3.0), ("healthcare_proxy", 1.0)]),
            )
    return tuple(found)


def street(dice: Dice, place: Place) -> str:
    number, unit = (
        dice.whole(12, 9800),
        dice.weighted(
            [
                ("", 6.0),
                (f", Apt {dice.whole(1, 12)}", 2.0),
                (", upper flat", 1.0),
                (f", Lot {dice.whole(2, 60)}", 0.4),
            ]
        ),
    )
    return f"{number} {dice.one(place.streets)}{unit}"
