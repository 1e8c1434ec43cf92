"""Files come in: through the command's and the pages' one function, looked at from behind the doors."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from sqlalchemy.ext.asyncio import AsyncEngine

from server.errors import Refused
from server.interop.fhir.reader import Limits
from server.interop.fhir_import import ImportReport, Incoming, bring_in, files_at, import_files

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs the sample data in ../shared/data")

PERSON_TABLES = (
    "patient",
    "patient_identifier",
    "contact_way",
    "address",
    "support_person",
    "care_team_member",
)
CHART_TABLES = ("condition", "medication", "allergy", "observation", "visit", "procedure", "stay")
TABLES = (*PERSON_TABLES, *CHART_TABLES, "coverage", "payer", "raw_record")

LOINC = "http://loinc.org"
SUBJECT = {"reference": "Patient/ruth"}


def patient(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "ruth",
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "system": "urn:clinic", "value": "A-17"}],
        "name": [{"family": "Okafor", "given": ["Ruth"]}],
        "birthDate": "1948-03-09",
        "gender": "female",
        "telecom": [{"system": "phone", "value": "(313) 555-0143", "use": "home"}],
        "address": [{"line": ["5 Elm St"], "city": "Detroit", "state": "MI", "postalCode": "48201"}],
        "contact": [{"relationship": [{"text": "Daughter"}], "name": {"text": "Grace Okafor"}}],
    } | more


def observation(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "subject": SUBJECT,
        "code": {"coding": [{"system": LOINC, "code": "4548-4", "display": "Hemoglobin A1c"}]},
        "valueQuantity": {"value": 7.1, "unit": "%"},
        "effectiveDateTime": "2026-02-03",
    } | more


def encounter(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "finished",
        "class": {"code": "IMP"},
        "subject": SUBJECT,
        "period": {"start": "2026-03-01T10:00:00-05:00", "end": "2026-03-04T11:30:00-05:00"},
    } | more


def bundle(*resources: Any) -> bytes:
    entries = [{"resource": each} for each in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


async def take(world: World, *resources: Any, who: str = "ada", **options: Any) -> ImportReport:
    return await bring_in(world.actor(who), [Incoming("people.json", bundle(*resources))], **options)


async def table(behind: AsyncEngine, world: World, name: str) -> list[dict[str, Any]]:
    """A practice's rows of a table, as the database holds them."""
    async with behind.connect() as connection:
        found = await connection.execute(
            sa.text(f'select * from "{name}" where tenant_id = :tenant order by id'),
            {"tenant": world.tenant_id},
        )
        return [dict(row) for row in found.mappings()]


async def everything(behind: AsyncEngine, world: World) -> dict[str, list[dict[str, Any]]]:
    return {name: await table(behind, world, name) for name in TABLES}


async def issues(behind: AsyncEngine, world: World, severity: str) -> list[str]:
    return [
        row["sentence"] for row in await table(behind, world, "import_issue") if row["severity"] == severity
    ]


@pytest.fixture
async def nobody_there(behind: AsyncEngine, hillcrest: World) -> AsyncIterator[None]:
    before = await everything(behind, hillcrest)
    yield
    assert await everything(behind, hillcrest) == before


# --- the real sample data -------------------------------------------------------------------------------------


@needs_samples
async def test_the_22_bundles_come_in_and_a_second_run_changes_nothing(
    lakeside: World, behind: AsyncEngine, nobody_there: None
) -> None:
    files = files_at([SAMPLES / "synthea_r4"])
    steps: list[tuple[int, int]] = []
    report = await bring_in(
        lakeside.actor("ada"), files, advance=lambda done, total: steps.append((done, total))
    )
    assert report.refused == ()
    totals = {word: report.total(word) for word in ("added", "errors", "unknown", "waiting", "changed")}
    assert totals == {"added": 3825, "errors": 0, "unknown": 281, "waiting": 0, "changed": 0}
    assert report.issues == 5  # four payers new here, and coverage read from bills, told once
    first = await everything(behind, lakeside)
    assert {
        name: len(rows) for name, rows in first.items() if name in (*CHART_TABLES, "patient", "raw_record")
    } == {
        "patient": 22,
        "condition": 119,
        "medication": 74,
        "allergy": 23,
        "observation": 2035,
        "visit": 342,
        "stay": 2,
        "procedure": 214 + 232,
        "raw_record": 4088,  # some hospitals and clinicians stand in several bundles
    }
    assert not any("999-" in row["body"] for row in first["raw_record"] if row["kind"] == "Patient")
    assert steps[-1][0] == steps[-1][1] > 14_000_000
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)

    again = await bring_in(lakeside.actor("ada"), files)
    assert again.total("same") == 3825
    assert {word: again.total(word) for word in ("added", "changed", "errors", "retracted")} == dict.fromkeys(
        ("added", "changed", "errors", "retracted"), 0
    )
    assert await everything(behind, lakeside) == first


