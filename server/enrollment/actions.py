"""What people do from a yes to a goodbye: enroll, pause, end; record consent, refusal, revocation; and write down
the visits, judgements and other services that payers' rules ask about."""

import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from carewright_plugin_api.facts import local_day
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from server.clock import now
from server.enrollment.consent import (
    GivenConsent,
    SaidNo,
    TakenBack,
    check_given,
    check_no,
    check_taken_back,
    standing,
)
from server.enrollment.days import check_day, written
from server.enrollment.gate import (
    check_program,
    consent_for,
    enrollment_for,
    life_of,
    other_service_for,
    practitioner_for,
    practitioner_visit_for,
)
from server.enrollment.queries import consents_of
from server.enrollment.tables import (
    LEVELS,
    PROGRAMS,
    VISIT_KINDS,
    Attestation,
    Consent,
    DecisionLevel,
    Enrollment,
    EnrollmentChange,
    OtherService,
    PractitionerVisit,
)
from server.enrollment.wording import wording_hash
from server.errors import Refused
from server.ids import new_id
from server.patients.gate import patient_for
from server.tenants.actor import Actor
from server.tenants.db import Db

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_ELEMENT = re.compile(r"[a-z][a-z0-9_]{0,79}")
_SERVICE_CODE = re.compile(r"[0-9A-Z]{5}")


# --- programs -------------------------------------------------------------------------------------------------


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
    check_day(life_of(patient, actor), new.started_on, what="the enrollment", field="started_on")
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
            f"This person is already in {PROGRAMS[new.program]}.",
            "Open that enrollment to change or end it.",
            "program",
        ) from error
    await _remember(db, actor, enrollment, new.started_on, "")
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
        raise Refused("ALREADY_PAUSED", "This enrollment is paused already.", "Resume it, or end it.")
    check_day(life, on, what="the pause", field="on", after_death=True)
    await _check_in_order(db, enrollment, on)

    enrollment.status = "paused"
    await _remember(db, actor, enrollment, on, reason)
    return enrollment


async def resume_enrollment(db: Db, actor: Actor, enrollment_id: UUID, *, on: date) -> Enrollment:
    """Take a paused program up again."""
    enrollment, life = await enrollment_for(db, actor, enrollment_id)
    _check_open(enrollment)
    if enrollment.status != "paused":
        raise Refused("NOT_PAUSED", "This enrollment is not paused, so there is nothing to resume.")
    check_day(life, on, what="the resumption", field="on")
    await _check_in_order(db, enrollment, on)

    enrollment.status = "enrolled"
    await _remember(db, actor, enrollment, on, "")
    return enrollment


