"""Mending what we know of a person: names, how to reach them, who stands by them, who cares for them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import func, select, update

from server.clock import now, today
from server.dates import dated
from server.errors import Refused, not_found
from server.ids import new_id
from server.patients import choices
from server.patients.gate import patient_for
from server.patients.reaching import email_written, phone_written
from server.patients.search import fold, phone_key
from server.patients.tables import Address, CareTeamMember, ContactWay, Patient, SupportPerson
from server.patients.words import index_words
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.tables import Staff
from server.words import say


@dataclass(frozen=True, slots=True)
class DetailsRow:
    """A person's details beside the name."""

    sex: str
    birth_sex: str
    gender_identity: str
    pronouns: str
    races: list[str]
    ethnicity: str
    marital_status: str
    contact_notes: str
    confidential_contact: str
    revision: int
    source: str


@dataclass(frozen=True, slots=True)
class PatientChanges:
    """What to change; None leaves a thing as it is, '' empties it."""

    family_name: str | None = None
    given_names: str | None = None
    preferred_name: str | None = None
    birth_date: date | None = None
    sex: str | None = None
    birth_sex: str | None = None
    gender_identity: str | None = None
    pronouns: str | None = None
    races: list[str] | None = None
    ethnicity: str | None = None
    language: str | None = None
    interpreter_needed: bool | None = None
    marital_status: str | None = None
    contact_notes: str | None = None
    confidential_contact: str | None = None
    deceased_on: date | None = None


Row = TypeVar("Row", ContactWay, Address, SupportPerson, CareTeamMember)

_CHOICES: dict[str, dict[str, str]] = {
    "sex": choices.SEX,
    "birth_sex": choices.SEX,
    "gender_identity": choices.GENDER_IDENTITY,
    "ethnicity": choices.ETHNICITY,
}


async def change_patient(
    db: Db, actor: Actor, patient_id: UUID, changes: PatientChanges, *, revision: int | None = None
) -> Patient:
    """Change a person's details. revision: what the caller saw; if someone else saved since, it is refused."""
    actor.require("patients.write")
    patient = await patient_for(db, actor, patient_id, permission="patients.write", for_update=True)
    if revision is not None and revision != patient.revision:
        raise Refused(
            "CHANGED_MEANWHILE",
            say("Someone else changed this person's details while you were typing."),
            say("Look at what it says now, then make your change again."),
        )
    given = {f.name: v for f in fields(changes) if (v := getattr(changes, f.name)) is not None}
    for name, allowed in _CHOICES.items():
        if name in given and not choices.known(given[name], allowed):
            raise _unknown_choice(name, given[name])
    strange = [race for race in given.get("races", []) if race not in choices.RACE]
    if strange:
        raise _unknown_choice("races", strange[0])
    if given.get("family_name") == "":
        raise Refused(
            "NAME_NEEDED",
            say("A family name is needed to find the person again."),
            say("Write it."),
            "family_name",
        )
    born = given.get("birth_date", patient.birth_date)
    for name in ("birth_date", "deceased_on"):
        if name in given and given[name] > today(actor.zone):
            raise Refused(
                "DATE_TO_COME",
                say("%(day)s has not come yet.", day=dated(given[name])),
                say("Check the year."),
                name,
            )
    if "deceased_on" in given and given["deceased_on"] < born:
        raise Refused(
            "DIED_BEFORE_BORN",
            say("That day is before the birth date."),
            say("Check both dates."),
            "deceased_on",
        )
    for name, value in given.items():
        setattr(patient, name, value)
    if {"family_name", "given_names", "preferred_name"} & given.keys():
        patient.family_key, patient.given_key = fold(patient.family_name), fold(patient.given_names)
        await db.flush()
        await index_words(db, [patient.id])
    patient.revision += 1
    db.note(
        actor,
        "patients.change",
        entity="patient",
        patient_ids=[patient_id],
        effect="write",
        what=sorted(given),
    )
    return patient


def _unknown_choice(field: str, value: str) -> Refused:
    return Refused(
        "UNKNOWN_CHOICE",
        say("%(choice)s is not one of the choices.", choice=repr(value[:40])),
        say("Choose one from the list."),
        field,
    )


async def details_of(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, DetailsRow]:
    """What lists do not show, by patient."""
    actor.require("patients.read")
    columns: list[Any] = [getattr(Patient, name) for name in DetailsRow.__dataclass_fields__]
    rows = await db.execute(select(Patient.id, *columns).where(Patient.id.in_(ids)))
    return {row[0]: DetailsRow(*row[1:]) for row in rows}


# --- ways to reach a person ---------------------------------------------------------------------------------


async def add_contact_way(
    db: Db,
    actor: Actor,
    patient_id: UUID,
    *,
    kind: str,
    value: str,
    use: str = "",
    message_ok: bool = False,
    note: str = "",
    best_time: str = "",
) -> ContactWay:
    """A phone, e-mail or other way, placed after those there are. Phones are checked and written as +1…, with their
    extension. best_time: when the person is best reached this way, in words."""
    await patient_for(db, actor, patient_id, permission="patients.write")
    if kind not in choices.WAY:
        raise _unknown_choice("kind", kind)
    key = ""
    if kind in {"phone", "text"}:
        value = phone_written(value)
        key = phone_key(value)
    elif kind == "email":
        value = email_written(value)
    rank = await db.scalar(
        select(func.coalesce(func.max(ContactWay.rank), 0)).where(ContactWay.patient_id == patient_id)
    )
    way = ContactWay(
        tenant_id=actor.tenant_id, patient_id=patient_id, kind=kind, value=value, use=use, rank=(rank or 0) + 1,
        message_ok=message_ok, note=note, best_time=best_time.strip(), search_key=key, made_at=now(),
        made_by=actor.staff_id,
    )  # fmt: skip
    return await _added(db, actor, way, "patients.add_contact_way")


