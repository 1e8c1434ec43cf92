"""The one way to say no.

A `Refused` is something we expected: a rule, a missing consent, an overlapping span. It becomes a `Refusal`
in GraphQL and a sentence beside the field on a page. Anything else that is raised is our bug: masked, logged
with a reference number, never shown.
"""

from server.words import say


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


def not_found(what: str = "record") -> Refused:
    """Missing and forbidden are the same answer, made in this one place so they cannot drift apart."""
    return Refused(
        "NOT_FOUND",
        say("There is no such %(what)s in this practice.", what=what),
        say("Check the link, or find the person again from People."),
    )


def forbidden() -> Refused:
    """The person's role does not include this action; says nothing about whether the thing exists."""
    return Refused(
        "NOT_ALLOWED",
        say("Your role in this practice does not include this."),
        say("Ask an administrator of the practice if you need it for your work."),
    )
