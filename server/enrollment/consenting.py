"""What people do about consent: record a yes or a no, take it back, strike a row recorded by mistake."""

from typing import Any
from uuid import UUID

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
from server.enrollment.gate import (
    check_program,
    consent_for,
    life_of,
    practitioner_for,
)
from server.enrollment.queries import consents_of
from server.enrollment.referring import decided_not_to
from server.enrollment.tables import (
    Consent,
)
from server.enrollment.wording import wording_hash
from server.errors import Refused
from server.ids import new_id
from server.patients.gate import patient_for
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say


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
        _row(
            actor, patient_id, new, kind="given", method=new.method, wording_version=new.wording_version,
            wording_hash=digest, language=new.language, told=list(new.told), practitioner_id=new.practitioner_id,
        ),
    )  # fmt: skip


async def record_refusal(db: Db, actor: Actor, patient_id: UUID, new: SaidNo) -> Consent:
    """A no: a decision, not a failure. Nobody is asked again before the day they chose."""
    actor.require("enrollment.write")
    patient = await patient_for(db, actor, patient_id, permission="enrollment.write")
    check_program(new.program)
    check_no(life_of(patient, actor), new)

    await decided_not_to(
        db, actor, patient_id, reason=new.reason, what_would_help=new.what_would_help, ask_again_on=new.ask_again_on
    )  # fmt: skip
    return await _append(
        db,
        actor,
        _row(
            actor, patient_id, new, kind="refused", method="verbal", told=[], what_would_help=new.what_would_help,
            ask_again_on=new.ask_again_on,
        ),
    )  # fmt: skip


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
        _row(
            actor, patient_id, new, kind="revoked", method=new.method, effective_at=new.effective_at, told=[]
        ),
    )


async def strike_consent(db: Db, actor: Actor, consent_id: UUID, *, reason: str) -> Consent:
    """Take back a row that was recorded by mistake: a further row names it and says why; both stay readable."""
    mistaken = await consent_for(db, actor, consent_id)
    if not reason.strip():
        raise Refused(
            "REASON_NEEDED",
            say("A row is struck with a reason, because both stay on record."),
            say("Write it."),
            "reason",
        )
    if mistaken.struck:
        raise Refused("ALREADY_STRUCK", say("This row strikes another one; it does not count by itself."))

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
        raise Refused("ALREADY_STRUCK", say("This row has been struck already.")) from error


def _row(actor: Actor, patient_id: UUID, new: GivenConsent | SaidNo | TakenBack, **values: Any) -> Consent:
    """What every row of the log has in common, and what only this kind says."""
    return Consent(
        tenant_id=actor.tenant_id,
        id=new_id(),
        patient_id=patient_id,
        program=new.program,
        at=new.at,
        given_by=new.given_by,
        reason=new.reason,
        made_at=now(),
        made_by=actor.staff_id,
        **values,
    )


async def _append(db: Db, actor: Actor, consent: Consent) -> Consent:
    db.add(consent)
    await db.flush()
    db.note(
        actor, f"consent.{'struck' if consent.struck else consent.kind}", entity="consent", entity_ids=[consent.id],
        patient_ids=[consent.patient_id], effect="write", program=consent.program,
    )  # fmt: skip
    return consent
