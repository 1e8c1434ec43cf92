"""What people do with a timer: start, stop, switch and discard it, and decide about the pieces it left open.

Each person has at most one running, for one patient. What it saw goes to the ledger through the ledger's own actions;
what the ledger refuses stays with its owner, with the ledger's sentence, until they mend it. Nothing is dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from server.clock import now
from server.encounters.actions import NewEncounter
from server.encounters.tables import Encounter
from server.enrollment.gate import check_program
from server.enrollment.tables import Enrollment
from server.errors import Refused, not_found
from server.ids import new_id
from server.jobs import add
from server.minutes import timing
from server.minutes.actions import NewMinutes, log_minutes, record_contact, void_minutes
from server.minutes.arithmetic import Span
from server.minutes.jobs import SET_ASIDE
from server.minutes.queries import is_live
from server.minutes.tables import ACTIVITIES, STARTS, TimeEntry, Timer, TimerChoice, TimerStretch
from server.minutes.timer_queries import my_choice
from server.minutes.timing import Gap, Heard, Run
from server.patients.gate import patient_for
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Staff

USUAL_ACTIVITY: Final = "record_review"
_NOT_THIS: Final = "This was not work on this person"


@dataclass(frozen=True, slots=True)
class Start:
    """What a timer is started with. automatic: by opening the chart. program: empty for the one they are in."""

    program: str = ""
    activity: str = ""
    automatic: bool = False
    heard: Heard | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """What a timer is stopped with; what is left empty stays as it was started."""

    program: str = ""
    activity: str = ""
    heard: Heard | None = None


# --- start, beat, stop ------------------------------------------------------------------------------------------


async def start_timer(db: Db, actor: Actor, patient_id: UUID, start: Start) -> Timer:
    """Start for this patient. One that already runs for them is answered with; one for somebody else is refused."""
    actor.require("minutes.write")
    patient = await patient_for(db, actor, patient_id, permission="minutes.write")
    await _my_turn(db, actor)
    running = await _running(db, actor)
    if running is not None:
        if running.patient_id == patient_id:
            return running
        raise await _runs_for_another(db, running)
    return await _begin(db, actor, patient, start)


async def switch_timer(db: Db, actor: Actor, patient_id: UUID, start: Start, stop: Stop) -> Timer:
    """Stop what runs, whoever it is for, and start for this patient, at one instant."""
    actor.require("minutes.write")
    patient = await patient_for(db, actor, patient_id, permission="minutes.write")
    await _my_turn(db, actor)
    running = await _running(db, actor)
    if running is not None and running.patient_id == patient_id:
        return running
    if running is not None:
        await _stop(db, actor, running, stop)
    return await _begin(db, actor, patient, start)


async def beat_timer(db: Db, actor: Actor, timer_id: UUID, heard: Heard) -> Timer:
    """A page says that it is still open. One that comes back to a timer set aside takes it up again.

    A timer that was stopped or discarded is answered with as it is: the page has missed it.
    """
    actor.require("minutes.write")
    _check_heard(heard)
    timer = await _own(db, actor, timer_id)
    if timer.state == "set_aside" and heard.page in timer.pages:
        await _my_turn(db, actor)
        timer = await _own(db, actor, timer_id, lock=True)
        if timer.state == "set_aside":
            return await _come_back(db, actor, timer, heard)
    if timer.state != "running":
        return timer
    timer = await _own(db, actor, timer_id, lock=True)
    if timer.state == "running":
        run, rows = await _run_of(db, timer)
        await _keep(db, actor, timer, timing.beaten(run, heard, now(), _idle(timer)), rows)
    return timer


async def stop_timer(db: Db, actor: Actor, timer_id: UUID, stop: Stop) -> Timer:
    """Stop it and enter its time. Stopped already, it is answered with as it is.

    Nothing is refused here: what the ledger does not take waits for its owner as a refused stretch.
    """
    actor.require("minutes.write")
    _check_stop(stop)
    await _my_turn(db, actor)
    timer = await _own(db, actor, timer_id, lock=True)
    if timer.state == "running":
        await _stop(db, actor, timer, stop)
    return timer


async def discard_timer(db: Db, actor: Actor, timer_id: UUID, *, reason: str = "") -> Timer:
    """This was not work on that person: nothing of it counts. Its times stay in the record."""
    actor.require("minutes.write")
    await _my_turn(db, actor)
    timer = await _own(db, actor, timer_id, lock=True)
    if timer.state == "discarded":
        return timer
    said = reason.strip() or _NOT_THIS
    if timer.state == "stopped":
        raise Refused(
            "TIMER_STOPPED",
            "This timer was stopped and its minutes are in the ledger.",
            "Take the entries back on the person's page of minutes; pieces that wait can be discarded one by one.",
        )
    if timer.state == "running":
        run, rows = await _run_of(db, timer)
        run = timing.stopped(run, None, now(), _idle(timer))
        await _keep(db, actor, timer, run, rows)
        for span in timing.worked(run):
            _stretch(db, timer, span, "worked", "discarded", reason=said, decided_at=now())
    else:
        await _take_back_drafts(db, actor, timer, said)
    for row in await _stretches(db, timer):
        if row.state in ("open", "refused", "kept"):
            row.state, row.reason, row.decided_at = "discarded", said, now()
    timer.state, timer.reason, timer.stopped_at = "discarded", said, timer.stopped_at or now()
    _note(db, actor, "timer.discard", timer)
    return timer


async def set_aside_timer(db: Db, actor: Actor, timer_id: UUID) -> None:
    """Nobody has been seen for long: what was seen becomes a draft for its owner. Done by a job; twice is once."""
    actor.require("minutes.write")
    found = (await db.execute(select(Timer.staff_id).where(Timer.id == timer_id))).scalar_one_or_none()
    if found is None:
        return
    await db.execute(select(Staff.id).where(Staff.id == found).with_for_update(key_share=True))
    timer = (await db.execute(select(Timer).where(Timer.id == timer_id).with_for_update())).scalar_one()
    if timer.state != "running":
        return
    run, rows = await _run_of(db, timer)
    at = now()
    if not timing.is_away(run, at):
        await _look_again(db, actor, timer, min(run.seen_at, at) + timing.patience(run))
        return
    if run.watched:
        run = timing.left(run, _idle(timer))
    else:  # two presses are all that is known of it, and the second never came
        run = replace(run, seen_at=at, gaps=(*run.gaps, Gap(Span(run.started_at, at), "unseen")))
    await _keep(db, actor, timer, run, rows)
    timer.state, timer.stopped_at = "set_aside", at
    for span in timing.worked(run):
        stretch = _stretch(db, timer, span, "worked", "open")
        await _enter(db, actor, timer, stretch, state="draft", reason=_UNSEEN)
    _note(db, actor, "timer.set_aside", timer)


_UNSEEN: Final = "The timer was not seen for ten minutes; confirm what it had counted"


# --- into a contact ---------------------------------------------------------------------------------------------


async def record_contact_with_timer(
    db: Db,
    actor: Actor,
    patient_id: UUID,
    new: NewEncounter,
    timer_id: UUID,
    stop: Stop,
    *,
    typed: bool = False,
    reason: str = "",
) -> tuple[Encounter, list[TimeEntry]]:
    """One save makes the note, stops the timer and gives its time to the note, or none of it.

    typed: minutes were given besides, which is refused: nobody can say which of the two are meant.
    """
    actor.require("minutes.write")
    _check_stop(stop)
    await patient_for(db, actor, patient_id, permission="minutes.write")
    await _my_turn(db, actor)
    timer = await _own(db, actor, timer_id, lock=True)
    if typed:
        raise Refused(
            "TIMER_OR_MINUTES",
            "The minutes were given twice: from the timer, and written.",
            "Choose one of the two.",
            "minutes",
        )
    if timer.state != "running" or timer.patient_id != patient_id:
        raise Refused(
            "TIMER_NOT_HERE",
            "The timer is not running for this person any more, so its time cannot be this contact's.",
            "Write the minutes instead, or leave them out.",
            "timer_id",
        )
    program = stop.program or timer.program
    if not program:
        raise _program_needed()
    run, rows = await _run_of(db, timer)
    run = timing.stopped(run, stop.heard, now(), _idle(timer))
    spans = [whole for span in timing.worked(run) if (whole := _whole(span)) is not None]
    if not spans:
        raise Refused(
            "TIMER_EMPTY",
            "The timer has counted nothing yet.",
            "Write the minutes instead, or leave them out.",
            "timer_id",
        )
    await _keep(db, actor, timer, run, rows)
    timer.program, timer.activity = program, stop.activity or "contact"
    minutes = [
        NewMinutes(
            program=program, activity=timer.activity, started_at=span.start, ended_at=span.end, reason=reason
        )
        for span in spans
    ]
    encounter, entries = await record_contact(db, actor, patient_id, replace(new, at=spans[0].start), minutes)
    for span, entry in zip(spans, entries, strict=True):
        _stretch(db, timer, span, "worked", "entered", entry_id=entry.id, decided_at=now())
    timer.state, timer.stopped_at = "stopped", now()
    _note(db, actor, "timer.stop", timer)
    return encounter, entries


# --- deciding ---------------------------------------------------------------------------------------------------

#: what an owner may decide about a piece of their time -> words
DECISIONS: Final = {
    "keep": "It was work on this person",
    "reassign": "It was work on somebody else",
    "trim": "It was no work",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about a stretch. started_at, ended_at: the part it is about; the rest of it is trimmed.

    patient_id: for whom, when reassigned. What is left empty is as in the timer.
    """

    what: str
    reason: str = ""
    patient_id: UUID | None = None
    program: str = ""
    activity: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None


