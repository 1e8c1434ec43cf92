"""The days of the services: not to come, while the person lived at home, and while the payer still takes them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from server.claims.assembly import Draft
from server.claims.claim import ScrubFinding
from server.claims.scrub.finding import OnFile, error, warning
from server.dates import dated
from server.words import say

_STAYS: Final = ("inpatient", "skilled_nursing")
_SOON: Final = timedelta(days=30)


def dates(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    for on in sorted({service.service_on for service in draft.claim.services}):
        died = known.file.died_on
        if on > known.today:
            yield error(
                "S11",
                "service_on",
                say("%(day)s has not come yet.", day=dated(on, short=True)),
                say("Wait for the day, then sign it."),
            )
        if died is not None and on > died:
            yield error(
                "S11",
                "service_on",
                say(
                    "The service is dated %(day)s, after the person died on %(died)s.",
                    day=dated(on, short=True),
                    died=dated(died, short=True),
                ),
                say(
                    "Close the month again, so that its rules know of the death, or correct the day on "
                    "the person's page."
                ),
            )
        birth = draft.claim.person.birth_date
        if birth is not None and on < birth:
            yield error(
                "S11", "birth_date", say("The service of %(day)s is before the person was born.", day=dated(on, short=True)),
                say("Correct the day of birth on the person's page."),
            )  # fmt: skip
        for stay in known.file.stays:
            if stay.kind in _STAYS and stay.from_on <= on and (stay.to_on is None or on < stay.to_on):
                yield error(
                    "S11",
                    "service_on",
                    say(
                        "On %(day)s the person was in a hospital or skilled nursing facility (from "
                        "%(from_on)s); the payer would send the line to that stay.",
                        day=dated(on, short=True),
                        from_on=dated(stay.from_on, short=True),
                    ),
                    say(
                        "Check the days of the stay. If they are right, bill this by hand with a day "
                        "of the month on which the person was at home and the minutes had been reached."
                    ),
                )


def filing(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    if not draft.claim.services:
        return
    oldest = min(service.service_on for service in draft.claim.services)
    last = oldest + timedelta(days=known.filing_days)
    if known.today > last:
        yield error(
            "S24",
            "service_on",
            say(
                "The payer took claims for %(oldest)s until %(last)s; that day is over.",
                oldest=dated(oldest, short=True),
                last=dated(last, short=True),
            ),
            say("If the payer agreed to more time, correct its number of days under Practice, then Billing."),
        )
    elif known.today > last - _SOON:
        yield warning(
            "S24",
            "service_on",
            say(
                "The payer takes a claim for %(oldest)s until %(last)s.",
                oldest=dated(oldest, short=True),
                last=dated(last, short=True),
            ),
            say("Sign and send it soon."),
        )
