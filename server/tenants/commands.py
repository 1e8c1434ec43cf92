"""What the commands do in a practice: its background work, and the proof of its audit."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import select

from server.errors import Refused
from server.tenants import operations, seal
from server.tenants.actor import Actor, system
from server.tenants.chain import Breach
from server.tenants.db import auth_db, tenant_db
from server.tenants.tables import Directory, Practice
from server.words import say, say_of


async def actor_for(slug: str, *rights: str) -> Actor:
    """The system's actor in a practice named on the command line, with exactly these rights."""
    async with auth_db() as db:
        tenant_id = await db.scalar(
            select(Directory.id).where(Directory.slug == slug, Directory.state == "open")
        )
    if tenant_id is None:
        raise Refused(
            "NO_SUCH_PRACTICE",
            say("There is no open practice called %(practice)s here.", practice=repr(slug)),
            say("Use the short name shown on the Practice page, such as lakeside."),
        )
    async with tenant_db(system(tenant_id, "UTC"), read_only=True) as db:
        zone = await db.scalar(select(Practice.time_zone))
    return system(tenant_id, zone or "UTC", *rights, via="command")


async def verify_audit(slug: str) -> dict[str, Any]:
    """Check a practice's whole audit against its seals and signed heads: what was done to it behind the door's back."""
    actor = await actor_for(slug)
    async with tenant_db(actor, read_only=True) as db:
        breaches = await seal.verify(db, actor)
        events = await seal.count_sealed(db)
    told = [asdict(breach) for breach in breaches]
    if not breaches:
        says = say_of(
            "The audit of %(practice)s is whole: %(n)s sealed event, as it was written.",
            "The audit of %(practice)s is whole: %(n)s sealed events, each as it was written.",
            events,
            practice=slug,
        )
    else:
        lines = [f"{one.code:14} {_place(one)}: {one.says}" for one in breaches]
        head = say("The audit of %(practice)s was changed behind the system's back:", practice=slug)
        says = "\n".join([head, *lines])
    return {"practice": slug, "events": events, "breaches": told, "failed": bool(breaches), "says": says}


def _place(one: Breach) -> str:
    if one.last == one.first:
        return str(one.first or "-")
    return say("%(first)s to %(last)s", first=one.first or "-", last=one.last)


async def failed_jobs(slug: str) -> list[dict[str, Any]]:
    """The practice's failed jobs, newest first, at most 200."""
    actor = await actor_for(slug, "jobs.read")
    async with tenant_db(actor, read_only=True) as db:
        rows = await operations.list_jobs(db, actor, operations.DEAD, limit=200)
    return [
        {
            "id": row.id, "kind": row.kind, "what": row.said, "about": row.about, "failed": row.done_at,
            "attempts": row.attempts, "where": row.last_error,
        }
        for row in rows
    ]  # fmt: skip


async def retry_failed_jobs(slug: str, kind: str) -> dict[str, Any]:
    """Have the practice's failed jobs tried again; those of one kind, or all if `kind` is empty."""
    actor = await actor_for(slug, "jobs.read", "jobs.write")
    async with tenant_db(actor) as db:
        number = await operations.retry_jobs(db, actor, kind)
    return {"retried": number, "says": say("%(number)s will be tried again in a moment.", number=number)}
