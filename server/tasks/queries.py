"""Reads of tasks: one's own, those one asked for, what came back, and those of people. Never a colleague's list (V2)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from server.enrollment.queries import by_patient
from server.patients.tables import Patient
from server.tasks.gate import doer_of, roles_with_tasks
from server.tasks.kinds import Colleague
from server.tasks.steps import Standing, sees
from server.tasks.tables import Task, TaskEvent, TaskReport
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.staff_names import name_of
from server.tenants.tables import Qualification, Staff

#: after every time of day: what is due that day, whenever
_ANY_TIME: Final = "24:00:00"
_BY_TIME: Final = func.coalesce(cast(Task.due_time, Text), _ANY_TIME)
_GONE: Final = aliased(Staff)
#: a place in a list by day: due day, time as text, id
ByDay = tuple[date, str, UUID]


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task as it stands, with the names of those concerned. due_time: of the wall, None for any time that day."""

    id: UUID
    patient_id: UUID
    kind: str
    what: str
    why: str
    due_on: date
    due_time: time | None
    asked_by: UUID | None
    holder_id: UUID | None
    for_role: str
    state: str
    outcome: str
    closed_at: datetime | None
    made_at: datetime
    given_names: str
    family_name: str
    preferred_name: str
    deceased_on: date | None
    asked_by_name: str | None
    holder_name: str | None

    @property
    def place(self) -> ByDay:
        return self.due_on, self.due_time.isoformat() if self.due_time else _ANY_TIME, self.id

    @property
    def patient_name(self) -> str:
        return f"{self.given_names} {self.family_name}".strip()


@dataclass(frozen=True, slots=True)
class TaskEventRow:
    """One thing that happened to a task. made_by_name: empty where a fact did it."""

    id: UUID
    task_id: UUID
    kind: str
    words: str
    to_role: str
    made_at: datetime
    made_by_name: str | None
    to_name: str | None


@dataclass(frozen=True, slots=True)
class CameBack:
    """News of a task that one waits for: what happened, who wrote it, and their words."""

    task: TaskRow
    report_id: UUID
    kind: str
    words: str
    at: datetime
    by_name: str | None


_OWN: Final = tuple(
    getattr(Task, name)
    for name in TaskRow.__dataclass_fields__
    if name not in {"given_names", "family_name", "preferred_name", "deceased_on"}
    and not name.endswith("_name")
)
_COLUMNS: Final = (
    *_OWN,
    Patient.given_names,
    Patient.family_name,
    Patient.preferred_name,
    Patient.deceased_on,
    name_of(Task.asked_by),
    name_of(Task.holder_id),
)
_WHOSE: Final = and_(Patient.tenant_id == Task.tenant_id, Patient.id == Task.patient_id)
#: what came from a fact about somebody has no reason any more once they have died; what a person asked for may have
_ALIVE: Final = or_(Task.asked_by.is_not(None), Patient.deceased_on.is_(None))


async def my_tasks(db: Db, actor: Actor, *, limit: int, position: ByDay | None = None) -> list[TaskRow]:
    """What is mine to do, by the day it is due."""
    return await _by_day(db, actor, Task.holder_id == actor.staff_id, limit, position)


async def tasks_to_take(db: Db, actor: Actor, *, limit: int, position: ByDay | None = None) -> list[TaskRow]:
    """What waits for whoever of my role takes it; so does what belongs to somebody of my role who has left."""
    left = (
        select(_GONE.id)
        .where(
            _GONE.tenant_id == Task.tenant_id,
            _GONE.id == Task.holder_id,
            _GONE.active.is_(False),
            _GONE.role == actor.role,
        )
        .correlate(Task)
        .exists()
    )
    waiting = and_(Task.for_role == actor.role, Task.holder_id.is_(None))
    return await _by_day(db, actor, or_(waiting, left), limit, position)


async def tasks_i_asked_for(
    db: Db, actor: Actor, *, limit: int, position: ByDay | None = None
) -> list[TaskRow]:
    """What others are to do because I asked, by the day it is due."""
    mine = and_(Task.asked_by == actor.staff_id, Task.holder_id.is_distinct_from(actor.staff_id))
    return await _by_day(db, actor, mine, limit, position)


async def _by_day(
    db: Db, actor: Actor, chosen: ColumnElement[bool], limit: int, position: ByDay | None
) -> list[TaskRow]:
    actor.require("tasks.read")
    statement = select(*_COLUMNS).join(Patient, _WHOSE).where(Task.state == "open", chosen, _ALIVE)
    if position is not None:
        statement = statement.where(tuple_(Task.due_on, _BY_TIME, Task.id) > tuple_(*position))
    rows: Any = await db.execute(statement.order_by(Task.due_on, _BY_TIME, Task.id).limit(limit))
    return _seen(db, actor, [TaskRow(*row) for row in rows])


async def came_back(
    db: Db, actor: Actor, *, limit: int, position: tuple[datetime, UUID] | None = None
) -> list[CameBack]:
    """What I wait for and have not read yet: done, not needed, given back or taken over; the newest first."""
    actor.require("tasks.read")
    by = name_of(TaskEvent.made_by)
    statement = (
        select(*_COLUMNS, TaskReport.id, TaskEvent.kind, TaskEvent.words, TaskEvent.made_at, by)
        .join(Patient, _WHOSE)
        .join(TaskReport, and_(TaskReport.tenant_id == Task.tenant_id, TaskReport.task_id == Task.id))
        .join(
            TaskEvent,
            and_(TaskEvent.tenant_id == TaskReport.tenant_id, TaskEvent.id == TaskReport.event_id),
        )
        .where(TaskReport.staff_id == actor.staff_id, TaskReport.read_at.is_(None))
    )
    if position is not None:
        statement = statement.where(tuple_(TaskEvent.made_at, TaskReport.id) < tuple_(*position))
    rows: Any = await db.execute(
        statement.order_by(TaskEvent.made_at.desc(), TaskReport.id.desc()).limit(limit)
    )
    width = len(_COLUMNS)
    found = [CameBack(TaskRow(*row[:width]), *row[width:]) for row in rows]
    _seen(db, actor, [one.task for one in found])
    return found


