"""Drafts of notes over GraphQL: kept every few seconds, one's own alone, finished with the contact they become."""

from datetime import datetime
from uuid import UUID

import strawberry

from server.encounters import drafts, under_way
from server.encounters.drafting import Earlier, Writing
from server.encounters.gate import draft_for
from server.errors import not_found
from server.graphql.connections import First, Node, global_id, id_of, node_kind, rows_to_fetch
from server.graphql.context import Info, actor_of, batch
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, LongText
from server.ids import new_id
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db

READ, WRITE = "encounters.read", "encounters.write"


@strawberry.type(description="One field of a composer, by the name it has there.")
class DraftField:
    name: str
    text: str


@strawberry.type(description="What one is still writing about a person. Nobody else can read it.")
class Draft(Node):
    patient_id: strawberry.ID
    encounter_id: strawberry.ID | None = strawberry.field(description="The contact it changes, if one.")
    encounter_revision: int = strawberry.field(description="Of that contact, when one began.")
    fields: list[DraftField]
    sequence: int
    cursor_field: str
    cursor_at: int
    saved_at: datetime
    discarded_at: datetime | None

    @classmethod
    def of(cls, row: under_way.DraftRow) -> "Draft":
        return cls(
            id=global_id("Draft", row.id),
            patient_id=global_id("Patient", row.patient_id),
            encounter_id=global_id("Encounter", row.encounter_id) if row.encounter_id else None,
            encounter_revision=row.revision,
            fields=[DraftField(name=name, text=text) for name, text in sorted(row.fields.items())],
            sequence=row.sequence,
            cursor_field=row.cursor_field,
            cursor_at=row.cursor_at,
            saved_at=row.saved_at,
            discarded_at=row.gone_at,
        )


@strawberry.type(
    description="A colleague has a draft under way about this person. What it says is theirs alone."
)
class ColleagueWriting:
    staff_name: str
    saved_at: datetime


@strawberry.type(
    description="A later save of this draft had arrived before (`newer`), or it was finished or discarded meanwhile "
    "(`newer` is null). Nothing was stored: what is still being written belongs to a draft with a new id."
)
class DraftMovedOn:
    newer: Draft | None
    sequence: int


async def _load(info: Info, id: UUID) -> Draft | None:
    actor = actor_of(info)
    async with tenant_db(actor, read_only=True) as db:
        row = await under_way.my_note_draft(db, actor, id)
    return Draft.of(row) if row else None


node_kind("Draft", permission=READ, loader=_load)
batch("colleagues_writing", under_way.colleagues_writing)


@strawberry.type
class DraftsOfPatient:
    """Fields of drafts on Patient."""

    key: strawberry.Private[UUID]

    @field(permission=WRITE, description="Who else has a draft under way, saved within the last 12 hours.")
    async def colleagues_writing(self, info: Info) -> list[ColleagueWriting]:
        rows: list[under_way.ColleagueWriting] = await info.context.load("colleagues_writing", self.key)
        return [ColleagueWriting(staff_name=row.staff_name, saved_at=row.saved_at) for row in rows]


@strawberry.type
class DraftsQuery:
    @field(permission=WRITE, description="One's own drafts, newest first; discarded ones on request.")
    async def my_drafts(
        self,
        info: Info,
        patient_id: strawberry.ID | None = None,
        discarded: bool = False,
        first: First = 50,
    ) -> list[Draft]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            rows = await under_way.my_note_drafts(
                db,
                actor,
                limit=rows_to_fetch(first) - 1,
                patient_id=id_of("Patient", patient_id) if patient_id else None,
                discarded=discarded,
            )
        return [Draft.of(row) for row in rows]


@strawberry.input
class DraftFieldInput:
    name: Line
    text: LongText | None = strawberry.field(default=None, description="Null for an empty one.")


@strawberry.input
class SaveDraftInput:
    patient_id: strawberry.ID
    fields: list[DraftFieldInput]
    sequence: int = strawberry.field(
        default=1, description="Counted up with every save of one composer: the highest one wins."
    )
    draft_id: strawberry.ID | None = strawberry.field(
        default=None, description="Left out at a composer's first save; one id per open composer."
    )
    encounter_id: strawberry.ID | None = strawberry.field(
        default=None, description="The contact it changes; left out for a new one."
    )
    encounter_revision: int = 0
    cursor_field: Line | None = None
    cursor_at: int = 0
    continues_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The draft this composer was opened with: it goes on here, unless it has gone on elsewhere.",
    )
    continues_sequence: int = strawberry.field(default=0, description="How far that draft had come then.")

    def values(self) -> Writing:
        encounter = (
            id_of("Encounter", self.encounter_id, what="contact") if self.encounter_id is not None else None
        )
        earlier = (
            Earlier(id_of("Draft", self.continues_id), self.continues_sequence)
            if self.continues_id is not None
            else None
        )
        return Writing(
            fields={each.name: each.text or "" for each in self.fields},
            sequence=self.sequence,
            cursor_field=self.cursor_field or "",
            cursor_at=self.cursor_at,
            encounter_id=encounter,
            revision=self.encounter_revision,
            earlier=earlier,
        )


@strawberry.type
class DraftsMutation:
    @mutation(permission=WRITE, description="Keep what is being written. Send it every few seconds.")
    async def save_draft(self, info: Info, input: SaveDraftInput) -> Draft | DraftMovedOn:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            draft_id = new_id()
            if input.draft_id is not None:
                draft_id = (await draft_for(db, actor, id_of("Draft", input.draft_id))).id
            if input.continues_id is not None:
                await draft_for(db, actor, id_of("Draft", input.continues_id))
            kept = await drafts.save_draft(
                db, actor, id_of("Patient", input.patient_id), draft_id, input.values()
            )
            row = await under_way.my_note_draft(db, actor, draft_id)
            if kept.state == "saved" and row is not None:
                return Draft.of(row)
            newer = Draft.of(row) if row is not None and kept.state == "older" else None
            return DraftMovedOn(newer=newer, sequence=kept.sequence)

    @mutation(permission=WRITE, description="Put one's own draft aside; for 14 days it can be brought back.")
    async def discard_draft(self, info: Info, id: strawberry.ID) -> Draft:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            draft = await drafts.discard_draft(db, actor, id_of("Draft", id))
            return await _read_again(db, actor, draft.id)

    @mutation(permission=WRITE, description="Bring a discarded draft back as it was.")
    async def restore_draft(self, info: Info, id: strawberry.ID) -> Draft:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            draft = await drafts.restore_draft(db, actor, id_of("Draft", id))
            return await _read_again(db, actor, draft.id)


async def finish(db: Db, actor: Actor, patient_id: UUID, draft_id: strawberry.ID | None) -> None:
    """The draft becomes the contact that this transaction saves."""
    if draft_id is not None:
        draft = await draft_for(db, actor, id_of("Draft", draft_id))
        await drafts.finish_draft(db, actor, patient_id, draft.id)


async def _read_again(db: Db, actor: Actor, draft_id: UUID) -> Draft:
    row = await under_way.my_note_draft(db, actor, draft_id)
    if row is None:
        raise not_found("draft")
    return Draft.of(row)
