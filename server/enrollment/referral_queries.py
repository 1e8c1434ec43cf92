"""Reads of referrals: of people, of those they were given to, and what those who asked have not heard yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from carewright_plugin_api.facts import local_day, start_of_day
from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import aliased

from server.clock import now
from server.enrollment.referral_tables import HOW_SOON, Arrival, Referral, ReferralAsker, ReferralStep
from server.enrollment.referrals import NEWS
from server.enrollment.tables import PROGRAMS, Enrollment
from server.patients.records import of_people, person_of
from server.patients.tables import CareTeamMember, Patient
from server.tenants.actor import Actor
from server.tenants.db import Db, glance
from server.tenants.permissions import CARE_MANAGER
from server.tenants.staff_names import name_of
from server.tenants.tables import Staff

_KEPT: Final = aliased(Patient)
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class ReferralRow:
    """A referral with the names of those concerned. asker_ids: who asked, the first first."""

    id: UUID
    patient_id: UUID
    given_names: str
    family_name: str
    preferred_name: str
    birth_date: date
    reason: str
    how_soon: str
    source: str
    source_name: str
    place: str
    condition: str
    result: str
    to_id: UUID
    to_since: datetime
    state: str
    answered_at: datetime | None
    first_visit_at: datetime | None
    introduced: bool
    ended_at: datetime | None
    ended_reason: str
    what_would_help: str
    ask_again_on: date | None
    made_at: datetime
    made_by: UUID | None
    to_name: str
    made_by_name: str | None
    asker_ids: list[UUID]

    @property
    def open(self) -> bool:
        return self.ended_at is None


@dataclass(frozen=True, slots=True)
class ReferralStepRow:
    id: UUID
    referral_id: UUID
    kind: str
    note: str
    first_visit_at: datetime | None
    made_at: datetime
    made_by: UUID | None
    made_by_name: str | None
    to_name: str | None


@dataclass(frozen=True, slots=True)
class NewsRow:
    """What became of a referral somebody asked for, since they last read of it; the newest word."""

    referral: ReferralRow
    step: ReferralStepRow


@dataclass(frozen=True, slots=True)
class InCare:
    """Who cares for a person, and since when; ended_on: that came to an end, and the practice looks after them again.

    staff_*: the care manager on their team; practitioner_name: who is responsible for the program.
    """

    patient_id: UUID
    program: str
    since: date
    ended_on: date | None
    staff_id: UUID | None
    staff_name: str | None
    practitioner_name: str | None

    @property
    def program_name(self) -> str:
        return PROGRAMS[self.program]


@dataclass(frozen=True, slots=True)
class HereRow:
    """Somebody who is in the building today. noted_at: since when it is known."""

    patient_id: UUID
    given_names: str
    family_name: str
    preferred_name: str
    place: str
    noted_at: datetime
    noted_by: str | None


@dataclass(frozen=True, slots=True)
class CareManagerRow:
    """A colleague who can be asked."""

    id: UUID
    name: str


# --- referrals ----------------------------------------------------------------------------------------------------


def _referrals() -> Any:
    one = Referral
    askers = (
        select(func.array_agg(ReferralAsker.staff_id))
        .where(ReferralAsker.tenant_id == one.tenant_id, ReferralAsker.referral_id == one.id)
        .correlate(one)
        .scalar_subquery()
    )
    return select(
        one.id, func.coalesce(Patient.merged_into, Patient.id), Patient.given_names, Patient.family_name,
        Patient.preferred_name, Patient.birth_date, one.reason, one.how_soon, one.source, one.source_name, one.place,
        one.condition, one.result, one.to_id, one.to_since, one.state, one.answered_at, one.first_visit_at,
        one.introduced, one.ended_at, one.ended_reason, one.what_would_help, one.ask_again_on, one.made_at, one.made_by,
        name_of(one.to_id), name_of(one.made_by), func.coalesce(askers, []),
    ).join(Patient, and_(Patient.tenant_id == one.tenant_id, Patient.id == one.patient_id))  # fmt: skip


def _row(row: Any) -> ReferralRow:
    return ReferralRow(*row)


_soonest = case({key: place for place, key in enumerate(HOW_SOON)}, value=Referral.how_soon)


async def referrals_of(db: Db, actor: Actor, patient_ids: Sequence[UUID]) -> dict[UUID, list[ReferralRow]]:
    """Each person's referrals, the newest first."""
    actor.require("referrals.read")
    db.note(actor, "referrals.read", entity="referral", patient_ids=patient_ids)
    rows = await db.execute(
        _referrals()
        .where(of_people(Referral.patient_id, patient_ids))
        .order_by(Referral.made_at.desc(), Referral.id.desc())
    )
    found: dict[UUID, list[ReferralRow]] = {}
    for row in map(_row, rows):
        found.setdefault(row.patient_id, []).append(row)
    return found