@needs_samples
async def test_the_us_core_examples_wait_for_the_person_they_are_about(
    lakeside: World, behind: AsyncEngine
) -> None:
    files = files_at([SAMPLES / "us_core"])
    report = await bring_in(lakeside.actor("ada"), files)
    assert report.refused == ()
    assert (report.total("waiting"), report.total("unknown"), report.total("errors")) == (42, 13, 0)
    assert len(await table(behind, lakeside, "raw_record")) == 55
    (said,) = await issues(behind, lakeside, "finding")
    assert said == "1 record is about the patient example, who is not here. (The same in 42 files.)"
    assert report.issues == 1
    assert await table(behind, lakeside, "observation") == []

    amy = Incoming("Patient-example.json", json.dumps(patient(id="example")).encode())
    report = await bring_in(lakeside.actor("ada"), [*files, amy])
    assert (report.total("waiting"), report.total("added")) == (0, 43)
    stored = await table(behind, lakeside, "observation")
    assert len(stored) == 42
    total = next(row for row in stored if row["code"] == "44261-6")
    assert (total["code_system"], total["value_text"], total["category"]) == (LOINC, "12", "survey")


@needs_samples
async def test_the_command(lakeside: World, behind: AsyncEngine, tmp_path: Path) -> None:
    whole = next((SAMPLES / "synthea_r4").glob("Abdul*.json")).read_bytes()
    (tmp_path / "whole.json").write_bytes(whole)
    (tmp_path / "cut.json").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "notes.txt").write_text("not ours")
    answer = await import_files([tmp_path], lakeside.slug, lambda done, total: None)
    assert answer["failed"]
    assert [each["code"] for each in answer["refused"]] == ["FHIR_TRUNCATED"]
    assert answer["counts"]["Patient"] == {"added": 1}
    assert "numbers were not kept" in answer["says"]
    assert json.loads(json.dumps(answer)) == answer
    assert len(await table(behind, lakeside, "patient")) == 1
    with pytest.raises(Refused, match="NO_SUCH_PRACTICE"):
        await import_files([tmp_path], "nowhere", lambda done, total: None)
    with pytest.raises(Refused, match="NOTHING_TO_IMPORT"):
        await import_files([tmp_path / "none"], lakeside.slug, lambda done, total: None) if (
            tmp_path / "none"
        ).mkdir() is None else None


# --- what a person becomes ------------------------------------------------------------------------------------


async def test_a_person_with_all_that_hangs_on_them(
    lakeside: World, behind: AsyncEngine, nobody_there: None
) -> None:
    await take(lakeside, patient(), source="clinic")
    (ruth,) = await table(behind, lakeside, "patient")
    assert (ruth["family_name"], ruth["given_names"], ruth["record_number"]) == ("Okafor", "Ruth", "A-17")
    assert (ruth["family_key"], str(ruth["birth_date"]), ruth["sex"], ruth["source"]) == (
        "okafor",
        "1948-03-09",
        "female",
        "clinic",
    )
    names = {(row["system"], row["value"]) for row in await table(behind, lakeside, "patient_identifier")}
    assert names == {("clinic/Patient", "ruth"), ("urn:clinic", "A-17")}
    (way,) = await table(behind, lakeside, "contact_way")
    assert (way["kind"], way["value"], way["search_key"], way["message_ok"]) == (
        "phone",
        "(313) 555-0143",
        "3410555313",
        False,
    )
    (grace,) = await table(behind, lakeside, "support_person")
    assert (grace["name"], grace["kind"], grace["may_discuss"]) == ("Grace Okafor", "family", "")
    (address,) = await table(behind, lakeside, "address")
    assert (address["street"], address["zip"], address["to_on"]) == ("5 Elm St", "48201", None)


