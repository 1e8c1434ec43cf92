"""Months to try rules on: everything in order, so that a test says only what is different.

Times are written as a practice writes them, on its own wall clock, and turned into instants here.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from carewright_plugin_api.facts import (
    CarePlanVersion,
    Consent,
    Coverage,
    Diagnosis,
    Enrollment,
    Entry,
    MonthFacts,
    Role,
    Visit,
    start_of_day,
)

ZONE = "America/Detroit"
_WORKDAY = timedelta(hours=9)
_LONGEST_DAY = 480


def typical_month(
    month: str = "2026-03",
    *,
    program: str = "ccm",
    payer: str = "medicare_part_b",
    product: str = "",
    zone: str = ZONE,
    **changes: Any,
) -> MonthFacts:
    """A patient for whom everything is on file and nothing is in the way; `changes` are fields of MonthFacts."""
    first = date.fromisoformat(f"{month}-01")
    facts = MonthFacts(
        patient="example",
        month=month,
        zone=zone,
        coverage=Coverage(
            "cover", payer, product, first.replace(year=first.year - 5), care_management_benefit=True
        ),
        enrollments=(Enrollment(program, first - timedelta(days=90)),),
        consents=(
            Consent(
                "yes",
                program,
                "given",
                start_of_day(first - timedelta(days=90), zone),
                told=("availability", "cost_share", "one_practitioner", "right_to_stop"),
            ),
        ),
        diagnoses=(Diagnosis("E11.9", chronic=True), Diagnosis("I50.22", chronic=True)),
        plans=(
            CarePlanVersion(program, first - timedelta(days=60), copy_given_on=first - timedelta(days=58)),
        ),
        visits=(Visit("office_visit", first - timedelta(days=100)),),
    )
    return replace(facts, **changes)


def spent(
    minutes: int, month: str = "2026-03", *, role: Role = "staff", program: str = "ccm", **details: Any
) -> tuple[Entry, ...]:
    """Entries of `minutes` in all, from nine in the morning of day `day` (default 3), a working day at most each."""
    zone, first_day = details.pop("zone", ZONE), details.pop("day", 3)
    entries = []
    for n in range((minutes + _LONGEST_DAY - 1) // _LONGEST_DAY):
        day = date.fromisoformat(f"{month}-01") + timedelta(days=first_day - 1 + n)
        start = start_of_day(day, zone) + _WORKDAY
        end = start + timedelta(minutes=min(_LONGEST_DAY, minutes - n * _LONGEST_DAY))
        name = f"{role}-{program}-{n}"
        entries.append(
            Entry(
                **{"id": name, "person": role, "program": program, "role": role, **details},
                start=start,
                end=end,
            )
        )
    return tuple(entries)


def entry(name: str, start: str, end: str, *, zone: str = ZONE, **details: Any) -> Entry:
    """One entry; start and end as `2026-03-02T09:00`, on the wall clock of `zone` unless they carry an offset."""
    settled = {"person": name, "role": "staff", "program": "ccm", **details}
    return Entry(id=name, start=instant(start, zone), end=instant(end, zone), **settled)


def instant(written: str | datetime | date, zone: str = ZONE) -> datetime:
    """ISO text, a date (the beginning of that day) or a datetime, as an instant in UTC."""
    moment = datetime.fromisoformat(written) if isinstance(written, str) else written
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def split(entries: Iterable[Entry], at: datetime) -> tuple[Entry, ...]:
    """The same entries, each cut in two where `at` lies within it."""
    made: list[Entry] = []
    for whole in entries:
        if whole.start < at < whole.end:
            made += [replace(whole, end=at), replace(whole, id=f"{whole.id}-rest", start=at)]
        else:
            made.append(whole)
    return tuple(made)
