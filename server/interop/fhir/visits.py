"""Encounters: every one is a visit; nights or observation in a facility are a stay as well."""

from server.interop.fhir.clinical import reasons, status
from server.interop.fhir.elements import Node
from server.interop.fhir.names import name_of
from server.interop.fhir.rows import Coding, Provenance, Reference, StayRow, VisitRow
from server.words import say

# HL7 v3 ActCode, ActEncounterCode
_INPATIENT = frozenset({"IMP", "ACUTE", "NONAC", "SS"})
_OBSERVATION = frozenset({"OBSENC"})
# HL7 v3 RoleCode and CMS place-of-service (31 skilled nursing facility, 32 nursing facility)
_NURSING_PLACES = frozenset(
    {
        ("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "SNF"),
        ("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "NCCF"),
        ("https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set", "31"),
        ("https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set", "32"),
    }
)
_NURSING_WORDS = ("skilled nursing", "nursing facility", "nursing home")


def visit_rows(node: Node, provenance: Provenance, patient: Reference) -> tuple[VisitRow | StayRow, ...]:
    setting = node.coding("class")
    if setting is None:
        node.note("INCOMPLETE", "class", say("It does not say in which setting the visit was."))
        setting = Coding("", "", "")
    start, end = node.period("period", lenient=False)
    hospital = node.one("hospitalization")
    visit = VisitRow(
        provenance=provenance,
        patient=patient,
        status=status(
            node,
            "status",
            "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown",
        ),
        setting=setting,
        types=node.each_coded("type"),
        start=start,
        end=end,
        reasons=reasons(node, "reasonCode", "reasonReference"),
        provider=_provider(node),
        organization=name_of(node.reference("serviceProvider"), node.scribe),
        location=_location(node),
        disposition=hospital.coded("dischargeDisposition") if hospital else None,
    )
    form = _stay_form(node, visit)
    if not form or visit.status in ("planned", "cancelled"):
        return (visit,)
    stay = StayRow(
        provenance=provenance,
        patient=patient,
        form=form,
        status=visit.status,
        facility=visit.organization or visit.location,
        admitted=start,
        discharged=end,
        reasons=visit.reasons,
        disposition=visit.disposition,
    )
    return visit, stay


def _stay_form(node: Node, visit: VisitRow) -> str:
    if visit.setting.code in _OBSERVATION:
        return "observation"
    if visit.setting.code not in _INPATIENT:
        return ""
    places = {(c.system, c.code) for concept in _places(node) for c in concept}
    words = " ".join(concept.text.lower() for concept in visit.types)
    if places & _NURSING_PLACES or any(word in words for word in _NURSING_WORDS):
        return "nursing"
    return "inpatient"


def _places(node: Node) -> list[tuple[Coding, ...]]:
    found = []
    for each in node.each("location"):
        reference = each.reference("location")
        record = node.scribe.index.named(reference) if reference else None
        if record is not None:
            found += [c.codings for c in Node(record, "Location", node.scribe).each_coded("type")]
    return found


def _provider(node: Node) -> str:
    """The one who was responsible, else the first who took part."""
    first = ""
    for each in node.each("participant"):
        name = name_of(each.reference("individual"), node.scribe)
        codes = {code for concept in each.each_coded("type") for code in concept.codes}
        if name and codes & {"ATND", "PPRF"}:
            return name
        first = first or name
    return first


def _location(node: Node) -> str:
    names = (name_of(each.reference("location"), node.scribe) for each in node.each("location"))
    return next(filter(None, names), "")
