"""The values a claim about a practice is made of, and how each is checked. Pure.

Sources: tax numbers 26 CFR 301.6109-1; taxonomy form NUCC (ten characters ending in X); place of service codes,
CMS place-of-service code set; claim filing indicators, X12 external code element 1032.
"""

import re
from typing import Final

from server.errors import Refused
from server.tenants.names import written
from server.tenants.regions import STATES
from server.words import N_, say

TIN_KINDS: Final = {
    "EI": N_("Employer identification number"),
    "SY": N_("Social Security number (sole proprietor)"),
}

#: place of service -> words. Those where a practitioner would see somebody in care management.
PLACES_OF_SERVICE: Final = {
    "02": N_("Telehealth, not at home"),
    "10": N_("Telehealth at home"),
    "11": N_("Office"),
    "12": N_("Home"),
    "13": N_("Assisted living facility"),
    "14": N_("Group home"),
    "19": N_("Off-campus outpatient hospital"),
    "22": N_("On-campus outpatient hospital"),
    "31": N_("Skilled nursing facility"),
    "32": N_("Nursing facility"),
    "33": N_("Custodial care facility"),
    "49": N_("Independent clinic"),
    "50": N_("Federally qualified health center"),
    "71": N_("Public health clinic"),
    "72": N_("Rural health clinic"),
}

#: claim filing indicator -> words
FILING_INDICATORS: Final = {
    "MB": N_("Medicare Part B"),
    "16": N_("Medicare Advantage (HMO Medicare risk)"),
    "BL": N_("Blue Cross Blue Shield"),
    "CI": N_("Commercial insurance"),
    "HM": N_("Health maintenance organization"),
    "12": N_("Preferred provider organization"),
    "13": N_("Point of service"),
    "14": N_("Exclusive provider organization"),
    "15": N_("Indemnity insurance"),
    "MC": N_("Medicaid"),
    "CH": N_("TRICARE"),
    "OF": N_("Other federal program"),
    "VA": N_("Veterans Affairs"),
    "ZZ": N_("Not known"),
}

_TAXONOMY: Final = re.compile(r"[0-9A-Z]{9}X")
_PO_BOX: Final = re.compile(
    r"\b(p\s*\.?\s*o\s*\.?\s*(box|b)\b|post\s+office\s+box|box\s+\d+|lock\s*box|p\.?\s?o\.?\s*#?\d)",
    re.IGNORECASE,
)


def is_po_box(street: str) -> bool:
    """Does this street address name a post-office box?"""
    return _PO_BOX.search(street) is not None


def check_tin(text: str, field: str = "tin") -> str:
    """Nine digits; hyphens and spaces are forgiven. Raises Refused TIN_FORM (which never repeats the number)."""
    digits = re.sub(r"[ \-\u2011\u2013]", "", text.strip())
    if not re.fullmatch(r"[0-9]{9}", digits, re.ASCII) or len(set(digits)) == 1:
        raise Refused(
            "TIN_FORM",
            say("A tax identification number is nine digits."),
            say("Copy it from the letter of the tax office or from the payer's enrollment."),
            field,
        )
    return digits


def check_taxonomy(text: str, field: str = "taxonomy") -> str:
    """A provider taxonomy code, such as 207Q00000X. Raises Refused TAXONOMY_FORM."""
    code = text.strip().upper()
    if not _TAXONOMY.fullmatch(code):
        raise Refused(
            "TAXONOMY_FORM",
            say("“%(code)s” is not a taxonomy code: ten letters and digits that end in X.", code=code[:20]),
            say("Copy it from the NPI registry; family medicine is 207Q00000X."),
            field,
        )
    return code


def check_address(street: str, city: str, state: str, zip: str) -> dict[str, str]:
    """A street address with nine digits of ZIP, as payers want it of who bills. Raises Refused TEXT_*, PO_BOX,
    STATE_UNKNOWN or ZIP_FOUR."""
    where = written(street, "street", what=say("the street"), longest=55)
    if is_po_box(where):
        raise Refused(
            "PO_BOX",
            say(
                "“%(street)s” is a post-office box. Payers refuse claims whose billing address is one.",
                street=where,
            ),
            say(
                "Write the street where the practice is. Where money should be sent is settled in the "
                "payer's enrollment."
            ),
            "street",
        )
    region = state.strip().upper()
    if region not in STATES:
        raise Refused(
            "STATE_UNKNOWN",
            say("“%(state)s” is not a state's abbreviation.", state=state.strip()[:20]),
            say("Write two letters, such as MI."),
            "state",
        )
    digits = zip.strip().replace("-", "").replace(" ", "")
    if not re.fullmatch(r"[0-9]{9}", digits, re.ASCII) or digits[5:] in ("0000", "9999"):
        raise Refused(
            "ZIP_FOUR",
            say(
                "“%(zip)s” is not a full ZIP code. Claims need all nine digits of the billing address.",
                zip=zip.strip()[:20],
            ),
            say("Look up the last four at the Postal Service, and write it like 48226-1906."),
            "zip",
        )
    return {
        "street": where,
        "city": written(city, "city", what=say("the city"), longest=30),
        "state": region,
        "zip": f"{digits[:5]}-{digits[5:]}",
    }
