"""Totals of patient-months, added up from the ledger by one statement for many patients at once.

`arithmetic.totals` says the same in Python, for one reader and for the test that holds the two against each other.
The statement merges with range_agg rather than the window form: a meeting needs what one class of person leaves
to the next, which multiranges subtract in one sign, for a fifth more time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, select, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from server.minutes.arithmetic import month_span
from server.minutes.roles import Dated, Spell, spells
from server.minutes.tables import NOBODYS_TIME
from server.tenants.db import Db
from server.tenants.tables import Qualification, Staff

#: an entry is live when it takes nothing back and nothing replaces it
LIVE = """not {0}.void and not exists (
    select from time_entry later where later.tenant_id = {0}.tenant_id and later.replaces_id = {0}.id)"""

_SUMS = f"""
with due as (
    select * from unnest(:patients, :months, :starts, :ends) as d(patient_id, month, starts_at, ends_at)
), record as (
    -- whose record an entry was written for: the person's own, and those that were joined with it
    select due.*, due.patient_id as record_id from due where due.patient_id not in (
        select p.id from patient p where p.tenant_id = :tenant and p.merged_into is not null)
    union all
    select due.*, p.id from due join patient p on p.merged_into = due.patient_id where p.tenant_id = :tenant
), spell as (
    select * from unnest(:staff, :classes, :spell_starts, :spell_ends) as s(staff_id, role_class, starts_at, ends_at)
), live as (
    select e.id, e.tenant_id, due.patient_id, e.program, e.staff_id, e.joint_id, e.started_at, e.ended_at, e.state,
           e.part_of, e.activity, due.month, due.starts_at, due.ends_at
    from record due join time_entry e on e.patient_id = due.record_id
    where e.tenant_id = :tenant
      -- no entry is longer than a day, so the index on the start bounds both ends
      and e.started_at > due.starts_at - interval '24 hours' and e.started_at < due.ends_at
      and e.ended_at > due.starts_at
      and e.activity <> all(:nobodys_time)
      and {LIVE.format("e")}
), slice as (
    -- one person, one meeting, one span, several patients: equal parts at whole seconds
    select e.id, row_number() over shared as place, count(*) over (
               partition by e.staff_id, e.joint_id, e.started_at, e.ended_at) as number
    from time_entry e
    where e.tenant_id = :tenant and e.joint_id in (select joint_id from live)
      and e.activity <> all(:nobodys_time) and {LIVE.format("e")}
    window shared as (
        partition by e.staff_id, e.joint_id, e.started_at, e.ended_at order by e.patient_id, e.program, e.id)
), cut as (
    select patient_id, program, month, starts_at, ends_at, staff_id, staff_id as whose, state, part_of,
           started_at as at, started_at, ended_at
    from live where joint_id is null
    union all
    select live.patient_id, live.program, live.month, live.starts_at, live.ends_at, live.staff_id, live.joint_id,
           live.state, live.part_of, live.started_at,
           live.started_at + make_interval(secs =>
               div(extract(epoch from live.ended_at - live.started_at) * (slice.place - 1), slice.number)::int),
           case when slice.place = slice.number then live.ended_at
                else live.started_at + make_interval(secs =>
               div(extract(epoch from live.ended_at - live.started_at) * slice.place, slice.number)::int) end
    from live join slice on slice.id = live.id
    where live.joint_id is not null
), piece as (
    select cut.patient_id, cut.program, cut.month, cut.whose, spell.role_class,
           tstzrange(greatest(cut.started_at, cut.starts_at), least(cut.ended_at, cut.ends_at)) as span
    from cut join spell on spell.staff_id = cut.staff_id and spell.starts_at <= cut.at and cut.at < spell.ends_at
    where cut.state = 'final' and cut.part_of = ''
      and cut.started_at < cut.ends_at and cut.ended_at > cut.starts_at
), merged as (
    select patient_id, program, month,
           coalesce(range_agg(span) filter (where role_class = 'staff'), '{{}}') as staff,
           coalesce(range_agg(span) filter (where role_class = 'practitioner'), '{{}}') as practitioner,
           coalesce(range_agg(span) filter (where role_class = 'admin'), '{{}}') as admin,
           count(*) filter (where role_class = 'staff') as staff_entries,
           count(*) filter (where role_class = 'practitioner') as practitioner_entries,
           count(*) filter (where role_class = 'admin') as admin_entries
    from piece group by patient_id, program, month, whose
), counted as (
    select patient_id, program, month, 'staff' as role_class, staff_entries as entries,
           (select sum(upper(r) - lower(r)) from unnest(staff) r) as lasted
    from merged
    union all
    select patient_id, program, month, 'practitioner', practitioner_entries,
           (select sum(upper(r) - lower(r)) from unnest(practitioner - staff) r)
    from merged
    union all
    select patient_id, program, month, 'admin', admin_entries,
           (select sum(upper(r) - lower(r)) from unnest(admin - staff - practitioner) r)
    from merged
)
select patient_id, program, month, role_class,
       floor(extract(epoch from sum(lasted)))::int as seconds, sum(entries)::int as entries
