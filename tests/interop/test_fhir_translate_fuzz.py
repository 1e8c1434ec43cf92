"""Damaged input of every kind: the only answers are rows, named errors, and refusals."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.errors import Refused
from server.interop.fhir.reader import Resource, read
from server.interop.fhir.rows import RowError
from server.interop.fhir.translate import KNOWN_KINDS, translate

TODAY = date(2026, 11, 22)
CODE = {"coding": [{"system": "http://loinc.org", "code": "4548-4", "display": "A1c"}], "text": "A1c"}
PERIOD = {"start": "2026-01-01T10:00:00Z", "end": "2026-01-02T10:00:00Z"}
WHOM = {"subject": {"reference": "Patient/ruth"}, "patient": {"reference": "Patient/ruth"}}
NAME = {"use": "official", "family": "Okafor", "given": ["Ruth"], "period": {"start": "1970"}}

SEEDS: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "ruth",
        "name": [NAME],
        "birthDate": "1948-03-09",
        "gender": "female",
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-22-1962", "type": CODE}],
        "telecom": [{"system": "phone", "value": "313-555-0143", "rank": 1, "period": PERIOD}],
        "address": [{"line": ["5 Elm St"], "city": "Detroit", "period": {"start": "2001-05"}}],
        "extension": [
            {
                "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
                "extension": [
                    {"url": "ombCategory", "valueCoding": {"code": "2028-9"}},
                    {"url": "text", "valueString": "a"},
                ],
            },
            {
                "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-interpreter-needed",
                "valueCoding": {"code": "Y"},
            },
        ],
        "communication": [{"language": CODE, "preferred": True}],
        "deceasedDateTime": "2020-01-01",
        "contact": [{"name": NAME, "relationship": [CODE], "organization": {"reference": "Organization/o"}}],
        "link": [{"type": "replaced-by", "other": {"reference": "Patient/2"}}],
        "maritalStatus": CODE,
    },
    WHOM
    | {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": CODE,
        "category": [CODE],
        "valueQuantity": {"value": 7.1, "unit": "%", "comparator": "<"},
        "effectiveDateTime": "2026-01-01T10:00:00-05:00",
        "component": [
            {"code": CODE, "valueInteger": 3, "referenceRange": [{"low": {"value": 1, "unit": "x"}}]}
        ],
        "interpretation": [CODE],
        "hasMember": [{"reference": "Observation/x"}],
        "note": [{"text": "n"}],
    },
    WHOM
    | {
        "resourceType": "Condition",
        "id": "c",
        "code": CODE,
        "clinicalStatus": CODE,
        "verificationStatus": CODE,
        "onsetPeriod": PERIOD,
        "abatementAge": {"value": 3, "unit": "a"},
        "recordedDate": "2026-01",
        "severity": CODE,
    },
    WHOM
    | {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "active",
        "intent": "order",
        "medicationReference": {"reference": "#med"},
        "reasonReference": [{"reference": "Condition/c"}],
        "contained": [{"resourceType": "Medication", "id": "med", "code": CODE}],
        "authoredOn": "2026-01-01",
        "dosageInstruction": [
            {
                "asNeededBoolean": True,
                "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
                "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
                "route": CODE,
            }
        ],
        "dispenseRequest": {"validityPeriod": PERIOD},
        "requester": {"reference": "Practitioner/p"},
    },
    WHOM
    | {
        "resourceType": "MedicationStatement",
        "id": "s",
        "status": "active",
        "medicationCodeableConcept": CODE,
        "effectivePeriod": PERIOD,
        "dosage": [{"text": "one a day"}],
    },
    WHOM
    | {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"system": "x", "code": "IMP"},
        "period": PERIOD,
        "type": [CODE],
        "reasonCode": [CODE],
        "serviceProvider": {"reference": "Organization/o"},
        "participant": [{"type": [CODE], "individual": {"reference": "PractitionerRole/r"}}],
        "location": [{"location": {"reference": "Location/l"}}],
        "hospitalization": {"dischargeDisposition": CODE},
    },
    WHOM
    | {
        "resourceType": "AllergyIntolerance",
        "id": "a",
        "code": CODE,
        "category": ["food"],
        "type": "allergy",
        "reaction": [{"manifestation": [CODE], "severity": "mild"}],
        "onsetString": "as a child",
    },
    WHOM
    | {
        "resourceType": "Procedure",
        "id": "p",
        "status": "completed",
        "code": CODE,
        "performedPeriod": PERIOD,
        "performer": [{"actor": {"reference": "Practitioner/p"}}],
    },
    WHOM
    | {
        "resourceType": "Immunization",
        "id": "i",
        "status": "completed",
        "vaccineCode": CODE,
        "occurrenceDateTime": "2026-01-01",
        "statusReason": CODE,
        "lotNumber": "77",
        "primarySource": True,
    },
    WHOM
    | {
        "resourceType": "Coverage",
        "id": "v",
        "status": "active",
        "beneficiary": {"reference": "Patient/ruth"},
        "payor": [{"reference": "Organization/o"}],
        "class": [{"type": CODE, "value": "v", "name": "n"}],
        "period": PERIOD,
        "order": 1,
        "relationship": CODE,
    },
    WHOM
    | {
        "resourceType": "ExplanationOfBenefit",
        "id": "b",
        "billablePeriod": PERIOD,
        "insurer": {"display": "M"},
        "contained": [{"resourceType": "Coverage", "id": "c", "payor": [{"display": "M"}], "type": CODE}],
        "insurance": [{"focal": True, "coverage": {"reference": "#c", "display": "M"}}],
    },
    WHOM
    | {
        "resourceType": "Claim",
        "id": "cl",
        "insurance": [{"coverage": {"display": "medicare"}}],
        "billablePeriod": PERIOD,
    },
    WHOM
    | {"resourceType": "RelatedPerson", "id": "r", "name": [NAME], "relationship": [CODE], "period": PERIOD},
    WHOM
    | {
        "resourceType": "CareTeam",
        "id": "t",
        "status": "active",
        "period": PERIOD,
        "category": [CODE],
        "participant": [
            {"role": [CODE], "member": {"reference": "Practitioner/p"}, "onBehalfOf": {"display": "x"}}
        ],
    },
    {"resourceType": "Organization", "id": "o", "name": "St. Mary's"},
    {"resourceType": "Practitioner", "id": "p", "name": [NAME]},
    {"resourceType": "PractitionerRole", "id": "r", "practitioner": {"reference": "Practitioner/p"}},
    {"resourceType": "Location", "id": "l", "name": "Ward", "type": [CODE]},
]

# P14's strings, then the wrong types.
HOSTILE: list[Any] = [
    "\x00", "\ud800", "x" * 50_000, "\u202egnp.exe", "9" * 400, "NaN", str(2**63), "0000-01-01", "9999-12-31",
    "1956-02-30", "'; drop table patient; --", "<script>alert(1)</script>", "{{7*7}}", "../../etc/passwd", "",
    "Patient?identifier=|", "#", "urn:uuid:", "http://", "%", "%00",
    None, True, False, 0, -1, 2**63, 10**300, 1.5, [], {}, [[]], [{}], [None], {"extension": []}, {"modifierExtension": [1]},
    {"coding": [{"coding": [{}]}]}, {"start": "2026", "end": "2025"}, {"reference": {"reference": "x"}},
]  # fmt: skip


def test_the_seeds_cover_every_kind_that_is_read() -> None:
    assert {seed["resourceType"] for seed in SEEDS} >= KNOWN_KINDS


def bundle(*resources: Any) -> bytes:
    entries = [{"resource": each} for each in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def answers(data: bytes) -> list[str]:
    """The names of the answers to one file; any exception but Refused fails the test."""
    try:
        document = read(data)
        found = []
        for resource in document.resources():
            outcome = (
                resource if isinstance(resource, RowError) else translate(resource, document.index, TODAY)
            )
            if isinstance(resource, Resource):
                resource.raw.encode()
                assert "\x00" not in resource.raw
            found.append(type(outcome).__name__)
        return found
    except Refused as refused:
        return [refused.code if refused.message and refused.next_step else "SAYS TOO LITTLE"]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def changed(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    key, *rest = path
    if isinstance(tree, dict):
        return tree | {key: changed(tree[key], tuple(rest), value)}
    return [changed(each, tuple(rest), value) if n == key else each for n, each in enumerate(tree)]


@pytest.mark.campaign
def test_every_place_of_every_record_survives_every_hostile_value() -> None:
    tally: Counter[str] = Counter()
    for number, seed in enumerate(SEEDS):
        for path in places(seed):
            for value in HOSTILE:
                mutant = changed(seed, path, value)
                tally.update(answers(bundle(mutant, SEEDS[(number + 1) % len(SEEDS)])))
    print(sorted(tally.items()))  # noqa: T201
    assert tally["Translated"] > 1000
    assert tally["RowError"] > 1000
    assert "FHIR_VERSION" in tally
    assert "SAYS TOO LITTLE" not in tally


def damaged(whole: bytes, dice: random.Random) -> bytes:
    data = bytearray(whole)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data))
        match dice.randrange(4):
            case 0:
                data[at] ^= 1 << dice.randrange(8)
            case 1:
                data[at : at + dice.randint(1, 40)] = b""
            case 2:
                data[at:at] = data[at : at + dice.randint(1, 200)]
            case _:
                data[at] = dice.choice(b'{}[]",:\\0n\x00\xff')
    return bytes(data)


def misspelt(whole: bytes, dice: random.Random) -> bytes:
    """Letters and digits changed for others: still JSON, no longer what it was."""
    data = bytearray(whole)
    for _ in range(dice.randint(1, 60)):
        at = dice.randrange(len(data))
        if chr(data[at]).isalpha():
            data[at] = dice.choice(b"aeiounrstABC")
        elif chr(data[at]).isdigit():
            data[at] = dice.choice(b"123456789")
    return bytes(data)


def test_a_thousand_damaged_files() -> None:
    dice = random.Random(20261122)
    whole = bundle(*SEEDS)
    tally: Counter[str] = Counter()
    for number in range(1000):
        tally.update(answers((damaged if number % 2 else misspelt)(whole, dice)))
    print(sorted(tally.items()))  # noqa: T201
    assert tally["FHIR_NOT_JSON"] > 100
    assert tally["Translated"] > 1000
    assert tally["RowError"] > 100
    assert "SAYS TOO LITTLE" not in tally


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dates().map(str),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["coding", "code", "system", "value", "text", "start", "end", "reference", "extension", "url"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_any_element_replaced_by_anything(seed: dict[str, Any], data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(seed)), min_size=1, max_size=4))
    mutant = seed | {name: data.draw(anything) for name in names}
    assert answers(json.dumps(mutant).encode())


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_at_all(data: bytes) -> None:
    assert answers(data)


@pytest.mark.parametrize(
    "name", ["subject", "code", "status", "id", "resourceType", "contained", "extension"]
)
@settings(max_examples=50, deadline=None)
@given(value=anything)
def test_any_record_with_any_such_element(name: str, value: Any) -> None:
    for seed in SEEDS:
        assert answers(json.dumps(seed | {name: value}).encode())