async def referral_rows(db: Db, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, ReferralRow]:
    """id -> referral, for whoever passed the gate to them."""
    actor.require("referrals.write")
    rows = [_row(row) for row in await db.execute(_referrals().where(Referral.id.in_(list(ids))))]
    db.note(actor, "referrals.read", entity="referral", patient_ids=[row.patient_id for row in rows])
    return {row.id: row for row in rows}


async def open_referrals(
    db: Db, actor: Actor, *, to_me: bool = False, states: Sequence[str] = (), limit: int = MOST
) -> list[ReferralRow]:
    """Those that are open, the soonest wanted first, then the oldest. to_me: given to the actor alone."""
    actor.require("referrals.read")
    found = _referrals().where(Referral.ended_at.is_(None), Patient.deceased_on.is_(None))
    if to_me:
        found = found.where(Referral.to_id == actor.staff_id)
    if states:
        found = found.where(Referral.state.in_(states))
    rows = [
        _row(row)
        for row in await db.execute(found.order_by(_soonest, Referral.made_at, Referral.id).limit(limit))
    ]
    db.note(actor, "referrals.read", entity="referral", patient_ids=[row.patient_id for row in rows])
    return rows


async def asked_again(db: Db, actor: Actor, today: date, *, limit: int = MOST) -> list[ReferralRow]:
    """Those who said "not now" and whose own day to be asked again has come, with nobody thinking of them since."""
    actor.require("referrals.read")
    later = aliased(Referral)
    since = select(later.id).where(
        later.tenant_id == Referral.tenant_id,
        later.patient_id == Referral.patient_id,
        later.made_at > Referral.made_at,
    )
    in_care = select(Enrollment.id).where(
        Enrollment.tenant_id == Referral.tenant_id,
        Enrollment.patient_id == Referral.patient_id,
        Enrollment.ended_on.is_(None),
    )
    rows = [
        _row(row)
        for row in await db.execute(
            _referrals()
            .where(
                Referral.state == "declined",
                Referral.ask_again_on <= today,
                ~since.exists(),
                ~in_care.exists(),
                Patient.deceased_on.is_(None),
            )
            .order_by(Referral.ask_again_on, Referral.id)
            .limit(limit)
        )
    ]
    db.note(actor, "referrals.read", entity="referral", patient_ids=[row.patient_id for row in rows])
    return rows


def _steps() -> Any:
    step = ReferralStep
    return select(
        step.id, step.referral_id, step.kind, step.note, step.first_visit_at, step.made_at, step.made_by,
        name_of(step.made_by), name_of(step.to_id),
    )  # fmt: skip


async def referral_steps_of(
    db: Db, actor: Actor, referral_ids: Sequence[UUID]
) -> dict[UUID, list[ReferralStepRow]]:
    """Referral -> its steps, the first first. For whoever holds the referrals already."""
    actor.require("referrals.write")
    rows: Any = await db.execute(
        _steps()
        .where(ReferralStep.referral_id.in_(list(referral_ids)))
        .order_by(ReferralStep.made_at, ReferralStep.id)
    )
    found: dict[UUID, list[ReferralStepRow]] = {}
    for row in rows:
        found.setdefault(row.referral_id, []).append(ReferralStepRow(*row))
    return found


def _unread(staff_id: UUID | None) -> Any:
    """Steps of others, of referrals this person asked for or was given, that they have not read."""
    return (
        _steps()
        .join(
            ReferralAsker,
            and_(
                ReferralAsker.tenant_id == ReferralStep.tenant_id,
                ReferralAsker.referral_id == ReferralStep.referral_id,
            ),
        )
        .where(
            ReferralAsker.staff_id == staff_id,
            ReferralStep.made_at > ReferralAsker.read_at,
            ReferralStep.made_by.is_distinct_from(staff_id),
            ReferralStep.kind.in_(NEWS),
        )
    )


