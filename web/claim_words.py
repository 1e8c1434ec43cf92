"""Words of claims that their pages share: a claim in a list, where a finding is mended, a file, an amount."""

from typing import Any, Final

from carewright_plugin_api.facts import local_day

from server.claims.claim import Claim, ScrubFinding
from server.claims.claim_rows import STATES, ClaimRow, InterchangeRow
from server.words import N_, say
from web.rendering import called, day, moment

_SIGNS: Final = {
    "to_mend": "waiting", "to_look_at": "soon", "ready": "plain", "signed": "done", "sent": "done", "refused": "soon",
    "denied": "soon", "withdrawn": "plain", "replaced": "plain",
}  # fmt: skip
#: how the name of what a finding is about begins -> where it is mended
_PLACES: Final = (
    ("decision", "/month/{month}/{id}"),
    ("rendering_npi", "/practice/staff"),
    ("rendering", "/practice/billing"),
    ("bill", "/practice/billing"),
    ("tin", "/practice/billing/identity"),
    ("taxonomy", "/practice/billing/identity"),
    ("charge", "/practice/billing/charges"),
    ("route", "/practice/billing"),
    ("place_of_service", "/practice/billing"),
    ("site", "/practice/billing"),
    ("diagnos", "/people/{id}/diagnoses"),
    ("pointers", "/people/{id}/diagnoses"),
    ("member_id", "/people/{id}/details#insurance"),
    ("coverage", "/people/{id}/details#insurance"),
    ("relationship", "/people/{id}/details#insurance"),
    ("subscriber", "/people/{id}/details#insurance"),
    ("address", "/people/{id}/details"),
    ("", "/people/{id}"),
)
_VOID: Final = N_("nothing: it takes back what was sent")


def brief(row: ClaimRow, zone: str) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "href": _address(row),
        "name": f"{called(row)} {row.family_name}",
        "payer": row.payer_name,
        "services": say(_VOID) if row.claim.frequency == "8" else ", ".join(_service_words(row.claim)),
        "total": dollars(row.asked),
        "chosen": f"{row.patient_id}|{row.id}|{row.content_hash}",
        "number": row.number,
        "state": say(STATES[row.state]),
        "sign": _SIGNS[row.state],
        "kind": _kind(row),
        "signed": say(
            "%(day)s by %(signed_by)s", day=day(local_day(row.signed_at, zone)), signed_by=row.signed_by
        )
        if row.signed_at
        else "",
        "note": row.note,
        "denied": say("%(day)s, entered by %(denied_by)s", day=day(row.denied_on), denied_by=row.denied_by)
        if row.denied_on
        else "",
        "unanswered": row.unanswered,
        "said": " ".join(finding.sentence for finding in row.findings),
        "changed": row.changed_since,
        "patient": f"/people/{row.patient_id}",
    }


def _address(row: ClaimRow) -> str:
    return f"/month/{row.month}/unsigned/{row.patient_id}/{row.id}" if row.draft else f"/claims/{row.id}"


def _kind(row: ClaimRow) -> str:
    """Empty for a first claim."""
    if row.claim.frequency == "1":
        return ""
    if row.claim.frequency == "7":
        return say("Replaces claim %(number)s", number=row.replaces_number)
    return say("Makes void claim %(number)s", number=row.replaces_number)


def _service_words(claim: Claim) -> list[str]:
    return [
        " ".join([service.code, *service.modifiers]) + (f" × {service.units}" if service.units > 1 else "")
        for service in claim.services
    ]


def dollars(amount: Any) -> str:
    return f"${amount:,.2f}"


def pays_words(rank: int) -> str:
    """The place in which a coverage pays."""
    return {1: say("first"), 2: say("second")}.get(rank) or say("in place %(number)s", number=rank)


def place_of_mending(finding: ScrubFinding) -> str:
    return next(where for begins, where in _PLACES if finding.field.startswith(begins))


def mended_at(finding: ScrubFinding, row: ClaimRow) -> str:
    return place_of_mending(finding).format(id=row.patient_id, month=row.month)


def file_words(one: InterchangeRow, zone: str) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "name": one.file_name,
        "number": f"{one.control_number:09d}",
        "receiver": f"{one.receiver_name} ({one.receiver_id})",
        "claims": one.claims,
        "total": dollars(one.total),
        "made": say("%(moment)s by %(made_by)s", moment=moment(one.made_at, zone), made_by=one.made_by),
        "deliveries": one.deliveries,
        "production": one.production,
        "hash": one.content_hash,
    }
