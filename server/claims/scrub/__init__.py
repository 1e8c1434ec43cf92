"""What a payer would send back, found before it is sent. Pure: a claim and what is on file in, findings out.

An error keeps a claim from being signed; a warning asks for a look. Each finding says what is so, why it matters,
and who mends it where. The ids are listed in docs/billing.md.
"""

from collections.abc import Callable, Iterator

from server.claims.assembly import Draft
from server.claims.claim import ScrubFinding
from server.claims.scrub.before import correction, twice
from server.claims.scrub.days import dates, filing
from server.claims.scrub.finding import OnFile, warning
from server.claims.scrub.letters import writable
from server.claims.scrub.lines import charges, diagnoses, services, together
from server.claims.scrub.parties import how, where, who_bills, who_treats
from server.claims.scrub.person import coverage_pays, insured_there, person_known, spoils_a_file, states
from server.words import say

__all__ = ["OnFile", "scrub", "spoils_a_file"]

_Rule = Callable[[Draft, OnFile], Iterator[ScrubFinding]]


def scrub(draft: Draft, known: OnFile) -> tuple[ScrubFinding, ...]:
    """Everything to be said about a draft, errors first, each thing once."""
    rules: tuple[_Rule, ...] = (
        who_bills, who_treats, where, how, person_known, states, insured_there, coverage_pays, dates, filing, services,
        together, charges, diagnoses, twice, correction, writable, _looks,
    )  # fmt: skip
    if draft.claim.frequency == "8":
        # what was wrong with a claim is why it is made void
        rules = (states, correction, writable, _looks)
    found = dict.fromkeys(finding for rule in rules for finding in rule(draft, known))
    return tuple(sorted(found, key=lambda finding: (finding.severity != "error", finding.id)))


def _looks(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    for sentence in draft.looks:
        yield warning("S13", "decision", sentence, say("Look at the decision of this month before you sign."))
