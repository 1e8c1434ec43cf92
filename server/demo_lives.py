"""The lives of the demo practices, stored: beside the few written by hand, each practice in one transaction.

The last months but one are then closed the way anybody closes a month; the newest is left for whoever looks around.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from itertools import chain, islice
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from server import demo_bulk
from server.claims.actions import ask_to_close
from server.claims.command import Work
from server.claims.queries import close_row, closes
from server.clock import today
from server.demo import actor_of, practice_id
from server.demo_rows import SOURCE, House, Rows, rows_of
from server.lives.life import Life, Place, Team
from server.lives.people import lives
from server.lives.places import PLACES, TEAMS
from server.minutes.jobs import ask_for_recount
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
_LOOK_AGAIN_SECONDS: Final = 0.05
_LOOKS: Final = 2_400  # two minutes at least

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
    work: does what is due in a practice for a moment, beside whatever workers run."""
    here = [slug for slug in _CLOSERS if await practice_id(slug) is not None]
    async with doors_for_work() as through:
        return sum(await asyncio.gather(*(_close_months(slug, work, through) for slug in here)))


async def _close_months(slug: str, work: Work, through: Doors) -> int:
    """From the oldest on: a month closed before an earlier one would have to be decided again. A closing that does not
    come to its end stays on the page of background work, and the months after it stay open."""
    closer = await actor_of(slug, _CLOSERS[slug])
    async with tenant_db(closer, read_only=True) as db:
        closed = {run.month for run in await closes(db, closer) if not run.under_way}
    count = 0
    for month in _months_before(today(closer.zone).replace(day=1), CLOSED_MONTHS):
        if month in closed:
            continue
        async with tenant_db(closer) as db:
            close_id = await ask_to_close(db, closer, month)
        for _ in range(_LOOKS):
            if not await work(through, closer.tenant_id):
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            async with tenant_db(closer, read_only=True) as db:
                if not (await close_row(db, closer, close_id)).under_way:
                    break
        else:
            break
        count += 1
    return count


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
    numbers = await next_record_numbers(db, actor, len(people))
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
    staff: dict[str, UUID] = {
        email.partition("@")[0]: id
        for email, id in await db.execute(select(Staff.email, Staff.id).where(Staff.active))
    }
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
    return House(actor.tenant_id, actor.zone, staff, payers, staff[team.bills], elements), here


async def _busy(db: Db, house: House) -> tuple[tuple[str, datetime, datetime], ...]:
    keys = {id: key for key, id in house.staff.items()}
    rows = await db.execute(
        select(PersonTime.staff_id, func.lower(PersonTime.span), func.upper(PersonTime.span))
    )
    return tuple((keys[staff_id], start, end) for staff_id, start, end in rows if staff_id in keys)


def _months_before(first: date, count: int) -> list[str]:
    """YYYY-MM of the `count` months before the last one that is over, oldest first."""
    found = []
    day = first - timedelta(days=1)
    for _ in range(count):
        day = day.replace(day=1) - timedelta(days=1)
        found.append(f"{day:%Y-%m}")
    return found[::-1]
