"""What an author does with the drafts of their notes: keep them every few seconds, finish, discard, bring back.

A composer keeps its draft under an id of its own, so that only one window writes to it: two windows of one author are
two drafts. Within one, the higher sequence number wins however the saves arrive. A composer that was opened with an
earlier draft takes its place with its first save, unless the earlier one has gone on meanwhile; then both stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from server.clock import now
from server.encounters.actions import CHANGEABLE
from server.encounters.drafting import LAST_SEQUENCE, Earlier, Writing, checked, is_blank
from server.encounters.gate import draft_for, encounter_for
from server.encounters.jobs import ask_for_purge
from server.encounters.tables import Encounter, EncounterAmendment, NoteDraft
from server.errors import Refused, forbidden, not_found
from server.patients.gate import patient_for
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of one save of a draft.

    state: `saved`; `older` where a later save had arrived already; `gone` where the draft was finished or discarded
    meanwhile, so that what is still being written belongs to a new one. sequence: how far the draft is.
    """

    id: UUID
    state: str
    sequence: int
    saved_at: datetime


async def save_draft(db: Db, actor: Actor, patient_id: UUID, draft_id: UUID, writing: Writing) -> Kept:
    """Keep what a composer holds now. Raises Refused for text that cannot be stored, and for a colleague's draft.

    draft_id: from new_id(), once per opened composer; one that is not there yet is made.
    """
    actor.require("encounters.write")
    fields = checked(writing)
    await patient_for(db, actor, patient_id, permission="encounters.write")
    revision = 0
    base: dict[str, Any] = {}
    if writing.encounter_id is not None:
        encounter, _ = await encounter_for(db, actor, writing.encounter_id, permission="encounters.write")
        if encounter.patient_id != patient_id:
            raise not_found("contact")
        revision, base = await _beginning(db, actor, encounter, writing)

    at = now()
    values: dict[str, Any] = {
        "encounter_id": writing.encounter_id,
        "fields": fields,
        "sequence": writing.sequence,
        "cursor_field": writing.cursor_field,
        "cursor_at": writing.cursor_at,
        "blank": writing.encounter_id is None and is_blank(fields),
        "state": "open",
        "saved_at": at,
        "gone_at": None,
    }
    mine = (NoteDraft.staff_id == _author(actor)) & (NoteDraft.patient_id == patient_id)
    fresh = insert(NoteDraft).values(
        tenant_id=actor.tenant_id, id=draft_id, patient_id=patient_id, staff_id=_author(actor),
        revision=revision, base=base, started_at=at, **values,
    )  # fmt: skip
    written = await db.execute(
        # What the author began with (revision, base) stays as it was at first.
        fresh.on_conflict_do_update(
            index_elements=["tenant_id", "id"],
            set_=values,
            where=mine
            & (NoteDraft.sequence < fresh.excluded.sequence)
            & NoteDraft.state.in_(("open", "continued"))
            & NoteDraft.encounter_id.is_not_distinct_from(writing.encounter_id),
        ).returning(NoteDraft.id)
    )
    if written.scalar_one_or_none() is None:
        return await _not_written(db, actor, patient_id, draft_id, writing, fields)
    if writing.earlier is not None:
        await _leave(db, actor, patient_id, writing.earlier, "continued", at)
    _note(db, actor, "encounters.draft", patient_id, draft_id)
    return Kept(draft_id, "saved", writing.sequence, at)


async def finish_draft(
    db: Db, actor: Actor, patient_id: UUID, draft_id: UUID, earlier: Earlier | None = None
) -> None:
    """What was written is a contact now; called in the transaction that saves it. A draft not kept yet is marked too,
    so that a save still under way does not bring it back."""
    actor.require("encounters.write")
    at = now()
    gone: dict[str, Any] = {"state": "finished", "fields": {}, "base": {}, "gone_at": at, "blank": True}
    mark = insert(NoteDraft).values(
        tenant_id=actor.tenant_id, id=draft_id, patient_id=patient_id, staff_id=_author(actor), sequence=0,
        started_at=at, saved_at=at, **gone,
    )  # fmt: skip
    written = await db.execute(
        mark.on_conflict_do_update(
            index_elements=["tenant_id", "id"],
            set_=gone,
            where=(NoteDraft.staff_id == _author(actor)) & (NoteDraft.patient_id == patient_id),
        ).returning(NoteDraft.id)
    )
    if written.scalar_one_or_none() is None:
        raise not_found("draft")
    if earlier is not None:
        await _leave(db, actor, patient_id, earlier, "finished", at)
    await ask_for_purge(db, actor, at)
    _note(db, actor, "encounters.finish_draft", patient_id, draft_id)