async def decide_stretch(db: Db, actor: Actor, stretch_id: UUID, decision: Decision) -> TimerStretch:
    """Keep, reassign or trim a piece of one's own time. What the ledger refuses is refused, and nothing changes."""
    actor.require("minutes.write")
    await _my_turn(db, actor)
    stretch, timer = await _own_stretch(db, actor, stretch_id)
    if decision.patient_id is not None:
        await patient_for(db, actor, decision.patient_id, permission="minutes.write")
    running = timer.state == "running"
    _check_decision(stretch, decision, running=running)
    part = _part(stretch, decision)

    for rest in (Span(stretch.started_at, part.start), Span(part.end, stretch.ended_at)):
        if rest.start < rest.end:
            _stretch(db, timer, rest, stretch.kind, "trimmed", reason=decision.reason, decided_at=now())
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
            _minutes(
                timer, _whole_or_refused(part), decision.program, decision.activity, reason=decision.reason
            ),
        )
        stretch.state, stretch.entry_id = "entered", entry.id
    db.note(
        actor, "timer.decide", entity="timer_stretch", entity_ids=[stretch.id],
        patient_ids=[stretch.patient_id], effect="write",
    )  # fmt: skip
    return stretch


async def choose_timer_start(db: Db, actor: Actor, *, start: str, idle_minutes: int) -> None:
    """How one's own timer starts, and after how many minutes of silence it asks."""
    actor.require("minutes.write")
    if start not in STARTS:
        raise Refused(
            "START_UNKNOWN",
            f"“{start[:40]}” is no way to start.",
            f"Choose one of {', '.join(STARTS)}.",
            "start",
        )
    if not 1 <= idle_minutes <= 60:
        raise Refused(
            "BAD_MINUTES",
            f"{idle_minutes} minutes of silence cannot be watched for.",
            "Choose 1 to 60 minutes.",
            "idle_minutes",
        )
    values = {"start": start, "idle_minutes": idle_minutes}
    await db.execute(
        insert(TimerChoice)
        .values(tenant_id=actor.tenant_id, id=new_id(), staff_id=actor.staff_id, **values)
        .on_conflict_do_update(index_elements=["tenant_id", "staff_id"], set_=values)
    )
    db.note(actor, "timer.choose", entity="timer_choice", effect="write")


