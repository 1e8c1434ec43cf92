"""Variants measured in turn, round after round, so that a noisy neighbour disturbs all of them alike."""

import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Variant = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure of merit. gate and goal: bounds for `value`, a minimum where more is better. note: bare figures.

    counted: the value was counted, not timed, and is the same on every machine.
    """

    id: str
    what: str
    value: float
    gate: float | None
    goal: float | None
    better: Literal["more", "less"]
    note: str = ""
    counted: bool = False

    @property
    def meets_gate(self) -> bool:
        if self.gate is None:
            return True
        return self.value >= self.gate if self.better == "more" else self.value <= self.gate


async def seconds(variants: Mapping[str, Variant], *, rounds: int = 3, warm: bool = True) -> dict[str, float]:
    """Name -> median seconds over `rounds`, the variants taking turns; one round before that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in variants}
    for round in range(rounds + warm):
        for name, run in variants.items():
            gc.collect()
            started = time.perf_counter()
            await run()
            if round or not warm:
                taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in taken.items()}
