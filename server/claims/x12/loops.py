"""The loops of a professional claim. Pure. Source: 005010X222A1 (837P)."""

from collections.abc import Iterator
from typing import Final

from server.claims.claim import Address, Biller, Claim, Person, Place, Practitioner, Route, as_written
from server.claims.x12.segments import Value, segment
from server.claims.x12.words import plain

#: what the person is to the subscriber -> PAT01 (X12 element 1069)
RELATIONSHIPS: Final = {"spouse": "01", "child": "19", "life_partner": "53", "other": "G8"}
_DATE: Final = "D8"
SOLE_PROPRIETOR: Final = "SY"  # whose tax number is a person's own


class Count:
    """The running number of hierarchical levels in a transaction."""

    def __init__(self) -> None:
        self.last = 0

    def following(self) -> int:
        self.last += 1
        return self.last


def submitter(biller: Biller) -> Iterator[str]:
    """1000A: who sends."""
    yield segment("NM1", "41", "2", biller.legal_name, None, None, None, None, "46", biller.submitter_id)
    mail = ("EM", biller.contact_email) if biller.contact_email else ()
    yield segment("PER", "IC", biller.contact_name, "TE", biller.contact_phone, *mail)


def receiver(route: Route) -> Iterator[str]:
    """1000B: who takes the file in."""
    yield segment("NM1", "40", "2", route.receiver_name, None, None, None, None, "46", route.receiver_id)


def billing_provider(biller: Biller, level: int, person: Practitioner | None = None) -> Iterator[str]:
    """2000A and 2010AA: who asks for the money. person: the practitioner whose own NPI it is, if it is one's."""
    yield segment("HL", level, None, "20", "1")
    yield segment("PRV", "BI", "PXC", biller.taxonomy)
    if biller.tin_kind == SOLE_PROPRIETOR:
        family, given = (person.family_name, person.given_name) if person else (biller.legal_name, None)
        yield segment("NM1", "85", "1", family, given, None, None, None, "XX", biller.npi)
    else:
        yield segment("NM1", "85", "2", biller.legal_name, None, None, None, None, "XX", biller.npi)
    yield from address(biller.address)
    yield segment("REF", biller.tin_kind, biller.tin)


def subscriber(claim: Claim, route: Route, level: int, parent: int) -> Iterator[str]:
    """2000B, 2010BA and 2010BB: whose insurance it is, and who pays."""
    insured = claim.insured
    own = insured.relationship == "self"
    yield segment("HL", level, parent, "22", "0" if own else "1")
    yield segment(
        "SBR", "P", "18" if own else None, insured.group_number or None, None, None, None, None, None,
        route.filing_indicator,
    )  # fmt: skip
    if own and claim.person.died_on is not None:
        yield segment("PAT", *_died(claim.person))
    person = claim.person if own or insured.subscriber is None else insured.subscriber
    yield named("IL", person, "MI", as_written(insured.member_id))
    if person.address is not None:
        yield from address(person.address)
    if person.birth_date is not None:
        yield segment("DMG", _DATE, person.birth_date, person.sex)
    yield segment("NM1", "PR", "2", route.payer_name, None, None, None, None, "PI", route.payer_id)
    if route.provider_number:
        yield segment("REF", "G2", route.provider_number)


def dependent(claim: Claim, level: int, parent: int) -> Iterator[str]:
    """2000C and 2010CA: the patient, where the insurance is somebody else's."""
    person = claim.person
    yield segment("HL", level, parent, "23", "0")
    yield segment("PAT", RELATIONSHIPS[claim.insured.relationship], *_died(person)[1:])
    yield named("QC", person)
    if person.address is not None:
        yield from address(person.address)
    yield segment("DMG", _DATE, person.birth_date, person.sex)


def _died(person: Person) -> tuple[Value, ...]:
    """The elements of PAT that tell a death."""
    if person.died_on is None:
        return (None,)
    return (None, None, None, None, _DATE, person.died_on)


def claim_loops(claim: Claim, number: str) -> Iterator[str]:
    """2300, 2310 and 2400: what is asked for, who did it and where."""
    place = (claim.place.place_of_service, "B", claim.frequency)
    yield segment("CLM", number, claim.total, None, None, place, "Y", "A", "Y", "Y")
    if claim.payer_control_number:
        yield segment("REF", "F8", claim.payer_control_number)
    kinds = ("ABK", *["ABF"] * len(claim.diagnoses))
    codes = [code.replace(".", "") for code in claim.diagnoses]
    yield segment("HI", *zip(kinds, codes, strict=False))
    if claim.rendering is not None and not (claim.biller and claim.rendering.npi == claim.biller.npi):
        yield practitioner("82", claim.rendering)
        yield segment("PRV", "PE", "PXC", claim.rendering.taxonomy)
    yield from facility(claim.place, claim.biller)
    if claim.supervising is not None:
        yield practitioner("DQ", claim.supervising)
    for place_in_claim, service in enumerate(claim.services, 1):
        yield segment("LX", place_in_claim)
        yield segment(
            "SV1", ("HC", service.code, *service.modifiers), service.charge, "UN", service.units, None, None,
            service.pointers,
        )  # fmt: skip
        yield segment("DTP", "472", _DATE, service.service_on)
        yield segment("REF", "6R", line_number(number, place_in_claim))


def line_number(number: str, place: int) -> str:
    """What a payer echoes for one service in its remittance, so that it can be posted without guessing."""
    return f"{number}-{place}"


def facility(place: Place, biller: Biller | None) -> Iterator[str]:
    """2310C: where, if it is not the billing address."""
    if place.address is None or (biller is not None and place.address == biller.address):
        return
    number = ("XX", place.npi) if place.npi else ()
    yield segment("NM1", "77", "2", place.name, None, None, None, None, *number)
    yield from address(place.address)


def practitioner(part: str, one: Practitioner) -> str:
    return segment("NM1", part, "1", one.family_name, one.given_name, None, None, None, "XX", one.npi)


def named(part: str, person: Person, *number: str) -> str:
    """A person: the first given name and, after it, the others."""
    first, _, middle = plain(person.given_names).partition(" ")
    return segment(
        "NM1", part, "1", plain(person.family_name)[:60], first[:35], middle[:25], None, plain(person.suffix)[:10],
        *number,
    )  # fmt: skip


def address(where: Address) -> Iterator[str]:
    yield segment("N3", plain(where.street)[:55])
    yield segment("N4", plain(where.city)[:30], where.state, where.zip.replace("-", ""))
