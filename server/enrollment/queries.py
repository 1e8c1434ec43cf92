"""Reads of programs, consents and what else payers' rules ask about; each for many patients in one statement."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import or_, select

from server.enrollment.consent import ConsentRow
from server.enrollment.tables import (
    Attestation,
    Consent,
    DecisionLevel,
    Enrollment,
    EnrollmentChange,
    OtherService,
    PractitionerVisit,
)
from server.patients.records import of_people, person_of
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.staff_names import name_of


@dataclass(frozen=True, slots=True)
class EnrollmentRow:
    """One time in a program, as it stands."""

    id: UUID
    patient_id: UUID
    program: str
    status: str
    started_on: date
    ended_on: date | None
    practitioner_id: UUID | None
    contact_frequency: str
    ended_reason: str
    practitioner_name: str | None


@dataclass(frozen=True, slots=True)
class EnrollmentChangeRow:
    """One step in an enrollment's history."""

    id: UUID
    enrollment_id: UUID
    status: str
    from_on: date
    contact_frequency: str
    reason: str
    made_at: datetime
    practitioner_name: str | None
    made_by_name: str | None


@dataclass(frozen=True, slots=True)
class PractitionerVisitRow:
    """One visit with a practitioner; withdrawn ones are kept and say so."""

    id: UUID
    patient_id: UUID
    kind: str
    visited_on: date
    practitioner_id: UUID | None
    initiating_for: str
    care_planning_by_practitioner: bool
    withdrawn_at: datetime | None
    withdrawn_reason: str
    made_at: datetime
    practitioner_name: str | None
    made_by_name: str | None


@dataclass(frozen=True, slots=True)
class DecisionLevelRow:
    """One judgement of a month's decisions; the newest of a program and month counts."""

    id: UUID
    patient_id: UUID
    program: str
    month: str
    level: str
    made_at: datetime
    made_by_name: str | None


@dataclass(frozen=True, slots=True)
class OtherServiceRow:
    """One service billed outside the program; withdrawn ones are kept and say so."""

    id: UUID
    patient_id: UUID
    code: str
    on_date: date
    practitioner_id: UUID | None
    note: str
    withdrawn_at: datetime | None
    withdrawn_reason: str
    made_at: datetime
    practitioner_name: str | None
    made_by_name: str | None


@dataclass(frozen=True, slots=True)
class AttestationRow:
    """One attestation, of one patient or (patient_id empty) of the practice; the newest of an element counts."""

    id: UUID
    patient_id: UUID | None
    element: str
    met: bool
    on_date: date
    note: str
    made_at: datetime
    made_by_name: str | None


class _OfPatient(Protocol):
    @property
    def patient_id(self) -> UUID | None: ...


Row = TypeVar("Row", bound=_OfPatient)


def by_patient(rows: Iterable[Row]) -> dict[UUID, list[Row]]:
    """Rows under the patient they are about, in the order given."""
    found: dict[UUID, list[Row]] = defaultdict(list)
    for row in rows:
        if row.patient_id is not None:
            found[row.patient_id].append(row)
    return dict(found)


async def enrollments_of(
    db: Db, actor: Actor, patient_ids: Sequence[UUID]
) -> dict[UUID, list[EnrollmentRow]]:
    """Every time in a program, newest first."""
    _reading(db, actor, "enrollment", patient_ids)
    rows: Any = await db.execute(
        select(
            Enrollment.id, Enrollment.patient_id, Enrollment.program, Enrollment.status, Enrollment.started_on,
            Enrollment.ended_on, Enrollment.practitioner_id, Enrollment.contact_frequency, Enrollment.ended_reason,
            name_of(Enrollment.practitioner_id),
        )
        .where(Enrollment.patient_id.in_(patient_ids))
        .order_by(Enrollment.started_on.desc(), Enrollment.id.desc())
    )  # fmt: skip
    return by_patient([EnrollmentRow(*row) for row in rows])


async def enrollment_history(
    db: Db, actor: Actor, enrollment_ids: Sequence[UUID]
) -> dict[UUID, list[EnrollmentChangeRow]]:
    """Every step of these enrollments, oldest first."""
    actor.require("enrollment.read")
    rows: Any = await db.execute(
        select(
            EnrollmentChange.id, EnrollmentChange.enrollment_id, EnrollmentChange.status, EnrollmentChange.from_on,
            EnrollmentChange.contact_frequency, EnrollmentChange.reason, EnrollmentChange.made_at,
            name_of(EnrollmentChange.practitioner_id), name_of(EnrollmentChange.made_by),
            EnrollmentChange.patient_id,
        )
        .where(EnrollmentChange.enrollment_id.in_(enrollment_ids))
        .order_by(EnrollmentChange.made_at, EnrollmentChange.id)
    )  # fmt: skip
    found: dict[UUID, list[EnrollmentChangeRow]] = defaultdict(list)
    patients = []
    for *values, patient_id in rows:
        row = EnrollmentChangeRow(*values)
        found[row.enrollment_id].append(row)
        patients.append(patient_id)
    _reading(db, actor, "enrollment_change", patients)
    return dict(found)


