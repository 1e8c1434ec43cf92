"""What is measured over two years, and how it moves once therapy changes: down slowly, never in a straight line."""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from server.lives.dice import Dice
from server.lives.life import Result


@dataclass(frozen=True, slots=True)
class Kind:
    """before: where it starts, from and to. after: where therapy leads. every: days between two. noise: either way."""

    label: str
    loinc: str
    unit: str
    before: tuple[float, float]
    after: tuple[float, float]
    every: int
    noise: float
    digits: int
    category: str = "laboratory"


KINDS: Final = {
    "a1c": Kind("Hemoglobin A1c", "4548-4", "%", (7.9, 10.4), (6.6, 7.5), 91, 0.15, 1),
    "bp": Kind("Blood pressure", "85354-9", "", (142, 168), (122, 134), 61, 4, 0, "vital-signs"),
    "weight": Kind("Body weight", "29463-7", "lb", (168, 238), (158, 226), 45, 1.5, 0, "vital-signs"),
    "ldl": Kind("LDL cholesterol", "18262-6", "mg/dL", (118, 176), (62, 92), 182, 6, 0),
    "egfr": Kind("Kidney filtration (eGFR)", "33914-3", "mL/min", (48, 57), (45, 54), 122, 2, 0),
    "phq": Kind("PHQ-9 total", "44261-6", "points", (13, 20), (4, 9), 75, 1.5, 0, "survey"),
    "gad": Kind("GAD-7 total", "70274-6", "points", (11, 18), (3, 8), 91, 1.5, 0, "survey"),
    "cat": Kind("COPD assessment (CAT)", "89000-4", "points", (18, 28), (10, 16), 91, 2, 0, "survey"),
    "act": Kind("Asthma control (ACT)", "82674-3", "points", (12, 16), (20, 24), 91, 1, 0, "survey"),
    "tsh": Kind("TSH", "3016-3", "mIU/L", (5.2, 8.0), (1.4, 3.1), 182, 0.3, 1),
    "glucose": Kind("Fasting glucose", "1558-6", "mg/dL", (98, 118), (82, 93), 21, 4, 0),
}  # fmt: skip
_MOST: Final = {"phq": 27, "gad": 21, "cat": 40, "act": 25}


@dataclass(frozen=True, slots=True)
class Course:
    """How one measure runs: from `start` at `first` to `goal`, falling to a third of the way every hundred days after
    `therapy`."""

    kind: str
    start: float
    goal: float
    first: date
    therapy: date

    def at(self, on: date) -> float:
        days = (on - self.therapy).days
        if days <= 0:
            worse = 0.04 * (self.start - self.goal) * max(0, (on - self.first).days) / 90
            return self.start + worse
        return self.goal + (self.start - self.goal) * math.exp(-days / 91)


def course(dice: Dice, kind: str, first: date, therapy: date) -> Course:
    one = KINDS[kind]
    start = dice.between(*one.before)
    if kind in {"weight", "egfr"}:  # moves by a little from wherever it is
        return Course(kind, start, start - dice.between(3, 11), first, therapy)
    return Course(kind, start, dice.between(*one.after), first, therapy)


def results(dice: Dice, of: Course, until: date, zone: str) -> list[Result]:
    """Measured every so often between the first day and `until`, on weekdays, in the morning."""
    kind = KINDS[of.kind]
    found: list[Result] = []
    on = of.first + timedelta(days=dice.whole(0, kind.every // 2))
    while on < until:
        day = on - timedelta(days=max(0, on.weekday() - 4))
        value = round(of.at(day) + dice.between(-kind.noise, kind.noise), kind.digits)
        value = min(max(value, 0.1), _MOST.get(of.kind, 999))
        at = datetime.combine(day, time(8, dice.whole(0, 11) * 5), ZoneInfo(zone)).astimezone(UTC)
        if of.kind == "bp":
            low = round(value * 0.55 + dice.between(-3, 5))
            found.append(
                Result(kind.label, kind.loinc, at, None, "", f"{value:.0f}/{low} mmHg", kind.category)
            )
        else:
            found.append(Result(kind.label, kind.loinc, at, value, kind.unit, "", kind.category))
        on += timedelta(days=kind.every + dice.whole(-6, 9))
    return found
