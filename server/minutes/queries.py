"""Reads of the ledger and of its totals."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, not_, or_, select, tuple_
from sqlalchemy.orm import aliased

from server.encounters.tables import REACHED, Encounter
from server.enrollment.queries import by_patient
from server.minutes.arithmetic import LONGEST, Span, Worked, month_span, sliced
from server.minutes.counted import CountedEntry
from server.minutes.roles import Spell, spell_at
from server.minutes.tables import NOBODYS_TIME, DirtyMonth, MonthTotal, TimeEntry
from server.minutes.totals import SUMS, MonthTotalRow, question, spells_of
from server.patients.records import of_people, person_of
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.staff_names import name_of
from server.tenants.tables import Staff

_NEWER = aliased(TimeEntry)
_REPLACED_BY: ScalarSelect[UUID] = (
    select(_NEWER.id)
    .where(_NEWER.tenant_id == TimeEntry.tenant_id, _NEWER.replaces_id == TimeEntry.id)
    .correlate(TimeEntry)
    .scalar_subquery()
)


def is_live() -> ColumnElement[bool]:
    """An entry is live when it takes nothing back and nothing replaces it."""
    return and_(
        not_(TimeEntry.void),
        ~select(_NEWER.id)
        .where(_NEWER.tenant_id == TimeEntry.tenant_id, _NEWER.replaces_id == TimeEntry.id)
        .correlate(TimeEntry)
        .exists(),
    )


def is_shown(actor: Actor) -> ColumnElement[bool]:
    """A draft is its owner's, and that of whoever wrote it for them, until it is confirmed."""
    return or_(
        TimeEntry.state != "draft",
        TimeEntry.staff_id == actor.staff_id,
        and_(TimeEntry.made_by.is_not(None), TimeEntry.made_by == actor.staff_id),
    )


@dataclass(frozen=True, slots=True)
class TimeEntryRow:
    """One entry of the ledger. Live while it is not void and nothing replaced it."""

    id: UUID
    patient_id: UUID
    staff_id: UUID
    program: str
    activity: str
    mode: str
    with_patient: bool
    started_at: datetime
    ended_at: datetime
    state: str
    part_of: str
    joint_id: UUID | None
    encounter_id: UUID | None
    replaces_id: UUID | None
    void: bool
    reason: str
    late: bool
    made_at: datetime
    made_by: UUID | None
    staff_name: str | None
    made_by_name: str | None
    replaced_by: UUID | None

    @property
    def live(self) -> bool:
        return not self.void and self.replaced_by is None


_COLUMNS = (
    *(
        person_of(TimeEntry.patient_id) if name == "patient_id" else getattr(TimeEntry, name)
        for name in TimeEntryRow.__dataclass_fields__
        if name not in ("staff_name", "made_by_name", "replaced_by")
    ),
    name_of(TimeEntry.staff_id),
    name_of(TimeEntry.made_by),
    _REPLACED_BY,
)


async def minutes_of(
    db: Db,
    actor: Actor,
    patient_ids: Sequence[UUID],
    *,
    limit: int,
    position: tuple[datetime, UUID] | None = None,
    corrected: bool = False,
) -> dict[UUID, list[TimeEntryRow]]:
    """Each patient's entries, newest start first: at most `limit` each, after `position` (started_at, id).

    Live ones only; with `corrected`, also those that were replaced or taken back. Nobody else's drafts.
    """
    actor.require("minutes.read")
    place = (
        func.row_number()
        .over(
            partition_by=person_of(TimeEntry.patient_id),
            order_by=(TimeEntry.started_at.desc(), TimeEntry.id.desc()),
        )
        .label("place")
    )
    inner = select(TimeEntry.tenant_id, TimeEntry.id, place).where(
        of_people(TimeEntry.patient_id, patient_ids), is_shown(actor)
    )
    if not corrected:
        inner = inner.where(is_live())
    if position is not None:
        inner = inner.where(tuple_(TimeEntry.started_at, TimeEntry.id) < tuple_(*position))
    newest = inner.subquery()
    rows: Any = await db.execute(
        select(*_COLUMNS)
        .join(newest, and_(newest.c.tenant_id == TimeEntry.tenant_id, newest.c.id == TimeEntry.id))
        .where(newest.c.place <= limit)
        .order_by(TimeEntry.started_at.desc(), TimeEntry.id.desc())
    )
    found = by_patient([TimeEntryRow(*row) for row in rows])
    db.note(actor, "minutes.read", entity="time_entry", patient_ids=patient_ids)
    return found


