"""C-1, C-2 and C-4: a month closed end to end, against a loop over patients, and the child asked in batches."""

import asyncio
import time
from uuid import UUID

from carewright_plugin_api.facts import MonthFacts

from bench.book import lay_out, month_before
from bench.house import House
from bench.rounds import Ratio, seconds
from server.claims.actions import ask_to_close
from server.claims.asking import answers_about
from server.claims.gather import first_billed, gather, house_of, patients_of_month
from server.claims.keeping import keep
from server.claims.month import deciding_coverage, facts_of, month_bounds
from server.plugin_host.discover import plugins
from server.plugin_host.kept import end_kept_runner
from server.plugin_host.runner import Runner
from server.tenants.actor import Actor
from server.tenants.db import tenant_db
from server.worker import Worker, gather_kinds

_BOOK = {"ci": (4, 1_500), "full": (50, 2_000)}  # practices, patients of each
_SINGLE = {"ci": 150, "full": 400}  # patients of the naive loop
_BATCH = 200


async def measure(house: House, size: str) -> list[Ratio]:
    gather_kinds()
    practices, patients = _BOOK[size]
    actors = await lay_out(house, practices=practices + 1, patients=patients)
    month = month_before(actors[0].zone)
    naive, others = actors[-1], actors[:-1]
    try:
        each = await _closed(house, others, month)
        alone = await _one_by_one(naive, month, _SINGLE[size])
        return [
            Ratio("C-1", "patient-months per second, closed end to end", 1 / each, None, 8_000, "more", f"{practices * patients:,} of them"),
            Ratio("C-2", "end to end / the loop over patients making the same decisions", alone / each, 4, 10, "more", f"{1 / alone:.0f} /s alone"),
            *await _child(naive, month),
        ]  # fmt: skip
    finally:
        await end_kept_runner()


async def _closed(house: House, actors: list[Actor], month: str) -> float:
    """Seconds per patient-month, from asking to the last stored decision, by the worker's hands."""
    started = time.perf_counter()
    for actor in actors:
        async with tenant_db(actor) as db:
            await ask_to_close(db, actor, month)
    worker = Worker(house.doors)
    running = asyncio.create_task(worker.run())
    owner = await house.owner()
    try:
        while await owner.fetchval("select count(*) from month_close where state <> 'done'"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        took = time.perf_counter() - started
        decided = await owner.fetchval("select count(*) from month_decision")
    finally:
        worker.stop.set()
        await running
        await owner.close()
    return took / int(decided)


async def _one_by_one(actor: Actor, month: str, patients: int) -> float:
    """Seconds per patient-month of the loop: for each patient read, ask the child, store."""
    first_instant, end, first, last = month_bounds(month, actor.zone)
    async with tenant_db(actor) as db:
        house = await house_of(db)
        ids = (await patients_of_month(db, first_instant, end, first, last))[:patients]
        before = await first_billed(db, first)
        close_id = await ask_to_close(db, actor, month)
    runner = Runner()
    started = 0.0
    for place, id in enumerate(ids):
        if place == 1:
            started = time.perf_counter()  # the child has started
        async with tenant_db(actor, read_only=True) as db:
            known = await gather(db, actor, [id], first_instant, end, first, last)
        answers = await answers_about(known, month, house, before, runner)
        async with tenant_db(actor) as db:
            await keep(db, actor, close_id, month, answers)
    took = time.perf_counter() - started
    await runner.close()
    return took / (len(ids) - 1)


async def _child(actor: Actor, month: str) -> list[Ratio]:
    """The same questions to one child that is warm: together, and each on its own."""
    first_instant, end, first, last = month_bounds(month, actor.zone)
    async with tenant_db(actor, read_only=True) as db:
        house = await house_of(db)
        ids: list[UUID] = await patients_of_month(db, first_instant, end, first, last)
        known = await gather(db, actor, ids[: 3 * _BATCH], first_instant, end, first, last)
    facts: list[MonthFacts] = []
    for one in known:
        coverage = deciding_coverage(one, first, last)
        owner = plugins().owner_of(coverage) if coverage else None
        if coverage and owner and owner.name == "billing_medicare" and len(facts) < _BATCH:
            facts.append(facts_of(one, coverage, month, house))
    plugin = next(loaded for loaded in plugins().loaded if loaded.name == "billing_medicare")
    runner = Runner()

    texts = [one.to_json() for one in facts]  # a closing has them: their fingerprints are taken first

    async def together() -> None:
        await runner.decide(plugin, facts, texts)

    async def singly() -> None:
        for one, text in zip(facts, texts, strict=True):
            await runner.decide(plugin, [one], [text])

    async def afresh() -> None:
        """A child of its own for each question, which is what being killable costs without batches."""
        for one in facts[:5]:
            own = Runner()
            await own.decide(plugin, [one])
            await own.close()

    taken = await seconds({"together": together, "singly": singly, "afresh": afresh}, rounds=3)
    await runner.close()
    each = {name: 1000 * taken[name] / len(facts) for name in ("together", "singly")}
    killable = 1000 * taken["afresh"] / 5
    return [
        Ratio("C-4", f"single calls through the child / one batch of {len(facts)}", each["singly"] / each["together"], 10, 25, "more", f"{each['singly']:.2f} and {each['together']:.2f} ms each"),
        Ratio("C-4", "a child of its own for each question / the batch", killable / each["together"], None, None, "more", f"{killable:.0f} ms each"),
    ]  # fmt: skip
