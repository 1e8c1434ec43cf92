"""The care plan: versions that are never edited, and the copies people were given."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from server.tables import AboutPatient, Made, Table, one_of, unique, within
from server.words import N_

#: how a copy was given -> words
WAYS = {
    "paper": N_("On paper, by hand"),
    "mail": N_("By mail"),
    "portal": N_("In the portal"),
    "email": N_("By secure e-mail"),
    "read_aloud": N_("Read aloud"),
}


class PlanVersion(AboutPatient, Made, Table):
    __tablename__ = "plan_version"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(unique("patient_id", "program", "number"), patient_id="patient")

    program: Mapped[str]
    number: Mapped[int]  # 1, 2, 3 ... for this patient and program
    dated_on: Mapped[date]
    problems: Mapped[str] = mapped_column(default="")
    goals: Mapped[str] = mapped_column(default="")
    steps: Mapped[str] = mapped_column(default="")  # what will be done, and who does it
    medicines: Mapped[str] = mapped_column(default="")
    supports: Mapped[str] = mapped_column(default="")  # family, friends, services
    expected: Mapped[str] = mapped_column(default="")  # outcome hoped for
    review_on: Mapped[date | None]
    substantially_revised: Mapped[bool] = mapped_column(default=False)  # more than a routine update


class PlanCopy(AboutPatient, Made, Table):
    """A copy of a plan version given to the person or someone who helps them."""

    __tablename__ = "plan_copy"
    append_only = True

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return within(
            one_of("how", *WAYS),
            Index("ix_plan_copy_version", "tenant_id", "plan_version_id"),
            patient_id="patient",
            plan_version_id="plan_version",
        )

    plan_version_id: Mapped[UUID]
    given_on: Mapped[date]
    how: Mapped[str]
    to_whom: Mapped[str]
