"""A claim for another billing system: plain text to type from, and rows for a spreadsheet. Pure.

The text follows the order of a paper claim, so that whoever types finds each thing where the form has it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

from server import csv_text
from server.claims.claim import Address, Claim, Person
from server.claims.claim_rows import ClaimRow

_WIDE: Final = 26
_FREQUENCY: Final = {"1": "1 original", "7": "7 replacement", "8": "8 void"}
_LETTERS: Final = "ABCDEFGHIJKL"

COLUMNS: Final = (
    "claim", "frequency", "payer_number_of_the_first", "payer", "payer_id", "member_id", "group", "relationship",
    "subscriber", "family_name", "given_names", "birth_date", "sex", "street", "city", "state", "zip", "diagnoses",
    "line", "service_on", "place_of_service", "code", "modifiers", "diagnosis_pointers", "units", "charge",
    "rendering", "rendering_npi", "rendering_taxonomy", "billing_name", "billing_npi", "tin", "claim_total", "signed_by",
    "signed_at", "remark",
)  # fmt: skip


def as_text(rows: Sequence[ClaimRow], remarks: Mapping[UUID, str]) -> str:
    """Each claim as aligned lines, with an empty line between two. remarks: claim -> what to know before it is typed."""
    return "\n".join("\n".join(_claim(row, remarks.get(row.id, ""))) + "\n" for row in rows)


def as_csv(rows: Iterable[ClaimRow], remarks: Mapping[UUID, str]) -> str:
    """A row per service. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    return csv_text.as_csv(COLUMNS, (line for row in rows for line in _cells(row, remarks.get(row.id, ""))))


def _claim(row: ClaimRow, remark: str) -> Iterator[str]:
    claim = row.claim
    yield _line("Claim", f"{row.number}   {_FREQUENCY[claim.frequency]}")
    if remark:
        yield _line("Remark", remark)
    if row.replaces_number:
        yield _line(
            "In place of",
            f"{row.replaces_number}   payer's number {claim.payer_control_number or 'not known'}",
        )
    route = claim.route
    yield _line(
        "Payer",
        f"{route.payer_name}   id {route.payer_id}   {route.filing_indicator}" if route else row.payer_name,
    )
    insured = claim.insured
    yield _line(
        "Member number",
        insured.member_id + (f"   group {insured.group_number}" if insured.group_number else ""),
    )
    yield _line("Patient", _person(claim.person))
    if claim.person.address:
        yield _line("Address", _address(claim.person.address))
    yield _line("Relationship", "self" if insured.relationship == "self" else insured.relationship)
    if insured.subscriber:
        yield _line("Subscriber", _person(insured.subscriber))
    for letter, code in zip(_LETTERS, claim.diagnoses, strict=False):
        yield _line(f"Diagnosis {letter}", code)
    for place, service in enumerate(claim.services, 1):
        code = " ".join((service.code, *service.modifiers))
        pointers = "".join(_LETTERS[p - 1] for p in service.pointers)
        yield _line(
            f"Service {place}",
            f"{service.service_on:%m/%d/%Y}  POS {claim.place.place_of_service}  {code:<17} {pointers:<4} "
            f"{service.units:>3} x  ${service.charge:>10,.2f}",
        )
    yield _line("Total", f"${claim.total:,.2f}")
    if claim.rendering:
        treats = claim.rendering
        yield _line(
            "Rendering",
            f"{treats.given_name} {treats.family_name}   NPI {treats.npi}   taxonomy {treats.taxonomy}",
        )
    if claim.supervising:
        yield _line(
            "Supervising",
            f"{claim.supervising.given_name} {claim.supervising.family_name}   NPI {claim.supervising.npi}",
        )
    if claim.place.address:
        number = f"   NPI {claim.place.npi}" if claim.place.npi else ""
        yield _line("Where", f"{claim.place.name}, {_address(claim.place.address)}{number}")
    if claim.biller:
        yield _line("Billing", f"{claim.biller.legal_name}   NPI {claim.biller.npi}")
        yield _line("", _address(claim.biller.address))
        yield _line(
            "Tax number", f"{claim.biller.tin} ({claim.biller.tin_kind})   taxonomy {claim.biller.taxonomy}"
        )
    if row.signed_at:
        yield _line("Signed", f"{row.signed_by or 'the practice'}, {row.signed_at:%m/%d/%Y %H:%M} UTC")


def _line(name: str, value: str) -> str:
    return f"{name:<{_WIDE}}{value}".rstrip()


def _person(person: Person) -> str:
    born = f"   born {person.birth_date:%m/%d/%Y}" if person.birth_date else ""
    given = f"{person.given_names} {person.suffix}".strip()
    return f"{person.family_name}, {given}{born}   {person.sex}"


def _address(where: Address) -> str:
    return f"{where.street}, {where.city}, {where.state} {where.zip}"


def _cells(row: ClaimRow, remark: str) -> Iterator[tuple[str, ...]]:
    claim = row.claim
    for place, service in enumerate(claim.services, 1):
        yield (
            row.number, claim.frequency, claim.payer_control_number, *_payer(row, claim), claim.insured.relationship,
            _person(claim.insured.subscriber) if claim.insured.subscriber else "", claim.person.family_name,
            claim.person.given_names, f"{claim.person.birth_date or ''}", claim.person.sex,
            *_parts(claim.person.address), " ".join(claim.diagnoses), str(place), str(service.service_on),
            claim.place.place_of_service, service.code, " ".join(service.modifiers),
            "".join(_LETTERS[p - 1] for p in service.pointers), str(service.units), f"{service.charge:.2f}",
            *_who(claim), f"{claim.total:.2f}", row.signed_by, row.signed_at.isoformat() if row.signed_at else "",
            remark,
        )  # fmt: skip


def _payer(row: ClaimRow, claim: Claim) -> tuple[str, ...]:
    name, number = (claim.route.payer_name, claim.route.payer_id) if claim.route else (row.payer_name, "")
    return (name, number, claim.insured.member_id, claim.insured.group_number)


def _parts(where: Address | None) -> tuple[str, ...]:
    return (where.street, where.city, where.state, where.zip) if where else ("", "", "", "")


def _who(claim: Claim) -> tuple[str, ...]:
    treats, bills = claim.rendering, claim.biller
    rendering = (
        (f"{treats.given_name} {treats.family_name}", treats.npi, treats.taxonomy) if treats else ("",) * 3
    )
    return (*rendering, *((bills.legal_name, bills.npi, bills.tin) if bills else ("",) * 3))
