"""One small hand-made resource at a time: what it becomes, and what is said when it cannot be read."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from server.interop.fhir.reader import read
from server.interop.fhir.rows import (
    AllergyRow,
    CareTeamRow,
    ConditionRow,
    CoverageRow,
    ImmunizationRow,
    MedicationRow,
    ObservationRow,
    Outcome,
    PatientRow,
    ProcedureRow,
    Retracted,
    Row,
    RowError,
    StayRow,
    SupportPersonRow,
    Translated,
    Unknown,
    VisitRow,
)
from server.interop.fhir.translate import translate

TODAY = date(2026, 11, 22)
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
SUBJECT = {"reference": "Patient/ruth"}


def outcome(resource: dict[str, Any], *others: dict[str, Any]) -> Outcome:
    """What `resource` becomes when it stands first in a bundle with `others`."""
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": each} for each in (resource, *others)],
    }
    document = read(json.dumps(bundle).encode(), source="clinic")
    first = next(document.resources())
    return first if isinstance(first, RowError) else translate(first, document.index, TODAY)


def rows(resource: dict[str, Any], *others: dict[str, Any]) -> tuple[Row, ...]:
    found = outcome(resource, *others)
    assert isinstance(found, Translated), found
    return found.rows


def row(resource: dict[str, Any], *others: dict[str, Any]) -> Any:
    (only,) = rows(resource, *others)
    return only


def notices(resource: dict[str, Any]) -> list[tuple[str, str]]:
    found = outcome(resource)
    assert isinstance(found, Translated), found
    return [(notice.code, notice.path) for notice in found.notices]


def error(resource: dict[str, Any], *others: dict[str, Any]) -> RowError:
    found = outcome(resource, *others)
    assert isinstance(found, RowError), found
    assert found.sentence.endswith(".")
    assert found.next_step.endswith(".")
    return found


def patient(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "ruth",
        "name": [{"family": "Okafor", "given": ["Ruth", "A."]}],
        "birthDate": "1948-03-09",
    } | more


def observation(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "subject": SUBJECT,
        "code": {"coding": [{"system": LOINC, "code": "4548-4", "display": "Hemoglobin A1c"}]},
    } | more


def condition(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "c1",
        "subject": SUBJECT,
        "code": {"coding": [{"system": SNOMED, "code": "44054006", "display": "Diabetes type 2"}]},
    } | more


def encounter(code: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code},
        "subject": SUBJECT,
        "period": {"start": "2026-03-01T10:00:00-05:00", "end": "2026-03-04T11:30:00-05:00"},
    } | more


# --- people ---------------------------------------------------------------------------------------------------


def test_a_patient_as_us_core_9_writes_one() -> None:
    omb = "urn:oid:2.16.840.1.113883.6.238"
    ruth = row(
        patient(
            meta={"versionId": "7", "lastUpdated": "2026-05-01T08:00:00Z"},
            extension=[
                {
                    "url": f"{US_CORE}us-core-race",
                    "extension": [
                        {
                            "url": "ombCategory",
                            "valueCoding": {"system": omb, "code": "2028-9", "display": "Asian"},
                        },
                        {
                            "url": "detailed",
                            "valueCoding": {"system": omb, "code": "2036-2", "display": "Filipino"},
                        },
                        {"url": "text", "valueString": "Filipino"},
                    ],
                },
                {
                    "url": f"{US_CORE}us-core-ethnicity",
                    "extension": [{"url": "text", "valueString": "Not Hispanic"}],
                },
                {"url": f"{US_CORE}us-core-birthsex", "valueCode": "F"},
                {
                    "url": f"{US_CORE}us-core-individual-sex",
                    "valueCoding": {"system": SNOMED, "code": "248152002"},
                },
                {
                    "url": f"{US_CORE}us-core-interpreter-needed",
                    "valueCoding": {"system": SNOMED, "code": "373066001"},
                },
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/individual-genderIdentity",
                    "extension": [{"url": "value", "valueCodeableConcept": {"text": "Woman"}}],
                },
                {
                    "url": f"{US_CORE}us-core-tribal-affiliation",
                    "extension": [{"url": "tribalAffiliation", "valueCodeableConcept": {"text": "Shoshone"}}],
                },
            ],
            name=[
                {"use": "old", "family": "Shaw", "given": ["Ruth"], "period": {"end": "1970"}},
                {"use": "official", "family": "Okafor", "given": ["Ruth", "A."], "suffix": ["RN"]},
                {"use": "nickname", "given": ["Ruthie"]},
                {"use": "maiden", "family": "Ayinde"},
            ],
            gender="female",
            telecom=[{"system": "phone", "value": "313-555-0143", "use": "mobile", "rank": 1}],
            address=[
                {"line": ["5 Elm St"], "city": "Detroit", "state": "MI", "period": {"start": "2001-05"}}
            ],
            communication=[{"language": {"coding": [{"code": "tl"}], "text": "Tagalog"}, "preferred": True}],
            contact=[
                {
                    "relationship": [{"coding": [{"code": "GUARD"}], "text": "Court-appointed guardian"}],
                    "name": {"text": "Femi Okafor"},
                    "telecom": [{"system": "phone", "value": "313-555-0199"}],
                }
            ],
            identifier=[{"type": {"coding": [{"code": "MR"}]}, "system": "urn:clinic", "value": "A-17"}],
            maritalStatus={"text": "Widowed"},
            deceasedBoolean=False,
        )
    )
    assert isinstance(ruth, PatientRow)
    assert (ruth.family, ruth.given, ruth.preferred, ruth.maiden) == (
        "Okafor",
        ("Ruth", "A."),
        "Ruthie",
        "Ayinde",
    )
    assert ruth.birth is not None
    assert ruth.birth.day == date(1948, 3, 9)
    assert (ruth.gender, ruth.birth_sex, ruth.interpreter_needed) == ("female", "F", True)
    assert ruth.sex is not None
    assert ruth.sex.code == "248152002"
    assert ruth.gender_identity is not None
    assert ruth.gender_identity.text == "Woman"
    assert ruth.race is not None
    assert [c.display for c in ruth.race.detailed] == ["Filipino"]
    assert ruth.ethnicity is not None
    assert ruth.ethnicity.text == "Not Hispanic"
    assert [t.text for t in ruth.tribes] == ["Shoshone"]
    assert ruth.record_number == "A-17"
    assert ruth.languages[0].code == "tl"
    assert ruth.languages[0].preferred
    assert ruth.points[0].value == "313-555-0143"
    assert ruth.addresses[0].start is not None
    assert ruth.addresses[0].start.precision == "month"
    assert ruth.contacts[0].is_guardian
    assert ruth.contacts[0].name is not None
    assert ruth.contacts[0].name.full == "Femi Okafor"
    assert not ruth.deceased
    assert ruth.provenance.source == "clinic"
    assert ruth.provenance.version == "7"
    assert ruth.provenance.last_updated == datetime(2026, 5, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("extension", "needed"),
    [
        ({"url": f"{US_CORE}us-core-interpreter-needed", "valueCoding": {"code": "373067005"}}, False),
        ({"url": f"{US_CORE}us-core-interpreter-needed", "valueCoding": {"code": "unknown"}}, None),
        (
            {
                "url": "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired",
                "valueBoolean": True,
            },
            True,
        ),
    ],
)
def test_interpreter_in_each_way_it_is_written(extension: dict[str, Any], needed: bool | None) -> None:
    assert row(patient(extension=[extension])).interpreter_needed is needed


def test_sex_as_us_core_6_writes_it_is_a_bare_snomed_code() -> None:
    sex = row(patient(extension=[{"url": f"{US_CORE}us-core-sex", "valueCode": "248153007"}])).sex
    assert (sex.system, sex.code) == (SNOMED, "248153007")


@pytest.mark.parametrize(
    ("identifier", "kept"),
    [
        ({"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999221962"}, False),
        ({"system": "urn:oid:2.16.840.1.113883.4.1", "value": "777001111"}, False),
        ({"system": "urn:oid:2.16.840.1.113883.4.3.25", "value": "S99"}, False),
        (
            {
                "system": "http://standardhealthrecord.org/fhir/passport",
                "type": {"coding": [{"code": "PPN"}]},
                "value": "X7700",
            },
            False,
        ),
        ({"type": {"coding": [{"code": "SS"}]}, "value": "999221962"}, False),
        ({"type": {"text": "other"}, "value": "999-22-1962"}, False),
        ({"system": "http://hl7.org/fhir/sid/us-mbi", "value": "1EG4-TE5-MK73"}, True),
        ({"system": "urn:clinic", "value": "999-221962"}, True),
    ],
)
def test_private_numbers_reach_neither_the_row_nor_the_raw_record(
    identifier: dict[str, Any], kept: bool
) -> None:
    given = patient(identifier=[identifier], text={"div": f"<div>{identifier['value']}</div>"})
    document = read(json.dumps(given).encode())
    resource = next(document.resources())
    assert not isinstance(resource, RowError)
    found = translate(resource, document.index, TODAY)
    assert isinstance(found, Translated)
    (ruth,) = found.rows
    assert isinstance(ruth, PatientRow)
    assert bool(ruth.identifiers) is kept
    assert (identifier["value"] in resource.raw) is kept
    assert resource.left_out == (0 if kept else 1)
    assert [n.code for n in found.notices] == ([] if kept else ["LEFT_OUT"])


@pytest.mark.parametrize(
    ("birth", "words"),
    [
        ("1956-02-30", "February 1956 has 29 days"),
        ("1955-02-29", "February 1955 has 28 days"),
        ("1956-13-01", "month 13"),
        ("0000-01-01", "year 0"),
        ("2026-11-23", "in the future"),
        ("1849-12-31", "over 176"),
        ("03/09/1948", "is not a date"),
        (19480309, "it is a number"),
        ("9" * 400, "is not a date"),
        ("１９４８-03-09", "is not a date"),
    ],
)
def test_an_impossible_birth_date_is_named_and_the_person_is_not_taken(birth: Any, words: str) -> None:
    fault = error(patient(birthDate=birth))
    assert fault.path == "Patient.birthDate"
    assert words in fault.sentence
    assert (fault.kind, fault.source_id, fault.place) == ("Patient", "ruth", "entry 1")


@pytest.mark.parametrize(
    ("birth", "precision"), [("1948", "year"), ("1948-03", "month"), ("1948-03-09", "day")]
)
def test_a_birth_date_known_in_part_keeps_its_precision(birth: str, precision: str) -> None:
    found = row(patient(birthDate=birth)).birth
    assert found.precision == precision
    assert found.text == birth


def test_a_missing_birth_date_is_noted_with_its_reason() -> None:
    absent = {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                "valueCode": "asked-unknown",
            }
        ]
    }
    given = patient(birthDate=None, _birthDate=absent)
    assert row(given).birth is None
    found = outcome(given)
    assert isinstance(found, Translated)
    assert "asked-unknown" in found.notices[0].sentence


def test_death_before_birth_is_refused_and_a_date_of_death_is_kept() -> None:
    assert error(patient(deceasedDateTime="1940-01-01")).path == "Patient.deceasedDateTime"
    dead = row(patient(deceasedDateTime="2016-12-10T02:39:21Z"))
    assert dead.deceased
    assert dead.died.instant == datetime(2016, 12, 10, 2, 39, 21, tzinfo=UTC)
    assert error(patient(deceasedBoolean=True, deceasedDateTime="2016")).path == "Patient.deceased"


def test_a_patient_without_a_name_cannot_be_found_again() -> None:
    assert error(patient(name=[])).path == "Patient.name"
    assert error(patient(name="Ruth")).path == "Patient.name"


def test_what_could_make_one_name_look_like_another_is_taken_out() -> None:
    family = "Oka\u202efor\x07  \u2066Smith"
    assert row(patient(name=[{"family": family}])).family == "Oka for Smith"
    assert row(patient(name=[{"family": "אוקפור"}])).family == "אוקפור"


def test_a_name_that_has_ended_is_not_the_name_to_file_under() -> None:
    ruth = row(
        patient(
            name=[
                {"family": "Shaw", "given": ["Ruth"], "period": {"end": "2020-07-22"}},
                {"family": "Okafor", "given": ["Ruth"]},
            ]
        )
    )
    assert ruth.family == "Okafor"


def test_parts_of_the_wrong_type_are_noted_and_the_person_is_taken() -> None:
    given = patient(
        telecom="313-555-0143", address=[7], gender=["female"], communication=[{"language": "tl"}]
    )
    assert {path for _, path in notices(given)} == {
        "Patient.telecom",
        "Patient.address[0]",
        "Patient.gender",
        "Patient.communication[0].language",
    }
    assert row(given).family == "Okafor"


def test_extra_long_text_is_shortened_and_said_so() -> None:
    given = patient(name=[{"family": "x" * 1_000_000}])
    assert len(row(given).family) == 300
    assert ("SHORTENED", "Patient.name[0].family") in notices(given)


@pytest.mark.parametrize("bad", ["Oka\x00for", "Oka\ud800for"])
def test_a_character_no_database_takes_is_an_error_of_that_record_alone(bad: str) -> None:
    assert "no text may contain" in error(patient(name=[{"family": bad}])).sentence
    assert error(patient(photo=[{bad: 1}])).kind == "Patient"


def test_a_support_person_and_a_care_team() -> None:
    femi = row(
        {
            "resourceType": "RelatedPerson",
            "id": "r1",
            "patient": SUBJECT,
            "name": [{"given": ["Femi"], "family": "Okafor"}],
            "relationship": [{"text": "son"}],
            "telecom": [{"system": "phone", "value": "313-555-0199"}],
        }
    )
    assert isinstance(femi, SupportPersonRow)
    assert femi.relationships[0].text == "son"
    nurse = {
        "resourceType": "Practitioner",
        "id": "p1",
        "name": [{"given": ["Ana"], "family": "Ruiz", "prefix": ["RN"]}],
    }
    role = {"resourceType": "PractitionerRole", "id": "pr", "practitioner": {"reference": "Practitioner/p1"}}
    team = row(
        {
            "resourceType": "CareTeam",
            "id": "t1",
            "status": "active",
            "subject": SUBJECT,
            "participant": [
                {"role": [{"text": "care manager"}], "member": {"reference": "PractitionerRole/pr"}},
                {"role": [{"text": "daughter"}], "member": {"display": "Grace"}},
                {},
            ],
        },
        nurse,
        role,
    )
    assert isinstance(team, CareTeamRow)
    assert [member.name for member in team.members] == ["RN Ana Ruiz", "Grace"]


# --- who pays -------------------------------------------------------------------------------------------------


def test_a_coverage_record() -> None:
    found = row(
        {
            "resourceType": "Coverage",
            "id": "cov",
            "status": "active",
            "beneficiary": SUBJECT,
            "subscriberId": "1EG4TE5MK73",
            "payor": [{"reference": "Organization/m"}],
            "class": [{"type": {"coding": [{"code": "plan"}]}, "value": "B", "name": "Part B"}],
            "period": {"start": "2013-03-01"},
            "order": 1,
        },
        {"resourceType": "Organization", "id": "m", "name": "Medicare"},
    )
    assert isinstance(found, CoverageRow)
    assert (found.payer, found.member_id, found.product, found.basis) == (
        "Medicare",
        "1EG4TE5MK73",
        "Part B",
        "coverage",
    )
    assert found.start is not None
    assert found.end is None


def test_a_bill_shows_who_paid_from_its_contained_coverage() -> None:
    bill = {
        "resourceType": "ExplanationOfBenefit",
        "id": "b",
        "patient": SUBJECT,
        "contained": [
            {
                "resourceType": "Coverage",
                "id": "coverage",
                "payor": [{"display": "medicare"}],
                "type": {"text": "medicare"},
            }
        ],
        "insurance": [{"focal": True, "coverage": {"reference": "#coverage", "display": "medicare"}}],
        "billablePeriod": {"start": "2020-01-02", "end": "2020-01-02"},
    }
    found = row(bill)
    assert (found.payer, found.basis, found.start.day) == ("medicare", "claim", date(2020, 1, 2))


def test_a_bill_that_names_no_payer_or_a_separate_coverage_makes_no_row() -> None:
    bill = {"resourceType": "Claim", "id": "b", "patient": SUBJECT}
    assert rows(bill) == ()
    assert rows(bill | {"insurance": [{"coverage": {"reference": "Coverage/cov"}}]}) == ()


# --- chart facts ----------------------------------------------------------------------------------------------


def test_a_condition_keeps_its_codes_as_given() -> None:
    found = row(
        condition(
            code={
                "coding": [
                    {"system": SNOMED, "code": "44054006", "display": "Diabetes type 2"},
                    {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9"},
                ]
            },
            clinicalStatus={"coding": [{"code": "active"}]},
            category=[{"coding": [{"code": "problem-list-item"}]}],
            onsetAge={"value": 52, "unit": "years"},
            note=[{"text": "Diet first.\nThen pills."}],
        )
    )
    assert isinstance(found, ConditionRow)
    assert found.code.text == "Diabetes type 2"
    assert found.code.code("http://hl7.org/fhir/sid/icd-10-cm") == "E11.9"
    assert (found.clinical_status, found.categories, found.onset_text) == (
        "active",
        ("problem-list-item",),
        "at 52 years",
    )
    assert found.note == "Diet first.\nThen pills."


def test_a_condition_that_ends_before_it_begins_loses_the_end_with_a_word_about_it() -> None:
    given = condition(onsetDateTime="2020-05-01", abatementDateTime="2019")
    assert row(given).abatement is None
    assert notices(given) == [("CONTRADICTION", "Condition")]
    assert row(condition(onsetDateTime="2020-05-01", abatementDateTime="2020")).abatement.text == "2020"


@pytest.mark.parametrize(
    "code",
    [
        None,
        {},
        {"coding": []},
        {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}
            ]
        },
        "diabetes",
    ],
)
def test_a_condition_that_names_no_condition_is_an_error(code: Any) -> None:
    assert error(condition(code=code)).path == "Condition.code"


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (None, "which patient"),
        ({}, "which patient"),
        ({"display": "Ruth"}, "which patient"),
        ({"reference": "Group/g"}, "about a Group"),
        ("Patient/ruth", "which patient"),
        ({"reference": 7}, "which patient"),
    ],
)
def test_a_fact_must_say_whose_it_is(subject: Any, words: str) -> None:
    fault = error(condition(subject=subject))
    assert fault.path == "Condition.subject"
    assert words in fault.sentence


def test_what_was_entered_in_error_is_retracted() -> None:
    assert outcome(observation(status="entered-in-error")) == Retracted("Observation", "o1")
    wrong = {"coding": [{"code": "entered-in-error"}]}
    assert outcome(condition(verificationStatus=wrong, code=None)) == Retracted("Condition", "c1")


def test_what_nothing_is_made_from_yet_is_kept_as_unknown() -> None:
    assert outcome({"resourceType": "CarePlan", "id": "cp"}) == Unknown("CarePlan", "cp")
    assert outcome({"resourceType": "Bundle", "id": "inner"}) == Unknown("Bundle", "inner")


def test_rules_that_change_the_meaning_are_not_guessed() -> None:
    assert "opposite" in error(condition(modifierExtension=[{"url": "urn:not"}])).sentence
    assert error(condition(implicitRules="urn:rules")).path == "Condition.implicitRules"
    assert error(observation(status="finbl")).path == "Observation.status"


def test_a_prescription() -> None:
    found = row(
        {
            "resourceType": "MedicationRequest",
            "id": "m1",
            "status": "active",
            "intent": "order",
            "subject": SUBJECT,
            "medicationReference": {"reference": "#med"},
            "contained": [
                {
                    "resourceType": "Medication",
                    "id": "med",
                    "code": {
                        "coding": [
                            {
                                "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
                                "code": "860975",
                                "display": "Metformin 500 MG",
                            }
                        ]
                    },
                }
            ],
            "authoredOn": "2026-01-05",
            "reasonReference": [{"reference": "Condition/c1"}],
            "requester": {"display": "Dr. Bauch"},
            "dosageInstruction": [
                {
                    "asNeededBoolean": False,
                    "route": {"text": "by mouth"},
                    "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
                    "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
                }
            ],
        },
        condition(),
    )
    assert isinstance(found, MedicationRow)
    assert found.code.codings[0].code == "860975"
    assert found.dosage == "1 tablet, by mouth, 2 times every day"
    assert (found.as_needed, found.prescriber, found.reasons) == (False, "Dr. Bauch", ("Diabetes type 2",))


def test_a_prescription_for_a_medicine_that_is_not_here_is_an_error() -> None:
    given = {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "active",
        "intent": "order",
        "subject": SUBJECT,
    }
    assert (
        error(given | {"medicationReference": {"reference": "Medication/away"}}).path
        == "MedicationRequest.medication"
    )
    named = given | {"medicationReference": {"reference": "Medication/away", "display": "Aspirin"}}
    assert row(named).code.text == "Aspirin"


def test_a_medication_statement() -> None:
    found = row(
        {
            "resourceType": "MedicationStatement",
            "id": "s",
            "status": "active",
            "subject": SUBJECT,
            "medicationCodeableConcept": {"text": "St John's wort"},
            "effectivePeriod": {"start": "2025"},
            "dosage": [{"text": "one with breakfast", "asNeededBoolean": True}],
        }
    )
    assert (found.form, found.code.text, found.dosage, found.as_needed) == (
        "statement",
        "St John's wort",
        "one with breakfast",
        True,
    )
    assert found.start.precision == "year"


def test_an_allergy() -> None:
    found = row(
        {
            "resourceType": "AllergyIntolerance",
            "id": "a",
            "patient": SUBJECT,
            "code": {"text": "Penicillin"},
            "type": "allergy",
            "category": ["medication"],
            "criticality": "high",
            "clinicalStatus": {"coding": [{"code": "active"}]},
            "reaction": [{"manifestation": [{"text": "hives"}], "severity": "moderate"}],
        }
    )
    assert isinstance(found, AllergyRow)
    assert (found.categories, found.criticality, found.reactions[0].manifestations) == (
        ("medication",),
        "high",
        ("hives",),
    )


def test_a_number_keeps_its_digits_unit_and_comparator() -> None:
    found = row(
        observation(
            category=[{"coding": [{"code": "laboratory"}]}],
            effectiveDateTime="2026-02-03T09:10:00-05:00",
            valueQuantity={"value": 7.10, "comparator": ">", "unit": "%", "code": "%"},
            referenceRange=[{"low": {"value": 4, "unit": "%"}, "high": {"value": 5.6, "unit": "%"}}],
            interpretation=[{"coding": [{"code": "H", "display": "High"}]}],
        )
    )
    assert isinstance(found, ObservationRow)
    assert found.value is not None
    assert (found.value.number, found.value.unit, found.value.comparator, found.value.text) == (
        Decimal("7.1"),
        "%",
        ">",
        ">7.1 %",
    )
    assert found.effective is not None
    assert found.effective.instant == datetime(2026, 2, 3, 14, 10, tzinfo=UTC)
    assert (found.reference_range, found.interpretation[0].text) == ("4 to 5.6 %", "High")


def test_a_blood_pressure_has_two_components() -> None:
    def part(code: str, value: int) -> dict[str, Any]:
        return {
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "valueQuantity": {"value": value, "unit": "mm[Hg]"},
        }

    found = row(observation(component=[part("8480-6", 148), part("8462-4", 92)]))
    assert found.value is None
    assert [(c.code.code(LOINC), c.value.number) for c in found.components] == [
        ("8480-6", 148),
        ("8462-4", 92),
    ]


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        ({"valueString": "12"}, "text", "12"),
        ({"valueBoolean": False}, "boolean", "no"),
        ({"valueInteger": 3}, "integer", "3"),
        (
            {"valueCodeableConcept": {"coding": [{"system": LOINC, "code": "LA33-6", "display": "Yes"}]}},
            "coded",
            "Yes",
        ),
        ({"valueDateTime": "2026-01"}, "when", "2026-01"),
        ({"valueTime": "07:30:00"}, "time", "07:30:00"),
        ({"valueRange": {"low": {"value": 2}, "high": {"value": 4}}}, "range", "2 to 4"),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, "ratio", "1 / 128"),
        ({"valuePeriod": {"start": "2026-01-01", "end": "2026-01-03"}}, "period", "2026-01-01 to 2026-01-03"),
        ({"valueSampledData": {"data": "1 2 3"}}, "samples", "A recorded curve; see the source."),
    ],
)
def test_every_form_of_value(value: dict[str, Any], form: str, text: str) -> None:
    found = row(observation(**value)).value
    assert (found.form, found.text) == (form, text)


def test_why_a_value_is_absent_is_kept_and_silence_is_noted() -> None:
    refused = {"coding": [{"code": "asked-declined", "display": "Asked But Declined"}]}
    assert row(observation(dataAbsentReason=refused)).absent == "Asked But Declined"
    assert notices(observation()) == [("INCOMPLETE", "Observation.value")]
    assert row(observation(hasMember=[{"reference": "Observation/o2"}])).members[0].source_id == "o2"


@pytest.mark.parametrize(
    "value",
    [
        {"valueQuantity": {"value": "7.1"}},
        {"valueQuantity": {"value": True}},
        {"valueQuantity": {"value": 10**40}},
        {"valueInteger": 2**63},
        {"valueString": "7", "valueInteger": 7},
        {"effectiveDateTime": "2026-02-30"},
        {"effectivePeriod": {"start": "2026-02-03", "end": "2026-02-01"}},
    ],
)
def test_a_measurement_that_could_mislead_is_an_error(value: dict[str, Any]) -> None:
    assert error(observation(**value)).kind == "Observation"


def test_a_visit_and_a_stay() -> None:
    office = rows(encounter("AMB", type=[{"text": "Check up"}], reasonCode=[{"text": "Cough"}]))
    assert [type(r) for r in office] == [VisitRow]
    place = {"resourceType": "Organization", "id": "h", "name": "St. Mary's"}
    visit, stay = rows(
        encounter(
            "IMP",
            serviceProvider={"reference": "Organization/h"},
            hospitalization={"dischargeDisposition": {"text": "Home"}},
            participant=[
                {"individual": {"display": "Dr. First"}},
                {"type": [{"coding": [{"code": "ATND"}]}], "individual": {"display": "Dr. Attending"}},
            ],
        ),
        place,
    )
    assert isinstance(visit, VisitRow)
    assert isinstance(stay, StayRow)
    assert visit.provider == "Dr. Attending"
    assert (stay.form, stay.facility, stay.disposition and stay.disposition.text) == (
        "inpatient",
        "St. Mary's",
        "Home",
    )
    assert stay.discharged is not None
    assert stay.discharged.instant == datetime(2026, 3, 4, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "forms"),
    [
        (encounter("OBSENC"), ["observation"]),
        (encounter("IMP", type=[{"text": "Admission to skilled nursing facility"}]), ["nursing"]),
        (encounter("IMP", status="planned"), []),
        (encounter("EMER"), []),
    ],
)
def test_which_encounters_are_stays(given: dict[str, Any], forms: list[str]) -> None:
    assert [r.form for r in rows(given) if isinstance(r, StayRow)] == forms


def test_a_visit_that_ends_before_it_starts_is_an_error() -> None:
    fault = error(encounter("AMB", period={"start": "2026-03-04T10:00:00Z", "end": "2026-03-04T09:59:59Z"}))
    assert fault.path == "Encounter.period"
    assert "before it begins" in fault.sentence
    assert rows(encounter("AMB", period={"start": "2026-03-04T23:30:00-05:00", "end": "2026-03-05"}))


def test_a_procedure_and_an_immunization() -> None:
    done = row(
        {
            "resourceType": "Procedure",
            "id": "p",
            "status": "completed",
            "subject": SUBJECT,
            "code": {"text": "Colonoscopy"},
            "performedString": "in her fifties",
        }
    )
    assert isinstance(done, ProcedureRow)
    assert (done.start, done.performed_text) == (None, "in her fifties")
    shot = row(
        {
            "resourceType": "Immunization",
            "id": "i",
            "status": "not-done",
            "patient": SUBJECT,
            "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "140"}]},
            "occurrenceDateTime": "2026-10-01",
            "statusReason": {"text": "Declined"},
        }
    )
    assert isinstance(shot, ImmunizationRow)
    assert (shot.not_given_because, shot.code.codings[0].code) == ("Declined", "140")


def test_licensed_words_are_not_kept_and_the_code_is() -> None:
    import json

    words = "words that belong to their publisher"
    coding = {"system": "http://www.ama-assn.org/go/cpt", "code": "00000", "display": words}
    resource = {
        "resourceType": "Procedure", "id": "p", "status": "completed", "subject": {"reference": "Patient/1"},
        "performedDateTime": "2026-01-05", "code": {"coding": [coding], "text": words},
    }  # fmt: skip
    document = read(json.dumps(resource).encode())
    told = repr([translate(each, document.index, TODAY) for each in document.resources()])
    assert "00000" in told
    assert words not in told
