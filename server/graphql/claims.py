"""Months, lines and holds, over GraphQL."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from server.claims.actions import UNDER_WAY, ask_to_close, stop_closing
from server.claims.difference import Change
from server.claims.month import check_month
from server.claims.queries import (
    DecisionRow,
    HoldRow,
    LineRow,
    MonthRow,
    changes_of_closes,
    close_row,
    closes,
    month_decisions,
)
from server.claims.versions import changes_of
from server.graphql.connections import (
    After,
    Connection,
    First,
    Node,
    Ordering,
    global_id,
    id_of,
    page_from_rows,
    rows_to_fetch,
)
from server.graphql.context import Info, actor_of, batch
from server.graphql.refusals import field, mutation, subscription
from server.graphql.scalars import Line as LineText
from server.minutes.closed import Changed
from server.tenants.actor import Actor
from server.tenants.db import tenant_db

BY_NAME = Ordering("claims.by_name", str, UUID)
_LOOK_AGAIN_SECONDS = 0.5


@strawberry.type(description="Where a rule or a number is written.")
class Citation:
    title: str
    section: str
    where: str
    status: str
    reviewed_on: str
    basis: str = strawberry.field(
        description="How well it stands: published, general_knowledge, uncertain, our_policy."
    )

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Citation":
        return cls(
            title=told["title"],
            section=told.get("section", ""),
            where=told.get("where", ""),
            status=told.get("status", "FINAL"),
            reviewed_on=told.get("reviewed_on") or "",
            basis=told.get("basis", "published"),
        )


@strawberry.type(description="One fact a line or hold rests on.")
class FactUsed:
    name: str
    value: str


@strawberry.type(description="One line of a claim, with its reason and its source.")
class ClaimLine(Node):
    program: str
    code: str
    label: str
    units: int
    modifiers: list[str]
    service_on: date
    amount: Decimal | None = strawberry.field(
        description="Dollars for all units; null where no rate is held."
    )
    amount_note: str
    entry_ids: list[strawberry.ID] = strawberry.field(description="The minutes it rests on.")
    rule_id: str
    sentence: str
    facts_used: list[FactUsed]
    citations: list[Citation]
    what_would_change: str

    @classmethod
    def of(cls, row: LineRow) -> "ClaimLine":
        return cls(
            id=global_id("ClaimLine", row.id),
            program=row.program,
            code=row.code,
            label=row.label,
            units=row.units,
            modifiers=list(row.modifiers),
            service_on=row.service_on,
            amount=row.amount,
            amount_note=row.amount_note,
            entry_ids=[global_id("TimeEntry", id) for id in row.entry_ids],
            rule_id=row.rule_id,
            sentence=row.sentence,
            facts_used=[FactUsed(**fact) for fact in row.facts_used],
            citations=[Citation.of(told) for told in row.citations],
            what_would_change=row.what_would_change,
        )


@strawberry.type(description="Why something is not billed.")
class ClaimHold(Node):
    program: str
    reason: str = strawberry.field(description="Stable, in UPPER_SNAKE; safe to switch on.")
    sentence: str
    next_step: str
    rule_id: str
    facts_used: list[FactUsed]
    citations: list[Citation]
    what_would_change: str
    mendable: bool = strawberry.field(description="Whether a person can do something about it.")
    may_accept: bool = strawberry.field(
        description="Whether its rule lets a person say, with a reason, that it does not stand in the way."
    )

    @classmethod
    def of(cls, row: HoldRow) -> "ClaimHold":
        return cls(
            id=global_id("ClaimHold", row.id),
            program=row.program,
            reason=row.reason,
            sentence=row.sentence,
            next_step=row.next_step,
            rule_id=row.rule_id,
            facts_used=[FactUsed(**fact) for fact in row.facts_used],
            citations=[Citation.of(told) for told in row.citations],
            what_would_change=row.what_would_change,
            mendable=row.mendable,
            may_accept=row.may_accept,
        )


@strawberry.type(description="One difference against the version before.")
class DecisionChange:
    kind: str = strawberry.field(
        description="line_added, line_removed, line_changed, hold_added, hold_removed, minutes or policy."
    )
    sentence: str


batch("changes_of_decision", changes_of, empty=tuple)


@strawberry.type(description="What a payer's rules said of one patient's month; the newest version.")
class MonthDecision(Node):
    key: strawberry.Private[UUID]
    patient_id: strawberry.ID
    patient_name: str
    month: str
    version: int
    payer: str
    plugin: str = strawberry.field(description="Which plugin answered; empty when none knows the payer.")
    plugin_version: str
    rule_set_hash: str
    policy: str
    facts_fingerprint: str
    decided_at: datetime
    lines: list[ClaimLine]
    holds: list[ClaimHold]

    @classmethod
    def of(cls, row: DecisionRow) -> "MonthDecision":
        return cls(
            id=global_id("MonthDecision", row.id),
            key=row.id,
            patient_id=global_id("Patient", row.patient_id),
            patient_name=f"{row.given_names} {row.family_name}".strip(),
            month=row.month,
            version=row.version,
            payer=row.payer_name,
            plugin=row.plugin,
            plugin_version=row.plugin_version,
            rule_set_hash=row.rule_set_hash,
            policy=row.policy,
            facts_fingerprint=row.facts_fingerprint,
            decided_at=row.decided_at,
            lines=[ClaimLine.of(line) for line in row.lines],
            holds=[ClaimHold.of(hold) for hold in row.holds],
        )

    @strawberry.field(description="What this version changed against the one before it; empty for the first.")
    async def changes(self, info: Info) -> list[DecisionChange]:
        found: tuple[Change, ...] = await info.context.load("changes_of_decision", self.key)
        return [DecisionChange(kind=one.kind, sentence=one.sentence) for one in found]


@strawberry.type(
    description="What changed in a month since it was closed; closing it again decides about it."
)
class ChangedSince:
    people: int
    last_at: datetime


batch("changes_of_closes", changes_of_closes, empty=lambda: None)


@strawberry.type(description="A closing of a month: a run that may still be under way.")
class MonthClose(Node):
    month: str
    state: str = strawberry.field(
        description="asked, running, done or stopped. The counts below are of a run that is done."
    )
    patients: int = strawberry.field(description="How many patients the run is about; 0 while it is `asked`.")
    decided: int = strawberry.field(description="How many of them are decided so far.")
    lines: int
    holds: int
    unchanged: int = strawberry.field(description="Patient-months whose answer was the same as before.")
    result_hash: str = strawberry.field(description="sha256 over every newest decision of the month.")
    key: strawberry.Private[UUID]
    asked_at: datetime
    asked_by: str | None = strawberry.field(description="Null: from the command line.")
    ended_at: datetime | None
    stopped_by: str | None

    @classmethod
    def of(cls, row: MonthRow) -> "MonthClose":
        return cls(
            id=global_id("MonthClose", row.id),
            key=row.id,
            month=row.month,
            state=row.state,
            patients=row.patients,
            decided=row.decided,
            lines=row.lines,
            holds=row.holds,
            unchanged=row.unchanged,
            result_hash=row.result_hash,
            asked_at=row.made_at,
            asked_by=row.made_by_name,
            ended_at=row.ended_at,
            stopped_by=row.stopped_by_name,
        )

    @strawberry.field(
        description="Minutes of the month that changed after its newest closing began; null: none."
    )
    async def changed_since(self, info: Info) -> ChangedSince | None:
        changed: Changed | None = await info.context.load("changes_of_closes", self.key)
        return ChangedSince(people=len(changed.patient_ids), last_at=changed.last_at) if changed else None


@strawberry.type
class ClaimsQuery:
    @field(permission="claims.read", description="The newest closing of each month, newest month first.")
    async def month_closes(self, info: Info) -> list[MonthClose]:
        async with tenant_db(actor_of(info), read_only=True) as db:
            return [MonthClose.of(row) for row in await closes(db, actor_of(info))]

    @field(permission="claims.read", description="One closing, as far as it has come.")
    async def month_close(self, info: Info, close_id: strawberry.ID) -> MonthClose:
        return await _close(actor_of(info), close_id)

    @field(
        permission="claims.read",
        description="The newest decision of each patient of a month, by family name.",
    )
    async def month_decisions(
        self, info: Info, month: LineText, first: First = 50, after: After = None
    ) -> Connection[MonthDecision]:
        actor = actor_of(info)
        cursors = BY_NAME.within(actor.tenant_id)
        async with tenant_db(actor, read_only=True) as db:
            rows = await month_decisions(
                db, actor, check_month(month), limit=rows_to_fetch(first), position=cursors.read(after)
            )
        return page_from_rows(
            rows,
            first,
            cursor_of=lambda row: cursors.write(row.family_key, row.patient_id),
            node_of=MonthDecision.of,
            after=after,
        )


@strawberry.type
class ClaimsMutation:
    @mutation(
        permission="claims.close",
        alone=True,
        description="Have every patient's month decided. Answers at once with the run; `monthCloseProgress` tells "
        "how it goes on. While a run of the month is under way, that one is returned. Again with the same facts, it "
        "changes nothing.",
    )
    async def close_month(self, info: Info, month: LineText) -> MonthClose:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            close_id = await ask_to_close(db, actor, check_month(month))
            return MonthClose.of(await close_row(db, actor, close_id))

    @mutation(
        permission="claims.close",
        description="Stop a closing that is under way. What was decided stays decided; closing again takes up the "
        "rest.",
    )
    async def stop_closing(self, info: Info, close_id: strawberry.ID) -> MonthClose:
        actor = actor_of(info)
        run = id_of("MonthClose", close_id, what="closing")
        async with tenant_db(actor) as db:
            await stop_closing(db, actor, run)
            return MonthClose.of(await close_row(db, actor, run))


@strawberry.type
class ClaimsSubscription:
    @subscription(
        permission="claims.read",
        description="A closing as it goes on: once at the start, at every change, and last when it is done or stopped.",
    )
    async def month_close_progress(
        self, info: Info, close_id: strawberry.ID
    ) -> AsyncGenerator[MonthClose, None]:
        actor, told = actor_of(info), None
        while True:
            now = await _close(actor, close_id)
            if now != told:
                told = now
                yield now
            if now.state not in UNDER_WAY:
                return
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def _close(actor: Actor, id: strawberry.ID) -> MonthClose:
    async with tenant_db(actor, read_only=True) as db:
        return MonthClose.of(await close_row(db, actor, id_of("MonthClose", id, what="closing")))
