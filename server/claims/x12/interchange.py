"""A file of claims: envelope, transaction, and the claims in it. Pure. Source: 005010X222A1, X12.5 and X12.6.

One interchange, one group, one transaction: the receiver's answers (TA1, 999) then speak of one thing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from server.claims.claim import Biller, Claim, Route
from server.claims.x12 import loops
from server.claims.x12.segments import COMPONENT, REPETITION, joined, segment
from server.claims.x12.words import plain

VERSION: Final = "005010X222A1"
MOST_CLAIMS: Final = 5000  # in one transaction, as the implementation guide recommends
_TRANSACTION: Final = "0001"


@dataclass(frozen=True, slots=True)
class Numbered:
    """A signed claim and the number it was given."""

    number: str
    claim: Claim


@dataclass(frozen=True, slots=True)
class Envelope:
    """control_number: 1 to 999,999,999, never used twice for this receiver. made_at: on the practice's own clock."""

    control_number: int
    made_at: datetime
    production: bool


class NotWritable(ValueError):
    """A claim that its scrub should have stopped: something no file can do without is missing. number: the claim's,
    or empty where it is not about one."""

    def __init__(self, why: str, number: str = "") -> None:
        super().__init__(why)
        self.number = number


def write(claims: Sequence[Numbered], envelope: Envelope) -> str:
    """The text of a file, ASCII, one segment a line. All claims go to one receiver, from one submitter."""
    if not 1 <= len(claims) <= MOST_CLAIMS:
        raise NotWritable(f"a file holds 1 to {MOST_CLAIMS} claims, not {len(claims)}")
    biller, route = _ends(claims)
    body = [
        segment("ST", "837", _TRANSACTION, VERSION),
        segment(
            "BHT", "0019", "00", f"{envelope.control_number:09d}", envelope.made_at.date(), f"{envelope.made_at:%H%M}",
            "CH",
        ),
        *loops.submitter(biller),
        *loops.receiver(route),
        *_levels(claims),
    ]  # fmt: skip
    body.append(segment("SE", len(body) + 1, _TRANSACTION))
    text = joined([_isa(biller, route, envelope), _gs(biller, route, envelope), *body, *_trailers(envelope)])
    if not text.isascii():
        raise NotWritable("a character that a claim cannot carry")
    return text


def _ends(claims: Sequence[Numbered]) -> tuple[Biller, Route]:
    """Who sends and who takes in; NotWritable unless it is one of each."""
    ends: list[tuple[Biller, Route]] = []
    for numbered in claims:
        biller, route = numbered.claim.biller, numbered.claim.route
        if biller is None or route is None:
            raise NotWritable("a claim does not say who bills or where it goes", numbered.number)
        ends.append((biller, route))
    if len({(biller.submitter_id, route.receiver_id) for biller, route in ends}) != 1:
        raise NotWritable("claims for several receivers in one file")
    return ends[-1]  # the newest statement about the practice speaks for the file


def _levels(claims: Sequence[Numbered]) -> list[str]:
    """2000A for each billing provider, below it 2000B for each subscriber, below that 2000C and the claims."""
    count = loops.Count()
    written: list[str] = []
    for biller, grouped in groupby(claims, key=lambda n: n.claim.biller):
        theirs = list(grouped)
        if biller is None:
            raise NotWritable("a claim does not say who bills", theirs[0].number)
        above = count.following()
        alone = (n.claim.rendering for n in theirs if n.claim.rendering)
        person = next((one for one in alone if one.npi == biller.npi), None)
        written += loops.billing_provider(biller, above, person)
        for numbered in theirs:
            claim, route = numbered.claim, numbered.claim.route
            if route is None or claim.person.birth_date is None:
                raise NotWritable(
                    "a claim does not say where it goes or when the person was born", numbered.number
                )
            level = count.following()
            mine = [*loops.subscriber(claim, route, level, above)]
            if claim.insured.relationship != "self":
                mine += loops.dependent(claim, count.following(), level)
            mine += loops.claim_loops(claim, numbered.number)
            if not all(map(str.isascii, mine)):
                raise NotWritable("a character that a claim cannot carry", numbered.number)
            written += mine
    return written


def _isa(biller: Biller, route: Route, envelope: Envelope) -> str:
    """Fixed in width: a reader takes the delimiters from its places."""
    sender, taker = plain(biller.submitter_id).ljust(15), plain(route.receiver_id).ljust(15)
    when = envelope.made_at
    elements = [
        "ISA", "00", " " * 10, "00", " " * 10, "ZZ", sender, "ZZ", taker, f"{when:%y%m%d}", f"{when:%H%M}", REPETITION,
        "00501", f"{envelope.control_number:09d}", "0", "P" if envelope.production else "T", COMPONENT,
    ]  # fmt: skip
    return "*".join(elements)


def _gs(biller: Biller, route: Route, envelope: Envelope) -> str:
    when = envelope.made_at
    return segment(
        "GS", "HC", biller.submitter_id, route.receiver_id, when.date(), f"{when:%H%M}", envelope.control_number, "X",
        VERSION,
    )  # fmt: skip


def _trailers(envelope: Envelope) -> list[str]:
    return [
        segment("GE", 1, envelope.control_number),
        segment("IEA", 1, f"{envelope.control_number:09d}"),
    ]