async def minutes_of_encounters(
    db: Db, actor: Actor, encounter_ids: Sequence[UUID]
) -> dict[UUID, list[TimeEntryRow]]:
    """The live entries of each contact, in order; nobody else's drafts."""
    actor.require("minutes.read")
    rows: Any = await db.execute(
        select(*_COLUMNS)
        .where(TimeEntry.encounter_id.in_(encounter_ids), is_live(), is_shown(actor))
        .order_by(TimeEntry.started_at, TimeEntry.id)
    )
    found: dict[UUID, list[TimeEntryRow]] = defaultdict(list)
    for values in rows:
        row = TimeEntryRow(*values)
        if row.encounter_id is not None:
            found[row.encounter_id].append(row)
    seen = [row.patient_id for entries in found.values() for row in entries]
    db.note(actor, "minutes.read", entity="time_entry", patient_ids=seen)
    return dict(found)


async def written_for_month(
    db: Db, actor: Actor, patient_id: UUID, month: str, *, also: Sequence[UUID] = ()
) -> list[TimeEntryRow]:
    """Everything the ledger ever said about one patient's month, in order of time: live entries, those that were
    corrected or taken back, and whatever they replaced or were replaced by. also: entries to start from as well.
    Nobody else's draft that was never anything but a draft.
    """
    actor.require("minutes.read")
    span = month_span(month, actor.zone)
    touches = and_(
        TimeEntry.started_at > span.start - LONGEST,
        TimeEntry.started_at < span.end,
        TimeEntry.ended_at > span.start,
    )
    line = (
        select(TimeEntry.id, TimeEntry.replaces_id)
        .where(of_people(TimeEntry.patient_id, [patient_id]), touches | TimeEntry.id.in_(also))
        .cte("line", recursive=True)
    )
    beside = aliased(TimeEntry)
    line = line.union(
        select(beside.id, beside.replaces_id).where(
            of_people(beside.patient_id, [patient_id]),
            (beside.replaces_id == line.c.id) | (beside.id == line.c.replaces_id),
        )
    )
    rows: Any = await db.execute(
        select(is_shown(actor), *_COLUMNS)
        .where(of_people(TimeEntry.patient_id, [patient_id]), TimeEntry.id.in_(select(line.c.id)))
        .order_by(TimeEntry.started_at, TimeEntry.made_at, TimeEntry.id)
    )
    db.note(actor, "minutes.read", entity="time_entry", patient_ids=[patient_id], month=month)
    found = [(shown, TimeEntryRow(*row)) for shown, *row in rows]
    before = {row.id: row.replaces_id for _, row in found}

    def first(id: UUID) -> UUID:
        while (earlier := before[id]) is not None:
            id = earlier
        return id

    lines = {first(row.id) for shown, row in found if shown}
    return [row for _, row in found if first(row.id) in lines]


async def who_met(
    db: Db, actor: Actor, joint_ids: Sequence[UUID]
) -> dict[UUID, list[tuple[UUID, str, UUID]]]:
    """Meeting -> (entry, whose, patient) of every live entry in it, in order of names. One statement."""
    actor.require("minutes.read")
    rows: Any = await db.execute(
        select(TimeEntry.joint_id, TimeEntry.id, Staff.name, person_of(TimeEntry.patient_id))
        .join(Staff, and_(Staff.tenant_id == TimeEntry.tenant_id, Staff.id == TimeEntry.staff_id))
        .where(TimeEntry.joint_id.in_(joint_ids), is_live())
        .order_by(Staff.name, TimeEntry.id)
    )
    found: dict[UUID, list[tuple[UUID, str, UUID]]] = defaultdict(list)
    for joint_id, entry_id, name, patient_id in rows:
        found[joint_id].append((entry_id, name, patient_id))
    return dict(found)


async def time_entry_row(db: Db, actor: Actor, entry_id: UUID) -> TimeEntryRow | None:
    """One entry with the names; None if it is not this practice's, or somebody else's draft."""
    actor.require("minutes.read")
    one = select(*_COLUMNS).where(TimeEntry.id == entry_id, is_shown(actor))
    found: Any = (await db.execute(one)).one_or_none()
    if found is None:
        return None
    row = TimeEntryRow(*found)
    db.note(actor, "minutes.read", entity="time_entry", entity_ids=[entry_id], patient_ids=[row.patient_id])
    return row


