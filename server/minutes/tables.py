"""The ledger of minutes. Entries are appended and corrected by further entries; everything else here is derived."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from server.tables import JSON, AboutPatient, Made, Table, Tenant, one_of, unique, within
from server.words import N_

#: what the time was spent on -> words
ACTIVITIES = {
    "contact": N_("Talking with the patient"),
    "supporter_contact": N_("Talking with family or support"),
    "coordination": N_("Working with other clinicians or agencies"),
    "plan_work": N_("Working on the plan"),
    "medication_review": N_("Reviewing medicines"),
    "record_review": N_("Reviewing records and results"),
    "team_meeting": N_("Meeting about the patient"),
    "education": N_("Teaching and self-management support"),
    "assessment": N_("First, comprehensive assessment"),
    "transition": N_("After a stay or an emergency visit"),
    "documentation": N_("Writing the record"),
    "chart_preparation": N_("Preparing the chart"),
    "prior_authorization": N_("Prior authorization"),
    "administrative": N_("Scheduling, forms and other office work"),
    "staff_training": N_("Staff training"),
    "automated": N_("Automated call or message (no person's time)"),
    "other": N_("Something else"),
}
#: activities that take nobody's time: they hold no place in anybody's day and add nothing to a total
NOBODYS_TIME = frozenset({"automated"})

#: how the contact was made -> words; empty where the work was no contact
MODES = {
    "phone": N_("Phone"),
    "video": N_("Video"),
    "in_person": N_("In person"),
    "home": N_("At home"),
    "message": N_("Secure message"),
    "email": N_("E-mail"),
    "letter": N_("Letter"),
}

ROLE_CLASSES = {"staff": N_("Clinical staff"), "practitioner": N_("Practitioner"), "admin": N_("Other staff")}


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
    late: Mapped[bool] = mapped_column(default=False)  # entered into a month that was closed already


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


#: how the timer starts when a chart is opened -> words
STARTS = {
    "automatic": N_("By itself, when I open the page of somebody in a program"),
    "manual": N_("When I press start"),
    "never": N_("Never: I enter my minutes"),
}


class TimerChoice(Tenant, Table):
    """How one staff member wants the timer to behave; without a row, what suits their role (`timer_choice.usual_start`)."""

    __tablename__ = "timer_choice"
    __table_args__ = within(
        one_of("start", *STARTS),
        CheckConstraint("idle_minutes between 1 and 60", name="idle_minutes"),
        unique("staff_id"),
        staff_id="staff",
    )

    staff_id: Mapped[UUID]
    start: Mapped[str]
    idle_minutes: Mapped[int]


class Timer(AboutPatient, Table):
    """A stretch of work being timed: what the server has seen of it. It is its owner's alone until minutes come of it.

    `timing.Run` is its arithmetic; what became of its time stands in `TimerStretch` and in the ledger.
    """

    __tablename__ = "timer"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("state", "running", "stopped", "set_aside", "discarded"),
            one_of("activity", *ACTIVITIES),
            Index(
                "uq_timer_running", "tenant_id", "staff_id", unique=True, postgresql_where="state = 'running'"
            ),
            Index("ix_timer_patient", "tenant_id", "patient_id"),
            patient_id="patient",
            staff_id="staff",
        )

    staff_id: Mapped[UUID]
    program: Mapped[str] = mapped_column(default="")  # empty: asked for when it stops
    activity: Mapped[str]
    automatic: Mapped[bool] = mapped_column(default=False)  # started with the chart, not by hand
    state: Mapped[str] = mapped_column(default="running")
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]  # the last instant a page was known to be open
    active_at: Mapped[datetime]  # the last instant somebody was known to type or move
    stopped_at: Mapped[datetime | None]
    idle_minutes: Mapped[int]  # how long a silence is pointed out to its owner
    pages: Mapped[JSON] = mapped_column(default=dict)  # what each open page counted, see timing.Page
    reason: Mapped[str] = mapped_column(default="")  # why it was discarded


class TimerStretch(AboutPatient, Table):
    """A piece of a timer's time and what its owner decided about it: nothing is left out of the record.

    kind: worked; idle, nobody typed or moved; unseen, no page was open. state: open or refused wait for the owner
    (refused: the ledger said no, in `code`, `message`, `next_step`); kept counts with the timer's own time when it
    stops; entered has become `entry_id`; trimmed and discarded count for nobody.
    """

    __tablename__ = "timer_stretch"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("kind", "worked", "idle", "unseen"),
            one_of("state", "open", "refused", "kept", "entered", "trimmed", "discarded"),
            CheckConstraint("ended_at > started_at", name="order"),
            Index("ix_timer_stretch_timer", "tenant_id", "timer_id", "started_at"),
            Index(
                "ix_timer_stretch_waiting",
                "tenant_id",
                "staff_id",
                "started_at",
                postgresql_where="state in ('open', 'refused')",
            ),
            patient_id="patient",
            staff_id="staff",
            timer_id="timer",
            entry_id="time_entry",
        )

    staff_id: Mapped[UUID]
    timer_id: Mapped[UUID]
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    entry_id: Mapped[UUID | None]
    code: Mapped[str] = mapped_column(default="")
    message: Mapped[str] = mapped_column(default="")
    next_step: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime | None]


class ClosedMonth(Tenant, Table):
    """A month that was closed, or whose first closing is under way: from then on changes are marked.

    Written by the month close, read wherever minutes change.
    """

    __tablename__ = "closed_month"
    __table_args__ = (unique("month"),)

    month: Mapped[str]
    closed_at: Mapped[datetime | None]  # when it was last closed; empty while that has not happened yet


class UndecidedChange(AboutPatient, Table):
    """Minutes of a month changed after its closing began: the newest decision has not seen it. Gone once one has."""

    __tablename__ = "undecided_change"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            Index("ix_undecided_change_month", "tenant_id", "month", "patient_id"),
            patient_id="patient",
        )

    month: Mapped[str]
    marked_at: Mapped[datetime]


class TotalProof(Tenant, Table):
    """A night's comparison of the practice's month totals with a count of everything from zero."""

    __tablename__ = "total_proof"
    __table_args__ = (unique("day"),)

    day: Mapped[date]
    compared: Mapped[int]  # patient-months
    different: Mapped[int]  # of them, those whose total was wrong; they were counted again
    proved_at: Mapped[datetime]