async def test_what_the_source_changes_is_taken_and_what_was_mended_here_stays(
    lakeside: World, behind: AsyncEngine
) -> None:
    await take(lakeside, patient())
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update patient set preferred_name = 'Ruthie', sex = 'other' where tenant_id = :tenant"),
            {"tenant": lakeside.tenant_id},
        )
    moved = patient(
        name=[{"family": "Okafor-Bell", "given": ["Ruth"]}],
        gender="unknown",
        telecom=[{"system": "phone", "value": "313-555-0200", "use": "mobile"}],
        address=[{"line": ["9 Oak Ave"], "city": "Detroit", "state": "MI", "postalCode": "48202"}],
    )
    assert {row["word"] for row in await table(behind, lakeside, "patient_word")} == {"okafor", "ruth"}
    report = await take(lakeside, moved)
    found = {row["word"] for row in await table(behind, lakeside, "patient_word")}
    assert found == {"okafor", "bell", "ruth", "ruthie"}
    assert report.counts["Patient"] == {"changed": 1}
    (ruth,) = await table(behind, lakeside, "patient")
    assert (ruth["family_name"], ruth["family_key"], ruth["preferred_name"], ruth["revision"]) == (
        "Okafor-Bell",
        "okafor bell",
        "Ruthie",
        2,
    )
    assert ruth["sex"] == "other"
    assert any(
        "another sex than is written here" in said for said in await issues(behind, lakeside, "finding")
    )
    ways = {way["value"]: way["active"] for way in await table(behind, lakeside, "contact_way")}
    assert ways == {"(313) 555-0143": False, "313-555-0200": True}
    ended = {each["street"]: each["to_on"] is not None for each in await table(behind, lakeside, "address")}
    assert ended == {"5 Elm St": True, "9 Oak Ave": False}
    assert len(await table(behind, lakeside, "raw_record")) == 2

    before = await everything(behind, lakeside)
    assert (await take(lakeside, moved)).counts["Patient"] == {"same": 1}
    assert await everything(behind, lakeside) == before

    # Back to the first version: taken again, and once more without effect.
    assert (await take(lakeside, patient())).counts["Patient"] == {"changed": 1}
    assert (await table(behind, lakeside, "patient"))[0]["family_name"] == "Okafor"
    before = await everything(behind, lakeside)
    assert (await take(lakeside, patient())).counts["Patient"] == {"same": 1}
    assert await everything(behind, lakeside) == before


async def test_the_same_person_from_a_second_system_is_found_by_record_number(
    lakeside: World, behind: AsyncEngine
) -> None:
    await take(lakeside, patient(), source="clinic")
    other = patient(id="77", maritalStatus={"text": "Widowed"}, gender="male")
    report = await take(lakeside, other, observation(subject={"reference": "Patient/77"}), source="hospital")
    assert report.counts == {"Observation": {"added": 1}, "Patient": {"changed": 1}}
    (ruth,) = await table(behind, lakeside, "patient")
    assert (ruth["marital_status"], ruth["sex"]) == ("Widowed", "female")
    assert (await table(behind, lakeside, "observation"))[0]["patient_id"] == ruth["id"]


async def test_the_same_number_on_someone_else_changes_nothing_and_takes_no_facts(
    lakeside: World, behind: AsyncEngine
) -> None:
    await take(lakeside, patient())
    stranger = patient(name=[{"family": "Silva", "given": ["Tom"]}], birthDate="1990-01-01", identifier=[])
    report = await take(lakeside, stranger, observation())
    assert report.total("errors") == 1
    assert report.counts["Observation"] == {"waiting": 1}
    (ruth,) = await table(behind, lakeside, "patient")
    assert ruth["family_name"] == "Okafor"
    assert await table(behind, lakeside, "observation") == []
    assert "belongs to Ruth Okafor" in (await issues(behind, lakeside, "error"))[0]


async def test_a_likely_double_is_said_and_never_joined(lakeside: World, behind: AsyncEngine) -> None:
    await take(lakeside, patient(), source="clinic")
    await take(lakeside, patient(id="r2", identifier=[]), source="hospital")
    numbers = [row["record_number"] for row in await table(behind, lakeside, "patient")]
    assert numbers == ["A-17", "CW-000001"]
    assert any("same name and birth date" in said for said in await issues(behind, lakeside, "finding"))


