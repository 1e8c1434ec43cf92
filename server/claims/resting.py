"""Which signed claims may not go out while an older one stands. Pure."""

from collections.abc import Collection, Sequence
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
