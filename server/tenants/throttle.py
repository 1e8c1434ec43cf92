"""How long someone must wait before another guess is looked at. Pure: past attempts in, a wait out.

Nobody is ever locked out for good, because then anyone could lock out anyone. A wait grows from two seconds
to a quarter of an hour, and no more than `per_hour` guesses are evaluated in any hour. A browser that signed
in before carries a mark and is counted on its own, so its owner gets in while strangers are made to wait.
Source for the figure: OWASP ASVS 5.0, 6.3.1; ASVS 4 allowed 100 an hour per account, we allow 20.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from server.errors import Refused
from server.words import say, say_of

WINDOW: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """free: attempts without a wait. first, longest: the wait after that doubles between these seconds."""

    free: int
    first: int
    longest: int
    per_hour: int


ACCOUNT: Final = Limit(free=5, first=2, longest=900, per_hour=20)
#: An address block may be a whole clinic behind one router: generous, and never more than two minutes at a
#: time.
BLOCK: Final = Limit(free=60, first=1, longest=120, per_hour=300)
#: Wrong second factors within one practice: many people at once mistyping is an attack on the practice.
PRACTICE: Final = Limit(free=40, first=1, longest=60, per_hour=200)
#: Mail that anyone can cause to be sent to one address, and from one address block.
MAIL_TO: Final = Limit(free=3, first=30, longest=900, per_hour=6)
MAIL_FROM: Final = Limit(free=20, first=2, longest=300, per_hour=60)
INVITATIONS: Final = Limit(free=100, first=1, longest=60, per_hour=300)


def wait(past: Sequence[datetime], at: datetime, limit: Limit) -> timedelta:
    """How long until the next attempt is evaluated; zero if it is now. past: earlier attempts, in any
    order."""
    recent = sorted(moment for moment in past if at - WINDOW < moment <= at)
    if len(recent) < limit.free:
        return timedelta(0)
    doublings = min(len(recent) - limit.free, 30)
    until = recent[-1] + timedelta(seconds=min(limit.first * 2**doublings, limit.longest)) if recent else at
    if len(recent) >= limit.per_hour:
        until = max(until, recent[len(recent) - limit.per_hour] + WINDOW)
    return max(until - at, timedelta(0))


def block_of(address: str) -> str:
    """The neighbourhood of an address: /24 for IPv4, /56 for IPv6, which is what one customer is commonly
    given."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 56), strict=False))


def try_later(waiting: timedelta) -> Refused:
    """The one answer to being too fast; it says nothing about whether the account exists."""
    seconds = max(1, -(-waiting // timedelta(seconds=1)))
    if seconds < 90:
        again = say_of(
            "Try again in %(n)s second. If you have forgotten the password, ask for a new one by mail.",
            "Try again in %(n)s seconds. If you have forgotten the password, ask for a new one by mail.",
            seconds,
        )
    else:
        again = say_of(
            "Try again in %(n)s minute. If you have forgotten the password, ask for a new one by mail.",
            "Try again in %(n)s minutes. If you have forgotten the password, ask for a new one by mail.",
            -(-seconds // 60),
        )
    return Refused(
        "TRY_LATER",
        say(
            "There were several tries in a short time, and each further one has to wait a little "
            "longer. This keeps people who guess passwords out."
        ),
        again,
    )
