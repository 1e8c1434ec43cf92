"""A patient-month's proof in plain words: what templates/month/_packet.html prints. Decides and counts nothing."""

from typing import Any, Final
from uuid import UUID

from server.claims.adding_up import Sum
from server.claims.claim_rows import STATES
from server.claims.evidence import Evidence, LineProof
from server.claims.fates import ClaimFate
from server.claims.overrides import KINDS as OVERRIDES
from server.claims.overrides import OverrideRow
from server.claims.queries import HoldRow
from server.enrollment.tables import PROGRAMS, STATUSES
from server.plugin_host.discover import plugins
from server.tenants.practice import POLICIES
from web.proof_minutes import contact_told, entry_told
from web.proof_standing import (
    conditions_told,
    consent_told,
    coverage_told,
    elements_told,
    levels_told,
    plan_told,
    services_told,
    stays_told,
    visits_told,
    wordings_named,
)
from web.proof_words import cited, dollars, exact, facts_told, lasted, listed, span_words
from web.rendering import day, month_words

_WHOSE: Final = {
    "staff": "Clinical staff",
    "practitioner": "Billing practitioner",
    "together": "Clinical staff and practitioner together",
}


def packet(found: Evidence, month: str) -> dict[str, Any]:
    """Values for templates/month/_packet.html: plain words, nothing left to decide."""
    zone, row = found.who.zone, found.decision
    numbers = {one.row.id: number for number, one in enumerate((*found.entries, *found.beside), 1)}
    contacts = {one.row.id: number for number, one in enumerate(found.contacts, 1)}
    payer = plugins().payer_kinds().get(row.payer_name, row.payer_name)
    billed = [one for one in found.plans if one.billed]
    return {
        "month": month,
        "title": month_words(month),
        "row": row,
        "payer": payer,
        "newest": found.newest,
        "newest_version": found.versions[0].number,
        "as_stored": found.as_stored,
        "who": _who(found, payer),
        "lines": [_line(one, numbers, found, zone) for one in found.lines],
        "holds": [_hold(one) for one in found.holds],
        "entries": [entry_told(one, numbers, contacts, zone) for one in found.entries],
        "beside": [entry_told(one, numbers, contacts, zone) for one in found.beside],
        "sums": [_sum(one, numbers) for one in found.sums],
        "contacts": [contact_told(one, found, numbers, contacts, zone) for one in found.contacts],
        "consents": [consent_told(one, zone) for one in found.consents],
        "wordings": wordings_named(found.consents),
        "plan": [plan_told(one, zone) for one in billed],
        "plans_before": [
            f"Version {one.row.number}, dated {day(one.row.dated_on)}" for one in found.plans if not one.billed
        ],
        "coverage": coverage_told(found, payer),
        "conditions": conditions_told(found),
        "visits": visits_told(found),
        "enrollments": [
            f"{PROGRAMS.get(one.program, one.program)}: {STATUSES[one.status].lower()} from {day(one.started_on)}"
            + (f" until {day(one.ended_on)}" if one.ended_on else "")
            + (f", with {one.practitioner_name}" if one.practitioner_name else "")
            for one in found.enrollments
        ],
        "elements": elements_told(found, zone),
        "levels": levels_told(found, zone),
        "stays": stays_told(found, zone),
        "services": services_told(found),
        "findings": [
            {"sentence": f"{one.sentence} {one.next_step}".strip(), "look": one.severity == "review", "rule": one.rule_id}
            for one in found.findings
        ],
        "changes": [one.sentence for one in found.changes],
        "chosen": [_chosen(one, zone) for one in found.overrides],
        "claims": [_fate(one, zone) for one in found.claims],
        "decided": _decided(found, zone),
        "versions": [
            {
                "number": one.number,
                "when": exact(one.decided_at, zone),
                "by": one.decided_by or "",
                "rules": f"{one.plugin} {one.plugin_version}".strip(),
                "rule_set": one.rule_set_hash[:12],
                "facts": one.facts_fingerprint[:12],
                "shown": one.number == row.version,
            }
            for one in found.versions
        ],
    }  # fmt: skip


def _who(found: Evidence, payer: str) -> list[tuple[str, str]]:
    who = found.who
    pairs = [
        ("Patient", who.name),
        ("Born", day(who.birth_date)),
        ("Record number", who.record_number),
        ("Practice", f"{who.practice_name}, NPI {who.practice_npi}"),
        (
            "Billing practitioner",
            f"{who.practitioner_name}, NPI {who.practitioner_npi or 'not on file'}" if who.practitioner_name else "none",
        ),
        ("Payer", payer or "none"),
        ("Member number", found.coverage.member_id if found.coverage and found.coverage.member_id else "not on file"),
        ("Times", f"on the practice's clock, {who.zone}; elapsed seconds, never rounded up"),
    ]  # fmt: skip
    if who.died_on:
        pairs.insert(2, ("Died", day(who.died_on)))
    return pairs


