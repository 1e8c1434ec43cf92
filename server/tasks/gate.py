"""The gates of this room: the only way to hold a task, and a colleague to give one to."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from server.enrollment.days import clock
from server.errors import Refused, not_found
from server.patients.gate import patient_for
from server.tasks.steps import Doer, Names, Standing, sees
from server.tasks.tables import Task, TaskEvent
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.permissions import PERMISSIONS
from server.tenants.tables import Staff
from server.words import say


@dataclass(frozen=True, slots=True)
class Held:
    """A task, how it stands, and what people call those concerned."""

    task: Task
    standing: Standing
    names: Names


def doer_of(actor: Actor) -> Doer:
    return Doer(actor.staff_id, actor.role, actor.may("chart.read"))


async def task_for(db: Db, actor: Actor, task_id: UUID, *, permission: str = "tasks.read") -> Held:
    """The task, if it is one that `actor` sees; with a permission to write, locked until this transaction ends.

    The person is held before the task, as by whoever joins two records: so that neither waits for the other for ever.
    """
    actor.require(permission)
    patient_id = (await db.execute(select(Task.patient_id).where(Task.id == task_id))).scalar_one_or_none()
    if patient_id is None:
        raise _nothing(db, actor, permission, task_id)
    await patient_for(db, actor, patient_id, permission=permission, by_row=True)
    wanted = select(Task).where(Task.id == task_id).execution_options(populate_existing=True)
    if not db.read_only:
        wanted = wanted.with_for_update()
    task = (await db.execute(wanted)).scalar_one()
    standing, holder = await standing_of(db, task)
    if not sees(standing, doer_of(actor)):
        raise _nothing(db, actor, permission, task_id)
    closed = clock(task.closed_at, actor.zone) if task.closed_at is not None else ""
    return Held(task, standing, Names(holder, task.outcome, closed))


async def standing_of(db: Db, task: Task) -> tuple[Standing, str]:
    """How it stands, and its holder's name."""
    events = (
        await db.execute(
            select(TaskEvent.kind, TaskEvent.made_by, TaskEvent.to_id)
            .where(TaskEvent.task_id == task.id)
            .order_by(TaskEvent.made_at, TaskEvent.id)
        )
    ).all()
    moves = [row for row in events if row.kind in {"asked", "handed_on", "came_back", "taken"}]
    last = moves[-1] if moves else None
    given_by = last.made_by if last is not None and last.kind in {"asked", "handed_on"} else None
    handed_by = frozenset(
        row.made_by for row in events if row.kind == "handed_on" and row.made_by is not None
    )
    holder = None
    if task.holder_id is not None:
        holder = (
            await db.execute(select(Staff.name, Staff.active).where(Staff.id == task.holder_id))
        ).one_or_none()
    return (
        Standing(
            task.state,
            task.asked_by,
            task.holder_id,
            task.for_role,
            holder is None or holder.active,
            given_by if given_by != task.holder_id else None,
            handed_by,
            frozenset(one for row in events for one in (row.made_by, row.to_id) if one is not None),
        ),
        holder.name if holder is not None else "",
    )


async def colleague_for(db: Db, actor: Actor, staff_id: UUID, *, field: str = "staff_id") -> Staff:
    """Somebody a task can be given to: who works here, signs in, and whose role has tasks."""
    actor.require("tasks.write")
    member = (await db.execute(select(Staff).where(Staff.id == staff_id))).scalar_one_or_none()
    if member is None:
        db.note(actor, "tasks.write", entity="staff", entity_ids=[staff_id], effect="refused")
        raise not_found("colleague")
    if not member.active or member.person_id is None or member.role not in roles_with_tasks():
        raise Refused(
            "CANNOT_BE_ASKED",
            say("%(name)s would not see it: they do not work with tasks here.", name=member.name),
            say("Ask somebody else, or whoever of a role can take it."),
            field,
        )
    return member


def roles_with_tasks() -> frozenset[str]:
    return PERMISSIONS["tasks.write"][0]


def _nothing(db: Db, actor: Actor, permission: str, task_id: UUID) -> Refused:
    db.note(actor, permission, entity="task", entity_ids=[task_id], effect="refused")
    return not_found("task")
