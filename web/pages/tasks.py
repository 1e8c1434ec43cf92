"""Tasks: one's own by day, what one asked for and how it came back, those of a person, and each with its story."""

from typing import Any, Final
from uuid import UUID

from server.clock import today
from server.errors import Refused, not_found
from server.ids import parse_id
from server.patients.tables import Patient
from server.tasks.actions import (
    NewTask,
    ask_for_task,
    dismiss_task,
    give_task_back,
    hand_task_on,
    move_task,
    read_task,
    reopen_task,
    report_task_done,
    take_task,
)
from server.tasks.gate import doer_of, task_for
from server.tasks.queries import (
    came_back,
    colleagues,
    my_tasks,
    news_unread,
    task_events,
    task_row,
    tasks_i_asked_for,
    tasks_of,
    tasks_to_take,
)
from server.tasks.steps import STEPS, may
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.tenants.hours import time_in
from server.words import say
from web.pages.person_sections import person_frame
from web.rendering import moment
from web.site import Answer, Visit, page
from web.task_words import (
    by_day,
    closed_words,
    event_words,
    kinds_with_hints,
    news_of,
    row_of,
    whom_to_ask,
)
from web.typed import Form, beside, day_in, day_or_none, id_chosen, text_in

_MOST: Final = 100
_CLOSED: Final = 50
#: where a short form on a list leads back to
_BACK: Final = {"today": "/", "tasks": "/tasks"}


# --- lists ----------------------------------------------------------------------------------------------------


@page.get("/tasks", permission="tasks.read")
async def my_list(visit: Visit) -> Answer:
    """What is mine, what I could take, what I wait for. Nobody else's list is anywhere (V2)."""
    actor, on = visit.actor, visit.today
    async with tenant_db(actor, read_only=True) as db:
        mine = await my_tasks(db, actor, limit=_MOST + 1)
        free = await tasks_to_take(db, actor, limit=_MOST + 1)
        asked = await tasks_i_asked_for(db, actor, limit=_MOST + 1)
        news = await came_back(db, actor, limit=_MOST + 1)
    return visit.show(
        "tasks/list.html",
        days=by_day(mine[:_MOST], actor.staff_id, on),
        free=[row_of(row, actor.staff_id, on) for row in free[:_MOST]],
        asked=[row_of(row, actor.staff_id, on) for row in asked[:_MOST]],
        news=[news_of(one, actor.staff_id, on, actor.zone) for one in news[:_MOST]],
        more=max(len(mine), len(free), len(asked), len(news)) > _MOST,
    )


async def tasks_for_today(db: Db, visit: Visit, *, most: int) -> dict[str, Any]:
    """Values for the first page: mine by day, what waits for somebody like me, what came back."""
    actor, on = visit.actor, visit.today
    mine = await my_tasks(db, actor, limit=most)
    return {
        "task_days_shown": by_day(mine, actor.staff_id, on),
        "free_tasks": [row_of(row, actor.staff_id, on) for row in await tasks_to_take(db, actor, limit=most)],
        "task_news": [
            news_of(one, actor.staff_id, on, actor.zone) for one in await came_back(db, actor, limit=most)
        ],
    }


async def tasks_said(db: Db, actor: Actor, patient: Patient) -> list[dict[str, Any]]:
    """What is to be done for somebody, on their page."""
    rows = (await tasks_of(db, actor, [patient.id], False, _MOST)).get(patient.id, [])
    on = today(actor.zone)
    return [row_of(row, actor.staff_id, on) for row in rows]


@page.get("/people/{id:str}/tasks", permission="chart.read")
async def tasks_of_person(visit: Visit) -> Answer:
    id, actor, on = visit.id("id", "patient"), visit.actor, visit.today
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        opened = (await tasks_of(db, actor, [id], False, _MOST + 1)).get(id, [])
        marked = parse_id(visit.query("before"))
        before = await task_row(db, actor, marked) if marked else None
        place = (before.closed_at, before.id) if before and before.closed_at else None
        closed = (await tasks_of(db, actor, [id], True, _CLOSED + 1, place)).get(id, [])
    shown = closed[:_CLOSED]
    return visit.show(
        "tasks/person.html",
        open=[row_of(row, actor.staff_id, on) for row in opened[:_MOST]],
        more=len(opened) > _MOST,
        closed=[
            row_of(row, actor.staff_id, on) | {"closed": closed_words(row, actor.zone, on)} for row in shown
        ],
        older=f"/people/{id}/tasks?before={shown[-1].id}" if len(closed) > _CLOSED else "",
        **given,
    )


