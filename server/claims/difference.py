"""What changed between two decisions about the same patient-month. Pure: two values in, sentences out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from carewright_plugin_api.decisions import Decision, Hold, Line

from server.words import N_, say, say_of

Item = TypeVar("Item")

_WHO = {"staff": N_("staff"), "practitioner": N_("practitioner"), "together": N_("together")}


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
            parts.append(_became(_units(old.units), _units(line.units)))
        if old.amount != line.amount:
            parts.append(_became(_dollars(old.amount), _dollars(line.amount)))
        if old.date_of_service != line.date_of_service:
            parts.append(
                say(
                    "the date of service %(before)s became %(after)s",
                    before=old.date_of_service.isoformat(),
                    after=line.date_of_service.isoformat(),
                )
            )
        if set(old.entry_ids) != set(line.entry_ids):
            parts.append(say("it rests on other entries"))
        if parts:
            yield Change(
                "line_changed", say("%(line)s: %(changes)s.", line=_called(line), changes="; ".join(parts))
            )
    for key, line in before.items():
        if key not in after:
            yield Change("line_removed", say("%(line)s is gone.", line=_said(line)))


def _holds(before: Mapping[object, Hold], after: Mapping[object, Hold]) -> Iterable[Change]:
    for key, hold in after.items():
        if key not in before:
            yield Change("hold_added", say("Now stands in the way: %(hold)s", hold=hold.sentence))
    for key, hold in before.items():
        if key not in after:
            yield Change("hold_removed", say("No longer stands in the way: %(hold)s", hold=hold.sentence))


def _minutes(before: Decision, after: Decision) -> Iterable[Change]:
    old = {(one.program, one.who): one.seconds for one in before.minutes}
    new = {(one.program, one.who): one.seconds for one in after.minutes}
    for program, who in sorted(old.keys() | new.keys()):
        was, now = old.get((program, who), 0), new.get((program, who), 0)
        if was != now:
            yield Change(
                "minutes",
                say(
                    "Counted time, %(who)s: %(before)s became %(after)s.",
                    who=say(_WHO.get(who, who)),
                    before=_time(was),
                    after=_time(now),
                ),
            )


def _policy(before: Decision, after: Decision) -> Iterable[Change]:
    if before.policy != after.policy:
        yield Change(
            "policy",
            say(
                "Lines were chosen by the policy %(before)s; now by %(after)s.",
                before=before.policy,
                after=after.policy,
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
    units = [_units(line.units)] if line.units > 1 else []
    money = [_dollars(line.amount)] if line.amount is not None else []
    return ", ".join([_called(line), *units, *money])


def _became(before: str, after: str) -> str:
    return say("%(before)s became %(after)s", before=before, after=after)


def _units(count: int) -> str:
    return say_of("1 unit", "%(n)s units", count)


def _dollars(amount: Decimal | None) -> str:
    return say("no known amount") if amount is None else f"${amount:,.2f}"


def _time(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    if rest:
        return say("%(minutes)s min %(seconds)s s", minutes=minutes, seconds=rest)
    return say("%(minutes)s min", minutes=minutes)
