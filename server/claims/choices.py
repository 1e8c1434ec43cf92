"""What a person may decide about a patient's month, and what nobody may. Pure."""

from collections.abc import Sequence
from typing import Literal

from carewright_plugin_api.decisions import Decision, Hold
from carewright_plugin_api.facts import Override

from server.errors import Refused
from server.words import say

Kind = Literal["withhold", "choose", "accept"]


def check_override(
    decision: Decision, in_force: Sequence[Override], kind: str, target: str, reason: str
) -> None:
    """Refuses what `decision` does not leave to a person. Not billing is always theirs to choose.

    Billing truth is not: a hold can only be accepted where its own rule says so.
    """
    if not reason.strip():
        raise Refused(
            "REASON_NEEDED",
            say(
                "Such a choice stands until somebody takes it back, and a reviewer will ask why it was made."
            ),
            say("Write a few words that you would show to an auditor."),
            "reason",
        )
    if any(one.kind == kind and (kind == "choose" or one.target == target) for one in in_force):
        raise Refused(
            "ALREADY_CHOSEN",
            say("This is in force already."),
            say("Take the earlier choice back first, if it should be another one."),
        )
    match kind:
        case "withhold":
            _may_withhold(decision, target)
        case "choose":
            _may_choose(decision, target)
        case "accept":
            _may_accept(decision.holds, target)
        case _:
            raise Refused(
                "NOT_A_CHOICE",
                say("“%(kind)s” is not a choice.", kind=kind[:40]),
                say("Choose withhold, choose or accept."),
                "kind",
            )


def _may_withhold(decision: Decision, code: str) -> None:
    codes = sorted({line.code for line in decision.lines})
    if not codes or (code and code not in codes):
        raise Refused(
            "NOT_A_LINE",
            say("No line %(code)s stands in this decision.", code=code[:10])
            if code
            else say("No line stands in this decision."),
            say("Choose one of %(codes)s, or the whole month.", codes=", ".join(codes))
            if codes
            else say("There is nothing to withhold."),
            "target",
        )


def _may_choose(decision: Decision, policy: str) -> None:
    offered = [other.policy for other in decision.alternatives]
    if policy not in offered:
        raise Refused(
            "NO_SUCH_ALTERNATIVE",
            say("The rules offer no other answer for this month.")
            if not offered
            else say("The rules do not offer “%(policy)s” here.", policy=policy[:20]),
            say("What they offer is %(offered)s.", offered=", ".join(offered))
            if offered
            else say("Nothing is to be chosen."),
            "target",
        )


def _may_accept(holds: Sequence[Hold], code: str) -> None:
    held = [hold for hold in holds if hold.code == code]
    if not held:
        raise Refused(
            "NOT_A_HOLD",
            say("%(code)s does not stand in the way here.", code=code[:64]),
            say("Choose one of the holds shown."),
            "target",
        )
    if not all(hold.may_accept for hold in held):
        raise Refused(
            "NOT_FOR_A_PERSON",
            say(
                "%(sentence)s That is not for a person to decide: minutes, dates, consent and coverage "
                "are as they are, whoever asks.",
                sentence=held[0].sentence,
            ),
            held[0].next_step,
            "target",
        )
