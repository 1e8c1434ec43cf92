"""The real sample data: every record is read, and nothing is lost without a count."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from server.interop.fhir.reader import read
from server.interop.fhir.rows import PatientRow, RowError, Translated
from server.interop.fhir.translate import translate

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data"
TODAY = date(2026, 11, 22)

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs the sample data in ../shared/data")


def tally(folder: str) -> tuple[Counter[str], Counter[str], list[RowError], list[PatientRow]]:
    """(rows by type, outcomes by kind and name, errors, patients) of all files of a sample folder."""
    rows: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    errors: list[RowError] = []
    patients: list[PatientRow] = []
    for path in sorted((SAMPLES / folder).glob("*.json")):
        document = read(path.read_bytes())
        for resource in document.resources():
            found = resource if isinstance(resource, RowError) else translate(resource, document.index, TODAY)
            outcomes[f"{resource.kind} {type(found).__name__}"] += 1
            if isinstance(found, RowError):
                errors.append(found)
            if isinstance(found, Translated):
                rows.update(type(row).__name__ for row in found.rows)
                patients += [row for row in found.rows if isinstance(row, PatientRow)]
    return rows, outcomes, errors, patients


def test_every_synthea_record() -> None:
    rows, outcomes, errors, patients = tally("synthea_r4")
    assert errors == []
    assert sum(outcomes.values()) == 4106
    assert rows == {
        "PatientRow": 22,
        "ObservationRow": 2035,
        "CoverageRow": 418 + 344,  # one per claim and per explanation of benefit
        "VisitRow": 344,
        "StayRow": 2,
        "ImmunizationRow": 232,
        "ProcedureRow": 214,
        "ConditionRow": 119,
        "MedicationRow": 74,
        "AllergyRow": 23,
    }
    unknown = {name.split()[0]: count for name, count in outcomes.items() if name.endswith("Unknown")}
    assert unknown == {
        "CarePlan": 41, "DiagnosticReport": 133, "Goal": 30, "ImagingStudy": 1, "Organization": 38, "Practitioner": 38,
    }  # fmt: skip
    assert len({p.record_number for p in patients}) == 22
    assert sum(p.deceased for p in patients) == 2
    assert all(
        p.birth and p.race and p.ethnicity and p.languages and p.addresses and p.points for p in patients
    )


def test_synthea_keeps_no_private_number() -> None:
    for path in sorted((SAMPLES / "synthea_r4").glob("*.json")):
        for resource in read(path.read_bytes()).resources():
            assert not isinstance(resource, RowError)
            if resource.kind == "Patient":
                assert "999-" not in resource.raw
                assert '"S999' not in resource.raw
                assert resource.left_out >= 1


def test_every_us_core_example() -> None:
    rows, outcomes, errors, _ = tally("us_core")
    assert errors == []
    assert sum(outcomes.values()) == 55
    assert rows == {"ObservationRow": 42}
    assert outcomes["Questionnaire Unknown"] == 6
    assert outcomes["QuestionnaireResponse Unknown"] == 7
