"""One's own time: the timer that runs, the pieces that wait to be sorted out, and how the timer starts.

The owner's alone: no page shows anybody another person's timer, silences or drafts.
"""

import re
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Response

from server.encounters.my_day import people_in_my_care
from server.enrollment.tables import PROGRAMS
from server.errors import Refused, not_found
from server.ids import parse_id
from server.minutes.actions import confirm_minutes
from server.minutes.stretches import Decision, decide_stretch
from server.minutes.tables import ACTIVITIES, STARTS
from server.minutes.timer_choice import choose_timer_start, my_choice
from server.minutes.timer_queries import StretchRow, my_stretches, my_unconfirmed, stretches_of_timer
from server.minutes.timers import (
    UNSEEN,
    Start,
    Stop,
    beat_timer,
    discard_timer,
    start_timer,
    stop_timer,
    switch_timer,
)
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.words import N_, say
from web.pages.diary import said_day
from web.rendering import called, clock, minutes_words
from web.site import Answer, Visit, page
from web.timer_line import heard_in, line_of
from web.typed import Form, beside, id_chosen, minutes_in, moment_in, pairs, text_in, whole, why_now

_OURS: Final = re.compile(r"/(?!/)[A-Za-z0-9/_-]{0,200}")
_FIELDS: Final = {"started_at": "began", "ended_at": "ended"}
_WHY: Final = {
    "idle": N_("Nobody typed or moved"),
    "unseen": N_("No page of yours was open"),
    "worked": N_("Counted by the timer"),
}


@page.get("/time", permission="minutes.write")
async def time(visit: Visit) -> Answer:
    return visit.show("time/time.html", which="", **await _time_page(visit))


async def _time_page(visit: Visit) -> dict[str, Any]:
    actor = visit.actor
    async with tenant_db(actor, read_only=True) as db:
        stretches = await my_stretches(db, actor)
        drafts = await my_unconfirmed(db, actor)
        choice = await my_choice(db, actor)
        people = []
        if stretches and actor.may("encounters.read") and actor.may("chart.read"):
            people = await people_in_my_care(db, actor, limit=200)
        db.note(
            actor, "timer.read", entity="timer",
            patient_ids=[row.patient_id for row in stretches] + [row.patient_id for row in drafts],
        )  # fmt: skip
    return {
        "stretches": [_piece(row, visit) for row in stretches],
        "drafts": [
            {
                "id": str(row.id),
                "href": f"/people/{row.patient_id}/minutes/{row.id}",
                "who": f"{called(row)} {row.family_name}",
                "when": _when(row, visit),
                "lasted": _lasted(row),
                "what": say(ACTIVITIES[row.activity]),
                "reason": say(UNSEEN) if row.timed else row.reason,
            }
            for row in drafts
        ],
        "choice": choice,
        "starts": pairs(STARTS),
        "programs": pairs(PROGRAMS),
        "activities": pairs(ACTIVITIES),
        "people": [(str(one.id), f"{called(one)} {one.family_name}") for one in people],
    }


def _when(row: Any, visit: Visit) -> str:
    from carewright_plugin_api.facts import local_day

    day = said_day(local_day(row.started_at, visit.zone), visit.today)
    return say(
        "%(day)s, %(began)s to %(ended)s",
        day=day,
        began=clock(row.started_at, visit.zone),
        ended=clock(row.ended_at, visit.zone),
    )


def _lasted(row: Any) -> str:
    seconds = int((row.ended_at - row.started_at).total_seconds())
    return minutes_words(seconds) if seconds >= 60 else say("%(seconds)s s", seconds=seconds)


def _piece(row: StretchRow, visit: Visit) -> dict[str, Any]:
    on, began = _typed(row.started_at, visit.zone)
    until_on, ended = _typed(row.ended_at, visit.zone)
    return {
        "id": str(row.id),
        "who": f"{called(row)} {row.family_name}",
        "called": called(row),
        "when": _when(row, visit),
        "lasted": _lasted(row),
        "why": say(_WHY[row.kind]),
        "kind": row.kind,
        "message": row.message,
        "closed": row.code == "MONTH_CLOSED",
        "next_step": row.next_step,
        "start": {
            "what": "keep",
            "program": row.program,
            "activity": row.activity,
            "on": on,
            "began": began,
            "until_on": until_on,
            "ended": ended,
        },
    }


