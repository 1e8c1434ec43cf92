"""A patient-month's proof in plain words: what templates/month/_packet.html prints. Decides and counts nothing."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from carewright_plugin_api.decisions import LeftOut

from server.claims.adding_up import Sum
from server.claims.evidence import (
    ConsentProof,
    ContactProof,
    EntryProof,
    Evidence,
    Held,
    LineProof,
    PlanProof,
)
from server.claims.overrides import KINDS as OVERRIDES
from server.claims.overrides import OverrideRow
from server.claims.queries import HoldRow
from server.encounters.tables import KINDS, OUTCOMES
from server.enrollment.consent import KINDS as CONSENT_KINDS
from server.enrollment.consent import METHODS, TOLD
from server.enrollment.tables import LEVELS, PROGRAMS, STATUSES, VISIT_KINDS
from server.minutes.queries import TimeEntryRow
from server.minutes.tables import ACTIVITIES, MODES, ROLE_CLASSES
from server.plans.tables import WAYS
from server.plugin_host.discover import plugins
from server.tenants.practice import POLICIES
from server.tenants.qualifications import DISCIPLINES
from web.rendering import day, month_words

_BASIS: Final = {
    "general_knowledge": "general knowledge, not read in a published text",
    "uncertain": "uncertain",
    "our_policy": "our own policy",
}
_WHOSE: Final = {
    "staff": "Clinical staff",
    "practitioner": "Billing practitioner",
    "together": "Clinical staff and practitioner together",
}
_STAYS: Final = {
    "inpatient": "Inpatient stay",
    "observation": "Observation stay",
    "skilled_nursing": "Skilled nursing stay",
    "nursing_facility": "Living in a nursing facility",
}


# --- words ------------------------------------------------------------------------------------------------------


def exact(at: datetime, zone: str) -> str:
    """`Tue 4 Aug 2026, 2:05:09 pm EDT`."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{day(local.date())}, {_time(local)} {local:%Z}"


def _time(local: datetime) -> str:
    return f"{local.hour % 12 or 12}:{local:%M:%S} {'am' if local.hour < 12 else 'pm'}"


def span_words(start: datetime, end: datetime, zone: str) -> str:
    """`Tue 4 Aug 2026, 2:05:00 pm to 2:17:30 pm EDT`; both days where it ran past midnight."""
    first, last = start.astimezone(ZoneInfo(zone)), end.astimezone(ZoneInfo(zone))
    if first.date() != last.date() or first.utcoffset() != last.utcoffset():
        return f"{exact(start, zone)} to {exact(end, zone)}"
    return f"{day(first.date())}, {_time(first)} to {_time(last)} {last:%Z}"


def lasted(seconds: int) -> str:
    """`12 min`, `12 min 30 s`, `45 s`."""
    minutes, rest = divmod(seconds, 60)
    return " ".join(
        [*([f"{minutes} min"] if minutes else []), *([f"{rest} s"] if rest or not minutes else [])]
    )


def _dollars(amount: Any) -> str:
    return f"${amount:,.2f}"


def _yes(value: bool | None, yes: str, no: str, unknown: str = "not asked") -> str:
    return unknown if value is None else yes if value else no


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _cited(told: dict[str, Any]) -> dict[str, str]:
    reviewed = told.get("reviewed_on")
    return {
        "title": told["title"],
        "section": told.get("section", ""),
        "where": told.get("where", ""),
        "basis": _BASIS.get(told.get("basis", ""), ""),
        "reviewed": day(date.fromisoformat(reviewed)) if reviewed else "",
    }


