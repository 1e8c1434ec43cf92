"""People, over GraphQL."""

from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import date
from typing import Any
from uuid import UUID

import strawberry

from server.graphql.assessments import AssessmentsOfPatient
from server.graphql.connections import (
    After,
    Connection,
    First,
    Node,
    Ordering,
    global_id,
    id_of,
    node_kind,
    page_from_rows,
    rows_to_fetch,
)
from server.graphql.consents import ConsentsOfPatient
from server.graphql.context import Info, actor_of, batch
from server.graphql.drafts import DraftsOfPatient
from server.graphql.encounters import EncountersOfPatient
from server.graphql.enrollment import EnrollmentOfPatient
from server.graphql.minutes import MinutesOfPatient
from server.graphql.people import (
    Address,
    CareTeamMember,
    ChartFact,
    ChartKind,
    ContactWay,
    Coverage,
    Diagnosis,
    DiagnosisCode,
    PatientDetails,
    Story,
    SupportPerson,
)
from server.graphql.plans import PlansOfPatient
from server.graphql.prerequisites import PrerequisitesOfPatient
from server.graphql.referrals import ReferralsOfPatient
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, LongText, ShortText, Text
from server.graphql.tasks import TasksOfPatient
from server.patients import chart
from server.patients.actions import NewPatient, register_patient
from server.patients.coverages import Subscriber, add_coverage, change_subscriber, end_coverage
from server.patients.details import (
    PatientChanges,
    add_care_team_member,
    add_contact_way,
    add_support_person,
    change_patient,
    details_of,
    end_care_team_member,
    end_contact_way,
    end_support_person,
    set_address,
)
from server.patients.diagnoses import choose_diagnosis, end_diagnosis, find_codes
from server.patients.gate import patient_for
from server.patients.queries import PatientRow, find_patients
from server.patients.search import Sought, sought
from server.patients.story import save_story
from server.patients.tables import Patient as PatientTable
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db

BY_NAME = Ordering("patients.by_name", str, str, UUID)

for _name, _batch in (
    ("patients.details", details_of),
    ("patients.contact_ways", chart.contact_ways),
    ("patients.addresses", chart.addresses),
    ("patients.supports", chart.supports),
    ("patients.care_team", chart.care_team),
    ("patients.coverages", chart.coverages),
    ("patients.diagnoses", chart.diagnoses),
    ("chart.condition", chart.conditions),
    ("chart.medication", chart.medications),
    ("chart.allergy", chart.allergies),
    ("chart.observation", chart.latest_results),
    ("chart.visit", chart.visits),
    ("chart.procedure", chart.procedures),
    ("chart.stay", chart.stays),
):
    batch(_name, _batch)
batch("patients.story", chart.stories, empty=lambda: None)


