"""Segments and their elements, in the four characters of X12. Pure."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from server.claims.x12.words import plain

ELEMENT: Final = "*"
SEGMENT: Final = "~"
COMPONENT: Final = ":"
REPETITION: Final = "^"

Value = str | int | Decimal | date | None
Composite = tuple[Value, ...]


def segment(name: str, *elements: Value | Composite) -> str:
    """One segment without its end; empty elements at the end are left out. Text is spelled in claim characters."""
    written = [_element(element) for element in elements]
    while written and not written[-1]:
        written.pop()
    return ELEMENT.join([name, *written])


def _element(value: Value | Composite) -> str:
    if isinstance(value, tuple):
        parts = [_plain(part) for part in value]
        while parts and not parts[-1]:
            parts.pop()
        return COMPONENT.join(parts)
    return _plain(value)


def _plain(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return f"{value:%Y%m%d}"
    if isinstance(value, Decimal):
        return money(value)
    return plain(str(value))


def money(amount: Decimal) -> str:
    """Dollars as X12 writes a decimal: no trailing zeros and no point it does not need: 66.5, 100."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def joined(segments: Sequence[str]) -> str:
    """The segments as a file has them, one a line."""
    return "".join(f"{each}{SEGMENT}\n" for each in segments)
