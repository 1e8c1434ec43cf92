"""What people answered, what it adds up to, and the worries about somebody's safety that came of it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from server.tables import AboutPatient, Made, Table, Tenant, one_of, unique, within
from server.words import N_

#: how somebody was asked -> words
MODES = {
    "in_person": N_("In person"),
    "home": N_("At their home"),
    "phone": N_("By phone"),
    "video": N_("By video"),
    "paper": N_("On paper, on their own"),
}
FACE_TO_FACE = frozenset({"in_person", "home"})
#: who answered -> words
ANSWERED_BY = {
    "patient": N_("They themselves"),
    "supporter": N_("Somebody who helps"),
    "together": N_("Both together"),
    "staff": N_("As we saw it"),
}
#: what became of an assessment -> words. partly: a score could not be told, by the instrument's own rule.
STATES = {"answered": N_("Answered"), "partly": N_("Partly answered"), "taken_back": N_("Taken back")}
#: what a worry about safety is about -> words
DOMAINS = {
    "self_harm": N_("Thoughts of being better off dead or of harming oneself"),
    "violence": N_("Not safe with somebody"),
    "home": N_("Not safe at home"),
    "other": N_("Something else"),
}


class Assessment(AboutPatient, Made, Table):
    """One time somebody answered one version of one instrument. What was wrong is answered anew, beside it."""

    __tablename__ = "assessment"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("mode", *MODES),
            one_of("answered_by", *ANSWERED_BY),
            one_of("state", *STATES),
            unique("corrects_id"),  # the second correction of one thing corrects the first
            Index("ix_assessment_patient", "tenant_id", "patient_id", "at"),
            patient_id="patient",
            corrects_id="assessment",
        )

    instrument: Mapped[str]
    version: Mapped[str]
    language: Mapped[str]
    at: Mapped[datetime]
    mode: Mapped[str]
    mode_reason: Mapped[str] = mapped_column(default="")  # why not face to face, where that is the rule
    answered_by: Mapped[str]
    state: Mapped[str]
    note: Mapped[str] = mapped_column(default="")  # what they said about it, in their own words
    corrects_id: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(default="")  # why it was corrected or taken back


class AssessmentAnswer(Tenant, Table):
    """What was answered to one item: codes, a number or words."""

    __tablename__ = "assessment_answer"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(unique("assessment_id", "item"), assessment_id="assessment")

    assessment_id: Mapped[UUID]
    item: Mapped[str]
    codes: Mapped[list[str]]
    number: Mapped[int | None]
    text: Mapped[str] = mapped_column(default="")


class AssessmentScore(Tenant, Table):
    """What the answers add up to, by the version they were given to."""

    __tablename__ = "assessment_score"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(unique("assessment_id", "key"), assessment_id="assessment")

    assessment_id: Mapped[UUID]
    key: Mapped[str]
    value: Mapped[int]
    band: Mapped[str] = mapped_column(default="")


class SafetyConcern(AboutPatient, Made, Table):
    """A worry about somebody's safety, opened by an answer or by hand. It stays until somebody says what was done."""

    __tablename__ = "safety_concern"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("domain", *DOMAINS),
            Index("ix_safety_concern_patient", "tenant_id", "patient_id"),
            Index("ix_safety_concern_made_by", "tenant_id", "made_by"),
            patient_id="patient",
            assessment_id="assessment",
        )

    domain: Mapped[str]
    assessment_id: Mapped[UUID | None]  # the answers that opened it, where answers did
    words: Mapped[str] = mapped_column(default="")  # what was seen or said, where somebody opened it


class SafetyClosing(AboutPatient, Made, Table):
    """What was done about a worry, by whom, with whom it was talked over, and how things stand."""

    __tablename__ = "safety_closing"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(unique("concern_id"), patient_id="patient", concern_id="safety_concern")

    concern_id: Mapped[UUID]
    done: Mapped[str]
    done_by: Mapped[str]
    talked_with: Mapped[str]
    words: Mapped[str]
    done_on: Mapped[date]
