"""Gates of this room: the only way to hold an enrollment or a record beside it."""

from uuid import UUID

from sqlalchemy import select

from server.clock import now
from server.enrollment.days import Life
from server.enrollment.tables import PROGRAMS, Consent, Enrollment, OtherService, PractitionerVisit
from server.errors import Refused, not_found
from server.patients.gate import patient_for
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Staff
from server.words import say


def life_of(patient: Patient, actor: Actor) -> Life:
    """What this person's dates are held against, now."""
    return Life(patient.birth_date, patient.deceased_on, now(), actor.zone)


def check_program(program: str) -> None:
    if program not in PROGRAMS:
        raise Refused(
            "PROGRAM_UNKNOWN",
            say("There is no program “%(program)s” here.", program=program),
            say("Choose one of %(choices)s.", choices=", ".join(PROGRAMS)),
            "program",
        )


async def enrollment_for(db: Db, actor: Actor, enrollment_id: UUID) -> tuple[Enrollment, Life]:
    """The enrollment, locked until this transaction ends, and the life its dates must fit."""
    actor.require("enrollment.write")
    enrollment = (
        await db.execute(select(Enrollment).where(Enrollment.id == enrollment_id).with_for_update())
    ).scalar_one_or_none()
    if enrollment is None:
        db.note(actor, "enrollment.write", entity="enrollment", entity_ids=[enrollment_id], effect="refused")
        raise not_found("enrollment")
    patient = await patient_for(db, actor, enrollment.patient_id, permission="enrollment.write")
    return enrollment, life_of(patient, actor)


async def consent_for(db: Db, actor: Actor, consent_id: UUID) -> Consent:
    actor.require("enrollment.write")
    consent = (await db.execute(select(Consent).where(Consent.id == consent_id))).scalar_one_or_none()
    if consent is None:
        db.note(actor, "enrollment.write", entity="consent", entity_ids=[consent_id], effect="refused")
        raise not_found("consent")
    await patient_for(db, actor, consent.patient_id, permission="enrollment.write", by_row=True)
    return consent


async def practitioner_visit_for(db: Db, actor: Actor, visit_id: UUID) -> PractitionerVisit:
    actor.require("enrollment.write")
    visit = (
        await db.execute(select(PractitionerVisit).where(PractitionerVisit.id == visit_id).with_for_update())
    ).scalar_one_or_none()
    if visit is None:
        db.note(
            actor, "enrollment.write", entity="practitioner_visit", entity_ids=[visit_id], effect="refused"
        )
        raise not_found("practitioner visit")
    await patient_for(db, actor, visit.patient_id, permission="enrollment.write")
    return visit


async def other_service_for(db: Db, actor: Actor, service_id: UUID) -> OtherService:
    actor.require("enrollment.write")
    other = (
        await db.execute(select(OtherService).where(OtherService.id == service_id).with_for_update())
    ).scalar_one_or_none()
    if other is None:
        db.note(actor, "enrollment.write", entity="other_service", entity_ids=[service_id], effect="refused")
        raise not_found("other service")
    await patient_for(db, actor, other.patient_id, permission="enrollment.write")
    return other


async def practitioner_for(
    db: Db, staff_id: UUID, *, field: str = "practitioner_id", billing: bool = True
) -> Staff:
    """A colleague who may be named as the (billing) practitioner."""
    member = (await db.execute(select(Staff).where(Staff.id == staff_id))).scalar_one_or_none()
    if member is None:
        raise not_found("colleague")
    if billing and not member.bills:
        raise Refused(
            "NOT_A_PRACTITIONER",
            say("%(name)s is not set up as a practitioner who bills in this practice.", name=member.name),
            say("Choose the practitioner, or have an administrator set this up under Staff."),
            field,
        )
    return member
