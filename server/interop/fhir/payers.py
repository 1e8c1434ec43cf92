"""Coverage as our table holds it, and what a pile of bills says about who paid. Pure: values in, values out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from server.interop.fhir.rows import CoverageRow

Columns = dict[str, object]

#: What systems write where a payer's name belongs when there is none.
_NOBODY = frozenset({"", "no insurance", "none", "self pay", "selfpay", "uninsured", "unknown"})


@dataclass(frozen=True, slots=True)
class BilledPayer:
    """A payer that bills name for one person, and the first and last days those bills are about."""

    payer: str
    product: str
    member_id: str
    first: date
    last: date


#: FHIR's subscriber-relationship code -> what the patient is to the subscriber
_RELATIONSHIPS: Final = {
    "self": "self",
    "spouse": "spouse",
    "child": "child",
    "common": "life_partner",
} | dict.fromkeys(("parent", "other", "injured"), "other")


def coverage_columns(row: CoverageRow, today: date) -> Columns:
    """A Coverage record. Without a start it is taken from `today`, so that no earlier month is billed on a guess."""
    ended = row.end.last_day if row.end else None
    if ended is None and row.status == "cancelled":
        ended = today
    return {
        "product": row.product or (row.kind.text if row.kind else ""),
        "member_id": row.member_id,
        "group_number": row.group,
        "relationship": _RELATIONSHIPS.get(row.relationship, "self"),
        "rank": row.order if row.order and 0 < row.order < 10 else 1,
        "from_on": row.start.day if row.start else min(today, ended or today),
        "to_on": ended,
    }


def payer_name(row: CoverageRow) -> str:
    identifier = row.payer_identifier.value if row.payer_identifier else ""
    return row.payer or (row.kind.text if row.kind else "") or identifier


def is_nobody(payer: str) -> bool:
    return payer.casefold().replace("_", " ").replace("-", " ").strip() in _NOBODY


def billed_payers(bills: Iterable[CoverageRow]) -> list[BilledPayer]:
    """One person's bills, added up by payer, the latest billed first. Bills without a day tell nothing."""
    found: dict[tuple[str, str], BilledPayer] = {}
    for bill in bills:
        first, last = bill.start or bill.end, bill.end or bill.start
        name = payer_name(bill)
        if first is None or last is None or not name:
            continue
        key = (name.casefold(), bill.member_id)
        old = found.get(key)
        found[key] = BilledPayer(
            old.payer if old else name,
            (old.product if old else "") or bill.product,
            bill.member_id,
            min(first.day, old.first) if old else first.day,
            max(last.last_day, old.last) if old else last.last_day,
        )
    return sorted(found.values(), key=lambda each: (each.last, each.first, each.payer), reverse=True)
