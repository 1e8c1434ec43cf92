"""Hints for the first days: one short sentence or two at the place it is about, until somebody puts it away or does
what it speaks of. Pure; which hints are away is kept on the server (server/tenants/hints.py).

A page shows one hint at most: the first of these that is its own, for the role, and not away yet.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from server.tenants.permissions import (
    ADMINISTRATOR,
    BILLER,
    CARE_MANAGER,
    FRONT_DESK,
    MEDICAL_ASSISTANT,
    MENTOR,
    PROVIDER,
)
from server.words import N_

_CLINICAL: Final = (CARE_MANAGER, PROVIDER, MEDICAL_ASSISTANT)
_PERSON: Final = "/people/{id:str}"
_MONTH: Final = "/month/{month:str}"


@dataclass(frozen=True, slots=True)
class Hint:
    """page: the route it is shown on; place: which of the page's places, if it has several; done_by: the routes of
    forms that, once sent, have done what it speaks of."""

    key: str
    page: str
    roles: tuple[str, ...]
    says: str
    place: str = ""
    done_by: tuple[str, ...] = ()


HINTS: Final = (
    Hint(
        "today-people", "/", _CLINICAL,
        N_("The keys 1 to 9 open the people in your care. Ctrl+K takes you to any page or person by name."),
    ),
    Hint(
        "today-practice", "/", (ADMINISTRATOR,),
        N_("Under Practice you find sites, payers and who works here. Ctrl+K takes you to any page by its name."),
        done_by=("/practice/staff/invite", "/practice/sites/new", "/practice/payers/new"),
    ),
    Hint(
        "today-month", "/", (BILLER,),
        N_("Months are closed under Month, and become claims there. What a claim says about the practice stands under Practice, Billing."),
        done_by=(f"{_MONTH}/close",),
    ),
    Hint(
        "today-desk", "/", (FRONT_DESK,),
        N_("The slash key brings you to the box above, from any page. A name, a birth date or the last four digits of a phone will find somebody."),
        done_by=("/people",),
    ),
    Hint(
        "today-mentor", "/", (MENTOR,),
        N_("It stays quiet here until somebody asks for your thoughts. Then you see what they share, and nothing else."),
    ),
    Hint(
        "find-anybody", "/people", (*_CLINICAL, ADMINISTRATOR, BILLER),
        N_("Write whatever you know: a piece of the name, a birth date, the last four digits of a phone."),
        done_by=("/people",),
    ),
    Hint(
        "find-desk", "/people", (FRONT_DESK,),
        N_("Look here before you register somebody, so that nobody stands in the list twice."),
        done_by=("/people", "/people/new"),
    ),
    Hint(
        "person-timer", _PERSON, _CLINICAL,
        N_("The timer starts with the page or by hand, as you choose under Your time. Its clock is yours alone."),
        place="timer", done_by=("/time/start",),
    ),
    Hint(
        "person-write", _PERSON, _CLINICAL,
        N_("Write down a call or a visit at the foot of this page; the key c opens it. One save keeps the note and its minutes."),
        done_by=("/people/{id:str}/contacts",),
    ),
    Hint(
        "person-desk", _PERSON, (FRONT_DESK,),
        N_("Telephone, address and insurance are mended under Details. The chart stays with those who care for them."),
        done_by=("/people/{id:str}/contact-ways", "/people/{id:str}/address", "/people/{id:str}/details", "/people/{id:str}/coverages"),
    ),
    Hint(
        "person-reading", _PERSON, (ADMINISTRATOR, BILLER),
        N_("You are a guest on this page: you read it, and what you open is written down. Anybody may ask who read their record."),
    ),
    Hint(
        "contact-enough", "/people/{id:str}/contacts/new", _CLINICAL,
        N_("What you write is kept every few seconds, also when the line goes down. When it began and how long it lasted make its minutes."),
        done_by=("/people/{id:str}/contacts",),
    ),
    Hint(
        "month-closing", _MONTH, (ADMINISTRATOR, BILLER),
        N_("Closing asks the rules and sends nothing. Do it as often as something was mended."),
        done_by=(f"{_MONTH}/close",),
    ),
    Hint(
        "month-proof", _MONTH, (PROVIDER,),
        N_("Open a name to see the minutes behind its line, the rule, and where the rule stands."),
    ),
    Hint(
        "set-up-order", "/set-up", (ADMINISTRATOR,),
        N_("Begin with whatever you have at hand. A colleague with your role can go on where you stop."),
        done_by=("/practice/sites/new", "/practice/staff/provider", "/practice/payers/new"),
    ),
)  # fmt: skip
KEYS: Final = frozenset(hint.key for hint in HINTS)


def hint_for(page: str, role: str, away: Collection[str]) -> Hint | None:
    """What to show somebody on a page, if anything. page: its route, such as `/people/{id:str}`."""
    return next(
        (hint for hint in HINTS if hint.page == page and role in hint.roles and hint.key not in away), None
    )


def done_with(form: str, role: str, away: Collection[str]) -> Sequence[str]:
    """The hints that somebody needs no more once the form sent to this route was taken."""
    return [
        hint.key for hint in HINTS if form in hint.done_by and role in hint.roles and hint.key not in away
    ]
