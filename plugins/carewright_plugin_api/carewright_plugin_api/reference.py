"""The API described from its own code, in Markdown: what the tables of the author's guide are made of."""

import dataclasses
import inspect
import types
from datetime import date, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from carewright_plugin_api.hooks import Hooks, PayerRules

_WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    bool: "yes or no",
    date: "day",
    datetime: "instant, UTC",
    Decimal: "dollars",
}


def hooks() -> str:
    """A table of the pluggy hooks."""
    return _table(["hook", "what it returns"], [[f"`{n}`", _said(f)] for n, f in _members(Hooks)])


def answers() -> str:
    """A table of what the object a plugin registers must answer."""
    rows = []
    for name, member in _members(PayerRules):
        asked = [p for p in inspect.signature(member).parameters if p != "self"] if callable(member) else []
        call = f"`{name}({', '.join(asked)})`" if callable(member) else f"`{name}`"
        rows.append([call, _said(member)])
    return _table(["asked", "answers"], rows)


def dataclasses_of(module: ModuleType) -> str:
    """A section per dataclass a module defines: what its docstring says and a table of its fields."""
    return "\n\n".join(
        _section(kind)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if kind.__module__ == module.__name__ and dataclasses.is_dataclass(kind)
    )


def functions_of(*functions: Any) -> str:
    """A table of functions with the first paragraph of what they say."""
    return _table(["function", "what it does"], [[f"`{f.__name__}`", _said(f)] for f in functions])


def _section(kind: type) -> str:
    hints = get_type_hints(kind)
    rows = [
        [f"`{field.name}`", _shape(hints[field.name]), _default(field.default)]
        for field in dataclasses.fields(kind)
    ]
    said = inspect.getdoc(kind) or ""
    return f"### {kind.__name__}\n\n{said}\n\n{_table(['field', 'holds', 'if left out'], rows)}"


def _shape(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " \\| ".join(f"`{word}`" for word in inner)
    if origin is tuple:
        return f"any number of: {_shape(inner[0])}"
    if origin in (Union, types.UnionType):
        return f"{_shape(next(arg for arg in inner if arg is not type(None)))}, or nothing"
    return _WORDS.get(hint) or f"`{hint.__name__}`"


def _default(value: Any) -> str:
    if value is dataclasses.MISSING:
        return "must be given"
    if value is None or value in ((), ""):
        return "nothing"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"`{value}`"


def _members(kind: type) -> list[tuple[str, Any]]:
    """Public methods and properties, in the order they are written."""
    return [
        (name, held) for name, held in vars(kind).items() if not name.startswith("_") and inspect.getdoc(held)
    ]


def _said(thing: Any) -> str:
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
