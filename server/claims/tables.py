"""A month's decisions: lines and holds, each with its reason and its source. Versions are appended, never edited."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from server.tables import JSON, AboutPatient, Made, Table, Tenant, one_of, unique, within


class MonthClose(Tenant, Made, Table):
    """One closing run of a month: asked for, cut into batches, done by the last of them, or stopped by a person."""

    __tablename__ = "month_close"
    __table_args__ = (
        one_of("state", "asked", "running", "done", "stopped"),
        Index("ix_month_close_month", "tenant_id", "month"),
        # One run of a month at a time: whoever asks while one is under way is given that one.
        unique("month", where=text("state in ('asked', 'running')"), name="uq_month_close_under_way"),
    )

    month: Mapped[str]
    state: Mapped[str]
    patients: Mapped[int] = mapped_column(default=0)
    decided: Mapped[int] = mapped_column(default=0)  # of `patients`, so far
    batches_left: Mapped[int] = mapped_column(default=0)
    lines: Mapped[int] = mapped_column(default=0)
    holds: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    result_hash: Mapped[str] = mapped_column(default="")  # sha256 over the canonical decisions of the month
    first_billed: Mapped[list[JSON]] = mapped_column(
        default=list
    )  # fixed at the start, the same for all batches
    ended_at: Mapped[datetime | None]
    stopped_by: Mapped[UUID | None]


class MonthCloseBatch(Tenant, Table):
    """Some patients of a closing run, decided together in one transaction or not at all."""

    __tablename__ = "month_close_batch"
    __table_args__ = within(
        one_of("state", "waiting", "done", "stopped"),
        unique("close_id", "number"),
        close_id="month_close",
    )

    close_id: Mapped[UUID]
    number: Mapped[int]
    patient_ids: Mapped[list[UUID]]
    state: Mapped[str]


class MonthOverride(AboutPatient, Made, Table):
    """A person's reasoned choice about one patient's month, for every later closing until it is withdrawn.

    withhold: do not bill `target` (a code, or empty for the whole month). choose: decide by the policy `target`.
    accept: the hold `target` does not apply, where its rule lets a person say so. A withdrawal is a further row.
    """

    __tablename__ = "month_override"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("kind", "withhold", "choose", "accept"),
            CheckConstraint("length(btrim(reason)) > 0", name="reason"),
            unique("withdraws_id"),
            Index("ix_month_override_patient", "tenant_id", "patient_id", "month"),
            patient_id="patient",
            withdraws_id="month_override",
        )

    month: Mapped[str]
    kind: Mapped[str]
    target: Mapped[str] = mapped_column(default="")
    reason: Mapped[str]
    withdraws_id: Mapped[UUID | None]


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
    mendable: Mapped[bool] = mapped_column(default=True)  # a person can do something about it
    may_accept: Mapped[bool] = mapped_column(
        default=False
    )  # a person may say, with a reason, that it does not apply
