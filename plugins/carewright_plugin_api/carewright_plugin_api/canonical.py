"""Frozen dataclasses to JSON and back, strictly, in one canonical spelling.

Instants are ISO 8601 in UTC ending in `Z`, dates are ISO, money is a string. Floats do not exist here: a value
that has been a float has already lost something. A field that holds its declared default is left out, so adding a
field with a default to the API changes no fingerprint that was stored before.
"""

import dataclasses
import hashlib
import json
import re
import types
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

T = TypeVar("T")

_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?")  # below a thousand million: what a claim can carry
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")  # no database and no UTF-8 file can hold these
_LARGEST = 2**31 - 1


class NotCanonical(ValueError):
    """The JSON does not have the promised shape. The message names the place and what was expected there."""


def to_data(value: object) -> Any:
    """JSON-able form of a dataclass, or of anything one may hold."""
    return _writer(type(value))(value)


def dumps(value: object) -> str:
    """Canonical JSON text: sorted keys, no spaces, no escapes for letters."""
    return _spelled(to_data(value)).decode()


def loads(kind: type[T], text: str | bytes) -> T:
    """The value written in `text`. Raises NotCanonical for bad JSON, unknown or repeated keys, floats and NaN."""
    data = _canonical(text)
    if data is None:
        try:
            data = json.loads(text, parse_float=_no_float, parse_constant=_no_float, object_pairs_hook=_once)
        except NotCanonical:
            raise
        except (ValueError, RecursionError) as error:
            raise NotCanonical(f"this is not JSON: {error}") from None
    return from_data(kind, data)


def _canonical(text: str | bytes) -> Any:
    """What `dumps` wrote, read quickly; None for any other text. One that comes out again as it went in holds no key
    twice, and whatever else it may not hold (a float, a letter no file can hold) its reader refuses."""
    try:
        data = orjson.loads(text)
        return data if _spelled(data) == (text.encode() if isinstance(text, str) else text) else None
    except (ValueError, TypeError, RecursionError):
        return None


def from_data(kind: type[T], data: object, where: str = "") -> T:
    """`data` (parsed JSON) as a `kind`. Raises NotCanonical naming the place."""
    hint: Any = kind
    try:
        made: T = _reader(hint)(data)
    except _Misfit as misfit:
        place = "".join(reversed(misfit.place))
        raise NotCanonical(f"{where or kind.__name__}{place}{misfit}") from None
    return made


def fingerprint(value: object) -> str:
    """sha256 of the canonical form with every list sorted: what order the facts were fetched in does not matter."""
    return fingerprint_of(dumps(value))


def fingerprint_of(text: str) -> str:
    """`fingerprint` of what `dumps` wrote, for who has the text already."""
    return hashlib.sha256(_spelled(_sorted(orjson.loads(text)))).hexdigest()


def _sorted(data: dict[str, Any]) -> dict[str, Any]:
    return {
        key: sorted(map(_sorted_item, held), key=_spelled)
        if type(held) is list
        else _sorted(held)
        if type(held) is dict
        else held
        for key, held in data.items()
    }


def _sorted_item(data: Any) -> Any:
    if type(data) is dict:
        return _sorted(data)
    return sorted(map(_sorted_item, data), key=_spelled) if type(data) is list else data


def _spelled(data: Any) -> bytes:
    """UTF-8; its order is that of the letters, so sorting these sorts the texts."""
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)


def _no_float(text: str) -> Any:
    raise NotCanonical(f"{text} is a floating number; write whole numbers, and money as a string")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise NotCanonical("the same key stands twice in one object")
    return made


# --- writing ----------------------------------------------------------------------------------------------------

Writer = Callable[[Any], Any]
_WRITERS: dict[type, Writer] = {}
_AS_THEY_ARE: frozenset[type] = frozenset({str, int, bool, type(None)})


def _writer(kind: type) -> Writer:
    """What writes a value of this very type, found once."""
    found = _WRITERS.get(kind)
    if found is None:
        found = _WRITERS[kind] = _writer_of(kind)
    return found


def _writer_of(kind: type) -> Writer:
    if kind in _AS_THEY_ARE or issubclass(kind, str):
        return _as_it_is
    if issubclass(kind, tuple):
        return _told_items
    if issubclass(kind, datetime):
        return _told_instant
    if issubclass(kind, date):
        return date.isoformat
    if issubclass(kind, Decimal):
        return _told_amount
    if dataclasses.is_dataclass(kind):
        return _object_of(kind)
    raise NotCanonical(f"a {kind.__name__} has no place in facts or decisions")


def _as_it_is(value: Any) -> Any:
    return value


