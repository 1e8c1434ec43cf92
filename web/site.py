"""How a page is reached: who is asking, may they, was the form theirs; and how it answers.

A page is a function in web/pages/ that takes a `Visit` and returns an answer:

    @page.get("/people", permission="patients.find")
    async def people(visit: Visit) -> Answer:
        ...
        return visit.show("people/list.html", rows=rows)

`page` declares the route's scope, and a route that declares none stops start-up: `tenant` pages need a full sign-in
to a practice and a permission; `platform` pages need a sign-in (perhaps before the second factor or a practice is
chosen) and `public` pages need nothing.
"""

import hashlib
import hmac
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit
from uuid import UUID

from litestar import Request, Response, Router
from litestar.datastructures import Cookie, UploadFile
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from server.clock import today
from server.errors import Refused, not_found
from server.ids import parse_id
from server.interop.intake import storable
from server.settings import is_loopback, settings
from server.tenants.actor import Actor
from server.tenants.db import tenant_db
from server.tenants.hints import put_hints_away
from server.tenants.permissions import PERMISSIONS, ROLES
from server.tenants.sessions import Issued, SignedIn, session_actor
from server.tenants.visitor import MARK_AGE, Visitor, describe
from server.unreadable import UNREADABLE
from server.words import N_, say
from web.doorway import SAFE_METHODS
from web.hints import Hint, done_with, hint_for
from web.once import answered_once
from web.rendering import csrf_input, day, render
from web.timer_line import timer_line
from web.typed import too_long

Scope = Literal["tenant", "platform", "public"]
Answer = Response[Any]
Handler = Callable[["Visit"], Awaitable[Answer]]

AFTER: Final = "after"
_FLASH: Final = "flash"
_HEARTBEATS: Final = frozenset({"/session", "/time/beat", "/at-once", "/at-once/mark"})
_LONGEST_FIELD: Final = 50_000
_PARAMETER: Final = re.compile(r"\{(\w+):")
_NO_IDS: Final = frozenset({"month", "program", "token"})  # every other parameter of a path is an id
_log = logging.getLogger("carewright.web")

#: key, words, address, permission: a room appears in the rail when it is built and allowed
RAIL: Final = (
    ("today", N_("Today"), "/", "self.read"),
    ("people", N_("People"), "/people", "patients.find"),
    ("month", N_("Month"), "/month", "claims.read"),
    ("practice", N_("Practice"), "/practice", "practice.read"),
)


def cookie_name() -> str:
    """`__Host-` wherever there is TLS; on plain loopback the prefix would make browsers drop it."""
    return "__Host-carewright" if settings().https else "carewright"


def session_cookie(token: str, *, ends: bool = False) -> Cookie:
    return Cookie(
        key=cookie_name(),
        value="" if ends else token,
        path="/",
        httponly=True,
        secure=settings().https,
        samesite="lax",
        max_age=0 if ends else 12 * 3600,
    )


def mark_cookie_name() -> str:
    return "__Host-carewright-device" if settings().https else "carewright-device"


def mark_cookie(mark: str) -> Cookie:
    """The long-lived cookie by which a browser is known to its owner's sign-in; it opens nothing."""
    return Cookie(
        key=mark_cookie_name(),
        value=mark,
        path="/",
        httponly=True,
        secure=settings().https,
        samesite="lax",
        max_age=int(MARK_AGE.total_seconds()),
    )


def issued_cookies(issued: Issued) -> list[Cookie]:
    """What a browser keeps after a step of signing in: the new token, and the mark of a known device."""
    return [session_cookie(issued.token), *([mark_cookie(issued.mark)] if issued.mark else [])]


def after_cookie(path: str) -> Cookie:
    """Where somebody was going when asked to sign in; read by /sign-in/next alone. path: empty to forget it."""
    return Cookie(
        key=AFTER,
        value=quote(path),  # a cookie holds ASCII
        path="/sign-in",
        max_age=900 if path else 0,
        httponly=True,
        secure=settings().https,
        samesite="lax",
    )


