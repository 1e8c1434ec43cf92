"""What every request passes before a handler sees it: its size, its host, where it was sent from; and the headers
every answer carries. Pure checks over headers, then one ASGI wrapper that applies them in order."""

import ipaddress
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from server.logs import bind_request
from server.settings import Settings, is_loopback

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_HEADERS: Final = {
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=()",
    b"x-frame-options": b"DENY",
}
_NO_STORE: Final = (b"cache-control", b"no-store")
_HSTS: Final = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


def our_host(host: str, settings: Settings) -> bool:
    """Is this Host header one of our own names? On loopback, only names of this machine (no DNS rebinding)."""
    name = _name(host)
    if settings.public_url and name == _name(urlsplit(settings.public_url).netloc):
        return True
    return is_loopback(name) and is_loopback(settings.host)


def sent_by_us(headers: Mapping[str, str], settings: Settings) -> bool:
    """Was an unsafe request sent by one of our own pages? The browser's own words decide: Sec-Fetch-Site, or
    Origin; a request with neither comes from no page, and carries no cookie we would believe."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    if origin is not None:
        return _same_origin(origin, headers.get("host", ""), settings)
    return site is not None


def client_address(peer: str, headers: Mapping[str, str], settings: Settings) -> str:
    """The caller's IP address. X-Forwarded-For is believed only from the one configured proxy, and only its last."""
    if settings.trusted_proxy and peer == settings.trusted_proxy:
        last = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        try:
            return str(ipaddress.ip_address(last))
        except ValueError:
            return peer
    return peer


def _same_origin(origin: str, host: str, settings: Settings) -> bool:
    if settings.public_url:
        ours = urlsplit(settings.public_url)
        return origin == f"{ours.scheme}://{ours.netloc}"
    return origin == f"http://{host}" and our_host(host, settings)


def _name(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0][1:]
    return host.rpartition(":")[0] if ":" in host else host


class Doorway:
    """The outermost wrapper of the app."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = str(scope["type"].value if hasattr(scope["type"], "value") else scope["type"])
        if kind not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        request_id = secrets.token_hex(8)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        bind_request(request_id)
        peer = (scope.get("client") or ("", 0))[0]
        state["address"] = client_address(peer, headers, self.settings)
        state["sent_by_us"] = sent_by_us(headers, self.settings)
        if not our_host(headers.get("host", ""), self.settings):
            if kind == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 4403, "reason": ""})
                return
            await self._plain(send, 421, b"This server does not answer to that name.\n")
            return
        if kind == "websocket":
            await self.app(scope, receive, send)
            return
        private = not scope["path"].startswith("/static/")

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                more = [(k, v) for k, v in _HEADERS.items() if k not in given]
                if private and b"cache-control" not in given:
                    more.append(_NO_STORE)
                if self.settings.https:
                    more.append(_HSTS)
                more.append((b"x-request-id", request_id.encode()))
                message["headers"] = [*message["headers"], *more]
            await send(message)

        await self.app(scope, receive, dressed)

    async def _plain(self, send: Send, status: int, body: bytes) -> None:
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})
