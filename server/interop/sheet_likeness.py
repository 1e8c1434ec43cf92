"""Whom of the people here somebody new in a table is perhaps: those who share something are looked at, by one statement
for each thing they may share."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Date, Text, and_, any_, cast, func, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from server.interop.intake import asked
from server.interop.sheet_people import here
from server.interop.sheets.values import Fault, Said
from server.interop.sheets.verdicts import Here
from server.lookups import for_each, step
from server.patients.likeness import ASK, Who, likeness, who
from server.patients.search import phone_key
from server.patients.tables import ContactWay, Coverage, Patient
from server.tenants.db import Db
from server.words import listed, say

#: a number that more people share is a house's, and says nothing of one of them
_MOST_AT_A_NUMBER: Final = 20


async def alike_here(
    db: Db, source: str, rows: Mapping[int, Said], today: date
) -> dict[int, tuple[UUID, Fault]]:
    """line -> who is perhaps the same person, and why. source: of the people who came with this table: its own rows
    are not held against each other."""
    if not rows:
        return {}
    whos = {line: _who_said(row) for line, row in rows.items()}
    possible: dict[int, set[UUID]] = defaultdict(set)
    await _by_birth_or_name(db, source, whos, possible)
    numbers = {line: [phone_key(number) for _, number in row.phones] for line, row in rows.items()}
    await _sharing(db, source, ContactWay, ContactWay.search_key, numbers, possible)
    members = {line: _members(row.coverage) for line, row in rows.items()}
    await _sharing(db, source, Coverage, Coverage.member_id, members, possible)
    people = await here(db, {id for ids in possible.values() for id in ids}, today)
    theirs = {id: _who_is(person) for id, person in people.items()}
    found = {}
    for line, ids in possible.items():
        pairs = [(likeness(whos[line], theirs[id]), id) for id in sorted(ids) if id in theirs]
        like, id = max(pairs, key=lambda pair: pair[0].score, default=(None, None))
        if like is not None and id is not None and like.score >= ASK:
            fault = Fault(
                "",
                _why(people[id], like.alike, like.unlike),
                say("Say whether it is the same person or a new one."),
            )
            found[line] = (id, fault)
    return found


def _why(person: Here, alike: Sequence[str], unlike: Sequence[str]) -> str:
    if not unlike:
        return say(
            "%(person)s, record %(record_number)s, has %(alike)s.",
            person=person.called,
            record_number=person.record_number,
            alike=listed(alike),
        )
    return say(
        "%(person)s, record %(record_number)s, has %(alike)s, but %(unlike)s.",
        person=person.called,
        record_number=person.record_number,
        alike=listed(alike),
        unlike=listed(unlike),
    )


async def _by_birth_or_name(
    db: Db, source: str, whos: Mapping[int, Who], possible: dict[int, set[UUID]]
) -> None:
    """Born on that day and with one name in common; or of the same whole name, born on a day much like it."""
    keys = [
        (str(line), str(one.birth), one.family.split()[0], one.given.partition(" ")[0], one.family, one.given)
        for line, one in whos.items()
    ]
    rows = asked(keys, "line", "born", "family", "given", "family_key", "given_key")
    one = rows.c
    one_name = or_(
        one.family == any_(func.string_to_array(Patient.family_key, " ", type_=ARRAY(Text))),
        and_(one.given != "", one.given == func.split_part(Patient.given_key, " ", 1)),
    )
    others = select(Patient.id, Patient.birth_date).where(
        Patient.source != source, Patient.merged_into.is_(None)
    )
    born = step(others.where(Patient.birth_date == cast(one.born, Date), one_name), rows)
    for line, id in await db.execute(select(one.line, born.c.id).select_from(rows).join(born, true())):
        possible[int(line)].add(id)
    named = step(others.where(Patient.family_key == one.family_key, Patient.given_key == one.given_key), rows)
    for line, id, birth in await db.execute(
        select(one.line, named.c.id, named.c.birth_date).select_from(rows).join(named, true())
    ):
        said = whos[int(line)]
        if likeness(*(Who(said.family, said.given, day) for day in (said.birth, birth))).score >= ASK:
            possible[int(line)].add(id)


async def _sharing(
    db: Db, source: str, table: Any, column: Any, wanted: Mapping[int, Any], possible: dict[int, set[UUID]]
) -> None:
    """Those with one of these numbers in this column."""
    values = {value for each in wanted.values() for value in each}
    if not values:
        return
    found: dict[str, set[UUID]] = defaultdict(set)
    for value, patient_id in await db.execute(
        for_each(
            select(column, table.patient_id)
            .join(Patient, and_(Patient.tenant_id == table.tenant_id, Patient.id == table.patient_id))
            .where(column != "", Patient.source != source, Patient.merged_into.is_(None)),
            column,
            values,
        )
    ):
        found[value].add(patient_id)
    for line, each in wanted.items():
        for value in each:
            if len(found[value]) <= _MOST_AT_A_NUMBER:
                possible[line] |= found[value]


def _who_said(row: Said) -> Who:
    return who(
        row.details["family_name"], row.details.get("given_names", ""), row.details["birth_date"],
        row.details.get("sex", ""), phones=[phone_key(number) for _, number in row.phones],
        addresses=_places(row.address), members=_members(row.coverage),
    )  # fmt: skip


def _who_is(person: Here) -> Who:
    details = person.details
    return who(
        details["family_name"], details["given_names"], details["birth_date"], details["sex"],
        phones=[value for kind, value in person.ways if kind == "phone"], addresses=_places(person.address),
        members=_members(person.coverage, person.ended),
    )  # fmt: skip


def _places(address: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(address.get("street", "")), str(address.get("zip", "")))]


def _members(*coverages: Mapping[str, Any]) -> list[str]:
    return [number for each in coverages if (number := each.get("member_id"))]
