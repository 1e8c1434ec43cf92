"""The practice, its sites, payers and staff, and one's own sign-in, over GraphQL."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import strawberry

from server.claims.queries import closes
from server.clock import today
from server.errors import not_found
from server.graphql.connections import (
    After,
    Connection,
    First,
    Node,
    Ordering,
    global_id,
    id_of,
    node_kind,
    page_from_rows,
    rows_to_fetch,
)
from server.graphql.context import Info, actor_of, batch
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, ShortText
from server.patients.queries import how_many
from server.plugin_host.discover import plugins
from server.tenants import agreements, practice, qualifications, queries, set_up, sites, tables, tokens
from server.tenants import payers as payers_room
from server.tenants import staff as staff_room
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.tenants.permissions import PERMISSIONS, ROLES

BY_NAME = {name: Ordering(f"{name}.by_name", str, UUID) for name in ("staff", "sites", "payers")}
#: `Staff` is a word for one of them and for all of them; people read these.
MEMBER = "person on the staff"

batch("staff.qualifications", queries.qualifications_of)


@strawberry.enum(description="What somebody does in the practice; it decides what they may open.")
class StaffRole(StrEnum):
    ADMINISTRATOR = "administrator"
    CARE_MANAGER = "care_manager"
    PROVIDER = "provider"
    MEDICAL_ASSISTANT = "medical_assistant"
    FRONT_DESK = "front_desk"
    BILLER = "biller"
    MENTOR = "mentor"


@strawberry.enum
class QualificationKind(StrEnum):
    DISCIPLINE = "discipline"
    LICENCE = "licence"
    TRAINING = "training"


@strawberry.type(description="A dated discipline, licence or training.")
class Qualification:
    id: strawberry.ID
    kind: QualificationKind
    name: str = strawberry.field(description="A discipline's key such as rn; else free text.")
    name_said: str
    number: str
    region: str
    from_on: date
    to_on: date | None

    @classmethod
    def of(cls, row: queries.QualificationRow | tables.Qualification) -> "Qualification":
        return cls(
            id=global_id("Qualification", row.id), kind=QualificationKind(row.kind), name=row.name,
            name_said=qualifications.DISCIPLINES.get(row.name, row.name), number=row.number, region=row.region,
            from_on=row.from_on, to_on=row.to_on,
        )  # fmt: skip


@strawberry.type(description="Somebody who works in the practice, or bills for it without signing in.")
class Staff(Node):
    key: strawberry.Private[UUID]
    name: str
    email: str
    role: StaffRole
    role_name: str
    npi: str
    bills: bool = strawberry.field(description="May be the billing practitioner.")
    active: bool
    invited_at: datetime | None
    joined_at: datetime | None = strawberry.field(description="Null until the invitation was accepted.")

    @classmethod
    def of(cls, row: queries.StaffRow | tables.Staff) -> "Staff":
        return cls(
            id=global_id("Staff", row.id), key=row.id, name=row.name, email=row.email, role=StaffRole(row.role),
            role_name=ROLES[row.role], npi=row.npi, bills=row.bills, active=row.active, invited_at=row.invited_at,
            joined_at=row.joined_at,
        )  # fmt: skip

    @strawberry.field(description="Disciplines, licences and training, oldest first.")
    async def qualifications(self, info: Info) -> list[Qualification]:
        return [Qualification.of(row) for row in await info.context.load("staff.qualifications", self.key)]


@strawberry.type(description="Where the practice sees people.")
class Site(Node):
    name: str
    street: str
    city: str
    state: str
    zip: str
    phone: str
    active: bool

    @classmethod
    def of(cls, row: queries.SiteRow | tables.Site) -> "Site":
        return cls(
            id=global_id("Site", row.id), name=row.name, street=row.street, city=row.city, state=row.state,
            zip=row.zip, phone=row.phone, active=row.active,
        )  # fmt: skip


@strawberry.type(description="A payer the practice bills.")
class Payer(Node):
    name: str
    kind: str = strawberry.field(description="The word by which installed rules know it; empty if none do.")
    rules: str | None = strawberry.field(
        description="Whose rules decide its months. Null: they wait for a person."
    )
    edi_id: str
    active: bool

    @classmethod
    def of(cls, row: queries.PayerRow | tables.Payer) -> "Payer":
        return cls(
            id=global_id("Payer", row.id), name=row.name, kind=row.kind,
            rules=plugins().payer_kinds().get(row.kind), edi_id=row.edi_id, active=row.active,
        )  # fmt: skip


@strawberry.type(description="A kind of payer that installed rules speak for.")
class PayerKind:
    key: str
    label: str


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


@strawberry.type(description="A bearer token of one person in this practice.")
class ApiToken(Node):
    name: str
    owner: str
    scopes: list[str]
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None
    state: str = strawberry.field(description="live, expired or revoked")

    @classmethod
    def of(cls, row: tokens.TokenLine) -> "ApiToken":
        return cls(
            id=global_id("ApiToken", row.id), name=row.name, owner=row.owner, scopes=list(row.scopes),
            made_at=row.made_at, ends_at=row.ends_at, used_at=row.used_at, state=row.state,
        )  # fmt: skip


@strawberry.type(description="A token just made. It is shown here and never again.")
class NewApiToken:
    id: strawberry.ID
    token: str
    ends_at: datetime


# --- one by its id ----------------------------------------------------------------------------------------------


async def _load_staff(info: Info, id: UUID) -> Staff:
    async with tenant_db(actor_of(info), read_only=True) as db:
        return Staff.of(await staff_room.staff_for(db, actor_of(info), id))


async def _load_site(info: Info, id: UUID) -> Site:
    async with tenant_db(actor_of(info), read_only=True) as db:
        return Site.of(await sites.site_for(db, actor_of(info), id))


async def _load_payer(info: Info, id: UUID) -> Payer:
    async with tenant_db(actor_of(info), read_only=True) as db:
        return Payer.of(await payers_room.payer_for(db, actor_of(info), id))


async def _load_practice(info: Info, id: UUID) -> Practice | None:
    if id != actor_of(info).tenant_id:
        return None
    async with tenant_db(actor_of(info), read_only=True) as db:
        return Practice.of(await practice.practice_of(db, actor_of(info)))


async def _load_token(info: Info, id: UUID) -> ApiToken | None:
    async with tenant_db(actor_of(info), read_only=True) as db:
        return next(
            (ApiToken.of(t) for t in await tokens.list_tokens(db, actor_of(info)) if t.id == id), None
        )


node_kind("Staff", permission="practice.read", loader=_load_staff)
node_kind("Site", permission="practice.read", loader=_load_site)
node_kind("Payer", permission="practice.read", loader=_load_payer)
node_kind("Practice", permission="practice.read", loader=_load_practice)
node_kind("ApiToken", permission="tokens.write", loader=_load_token)


# --- reading ----------------------------------------------------------------------------------------------------


@strawberry.type
class PracticeQuery:
    @field(permission="self.read", description="Who is asking, and where they may work.")
    async def me(self, info: Info) -> Me:
        actor = actor_of(info)
        login = await queries.sign_in_of(actor)
        if login is None:
            raise not_found(MEMBER)
        async with tenant_db(actor, read_only=True) as db:
            staff = Staff.of(await staff_room.my_staff_row(db, actor))
        return Me(
            name=login.name,
            email=login.email,
            staff=staff,
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

    @field(permission="practice.read", description="Everybody on the staff, by name.")
    async def staff(
        self, info: Info, with_left: bool = False, first: First = 50, after: After = None
    ) -> Connection[Staff]:
        actor = actor_of(info)
        cursors = BY_NAME["staff"].within(actor.tenant_id)
        async with tenant_db(actor, read_only=True) as db:
            position = cursors.read(after)
            rows = await queries.staff_page(
                db, actor, limit=rows_to_fetch(first), position=_at(position), with_left=with_left
            )
        return page_from_rows(
            rows, first, cursor_of=lambda row: cursors.write(row.name, row.id), node_of=Staff.of, after=after
        )

    @field(permission="practice.read", description="Where the practice sees people, by name.")
    async def sites(
        self, info: Info, with_closed: bool = False, first: First = 50, after: After = None
    ) -> Connection[Site]:
        actor = actor_of(info)
        cursors = BY_NAME["sites"].within(actor.tenant_id)
        async with tenant_db(actor, read_only=True) as db:
            rows = await queries.site_page(
                db,
                actor,
                limit=rows_to_fetch(first),
                position=_at(cursors.read(after)),
                with_closed=with_closed,
            )
        return page_from_rows(
            rows, first, cursor_of=lambda row: cursors.write(row.name, row.id), node_of=Site.of, after=after
        )

    @field(permission="practice.read", description="Whom the practice bills, by name.")
    async def payers(
        self, info: Info, with_closed: bool = False, first: First = 50, after: After = None
    ) -> Connection[Payer]:
        actor = actor_of(info)
        cursors = BY_NAME["payers"].within(actor.tenant_id)
        async with tenant_db(actor, read_only=True) as db:
            rows = await queries.payer_page(
                db,
                actor,
                limit=rows_to_fetch(first),
                position=_at(cursors.read(after)),
                with_closed=with_closed,
            )
        return page_from_rows(
            rows, first, cursor_of=lambda row: cursors.write(row.name, row.id), node_of=Payer.of, after=after
        )

    @field(permission="practice.read", description="Kinds of payers that installed rules speak for.")
    async def payer_kinds(self, info: Info) -> list[PayerKind]:
        return [PayerKind(key=key, label=label) for key, label in plugins().payer_kinds().items()]

    @field(permission="tokens.write", description="API tokens of this practice, newest first.")
    async def api_tokens(self, info: Info) -> list[ApiToken]:
        async with tenant_db(actor_of(info), read_only=True) as db:
            return [ApiToken.of(line) for line in await tokens.list_tokens(db, actor_of(info))]


def _at(position: tuple[object, ...] | None) -> queries.Position | None:
    if position is None:
        return None
    name, id = position
    if not isinstance(name, str) or not isinstance(id, UUID):
        raise TypeError("a cursor by name holds a name and an id")
    return name, id


# --- changing ---------------------------------------------------------------------------------------------------


@strawberry.input
class ChangePracticeInput:
    name: Line
    npi: Line
    time_zone: Line
    phone: Line | None = None


@strawberry.input
class SiteInput:
    name: Line
    street: Line | None = None
    city: Line | None = None
    state: Line | None = None
    zip: Line | None = None
    phone: Line | None = None


@strawberry.input
class PayerInput:
    name: Line
    kind: Line | None = strawberry.field(
        default=None, description="One of payerKinds; left out, months wait for a person."
    )
    edi_id: Line | None = None


@strawberry.input
class InviteStaffInput:
    name: Line
    email: Line
    role: StaffRole
    npi: Line | None = None
    bills: bool = False


@strawberry.input
class AddProviderInput:
    name: Line
    npi: Line
    bills: bool = True


@strawberry.input
class ChangeStaffInput:
    staff_id: strawberry.ID
    name: Line
    npi: Line | None = None
    bills: bool = False


@strawberry.input
class AddQualificationInput:
    staff_id: strawberry.ID
    kind: QualificationKind
    name: Line = strawberry.field(description="A discipline's key such as rn; else free text.")
    from_on: date
    to_on: date | None = None
    number: Line | None = None
    region: Line | None = strawberry.field(default=None, description="Of a licence, such as MI.")


@strawberry.input
class CreateApiTokenInput:
    name: Line = strawberry.field(description="What it is for.")
    scopes: list[Line] = strawberry.field(description="read, write, billing, administration")
    days: int = strawberry.field(description="1 to 365.")


@strawberry.type(description="The practice after a change, and what somebody should know about it.")
class PracticeChanged:
    practice: Practice
    warnings: list[str]


@strawberry.type(description="A token that opens nothing any more.")
class ApiTokenRevoked:
    id: strawberry.ID


StaffAction = Callable[[Db, Actor, UUID], Awaitable[tables.Staff]]


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

    @mutation(permission="practice.write", description="A place where the practice sees people.")
    async def add_site(self, info: Info, input: SiteInput) -> Site:
        async with tenant_db(actor_of(info)) as db:
            return Site.of(await sites.add_site(db, actor_of(info), **_site(input)))

    @mutation(permission="practice.write", description="Mend a site, or close it; what happened there stays.")
    async def change_site(
        self, info: Info, site_id: strawberry.ID, input: SiteInput, active: bool = True
    ) -> Site:
        id = id_of("Site", site_id)
        async with tenant_db(actor_of(info)) as db:
            return Site.of(await sites.change_site(db, actor_of(info), id, active=active, **_site(input)))

    @mutation(
        permission="practice.write", description="A payer. Without a kind its months wait for a person."
    )
    async def add_payer(self, info: Info, input: PayerInput) -> Payer:
        async with tenant_db(actor_of(info)) as db:
            return Payer.of(
                await payers_room.add_payer(
                    db, actor_of(info), name=input.name, kind=input.kind or "", edi_id=input.edi_id or "",
                    known_kinds=plugins().payer_kinds(),
                )
            )  # fmt: skip

    @mutation(permission="practice.write", description="Mend a payer, or set it aside.")
    async def change_payer(
        self, info: Info, payer_id: strawberry.ID, input: PayerInput, active: bool = True
    ) -> Payer:
        async with tenant_db(actor_of(info)) as db:
            return Payer.of(
                await payers_room.change_payer(
                    db, actor_of(info), id_of("Payer", payer_id), name=input.name, kind=input.kind or "",
                    edi_id=input.edi_id or "", active=active, known_kinds=plugins().payer_kinds(),
                )
            )  # fmt: skip

    @mutation(permission="staff.write", description="Put somebody on the staff and mail them a link.")
    async def invite_staff(self, info: Info, input: InviteStaffInput) -> Staff:
        async with tenant_db(actor_of(info)) as db:
            return Staff.of(
                await staff_room.invite(
                    db, actor_of(info), name=input.name, email=input.email, role=input.role.value,
                    npi=input.npi or "", bills=input.bills,
                )
            )  # fmt: skip

    @mutation(permission="staff.write", description="A fresh link; the earlier one stops working.")
    async def invite_staff_again(self, info: Info, staff_id: strawberry.ID) -> Staff:
        return await _acted(info, staff_id, staff_room.invite_again)

    @mutation(permission="staff.write", description="A provider who bills without signing in.")
    async def add_provider(self, info: Info, input: AddProviderInput) -> Staff:
        async with tenant_db(actor_of(info)) as db:
            added = await staff_room.add_provider(
                db, actor_of(info), name=input.name, npi=input.npi, bills=input.bills
            )
            return Staff.of(added)

    @mutation(
        permission="staff.write", description="Mend a name, an NPI, or who may be the billing practitioner."
    )
    async def change_staff(self, info: Info, input: ChangeStaffInput) -> Staff:
        async def act(db: Db, actor: Actor, id: UUID) -> tables.Staff:
            return await staff_room.change_staff(
                db, actor, id, name=input.name, npi=input.npi or "", bills=input.bills
            )

        return await _acted(info, input.staff_id, act)

    @mutation(permission="staff.write", description="Another role; it counts from the next request.")
    async def change_staff_role(self, info: Info, staff_id: strawberry.ID, role: StaffRole) -> Staff:
        async def act(db: Db, actor: Actor, id: UUID) -> tables.Staff:
            return await staff_room.change_role(db, actor, id, role.value)

        return await _acted(info, staff_id, act)

    @mutation(
        permission="staff.write",
        description="Somebody leaves: outside at their next request. Their work stays.",
    )
    async def deactivate_staff(self, info: Info, staff_id: strawberry.ID) -> Staff:
        return await _acted(info, staff_id, staff_room.deactivate)

    @mutation(permission="staff.write", description="Somebody comes back, in the role they had.")
    async def reactivate_staff(self, info: Info, staff_id: strawberry.ID) -> Staff:
        return await _acted(info, staff_id, staff_room.reactivate)

    @mutation(permission="staff.write", description="A discipline, licence or training, from a day on.")
    async def add_qualification(self, info: Info, input: AddQualificationInput) -> Qualification:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            added = await qualifications.add_qualification(
                db, actor, id_of("Staff", input.staff_id, what=MEMBER), kind=input.kind.value, name=input.name,
                from_on=input.from_on, to_on=input.to_on, number=input.number or "", region=input.region or "",
                today=today(actor.zone),
            )  # fmt: skip
            return Qualification.of(added)

    @mutation(
        permission="staff.write", description="Its last day; what was decided for earlier days stays true."
    )
    async def end_qualification(self, info: Info, id: strawberry.ID, last_day: date) -> Qualification:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            ended = await qualifications.close_qualification(
                db, actor, id_of("Qualification", id), to_on=last_day, today=today(actor.zone)
            )
            return Qualification.of(ended)

    @mutation(
        permission="tokens.write", alone=True, description="A bearer token for oneself. It is shown once."
    )
    async def create_api_token(self, info: Info, input: CreateApiTokenInput) -> NewApiToken:
        async with tenant_db(actor_of(info)) as db:
            made = await tokens.create_token(
                db, actor_of(info), name=input.name, scopes=input.scopes, days=input.days
            )
        return NewApiToken(id=global_id("ApiToken", made.id), token=made.text, ends_at=made.ends_at)

    @mutation(permission="tokens.write", description="The token opens nothing any more.")
    async def revoke_api_token(self, info: Info, id: strawberry.ID) -> ApiTokenRevoked:
        async with tenant_db(actor_of(info)) as db:
            await tokens.revoke_token(db, actor_of(info), id_of("ApiToken", id, what="token"))
        return ApiTokenRevoked(id=id)


async def _acted(info: Info, staff_id: str, act: StaffAction) -> Staff:
    """Do something about one of the staff and hand them back."""
    async with tenant_db(actor_of(info)) as db:
        return Staff.of(await act(db, actor_of(info), id_of("Staff", staff_id, what=MEMBER)))


def _site(input: SiteInput) -> dict[str, str]:
    return {name: getattr(input, name) or "" for name in ("name", "street", "city", "state", "zip", "phone")}
