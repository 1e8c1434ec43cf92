"""Patient, RelatedPerson and CareTeam. Extensions: US Core 6.1 to 9 and the ones it took over from FHIR itself."""

from datetime import date

from server.interop.fhir.dates import When
from server.interop.fhir.elements import Node
from server.interop.fhir.names import human_name, name_of
from server.interop.fhir.references import read_identifier
from server.interop.fhir.rows import (
    Address,
    CareTeamMember,
    CareTeamRow,
    Coded,
    Coding,
    ContactPerson,
    ContactPoint,
    Heritage,
    Identifier,
    Language,
    Name,
    PatientRow,
    Provenance,
    Reference,
    SupportPersonRow,
)
from server.words import say

_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
_FHIR = "http://hl7.org/fhir/StructureDefinition/"
_EARLIEST_BIRTH = 1850

_SNOMED_YES, _SNOMED_NO = "373066001", "373067005"


def patient_row(node: Node, provenance: Provenance, today: date) -> PatientRow:
    names = _names(node)
    current = _current(names, today)
    if current is None:
        node.bad("name", say("The patient has no name, so nobody could find them again."))
    birth = _birth(node, today)
    deceased, died = _death(node, birth, today)
    return PatientRow(
        provenance=provenance,
        names=names,
        family=current.family or (current.text if not current.given else ""),
        given=current.given,
        preferred=_preferred(names, current),
        maiden=next((name.family for name in names if name.use == "maiden"), ""),
        birth=birth,
        gender=node.word("gender"),
        birth_sex=_code_of(node, f"{_US_CORE}us-core-birthsex"),
        sex=_sex(node),
        gender_identity=_concept_of(
            node, f"{_FHIR}individual-genderIdentity", f"{_US_CORE}us-core-genderIdentity"
        ),
        pronouns=_concept_of(node, f"{_FHIR}individual-pronouns"),
        race=_heritage(node, f"{_US_CORE}us-core-race"),
        ethnicity=_heritage(node, f"{_US_CORE}us-core-ethnicity"),
        tribes=_tribes(node),
        languages=_languages(node),
        interpreter_needed=_interpreter(node),
        marital_status=node.coded("maritalStatus"),
        active=node.flag("active") is not False,
        deceased=deceased,
        died=died,
        identifiers=_identifiers(node),
        points=_points(node),
        addresses=_addresses(node),
        contacts=tuple(_contact(each) for each in node.each("contact")),
        practitioners=node.references("generalPractitioner"),
        replaced_by=_replaced_by(node),
    )


def support_person_row(node: Node, provenance: Provenance, patient: Reference) -> SupportPersonRow:
    names = _names(node)
    relationships = node.each_coded("relationship")
    points = _points(node)
    if not names and not relationships and not points:
        node.bad("name", say("This support person has no name, no relationship and no way to be reached."))
    start, end = node.period("period")
    return SupportPersonRow(
        provenance=provenance,
        patient=patient,
        name=names[0] if names else None,
        relationships=relationships,
        points=points,
        addresses=_addresses(node),
        languages=_languages(node),
        active=node.flag("active") is not False,
        start=start,
        end=end,
    )


def care_team_row(node: Node, provenance: Provenance, patient: Reference) -> CareTeamRow:
    members = []
    for each in node.each("participant"):
        member = each.reference("member")
        roles = each.each_coded("role")
        if member is None and not roles:
            continue
        start, end = each.period("period")
        members.append(
            CareTeamMember(
                roles=roles,
                member=member or Reference("", ""),
                name=name_of(member, node.scribe),
                on_behalf_of=name_of(each.reference("onBehalfOf"), node.scribe),
                start=start,
                end=end,
            )
        )
    start, end = node.period("period")
    return CareTeamRow(
        provenance=provenance,
        patient=patient,
        name=node.line("name"),
        status=node.word("status"),
        categories=node.each_coded("category"),
        members=tuple(members),
        start=start,
        end=end,
    )


# --- names and dates ------------------------------------------------------------------------------------------


def _names(node: Node) -> tuple[Name, ...]:
    return tuple(filter(None, (human_name(each) for each in node.each("name"))))


def _current(names: tuple[Name, ...], today: date) -> Name | None:
    """The name to file the person under: official before usual before unnamed use, never one that has ended."""
    order = {"official": 0, "usual": 1, "": 2}
    living = [n for n in names if n.end is None or n.end.last_day >= today]
    ranked = sorted((n for n in living if n.use in order), key=lambda n: order[n.use])
    return next(iter(ranked or living or names), None)


def _preferred(names: tuple[Name, ...], current: Name) -> str:
    """What the person likes to be called, if the source says so and it differs from the first given name."""
    for use in ("nickname", "usual"):
        for name in names:
            called = name.given[0] if name.given else name.text
            if name.use == use and name is not current and called and called not in current.given[:1]:
                return called
    return ""


def _birth(node: Node, today: date) -> When | None:
    birth = node.when("birthDate")
    if birth is None:
        why = node.why_absent("birthDate")
        node.note(
            "INCOMPLETE",
            "birthDate",
            say("The birth date is not given (%(why)s).", why=why)
            if why
            else say("The birth date is not given."),
        )
        return None
    if birth.day > today:
        node.bad("birthDate", say("The birth date %(born)s is in the future.", born=birth.text))
    if birth.day.year < _EARLIEST_BIRTH:
        node.bad(
            "birthDate",
            say(
                "The birth date %(born)s would make this person over %(age)s.",
                born=birth.text,
                age=today.year - _EARLIEST_BIRTH,
            ),
        )
    return birth