class SessionEnded(Exception):
    """A page behind a sign-in was asked for without a live one."""


class NotInside(Exception):
    """A page of a practice was asked for by somebody whose sign-in is not finished, or who has not chosen a practice."""


class CannotKeep(Exception):
    """A form holds text that is too long or cannot be stored. It is given back in a form of its own, so that nothing of
    what somebody wrote is lost, whichever page it came from.

    errors: field -> sentence; fields: every text that was sent, without the characters nothing can store, and without
    what every form has of its own."""

    def __init__(self, errors: dict[str, str], fields: list[tuple[str, str]]) -> None:
        self.errors, self.fields = errors, fields


class WrongOrigin(Exception):
    """A form or change that did not come from one of our pages, or not from this sign-in."""


@dataclass
class Visit:
    """One request to one page."""

    request: Request[Any, Any, Any]
    signed_in: SignedIn | None
    scope: Scope = "tenant"
    said: list[dict[str, str]] = field(default_factory=list)
    timer: dict[str, Any] | None = None  # web/timer_line.py, for those who have one
    hint: Hint | None = None  # web/hints.py, until it is put away
    #: where `go` led, with what it said; empty while nothing was saved or when more than the way on matters
    went: tuple[str, ...] = ()

    @property
    def actor(self) -> Actor:
        """The actor in the practice; tenant pages have one."""
        if self.signed_in is None:
            raise SessionEnded
        if self.signed_in.actor is None:
            raise NotInside
        return self.signed_in.actor

    @property
    def only_this_machine(self) -> bool:
        """Can nobody but this machine have sent this request? Loopback bind and Host, and no sign of a proxy."""
        headers = self.request.headers
        proxied = any(
            name in headers
            for name in ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
        )
        peer = self.request.client.host if self.request.client else ""
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        return settings().loopback and not proxied and is_loopback(peer) and is_loopback(host)

    @property
    def has_outbox(self) -> bool:
        """Does this machine show the system's letters on a page, because none of them goes out?"""
        return self.only_this_machine and not settings().smtp_url

    @property
    def visitor(self) -> Visitor:
        """Who stands at the door, for the sign-in actions."""
        return Visitor(
            address=self.request.scope["state"]["address"],
            device=describe(self.request.headers.get("user-agent", "")),
            mark=self.request.cookies.get(mark_cookie_name(), ""),
        )

    @property
    def token(self) -> str:
        """The session's token, as the browser sent it."""
        return self.request.cookies.get(cookie_name(), "")

    @property
    def zone(self) -> str:
        return self.actor.zone

    @property
    def today(self) -> date:
        """Today on the practice's clock."""
        return today(self.zone)

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    def id(self, name: str, what: str = "record") -> UUID:
        """A path parameter that is an id. what: the word people use. Raises Refused NOT_FOUND for anything else."""
        found = parse_id(self.path(name))
        if found is None:
            raise not_found(what)
        return found

    def query(self, name: str, default: str = "") -> str:
        value = str(self.request.query_params.get(name, default))
        if (refused := _unkept(name, value, _LONGEST_FIELD)) is not None:
            raise refused
        return value.strip()

    @property
    def htmx(self) -> bool:
        return self.request.headers.get("hx-request") == "true"

    @property
    def by_script(self) -> bool:
        """Asked for by a script of ours that takes a piece of a page, not by somebody who will see a whole one."""
        return self.htmx or "x-timer" in self.request.headers

    async def form(self, *, trim: bool = True, longest: int = _LONGEST_FIELD) -> dict[str, str]:
        """The form's text fields, trimmed; the first of several with one name. Raises what `_texts` raises.

        trim=False: with the spaces at both ends, for what somebody is still writing. longest: characters, where the page
        itself has something to say about what is longer."""
        found: dict[str, str] = {}
        for name, value in await self._texts(longest):
            found.setdefault(name, value.strip() if trim else value)
        return found

    async def many(self, name: str) -> list[str]:
        """All values of a field that may come several times (boxes). Raises what `_texts` raises."""
        return [value.strip() for other, value in await self._texts(_LONGEST_FIELD) if other == name]

    async def files(self, name: str) -> list[UploadFile]:
        data = await self.request.form()
        return [v for v in data.getall(name, []) if isinstance(v, UploadFile)]

    async def _texts(self, longest: int) -> list[tuple[str, str]]:
        """Every text field, as it was sent. Where one cannot be kept: CannotKeep, which gives all of them back; Refused
        where they hold secrets, which no page repeats, or where the page they were written on is still there."""
        sent = (await self.request.form()).multi_items()
        texts = [(name, value) for name, value in sent if isinstance(value, str)]
        wrong = {name: why for name, value in texts if (why := _unkept(name, value, longest)) is not None}
        if not wrong:
            return texts
        secret = self.scope != "tenant" or any("password" in name for name, _ in texts)
        if secret or self.by_script or self.request.headers.get("accept") == "application/json":
            raise next(iter(wrong.values()))
        taken_out = say("A character that cannot be stored was taken out. Look whether it still reads right.")
        raise CannotKeep(
            {
                name: taken_out if why.code == "BAD_TEXT" else f"{why.message} {why.next_step}"
                for name, why in wrong.items()
            },
            [(name, UNREADABLE.sub("", value)) for name, value in texts if not name.startswith("_")],
        )

    # --- answers ------------------------------------------------------------------------------------------

    def show(
        self, template: str, /, status: int = 200, cookies: Sequence[Cookie] = (), **values: Any
    ) -> Answer:
        """The page. values: plain data."""
        given = self._common() | {"errors": {}, "values": {}} | values
        return Response(
            render(template, **given),
            media_type="text/html",
            status_code=status,
            cookies=[*cookies, *self._flash_read()],
        )

    def again(self, template: str, refused: Refused, /, **values: Any) -> Answer:
        """The same form with what was typed, and what was refused beside its field (422). What is missing or
        forbidden is no matter of the form: that is raised on, to its own page."""
        if refused.code in {"NOT_FOUND", "NOT_ALLOWED"}:
            raise refused
        sentence = f"{refused.message} {refused.next_step}".strip()
        return self.show(
            template, status=422, errors={refused.field or "": sentence}, refused=refused, **values
        )

    def go(
        self, address: str, said: str = "", kind: str = "done", cookies: list[Cookie] | None = None
    ) -> Answer:
        """Send the browser on after something was saved (303). said: a fixed sentence, never a person's words."""
        jar = list(cookies or [])
        self.went = () if jar else (address, said, kind)
        if said:
            jar.append(_flash_cookie(kind, said))
        if self.htmx:
            return Response("", status_code=200, headers={"HX-Redirect": address}, cookies=jar)
        return Redirect(address, status_code=303, cookies=jar)

    def fragment(self, template: str, /, **values: Any) -> Answer:
        """A piece of a page, for htmx."""
        return Response(render(template, **(self._common() | values)), media_type="text/html")

    # --- what every page is given -------------------------------------------------------------------------

    def csrf_token(self) -> str:
        if self.signed_in is None:
            return ""
        return hmac.new(self.signed_in.csrf_secret, b"form", hashlib.sha256).hexdigest()

    def _common(self) -> dict[str, Any]:
        self.said = self.said or _flash_from(self.request)
        common: dict[str, Any] = {
            "csrf_field": lambda: csrf_input(self.csrf_token()),
            "flashes_said": self.said,
            "language": "en",
            "loopback": settings().loopback,
        }
        if self.signed_in is not None and self.signed_in.actor is not None:
            common["frame"] = self._frame(self.signed_in, self.signed_in.actor)
            common["may"] = self.signed_in.actor.may
            common["zone"] = self.signed_in.actor.zone
            common["today"] = today(self.signed_in.actor.zone)
        return common

    def _frame(self, signed_in: SignedIn, actor: Actor) -> dict[str, Any]:
        menu = [{"label": say("Your time"), "href": "/time"}] if actor.may("minutes.write") else []
        menu += [{"label": say("Security"), "href": "/security"}, {"label": say("Help"), "href": "/help"}]
        if len(signed_in.practices) > 1:
            menu.append({"label": say("Change practice"), "href": "/switch"})
        return {
            "practice_name": signed_in.practice.name if signed_in.practice else "",
            "home_url": "/",
            "today": day(today(actor.zone)),
            # The staff row: a person at work in one practice. In another tab and practice it is somebody else's page.
            "person": {
                "id": str(actor.staff_id),
                "name": signed_in.name,
                "role": say(ROLES.get(actor.role, "")),
                "role_key": actor.role,
            },
            "rail": [{"key": k, "label": say(w), "href": a} for k, w, a, p in RAIL if actor.may(p)],
            "menu": menu,
            "find_url": "/people/find" if actor.may("patients.find") else "",
            "people_url": "/people",
            "palette_url": "/go",
            "at_once_url": "/at-once" if actor.may("referrals.write") else "",
            "session_url": "/session",
            "sign_in_url": "/sign-in",
            "sign_out_url": "/sign-out",
            "flashes": self.said,
            "timer": self.timer,
            "hint": self.hint,
            "here_url": self.request.url.path if self.request.method == "GET" else "",
        }

    def _flash_read(self) -> list[Cookie]:
        said = Cookie(key=_FLASH, value="", path="/", max_age=0, httponly=True, samesite="lax")
        return [said] if self.said else []


