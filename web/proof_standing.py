"""What else a proof rests on, in plain words: consent, plan, coverage, conditions, visits, stays, other services."""

from collections.abc import Iterable
from typing import Any, Final

from server.claims.evidence import (
    ConsentProof,
    Evidence,
    PlanProof,
)
from server.enrollment.consent import KINDS as CONSENT_KINDS
from server.enrollment.consent import METHODS, TOLD
from server.enrollment.tables import LEVELS, PROGRAMS, VISIT_KINDS
from server.plans.tables import WAYS
from web.proof_words import exact, yes_no
from web.rendering import day

_STAYS: Final = {
    "inpatient": "Inpatient stay",
    "observation": "Observation stay",
    "skilled_nursing": "Skilled nursing stay",
    "nursing_facility": "Living in a nursing facility",
}


def consent_told(one: ConsentProof, zone: str) -> dict[str, Any]:
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


def wordings_named(consents: Iterable[ConsentProof]) -> list[dict[str, Any]]:
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


def plan_told(one: PlanProof, zone: str) -> dict[str, Any]:
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


def coverage_told(found: Evidence, payer: str) -> list[tuple[str, str]]:
    if found.facts is None:
        return []
    told = found.facts.coverage
    until = f" until {day(told.ends_on)}" if told.ends_on else ", no end on file"
    last = found.facts.last_day
    pairs = [
        ("Coverage", f"{payer}{f', {told.product}' if told.product else ''}"),
        ("In force", f"from {day(told.starts_on)}{until}"),
        ("On the last day", f"{yes_no(told.in_force(last), 'in force', 'not in force')} on {day(last)}"),
        ("Pays", {1: "first", 2: "second"}.get(told.rank, f"in place {told.rank}")),
        ("Care management benefit", yes_no(told.care_management_benefit, "yes", "no", "not asked of the payer")),
        ("Medicare Advantage", yes_no(told.replaces_part_b, "yes, in place of Part B", "no")),
        ("Qualified Medicare Beneficiary", yes_no(told.qmb, "yes: the patient is never billed", "no")),
    ]  # fmt: skip
    names = {str(one.id): one.payer_name for one in found.coverages}
    for other in found.facts.other_coverages:
        ends = f" until {day(other.ends_on)}" if other.ends_on else ""
        pairs.append(
            ("Also on file", f"{names.get(other.id, other.payer)} from {day(other.starts_on)}{ends}")
        )
    return pairs


def conditions_told(found: Evidence) -> list[dict[str, str]]:
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


def visits_told(found: Evidence) -> list[dict[str, str]]:
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


def elements_told(found: Evidence, zone: str) -> list[dict[str, str]]:
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


def levels_told(found: Evidence, zone: str) -> list[str]:
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


def stays_told(found: Evidence, zone: str) -> list[str]:
    if found.facts is None:
        return []
    return [
        f"{_STAYS.get(stay.kind, 'Stay')} from {exact(stay.starts, zone)}"
        + (f" until {exact(stay.ends, zone)}" if stay.ends else ", not over on file")
        for stay in found.facts.stays
    ]


def services_told(found: Evidence) -> list[str]:
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
