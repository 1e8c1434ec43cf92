"""Tasks over GraphQL: what is mine, what I asked for and how it came back, and what is to be done for a person."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

import strawberry

from server.clock import today
from server.graphql.connections import (
    After,
    Connection,
    First,
    Node,
    Ordering,
    global_id,
    id_of,
    node_kind,
    page_from_rows,
    rows_to_fetch,
)
from server.graphql.context import Info, actor_of, batch
from server.graphql.enrollment import staff_id, staff_key
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, ShortText
from server.graphql.staff import StaffRole
from server.tasks import actions, kinds, queries, steps
from server.tasks.tables import Task as TaskTable
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.tenants.hours import time_in
from server.tenants.qualifications import DISCIPLINES

READ, WRITE = "tasks.read", "tasks.write"
BY_DAY = Ordering("tasks.by_day", date, str, UUID)
NEWEST = Ordering("tasks.newest", datetime, UUID)


@strawberry.enum(description="What sort of thing is to be done.")
class TaskKind(StrEnum):
    CALL = "call"
    BOOK = "book"
    RIDE = "ride"
    RECORDS = "records"
    PAPER = "paper"
    COVER = "cover"
    SUPPORT = "support"
    TEACH = "teach"
    FOOD = "food"
    MEDICINE = "medicine"
    LOOK = "look"
    DECIDE = "decide"
    ASK = "ask"
    OTHER = "other"


@strawberry.enum(description="SETTLED: the fact it came from has changed, so nothing is to be done.")
class TaskState(StrEnum):
    OPEN = "open"
    DONE = "done"
    DISMISSED = "dismissed"
    SETTLED = "settled"


@strawberry.enum
class TaskEventKind(StrEnum):
    ASKED = "asked"
    TAKEN = "taken"
    HANDED_ON = "handed_on"
    CAME_BACK = "came_back"
    MOVED = "moved"
    DONE = "done"
    DISMISSED = "dismissed"
    SETTLED = "settled"
    REOPENED = "reopened"


@strawberry.type(description="One thing that happened to a task.")
class TaskEvent:
    kind: TaskEventKind
    kind_name: str
    by_name: str | None = strawberry.field(description="Null: a fact did it, nobody.")
    to_name: str | None = strawberry.field(description="Whose it became, where it is somebody's.")
    words: str
    at: datetime


@strawberry.type(description="What somebody is to do for a patient, why, by when, asked by whom.")
class Task(Node):
    key: strawberry.Private[UUID]
    patient_id: strawberry.ID
    patient_name: str
    kind: TaskKind
    kind_name: str
    what: str
    why: str
    due_on: date = strawberry.field(description="A day on the practice's clock.")
    due_time: str | None = strawberry.field(
        description="Of its wall, such as 14:05. Null: any time that day."
    )
    asked_by_id: strawberry.ID | None = strawberry.field(description="Null: a fact asked for it.")
    asked_by: str | None
    holder_id: strawberry.ID | None = strawberry.field(description="Null: whoever takes it.")
    holder: str | None
    for_role: StaffRole | None
    state: TaskState
    state_name: str
    outcome: str = strawberry.field(description="What came of it, or why it was not needed.")
    asked_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, row: queries.TaskRow) -> "Task":
        return cls(
            id=global_id("Task", row.id),
            key=row.id,
            patient_id=global_id("Patient", row.patient_id),
            patient_name=row.patient_name,
            kind=TaskKind(row.kind),
            kind_name=kinds.KINDS[row.kind].words,
            what=row.what,
            why=row.why,
            due_on=row.due_on,
            due_time=f"{row.due_time:%H:%M}" if row.due_time else None,
            asked_by_id=staff_id(row.asked_by),
            asked_by=row.asked_by_name,
            holder_id=staff_id(row.holder_id),
            holder=row.holder_name,
            for_role=StaffRole(row.for_role) if row.for_role else None,
            state=TaskState(row.state),
            state_name=steps.STATES[row.state],
            outcome=row.outcome,
            asked_at=row.made_at,
            closed_at=row.closed_at,
        )

    @strawberry.field(description="Everything that happened to it, oldest first.")
    async def events(self, info: Info) -> list[TaskEvent]:
        rows: list[queries.TaskEventRow] = await info.context.load("task_events", self.key)
        return [
            TaskEvent(
                kind=TaskEventKind(row.kind),
                kind_name=steps.EVENTS[row.kind],
                by_name=row.made_by_name,
                to_name=row.to_name,
                words=row.words,
                at=row.made_at,
            )
            for row in rows
        ]


@strawberry.type(description="What came of something one waits for, and has not been read yet.")
class TaskNews:
    task: Task
    kind: TaskEventKind
    kind_name: str
    words: str
    by_name: str | None
    at: datetime

    @classmethod
    def of(cls, row: queries.CameBack) -> "TaskNews":
        return cls(
            task=Task.of(row.task), kind=TaskEventKind(row.kind), kind_name=steps.EVENTS[row.kind], words=row.words,
            by_name=row.by_name, at=row.at,
        )  # fmt: skip


@strawberry.type(description="Somebody a task can be given to.")
class TaskColleague:
    staff_id: strawberry.ID
    name: str
    role: StaffRole


@strawberry.type(
    description="A kind of task, and who here could do it with the least licence: a hint, never a rule."
)
class TaskKindHint:
    kind: TaskKind
    name: str
    discipline: str | None
    discipline_name: str | None
    colleagues: list[TaskColleague]


async def _load(info: Info, id: UUID) -> Task | None:
    actor = actor_of(info)
    async with tenant_db(actor, read_only=True) as db:
        row = await queries.task_row(db, actor, id)
    return Task.of(row) if row else None


node_kind("Task", permission=READ, loader=_load)
batch("tasks", queries.tasks_of)
batch("task_events", queries.task_events)


@strawberry.type
class TasksOfPatient:
    """Fields of this room on Patient."""

    key: strawberry.Private[UUID]

    @field(
        permission="chart.read",
        description="What is to be done for this person, by the day it is due; or what is closed, newest first.",
    )
    async def tasks(
        self, info: Info, closed: bool = False, first: First = 50, after: After = None
    ) -> Connection[Task]:
        cursors = (NEWEST if closed else BY_DAY).within(actor_of(info).tenant_id)
        rows: list[queries.TaskRow] = await info.context.load(
            "tasks", self.key, closed, rows_to_fetch(first), cursors.read(after)
        )
        return page_from_rows(
            rows,
            first,
            cursor_of=lambda row: cursors.write(*((row.closed_at, row.id) if closed else row.place)),
            node_of=Task.of,
            after=after,
        )


@strawberry.type
class TasksQuery:
    @field(permission=READ, description="What is mine to do, by the day it is due.")
    async def my_tasks(self, info: Info, first: First = 50, after: After = None) -> Connection[Task]:
        return await _by_day(info, queries.my_tasks, first, after)

    @field(permission=READ, description="What waits for whoever of my role takes it.")
    async def tasks_to_take(self, info: Info, first: First = 50, after: After = None) -> Connection[Task]:
        return await _by_day(info, queries.tasks_to_take, first, after)

    @field(permission=READ, description="What others are to do because I asked.")
    async def tasks_i_asked_for(self, info: Info, first: First = 50, after: After = None) -> Connection[Task]:
        return await _by_day(info, queries.tasks_i_asked_for, first, after)

    @field(permission=READ, description="What came of things I wait for, until I have read it; newest first.")
    async def tasks_came_back(
        self, info: Info, first: First = 50, after: After = None
    ) -> Connection[TaskNews]:
        actor = actor_of(info)
        cursors = NEWEST.within(actor.tenant_id)
        position: Any = cursors.read(after)
        async with tenant_db(actor, read_only=True) as db:
            rows = await queries.came_back(db, actor, limit=rows_to_fetch(first), position=position)
        return page_from_rows(
            rows,
            first,
            cursor_of=lambda row: cursors.write(row.at, row.report_id),
            node_of=TaskNews.of,
            after=after,
        )

    @field(permission=READ, description="Kinds of tasks, and who here could do each.")
    async def task_kinds(self, info: Info) -> list[TaskKindHint]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            here = await queries.colleagues(db, actor, today(actor.zone))
        found = []
        for kind, told in kinds.KINDS.items():
            hint = kinds.suggestion(kind, here)
            found.append(
                TaskKindHint(
                    kind=TaskKind(kind),
                    name=told.words,
                    discipline=hint.discipline if hint else None,
                    discipline_name=DISCIPLINES.get(hint.discipline) if hint else None,
                    colleagues=[
                        TaskColleague(
                            staff_id=global_id("Staff", one.id), name=one.name, role=StaffRole(one.role)
                        )
                        for one in (hint.colleagues if hint else ())
                    ],
                )
            )
        return found


@strawberry.input(description="What, for whom, by when, and who is asked: somebody, or whoever of a role.")
class AskForTaskInput:
    patient_id: strawberry.ID
    kind: TaskKind = TaskKind.OTHER
    what: Line
    why: ShortText | None = None
    due_on: date
    due_time: Line | None = strawberry.field(
        default=None, description="Of the practice's wall, such as 14:05."
    )
    staff_id: strawberry.ID | None = None
    for_role: StaffRole | None = None

    def values(self) -> actions.NewTask:
        return actions.NewTask(
            kind=self.kind,
            what=self.what,
            why=self.why or "",
            due_on=self.due_on,
            due_time=_time(self.due_time),
            staff_id=staff_key(self.staff_id),
            for_role=self.for_role or "",
        )


@strawberry.input
class TakeTaskInput:
    task_id: strawberry.ID
    words: ShortText | None = strawberry.field(
        default=None, description="Why, where a colleague has it: they are told."
    )


@strawberry.input
class HandTaskOnInput:
    task_id: strawberry.ID
    staff_id: strawberry.ID | None = None
    for_role: StaffRole | None = None
    words: ShortText | None = None


@strawberry.input
class GiveTaskBackInput:
    task_id: strawberry.ID
    words: ShortText


@strawberry.input
class MoveTaskInput:
    task_id: strawberry.ID
    due_on: date
    due_time: Line | None = None
    words: ShortText | None = None


@strawberry.input
class ReportTaskDoneInput:
    task_id: strawberry.ID
    outcome: ShortText = strawberry.field(
        description="What came of it: everybody who asked or handed it on reads this."
    )


@strawberry.input
class DismissTaskInput:
    task_id: strawberry.ID
    reason: ShortText


@strawberry.input
class ReopenTaskInput:
    task_id: strawberry.ID
    words: ShortText = strawberry.field(description="What is still to do.")
    due_on: date | None = None


@strawberry.type
class TasksMutation:
    @mutation(permission=WRITE, description="Ask for something to be done for a person.")
    async def ask_for_task(self, info: Info, input: AskForTaskInput) -> Task:
        patient = id_of("Patient", input.patient_id)
        return await _done(info, lambda db, actor: actions.ask_for_task(db, actor, patient, input.values()))

    @mutation(
        permission=WRITE, description="Take on what waits, or, with a word of why, what a colleague has."
    )
    async def take_task(self, info: Info, input: TakeTaskInput) -> Task:
        id = id_of("Task", input.task_id)
        return await _done(info, lambda db, actor: actions.take_task(db, actor, id, words=input.words or ""))

    @mutation(permission=WRITE, description="Give it to somebody else; one still hears what came of it.")
    async def hand_task_on(self, info: Info, input: HandTaskOnInput) -> Task:
        id = id_of("Task", input.task_id)
        return await _done(
            info,
            lambda db, actor: actions.hand_task_on(
                db, actor, id, staff_id=staff_key(input.staff_id), for_role=input.for_role or "",
                words=input.words or "",
            ),
        )  # fmt: skip

    @mutation(permission=WRITE, description="Back to whoever gave it.")
    async def give_task_back(self, info: Info, input: GiveTaskBackInput) -> Task:
        id = id_of("Task", input.task_id)
        return await _done(info, lambda db, actor: actions.give_task_back(db, actor, id, words=input.words))

    @mutation(permission=WRITE, description="Another day.")
    async def move_task(self, info: Info, input: MoveTaskInput) -> Task:
        id = id_of("Task", input.task_id)
        return await _done(
            info,
            lambda db, actor: actions.move_task(
                db, actor, id, due_on=input.due_on, due_time=_time(input.due_time), words=input.words or ""
            ),
        )

    @mutation(permission=WRITE, description="It is done, and what came of it.")
    async def report_task_done(self, info: Info, input: ReportTaskDoneInput) -> Task:
        id = id_of("Task", input.task_id)
        return await _done(
            info, lambda db, actor: actions.report_task_done(db, actor, id, outcome=input.outcome)
        )

    @mutation(permission=WRITE, description="It is not needed, and why.")
    async def dismiss_task(self, info: Info, input: DismissTaskInput) -> Task:
        id = id_of("Task", input.task_id)
        return await _done(info, lambda db, actor: actions.dismiss_task(db, actor, id, reason=input.reason))

    @mutation(permission=WRITE, description="Something is still to do.")
    async def reopen_task(self, info: Info, input: ReopenTaskInput) -> Task:
        id = id_of("Task", input.task_id)
        return await _done(
            info,
            lambda db, actor: actions.reopen_task(db, actor, id, words=input.words, due_on=input.due_on),
        )

    @mutation(permission=WRITE, description="I have read what came of it; it leaves tasksCameBack.")
    async def read_task(self, info: Info, id: strawberry.ID) -> Task:
        key = id_of("Task", id)
        return await _done(info, lambda db, actor: actions.read_task(db, actor, key))


# --- between the two ------------------------------------------------------------------------------------------


async def _by_day(
    info: Info, load: Callable[..., Awaitable[list[queries.TaskRow]]], first: int, after: str | None
) -> Connection[Task]:
    actor = actor_of(info)
    cursors = BY_DAY.within(actor.tenant_id)
    async with tenant_db(actor, read_only=True) as db:
        rows = await load(db, actor, limit=rows_to_fetch(first), position=cursors.read(after))
    return page_from_rows(
        rows, first, cursor_of=lambda row: cursors.write(*row.place), node_of=Task.of, after=after
    )


async def _done(info: Info, act: Callable[[Db, Actor], Awaitable[TaskTable]]) -> Task:
    """What an action left, with the names of those concerned."""
    actor = actor_of(info)
    async with tenant_db(actor) as db:
        task = await act(db, actor)
        row = await queries.task_row(db, actor, task.id)
    info.context.forget()
    if row is None:
        raise RuntimeError("a task vanished inside its own transaction")
    return Task.of(row)


def _time(text: str | None) -> time | None:
    return time_in(text, "due_time") if text else None