# --- declaring pages --------------------------------------------------------------------------------------


class _Page:
    """`@page.get(...)` and `@page.post(...)`: a route with its scope and permission."""

    def __init__(self) -> None:
        self.handlers: list[HTTPRouteHandler] = []

    def get(
        self, path: str, *, permission: str = "", scope: Scope = "tenant"
    ) -> Callable[[Handler], Handler]:
        return self._declare("GET", path, permission, scope, None)

    def post(
        self, path: str, *, permission: str = "", scope: Scope = "tenant", largest: int = 256 * 1024
    ) -> Callable[[Handler], Handler]:
        """largest: bytes of the request body."""
        return self._declare("POST", path, permission, scope, largest)

    def _declare(
        self, method: Literal["GET", "POST"], path: str, permission: str, scope: Scope, largest: int | None
    ) -> Callable[[Handler], Handler]:
        if scope == "tenant" and permission not in PERMISSIONS:
            raise TypeError(f"{method} {path} must declare a permission that exists, not {permission!r}")

        ids = [name for name in _PARAMETER.findall(path) if name not in _NO_IDS]

        def declare(handler: Handler) -> Handler:
            async def answer(request: Request[Any, Any, Any]) -> Response[Any]:
                visit = await _visit(request, scope, permission)
                for name in ids:  # what names nothing is told so before anything that came with it is read
                    visit.id(name)
                await _with_timer(visit)
                if scope != "tenant":
                    return await handler(visit)
                if method == "GET":
                    visit.hint = hint_for(path, visit.actor.role, _hints_away(visit))
                    return await handler(visit)
                try:
                    answered = await answered_once(visit, f"{method} {path}", handler)
                except CannotKeep as error:
                    return visit.show(
                        "errors/given_back.html", status=422, errors=error.errors, fields=error.fields
                    )
                if (answered.status_code or 200) < 400 and not visit.by_script:
                    await _hints_done(visit, path)
                return answered

            answer.__name__ = handler.__name__
            self.handlers.append(
                HTTPRouteHandler(
                    path,
                    http_method=method,
                    name=f"{method.lower()} {path}",
                    opt={"scope": scope, "permission": permission},
                    request_max_body_size=largest,
                    include_in_schema=False,
                    status_code=200,
                )(answer)
            )
            return handler

        return declare

    def router(self) -> Router:
        return Router("/", route_handlers=list(self.handlers))


