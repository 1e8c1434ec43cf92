"""The lines: codes, units, modifiers, what goes together, charges and the diagnoses they point to."""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import reduce
from typing import Final

from server.claims.assembly import MOST_DIAGNOSES, MOST_POINTERS, MOST_SERVICES, Draft
from server.claims.claim import ScrubFinding
from server.claims.scrub.finding import RULES, OnFile, error, warning
from server.dates import dated
from server.words import say, say_of

_CODE: Final = re.compile(r"[A-Z0-9]{5}")
_MODIFIER: Final = re.compile(r"[A-Z0-9]{2}")


def services(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim = draft.claim
    if not 1 <= len(claim.services) <= MOST_SERVICES:
        yield error(
            "S21",
            "services",
            say(
                "A claim holds 1 to %(most)s services, not %(n)s.",
                most=MOST_SERVICES,
                n=len(claim.services),
            ),
            say(RULES),
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
                say(RULES),
            )
        if not 1 <= service.units <= 999:
            yield error(
                "S04",
                "units",
                say_of(
                    "%(code)s asks for %(n)s unit.",
                    "%(code)s asks for %(n)s units.",
                    service.units,
                    code=service.code,
                ),
                say(RULES),
            )
        elif asked.units_at_most is not None and service.units > asked.units_at_most:
            yield error(
                "S04",
                "units",
                say_of(
                    "%(code)s asks for %(n)s unit on %(day)s; the payer's edits let %(most)s through.",
                    "%(code)s asks for %(n)s units on %(day)s; the payer's edits let %(most)s through.",
                    service.units,
                    code=service.code,
                    day=dated(service.service_on, short=True),
                    most=asked.units_at_most,
                ),
                say(RULES),
            )


def together(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    there = {(service.code, service.service_on) for service in draft.claim.services}
    for service, asked in zip(draft.claim.services, draft.asked, strict=True):
        if asked.goes_with and not any((base, service.service_on) in there for base in asked.goes_with):
            yield error(
                "S03",
                "services",
                say(
                    "%(code)s adds to %(codes)s, which is not on this claim for %(day)s.",
                    code=service.code,
                    codes=reduce(_either, asked.goes_with),
                    day=dated(service.service_on, short=True),
                ),
                say("Close the month again; if it stays so, tell whoever keeps the plugin."),
            )


def _either(codes: str, code: str) -> str:
    return say("%(codes)s or %(code)s", codes=codes, code=code)


def charges(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim = draft.claim
    for service, asked in zip(claim.services, draft.asked, strict=True):
        if service.charge <= 0:
            yield error(
                "S21",
                "charge",
                say(
                    "No charge is stated for %(code)s on %(day)s; a claim must ask for money.",
                    code=service.code,
                    day=dated(service.service_on, short=True),
                ),
                say("Enter what one unit costs under Practice, then Billing."),
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
                say("Raise the charge under Practice, then Billing if it is not meant to be so."),
            )
    if claim.total != sum((service.charge for service in claim.services), Decimal(0)):
        yield error("S18", "total", say("The services do not add up to the claim's total."), say(RULES))


def diagnoses(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim = draft.claim
    choose = say("Choose the codes under Diagnoses on the person's page.")
    if len(claim.diagnoses) > MOST_DIAGNOSES or len(set(claim.diagnoses)) < len(claim.diagnoses):
        yield error(
            "S09",
            "diagnoses",
            say("A claim holds at most %(most)s different diagnoses.", most=MOST_DIAGNOSES),
            choose,
        )
    for code in claim.diagnoses:
        if code not in known.billable:
            yield error(
                "S16", "diagnoses", say("%(code)s is not a code of the ICD-10-CM edition in use.", code=code),
                say("End it on the person's page and choose the code that took its place."),
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
                say(RULES),
            )
        elif len(pointed) < least:
            yield error(
                "S09",
                "diagnoses",
                say_of(
                    "%(code)s must point to %(diagnoses)s that held on %(day)s; there is %(n)s.",
                    "%(code)s must point to %(diagnoses)s that held on %(day)s; there are %(n)s.",
                    len(pointed),
                    code=service.code,
                    diagnoses=say_of("%(n)s diagnosis", "%(n)s different diagnoses", least),
                    day=dated(service.service_on, short=True),
                ),
                choose,
            )
