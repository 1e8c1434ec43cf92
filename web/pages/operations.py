"""Background work: what waits, what runs, what has failed and what comes round. For whoever runs the practice."""

from typing import Any

from server.errors import Refused
from server.minutes.proof import last_proof
from server.tenants.db import tenant_db
from server.tenants.operations import (
    DEAD,
    RUNNING,
    STATES,
    count_dead,
    give_up_job,
    job_for,
    list_jobs,
    list_schedules,
    list_waiting,
    retry_job,
    retry_jobs,
    words_for,
)
from server.words import say
from web.site import Answer, Visit, page

_SHOWN = 50
_WORK = "/practice/work"


@page.get(_WORK, permission="jobs.read")
async def work(visit: Visit) -> Answer:
    return visit.show("operations/work.html", **await _work(visit))


@page.post(f"{_WORK}/retry", permission="jobs.write")
async def work_retry(visit: Visit) -> Answer:
    """All that failed, or all of one kind."""
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await retry_jobs(db, visit.actor, form.get("kind", ""))
    except Refused as refused:
        return visit.again("operations/work.html", refused, **await _work(visit))
    return visit.go(_WORK, say("It will be tried again in a moment."))


@page.get(f"{_WORK}/{{id:str}}", permission="jobs.read")
async def job(visit: Visit) -> Answer:
    return await _one(visit)


@page.post(f"{_WORK}/{{id:str}}/retry", permission="jobs.write")
async def job_retry(visit: Visit) -> Answer:
    try:
        async with tenant_db(visit.actor) as db:
            await retry_job(db, visit.actor, visit.id("id", "job"))
    except Refused as refused:
        return await _one(visit, refused)
    return visit.go(_WORK, say("It will be tried again in a moment."))


@page.post(f"{_WORK}/{{id:str}}/give-up", permission="jobs.write")
async def job_give_up(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await give_up_job(db, visit.actor, visit.id("id", "job"), form.get("reason", ""))
    except Refused as refused:
        return await _one(visit, refused, form)
    return visit.go(_WORK, say("It is put away and will not be tried again."))


async def _one(visit: Visit, refused: Refused | None = None, values: dict[str, str] | None = None) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        found = await job_for(db, visit.actor, visit.id("id", "job"))
    given: dict[str, Any] = {"job": found, "state": say(STATES[found.state]), "values": values or {}}
    if refused is None:
        return visit.show("operations/job.html", **given)
    return visit.again("operations/job.html", refused, **given)


async def _work(visit: Visit) -> dict[str, Any]:
    actor = visit.actor
    async with tenant_db(actor, read_only=True) as db:
        counts = await count_dead(db, actor)
        return {
            "dead": await list_jobs(db, actor, DEAD, limit=_SHOWN),
            "dead_kinds": [(kind, words_for(kind), number) for kind, number in counts.items()],
            "dead_total": sum(counts.values()),
            "running": await list_jobs(db, actor, RUNNING, limit=_SHOWN),
            "waiting": await list_waiting(db, actor),
            "schedules": await list_schedules(db, actor),
            "states": STATES,
            "proof": await last_proof(db, actor),
        }
