"""What people type into forms, read into values: days, times on the practice's clock, spans, choices."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from server.errors import Refused, not_found
from server.ids import parse_id
from server.minutes.arithmetic import Span
from server.words import say
from web.rendering import clock, day

Form = Mapping[str, str]

_LONGEST: Final = 24 * 60


def day_in(form: Form, name: str, *, default: date | None = None) -> date:
    """A day. Refused BAD_DATE where there is none and no default."""
    text = form.get(name, "")
    if not text and default is not None:
        return default
    found = day_or_none(form, name)
    if found is None:
        raise Refused(
            "BAD_DATE", say("A date is needed."), say("Choose the day, the month and the year."), name
        )
    return found


def day_or_none(form: Form, name: str) -> date | None:
    text = form.get(name, "")
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise Refused(
            "BAD_DATE",
            say("%(text)s is not a day in the calendar.", text=text[:20]),
            say("Choose the day, the month and the year."),
            name,
        ) from None
    if not 1850 <= found.year <= 2150:
        raise Refused(
            "BAD_DATE",
            say("The year %(year)s cannot be right.", year=found.year),
            say("Check the year."),
            name,
        )
    return found


def moment_in(form: Form, on: str, at: str, zone: str) -> datetime:
    """The instant of a day and a time typed in two fields. on, at: the fields' names."""
    chosen = day_in(form, on)
    text = form.get(at, "")
    try:
        wall = datetime.combine(chosen, time.fromisoformat(text), ZoneInfo(zone))
    except ValueError:
        said = say("“%(text)s” is not a time of day.", text=text[:20]) if text else say("A time is needed.")
        raise Refused("BAD_TIME", said, say("Write it like 14:05."), at) from None
    instant = wall.astimezone(UTC)
    if instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != wall.replace(tzinfo=None):
        raise Refused(
            "NO_SUCH_TIME",
            say(
                "%(text)s does not exist on %(day)s: the clocks went forward over it.",
                text=text,
                day=day(chosen),
            ),
            say("Choose the time the clock on the wall showed."),
            at,
        )
    return instant


def span_in(form: Form, zone: str) -> Span | None:
    """From `on` at `began` until `ended`, or for `minutes`; None where neither is given.

    Refused: minutes that are no number, an end and minutes that disagree. Whether the span can be is the ledger's word.
    """
    lasted = minutes_in(form, "minutes")
    if lasted is None and not form.get("ended"):
        return None
    start = moment_in(form, "on", "began", zone)
    if not form.get("ended"):
        return Span(start, start + timedelta(minutes=lasted or 0))
    span = Span(start, moment_in(form, "on", "ended", zone))
    if lasted is not None and span.end > span.start and span.lasts != timedelta(minutes=lasted):
        raise Refused(
            "MINUTES_DISAGREE",
            say(
                "From %(began)s to %(ended)s is %(between)s minutes, not %(lasted)s.",
                began=clock(span.start, zone),
                ended=clock(span.end, zone),
                between=span.lasts // timedelta(minutes=1),
                lasted=lasted,
            ),
            say("Leave one of the two empty."),
            "minutes",
        )
    return span


def minutes_in(form: Form, name: str) -> int | None:
    text = form.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:6]) <= _LONGEST:
        raise Refused(
            "BAD_MINUTES",
            say("“%(text)s” is not a number of minutes.", text=text[:20]),
            say("Write whole minutes, 1 to %(longest)s, or leave it empty.", longest=_LONGEST),
            name,
        )
    return int(text[:6])


def id_chosen(form: Form, name: str, what: str) -> UUID | None:
    """The id chosen in a select field; None where nothing was chosen."""
    text = form.get(name, "")
    if not text:
        return None
    found = parse_id(text)
    if found is None:
        raise not_found(what)
    return found


def number_in(form: Form, name: str) -> int:
    """A hidden number, such as a revision; 0 where it is none."""
    text = form.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else 0


def text_in(form: Form, name: str, longest: int = 1_000) -> str:
    """What was written. longest: characters, as of GraphQL's ShortText. Refused TEXT_TOO_LONG: words are never cut."""
    text = form.get(name, "")
    if len(text) > longest:
        raise too_long(text, longest, name)
    return text


def too_long(text: str, longest: int, name: str) -> Refused:
    """TEXT_TOO_LONG, beside its field."""
    return Refused(
        "TEXT_TOO_LONG",
        say(
            "This text has %(n)s characters; at most %(longest)s fit here.",
            n=f"{len(text):,}",
            longest=f"{longest:,}",
        ),
        say("Shorten it, or put the rest where longer text belongs."),
        name,
    )


def why_now(form: Form) -> dict[str, Any]:
    """`reason`, and `late`: whether minutes may go into a month that is closed already."""
    return {"reason": text_in(form, "reason"), "late": form.get("late") == "yes"}


def pairs(words: Mapping[str, str], *, only: Iterable[str] | None = None) -> list[tuple[str, str]]:
    """Choices for a select field or a group of radio buttons, said. words: a table's, marked there with N_."""
    return [(key, say(words[key])) for key in (words if only is None else only)]


def beside(refused: Refused, fields: Mapping[str, str]) -> Refused:
    """The same refusal beside the field of the form that holds what it is about."""
    return Refused(
        refused.code, refused.message, refused.next_step, fields.get(refused.field or "", refused.field)
    )


def whole(refused: Refused) -> Refused:
    """The same refusal of the whole form, where none of its fields is to blame."""
    return Refused(refused.code, refused.message, refused.next_step)


def dollars_in(form: Form, name: str) -> Decimal | None:
    """Dollars as people write them: 95, 95.00, $1,250.50. None where nothing was written."""
    text = form.get(name, "")
    if not text:
        return None
    plain = text.replace("$", "").replace(",", "").strip()
    if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,2})?", plain, re.ASCII):
        raise Refused(
            "BAD_AMOUNT",
            say("“%(text)s” is not an amount in dollars.", text=text[:20]),
            say("Write it like 95 or 95.00."),
            name,
        )
    return Decimal(plain)
