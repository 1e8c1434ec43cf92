"""What people do with tasks: ask, take, hand on, give back, choose another day, report, dismiss, open again, read."""

from dataclasses import dataclass
from datetime import date, time
from typing import Any
from uuid import UUID

from sqlalchemy import delete, update

from server.clock import now, today
from server.errors import Refused, check_choice
from server.ids import new_id
from server.patients.gate import patient_for
from server.tasks.gate import Held, colleague_for, doer_of, roles_with_tasks, task_for
from server.tasks.kinds import KINDS
from server.tasks.steps import check_due, check_step, owed
from server.tasks.tables import Task, TaskEvent, TaskReport
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.permissions import ROLES
from server.words import say


@dataclass(frozen=True, slots=True)
class NewTask:
    """what: in a few words. why: what it is for. due_on: on the practice's clock. staff_id or for_role: who is asked; one
    of the two."""

    kind: str
    what: str
    due_on: date
    due_time: time | None = None
    why: str = ""
    staff_id: UUID | None = None
    for_role: str = ""


async def ask_for_task(db: Db, actor: Actor, patient_id: UUID, new: NewTask) -> Task:
    """Ask a colleague, whoever of a role takes it, or oneself, to do something for a person."""
    actor.require("tasks.write")
    await patient_for(db, actor, patient_id, permission="tasks.write")
    check_choice(new.kind, KINDS, "kind")
    if not new.what.strip():
        raise Refused("WHAT_NEEDED", say("What is to be done?"), say("Write it in a few words."), "what")
    check_due(new.due_on, new.due_time, today(actor.zone))
    await _check_whom(db, actor, new.staff_id, new.for_role)

    task = Task(
        tenant_id=actor.tenant_id,
        id=new_id(),
        patient_id=patient_id,
        kind=new.kind,
        what=new.what.strip(),
        why=new.why.strip(),
        due_on=new.due_on,
        due_time=new.due_time,
        asked_by=actor.staff_id,
        holder_id=new.staff_id,
        for_role=new.for_role,
        state="open",
        made_at=now(),
        made_by=actor.staff_id,
    )
    db.add(task)
    await db.flush()
    await _happened(db, actor, task, "asked")
    return task


async def take_task(db: Db, actor: Actor, task_id: UUID, *, words: str = "") -> Task:
    """Take on what waits for somebody; or, with a word of why, what a colleague has, who is told."""
    held = await task_for(db, actor, task_id, permission="tasks.write")
    check_step("take", held.standing, doer_of(actor), words=words, names=held.names)

    held.task.holder_id = actor.staff_id
    await _happened(db, actor, held.task, "taken", words, held)
    return held.task


async def hand_task_on(
    db: Db, actor: Actor, task_id: UUID, *, staff_id: UUID | None = None, for_role: str = "", words: str = ""
) -> Task:
    """Give it to somebody else. Whoever hands on hears what came of it, like whoever asked."""
    held = await task_for(db, actor, task_id, permission="tasks.write")
    check_step("hand_on", held.standing, doer_of(actor), words=words, names=held.names)
    await _check_whom(db, actor, staff_id, for_role)
    if staff_id is not None and staff_id == held.task.holder_id:
        raise Refused(
            "THEIRS_ALREADY",
            say("%(name)s has this already.", name=held.names.holder),
            say("Choose somebody else."),
            "staff_id",
        )

    held.task.holder_id, held.task.for_role = staff_id, for_role
    await _happened(db, actor, held.task, "handed_on", words, held)
    return held.task


async def give_task_back(db: Db, actor: Actor, task_id: UUID, *, words: str) -> Task:
    """Back to whoever gave it, with a word of why."""
    held = await task_for(db, actor, task_id, permission="tasks.write")
    check_step("give_back", held.standing, doer_of(actor), words=words, names=held.names)
    if held.standing.given_by is not None:  # who may have left, or have no tasks by now
        await colleague_for(db, actor, held.standing.given_by, field="words")

    held.task.holder_id = held.standing.given_by
    await _happened(db, actor, held.task, "came_back", words, held)
    return held.task


async def move_task(
    db: Db, actor: Actor, task_id: UUID, *, due_on: date, due_time: time | None = None, words: str = ""
) -> Task:
    """Another day."""
    held = await task_for(db, actor, task_id, permission="tasks.write")
    check_step("move", held.standing, doer_of(actor), words=words, names=held.names)
    check_due(due_on, due_time, today(actor.zone))

    held.task.due_on, held.task.due_time = due_on, due_time
    await _happened(db, actor, held.task, "moved", words, held)
    return held.task


