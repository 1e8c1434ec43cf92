"""A timer and its pieces as rows: held under lock, read as a run, stored, given to the ledger."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from server.clock import now
from server.errors import Refused, not_found
from server.ids import new_id
from server.minutes import timing
from server.minutes.actions import NewMinutes, log_minutes
from server.minutes.arithmetic import Span
from server.minutes.tables import ACTIVITIES, Timer, TimerStretch
from server.minutes.timing import Gap, Run
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Staff
from server.words import say


async def my_turn(db: Db, actor: Actor) -> None:
    """One change at a time per person: their row is locked, as whoever enters their minutes does."""
    actor.require("minutes.write")
    if actor.staff_id is None:
        raise Refused("WHOSE_TIME", say("A timer is somebody's."), say("Sign in as the person who works."))
    await db.execute(select(Staff.id).where(Staff.id == actor.staff_id).with_for_update(key_share=True))


async def own_timer(db: Db, actor: Actor, timer_id: UUID, *, lock: bool = False) -> Timer:
    """One's own timer; anybody else's is as if it were not there."""
    actor.require("minutes.write")
    statement = select(Timer).where(Timer.id == timer_id, Timer.staff_id == actor.staff_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    timer = (await db.execute(statement)).scalar_one_or_none()
    if timer is None:
        db.note(actor, "timer", entity="timer", entity_ids=[timer_id], effect="refused")
        raise not_found("timer")
    return timer


async def running_timer(db: Db, actor: Actor) -> Timer | None:
    """The one that runs for the actor, locked."""
    actor.require("minutes.write")
    found = await db.execute(
        select(Timer).where(Timer.staff_id == actor.staff_id, Timer.state == "running").with_for_update()
    )
    return found.scalar_one_or_none()


async def rows_of(db: Db, timer: Timer) -> Sequence[TimerStretch]:
    """Every piece of the timer, in order."""
    found = await db.execute(
        select(TimerStretch)
        .where(TimerStretch.timer_id == timer.id)
        .order_by(TimerStretch.started_at, TimerStretch.id)
    )
    return found.scalars().all()


async def run_of(db: Db, timer: Timer) -> tuple[Run, dict[UUID, TimerStretch]]:
    """What is known of the timer, and the rows of its gaps by id."""
    rows = {row.id: row for row in await rows_of(db, timer) if row.kind != "worked"}
    gaps = tuple(
        Gap(Span(row.started_at, row.ended_at), row.kind, row.state, row.id) for row in rows.values()
    )
    return Run(timer.started_at, timer.seen_at, timer.active_at, gaps, timing.pages_read(timer.pages)), rows


async def keep_run(db: Db, timer: Timer, run: Run, rows: dict[UUID, TimerStretch]) -> None:
    """Store the run: the timer's instants, its pages, and its gaps as rows."""
    timer.started_at, timer.seen_at, timer.active_at = run.started_at, run.seen_at, run.active_at
    timer.pages = timing.pages_written(run.pages)
    for gap in run.gaps:
        if gap.id is None:
            add_stretch(db, timer, gap.span, gap.kind, gap.state)
        else:
            rows[gap.id].started_at, rows[gap.id].ended_at = gap.span.start, gap.span.end
    gone = set(rows) - {gap.id for gap in run.gaps}
    if gone:  # seen after all, or after the end
        await db.execute(delete(TimerStretch).where(TimerStretch.id.in_(gone)))
    await db.flush()


def add_stretch(db: Db, timer: Timer, span: Span, kind: str, state: str, **more: Any) -> TimerStretch:
    row = TimerStretch(
        tenant_id=timer.tenant_id, id=new_id(), patient_id=timer.patient_id, staff_id=timer.staff_id,
        timer_id=timer.id, kind=kind, state=state, started_at=span.start, ended_at=span.end,
        code="", message="", next_step="", **{"reason": "", **more},
    )  # fmt: skip
    db.add(row)
    return row


def minutes_of_timer(
    timer: Timer, span: Span, program: str = "", activity: str = "", *, reason: str = "", state: str = "final"
) -> NewMinutes:
    """The span as minutes of the timer's owner; program and activity as in the timer where empty."""
    chosen = program or timer.program
    if not chosen:
        raise program_needed()
    return NewMinutes(
        program=chosen, activity=activity or timer.activity, started_at=span.start, ended_at=span.end,
        with_patient=False, state=state, staff_id=timer.staff_id, reason=reason,
    )  # fmt: skip


async def enter_stretch(
    db: Db, actor: Actor, timer: Timer, stretch: TimerStretch, *, state: str = "final", reason: str = ""
) -> None:
    """Give a stretch to the ledger; what it refuses waits for the owner with the ledger's sentence."""
    span = whole(Span(stretch.started_at, stretch.ended_at))
    if span is None:
        db.expunge(stretch)
        return
    stretch.started_at, stretch.ended_at = span.start, span.end
    await db.flush()
    try:
        async with db.begin_nested():
            entry = await log_minutes(
                db, actor, timer.patient_id, minutes_of_timer(timer, span, state=state, reason=reason)
            )
    except Refused as refused:
        stretch.state = "refused"
        stretch.code, stretch.message, stretch.next_step = refused.code, refused.message, refused.next_step
    else:
        stretch.state, stretch.entry_id, stretch.decided_at = "entered", entry.id, now()
    await db.flush()


def whole(span: Span) -> Span | None:
    """The span at whole seconds, as people read it back; None if nothing is left."""
    start, end = span.start.replace(microsecond=0), span.end.replace(microsecond=0)
    return Span(start, end) if start < end else None


def program_needed() -> Refused:
    return Refused(
        "PROGRAM_NEEDED",
        say("Minutes belong to a program, and none was chosen."),
        say("Choose which program this time was for."),
        "program",
    )


def check_activity(activity: str) -> None:
    if activity and activity not in ACTIVITIES:
        raise Refused(
            "ACTIVITY_UNKNOWN",
            say("“%(choice)s” is nothing time can go to here.", choice=activity[:40]),
            say("Choose one of %(choices)s.", choices=", ".join(ACTIVITIES)),
            "activity",
        )


def idle_of(timer: Timer) -> timedelta:
    return timedelta(minutes=timer.idle_minutes)


def note_timer(db: Db, actor: Actor, action: str, timer: Timer) -> None:
    db.note(
        actor, action, entity="timer", entity_ids=[timer.id], patient_ids=[timer.patient_id], effect="write"
    )