async def test_one_person_twice_in_a_file_is_one_person(lakeside: World, behind: AsyncEngine) -> None:
    report = await take(lakeside, patient(), patient(id="again", gender="male"), patient(), observation())
    assert len(await table(behind, lakeside, "patient")) == 1
    assert report.counts["Observation"] == {"added": 1}


async def test_a_record_may_come_before_the_person_it_is_about(lakeside: World, behind: AsyncEngine) -> None:
    report = await take(lakeside, observation(), patient())
    assert report.counts == {"Observation": {"added": 1}, "Patient": {"added": 1}}
    conditional = observation(id="o2", subject={"reference": "Patient?identifier=urn:clinic|A-17"})
    assert (await take(lakeside, conditional)).counts == {"Observation": {"added": 1}}


async def test_the_files_of_a_bulk_export_in_any_order(lakeside: World, behind: AsyncEngine) -> None:
    hospital = {"resourceType": "Organization", "id": "h", "name": "St. Mary's"}
    visits = encounter(serviceProvider={"reference": "Organization/h"})

    def lines(*resources: Any) -> bytes:
        return "\n".join(json.dumps(each) for each in resources).encode()

    report = await bring_in(
        lakeside.actor("ada"),
        [
            Incoming("Encounter.ndjson", lines(visits, encounter(id="e2"))),
            Incoming("Organization.ndjson", lines(hospital, hospital | {"id": "h2"})),
            Incoming("Patient.ndjson", lines(patient(), patient(id="p2", identifier=[]))),
        ],
    )
    assert [each.name for each in report.files] == [
        "Patient.ndjson",
        "Organization.ndjson",
        "Encounter.ndjson",
    ]
    assert report.total("waiting") == 0
    assert {row["facility"] for row in await table(behind, lakeside, "stay")} == {"St. Mary's", ""}


# --- what a chart becomes -------------------------------------------------------------------------------------


async def test_a_changed_fact_replaces_the_old_one_and_knows_where_it_came_from(
    lakeside: World, behind: AsyncEngine
) -> None:
    await take(lakeside, patient(), observation(), source="clinic")
    (before,) = await table(behind, lakeside, "observation")
    assert (before["source"], before["source_kind"], before["source_id"]) == ("clinic", "Observation", "o1")
    assert before["at"].isoformat() == "2026-02-03T05:00:00+00:00"  # midnight in Detroit
    report = await take(
        lakeside, observation(status="corrected", valueQuantity={"value": 7.4, "unit": "%"}), source="clinic"
    )
    assert report.counts == {"Observation": {"changed": 1}}
    (after,) = await table(behind, lakeside, "observation")
    assert (after["id"], after["status"], float(after["value"])) == (before["id"], "corrected", 7.4)
    raws = {row["id"]: row for row in await table(behind, lakeside, "raw_record")}
    assert json.loads(raws[after["raw_id"]]["body"])["status"] == "corrected"
    assert json.loads(raws[before["raw_id"]]["body"])["status"] == "final"


async def test_the_same_id_from_an_unnamed_second_system_moves_nothing(
    lakeside: World, behind: AsyncEngine
) -> None:
    tom = patient(id="tom", identifier=[], name=[{"family": "Silva"}])
    await take(lakeside, patient(), tom, observation())
    theirs = observation(subject={"reference": "Patient/tom"}, status="preliminary")
    assert (await take(lakeside, theirs)).counts == {"Observation": {"errors": 1}}
    (row,) = await table(behind, lakeside, "observation")
    assert row["status"] == "final"
    assert "about someone else" in (await issues(behind, lakeside, "error"))[0]


async def test_an_older_export_does_not_undo_a_newer_one(lakeside: World, behind: AsyncEngine) -> None:
    newer = observation(status="corrected", meta={"lastUpdated": "2026-05-01T00:00:00Z"})
    await take(lakeside, patient(), newer)
    await take(lakeside, observation(meta={"lastUpdated": "2026-04-01T00:00:00Z"}))
    assert [row["status"] for row in await table(behind, lakeside, "observation")] == ["corrected"]
    assert any("older than the one" in said for said in await issues(behind, lakeside, "finding"))