page = _Page()


async def _visit(request: Request[Any, Any, Any], scope: Scope, permission: str) -> Visit:
    """Look up the sign-in, check the form's origin, check the permission; raise what the error pages understand."""
    token = request.cookies.get(cookie_name(), "")
    # The page's own heartbeats count as activity only when the person has typed or moved since the last one.
    active = request.scope["path"] not in _HEARTBEATS or request.headers.get("x-active") == "1"
    request_id = request.scope["state"]["request_id"]
    signed_in = await session_actor(token, request_id=request_id, touch=active) if token else None
    visit = Visit(request, signed_in, scope)
    if request.method not in SAFE_METHODS:
        await _check_form(visit)
    if scope == "platform" and signed_in is None:
        raise SessionEnded
    if scope == "tenant":
        visit.actor.require(permission)
    return visit


async def _with_timer(visit: Visit) -> None:
    """What the top line says of the running timer, for those whose work is timed and who are shown a whole page."""
    signed_in = visit.signed_in
    if signed_in is None or signed_in.actor is None or not signed_in.actor.may("minutes.write"):
        return
    if not visit.by_script and visit.request.scope["path"] not in _HEARTBEATS:
        visit.timer = await timer_line(signed_in.actor)


def _hints_away(visit: Visit) -> frozenset[str]:
    return visit.signed_in.hints_away if visit.signed_in else frozenset()


