"""Reads of one person's page: who they are, how to reach them, who stands by them, and the facts of their chart."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import Select, and_, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from server.patients import tables as t
from server.patients.records import of_people, person_of
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Payer, Staff


@dataclass(frozen=True, slots=True)
class ContactWayRow:
    id: UUID
    kind: str
    value: str
    use: str
    rank: int
    message_ok: bool
    note: str
    best_time: str


@dataclass(frozen=True, slots=True)
class AddressRow:
    id: UUID
    use: str
    street: str
    city: str
    state: str
    zip: str


@dataclass(frozen=True, slots=True)
class SupportRow:
    id: UUID
    name: str
    kind: str
    relationship_words: str
    legal_role: str
    phone: str
    may_discuss: str
    helps_with: str


@dataclass(frozen=True, slots=True)
class CareTeamRow:
    """`name`: the staff member's, or whoever it is outside the practice."""

    id: UUID
    part: str
    name: str
    staff_id: UUID | None
    from_on: date


@dataclass(frozen=True, slots=True)
class CoverageRow:
    id: UUID
    payer_id: UUID
    payer_name: str
    payer_kind: str
    product: str
    member_id: str
    rank: int
    from_on: date
    to_on: date | None
    replaces_part_b: bool
    qualified_beneficiary: bool
    care_management_benefit: bool | None
    group_number: str
    relationship: str
    subscriber_family_name: str
    subscriber_given_names: str
    subscriber_birth_date: date | None
    subscriber_sex: str


@dataclass(frozen=True, slots=True)
class StoryRow:
    what_matters: str
    story: str
    told_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class DiagnosisRow:
    id: UUID
    code: str
    label: str
    chronic: bool
    from_on: date
    to_on: date | None


@dataclass(frozen=True, slots=True)
class FactRow:
    """A chart fact in the words a page shows. when: the day or instant it is about. source: who told us."""

    id: UUID
    kind: str
    label: str
    status: str
    code: str
    code_system: str
    when: date | datetime | None
    until: date | datetime | None
    detail: str
    value: Decimal | None
    unit: str
    source: str


Row = TypeVar("Row")


async def contact_ways(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[ContactWayRow]]:
    """Live ways by patient, in the order the person prefers."""
    actor.require("patients.read")
    return await _by_patient(
        db, t.ContactWay, ContactWayRow, ids, t.ContactWay.active, order=t.ContactWay.rank
    )


async def addresses(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[AddressRow]]:
    """Addresses in use by patient."""
    actor.require("patients.read")
    return await _by_patient(db, t.Address, AddressRow, ids, t.Address.to_on.is_(None), order=t.Address.use)


async def supports(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[SupportRow]]:
    """Support people by patient."""
    actor.require("patients.read")
    return await _by_patient(
        db, t.SupportPerson, SupportRow, ids, t.SupportPerson.active, order=t.SupportPerson.name
    )


async def care_team(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[CareTeamRow]]:
    """Who cares for each person now."""
    actor.require("patients.read")
    m = t.CareTeamMember
    statement = (
        select(m.patient_id, m.id, m.part, func.coalesce(Staff.name, m.name), m.staff_id, m.from_on)
        .outerjoin(Staff, and_(Staff.tenant_id == m.tenant_id, Staff.id == m.staff_id))
        .where(m.patient_id.in_(ids), m.to_on.is_(None))
        .order_by(m.from_on, m.id)
    )
    return await _grouped(db, statement, CareTeamRow)


async def coverages(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[CoverageRow]]:
    """Coverages by patient, the one that pays first first, newest first."""
    actor.require("patients.read")
    c = t.Coverage
    statement = (
        select(
            c.patient_id, c.id, c.payer_id, Payer.name, Payer.kind, c.product, c.member_id, c.rank, c.from_on, c.to_on,
            c.replaces_part_b, c.qualified_beneficiary, c.care_management_benefit, c.group_number, c.relationship,
            c.subscriber_family_name, c.subscriber_given_names, c.subscriber_birth_date, c.subscriber_sex,
        )
        .join(Payer, and_(Payer.tenant_id == c.tenant_id, Payer.id == c.payer_id))
        .where(c.patient_id.in_(ids))
        .order_by(c.rank, c.from_on.desc(), c.id)
    )  # fmt: skip
    return await _grouped(db, statement, CoverageRow)


async def stories(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, StoryRow]:
    """The newest words of each person who has been asked."""
    actor.require("chart.read")
    s = t.StoryEntry
    whose = person_of(s.patient_id).label("whose")
    statement = (
        select(whose, s.what_matters, s.story, s.told_by, s.made_at)
        .where(of_people(s.patient_id, ids))
        .ext(distinct_on(whose))
        .order_by(whose, s.made_at.desc(), s.id.desc())
    )
    rows = await db.execute(statement)
    return {id: StoryRow(matters, story, told_by, at) for id, matters, story, told_by, at in rows}


