"""What a claim says about the practice: who bills, where people are seen, who treats, how each payer is reached.

Every statement holds from a day on. A correction is a further statement for the same day, and the last one written
counts; nothing is edited, so that a claim signed last year can still be explained.
"""

import re
from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from server.clock import now
from server.errors import Refused
from server.ids import new_id
from server.tenants.actor import Actor
from server.tenants.billing_statements import (
    IdentityRow,
    ProviderBillingRow,
    RouteRow,
    SiteBillingRow,
    Statements,
)
from server.tenants.billing_values import (
    FILING_INDICATORS,
    PLACES_OF_SERVICE,
    TIN_KINDS,
    check_address,
    check_taxonomy,
    check_tin,
)
from server.tenants.db import Db
from server.tenants.names import fold_email, written
from server.tenants.npi import check_npi
from server.tenants.payers import payer_for
from server.tenants.sites import site_for
from server.tenants.staff import staff_for
from server.tenants.tables import BillingIdentity, PayerRoute, ProviderBilling, SiteBilling
from server.words import say, say_of

__all__ = [
    "FILING_INDICATORS", "PLACES_OF_SERVICE", "TIN_KINDS", "IdentityRow", "ProviderBillingRow", "RouteRow", "SiteBillingRow",
    "Statements",
]  # fmt: skip

_EDI_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .-]{0,13}[A-Za-z0-9]|[A-Za-z0-9]")

Row = TypeVar("Row")


# --- reading ----------------------------------------------------------------------------------------------------


async def identity_on(db: Db, actor: Actor, on: date) -> IdentityRow | None:
    """Who bills on a day, or None where nothing was entered for it."""
    return (await _in_force(db, actor, BillingIdentity, IdentityRow, on, None)).get(None)


async def site_billings_on(db: Db, actor: Actor, on: date) -> dict[UUID, SiteBillingRow]:
    """site id -> how a claim names it on a day."""
    return await _in_force(db, actor, SiteBilling, SiteBillingRow, on, "site_id")


async def routes_on(db: Db, actor: Actor, on: date) -> dict[UUID, RouteRow]:
    """payer id -> how claims reach it on a day."""
    return await _in_force(db, actor, PayerRoute, RouteRow, on, "payer_id")


async def provider_billings_on(db: Db, actor: Actor, on: date) -> dict[UUID, ProviderBillingRow]:
    """staff id -> how a claim names them on a day."""
    return await _in_force(db, actor, ProviderBilling, ProviderBillingRow, on, "staff_id")


async def statements(db: Db, actor: Actor) -> Statements:
    """All that was ever stated, for assembling claims of any day."""
    actor.require("claims.read")
    return Statements(
        await _all(db, BillingIdentity, IdentityRow),
        await _all(db, SiteBilling, SiteBillingRow),
        await _all(db, PayerRoute, RouteRow),
        await _all(db, ProviderBilling, ProviderBillingRow),
    )


async def _all(db: Db, table: Any, shape: type[Row]) -> tuple[Row, ...]:
    ordered = select(*_columns(table, shape)).order_by(
        table.from_on.desc(), table.made_at.desc(), table.id.desc()
    )
    return tuple(shape(*row) for row in await db.execute(ordered))


async def identity_history(db: Db, actor: Actor) -> list[IdentityRow]:
    """Every statement, the one written last first."""
    return await _history(db, actor, BillingIdentity, IdentityRow)


async def site_billing_history(db: Db, actor: Actor) -> list[SiteBillingRow]:
    return await _history(db, actor, SiteBilling, SiteBillingRow)


async def route_history(db: Db, actor: Actor) -> list[RouteRow]:
    return await _history(db, actor, PayerRoute, RouteRow)


async def provider_billing_history(db: Db, actor: Actor) -> list[ProviderBillingRow]:
    return await _history(db, actor, ProviderBilling, ProviderBillingRow)


async def _in_force(
    db: Db, actor: Actor, table: Any, shape: type[Row], on: date, key: str | None
) -> dict[Any, Row]:
    """The statement in force on a day, by what it is about (None where there is one subject only)."""
    actor.require("claims.read")
    about = [getattr(table, key)] if key else [table.tenant_id]
    statement = (
        select(*_columns(table, shape))
        .where(table.from_on <= on)
        .ext(distinct_on(*about))
        .order_by(*about, table.from_on.desc(), table.made_at.desc(), table.id.desc())
    )
    rows = [shape(*row) for row in await db.execute(statement)]
    return {getattr(row, key) if key else None: row for row in rows}


