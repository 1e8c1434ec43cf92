"""What people do with minutes: enter them, correct them by a further entry, take them back, join a meeting.

The ledger, each person's occupied time and the mark on the month change in one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError

from server.clock import now
from server.encounters.actions import NewEncounter, record_encounter
from server.encounters.gate import encounter_for
from server.encounters.tables import Encounter
from server.enrollment.days import Life
from server.enrollment.gate import check_program, life_of
from server.errors import Refused, check_choice, not_found
from server.ids import new_id
from server.minutes.arithmetic import Span, check_span, months_touched, overlap_refusal
from server.minutes.closed import late_into, mark_changes
from server.minutes.gate import entry_for
from server.minutes.jobs import ask_for_recount
from server.minutes.queries import is_live
from server.minutes.recount import mark_months
from server.minutes.tables import ACTIVITIES, MODES, NOBODYS_TIME, PersonTime, TimeEntry
from server.minutes.totals import PatientMonth
from server.patients.gate import patient_for
from server.patients.records import of_people, person_of
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Staff
from server.words import say

_EXCLUDED = "23P01"  # PostgreSQL's exclusion_violation

#: kinds of contact at which the person can be there themselves
_LIVE_KINDS = frozenset({"phone", "video", "in_person", "home"})

#: what a correction may change; another patient's minutes are taken back here and entered there
CORRECTABLE = (
    "program", "activity", "mode", "with_patient", "started_at", "ended_at", "state", "part_of", "joint",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewMinutes:
    """A span of somebody's time. staff_id: whose; empty for one's own, a colleague's needs a reason.

    mode: a key of MODES, or empty for work that was no contact. state: final, or draft until confirmed (it holds its
    place but is not counted). part_of: another billed service these minutes belong to. joint: a meeting others may
    join. late: it may go into a month that is closed already, for the reason given. with_patient: empty lets the contact it belongs to decide.
    """

    program: str
    activity: str
    started_at: datetime
    ended_at: datetime
    mode: str = ""
    with_patient: bool | None = None
    state: str = "final"
    part_of: str = ""
    joint: bool = False
    encounter_id: UUID | None = None
    staff_id: UUID | None = None
    reason: str = ""
    late: bool = False

    @property
    def span(self) -> Span:
        return Span(self.started_at, self.ended_at)


async def log_minutes(db: Db, actor: Actor, patient_id: UUID, new: NewMinutes) -> TimeEntry:
    """Enter minutes. Refused: impossible spans, overlaps, late ones without a reason, a colleague who has left."""
    entry = await _log(db, actor, patient_id, new)
    await _settle(db, actor, entry)
    return entry


async def _log(db: Db, actor: Actor, patient_id: UUID, new: NewMinutes) -> TimeEntry:
    actor.require("minutes.write")
    patient = await patient_for(db, actor, patient_id, permission="minutes.write")
    staff_id = await _person(db, actor, new.staff_id, new.reason, staying=True)
    if new.encounter_id is not None:
        await _check_encounter(db, actor, new.encounter_id, patient_id)

    _check(life_of(patient, actor), new)
    new = await _timely(db, actor, new, new.span)

    entry_id = new_id()
    entry = _entry(actor, patient_id, staff_id, new, id=entry_id, joint_id=entry_id if new.joint else None)
    await _append(db, entry)
    await _hold(db, actor, entry)
    return entry


async def record_contact(
    db: Db, actor: Actor, patient_id: UUID, new: NewEncounter, spans: Sequence[NewMinutes] = ()
) -> tuple[Encounter, list[TimeEntry]]:
    """One save makes the note and its minutes, or neither."""
    encounter = await record_encounter(db, actor, patient_id, new)
    entries = []
    for span in spans:
        there = encounter.outcome in ("reached", "declined_program") and encounter.kind in _LIVE_KINDS
        entries.append(
            await _log(
                db,
                actor,
                patient_id,
                replace(
                    span,
                    encounter_id=encounter.id,
                    staff_id=encounter.staff_id,
                    mode=span.mode or (encounter.kind if encounter.kind in MODES else ""),
                    with_patient=there if span.with_patient is None else span.with_patient,
                ),
            )
        )
    await _settle(db, actor, *entries)
    return encounter, entries


async def correct_minutes(
    db: Db, actor: Actor, entry_id: UUID, *, changes: Mapping[str, Any], reason: str, late: bool = False
) -> TimeEntry:
    """A further entry in place of this one, with the reason. changes: some of CORRECTABLE. late: as in NewMinutes."""
    old, life = await entry_for(db, actor, entry_id)
    if unknown := set(changes) - set(CORRECTABLE):
        raise ValueError(f"an entry has no correctable {sorted(unknown)}")
    _check_reason(reason)
    await _person(db, actor, old.staff_id, reason)
    await _check_live(db, old)

    kept = {name: getattr(old, name) for name in CORRECTABLE if name != "joint"}
    joint = bool(changes.get("joint", old.joint_id is not None))
    new = NewMinutes(
        **{
            **kept,
            **changes,
            "joint": joint,
            "encounter_id": old.encounter_id,
            "reason": reason,
            "late": late,
        }
    )
    _check(life, new)
    new = await _timely(db, actor, new, Span(old.started_at, old.ended_at), new.span)

    new_entry_id = new_id()
    joint_id = (old.joint_id or new_entry_id) if joint else None
    entry = _entry(
        actor, old.patient_id, old.staff_id, new, id=new_entry_id, joint_id=joint_id, replaces_id=old.id
    )
    await _append(db, entry)
    await _release(db, old)
    await _hold(db, actor, entry)
    await _settle(db, actor, old, entry)
    return entry


async def confirm_minutes(
    db: Db, actor: Actor, entry_id: UUID, *, late: bool = False, reason: str = ""
) -> TimeEntry:
    """A draft of one's own becomes final: it was so. late, with its reason: as in NewMinutes."""
    draft, _ = await entry_for(db, actor, entry_id, whoever=True)  # it answers with nothing of the draft
    if draft.state != "draft":
        raise Refused("NOT_A_DRAFT", say("These minutes are final already."))
    if draft.staff_id != actor.staff_id:
        raise Refused(
            "NOT_YOURS_TO_CONFIRM",
            say("Only the person whose time it was can confirm it."),
            say("Ask them to."),
        )
    if late and not reason.strip():
        await _timely(db, actor, NewMinutes("", "", draft.started_at, draft.ended_at, late=True))
    said = reason.strip() or say("Confirmed")
    return await correct_minutes(db, actor, entry_id, changes={"state": "final"}, reason=said, late=late)


