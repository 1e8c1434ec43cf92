"""National Provider Identifiers. Source: 45 CFR 162.406; check digit by the Luhn formula over 80840 and
the number."""

from server.errors import Refused
from server.words import say

#: ISO 7812 issuer prefix of United States health identifiers; it takes part in the sum though it is not
#: written.
_PREFIX = "80840"


def check_npi(text: str, field: str = "npi") -> str:
    """The ten digits of `text` (spaces and hyphens are forgiven). Raises Refused NPI_FORM or
    NPI_CHECK_DIGIT."""
    digits = "".join(c for c in text if c not in " -\u00a0\u2011\u2013").strip()
    if len(digits) != 10 or not (digits.isascii() and digits.isdigit()) or digits[0] not in "12":
        raise Refused(
            "NPI_FORM",
            say(
                "An NPI is ten digits and begins with 1 or 2; this is “%(number)s”.", number=text.strip()[:40]
            ),
            say("Copy it from the practice's enrollment letter, or look it up in the public NPI registry."),
            field,
        )
    expected = check_digit(digits[:9])
    if digits[9] != expected:
        raise Refused(
            "NPI_CHECK_DIGIT",
            say(
                "%(number)s is not a possible NPI: after %(first_nine)s the tenth digit, which guards "
                "against slips, would be %(expected)s, not %(tenth)s. Payers refuse claims with a "
                "wrong one.",
                number=digits,
                first_nine=digits[:9],
                expected=expected,
                tenth=digits[9],
            ),
            say(
                "One digit may be mistyped, or two neighbours swapped. Compare all ten with the "
                "enrollment letter."
            ),
            field,
        )
    return digits


def check_digit(nine: str) -> str:
    """The tenth digit that belongs to the first nine."""
    total = 0
    for place, digit in enumerate(reversed(_PREFIX + nine)):
        doubled = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)
