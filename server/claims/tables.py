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
    decision_hash: Mapped[
        str
    ]  # sha256 of `facts_fingerprint` and `decision`: the same twice is no new version
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
    # What the rules ask of the claim that will carry the line.
    needs_diagnoses: Mapped[int] = mapped_column(default=0)
    diagnoses: Mapped[list[str]] = mapped_column(default=list)
    units_at_most: Mapped[int | None]
    goes_with: Mapped[list[str]] = mapped_column(default=list)


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


# --- claims signed and sent -----------------------------------------------------------------------------------


class UsualSite(AboutPatient, Made, Table):
    """Where this person would be seen face to face, from a day on; without a row or a site in it, at the practice's own
    address."""

    __tablename__ = "usual_site"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            Index("ix_usual_site_patient", "tenant_id", "patient_id", "from_on"),
            patient_id="patient",
            site_id="site",
        )

    site_id: Mapped[UUID | None]
    from_on: Mapped[date]


class Claim(AboutPatient, Table):
    """A claim as somebody signed it. What happens to it afterwards is in ClaimStanding; the content never changes."""

    __tablename__ = "claim"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            unique("number"),
            unique("serial"),
            one_of("frequency", "1", "7", "8"),
            Index("ix_claim_month", "tenant_id", "month", "patient_id"),
            patient_id="patient",
            decision_id="month_decision",
            coverage_id="coverage",
            payer_id="payer",
            replaces_id="claim",
            signed_by="staff",
        )

    serial: Mapped[int]
    number: Mapped[str]  # what the payer will call it back by; unique in the practice
    frequency: Mapped[str]  # 1 original, 7 replacement, 8 void
    replaces_id: Mapped[UUID | None]
    month: Mapped[str]
    decision_id: Mapped[UUID]
    coverage_id: Mapped[UUID]
    payer_id: Mapped[UUID]
    line_ids: Mapped[
        list[UUID]
    ]  # the decision's lines it asks money for; a void keeps those of what it voids
    total: Mapped[Decimal]
    content: Mapped[str]  # canonical JSON: everything the payer will be told
    content_hash: Mapped[str]  # sha256 of `content`
    signed_at: Mapped[datetime]
    signed_by: Mapped[UUID | None]


class ClaimStanding(AboutPatient, Table):
    """What became of a signed claim. replaced: a later claim of ours, once sent, took its place or made it void. denied:
    the payer took it in and paid nothing, as it said on `denied_on`; `note` says why."""

    __tablename__ = "claim_standing"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            unique("claim_id"),
            one_of("state", "withdrawn", "signed", "sent", "refused", "denied", "replaced"),
            Index("ix_claim_standing_state", "tenant_id", "state"),
            Index(
                "uq_claim_standing_replaces",
                "tenant_id",
                "replaces_id",
                unique=True,
                postgresql_where="state not in ('withdrawn', 'refused')",
            ),
            patient_id="patient",
            claim_id="claim",
            replaces_id="claim",
            interchange_id="interchange",
        )

    claim_id: Mapped[UUID]
    state: Mapped[str]
    replaces_id: Mapped[UUID | None]
    interchange_id: Mapped[UUID | None]
    payer_control_number: Mapped[str] = mapped_column(default="")  # the payer's own number for it
    note: Mapped[str] = mapped_column(default="")  # why it was withdrawn, refused or denied
    denied_on: Mapped[date | None]
    denied_by: Mapped[UUID | None]  # who entered it
    changed_at: Mapped[datetime]
    changed_by: Mapped[UUID | None]


class ClaimedService(AboutPatient, Table):
    """One service that a live claim asks money for. It goes when the claim is withdrawn, refused, denied or replaced, so
    that the same service can never be asked for twice at a time."""

    __tablename__ = "claimed_service"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            unique("service_key"),
            Index("ix_claimed_service_claim", "tenant_id", "claim_id"),
            patient_id="patient",
            claim_id="claim",
            line_id="claim_line",
        )

    claim_id: Mapped[UUID]
    line_id: Mapped[UUID]
    service_key: Mapped[str]  # sha256 over patient, code, modifiers and day


class Interchange(Tenant, Made, Table):
    """One file of claims, kept as sent. Control numbers have no gap within a practice and a receiver."""

    __tablename__ = "interchange"
    __table_args__ = (
        unique("submitter_id", "receiver_id", "control_number"),
        Index("ix_interchange_made", "tenant_id", "made_at"),
    )
    append_only = True

    submitter_id: Mapped[str]
    receiver_id: Mapped[str]
    receiver_name: Mapped[str]
    control_number: Mapped[int]
    production: Mapped[bool]
    claims: Mapped[int]
    total: Mapped[Decimal]
    content: Mapped[str]  # ASCII, exactly the bytes of the file
    content_hash: Mapped[str]


class InterchangeClaim(AboutPatient, Table):
    """Which claims a file holds, in its order."""

    __tablename__ = "interchange_claim"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            unique("interchange_id", "position"),
            unique("interchange_id", "claim_id"),
            Index("ix_interchange_claim_claim", "tenant_id", "claim_id"),
            patient_id="patient",
            interchange_id="interchange",
            claim_id="claim",
        )

    interchange_id: Mapped[UUID]
    claim_id: Mapped[UUID]
    position: Mapped[int]


class InterchangeDelivery(Tenant, Made, Table):
    """A file left the house: downloaded by somebody, or written to a folder and safely on the disk."""

    __tablename__ = "interchange_delivery"
    __table_args__ = within(
        one_of("way", "download", "folder"),
        Index("ix_interchange_delivery", "tenant_id", "interchange_id"),
        interchange_id="interchange",
    )
    append_only = True

    interchange_id: Mapped[UUID]
    way: Mapped[str]
