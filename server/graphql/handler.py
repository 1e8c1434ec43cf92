"""The HTTP door of the GraphQL API: one POST route, and nothing else.

    routes = graphql_routes(
        SCHEMA,
        context_for,               # async (connection, params) -> context with `actor`; may raise Refused
        same_site=from_our_pages({"https://care.example.org"}),
        known_origin=known_origin({"https://care.example.org"}),
        still_allowed=session_still_stands,                       # async (context) -> bool, for open sockets
    )

`context_for` is called once per request with the connection and an empty dict, and once per socket with what
the client sent in `connection_init`. Raise `refusals.sign_in_needed()` for a 401. An anonymous context has
`actor = None`; only fields that declare `PUBLIC` will answer it.

A request is met in this order: method, origin, media type, who is asking, body, document, cost, execution,
encoding. Answers are JSON in every case, with `errors[].extensions.code` and `nextStep`:

    200  the operation ran; `errors` may stand beside `data`, `extensions.cost` tells what it cost
    400  not a request, not GraphQL, not valid, or more than is allowed (nothing was run)
    401  nobody is signed in      403  refused for who or where the caller is
    405  not a POST               408  the body did not arrive in time
    409  this idempotency key is in use: what was sent with it is still being done
    413  larger than 256 KB       415  not application/json
    422  this idempotency key was used for something else
    503  we could not open or close the data's door, say because the database is away; safe to try again

Resolver failures never change the status and never show their text: the client gets a reference, `log_error`
gets the reference and the exception. Nothing here logs documents, variables or answers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import strawberry
from graphql import OperationType
from litestar import HttpMethod, Request, Response, route
from litestar.exceptions import LitestarException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from server.errors import Refused
from server.graphql import once
from server.graphql.document import BadDocument, Documents, Prepared
from server.graphql.edge import Connection, ContextFor, Edge, Gate, Introspection, Scope, no_scope
from server.graphql.limits import GraphQLRequest, Limits, body_too_large, read_request
from server.graphql.refusals import (
    LogError,
    document_error,
    log_without_words,
    masked,
    our_fault,
    refusal_error,
)
from server.graphql.websocket import subscription_socket


def graphql_routes(
    schema: strawberry.Schema,
    context_for: ContextFor,
    *,
    same_site: Gate,
    known_origin: Gate,
    still_allowed: Callable[[Any], Awaitable[bool]],
    path: str = "/graphql",
    scope: Scope = no_scope,
    limits: Limits | None = None,
    introspection: Introspection = Introspection.SIGNED_IN,
    seconds: float = 5.0,
    body_seconds: float = 10.0,
    log_error: LogError = log_without_words,
    opt: Mapping[str, Any] | None = None,
) -> list[BaseRouteHandler]:
    """The POST route, its polite neighbours for other methods, and the subscription socket, all at `path`.

    same_site: may this HTTP request use what the browser sends by itself (cookies)? See `from_our_pages`.
    known_origin: may this page open a socket? See `known_origin`.
    still_allowed: asked at least every five seconds of an open socket; False or an exception ends it.
    scope: entered around each operation with the context and the operation's kind, left before the answer
    goes out: write the audit notes of reads there. If it raises, no data leaves (503).
    seconds: an operation that runs longer is stopped. body_seconds: a body must have arrived by then.
    opt: handed to Litestar with each route.
    """
    if schema.extensions or schema.directives:
        raise TypeError(
            "this edge runs graphql-core directly: schema extensions and directives would be skipped"
        )
    bounds = limits or Limits()
    edge = Edge(
        schema=schema,
        documents=Documents(schema, bounds),
        context_for=context_for,
        same_site=same_site,
        known_origin=known_origin,
        still_allowed=still_allowed,
        scope=scope,
        limits=bounds,
        introspection=introspection,
        seconds=seconds,
        body_seconds=body_seconds,
        log_error=log_error,
    )
    return [*_http_routes(edge, path, dict(opt or {})), subscription_socket(edge, path, dict(opt or {}))]


# --- who may come from where --------------------------------------------------------------------------------


def from_our_pages(origins: Collection[str]) -> Gate:
    """A request that carries cookies must come from a page of ours; one without has nothing to be stolen.

    origins: ours, like `https://care.example.org`, without a trailing slash.
    """
    ours = frozenset(origins)

    def allowed(connection: Connection) -> bool:
        headers = connection.headers
        if "cookie" not in headers:
            return True
        if "sec-fetch-site" in headers:
            return headers["sec-fetch-site"] in ("same-origin", "none")
        return headers.get("origin") in ours

    return allowed


def known_origin(origins: Collection[str]) -> Gate:
    """A browser may open a socket only from these origins; a program (no Origin) only without cookies."""
    ours = frozenset(origins)

    def allowed(connection: Connection) -> bool:
        headers = connection.headers
        return headers["origin"] in ours if "origin" in headers else "cookie" not in headers

    return allowed


# --- HTTP ---------------------------------------------------------------------------------------------------

# Refusals that are about HTTP itself. Any other is a 403 when it is about the caller, else a 400.
_STATUS = {
    "BODY_TOO_LARGE": 413,
    "BODY_TOO_SLOW": 408,
    "NOT_JSON": 415,
    "SIGN_IN_NEEDED": 401,
    "NOT_ALLOWED": 403,
    "FOREIGN_PAGE": 403,
    "TOO_MANY_REQUESTS": 429,
    "POST_ONLY": 405,
    # Clients that send hashes look for this one in an ordinary answer.
    "PERSISTED_QUERY_NOT_FOUND": 200,
    **once.STATUS,
}
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_EXTRA_HEADERS = {
    401: {"WWW-Authenticate": "Bearer"},
    405: {"Allow": "POST"},
    409: {"Retry-After": "5"},
    503: {"Retry-After": "2"},
}
_NEWER_JSON = "application/graphql-response+json"


def _http_routes(edge: Edge, path: str, opt: dict[str, Any]) -> list[HTTPRouteHandler]:
    @route(path, http_method=HttpMethod.POST, status_code=200, opt=opt, include_in_schema=False)
    async def graphql(request: Request[Any, Any, Any]) -> Response[bytes]:
        status, payload = await _answered(edge, request)
        return _response(request, status, payload if isinstance(payload, bytes) else edge.encode(payload))

    @route(
        path,
        http_method=[HttpMethod.GET, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE],
        status_code=405,
        opt=opt,
        include_in_schema=False,
    )
    async def graphql_is_posted(request: Request[Any, Any, Any]) -> Response[bytes]:
        refused = Refused(
            "POST_ONLY",
            "GraphQL is asked with POST here.",
            "POST a JSON object with `query` to this address.",
        )
        return _response(request, 405, edge.encode({"errors": [refusal_error(refused)]}))

    return [graphql, graphql_is_posted]


def _response(request: Request[Any, Any, Any], status: int, body: bytes) -> Response[bytes]:
    newer = _NEWER_JSON in request.headers.get("accept", "")
    return Response(
        body,
        status_code=status,
        media_type=_NEWER_JSON if newer else "application/json",
        headers={**_HEADERS, **_EXTRA_HEADERS.get(status, {})},
    )


async def _answered(edge: Edge, request: Request[Any, Any, Any]) -> tuple[int, dict[str, Any] | bytes]:
    try:
        _check_envelope(edge, request)
        context = await _context(edge, request)
    except Refused as refused:
        return _STATUS.get(refused.code, 403), {"errors": [refusal_error(refused)]}
    except _Unavailable as unavailable:
        return 503, {"errors": [masked(unavailable.cause, edge.log_error)]}
    try:
        asked = read_request(await _body(edge, request), edge.limits)
        prepared = edge.prepare(asked, context)
        if prepared.plan.kind is OperationType.SUBSCRIPTION:
            raise Refused(
                "SUBSCRIPTION_NEEDS_SOCKET",
                "Subscriptions do not run over POST.",
                "Open a WebSocket at this address with the graphql-transport-ws protocol.",
            )
        return await _run(edge, context, asked, prepared, request.headers.get(once.HEADER))
    except Refused as refused:
        return _STATUS.get(refused.code, 400), {"errors": [refusal_error(refused)]}
    except BadDocument as bad:
        return 400, {"errors": [document_error(e, bad.code, bad.next_step) for e in bad.errors]}
    except _Unavailable as unavailable:
        return 503, {"errors": [masked(unavailable.cause, edge.log_error)]}
    except Exception as error:
        return 500, {"errors": [masked(error, edge.log_error)]}


class _Unavailable(Exception):
    """The context or the scope failed: not the client's doing, and not a resolver's."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(type(cause).__name__)
        self.cause = cause