def _typed(at: datetime, zone: str) -> tuple[str, str]:
    """The day and the time as their fields hold them."""
    local = at.astimezone(ZoneInfo(zone))
    return local.date().isoformat(), f"{local:%H:%M:%S}"


# --- start, switch, beat, stop ----------------------------------------------------------------------------------


@page.post("/time/start", permission="minutes.write")
async def start(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, patient_id: UUID, new: Start) -> None:
        await start_timer(db, actor, patient_id, new)

    return await _start(visit, act, say("The timer is running."))


@page.post("/time/switch", permission="minutes.write")
async def switch(visit: Visit) -> Answer:
    async def act(db: Db, actor: Actor, patient_id: UUID, new: Start) -> None:
        await switch_timer(db, actor, patient_id, new, Stop(heard=new.heard))

    return await _start(visit, act, say("The timer was stopped there and is running here."))


async def _start(visit: Visit, act: Any, done: str) -> Answer:
    form, actor = await visit.form(), visit.actor
    patient_id = id_chosen(form, "patient", "patient")
    if patient_id is None:
        raise not_found("patient")
    automatic = form.get("automatic") == "yes"
    new = Start(automatic=automatic, heard=heard_in(form.get("heard", "")))
    try:
        async with tenant_db(actor) as db:
            await act(db, actor, patient_id, new)
    except Refused as refused:
        if not automatic:
            return visit.again("time/time.html", whole(refused), which="", **await _time_page(visit))
        if refused.code == "NOT_FOUND":
            raise
    if automatic:
        return await _now(visit, patient_id)
    return visit.go(f"/people/{patient_id}", done)


@page.get("/time/now", permission="minutes.write")
async def running(visit: Visit) -> Answer:
    """What runs now, for a page that was open while it changed. patient: whose page it is."""
    return await _now(visit, parse_id(visit.query("patient")))


async def _now(visit: Visit, patient_id: UUID | None) -> Answer:
    from server.patients.gate import patient_for

    async with tenant_db(visit.actor, read_only=True) as db:
        visit.timer = await line_of(db, visit.actor)
        name = ""
        if patient_id is not None:
            name = called(await patient_for(db, visit.actor, patient_id, permission="patients.read"))
    return visit.fragment("time/_now.html", patient_id=str(patient_id or ""), name=name)


@page.post("/time/beat", permission="minutes.write")
async def beat(visit: Visit) -> Answer:
    """The page is still open: `{"state", "seconds"}`."""
    form, actor = await visit.form(), visit.actor
    heard, timer_id = heard_in(form.get("heard", "")), parse_id(form.get("timer", ""))
    if heard is None or timer_id is None:
        raise not_found("timer")
    async with tenant_db(actor) as db:
        timer = await beat_timer(db, actor, timer_id, heard)
        line = await line_of(db, actor)
    seconds = line["now"]["seconds"] if line["now"] and line["now"]["id"] == str(timer_id) else 0
    return Response({"state": timer.state, "seconds": seconds})


@page.post("/time/stop", permission="minutes.write")
async def stop(visit: Visit) -> Answer:
    form, actor = await visit.form(), visit.actor
    timer_id = parse_id(form.get("timer", ""))
    if timer_id is None:
        raise not_found("timer")
    what = Stop(form.get("program", ""), form.get("activity", ""), heard_in(form.get("heard", "")))
    try:
        async with tenant_db(actor) as db:
            timer = await stop_timer(db, actor, timer_id, what)
            became = {row.state for row in await stretches_of_timer(db, actor, timer_id)}
    except Refused as refused:
        return visit.again("time/time.html", whole(refused), which="", **await _time_page(visit))
    if form.get("then") == "count":  # sent by the script once the line was back
        return Response({"state": timer.state, "seconds": 0, "waits": bool(became & {"open", "refused"})})
    if timer.state == "set_aside":
        return visit.go(
            "/time", say("It was set aside before. What of it still waits for you is below."), "info"
        )
    if timer.state == "discarded":
        return visit.go(_back(form), say("It was discarded before. Nothing of it counts."), "info")
    if became & {"open", "refused"}:
        return visit.go("/time", say("Stopped. Some of it waits for you below."), "info")
    if "entered" not in became:
        return visit.go(_back(form), say("Stopped. There was nothing to enter."), "info")
    return visit.go(_back(form), say("Stopped. Its minutes are entered."))


