"""Reads of the practice's own lists: one statement each, plain frozen rows, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, select, tuple_

from server.tenants.actor import Actor
from server.tenants.db import Db, auth_db
from server.tenants.sessions import PracticeChoice
from server.tenants.tables import Directory, Membership, Payer, Person, Qualification, Site, Staff

Row = TypeVar("Row", "StaffRow", "SiteRow", "PayerRow")
Position = tuple[str, UUID]


@dataclass(frozen=True, slots=True)
class StaffRow:
    id: UUID
    person_id: UUID | None
    name: str
    email: str
    role: str
    npi: str
    bills: bool
    active: bool
    invited_at: datetime | None
    joined_at: datetime | None


@dataclass(frozen=True, slots=True)
class SiteRow:
    id: UUID
    name: str
    street: str
    city: str
    state: str
    zip: str
    phone: str
    active: bool


@dataclass(frozen=True, slots=True)
class PayerRow:
    id: UUID
    name: str
    kind: str
    edi_id: str
    active: bool


@dataclass(frozen=True, slots=True)
class QualificationRow:
    id: UUID
    staff_id: UUID
    kind: str
    name: str
    number: str
    region: str
    from_on: date
    to_on: date | None


@dataclass(frozen=True, slots=True)
class SignInRow:
    """One's own login, and the practices it may try to enter."""

    name: str
    email: str
    practices: tuple[PracticeChoice, ...]


async def staff_page(
    db: Db, actor: Actor, *, limit: int, position: Position | None = None, with_left: bool = False
) -> list[StaffRow]:
    """The staff by name and id, continuing after `position`."""
    return await _page(db, actor, Staff, StaffRow, limit, position, closed=with_left)


async def site_page(
    db: Db, actor: Actor, *, limit: int, position: Position | None = None, with_closed: bool = False
) -> list[SiteRow]:
    """The sites by name and id, continuing after `position`."""
    return await _page(db, actor, Site, SiteRow, limit, position, closed=with_closed)


async def payer_page(
    db: Db, actor: Actor, *, limit: int, position: Position | None = None, with_closed: bool = False
) -> list[PayerRow]:
    """The payers by name and id, continuing after `position`."""
    return await _page(db, actor, Payer, PayerRow, limit, position, closed=with_closed)


async def qualifications_of(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[QualificationRow]]:
    """Staff id -> disciplines, licences and training, oldest first."""
    actor.require("practice.read")
    chosen = _columns(Qualification, QualificationRow).where(Qualification.staff_id.in_(ids))
    rows = await db.execute(chosen.order_by(Qualification.from_on, Qualification.id))
    found: dict[UUID, list[QualificationRow]] = {}
    for row in rows:
        found.setdefault(row.staff_id, []).append(QualificationRow(*row))
    return found


async def sign_in_of(actor: Actor) -> SignInRow | None:
    """The login behind the actor; None for the system."""
    actor.require("self.read")
    if actor.person_id is None:
        return None
    async with auth_db() as db:
        rows = (
            await db.execute(
                select(Person.name, Person.email, Directory)
                .outerjoin(Membership, Membership.person_id == Person.id)
                .outerjoin(Directory, Directory.id == Membership.tenant_id)
                .where(Person.id == actor.person_id)
                .order_by(Directory.name, Directory.id)
            )
        ).all()
    if not rows:
        return None
    practices = tuple(
        PracticeChoice(d.id, d.slug, d.name, d.state, d.demo)
        for _, _, d in rows
        if d is not None and d.state != "closed"
    )
    return SignInRow(rows[0].name, rows[0].email, practices)


async def _page(
    db: Db,
    actor: Actor,
    table: type[Staff] | type[Site] | type[Payer],
    row: type[Row],
    limit: int,
    position: Position | None,
    *,
    closed: bool,
) -> list[Row]:
    actor.require("practice.read")
    chosen = _columns(table, row).order_by(table.name, table.id).limit(limit)
    if not closed:
        chosen = chosen.where(table.active)
    if position is not None:
        chosen = chosen.where(tuple_(table.name, table.id) > position)
    return [row(*values) for values in await db.execute(chosen)]


def _columns(table: Any, row: Any) -> Select[Any]:
    return select(*(getattr(table, name) for name in row.__dataclass_fields__))
