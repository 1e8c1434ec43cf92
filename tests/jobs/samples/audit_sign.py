"""Sealed events whose chain's end is to be signed; what it leaves lies outside the database."""

from typing import Any

from server.tenants import seal
from server.tenants.db import doors, tenant_db

KIND = "audit.sign"


async def situation(at: Any) -> None:
    actor = at.world.actor("nora")
    async with tenant_db(actor) as db:
        db.note(actor, "patient.open", entity="patient")
        db.note(actor, "plan.open", entity="plan")
    await seal.tick(doors())


async def check(at: Any) -> None:
    heads = seal.heads_of(at.world.tenant_id, seal.head_store().lines(at.world.tenant_id))
    assert heads
    assert all(head.genuine and head.number == 2 for head in heads)
    actor = at.world.system()
    async with tenant_db(actor, read_only=True) as db:
        assert await seal.verify(db, actor) == []


async def outside(at: Any) -> Any:
    heads = seal.heads_of(at.world.tenant_id, seal.head_store().lines(at.world.tenant_id))
    return {(head.number, head.chain_hash, head.genuine) for head in heads}
