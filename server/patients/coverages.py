"""A person's insurance: who pays, since when, until when."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from server.clock import now
from server.dates import dated
from server.errors import Refused, not_found
from server.ids import new_id
from server.patients.coverage_overlap import Covered, refuse_overlap
from server.patients.gate import patient_for
from server.patients.tables import RELATIONSHIPS, Coverage
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.names import written
from server.tenants.tables import Payer
from server.words import say


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Whose insurance it is. relationship: what the patient is to them (`RELATIONSHIPS`, but not self)."""

    relationship: str
    family_name: str
    given_names: str
    birth_date: date | None = None
    sex: str = ""


async def add_coverage(
    db: Db,
    actor: Actor,
    patient_id: UUID,
    *,
    payer_id: UUID,
    from_on: date,
    to_on: date | None = None,
    member_id: str = "",
    product: str = "",
    rank: int = 1,
    replaces_part_b: bool = False,
    qualified_beneficiary: bool = False,
    care_management_benefit: bool | None = None,
    group_number: str = "",
    subscriber: Subscriber | None = None,
) -> Coverage:
    """Add a coverage. subscriber: whose insurance it is, where it is somebody else's. Refused: an end before its
    start, two paying first on the same day, or a subscriber without a name."""
    await patient_for(db, actor, patient_id, permission="patients.write")
    payer = await db.scalar(select(Payer.name).where(Payer.id == payer_id, Payer.active))
    if payer is None:
        raise not_found("payer")
    if to_on is not None and to_on < from_on:
        raise Refused(
            "ENDS_BEFORE_START",
            say("The coverage ends on %(to_on)s and starts on %(from_on)s.", to_on=to_on, from_on=from_on),
            say("Check both."),
            "to_on",
        )
    theirs = _subscriber_columns(subscriber)
    if not 1 <= rank <= 9:
        raise Refused(
            "BAD_RANK",
            say("%(rank)s is no place among payers.", rank=rank),
            say("1 pays first, 2 second."),
            "rank",
        )
    others = await db.execute(
        select(Coverage.from_on, Coverage.to_on, Payer.name)
        .join(Payer, (Payer.tenant_id == Coverage.tenant_id) & (Payer.id == Coverage.payer_id))
        .where(Coverage.patient_id == patient_id, Coverage.rank == rank)
        .with_for_update(of=Coverage)
    )
    refuse_overlap((Covered(name, starts, ends) for starts, ends, name in others), from_on, to_on)
    coverage = Coverage(
        tenant_id=actor.tenant_id, id=new_id(), patient_id=patient_id, payer_id=payer_id, product=product,
        member_id=member_id, rank=rank, from_on=from_on, to_on=to_on, replaces_part_b=replaces_part_b,
        qualified_beneficiary=qualified_beneficiary, care_management_benefit=care_management_benefit, source="here",
        group_number=written(group_number, "group_number", what=say("the group number"), longest=50, empty=True), **theirs,
        made_at=now(), made_by=actor.staff_id,
    )  # fmt: skip
    db.add(coverage)
    await db.flush()
    db.note(
        actor, "patients.add_coverage", entity="coverage", entity_ids=[coverage.id], patient_ids=[patient_id],
        effect="write",
    )  # fmt: skip
    return coverage


async def end_coverage(db: Db, actor: Actor, patient_id: UUID, coverage_id: UUID, last_day: date) -> None:
    """The last day it is in force."""
    await patient_for(db, actor, patient_id, permission="patients.write")
    coverage = (
        await db.execute(
            select(Coverage)
            .where(Coverage.id == coverage_id, Coverage.patient_id == patient_id)
            .with_for_update()
        )
    ).scalar_one_or_none()
    if coverage is None:
        raise not_found("coverage")
    if last_day < coverage.from_on:
        raise Refused(
            "ENDS_BEFORE_START",
            say("It started on %(from_on)s.", from_on=dated(coverage.from_on, short=True)),
            say("Choose that day or a later one."),
            "to_on",
        )
    coverage.to_on = last_day
    db.note(
        actor, "patients.end_coverage", entity="coverage", entity_ids=[coverage_id], patient_ids=[patient_id],
        effect="write",
    )  # fmt: skip


async def change_subscriber(
    db: Db, actor: Actor, patient_id: UUID, coverage_id: UUID, *, member_id: str, group_number: str,
    subscriber: Subscriber | None,
) -> Coverage:  # fmt: skip
    """Mend what the insurance card says: the member and group numbers, and whose insurance it is."""
    await patient_for(db, actor, patient_id, permission="patients.write")
    coverage = (
        await db.execute(
            select(Coverage)
            .where(Coverage.id == coverage_id, Coverage.patient_id == patient_id)
            .with_for_update()
        )
    ).scalar_one_or_none()
    if coverage is None:
        raise not_found("coverage")
    values = _subscriber_columns(subscriber) | {
        "member_id": written(member_id, "member_id", what=say("the member number"), longest=80, empty=True),
        "group_number": written(
            group_number, "group_number", what=say("the group number"), longest=50, empty=True
        ),
    }
    for name, value in values.items():
        setattr(coverage, name, value)
    await db.flush()
    db.note(
        actor, "patients.change_subscriber", entity="coverage", entity_ids=[coverage_id], patient_ids=[patient_id],
        effect="write",
    )  # fmt: skip
    return coverage


def _subscriber_columns(subscriber: Subscriber | None) -> dict[str, Any]:
    """Raises Refused BAD_RELATIONSHIP, BAD_SEX or TEXT_*."""
    if subscriber is None:
        return {
            "relationship": "self", "subscriber_family_name": "", "subscriber_given_names": "",
            "subscriber_birth_date": None, "subscriber_sex": "",
        }  # fmt: skip
    if subscriber.relationship not in RELATIONSHIPS or subscriber.relationship == "self":
        raise Refused(
            "BAD_RELATIONSHIP",
            say(
                "“%(relationship)s” does not say what the person is to the subscriber.",
                relationship=subscriber.relationship[:20],
            ),
            say("Choose one of the list."),
            "relationship",
        )
    if subscriber.sex not in ("", "female", "male", "unknown"):
        raise Refused(
            "BAD_SEX", say("A claim knows female, male and unknown."), say("Choose one of them."), "sex"
        )
    return {
        "relationship": subscriber.relationship,
        "subscriber_family_name": written(
            subscriber.family_name,
            "subscriber_family_name",
            what=say("the subscriber's family name"),
            longest=60,
        ),
        "subscriber_given_names": written(
            subscriber.given_names,
            "subscriber_given_names",
            what=say("the subscriber's given name"),
            longest=60,
        ),
        "subscriber_birth_date": subscriber.birth_date,
        "subscriber_sex": subscriber.sex,
    }
