"""Minutes over GraphQL: entered, corrected by a further entry, taken back, totalled."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import strawberry

from server.graphql.connections import (
    After,
    Connection,
    First,
    Node,
    Ordering,
    global_id,
    id_of,
    node_kind,
    page_from_rows,
    rows_to_fetch,
)
from server.graphql.context import Info, actor_of, batch
from server.graphql.drafts import finish
from server.graphql.encounters import Encounter, RecordEncounterInput, read_again
from server.graphql.enrollment import Program, staff_id, staff_key
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, ShortText
from server.minutes import actions, queries
from server.minutes.arithmetic import Span, whole_minutes, whole_seconds
from server.minutes.tables import ACTIVITIES, ROLE_CLASSES
from server.minutes.timers import Stop, record_contact_with_timer
from server.minutes.totals import MonthTotalRow
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db

READ, WRITE = "minutes.read", "minutes.write"
NEWEST = Ordering("minutes.newest", datetime, UUID)


@strawberry.enum(description="What the time was spent on.")
class MinutesActivity(StrEnum):
    CONTACT = "contact"
    SUPPORTER_CONTACT = "supporter_contact"
    COORDINATION = "coordination"
    PLAN_WORK = "plan_work"
    MEDICATION_REVIEW = "medication_review"
    RECORD_REVIEW = "record_review"
    TEAM_MEETING = "team_meeting"
    EDUCATION = "education"
    ASSESSMENT = "assessment"
    TRANSITION = "transition"
    DOCUMENTATION = "documentation"
    CHART_PREPARATION = "chart_preparation"
    PRIOR_AUTHORIZATION = "prior_authorization"
    ADMINISTRATIVE = "administrative"
    STAFF_TRAINING = "staff_training"
    AUTOMATED = "automated"
    OTHER = "other"


@strawberry.enum(description="How a contact was made.")
class MinutesMode(StrEnum):
    PHONE = "phone"
    VIDEO = "video"
    IN_PERSON = "in_person"
    HOME = "home"
    MESSAGE = "message"
    EMAIL = "email"
    LETTER = "letter"


@strawberry.enum
class MinutesState(StrEnum):
    DRAFT = "draft"
    FINAL = "final"


@strawberry.enum(description="The class of person whose time rules count apart.")
class RoleClass(StrEnum):
    STAFF = "staff"
    PRACTITIONER = "practitioner"
    ADMIN = "admin"


@strawberry.type(
    description="A span of somebody's time for one person. Corrected by a further entry, never edited."
)
class TimeEntry(Node):
    key: strawberry.Private[UUID]
    patient_id: strawberry.ID
    staff_id: strawberry.ID | None
    staff_name: str | None = strawberry.field(description="Whose time it was.")
    program: Program
    activity: MinutesActivity
    activity_name: str
    mode: MinutesMode | None
    with_patient: bool
    started_at: datetime
    ended_at: datetime
    seconds: int = strawberry.field(description="Elapsed time.")
    state: MinutesState
    part_of: str = strawberry.field(description="Another billed service these minutes belong to.")
    joint: bool = strawberry.field(description="A meeting that others may join.")
    encounter_id: strawberry.ID | None
    replaces: strawberry.ID | None = strawberry.field(
        description="The entry this one corrects or takes back."
    )
    replaced_by: strawberry.ID | None
    void: bool = strawberry.field(description="This entry takes the one it replaces back.")
    live: bool = strawberry.field(description="Only live entries count.")
    reason: str
    late: bool = strawberry.field(description="It changed a month that was closed already.")
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: queries.TimeEntryRow) -> "TimeEntry":
        return cls(
            id=global_id("TimeEntry", row.id),
            key=row.id,
            patient_id=global_id("Patient", row.patient_id),
            staff_id=staff_id(row.staff_id),
            staff_name=row.staff_name,
            program=Program(row.program),
            activity=MinutesActivity(row.activity),
            activity_name=ACTIVITIES[row.activity],
            mode=MinutesMode(row.mode) if row.mode else None,
            with_patient=row.with_patient,
            started_at=row.started_at,
            ended_at=row.ended_at,
            seconds=whole_seconds(Span(row.started_at, row.ended_at).lasts),
            state=MinutesState(row.state),
            part_of=row.part_of,
            joint=row.joint_id is not None,
            encounter_id=global_id("Encounter", row.encounter_id) if row.encounter_id else None,
            replaces=global_id("TimeEntry", row.replaces_id) if row.replaces_id else None,
            replaced_by=global_id("TimeEntry", row.replaced_by) if row.replaced_by else None,
            void=row.void,
            live=row.live,
            reason=row.reason,
            late=row.late,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )


@strawberry.type(description="A month's time on the practice's clock, of one program and class of person.")
class MonthTotal:
    program: Program
    month: str = strawberry.field(description="YYYY-MM.")
    role_class: RoleClass
    role_class_name: str
    seconds: int
    minutes: int = strawberry.field(description="Whole minutes, never rounded up.")
    entries: int

    @classmethod
    def of(cls, row: MonthTotalRow) -> "MonthTotal":
        return cls(
            program=Program(row.program),
            month=row.month,
            role_class=RoleClass(row.role_class),
            role_class_name=ROLE_CLASSES[row.role_class],
            seconds=row.seconds,
            minutes=whole_minutes(row.seconds),
            entries=row.entries,
        )


async def _load(info: Info, id: UUID) -> TimeEntry | None:
    actor = actor_of(info)
    async with tenant_db(actor, read_only=True) as db:
        row = await queries.time_entry_row(db, actor, id)
    return TimeEntry.of(row) if row else None


node_kind("TimeEntry", permission=READ, loader=_load)


async def _minutes(
    db: Db,
    actor: Actor,
    ids: list[UUID],
    limit: int,
    position: tuple[datetime, UUID] | None,
    corrected: bool,
) -> dict[UUID, list[queries.TimeEntryRow]]:
    return await queries.minutes_of(db, actor, ids, limit=limit, position=position, corrected=corrected)


batch("minutes", _minutes)
batch("month_totals", queries.month_totals_of)


@strawberry.type
class MinutesOfPatient:
    """Fields of this room on Patient."""

    key: strawberry.Private[UUID]

    @field(
        permission=READ,
        description="Entries, newest first; with `corrected`, those replaced or taken back too.",
    )
    async def minutes(
        self, info: Info, first: First = 50, after: After = None, corrected: bool = False
    ) -> Connection[TimeEntry]:
        cursors = NEWEST.within(actor_of(info).tenant_id)
        rows: list[queries.TimeEntryRow] = await info.context.load(
            "minutes", self.key, rows_to_fetch(first), cursors.read(after), corrected
        )
        return page_from_rows(
            rows,
            first,
            cursor_of=lambda row: cursors.write(row.started_at, row.id),
            node_of=TimeEntry.of,
            after=after,
        )

    @field(permission=READ, description="What each month adds up to, newest first; always up to date.")
    async def month_totals(self, info: Info, month: Line | None = None) -> list[MonthTotal]:
        rows: list[MonthTotalRow] = await info.context.load("month_totals", self.key)
        return [MonthTotal.of(row) for row in rows if month is None or row.month == month]


LATE = "It may change a month that is closed already; needs a reason. The month then counts as changed since it was closed."


@strawberry.input
class MinutesSpanInput:
    program: Program
    activity: MinutesActivity
    started_at: datetime
    ended_at: datetime
    mode: MinutesMode | None = strawberry.field(
        default=None, description="In `recordContact`: as the contact's kind."
    )
    with_patient: bool | None = None
    state: MinutesState = MinutesState.FINAL
    part_of: Line | None = None
    joint: bool = strawberry.field(default=False, description="A meeting that others may join.")
    reason: ShortText | None = strawberry.field(
        default=None, description="Asked for when entered late or for a colleague; any reason will do."
    )

    late: bool = strawberry.field(default=False, description=LATE)

    def values(self, **more: Any) -> actions.NewMinutes:
        return actions.NewMinutes(
            program=self.program,
            activity=self.activity,
            started_at=self.started_at,
            ended_at=self.ended_at,
            mode=self.mode or "",
            with_patient=self.with_patient,
            state=self.state,
            part_of=self.part_of or "",
            joint=self.joint,
            reason=self.reason or "",
            late=self.late,
            **more,
        )


@strawberry.input
class LogMinutesInput(MinutesSpanInput):
    patient_id: strawberry.ID = strawberry.field()
    encounter_id: strawberry.ID | None = None
    staff_id: strawberry.ID | None = strawberry.field(default=None, description="Left out: one's own.")


@strawberry.input
class RecordContactInput:
    encounter: RecordEncounterInput
    spans: list[MinutesSpanInput]
    timer_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="One's running timer for this person: its time becomes the contact's minutes, and it stops. "
        "Leave `spans` empty then.",
    )
    reason: ShortText | None = strawberry.field(
        default=None, description="Of the timer's minutes, as in `spans`."
    )
    late: bool = strawberry.field(default=False, description="Of the timer's minutes, as in `spans`.")


@strawberry.input(description="What is left out stays as it is.")
class MinutesChanges:
    program: Program | None = None
    activity: MinutesActivity | None = None
    mode: MinutesMode | None = strawberry.UNSET
    with_patient: bool | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    state: MinutesState | None = None
    part_of: Line | None = strawberry.UNSET
    joint: bool | None = None

    def values(self) -> dict[str, Any]:
        changes = {}
        for name in actions.CORRECTABLE:
            value = getattr(self, name)
            if name in ("mode", "part_of"):
                if value is not strawberry.UNSET:
                    changes[name] = value or ""
            elif value is not None:
                changes[name] = value
        return changes


@strawberry.input
class CorrectMinutesInput:
    time_entry_id: strawberry.ID
    changes: MinutesChanges
    reason: ShortText
    late: bool = strawberry.field(default=False, description=LATE)


@strawberry.input
class VoidMinutesInput:
    time_entry_id: strawberry.ID
    reason: ShortText
    late: bool = strawberry.field(default=False, description=LATE)


@strawberry.input
class ConfirmMinutesInput:
    time_entry_id: strawberry.ID
    reason: ShortText | None = strawberry.field(default=None, description="Needed only when it is late.")
    late: bool = strawberry.field(default=False, description=LATE)


@strawberry.input(description="What is left out is as in the entry joined.")
class JoinMeetingInput:
    time_entry_id: strawberry.ID
    patient_id: strawberry.ID | None = strawberry.field(
        default=None, description="It was about this person too."
    )
    program: Program | None = None
    activity: MinutesActivity | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    state: MinutesState = MinutesState.FINAL
    staff_id: strawberry.ID | None = strawberry.field(default=None, description="Left out: one's own.")
    reason: ShortText | None = None
    late: bool = strawberry.field(default=False, description=LATE)


@strawberry.type(description="A contact and the minutes saved with it.")
class RecordedContact:
    encounter: Encounter
    minutes: list[TimeEntry]


@strawberry.type
class MinutesMutation:
    @mutation(permission=WRITE, description="Enter minutes.")
    async def log_minutes(self, info: Info, input: LogMinutesInput) -> TimeEntry:
        actor = actor_of(info)
        new = input.values(
            encounter_id=id_of("Encounter", input.encounter_id, what="contact")
            if input.encounter_id
            else None,
            staff_id=staff_key(input.staff_id),
        )
        async with tenant_db(actor) as db:
            made = await actions.log_minutes(db, actor, id_of("Patient", input.patient_id), new)
            return await _read_again(db, actor, made.id)

    @mutation(permission=WRITE, description="One save makes the note and its minutes, or neither.")
    async def record_contact(self, info: Info, input: RecordContactInput) -> RecordedContact:
        actor = actor_of(info)
        patient_id = id_of("Patient", input.encounter.patient_id)
        async with tenant_db(actor) as db:
            if input.timer_id:
                new, stop = input.encounter.values(), Stop(program=input.encounter.program or "")
                encounter, entries = await record_contact_with_timer(
                    db,
                    actor,
                    patient_id,
                    new,
                    id_of("Timer", input.timer_id),
                    stop,
                    typed=bool(input.spans),
                    reason=input.reason or "",
                    late=input.late,
                )
            else:
                spans = [span.values() for span in input.spans]
                encounter, entries = await actions.record_contact(
                    db, actor, patient_id, input.encounter.values(), spans
                )
            await finish(db, actor, patient_id, input.encounter.draft_id)
            return RecordedContact(
                encounter=await read_again(db, actor, encounter.id),
                minutes=[await _read_again(db, actor, entry.id) for entry in entries],
            )

    @mutation(permission=WRITE, description="A further entry in place of this one, with the reason.")
    async def correct_minutes(self, info: Info, input: CorrectMinutesInput) -> TimeEntry:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            made = await actions.correct_minutes(
                db,
                actor,
                _entry_key(input.time_entry_id),
                changes=input.changes.values(),
                reason=input.reason,
                late=input.late,
            )
            return await _read_again(db, actor, made.id)

    @mutation(permission=WRITE, description="A draft of one's own becomes final.")
    async def confirm_minutes(self, info: Info, input: ConfirmMinutesInput) -> TimeEntry:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            made = await actions.confirm_minutes(
                db, actor, _entry_key(input.time_entry_id), late=input.late, reason=input.reason or ""
            )
            return await _read_again(db, actor, made.id)

    @mutation(permission=WRITE, description="Take an entry back altogether.")
    async def void_minutes(self, info: Info, input: VoidMinutesInput) -> TimeEntry:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            made = await actions.void_minutes(
                db, actor, _entry_key(input.time_entry_id), reason=input.reason, late=input.late
            )
            return await _read_again(db, actor, made.id)

    @mutation(permission=WRITE, description="Enter one's minutes in a meeting somebody entered.")
    async def join_meeting(self, info: Info, input: JoinMeetingInput) -> TimeEntry:
        actor = actor_of(info)
        joining = actions.Joining(
            patient_id=id_of("Patient", input.patient_id) if input.patient_id else None,
            program=input.program or "",
            activity=input.activity or "",
            started_at=input.started_at,
            ended_at=input.ended_at,
            state=input.state,
            staff_id=staff_key(input.staff_id),
            reason=input.reason or "",
            late=input.late,
        )
        async with tenant_db(actor) as db:
            made = await actions.join_meeting(db, actor, _entry_key(input.time_entry_id), joining)
            return await _read_again(db, actor, made.id)


def _entry_key(id: strawberry.ID) -> UUID:
    return id_of("TimeEntry", id, what="entry of minutes")


async def _read_again(db: Db, actor: Actor, entry_id: UUID) -> TimeEntry:
    row = await queries.time_entry_row(db, actor, entry_id)
    if row is None:
        raise RuntimeError("an entry vanished inside its own transaction")
    return TimeEntry.of(row)
