"""Throw-away servers, migrated, with the doors open, for as long as a benchmark runs."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import sqlalchemy as sa

from migrations.run import runtime_urls, upgrade
from server import embedded
from server.settings import settings
from server.tenants.db import Doors, open_doors

_SECRET = "b" * 64


@dataclass(frozen=True, slots=True)
class House:
    """owner_url sees past every policy: for laying out data and for the limits measured against. urls: app, auth, bell."""

    owner_url: str
    urls: dict[str, str]
    redis_url: str
    doors: Doors

    async def owner(self) -> asyncpg.Connection:
        return await asyncpg.connect(self.owner_url)

    def plain(self, role: str) -> str:
        """The role's address in the form asyncpg takes."""
        return sa.make_url(self.urls[role]).set(drivername="postgresql").render_as_string(hide_password=False)


@asynccontextmanager
async def house(*, pool_size: int = 12) -> AsyncIterator[House]:
    """A whole empty house. Everything is gone afterwards."""
    os.environ["CAREWRIGHT_MODE"] = "test"
    os.environ["CAREWRIGHT_SECRET_KEY"] = _SECRET
    servers = embedded.start(throwaway=True)
    try:
        await upgrade(servers.database_url, bytes.fromhex(_SECRET))
        urls = runtime_urls(servers.database_url, bytes.fromhex(_SECRET))
        for word, address in urls.items():
            os.environ[f"CAREWRIGHT_{word.upper()}_URL"] = address
        os.environ["CAREWRIGHT_REDIS_URL"] = servers.redis_url
        settings.cache_clear()
        doors = open_doors(Doors(urls["app"], urls["auth"], urls["bell"], pool_size=pool_size, seconds=600))
        try:
            yield House(servers.database_url, urls, servers.redis_url, doors)
        finally:
            await doors.close()
    finally:
        servers.stop()
