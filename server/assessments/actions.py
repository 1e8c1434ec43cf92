"""What people do with instruments: write down what somebody answered, correct it by answering anew, take it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from server.assessments import library
from server.assessments.gate import assessment_for
from server.assessments.instrument import Answer, Instrument
from server.assessments.queries import answers_of
from server.assessments.scoring import Scored, check_answers, concerns, scores
from server.assessments.tables import (
    ANSWERED_BY,
    FACE_TO_FACE,
    MODES,
    Assessment,
    AssessmentAnswer,
    AssessmentScore,
    SafetyConcern,
)
from server.clock import now
from server.enrollment.days import check_instant
from server.enrollment.gate import life_of
from server.errors import Refused
from server.ids import new_id
from server.patients.gate import patient_for
from server.patients.records import of_people
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say


@dataclass(frozen=True, slots=True)
class NewAssessment:
    """What somebody answered. version: of the instrument, as the one who asked had it before them. corrects: an earlier
    one that this replaces, and then `reason` says why. note: what they said about it, in their own words."""

    instrument: str
    version: str
    at: datetime
    answers: tuple[Answer, ...]
    mode: str = "in_person"
    answered_by: str = "patient"
    note: str = ""
    mode_reason: str = ""
    corrects: UUID | None = None
    reason: str = ""


async def record_assessment(db: Db, actor: Actor, patient_id: UUID, new: NewAssessment) -> Assessment:
    """Kept as answered, with its scores. An answer that is a worry about safety opens one, in this transaction."""
    actor.require("assessments.write")
    # Locked: a correction of what somebody else is correcting waits, and is told.
    patient = await patient_for(db, actor, patient_id, permission="assessments.write", for_update=True)
    instrument = answered_now(new.instrument, new.version)
    check_choice(new.mode, MODES, "mode")
    check_choice(new.answered_by, ANSWERED_BY, "answered_by")
    check_instant(life_of(patient, actor), new.at, what=say("The assessment"), field="at")
    earlier = await _to_correct(db, actor, patient_id, new) if new.corrects else None
    if instrument.in_person and new.mode not in FACE_TO_FACE and not new.mode_reason.strip():
        await _check_first(db, patient_id, instrument)

    answers = check_answers(instrument, new.answers)
    told = scores(instrument, answers)
    worries = concerns(instrument, answers)

    row = Assessment(
        tenant_id=actor.tenant_id,
        id=new_id(),
        # Beside what it corrects, should two records of one person be taken apart again.
        patient_id=earlier.patient_id if earlier else patient_id,
        instrument=instrument.key,
        version=instrument.version,
        language=instrument.language,
        at=new.at,
        mode=new.mode,
        mode_reason=new.mode_reason,
        answered_by=new.answered_by,
        state=state_of(told),
        note=new.note,
        corrects_id=earlier.id if earlier else None,
        reason=new.reason,
        made_at=now(),
        made_by=actor.staff_id,
    )
    db.add(row)
    await db.flush()
    db.add_all(
        AssessmentAnswer(
            tenant_id=actor.tenant_id, id=new_id(), assessment_id=row.id, item=one.item, codes=list(one.codes),
            number=one.number, text=one.text,
        )
        for one in answers.values()
    )  # fmt: skip
    db.add_all(
        AssessmentScore(
            tenant_id=actor.tenant_id, id=new_id(), assessment_id=row.id, key=one.key, value=one.value, band=one.band
        )
        for one in told
        if one.value is not None
    )  # fmt: skip
    before = await _worries_before(db, actor, earlier) if earlier and worries else set()
    db.add_all(
        SafetyConcern(
            tenant_id=actor.tenant_id, id=new_id(), patient_id=row.patient_id, domain=one.domain,
            assessment_id=row.id, made_at=row.made_at, made_by=actor.staff_id,
        )
        for one in worries
        if one.domain not in before
    )  # fmt: skip
    await db.flush()
    db.note(
        actor, "assessments.record", entity="assessment", entity_ids=[row.id], patient_ids=[patient_id],
        effect="write",
    )  # fmt: skip
    return row


async def take_back_assessment(db: Db, actor: Actor, assessment_id: UUID, *, reason: str) -> Assessment:
    """It was not so, or not this person: a further row says so and why, and what was written stays readable. A worry
    about safety that it opened stays open until somebody closes it in words."""
    actor.require("assessments.write")
    earlier, patient = await assessment_for(
        db, actor, assessment_id, permission="assessments.write", for_update=True
    )
    await _check_stands(db, earlier)
    _check_reason(reason)
    row = Assessment(
        tenant_id=actor.tenant_id,
        id=new_id(),
        patient_id=earlier.patient_id,  # beside it, as a correction
        instrument=earlier.instrument,
        version=earlier.version,
        language=earlier.language,
        at=earlier.at,
        mode=earlier.mode,
        answered_by=earlier.answered_by,
        state="taken_back",
        corrects_id=earlier.id,
        reason=reason,
        made_at=now(),
        made_by=actor.staff_id,
    )
    db.add(row)
    await db.flush()
    db.note(
        actor, "assessments.take_back", entity="assessment", entity_ids=[row.id, earlier.id],
        patient_ids=[patient.id], effect="write",
    )  # fmt: skip
    return row


def answered_now(key: str, version: str) -> Instrument:
    """The instrument, if that is the version answered today."""
    instrument = library.newest().get(key)
    if instrument is None:
        raise Refused(
            "INSTRUMENT_UNKNOWN",
            say("There is no instrument “%(key)s” here.", key=key[:40]),
            say("Choose one of %(keys)s.", keys=", ".join(library.newest())),
            "instrument",
        )
    if instrument.version != version:
        raise Refused(
            "INSTRUMENT_MOVED_ON",
            say(
                "These answers were given to version %(version)s of %(title)s; version %(newest)s is the one that is "
                "asked now, and the same answer may count differently in it.",
                version=version[:20] or "?",
                title=instrument.title,
                newest=instrument.version,
            ),
            say("Open %(title)s again and go through the answers once more.", title=instrument.title),
            "version",
        )
    return instrument


def state_of(told: Sequence[Scored]) -> str:
    """Whether every score could be told."""
    return "partly" if any(one.value is None for one in told) else "answered"


def check_choice(value: str, choices: Mapping[str, str], field: str) -> None:
    if value not in choices:
        raise Refused(
            "NOT_A_CHOICE",
            say("“%(value)s” is not among the choices.", value=value[:40]),
            say("Choose one of %(choices)s.", choices=", ".join(choices)),
            field,
        )


async def _to_correct(db: Db, actor: Actor, patient_id: UUID, new: NewAssessment) -> Assessment:
    assert new.corrects is not None
    earlier, patient = await assessment_for(db, actor, new.corrects, permission="assessments.write")
    if patient.id != patient_id or earlier.instrument != new.instrument:
        raise Refused(
            "CORRECTS_ANOTHER",
            say("What is to be corrected is about somebody or something else."),
            say("Open the assessment that is wrong, and correct it from there."),
            "corrects_id",
        )
    await _check_stands(db, earlier)
    _check_reason(new.reason)
    return earlier


async def _check_stands(db: Db, earlier: Assessment) -> None:
    later = await db.scalar(select(Assessment.id).where(Assessment.corrects_id == earlier.id))
    if later is not None or earlier.state == "taken_back":
        raise Refused(
            "ALREADY_CORRECTED",
            say("This was corrected or taken back already; another row stands in its place."),
            say("Open the newest one, and correct that if it is wrong too."),
            "corrects_id",
        )


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise Refused(
            "REASON_NEEDED",
            say("What was written stays readable, so whoever reads it will ask why it changed."),
            say("Write a few words: what was wrong."),
            "reason",
        )


async def _check_first(db: Db, patient_id: UUID, instrument: Instrument) -> None:
    before = await db.scalar(
        select(Assessment.id)
        .where(of_people(Assessment.patient_id, [patient_id]), Assessment.instrument == instrument.key)
        .limit(1)
    )
    if before is None:
        raise Refused(
            "WHY_NOT_IN_PERSON",
            say(
                "The first time, %(title)s is asked face to face, because so much is seen.",
                title=instrument.title,
            ),
            say("Write why it could not be, such as: bed-bound. That is enough."),
            "mode_reason",
        )


async def _worries_before(db: Db, actor: Actor, earlier: Assessment) -> set[str]:
    """What the corrected answers were a worry about already: it was opened with them, or with those that they correct."""
    instrument = library.known(earlier.instrument, earlier.version)
    if instrument is None:
        return set()
    answers = (await answers_of(db, actor, [earlier.id])).get(earlier.id, [])
    return {one.domain for one in concerns(instrument, {answer.item: answer for answer in answers})}
