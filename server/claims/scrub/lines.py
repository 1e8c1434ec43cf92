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
            say(
                "A claim holds 1 to %(most_services)s services, not %(n)s.",
                most_services=MOST_SERVICES,
                n=len(claim.services),
            ),
            RULES,
        )
    for service, asked in zip(claim.services, draft.asked, strict=True):
        if not _CODE.fullmatch(service.code):
            yield error(
                "S21", "code", say("“%(code)s” is not a procedure code.", code=service.code[:8]), RULES
            )
        if len(service.modifiers) > 4 or not all(map(_MODIFIER.fullmatch, service.modifiers)):
            yield error(
                "S15",
                "modifiers",
                say("%(code)s has modifiers that no claim can carry.", code=service.code),
                RULES,
            )
        if not 1 <= service.units <= 999:
            yield error(
                "S04",
                "units",
                say("%(code)s asks for %(units)s units.", code=service.code, units=service.units),
                RULES,
            )
        elif asked.units_at_most is not None and service.units > asked.units_at_most:
            yield error(
                "S04",
                "units",
                say(
                    "%(code)s asks for %(units)s units on %(service_on)s; the payer's edits let "
                    "%(units_at_most)s through.",
                    code=service.code,
                    units=service.units,
                    service_on=f"{service.service_on:%d %b %Y}",
                    units_at_most=asked.units_at_most,
                ),
                RULES,
            )


def together(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    there = {(service.code, service.service_on) for service in draft.claim.services}
    for service, asked in zip(draft.claim.services, draft.asked, strict=True):
        if asked.goes_with and not any((base, service.service_on) in there for base in asked.goes_with):
            yield error(
                "S03",
                "services",
                say(
                    "%(code)s adds to %(goes_with)s, which is not on this claim for %(service_on)s.",
                    code=service.code,
                    goes_with=" or ".join(asked.goes_with),
                    service_on=f"{service.service_on:%d %b %Y}",
                ),
                say("Close the month again; if it stays so, tell whoever keeps the plugin."),
            )


def charges(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim = draft.claim
    for service, asked in zip(claim.services, draft.asked, strict=True):
        if service.charge <= 0:
            yield error(
                "S21",
                "charge",
                say(
                    "No charge is stated for %(code)s on %(service_on)s; a claim must ask for money.",
                    code=service.code,
                    service_on=f"{service.service_on:%d %b %Y}",
                ),
                say("Enter what one unit costs under %(billing_page)s.", billing_page=BILLING_PAGE),
            )
        elif asked.allowed is not None and service.charge < asked.allowed:
            yield warning(
                "S14",
                "charge",
                say(
                    "%(code)s asks for $%(charge)s, less than the $%(allowed)s the rules expect to be "
                    "paid. Payers pay the lesser of the two.",
                    code=service.code,
                    charge=f"{service.charge:,.2f}",
                    allowed=f"{asked.allowed:,.2f}",
                ),
                say(
                    "Raise the charge under %(billing_page)s if it is not meant to be so.",
                    billing_page=BILLING_PAGE,
                ),
            )
    if claim.total != sum((service.charge for service in claim.services), Decimal(0)):
        yield error("S18", "total", say("The services do not add up to the claim's total."), RULES)


def diagnoses(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim = draft.claim
    choose = say("Choose the codes under Diagnoses on %(person_page)s.", person_page=PERSON_PAGE)
    if len(claim.diagnoses) > MOST_DIAGNOSES or len(set(claim.diagnoses)) < len(claim.diagnoses):
        yield error(
            "S09",
            "diagnoses",
            say(
                "A claim holds at most %(most_diagnoses)s different diagnoses.", most_diagnoses=MOST_DIAGNOSES
            ),
            choose,
        )
    for code in claim.diagnoses:
        if code not in known.billable:
            yield error(
                "S16", "diagnoses", say("%(code)s is not a code of the ICD-10-CM edition in use.", code=code),
                say("End it on %(person_page)s and choose the code that took its place.", person_page=PERSON_PAGE),
            )  # fmt: skip
        elif not known.billable[code]:
            yield error(
                "S16", "diagnoses", say("%(code)s is not specific enough for a claim.", code=code), choose
            )
    for service, asked in zip(claim.services, draft.asked, strict=True):
        least = max(1, asked.needs_diagnoses)
        pointed = set(service.pointers)
        if any(not 1 <= p <= len(claim.diagnoses) for p in pointed) or len(pointed) > MOST_POINTERS:
            yield error(
                "S09",
                "diagnoses",
                say("%(code)s points to a diagnosis that is not there.", code=service.code),
                RULES,
            )
        elif len(pointed) < least:
            yield error(
                "S09",
                "diagnoses",
                say(
                    "%(code)s must point to %(least)s %(which)s that held on %(service_on)s; there "
                    "%(which_2)s %(n)s.",
                    code=service.code,
                    least=least,
                    which="diagnosis" if least == 1 else "different diagnoses",
                    service_on=f"{service.service_on:%d %b %Y}",
                    which_2="is" if len(pointed) == 1 else "are",
                    n=len(pointed),
                ),
                choose,
            )
