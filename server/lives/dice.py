"""Chance that can be repeated: a stream of draws that depends on its labels alone."""

import random
from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

Thing = TypeVar("Thing")


class Dice:
    """Draws named by their labels: `Dice(7, "lakeside", 12)` is the same on every machine, whatever was drawn elsewhere."""

    def __init__(self, *labels: object) -> None:
        self._labels = labels
        digest = sha256("\x1f".join(map(str, labels)).encode()).digest()
        self._random = random.Random(int.from_bytes(digest[:8], "big"))  # noqa: S311 - invented people, not secrets

    def apart(self, *labels: object) -> "Dice":
        """A stream of its own, so that one subject's draws do not move another's."""
        return Dice(*self._labels, *labels)

    def one(self, things: Sequence[Thing]) -> Thing:
        return things[int(self._random.random() * len(things))]

    def some(self, things: Sequence[Thing], count: int) -> list[Thing]:
        """`count` different ones, or all where there are fewer."""
        left = list(things)
        return [left.pop(int(self._random.random() * len(left))) for _ in range(min(count, len(left)))]

    def weighted(self, things: Sequence[tuple[Thing, float]]) -> Thing:
        at = self._random.random() * sum(weight for _, weight in things)
        for thing, weight in things:
            at -= weight
            if at < 0:
                return thing
        return things[-1][0]

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def whole(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def between(self, low: float, high: float) -> float:
        return low + self._random.random() * (high - low)


def rounds(count: int, number: int, *labels: object) -> int:
    """Which of `count` things the `number`th person gets: all of them once, in an order of the labels', before any
    comes again."""
    step, round = number % count, number // count
    order = Dice(*labels, round).some(range(count), count)
    return order[step]