@strawberry.type(description="Someone the practice cares for.")
class Patient(
    Node,
    EnrollmentOfPatient,
    ConsentsOfPatient,
    PrerequisitesOfPatient,
    ReferralsOfPatient,
    PlansOfPatient,
    AssessmentsOfPatient,
    EncountersOfPatient,
    DraftsOfPatient,
    MinutesOfPatient,
    TasksOfPatient,
):
    key: strawberry.Private[UUID]
    record_number: str
    family_name: str
    given_names: str
    preferred_name: str = strawberry.field(description="What to call them; may be empty.")
    birth_date: date
    language: str = strawberry.field(description="BCP 47, such as en or es.")
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

    @strawberry.field(description="Sex, gender, origin and how this person is best reached.")
    async def details(self, info: Info) -> PatientDetails:
        return PatientDetails.of(await info.context.load("patients.details", self.key))

    @strawberry.field(description="What matters to this person, and their story; null until somebody asked.")
    async def story(self, info: Info) -> Story | None:
        row: chart.StoryRow | None = await info.context.load("patients.story", self.key)
        return None if row is None else Story.of(row)

    @strawberry.field
    async def contact_ways(self, info: Info) -> list[ContactWay]:
        return [ContactWay.of(row) for row in await info.context.load("patients.contact_ways", self.key)]

    @strawberry.field
    async def addresses(self, info: Info) -> list[Address]:
        return [Address.of(row) for row in await info.context.load("patients.addresses", self.key)]

    @strawberry.field(description="Family, friends, neighbours and paid helpers.")
    async def supports(self, info: Info) -> list[SupportPerson]:
        return [SupportPerson.of(row) for row in await info.context.load("patients.supports", self.key)]

    @strawberry.field
    async def care_team(self, info: Info) -> list[CareTeamMember]:
        return [CareTeamMember.of(row) for row in await info.context.load("patients.care_team", self.key)]

    @strawberry.field
    async def coverages(self, info: Info) -> list[Coverage]:
        return [Coverage.of(row) for row in await info.context.load("patients.coverages", self.key)]

    @strawberry.field(description="ICD-10-CM codes a person chose for this patient's claims.")
    async def diagnoses(self, info: Info) -> list[Diagnosis]:
        return [Diagnosis.of(row) for row in await info.context.load("patients.diagnoses", self.key)]

    @strawberry.field(description="Facts of the chart of one kind, at most 200.")
    async def chart(self, info: Info, kind: ChartKind) -> list[ChartFact]:
        return [ChartFact.of(row) for row in await info.context.load(f"chart.{kind.value}", self.key)]


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
        # An id from before two records were joined leads on to the one that stayed.
        return Patient.of(await patient_for(db, actor_of(info), id, by_row=True))


node_kind("Patient", permission="patients.read", loader=_load)


@strawberry.type
class PatientsQuery:
    @field(permission="diagnoses.write", description="ICD-10-CM codes by the start of the code or by words.")
    async def diagnosis_codes(self, info: Info, find: Line) -> list[DiagnosisCode]:
        async with tenant_db(actor_of(info), read_only=True) as db:
            return [DiagnosisCode.of(row) for row in await find_codes(db, actor_of(info), find)]

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


@strawberry.input(description="What is left out stays as it is.")
class ChangePatientInput:
    patient_id: strawberry.ID
    revision: int | None = strawberry.field(
        default=None, description="What you saw; refused if someone saved since."
    )
    family_name: Line | None = None
    given_names: Line | None = None
    preferred_name: Line | None = None
    birth_date: date | None = None
    sex: Line | None = None
    birth_sex: Line | None = None
    gender_identity: Line | None = None
    pronouns: Line | None = None
    races: list[Line] | None = None
    ethnicity: Line | None = None
    language: Line | None = None
    interpreter_needed: bool | None = None
    marital_status: Line | None = None
    contact_notes: ShortText | None = None
    confidential_contact: ShortText | None = None
    deceased_on: date | None = None


@strawberry.input
class AddContactWayInput:
    patient_id: strawberry.ID
    kind: Line = strawberry.field(description="phone, text, email or other")
    value: Line
    use: Line | None = None
    message_ok: bool = strawberry.field(default=False, description="May a message be left?")
    note: Line | None = None
    best_time: Line | None = strawberry.field(
        default=None, description="When they are best reached this way, such as: After 5 pm, not on Sundays."
    )


@strawberry.input
class SetAddressInput:
    patient_id: strawberry.ID
    street: Line
    city: Line
    state: Line
    zip: Line
    use: Line | None = None


@strawberry.input
class AddSupportPersonInput:
    patient_id: strawberry.ID
    name: Line
    kind: Line = strawberry.field(description="family, friend, neighbour, paid or other")
    relationship: Line | None = None
    legal_role: Line | None = None
    phone: Line | None = None
    may_discuss: ShortText | None = None
    helps_with: ShortText | None = None


@strawberry.input
class AddCareTeamMemberInput:
    patient_id: strawberry.ID
    part: Line
    staff_id: strawberry.ID | None = None
    name: Line | None = None


@strawberry.input
class SubscriberInput:
    relationship: Line = strawberry.field(
        description="What the person is to the subscriber: spouse, child, life_partner or other."
    )
    family_name: Line
    given_names: Line
    birth_date: date | None = None
    sex: Line | None = None

    def value(self) -> Subscriber:
        return Subscriber(
            self.relationship, self.family_name, self.given_names, self.birth_date, self.sex or ""
        )


