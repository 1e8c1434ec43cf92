"""A second before, at and after every band and threshold, read from the plugin's own values, in every year."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from carewright_plugin_api.boundaries import around, clock_changes
from carewright_plugin_api.examples import ZONE, typical_month
from carewright_plugin_api.facts import Entry, MonthFacts, start_of_day
from carewright_plugin_api.ladder import Tally, length
from carewright_plugin_api.testing import units_of
from payer_bcbsm.plugin import RULES
from payer_bcbsm.rules.book import BOOK

YEARS = range(2014, 2027)
Answer = dict[str, int]
WORK: dict[str, Any] = {"program": "pdcm", "activity": "coordination"}
CALL: dict[str, Any] = {"program": "pdcm", "mode": "phone", "with_patient": True}
VISIT: dict[str, Any] = {"program": "pdcm", "mode": "video", "with_patient": True, "licensed": True}


def month_with(month: str, entries: tuple[Entry, ...]) -> MonthFacts:
    return typical_month(month, program="pdcm", payer="bcbsm", product="commercial_ppo", entries=entries)


def coordination(day: date) -> list[tuple[int, str, int]]:
    """(minutes, code, units) of every unit of coordination on that day, straight from the table."""
    table = BOOK.on("coordination.ladder", day).table
    return sorted(
        (rung["minutes"] + n * rung.get("step", 0), rung["code"], n + 1)
        for rung in table.values()
        for n in range(rung["units"])
    )


def bands(service: str, day: date) -> list[dict[str, Any]]:
    return [dict(band) for band in BOOK.on(f"{service}.bands", day).value]


def talks(seconds: int, month: str, details: dict[str, Any]) -> Iterator[tuple[str, tuple[Entry, ...]]]:
    """(way, entries) of one contact: in one go, in two pieces, over a midnight, up to the month's last, by night."""
    first = date.fromisoformat(f"{month}-01")
    begins, ends = (start_of_day(day, ZONE) for day in (first, (first + timedelta(days=31)).replace(day=1)))
    whole, half = timedelta(seconds=seconds), timedelta(seconds=seconds // 2)
    noon = begins + timedelta(days=3, hours=12)
    midnight = start_of_day(first + timedelta(days=8), ZONE)
    starts = {"one": noon, "midnight": midnight - half, "first": begins, "last": ends - half}
    starts |= {f"clock {change}": change - half for change in clock_changes(month, ZONE)}
    for way, start in starts.items():
        if start < begins:
            continue
        yield way, (Entry("a", "ana", "staff", start, start + whole, **details),)
        cut = start + half
        if begins < cut < ends and half:
            pieces = (
                Entry("a", "ana", "staff", start, cut, **details),
                Entry("b", "ana", "staff", cut, start + whole, **details),
            )
            yield f"{way}, in two", pieces


def cases(month: str) -> list[tuple[str, MonthFacts, Answer]]:
    made: list[tuple[str, MonthFacts, Answer]] = []
    day = typical_month(month).last_day
    ladder = coordination(day)
    beyond = ladder[-1][0] + max(
        rung.get("step", 0) for rung in BOOK.on("coordination.ladder", day).table.values()
    )
    for minutes in (*(least for least, _, _ in ladder), beyond):
        for way, beside, entries in around(minutes, month, **WORK):
            reached = {code: n for least, code, n in ladder if minutes * 60 + beside >= least * 60}
            made.append((f"{month} work {minutes}m{beside:+}s {way}", month_with(month, entries), reached))
    for service, details in (("phone", CALL), ("contact", VISIT)):
        held = bands(service, day)
        edges = {band["least"] for band in held} | {band["most"] + 1 for band in held if band["most"]}
        for minutes in sorted(edges):
            for beside in (-1, 0, 1):
                seconds = minutes * 60 + beside
                fit = [
                    band
                    for band in held
                    if band["least"] * 60 <= seconds
                    and (band["most"] is None or seconds < (band["most"] + 1) * 60)
                ]
                wanted = {band["code"]: band["units"] for band in fit}
                for way, entries in talks(seconds, month, details):
                    name = f"{month} {service} {minutes}m{beside:+}s {way}"
                    made.append((name, month_with(month, entries), wanted))
    return made


def mistakes(made: list[tuple[str, MonthFacts, Answer]]) -> list[str]:
    decisions = RULES.decide([facts for _, facts, _ in made])
    return [
        f"{name}: {units_of(decision.lines)}, not {wanted}"
        for (name, _, wanted), decision in zip(made, decisions, strict=True)
        if units_of(decision.lines) != wanted or len(decision.holds) != (0 if wanted else 1)
    ]


@pytest.mark.parametrize("year", YEARS)
def test_a_second_beside_every_threshold(year: int) -> None:
    made = cases(f"{year}-03") + cases(f"{year}-11")
    print(f"{year}: {len(made)} situations")  # noqa: T201
    assert mistakes(made) == []


@pytest.mark.parametrize("seconds", [-1, 1])
def test_control_a_clock_wrong_by_a_second_is_seen(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = cases("2026-03")
    wrong = timedelta(seconds=seconds)
    monkeypatch.setattr(
        Tally, "minutes", property(lambda tally: (length(tally.counted) + wrong) // timedelta(minutes=1))
    )
    assert len(mistakes(made)) > len(made) // 10


@pytest.mark.parametrize("parameter", ["phone.bands", "contact.bands", "coordination.ladder"])
@pytest.mark.parametrize("by", [-1, 1])
def test_control_a_changed_threshold_is_seen(
    parameter: str, by: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What should come is reckoned from the values as they are, then each is changed under the rules."""
    made = cases("2026-03")
    row = BOOK.on(parameter, date(2026, 3, 31))
    usual = type(BOOK).on
    for changed in _changed(row.value, by):
        monkeypatch.setattr(
            BOOK,
            "on",
            lambda name, on, changed=changed: (
                replace(row, value=changed) if name == parameter else usual(BOOK, name, on)
            ),
        )
        assert mistakes(made), changed


def _changed(value: Any, by: int) -> Iterator[Any]:
    """The value with one of its numbers at a time moved, where that can make a difference."""
    ladder = hasattr(value, "keys")
    names = sorted(value) if ladder else range(len(value))
    for name in names:
        held = value[name]
        for key in ("least", "minutes", "step", "units"):
            one_at_most = ladder and key == "units" and "step" not in held
            if not held.get(key) or held[key] + by < 1 or one_at_most:
                continue
            moved = {each: dict(value[each]) for each in names}
            moved[name][key] += by
            if not ladder and key == "least" and name:
                moved[name - 1]["most"] += by  # the band below ends where this one begins
            yield moved if ladder else list(moved.values())
