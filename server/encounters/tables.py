"""Contacts of every kind, the ones that reached nobody too. Savable with a date, a kind and the person alone."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from server.tables import JSON, AboutPatient, Made, Table, one_of, unique, within
from server.words import N_

#: kind -> words
KINDS = {
    "phone": N_("Phone call"),
    "video": N_("Video visit"),
    "in_person": N_("In person"),
    "home": N_("Home visit"),
    "on_behalf": N_("On the patient's behalf"),
    "message": N_("Secure message"),
    "email": N_("E-mail"),
    "letter": N_("Letter"),
}
#: how it went -> words
OUTCOMES = {
    "reached": N_("Reached"),
    "reached_supporter": N_("Spoke with a support person"),
    "no_answer": N_("No answer"),
    "left_message": N_("Left a message"),
    "wrong_number": N_("Wrong or disconnected number"),
    "no_show": N_("Did not come"),
    "declined_contact": N_("Preferred not to talk today"),
    "declined_program": N_("Talked about the program and said no to it"),
    "done": N_("Done (nothing to reach)"),
}
#: outcomes at which somebody was spoken with, or nobody had to be
REACHED = frozenset({"reached", "reached_supporter", "declined_contact", "declined_program", "done"})


class Encounter(AboutPatient, Made, Table):
    __tablename__ = "encounter"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("kind", *KINDS),
            one_of("outcome", *OUTCOMES),
            Index("ix_encounter_patient", "tenant_id", "patient_id", "at"),
            Index("ix_encounter_staff", "tenant_id", "staff_id", "at"),
            patient_id="patient",
            staff_id="staff",
        )

    kind: Mapped[str]
    outcome: Mapped[str] = mapped_column(default="reached")
    at: Mapped[datetime]
    staff_id: Mapped[UUID]
    program: Mapped[str] = mapped_column(default="")
    video_declined: Mapped[bool] = mapped_column(default=False)  # offered video, preferred the phone
    who_else: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    next_step: Mapped[str] = mapped_column(default="")
    about_code: Mapped[str] = mapped_column(
        default=""
    )  # the ICD-10-CM code the contact was about, if it was one
    revision: Mapped[int] = mapped_column(default=1)
    signed_at: Mapped[datetime | None]


class EncounterAmendment(AboutPatient, Made, Table):
    """What a signed contact said before it was amended, and why it was."""

    __tablename__ = "encounter_amendment"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            unique("encounter_id", "revision_before"),
            patient_id="patient",
            encounter_id="encounter",
        )

    encounter_id: Mapped[UUID]
    reason: Mapped[str]
    revision_before: Mapped[int]
    kind_before: Mapped[str]
    outcome_before: Mapped[str]
    at_before: Mapped[datetime]
    program_before: Mapped[str] = mapped_column(default="")
    about_code_before: Mapped[str] = mapped_column(default="")
    video_declined_before: Mapped[bool] = mapped_column(default=False)
    who_else_before: Mapped[str] = mapped_column(default="")
    note_before: Mapped[str] = mapped_column(default="")
    next_step_before: Mapped[str] = mapped_column(default="")


class NoteDraft(AboutPatient, Table):
    """What somebody is still writing about a patient: theirs alone, until it is saved as a contact or discarded.

    One row per opened composer, so that only one window ever writes to it. A row that is no longer open stays a while
    as a mark, so that a save which arrives late does not bring it back.
    """

    __tablename__ = "note_draft"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("state", "open", "continued", "finished", "discarded"),
            Index("ix_note_draft_patient", "tenant_id", "patient_id", "staff_id"),
            Index("ix_note_draft_staff", "tenant_id", "staff_id", "saved_at"),
            patient_id="patient",
            staff_id="staff",
            encounter_id="encounter",
        )

    staff_id: Mapped[UUID]
    encounter_id: Mapped[UUID | None]  # the contact it changes; none for a new one
    revision: Mapped[int] = mapped_column(default=0)  # of that contact, when its author began
    base: Mapped[JSON]  # how that contact read then, where that is known
    fields: Mapped[JSON]  # name -> text, as the composer calls them
    sequence: Mapped[int]
    cursor_field: Mapped[str] = mapped_column(default="")
    cursor_at: Mapped[int] = mapped_column(default=0)
    blank: Mapped[bool] = mapped_column(default=False)  # nothing in it that somebody wrote
    state: Mapped[str] = mapped_column(default="open")
    started_at: Mapped[datetime]
    saved_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]  # since when it is no longer open