async def month_totals_of(
    db: Db, actor: Actor, patient_ids: Sequence[UUID]
) -> dict[UUID, list[MonthTotalRow]]:
    """Every month's totals, newest first. A month with entries not yet counted is added up on the spot."""
    actor.require("minutes.read")
    dirty = [
        (patient_id, month)
        for patient_id, month in await db.execute(
            select(DirtyMonth.patient_id, DirtyMonth.month).where(DirtyMonth.patient_id.in_(patient_ids))
        )
    ]
    stored: Any = await db.execute(
        select(
            MonthTotal.patient_id, MonthTotal.program, MonthTotal.month, MonthTotal.role_class,
            MonthTotal.seconds, MonthTotal.entries,
        ).where(MonthTotal.patient_id.in_(patient_ids))
    )  # fmt: skip
    rows = [MonthTotalRow(*row) for row in stored]
    if dirty:
        rows = [row for row in rows if (row.patient_id, row.month) not in set(dirty)]
        sums = await db.execute(SUMS, await question(db, actor.tenant_id, actor.zone, dirty))
        rows += [MonthTotalRow(*row) for row in sums]
    db.note(actor, "minutes.read", entity="month_total", patient_ids=patient_ids)
    rows.sort(key=lambda row: (row.program, row.role_class))
    return by_patient(sorted(rows, key=lambda row: row.month, reverse=True))


async def entries_of_month(
    db: Db, actor: Actor, patient_ids: Sequence[UUID], month: str
) -> dict[UUID, list[CountedEntry]]:
    """Each patient's live entries that touch the practice's month, in order. Two statements, however many patients."""
    actor.require("minutes.read")
    span = month_span(month, actor.zone)
    line = await spells_of(db, actor.zone)
    touches = and_(
        TimeEntry.started_at > span.start - LONGEST,
        TimeEntry.started_at < span.end,
        TimeEntry.ended_at > span.start,
        is_live(),
    )
    about = and_(of_people(TimeEntry.patient_id, patient_ids), touches)
    meetings = select(TimeEntry.joint_id).where(about, TimeEntry.joint_id.is_not(None)).scalar_subquery()
    rows: Any = await db.execute(
        select(
            TimeEntry.id, person_of(TimeEntry.patient_id), TimeEntry.staff_id, TimeEntry.program, TimeEntry.activity,
            TimeEntry.mode, TimeEntry.with_patient, TimeEntry.started_at, TimeEntry.ended_at, TimeEntry.state,
            TimeEntry.part_of, TimeEntry.joint_id, TimeEntry.encounter_id, _of_encounter(Encounter.outcome),
            _of_encounter(Encounter.video_declined), _of_encounter(Encounter.about_code),
        )
        .where((about) | and_(touches, TimeEntry.joint_id.in_(meetings)))
        .order_by(TimeEntry.started_at, TimeEntry.id)
    )  # fmt: skip
    entries = [_counted(tuple(row), line) for row in rows]
    cut = {
        one.id: one.span
        for one in sliced(_worked(entry) for entry in entries if entry.activity not in NOBODYS_TIME)
    }
    wanted = set(patient_ids)
    db.note(actor, "minutes.read", entity="time_entry", patient_ids=patient_ids)
    return by_patient(
        [
            replace(entry, started_at=cut[entry.id].start, ended_at=cut[entry.id].end)
            if entry.id in cut
            else entry
            for entry in entries
            if entry.patient_id in wanted
            and (entry.id not in cut or (cut[entry.id].meets(span) and cut[entry.id].lasts > timedelta(0)))
        ]
    )


def _of_encounter(column: Any) -> ScalarSelect[Any]:
    return (
        select(column)
        .where(Encounter.tenant_id == TimeEntry.tenant_id, Encounter.id == TimeEntry.encounter_id)
        .correlate(TimeEntry)
        .scalar_subquery()
    )


def _counted(row: tuple[Any, ...], line: list[Spell]) -> CountedEntry:
    entry: list[Any]
    *entry, outcome, video_declined, about_code = row
    staff_id, started_at = entry[2], entry[7]
    spell = spell_at(line, staff_id, started_at)
    said = (
        spell.role_class,
        spell.discipline,
        outcome is None or outcome in REACHED,
        outcome == "declined_program",
        bool(video_declined),
        about_code or "",
    )
    values: list[Any] = [*entry, *said]
    return CountedEntry(*values)


def _worked(entry: CountedEntry) -> Worked:
    return Worked(
        entry.id,
        entry.patient_id,
        entry.program,
        entry.staff_id,
        entry.role_class,
        Span(entry.started_at, entry.ended_at),
        entry.joint_id,
        entry.state == "final" and not entry.part_of,
    )
