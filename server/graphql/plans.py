"""Care plans over GraphQL: versions that are never edited, and the copies given."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import strawberry
from sqlalchemy import select

from server.graphql.connections import Node, global_id, id_of, node_kind
from server.graphql.context import Info, actor_of, batch
from server.graphql.enrollment import Program, written
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, Text
from server.plans import actions, queries
from server.plans.tables import WAYS
from server.plans.tables import PlanVersion as PlanVersionTable
from server.tenants.db import tenant_db

READ, WRITE = "chart.read", "plans.write"


@strawberry.enum(description="How a copy was given.")
class PlanCopyWay(StrEnum):
    PAPER = "paper"
    MAIL = "mail"
    PORTAL = "portal"
    EMAIL = "email"
    READ_ALOUD = "read_aloud"


@strawberry.type(description="A copy of a plan given to the person, or to someone who helps them.")
class PlanCopy:
    given_on: date
    how: PlanCopyWay
    how_name: str
    to_whom: str
    recorded_at: datetime
    recorded_by: str | None


@strawberry.type(description="One version of a care plan. A change is a further version.")
class PlanVersion(Node):
    key: strawberry.Private[UUID]
    patient_id: strawberry.ID
    program: Program
    number: int = strawberry.field(description="1, 2, 3 ... within this person's program.")
    dated_on: date
    problems: str
    goals: str
    steps: str
    medicines: str
    supports: str
    expected: str
    review_on: date | None
    substantially_revised: bool
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: queries.PlanVersionRow) -> "PlanVersion":
        return cls(
            id=global_id("PlanVersion", row.id),
            key=row.id,
            patient_id=global_id("Patient", row.patient_id),
            program=Program(row.program),
            number=row.number,
            dated_on=row.dated_on,
            problems=row.problems,
            goals=row.goals,
            steps=row.steps,
            medicines=row.medicines,
            supports=row.supports,
            expected=row.expected,
            review_on=row.review_on,
            substantially_revised=row.substantially_revised,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )

    @strawberry.field(description="Copies given, oldest first.")
    async def copies(self, info: Info) -> list[PlanCopy]:
        rows: list[queries.PlanCopyRow] = await info.context.load("plan_copies", self.key)
        return [
            PlanCopy(
                given_on=row.given_on,
                how=PlanCopyWay(row.how),
                how_name=WAYS[row.how],
                to_whom=row.to_whom,
                recorded_at=row.made_at,
                recorded_by=row.made_by_name,
            )
            for row in rows
        ]


async def _load(info: Info, id: UUID) -> PlanVersion | None:
    actor = actor_of(info)
    async with tenant_db(actor, read_only=True) as db:
        made = (
            await db.execute(select(PlanVersionTable).where(PlanVersionTable.id == id))
        ).scalar_one_or_none()
        return PlanVersion.of(await written(db, actor, queries.plan_versions_of, made)) if made else None


node_kind("PlanVersion", permission=READ, loader=_load)
batch("plan_versions", queries.plan_versions_of)
batch("plan_copies", queries.plan_copies_of)


@strawberry.type
class PlansOfPatient:
    """Fields of this room on Patient."""

    key: strawberry.Private[UUID]

    @field(permission=READ, description="Every version, newest first within a program.")
    async def plan_versions(self, info: Info, program: Program | None = None) -> list[PlanVersion]:
        rows: list[queries.PlanVersionRow] = await info.context.load("plan_versions", self.key)
        return [PlanVersion.of(row) for row in rows if program is None or row.program == program]

    @field(permission=READ, description="The newest version of a program's plan, if there is one.")
    async def current_plan(self, info: Info, program: Program = Program.CCM) -> PlanVersion | None:
        rows: list[queries.PlanVersionRow] = await info.context.load("plan_versions", self.key)
        return next((PlanVersion.of(row) for row in rows if row.program == program), None)


@strawberry.input
class WritePlanInput:
    patient_id: strawberry.ID
    program: Program
    dated_on: date
    problems: Text | None = None
    goals: Text | None = None
    steps: Text | None = strawberry.field(default=None, description="What will be done, and who does it.")
    medicines: Text | None = None
    supports: Text | None = strawberry.field(
        default=None, description="Family, friends, neighbours, services."
    )
    expected: Text | None = strawberry.field(default=None, description="The outcome hoped for.")
    review_on: date | None = None
    substantially_revised: bool = False
    based_on: int | None = strawberry.field(
        default=None, description="The version this was written from; refused if a newer one exists by now."
    )


@strawberry.input
class RecordPlanCopyInput:
    plan_version_id: strawberry.ID
    given_on: date
    how: PlanCopyWay
    to_whom: Line


@strawberry.type
class PlansMutation:
    @mutation(permission=WRITE, description="Write the next version of a plan.")
    async def write_plan(self, info: Info, input: WritePlanInput) -> PlanVersion:
        actor = actor_of(info)
        new = actions.NewPlan(
            program=input.program,
            dated_on=input.dated_on,
            problems=input.problems or "",
            goals=input.goals or "",
            steps=input.steps or "",
            medicines=input.medicines or "",
            supports=input.supports or "",
            expected=input.expected or "",
            review_on=input.review_on,
            substantially_revised=input.substantially_revised,
            based_on=input.based_on,
        )
        async with tenant_db(actor) as db:
            made = await actions.write_plan(db, actor, id_of("Patient", input.patient_id), new)
            return PlanVersion.of(await written(db, actor, queries.plan_versions_of, made))

    @mutation(
        permission=WRITE, description="Record that a copy was given; answers the version with its copies."
    )
    async def record_plan_copy(self, info: Info, input: RecordPlanCopyInput) -> PlanVersion:
        actor = actor_of(info)
        version_id = id_of("PlanVersion", input.plan_version_id, what="plan")
        async with tenant_db(actor) as db:
            copy = await actions.record_copy_given(
                db, actor, version_id, given_on=input.given_on, how=input.how, to_whom=input.to_whom
            )
            rows = (await queries.plan_versions_of(db, actor, [copy.patient_id]))[copy.patient_id]
        info.context.forget()
        return PlanVersion.of(next(row for row in rows if row.id == version_id))