# --- rules ------------------------------------------------------------------------------------------------------


def _check_heard(heard: Heard | None) -> None:
    if heard is None:
        return
    times = [heard.counted, heard.ago, *(time for burst in heard.bursts for time in burst)]
    if not heard.page or len(heard.page) > 64 or any(not timedelta(0) <= t <= _LONGEST_OPEN for t in times):
        raise Refused(
            "BAD_BEAT",
            "A page's name has 1 to 64 characters, and its times are milliseconds, 0 to 14 days.",
            "Reload the page.",
        )


_LONGEST_OPEN: Final = timedelta(days=14)


def _check_stop(stop: Stop) -> None:
    _check_heard(stop.heard)
    if stop.program:
        check_program(stop.program)
    _check_activity(stop.activity)


def _check_activity(activity: str) -> None:
    if activity and activity not in ACTIVITIES:
        raise Refused(
            "ACTIVITY_UNKNOWN",
            f"“{activity[:40]}” is nothing time can go to here.",
            f"Choose one of {', '.join(ACTIVITIES)}.",
            "activity",
        )


def _check_decision(stretch: TimerStretch, decision: Decision, *, running: bool) -> None:
    if decision.what not in DECISIONS:
        raise Refused(
            "DECISION_UNKNOWN",
            f"“{decision.what[:40]}” is not a decision.",
            f"Choose one of {', '.join(DECISIONS)}.",
            "decision",
        )
    again = running and stretch.state in ("kept", "trimmed")
    if stretch.state not in ("open", "refused") and not again:
        raise Refused(
            "ALREADY_DECIDED",
            "This piece of your time is decided already.",
            "What was entered can be corrected on the person's page of minutes.",
        )
    reason = decision.reason.strip()
    if decision.what == "keep" and not running and stretch.kind != "worked" and not reason:
        raise Refused(
            "REASON_NEEDED",
            "Nobody was seen at work in this piece, so the entry says why it counts.",
            "Write in a few words what you were doing; any reason will do.",
            "reason",
        )
    if decision.what == "trim" and stretch.kind == "worked" and not reason:
        raise Refused(
            "REASON_NEEDED",
            "The timer counted this piece, and it will count for nobody.",
            "Write in a few words why; any reason will do.",
            "reason",
        )
    if decision.what == "reassign" and decision.patient_id is None:
        raise Refused("WHO_NEEDED", "Whose time was it?", "Choose the person.", "patient_id")
    _check_activity(decision.activity)