def _facts(used: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """An entry's id means nothing to a reader; its minutes are listed beside."""
    return [
        (one["name"][:1].upper() + one["name"][1:], one["value"]) for one in used if one["name"] != "entry"
    ]


def _held(one: Held) -> str:
    """A discipline or licence as it stood: what, number, where, since when."""
    words = DISCIPLINES.get(one.name, one.name)
    if one.kind == "discipline":
        return words
    numbered = " ".join(part for part in (one.region, one.number) if part)
    until = f" until {day(one.to_on)}" if one.to_on else ""
    return f"licensed as {words}{f' ({numbered})' if numbered else ''}, since {day(one.from_on)}{until}"


# --- the packet -------------------------------------------------------------------------------------------------


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
        "entries": [_entry(one, numbers, contacts, zone) for one in found.entries],
        "beside": [_entry(one, numbers, contacts, zone) for one in found.beside],
        "sums": [_sum(one, numbers) for one in found.sums],
        "contacts": [_contact(one, found, numbers, contacts, zone) for one in found.contacts],
        "consents": [_consent(one, zone) for one in found.consents],
        "wordings": _wordings(found.consents),
        "plan": [_plan(one, zone) for one in billed],
        "plans_before": [
            f"Version {one.row.number}, dated {day(one.row.dated_on)}" for one in found.plans if not one.billed
        ],
        "coverage": _coverage(found, payer),
        "conditions": _conditions(found),
        "visits": _visits(found),
        "enrollments": [
            f"{PROGRAMS.get(one.program, one.program)}: {STATUSES[one.status].lower()} from {day(one.started_on)}"
            + (f" until {day(one.ended_on)}" if one.ended_on else "")
            + (f", with {one.practitioner_name}" if one.practitioner_name else "")
            for one in found.enrollments
        ],
        "elements": _elements(found, zone),
        "levels": _levels(found, zone),
        "stays": _stays(found, zone),
        "services": _services(found),
        "findings": [
            {"sentence": f"{one.sentence} {one.next_step}".strip(), "look": one.severity == "review", "rule": one.rule_id}
            for one in found.findings
        ],
        "changes": [one.sentence for one in found.changes],
        "chosen": [_chosen(one, zone) for one in found.overrides],
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
        "amount": _dollars(line.amount) if line.amount is not None else "",
        "amount_note": line.amount_note,
        "sentence": line.sentence,
        "rule": line.rule_id,
        "facts": _facts(line.facts_used),
        "citations": [_cited(told) for told in line.citations],
        "change": line.what_would_change,
        "rests_on": _listed(sorted(numbers[id] for id in line.entry_ids if id in numbers)),
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
        "rests_on": _listed(sorted(n for id in total.counted.entry_ids if (n := numbers.get(UUID(id)))))
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
        "facts": _facts(hold.facts_used),
        "citations": [_cited(told) for told in hold.citations],
        "change": hold.what_would_change,
    }


# --- minutes and notes ------------------------------------------------------------------------------------------


def _entry(one: EntryProof, numbers: dict[UUID, int], contacts: dict[UUID, int], zone: str) -> dict[str, Any]:
    row = one.row
    what = ACTIVITIES.get(row.activity, row.activity)
    mode = MODES.get(row.mode, "")
    return {
        "number": numbers[row.id],
        "when": span_words(row.started_at, row.ended_at, zone),
        "lasts": lasted(int((row.ended_at - row.started_at).total_seconds())),
        "who": row.staff_name or "",
        "as": _as(one),
        "what": what,
        "how": ", ".join(part for part in (mode, "with the patient" if row.with_patient else "") if part),
        "program": PROGRAMS.get(row.program, row.program),
        "note": contacts.get(row.encounter_id) if row.encounter_id else None,
        "counted": _counted(one),
        "remarks": _remarks(one, zone),
        "left_out": [_left_out(out) for out in one.left_out],
    }


def _as(one: EntryProof) -> str:
    """Who somebody was that day: discipline, class of time, licences."""
    disciplines = [_held(q) for q in one.held if q.kind == "discipline"]
    licences = [_held(q) for q in one.held if q.kind == "licence"]
    as_class = ROLE_CLASSES[one.told.role].lower() if one.told else ""
    said = [", ".join(disciplines) or "no discipline on file that day", as_class, *licences]
    if not licences:
        said.append("no licence on file that day")
    return "; ".join(part for part in said if part)


def _counted(one: EntryProof) -> str:
    if one.told is None:
        return "not counted"
    out = sum(left.seconds for left in one.left_out)
    return lasted(max(one.seconds - out, 0)) if out < one.seconds else "not counted"


