"""What bringing a row in would do: against the person it is about, and what the last file said of them. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from server.dates import dated
from server.interop.sheets.columns import FIELDS
from server.interop.sheets.values import Fault, Said
from server.patients.coverage_overlap import Covered
from server.patients.search import fold, phone_key
from server.words import N_, say

#: verdict -> words
VERDICTS: Final = {
    "new": N_("New"),
    "changed": N_("Changed"),
    "same": N_("The same"),
    "differs": N_("Written here otherwise"),
    "duplicate": N_("Perhaps here already"),
    "error": N_("To be mended"),
}
#: what a person may answer about a row; same: the same person, what is here stays; table: the table is right
CHOICES: Final = ("", "same", "new", "table")
_PLACE: Final = ("street", "city", "state", "zip")


@dataclass(frozen=True, slots=True)
class Here:
    """A person as they are here. details: the columns a table can fill. ways, ended_ways: what `reach` makes of those in
    use and of those given up. address: the one in force. coverage: the one that pays first today; ended: the last that
    did, with its payer. covered: all that ever paid first."""

    id: UUID
    record_number: str
    details: Mapping[str, Any]
    ways: frozenset[tuple[str, str]] = frozenset()
    ended_ways: frozenset[tuple[str, str]] = frozenset()
    address: Mapping[str, Any] = field(default_factory=dict)
    coverage: Mapping[str, Any] = field(default_factory=dict)
    ended: Mapping[str, Any] = field(default_factory=dict)
    covered: tuple[Covered, ...] = ()

    @property
    def called(self) -> str:
        return f"{self.details['given_names']} {self.details['family_name']}".strip()


@dataclass(frozen=True, slots=True)
class Change:
    """What a row changes of a person who is here: detail columns, ways to add, the address, columns of the coverage
    (with to_on None: the ended one counts on)."""

    details: Mapping[str, Any] = field(default_factory=dict)
    ways: tuple[tuple[str, str, str], ...] = ()  # kind, use, value
    address: Mapping[str, str] = field(default_factory=dict)
    coverage: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.details or self.ways or self.address or self.coverage)

    def __or__(self, other: "Change") -> "Change":
        return Change(
            {**self.details, **other.details}, (*self.ways, *other.ways), {**self.address, **other.address},
            {**self.coverage, **other.coverage},
        )  # fmt: skip


def reach(kind: str, value: str) -> list[tuple[str, str]]:
    """By what a way to reach somebody is known to be the same, the most particular last: a number with an extension is
    also that number."""
    if kind not in ("phone", "text"):
        return [("email", value.casefold())]
    key, extension = phone_key(value), value.partition(";ext=")[2]
    return [("phone", key), *([("phone", f"{key};{extension}")] if extension else [])]


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


def number_taken(said: Said, here: Here) -> Fault:
    """Two people, one record number."""
    return Fault(
        "record_number",
        say(
            "Record number %(record_number)s belongs to %(person)s, born %(born)s; this row is about "
            "%(other_person)s, born %(other_born)s.",
            record_number=said.record_number,
            person=here.called,
            born=dated(here.details["birth_date"]),
            other_person=said.called,
            other_born=dated(said.details["birth_date"]),
        ),
        say("Find out whose number it is, and leave it empty for the other."),
    )


def change(said: Said, here: Here, before: Mapping[str, str] | None) -> tuple[Change, Change]:
    """What of a row is news: what goes in, and what somebody has written here otherwise. before: what the last file said
    of this person. What it said already is no news; what stands here and is not from it, somebody wrote."""

    def news(name: str, value: Any) -> bool:
        return before is None or before.get(name) != str(value)

    def from_file(name: str, value: Any) -> bool:
        return fold(str(value or "")) == fold((before or {}).get(name, ""))

    free, contested = {}, {}
    for name, value in said.details.items():
        ours = here.details[name]
        if value == ours or not news(name, value):
            continue
        if from_file(name, ours):
            free[name] = value
        elif fold(str(value)) != fold(str(ours)):  # our own capitals and accents stay, unasked
            contested[name] = value
    ways = [("phone", use, number) for use, number in said.phones if news(f"phone {use}", number)]
    ways += [("email", "", said.email)] if said.email and news("email", said.email) else []
    unknown = [way for way in ways if reach(way[0], way[2])[-1] not in here.ways]
    ended = tuple(way for way in unknown if reach(way[0], way[2])[-1] in here.ended_ways)
    place, covered = _moved(said, here, news), _covered(said, here, news)
    moved_here = any(here.address.get(name) and not from_file(name, here.address[name]) for name in _PLACE)
    renumbered = {
        name for name in covered if here.coverage.get(name) and not from_file(name, here.coverage[name])
    }
    reopened = set(covered) if "to_on" in covered else set()
    return (
        Change(
            free,
            tuple(way for way in unknown if way not in ended),
            {} if moved_here else place,
            {name: value for name, value in covered.items() if name not in renumbered | reopened},
        ),
        Change(
            contested,
            ended,
            place if moved_here else {},
            {name: value for name, value in covered.items() if name in renumbered | reopened},
        ),
    )


def _moved(said: Said, here: Here, news: Callable[[str, Any], bool]) -> dict[str, str]:
    """The whole address, where the row has one that is not here."""
    if not any(
        news(name, value) and fold(value) != fold(str(here.address.get(name, "")))
        for name, value in said.address.items()
    ):
        return {}
    return {name: here.address[name] for name in _PLACE if name in here.address} | dict(said.address)


def _covered(said: Said, here: Here, news: Callable[[str, Any], bool]) -> dict[str, Any]:
    """Columns of the coverage that are news. One that ended here is not opened for a number, and for nothing that the
    last file said."""
    told = said.coverage
    if here.coverage and told:
        if told["payer"] != here.coverage["payer"]:
            return {}
        # Not the day it began: claims were made by the one that stands here.
        return {
            name: told[name]
            for name in ("member_id", "group_number")
            if told[name] and told[name] != here.coverage[name] and news(name, told[name])
        }
    if not told or not any(told[name] and news(name, told[name]) for name in ("payer", "from_on")):
        return {}
    goes_on = here.ended and (told["from_on"] is None or told["from_on"] <= here.ended["to_on"])
    if goes_on and told["payer"] == here.ended["payer"]:
        numbers = ("member_id", "group_number")
        return {"to_on": None} | {n: told[n] for n in numbers if told[n] not in ("", here.ended[n])}
    return {name: value for name, value in told.items() if value}


def changes_in_words(made: Change, here: Here) -> str:
    """`telephone; birth date from 1950-03-14 to 1950-04-13`."""
    parts = [
        say(
            "%(field)s from %(old)s to %(new)s",
            field=say(FIELDS[name]).lower(),
            old=here.details[name] or say("nothing"),
            new=value,
        )
        for name, value in made.details.items()
    ]
    parts += [say(_WAYS[kind], contact=value) for kind, _, value in made.ways]
    if made.address:
        parts.append(say("address %(address)s", address=_one_line(made.address)))
    if made.coverage:
        parts.append(
            say(
                "%(payer)s, which ended on %(day)s, counts on",
                payer=here.ended["payer"],
                day=here.ended["to_on"],
            )
            if "to_on" in made.coverage
            else say("insurance")
        )
    return "; ".join(parts)


def contested_in_words(kept: Change, here: Here) -> str:
    """`given names Ana María, not Ana; address 9 Oak St, not 44 Pine St`."""
    parts = [
        _ours_not_theirs(name, here.details[name] or say("empty"), value)
        for name, value in kept.details.items()
    ]
    parts += [say(_ENDED_WAYS[kind], contact=value) for kind, _, value in kept.ways]
    if kept.address:
        parts.append(
            say(
                "address %(ours)s, not %(theirs)s",
                ours=_one_line(here.address),
                theirs=_one_line(kept.address),
            )
        )
    if "to_on" in kept.coverage:
        parts.append(say("%(payer)s ended on %(day)s", payer=here.ended["payer"], day=here.ended["to_on"]))
    else:
        parts += [_ours_not_theirs(name, here.coverage[name], value) for name, value in kept.coverage.items()]
    return "; ".join(parts)


def _ours_not_theirs(name: str, ours: Any, theirs: Any) -> str:
    return say(
        "%(field)s %(ours)s, not %(theirs)s", field=say(FIELDS[name]).lower(), ours=ours, theirs=theirs
    )


_WAYS: Final = {"email": N_("e-mail %(contact)s"), "phone": N_("telephone %(contact)s")}
_ENDED_WAYS: Final = {
    "email": N_("e-mail %(contact)s no longer used"),
    "phone": N_("telephone %(contact)s no longer used"),
}


def _one_line(address: Mapping[str, Any]) -> str:
    return ", ".join(str(address[name]) for name in _PLACE if address.get(name))


def _first(name: str) -> str:
    return fold(name).partition(" ")[0]
