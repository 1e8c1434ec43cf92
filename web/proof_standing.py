"""What else a proof rests on, in plain words: consent, plan, coverage, conditions, visits, stays, other services."""

from collections.abc import Iterable
from typing import Any, Final

from server.claims.evidence import (
    ConsentProof,
    Evidence,
    PlanProof,
)
from server.enrollment.consent import KINDS as CONSENT_KINDS
from server.enrollment.consent import METHODS, TOLD, ConsentRow
from server.enrollment.queries import AttestationRow
from server.enrollment.tables import LEVELS, PROGRAMS, VISIT_KINDS
from server.plans.tables import WAYS
from server.words import N_, say
from web.claim_words import pays_words
from web.proof_words import by_whom, exact, period, yes_no
from web.rendering import day

_STAYS: Final = {
    "inpatient": N_("Inpatient stay"),
    "observation": N_("Observation stay"),
    "skilled_nursing": N_("Skilled nursing stay"),
    "nursing_facility": N_("Living in a nursing facility"),
}


def consent_told(one: ConsentProof, zone: str) -> dict[str, Any]:
    row, not_noted = one.row, say("not noted")
    said = say("%(what)s %(when)s", what=say(CONSENT_KINDS[row.kind]), when=exact(row.at, zone))
    facts = [
        (say("Program"), say(PROGRAMS.get(row.program, row.program))),
        (say("By"), say("the patient") if row.given_by == "patient" else row.given_by or not_noted),
        (say("How"), say(METHODS[row.method])),
        (say("Recorded"), by_whom(row.made_at, zone, row.made_by_name)),
    ]
    if row.effective_at:
        facts.insert(1, (say("Takes effect"), exact(row.effective_at, zone)))
    if row.kind == "given":
        facts[3:3] = [
            (
                say("Told"),
                "; ".join(say(TOLD[key]) for key in row.told if key in TOLD) or say("nothing noted"),
            ),
            (say("Practitioner"), row.practitioner_name or not_noted),
            (say("Wording"), _wording(row) if row.wording_version else not_noted),
        ]
    if row.reason:
        facts.append((say("Reason"), row.reason))
    state = ""
    if one.struck:
        state = say("Struck: it was written by mistake.")
    elif not one.counted:
        state = say("Not part of this decision.")
    return {"said": said, "facts": facts, "state": state}


def _wording(row: ConsentRow) -> str:
    values = {"version": row.wording_version, "language": row.language or say("language not noted")}
    if not row.wording_hash:
        return say("version %(version)s, %(language)s", **values)
    return say("version %(version)s, %(language)s, sha256 %(hash)s", **values, hash=row.wording_hash[:16])


