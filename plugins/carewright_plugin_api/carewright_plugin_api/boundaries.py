"""A second before, at and after a threshold, spent in every way that a calendar month knows.

Made for the tests of rules that count minutes: read the thresholds from your own dated values, and let this make
the months. What should come of them is yours to say.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from carewright_plugin_api.examples import ZONE
from carewright_plugin_api.facts import Entry, start_of_day
from carewright_plugin_api.ladder import month_window

AROUND = (-1, 0, 1)  # seconds beside a threshold
_SECOND, _HOUR, _OVERHANG = timedelta(seconds=1), timedelta(hours=1), timedelta(minutes=10)
_PIECES = 7


def around(
    minutes: int, month: str, *, zone: str = ZONE, **details: Any
) -> Iterator[tuple[str, int, tuple[Entry, ...]]]:
    """(way, seconds beside the threshold, entries), for a threshold of whole minutes; details: fields of Entry."""
    for beside in AROUND:
        for way, entries in ways(minutes * 60 + beside, month, zone=zone, **details):
            yield way, beside, entries


def ways(
    seconds: int, month: str, *, zone: str = ZONE, **details: Any
) -> Iterator[tuple[str, tuple[Entry, ...]]]:
    """(way, entries that come to `seconds` within the month), at most some twelve hours.

    one: in one go. pieces: many, on different days. people: three people in the same hour. into and out of: over
    the first and the last midnight of the month, where only the part inside counts. edges: from the first instant
    of the month, and up to its last. clock: over each change of the clock there is.
    """
    first = date.fromisoformat(f"{month}-01")
    held = month_window(first, zone)
    begins, ends = held.starts, held.ends
    assert begins is not None
    assert ends is not None

    def at(day: int, hour: int) -> datetime:
        return start_of_day(first + timedelta(days=day - 1), zone) + hour * _HOUR

    def made(*spans: tuple[datetime, datetime], people: bool = False) -> tuple[Entry, ...]:
        return tuple(
            Entry(
                **{
                    "id": f"entry-{n}",
                    "person": f"person-{n if people else 0}",
                    "role": "staff",
                    "program": "ccm",
                    **details,
                },
                start=start,
                end=end,
            )
            for n, (start, end) in enumerate(spans)
            if start < end
        )

    whole = seconds * _SECOND
    half = seconds // 2 * _SECOND
    yield "one", made((at(3, 9), at(3, 9) + whole))
    cuts = [seconds * n * n // _PIECES**2 * _SECOND for n in range(_PIECES + 1)]  # no two pieces alike
    parts = [later - sooner for sooner, later in pairwise(cuts)]
    yield "pieces", made(*((at(n, 10), at(n, 10) + part) for n, part in enumerate(parts, 4)))
    third = seconds // 3 * _SECOND
    yield (
        "people",
        made(*((at(12, 9), at(12, 9) + part) for part in (third, third, whole - 2 * third)), people=True),
    )
    yield "into", made((begins - _OVERHANG, begins + whole))
    yield "out of", made((ends - whole, ends + _OVERHANG))
    yield "edges", made((begins, begins + half), (ends - (whole - half), ends))
    for change in clock_changes(month, zone):
        start = max(begins, change - half)
        yield f"clock {change:%d %H:%M}", made((start, start + whole))


def clock_changes(month: str, zone: str) -> tuple[datetime, ...]:
    """The instants (UTC) within the month at which wall clocks in `zone` jump."""
    held = month_window(date.fromisoformat(f"{month}-01"), zone)
    assert held.starts is not None
    assert held.ends is not None
    found, here = [], ZoneInfo(zone)
    moment, step = held.starts, timedelta(minutes=15)  # the finest at which any zone changes
    while moment < held.ends:
        if moment.astimezone(here).utcoffset() != (moment - step).astimezone(here).utcoffset():
            found.append(moment)
        moment += step
    return tuple(found)