def _left_out(out: LeftOut) -> str:
    return f"{lasted(out.seconds)} left out: {out.sentence}"


def _remarks(one: EntryProof, zone: str) -> list[str]:
    row, said = one.row, []
    if row.void:
        said.append(f"Taken back {exact(row.made_at, zone)} by {_by(row)}: “{row.reason}”")
    elif one.before:
        said.append(f"Corrected {exact(row.made_at, zone)} by {_by(row)}: “{row.reason}”")
    else:
        written = f"Entered {exact(row.made_at, zone)} by {_by(row)}"
        said.append(f"{written}: “{row.reason}”" if row.reason else f"{written}.")
    for earlier in reversed(one.before):
        said.append(
            f"Before, it said {span_words(earlier.started_at, earlier.ended_at, zone)}, "
            f"{ACTIVITIES.get(earlier.activity, earlier.activity).lower()}"
            f"{', a draft' if earlier.state == 'draft' else ''}; "
            f"entered {exact(earlier.made_at, zone)} by {_by(earlier)}"
            + (f": “{earlier.reason}”" if earlier.reason else ".")
        )
    if row.late:
        said.append("Late: the month was closed already when this was written.")
    if row.state == "draft":
        said.append("A draft: not confirmed by the person whose time it is.")
    if row.part_of:
        said.append(f"Part of another service: {row.part_of}.")
    if one.told is not None and one.told.end - one.told.start != row.ended_at - row.started_at:
        said.append(
            f"One meeting about several people: {span_words(one.told.start, one.told.end, zone)} is this person's "
            f"equal share, {lasted((one.told.end - one.told.start) // timedelta(seconds=1))}."
        )
    if one.meeting is not None:
        others = {0: "", 1: " It was about one more patient."}.get(
            one.meeting.others, f" It was about {one.meeting.others} more patients."
        )
        said.append(f"A meeting of {', '.join(one.meeting.people) or 'nobody now'}.{others}")
    if one.since is not None:
        became = "taken back" if one.since.void else "corrected"
        said.append(
            f"Since this decision it was {became}, {exact(one.since.made_at, zone)}, by {_by(one.since)}: "
            f"“{one.since.reason}”"
        )
    return said


def _by(row: TimeEntryRow) -> str:
    if row.made_by == row.staff_id:
        return "the same person"
    return row.made_by_name or "the system"


def _contact(
    one: ContactProof, found: Evidence, numbers: dict[UUID, int], contacts: dict[UUID, int], zone: str
) -> dict[str, Any]:
    row = one.row
    theirs = [numbers[e.row.id] for e in (*found.entries, *found.beside) if e.row.encounter_id == row.id]
    return {
        "number": contacts[row.id],
        "kind": KINDS.get(row.kind, row.kind),
        "outcome": OUTCOMES.get(row.outcome, row.outcome),
        "when": exact(row.at, zone),
        "by": row.staff_name or "",
        "who_else": row.who_else,
        "about": row.about_code,
        "video": row.video_declined,
        "note": row.note,
        "next_step": row.next_step,
        "signed": f"Signed {exact(row.signed_at, zone)} by {row.staff_name}" if row.signed_at else "Not signed",
        "written": f"written {exact(row.made_at, zone)} by {row.made_by_name or 'the system'}, "
        f"revision {row.revision}",
        "minutes": _listed(theirs),
        "amendments": [
            {
                "said": f"Amended {exact(before.made_at, zone)} by {before.made_by_name or 'the system'}: “{before.reason}”",
                "note": before.note_before,
                "was": f"{KINDS.get(before.kind_before, before.kind_before)}, "
                f"{OUTCOMES.get(before.outcome_before, before.outcome_before).lower()}, "
                f"{exact(before.at_before, zone)}",
            }
            for before in reversed(one.amendments)
        ],
    }  # fmt: skip


# --- consent, plan, eligibility ---------------------------------------------------------------------------------


