"""The proof of one patient's month, as an auditor reads it: the stored decision and the records it rests on.

Nothing is decided or counted again here. What the rules were told and answered is read from the stored decision;
the records beside it say who wrote each fact, when, and what became of it since. One statement per kind of fact.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, cast
from uuid import UUID

from carewright_plugin_api.canonical import NotCanonical
from carewright_plugin_api.decisions import Decision, Finding, LeftOut
from carewright_plugin_api.facts import Entry, MonthFacts, Policy, local_day
from sqlalchemy import and_, select

from server.claims.adding_up import Sum, left_out_of, seconds_within, sum_behind, sums_of
from server.claims.difference import Change
from server.claims.fates import ClaimFate, fates_of
from server.claims.overrides import OverrideRow, overrides_of
from server.claims.queries import DecisionRow, HoldRow, LineRow, decision_parts
from server.claims.tables import ClaimLine, MonthClose, MonthDecision
from server.claims.versions import changes_of
from server.encounters.queries import (
    EncounterAmendmentRow,
    EncounterRow,
    amendments_of,
    encounters_by_id,
)
from server.enrollment.consent import ConsentRow
from server.enrollment.queries import (
    AttestationRow,
    DecisionLevelRow,
    EnrollmentRow,
    OtherServiceRow,
    PractitionerVisitRow,
    attestations_of,
    consents_of,
    decision_levels_of,
    enrollments_of,
    other_services_of,
    visits_of,
)
from server.enrollment.wording import wordings
from server.errors import not_found
from server.ids import parse_id
from server.minutes.queries import TimeEntryRow, who_met, written_for_month
from server.patients.chart import CoverageRow, DiagnosisRow, coverages, diagnoses
from server.patients.gate import patient_for
from server.patients.tables import Patient
from server.plans.queries import PlanCopyRow, PlanVersionRow, plan_copies_of, plan_versions_of
from server.plugin_host.discover import plugins
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Practice, Qualification, Staff

#: Who may read a claim may read what it rests on: of the chart the plan as billed, of the notes those of the contacts
#: whose minutes were asked about. The rights are lent to the reads below alone, and each is recorded.
_LENT: Final = frozenset(
    {"patients.read", "chart.read", "encounters.read", "enrollment.read", "minutes.read"}
)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the decision: the newest counts, all are kept."""

    number: int
    decided_at: datetime
    decided_by: str | None  # whoever closed the month
    plugin: str
    plugin_version: str
    rule_set_hash: str
    facts_fingerprint: str


@dataclass(frozen=True, slots=True)
class Held:
    """What somebody was, or was licensed for, on a day. kind: discipline | licence | training."""

    kind: str
    name: str
    number: str
    region: str
    from_on: date
    to_on: date | None


@dataclass(frozen=True, slots=True)
class Meeting:
    """One meeting, several entries. people: everybody in it; others: how many further patients it was about."""

    people: tuple[str, ...]
    others: int


@dataclass(frozen=True, slots=True)
class EntryProof:
    """A ledger entry as it was asked about, who made it, and what it said before and since.

    told: the entry as the rules were told of it, None where they were not (taken back, corrected, later).
    before: what it replaced, oldest first. since: what replaced it after the decision, if anything did.
    seconds: told, within the month; left_out: why some or all of them do not count.
    """

    row: TimeEntryRow
    told: Entry | None
    held: tuple[Held, ...]
    before: tuple[TimeEntryRow, ...]
    since: TimeEntryRow | None
    seconds: int
    left_out: tuple[LeftOut, ...]
    meeting: Meeting | None


@dataclass(frozen=True, slots=True)
class ConsentProof:
    """A row of the log of consents. counted: the rules were told of it. wording: the text it names, if it is ours."""

    row: ConsentRow
    counted: bool
    struck: bool
    wording: str


@dataclass(frozen=True, slots=True)
class PlanProof:
    """A plan version the rules were told of. billed: the newest of its program at the decision."""

    row: PlanVersionRow
    copies: tuple[PlanCopyRow, ...]
    billed: bool


