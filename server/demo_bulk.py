"""Many rows at once through the app's own door: under the policies, a statement per table and some thousand rows.

COPY is refused to whoever is under row level security, so the columns travel as arrays.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ARRAY, Column, Table, make_url
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from server.assessments import tables as assessments
from server.demo_rows import Rows
from server.encounters import tables as encounters
from server.enrollment import tables as enrollment
from server.minutes import tables as minutes
from server.patients import tables as patients
from server.plans import tables as plans
from server.tables import Table as Base
from server.tenants.db import Db

#: in an order that foreign keys allow
ORDER: Final = (
    "patient", "patient_word", "contact_way", "address", "support_person", "care_team_member", "coverage", "story_entry",
    "condition", "diagnosis", "medication", "allergy", "observation", "visit", "practitioner_visit", "stay", "consent", "enrollment",
    "enrollment_change", "plan_version", "plan_copy", "attestation", "assessment", "assessment_answer",
    "assessment_score", "safety_concern", "safety_closing", "encounter", "time_entry", "person_time", "dirty_month",
)  # fmt: skip
_AT_ONCE: Final = 4_000
_ROOMS: Final = (
    patients,
    enrollment,
    plans,
    assessments,
    encounters,
    minutes,
)  # their tables are known once they are imported
_DIALECT: Final = make_url("postgresql+asyncpg://").get_dialect()()


async def insert_rows(db: Db, rows: Rows) -> int:
    """Insert them all, table by table; returns how many. A column that is not named gets the model's default."""
    if unknown := set(rows) - set(ORDER):
        raise ValueError(f"no order for {sorted(unknown)}")
    count = 0
    for name in ORDER:
        table = Base.metadata.tables[name]
        for some in _parts(rows.get(name, [])):
            await db.driver.execute(_statement(table, list(some[0])), *_columns(table, some))
            count += len(some)
    return count


def _parts(rows: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    """Cut to size, and rows that name the same columns together."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        alike.setdefault(tuple(row), []).append(row)
    for same in alike.values():
        for start in range(0, len(same), _AT_ONCE):
            yield same[start : start + _AT_ONCE]


def _statement(table: Table, given: Sequence[str]) -> str:
    names, values, arrays = [], [], []
    for place, name in enumerate(given, 1):
        kind = _kind(table.columns[name])
        sent = "text" if kind.endswith("[]") or kind in {"JSONB", "TSTZRANGE"} else kind
        arrays.append(f"${place}::{sent}[]")
        names.append(name)
        values.append(f"c{place}" if sent == kind else f"c{place}::{kind}")
    for column in table.columns:
        if column.name not in given and (constant := _constant(column)):
            names.append(column.name)
            values.append(constant)
    columns = ", ".join(f"c{place}" for place in range(1, len(given) + 1))
    return (
        f"insert into {table.name} ({', '.join(names)}) "  # noqa: S608 - names of our own tables
        f"select {', '.join(values)} from unnest({', '.join(arrays)}) as t({columns})"
    )


def _kind(column: Column[Any]) -> str:
    return str(column.type.compile(_DIALECT)).partition(" COLLATE")[0]


def default_of(column: Column[Any]) -> Any:
    """The model's default as the driver takes it; None where the column may stay empty."""
    default = column.default
    if default is None:
        return None
    if isinstance(default, ScalarElementColumnDefault):
        return default.arg
    return "[]" if _kind(column) == "JSONB" else []


def _constant(column: Column[Any]) -> str:
    """The same in SQL, and nothing for None."""
    match default_of(column):
        case None:
            return ""
        case bool(value):
            return "true" if value else "false"
        case int(value):
            return str(value)
        case list():
            return "'{}'"
        case value:
            return "'" + str(value).replace("'", "''") + "'"


def _columns(table: Table, rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    found = []
    for name in rows[0]:
        values = [row[name] for row in rows]
        if isinstance(table.columns[name].type, ARRAY):
            values = [_array(value) for value in values]
        found.append(values)
    return found


def _array(values: Sequence[str]) -> str:
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"
