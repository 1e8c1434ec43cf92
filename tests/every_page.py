"""Every page every role can open, once for each part of it, for campaigns that look at all of them.

Addresses come from the application (tests/page_forms.py). A role that is shown nothing which another is not shown on
the same page is not looked at again: parts are told apart by their elements, words and ids left out.
"""

import re
from dataclasses import dataclass

from cast import STAFF
from page_forms import routes
from two_practices import Practice

from server.tenants.permissions import permissions_of

_TAGS = re.compile(r"<(/?[a-z][a-z0-9]*)([^>]*)>")
_KEPT = re.compile(r'(?:class|type|role|hidden|checked|open|disabled|aria-[a-z]+)(?:="[a-z -]*")?')


@dataclass(frozen=True, slots=True)
class Shown:
    """One page as somebody of the cast is shown it. who: None for a visitor without a sign-in."""

    who: str | None
    address: str


def parts(html: str) -> frozenset[str]:
    """The kinds of elements in a page's own part, without words and ids."""
    own = html[html.find("<main") :] if "<main" in html else html
    return frozenset(tag + "".join(_KEPT.findall(rest)) for tag, rest in _TAGS.findall(own))


async def every_page(practice: Practice) -> tuple[list[Shown], int]:
    """(pages with something of their own, pages asked for): every GET route as every role that may open it."""
    found: list[Shown] = []
    asked = 0
    for route in routes("GET"):
        if route.path.startswith("/static/"):
            continue
        if route.scope == "tenant":
            who: list[str | None] = [w for w in STAFF if route.permission in permissions_of(STAFF[w][1])]
        else:
            who = ["nora"] if route.scope == "platform" else [None]
        shown: dict[str | None, frozenset[str]] = {}
        address = route.address(practice)
        for one in who:
            answer = await practice.client(one).get(address)
            asked += 1
            if answer.status_code >= 300 or "<html" not in answer.text:
                continue  # leads on, or is a piece of a page that is shown inside one
            if "attachment" not in answer.headers.get("content-disposition", ""):
                shown[one] = parts(answer.text)
        seen: set[str] = set()
        for one in sorted(shown, key=lambda w: -len(shown[w])):
            if not shown[one] <= seen:
                found.append(Shown(one, address))
                seen |= shown[one]
    return found, asked
