"""JSON read strictly: what Python's reader would let pass silently (a key given twice, NaN, endless nesting) is
said out loud, and numbers keep every digit they were written with."""

import json
import re
from collections import Counter
from decimal import Decimal, InvalidOperation

import orjson

from server.words import say

Tree = dict[str, object]

_STRINGS = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # possessive: linear on hostile quotes
_BRACKETS = re.compile(r"[\[\]{}]")
_LONGEST_INT = 18  # digits that surely fit 64 bits; longer ones stay exact as Decimal
_LONGEST_NUMBER = 400


class Malformed(Exception):
    """The text is not one acceptable JSON value.

    kind: truncated, syntax, duplicate, number or depth. sentence: what was found. line, column: from 1, or 0 if
    the place is not known. Never carries the file's own words except a repeated key.
    """

    def __init__(self, kind: str, sentence: str, line: int = 0, column: int = 0) -> None:
        super().__init__(kind)
        self.kind = kind
        self.sentence = sentence
        self.line = line
        self.column = column


def parse(text: str, *, deepest: int) -> object:
    """The value written in `text`, its non-integers as Decimal. Raises Malformed.

    deepest: how many brackets may be open at once. It is counted before parsing, so that nesting costs nothing.
    """
    if nesting(text) > deepest:
        raise Malformed("depth", say("It is nested more than %(deepest)s levels deep.", deepest=deepest))
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_number,
            parse_int=_integer,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise _explained(text, error) from None
    except RecursionError:
        raise Malformed(
            "depth", say("It is nested more than %(deepest)s levels deep.", deepest=deepest)
        ) from None


def canonical(value: object) -> str:
    """One spelling for equal content: sorted keys, no spaces, numbers as they were given.

    Always storable text: lone surrogates, which no database takes, stay written as escapes.
    """
    try:
        return orjson.dumps(value, default=_fragment, option=orjson.OPT_SORT_KEYS).decode()
    except (TypeError, orjson.JSONEncodeError):
        return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def nesting(text: str) -> int:
    """The largest number of brackets open at once, those inside strings not counted."""
    open_now = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        if bracket in "[{":
            open_now += 1
            deepest = max(deepest, open_now)
        else:
            open_now -= 1
    return deepest


def _object(pairs: list[tuple[str, object]]) -> Tree:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise Malformed(
            "duplicate", say("The key %(key)s is given twice in one object.", key=f"{twice[:60]!r}")
        )
    return tree


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _LONGEST_INT else _number(digits)


def _number(digits: str) -> Decimal:
    if len(digits) > _LONGEST_NUMBER:
        raise Malformed("number", say("A number in it is %(n)s characters long.", n=f"{len(digits):,}"))
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise Malformed(
            "number", say("The number %(number)s is beyond all bounds.", number=digits[:40])
        ) from None


def _constant(name: str) -> object:
    raise Malformed("number", say("It holds %(word)s, which is not a number in JSON.", word=name))


def _fragment(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError


def _explained(text: str, error: json.JSONDecodeError) -> Malformed:
    body = text.rstrip()
    cut = error.pos >= len(body) or error.msg.startswith("Unterminated") or body[-1:] not in ("}", "]")
    if cut:
        lines = body.count("\n") + 1
        column = len(body) - body.rfind("\n") - 1
        return Malformed(
            "truncated",
            say("It stops at line %(line)s, character %(column)s.", line=f"{lines:,}", column=f"{column:,}"),
            lines,
            column,
        )
    what = error.msg[:1].lower() + error.msg[1:]
    return Malformed(
        "syntax",
        say(
            "At line %(line)s, character %(column)s: %(fault)s.",
            line=f"{error.lineno:,}",
            column=f"{error.colno:,}",
            fault=what,
        ),
        error.lineno,
        error.colno,
    )
