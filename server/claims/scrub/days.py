"""The days of the services: not to come, while the person lived at home, and while the payer still takes them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from server.claims.assembly import Draft
from server.claims.claim import ScrubFinding
from server.claims.scrub.finding import BILLING_PAGE, PERSON_PAGE, OnFile, error, warning

_STAYS: Final = ("inpatient", "skilled_nursing")
_SOON: Final = timedelta(days=30)


def dates(draft: Draft, known: OnFile) -> Iterator[ScrubFinding]:
    for on in sorted({service.service_on for service in draft.claim.services}):
        died = known.file.died_on
        if on > known.today:
            yield error(
                "S11", "service_on", f"{on:%d %b %Y} has not come yet.", "Wait for the day, then sign it."
            )
        if died is not None and on > died:
            yield error(
                "S11",
                "service_on",
                f"The service is dated {on:%d %b %Y}, after the person died on {died:%d %b %Y}.",
                "Close the month again, so that its rules know of the death, or correct the day on the person's page.",
            )
        birth = draft.claim.person.birth_date
        if birth is not None and on < birth:
            yield error(
                "S11", "birth_date", f"The service of {on:%d %b %Y} is before the person was born.",
                f"Correct the day of birth on {PERSON_PAGE}.",
            )  # fmt: skip
        for stay in known.file.stays:
            if stay.kind in _STAYS and stay.from_on <= on and (stay.to_on is None or on < stay.to_on):
                yield error(
                    "S11",
                    "service_on",
                    f"On {on:%d %b %Y} the person was in a hospital or skilled nursing facility (from "
                    f"{stay.from_on:%d %b %Y}); the payer would send the line to that stay.",
                    "Check the days of the stay. If they are right, bill this by hand with a day of the month on "
                    "which the person was at home and the minutes had been reached.",
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
            f"The payer took claims for {oldest:%d %b %Y} until {last:%d %b %Y}; that day is over.",
            f"If the payer agreed to more time, correct its number of days under {BILLING_PAGE}.",
        )
    elif known.today > last - _SOON:
        yield warning(
            "S24",
            "service_on",
            f"The payer takes a claim for {oldest:%d %b %Y} until {last:%d %b %Y}.",
            "Sign and send it soon.",
        )
