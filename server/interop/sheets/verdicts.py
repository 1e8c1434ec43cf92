"""What bringing a row in would do: against the person it is about, and what the last file said of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from server.interop.sheets.columns import FIELDS
from server.interop.sheets.values import Fault, Said
from server.patients.search import fold, phone_key

#: verdict -> words
VERDICTS: Final = {
    "new": "New",
    "changed": "Changed",
    "same": "The same",
    "duplicate": "Perhaps here already",
    "error": "To be mended",
}


@dataclass(frozen=True, slots=True)
class Here:
    """A person as they are here. details: the columns a table can fill; ways: (kind, value); addresses: those in
    force; coverages: those paying first, open, by payer."""

    id: UUID
    record_number: str
    details: Mapping[str, Any]
    ways: frozenset[tuple[str, str]] = frozenset()
    address: Mapping[str, Any] = field(default_factory=dict)
    coverage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def called(self) -> str:
        return f"{self.details['given_names']} {self.details['family_name']}".strip()


@dataclass(frozen=True, slots=True)
class Change:
    """What a row changes of a person who is here: detail columns, ways to add, the address, the coverage."""

    details: Mapping[str, Any] = field(default_factory=dict)
    ways: tuple[tuple[str, str, str], ...] = ()  # kind, use, value
    address: Mapping[str, str] = field(default_factory=dict)
    coverage: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.details or self.ways or self.address or self.coverage)


def given(said: Said) -> dict[str, Any]:
    """What a row says, as it is kept beside the row, to be held against the next file."""
    flat = {name: str(value) for name, value in said.details.items()}
    flat |= {f"phone {use}": number for use, number in said.phones}
    flat |= dict(said.address)
    flat |= {name: str(value or "") for name, value in said.coverage.items()}
    return flat | ({"email": said.email} if said.email else {})


def somebody_else(said: Said, here: Here) -> bool:
    """Is the person with this record number plainly another? Two of family name, given name, birth date differ."""
    details = here.details
    unlike = (
        fold(said.details["family_name"]) != fold(details["family_name"]),
        _first(said.details.get("given_names", "")) != _first(details["given_names"]),
        said.details["birth_date"] != details["birth_date"],
    )
    return sum(map(bool, unlike)) >= 2


def number_taken(said: Said, called: str, birth: date, where: str) -> Fault:
    """Two people, one record number."""
    return Fault(
        "record_number",
        f"Record number {said.record_number} belongs to {called}, born {birth:%d %B %Y}{where}; this row is about "
        f"{said.called}, born {said.details['birth_date']:%d %B %Y}.",
        "Find out whose number it is, and leave it empty for the other.",
    )


def change(said: Said, here: Here, before: Mapping[str, str] | None) -> Change:
    """What of a row is news. before: what the last file said of this person: what it said already is not news, even
    where somebody has written something else here since."""

    def news(name: str, value: Any) -> bool:
        return before is None or before.get(name) != str(value)

    details = {
        name: value
        for name, value in said.details.items()
        if value != here.details[name] and news(name, value)
    }
    ways = tuple(
        ("phone", use, number)
        for use, number in said.phones
        if news(f"phone {use}", number) and ("phone", phone_key(number)) not in here.ways
    )
    if said.email and news("email", said.email) and ("email", said.email.casefold()) not in here.ways:
        ways = (*ways, ("email", "", said.email))
    place = {n: v for n, v in said.address.items() if fold(v) != fold(here.address.get(n, "")) and news(n, v)}
    covered = {
        name: value
        for name, value in said.coverage.items()
        if value
        and value != here.coverage.get(name)
        and news(name, value)
        and not (here.coverage and name == "from_on")  # claims were made by the day that stands here
    }
    return Change(details, ways, {**here.address, **said.address} if place else {}, covered)


def changes_in_words(made: Change, here: Here) -> str:
    """`telephone; birth date from 1950-03-14 to 1950-04-13`."""
    parts = [
        f"{FIELDS[name].lower()} from {here.details[name] or 'nothing'} to {value}"
        for name, value in made.details.items()
    ]
    parts += [f"{'e-mail' if kind == 'email' else 'telephone'} {value}" for kind, _, value in made.ways]
    if made.address:
        parts.append(
            "address "
            + ", ".join(v for n in ("street", "city", "state", "zip") if (v := made.address.get(n)))
        )
    if made.coverage:
        parts.append("insurance")
    return "; ".join(parts)


def listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _first(name: str) -> str:
    return fold(name).partition(" ")[0]
