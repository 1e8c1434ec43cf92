"""Reads of pairs that may be one person, and of what each record has."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.orm import aliased

from server.clock import today
from server.duplicates.actions import FIELDS
from server.duplicates.rules import Obstacle, against_joining
from server.duplicates.standing import closing_now, record_facts
from server.duplicates.tables import DuplicatePair, PatientMerge
from server.errors import not_found
from server.patients.chart import AddressRow, ContactWayRow, CoverageRow, addresses, contact_ways, coverages
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.staff_names import name_of
from server.words import N_

#: what a list of pairs shows -> words
WHICH: Final = {"open": N_("To look at"), "later": N_("For later"), "different": N_("Two people")}


@dataclass(frozen=True, slots=True)
class Called:
    """Who a record is about, in short."""

    id: UUID
    record_number: str
    given_names: str
    family_name: str
    preferred_name: str
    birth_date: date


@dataclass(frozen=True, slots=True)
class PairRow:
    """Two records that may be one person. score: 0 to 1. decided_*: the last answer, if there was one."""

    id: UUID
    one: Called
    other: Called
    score: Decimal
    alike: list[str]
    unlike: list[str]
    state: str
    ask_on: date | None
    decided_at: datetime | None
    decided_by_name: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Side:
    """One record of a pair. values: column of FIELDS -> value. hangs: words -> how many rows hang on it."""

    who: Called
    registered_at: datetime
    values: dict[str, Any]
    ways: tuple[ContactWayRow, ...]
    addresses: tuple[AddressRow, ...]
    coverages: tuple[CoverageRow, ...]
    hangs: tuple[tuple[str, int], ...]
    last_contact_at: datetime | None
    obstacles: tuple[Obstacle, ...]  # against this one staying


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two records side by side. differs, agrees: columns of FIELDS."""

    pair: PairRow
    sides: tuple[Side, Side]
    agrees: tuple[str, ...]
    differs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MergeRow:
    """One joining of two records. taken: columns of which the other record's value was taken."""

    id: UUID
    kept_id: UUID
    gone_id: UUID
    gone_number: str
    gone_name: str
    reason: str
    taken: dict[str, Any]
    rows: int
    made_at: datetime
    made_by_name: str | None
    undone_at: datetime | None
    undone_by_name: str | None
    undone_reason: str


_ONE, _OTHER = aliased(Patient), aliased(Patient)
_CALLED: Final = tuple(Called.__dataclass_fields__)


async def pairs_of(
    db: Db,
    actor: Actor,
    which: str = "open",
    *,
    limit: int,
    position: tuple[Decimal, UUID] | None = None,
) -> list[PairRow]:
    """Pairs in one state (WHICH), the likeliest first; what was put off comes back to `open` on its day. One statement."""
    actor.require("patients.merge")
    statement = (
        _pairs()
        .where(_is(which, today(actor.zone)))
        .order_by(DuplicatePair.score.desc(), DuplicatePair.id)
        .limit(limit)
    )
    if position is not None:
        score, id = position
        statement = statement.where(
            or_(DuplicatePair.score < score, and_(DuplicatePair.score == score, DuplicatePair.id > id))
        )
    rows = [_pair(tuple(row)) for row in await db.execute(statement)]
    db.note(
        actor, "duplicates.pairs", entity="duplicate_pair",
        patient_ids=[id for row in rows for id in (row.one.id, row.other.id)],
    )  # fmt: skip
    return rows


async def how_many_wait(db: Db, actor: Actor) -> dict[str, int]:
    """State (WHICH) -> how many pairs."""
    actor.require("patients.merge")
    on = today(actor.zone)
    columns = [func.count().filter(_is(which, on)) for which in WHICH]
    row = (await db.execute(_live(select(*columns).select_from(DuplicatePair)))).one()
    return dict(zip(WHICH, map(int, row), strict=True))


async def pair_row(db: Db, actor: Actor, pair_id: UUID) -> PairRow:
    """One pair; NOT_FOUND also where one of the two is no record of its own any more."""
    actor.require("patients.merge")
    row = (await db.execute(_pairs().where(DuplicatePair.id == pair_id))).one_or_none()
    if row is None:
        db.note(actor, "patients.merge", entity="duplicate_pair", entity_ids=[pair_id], effect="refused")
        raise not_found("pair of records")
    found = _pair(tuple(row))
    db.note(
        actor, "duplicates.compare", entity="duplicate_pair", entity_ids=[pair_id],
        patient_ids=[found.one.id, found.other.id],
    )  # fmt: skip
    return found