async def test_entered_in_error_retracts_and_a_correction_brings_back(
    lakeside: World, behind: AsyncEngine
) -> None:
    await take(lakeside, patient(), observation())
    report = await take(lakeside, observation(status="entered-in-error"))
    assert report.counts == {"Observation": {"retracted": 1}}
    assert [row["retracted"] for row in await table(behind, lakeside, "observation")] == [True]
    assert (await take(lakeside, observation(status="entered-in-error"))).counts == {
        "Observation": {"same": 1}
    }
    assert (await take(lakeside, observation())).counts == {"Observation": {"same": 1}}
    assert [row["retracted"] for row in await table(behind, lakeside, "observation")] == [True]
    await take(lakeside, observation(status="amended"))
    assert [row["retracted"] for row in await table(behind, lakeside, "observation")] == [False]


async def test_an_encounter_that_becomes_a_stay_is_told_once(lakeside: World, behind: AsyncEngine) -> None:
    await take(lakeside, patient(), encounter(**{"class": {"code": "EMER"}}))
    assert [row["kind"] for row in await table(behind, lakeside, "visit")] == ["emergency"]
    await take(lakeside, encounter())
    assert [row["retracted"] for row in await table(behind, lakeside, "visit")] == [True]
    assert [row["retracted"] for row in await table(behind, lakeside, "stay")] == [False]


async def test_row_errors_are_reported_and_the_rest_comes_in(lakeside: World, behind: AsyncEngine) -> None:
    report = await take(
        lakeside,
        patient(),
        patient(id="feb30", birthDate="1956-02-30", identifier=[]),
        patient(id="unborn", birthDate=None, identifier=[]),
        observation(),
        observation(id="o2", effectiveDateTime="2026-13-01"),
        observation(id="o3", note=[{"text": "damage \x00 here"}]),
        observation(id="o4", subject={"reference": "Patient/feb30"}),
        encounter(period={"end": "2026-03-04"}),
        {"resourceType": "Goal", "id": "g"},
    )
    assert report.counts == {
        "Encounter": {"errors": 1},
        "Goal": {"unknown": 1},
        "Observation": {"added": 1, "errors": 2, "waiting": 1},
        "Patient": {"added": 1, "errors": 2},
    }
    told = await issues(behind, lakeside, "error")
    assert any("February 1956 has 29 days" in said for said in told)
    assert any("no birth date" in said for said in told)
    assert any("month 13" in said for said in told)
    assert any("no text may contain" in said for said in told)
    assert any("does not say when it began" in said for said in told)
    raws = await table(behind, lakeside, "raw_record")
    assert len(raws) == 9
    assert {row["kind"]: row["understood"] for row in raws}["Goal"] is False


async def test_the_same_fault_many_times_is_told_once_with_a_count(
    lakeside: World, behind: AsyncEngine
) -> None:
    wrong = [observation(id=f"o{n}", status="odd") for n in range(300)]
    report = await take(lakeside, patient(), *wrong)
    assert report.total("errors") == 300
    (told,) = await issues(behind, lakeside, "error")
    assert told.endswith("(And 299 more like it.)")


async def test_components_and_numbers_beyond_the_column(lakeside: World, behind: AsyncEngine) -> None:
    def part(code: str, value: float) -> dict[str, Any]:
        coding = {"coding": [{"system": LOINC, "code": code}], "text": code}
        return {"code": coding, "valueQuantity": {"value": value, "unit": "mm[Hg]"}}

    pressure = observation(valueQuantity=None, component=[part("8480-6", 148.5), part("8462-4", 92)])
    huge = observation(id="o2", valueQuantity={"value": 10**13, "unit": "x"})
    bounded = observation(id="o3", valueQuantity={"value": 14, "comparator": ">", "unit": "%"})
    await take(lakeside, patient(), pressure, huge, bounded)
    rows = {row["source_id"]: row for row in await table(behind, lakeside, "observation")}
    assert [(c["code"], c["value"], c["unit"]) for c in rows["o1"]["components"]] == [
        ("8480-6", "148.5", "mm[Hg]"),
        ("8462-4", "92", "mm[Hg]"),
    ]
    assert (rows["o2"]["value"], rows["o2"]["value_text"]) == (None, "10000000000000 x")
    assert (rows["o3"]["value"], rows["o3"]["value_text"]) == (14, ">14 %")


