"""Background work, over GraphQL: what waits, runs, has failed and comes round."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import strawberry

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
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, ShortText
from server.minutes import proof
from server.tenants import operations
from server.tenants.db import tenant_db

NEWEST = Ordering("jobs.newest", UUID)


@strawberry.enum(
    description="Where a job is: waiting, running, done (kept for 30 days), dead (failed at every attempt, waiting "
    "for somebody's decision), cancelled before it was done, or given up by somebody after it had failed."
)
class JobState(StrEnum):
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"
    GIVEN_UP = "given_up"


@strawberry.type(description="A piece of background work. It holds ids and dates, never anybody's words.")
class Job(Node):
    kind: str
    said: str = strawberry.field(description="What it does, in plain words.")
    state: JobState
    attempts: int
    run_at: datetime = strawberry.field(description="Not before.")
    started_at: datetime | None = strawberry.field(description="When its last attempt began.")
    done_at: datetime | None
    last_error: str = strawberry.field(description="The kind and place of the last failure; empty if none.")
    reason: str = strawberry.field(description="Why somebody gave it up.")
    about: str = strawberry.field(description="The month or day it is for, if it is for one.")
    patient_id: strawberry.ID | None = strawberry.field(
        description="Whom it is about; null for those who may not open patients."
    )

    @classmethod
    def of(cls, row: operations.JobRow) -> "Job":
        return cls(
            id=global_id("Job", row.id), kind=row.kind, said=row.said, state=JobState(row.state),
            attempts=row.attempts, run_at=row.run_at, started_at=row.started_at, done_at=row.done_at,
            last_error=row.last_error, reason=row.reason, about=row.about,
            patient_id=global_id("Patient", row.patient_id) if row.patient_id else None,
        )  # fmt: skip


@strawberry.type(description="Waiting jobs of one kind.")
class WaitingJobs:
    kind: str
    said: str
    due: int = strawberry.field(description="How many could run now.")
    oldest: datetime | None = strawberry.field(description="Since when the first of them could.")
    later: int = strawberry.field(description="How many wait for a later time.")


@strawberry.type(description="Background work that comes round by itself.")
class Schedule:
    name: str
    said: str
    rule: str = strawberry.field(description="Such as: every day at 2:40 am, on the practice's clock.")
    last_at: datetime | None
    last_job: JobState | None = strawberry.field(description="Where the last occasion's job is.")
    next_at: datetime | None


@strawberry.type(description="The last nightly comparison of all totals of minutes with a count from zero.")
class TotalProof:
    day: date
    compared: int = strawberry.field(description="Months of patients.")
    different: int = strawberry.field(description="Of them, those that were wrong; they were put right.")
    proved_at: datetime


@strawberry.type(description="Failed jobs that will be tried again.")
class RetriedJobs:
    number: int


@strawberry.input
class GiveUpJobInput:
    job_id: strawberry.ID
    reason: ShortText


async def _load(info: Info, id: UUID) -> Job:
    async with tenant_db(actor_of(info), read_only=True) as db:
        return Job.of(await operations.job_for(db, actor_of(info), id))


node_kind("Job", permission="jobs.read", loader=_load)


@strawberry.type
class JobsQuery:
    @field(permission="jobs.read", description="Jobs in one state, newest first.")
    async def jobs(
        self, info: Info, state: JobState = JobState.DEAD, first: First = 50, after: After = None
    ) -> Connection[Job]:
        cursors = NEWEST.within(actor_of(info).tenant_id)
        position = cursors.read(after)
        async with tenant_db(actor_of(info), read_only=True) as db:
            rows = await operations.list_jobs(
                db,
                actor_of(info),
                state.value,
                after=position[0] if position else None,
                limit=rows_to_fetch(first),
            )
        return page_from_rows(
            rows, first, cursor_of=lambda row: cursors.write(row.id), node_of=Job.of, after=after
        )

    @field(permission="jobs.read", description="What waits, per kind, the longest waiting first.")
    async def waiting_jobs(self, info: Info) -> list[WaitingJobs]:
        async with tenant_db(actor_of(info), read_only=True) as db:
            return [
                WaitingJobs(kind=row.kind, said=row.said, due=row.due, oldest=row.oldest, later=row.later)
                for row in await operations.list_waiting(db, actor_of(info))
            ]

    @field(permission="jobs.read", description="Everything that repeats, the next to come first.")
    async def schedules(self, info: Info) -> list[Schedule]:
        async with tenant_db(actor_of(info), read_only=True) as db:
            return [
                Schedule(
                    name=row.name,
                    said=row.said,
                    rule=row.rule,
                    last_at=row.last_at,
                    last_job=JobState(row.job) if row.job else None,
                    next_at=row.next_at,
                )
                for row in await operations.list_schedules(db, actor_of(info))
            ]

    @field(permission="jobs.read", description="Null until the first night.")
    async def last_total_proof(self, info: Info) -> TotalProof | None:
        async with tenant_db(actor_of(info), read_only=True) as db:
            row = await proof.last_proof(db, actor_of(info))
        if row is None:
            return None
        return TotalProof(
            day=row.day, compared=row.compared, different=row.different, proved_at=row.proved_at
        )


@strawberry.type
class JobsMutation:
    @mutation(permission="jobs.write", description="Have one failed job tried again.")
    async def retry_job(self, info: Info, id: strawberry.ID) -> Job:
        async with tenant_db(actor_of(info)) as db:
            return Job.of(await operations.retry_job(db, actor_of(info), id_of("Job", id)))

    @mutation(permission="jobs.write", description="Have all failed jobs tried again, or those of one kind.")
    async def retry_jobs(self, info: Info, kind: Line | None = None) -> RetriedJobs:
        async with tenant_db(actor_of(info)) as db:
            return RetriedJobs(number=await operations.retry_jobs(db, actor_of(info), kind or ""))

    @mutation(permission="jobs.write", description="Put a failed job away for good, and say why.")
    async def give_up_job(self, info: Info, input: GiveUpJobInput) -> Job:
        async with tenant_db(actor_of(info)) as db:
            job_id = id_of("Job", input.job_id)
            return Job.of(await operations.give_up_job(db, actor_of(info), job_id, input.reason))
