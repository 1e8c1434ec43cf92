"""What a person decided about a patient's month, over GraphQL: chosen with a reason, taken back with a reason."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import strawberry

from server.claims import overrides as choices
from server.claims.month import check_month
from server.claims.overrides import OverrideRow
from server.errors import not_found
from server.graphql.connections import Node, global_id, id_of
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, ShortText
from server.tenants.actor import Actor
from server.tenants.db import Db, tenant_db


@strawberry.enum(
    description="What a person may decide about one patient's month. WITHHOLD: do not bill the code `target`, or nothing "
    "at all. CHOOSE: decide by the policy `target`, which the rules offer too. ACCEPT: the hold `target` does not stand "
    "in the way; only where its rule leaves that to a person."
)
class OverrideKind(StrEnum):
    WITHHOLD = "withhold"
    CHOOSE = "choose"
    ACCEPT = "accept"


@strawberry.type(
    description="A choice about one patient's month, in force at every closing until it is withdrawn."
)
class MonthOverride(Node):
    month: str
    kind: OverrideKind
    target: str
    reason: str
    made_at: datetime
    made_by: str | None
    withdraws: strawberry.ID | None = strawberry.field(description="It takes this choice back.")
    in_force: bool

    @classmethod
    def of(cls, row: OverrideRow) -> "MonthOverride":
        return cls(
            id=global_id("MonthOverride", row.id),
            month=row.month,
            kind=OverrideKind(row.kind),
            target=row.target,
            reason=row.reason,
            made_at=row.made_at,
            made_by=row.made_by_name,
            withdraws=global_id("MonthOverride", row.withdraws_id) if row.withdraws_id else None,
            in_force=row.withdraws_id is None and not row.withdrawn,
        )


@strawberry.input
class OverrideMonthInput:
    patient_id: strawberry.ID
    month: Line
    kind: OverrideKind
    target: Line | None = strawberry.field(
        default=None, description="A code, a policy or a hold; left out: the whole month is withheld."
    )
    reason: ShortText


@strawberry.input
class WithdrawOverrideInput:
    override_id: strawberry.ID
    reason: ShortText


@strawberry.type
class OverridesQuery:
    @field(
        permission="claims.read",
        description="What people decided about one patient's month, withdrawals too, in the order it was made.",
    )
    async def month_overrides(
        self, info: Info, patient_id: strawberry.ID, month: Line
    ) -> list[MonthOverride]:
        actor, patient = actor_of(info), id_of("Patient", patient_id)
        async with tenant_db(actor, read_only=True) as db:
            return await _of(db, actor, patient, check_month(month))


@strawberry.type
class OverridesMutation:
    @mutation(
        permission="claims.close",
        description="Choose for one patient's month, with a reason. The next closing goes by it.",
    )
    async def override_month(self, info: Info, input: OverrideMonthInput) -> MonthOverride:
        actor, patient, month = actor_of(info), id_of("Patient", input.patient_id), check_month(input.month)
        async with tenant_db(actor) as db:
            made = await choices.override_month(
                db, actor, patient, month, kind=input.kind, target=input.target or "", reason=input.reason
            )
            return await _one(db, actor, patient, month, made)

    @mutation(
        permission="claims.close",
        description="Take a choice back, with a reason. The next closing no longer goes by it.",
    )
    async def withdraw_override(self, info: Info, input: WithdrawOverrideInput) -> MonthOverride:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            made = await choices.withdraw_override(
                db, actor, id_of("MonthOverride", input.override_id, what="choice"), reason=input.reason
            )
            return await _one(db, actor, made.patient_id, made.month, made.id)


async def _of(db: Db, actor: Actor, patient: UUID, month: str) -> list[MonthOverride]:
    rows = await choices.overrides_of(db, actor, patient, month)
    return [MonthOverride.of(row) for row in rows]


async def _one(db: Db, actor: Actor, patient: UUID, month: str, id: UUID) -> MonthOverride:
    wanted = global_id("MonthOverride", id)
    found = next((one for one in await _of(db, actor, patient, month) if one.id == wanted), None)
    if found is None:
        raise not_found("choice")
    return found