def _part(stretch: TimerStretch, decision: Decision) -> Span:
    if decision.what == "trim":
        return Span(stretch.started_at, stretch.ended_at)
    # What is typed has minutes or seconds; the stretch has fractions of them.
    part = Span(
        max(decision.started_at, stretch.started_at)
        if decision.started_at and stretch.started_at - decision.started_at < timedelta(minutes=1)
        else decision.started_at or stretch.started_at,
        min(decision.ended_at, stretch.ended_at)
        if decision.ended_at and decision.ended_at - stretch.ended_at < timedelta(minutes=1)
        else decision.ended_at or stretch.ended_at,
    )
    if not (stretch.started_at <= part.start < part.end <= stretch.ended_at):
        raise Refused(
            "OUTSIDE_STRETCH",
            "These times are not within the piece they are about.",
            "Choose a part of it, or leave both empty to take all of it.",
            "started_at",
        )
    return part


def _whole(span: Span) -> Span | None:
    """The span at whole seconds, as people read it back; None if nothing is left."""
    start, end = span.start.replace(microsecond=0), span.end.replace(microsecond=0)
    return Span(start, end) if start < end else None


def _whole_or_refused(span: Span) -> Span:
    found = _whole(span)
    if found is None:
        raise Refused("TOO_SHORT", "This is less than a second.", "Trim it.", "ended_at")
    return found


def _program_needed() -> Refused:
    return Refused(
        "PROGRAM_NEEDED",
        "Minutes belong to a program, and none was chosen.",
        "Choose which program this time was for.",
        "program",
    )


async def _runs_for_another(db: Db, running: Timer) -> Refused:
    names = await db.execute(
        select(Patient.given_names, Patient.family_name).where(Patient.id == running.patient_id)
    )
    given, family = names.one()
    return Refused(
        "TIMER_RUNS_FOR_ANOTHER",
        f"Your timer is running for {given} {family}. Nobody works on two people at once.",
        "Switch it to this person, or stop it first.",
        "patient_id",
    )


# --- a timer and its rows ---------------------------------------------------------------------------------------


async def _my_turn(db: Db, actor: Actor) -> None:
    """One change at a time per person: their row is locked, as whoever enters their minutes does."""
    if actor.staff_id is None:
        raise Refused("WHOSE_TIME", "A timer is somebody's.", "Sign in as the person who works.")
    await db.execute(select(Staff.id).where(Staff.id == actor.staff_id).with_for_update(key_share=True))


