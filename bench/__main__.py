"""`python -m bench [NAME ...] [--size ci|full] [--report] [--json] [--table FILE]`: each benchmark on a fresh house, its ratios as a table.

Exits 1 if a ratio misses its gate three times in a row: one bad minute on a shared machine is no news.
"""

import argparse
import asyncio
import importlib
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.house import house
from bench.rounds import Ratio
from bench.table import put, table

NAMES = ("doors", "ledger", "rollup", "close", "demo", "pages")
_TRIES = 3


async def run(name: str, size: str) -> list[Ratio]:
    measure: Any = importlib.import_module(f"bench.{name}").measure
    async with house() as fresh:
        found: list[Ratio] = await measure(fresh, size)
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}; all when left out"
    )
    parser.add_argument(
        "--size", choices=("ci", "full"), default="ci", help="ci: minutes; full: the sizes of the targets"
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="measure once and say so; a missed gate is a failure only where counts were compared, not times",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object for programs")
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="put the table into this page, at <!-- bench -->"
    )
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.names) - set(NAMES)):
        parser.error(f"there is no benchmark called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if asked.table is not None and asked.names:
        parser.error(
            "--table writes the table of all benchmarks; of a part, it would take the place of the whole"
        )
    return measured(asked.names, asked.size, report=asked.report, as_json=asked.json, page=asked.table)


def measured(
    names: Sequence[str], size: str, *, report: bool, as_json: bool, page: Path | None = None
) -> int:
    """Run and tell; the exit code. See the command's help for what each argument means."""
    ratios: list[Ratio] = []
    for name in names or NAMES:
        tries = 1 if report else _TRIES
        for attempt in range(1, tries + 1):
            found = asyncio.run(run(name, size))
            if all(ratio.meets_gate for ratio in found) or attempt == tries:
                break
            print(f"{name}: a gate was missed, measuring again", file=sys.stderr)
        ratios += found
        if not as_json:
            for ratio in found:
                print(told(ratio), flush=True)
    if as_json:
        machine = {
            "cores": os.cpu_count(),
            "machine": platform.machine(),
            "python": platform.python_version(),
        }
        print(json.dumps({"size": size, **machine, "ratios": [asdict(ratio) for ratio in ratios]}, indent=1))
    if page is not None:
        put(page, "bench", as_table(ratios, size))
    judged = [ratio for ratio in ratios if ratio.counted or not report]
    return 0 if all(ratio.meets_gate for ratio in judged) else 1


def as_table(ratios: Sequence[Ratio], size: str) -> str:
    """Every ratio with its gate and goal, and the bare figures it came from."""
    return table(
        ["", "Ratio", "Seen", "Gate", "Goal", "Bare figures"],
        [
            [
                ratio.id,
                ratio.what,
                f"{ratio.value:.3g}",
                _bound(ratio, ratio.gate),
                _bound(ratio, ratio.goal),
                ratio.note,
            ]
            for ratio in ratios
        ],
        on=datetime.now(UTC).date(),
        of="CI's size" if size == "ci" else "the targets' size",
    )


def _bound(ratio: Ratio, bound: float | None) -> str:
    if bound is None:
        return "-"
    word = f"{'at least' if ratio.better == 'more' else 'at most'} {bound:g}"
    return word if bound != ratio.gate or ratio.meets_gate else f"{word}: **missed**"


def told(ratio: Ratio) -> str:
    bound = "reported" if ratio.gate is None else f"{'>=' if ratio.better == 'more' else '<='} {ratio.gate:g}"
    verdict = "" if ratio.gate is None else "  ok" if ratio.meets_gate else "  MISSED"
    note = f"  ({ratio.note})" if ratio.note else ""
    return f"{ratio.id:<4} {ratio.value:>9.3f}  {bound:<9}{verdict:<8} {ratio.what}{note}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
