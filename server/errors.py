"""The one way to say no.

A `Refused` is something we expected: a rule, a missing consent, an overlapping span. It becomes a `Refusal`
in GraphQL and a sentence beside the field on a page. Anything else that is raised is our bug: masked, logged
with a reference number, never shown.
"""

from collections.abc import Collection
from typing import Final

from server.words import N_, say


class Refused(Exception):
    """An expected refusal.

    code: stable, UPPER_SNAKE, part of the public API. message: what happened, with the values, and why it
    matters. next_step: what the person can do now. field: the input it concerns, in snake_case, if one does.
    """

    def __init__(self, code: str, message: str, next_step: str = "", field: str | None = None) -> None:
        super().__init__(code)  # never the message: it may carry a person's words, and exceptions reach logs
        self.code = code
        self.message = message
        self.next_step = next_step
        self.field = field


#: what was asked for -> that it is not there; whole sentences, because other languages bend more than one word of it
MISSING: Final = {
    "assessment": N_("There is no such assessment in this practice."),
    "care team member": N_("There is no such care team member in this practice."),
    "choice": N_("There is no such choice in this practice."),
    "claim": N_("There is no such claim in this practice."),
    "claim line": N_("There is no such claim line in this practice."),
    "closing": N_("There is no such closing in this practice."),
    "colleague": N_("There is no such colleague in this practice."),
    "consent": N_("There is no such consent in this practice."),
    "contact": N_("There is no such contact in this practice."),
    "contact way": N_("There is no such contact way in this practice."),
    "coverage": N_("There is no such coverage in this practice."),
    "decision": N_("There is no such decision in this practice."),
    "diagnosis": N_("There is no such diagnosis in this practice."),
    "draft": N_("There is no such draft in this practice."),
    "enrollment": N_("There is no such enrollment in this practice."),
    "entry of minutes": N_("There is no such entry of minutes in this practice."),
    "file": N_("There is no such file in this practice."),
    "file of claims": N_("There is no such file of claims in this practice."),
    "hint": N_("There is no such hint in this practice."),
    "import": N_("There is no such import in this practice."),
    "interchange": N_("There is no such interchange in this practice."),
    "job": N_("There is no such job in this practice."),
    "joining": N_("There is no such joining in this practice."),
    "joining of records": N_("There is no such joining of records in this practice."),
    "line": N_("There is no such line in this practice."),
    "list": N_("There is no such list in this practice."),
    "list of claims": N_("There is no such list of claims in this practice."),
    "month": N_("There is no such month in this practice."),
    "other service": N_("There is no such other service in this practice."),
    "page": N_("There is no such page in this practice."),
    "pair": N_("There is no such pair in this practice."),
    "pair of records": N_("There is no such pair of records in this practice."),
    "patient": N_("There is no such patient in this practice."),
    "payer": N_("There is no such payer in this practice."),
    "person on the staff": N_("There is no such person on the staff in this practice."),
    "piece of time": N_("There is no such piece of time in this practice."),
    "plan": N_("There is no such plan in this practice."),
    "practice": N_("There is no such practice in this practice."),
    "practitioner visit": N_("There is no such practitioner visit in this practice."),
    "program": N_("There is no such program in this practice."),
    "qualification": N_("There is no such qualification in this practice."),
    "record": N_("There is no such record in this practice."),
    "referral": N_("There is no such referral in this practice."),
    "row": N_("There is no such row in this practice."),
    "safety concern": N_("There is no such safety concern in this practice."),
    "service": N_("There is no such service in this practice."),
    "session": N_("There is no such session in this practice."),
    "signed claim": N_("There is no such signed claim in this practice."),
    "site": N_("There is no such site in this practice."),
    "step": N_("There is no such step in this practice."),
    "support person": N_("There is no such support person in this practice."),
    "table": N_("There is no such table in this practice."),
    "task": N_("There is no such task in this practice."),
    "timer": N_("There is no such timer in this practice."),
    "token": N_("There is no such token in this practice."),
    "version": N_("There is no such version in this practice."),
    "visit": N_("There is no such visit in this practice."),
    "way to reach them": N_("There is no such way to reach them in this practice."),
    "wording": N_("There is no such wording in this practice."),
}


def not_found(what: str = "record") -> Refused:
    """Missing and forbidden are the same answer, made in this one place so they cannot drift apart.

    what: a key of MISSING.
    """
    return Refused(
        "NOT_FOUND",
        say(MISSING.get(what, MISSING["record"])),
        say("Check the link, or find the person again from People."),
    )


def check_choice(value: str, choices: Collection[str], field: str) -> None:
    """Raises Refused NOT_A_CHOICE where `value` is none of them. An empty choice is one, but is not told."""
    if value not in choices:
        raise Refused(
            "NOT_A_CHOICE",
            say("“%(choice)s” is not among the choices.", choice=value[:40]),
            say("Choose one of %(choices)s.", choices=", ".join(one for one in choices if one)),
            field,
        )


def forbidden() -> Refused:
    """The person's role does not include this action; says nothing about whether the thing exists."""
    return Refused(
        "NOT_ALLOWED",
        say("Your role in this practice does not include this."),
        say("Ask an administrator of the practice if you need it for your work."),
    )
