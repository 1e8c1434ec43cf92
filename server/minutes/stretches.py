"""What an owner decides about a piece of their time: work on this person, on somebody else, or no work."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select

from server.clock import now
from server.errors import Refused, not_found
from server.minutes.actions import log_minutes
from server.minutes.arithmetic import Span
from server.minutes.tables import Timer, TimerStretch
from server.minutes.timer_rows import add_stretch, check_activity, minutes_of_timer, my_turn, own_timer, whole
from server.patients.gate import patient_for
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import N_, say

#: what an owner may decide about a piece of their time -> words
DECISIONS: Final = {
    "keep": N_("It was work on this person"),
    "reassign": N_("It was work on somebody else"),
    "trim": N_("It was no work"),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about a stretch. started_at, ended_at: the part it is about.

    Of a silence or an absence the rest is trimmed; of work it waits on, to be decided by itself. patient_id: for whom,
    when reassigned. late: as in NewMinutes. What is left empty is as in the timer.
    """

    what: str
    reason: str = ""
    patient_id: UUID | None = None
    program: str = ""
    activity: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    late: bool = False


async def decide_stretch(db: Db, actor: Actor, stretch_id: UUID, decision: Decision) -> TimerStretch:
    """Keep, reassign or trim a piece of one's own time. What the ledger refuses is refused, and nothing changes."""
    actor.require("minutes.write")
    await my_turn(db, actor)
    stretch, timer = await _own_stretch(db, actor, stretch_id)
    if decision.patient_id is not None:
        await patient_for(db, actor, decision.patient_id, permission="minutes.write")
    running = timer.state == "running"
    _check_decision(stretch, decision, running=running)
    part = _part(stretch, decision)

    for rest in (Span(stretch.started_at, part.start), Span(part.end, stretch.ended_at)):
        if rest.start >= rest.end:
            continue
        if stretch.kind == "worked":  # counted, so nobody drops it by the way
            add_stretch(db, timer, rest, "worked", "open")
        else:
            add_stretch(db, timer, rest, stretch.kind, "trimmed", reason=decision.reason, decided_at=now())
    stretch.started_at, stretch.ended_at = part.start, part.end
    stretch.reason, stretch.decided_at = decision.reason, now()
    stretch.code = stretch.message = stretch.next_step = ""
    if decision.what == "trim":
        stretch.state = "trimmed"
    elif decision.what == "keep" and running:
        stretch.state = "kept"
    else:
        entry = await log_minutes(
            db,
            actor,
            decision.patient_id
            if decision.what == "reassign" and decision.patient_id
            else stretch.patient_id,
            replace(
                minutes_of_timer(timer, _whole_or_refused(part), decision.program, decision.activity),
                reason=decision.reason,
                late=decision.late,
            ),
        )
        stretch.state, stretch.entry_id = "entered", entry.id
    db.note(
        actor, "timer.decide", entity="timer_stretch", entity_ids=[stretch.id],
        patient_ids=[stretch.patient_id], effect="write",
    )  # fmt: skip
    return stretch


def _check_decision(stretch: TimerStretch, decision: Decision, *, running: bool) -> None:
    if decision.what not in DECISIONS:
        raise Refused(
            "DECISION_UNKNOWN",
            say("“%(choice)s” is not a decision.", choice=decision.what[:40]),
            say("Choose one of %(choices)s.", choices=", ".join(DECISIONS)),
            "decision",
        )
    again = running and stretch.state in ("kept", "trimmed")
    if stretch.state not in ("open", "refused") and not again:
        raise Refused(
            "ALREADY_DECIDED",
            say("This piece of your time is decided already."),
            say("What was entered can be corrected on the person's page of minutes."),
        )
    reason = decision.reason.strip()
    if decision.what == "keep" and not running and stretch.kind != "worked" and not reason:
        raise Refused(
            "REASON_NEEDED",
            say("Nobody was seen at work in this piece, so the entry says why it counts."),
            say("Write in a few words what you were doing; any reason will do."),
            "reason",
        )
    if decision.what == "trim" and stretch.kind == "worked" and not reason:
        raise Refused(
            "REASON_NEEDED",
            say("The timer counted this piece, and it will count for nobody."),
            say("Write in a few words why; any reason will do."),
            "reason",
        )
    if decision.what == "reassign" and decision.patient_id is None:
        raise Refused("WHO_NEEDED", say("Whose time was it?"), say("Choose the person."), "patient_id")
    check_activity(decision.activity)


def _part(stretch: TimerStretch, decision: Decision) -> Span:
    if decision.what == "trim":
        return Span(stretch.started_at, stretch.ended_at)
    start = _edge(decision.started_at, stretch.started_at)
    end = _edge(decision.ended_at, stretch.ended_at)
    # Typed without seconds, it may lie a little outside.
    if timedelta(0) < stretch.started_at - start < timedelta(minutes=1):
        start = stretch.started_at
    if timedelta(0) < end - stretch.ended_at < timedelta(minutes=1):
        end = stretch.ended_at
    part = Span(start, end)
    if not (stretch.started_at <= part.start < part.end <= stretch.ended_at):
        raise Refused(
            "OUTSIDE_STRETCH",
            say("These times are not within the piece they are about."),
            say("Choose a part of it, or leave both empty to take all of it."),
            "started_at",
        )
    return part


def _edge(typed: datetime | None, edge: datetime) -> datetime:
    """What is typed has no fractions of a second: within the edge's second the edge is meant."""
    if typed is None or typed.replace(microsecond=0) == edge.replace(microsecond=0):
        return edge
    return typed


def _whole_or_refused(span: Span) -> Span:
    found = whole(span)
    if found is None:
        raise Refused("TOO_SHORT", say("This is less than a second."), say("Trim it."), "ended_at")
    return found


async def _own_stretch(db: Db, actor: Actor, stretch_id: UUID) -> tuple[TimerStretch, Timer]:
    """One's own piece and its timer, locked; the timer first, as whoever beats or stops it does."""
    mine = (TimerStretch.id == stretch_id) & (TimerStretch.staff_id == actor.staff_id)
    timer_id = (await db.execute(select(TimerStretch.timer_id).where(mine))).scalar_one_or_none()
    timer = await own_timer(db, actor, timer_id, lock=True) if timer_id else None
    stretch = (await db.execute(select(TimerStretch).where(mine).with_for_update())).scalar_one_or_none()
    if stretch is None or timer is None:  # never there, or seen after all meanwhile
        db.note(actor, "timer", entity="timer_stretch", entity_ids=[stretch_id], effect="refused")
        raise not_found("piece of time")
    return stretch, timer
