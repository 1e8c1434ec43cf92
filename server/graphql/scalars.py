"""The words our schema uses for values: text, dates, instants, decimals, durations.

A resolver names the Python type on the left and receives a value that is already right:

    Line       one line, 1 to 200 characters (names, titles, reasons)
    ShortText  1 to 1,000 characters, lines allowed
    Text       1 to 10,000 characters, lines allowed (notes)
    LongText   1 to 50,000 characters, lines allowed (letters, plans)
    date       `2026-10-31`, between 1850 and 2150
    datetime   an instant with an offset, read as and written in UTC: `2026-10-31T14:00:00+00:00`
    Decimal    a string such as `"1234.50"`, never a float: money must not be rounded on the way
    Minutes    whole minutes, 0 to 44,640 (31 days)
    Seconds    whole seconds, 0 to 2,678,400 (31 days)
    strawberry.ID    a node id, see `connections.py`

    @strawberry.input
    class LogMinutesInput:
        patient_id: strawberry.ID
        started_at: datetime
        lasted: Seconds
        note: Text | None = None

Hand `SCALARS` to `StrawberryConfig(scalar_map=SCALARS)`. A value that does not fit is refused with a sentence
that says what was expected; the sentence never repeats the value, because it may be a patient's own words and
errors travel into logs and screenshots. Plain `str` is for output only: `plain_string_inputs` finds the rest.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NewType

import strawberry
from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)
from strawberry.types.scalar import ScalarDefinition

from server.unreadable import UNREADABLE

Line = NewType("Line", str)
ShortText = NewType("ShortText", str)
Text = NewType("Text", str)
LongText = NewType("LongText", str)
Minutes = NewType("Minutes", int)
Seconds = NewType("Seconds", int)

EARLIEST_YEAR, LATEST_YEAR = 1850, 2150

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})", re.ASCII | re.IGNORECASE
)
_DECIMAL = re.compile(r"-?\d{1,15}(\.\d{1,6})?", re.ASCII)


def bad_value(code: str, message: str, next_step: str) -> GraphQLError:
    """A typed refusal of one input value. The executor adds the variable's name and the path inside it."""
    return GraphQLError(message, extensions={"code": code, "nextStep": next_step})


def _text(longest: int, *, one_line: bool = False) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if not isinstance(value, str):
            raise bad_value("BAD_TEXT", "This must be text.", "Send it as a string.")
        if UNREADABLE.search(value):
            raise bad_value(
                "BAD_TEXT",
                "This text holds a character that cannot be stored (a control character or half of a pair).",
                "Remove it and send the text again.",
            )
        if one_line and ("\n" in value or "\r" in value):
            raise bad_value("BAD_TEXT", "This must be a single line.", "Remove the line breaks.")
        if not value.strip():
            raise bad_value("BAD_TEXT", "This text is empty.", "Write something, or leave the field out.")
        if len(value) > longest:
            raise bad_value(
                "TEXT_TOO_LONG",
                f"This text has {len(value):,} characters; at most {longest:,} fit here.",
                "Shorten it, or put the rest where longer text belongs.",
            )
        return value

    return parse


def _parse_date(value: object) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise bad_value("BAD_DATE", "This is not a date.", "Write year, month and day, like 2026-10-31.")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise bad_value(
            "BAD_DATE", "There is no such day in the calendar.", "Check the month and the day."
        ) from None
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise bad_value("BAD_DATE", _out_of_years(), "Check the year.")
    return day


def _parse_instant(value: object) -> datetime:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise bad_value(
            "BAD_TIME",
            "This is not a point in time.",
            "Write date, time and offset, like 2026-10-31T14:00:00Z or 2026-10-31T10:00:00-04:00.",
        )
    try:
        moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad_value(
            "BAD_TIME", "There is no such day or time of day.", "Check the date, the time and the offset."
        ) from None
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise bad_value("BAD_TIME", _out_of_years(), "Check the year.")
    return moment


def _out_of_years() -> str:
    return f"The year must lie between {EARLIEST_YEAR} and {LATEST_YEAR}."


def _write_instant(value: object) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError("an instant without an offset cannot be written")
    return value.astimezone(UTC).isoformat()


def _write_date(value: object) -> str:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError("not a date")
    return value.isoformat()


def _parse_decimal(value: object) -> Decimal:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise bad_value(
            "BAD_NUMBER",
            "This is not a decimal number.",
            'Write it as a string of digits with at most six decimals, like "1234.50".',
        )
    return Decimal(value)


def _write_decimal(value: object) -> str:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise TypeError("not a finite decimal")
    return format(value, "f")


def _whole(unit: str, most: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise bad_value(
                "BAD_NUMBER", f"This must be a whole number of {unit}.", "Send a number such as 20."
            )
        if not 0 <= value <= most:
            raise bad_value(
                "BAD_NUMBER",
                f"This must lie between 0 and {most:,} {unit}.",
                "Check the number and the unit.",
            )
        return value

    return parse


def _scalar(
    name: str, description: str, parse: Callable[[object], Any], write: Callable[[Any], Any] = str
) -> ScalarDefinition:
    return strawberry.scalar(name=name, description=description, parse_value=parse, serialize=write)


SCALARS: Mapping[object, ScalarDefinition] = {
    Line: _scalar("Line", "One line of text, 1 to 200 characters.", _text(200, one_line=True)),
    ShortText: _scalar("ShortText", "Text of 1 to 1,000 characters; line breaks allowed.", _text(1_000)),
    Text: _scalar("Text", "Text of 1 to 10,000 characters; line breaks allowed.", _text(10_000)),
    LongText: _scalar("LongText", "Text of 1 to 50,000 characters; line breaks allowed.", _text(50_000)),
    date: _scalar(
        "Date", "A calendar day, like 2026-10-31, between 1850 and 2150.", _parse_date, _write_date
    ),
    datetime: _scalar(
        "DateTime",
        "An instant. Give any offset, like 2026-10-31T10:00:00-04:00; answers are always in UTC.",
        _parse_instant,
        _write_instant,
    ),
    Decimal: _scalar(
        "Decimal", 'An exact decimal number as a string, like "1234.50".', _parse_decimal, _write_decimal
    ),
    Minutes: _scalar("Minutes", "Whole minutes, 0 to 44,640 (31 days).", _whole("minutes", 44_640), int),
    Seconds: _scalar(
        "Seconds", "Whole seconds, 0 to 2,678,400 (31 days).", _whole("seconds", 2_678_400), int
    ),
}


def plain_string_inputs(schema: GraphQLSchema) -> Iterator[str]:
    """Every argument and input field still typed `String`, as `Type.field(argument)` or `Input.field`.

    Such an input has no length and no character rules of its own; only the body limits guard it.
    Cursors are the one lasting exception (clients expect `String` there; they are checked when read).
    """
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(kind, GraphQLInputObjectType):
            for field_name, field in kind.fields.items():
                if get_named_type(field.type).name == "String":
                    yield f"{name}.{field_name}"
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, output in kind.fields.items():
                for argument_name, argument in output.args.items():
                    if get_named_type(argument.type).name == "String":
                        yield f"{name}.{field_name}({argument_name})"
