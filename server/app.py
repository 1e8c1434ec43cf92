"""Builds the web process: pages, GraphQL and static files behind one doorway. No rules, no SQL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.response import Redirect
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp
from sqlalchemy import text

from server import logs
from server.errors import Refused
from server.graphql.connections import use_cursor_secret
from server.graphql.context import Context
from server.graphql.edge import Introspection
from server.graphql.handler import graphql_routes
from server.graphql.refusals import sign_in_needed
from server.graphql.schema import SCHEMA
from server.jobs import Doorbell
from server.patients.gate import Joined
from server.settings import settings
from server.tenants.db import auth_db, doors, on_ring, open_doors
from server.tenants.sessions import session_actor
from server.tenants.tokens import token_actor
from server.words import N_, say
from server.worker import gather_kinds
from web.doorway import Doorway
from web.pages import load_pages
from web.rendering import render
from web.site import NotInside, SessionEnded, WrongOrigin, after_cookie, cookie_name, page, session_cookie

_STATIC = Path(__file__).resolve().parent.parent / "web" / "static"
SCOPES = {"tenant", "platform", "public"}


def create_app() -> ASGIApp:
    """The ASGI application of one web process."""
    configured = settings()
    configured.check_bind()
    use_cursor_secret(configured.secret)
    return Doorway(litestar_app(), configured)


def litestar_app() -> Litestar:
    load_pages()
    gather_kinds()  # pages say in words what a job does
    configured = settings()
    app = Litestar(
        route_handlers=[
            page.router(),
            live,
            ready,
            create_static_files_router("/static", [_STATIC], opt={"scope": "public"}, name="static"),
            *graphql_routes(
                SCHEMA,
                _context,
                same_site=lambda c: "cookie" not in c.headers or c.scope["state"]["sent_by_us"],
                known_origin=_known_origin,
                still_allowed=_still_allowed,
                introspection=Introspection(configured.introspection),
                log_error=logs.log_error,
                opt={"scope": "tenant", "permission": "by field"},
            ),
        ],
        lifespan=[_lifespan],
        exception_handlers={
            Refused: _refused,
            SessionEnded: _session_ended,
            NotInside: _not_inside,
            WrongOrigin: _wrong_origin,
            HTTPException: _http_error,
            Exception: _our_mistake,
        },
        openapi_config=None,
        logging_config=None,  # server.logs is the only voice
        request_max_body_size=256 * 1024,
        debug=False,
    )
    missing = [route["path"] for route in route_table(app) if route["scope"] not in SCOPES]
    if missing:
        raise RuntimeError(f"these routes declare no scope: {', '.join(missing)}")
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncIterator[None]:
    logs.configure()
    logs.watch_loop(asyncio.get_running_loop())
    opened = open_doors()
    await opened.check_roles()
    bell = Doorbell(settings().redis_url)
    on_ring(bell.ring)
    try:
        yield
    finally:
        await bell.close()
        await opened.close()


# --- health -------------------------------------------------------------------------------------------------


@get("/health/live", opt={"scope": "public"}, include_in_schema=False)
async def live() -> str:
    """The process answers."""
    return "alive\n"


@get("/health/ready", opt={"scope": "public"}, include_in_schema=False)
async def ready() -> Response[str]:
    """The process can serve: its database answers."""
    try:
        async with asyncio.timeout(3), auth_db() as db:
            await db.execute(text("select 1"))
    except Exception:
        return Response("not ready\n", status_code=503, headers={"Retry-After": "2"})
    return Response("ready\n")


# --- GraphQL: who is asking ---------------------------------------------------------------------------------


async def _context(connection: ASGIConnection[Any, Any, Any, Any], params: Mapping[str, Any]) -> Context:
    request_id = connection.scope["state"]["request_id"]
    bearer = connection.headers.get("authorization", "") or str(params.get("authorization", ""))
    if bearer:
        kind, _, token = bearer.partition(" ")
        actor = await token_actor(token.strip(), request_id=request_id) if kind.lower() == "bearer" else None
        if actor is None:
            raise sign_in_needed()  # a token that opens nothing is told so, not served as nobody
        return Context(actor, request_id, {"bearer": token.strip()})
    token = connection.cookies.get(cookie_name(), "")
    signed_in = await session_actor(token, via="graphql", request_id=request_id) if token else None
    return Context(signed_in.actor if signed_in else None, request_id, {"session": token})


async def _still_allowed(context: Context) -> bool:
    """For open sockets: is the sign-in behind this one still good, with the same role?"""
    if context.actor is None:
        return True
    if token := context.extra.get("bearer"):
        found = await token_actor(token, request_id=context.request_id)
    else:
        signed_in = await session_actor(
            context.extra["session"], via="graphql", request_id=context.request_id, touch=False
        )
        found = signed_in.actor if signed_in else None
    return found is not None and found.rights == context.actor.rights


def _known_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    headers = connection.headers
    return connection.scope["state"]["sent_by_us"] if "origin" in headers else "cookie" not in headers


# --- when something is wrong --------------------------------------------------------------------------------


def _error_page(status: int, template: str, **values: Any) -> Response[str]:
    return Response(
        render(template, csrf_field=lambda: "", language="en", **values),
        status_code=status,
        media_type="text/html",
    )


def _refused(request: Request[Any, Any, Any], refused: Refused) -> Response[Any]:
    if isinstance(refused, Joined) and request.method == "GET" and not _by_script(request):
        # An address from before two records were joined leads on to the one that stayed.
        return Redirect(request.url.path.replace(str(refused.gone), str(refused.into)), status_code=303)
    if refused.code == "NOT_FOUND":
        return _error_page(404, "errors/404.html")
    if refused.code == "NOT_ALLOWED":
        return _error_page(403, "errors/403.html")
    return _error_page(422, "errors/422.html", message=refused.message, next_step=refused.next_step)


def _session_ended(request: Request[Any, Any, Any], error: SessionEnded) -> Response[Any]:
    """A page asks to sign in; a script is told so, and keeps what was being typed."""
    if _by_script(request) or request.url.path == "/session":
        # The cookie is left alone: another tab may be in the middle of signing in.
        return Response("", status_code=401, headers={"X-Session-Ended": "1"})
    known = cookie_name() in request.cookies
    ended = [session_cookie("", ends=True)] if known else []
    if request.method != "GET":
        answer = _error_page(401, "entrance/ended.html")
        answer.headers["X-Session-Ended"] = "1"
        answer.cookies.extend(ended)
        return answer
    if request.url.path == "/" and not known:
        return Redirect("/welcome", status_code=303)
    return Redirect("/sign-in", status_code=303, cookies=[*ended, after_cookie(request.url.path)])


def _by_script(request: Request[Any, Any, Any]) -> bool:
    return request.headers.get("hx-request") == "true" or "x-timer" in request.headers


def _not_inside(request: Request[Any, Any, Any], error: NotInside) -> Response[Any]:
    """Signed in, but not yet into a practice: on to the step that is missing."""
    if _by_script(request) or request.method != "GET":
        return Response("", status_code=401, headers={"X-Session-Ended": "1"})
    return Redirect("/sign-in/next", status_code=303)


def _wrong_origin(request: Request[Any, Any, Any], error: WrongOrigin) -> Response[str]:
    return _error_page(
        403,
        "errors/403.html",
        title_said=say("We could not be sure that you sent this"),
        sentence=say(
            "The page was open since before you signed in or changed practice, or the form came from "
            "another site. Nothing was changed."
        ),
        next_step=say("Open the page again and send it once more."),
    )


def _http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
    if error.status_code == 429:
        return _error_page(429, "errors/429.html", retry_after=(error.headers or {}).get("Retry-After", ""))
    if error.status_code == 404:
        return _error_page(404, "errors/404.html")
    if error.status_code == 403:
        return _error_page(403, "errors/403.html")
    if error.status_code < 500:
        return _error_page(
            error.status_code,
            "errors/422.html",
            message=say(_PLAIN.get(error.status_code, N_("This request could not be understood."))),
            next_step=say("Go back and try it another way."),
        )
    return _our_mistake(request, error)


_PLAIN = {
    405: N_("This address does not take that kind of request."),
    413: N_("What was sent is larger than fits here."),
    415: N_("This address takes another kind of content."),
}


def _our_mistake(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    reference = logs.new_reference()
    logs.log_error(reference, error)
    if isinstance(error, (OSError, TimeoutError)) or _database_away(error):
        answer = _error_page(503, "errors/503.html", reference=reference, retry_url=request.url.path)
        answer.headers["Retry-After"] = "5"
        return answer
    return _error_page(500, "errors/500.html", reference=reference)


def _database_away(error: BaseException) -> bool:
    import asyncpg
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    if isinstance(error, (PoolTimeout, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


# --- what there is ------------------------------------------------------------------------------------------


def route_table(app: Litestar | None = None) -> list[dict[str, str]]:
    """Every HTTP and WebSocket route: {path, methods, scope, permission}, by path. `carewright routes` prints it."""
    app = app or litestar_app()
    found: dict[tuple[str, str], dict[str, str]] = {}
    for route in app.routes:
        one: BaseRouteHandler | None = getattr(
            route, "route_handler", None
        )  # sockets and ASGI have one, HTTP several
        handlers: list[BaseRouteHandler] = getattr(route, "route_handlers", None) or ([one] if one else [])
        for handler in handlers:
            methods = ",".join(sorted(set(getattr(handler, "http_methods", {"WEBSOCKET"})) - {"OPTIONS"}))
            opt = handler.opt or {}
            if methods:
                found[route.path, methods] = {
                    "path": route.path,
                    "methods": methods,
                    "scope": str(opt.get("scope", "")),
                    "permission": str(opt.get("permission", "")),
                }
    return [found[key] for key in sorted(found)]


__all__ = ["create_app", "doors", "litestar_app", "route_table"]
