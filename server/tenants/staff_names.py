"""A colleague's name beside what they wrote, in the same statement that reads it."""

from typing import Final
from uuid import UUID

from sqlalchemy import ScalarSelect, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from server.tenants.tables import Staff

#: one alias for all statements: to make one takes longer than to send the statement
_WHO: Final = aliased(Staff)


def name_of(staff_id: InstrumentedAttribute[UUID] | InstrumentedAttribute[UUID | None]) -> ScalarSelect[str]:
    """The name of the staff member a column points to; null where it points to nobody."""
    # A correlated sub-select: distributed, PostgreSQL 15 and 16 refuse outer joins under row level security.
    owner = staff_id.class_
    return (
        select(_WHO.name)
        .where(_WHO.tenant_id == owner.tenant_id, _WHO.id == staff_id)
        .correlate(owner)
        .scalar_subquery()
    )
