"""Subscriptions, over the graphql-transport-ws protocol and nothing older.

Our own thin session rather than Strawberry's, because ours bounds what a stranger can hold open: a page of
another site is refused before the upgrade, `connection_init` is due within five seconds and is where a
token may be given, messages have a size and a rate, a connection carries at most ten subscriptions, every
document passes the same limits as over POST, and the session behind the socket is asked about every two
seconds, so that a removed role ends the stream. Queries and mutations go over POST; here they are declined.

A subscription's resolver is an async generator behind `refusals.subscription(permission=...)`. It must end
when it is closed: whatever it holds (a listener, a queue) belongs in a `finally`.

Close codes: 4400 not a message of the protocol, 4401 subscribe before connection_init, 4403 not (or no
longer) allowed, 4408 no connection_init in time, 4409 id in use, 4429 too many messages or a second
connection_init, 1009 message too large, 1011 our failure, 1013 the client stopped reading.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

import orjson
from graphql import ExecutionResult, OperationType
from litestar import WebSocket, websocket
from litestar.handlers import WebsocketRouteHandler

from server.errors import Refused
from server.graphql.document import BadDocument, Prepared
from server.graphql.edge import Edge
from server.graphql.limits import GraphQLRequest, read_json, request_from
from server.graphql.refusals import described, document_error, masked, refusal_error

PROTOCOL = "graphql-transport-ws"
MOST_SUBSCRIPTIONS = 10
INIT_SECONDS = 5.0
RECHECK_SECONDS = 2.0  # between two questions about the session; each must be answered within as much again
SEND_SECONDS = 10.0
LARGEST_MESSAGE = 64 * 1024
BURST, PER_SECOND = 60, 10.0  # messages from the client
_LONGEST_ID = 100


def subscription_socket(edge: Edge, path: str, opt: dict[str, Any]) -> WebsocketRouteHandler:
    """The socket route at `path`.

    The server must be started with a WebSocket message limit of its own as well.
    """

    @websocket(path, opt=opt)
    async def graphql_socket(socket: WebSocket[Any, Any, Any]) -> None:
        if PROTOCOL not in socket.scope.get("subprotocols", ()) or not edge.known_origin(socket):
            await socket.close(4403)  # before accepting: the handshake is answered 403
            return
        await socket.accept(subprotocols=PROTOCOL)
        await _Session(edge, socket).run()

    return graphql_socket


@runtime_checkable
class _Closes(Protocol):
    """What a resolver's generator is, and GraphQL's own iterator does not say it is."""

    async def aclose(self) -> None: ...


class _End(Exception):
    """Ends the session with a close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Session:
    def __init__(self, edge: Edge, socket: WebSocket[Any, Any, Any]) -> None:
        self.edge = edge
        self.socket = socket
        self.context: Any = None
        self.operations: dict[str, asyncio.Task[None]] = {}
        self.sending = asyncio.Lock()
        self.ended: asyncio.Future[_End] = asyncio.get_running_loop().create_future()
        self.credit = float(BURST)
        self.credit_at = asyncio.get_running_loop().time()

    async def run(self) -> None:
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._greet()
            tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._watch())]
            waits: set[asyncio.Future[Any]] = {*tasks, self.ended}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
            if self.ended.done():
                raise self.ended.result()
        except _End as end:
            await self._close(end)
        except Exception as error:
            masked(error, self.edge.log_error)
            await self._close(_End(1011, "Something went wrong on our side"))
        finally:
            await _stop([*tasks, *self.operations.values()])

    async def _greet(self) -> None:
        """Wait for connection_init, find out who it is, acknowledge."""
        try:
            async with asyncio.timeout(INIT_SECONDS):
                params = await self._init()
        except TimeoutError:
            raise _End(4408, "Connection initialisation timeout") from None
        try:
            self.context = await self.edge.context_for(self.socket, params)
        except Refused as refused:
            raise _End(4403, refused.code) from None
        if self.context.actor is None:
            raise _End(4403, "SIGN_IN_NEEDED")  # a stranger has nothing to wait for here
        await self._send({"type": "connection_ack"})

    async def _init(self) -> Mapping[str, Any]:
        while True:
            message = await self._message()
            if message["type"] == "connection_init":
                params = message.get("payload")
                if params is not None and not isinstance(params, dict):
                    raise _End(4400, "Invalid connection_init payload")
                return params or {}
            await self._ping_or(message, _End(4401, "Unauthorized"))

    async def _read(self) -> None:
        while True:
            message = await self._message()
            match message["type"]:
                case "subscribe":
                    await self._subscribe(message)
                case "complete":
                    operation = self.operations.get(_id_of(message))
                    if operation is not None:
                        operation.cancel()
                case "connection_init":
                    raise _End(4429, "Too many initialisation requests")
                case _:
                    await self._ping_or(message, _End(4400, "Unknown message type"))

    async def _ping_or(self, message: dict[str, Any], otherwise: _End) -> None:
        if message["type"] == "ping":
            await self._send({"type": "pong"})
        elif message["type"] != "pong":
            raise otherwise

    async def _watch(self) -> None:
        """Ask about the session again and again; no clear yes is a no."""
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            try:
                async with asyncio.timeout(RECHECK_SECONDS):
                    allowed = await self.edge.still_allowed(self.context)
            except Exception as error:
                masked(error, self.edge.log_error)
                allowed = False
            if not allowed:
                raise _End(4403, "Your session has ended")

    async def _message(self) -> dict[str, Any]:
        """The next message: one JSON object with a `type`, within size and rate."""
        event = await self.socket.receive()
        if event["type"] == "websocket.disconnect":
            raise _End(1000, "")
        self._spend()
        text = event.get("text")
        if not isinstance(text, str):
            raise _End(4400, "Messages must be text")
        raw = text.encode("utf-8", "surrogatepass")
        if len(raw) > LARGEST_MESSAGE:
            raise _End(1009, "Message too large")
        try:
            message = read_json(raw, self.edge.limits)
        except Refused as refused:
            raise _End(4400, refused.code) from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise _End(4400, "Not a message")
        return message

    def _spend(self) -> None:
        now = asyncio.get_running_loop().time()
        self.credit = min(BURST, self.credit + (now - self.credit_at) * PER_SECOND) - 1
        self.credit_at = now
        if self.credit < 0:
            raise _End(4429, "Too many messages")

    async def _subscribe(self, message: dict[str, Any]) -> None:
        id = _id_of(message)
        if id in self.operations:
            raise _End(4409, f"Subscriber for {id} already exists")
        try:
            request = request_from(message.get("payload"))
            if len(self.operations) >= MOST_SUBSCRIPTIONS:
                raise Refused(
                    "TOO_MANY_SUBSCRIPTIONS",
                    f"This connection carries {MOST_SUBSCRIPTIONS} subscriptions already.",
                    "Complete one first.",
                )
        except Refused as refused:
            await self._send({"id": id, "type": "error", "payload": [refusal_error(refused)]})
            return
        task = asyncio.create_task(self._stream(id, request))
        self.operations[id] = task
        # However it ends, its place is free again.
        task.add_done_callback(lambda done: self._forget(id, done))

    def _forget(self, id: str, task: asyncio.Task[None]) -> None:
        if self.operations.get(id) is task:
            del self.operations[id]
        if not task.cancelled() and (error := task.exception()) is not None and not self.ended.done():
            self.ended.set_result(
                error if isinstance(error, _End) else _End(1011, "Something went wrong on our side")
            )

    async def _stream(self, id: str, request: GraphQLRequest) -> None:
        """One subscription from its document to its last event."""
        try:
            prepared = self.edge.prepare(request, self.context)
            if prepared.plan.kind is not OperationType.SUBSCRIPTION:
                raise Refused(
                    "SUBSCRIPTIONS_ONLY",
                    "Only subscriptions run over this socket.",
                    "POST queries and mutations.",
                )
            source = await self._source(request, prepared)
            if isinstance(source, ExecutionResult):
                errors = [described(e, self.edge.log_error) for e in source.errors or ()]
                await self._finish(id, {"id": id, "type": "error", "payload": errors})
                return
            try:
                async for result in source:
                    payload = self.edge.encode(self.edge.payload(result, prepared))
                    await self._send({"id": id, "type": "next", "payload": orjson.Fragment(payload)})
            finally:
                if isinstance(source, _Closes):
                    with suppress(Exception):
                        await source.aclose()
            await self._finish(id, {"id": id, "type": "complete"})
        except Refused as refused:
            await self._finish(id, {"id": id, "type": "error", "payload": [refusal_error(refused)]})
        except BadDocument as bad:
            errors = [document_error(e, bad.code, bad.next_step) for e in bad.errors]
            await self._finish(id, {"id": id, "type": "error", "payload": errors})
        except _End:
            raise
        except Exception as error:
            await self._finish(
                id, {"id": id, "type": "error", "payload": [masked(error, self.edge.log_error)]}
            )

    async def _source(
        self, request: GraphQLRequest, prepared: Prepared
    ) -> AsyncIterator[ExecutionResult] | ExecutionResult:
        try:
            async with asyncio.timeout(self.edge.seconds):
                return await self.edge.subscribe(self.context, request, prepared)
        except TimeoutError:
            raise Refused(
                "TOOK_TOO_LONG",
                f"This took longer than {self.edge.seconds:g} seconds to start and was stopped.",
                "Try again.",
            ) from None

    async def _finish(self, id: str, message: dict[str, Any]) -> None:
        # Free the id before the client learns that it is free.
        self.operations.pop(id, None)
        await self._send(message)

    async def _send(self, message: dict[str, Any]) -> None:
        text = self.edge.encode(message).decode()
        try:
            async with self.sending, asyncio.timeout(SEND_SECONDS):
                await self.socket.send_data(text)
        except TimeoutError:
            raise _End(1013, "The client stopped reading") from None
        except Exception as error:
            # The client is gone; the reader learns the same in a moment.
            raise _End(1000, "") from error

    async def _close(self, end: _End) -> None:
        with suppress(Exception):
            async with asyncio.timeout(SEND_SECONDS):
                await self.socket.close(end.code, end.reason.encode()[:120].decode("utf-8", "ignore"))


def _id_of(message: dict[str, Any]) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= _LONGEST_ID:
        raise _End(4400, "A message needs an id of 1 to 100 characters")
    return id


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