async def report_task_done(db: Db, actor: Actor, task_id: UUID, *, outcome: str) -> Task:
    """It is done: what came of it goes to everybody who asked or handed it on (R038)."""
    return await _close(db, actor, task_id, "done", outcome)


async def dismiss_task(db: Db, actor: Actor, task_id: UUID, *, reason: str) -> Task:
    """It is not needed, and why. A task that came from a fact does not come again from the same one."""
    return await _close(db, actor, task_id, "dismiss", reason)


async def reopen_task(db: Db, actor: Actor, task_id: UUID, *, words: str, due_on: date | None = None) -> Task:
    """Something is still to do. What was reported and nobody has read yet holds no more, and is not shown as news. A task
    that a fact asked for is now asked for by a person, and no fact closes it any more."""
    held = await task_for(db, actor, task_id, permission="tasks.write")
    check_step("reopen", held.standing, doer_of(actor), words=words, names=held.names)
    on = today(actor.zone)
    if due_on is not None:
        check_due(due_on, None, on)

    task = held.task
    task.state, task.outcome, task.closed_at = "open", "", None
    task.asked_by = task.asked_by or actor.staff_id
    if due_on is not None or task.due_on < on:
        task.due_on, task.due_time = due_on or on, None
    await db.execute(delete(TaskReport).where(TaskReport.task_id == task.id, TaskReport.read_at.is_(None)))
    await _happened(db, actor, task, "reopened", words, held)
    return task


async def read_task(db: Db, actor: Actor, task_id: UUID) -> Task:
    """I have read what came of it: it leaves my list."""
    held = await task_for(db, actor, task_id, permission="tasks.write")
    await db.execute(
        update(TaskReport)
        .where(
            TaskReport.task_id == task_id,
            TaskReport.staff_id == actor.staff_id,
            TaskReport.read_at.is_(None),
        )
        .values(read_at=now())
    )
    return held.task


async def _close(db: Db, actor: Actor, task_id: UUID, step: str, words: str) -> Task:
    held = await task_for(db, actor, task_id, permission="tasks.write")
    check_step(step, held.standing, doer_of(actor), words=words, names=held.names)

    task, state = held.task, "done" if step == "done" else "dismissed"
    task.state, task.outcome, task.closed_at = state, words.strip(), now()
    await _happened(db, actor, task, state, words, held)
    return task


async def _check_whom(db: Db, actor: Actor, staff_id: UUID | None, for_role: str) -> None:
    if (staff_id is None) == (not for_role):
        raise Refused(
            "WHO_NEEDED",
            say("A task is for somebody, or for whoever of one role takes it."),
            say("Choose one of the two."),
            "staff_id",
        )
    if staff_id is not None:
        await colleague_for(db, actor, staff_id)
    elif for_role not in roles_with_tasks():
        raise Refused(
            "CANNOT_BE_ASKED",
            say(
                "Nobody of the role “%(role)s” works with tasks.",
                role=say(ROLES.get(for_role, for_role[:40])),
            ),
            say("Choose another."),
            "for_role",
        )


async def _happened(
    db: Db, actor: Actor, task: Task, kind: str, words: str = "", before: Held | None = None
) -> None:
    """Writes down what happened, and puts it before those who wait for it. before: how the task stood."""
    event = TaskEvent(
        tenant_id=task.tenant_id,
        id=new_id(),
        task_id=task.id,
        kind=kind,
        to_id=task.holder_id,
        to_role=task.for_role if task.holder_id is None else "",
        words=words.strip(),
        made_at=now(),
        made_by=actor.staff_id,
    )
    db.add(event)
    await db.flush()
    readers = owed(kind, before.standing, actor.staff_id) if before else frozenset()
    reports: list[Any] = [
        TaskReport(tenant_id=task.tenant_id, id=new_id(), task_id=task.id, event_id=event.id, staff_id=one)
        for one in sorted(readers)
    ]
    db.add_all(reports)
    await db.flush()
    db.note(
        actor, f"tasks.{kind}", entity="task", entity_ids=[task.id], patient_ids=[task.patient_id],
        effect="write",
    )  # fmt: skip