# --- asking ---------------------------------------------------------------------------------------------------


@page.get("/people/{id:str}/tasks/new", permission="tasks.write")
async def task_form(visit: Visit) -> Answer:
    values = {"kind": "call", "who": str(visit.actor.staff_id), "due_on": visit.today.isoformat()}
    return visit.show("tasks/new.html", values=values, **await _form_page(visit))


@page.post("/people/{id:str}/tasks", permission="tasks.write")
async def task_asked(visit: Visit) -> Answer:
    id, form = visit.id("id", "patient"), await visit.form()
    try:
        whom, role = _whom(form, "who")
        new = NewTask(
            kind=form.get("kind", ""),
            what=text_in(form, "what", 200),
            why=text_in(form, "why"),
            due_on=day_in(form, "due_on"),
            due_time=time_in(form["due_time"], "due_time") if form.get("due_time") else None,
            staff_id=whom,
            for_role=role,
        )
        async with tenant_db(visit.actor) as db:
            task = await ask_for_task(db, visit.actor, id, new)
    except Refused as refused:
        refused = beside(refused, {"staff_id": "who", "for_role": "who"})
        return visit.again("tasks/new.html", refused, values=form, **await _form_page(visit))
    said = (
        say("On your list.")
        if task.holder_id == visit.actor.staff_id
        else say("Asked. You will read on your first page what came of it.")
    )
    return visit.go(f"/people/{id}", said)


