"""A person's reasoned choices about one patient's month: made, withdrawn, in force at every closing until then.

They never touch billing truth: minutes, dates, consent and coverage are what they are.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from carewright_plugin_api.decisions import Decision
from carewright_plugin_api.facts import Override
from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from server.claims.choices import check_override
from server.claims.tables import MonthDecision, MonthOverride
from server.clock import now
from server.errors import Refused, not_found
from server.ids import new_id
from server.minutes.closed import mark_changes
from server.patients.gate import patient_for
from server.patients.records import of_people, person_of
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.staff_names import name_of
from server.words import N_, say

#: kind -> the words people use for it
KINDS: Final = {
    "withhold": N_("Do not bill it"),
    "choose": N_("Choose the other permitted answer"),
    "accept": N_("It does not stand in the way"),
}


@dataclass(frozen=True, slots=True)
class OverrideRow:
    """One choice, or the withdrawal of one (withdraws_id)."""

    id: UUID
    patient_id: UUID
    month: str
    kind: str
    target: str
    reason: str
    withdraws_id: UUID | None
    made_at: datetime
    made_by_name: str | None
    withdrawn: bool


async def override_month(
    db: Db, actor: Actor, patient_id: UUID, month: str, *, kind: str, target: str, reason: str
) -> UUID:
    """Choose for one patient's month, with a reason; the next closing goes by it. kind and target: see MonthOverride.

    Refused: what the decision does not offer, what its rule does not let a person decide, a choice made already.
    """
    actor.require("claims.close")
    await patient_for(db, actor, patient_id)
    told = await _newest(db, patient_id, month)
    in_force = (await overrides_in_force(db, [patient_id], month)).get(patient_id, ())

    check_override(Decision.from_json(told), in_force, kind, target, reason)

    row = MonthOverride(
        tenant_id=actor.tenant_id,
        id=new_id(),
        patient_id=patient_id,
        month=month,
        kind=kind,
        target=target,
        reason=reason.strip(),
        made_at=now(),
        made_by=actor.staff_id,
    )
    await _keep(db, actor, row)
    return row.id


async def withdraw_override(db: Db, actor: Actor, override_id: UUID, *, reason: str) -> MonthOverride:
    """Take a choice back, with a reason; the next closing no longer goes by it. Both stay on file."""
    actor.require("claims.close")
    made = (
        await db.execute(select(MonthOverride).where(MonthOverride.id == override_id))
    ).scalar_one_or_none()
    if made is None or made.withdraws_id is not None:
        db.note(actor, "claims.close", entity="month_override", entity_ids=[override_id], effect="refused")
        raise not_found("choice")
    await patient_for(db, actor, made.patient_id, by_row=True)
    if not reason.strip():
        raise Refused(
            "REASON_NEEDED", say("A choice is taken back for a reason."), say("Write a few words."), "reason"
        )
    row = MonthOverride(
        tenant_id=actor.tenant_id,
        id=new_id(),
        patient_id=made.patient_id,
        month=made.month,
        kind=made.kind,
        target=made.target,
        reason=reason.strip(),
        withdraws_id=override_id,
        made_at=now(),
        made_by=actor.staff_id,
    )
    try:
        await _keep(db, actor, row)
    except IntegrityError as error:  # unique: one withdrawal for each, whoever was first
        raise Refused(
            "ALREADY_WITHDRAWN", say("This choice was taken back already."), say("Open the month again.")
        ) from error
    return row


async def _keep(db: Db, actor: Actor, row: MonthOverride) -> None:
    async with db.begin_nested():
        db.add(row)
    await mark_changes(db, actor, [(row.patient_id, row.month)])
    db.note(
        actor,
        "claims.override",
        entity="month_override",
        entity_ids=[row.id],
        patient_ids=[row.patient_id],
        effect="write",
        month=row.month,
        kind=row.kind,
        withdraws=row.withdraws_id is not None,
    )


async def _newest(db: Db, patient_id: UUID, month: str) -> str:
    told: str | None = await db.scalar(
        select(MonthDecision.decision)
        .where(MonthDecision.patient_id == patient_id, MonthDecision.month == month)
        .order_by(MonthDecision.version.desc())
        .limit(1)
    )
    if told is None:
        raise Refused(
            "NOTHING_DECIDED",
            say("This person's month has not been decided yet, so there is nothing to choose about."),
            say("Close the month first."),
        )
    return told


async def overrides_in_force(
    db: Db, patient_ids: Sequence[UUID], month: str
) -> dict[UUID, tuple[Override, ...]]:
    """Each patient's choices for the month that nobody took back, in the order facts keep them."""
    rows = await db.execute(
        select(person_of(MonthOverride.patient_id), MonthOverride.kind, MonthOverride.target)
        .where(
            of_people(MonthOverride.patient_id, patient_ids),
            MonthOverride.month == month,
            MonthOverride.withdraws_id.is_(None),
            ~_is_withdrawn(),
        )
        .order_by(MonthOverride.kind, MonthOverride.target)
        .distinct()
    )
    found: dict[UUID, list[Override]] = defaultdict(list)
    for patient_id, kind, target in rows:
        found[patient_id].append(Override(cast(Any, kind), target))
    return {patient_id: tuple(made) for patient_id, made in found.items()}


async def overrides_of(db: Db, actor: Actor, patient_id: UUID, month: str) -> list[OverrideRow]:
    """The patient's choices and withdrawals for the month, in the order they were made."""
    await patient_for(db, actor, patient_id)
    actor.require("claims.read")
    rows: Any = await db.execute(
        select(
            *(
                getattr(MonthOverride, name)
                for name in OverrideRow.__dataclass_fields__
                if name not in ("made_by_name", "withdrawn")
            ),
            name_of(MonthOverride.made_by),
            _is_withdrawn(),
        )
        .where(of_people(MonthOverride.patient_id, [patient_id]), MonthOverride.month == month)
        .order_by(MonthOverride.made_at, MonthOverride.id)
    )
    return [OverrideRow(*row) for row in rows]


def _is_withdrawn() -> ColumnElement[bool]:
    later = aliased(MonthOverride)
    return (
        select(later.id)
        .where(and_(later.tenant_id == MonthOverride.tenant_id, later.withdraws_id == MonthOverride.id))
        .correlate(MonthOverride)
        .exists()
    )
