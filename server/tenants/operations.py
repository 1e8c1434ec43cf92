"""Background work as the practice sees it: what waits, runs, has failed and comes round, and what to do about it.

Nobody's words are in it: a job knows ids, months and dates, and an error is its kind and its place in the code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, text, tuple_

from server.errors import Refused, not_found
from server.ids import parse_id
from server.jobs import KINDS
from server.recurrence import said
from server.schedules import SCHEDULES
from server.tables import JSON
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.names import written
from server.tenants.tables import Job
from server.words import N_, say

READY, RUNNING, DEAD = "ready", "running", "dead"
#: state -> the word people use for it
STATES: Final = {
    READY: N_("Waiting"),
    RUNNING: N_("Running"),
    "done": N_("Done"),
    DEAD: N_("Failed"),
    "cancelled": N_("Taken back"),
    "given_up": N_("Given up"),
}


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job. said: what it does, in plain words. about: the month or day it is for, if it is for one. patient_id:
    whom it is about, told only to those who may open patients."""

    id: UUID
    kind: str
    said: str
    state: str
    attempts: int
    run_at: datetime
    started_at: datetime | None
    done_at: datetime | None
    last_error: str
    reason: str
    about: str
    patient_id: UUID | None


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """Waiting jobs of one kind. due: those whose time has come; oldest: since when the first of them has been due."""

    kind: str
    said: str
    due: int
    oldest: datetime | None
    later: int


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """What repeats. state: what became of the last occasion: added, skipped, or empty when there was none yet; then
    job: the state of the job it added, empty when that is forgotten."""

    name: str
    said: str
    rule: str
    last_at: datetime | None
    state: str
    job: str
    next_at: datetime | None


# --- looking --------------------------------------------------------------------------------------------------

_COLUMNS: Final = (
    Job.id, Job.kind, Job.state, Job.attempts, Job.run_at, Job.started_at, Job.done_at, Job.last_error, Job.reason,
    Job.args,
)  # fmt: skip


async def list_jobs(
    db: Db, actor: Actor, state: str, *, after: UUID | None = None, kind: str = "", limit: int = 50
) -> list[JobRow]:
    """Jobs in one state, the newest first. after: the id of the last one seen."""
    actor.require("jobs.read")
    found = select(*_COLUMNS).where(Job.state == state).order_by(Job.id.desc()).limit(limit)
    if after is not None:
        found = found.where(tuple_(Job.id) < tuple_(after))
    if kind:
        found = found.where(Job.kind == kind)
    return [_job(actor, row) for row in await db.execute(found)]


async def job_for(db: Db, actor: Actor, job_id: UUID) -> JobRow:
    """The gate: one job of this practice. Raises Refused NOT_FOUND."""
    actor.require("jobs.read")
    row = (await db.execute(select(*_COLUMNS).where(Job.id == job_id))).one_or_none()
    if row is None:
        raise not_found("job")
    return _job(actor, row)


async def list_waiting(db: Db, actor: Actor) -> list[WaitingRow]:
    """What waits, per kind, the longest waiting first."""
    actor.require("jobs.read")
    due = Job.run_at <= func.now()
    oldest = func.min(Job.run_at).filter(due)
    rows = await db.execute(
        select(Job.kind, func.count().filter(due), oldest, func.count().filter(~due))
        .where(Job.state == READY)
        .group_by(Job.kind)
        .order_by(oldest.nulls_last(), Job.kind)
    )
    return [WaitingRow(kind, words_for(kind), number, since, later) for kind, number, since, later in rows]


async def count_dead(db: Db, actor: Actor) -> dict[str, int]:
    """kind -> how many jobs of it have failed for good."""
    actor.require("jobs.read")
    rows = await db.execute(
        select(Job.kind, func.count()).where(Job.state == DEAD).group_by(Job.kind).order_by(Job.kind)
    )
    return {row[0]: row[1] for row in rows}


async def list_schedules(db: Db, actor: Actor) -> list[ScheduleRow]:
    """Everything that repeats here, the next to come first."""
    actor.require("jobs.read")
    rows = {row.name: row for row in await db.execute(text(_LAST_AND_NEXT), {"names": list(SCHEDULES)})}
    found = [
        ScheduleRow(
            name, say(one.says), said(one.rule), row.last_at, row.last_state or "", row.job or "", row.next_at
        )
        for name, one in SCHEDULES.items()
        if (row := rows[name])
    ]
    return sorted(found, key=lambda row: (row.next_at is None, row.next_at, row.name))