@dataclass(frozen=True, slots=True)
class ContactProof:
    """A contact that minutes belong to: its note as it reads now, and before each amendment."""

    row: EncounterRow
    amendments: tuple[EncounterAmendmentRow, ...]


@dataclass(frozen=True, slots=True)
class LineProof:
    """A line with the total it rests on (None where the rules count otherwise, by contacts for instance)."""

    row: LineRow
    sum: Sum | None


@dataclass(frozen=True, slots=True)
class Who:
    """Whose month it is, at which practice."""

    practice_name: str
    practice_npi: str
    zone: str
    patient_id: UUID
    name: str
    birth_date: date
    record_number: str
    died_on: date | None
    practitioner_name: str
    practitioner_npi: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything behind one version of one patient-month's decision.

    facts: what the rules were told; None where no rules were asked. as_stored: facts and answer still match the
    fingerprints kept with them. changes: against the version before. overrides: what people chose for the month, with
    their reasons, those taken back too. entries: those asked about, in order; beside: ledger rows of the month that were not.
    """

    who: Who
    decision: DecisionRow
    answer: Decision
    facts: MonthFacts | None
    as_stored: bool
    versions: tuple[Version, ...]
    lines: tuple[LineProof, ...]
    holds: tuple[HoldRow, ...]
    sums: tuple[Sum, ...]
    entries: tuple[EntryProof, ...]
    beside: tuple[EntryProof, ...]
    contacts: tuple[ContactProof, ...]
    consents: tuple[ConsentProof, ...]
    plans: tuple[PlanProof, ...]
    coverage: CoverageRow | None
    coverages: tuple[CoverageRow, ...]
    enrollments: tuple[EnrollmentRow, ...]
    diagnoses: tuple[DiagnosisRow, ...]
    visits: tuple[PractitionerVisitRow, ...]
    attestations: tuple[AttestationRow, ...]
    levels: tuple[DecisionLevelRow, ...]
    services: tuple[OtherServiceRow, ...]
    overrides: tuple[OverrideRow, ...]
    claims: tuple[ClaimFate, ...]
    changes: tuple[Change, ...]
    element_labels: dict[str, str]

    @property
    def newest(self) -> bool:
        return self.decision.version == self.versions[0].number

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.answer.findings


async def evidence_of(
    db: Db,
    actor: Actor,
    patient_id: UUID,
    month: str,
    *,
    version: int | None = None,
    line_id: UUID | None = None,
) -> Evidence:
    """The proof of a patient's month: of the newest decision, of one version, or of one line alone.

    Refused NOT_FOUND where nothing was decided, or the version or line is not of this month.
    """
    actor.require("claims.read")
    patient = await patient_for(db, actor, patient_id, permission="claims.read")
    reader = replace(actor, rights=actor.rights | _LENT)
    versions = await _versions(db, patient_id, month)
    chosen, stored_facts, stored_answer, stored_hash = await _stored(db, patient_id, month, version, line_id)
    (row,) = await decision_parts(db, [chosen])
    db.note(
        actor, "claims.evidence", entity="month_decision", entity_ids=[chosen], patient_ids=[patient_id],
        month=month, version=row.version,
    )  # fmt: skip
    facts, answer, readable = _read(stored_facts, stored_answer, row.policy)

    lines = [line for line in row.lines if line_id in (None, line.id)]
    sums = sums_of(facts, answer) if facts else ()
    entries, beside = await _entries(db, reader, patient_id, month, row, answer, facts)
    if line_id is not None:
        wanted = {id for line in lines for id in line.entry_ids}
        entries, beside = [one for one in entries if one.row.id in wanted], []
    contacts = await _contacts(db, reader, entries)
    coverage_rows = (await coverages(db, reader, [patient_id])).get(patient_id, [])
    told_coverage = facts.coverage.id if facts else ""
    programs = _programs(row, facts)
    return Evidence(
        who=await _who(db, patient, facts),
        decision=row,
        answer=answer,
        facts=facts,
        as_stored=readable and _as_stored(row, facts, stored_answer, stored_hash),
        versions=versions,
        lines=tuple(
            LineProof(
                line, sum_behind(line.program, map(str, line.entry_ids), facts, answer) if facts else None
            )
            for line in lines
        ),
        holds=() if line_id is not None else tuple(row.holds),
        sums=sums,
        entries=tuple(entries),
        beside=tuple(beside),
        contacts=tuple(contacts),
        consents=await _consents(db, reader, patient_id, programs, facts),
        plans=await _plans(db, reader, patient_id, facts, row.decided_at),
        coverage=next((c for c in coverage_rows if str(c.id) == told_coverage), None),
        coverages=tuple(coverage_rows),
        enrollments=tuple(
            one
            for one in (await enrollments_of(db, reader, [patient_id])).get(patient_id, [])
            if one.program in programs
        ),
        diagnoses=tuple((await diagnoses(db, reader, [patient_id])).get(patient_id, [])),
        visits=tuple((await visits_of(db, reader, [patient_id])).get(patient_id, [])),
        attestations=tuple((await attestations_of(db, reader, [patient_id])).get(patient_id, [])),
        levels=tuple(
            one
            for one in (await decision_levels_of(db, reader, [patient_id])).get(patient_id, [])
            if one.month == month
        ),
        services=tuple((await other_services_of(db, reader, [patient_id])).get(patient_id, [])),
        overrides=tuple(await overrides_of(db, reader, patient_id, month)),
        claims=tuple(await fates_of(db, reader, patient_id, month)),
        changes=await _changes(db, reader, chosen),
        element_labels=_element_labels(row.plugin, programs, facts),
    )


# --- the decision ---------------------------------------------------------------------------------------------


async def _versions(db: Db, patient_id: UUID, month: str) -> tuple[Version, ...]:
    d = MonthDecision
    closed_by = (
        select(Staff.name)
        .where(
            Staff.tenant_id == d.tenant_id,
            Staff.id
            == select(MonthClose.made_by)
            .where(MonthClose.tenant_id == d.tenant_id, MonthClose.id == d.close_id)
            .correlate(d)
            .scalar_subquery(),
        )
        .correlate(d)
        .scalar_subquery()
    )
    rows = await db.execute(
        select(
            d.version, d.decided_at, closed_by, d.plugin, d.plugin_version, d.rule_set_hash, d.facts_fingerprint
        )
        .where(d.patient_id == patient_id, d.month == month)
        .order_by(d.version.desc())
    )  # fmt: skip
    return tuple(Version(*row) for row in rows)


async def _stored(
    db: Db, patient_id: UUID, month: str, version: int | None, line_id: UUID | None
) -> tuple[UUID, str, str, str]:
    """(id, facts, decision, hash) as stored: of the version asked for, of the line's, or the newest."""
    d = MonthDecision
    statement = select(d.id, d.facts, d.decision, d.decision_hash).where(
        d.patient_id == patient_id, d.month == month
    )
    if version is not None:
        statement = statement.where(d.version == version)
    if line_id is not None:
        line = select(ClaimLine.decision_id).where(ClaimLine.id == line_id)
        statement = statement.where(d.id.in_(line))
    found = (await db.execute(statement.order_by(d.version.desc()).limit(1))).one_or_none()
    if found is None:
        raise not_found("decision")
    return found[0], found[1], found[2], found[3]


