"""A person as our tables hold them: which column says what. Pure: values in, values out."""

from collections.abc import Iterable
from datetime import date

from server.interop.fhir.dates import When
from server.interop.fhir.rows import (
    Address,
    CareTeamMember,
    Coded,
    ContactPerson,
    ContactPoint,
    Heritage,
    PatientRow,
    SupportPersonRow,
)

Columns = dict[str, object]

_MARITAL = {  # HL7 v3 MaritalStatus
    "A": "annulled",
    "D": "divorced",
    "I": "interlocutory",
    "L": "legally separated",
    "M": "married",
    "C": "common law",
    "P": "polygamous",
    "T": "domestic partner",
    "U": "unmarried",
    "S": "never married",
    "W": "widowed",
}
_FAMILY = frozenset(  # HL7 v3 RoleCode
    {
        "FAMMEMB",
        "SPS",
        "WIFE",
        "HUSB",
        "DOMPART",
        "CHILD",
        "SON",
        "DAU",
        "SONC",
        "DAUC",
        "PRN",
        "MTH",
        "FTH",
        "SIB",
        "BRO",
        "SIS",
        "GRPRN",
        "GRMTH",
        "GRFTH",
        "GRNDCHILD",
        "AUNT",
        "UNCLE",
        "COUSN",
        "NIENEPH",
        "EXT",
        "INLAW",
    }
)
_FAMILY_WORDS = (
    "wife",
    "husband",
    "spouse",
    "partner",
    "son",
    "daughter",
    "child",
    "mother",
    "father",
    "parent",
    "brother",
    "sister",
    "sibling",
    "aunt",
    "uncle",
    "cousin",
    "niece",
    "nephew",
    "family",
    "grand",
)


def patient_columns(row: PatientRow) -> Columns:
    """The patient table's own columns, without keys for finding and record number. birth_date may be None here."""
    language = next((each for each in row.languages if each.preferred), next(iter(row.languages), None))
    return {
        "family_name": row.family or " ".join(row.given),
        "given_names": " ".join(row.given) if row.family else "",
        "preferred_name": row.preferred,
        "name_prefix": _name_part(row, "prefix"),
        "name_suffix": _name_part(row, "suffix"),
        "birth_date": row.birth.day if row.birth else None,
        "birth_date_precision": _precision(row.birth),
        "sex": row.gender if row.gender in ("female", "male", "other", "unknown") else "",
        "birth_sex": row.birth_sex,
        "gender_identity": row.gender_identity.text if row.gender_identity else "",
        "pronouns": row.pronouns.text if row.pronouns else "",
        "races": _heritage(row.race) + [tribe.text for tribe in row.tribes],
        "ethnicity": ", ".join(_heritage(row.ethnicity)),
        "language": (language.code or language.text) if language else "",
        "interpreter_needed": row.interpreter_needed is True,
        "marital_status": _marital(row.marital_status),
        "deceased_on": row.died.day if row.died else None,
    }


def contact_ways(points: Iterable[ContactPoint]) -> list[Columns]:
    """Ways to reach a person that still hold, in the order the source gives."""
    found: list[Columns] = []
    for point in points:
        if point.end is not None or point.use == "old":
            continue
        kind = {"phone": "phone", "email": "email", "sms": "text"}.get(point.system, "other")
        way: Columns = {
            "kind": kind,
            "value": point.value,
            "use": point.use,
            "rank": point.rank if point.rank and 0 < point.rank < 100 else len(found) + 1,
            "note": point.system if kind == "other" else "",
        }
        if all((each["kind"], each["value"]) != (kind, point.value) for each in found):
            found.append(way)
    return found


def addresses(given: Iterable[Address]) -> list[Columns]:
    return [
        {
            "use": each.use or "home",
            "street": ", ".join(each.lines),
            "city": each.city,
            "state": each.state,
            "zip": each.postal_code,
            "country": each.country,
            "from_on": each.start.day if each.start else None,
            "to_on": each.end.last_day if each.end else None,
        }
        for each in given
    ]


def support_of_contact(person: ContactPerson) -> Columns | None:
    """Someone of `Patient.contact`; None if there is no one to name. Nothing may be discussed until someone asks."""
    name = person.name.full if person.name else person.organization
    return _support(name, person.relationships, person.points, active=person.end is None) if name else None


def support_of_related(person: SupportPersonRow) -> Columns | None:
    name = person.name.full if person.name else ""
    still = person.active and person.end is None
    return _support(name, person.relationships, person.points, active=still) if name else None


def member_columns(member: CareTeamMember, since: date) -> Columns | None:
    """Someone of a care team outside the practice; None for the patient, family, or no name."""
    if not member.name or member.member.kind in ("Patient", "RelatedPerson"):
        return None
    part = ", ".join(role.text for role in member.roles)
    return {
        "name": member.name,
        "part": part or member.on_behalf_of or "care team",
        "from_on": member.start.day if member.start else since,
        "to_on": member.end.last_day if member.end else None,
    }


def _precision(when: When | None) -> str:
    return when.precision if when and when.precision in ("year", "month") else "day"


def _heritage(heritage: Heritage | None) -> list[str]:
    if heritage is None:
        return []
    named = [coding.display or coding.code for coding in (*heritage.categories, *heritage.detailed)]
    return list(dict.fromkeys(named)) or [heritage.text]


def _marital(concept: Coded | None) -> str:
    if concept is None:
        return ""
    known = next((_MARITAL[coding.code] for coding in concept.codings if coding.code in _MARITAL), "")
    return known or concept.text


def _name_part(row: PatientRow, part: str) -> str:
    for name in row.names:
        if (name.family, name.given) == (row.family, row.given):
            return str(getattr(name, part))
    return ""


def _support(
    name: str, relationships: tuple[Coded, ...], points: tuple[ContactPoint, ...], *, active: bool
) -> Columns:
    codes = {code for each in relationships for code in each.codes}
    words = ", ".join(each.text for each in relationships)
    lower = words.lower()
    if codes & _FAMILY or any(word in lower for word in _FAMILY_WORDS):
        kind = "family"
    elif "FRND" in codes or "friend" in lower:
        kind = "friend"
    elif "NBOR" in codes or "neighbo" in lower:
        kind = "neighbour"
    else:
        kind = "other"
    if codes & {"GUARD", "GUADLTM"} or "guardian" in lower:
        legal = "guardian"
    elif codes & {"HPOWATT"} or "proxy" in lower or "healthcare power" in lower:
        legal = "healthcare_proxy"
    elif codes & {"DPOWATT", "POWATT", "SPOWATT"} or "power of attorney" in lower:
        legal = "power_of_attorney"
    else:
        legal = "emergency_contact" if codes & {"C", "ECON"} or "emergency" in lower else ""
    phone = next((point.value for point in points if point.system == "phone" and point.end is None), "")
    return {
        "name": name,
        "kind": kind,
        "relationship_words": words,
        "legal_role": legal,
        "phone": phone,
        "active": active,
    }