_LAST_AND_NEXT = """
select name, (select due_at from schedule s where s.name = n.name and s.state = 'waiting') as next_at,
  (select due_at from schedule s where s.name = n.name and s.state <> 'waiting' order by due_at desc limit 1) as last_at,
  (select state from schedule s where s.name = n.name and s.state <> 'waiting' order by due_at desc limit 1) as last_state,
  (select j.state from job j where j.dedupe_key = (
     select n.name || '@' || occasion from schedule s
     where s.name = n.name and s.state <> 'waiting' order by due_at desc limit 1)
   order by j.id desc limit 1) as job
from unnest(cast(:names as text[])) as n(name)"""


def words_for(kind: str) -> str:
    """What a kind of job does, in plain words; its name where only another version knows it."""
    return say(KINDS[kind].says) if kind in KINDS else kind


def _job(actor: Actor, row: Any) -> JobRow:
    args: JSON = row.args
    patient = parse_id(str(args.get("patient_id", ""))) if actor.may("patients.read") else None
    about = str(args.get("month") or args.get("day") or "")
    return JobRow(
        row.id, row.kind, words_for(row.kind), row.state, row.attempts, row.run_at, row.started_at, row.done_at,
        row.last_error, row.reason, about, patient,
    )  # fmt: skip


# --- deciding -------------------------------------------------------------------------------------------------


async def retry_job(db: Db, actor: Actor, job_id: UUID) -> JobRow:
    """Have a failed job tried again, from its first attempt. Raises Refused NOT_FOUND or JOB_NOT_FAILED."""
    actor.require("jobs.write")
    await _failed(db, actor, job_id)
    await _revive(db, actor, [job_id])
    return await job_for(db, actor, job_id)


async def retry_jobs(db: Db, actor: Actor, kind: str = "") -> int:
    """Have all failed jobs tried again, or those of one kind; how many. Raises Refused NOTHING_FAILED."""
    actor.require("jobs.write")
    dead = select(Job.id).where(Job.state == DEAD).with_for_update()
    ids = (await db.execute(dead.where(Job.kind == kind) if kind else dead)).scalars().all()
    if not ids:
        raise Refused(
            "NOTHING_FAILED",
            say("There is no failed work of this kind any more."),
            say("Look at the list again; somebody may have been quicker."),
        )
    await _revive(db, actor, ids)
    return len(ids)


async def give_up_job(db: Db, actor: Actor, job_id: UUID, reason: str) -> JobRow:
    """Put a failed job away for good, and say why. Raises Refused NOT_FOUND, JOB_NOT_FAILED or TEXT_*."""
    actor.require("jobs.write")
    why = written(reason, "reason", what=say("the reason"), longest=500)
    await _failed(db, actor, job_id)
    await db.execute(
        text(
            "update job set state = 'given_up', reason = :why, done_at = now() where id = :id and state = 'dead'"
        ),
        {"id": job_id, "why": why},
    )
    db.note(actor, "jobs.give_up", entity="job", entity_ids=[job_id], effect="write")
    return await job_for(db, actor, job_id)


async def _failed(db: Db, actor: Actor, job_id: UUID) -> JobRow:
    await db.execute(select(Job.id).where(Job.id == job_id).with_for_update())
    job = await job_for(db, actor, job_id)
    if job.state != DEAD:
        raise Refused(
            "JOB_NOT_FAILED",
            say("This work has not failed; it is now: %(state)s.", state=say(STATES[job.state]).lower()),
            say("Look at the list again; somebody may have been quicker."),
        )
    return job


async def _revive(db: Db, actor: Actor, ids: Sequence[UUID]) -> None:
    revived = await db.execute(
        text("""
        update job set state = 'ready', attempts = 0, run_at = now(), done_at = null, lease_until = null
        where id = any(:ids) and state = 'dead' returning run_at"""),
        {"ids": list(ids)},
    )
    db.rings = min(revived.scalars(), default=db.rings)
    db.note(actor, "jobs.retry", entity="job", entity_ids=ids, effect="write")
