"""A claim as a value: everything a payer will be told, frozen. Pure.

Its canonical JSON is what a person signs; the X12 file, the text for another billing system and the page are all
written from it alone. Money is dollars; a ZIP is 48226 or 48226-1906; a sex is F, M or U.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from carewright_plugin_api import canonical

from server.claims.x12.words import plain

Severity = Literal["error", "warning"]
Frequency = Literal["1", "7", "8"]


@dataclass(frozen=True, slots=True)
class Address:
    street: str
    city: str
    state: str
    zip: str


@dataclass(frozen=True, slots=True)
class Biller:
    """Who asks for the money. tin_kind: EI or SY. submitter_id: how the receiver knows who sends."""

    legal_name: str
    tin: str
    tin_kind: str
    npi: str
    taxonomy: str
    address: Address
    contact_name: str
    contact_phone: str
    contact_email: str
    submitter_id: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where the person would be seen. name is empty at the practice's own address; place_of_service where claims
    cannot name the site yet."""

    place_of_service: str
    name: str = ""
    npi: str = ""
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Whom the claim goes to, and through whom."""

    receiver_id: str
    receiver_name: str
    payer_name: str
    payer_id: str
    filing_indicator: str
    provider_number: str = ""


@dataclass(frozen=True, slots=True)
class Practitioner:
    family_name: str
    given_name: str
    npi: str
    taxonomy: str


@dataclass(frozen=True, slots=True)
class Person:
    """birth_date: None where nobody wrote it down. died_on: None of the living, and of a subscriber who is not the
    patient."""

    family_name: str
    given_names: str
    birth_date: date | None
    sex: str = "U"
    suffix: str = ""
    address: Address | None = None
    died_on: date | None = None


@dataclass(frozen=True, slots=True)
class Insured:
    """subscriber: None where the patient is the subscriber. rank: 1 pays first."""

    member_id: str
    group_number: str = ""
    relationship: str = "self"
    subscriber: Person | None = None
    rank: int = 1


@dataclass(frozen=True, slots=True)
class Service:
    """One line. charge: for all units. pointers: places in the claim's diagnoses, counted from 1."""

    code: str
    units: int
    service_on: date
    charge: Decimal
    pointers: tuple[int, ...]
    modifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """payer_control_number: the payer's number for the claim that a replacement or void is about."""

    month: str
    patient: str  # our id for the person
    payer: str  # our id for the payer
    coverage: str
    biller: Biller | None
    place: Place
    route: Route | None
    rendering: Practitioner | None
    person: Person
    insured: Insured
    diagnoses: tuple[str, ...]
    services: tuple[Service, ...]
    supervising: Practitioner | None = None
    frequency: Frequency = "1"
    payer_control_number: str = ""

    @property
    def total(self) -> Decimal:
        return sum((service.charge for service in self.services), Decimal(0))

    @property
    def asked(self) -> Decimal:
        """Dollars somebody is asked for: none by a void, whose total only repeats what it takes back."""
        return Decimal(0) if self.frequency == "8" else self.total

    def to_json(self) -> str:
        return canonical.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> "Claim":
        return canonical.loads(cls, text)

    def digest(self) -> str:
        """sha256 of the canonical form: what a signature stands for."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def asks_for(claim: Claim) -> tuple[object, ...]:
    """What money is asked for, for whom, from whom and why, as a file writes it: a change in it after signing makes the
    claim untrue. Who is called back, the practice's name and address, where people live and the way to the payer do
    not."""
    services = sorted(
        (s.code, s.modifiers, s.units, s.service_on, s.charge, s.pointers) for s in claim.services
    )
    insured, biller, treats, place = claim.insured, claim.biller, claim.rendering, claim.place
    return (
        claim.payer,
        (biller.npi, biller.tin, biller.taxonomy) if biller else None,
        (treats.npi, treats.taxonomy) if treats else None,
        claim.supervising.npi if claim.supervising else "",
        (place.place_of_service, place.npi, plain(place.name), _written(place.address)),
        _called(claim.person),
        (as_written(insured.member_id), plain(insured.group_number), insured.relationship),
        _called(insured.subscriber) if insured.subscriber else None,
        claim.diagnoses,
        tuple(services),
    )


def as_written(member_id: str) -> str:
    """A member number without what cards put between its parts."""
    return plain(member_id.replace("-", "").replace(" ", ""))


def _called(person: Person) -> tuple[object, ...]:
    names = (plain(person.family_name), plain(person.given_names), plain(person.suffix))
    return (*names, person.birth_date, person.sex)


def _written(where: Address | None) -> tuple[str, ...]:
    if where is None:
        return ()
    return (plain(where.street), plain(where.city), where.state.upper(), where.zip.replace("-", ""))


def service_key(claim: Claim, service: Service) -> str:
    """The same key for the same service, however often it is decided about and whoever is to pay it. sha256, hex."""
    parts = (claim.patient, service.code, *service.modifiers, service.service_on.isoformat())
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def service_keys(claim: Claim) -> set[str]:
    """The keys of what it asks for, or takes back."""
    return {service_key(claim, service) for service in claim.services}


@dataclass(frozen=True, slots=True)
class ScrubFinding:
    """Something about a claim that a payer would refuse (error) or a person should look at (warning).

    id: S01 ... as in docs/billing.md. mends: what a person can do. field: what it is about, in snake_case.
    """

    id: str
    severity: Severity
    sentence: str
    mends: str
    field: str
