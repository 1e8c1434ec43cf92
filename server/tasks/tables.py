"""What somebody is to do for a patient, everything that happened to it, and who is still owed its report."""

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from server.tables import AboutPatient, Made, Table, Tenant, one_of, unique, within
from server.tasks.kinds import KINDS
from server.tasks.steps import EVENTS, STATES


class Task(AboutPatient, Made, Table):
    """As it stands now; how it came to be so is in TaskEvent."""

    __tablename__ = "task"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("kind", *KINDS),
            one_of("state", *STATES),
            unique("source_kind", "source_id", where="source_id is not null", name="uq_task_source"),
            Index("ix_task_patient", "tenant_id", "patient_id"),
            Index("ix_task_holder", "tenant_id", "holder_id", "due_on", postgresql_where="state = 'open'"),
            Index("ix_task_asked", "tenant_id", "asked_by", "due_on", postgresql_where="state = 'open'"),
            Index("ix_task_role", "tenant_id", "for_role", "due_on", postgresql_where="state = 'open'"),
            patient_id="patient",
            asked_by="staff",
            holder_id="staff",
        )

    kind: Mapped[str]
    what: Mapped[str]
    why: Mapped[str] = mapped_column(default="")
    due_on: Mapped[date]  # a day on the practice's clock
    due_time: Mapped[time | None]  # of its wall
    asked_by: Mapped[UUID | None]  # none: a fact asked for it (source)
    holder_id: Mapped[UUID | None]  # whose it is now; none: whoever of for_role takes it
    for_role: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    outcome: Mapped[str] = mapped_column(default="")  # what came of it, or why not
    closed_at: Mapped[datetime | None]
    source_kind: Mapped[str] = mapped_column(default="")  # which rule derived it, from
    source_id: Mapped[UUID | None]  # which fact


class TaskEvent(Tenant, Made, Table):
    """One thing that happened to a task, by whom (none: a fact did it), with the words said."""

    __tablename__ = "task_event"
    __table_args__ = within(
        one_of("kind", *EVENTS),
        Index("ix_task_event_task", "tenant_id", "task_id", "made_at"),
        task_id="task",
        to_id="staff",
    )
    append_only = True

    task_id: Mapped[UUID]
    kind: Mapped[str]
    to_id: Mapped[UUID | None]  # whose it became
    to_role: Mapped[str] = mapped_column(default="")
    words: Mapped[str] = mapped_column(default="")


class TaskReport(Tenant, Table):
    """An event that somebody waits for; theirs to read."""

    __tablename__ = "task_report"
    __table_args__ = within(
        unique("event_id", "staff_id"),
        Index("ix_task_report_unread", "tenant_id", "staff_id", postgresql_where="read_at is null"),
        Index("ix_task_report_task", "tenant_id", "task_id"),
        task_id="task",
        event_id="task_event",
        staff_id="staff",
    )

    task_id: Mapped[UUID]
    event_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    read_at: Mapped[datetime | None]
