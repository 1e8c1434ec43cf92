"""Which signed claims may not go out while an older one stands. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from server.claims.claim import service_keys
from server.claims.claim_rows import ClaimRow
from server.claims.scrub import spoils_a_file
from server.words import say


def resting_on(old: ClaimRow, rows: Sequence[ClaimRow]) -> list[ClaimRow]:
    """Of a patient's month, the claims signed and not sent that may stand only if `old` is gone and do not themselves
    replace it: they ask for its services, or another payer for the same month. A payer that denied `old` still has it,
    and would take the same service on a claim beside it for a second asking; to another payer it is nothing."""
    asked = service_keys(old.claim)
    return [
        row
        for row in rows
        if row.state == "signed"
        and row.claim.frequency != "8"
        and row.replaces_id != old.id
        and (asked & service_keys(row.claim) if row.payer_id == old.payer_id else old.state != "denied")
    ]


def in_the_way(row: ClaimRow, rows: Sequence[ClaimRow]) -> list[ClaimRow]:
    """Of a patient's month, the signed claims to be withdrawn before `row` may stop standing: those that replace it, and
    those that count on what it replaces being gone, which would go out beside what comes back.

    Of claims that exchange services, two or a whole ring, each counts on the next. None of them is sent without the
    others, so any of them may be the first to be withdrawn; of what is left, each waits only for those that count on it.
    """
    signed = [one for one in rows if one.state == "signed" and one.id != row.id]
    found = [one for one in signed if one.replaces_id == row.id]
    old = next((one for one in rows if one.id == row.replaces_id), None)
    if old is not None:
        needed = _counted_on(row, signed, rows)
        found += [one for one in resting_on(old, signed) if one.id not in needed]
    return found


def _counted_on(row: ClaimRow, signed: Sequence[ClaimRow], rows: Sequence[ClaimRow]) -> set[UUID]:
    """The signed claims on whose going out `row` counts, perhaps by way of others."""
    by_id = {one.id: one for one in rows}
    found: set[UUID] = set()
    ahead = [row]
    while ahead:
        here = ahead.pop()
        for one in signed:
            old = by_id.get(one.replaces_id) if one.replaces_id else None
            if old is not None and one.id not in found and resting_on(old, [here]):
                found.add(one.id)
                ahead.append(one)
    return found


def left_behind(rows: Sequence[ClaimRow], waiting: Collection[UUID]) -> set[UUID]:
    """Of a patient's month, which of the claims in `waiting` must not be sent: those that no longer say what the newest
    decision does or would spoil their file, and those that would stand beside a sent claim whose replacement or void does not go with them."""
    left = {row.id for row in rows if row.id in waiting and (row.changed_since or spoils_a_file(row.claim))}
    while True:
        going = {row.replaces_id for row in rows if row.id in waiting and row.id not in left}
        stands = [
            row
            for row in rows
            if row.state in ("sent", "denied") and row.claim.frequency != "8" and row.id not in going
        ]
        more = {row.id for old in stands for row in resting_on(old, rows) if row.id in waiting} - left
        if not more:
            return left
        left |= more


def remarks(rows: Iterable[ClaimRow]) -> dict[UUID, str]:
    """Claim -> why it is not to be typed into another system as it stands, of the claims of months, whole by patient."""
    months: dict[tuple[str, UUID], list[ClaimRow]] = defaultdict(list)
    for row in rows:
        months[row.month, row.patient_id].append(row)
    found: dict[UUID, str] = {}
    for theirs in months.values():
        signed = [row for row in theirs if row.state == "signed"]
        behind = left_behind(theirs, {row.id for row in signed})
        instead = {row.replaces_id: row.number for row in signed}
        for row in theirs:
            if row.id in behind:
                found[row.id] = say("Not to be sent: what was signed is not so any more. Withdraw it.")
            elif row.id in instead:
                found[row.id] = say(
                    "Not to be sent again: claim %(number)s takes its place.", number=instead[row.id]
                )
    return found
