"""The people a practice cares for: who they are, how to reach them, who stands by them, what they are covered by,
what matters to them, and the facts of their chart with where each came from."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Numeric, Text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from server.tables import JSON, AboutPatient, Made, Table, Tenant, one_of, unique, within
from server.words import N_

#: what the insured person is to the subscriber -> words
RELATIONSHIPS = {
    "self": N_("The subscriber"),
    "spouse": N_("Wife or husband"),
    "child": N_("Child"),
    "life_partner": N_("Life partner"),
    "other": N_("Other"),
}


def _key() -> Any:
    """A normalised search key. Collation C, so that a prefix is a range and the index serves under the policies."""
    return mapped_column(Text(collation="C"), default="")


class Patient(Tenant, Made, Table):
    __tablename__ = "patient"
    __table_args__ = within(
        one_of("birth_date_precision", "day", "month", "year"),
        unique("record_number"),
        Index("ix_patient_family", "tenant_id", "family_key", "given_key", "id"),
        Index("ix_patient_birth", "tenant_id", "birth_date"),
        Index("ix_patient_merged", "tenant_id", "merged_into", postgresql_where="merged_into is not null"),
        merged_into="patient",
    )
    about_patient = True

    record_number: Mapped[str]  # the practice's own; given by us when the practice has none
    family_name: Mapped[str]
    given_names: Mapped[str] = mapped_column(default="")
    preferred_name: Mapped[str] = mapped_column(default="")
    name_prefix: Mapped[str] = mapped_column(default="")
    name_suffix: Mapped[str] = mapped_column(default="")
    family_key: Mapped[str] = _key()
    given_key: Mapped[str] = _key()
    birth_date: Mapped[date]
    birth_date_precision: Mapped[str] = mapped_column(default="day")
    sex: Mapped[str] = mapped_column(default="")  # as used for care: female, male, other, unknown
    birth_sex: Mapped[str] = mapped_column(default="")
    gender_identity: Mapped[str] = mapped_column(default="")
    pronouns: Mapped[str] = mapped_column(default="")
    races: Mapped[list[str]] = mapped_column(default=list)
    ethnicity: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")  # BCP 47
    interpreter_needed: Mapped[bool] = mapped_column(default=False)
    marital_status: Mapped[str] = mapped_column(default="")
    contact_notes: Mapped[str] = mapped_column(default="")  # when and how this person likes to be reached
    confidential_contact: Mapped[str] = mapped_column(default="")  # use only this way (45 CFR 164.522(b))
    deceased_on: Mapped[date | None]
    revision: Mapped[int] = mapped_column(default=1)
    source: Mapped[str] = mapped_column(default="")
    #: The record that stayed, where this one was joined with it; always that one's own, never one gone itself.
    merged_into: Mapped[UUID | None]


class PatientWord(AboutPatient, Table):
    """Every word of a person's names, folded: the index behind find-as-you-type. Derived, burnable."""

    __tablename__ = "patient_word"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            unique("patient_id", "word"),
            Index("ix_patient_word", "tenant_id", "word", "patient_id"),
            patient_id="patient",
        )

    word: Mapped[str] = _key()


class PatientIdentifier(AboutPatient, Table):
    """What other systems call this person."""

    __tablename__ = "patient_identifier"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            unique("system", "value"),
            Index("ix_patient_identifier_patient", "tenant_id", "patient_id"),
            patient_id="patient",
        )

    system: Mapped[str]
    value: Mapped[str]


class ContactWay(AboutPatient, Made, Table):
    """A phone, e-mail or other way to reach the person, in the order they prefer."""

    __tablename__ = "contact_way"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("kind", "phone", "email", "text", "other"),
            Index("ix_contact_way_search", "tenant_id", "search_key"),
            Index("ix_contact_way_patient", "tenant_id", "patient_id"),
            patient_id="patient",
        )

    kind: Mapped[str]
    value: Mapped[str]
    use: Mapped[str] = mapped_column(default="")  # home, mobile, work
    rank: Mapped[int] = mapped_column(default=1)
    message_ok: Mapped[bool] = mapped_column(default=False)  # may a message be left
    note: Mapped[str] = mapped_column(default="")
    best_time: Mapped[str] = mapped_column(default="")  # when they are best reached this way, in words
    search_key: Mapped[str] = _key()  # digits of a phone, reversed, so that the last digits find it
    active: Mapped[bool] = mapped_column(default=True)


