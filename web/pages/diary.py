"""The diary of a person: contacts with their minutes, plans, answers to programs, visits; newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from carewright_plugin_api.facts import local_day

from server.clock import today
from server.dates import month_name, weekday_name
from server.encounters.queries import EncounterRow, encounter_row, encounters_of
from server.encounters.tables import KINDS, OUTCOMES
from server.enrollment.consent import KINDS as ANSWERS
from server.enrollment.consent import live
from server.enrollment.queries import consents_of, visits_of
from server.enrollment.tables import PROGRAMS, VISIT_KINDS
from server.ids import parse_id
from server.minutes.queries import TimeEntryRow, minutes_of_encounters
from server.plans.queries import plan_versions_of
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.words import say
from web.rendering import day, minutes_words, moment
from web.site import Answer, Visit, page

KIND_SIGNS: Final = {
    "phone": "phone",
    "video": "video",
    "in_person": "visit",
    "home": "home",
    "on_behalf": "team",
    "message": "message",
    "email": "letter",
    "letter": "letter",
}
_PAGE: Final = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the diary, in the words a page shows. exact: on the practice's clock."""

    at: datetime
    sign: str
    when: str
    exact: str
    title: str
    by: str = ""
    words: str = ""
    next_step: str = ""
    href: str = ""
    state: str = ""


def said_day(on: date, now_on: date) -> str:
    """`Tue 4 Aug`, with the year only where it is another one."""
    if on.year != now_on.year:
        return day(on)
    weekday, month = weekday_name(on, short=True), month_name(on, short=True)
    return say("%(weekday)s %(day)s %(month)s", weekday=weekday, day=on.day, month=month)


def minutes_said(entries: Sequence[TimeEntryRow]) -> str:
    """`12 min`, all final entries together; drafts are said apart."""
    final = sum((e.ended_at - e.started_at).total_seconds() for e in entries if e.state == "final")
    return minutes_words(int(final)) if final else ""


def contact_title(row: EncounterRow, minutes: Sequence[TimeEntryRow]) -> str:
    """`Phone call, 12 min`, or `Phone call, no answer`."""
    title = say(KINDS[row.kind])
    if row.outcome not in {"reached", "done"}:
        outcome = say(OUTCOMES[row.outcome])
        title += f", {outcome[0].lower()}{outcome[1:]}"
    lasted = minutes_said(minutes)
    return f"{title}, {lasted}" if lasted else title


async def diary_of(
    db: Db, actor: Actor, id: UUID, *, limit: int, before: EncounterRow | None = None
) -> tuple[list[Entry], str]:
    """At most `limit` contacts and what else happened in their time; and where the older ones are, if there are any."""
    position = (before.at, before.id) if before else None
    rows = (await encounters_of(db, actor, [id], limit=limit + 1, position=position)).get(id, [])
    shown = rows[:limit]
    lasted = (
        await minutes_of_encounters(db, actor, [row.id for row in shown])
        if shown and actor.may("minutes.read")
        else {}
    )
    entries = [_contact(row, lasted.get(row.id, []), actor) for row in shown]
    oldest = shown[-1].at if len(rows) > limit else None
    newest = before.at if before else None
    entries += [
        entry
        for entry in await _beside(db, actor, id)
        if (newest is None or entry.at < newest) and (oldest is None or entry.at >= oldest)
    ]
    entries.sort(key=lambda entry: entry.at, reverse=True)
    older = f"/people/{id}/diary?before={shown[-1].id}" if len(rows) > limit else ""
    return entries, older


def _contact(row: EncounterRow, minutes: Sequence[TimeEntryRow], actor: Actor) -> Entry:
    mine = row.staff_id == actor.staff_id
    return Entry(
        row.at,
        KIND_SIGNS[row.kind],
        said_day(local_day(row.at, actor.zone), today(actor.zone)),
        moment(row.at, actor.zone),
        contact_title(row, minutes),
        row.staff_name or "",
        row.note,
        row.next_step,
        f"/people/{row.patient_id}/contacts/{row.id}",
        say("Not signed yet") if mine and row.signed_at is None else "",
    )


async def _beside(db: Db, actor: Actor, id: UUID) -> list[Entry]:
    """Plans, answers and visits: a handful for one person, so all are read."""
    found: list[Entry] = []
    if actor.may("chart.read"):
        for plan in (await plan_versions_of(db, actor, [id])).get(id, []):
            title = (
                say("The plan was written")
                if plan.number == 1
                else say("The plan, version %(number)s", number=plan.number)
            )
            href = f"/people/{id}/plan/{plan.id}"
            found.append(
                _on(plan.dated_on, actor.zone, "plan", title, plan.made_by_name or "", plan.goals, href)
            )
    if actor.may("enrollment.read"):
        for row in live((await consents_of(db, actor, [id])).get(id, [])):
            found.append(
                Entry(
                    row.at,
                    "consent",
                    said_day(local_day(row.at, actor.zone), today(actor.zone)),
                    moment(row.at, actor.zone),
                    f"{say(ANSWERS[row.kind])}: {say(PROGRAMS[row.program])}",
                    row.made_by_name or "",
                    row.what_would_help,
                    href=f"/people/{id}/consent/{row.program}",
                )
            )
        for visit in (await visits_of(db, actor, [id])).get(id, []):
            if visit.withdrawn_at is None:
                title = say(VISIT_KINDS[visit.kind])
                if visit.practitioner_name:
                    title = say("%(visit)s with %(name)s", visit=title, name=visit.practitioner_name)
                found.append(_on(visit.visited_on, actor.zone, "visit", title, "", "", ""))
    return found


def _on(on: date, zone: str, sign: str, title: str, by: str, words: str, href: str) -> Entry:
    """Something of a day without an hour: it stands at noon."""
    return Entry(
        datetime.combine(on, time(12), ZoneInfo(zone)),
        sign,
        said_day(on, today(zone)),
        on.isoformat(),
        title,
        by,
        words,
        "",
        href,
    )


@page.get("/people/{id:str}/diary", permission="encounters.read")
async def diary(visit: Visit) -> Answer:
    """Everything that happened, a stretch at a time."""
    from web.pages.person_sections import person_frame

    id = visit.id("id", "patient")
    actor = visit.actor
    async with tenant_db(actor, read_only=True) as db:
        given: dict[str, Any] = await person_frame(db, visit, id)
        marked = parse_id(visit.query("before"))
        before = await encounter_row(db, actor, marked) if marked else None
        if before is not None and before.patient_id != id:
            before = None
        entries, older = await diary_of(db, actor, id, limit=_PAGE, before=before)
    return visit.show("contact/diary.html", diary=entries, older=older, later=before is not None, **given)
