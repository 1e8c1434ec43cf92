"""Finds pairs of records that may be one person: candidates by what they share, in SQL; scores by `likeness`."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, bindparam, select, text

from server.clock import now
from server.ids import new_id
from server.lookups import for_each, plan_anew
from server.patients.likeness import ASK, Likeness, Who, likeness, who
from server.patients.tables import Address, ContactWay, Coverage, Patient
from server.tenants.actor import Actor
from server.tenants.db import Db

#: a number, or a name and (almost) a birth date, that is written down more often than this says nothing of any two records
_SHARED_BY: Final = 25


@dataclass(frozen=True, slots=True)
class Found:
    """One pair, the smaller id first, with its score and the reasons in words."""

    one_id: UUID
    other_id: UUID
    likeness: Likeness
    facts_hash: str


async def compare(db: Db, actor: Actor, ids: Sequence[UUID]) -> int:
    """Compare these people with everybody here, and keep the pairs to ask somebody about; how many those are.

    What was answered stays answered while what tells the two apart stays the same. Safe twice, and twice at once.
    """
    actor.require("patients.merge")
    wanted = list(ids)
    await plan_anew(db)
    pairs = [tuple(row) for row in await db.execute(_CANDIDATES, {"ids": wanted, "most": _SHARED_BY})]
    people = await who_are(db, {id for pair in pairs for id in pair})

    found = scored(pairs, people)

    await db.execute(
        _FORGET,
        {
            "ids": wanted,
            "ones": [one.one_id for one in found],
            "others": [one.other_id for one in found],
        },
    )
    if found:
        await db.execute(
            _KEEP,
            [
                {
                    "tenant": actor.tenant_id, "id": new_id(), "one": one.one_id, "other": one.other_id,
                    "score": one.likeness.score, "alike": list(one.likeness.alike),
                    "unlike": list(one.likeness.unlike), "facts": one.facts_hash, "at": now(),
                }
                for one in found
            ],
        )  # fmt: skip
    return len(found)


async def some_people(db: Db, actor: Actor, *, after: UUID | None, limit: int) -> list[UUID]:
    """Ids of people in order, `limit` at most, after one of them."""
    actor.require("patients.merge")
    statement = select(Patient.id).where(Patient.merged_into.is_(None)).order_by(Patient.id).limit(limit)
    if after is not None:
        statement = statement.where(Patient.id > after)
    return list((await db.execute(statement)).scalars())


def scored(pairs: Collection[tuple[UUID, ...]], people: Mapping[UUID, Who]) -> list[Found]:
    """The pairs that somebody should be asked about, in order of their ids."""
    found = []
    for one, other in sorted(pairs):
        if one in people and other in people:
            how = likeness(people[one], people[other])
            if how.score >= ASK:
                found.append(Found(one, other, how, facts_hash(people[one], people[other])))
    return found


def facts_hash(one: Who, other: Who) -> str:
    """Changes when anything does by which these two are told apart or known as one."""
    told = [
        [
            each.family, each.given, each.birth.isoformat(), each.sex, sorted(each.phones), sorted(each.addresses),
            sorted(each.members),
        ]
        for each in (one, other)
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


async def who_are(db: Db, ids: Collection[UUID]) -> dict[UUID, Who]:
    """What likeness looks at, of each of these people; nothing of a record that was joined with another. Four statements
    however many they are."""
    wanted = list(ids)
    if not wanted:
        return {}
    phones = await _sets(
        db, wanted, select(ContactWay.patient_id, ContactWay.search_key).where(
            ContactWay.active, ContactWay.search_key != ""
        )
    )  # fmt: skip
    addresses = await _sets(
        db, wanted, select(Address.patient_id, Address.street, Address.zip).where(
            Address.street != "", Address.to_on.is_(None)
        )
    )  # fmt: skip
    members = await _sets(
        db, wanted, select(Coverage.patient_id, Coverage.member_id).where(Coverage.member_id != "")
    )  # fmt: skip
    rows = await db.execute(
        for_each(
            select(
                Patient.id, Patient.family_name, Patient.given_names, Patient.birth_date, Patient.sex
            ).where(Patient.merged_into.is_(None)),
            Patient.id,
            wanted,
        )
    )
    return {
        id: who(
            family, given, birth, sex, phones=(key for (key,) in phones[id]), addresses=addresses[id],
            members=(number for (number,) in members[id]),
        )
        for id, family, given, birth, sex in rows
    }  # fmt: skip


async def _sets(db: Db, ids: Sequence[UUID], statement: Select[*tuple[Any, ...]]) -> dict[UUID, set[Any]]:
    found: dict[UUID, set[Any]] = defaultdict(set)
    for patient_id, *values in await db.execute(for_each(statement, statement.selected_columns[0], ids)):
        found[patient_id].add(tuple(values))
    return found


# Never all with all: each part is a lookup by an index that leads with what two records share. A whole name asks for a
# birth date that `likeness` calls similar: without one it is not enough, and a number that is shared has its own part. Who was
# joined with somebody falls out in `who_are`: here, just after an import, the planner would read everybody for each pair.
_CANDIDATES = text("""
with asked as materialized (
  select tenant_id, id, family_key, given_key, birth_date from patient
  where id = any(:ids) and merged_into is null
), shared as (
  select one, other from (
    select a.id as one, b.id as other, count(*) over (partition by a.id, same_family, same_given) as alike
    from asked a join lateral (
      select b.id, split_part(b.family_key, ' ', 1) = split_part(a.family_key, ' ', 1) as same_family,
        a.given_key <> '' and split_part(b.given_key, ' ', 1) = split_part(a.given_key, ' ', 1) as same_given,
        left(b.family_key, 2) = left(a.family_key, 2) and left(b.given_key, 1) = left(a.given_key, 1) as same_start
      from patient b where b.tenant_id = a.tenant_id and b.birth_date = a.birth_date and b.id <> a.id offset 0
    ) b on b.same_family or b.same_given or b.same_start) born
  where alike <= :most
  union
  select a.id, other
  from asked a join lateral (
    select array_agg(b.id) as ids from (select b.id from patient b
      where b.tenant_id = a.tenant_id and b.family_key = a.family_key and b.given_key = a.given_key
        and b.merged_into is null and (
          (extract(year from a.birth_date) = extract(year from b.birth_date))::int
          + (extract(month from a.birth_date) = extract(month from b.birth_date))::int
          + (extract(day from a.birth_date) = extract(day from b.birth_date))::int >= 2
          or extract(year from a.birth_date) = extract(year from b.birth_date)
            and extract(month from a.birth_date) = extract(day from b.birth_date)
            and extract(day from a.birth_date) = extract(month from b.birth_date))
      limit :most + 1) b) b on cardinality(b.ids) <= :most
  cross join unnest(b.ids) as other
  union
  select a.id, other
  from asked a
  join contact_way w on w.tenant_id = a.tenant_id and w.patient_id = a.id and w.active and length(w.search_key) >= 10
  join lateral (
    select array_agg(b.patient_id) as ids from (select b.patient_id from contact_way b
      where b.tenant_id = a.tenant_id and b.active and b.search_key >= left(w.search_key, 10)
        and b.search_key < left(w.search_key, 10) || chr(1114111) limit :most + 1) b) b on cardinality(b.ids) <= :most
  cross join unnest(b.ids) as other
  union
  select a.id, other
  from asked a join coverage c on c.tenant_id = a.tenant_id and c.patient_id = a.id and c.member_id <> ''
  join lateral (
    select array_agg(b.patient_id) as ids from (select b.patient_id from coverage b
      where b.tenant_id = a.tenant_id and b.member_id = c.member_id and b.member_id <> '' limit :most + 1) b) b
    on cardinality(b.ids) <= :most
  cross join unnest(b.ids) as other
)
select distinct least(one, other) as one, greatest(one, other) as other
from shared where one <> other
""").bindparams(bindparam("ids", type_=ARRAY(Uuid)))

_KEEP = text("""
insert into duplicate_pair
  (tenant_id, id, one_id, other_id, score, alike, unlike, facts_hash, state, found_at, reason)
values (:tenant, :id, :one, :other, :score, :alike, :unlike, :facts, 'open', :at, '')
on conflict (tenant_id, one_id, other_id) do update set
  score = excluded.score, alike = excluded.alike, unlike = excluded.unlike, facts_hash = excluded.facts_hash,
  state = case when duplicate_pair.facts_hash = excluded.facts_hash then duplicate_pair.state else 'open' end
""")

_FORGET = text("""
delete from duplicate_pair d
where d.state <> 'different' and (d.one_id = any(:ids) or d.other_id = any(:ids))
  and not exists (
    select from unnest(:ones, :others) as found(one, other) where found.one = d.one_id and found.other = d.other_id)
""").bindparams(*(bindparam(name, type_=ARRAY(Uuid)) for name in ("ids", "ones", "others")))
