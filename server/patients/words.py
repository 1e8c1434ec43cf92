"""Keeps the index behind find-as-you-type: every word of every name, folded."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.orm import aliased

from server.ids import new_id
from server.patients.search import words_of
from server.patients.tables import Patient, PatientWord
from server.tenants.db import Db


async def index_words(db: Db, patient_ids: Collection[UUID]) -> None:
    """Make the words of these people what their names now are; a record that was joined with another stands for the
    person. Three statements however many they are."""
    if not patient_ids:
        return
    ids = list(patient_ids)
    given_id = aliased(Patient)
    people = select(func.coalesce(given_id.merged_into, given_id.id)).where(given_id.id.in_(ids))
    names: Any = await db.execute(
        select(
            Patient.tenant_id,
            func.coalesce(Patient.merged_into, Patient.id),
            Patient.family_name,
            Patient.given_names,
            Patient.preferred_name,
        ).where(or_(Patient.id.in_(people), Patient.merged_into.in_(people)))
    )
    names = names.all()
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
