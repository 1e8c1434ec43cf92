"""Two coverages that would pay in one place at one time. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from server.dates import dated
from server.errors import Refused
from server.words import say


@dataclass(frozen=True, slots=True)
class Covered:
    """Who pays in a place from when to when; an open end is None."""

    payer: str
    from_on: date
    to_on: date | None


def refuse_overlap(others: Iterable[Covered], from_on: date, to_on: date | None) -> None:
    """Raises Refused COVERAGE_OVERLAPS where one of the others in the same place pays on a day of these."""
    for each in others:
        if (each.to_on is None or from_on <= each.to_on) and (to_on is None or each.from_on <= to_on):
            raise Refused(
                "COVERAGE_OVERLAPS",
                say(
                    "%(payer)s already pays in that place from %(from_on)s to %(to_on)s.",
                    payer=each.payer,
                    from_on=dated(each.from_on, short=True),
                    to_on=dated(each.to_on, short=True),
                )
                if each.to_on
                else say(
                    "%(payer)s already pays in that place from %(from_on)s.",
                    payer=each.payer,
                    from_on=dated(each.from_on, short=True),
                ),
                say("End that coverage first, or say that this one pays second."),
                "from_on",
            )
