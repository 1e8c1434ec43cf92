"""From a yes to a goodbye: which program a person is in, and every consent, refusal and revocation on the way."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from server.tables import AboutPatient, Made, Table, Tenant, one_of, unique, within
from server.words import N_

#: program -> the words people use. Programs are ways of working; what a payer calls them is the plugins' business.
PROGRAMS = {
    "ccm": N_("Chronic care management"),
    "pdcm": N_("Provider-delivered care management"),
}

#: kind of visit with a practitioner -> words
VISIT_KINDS = {
    "office_visit": N_("Office visit"),
    "annual_wellness": N_("Annual wellness visit"),
    "welcome_visit": N_("Welcome-to-Medicare visit"),
    "transition_visit": N_("Visit after a discharge"),
    "nurse_visit": N_("Nurse visit"),
    "hospital": N_("Hospital visit"),
    "emergency": N_("Emergency visit"),
    "other": N_("Other visit"),
}


#: status of an enrollment -> words
STATUSES = {
    "invited": N_("Invited"),
    "enrolled": N_("Taking part"),
    "paused": N_("Paused"),
    "declined": N_("Declined"),
    "ended": N_("Ended"),
}

#: how hard the month's medical decisions were -> words
LEVELS = {
    "straightforward": N_("Straightforward"),
    "low": N_("Low"),
    "moderate": N_("Moderate"),
    "high": N_("High"),
}


class Enrollment(AboutPatient, Made, Table):
    """A person's time in a program. Open while `ended_on` is empty. How it came to be so is in EnrollmentChange."""

    __tablename__ = "enrollment"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("status", *STATUSES),
            Index("ix_enrollment_patient", "tenant_id", "patient_id"),
            Index(
                "uq_enrollment_open",
                "tenant_id",
                "patient_id",
                "program",
                unique=True,
                postgresql_where="ended_on is null",
            ),
            patient_id="patient",
            practitioner_id="staff",
        )

    program: Mapped[str]
    status: Mapped[str]
    started_on: Mapped[date]
    ended_on: Mapped[date | None]
    practitioner_id: Mapped[UUID | None]  # the billing practitioner
    contact_frequency: Mapped[str] = mapped_column(default="")  # set by the patient (R116)
    ended_reason: Mapped[str] = mapped_column(default="")


class EnrollmentChange(AboutPatient, Made, Table):
    """One step in the history of an enrollment: what it became, from which day, and why."""

    __tablename__ = "enrollment_change"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("status", *STATUSES),
            Index("ix_enrollment_change_enrollment", "tenant_id", "enrollment_id"),
            patient_id="patient",
            enrollment_id="enrollment",
            practitioner_id="staff",
        )

    enrollment_id: Mapped[UUID]
    status: Mapped[str]
    from_on: Mapped[date]
    practitioner_id: Mapped[UUID | None]
    contact_frequency: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")


class Consent(AboutPatient, Made, Table):
    """A consent given, refused or taken back. Appended; the newest per program counts, all are kept.

    A row written by mistake is struck by a further row that names it (`replaces_id`, `struck`) and says why;
    then neither counts.
    """

    __tablename__ = "consent"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("kind", "given", "refused", "revoked"),
            one_of("method", "verbal", "written"),
            unique("replaces_id"),
            Index("ix_consent_patient", "tenant_id", "patient_id", "program", "at"),
            patient_id="patient",
            practitioner_id="staff",
            replaces_id="consent",
        )

    program: Mapped[str]
    kind: Mapped[str]
    method: Mapped[str]
    at: Mapped[datetime]
    effective_at: Mapped[datetime | None]  # a revocation that takes effect later than it was said
    wording_version: Mapped[str] = mapped_column(default="")
    wording_hash: Mapped[str] = mapped_column(default="")  # sha256 of the text read out or signed
    language: Mapped[str] = mapped_column(default="")
    given_by: Mapped[str] = mapped_column(default="")  # the patient, or who spoke for them
    told: Mapped[list[str]] = mapped_column(default=list)  # keys of consent.TOLD
    practitioner_id: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(default="")
    what_would_help: Mapped[str] = mapped_column(default="")  # asked of those who say no (R113)
    ask_again_on: Mapped[date | None]
    replaces_id: Mapped[UUID | None]
    struck: Mapped[bool] = mapped_column(default=False)


class PractitionerVisit(AboutPatient, Made, Table):
    """A visit with a practitioner that program rules ask about: was this person seen, and was the program discussed."""

    __tablename__ = "practitioner_visit"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("kind", *VISIT_KINDS),
            Index("ix_practitioner_visit_patient", "tenant_id", "patient_id", "visited_on"),
            patient_id="patient",
            practitioner_id="staff",
        )

    kind: Mapped[str]
    visited_on: Mapped[date]
    practitioner_id: Mapped[UUID | None]
    initiating_for: Mapped[str] = mapped_column(default="")  # the program discussed and documented at it
    care_planning_by_practitioner: Mapped[bool] = mapped_column(default=False)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None]
    withdrawn_reason: Mapped[str] = mapped_column(default="")


class Attestation(Tenant, Made, Table):
    """Somebody recorded that an element a program asks for is, or is not, in place; for one patient, or (patient_id
    empty) for the practice as a whole. Appended; the newest per element counts."""

    __tablename__ = "attestation"
    append_only = True
    __table_args__ = within(
        Index("ix_attestation_element", "tenant_id", "patient_id", "element"), patient_id="patient"
    )

    patient_id: Mapped[UUID | None]
    element: Mapped[str]  # a key from a plugin's required documents
    met: Mapped[bool]
    on_date: Mapped[date]
    note: Mapped[str] = mapped_column(default="")


class DecisionLevel(AboutPatient, Made, Table):
    """How hard the month's medical decisions were, as the practitioner judged. Newest per month counts."""

    __tablename__ = "decision_level"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("level", *LEVELS),
            Index("ix_decision_level_patient", "tenant_id", "patient_id", "month"),
            patient_id="patient",
        )

    program: Mapped[str]
    month: Mapped[str]  # YYYY-MM
    level: Mapped[str]


class OtherService(AboutPatient, Made, Table):
    """A service billed outside this program that a payer's rules ask about, by us or by someone else."""

    __tablename__ = "other_service"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            Index("ix_other_service_patient", "tenant_id", "patient_id", "on_date"),
            patient_id="patient",
            practitioner_id="staff",
        )

    code: Mapped[str]
    on_date: Mapped[date]
    practitioner_id: Mapped[UUID | None]  # empty: someone outside this practice
    note: Mapped[str] = mapped_column(default="")
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None]
    withdrawn_reason: Mapped[str] = mapped_column(default="")
