"""Kinds of job for these tests, and a table for their effects that deliberately has no unique key."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from sqlalchemy.ext.asyncio import AsyncEngine

sys.path.append(str(Path(__file__).parent))  # last: the name `conftest` belongs to the one above

from every_kind import At, Trial, samples
from trial_kinds import EFFECT_TABLE, KINDS_OF_THESE_TESTS

from server import jobs, schedules
from server.tenants import seal
from server.tenants.db import tenant_db
from server.worker import gather_kinds

gather_kinds()  # before any test puts them aside: a room's jobs are registered when it is first imported


@pytest.fixture(autouse=True)
def _kinds(request: pytest.FixtureRequest) -> Iterator[None]:
    """Only the kinds of these tests, so that draining does nobody else's work; or, for `real_kinds`, the real ones."""
    kept = dict(jobs.KINDS)
    if "real_kinds" not in request.fixturenames:
        jobs.KINDS.clear()
    for name, (handler, lease, attempts) in KINDS_OF_THESE_TESTS.items():
        jobs.register(name, handler, lease_seconds=lease, max_attempts=attempts, rights=("minutes.read",))
    repeated = dict(schedules.SCHEDULES)
    if "real_schedules" not in request.fixturenames:
        schedules.SCHEDULES.clear()
    yield
    jobs.KINDS.clear()
    jobs.KINDS.update(kept)
    schedules.SCHEDULES.clear()
    schedules.SCHEDULES.update(repeated)


@pytest.fixture
def real_kinds() -> None:
    """The kinds that rooms have registered."""


@pytest.fixture
def real_schedules() -> None:
    """What rooms have registered to come round."""


@pytest.fixture
def real_heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed ends of the audit's chain go to a folder of this test."""
    monkeypatch.setattr(seal, "head_store", lambda: seal.HeadFiles(tmp_path / "seals"))


@pytest.fixture
def idempotent_job(lakeside: World, hillcrest: World, behind: AsyncEngine, real_heads: None) -> Any:
    """`trial = await idempotent_job(kind)`: the kind's sample, to be run once, twice, eight times at once, killed."""

    async def idempotent_job(kind: str) -> Trial:
        return Trial(At(lakeside, hillcrest, behind), samples()[kind])

    return idempotent_job


@pytest.fixture(autouse=True)
async def _effects(behind: AsyncEngine) -> AsyncIterator[None]:
    """An empty ledger for each test; what other practices had in it is put aside and brought back."""
    ledger = ("job", "bell", "schedule")
    async with behind.begin() as connection:
        for statement in (
            *EFFECT_TABLE,
            *(f"create table aside_{table} as table {table}" for table in ledger),
            *(f"delete from {table}" for table in ledger),
        ):
            await connection.execute(sa.text(statement))
    yield
    async with behind.begin() as connection:
        for statement in (
            "drop table trial_effect",
            *(f"insert into {table} table aside_{table} on conflict do nothing" for table in ledger),
            *(f"drop table aside_{table}" for table in ledger),
        ):
            await connection.execute(sa.text(statement))


class Ledger:
    """What these tests ask of the ledger, from behind the doors."""

    def __init__(self, behind: AsyncEngine) -> None:
        self._behind = behind

    async def _all(self, statement: str, **values: object) -> list[sa.Row[tuple[object, ...]]]:
        async with self._behind.begin() as connection:
            found = await connection.execute(sa.text(statement), values)
            return list(found.all()) if found.returns_rows else []

    async def add(self, world: World, kind: str, key: str = "1", **args: object) -> None:
        async with tenant_db(world.system()) as db:
            await jobs.add(db, world.system(), kind, key, args)

    async def effects(self, world: World) -> list[str]:
        rows = await self._all(
            "select word from trial_effect where tenant_id = :t order by at", t=world.tenant_id
        )
        return [row[0] for row in rows]

    async def job(self, world: World, key: str = "1") -> sa.Row[tuple[object, ...]]:
        (row,) = await self._all(
            "select state, attempts, fence, last_error, run_at > now() as later, lease_until from job "
            "where tenant_id = :t and dedupe_key = :k",
            t=world.tenant_id,
            k=key,
        )
        return row

    async def due_now(self, world: World) -> bool | None:
        rows = await self._all("select due_at <= now() from bell where tenant_id = :t", t=world.tenant_id)
        return bool(rows[0][0]) if rows else None

    async def hasten(self) -> None:
        """As if every pause and lease were over."""
        await self._all("update job set run_at = now(), lease_until = case state when 'running' then now() end "
                        "where state in ('ready', 'running')")  # fmt: skip
        await self._all("update bell set due_at = now()")


@pytest.fixture
def ledger(behind: AsyncEngine) -> Ledger:
    return Ledger(behind)


@pytest.fixture
def gate() -> Iterator[asyncio.Event]:
    """The kind `trial.gated` waits here after its effect."""
    import trial_kinds

    trial_kinds.GATE = asyncio.Event()
    trial_kinds.AT_GATE = asyncio.Event()
    return trial_kinds.GATE