def _read(facts: str, answer: str, policy: str) -> tuple[MonthFacts | None, Decision, bool]:
    """(facts, answer, whether both could be read). What somebody spoiled is shown as missing, and said."""
    try:
        return MonthFacts.from_json(facts) if facts else None, Decision.from_json(answer), True
    except NotCanonical:
        return None, Decision(policy=cast(Policy, policy)), False


async def _changes(db: Db, reader: Actor, decision_id: UUID) -> tuple[Change, ...]:
    try:
        return (await changes_of(db, reader, [decision_id])).get(decision_id, ())
    except NotCanonical:  # this version or the one before was spoiled, which `as_stored` says of this one
        return ()


def _as_stored(row: DecisionRow, facts: MonthFacts | None, answer: str, kept: str) -> bool:
    """Do the stored facts and answer still match the fingerprints written when they were stored?"""
    fingerprint = facts.fingerprint() if facts else ""
    digest = hashlib.sha256(f"{row.facts_fingerprint}\n{answer}".encode()).hexdigest()
    return fingerprint == row.facts_fingerprint and digest == kept


def _programs(row: DecisionRow, facts: MonthFacts | None) -> set[str]:
    items: list[LineRow | HoldRow] = [*row.lines, *row.holds]
    found = {item.program for item in items if item.program}
    return found | ({one.program for one in facts.enrollments} if facts else set())