def _death(node: Node, birth: When | None, today: date) -> tuple[bool, When | None]:
    form = node.choice("deceased")
    if form == "DateTime":
        died = node.when("deceasedDateTime")
        if died is not None and died.day > today and died.instant is None:
            node.bad("deceasedDateTime", say("The date of death %(died)s is in the future.", died=died.text))
        if died is not None and birth is not None and died.surely_before(birth):
            node.bad(
                "deceasedDateTime",
                say(
                    "The date of death %(died)s is before the birth date %(born)s.",
                    died=died.text,
                    born=birth.text,
                ),
            )
        return died is not None, died
    return node.flag("deceasedBoolean") is True, None


# --- who the person is ----------------------------------------------------------------------------------------


def _code_of(node: Node, url: str) -> str:
    extension = node.extension(url)
    return extension.word("valueCode") if extension else ""


def _sex(node: Node) -> Coding | None:
    """US Core 8.0.1 and 9 give a Coding under a new address, 6.1 to 8.0 a bare SNOMED code."""
    newer = node.extension(f"{_US_CORE}us-core-individual-sex", f"{_US_CORE}us-core-sex")
    if newer is None:
        return None
    if "valueCoding" in newer.given:
        return newer.coding("valueCoding")
    code = newer.word("valueCode")
    return Coding("http://snomed.info/sct" if code.isdigit() else "", code) if code else None


def _concept_of(node: Node, *urls: str) -> Coded | None:
    """The concept of the latest such extension, flat (US Core 6) or with parts `value` and `period`."""
    found: Coded | None = None
    for extension in node.extensions(*urls):
        value = extension.extension("value") or extension
        period = extension.extension("period")
        ended = period is not None and period.period("valuePeriod")[1] is not None
        concept = value.coded("valueCodeableConcept")
        if concept is not None and (found is None or not ended):
            found = concept
    return found


def _heritage(node: Node, url: str) -> Heritage | None:
    extension = node.extension(url)
    if extension is None:
        return None
    text = extension.extension("text")
    heritage = Heritage(
        categories=_codings(extension, "ombCategory"),
        detailed=_codings(extension, "detailed"),
        text=text.line("valueString") if text else "",
    )
    return heritage if heritage.categories or heritage.detailed or heritage.text else None


def _codings(extension: Node, part: str) -> tuple[Coding, ...]:
    return tuple(filter(None, (each.coding("valueCoding") for each in extension.extensions(part))))


def _tribes(node: Node) -> tuple[Coded, ...]:
    parts = [
        part.coded("valueCodeableConcept")
        for extension in node.extensions(f"{_US_CORE}us-core-tribal-affiliation")
        for part in extension.extensions("tribalAffiliation")
    ]
    return tuple(filter(None, parts))


def _languages(node: Node) -> tuple[Language, ...]:
    languages = []
    for each in node.each("communication"):
        concept = each.coded("language")
        if concept is not None:
            code = next((c.code for c in concept.codings if c.code), "")
            languages.append(Language(code, concept.text, each.flag("preferred") is True))
    return tuple(languages)


def _interpreter(node: Node) -> bool | None:
    newer = node.extension(f"{_US_CORE}us-core-interpreter-needed")
    if newer is not None:
        coding = newer.coding("valueCoding")
        code = coding.code if coding else ""
        return True if code in (_SNOMED_YES, "Y") else False if code in (_SNOMED_NO, "N") else None
    older = node.extension(f"{_FHIR}patient-interpreterRequired")
    return older.flag("valueBoolean") if older else None


def _replaced_by(node: Node) -> tuple[Reference, ...]:
    links = (each.reference("other") for each in node.each("link") if each.word("type") == "replaced-by")
    return tuple(filter(None, links))


def _identifiers(node: Node) -> tuple[Identifier, ...]:
    return tuple(filter(None, (read_identifier(each.given) for each in node.each("identifier"))))


# --- where and how to reach them ------------------------------------------------------------------------------


def _points(node: Node) -> tuple[ContactPoint, ...]:
    points = []
    for each in node.each("telecom"):
        value = each.line("value")
        if value:
            start, end = each.period("period")
            points.append(
                ContactPoint(each.word("system"), value, each.word("use"), each.whole("rank"), start, end)
            )
    return tuple(points)


def _addresses(node: Node) -> tuple[Address, ...]:
    return tuple(filter(None, (_address(each) for each in node.each("address"))))


def _address(node: Node) -> Address | None:
    start, end = node.period("period")
    address = Address(
        use=node.word("use"),
        kind=node.word("type"),
        lines=node.lines("line"),
        city=node.line("city"),
        district=node.line("district"),
        state=node.line("state"),
        postal_code=node.line("postalCode", 20),
        country=node.line("country"),
        start=start,
        end=end,
    )
    if address.lines or address.city or address.postal_code or address.state:
        return address
    text = node.text("text")
    lines = tuple(line.strip()[:300] for line in text.split("\n")[:10] if line.strip())
    return (
        Address(address.use, address.kind, lines, "", "", "", "", address.country, start, end)
        if lines
        else None
    )


def _contact(node: Node) -> ContactPerson:
    name, address = node.one("name"), node.one("address")
    start, end = node.period("period")
    return ContactPerson(
        relationships=node.each_coded("relationship"),
        name=human_name(name) if name else None,
        points=_points(node),
        address=_address(address) if address else None,
        organization=name_of(node.reference("organization"), node.scribe),
        start=start,
        end=end,
    )
