"""People from FHIR: found again by what other systems call them, never by name; and what changed is told apart from
what was mended here.

A changed record is compared with the version kept before it (three ways: then, now, here). What only the source
changed is taken; what only we changed stays; what both changed stays and becomes a finding.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from server.dates import dated
from server.interop.fhir.person_columns import (
    addresses,
    contact_ways,
    member_columns,
    patient_columns,
    support_of_contact,
    support_of_related,
)
from server.interop.fhir.reader import read
from server.interop.fhir.rows import (
    CareTeamRow,
    PatientRow,
    Provenance,
    Reference,
    RowError,
    SupportPersonRow,
    Translated,
)
from server.interop.fhir.translate import translate
from server.interop.fhir_raw import Record, bodies
from server.interop.intake import Columns, Intake, Named, among, among_ids, asked, sql
from server.patients.record_numbers import next_record_numbers
from server.patients.search import fold, phone_key, words_of
from server.patients.tables import (
    Address,
    CareTeamMember,
    ContactWay,
    Patient,
    PatientIdentifier,
    PatientWord,
    SupportPerson,
)
from server.words import N_, listed, say

#: column of `patient_columns` -> what it is called in a sentence
_LABELS = {
    "family_name": N_("family name"),
    "given_names": N_("given names"),
    "preferred_name": N_("preferred name"),
    "name_prefix": N_("name prefix"),
    "name_suffix": N_("name suffix"),
    "birth_date": N_("birth date"),
    "birth_date_precision": N_("birth date precision"),
    "sex": N_("sex"),
    "birth_sex": N_("birth sex"),
    "gender_identity": N_("gender identity"),
    "pronouns": N_("pronouns"),
    "races": N_("races"),
    "ethnicity": N_("ethnicity"),
    "language": N_("language"),
    "interpreter_needed": N_("need for an interpreter"),
    "marital_status": N_("marital status"),
    "deceased_on": N_("date of death"),
}
_LONGEST_RECORD_NUMBER = 64
_COMPARE = N_(
    "Open both records and compare; if they are one person, keep the one your team uses and say so there."
)


def name_of_record(provenance: Provenance) -> Named:
    """How a source's own id names its patient."""
    return f"{provenance.source}/Patient", provenance.source_id


def names_of(reference: Reference, source: str) -> list[Named]:
    """How a reference names a patient, the surest first."""
    names = [(f"{source}/Patient", reference.source_id)] if reference.source_id else []
    if reference.identifier is not None:
        names.append((reference.identifier.system, reference.identifier.value))
    return names


async def look_up(intake: Intake, wanted: Iterable[Named]) -> None:
    """Remember in `intake.patients` whom these names mean here, or that they mean nobody yet."""
    wanted = {name for name in wanted if name not in intake.patients}
    if not wanted:
        return
    key = asked(wanted, "system", "value").c
    statement = select(PatientIdentifier.system, PatientIdentifier.value, PatientIdentifier.patient_id).where(
        PatientIdentifier.system == key.system, PatientIdentifier.value == key.value
    )
    found = {(system, value): patient_id for system, value, patient_id in await intake.db.execute(statement)}
    intake.patients.update({name: found.get(name) for name in wanted})


def patient_meant(intake: Intake, reference: Reference, source: str) -> UUID | None:
    """The patient a reference means; `look_up` must have been asked about it."""
    for name in names_of(reference, source):
        patient_id = intake.patients.get(name)
        if patient_id is not None:
            return patient_id
    return None


async def keep_patients(intake: Intake, given: Sequence[tuple[Record, PatientRow]]) -> None:
    """Add the people who are new, mend those who changed."""
    await look_up(intake, (name for _, row in given for name in _names(row)))
    new: list[tuple[Record, PatientRow]] = []
    for record, row in given:
        if _meant(intake, row) is None and not any(_same_person(row, other) for _, other in new):
            new.append((record, row))
    await _add(intake, new)
    added = {id(row) for _, row in new}
    for record, row in given:
        patient_id = _meant(intake, row)
        if id(row) not in added and patient_id is not None:
            await _mend(intake, record, row, patient_id)


