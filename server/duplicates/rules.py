"""What must not be while two records are joined, or taken apart again, each with the way out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from server.errors import Refused
from server.words import say


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

    decided: months (YYYY-MM) decided since. signed: claims signed since. leaning: words for rows that were written
    since and belong to something the record that went had brought, with how many. joined_on: the record with which the
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
                    "Both records have been billed: %(number)s for %(billed)s, %(gone_number)s for "
                    "%(gone_billed)s. What was told to a payer stays under the record it was told for.",
                    number=kept.number,
                    billed=_months(kept.billed),
                    gone_number=gone.number,
                    gone_billed=_months(gone.billed),
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
                    "Record %(number)s has been billed for %(billed)s, and what was told to a payer "
                    "stays under the record it was told for.",
                    number=gone.number,
                    billed=_months(gone.billed),
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
                            "%(payer)s (%(number)s) and %(theirs_payer)s (%(gone_number)s) both pay "
                            "%(rank)s from %(from_on)s.",
                            payer=ours.payer,
                            number=kept.number,
                            theirs_payer=theirs.payer,
                            gone_number=gone.number,
                            rank=_place(ours.rank),
                            from_on=f"{max(ours.from_on, theirs.from_on):%d %b %Y}",
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
                say("%(closing)s is being closed at this moment.", closing=_months(tuple(closing))),
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
                    "Record %(kept)s was itself joined with record %(joined_on)s since.",
                    kept=kept,
                    joined_on=since.joined_on,
                ),
                say("Take that apart first."),
            )
        )
    if since.decided:
        found.append(
            Obstacle(
                "DECIDED_SINCE",
                say(
                    "%(decided)s has been decided since, with what both records say.",
                    decided=_months(since.decided),
                ),
                say("A decided month stays as it was decided, so the records stay one."),
            )
        )
    if since.signed:
        found.append(
            Obstacle(
                "SIGNED_SINCE",
                say(
                    "%(signed)s for record %(kept)s %(which)s signed since.",
                    signed=_many(since.signed, "claim"),
                    kept=kept,
                    which="was" if since.signed == 1 else "were",
                ),
                say("Withdraw what is not sent; a sent claim stays, and the records stay one."),
            )
        )
    if since.leaning:
        named = ", ".join(_many(count, what) for what, count in since.leaning)
        found.append(
            Obstacle(
                "LEANS_ON_IT",
                say(
                    "Since then %(named)s came to be that belong to what the other record had brought.",
                    named=named,
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
    return {1: "first", 2: "second", 3: "third"}.get(rank, f"in place {rank}")


def _months(months: tuple[str, ...]) -> str:
    words = [f"{date.fromisoformat(f'{month}-01'):%B %Y}" for month in sorted(months)]
    if len(words) > 3:
        return f"{words[0]} to {words[-1]} ({len(words)} months)"
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _many(count: int, word: str) -> str:
    if count == 1:
        return f"1 {word}"
    head, of, rest = word.partition(" of ")
    return f"{count} {head[:-1]}ies{of}{rest}" if head.endswith("y") else f"{count} {head}s{of}{rest}"