async def void_minutes(db: Db, actor: Actor, entry_id: UUID, *, reason: str, late: bool = False) -> TimeEntry:
    """Take an entry back altogether: a further entry says so and why. late: as in NewMinutes."""
    old, _ = await entry_for(db, actor, entry_id)
    _check_reason(reason)
    await _person(db, actor, old.staff_id, reason)
    await _check_live(db, old)

    values = {name: getattr(old, name) for name in CORRECTABLE if name != "joint"}
    new = NewMinutes(**{**values, "encounter_id": old.encounter_id, "reason": reason, "late": late})
    new = await _timely(db, actor, new, new.span)
    taken_back = _entry(
        actor,
        old.patient_id,
        old.staff_id,
        new,
        id=new_id(),
        joint_id=old.joint_id,
        replaces_id=old.id,
        void=True,
    )
    await _append(db, taken_back)
    await _release(db, old)
    await _settle(db, actor, taken_back)
    return taken_back


@dataclass(frozen=True, slots=True)
class Joining:
    """How one joins a meeting; everything left out is as in the entry joined.

    patient_id: the meeting was about this patient too. staff_id, reason and late: as in NewMinutes.
    """

    patient_id: UUID | None = None
    program: str = ""
    activity: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    state: str = "final"
    staff_id: UUID | None = None
    reason: str = ""
    late: bool = False


async def join_meeting(db: Db, actor: Actor, entry_id: UUID, joining: Joining) -> TimeEntry:
    """Enter minutes in a meeting that somebody entered: one's own time in it, or the same time for one more patient.

    For one patient a meeting counts one person's time only. A meeting about several patients is one stretch of each
    person's time, and each patient counts an equal slice of it.
    """
    first, _ = await entry_for(db, actor, entry_id)
    staff_id = await _person(db, actor, joining.staff_id, joining.reason, staying=True)
    await _check_live(db, first)
    if first.joint_id is None:
        raise Refused(
            "NOT_A_MEETING",
            say("These minutes are not marked as a meeting, so they are one person's alone."),
            say("Correct that entry and tick “meeting”, then join it."),
        )
    whom = joining.patient_id or first.patient_id
    patient = await patient_for(
        db, actor, whom, permission="minutes.write", by_row=joining.patient_id is None
    )
    patient_id = patient.id
    new = NewMinutes(
        program=joining.program or first.program,
        activity=joining.activity or first.activity,
        started_at=joining.started_at or first.started_at,
        ended_at=joining.ended_at or first.ended_at,
        mode=first.mode,
        with_patient=first.with_patient if whom == first.patient_id else False,
        state=joining.state,
        joint=True,
        reason=joining.reason,
        late=joining.late,
    )
    _check(life_of(patient, actor), new)
    new = await _timely(db, actor, new, new.span)
    meeting = Span(first.started_at, first.ended_at)
    if not new.span.meets(meeting):
        raise Refused(
            "OUTSIDE_THE_MEETING",
            say("These times do not touch the meeting's."),
            say("Leave the times out to use the meeting's own, or enter the minutes separately."),
            "started_at",
        )
    await _check_not_in(db, first.joint_id, staff_id, patient_id, new.program)

    entry = _entry(actor, patient_id, staff_id, new, id=new_id(), joint_id=first.joint_id)
    await _append(db, entry)
    await _hold(db, actor, entry)
    await _settle(db, actor, entry)
    return entry


