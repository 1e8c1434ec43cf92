"""When people are there, over GraphQL: told ahead, for planning alone."""

from datetime import date, datetime
from enum import Enum
from uuid import UUID

import strawberry

from server.clock import today
from server.graphql.connections import global_id, id_of
from server.graphql.context import Info, actor_of, batch
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line
from server.tenants import working_hours as room
from server.tenants.db import tenant_db
from server.tenants.hours import time_in

MEMBER = "person on the staff"

batch("staff.working_hours", room.hours_of)
batch("staff.days_away", room.days_away_of)


@strawberry.enum
class Weekday(Enum):
    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


@strawberry.type(description="Hours of one weekday, by the clock on the practice's wall.")
class WorkingHours:
    id: strawberry.ID
    staff_id: strawberry.ID
    site_id: strawberry.ID | None = strawberry.field(description="Null: from elsewhere.")
    site_name: str | None
    weekday: Weekday
    begins: str = strawberry.field(description="Such as 08:30.")
    ends: str
    from_on: date
    to_on: date | None = strawberry.field(description="The last day, included. Null: still.")
    protected: bool = strawberry.field(description="Kept for first visits and unhurried talks.")

    @classmethod
    def of(cls, row: room.HoursRow) -> "WorkingHours":
        return cls(
            id=global_id("WorkingHours", row.id), staff_id=global_id("Staff", row.staff_id),
            site_id=global_id("Site", row.site_id) if row.site_id else None, site_name=row.site_name,
            weekday=Weekday(row.weekday), begins=f"{row.begins:%H:%M}", ends=f"{row.ends:%H:%M}",
            from_on=row.from_on, to_on=row.to_on, protected=row.protected,
        )  # fmt: skip


@strawberry.type(description="Whole days, both included, on which somebody is not there.")
class DaysAway:
    id: strawberry.ID
    staff_id: strawberry.ID
    from_on: date
    to_on: date

    @classmethod
    def of(cls, row: room.AwayRow) -> "DaysAway":
        return cls(
            id=global_id("DaysAway", row.id), staff_id=global_id("Staff", row.staff_id), from_on=row.from_on,
            to_on=row.to_on,
        )  # fmt: skip


@strawberry.type(description="Somebody is there, from an instant until another.")
class There:
    staff_id: strawberry.ID
    staff_name: str
    site_id: strawberry.ID | None = strawberry.field(description="Null: from elsewhere.")
    site_name: str
    starts_at: datetime
    ends_at: datetime
    protected: bool = strawberry.field(description="Kept for first visits and unhurried talks.")

    @classmethod
    def of(cls, row: room.There) -> "There":
        return cls(
            staff_id=global_id("Staff", row.staff_id), staff_name=row.staff_name,
            site_id=global_id("Site", row.site_id) if row.site_id else None, site_name=row.site_name,
            starts_at=row.starts_at, ends_at=row.ends_at, protected=row.protected,
        )  # fmt: skip


@strawberry.type(
    description="One's own planning, or anybody's for whoever sets up staff; of others it is empty."
)
class Planning:
    key: strawberry.Private[UUID]

    @strawberry.field(description="By weekday, those that are over included.")
    async def working_hours(self, info: Info) -> list[WorkingHours]:
        return [WorkingHours.of(row) for row in await info.context.load("staff.working_hours", self.key)]

    @strawberry.field(description="The newest first.")
    async def days_away(self, info: Info) -> list[DaysAway]:
        return [DaysAway.of(row) for row in await info.context.load("staff.days_away", self.key)]


@strawberry.type(description="What was taken off the list.")
class TakenOff:
    id: strawberry.ID


@strawberry.input
class AddWorkingHoursInput:
    staff_id: strawberry.ID
    weekdays: list[Weekday]
    begins: Line = strawberry.field(description="By the clock on the practice's wall, such as 08:30.")
    ends: Line
    site_id: strawberry.ID | None = strawberry.field(default=None, description="Left out: from elsewhere.")
    from_on: date
    to_on: date | None = None
    protected: bool = strawberry.field(
        default=False, description="Kept for first visits and unhurried talks."
    )


@strawberry.type(description="The new lines, one for each weekday.")
class WorkingHoursAdded:
    lines: list[WorkingHours]


@strawberry.type
class HoursQuery:
    @field(
        permission="practice.read",
        description="One's own planning, or a colleague's for whoever sets up staff.",
    )
    async def planning(self, info: Info, staff_id: strawberry.ID) -> Planning:
        actor, id = actor_of(info), id_of("Staff", staff_id, what=MEMBER)
        async with tenant_db(actor, read_only=True) as db:
            return Planning(key=await room.planned_for(db, actor, id))

    @field(permission="practice.read", description="Who is there on which day, from this week's Monday on.")
    async def who_is_there(self, info: Info, from_on: date, days: int = 7) -> list[There]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            rows = await room.who_is_there(db, actor, first=from_on, days=days, today=today(actor.zone))
        return [There.of(row) for row in rows]


@strawberry.type
class HoursMutation:
    @mutation(
        permission="hours.write", description="The same hours on one or several weekdays, from a day on."
    )
    async def add_working_hours(self, info: Info, input: AddWorkingHoursInput) -> WorkingHoursAdded:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            rows = await room.add_hours(
                db, actor, id_of("Staff", input.staff_id, what=MEMBER),
                weekdays=[day.value for day in input.weekdays], begins=time_in(input.begins, "begins"),
                ends=time_in(input.ends, "ends"), site_id=id_of("Site", input.site_id) if input.site_id else None,
                from_on=input.from_on, to_on=input.to_on, protected=input.protected, today=today(actor.zone),
            )  # fmt: skip
        return WorkingHoursAdded(lines=[WorkingHours.of(row) for row in rows])

    @mutation(permission="hours.write", description="Their last day.")
    async def end_working_hours(self, info: Info, id: strawberry.ID, last_day: date) -> WorkingHours:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            return WorkingHours.of(
                await room.end_hours(
                    db,
                    actor,
                    id_of("WorkingHours", id, what="line"),
                    last_day=last_day,
                    today=today(actor.zone),
                )
            )

    @mutation(permission="hours.write", description="A line written by mistake goes.")
    async def remove_working_hours(self, info: Info, id: strawberry.ID) -> TakenOff:
        async with tenant_db(actor_of(info)) as db:
            await room.remove_hours(db, actor_of(info), id_of("WorkingHours", id, what="line"))
        return TakenOff(id=id)

    @mutation(permission="hours.write", description="Whole days, both included. Nobody asks why.")
    async def add_days_away(
        self, info: Info, staff_id: strawberry.ID, from_on: date, to_on: date
    ) -> DaysAway:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            return DaysAway.of(
                await room.add_days_away(
                    db, actor, id_of("Staff", staff_id, what=MEMBER), from_on=from_on, to_on=to_on,
                    today=today(actor.zone),
                )
            )  # fmt: skip

    @mutation(permission="hours.write", description="They are there after all.")
    async def remove_days_away(self, info: Info, id: strawberry.ID) -> TakenOff:
        async with tenant_db(actor_of(info)) as db:
            await room.remove_days_away(db, actor_of(info), id_of("DaysAway", id, what="line"))
        return TakenOff(id=id)
