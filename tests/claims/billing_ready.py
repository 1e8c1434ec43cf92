"""A practice that can bill, and people whose claims lack nothing, so that a test takes away exactly one thing."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import care
import sqlalchemy as sa
from cast import World
from sqlalchemy.ext.asyncio import AsyncEngine

from server.graphql.connections import global_id
from server.patients.coverages import Subscriber, change_subscriber
from server.patients.details import set_address
from server.tenants.billing_identity import state_identity, state_provider_billing, state_route
from server.tenants.charges import state_charge
from server.tenants.db import tenant_db

BEFORE = date(2020, 1, 1)
IDENTITY = {
    "legal_name": "Lakeside Family Medicine PC", "tin": "12-3456789", "tin_kind": "EI", "npi": "1881000008",
    "taxonomy": "207Q00000X", "street": "100 Main St", "city": "Detroit", "state": "MI", "zip": "48226-1906",
    "contact_name": "Bill Janssen", "contact_phone": "(313) 555-0100", "contact_email": "billing@lakeside.example",
    "submitter_id": "LAKESIDE01",
}  # fmt: skip
ROUTES = {
    "medicare_part_b": ("08202", "WPS GHA Medicare J8 Michigan", "Medicare Part B Michigan", "08202", "MB"),
    "bcbsm": ("PAYERID01", "BCBSM", "Blue Cross Blue Shield of Michigan", "PAYERID01", "BL"),
}
CHARGES = {
    "99490": "100.00", "99439": "80.00", "99487": "180.00", "99489": "95.50", "G9002": "75.00", "99491": "130.00",
    "98966": "20.00", "98967": "35.00", "98968": "50.00",
}  # fmt: skip


async def ready_to_bill(world: World, *, production: bool = True, leave_out: str = "") -> None:
    """State everything, unless `leave_out` names identity, route, provider or charges."""
    bill = world.actor("bill")
    async with tenant_db(bill) as db:
        if leave_out != "identity":
            await state_identity(db, bill, from_on=BEFORE, **IDENTITY)
        if leave_out != "provider":
            await state_provider_billing(
                db, bill, world.staff["dr_lin"], from_on=BEFORE, family_name="Wei", given_name="Lin",
                taxonomy="207Q00000X",
            )  # fmt: skip
        for kind, (receiver, name, payer, number, filing) in ROUTES.items():
            if leave_out != "route":
                await state_route(
                    db, bill, world.payers[kind], from_on=BEFORE, receiver_id=receiver, receiver_name=name,
                    claim_payer_name=payer, claim_payer_id=number, filing_indicator=filing, production=production,
                )  # fmt: skip
        for code, amount in CHARGES.items():
            if leave_out != "charges":
                await state_charge(db, bill, code=code, from_on=BEFORE, amount=Decimal(amount))


async def billable(
    world: World, behind: AsyncEngine, month: str, *lengths: int, payer: str = "medicare_part_b",
    subscriber: Subscriber | None = None, member: str = "1EG4-TE5-MK73", address: bool = True, hour: int = 14, **more: Any,
) -> UUID:  # fmt: skip
    """Somebody in care with minutes, whose claim lacks nothing."""
    program = "ccm" if payer == "medicare_part_b" else "pdcm"
    id: UUID = await care.someone_in_care(world, month, payer=payer, program=program, **more)
    nora = world.actor("nora")
    async with tenant_db(nora) as db:
        if address:
            await set_address(db, nora, id, street="200 Oak Ave", city="Detroit", state="MI", zip="48227")
    async with behind.begin() as connection:
        await connection.execute(sa.text("update patient set sex = 'female' where id = :id"), {"id": id})
        coverage = await connection.scalar(
            sa.text("select id from coverage where patient_id = :id"), {"id": id}
        )
    if coverage is not None:
        async with tenant_db(nora) as db:
            await change_subscriber(
                db, nora, id, coverage, member_id=member, group_number="GRP0001" if payer == "bcbsm" else "",
                subscriber=subscriber,
            )  # fmt: skip
    if lengths:
        await care.minutes(world, id, month, *lengths, program=program, hour=hour)
    return id


def patient_id(id: UUID) -> str:
    return global_id("Patient", id)
