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
from server.enrollment.queries import EnrollmentRow
from server.enrollment.tables import PROGRAMS, STATUSES
from server.plugin_host.discover import plugins
from server.tenants.practice import POLICIES
from server.words import N_, say, say_of
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
from web.proof_words import (
    by_whom,
    cited,
    dollars,
    exact,
    facts_told,
    in_seconds,
    lasted,
    listed,
    period,
    span_words,
)
from web.rendering import day, month_words

_WHOSE: Final = {
    "staff": N_("Clinical staff"),
    "practitioner": N_("Billing practitioner"),
    "together": N_("Clinical staff and practitioner together"),
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
            say("Version %(number)s, dated %(day)s", number=one.row.number, day=day(one.row.dated_on))
            for one in found.plans if not one.billed
        ],
        "coverage": coverage_told(found, payer),
        "conditions": conditions_told(found),
        "visits": visits_told(found),
        "enrollments": [_enrollment(one) for one in found.enrollments],
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
    none, not_on_file = say("none"), say("not on file")
    pairs = [
        (say("Patient"), who.name),
        (say("Born"), day(who.birth_date)),
        (say("Record number"), who.record_number),
        (say("Practice"), _numbered(who.practice_name, who.practice_npi)),
        (
            say("Billing practitioner"),
            _numbered(who.practitioner_name, who.practitioner_npi or not_on_file) if who.practitioner_name else none,
        ),
        (say("Payer"), payer or none),
        (say("Member number"), found.coverage.member_id if found.coverage and found.coverage.member_id else not_on_file),
        (say("Times"), say("on the practice's clock, %(zone)s; elapsed seconds, never rounded up", zone=who.zone)),
    ]  # fmt: skip
    if who.died_on:
        pairs.insert(2, (say("Died"), day(who.died_on)))
    return pairs


def _numbered(name: str, npi: str) -> str:
    return say("%(name)s, NPI %(npi)s", name=name, npi=npi)


def _enrollment(one: EnrollmentRow) -> str:
    program, status = say(PROGRAMS.get(one.program, one.program)), say(STATUSES[one.status]).lower()
    when = period(one.started_on, one.ended_on)
    if not one.practitioner_name:
        return say("%(program)s: %(status)s %(period)s", program=program, status=status, period=when)
    return say(
        "%(program)s: %(status)s %(period)s, with %(name)s",
        program=program,
        status=status,
        period=when,
        name=one.practitioner_name,
    )


def _line(one: LineProof, numbers: dict[UUID, int], found: Evidence, zone: str) -> dict[str, Any]:
    line = one.row
    shares = {share.entry_id: share for share in one.sum.shares} if one.sum else {}
    by_id = {str(entry.row.id): entry for entry in found.entries}
    return {
        "id": str(line.id),
        "code": " ".join([line.code, *line.modifiers]),
        "label": line.label,
        "units": line.units,
        "program": say(PROGRAMS.get(line.program, line.program)),
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
                "told": in_seconds(share.told),
                "left_out": in_seconds(share.left_out) if share.left_out else "",
                "counted": in_seconds(share.counted),
            }
            for id, share in sorted(shares.items(), key=lambda item: numbers.get(UUID(item[0]), 0))
            if id in by_id
        ],
        "total": _total(one.sum) if one.sum else None,
    }


def _total(total: Sum) -> dict[str, Any]:
    return {
        "seconds": in_seconds(total.counted.seconds),
        "words": say_of(
            "%(n)s second is %(time)s; rounded down once, %(minutes)s.",
            "%(n)s seconds are %(time)s; rounded down once, %(minutes)s.",
            total.counted.seconds,
            time=lasted(total.counted.seconds),
            minutes=say_of("%(n)s whole minute", "%(n)s whole minutes", total.counted.minutes),
        ),
        "agrees": total.agrees,
    }


def _sum(total: Sum, numbers: dict[UUID, int]) -> dict[str, str]:
    return {
        "program": say(PROGRAMS.get(total.counted.program, total.counted.program)),
        "who": say(_WHOSE.get(total.counted.who, total.counted.who)),
        "rests_on": listed(sorted(n for id in total.counted.entry_ids if (n := numbers.get(UUID(id)))))
        or (say("as above, each minute once") if total.counted.seconds else say("none")),
        "seconds": in_seconds(total.counted.seconds),
        "minutes": say("%(minutes)s min", minutes=total.counted.minutes),
    }


def _hold(hold: HoldRow) -> dict[str, Any]:
    return {
        "program": say(PROGRAMS.get(hold.program, hold.program)),
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
    about = {
        "withhold": one.target or say("the whole month"),
        "choose": say(POLICIES.get(one.target, one.target)),
    }
    what = say(
        "%(choice)s: %(about)s", choice=say(OVERRIDES[one.kind]), about=about.get(one.kind, one.target)
    )
    return {
        "id": str(one.id),
        "what": say("Taken back: %(choice)s", choice=what) if one.withdraws_id else what,
        "reason": one.reason,
        "by": by_whom(one.made_at, zone, one.made_by_name),
        "in_force": one.withdraws_id is None and not one.withdrawn,
    }


def _fate(one: ClaimFate, zone: str) -> dict[str, str]:
    """What became of a claim, and by whose entry."""
    number, state = one.number, say(STATES[one.state])
    if one.frequency == "7":
        number = say("%(number)s, a replacement", number=number)
    elif one.frequency == "8":
        number = say("%(number)s, a void", number=number)
    if one.denied_on:
        state = say("%(state)s; the payer said so on %(day)s", state=state, day=day(one.denied_on))
    became = one.denied_by if one.state == "denied" else one.changed_by
    return {
        "number": number,
        "payer": one.payer_name,
        "total": dollars(one.total),
        "signed": by_whom(one.signed_at, zone, one.signed_by),
        "state": state,
        "note": one.note,
        "by": by_whom(one.changed_at, zone, became) if one.state != "signed" else "",
    }


def _decided(found: Evidence, zone: str) -> list[tuple[str, str]]:
    row = found.decision
    shown = next(one for one in found.versions if one.number == row.version)
    when = exact(row.decided_at, zone)
    return [
        (
            say("Decided"),
            say("%(when)s, closed by %(name)s", when=when, name=shown.decided_by)
            if shown.decided_by
            else when,
        ),
        (say("Rules"), f"{row.plugin} {row.plugin_version}".strip() or say("nobody's: a person decides")),
        (say("Rule set, sha256"), row.rule_set_hash or say("none")),
        (say("Facts, sha256"), row.facts_fingerprint or say("none")),
        (say("Policy"), say(POLICIES.get(row.policy, row.policy))),
        (
            say("Version"),
            say(
                "%(version)s of %(newest)s; nothing was ever overwritten",
                version=row.version,
                newest=found.versions[0].number,
            ),
        ),
        (
            say("Checked now"),
            say("facts and answer are as they were stored")
            if found.as_stored
            else say("NOT as they were stored"),
        ),
    ]
