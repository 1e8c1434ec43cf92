"""Reads of a month: who is ready, who waits for something, who is not billable; and what they rest on."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, and_, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from server.claims.tables import ClaimHold, ClaimLine, MonthClose, MonthDecision
from server.errors import not_found
from server.minutes.closed import Changed, changes_since_closed
from server.minutes.tables import TimeEntry
from server.patients.records import joined_records
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.staff_names import name_of
from server.tenants.tables import Staff


@dataclass(frozen=True, slots=True)
class LineRow:
    """One line of a decision, with its proof."""

    id: UUID
    program: str
    code: str
    label: str
    units: int
    modifiers: tuple[str, ...]
    service_on: date
    amount: Decimal | None
    amount_note: str
    entry_ids: tuple[UUID, ...]
    rule_id: str
    sentence: str
    facts_used: tuple[dict[str, Any], ...]
    citations: tuple[dict[str, Any], ...]
    what_would_change: str


@dataclass(frozen=True, slots=True)
class HoldRow:
    """Why something is not billed, and what mends it if anything does."""

    id: UUID
    program: str
    reason: str
    sentence: str
    next_step: str
    entry_ids: tuple[UUID, ...]
    rule_id: str
    facts_used: tuple[dict[str, Any], ...]
    citations: tuple[dict[str, Any], ...]
    what_would_change: str
    mendable: bool
    may_accept: bool


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """The newest decision about one patient's month."""

    id: UUID
    patient_id: UUID
    month: str
    version: int
    given_names: str
    family_name: str
    preferred_name: str
    payer_name: str
    plugin: str
    plugin_version: str
    rule_set_hash: str
    policy: str
    facts_fingerprint: str
    decided_at: datetime
    family_key: str
    lines: list[LineRow] = field(default_factory=list)
    holds: list[HoldRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MonthRow:
    """A closing run of a month: asked, running, done or stopped. decided: of `patients`, so far."""

    id: UUID
    month: str
    state: str
    patients: int
    decided: int
    lines: int
    holds: int
    unchanged: int
    result_hash: str
    made_at: datetime
    ended_at: datetime | None
    made_by_name: str | None
    stopped_by_name: str | None

    @property
    def under_way(self) -> bool:
        return self.state in ("asked", "running")


@dataclass(frozen=True, slots=True)
class ProofEntry:
    """A ledger entry behind a line: who, when, what."""

    id: UUID
    staff_name: str
    activity: str
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class ListedLine:
    """A line as a list of a month names it; its proof is read when it is opened."""

    id: UUID
    code: str
    units: int
    modifiers: tuple[str, ...]
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class ListedHold:
    """A hold as a list of a month names it."""

    id: UUID
    program: str
    reason: str
    mendable: bool


@dataclass(frozen=True, slots=True)
class ListedDecision:
    """The newest decision about one patient's month, without its proofs."""

    id: UUID
    patient_id: UUID
    given_names: str
    family_name: str
    preferred_name: str
    payer_name: str
    lines: list[ListedLine] = field(default_factory=list)
    holds: list[ListedHold] = field(default_factory=list)


Item = TypeVar("Item", LineRow, HoldRow, ListedLine, ListedHold)
Row = TypeVar("Row", DecisionRow, ListedDecision)

_RUN: tuple[Any, ...] = (
    *(
        getattr(MonthClose, name)
        for name in MonthRow.__dataclass_fields__
        if name not in ("made_by_name", "stopped_by_name")
    ),
    name_of(MonthClose.made_by),
    name_of(MonthClose.stopped_by),
)

_DECISION: tuple[Any, ...] = (
    MonthDecision.id,
    MonthDecision.patient_id,
    MonthDecision.month,
    MonthDecision.version,
    Patient.given_names,
    Patient.family_name,
    Patient.preferred_name,
    MonthDecision.payer_name,
    MonthDecision.plugin,
    MonthDecision.plugin_version,
    MonthDecision.rule_set_hash,
    MonthDecision.policy,
    MonthDecision.facts_fingerprint,
    MonthDecision.decided_at,
    Patient.family_key,
)


async def month_decisions(
    db: Db, actor: Actor, month: str, *, limit: int, position: tuple[str, UUID] | None = None
) -> list[DecisionRow]:
    """The newest decision of each patient of the month, by family name; three statements however many there are."""
    actor.require("claims.read")
    statement = _newest_of(month, _DECISION, limit)
    if position is not None:
        key, id = position
        statement = statement.where(
            (Patient.family_key > key) | ((Patient.family_key == key) & (Patient.id > id))
        )
    rows = [DecisionRow(*row) for row in await db.execute(statement)]
    await _with_items(db, rows)
    _note_month(db, actor, month, rows)
    return rows


async def listed_decisions(db: Db, actor: Actor, month: str, *, limit: int) -> list[ListedDecision]:
    """The same people in the same order, with what a list says of each line and hold: three statements."""
    actor.require("claims.read")
    columns = [column for column in _DECISION if column.key in ListedDecision.__dataclass_fields__]
    found: Any = await db.execute(_newest_of(month, columns, limit))
    rows = [ListedDecision(*row) for row in found]
    ids = [row.id for row in rows]
    lines = await _items(db, ids, ClaimLine, ListedLine)
    holds = await _items(db, ids, ClaimHold, ListedHold)
    for row in rows:
        row.lines.extend(lines[row.id])
        row.holds.extend(holds[row.id])
    _note_month(db, actor, month, rows)
    return rows


async def opened(db: Db, patient_id: UUID, month: str, id: UUID) -> tuple[UUID, LineRow | HoldRow]:
    """(decision id, one line or hold of a patient's month with its proof); for reads that have passed the patient's gate.
    Raises Refused NOT_FOUND."""
    kinds: tuple[tuple[Any, Any], ...] = ((ClaimLine, LineRow), (ClaimHold, HoldRow))
    for table, shape in kinds:
        decision: UUID | None = await db.scalar(
            select(MonthDecision.id)
            .join(
                table, and_(table.tenant_id == MonthDecision.tenant_id, table.decision_id == MonthDecision.id)
            )
            .where(table.id == id, table.patient_id == patient_id, MonthDecision.month == month)
        )
        if decision is not None:
            items: list[Any] = (await _items(db, [decision], table, shape))[decision]
            return decision, next(one for one in items if one.id == id)
    raise not_found("line")


def _newest_of(month: str, columns: Sequence[Any], limit: int) -> Select[Any]:
    newest = (
        select(MonthDecision.id)
        .where(MonthDecision.month == month, MonthDecision.patient_id.not_in(joined_records()))
        .ext(distinct_on(MonthDecision.patient_id))
        .order_by(MonthDecision.patient_id, MonthDecision.version.desc())
    )
    return (
        select(*columns)
        .join(
            Patient,
            and_(Patient.tenant_id == MonthDecision.tenant_id, Patient.id == MonthDecision.patient_id),
        )
        .where(MonthDecision.id.in_(newest))
        .order_by(Patient.family_key, Patient.id)
        .limit(limit)
    )


def _note_month(db: Db, actor: Actor, month: str, rows: Sequence[Row]) -> None:
    db.note(
        actor,
        "claims.month",
        entity="month_decision",
        patient_ids=[row.patient_id for row in rows],
        month=month,
    )


async def decision_parts(db: Db, ids: Sequence[UUID]) -> list[DecisionRow]:
    """These decisions with their lines and holds; for reads that have passed a gate."""
    rows = [
        DecisionRow(*row)
        for row in await db.execute(
            select(*_DECISION)
            .join(
                Patient,
                and_(Patient.tenant_id == MonthDecision.tenant_id, Patient.id == MonthDecision.patient_id),
            )
            .where(MonthDecision.id.in_(ids))
        )
    ]
    await _with_items(db, rows)
    return rows


async def closes(db: Db, actor: Actor, *, limit: int = 36) -> list[MonthRow]:
    """The newest closing of each month, newest month first."""
    actor.require("claims.read")
    statement = (
        select(*_RUN)
        .ext(distinct_on(MonthClose.month))
        .order_by(MonthClose.month.desc(), MonthClose.made_at.desc(), MonthClose.id.desc())
        .limit(limit)
    )
    return [MonthRow(*row) for row in await db.execute(statement)]


async def newest_close(db: Db, actor: Actor, month: str) -> MonthRow | None:
    """The newest closing of one month."""
    actor.require("claims.read")
    row: Any = (
        await db.execute(
            select(*_RUN)
            .where(MonthClose.month == month)
            .order_by(MonthClose.made_at.desc(), MonthClose.id.desc())
            .limit(1)
        )
    ).one_or_none()
    return None if row is None else MonthRow(*row)


async def close_row(db: Db, actor: Actor, close_id: UUID) -> MonthRow:
    """One closing run, as far as it has come."""
    actor.require("claims.read")
    row: Any = (await db.execute(select(*_RUN).where(MonthClose.id == close_id))).one_or_none()
    if row is None:
        raise not_found("closing")
    return MonthRow(*row)


async def last_done(db: Db, actor: Actor) -> dict[str, MonthRow]:
    """month -> its newest closing that ran to its end."""
    actor.require("claims.read")
    rows: Any = await db.execute(
        select(*_RUN)
        .where(MonthClose.state == "done")
        .ext(distinct_on(MonthClose.month))
        .order_by(MonthClose.month, MonthClose.made_at.desc(), MonthClose.id.desc())
    )
    return {row.month: MonthRow(*row) for row in rows}


async def changes_of_closes(db: Db, actor: Actor, close_ids: Sequence[UUID]) -> dict[UUID, Changed]:
    """closing -> what changed in its month since its newest closing began; closings with nothing new are left out."""
    actor.require("claims.read")
    rows = await db.execute(select(MonthClose.id, MonthClose.month).where(MonthClose.id.in_(close_ids)))
    months: dict[UUID, str] = {row.id: row.month for row in rows}
    changed = await changes_since_closed(db, actor, sorted(set(months.values())))
    return {id: changed[month] for id, month in months.items() if month in changed}


async def entries_behind(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, ProofEntry]:
    """The ledger entries with these ids, with who did them."""
    actor.require("claims.read")
    rows = await db.execute(
        select(TimeEntry.id, Staff.name, TimeEntry.activity, TimeEntry.started_at, TimeEntry.ended_at)
        .join(Staff, and_(Staff.tenant_id == TimeEntry.tenant_id, Staff.id == TimeEntry.staff_id))
        .where(TimeEntry.id.in_(list(ids)))
        .order_by(TimeEntry.started_at)
    )
    return {row[0]: ProofEntry(*row) for row in rows}


async def hold_counts(db: Db, actor: Actor, month: str) -> dict[str, int]:
    """Reason -> number of patients held for it, in the month as it now stands."""
    actor.require("claims.read")
    newest = (
        select(MonthDecision.id)
        .where(MonthDecision.month == month, MonthDecision.patient_id.not_in(joined_records()))
        .ext(distinct_on(MonthDecision.patient_id))
        .order_by(MonthDecision.patient_id, MonthDecision.version.desc())
    )
    rows = await db.execute(
        select(ClaimHold.reason, func.count(func.ext(distinct_on(ClaimHold.patient_id))))
        .where(ClaimHold.decision_id.in_(newest))
        .group_by(ClaimHold.reason)
        .order_by(ClaimHold.reason)
    )
    return {reason: int(count) for reason, count in rows}


async def _with_items(db: Db, rows: Sequence[DecisionRow]) -> None:
    ids = [row.id for row in rows]
    lines = await _items(db, ids, ClaimLine, LineRow)
    holds = await _items(db, ids, ClaimHold, HoldRow)
    for row in rows:
        row.lines.extend(lines[row.id])
        row.holds.extend(holds[row.id])


async def _items(
    db: Db, ids: Sequence[UUID], table: type[ClaimLine] | type[ClaimHold], shape: type[Item]
) -> dict[UUID, list[Item]]:
    columns = [getattr(table, name) for name in shape.__dataclass_fields__]
    found = await db.execute(
        select(table.decision_id, *columns)
        .where(table.decision_id.in_(ids))
        .order_by(table.decision_id, table.number)
    )
    made: dict[UUID, list[Item]] = defaultdict(list)
    for decision_id, *values in found:
        given: list[Any] = [tuple(v) if isinstance(v, list) else v for v in values]
        made[decision_id].append(shape(*given))
    return made
