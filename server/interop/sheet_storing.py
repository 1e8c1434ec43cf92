"""What rows of a table change of the people here, written by the portion, each with what it was and what it became."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.sql.expression import func

from server.clock import now, today
from server.ids import new_id
from server.interop.intake import Columns, sql
from server.interop.sheet_judging import SYSTEM, Judged
from server.interop.sheet_people import source_of
from server.interop.tables import Sheet
from server.lookups import for_each
from server.patients.record_numbers import next_record_numbers
from server.patients.search import fold, phone_key
from server.patients.tables import Address, ContactWay, Coverage, Patient, PatientIdentifier
from server.patients.words import index_words
from server.tables import Table
from server.tenants.actor import Actor
from server.tenants.db import Db

#: what a table of people can leave behind, in the order in which it is written
TABLES: dict[str, type[Table]] = {
    each.__tablename__: each for each in (Patient, PatientIdentifier, ContactWay, Address, Coverage)
}


def plain(value: Any) -> Any:
    """A column's value as JSON keeps it."""
    return str(value) if isinstance(value, (date, datetime, UUID)) else value


async def store(db: Db, actor: Actor, sheet: Sheet, judged: Sequence[Judged]) -> list[UUID]:
    """Bring these rows in; whom they touched. Each row is left with its effects."""
    actor.require("imports.write")
    writing = _Writing(db, actor, sheet)
    new = [one for one in judged if one.verdict == "new"]
    wanted = [one.said.record_number if one.said else "" for one in new]
    for one, number in zip(new, await next_record_numbers(db, actor, wanted) if new else [], strict=True):
        _register(writing, one, number)
    changed = [one for one in judged if one.change]
    if changed:
        ids = [one.patient_id for one in changed if one.patient_id]
        revision = for_each(select(Patient.id, Patient.revision), Patient.id, ids)
        rank = select(ContactWay.patient_id, func.max(ContactWay.rank)).group_by(ContactWay.patient_id)
        revisions = dict((await db.execute(revision)).all())
        ranks = dict((await db.execute(for_each(rank, ContactWay.patient_id, ids))).all())
        for one in changed:
            _mend(writing, one, revisions, ranks)
    await _remember(writing, [one for one in judged if one.goes_in])
    await writing.write()
    return sorted({one.patient_id for one in (*new, *changed) if one.patient_id})


class Updates:
    """Changes of rows, one prepared statement for all that change the same columns of a table."""

    def __init__(self) -> None:
        self._changes: dict[tuple[type[Table], tuple[str, ...]], list[Columns]] = defaultdict(list)

    def add(self, table: type[Table], id: UUID, to: Columns) -> None:
        self._changes[table, tuple(sorted(to))].append({"its_id": id} | {f"to_{n}": v for n, v in to.items()})

    async def write(self, db: Db) -> None:
        for (table, names), rows in self._changes.items():
            columns = sql(table).c
            values = {name: bindparam(f"to_{name}", type_=columns[name].type) for name in names}
            statement = update(sql(table)).where(columns.id == bindparam("its_id")).values(values)
            connection = await db.connection()
            await connection.execute(statement, rows)


class _Writing:
    """Rows to be inserted and changed, by table."""

    def __init__(self, db: Db, actor: Actor, sheet: Sheet) -> None:
        self.db = db
        self.actor = actor
        self.sheet = sheet
        self.at = now()
        self.today = today(actor.zone)
        self.renamed: set[UUID] = set()
        self._rows: dict[str, list[Columns]] = defaultdict(list)
        self._changes = Updates()

    def add(self, one: Judged, table: type[Table], columns: Mapping[str, Any], *keep: str) -> UUID:
        """A further row. keep: the columns that must be as they are when it is taken back."""
        id = new_id()
        self._rows[table.__tablename__].append({"tenant_id": self.actor.tenant_id, "id": id} | dict(columns))
        now_ = {name: plain(columns[name]) for name in keep}
        one.effects.append({"table": table.__tablename__, "id": str(id), "was": None, "now": now_})
        return id

    def change(self, one: Judged, table: type[Table], id: UUID, was: Columns, to: Columns) -> None:
        self._changes.add(table, id, to)
        one.effects.append(
            {
                "table": table.__tablename__, "id": str(id), "was": {n: plain(v) for n, v in was.items()},
                "now": {n: plain(v) for n, v in to.items()},
            }
        )  # fmt: skip

    def made(self) -> Columns:
        return {"made_at": self.at, "made_by": self.sheet.made_by}

    async def write(self) -> None:
        await self._changes.write(self.db)
        for name, table in TABLES.items():
            if self._rows[name]:
                await self.db.execute(insert(sql(table)), self._rows[name])
        await index_words(self.db, self.renamed)


_EMPTY: Columns = {
    "preferred_name": "", "name_prefix": "", "name_suffix": "", "birth_date_precision": "day", "sex": "", "birth_sex": "",
    "gender_identity": "", "pronouns": "", "races": [], "ethnicity": "", "language": "", "interpreter_needed": False,
    "marital_status": "", "contact_notes": "", "confidential_contact": "", "deceased_on": None, "revision": 1,
}  # fmt: skip