async def my_referral_news(db: Db, actor: Actor, *, limit: int = MOST) -> list[NewsRow]:
    """What became of those I asked for, until I have read it: the newest word of each, the newest first."""
    actor.require("referrals.write")
    rows: Any = await db.execute(
        _unread(actor.staff_id)
        .order_by(ReferralStep.made_at.desc(), ReferralStep.id.desc())
        .limit(5 * limit)  # a few words each
    )
    newest: dict[UUID, ReferralStepRow] = {}
    for row in rows:
        newest.setdefault(row.referral_id, ReferralStepRow(*row))
    held = await referral_rows(db, actor, list(newest)) if newest else {}
    return [NewsRow(held[id], step) for id, step in newest.items() if id in held][:limit]


# --- who cares for whom -----------------------------------------------------------------------------------------------


async def in_care_of(db: Db, actor: Actor, patient_ids: Sequence[UUID]) -> dict[UUID, InCare]:
    """Person -> who cares for them now, or until when somebody did; nothing for who never took part."""
    actor.require("patients.read")
    return await cared_for(db, patient_ids)


async def cared_for(db: Db, patient_ids: Sequence[UUID]) -> dict[UUID, InCare]:
    """As `in_care_of`, for those who have passed a gate: whoever asks for a person is told who has them."""
    team = aliased(CareTeamMember)
    manager: Any = (
        select(team.staff_id)
        .where(
            team.tenant_id == Enrollment.tenant_id,
            team.patient_id == Enrollment.patient_id,
            team.part == "care_manager",
            team.staff_id.is_not(None),
            team.to_on.is_(None),
        )
        .order_by(team.from_on.desc(), team.id.desc())
        .limit(1)
        .correlate(Enrollment)
        .scalar_subquery()
    )
    rows: Any = await db.execute(
        select(
            person_of(Enrollment.patient_id),
            Enrollment.program,
            Enrollment.started_on,
            Enrollment.ended_on,
            manager,
            name_of(Enrollment.practitioner_id),
        )
        .where(of_people(Enrollment.patient_id, patient_ids))
        .order_by(Enrollment.ended_on.desc().nulls_first(), Enrollment.started_on, Enrollment.id)
    )
    first: dict[UUID, Any] = {}
    for row in rows:
        first.setdefault(row[0], row)
    ids = {row[4] for row in first.values() if row[4]}
    held = await db.execute(select(Staff.id, Staff.name).where(Staff.id.in_(ids)))
    names = {row.id: row.name for row in held}
    return {
        id: InCare(id, row[1], row[2], row[3], row[4], names.get(row[4]), row[5]) for id, row in first.items()
    }


async def care_managers(db: Db, actor: Actor) -> list[CareManagerRow]:
    """Colleagues who can be asked, by name."""
    actor.require("practice.read")
    rows = await db.execute(
        select(Staff.id, Staff.name)
        .where(Staff.active, Staff.role == CARE_MANAGER)
        .order_by(Staff.name, Staff.id)
    )
    return [CareManagerRow(*row) for row in rows]


# --- here today -------------------------------------------------------------------------------------------------------


async def here_today(
    db: Db, actor: Actor, today: date, *, patient_ids: Sequence[UUID] = (), mine: bool = False
) -> list[HereRow]:
    """Who is in the building, the newest first. mine: those whose care manager I am, or was asked to be."""
    actor.require("referrals.write")
    newest = aliased(Arrival)
    newer = select(newest.id).where(
        newest.tenant_id == Arrival.tenant_id,
        newest.patient_id == Arrival.patient_id,
        newest.on_date == Arrival.on_date,
        or_(
            newest.made_at > Arrival.made_at, and_(newest.made_at == Arrival.made_at, newest.id > Arrival.id)
        ),
    )
    found = (
        select(
            func.coalesce(Patient.merged_into, Patient.id), Patient.given_names, Patient.family_name,
            Patient.preferred_name, Arrival.place, Arrival.made_at, name_of(Arrival.made_by),
        )
        .join(Patient, and_(Patient.tenant_id == Arrival.tenant_id, Patient.id == Arrival.patient_id))
        .where(Arrival.on_date == today, Arrival.here, ~newer.exists())
        .order_by(Arrival.made_at.desc(), Arrival.id.desc())
        .limit(MOST)
    )  # fmt: skip
    if patient_ids:
        found = found.where(of_people(Arrival.patient_id, patient_ids))
    if mine:
        found = found.where(
            or_(
                select(CareTeamMember.id)
                .where(
                    CareTeamMember.tenant_id == Arrival.tenant_id,
                    CareTeamMember.patient_id == Arrival.patient_id,
                    CareTeamMember.staff_id == actor.staff_id,
                    CareTeamMember.part == "care_manager",
                    CareTeamMember.to_on.is_(None),
                )
                .exists(),
                select(Referral.id)
                .where(
                    Referral.tenant_id == Arrival.tenant_id,
                    Referral.patient_id == Arrival.patient_id,
                    Referral.to_id == actor.staff_id,
                    Referral.ended_at.is_(None),
                )
                .exists(),
            )
        )
    rows: Any = await db.execute(found)
    here = [HereRow(*row) for row in rows]
    db.note(actor, "referrals.read", entity="arrival", patient_ids=[row.patient_id for row in here])
    return here


