"""The ledger of minutes. Entries are appended and corrected by further entries; everything else here is derived."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from server.tables import AboutPatient, Made, Table, Tenant, one_of, unique, within

#: what the time was spent on -> words
ACTIVITIES = {
    "contact": "Talking with the patient",
    "supporter_contact": "Talking with family or support",
    "coordination": "Working with other clinicians or agencies",
    "plan_work": "Working on the plan",
    "medication_review": "Reviewing medicines",
    "record_review": "Reviewing records and results",
    "team_meeting": "Meeting about the patient",
    "education": "Teaching and self-management support",
    "assessment": "First, comprehensive assessment",
    "transition": "After a stay or an emergency visit",
    "documentation": "Writing the record",
    "chart_preparation": "Preparing the chart",
    "prior_authorization": "Prior authorization",
    "administrative": "Scheduling, forms and other office work",
    "staff_training": "Staff training",
    "automated": "Automated call or message (no person's time)",
    "other": "Something else",
}
#: activities that take nobody's time: they hold no place in anybody's day and add nothing to a total
NOBODYS_TIME = frozenset({"automated"})

#: how the contact was made -> words; empty where the work was no contact
MODES = {
    "phone": "Phone",
    "video": "Video",
    "in_person": "In person",
    "home": "At home",
    "message": "Secure message",
    "email": "E-mail",
    "letter": "Letter",
}

ROLE_CLASSES = {"staff": "Clinical staff", "practitioner": "Practitioner", "admin": "Other staff"}


class TimeEntry(AboutPatient, Made, Table):
    """A span of one staff member's time for one patient and program.

    A correction names the entry it replaces (`replaces_id`) and says why; `void` takes an entry back altogether.
    An entry is live when nothing replaces it and it is not void.
    """

    __tablename__ = "time_entry"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("activity", *ACTIVITIES),
            one_of("mode", "", *MODES),
            one_of("state", "draft", "final"),
            CheckConstraint("ended_at > started_at", name="order"),
            CheckConstraint("ended_at - started_at <= interval '24 hours'", name="one_day"),
            unique("replaces_id"),
            Index("ix_time_entry_patient", "tenant_id", "patient_id", "started_at"),
            Index("ix_time_entry_staff", "tenant_id", "staff_id", "started_at"),
            Index("ix_time_entry_joint", "tenant_id", "joint_id", postgresql_where="joint_id is not null"),
            Index(
                "ix_time_entry_encounter",
                "tenant_id",
                "encounter_id",
                postgresql_where="encounter_id is not null",
            ),
            patient_id="patient",
            staff_id="staff",
            encounter_id="encounter",
            replaces_id="time_entry",
        )

    staff_id: Mapped[UUID]
    program: Mapped[str]
    activity: Mapped[str]
    mode: Mapped[str] = mapped_column(
        default=""
    )  # phone, video, in_person ...: the contact's kind, if there was one
    with_patient: Mapped[bool] = mapped_column(default=False)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="final")
    part_of: Mapped[str] = mapped_column(default="")  # another billed service these minutes belong to
    joint_id: Mapped[UUID | None]  # shared by all entries of one meeting
    encounter_id: Mapped[UUID | None]
    replaces_id: Mapped[UUID | None]
    void: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(default="")


class PersonTime(Tenant, Table):
    """Each person's live time, derived from the ledger: nobody is in two places at once. Burnable.

    One row per person and span. When one meeting is about several patients, the person's entries in it share one
    row (`joint_id`, same span), and each counts an equal slice: see `arithmetic.slices`.
    """

    __tablename__ = "person_time"
    __table_args__ = within(
        ExcludeConstraint(
            ("tenant_id", "="), ("staff_id", "="), ("span", "&&"), using="gist", name="one_place"
        ),
        staff_id="staff",
    )

    staff_id: Mapped[UUID]
    span: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    entry_id: Mapped[UUID]  # the entry that made the row
    joint_id: Mapped[UUID | None]


class MonthTotal(AboutPatient, Table):
    """Seconds per patient, program, month and kind of person, in the practice's zone. Derived, burnable."""

    __tablename__ = "month_total"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("role_class", *ROLE_CLASSES),
            unique("patient_id", "program", "month", "role_class"),
            patient_id="patient",
        )

    program: Mapped[str]
    month: Mapped[str]  # YYYY-MM
    role_class: Mapped[str]
    seconds: Mapped[int]
    entries: Mapped[int]
    counted_at: Mapped[datetime]


class DirtyMonth(AboutPatient, Table):
    """A patient-month whose total is due to be counted again. Written with the entry, in its transaction."""

    __tablename__ = "dirty_month"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(unique("patient_id", "month"), patient_id="patient")

    month: Mapped[str]
    marked_at: Mapped[datetime]
