"""The declarative base, and the two shapes a table may have here.

A tenant table has primary key `(tenant_id, id)`, and all its foreign keys and unique constraints lead with
`tenant_id`; `protect()` in the migrations gives it its row level security. A platform table belongs to no
practice and says why in `exempt`; the catalog lint prints that list.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Numeric,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from server.ids import new_id

JSON = dict[str, Any]


class Instant(TypeDecorator[datetime]):
    """An instant: stored with a zone, always handed out in UTC. A naive datetime is a bug and is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)


class Table(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: Instant,
        date: Date,
        UUID: Uuid,
        Decimal: Numeric(12, 2),
        JSON: JSONB,
        list[JSON]: JSONB,
        list[str]: ARRAY(Text),
        list[UUID]: ARRAY(Uuid),
    }


class Tenant:
    """Mixin of every table that holds a practice's data."""

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-19)

    #: True where the app may insert and read only: corrections are further rows.
    append_only: ClassVar[bool] = False
    #: One line for the audit and the docs: whether a row is about a patient.
    about_patient: ClassVar[bool] = False


class Made:
    """Mixin: when and by whom (staff id; empty for imports and the system) a row was written."""

    made_at: Mapped[datetime] = mapped_column(sort_order=90)
    made_by: Mapped[UUID | None] = mapped_column(sort_order=91)


class AboutPatient(Tenant):
    """Mixin: a row about one patient of the practice."""

    about_patient: ClassVar[bool] = True
    patient_id: Mapped[UUID] = mapped_column(sort_order=-18)

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(patient_id="patient")


class Platform:
    """Mixin of a table outside all practices; `exempt` says why that is safe, `roles` who may touch it."""

    exempt: ClassVar[str]
    #: database role -> privileges, such as {"auth": "select, insert, update"}
    roles: ClassVar[dict[str, str]]


def within(*more: Any, **references: str) -> tuple[Any, ...]:
    """Table arguments: foreign keys `column="table"` that cannot leave the practice, plus `more`."""
    keys = tuple(
        ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])
        for column, table in references.items()
    )
    return (*keys, *more)


def unique(*columns: str, where: Any = None, name: str | None = None) -> UniqueConstraint | Index:
    """Unique within the practice. With `where`, a partial unique index."""
    if where is None:
        return UniqueConstraint("tenant_id", *columns, name=name)
    return Index(name, "tenant_id", *columns, unique=True, postgresql_where=where)


def one_of(column: str, *values: str) -> CheckConstraint:
    """Text with a check, never an enum type: under row level security an enum comparison uses no index."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} in ({listed})", name=column)