def _names(row: PatientRow) -> list[Named]:
    """The source's own id, then its medical record numbers. Other numbers may be shared by a family."""
    numbers = [(each.system, each.value) for each in row.identifiers if each.kind == "MR" and each.system]
    return list(dict.fromkeys([name_of_record(row.provenance), *numbers]))


def _meant(intake: Intake, row: PatientRow) -> UUID | None:
    found = (intake.patients.get(name) for name in _names(row))
    return next((patient_id for patient_id in found if patient_id is not None), None)


def _same_person(one: PatientRow, other: PatientRow) -> bool:
    return bool(set(_names(one)) & set(_names(other)))


# --- new people -----------------------------------------------------------------------------------------------


async def _add(intake: Intake, given: Sequence[tuple[Record, PatientRow]]) -> None:
    born = [(record, row) for record, row in given if row.birth is not None]
    for record, row in given:
        if row.birth is None:
            intake.error(
                "Patient",
                row.provenance.source_id,
                f"{record.resource.place}: Patient.birthDate",
                say(
                    "%(person)s has no birth date, and without one could be taken for someone else.",
                    person=_called(row),
                ),
                say(
                    "Add it in the sending system and bring the file in again, or register the person "
                    "by hand."
                ),
            )
    if not born:
        return
    wanted = [
        row.record_number if len(row.record_number) <= _LONGEST_RECORD_NUMBER else "" for _, row in born
    ]
    numbers = await next_record_numbers(intake.db, intake.actor, wanted)
    people, rest = [], _Rest(intake)
    for (_, row), number in zip(born, numbers, strict=True):
        columns = patient_columns(row)
        start = intake.columns(record_number=number, revision=1, source=row.provenance.source)
        person = start | _keyed(columns) | {"contact_notes": "", "confidential_contact": ""} | intake.made()
        people.append(person)
        intake.touched.add(person["id"])
        intake.count("Patient", "added")
        rest.words += _words(intake, person["id"], columns)
        _identify(intake, row, person["id"], rest)
        rest.ways += [_way(intake, person["id"], way) for way in contact_ways(row.points)]
        rest.addresses += [_address(intake, person["id"], each) for each in addresses(row.addresses)]
        rest.supports += [_supporter(intake, person["id"], each) for each in _supports(row)]
        _remark(intake, row)
    await _report_doubles(intake, people)
    await intake.db.execute(insert(sql(Patient)), people)
    await rest.write()


