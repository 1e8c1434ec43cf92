"""Which FHIR version a resource is written in, told from what it declares and from shapes only other versions have.

Sources: the "differences" pages of FHIR R4 (hl7.org/fhir/R4/diff.html) and R5 (hl7.org/fhir/R5/diff.html).
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from server.interop.fhir.strict_json import Tree
from server.words import N_, say

ACCEPTED = N_("FHIR R4 (4.0.1), such as US Core 6.1 to 9 or Synthea")
R5 = "FHIR R5"
OLDER = N_("FHIR STU3 or DSTU2")


class OtherVersion(NamedTuple):
    name: str
    sign: str  # completes "it is written in ...: "


_RELEASES = {"0": "FHIR DSTU1", "1": "FHIR DSTU2", "3": "FHIR STU3", "5": R5, "6": "FHIR R6"}
_CORE_PROFILE = re.compile(
    r"http://hl7\.org/fhir/(?:(\d)\.\d/)?StructureDefinition/[A-Za-z]+(?:\|(\d+)\..*)?"
)

_R5_KINDS = frozenset(
    {
        "ActorDefinition",
        "ArtifactAssessment",
        "BiologicallyDerivedProductDispense",
        "DeviceAssociation",
        "DeviceDispense",
        "DeviceUsage",
        "EncounterHistory",
        "FormularyItem",
        "GenomicStudy",
        "ImagingSelection",
        "InventoryItem",
        "InventoryReport",
        "Permission",
        "RequestOrchestration",
        "Requirements",
        "TestPlan",
        "Transport",
    }
)
_OLDER_KINDS = frozenset(
    {
        "BodySite",
        "Conformance",
        "DeviceComponent",
        "DeviceUseRequest",
        "DiagnosticOrder",
        "EligibilityRequest",
        "EligibilityResponse",
        "ImagingManifest",
        "ImagingObjectSelection",
        "MedicationOrder",
        "Order",
        "OrderResponse",
        "ProcedureRequest",
        "ProcessRequest",
        "ProcessResponse",
        "ReferralRequest",
        "Sequence",
        "ServiceDefinition",
    }
)


def _is(key: str, kind: type) -> Callable[[Tree], bool]:
    return lambda resource: isinstance(resource.get(key), kind)


def _has(key: str) -> Callable[[Tree], bool]:
    return lambda resource: key in resource


_MEDICATION_R5 = (_is("medication", dict), R5, N_("its medication has no type in its name"))
_SHAPES: dict[str, tuple[tuple[Callable[[Tree], bool], str, str], ...]] = {
    "Encounter": (
        (_is("class", list), R5, N_("its class is a list")),
        (_has("actualPeriod"), R5, N_("it has an actualPeriod")),
        (_has("admission"), R5, N_("it has an admission")),
        (_is("class", str), "FHIR DSTU2", N_("its class is a plain word")),
    ),
    "MedicationRequest": (_MEDICATION_R5,),
    "MedicationStatement": (
        _MEDICATION_R5,
        (_has("taken"), "FHIR STU3", N_("it says whether it was “taken”")),
        (_has("wasNotTaken"), "FHIR DSTU2", N_("it has a wasNotTaken")),
    ),
    "MedicationAdministration": (_MEDICATION_R5,),
    "MedicationDispense": (_MEDICATION_R5,),
    "Procedure": (
        (_has("occurrenceDateTime"), R5, N_("it has an occurrenceDateTime")),
        (_has("occurrencePeriod"), R5, N_("it has an occurrencePeriod")),
        (_has("notDone"), "FHIR STU3", N_("it has a notDone")),
        (_has("notPerformed"), "FHIR DSTU2", N_("it has a notPerformed")),
    ),
    "Condition": (
        (_has("participant"), R5, N_("it has participants")),
        (_is("clinicalStatus", str), OLDER, N_("its clinicalStatus is a plain word")),
        (_is("verificationStatus", str), OLDER, N_("its verificationStatus is a plain word")),
        (_has("dateRecorded"), "FHIR DSTU2", N_("it has a dateRecorded")),
    ),
    "AllergyIntolerance": (
        (_is("type", dict), R5, N_("its type is a coded concept")),
        (_has("participant"), R5, N_("it has participants")),
        (_is("clinicalStatus", str), OLDER, N_("its clinicalStatus is a plain word")),
        (_has("substance"), "FHIR DSTU2", N_("it has a substance at the top")),
    ),
    "Observation": (
        (_has("triggeredBy"), R5, N_("it has a triggeredBy")),
        (_has("bodyStructure"), R5, N_("it has a bodyStructure")),
        (_has("related"), OLDER, N_("it has a related")),
        (_has("comments"), "FHIR DSTU2", N_("it has comments")),
    ),
    "Coverage": (
        (_has("insurer"), R5, N_("it has an insurer")),
        (_has("paymentBy"), R5, N_("it has a paymentBy")),
        (_has("issuer"), "FHIR DSTU2", N_("it has an issuer")),
    ),
    "Immunization": (
        (_has("administeredProduct"), R5, N_("it has an administeredProduct")),
        (_has("notGiven"), "FHIR STU3", N_("it has a notGiven")),
        (_has("wasNotGiven"), "FHIR DSTU2", N_("it has a wasNotGiven")),
    ),
    "Patient": (
        (_has("careProvider"), "FHIR DSTU2", N_("it has a careProvider")),
        (_has("animal"), OLDER, N_("it has an animal")),
    ),
    "Goal": ((_is("status", str), OLDER, N_("it has a status instead of a lifecycleStatus")),),
}


def other_version(resource: Tree) -> OtherVersion | None:
    """The version this resource is written in, if it is surely not R4 (or R4B, which reads alike here)."""
    declared = resource.get("fhirVersion")
    if isinstance(declared, str) and not declared.startswith("4."):
        return OtherVersion(
            _RELEASES.get(declared[:1]) or say("another FHIR version"),
            say("it declares version %(version)s", version=declared[:20]),
        )
    kind = resource.get("resourceType")
    if not isinstance(kind, str):
        return None
    from_profile = _declared_by_profile(resource)
    if from_profile is not None:
        return from_profile
    if kind in _R5_KINDS:
        return OtherVersion(R5, say("that kind of record came with R5"))
    if kind in _OLDER_KINDS:
        return OtherVersion(say(OLDER), say("that kind of record ended before R4"))
    for applies, name, sign in _SHAPES.get(kind, ()):
        if applies(resource):
            return OtherVersion(say(name), say(sign))
    return None


def _declared_by_profile(resource: Tree) -> OtherVersion | None:
    meta = resource.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    for profile in profiles if isinstance(profiles, list) else ():
        if not isinstance(profile, str):
            continue
        if profile.startswith("http://fhir.org/guides/argonaut/"):
            return OtherVersion("FHIR DSTU2", say("it follows an Argonaut profile"))
        core = _CORE_PROFILE.fullmatch(profile)
        release = (core.group(1) or core.group(2)) if core else None
        if release is not None and release != "4":
            return OtherVersion(
                _RELEASES.get(release) or say("another FHIR version"),
                say("its profile is %(profile)s", profile=profile[:120]),
            )
    return None