def _consent(one: ConsentProof, zone: str) -> dict[str, Any]:
    row = one.row
    said = f"{CONSENT_KINDS[row.kind]} {exact(row.at, zone)}"
    facts = [
        ("Program", PROGRAMS.get(row.program, row.program)),
        ("By", "the patient" if row.given_by == "patient" else row.given_by or "not noted"),
        ("How", METHODS[row.method]),
        ("Recorded", f"{exact(row.made_at, zone)} by {row.made_by_name or 'the system'}"),
    ]
    if row.effective_at:
        facts.insert(1, ("Takes effect", exact(row.effective_at, zone)))
    if row.kind == "given":
        facts[3:3] = [
            ("Told", "; ".join(TOLD[key] for key in row.told if key in TOLD) or "nothing noted"),
            ("Practitioner", row.practitioner_name or "not noted"),
            (
                "Wording",
                f"version {row.wording_version}, {row.language or 'language not noted'}"
                + (f", sha256 {row.wording_hash[:16]}" if row.wording_hash else "")
                if row.wording_version
                else "not noted",
            ),
        ]
    if row.reason:
        facts.append(("Reason", row.reason))
    state = (
        "Struck: it was written by mistake"
        if one.struck
        else ""
        if one.counted
        else "Not part of this decision"
    )
    return {"said": said, "facts": facts, "state": state}  # fmt: skip


def _wordings(consents: Iterable[ConsentProof]) -> list[dict[str, Any]]:
    """The texts that counted consents name, once each, as paragraphs."""
    texts = {
        one.row.wording_hash: one
        for one in consents
        if one.counted and one.wording and one.row.kind == "given"
    }
    return [
        {
            "title": f"{PROGRAMS.get(one.row.program, one.row.program)}, version {one.row.wording_version}",
            "hash": one.row.wording_hash,
            "paragraphs": [
                paragraph.lstrip("# ").replace("**", "").replace("\n", " ")
                for paragraph in one.wording.split("\n\n")
                if paragraph.strip()
            ],
        }
        for one in texts.values()
    ]


def _plan(one: PlanProof, zone: str) -> dict[str, Any]:
    row = one.row
    parts = (
        ("Problems", row.problems), ("Goals", row.goals), ("Steps, and who does them", row.steps),
        ("Medicines", row.medicines), ("Supports", row.supports), ("Hoped for", row.expected),
    )  # fmt: skip
    return {
        "said": f"{PROGRAMS.get(row.program, row.program)}, version {row.number}, dated {day(row.dated_on)}",
        "written": f"Written {exact(row.made_at, zone)} by {row.made_by_name or 'the system'}"
        f"{'; more than a routine update' if row.substantially_revised else ''}.",
        "copies": [
            f"Copy to {copy.to_whom or 'the patient'} on {day(copy.given_on)}, {WAYS[copy.how].lower()}; "
            f"recorded {exact(copy.made_at, zone)} by {copy.made_by_name or 'the system'}."
            for copy in one.copies
        ],
        "parts": [(title, words) for title, words in parts if words],
    }


def _coverage(found: Evidence, payer: str) -> list[tuple[str, str]]:
    if found.facts is None:
        return []
    told = found.facts.coverage
    until = f" until {day(told.ends_on)}" if told.ends_on else ", no end on file"
    last = found.facts.last_day
    pairs = [
        ("Coverage", f"{payer}{f', {told.product}' if told.product else ''}"),
        ("In force", f"from {day(told.starts_on)}{until}"),
        ("On the last day", f"{_yes(told.in_force(last), 'in force', 'not in force')} on {day(last)}"),
        ("Pays", {1: "first", 2: "second"}.get(told.rank, f"in place {told.rank}")),
        ("Care management benefit", _yes(told.care_management_benefit, "yes", "no", "not asked of the payer")),
        ("Medicare Advantage", _yes(told.replaces_part_b, "yes, in place of Part B", "no")),
        ("Qualified Medicare Beneficiary", _yes(told.qmb, "yes: the patient is never billed", "no")),
    ]  # fmt: skip
    names = {str(one.id): one.payer_name for one in found.coverages}
    for other in found.facts.other_coverages:
        ends = f" until {day(other.ends_on)}" if other.ends_on else ""
        pairs.append(
            ("Also on file", f"{names.get(other.id, other.payer)} from {day(other.starts_on)}{ends}")
        )
    return pairs