async def diagnoses(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[DiagnosisRow]]:
    """Codes chosen for each person's claims, live ones first."""
    actor.require("patients.read")
    d = t.Diagnosis
    return await _by_patient(db, d, DiagnosisRow, ids, order=(d.to_on.is_not(None), d.code))


async def conditions(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[FactRow]]:
    """Problems as the chart has them; open ones first."""
    c = t.Condition
    return await _facts(
        db,
        actor,
        ids,
        c,
        c.onset_on,
        c.ended_on,
        c.category,
        order=(c.ended_on.is_not(None), c.onset_on.desc()),
    )


async def medications(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[FactRow]]:
    """Medicines, running ones first."""
    m = t.Medication
    return await _facts(
        db,
        actor,
        ids,
        m,
        m.started_on,
        m.ended_on,
        m.dosage,
        order=(m.status != "active", m.started_on.desc()),
    )


async def allergies(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[FactRow]]:
    a = t.Allergy
    return await _facts(db, actor, ids, a, a.onset_on, None, a.reaction, order=(a.label,))


async def visits(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[FactRow]]:
    v = t.Visit
    return await _facts(db, actor, ids, v, v.started_at, v.ended_at, v.reason, order=(v.started_at.desc(),))


async def procedures(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[FactRow]]:
    p = t.Procedure
    return await _facts(db, actor, ids, p, p.started_at, p.ended_at, p.kind, order=(p.started_at.desc(),))


async def stays(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[FactRow]]:
    s = t.Stay
    return await _facts(db, actor, ids, s, s.from_at, s.to_at, s.facility, order=(s.from_at.desc(),))


async def latest_results(
    db: Db, actor: Actor, ids: Sequence[UUID], *, most: int = 40
) -> dict[UUID, list[FactRow]]:
    """The newest result of each kind, newest first, at most `most` per person."""
    actor.require("chart.read")
    o = t.Observation
    newest = (
        select(
            o.patient_id,
            o.id,
            o.label,
            o.status,
            o.code,
            o.code_system,
            o.at,
            o.value_text,
            o.value,
            o.unit,
            o.source,
        )
        .where(o.patient_id.in_(ids), ~o.retracted)
        .ext(distinct_on(o.patient_id, o.code_system, o.code, o.label))
        .order_by(o.patient_id, o.code_system, o.code, o.label, o.at.desc().nulls_last(), o.id)
        .subquery()
    )
    place = func.row_number().over(
        partition_by=newest.c.patient_id, order_by=(newest.c.at.desc().nulls_last(), newest.c.label)
    )
    ranked = select(newest, place.label("place")).subquery()
    found: dict[UUID, list[FactRow]] = defaultdict(list)
    for r in await db.execute(
        select(ranked).where(ranked.c.place <= most).order_by(ranked.c.patient_id, ranked.c.place)
    ):
        found[r.patient_id].append(
            FactRow(
                r.id,
                "observation",
                r.label,
                r.status,
                r.code,
                r.code_system,
                r.at,
                None,
                r.value_text,
                r.value,
                r.unit,
                r.source,
            )
        )
    return found


async def _facts(
    db: Db,
    actor: Actor,
    ids: Sequence[UUID],
    table: Any,
    when: Any,
    until: Any,
    detail: Any,
    *,
    order: tuple[Any, ...],
    most: int = 200,
) -> dict[UUID, list[FactRow]]:
    actor.require("chart.read")
    place = func.row_number().over(partition_by=table.patient_id, order_by=(*order, table.id))
    columns = [
        table.patient_id, table.id, table.label, table.status, table.code, table.code_system, when.label("when"),
        (until if until is not None else when).label("until"), detail.label("detail"), table.source,
        place.label("place"),
    ]  # fmt: skip
    ranked = select(*columns).where(table.patient_id.in_(ids), ~table.retracted).subquery()
    found: dict[UUID, list[FactRow]] = defaultdict(list)
    for r in await db.execute(
        select(ranked).where(ranked.c.place <= most).order_by(ranked.c.patient_id, ranked.c.place)
    ):
        found[r.patient_id].append(
            FactRow(
                r.id, table.__tablename__, r.label, r.status, r.code, r.code_system, r.when,
                r.until if until is not None else None, r.detail, None, "", r.source,
            )
        )  # fmt: skip
    return found


async def _by_patient(
    db: Db, table: Any, shape: type[Row], ids: Sequence[UUID], *where: Any, order: Any
) -> dict[UUID, list[Row]]:
    columns = [getattr(table, each.name) for each in fields(cast(Any, shape))]
    ordering = order if isinstance(order, tuple) else (order,)
    return await _grouped(
        db,
        select(table.patient_id, *columns)
        .where(table.patient_id.in_(ids), *where)
        .order_by(*ordering, table.id),
        shape,
    )


async def _grouped(db: Db, statement: Select[*tuple[Any, ...]], shape: type[Row]) -> dict[UUID, list[Row]]:
    found: dict[UUID, list[Row]] = defaultdict(list)
    for patient_id, *rest in await db.execute(statement):
        found[patient_id].append(shape(*rest))
    return found
