"""What people do about a contact: write it down, mend it, sign it, amend it later with a reason.

Two people writing in one note lose nothing: a save names the revision it started from, and one that is behind is
turned away with the newer text in hand (`MovedOn`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from server.clock import now
from server.encounters.gate import encounter_for
from server.encounters.tables import KINDS, OUTCOMES, Encounter, EncounterAmendment
from server.enrollment.days import Life, check_instant, clock
from server.enrollment.gate import check_program, life_of
from server.errors import Refused, check_choice, not_found
from server.ids import new_id
from server.patients.gate import patient_for
from server.patients.tables import Diagnosis
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Staff
from server.words import say

#: what may be changed about a contact after it was recorded
CHANGEABLE = (
    "kind", "outcome", "at", "program", "video_declined", "who_else", "note", "next_step", "about_code",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewEncounter:
    """Kind and time suffice. staff_id: whose contact it was; empty for one's own.

    about_code: one of the patient's diagnosis codes, if the contact was about one of them.
    """

    kind: str
    at: datetime
    outcome: str = "reached"
    staff_id: UUID | None = None
    program: str = ""
    video_declined: bool = False
    who_else: str = ""
    note: str = ""
    next_step: str = ""
    about_code: str = ""


class MovedOn(Refused):
    """Somebody saved this contact meanwhile. `newer` is how it reads now; what was being saved is still the writer's."""

    def __init__(self, newer: Encounter) -> None:
        super().__init__(
            "CHANGED_MEANWHILE",
            say(
                "Somebody saved this contact while you were writing; it is at revision %(revision)s "
                "now. Yours was not saved, so that nothing of theirs is lost.",
                revision=newer.revision,
            ),
            say("Compare the newer text with yours, bring the two together, and save again."),
            "revision",
        )
        self.newer = newer


async def record_encounter(db: Db, actor: Actor, patient_id: UUID, new: NewEncounter) -> Encounter:
    """Write a contact down, one that reached nobody too. Refused: dated to come, or before the person was born."""
    actor.require("encounters.write")
    patient = await patient_for(db, actor, patient_id, permission="encounters.write")
    life = life_of(patient, actor)
    staff_id = new.staff_id or actor.staff_id
    if staff_id is None:
        raise Refused("WHOSE_CONTACT", say("A contact is somebody's."), say("Say whose it was."), "staff_id")
    if staff_id != actor.staff_id and not await _is_colleague(db, staff_id):
        raise not_found("colleague")
    values = {name: getattr(new, name) for name in CHANGEABLE}
    _check(life, values)
    await _check_code(db, patient_id, new.about_code)

    encounter = Encounter(
        tenant_id=actor.tenant_id,
        id=new_id(),
        patient_id=patient_id,
        staff_id=staff_id,
        revision=1,
        made_at=now(),
        made_by=actor.staff_id,
        **values,
    )
    db.add(encounter)
    await db.flush()
    db.note(
        actor, "encounters.record", entity="encounter", entity_ids=[encounter.id], patient_ids=[patient_id],
        effect="write",
    )  # fmt: skip
    return encounter


async def save_encounter(
    db: Db, actor: Actor, encounter_id: UUID, *, revision: int, changes: Mapping[str, Any]
) -> Encounter:
    """Mend an unsigned contact. changes: some of CHANGEABLE. Raises MovedOn when `revision` is behind."""
    encounter, life = await encounter_for(
        db, actor, encounter_id, permission="encounters.write", for_update=True
    )
    _check_revision(encounter, revision)
    if encounter.signed_at is not None:
        raise Refused(
            "SIGNED",
            say(
                "This contact was signed on %(signed_at)s; a signed one is not overwritten.",
                signed_at=clock(encounter.signed_at, actor.zone),
            ),
            say("Amend it with a reason: what it said before is kept beside it."),
        )
    await _change(db, encounter, life, changes)
    await db.flush()
    return encounter


