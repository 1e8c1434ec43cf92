"""What a payer would send back, found before it is sent. Pure: a claim and what is on file in, findings out.

An error keeps a claim from being signed; a warning asks for a look. Each finding says what is so, why it matters,
and who mends it where. The ids are listed in docs/billing.md.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from server.claims.assembly import (
    MOST_DIAGNOSES,
    MOST_POINTERS,
    MOST_SERVICES,
    Draft,
    LiveClaim,
    PatientFile,
)
from server.claims.claim import Address, Claim, Person, ScrubFinding, Service, service_key
from server.claims.x12.words import plain, strange, unsafe_id
from server.errors import Refused
from server.tenants.billing_values import PLACES_OF_SERVICE, check_taxonomy, check_tin, is_po_box
from server.tenants.npi import check_npi
from server.tenants.regions import STATES

MEDICARE: Final = "MB"
#: Medicare Beneficiary Identifier. Source: CMS, Understanding the MBI format (11 places; no S, L, O, I, B or Z).
_MBI: Final = re.compile(
    r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]"
    r"[AC-HJKMNP-RT-Y]{2}[0-9]{2}"
)
_CODE: Final = re.compile(r"[A-Z0-9]{5}")
_MODIFIER: Final = re.compile(r"[A-Z0-9]{2}")
_ZIP: Final = re.compile(r"[0-9]{5}(-?[0-9]{4})?")
_STAYS: Final = ("inpatient", "skilled_nursing")
_SOON: Final = timedelta(days=30)
_BILLING_PAGE: Final = "Practice, then Billing"
_PERSON_PAGE: Final = "the person's page"


@dataclass(frozen=True, slots=True)
class OnFile:
    """What a claim is held against. billable: ICD-10-CM code -> may stand on a claim, for the codes of these claims;
    a code that is not there is none of the set. claimed: service key -> number of the live claim that asks for it.
    filing_days: payer id -> days after the service in which it takes a claim."""

    today: date
    file: PatientFile
    billable: Mapping[str, bool]
    claimed: Mapping[str, str] = field(default_factory=dict)
    filing_days: int = 365


_Rule = Callable[[Draft, OnFile], Iterator[ScrubFinding]]


def scrub(draft: Draft, known: OnFile) -> tuple[ScrubFinding, ...]:
    """Everything to be said about a draft, errors first, each thing once."""
    rules: tuple[_Rule, ...] = (
        _who_bills, _who_treats, _where, _how, _person, _states, _insured, _coverage, _dates, _filing, _services,
        _together, _charges, _diagnoses, _twice, _correction, _writable, _looks,
    )  # fmt: skip
    if draft.claim.frequency == "8":
        rules = (
            _states,
            _correction,
            _writable,
            _looks,
        )  # what was wrong with a claim is why it is made void
    found = dict.fromkeys(finding for rule in rules for finding in rule(draft, known))
    return tuple(sorted(found, key=lambda finding: (finding.severity != "error", finding.id)))


def _error(id: str, field: str, sentence: str, mends: str) -> ScrubFinding:
    return ScrubFinding(id, "error", sentence, mends, field)


def _warning(id: str, field: str, sentence: str, mends: str) -> ScrubFinding:
    return ScrubFinding(id, "warning", sentence, mends, field)


# --- who, where, to whom ------------------------------------------------------------------------------------------


def _who_bills(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    biller = draft.claim.biller
    if biller is None:
        yield _error(
            "S08",
            "biller",
            f"Who bills is not stated for {_last_day(draft.claim):%d %b %Y}: name, tax number, NPI and address.",
            f"Enter it under {_BILLING_PAGE}, from that day or earlier.",
        )
        return
    yield from _number(biller.npi, "billing_npi", "the practice", f"Correct it under {_BILLING_PAGE}.")
    if _refuses(check_tin, biller.tin):
        yield _error(
            "S21",
            "tin",
            "The practice's tax number is missing or is not nine digits.",
            f"Correct it under {_BILLING_PAGE}.",
        )
    if _refuses(check_taxonomy, biller.taxonomy):
        yield _error(
            "S21", "taxonomy", "The practice's taxonomy code is missing.", f"Enter it under {_BILLING_PAGE}."
        )
    if is_po_box(biller.address.street):
        yield _error(
            "S17",
            "billing_street",
            f"The billing address is a post-office box ({biller.address.street}), which payers refuse.",
            f"Enter the street under {_BILLING_PAGE}.",
        )
    if len(biller.address.zip.replace("-", "")) != 9:
        yield _error(
            "S17",
            "billing_zip",
            f"The billing address has the ZIP code {biller.address.zip}; claims need all nine digits.",
            f"Enter ZIP+4 under {_BILLING_PAGE}.",
        )


def _who_treats(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    treats = draft.claim.rendering
    if treats is None:
        yield _error(
            "S08",
            "rendering",
            "No practitioner stands behind these services, or nothing is stated about how a claim names them.",
            "Say on the person's Care page who answers for the program, and under Practice, then Billing, how a claim "
            "names that practitioner.",
        )
        return
    name = f"{treats.given_name} {treats.family_name}"
    yield from _number(
        treats.npi, "rendering_npi", name, "Correct the NPI of this practitioner under Practice, then Staff."
    )
    if _refuses(check_taxonomy, treats.taxonomy):
        yield _error(
            "S21", "rendering_taxonomy", f"{name} has no taxonomy code.", f"Enter it under {_BILLING_PAGE}."
        )


def _number(npi: str, field: str, whose: str, mends: str) -> Iterator[ScrubFinding]:
    if _refuses(check_npi, npi):
        said = f"has the NPI {npi}, which fails its check digit" if npi else "has no NPI"
        yield _error("S17", field, f"{whose[:1].upper()}{whose[1:]} {said}.", mends)


def _where(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    place = draft.claim.place
    if not place.place_of_service:
        yield _error(
            "S10",
            "place_of_service",
            f"The usual site is {place.name}, and how claims name it is not stated for "
            f"{_last_day(draft.claim):%d %b %Y}: its place of service and address.",
            f"Enter it for the site under {_BILLING_PAGE}, from that day or earlier.",
        )
    elif place.place_of_service not in PLACES_OF_SERVICE:
        yield _error(
            "S10",
            "place_of_service",
            f"{place.place_of_service} is not a place of service.",
            f"Choose one for the site under {_BILLING_PAGE}.",
        )
    if place.npi:
        yield from _number(place.npi, "site_npi", place.name, f"Correct it under {_BILLING_PAGE}.")


def _how(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    if draft.claim.route is None:
        yield _error(
            "S21",
            "route",
            "How claims reach this payer is not stated: receiver, payer id and kind of claim.",
            f"Enter it under {_BILLING_PAGE}.",
        )


# --- the person and the insurance ---------------------------------------------------------------------------------


def _person(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    person = draft.claim.person
    if not person.given_names:
        yield _error(
            "S21", "given_names", "The person's given name is missing.", f"Enter it on {_PERSON_PAGE}."
        )
    if person.birth_date is None or not known.file.exact_birth:
        yield _error(
            "S21",
            "birth_date",
            "The person's day of birth is not known exactly, and a claim needs it.",
            f"Ask, and correct it on {_PERSON_PAGE}.",
        )
    yield from _address(person.address, "address", f"Enter it on {_PERSON_PAGE}, under details.")


def _address(address: Address | None, field: str, mends: str) -> Iterator[ScrubFinding]:
    if address is None or not (address.street and address.city and address.state and address.zip):
        yield _error(
            "S21",
            field,
            "The person's address is not complete: a claim needs street, city, state and ZIP.",
            mends,
        )
    elif not _ZIP.fullmatch(address.zip):
        yield _error("S21", field, f"“{address.zip[:12]}” is not a ZIP code.", mends)


def _states(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    """Of a void too: a state that is none does not spoil one claim but the file."""
    for where, state in _no_states(draft.claim):
        yield _error(
            "S21",
            where,
            f"“{state[:20]}” is not how a claim names a state, and a payer sends the whole file back for it.",
            f"Write it as its two letters, such as MI, on {_PERSON_PAGE}, under details.",
        )


def spoils_a_file(claim: Claim) -> bool:
    """Whether a payer would send back the whole file for this claim, signed before what it says was looked at."""
    return any(_no_states(claim))


def _no_states(claim: Claim) -> Iterator[tuple[str, str]]:
    """(whose address, what stands there for a state)"""
    for where, person in (("address", claim.person), ("subscriber", claim.insured.subscriber)):
        state = person.address.state if person and person.address else ""
        if state and state.upper() not in STATES:
            yield where, state


def _insured(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim, insured = draft.claim, draft.claim.insured
    medicare = claim.route is not None and claim.route.filing_indicator == MEDICARE
    member = insured.member_id.replace("-", "").replace(" ", "").upper()
    mends = f"Correct the coverage on {_PERSON_PAGE}; the number is on the insurance card."
    if len(member) < 2:
        yield _error("S21", "member_id", "The coverage has no member number.", mends)
    elif medicare and not _MBI.fullmatch(member):
        yield _error(
            "S17",
            "member_id",
            f"“{insured.member_id[:20]}” is not a Medicare number: eleven letters and digits, as 1EG4-TE5-MK73.",
            mends,
        )
    elif unsafe_id(member):
        yield _error(
            "S22",
            "member_id",
            f"The member number holds {unsafe_id(member)}, which a claim cannot carry.",
            mends,
        )
    if insured.relationship == "self":
        return
    if medicare:
        yield _error(
            "S21",
            "relationship",
            "Medicare insures each person for themselves; this coverage names another subscriber.",
            mends,
        )
    subscriber = insured.subscriber
    if subscriber is None or not subscriber.family_name or not subscriber.given_names:
        yield _error(
            "S21", "subscriber", "The coverage is somebody else's, and their name is not on file.", mends
        )


def _coverage(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim = draft.claim
    mine = next((c for c in known.file.coverages if str(c.id) == claim.coverage), None)
    for on in sorted({service.service_on for service in claim.services}):
        mends = f"Check the coverages on {_PERSON_PAGE}, and close the month again."
        if mine is None or not mine.holds(on):
            yield _error("S11", "coverage", f"The coverage was not in force on {on:%d %b %Y}.", mends)
            continue
        first = [c for c in known.file.coverages if c.holds(on) and c.insured.rank <= mine.insured.rank]
        others = [c for c in first if c.id != mine.id]
        if any(c.insured.rank == mine.insured.rank for c in others):
            yield _error(
                "S20",
                "coverage",
                f"Two coverages pay in the same place on {on:%d %b %Y}: {mine.payer_name} and "
                f"{next(c.payer_name for c in others if c.insured.rank == mine.insured.rank)}.",
                f"Say on {_PERSON_PAGE} which pays first, and close the month again.",
            )
        elif others:
            yield _error(
                "S20",
                "coverage",
                f"{others[0].payer_name} pays first on {on:%d %b %Y}, not {mine.payer_name}. A month's service is "
                "claimed from one payer, the one that pays first that day.",
                mends,
            )
    if (
        claim.insured.rank > 1
        and mine is not None
        and not any(c.insured.rank < claim.insured.rank for c in known.file.coverages)
    ):
        yield _warning(
            "S20",
            "coverage",
            f"{mine.payer_name} is entered as paying in place {claim.insured.rank}, and nobody is entered before it.",
            f"Check on {_PERSON_PAGE} that it pays first.",
        )


# --- days ---------------------------------------------------------------------------------------------------------


def _dates(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    for on in sorted({service.service_on for service in draft.claim.services}):
        died = known.file.died_on
        if on > known.today:
            yield _error(
                "S11", "service_on", f"{on:%d %b %Y} has not come yet.", "Wait for the day, then sign it."
            )
        if died is not None and on > died:
            yield _error(
                "S11",
                "service_on",
                f"The service is dated {on:%d %b %Y}, after the person died on {died:%d %b %Y}.",
                "Close the month again, so that its rules know of the death, or correct the day on the person's page.",
            )
        birth = draft.claim.person.birth_date
        if birth is not None and on < birth:
            yield _error(
                "S11", "birth_date", f"The service of {on:%d %b %Y} is before the person was born.",
                f"Correct the day of birth on {_PERSON_PAGE}.",
            )  # fmt: skip
        for stay in known.file.stays:
            if stay.kind in _STAYS and stay.from_on <= on and (stay.to_on is None or on < stay.to_on):
                yield _error(
                    "S11",
                    "service_on",
                    f"On {on:%d %b %Y} the person was in a hospital or skilled nursing facility (from "
                    f"{stay.from_on:%d %b %Y}); the payer would send the line to that stay.",
                    "Check the days of the stay. If they are right, bill this by hand with a day of the month on "
                    "which the person was at home and the minutes had been reached.",
                )


def _filing(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    if not draft.claim.services:
        return
    oldest = min(service.service_on for service in draft.claim.services)
    last = oldest + timedelta(days=known.filing_days)
    if known.today > last:
        yield _error(
            "S24",
            "service_on",
            f"The payer took claims for {oldest:%d %b %Y} until {last:%d %b %Y}; that day is over.",
            f"If the payer agreed to more time, correct its number of days under {_BILLING_PAGE}.",
        )
    elif known.today > last - _SOON:
        yield _warning(
            "S24",
            "service_on",
            f"The payer takes a claim for {oldest:%d %b %Y} until {last:%d %b %Y}.",
            "Sign and send it soon.",
        )


# --- the lines ----------------------------------------------------------------------------------------------------


def _services(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim = draft.claim
    if not 1 <= len(claim.services) <= MOST_SERVICES:
        yield _error(
            "S21",
            "services",
            f"A claim holds 1 to {MOST_SERVICES} services, not {len(claim.services)}.",
            _RULES,
        )
    for service, asked in zip(claim.services, draft.asked, strict=True):
        if not _CODE.fullmatch(service.code):
            yield _error("S21", "code", f"“{service.code[:8]}” is not a procedure code.", _RULES)
        if len(service.modifiers) > 4 or not all(map(_MODIFIER.fullmatch, service.modifiers)):
            yield _error("S15", "modifiers", f"{service.code} has modifiers that no claim can carry.", _RULES)
        if not 1 <= service.units <= 999:
            yield _error("S04", "units", f"{service.code} asks for {service.units} units.", _RULES)
        elif asked.units_at_most is not None and service.units > asked.units_at_most:
            yield _error(
                "S04",
                "units",
                f"{service.code} asks for {service.units} units on {service.service_on:%d %b %Y}; the payer's edits "
                f"let {asked.units_at_most} through.",
                _RULES,
            )


_RULES: Final = "This comes from the payer's rules: tell whoever keeps the plugin, and leave the claim unsigned until then."


def _together(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    there = {(service.code, service.service_on) for service in draft.claim.services}
    for service, asked in zip(draft.claim.services, draft.asked, strict=True):
        if asked.goes_with and not any((base, service.service_on) in there for base in asked.goes_with):
            yield _error(
                "S03",
                "services",
                f"{service.code} adds to {' or '.join(asked.goes_with)}, which is not on this claim for "
                f"{service.service_on:%d %b %Y}.",
                "Close the month again; if it stays so, tell whoever keeps the plugin.",
            )


def _charges(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim = draft.claim
    for service, asked in zip(claim.services, draft.asked, strict=True):
        if service.charge <= 0:
            yield _error(
                "S21",
                "charge",
                f"No charge is stated for {service.code} on {service.service_on:%d %b %Y}; a claim must ask for money.",
                f"Enter what one unit costs under {_BILLING_PAGE}.",
            )
        elif asked.allowed is not None and service.charge < asked.allowed:
            yield _warning(
                "S14",
                "charge",
                f"{service.code} asks for ${service.charge:,.2f}, less than the ${asked.allowed:,.2f} the rules expect "
                "to be paid. Payers pay the lesser of the two.",
                f"Raise the charge under {_BILLING_PAGE} if it is not meant to be so.",
            )
    if claim.total != sum((service.charge for service in claim.services), Decimal(0)):
        yield _error("S18", "total", "The services do not add up to the claim's total.", _RULES)


def _diagnoses(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim = draft.claim
    choose = f"Choose the codes under Diagnoses on {_PERSON_PAGE}."
    if len(claim.diagnoses) > MOST_DIAGNOSES or len(set(claim.diagnoses)) < len(claim.diagnoses):
        yield _error(
            "S09", "diagnoses", f"A claim holds at most {MOST_DIAGNOSES} different diagnoses.", choose
        )
    for code in claim.diagnoses:
        if code not in known.billable:
            yield _error(
                "S16", "diagnoses", f"{code} is not a code of the ICD-10-CM edition in use.",
                f"End it on {_PERSON_PAGE} and choose the code that took its place.",
            )  # fmt: skip
        elif not known.billable[code]:
            yield _error("S16", "diagnoses", f"{code} is not specific enough for a claim.", choose)
    for service, asked in zip(claim.services, draft.asked, strict=True):
        least = max(1, asked.needs_diagnoses)
        pointed = set(service.pointers)
        if any(not 1 <= p <= len(claim.diagnoses) for p in pointed) or len(pointed) > MOST_POINTERS:
            yield _error(
                "S09", "diagnoses", f"{service.code} points to a diagnosis that is not there.", _RULES
            )
        elif len(pointed) < least:
            yield _error(
                "S09",
                "diagnoses",
                f"{service.code} must point to {least} {'diagnosis' if least == 1 else 'different diagnoses'} that held "
                f"on {service.service_on:%d %b %Y}; there {'is' if len(pointed) == 1 else 'are'} {len(pointed)}.",
                choose,
            )


def _twice(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    about = (draft.replaces, *draft.waits_for, *draft.takes_from)
    answered = {old.number for old in about if old is not None}
    for old in draft.takes_from:
        yield _warning(
            "S23",
            "services",
            f"Some of these services were sent on claim {old.number}, which another draft of this month replaces or makes "
            "void. This one is sent together with that one, and not before it is signed.",
            "Sign both, then make the file.",
        )
    for old in draft.waits_for:
        yield _error("S23", "services", *_waiting(draft, old))
    keys = [service_key(draft.claim, service) for service in draft.claim.services]
    for service, key in zip(draft.claim.services, keys, strict=True):
        if keys.count(key) > 1:
            yield _error(
                "S23",
                "services",
                f"{service.code} of {service.service_on:%d %b %Y} is twice on this claim. The same service is claimed "
                "once, with its units.",
                _RULES,
            )
        number = known.claimed.get(key, "")
        if number and number not in answered:
            yield _error(
                "S23",
                "services",
                f"{service.code} of {service.service_on:%d %b %Y} is already on claim {number}. The same service is "
                "claimed once.",
                f"Look at claim {number}.",
            )


def _waiting(draft: Draft, old: LiveClaim) -> tuple[str, str]:
    """(what stands in the way, what to do about it)"""
    if old.state == "signed" and not (old.claim.frequency == "8" and old.claim.payer != draft.claim.payer):
        return (
            f"Claim {old.number} was signed for the same month before the decision changed, and was not sent.",
            f"Withdraw claim {old.number}, then sign this one.",
        )
    if old.state == "signed":
        return (
            f"Claim {old.number} makes void what another payer was asked for this month, and was not sent yet.",
            f"Make the file that sends claim {old.number}, then sign this one.",
        )
    return (
        f"Claim {old.number} of this month was sent to another payer. A month's service is claimed from one payer.",
        f"If that payer turned claim {old.number} away, denied it or paid nothing, enter so on it. Otherwise sign and send its "
        "void first.",
    )


def _correction(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim, old = draft.claim, draft.replaces
    if old is None:
        return
    if not claim.payer_control_number:
        yield _error(
            "S25",
            "payer_control_number",
            f"To change claim {old.number} the payer wants its own number for it, from the acknowledgement (277CA) or "
            "the remittance (835).",
            f"Enter that number on claim {old.number}.",
        )
    elif unsafe_id(claim.payer_control_number):
        yield _error(
            "S22",
            "payer_control_number",
            "The payer's number holds a character that a claim cannot carry.",
            f"Correct it on claim {old.number}.",
        )
    if claim.route is not None and claim.route.filing_indicator == MEDICARE:
        yield _warning(
            "S26",
            "frequency",
            "Medicare Part B usually takes no replacement or void by claim: a denied or paid claim is reopened, a "
            "rejected one is sent anew.",
            "Ask the contractor for a reopening, or sign this if yours takes it.",
        )


def _writable(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    for about, text, least in _texts(draft.claim):
        if odd := strange(text):
            yield _error(
                "S22",
                about,
                f"A claim cannot carry the {'character' if len(odd) == 1 else 'characters'} {odd[:12]}: claims hold "
                "Latin letters, digits and a little punctuation.",
                "Write it in Latin letters, as it stands on the insurance card.",
            )
        elif text and len(plain(text)) < least:
            yield _error(
                "S22",
                about,
                f"Too little is left of “{text[:20]}” in the letters that a claim can carry.",
                "Write it out in Latin letters.",
            )


def _texts(claim: Claim) -> Iterator[tuple[str, str, int]]:
    """(what it is about, the words, how many characters a file needs of them)"""
    yield from _of_person("family_name", "given_names", "address", claim.person)
    if claim.insured.subscriber:
        yield from _of_person("subscriber", "subscriber", "subscriber", claim.insured.subscriber)
    yield "group_number", claim.insured.group_number, 1
    if claim.biller:
        yield "legal_name", claim.biller.legal_name, 1
        yield "contact_name", claim.biller.contact_name, 1
        yield from _of_address("billing_street", claim.biller.address)
    if claim.place.address:
        yield "place", claim.place.name, 1
        yield from _of_address("place", claim.place.address)
    if claim.route:
        yield "route", claim.route.receiver_name, 1
        yield "route", claim.route.payer_name, 1
        yield "provider_number", claim.route.provider_number, 1
    for one in (claim.rendering, claim.supervising):
        if one is not None:
            yield "rendering", one.family_name, 1
            yield "rendering", one.given_name, 1


def _of_person(family: str, given: str, where: str, person: Person) -> Iterator[tuple[str, str, int]]:
    yield family, person.family_name, 1
    yield given, person.given_names, 1
    yield family, person.suffix, 1
    if person.address:
        yield from _of_address(where, person.address)


def _of_address(about: str, where: Address) -> Iterator[tuple[str, str, int]]:
    yield about, where.street, 1
    yield about, where.city, 2


def _looks(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    for sentence in draft.looks:
        yield _warning("S13", "decision", sentence, "Look at the decision of this month before you sign.")


def _last_day(claim: Claim) -> date:
    days: Collection[Service] = claim.services
    return max((service.service_on for service in days), default=date.min)


def _refuses(check: Callable[[str], object], value: str) -> bool:
    try:
        check(value)
    except Refused:
        return True
    return False
