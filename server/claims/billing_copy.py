"""A claim for another billing system: plain text to type from, and rows for a spreadsheet. Pure.

The text follows the order of a paper claim, so that whoever types finds each thing where the form has it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

from server import csv_text
from server.claims.claim import Address, Claim, Person
from server.claims.claim_rows import ClaimRow
from server.words import N_, say

_WIDE: Final = 26
_FREQUENCY: Final = {"1": N_("1 original"), "7": N_("7 replacement"), "8": N_("8 void")}
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
    yield _line(say("Claim"), f"{row.number}   {say(_FREQUENCY[claim.frequency])}")
    if remark:
        yield _line(say("Remark"), remark)
    if row.replaces_number:
        yield _line(
            say("In place of"),
            say(
                "%(claim)s   payer's number %(number)s",
                claim=row.replaces_number,
                number=claim.payer_control_number,
            )
            if claim.payer_control_number
            else say("%(claim)s   payer's number not known", claim=row.replaces_number),
        )
    route = claim.route
    yield _line(
        say("Payer"),
        say(
            "%(name)s   id %(id)s   %(kind)s",
            name=route.payer_name,
            id=route.payer_id,
            kind=route.filing_indicator,
        )
        if route
        else row.payer_name,
    )
    insured = claim.insured
    yield _line(
        say("Member number"),
        say("%(number)s   group %(group)s", number=insured.member_id, group=insured.group_number)
        if insured.group_number
        else insured.member_id,
    )
    yield _line(say("Patient"), _person(claim.person))
    if claim.person.address:
        yield _line(say("Address"), _address(claim.person.address))
    yield _line(say("Relationship"), insured.relationship)
    if insured.subscriber:
        yield _line(say("Subscriber"), _person(insured.subscriber))
    for letter, code in zip(_LETTERS, claim.diagnoses, strict=False):
        yield _line(say("Diagnosis %(letter)s", letter=letter), code)
    for place, service in enumerate(claim.services, 1):
        code = " ".join((service.code, *service.modifiers))
        pointers = "".join(_LETTERS[p - 1] for p in service.pointers)
        yield _line(
            say("Service %(number)s", number=place),
            say(
                "%(day)s  POS %(place)s  %(code)s %(pointers)s %(units)s x  $%(charge)s",
                day=f"{service.service_on:%m/%d/%Y}",
                place=claim.place.place_of_service,
                code=f"{code:<17}",
                pointers=f"{pointers:<4}",
                units=f"{service.units:>3}",
                charge=f"{service.charge:>10,.2f}",
            ),
        )
    yield _line(say("Total"), f"${claim.total:,.2f}")
    if claim.rendering:
        treats = claim.rendering
        yield _line(
            say("Rendering"),
            say(
                "%(name)s   NPI %(npi)s   taxonomy %(taxonomy)s",
                name=f"{treats.given_name} {treats.family_name}",
                npi=treats.npi,
                taxonomy=treats.taxonomy,
            ),
        )
    if claim.supervising:
        watches = claim.supervising
        yield _line(say("Supervising"), _numbered(f"{watches.given_name} {watches.family_name}", watches.npi))
    if claim.place.address:
        where = f"{claim.place.name}, {_address(claim.place.address)}"
        yield _line(say("Where"), _numbered(where, claim.place.npi) if claim.place.npi else where)
    if claim.biller:
        yield _line(say("Billing"), _numbered(claim.biller.legal_name, claim.biller.npi))
        yield _line("", _address(claim.biller.address))
        yield _line(
            say("Tax number"),
            say(
                "%(tin)s (%(kind)s)   taxonomy %(taxonomy)s",
                tin=claim.biller.tin,
                kind=claim.biller.tin_kind,
                taxonomy=claim.biller.taxonomy,
            ),
        )
    if row.signed_at:
        by, at = row.signed_by or say("the practice"), f"{row.signed_at:%m/%d/%Y %H:%M}"
        yield _line(say("Signed"), say("%(name)s, %(at)s UTC", name=by, at=at))


def _line(name: str, value: str) -> str:
    return f"{name:<{_WIDE}}{value}".rstrip()


def _numbered(name: str, npi: str) -> str:
    return say("%(name)s   NPI %(npi)s", name=name, npi=npi)


def _person(person: Person) -> str:
    given = f"{person.given_names} {person.suffix}".strip()
    name = f"{person.family_name}, {given}"
    if person.birth_date is None:
        return f"{name}   {person.sex}"
    born = f"{person.birth_date:%m/%d/%Y}"
    return say("%(name)s   born %(day)s   %(sex)s", name=name, day=born, sex=person.sex)


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
