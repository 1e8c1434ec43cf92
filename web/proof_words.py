"""Words of a proof that its parts share: instants, spans, amounts, sources, and what somebody was."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from server.claims.evidence import (
    Held,
)
from server.tenants.qualifications import DISCIPLINES
from server.words import N_, say
from web.rendering import day

_BASIS: Final = {
    "general_knowledge": N_("general knowledge, not read in a published text"),
    "uncertain": N_("uncertain"),
    "our_policy": N_("our own policy"),
}


def exact(at: datetime, zone: str) -> str:
    """`Tue 4 Aug 2026, 2:05:09 pm EDT`."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{day(local.date())}, {clock_time(local)} {local:%Z}"


def clock_time(local: datetime) -> str:
    time = f"{local.hour % 12 or 12}:{local:%M:%S}"
    return say("%(time)s am", time=time) if local.hour < 12 else say("%(time)s pm", time=time)


def span_words(start: datetime, end: datetime, zone: str) -> str:
    """`Tue 4 Aug 2026, 2:05:00 pm to 2:17:30 pm EDT`; both days where it ran past midnight."""
    first, last = start.astimezone(ZoneInfo(zone)), end.astimezone(ZoneInfo(zone))
    if first.date() != last.date() or first.utcoffset() != last.utcoffset():
        return say("%(start)s to %(end)s", start=exact(start, zone), end=exact(end, zone))
    return say(
        "%(day)s, %(start)s to %(end)s %(zone)s",
        day=day(first.date()),
        start=clock_time(first),
        end=clock_time(last),
        zone=f"{last:%Z}",
    )


def period(first: date | None, last: date | None) -> str:
    """`from Tue 4 Aug 2026 until Fri 7 Aug 2026`; empty where neither is known."""
    if first is None:
        return say("until %(day)s", day=day(last)) if last else ""
    if last is None:
        return say("from %(day)s", day=day(first))
    return say("from %(first)s until %(last)s", first=day(first), last=day(last))


def by_whom(at: datetime, zone: str, name: str | None) -> str:
    """`Tue 4 Aug 2026, 2:05:09 pm EDT by Dana Reyes`."""
    return say("%(when)s by %(name)s", when=exact(at, zone), name=name or say("the system"))


def lasted(seconds: int) -> str:
    """`12 min`, `12 min 30 s`, `45 s`."""
    minutes, rest = divmod(seconds, 60)
    if not minutes:
        return in_seconds(rest)
    if not rest:
        return say("%(minutes)s min", minutes=minutes)
    return say("%(minutes)s min %(seconds)s s", minutes=minutes, seconds=rest)


def in_seconds(seconds: int) -> str:
    """`1,234 s`."""
    return say("%(seconds)s s", seconds=f"{seconds:,}")


def dollars(amount: Any) -> str:
    return f"${amount:,.2f}"


def yes_no(value: bool | None, yes: str, no: str, unknown: str = "") -> str:
    return unknown or say("not asked") if value is None else yes if value else no


def listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def cited(told: dict[str, Any]) -> dict[str, str]:
    reviewed = told.get("reviewed_on")
    return {
        "title": told["title"],
        "section": told.get("section", ""),
        "where": told.get("where", ""),
        "basis": say(_BASIS.get(told.get("basis", ""), "")),
        "reviewed": day(date.fromisoformat(reviewed)) if reviewed else "",
    }


def facts_told(used: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """An entry's id means nothing to a reader; its minutes are listed beside."""
    return [
        (one["name"][:1].upper() + one["name"][1:], one["value"]) for one in used if one["name"] != "entry"
    ]


def held_words(one: Held) -> str:
    """A discipline or licence as it stood: what, number, where, since when."""
    words = say(DISCIPLINES.get(one.name, one.name))
    if one.kind == "discipline":
        return words
    numbered = " ".join(part for part in (one.region, one.number) if part)
    licence = f"{words} ({numbered})" if numbered else words
    if one.to_on is None:
        return say("licensed as %(licence)s, since %(day)s", licence=licence, day=day(one.from_on))
    return say(
        "licensed as %(licence)s, since %(first)s until %(last)s",
        licence=licence,
        first=day(one.from_on),
        last=day(one.to_on),
    )
