"""Files: which are read, which are refused and with what words; references; version signs."""

import gzip
import json
from datetime import date
from typing import Any

import pytest

from server.errors import Refused
from server.interop.fhir.dates import NotADate, parse_when
from server.interop.fhir.reader import Limits, Resource, read
from server.interop.fhir.references import Index
from server.interop.fhir.rows import RowError
from server.interop.fhir.strict_json import canonical, nesting, parse
from server.interop.fhir.translate import translate

PATIENT = {"resourceType": "Patient", "id": "ruth", "name": [{"family": "Okafor"}], "birthDate": "1948-03-09"}
CONDITION = {
    "resourceType": "Condition",
    "id": "c",
    "subject": {"reference": "Patient/ruth"},
    "code": {"text": "COPD"},
}


def bundle(*entries: Any, type: str = "collection") -> bytes:
    return json.dumps({"resourceType": "Bundle", "type": type, "entry": list(entries)}).encode()


def resources(data: bytes, **options: Any) -> list[Resource | RowError]:
    return list(read(data, **options).resources())


def refusal(data: bytes, **options: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        resources(data, **options)
    assert caught.value.message.endswith(".")
    assert caught.value.next_step.endswith(".")
    return caught.value


@pytest.mark.parametrize("kind", ["transaction", "batch", "collection", "searchset", "document"])
def test_bundles_of_records_as_they_are_now(kind: str) -> None:
    document = read(bundle({"resource": PATIENT}, {"resource": CONDITION}, type=kind))
    assert (document.form, document.bundle_type, document.count) == ("bundle", kind, 2)
    assert [r.kind for r in document.resources()] == ["Patient", "Condition"]


@pytest.mark.parametrize("kind", ["history", "message", "transaction-response", "", None])
def test_other_bundles_are_refused(kind: Any) -> None:
    assert refusal(bundle(type=kind)).code == "FHIR_BUNDLE_TYPE"


def test_ndjson_and_a_single_record_with_and_without_a_byte_order_mark() -> None:
    lines = "\r\n".join(json.dumps(r) for r in (PATIENT, CONDITION)) + "\r\n\r\n"
    document = read(b"\xef\xbb\xbf" + lines.encode())
    assert (document.form, document.count) == ("lines", 2)
    assert [(r.kind, r.place) for r in document.resources() if isinstance(r, Resource)] == [
        ("Patient", "line 1"),
        ("Condition", "line 2"),
    ]
    assert read(json.dumps(PATIENT, indent=0).encode()).form == "single"
    (only,) = resources(b"\xef\xbb\xbf" + json.dumps(PATIENT, indent=2).encode())
    assert only.source_id == "ruth"


def test_the_same_content_has_the_same_hash_however_it_is_laid_out() -> None:
    (one,) = resources(json.dumps(PATIENT).encode())
    (two,) = resources(json.dumps(dict(reversed(PATIENT.items())), indent=4).encode())
    assert isinstance(one, Resource)
    assert isinstance(two, Resource)
    assert one.provenance.sha256 == two.provenance.sha256
    assert one.raw == two.raw
    assert json.loads(one.raw) == PATIENT


def test_every_cut_of_a_file_is_refused_with_where_it_ends() -> None:
    whole = bundle({"resource": PATIENT | {"name": [{"family": "Okaför"}]}}, {"resource": CONDITION})
    for length in range(1, len(whole)):
        found = refusal(whole[:length])
        assert found.code == "FHIR_TRUNCATED", (length, whole[:length][-20:], found.message)
        assert "stops" in found.message


def test_every_cut_inside_the_last_line_of_ndjson_is_refused() -> None:
    first, last = json.dumps(PATIENT), json.dumps(CONDITION)
    for length in range(1, len(last)):
        found = refusal(f"{first}\n{last[:length]}".encode())
        assert found.code == "FHIR_TRUNCATED"
        assert "line 2" in found.message


def test_a_damaged_line_in_the_middle_is_reported_and_the_others_are_read() -> None:
    text = "\n".join(
        [json.dumps(PATIENT), '{"resourceType": "Condition", "id" 7}', "[]", json.dumps(CONDITION)]
    )
    found = resources(text.encode())
    assert [type(r).__name__ for r in found] == ["Resource", "RowError", "RowError", "Resource"]
    assert [r.place for r in found] == ["line 1", "line 2", "line 3", "line 4"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "FHIR_EMPTY"),
        (b" \n\t", "FHIR_EMPTY"),
        (b'{"resourceType": "Patient", "id": "a", "id": "b"}', "FHIR_DUPLICATE_KEY"),
        (b'{"resourceType": "Patient", "x": NaN}', "FHIR_NOT_JSON"),
        (b'{"resourceType": "Patient", "x": -Infinity}', "FHIR_NOT_JSON"),
        (b'{"resourceType": "Patient", "x": 1e9999999999999999999999}', "FHIR_NOT_JSON"),
        (b'{"resourceType": "Patient", "x": ' + b"9" * 5000 + b"}", "FHIR_NOT_JSON"),
        (b'{"resourceType": "Patient" "x": 1}', "FHIR_NOT_JSON"),
        (b'{"resourceType": "Patient", "x": "\xff"}', "FHIR_NOT_JSON"),
        (b"[1]", "FHIR_NOT_FHIR"),
        (b'{"name": "Ruth"}', "FHIR_NOT_FHIR"),
        (b'{"resourceType": 7}', "FHIR_NOT_FHIR"),
        (b'{"resourceType": "Bundle", "type": "batch", "entry": {}}', "FHIR_NOT_FHIR"),
        (b'<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"/>', "FHIR_NOT_JSON"),
        (b"MSH|^~\\&|ADT", "FHIR_NOT_JSON"),
        (b"PK\x03\x04....", "FHIR_NOT_JSON"),
        (gzip.compress(b"{}", mtime=0), "FHIR_NOT_JSON"),
        (json.dumps(PATIENT).encode("utf-16"), "FHIR_NOT_JSON"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "FHIR_TOO_DEEP"),
        (b'{"a":' + b"[" * 65 + b"]" * 65 + b"}", "FHIR_TOO_DEEP"),
    ],
)
def test_what_is_not_fhir_json_is_refused_in_words(data: bytes, code: str) -> None:
    assert refusal(data).code == code


