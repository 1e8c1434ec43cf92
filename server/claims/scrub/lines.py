"""The lines: codes, units, modifiers, what goes together, charges and the diagnoses they point to."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from server.claims.assembly import MOST_DIAGNOSES, MOST_POINTERS, MOST_SERVICES, Draft
from server.claims.claim import ScrubFinding
from server.claims.scrub.finding import BILLING_PAGE, PERSON_PAGE, RULES, OnFile, error, warning
from server.words import say

_CODE: Final = re.compile(r"[A-Z0-9]{5}")
_MODIFIER: Final = re.compile(r"[A-Z0-9]{2}")


def services(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim = draft.claim
    if not 1 <= len(claim.services) <= MOST_SERVICES:
        yield error(
            "S21",
            "services",
            f"A claim holds 1 to {MOST_SERVICES} services, not {len(claim.services)}.",
            RULES,
        )
    for service, asked in zip(claim.services, draft.asked, strict=True):
        if not _CODE.fullmatch(service.code):
            yield error("S21", "code", f"“{service.code[:8]}” is not a procedure code.", RULES)
        if len(service.modifiers) > 4 or not all(map(_MODIFIER.fullmatch, service.modifiers)):
            yield error("S15", "modifiers", f"{service.code} has modifiers that no claim can carry.", RULES)
        if not 1 <= service.units <= 999:
            yield error("S04", "units", f"{service.code} asks for {service.units} units.", RULES)
        elif asked.units_at_most is not None and service.units > asked.units_at_most:
            yield error(
                "S04",
                "units",
                f"{service.code} asks for {service.units} units on {service.service_on:%d %b %Y}; the payer's edits "
                f"let {asked.units_at_most} through.",
                RULES,
            )


def together(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    there = {(service.code, service.service_on) for service in draft.claim.services}
    for service, asked in zip(draft.claim.services, draft.asked, strict=True):
        if asked.goes_with and not any((base, service.service_on) in there for base in asked.goes_with):
            yield error(
                "S03",
                "services",
                f"{service.code} adds to {' or '.join(asked.goes_with)}, which is not on this claim for "
                f"{service.service_on:%d %b %Y}.",
                "Close the month again; if it stays so, tell whoever keeps the plugin.",
            )


def charges(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim = draft.claim
    for service, asked in zip(claim.services, draft.asked, strict=True):
        if service.charge <= 0:
            yield error(
                "S21",
                "charge",
                f"No charge is stated for {service.code} on {service.service_on:%d %b %Y}; a claim must ask for money.",
                f"Enter what one unit costs under {BILLING_PAGE}.",
            )
        elif asked.allowed is not None and service.charge < asked.allowed:
            yield warning(
                "S14",
                "charge",
                f"{service.code} asks for ${service.charge:,.2f}, less than the ${asked.allowed:,.2f} the rules expect "
                "to be paid. Payers pay the lesser of the two.",
                f"Raise the charge under {BILLING_PAGE} if it is not meant to be so.",
            )
    if claim.total != sum((service.charge for service in claim.services), Decimal(0)):
        yield error("S18", "total", "The services do not add up to the claim's total.", RULES)


def diagnoses(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim = draft.claim
    choose = say("Choose the codes under Diagnoses on %(person_page)s.", person_page=PERSON_PAGE)
    if len(claim.diagnoses) > MOST_DIAGNOSES or len(set(claim.diagnoses)) < len(claim.diagnoses):
        yield error(
            "S09", "diagnoses", f"A claim holds at most {MOST_DIAGNOSES} different diagnoses.", choose
        )
    for code in claim.diagnoses:
        if code not in known.billable:
            yield error(
                "S16", "diagnoses", f"{code} is not a code of the ICD-10-CM edition in use.",
                f"End it on {PERSON_PAGE} and choose the code that took its place.",
            )  # fmt: skip
        elif not known.billable[code]:
            yield error("S16", "diagnoses", f"{code} is not specific enough for a claim.", choose)
    for service, asked in zip(claim.services, draft.asked, strict=True):
        least = max(1, asked.needs_diagnoses)
        pointed = set(service.pointers)
        if any(not 1 <= p <= len(claim.diagnoses) for p in pointed) or len(pointed) > MOST_POINTERS:
            yield error("S09", "diagnoses", f"{service.code} points to a diagnosis that is not there.", RULES)
        elif len(pointed) < least:
            yield error(
                "S09",
                "diagnoses",
                f"{service.code} must point to {least} {'diagnosis' if least == 1 else 'different diagnoses'} that held "
                f"on {service.service_on:%d %b %Y}; there {'is' if len(pointed) == 1 else 'are'} {len(pointed)}.",
                choose,
            )
