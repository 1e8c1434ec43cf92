"""Who bills, who treats, where, and how the claim reaches the payer."""

from collections.abc import Collection, Iterator
from datetime import date

from server.claims.assembly import Draft
from server.claims.claim import Claim, ScrubFinding, Service
from server.claims.scrub.finding import OnFile, error, refuses
from server.dates import dated
from server.tenants.billing_values import PLACES_OF_SERVICE, check_taxonomy, check_tin, is_po_box
from server.tenants.npi import check_npi
from server.words import say


def who_bills(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    biller = draft.claim.biller
    if biller is None:
        yield error(
            "S08",
            "biller",
            say(
                "Who bills is not stated for %(day)s: name, tax number, NPI and address.",
                day=dated(_last_day(draft.claim), short=True),
            ),
            say("Enter it under Practice, then Billing, from that day or earlier."),
        )
        return
    yield from _number(
        biller.npi,
        "billing_npi",
        say("The practice"),
        say("Correct it under Practice, then Billing."),
    )
    if refuses(check_tin, biller.tin):
        yield error(
            "S21",
            "tin",
            say("The practice's tax number is missing or is not nine digits."),
            say("Correct it under Practice, then Billing."),
        )
    if refuses(check_taxonomy, biller.taxonomy):
        yield error(
            "S21",
            "taxonomy",
            say("The practice's taxonomy code is missing."),
            say("Enter it under Practice, then Billing."),
        )
    if is_po_box(biller.address.street):
        yield error(
            "S17",
            "billing_street",
            say(
                "The billing address is a post-office box (%(street)s), which payers refuse.",
                street=biller.address.street,
            ),
            say("Enter the street under Practice, then Billing."),
        )
    if len(biller.address.zip.replace("-", "")) != 9:
        yield error(
            "S17",
            "billing_zip",
            say(
                "The billing address has the ZIP code %(zip)s; claims need all nine digits.",
                zip=biller.address.zip,
            ),
            say("Enter ZIP+4 under Practice, then Billing."),
        )


def who_treats(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    treats = draft.claim.rendering
    if treats is None:
        yield error(
            "S08",
            "rendering",
            say(
                "No practitioner stands behind these services, or nothing is stated about how a claim "
                "names them."
            ),
            say(
                "Say on the person's Care page who answers for the program, and under Practice, then "
                "Billing, how a claim names that practitioner."
            ),
        )
        return
    name = f"{treats.given_name} {treats.family_name}"
    yield from _number(
        treats.npi,
        "rendering_npi",
        name,
        say("Correct the NPI of this practitioner under Practice, then Staff."),
    )
    if refuses(check_taxonomy, treats.taxonomy):
        yield error(
            "S21",
            "rendering_taxonomy",
            say("%(name)s has no taxonomy code.", name=name),
            say("Enter it under Practice, then Billing."),
        )


def _number(npi: str, field: str, whose: str, mends: str) -> Iterator[ScrubFinding]:
    if refuses(check_npi, npi):
        name = f"{whose[:1].upper()}{whose[1:]}"
        sentence = (
            say("%(name)s has the NPI %(npi)s, which fails its check digit.", name=name, npi=npi)
            if npi
            else say("%(name)s has no NPI.", name=name)
        )
        yield error("S17", field, sentence, mends)


def where(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    place = draft.claim.place
    if not place.place_of_service:
        yield error(
            "S10",
            "place_of_service",
            say(
                "The usual site is %(name)s, and how claims name it is not stated for %(day)s: its "
                "place of service and address.",
                name=place.name,
                day=dated(_last_day(draft.claim), short=True),
            ),
            say("Enter it for the site under Practice, then Billing, from that day or earlier."),
        )
    elif place.place_of_service not in PLACES_OF_SERVICE:
        yield error(
            "S10",
            "place_of_service",
            say("%(place_of_service)s is not a place of service.", place_of_service=place.place_of_service),
            say("Choose one for the site under Practice, then Billing."),
        )
    if place.npi:
        yield from _number(
            place.npi,
            "site_npi",
            place.name,
            say("Correct it under Practice, then Billing."),
        )


def how(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    if draft.claim.route is None:
        yield error(
            "S21",
            "route",
            say("How claims reach this payer is not stated: receiver, payer id and kind of claim."),
            say("Enter it under Practice, then Billing."),
        )


def _last_day(claim: Claim) -> date:
    days: Collection[Service] = claim.services
    return max((service.service_on for service in days), default=date.min)
