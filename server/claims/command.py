"""`carewright close-month`: the same action as on the page, from a shell of the machine."""

from collections.abc import Callable

from sqlalchemy import select

from server.claims.actions import Closed
from server.claims.actions import close_month as close
from server.errors import Refused
from server.tenants.actor import Actor, system
from server.tenants.db import auth_db, tenant_db
from server.tenants.tables import Directory, Practice


async def close_month(
    month: str, practice: str, progress: Callable[[int, int], None] | None = None
) -> Closed:
    """Close `month` (YYYY-MM) of the practice with this slug. progress: told (done, of) after each batch."""
    actor = await actor_for(practice, "claims.close", "claims.read", "minutes.read", "enrollment.read")

    async def tell(done: int, of: int) -> None:
        if progress is not None:
            progress(done, of)

    return await close(actor, month, progress=tell)


async def actor_for(slug: str, *rights: str) -> Actor:
    """The system's actor in a practice named on the command line, with exactly these rights."""
    async with auth_db() as db:
        tenant_id = await db.scalar(
            select(Directory.id).where(Directory.slug == slug, Directory.state == "open")
        )
    if tenant_id is None:
        raise Refused(
            "NO_SUCH_PRACTICE",
            f"There is no open practice called {slug!r} here.",
            "Use the short name shown on the Practice page, such as lakeside.",
        )
    async with tenant_db(system(tenant_id, "UTC"), read_only=True) as db:
        zone = await db.scalar(select(Practice.time_zone))
    return system(tenant_id, zone or "UTC", *rights, via="command")