async def end_enrollment(db: Db, actor: Actor, enrollment_id: UUID, *, on: date, reason: str) -> Enrollment:
    """Say goodbye, with the reason: goals met, moved away, their wish, their death."""
    enrollment, life = await enrollment_for(db, actor, enrollment_id)
    _check_open(enrollment)
    check_day(life, on, what="the end of the enrollment", field="on", after_death=True)
    await _check_in_order(db, enrollment, on)
    if not reason.strip():
        raise Refused(
            "REASON_NEEDED",
            "An enrollment ends with a reason, so that whoever opens this page next understands.",
            "Write a few words.",
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
            f"This enrollment ended on {written(enrollment.ended_on)}.",
            "Enroll the person again if they wish to come back.",
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
            f"{written(on)} is before this enrollment's last change on {written(newest)}.",
            "Choose that day or a later one.",
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


# --- consent --------------------------------------------------------------------------------------------------


async def record_consent(db: Db, actor: Actor, patient_id: UUID, new: GivenConsent) -> Consent:
    """A yes, spoken or signed. Refused: dated to come or outside their life, nobody named, an unknown wording."""
    actor.require("enrollment.write")
    patient = await patient_for(db, actor, patient_id, permission="enrollment.write")
    check_program(new.program)
    check_given(life_of(patient, actor), new)
    digest = wording_hash(new.program, new.wording_version, new.language)
    if new.practitioner_id is not None:
        await practitioner_for(db, new.practitioner_id)

    return await _append(
        db,
        actor,
        Consent(
            tenant_id=actor.tenant_id,
            id=new_id(),
            patient_id=patient_id,
            program=new.program,
            kind="given",
            method=new.method,
            at=new.at,
            wording_version=new.wording_version,
            wording_hash=digest,
            language=new.language,
            given_by=new.given_by,
            told=list(new.told),
            practitioner_id=new.practitioner_id,
            reason=new.reason,
            made_at=now(),
            made_by=actor.staff_id,
        ),
    )


async def record_refusal(db: Db, actor: Actor, patient_id: UUID, new: SaidNo) -> Consent:
    """A no: a decision, not a failure. Nobody is asked again before the day they chose."""
    actor.require("enrollment.write")
    patient = await patient_for(db, actor, patient_id, permission="enrollment.write")
    check_program(new.program)
    check_no(life_of(patient, actor), new)

    return await _append(
        db,
        actor,
        Consent(
            tenant_id=actor.tenant_id,
            id=new_id(),
            patient_id=patient_id,
            program=new.program,
            kind="refused",
            method="verbal",
            at=new.at,
            given_by=new.given_by,
            told=[],
            reason=new.reason,
            what_would_help=new.what_would_help,
            ask_again_on=new.ask_again_on,
            made_at=now(),
            made_by=actor.staff_id,
        ),
    )


async def revoke_consent(db: Db, actor: Actor, patient_id: UUID, new: TakenBack) -> Consent:
    """Consent taken back, at once or from a later instant. Refused where none was in force."""
    actor.require("enrollment.write")
    # Locked, so that two people hearing the same goodbye do not record it twice.
    patient = await patient_for(db, actor, patient_id, permission="enrollment.write", for_update=True)
    check_program(new.program)
    log = (await consents_of(db, actor, [patient_id])).get(patient_id, [])
    check_taken_back(life_of(patient, actor), new, standing(log, new.program, new.at))

    return await _append(
        db,
        actor,
        Consent(
            tenant_id=actor.tenant_id,
            id=new_id(),
            patient_id=patient_id,
            program=new.program,
            kind="revoked",
            method=new.method,
            at=new.at,
            effective_at=new.effective_at,
            given_by=new.given_by,
            told=[],
            reason=new.reason,
            made_at=now(),
            made_by=actor.staff_id,
        ),
    )


async def strike_consent(db: Db, actor: Actor, consent_id: UUID, *, reason: str) -> Consent:
    """Take back a row that was recorded by mistake: a further row names it and says why; both stay readable."""
    mistaken = await consent_for(db, actor, consent_id)
    if not reason.strip():
        raise Refused(
            "REASON_NEEDED",
            "A row is struck with a reason, because both stay on record.",
            "Write it.",
            "reason",
        )
    if mistaken.struck:
        raise Refused("ALREADY_STRUCK", "This row strikes another one; it does not count by itself.")

    strike = Consent(
        tenant_id=actor.tenant_id,
        id=new_id(),
        patient_id=mistaken.patient_id,
        program=mistaken.program,
        kind=mistaken.kind,
        method=mistaken.method,
        at=mistaken.at,
        effective_at=mistaken.effective_at,
        wording_version=mistaken.wording_version,
        wording_hash=mistaken.wording_hash,
        language=mistaken.language,
        given_by=mistaken.given_by,
        told=list(mistaken.told),
        practitioner_id=mistaken.practitioner_id,
        ask_again_on=mistaken.ask_again_on,
        reason=reason,
        replaces_id=mistaken.id,
        struck=True,
        made_at=now(),
        made_by=actor.staff_id,
    )
    try:
        async with db.begin_nested():
            return await _append(db, actor, strike)
    except IntegrityError as error:
        raise Refused("ALREADY_STRUCK", "This row has been struck already.") from error


async def _append(db: Db, actor: Actor, consent: Consent) -> Consent:
    db.add(consent)
    await db.flush()
    db.note(
        actor, f"consent.{'struck' if consent.struck else consent.kind}", entity="consent", entity_ids=[consent.id],
        patient_ids=[consent.patient_id], effect="write", program=consent.program,
    )  # fmt: skip
    return consent


# --- what payers' rules ask about -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewPractitionerVisit:
    """initiating_for: the program discussed and documented at this visit; empty if none."""

    kind: str
    visited_on: date
    practitioner_id: UUID | None = None
    initiating_for: str = ""
    care_planning_by_practitioner: bool = False


async def record_practitioner_visit(
    db: Db, actor: Actor, patient_id: UUID, new: NewPractitionerVisit
) -> PractitionerVisit:
    """A visit with a practitioner, here or (practitioner_id empty) elsewhere."""
    actor.require("enrollment.write")
    patient = await patient_for(db, actor, patient_id, permission="enrollment.write")
    _check_word(new.kind, VISIT_KINDS, "kind")
    check_day(life_of(patient, actor), new.visited_on, what="the visit", field="visited_on")
    if new.initiating_for:
        check_program(new.initiating_for)
    if new.practitioner_id is not None:
        await practitioner_for(db, new.practitioner_id, billing=False)

    visit = PractitionerVisit(
        tenant_id=actor.tenant_id,
        id=new_id(),
        patient_id=patient_id,
        kind=new.kind,
        visited_on=new.visited_on,
        practitioner_id=new.practitioner_id,
        initiating_for=new.initiating_for,
        care_planning_by_practitioner=new.care_planning_by_practitioner,
        withdrawn_reason="",
        made_at=now(),
        made_by=actor.staff_id,
    )
    db.add(visit)
    await db.flush()
    return visit


async def withdraw_practitioner_visit(
    db: Db, actor: Actor, visit_id: UUID, *, reason: str
) -> PractitionerVisit:
    """Take back a visit recorded by mistake; it stays in the list and says so."""
    visit = await practitioner_visit_for(db, actor, visit_id)
    _withdraw(visit, actor, reason)
    await db.flush()
    return visit


async def record_decision_level(
    db: Db, actor: Actor, patient_id: UUID, *, program: str, month: str, level: str
) -> DecisionLevel:
    """How hard the month's medical decisions were, as the practitioner judged. A later judgement adds a row."""
    actor.require("enrollment.write")
    patient = await patient_for(db, actor, patient_id, permission="enrollment.write")
    check_program(program)
    _check_word(level, LEVELS, "level")
    if not _MONTH.fullmatch(month):
        raise Refused("MONTH_FORM", f"“{month}” is not a month.", "Write it like 2026-11.", "month")
    check_day(life_of(patient, actor), date.fromisoformat(f"{month}-01"), what="the month", field="month")

    judged = DecisionLevel(
        tenant_id=actor.tenant_id,
        id=new_id(),
        patient_id=patient_id,
        program=program,
        month=month,
        level=level,
        made_at=now(),
        made_by=actor.staff_id,
    )
    db.add(judged)
    await db.flush()
    return judged


async def record_other_service(
    db: Db,
    actor: Actor,
    patient_id: UUID,
    *,
    code: str,
    on_date: date,
    practitioner_id: UUID | None,
    note: str,
) -> OtherService:
    """A service billed outside the program, by us or (practitioner_id empty) by somebody else."""
    actor.require("enrollment.write")
    patient = await patient_for(db, actor, patient_id, permission="enrollment.write")
    code = code.strip().upper()
    if not _SERVICE_CODE.fullmatch(code):
        raise Refused(
            "SERVICE_CODE_FORM",
            f"“{code[:20]}” is not a procedure code; one has five digits or letters.",
            "Copy it from the claim or the other office's note.",
            "code",
        )
    check_day(life_of(patient, actor), on_date, what="the service", field="on_date")
    if practitioner_id is not None:
        await practitioner_for(db, practitioner_id, billing=False)

    other = OtherService(
        tenant_id=actor.tenant_id,
        id=new_id(),
        patient_id=patient_id,
        code=code,
        on_date=on_date,
        practitioner_id=practitioner_id,
        note=note,
        withdrawn_reason="",
        made_at=now(),
        made_by=actor.staff_id,
    )
    db.add(other)
    await db.flush()
    return other


async def withdraw_other_service(db: Db, actor: Actor, service_id: UUID, *, reason: str) -> OtherService:
    """Take back a service recorded by mistake; it stays in the list and says so."""
    other = await other_service_for(db, actor, service_id)
    _withdraw(other, actor, reason)
    await db.flush()
    return other


async def attest(
    db: Db,
    actor: Actor,
    *,
    element: str,
    met: bool,
    on_date: date,
    note: str = "",
    patient_id: UUID | None = None,
) -> Attestation:
    """Record that an element a program asks for is, or is not, in place: for a patient, or for the practice."""
    actor.require("enrollment.write")
    if not _ELEMENT.fullmatch(element):
        raise Refused(
            "ELEMENT_UNKNOWN",
            f"“{element[:40]}” is not the name of an element.",
            "Choose one that a payer's rules ask for.",
            "element",
        )
    if patient_id is not None:
        patient = await patient_for(db, actor, patient_id, permission="enrollment.write")
        check_day(life_of(patient, actor), on_date, what="the statement", field="on_date")
    elif on_date > local_day(now(), actor.zone):
        raise Refused(
            "DATED_IN_FUTURE",
            f"The statement is dated {written(on_date)}, which has not come yet.",
            "Check the date, or come back on that day.",
            "on_date",
        )

    attested = Attestation(
        tenant_id=actor.tenant_id,
        id=new_id(),
        patient_id=patient_id,
        element=element,
        met=met,
        on_date=on_date,
        note=note,
        made_at=now(),
        made_by=actor.staff_id,
    )
    db.add(attested)
    await db.flush()
    db.note(
        actor, "enrollment.attest", entity="attestation", entity_ids=[attested.id],
        patient_ids=[patient_id] if patient_id else (), effect="write", element=element, met=met,
    )  # fmt: skip
    return attested


def _withdraw(record: PractitionerVisit | OtherService, actor: Actor, reason: str) -> None:
    if record.withdrawn_at is not None:
        raise Refused("ALREADY_WITHDRAWN", "This has been taken back already.")
    if not reason.strip():
        raise Refused(
            "REASON_NEEDED",
            "It is taken back with a reason, because it stays on record.",
            "Write it.",
            "reason",
        )
    record.withdrawn_at = now()
    record.withdrawn_by = actor.staff_id
    record.withdrawn_reason = reason


def _check_word(word: str, words: dict[str, str], field: str) -> None:
    if word not in words:
        raise Refused(
            "NOT_A_CHOICE",
            f"“{word[:40]}” is not among the choices.",
            f"Choose one of {', '.join(words)}.",
            field,
        )
