"""Reads everything a month's rules may ask, for many patients at once: one statement per kind of fact."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from carewright_plugin_api.facts import (
    Attestation,
    BilledService,
    CarePlanVersion,
    Consent,
    ConsentKind,
    ConsentMethod,
    Coverage,
    DecisionLevel,
    Diagnosis,
    Enrollment,
    Told,
    Visit,
)
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from server.claims.earlier import earlier_lines
from server.claims.month import House, PatientMonth, Person, Qualification, StayRow
from server.claims.overrides import overrides_in_force
from server.claims.tables import ClaimLine, MonthDecision
from server.enrollment import tables as enrolled
from server.enrollment.consent import ConsentRow, live
from server.enrollment.queries import consents_of
from server.minutes.queries import entries_of_month
from server.minutes.tables import TimeEntry
from server.patients import tables as people
from server.patients.records import joined_records, of_people, person_of
from server.plans.tables import PlanCopy, PlanVersion
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Payer, Practice, Staff
from server.tenants.tables import Qualification as QualificationRow

Rows = Select[*tuple[Any, ...]]


async def house_of(db: Db) -> House:
    """The practice and everybody who works or worked in it."""
    practice = (await db.execute(select(Practice.time_zone, Practice.selection_policy, Practice.kind))).one()
    held: dict[UUID, list[Qualification]] = defaultdict(list)
    rows = await db.execute(
        select(
            QualificationRow.staff_id,
            QualificationRow.kind,
            QualificationRow.name,
            QualificationRow.from_on,
            QualificationRow.to_on,
        ).order_by(QualificationRow.from_on, QualificationRow.id)
    )
    for staff_id, kind, name, from_on, to_on in rows:
        held[staff_id].append(Qualification(kind, name, from_on, to_on))
    staff = await db.execute(select(Staff.id, Staff.qualifying_participant))
    return House(
        zone=practice.time_zone,
        policy=practice.selection_policy,
        site=practice.kind,
        people={id: Person(id, qp, tuple(held[id])) for id, qp in staff},
    )


async def patients_of_month(
    db: Db, first_instant: datetime, end: datetime, first: date, last: date
) -> list[UUID]:
    """Who the month is about: enrolled at some time in it, with minutes in it, or decided about before, so that nobody
    who has left the month since keeps lines of it. In a stable order."""
    by_enrollment = select(enrolled.Enrollment.patient_id).where(
        enrolled.Enrollment.status != "declined",
        enrolled.Enrollment.started_on <= last,
        or_(enrolled.Enrollment.ended_on.is_(None), enrolled.Enrollment.ended_on >= first),
    )
    by_minutes = select(person_of(TimeEntry.patient_id)).where(
        TimeEntry.started_at < end, TimeEntry.ended_at > first_instant
    )
    before = select(MonthDecision.patient_id).where(
        MonthDecision.month == f"{first:%Y-%m}",
        # A record that was joined with another bills nothing of its own; its decisions stay as they were made.
        MonthDecision.patient_id.not_in(joined_records()),
    )
    rows = await db.execute(by_enrollment.union(by_minutes, before))
    return sorted(rows.scalars())


async def gather(
    db: Db, actor: Actor, ids: Sequence[UUID], first_instant: datetime, end: datetime, first: date, last: date
) -> list[PatientMonth]:
    """What is on file about `ids` that the month's rules may ask, in the same order."""
    patient = people.Patient
    rows = await db.execute(select(patient.id, patient.deceased_on).where(patient.id.in_(ids)))
    died: dict[UUID, date | None] = {row[0]: row[1] for row in rows}

    coverages = await _grouped(db, ids, people.Coverage, _coverages(), _coverage)
    enrollments_rows = await _grouped(
        db,
        ids,
        enrolled.Enrollment,
        select(
            enrolled.Enrollment.patient_id,
            enrolled.Enrollment.program,
            enrolled.Enrollment.started_on,
            enrolled.Enrollment.ended_on,
            enrolled.Enrollment.practitioner_id,
            enrolled.Enrollment.id,
        )
        .where(enrolled.Enrollment.status != "declined", enrolled.Enrollment.status != "invited")
        .order_by(enrolled.Enrollment.started_on, enrolled.Enrollment.id),
        tuple,
    )
    consents = await consents_of(db, actor, ids)
    diagnoses = await _grouped(
        db,
        ids,
        people.Diagnosis,
        select(
            people.Diagnosis.patient_id,
            people.Diagnosis.code,
            people.Diagnosis.chronic,
            people.Diagnosis.from_on,
            people.Diagnosis.to_on,
        ),
        lambda r: Diagnosis(*r),
    )
    plans = await _grouped(
        db, ids, PlanVersion, _plans(last), lambda r: CarePlanVersion(r[0], r[1], r[2], True, r[3])
    )
    visit = enrolled.PractitionerVisit
    visits = await _grouped(
        db,
        ids,
        visit,
        select(
            visit.patient_id, visit.kind, visit.visited_on, visit.practitioner_id, visit.initiating_for,
            visit.care_planning_by_practitioner,
        ).where(visit.withdrawn_at.is_(None), visit.visited_on <= last),
        lambda r: Visit(r[0], r[1], str(r[2]) if r[2] else None, r[3] or None, r[4]),
    )  # fmt: skip
    levels = await _grouped(
        db, ids, enrolled.DecisionLevel, _levels(first), lambda r: DecisionLevel(r[0], r[1])
    )
    stays = await _grouped(
        db,
        ids,
        people.Stay,
        select(people.Stay.patient_id, people.Stay.kind, people.Stay.from_at, people.Stay.to_at).where(
            ~people.Stay.retracted,
            people.Stay.from_at < end,
            or_(people.Stay.to_at.is_(None), people.Stay.to_at > first_instant),
        ),
        lambda r: StayRow(*r),
    )
    billed_rows = await _grouped(
        db,
        ids,
        enrolled.OtherService,
        select(
            enrolled.OtherService.patient_id,
            enrolled.OtherService.code,
            enrolled.OtherService.on_date,
            enrolled.OtherService.practitioner_id,
        ).where(enrolled.OtherService.withdrawn_at.is_(None), enrolled.OtherService.on_date <= last),
        tuple,
    )
    earlier = await earlier_lines(db, ids, f"{first:%Y-%m}")
    spans = await entries_of_month(db, actor, ids, f"{first:%Y-%m}")
    attested = await _attestations(db, ids, last)
    chosen = await overrides_in_force(db, ids, f"{first:%Y-%m}")

    def one(id: UUID) -> PatientMonth:
        mine = enrollments_rows[id]
        practitioner = next(
            (
                row[3]
                for row in reversed(mine)
                if row[3] and row[1] <= last and (row[2] is None or row[2] >= first)
            ),
            None,
        )
        return PatientMonth(
            patient_id=id,
            died_on=died.get(id),
            coverages=tuple(coverages[id]),
            enrollments=tuple(Enrollment(row[0], row[1], row[2]) for row in mine if row[1] <= last),
            practitioner_id=practitioner,
            consents=tuple(_consent(row) for row in live(consents.get(id, []))),
            diagnoses=tuple(diagnoses[id]),
            plans=tuple(plans[id]),
            visits=tuple(visits[id]),
            decision_levels=tuple(levels[id]),
            attestations=tuple(attested[None] + attested[id]),
            stays=tuple(stays[id]),
            billed=tuple(
                BilledService(
                    code,
                    on,
                    same_practitioner=by is not None and by == practitioner,
                    same_group=by is not None,
                )
                for code, on, by in billed_rows[id]
            )
            + tuple(line.billed(practitioner) for line in earlier.get(id, ())),
            spans=tuple(spans.get(id, [])),
            overrides=chosen.get(id, ()),
        )

    return [one(id) for id in ids]


