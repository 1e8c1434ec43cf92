"""From a yes to a goodbye: enroll, change, pause, resume, end."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from server.clock import now
from server.enrollment.days import check_day, written
from server.enrollment.gate import (
    check_program,
    enrollment_for,
    life_of,
    practitioner_for,
)
from server.enrollment.referring import takes_part
from server.enrollment.tables import (
    PROGRAMS,
    Enrollment,
    EnrollmentChange,
)
from server.errors import Refused
from server.ids import new_id
from server.patients.gate import patient_for
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say


@dataclass(frozen=True, slots=True)
class NewEnrollment:
    """contact_frequency: how often they wish to hear from us, in their words (R116)."""

    program: str
    started_on: date
    practitioner_id: UUID | None = None
    contact_frequency: str = ""


async def enroll(db: Db, actor: Actor, patient_id: UUID, new: NewEnrollment) -> Enrollment:
    """Take a person into a program. Refused: a day to come or outside their life, being in it already."""
    actor.require("enrollment.write")
    patient = await patient_for(db, actor, patient_id, permission="enrollment.write")
    check_program(new.program)
    check_day(life_of(patient, actor), new.started_on, what=say("The enrollment"), field="started_on")
    if new.practitioner_id is not None:
        await practitioner_for(db, new.practitioner_id)

    enrollment = Enrollment(
        tenant_id=actor.tenant_id,
        id=new_id(),
        patient_id=patient_id,
        program=new.program,
        status="enrolled",
        started_on=new.started_on,
        practitioner_id=new.practitioner_id,
        contact_frequency=new.contact_frequency,
        ended_reason="",
        made_at=now(),
        made_by=actor.staff_id,
    )
    try:
        async with db.begin_nested():
            db.add(enrollment)
    except IntegrityError as error:
        raise Refused(
            "ALREADY_ENROLLED",
            say("This person is already in %(program)s.", program=say(PROGRAMS[new.program])),
            say("Open that enrollment to change or end it."),
            "program",
        ) from error
    await _remember(db, actor, enrollment, new.started_on, "")
    await takes_part(db, actor, patient_id, new.started_on)
    db.note(
        actor, "enrollment.enroll", entity="enrollment", entity_ids=[enrollment.id], patient_ids=[patient_id],
        effect="write",
    )  # fmt: skip
    return enrollment


async def change_enrollment(
    db: Db, actor: Actor, enrollment_id: UUID, *, practitioner_id: UUID | None, contact_frequency: str
) -> Enrollment:
    """Another practitioner, or another rhythm of contact. Both are set as given."""
    enrollment, life = await enrollment_for(db, actor, enrollment_id)
    _check_open(enrollment)
    if practitioner_id is not None and practitioner_id != enrollment.practitioner_id:
        await practitioner_for(db, practitioner_id)

    enrollment.practitioner_id = practitioner_id
    enrollment.contact_frequency = contact_frequency
    await _remember(db, actor, enrollment, life.today, "")
    return enrollment


async def pause_enrollment(db: Db, actor: Actor, enrollment_id: UUID, *, on: date, reason: str) -> Enrollment:
    """Hold a program for a while, with the reason (a long stay, a wish for quiet)."""
    enrollment, life = await enrollment_for(db, actor, enrollment_id)
    _check_open(enrollment)
    if enrollment.status == "paused":
        raise Refused(
            "ALREADY_PAUSED", say("This enrollment is paused already."), say("Resume it, or end it.")
        )
    check_day(life, on, what=say("The pause"), field="on", after_death=True)
    await _check_in_order(db, enrollment, on)

    enrollment.status = "paused"
    await _remember(db, actor, enrollment, on, reason)
    return enrollment


async def resume_enrollment(db: Db, actor: Actor, enrollment_id: UUID, *, on: date) -> Enrollment:
    """Take a paused program up again."""
    enrollment, life = await enrollment_for(db, actor, enrollment_id)
    _check_open(enrollment)
    if enrollment.status != "paused":
        raise Refused("NOT_PAUSED", say("This enrollment is not paused, so there is nothing to resume."))
    check_day(life, on, what=say("The resumption"), field="on")
    await _check_in_order(db, enrollment, on)

    enrollment.status = "enrolled"
    await _remember(db, actor, enrollment, on, "")
    return enrollment


async def end_enrollment(db: Db, actor: Actor, enrollment_id: UUID, *, on: date, reason: str) -> Enrollment:
    """Say goodbye, with the reason: goals met, moved away, their wish, their death."""
    enrollment, life = await enrollment_for(db, actor, enrollment_id)
    _check_open(enrollment)
    check_day(life, on, what=say("The end of the enrollment"), field="on", after_death=True)
    await _check_in_order(db, enrollment, on)
    if not reason.strip():
        raise Refused(
            "REASON_NEEDED",
            say("An enrollment ends with a reason, so that whoever opens this page next understands."),
            say("Write a few words."),
            "reason",
        )

    enrollment.status = "ended"
    enrollment.ended_on = on
    enrollment.ended_reason = reason
    await _remember(db, actor, enrollment, on, reason)
    return enrollment


def _check_open(enrollment: Enrollment) -> None:
    if enrollment.ended_on is not None:
        raise Refused(
            "ENROLLMENT_ENDED",
            say("This enrollment ended on %(ended_on)s.", ended_on=written(enrollment.ended_on)),
            say("Enroll the person again if they wish to come back."),
        )


async def _check_in_order(db: Db, enrollment: Enrollment, on: date) -> None:
    newest = (
        await db.execute(
            select(EnrollmentChange.from_on)
            .where(EnrollmentChange.enrollment_id == enrollment.id)
            .order_by(EnrollmentChange.from_on.desc())
            .limit(1)
        )
    ).scalar_one_or_none() or enrollment.started_on
    if on < max(newest, enrollment.started_on):
        raise Refused(
            "BEFORE_LAST_CHANGE",
            say(
                "%(on)s is before this enrollment's last change on %(newest)s.",
                on=written(on),
                newest=written(newest),
            ),
            say("Choose that day or a later one."),
            "on",
        )


async def _remember(db: Db, actor: Actor, enrollment: Enrollment, on: date, reason: str) -> None:
    db.add(
        EnrollmentChange(
            tenant_id=actor.tenant_id,
            id=new_id(),
            patient_id=enrollment.patient_id,
            enrollment_id=enrollment.id,
            status=enrollment.status,
            from_on=on,
            practitioner_id=enrollment.practitioner_id,
            contact_frequency=enrollment.contact_frequency,
            reason=reason,
            made_at=now(),
            made_by=actor.staff_id,
        )
    )
    await db.flush()
