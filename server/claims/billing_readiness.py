"""What is missing before claims can be sent: of the practice's own statements, not of any one person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from server.claims.tables import ClaimLine
from server.tenants.actor import Actor
from server.tenants.billing_statements import ChargeRow, Statements, in_force
from server.tenants.db import Db
from server.tenants.tables import Payer, Site, Staff
from server.words import say


@dataclass(frozen=True, slots=True)
class CodeSeen:
    """A code that lines were decided for. amount: what its rules last expected for one unit, where they hold a rate."""

    code: str
    label: str
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing without which no claim, or none of a payer, practitioner or code, can be sent.

    about: identity, payer, provider, npi, staff, site or charges. id: of the payer, staff member or site it is about.
    """

    about: str
    sentence: str
    id: UUID | None = None


async def codes_seen(db: Db, actor: Actor) -> dict[str, CodeSeen]:
    """Every code this practice's months came to, with our label and the newest rate."""
    actor.require("claims.read")
    rows = await db.execute(
        select(ClaimLine.code, ClaimLine.label, ClaimLine.amount, ClaimLine.units)
        .ext(distinct_on(ClaimLine.code))
        .order_by(ClaimLine.code, ClaimLine.service_on.desc(), ClaimLine.id.desc())
    )
    return {
        code: CodeSeen(code, label, None if amount is None else (amount / units).quantize(Decimal("0.01")))
        for code, label, amount, units in rows
    }


def missing(
    stated: Statements,
    charges: dict[str, ChargeRow],
    payers: Iterable[Payer],
    staff: Iterable[Staff],
    codes: Sequence[str],
    on: date,
    sites: Iterable[Site] = (),
) -> list[Missing]:
    """What is missing on a day, the most general first; empty when nothing is."""
    found = []
    if in_force(stated.identities, on) is None:
        found.append(
            Missing("identity", say("Who bills is not stated: the legal name, tax number, NPI and address."))
        )
    for payer in payers:
        theirs = [route for route in stated.routes if route.payer_id == payer.id]
        if payer.active and payer.kind and in_force(theirs, on) is None:
            found.append(
                Missing("payer", say("How claims reach %(name)s is not stated.", name=payer.name), payer.id)
            )
    biller = False
    for member in staff:
        if not (member.active and member.bills):
            continue
        biller = True
        named = [one for one in stated.providers if one.staff_id == member.id]
        if not member.npi:
            found.append(Missing("npi", say("%(name)s bills and has no NPI.", name=member.name), member.id))
        if in_force(named, on) is None:
            found.append(
                Missing(
                    "provider", say("How a claim names %(name)s is not stated.", name=member.name), member.id
                )
            )
    if not biller:
        found.append(Missing("staff", say("Nobody here is marked as a practitioner who bills.")))
    for site in sites:
        if in_force([one for one in stated.sites if one.site_id == site.id], on) is None:
            found.append(
                Missing(
                    "site",
                    say("How claims name %(name)s is not stated; people are seen there.", name=site.name),
                    site.id,
                )
            )
    without = [code for code in codes if code not in charges]
    if without:
        found.append(Missing("charges", say("No charge is stated for %(codes)s.", codes=", ".join(without))))
    elif not charges:
        found.append(Missing("charges", say("No charge is stated for any code.")))
    return found
