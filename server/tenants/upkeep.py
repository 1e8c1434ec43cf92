"""The ledger's own housekeeping: old jobs and occasions are forgotten, and silent practices get their turn."""

from datetime import timedelta
from typing import Final

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from server.tables import JSON
from server.tenants.actor import Actor
from server.tenants.db import Db, Doors
from server.tenants.tables import Directory

#: how long a finished job is kept, and the occasion of a schedule that has been
JOBS_KEPT: Final = timedelta(days=30)
OCCASIONS_KEPT: Final = timedelta(days=400)
_BATCH: Final = 5_000


async def purge(db: Db, actor: Actor, _args: JSON) -> None:
    """The job: delete what is done, cancelled or given up, and old. What is dead stays until somebody decides."""
    actor.require("jobs.write")
    for statement, kept in ((_PURGE_JOBS, JOBS_KEPT), (_PURGE_OCCASIONS, OCCASIONS_KEPT)):
        while True:
            gone = await db.execute(statement, {"kept": kept, "most": _BATCH})
            if len(gone.all()) < _BATCH:
                break


_PURGE_JOBS = text("""
delete from job where id in (
  select id from job where state in ('done', 'cancelled', 'given_up') and done_at < now() - cast(:kept as interval) limit :most)
returning id""")
_PURGE_OCCASIONS = text("""
delete from schedule where id in (
  select id from schedule where state <> 'waiting' and due_at < now() - cast(:kept as interval) limit :most)
returning id""")


async def wake_the_silent(doors: Doors) -> int:
    """The tick: ring for practices whose bell will never ring by itself; how many. They have no schedules yet."""
    async with doors.auth() as auth:
        ids = (await auth.execute(select(Directory.id).where(Directory.state == "open"))).scalars().all()
    async with doors.bell() as bell:
        woken = await bell.execute(_WAKE, {"ids": list(ids)})
        return len(woken.all())


_WAKE = text("""
insert into bell (tenant_id, due_at) select id, now() from unnest(:ids) as id
on conflict (tenant_id) do update set due_at = excluded.due_at where bell.due_at = 'infinity'
returning tenant_id""").bindparams(bindparam("ids", type_=ARRAY(Uuid)))
