"""What must not be while two records are joined, or taken apart again, each with the way out. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from server.dates import dated, month_words
from server.errors import Refused
from server.words import say, say_of

#: table -> rows of it, where somebody is told that they stand in the way
ROWS: Final[Mapping[str, Callable[[int], str]]] = {
    "time_entry": lambda n: say_of("1 entry of minutes", "%(n)s entries of minutes", n),
    "encounter_amendment": lambda n: say_of("1 change of a contact", "%(n)s changes of a contact", n),
    "enrollment_change": lambda n: say_of("1 change of a program", "%(n)s changes of a program", n),
    "note_draft": lambda n: say_of("1 draft of a note", "%(n)s drafts of a note", n),
    "month_decision": lambda n: say_of("1 decided month", "%(n)s decided months", n),
    "timer_stretch": lambda n: say_of("1 piece of timed work", "%(n)s pieces of timed work", n),
    "claim": lambda n: say_of("1 claim", "%(n)s claims", n),
}


@dataclass(frozen=True, slots=True)
class Insured:
    """One coverage that pays in a place (rank) from a day on, to a last day if there is one."""

    payer: str
    rank: int
    from_on: date
    to_on: date | None


@dataclass(frozen=True, slots=True)
class Record:
    """What of a record bears on joining it. programs: open ones, in words. billed: months (YYYY-MM) with lines or
    claims. coverages: without those that both records have alike."""

    number: str
    programs: tuple[str, ...] = ()
    billed: tuple[str, ...] = ()
    timers: int = 0
    drafts: int = 0
    coverages: tuple[Insured, ...] = ()


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why not, and what to do. other_way: it would do to let the other record stay."""

    code: str
    message: str
    next_step: str
    other_way: bool = False

    def refused(self) -> Refused:
        return Refused(self.code, self.message, self.next_step)


@dataclass(frozen=True, slots=True)
class Since:
    """What came to be of a person since two records of theirs were joined.

    decided: months (YYYY-MM) decided since. signed: claims signed since. leaning: tables (ROWS) with rows that were
    written since and belong to something the record that went had brought, with how many. joined_on: the record with which the
    one that stayed was itself joined.
    """

    decided: tuple[str, ...] = ()
    signed: int = 0
    leaning: tuple[tuple[str, int], ...] = ()
    joined_on: str = ""


def against_joining(kept: Record, gone: Record, *, closing: Sequence[str] = ()) -> list[Obstacle]:
    """Everything that stands against `gone` going into `kept`. closing: months (YYYY-MM) being closed now."""
    found = []
    if gone.billed and kept.billed:
        found.append(
            Obstacle(
                "BOTH_BILLED",
                say(
                    "Both records have been billed: %(number)s for %(months)s, %(gone_number)s for "
                    "%(gone_months)s. What was told to a payer stays under the record it was told for.",
                    number=kept.number,
                    months=_months(kept.billed),
                    gone_number=gone.number,
                    gone_months=_months(gone.billed),
                ),
                say(
                    "Talk with whoever does the billing: the lines of one record have to be taken back "
                    "first, by withdrawing its claims and closing its months without lines."
                ),
            )
        )
    elif gone.billed:
        found.append(
            Obstacle(
                "GOES_BILLED",
                say(
                    "Record %(number)s has been billed for %(months)s, and what was told to a payer "
                    "stays under the record it was told for.",
                    number=gone.number,
                    months=_months(gone.billed),
                ),
                say(
                    "Let record %(number)s stay, and join %(kept_number)s with it.",
                    number=gone.number,
                    kept_number=kept.number,
                ),
                other_way=True,
            )
        )
    found += [
        Obstacle(
            "BOTH_ENROLLED",
            say(
                "Both records take part in %(program)s now, and nobody is in one program twice.",
                program=program,
            ),
            say("End that program on one of the two records, then join them."),
        )
        for program in kept.programs
        if program in gone.programs
    ]
    for theirs in gone.coverages:
        for ours in kept.coverages:
            if theirs.rank == ours.rank and _overlap(theirs, ours):
                found.append(
                    Obstacle(
                        "COVERAGES_OVERLAP",
                        say(
                            "%(payer)s (%(number)s) and %(gone_payer)s (%(gone_number)s) both pay "
                            "%(place)s from %(day)s.",
                            payer=ours.payer,
                            number=kept.number,
                            gone_payer=theirs.payer,
                            gone_number=gone.number,
                            place=_place(ours.rank),
                            day=dated(max(ours.from_on, theirs.from_on), short=True),
                        ),
                        say("End the one that is not so, or say that it pays in another place."),
                    )
                )
    for record in (kept, gone):
        if record.timers:
            found.append(
                Obstacle(
                    "TIMER_RUNS",
                    say(
                        "A timer is running for record %(number)s, and its time has to land on one record.",
                        number=record.number,
                    ),
                    say("Whoever started it stops it first; a timer nobody watches stops by itself."),
                )
            )
        if record.drafts:
            found.append(
                Obstacle(
                    "DRAFT_OPEN",
                    say("A note for record %(number)s is still being written.", number=record.number),
                    say("Whoever writes it saves or discards it first: it is on their first page."),
                )
            )
    if closing:
        found.append(
            Obstacle(
                "MONTH_CLOSING",
                say_of(
                    "%(months)s is being closed at this moment.",
                    "%(months)s are being closed at this moment.",
                    len(closing),
                    months=_months(tuple(closing)),
                ),
                say("Try again when the closing is done, in a few minutes."),
            )
        )
    return found


