"""The end of a month as a test needs it: asked for, and done by the worker before anything else is looked at."""

from server.claims.actions import ask_to_close
from server.tenants.actor import Actor
from server.tenants.db import tenant_db
from server.worker import drain_once, gather_kinds


async def close_month(actor: Actor, month: str) -> None:
    async with tenant_db(actor) as db:
        await ask_to_close(db, actor, month)
    gather_kinds()
    await drain_once()
