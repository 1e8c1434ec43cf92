"""`python -m bench [NAME ...] [--size ci|full] [--report] [--json]`: each benchmark on a fresh house, its ratios as a table.

Exits 1 if a ratio misses its gate three times in a row: one bad minute on a shared machine is no news.
"""

import argparse
import asyncio
import importlib
import json
import os
import platform
import sys
from dataclasses import asdict
from typing import Any

from bench.house import house
from bench.rounds import Ratio

NAMES = ("doors", "ledger", "rollup", "close")
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
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.names) - set(NAMES)):
        parser.error(f"there is no benchmark called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    ratios: list[Ratio] = []
    for name in asked.names or NAMES:
        tries = 1 if asked.report else _TRIES
        for attempt in range(1, tries + 1):
            found = asyncio.run(run(name, asked.size))
            if all(ratio.meets_gate for ratio in found) or attempt == tries:
                break
            print(f"{name}: a gate was missed, measuring again", file=sys.stderr)
        ratios += found
        if not asked.json:
            for ratio in found:
                print(told(ratio), flush=True)
    if asked.json:
        machine = {
            "cores": os.cpu_count(),
            "machine": platform.machine(),
            "python": platform.python_version(),
        }
        print(
            json.dumps(
                {"size": asked.size, **machine, "ratios": [asdict(ratio) for ratio in ratios]}, indent=1
            )
        )
    judged = [ratio for ratio in ratios if ratio.counted or not asked.report]
    return 0 if all(ratio.meets_gate for ratio in judged) else 1


def told(ratio: Ratio) -> str:
    bound = "reported" if ratio.gate is None else f"{'>=' if ratio.better == 'more' else '<='} {ratio.gate:g}"
    verdict = "" if ratio.gate is None else "  ok" if ratio.meets_gate else "  MISSED"
    note = f"  ({ratio.note})" if ratio.note else ""
    return f"{ratio.id:<4} {ratio.value:>9.3f}  {bound:<9}{verdict:<8} {ratio.what}{note}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
