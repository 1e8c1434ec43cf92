"""One resource to its rows, to "unknown", to "retracted", or to an error that names the element and the remedy."""

from collections.abc import Callable
from datetime import date

from server.interop.fhir import clinical, coverage, observations, people, visits
from server.interop.fhir.elements import BadRow, Node, Scribe
from server.interop.fhir.reader import Resource, unstorable
from server.interop.fhir.references import Index
from server.interop.fhir.rows import (
    Outcome,
    Provenance,
    Reference,
    Retracted,
    Row,
    RowError,
    Translated,
    Unknown,
)
from server.interop.fhir.strict_json import Tree
from server.words import say, say_of

_Maker = Callable[[Node, Provenance, Reference], Row | tuple[Row, ...] | None]

#: kind -> (the element that says whom it is about, what makes its rows)
_MAKERS: dict[str, tuple[str, _Maker]] = {
    "AllergyIntolerance": ("patient", clinical.allergy_row),
    "CareTeam": ("subject", people.care_team_row),
    "Claim": ("patient", coverage.coverage_of_bill),
    "Condition": ("subject", clinical.condition_row),
    "Coverage": ("beneficiary", coverage.coverage_row),
    "Encounter": ("subject", visits.visit_rows),
    "ExplanationOfBenefit": ("patient", coverage.coverage_of_bill),
    "Immunization": ("patient", clinical.immunization_row),
    "MedicationRequest": ("subject", clinical.prescription_row),
    "MedicationStatement": ("subject", clinical.statement_row),
    "Observation": ("subject", observations.observation_row),
    "Procedure": ("subject", clinical.procedure_row),
    "RelatedPerson": ("patient", people.support_person_row),
}

KNOWN_KINDS = frozenset({"Patient", *_MAKERS})


def translate(resource: Resource, index: Index, today: date) -> Outcome:
    """What `resource` becomes. Never raises for what a file may hold.

    index: that of the resource's document. today: the practice's date, against which birth dates are checked.
    """
    kind, source_id = resource.kind, resource.source_id
    if kind not in KNOWN_KINDS:
        return Unknown(kind, source_id)
    scribe = Scribe(index, source_id, _contained(resource.content, source_id))
    if resource.left_out:
        scribe.note(
            "LEFT_OUT",
            f"{kind}.identifier",
            say_of(
                "%(n)s Social Security, driver's licence or passport number was not kept.",
                "%(n)s Social Security, driver's licence or passport numbers were not kept.",
                resource.left_out,
            ),
        )
    try:
        rows = _rows(resource, scribe, today)
    except BadRow as fault:
        return RowError(kind, source_id, fault.path, fault.sentence, fault.next_step, resource.place)
    return Retracted(kind, source_id) if rows is None else Translated(rows, tuple(scribe.notices))


def _rows(resource: Resource, scribe: Scribe, today: date) -> tuple[Row, ...] | None:
    """The rows; None if the source retracts the record. Raises BadRow."""
    if unstorable(resource.raw):
        raise BadRow(
            resource.kind,
            say(
                "It holds a character that no text may contain (a NUL or half of a letter pair), a "
                "sign of damage."
            ),
        )
    if _entered_in_error(resource.content):
        return None
    node = Node(resource.content, resource.kind, scribe)
    if resource.content.get("implicitRules"):
        node.bad(
            "implicitRules",
            say("It says that special rules change its meaning, and Carewright does not know them."),
        )
    if resource.kind == "Patient":
        return (people.patient_row(node, resource.provenance, today),)
    about, make = _MAKERS[resource.kind]
    made = make(node, resource.provenance, _patient(node, about))
    return () if made is None else made if isinstance(made, tuple) else (made,)


def _patient(node: Node, about: str) -> Reference:
    patient = node.reference(about)
    if patient is None or not (patient.source_id or patient.identifier):
        node.bad(about, say("This %(kind)s does not say which patient it is about.", kind=node.path))
    if patient.kind not in ("Patient", ""):
        node.bad(
            about,
            say(
                "This %(kind)s is about a %(other)s, not a patient.", kind=node.path, other=patient.kind[:60]
            ),
            say(
                "Nothing needs to be done, unless it was meant for a person: then correct it in the "
                "sending system."
            ),
        )
    return patient


def _entered_in_error(content: Tree) -> bool:
    if content.get("status") == "entered-in-error":
        return True
    verification = content.get("verificationStatus")
    codings = verification.get("coding") if isinstance(verification, dict) else None
    return any(
        isinstance(coding, dict) and coding.get("code") == "entered-in-error"
        for coding in (codings if isinstance(codings, list) else ())
    )


def _contained(content: Tree, owner_id: str) -> dict[str, Tree]:
    """Contained records by the id a resolved reference to them has."""
    listed = content.get("contained")
    return {
        f"{owner_id}#{each['id']}": each
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict) and isinstance(each.get("id"), str)
    }