def test_limits() -> None:
    entries = [{"resource": CONDITION}] * 3
    assert refusal(bundle(*entries), limits=Limits(entries=2)).code == "FHIR_TOO_MANY"
    assert refusal(bundle(*entries), limits=Limits(file_bytes=50)).code == "FHIR_TOO_LARGE"
    assert len(resources(bundle(*entries), limits=Limits(entries=3))) == 3
    lines = "\n".join([json.dumps(CONDITION)] * 3).encode()
    assert refusal(lines, limits=Limits(lines=2)).code == "FHIR_TOO_MANY"
    (large,) = resources(
        bundle({"resource": CONDITION | {"note": "x" * 999}}), limits=Limits(resource_bytes=500)
    )
    assert isinstance(large, RowError)


def test_hostile_quotes_do_not_slow_the_nesting_count() -> None:
    assert nesting('"' + '\\"' * 2_000_000) == 0
    assert nesting('{"a[": [{"b": "]}"}]}') == 3


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ({"resourceType": "Encounter", "class": [{"coding": []}]}, "R5"),
        ({"resourceType": "Encounter", "actualPeriod": {}}, "R5"),
        ({"resourceType": "Encounter", "class": "outpatient"}, "DSTU2"),
        ({"resourceType": "MedicationRequest", "medication": {"concept": {}}}, "R5"),
        ({"resourceType": "Procedure", "occurrenceDateTime": "2026"}, "R5"),
        ({"resourceType": "Transport"}, "R5"),
        ({"resourceType": "Condition", "clinicalStatus": "active"}, "STU3 or DSTU2"),
        ({"resourceType": "MedicationStatement", "taken": "y"}, "STU3"),
        ({"resourceType": "MedicationOrder"}, "STU3 or DSTU2"),
        ({"resourceType": "Patient", "careProvider": []}, "DSTU2"),
        ({"resourceType": "CapabilityStatement", "fhirVersion": "5.0.0"}, "R5"),
        ({"resourceType": "CapabilityStatement", "fhirVersion": "3.0.2"}, "STU3"),
        (
            {
                "resourceType": "Patient",
                "meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/Patient|5.0.0"]},
            },
            "R5",
        ),
        (
            {
                "resourceType": "Patient",
                "meta": {"profile": ["http://hl7.org/fhir/3.0/StructureDefinition/Patient"]},
            },
            "STU3",
        ),
        (
            {
                "resourceType": "Patient",
                "meta": {"profile": ["http://fhir.org/guides/argonaut/StructureDefinition/a"]},
            },
            "DSTU2",
        ),
    ],
)
def test_another_fhir_version_is_named_in_all_three_forms(resource: dict[str, Any], name: str) -> None:
    lines = f"{json.dumps(PATIENT)}\n{json.dumps(resource)}\n{json.dumps(PATIENT)}".encode()
    for data in (json.dumps(resource).encode(), bundle({"resource": PATIENT}, {"resource": resource}), lines):
        found = refusal(data)
        assert found.code == "FHIR_VERSION"
        assert f"FHIR {name}" in found.message
        assert "R4 (4.0.1)" in found.message


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "CapabilityStatement", "fhirVersion": "4.3.0"},
        {
            "resourceType": "Patient",
            "meta": {"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|9.0.0"]},
        },
        {
            "resourceType": "Patient",
            "meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/Patient|4.0.1"]},
        },
        {"resourceType": "Encounter", "class": {"code": "AMB"}},
    ],
)
def test_r4_and_its_profiles_are_accepted(resource: dict[str, Any]) -> None:
    assert len(resources(json.dumps(resource).encode())) == 1


