"""From "this person could use help" to taking part, or to a respected no: who asked for whom, and every step since."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from server.tables import AboutPatient, Made, Table, Tenant, one_of, unique, within
from server.words import N_

#: who thought of it -> words
SOURCES: Final = {
    "team": N_("Our team"),
    "self": N_("They asked themselves"),
    "family": N_("Their family"),
    "pharmacy": N_("A pharmacy"),
    "hospital": N_("A hospital"),
    "agency": N_("An agency"),
}

#: how soon -> words, the soonest first
HOW_SOON: Final = {
    "now": N_("Now: they are here"),
    "today": N_("Today"),
    "this_week": N_("This week"),
    "when_it_suits": N_("When it suits them"),
}

#: state of a referral -> words
STATES: Final = {
    "suggested": N_("Waits for a provider’s word"),
    "asked": N_("Asked"),
    "accepted": N_("Taken up"),
    "enrolled": N_("Takes part"),
    "declined": N_("Their decision: not now"),
    "closed": N_("Came to an end another way"),
    "taken_back": N_("Taken back"),
}

#: kind of step -> words
STEPS: Final = {
    "suggested": N_("Suggested"),
    "asked": N_("Asked"),
    "joined": N_("Asked too"),
    "confirmed": N_("Confirmed"),
    "said": N_("Said"),
    "coming": N_("Is coming now"),
    "not_now": N_("Cannot come now"),
    "rerouted": N_("Handed on"),
    "accepted": N_("Taken up"),
    "enrolled": N_("Takes part"),
    "declined": N_("Decided not to, for now"),
    "closed": N_("Came to an end another way"),
    "taken_back": N_("Taken back"),
}

#: role -> who says an introduction; the practice may write its own for each
INTRODUCERS: Final = {
    "provider": N_("Provider"),
    "medical_assistant": N_("Medical assistant"),
    "front_desk": N_("Front desk"),
    "care_manager": N_("Care manager"),
}

#: how taking part is offered -> words
AGREEMENTS: Final = {
    "opt_in": N_("We ask each person whether they would like it"),
    "team_default": N_("It is how we care for people here; anybody may say no"),
}


class Referral(AboutPatient, Made, Table):
    """Somebody could use help, and somebody is asked to look after that. Open while `ended_at` is empty; there is one
    open referral per person, and whoever asks next joins it. How it came to be so is in ReferralStep."""

    __tablename__ = "referral"

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("how_soon", *HOW_SOON),
            one_of("source", *SOURCES),
            one_of("state", *STATES),
            Index("ix_referral_to", "tenant_id", "to_id", "state"),
            Index("ix_referral_patient", "tenant_id", "patient_id"),
            Index(
                "uq_referral_open",
                "tenant_id",
                "patient_id",
                unique=True,
                postgresql_where="ended_at is null",
            ),
            patient_id="patient",
            to_id="staff",
        )

    reason: Mapped[str]
    how_soon: Mapped[str]
    source: Mapped[str] = mapped_column(default="team")
    source_name: Mapped[str] = mapped_column(
        default=""
    )  # who it was, at the pharmacy, the hospital, the agency
    place: Mapped[str] = mapped_column(default="")  # where they are in the building, of that day
    condition: Mapped[str] = mapped_column(default="")  # what led to it, in words for an introduction
    result: Mapped[str] = mapped_column(default="")
    to_id: Mapped[UUID]  # the care manager asked
    to_since: Mapped[datetime]
    state: Mapped[str]
    answered_at: Mapped[datetime | None]  # a hand-off: coming now, or not now
    first_visit_at: Mapped[datetime | None]
    introduced: Mapped[bool] = mapped_column(default=False)  # in person, before anybody rang
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str] = mapped_column(default="")
    what_would_help: Mapped[str] = mapped_column(default="")
    ask_again_on: Mapped[date | None]


class ReferralStep(Tenant, Made, Table):
    """One step of a referral, by whom and when, with what was said. Whom it is about the referral says."""

    __tablename__ = "referral_step"
    __table_args__ = within(
        one_of("kind", *STEPS),
        Index("ix_referral_step_referral", "tenant_id", "referral_id", "made_at"),
        referral_id="referral",
        to_id="staff",
    )
    append_only = True

    referral_id: Mapped[UUID]
    kind: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    to_id: Mapped[UUID | None]  # whom it was given to
    first_visit_at: Mapped[datetime | None]


class ReferralAsker(Tenant, Made, Table):
    """A colleague who asked, and until when they have read what became of it. Whom it is about the referral says."""

    __tablename__ = "referral_asker"
    __table_args__ = within(
        unique("referral_id", "staff_id"),
        Index("ix_referral_asker_staff", "tenant_id", "staff_id"),
        referral_id="referral",
        staff_id="staff",
    )

    referral_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    read_at: Mapped[datetime]  # steps of others after it are news


class Arrival(AboutPatient, Made, Table):
    """They are in the building, or have left it. The newest word of the practice's day counts, and none of another day."""

    __tablename__ = "arrival"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(Index("ix_arrival_day", "tenant_id", "on_date", "patient_id"), patient_id="patient")

    on_date: Mapped[date]
    here: Mapped[bool]
    place: Mapped[str] = mapped_column(default="")


class IntroductionScript(Tenant, Made, Table):
    """How somebody of a role introduces the care manager. The newest per role counts; an empty one is our own again."""

    __tablename__ = "introduction_script"
    append_only = True
    __table_args__ = (one_of("role", *INTRODUCERS), Index("ix_introduction_script_role", "tenant_id", "role"))

    role: Mapped[str]
    words: Mapped[str]


class ReferralPolicy(Tenant, Made, Table):
    """How a practice wants referrals to go. The newest row counts; without one nobody confirms, and people are asked."""

    __tablename__ = "referral_policy"
    append_only = True
    __table_args__ = (
        one_of("agreement", *AGREEMENTS),
        Index("ix_referral_policy_made", "tenant_id", "made_at"),
    )

    confirmed_by_provider: Mapped[bool]
    agreement: Mapped[str]
