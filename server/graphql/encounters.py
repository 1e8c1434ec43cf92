"""Contacts over GraphQL: recorded, mended by revision, signed, amended with a reason."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import strawberry

from server.encounters import actions, queries
from server.encounters.tables import KINDS, OUTCOMES
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
from server.graphql.enrollment import Program, staff_id, staff_key
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, ShortText, Text
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db

READ, WRITE = "encounters.read", "encounters.write"
_DRAFT = "The draft it was written in: finished in the same save."
NEWEST = Ordering("encounters.newest", datetime, UUID)


@strawberry.enum
class EncounterKind(StrEnum):
    PHONE = "phone"
    VIDEO = "video"
    IN_PERSON = "in_person"
    HOME = "home"
    ON_BEHALF = "on_behalf"
    MESSAGE = "message"
    EMAIL = "email"
    LETTER = "letter"


@strawberry.enum
class EncounterOutcome(StrEnum):
    REACHED = "reached"
    REACHED_SUPPORTER = "reached_supporter"
    NO_ANSWER = "no_answer"
    LEFT_MESSAGE = "left_message"
    WRONG_NUMBER = "wrong_number"
    NO_SHOW = "no_show"
    DECLINED_CONTACT = "declined_contact"
    DECLINED_PROGRAM = "declined_program"
    DONE = "done"


@strawberry.type(description="What a signed contact said before it was amended, and why it was.")
class EncounterAmendment:
    reason: str
    revision_before: int
    kind_before: EncounterKind
    outcome_before: EncounterOutcome
    at_before: datetime
    who_else_before: str
    note_before: str
    next_step_before: str
    amended_at: datetime
    amended_by: str | None


@strawberry.type(description="A contact with or about a person; one that reached nobody too.")
class Encounter(Node):
    key: strawberry.Private[UUID]
    patient_id: strawberry.ID
    kind: EncounterKind
    kind_name: str
    outcome: EncounterOutcome
    outcome_name: str
    at: datetime
    staff_id: strawberry.ID | None
    staff_name: str | None = strawberry.field(description="Whose contact it was.")
    program: Program | None
    video_declined: bool = strawberry.field(description="Video was offered; they preferred the phone.")
    who_else: str
    note: str
    next_step: str
    about_code: str = strawberry.field(description="The chosen diagnosis it was about, if one.")
    revision: int = strawberry.field(description="Send it back with a change.")
    signed_at: datetime | None
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: queries.EncounterRow) -> "Encounter":
        return cls(
            id=global_id("Encounter", row.id),
            key=row.id,
            patient_id=global_id("Patient", row.patient_id),
            kind=EncounterKind(row.kind),
            kind_name=KINDS[row.kind],
            outcome=EncounterOutcome(row.outcome),
            outcome_name=OUTCOMES[row.outcome],
            at=row.at,
            staff_id=staff_id(row.staff_id),
            staff_name=row.staff_name,
            program=Program(row.program) if row.program else None,
            video_declined=row.video_declined,
            who_else=row.who_else,
            note=row.note,
            next_step=row.next_step,
            about_code=row.about_code,
            revision=row.revision,
            signed_at=row.signed_at,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )

    @strawberry.field(description="What it said before each amendment, oldest first.")
    async def amendments(self, info: Info) -> list[EncounterAmendment]:
        rows: list[queries.EncounterAmendmentRow] = await info.context.load("encounter_amendments", self.key)
        return [
            EncounterAmendment(
                reason=row.reason,
                revision_before=row.revision_before,
                kind_before=EncounterKind(row.kind_before),
                outcome_before=EncounterOutcome(row.outcome_before),
                at_before=row.at_before,
                who_else_before=row.who_else_before,
                note_before=row.note_before,
                next_step_before=row.next_step_before,
                amended_at=row.made_at,
                amended_by=row.made_by_name,
            )
            for row in rows
        ]


@strawberry.type(
    description="Somebody saved meanwhile. Nothing was changed; this is how the contact reads now."
)
class NewerEncounter:
    message: str
    next_step: str
    newer: Encounter


async def _load(info: Info, id: UUID) -> Encounter | None:
    actor = actor_of(info)
    async with tenant_db(actor, read_only=True) as db:
        row = await queries.encounter_row(db, actor, id)
    return Encounter.of(row) if row else None


node_kind("Encounter", permission=READ, loader=_load)


async def _encounters(
    db: Db, actor: Actor, ids: list[UUID], limit: int, position: tuple[datetime, UUID] | None
) -> dict[UUID, list[queries.EncounterRow]]:
    return await queries.encounters_of(db, actor, ids, limit=limit, position=position)


batch("encounters", _encounters)
batch("encounter_amendments", queries.amendments_of)


@strawberry.type
class EncountersOfPatient:
    """Fields of this room on Patient."""

    key: strawberry.Private[UUID]

    @field(permission=READ, description="Contacts, newest first.")
    async def encounters(self, info: Info, first: First = 50, after: After = None) -> Connection[Encounter]:
        cursors = NEWEST.within(actor_of(info).tenant_id)
        rows: list[queries.EncounterRow] = await info.context.load(
            "encounters", self.key, rows_to_fetch(first), cursors.read(after)
        )
        return page_from_rows(
            rows,
            first,
            cursor_of=lambda row: cursors.write(row.at, row.id),
            node_of=Encounter.of,
            after=after,
        )


@strawberry.input(description="Kind, time and person suffice.")
class RecordEncounterInput:
    patient_id: strawberry.ID
    kind: EncounterKind
    at: datetime
    outcome: EncounterOutcome = EncounterOutcome.REACHED
    staff_id: strawberry.ID | None = strawberry.field(default=None, description="Left out: one's own.")
    program: Program | None = None
    video_declined: bool = False
    who_else: Line | None = None
    note: Text | None = None
    next_step: ShortText | None = None
    about_code: Line | None = None
    draft_id: strawberry.ID | None = strawberry.field(default=None, description=_DRAFT)

    def values(self) -> actions.NewEncounter:
        return actions.NewEncounter(
            kind=self.kind,
            at=self.at,
            outcome=self.outcome,
            staff_id=staff_key(self.staff_id),
            program=self.program or "",
            video_declined=self.video_declined,
            who_else=self.who_else or "",
            note=self.note or "",
            next_step=self.next_step or "",
            about_code=self.about_code or "",
        )


@strawberry.input(description="What is left out stays as it is; null empties a text.")
class EncounterChanges:
    kind: EncounterKind | None = strawberry.UNSET
    outcome: EncounterOutcome | None = strawberry.UNSET
    at: datetime | None = strawberry.UNSET
    program: Program | None = strawberry.UNSET
    video_declined: bool | None = strawberry.UNSET
    who_else: Line | None = strawberry.UNSET
    note: Text | None = strawberry.UNSET
    next_step: ShortText | None = strawberry.UNSET
    about_code: Line | None = strawberry.UNSET

    def values(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in actions.CHANGEABLE}
        changes = {}
        for name, value in given.items():
            if value is strawberry.UNSET or (value is None and name in ("kind", "outcome", "at")):
                continue
            changes[name] = ("" if name != "video_declined" else False) if value is None else value
        return changes


@strawberry.input
class SaveEncounterInput:
    encounter_id: strawberry.ID
    revision: int
    changes: EncounterChanges
    draft_id: strawberry.ID | None = strawberry.field(default=None, description=_DRAFT)


@strawberry.input
class SignEncounterInput:
    encounter_id: strawberry.ID
    revision: int


@strawberry.input
class AmendEncounterInput:
    encounter_id: strawberry.ID
    revision: int
    reason: ShortText
    changes: EncounterChanges
    draft_id: strawberry.ID | None = strawberry.field(default=None, description=_DRAFT)


@strawberry.type
class EncountersMutation:
    @mutation(permission=WRITE, description="Write a contact down.")
    async def record_encounter(self, info: Info, input: RecordEncounterInput) -> Encounter:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            made = await actions.record_encounter(
                db, actor, id_of("Patient", input.patient_id), input.values()
            )
            await finish(db, actor, made.patient_id, input.draft_id)
            return await read_again(db, actor, made.id)

    @mutation(permission=WRITE, description="Mend a contact that is not signed yet.")
    async def save_encounter(self, info: Info, input: SaveEncounterInput) -> Encounter | NewerEncounter:
        actor = actor_of(info)
        try:
            async with tenant_db(actor) as db:
                saved = await actions.save_encounter(
                    db,
                    actor,
                    id_of("Encounter", input.encounter_id, what="contact"),
                    revision=input.revision,
                    changes=input.changes.values(),
                )
                await finish(db, actor, saved.patient_id, input.draft_id)
                return await read_again(db, actor, saved.id)
        except actions.MovedOn as moved:
            return await _newer(info, moved)

    @mutation(permission=WRITE, description="Sign one's own contact.")
    async def sign_encounter(self, info: Info, input: SignEncounterInput) -> Encounter | NewerEncounter:
        actor = actor_of(info)
        try:
            async with tenant_db(actor) as db:
                signed = await actions.sign_encounter(
                    db,
                    actor,
                    id_of("Encounter", input.encounter_id, what="contact"),
                    revision=input.revision,
                )
                return await read_again(db, actor, signed.id)
        except actions.MovedOn as moved:
            return await _newer(info, moved)

    @mutation(permission=WRITE, description="Change a signed contact, with the reason; what it said is kept.")
    async def amend_encounter(self, info: Info, input: AmendEncounterInput) -> Encounter | NewerEncounter:
        actor = actor_of(info)
        try:
            async with tenant_db(actor) as db:
                amended = await actions.amend_encounter(
                    db,
                    actor,
                    id_of("Encounter", input.encounter_id, what="contact"),
                    revision=input.revision,
                    reason=input.reason,
                    changes=input.changes.values(),
                )
                await finish(db, actor, amended.patient_id, input.draft_id)
                return await read_again(db, actor, amended.id)
        except actions.MovedOn as moved:
            return await _newer(info, moved)


async def read_again(db: Db, actor: Actor, encounter_id: UUID) -> Encounter:
    """What an action wrote, with the names of those concerned."""
    row = await queries.encounter_row(db, actor, encounter_id)
    if row is None:
        raise RuntimeError("a contact vanished inside its own transaction")
    return Encounter.of(row)


async def _newer(info: Info, moved: actions.MovedOn) -> NewerEncounter:
    actor = actor_of(info)
    async with tenant_db(actor, read_only=True) as db:
        newer = await read_again(db, actor, moved.newer.id)
    return NewerEncounter(message=moved.message, next_step=moved.next_step, newer=newer)
