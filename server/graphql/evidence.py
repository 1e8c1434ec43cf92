"""The proof of a patient's month over GraphQL: the stored decision and the records it rests on."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import strawberry

from server.claims import evidence as proof
from server.claims.adding_up import Sum
from server.claims.month import check_month
from server.graphql.claims import Citation, ClaimHold, ClaimLine, FactUsed
from server.graphql.connections import global_id, id_of, told
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field
from server.graphql.scalars import Line as LineText
from server.minutes.queries import TimeEntryRow
from server.tenants.db import tenant_db


@strawberry.type(description="One entry in a total, in elapsed seconds.")
class EvidenceShare:
    entry_id: strawberry.ID
    seconds_in_month: int
    seconds_left_out: int
    seconds_counted: int


@strawberry.type(
    description="A total of the decision: seconds added up first, whole minutes rounded down once."
)
class EvidenceTotal:
    program: str
    who: str = strawberry.field(description="staff, practitioner, or together")
    seconds: int
    minutes: int
    shares: list[EvidenceShare]
    adds_up: bool = strawberry.field(description="Whether the shares come to the stored seconds.")

    @classmethod
    def of(cls, total: Sum) -> "EvidenceTotal":
        return cls(
            program=total.counted.program,
            who=total.counted.who,
            seconds=total.counted.seconds,
            minutes=total.counted.minutes,
            shares=[
                EvidenceShare(
                    entry_id=global_id("TimeEntry", UUID(share.entry_id)),
                    seconds_in_month=share.told,
                    seconds_left_out=share.left_out,
                    seconds_counted=share.counted,
                )
                for share in total.shares
            ],
            adds_up=total.agrees,
        )


@strawberry.type(description="A claim signed for the month and where it stands.")
class EvidenceClaim:
    id: strawberry.ID
    number: str
    frequency: str = strawberry.field(description="1 original, 7 replacement, 8 void.")
    payer_name: str
    total: Decimal
    signed_at: datetime
    signed_by: str | None
    state: str
    note: str = strawberry.field(description="Why it was withdrawn, refused or denied.")
    denied_on: date | None = strawberry.field(description="The day its payer said that it pays nothing.")
    denied_by: str | None = strawberry.field(description="Who entered that.")
    changed_at: datetime
    changed_by: str | None


@strawberry.type(description="A line with the total it rests on.")
class EvidenceLine:
    line: ClaimLine
    total: EvidenceTotal | None = strawberry.field(
        description="Null where the rules count otherwise, by contacts for instance."
    )


@strawberry.type(description="What somebody was, or was licensed for, on the day.")
class EvidenceQualification:
    kind: str
    name: str
    number: str
    region: str
    from_on: date
    to_on: date | None


@strawberry.type(description="What an entry said at one time.")
class EvidenceWording:
    started_at: datetime
    ended_at: datetime
    activity: str
    void: bool
    late: bool = strawberry.field(description="The month was closed already when it was written.")
    reason: str
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: TimeEntryRow) -> "EvidenceWording":
        return told(cls, row, recorded_at=row.made_at, recorded_by=row.made_by_name)


@strawberry.type(description="Time that does not count, and why.")
class EvidenceLeftOut:
    seconds: int
    reason: str
    sentence: str
    rule_id: str


@strawberry.type(
    description="A ledger entry as it was asked about, who made it, what it said before and since."
)
class EvidenceEntry:
    id: strawberry.ID
    asked_about: bool = strawberry.field(
        description="Whether the rules were told of it: not of what was taken back, corrected or written later."
    )
    staff_name: str | None
    role_class: str = strawberry.field(
        description="staff, practitioner or admin, that day; empty if not asked about."
    )
    qualifications: list[EvidenceQualification]
    program: str
    activity: str
    mode: str
    with_patient: bool
    state: str
    part_of: str
    now: EvidenceWording
    before: list[EvidenceWording] = strawberry.field(description="What it replaced, oldest first.")
    since: EvidenceWording | None = strawberry.field(description="What replaced it after the decision.")
    told_from: datetime | None = strawberry.field(
        description="The span the rules were told: a share of a meeting."
    )
    told_until: datetime | None
    left_out: list[EvidenceLeftOut]
    meeting_people: list[str]
    meeting_other_patients: int
    encounter_id: strawberry.ID | None

    @classmethod
    def of(cls, one: proof.EntryProof) -> "EvidenceEntry":
        row = one.row
        return told(
            cls,
            row,
            id=global_id("TimeEntry", row.id),
            asked_about=one.told is not None,
            role_class=one.told.role if one.told else "",
            qualifications=[told(EvidenceQualification, q) for q in one.held],
            now=EvidenceWording.of(row),
            before=[EvidenceWording.of(earlier) for earlier in one.before],
            since=EvidenceWording.of(one.since) if one.since else None,
            told_from=one.told.start if one.told else None,
            told_until=one.told.end if one.told else None,
            left_out=[told(EvidenceLeftOut, o, reason=o.code) for o in one.left_out],
            meeting_people=list(one.meeting.people) if one.meeting else [],
            meeting_other_patients=one.meeting.others if one.meeting else 0,
            encounter_id=global_id("Encounter", row.encounter_id) if row.encounter_id else None,
        )  # fmt: skip


@strawberry.type(description="What a signed note said before it was amended.")
class EvidenceAmendment:
    note_before: str
    reason: str
    recorded_at: datetime
    recorded_by: str | None


@strawberry.type(description="A contact that minutes of the month belong to.")
class EvidenceNote:
    encounter_id: strawberry.ID
    kind: str
    outcome: str
    at: datetime
    staff_name: str | None
    note: str
    next_step: str
    signed_at: datetime | None
    amendments: list[EvidenceAmendment]

    @classmethod
    def of(cls, one: proof.ContactProof) -> "EvidenceNote":
        row = one.row
        return told(
            cls,
            row,
            encounter_id=global_id("Encounter", row.id),
            amendments=[
                told(EvidenceAmendment, a, recorded_at=a.made_at, recorded_by=a.made_by_name)
                for a in one.amendments
            ],
        )


@strawberry.type(description="A word of the log of consents.")
class EvidenceConsent:
    counted: bool = strawberry.field(description="Whether the rules were told of it.")
    struck: bool
    program: str
    kind: str
    method: str
    at: datetime
    effective_at: datetime | None
    given_by: str
    told: list[str]
    wording_version: str
    wording_hash: str
    wording: str = strawberry.field(description="The text it names, where it is one of ours.")
    language: str
    practitioner_name: str | None
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, one: proof.ConsentProof) -> "EvidenceConsent":
        row = one.row
        return told(
            cls,
            row,
            counted=one.counted,
            struck=one.struck,
            wording=one.wording,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )


@strawberry.type(description="A copy of the plan that was given.")
class EvidencePlanCopy:
    given_on: date
    how: str
    to_whom: str
    recorded_at: datetime
    recorded_by: str | None


@strawberry.type(description="A plan version the rules were told of.")
class EvidencePlan:
    billed: bool = strawberry.field(description="The newest of its program when it was decided.")
    program: str
    number: int
    dated_on: date
    problems: str
    goals: str
    steps: str
    medicines: str
    supports: str
    expected: str
    recorded_at: datetime
    recorded_by: str | None
    copies: list[EvidencePlanCopy]

    @classmethod
    def of(cls, one: proof.PlanProof) -> "EvidencePlan":
        row = one.row
        return told(
            cls,
            row,
            billed=one.billed,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
            copies=[
                told(EvidencePlanCopy, c, recorded_at=c.made_at, recorded_by=c.made_by_name)
                for c in one.copies
            ],
        )


@strawberry.type(description="Something the biller should know that stops nothing.")
class EvidenceFinding:
    reason: str
    severity: str = strawberry.field(description="info, or review: look before sending.")
    sentence: str
    next_step: str
    rule_id: str
    citations: list[Citation]
    facts_used: list[FactUsed]


@strawberry.type(description="What a person chose for the month, or took back, with the reason.")
class EvidenceChoice:
    kind: str
    target: str
    reason: str
    takes_back: bool = strawberry.field(description="It takes back an earlier choice.")
    in_force: bool
    recorded_at: datetime
    recorded_by: str | None


@strawberry.type(description="One version of the decision; all are kept.")
class EvidenceVersion:
    number: int
    decided_at: datetime
    decided_by: str | None
    plugin: str
    plugin_version: str
    rule_set_hash: str
    facts_fingerprint: str


@strawberry.type(
    description="Everything behind one version of a patient-month's decision, as an auditor reads it."
)
class Evidence:
    patient_id: strawberry.ID
    patient_name: str
    month: str
    zone: str
    version: int
    newest: bool
    as_stored: bool = strawberry.field(
        description="Facts and answer still match the fingerprints kept with them."
    )
    payer: str
    member_id: str
    practitioner_name: str
    practitioner_npi: str
    plugin: str
    plugin_version: str
    rule_set_hash: str
    facts_fingerprint: str
    policy: str
    decided_at: datetime
    facts: str = strawberry.field(
        description="Canonical JSON: exactly what the rules were told; empty if none were asked."
    )
    lines: list[EvidenceLine]
    holds: list[ClaimHold]
    totals: list[EvidenceTotal]
    entries: list[EvidenceEntry]
    notes: list[EvidenceNote]
    consents: list[EvidenceConsent]
    plans: list[EvidencePlan]
    findings: list[EvidenceFinding]
    choices: list[EvidenceChoice]
    claims: list[EvidenceClaim] = strawberry.field(
        description="Every claim signed for the month, whatever became of it."
    )
    changes: list[str] = strawberry.field(
        description="Against the version before, as sentences; none for the first."
    )
    versions: list[EvidenceVersion]

    @classmethod
    def of(cls, found: proof.Evidence) -> "Evidence":
        row, who = found.decision, found.who
        return cls(
            patient_id=global_id("Patient", who.patient_id),
            patient_name=who.name,
            month=row.month,
            zone=who.zone,
            version=row.version,
            newest=found.newest,
            as_stored=found.as_stored,
            payer=row.payer_name,
            member_id=found.coverage.member_id if found.coverage else "",
            practitioner_name=who.practitioner_name,
            practitioner_npi=who.practitioner_npi,
            plugin=row.plugin,
            plugin_version=row.plugin_version,
            rule_set_hash=row.rule_set_hash,
            facts_fingerprint=row.facts_fingerprint,
            policy=row.policy,
            decided_at=row.decided_at,
            facts=found.facts.to_json() if found.facts else "",
            lines=[
                EvidenceLine(line=ClaimLine.of(one.row), total=EvidenceTotal.of(one.sum) if one.sum else None)
                for one in found.lines
            ],
            holds=[ClaimHold.of(hold) for hold in found.holds],
            totals=[EvidenceTotal.of(one) for one in found.sums],
            entries=[EvidenceEntry.of(one) for one in (*found.entries, *found.beside)],
            notes=[EvidenceNote.of(one) for one in found.contacts],
            consents=[EvidenceConsent.of(one) for one in found.consents],
            plans=[EvidencePlan.of(one) for one in found.plans],
            findings=[
                EvidenceFinding(
                    reason=one.code,
                    severity=one.severity,
                    sentence=one.sentence,
                    next_step=one.next_step,
                    rule_id=one.rule_id,
                    citations=[
                        Citation(
                            title=c.title,
                            section=c.section,
                            where=c.where,
                            status=c.status,
                            reviewed_on=c.reviewed_on.isoformat() if c.reviewed_on else "",
                            basis=c.basis,
                        )
                        for c in one.citations
                    ],
                    facts_used=[FactUsed(name=f.name, value=f.value) for f in one.facts_used],
                )
                for one in found.findings
            ],
            choices=[
                EvidenceChoice(
                    kind=one.kind,
                    target=one.target,
                    reason=one.reason,
                    takes_back=one.withdraws_id is not None,
                    in_force=one.withdraws_id is None and not one.withdrawn,
                    recorded_at=one.made_at,
                    recorded_by=one.made_by_name,
                )
                for one in found.overrides
            ],
            claims=[told(EvidenceClaim, one, id=global_id("Claim", one.id)) for one in found.claims],
            changes=[one.sentence for one in found.changes],
            versions=[told(EvidenceVersion, v) for v in found.versions],
        )


@strawberry.type
class EvidenceQuery:
    @field(
        permission="claims.read",
        description="The proof of a patient's month: of its newest decision, of one version, or of one line alone.",
    )
    async def evidence(
        self,
        info: Info,
        patient_id: strawberry.ID,
        month: LineText,
        version: int | None = None,
        line_id: strawberry.ID | None = None,
    ) -> Evidence:
        actor = actor_of(info)
        patient = id_of("Patient", patient_id)
        line = id_of("ClaimLine", line_id) if line_id else None
        async with tenant_db(actor, read_only=True) as db:
            found = await proof.evidence_of(
                db, actor, patient, check_month(month), version=version, line_id=line
            )
        return Evidence.of(found)