async def discard_draft(db: Db, actor: Actor, draft_id: UUID) -> NoteDraft:
    """Put one's own draft aside; it can be brought back for a while, then it is removed."""
    draft = await draft_for(db, actor, draft_id, for_update=True)
    if draft.state == "discarded":
        return draft
    if draft.state != "open":
        raise _nothing_left()
    draft.state, draft.gone_at = "discarded", now()
    await db.flush()
    await ask_for_purge(db, actor, draft.gone_at)
    _note(db, actor, "encounters.discard_draft", draft.patient_id, draft.id)
    return draft


async def restore_draft(db: Db, actor: Actor, draft_id: UUID) -> NoteDraft:
    """Bring a discarded draft back as it was."""
    draft = await draft_for(db, actor, draft_id, for_update=True)
    if draft.state == "open":
        return draft
    if draft.state != "discarded":
        raise _nothing_left()
    draft.state, draft.gone_at = "open", None
    await db.flush()
    _note(db, actor, "encounters.restore_draft", draft.patient_id, draft.id)
    return draft


def _author(actor: Actor) -> UUID:
    if actor.staff_id is None:
        raise forbidden()
    return actor.staff_id


def _nothing_left() -> Refused:
    return Refused(
        "DRAFT_GONE",
        say(
            "This draft has become a contact, or goes on in another one, so there is nothing left of it here."
        ),
        say("Find its words among the contacts of the person, or among your other drafts."),
    )


async def _not_written(
    db: Db, actor: Actor, patient_id: UUID, draft_id: UUID, writing: Writing, fields: Mapping[str, str]
) -> Kept:
    draft = await draft_for(db, actor, draft_id)
    if draft.patient_id != patient_id or draft.encounter_id != writing.encounter_id:
        raise not_found("draft")
    if draft.state in ("finished", "discarded"):
        return Kept(draft.id, "gone", draft.sequence, draft.saved_at)
    # The answer to the same save was lost on its way, and it was sent once more.
    same = draft.sequence == writing.sequence and draft.fields == dict(fields)
    return Kept(draft.id, "saved" if same else "older", draft.sequence, draft.saved_at)


async def _leave(db: Db, actor: Actor, patient_id: UUID, earlier: Earlier, state: str, at: datetime) -> None:
    """The earlier draft goes on elsewhere, unless its own window has written to it since."""
    if earlier.sequence > LAST_SEQUENCE:
        return  # no draft has come that far
    # One that goes on in another keeps what its author began with, for the two to be compared.
    gone: dict[str, Any] = {"base": {}} if state == "finished" else {}
    await db.execute(
        update(NoteDraft)
        .where(
            NoteDraft.id == earlier.id,
            NoteDraft.staff_id == actor.staff_id,
            NoteDraft.patient_id == patient_id,
            NoteDraft.state == "open",
            NoteDraft.sequence == earlier.sequence,
        )
        .values(state=state, fields={}, gone_at=at, **gone)
    )


async def _beginning(
    db: Db, actor: Actor, encounter: Encounter, writing: Writing
) -> tuple[int, dict[str, Any]]:
    """The revision the author began with, and the contact as it read then. A draft that goes on from an earlier one
    began where that one did, however far the contact has moved meanwhile: only so are the two still compared."""
    if writing.earlier is not None:
        found = (
            await db.execute(
                select(NoteDraft.revision, NoteDraft.base).where(
                    NoteDraft.id == writing.earlier.id,
                    NoteDraft.staff_id == actor.staff_id,
                    NoteDraft.encounter_id == encounter.id,
                )
            )
        ).one_or_none()
        if found is not None:
            return found.revision, found.base
    return writing.revision, await _as_it_read(db, encounter, writing.revision)


async def _as_it_read(db: Db, encounter: Encounter, revision: int) -> dict[str, Any]:
    """The contact at `revision`, as JSON; empty where that is not known any more."""
    if encounter.revision == revision:
        found: Any = encounter
        names = {name: name for name in CHANGEABLE}
    else:
        names = {name: f"{name}_before" for name in CHANGEABLE}
        found = (
            await db.execute(
                select(EncounterAmendment).where(
                    EncounterAmendment.encounter_id == encounter.id,
                    EncounterAmendment.revision_before == revision,
                )
            )
        ).scalar_one_or_none()
    if found is None:
        return {}
    values = {name: getattr(found, column) for name, column in names.items()}
    return values | {"at": values["at"].isoformat()}


def _note(db: Db, actor: Actor, action: str, patient_id: UUID, draft_id: UUID) -> None:
    db.note(
        actor, action, entity="note_draft", entity_ids=[draft_id], patient_ids=[patient_id], effect="write"
    )
