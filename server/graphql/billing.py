"""What claims say about the practice, over GraphQL: who bills, where, who treats, how payers are reached, charges."""

from datetime import date
from decimal import Decimal

import strawberry

from server.graphql.connections import Node, global_id, id_of, told
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line
from server.tenants import billing_identity, charges
from server.tenants.billing_statements import (
    ChargeRow,
    IdentityRow,
    ProviderBillingRow,
    RouteRow,
    SiteBillingRow,
)
from server.tenants.db import tenant_db

_HELD = "Every statement holds from a day on; the one written last for a day counts."


@strawberry.type(description=f"Who bills. {_HELD}")
class BillingIdentity(Node):
    from_on: date
    legal_name: str
    tin: str
    tin_kind: str = strawberry.field(description="EI (employer number) or SY (Social Security number).")
    npi: str
    taxonomy: str
    street: str
    city: str
    state: str
    zip: str
    contact_name: str
    contact_phone: str
    contact_email: str
    submitter_id: str

    @classmethod
    def of(cls, row: IdentityRow) -> "BillingIdentity":
        return told(cls, row)


@strawberry.type(description=f"A site as a claim names it. {_HELD}")
class SiteBilling(Node):
    site_id: strawberry.ID
    from_on: date
    legal_name: str
    npi: str
    place_of_service: str
    street: str
    city: str
    state: str
    zip: str

    @classmethod
    def of(cls, row: SiteBillingRow) -> "SiteBilling":
        return told(cls, row, site_id=global_id("Site", row.site_id))


@strawberry.type(description=f"How claims reach a payer. {_HELD}")
class PayerRoute(Node):
    payer_id: strawberry.ID
    from_on: date
    receiver_id: str
    receiver_name: str
    claim_payer_name: str
    claim_payer_id: str
    filing_indicator: str
    production: bool = strawberry.field(
        description="False: files are marked as a test, and their claims are not sent."
    )
    provider_number: str
    names_supervisor: bool
    filing_days: int

    @classmethod
    def of(cls, row: RouteRow) -> "PayerRoute":
        return told(cls, row, payer_id=global_id("Payer", row.payer_id))


@strawberry.type(description=f"A practitioner as a claim names one. {_HELD}")
class ProviderBilling(Node):
    staff_id: strawberry.ID
    from_on: date
    family_name: str
    given_name: str
    taxonomy: str

    @classmethod
    def of(cls, row: ProviderBillingRow) -> "ProviderBilling":
        return told(cls, row, staff_id=global_id("Staff", row.staff_id))


@strawberry.type(description=f"What the practice asks for one unit of a code, in dollars. {_HELD}")
class Charge(Node):
    code: str
    from_on: date
    amount: Decimal

    @classmethod
    def of(cls, row: ChargeRow) -> "Charge":
        return told(cls, row)


@strawberry.type(description="Everything ever stated, what was written last first; charges by code.")
class Billing:
    identities: list[BillingIdentity]
    sites: list[SiteBilling]
    routes: list[PayerRoute]
    providers: list[ProviderBilling]
    charges: list[Charge]


@strawberry.input
class StateIdentityInput:
    from_on: date
    legal_name: Line
    tin: Line
    tin_kind: Line
    npi: Line
    taxonomy: Line
    street: Line
    city: Line
    state: Line
    zip: Line
    contact_name: Line
    contact_phone: Line
    submitter_id: Line
    contact_email: Line | None = None


@strawberry.input
class StateSiteBillingInput:
    site_id: strawberry.ID
    from_on: date
    legal_name: Line
    place_of_service: Line
    street: Line
    city: Line
    state: Line
    zip: Line
    npi: Line | None = None


@strawberry.input
class StateRouteInput:
    payer_id: strawberry.ID
    from_on: date
    receiver_id: Line
    receiver_name: Line
    claim_payer_name: Line
    claim_payer_id: Line
    filing_indicator: Line
    production: bool = False
    provider_number: Line | None = None
    names_supervisor: bool = False
    filing_days: int = 365


