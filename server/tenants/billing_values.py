"""The values a claim about a practice is made of, and how each is checked. Pure.

Sources: tax numbers 26 CFR 301.6109-1; taxonomy form NUCC (ten characters ending in X); place of service codes,
CMS place-of-service code set; claim filing indicators, X12 external code element 1032.
"""

import re
from typing import Final

from server.errors import Refused
from server.tenants.names import written
from server.tenants.regions import STATES
from server.words import say

TIN_KINDS: Final = {"EI": "Employer identification number", "SY": "Social Security number (sole proprietor)"}

#: place of service -> words. Those where a practitioner would see somebody in care management.
PLACES_OF_SERVICE: Final = {
    "02": "Telehealth, not at home",
    "10": "Telehealth at home",
    "11": "Office",
    "12": "Home",
    "13": "Assisted living facility",
    "14": "Group home",
    "19": "Off-campus outpatient hospital",
    "22": "On-campus outpatient hospital",
    "31": "Skilled nursing facility",
    "32": "Nursing facility",
    "33": "Custodial care facility",
    "49": "Independent clinic",
    "50": "Federally qualified health center",
    "71": "Public health clinic",
    "72": "Rural health clinic",
}

#: claim filing indicator -> words
FILING_INDICATORS: Final = {
    "MB": "Medicare Part B",
    "16": "Medicare Advantage (HMO Medicare risk)",
    "BL": "Blue Cross Blue Shield",
    "CI": "Commercial insurance",
    "HM": "Health maintenance organization",
    "12": "Preferred provider organization",
    "13": "Point of service",
    "14": "Exclusive provider organization",
    "15": "Indemnity insurance",
    "MC": "Medicaid",
    "CH": "TRICARE",
    "OF": "Other federal program",
    "VA": "Veterans Affairs",
    "ZZ": "Not known",
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
    where = written(street, "street", what="the street", longest=55)
    if is_po_box(where):
        raise Refused(
            "PO_BOX",
            say(
                "“%(where)s” is a post-office box. Payers refuse claims whose billing address is one.",
                where=where,
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
        "city": written(city, "city", what="the city", longest=30),
        "state": region,
        "zip": f"{digits[:5]}-{digits[5:]}",
    }
