"""Worries about somebody's safety: opened by an answer or by hand, closed in words alone.

Closing says what was done, by whom, with whom it was talked over, how things stand, and the day. There is no other way,
and no time after which one closes by itself.
"""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from carewright_plugin_api.facts import local_day
from sqlalchemy import select

from server.assessments.actions import check_choice
from server.assessments.gate import concern_for
from server.assessments.tables import DOMAINS, Assessment, SafetyClosing, SafetyConcern
from server.clock import now
from server.enrollment.days import written
from server.errors import Refused
from server.ids import new_id
from server.patients.gate import patient_for
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.words import N_, say


@dataclass(frozen=True, slots=True)
class Closing:
    """done: what was done. done_by, talked_with: who, as people call them. words: how things stand, and what was agreed."""

    done: str
    done_by: str
    talked_with: str
    words: str
    on: date


#: field -> what is missing without it
_NEEDED = (
    ("done", N_("what was done")),
    ("done_by", N_("who did it")),
    ("talked_with", N_("with whom it was talked over")),
    ("words", N_("how things stand now")),
)


async def open_safety_concern(
    db: Db, actor: Actor, patient_id: UUID, *, domain: str, words: str
) -> SafetyConcern:
    """Somebody saw or heard something. words: what."""
    actor.require("assessments.write")
    await patient_for(db, actor, patient_id, permission="assessments.write")
    check_choice(domain, DOMAINS, "domain")
    if not words.strip():
        raise Refused(
            "CONCERN_WITHOUT_WORDS",
            say("Whoever reads this needs to know what you saw or heard."),
            say("Write it in a sentence or two."),
            "words",
        )
    concern = SafetyConcern(
        tenant_id=actor.tenant_id, id=new_id(), patient_id=patient_id, domain=domain, words=words, made_at=now(),
        made_by=actor.staff_id,
    )  # fmt: skip
    db.add(concern)
    await db.flush()
    db.note(
        actor, "assessments.open_safety_concern", entity="safety_concern", entity_ids=[concern.id],
        patient_ids=[patient_id], effect="write",
    )  # fmt: skip
    return concern


async def close_safety_concern(db: Db, actor: Actor, concern_id: UUID, closing: Closing) -> SafetyConcern:
    """Once, and with all of its words. Returns what is closed."""
    actor.require("assessments.write")
    # Locked: of two who close it at once the second is told.
    concern, patient = await concern_for(
        db, actor, concern_id, permission="assessments.write", for_update=True
    )
    if await db.scalar(select(SafetyClosing.id).where(SafetyClosing.concern_id == concern.id)):
        raise Refused(
            "ALREADY_CLOSED",
            say("Somebody has closed this already, and said what was done."),
            say("Read what was written. Is there more to worry about? Then open a further one."),
        )
    opened = concern.made_at
    if concern.assessment_id is not None:
        at = await db.scalar(select(Assessment.at).where(Assessment.id == concern.assessment_id))
        opened = at or opened
    _check(closing, local_day(opened, actor.zone), local_day(now(), actor.zone))

    row = SafetyClosing(
        tenant_id=actor.tenant_id, id=new_id(), patient_id=concern.patient_id, concern_id=concern.id, done=closing.done,
        done_by=closing.done_by, talked_with=closing.talked_with, words=closing.words, done_on=closing.on,
        made_at=now(), made_by=actor.staff_id,
    )  # fmt: skip
    db.add(row)
    await db.flush()
    db.note(
        actor, "assessments.close_safety_concern", entity="safety_concern", entity_ids=[concern.id],
        patient_ids=[patient.id], effect="write",
    )  # fmt: skip
    return concern


def _check(closing: Closing, opened: date, today: date) -> None:
    for name, words in _NEEDED:
        if not str(getattr(closing, name)).strip():
            raise Refused(
                "CLOSING_WITHOUT_WORDS",
                say(
                    "A worry about somebody's safety is closed in words, and %(what)s is missing.",
                    what=say(words),
                ),
                say("Write it down; a short sentence is enough."),
                name,
            )
    if closing.on > today:
        raise Refused(
            "DATED_IN_FUTURE",
            say("It is dated %(on)s; today is %(today)s.", on=written(closing.on), today=written(today)),
            say("Write the day it was done."),
            "on",
        )
    if closing.on < opened:
        raise Refused(
            "CLOSED_BEFORE_OPENED",
            say(
                "It is dated %(on)s, before the worry of %(opened)s.",
                on=written(closing.on),
                opened=written(opened),
            ),
            say("Write the day it was done."),
            "on",
        )
