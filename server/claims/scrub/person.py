"""The person, and the insurance that is asked to pay."""

import re
from collections.abc import Iterator
from typing import Final

from server.claims.assembly import Draft
from server.claims.claim import Address, Claim, ScrubFinding
from server.claims.scrub.finding import MEDICARE, OnFile, error, warning
from server.claims.x12.words import unsafe_id
from server.dates import dated
from server.tenants.regions import STATES
from server.words import say

#: Medicare Beneficiary Identifier. Source: CMS, Understanding the MBI format (11 places; no S, L, O, I, B or Z).
_MBI: Final = re.compile(
    r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]"
    r"[AC-HJKMNP-RT-Y]{2}[0-9]{2}"
)
_ZIP: Final = re.compile(r"[0-9]{5}(-?[0-9]{4})?")


def person_known(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    person = draft.claim.person
    if not person.given_names:
        yield error(
            "S21",
            "given_names",
            say("The person's given name is missing."),
            say("Enter it on the person's page."),
        )
    if person.birth_date is None or not known.file.exact_birth:
        yield error(
            "S21",
            "birth_date",
            say("The person's day of birth is not known exactly, and a claim needs it."),
            say("Ask, and correct it on the person's page."),
        )
    yield from _address(person.address, "address", say("Enter it on the person's page, under details."))


def _address(address: Address | None, field: str, mends: str) -> Iterator[ScrubFinding]:
    if address is None or not (address.street and address.city and address.state and address.zip):
        yield error(
            "S21",
            field,
            say("The person's address is not complete: a claim needs street, city, state and ZIP."),
            mends,
        )
    elif not _ZIP.fullmatch(address.zip):
        yield error("S21", field, say("“%(zip)s” is not a ZIP code.", zip=address.zip[:12]), mends)


def states(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    """Of a void too: a state that is none does not spoil one claim but the file."""
    for where, state in _no_states(draft.claim):
        yield error(
            "S21",
            where,
            say(
                "“%(state)s” is not how a claim names a state, and a payer sends the whole file back for it.",
                state=state[:20],
            ),
            say("Write it as its two letters, such as MI, on the person's page, under details."),
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


def insured_there(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim, insured = draft.claim, draft.claim.insured
    medicare = claim.route is not None and claim.route.filing_indicator == MEDICARE
    member = insured.member_id.replace("-", "").replace(" ", "").upper()
    mends = say("Correct the coverage on the person's page; the number is on the insurance card.")
    if len(member) < 2:
        yield error("S21", "member_id", say("The coverage has no member number."), mends)
    elif medicare and not _MBI.fullmatch(member):
        yield error(
            "S17",
            "member_id",
            say(
                "“%(member_id)s” is not a Medicare number: eleven letters and digits, as 1EG4-TE5-MK73.",
                member_id=insured.member_id[:20],
            ),
            mends,
        )
    elif unsafe_id(member):
        yield error(
            "S22",
            "member_id",
            say(
                "The member number holds %(characters)s, which a claim cannot carry.",
                characters=unsafe_id(member),
            ),
            mends,
        )
    if insured.relationship == "self":
        return
    if medicare:
        yield error(
            "S21",
            "relationship",
            say("Medicare insures each person for themselves; this coverage names another subscriber."),
            mends,
        )
    subscriber = insured.subscriber
    if subscriber is None or not subscriber.family_name or not subscriber.given_names:
        yield error(
            "S21", "subscriber", say("The coverage is somebody else's, and their name is not on file."), mends
        )


def coverage_pays(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim = draft.claim
    mine = next((c for c in known.file.coverages if str(c.id) == claim.coverage), None)
    for on in sorted({service.service_on for service in claim.services}):
        mends = say("Check the coverages on the person's page, and close the month again.")
        if mine is None or not mine.holds(on):
            yield error(
                "S11",
                "coverage",
                say("The coverage was not in force on %(day)s.", day=dated(on, short=True)),
                mends,
            )
            continue
        first = [c for c in known.file.coverages if c.holds(on) and c.insured.rank <= mine.insured.rank]
        others = [c for c in first if c.id != mine.id]
        if any(c.insured.rank == mine.insured.rank for c in others):
            yield error(
                "S20",
                "coverage",
                say(
                    "Two coverages pay in the same place on %(day)s: %(payer)s and %(other_payer)s.",
                    day=dated(on, short=True),
                    payer=mine.payer_name,
                    other_payer=next(c.payer_name for c in others if c.insured.rank == mine.insured.rank),
                ),
                say("Say on the person's page which pays first, and close the month again."),
            )
        elif others:
            yield error(
                "S20",
                "coverage",
                say(
                    "%(first_payer)s pays first on %(day)s, not %(payer)s. A month's service "
                    "is claimed from one payer, the one that pays first that day.",
                    first_payer=others[0].payer_name,
                    day=dated(on, short=True),
                    payer=mine.payer_name,
                ),
                mends,
            )
    if (
        claim.insured.rank > 1
        and mine is not None
        and not any(c.insured.rank < claim.insured.rank for c in known.file.coverages)
    ):
        yield warning(
            "S20",
            "coverage",
            say(
                "%(payer)s is entered as paying in place %(rank)s, and nobody is entered before it.",
                payer=mine.payer_name,
                rank=claim.insured.rank,
            ),
            say("Check on the person's page that it pays first."),
        )
