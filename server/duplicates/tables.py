"""Pairs of records that may be one person, what was said of them, and which records were joined with which."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Numeric
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from server.tables import JSON, Made, Table, Tenant, one_of, unique, within


class DuplicatePair(Tenant, Table):
    """Two records that may be one person, the smaller id first, and what somebody said of them.

    No foreign keys: a pair is derived, and holds nobody back who is taken away again.
    """

    __tablename__ = "duplicate_pair"
    __table_args__ = (
        one_of("state", "open", "later", "different"),
        unique("one_id", "other_id"),
        Index("ix_duplicate_pair_score", "tenant_id", "state", "score"),
        Index("ix_duplicate_pair_other", "tenant_id", "other_id"),
    )
    about_patient = True

    one_id: Mapped[UUID]
    other_id: Mapped[UUID]
    score: Mapped[Decimal] = mapped_column(Numeric(4, 3))
    alike: Mapped[list[str]]
    unlike: Mapped[list[str]]
    facts_hash: Mapped[str]  # of what tells the two apart; an answer holds while it is the same
    state: Mapped[str]
    found_at: Mapped[datetime]
    ask_on: Mapped[date | None]  # not before, where somebody said later
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(default="")


class PatientMerge(Tenant, Made, Table):
    """One record joined with another. What it moved is in PatientMergeRow; taken back, it keeps its row."""

    __tablename__ = "patient_merge"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            unique("gone_id", where="undone_at is null", name="uq_patient_merge_standing"),
            Index("ix_patient_merge_kept", "tenant_id", "kept_id"),
            kept_id="patient",
            gone_id="patient",
        )

    about_patient = True

    kept_id: Mapped[UUID]
    gone_id: Mapped[UUID]
    reason: Mapped[str] = mapped_column(default="")
    #: column -> {"was", "now"} of the record that stayed, where a value of the other one was chosen
    taken: Mapped[JSON] = mapped_column(default=dict)
    rows: Mapped[int] = mapped_column(default=0)
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[UUID | None]
    undone_reason: Mapped[str] = mapped_column(default="")


class PatientMergeRow(Tenant, Table):
    """One row that now belongs to the record that stayed, and whose it was."""

    __tablename__ = "patient_merge_row"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            unique("merge_id", "table_name", "column_name", "row_id", name="uq_patient_merge_row_row"),
            merge_id="patient_merge",
        )

    about_patient = True

    merge_id: Mapped[UUID]
    table_name: Mapped[str]
    column_name: Mapped[str]
    row_id: Mapped[UUID]
    was: Mapped[UUID]