@page.post("/time/discard", permission="minutes.write")
async def discard(visit: Visit) -> Answer:
    form, actor = await visit.form(), visit.actor
    timer_id = parse_id(form.get("timer", ""))
    if timer_id is None:
        raise not_found("timer")
    try:
        async with tenant_db(actor) as db:
            await discard_timer(db, actor, timer_id, reason=text_in(form, "reason"))
    except Refused as refused:
        return visit.again("time/time.html", whole(refused), which="", **await _time_page(visit))
    return visit.go(_back(form), say("Nothing was counted."))


def _back(form: Form) -> str:
    """The page somebody came from, if it is one of ours."""
    address = form.get("back", "")
    return address if _OURS.fullmatch(address) else "/time"


# --- sorting out ------------------------------------------------------------------------------------------------


@page.post("/time/stretches/{stretch:str}", permission="minutes.write")
async def decide(visit: Visit) -> Answer:
    stretch_id, form, actor = visit.id("stretch", "piece of time"), await visit.form(), visit.actor
    async with tenant_db(actor, read_only=True) as db:
        row = next((row for row in await my_stretches(db, actor) if row.id == stretch_id), None)
    try:
        decision = Decision(
            form.get("what", ""),
            patient_id=id_chosen(form, "patient", "patient"),
            program=form.get("program", ""),
            activity=form.get("activity", ""),
            started_at=_edge_in(form, "on", "began", actor.zone, row.started_at if row else None),
            ended_at=_edge_in(form, "until_on", "ended", actor.zone, row.ended_at if row else None),
            **why_now(form),
        )
        async with tenant_db(actor) as db:
            await decide_stretch(db, actor, stretch_id, decision)
    except Refused as refused:
        fields = {**_FIELDS, "patient_id": "patient", "decision": "what"}
        return visit.again(
            "time/time.html",
            beside(refused, fields),
            which=str(stretch_id),
            values=form,
            **await _time_page(visit),
        )
    return visit.go("/time", say("Sorted out."))


def _edge_in(form: Form, on: str, at: str, zone: str, edge: datetime | None) -> datetime | None:
    """The time typed; None where the fields still say the piece's own edge, which may have a fraction of a second, or
    lie in the hour that the clocks show twice."""
    if not form.get(at) or (edge and (form.get(on), form.get(at)) == _typed(edge, zone)):
        return None
    return moment_in(form, on, at, zone)


@page.post("/time/drafts/{entry:str}/confirm", permission="minutes.write")
async def confirm(visit: Visit) -> Answer:
    entry_id, form, actor = visit.id("entry", "entry of minutes"), await visit.form(), visit.actor
    try:
        async with tenant_db(actor) as db:
            await confirm_minutes(db, actor, entry_id, **why_now(form))
    except Refused as refused:
        return visit.again(
            "time/time.html", refused, which=str(entry_id), values=form, **await _time_page(visit)
        )
    return visit.go("/time", say("Confirmed. It counts now."))


@page.post("/time/start-choice", permission="minutes.write")
async def choose(visit: Visit) -> Answer:
    form, actor = await visit.form(), visit.actor
    try:
        minutes = minutes_in(form, "idle_minutes")
        async with tenant_db(actor) as db:
            await choose_timer_start(db, actor, start=form.get("start", ""), idle_minutes=minutes or 0)
    except Refused as refused:
        return visit.again("time/time.html", refused, which="choice", values=form, **await _time_page(visit))
    return visit.go("/time", say("Saved. It holds for timers started from now on."))