@strawberry.input
class AddCoverageInput:
    patient_id: strawberry.ID
    payer_id: strawberry.ID
    from_on: date
    to_on: date | None = None
    member_id: Line | None = None
    product: Line | None = None
    rank: int = 1
    replaces_part_b: bool = False
    qualified_beneficiary: bool = False
    care_management_benefit: bool | None = None
    group_number: Line | None = None
    subscriber: SubscriberInput | None = strawberry.field(
        default=None, description="Whose insurance it is, where it is somebody else's."
    )


@strawberry.input
class ChangeSubscriberInput:
    patient_id: strawberry.ID
    coverage_id: strawberry.ID
    member_id: Line | None = None
    group_number: Line | None = None
    subscriber: SubscriberInput | None = None


@strawberry.input
class SaveStoryInput:
    patient_id: strawberry.ID
    what_matters: Text | None = None
    story: LongText | None = None
    told_by: Line | None = None


@strawberry.input
class ChooseDiagnosisInput:
    patient_id: strawberry.ID
    code: Line
    chronic: bool
    from_on: date | None = None


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

    @mutation(permission="patients.write", description="Mend a person's details.")
    async def change_patient(self, info: Info, input: ChangePatientInput) -> Patient:
        actor = actor_of(info)
        given: dict[str, Any] = {f.name: getattr(input, f.name) for f in fields(PatientChanges)}
        async with tenant_db(actor) as db:
            patient = await change_patient(
                db,
                actor,
                id_of("Patient", input.patient_id),
                PatientChanges(**given),
                revision=input.revision,
            )
        return Patient.of(patient)

    @mutation(permission="patients.write", description="A phone, e-mail or other way to reach a person.")
    async def add_contact_way(self, info: Info, input: AddContactWayInput) -> Patient:
        async def act(db: Db, actor: Actor, id: UUID) -> None:
            await add_contact_way(
                db, actor, id, kind=input.kind, value=input.value, use=input.use or "", message_ok=input.message_ok,
                note=input.note or "", best_time=input.best_time or "",
            )  # fmt: skip

        return await _acted(info, input.patient_id, act)

    @mutation(permission="patients.write", description="This way is no longer used.")
    async def end_contact_way(self, info: Info, patient_id: strawberry.ID, id: strawberry.ID) -> Patient:
        return await _acted(info, patient_id, _with_id(end_contact_way, "ContactWay", id))

    @mutation(permission="patients.write", description="Where the person lives from today.")
    async def set_address(self, info: Info, input: SetAddressInput) -> Patient:
        async def act(db: Db, actor: Actor, id: UUID) -> None:
            await set_address(
                db, actor, id, street=input.street, city=input.city, state=input.state, zip=input.zip,
                use=input.use or "home",
            )  # fmt: skip

        return await _acted(info, input.patient_id, act)

    @mutation(permission="patients.write", description="Someone who stands by the person.")
    async def add_support_person(self, info: Info, input: AddSupportPersonInput) -> Patient:
        async def act(db: Db, actor: Actor, id: UUID) -> None:
            await add_support_person(
                db, actor, id, name=input.name, kind=input.kind, relationship_words=input.relationship or "",
                legal_role=input.legal_role or "", phone=input.phone or "", may_discuss=input.may_discuss or "",
                helps_with=input.helps_with or "",
            )  # fmt: skip

        return await _acted(info, input.patient_id, act)

    @mutation(permission="patients.write", description="This support person is no longer one.")
    async def end_support_person(self, info: Info, patient_id: strawberry.ID, id: strawberry.ID) -> Patient:
        return await _acted(info, patient_id, _with_id(end_support_person, "SupportPerson", id))

    @mutation(
        permission="patients.write",
        description="Someone who cares for the person, in the practice or outside.",
    )
    async def add_care_team_member(self, info: Info, input: AddCareTeamMemberInput) -> Patient:
        async def act(db: Db, actor: Actor, id: UUID) -> None:
            staff_id = id_of("Staff", input.staff_id, what="person on the staff") if input.staff_id else None
            await add_care_team_member(
                db, actor, id, part=input.part, staff_id=staff_id, name=input.name or ""
            )

        return await _acted(info, input.patient_id, act)

    @mutation(permission="patients.write", description="From today, no longer on the care team.")
    async def end_care_team_member(self, info: Info, patient_id: strawberry.ID, id: strawberry.ID) -> Patient:
        return await _acted(info, patient_id, _with_id(end_care_team_member, "CareTeamMember", id))

    @mutation(permission="patients.write", description="An insurance of the person.")
    async def add_coverage(self, info: Info, input: AddCoverageInput) -> Patient:
        async def act(db: Db, actor: Actor, id: UUID) -> None:
            await add_coverage(
                db, actor, id, payer_id=id_of("Payer", input.payer_id), from_on=input.from_on, to_on=input.to_on,
                member_id=input.member_id or "", product=input.product or "", rank=input.rank,
                replaces_part_b=input.replaces_part_b, qualified_beneficiary=input.qualified_beneficiary,
                care_management_benefit=input.care_management_benefit, group_number=input.group_number or "",
                subscriber=input.subscriber.value() if input.subscriber else None,
            )  # fmt: skip

        return await _acted(info, input.patient_id, act)

    @mutation(
        permission="patients.write",
        description="Mend what the insurance card says: member and group number, and whose insurance it is.",
    )
    async def change_subscriber(self, info: Info, input: ChangeSubscriberInput) -> Patient:
        async def act(db: Db, actor: Actor, id: UUID) -> None:
            await change_subscriber(
                db, actor, id, id_of("Coverage", input.coverage_id), member_id=input.member_id or "",
                group_number=input.group_number or "",
                subscriber=input.subscriber.value() if input.subscriber else None,
            )  # fmt: skip

        return await _acted(info, input.patient_id, act)

    @mutation(permission="patients.write", description="The last day a coverage is in force.")
    async def end_coverage(
        self, info: Info, patient_id: strawberry.ID, id: strawberry.ID, last_day: date
    ) -> Patient:
        async def act(db: Db, actor: Actor, patient: UUID) -> None:
            await end_coverage(db, actor, patient, id_of("Coverage", id), last_day)

        return await _acted(info, patient_id, act)

    @mutation(
        permission="story.write", description="What matters to the person, and their story, in their words."
    )
    async def save_story(self, info: Info, input: SaveStoryInput) -> Patient:
        async def act(db: Db, actor: Actor, id: UUID) -> None:
            await save_story(
                db, actor, id, what_matters=input.what_matters or "", story=input.story or "",
                told_by=input.told_by or "",
            )  # fmt: skip

        return await _acted(info, input.patient_id, act)

    @mutation(permission="diagnoses.write", description="Choose an ICD-10-CM code for the person's claims.")
    async def choose_diagnosis(self, info: Info, input: ChooseDiagnosisInput) -> Patient:
        async def act(db: Db, actor: Actor, id: UUID) -> None:
            await choose_diagnosis(
                db, actor, id, code=input.code, chronic=input.chronic, from_on=input.from_on
            )

        return await _acted(info, input.patient_id, act)

    @mutation(
        permission="diagnoses.write", description="From today, no longer on the list; earlier months keep it."
    )
    async def end_diagnosis(self, info: Info, patient_id: strawberry.ID, id: strawberry.ID) -> Patient:
        return await _acted(info, patient_id, _with_id(end_diagnosis, "Diagnosis", id))


Act = Callable[[Db, Actor, UUID], Awaitable[None]]


async def _acted(info: Info, patient_id: str, act: Act) -> Patient:
    """Do something about one patient and hand back the patient."""
    actor = actor_of(info)
    id = id_of("Patient", patient_id)
    async with tenant_db(actor) as db:
        await act(db, actor, id)
        return Patient.of(await patient_for(db, actor, id))


def _with_id(action: Callable[[Db, Actor, UUID, UUID], Awaitable[None]], kind: str, given: str) -> Act:
    async def act(db: Db, actor: Actor, patient: UUID) -> None:
        await action(db, actor, patient, id_of(kind, given))

    return act
