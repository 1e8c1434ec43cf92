"""Requests grown from a GraphQL schema's own grammar and then spoiled; the same ones for the same seed and ids.

Half of them are grown to be right, so that resolvers are reached; the rest carry values no field expects, or have
their bytes flipped, cut, doubled and swapped. `wrong_with` says whether an answer is one that a client can use.
"""

import json
import random
import re
from collections.abc import Collection
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

NASTY: list[Any] = [
    "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "\u202eabc", "\ufeff", "\x1c", "9" * 400, "NaN", "Infinity", "-0",
    "2023-02-30", "0000-01-01", "9999-12-31", "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00", "24:00", "1e999999999",
    "x" * 20_001, "'; drop table patient; --", "{{7*7}}", "<script>", "%s%n", "../../x", "\r\nSet-Cookie: a=b",
    0, -1, 1, 2**31 - 1, 2**31, -(2**31) - 1, 2**53, 2**63 - 1, 2**63, 10**30, 0.1, -0.0, 1e308, float("nan"), float("inf"),
    True, False, None, [], {}, [[]], [None], {"": None}, {"__proto__": 1}, ["a"] * 300, {"deep": {"inner": {"inner": {}}}},
]  # fmt: skip
_WORDS = [
    "Ada",
    "Lovelace",
    "1234567893",
    "2026-10",
    "ccm",
    "verbal",
    "phone",
    "active",
    "en",
    "M54.5",
    "A\nB",
    "Ödön",
    "x" * 150,
]
_DAYS = ["2024-02-29", "1950-02-28", "2026-10-31", "2026-11-01", "1850-01-01", "2150-12-31"]
_MOMENTS = [
    "2026-10-31T10:00:00-04:00",
    "2026-10-31T10:20:00-04:00",
    "2026-11-01T05:59:59Z",
    "1850-01-02T00:00:00Z",
    "2150-01-01T00:00:00Z",
]
_ID = re.compile(r'"id":"([A-Za-z0-9+/=]{20,120})"')


class _Name(str):
    """An enum value, which is written without quotes in a document."""

    __slots__ = ()