def _line(one: LineProof, numbers: dict[UUID, int], found: Evidence, zone: str) -> dict[str, Any]:
    line = one.row
    shares = {share.entry_id: share for share in one.sum.shares} if one.sum else {}
    by_id = {str(entry.row.id): entry for entry in found.entries}
    return {
        "id": str(line.id),
        "code": " ".join([line.code, *line.modifiers]),
        "label": line.label,
        "units": line.units,
        "program": PROGRAMS.get(line.program, line.program),
        "on": day(line.service_on),
        "amount": dollars(line.amount) if line.amount is not None else "",
        "amount_note": line.amount_note,
        "sentence": line.sentence,
        "rule": line.rule_id,
        "facts": facts_told(line.facts_used),
        "citations": [cited(told) for told in line.citations],
        "change": line.what_would_change,
        "rests_on": listed(sorted(numbers[id] for id in line.entry_ids if id in numbers)),
        "adding": [
            {
                "number": numbers[by_id[id].row.id],
                "when": span_words(by_id[id].row.started_at, by_id[id].row.ended_at, zone),
                "who": by_id[id].row.staff_name or "",
                "told": f"{share.told:,} s",
                "left_out": f"{share.left_out:,} s" if share.left_out else "",
                "counted": f"{share.counted:,} s",
            }
            for id, share in sorted(shares.items(), key=lambda item: numbers.get(UUID(item[0]), 0))
            if id in by_id
        ],
        "total": _total(one.sum) if one.sum else None,
    }


def _total(total: Sum) -> dict[str, Any]:
    return {
        "seconds": f"{total.counted.seconds:,} s",
        "words": f"{total.counted.seconds:,} seconds are {lasted(total.counted.seconds)}; "
        f"rounded down once, {total.counted.minutes} whole minutes.",
        "agrees": total.agrees,
    }


def _sum(total: Sum, numbers: dict[UUID, int]) -> dict[str, str]:
    return {
        "program": PROGRAMS.get(total.counted.program, total.counted.program),
        "who": _WHOSE.get(total.counted.who, total.counted.who),
        "rests_on": listed(sorted(n for id in total.counted.entry_ids if (n := numbers.get(UUID(id)))))
        or ("as above, each minute once" if total.counted.seconds else "none"),
        "seconds": f"{total.counted.seconds:,} s",
        "minutes": f"{total.counted.minutes} min",
    }


def _hold(hold: HoldRow) -> dict[str, Any]:
    return {
        "program": PROGRAMS.get(hold.program, hold.program),
        "reason": hold.reason,
        "sentence": hold.sentence,
        "next_step": hold.next_step,
        "rule": hold.rule_id,
        "facts": facts_told(hold.facts_used),
        "citations": [cited(told) for told in hold.citations],
        "change": hold.what_would_change,
    }


def _chosen(one: OverrideRow, zone: str) -> dict[str, Any]:
    """What a person decided about the month, or took back."""
    about = {"withhold": one.target or "the whole month", "choose": POLICIES.get(one.target, one.target)}
    what = f"{OVERRIDES[one.kind]}: {about.get(one.kind, one.target)}"
    return {
        "id": str(one.id),
        "what": f"Taken back: {what}" if one.withdraws_id else what,
        "reason": one.reason,
        "by": f"{exact(one.made_at, zone)} by {one.made_by_name or 'the system'}",
        "in_force": one.withdraws_id is None and not one.withdrawn,
    }


def _fate(one: ClaimFate, zone: str) -> dict[str, str]:
    """What became of a claim, and by whose entry."""
    kind = {"7": ", a replacement", "8": ", a void"}.get(one.frequency, "")
    said = f"; the payer said so on {day(one.denied_on)}" if one.denied_on else ""
    became = one.denied_by if one.state == "denied" else one.changed_by
    return {
        "number": f"{one.number}{kind}",
        "payer": one.payer_name,
        "total": dollars(one.total),
        "signed": f"{exact(one.signed_at, zone)} by {one.signed_by or 'the system'}",
        "state": f"{STATES[one.state]}{said}",
        "note": one.note,
        "by": f"{exact(one.changed_at, zone)} by {became or 'the system'}" if one.state != "signed" else "",
    }


def _decided(found: Evidence, zone: str) -> list[tuple[str, str]]:
    row = found.decision
    shown = next(one for one in found.versions if one.number == row.version)
    return [
        ("Decided", f"{exact(row.decided_at, zone)}{f', closed by {shown.decided_by}' if shown.decided_by else ''}"),
        ("Rules", f"{row.plugin} {row.plugin_version}".strip() or "nobody's: a person decides"),
        ("Rule set, sha256", row.rule_set_hash or "none"),
        ("Facts, sha256", row.facts_fingerprint or "none"),
        ("Policy", POLICIES.get(row.policy, row.policy)),
        ("Version", f"{row.version} of {found.versions[0].number}; nothing was ever overwritten"),
        (
            "Checked now",
            "facts and answer are as they were stored" if found.as_stored else "NOT as they were stored",
        ),
    ]  # fmt: skip
