"""Counts round trips on the wire: a proxy in front of PostgreSQL that notes each time the client speaks again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa


class Wire:
    """url: the same database, through the proxy. trips: how often a client has spoken after the server had."""

    def __init__(self, target: sa.URL) -> None:
        self._target = target
        self.trips = 0
        self.port = 0

    @property
    def url(self) -> str:
        through = self._target.set(host="127.0.0.1", port=self.port)
        return through.render_as_string(hide_password=False)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(self._target.host, self._target.port or 5432)
        answered = True

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, client: bool) -> None:
            nonlocal answered
            while data := await source.read(65536):
                self.trips += client and answered
                answered = not client
                sink.write(data)
                await sink.drain()
            sink.close()

        await asyncio.gather(
            pump(reader, up_writer, client=True),
            pump(up_reader, writer, client=False),
            return_exceptions=True,
        )


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[Wire]:
    counted = Wire(sa.make_url(url))
    server = await asyncio.start_server(counted.serve, "127.0.0.1", 0)
    counted.port = server.sockets[0].getsockname()[1]
    try:
        yield counted
    finally:
        server.close()