async def news_unread(db: Db, actor: Actor, task_id: UUID) -> bool:
    """Whether something that came of this task still waits for me to read it."""
    actor.require("tasks.read")
    waiting = select(TaskReport.id).where(
        TaskReport.task_id == task_id, TaskReport.staff_id == actor.staff_id, TaskReport.read_at.is_(None)
    )
    return bool((await db.execute(select(waiting.exists()))).scalar_one())


async def tasks_of(
    db: Db,
    actor: Actor,
    patient_ids: Sequence[UUID],
    closed: bool,
    limit: int,
    position: Any = None,
) -> dict[UUID, list[TaskRow]]:
    """Each person's tasks, at most `limit` each, continuing after `position`: the open ones by the day they are due,
    or the closed ones, the newest first (position: closed_at and id)."""
    actor.require("tasks.read")
    actor.require("chart.read")
    order: tuple[Any, ...] = (
        (Task.closed_at.desc(), Task.id.desc()) if closed else (Task.due_on, _BY_TIME, Task.id)
    )
    place = func.row_number().over(partition_by=Task.patient_id, order_by=order).label("place")
    chosen = (
        select(Task.tenant_id, Task.id, place)
        .join(Patient, _WHOSE)
        .where(Task.patient_id.in_(patient_ids), Task.state != "open" if closed else Task.state == "open")
    )
    if not closed:
        chosen = chosen.where(_ALIVE)
    if position is not None:
        chosen = chosen.where(
            tuple_(Task.closed_at, Task.id) < tuple_(*position)
            if closed
            else tuple_(Task.due_on, _BY_TIME, Task.id) > tuple_(*position)
        )
    few = chosen.subquery()
    rows: Any = await db.execute(
        select(*_COLUMNS)
        .join(Patient, _WHOSE)
        .join(few, and_(few.c.tenant_id == Task.tenant_id, few.c.id == Task.id))
        .where(few.c.place <= limit)
        .order_by(*order)
    )
    db.note(actor, "tasks.read", entity="task", patient_ids=patient_ids)
    return by_patient([TaskRow(*row) for row in rows])


async def task_row(db: Db, actor: Actor, task_id: UUID) -> TaskRow | None:
    """One task with the names; None if it is not one that I see."""
    actor.require("tasks.read")
    found: Any = (
        await db.execute(select(*_COLUMNS).join(Patient, _WHOSE).where(Task.id == task_id))
    ).one_or_none()
    if found is None:
        return None
    row = TaskRow(*found)
    took_part = await db.execute(
        select(TaskEvent.made_by, TaskEvent.to_id).where(TaskEvent.task_id == task_id)
    )
    standing = Standing(
        row.state,
        row.asked_by,
        row.holder_id,
        row.for_role,
        part_in=frozenset(one for both in took_part for one in both if one is not None),
    )
    if not sees(standing, doer_of(actor)):
        db.note(actor, "tasks.read", entity="task", entity_ids=[task_id], effect="refused")
        return None
    return _seen(db, actor, [row])[0]


async def task_events(db: Db, actor: Actor, task_ids: Sequence[UUID]) -> dict[UUID, list[TaskEventRow]]:
    """What happened to these tasks, oldest first; of tasks that were shown to the actor before."""
    actor.require("tasks.read")
    event = TaskEvent
    rows: Any = await db.execute(
        select(
            event.id, event.task_id, event.kind, event.words, event.to_role, event.made_at, name_of(event.made_by),
            name_of(event.to_id),
        )
        .where(event.task_id.in_(task_ids))
        .order_by(event.made_at, event.id)
    )  # fmt: skip
    found: dict[UUID, list[TaskEventRow]] = defaultdict(list)
    for row in rows:
        found[row.task_id].append(TaskEventRow(*row))
    return dict(found)


async def colleagues(db: Db, actor: Actor, today: date) -> list[Colleague]:
    """Whom a task can be given to, by name, with the disciplines they hold that day."""
    actor.require("tasks.read")
    rows: Any = await db.execute(
        select(Staff.id, Staff.name, Staff.role)
        .where(Staff.active, Staff.person_id.is_not(None), Staff.role.in_(sorted(roles_with_tasks())))
        .order_by(Staff.name, Staff.id)
    )
    held: dict[UUID, list[str]] = defaultdict(list)
    disciplines = await db.execute(
        select(Qualification.staff_id, Qualification.name)
        .where(
            Qualification.kind == "discipline",
            Qualification.from_on <= today,
            or_(Qualification.to_on.is_(None), Qualification.to_on >= today),
        )
        .order_by(Qualification.from_on, Qualification.id)
    )
    for staff_id, name in disciplines:
        held[staff_id].append(name)
    return [Colleague(row.id, row.name, row.role, tuple(held[row.id])) for row in rows]


def _seen(db: Db, actor: Actor, rows: list[TaskRow]) -> list[TaskRow]:
    db.note(
        actor, "tasks.read", entity="task", entity_ids=[row.id for row in rows],
        patient_ids=[row.patient_id for row in rows],
    )  # fmt: skip
    return rows
