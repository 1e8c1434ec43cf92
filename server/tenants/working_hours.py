"""When people plan to be there: their own to say, or for whoever runs the practice. A help for planning, never a
measure: nothing here reads what anybody did, and what lies before this week is shown to nobody else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from server.clock import now
from server.dates import WEEKDAYS
from server.errors import Refused, not_found
from server.ids import new_id
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.hours import (
    Away,
    Presence,
    Weekly,
    check_away,
    check_days,
    check_weekly,
    days_of,
    there_on,
)
from server.tenants.sites import site_for
from server.tenants.staff import staff_for
from server.tenants.tables import DaysAway, Site, Staff, WorkingHours
from server.words import say, say_of

#: days that are told at once
LONGEST: Final = 14
#: lines one person may have, those that are over included
MOST: Final = 400


@dataclass(frozen=True, slots=True)
class HoursRow:
    id: UUID
    staff_id: UUID
    site_id: UUID | None
    site_name: str | None
    weekday: int
    begins: time
    ends: time
    from_on: date
    to_on: date | None
    protected: bool = False


@dataclass(frozen=True, slots=True)
class AwayRow:
    id: UUID
    staff_id: UUID
    from_on: date
    to_on: date


@dataclass(frozen=True, slots=True)
class There:
    """Somebody is there, from an instant until another. site_name: empty when they work from elsewhere."""

    staff_id: UUID
    staff_name: str
    site_id: UUID | None
    site_name: str
    starts_at: datetime
    ends_at: datetime
    protected: bool = False


# --- reading ------------------------------------------------------------------------------------------------------


async def hours_of(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[HoursRow]]:
    """Staff id -> weekly lines by weekday and time: one's own, or anybody's for whoever runs the practice. Of others
    there is nothing; when they are there says `who_is_there`."""
    actor.require("practice.read")
    rows: Any = await db.execute(
        select(
            WorkingHours.id, WorkingHours.staff_id, WorkingHours.site_id, Site.name, WorkingHours.weekday,
            WorkingHours.begins, WorkingHours.ends, WorkingHours.from_on, WorkingHours.to_on, WorkingHours.protected,
        )
        .outerjoin(Site, (Site.tenant_id == WorkingHours.tenant_id) & (Site.id == WorkingHours.site_id))
        .where(WorkingHours.staff_id.in_(_readable(actor, ids)))
        .order_by(WorkingHours.weekday, WorkingHours.from_on, WorkingHours.begins, WorkingHours.id)
    )  # fmt: skip
    found: dict[UUID, list[HoursRow]] = {}
    for row in rows:
        found.setdefault(row.staff_id, []).append(HoursRow(*row))
    return found


async def days_away_of(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[AwayRow]]:
    """Staff id -> days away, the newest first; of whom, as `hours_of`."""
    actor.require("practice.read")
    rows = await db.execute(
        select(DaysAway.id, DaysAway.staff_id, DaysAway.from_on, DaysAway.to_on)
        .where(DaysAway.staff_id.in_(_readable(actor, ids)))
        .order_by(DaysAway.from_on.desc(), DaysAway.id)
    )
    found: dict[UUID, list[AwayRow]] = {}
    for row in rows:
        found.setdefault(row.staff_id, []).append(AwayRow(*row))
    return found


async def planned_for(db: Db, actor: Actor, staff_id: UUID) -> UUID:
    """Whose planning the actor may read: their own, or anybody's for whoever runs the practice. Raises Refused
    NOT_FOUND."""
    found = await staff_for(db, actor, staff_id)
    if not may_plan(actor, staff_id):
        db.note(actor, "hours.write", entity="staff", entity_ids=[staff_id], effect="refused")
        raise not_found("person on the staff")
    return found.id


async def who_is_there(db: Db, actor: Actor, *, first: date, days: int, today: date) -> list[There]:
    """Who is there on each of so many days, by beginning. first: not before this week's Monday; days: 1 to 14.

    Raises Refused HOURS_PAST or TOO_MANY_DAYS.
    """
    actor.require("practice.read")
    if first < monday_of(today):
        raise Refused(
            "HOURS_PAST",
            say(
                "%(day)s lies before this week; working hours are for planning ahead, and what was "
                "is not shown.",
                day=first.isoformat(),
            ),
            say("Ask from this week's Monday on."),
            "from_on",
        )
    if not 1 <= days <= LONGEST:
        raise Refused(
            "TOO_MANY_DAYS",
            say_of("%(n)s day is asked for.", "%(n)s days are asked for.", days),
            say("Ask for 1 to %(longest)s days.", longest=LONGEST),
            "days",
        )

    last = first + timedelta(days=days - 1)
    weekly = await db.execute(
        select(
            WorkingHours.staff_id, WorkingHours.site_id, WorkingHours.weekday, WorkingHours.begins,
            WorkingHours.ends, WorkingHours.from_on, WorkingHours.to_on, WorkingHours.protected,
        ).where(
            WorkingHours.from_on <= last, WorkingHours.to_on.is_(None) | (WorkingHours.to_on >= first)
        )
    )  # fmt: skip
    lines = [Weekly(*row) for row in weekly]
    away = await db.execute(
        select(DaysAway.staff_id, DaysAway.from_on, DaysAway.to_on).where(
            DaysAway.from_on <= last, DaysAway.to_on >= first
        )
    )
    gone = [Away(*row) for row in away]
    names = {row.id: row.name for row in await db.execute(select(Staff.id, Staff.name).where(Staff.active))}
    sites = {row.id: row.name for row in await db.execute(select(Site.id, Site.name))}

    return [
        There(
            one.staff_id, names[one.staff_id], one.site_id, sites[one.site_id] if one.site_id else "",
            one.starts_at, one.ends_at, one.protected,
        )
        for day in days_of(first, days)
        for one in there_on(day, lines, gone, actor.zone)
        if one.staff_id in names
    ]  # fmt: skip


async def protected_times(db: Db, actor: Actor, staff_id: UUID, *, first: date, days: int) -> list[Presence]:
    """What somebody keeps for first visits on each of so many days, by beginning."""
    actor.require("practice.read")
    line = WorkingHours
    weekly = await db.execute(
        select(
            line.staff_id, line.site_id, line.weekday, line.begins, line.ends, line.from_on, line.to_on, line.protected
        ).where(line.staff_id == staff_id, line.protected)
    )  # fmt: skip
    lines = [Weekly(*row) for row in weekly]
    if not lines:
        return []
    away = await db.execute(
        select(DaysAway.staff_id, DaysAway.from_on, DaysAway.to_on).where(
            DaysAway.staff_id == staff_id, DaysAway.to_on >= first
        )
    )
    gone = [Away(*row) for row in away]
    return [one for day in days_of(first, days) for one in there_on(day, lines, gone, actor.zone)]


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def may_plan(actor: Actor, staff_id: UUID) -> bool:
    """One's own hours, or anybody's for whoever runs the practice."""
    return staff_id == actor.staff_id or actor.may("staff.write")


def _readable(actor: Actor, ids: Sequence[UUID]) -> list[UUID]:
    return [id for id in ids if may_plan(actor, id)]


# --- changing -----------------------------------------------------------------------------------------------------


async def add_hours(
    db: Db, actor: Actor, staff_id: UUID,
    *, weekdays: Sequence[int], begins: time, ends: time, site_id: UUID | None = None, from_on: date,
    to_on: date | None = None, protected: bool = False, today: date,
) -> list[HoursRow]:  # fmt: skip
    """The same hours on one or several weekdays (0 is Monday), from a day on; the new lines. begins, ends: on the
    practice's wall. site_id: none for work from elsewhere. protected: kept for first visits. All or nothing.

    Raises Refused NOT_FOUND, WEEKDAY_MISSING, SITE_CLOSED, ENDS_BEFORE_START, DATE_FAR, HOURS_OVERLAP or
    TOO_MANY_LINES.
    """
    staff = await _plan_of(db, actor, staff_id)
    site = await site_for(db, actor, site_id) if site_id else None
    if site is not None and not site.active:
        raise Refused(
            "SITE_CLOSED", say("%(name)s is closed.", name=site.name), say("Choose another site."), "site_id"
        )
    chosen = sorted({day for day in weekdays if 0 <= day < len(WEEKDAYS)})
    if not chosen:
        raise Refused(
            "WEEKDAY_MISSING", say("No day of the week is chosen."), say("Tick at least one day."), "weekdays"
        )
    others = await _lines(db, staff.id)
    if len(others) + len(chosen) > MOST:
        raise Refused(
            "TOO_MANY_LINES",
            say_of(
                "%(n)s line is on the list; at most %(most)s fit.",
                "%(n)s lines are on the list; at most %(most)s fit.",
                len(others),
                most=MOST,
            ),
            say("Take away lines that are over."),
            "weekdays",
        )

    new = [Weekly(staff.id, site_id, day, begins, ends, from_on, to_on, protected) for day in chosen]
    for one in new:
        check_weekly(one, others.values(), today)

    made = [
        WorkingHours(
            tenant_id=actor.tenant_id, id=new_id(), staff_id=staff.id, site_id=site_id, weekday=one.weekday,
            begins=begins, ends=ends, from_on=from_on, to_on=to_on, protected=protected, made_at=now(),
            made_by=actor.staff_id,
        )
        for one in new
    ]  # fmt: skip
    db.add_all(made)
    await db.flush()
    ids = [row.id for row in made]
    db.note(actor, "hours.add", entity="working_hours", entity_ids=[staff.id, *ids], effect="write")
    return [_row(row, site.name if site else None) for row in made]


async def end_hours(db: Db, actor: Actor, hours_id: UUID, *, last_day: date, today: date) -> HoursRow:
    """The last day of a line, or another one. Raises Refused NOT_FOUND, ENDS_BEFORE_START, DATE_FAR or HOURS_OVERLAP."""
    found = await _hours_for(db, actor, hours_id)
    check_days(found.from_on, last_day, today)
    others = await _lines(db, found.staff_id)
    others.pop(found.id, None)
    new = Weekly(
        found.staff_id, found.site_id, found.weekday, found.begins, found.ends, found.from_on, last_day
    )
    check_weekly(new, others.values(), today)
    found.to_on = last_day
    db.note(actor, "hours.end", entity="working_hours", entity_ids=[found.staff_id, found.id], effect="write")
    site = await site_for(db, actor, found.site_id) if found.site_id else None
    return _row(found, site.name if site else None)


async def remove_hours(db: Db, actor: Actor, hours_id: UUID) -> None:
    """A line written by mistake goes. Raises Refused NOT_FOUND."""
    found = await _hours_for(db, actor, hours_id)
    await db.delete(found)
    db.note(
        actor, "hours.remove", entity="working_hours", entity_ids=[found.staff_id, found.id], effect="write"
    )


async def add_days_away(
    db: Db, actor: Actor, staff_id: UUID, *, from_on: date, to_on: date, today: date
) -> AwayRow:
    """Whole days, both included. Nobody asks why. Raises Refused NOT_FOUND, ENDS_BEFORE_START, DATE_FAR, AWAY_ALREADY or
    TOO_MANY_LINES."""
    staff = await _plan_of(db, actor, staff_id)
    rows = await db.execute(
        select(DaysAway.staff_id, DaysAway.from_on, DaysAway.to_on).where(DaysAway.staff_id == staff.id)
    )
    others = [Away(*row) for row in rows]
    if len(others) >= MOST:
        raise Refused(
            "TOO_MANY_LINES",
            say_of(
                "%(n)s line is on the list; no more fit.",
                "%(n)s lines are on the list; no more fit.",
                len(others),
            ),
            say("Take away lines that are over."),
            "from_on",
        )
    check_away(Away(staff.id, from_on, to_on), others, today)
    made = DaysAway(
        tenant_id=actor.tenant_id, id=new_id(), staff_id=staff.id, from_on=from_on, to_on=to_on,
        made_at=now(), made_by=actor.staff_id,
    )  # fmt: skip
    db.add(made)
    await db.flush()
    db.note(actor, "hours.add_away", entity="days_away", entity_ids=[staff.id, made.id], effect="write")
    return AwayRow(made.id, made.staff_id, made.from_on, made.to_on)


async def remove_days_away(db: Db, actor: Actor, away_id: UUID) -> None:
    """They are there after all. Raises Refused NOT_FOUND."""
    actor.require("hours.write")
    found = await db.get(DaysAway, (actor.tenant_id, away_id))
    if found is None or not may_plan(actor, found.staff_id):
        db.note(actor, "hours.write", entity="days_away", entity_ids=[away_id], effect="refused")
        raise not_found("line")
    await db.delete(found)
    db.note(
        actor, "hours.remove_away", entity="days_away", entity_ids=[found.staff_id, found.id], effect="write"
    )


async def _plan_of(db: Db, actor: Actor, staff_id: UUID) -> Staff:
    """Whose hours these are, locked, so that two lines written at the same moment cannot overlap. Missing, forbidden
    and gone are the same answer."""
    actor.require("hours.write")
    found = await staff_for(db, actor, staff_id)
    if not may_plan(actor, staff_id) or not found.active:
        db.note(actor, "hours.write", entity="staff", entity_ids=[staff_id], effect="refused")
        raise not_found("person on the staff")
    await db.execute(select(Staff.id).where(Staff.id == staff_id).with_for_update())
    return found


async def _hours_for(db: Db, actor: Actor, hours_id: UUID) -> WorkingHours:
    actor.require("hours.write")
    found = await db.get(WorkingHours, (actor.tenant_id, hours_id))
    if found is None or not may_plan(actor, found.staff_id):
        db.note(actor, "hours.write", entity="working_hours", entity_ids=[hours_id], effect="refused")
        raise not_found("line")
    await db.execute(select(Staff.id).where(Staff.id == found.staff_id).with_for_update())
    return found


async def _lines(db: Db, staff_id: UUID) -> dict[UUID, Weekly]:
    rows = await db.execute(
        select(
            WorkingHours.id, WorkingHours.staff_id, WorkingHours.site_id, WorkingHours.weekday,
            WorkingHours.begins, WorkingHours.ends, WorkingHours.from_on, WorkingHours.to_on,
        ).where(WorkingHours.staff_id == staff_id)
    )  # fmt: skip
    return {row.id: Weekly(*row[1:]) for row in rows}


def _row(row: WorkingHours, site_name: str | None) -> HoursRow:
    return HoursRow(
        row.id,
        row.staff_id,
        row.site_id,
        site_name,
        row.weekday,
        row.begins,
        row.ends,
        row.from_on,
        row.to_on,
        row.protected,
    )
