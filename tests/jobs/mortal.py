"""A worker's doors that die after so many statements: nothing is said to PostgreSQL from then on, not even goodbye."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import event

from server.settings import settings
from server.tenants import db as the_door
from server.tenants.db import Doors


class Killed(BaseException):
    """The worker's process is gone."""


class Mortal:
    """Counts what is said; after statement `last` everything raises Killed."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.said = 0
        self.dead = False
        self.connections: set[Any] = set()

    def alive(self) -> None:
        if self.dead:
            raise Killed

    def step(self) -> None:
        self.said += 1
        if self.said == self.last:
            self.dead = True
            raise Killed


@asynccontextmanager
async def mortal_doors(last: int) -> AsyncIterator[tuple[Doors, Mortal]]:
    """Doors of a worker that is killed right after its `last` statement; BEGIN and COMMIT are statements too.

    They become the process's doors, because some work opens further ones.
    """
    mortal = Mortal(last)
    s = settings()
    doors = Doors(s.app_url, s.auth_url, s.bell_url, pool_size=6)
    real = {name: getattr(asyncpg.Connection, name) for name in ("execute", "fetchrow")}

    def counted(really: Any) -> Any:
        async def say(self: Any, *args: Any, **more: Any) -> Any:
            if self not in mortal.connections:
                return await really(self, *args, **more)
            mortal.alive()
            told = await really(self, *args, **more)
            mortal.step()
            return told

        return say

    for engine in (doors._app, doors._auth, doors._bell):
        assert engine is not None
        event.listen(
            engine.sync_engine,
            "connect",
            lambda dbapi, record: mortal.connections.add(dbapi.driver_connection),
        )
        event.listen(engine.sync_engine, "before_cursor_execute", lambda *_: mortal.alive())
        event.listen(engine.sync_engine, "after_cursor_execute", lambda *_: mortal.step())
    kept = the_door._doors
    for name, really in real.items():
        setattr(asyncpg.Connection, name, counted(really))
    the_door._doors = doors
    try:
        yield doors, mortal
    finally:
        for name, really in real.items():
            setattr(asyncpg.Connection, name, really)
        the_door._doors = kept
        await doors.close()
