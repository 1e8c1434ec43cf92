"""One kind of job put to the test: it must come to the same end once, twice, eight times at once, and killed anywhere."""

import asyncio
import importlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from cast import World
from mortal import Killed, mortal_doors
from sqlalchemy.ext.asyncio import AsyncEngine
from whole_practice import AUDIT, Rows, compared, differing, put_back, taken_down

from server import jobs
from server.tenants.actor import system
from server.tenants.db import Row, doors, tenant_db
from server.worker import _run, drain_once, work_once

SAMPLES = Path(__file__).with_name("samples")


@dataclass
class At:
    """What a sample is given."""

    world: World
    other: World
    behind: AsyncEngine

    async def sql(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Behind the doors; `:t` is the practice."""
        async with self.behind.begin() as connection:
            found = await connection.execute(sa.text(statement), {"t": self.world.tenant_id, **values})
            return [tuple(row) for row in found.all()] if found.returns_rows else []

    async def add(self, kind: str, key: str, **args: Any) -> None:
        async with tenant_db(self.world.system()) as db:
            await jobs.add(db, self.world.system(), kind, key, args)

    async def only(self, kind: str) -> None:
        """Nothing but jobs of this kind is left to do, and they are due."""
        await self.sql("delete from job where tenant_id = :t and state <> 'dead' and kind <> :kind "
                       "and state in ('ready', 'running')", kind=kind)  # fmt: skip
        await self.sql("delete from bell where tenant_id <> :t")
        await self.hasten()

    async def hasten(self) -> None:
        """As if every pause and lease were over."""
        await self.sql("update job set run_at = now(), lease_until = case state when 'running' then now() end "
                       "where tenant_id = :t and state in ('ready', 'running')")  # fmt: skip
        await self.sql("update bell set due_at = now() where tenant_id = :t")

    async def unfinished(self) -> list[tuple[Any, ...]]:
        return await self.sql(
            "select kind, dedupe_key, state, last_error from job where tenant_id = :t and state in ('ready', 'running', 'dead') "
            "and dedupe_key not like '2025-%'"
        )


def samples() -> dict[str, ModuleType]:
    """kind -> its sample."""
    found = (importlib.import_module(f"samples.{path.stem}") for path in sorted(SAMPLES.glob("*.py")))
    return {module.KIND: module for module in found}


class Trial:
    """A sample's situation, and the end to which its job must come."""

    def __init__(self, at: At, sample: ModuleType) -> None:
        self.at, self.sample = at, sample
        self.before: Rows = {}
        self.end: dict[str, Counter[str]] = {}
        self.outside: Any = None

    @property
    def tenant(self) -> UUID:
        return self.at.world.tenant_id

    async def once(self) -> None:
        """Make the situation, run it once, and keep the end for comparison."""
        await self.sample.situation(self.at)
        await self.at.only(self.sample.KIND)
        self.before = await taken_down(self.at.behind, self.tenant)
        waiting = await self.at.sql(
            "select count(*) from job where tenant_id = :t and kind = :kind and state = 'ready'", kind=self.sample.KIND
        )  # fmt: skip
        assert waiting[0][0] >= 1, f"the sample leaves no {self.sample.KIND} to do"
        await self.drained()
        await self.sample.check(self.at)
        after = await taken_down(self.at.behind, self.tenant)
        self.end = compared(self.before, after)
        self.outside = await self.left_outside()

    async def again(self) -> None:
        await put_back(self.at.behind, self.tenant, self.before)

    async def drained(self) -> None:
        """Everything is done; what a killed worker's connection still holds is waited for."""
        for _ in range(100):
            await drain_once()
            if not await self.at.unfinished():
                return
            await asyncio.sleep(0.05)
            await self.at.hasten()
        raise AssertionError(f"not drained: {await self.at.unfinished()}")

    async def left_outside(self) -> Any:
        return await self.sample.outside(self.at) if hasattr(self.sample, "outside") else None

    async def same_end(self, how: str, *, audit: bool = True) -> None:
        """audit: that it was done was written down once, and not once for each try."""
        leaving_out = () if audit else AUDIT
        after = compared(self.before, await taken_down(self.at.behind, self.tenant), leaving_out=leaving_out)
        expected = {name: rows for name, rows in self.end.items() if name not in leaving_out}
        different = differing(expected, after)
        assert different == {}, f"{self.sample.KIND} {how}: {different}"
        assert await self.left_outside() == self.outside, f"{self.sample.KIND} {how}: outside the database"

    async def twice(self) -> None:
        await self.again()
        await self.drained()
        await self.at.sql(
            "update job set state = 'ready', run_at = now(), attempts = 0, done_at = null where tenant_id = :t "
            "and kind = :kind and state = 'done'",
            kind=self.sample.KIND,
        )
        await self.at.hasten()
        await self.drained()
        await self.same_end("twice", audit=False)

    async def eight_at_once(self) -> int:
        """Eight hands hold the same job, each having overtaken the one before; then eight look for work at once."""
        await self.again()
        kind = jobs.KINDS[self.sample.KIND]
        held = []
        for _ in range(min(8, kind.max_attempts)):
            async with doors().tenant(system(self.tenant, "UTC")) as db:
                job = await jobs.claim(db)
            assert job is not None
            held.append(job)
            await self.at.hasten()
        # `hasten` made them claimable; they are claimed, and run all at once.
        await asyncio.gather(*(_run(doors(), Row(), self.tenant, job, lambda: False) for job in held))
        await self.at.hasten()
        await asyncio.gather(*(drain_once() for _ in range(8)))
        await self.drained()
        await self.same_end("eight times at once")
        return len(held)

    async def killed_everywhere(self, longest: int = 400) -> int:
        """Killed after the first statement, after the second, and so on until it is through; how many there were."""
        for last in range(1, longest):
            await self.again()
            try:
                async with mortal_doors(last) as (mortal, _):
                    while await work_once(mortal) is not None:
                        pass
            except Killed:
                await self.at.hasten()
                await self.drained()
                await self.same_end(f"killed after statement {last}")
            else:
                await self.drained()
                await self.same_end("not killed")
                return last - 1
        raise AssertionError(f"{self.sample.KIND} says more than {longest} statements")


IdempotentJob = Callable[[str], Any]
