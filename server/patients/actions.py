"""What people in a practice do about a person: register them, mend their details."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.exc import IntegrityError

from server.clock import now, today
from server.dates import dated
from server.errors import Refused
from server.ids import new_id
from server.patients.comparing import ask_to_compare
from server.patients.record_numbers import next_record_numbers
from server.patients.search import fold
from server.patients.tables import Patient
from server.patients.words import index_words
from server.tenants.actor import Actor
from server.tenants.agreements import require_open
from server.tenants.db import Db
from server.words import say


@dataclass(frozen=True, slots=True)
class NewPatient:
    """What is needed to register someone. An empty record number asks us to give one."""

    family_name: str
    given_names: str
    birth_date: date
    preferred_name: str = ""
    record_number: str = ""
    sex: str = ""
    language: str = ""
    interpreter_needed: bool = False


async def register_patient(db: Db, actor: Actor, new: NewPatient) -> Patient:
    """Add a person to the practice. Refused: a birth date to come, a record number already used here."""
    actor.require("patients.write")
    await require_open(db, actor)
    if new.birth_date > today(actor.zone):
        raise Refused(
            "BORN_IN_FUTURE",
            say("The birth date %(birth_date)s has not come yet.", birth_date=dated(new.birth_date)),
            say("Check the year."),
            field="birth_date",
        )
    patient = Patient(
        tenant_id=actor.tenant_id,
        id=new_id(),
        record_number=new.record_number or (await next_record_numbers(db, actor, [""]))[0],
        family_name=new.family_name,
        given_names=new.given_names,
        preferred_name=new.preferred_name,
        family_key=fold(new.family_name),
        given_key=fold(new.given_names),
        birth_date=new.birth_date,
        sex=new.sex,
        language=new.language,
        interpreter_needed=new.interpreter_needed,
        source="here",
        made_at=now(),
        made_by=actor.staff_id,
    )
    try:
        async with db.begin_nested():
            db.add(patient)
            await db.flush()
            await index_words(db, [patient.id])
    except IntegrityError as error:
        raise Refused(
            "RECORD_NUMBER_TAKEN",
            say(
                "Record number %(record_number)s already belongs to someone in this practice.",
                record_number=new.record_number,
            ),
            say("Find that person first; if it is somebody else, leave the number empty and one is given."),
            field="record_number",
        ) from error
    await ask_to_compare(db, actor, [patient.id])
    db.note(
        actor,
        "patients.register",
        entity="patient",
        entity_ids=[patient.id],
        patient_ids=[patient.id],
        effect="write",
    )
    return patient
