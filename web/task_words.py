"""Tasks as pages say them: people first, days as people say them, nothing that counts or hurries."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from carewright_plugin_api.facts import local_day

from server.tasks.kinds import KINDS, Colleague, suggestion
from server.tasks.queries import CameBack, TaskEventRow, TaskRow
from server.tasks.steps import STATES
from server.tenants.permissions import ROLES
from server.words import say
from web.pages.diary import said_day
from web.rendering import called, clock, day


def said_on(on: date, today: date) -> str:
    """`today`, `tomorrow`, `Tue 4 Aug`, with the year only where it is another one; within a sentence."""
    if on == today:
        return say("today")
    if on == today + timedelta(days=1):
        return say("tomorrow")
    if on == today - timedelta(days=1):
        return say("yesterday")
    return said_day(on, today)


def time_words(row: TaskRow) -> str:
    """`by 2:05 pm`; nothing where any time of the day will do."""
    if row.due_time is None:
        return ""
    # A time of the wall, said as one: whatever zone, as long as it is the same on the way in and out.
    at = datetime.combine(row.due_on, row.due_time, UTC)
    return say("by %(time)s", time=clock(at, "UTC"))


def asked_words(row: TaskRow, me: object) -> str:
    """Who asked for it; nothing where oneself did."""
    if row.asked_by is None:
        return say("Came with the plan")
    if row.asked_by == me:
        return ""
    return say("Asked by %(name)s", name=row.asked_by_name or "")


def holder_words(row: TaskRow, me: object) -> str:
    """Whose it is."""
    if row.holder_id is None:
        return say("Waits for whoever takes it (%(role)s)", role=say(ROLES.get(row.for_role, "")).lower())
    return say("Yours") if row.holder_id == me else str(row.holder_name)


def row_of(row: TaskRow, me: object, today: date) -> dict[str, Any]:
    """One task in a list. See templates/tasks/_rows.html."""
    return {
        "id": str(row.id),
        "href": f"/tasks/{row.id}",
        "person_href": f"/people/{row.patient_id}",
        "name": f"{called(row)} {row.family_name}",
        "died": day(row.deceased_on),
        "what": row.what,
        "why": row.why,
        "kind": say(KINDS[row.kind].words),
        "on": said_on(row.due_on, today),
        "exact": row.due_on.isoformat(),
        "time": time_words(row),
        "asked": asked_words(row, me),
        "holder": holder_words(row, me),
        "free": row.holder_id is None,
        "state": say(STATES[row.state]),
        "by_somebody": row.state != "settled",
        "outcome": row.outcome,
    }


def by_day(rows: Sequence[TaskRow], me: object, today: date) -> list[dict[str, Any]]:
    """Rows in order under the day they are due; what a day before today still holds stands together, first."""
    days: list[dict[str, Any]] = []
    for row in rows:
        key = row.due_on if row.due_on >= today else date.min
        if not days or days[-1]["key"] != key:
            title = say("From before") if key == date.min else said_on(key, today)
            days.append(
                {"key": key, "title": title[:1].upper() + title[1:], "before": key == date.min, "rows": []}
            )
        days[-1]["rows"].append(row_of(row, me, today))
    return days


def news_of(one: CameBack, me: object, today: date, zone: str) -> dict[str, Any]:
    """Something one waits for, as it came back."""
    who = one.by_name or ""
    when = said_on(local_day(one.at, zone), today)
    happened = {
        "done": say("Done by %(who)s, %(when)s", who=who, when=when),
        "dismissed": say("Not needed, says %(who)s, %(when)s", who=who, when=when),
        "came_back": say("%(who)s gave it back, %(when)s", who=who, when=when),
        "taken": say("%(who)s took it over, %(when)s", who=who, when=when),
    }
    return row_of(one.task, me, today) | {"happened": happened.get(one.kind, ""), "words": one.words}


def event_words(row: TaskEventRow) -> str:
    """What happened to a task, as a sentence without the words that were said."""
    who = row.made_by_name or ""
    to = row.to_name or say(ROLES.get(row.to_role, "")).lower()
    if not who:
        return {
            "asked": say("Came up by itself, for %(to)s", to=to),
            "settled": say("Took care of itself"),
            "reopened": say("Came up again, for %(to)s", to=to),
        }.get(row.kind, "")
    if row.kind == "asked" and row.made_by_name == row.to_name:
        return say("%(who)s wrote it down for themselves", who=who)
    return {
        "asked": say("%(who)s asked %(to)s", who=who, to=to),
        "taken": say("%(who)s took it on", who=who),
        "handed_on": say("%(who)s handed it on to %(to)s", who=who, to=to),
        "came_back": say("%(who)s gave it back to %(to)s", who=who, to=to),
        "moved": say("%(who)s chose another day", who=who),
        "done": say("%(who)s did it", who=who),
        "dismissed": say("%(who)s said that it is not needed", who=who),
        "reopened": say("%(who)s opened it again", who=who),
    }.get(row.kind, "")


def whom_to_ask(here: Sequence[Colleague], me: object, *, but: object = None) -> list[tuple[str, str]]:
    """Choices of who is to do it: oneself, each colleague, and whoever of a role takes it."""
    chosen = [(str(one.id), say("I will do it myself")) for one in here if one.id == me]
    chosen += [(str(one.id), f"{one.name}, {say(ROLES[one.role]).lower()}") for one in here if one.id != me]
    roles = sorted({one.role for one in here}, key=list(ROLES).index)
    chosen += [
        (f"role:{role}", say("Whoever can take it: %(role)s", role=say(ROLES[role]).lower()))
        for role in roles
    ]
    return [one for one in chosen if one[0] != str(but)]


def kinds_with_hints(here: Sequence[Colleague]) -> list[tuple[str, str]]:
    """Kinds of tasks, each with who here could do it with the least licence (R022)."""
    found = []
    for kind, told in KINDS.items():
        hint = suggestion(kind, here)
        names = [one.name for one in hint.colleagues[:2]] if hint else []
        words = say(told.words)
        found.append((kind, f"{words} ({say(' or ').join(names)})" if names else words))
    return found


def closed_words(row: TaskRow, zone: str, today: date) -> str:
    """When it was closed, such as `today, 2:05 pm`."""
    if row.closed_at is None:
        return ""
    return f"{said_on(local_day(row.closed_at, zone), today)}, {clock(row.closed_at, zone)}"