async def _form_page(visit: Visit) -> dict[str, Any]:
    id, actor = visit.id("id", "patient"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        here = await colleagues(db, actor, visit.today)
    return given | {"kinds": kinds_with_hints(here), "whom": whom_to_ask(here, actor.staff_id)}


# --- one task -------------------------------------------------------------------------------------------------


@page.get("/tasks/{task:str}", permission="tasks.read")
async def one_task(visit: Visit) -> Answer:
    given = await _task_page(visit)
    return visit.show("tasks/one.html", values=given["start"], **given)


@page.post("/tasks/{task:str}/take", permission="tasks.write")
async def taken(visit: Visit) -> Answer:
    id, form = visit.id("task", "task"), await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await take_task(db, visit.actor, id, words=text_in(form, "over_words"))
    except Refused as refused:
        return await _again(visit, refused, form, words="over_words")
    return visit.go(_back(form, id), say("Yours now."))


@page.post("/tasks/{task:str}/hand-on", permission="tasks.write")
async def handed_on(visit: Visit) -> Answer:
    id, form = visit.id("task", "task"), await visit.form()
    try:
        whom, role = _whom(form, "next_who")
        async with tenant_db(visit.actor) as db:
            await hand_task_on(
                db, visit.actor, id, staff_id=whom, for_role=role, words=text_in(form, "hand_words")
            )
    except Refused as refused:
        return await _again(
            visit, refused, form, staff_id="next_who", for_role="next_who", words="hand_words"
        )
    return visit.go(f"/tasks/{id}", say("Handed on. You will read what came of it."))


@page.post("/tasks/{task:str}/give-back", permission="tasks.write")
async def given_back(visit: Visit) -> Answer:
    id, form = visit.id("task", "task"), await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await give_task_back(db, visit.actor, id, words=text_in(form, "back_words"))
    except Refused as refused:
        return await _again(visit, refused, form, words="back_words")
    return visit.go("/tasks", say("Given back, with your words."))


@page.post("/tasks/{task:str}/move", permission="tasks.write")
async def moved(visit: Visit) -> Answer:
    id, form = visit.id("task", "task"), await visit.form()
    try:
        at = form.get("move_at", "")
        async with tenant_db(visit.actor) as db:
            await move_task(
                db,
                visit.actor,
                id,
                due_on=day_in(form, "move_on"),
                due_time=time_in(at, "move_at") if at else None,
                words=text_in(form, "move_words"),
            )
    except Refused as refused:
        return await _again(visit, refused, form, due_on="move_on", due_time="move_at", words="move_words")
    return visit.go(f"/tasks/{id}", say("Moved."))


@page.post("/tasks/{task:str}/done", permission="tasks.write")
async def done(visit: Visit) -> Answer:
    id, form = visit.id("task", "task"), await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await report_task_done(db, visit.actor, id, outcome=text_in(form, "outcome"))
    except Refused as refused:
        return await _again(visit, refused, form)
    return visit.go(_back(form, id), say("Done. Whoever asked reads what came of it."))


@page.post("/tasks/{task:str}/dismiss", permission="tasks.write")
async def dismissed(visit: Visit) -> Answer:
    id, form = visit.id("task", "task"), await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await dismiss_task(db, visit.actor, id, reason=text_in(form, "reason"))
    except Refused as refused:
        return await _again(visit, refused, form)
    return visit.go(_back(form, id), say("Off the list, with your reason."))


@page.post("/tasks/{task:str}/reopen", permission="tasks.write")
async def reopened(visit: Visit) -> Answer:
    id, form = visit.id("task", "task"), await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await reopen_task(
                db, visit.actor, id, words=text_in(form, "again_words"), due_on=day_or_none(form, "again_on")
            )
    except Refused as refused:
        return await _again(visit, refused, form, words="again_words", due_on="again_on")
    return visit.go(f"/tasks/{id}", say("Open again."))


@page.post("/tasks/{task:str}/read", permission="tasks.write")
async def news_read(visit: Visit) -> Answer:
    id, form = visit.id("task", "task"), await visit.form()
    async with tenant_db(visit.actor) as db:
        await read_task(db, visit.actor, id)
    return visit.go(_back(form, id))


async def _again(visit: Visit, refused: Refused, form: Form, /, **fields: str) -> Answer:
    """The task as it stands by now, with what was typed: somebody else may have been quicker."""
    if refused.code in {"NOT_FOUND", "NOT_ALLOWED"}:
        raise refused
    given = await _task_page(visit)
    return visit.again("tasks/one.html", beside(refused, fields), values=given["start"] | form, **given)


async def _task_page(visit: Visit) -> dict[str, Any]:
    id, actor, on = visit.id("task", "task"), visit.actor, visit.today
    async with tenant_db(actor, read_only=True) as db:
        held = await task_for(db, actor, id)
        row = await task_row(db, actor, id)
        if row is None:
            raise not_found("task")
        given = await person_frame(db, visit, row.patient_id)
        events = (await task_events(db, actor, [id])).get(id, [])
        here = await colleagues(db, actor, on)
        unread = await news_unread(db, actor, id)
    names = {one.id: one.name for one in here}
    giver = held.standing.given_by
    return given | {
        "task": row_of(row, actor.staff_id, on),
        "is_open": row.state == "open",
        "closed": closed_words(row, actor.zone, on),
        "steps": {step for step in STEPS if may(step, held.standing, doer_of(actor))}
        if actor.may("tasks.write")
        else set(),
        "takes_over": not held.standing.is_free,
        "giver": names.get(giver, "") if giver else "",
        "whom": whom_to_ask(here, actor.staff_id, but=row.holder_id),
        "unread": unread,
        "events": [
            {
                "what": event_words(one),
                "words": one.words,
                "when": moment(one.made_at, actor.zone),
            }
            for one in events
        ],
        "start": {
            "move_on": max(row.due_on, on).isoformat(),
            "move_at": f"{row.due_time:%H:%M}" if row.due_time else "",
            "again_on": max(row.due_on, on).isoformat(),
        },
    }


def _whom(form: Form, name: str) -> tuple[UUID | None, str]:
    """Who was chosen: somebody's id, or a role."""
    kind, _, role = form.get(name, "").partition(":")
    return (None, role) if kind == "role" else (id_chosen(form, name, "colleague"), "")


def _back(form: Form, id: UUID) -> str:
    return _BACK.get(form.get("back", ""), f"/tasks/{id}")
