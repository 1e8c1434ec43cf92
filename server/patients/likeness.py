"""How likely it is that two records are about one person, with the reasons in words. Pure.

The parts are weighed as record linkage does (Fellegi and Sunter): a birth date or a member number says much, a sex says
little, and what only one record knows says nothing. Nothing is joined on a score: people decide.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from typing import Final

from server.patients.search import fold
from server.words import N_

#: from here a person is asked, below it two records are two people
ASK: Final = 0.70

_DIGITS: Final = 10  # of a telephone number, from the last: with or without the country's
_FAMILY, _GIVEN, _BIRTH, _SEX, _PHONE, _ADDRESS, _MEMBER = 26, 22, 32, 4, 12, 8, 14
#: what is compared -> how it is told where it is the same, where it is another, and where it is nearly the same
_TOLD: Final = {
    "family": (N_("the same family name"), N_("another family name"), N_("a similar family name")),
    "given": (N_("the same given name"), N_("another given name"), N_("a similar given name")),
    "birth": (N_("the same birth date"), N_("another birth date"), N_("a similar birth date")),
    "sex": (N_("the same sex"), N_("another sex")),
    "phone": (N_("the same telephone number"), N_("another telephone number")),
    "address": (N_("the same address"), N_("another address")),
    "member": (N_("the same member number"), N_("another member number")),
}


@dataclass(frozen=True, slots=True)
class Who:
    """What likeness looks at, as `who` makes it. Names are folded, phones are digits from the last, addresses folded street
    and ZIP."""

    family: str
    given: str
    birth: date
    sex: str = ""
    phones: Collection[str] = ()
    addresses: Collection[str] = ()
    members: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Likeness:
    """score: 0 to 1. alike, unlike: what speaks for and against, in words to be said."""

    score: float
    alike: tuple[str, ...]
    unlike: tuple[str, ...]


def who(
    family: str,
    given: str,
    birth: date,
    sex: str = "",
    *,
    phones: Iterable[str] = (),
    addresses: Iterable[tuple[str, str]] = (),
    members: Iterable[str] = (),
) -> Who:
    """What likeness looks at, of what a record or a file says. phones: of `search.phone_key`. addresses: (street, ZIP)."""
    return Who(
        fold(family),
        fold(given),
        birth,
        sex,
        frozenset(key[:_DIGITS] for key in phones if key),
        frozenset(fold(f"{street} {code[:5]}") for street, code in addresses if street),
        frozenset(fold(number).replace(" ", "") for number in members if number),
    )


def likeness(one: Who, other: Who) -> Likeness:
    """How alike two records are."""
    parts = [
        (_FAMILY, _names(one.family, other.family), "family"),
        (_GIVEN, _names(one.given, other.given), "given"),
        (_BIRTH, _births(one.birth, other.birth), "birth"),
    ]
    if one.sex in ("female", "male") and other.sex in ("female", "male"):
        parts.append((_SEX, float(one.sex == other.sex), "sex"))
    for weight, these, those, name in (
        (_PHONE, one.phones, other.phones, "phone"),
        (_ADDRESS, one.addresses, other.addresses, "address"),
        (_MEMBER, one.members, other.members, "member"),
    ):
        shared = bool(set(these) & set(those))
        # People move and change numbers: another one speaks against, but less than the same one speaks for.
        if these and those:
            parts.append((weight if shared else weight // 3, float(shared), name))
    whole = sum(weight for weight, _, _ in parts)
    score = sum(weight * part for weight, part, _ in parts) / whole
    return Likeness(
        round(score, 3),
        tuple(_TOLD[name][0 if part == 1 else 2] for _, part, name in parts if part >= 0.5),
        tuple(_TOLD[name][1] for _, part, name in parts if part < 0.5),
    )


def _names(one: str, other: str) -> float:
    if not one or not other:
        return 0.5 if one != other else 0.75
    if one == other:
        return 1.0
    ours, theirs = one.split(), other.split()
    if set(ours) <= set(theirs) or set(theirs) <= set(ours):  # a second given name, a double family name
        return 0.9
    if ours[0][0] == theirs[0][0] and 1 in (len(ours[0]), len(theirs[0])):  # an initial
        return 0.7
    ratio = max(SequenceMatcher(None, *pair).ratio() for pair in ((one, other), (other, one)))
    return ratio if ratio >= 0.6 else 0.0


def _births(one: date, other: date) -> float:
    if one == other:
        return 1.0
    same = (one.year == other.year) + (one.month == other.month) + (one.day == other.day)
    if same == 2 or (one.year == other.year and (one.month, one.day) == (other.day, other.month)):
        return 0.6  # one part mistyped, or day and month exchanged
    return 0.0
