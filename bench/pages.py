"""F-1: a page of a hundred people through the whole application, against a bare ASGI function that does its work."""

from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

from bench.book import lay_out
from bench.house import House
from bench.rounds import Ratio, seconds
from server.app import create_app
from server.clock import today
from server.demo import actor_of
from server.patients.queries import find_patients, how_many
from server.patients.search import sought
from server.tenants import sessions
from server.tenants.db import auth_db, tenant_db
from web import site
from web.pages import people
from web.rendering import environment
from web.timer_line import timer_line

_TIMES = {"ci": 40, "full": 400}
_ROUNDS = 7
_ROWS = 100


async def measure(house: House, size: str) -> list[Ratio]:
    """Both find out who asks, ask the same questions through the same doors and render the same template."""
    await lay_out(house, practices=1, patients=300, entries=1)
    people._PAGE = _ROWS
    nora = await actor_of("lakeside", "nora")
    token = await _signed_in(cast(UUID, nora.person_id), nora.tenant_id)
    app = create_app()
    given = await _given(app, token)
    bare = _bare(given)
    ours, theirs = await _page(app, token), await _page(bare, token)
    if ours.count(b'href="/people/') < _ROWS or abs(len(ours) - len(theirs)) > 200:
        raise AssertionError(
            f"the two do not answer with the same page ({len(ours)} and {len(theirs)} bytes)"
        )

    async def through(asked: Any) -> None:
        for _ in range(_TIMES[size]):
            await _page(asked, token)

    taken = await seconds({"app": lambda: through(app), "bare": lambda: through(bare)}, rounds=_ROUNDS)
    each = {name: 1000 * taken[name] / _TIMES[size] for name in taken}
    return [
        Ratio("F-1", f"a page of {_ROWS} people, a second / bare ASGI and Jinja with the same questions", each["bare"] / each["app"], 0.7, 0.85, "more", f"{each['app']:.1f} and {each['bare']:.1f} ms, {len(ours):,} bytes"),
    ]  # fmt: skip


async def _signed_in(person: UUID, practice: UUID) -> str:
    async with auth_db() as db:
        begun = sessions.start(db, person, "bench")
        await db.flush()
        return (await sessions.renew(db, begun.session_id, "full", tenant_id=practice)).token


async def _page(app: Any, token: str) -> bytes:
    """The body of /people, asked for as a server would ask the application."""
    body: list[bytes] = []
    headers = {"host": "127.0.0.1:8080", "cookie": f"{site.cookie_name()}={token}", "accept": "text/html"}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/people", "raw_path": b"/people", "query_string": b"", "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8080), "state": {},
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise AssertionError(f"answered {message['status']}")
        body.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(body)


async def _given(app: Any, token: str) -> dict[str, Any]:
    """What the application gives its template besides the people, so that the bare one need not find it."""
    found: dict[str, Any] = {}
    pages: Any = site
    render = pages.render

    def listening(template: str, /, **values: Any) -> str:
        found.update(values)
        return str(render(template, **values))

    pages.render = listening
    try:
        await _page(app, token)
    finally:
        pages.render = render
    return found


@dataclass(frozen=True)
class _Bare:
    """As much of a visit as the list of people asks for."""

    today: date
    given: dict[str, Any]

    def show(self, template: str, /, **values: Any) -> bytes:
        return environment().get_template(template).render(**self.given | values).encode()


def _bare(given: dict[str, Any]) -> Any:
    """One page without routing, middleware, headers, form tokens or errors."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        token = dict(scope["headers"])[b"cookie"].decode().partition("=")[2]
        signed_in = await sessions.session_actor(token)
        actor = signed_in.actor if signed_in else None
        if actor is None:
            raise AssertionError("nobody is signed in")
        await timer_line(actor)
        async with tenant_db(actor, read_only=True) as db:
            rows = await find_patients(db, actor, sought(""), limit=_ROWS + 1)
            total = await how_many(db, actor)
        visit: Any = _Bare(today(actor.zone), given)
        body: Any = people._list(visit, rows, typed="", total=total)
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]}
        )
        await send({"type": "http.response.body", "body": body})

    return app
