"""Two drafts put aside, one of them so long ago that nobody brings it back; putting aside asks for the purge."""

from typing import Any
from uuid import UUID

from claims.care import last_month, someone_in_care

KIND = "encounters.purge_drafts"

_LONG_AGO, _JUST_NOW = UUID(int=1), UUID(int=2)


async def situation(at: Any) -> None:
    from server.encounters.drafting import Writing
    from server.encounters.drafts import discard_draft, save_draft
    from server.tenants.db import tenant_db

    patient = await someone_in_care(at.world, last_month(at.world.zone))
    nora = at.world.actor("nora")
    for id in (_LONG_AGO, _JUST_NOW):
        async with tenant_db(nora) as db:
            await save_draft(db, nora, patient, id, Writing(fields={"note": "Began to write"}, sequence=1))
            await discard_draft(db, nora, id)
    await at.sql(
        f"update note_draft set gone_at = gone_at - interval '60 days' where tenant_id = :t and id = '{_LONG_AGO}'"
    )


async def check(at: Any) -> None:
    assert await at.sql("select id, state from note_draft where tenant_id = :t") == [(_JUST_NOW, "discarded")]
