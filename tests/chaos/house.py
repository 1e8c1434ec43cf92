"""The product as it runs: a web process and workers over given servers, and what the superuser sees behind them."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from cast import World, make_practice
from conftest import ROOT, SECRET
from sqlalchemy.ext.asyncio import create_async_engine

from migrations.run import async_url, runtime_urls
from server.tenants import db as the_doors
from server.tenants.db import Doors

#: CAREWRIGHT_CAMPAIGN=full: 300 kills of workers, 20 of PostgreSQL, 20 of Redis. A network cut for a minute, and clocks
#: that differ by 90 s between machines, are not among the campaigns: they need more than one machine.
FULL = os.environ.get("CAREWRIGHT_CAMPAIGN") == "full"


class House:
    """Processes of the product, ended by their ids."""

    def __init__(self, database_url: str, redis_url: str, folder: Path) -> None:
        self.url = database_url
        self.folder = folder
        self.urls = runtime_urls(database_url, bytes.fromhex(SECRET))
        self.environment = {
            **os.environ,
            **{f"CAREWRIGHT_{word.upper()}_URL": url for word, url in self.urls.items()},
            "CAREWRIGHT_REDIS_URL": redis_url,
            "CAREWRIGHT_SECRET_KEY": SECRET,
            "CAREWRIGHT_MODE": "test",
            "PYTHONPATH": str(ROOT),
        }
        self.web: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []
        self.address = ""

    # --- its processes --------------------------------------------------------------------------------------

    def open(self, *, workers: int = 1) -> None:
        door = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{door.getsockname()[1]}"
        self.web = self._run("web", "server.serve", str(door.fileno()), descriptors=(door.fileno(),))
        door.close()
        for _ in range(workers):
            self.workers.append(self._run("worker", "server.worker"))

    def _run(self, name: str, *words: str, descriptors: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", *words],
                cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=descriptors,
            )  # fmt: skip

    def close(self) -> None:
        for process in (self.web, *self.workers):
            if process is not None:
                process.kill()
                process.wait()

    def lives(self) -> bool:
        """Are all of them the processes that were started?"""
        return all(p is not None and p.poll() is None for p in (self.web, *self.workers))

    async def ready(self, seconds: float = 120) -> float:
        """Seconds until the web process says that it can serve."""
        started = time.monotonic()
        async with httpx.AsyncClient(base_url=self.address, timeout=5) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get("/health/ready")).status_code == 200:
                        return time.monotonic() - started
                assert time.monotonic() - started < seconds, (self.folder / "web.log").read_text()[-2000:]
                await asyncio.sleep(0.02)

    # --- behind it --------------------------------------------------------------------------------------------

    async def sql(self, statement: str, **values: object) -> list[Any]:
        """As the superuser, on a connection of its own: what the servers went through leaves none to rely on."""
        engine = create_async_engine(async_url(self.url), hide_parameters=True, poolclass=sa.NullPool)
        try:
            async with engine.begin() as connection:
                found = await connection.execute(sa.text(statement), values)
                return list(found.all()) if found.returns_rows else []
        finally:
            await engine.dispose()

    async def one(self, statement: str, **values: object) -> Any:
        return (await self.sql(statement, **values))[0][0]

    @contextlib.asynccontextmanager
    async def doors(self) -> AsyncIterator[None]:
        """This process's doors lead into the house meanwhile, so that a test can plant through actions."""
        kept = the_doors._doors
        urls = self.urls
        opened = the_doors.open_doors(Doors(urls["app"], urls["auth"], urls["bell"], pool_size=4, seconds=30))
        try:
            yield
        finally:
            await opened.close()
            the_doors._doors = kept

    async def practices(self) -> list[World]:
        async with self.doors():
            return [await make_practice("lakeside"), await make_practice("hillcrest")]

    # --- what must be so, whatever happened -----------------------------------------------------------------

    async def half_written(self) -> dict[str, int]:
        """What is there in part: each figure must be 0 at any moment."""
        found = (await self.sql(_HALF_WRITTEN))[0]._mapping
        return {name: count for name, count in found.items() if count}

    async def wrong_totals(self) -> int:
        """Month totals that differ from the ledger added up again, here and independently."""
        return int(await self.one(_WRONG_TOTALS))

    async def waiting(self) -> int:
        """Months to be counted and jobs that are due."""
        return int(
            await self.one(
                "select (select count(*) from dirty_month) + (select count(*) from job "
                "where state in ('ready', 'running') and run_at <= now())"
            )
        )

    async def caught_up(self, seconds: float) -> float:
        """Seconds until nothing waits any more."""
        started = time.monotonic()
        while left := await self.waiting():
            assert time.monotonic() - started < seconds, f"{left} wait after {seconds} s"
            await asyncio.sleep(0.05)
        return time.monotonic() - started


