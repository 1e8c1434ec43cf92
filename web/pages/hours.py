"""Who is here when: the week for everybody, and one's own hours to write down (anybody's, for whoever sets up staff)."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from carewright_plugin_api.facts import local_day

from server.clock import now
from server.dates import WEEKDAYS
from server.errors import Refused, not_found
from server.recurrence import clock as wall_clock
from server.tenants.db import Db, tenant_db
from server.tenants.hours import there_at, time_in
from server.tenants.sites import list_sites
from server.tenants.staff import list_staff, staff_for
from server.tenants.working_hours import (
    There,
    add_days_away,
    add_hours,
    days_away_of,
    end_hours,
    hours_of,
    monday_of,
    planned_for,
    remove_days_away,
    remove_hours,
    who_is_there,
)
from server.words import say
from web.rendering import clock, day
from web.site import Answer, Visit, page
from web.typed import beside, day_in, day_or_none, id_chosen

_WORKDAYS = 5


@page.get("/practice/hours", permission="practice.read")
async def week(visit: Visit) -> Answer:
    """A week from Monday on, this one or a later one."""
    this = monday_of(visit.today)
    first = max(this, monday_of(_date_or(visit.query("week"), this)))
    async with tenant_db(visit.actor, read_only=True) as db:
        staff = await list_staff(db, visit.actor)
        there = await who_is_there(db, visit.actor, first=first, days=7, today=visit.today)
        here = (
            there
            if first == this
            else await who_is_there(db, visit.actor, first=visit.today, days=1, today=visit.today)
        )
        several = len(await list_sites(db, visit.actor)) > 1
    cells: dict[tuple[UUID, int], list[dict[str, str]]] = {}
    for one in there:
        on = local_day(one.starts_at, visit.zone)
        cells.setdefault((one.staff_id, (on - first).days), []).append(
            _span(one, visit.zone, several=several)
        )
    weekend = any(number >= _WORKDAYS for _, number in cells)
    shown = range(7 if weekend else _WORKDAYS)
    return visit.show(
        "practice/hours.html",
        days=[day(first + timedelta(days=number)).rpartition(" ")[0] for number in shown],
        rows=[
            {
                "id": one.id,
                "name": one.name,
                "mine": one.id == visit.actor.staff_id,
                "cells": [cells.get((one.id, number), []) for number in shown],
            }
            for one in staff
        ],
        here_now=[
            {"name": one.staff_name, "until": clock(one.ends_at, visit.zone)} for one in there_at(now(), here)
        ],
        week=day(first),
        before=first - timedelta(days=7) if first > this else None,
        after=first + timedelta(days=7),
        own=visit.actor.staff_id,
        nobody=not there,
    )


@page.get("/practice/hours/{id:str}", permission="hours.write")
async def own_hours(visit: Visit) -> Answer:
    return await _own(visit)


@page.post("/practice/hours/{id:str}/lines", permission="hours.write")
async def hours_add(visit: Visit) -> Answer:
    form = await visit.form()
    ticked = [int(one) for one in await visit.many("weekdays") if one in "0123456" and len(one) == 1]
    try:
        site = id_chosen(form, "site_id", "site")
        begins, ends = time_in(form.get("begins", ""), "begins"), time_in(form.get("ends", ""), "ends")
        from_on, to_on = day_in(form, "from_on", default=visit.today), day_or_none(form, "to_on")
        async with tenant_db(visit.actor) as db:
            await add_hours(
                db, visit.actor, _whose(visit), weekdays=ticked, begins=begins, ends=ends, site_id=site,
                from_on=from_on, to_on=to_on, protected=form.get("protected") == "yes", today=visit.today,
            )  # fmt: skip
    except Refused as refused:
        return await _own(
            visit, refused, {**form, "weekdays": [str(one) for one in ticked], "which": "lines"}
        )
    return visit.go(_address(visit), say("Written down. Colleagues see when you are here."))


@page.post("/practice/hours/{id:str}/lines/{line:str}/end", permission="hours.write")
async def hours_end(visit: Visit) -> Answer:
    form, line = await visit.form(), visit.id("line", "line")
    try:
        last = day_in(form, "last_day")
        async with tenant_db(visit.actor) as db:
            await _is_theirs(db, visit, line)
            await end_hours(db, visit.actor, line, last_day=last, today=visit.today)
    except Refused as refused:
        at = Refused(refused.code, refused.message, refused.next_step, f"last_day_{line}")
        return await _own(visit, at, form)
    return visit.go(_address(visit), say("The last day is noted."))


@page.post("/practice/hours/{id:str}/lines/{line:str}/remove", permission="hours.write")
async def hours_remove(visit: Visit) -> Answer:
    line = visit.id("line", "line")
    async with tenant_db(visit.actor) as db:
        await _is_theirs(db, visit, line)
        await remove_hours(db, visit.actor, line)
    return visit.go(_address(visit), say("The line is gone."))


@page.post("/practice/hours/{id:str}/away", permission="hours.write")
async def away_add(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        first = day_in(form, "away_from")
        last = day_or_none(form, "away_to") or first
        async with tenant_db(visit.actor) as db:
            await add_days_away(db, visit.actor, _whose(visit), from_on=first, to_on=last, today=visit.today)
    except Refused as refused:
        at = beside(refused, {"from_on": "away_from", "to_on": "away_to"})
        return await _own(visit, at, {**form, "which": "away"})
    return visit.go(_address(visit), say("Written down. Nobody sees more than that you are not here."))


@page.post("/practice/hours/{id:str}/away/{away:str}/remove", permission="hours.write")
async def away_remove(visit: Visit) -> Answer:
    away = visit.id("away", "line")
    async with tenant_db(visit.actor) as db:
        await _is_theirs(db, visit, away)
        await remove_days_away(db, visit.actor, away)
    return visit.go(_address(visit), say("The line is gone."))


async def _is_theirs(db: Db, visit: Visit, line: UUID) -> None:
    """Raises Refused NOT_FOUND for a line that is not of whom the address names."""
    whose = _whose(visit)
    lines = (await hours_of(db, visit.actor, [whose])).get(whose, [])
    away = (await days_away_of(db, visit.actor, [whose])).get(whose, [])
    if line not in {one.id for one in lines} | {one.id for one in away}:
        raise not_found("line")


def _whose(visit: Visit) -> UUID:
    return visit.id("id", "person on the staff")


def _address(visit: Visit) -> str:
    return f"/practice/hours/{_whose(visit)}"


def _date_or(text: str, otherwise: date) -> date:
    """A day of an address; whatever is none, or too far for a calendar, is `otherwise`."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return otherwise
    return found if otherwise <= found <= otherwise + timedelta(days=732) else otherwise


