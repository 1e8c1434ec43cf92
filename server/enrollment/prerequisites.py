"""What payers' rules ask about: visits with a practitioner, judgements, services billed elsewhere, statements."""

import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from carewright_plugin_api.facts import local_day

from server.clock import now
from server.enrollment.days import check_day, written
from server.enrollment.gate import (
    check_program,
    life_of,
    other_service_for,
    practitioner_for,
    practitioner_visit_for,
)
from server.enrollment.tables import (
    LEVELS,
    VISIT_KINDS,
    Attestation,
    DecisionLevel,
    OtherService,
    PractitionerVisit,
)
from server.errors import Refused, check_choice
from server.ids import new_id
from server.patients.gate import patient_for
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_ELEMENT = re.compile(r"[a-z][a-z0-9_]{0,79}")
_SERVICE_CODE = re.compile(r"[0-9A-Z]{5}")


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
    check_choice(new.kind, VISIT_KINDS, "kind")
    check_day(life_of(patient, actor), new.visited_on, what=say("The visit"), field="visited_on")
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
    check_choice(level, LEVELS, "level")
    if not _MONTH.fullmatch(month):
        raise Refused(
            "MONTH_FORM",
            say("“%(month)s” is not a month.", month=month),
            say("Write it like 2026-11."),
            "month",
        )
    check_day(
        life_of(patient, actor), date.fromisoformat(f"{month}-01"), what=say("The month"), field="month"
    )

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
            say("“%(code)s” is not a procedure code; one has five digits or letters.", code=code[:20]),
            say("Copy it from the claim or the other office's note."),
            "code",
        )
    check_day(life_of(patient, actor), on_date, what=say("The service"), field="on_date")
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
            say("“%(element)s” is not the name of an element.", element=element[:40]),
            say("Choose one that a payer's rules ask for."),
            "element",
        )
    if patient_id is not None:
        patient = await patient_for(db, actor, patient_id, permission="enrollment.write")
        check_day(life_of(patient, actor), on_date, what=say("The statement"), field="on_date")
    elif on_date > local_day(now(), actor.zone):
        raise Refused(
            "DATED_IN_FUTURE",
            say("The statement is dated %(on_date)s, which has not come yet.", on_date=written(on_date)),
            say("Check the date, or come back on that day."),
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
        raise Refused("ALREADY_WITHDRAWN", say("This has been taken back already."))
    if not reason.strip():
        raise Refused(
            "REASON_NEEDED",
            say("It is taken back with a reason, because it stays on record."),
            say("Write it."),
            "reason",
        )
    record.withdrawn_at = now()
    record.withdrawn_by = actor.staff_id
    record.withdrawn_reason = reason
