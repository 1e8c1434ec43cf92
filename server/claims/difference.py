"""What changed between two decisions about the same patient-month. Pure: two values in, sentences out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from carewright_plugin_api.decisions import Decision, Hold, Line

from server.words import say

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. kind: line_added, line_removed, line_changed, hold_added, hold_removed, minutes or policy."""

    kind: str
    sentence: str


def differences(before: Decision, after: Decision) -> tuple[Change, ...]:
    """What a biller should know about going from one to the other: lines, holds, counted time, policy; in this order.

    Findings and wordings are not told: they change nothing that is sent.
    """
    return (
        *_lines(_by(before.lines, _line_key), _by(after.lines, _line_key)),
        *_holds(_by(before.holds, _hold_key), _by(after.holds, _hold_key)),
        *_minutes(before, after),
        *_policy(before, after),
    )


def _lines(before: Mapping[object, Line], after: Mapping[object, Line]) -> Iterable[Change]:
    for key, line in after.items():
        old = before.get(key)
        if old is None:
            yield Change("line_added", say("%(line)s is new.", line=_said(line)))
            continue
        parts = []
        if old.units != line.units:
            parts.append(f"{_units(old.units)} became {_units(line.units)}")
        if old.amount != line.amount:
            parts.append(f"{_dollars(old.amount)} became {_dollars(line.amount)}")
        if old.date_of_service != line.date_of_service:
            parts.append(
                f"the date of service {old.date_of_service.isoformat()} became {line.date_of_service.isoformat()}"
            )
        if set(old.entry_ids) != set(line.entry_ids):
            parts.append("it rests on other entries")
        if parts:
            yield Change("line_changed", f"{_called(line)}: {'; '.join(parts)}.")
    for key, line in before.items():
        if key not in after:
            yield Change("line_removed", say("%(line)s is gone.", line=_said(line)))


def _holds(before: Mapping[object, Hold], after: Mapping[object, Hold]) -> Iterable[Change]:
    for key, hold in after.items():
        if key not in before:
            yield Change("hold_added", f"Now stands in the way: {hold.sentence}")
    for key, hold in before.items():
        if key not in after:
            yield Change("hold_removed", f"No longer stands in the way: {hold.sentence}")


def _minutes(before: Decision, after: Decision) -> Iterable[Change]:
    old = {(one.program, one.who): one.seconds for one in before.minutes}
    new = {(one.program, one.who): one.seconds for one in after.minutes}
    for program, who in sorted(old.keys() | new.keys()):
        was, now = old.get((program, who), 0), new.get((program, who), 0)
        if was != now:
            yield Change(
                "minutes",
                say(
                    "Counted time, %(who)s: %(was)s became %(now)s.", who=who, was=_time(was), now=_time(now)
                ),
            )


def _policy(before: Decision, after: Decision) -> Iterable[Change]:
    if before.policy != after.policy:
        yield Change(
            "policy",
            say(
                "Lines were chosen by the policy %(policy)s; now by %(after_policy)s.",
                policy=before.policy,
                after_policy=after.policy,
            ),
        )


def _line_key(line: Line) -> tuple[str, str, tuple[str, ...]]:
    return line.program, line.code, line.modifiers


def _hold_key(hold: Hold) -> tuple[str, str]:
    return hold.program, hold.code


def _by(items: Iterable[Item], key: Callable[[Item], object]) -> dict[object, Item]:
    """By key, in order; one that stands there several times keeps its place by number."""
    made: dict[object, Item] = {}
    for item in items:
        name, number = key(item), 0
        while (name, number) in made:
            number += 1
        made[name, number] = item
    return made


def _called(line: Line) -> str:
    return " ".join((line.code, *line.modifiers))


def _said(line: Line) -> str:
    units = f", {_units(line.units)}" if line.units > 1 else ""
    money = f", {_dollars(line.amount)}" if line.amount is not None else ""
    return f"{_called(line)}{units}{money}"


def _units(count: int) -> str:
    return "1 unit" if count == 1 else f"{count} units"


def _dollars(amount: Decimal | None) -> str:
    return "no known amount" if amount is None else f"${amount:,.2f}"


def _time(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"