def _span(one: There, zone: str, *, several: bool) -> dict[str, str]:
    return {
        "words": _from_to(clock(one.starts_at, zone), clock(one.ends_at, zone)),
        "where": say("from elsewhere") if one.site_id is None else one.site_name if several else "",
        "protected": say("kept for first visits") if one.protected else "",
    }


def _from_to(begins: str, ends: str) -> str:
    """A narrow column parts them between the two times, never a time from its am or pm."""
    begins, ends = (one.replace(" ", "\u00a0") for one in (begins, ends))
    return say("%(begins)s to %(ends)s", begins=begins, ends=ends)


async def _own(visit: Visit, refused: Refused | None = None, form: dict[str, Any] | None = None) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        id = await planned_for(db, visit.actor, _whose(visit))
        member = await staff_for(db, visit.actor, id)
        lines = (await hours_of(db, visit.actor, [id])).get(id, [])
        away = (await days_away_of(db, visit.actor, [id])).get(id, [])
        sites = await list_sites(db, visit.actor)
    today = visit.today
    said = [
        {
            "id": one.id,
            "day": WEEKDAYS[one.weekday],
            "words": _from_to(wall_clock(one.begins), wall_clock(one.ends)),
            "where": one.site_name or say("From elsewhere"),
            "protected": one.protected,
            "from_on": one.from_on,
            "to_on": one.to_on,
            "over": one.to_on is not None and one.to_on < today,
        }
        for one in lines
    ]
    given: dict[str, Any] = {
        "member": member,
        "me": id == visit.actor.staff_id,
        "lines": [one for one in said if not one["over"]],
        "over": [one for one in said if one["over"]],
        "away": [one for one in away if one.to_on >= today],
        "weekdays": [(str(number), say(words)) for number, words in enumerate(WEEKDAYS)],
        "sites": [(str(one.id), one.name) for one in sites],
        "values": form or {"site_id": str(sites[0].id) if sites else "", "from_on": today.isoformat()},
    }
    if refused is None:
        return visit.show("practice/own_hours.html", **given)
    return visit.again("practice/own_hours.html", refused, **given)
