"""The records of one person. A record that was joined with another keeps what may never be rewritten (minutes,
consents, plans, stories); whoever reads those by person reads all of that person's records, through these two."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import aliased

from server.patients.tables import Patient


def of_people(column: Any, ids: Collection[UUID]) -> ColumnElement[bool]:
    """Whether the record that `column` names is of one of these people."""
    record = aliased(Patient)
    wanted = list(ids)
    found = select(record.id).where(or_(record.id.in_(wanted), record.merged_into.in_(wanted)))
    return column.in_(found)  # type: ignore[no-any-return]


def person_of(column: Any) -> ColumnElement[Any]:
    """Whose record it is that `column` names: the person's own, where it was joined with that."""
    record = aliased(Patient)
    named = column.__clause_element__() if hasattr(column, "__clause_element__") else column
    return (
        select(func.coalesce(record.merged_into, record.id))
        .where(record.tenant_id == named.table.c.tenant_id, record.id == named)
        .scalar_subquery()
    )


def joined_records() -> Select[Any]:
    """The ids of the records that were joined with another."""
    return select(Patient.id).where(Patient.merged_into.is_not(None))
