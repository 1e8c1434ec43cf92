"""The chain over a practice's audit: every event's hash takes in the one before, so a change anywhere shows.

Pure: what is read from the database and from the store of signed heads goes in, breaches come out. A chain alone
proves that nothing in it was changed; only a head kept elsewhere proves that its end is still the end.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from uuid import UUID

from server.words import say

_FORMAT = (
    1  # part of every hash: a new field in the audit means a new format for new events, never for old ones
)


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the audit, as it was written."""

    id: UUID
    at: datetime
    staff_id: UUID | None
    role: str
    via: str
    request_id: str
    action: str
    effect: str
    patient_ids: tuple[UUID, ...]
    entity: str
    entity_ids: tuple[UUID, ...]
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seal:
    """One link. number: 1, 2, 3 ... without a gap, in the order the sealer met the events."""

    id: UUID
    number: int
    event_id: UUID
    chain_hash: str
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a practice's chain at an instant, kept outside the database. genuine: its signature is ours."""

    number: int
    chain_hash: str
    genuine: bool = True


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that was done to the audit. Numbers are places in the chain; `last` is after `first` when only the
    stretch is known. code: EDITED, MISSING_EVENT, MISSING_SEAL, UNSEALED, LOST, TRUNCATED, REWRITTEN, SUBJECTS or
    FORGED_HEAD."""

    code: str
    first: int | None
    last: int | None
    event_id: UUID | None
    says: str


def origin(tenant_id: UUID) -> str:
    """What the first link of a practice takes in, so that no practice's chain passes for another's."""
    return sha256(b"carewright audit " + tenant_id.bytes).hexdigest()


def link(before: str, seal_id: UUID, number: int, sealed_at: datetime, event: Event) -> str:
    """The chain hash of `event` at `number`: 64 hexadecimal digits."""
    row = [
        _FORMAT, before, str(seal_id), number, _instant(sealed_at),
        str(event.id), _instant(event.at), None if event.staff_id is None else str(event.staff_id), event.role,
        event.via, event.request_id, event.action, event.effect, [str(i) for i in event.patient_ids], event.entity,
        [str(i) for i in event.entity_ids], event.details,
    ]  # fmt: skip
    return sha256(json.dumps(row, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")


def broken_links(
    after: Seal | None, tenant_id: UUID, links: Iterable[tuple[Seal, Event | None]]
) -> list[Breach]:
    """What is wrong in a stretch of the chain, in order of number. after: the seal before it, None at the start.

    Each link is checked against the hash stored before it, so that one change is one breach where it happened.
    """
    found = []
    number, before = (0, origin(tenant_id)) if after is None else (after.number, after.chain_hash)
    for seal, event in links:
        gap = seal.number != number + 1
        if gap:
            found.append(
                Breach(
                    "MISSING_SEAL",
                    number + 1,
                    seal.number - 1,
                    None,
                    say("Links of the chain were taken out."),
                )
            )
        if event is None:
            found.append(
                Breach(
                    "MISSING_EVENT",
                    seal.number,
                    seal.number,
                    seal.event_id,
                    say("A sealed event was deleted."),
                )
            )
        elif not gap and not compare_digest(
            link(before, seal.id, seal.number, seal.sealed_at, event), seal.chain_hash
        ):
            found.append(
                Breach(
                    "EDITED",
                    seal.number,
                    seal.number,
                    seal.event_id,
                    say("This is not what was sealed here."),
                )
            )
        number, before = seal.number, seal.chain_hash
    return found


def broken_ends(last: int, hashes: dict[int, str], heads: Sequence[Head]) -> list[Breach]:
    """What the heads kept elsewhere say. last: the chain's newest number; hashes: its hash at each head's number."""
    found = []
    trusted = 0
    for head in sorted(heads, key=lambda h: h.number):
        if not head.genuine:
            found.append(
                Breach(
                    "FORGED_HEAD",
                    head.number,
                    head.number,
                    None,
                    say("A signed head was altered or is not ours."),
                )
            )
        elif head.number > last:
            says = say(
                "The chain was signed to %(number)s and ends at %(last)s: this stretch was cut or "
                "sealed anew.",
                number=head.number,
                last=last,
            )
            found.append(Breach("TRUNCATED", trusted + 1, head.number, None, says))
            break
        elif not compare_digest(hashes.get(head.number, ""), head.chain_hash):
            found.append(
                Breach(
                    "REWRITTEN",
                    trusted + 1,
                    head.number,
                    None,
                    say("This stretch was sealed anew after it was signed."),
                )
            )
            trusted = head.number
        else:
            trusted = head.number
    return found
