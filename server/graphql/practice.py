"""The practice, its set-up and agreements, and who is asking, over GraphQL."""

from datetime import datetime
from uuid import UUID

import strawberry

from server.claims.queries import closes
from server.errors import not_found
from server.graphql.connections import (
    Node,
    global_id,
    node_kind,
)
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, ShortText
from server.graphql.staff import MEMBER, Staff
from server.patients.queries import how_many
from server.tenants import agreements, hints, practice, queries, set_up, tables
from server.tenants import staff as staff_room
from server.tenants.db import tenant_db
from server.tenants.permissions import PERMISSIONS


@strawberry.type(description="An agreement the practice accepted.")
class Agreement:
    document: str
    version: str
    text_hash: str
    accepted_by: str
    accepted_at: datetime


@strawberry.type(description="One step of the guided set-up.")
class SetUpStep:
    key: str
    title: str
    why: str
    count: int
    done: bool
    needed: bool


@strawberry.type(description="How far the guided set-up is.")
class SetUp:
    steps: list[SetUpStep]
    ready: bool = strawberry.field(description="Everything that is needed is there.")
    finished: bool


@strawberry.type(description="The practice itself.")
class Practice(Node):
    name: str
    npi: str
    phone: str
    time_zone: str = strawberry.field(description="Days and billing months are counted in it.")
    kind: str
    selection_policy: str = strawberry.field(
        description="accurate or max: how lines are chosen where several are allowed."
    )

    @classmethod
    def of(cls, row: tables.Practice) -> "Practice":
        return cls(
            id=global_id("Practice", row.id), name=row.name, npi=row.npi, phone=row.phone, time_zone=row.time_zone,
            kind=row.kind, selection_policy=row.selection_policy,
        )  # fmt: skip

    @strawberry.field(description="Terms and business associate agreement, newest first.")
    async def agreements(self, info: Info) -> list[Agreement]:
        async with tenant_db(actor_of(info), read_only=True) as db:
            return [
                Agreement(
                    document=a.document,
                    version=a.version,
                    text_hash=a.text_hash,
                    accepted_by=a.accepted_by,
                    accepted_at=a.at,
                )
                for a in await agreements.accepted_documents(db, actor_of(info))
            ]


@strawberry.type(description="A practice that a login may try to enter.")
class PracticeChoice:
    slug: str
    name: str
    state: str = strawberry.field(description="preparing (agreements not accepted yet) or open")
    here: bool = strawberry.field(description="This request is made in it.")


@strawberry.type(description="Who is asking.")
class Me:
    name: str
    email: str
    staff: Staff
    may: list[str] = strawberry.field(
        description="Permissions of this request: the role's, less what a token leaves out."
    )
    practices: list[PracticeChoice] = strawberry.field(
        description="Where one may work; the page /switch changes it."
    )
    hints_away: list[str] = strawberry.field(
        description="Keys of hints one has put away; which hints there are is the front end's own matter."
    )


@strawberry.type(description="The hints one shall not be shown again in this practice.")
class HintsAway:
    keys: list[str]


async def _load_practice(info: Info, id: UUID) -> Practice | None:
    if id != actor_of(info).tenant_id:
        return None
    async with tenant_db(actor_of(info), read_only=True) as db:
        return Practice.of(await practice.practice_of(db, actor_of(info)))


node_kind("Practice", permission="practice.read", loader=_load_practice)


@strawberry.input
class ChangePracticeInput:
    name: Line
    npi: Line
    time_zone: Line
    phone: Line | None = None


@strawberry.type(description="The practice after a change, and what somebody should know about it.")
class PracticeChanged:
    practice: Practice
    warnings: list[str]


@strawberry.type
class PracticeQuery:
    @field(permission="self.read", description="Who is asking, and where they may work.")
    async def me(self, info: Info) -> Me:
        actor = actor_of(info)
        login = await queries.sign_in_of(actor)
        if login is None:
            raise not_found(MEMBER)
        async with tenant_db(actor, read_only=True) as db:
            row = await staff_room.my_staff_row(db, actor)
        return Me(
            name=login.name,
            email=login.email,
            staff=Staff.of(row),
            hints_away=row.hints_away,
            may=sorted(name for name in PERMISSIONS if actor.may(name)),
            practices=[
                PracticeChoice(slug=p.slug, name=p.name, state=p.state, here=p.id == actor.tenant_id)
                for p in login.practices
            ],
        )

    @field(permission="practice.read", description="The practice this request is made in.")
    async def practice(self, info: Info) -> Practice:
        async with tenant_db(actor_of(info), read_only=True) as db:
            return Practice.of(await practice.practice_of(db, actor_of(info)))

    @field(permission="practice.write", description="The guided set-up after sign-up.")
    async def set_up(self, info: Info) -> SetUp:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            state = await set_up.set_up_of(db, actor, patients=await how_many(db, actor))
        steps = [
            SetUpStep(key=s.key, title=s.title, why=s.why, count=s.count, done=s.done, needed=s.needed)
            for s in state.steps
        ]
        return SetUp(steps=steps, ready=state.ready, finished=state.finished)


@strawberry.type
class PracticeMutation:
    @mutation(permission="practice.write", description="Mend the practice's own data.")
    async def change_practice(self, info: Info, input: ChangePracticeInput) -> PracticeChanged:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            closed = len(await closes(db, actor)) if actor.may("claims.read") else 0
            changed = await practice.change_practice(
                db, actor, name=input.name, npi=input.npi, phone=input.phone or "", time_zone=input.time_zone,
                months_closed=closed,
            )  # fmt: skip
            return PracticeChanged(practice=Practice.of(changed.practice), warnings=list(changed.warnings))

    @mutation(
        permission="practice.write",
        description="How lines are chosen where the rules allow several: accurate, or max with a reason in writing.",
    )
    async def set_selection_policy(
        self, info: Info, policy: Line, reason: ShortText | None = None
    ) -> Practice:
        async with tenant_db(actor_of(info)) as db:
            return Practice.of(
                await practice.set_selection_policy(db, actor_of(info), policy=policy, reason=reason or "")
            )

    @mutation(permission="practice.write", description="Put the guided set-up away.")
    async def finish_set_up(self, info: Info) -> Practice:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            return Practice.of(await set_up.finish_set_up(db, actor, patients=await how_many(db, actor)))

    @mutation(permission="self.write", description="Show oneself a hint no more, in any browser.")
    async def put_hint_away(self, info: Info, key: Line) -> HintsAway:
        async with tenant_db(actor_of(info)) as db:
            return HintsAway(keys=await hints.put_hints_away(db, actor_of(info), [key]))

    @mutation(permission="self.write", description="All hints from the beginning.")
    async def show_hints_again(self, info: Info) -> HintsAway:
        async with tenant_db(actor_of(info)) as db:
            await hints.show_hints_again(db, actor_of(info))
        return HintsAway(keys=[])
