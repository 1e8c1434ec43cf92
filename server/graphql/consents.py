"""Consent over GraphQL: the log, where a person stands, the texts read out."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import strawberry
from sqlalchemy import select

from server.clock import now, today
from server.enrollment import consenting, queries
from server.enrollment.consent import ConsentRow, GivenConsent, SaidNo, TakenBack, standing
from server.enrollment.tables import PROGRAMS
from server.enrollment.tables import Consent as ConsentTable
from server.enrollment.wording import wordings
from server.graphql.connections import Node, global_id, id_of, node_kind
from server.graphql.context import Info, actor_of, batch
from server.graphql.enrollment import READ, WRITE, Enrollment, Program, staff_id, staff_key, written
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, ShortText
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db


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


async def _load_consent(info: Info, id: UUID) -> Consent | None:
    actor = actor_of(info)
    async with tenant_db(actor, read_only=True) as db:
        made = (await db.execute(select(ConsentTable).where(ConsentTable.id == id))).scalar_one_or_none()
        if made is None:
            return None
        rows = (await queries.consents_of(db, actor, [made.patient_id]))[made.patient_id]
        wanted = global_id("Consent", id)
        return next(consent for consent in Consent.list_of(rows) if consent.id == wanted)


node_kind("Consent", permission=READ, loader=_load_consent)
batch("consents", queries.consents_of)


@strawberry.type
class ConsentsOfPatient:
    """Fields of this room on Patient."""

    key: strawberry.Private[UUID]

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


@strawberry.type
class ConsentsQuery:
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


@strawberry.type
class ConsentsMutation:
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
            info,
            lambda db, actor: consenting.record_consent(db, actor, id_of("Patient", input.patient_id), new),
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
            info,
            lambda db, actor: consenting.record_refusal(db, actor, id_of("Patient", input.patient_id), new),
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
            info,
            lambda db, actor: consenting.revoke_consent(db, actor, id_of("Patient", input.patient_id), new),
        )

    @mutation(permission=WRITE, description="Strike a consent recorded by mistake; both rows stay readable.")
    async def strike_consent(self, info: Info, input: StrikeConsentInput) -> Consent:
        return await _consent(
            info,
            lambda db, actor: consenting.strike_consent(
                db, actor, id_of("Consent", input.consent_id), reason=input.reason
            ),
        )


async def _consent(info: Info, act: Callable[[Db, Actor], Awaitable[ConsentTable]]) -> Consent:
    actor = actor_of(info)
    async with tenant_db(actor) as db:
        made = await act(db, actor)
        return Consent.of(await written(db, actor, queries.consents_of, made), counts=not made.struck)