async def end_contact_way(db: Db, actor: Actor, patient_id: UUID, way_id: UUID) -> None:
    """No longer used; kept, because calls were made to it."""
    await _ended(db, actor, patient_id, ContactWay, way_id, {"active": False}, "patients.end_contact_way")


async def set_address(
    db: Db, actor: Actor, patient_id: UUID, *, street: str, city: str, state: str, zip: str, use: str = "home"
) -> Address:
    """The person's address from today; the one before is kept with its last day."""
    await patient_for(db, actor, patient_id, permission="patients.write")
    on = today(actor.zone)
    await db.execute(
        update(Address)
        .where(Address.patient_id == patient_id, Address.use == use, Address.to_on.is_(None))
        .values(to_on=on)
    )
    address = Address(
        tenant_id=actor.tenant_id, patient_id=patient_id, use=use, street=street, city=city, state=state, zip=zip,
        country="US", from_on=on, made_at=now(), made_by=actor.staff_id,
    )  # fmt: skip
    return await _added(db, actor, address, "patients.set_address")


# --- people around a person ---------------------------------------------------------------------------------


async def add_support_person(
    db: Db,
    actor: Actor,
    patient_id: UUID,
    *,
    name: str,
    kind: str,
    relationship_words: str = "",
    legal_role: str = "",
    phone: str = "",
    may_discuss: str = "",
    helps_with: str = "",
) -> SupportPerson:
    """Family, friend, neighbour or paid helper. may_discuss: topics in words; empty means nothing may be discussed."""
    await patient_for(db, actor, patient_id, permission="patients.write")
    if kind not in choices.SUPPORT:
        raise _unknown_choice("kind", kind)
    if legal_role not in choices.LEGAL_ROLE:
        raise _unknown_choice("legal_role", legal_role)
    person = SupportPerson(
        tenant_id=actor.tenant_id, patient_id=patient_id, name=name, kind=kind, relationship_words=relationship_words,
        legal_role=legal_role, phone=phone_written(phone) if phone else "", may_discuss=may_discuss, helps_with=helps_with,
        made_at=now(), made_by=actor.staff_id,
    )  # fmt: skip
    return await _added(db, actor, person, "patients.add_support_person")


async def end_support_person(db: Db, actor: Actor, patient_id: UUID, support_id: UUID) -> None:
    await _ended(
        db, actor, patient_id, SupportPerson, support_id, {"active": False}, "patients.end_support_person"
    )


async def add_care_team_member(
    db: Db, actor: Actor, patient_id: UUID, *, part: str, staff_id: UUID | None = None, name: str = ""
) -> CareTeamMember:
    """Someone of the practice (staff_id), or somebody outside it by name."""
    await patient_for(db, actor, patient_id, permission="patients.write")
    if part not in choices.CARE_TEAM_PART:
        raise _unknown_choice("part", part)
    if staff_id is not None and await db.scalar(select(Staff.id).where(Staff.id == staff_id)) is None:
        raise not_found("person on the staff")
    if staff_id is None and not name:
        raise Refused(
            "NAME_NEEDED", say("Who is it?"), say("Choose someone of the practice or write a name."), "name"
        )
    member = CareTeamMember(
        tenant_id=actor.tenant_id, patient_id=patient_id, staff_id=staff_id, name=name, part=part,
        from_on=today(actor.zone), made_at=now(), made_by=actor.staff_id,
    )  # fmt: skip
    return await _added(db, actor, member, "patients.add_care_team_member")


async def end_care_team_member(db: Db, actor: Actor, patient_id: UUID, member_id: UUID) -> None:
    await _ended(
        db,
        actor,
        patient_id,
        CareTeamMember,
        member_id,
        {"to_on": today(actor.zone)},
        "patients.end_care_team_member",
    )


async def _added(db: Db, actor: Actor, row: Row, action: str) -> Row:
    row.id = new_id()
    db.add(row)
    await db.flush()
    db.note(
        actor,
        action,
        entity=row.__tablename__,
        entity_ids=[row.id],
        patient_ids=[row.patient_id],
        effect="write",
    )
    return row


async def _ended(
    db: Db, actor: Actor, patient_id: UUID, table: Any, id: UUID, values: dict[str, Any], action: str
) -> None:
    await patient_for(db, actor, patient_id, permission="patients.write")
    ended = await db.execute(
        update(table)
        .where(table.id == id, table.patient_id == patient_id)
        .values(**values)
        .returning(table.id)
    )
    if ended.scalar_one_or_none() is None:
        raise not_found()
    db.note(
        actor, action, entity=table.__tablename__, entity_ids=[id], patient_ids=[patient_id], effect="write"
    )
