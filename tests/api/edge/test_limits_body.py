"""The body guard: what is a request, and what is refused before anything is parsed as GraphQL."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Refused
from server.graphql.limits import Limits, read_json, read_request

LIMITS = Limits()


def refusal(body: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        read_request(body, LIMITS)
    return caught.value


def body(**parts: Any) -> bytes:
    return json.dumps(parts).encode()


def test_a_request_is_read() -> None:
    request = read_request(
        body(query="{a}", variables={"n": [1, -2, 3.5, None, True]}, operationName="A", extensions={"x": {}}),
        LIMITS,
    )
    assert request.query == "{a}"
    assert request.variables == {"n": [1, -2, 3.5, None, True]}
    assert request.operation_name == "A"
    assert request.extensions == {"x": {}}


def test_what_may_be_left_out_or_null() -> None:
    assert read_request(b'{"query":"{a}"}', LIMITS).variables == {}
    request = read_request(
        b'{"query":"{a}","variables":null,"operationName":null,"extensions":null,"other":1}', LIMITS
    )
    assert (request.variables, request.operation_name, request.extensions) == ({}, None, {})


def test_numbers_keep_their_sign_and_size() -> None:
    assert read_json(b"[-5, 0, 9223372036854775807, -9223372036854775807, 1e3]", LIMITS) == [
        -5, 0, 2**63 - 1, -(2**63 - 1), 1000.0,
    ]  # fmt: skip


def test_a_pair_of_halves_is_one_character() -> None:
    assert read_json(b'"\\ud83d\\ude00"', LIMITS) == "\N{GRINNING FACE}"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "BODY_NOT_JSON"),
        (b"\xff\xfe{}", "BODY_NOT_JSON"),
        (b'{"query":"{a}\xc3\x28"}', "BODY_NOT_JSON"),
        (b"\xef\xbb\xbf{}", "BODY_NOT_JSON"),
        (b'{"query":', "BODY_NOT_JSON"),
        (b"{'query':'{a}'}", "BODY_NOT_JSON"),
        (b'{"query":"{a}"} {}', "BODY_NOT_JSON"),
        (b'{"query":"{a}\n"}', "BODY_NOT_JSON"),
        (b'{"query":"{a}","query":"{b}"}', "BODY_NOT_JSON"),
        (b'{"query":"{a}","variables":{"n":NaN}}', "BODY_NOT_JSON"),
        (b'{"query":"{a}","variables":{"n":-Infinity}}', "BODY_NOT_JSON"),
        (b'{"query":"{a}","variables":{"n":1e999}}', "BODY_NOT_JSON"),
        (b'{"query":"{a}","variables":{"n":9223372036854775808}}', "BODY_NOT_JSON"),
        (b'{"query":"{a}","variables":{"n":-99999999999999999999}}', "BODY_NOT_JSON"),
        (b'{"query":"{a}","variables":{"n":' + b"9" * 5_000 + b"}}", "BODY_NOT_JSON"),
        (b'{"query":"{a}","variables":{"n":0.' + b"1" * 5_000 + b"}}", "BODY_NOT_JSON"),
        (b'{"query":"{a}","variables":{"n":"\\u0000"}}', "BODY_BAD_TEXT"),
        (b'{"query":"{a}","variables":{"\\u0000":1}}', "BODY_BAD_TEXT"),
        (b'{"query":"{a}","variables":{"n":["\\ud800"]}}', "BODY_BAD_TEXT"),
        (b'{"query":"{a}","variables":{"n":"\\udc00\\ud83d"}}', "BODY_BAD_TEXT"),
        (b'{"query":"{a}","variables":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "BODY_TOO_DEEP"),
        (b'{"query":"{a}","variables":' + b'{"a":' * 33 + b"1" + b"}" * 33 + b"}", "BODY_TOO_DEEP"),
        (b'{"query":"{a}","variables":{"n":[' + b"1," * 20_000 + b"1]}}", "BODY_TOO_LARGE"),
        (b'{"query":"' + b"a" * 256 * 1024 + b'"}', "BODY_TOO_LARGE"),
        (b'[{"query":"{a}"}]', "BATCHING_OFF"),
        (b"5", "NOT_A_REQUEST"),
        (b"null", "NOT_A_REQUEST"),
        (b'"{a}"', "NOT_A_REQUEST"),
        (b"{}", "NOT_A_REQUEST"),
        (b'{"query":""}', "NOT_A_REQUEST"),
        (b'{"query":5}', "NOT_A_REQUEST"),
        (b'{"query":"{a}","variables":[]}', "NOT_A_REQUEST"),
        (b'{"query":"{a}","variables":"{}"}', "NOT_A_REQUEST"),
        (b'{"query":"{a}","operationName":{}}', "NOT_A_REQUEST"),
        (b'{"query":"{a}","extensions":1}', "NOT_A_REQUEST"),
        (b'{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"zz"}}}', "NOT_A_REQUEST"),
        (b'{"extensions":{"persistedQuery":[]}}', "NOT_A_REQUEST"),
        (
            b'{"extensions":{"persistedQuery":{"version":2,"sha256Hash":"' + b"a" * 64 + b'"}}}',
            "NOT_A_REQUEST",
        ),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else value,
)
def test_what_is_not_a_request(raw: bytes, code: str) -> None:
    refused = refusal(raw)
    assert refused.code == code
    assert refused.message.endswith(".")
    assert refused.next_step


def test_thirty_two_levels_are_allowed() -> None:
    deep = b"[" * 30 + b"1" + b"]" * 30
    assert read_request(b'{"query":"{a}","variables":{"n":' + deep + b"}}", LIMITS).query == "{a}"


def read_or_code(raw: bytes) -> object:
    """The value, or the code of the refusal."""
    try:
        return read_json(raw, LIMITS)
    except Refused as refused:
        return refused


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    found = read_or_code(raw)
    if isinstance(found, Refused):
        assert found.code in {"BODY_NOT_JSON", "BODY_BAD_TEXT", "BODY_TOO_DEEP"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON)
def test_json_that_is_accepted_reads_as_any_other_reader_would(value: object) -> None:
    raw = json.dumps(value).encode()
    found = read_or_code(raw)
    if isinstance(found, Refused):
        assert found.code in {"BODY_NOT_JSON", "BODY_BAD_TEXT"}
    else:
        assert found == json.loads(raw)
