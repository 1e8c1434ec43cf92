"""The minutes of a person: who, when, what; corrected by a further entry, taken back, joined. Facts, never a goal."""

from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from server.enrollment.queries import enrollments_of
from server.enrollment.tables import PROGRAMS
from server.errors import Refused, not_found
from server.minutes.actions import (
    Joining,
    NewMinutes,
    correct_minutes,
    join_meeting,
    log_minutes,
    void_minutes,
)
from server.minutes.queries import TimeEntryRow, minutes_of, month_totals_of, time_entry_row
from server.minutes.tables import ACTIVITIES, MODES, ROLE_CLASSES
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.words import say
from web.pages.person_sections import person_frame
from web.rendering import minutes_words
from web.site import Answer, Visit, page
from web.typed import Form, beside, moment_in, pairs, span_in, why_now

_FIELDS: Final = {"started_at": "began", "ended_at": "ended"}
_PAGE: Final = 60


@page.get("/people/{id:str}/minutes", permission="minutes.read")
async def minutes(visit: Visit) -> Answer:
    given = await _minutes_page(visit)
    return visit.show("minutes/list.html", values=given["start"], **given)


async def _minutes_page(visit: Visit) -> dict[str, Any]:
    id, actor = visit.id("id", "patient"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        last = None
        if (marked := visit.query("before")) and (row := await _marked(db, actor, id, marked)):
            last = (row.started_at, row.id)
        rows = (await minutes_of(db, actor, [id], limit=_PAGE + 1, position=last, corrected=True)).get(id, [])
        totals = (await month_totals_of(db, actor, [id])).get(id, [])
        enrolled = [e.program for e in (await enrollments_of(db, actor, [id])).get(id, []) if not e.ended_on]
    local = visit_now(actor.zone)
    shown = rows[:_PAGE]
    return given | {
        "entries": shown,
        "older": f"/people/{id}/minutes?before={shown[-1].id}" if len(rows) > _PAGE else "",
        "totals": totals,
        "mine": actor.staff_id,
        "activities": dict(pairs(ACTIVITIES)),
        "activity_choices": pairs(ACTIVITIES),
        "modes": dict(pairs(MODES)),
        "classes": dict(pairs(ROLE_CLASSES)),
        "titles": dict(pairs(PROGRAMS)),
        "programs": pairs(PROGRAMS, only=[*enrolled, *(p for p in PROGRAMS if p not in enrolled)]),
        "start": {"on": local.date().isoformat(), "activity": "plan_work"},
        "said": minutes_words,
    }


def visit_now(zone: str) -> Any:
    from server.clock import now

    return now().astimezone(ZoneInfo(zone))


async def _marked(db: Db, actor: Actor, id: UUID, marked: str) -> TimeEntryRow | None:
    from server.ids import parse_id

    entry_id = parse_id(marked)
    row = await time_entry_row(db, actor, entry_id) if entry_id else None
    return row if row is not None and row.patient_id == id else None


@page.post("/people/{id:str}/minutes", permission="minutes.write")
async def logged(visit: Visit) -> Answer:
    """Minutes of work that was no contact; those of a contact are saved with it."""
    id, form, actor = visit.id("id", "patient"), await visit.form(), visit.actor
    try:
        span = span_in(form, actor.zone)
        if span is None:
            raise Refused(
                "MINUTES_NEEDED",
                say("How long did it last?"),
                say("Write the minutes, or until when."),
                "minutes",
            )
        new = NewMinutes(
            program=form.get("program", ""),
            activity=form.get("activity", ""),
            started_at=span.start,
            ended_at=span.end,
            with_patient=False,
            joint=form.get("joint") == "yes",
            **why_now(form),
        )
        async with tenant_db(actor) as db:
            await log_minutes(db, actor, id, new)
    except Refused as refused:
        given = await _minutes_page(visit)
        fields = {"started_at": "began", "ended_at": "minutes"}
        return visit.again("minutes/list.html", beside(refused, fields), values=form, **given)
    return visit.go(f"/people/{id}/minutes", say("Entered."))


@page.get("/people/{id:str}/minutes/{entry:str}", permission="minutes.write")
async def entry(visit: Visit) -> Answer:
    """One entry, to correct, take back or join."""
    given = await _entry_page(visit)
    return visit.show("minutes/entry.html", values=given["start"], which="", **given)


async def _entry_page(visit: Visit) -> dict[str, Any]:
    id, actor = visit.id("id", "patient"), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given = await person_frame(db, visit, id)
        row = await _entry(db, actor, id, visit.id("entry", "entry of minutes"))
    zone = ZoneInfo(actor.zone)
    began, ended = row.started_at.astimezone(zone), row.ended_at.astimezone(zone)
    return given | {
        "entry": row,
        "mine": row.staff_id == actor.staff_id,
        "activities": dict(pairs(ACTIVITIES)),
        "activity_choices": pairs(ACTIVITIES),
        "programs": pairs(PROGRAMS),
        "titles": dict(pairs(PROGRAMS)),
        "modes": pairs(MODES),
        "same_day": began.date() == ended.date(),
        "start": {
            "on": began.date().isoformat(),
            "began": f"{began:%H:%M:%S}" if began.second else f"{began:%H:%M}",
            "until_on": ended.date().isoformat(),
            "ended": f"{ended:%H:%M:%S}" if ended.second else f"{ended:%H:%M}",
            "program": row.program,
            "activity": row.activity,
            "mode": row.mode,
            "with_patient": "yes" if row.with_patient else "",
            "joint": "yes" if row.joint_id else "",
        },
    }


async def _entry(db: Db, actor: Actor, id: UUID, entry_id: UUID) -> TimeEntryRow:
    row = await time_entry_row(db, actor, entry_id)
    if row is None or row.patient_id != id:
        raise not_found("entry of minutes")
    return row


@page.post("/people/{id:str}/minutes/{entry:str}/correct", permission="minutes.write")
async def corrected(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, entry_id: UUID, form: Form) -> None:
        changes = {
            "program": form.get("program", ""),
            "activity": form.get("activity", ""),
            "mode": form.get("mode", ""),
            "with_patient": form.get("with_patient") == "yes",
            "joint": form.get("joint") == "yes",
            "started_at": moment_in(form, "on", "began", actor.zone),
            "ended_at": moment_in(form, "until_on", "ended", actor.zone),
        }
        await correct_minutes(db, actor, entry_id, changes=changes, **why_now(form))

    return await _do(visit, act, say("Corrected. What it said before is kept beside it."), "correct")


@page.post("/people/{id:str}/minutes/{entry:str}/void", permission="minutes.write")
async def taken_back(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, entry_id: UUID, form: Form) -> None:
        await void_minutes(db, actor, entry_id, **why_now(form))

    return await _do(visit, act, say("Taken back. It stays in the list and says so."), "void")


@page.post("/people/{id:str}/minutes/{entry:str}/join", permission="minutes.write")
async def joined(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, entry_id: UUID, form: Form) -> None:
        span = span_in(form, actor.zone) if form.get("began") else None
        joining = Joining(
            started_at=span.start if span else None,
            ended_at=span.end if span else None,
            **why_now(form),
        )
        await join_meeting(db, actor, entry_id, joining)

    return await _do(visit, act, say("You are in the meeting."), "join")


async def _do(visit: Visit, act: Any, said: str, which: str) -> Answer:
    id, entry_id = visit.id("id", "patient"), visit.id("entry", "entry of minutes")
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await _entry(db, visit.actor, id, entry_id)
            await act(db, visit.actor, entry_id, form)
    except Refused as refused:
        given = await _entry_page(visit)
        typed = form if which == "correct" else given["start"] | form
        return visit.again("minutes/entry.html", beside(refused, _FIELDS), values=typed, which=which, **given)
    return visit.go(f"/people/{id}/minutes", said)
