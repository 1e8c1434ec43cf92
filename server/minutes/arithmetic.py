"""The arithmetic of minutes: spans, days, months and totals, in elapsed seconds on the practice's clock.

Nothing is rounded on the way: whole seconds are floored once per total, whole minutes once for display.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from carewright_plugin_api.facts import local_day, start_of_day

from server.dates import month_words
from server.enrollment.days import Life, clock, time_of_day, written
from server.errors import Refused
from server.words import say

LONGEST = timedelta(hours=24)
#: a reason is asked for when minutes are entered later than this after their day
LATE_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` until `end` (excluded), two aware instants."""

    start: datetime
    end: datetime

    @property
    def lasts(self) -> timedelta:
        """Elapsed time, whatever the clocks on the wall were doing."""
        return self.end - self.start

    def meets(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end

    def within(self, other: "Span") -> "Span | None":
        """The part of this span that lies in `other`."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Span(start, end) if start < end else None


def whole_seconds(time: timedelta) -> int:
    return time // timedelta(seconds=1)


def whole_minutes(seconds: int) -> int:
    """For display only, and only once per total: 19 minutes 59 seconds are 19."""
    return seconds // 60


# --- days and months ------------------------------------------------------------------------------------------


def month_of(day: date) -> str:
    """`2026-11`."""
    return f"{day.year:04d}-{day.month:02d}"


def month_span(month: str, zone: str) -> Span:
    """The month on the practice's clock, as instants. month: YYYY-MM."""
    first = date.fromisoformat(f"{month}-01")
    after = (first + timedelta(days=31)).replace(day=1)
    return Span(start_of_day(first, zone), start_of_day(after, zone))


def split_by_month(span: Span, zone: str) -> list[tuple[str, Span]]:
    """The span cut at the practice's month edges, in order; minutes are never carried from one month to the next."""
    parts = []
    start = span.start
    while start < span.end:
        month = month_of(local_day(start, zone))
        end = min(span.end, month_span(month, zone).end)
        parts.append((month, Span(start, end)))
        start = end
    return parts


def months_touched(span: Span, zone: str) -> list[str]:
    return [month for month, _ in split_by_month(span, zone)]


# --- overlaps -------------------------------------------------------------------------------------------------


def overlapping(span: Span, others: Iterable[Span]) -> list[Span]:
    """Those of `others` that share time with `span`, in order. Touching ends share none."""
    return sorted(other for other in others if span.meets(other))


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time without counting any instant twice, in order."""
    result: list[Span] = []
    for span in sorted(spans):
        if result and span.start <= result[-1].end:
            result[-1] = Span(result[-1].start, max(result[-1].end, span.end))
        else:
            result.append(span)
    return result


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """`spans` merged, less every instant of `taken`."""
    left = merged(spans)
    for hole in merged(taken):
        left = [
            part
            for span in left
            for part in (
                (Span(span.start, min(span.end, hole.start)), Span(max(span.start, hole.end), span.end))
                if span.meets(hole)
                else (span,)
            )
            if part.start < part.end
        ]
    return left


def slices(span: Span, number: int) -> list[Span]:
    """A meeting about `number` patients, cut into equal parts at whole seconds: a minute is counted for one person.

    Nobody can be charged the same minute twice; equal parts are the plain reading where nobody noted the turns.
    """
    lasted = span.lasts // timedelta(microseconds=1)
    cuts = [span.start + timedelta(seconds=lasted * i // (number * 1_000_000)) for i in range(number)]
    return [Span(a, b) for a, b in zip(cuts, [*cuts[1:], span.end], strict=True)]


# --- what may be entered --------------------------------------------------------------------------------------


def check_span(life: Life, span: Span, *, reason: str) -> None:
    """Refuses a span no one can have worked: it ends before it starts, is to come, exceeds a day, leaves a life.

    Entered more than seven days late, it needs a written reason; any reason suffices.
    """
    zone = life.zone
    if span.end <= span.start:
        raise Refused(
            "ENDS_BEFORE_START",
            say(
                "It ends at %(end)s, which is not after its start at %(start)s.",
                end=clock(span.end, zone),
                start=clock(span.start, zone),
            ),
            say("Check both times; mind noon and midnight."),
            "ended_at",
        )
    if span.end > life.now:
        raise Refused(
            "ENDS_IN_FUTURE",
            say(
                "It ends at %(end)s; it is now %(now)s. Minutes are counted once they have been worked.",
                end=clock(span.end, zone),
                now=clock(life.now, zone),
            ),
            say("Check the times, or enter it when you are done."),
            "ended_at",
        )
    if span.lasts > LONGEST:
        hours = span.lasts / timedelta(hours=1)
        raise Refused(
            "TOO_LONG",
            say(
                "It lasts %(hours)s hours; one entry holds at most 24, because nobody works longer at "
                "a stretch.",
                hours=f"{hours:.1f}",
            ),
            say("Check the date of the start and of the end."),
            "ended_at",
        )
    first, last = local_day(span.start, zone), local_day(span.end - timedelta(microseconds=1), zone)
    if first < life.born:
        raise Refused(
            "DATED_BEFORE_BIRTH",
            say(
                "It starts on %(first)s, before this person was born on %(born)s.",
                first=written(first),
                born=written(life.born),
            ),
            say("Check the year, and that you are on the right person's page."),
            "started_at",
        )
    if life.died is not None and last > life.died:
        raise Refused(
            "DATED_AFTER_DEATH",
            say(
                "It reaches %(last)s; this person died on %(died)s, and time after that day is not "
                "counted for them.",
                last=written(last),
                died=written(life.died),
            ),
            say("Check the date. A call with the family can be written down as a contact."),
            "ended_at",
        )
    if life.now - span.end > LATE_AFTER and not reason.strip():
        raise Refused(
            "LATE_WITHOUT_REASON",
            say(
                "These minutes are from %(last)s, more than %(days)s days ago. Entries made late are "
                "looked at twice in an audit.",
                last=written(last),
                days=LATE_AFTER.days,
            ),
            say("Write in a few words why they come now; any reason will do."),
            "reason",
        )


def check_open(
    spans: Iterable[Span], closed: Mapping[str, datetime], zone: str, *, late: bool, reason: str
) -> None:
    """Refuses to change a closed month by the way. closed: month -> when it was closed.

    Entered as late, with a written reason, it is taken: the month then counts as changed since it was closed.
    """
    if not closed:
        return
    if late:
        if not reason.strip():
            raise Refused(
                "LATE_WITHOUT_REASON",
                say(
                    "%(month)s is closed, and entries made late are looked at twice in an audit.",
                    month=month_words(min(closed)),
                ),
                say("Write in a few words why they come now; any reason will do."),
                "reason",
            )
        return
    for span in sorted(spans):
        touched = months_touched(span, zone)
        month = next((month for month in touched if month in closed), None)
        if month is None:
            continue
        on = written(local_day(closed[month], zone))
        times = say("%(start)s to %(end)s", start=clock(span.start, zone), end=clock(span.end, zone))
        open_months = [other for other in touched if other not in closed]
        if open_months:
            raise Refused(
                "MONTH_CLOSED",
                say(
                    "%(times)s reaches into %(month)s, which was closed on %(on)s; what was billed for "
                    "it would no longer match the minutes.",
                    times=times,
                    month=month_words(month),
                    on=on,
                ),
                say(
                    "Split it: enter the part in %(open_month)s by itself, and the part in %(month)s "
                    "as late, with a reason. Or enter the whole as late.",
                    open_month=month_words(open_months[0]),
                    month=month_words(month),
                ),
                "late",
            )
        raise Refused(
            "MONTH_CLOSED",
            say(
                "%(times)s lies in %(month)s, which was closed on %(on)s; what was billed for it would "
                "no longer match the minutes.",
                times=times,
                month=month_words(month),
                on=on,
            ),
            say(
                "Enter it as late and write why. %(month)s then shows that it changed, and closing it "
                "again makes the next version of what was decided.",
                month=month_words(month),
            ),
            "late",
        )


def overlap_refusal(span: Span, taken: Span, zone: str, *, same_patient: bool) -> Refused:
    """Nobody is in two places at once. Names the other span's times, never whose they are."""
    told = {
        "start": time_of_day(span.start, zone),
        "end": time_of_day(span.end, zone),
        "day": written(local_day(taken.start, zone)),
        "taken_start": time_of_day(taken.start, zone),
        "taken_end": time_of_day(taken.end, zone),
    }
    return Refused(
        "OVERLAPS",
        say(
            "%(start)s to %(end)s overlaps minutes already entered for this person: %(day)s, "
            "%(taken_start)s to %(taken_end)s. The same minute cannot count twice.",
            **told,
        )
        if same_patient
        else say(
            "%(start)s to %(end)s overlaps minutes already entered: %(day)s, %(taken_start)s to "
            "%(taken_end)s. The same minute cannot count twice.",
            **told,
        ),
        say("Change the times, or correct the other entry. If it was one meeting, join that entry instead."),
        "started_at",
    )


# --- totals ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Worked:
    """A live entry as totals see it, with the class of person on that day.

    counts: final, and not part of another billed service. One that does not count still takes its slice.
    """

    id: UUID
    patient_id: UUID
    program: str
    staff_id: UUID
    role_class: str
    span: Span
    joint_id: UUID | None = None
    counts: bool = True


def sliced(entries: Iterable[Worked]) -> list[Worked]:
    """Where one person's entries of one meeting share one span, each is cut to its slice, in the order of patients."""
    rows: dict[object, list[Worked]] = defaultdict(list)
    for entry in entries:
        shared = (entry.staff_id, entry.joint_id, entry.span) if entry.joint_id else entry.id
        rows[shared].append(entry)
    result = []
    for row in rows.values():
        row.sort(key=lambda e: (e.patient_id, e.program, e.id))
        parts = slices(row[0].span, len(row)) if len(row) > 1 else [row[0].span]
        result += [replace(entry, span=part) for entry, part in zip(row, parts, strict=True)]
    return result


#: (patient, program, month, class of person) -> seconds
Totals = dict[tuple[UUID, str, str, str], int]


def totals(entries: Iterable[Worked], zone: str) -> Totals:
    """Seconds per patient, program, month and class of person.

    A person's own time is merged, so no instant of theirs counts twice; different people's separate work adds up,
    even in the same hour; a joint meeting counts one person's time only: clinical staff's first, then what a
    practitioner was there for without staff, then what others were. `totals.py` says the same in SQL.
    """
    groups: dict[tuple[UUID, str, str, UUID], dict[str, list[Span]]] = defaultdict(lambda: defaultdict(list))
    for entry in sliced(entries):
        for month, part in split_by_month(entry.span, zone) if entry.counts else ():
            key = (entry.patient_id, entry.program, month, entry.joint_id or entry.staff_id)
            groups[key][entry.role_class].append(part)
    time: dict[tuple[UUID, str, str, str], timedelta] = defaultdict(timedelta)
    for (patient_id, program, month, _), classes in groups.items():
        taken: list[Span] = []
        for role_class in ("staff", "practitioner", "admin"):
            for span in without(classes[role_class], taken):
                time[patient_id, program, month, role_class] += span.lasts
            taken += classes[role_class]
    return {key: whole_seconds(lasted) for key, lasted in time.items() if whole_seconds(lasted) > 0}
