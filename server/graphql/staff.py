"""The staff and their qualifications over GraphQL."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import strawberry

from server.clock import today
from server.graphql.connections import (
    After,
    Connection,
    First,
    Node,
    Ordering,
    by_name,
    global_id,
    id_of,
    node_kind,
    page_from_rows,
    rows_to_fetch,
)
from server.graphql.context import Info, actor_of, batch
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line
from server.tenants import qualifications, queries, tables
from server.tenants import staff as staff_room
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db
from server.tenants.permissions import ROLES

BY_NAME = Ordering("staff.by_name", str, UUID)
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


async def _load_staff(info: Info, id: UUID) -> Staff:
    async with tenant_db(actor_of(info), read_only=True) as db:
        return Staff.of(await staff_room.staff_for(db, actor_of(info), id))


node_kind("Staff", permission="practice.read", loader=_load_staff)


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


StaffAction = Callable[[Db, Actor, UUID], Awaitable[tables.Staff]]


async def _acted(info: Info, staff_id: str, act: StaffAction) -> Staff:
    """Do something about one of the staff and hand them back."""
    async with tenant_db(actor_of(info)) as db:
        return Staff.of(await act(db, actor_of(info), id_of("Staff", staff_id, what=MEMBER)))


@strawberry.type
class StaffQuery:
    @field(permission="practice.read", description="Everybody on the staff, by name.")
    async def staff(
        self, info: Info, with_left: bool = False, first: First = 50, after: After = None
    ) -> Connection[Staff]:
        actor = actor_of(info)
        cursors = BY_NAME.within(actor.tenant_id)
        async with tenant_db(actor, read_only=True) as db:
            position = cursors.read(after)
            rows = await queries.staff_page(
                db, actor, limit=rows_to_fetch(first), position=by_name(position), with_left=with_left
            )
        return page_from_rows(
            rows, first, cursor_of=lambda row: cursors.write(row.name, row.id), node_of=Staff.of, after=after
        )


@strawberry.type
class StaffMutation:
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
