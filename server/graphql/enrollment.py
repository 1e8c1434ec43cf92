"""Programs, consents and what payers' rules ask about beside them, over GraphQL."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from sqlalchemy import select

from server.enrollment import actions, queries
from server.enrollment.tables import PROGRAMS
from server.enrollment.tables import Enrollment as EnrollmentTable
from server.graphql.connections import Node, global_id, id_of, node_kind
from server.graphql.context import Info, actor_of, batch
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, ShortText
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db

READ, WRITE = "enrollment.read", "enrollment.write"


@strawberry.enum(description="A way of working with a person between visits.")
class Program(StrEnum):
    CCM = "ccm"
    PDCM = "pdcm"


@strawberry.enum
class EnrollmentStatus(StrEnum):
    INVITED = "invited"
    ENROLLED = "enrolled"
    PAUSED = "paused"
    DECLINED = "declined"
    ENDED = "ended"


# --- types ----------------------------------------------------------------------------------------------------


@strawberry.type(description="One step in the history of an enrollment.")
class EnrollmentChange:
    status: EnrollmentStatus
    from_on: date
    practitioner_name: str | None
    contact_frequency: str
    reason: str
    recorded_at: datetime
    recorded_by: str | None


@strawberry.type(description="A person's time in a program; open while it has no end.")
class Enrollment(Node):
    key: strawberry.Private[UUID]
    patient_id: strawberry.ID
    program: Program
    program_name: str
    status: EnrollmentStatus
    started_on: date
    ended_on: date | None
    ended_reason: str
    practitioner_id: strawberry.ID | None
    practitioner_name: str | None
    contact_frequency: str = strawberry.field(
        description="How often they wish to hear from us, in their words."
    )

    @classmethod
    def of(cls, row: queries.EnrollmentRow) -> "Enrollment":
        return cls(
            id=global_id("Enrollment", row.id),
            key=row.id,
            patient_id=global_id("Patient", row.patient_id),
            program=Program(row.program),
            program_name=PROGRAMS[row.program],
            status=EnrollmentStatus(row.status),
            started_on=row.started_on,
            ended_on=row.ended_on,
            ended_reason=row.ended_reason,
            practitioner_id=staff_id(row.practitioner_id),
            practitioner_name=row.practitioner_name,
            contact_frequency=row.contact_frequency,
        )

    @strawberry.field(description="How it came to be so, oldest first.")
    async def history(self, info: Info) -> list[EnrollmentChange]:
        rows: list[queries.EnrollmentChangeRow] = await info.context.load("enrollment_history", self.key)
        return [
            EnrollmentChange(
                status=EnrollmentStatus(row.status),
                from_on=row.from_on,
                practitioner_name=row.practitioner_name,
                contact_frequency=row.contact_frequency,
                reason=row.reason,
                recorded_at=row.made_at,
                recorded_by=row.made_by_name,
            )
            for row in rows
        ]


# --- reading --------------------------------------------------------------------------------------------------

batch("enrollments", queries.enrollments_of)
batch("enrollment_history", queries.enrollment_history)


@strawberry.type
class EnrollmentOfPatient:
    """Fields of this room on Patient."""

    key: strawberry.Private[UUID]

    @field(permission=READ, description="Every time in a program, newest first.")
    async def enrollments(self, info: Info) -> list[Enrollment]:
        return [Enrollment.of(row) for row in await info.context.load("enrollments", self.key)]


# --- changing -------------------------------------------------------------------------------------------------


@strawberry.input
class EnrollInput:
    patient_id: strawberry.ID
    program: Program
    started_on: date
    practitioner_id: strawberry.ID | None = None
    contact_frequency: Line | None = strawberry.field(
        default=None, description="How often, as the patient wishes."
    )


@strawberry.input
class ChangeEnrollmentInput:
    enrollment_id: strawberry.ID
    practitioner_id: strawberry.ID | None = strawberry.field(default=None, description="Left out: nobody.")
    contact_frequency: Line | None = strawberry.field(default=None, description="Left out: empty.")


@strawberry.input
class PauseEnrollmentInput:
    enrollment_id: strawberry.ID
    on: date
    reason: ShortText | None = None


@strawberry.input
class ResumeEnrollmentInput:
    enrollment_id: strawberry.ID
    on: date


@strawberry.input
class EndEnrollmentInput:
    enrollment_id: strawberry.ID
    on: date
    reason: ShortText


@strawberry.type
class EnrollmentMutation:
    @mutation(permission=WRITE, description="Take a person into a program.")
    async def enroll(self, info: Info, input: EnrollInput) -> Enrollment:
        new = actions.NewEnrollment(
            program=input.program,
            started_on=input.started_on,
            practitioner_id=staff_key(input.practitioner_id),
            contact_frequency=input.contact_frequency or "",
        )
        return await _enrollment(
            info, lambda db, actor: actions.enroll(db, actor, id_of("Patient", input.patient_id), new)
        )

    @mutation(permission=WRITE, description="Another practitioner, or another rhythm of contact.")
    async def change_enrollment(self, info: Info, input: ChangeEnrollmentInput) -> Enrollment:
        return await _enrollment(
            info,
            lambda db, actor: actions.change_enrollment(
                db,
                actor,
                id_of("Enrollment", input.enrollment_id),
                practitioner_id=staff_key(input.practitioner_id),
                contact_frequency=input.contact_frequency or "",
            ),
        )

    @mutation(permission=WRITE, description="Hold a program for a while.")
    async def pause_enrollment(self, info: Info, input: PauseEnrollmentInput) -> Enrollment:
        return await _enrollment(
            info,
            lambda db, actor: actions.pause_enrollment(
                db, actor, id_of("Enrollment", input.enrollment_id), on=input.on, reason=input.reason or ""
            ),
        )

    @mutation(permission=WRITE, description="Take a paused program up again.")
    async def resume_enrollment(self, info: Info, input: ResumeEnrollmentInput) -> Enrollment:
        return await _enrollment(
            info,
            lambda db, actor: actions.resume_enrollment(
                db, actor, id_of("Enrollment", input.enrollment_id), on=input.on
            ),
        )

    @mutation(permission=WRITE, description="End a program, with the reason.")
    async def end_enrollment(self, info: Info, input: EndEnrollmentInput) -> Enrollment:
        return await _enrollment(
            info,
            lambda db, actor: actions.end_enrollment(
                db, actor, id_of("Enrollment", input.enrollment_id), on=input.on, reason=input.reason
            ),
        )


# --- between the two ------------------------------------------------------------------------------------------


async def _enrollment(info: Info, act: Callable[[Db, Actor], Awaitable[EnrollmentTable]]) -> Enrollment:
    actor = actor_of(info)
    async with tenant_db(actor) as db:
        return Enrollment.of(await written(db, actor, queries.enrollments_of, await act(db, actor)))


async def _load_enrollment(info: Info, id: UUID) -> Enrollment | None:
    actor = actor_of(info)
    async with tenant_db(actor, read_only=True) as db:
        made = (
            await db.execute(select(EnrollmentTable).where(EnrollmentTable.id == id))
        ).scalar_one_or_none()
        return Enrollment.of(await written(db, actor, queries.enrollments_of, made)) if made else None


node_kind("Enrollment", permission=READ, loader=_load_enrollment)

Row = TypeVar("Row")


async def written(
    db: Db,
    actor: Actor,
    load: Callable[[Db, Actor, Sequence[UUID]], Awaitable[dict[UUID, list[Row]]]],
    made: Any,
) -> Row:
    """What an action made, as the lists show it: with the names of those concerned."""
    # Under whoever that is now: the record it was written for may have been joined with another one.
    theirs: Any = (await load(db, actor, [made.patient_id])).values()
    found: Row = next(row for rows in theirs for row in rows if row.id == made.id)
    return found


def staff_id(key: UUID | None) -> strawberry.ID | None:
    return global_id("Staff", key) if key else None


def staff_key(id: strawberry.ID | None) -> UUID | None:
    return id_of("Staff", id, what="colleague") if id else None
