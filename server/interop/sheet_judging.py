"""A portion of a table held against the people who are here: one statement for each kind of thing, not for each row."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import or_, select

from server.interop.intake import among, among_ids
from server.interop.sheets.columns import Meaning
from server.interop.sheets.packing import Rows
from server.interop.sheets.values import Fault, Said, said
from server.interop.sheets.verdicts import (
    Change,
    Here,
    change,
    changes_in_words,
    listed,
    number_taken,
    somebody_else,
)
from server.interop.tables import Sheet, SheetRow
from server.patients.likeness import ASK, Who, likeness
from server.patients.search import fold, phone_key
from server.patients.tables import Address, ContactWay, Coverage, Patient, PatientIdentifier
from server.tenants.db import Db
from server.tenants.tables import Payer

#: the system under which a person's key in tables is kept, where the record number alone does not say who it is
SYSTEM: Final = "carewright:sheet"
DETAILS: Final = (
    "family_name",
    "given_names",
    "preferred_name",
    "birth_date",
    "sex",
    "language",
    "contact_notes",
)


@dataclass(slots=True)
class Judged:
    """One row, what it says, and what bringing it in does."""

    line: int
    verdict: str = "error"
    said: Said | None = None
    key: str = ""
    fault: Fault | None = None
    sentence: str = ""
    patient_id: UUID | None = None
    here: Here | None = None
    change: Change = field(default_factory=Change)
    choice: str = ""
    row_id: UUID | None = None
    payer_id: UUID | None = None
    effects: list[dict[str, Any]] = field(default_factory=list)

    @property
    def goes_in(self) -> bool:
        return self.verdict in ("new", "changed", "same")


class _Decided(NamedTuple):
    id: UUID
    choice: str
    patient_id: UUID | None


async def judge(db: Db, sheet: Sheet, number: int, rows: Rows, meaning: Meaning, today: date) -> list[Judged]:
    """What each row would do now."""
    judged = [
        _read(line, said(cells, meaning, len(sheet.header), sheet.separator, today)) for line, cells in rows
    ]
    sound = [one for one in judged if one.said is not None]
    await _payers(db, sound)
    await _told_apart(db, sheet, number, sound)
    sound = [one for one in sound if one.fault is None]
    keys = {one.key for one in sound}
    decided = await _decided(db, sheet, number)
    known = await _known(db, sound, keys)
    before = await _before(db, sheet, keys)
    meant: dict[int, UUID] = {}
    for one in sound:
        told = decided.get(one.line)
        one.choice, one.row_id = (told.choice, told.id) if told else ("", None)
        target = known.get(one.key) or (told.patient_id if told and told.choice == "same" else None)
        if target is not None:
            meant[one.line] = target
    people = await here(db, meant.values())
    strangers = [one for one in sound if meant.get(one.line) not in people and one.choice != "new"]
    alike = await _alike(db, sheet, strangers)
    for one in sound:
        found = people.get(meant[one.line]) if one.line in meant else None
        if found is not None:
            _held_against(one, found, before.get(one.key))
        elif one.line in alike:
            one.verdict = "duplicate"
            one.patient_id, one.fault = alike[one.line]
        else:
            one.verdict = "new"
    return judged


def _read(line: int, row: Said | Fault) -> Judged:
    if isinstance(row, Fault):
        return Judged(line, fault=row)
    return Judged(line, said=row, key=row.key)


def _held_against(one: Judged, found: Here, before: dict[str, str] | None) -> None:
    assert one.said is not None
    one.here, one.patient_id = found, found.id
    if one.choice != "same" and somebody_else(one.said, found):
        one.fault = number_taken(one.said, found.called, found.details["birth_date"], "")
        return
    payer = one.said.coverage.get("payer")
    if payer and found.coverage and found.coverage["payer"] != payer:
        one.fault = Fault(
            "payer",
            f"{found.coverage['payer']} pays first for {found.called} since {found.coverage['from_on']:%d %B %Y}.",
            "End that coverage on the person's page first, or leave the payer empty here.",
        )
        return
    one.change = change(one.said, found, before)
    one.verdict = "changed" if one.change else "same"
    one.sentence = changes_in_words(one.change, found)


async def _payers(db: Db, judged: Sequence[Judged]) -> None:
    """The payers that rows name, as the practice calls them."""
    if not any(one.said and one.said.coverage for one in judged):
        return
    payers = {
        fold(name): (id, name)
        for id, name in await db.execute(select(Payer.id, Payer.name).where(Payer.active))
    }
    for one in judged:
        if one.said is None or not (coverage := one.said.coverage):
            continue
        found = payers.get(fold(coverage["payer"]))
        if found is None:
            one.fault = Fault(
                "payer",
                f"The practice has no payer called “{coverage['payer'][:60]}”.",
                "Add it under Practice, Payers, or write it as it is called there.",
            )
        else:
            one.payer_id = found[0]
            one.said = replace(one.said, coverage={**coverage, "payer": found[1]})


async def _told_apart(db: Db, sheet: Sheet, number: int, judged: Sequence[Judged]) -> None:
    """A person who stands in an earlier row of the same table: the later one is an error."""
    rows = await db.execute(
        select(SheetRow.key, SheetRow.line, SheetRow.called).where(
            SheetRow.sheet_id == sheet.id,
            among(SheetRow.key, {one.key for one in judged}),
            or_(SheetRow.portion < number, SheetRow.outcome != ""),
            SheetRow.verdict != "error",
        )
    )
    earlier = {key: (line, called) for key, line, called in rows}
    for one in judged:
        if one.said is None or one.fault is not None:
            continue
        if one.key in earlier and earlier[one.key][0] != one.line:
            line, called = earlier[one.key]
            by = (
                f"record number {one.said.record_number}" if one.said.record_number else "name and birth date"
            )
            one.fault = Fault(
                "record_number",
                f"Line {line:,} has the same {by}, for {called}.",
                "If they are two people, give each their own record number; if one, leave one of the rows out.",
            )
        else:
            earlier[one.key] = (one.line, one.said.called)


async def _decided(db: Db, sheet: Sheet, number: int) -> dict[int, _Decided]:
    rows = await db.execute(
        select(SheetRow.line, SheetRow.id, SheetRow.choice, SheetRow.patient_id).where(
            SheetRow.sheet_id == sheet.id, SheetRow.portion == number, SheetRow.choice != ""
        )
    )
    return {line: _Decided(id, choice, patient_id) for line, id, choice, patient_id in rows}


async def _known(db: Db, judged: Sequence[Judged], keys: Collection[str]) -> dict[str, UUID]:
    """key -> who it is: by the record number, or as somebody said of an earlier table."""
    numbers = {one.said.record_number: one.key for one in judged if one.said and one.said.record_number}
    found = dict(
        (
            await db.execute(
                select(PatientIdentifier.value, PatientIdentifier.patient_id).where(
                    PatientIdentifier.system == SYSTEM, among(PatientIdentifier.value, keys)
                )
            )
        ).all()
    )
    if numbers:
        rows = await db.execute(
            select(Patient.record_number, Patient.id).where(among(Patient.record_number, numbers))
        )
        found |= {numbers[record_number]: id for record_number, id in rows}
    return found


async def _before(db: Db, sheet: Sheet, keys: Collection[str]) -> dict[str, dict[str, str]]:
    """What the last table that came in said of each."""
    rows = await db.execute(
        select(SheetRow.key, SheetRow.said)
        .where(among(SheetRow.key, keys), SheetRow.outcome == "in")
        .order_by(SheetRow.at)
    )
    return dict(rows.all())  # the newest is the last


async def here(db: Db, patient_ids: Iterable[UUID]) -> dict[UUID, Here]:
    """People as a table sees them."""
    ids = set(patient_ids)
    if not ids:
        return {}
    ways: dict[UUID, set[tuple[str, str]]] = defaultdict(set)
    for patient_id, kind, value in await db.execute(
        select(ContactWay.patient_id, ContactWay.kind, ContactWay.value).where(
            among_ids(ContactWay.patient_id, ids), ContactWay.active
        )
    ):
        email = kind not in ("phone", "text")
        ways[patient_id].add(("email", value.casefold()) if email else ("phone", phone_key(value)))
    addresses = {
        row[0]: dict(zip(("id", "street", "city", "state", "zip"), row[1:], strict=True))
        for row in await db.execute(
            select(Address.patient_id, Address.id, Address.street, Address.city, Address.state, Address.zip)
            .where(among_ids(Address.patient_id, ids), Address.to_on.is_(None), Address.use == "home")
            .order_by(Address.from_on.nulls_first(), Address.id)
        )
    }
    coverages = {
        row[0]: dict(zip(("id", "member_id", "group_number", "from_on", "payer"), row[1:], strict=True))
        for row in await db.execute(
            select(
                Coverage.patient_id,
                Coverage.id,
                Coverage.member_id,
                Coverage.group_number,
                Coverage.from_on,
                Payer.name,
            )
            .join(Payer, (Payer.tenant_id == Coverage.tenant_id) & (Payer.id == Coverage.payer_id))
            .where(among_ids(Coverage.patient_id, ids), Coverage.to_on.is_(None), Coverage.rank == 1)
            .order_by(Coverage.from_on)
        )
    }
    rows = await db.execute(
        select(Patient.id, Patient.record_number, *(getattr(Patient, name) for name in DETAILS)).where(
            among_ids(Patient.id, ids)
        )
    )
    return {
        id: Here(
            id, record_number, dict(zip(DETAILS, details, strict=True)), frozenset(ways[id]), addresses.get(id, {}),
            coverages.get(id, {}),
        )
        for id, record_number, *details in rows
    }  # fmt: skip


async def _alike(db: Db, sheet: Sheet, judged: Sequence[Judged]) -> dict[int, tuple[UUID, Fault]]:
    """line -> who of those that were here before this table is perhaps the same person, and why."""
    if not judged:
        return {}
    births = {str(one.said.details["birth_date"]) for one in judged if one.said}
    rows = await db.execute(
        select(Patient.id, Patient.family_key, Patient.given_key, Patient.birth_date).where(
            Patient.birth_date.in_([date.fromisoformat(day) for day in births]),
            Patient.source != source_of(sheet),
        )
    )
    by_birth: dict[date, list[tuple[UUID, str, str]]] = defaultdict(list)
    for id, family, given_key, birth in rows:
        by_birth[birth].append((id, family, given_key))
    possible: dict[int, list[UUID]] = {}
    for one in judged:
        assert one.said is not None
        family, given_key = (
            fold(one.said.details["family_name"]),
            fold(one.said.details.get("given_names", "")),
        )
        possible[one.line] = [
            id
            for id, theirs, their_given in by_birth.get(one.said.details["birth_date"], ())
            if family.split()[0] in theirs.split()
            or given_key.partition(" ")[0] == their_given.partition(" ")[0]
        ]
    people = await here(db, {id for ids in possible.values() for id in ids})
    found = {}
    for one in judged:
        assert one.said is not None
        best = max(
            (
                (likeness(_who_said(one.said), _who_is(people[id])), people[id])
                for id in possible[one.line]
                if id in people
            ),
            key=lambda pair: pair[0].score,
            default=None,
        )
        if best is not None and best[0].score >= ASK:
            like, person = best
            unlike = f", but {listed(like.unlike)}" if like.unlike else ""
            found[one.line] = (
                person.id,
                Fault(
                    "",
                    f"{person.called}, record {person.record_number}, has {listed(like.alike)}{unlike}.",
                    "Say whether it is the same person or a new one.",
                ),
            )
    return found


def source_of(sheet: Sheet) -> str:
    """Where people who came with a table are from."""
    return f"sheet:{sheet.id}"


def _who_said(row: Said) -> Who:
    return Who(
        fold(row.details["family_name"]), fold(row.details.get("given_names", "")), row.details["birth_date"],
        row.details.get("sex", ""), [phone_key(number) for _, number in row.phones], _place(row.address),
        [number for number in [row.coverage.get("member_id")] if number],
    )  # fmt: skip


def _who_is(person: Here) -> Who:
    details = person.details
    return Who(
        fold(details["family_name"]), fold(details["given_names"]), details["birth_date"], details["sex"],
        [value for kind, value in person.ways if kind == "phone"], _place(person.address),
        [number for number in [person.coverage.get("member_id")] if number],
    )  # fmt: skip


def _place(address: Any) -> list[str]:
    street = fold(str(address.get("street", "")))
    return [f"{street} {str(address.get('zip', ''))[:5]}"] if street else []
