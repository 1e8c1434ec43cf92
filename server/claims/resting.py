"""Which signed claims may not go out while an older one stands. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from server.claims.claim import service_keys
from server.claims.claim_rows import ClaimRow
from server.claims.scrub import spoils_a_file


def resting_on(old: ClaimRow, rows: Sequence[ClaimRow]) -> list[ClaimRow]:
    """Of a patient's month, the claims signed and not sent that may stand only if `old` is gone and do not themselves
    replace it: they ask for its services, or another payer for the same month."""
    asked = service_keys(old.claim)
    return [
        row
        for row in rows
        if row.state == "signed"
        and row.claim.frequency != "8"
        and row.replaces_id != old.id
        and (row.payer_id != old.payer_id or asked & service_keys(row.claim))
    ]


def left_behind(rows: Sequence[ClaimRow], waiting: Collection[UUID]) -> set[UUID]:
    """Of a patient's month, which of the claims in `waiting` must not be sent: those that no longer say what the newest
    decision does or would spoil their file, and those that would stand beside a sent claim whose replacement or void does not go with them."""
    left = {row.id for row in rows if row.id in waiting and (row.changed_since or spoils_a_file(row.claim))}
    while True:
        going = {row.replaces_id for row in rows if row.id in waiting and row.id not in left}
        stands = [
            row for row in rows if row.state == "sent" and row.claim.frequency != "8" and row.id not in going
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
                found[row.id] = "Not to be sent: what was signed is not so any more. Withdraw it."
            elif row.id in instead:
                found[row.id] = f"Not to be sent again: claim {instead[row.id]} takes its place."
    return found
