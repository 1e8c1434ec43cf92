"""The arithmetic of a running timer: what the server's clock and an open page together can vouch for.

A timer is a line of time from its start to `seen_at`, the last instant a page was known to be open. A page tells how
long it has been open by a counter that only runs forward; the server never asks it what time it is. What no page
vouched for, and what nobody typed or moved in, become gaps: not counted unless their owner says so, and never dropped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from server.minutes.arithmetic import Span, without

#: a page that reloads, or a browser opened again at once, goes on: silence up to this long is taken as work
BRIDGE = timedelta(seconds=30)
#: servers' clocks may differ by this much; a clock that shows still less than before was set back
STEP = timedelta(seconds=5)
#: a timer that no page has shown for this long is set aside for its owner
AWAY = timedelta(minutes=10)
#: a timer that never had a page with script is its owner's two presses, start and stop; it may be long between them
UNWATCHED = timedelta(hours=4)
#: shorter pieces are no entries
SHORTEST = timedelta(seconds=1)
#: what a page may tell at most: how many bursts, and how long it, or anything it tells of, has been open
MOST_BURSTS = 50
LONGEST_OPEN = timedelta(days=14)
_MOST_PAGES = 12


@dataclass(frozen=True, slots=True)
class Page:
    """One open page. at: when it last beat; counted: its own counter then. base_*: the pair it is held against."""

    base_at: datetime
    base_counted: timedelta
    at: datetime
    counted: timedelta


@dataclass(frozen=True, slots=True)
class Gap:
    """A piece that does not count of itself. kind: idle or unseen; state: as in TimerStretch. id: none if new."""

    span: Span
    kind: str
    state: str = "open"
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of a timer. active_at: the last instant somebody typed or moved."""

    started_at: datetime
    seen_at: datetime
    active_at: datetime
    gaps: tuple[Gap, ...] = ()
    pages: Mapping[str, Page] = field(default_factory=dict)

    @property
    def watched(self) -> bool:
        """Has a page with script ever shown it?"""
        return bool(self.pages)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a page says. page: its own name, another one after every load. counted: how long it has been open.

    bursts: when somebody typed or moved since its last answered beat, as (from, until) so long ago, silences shorter
    than the owner's idle time left out. ago: how long ago this was, if it could not be sent then.
    """

    page: str
    counted: timedelta
    bursts: tuple[tuple[timedelta, timedelta], ...] = ()
    ago: timedelta = timedelta(0)


def began(at: datetime) -> Run:
    return Run(at, at, at)


def beaten(run: Run, heard: Heard, now: datetime, idle_after: timedelta) -> Run:
    """The run after a page was heard at `now`, the server's time."""
    page = run.pages.get(heard.page)
    if page is not None and heard.counted < page.counted:
        page = None  # a counter that went back is another page
    counted = heard.counted - page.counted if page else timedelta(0)
    if now < run.seen_at - STEP:
        # The server's clock was set back: the whole line moves with it and keeps its length.
        reached = max(run.seen_at, page.at + counted) if page else run.seen_at
        run = shifted(run, reached - now)
        alive_from, page = now - min(counted, BRIDGE), None
    else:
        now = max(now, run.seen_at)
        alive_from = now
        if page is not None:
            behind = now - (page.base_at + heard.counted - page.base_counted)
            # Further behind, the computer slept or the server's clock was set forward: only what was counted is so.
            alive_from = page.at if behind <= BRIDGE else max(page.at, now - counted)
            if behind > BRIDGE or behind < timedelta(0):
                page = None
    base = (page.base_at, page.base_counted) if page else (now, heard.counted)
    gaps = _seen(run, Span(alive_from, now))
    pages = {**run.pages, heard.page: Page(*base, now, heard.counted)}
    newest = sorted(pages, key=lambda name: pages[name].at)[-_MOST_PAGES:]
    run = replace(run, seen_at=now, gaps=gaps, pages={name: pages[name] for name in newest})
    return _silences(run, _bursts(heard, alive_from, now), idle_after)


