"""One's own timer over GraphQL. Nobody can ask for anybody else's, whatever their role."""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import strawberry

from server.clock import now
from server.graphql.connections import global_id, id_of
from server.graphql.context import Info, actor_of
from server.graphql.enrollment import Program
from server.graphql.minutes import LATE, MinutesActivity
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, ShortText
from server.minutes import stretches, timer_choice, timer_queries, timers
from server.minutes.arithmetic import Span, whole_seconds
from server.minutes.timing import MOST_BURSTS, Heard
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db

WRITE = "minutes.write"


@strawberry.enum(description="How one's timer starts when a chart is opened.")
class TimerStart(StrEnum):
    AUTOMATIC = "automatic"
    MANUAL = "manual"
    NEVER = "never"


@strawberry.enum
class TimerState(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"
    SET_ASIDE = "set_aside"
    DISCARDED = "discarded"


@strawberry.enum(description="Worked; idle: nobody typed or moved; unseen: no page was open.")
class StretchKind(StrEnum):
    WORKED = "worked"
    IDLE = "idle"
    UNSEEN = "unseen"


@strawberry.enum(description="`OPEN` and `REFUSED` wait for their owner.")
class StretchState(StrEnum):
    OPEN = "open"
    REFUSED = "refused"
    KEPT = "kept"
    ENTERED = "entered"
    TRIMMED = "trimmed"
    DISCARDED = "discarded"


@strawberry.enum(description="What an owner decides about a piece of their time.")
class StretchDecision(StrEnum):
    KEEP = "keep"
    REASSIGN = "reassign"
    TRIM = "trim"


@strawberry.type(description="A piece of a timer's time and what its owner decided about it.")
class TimerStretch:
    id: strawberry.ID
    timer_id: strawberry.ID
    patient_id: strawberry.ID
    patient_name: str
    kind: StretchKind
    state: StretchState
    started_at: datetime
    ended_at: datetime
    seconds: int
    time_entry_id: strawberry.ID | None = strawberry.field(description="The entry it became.")
    code: str = strawberry.field(
        description="Why the ledger refused it, in UPPER_SNAKE; empty if it did not."
    )
    message: str
    next_step: str
    reason: str

    @classmethod
    def of(cls, row: timer_queries.StretchRow) -> "TimerStretch":
        return cls(
            id=global_id("TimerStretch", row.id),
            timer_id=global_id("Timer", row.timer_id),
            patient_id=global_id("Patient", row.patient_id),
            patient_name=f"{row.given_names} {row.family_name}".strip(),
            kind=StretchKind(row.kind),
            state=StretchState(row.state),
            started_at=row.started_at,
            ended_at=row.ended_at,
            seconds=whole_seconds(Span(row.started_at, row.ended_at).lasts),
            time_entry_id=global_id("TimeEntry", row.entry_id) if row.entry_id else None,
            code=row.code,
            message=row.message,
            next_step=row.next_step,
            reason=row.reason,
        )


@strawberry.type(description="One of one's own timers. It shows what was counted, never how much is wanted.")
class Timer:
    id: strawberry.ID
    patient_id: strawberry.ID
    patient_name: str
    program: Program | None
    activity: MinutesActivity
    automatic: bool = strawberry.field(description="It started with the chart.")
    state: TimerState
    started_at: datetime
    seen_at: datetime = strawberry.field(description="When a page was last known to be open.")
    stopped_at: datetime | None
    seconds: int = strawberry.field(description="What counts of it by now.")
    stretches: list[TimerStretch]

    @classmethod
    def of(cls, row: timer_queries.TimerRow, stretches: list[timer_queries.StretchRow]) -> "Timer":
        return cls(
            id=global_id("Timer", row.id),
            patient_id=global_id("Patient", row.patient_id),
            patient_name=f"{row.given_names} {row.family_name}".strip(),
            program=Program(row.program) if row.program else None,
            activity=MinutesActivity(row.activity),
            automatic=row.automatic,
            state=TimerState(row.state),
            started_at=row.started_at,
            seen_at=row.seen_at,
            stopped_at=row.stopped_at,
            seconds=row.seconds(now()),
            stretches=[TimerStretch.of(stretch) for stretch in stretches],
        )


@strawberry.type(description="One's own timer, how it starts, and the pieces of one's time that wait.")
class MyTimer:
    running: Timer | None
    start: TimerStart
    idle_minutes: int = strawberry.field(description="After how long a silence is pointed out.")
    to_sort_out: list[TimerStretch] = strawberry.field(description="Oldest first.")
    draft_ids: list[strawberry.ID] = strawberry.field(description="Time entries of one's own to confirm.")


@strawberry.input(description="When somebody typed or moved, in milliseconds ago.")
class BurstInput:
    from_ago: int
    until_ago: int


@strawberry.input(
    description="What an open page tells. It counts by a clock of its own that only runs forward, and never says what "
    "time it is."
)
class PageInput:
    page: Line = strawberry.field(description="Its own name: another one after every load.")
    counted: int = strawberry.field(description="Milliseconds it has been open.")
    bursts: list[BurstInput] | None = strawberry.field(
        default=None, description="Since its last answered beat; shorter silences left out."
    )
    ago: int = strawberry.field(
        default=0,
        description="In `stopTimer`: milliseconds since stop was pressed, if it could not be sent then.",
    )

    def value(self) -> Heard:
        bursts = tuple((_ms(b.from_ago), _ms(b.until_ago)) for b in self.bursts or ())
        return Heard(self.page, _ms(self.counted), bursts[-MOST_BURSTS:], _ms(self.ago))


@strawberry.input
class StartTimerInput:
    patient_id: strawberry.ID
    program: Program | None = strawberry.field(default=None, description="Left out: the one they are in.")
    activity: MinutesActivity | None = None
    automatic: bool = strawberry.field(
        default=False, description="By opening the chart: refused where one chose otherwise."
    )
    page: PageInput | None = None

    def value(self) -> timers.Start:
        return timers.Start(self.program or "", self.activity or "", self.automatic, _heard(self.page))


@strawberry.input
class SwitchTimerInput(StartTimerInput):
    pass


@strawberry.input
class BeatTimerInput:
    timer_id: strawberry.ID
    page: PageInput


@strawberry.input(description="What is left out stays as it was started.")
class StopTimerInput:
    timer_id: strawberry.ID
    program: Program | None = None
    activity: MinutesActivity | None = None
    page: PageInput | None = None


@strawberry.input
class DiscardTimerInput:
    timer_id: strawberry.ID
    reason: ShortText | None = None


@strawberry.input(
    description="What is left out is as in the timer. A part left out is trimmed; of work it goes on waiting."
)
class DecideStretchInput:
    timer_stretch_id: strawberry.ID
    decision: StretchDecision
    reason: ShortText | None = None
    patient_id: strawberry.ID | None = strawberry.field(
        default=None, description="For whom, when reassigned."
    )
    program: Program | None = None
    activity: MinutesActivity | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    late: bool = strawberry.field(default=False, description=LATE)


@strawberry.input
class SetTimerStartInput:
    start: TimerStart
    idle_minutes: int = strawberry.field(default=5, description="1 to 60.")


@strawberry.type
class TimersQuery:
    @field(permission=WRITE, description="One's own timer and what waits to be sorted out.")
    async def my_timer(self, info: Info) -> MyTimer:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            return await _mine(db, actor)


@strawberry.type
class TimersMutation:
    @mutation(permission=WRITE, description="Start for this person; at most one runs.")
    async def start_timer(self, info: Info, input: StartTimerInput) -> Timer:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            made = await timers.start_timer(db, actor, id_of("Patient", input.patient_id), input.value())
            return await _again(db, actor, made.id)

    @mutation(permission=WRITE, description="Stop what runs and start for this person, at one instant.")
    async def switch_timer(self, info: Info, input: SwitchTimerInput) -> Timer:
        actor = actor_of(info)
        start = input.value()
        async with tenant_db(actor) as db:
            made = await timers.switch_timer(
                db, actor, id_of("Patient", input.patient_id), start, timers.Stop(heard=start.heard)
            )
            return await _again(db, actor, made.id)

    @mutation(
        permission=WRITE, description="A page is still open. A timer that was stopped answers with its state."
    )
    async def beat_timer(self, info: Info, input: BeatTimerInput) -> Timer:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            timer = await timers.beat_timer(
                db, actor, _key(input.timer_id), replace(input.page.value(), ago=timedelta(0))
            )
            return await _again(db, actor, timer.id)

    @mutation(
        permission=WRITE,
        description="Stop it and enter its minutes. What the ledger refuses waits in `toSortOut`, with its sentence.",
    )
    async def stop_timer(self, info: Info, input: StopTimerInput) -> Timer:
        actor = actor_of(info)
        stop = timers.Stop(input.program or "", input.activity or "", _heard(input.page))
        async with tenant_db(actor) as db:
            timer = await timers.stop_timer(db, actor, _key(input.timer_id), stop)
            return await _again(db, actor, timer.id)

    @mutation(permission=WRITE, description="It was no work on that person: nothing of it counts.")
    async def discard_timer(self, info: Info, input: DiscardTimerInput) -> Timer:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            timer = await timers.discard_timer(db, actor, _key(input.timer_id), reason=input.reason or "")
            return await _again(db, actor, timer.id)

    @mutation(permission=WRITE, description="Keep, reassign or trim a piece of one's own time.")
    async def decide_stretch(self, info: Info, input: DecideStretchInput) -> Timer:
        actor = actor_of(info)
        decision = stretches.Decision(
            input.decision,
            input.reason or "",
            id_of("Patient", input.patient_id) if input.patient_id else None,
            input.program or "",
            input.activity or "",
            input.started_at,
            input.ended_at,
            input.late,
        )
        async with tenant_db(actor) as db:
            key = id_of("TimerStretch", input.timer_stretch_id, what="piece of time")
            stretch = await stretches.decide_stretch(db, actor, key, decision)
            return await _again(db, actor, stretch.timer_id)

    @mutation(permission=WRITE, description="How one's own timer starts.")
    async def set_timer_start(self, info: Info, input: SetTimerStartInput) -> MyTimer:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            await timer_choice.choose_timer_start(
                db, actor, start=input.start, idle_minutes=input.idle_minutes
            )
            return await _mine(db, actor)


async def _mine(db: Db, actor: Actor) -> MyTimer:
    running = await timer_queries.my_running_timer(db, actor)
    choice = await timer_choice.my_choice(db, actor)
    waiting = await timer_queries.my_stretches(db, actor)
    drafts = await timer_queries.my_unconfirmed(db, actor)
    of_running = await timer_queries.stretches_of_timer(db, actor, running.id) if running else []
    seen = [row.patient_id for row in waiting] + [row.patient_id for row in drafts]
    seen += [running.patient_id] if running else []
    db.note(actor, "timer.read", entity="timer", patient_ids=seen)
    return MyTimer(
        running=Timer.of(running, of_running) if running else None,
        start=TimerStart(choice.start),
        idle_minutes=choice.idle_minutes,
        to_sort_out=[TimerStretch.of(row) for row in waiting],
        draft_ids=[global_id("TimeEntry", row.id) for row in drafts],
    )


async def _again(db: Db, actor: Actor, timer_id: UUID) -> Timer:
    await db.flush()
    row = await timer_queries.my_timer(db, actor, timer_id)
    if row is None:
        raise RuntimeError("a timer vanished inside its own transaction")
    return Timer.of(row, await timer_queries.stretches_of_timer(db, actor, timer_id))


def _key(id: strawberry.ID) -> UUID:
    return id_of("Timer", id)


def _heard(page: PageInput | None) -> Heard | None:
    return page.value() if page else None


def _ms(count: int) -> timedelta:
    return timedelta(milliseconds=count)
