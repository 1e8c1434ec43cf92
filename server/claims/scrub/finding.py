"""What a finding of the scrub is made of: what a claim is held against, and the words that rules share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from server.claims.assembly import PatientFile
from server.claims.claim import ScrubFinding
from server.errors import Refused
from server.words import N_

MEDICARE: Final = "MB"
RULES: Final = N_(
    "This comes from the payer's rules: tell whoever keeps the plugin, and leave the claim unsigned "
    "until then."
)


@dataclass(frozen=True, slots=True)
class OnFile:
    """What a claim is held against. billable: ICD-10-CM code -> may stand on a claim, for the codes of these claims;
    a code that is not there is none of the set. claimed: service key -> number of the live claim that asks for it.
    filing_days: days after the service in which its payer takes it."""

    today: date
    file: PatientFile
    billable: Mapping[str, bool]
    claimed: Mapping[str, str] = field(default_factory=dict)
    filing_days: int = 365


def error(id: str, field: str, sentence: str, mends: str) -> ScrubFinding:
    return ScrubFinding(id, "error", sentence, mends, field)


def warning(id: str, field: str, sentence: str, mends: str) -> ScrubFinding:
    return ScrubFinding(id, "warning", sentence, mends, field)


def refuses(check: Callable[[str], object], value: str) -> bool:
    try:
        check(value)
    except Refused:
        return True
    return False