def against_separating(kept: str, since: Since) -> list[Obstacle]:
    """Everything that stands against taking two records apart again. kept: the number of the one that stayed."""
    found = []
    if since.joined_on:
        found.append(
            Obstacle(
                "JOINED_ON",
                say(
                    "Record %(number)s was itself joined with record %(other_number)s since.",
                    number=kept,
                    other_number=since.joined_on,
                ),
                say("Take that apart first."),
            )
        )
    if since.decided:
        found.append(
            Obstacle(
                "DECIDED_SINCE",
                say_of(
                    "%(months)s has been decided since, with what both records say.",
                    "%(months)s have been decided since, with what both records say.",
                    len(since.decided),
                    months=_months(since.decided),
                ),
                say("A decided month stays as it was decided, so the records stay one."),
            )
        )
    if since.signed:
        found.append(
            Obstacle(
                "SIGNED_SINCE",
                say_of(
                    "1 claim for record %(number)s was signed since.",
                    "%(n)s claims for record %(number)s were signed since.",
                    since.signed,
                    number=kept,
                ),
                say("Withdraw what is not sent; a sent claim stays, and the records stay one."),
            )
        )
    if since.leaning:
        rows = ", ".join(ROWS[table](count) for table, count in since.leaning)
        found.append(
            Obstacle(
                "LEANS_ON_IT",
                say(
                    "Since then %(rows)s came to be that belong to what the other record had brought.",
                    rows=rows,
                ),
                say(
                    "Taken apart they would lie on one record and what they belong to on the other; so "
                    "the records stay one."
                ),
            )
        )
    return found


def _overlap(one: Insured, other: Insured) -> bool:
    return one.from_on <= (other.to_on or date.max) and other.from_on <= (one.to_on or date.max)


def _place(rank: int) -> str:
    places = {1: say("first"), 2: say("second"), 3: say("third")}
    return places.get(rank) or say("in place %(number)s", number=rank)


def _months(months: tuple[str, ...]) -> str:
    words = [month_words(month) for month in sorted(months)]
    if len(words) > 3:
        return say_of(
            "%(first)s to %(last)s (%(n)s month)",
            "%(first)s to %(last)s (%(n)s months)",
            len(words),
            first=words[0],
            last=words[-1],
        )
    if len(words) == 1:
        return words[0]
    return say("%(months)s and %(last)s", months=", ".join(words[:-1]), last=words[-1])