async def test_a_date_known_in_part_says_so(lakeside: World, behind: AsyncEngine) -> None:
    condition = {
        "resourceType": "Condition", "id": "c", "subject": SUBJECT, "onsetDateTime": "1998",
        "code": {"coding": [
            {"system": "http://snomed.info/sct", "code": "44054006", "display": "Diabetes type 2"},
            {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9"},
        ]},
    }  # fmt: skip
    await take(lakeside, patient(), condition)
    (row,) = await table(behind, lakeside, "condition")
    assert (str(row["onset_on"]), row["note"]) == ("1998-01-01", "Began 1998; the day is not known.")
    assert (row["code"], row["label"]) == ("E11.9", "Diabetes type 2")


# --- who stands by them, who pays -----------------------------------------------------------------------------


async def test_related_persons_and_care_teams_come_in_once(lakeside: World, behind: AsyncEngine) -> None:
    femi = {
        "resourceType": "RelatedPerson", "id": "r", "patient": SUBJECT, "name": [{"text": "Femi Okafor"}],
        "relationship": [{"text": "son, legal guardian"}], "telecom": [{"system": "phone", "value": "313-555-0199"}],
    }  # fmt: skip
    team = {
        "resourceType": "CareTeam", "id": "t", "status": "active", "subject": SUBJECT, "period": {"start": "2026-01-05"},
        "participant": [
            {"role": [{"text": "Cardiologist"}], "member": {"reference": "Practitioner/x", "display": "Dr. Hart"}},
            {"role": [{"text": "Patient"}], "member": SUBJECT | {"display": "Ruth"}},
        ],
    }  # fmt: skip
    await take(lakeside, patient(contact=[]), femi, team)
    (supporter,) = await table(behind, lakeside, "support_person")
    assert (supporter["legal_role"], supporter["phone"], supporter["may_discuss"]) == (
        "guardian",
        "313-555-0199",
        "",
    )
    (member,) = await table(behind, lakeside, "care_team_member")
    assert (member["name"], member["part"], str(member["from_on"])) == (
        "Dr. Hart",
        "Cardiologist",
        "2026-01-05",
    )
    before = await everything(behind, lakeside)
    await take(lakeside, femi | {"active": True}, team)
    after = await everything(behind, lakeside)
    assert {n: r for n, r in after.items() if n != "raw_record"} == {
        n: r for n, r in before.items() if n != "raw_record"
    }


async def test_coverage_records(lakeside: World, behind: AsyncEngine) -> None:
    coverage = {
        "resourceType": "Coverage", "id": "v", "status": "active", "beneficiary": SUBJECT, "subscriberId": "M1",
        "payor": [{"display": "Medicare part b"}], "period": {"start": "2013-03-01"}, "order": 1,
    }  # fmt: skip
    await take(lakeside, patient(), coverage)
    (row,) = await table(behind, lakeside, "coverage")
    assert row["payer_id"] == lakeside.payers["medicare_part_b"]
    assert (row["member_id"], str(row["from_on"]), row["to_on"]) == ("M1", "2013-03-01", None)
    ended = coverage | {"period": {"start": "2013-03-01", "end": "2026-06-30"}}
    assert (await take(lakeside, ended)).counts == {"Coverage": {"changed": 1}}
    (row,) = await table(behind, lakeside, "coverage")
    assert str(row["to_on"]) == "2026-06-30"


async def test_bills_show_who_paid_and_the_latest_is_taken_as_paying(
    lakeside: World, behind: AsyncEngine
) -> None:
    def bill(number: int, payer: str, day: str) -> dict[str, Any]:
        return {
            "resourceType": "Claim", "id": f"b{number}", "patient": SUBJECT, "billablePeriod": {"start": day, "end": day},
            "insurance": [{"focal": True, "coverage": {"display": payer}}],
        }  # fmt: skip

    bills = [
        bill(1, "private", "2010-01-05"),
        bill(2, "private", "2014-02-01"),
        bill(3, "Acme Mutual", "2020-06-01"),
    ]
    report = await take(lakeside, patient(), *bills)
    assert report.counts["Claim"] == {"added": 3}
    rows = {row["payer_id"]: row for row in await table(behind, lakeside, "coverage")}
    new = [row for row in await table(behind, lakeside, "payer") if row["name"] == "private"]
    assert [row["kind"] for row in new] == [""]
    private, acme = rows[new[0]["id"]], rows[lakeside.payers["unknown"]]
    assert (str(private["from_on"]), str(private["to_on"])) == ("2010-01-05", "2014-02-01")
    assert (str(acme["from_on"]), acme["to_on"]) == ("2020-06-01", None)
    said = await issues(behind, lakeside, "finding")
    assert any("“private” is new here" in sentence for sentence in said)
    assert any("read from old bills" in sentence for sentence in said)
    await take(lakeside, bill(9, "no_insurance", "2024-01-01"))
    assert len(await table(behind, lakeside, "coverage")) == 2
    await take(lakeside, bill(0, "private", "2008-01-01"))
    assert min(str(row["from_on"]) for row in await table(behind, lakeside, "coverage")) == "2008-01-01"


# --- refusals and walls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (bundle(patient(), observation())[:-40], "FHIR_TRUNCATED"),
        (bundle(patient(), {"resourceType": "Encounter", "class": [{}]}), "FHIR_VERSION"),
        (
            f"{json.dumps(patient())}\n{json.dumps({'resourceType': 'Transport'})}\n{{}}".encode(),
            "FHIR_VERSION",
        ),
        (b'{"resourceType":"Patient","id":"a","id":"b"}', "FHIR_DUPLICATE_KEY"),
        (b"", "FHIR_EMPTY"),
        (b"<Patient/>", "FHIR_NOT_JSON"),
    ],
)
async def test_a_refused_file_changes_nothing_and_leaves_its_reason(
    lakeside: World, behind: AsyncEngine, data: bytes, code: str
) -> None:
    before = await everything(behind, lakeside)
    report = await bring_in(lakeside.actor("ada"), [Incoming("x.json", data)])
    assert [each.refused.code for each in report.refused if each.refused] == [code]
    assert await everything(behind, lakeside) == before
    assert len(await issues(behind, lakeside, "error")) == 1
    assert [row["state"] for row in await table(behind, lakeside, "import_batch")] == ["refused"]


