"""What the columns of a table mean: guessed from the header and the cells, decided by a person. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from server.errors import Refused
from server.interop.sheets.reading import TO_MEND
from server.patients.search import fold
from server.words import N_, say

#: field -> words
FIELDS: Final = {
    "record_number": N_("Record number"),
    "full_name": N_("Whole name"),
    "family_name": N_("Family name"),
    "given_names": N_("Given names"),
    "preferred_name": N_("Preferred name"),
    "birth_date": N_("Birth date"),
    "sex": N_("Sex"),
    "language": N_("Language"),
    "phone": N_("Telephone"),
    "mobile": N_("Mobile telephone"),
    "email": N_("E-mail"),
    "street": N_("Street"),
    "city": N_("City"),
    "state": N_("State"),
    "zip": N_("ZIP"),
    "payer": N_("Payer"),
    "member_id": N_("Member number"),
    "group_number": N_("Group number"),
    "coverage_from": N_("Covered since"),
    "contact_notes": N_("How they like to be reached"),
}
DATES: Final = ("birth_date", "coverage_from")
#: how the days of a column are written, where a day and a month could be exchanged
ORDERS: Final = {"mdy": N_("Month first: 3/14/1950"), "dmy": N_("Day first: 14/3/1950")}
_SAID: Final = {
    "record_number": "mrn|record number|medical record number|chart number|chart|record no|account number|patient id|id|patient number",
    "full_name": "name|patient name|full name|patient|member name",
    "family_name": "last name|family name|surname|last|patient last name|name last|lastname|apellido|apellidos",
    "given_names": "first name|given name|given names|first|patient first name|name first|firstname|forename|nombre",
    "preferred_name": "preferred name|nickname|goes by|known as",
    "birth_date": "dob|birth date|date of birth|birthdate|born|birthday|patient dob|d o b|fecha de nacimiento",
    "sex": "sex|gender|administrative sex|birth sex|sexo",
    "language": "language|preferred language|lang|idioma",
    "phone": "phone|telephone|home phone|phone number|phone home|tel|primary phone|telefono",
    "mobile": "mobile|cell|cell phone|mobile phone|phone cell|phone mobile|cellphone",
    "email": "email|e mail|email address|mail",
    "street": "street|address|address 1|street address|address line 1|home address|direccion",
    "city": "city|town|ciudad",
    "state": "state|st|province",
    "zip": "zip|zip code|postal code|zipcode|postcode",
    "payer": "payer|insurance|insurance name|plan|primary insurance|health plan|carrier",
    "member_id": "member id|member number|insurance id|subscriber id|policy number|medicare id|mbi|contract number",
    "group_number": "group|group number|group id",
    "coverage_from": "coverage start|effective date|coverage from|covered since|insurance effective date|effective",
    "contact_notes": "contact notes|best time to call|contact preference",
}
_MEANS: Final = {name: field for field, names in _SAID.items() for name in names.split("|")}
#: a day in numbers, the year last; groups: first number, second number, year
NUMERIC_DAY: Final = re.compile(
    r"\s*(\d{1,2})\s*[/.\-]\s*(\d{1,2})\s*[/.\-]\s*(\d{4}|\d{2})(?: 0?0:00.*)?\s*"
)


@dataclass(frozen=True, slots=True)
class Days:
    """How many cells of a column are written as numbers, and what they allow."""

    numeric: int = 0
    month_first: int = 0  # the second number can only be a day
    day_first: int = 0  # the first number can only be a day

    @property
    def order(self) -> str:
        """mdy or dmy where the cells leave no doubt, else empty."""
        if not self.numeric or bool(self.month_first) == bool(self.day_first):
            return ""
        return "mdy" if self.month_first else "dmy"

    @property
    def mixed(self) -> bool:
        return bool(self.month_first and self.day_first)


@dataclass(frozen=True, slots=True)
class Meaning:
    """columns: field -> place in the header. orders: date field -> mdy or dmy, where it matters."""

    columns: Mapping[str, int]
    orders: Mapping[str, str]

    def stored(self, header: Sequence[str]) -> dict[str, Any]:
        """As it is kept: by place among the columns that are the file's own, whatever two of them are called."""
        own = _own(header)
        return {
            "columns": {field: own.index(place) for field, place in self.columns.items()},
            "orders": dict(self.orders),
        }


def _own(header: Sequence[str]) -> list[int]:
    """The places of the columns that are not ours."""
    return [place for place, name in enumerate(header) if name != TO_MEND]


