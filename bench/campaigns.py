"""The slow tests, run and told: kills, storms, fuzzing and the browser. `carewright campaign` calls `run`."""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.table import put, table

_ROOT = Path(__file__).resolve().parent.parent
MARKS = {"yes": "campaign", "no": "campaign and not browser", "must": "campaign"}


@dataclass(frozen=True, slots=True)
class Run:
    """One campaign as it went. counts: what it says of itself, often nothing. outcome: passed, failed or skipped."""

    name: str
    seconds: float
    outcome: str
    counts: tuple[str, ...]


def runs_of(junit: str) -> list[Run]:
    """What pytest's JUnit file (xunit1) tells, in the order they ran."""
    return [
        Run(
            case.get("name", ""),
            float(case.get("time", "0")),
            next((word for tag, word in _OUTCOMES.items() if case.find(tag) is not None), "passed"),
            tuple(p.get("value", "") for p in case.iter("property") if p.get("name") == "count"),
        )
        for case in ET.fromstring(junit).iter("testcase")
    ]


_OUTCOMES = {"failure": "failed", "error": "failed", "skipped": "skipped"}


def as_table(runs: Sequence[Run], *, full: bool) -> str:
    """Those that counted something, and all that did not pass."""
    told = [run for run in runs if run.counts or run.outcome != "passed"]
    rows = [[_words(run), "; ".join(run.counts) or run.outcome, f"{run.seconds:.0f} s"] for run in told]
    size = "the promises' counts" if full else "the counts of CI"
    return table(["Campaign", "What it counted", "Took"], rows, on=datetime.now(UTC).date(), of=size)


def _words(run: Run) -> str:
    name = run.name.removeprefix("test_").replace("_", " ")
    return name if run.outcome == "passed" else f"{name} ({run.outcome})"


def run(
    words: Sequence[str], *, full: bool, browser: str, page: Path | None = None, junit: Path | None = None
) -> int:
    """Run the campaigns whose name or file has one of `words` (all without words); pytest's exit code.

    browser: yes (if there is one), no, or must (a browser's test that is skipped is a failure). page: where the counts
    are put as a table. junit: where pytest's own report is kept.
    """
    with tempfile.TemporaryDirectory() as scratch:
        report = junit or Path(scratch) / "campaigns.xml"
        code = subprocess.run(
            [
                sys.executable, "-P", "-m", "pytest", "-q", "-m", MARKS[browser], "--timeout", "900",
                "--durations=10", f"--junitxml={report}", "-o", "junit_family=xunit1",
                *(["-k", " or ".join(words)] if words else []),
            ],
            cwd=_ROOT, env=_environment(full, browser == "must"), check=False,
        ).returncode  # fmt: skip
        if code in (0, 1) and page is not None:
            put(page, "campaigns", as_table(runs_of(report.read_text("utf-8")), full=full))
    return code


def _environment(full: bool, browser: bool) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(_ROOT),
        **({"CAREWRIGHT_CAMPAIGN": "full"} if full else {}),
        **({"CAREWRIGHT_REQUIRE_BROWSER": "1"} if browser else {}),
    }