# --- checks ---------------------------------------------------------------------------------------------------


def _check(life: Life, new: NewMinutes) -> None:
    check_program(new.program)
    for field, words in (
        ("activity", tuple(ACTIVITIES)),
        ("mode", ("", *MODES)),
        ("state", ("draft", "final")),
    ):
        check_choice(getattr(new, field), words, field)
    check_span(life, new.span, reason=new.reason)


async def _timely(db: Db, actor: Actor, new: NewMinutes, *spans: Span) -> NewMinutes:
    """`new` if the months it changes are open, or if it says that it is late; `late` then says whether it was."""
    spans = spans or (new.span,)
    return replace(new, late=await late_into(db, actor, spans, late=new.late, reason=new.reason))


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise Refused(
            "REASON_NEEDED",
            say("The ledger keeps what it said before, so a change says why."),
            say("Write a few words; any reason will do."),
            "reason",
        )


async def _check_live(db: Db, entry: TimeEntry) -> None:
    live = (
        await db.execute(select(TimeEntry.id).where(TimeEntry.id == entry.id, is_live()))
    ).scalar_one_or_none()
    if live is None:
        raise _already_corrected()


def _already_corrected() -> Refused:
    return Refused(
        "ALREADY_CORRECTED",
        say("This entry was corrected or taken back already, and only the newest one counts."),
        say("Open the patient's minutes again and correct the newest entry."),
    )


async def _check_not_in(db: Db, joint_id: UUID, staff_id: UUID, patient_id: UUID, program: str) -> None:
    found = await db.execute(
        select(TimeEntry.id)
        .where(
            TimeEntry.joint_id == joint_id,
            TimeEntry.staff_id == staff_id,
            of_people(TimeEntry.patient_id, [patient_id]),
            TimeEntry.program == program,
            is_live(),
        )
        .limit(1)
    )
    if found.scalar_one_or_none() is not None:
        raise Refused(
            "ALREADY_IN_MEETING",
            say("This person's minutes in that meeting are entered already."),
            say("Correct that entry if its times are wrong."),
        )


async def _check_encounter(db: Db, actor: Actor, encounter_id: UUID, patient_id: UUID) -> None:
    encounter, _ = await encounter_for(db, actor, encounter_id, permission="minutes.write")
    if encounter.patient_id != patient_id:
        raise Refused(
            "ANOTHER_PERSONS_CONTACT",
            say("That contact is with somebody else, so it cannot hold this person's minutes."),
            say("Choose one of this person's contacts, or leave it out."),
            "encounter_id",
        )


async def _person(db: Db, actor: Actor, staff_id: UUID | None, reason: str, *, staying: bool = False) -> UUID:
    """Whose time it is, locked until this transaction ends. staying: refuse someone who has left."""
    whose = staff_id or actor.staff_id
    if whose is None:
        raise Refused("WHOSE_TIME", say("Minutes are somebody's."), say("Say whose they were."), "staff_id")
    # One writer at a time per person. The exclusion constraint alone would hold too, but two inserts that meet in
    # it wait for each other until one is killed as a deadlock, a second later.
    member = (
        await db.execute(select(Staff).where(Staff.id == whose).with_for_update(key_share=True))
    ).scalar_one_or_none()
    if member is None:
        raise not_found("colleague")
    if staying and not member.active:
        raise Refused(
            "STAFF_INACTIVE",
            say(
                "%(name)s no longer works here, so no new minutes can be entered for them.", name=member.name
            ),
            say("Choose who did the work."),
            "staff_id",
        )
    if whose != actor.staff_id and not reason.strip():
        raise Refused(
            "FOR_ANOTHER_WITHOUT_REASON",
            say("These are %(name)s's minutes, and you are entering them.", name=member.name),
            say("Write in a few words why; any reason will do."),
            "reason",
        )
    return whose


# --- the ledger and what hangs on it --------------------------------------------------------------------------


