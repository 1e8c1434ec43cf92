"""A book of patients as large as wanted: a few people brought in through the doors, then copied inside PostgreSQL.

Copies differ from their original in every id and in when their minutes began, so that nothing is measured on equal
rows. They are made by the database's owner: laying out a book is not what is timed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy import select

from bench.house import House
from migrations.model import METADATA
from server.clock import today
from server.demo import actor_of, seed
from server.minutes.actions import NewMinutes, log_minutes
from server.patients.tables import Patient
from server.tenants.actor import Actor, system
from server.tenants.db import tenant_db

#: what a person is made of; what is derived from these, and who looked at it, is left out
COPIED = (
    "patient", "contact_way", "address", "support_person", "care_team_member", "coverage", "story_entry", "diagnosis",
    "enrollment", "enrollment_change", "consent", "plan_version", "plan_copy", "practitioner_visit",
    "encounter", "time_entry",
)  # fmt: skip
#: what a practice is made of besides its patients
FOUNDED = ("practice", "acceptance", "site", "payer", "staff", "qualification")
RIGHTS = ("claims.close", "claims.read", "minutes.read", "minutes.write", "enrollment.read", "patients.read")


def month_before(zone: str) -> str:
    """YYYY-MM of the month that ended last on the clock of `zone`."""
    return f"{today(zone).replace(day=1) - timedelta(days=1):%Y-%m}"


async def lay_out(house: House, *, practices: int, patients: int, entries: int = 10) -> list[Actor]:
    """`practices` practices of `patients` people with about `entries` ledger entries each in the last month; who may
    close each. A twelfth of all time overlaps a colleague's."""
    await seed()
    nora, dr_lin = await actor_of("lakeside", "nora"), await actor_of("lakeside", "dr_lin")
    originals = await _busier(nora, dr_lin, entries)
    owner = await house.owner()
    try:
        await owner.execute("set session_replication_role = replica")  # keys hold by construction
        for original in originals:
            await _copy_person(owner, nora.tenant_id, original, patients // len(originals) - 1)
        others = [UUID(int=nora.tenant_id.int + step) for step in range(1, practices)]
        for other in others:
            await _copy_practice(owner, nora.tenant_id, other)
        await owner.execute("set session_replication_role = origin")
        await owner.execute("vacuum analyze")
    finally:
        await owner.close()
    return [system(id, nora.zone, *RIGHTS, via="command") for id in (nora.tenant_id, *others)]


async def _busier(nora: Actor, dr_lin: Actor, entries: int) -> list[UUID]:
    """The people enrolled in the demo, with so many entries each; returns their ids."""
    async with tenant_db(nora, read_only=True) as db:
        ids = list(
            await db.scalars(
                select(Patient.id)
                .where(Patient.family_name.in_(("Walker", "Ortega", "Kowalski")))
                .order_by(Patient.id)
            )
        )
    first = datetime.fromisoformat(f"{month_before(nora.zone)}-01T07:00").replace(tzinfo=ZoneInfo(nora.zone))
    for place, id in enumerate(ids):
        for step in range(entries):
            who = dr_lin if step % 6 == 5 else nora
            start = first + timedelta(days=step % 27, minutes=17 * place)
            if who is dr_lin:  # in the same minutes as the entry before
                start -= timedelta(days=1, minutes=-1)
            async with tenant_db(who) as db:
                await log_minutes(
                    db, who, id,
                    NewMinutes(
                        program="pdcm" if place == 0 else "ccm", activity="coordination", started_at=start,
                        ended_at=start + timedelta(minutes=2, seconds=7 * place), reason="From the notes of that day",
                    ),
                )  # fmt: skip
    return ids


def _columns(table: str) -> list[str]:
    return [column.name for column in METADATA.tables[table].columns]


def _refers(table: str, column: str) -> bool:
    """Does this column name a row that is copied with the person?"""
    if column == "id":
        return True
    return any(
        key.column.table.name in COPIED and key.column.name == "id"
        for key in METADATA.tables[table].columns[column].foreign_keys
    )


async def _copy_person(owner: asyncpg.Connection, tenant: UUID, original: UUID, copies: int) -> None:
    for table in COPIED:
        values = []
        for column in _columns(table):
            value = f"t.{column}"
            if _refers(table, column):
                value = f"case when {value} is null then null else md5({value}::text || n)::uuid end"
            elif (table, column) == ("patient", "record_number"):
                value = f"{value} || '-' || n"
            elif table == "time_entry" and column in ("started_at", "ended_at"):
                value = f"{value} + make_interval(secs => n % 36000)"
            values.append(value)
        whose = "id" if table == "patient" else "patient_id"
        await owner.execute(
            f"insert into {table} ({', '.join(_columns(table))}) "
            f"select {', '.join(values)} from {table} t, generate_series(1, {copies}) n "
            f"where t.tenant_id = $1 and t.{whose} = $2",
            tenant,
            original,
        )


async def _copy_practice(owner: asyncpg.Connection, tenant: UUID, other: UUID) -> None:
    await owner.execute(
        "insert into directory (id, slug, name, state, demo, made_at) "
        "select $2, slug || '-' || $3, name, state, demo, made_at from directory where id = $1",
        tenant,
        other,
        other.hex,
    )
    for table in (*FOUNDED, *COPIED):
        names = _columns(table)
        kept = ", ".join(
            "$2" if c == "tenant_id" or (table == "practice" and c == "id") else f"t.{c}" for c in names
        )
        if table == "staff":
            kept = kept.replace("t.person_id", "null::uuid")
        await owner.execute(
            f"insert into {table} ({', '.join(names)}) select {kept} from {table} t where t.tenant_id = $1",
            tenant,
            other,
        )


async def dirty_everything(house: House, actors: Sequence[Actor], month: str, share: int = 1) -> None:
    """Mark every `share`th patient's month as due, as entries would have."""
    owner = await house.owner()
    try:
        await owner.execute(
            "insert into dirty_month (tenant_id, id, patient_id, month, marked_at) "
            "select tenant_id, gen_random_uuid(), id, $1, now() from patient "
            "where tenant_id = any($2) and ('x' || right(id::text, 6))::bit(24)::int % $3 = 0 on conflict do nothing",
            month,
            [actor.tenant_id for actor in actors],
            share,
        )
        await owner.execute("vacuum analyze dirty_month")
    finally:
        await owner.close()