def _conditions(found: Evidence) -> list[dict[str, str]]:
    if found.facts is None:
        return []
    labels = {one.code: one.label for one in found.diagnoses}
    last, first = found.facts.last_day, found.facts.first_day
    return [
        {
            "code": one.code,
            "label": labels.get(one.code, ""),
            "chronic": "lasting, with real risk" if one.chronic else "",
            "when": (f"from {day(one.starts_on)}" if one.starts_on else "")
            + (f" until {day(one.ends_on)}" if one.ends_on else ""),
        }
        for one in sorted(found.facts.diagnoses, key=lambda d: (not d.chronic, d.code))
        if (one.starts_on is None or one.starts_on <= last) and (one.ends_on is None or one.ends_on >= first)
    ]


def _visits(found: Evidence) -> list[dict[str, str]]:
    if found.facts is None:
        return []
    shown = []
    for told in sorted(found.facts.visits, key=lambda v: v.on, reverse=True):
        row = next(
            (
                v
                for v in found.visits
                if (v.kind, v.visited_on, str(v.practitioner_id or "")) == (told.kind, told.on, told.practitioner or "")
            ),
            None,
        )  # fmt: skip
        with_whom = f" with {row.practitioner_name}" if row and row.practitioner_name else ""
        for_what = (
            f"; {PROGRAMS.get(told.initiating_for, told.initiating_for)} discussed and documented: the initiating visit"
            if told.initiating_for
            else ""
        )
        planning = "; care planning by the practitioner" if told.care_planning_by_practitioner else ""
        recorded = f"recorded by {row.made_by_name or 'the system'}" if row else ""
        if row and row.withdrawn_at:
            recorded += f"; withdrawn since: “{row.withdrawn_reason}”"
        shown.append(
            {
                "said": f"{VISIT_KINDS.get(told.kind, told.kind)} on {day(told.on)}{with_whom}{for_what}{planning}",
                "by": recorded,
            }
        )
    return shown


def _elements(found: Evidence, zone: str) -> list[dict[str, str]]:
    if found.facts is None:
        return []
    shown = []
    for told in found.facts.attestations:
        row = next(
            (
                a
                for a in found.attestations
                if (a.element, a.on_date, a.met) == (told.element, told.on, told.met)
            ),
            None,
        )
        words = found.element_labels.get(told.element, told.element.replace("_", " "))
        shown.append(
            {
                "said": f"{words}: {'in place' if told.met else 'not in place'} on {day(told.on)}",
                "by": f"stated {exact(row.made_at, zone)} by {row.made_by_name or 'the system'}"
                f"{f': “{row.note}”' if row.note else ''}"
                if row
                else "",
            }
        )
    return shown


def _levels(found: Evidence, zone: str) -> list[str]:
    if found.facts is None:
        return []
    said = {(one.program, one.level): one for one in reversed(found.levels)}
    shown = []
    for told in found.facts.decision_levels:
        row = said.get((told.program, told.level))
        by = f", judged {exact(row.made_at, zone)} by {row.made_by_name or 'the system'}" if row else ""
        shown.append(
            f"{PROGRAMS.get(told.program, told.program)}: {LEVELS.get(told.level, told.level).lower()}{by}"
        )
    return shown


def _stays(found: Evidence, zone: str) -> list[str]:
    if found.facts is None:
        return []
    return [
        f"{_STAYS.get(stay.kind, 'Stay')} from {exact(stay.starts, zone)}"
        + (f" until {exact(stay.ends, zone)}" if stay.ends else ", not over on file")
        for stay in found.facts.stays
    ]


def _services(found: Evidence) -> list[str]:
    """Services billed beside this program, which the rules hold against it."""
    if found.facts is None:
        return []
    return [
        f"{one.code} on {day(one.on)}, billed by "
        + (
            "the same practitioner"
            if one.same_practitioner
            else "this practice"
            if one.same_group
            else "somebody else"
        )
        for one in sorted(found.facts.billed, key=lambda s: (s.on, s.code))
    ]


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
