"""Numbers we decline to hold: Social Security, driver's licence and passport.

Care management needs none of them, and each is worth stealing. They are taken out before the raw record is kept,
and only counted.
"""

import re

from server.interop.fhir.strict_json import Tree

_SYSTEMS = re.compile(
    r"http://hl7\.org/fhir/sid/us-ssn|http://hl7\.org/fhir/sid/passport.*|urn:oid:2\.16\.840\.1\.113883\.4\.1"
    r"|urn:oid:2\.16\.840\.1\.113883\.4\.(?:3|330)(?:\..*)?"
)
_KINDS = frozenset({"SS", "SB", "DL", "PPN"})  # HL7 v2-0203
_LOOKS_LIKE_SSN = re.compile(r"\d{3}-\d{2}-\d{4}", re.ASCII)

#: A cheap look at the canonical text: without any of these there is nothing to take out.
_ANY = re.compile(
    r"sid/us-ssn|sid/passport|113883\.4\.(?:1|3|330)\b|\"code\":\"(?:SS|SB|DL|PPN)\"|\"\d{3}-\d{2}-\d{4}\"",
    re.ASCII,
)


def may_hold_one(canonical: str) -> bool:
    return _ANY.search(canonical) is not None


def without_private_numbers(resource: Tree) -> tuple[Tree, int]:
    """The resource with those identifiers' values removed, and how many were.

    If any was, the narrative (`text`) goes too: it usually prints the same numbers again.
    """
    count = [0]
    cleaned = _cleaned(resource, count)
    assert isinstance(cleaned, dict)
    if count[0]:
        cleaned.pop("text", None)
    return cleaned, count[0]


def _cleaned(part: object, count: list[int]) -> object:
    if isinstance(part, list):
        return [_cleaned(each, count) for each in part]
    if not isinstance(part, dict):
        return part
    if _is_private(part):
        count[0] += 1
        return {
            key: value for key, value in part.items() if key not in ("value", "_value", "id", "extension")
        }
    return {key: _cleaned(value, count) for key, value in part.items()}


def _is_private(part: Tree) -> bool:
    """An Identifier whose system, type or form says so. A Quantity or telecom has no such system or form."""
    value, system = part.get("value"), part.get("system")
    if not isinstance(value, str) or not value:
        return False
    if isinstance(system, str) and _SYSTEMS.fullmatch(system):
        return True
    if system in ("phone", "fax", "sms", "pager", "email", "url", "other"):
        return False
    kind = part.get("type")
    codings = kind.get("coding") if isinstance(kind, dict) else None
    for coding in codings if isinstance(codings, list) else ():
        if isinstance(coding, dict) and coding.get("code") in _KINDS:
            return True
    return _LOOKS_LIKE_SSN.fullmatch(value) is not None