async def test_a_refused_file_does_not_stop_the_others(lakeside: World, behind: AsyncEngine) -> None:
    report = await bring_in(
        lakeside.actor("ada"),
        [
            Incoming("bad.json", b"{"),
            Incoming("gone.json", Path("/nowhere/gone.json")),
            Incoming("good.json", bundle(patient())),
        ],
        limits=Limits(),
    )
    assert {each.name: each.refused is not None for each in report.files} == {
        "bad.json": True,
        "gone.json": True,
        "good.json": False,
    }
    assert [row["state"] for row in await table(behind, lakeside, "import_batch")] == ["done"]


@pytest.mark.parametrize("who", ["mona", "bill", "fred"])
async def test_only_those_who_may_bring_in(lakeside: World, behind: AsyncEngine, who: str) -> None:
    with pytest.raises(Refused, match="NOT_ALLOWED"):
        await take(lakeside, patient(), who=who)
    assert await table(behind, lakeside, "import_batch") == []


async def test_two_practices_take_the_same_file_and_share_nothing(
    lakeside: World, hillcrest: World, behind: AsyncEngine
) -> None:
    for world in (lakeside, hillcrest):
        assert (await take(world, patient(), observation())).total("added") == 2
    for world in (lakeside, hillcrest):
        assert len(await table(behind, world, "patient")) == 1
        assert len(await table(behind, world, "raw_record")) == 2


async def test_two_imports_at_once_make_one_of_each(lakeside: World, behind: AsyncEngine) -> None:
    import asyncio

    reports = await asyncio.gather(*(take(lakeside, patient(), observation()) for _ in range(5)))
    assert sorted(report.total("added") for report in reports) == [0, 0, 0, 0, 2]
    assert len(await table(behind, lakeside, "patient")) == 1


async def test_every_import_is_written_down(lakeside: World, behind: AsyncEngine) -> None:
    report = await take(lakeside, patient(), observation())
    (ruth,) = await table(behind, lakeside, "patient")
    notes: Sequence[dict[str, Any]] = await table(behind, lakeside, "audit_event")
    assert any(
        note["entity_ids"] == [report.batch_id] and note["patient_ids"] == [ruth["id"]] for note in notes
    )
