"""Instruments, what people answered, and worries about safety, over GraphQL."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import strawberry
from sqlalchemy import select

from server.assessments import actions, library, queries, safety
from server.assessments.instrument import Answer, Condition, Instrument, Item, Score
from server.assessments.tables import DOMAINS, STATES
from server.assessments.tables import Assessment as AssessmentTable
from server.assessments.tables import SafetyConcern as SafetyConcernTable
from server.graphql.connections import Node, global_id, id_of, node_kind
from server.graphql.context import Info, actor_of, batch
from server.graphql.enrollment import written
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, Text
from server.tenants.db import tenant_db
from server.words import say

READ, WRITE = "chart.read", "assessments.write"
_MOST_OWN = 200


@strawberry.enum(
    description="Whose words an instrument is in. CODES, SCORE: asked from the practice's own copy."
)
class InstrumentWording(StrEnum):
    PUBLISHED = "published"
    OURS = "ours"
    CODES = "codes"
    SCORE = "score"


@strawberry.enum
class ItemType(StrEnum):
    CHOICE = "choice"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    TEXT = "text"


@strawberry.enum(description="How somebody was asked.")
class AssessmentMode(StrEnum):
    IN_PERSON = "in_person"
    HOME = "home"
    PHONE = "phone"
    VIDEO = "video"
    PAPER = "paper"


@strawberry.enum(description="Who answered.")
class AnsweredBy(StrEnum):
    PATIENT = "patient"
    SUPPORTER = "supporter"
    TOGETHER = "together"
    STAFF = "staff"


@strawberry.enum(description="PARTLY: a score could not be told, by the instrument's own rule.")
class AssessmentState(StrEnum):
    ANSWERED = "answered"
    PARTLY = "partly"
    TAKEN_BACK = "taken_back"


@strawberry.enum(description="What a worry about somebody's safety is about.")
class SafetyDomain(StrEnum):
    SELF_HARM = "self_harm"
    VIOLENCE = "violence"
    HOME = "home"
    OTHER = "other"


# --- instruments ----------------------------------------------------------------------------------------------


@strawberry.type
class InstrumentOption:
    code: str
    text: str
    score: int | None
    alone: bool = strawberry.field(description="Never together with another answer.")


@strawberry.type(
    description="An item is asked while all of its conditions hold; exactly one of the three lists says when one does."
)
class InstrumentCondition:
    item: str
    codes: list[str] = strawberry.field(description="Holds when that item has one of these answers.")
    unless: list[str] = strawberry.field(description="Holds when that item has none of these answers.")
    above: int | None = strawberry.field(description="Holds when that item's number is greater.")

    @classmethod
    def of(cls, one: Condition) -> "InstrumentCondition":
        return cls(item=one.item, codes=list(one.codes), unless=list(one.unless), above=one.above)


@strawberry.type
class InstrumentItem:
    item: str = strawberry.field(description="Its link id; answers name it.")
    text: str
    type: ItemType
    section: str = strawberry.field(description="A heading above it, where one begins here.")
    repeats: bool
    required: bool
    least: int | None
    most: int | None
    loinc: str
    options: list[InstrumentOption]
    when: list[InstrumentCondition]

    @classmethod
    def of(cls, one: Item) -> "InstrumentItem":
        return cls(
            item=one.id,
            text=one.text,
            type=ItemType(one.kind),
            section=one.section,
            repeats=one.repeats,
            required=one.required,
            least=one.least,
            most=one.most,
            loinc=one.loinc,
            options=[
                InstrumentOption(code=o.code, text=o.text, score=o.score, alone=o.alone) for o in one.options
            ],
            when=[InstrumentCondition.of(c) for c in one.when],
        )


@strawberry.type
class InstrumentBand:
    low: int
    high: int
    text: str


@strawberry.type
class InstrumentScore:
    key: str
    text: str
    of: list[str] = strawberry.field(description="The items it is made of.")
    low: int
    high: int
    loinc: str
    bands: list[InstrumentBand]

    @classmethod
    def made(cls, one: Score) -> "InstrumentScore":
        return cls(
            key=one.key,
            text=one.text,
            of=list(one.of),
            low=one.low,
            high=one.high,
            loinc=one.loinc,
            bands=[InstrumentBand(low=b.low, high=b.high, text=b.text) for b in one.bands],
        )


@strawberry.type(
    name="Instrument",
    description="Something to ask, in one version. All of it is optional but what the instrument requires.",
)
class InstrumentShown:
    key: str
    version: str = strawberry.field(description="Send it back with the answers.")
    language: str
    title: str
    about: str
    subject: str
    lead: str
    wording: InstrumentWording
    copy: str = strawberry.field(
        description="Where the practice has its own copy from, where it asks from one."
    )
    licence: str
    citation: str
    loinc: str
    in_person: bool = strawberry.field(description="The first time is face to face, or says why not.")
    items: list[InstrumentItem]
    scores: list[InstrumentScore]

    @classmethod
    def of(cls, one: Instrument) -> "InstrumentShown":
        plain = {
            name: getattr(one, name)
            for name in (
                "key", "version", "language", "title", "about", "subject", "lead", "copy", "licence", "citation", "loinc",
                "in_person",
            )
        }  # fmt: skip
        return cls(
            wording=InstrumentWording(one.wording),
            items=[InstrumentItem.of(item) for item in one.items],
            scores=[InstrumentScore.made(score) for score in one.scores],
            **plain,
        )


# --- what was answered ----------------------------------------------------------------------------------------


@strawberry.type(
    description="An answer: codes, a number or words. The words of codes are those of the version it was given to."
)
class AssessmentAnswer:
    item: str
    question: str
    codes: list[str]
    chosen: list[str]
    number: int | None
    text: str


@strawberry.type(
    description="What answers add up to. A score is missing where the instrument's rule cannot be followed."
)
class AssessmentScore:
    key: str
    name: str
    value: int
    band: str
    loinc: str


@strawberry.type(
    description="One time somebody answered. It is never changed: it is answered anew, or taken back."
)
class Assessment(Node):
    key: strawberry.Private[UUID]
    patient_id: strawberry.ID
    instrument: str
    version: str
    title: str
    language: str
    at: datetime
    mode: AssessmentMode
    mode_reason: str
    answered_by: AnsweredBy
    state: AssessmentState
    state_name: str
    note: str
    corrects_id: strawberry.ID | None
    corrected_by_id: strawberry.ID | None = strawberry.field(
        description="What stands in its place, where it was corrected or taken back."
    )
    reason: str = strawberry.field(description="Why it was corrected or taken back.")
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: queries.AssessmentRow) -> "Assessment":
        asked = library.known(row.instrument, row.version)
        return cls(
            id=global_id("Assessment", row.id),
            key=row.id,
            patient_id=global_id("Patient", row.patient_id),
            instrument=row.instrument,
            version=row.version,
            title=asked.title if asked else row.instrument,
            language=row.language,
            at=row.at,
            mode=AssessmentMode(row.mode),
            mode_reason=row.mode_reason,
            answered_by=AnsweredBy(row.answered_by),
            state=AssessmentState(row.state),
            state_name=say(STATES[row.state]),
            note=row.note,
            corrects_id=_assessment_id(row.corrects_id),
            corrected_by_id=_assessment_id(row.corrected_by),
            reason=row.reason,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )

    @strawberry.field(description="In the instrument's order.")
    async def answers(self, info: Info) -> list[AssessmentAnswer]:
        rows: list[Answer] = await info.context.load("assessment_answers", self.key)
        asked = library.known(self.instrument, self.version)
        shown = []
        for row in sorted(rows, key=lambda one: asked.place(one.item) if asked else 0):
            item = asked.item(row.item) if asked else None
            options = [item.option(code) for code in row.codes] if item else []
            shown.append(
                AssessmentAnswer(
                    item=row.item,
                    question=item.text if item else row.item,
                    codes=list(row.codes),
                    chosen=[option.text for option in options if option],
                    number=row.number,
                    text=row.text,
                )
            )
        return shown

    @strawberry.field(description="In the instrument's order.")
    async def scores(self, info: Info) -> list[AssessmentScore]:
        rows: list[queries.ScoreRow] = await info.context.load("assessment_scores", self.key)
        asked = library.known(self.instrument, self.version)
        shown = []
        for row in sorted(rows, key=lambda one: asked.score_place(one.key) if asked else 0):
            score = asked.score(row.key) if asked else None
            shown.append(
                AssessmentScore(
                    key=row.key,
                    name=score.text if score else row.key,
                    value=row.value,
                    band=row.band,
                    loinc=score.loinc if score else "",
                )
            )
        return shown


def _assessment_id(id: UUID | None) -> strawberry.ID | None:
    return None if id is None else global_id("Assessment", id)


@strawberry.type(description="How a worry was closed: in words, once.")
class SafetyClosing:
    done: str
    done_by: str
    talked_with: str
    words: str
    on: date
    recorded_at: datetime
    recorded_by: str | None


@strawberry.type(
    description="A worry about somebody's safety. It stays open until somebody says what was done."
)
class SafetyConcern(Node):
    key: strawberry.Private[UUID]
    patient_id: strawberry.ID
    domain: SafetyDomain
    domain_name: str
    assessment_id: strawberry.ID | None = strawberry.field(
        description="The answers that opened it, where answers did."
    )
    words: str
    closed: bool
    opened_at: datetime
    opened_by: str | None

    @classmethod
    def of(cls, row: queries.ConcernRow) -> "SafetyConcern":
        return cls(
            id=global_id("SafetyConcern", row.id),
            key=row.id,
            patient_id=global_id("Patient", row.patient_id),
            domain=SafetyDomain(row.domain),
            domain_name=say(DOMAINS[row.domain]),
            assessment_id=_assessment_id(row.assessment_id),
            words=row.words,
            closed=row.closed,
            opened_at=row.made_at,
            opened_by=row.made_by_name,
        )

    @strawberry.field(description="Null while it is open.")
    async def closing(self, info: Info) -> SafetyClosing | None:
        row: queries.ClosingRow | None = await info.context.load("safety_closings", self.key)
        if row is None:
            return None
        return SafetyClosing(
            done=row.done,
            done_by=row.done_by,
            talked_with=row.talked_with,
            words=row.words,
            on=row.done_on,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )


# --- reading --------------------------------------------------------------------------------------------------


async def _load_assessment(info: Info, id: UUID) -> Assessment | None:
    actor = actor_of(info)
    async with tenant_db(actor, read_only=True) as db:
        made = (
            await db.execute(select(AssessmentTable).where(AssessmentTable.id == id))
        ).scalar_one_or_none()
        return Assessment.of(await written(db, actor, queries.assessments_of, made)) if made else None


async def _load_concern(info: Info, id: UUID) -> SafetyConcern | None:
    actor = actor_of(info)
    async with tenant_db(actor, read_only=True) as db:
        made = (
            await db.execute(select(SafetyConcernTable).where(SafetyConcernTable.id == id))
        ).scalar_one_or_none()
        return SafetyConcern.of(await written(db, actor, queries.concerns_of, made)) if made else None


node_kind("Assessment", permission=READ, loader=_load_assessment)
node_kind("SafetyConcern", permission=READ, loader=_load_concern)
batch("assessments", queries.assessments_of)
batch("assessment_answers", queries.answers_of)
batch("assessment_scores", queries.scores_of)
batch("safety_concerns", queries.concerns_of)
batch("safety_closings", queries.closings_of, empty=lambda: None)


@strawberry.type
class AssessmentsOfPatient:
    """Fields of this room on Patient."""

    key: strawberry.Private[UUID]

    @field(
        permission=READ,
        description="What they answered, newest first; what was corrected or taken back says so.",
    )
    async def assessments(self, info: Info, instrument: Line | None = None) -> list[Assessment]:
        rows: list[queries.AssessmentRow] = await info.context.load("assessments", self.key)
        return [Assessment.of(row) for row in rows if instrument in (None, row.instrument)]

    @field(permission=READ, description="Worries about their safety, newest first, the closed ones too.")
    async def safety_concerns(self, info: Info) -> list[SafetyConcern]:
        return [SafetyConcern.of(row) for row in await info.context.load("safety_concerns", self.key)]


@strawberry.type
class AssessmentsQuery:
    @field(permission=READ, description="The instruments there are, each in the version that is asked now.")
    async def instruments(self) -> list[InstrumentShown]:
        return [InstrumentShown.of(one) for one in library.newest().values()]

    @field(
        permission=WRITE,
        description="Worries about safety that you opened and nobody has closed, oldest first.",
    )
    async def my_open_safety_concerns(self, info: Info) -> list[SafetyConcern]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            mine = await queries.my_open_concerns(db, actor, limit=_MOST_OWN)
            theirs = (
                await queries.concerns_of(db, actor, list({one.patient_id for one in mine})) if mine else {}
            )
        by_id = {row.id: row for rows in theirs.values() for row in rows}
        return [SafetyConcern.of(by_id[one.id]) for one in mine if one.id in by_id]


# --- writing --------------------------------------------------------------------------------------------------


@strawberry.input(description="One answer: codes of a choice (yes, no of a boolean), or a number, or words.")
class AnswerInput:
    item: Line
    codes: list[Line] | None = None
    number: int | None = None
    text: Text | None = None


@strawberry.input
class RecordAssessmentInput:
    patient_id: strawberry.ID
    instrument: Line
    version: Line = strawberry.field(
        description="The version that was asked; refused if another is asked by now."
    )
    at: datetime
    answers: list[AnswerInput] = strawberry.field(description="What is left out was not answered.")
    mode: AssessmentMode = AssessmentMode.IN_PERSON
    mode_reason: Line | None = strawberry.field(
        default=None, description="Why not face to face, where the instrument asks for that the first time."
    )
    answered_by: AnsweredBy = AnsweredBy.PATIENT
    note: Text | None = strawberry.field(
        default=None, description="What they said about it, in their own words."
    )
    corrects_id: strawberry.ID | None = strawberry.field(
        default=None, description="What it stands in the place of."
    )
    reason: Line | None = strawberry.field(default=None, description="Why that was corrected.")


@strawberry.input
class TakeBackAssessmentInput:
    id: strawberry.ID
    reason: Line


@strawberry.input
class OpenSafetyConcernInput:
    patient_id: strawberry.ID
    domain: SafetyDomain
    words: Text = strawberry.field(description="What you saw or heard.")


@strawberry.input
class CloseSafetyConcernInput:
    id: strawberry.ID
    done: Text = strawberry.field(description="What was done.")
    done_by: Line = strawberry.field(description="Who did it.")
    talked_with: Line = strawberry.field(description="With whom it was talked over.")
    words: Text = strawberry.field(description="How things stand now.")
    on: date


@strawberry.type
class AssessmentsMutation:
    @mutation(permission=WRITE, description="Write down what somebody answered, or correct it.")
    async def record_assessment(self, info: Info, input: RecordAssessmentInput) -> Assessment:
        actor = actor_of(info)
        new = actions.NewAssessment(
            instrument=input.instrument,
            version=input.version,
            at=input.at,
            answers=tuple(
                Answer(one.item, tuple(one.codes or ()), one.number, one.text or "") for one in input.answers
            ),
            mode=input.mode,
            answered_by=input.answered_by,
            note=input.note or "",
            mode_reason=input.mode_reason or "",
            corrects=id_of("Assessment", input.corrects_id) if input.corrects_id else None,
            reason=input.reason or "",
        )
        async with tenant_db(actor) as db:
            made = await actions.record_assessment(db, actor, id_of("Patient", input.patient_id), new)
            row = await written(db, actor, queries.assessments_of, made)
        info.context.forget()
        return Assessment.of(row)

    @mutation(permission=WRITE, description="It was not so; answers what now stands in its place.")
    async def take_back_assessment(self, info: Info, input: TakeBackAssessmentInput) -> Assessment:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            made = await actions.take_back_assessment(
                db, actor, id_of("Assessment", input.id), reason=input.reason
            )
            row = await written(db, actor, queries.assessments_of, made)
        info.context.forget()
        return Assessment.of(row)

    @mutation(
        permission=WRITE, description="Something seen or heard makes you worry about somebody's safety."
    )
    async def open_safety_concern(self, info: Info, input: OpenSafetyConcernInput) -> SafetyConcern:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            made = await safety.open_safety_concern(
                db, actor, id_of("Patient", input.patient_id), domain=input.domain, words=input.words
            )
            row = await written(db, actor, queries.concerns_of, made)
        info.context.forget()
        return SafetyConcern.of(row)

    @mutation(
        permission=WRITE, description="Say what was done about a worry. Once, and with all of its words."
    )
    async def close_safety_concern(self, info: Info, input: CloseSafetyConcernInput) -> SafetyConcern:
        actor = actor_of(info)
        closing = safety.Closing(input.done, input.done_by, input.talked_with, input.words, input.on)
        async with tenant_db(actor) as db:
            made = await safety.close_safety_concern(db, actor, id_of("SafetyConcern", input.id), closing)
            row = await written(db, actor, queries.concerns_of, made)
        info.context.forget()
        return SafetyConcern.of(row)