class Address(AboutPatient, Made, Table):
    __tablename__ = "address"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(Index("ix_address_patient", "tenant_id", "patient_id"), patient_id="patient")

    use: Mapped[str] = mapped_column(default="home")
    street: Mapped[str] = mapped_column(default="")
    city: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="")
    zip: Mapped[str] = mapped_column(default="")
    country: Mapped[str] = mapped_column(default="")
    from_on: Mapped[date | None]
    to_on: Mapped[date | None]


class SupportPerson(AboutPatient, Made, Table):
    """Family, friend, neighbour or paid helper (V17), and what may be discussed with them (R115)."""

    __tablename__ = "support_person"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("kind", "family", "friend", "neighbour", "paid", "other"),
            one_of(
                "legal_role", "", "guardian", "healthcare_proxy", "power_of_attorney", "emergency_contact"
            ),
            Index("ix_support_person_patient", "tenant_id", "patient_id"),
            patient_id="patient",
        )

    name: Mapped[str]
    kind: Mapped[str]
    relationship_words: Mapped[str] = mapped_column(default="")
    legal_role: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    may_discuss: Mapped[str] = mapped_column(default="")  # topics in words; empty means nothing
    helps_with: Mapped[str] = mapped_column(default="")
    active: Mapped[bool] = mapped_column(default=True)


class CareTeamMember(AboutPatient, Made, Table):
    __tablename__ = "care_team_member"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            Index("ix_care_team_patient", "tenant_id", "patient_id"), patient_id="patient", staff_id="staff"
        )

    staff_id: Mapped[UUID | None]
    name: Mapped[str] = mapped_column(default="")  # someone outside the practice
    part: Mapped[str]  # care manager, primary care provider, specialist ...
    from_on: Mapped[date]
    to_on: Mapped[date | None]


class Coverage(AboutPatient, Made, Table):
    __tablename__ = "coverage"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("relationship", *RELATIONSHIPS),
            one_of("subscriber_sex", "", "female", "male", "unknown"),
            Index("ix_coverage_patient", "tenant_id", "patient_id"),
            Index("ix_coverage_member", "tenant_id", "member_id", postgresql_where="member_id <> ''"),
            patient_id="patient",
            payer_id="payer",
        )

    payer_id: Mapped[UUID]
    product: Mapped[str] = mapped_column(default="")
    member_id: Mapped[str] = mapped_column(default="")
    group_number: Mapped[str] = mapped_column(default="")
    relationship: Mapped[str] = mapped_column(default="self")  # the person is the subscriber's ...
    subscriber_family_name: Mapped[str] = mapped_column(default="")  # only where it is somebody else
    subscriber_given_names: Mapped[str] = mapped_column(default="")
    subscriber_birth_date: Mapped[date | None]
    subscriber_sex: Mapped[str] = mapped_column(default="")
    rank: Mapped[int] = mapped_column(default=1)  # 1 primary, 2 secondary
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    replaces_part_b: Mapped[bool] = mapped_column(default=False)  # a Medicare Advantage plan
    qualified_beneficiary: Mapped[bool] = mapped_column(default=False)  # QMB: the person is never billed
    care_management_benefit: Mapped[bool | None]  # None: not yet asked of the payer
    source: Mapped[str] = mapped_column(default="")


class StoryEntry(AboutPatient, Made, Table):
    """What matters to me, and the story: in the person's words. Each saving is a further row; the newest is shown."""

    __tablename__ = "story_entry"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(Index("ix_story_patient", "tenant_id", "patient_id", "made_at"), patient_id="patient")

    what_matters: Mapped[str] = mapped_column(default="")
    story: Mapped[str] = mapped_column(default="")
    told_by: Mapped[str] = mapped_column(default="")


