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
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_DECIMAL = re.compile(r"-?\d{1,12}(\.\d{1,6})?")


class NotCanonical(ValueError):
    """The JSON does not have the promised shape. The message names the place and what was expected there."""


def to_data(value: object) -> Any:
    """JSON-able form of a dataclass, or of anything one may hold."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise NotCanonical(f"{value} is not an amount of money")
        return format(value, "f")
    if isinstance(value, tuple):
        return [to_data(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((name, default, getattr(value, name)) for name, _, default in _shape(type(value)))
        return {name: to_data(held) for name, default, held in pairs if not _same(held, default)}
    raise NotCanonical(f"a {type(value).__name__} has no place in facts or decisions")


def dumps(value: object) -> str:
    """Canonical JSON text: sorted keys, no spaces, no escapes for letters."""
    return json.dumps(
        to_data(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def loads(kind: type[T], text: str | bytes) -> T:
    """The value written in `text`. Raises NotCanonical for bad JSON, unknown or repeated keys, floats and NaN."""
    try:
        data = json.loads(text, parse_float=_no_float, parse_constant=_no_float, object_pairs_hook=_once)
    except NotCanonical:
        raise
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"this is not JSON: {error}") from None
    return from_data(kind, data)


def from_data(kind: type[T], data: object, where: str = "") -> T:
    """`data` (parsed JSON) as a `kind`. Raises NotCanonical naming the place."""
    hint: Any = kind
    made: T = _reader(hint)(data, where or kind.__name__)
    return made


def fingerprint(value: object) -> str:
    """sha256 of the canonical form with every list sorted: what order the facts were fetched in does not matter."""
    text = json.dumps(_sorted(to_data(value)), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _sorted(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _sorted(held) for key, held in data.items()}
    if isinstance(data, list):
        return sorted((_sorted(item) for item in data), key=lambda item: json.dumps(item, sort_keys=True))
    return data


def _same(held: object, default: object) -> bool:
    return default is not dataclasses.MISSING and type(held) is type(default) and held == default


def _no_float(text: str) -> Any:
    raise NotCanonical(f"{text} is a floating number; write whole numbers, and money as a string")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise NotCanonical("the same key stands twice in one object")
    return made


@cache
def _shape(kind: type) -> tuple[tuple[str, Any, Any], ...]:
    hints = get_type_hints(kind)
    return tuple((field.name, hints[field.name], field.default) for field in dataclasses.fields(kind))


@cache
def _reader(kind: Any) -> Callable[[Any, str], Any]:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        (inner,) = [arg for arg in get_args(kind) if arg is not type(None)]
        read = _reader(inner)
        return lambda data, where: None if data is None else read(data, where)
    if origin is Literal:
        allowed = get_args(kind)
        return lambda data, where: _one_of(data, allowed, where)
    if origin is tuple:
        read = _reader(get_args(kind)[0])
        return lambda data, where: tuple(
            read(item, f"{where}[{n}]") for n, item in enumerate(_of(list, data, where))
        )
    if dataclasses.is_dataclass(kind):
        return lambda data, where: _read_object(kind, data, where)
    return {str: _text, bool: _flag, int: _whole, Decimal: _money, datetime: _instant, date: _day}[kind]


def _read_object(kind: Any, data: Any, where: str) -> Any:
    held = _of(dict, data, where)
    shape = _shape(kind)
    unknown = sorted(set(held) - {name for name, _, _ in shape})
    if unknown:
        raise NotCanonical(f"{where} has no field {', '.join(map(str, unknown))}")
    missing = [name for name, _, default in shape if default is dataclasses.MISSING and name not in held]
    if missing:
        raise NotCanonical(f"{where} lacks {', '.join(missing)}")
    values = {name: _reader(hint)(held[name], f"{where}.{name}") for name, hint, _ in shape if name in held}
    try:
        return kind(**values)
    except NotCanonical:
        raise
    except ValueError as error:
        raise NotCanonical(f"{where}: {error}") from None


def _of(kind: type, data: Any, where: str) -> Any:
    if type(data) is not kind:
        raise NotCanonical(f"{where} should be {_PLAIN[kind]}, not {_shown(data)}")
    return data


def _one_of(data: Any, allowed: tuple[Any, ...], where: str) -> Any:
    if not isinstance(data, str) or data not in allowed:
        raise NotCanonical(f"{where} should be one of {', '.join(allowed)}, not {_shown(data)}")
    return data


def _text(data: Any, where: str) -> str:
    return str(_of(str, data, where))


def _flag(data: Any, where: str) -> bool:
    return bool(_of(bool, data, where))


def _whole(data: Any, where: str) -> int:
    return int(_of(int, data, where))


def _money(data: Any, where: str) -> Decimal:
    text = _text(data, where)
    if not _DECIMAL.fullmatch(text):
        raise NotCanonical(f"{where} should be an amount such as 66.13, not {_shown(data)}")
    try:
        return Decimal(text)
    except InvalidOperation:  # pragma: no cover - the pattern above admits only what Decimal reads
        raise NotCanonical(f"{where} is not an amount") from None


def _instant(data: Any, where: str) -> datetime:
    text = _text(data, where)
    try:
        made = datetime.fromisoformat(text)
    except ValueError:
        raise NotCanonical(f"{where} should be an instant, not {_shown(data)}") from None
    if made.tzinfo is None:
        raise NotCanonical(f"{where} is {text}, which has no offset: write instants in UTC, ending in Z")
    return made.astimezone(UTC)


def _day(data: Any, where: str) -> date:
    text = _text(data, where)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotCanonical(f"{where} should be a date such as 2026-03-31, not {_shown(data)}") from None


def _shown(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else f"{text[:57]}..."


_PLAIN: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
    dict: "an object",
}
