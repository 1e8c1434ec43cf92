"""Reads of people that more than one caller shares."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from operator import eq
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from server.patients.search import Sought, after, phone_key
from server.patients.tables import ContactWay, Patient, PatientWord
from server.tenants.actor import Actor
from server.tenants.db import Db


@dataclass(frozen=True, slots=True)
class PatientRow:
    """One row of a list of people."""

    id: UUID
    record_number: str
    family_name: str
    given_names: str
    preferred_name: str
    birth_date: date
    language: str
    interpreter_needed: bool
    deceased_on: date | None
    family_key: str
    given_key: str


_COLUMNS: tuple[Any, ...] = tuple(getattr(Patient, name) for name in PatientRow.__dataclass_fields__)


async def find_patients(
    db: Db, actor: Actor, what: Sought, *, limit: int, position: tuple[str, str, UUID] | None = None
) -> list[PatientRow]:
    """People by family name, given name, id; at most `limit`, continuing after `position`. One statement."""
    actor.require("patients.find")
    statement = _matching(select(*_COLUMNS).where(Patient.merged_into.is_(None)), what).order_by(
        Patient.family_key, Patient.given_key, Patient.id
    )
    if position is not None:
        statement = statement.where(
            tuple_(Patient.family_key, Patient.given_key, Patient.id) > tuple_(*position)
        )
    rows = [PatientRow(*row) for row in await db.execute(statement.limit(limit))]
    db.note(actor, "patients.find", entity="patient", patient_ids=[row.id for row in rows])
    return rows


async def place_of(db: Db, actor: Actor, patient_id: UUID) -> tuple[str, str, UUID] | None:
    """Where a person stands in the list by name, to continue behind them."""
    actor.require("patients.find")
    row = (
        await db.execute(
            select(Patient.family_key, Patient.given_key, Patient.id).where(Patient.id == patient_id)
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


async def how_many(db: Db, actor: Actor) -> int:
    """How many people the practice has on file: a figure of the practice, which names nobody."""
    actor.require("practice.read")
    return int(
        await db.scalar(select(func.count()).select_from(Patient).where(Patient.merged_into.is_(None))) or 0
    )


def _matching(statement: Select[*tuple[Any, ...]], what: Sought) -> Select[*tuple[Any, ...]]:
    if what.born is not None:
        return statement.where(Patient.birth_date == what.born)
    if what.digits:
        by_phone = select(ContactWay.patient_id).where(
            ContactWay.active, _starts(ContactWay.search_key, phone_key(what.digits))
        )
        by_record = _starts(Patient.record_number, what.digits)
        return statement.where(or_(by_record, _joined(_starts, what.digits), Patient.id.in_(by_phone)))
    if what.text:
        named = and_(*(Patient.id.in_(_with_word(word)) for word in what.words)) if what.words else false()
        return statement.where(or_(Patient.record_number == what.text, _joined(eq, what.text), named))
    return statement


def _joined(matches: Callable[[Any, str], Any], number: str) -> ColumnElement[bool]:
    """Those with whose record another of such a number was joined."""
    gone = aliased(Patient)
    return Patient.id.in_(
        select(gone.merged_into).where(gone.merged_into.is_not(None), matches(gone.record_number, number))
    )


def _with_word(prefix: str) -> Select[*tuple[Any, ...]]:
    return select(PatientWord.patient_id).where(_starts(PatientWord.word, prefix))


def _starts(column: Any, prefix: str) -> ColumnElement[bool]:
    # A range, not LIKE: under row level security only leakproof comparisons may use an index.
    return and_(column >= prefix, column < after(prefix))


async def also_on_file_as(db: Db, actor: Actor, patient_id: UUID) -> list[str]:
    """The numbers of the records that were joined with this person's."""
    actor.require("patients.read")
    rows = await db.execute(
        select(Patient.record_number).where(Patient.merged_into == patient_id).order_by(Patient.record_number)
    )
    return list(rows.scalars())