def _entry(
    actor: Actor,
    patient_id: UUID,
    staff_id: UUID,
    new: NewMinutes,
    *,
    id: UUID,
    joint_id: UUID | None,
    replaces_id: UUID | None = None,
    void: bool = False,
) -> TimeEntry:
    return TimeEntry(
        tenant_id=actor.tenant_id,
        id=id,
        patient_id=patient_id,
        staff_id=staff_id,
        program=new.program,
        activity=new.activity,
        mode=new.mode,
        with_patient=bool(new.with_patient),
        started_at=new.started_at,
        ended_at=new.ended_at,
        state=new.state,
        part_of=new.part_of,
        joint_id=joint_id,
        encounter_id=new.encounter_id,
        replaces_id=replaces_id,
        void=void,
        reason=new.reason,
        late=new.late,
        made_at=now(),
        made_by=actor.staff_id,
    )


async def _append(db: Db, entry: TimeEntry) -> None:
    try:
        async with db.begin_nested():
            db.add(entry)
    except IntegrityError as error:
        if entry.replaces_id is None:
            raise
        raise _already_corrected() from error


async def _hold(db: Db, actor: Actor, entry: TimeEntry) -> None:
    """Occupy the person's time. Refused where they are somewhere else already."""
    if entry.activity in NOBODYS_TIME:
        return
    if entry.joint_id is not None and await _shared_row(db, entry) is not None:
        return
    try:
        async with db.begin_nested():
            db.add(
                PersonTime(
                    tenant_id=entry.tenant_id,
                    id=new_id(),
                    staff_id=entry.staff_id,
                    span=Range(entry.started_at, entry.ended_at),
                    entry_id=entry.id,
                    joint_id=entry.joint_id,
                )
            )
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", "") != _EXCLUDED:
            raise
        raise await _overlap(db, actor, entry) from error


async def _shared_row(db: Db, entry: TimeEntry) -> UUID | None:
    return (
        await db.execute(
            select(PersonTime.id).where(
                PersonTime.staff_id == entry.staff_id,
                PersonTime.joint_id == entry.joint_id,
                PersonTime.span == Range(entry.started_at, entry.ended_at),
            )
        )
    ).scalar_one_or_none()


async def _overlap(db: Db, actor: Actor, entry: TimeEntry) -> Refused:
    span = Range(entry.started_at, entry.ended_at)
    taken = (
        await db.execute(
            select(PersonTime.span, PersonTime.entry_id)
            .where(PersonTime.staff_id == entry.staff_id, PersonTime.span.overlaps(span))
            .order_by(PersonTime.span)
            .limit(1)
        )
    ).one()
    patient_id = (
        await db.execute(select(person_of(TimeEntry.patient_id)).where(TimeEntry.id == taken.entry_id))
    ).scalar_one_or_none()
    return overlap_refusal(
        Span(entry.started_at, entry.ended_at),
        Span(taken.span.lower, taken.span.upper),
        actor.zone,
        same_patient=patient_id == entry.patient_id,
    )


async def _release(db: Db, entry: TimeEntry) -> None:
    """Give the person's time back, unless another live entry of the meeting still shares it."""
    if entry.joint_id is None:
        await db.execute(delete(PersonTime).where(PersonTime.entry_id == entry.id))
        return
    still = await db.execute(
        select(TimeEntry.id)
        .where(
            TimeEntry.joint_id == entry.joint_id,
            TimeEntry.staff_id == entry.staff_id,
            TimeEntry.started_at == entry.started_at,
            TimeEntry.ended_at == entry.ended_at,
            TimeEntry.activity.not_in(NOBODYS_TIME),
            is_live(),
        )
        .limit(1)
    )
    row = await _shared_row(db, entry)
    if still.scalar_one_or_none() is None and row is not None:
        await db.execute(delete(PersonTime).where(PersonTime.id == row))


async def _settle(db: Db, actor: Actor, *entries: TimeEntry) -> None:
    """The months these entries touch are due, for everybody a meeting was about: their slices may have changed.

    Once, at the end of an action: marks first, then jobs, so that no two transactions wait for each other crosswise.
    """
    due: set[PatientMonth] = set()
    for entry in entries:
        patients = {entry.patient_id}
        if entry.joint_id is not None:
            sharing = select(person_of(TimeEntry.patient_id)).where(
                TimeEntry.joint_id == entry.joint_id, is_live()
            )
            patients |= set((await db.execute(sharing)).scalars())
        months = months_touched(Span(entry.started_at, entry.ended_at), actor.zone)
        due |= {(patient_id, month) for patient_id in patients for month in months}
    await mark_months(db, actor, sorted(due))
    await mark_changes(db, actor, sorted(due))
    await ask_for_recount(db, actor, sorted({month for _, month in due}))
    db.note(
        actor, "minutes.write", entity="time_entry", entity_ids=[entry.id for entry in entries],
        patient_ids=[entry.patient_id for entry in entries], effect="write",
    )  # fmt: skip
