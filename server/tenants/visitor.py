"""Who stands at the door before anybody is known: what an edge tells the sign-in actions about a request."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hmac import compare_digest
from typing import Final

from server.sealed import keyed_hash
from server.tenants.tokens_text import LONGEST, new_token
from server.words import N_, say

_MARK_DAYS: Final = 180
_BROWSERS: Final = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("Windows", "Windows"), ("iPhone", N_("an iPhone")), ("iPad", N_("an iPad")), ("Android", "Android"),
    ("Mac OS", N_("a Mac")), ("CrOS", N_("a Chromebook")), ("Linux", "Linux"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Visitor:
    """address: the caller's IP, believed only from the trusted proxy. device: words for the security page.
    mark: the cookie that this browser got when somebody signed in with it, if it sent one."""

    address: str = "unknown"
    device: str = ""
    mark: str = ""


def describe(user_agent: str) -> str:
    """`"Firefox on Windows"`: enough for people to recognise their own machine, and nothing more is kept."""
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), N_("A browser"))
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), N_("an unknown system"))
    return say("%(browser)s on %(system)s", browser=say(browser), system=say(system))


def new_mark(email: str, today: date) -> str:
    """A mark for a browser in which `email` has just signed in fully. It opens nothing: it only counts
    apart."""
    stem = f"{new_token('device')}.{today.toordinal()}"
    return f"{stem}.{_signature(stem, email)}"


def known_device(mark: str, email: str, today: date) -> str | None:
    """The name of the counter this browser has for `email`, or None if the mark is missing, old or
    somebody else's."""
    stem, _, signature = mark[:LONGEST].rpartition(".")
    made = re.fullmatch(r"[\w-]+\.(\d{6,7})", stem, re.ASCII)
    if made is None or not compare_digest(
        _signature(stem, email).encode(), signature.encode("utf-8", "replace")
    ):
        return None
    age = today.toordinal() - int(made[1])
    return stem if -1 <= age <= _MARK_DAYS else None


def day(at: datetime) -> date:
    """The date a mark is reckoned by."""
    return at.astimezone(UTC).date()


#: How long an edge should keep the mark's cookie.
MARK_AGE: Final = timedelta(days=_MARK_DAYS)


def _signature(stem: str, email: str) -> str:
    return keyed_hash("device mark", stem.encode("utf-8", "replace"), email.encode("utf-8", "replace")).hex()
