"""Counting: which time, once each, in whole minutes; and what a number of minutes earns.

Everything is elapsed time between instants, so a night that loses or repeats an hour needs no special case. The
only floor is the last step: seconds are summed first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from carewright_plugin_api.facts import Entry, local_day, start_of_day

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Half open; None is the beginning or the end of time. ValueError where it would end before it starts."""

    starts: datetime | None = None
    ends: datetime | None = None

    def __post_init__(self) -> None:
        if self.starts is not None and self.ends is not None and self.ends < self.starts:
            raise ValueError(f"a window from {self.starts} cannot end at {self.ends}, before it starts")

    @classmethod
    def between(cls, starts: datetime | None, ends: datetime | None) -> "Window":
        """From what somebody wrote down: nothing lies in what would end before it starts."""
        return cls(starts, starts if starts and ends and ends < starts else ends)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one entry: this person, from this instant to that."""

    entry_id: str
    person: str
    start: datetime
    end: datetime
    joint: str | None = None

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @classmethod
    def of(cls, entry: Entry) -> "Span":
        return cls(entry.id, entry.person, entry.start, entry.end, entry.joint)


@dataclass(frozen=True, slots=True)
class Tally:
    """What counted, and what a rule about counting once took away. seconds and minutes are floored, once."""

    counted: tuple[Span, ...]
    repeated: tuple[Span, ...] = ()

    @property
    def seconds(self) -> int:
        return length(self.counted) // timedelta(seconds=1)

    @property
    def minutes(self) -> int:
        return length(self.counted) // _MINUTE

    @property
    def entry_ids(self) -> tuple[str, ...]:
        return tuple(sorted({span.entry_id for span in self.counted}))

    def reached_at(self, minutes: int) -> datetime:
        """The instant at which the counted time came to `minutes`. ValueError if it never did."""
        edges = sorted({edge for span in self.counted for edge in (span.start, span.end)})
        missing = minutes * _MINUTE
        for left, right in pairwise(edges):
            people = sum(span.start <= left and right <= span.end for span in self.counted)
            if people and missing <= (right - left) * people:
                return left + missing / people
            missing -= (right - left) * people
        raise ValueError(f"{self.minutes} minutes were counted, not {minutes}")

    def reached_on(self, minutes: int, zone: str) -> date:
        """The day by the wall clock of `zone` on which the counted time came to `minutes`.

        Time that fills a day up to its midnight belongs to that day, not to the one that begins there.
        """
        return local_day(self.reached_at(minutes) - timedelta.resolution, zone)


def month_window(first_day: date, zone: str) -> Window:
    """A calendar month by the wall clock of `zone`, as instants."""
    following = (first_day.replace(day=1) + timedelta(days=31)).replace(day=1)
    return Window(start_of_day(first_day.replace(day=1), zone), start_of_day(following, zone))


def days_window(first: date | None, last: date | None, zone: str) -> Window:
    """Whole days by the wall clock of `zone`, both ends included; None is open. Empty where last is before first."""
    return Window.between(
        start_of_day(first, zone) if first else None,
        start_of_day(last + timedelta(days=1), zone) if last else None,
    )


def inside(spans: Iterable[Span], window: Window) -> tuple[Span, ...]:
    """The pieces of `spans` within `window`."""
    pieces = (_clipped(span, window) for span in spans)
    return tuple(piece for piece in pieces if piece is not None)


def outside(spans: Iterable[Span], windows: Sequence[Window]) -> tuple[Span, ...]:
    """The pieces of `spans` that lie in none of `windows`; never one without length."""
    left = tuple(span for span in spans if span.start < span.end)
    for window in windows:
        if any(_meets(span, window) for span in left):
            left = tuple(piece for span in left for piece in _around(span, window))
    return left


def without_time_of(spans: Iterable[Span], others: Sequence[Span]) -> tuple[Span, ...]:
    """The pieces of `spans` during which the same person was not also busy with one of `others`."""
    left: list[Span] = []
    for span in spans:
        busy = [
            Window(other.start, other.end)
            for other in others
            if other.person == span.person and other.start < span.end and span.start < other.end
        ]
        left += outside((span,), busy) if busy else (span,)
    return tuple(left)


def person_once(spans: Iterable[Span]) -> Tally:
    """Every minute of a person once; of two entries for it, the one that belongs to a meeting keeps it."""
    ordered = sorted(spans, key=lambda s: (s.joint is None, s.joint or "", s.start, s.end, s.entry_id))
    counted: list[Span] = []
    repeated: list[Span] = []
    for span in ordered:
        fresh = without_time_of((span,), counted)
        counted += fresh
        if fresh != (span,):
            repeated += without_time_of((span,), fresh)
    return Tally(_by_time(counted), _by_time(repeated))


def once(spans: Iterable[Span]) -> Tally:
    """Every minute of a person once, and every joint meeting once.

    Different people add, even in the same hour. Of a joint meeting the time of one person counts: of the one who
    was there longest. The order in which the spans come does not matter.
    """
    alone = person_once(spans)
    counted, repeated = alone.counted, list(alone.repeated)
    for joint in sorted({span.joint for span in counted if span.joint is not None}):
        there = [span for span in counted if span.joint == joint]
        stayed = max(
            sorted({span.person for span in there}),
            key=lambda person: length(span for span in there if span.person == person),
        )
        repeated += [span for span in there if span.person != stayed]
        counted = tuple(span for span in counted if span.joint != joint or span.person == stayed)
    return Tally(counted, _by_time(repeated))


def length(spans: Iterable[Span]) -> timedelta:
    return sum((span.length for span in spans), timedelta())


@dataclass(frozen=True, slots=True)
class Rung:
    """A code earned at `minutes`; with a `step`, one more unit each further `step` minutes. units: the most there are."""

    code: str
    minutes: int
    step: int | None = None
    units: int | None = 1

    @classmethod
    def of(cls, code: str, table: Mapping[str, Any]) -> "Rung":
        """From a parameter {minutes, step, units, ...}; a missing step earns one unit, missing units are no limit."""
        return cls(code, table["minutes"], table.get("step"), table.get("units"))

    def earned(self, minutes: int) -> int:
        if minutes < self.minutes:
            return 0
        earned = 1 if self.step is None else 1 + (minutes - self.minutes) // self.step
        return earned if self.units is None else min(earned, self.units)

    def threshold(self, unit: int) -> int:
        """The minutes that the `unit`-th unit needs."""
        return self.minutes + (unit - 1) * (self.step or 0)


@dataclass(frozen=True, slots=True)
class Ladder:
    """A base code and perhaps its add-on, both earned by the same minutes."""

    base: Rung
    addon: Rung | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        return (self.base.code, self.addon.code) if self.addon else (self.base.code,)

    def capped(self, most: Mapping[str, int | None]) -> "Ladder":
        """The same ladder with further limits on units per code; None or no entry is no further limit."""
        return Ladder(_capped(self.base, most), _capped(self.addon, most) if self.addon else None)

    def climb(self, minutes: int) -> tuple[tuple[Rung, int], ...]:
        """The rungs reached, base first, each with its units; empty below the base."""
        if not self.base.earned(minutes):
            return ()
        base = (self.base, self.base.earned(minutes))
        units = self.addon.earned(minutes) if self.addon else 0
        return (base, (self.addon, units)) if self.addon and units else (base,)


@dataclass(frozen=True, slots=True)
class Band:
    """From `least` to `most` whole minutes (None: and over) gives `code` and `units`."""

    least: int
    most: int | None
    code: str
    units: int = 1


def band_of(bands: Iterable[Band], minutes: int) -> Band | None:
    """The band `minutes` fall in, or None."""
    return next((b for b in bands if b.least <= minutes and (b.most is None or minutes <= b.most)), None)


def _capped(rung: Rung, most: Mapping[str, int | None]) -> Rung:
    limits = [limit for limit in (rung.units, most.get(rung.code)) if limit is not None]
    return replace(rung, units=min(limits)) if limits else rung


def _clipped(span: Span, window: Window) -> Span | None:
    start = span.start if window.starts is None else max(span.start, window.starts)
    end = span.end if window.ends is None else min(span.end, window.ends)
    if start >= end:
        return None
    return span if start == span.start and end == span.end else replace(span, start=start, end=end)


def _meets(span: Span, window: Window) -> bool:
    return (window.starts is None or window.starts < span.end) and (
        window.ends is None or span.start < window.ends
    )


def _around(span: Span, window: Window) -> tuple[Span, ...]:
    """What of `span` lies before `window`, and what after it."""
    if not _meets(span, window):
        return (span,)
    before = _clipped(span, Window(None, window.starts)) if window.starts else None
    after = _clipped(span, Window(window.ends, None)) if window.ends else None
    return tuple(piece for piece in (before, after) if piece is not None)


def _by_time(spans: Iterable[Span]) -> tuple[Span, ...]:
    return tuple(sorted(spans, key=lambda span: (span.start, span.end, span.entry_id)))
