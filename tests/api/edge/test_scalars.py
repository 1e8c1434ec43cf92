"""Values at the door: what fits, what is refused, and that both ways of sending them agree."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from server.graphql.scalars import (
    SCALARS,
    Line,
    LongText,
    Minutes,
    Seconds,
    ShortText,
    Text,
    plain_string_inputs,
)


def read(kind: Any, value: Any) -> Any:
    return SCALARS[kind].parse_value(value)  # type: ignore[misc]


def write(kind: Any, value: Any) -> Any:
    return SCALARS[kind].serialize(value)  # type: ignore[misc]


GOOD: list[tuple[Any, Any, Any]] = [
    (Line, "Ada", "Ada"),
    (Line, "عائشة", "عائشة"),
    (Line, "x" * 200, "x" * 200),
    (ShortText, "a\nb", "a\nb"),
    (Text, "\tone\r\ntwo \N{GRINNING FACE}", "\tone\r\ntwo \N{GRINNING FACE}"),
    (Text, "x" * 10_000, "x" * 10_000),
    (LongText, "x" * 50_000, "x" * 50_000),
    (date, "2024-02-29", date(2024, 2, 29)),
    (date, "1850-01-01", date(1850, 1, 1)),
    (datetime, "2026-10-31T14:00:00Z", datetime(2026, 10, 31, 14, tzinfo=UTC)),
    (datetime, "2026-10-31T10:00-04:00", datetime(2026, 10, 31, 14, tzinfo=UTC)),
    (datetime, "2026-10-31t14:00:00.5z", datetime(2026, 10, 31, 14, 0, 0, 500_000, tzinfo=UTC)),
    (Decimal, "1234.50", Decimal("1234.50")),
    (Decimal, "-0", Decimal(0)),
    (Minutes, 0, 0),
    (Minutes, 44_640, 44_640),
    (Seconds, 2_678_400, 2_678_400),
]
BAD: list[tuple[Any, Any, str]] = [
    *((Line, value, "BAD_TEXT") for value in ("", "  ", "a\nb", "a\rb", "a\0b", "\ud800", "a\x1cb", "\x7f", 5, True, [], {})),
    (Line, "x" * 201, "TEXT_TOO_LONG"),
    (ShortText, "x" * 1_001, "TEXT_TOO_LONG"),
    (Text, "x" * 10_001, "TEXT_TOO_LONG"),
    (Text, "a\0", "BAD_TEXT"),
    (LongText, "x" * 50_001, "TEXT_TOO_LONG"),
    *((date, value, "BAD_DATE") for value in (
        "2023-02-30", "2023-02-29", "0000-01-01", "0001-01-01", "1849-12-31", "9999-12-31", "2151-01-01", "2023-13-01",
        "2023-1-1", "20230101", "2023-W01-1", "2023-01-01T00:00:00Z", "", "yesterday", "２０２３-01-01", 20230101, None, True)),
    *((datetime, value, "BAD_TIME") for value in (
        "2023-02-30T00:00:00Z", "2023-01-01T24:00:00Z", "2023-01-01T23:59:60Z", "2023-01-01T00:00:00", "2023-01-01",
        "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00", "2023-01-01T00:00:00+99:00", "2023-01-01 00:00:00Z",
        "now", 0, 1.5)),
    *((Decimal, value, "BAD_NUMBER") for value in (
        "NaN", "Infinity", "-Infinity", "1e5", "1E999999999", "1,000.00", "1.", ".5", "+1", "", " 1", "1.1234567",
        "9" * 16, "9" * 400, "１", 1.5, 1, True)),
    *((Minutes, value, "BAD_NUMBER") for value in (-1, 44_641, 2**63, 1.0, "20", True, None, float("nan"))),
    *((Seconds, value, "BAD_NUMBER") for value in (-1, 2_678_401, "20")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "expected"), GOOD)
def test_what_fits(kind: Any, value: Any, expected: Any) -> None:
    assert read(kind, value) == expected


@pytest.mark.parametrize(("kind", "value", "code"), BAD)
def test_what_does_not_fit(kind: Any, value: Any, code: str) -> None:
    with pytest.raises(GraphQLError) as caught:
        read(kind, value)
    error = caught.value
    assert error.extensions is not None
    assert error.extensions["code"] == code
    assert error.extensions["nextStep"].endswith(".")
    if isinstance(value, str) and len(value) > 3:
        assert value not in error.message


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (date, date(2026, 1, 2), "2026-01-02"),
        (
            datetime,
            datetime(2026, 10, 31, 10, tzinfo=timezone(timedelta(hours=-4))),
            "2026-10-31T14:00:00+00:00",
        ),
        (Decimal, Decimal("1E+3"), "1000"),
        (Decimal, Decimal("0.10"), "0.10"),
        (Minutes, 20, 20),
        (Line, "Ada", "Ada"),
    ],
)
def test_how_values_are_written(kind: Any, value: Any, expected: Any) -> None:
    assert write(kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (datetime, datetime(2026, 1, 1)),
        (datetime, "x"),
        (date, datetime(2026, 1, 1)),
        (Decimal, Decimal("NaN")),
        (Decimal, 1.5),
    ],
)
def test_what_we_must_not_write(kind: Any, value: Any) -> None:
    with pytest.raises(TypeError):
        write(kind, value)


@given(
    st.datetimes(min_value=datetime(1851, 1, 1), max_value=datetime(2149, 12, 31), timezones=st.timezones())
)
def test_an_instant_survives_any_zone(moment: datetime) -> None:
    sent = moment.isoformat(timespec="microseconds")
    if len(sent) == len("2026-10-31T10:00:00.000000+00:00"):  # before standard time, offsets had seconds
        sent_moment = datetime.fromisoformat(sent)  # in a zone's repeated hour, nothing else equals `moment`
        assert read(datetime, sent) == sent_moment
        assert read(datetime, write(datetime, sent_moment)) == sent_moment


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, min_value=-(10**15) + 1, max_value=10**15 - 1, places=6
    )
)
def test_a_decimal_is_never_rounded(amount: Decimal) -> None:
    assert read(Decimal, write(Decimal, amount)) == amount


@given(st.text(min_size=1, max_size=300))
def test_text_is_stored_as_written_or_refused(text: str) -> None:
    try:
        kept = read(Text, text)
    except GraphQLError:
        kept = None
    assert kept in (None, text)


BY_NAME = {
    "Line": "line",
    "Text": "text",
    "Date": "day",
    "DateTime": "moment",
    "Decimal": "amount",
    "Minutes": "minutes",
}


@pytest.mark.parametrize(
    ("kind", "value"),
    [("Line", "a\nb"), ("Text", "x" * 10_001), ("Date", "2023-02-30"), ("DateTime", "2023-01-01T25:00:00Z"),
     ("Decimal", "NaN"), ("Minutes", 99_999), ("Minutes", -1)],
)  # fmt: skip
def test_literals_and_variables_are_refused_alike(client: Any, world: Any, kind: str, value: Any) -> None:
    key = BY_NAME[kind]
    literal = client.ask(f"{{ echo(input: {{ {key}: {json.dumps(value)} }}) }}")
    variable = client.ask(f"query($v: {kind}) {{ echo(input: {{ {key}: $v }}) }}", {"v": value})
    inside = client.ask("query($i: Everything!) { echo(input: $i) }", {"i": {key: value}})
    codes = {answer.json()["errors"][0]["extensions"]["code"] for answer in (literal, variable, inside)}
    assert len(codes) == 1
    assert codes <= {"BAD_TEXT", "TEXT_TOO_LONG", "BAD_DATE", "BAD_TIME", "BAD_NUMBER"}
    assert {answer.status_code for answer in (literal, variable, inside)} == {400}
    assert world.logged == []


def test_plain_strings_among_the_inputs_are_found(schema: Any) -> None:
    assert set(plain_string_inputs(schema._schema)) == {"Query.people(after)", "Person.friends(after)"}