def _consent(row: ConsentRow) -> Consent:
    return Consent(
        id=str(row.id),
        program=row.program,
        kind=cast(ConsentKind, row.kind),
        at=row.counts_from,
        method=cast(ConsentMethod, row.method),
        told=cast(tuple[Told, ...], tuple(row.told)),
        practitioner=str(row.practitioner_id) if row.practitioner_id else None,
    )


async def first_billed(db: Db, first: date) -> dict[tuple[UUID, str], date]:
    """(staff, payer kind) -> first day before this month on which a line that still stands rested on that person's work."""
    entry = aliased(TimeEntry)
    newest = (
        select(MonthDecision.tenant_id, MonthDecision.id, MonthDecision.coverage_id)
        .where(MonthDecision.month < f"{first:%Y-%m}")
        .ext(distinct_on(MonthDecision.patient_id, MonthDecision.month))
        .order_by(MonthDecision.patient_id, MonthDecision.month, MonthDecision.version.desc())
        .subquery()
    )
    rows = await db.execute(
        select(entry.staff_id, Payer.kind, func.min(ClaimLine.service_on))
        .select_from(ClaimLine)
        .join(newest, and_(newest.c.tenant_id == ClaimLine.tenant_id, newest.c.id == ClaimLine.decision_id))
        .join(
            people.Coverage,
            and_(
                people.Coverage.tenant_id == newest.c.tenant_id,
                people.Coverage.id == newest.c.coverage_id,
            ),
        )
        .join(Payer, and_(Payer.tenant_id == people.Coverage.tenant_id, Payer.id == people.Coverage.payer_id))
        .join(entry, and_(entry.tenant_id == ClaimLine.tenant_id, entry.id == func.any(ClaimLine.entry_ids)))
        .where(ClaimLine.service_on < first)
        .group_by(entry.staff_id, Payer.kind)
    )
    return {(staff, kind): day for staff, kind, day in rows}


