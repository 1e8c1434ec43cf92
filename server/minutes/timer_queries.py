"""Reads of one's own timer and of what waits to be sorted out. Nobody reads anybody else's, in any role."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, select

from server.minutes.queries import is_live
from server.minutes.tables import TimeEntry, Timer, TimerStretch
from server.minutes.timing import BRIDGE
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db

_MOST = 200
_PATIENT = (Patient.given_names, Patient.family_name, Patient.preferred_name)


@dataclass(frozen=True, slots=True)
class TimerRow:
    """One of one's own timers with the patient's names.

    pages: what each open page counted; empty where none ever showed it. gaps: how much of it does not count as it
    stands.
    """

    id: UUID
    patient_id: UUID
    program: str
    activity: str
    automatic: bool
    state: str
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None
    idle_minutes: int
    pages: dict[str, Any]
    given_names: str
    family_name: str
    preferred_name: str
    gaps: timedelta

    def seconds(self, now: datetime) -> int:
        """What counts of it at `now`, in whole seconds: up to now while it is seen, or has no page to be seen on."""
        end = self.seen_at
        if self.state == "running" and (not self.pages or now - end <= BRIDGE):
            end = max(now, end)
        return max(0, (end - self.started_at - self.gaps) // timedelta(seconds=1))


@dataclass(frozen=True, slots=True)
class StretchRow:
    """A piece of one's own time that waits for a decision, or what was decided."""

    id: UUID
    timer_id: UUID
    patient_id: UUID
    kind: str
    state: str
    started_at: datetime
    ended_at: datetime
    entry_id: UUID | None
    code: str
    message: str
    next_step: str
    reason: str
    program: str
    activity: str
    given_names: str
    family_name: str
    preferred_name: str


@dataclass(frozen=True, slots=True)
class UnconfirmedRow:
    """A draft of one's own in the ledger: it holds its place and is not counted until confirmed.

    timed: a timer that was set aside made it.
    """

    id: UUID
    patient_id: UUID
    program: str
    activity: str
    started_at: datetime
    ended_at: datetime
    reason: str
    timed: bool
    given_names: str
    family_name: str
    preferred_name: str


async def my_running_timer(db: Db, actor: Actor) -> TimerRow | None:
    """The timer that runs for the actor; at most one."""
    actor.require("minutes.write")
    return await _timer(db, Timer.staff_id == actor.staff_id, Timer.state == "running")


async def my_timer(db: Db, actor: Actor, timer_id: UUID) -> TimerRow | None:
    """One of the actor's own timers, whatever became of it."""
    actor.require("minutes.write")
    return await _timer(db, Timer.staff_id == actor.staff_id, Timer.id == timer_id)


async def _timer(db: Db, *where: Any) -> TimerRow | None:
    found = (
        await db.execute(
            select(
                Timer.id, Timer.patient_id, Timer.program, Timer.activity, Timer.automatic, Timer.state,
                Timer.started_at, Timer.seen_at, Timer.stopped_at, Timer.idle_minutes, Timer.pages,
                *_PATIENT,
            )
            .join(Patient, and_(Patient.tenant_id == Timer.tenant_id, Patient.id == Timer.patient_id))
            .where(*where)
        )
    ).one_or_none()  # fmt: skip
    if found is None:
        return None
    gaps = await db.execute(
        select(TimerStretch.started_at, TimerStretch.ended_at).where(
            TimerStretch.timer_id == found.id,
            TimerStretch.kind != "worked",
            TimerStretch.state != "kept",
        )
    )
    values: list[Any] = [*found, sum((end - start for start, end in gaps), timedelta(0))]
    return TimerRow(*values)


async def my_stretches(db: Db, actor: Actor, *, limit: int = _MOST) -> list[StretchRow]:
    """The actor's own pieces of time that wait for them, oldest first."""
    actor.require("minutes.write")
    rows: Any = await db.execute(
        _STRETCHES.where(TimerStretch.staff_id == actor.staff_id, TimerStretch.state.in_(("open", "refused")))
        .order_by(TimerStretch.started_at, TimerStretch.id)
        .limit(limit)
    )
    return [StretchRow(*row) for row in rows]


async def stretches_of_timer(db: Db, actor: Actor, timer_id: UUID) -> list[StretchRow]:
    """Every piece of one of the actor's own timers, in order."""
    actor.require("minutes.write")
    rows: Any = await db.execute(
        _STRETCHES.where(TimerStretch.staff_id == actor.staff_id, TimerStretch.timer_id == timer_id).order_by(
            TimerStretch.started_at, TimerStretch.id
        )
    )
    return [StretchRow(*row) for row in rows]


_STRETCHES = (
    select(
        TimerStretch.id, TimerStretch.timer_id, TimerStretch.patient_id, TimerStretch.kind, TimerStretch.state,
        TimerStretch.started_at, TimerStretch.ended_at, TimerStretch.entry_id, TimerStretch.code,
        TimerStretch.message, TimerStretch.next_step, TimerStretch.reason, Timer.program, Timer.activity,
        *_PATIENT,
    )
    .join(Timer, and_(Timer.tenant_id == TimerStretch.tenant_id, Timer.id == TimerStretch.timer_id))
    .join(Patient, and_(Patient.tenant_id == TimerStretch.tenant_id, Patient.id == TimerStretch.patient_id))
)  # fmt: skip


async def my_unconfirmed(db: Db, actor: Actor, *, limit: int = _MOST) -> list[UnconfirmedRow]:
    """The actor's own drafts in the ledger, oldest first."""
    actor.require("minutes.write")
    timed = exists().where(
        TimerStretch.tenant_id == TimeEntry.tenant_id, TimerStretch.entry_id == TimeEntry.id
    )
    rows: Any = await db.execute(
        select(
            TimeEntry.id, TimeEntry.patient_id, TimeEntry.program, TimeEntry.activity, TimeEntry.started_at,
            TimeEntry.ended_at, TimeEntry.reason, timed, *_PATIENT,
        )
        .join(Patient, and_(Patient.tenant_id == TimeEntry.tenant_id, Patient.id == TimeEntry.patient_id))
        .where(TimeEntry.staff_id == actor.staff_id, TimeEntry.state == "draft", is_live())
        .order_by(TimeEntry.started_at, TimeEntry.id)
        .limit(limit)
    )  # fmt: skip
    return [UnconfirmedRow(*row) for row in rows]
