"""An instrument's file read into values, and refused where it could not work: every rule of it is tried here, once.

The file is YAML (docs/instruments.md). Pure: text in, values out.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from server.assessments.instrument import (
    KINDS,
    WORDINGS,
    Band,
    Concern,
    Condition,
    Instrument,
    Item,
    Option,
    Score,
)

_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CODE: Final = re.compile(rf"LA\d+-\d|{_ID.pattern}")
_LOINC: Final = re.compile(r"\d{1,7}-\d")
_YES_NO: Final = (("yes", "Yes"), ("no", "No"))


class BadInstrument(ValueError):
    """A file that is no instrument: which one, where, and why."""


def read_instrument(text: str) -> Instrument:
    """text: the file. Raises BadInstrument."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInstrument(f"it is not YAML: {error}") from None
    if not isinstance(raw, dict):
        raise BadInstrument("it is not a mapping")
    try:
        made = _instrument(raw)
    except BadInstrument as error:
        raise BadInstrument(f"{raw.get('key', '?')}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInstrument(f"{raw.get('key', '?')}: {type(error).__name__} {error}") from None
    return made


def _instrument(raw: dict[str, Any]) -> Instrument:
    _only(raw, Instrument.__dataclass_fields__.keys() | {"answers"}, "the instrument")
    shared = {name: _options(given) for name, given in (raw.get("answers") or {}).items()}
    items = tuple(_item(one, shared) for one in raw["items"])
    _check_items(items)
    by_id = {item.id: item for item in items}
    scores = tuple(_score(one, by_id) for one in raw.get("scores") or ())
    concerns = tuple(Concern(**one) for one in raw.get("concerns") or ())
    keys = [score.key for score in scores]
    if len(set(keys)) != len(keys):
        raise BadInstrument("two scores have one key")
    for concern in concerns:
        if bool(concern.item) == bool(concern.score):
            raise BadInstrument("a concern rests on an item or on a score, and on one of them")
        if concern.item and concern.item not in by_id:
            raise BadInstrument(f"a concern rests on {concern.item}, which is not asked")
        if concern.item:
            _reach(by_id[concern.item])  # without points it would never be one
        if concern.score and concern.score not in keys:
            raise BadInstrument(f"a concern rests on {concern.score}, which is no score")
    plain = {
        name: raw[name]
        for name in Instrument.__dataclass_fields__
        if name in raw and name not in {"items", "scores", "concerns"}
    }
    made = Instrument(items=items, scores=scores, concerns=concerns, **plain)
    for name in ("key", "version", "language", "title", "about", "subject", "licence", "citation"):
        value = getattr(made, name)
        if not isinstance(value, str) or not value.strip():
            raise BadInstrument(f"{name} is missing")
    if not _ID.fullmatch(made.key):
        raise BadInstrument("its key is not written in small letters, digits and hyphens")
    if not made.version.isdecimal():
        raise BadInstrument(f"version is {made.version!r}; it is a whole number")
    if made.wording not in WORDINGS:
        raise BadInstrument(f"wording is {made.wording!r}; it is one of {sorted(WORDINGS)}")
    if made.wording in {"codes", "score"} and not made.copy:
        raise BadInstrument(
            "it is asked from the practice's own copy, and does not say where that is had (copy)"
        )
    _check_loinc(made.loinc)
    return made


def _options(given: Any) -> tuple[Option, ...]:
    made = tuple(Option(**{**one, "code": str(one["code"]), "text": str(one["text"])}) for one in given)
    codes = [one.code for one in made]
    if len(set(codes)) != len(codes):
        raise BadInstrument(f"the code {next(c for c in codes if codes.count(c) > 1)} stands for two answers")
    for one in made:
        if one.score is not None and type(one.score) is not int:
            raise BadInstrument(
                f"the answer {one.code} has the points {one.score!r}, which cannot be added up"
            )
    for code in codes:
        if not _CODE.fullmatch(code):
            raise BadInstrument(
                f"the code {code!r} is none of LOINC's, nor written in small letters and hyphens"
            )
    return made


def _item(raw: dict[str, Any], shared: Mapping[str, tuple[Option, ...]]) -> Item:
    _only(raw, Item.__dataclass_fields__.keys() | {"type", "yes", "no"}, f"the item {raw.get('id')}")
    kind = str(raw["type"])
    given = raw.get("options", ())
    if isinstance(given, str):
        if given not in shared:
            raise BadInstrument(f"{raw['id']} has the answers {given}, which are not there")
        options = shared[given]
    else:
        options = _options(given)
    if kind == "boolean":
        options = tuple(Option(code, text, raw.get(code)) for code, text in _YES_NO)
    when = tuple(
        Condition(
            str(one["item"]),
            tuple(map(str, one.get("is", ()))),
            one.get("above"),
            tuple(map(str, one.get("unless", ()))),
        )
        for one in raw.get("when", ())
    )
    plain = {
        name: raw[name]
        for name in ("id", "text", "repeats", "required", "least", "most", "loinc", "section", "hint")
        if name in raw
    }
    return Item(kind=kind, options=options, when=when, **plain)


def _check_items(items: tuple[Item, ...]) -> None:
    if not items:
        raise BadInstrument("it asks nothing")
    by_id: dict[str, Item] = {}
    for item in items:
        if not _ID.fullmatch(item.id):
            raise BadInstrument(
                f"the link id {item.id!r} is not written in small letters, digits and hyphens"
            )
        if item.id in by_id:
            raise BadInstrument(f"two items are called {item.id}")
        by_id[item.id] = item
        if not item.text.strip():
            raise BadInstrument(f"{item.id} has no words")
        if item.kind not in KINDS:
            raise BadInstrument(f"{item.id} is of the type {item.kind}; it is one of {sorted(KINDS)}")
        if (item.kind in {"choice", "boolean"}) != bool(item.options):
            raise BadInstrument(f"{item.id}: a choice has answers, and nothing else has")
        if item.repeats and item.kind != "choice":
            raise BadInstrument(f"{item.id}: only a choice takes several answers")
        if (item.least is None) != (item.most is None) or (item.least is not None and item.kind != "integer"):
            raise BadInstrument(f"{item.id}: least and most go together, and with an integer")
        if item.least is not None and item.most is not None and item.least > item.most:
            raise BadInstrument(f"{item.id}: nothing is between {item.least} and {item.most}")
        _check_loinc(item.loinc)
    for item in items:
        for condition in item.when:
            _check_condition(item, condition, by_id)
    _check_circles(items)


def _check_condition(item: Item, condition: Condition, by_id: Mapping[str, Item]) -> None:
    on = by_id.get(condition.item)
    if on is None:
        raise BadInstrument(f"{item.id} is asked after {condition.item}, which is not there")
    if [bool(condition.codes), condition.above is not None, bool(condition.unless)].count(True) != 1:
        raise BadInstrument(
            f"{item.id}: a branch opens at answers (is), unless answers, or above a number: at one of them"
        )
    if condition.above is not None and on.kind != "integer":
        raise BadInstrument(f"{item.id} opens above a number of {on.id}, which takes none")
    for code in (*condition.codes, *condition.unless):
        if on.option(code) is None:
            raise BadInstrument(f"{item.id} opens at the answer {code} of {on.id}, which it has not")


def _check_circles(items: tuple[Item, ...]) -> None:
    after = {item.id: [one.item for one in item.when] for item in items}
    sound: set[str] = set()

    def follow(id: str, path: tuple[str, ...]) -> None:
        if id in path:
            circle = " after ".join((*path[path.index(id) :], id))
            raise BadInstrument(f"its branches run in a circle: {circle}")
        if id not in sound:
            for before in after[id]:
                follow(before, (*path, id))
            sound.add(id)

    for item in items:
        follow(item.id, ())


def _score(raw: dict[str, Any], by_id: Mapping[str, Item]) -> Score:
    _only(raw, {"key", "text", "of", "how", "unasked", "bands", "loinc"}, f"the score {raw.get('key')}")
    of, how, unasked = tuple(raw["of"]), raw.get("how", "sum"), raw.get("unasked")
    if how not in {"sum", "any"}:
        raise BadInstrument(f"the score {raw['key']} is made by {how!r}; it is sum or any")
    if not of or len(set(of)) != len(of):
        raise BadInstrument(f"the score {raw['key']} is made of nothing, or of one item twice")
    lows, highs = [], []
    for id in of:
        if id not in by_id:
            raise BadInstrument(f"the score {raw['key']} counts {id}, which is not asked")
        item = by_id[id]
        if item.when and unasked is None:
            raise BadInstrument(
                f"the score {raw['key']} does not say what {id} counts when it is not asked (unasked)"
            )
        low, high = _reach(item)
        lows.append(min(low, unasked) if item.when and unasked is not None else low)
        highs.append(max(high, unasked) if item.when and unasked is not None else high)
    low, high = (0, 1) if how == "any" else (sum(lows), sum(highs))
    bands = tuple(Band(int(one["from"]), int(one["to"]), str(one["text"])) for one in raw.get("bands") or ())
    _check_bands(raw["key"], bands, low, high)
    _check_loinc(raw.get("loinc", ""))
    return Score(raw["key"], raw["text"], of, how, low, high, unasked, bands, raw.get("loinc", ""))


def _reach(item: Item) -> tuple[int, int]:
    """The least and the most points an item can give."""
    if item.kind == "integer" and item.least is not None and item.most is not None:
        return item.least, item.most
    given = [one.score for one in item.options if one.score is not None]
    if not given:
        raise BadInstrument(f"{item.id} is counted, and none of its answers has points")
    return min(given), sum(one for one in given if one > 0) if item.repeats else max(given)


def _check_bands(key: str, bands: tuple[Band, ...], low: int, high: int) -> None:
    if not bands:
        return
    following = low
    for band in bands:
        if band.low != following:
            what = "is said twice" if band.low < following else "belongs to no band"
            raise BadInstrument(
                f"the bands of {key} have a gap or an overlap: {min(band.low, following)} {what}"
            )
        if band.high < band.low:
            raise BadInstrument(f"a band of {key} ends before it begins: {band.low} to {band.high}")
        following = band.high + 1
    if following != high + 1:
        raise BadInstrument(f"the bands of {key} end at {following - 1}; the score goes to {high}")


def _check_loinc(code: str) -> None:
    if not code:
        return
    if not isinstance(code, str) or not _LOINC.fullmatch(code) or _check_digit(code[:-2]) != int(code[-1]):
        raise BadInstrument(f"{code!r} is no LOINC code: its check digit is wrong")


def _check_digit(digits: str) -> int:
    """LOINC's check digit: mod 10, every other digit doubled from the right (LOINC Users' Guide, check digits)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return -total % 10


def _only(raw: Mapping[str, Any], known: Any, what: str) -> None:
    unknown = sorted(map(str, set(raw) - set(known)))
    if unknown:
        raise BadInstrument(f"{what} has {', '.join(unknown)}, which nobody reads")
