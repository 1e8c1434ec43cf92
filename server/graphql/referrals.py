"""Referrals over GraphQL: from "this person could use help" to taking part, or to a respected no."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import strawberry

from server.clock import today
from server.enrollment import arrivals, referral_queries, referring
from server.enrollment.referral_tables import Referral as ReferralTable
from server.errors import Refused
from server.graphql.connections import Node, global_id, id_of, node_kind
from server.graphql.context import Info, actor_of, batch
from server.graphql.refusals import field, mutation, subscription
from server.graphql.scalars import Line, ShortText
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db

READ, WRITE, DECIDE = "referrals.read", "referrals.write", "enrollment.write"
_LOOK_AGAIN_SECONDS: Final = 2


@strawberry.enum(description="Who thought of it.")
class ReferralSource(StrEnum):
    TEAM = "team"
    SELF = "self"
    FAMILY = "family"
    PHARMACY = "pharmacy"
    HOSPITAL = "hospital"
    AGENCY = "agency"


@strawberry.enum(description="`NOW`: they are in the building, and the care manager is told at once.")
class ReferralHowSoon(StrEnum):
    NOW = "now"
    TODAY = "today"
    THIS_WEEK = "this_week"
    WHEN_IT_SUITS = "when_it_suits"


@strawberry.enum
class ReferralState(StrEnum):
    SUGGESTED = "suggested"
    ASKED = "asked"
    ACCEPTED = "accepted"
    ENROLLED = "enrolled"
    DECLINED = "declined"
    CLOSED = "closed"
    TAKEN_BACK = "taken_back"


@strawberry.enum
class ReferralStepKind(StrEnum):
    SUGGESTED = "suggested"
    ASKED = "asked"
    JOINED = "joined"
    CONFIRMED = "confirmed"
    SAID = "said"
    COMING = "coming"
    NOT_NOW = "not_now"
    REROUTED = "rerouted"
    ACCEPTED = "accepted"
    ENROLLED = "enrolled"
    DECLINED = "declined"
    CLOSED = "closed"
    TAKEN_BACK = "taken_back"


# --- types ------------------------------------------------------------------------------------------------------------


@strawberry.type(description="One step of a referral.")
class ReferralStep:
    id: strawberry.ID
    kind: ReferralStepKind
    note: str
    to_name: str | None = strawberry.field(description="Whom it was given to.")
    first_visit_at: datetime | None
    recorded_at: datetime
    recorded_by: str | None

    @classmethod
    def of(cls, row: referral_queries.ReferralStepRow) -> "ReferralStep":
        return cls(
            id=global_id("ReferralStep", row.id),
            kind=ReferralStepKind(row.kind),
            note=row.note,
            to_name=row.to_name,
            first_visit_at=row.first_visit_at,
            recorded_at=row.made_at,
            recorded_by=row.made_by_name,
        )


@strawberry.type(description="Somebody could use help, and a care manager is asked. One is open per person.")
class Referral(Node):
    key: strawberry.Private[UUID]
    patient_id: strawberry.ID
    patient_name: str
    reason: str
    how_soon: ReferralHowSoon
    source: ReferralSource
    source_name: str
    place: str = strawberry.field(description="Where they were in the building, on that day.")
    condition: str
    result: str
    to_id: strawberry.ID = strawberry.field(description="The care manager.")
    to_name: str
    state: ReferralState
    first_visit_at: datetime | None
    introduced: bool = strawberry.field(description="In person, before anybody rang.")
    asked_at: datetime
    asked_by: str | None
    asker_ids: list[strawberry.ID] = strawberry.field(description="Staff who asked.")
    ended_at: datetime | None
    ended_reason: str
    what_would_help: str
    ask_again_on: date | None = strawberry.field(
        description="After a no: the day they chose. Null: not by us."
    )

    @classmethod
    def of(cls, row: referral_queries.ReferralRow) -> "Referral":
        return cls(
            id=global_id("Referral", row.id),
            key=row.id,
            patient_id=global_id("Patient", row.patient_id),
            patient_name=f"{row.given_names} {row.family_name}".strip(),
            reason=row.reason,
            how_soon=ReferralHowSoon(row.how_soon),
            source=ReferralSource(row.source),
            source_name=row.source_name,
            place=row.place,
            condition=row.condition,
            result=row.result,
            to_id=global_id("Staff", row.to_id),
            to_name=row.to_name,
            state=ReferralState(row.state),
            first_visit_at=row.first_visit_at,
            introduced=row.introduced,
            asked_at=row.made_at,
            asked_by=row.made_by_name,
            asker_ids=[global_id("Staff", id) for id in row.asker_ids],
            ended_at=row.ended_at,
            ended_reason=row.ended_reason,
            what_would_help=row.what_would_help,
            ask_again_on=row.ask_again_on,
        )

    @strawberry.field(description="How it came to be so, the first step first.")
    async def steps(self, info: Info) -> list[ReferralStep]:
        return [ReferralStep.of(row) for row in await info.context.load("referral_steps", self.key)]


@strawberry.type(description="A referral that was asked for.")
class ReferralMade:
    referral: Referral
    joined: bool = strawberry.field(description="A colleague had asked already, and this is theirs.")


@strawberry.type(description="What became of a referral one asked for, until one has read it.")
class ReferralNews:
    referral: Referral
    step: ReferralStep


@strawberry.type(
    description="Who cares for a person in a program, or until when somebody did; then the practice looks after them."
)
class InCareOf:
    program_name: str
    since: date
    ended_on: date | None
    care_manager_id: strawberry.ID | None
    care_manager_name: str | None
    practitioner_name: str | None


@strawberry.type(description="Somebody who is in the building today.")
class HereToday:
    patient_id: strawberry.ID
    patient_name: str
    place: str
    noted_at: datetime
    noted_by: str | None

    @classmethod
    def of(cls, row: referral_queries.HereRow) -> "HereToday":
        return cls(
            patient_id=global_id("Patient", row.patient_id),
            patient_name=f"{row.given_names} {row.family_name}".strip(),
            place=row.place,
            noted_at=row.noted_at,
            noted_by=row.noted_by,
        )


@strawberry.type(description="What one is told wherever one is.")
class AtOnce:
    hand_offs: list[Referral] = strawberry.field(description="People who are here and wait for one’s word.")
    answers: list[ReferralNews] = strawberry.field(description="Whether somebody comes, where one asked.")
    here: list[HereToday] = strawberry.field(description="One’s own people who are in the building.")


@strawberry.type(description="Whether somebody is in the building.")
class ArrivalNoted:
    patient_id: strawberry.ID
    here: bool
    place: str


# --- reading ----------------------------------------------------------------------------------------------------------


async def _in_care(db: Db, actor: Actor, ids: list[UUID]) -> dict[UUID, referral_queries.InCare]:
    db.note(actor, "patients.read", entity="enrollment", patient_ids=ids)
    return await referral_queries.in_care_of(db, actor, ids)


async def _here(db: Db, actor: Actor, ids: list[UUID]) -> dict[UUID, referral_queries.HereRow]:
    rows = await referral_queries.here_today(db, actor, today(actor.zone), patient_ids=ids)
    return {row.patient_id: row for row in rows}


batch("referrals", referral_queries.referrals_of)
batch("referral_steps", referral_queries.referral_steps_of)
batch("in_care_of", _in_care, empty=lambda: None)
batch("here_today", _here, empty=lambda: None)


@strawberry.type
class ReferralsOfPatient:
    """Fields of this room on Patient."""

    key: strawberry.Private[UUID]

    @field(permission=READ, description="Every time somebody thought they could use help, the newest first.")
    async def referrals(self, info: Info) -> list[Referral]:
        return [Referral.of(row) for row in await info.context.load("referrals", self.key)]

    @field(permission="patients.read", description="Null: they never took part in a program.")
    async def in_care_of(self, info: Info) -> InCareOf | None:
        row: referral_queries.InCare | None = await info.context.load("in_care_of", self.key)
        if row is None:
            return None
        return InCareOf(
            program_name=row.program_name,
            since=row.since,
            ended_on=row.ended_on,
            care_manager_id=global_id("Staff", row.staff_id) if row.staff_id else None,
            care_manager_name=row.staff_name,
            practitioner_name=row.practitioner_name,
        )

    @field(permission=WRITE, description="Null: nobody has seen them in the building today.")
    async def here_today(self, info: Info) -> HereToday | None:
        row: referral_queries.HereRow | None = await info.context.load("here_today", self.key)
        return HereToday.of(row) if row else None


@strawberry.type
class ReferralsQuery:
    @field(
        permission=READ,
        description="Referrals that are open, the soonest wanted first, 200 at most.",
    )
    async def open_referrals(self, info: Info, to_me: bool = False) -> list[Referral]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            return [Referral.of(row) for row in await referral_queries.open_referrals(db, actor, to_me=to_me)]

    @field(
        permission=READ,
        description="Those who said “not now” and whose own day to be asked again has come.",
    )
    async def referrals_to_ask_again(self, info: Info) -> list[Referral]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            rows = await referral_queries.asked_again(db, actor, today(actor.zone))
            return [Referral.of(row) for row in rows]

    @field(permission=WRITE, description="What became of what one asked for, until one has read it.")
    async def referral_news(self, info: Info) -> list[ReferralNews]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            return [_news(row) for row in await referral_queries.my_referral_news(db, actor)]

    @field(permission=WRITE, description="Who is in the building today. It is forgotten when the day ends.")
    async def people_here_today(self, info: Info, mine: bool = False) -> list[HereToday]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            rows = await referral_queries.here_today(db, actor, today(actor.zone), mine=mine)
            return [HereToday.of(row) for row in rows]

    @field(
        permission=DECIDE,
        description="The next free hour the referral’s care manager keeps for first visits. Null: none is kept.",
    )
    async def proposed_first_visit(self, info: Info, referral_id: strawberry.ID) -> datetime | None:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            referral = await referring.referral_for(db, actor, id_of("Referral", referral_id))
            return await referring.proposed_visit(db, actor, referral)


@strawberry.type
class ReferralsSubscription:
    @subscription(
        permission=WRITE,
        description="What one is told at once, wherever one is: at the start and at every change.",
    )
    async def at_once(self, info: Info) -> AsyncGenerator[AtOnce, None]:
        actor, told = actor_of(info), None
        while True:
            mark = await referral_queries.at_once_mark(actor)
            if mark != told:
                told = mark
                async with tenant_db(actor, read_only=True) as db:
                    found = await referral_queries.at_once(db, actor, today(actor.zone))
                yield AtOnce(
                    hand_offs=[Referral.of(row) for row in found.hand_offs],
                    answers=[_news(row) for row in found.answers],
                    here=[HereToday.of(row) for row in found.here],
                )
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


# --- changing ---------------------------------------------------------------------------------------------------------


@strawberry.input(description="Person, why, how soon, to whom; the rest can be left out.")
class ReferPatientInput:
    patient_id: strawberry.ID
    reason: ShortText
    how_soon: ReferralHowSoon
    to_id: strawberry.ID | None = strawberry.field(
        default=None, description="A care manager. Left out: theirs, or the only one here."
    )
    source: ReferralSource = ReferralSource.TEAM
    source_name: Line | None = strawberry.field(default=None, description="Who it was, at the pharmacy.")
    place: Line | None = strawberry.field(default=None, description="Where they are in the building.")
    condition: Line | None = strawberry.field(
        default=None, description="What led to it, for an introduction."
    )
    result: Line | None = strawberry.field(default=None, description="Such as: A1c 9.2 % in October.")


@strawberry.input
class ConfirmReferralInput:
    referral_id: strawberry.ID
    note: ShortText | None = None


@strawberry.input
class ComeToReferralInput:
    referral_id: strawberry.ID
    note: ShortText | None = None


@strawberry.input
class ProposeFirstVisitInput:
    referral_id: strawberry.ID
    note: ShortText | None = None
    first_visit_at: datetime | None = strawberry.field(
        default=None, description="Left out: the next hour kept for first visits."
    )


@strawberry.input
class AcceptReferralInput:
    referral_id: strawberry.ID
    introduced: bool = strawberry.field(default=False, description="They have met in person.")
    note: ShortText | None = None


@strawberry.input
class RerouteReferralInput:
    referral_id: strawberry.ID
    to_id: strawberry.ID
    reason: ShortText = strawberry.field(description="Those who asked see it.")


@strawberry.input
class DeclineReferralInput:
    referral_id: strawberry.ID
    reason: ShortText
    what_would_help: ShortText | None = None
    ask_again_on: date | None = strawberry.field(
        default=None, description="Nobody asks before it. Left out: we do not ask again."
    )


@strawberry.input
class CloseReferralInput:
    referral_id: strawberry.ID
    reason: ShortText


@strawberry.input
class TakeBackReferralInput:
    referral_id: strawberry.ID
    reason: ShortText | None = None


@strawberry.input
class SayOnReferralInput:
    referral_id: strawberry.ID
    words: ShortText


@strawberry.input
class ReadReferralInput:
    referral_id: strawberry.ID
    through_id: strawberry.ID = strawberry.field(description="The newest step that was read.")


@strawberry.input
class NoteArrivalInput:
    patient_id: strawberry.ID
    here: bool = True
    place: Line | None = None


@strawberry.type
class ReferralsMutation:
    @mutation(permission=WRITE, description="This person could use help. Who is open already is joined.")
    async def refer_patient(self, info: Info, input: ReferPatientInput) -> ReferralMade:
        actor = actor_of(info)
        new = referring.NewReferral(
            reason=input.reason,
            how_soon=input.how_soon,
            to_id=id_of("Staff", input.to_id, what="colleague") if input.to_id else None,
            source=input.source,
            source_name=input.source_name or "",
            place=input.place or "",
            condition=input.condition or "",
            result=input.result or "",
        )
        async with tenant_db(actor) as db:
            asked = await referring.refer(db, actor, id_of("Patient", input.patient_id), new)
            return ReferralMade(referral=await _one(db, actor, asked.referral.id), joined=asked.joined)

    @mutation(permission="referrals.confirm", description="A provider’s word on what a colleague suggested.")
    async def confirm_referral(self, info: Info, input: ConfirmReferralInput) -> Referral:
        return await _done(
            info,
            input.referral_id,
            lambda db, actor, id: referring.confirm_referral(db, actor, id, note=input.note or ""),
        )

    @mutation(permission=DECIDE, description="The care manager comes at once.")
    async def come_to_referral(self, info: Info, input: ComeToReferralInput) -> Referral:
        return await _done(
            info,
            input.referral_id,
            lambda db, actor, id: referring.say_coming(db, actor, id, note=input.note or ""),
        )

    @mutation(permission=DECIDE, description="Not at once: a first visit is proposed instead.")
    async def propose_first_visit(self, info: Info, input: ProposeFirstVisitInput) -> Referral:
        return await _done(
            info,
            input.referral_id,
            lambda db, actor, id: referring.say_not_now(
                db, actor, id, note=input.note or "", first_visit_at=input.first_visit_at
            ),
        )

    @mutation(permission=DECIDE, description="The care manager takes it up.")
    async def accept_referral(self, info: Info, input: AcceptReferralInput) -> Referral:
        return await _done(
            info,
            input.referral_id,
            lambda db, actor, id: referring.accept_referral(
                db, actor, id, introduced=input.introduced, note=input.note or ""
            ),
        )

    @mutation(permission=DECIDE, description="To another care manager, with the reason.")
    async def reroute_referral(self, info: Info, input: RerouteReferralInput) -> Referral:
        return await _done(
            info,
            input.referral_id,
            lambda db, actor, id: referring.reroute_referral(
                db, actor, id, to_id=id_of("Staff", input.to_id, what="colleague"), reason=input.reason
            ),
        )

    @mutation(permission=DECIDE, description="The person’s decision: not now.")
    async def decline_referral(self, info: Info, input: DeclineReferralInput) -> Referral:
        return await _done(
            info,
            input.referral_id,
            lambda db, actor, id: referring.decline_referral(
                db,
                actor,
                id,
                reason=input.reason,
                what_would_help=input.what_would_help or "",
                ask_again_on=input.ask_again_on,
            ),
        )

    @mutation(permission=DECIDE, description="It came to an end another way.")
    async def close_referral(self, info: Info, input: CloseReferralInput) -> Referral:
        return await _done(
            info,
            input.referral_id,
            lambda db, actor, id: referring.close_referral(db, actor, id, reason=input.reason),
        )

    @mutation(permission=WRITE, description="By who asked, while nobody else asks too.")
    async def take_back_referral(self, info: Info, input: TakeBackReferralInput) -> Referral:
        return await _done(
            info,
            input.referral_id,
            lambda db, actor, id: referring.take_back_referral(db, actor, id, reason=input.reason or ""),
        )

    @mutation(permission=WRITE, description="A line to those involved.")
    async def say_on_referral(self, info: Info, input: SayOnReferralInput) -> Referral:
        return await _done(
            info,
            input.referral_id,
            lambda db, actor, id: referring.say_on_referral(db, actor, id, words=input.words),
        )

    @mutation(permission=WRITE, description="What became of it has been read.")
    async def read_referral(self, info: Info, input: ReadReferralInput) -> Referral:
        return await _done(
            info,
            input.referral_id,
            lambda db, actor, id: referring.read_referral(
                db, actor, id, through=id_of("ReferralStep", input.through_id, what="step")
            ),
        )

    @mutation(permission=WRITE, description="They are in the building today, or have left.")
    async def note_arrival(self, info: Info, input: NoteArrivalInput) -> ArrivalNoted:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            made = await arrivals.note_arrival(
                db, actor, id_of("Patient", input.patient_id), here=input.here, place=input.place or ""
            )
        return ArrivalNoted(
            patient_id=global_id("Patient", made.patient_id), here=made.here, place=made.place
        )


# --- between the two --------------------------------------------------------------------------------------------------


async def _done(
    info: Info, id: strawberry.ID, act: Callable[[Db, Actor, UUID], Awaitable[ReferralTable]]
) -> Referral:
    actor = actor_of(info)
    async with tenant_db(actor) as db:
        made = await act(db, actor, id_of("Referral", id))
        return await _one(db, actor, made.id)


async def _one(db: Db, actor: Actor, id: UUID) -> Referral:
    return Referral.of((await referral_queries.referral_rows(db, actor, [id]))[id])


def _news(row: referral_queries.NewsRow) -> ReferralNews:
    return ReferralNews(referral=Referral.of(row.referral), step=ReferralStep.of(row.step))


async def _load_referral(info: Info, id: UUID) -> Referral | None:
    actor = actor_of(info)
    async with tenant_db(actor, read_only=True) as db:
        try:
            await referring.referral_for(db, actor, id, permission=WRITE)
        except Refused:
            return None
        return await _one(db, actor, id)


node_kind("Referral", permission=WRITE, loader=_load_referral)