def test_entries_that_hold_no_record_are_reported_one_by_one() -> None:
    found = resources(
        bundle(
            7,
            {},
            {"resource": {"id": "x"}},
            {"resource": {"resourceType": "pa tient"}},
            {"request": {"method": "DELETE", "url": "Patient/ruth"}},
            {"resource": PATIENT},
        )
    )
    assert [type(r).__name__ for r in found] == ["RowError"] * 5 + ["Resource"]
    assert [r.place for r in found] == [f"entry {n}" for n in range(1, 7)]
    assert isinstance(found[4], RowError)
    assert "delete" in found[4].sentence


def test_a_record_without_an_id_gets_one_from_its_content() -> None:
    nameless = {k: v for k, v in CONDITION.items() if k != "id"}
    (one,), (two,) = resources(json.dumps(nameless).encode()), resources(bundle({"resource": nameless}))
    assert one.source_id == two.source_id
    assert one.source_id.startswith("sha256-")
    (uuid,) = resources(
        bundle({"fullUrl": "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8", "resource": nameless})
    )
    assert uuid.source_id == "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


def test_the_source_is_the_callers_else_the_server_else_file() -> None:
    entry = {"fullUrl": "https://ehr.example/fhir/Patient/ruth", "resource": PATIENT}
    for options, expected in (({"source": "lakeside-ehr"}, "lakeside-ehr"), ({}, "https://ehr.example/fhir")):
        (found,) = resources(bundle(entry), **options)
        assert isinstance(found, Resource)
        assert found.provenance.source == expected
    (found,) = resources(json.dumps(PATIENT).encode())
    assert isinstance(found, Resource)
    assert found.provenance.source == "file"


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "urn:uuid:aaaaaaaa-0000-4000-8000-000000000001"},
        {"reference": "Patient/ruth"},
        {"reference": "Patient/ruth/_history/3"},
        {"reference": "https://ehr.example/fhir/Patient/ruth"},
        {"reference": "Patient?identifier=urn:clinic|A-17"},
        {"reference": "Patient?identifier=urn%3Aclinic%7CA-17"},
        {"reference": "Patient?active=true&identifier=urn:clinic|A-17"},
        {"type": "Patient", "identifier": {"system": "urn:clinic", "value": "A-17"}},
    ],
)
def test_every_way_to_point_at_a_person_in_the_same_file(reference: dict[str, Any]) -> None:
    ruth = PATIENT | {"identifier": [{"system": "urn:clinic", "value": "A-17"}]}
    document = read(
        bundle(
            {"resource": CONDITION | {"subject": reference}},
            {"fullUrl": "urn:uuid:aaaaaaaa-0000-4000-8000-000000000001", "resource": ruth},
        )
    )
    first = next(document.resources())
    assert isinstance(first, Resource)
    found = document.index.resolve(first.content["subject"])
    assert found is not None
    assert (found.kind, found.source_id) == ("Patient", "ruth")