async def _history(db: Db, actor: Actor, table: Any, shape: type[Row]) -> list[Row]:
    actor.require("billing.read")
    statement = select(*_columns(table, shape)).order_by(table.made_at.desc(), table.id.desc()).limit(500)
    return [shape(*row) for row in await db.execute(statement)]


def _columns(table: Any, shape: type[Any]) -> Sequence[Any]:
    return [getattr(table, each.name) for each in fields(shape)]


# --- stating ----------------------------------------------------------------------------------------------------


async def state_identity(
    db: Db, actor: Actor, *, from_on: date, legal_name: str, tin: str, tin_kind: str, npi: str, taxonomy: str,
    street: str, city: str, state: str, zip: str, contact_name: str, contact_phone: str, submitter_id: str,
    contact_email: str = "",
) -> IdentityRow:  # fmt: skip
    """Who bills from a day on, or a correction of that.

    Raises Refused TEXT_*, TIN_FORM, TIN_KIND, NPI_*, TAXONOMY_FORM, PO_BOX, STATE_UNKNOWN, ZIP_FOUR, PHONE_DIGITS,
    EMAIL_FORM or EDI_ID.
    """
    actor.require("billing.write")
    if tin_kind not in TIN_KINDS:
        raise Refused(
            "TIN_KIND",
            say("“%(kind)s” is not a kind of tax number.", kind=tin_kind[:20]),
            say("Choose one of the list."),
            "tin_kind",
        )
    values = {
        "legal_name": written(legal_name, "legal_name", what=say("the legal name"), longest=60),
        "tin": check_tin(tin),
        "tin_kind": tin_kind,
        "npi": check_npi(npi),
        "taxonomy": check_taxonomy(taxonomy),
        **check_address(street, city, state, zip),
        "contact_name": written(contact_name, "contact_name", what=say("the name of whom a payer may call"), longest=60),
        "contact_phone": _digits_of_phone(contact_phone),
        "contact_email": fold_email(contact_email, "contact_email") if contact_email.strip() else "",
        "submitter_id": _edi_id(submitter_id, "submitter_id", say("the submitter's id")),
    }  # fmt: skip
    return await _state(db, actor, BillingIdentity, IdentityRow, from_on, values)


async def state_site_billing(
    db: Db, actor: Actor, site_id: UUID, *, from_on: date, legal_name: str, place_of_service: str, street: str,
    city: str, state: str, zip: str, npi: str = "",
) -> SiteBillingRow:  # fmt: skip
    """How a claim names a site from a day on. Raises Refused NOT_FOUND, TEXT_*, PLACE_OF_SERVICE, NPI_*, PO_BOX,
    STATE_UNKNOWN or ZIP_FOUR."""
    actor.require("billing.write")
    await site_for(db, actor, site_id)
    if place_of_service not in PLACES_OF_SERVICE:
        raise Refused(
            "PLACE_OF_SERVICE",
            say(
                "“%(code)s” is not a place of service that a claim of ours can name.",
                code=place_of_service[:10],
            ),
            say("Choose one of the list; 11 is an office."),
            "place_of_service",
        )
    values = {
        "site_id": site_id,
        "legal_name": written(legal_name, "legal_name", what=say("the site's name on a claim"), longest=60),
        "npi": check_npi(npi) if npi.strip() else "",
        "place_of_service": place_of_service,
        **check_address(street, city, state, zip),
    }
    return await _state(db, actor, SiteBilling, SiteBillingRow, from_on, values)


