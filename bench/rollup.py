"""C-3 and C-5: the month's minutes added up again, all of them and the hundredth part that changed."""

import asyncio
import statistics
import time
from collections.abc import Awaitable
from typing import Final

from bench.book import dirty_everything, lay_out, month_before
from bench.house import House
from bench.rounds import Ratio
from server.minutes.arithmetic import month_span
from server.minutes.recount import recount_dirty
from server.tenants.actor import Actor
from server.tenants.db import tenant_db

_BOOK = {"ci": (20, 5_000), "full": (100, 10_000)}  # practices, patients of each; about ten entries a patient
_HANDS: Final = 2

#: The limit: one statement over everything, no walls, no meetings, no disciplines: overlaps merged and sums written.
_PLAIN = """
insert into bench_total
select tenant_id, patient_id, sum(extract(epoch from ended_at - greatest(started_at, coalesce(covered, started_at))))
from (
  select tenant_id, patient_id, started_at, ended_at,
    max(ended_at) over (partition by tenant_id, patient_id order by started_at, id
      rows between unbounded preceding and 1 preceding) as covered
  from time_entry where started_at >= $1 and started_at < $2 and state = 'final') entry
where covered is null or ended_at > covered
group by tenant_id, patient_id"""


async def measure(house: House, size: str) -> list[Ratio]:
    practices, patients = _BOOK[size]
    actors = await lay_out(house, practices=practices, patients=patients)
    month = month_before(actors[0].zone)
    owner = await house.owner()
    entries = await owner.fetchval("select count(*) from time_entry")
    await owner.execute(
        "create table bench_total (tenant_id uuid, patient_id uuid, seconds numeric, primary key (tenant_id, patient_id))"
    )
    span = month_span(month, actors[0].zone)
    full: list[float] = []
    part: list[float] = []
    limit: list[float] = []
    for _ in range(3):
        await owner.execute("truncate bench_total")
        limit.append(await _timed(owner.execute(_PLAIN, span.start, span.end)))
        await dirty_everything(house, actors, month)
        full.append(await _timed(_recount(actors, month)))
        await dirty_everything(house, actors, month, share=100)
        part.append(await _timed(_recount(actors, month)))
    counted = await owner.fetchval(
        "select count(distinct (tenant_id, patient_id)) from month_total where month = $1", month
    )
    expected = await owner.fetchval(
        "select count(*) from bench_total where tenant_id = any($1)", [actor.tenant_id for actor in actors]
    )
    await owner.close()
    if counted != expected:
        raise AssertionError(f"{counted} patients counted, {expected} expected: the figures mean nothing")
    whole, merge = statistics.median(full), statistics.median(limit)
    return [
        Ratio(
            "C-3", "seconds for ten million entries merged and written, through the doors", whole * 10e6 / entries, 60, 12,
            "less", f"{entries:,} entries in {whole:.1f} s",
        ),
        Ratio("C-3", "the same / one plain SQL merge without walls or meetings", whole / merge, None, None, "less", f"{merge:.1f} s"),
        Ratio(
            "C-5", "one hundredth changed / everything counted again", statistics.median(part) / whole, 0.05, 0.02, "less",
            f"{statistics.median(part):.2f} s",
        ),
    ]  # fmt: skip


async def _recount(actors: list[Actor], month: str) -> None:
    waiting = list(actors)

    async def hand() -> None:
        while waiting:
            actor = waiting.pop()
            while True:
                async with tenant_db(actor) as db:
                    if not await recount_dirty(db, actor, month=month):
                        break

    await asyncio.gather(*(hand() for _ in range(_HANDS)))


async def _timed(work: Awaitable[object]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started
