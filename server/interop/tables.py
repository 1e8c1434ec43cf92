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


class SheetColumns(Tenant, Made, Table):
    """What a practice said the columns of a table mean, by the header's shape; the newest saying holds."""

    __tablename__ = "sheet_columns"
    __table_args__ = (unique("shape"),)

    shape: Mapped[str]
    columns: Mapped[JSON]


class Sheet(Tenant, Made, Table):
    """A table of people that somebody brought: read, tried out, brought in, perhaps taken back."""

    __tablename__ = "sheet"
    __table_args__ = (
        one_of("state", "columns", "trying", "tried", "bringing", "in", "undoing", "undone"),
        Index("ix_sheet_made", "tenant_id", "made_at"),
    )

    name: Mapped[str]
    encoding: Mapped[str]
    separator: Mapped[str]
    header: Mapped[list[str]]
    shape: Mapped[str]
    days: Mapped[JSON]  # place in the header -> how its days are written
    rows: Mapped[int]
    portions: Mapped[int]
    state: Mapped[str]
    done: Mapped[int] = mapped_column(default=0)  # portions of the step that is under way
    columns: Mapped[JSON] = mapped_column(default=dict)
    counts: Mapped[JSON] = mapped_column(default=dict)  # verdict or outcome -> rows
    ended_at: Mapped[datetime | None]


class SheetPortion(Tenant, Table):
    """Some hundred rows of a table as they came, read together."""

    __tablename__ = "sheet_portion"
    about_patient = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(unique("sheet_id", "number"), sheet_id="sheet")

    sheet_id: Mapped[UUID]
    number: Mapped[int]
    cells: Mapped[bytes]  # zlib of JSON: [[line, [cell, ...]], ...]


class SheetRow(Tenant, Table):
    """What a row of a table would do or did, with what it changed, so that it can be taken back."""

    __tablename__ = "sheet_row"
    about_patient = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("verdict", "new", "changed", "same", "differs", "duplicate", "error"),
            one_of("outcome", "", "in", "undone", "stays"),
            one_of("choice", "", "same", "new", "table"),
            unique("sheet_id", "line"),
            Index("ix_sheet_row_verdict", "tenant_id", "sheet_id", "verdict", "line"),
            Index("ix_sheet_row_key", "tenant_id", "key", "sheet_id"),
            Index("ix_sheet_row_patient", "tenant_id", "patient_id", "sheet_id"),
            sheet_id="sheet",
        )

    sheet_id: Mapped[UUID]
    portion: Mapped[int]
    line: Mapped[int]
    key: Mapped[str] = mapped_column(default="")  # by what the person is known again in the next file
    called: Mapped[str] = mapped_column(default="")
    verdict: Mapped[str]
    field: Mapped[str] = mapped_column(default="")
    sentence: Mapped[str] = mapped_column(default="")
    next_step: Mapped[str] = mapped_column(default="")
    patient_id: Mapped[UUID | None]  # whom it is about, or perhaps about
    choice: Mapped[str] = mapped_column(default="")  # what a person answered about it
    outcome: Mapped[str] = mapped_column(default="")
    said: Mapped[JSON] = mapped_column(default=dict)
    effects: Mapped[list[JSON]] = mapped_column(
        default=list
    )  # [{table, id, was, now}], in the order they were made
    at: Mapped[datetime | None]  # when it came in
