"""Words of a proof that its parts share: instants, spans, amounts, sources, and what somebody was."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from server.claims.evidence import (
    Held,
)
from server.tenants.qualifications import DISCIPLINES
from web.rendering import day

_BASIS: Final = {
    "general_knowledge": "general knowledge, not read in a published text",
    "uncertain": "uncertain",
    "our_policy": "our own policy",
}


def exact(at: datetime, zone: str) -> str:
    """`Tue 4 Aug 2026, 2:05:09 pm EDT`."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{day(local.date())}, {clock_time(local)} {local:%Z}"


def clock_time(local: datetime) -> str:
    return f"{local.hour % 12 or 12}:{local:%M:%S} {'am' if local.hour < 12 else 'pm'}"


def span_words(start: datetime, end: datetime, zone: str) -> str:
    """`Tue 4 Aug 2026, 2:05:00 pm to 2:17:30 pm EDT`; both days where it ran past midnight."""
    first, last = start.astimezone(ZoneInfo(zone)), end.astimezone(ZoneInfo(zone))
    if first.date() != last.date() or first.utcoffset() != last.utcoffset():
        return f"{exact(start, zone)} to {exact(end, zone)}"
    return f"{day(first.date())}, {clock_time(first)} to {clock_time(last)} {last:%Z}"


def lasted(seconds: int) -> str:
    """`12 min`, `12 min 30 s`, `45 s`."""
    minutes, rest = divmod(seconds, 60)
    return " ".join(
        [*([f"{minutes} min"] if minutes else []), *([f"{rest} s"] if rest or not minutes else [])]
    )


def dollars(amount: Any) -> str:
    return f"${amount:,.2f}"


def yes_no(value: bool | None, yes: str, no: str, unknown: str = "not asked") -> str:
    return unknown if value is None else yes if value else no


def listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def cited(told: dict[str, Any]) -> dict[str, str]:
    reviewed = told.get("reviewed_on")
    return {
        "title": told["title"],
        "section": told.get("section", ""),
        "where": told.get("where", ""),
        "basis": _BASIS.get(told.get("basis", ""), ""),
        "reviewed": day(date.fromisoformat(reviewed)) if reviewed else "",
    }


def facts_told(used: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """An entry's id means nothing to a reader; its minutes are listed beside."""
    return [
        (one["name"][:1].upper() + one["name"][1:], one["value"]) for one in used if one["name"] != "entry"
    ]


def held_words(one: Held) -> str:
    """A discipline or licence as it stood: what, number, where, since when."""
    words = DISCIPLINES.get(one.name, one.name)
    if one.kind == "discipline":
        return words
    numbered = " ".join(part for part in (one.region, one.number) if part)
    until = f" until {day(one.to_on)}" if one.to_on else ""
    return f"licensed as {words}{f' ({numbered})' if numbered else ''}, since {day(one.from_on)}{until}"
