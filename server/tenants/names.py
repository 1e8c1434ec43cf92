"""Text that people type about themselves: e-mail addresses, names, slugs, telephone numbers, zones."""

import re
import unicodedata
from functools import cache
from typing import Final
from zoneinfo import available_timezones

import phonenumbers

from server.errors import Refused
from server.words import say

#: Slugs that would read as ours, or that a page address needs. A practice of that name gets a longer one.
_RESERVED_WORDS = """
    about account accounts admin administrator api app assets auth billing blog bot carewright contact
    dashboard demo developer developers docs download email example fhir graphql health healthz help home
    host invitation invite legal live local localhost login logout mail me metrics my new null oauth
    office official outbox owner patient patients people platform postmaster practice practices press
    privacy public register reset root routes schema secure security sign-in sign-out sign-up signin
    signout signup site staff static status support system team tenant terms test tokens undefined up user
    users webhook webhooks welcome worker www"""
RESERVED: Final = frozenset(_RESERVED_WORDS.split())
_SLUG_LENGTH = 40
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i"}
)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LOCAL = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+")
#: Bidirectional controls and other characters that show one thing and store another.
_UNSEEN = frozenset(
    "\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)


def written(text: str, field: str, *, what: str, longest: int = 120, empty: bool = False) -> str:
    """`text` as it will be kept: trimmed, composed, one space between words, without characters nobody can
    see.

    what: how a sentence names it (`say("the practice's name")`). Raises Refused TEXT_MISSING, TEXT_TOO_LONG or
    TEXT_UNSEEN.
    """
    if any(_unseen(c) for c in text):
        raise Refused(
            "TEXT_UNSEEN",
            say("There is a character in %(field)s that cannot be seen or printed.", field=what),
            say("Type it by hand instead of pasting it."),
            field,
        )
    kept = " ".join(unicodedata.normalize("NFC", text).split())
    if not kept and not empty:
        raise Refused(
            "TEXT_MISSING",
            say("We need %(field)s.", field=what),
            say("Type it and send the form again."),
            field,
        )
    if len(kept) > longest:
        raise Refused(
            "TEXT_TOO_LONG",
            say(
                "There is room for %(longest)s characters in %(field)s; this has %(n)s.",
                longest=longest,
                field=what,
                n=len(kept),
            ),
            say("Shorten it."),
            field,
        )
    return kept


def _unseen(c: str) -> bool:
    return c in _UNSEEN or (c not in "\t\r\n" and unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn"})


def fold_email(text: str, field: str = "email") -> str:
    """The one spelling of an e-mail address that we keep, compare and write to. Raises Refused EMAIL_FORM.

    Width, case and composition are folded and the domain becomes ASCII (IDNA). Mail always goes to the folded
    address, so a look-alike spelling can never be confirmed by anyone but the owner of the folded one.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    local, at, domain = plain.rpartition("@")
    try:
        ascii_domain = domain.rstrip(".").encode("idna").decode("ascii").lower()
    except (UnicodeError, IndexError):
        ascii_domain = ""
    local = unicodedata.normalize("NFKC", local.casefold())
    labels = ascii_domain.split(".")
    sound = (
        bool(at)
        and len(labels) >= 2
        and all(_LABEL.fullmatch(label) for label in labels)
        and _LOCAL.fullmatch(local) is not None
        and not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn"} for c in local)
        and not (local.startswith(".") or local.endswith(".") or ".." in local)
        and len(local.encode("utf-8", "replace")) <= 64
        and len(local) + len(ascii_domain) < 254
    )
    if not sound:
        raise Refused(
            "EMAIL_FORM",
            say("This does not look like an e-mail address; one looks like name@practice.org."),
            say("Check for a missing @, a space, or a comma instead of a dot."),
            field,
        )
    return f"{local}@{ascii_domain}"


def plain_letters(text: str) -> str:
    """Lower case without accents or full-width twins: `"Núñez Family"` becomes `"nunez family"`."""
    loose = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(c for c in loose if not unicodedata.combining(c)).casefold()


def slug_of(name: str, *, number: int = 1) -> str:
    """The practice's word in addresses and commands. number: 2, 3 ... when the plain one is taken."""
    ascii_only = plain_letters(name).replace("'", "").replace("’", "")
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")[:_SLUG_LENGTH].strip("-")
    if len(slug) < 2 or slug.isdigit() or slug.startswith("xn-"):
        slug = f"practice-{slug}".strip("-")
    if slug in RESERVED:
        slug = f"{slug}-practice"
    return slug if number == 1 else f"{slug}-{number}"


@cache
def zones() -> tuple[str, ...]:
    """The zones a practice may choose: places, not offsets."""
    return tuple(
        sorted(z for z in available_timezones() if "/" in z and not z.startswith(("Etc/", "SystemV/")))
    )


def check_zone(zone: str, field: str = "time_zone") -> str:
    """An IANA zone name, which decides a practice's days, months and quiet hours. Raises Refused
    ZONE_UNKNOWN."""
    if zone in zones():
        return zone
    raise Refused(
        "ZONE_UNKNOWN",
        say(
            "“%(zone)s” is not a time zone we know; the practice's days and billing months are "
            "reckoned in it.",
            zone=zone[:40],
        ),
        say("Choose one from the list, such as America/Detroit."),
        field,
    )


def check_phone(text: str, field: str = "phone") -> str:
    """A telephone number as people in the practice's country write it; empty stays empty. Raises Refused
    PHONE_FORM."""
    if not text.strip():
        return ""
    try:
        number = phonenumbers.parse(text[:60], "US")
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise Refused(
            "PHONE_FORM",
            say("“%(number)s” is not a telephone number anyone could call.", number=text.strip()[:40]),
            say("Write it with its area code, such as (313) 555-0142."),
            field,
        )
    formats = phonenumbers.PhoneNumberFormat
    style = formats.NATIONAL if number.country_code == 1 else formats.INTERNATIONAL
    return phonenumbers.format_number(number, style)
