"""The practice itself: its name, number, zone, and how diagnosis codes are chosen for its claims."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import select, update

from server.clock import now
from server.errors import Refused, not_found
from server.ids import new_id
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.names import check_phone, check_zone, written
from server.tenants.npi import check_npi
from server.tenants.tables import Directory, PolicyChoice, Practice
from server.words import N_, say, say_of

#: selection policy -> the words people use for it
POLICIES = {
    "accurate": N_("What describes the month best"),
    "max": N_("What pays the most among what the rules allow"),
}


@dataclass(frozen=True, slots=True)
class Changed:
    """The practice after a change, and what somebody should know about it (sentences; often none)."""

    practice: Practice
    warnings: tuple[str, ...]


async def practice_of(db: Db, actor: Actor) -> Practice:
    """The actor's practice."""
    actor.require("practice.read")
    return await _practice(db, actor)


async def change_practice(
    db: Db, actor: Actor, *, name: str, npi: str, phone: str, time_zone: str, months_closed: int = 0
) -> Changed:
    """Mend the practice's own data. months_closed: how many billing months were closed already, for the
    warning that a new zone brings. The practice's slug stays as it is: links and commands carry it.

    Raises Refused TEXT_*, NPI_*, PHONE_FORM or ZONE_UNKNOWN.
    """
    actor.require("practice.write")
    practice = await _practice(db, actor)
    called = written(name, "name", what=say("the practice's name"))
    number, zone, dialled = check_npi(npi), check_zone(time_zone), check_phone(phone)

    warnings = []
    if zone != practice.time_zone and months_closed:
        warnings.append(
            say_of(
                "%(n)s billing month was closed with the days of %(before)s. It stays as it is; days and months "
                "are reckoned in %(zone)s from now on.",
                "%(n)s billing months were closed with the days of %(before)s. They stay as they are; days and "
                "months are reckoned in %(zone)s from now on.",
                months_closed,
                before=practice.time_zone,
                zone=zone,
            )
        )
    if zone != practice.time_zone and not months_closed:
        warnings.append(
            say(
                "Days and months are reckoned in %(zone)s from now on, also for what was recorded before.",
                zone=zone,
            )
        )

    fields = {"name": called, "npi": number, "phone": dialled, "time_zone": zone}
    changed = sorted(field for field, value in fields.items() if getattr(practice, field) != value)
    for field, value in fields.items():
        setattr(practice, field, value)
    if "time_zone" in changed:
        db.rings = now()  # its schedules are due at other instants from here on
    await db.flush()
    db.note(
        actor, "practice.change", entity="practice", entity_ids=[practice.id], effect="write", changed=changed
    )
    # The directory's copy is for the switcher alone. Told each time: were it lost once, saving again mends it.
    db.after_commit(partial(_tell_directory, tenant_id=actor.tenant_id, name=called))
    return Changed(practice, tuple(warnings))


async def set_selection_policy(db: Db, actor: Actor, *, policy: str, reason: str = "") -> Practice:
    """How lines are chosen where the rules allow several. `max` needs a reason in writing; each choice is
    kept with its reason, when and by whom.

    Raises Refused POLICY_UNKNOWN or REASON_MISSING.
    """
    actor.require("practice.write")
    if policy not in POLICIES:
        raise Refused(
            "POLICY_UNKNOWN",
            say("“%(policy)s” is not a way to choose lines.", policy=policy[:40]),
            say("Choose one of the list."),
            "policy",
        )
    why = written(reason, "reason", what=say("the reason"), longest=1000, empty=True)
    if policy == "max" and len(why) < 20:
        raise Refused(
            "REASON_MISSING",
            say(
                "Choosing by what pays most needs a reason in writing: a reviewer will ask for it, and "
                "it should be the practice's own."
            ),
            say("Write a sentence or two that you would show to an auditor."),
            "reason",
        )
    practice = await _practice(db, actor)
    before, practice.selection_policy = practice.selection_policy, policy
    db.add(
        PolicyChoice(
            tenant_id=actor.tenant_id, id=new_id(), policy=policy, reason=why, made_at=now(), made_by=actor.staff_id
        )
    )  # fmt: skip
    db.note(
        actor, "practice.set_selection_policy", entity="practice", entity_ids=[practice.id], effect="write",
        before=before, after=policy,
    )  # fmt: skip
    return practice


async def _tell_directory(auth: Db, tenant_id: UUID, name: str) -> None:
    await auth.execute(update(Directory).where(Directory.id == tenant_id).values(name=name))


async def _practice(db: Db, actor: Actor) -> Practice:
    found = (
        await db.execute(select(Practice).where(Practice.tenant_id == actor.tenant_id))
    ).scalar_one_or_none()
    if found is None:
        raise not_found("practice")
    return found
