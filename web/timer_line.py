"""The running timer in the top line: what every page of somebody who works with patients is given about it."""

import json
from datetime import timedelta
from typing import Any, Final

from server.clock import now
from server.minutes.timer_choice import my_choice
from server.minutes.timer_queries import TimerRow, my_running_timer
from server.minutes.timing import LONGEST_OPEN, MOST_BURSTS, Heard
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from web.rendering import called, clock


async def timer_line(actor: Actor) -> dict[str, Any]:
    """`{"now": the running timer or None, "start": how it starts, "bursts", "idle_minutes"}` for the frame."""
    async with tenant_db(actor, read_only=True) as db:
        return await line_of(db, actor)


async def line_of(db: Db, actor: Actor) -> dict[str, Any]:
    row = await my_running_timer(db, actor)
    choice = await my_choice(db, actor)
    return {
        "now": said(row, actor.zone) if row else None,
        "start": choice.start,
        "bursts": MOST_BURSTS,
        "idle_minutes": row.idle_minutes if row else choice.idle_minutes,
    }


def said(row: TimerRow, zone: str) -> dict[str, Any]:
    seconds = row.seconds(now())
    return {
        "id": str(row.id),
        "patient_id": str(row.patient_id),
        "name": f"{called(row)} {row.family_name}".strip(),
        "called": called(row),
        "since": clock(row.started_at, zone),
        "seconds": seconds,
        "words": elapsed(seconds),
        "program": row.program,
        "activity": row.activity,
        "automatic": row.automatic,
    }


def elapsed(seconds: int) -> str:
    """`12:40`, or `1:02:40`; the script says it the same way."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def heard_in(text: str) -> Heard | None:
    """What the page's script put into the form; None without script, and for anything it would not write."""
    try:
        given: Any = json.loads(text) if len(text) < 4_000 else None
        page, counted, ago = given["page"], given["counted"], given.get("ago", 0)
        bursts = tuple((_ms(start), _ms(end)) for start, end in given.get("bursts", [])[-MOST_BURSTS:])
        if not isinstance(page, str) or not 0 < len(page) <= 64 or not page.isascii() or not page.isalnum():
            return None
        return Heard(page, _ms(counted), bursts, _ms(ago))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


_LONGEST: Final = LONGEST_OPEN // timedelta(milliseconds=1)


def _ms(count: object) -> timedelta:
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < _LONGEST:
        raise ValueError("no count of milliseconds")
    return timedelta(milliseconds=count)
