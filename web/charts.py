"""Where the lines, points and words of a chart stand, and what a run of values says. Pure: numbers in, places out.

Across, places are percents of the width, so that the words keep their size on a phone; down, they are CSS pixels.
Run rules after Perla, Provost and Murray, BMJ Qual Saf 2011;20:46-51: a shift is six values in a row on one side of the
median (those on it are passed over), a trend five in a row that all rise or all fall (equals are passed over). Under ten
values neither is told from chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import median
from typing import Final, Literal

HEIGHT: Final = 176
_TOP, _BOTTOM = 28, 24  # room for words above the highest point and for the days below
_LEFT, _RIGHT = 1.5, 69.0  # percent; the rest is for the words beside the line
_ENOUGH, _SHIFT, _TREND = 10, 6, 5
_APART: Final = 16  # pixels two lines of words need
_ROW, _LONGEST = 44, 69.0

Said = Literal["few", "steady", "above", "below", "rising", "falling"]


@dataclass(frozen=True, slots=True)
class Value:
    """One measured value and its day."""

    on: date
    value: Decimal


@dataclass(frozen=True, slots=True)
class Dot:
    """x: percent from the left; y: pixels from the top; marked: part of what the chart found."""

    x: float
    y: float
    on: date
    value: Decimal
    marked: bool


@dataclass(frozen=True, slots=True)
class RunChart:
    """said: what the run says; over: how many values say it. label_y, median_label_y: words beside the line, apart."""

    dots: tuple[Dot, ...]
    median: Decimal
    median_y: float
    median_label_y: float
    label_y: float
    said: Said
    over: int


@dataclass(frozen=True, slots=True)
class Bar:
    """y: top of its row, pixels; width: percent of the whole."""

    label: str
    value: Decimal
    y: int
    width: float


def run_chart(values: Sequence[Value]) -> RunChart:
    """Values in any order, at least one; what was measured on one day stays side by side in the order given."""
    ordered = sorted(values, key=lambda one: one.on)
    numbers = [one.value for one in ordered]
    middle = Decimal(median(numbers))
    said, over = finding(numbers)
    low, high = min(numbers), max(numbers)
    span, first = high - low, ordered[0].on
    days = (ordered[-1].on - first).days

    def down(value: Decimal) -> float:
        share = float((value - low) / span) if span else 0.5
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _BOTTOM - _TOP), 1)

    def across(place: int, on: date) -> float:
        last = len(ordered) - 1
        share = (on - first).days / days if days else (place / last if last else 1.0)
        return round(_LEFT + share * (_RIGHT - _LEFT), 2)

    dots = tuple(
        Dot(across(n, one.on), down(one.value), one.on, one.value, n >= len(ordered) - over)
        for n, one in enumerate(ordered)
    )
    label, middle_label = dots[-1].y, down(middle)
    if abs(label - middle_label) < _APART:
        middle_label = label + (_APART if middle_label >= label else -_APART)
    return RunChart(dots, middle, down(middle), middle_label, label, said, over)


def finding(numbers: Sequence[Decimal]) -> tuple[Said, int]:
    """What the newest values say, and how many of them (0 when nothing lasting is told)."""
    if len(numbers) < _ENOUGH:
        return "few", 0
    middle = Decimal(median(numbers))
    side, beside, over = 0, 0, 0
    for number in reversed(numbers):
        here = (number > middle) - (number < middle)
        if here and side and here != side:
            break
        side = side or here
        beside += bool(here)
        over += 1
    if beside >= _SHIFT:
        return ("above" if side > 0 else "below"), over
    way, steps, over = 0, 0, 1
    for before, after in zip(reversed(numbers[:-1]), reversed(numbers[1:]), strict=True):
        here = (after > before) - (after < before)
        if here and way and here != way:
            break
        way = way or here
        steps += bool(here)
        over += 1
    if steps >= _TREND - 1:
        return ("rising" if way > 0 else "falling"), over
    return "steady", 0


def sparkline(numbers: Sequence[Decimal]) -> str:
    """The points of a line in a box of 96 by 24; at least two numbers."""
    low, span = min(numbers), max(numbers) - min(numbers)
    step = 92 / (len(numbers) - 1)
    return " ".join(
        f"{2 + n * step:.1f},{21 - (float((one - low) / span) if span else 0.5) * 18:.1f}"
        for n, one in enumerate(numbers)
    )


def bars(rows: Sequence[tuple[str, Decimal]]) -> tuple[Bar, ...]:
    """Bars from zero, in the order given. Values are not negative."""
    most = max((value for _, value in rows), default=Decimal(0))
    return tuple(
        Bar(label, value, n * _ROW, round(float(value / most) * _LONGEST, 2) if most else 0.0)
        for n, (label, value) in enumerate(rows)
    )


def plain(value: Decimal) -> str:
    """`7.40` as `7.4`, never as `1E+2`."""
    return f"{value.normalize():f}"
