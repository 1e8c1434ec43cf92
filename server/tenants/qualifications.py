"""Disciplines, licences and training of the staff, dated: payers' rules ask who somebody was on the day."""

from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import select

from server import jobs
from server.clock import now
from server.errors import Refused, not_found
from server.ids import new_id
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.names import written
from server.tenants.staff import staff_for
from server.tenants.tables import Qualification
from server.words import N_, say

#: the job that counts somebody's minutes again; `server/minutes/jobs.py` says what it does
DISCIPLINE_CHANGED: Final = "minutes.discipline_changed"

KINDS: Final = {"discipline": N_("Discipline"), "licence": N_("Licence"), "training": N_("Training")}
#: discipline -> the words people use for it; plugins ask for the left-hand side
DISCIPLINES: Final = {
    "md": N_("Physician (MD)"),
    "do": N_("Physician (DO)"),
    "np": N_("Nurse practitioner"),
    "pa": N_("Physician assistant"),
    "cns": N_("Clinical nurse specialist"),
    "cnm": N_("Certified nurse-midwife"),
    "rn": N_("Registered nurse"),
    "lpn": N_("Licensed practical nurse"),
    "lmsw": N_("Licensed master's social worker"),
    "lbsw": N_("Licensed bachelor's social worker"),
    "psychologist": N_("Psychologist"),
    "lpc": N_("Licensed professional counselor"),
    "pharmacist": N_("Pharmacist"),
    "dietitian": N_("Registered dietitian"),
    "diabetes_educator": N_("Certified diabetes educator"),
    "asthma_educator": N_("Certified asthma educator"),
    "respiratory_therapist": N_("Respiratory therapist"),
    "medical_assistant": N_("Medical assistant"),
    "community_health_worker": N_("Community health worker"),
    "front_desk": N_("Front desk"),
    "biller": N_("Biller"),
    "administrator": N_("Administration"),
}


async def list_qualifications(db: Db, actor: Actor, *, staff_id: UUID | None = None) -> list[Qualification]:
    """Of one staff member, or of all; oldest first."""
    actor.require("practice.read")
    chosen = select(Qualification).order_by(Qualification.from_on, Qualification.id)
    if staff_id is not None:
        chosen = chosen.where(Qualification.staff_id == staff_id)
    return list((await db.execute(chosen)).scalars())


async def add_qualification(
    db: Db, actor: Actor, staff_id: UUID,
    *, kind: str, name: str, from_on: date, to_on: date | None = None, number: str = "", region: str = "",
    today: date,
) -> Qualification:  # fmt: skip
    """What somebody is, may do, or has learned, from a day on. kind: discipline, licence or training. name:
    for a discipline one of DISCIPLINES, else free text. region: of a licence, such as MI. today: in the
    practice's zone.

    Raises Refused KIND_UNKNOWN, DISCIPLINE_UNKNOWN, TEXT_*, DATE_FAR, ENDS_BEFORE_START or
    QUALIFICATION_THERE.
    """
    staff = await staff_for(db, actor, staff_id, permission="staff.write")
    if kind not in KINDS:
        raise Refused(
            "KIND_UNKNOWN",
            say("“%(kind)s” is not a kind of qualification.", kind=kind[:40]),
            say("Choose one of: %(kinds)s.", kinds=", ".join(map(say, KINDS.values()))),
            "kind",
        )
    called = written(name, "name", what=say("the qualification"))
    if kind == "discipline" and called not in DISCIPLINES:
        raise Refused(
            "DISCIPLINE_UNKNOWN",
            say("“%(name)s” is not a discipline that payers' rules know.", name=called[:40]),
            say("Choose the nearest one from the list."),
            "name",
        )
    _check_days(from_on, to_on, today)
    overlapping = await db.execute(
        select(Qualification.id).where(
            Qualification.staff_id == staff.id, Qualification.kind == kind, Qualification.name == called,
            Qualification.from_on <= (to_on or date.max),
            Qualification.to_on.is_(None) | (Qualification.to_on >= from_on),
        )
    )  # fmt: skip
    if overlapping.first() is not None and kind != "training":
        raise Refused(
            "QUALIFICATION_THERE",
            say("%(name)s has this on the list already for some of these days.", name=staff.name),
            say("End the earlier one first, or choose other dates."),
            "from_on",
        )
    made = Qualification(
        tenant_id=actor.tenant_id, id=new_id(), staff_id=staff.id, kind=kind, name=called,
        number=written(number, "number", what=say("the number"), longest=40, empty=True),
        region=written(region, "region", what=say("the state"), longest=40, empty=True),
        from_on=from_on, to_on=to_on, made_at=now(), made_by=actor.staff_id,
    )  # fmt: skip
    db.add(made)
    await db.flush()
    await _count_again(db, actor, made, from_on)
    db.note(
        actor,
        "qualification.add",
        entity="qualification",
        entity_ids=[made.id, staff.id],
        effect="write",
        kind=kind,
    )
    return made


async def close_qualification(
    db: Db, actor: Actor, qualification_id: UUID, *, to_on: date, today: date
) -> Qualification:
    """Its last day: after it, rules no longer count it. What was decided for earlier days stays true.

    Raises Refused NOT_FOUND, DATE_FAR or ENDS_BEFORE_START.
    """
    actor.require("staff.write")
    found = await db.get(Qualification, (actor.tenant_id, qualification_id))
    if found is None:
        db.note(actor, "staff.write", entity="qualification", entity_ids=[qualification_id], effect="refused")
        raise not_found("qualification")
    _check_days(found.from_on, to_on, today)
    before, found.to_on = found.to_on, to_on
    await _count_again(db, actor, found, min(before or to_on, to_on))
    db.note(
        actor, "qualification.close", entity="qualification", entity_ids=[found.id], effect="write",
        before=str(before or ""), after=str(to_on),
    )  # fmt: skip
    return found


async def _count_again(db: Db, actor: Actor, changed: Qualification, since: date) -> None:
    """What somebody's minutes count as goes by their discipline of the day: from `since` on it may be another."""
    if changed.kind == "discipline":
        await jobs.add(
            db,
            actor,
            DISCIPLINE_CHANGED,
            f"{changed.staff_id}:{since.isoformat()}",
            {"staff_id": changed.staff_id, "since": since},
        )


def _check_days(from_on: date, to_on: date | None, today: date) -> None:
    if not 1940 <= from_on.year <= today.year + 1:
        raise Refused(
            "DATE_FAR",
            say("%(day)s is too far from today to be the first day.", day=from_on.isoformat()),
            say("Check the year."),
            "from_on",
        )
    if to_on is not None and to_on < from_on:
        raise Refused(
            "ENDS_BEFORE_START",
            say(
                "The last day, %(last)s, lies before the first, %(first)s.",
                last=to_on.isoformat(),
                first=from_on.isoformat(),
            ),
            say("Check both dates."),
            "to_on",
        )
    if to_on is not None and to_on.year > today.year + 30:
        raise Refused(
            "DATE_FAR",
            say("%(day)s is too far away to be the last day.", day=to_on.isoformat()),
            say("Check the year."),
            "to_on",
        )
