"""Everything that may be configured, read once from the environment. The operator's guide is generated from here."""

import ipaddress
import os
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path

from server.errors import Refused

ROOT = Path(__file__).resolve().parent.parent


def _setting(default: str, doc: str, *, shown: bool = True) -> str:
    return field(default=default, repr=shown, metadata={"doc": doc})


@dataclass(frozen=True, slots=True)
class Settings:
    """One field per environment variable `CAREWRIGHT_<FIELD IN CAPITALS>`; all are strings there."""

    data_dir: str = _setting(
        str(ROOT / ".carewright" / "data"), "Folder for the embedded servers, secrets and seals."
    )
    database_url: str = _setting(
        "",
        "PostgreSQL 15 to 18, as a role that may create roles and tables. Empty: the embedded one.",
        shown=False,
    )
    redis_url: str = _setting(
        "", "Redis or Valkey. Empty: the embedded one. It only rings; losing it loses nothing.", shown=False
    )
    app_url: str = _setting("", "PostgreSQL as the app role. Set by the supervisor.", shown=False)
    auth_url: str = _setting("", "PostgreSQL as the sign-in role. Set by the supervisor.", shown=False)
    bell_url: str = _setting("", "PostgreSQL as the bell role. Set by the supervisor.", shown=False)
    secret_key: str = _setting(
        "",
        "64 hexadecimal digits. Empty: made once and kept in the data folder, readable by its owner only.",
        shown=False,
    )
    host: str = _setting(
        "127.0.0.1", "Address to listen on. Anything but loopback needs public_url with https."
    )
    port: str = _setting("8080", "Port to listen on; 0 takes any free one.")
    public_url: str = _setting(
        "", "The address people type, such as https://care.example.org. Links in mail are made from it alone."
    )
    trusted_proxy: str = _setting(
        "", "IP address of the TLS proxy in front; only from it is X-Forwarded-For believed."
    )
    smtp_url: str = _setting(
        "", "smtp://user:password@host:587. Empty: mail waits in the local outbox page.", shown=False
    )
    mail_from: str = _setting("Carewright <no-reply@localhost>", "Sender of the system's own mail.")
    mode: str = _setting(
        "production",
        "`production`, or `test` (light password hashing, and a database that forgets is let pass; nothing else).",
    )
    pool_size: str = _setting("10", "Database connections per process and door.")
    statement_seconds: str = _setting("5", "Longest SQL statement of a web request.")
    introspection: str = _setting(
        "signed-in", "Who may introspect the GraphQL schema: `signed-in` or `nobody`."
    )

    @property
    def base_url(self) -> str:
        """Origin for links in mail; never taken from a request's Host."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def loopback(self) -> bool:
        """True while nobody but this machine can reach us: loopback bind, no proxy, no public address."""
        return is_loopback(self.host) and not self.trusted_proxy and not self.public_url

    @property
    def secret(self) -> bytes:
        if len(self.secret_key) != 64:
            raise Refused(
                "NO_SECRET",
                "CAREWRIGHT_SECRET_KEY must be 64 hexadecimal digits, and it is not set.",
                "Start through `python3 carewright.py up`, which makes one, or set your own.",
            )
        return bytes.fromhex(self.secret_key)

    def check_bind(self) -> None:
        """Refuse to serve patients' data over plain HTTP to anything but this machine."""
        if is_loopback(self.host) or self.https:
            return
        raise Refused(
            "BIND_NEEDS_TLS",
            f"Listening on {self.host} without TLS would send patients' data in the clear.",
            "Put a TLS proxy in front and set CAREWRIGHT_PUBLIC_URL=https://... and CAREWRIGHT_TRUSTED_PROXY, "
            "or listen on 127.0.0.1.",
        )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def from_environment(environ: dict[str, str] | None = None) -> Settings:
    source = os.environ if environ is None else environ
    given = {
        f.name: source[key] for f in fields(Settings) if (key := f"CAREWRIGHT_{f.name.upper()}") in source
    }
    return Settings(**given)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings. Tests call `settings.cache_clear()` after changing the environment."""
    return from_environment()
