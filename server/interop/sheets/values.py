"""One row of a table as what it says about a person, or what is wrong with it. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from server.errors import Refused
from server.interop.sheets.columns import FIELDS, NUMERIC_DAY, Meaning
from server.patients.choices import LANGUAGE
from server.patients.reaching import email_written, phone_written
from server.patients.search import fold
from server.tenants.names import written
from server.words import N_, say

_LONGEST: Final = {"family_name": 120, "given_names": 120, "preferred_name": 120, "full_name": 240, "record_number": 40,
    "street": 200, "city": 100, "state": 40, "zip": 12, "payer": 120, "member_id": 80, "group_number": 50,
    "contact_notes": 500}  # fmt: skip
_SEX: Final = {
    "f": "female", "female": "female", "w": "female", "woman": "female", "femenino": "female", "mujer": "female",
    "m": "male", "male": "male", "man": "male", "masculino": "male", "hombre": "male",
    "x": "other", "other": "other", "o": "other", "nonbinary": "other", "non binary": "other", "otro": "other",
    "u": "unknown", "unknown": "unknown", "not known": "unknown", "desconocido": "unknown",
}  # fmt: skip
_LANGUAGES: Final = {fold(words): code for code, words in LANGUAGE.items() if code} | {
    "espanol": "es", "eng": "en", "spa": "es", "ara": "ar", "mandarin": "zh", "asl": "ase", "castellano": "es",
}  # fmt: skip
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        ("jan ene", "feb", "mar", "apr abr", "may", "jun", "jul", "aug ago", "sep", "oct", "nov", "dec dic"),
        1,
    )
    for name in names.split()
}
#: order -> what is said of a cell that is no day; empty where the order does not matter
_NOT_A_DAY: Final = {
    "": N_("“%(word)s” is not a day."),
    "dmy": N_("“%(word)s” is not a day when the day comes first."),
    "mdy": N_("“%(word)s” is not a day when the month comes first."),
}
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]00:00.*)?")
_PLAIN = re.compile(r"(\d{4})(\d{2})(\d{2})")
_DAY_WORD = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[ \-]*([A-Za-z]{3})[a-z]*\.?,?[ \-]*(\d{4}|\d{2})")
_WORD_DAY = re.compile(r"([A-Za-z]{3})[a-z]*\.?[ \-]*(\d{1,2})(?:st|nd|rd|th)?,?[ \-]+(\d{4}|\d{2})")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row. field: of `FIELDS`, or empty for the whole row."""

    field: str
    sentence: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a row says about a person; what it leaves out is not there. details: columns of the person."""

    record_number: str
    details: Mapping[str, Any]
    phones: tuple[tuple[str, str], ...] = ()  # (use, +1…)
    email: str = ""
    address: Mapping[str, str] = field(default_factory=dict)
    coverage: Mapping[str, Any] = field(default_factory=dict)  # payer, member_id, group_number, from_on

    @property
    def key(self) -> str:
        """By what this person is known again in the next file: the record number, else name and birth date."""
        if self.record_number:
            return f"number|{self.record_number}"
        names = f"{fold(self.details['family_name'])}|{fold(self.details.get('given_names', ''))}"
        return f"person|{names}|{self.details['birth_date']}"

    @property
    def called(self) -> str:
        return f"{self.details.get('given_names', '')} {self.details['family_name']}".strip()


def said(cells: Sequence[str], meaning: Meaning, width: int, separator: str, today: date) -> Said | Fault:
    """The row as values. An empty cell says nothing. width: columns of the header; separator: of the file."""
    if len(cells) > width:
        return Fault(
            "",
            say("This row has %(n)s cells, the header only %(columns)s.", n=len(cells), columns=width),
            say("Put a cell that holds the separator in quotation marks."),
        )
    if any(
        separator in line and line.count(separator) >= width - 1
        for cell in cells
        for line in cell.splitlines()[1:]
    ):
        return Fault(
            "",
            say("A cell of this row holds what looks like a whole further row."),
            say(
                "Most often a quotation mark is missing or one too many: put it right, or make the "
                "cell one line."
            ),
        )
    try:
        given = {name: _text(name, cells[place]) for name, place in meaning.columns.items()}
        return _said({name: value for name, value in given.items() if value}, meaning, today)
    except Refused as refused:
        return Fault(refused.field or "", refused.message, refused.next_step)


def _text(name: str, cell: str) -> str:
    return written(cell, name, what=f"“{say(FIELDS[name])}”", longest=_LONGEST.get(name, 120), empty=True)


def _said(given: dict[str, str], meaning: Meaning, today: date) -> Said:
    details: dict[str, Any] = {
        name: given[name] for name in ("preferred_name", "contact_notes") if name in given
    }
    if "full_name" in given and "family_name" not in given:
        details |= _name_parts(given["full_name"])
    details |= {name: given[name] for name in ("family_name", "given_names") if name in given}
    if not fold(details.get("family_name", "")):
        raise Refused(
            "NO_NAME", say("There is no family name."), say("Write it, or leave the row out."), "family_name"
        )
    if "birth_date" not in given:
        raise Refused(
            "NO_BIRTH_DATE",
            say("There is no birth date."),
            say("Write it, or leave the row out."),
            "birth_date",
        )
    details["birth_date"] = born = day_in(
        given["birth_date"], meaning.orders.get("birth_date", ""), "birth_date", today
    )
    if born > today:
        raise Refused(
            "BORN_IN_FUTURE",
            say("The birth date %(day)s has not come yet.", day=born),
            say("Check the year."),
            "birth_date",
        )
    if born.year < today.year - 130:
        raise Refused(
            "BORN_LONG_AGO",
            say("Nobody born on %(day)s is alive.", day=born),
            say("Check the year."),
            "birth_date",
        )
    for name, known in (("sex", _SEX), ("language", _LANGUAGES)):
        if name in given:
            details[name] = _choice(name, given[name], known)
    phones = tuple(
        (use, phone_written(given[name], name))
        for name, use in (("phone", "home"), ("mobile", "mobile"))
        if name in given
    )
    return Said(
        given.get("record_number", ""),
        details,
        tuple({number: (use, number) for use, number in phones}.values()),
        email_written(given["email"], "email") if "email" in given else "",
        {name: given[name] for name in ("street", "city", "state", "zip") if name in given},
        _coverage(given, meaning, today),
    )


def _name_parts(name: str) -> dict[str, str]:
    """`Núñez, Ana María` or `Ana María Núñez`: without a comma the last word is the family name."""
    family, comma, given = name.partition(",")
    if not comma:
        given, _, family = name.rpartition(" ")
    return {"family_name": family.strip(), "given_names": given.strip()}


def _choice(name: str, text: str, known: Mapping[str, str]) -> str:
    value = known.get(fold(text)) or (
        text.lower()[:2]
        if name == "language" and text.lower()[:2] in LANGUAGE and len(text) in (2, 5)
        else ""
    )
    if not value:
        raise Refused(
            "UNKNOWN_CHOICE",
            say("“%(word)s” is no sex we know.", word=text[:40])
            if name == "sex"
            else say("“%(word)s” is no language we know.", word=text[:40]),
            say("Write female, male, other or unknown.")
            if name == "sex"
            else say("Write it in English, such as Spanish."),
            name,
        )
    return value


def _coverage(given: Mapping[str, str], meaning: Meaning, today: date) -> dict[str, Any]:
    if "payer" not in given:
        return {}
    since = given.get("coverage_from", "")
    start = day_in(since, meaning.orders.get("coverage_from", ""), "coverage_from", today) if since else None
    return {
        "payer": given["payer"],
        "member_id": given.get("member_id", ""),
        "group_number": given.get("group_number", ""),
        "from_on": start,
    }


def day_in(text: str, order: str, name: str, today: date) -> date:
    """The day a cell names. order: mdy or dmy, for days in numbers; empty where nobody said: then only what can be read
    in one way is read. Raises Refused BAD_DATE, DATE_ORDER."""
    parts: tuple[str, str, str] | None = None  # year, month, day
    if found := _ISO.fullmatch(text) or _PLAIN.fullmatch(text):
        parts = (found[1], found[2], found[3])
    elif found := NUMERIC_DAY.fullmatch(text):
        if not order and int(found[1]) != int(found[2]) and max(int(found[1]), int(found[2])) <= 12:
            raise Refused(
                "DATE_ORDER",
                say("“%(day)s” can be read two ways.", day=text[:40]),
                say(
                    "Say among the columns whether the month or the day comes first, or write it as "
                    "1950-03-14."
                ),
                name,
            )
        first_is_day = order == "dmy" or (not order and int(found[1]) > 12)
        parts = (found[3], found[2], found[1]) if first_is_day else (found[3], found[1], found[2])
    elif found := _DAY_WORD.fullmatch(text):
        parts = (found[3], _month(found[2]), found[1])
    elif found := _WORD_DAY.fullmatch(text):
        parts = (found[3], _month(found[1]), found[2])
    try:
        if parts is None:
            raise ValueError
        return date(_year(parts[0], today), int(parts[1]), int(parts[2]))
    except ValueError:
        serial = text.isdecimal() and len(text) == 5
        raise Refused(
            "BAD_DATE",
            say(_NOT_A_DAY[order if parts else ""], word=text[:40]),
            say(
                "This is a spreadsheet's own number for a day: give the column the format “date” and "
                "save it again."
            )
            if serial
            else say("Write it as 1950-03-14."),
            name,
        ) from None


def _month(word: str) -> str:
    return str(_MONTHS.get(word.lower(), 0))


def _year(text: str, today: date) -> int:
    """Two digits are the newest such year that is not to come."""
    year = int(text)
    if len(text) == 4:
        return year
    century = today.year - today.year % 100
    return century + year if century + year <= today.year else century - 100 + year
