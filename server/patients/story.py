"""What matters to a person, and their story, in their own words. Every saving is kept; the newest is shown first."""

from uuid import UUID

from sqlalchemy import select

from server.clock import now
from server.errors import Refused
from server.ids import new_id
from server.patients.gate import patient_for
from server.patients.records import of_people
from server.patients.tables import StoryEntry
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import say


async def save_story(
    db: Db, actor: Actor, patient_id: UUID, *, what_matters: str, story: str, told_by: str = ""
) -> StoryEntry:
    """Write down what matters and the story; both may be changed any time, and nothing said before is lost."""
    actor.require("story.write")
    await patient_for(db, actor, patient_id, permission="chart.read")
    if not what_matters and not story:
        raise Refused(
            "NOTHING_WRITTEN",
            say("There is nothing to save yet."),
            say("Write a line in the person's own words."),
        )
    entry = StoryEntry(
        tenant_id=actor.tenant_id, id=new_id(), patient_id=patient_id, what_matters=what_matters, story=story,
        told_by=told_by, made_at=now(), made_by=actor.staff_id,
    )  # fmt: skip
    db.add(entry)
    await db.flush()
    db.note(
        actor, "patients.save_story", entity="story_entry", entity_ids=[entry.id], patient_ids=[patient_id],
        effect="write",
    )  # fmt: skip
    return entry


async def story_of(db: Db, patient_id: UUID) -> StoryEntry | None:
    """The newest words, or None when nobody has asked yet. The caller has passed the gate."""
    return (
        await db.execute(
            select(StoryEntry)
            .where(of_people(StoryEntry.patient_id, [patient_id]))
            .order_by(StoryEntry.made_at.desc(), StoryEntry.id.desc())
            .limit(1)
        )
    ).scalar_one_or_none()