async def _own(db: Db, actor: Actor, timer_id: UUID, *, lock: bool = False) -> Timer:
    statement = select(Timer).where(Timer.id == timer_id, Timer.staff_id == actor.staff_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    timer = (await db.execute(statement)).scalar_one_or_none()
    if timer is None:
        db.note(actor, "timer", entity="timer", entity_ids=[timer_id], effect="refused")
        raise not_found("timer")
    return timer


async def _own_stretch(db: Db, actor: Actor, stretch_id: UUID) -> tuple[TimerStretch, Timer]:
    mine = TimerStretch.staff_id == actor.staff_id
    found = await db.execute(
        select(TimerStretch).where(TimerStretch.id == stretch_id, mine).with_for_update()
    )
    stretch = found.scalar_one_or_none()
    if stretch is None:
        db.note(actor, "timer", entity="timer_stretch", entity_ids=[stretch_id], effect="refused")
        raise not_found("piece of time")
    return stretch, await _own(db, actor, stretch.timer_id, lock=True)


async def _running(db: Db, actor: Actor) -> Timer | None:
    found = await db.execute(
        select(Timer).where(Timer.staff_id == actor.staff_id, Timer.state == "running").with_for_update()
    )
    return found.scalar_one_or_none()


async def _begin(db: Db, actor: Actor, patient: Patient, start: Start) -> Timer:
    choice = await my_choice(db, actor)
    programs = await db.execute(
        select(Enrollment.program)
        .where(Enrollment.patient_id == patient.id, Enrollment.ended_on.is_(None))
        .order_by(Enrollment.started_on, Enrollment.id)
    )
    enrolled = list(programs.scalars())
    if start.program:
        check_program(start.program)
    _check_activity(start.activity)
    _check_heard(start.heard)
    if start.automatic and (choice.start != "automatic" or not enrolled or patient.deceased_on is not None):
        raise Refused(
            "NOT_BY_ITSELF",
            "The timer does not start by itself here: you chose otherwise, or this person is in no program.",
            "Start it by hand if this is work to be counted.",
        )
    at = now()
    run = timing.began(at)
    if start.heard is not None:
        run = timing.beaten(run, start.heard, at, timedelta(minutes=choice.idle_minutes))
    timer = Timer(
        tenant_id=actor.tenant_id, id=new_id(), patient_id=patient.id, staff_id=actor.staff_id,
        program=start.program or (enrolled[0] if enrolled else ""), activity=start.activity or USUAL_ACTIVITY,
        automatic=start.automatic, state="running", started_at=at, seen_at=at, active_at=at,
        idle_minutes=choice.idle_minutes, pages=timing.pages_written(run.pages),
    )  # fmt: skip
    db.add(timer)
    await db.flush()
    await _look_again(db, actor, timer, at + timing.AWAY)
    _note(db, actor, "timer.start", timer)
    return timer


async def _look_again(db: Db, actor: Actor, timer: Timer, at: datetime) -> None:
    """Have a job look whether it is still seen. The key holds the instant: a job cannot add itself again."""
    await add(db, actor, SET_ASIDE, f"{timer.id}:{at.timestamp():.3f}", {"timer_id": timer.id}, run_at=at)


async def _stop(db: Db, actor: Actor, timer: Timer, stop: Stop) -> None:
    run, rows = await _run_of(db, timer)
    run = timing.stopped(run, stop.heard, now(), _idle(timer))
    await _keep(db, actor, timer, run, rows)
    timer.program = stop.program or timer.program
    timer.activity = stop.activity or timer.activity
    timer.state, timer.stopped_at = "stopped", now()
    for span in timing.worked(run):
        stretch = _stretch(db, timer, span, "worked", "open")
        await _enter(db, actor, timer, stretch)
    _note(db, actor, "timer.stop", timer)


async def _come_back(db: Db, actor: Actor, timer: Timer, heard: Heard) -> Timer:
    """A page that was away all along is back. Its time goes on if nothing was decided meanwhile, else it waits."""
    run, rows = await _run_of(db, timer)
    at = now()
    if await _running(db, actor) is None:
        try:
            async with db.begin_nested():
                await _take_back_drafts(db, actor, timer, "The page came back and the timer went on")
        except Refused:
            pass
        else:
            timer.state, timer.stopped_at = "running", None
            await db.flush()
            await _keep(db, actor, timer, timing.beaten(run, heard, at, _idle(timer)), rows)
            await _look_again(db, actor, timer, at + timing.AWAY)
            _note(db, actor, "timer.resume", timer)
            return timer
    if at - timer.seen_at >= timing.SHORTEST:
        counted = heard.counted - run.pages[heard.page].counted
        start = max(timer.seen_at, at - max(counted, timedelta(0)))
        if at - start >= timing.SHORTEST:
            _stretch(db, timer, Span(start, at), "unseen", "open")
    pages = {**run.pages, heard.page: replace(run.pages[heard.page], at=at, counted=heard.counted)}
    timer.seen_at, timer.pages = max(timer.seen_at, at), timing.pages_written(pages)
    await db.flush()
    return timer


async def _take_back_drafts(db: Db, actor: Actor, timer: Timer, reason: str) -> None:
    """Void what the timer had put into the ledger as drafts. Refused if one of them has become more than that."""
    for row in await _stretches(db, timer):
        if row.kind != "worked" or row.state not in ("entered", "refused"):
            continue
        if row.entry_id is not None:
            draft = await db.execute(
                select(TimeEntry.id).where(
                    TimeEntry.id == row.entry_id, TimeEntry.state == "draft", is_live()
                )
            )
            if draft.scalar_one_or_none() is None:
                raise Refused(
                    "ALREADY_DECIDED",
                    "The draft of this timer was confirmed or corrected meanwhile.",
                    "Correct that entry on the person's page of minutes.",
                )
            await void_minutes(db, actor, row.entry_id, reason=reason)
        await db.delete(row)
    await db.flush()


def _idle(timer: Timer) -> timedelta:
    return timedelta(minutes=timer.idle_minutes)


async def _stretches(db: Db, timer: Timer) -> Sequence[TimerStretch]:
    found = await db.execute(
        select(TimerStretch)
        .where(TimerStretch.timer_id == timer.id)
        .order_by(TimerStretch.started_at, TimerStretch.id)
    )
    return found.scalars().all()


async def _run_of(db: Db, timer: Timer) -> tuple[Run, dict[UUID, TimerStretch]]:
    rows = {row.id: row for row in await _stretches(db, timer) if row.kind != "worked"}
    gaps = tuple(
        Gap(Span(row.started_at, row.ended_at), row.kind, row.state, row.id) for row in rows.values()
    )
    return Run(timer.started_at, timer.seen_at, timer.active_at, gaps, timing.pages_read(timer.pages)), rows


async def _keep(db: Db, actor: Actor, timer: Timer, run: Run, rows: dict[UUID, TimerStretch]) -> None:
    """Store the run: the timer's instants, its pages, and its gaps as rows."""
    timer.started_at, timer.seen_at, timer.active_at = run.started_at, run.seen_at, run.active_at
    timer.pages = timing.pages_written(run.pages)
    for gap in run.gaps:
        if gap.id is None:
            _stretch(db, timer, gap.span, gap.kind, gap.state)
        else:
            rows[gap.id].started_at, rows[gap.id].ended_at = gap.span.start, gap.span.end
    gone = set(rows) - {gap.id for gap in run.gaps}
    if gone:  # seen after all, or after the end
        await db.execute(delete(TimerStretch).where(TimerStretch.id.in_(gone)))
    await db.flush()


def _stretch(db: Db, timer: Timer, span: Span, kind: str, state: str, **more: Any) -> TimerStretch:
    row = TimerStretch(
        tenant_id=timer.tenant_id, id=new_id(), patient_id=timer.patient_id, staff_id=timer.staff_id,
        timer_id=timer.id, kind=kind, state=state, started_at=span.start, ended_at=span.end,
        code="", message="", next_step="", **{"reason": "", **more},
    )  # fmt: skip
    db.add(row)
    return row


def _minutes(
    timer: Timer, span: Span, program: str = "", activity: str = "", *, reason: str = "", state: str = "final"
) -> NewMinutes:
    chosen = program or timer.program
    if not chosen:
        raise _program_needed()
    return NewMinutes(
        program=chosen, activity=activity or timer.activity, started_at=span.start, ended_at=span.end,
        with_patient=False, state=state, staff_id=timer.staff_id, reason=reason,
    )  # fmt: skip


async def _enter(
    db: Db, actor: Actor, timer: Timer, stretch: TimerStretch, *, state: str = "final", reason: str = ""
) -> None:
    """Give a stretch to the ledger; what it refuses waits for the owner with the ledger's sentence."""
    span = _whole(Span(stretch.started_at, stretch.ended_at))
    if span is None:
        db.expunge(stretch)
        return
    stretch.started_at, stretch.ended_at = span.start, span.end
    await db.flush()
    try:
        async with db.begin_nested():
            entry = await log_minutes(
                db, actor, timer.patient_id, _minutes(timer, span, state=state, reason=reason)
            )
    except Refused as refused:
        stretch.state = "refused"
        stretch.code, stretch.message, stretch.next_step = refused.code, refused.message, refused.next_step
    else:
        stretch.state, stretch.entry_id, stretch.decided_at = "entered", entry.id, now()
    await db.flush()


def _note(db: Db, actor: Actor, action: str, timer: Timer) -> None:
    db.note(
        actor, action, entity="timer", entity_ids=[timer.id], patient_ids=[timer.patient_id], effect="write"
    )
