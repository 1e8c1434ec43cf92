"""What was claimed before: nothing twice, nothing from two payers, and corrections that name what they correct."""

from collections.abc import Iterator

from server.claims.assembly import Draft, LiveClaim
from server.claims.claim import ScrubFinding, service_key
from server.claims.scrub.finding import MEDICARE, RULES, OnFile, error, warning
from server.claims.x12.words import unsafe_id
from server.dates import dated
from server.words import say


def twice(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    about = (draft.replaces, *draft.waits_for, *draft.takes_from)
    answered = {old.number for old in about if old is not None}
    for old in draft.takes_from:
        yield warning(
            "S23",
            "services",
            say(
                "Some of these services were sent on claim %(number)s, which another draft of this "
                "month replaces or makes void. This one is sent together with that one, and not before "
                "it is signed.",
                number=old.number,
            ),
            say("Sign both, then make the file."),
        )
    for old in draft.waits_for:
        yield error("S23", "services", *_waiting(draft, old))
    keys = [service_key(draft.claim, service) for service in draft.claim.services]
    for service, key in zip(draft.claim.services, keys, strict=True):
        if keys.count(key) > 1:
            yield error(
                "S23",
                "services",
                say(
                    "%(code)s of %(day)s is twice on this claim. The same service is claimed "
                    "once, with its units.",
                    code=service.code,
                    day=dated(service.service_on, short=True),
                ),
                say(RULES),
            )
        number = known.claimed.get(key, "")
        if number and number not in answered:
            yield error(
                "S23",
                "services",
                say(
                    "%(code)s of %(day)s is already on claim %(number)s. The same service is claimed once.",
                    code=service.code,
                    day=dated(service.service_on, short=True),
                    number=number,
                ),
                say("Look at claim %(number)s.", number=number),
            )


def _waiting(draft: Draft, old: LiveClaim) -> tuple[str, str]:
    """(what stands in the way, what to do about it)"""
    if old.state == "signed" and not (old.claim.frequency == "8" and old.claim.payer != draft.claim.payer):
        return (
            say(
                "Claim %(number)s was signed for the same month before the decision changed, and was "
                "not sent.",
                number=old.number,
            ),
            say("Withdraw claim %(number)s, then sign this one.", number=old.number),
        )
    if old.state == "signed":
        return (
            say(
                "Claim %(number)s makes void what another payer was asked for this month, and was not "
                "sent yet.",
                number=old.number,
            ),
            say("Make the file that sends claim %(number)s, then sign this one.", number=old.number),
        )
    return (
        say(
            "Claim %(number)s of this month was sent to another payer. A month's service is claimed "
            "from one payer.",
            number=old.number,
        ),
        say(
            "If that payer turned claim %(number)s away, denied it or paid nothing, enter so on it. "
            "Otherwise sign and send its void first.",
            number=old.number,
        ),
    )


def correction(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    claim, old = draft.claim, draft.replaces
    if old is None:
        return
    if not claim.payer_control_number:
        yield error(
            "S25",
            "payer_control_number",
            say(
                "To change claim %(number)s the payer wants its own number for it, from the "
                "acknowledgement (277CA) or the remittance (835).",
                number=old.number,
            ),
            say("Enter that number on claim %(number)s.", number=old.number),
        )
    elif unsafe_id(claim.payer_control_number):
        yield error(
            "S22",
            "payer_control_number",
            say("The payer's number holds a character that a claim cannot carry."),
            say("Correct it on claim %(number)s.", number=old.number),
        )
    if claim.route is not None and claim.route.filing_indicator == MEDICARE:
        yield warning(
            "S26",
            "frequency",
            say(
                "Medicare Part B usually takes no replacement or void by claim: a denied or paid claim "
                "is reopened, a rejected one is sent anew."
            ),
            say("Ask the contractor for a reopening, or sign this if yours takes it."),
        )
