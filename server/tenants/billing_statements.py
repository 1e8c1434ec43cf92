"""Dated statements about the practice, as values, and which of them holds on a day. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol, TypeVar
from uuid import UUID


class Dated(Protocol):
    @property
    def from_on(self) -> date: ...


Held = TypeVar("Held", bound=Dated)


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """Who bills, from a day on. tin: nine digits; zip: nine digits as 48226-0001."""

    id: UUID
    from_on: date
    legal_name: str
    tin: str
    tin_kind: str
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


@dataclass(frozen=True, slots=True)
class SiteBillingRow:
    """A site as a claim names it, from a day on. npi: empty where it has none of its own."""

    id: UUID
    site_id: UUID
    from_on: date
    legal_name: str
    npi: str
    place_of_service: str
    street: str
    city: str
    state: str
    zip: str


@dataclass(frozen=True, slots=True)
class RouteRow:
    """How claims reach a payer, from a day on."""

    id: UUID
    payer_id: UUID
    from_on: date
    receiver_id: str
    receiver_name: str
    claim_payer_name: str
    claim_payer_id: str
    filing_indicator: str
    production: bool
    provider_number: str
    names_supervisor: bool
    filing_days: int


@dataclass(frozen=True, slots=True)
class ProviderBillingRow:
    """A practitioner as a claim names one, from a day on."""

    id: UUID
    staff_id: UUID
    from_on: date
    family_name: str
    given_name: str
    taxonomy: str


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """amount: dollars for one unit, from a day on."""

    id: UUID
    code: str
    from_on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Statements:
    """Everything ever stated, the one that counts first: the latest day, and of one day the one written last."""

    identities: tuple[IdentityRow, ...]
    sites: tuple[SiteBillingRow, ...]
    routes: tuple[RouteRow, ...]
    providers: tuple[ProviderBillingRow, ...]


def in_force(statements: Iterable[Held], on: date) -> Held | None:
    """The statement that holds on a day. statements: about one subject, the one that counts first."""
    return next((each for each in statements if each.from_on <= on), None)