from counted where lasted > interval '0'
group by patient_id, program, month, role_class
having sum(lasted) >= interval '1 second'
"""  # noqa: S608 - LIVE is a constant of ours

_INSTANTS = ARRAY(TIMESTAMP(timezone=True))
_TYPED = (
    bindparam("patients", type_=ARRAY(Uuid)),
    bindparam("months", type_=ARRAY(Text)),
    bindparam("starts", type_=_INSTANTS),
    bindparam("ends", type_=_INSTANTS),
    bindparam("staff", type_=ARRAY(Uuid)),
    bindparam("classes", type_=ARRAY(Text)),
    bindparam("spell_starts", type_=_INSTANTS),
    bindparam("spell_ends", type_=_INSTANTS),
    bindparam("nobodys_time", type_=ARRAY(Text)),
    bindparam("tenant", type_=Uuid),
)

SUMS = text(_SUMS).bindparams(*_TYPED)

#: Which of these patient-months are written down otherwise than they add up, and are not marked to be counted.
ODD = text(f"""
with sums as ({_SUMS}), stored as (
    select m.patient_id, m.program, m.month, m.role_class, m.seconds, m.entries
    from unnest(:patients, :months) as due(patient_id, month)
    join month_total m on m.patient_id = due.patient_id and m.month = due.month
    where m.tenant_id = :tenant
), odd as ((table sums except table stored) union all (table stored except table sums))
select distinct odd.patient_id, odd.month from odd
where not exists (
    select from dirty_month d where d.tenant_id = :tenant and d.patient_id = odd.patient_id and d.month = odd.month)
order by odd.patient_id, odd.month
""").bindparams(*_TYPED)  # noqa: S608 - as above

#: The same, written down. gen_random_uuid: these rows are burned and rebuilt, their ids mean nothing.
_STORE_SUMS = f"""
insert into month_total (tenant_id, id, patient_id, program, month, role_class, seconds, entries, counted_at)
select :tenant, gen_random_uuid(), sums.*, :counted_at from ({_SUMS}) as sums
"""  # noqa: S608 - as above
STORE_SUMS = text(_STORE_SUMS).bindparams(*_TYPED, bindparam("counted_at", type_=TIMESTAMP(timezone=True)))

#: one patient's month, YYYY-MM
PatientMonth = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class MonthTotalRow:
    """Seconds of one patient, program, month and class of person. entries: how many of the ledger's they came from."""

    patient_id: UUID
    program: str
    month: str
    role_class: str
    seconds: int
    entries: int


async def question(db: Db, tenant_id: UUID, zone: str, due: Sequence[PatientMonth]) -> dict[str, Any]:
    """The parameters with which SUMS adds up these patient-months."""
    months = {month: month_span(month, zone) for month in {month for _, month in due}}
    line = await spells_of(db, zone)
    return {
        "tenant": tenant_id,
        "patients": [patient_id for patient_id, _ in due],
        "months": [month for _, month in due],
        "starts": [months[month].start for _, month in due],
        "ends": [months[month].end for _, month in due],
        "staff": [spell.staff_id for spell in line],
        "classes": [spell.role_class for spell in line],
        "spell_starts": [spell.starts_at for spell in line],
        "spell_ends": [spell.ends_at for spell in line],
        "nobodys_time": sorted(NOBODYS_TIME),
    }


async def spells_of(db: Db, zone: str) -> list[Spell]:
    """Everybody's disciplines in this practice, as time lines on its clock."""
    staff_ids = (await db.execute(select(Staff.id))).scalars().all()
    held = await db.execute(
        select(Qualification.staff_id, Qualification.name, Qualification.from_on, Qualification.to_on).where(
            Qualification.kind == "discipline"
        )
    )
    return spells(staff_ids, [Dated(*row) for row in held], zone)
