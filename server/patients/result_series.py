"""What was measured again and again on one person: the series behind a run chart."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from server.patients import tables as t
from server.tenants.actor import Actor
from server.tenants.db import Db

_LEAST: Final = 4
_NEWEST: Final = 60


@dataclass(frozen=True, slots=True)
class Series:
    """Results of one kind in one unit, oldest first; at most the newest sixty."""

    label: str
    unit: str
    values: tuple[tuple[datetime, Decimal], ...]


async def result_series(db: Db, actor: Actor, patient_id: UUID, *, most: int = 6) -> list[Series]:
    """The kinds with at least four dated numbers, those with most of them first; at most `most`."""
    actor.require("chart.read")
    o = t.Observation
    kind = (o.code_system, o.code, o.label, o.unit)
    counted = (
        select(
            *kind,
            o.at,
            o.value,
            func.count().over(partition_by=kind).label("times"),
            func.row_number().over(partition_by=kind, order_by=(o.at.desc(), o.id.desc())).label("place"),
        )
        .where(o.patient_id == patient_id, ~o.retracted, o.at.is_not(None), o.value.is_not(None))
        .subquery()
    )
    rows = await db.execute(
        select(counted)
        .where(counted.c.times >= _LEAST, counted.c.place <= _NEWEST)
        .order_by(
            counted.c.times.desc(), counted.c.label, counted.c.unit, counted.c.code, counted.c.place.desc()
        )
        .limit(most * _NEWEST)
    )
    found: dict[tuple[str, str, str, str], list[tuple[datetime, Decimal]]] = {}
    for row in rows:
        found.setdefault((row.label, row.unit, row.code, row.code_system), []).append((row.at, row.value))
    return [Series(label, unit, tuple(values)) for (label, unit, *_), values in found.items()][:most]
