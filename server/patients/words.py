"""Keeps the index behind find-as-you-type: every word of every name, folded."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select

from server.ids import new_id
from server.lookups import for_each
from server.patients.search import words_of
from server.patients.tables import Patient, PatientWord
from server.tenants.db import Db


async def index_words(db: Db, patient_ids: Collection[UUID]) -> None:
    """Make the words of these people what their names now are; a record that was joined with another stands for the
    person. Five statements however many they are."""
    if not patient_ids:
        return
    ids = list(patient_ids)
    person = func.coalesce(Patient.merged_into, Patient.id)
    people = list(await db.scalars(for_each(select(person), Patient.id, ids)))
    record = select(
        Patient.tenant_id, person, Patient.family_name, Patient.given_names, Patient.preferred_name
    )
    names: list[Any] = [
        row
        for key in (Patient.id, Patient.merged_into)
        for row in await db.execute(for_each(record, key, people))
    ]
    # A person is found by the names of each record that was joined with theirs, too.
    found = {(tenant_id, id, word) for tenant_id, id, *given in names for word in words_of(*given)}
    rows = [
        {"tenant_id": tenant_id, "id": new_id(), "patient_id": id, "word": word}
        for tenant_id, id, word in sorted(found)
    ]
    whose = {*ids, *(id for _, id, *_ in names)}
    await db.execute(delete(PatientWord).where(PatientWord.patient_id.in_(whose)))
    if rows:
        await db.execute(insert(PatientWord), rows)
