"""The proof of the totals: what was added up change by change must equal a count of the whole ledger from zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from server.clock import now
from server.ids import new_id
from server.logs import log
from server.minutes.recount import recount_months
from server.minutes.tables import TotalProof
from server.minutes.totals import ODD, PatientMonth, question
from server.tenants.actor import Actor
from server.tenants.db import Db

_BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class ProofRow:
    """One night's proof. compared: patient-months; different: those that were wrong and were counted again."""

    day: date
    compared: int
    different: int
    proved_at: datetime


async def prove_totals(db: Db, actor: Actor, day: date) -> ProofRow:
    """Compare every total of the practice with a count from zero, put right what differs, and write down how it went.

    What is marked to be counted again is left to that. A difference is a mistake of ours: it is logged as one.
    """
    actor.require("minutes.write")
    due = await _counted_or_worked(db, actor)

    odd: list[PatientMonth] = []
    for some in _batches(due):
        asked = await question(db, actor.tenant_id, actor.zone, some)
        # One statement, so both sides are of one moment, whoever is writing meanwhile.
        odd += [(UUID(str(patient_id)), month) for patient_id, month in await db.execute(ODD, asked)]

    for some in _batches(odd):
        await recount_months(db, actor, some)
    if odd:
        log.error("minutes.totals_differed", practice=actor.tenant_id, count=len(odd))
    proof = ProofRow(day, len(due), len(odd), now())
    await _write_down(db, actor, proof)
    return proof


async def roll_up_month(db: Db, actor: Actor, month: str) -> int:
    """Count everybody's month (YYYY-MM) again from zero; for how many patients."""
    actor.require("minutes.write")
    due = [one for one in await _counted_or_worked(db, actor) if one[1] == month]
    for some in _batches(due):
        await recount_months(db, actor, some)
    return len(due)


async def last_proof(db: Db, actor: Actor) -> ProofRow | None:
    """The newest proof there is."""
    actor.require("jobs.read")
    found = await db.execute(
        select(TotalProof.day, TotalProof.compared, TotalProof.different, TotalProof.proved_at)
        .order_by(TotalProof.day.desc())
        .limit(1)
    )
    row = found.one_or_none()
    return None if row is None else ProofRow(*row)


async def _counted_or_worked(db: Db, actor: Actor) -> list[PatientMonth]:
    """Every patient-month that has a total or could have one: a day of room on both sides of an entry stands for any
    zone's edge of a month. In order."""
    rows = await db.execute(
        text("""
        select coalesce(p.merged_into, p.id), to_char(unnest(array[
            e.started_at - interval '1 day', e.started_at, e.ended_at, e.ended_at + interval '1 day'
          ]) at time zone 'UTC', 'YYYY-MM') as month
        from time_entry e join patient p on p.tenant_id = e.tenant_id and p.id = e.patient_id
        where e.tenant_id = :tenant
        union select m.patient_id, m.month from month_total m where m.tenant_id = :tenant
        order by 1, 2"""),
        {"tenant": actor.tenant_id},
    )
    return [(UUID(str(patient_id)), month) for patient_id, month in rows]


def _batches(due: Sequence[PatientMonth]) -> list[Sequence[PatientMonth]]:
    return [due[start : start + _BATCH] for start in range(0, len(due), _BATCH)]


async def _write_down(db: Db, actor: Actor, proof: ProofRow) -> None:
    told = insert(TotalProof).values(
        tenant_id=actor.tenant_id,
        id=new_id(),
        day=proof.day,
        compared=proof.compared,
        different=proof.different,
        proved_at=proof.proved_at,
    )
    # Proved twice in a night, what was found the first time stays found.
    again = told.on_conflict_do_update(
        index_elements=["tenant_id", "day"],
        set_={
            "compared": func.greatest(TotalProof.compared, told.excluded.compared),
            "different": TotalProof.different + told.excluded.different,
            "proved_at": told.excluded.proved_at,
        },
    )
    await db.execute(again)