class _Rest:
    """Rows that hang on a patient, written together."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.words: list[Columns] = []
        self.identifiers: list[Columns] = []
        self.ways: list[Columns] = []
        self.addresses: list[Columns] = []
        self.supports: list[Columns] = []

    async def write(self) -> None:
        tables: tuple[tuple[Any, list[Columns]], ...] = (
            (PatientWord, self.words),
            (PatientIdentifier, self.identifiers),
            (ContactWay, self.ways),
            (Address, self.addresses),
            (SupportPerson, self.supports),
        )
        for table, rows in tables:
            if rows:
                await self.intake.db.execute(insert(sql(table)), rows)


def _identify(intake: Intake, row: PatientRow, patient_id: UUID, rest: _Rest) -> None:
    others = [(each.system, each.value) for each in row.identifiers if each.system]
    for name in dict.fromkeys([*_names(row), *others]):
        owner = intake.patients.get(name)
        if owner is None:
            intake.patients[name] = patient_id
            rest.identifiers.append(intake.columns(patient_id, system=name[0], value=name[1]))
        elif owner != patient_id:
            intake.finding(
                "Patient",
                row.provenance.source_id,
                "Patient.identifier",
                say(
                    "%(person)s carries the number %(number)s, which belongs to someone else here.",
                    person=_called(row),
                    number=name[1][:60],
                ),
                say(_COMPARE),
            )


async def _report_doubles(intake: Intake, people: Sequence[Columns]) -> None:
    """Someone of the same name and birth date is already here: said, and never joined by us."""
    statement = select(
        Patient.family_key, Patient.given_key, Patient.birth_date, Patient.record_number
    ).where(among(Patient.family_key, {each["family_key"] for each in people}))
    here: dict[tuple[str, str, date], str] = {}
    for family, given, born, number in await intake.db.execute(statement):
        here.setdefault((family, _first(given), born), number)
    for person in people:
        alike = (person["family_key"], _first(person["given_key"]), person["birth_date"])
        if alike in here:
            intake.finding(
                "Patient",
                "",
                "Patient",
                say(
                    "%(person)s, born %(birth_date)s, came in as record %(record_number)s; record "
                    "%(other_number)s has the same name and birth date.",
                    person=f"{person['given_names']} {person['family_name']}",
                    birth_date=dated(person["birth_date"]),
                    record_number=person["record_number"],
                    other_number=here[alike],
                ),
                say(_COMPARE),
            )
        here.setdefault(alike, person["record_number"])


def _first(given_key: str) -> str:
    return given_key.partition(" ")[0]


def _remark(intake: Intake, row: PatientRow) -> None:
    """What a patient record says that has no column, and a person should know."""
    remarks = []
    if row.deceased and row.died is None:
        remarks.append(
            (
                "deceasedBoolean",
                N_("The source says that %(person)s has died, and does not say when."),
                N_("Ask, and enter the date."),
            )
        )
    if not row.active:
        remarks.append(
            (
                "active",
                N_("The source says that the record of %(person)s is no longer in use there."),
                N_("Ask whether this person is still cared for here."),
            )
        )
    if row.replaced_by:
        remarks.append(
            (
                "link",
                N_("The source says that the record of %(person)s has been joined with another there."),
                _COMPARE,
            )
        )
    for path, message, next_step in remarks:
        sentence = say(message, person=_called(row))
        intake.finding("Patient", row.provenance.source_id, f"Patient.{path}", sentence, say(next_step))


# --- people who are here --------------------------------------------------------------------------------------


async def _mend(intake: Intake, record: Record, row: PatientRow, patient_id: UUID) -> None:
    table = sql(Patient)
    here = (
        (await intake.db.execute(select(table).where(table.c.id == patient_id).with_for_update()))
        .mappings()
        .one()
    )
    if row.birth is not None and _someone_else(row, here):
        intake.error(
            "Patient",
            row.provenance.source_id,
            f"{record.resource.place}: Patient",
            say(
                "%(person)s, born %(born)s, carries a number that here belongs to %(other_person)s, born "
                "%(other_born)s. Nothing was changed.",
                person=_called(row),
                born=row.birth.text,
                other_person=f"{here['given_names']} {here['family_name']}",
                other_born=dated(here["birth_date"]),
            ),
            say("If the files come from two systems, bring each in under its own source name."),
        )
        for name in _names(row):
            intake.patients[name] = None  # nor do this stranger's facts go to them
        return
    rest = _Rest(intake)
    if not record.new and record.previous is None and intake.patients.get(name_of_record(row.provenance)):
        intake.count("Patient", "same")
        return
    before = await _before(intake, record)
    changes, kept = _merged(here, _fields(before), _fields(row))
    _identify(intake, row, patient_id, rest)
    changed = await _mend_ways(intake, patient_id, before, row, rest)
    changed |= await _mend_addresses(intake, patient_id, before, row, rest)
    await _mend_supports(intake, patient_id, row, rest)
    if kept and record.new:
        intake.finding(
            "Patient",
            row.provenance.source_id,
            "Patient",
            say(
                "For %(person)s the source now has another %(fields)s than is written here; ours was kept.",
                person=_called(row),
                fields=listed([say(_LABELS[name]) for name in kept]),
            ),
            say("Open the person's page and decide which is right."),
        )
    if changes:
        values = _keyed(dict(here) | changes) | {"revision": here["revision"] + 1}
        values = {key: value for key, value in values.items() if value != here[key]}
        await intake.db.execute(update(table).where(table.c.id == patient_id).values(values))
        words = sql(PatientWord)
        await intake.db.execute(delete(words).where(words.c.patient_id == patient_id))
        rest.words += _words(intake, patient_id, dict(here) | changes)
    if record.new:
        _remark(intake, row)
    changed |= bool(changes or rest.identifiers or rest.ways or rest.addresses or rest.supports)
    await rest.write()
    if changed:
        intake.touched.add(patient_id)
    intake.count("Patient", "changed" if changed else "same")


def _someone_else(row: PatientRow, here: Any) -> bool:
    born, family = row.birth, fold(row.family or " ".join(row.given))
    return born is not None and born.day != here["birth_date"] and family != here["family_key"]


async def _before(intake: Intake, record: Record) -> PatientRow | None:
    """The person as the version kept before this one had them."""
    if record.previous is None:
        return None
    body = (await bodies(intake, [record.previous]))[record.previous]
    document = read(body.encode(), source=record.resource.provenance.source)
    resource = next(document.resources())
    if isinstance(resource, RowError):
        return None
    outcome = translate(resource, document.index, intake.today)
    rows = outcome.rows if isinstance(outcome, Translated) else ()
    return next((row for row in rows if isinstance(row, PatientRow)), None)


def _fields(row: PatientRow | None) -> Columns | None:
    if row is None:
        return None
    columns = patient_columns(row)
    if row.birth is None:
        del columns["birth_date"], columns["birth_date_precision"]
    return columns


def _merged(here: Any, then: Columns | None, now: Columns | None) -> tuple[Columns, list[str]]:
    """What to change, and what both sides changed. Without an earlier version only blanks are filled."""
    changes: Columns = {}
    kept = []
    for name, value in (now or {}).items():
        if value == here[name]:
            continue
        if then is None:
            untouched, source_changed = here[name] in ("", None, [], False), value not in ("", None, [])
        else:
            untouched, source_changed = here[name] == then.get(name), value != then.get(name)
        if source_changed and untouched:
            changes[name] = value
        elif source_changed:
            kept.append(name)
    return changes, kept


async def _mend_ways(
    intake: Intake, patient_id: UUID, before: PatientRow | None, row: PatientRow, rest: _Rest
) -> bool:
    then = {_way_key(way) for way in contact_ways(before.points)} if before else set()
    now = contact_ways(row.points)
    table = sql(ContactWay)
    here = (await intake.db.execute(select(table).where(table.c.patient_id == patient_id))).mappings().all()
    known = {_way_key(way) for way in here}
    added = [way for way in now if _way_key(way) not in then | known]
    rest.ways += [_way(intake, patient_id, way) for way in added]
    gone = then - {_way_key(way) for way in now}
    ended = [way["id"] for way in here if way["active"] and _way_key(way) in gone]
    if ended:
        await intake.db.execute(update(table).where(among_ids(table.c.id, ended)).values(active=False))
    return bool(ended)


async def _mend_addresses(
    intake: Intake, patient_id: UUID, before: PatientRow | None, row: PatientRow, rest: _Rest
) -> bool:
    then = {_place(each) for each in addresses(before.addresses)} if before else set()
    now = {_place(each): each for each in addresses(row.addresses)}
    table = sql(Address)
    here = (await intake.db.execute(select(table).where(table.c.patient_id == patient_id))).mappings().all()
    known = {_place(each) for each in here}
    rest.addresses += [
        _address(intake, patient_id, each) for place, each in now.items() if place not in then | known
    ]
    changed = False
    for each in here:
        place = _place(each)
        end = now[place]["to_on"] if place in now else intake.today if place in then else None
        if end is not None and each["to_on"] is None:
            await intake.db.execute(update(table).where(table.c.id == each["id"]).values(to_on=end))
            changed = True
    return changed


async def _mend_supports(intake: Intake, patient_id: UUID, row: PatientRow, rest: _Rest) -> None:
    wanted = _supports(row)
    if wanted:
        here = await intake.db.scalars(
            select(SupportPerson.name).where(SupportPerson.patient_id == patient_id)
        )
        known = {fold(name) for name in here}
        rest.supports += [
            _supporter(intake, patient_id, each) for each in wanted if fold(str(each["name"])) not in known
        ]


# --- those around them ----------------------------------------------------------------------------------------


async def keep_supporters(intake: Intake, given: Sequence[tuple[Record, SupportPersonRow, UUID]]) -> None:
    """RelatedPersons: added by name once; what is written here about them afterwards is ours."""
    here = await _names_here(intake, SupportPerson, (patient_id for _, _, patient_id in given))
    rows = []
    for record, row, patient_id in given:
        columns = support_of_related(row)
        if columns is None:
            _unnamed(intake, record, say("This support person has no name to be found by."))
            continue
        key = (patient_id, fold(str(columns["name"])), "")
        intake.count("RelatedPerson", "same" if key in here else "added")
        if key not in here:
            here.add(key)
            rows.append(_supporter(intake, patient_id, columns))
    if rows:
        await intake.db.execute(insert(sql(SupportPerson)), rows)


async def keep_care_teams(intake: Intake, given: Sequence[tuple[Record, CareTeamRow, UUID]]) -> None:
    """Members of care teams who work elsewhere, added once by name and part."""
    here = await _names_here(intake, CareTeamMember, (patient_id for _, _, patient_id in given))
    rows = []
    for _, row, patient_id in given:
        updated = row.provenance.last_updated
        since = row.start.day if row.start else updated.date() if updated else intake.today
        added = 0
        for member in row.members:
            columns = member_columns(member, since)
            if columns is None:
                continue
            key = (patient_id, fold(str(columns["name"])), fold(str(columns["part"])))
            if key not in here:
                here.add(key)
                rows.append(intake.columns(patient_id, staff_id=None) | columns | intake.made())
                added += 1
        intake.count("CareTeam", "added" if added else "same")
    if rows:
        await intake.db.execute(insert(sql(CareTeamMember)), rows)


async def _names_here(intake: Intake, table: Any, patient_ids: Iterable[UUID]) -> set[tuple[UUID, str, str]]:
    part = table.part if table is CareTeamMember else None
    columns = (table.patient_id, table.name) if part is None else (table.patient_id, table.name, part)
    found = await intake.db.execute(select(*columns).where(among_ids(table.patient_id, set(patient_ids))))
    return {(row[0], fold(row[1]), fold(row[2]) if len(row) > 2 else "") for row in found}


def _unnamed(intake: Intake, record: Record, sentence: str) -> None:
    place = f"{record.resource.place}: {record.resource.kind}.name"
    intake.error(
        record.resource.kind,
        record.resource.source_id,
        place,
        sentence,
        say("Add the name in the sending system."),
    )


# --- small parts ----------------------------------------------------------------------------------------------


def _keyed(columns: Columns) -> Columns:
    return columns | {
        "family_key": fold(columns["family_name"]),
        "given_key": fold(columns["given_names"]),
    }


def _words(intake: Intake, patient_id: UUID, names: Columns) -> list[Columns]:
    found = words_of(names["family_name"], names["given_names"], names["preferred_name"])
    return [intake.columns(patient_id, word=word) for word in sorted(found)]


def _supports(row: PatientRow) -> list[Columns]:
    found: dict[str, Columns] = {}
    for contact in row.contacts:
        columns = support_of_contact(contact)
        if columns is not None:
            found.setdefault(fold(str(columns["name"])), columns)
    return list(found.values())


def _supporter(intake: Intake, patient_id: UUID, columns: Columns) -> Columns:
    # Being someone's family gives no right to hear about them: may_discuss stays empty until the person says so.
    return intake.columns(patient_id) | columns | {"may_discuss": "", "helps_with": ""} | intake.made()


def _way(intake: Intake, patient_id: UUID, way: Columns) -> Columns:
    phone = way["kind"] in ("phone", "text")
    more = {"message_ok": False, "active": True, "search_key": phone_key(way["value"]) if phone else ""}
    return intake.columns(patient_id) | way | more | intake.made()


def _way_key(way: Any) -> tuple[str, str]:
    value = str(way["value"])
    return way["kind"], (phone_key(value) or value) if way["kind"] in ("phone", "text") else value.casefold()


def _address(intake: Intake, patient_id: UUID, columns: Columns) -> Columns:
    return intake.columns(patient_id) | columns | intake.made()


def _place(each: Any) -> tuple[str, str, str]:
    return fold(each["street"]), fold(each["city"]), each["zip"][:5]


def _called(row: PatientRow) -> str:
    return " ".join(part for part in (*row.given, row.family) if part)
