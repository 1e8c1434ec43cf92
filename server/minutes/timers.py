"""What people do with a timer: start, stop, switch and discard it, and save a contact with its time.

Each person has at most one running, for one patient. What it saw goes to the ledger through the ledger's own actions;
what the ledger refuses stays with its owner, with the ledger's sentence, until they mend it. Nothing is dropped.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select

from server.clock import now
from server.encounters.actions import NewEncounter
from server.encounters.tables import Encounter
from server.enrollment.gate import check_program
from server.enrollment.tables import Enrollment
from server.errors import Refused
from server.ids import new_id
from server.jobs import add
from server.minutes import timing
from server.minutes.actions import NewMinutes, record_contact, void_minutes
from server.minutes.arithmetic import Span
from server.minutes.jobs import SET_ASIDE
from server.minutes.tables import TimeEntry, Timer, TimerStretch
from server.minutes.timer_choice import my_choice
from server.minutes.timer_rows import (
    add_stretch,
    check_activity,
    enter_stretch,
    idle_of,
    keep_run,
    my_turn,
    note_timer,
    own_timer,
    program_needed,
    rows_of,
    run_of,
    running_timer,
    whole,
)
from server.minutes.timing import Gap, Heard
from server.patients.gate import patient_for
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Staff
from server.words import N_, say

USUAL_ACTIVITY: Final = "record_review"
_NOT_THIS: Final = N_("This was not work on this person")
UNSEEN: Final = N_("The timer was not seen for ten minutes; confirm what it had counted")
#: what the ledger, which colleagues read, says of a timer's drafts: nothing about anybody's absence
TO_CONFIRM: Final = N_("To be confirmed")
_COUNTED_AGAIN: Final = N_("Entered when the timer stops")


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
    await my_turn(db, actor)
    running = await running_timer(db, actor)
    if running is not None:
        if running.patient_id == patient_id:
            return running
        raise await _runs_for_another(db, running)
    return await _begin(db, actor, patient, start)


async def switch_timer(db: Db, actor: Actor, patient_id: UUID, start: Start, stop: Stop) -> Timer:
    """Stop what runs, whoever it is for, and start for this patient, at one instant."""
    actor.require("minutes.write")
    patient = await patient_for(db, actor, patient_id, permission="minutes.write")
    await my_turn(db, actor)
    running = await running_timer(db, actor)
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
    timer = await own_timer(db, actor, timer_id)
    if timer.state == "set_aside" and heard.page in timer.pages:
        await my_turn(db, actor)
        timer = await own_timer(db, actor, timer_id, lock=True)
        if timer.state == "set_aside":
            return await _come_back(db, actor, timer, heard)
    if timer.state != "running":
        return timer
    timer = await own_timer(db, actor, timer_id, lock=True)
    if timer.state == "running":
        run, rows = await run_of(db, timer)
        await keep_run(db, timer, timing.beaten(run, heard, now(), idle_of(timer)), rows)
    return timer


async def stop_timer(db: Db, actor: Actor, timer_id: UUID, stop: Stop) -> Timer:
    """Stop it and enter its time. Stopped already, it is answered with as it is.

    Pressed at a page that was cut off until it was set aside, it is taken up again and stopped as of the press; where
    that cannot be, what the page counted until then waits. Nothing is refused here: what the ledger does not take waits
    for its owner as a refused stretch.
    """
    actor.require("minutes.write")
    _check_stop(stop)
    await my_turn(db, actor)
    timer = await own_timer(db, actor, timer_id, lock=True)
    heard = stop.heard
    cut_off = timer.state == "set_aside" and heard is not None and heard.page in timer.pages
    if heard is not None and cut_off and not await _taken_up(db, actor, timer):
        await _leave_waiting(db, timer, heard)
    if timer.state == "running":
        await _stop(db, actor, timer, stop)
    return timer


async def discard_timer(db: Db, actor: Actor, timer_id: UUID, *, reason: str = "") -> Timer:
    """This was not work on that person: nothing of it counts. Its times stay in the record."""
    actor.require("minutes.write")
    await my_turn(db, actor)
    timer = await own_timer(db, actor, timer_id, lock=True)
    if timer.state == "discarded":
        return timer
    said = reason.strip() or say(_NOT_THIS)
    if timer.state == "stopped":
        raise Refused(
            "TIMER_STOPPED",
            say("This timer was stopped and its minutes are in the ledger."),
            say(
                "Take the entries back on the person's page of minutes; pieces that wait can be "
                "discarded one by one."
            ),
        )
    if timer.state == "running":
        run, rows = await run_of(db, timer)
        run = timing.stopped(run, None, now(), idle_of(timer))
        await keep_run(db, timer, run, rows)
        for span in timing.worked(run):
            add_stretch(db, timer, span, "worked", "discarded", reason=said, decided_at=now())
    else:
        await _take_back_drafts(db, actor, timer, say(_NOT_THIS), discarding=True)
    for row in await rows_of(db, timer):
        if row.kind != "worked" and row.state == "entered" and await _take_back_kept(db, actor, timer, row):
            row.state, row.reason, row.decided_at = "discarded", said, now()
        if row.state in ("open", "refused", "kept"):
            row.state, row.reason, row.decided_at = "discarded", said, now()
    timer.state, timer.reason, timer.stopped_at = "discarded", said, timer.stopped_at or now()
    note_timer(db, actor, "timer.discard", timer)
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
    run, rows = await run_of(db, timer)
    at = now()
    if not timing.is_away(run, at):
        await _look_again(db, actor, timer, min(run.seen_at, at) + timing.patience(run))
        return
    if run.watched:
        run = timing.left(run, idle_of(timer))
    else:  # two presses are all that is known of it, and the second never came
        run = replace(run, seen_at=at, gaps=(*run.gaps, Gap(Span(run.started_at, at), "unseen")))
    await keep_run(db, timer, run, rows)
    timer.state, timer.stopped_at = "set_aside", at
    for span in timing.worked(run):
        stretch = add_stretch(db, timer, span, "worked", "open", reason=say(UNSEEN))
        await enter_stretch(db, actor, timer, stretch, state="draft", reason=say(TO_CONFIRM))
    note_timer(db, actor, "timer.set_aside", timer)


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
    late: bool = False,
) -> tuple[Encounter, list[TimeEntry]]:
    """One save makes the note, stops the timer and gives its time to the note, or none of it.

    typed: minutes were given besides, which is refused: nobody can say which of the two are meant. reason, late: as in
    NewMinutes.
    """
    actor.require("minutes.write")
    _check_stop(stop)
    await patient_for(db, actor, patient_id, permission="minutes.write")
    await my_turn(db, actor)
    timer = await own_timer(db, actor, timer_id, lock=True)
    if typed:
        raise Refused(
            "TIMER_OR_MINUTES",
            say("The minutes were given twice: from the timer, and written."),
            say("Choose one of the two."),
            "minutes",
        )
    if new.staff_id not in (None, actor.staff_id):
        raise Refused(
            "TIMER_IS_YOURS",
            say("The timer counted your time, and this contact is a colleague's."),
            say("Leave the timer out and write their minutes, or record the contact as yours."),
            "staff_id",
        )
    if timer.state != "running" or timer.patient_id != patient_id:
        raise Refused(
            "TIMER_NOT_HERE",
            say("The timer is not running for this person any more, so its time cannot be this contact's."),
            say("Write the minutes instead, or leave them out."),
            "timer_id",
        )
    program = stop.program or timer.program
    if not program:
        raise program_needed()
    run, rows = await run_of(db, timer)
    run = timing.stopped(run, stop.heard, now(), idle_of(timer))
    spans = [cut for span in timing.worked(run) if (cut := whole(span)) is not None]
    if not spans:
        raise Refused(
            "TIMER_EMPTY",
            say("The timer has counted nothing yet."),
            say("Write the minutes instead, or leave them out."),
            "timer_id",
        )
    await keep_run(db, timer, run, rows)
    timer.program, timer.activity = program, stop.activity or "contact"
    minutes = [
        NewMinutes(
            program=program,
            activity=timer.activity,
            started_at=span.start,
            ended_at=span.end,
            reason=reason,
            late=late,
        )
        for span in spans
    ]
    encounter, entries = await record_contact(db, actor, patient_id, replace(new, at=spans[0].start), minutes)
    for span, entry in zip(spans, entries, strict=True):
        add_stretch(db, timer, span, "worked", "entered", entry_id=entry.id, decided_at=now())
    timer.state, timer.stopped_at = "stopped", now()
    note_timer(db, actor, "timer.stop", timer)
    return encounter, entries


# --- rules ------------------------------------------------------------------------------------------------------


def _check_heard(heard: Heard | None) -> None:
    if heard is None:
        return
    times = [heard.counted, heard.ago, *(time for burst in heard.bursts for time in burst)]
    if (
        not heard.page
        or len(heard.page) > 64
        or any(not timedelta(0) <= t <= timing.LONGEST_OPEN for t in times)
    ):
        raise Refused(
            "BAD_BEAT",
            say("A page's name has 1 to 64 characters, and its times are milliseconds, 0 to 14 days."),
            say("Reload the page."),
        )


def _check_stop(stop: Stop) -> None:
    _check_heard(stop.heard)
    if stop.program:
        check_program(stop.program)
    check_activity(stop.activity)


async def _runs_for_another(db: Db, running: Timer) -> Refused:
    names = await db.execute(
        select(Patient.given_names, Patient.family_name).where(Patient.id == running.patient_id)
    )
    given, family = names.one()
    return Refused(
        "TIMER_RUNS_FOR_ANOTHER",
        say(
            "Your timer is running for %(name)s. Nobody works on two people at once.",
            name=f"{given} {family}",
        ),
        say("Switch it to this person, or stop it first."),
        "patient_id",
    )


# --- a timer and its rows ---------------------------------------------------------------------------------------


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
    check_activity(start.activity)
    _check_heard(start.heard)
    if start.automatic and (choice.start != "automatic" or not enrolled or patient.deceased_on is not None):
        raise Refused(
            "NOT_BY_ITSELF",
            say(
                "The timer does not start by itself here: you chose otherwise, or this person is in no "
                "program."
            ),
            say("Start it by hand if this is work to be counted."),
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
    note_timer(db, actor, "timer.start", timer)
    return timer


async def _look_again(db: Db, actor: Actor, timer: Timer, at: datetime) -> None:
    """Have a job look whether it is still seen. The key holds the instant: a job cannot add itself again."""
    await add(db, actor, SET_ASIDE, f"{timer.id}:{at.timestamp():.3f}", {"timer_id": timer.id}, run_at=at)


async def _stop(db: Db, actor: Actor, timer: Timer, stop: Stop) -> None:
    run, rows = await run_of(db, timer)
    run = timing.stopped(run, stop.heard, now(), idle_of(timer))
    await keep_run(db, timer, run, rows)
    timer.program = stop.program or timer.program
    timer.activity = stop.activity or timer.activity
    timer.state, timer.stopped_at = "stopped", now()
    for span in timing.worked(run):
        stretch = add_stretch(db, timer, span, "worked", "open")
        await enter_stretch(db, actor, timer, stretch)
    note_timer(db, actor, "timer.stop", timer)


async def _come_back(db: Db, actor: Actor, timer: Timer, heard: Heard) -> Timer:
    """A page that was away all along is back. Its time goes on if nothing was decided meanwhile, else it waits."""
    if not await _taken_up(db, actor, timer):
        await _leave_waiting(db, timer, heard)
        return timer
    run, rows = await run_of(db, timer)
    at = now()
    await keep_run(db, timer, timing.beaten(run, heard, at, idle_of(timer)), rows)
    await _look_again(db, actor, timer, at + timing.AWAY)
    note_timer(db, actor, "timer.resume", timer)
    return timer


async def _taken_up(db: Db, actor: Actor, timer: Timer) -> bool:
    """Let one that was set aside run again, its drafts taken back; False where anything was decided meanwhile."""
    decided = any(row.kind == "worked" and row.state == "trimmed" for row in await rows_of(db, timer))
    if decided or await running_timer(db, actor) is not None:
        return False
    try:
        async with db.begin_nested():
            await _take_back_drafts(db, actor, timer, say(_COUNTED_AGAIN))
    except Refused:
        return False
    timer.state, timer.stopped_at = "running", None
    await db.flush()
    return True


async def _leave_waiting(db: Db, timer: Timer, heard: Heard) -> None:
    """What a page counted since it was last heard, until it spoke, waits for the owner as a piece nobody saw."""
    at, page = now() - heard.ago, timing.pages_read(timer.pages)[heard.page]
    if at - timer.seen_at >= timing.SHORTEST:
        start = max(timer.seen_at, at - max(heard.counted - page.counted, timedelta(0)))
        if at - start >= timing.SHORTEST:
            add_stretch(db, timer, Span(start, at), "unseen", "open")
    timer.seen_at = max(timer.seen_at, at)
    known = replace(page, at=at, counted=heard.counted)
    timer.pages = {**timer.pages, **timing.pages_written({heard.page: known})}
    await db.flush()


async def _take_back_drafts(
    db: Db, actor: Actor, timer: Timer, reason: str, *, discarding: bool = False
) -> None:
    """Void what the timer had put into the ledger as drafts. Refused if one of them has become more than that.

    discarding: one its owner took back already is nothing to do; otherwise it is refused as decided.
    """
    for row in await rows_of(db, timer):
        if row.kind != "worked" or row.state not in ("entered", "refused"):
            continue
        if row.entry_id is not None:
            newest = await _newest(db, row.entry_id)
            if newest.id == row.entry_id:
                await void_minutes(db, actor, newest.id, reason=reason)
            elif not (discarding and newest.void):
                raise _decided(say("The draft of this timer was confirmed or corrected meanwhile."))
        await db.delete(row)
    await db.flush()


async def _take_back_kept(db: Db, actor: Actor, timer: Timer, row: TimerStretch) -> bool:
    """Void the entry of a silence that was kept for this timer's person; False where it was somebody else's time.

    Refused where the entry was corrected since. One taken back already is nothing to do.
    """
    assert row.entry_id is not None
    newest = await _newest(db, row.entry_id)
    if newest.patient_id != timer.patient_id:
        return False
    if newest.id == row.entry_id:
        await void_minutes(db, actor, newest.id, reason=say(_NOT_THIS))
    elif not newest.void:
        raise _decided(say("A silence of this timer that you kept was corrected in the ledger meanwhile."))
    return True


async def _newest(db: Db, entry_id: UUID) -> TimeEntry:
    """The last of an entry's line: itself, or what its corrections ended in."""
    entry = (await db.execute(select(TimeEntry).where(TimeEntry.id == entry_id))).scalar_one()
    later = select(TimeEntry).where(TimeEntry.replaces_id == entry.id)
    while (next_one := (await db.execute(later)).scalar_one_or_none()) is not None:
        entry, later = next_one, select(TimeEntry).where(TimeEntry.replaces_id == next_one.id)
    return entry


def _decided(what: str) -> Refused:
    return Refused(
        "ALREADY_DECIDED",
        what,
        say("Correct that entry on the person's page of minutes, or take it back there."),
    )