def _check_envelope(edge: Edge, request: Request[Any, Any, Any]) -> None:
    if not edge.same_site(request):
        raise Refused(
            "FOREIGN_PAGE",
            "This request comes from another site and carries a session of this one.",
            "Send it from this site, or use an API token without cookies.",
        )
    # Anything else a browser may send from a foreign page without asking first, forms and multipart among it.
    media, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower()
    if media.strip().lower() != "application/json" or charset not in ("", "charset=utf-8", 'charset="utf-8"'):
        raise _not_json("The body must be application/json in UTF-8.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise _not_json("The body is compressed; it is read as it is.")


def _not_json(message: str) -> Refused:
    return Refused("NOT_JSON", message, "Send `Content-Type: application/json` and plain JSON.")


async def _context(edge: Edge, request: Connection) -> Any:
    try:
        return await edge.context_for(request, {})
    except Refused:
        raise
    except Exception as error:
        raise _Unavailable(error) from error


async def _body(edge: Edge, request: Request[Any, Any, Any]) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(edge.body_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > edge.limits.body:
                    raise body_too_large(edge.limits)
    except TimeoutError:
        raise Refused(
            "BODY_TOO_SLOW",
            f"The request did not arrive within {edge.body_seconds:g} seconds.",
            "Send it again.",
        ) from None
    except LitestarException as error:
        if isinstance(error, RequestEntityTooLarge):
            raise body_too_large(edge.limits) from None
        # A mangled Content-Length, or the client left: nobody may be listening, but the answer is the same.
        raise Refused("NOT_A_REQUEST", "The body did not arrive whole.", "Send it again.") from None
    return bytes(body)


async def _run(
    edge: Edge, context: Any, asked: GraphQLRequest, prepared: Prepared, key: str | None
) -> tuple[int, dict[str, Any] | bytes]:
    async def run() -> once.Ran:
        # With an idempotency key the one commit comes after this, and is never cut by the clock.
        try:
            async with asyncio.timeout(edge.seconds):
                result = await edge.execute(context, asked, prepared)
        except TimeoutError:
            raise _OutOfTime from None
        payload = edge.payload(result, prepared)
        if result.data is None and result.errors and all(error.path is None for error in result.errors):
            # The variables did not fit: nothing was run.
            return once.Ran(400, {"errors": payload["errors"]}, stands=False)
        # All errors, not the few that are told: one failure of ours among thirty refusals is a failure.
        return once.Ran(200, payload, stands=not any(our_fault(error) for error in result.errors or ()))

    try:
        async with edge.scope(context, prepared.plan.kind):
            if key is not None and once.wants_once(context, prepared):
                answer = await once.run_once(key, context.actor, asked, prepared, run, edge.encode)
                return answer.status, answer.body
            ran = await run()
            return ran.status, ran.payload
    except _OutOfTime:
        in_parts = key is None and prepared.plan.kind is OperationType.MUTATION
        late = [refusal_error(_took_too_long(edge, in_parts))]
        return 200, {"errors": late, "data": None, "extensions": edge.cost(prepared)}
    except Refused:
        raise
    except Exception as error:
        raise _Unavailable(error) from error


class _OutOfTime(Exception):
    """Leaves the scope like any failure, so that what was begun is rolled back."""


def _took_too_long(edge: Edge, in_parts: bool) -> Refused:
    """in_parts: each mutation commits for itself, and some may have."""
    said = f"This took longer than {edge.seconds:g} seconds and was stopped."
    if in_parts:
        return Refused(
            "TOOK_TOO_LONG",
            f"{said} Some of it may have been done.",
            "Look before you send it again; with an Idempotency-Key it is all or nothing, and never done twice.",
        )
    return Refused("TOOK_TOO_LONG", said, "Ask for fewer rows at once, or try again when it is quieter.")