def _element_labels(plugin: str, programs: set[str], facts: MonthFacts | None) -> dict[str, str]:
    """What the plugin calls the elements it asks for; their keys where it is gone or never asked."""
    owner = next((one for one in plugins().loaded if one.name == plugin), None)
    if owner is None or facts is None:
        return {}
    return {
        document.element: document.label
        for program in sorted(programs)
        for document in owner.rules.required_documents(program, facts.last_day)
    }


# --- minutes --------------------------------------------------------------------------------------------------


async def _entries(
    db: Db,
    reader: Actor,
    patient_id: UUID,
    month: str,
    row: DecisionRow,
    answer: Decision,
    facts: MonthFacts | None,
) -> tuple[list[EntryProof], list[EntryProof]]:
    """(those the rules were told of, every other ledger row of the month that no later row stands for)."""
    told = {UUID(entry.id): entry for entry in facts.entries} if facts else {}
    items: list[LineRow | HoldRow] = [*row.lines, *row.holds]
    named = {id for item in items for id in item.entry_ids} | set(told)
    rows = await written_for_month(db, reader, patient_id, month, also=sorted(named))
    by_id = {one.id: one for one in rows}
    next_of = {one.replaces_id: one for one in rows if one.replaces_id is not None}
    held = await _held(db, {one.staff_id for one in rows})
    met = await who_met(db, reader, sorted({one.joint_id for one in rows if one.joint_id is not None}))
    left_out = left_out_of(answer)

    def proof(one: TimeEntryRow) -> EntryProof:
        before: list[TimeEntryRow] = []
        earlier = by_id.get(one.replaces_id) if one.replaces_id else None
        while earlier is not None:
            before.insert(0, earlier)
            earlier = by_id.get(earlier.replaces_id) if earlier.replaces_id else None
        since = next_of.get(one.id)
        while since is not None and since.id in next_of:
            since = next_of[since.id]
        asked = told.get(one.id)
        on = local_day(one.started_at, reader.zone)
        return EntryProof(
            row=one,
            told=asked,
            held=tuple(
                q
                for q in held.get(one.staff_id, ())
                if q.from_on <= on and (q.to_on is None or on <= q.to_on)
            ),
            before=tuple(before),
            since=since,
            seconds=seconds_within(asked, facts) if asked and facts else 0,
            left_out=tuple(left_out.get(str(one.id), ())),
            meeting=_meeting(one, met, patient_id),
        )

    asked_about = [proof(one) for one in rows if one.id in told]
    # A row that a later one replaced is shown under that later one; the last of each line stands for itself.
    shown = {earlier.id for one in asked_about for earlier in one.before}
    shown |= {one.since.id for one in asked_about if one.since is not None}
    rest = [
        proof(one) for one in rows if one.id not in told and one.id not in next_of and one.id not in shown
    ]
    return asked_about, rest