async def consents_of(db: Db, actor: Actor, patient_ids: Sequence[UUID]) -> dict[UUID, list[ConsentRow]]:
    """The whole log, newest first, struck rows too; `consent.live` leaves those out."""
    _reading(db, actor, "consent", patient_ids)
    columns = [
        person_of(Consent.patient_id) if name == "patient_id" else getattr(Consent, name)
        for name in ConsentRow.__dataclass_fields__
        if not name.endswith("_name")
    ]
    rows: Any = await db.execute(
        select(*columns, name_of(Consent.practitioner_id), name_of(Consent.made_by))
        .where(of_people(Consent.patient_id, patient_ids))
        .order_by(Consent.at.desc(), Consent.made_at.desc(), Consent.id.desc())
    )
    return by_patient([ConsentRow(*row) for row in rows])


async def visits_of(
    db: Db, actor: Actor, patient_ids: Sequence[UUID]
) -> dict[UUID, list[PractitionerVisitRow]]:
    """Visits with practitioners, newest first, withdrawn ones too."""
    _reading(db, actor, "practitioner_visit", patient_ids)
    visit = PractitionerVisit
    rows: Any = await db.execute(
        select(
            visit.id, visit.patient_id, visit.kind, visit.visited_on, visit.practitioner_id, visit.initiating_for,
            visit.care_planning_by_practitioner, visit.withdrawn_at, visit.withdrawn_reason, visit.made_at,
            name_of(visit.practitioner_id), name_of(visit.made_by),
        )
        .where(visit.patient_id.in_(patient_ids))
        .order_by(visit.visited_on.desc(), visit.id.desc())
    )  # fmt: skip
    return by_patient([PractitionerVisitRow(*row) for row in rows])


async def decision_levels_of(
    db: Db, actor: Actor, patient_ids: Sequence[UUID]
) -> dict[UUID, list[DecisionLevelRow]]:
    """Every judgement, newest month first; within a month the newest judgement first: it is the one that counts."""
    _reading(db, actor, "decision_level", patient_ids)
    level = DecisionLevel
    rows: Any = await db.execute(
        select(
            level.id,
            person_of(level.patient_id),
            level.program,
            level.month,
            level.level,
            level.made_at,
            name_of(level.made_by),
        )
        .where(of_people(level.patient_id, patient_ids))
        .order_by(level.month.desc(), level.program, level.made_at.desc(), level.id.desc())
    )
    return by_patient([DecisionLevelRow(*row) for row in rows])


async def other_services_of(
    db: Db, actor: Actor, patient_ids: Sequence[UUID]
) -> dict[UUID, list[OtherServiceRow]]:
    """Services billed outside the program, newest first, withdrawn ones too."""
    _reading(db, actor, "other_service", patient_ids)
    other = OtherService
    rows: Any = await db.execute(
        select(
            other.id, other.patient_id, other.code, other.on_date, other.practitioner_id, other.note,
            other.withdrawn_at, other.withdrawn_reason, other.made_at, name_of(other.practitioner_id),
            name_of(other.made_by),
        )
        .where(other.patient_id.in_(patient_ids))
        .order_by(other.on_date.desc(), other.id.desc())
    )  # fmt: skip
    return by_patient([OtherServiceRow(*row) for row in rows])


async def attestations_of(
    db: Db, actor: Actor, patient_ids: Sequence[UUID]
) -> dict[UUID, list[AttestationRow]]:
    """What was attested of each patient and of the practice as a whole, newest first; the first per element counts."""
    _reading(db, actor, "attestation", patient_ids)
    rows = [
        AttestationRow(*row)
        for row in await db.execute(
            _attestations().where(
                or_(of_people(Attestation.patient_id, patient_ids), Attestation.patient_id.is_(None))
            )
        )
    ]
    return {
        patient_id: [row for row in rows if row.patient_id in (patient_id, None)]
        for patient_id in patient_ids
    }


async def practice_attestations(db: Db, actor: Actor) -> list[AttestationRow]:
    """What was attested of the practice as a whole, newest first; the first per element counts."""
    _reading(db, actor, "attestation", ())
    return [
        AttestationRow(*row)
        for row in await db.execute(_attestations().where(Attestation.patient_id.is_(None)))
    ]


def _attestations() -> Any:
    return select(
        Attestation.id, person_of(Attestation.patient_id), Attestation.element, Attestation.met, Attestation.on_date,
        Attestation.note, Attestation.made_at, name_of(Attestation.made_by),
    ).order_by(Attestation.on_date.desc(), Attestation.made_at.desc(), Attestation.id.desc())  # fmt: skip


def _reading(db: Db, actor: Actor, entity: str, patient_ids: Sequence[UUID]) -> None:
    actor.require("enrollment.read")
    db.note(actor, "enrollment.read", entity=entity, patient_ids=patient_ids)