async def _grouped(
    db: Db, ids: Sequence[UUID], table: Any, statement: Rows, make: Any
) -> dict[UUID, list[Any]]:
    """Rows of `statement` (patient id first) for `ids`, made into values, by patient."""
    # What may not be rewritten stays with the record it was written for, also where that was joined with another.
    theirs = of_people(table.patient_id, ids) if table.append_only else table.patient_id.in_(ids)
    found: dict[UUID, list[Any]] = defaultdict(list)
    for patient_id, *rest in await db.execute(statement.where(theirs)):
        found[patient_id].append(make(rest))
    return found


def _coverages() -> Rows:
    c = people.Coverage
    return select(
        c.patient_id, c.id, Payer.kind, Payer.name, c.product, c.from_on, c.to_on, c.rank, c.replaces_part_b,
        c.qualified_beneficiary, c.care_management_benefit,
    ).join(Payer, and_(Payer.tenant_id == c.tenant_id, Payer.id == c.payer_id))  # fmt: skip


def _coverage(row: Sequence[Any]) -> Coverage:
    id, kind, name, product, starts, ends, rank, replaces, qmb, benefit = row
    return Coverage(
        id=str(id),
        payer=kind or name,
        product=product,
        starts_on=starts,
        ends_on=ends,
        rank=rank,
        replaces_part_b=replaces,
        qmb=qmb,
        care_management_benefit=benefit,
    )


def _plans(last: date) -> Rows:
    copy = (
        select(func.min(PlanCopy.given_on))
        .where(PlanCopy.tenant_id == PlanVersion.tenant_id, PlanCopy.plan_version_id == PlanVersion.id)
        .scalar_subquery()
    )
    return select(
        person_of(PlanVersion.patient_id),
        PlanVersion.program,
        PlanVersion.dated_on,
        copy,
        PlanVersion.substantially_revised,
    ).where(PlanVersion.dated_on <= last)


def _levels(first: date) -> Rows:
    level = enrolled.DecisionLevel
    whose = person_of(level.patient_id).label("whose")
    return (
        select(whose, level.program, level.level)
        .where(level.month == f"{first:%Y-%m}")
        .ext(distinct_on(whose, level.program))
        .order_by(whose, level.program, level.made_at.desc(), level.id.desc())
    )


async def _attestations(db: Db, ids: Iterable[UUID], last: date) -> dict[UUID | None, list[Attestation]]:
    """The newest per element, of the practice (None) and of each patient."""
    row = enrolled.Attestation
    whose = person_of(row.patient_id).label("whose")
    statement = (
        select(whose, row.element, row.met, row.on_date)
        .where(row.on_date <= last, or_(row.patient_id.is_(None), of_people(row.patient_id, list(ids))))
        .ext(distinct_on(whose, row.element))
        .order_by(whose, row.element, row.on_date.desc(), row.made_at.desc(), row.id.desc())
    )
    found: dict[UUID | None, list[Attestation]] = defaultdict(list)
    for patient_id, element, met, on in await db.execute(statement):
        found[patient_id].append(Attestation(element, met, on))
    return found
