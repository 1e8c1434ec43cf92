"""Months, lines and holds, over GraphQL."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from server.claims.actions import Closed, close_month
from server.claims.queries import DecisionRow, HoldRow, LineRow, MonthRow, closes, month_decisions
from server.errors import Refused
from server.graphql.connections import (
    After,
    Connection,
    First,
    Node,
    Ordering,
    global_id,
    page_from_rows,
    rows_to_fetch,
)
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line as LineText
from server.tenants.db import tenant_db

BY_NAME = Ordering("claims.by_name", str, UUID)
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


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
        )


@strawberry.type(description="What a payer's rules said of one patient's month; the newest version.")
class MonthDecision(Node):
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


@strawberry.type(description="A closing of a month.")
class MonthClose(Node):
    month: str
    state: str
    patients: int
    lines: int
    holds: int
    unchanged: int = strawberry.field(description="Patient-months whose answer was the same as before.")
    result_hash: str = strawberry.field(description="sha256 over every newest decision of the month.")

    @classmethod
    def of(cls, row: MonthRow | Closed) -> "MonthClose":
        return cls(
            id=global_id("MonthClose", row.id),
            month=row.month,
            state=row.state if isinstance(row, MonthRow) else "done",
            patients=row.patients,
            lines=row.lines,
            holds=row.holds,
            unchanged=row.unchanged,
            result_hash=row.result_hash,
        )


def month_of(text: str) -> str:
    """`text` if it is a month."""
    if not _MONTH.fullmatch(text):
        raise Refused("BAD_MONTH", "This is not a month.", "Write year and month, like 2026-10.", "month")
    return text


@strawberry.type
class ClaimsQuery:
    @field(permission="claims.read", description="The newest closing of each month, newest month first.")
    async def month_closes(self, info: Info) -> list[MonthClose]:
        async with tenant_db(actor_of(info), read_only=True) as db:
            return [MonthClose.of(row) for row in await closes(db, actor_of(info))]

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
                db, actor, month_of(month), limit=rows_to_fetch(first), position=cursors.read(after)
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
        description="Decide every patient's month. Again with the same facts, it changes nothing.",
    )
    async def close_month(self, info: Info, month: LineText) -> MonthClose:
        return MonthClose.of(await close_month(actor_of(info), month_of(month)))