def _register(writing: _Writing, one: Judged, record_number: str) -> None:
    said = one.said
    assert said is not None
    details = {"given_names": "", **said.details}
    keys = {"family_key": fold(details["family_name"]), "given_key": fold(details["given_names"])}
    row = (
        _EMPTY
        | details
        | keys
        | {"record_number": record_number, "source": source_of(writing.sheet)}
        | writing.made()
    )
    one.patient_id = id = writing.add(one, Patient, row, "revision")
    writing.renamed.add(id)
    ways = [("phone", use, number) for use, number in said.phones]
    for rank, way in enumerate([*ways, *([("email", "", said.email)] if said.email else [])], 1):
        _way(writing, one, id, way, rank)
    if said.address:
        _address(writing, one, id, said.address)
    if said.coverage:
        _coverage(writing, one, id)


def _mend(writing: _Writing, one: Judged, revisions: Mapping[UUID, int], ranks: Mapping[UUID, int]) -> None:
    """revisions: of the people; ranks: the last of their ways to be reached."""
    news = one.change
    here = one.here
    assert here is not None
    if news.details:
        was = {name: here.details[name] for name in news.details}
        to = dict(news.details)
        for name, key in (("family_name", "family_key"), ("given_names", "given_key")):
            if name in to:
                was[key] = fold(was[name])
                to[key] = fold(to[name])
        was["revision"] = revisions[here.id]
        to["revision"] = revisions[here.id] + 1
        writing.change(one, Patient, here.id, was, to)
        writing.renamed.add(here.id)
    for rank, way in enumerate(news.ways, ranks.get(here.id, 0) + 1):
        _way(writing, one, here.id, way, rank)
    if news.address:
        if "id" in here.address:
            writing.change(one, Address, here.address["id"], {"to_on": None}, {"to_on": writing.today})
        _address(writing, one, here.id, news.address)
    standing = here.ended if "to_on" in news.coverage else here.coverage
    if news.coverage and standing:
        was = {name: standing[name] for name in news.coverage}
        writing.change(one, Coverage, standing["id"], was, dict(news.coverage))
    elif news.coverage:
        _coverage(writing, one, here.id)


async def _remember(writing: _Writing, judged: Sequence[Judged]) -> None:
    """Keep who is meant by a key, unless the record number says it."""
    unsaid = {
        one.key: one
        for one in judged
        if one.said
        and (not one.said.record_number or (one.here and one.here.record_number != one.said.record_number))
    }
    known = set(
        await writing.db.scalars(
            for_each(
                select(PatientIdentifier.value).where(PatientIdentifier.system == SYSTEM),
                PatientIdentifier.value,
                unsaid,
            )
        )
    )
    for key, one in unsaid.items():
        if key not in known:
            row = {"patient_id": one.patient_id, "system": SYSTEM, "value": key}
            writing.add(one, PatientIdentifier, row)


def _way(writing: _Writing, one: Judged, patient_id: UUID, way: tuple[str, str, str], rank: int) -> None:
    kind, use, value = way
    row = {
        "patient_id": patient_id, "kind": kind, "value": value, "use": use, "rank": rank, "message_ok": False, "note": "",
        "best_time": "", "search_key": phone_key(value) if kind == "phone" else "", "active": True,
    }  # fmt: skip
    writing.add(one, ContactWay, row | writing.made(), "value", "active", "message_ok", "note", "best_time")


def _address(writing: _Writing, one: Judged, patient_id: UUID, said: Mapping[str, Any]) -> None:
    row = {
        "patient_id": patient_id, "use": "home", "street": "", "city": "", "state": "", "zip": "", "country": "US",
        "from_on": writing.today, "to_on": None,
    } | {name: said[name] for name in ("street", "city", "state", "zip") if name in said}  # fmt: skip
    writing.add(one, Address, row | writing.made(), "street", "to_on")


def _coverage(writing: _Writing, one: Judged, patient_id: UUID) -> None:
    assert one.said is not None
    said = one.said.coverage
    row = {
        "patient_id": patient_id, "payer_id": one.payer_id, "product": "", "member_id": said["member_id"],
        "group_number": said["group_number"], "relationship": "self", "subscriber_family_name": "",
        "subscriber_given_names": "", "subscriber_birth_date": None, "subscriber_sex": "", "rank": 1,
        "from_on": said["from_on"] or writing.today, "to_on": None, "replaces_part_b": False,
        "qualified_beneficiary": False, "care_management_benefit": None, "source": source_of(writing.sheet),
    }  # fmt: skip
    writing.add(
        one, Coverage, row | writing.made(), "member_id", "group_number", "from_on", "to_on", "product", "rank",
        "replaces_part_b", "qualified_beneficiary", "care_management_benefit", "relationship",
    )  # fmt: skip
