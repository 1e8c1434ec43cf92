"""Reads what stands against joining two records, or against taking them apart again."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from server.claims.tables import MonthClose
from server.duplicates.references import SAME, moved
from server.duplicates.rules import Insured, Record, Since
from server.duplicates.tables import PatientMerge
from server.enrollment.tables import PROGRAMS
from server.patients.tables import Patient
from server.tables import Table
from server.tenants.db import Db
from server.words import say


async def record_facts(db: Db, kept: Patient, gone: Patient) -> tuple[Record, Record]:
    """What of both records bears on joining them, of one moment."""
    ids = [kept.id, gone.id]
    found: dict[UUID, dict[str, list[Any]]] = {
        id: {"programs": [], "billed": [], "coverages": []} for id in ids
    }
    for id, program in await db.execute(_PROGRAMS, {"ids": ids}):
        found[id]["programs"].append(say(PROGRAMS.get(program, program)))
    for id, month in await db.execute(_BILLED, {"ids": ids}):
        found[id]["billed"].append(month)
    rows = await db.execute(_COVERAGES, {"kept": kept.id, "gone": gone.id})
    for id, payer, rank, from_on, to_on in rows:
        found[id]["coverages"].append(Insured(payer, rank, from_on, to_on))
    timers = {row[0]: int(row[1]) for row in await db.execute(_TIMERS, {"ids": ids})}
    drafts = {row[0]: int(row[1]) for row in await db.execute(_DRAFTS, {"ids": ids})}

    def one(patient: Patient) -> Record:
        told = found[patient.id]
        return Record(
            patient.record_number, tuple(told["programs"]), tuple(told["billed"]), timers.get(patient.id, 0),
            drafts.get(patient.id, 0), tuple(told["coverages"]),
        )  # fmt: skip

    return one(kept), one(gone)


async def closing_now(db: Db) -> list[str]:
    """Months (YYYY-MM) whose closing is under way."""
    rows = await db.execute(
        select(MonthClose.month)
        .where(MonthClose.state.in_(["asked", "running"]))
        .distinct()
        .order_by(MonthClose.month)
    )
    return list(rows.scalars())


async def since_joined(db: Db, merge: PatientMerge, kept: Patient) -> Since:
    """What came to be of the person since these two records were joined."""
    given = {"kept": merge.kept_id, "at": merge.made_at}
    decided = tuple((await db.execute(_DECIDED_SINCE, given)).scalars())
    signed = int(await db.scalar(_SIGNED_SINCE, given) or 0)
    joined_on = ""
    if kept.merged_into is not None:
        joined_on = await db.scalar(select(Patient.record_number).where(Patient.id == kept.merged_into)) or ""
    return Since(decided, signed, tuple([one async for one in _leaning(db, merge)]), joined_on)


async def _leaning(db: Db, merge: PatientMerge) -> Any:
    """Rows of the record that stayed that name a row this joining moved, and were not moved by it themselves."""
    moving = {one.table for one in moved()}
    for table in Table.metadata.sorted_tables:
        if "patient_id" not in table.c:
            continue
        parts = []
        for key in sorted(table.foreign_key_constraints, key=lambda one: str(one.name)):
            there = key.referred_table.name
            if there in moving and there != Patient.__tablename__:
                here = next(e.parent.name for e in key.elements if e.parent.name != "tenant_id")
                parts.append(
                    f"(x.{here} in (select m.row_id from patient_merge_row m where m.merge_id = :merge "  # noqa: S608
                    f"and m.table_name = '{there}'))"
                )
        if not parts:
            continue
        count = await db.scalar(
            text(
                f"select count(*) from {table.name} x where x.patient_id = :kept and ({' or '.join(parts)}) "  # noqa: S608 - names from the tables
                f"and x.id not in (select m.row_id from patient_merge_row m where m.merge_id = :merge "
                f"and m.table_name = '{table.name}')"
            ),
            {"merge": merge.id, "kept": merge.kept_id},
        )
        if count:
            yield table.name, int(count)


_PROGRAMS = text("""
select patient_id, program from enrollment
where patient_id = any(:ids) and ended_on is null order by patient_id, program""")

# The newest decision of each month, where it has a line; and every month with a claim, whatever became of it.
_BILLED = text("""
select d.patient_id, d.month from month_decision d
where d.patient_id = any(:ids)
  and not exists (select from month_decision later where later.tenant_id = d.tenant_id
    and later.patient_id = d.patient_id and later.month = d.month and later.version > d.version)
  and exists (select from claim_line l where l.tenant_id = d.tenant_id and l.decision_id = d.id)
union select c.patient_id, c.month from claim c
  join claim_standing s on s.tenant_id = c.tenant_id and s.claim_id = c.id
  where c.patient_id = any(:ids) and s.state not in ('withdrawn', 'refused')
order by 1, 2""")

_COVERAGES = text(f"""
select g.patient_id, p.name, g.rank, g.from_on, g.to_on
from coverage g join payer p on p.tenant_id = g.tenant_id and p.id = g.payer_id
where g.patient_id = :kept or (g.patient_id = :gone and not exists (
  select from coverage k where k.tenant_id = g.tenant_id and k.patient_id = :kept and {SAME["coverage"]}))
order by g.patient_id, g.rank, g.from_on""")  # noqa: S608 - a constant of ours

_TIMERS = text("""
select patient_id, count(*) from timer where patient_id = any(:ids) and state = 'running' group by patient_id""")

_DRAFTS = text("""
select patient_id, count(*) from note_draft
where patient_id = any(:ids) and state = 'open' and not blank group by patient_id""")

_DECIDED_SINCE = text("""
select distinct month from month_decision where patient_id = :kept and decided_at > :at order by month""")

_SIGNED_SINCE = text("""
select count(*) from claim c join claim_standing s on s.tenant_id = c.tenant_id and s.claim_id = c.id
where c.patient_id = :kept and c.signed_at > :at and s.state not in ('withdrawn', 'refused')""")
