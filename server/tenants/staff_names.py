"""A colleague's name beside what they wrote, in the same statement that reads it."""

from uuid import UUID

from sqlalchemy import ScalarSelect, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from server.tenants.tables import Staff


def name_of(staff_id: InstrumentedAttribute[UUID] | InstrumentedAttribute[UUID | None]) -> ScalarSelect[str]:
    """The name of the staff member a column points to; null where it points to nobody."""
    # A correlated sub-select: distributed, PostgreSQL 15 and 16 refuse outer joins under row level security.
    who = aliased(Staff)
    owner = staff_id.class_
    return (
        select(who.name)
        .where(who.tenant_id == owner.tenant_id, who.id == staff_id)
        .correlate(owner)
        .scalar_subquery()
    )
