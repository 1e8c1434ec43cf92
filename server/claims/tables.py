"""A month's decisions: lines and holds, each with its reason and its source. Versions are appended, never edited."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from server.tables import JSON, AboutPatient, Made, Table, Tenant, one_of, unique, within


class MonthClose(Tenant, Made, Table):
    """One closing run of a month."""

    __tablename__ = "month_close"
    __table_args__ = (
        one_of("state", "running", "done", "stopped"),
        Index("ix_month_close_month", "tenant_id", "month"),
    )

    month: Mapped[str]
    state: Mapped[str]
    patients: Mapped[int] = mapped_column(default=0)
    lines: Mapped[int] = mapped_column(default=0)
    holds: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    result_hash: Mapped[str] = mapped_column(default="")  # sha256 over the canonical decisions of the month
    ended_at: Mapped[datetime | None]


class MonthDecision(AboutPatient, Table):
    """What a payer's rules said of one patient's month. The newest version counts; all are kept."""

    __tablename__ = "month_decision"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            unique("patient_id", "month", "version"),
            Index("ix_month_decision_month", "tenant_id", "month", "patient_id"),
            patient_id="patient",
            close_id="month_close",
            coverage_id="coverage",
        )

    close_id: Mapped[UUID]
    month: Mapped[str]
    version: Mapped[int]
    coverage_id: Mapped[UUID | None]
    payer_name: Mapped[str] = mapped_column(default="")
    plugin: Mapped[str]  # empty: nobody's rules answered
    plugin_version: Mapped[str] = mapped_column(default="")
    rule_set_hash: Mapped[str] = mapped_column(default="")
    policy: Mapped[str]
    facts_fingerprint: Mapped[str]
    decision_hash: Mapped[str]  # sha256 of `decision`: the same answer twice is not a new version
    facts: Mapped[str]  # canonical JSON text, exactly what the rules were told
    decision: Mapped[str]  # canonical JSON text: findings, minutes counted, left out, alternatives too
    decided_at: Mapped[datetime]


class ClaimLine(AboutPatient, Table):
    __tablename__ = "claim_line"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            unique("decision_id", "number"),
            patient_id="patient",
            decision_id="month_decision",
        )

    decision_id: Mapped[UUID]
    number: Mapped[int]
    program: Mapped[str]
    code: Mapped[str]
    label: Mapped[str]
    units: Mapped[int]
    modifiers: Mapped[list[str]] = mapped_column(default=list)
    service_on: Mapped[date]
    amount: Mapped[Decimal | None]
    amount_note: Mapped[str] = mapped_column(default="")
    entry_ids: Mapped[list[UUID]]
    rule_id: Mapped[str]
    sentence: Mapped[str]
    facts_used: Mapped[list[JSON]]
    citations: Mapped[list[JSON]]
    what_would_change: Mapped[str] = mapped_column(default="")


class ClaimHold(AboutPatient, Table):
    __tablename__ = "claim_hold"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            unique("decision_id", "number"),
            patient_id="patient",
            decision_id="month_decision",
        )

    decision_id: Mapped[UUID]
    number: Mapped[int]
    program: Mapped[str]
    reason: Mapped[str]
    sentence: Mapped[str]
    next_step: Mapped[str] = mapped_column(default="")
    entry_ids: Mapped[list[UUID]] = mapped_column(default=list)
    rule_id: Mapped[str] = mapped_column(default="")
    facts_used: Mapped[list[JSON]] = mapped_column(default=list)
    citations: Mapped[list[JSON]] = mapped_column(default=list)
    what_would_change: Mapped[str] = mapped_column(default="")