@strawberry.input
class StateProviderBillingInput:
    staff_id: strawberry.ID
    from_on: date
    family_name: Line
    given_name: Line
    taxonomy: Line


@strawberry.input
class StateChargeInput:
    code: Line
    from_on: date
    amount: Decimal


@strawberry.type
class BillingQuery:
    @field(permission="billing.read", description="What claims say about the practice, and since when.")
    async def billing(self, info: Info) -> Billing:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            return Billing(
                identities=[
                    BillingIdentity.of(r) for r in await billing_identity.identity_history(db, actor)
                ],
                sites=[SiteBilling.of(r) for r in await billing_identity.site_billing_history(db, actor)],
                routes=[PayerRoute.of(r) for r in await billing_identity.route_history(db, actor)],
                providers=[
                    ProviderBilling.of(r) for r in await billing_identity.provider_billing_history(db, actor)
                ],
                charges=[Charge.of(r) for r in await charges.charge_history(db, actor)],
            )


@strawberry.type
class BillingMutation:
    @mutation(permission="billing.write", description="Who bills, from a day on, or a correction of that.")
    async def state_identity(self, info: Info, input: StateIdentityInput) -> BillingIdentity:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            row = await billing_identity.state_identity(
                db, actor, from_on=input.from_on, legal_name=input.legal_name, tin=input.tin, tin_kind=input.tin_kind,
                npi=input.npi, taxonomy=input.taxonomy, street=input.street, city=input.city, state=input.state,
                zip=input.zip, contact_name=input.contact_name, contact_phone=input.contact_phone,
                contact_email=input.contact_email or "", submitter_id=input.submitter_id,
            )  # fmt: skip
        return BillingIdentity.of(row)

    @mutation(permission="billing.write", description="How a claim names a site, from a day on.")
    async def state_site_billing(self, info: Info, input: StateSiteBillingInput) -> SiteBilling:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            row = await billing_identity.state_site_billing(
                db, actor, id_of("Site", input.site_id), from_on=input.from_on, legal_name=input.legal_name,
                npi=input.npi or "", place_of_service=input.place_of_service, street=input.street, city=input.city,
                state=input.state, zip=input.zip,
            )  # fmt: skip
        return SiteBilling.of(row)

    @mutation(permission="billing.write", description="How claims reach a payer, from a day on.")
    async def state_route(self, info: Info, input: StateRouteInput) -> PayerRoute:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            row = await billing_identity.state_route(
                db, actor, id_of("Payer", input.payer_id), from_on=input.from_on, receiver_id=input.receiver_id,
                receiver_name=input.receiver_name, claim_payer_name=input.claim_payer_name,
                claim_payer_id=input.claim_payer_id, filing_indicator=input.filing_indicator,
                production=input.production, provider_number=input.provider_number or "",
                names_supervisor=input.names_supervisor, filing_days=input.filing_days,
            )  # fmt: skip
        return PayerRoute.of(row)

    @mutation(permission="billing.write", description="How a claim names a practitioner, from a day on.")
    async def state_provider_billing(self, info: Info, input: StateProviderBillingInput) -> ProviderBilling:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            row = await billing_identity.state_provider_billing(
                db, actor, id_of("Staff", input.staff_id, what="person on the staff"), from_on=input.from_on,
                family_name=input.family_name, given_name=input.given_name, taxonomy=input.taxonomy,
            )  # fmt: skip
        return ProviderBilling.of(row)

    @mutation(permission="billing.write", description="What one unit of a code costs, from a day on.")
    async def state_charge(self, info: Info, input: StateChargeInput) -> Charge:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            row = await charges.state_charge(
                db, actor, code=input.code, from_on=input.from_on, amount=input.amount
            )
        return Charge.of(row)