def _told_items(value: tuple[Any, ...]) -> list[Any]:
    return [_writer(type(item))(item) for item in value]


def _told_instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _told_amount(value: Decimal) -> str:
    if not value.is_finite():
        raise NotCanonical(f"{value} is not an amount of money")
    return format(value, "f")


def _object_of(kind: type) -> Writer:
    """Writes the fields that do not hold their default."""
    told = tuple(
        (f.name, f.default, None if f.default is dataclasses.MISSING else type(f.default))
        for f in dataclasses.fields(kind)
    )

    def write(value: Any) -> dict[str, Any]:
        made = {}
        for name, default, of in told:
            held = getattr(value, name)
            its = type(held)
            if its is of and held == default:
                continue
            made[name] = held if its in _AS_THEY_ARE else _writer(its)(held)
        return made

    return write


# --- reading ----------------------------------------------------------------------------------------------------


class _Misfit(Exception):
    """What does not fit; the place is put together on the way out, so that reading what fits costs nothing for it."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.place: list[str] = []


Reader = Callable[[Any], Any]


@cache
def _reader(kind: Any) -> Reader:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        (inner,) = [arg for arg in get_args(kind) if arg is not type(None)]
        read = _reader(inner)
        return lambda data: None if data is None else read(data)
    if origin is Literal:
        return _word_reader(get_args(kind))
    if origin is tuple:
        return _list_reader(_reader(get_args(kind)[0]))
    if dataclasses.is_dataclass(kind):
        return _object_reader(kind)
    return {str: _text, bool: _flag, int: _whole, Decimal: _money, datetime: _instant, date: _day}[kind]


def _object_reader(kind: Any) -> Reader:
    hints = get_type_hints(kind)
    readers = {field.name: _reader(hints[field.name]) for field in dataclasses.fields(kind)}
    needed = {field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING}

    def read(data: Any) -> Any:
        if type(data) is not dict:
            raise _wrong("an object", data)
        if not data.keys() <= readers.keys():
            unknown = sorted(set(data) - set(readers))
            raise _Misfit(f" has no field {', '.join(map(str, unknown))}")
        if not needed <= data.keys():
            raise _Misfit(f" lacks {', '.join(name for name in readers if name in needed - data.keys())}")
        values = {}
        for name, held in data.items():
            try:
                values[name] = readers[name](held)
            except _Misfit as misfit:
                misfit.place.append(f".{name}")
                raise
        try:
            return kind(**values)
        except NotCanonical:
            raise
        except ValueError as error:
            raise _Misfit(f": {error}") from None

    return read


def _list_reader(read: Reader) -> Reader:
    def read_all(data: Any) -> Any:
        if type(data) is not list:
            raise _wrong("a list", data)
        made: list[Any] = []
        try:
            for item in data:
                made.append(read(item))
        except _Misfit as misfit:
            misfit.place.append(f"[{len(made)}]")
            raise
        return tuple(made)

    return read_all


def _word_reader(allowed: tuple[Any, ...]) -> Reader:
    words = frozenset(allowed)

    def read(data: Any) -> Any:
        if type(data) is not str or data not in words:
            raise _wrong(f"one of {', '.join(allowed)}", data)
        return data

    return read


def _text(data: Any) -> str:
    if type(data) is not str or _NO_TEXT.search(data):
        raise _wrong("text", data)
    return data


def _flag(data: Any) -> bool:
    if type(data) is not bool:
        raise _wrong("true or false", data)
    return data


def _whole(data: Any) -> int:
    if type(data) is not int or not -_LARGEST <= data <= _LARGEST:
        raise _wrong(f"a whole number up to {_LARGEST}", data)
    return data


def _money(data: Any) -> Decimal:
    if not _DECIMAL.fullmatch(_text(data)):
        raise _wrong("an amount such as 66.13", data)
    return Decimal(data)


def _instant(data: Any) -> datetime:
    try:
        made = datetime.fromisoformat(_text(data))
    except ValueError:
        raise _wrong("an instant", data) from None
    if made.tzinfo is None:
        raise _Misfit(f" is {data}, which has no offset: write instants in UTC, ending in Z")
    return made if made.tzinfo is UTC else made.astimezone(UTC)


def _day(data: Any) -> date:
    try:
        return date.fromisoformat(_text(data))
    except ValueError:
        raise _wrong("a date such as 2026-03-31", data) from None


def _wrong(wanted: str, data: Any) -> _Misfit:
    text = repr(data)
    return _Misfit(f" should be {wanted}, not {text if len(text) <= 60 else f'{text[:57]}...'}")