def kill(pid: int, sign: signal.Signals = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)


_LIVE = "not {0}.void and not exists (select from time_entry x where x.tenant_id = {0}.tenant_id and x.replaces_id = {0}.id)"
_MONTH = (
    "(select to_char({0}.started_at at time zone p.time_zone, 'YYYY-MM') from practice p "
    "where p.tenant_id = {0}.tenant_id)"
)
_HALF_WRITTEN = f"""
select
  (select count(*) from time_entry e where {_LIVE.format("e")} and not exists (
     select from person_time t where t.tenant_id = e.tenant_id and t.entry_id = e.id)) as entries_without_person_time,
  (select count(*) from person_time t where not exists (
     select from time_entry e where e.tenant_id = t.tenant_id and e.id = t.entry_id)) as person_time_without_entry,
  (select count(*) from time_entry e where not exists (
     select from audit_event a where a.tenant_id = e.tenant_id and a.action = 'minutes.write'
       and e.id = any(a.entity_ids))) as entries_without_audit,
  (select count(*) from audit_event a where not exists (
     select from audit_unsealed u where u.tenant_id = a.tenant_id and u.event_id = a.id) and not exists (
     select from audit_seal s where s.tenant_id = a.tenant_id and s.event_id = a.id)) as events_no_sealer_will_find,
  (select count(*) from (select tenant_id, patient_id, month from dirty_month) d where not exists (
     select from job j where j.tenant_id = d.tenant_id and j.kind = 'recount' and j.dedupe_key = d.month
       and j.state in ('ready', 'running'))) as dirty_months_without_a_job,
  (select count(*) from job j where j.state in ('ready', 'running') and not exists (
     select from bell b where b.tenant_id = j.tenant_id and b.due_at < 'infinity')) as jobs_without_a_bell,
  (select count(*) from idempotency_key where status = 0 or answer = '') as keys_without_an_answer,
  (select count(*) from time_entry e where {_LIVE.format("e")} and not exists (
     select from dirty_month d where d.tenant_id = e.tenant_id and d.patient_id = e.patient_id
       and d.month = {_MONTH.format("e")}) and not exists (
     select from month_total m where m.tenant_id = e.tenant_id and m.patient_id = e.patient_id
       and m.month = {_MONTH.format("e")})) as entries_neither_counted_nor_marked
"""
_WRONG_TOTALS = f"""
with ledger as (
  select e.tenant_id, e.patient_id, {_MONTH.format("e")} as month,
         sum(extract(epoch from e.ended_at - e.started_at))::bigint as seconds, count(*) as entries
  from time_entry e where e.state = 'final' and {_LIVE.format("e")} group by 1, 2, 3),
counted as (
  select tenant_id, patient_id, month, sum(seconds)::bigint as seconds, sum(entries) as entries
  from month_total group by 1, 2, 3)
select count(*) from ledger l full join counted c using (tenant_id, patient_id, month)
where l.seconds is distinct from c.seconds or l.entries is distinct from c.entries
"""
