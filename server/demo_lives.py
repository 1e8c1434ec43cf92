"""The lives of the demo practices, stored: beside the few written by hand, each practice in one transaction.

The last months but one are then closed the way anybody closes a month; the newest is left for whoever looks around.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import date, datetime
from itertools import chain, islice
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from server import demo_bulk
from server.claims.command import Work, close_as
from server.claims.queries import closes
from server.clock import today
from server.demo import actor_of, practice_id
from server.demo_rows import SOURCE, House, Rows, rows_of
from server.lives.life import Life, Place, Team
from server.lives.people import lives
from server.lives.places import PLACES, TEAMS
from server.minutes.jobs import ask_for_recount, month_before
from server.minutes.tables import PersonTime
from server.patients.record_numbers import next_record_numbers
from server.patients.tables import Patient
from server.plugin_host.discover import plugins
from server.tenants.actor import Actor, system
from server.tenants.db import Db, Doors, doors_for_work, tenant_db
from server.tenants.tables import Payer, Staff

SEED: Final = 20
#: how many people the demo practices have in all, those written by hand among them
SIZES: Final = {"lakeside": 240, "hillcrest": 40}
_CLOSERS: Final = {"lakeside": "ada", "hillcrest": "iris"}
CLOSED_MONTHS: Final = 23
_AT_ONCE: Final = 200  # lives, of which each is about a hundred rows

Advance = Callable[[int, int], None]


async def fill(advance: Advance | None = None) -> dict[str, int]:
    """Bring both practices to their full size; returns how many people came, by practice. Run again, it changes
    nothing."""
    came = {}
    for slug, size in SIZES.items():
        tenant_id = await practice_id(slug)
        came[slug] = 0
        if tenant_id is None:
            continue
        place = PLACES[slug]
        actor = system(tenant_id, place.zone, "minutes.write", via="command")
        on = today(place.zone)
        async with tenant_db(actor) as db:
            if await db.scalar(select(func.count()).select_from(Patient).where(Patient.source == SOURCE)):
                continue
            here = await db.scalar(select(func.count()).select_from(Patient)) or 0
            house, team = await house_of(db, actor, TEAMS[slug], on)
            known = lives(SEED, place, team, on, max(0, size - here), await _busy(db, house))
            came[slug] = await _store(db, actor, house, known)
        if advance is not None:
            advance(sum(came.values()), sum(SIZES.values()))
    return came


async def close_months(work: Work) -> int:
    """Close what is still open of their months but the last, both practices side by side; returns how many were closed.
    work: does what is due in a practice for a moment, beside whatever workers run. Refused as `close_month` is, once
    both are through with what they can close."""
    here = [slug for slug in _CLOSERS if await practice_id(slug) is not None]
    async with doors_for_work() as through:
        ended = await asyncio.gather(
            *(_close_months(slug, work, through) for slug in here), return_exceptions=True
        )
    for one in ended:
        if isinstance(one, BaseException):
            raise one
    return sum(one for one in ended if isinstance(one, int))


async def _close_months(slug: str, work: Work, through: Doors) -> int:
    """From the oldest on: a month closed before an earlier one would have to be decided again."""
    closer = await actor_of(slug, _CLOSERS[slug])
    async with tenant_db(closer, read_only=True) as db:
        done = {run.month for run in await closes(db, closer) if run.state == "done"}
    months = [month_before(today(closer.zone).isoformat())]
    for _ in range(CLOSED_MONTHS):
        months.append(month_before(f"{months[-1]}-01"))
    still_open = [month for month in reversed(months[1:]) if month not in done]
    for month in still_open:
        await close_as(closer, month, slug, work, through)
    return len(still_open)


async def fill_practice(
    actor: Actor, place: Place, team: Team, seed: int, count: int, advance: Advance | None = None
) -> int:
    """Bring `count` lives into a practice, some hundred in a transaction. actor: may write minutes."""
    on = today(actor.zone)
    async with tenant_db(actor, read_only=True) as db:
        house, team = await house_of(db, actor, team, on)
        busy = await _busy(db, house)
    known, came = lives(seed, place, team, on, count, busy), 0
    for first in known:
        async with tenant_db(actor) as db:
            came += await _store(db, actor, house, chain([first], islice(known, _AT_ONCE - 1)))
        if advance is not None:
            advance(came, count)
    return came


async def _store(db: Db, actor: Actor, house: House, known: Iterable[Life]) -> int:
    people = list(known)
    numbers = await next_record_numbers(db, actor, [""] * len(people))
    rows: Rows = {}
    ids = []
    for life, number in zip(people, numbers, strict=True):
        id, theirs = rows_of(house, life, number)
        ids.append(id)
        for table, more in theirs.items():
            rows.setdefault(table, []).extend(more)
    await demo_bulk.insert_rows(db, rows)
    await ask_for_recount(db, actor, sorted({str(one["month"]) for one in rows.get("dirty_month", [])}))
    db.note(actor, "demo.fill", entity="patient", entity_ids=ids, patient_ids=ids, effect="write")
    return len(people)


async def house_of(db: Db, actor: Actor, team: Team, on: date) -> tuple[House, Team]:
    """What rows refer to in this practice, and those of the team who work here."""
    there = (await db.execute(select(Staff.email, Staff.id, Staff.name).where(Staff.active))).all()
    staff: dict[str, UUID] = {email.partition("@")[0]: id for email, id, _ in there}
    names = {email.partition("@")[0]: name for email, _, name in there}
    payers: dict[str, UUID] = {row.name: row.id for row in await db.execute(select(Payer.name, Payer.id))}
    elements = {
        program: tuple(
            sorted(
                {
                    one.element
                    for owner in plugins().loaded
                    for one in owner.rules.required_documents(program, on)
                }
            )
        )
        for program in ("ccm", "pdcm")
    }
    here = Team(
        tuple(key for key in team.managers if key in staff),
        tuple(key for key in team.providers if key in staff),
        tuple(key for key in team.assistants if key in staff),
        team.bills,
    )
    return House(actor.tenant_id, actor.zone, staff, payers, staff[team.bills], elements, names), here


async def _busy(db: Db, house: House) -> tuple[tuple[str, datetime, datetime], ...]:
    keys = {id: key for key, id in house.staff.items()}
    rows = await db.execute(
        select(PersonTime.staff_id, func.lower(PersonTime.span), func.upper(PersonTime.span))
    )
    return tuple((keys[staff_id], start, end) for staff_id, start, end in rows if staff_id in keys)