async def _held(db: Db, staff_ids: set[UUID]) -> dict[UUID, list[Held]]:
    q = Qualification
    rows: Any = await db.execute(
        select(q.staff_id, q.kind, q.name, q.number, q.region, q.from_on, q.to_on)
        .where(q.staff_id.in_(sorted(staff_ids)), q.kind.in_(("discipline", "licence")))
        .order_by(q.kind, q.from_on, q.id)
    )
    found: dict[UUID, list[Held]] = {}
    for staff_id, *values in rows:
        found.setdefault(staff_id, []).append(Held(*values))
    return found


def _meeting(
    one: TimeEntryRow, met: dict[UUID, list[tuple[UUID, str, UUID]]], patient_id: UUID
) -> Meeting | None:
    if one.joint_id is None:
        return None
    there = met.get(one.joint_id, [])
    people = dict.fromkeys(name for _, name, _ in there)
    return Meeting(tuple(people), len({whom for _, _, whom in there} - {patient_id}))


async def _contacts(db: Db, reader: Actor, entries: Sequence[EntryProof]) -> list[ContactProof]:
    ids = sorted({one.row.encounter_id for one in entries if one.row.encounter_id is not None})
    if not ids:
        return []
    rows = await encounters_by_id(db, reader, ids)
    amended = await amendments_of(db, reader, ids)
    return [
        ContactProof(row, tuple(amended.get(row.id, ())))
        for row in sorted(rows.values(), key=lambda row: (row.at, row.id))
    ]


# --- consent, plan, the people --------------------------------------------------------------------------------


async def _consents(
    db: Db, reader: Actor, patient_id: UUID, programs: set[str], facts: MonthFacts | None
) -> tuple[ConsentProof, ...]:
    """The log of these programs, oldest first, struck rows and later words too: each says whether it was counted."""
    rows = (await consents_of(db, reader, [patient_id])).get(patient_id, [])
    told = {one.id for one in facts.consents} if facts else set()
    struck = {row.replaces_id for row in rows if row.replaces_id is not None}
    texts = {one.sha256: one.text for one in wordings()}
    return tuple(
        ConsentProof(
            row, str(row.id) in told, row.struck or row.id in struck, texts.get(row.wording_hash, "")
        )
        for row in reversed(rows)
        if row.program in programs
    )


async def _plans(
    db: Db, reader: Actor, patient_id: UUID, facts: MonthFacts | None, decided_at: datetime
) -> tuple[PlanProof, ...]:
    """The plan versions the rules were told of, newest first within a program."""
    if facts is None or not facts.plans:
        return ()
    told = {(plan.program, plan.dated_on) for plan in facts.plans}
    rows = [
        row
        for row in (await plan_versions_of(db, reader, [patient_id])).get(patient_id, [])
        if (row.program, row.dated_on) in told and row.made_at <= decided_at
    ]
    copies = await plan_copies_of(db, reader, [row.id for row in rows])
    newest = {row.program: row.id for row in reversed(rows)}
    return tuple(PlanProof(row, tuple(copies.get(row.id, ())), newest[row.program] == row.id) for row in rows)


async def _who(db: Db, patient: Patient, facts: MonthFacts | None) -> Who:
    practice = (await db.execute(select(Practice.name, Practice.npi, Practice.time_zone))).one()
    billing = parse_id(facts.billing_practitioner.id) if facts and facts.billing_practitioner else None
    found: Any = (
        None
        if billing is None
        else (await db.execute(select(Staff.name, Staff.npi).where(and_(Staff.id == billing)))).one_or_none()
    )
    return Who(
        practice_name=practice.name,
        practice_npi=practice.npi,
        zone=facts.zone if facts else practice.time_zone,
        patient_id=patient.id,
        name=f"{patient.given_names} {patient.family_name}".strip(),
        birth_date=patient.birth_date,
        record_number=patient.record_number,
        died_on=patient.deceased_on,
        practitioner_name=found.name if found else "",
        practitioner_npi=found.npi if found else "",
    )
