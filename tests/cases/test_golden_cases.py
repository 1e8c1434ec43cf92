"""`carewright cases`: the shared examples, and that nothing passes in silence."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from server import cases

GOLDEN = Path(__file__).resolve().parents[2].parent / "shared" / "billing" / "golden_cases.yaml"
TWENTY: dict[str, Any] = {
    "id": "T1",
    "month": "2026-03",
    "totals": {"ccm": {"staff": 20}},
    "expect": {"lines": {"99490": 1}},
}


def run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *cases_: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    """The exit code and the report of a run over these cases."""
    path = tmp_path / "cases.yaml"
    path.write_text(yaml.safe_dump({"cases": list(cases_)}), "utf-8")
    code = cases.run([path], True)
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.skipif(not GOLDEN.exists(), reason="the shared billing cases are not beside this checkout")
def test_the_shared_examples(capsys: pytest.CaptureFixture[str]) -> None:
    code = cases.run([GOLDEN], True)
    report = json.loads(capsys.readouterr().out)
    assert report["mismatches"] == []
    assert report["malformed"] == []
    assert report["passed"] >= 49
    assert report["failed"] == len(report["not_yet"])
    assert not {later["kind"] for later in report["not_yet"]} & {"ccm", "ccm_plan", "pdcm"}
    assert len(report["manual"]) == 8
    assert code == (1 if report["not_yet"] else 0)


def test_a_case_that_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, capsys, TWENTY) == (
        0,
        {"passed": 1, "failed": 0, "mismatches": [], "not_yet": [], "malformed": [], "manual": []},
    )


def test_a_mismatch_says_what_was_expected_what_came_and_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text(yaml.safe_dump({"cases": [{**TWENTY, "totals": {"ccm": {"staff": 19}}}]}), "utf-8")
    assert cases.run([path]) == 1
    said = capsys.readouterr().out
    assert "T1 (accurate): expected 99490 x 1; got nothing (BELOW_20): other lines" in said
    assert "19 whole minutes count in March 2026; the rule asks for 20." in said
    assert said.endswith("0 passed, 1 failed\n")


def test_both_policies_are_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sixty = {
        **TWENTY,
        "facts": {"mdm": "moderate"},
        "totals": {"ccm": {"staff": 60}},
        "expect": {"lines": {"99487": 1}},
    }
    code, report = run(tmp_path, capsys, sixty)
    assert code == 1
    assert [one["policy"] for one in report["mismatches"]] == ["max"]
    better = {**sixty, "expect_max": {"lines": {"99490": 1, "99439": 2}}}
    assert run(tmp_path, capsys, better)[0] == 0


@pytest.mark.parametrize(
    ("expect", "right"),
    [
        ({"lines": {"99490": 1}, "dos": "2026-03-31"}, True),
        ({"lines": {"99490": 1}, "dos": "2026-03-30"}, False),
        ({"lines": {"99490": 2}}, False),
        ({"lines": {}}, False),
        ({"lines": {"99490": 1}, "reason": "NO_CONSENT"}, False),
    ],
)
def test_everything_expected_is_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], expect: dict[str, Any], right: bool
) -> None:
    assert (run(tmp_path, capsys, {**TWENTY, "expect": expect})[0] == 0) is right


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"minuts": 1}, "unknown key: minuts"),
        ({"kind": "astrology"}, "unknown kind astrology"),
        ({"facts": {"patience": 1}}, "unknown fact of kind ccm: patience"),
        ({"facts": {"qmb": True}}, "unknown fact of kind ccm: qmb"),
        ({"expect": {"lines": {}, "because": 1}}, "unknown key in expect: because"),
        ({"expect": {}}, "expect has no lines"),
        ({"expect_max": {"line": {}}}, "unknown key in expect_max: line"),
        ({"totals": {"ccm": {"nurse": 20}}}, "role in totals is 'nurse'"),
        ({"totals": {"ccm": {"staff": 19.5}}}, "19.5 should be a whole number"),
        ({"totals": {"ccm": {"staff": -1}}}, "-1 should be a whole number"),
        ({"totals": {"astrology": {"staff": 20}}}, "unknown program in totals: astrology"),
        ({"activities": []}, "totals and activities"),
        ({"month": "2026-13"}, "month"),
        ({"facts": {"mdm": "extreme"}}, "mdm is 'extreme'"),
        ({"facts": {"tz": "Michigan"}}, "Michigan"),
        ({"facts": {"died_on": "Tuesday"}}, "Tuesday"),
        (
            {"facts": {"facility_stays": [{"from": "2026-03-01", "until": "2026-03-02"}]}},
            "unknown key in a stay: until",
        ),
        ({"facts": {"chronic_conditions": "two"}}, "'two' should be a whole number"),
    ],
)
def test_what_is_malformed_is_named_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], named: str
) -> None:
    code, report = run(tmp_path, capsys, {**TWENTY, **change})
    assert (code, report["passed"], report["failed"]) == (1, 0, 1)
    assert report["malformed"][0]["id"] == "T1"
    assert named in report["malformed"][0]["error"]


@pytest.mark.parametrize(
    ("activity", "named"),
    [
        ({"end": "2026-03-02T09:10", "role": "staff"}, "an activity has no start"),
        ({"start": "2026-03-02T09:10", "end": "2026-03-02T09:00", "role": "staff"}, "not after its start"),
        ({"start": "2026-03-02T09:00", "end": "2026-03-02T09:10", "role": "robot"}, "role is 'robot'"),
        ({"start": "2026-03-02T09:00", "end": "2026-03-02T09:10", "role": "staff", "mood": 1}, "mood"),
        ({"start": "nine", "end": "2026-03-02T09:10", "role": "staff"}, "nine"),
    ],
)
def test_a_malformed_activity_is_named_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], activity: dict[str, Any], named: str
) -> None:
    case = {key: held for key, held in TWENTY.items() if key != "totals"}
    code, report = run(tmp_path, capsys, {**case, "activities": [activity]})
    assert code == 1
    assert named in report["malformed"][0]["error"]


@pytest.mark.parametrize(
    "text", ["", "[]", "cases: {}", "cases: [", "other: []", "cases: [7]", "cases:\n- {}"]
)
def test_a_file_of_another_form_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text, "utf-8")
    assert cases.run([path]) == 1
    assert capsys.readouterr().out.endswith("0 passed, 1 failed\n")


@pytest.mark.parametrize(
    "change",
    [
        {"facts": [1]},
        {"totals": [1]},
        {"totals": {"ccm": 20}},
        {"expect": {"lines": 5}},
        {"kind": ["a"]},
        {"month": 7},
    ],
)
def test_no_shape_stops_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any]
) -> None:
    code, report = run(tmp_path, capsys, {**TWENTY, **change}, {**TWENTY, "id": "T2"})
    assert (code, report["passed"], report["failed"]) == (1, 1, 1)
    assert report["malformed"][0]["id"] == "T1"


def test_a_kind_that_nobody_decides_is_said_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = {
        "id": "W",
        "month": "2026-03",
        "kind": "wellness",
        "facts": {"service": "wellness"},
        "expect": {"lines": {}},
    }
    code, report = run(tmp_path, capsys, TWENTY, case)
    assert (code, report["passed"], report["failed"]) == (1, 1, 1)
    assert report["not_yet"] == [
        {"id": "W", "kind": "wellness", "why": "no installed plugin decides this kind"}
    ]


def test_a_service_or_a_code_that_nobody_holds_is_said_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = {
        "id": "S",
        "month": "2026-05",
        "kind": "pdcm",
        "facts": {"service": "S0257"},
        "expect": {"lines": {}},
    }
    code, report = run(tmp_path, capsys, service, {**TWENTY, "expect": {"lines": {"99490": 1, "99457": 1}}})
    assert code == 1
    assert [later["why"] for later in report["not_yet"]] == [
        "no installed plugin decides the service S0257",
        "the installed rules do not hold 99457",
    ]


def test_manual_cases_count_on_neither_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manual = {"id": "M", "manual": True, "title": "in words", "month": "2026-03", "expect": {"note": "so"}}
    code, report = run(tmp_path, capsys, manual)
    assert (code, report["passed"], report["failed"]) == (0, 0, 0)
    assert report["manual"] == [{"id": "M", "title": "in words", "note": "so"}]


def test_a_bare_on_is_the_key_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text(
        "cases:\n- {id: P, month: '2026-05', kind: pdcm, facts: {service: phone, minutes: 12, on: 2026-05-04},"
        " expect: {lines: {98967: 1}, dos: 2026-05-04}}\n",
        "utf-8",
    )
    assert cases.run([path]) == 0
    assert capsys.readouterr().out == "1 passed, 0 failed\n"


@pytest.mark.parametrize(
    ("facts", "lines", "reason"),
    [
        ({"service": "G9002", "licensed": False, "minutes": 20}, {}, "UNLICENSED_LIMITED"),
        ({"service": "phone", "trained": False, "minutes": 20}, {}, "TEAM_MEMBER_NOT_TRAINED_6MO"),
        ({"service": "G9007", "prior_this_month": 1}, {"G9007": 1}, None),
        ({"service": "G9007", "prior_this_month": 2}, {}, "G9007_TWICE_A_MONTH"),
        ({"service": "phone", "minutes": 8, "declined": True, "product": "bcn"}, {}, "DECLINE_NOT_PAYABLE"),
        ({"service": "coordination", "minutes": 30}, {}, "BELOW_31"),
    ],
)
def test_the_second_payer(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    facts: dict[str, Any],
    lines: dict[str, int],
    reason: str | None,
) -> None:
    expect = {"lines": lines, **({"reason": reason} if reason else {})}
    case = {"id": "P", "month": "2026-05", "kind": "pdcm", "facts": facts, "expect": expect}
    assert run(tmp_path, capsys, case) == (
        0,
        {"passed": 1, "failed": 0, "mismatches": [], "not_yet": [], "malformed": [], "manual": []},
    )
