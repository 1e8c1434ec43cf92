"""What came in from outside, as it came, before anything was made of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from server.tables import JSON, Made, Table, Tenant, one_of, unique, within


class ImportBatch(Tenant, Made, Table):
    """One run of an import."""

    __tablename__ = "import_batch"
    __table_args__ = (one_of("state", "running", "done", "refused", "stopped"),)

    kind: Mapped[str]  # fhir, csv ...
    source: Mapped[str]  # what the sending system is called
    state: Mapped[str]
    files: Mapped[int] = mapped_column(default=0)
    counts: Mapped[JSON] = mapped_column(default=dict)  # what -> {added, changed, same, unknown, errors}
    ended_at: Mapped[datetime | None]


class RawRecord(Tenant, Table):
    """A resource exactly as sent. Appended; a changed one is a further row."""

    __tablename__ = "raw_record"
    append_only = True
    about_patient = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            unique("source", "kind", "source_id", "sha256"),
            Index("ix_raw_record_batch", "tenant_id", "batch_id"),
            batch_id="import_batch",
        )

    batch_id: Mapped[UUID]
    source: Mapped[str]
    kind: Mapped[str]
    source_id: Mapped[str]
    sha256: Mapped[str]
    body: Mapped[str]  # text, not jsonb: as it came, without private numbers
    understood: Mapped[bool]
    at: Mapped[datetime]


class ImportIssue(Tenant, Table):
    """Something in an import a person should look at; the rest of the import went on."""

    __tablename__ = "import_issue"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("severity", "error", "finding"),
            Index("ix_import_issue_batch", "tenant_id", "batch_id"),
            batch_id="import_batch",
        )

    batch_id: Mapped[UUID]
    severity: Mapped[str]
    kind: Mapped[str]
    source_id: Mapped[str] = mapped_column(default="")
    path: Mapped[str] = mapped_column(default="")
    sentence: Mapped[str]
    next_step: Mapped[str] = mapped_column(default="")
    file: Mapped[str] = mapped_column(default="")
