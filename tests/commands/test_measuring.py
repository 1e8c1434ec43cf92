"""What `bench` and `campaign` write into the docs, and when they say no."""

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench import table
from bench.__main__ import NAMES, as_table, main
from bench.campaigns import as_table as campaign_table
from bench.campaigns import runs_of
from bench.rounds import Ratio
from server.cli import app
from server.errors import Refused

JUNIT = """<?xml version="1.0"?><testsuites><testsuite>
<testcase classname="tests.chaos.test_a" name="test_twenty_kills" time="61.4">
  <properties><property name="count" value="20 kills | 0 lost"/></properties></testcase>
<testcase classname="tests.chaos.test_a" name="test_quiet" time="1"/>
<testcase classname="tests.chaos.test_a" name="test_it_breaks" time="2"><failure message="x"/></testcase>
<testcase classname="tests.browser.test_b" name="test_eyes" time="0"><skipped message="no browser"/></testcase>
</testsuite></testsuites>"""
PAGE = "# Measured\n\n<!-- bench -->\nOld.\n<!-- end -->\n\nBetween.\n\n<!-- campaigns -->\nOld too.\n<!-- end -->\n"


def test_a_part_of_a_page_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    page = tmp_path / "measured.md"
    page.write_text(PAGE)
    table.put(page, "campaigns", "New.")
    table.put(page, "bench", "Newer.")
    assert page.read_text() == PAGE.replace("Old too.", "New.").replace("Old.", "Newer.")
    with pytest.raises(ValueError, match="no place"):
        table.put(page, "weather", "Rain.")


def test_the_page_in_the_docs_has_both_places(tmp_path: Path) -> None:
    page = tmp_path / "measured.md"
    page.write_text((Path(__file__).parents[2] / "docs" / "measured.md").read_text())
    table.put(page, "bench", "Here.")
    table.put(page, "campaigns", "And here.")
    assert page.read_text().count("here.") == 1 == page.read_text().count("Here.")


def test_what_was_counted_and_what_did_not_pass_is_told() -> None:
    runs = runs_of(JUNIT)
    assert [(run.outcome, run.counts) for run in runs] == [
        ("passed", ("20 kills | 0 lost",)), ("passed", ()), ("failed", ()), ("skipped", ()),
    ]  # fmt: skip
    rows = campaign_table(runs, full=True).splitlines()
    assert "the promises' counts" in rows[0]
    assert rows[4:] == [
        "| twenty kills | 20 kills \\| 0 lost | 61 s |",
        "| it breaks (failed) | failed | 2 s |",
        "| eyes (skipped) | skipped | 0 s |",
    ]


def test_a_missed_gate_is_said_in_the_table_and_its_day_and_machine() -> None:
    missed = Ratio("X-1", "ours / theirs", 0.4, 0.5, 0.8, "more", "4 and 10 /s")
    met = Ratio("X-2", "milliseconds", 20, 60, 10, "less")
    rows = as_table([missed, met], "ci").splitlines()
    assert "cores" in rows[0]
    assert date.fromisoformat(rows[0].split()[2].rstrip(","))
    assert rows[4] == "| X-1 | ours / theirs | 0.4 | at least 0.5: **missed** | at least 0.8 | 4 and 10 /s |"
    assert rows[5] == "| X-2 | milliseconds | 20 | at most 60 | at most 10 |  |"


def test_a_table_of_some_benches_does_not_take_the_place_of_the_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "measured.md"
    page.write_text(PAGE)
    told = CliRunner().invoke(app, ["bench", "doors", "--table", str(page)])
    assert isinstance(told.exception, Refused)
    assert told.exception.code == "TABLE_OF_A_PART"
    with pytest.raises(SystemExit) as ended:
        main(["doors", "--table", str(page)])
    assert (ended.value.code, "of all benchmarks" in capsys.readouterr().err) == (2, True)
    assert page.read_text() == PAGE


def test_the_help_names_every_bench() -> None:
    told = " ".join(CliRunner().invoke(app, ["bench", "--help"]).output.replace("│", " ").split())
    assert ", ".join(NAMES) in told


@pytest.mark.parametrize(
    ("value", "counted", "report", "code"),
    [(5, True, True, 1), (4, True, True, 0), (5, False, True, 0), (5, False, False, 1), (4, False, False, 0)],
)
def test_a_report_fails_only_where_counts_were_compared(
    value: float, counted: bool, report: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(name: str, size: str) -> list[Ratio]:
        return [Ratio("B-3", name, value, 4, 3, "less", counted=counted)]

    monkeypatch.setattr("bench.__main__.run", run)
    assert main(["doors", *(["--report"] if report else [])]) == code