def wordings_named(consents: Iterable[ConsentProof]) -> list[dict[str, Any]]:
    """The texts that counted consents name, once each, as paragraphs."""
    texts = {
        one.row.wording_hash: one
        for one in consents
        if one.counted and one.wording and one.row.kind == "given"
    }
    return [
        {
            "title": say(
                "%(program)s, version %(version)s",
                program=say(PROGRAMS.get(one.row.program, one.row.program)),
                version=one.row.wording_version,
            ),
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
        (say("Problems"), row.problems), (say("Goals"), row.goals), (say("Steps, and who does them"), row.steps),
        (say("Medicines"), row.medicines), (say("Supports"), row.supports), (say("Hoped for"), row.expected),
    )  # fmt: skip
    written = {"when": exact(row.made_at, zone), "name": row.made_by_name or say("the system")}
    return {
        "said": say(
            "%(program)s, version %(version)s, dated %(day)s",
            program=say(PROGRAMS.get(row.program, row.program)),
            version=row.number,
            day=day(row.dated_on),
        ),
        "written": say("Written %(when)s by %(name)s; more than a routine update.", **written)
        if row.substantially_revised
        else say("Written %(when)s by %(name)s.", **written),
        "copies": [
            say(
                "Copy to %(whom)s on %(day)s, %(way)s; recorded %(when)s by %(name)s.",
                whom=copy.to_whom or say("the patient"),
                day=day(copy.given_on),
                way=say(WAYS[copy.how]).lower(),
                when=exact(copy.made_at, zone),
                name=copy.made_by_name or say("the system"),
            )
            for copy in one.copies
        ],
        "parts": [(title, words) for title, words in parts if words],
    }


def coverage_told(found: Evidence, payer: str) -> list[tuple[str, str]]:
    if found.facts is None:
        return []
    told = found.facts.coverage
    yes, no, last = say("yes"), say("no"), day(found.facts.last_day)
    pairs = [
        (say("Coverage"), f"{payer}, {told.product}" if told.product else payer),
        (
            say("In force"),
            period(told.starts_on, told.ends_on)
            if told.ends_on
            else say("from %(day)s, no end on file", day=day(told.starts_on)),
        ),
        (
            say("On the last day"),
            say("in force on %(day)s", day=last)
            if told.in_force(found.facts.last_day)
            else say("not in force on %(day)s", day=last),
        ),
        (say("Pays"), pays_words(told.rank)),
        (
            say("Care management benefit"),
            yes_no(told.care_management_benefit, yes, no, say("not asked of the payer")),
        ),
        (say("Medicare Advantage"), yes_no(told.replaces_part_b, say("yes, in place of Part B"), no)),
        (
            say("Qualified Medicare Beneficiary"),
            yes_no(told.qmb, say("yes: the patient is never billed"), no),
        ),
    ]
    names = {str(one.id): one.payer_name for one in found.coverages}
    pairs += [
        (
            say("Also on file"),
            say(
                "%(payer)s %(period)s",
                payer=names.get(other.id, other.payer),
                period=period(other.starts_on, other.ends_on),
            ),
        )
        for other in found.facts.other_coverages
    ]
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
            "chronic": say("lasting, with real risk") if one.chronic else "",
            "when": period(one.starts_on, one.ends_on),
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
        kind = say(VISIT_KINDS.get(told.kind, told.kind))
        said = [
            say(
                "%(visit)s on %(day)s with %(name)s", visit=kind, day=day(told.on), name=row.practitioner_name
            )
            if row and row.practitioner_name
            else say("%(visit)s on %(day)s", visit=kind, day=day(told.on))
        ]
        if told.initiating_for:
            said.append(
                say(
                    "%(program)s discussed and documented: the initiating visit",
                    program=say(PROGRAMS.get(told.initiating_for, told.initiating_for)),
                )
            )
        if told.care_planning_by_practitioner:
            said.append(say("care planning by the practitioner"))
        by = [say("recorded by %(name)s", name=row.made_by_name or say("the system"))] if row else []
        if row and row.withdrawn_at:
            by.append(say("withdrawn since: “%(reason)s”", reason=row.withdrawn_reason))
        shown.append({"said": "; ".join(said), "by": "; ".join(by)})
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
                "said": say("%(element)s: in place on %(day)s", element=words, day=day(told.on))
                if told.met
                else say("%(element)s: not in place on %(day)s", element=words, day=day(told.on)),
                "by": _stated(row, zone) if row else "",
            }
        )
    return shown


def _stated(row: AttestationRow, zone: str) -> str:
    values = {"when": exact(row.made_at, zone), "name": row.made_by_name or say("the system")}
    if not row.note:
        return say("stated %(when)s by %(name)s", **values)
    return say("stated %(when)s by %(name)s: “%(note)s”", **values, note=row.note)


def levels_told(found: Evidence, zone: str) -> list[str]:
    if found.facts is None:
        return []
    said = {(one.program, one.level): one for one in reversed(found.levels)}
    shown = []
    for told in found.facts.decision_levels:
        row = said.get((told.program, told.level))
        values = {
            "program": say(PROGRAMS.get(told.program, told.program)),
            "level": say(LEVELS.get(told.level, told.level)).lower(),
        }
        shown.append(
            say(
                "%(program)s: %(level)s, judged %(when)s by %(name)s",
                **values,
                when=exact(row.made_at, zone),
                name=row.made_by_name or say("the system"),
            )
            if row
            else say("%(program)s: %(level)s", **values)
        )
    return shown


def stays_told(found: Evidence, zone: str) -> list[str]:
    if found.facts is None:
        return []
    shown = []
    for stay in found.facts.stays:
        values = {
            "stay": say(_STAYS[stay.kind]) if stay.kind in _STAYS else say("Stay"),
            "first": exact(stay.starts, zone),
        }
        shown.append(
            say("%(stay)s from %(first)s until %(last)s", **values, last=exact(stay.ends, zone))
            if stay.ends
            else say("%(stay)s from %(first)s, not over on file", **values)
        )
    return shown


def services_told(found: Evidence) -> list[str]:
    """Services billed beside this program, which the rules hold against it."""
    if found.facts is None:
        return []
    return [
        say(
            "%(code)s on %(day)s, billed by %(whom)s",
            code=one.code,
            day=day(one.on),
            whom=say("the same practitioner")
            if one.same_practitioner
            else say("this practice")
            if one.same_group
            else say("somebody else"),
        )
        for one in sorted(found.facts.billed, key=lambda s: (s.on, s.code))
    ]
