"""How a practice wants referrals to go, and the words for introducing a care manager, over GraphQL."""

from enum import StrEnum

import strawberry

from server.enrollment import referral_policy as room
from server.enrollment.introductions import introduced
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, Text
from server.tenants.db import tenant_db


@strawberry.enum(description="Who says an introduction.")
class Introducer(StrEnum):
    PROVIDER = "provider"
    MEDICAL_ASSISTANT = "medical_assistant"
    FRONT_DESK = "front_desk"
    CARE_MANAGER = "care_manager"


@strawberry.enum(description="How taking part is offered. Consent to a program is asked for either way.")
class ReferralAgreement(StrEnum):
    OPT_IN = "opt_in"
    TEAM_DEFAULT = "team_default"


@strawberry.type
class ReferralPolicy:
    confirmed_by_provider: bool = strawberry.field(
        description="A provider has the last word on what others suggest; a care manager may make first contact anyway."
    )
    agreement: ReferralAgreement

    @classmethod
    def of(cls, row: room.PolicyRow) -> "ReferralPolicy":
        return cls(
            confirmed_by_provider=row.confirmed_by_provider, agreement=ReferralAgreement(row.agreement)
        )


@strawberry.type(description="How somebody of a role introduces the care manager.")
class Introduction:
    role: Introducer
    words: str = strawberry.field(
        description="With fields such as {{patient}}; a line with an empty one is left out."
    )
    ours: bool = strawberry.field(description="The practice has written none of its own.")

    @strawberry.field(description="The lines to say, with their fields filled.")
    def said(
        self,
        patient: Line,
        care_manager: Line,
        colleague: Line,
        condition: Line | None = None,
        result: Line | None = None,
    ) -> list[str]:
        return introduced(
            self.words,
            {
                "patient": patient, "care_manager": care_manager, "colleague": colleague,
                "condition": condition or "", "result": result or "",
            },
        )  # fmt: skip

    @classmethod
    def of(cls, row: room.ScriptRow) -> "Introduction":
        return cls(role=Introducer(row.role), words=row.words, ours=row.ours)


@strawberry.input
class ChooseReferralPolicyInput:
    confirmed_by_provider: bool
    agreement: ReferralAgreement


@strawberry.input
class WriteIntroductionInput:
    role: Introducer
    words: Text | None = strawberry.field(default=None, description="Left out: the words we start with.")


@strawberry.type
class IntroductionsQuery:
    @field(permission="practice.read", description="How this practice wants referrals to go.")
    async def referral_policy(self, info: Info) -> ReferralPolicy:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            return ReferralPolicy.of(await room.referral_policy(db, actor))

    @field(permission="practice.read", description="One for each role.")
    async def introductions(self, info: Info) -> list[Introduction]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            return [Introduction.of(row) for row in await room.introductions(db, actor)]


@strawberry.type
class IntroductionsMutation:
    @mutation(permission="practice.write", description="Who confirms, and how taking part is offered.")
    async def choose_referral_policy(self, info: Info, input: ChooseReferralPolicyInput) -> ReferralPolicy:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            row = await room.choose_referral_policy(
                db, actor, confirmed_by_provider=input.confirmed_by_provider, agreement=input.agreement
            )
        return ReferralPolicy.of(row)

    @mutation(permission="practice.write", description="The practice’s own words for a role.")
    async def write_introduction(self, info: Info, input: WriteIntroductionInput) -> Introduction:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            row = await room.write_introduction(db, actor, role=input.role, words=input.words or "")
        return Introduction.of(row)
