"""Tasks kept in step with the facts they come from, in the transaction of whoever changes a fact (N17).

A room above says what its facts ask for now; this opens, opens again or settles, so that no task stays without a reason
that lives, and none is asked for twice. It is given the facts to read after the person is held: two who change facts at
once come one after the other, and the second sees what the first did.
"""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from server.clock import now
from server.ids import new_id
from server.patients.tables import Patient
from server.tasks.derived import Known, Wanted, changes
from server.tasks.tables import Task, TaskEvent
from server.tenants.actor import Actor
from server.tenants.db import Db

#: what the facts about a person ask for, read now
Ask = Callable[[], Awaitable[Sequence[Wanted]]]


async def reconcile(db: Db, actor: Actor, patient_id: UUID, rule: str, ask: Ask, *, because: str) -> None:
    """Bring the person's tasks that come from `rule` in step with what `ask` says.

    because: a sentence for those that are settled now, such as what was just written down.
    """
    await db.execute(select(Patient.id).where(Patient.id == patient_id).with_for_update(key_share=True))
    wanted = await ask()
    rows = (
        await db.execute(
            select(Task)
            .where(Task.patient_id == patient_id, Task.source_kind == rule)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).scalars()
    there = {task.source_id: task for task in rows if task.source_id is not None}
    known = [Known(id, "kept" if task.asked_by else task.state) for id, task in there.items()]
    change = changes(wanted, known)

    for one in change.opens:
        await _open(db, actor, patient_id, rule, one)
    for one in change.reopens:
        task = there[one.source_id]
        task.state, task.outcome, task.closed_at, task.due_on = "open", "", None, one.due_on
        _happened(db, actor, task, "reopened", one.why)
    for source_id in change.settles:
        task = there[source_id]
        task.state, task.outcome, task.closed_at = "settled", because, now()
        _happened(db, actor, task, "settled", because)
    await db.flush()


async def _open(db: Db, actor: Actor, patient_id: UUID, rule: str, one: Wanted) -> None:
    id = new_id()
    made = await db.execute(
        insert(Task)
        .values(
            tenant_id=actor.tenant_id, id=id, patient_id=patient_id, kind=one.kind, what=one.what, why=one.why,
            due_on=one.due_on, holder_id=one.holder_id, for_role="" if one.holder_id else one.for_role, state="open",
            outcome="", source_kind=rule, source_id=one.source_id, made_at=now(),
        )
        # Of a record that was joined with this one: there already, under the same fact.
        .on_conflict_do_nothing()
        .returning(Task)
    )  # fmt: skip
    task = made.scalar_one_or_none()
    if task is not None:
        _happened(db, actor, task, "asked", one.why)


def _happened(db: Db, actor: Actor, task: Task, kind: str, words: str) -> None:
    """By nobody: a fact did it."""
    db.add(
        TaskEvent(
            tenant_id=task.tenant_id,
            id=new_id(),
            task_id=task.id,
            kind=kind,
            to_id=task.holder_id,
            to_role=task.for_role,
            words=words,
            made_at=now(),
        )
    )
    db.note(
        actor, f"tasks.{kind}", entity="task", entity_ids=[task.id], patient_ids=[task.patient_id],
        effect="write",
    )  # fmt: skip
