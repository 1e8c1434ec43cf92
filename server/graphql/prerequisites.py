"""What payers' rules ask about beside consent, over GraphQL: visits, judgements, other services, attestations."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import strawberry

from server.enrollment import prerequisites, queries
from server.enrollment.tables import VISIT_KINDS
from server.graphql.connections import global_id, id_of
from server.graphql.context import Info, actor_of, batch
from server.graphql.enrollment import READ, WRITE, Program, staff_id, staff_key, written
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, ShortText
from server.tenants.db import tenant_db


@strawberry.enum
class PractitionerVisitKind(StrEnum):
    OFFICE_VISIT = "office_visit"
    ANNUAL_WELLNESS = "annual_wellness"
    WELCOME_VISIT = "welcome_visit"
    TRANSITION_VISIT = "transition_visit"
    NURSE_VISIT = "nurse_visit"
    HOSPITAL = "hospital"
    EMERGENCY = "emergency"
    OTHER = "other"


@strawberry.enum(description="How hard the month's medical decisions were.")
class Level(StrEnum):
    STRAIGHTFORWARD = "straightforward"
    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"


@strawberry.type(description="A visit with a practitioner, as program rules ask about it.")
class PractitionerVisit:
    id: strawberry.ID
    kind: PractitionerVisitKind
    kind_name: str
    visited_on: date
    practitioner_id: strawberry.ID | None = strawberry.field(
        description="Empty: somebody outside this practice."
    )
    practitioner_name: str | None
    initiating_for: Program | None = strawberry.field(
        description="The program discussed and documented at it."
    )
    care_planning_by_practitioner: bool
    withdrawn_at: datetime | None
    withdrawn_reason: str
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: queries.PractitionerVisitRow) -> "PractitionerVisit":
        return cls(
            id=global_id("PractitionerVisit", row.id),
            kind=PractitionerVisitKind(row.kind),
            kind_name=VISIT_KINDS[row.kind],
            visited_on=row.visited_on,
            practitioner_id=staff_id(row.practitioner_id),
            practitioner_name=row.practitioner_name,
            initiating_for=Program(row.initiating_for) if row.initiating_for else None,
            care_planning_by_practitioner=row.care_planning_by_practitioner,
            withdrawn_at=row.withdrawn_at,
            withdrawn_reason=row.withdrawn_reason,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )


@strawberry.type(description="One judgement of a month's medical decisions; the newest of a month counts.")
class DecisionLevel:
    program: Program
    month: str = strawberry.field(description="YYYY-MM.")
    level: Level
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: queries.DecisionLevelRow) -> "DecisionLevel":
        return cls(
            program=Program(row.program),
            month=row.month,
            level=Level(row.level),
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )


@strawberry.type(description="A service billed outside the program, by this practice or by somebody else.")
class OtherService:
    id: strawberry.ID
    code: str
    on_date: date
    practitioner_id: strawberry.ID | None
    practitioner_name: str | None
    note: str
    withdrawn_at: datetime | None
    withdrawn_reason: str
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: queries.OtherServiceRow) -> "OtherService":
        return cls(
            id=global_id("OtherService", row.id),
            code=row.code,
            on_date=row.on_date,
            practitioner_id=staff_id(row.practitioner_id),
            practitioner_name=row.practitioner_name,
            note=row.note,
            withdrawn_at=row.withdrawn_at,
            withdrawn_reason=row.withdrawn_reason,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )


@strawberry.type(
    description="Somebody recorded that an element is, or is not, in place; the newest per element counts."
)
class Attestation:
    element: str
    practice_wide: bool
    met: bool
    on_date: date
    note: str
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: queries.AttestationRow) -> "Attestation":
        return cls(
            element=row.element,
            practice_wide=row.patient_id is None,
            met=row.met,
            on_date=row.on_date,
            note=row.note,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )


batch("practitioner_visits", queries.visits_of)
batch("decision_levels", queries.decision_levels_of)
batch("other_services", queries.other_services_of)
batch("attestations", queries.attestations_of)


@strawberry.type
class PrerequisitesOfPatient:
    """Fields of this room on Patient."""

    key: strawberry.Private[UUID]

    @field(permission=READ, description="Visits with practitioners, newest first, those taken back too.")
    async def practitioner_visits(self, info: Info) -> list[PractitionerVisit]:
        return [PractitionerVisit.of(row) for row in await info.context.load("practitioner_visits", self.key)]

    @field(
        permission=READ, description="Every judgement, newest first; the first of a program's month counts."
    )
    async def decision_levels(self, info: Info) -> list[DecisionLevel]:
        return [DecisionLevel.of(row) for row in await info.context.load("decision_levels", self.key)]

    @field(
        permission=READ,
        description="Services billed outside the programs, newest first, those taken back too.",
    )
    async def other_services(self, info: Info) -> list[OtherService]:
        return [OtherService.of(row) for row in await info.context.load("other_services", self.key)]

    @field(
        permission=READ,
        description="Of this person and of the practice, newest first; the first per element counts.",
    )
    async def attestations(self, info: Info) -> list[Attestation]:
        return [Attestation.of(row) for row in await info.context.load("attestations", self.key)]


@strawberry.type
class PrerequisitesQuery:
    @field(permission=READ, description="What was attested of the practice as a whole, newest first.")
    async def practice_attestations(self, info: Info) -> list[Attestation]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            return [Attestation.of(row) for row in await queries.practice_attestations(db, actor)]


@strawberry.input
class RecordPractitionerVisitInput:
    patient_id: strawberry.ID
    kind: PractitionerVisitKind
    visited_on: date
    practitioner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Left out: somebody outside."
    )
    initiating_for: Program | None = None
    care_planning_by_practitioner: bool = False


@strawberry.input
class WithdrawPractitionerVisitInput:
    practitioner_visit_id: strawberry.ID
    reason: ShortText


@strawberry.input
class RecordDecisionLevelInput:
    patient_id: strawberry.ID
    program: Program
    month: Line = strawberry.field(description="YYYY-MM.")
    level: Level


@strawberry.input
class RecordOtherServiceInput:
    patient_id: strawberry.ID
    code: Line
    on_date: date
    practitioner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Left out: somebody outside."
    )
    note: ShortText | None = None


@strawberry.input
class WithdrawOtherServiceInput:
    other_service_id: strawberry.ID
    reason: ShortText


@strawberry.input
class AttestInput:
    element: Line
    met: bool
    on_date: date
    note: ShortText | None = None
    patient_id: strawberry.ID | None = strawberry.field(
        default=None, description="Left out: the practice as a whole."
    )


@strawberry.type
class PrerequisitesMutation:
    @mutation(permission=WRITE, description="Record a visit with a practitioner.")
    async def record_practitioner_visit(
        self, info: Info, input: RecordPractitionerVisitInput
    ) -> PractitionerVisit:
        new = prerequisites.NewPractitionerVisit(
            kind=input.kind,
            visited_on=input.visited_on,
            practitioner_id=staff_key(input.practitioner_id),
            initiating_for=input.initiating_for or "",
            care_planning_by_practitioner=input.care_planning_by_practitioner,
        )
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            visit = await prerequisites.record_practitioner_visit(
                db, actor, id_of("Patient", input.patient_id), new
            )
            return PractitionerVisit.of(await written(db, actor, queries.visits_of, visit))

    @mutation(permission=WRITE, description="Take back a visit recorded by mistake.")
    async def withdraw_practitioner_visit(
        self, info: Info, input: WithdrawPractitionerVisitInput
    ) -> PractitionerVisit:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            visit = await prerequisites.withdraw_practitioner_visit(
                db, actor, id_of("PractitionerVisit", input.practitioner_visit_id), reason=input.reason
            )
            return PractitionerVisit.of(await written(db, actor, queries.visits_of, visit))

    @mutation(
        permission=WRITE,
        description="Record how hard the month's decisions were, as the practitioner judged.",
    )
    async def record_decision_level(self, info: Info, input: RecordDecisionLevelInput) -> DecisionLevel:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            level = await prerequisites.record_decision_level(
                db,
                actor,
                id_of("Patient", input.patient_id),
                program=input.program,
                month=input.month,
                level=input.level,
            )
            return DecisionLevel.of(await written(db, actor, queries.decision_levels_of, level))

    @mutation(permission=WRITE, description="Record a service billed outside the programs.")
    async def record_other_service(self, info: Info, input: RecordOtherServiceInput) -> OtherService:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            other = await prerequisites.record_other_service(
                db,
                actor,
                id_of("Patient", input.patient_id),
                code=input.code,
                on_date=input.on_date,
                practitioner_id=staff_key(input.practitioner_id),
                note=input.note or "",
            )
            return OtherService.of(await written(db, actor, queries.other_services_of, other))

    @mutation(permission=WRITE, description="Take back a service recorded by mistake.")
    async def withdraw_other_service(self, info: Info, input: WithdrawOtherServiceInput) -> OtherService:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            other = await prerequisites.withdraw_other_service(
                db, actor, id_of("OtherService", input.other_service_id), reason=input.reason
            )
            return OtherService.of(await written(db, actor, queries.other_services_of, other))

    @mutation(permission=WRITE, description="Record that an element is, or is not, in place.")
    async def attest(self, info: Info, input: AttestInput) -> Attestation:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            attested = await prerequisites.attest(
                db,
                actor,
                element=input.element,
                met=input.met,
                on_date=input.on_date,
                note=input.note or "",
                patient_id=id_of("Patient", input.patient_id) if input.patient_id else None,
            )
            if attested.patient_id is None:
                rows = await queries.practice_attestations(db, actor)
                return Attestation.of(next(row for row in rows if row.id == attested.id))
            return Attestation.of(await written(db, actor, queries.attestations_of, attested))