class _Fact(AboutPatient):
    """A chart fact and where it came from."""

    __abstract__ = True
    __tablename__: str

    status: Mapped[str] = mapped_column(default="")
    code_system: Mapped[str] = mapped_column(default="")
    code: Mapped[str] = mapped_column(default="")
    label: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    source: Mapped[str] = mapped_column(default="")  # the sending system, or "here"
    source_kind: Mapped[str] = mapped_column(default="")  # resource type as sent
    source_id: Mapped[str] = mapped_column(default="")
    raw_id: Mapped[UUID | None]  # the stored raw record
    retracted: Mapped[bool] = mapped_column(default=False)  # the source says it was entered in error
    made_at: Mapped[datetime] = mapped_column(sort_order=90)
    made_by: Mapped[UUID | None] = mapped_column(sort_order=91)

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        name = cls.__tablename__
        return within(
            Index(f"ix_{name}_patient", "tenant_id", "patient_id"),
            Index(
                f"uq_{name}_source",
                "tenant_id",
                "source",
                "source_kind",
                "source_id",
                unique=True,
                postgresql_where="source_id <> ''",
            ),
            patient_id="patient",
        )


class Condition(_Fact, Table):
    """A problem as the chart has it. A SNOMED code is only a hint for billing; see Diagnosis."""

    __tablename__ = "condition"

    category: Mapped[str] = mapped_column(default="")
    onset_on: Mapped[date | None]
    ended_on: Mapped[date | None]


class Medication(_Fact, Table):
    __tablename__ = "medication"

    dosage: Mapped[str] = mapped_column(default="")
    started_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    reason: Mapped[str] = mapped_column(default="")


class Allergy(_Fact, Table):
    __tablename__ = "allergy"

    criticality: Mapped[str] = mapped_column(default="")
    reaction: Mapped[str] = mapped_column(default="")
    onset_on: Mapped[date | None]


class Observation(_Fact, Table):
    __tablename__ = "observation"

    category: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime | None]
    value: Mapped[Decimal | None] = mapped_column(Numeric(18, 6))
    unit: Mapped[str] = mapped_column(default="")
    value_text: Mapped[str] = mapped_column(default="")
    components: Mapped[list[JSON]] = mapped_column(default=list)
    interpretation: Mapped[str] = mapped_column(default="")


class Visit(_Fact, Table):
    """A visit to a clinic, urgent care or emergency department, wherever it was."""

    __tablename__ = "visit"

    kind: Mapped[str] = mapped_column(default="")  # ambulatory, emergency, wellness, virtual ...
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")
    provider: Mapped[str] = mapped_column(default="")
    place: Mapped[str] = mapped_column(default="")


class Procedure(_Fact, Table):
    """A procedure or an immunization done."""

    __tablename__ = "procedure"

    kind: Mapped[str] = mapped_column(default="procedure")
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Stay(_Fact, Table):
    """Days in a hospital or nursing facility. Minutes on such days do not count for some programs."""

    __tablename__ = "stay"

    kind: Mapped[str] = mapped_column(default="inpatient")  # inpatient, observation, skilled_nursing
    from_at: Mapped[datetime]
    to_at: Mapped[datetime | None]
    facility: Mapped[str] = mapped_column(default="")
    discharged_to: Mapped[str] = mapped_column(default="")


class Diagnosis(AboutPatient, Made, Table):
    """An ICD-10-CM code chosen by a person for this patient's claims; never derived from imported codes."""

    __tablename__ = "diagnosis"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            Index("ix_diagnosis_patient", "tenant_id", "patient_id"),
            Index(
                "uq_diagnosis_open",
                "tenant_id",
                "patient_id",
                "code",
                unique=True,
                postgresql_where="to_on is null",
            ),
            patient_id="patient",
        )

    code: Mapped[str]
    label: Mapped[str]
    chronic: Mapped[bool]  # expected to last twelve months or until death, with significant risk
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    rank: Mapped[int] = mapped_column(default=1)