def remembered(stored: Mapping[str, Any], header: Sequence[str]) -> Meaning:
    """What was stored, for this header."""
    own = _own(header)
    columns = {
        field: own[at]
        for field, at in stored.get("columns", {}).items()
        if field in FIELDS and isinstance(at, int) and at < len(own)
    }
    return Meaning(columns, {f: o for f, o in stored.get("orders", {}).items() if f in columns})


def held_against(meaning: Meaning, header: Sequence[str], days: Sequence[Days]) -> Meaning:
    """What was said of an earlier file, for this one: where its own days leave no doubt, they say the order. A file of
    ours holds the rows that did not fit, which say nothing of how the others are written."""
    if TO_MEND in header:
        return meaning
    return Meaning(meaning.columns, {**meaning.orders, **_undoubted(meaning.columns, days)})


def _undoubted(columns: Mapping[str, int], days: Sequence[Days]) -> dict[str, str]:
    return {field: order for field in DATES if field in columns and (order := days[columns[field]].order)}


def guessed(header: Sequence[str], days: Sequence[Days]) -> Meaning:
    """What the header's names most likely mean; the first of several that mean the same."""
    columns: dict[str, int] = {}
    for place, name in enumerate(header):
        field = _MEANS.get(fold(name)) or _MEANS.get(re.sub(r"^(patient|member|pt) ", "", fold(name)))
        if field is not None and name != TO_MEND:
            columns.setdefault(field, place)
    if "family_name" in columns:
        columns.pop("full_name", None)
    return Meaning(columns, _undoubted(columns, days))


class Counting:
    """How the days of each column are written, counted over all rows of a table."""

    def __init__(self, width: int) -> None:
        self._counts = [[0, 0, 0] for _ in range(width)]

    def add(self, rows: Sequence[Sequence[str]]) -> None:
        for place, counts in enumerate(self._counts):
            for cells in rows:
                if cells[place] and (day := NUMERIC_DAY.fullmatch(cells[place])):
                    first, second = int(day[1]), int(day[2])
                    counts[0] += 1
                    counts[1] += 12 < second <= 31 and first <= 12
                    counts[2] += 12 < first <= 31 and second <= 12

    @property
    def days(self) -> tuple[Days, ...]:
        return tuple(Days(*counts) for counts in self._counts)


def checked(
    columns: Mapping[str, int], orders: Mapping[str, str], header: Sequence[str], days: Sequence[Days]
) -> Meaning:
    """The meaning a person chose; an order they did not say is the one the column's days leave no doubt about. Raises
    Refused UNKNOWN_FIELD, COLUMN_USED_TWICE, NAME_COLUMN, BIRTH_COLUMN, DATE_ORDER, COVERAGE_COLUMNS."""
    strange = [field for field in (*columns, *orders) if field not in FIELDS]
    outside = set(columns.values()) - set(_own(header))
    if strange or outside:
        raise Refused(
            "UNKNOWN_FIELD",
            say("“%(field)s” is nothing a column can mean.", field=strange[0][:40])
            if strange
            else say("There is no such column."),
            say("Choose from the list."),
            "columns",
        )
    places = list(columns.values())
    twice = next((place for place in places if places.count(place) > 1), None)
    if twice is not None:
        raise Refused(
            "COLUMN_USED_TWICE",
            say("The column “%(column)s” is used twice.", column=header[twice]),
            say("Choose it once."),
            "columns",
        )
    if "full_name" not in columns and "family_name" not in columns:
        raise Refused(
            "NAME_COLUMN",
            say("No column says what people are called."),
            say("Choose a column for the family name, or one for the whole name."),
            "columns",
        )
    if "birth_date" not in columns:
        raise Refused(
            "BIRTH_COLUMN",
            say("No column says when people were born; two people of one name could not be told apart."),
            say("Choose the column with the birth date."),
            "columns",
        )
    if "member_id" in columns and "payer" not in columns:
        raise Refused(
            "COVERAGE_COLUMNS",
            say("There is a member number, but no column says whose."),
            say("Choose the column with the payer, or leave the member number out."),
            "columns",
        )
    said = {field: order for field, order in orders.items() if field in columns and order in ORDERS}
    orders = {**_undoubted(columns, days), **{field: said[field] for field in DATES if field in said}}
    for field in DATES:
        if field in columns and days[columns[field]].numeric and field not in orders:
            raise Refused(
                "DATE_ORDER",
                say(
                    "“%(column)s” has days such as 3/4/1950, which can be read two ways.",
                    column=header[columns[field]],
                ),
                say("Say whether the month or the day comes first."),
                f"order_{field}",
            )
    return Meaning(dict(columns), orders)