class Grower:
    """Grows request bodies. ids: global ids to start from; those seen in answers join them through `learn`."""

    def __init__(
        self, schema: GraphQLSchema, seed: int, *, avoid: Collection[str] = (), ids: Collection[str] = ()
    ) -> None:
        self.schema = schema
        self.chance = random.Random(seed)
        self.avoid = frozenset(avoid)
        self.ids = ["x", "UGVyc29uOjE=", *ids]
        self._calm = False
        self._variables: dict[str, tuple[str, Any]] = {}

    def learn(self, answer: str) -> None:
        """Ids in an answer are asked about later, so that one request builds on another."""
        for id in _ID.findall(answer)[:20]:
            if id not in self.ids:
                self.ids.append(id)
        del self.ids[2:-200]

    def body(self) -> bytes:
        """The next request body."""
        chance = self.chance
        self._calm = chance.random() < 0.5
        self._variables = {}
        text = self._document()
        request: Any = {
            "query": text,
            "variables": {name: value for name, (_, value) in self._variables.items()},
        }
        if self._calm:
            return json.dumps(request).encode()
        if chance.random() < 0.2:
            request["query"] = self._spoiled(text.encode()).decode("utf-8", "replace")
        if chance.random() < 0.2:
            key = chance.choice(["query", "variables", "operationName", "extensions", "x"])
            request[key] = chance.choice(NASTY)
        if chance.random() < 0.03:
            request = chance.choice([*NASTY, [request]])
        raw = json.dumps(request).encode()
        return self._spoiled(raw) if chance.random() < 0.35 else raw

    def _document(self) -> str:
        chance = self.chance
        roots = [("query", self.schema.query_type)] * 5 + [("mutation", self.schema.mutation_type)] * 4
        if self.schema.subscription_type is not None:
            roots.append(("subscription", self.schema.subscription_type))
        kind, root = chance.choice(roots)
        selection = self._selection(root, chance.randint(1, 6), widest=2)
        definitions = " ".join(f"${name}: {type_}" for name, (type_, _) in self._variables.items())
        text = f"{kind} Q{f'({definitions})' if definitions else ''} {selection}"
        if chance.random() < (0.01 if self._calm else 0.15):
            some = chance.choice(
                [t for t in self.schema.type_map.values() if isinstance(t, GraphQLObjectType)]
            )
            text += f" fragment F on {some.name} {self._selection(some, 2)}"
            text = text.replace("__typename", "...F", 1)
        return text

    def _selection(self, kind: Any, depth: int, widest: int = 5) -> str:
        chance = self.chance
        kind = get_named_type(kind)
        if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
            possible = self.schema.get_possible_types(kind)
            picked = chance.sample(possible, k=chance.randint(1, len(possible)))
            parts = ["__typename", *(f"... on {t.name} {self._selection(t, depth - 1)}" for t in picked)]
        elif isinstance(kind, GraphQLObjectType):
            names = [
                n
                for n, f in kind.fields.items()
                if n not in self.avoid and (depth > 0 or is_leaf_type(get_named_type(f.type)))
            ]
            picked_names = (
                chance.sample(names, k=chance.randint(1, min(widest, len(names))))
                if names
                else ["__typename"]
            )
            parts = [self._field(n, kind.fields.get(n), depth) for n in picked_names]
        else:
            return ""
        return "{ " + " ".join(parts) + " }"

    def _field(self, name: str, field: GraphQLField | None, depth: int) -> str:
        chance = self.chance
        if field is None:
            return name
        arguments = []
        for n, argument in field.args.items():
            if chance.random() > 0.6 and not (self._calm and is_required_argument(argument)):
                continue
            value = self._value(argument.type)
            if n in ("first", "last") and chance.random() < 0.9:
                value = chance.randint(1, 4)
            if n == "after" and chance.random() < 0.9:
                continue
            if chance.random() < 0.5:
                variable = f"v{len(self._variables)}"
                self._variables[variable] = (str(argument.type), value)
                arguments.append(f"{n}: ${variable}")
            else:
                arguments.append(f"{n}: {self._literal(value)}")
        given = f"({' '.join(arguments)})" if arguments else ""
        alias = f"a{chance.randrange(9)}: " if chance.random() < (0.02 if self._calm else 0.15) else ""
        odd = 0.002 if self._calm else 0.1
        directive = (
            chance.choice([" @include(if: true)", " @skip(if: null)", " @nope"])
            if chance.random() < odd
            else ""
        )
        return f"{alias}{name}{given}{directive} {self._selection(field.type, depth - 1)}"

    def _value(self, kind: Any, depth: int = 0) -> Any:
        chance = self.chance
        if chance.random() < (0.01 if self._calm else 0.12):
            return chance.choice(NASTY)
        kind = get_nullable_type(kind)
        if isinstance(kind, GraphQLList):
            return [self._value(kind.of_type, depth + 1) for _ in range(chance.randrange(3))]
        if isinstance(kind, GraphQLInputObjectType):
            return {
                n: self._value(f.type, depth + 1)
                for n, f in kind.fields.items()
                if (self._calm and is_required_input_field(f)) or (depth < 4 and chance.random() < 0.5)
            }
        if isinstance(kind, GraphQLEnumType):
            return _Name(chance.choice(list(kind.values)))
        match kind.name:
            case "Int" | "Minutes" | "Seconds":
                return chance.choice([chance.randrange(90), chance.randrange(2_000), -1])
            case "Float":
                return chance.random()
            case "Boolean":
                return chance.random() < 0.5
            case "Date":
                return chance.choice(_DAYS)
            case "DateTime":
                return chance.choice(_MOMENTS)
            case "Decimal":
                return chance.choice(["1.50", "0", "-12"])
            case "ID":
                return chance.choice(self.ids)
            case _:
                return chance.choice(_WORDS)

    def _literal(self, value: Any) -> str:
        if isinstance(value, _Name):
            return str(value)
        if isinstance(value, dict):
            return "{" + " ".join(f"{k or '_'}: {self._literal(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + " ".join(map(self._literal, value)) + "]"
        return json.dumps(value)

    def _spoiled(self, raw: bytes) -> bytes:
        chance = self.chance
        spoilt = bytearray(raw)
        for _ in range(chance.choice([1, 1, 2, 5, 20])):
            if not spoilt:
                break
            at = chance.randrange(len(spoilt))
            upto = min(len(spoilt), at + chance.choice([1, 2, 8, 50]))
            match chance.randrange(6):
                case 0:
                    spoilt[at] ^= 1 << chance.randrange(8)
                case 1:
                    spoilt[at] = chance.choice(b'{}[]()"\\:,@$!.#\0\xff\xc0 \n')
                case 2:
                    del spoilt[at:upto]
                case 3:
                    spoilt[at:at] = spoilt[at:upto] * chance.choice([1, 3, 40])
                case 4:
                    spoilt[at:at] = chance.choice(_PIECES)
                case 5:
                    del spoilt[at:]
        return bytes(spoilt)


_PIECES = [b"\\u0000", b"\\ud83d", b'"', b"...", b"{" * 40, b"[" * 2_000, b"9" * 5_000, b"\xed\xa0\x80"]


def wrong_with(answer: Any) -> str | None:
    """What keeps a client from using this answer, or None. answer: anything with `json()` and `status_code`."""
    try:
        payload = answer.json()
    except ValueError:
        return "not JSON"
    if not isinstance(payload, dict) or not ("data" in payload or payload.get("errors")):
        return "neither data nor errors"
    for error in payload.get("errors", ()):
        extensions = error.get("extensions", {})
        if not (error.get("message") and extensions.get("code") and extensions.get("nextStep")):
            return f"an untyped error: {error}"
        if extensions["code"] == "INTERNAL":
            return f"masked: {error}"
    return f"status {answer.status_code}" if answer.status_code >= 500 else None


def codes_in(answer: Any) -> list[str]:
    """The codes of an answer's errors."""
    return [error["extensions"]["code"] for error in answer.json().get("errors", ())]