async def _hints_done(visit: Visit, form: str) -> None:
    """Who has done what a hint speaks of needs it no more. What was saved is saved, whatever becomes of the hint."""
    if keys := done_with(form, visit.actor.role, _hints_away(visit)):
        try:
            async with tenant_db(visit.actor) as db:
                await put_hints_away(db, visit.actor, keys)
        except Exception:
            _log.exception("a hint stays until the next time")


async def _check_form(visit: Visit) -> None:
    if not visit.request.scope["state"]["sent_by_us"]:
        raise WrongOrigin
    if visit.signed_in is not None:
        form = await visit.request.form()
        given = str(form.get("_csrf", "")) or visit.request.headers.get("x-csrf-token", "")
        if not hmac.compare_digest(given.encode(), visit.csrf_token().encode()):
            raise WrongOrigin


def file_name(upload: UploadFile) -> str:
    """What a file is called where it comes from: no folders, no more than is read, nothing that cannot be kept."""
    name = storable(upload.filename or "").rpartition("/")[2].rpartition("\\")[2]
    return name[:200] or "file"


def _unkept(name: str, value: str, longest: int) -> Refused | None:
    """Why a text cannot be kept, if it cannot. longest: characters, without the spaces at both ends."""
    value = value.strip()
    if len(value) > longest:
        return too_long(value, longest, name)
    if UNREADABLE.search(value):
        return Refused(
            "BAD_TEXT",
            say("This text holds a character that cannot be stored (a control character)."),
            say("Remove it and send the form again."),
            field=name,
        )
    return None


# --- flashes: one fixed sentence carried to the next page ---------------------------------------------------


def _flash_cookie(kind: str, said: str) -> Cookie:
    text = f"{kind}.{said.encode().hex()}"
    return Cookie(
        key=_FLASH,
        value=f"{_flash_mac(text)}.{text}",
        path="/",
        max_age=60,
        httponly=True,
        secure=settings().https,
        samesite="lax",
    )


def _flash_from(request: Request[Any, Any, Any]) -> list[dict[str, str]]:
    mac, _, text = request.cookies.get(_FLASH, "").partition(".")
    if not text or not hmac.compare_digest(mac.encode(), _flash_mac(text).encode()):
        return []
    kind, _, said = text.partition(".")
    return [{"kind": kind, "text": bytes.fromhex(said).decode()}]


def _flash_mac(text: str) -> str:
    return hmac.new(settings().secret, b"flash" + text.encode(), hashlib.sha256).hexdigest()[:32]


def undeclared(routes: Mapping[str, Any]) -> list[str]:
    """Routes that declare no scope."""
    return sorted(
        path for path, opt in routes.items() if opt.get("scope") not in {"tenant", "platform", "public"}
    )
