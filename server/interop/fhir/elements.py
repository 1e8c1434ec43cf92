"""Reading FHIR elements without trusting them.

A `Node` is one JSON object and the path to it. What it cannot give it either notes (the record is still worth
having) or refuses with `BadRow` (without it, or with a wrong reading of it, the record could mislead).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NoReturn

from server.interop.fhir.dates import NotADate, When, parse_when
from server.interop.fhir.references import Index
from server.interop.fhir.rows import (
    Coded,
    Coding,
    Notice,
    Quantity,
    Reference,
)
from server.interop.fhir.strict_json import Tree
from server.words import say

#: code systems whose wording is licensed: the code is kept, its words are not
_LICENSED = frozenset({"http://www.ama-assn.org/go/cpt", "urn:oid:2.16.840.1.113883.6.12"})
LINE = 300  # characters: names, addresses, codes' displays are longer only by mistake
TEXT = 20_000
_MOST_ITEMS = 500
_MOST_DECIMALS = 30

# Direction overrides and C0/C1 controls have no place in a line; they can make one name look like another.
_NOT_IN_LINES = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]+")
_NOT_IN_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]+")

DATA_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_NOT_SAID = frozenset(
    {
        "http://terminology.hl7.org/CodeSystem/data-absent-reason",
        "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
    }
)


class BadRow(Exception):
    """This record cannot be read. Becomes a `RowError`. next_step: empty where its source has to mend it."""

    def __init__(self, path: str, sentence: str, next_step: str = "") -> None:
        super().__init__(path)
        self.path = path
        self.sentence = sentence
        self.next_step = next_step or say(
            "Correct it in the sending system and bring the file in again; the other records came in."
        )


@dataclass(slots=True)
class Scribe:
    """What all nodes of one resource share: the index of its file, whose contained records it may use, notices."""

    index: Index
    owner_id: str
    contained: dict[str, Tree] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def note(self, code: str, path: str, sentence: str) -> None:
        if len(self.notices) < _MOST_ITEMS:
            self.notices.append(Notice(code, path, sentence))


@dataclass(slots=True)
class Node:
    """One JSON object of a resource. Raises BadRow if it carries a modifier extension: by FHIR's rule (R4, section
    2.4.0.1) that can reverse its meaning, and we know none of them."""

    given: Tree
    path: str
    scribe: Scribe

    def __post_init__(self) -> None:
        if self.given.get("modifierExtension"):
            raise BadRow(
                f"{self.path}.modifierExtension",
                say(
                    "This record says that an extra rule changes its meaning, and Carewright does not "
                    "know the rule; it could even mean the opposite."
                ),
                say("Look at this record in the sending system and write down here what it says."),
            )

    # --- structure --------------------------------------------------------------------------------------------

    def at(self, name: str) -> str:
        return f"{self.path}.{name}"

    def one(self, name: str) -> "Node | None":
        value = self.given.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._unreadable(name, say("an object"), value)
            return None
        return Node(value, self.at(name), self.scribe)

    def each(self, name: str) -> list["Node"]:
        value = self.given.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self._unreadable(name, say("a list"), value)
            return []
        if len(value) > _MOST_ITEMS:
            self.note(
                "SHORTENED",
                name,
                say(
                    "It lists %(n)s parts; the first %(most)s were taken.",
                    n=f"{len(value):,}",
                    most=_MOST_ITEMS,
                ),
            )
        nodes = []
        for number, item in enumerate(value[:_MOST_ITEMS]):
            if isinstance(item, dict):
                nodes.append(Node(item, f"{self.at(name)}[{number}]", self.scribe))
            elif item is not None:
                self._unreadable(f"{name}[{number}]", say("an object"), item)
        return nodes

    def choice(self, name: str) -> str:
        """Which form of a choice element is given: "Quantity" for valueQuantity. BadRow if there are two."""
        found = [key for key, value in self.given.items() if _is_choice(key, name) and value is not None]
        if len(found) > 1:
            first, second, *more = sorted(found)
            raise BadRow(
                self.at(name),
                say(
                    "It gives %(first)s and %(second)s and %(third)s, and only one can be meant.",
                    first=first,
                    second=second,
                    third=more[0],
                )
                if more
                else say(
                    "It gives %(first)s and %(second)s, and only one can be meant.",
                    first=first,
                    second=second,
                ),
            )
        return found[0][len(name) :] if found else ""

    def extension(self, *urls: str) -> "Node | None":
        return next(iter(self.extensions(*urls)), None)

    def extensions(self, *urls: str) -> list["Node"]:
        return [node for node in self.each("extension") if node.given.get("url") in urls]

    def why_absent(self, name: str) -> str:
        """The data-absent-reason of a primitive element, or an empty string."""
        beside = self.given.get(f"_{name}")
        if not isinstance(beside, dict):
            return ""
        reason = Node(beside, self.at(f"_{name}"), self.scribe).extension(DATA_ABSENT)
        return reason.word("valueCode") if reason else ""

    # --- primitives -------------------------------------------------------------------------------------------

    def line(self, name: str, limit: int = LINE) -> str:
        """One line of text, tidied; empty if absent."""
        return self._line(name, self.given.get(name), limit)

    def text(self, name: str) -> str:
        """Text that may have several lines; empty if absent."""
        value = self.given.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self._unreadable(name, say("text"), value)
            return ""
        tidy = _NOT_IN_TEXT.sub(" ", value.replace("\r\n", "\n").replace("\r", "\n"))
        return self._shortened(name, tidy.strip(), TEXT)

    def word(self, name: str) -> str:
        """A code, uri or id: taken as it is or not at all, because half a code is another code."""
        value = self.given.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self._unreadable(name, say("text"), value)
            return ""
        word = value.strip()
        if len(word) > LINE or _NOT_IN_LINES.search(word):
            self.note("UNREADABLE", name, say("It is not a code that can be kept, and was left out."))
            return ""
        return word

    def lines(self, name: str) -> tuple[str, ...]:
        value = self.given.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._unreadable(name, say("a list"), value)
            return ()
        tidied = (
            self._line(f"{name}[{number}]", item, LINE) for number, item in enumerate(value[:_MOST_ITEMS])
        )
        return tuple(filter(None, tidied))

    def flag(self, name: str) -> bool | None:
        value = self.given.get(name)
        if value is None or isinstance(value, bool):
            return value
        self._unreadable(name, say("true or false"), value)
        return None

    def whole(self, name: str) -> int | None:
        """A whole number up to a billion; None if absent."""
        value = self.given.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 1_000_000_000:
            self._unreadable(name, say("a whole number"), value)
            return None
        return value

    def number(self, name: str) -> Decimal | None:
        """A decimal; None if absent. Anything else in its place is a BadRow: a wrong number is worse than none."""
        value = self.given.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise BadRow(self.at(name), say("It should be a number and is %(found)s.", found=_kind_of(value)))
        number = Decimal(value)
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int) or number.adjusted() >= 15 or exponent < -_MOST_DECIMALS:
            raise BadRow(self.at(name), say("The number is larger or finer than any measurement."))
        return number

    def when(self, name: str, *, lenient: bool = False) -> When | None:
        """A date, dateTime or instant; None if absent. An impossible one is a BadRow, or if `lenient` a notice."""
        value = self.given.get(name)
        if value is None:
            return None
        try:
            if not isinstance(value, str):
                raise NotADate(say("A date should stand here, and it is %(found)s.", found=_kind_of(value)))
            moment = parse_when(value.strip())
        except NotADate as fault:
            if lenient:
                self.note("UNREADABLE", name, say("%(sentence)s It was left out.", sentence=fault.sentence))
                return None
            raise BadRow(self.at(name), fault.sentence) from None
        if moment.precision == "day" and "T" in moment.text:
            self.note("INCOMPLETE", name, say("The time has no offset, so only the day was kept."))
        return moment

    # --- data types -------------------------------------------------------------------------------------------

    def period(self, name: str, *, lenient: bool = True) -> tuple[When | None, When | None]:
        """Start and end. An end before the start is a BadRow, or if `lenient` a notice and no end."""
        node = self.one(name)
        if node is None:
            return None, None
        start, end = node.when("start", lenient=lenient), node.when("end", lenient=lenient)
        return start, node.checked_end(start, end, lenient=lenient)

    def checked_end(self, start: When | None, end: When | None, *, lenient: bool = True) -> When | None:
        if start is None or end is None or not end.surely_before(start):
            return end
        sentence = say("It ends (%(end)s) before it begins (%(start)s).", end=end.text, start=start.text)
        if not lenient:
            raise BadRow(self.path, sentence)
        self.scribe.note(
            "CONTRADICTION", self.path, say("%(sentence)s The end was left out.", sentence=sentence)
        )
        return None

    def coding(self, name: str) -> Coding | None:
        node = self.one(name)
        return node.as_coding() if node else None

    def as_coding(self) -> Coding | None:
        system, code, display = self.word("system"), self.word("code"), self.line("display", 1000)
        coding = Coding(system, code, "" if system in _LICENSED else display)
        return coding if coding.code or coding.display else None

    def coded(self, name: str) -> Coded | None:
        """A CodeableConcept; None if it is absent or says nothing."""
        node = self.one(name)
        return node.as_coded() if node else None

    def as_coded(self) -> Coded | None:
        codings = tuple(filter(None, (node.as_coding() for node in self.each("coding"))))
        text = self.line("text", 2000)
        licensed = {
            node.line("display", 1000).casefold()
            for node in self.each("coding")
            if node.word("system") in _LICENSED
        }
        if text.casefold() in licensed:
            text = ""
        said = [coding for coding in codings if coding.system not in _NOT_SAID]
        shown = text or next((c.display for c in said if c.display), "") or next((c.code for c in said), "")
        shown = shown or next((c.display or c.code for c in codings), "")
        return Coded(shown, codings) if shown else None

    def each_coded(self, name: str) -> tuple[Coded, ...]:
        return tuple(filter(None, (node.as_coded() for node in self.each(name))))

    def first_code(self, name: str) -> str:
        """The first code of a CodeableConcept, as for FHIR's own small code systems; empty if absent."""
        concept = self.coded(name)
        return next((c.code for c in concept.codings if c.code), "") if concept else ""

    def category_codes(self, name: str = "category") -> tuple[str, ...]:
        found = (c.code for concept in self.each_coded(name) for c in concept.codings if c.code)
        return tuple(dict.fromkeys(found))

    def quantity(self, name: str) -> Quantity | None:
        node = self.one(name)
        return node.as_quantity() if node else None

    def as_quantity(self) -> Quantity | None:
        quantity = Quantity(
            self.number("value"), self.line("unit"), self.word("code"), self.word("comparator")
        )
        return quantity if quantity.number is not None or quantity.unit or quantity.code else None

    def reference(self, name: str) -> Reference | None:
        return self.scribe.index.resolve(self.given.get(name), self.scribe.owner_id)

    def references(self, name: str) -> tuple[Reference, ...]:
        return tuple(filter(None, (node.as_reference() for node in self.each(name))))

    def as_reference(self) -> Reference | None:
        return self.scribe.index.resolve(self.given, self.scribe.owner_id)

    def notes(self) -> str:
        """The Annotations under `note`, one under the other."""
        return "\n\n".join(filter(None, (node.text("text") for node in self.each("note"))))

    # --- saying so --------------------------------------------------------------------------------------------

    def note(self, code: str, name: str, sentence: str) -> None:
        self.scribe.note(code, self.at(name), sentence)

    def bad(self, name: str, sentence: str, next_step: str = "") -> NoReturn:
        raise BadRow(self.at(name), sentence, next_step)

    def _unreadable(self, name: str, wanted: str, value: object) -> None:
        self.note(
            "UNREADABLE",
            name,
            say(
                "It should be %(wanted)s and is %(found)s; it was left out.",
                wanted=wanted,
                found=_kind_of(value),
            ),
        )

    def _line(self, name: str, value: object, limit: int) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            self._unreadable(name, say("text"), value)
            return ""
        return self._shortened(name, " ".join(_NOT_IN_LINES.sub(" ", value).split()), limit)

    def _shortened(self, name: str, text: str, limit: int) -> str:
        if len(text) <= limit:
            return text
        self.note(
            "SHORTENED",
            name,
            say(
                "It is %(n)s characters long; the first %(most)s were taken.",
                n=f"{len(text):,}",
                most=f"{limit:,}",
            ),
        )
        return text[:limit].rstrip()


def said(concept: Coded | None) -> Coded | None:
    """The concept, unless all it says is that nothing is known."""
    if concept is not None and concept.codings and all(c.system in _NOT_SAID for c in concept.codings):
        return None
    return concept


def joined(parts: Iterable[str], separator: str = ", ") -> str:
    return separator.join(part for part in parts if part)


def _is_choice(key: str, name: str) -> bool:
    return len(key) > len(name) and key.startswith(name) and key[len(name)].isupper()


def from_to(low: str, high: str) -> str:
    """Both ends of a range or a period, or the one that is known."""
    return say("%(low)s to %(high)s", low=low, high=high) if low and high else low or high


def _kind_of(value: object) -> str:
    if value is None:
        return say("empty")
    if isinstance(value, bool):
        return say("true or false")
    if isinstance(value, str):
        return say("text")
    if isinstance(value, int | float | Decimal):
        return say("a number")
    return say("a list") if isinstance(value, list) else say("an object")