def stopped(run: Run, heard: Heard | None, now: datetime, idle_after: timedelta) -> Run:
    """The run at its end: its owner pressed stop, now or `heard.ago`.

    Two presses without a page between them are all there is to know, and count in full.
    """
    if not run.watched and heard is None:
        end = max(now, run.started_at)
        return replace(run, seen_at=end, active_at=end)
    last = heard or Heard("", timedelta(0))
    at = now - max(last.ago, timedelta(0))
    if last.ago > timedelta(0) and at < run.seen_at <= now + STEP:  # another page was seen since the press
        run = cut(run, max(at, run.started_at))
    else:
        run = beaten(run, last, at if at >= run.seen_at else now, idle_after)
    return _silences(run, [Span(run.seen_at, run.seen_at)], idle_after)


def left(run: Run, idle_after: timedelta) -> Run:
    """The run as it stands when nobody came back: it ends where it was last seen, a silence at its end shown."""
    return _silences(run, [Span(run.seen_at, run.seen_at)], idle_after)


def is_away(run: Run, now: datetime) -> bool:
    """Has it been unseen for long enough to be set aside?"""
    return now - run.seen_at >= patience(run)


def patience(run: Run) -> timedelta:
    return AWAY if run.watched else UNWATCHED


def worked(run: Run) -> list[Span]:
    """The spans that count, in order, without any second of a gap its owner has not kept."""
    whole = Span(run.started_at, run.seen_at)
    spans = without([whole], [gap.span for gap in run.gaps if gap.state != "kept"])
    return [span for span in spans if span.lasts >= SHORTEST]


def cut(run: Run, at: datetime) -> Run:
    """The run as if it had ended at `at`."""
    whole = Span(run.started_at, at)
    gaps = tuple(
        replace(gap, span=inside) for gap in run.gaps if (inside := gap.span.within(whole)) is not None
    )
    return replace(run, seen_at=at, active_at=min(run.active_at, at), gaps=gaps)


def shifted(run: Run, by: timedelta) -> Run:
    """The same run, earlier by so much."""
    return Run(
        run.started_at - by,
        run.seen_at - by,
        run.active_at - by,
        tuple(replace(gap, span=Span(gap.span.start - by, gap.span.end - by)) for gap in run.gaps),
        {name: replace(p, base_at=p.base_at - by, at=p.at - by) for name, p in run.pages.items()},
    )


def _seen(run: Run, alive: Span) -> tuple[Gap, ...]:
    """The gaps after a page vouched for `alive`: what nobody had seen until now has been seen after all."""
    gaps = []
    for gap in run.gaps:
        if gap.kind == "unseen" and gap.state == "open":
            gaps += [replace(gap, span=rest) for rest in without([gap.span], [alive])[:1]]
        else:
            gaps.append(gap)
    if alive.start - run.seen_at > BRIDGE:
        gaps.append(Gap(Span(run.seen_at, alive.start), "unseen"))
    return tuple(gaps)


def _bursts(heard: Heard, alive_from: datetime, now: datetime) -> list[Span]:
    """When somebody typed or moved, by the server's clock and within what the page can vouch for."""
    if alive_from == now:
        return [Span(now, now)]  # a page heard for the first time was opened by somebody
    spans = []
    for start_ago, end_ago in heard.bursts:
        start, end = max(now - start_ago, alive_from), min(now - end_ago, now)
        if start <= end:
            spans.append(Span(start, end))
    return sorted(spans)


def _silences(run: Run, bursts: Iterable[Span], idle_after: timedelta) -> Run:
    gaps, active_at = list(run.gaps), run.active_at
    for burst in bursts:
        silence = Span(active_at, burst.start)
        gaps += [
            Gap(part, "idle")
            for part in without([silence] if silence.start < silence.end else [], [gap.span for gap in gaps])
            if part.lasts >= idle_after
        ]
        active_at = max(active_at, burst.end)
    return replace(run, gaps=tuple(sorted(gaps, key=lambda gap: gap.span)), active_at=active_at)


# --- kept as text beside the timer ------------------------------------------------------------------------------


def pages_written(pages: Mapping[str, Page]) -> dict[str, Any]:
    return {
        name: [p.base_at.isoformat(), _ms(p.base_counted), p.at.isoformat(), _ms(p.counted)]
        for name, p in pages.items()
    }


def pages_read(stored: Mapping[str, Any]) -> dict[str, Page]:
    return {
        name: Page(
            datetime.fromisoformat(base_at), timedelta(milliseconds=base), datetime.fromisoformat(at),
            timedelta(milliseconds=counted),
        )
        for name, (base_at, base, at, counted) in stored.items()
    }  # fmt: skip


def _ms(time: timedelta) -> int:
    return time // timedelta(milliseconds=1)