def test_a_person_named_by_identifier_who_is_elsewhere_stays_named_by_it() -> None:
    found = Index().resolve({"reference": "Patient?identifier=urn:clinic|A-17"})
    assert found is not None
    assert found.source_id == ""
    assert found.identifier is not None
    assert (found.identifier.system, found.identifier.value) == ("urn:clinic", "A-17")


def test_references_that_go_in_circles_end() -> None:
    one = {"resourceType": "PractitionerRole", "id": "a", "practitioner": {"reference": "PractitionerRole/b"}}
    two = {"resourceType": "PractitionerRole", "id": "b", "practitioner": {"reference": "PractitionerRole/a"}}
    visit = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/ruth"},
        "participant": [{"individual": {"reference": "PractitionerRole/a"}}],
    }
    document = read(bundle({"resource": visit}, {"resource": one}, {"resource": two}))
    first = next(document.resources())
    assert isinstance(first, Resource)
    assert type(translate(first, document.index, date(2026, 1, 1))).__name__ == "Translated"


def test_one_index_serves_the_files_of_a_bulk_export() -> None:
    index = Index()
    read(json.dumps({"resourceType": "Organization", "id": "h", "name": "St. Mary's"}).encode(), shared=index)
    visit = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/ruth"},
        "serviceProvider": {"reference": "Organization/h"},
    }
    document = read(json.dumps(visit).encode(), shared=index)
    first = next(document.resources())
    assert isinstance(first, Resource)
    found = translate(first, index, date(2026, 1, 1))
    assert found.rows[0].organization == "St. Mary's"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "precision", "day"),
    [
        ("1956", "year", date(1956, 1, 1)),
        ("1956-08", "month", date(1956, 8, 1)),
        ("1956-08-03", "day", date(1956, 8, 3)),
        ("1956-08-03T10:00:00Z", "instant", date(1956, 8, 3)),
        ("1956-08-03T23:59:60.123456789-05:00", "instant", date(1956, 8, 3)),
        ("1956-08-03T10:00:00", "day", date(1956, 8, 3)),
        ("9999-12-31T23:59:59-05:00", "day", date(9999, 12, 31)),
        ("0001-01-01T00:00:00+14:00", "day", date(1, 1, 1)),
    ],
)
def test_dates_that_exist(text: str, precision: str, day: date) -> None:
    found = parse_when(text)
    assert (found.precision, found.day) == (precision, day)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1956-8-3",
        "1956-02-30T10:00:00Z",
        "1956-08-03T24:00:00Z",
        "1956-08-03T10:00:00+15:00",
        "1956-08-03 10:00",
        "-1956",
    ],
)
def test_dates_that_do_not(text: str) -> None:
    with pytest.raises(NotADate):
        parse_when(text)


def test_numbers_keep_every_digit_through_the_raw_record() -> None:
    text = '{"a":[1.10,-0.0,1E+3,123456789012345678901234567890],"b":"é\\u0001"}'
    assert (
        canonical(parse(text, deepest=9))
        == '{"a":[1.10,-0.0,1E+3,123456789012345678901234567890],"b":"é\\u0001"}'
    )