async def state_route(
    db: Db, actor: Actor, payer_id: UUID, *, from_on: date, receiver_id: str, receiver_name: str,
    claim_payer_name: str, claim_payer_id: str, filing_indicator: str, production: bool = False,
    provider_number: str = "", names_supervisor: bool = False, filing_days: int = 365,
) -> RouteRow:  # fmt: skip
    """How claims reach a payer from a day on. Raises Refused NOT_FOUND, TEXT_*, EDI_ID, FILING_INDICATOR or
    FILING_DAYS."""
    actor.require("billing.write")
    await payer_for(db, actor, payer_id)
    if filing_indicator not in FILING_INDICATORS:
        raise Refused(
            "FILING_INDICATOR",
            say("“%(code)s” is not a claim filing indicator.", code=filing_indicator[:10]),
            say("Choose one of the list; MB is Medicare Part B, BL is Blue Cross Blue Shield."),
            "filing_indicator",
        )
    if not 30 <= filing_days <= 1096:
        raise Refused(
            "FILING_DAYS",
            say_of(
                "%(n)s day is no time within which a payer takes claims.",
                "%(n)s days is no time within which a payer takes claims.",
                filing_days,
            ),
            say("Write between 30 and 1,096 days; Medicare gives one year."),
            "filing_days",
        )
    name = written(claim_payer_name, "claim_payer_name", what=say("the payer's name on a claim"), longest=60)
    values = {
        "payer_id": payer_id,
        "receiver_id": _edi_id(receiver_id, "receiver_id", say("the receiver's id")),
        "receiver_name": written(receiver_name, "receiver_name", what=say("the receiver's name"), longest=60),
        "claim_payer_name": name,
        "claim_payer_id": _edi_id(claim_payer_id, "claim_payer_id", say("the payer's id on a claim")),
        "filing_indicator": filing_indicator,
        "production": production,
        "provider_number": written(
            provider_number, "provider_number", what=say("the payer's number for you"), longest=50, empty=True
        ),
        "names_supervisor": names_supervisor,
        "filing_days": filing_days,
    }
    return await _state(db, actor, PayerRoute, RouteRow, from_on, values)


async def state_provider_billing(
    db: Db, actor: Actor, staff_id: UUID, *, from_on: date, family_name: str, given_name: str, taxonomy: str
) -> ProviderBillingRow:
    """How a claim names a practitioner from a day on. Raises Refused NOT_FOUND, DOES_NOT_BILL, TEXT_* or
    TAXONOMY_FORM."""
    actor.require("billing.write")
    member = await staff_for(db, actor, staff_id)
    if not member.bills:
        raise Refused(
            "DOES_NOT_BILL",
            say(
                "%(name)s is not marked as somebody who bills, so no claim would ever name them.",
                name=member.name,
            ),
            say("Open Practice, then Staff, and say that they bill, with their NPI."),
            "staff_id",
        )
    values = {
        "staff_id": staff_id,
        "family_name": written(family_name, "family_name", what=say("the family name"), longest=60),
        "given_name": written(given_name, "given_name", what=say("the given name"), longest=35),
        "taxonomy": check_taxonomy(taxonomy),
    }
    return await _state(db, actor, ProviderBilling, ProviderBillingRow, from_on, values)


async def _state(
    db: Db, actor: Actor, table: Any, shape: type[Row], from_on: date, values: dict[str, Any]
) -> Row:
    row = table(
        tenant_id=actor.tenant_id, id=new_id(), from_on=from_on, made_at=now(), made_by=actor.staff_id, **values
    )  # fmt: skip
    db.add(row)
    await db.flush()
    name = table.__tablename__
    db.note(actor, f"billing.{name}", entity=name, entity_ids=[row.id], effect="write", from_on=str(from_on))
    made: Any = shape  # a dataclass with the columns' names, which a type variable cannot say
    return cast(Row, made(*(getattr(row, each.name) for each in fields(made))))


def _digits_of_phone(text: str) -> str:
    """Ten digits: a claim carries no punctuation in a number."""
    digits = re.sub(r"\D", "", text.strip().removeprefix("+1"))
    digits = digits[1:] if len(digits) == 11 and digits.startswith("1") else digits
    if len(digits) != 10:
        raise Refused(
            "PHONE_DIGITS",
            say("A payer needs a telephone number of ten digits to call back."),
            say("Write it with its area code, such as 313 555 0142."),
            "contact_phone",
        )
    return digits


def _edi_id(text: str, field: str, what: str) -> str:
    """An id as the envelope of a file carries it: two to fifteen characters, in capitals, which the file is
    written in; two spellings of one id would each have control numbers of their own."""
    plain = text.strip()
    if not 2 <= len(plain) <= 15 or not _EDI_ID.fullmatch(plain):
        raise Refused(
            "EDI_ID",
            say(
                "“%(id)s” cannot stand as %(field)s: it takes 2 to 15 letters and digits.",
                id=plain[:20],
                field=what,
            ),
            say("Copy it from the papers the payer or the clearinghouse sent when you enrolled."),
            field,
        )
    return plain.upper()
