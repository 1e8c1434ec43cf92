"""A row for every table, made from the metadata alone: what is added later is covered without a word here."""

import re
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, Range

import migrations.model
from server.ids import new_id
from server.tables import Instant, Table, Tenant

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
CLASSES = {mapper.class_.__tablename__: mapper.class_ for mapper in Table.registry.mappers}
#: tables of practices, parents before children
TENANT_TABLES = [t for t in migrations.model.METADATA.sorted_tables if issubclass(CLASSES[t.name], Tenant)]


def rows_for_every_table(tenant_id: UUID) -> dict[str, dict[str, Any]]:
    """One valid row of each table of a practice, every column filled, the rows pointing at each other."""
    made: dict[str, dict[str, Any]] = {}
    for table in TENANT_TABLES:
        own = tenant_id if table.name == "practice" else new_id()
        row: dict[str, Any] = {"tenant_id": tenant_id, "id": own}
        for column in table.columns:
            if column.name not in row:
                row[column.name] = _value(table, column)
        for index in table.indexes:  # so that the rows fall under the partial unique ones
            condition = str(index.dialect_options["postgresql"]["where"])
            row.update(dict.fromkeys(re.findall(r"(\w+) is null", condition)))
        for key in table.foreign_key_constraints:
            for element in key.elements:
                if element.parent.name != "tenant_id":
                    parent = made.get(element.column.table.name)
                    row[element.parent.name] = None if parent is None else parent["id"]  # to itself: nobody
        made[table.name] = row
    return made


def _value(table: sa.Table, column: sa.Column[Any]) -> Any:
    if words := allowed(table, column):
        return words[0]
    kind = column.type
    if isinstance(kind, Instant):
        later = any(word in column.name for word in ("end", "until", "to_"))
        return AT.replace(hour=16) if later else AT
    if isinstance(kind, sa.Time):
        return time(16) if "end" in column.name else time(9)
    by_type: list[tuple[type, Any]] = [
        (sa.Uuid, new_id()), (sa.Boolean, True), (sa.Integer, 1), (sa.Numeric, 1), (sa.Date, date(2026, 3, 2)),
        (sa.LargeBinary, b"x"), (JSONB, {}), (TSTZRANGE, Range(AT, AT.replace(hour=16))), (sa.ARRAY, []),
    ]  # fmt: skip
    for type_, value in by_type:
        if isinstance(kind, type_):
            return value
    return "2026-03"


def allowed(table: sa.Table, column: sa.Column[Any]) -> list[str]:
    """The words a checked column may hold; empty for a free one."""
    for constraint in table.constraints:
        if isinstance(constraint, sa.CheckConstraint):
            found = re.fullmatch(rf"{column.name} in \((.*)\)", str(constraint.sqltext))
            if found:
                return re.findall(r"'([^']*)'", found[1])
    return []