async def comparison_of(db: Db, actor: Actor, pair_id: UUID) -> Comparison:
    """Everything somebody needs to say whether two records are one person, and which of the two stays."""
    pair = await pair_row(db, actor, pair_id)
    ids = [pair.one.id, pair.other.id]
    people = {
        patient.id: patient
        for patient in (await db.execute(select(Patient).where(Patient.id.in_(ids)))).scalars()
    }
    ways = await contact_ways(db, actor, ids)
    homes = await addresses(db, actor, ids)
    covers = await coverages(db, actor, ids)
    hangs: dict[UUID, list[tuple[str, int]]] = defaultdict(list)
    for id, words, count in await db.execute(_HANGS, {"ids": ids}):
        hangs[id].append((words, int(count)))
    last = {row[0]: row[1] for row in await db.execute(_LAST, {"ids": ids})}
    closing = await closing_now(db)

    async def side(who: Called, other: Called) -> Side:
        here, there = people[who.id], people[other.id]
        facts = await record_facts(db, here, there)
        return Side(
            who, here.made_at, {name: getattr(here, name) for name in FIELDS}, tuple(ways.get(who.id, ())),
            tuple(homes.get(who.id, ())), tuple(covers.get(who.id, ())), tuple(hangs[who.id]), last.get(who.id),
            tuple(against_joining(*facts, closing=closing)),
        )  # fmt: skip

    sides = (await side(pair.one, pair.other), await side(pair.other, pair.one))
    same = [name for name in FIELDS if sides[0].values[name] == sides[1].values[name]]
    return Comparison(
        pair,
        sides,
        tuple(name for name in same if sides[0].values[name] not in (None, "", [], False)),
        tuple(name for name in FIELDS if name not in same),
    )


async def merges_of(
    db: Db, actor: Actor, patient_id: UUID | None = None, *, ids: Sequence[UUID] = ()
) -> list[MergeRow]:
    """The joinings of a patient's record with others, the newest first, those that were taken back too. Or those by id."""
    actor.require("patients.merge")
    gone = aliased(Patient)
    m = PatientMerge
    statement = (
        select(
            m.id, m.kept_id, m.gone_id, gone.record_number,
            func.btrim(gone.given_names + " " + gone.family_name), m.reason, m.taken, m.rows, m.made_at,
            name_of(m.made_by), m.undone_at, name_of(m.undone_by), m.undone_reason,
        )
        .join(gone, and_(gone.tenant_id == m.tenant_id, gone.id == m.gone_id))
        .order_by(m.made_at.desc(), m.id)
    )  # fmt: skip
    statement = statement.where(m.id.in_(list(ids)) if patient_id is None else m.kept_id == patient_id)
    rows = [MergeRow(*row) for row in await db.execute(statement)]
    db.note(
        actor, "duplicates.merges", entity="patient_merge", entity_ids=[row.id for row in rows],
        patient_ids=[id for row in rows for id in (row.kept_id, row.gone_id)],
    )  # fmt: skip
    return rows


def _pairs() -> Any:
    d = DuplicatePair
    names = [getattr(side, name) for side in (_ONE, _OTHER) for name in _CALLED]
    return _live(
        select(
            *names, d.id, d.score, d.alike, d.unlike, d.state, d.ask_on, d.decided_at, name_of(d.decided_by), d.reason
        ).select_from(d)
    )  # fmt: skip


def _live(statement: Any) -> Any:
    """Both are still records of their own."""
    d = DuplicatePair
    for side, id in ((_ONE, d.one_id), (_OTHER, d.other_id)):
        statement = statement.join(
            side, and_(side.tenant_id == d.tenant_id, side.id == id, side.merged_into.is_(None))
        )
    return statement


def _pair(row: tuple[Any, ...]) -> PairRow:
    size = len(_CALLED)
    one, other, rest = row[:size], row[size : 2 * size], row[2 * size :]
    return PairRow(rest[0], Called(*one), Called(*other), *rest[1:])


def _is(which: str, on: date) -> Any:
    d = DuplicatePair
    put_off = and_(d.state == "later", d.ask_on > on)
    if which == "later":
        return put_off
    if which == "different":
        return d.state == "different"
    return or_(d.state == "open", and_(d.state == "later", d.ask_on <= on))


def _counting(table: str, words: str, where: str = "") -> str:
    return f"select patient_id, '{words}' as words, count(*) as many from {table} where patient_id = any(:ids){where} group by 1"  # noqa: S608 - names below


_COUNTED: Final = (
    ("encounter", N_("contacts")),
    ("time_entry", N_("entries of minutes"), " and not void"),
    ("enrollment", N_("programs")),
    ("consent", N_("consents"), " and not struck"),
    ("plan_version", N_("plans")),
    ("diagnosis", N_("codes for claims"), " and to_on is null"),
    ("condition", N_("problems"), " and not retracted"),
    ("medication", N_("medicines"), " and not retracted"),
    ("observation", N_("results"), " and not retracted"),
    ("visit", N_("visits elsewhere"), " and not retracted"),
    ("support_person", N_("support people"), " and active"),
    ("claim_line", N_("billed lines")),
    ("claim", N_("claims")),
)
_UNION: Final = " union all ".join(_counting(*one) for one in _COUNTED)
_HANGS = text(f"select patient_id, words, many from ({_UNION}) counted order by many desc, words")  # noqa: S608 - the names above
_LAST = text("select patient_id, max(at) from encounter where patient_id = any(:ids) group by patient_id")
