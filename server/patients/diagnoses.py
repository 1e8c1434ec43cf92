"""The ICD-10-CM codes a person chose for a patient's claims, and finding them. Imported codes are only hints."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError

from server.clock import now, today
from server.dates import dated
from server.errors import Refused, not_found
from server.ids import new_id
from server.patients.gate import patient_for
from server.patients.search import after, fold
from server.patients.tables import Diagnosis
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import DiagnosisCode
from server.words import say


@dataclass(frozen=True, slots=True)
class CodeRow:
    """One code of the public set. billable: specific enough for a claim."""

    code: str
    label: str
    billable: bool


async def find_codes(db: Db, actor: Actor, typed: str, *, limit: int = 20) -> list[CodeRow]:
    """Codes that start with what was typed, or whose words contain all of it."""
    actor.require("diagnoses.write")
    code = typed.strip().upper()
    words = fold(typed).split()[:6]
    if len(code) < 2 or not words:
        return []
    by_words = [DiagnosisCode.search_key.contains(word, autoescape=True) for word in words]
    matching = or_(
        (DiagnosisCode.code >= code) & (DiagnosisCode.code < after(code)),
        (DiagnosisCode.code >= code.replace(".", "")) & (DiagnosisCode.code < after(code.replace(".", ""))),
        *([by_words[0]] if len(by_words) == 1 else []),
    )
    if len(by_words) > 1:
        condition = by_words[0]
        for more in by_words[1:]:
            condition &= more
        matching = or_(matching, condition)
    rows = await db.execute(
        select(DiagnosisCode.code, DiagnosisCode.label, DiagnosisCode.billable)
        .where(matching)
        .order_by(DiagnosisCode.billable.desc(), DiagnosisCode.code)
        .limit(limit)
    )
    return [CodeRow(*row) for row in rows]


async def choose_diagnosis(
    db: Db, actor: Actor, patient_id: UUID, *, code: str, chronic: bool, from_on: date | None = None
) -> Diagnosis:
    """Choose a code for this person's claims. chronic: expected to last a year or for life, with real risk."""
    actor.require("diagnoses.write")
    await patient_for(db, actor, patient_id)
    found = (
        await db.execute(select(DiagnosisCode).where(DiagnosisCode.code == code.strip().upper()))
    ).scalar_one_or_none()
    if found is None:
        raise Refused(
            "UNKNOWN_CODE",
            say("%(code)s is not an ICD-10-CM code.", code=code[:12]),
            say("Find it by its words, such as heart failure."),
            "code",
        )
    if not found.billable:
        raise Refused(
            "CODE_TOO_WIDE",
            say(
                "%(code)s (%(label)s) is a heading; claims need one of the codes below it.",
                code=found.code,
                label=found.label,
            ),
            say("Type %(code)s in the search and choose a longer code.", code=found.code),
            "code",
        )
    on = from_on or today(actor.zone)
    if on > today(actor.zone):
        raise Refused(
            "DATE_TO_COME",
            say("%(day)s has not come yet.", day=dated(on)),
            say("Check the date."),
            "from_on",
        )
    diagnosis = Diagnosis(
        tenant_id=actor.tenant_id, id=new_id(), patient_id=patient_id, code=found.code, label=found.label,
        chronic=chronic, from_on=on, made_at=now(), made_by=actor.staff_id,
    )  # fmt: skip
    try:
        async with db.begin_nested():
            db.add(diagnosis)
    except IntegrityError as error:
        raise Refused(
            "ALREADY_CHOSEN",
            say("%(code)s is already on this person's list.", code=found.code),
            say("End it first to change it."),
            "code",
        ) from error
    db.note(
        actor, "patients.choose_diagnosis", entity="diagnosis", entity_ids=[diagnosis.id], patient_ids=[patient_id],
        effect="write",
    )  # fmt: skip
    return diagnosis


async def end_diagnosis(db: Db, actor: Actor, patient_id: UUID, diagnosis_id: UUID) -> None:
    """Its last day is today; earlier months keep it."""
    actor.require("diagnoses.write")
    await patient_for(db, actor, patient_id)
    ended = await db.execute(
        update(Diagnosis)
        .where(Diagnosis.id == diagnosis_id, Diagnosis.patient_id == patient_id, Diagnosis.to_on.is_(None))
        .values(to_on=today(actor.zone))
        .returning(Diagnosis.id)
    )
    if ended.scalar_one_or_none() is None:
        raise not_found("diagnosis")
    db.note(
        actor, "patients.end_diagnosis", entity="diagnosis", entity_ids=[diagnosis_id], patient_ids=[patient_id],
        effect="write",
    )  # fmt: skip
