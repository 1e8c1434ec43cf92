"""People, over GraphQL."""

from datetime import date
from uuid import UUID

import strawberry

from server.graphql.connections import (
    After,
    Connection,
    First,
    Node,
    Ordering,
    global_id,
    node_kind,
    page_from_rows,
    rows_to_fetch,
)
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line
from server.patients.actions import NewPatient, register_patient
from server.patients.gate import patient_for
from server.patients.queries import PatientRow, find_patients
from server.patients.search import Sought, sought
from server.patients.tables import Patient as PatientTable
from server.tenants.db import tenant_db

BY_NAME = Ordering("patients.by_name", str, str, UUID)


@strawberry.type(description="Someone the practice cares for.")
class Patient(Node):
    key: strawberry.Private[UUID]
    record_number: str
    family_name: str
    given_names: str
    preferred_name: str = strawberry.field(description="What to call them; may be empty.")
    birth_date: date
    language: str
    interpreter_needed: bool
    deceased_on: date | None

    @classmethod
    def of(cls, row: PatientRow | PatientTable) -> "Patient":
        return cls(
            id=global_id("Patient", row.id),
            key=row.id,
            record_number=row.record_number,
            family_name=row.family_name,
            given_names=row.given_names,
            preferred_name=row.preferred_name,
            birth_date=row.birth_date,
            language=row.language,
            interpreter_needed=row.interpreter_needed,
            deceased_on=row.deceased_on,
        )


@strawberry.input
class RegisterPatientInput:
    family_name: Line
    given_names: Line
    birth_date: date
    preferred_name: Line | None = None
    record_number: Line | None = strawberry.field(default=None, description="Left out, one is given.")
    sex: Line | None = None
    language: Line | None = strawberry.field(default=None, description="BCP 47, such as en or es-MX.")
    interpreter_needed: bool = False


async def _load(info: Info, id: UUID) -> Patient:
    async with tenant_db(actor_of(info), read_only=True) as db:
        return Patient.of(await patient_for(db, actor_of(info), id))


node_kind("Patient", permission="patients.read", loader=_load)


@strawberry.type
class PatientsQuery:
    @field(
        permission="patients.find",
        description="People by name, birth date, last digits of a phone, or record number; all of them without `find`.",
    )
    async def patients(
        self, info: Info, find: Line | None = None, first: First = 50, after: After = None
    ) -> Connection[Patient]:
        actor = actor_of(info)
        cursors = BY_NAME.within(actor.tenant_id)
        async with tenant_db(actor, read_only=True) as db:
            rows = await find_patients(
                db,
                actor,
                sought(find) if find else Sought(),
                limit=rows_to_fetch(first),
                position=cursors.read(after),
            )
        return page_from_rows(
            rows,
            first,
            cursor_of=lambda row: cursors.write(row.family_key, row.given_key, row.id),
            node_of=Patient.of,
            after=after,
        )


@strawberry.type
class PatientsMutation:
    @mutation(permission="patients.write", description="Add a person to the practice.")
    async def register_patient(self, info: Info, input: RegisterPatientInput) -> Patient:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            patient = await register_patient(
                db,
                actor,
                NewPatient(
                    family_name=input.family_name,
                    given_names=input.given_names,
                    birth_date=input.birth_date,
                    preferred_name=input.preferred_name or "",
                    record_number=input.record_number or "",
                    sex=input.sex or "",
                    language=input.language or "",
                    interpreter_needed=input.interpreter_needed,
                ),
            )
        return Patient.of(patient)
