"""The numbers: no gaps, no overlaps, nothing final after 2026, and the same as the shared tables."""

import csv
import subprocess
import sys
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from billing_medicare.plugin import RULES
from billing_medicare.rules.book import BOOK
from carewright_plugin_api.effective import rule_set_hash
from carewright_plugin_api.examples import typical_month

PLUGIN = Path(__file__).resolve().parents[1]
SHARED = PLUGIN.parents[1].parent / "shared" / "billing"
needs_shared = pytest.mark.skipif(
    not SHARED.exists(), reason="the shared billing tables are not beside this checkout"
)


def test_no_gaps_and_no_overlaps() -> None:
    assert BOOK.problems() == []


def test_every_code_and_ladder_ends_in_a_proposal_that_cannot_be_billed_on() -> None:
    for name in (*BOOK.names("ladder."), *BOOK.names("code.")):
        last = BOOK.history(name)[-1]
        assert last.status == "PROPOSED" or last.ends is not None, name
        assert all(
            row.ends is not None and row.ends <= date(2026, 12, 31)
            for row in BOOK.history(name)
            if row.status == "FINAL"
        )


def test_the_manifest_says_who_answers() -> None:
    manifest = RULES.manifest
    assert {"99490", "99439", "G2058"} <= set(manifest.codes)
    assert manifest.oldest_review == BOOK.oldest_review <= date(2026, 11, 22)
    assert manifest.rule_set_hash == rule_set_hash("billing_medicare")
    assert [kind.key for kind in manifest.payers] == ["medicare_part_b"]


def test_the_version_is_the_package_s() -> None:
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text("utf-8"))["project"]
    assert RULES.manifest.version == project["version"]


def test_every_row_has_a_source_and_a_unit() -> None:
    rows = [row for name in BOOK.names() for row in BOOK.history(name)]
    assert rows
    assert all(row.citation.title and row.unit and row.citation.reviewed_on for row in rows)


@needs_shared
def test_the_committed_files_are_what_the_tables_say() -> None:
    run = subprocess.run(
        [sys.executable, str(PLUGIN / "convert.py"), "--check", str(SHARED)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout


@needs_shared
def test_a_table_that_differs_is_noticed(tmp_path: Path) -> None:
    for name in (
        "medicare_codes.yaml",
        "labels.csv",
        "mue_2026Q2.csv",
        "medicare_rates.csv",
        "exclusions.yaml",
    ):
        text = (SHARED / name).read_text("utf-8")
        (tmp_path / name).write_text(text.replace("99439,2,2,", "99439,3,2,"), "utf-8")
    run = subprocess.run(
        [sys.executable, str(PLUGIN / "convert.py"), "--check", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 1
    assert "mue.yaml: differs" in run.stdout


@needs_shared
def test_every_rate_of_our_codes_is_found_on_its_days() -> None:
    months = {kind: typical_month() for kind in ("standard", "qualifying")}
    seen = 0
    with (SHARED / "medicare_rates.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["code"] not in RULES.manifest.codes or row["cf_kind"] == "QP":
                continue
            for day in (row["effective_from"], row["effective_to"]):
                fee = RULES.fees(row["code"], months["standard"], date.fromisoformat(day))
                assert fee is not None
                assert fee.amount == Decimal(row["national_nonfac"]), (row["code"], day)
                seen += 1
    assert seen >= 2 * 7 * 5
