"""What an instrument is made of: frozen values, a subset of FHIR's Questionnaire with scoring beside it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: what kind of answer an item takes
KINDS: Final = frozenset({"choice", "boolean", "integer", "text"})
#: whose words an instrument is in. codes: short labels of ours and the official codes; the practice asks from its own
#: copy. score: the total alone, for the same reason.
WORDINGS: Final = frozenset({"published", "ours", "codes", "score"})


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose. score: None where it says nothing to the score. alone: never together with others."""

    code: str
    text: str
    score: int | None = None
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds while `item` is asked and one of these is so: it is answered with one of `codes`, with a number above `above`,
    or with none of `unless` (nor has to be answered at all)."""

    item: str
    codes: tuple[str, ...] = ()
    above: int | None = None
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One question. when: asked only while all of these hold. least, most: of an integer. section: a heading above it."""

    id: str
    text: str
    kind: str
    options: tuple[Option, ...] = ()
    repeats: bool = False
    required: bool = False
    when: tuple[Condition, ...] = ()
    least: int | None = None
    most: int | None = None
    loinc: str = ""
    section: str = ""
    hint: str = ""

    def option(self, code: str) -> Option | None:
        return next((one for one in self.options if one.code == code), None)


@dataclass(frozen=True, slots=True)
class Band:
    """What a score from low to high, both included, is called."""

    low: int
    high: int
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """A number made of answers. how: `sum` of the points of all items in `of`, or `any`: 1 when one of them gives points.

    unasked: the points of an item whose branch is closed. The bands, where there are some, leave no gap between low and
    high, the least and the most there can be.
    """

    key: str
    text: str
    of: tuple[str, ...]
    how: str
    low: int
    high: int
    unasked: int | None = None
    bands: tuple[Band, ...] = ()
    loinc: str = ""

    def band(self, value: int) -> str:
        return next((one.text for one in self.bands if one.low <= value <= one.high), "")


@dataclass(frozen=True, slots=True)
class Concern:
    """An answer (or a score) above `above` is a worry about somebody's safety. domain: server/assessments/tables.py."""

    domain: str
    above: int
    item: str = ""
    score: str = ""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One version of one instrument. subject: the heading it is offered under. in_person: the first time with a person is
    face to face, or says why not. copy: where the practice finds its own copy, for those that are not in our words."""

    key: str
    version: str
    language: str
    title: str
    about: str
    subject: str
    wording: str
    licence: str
    citation: str
    items: tuple[Item, ...]
    scores: tuple[Score, ...] = ()
    concerns: tuple[Concern, ...] = ()
    lead: str = ""
    loinc: str = ""
    in_person: bool = False
    copy: str = ""

    def item(self, id: str) -> Item | None:
        return next((one for one in self.items if one.id == id), None)

    def score(self, key: str) -> Score | None:
        return next((one for one in self.scores if one.key == key), None)

    def place(self, item: str) -> int:
        """Where an item stands in it; what it has not stands last."""
        return next((n for n, one in enumerate(self.items) if one.id == item), len(self.items))

    def score_place(self, key: str) -> int:
        """Where a score stands in it."""
        return next((n for n, one in enumerate(self.scores) if one.key == key), len(self.scores))


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to one item: codes of options, or a number, or words."""

    item: str
    codes: tuple[str, ...] = ()
    number: int | None = None
    text: str = ""

    @property
    def is_empty(self) -> bool:
        return not self.codes and self.number is None and not self.text.strip()


Answers = Mapping[str, Answer]
