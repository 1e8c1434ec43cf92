"""A read in one round trip: for the short questions of every request, which concern no patient.

PostgreSQL sets the practice in the same statement that asks. `here` is where it is set, and whoever asks joins to
`here.tenant_id`: that dependency makes PostgreSQL set first and look afterwards. If the order ever broke, the policies
would see no practice and nothing would be found. The setting ends with the statement. These connections
refuse to write.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import asyncpg
import sqlalchemy as sa

_HERE: Final = "with here as materialized (select set_config('app.tenant_id', $1, true)::uuid as tenant_id) "
_CONNECTIONS: Final = 4
_SECONDS: Final = 10


class OneTrip:
    """A few connections of the app role, opened when first asked."""

    def __init__(self, url: str, server_settings: Mapping[str, str]) -> None:
        self._url = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._server_settings = {**server_settings, "default_transaction_read_only": "on"}
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    async def ask(self, tenant_id: UUID, question: str, *values: Any) -> list[asyncpg.Record]:
        """Rows of `question`, a select from `here` and joined to `here.tenant_id`; values are its $2, $3 ..."""
        pool = self._pool or await self._open()
        async with asyncio.timeout(
            _SECONDS
        ):  # for both: pool.fetch has no limit while it waits for a connection
            return await pool.fetch(_HERE + question, str(UUID(str(tenant_id))), *values)

    async def _open(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=_CONNECTIONS,
                    server_settings=self._server_settings,
                    reset=_nothing_to_reset,
                )
            return self._pool

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()


async def _nothing_to_reset(_connection: object) -> None:
    """Settings ended with their statement."""