# --- at once ----------------------------------------------------------------------------------------------------------


async def my_hand_offs(db: Db, actor: Actor) -> list[ReferralRow]:
    """People who are here now, given to me today, to whom I have not said whether I come; the oldest first."""
    actor.require("enrollment.write")
    since = start_of_day(local_day(now(), actor.zone), actor.zone)
    rows = [
        _row(row)
        for row in await db.execute(
            _referrals()
            .where(
                Referral.to_id == actor.staff_id,
                Referral.how_soon == "now",
                Referral.ended_at.is_(None),
                Referral.state.in_(("suggested", "asked")),
                Referral.answered_at.is_(None),
                Referral.to_since >= since,
            )
            .order_by(Referral.to_since, Referral.id)
            .limit(MOST)
        )
    ]
    db.note(actor, "referrals.read", entity="referral", patient_ids=[row.patient_id for row in rows])
    return rows


async def my_answers(db: Db, actor: Actor) -> list[NewsRow]:
    """Of the hand-offs I asked for within the hour: whether somebody comes."""
    lately = now() - timedelta(hours=1)
    return [
        one
        for one in await my_referral_news(db, actor, limit=20)
        if one.referral.how_soon == "now"
        and one.step.made_at > lately
        and one.step.kind in ("coming", "not_now")
    ]


_MARK: Final = """
select coalesce(string_agg(what, ',' order by what), '') as mark from (
  select 'h' || r.id || extract(epoch from r.to_since) as what from here
    join referral r on r.tenant_id = here.tenant_id
   where r.to_id = $2 and r.how_soon = 'now' and r.ended_at is null and r.state in ('suggested', 'asked')
     and r.answered_at is null and r.to_since >= $3
  union all
  select 'a' || s.id from here
    join referral_asker k on k.tenant_id = here.tenant_id
    join referral r on r.tenant_id = k.tenant_id and r.id = k.referral_id
    join referral_step s on s.tenant_id = k.tenant_id and s.referral_id = k.referral_id
   where k.staff_id = $2 and r.how_soon = 'now' and s.made_at > k.read_at and s.made_by is distinct from $2
     and s.kind in ('coming', 'not_now') and s.made_at > $4
  union all
  select 'b' || a.id from here join arrival a on a.tenant_id = here.tenant_id
   where a.on_date = $5 and (
     exists (select from care_team_member t where t.tenant_id = a.tenant_id and t.patient_id = a.patient_id
             and t.staff_id = $2 and t.part = 'care_manager' and t.to_on is null)
     or exists (select from referral r where r.tenant_id = a.tenant_id and r.patient_id = a.patient_id
                and r.to_id = $2 and r.ended_at is null))
) as marks
"""


async def at_once_mark(actor: Actor) -> str:
    """What there is to tell somebody at once, as a mark that says of nobody who it is: asked every few seconds by every
    open page, in one round trip, and nothing is written down about it. What it stands for is read, and noted, when
    it changes."""
    at = now()
    today = local_day(at, actor.zone)
    (row,) = await glance(
        actor.tenant_id,
        _MARK,
        actor.staff_id,
        start_of_day(today, actor.zone),
        at - timedelta(hours=1),
        today,
    )
    return str(row["mark"])


@dataclass(frozen=True, slots=True)
class AtOnce:
    """What somebody is told wherever they are: people handed to them, answers to what they asked, their people here."""

    hand_offs: tuple[ReferralRow, ...]
    answers: tuple[NewsRow, ...]
    here: tuple[HereRow, ...]


async def at_once(db: Db, actor: Actor, today: date) -> AtOnce:
    """What `at_once_mark` stands for."""
    actor.require("referrals.write")
    cares = actor.may("enrollment.write")
    return AtOnce(
        tuple(await my_hand_offs(db, actor)) if cares else (),
        tuple(await my_answers(db, actor)),
        tuple(await here_today(db, actor, today, mine=True)) if cares else (),
    )
