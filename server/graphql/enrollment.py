"""Programs, consents and what payers' rules ask about beside them, over GraphQL."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from sqlalchemy import select

from server.clock import now, today
from server.enrollment import actions, queries
from server.enrollment.consent import ConsentRow, GivenConsent, SaidNo, TakenBack, standing
from server.enrollment.tables import PROGRAMS, VISIT_KINDS
from server.enrollment.tables import Consent as ConsentTable
from server.enrollment.tables import Enrollment as EnrollmentTable
from server.enrollment.wording import wordings
from server.graphql.connections import Node, global_id, id_of, node_kind
from server.graphql.context import Info, actor_of, batch
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, ShortText
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db

READ, WRITE = "enrollment.read", "enrollment.write"


@strawberry.enum(description="A way of working with a person between visits.")
class Program(StrEnum):
    CCM = "ccm"
    PDCM = "pdcm"


@strawberry.enum
class EnrollmentStatus(StrEnum):
    INVITED = "invited"
    ENROLLED = "enrolled"
    PAUSED = "paused"
    DECLINED = "declined"
    ENDED = "ended"


@strawberry.enum
class ConsentKind(StrEnum):
    GIVEN = "given"
    REFUSED = "refused"
    REVOKED = "revoked"


@strawberry.enum
class ConsentMethod(StrEnum):
    VERBAL = "verbal"
    WRITTEN = "written"


@strawberry.enum(description="What a person is told before agreeing.")
class ConsentPoint(StrEnum):
    AVAILABILITY = "availability"
    COST_SHARE = "cost_share"
    ONE_PRACTITIONER = "one_practitioner"
    RIGHT_TO_STOP = "right_to_stop"


@strawberry.enum
class PractitionerVisitKind(StrEnum):
    OFFICE_VISIT = "office_visit"
    ANNUAL_WELLNESS = "annual_wellness"
    WELCOME_VISIT = "welcome_visit"
    TRANSITION_VISIT = "transition_visit"
    NURSE_VISIT = "nurse_visit"
    HOSPITAL = "hospital"
    EMERGENCY = "emergency"
    OTHER = "other"


@strawberry.enum(description="How hard the month's medical decisions were.")
class Level(StrEnum):
    STRAIGHTFORWARD = "straightforward"
    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"


# --- types ----------------------------------------------------------------------------------------------------


@strawberry.type(description="One step in the history of an enrollment.")
class EnrollmentChange:
    status: EnrollmentStatus
    from_on: date
    practitioner_name: str | None
    contact_frequency: str
    reason: str
    recorded_at: datetime
    recorded_by: str | None


@strawberry.type(description="A person's time in a program; open while it has no end.")
class Enrollment(Node):
    key: strawberry.Private[UUID]
    patient_id: strawberry.ID
    program: Program
    program_name: str
    status: EnrollmentStatus
    started_on: date
    ended_on: date | None
    ended_reason: str
    practitioner_id: strawberry.ID | None
    practitioner_name: str | None
    contact_frequency: str = strawberry.field(
        description="How often they wish to hear from us, in their words."
    )

    @classmethod
    def of(cls, row: queries.EnrollmentRow) -> "Enrollment":
        return cls(
            id=global_id("Enrollment", row.id),
            key=row.id,
            patient_id=global_id("Patient", row.patient_id),
            program=Program(row.program),
            program_name=PROGRAMS[row.program],
            status=EnrollmentStatus(row.status),
            started_on=row.started_on,
            ended_on=row.ended_on,
            ended_reason=row.ended_reason,
            practitioner_id=staff_id(row.practitioner_id),
            practitioner_name=row.practitioner_name,
            contact_frequency=row.contact_frequency,
        )

    @strawberry.field(description="How it came to be so, oldest first.")
    async def history(self, info: Info) -> list[EnrollmentChange]:
        rows: list[queries.EnrollmentChangeRow] = await info.context.load("enrollment_history", self.key)
        return [
            EnrollmentChange(
                status=EnrollmentStatus(row.status),
                from_on=row.from_on,
                practitioner_name=row.practitioner_name,
                contact_frequency=row.contact_frequency,
                reason=row.reason,
                recorded_at=row.made_at,
                recorded_by=row.made_by_name,
            )
            for row in rows
        ]


@strawberry.type(description="A consent given, refused or taken back. Nothing here is ever edited.")
class Consent(Node):
    patient_id: strawberry.ID
    program: Program
    kind: ConsentKind
    method: ConsentMethod
    at: datetime
    effective_at: datetime | None = strawberry.field(
        description="When a revocation takes effect, if not at once."
    )
    wording_version: str
    wording_hash: str = strawberry.field(description="sha256 of the text read out or signed.")
    language: str
    given_by: str
    told: list[ConsentPoint]
    practitioner_id: strawberry.ID | None
    practitioner_name: str | None
    reason: str
    what_would_help: str
    ask_again_on: date | None = strawberry.field(
        description="Nobody asks before this day; empty: nobody asks."
    )
    strikes: strawberry.ID | None = strawberry.field(description="The row this one takes back, if it does.")
    counts: bool = strawberry.field(
        description="False for a row that was struck, and for the one that struck it."
    )
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: ConsentRow, *, counts: bool) -> "Consent":
        return cls(
            id=global_id("Consent", row.id),
            patient_id=global_id("Patient", row.patient_id),
            program=Program(row.program),
            kind=ConsentKind(row.kind),
            method=ConsentMethod(row.method),
            at=row.at,
            effective_at=row.effective_at,
            wording_version=row.wording_version,
            wording_hash=row.wording_hash,
            language=row.language,
            given_by=row.given_by,
            told=[ConsentPoint(point) for point in row.told],
            practitioner_id=staff_id(row.practitioner_id),
            practitioner_name=row.practitioner_name,
            reason=row.reason,
            what_would_help=row.what_would_help,
            ask_again_on=row.ask_again_on,
            strikes=global_id("Consent", row.replaces_id) if row.replaces_id else None,
            counts=counts,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )

    @classmethod
    def list_of(cls, rows: Sequence[ConsentRow]) -> "list[Consent]":
        struck = {row.replaces_id for row in rows}
        return [cls.of(row, counts=not row.struck and row.id not in struck) for row in rows]


@strawberry.type(description="Where a person stands with one program today.")
class ProgramStanding:
    program: Program
    program_name: str
    enrollment: Enrollment | None = strawberry.field(description="The open one, if there is one.")
    consent: ConsentKind | None = strawberry.field(description="Empty: never asked.")
    consent_since: datetime | None
    consent_ends_at: datetime | None = strawberry.field(
        description="Taken back with notice: in force until then."
    )
    ask_again_on: date | None
    may_ask: bool = strawberry.field(
        description="Whether the program may be brought up; nobody is asked twice."
    )


@strawberry.type(description="What is read out or signed when a person agrees.")
class ConsentWording:
    program: Program
    language: str
    version: str
    sha256: str
    text: str = strawberry.field(description="Markdown.")


@strawberry.type(description="A visit with a practitioner, as program rules ask about it.")
class PractitionerVisit:
    id: strawberry.ID
    kind: PractitionerVisitKind
    kind_name: str
    visited_on: date
    practitioner_id: strawberry.ID | None = strawberry.field(
        description="Empty: somebody outside this practice."
    )
    practitioner_name: str | None
    initiating_for: Program | None = strawberry.field(
        description="The program discussed and documented at it."
    )
    care_planning_by_practitioner: bool
    withdrawn_at: datetime | None
    withdrawn_reason: str
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: queries.PractitionerVisitRow) -> "PractitionerVisit":
        return cls(
            id=global_id("PractitionerVisit", row.id),
            kind=PractitionerVisitKind(row.kind),
            kind_name=VISIT_KINDS[row.kind],
            visited_on=row.visited_on,
            practitioner_id=staff_id(row.practitioner_id),
            practitioner_name=row.practitioner_name,
            initiating_for=Program(row.initiating_for) if row.initiating_for else None,
            care_planning_by_practitioner=row.care_planning_by_practitioner,
            withdrawn_at=row.withdrawn_at,
            withdrawn_reason=row.withdrawn_reason,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )


@strawberry.type(description="One judgement of a month's medical decisions; the newest of a month counts.")
class DecisionLevel:
    program: Program
    month: str = strawberry.field(description="YYYY-MM.")
    level: Level
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: queries.DecisionLevelRow) -> "DecisionLevel":
        return cls(
            program=Program(row.program),
            month=row.month,
            level=Level(row.level),
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )


@strawberry.type(description="A service billed outside the program, by this practice or by somebody else.")
class OtherService:
    id: strawberry.ID
    code: str
    on_date: date
    practitioner_id: strawberry.ID | None
    practitioner_name: str | None
    note: str
    withdrawn_at: datetime | None
    withdrawn_reason: str
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: queries.OtherServiceRow) -> "OtherService":
        return cls(
            id=global_id("OtherService", row.id),
            code=row.code,
            on_date=row.on_date,
            practitioner_id=staff_id(row.practitioner_id),
            practitioner_name=row.practitioner_name,
            note=row.note,
            withdrawn_at=row.withdrawn_at,
            withdrawn_reason=row.withdrawn_reason,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )


@strawberry.type(
    description="Somebody recorded that an element is, or is not, in place; the newest per element counts."
)
class Attestation:
    element: str
    practice_wide: bool
    met: bool
    on_date: date
    note: str
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: queries.AttestationRow) -> "Attestation":
        return cls(
            element=row.element,
            practice_wide=row.patient_id is None,
            met=row.met,
            on_date=row.on_date,
            note=row.note,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )


# --- reading --------------------------------------------------------------------------------------------------

batch("enrollments", queries.enrollments_of)
batch("enrollment_history", queries.enrollment_history)
batch("consents", queries.consents_of)
batch("practitioner_visits", queries.visits_of)
batch("decision_levels", queries.decision_levels_of)
batch("other_services", queries.other_services_of)
batch("attestations", queries.attestations_of)


@strawberry.type
class EnrollmentOfPatient:
    """Fields of this room on Patient."""

    key: strawberry.Private[UUID]

    @field(permission=READ, description="Every time in a program, newest first.")
    async def enrollments(self, info: Info) -> list[Enrollment]:
        return [Enrollment.of(row) for row in await info.context.load("enrollments", self.key)]

    @field(permission=READ, description="The whole log, newest first, rows that no longer count too.")
    async def consents(self, info: Info) -> list[Consent]:
        return Consent.list_of(await info.context.load("consents", self.key))

    @field(permission=READ, description="Where they stand with each program now.")
    async def programs(self, info: Info) -> list[ProgramStanding]:
        enrollments: list[queries.EnrollmentRow] = await info.context.load("enrollments", self.key)
        log: list[ConsentRow] = await info.context.load("consents", self.key)
        at, day = now(), today(actor_of(info).zone)
        found = []
        for program in Program:
            now_open = next((e for e in enrollments if e.program == program and e.ended_on is None), None)
            stands = standing(log, program, at)
            found.append(
                ProgramStanding(
                    program=program,
                    program_name=PROGRAMS[program],
                    enrollment=Enrollment.of(now_open) if now_open else None,
                    consent=ConsentKind(stands.kind) if stands.kind else None,
                    consent_since=stands.since,
                    consent_ends_at=stands.ends_at,
                    ask_again_on=stands.ask_again_on,
                    may_ask=stands.may_ask(day),
                )
            )
        return found

    @field(permission=READ, description="Visits with practitioners, newest first, those taken back too.")
    async def practitioner_visits(self, info: Info) -> list[PractitionerVisit]:
        return [PractitionerVisit.of(row) for row in await info.context.load("practitioner_visits", self.key)]

    @field(
        permission=READ, description="Every judgement, newest first; the first of a program's month counts."
    )
    async def decision_levels(self, info: Info) -> list[DecisionLevel]:
        return [DecisionLevel.of(row) for row in await info.context.load("decision_levels", self.key)]

    @field(
        permission=READ,
        description="Services billed outside the programs, newest first, those taken back too.",
    )
    async def other_services(self, info: Info) -> list[OtherService]:
        return [OtherService.of(row) for row in await info.context.load("other_services", self.key)]

    @field(
        permission=READ,
        description="Of this person and of the practice, newest first; the first per element counts.",
    )
    async def attestations(self, info: Info) -> list[Attestation]:
        return [Attestation.of(row) for row in await info.context.load("attestations", self.key)]


@strawberry.type
class EnrollmentQuery:
    @field(
        permission=READ, description="The texts of consent, newest version first within program and language."
    )
    async def consent_wordings(
        self, info: Info, program: Program | None = None, language: Line | None = None
    ) -> list[ConsentWording]:
        return [
            ConsentWording(
                program=Program(w.program),
                language=w.language,
                version=w.version,
                sha256=w.sha256,
                text=w.text,
            )
            for w in wordings()
            if (program is None or w.program == program)
            and (language is None or w.language == language[:2].lower())
        ]

    @field(permission=READ, description="What was attested of the practice as a whole, newest first.")
    async def practice_attestations(self, info: Info) -> list[Attestation]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            return [Attestation.of(row) for row in await queries.practice_attestations(db, actor)]


# --- changing -------------------------------------------------------------------------------------------------


@strawberry.input
class EnrollInput:
    patient_id: strawberry.ID
    program: Program
    started_on: date
    practitioner_id: strawberry.ID | None = None
    contact_frequency: Line | None = strawberry.field(
        default=None, description="How often, as the patient wishes."
    )


@strawberry.input
class ChangeEnrollmentInput:
    enrollment_id: strawberry.ID
    practitioner_id: strawberry.ID | None = strawberry.field(default=None, description="Left out: nobody.")
    contact_frequency: Line | None = strawberry.field(default=None, description="Left out: empty.")


@strawberry.input
class PauseEnrollmentInput:
    enrollment_id: strawberry.ID
    on: date
    reason: ShortText | None = None


@strawberry.input
class ResumeEnrollmentInput:
    enrollment_id: strawberry.ID
    on: date


@strawberry.input
class EndEnrollmentInput:
    enrollment_id: strawberry.ID
    on: date
    reason: ShortText


@strawberry.input
class RecordConsentInput:
    patient_id: strawberry.ID
    program: Program
    at: datetime
    method: ConsentMethod
    given_by: Line = strawberry.field(description="The patient, or who speaks for them.")
    language: Line = strawberry.field(description="BCP 47: the language it was given in.")
    wording_version: Line = strawberry.field(
        description="Of `consentWordings`; `elsewhere` for another form."
    )
    told: list[ConsentPoint]
    practitioner_id: strawberry.ID | None = None
    note: ShortText | None = None


@strawberry.input
class RecordRefusalInput:
    patient_id: strawberry.ID
    program: Program
    at: datetime
    said_by: Line | None = None
    reason: ShortText | None = None
    what_would_help: ShortText | None = strawberry.field(default=None, description="In their words.")
    ask_again_on: date | None = strawberry.field(default=None, description="Left out: nobody asks again.")


@strawberry.input
class RevokeConsentInput:
    patient_id: strawberry.ID
    program: Program
    at: datetime
    said_by: Line | None = None
    method: ConsentMethod = ConsentMethod.VERBAL
    reason: ShortText | None = None
    effective_at: datetime | None = strawberry.field(default=None, description="Left out: at once.")


@strawberry.input
class StrikeConsentInput:
    consent_id: strawberry.ID
    reason: ShortText


@strawberry.input
class RecordPractitionerVisitInput:
    patient_id: strawberry.ID
    kind: PractitionerVisitKind
    visited_on: date
    practitioner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Left out: somebody outside."
    )
    initiating_for: Program | None = None
    care_planning_by_practitioner: bool = False


@strawberry.input
class WithdrawPractitionerVisitInput:
    practitioner_visit_id: strawberry.ID
    reason: ShortText


@strawberry.input
class RecordDecisionLevelInput:
    patient_id: strawberry.ID
    program: Program
    month: Line = strawberry.field(description="YYYY-MM.")
    level: Level


@strawberry.input
class RecordOtherServiceInput:
    patient_id: strawberry.ID
    code: Line
    on_date: date
    practitioner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Left out: somebody outside."
    )
    note: ShortText | None = None


@strawberry.input
class WithdrawOtherServiceInput:
    other_service_id: strawberry.ID
    reason: ShortText


@strawberry.input
class AttestInput:
    element: Line
    met: bool
    on_date: date
    note: ShortText | None = None
    patient_id: strawberry.ID | None = strawberry.field(
        default=None, description="Left out: the practice as a whole."
    )


@strawberry.type
class EnrollmentMutation:
    @mutation(permission=WRITE, description="Take a person into a program.")
    async def enroll(self, info: Info, input: EnrollInput) -> Enrollment:
        new = actions.NewEnrollment(
            program=input.program,
            started_on=input.started_on,
            practitioner_id=staff_key(input.practitioner_id),
            contact_frequency=input.contact_frequency or "",
        )
        return await _enrollment(
            info, lambda db, actor: actions.enroll(db, actor, id_of("Patient", input.patient_id), new)
        )

    @mutation(permission=WRITE, description="Another practitioner, or another rhythm of contact.")
    async def change_enrollment(self, info: Info, input: ChangeEnrollmentInput) -> Enrollment:
        return await _enrollment(
            info,
            lambda db, actor: actions.change_enrollment(
                db,
                actor,
                id_of("Enrollment", input.enrollment_id),
                practitioner_id=staff_key(input.practitioner_id),
                contact_frequency=input.contact_frequency or "",
            ),
        )

    @mutation(permission=WRITE, description="Hold a program for a while.")
    async def pause_enrollment(self, info: Info, input: PauseEnrollmentInput) -> Enrollment:
        return await _enrollment(
            info,
            lambda db, actor: actions.pause_enrollment(
                db, actor, id_of("Enrollment", input.enrollment_id), on=input.on, reason=input.reason or ""
            ),
        )

    @mutation(permission=WRITE, description="Take a paused program up again.")
    async def resume_enrollment(self, info: Info, input: ResumeEnrollmentInput) -> Enrollment:
        return await _enrollment(
            info,
            lambda db, actor: actions.resume_enrollment(
                db, actor, id_of("Enrollment", input.enrollment_id), on=input.on
            ),
        )

    @mutation(permission=WRITE, description="End a program, with the reason.")
    async def end_enrollment(self, info: Info, input: EndEnrollmentInput) -> Enrollment:
        return await _enrollment(
            info,
            lambda db, actor: actions.end_enrollment(
                db, actor, id_of("Enrollment", input.enrollment_id), on=input.on, reason=input.reason
            ),
        )

    @mutation(permission=WRITE, description="Record a yes, spoken or signed.")
    async def record_consent(self, info: Info, input: RecordConsentInput) -> Consent:
        new = GivenConsent(
            program=input.program,
            at=input.at,
            method=input.method,
            given_by=input.given_by,
            language=input.language,
            wording_version=input.wording_version,
            told=tuple(dict.fromkeys(point.value for point in input.told)),
            practitioner_id=staff_key(input.practitioner_id),
            reason=input.note or "",
        )
        return await _consent(
            info, lambda db, actor: actions.record_consent(db, actor, id_of("Patient", input.patient_id), new)
        )

    @mutation(permission=WRITE, description="Record a no, and what would help.")
    async def record_refusal(self, info: Info, input: RecordRefusalInput) -> Consent:
        new = SaidNo(
            program=input.program,
            at=input.at,
            given_by=input.said_by or "",
            reason=input.reason or "",
            what_would_help=input.what_would_help or "",
            ask_again_on=input.ask_again_on,
        )
        return await _consent(
            info, lambda db, actor: actions.record_refusal(db, actor, id_of("Patient", input.patient_id), new)
        )

    @mutation(permission=WRITE, description="Record that consent was taken back.")
    async def revoke_consent(self, info: Info, input: RevokeConsentInput) -> Consent:
        new = TakenBack(
            program=input.program,
            at=input.at,
            given_by=input.said_by or "",
            method=input.method,
            reason=input.reason or "",
            effective_at=input.effective_at,
        )
        return await _consent(
            info, lambda db, actor: actions.revoke_consent(db, actor, id_of("Patient", input.patient_id), new)
        )

    @mutation(permission=WRITE, description="Strike a consent recorded by mistake; both rows stay readable.")
    async def strike_consent(self, info: Info, input: StrikeConsentInput) -> Consent:
        return await _consent(
            info,
            lambda db, actor: actions.strike_consent(
                db, actor, id_of("Consent", input.consent_id), reason=input.reason
            ),
        )

    @mutation(permission=WRITE, description="Record a visit with a practitioner.")
    async def record_practitioner_visit(
        self, info: Info, input: RecordPractitionerVisitInput
    ) -> PractitionerVisit:
        new = actions.NewPractitionerVisit(
            kind=input.kind,
            visited_on=input.visited_on,
            practitioner_id=staff_key(input.practitioner_id),
            initiating_for=input.initiating_for or "",
            care_planning_by_practitioner=input.care_planning_by_practitioner,
        )
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            visit = await actions.record_practitioner_visit(
                db, actor, id_of("Patient", input.patient_id), new
            )
            return PractitionerVisit.of(await written(db, actor, queries.visits_of, visit))

    @mutation(permission=WRITE, description="Take back a visit recorded by mistake.")
    async def withdraw_practitioner_visit(
        self, info: Info, input: WithdrawPractitionerVisitInput
    ) -> PractitionerVisit:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            visit = await actions.withdraw_practitioner_visit(
                db, actor, id_of("PractitionerVisit", input.practitioner_visit_id), reason=input.reason
            )
            return PractitionerVisit.of(await written(db, actor, queries.visits_of, visit))

    @mutation(
        permission=WRITE,
        description="Record how hard the month's decisions were, as the practitioner judged.",
    )
    async def record_decision_level(self, info: Info, input: RecordDecisionLevelInput) -> DecisionLevel:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            level = await actions.record_decision_level(
                db,
                actor,
                id_of("Patient", input.patient_id),
                program=input.program,
                month=input.month,
                level=input.level,
            )
            return DecisionLevel.of(await written(db, actor, queries.decision_levels_of, level))

    @mutation(permission=WRITE, description="Record a service billed outside the programs.")
    async def record_other_service(self, info: Info, input: RecordOtherServiceInput) -> OtherService:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            other = await actions.record_other_service(
                db,
                actor,
                id_of("Patient", input.patient_id),
                code=input.code,
                on_date=input.on_date,
                practitioner_id=staff_key(input.practitioner_id),
                note=input.note or "",
            )
            return OtherService.of(await written(db, actor, queries.other_services_of, other))

    @mutation(permission=WRITE, description="Take back a service recorded by mistake.")
    async def withdraw_other_service(self, info: Info, input: WithdrawOtherServiceInput) -> OtherService:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            other = await actions.withdraw_other_service(
                db, actor, id_of("OtherService", input.other_service_id), reason=input.reason
            )
            return OtherService.of(await written(db, actor, queries.other_services_of, other))

    @mutation(permission=WRITE, description="Record that an element is, or is not, in place.")
    async def attest(self, info: Info, input: AttestInput) -> Attestation:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            attested = await actions.attest(
                db,
                actor,
                element=input.element,
                met=input.met,
                on_date=input.on_date,
                note=input.note or "",
                patient_id=id_of("Patient", input.patient_id) if input.patient_id else None,
            )
            if attested.patient_id is None:
                rows = await queries.practice_attestations(db, actor)
                return Attestation.of(next(row for row in rows if row.id == attested.id))
            return Attestation.of(await written(db, actor, queries.attestations_of, attested))


# --- between the two ------------------------------------------------------------------------------------------


async def _enrollment(info: Info, act: Callable[[Db, Actor], Awaitable[EnrollmentTable]]) -> Enrollment:
    actor = actor_of(info)
    async with tenant_db(actor) as db:
        return Enrollment.of(await written(db, actor, queries.enrollments_of, await act(db, actor)))


async def _consent(info: Info, act: Callable[[Db, Actor], Awaitable[ConsentTable]]) -> Consent:
    actor = actor_of(info)
    async with tenant_db(actor) as db:
        made = await act(db, actor)
        return Consent.of(await written(db, actor, queries.consents_of, made), counts=not made.struck)


async def _load_enrollment(info: Info, id: UUID) -> Enrollment | None:
    actor = actor_of(info)
    async with tenant_db(actor, read_only=True) as db:
        made = (
            await db.execute(select(EnrollmentTable).where(EnrollmentTable.id == id))
        ).scalar_one_or_none()
        return Enrollment.of(await written(db, actor, queries.enrollments_of, made)) if made else None


async def _load_consent(info: Info, id: UUID) -> Consent | None:
    actor = actor_of(info)
    async with tenant_db(actor, read_only=True) as db:
        made = (await db.execute(select(ConsentTable).where(ConsentTable.id == id))).scalar_one_or_none()
        if made is None:
            return None
        rows = (await queries.consents_of(db, actor, [made.patient_id]))[made.patient_id]
        wanted = global_id("Consent", id)
        return next(consent for consent in Consent.list_of(rows) if consent.id == wanted)


node_kind("Enrollment", permission=READ, loader=_load_enrollment)
node_kind("Consent", permission=READ, loader=_load_consent)

Row = TypeVar("Row")


async def written(
    db: Db,
    actor: Actor,
    load: Callable[[Db, Actor, Sequence[UUID]], Awaitable[dict[UUID, list[Row]]]],
    made: Any,
) -> Row:
    """What an action made, as the lists show it: with the names of those concerned."""
    rows: Any = (await load(db, actor, [made.patient_id]))[made.patient_id]
    found: Row = next(row for row in rows if row.id == made.id)
    return found


def staff_id(key: UUID | None) -> strawberry.ID | None:
    return global_id("Staff", key) if key else None


def staff_key(id: strawberry.ID | None) -> UUID | None:
    return id_of("Staff", id, what="colleague") if id else None