async def sign_encounter(db: Db, actor: Actor, encounter_id: UUID, *, revision: int) -> Encounter:
    """Sign one's own contact: it is how it was. Refused: somebody else's, signed already."""
    encounter, _ = await encounter_for(
        db, actor, encounter_id, permission="encounters.write", for_update=True
    )
    _check_revision(encounter, revision)
    if encounter.staff_id != actor.staff_id:
        raise Refused(
            "NOT_YOURS_TO_SIGN",
            say("A signature says “I was there, and this is how it was”; this was a colleague's contact."),
            say("Ask them to sign it."),
        )
    if encounter.signed_at is not None:
        raise Refused(
            "SIGNED",
            say(
                "This contact was signed on %(signed_at)s.", signed_at=clock(encounter.signed_at, actor.zone)
            ),
        )
    encounter.signed_at = now()
    encounter.revision += 1
    await db.flush()
    return encounter


async def amend_encounter(
    db: Db, actor: Actor, encounter_id: UUID, *, revision: int, reason: str, changes: Mapping[str, Any]
) -> Encounter:
    """Change a signed contact, with the reason; what it said is kept. Raises MovedOn when `revision` is behind."""
    encounter, life = await encounter_for(
        db, actor, encounter_id, permission="encounters.write", for_update=True
    )
    _check_revision(encounter, revision)
    if encounter.signed_at is None:
        raise Refused(
            "NOT_SIGNED",
            say("This contact is not signed yet."),
            say("Change it directly; no reason is needed."),
        )
    if not reason.strip():
        raise Refused(
            "REASON_NEEDED",
            say(
                "A signed contact is amended with a reason, so that a reader sees why it says "
                "something else now."
            ),
            say("Write a few words."),
            "reason",
        )

    db.add(
        EncounterAmendment(
            tenant_id=actor.tenant_id,
            id=new_id(),
            patient_id=encounter.patient_id,
            encounter_id=encounter.id,
            reason=reason,
            revision_before=encounter.revision,
            **{f"{name}_before": getattr(encounter, name) for name in CHANGEABLE},
            made_at=now(),
            made_by=actor.staff_id,
        )
    )
    await _change(db, encounter, life, changes)
    await db.flush()
    return encounter


def _check_revision(encounter: Encounter, revision: int) -> None:
    if encounter.revision != revision:
        raise MovedOn(encounter)


async def _change(db: Db, encounter: Encounter, life: Life, changes: Mapping[str, Any]) -> None:
    if unknown := set(changes) - set(CHANGEABLE):
        raise ValueError(f"an encounter has no changeable {sorted(unknown)}")
    values = {name: changes.get(name, getattr(encounter, name)) for name in CHANGEABLE}
    _check(life, values)
    await _check_code(db, encounter.patient_id, values["about_code"])
    for name, value in values.items():
        setattr(encounter, name, value)
    encounter.revision += 1


def _check(life: Life, values: Mapping[str, Any]) -> None:
    for field, words in (("kind", KINDS), ("outcome", OUTCOMES)):
        check_choice(str(values[field]), words, field)
    if values["program"]:
        check_program(values["program"])
    # A call to the family after a death is a contact too.
    check_instant(life, values["at"], what=say("The contact"), field="at", after_death=True)


async def _check_code(db: Db, patient_id: UUID, code: str) -> None:
    if (
        code
        and not (
            await db.execute(
                select(Diagnosis.id)
                .where(Diagnosis.patient_id == patient_id, Diagnosis.code == code)
                .limit(1)
            )
        ).scalar_one_or_none()
    ):
        raise Refused(
            "DIAGNOSIS_NOT_CHOSEN",
            say("%(code)s is not among this person's chosen diagnoses.", code=code[:12]),
            say("Choose it under Diagnoses first, or leave it empty."),
            "about_code",
        )


async def _is_colleague(db: Db, staff_id: UUID) -> bool:
    return (await db.execute(select(Staff.id).where(Staff.id == staff_id))).scalar_one_or_none() is not None
