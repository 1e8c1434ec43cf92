"""Which class of person a discipline makes, because rules count their time apart.

Practitioners are those who may bill care management as physicians or other qualified health care professionals.
Clinical staff work under such a practitioner and are licensed, certified or trained for what they do. Everybody
else's time is office work. Source: CMS, MLN909188
"Chronic Care Management Services" (physicians, nurse practitioners, physician assistants, clinical nurse specialists
and certified nurse midwives bill; clinical staff work incident to them) and 42 CFR 410.26(a)(1) (auxiliary personnel).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from carewright_plugin_api.facts import start_of_day

PRACTITIONERS = frozenset({"md", "do", "np", "pa", "cns", "cnm", "physician", "nurse_practitioner",
                           "physician_assistant", "clinical_nurse_specialist", "certified_nurse_midwife"})  # fmt: skip
CLINICAL_STAFF = frozenset({
    "rn", "lpn", "lvn", "medical_assistant", "ma", "cma", "rma", "nurse", "registered_nurse",
    "licensed_practical_nurse", "care_manager", "pharmacist", "pharmd", "rph", "pharmacy_technician",
    "lmsw", "lcsw", "lbsw", "msw", "social_worker", "psychologist", "lpc", "lmft", "counselor",
    "rd", "rdn", "dietitian", "diabetes_educator", "cdces", "health_educator", "community_health_worker", "chw",
    "respiratory_therapist", "rt", "physical_therapist", "pt", "occupational_therapist", "ot",
    "speech_language_pathologist", "slp", "emt", "paramedic", "asthma_educator",
})  # fmt: skip

_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
_END = datetime(9999, 12, 30, tzinfo=UTC)


def class_of(discipline: str) -> str:
    """`practitioner`, `staff` or `admin`. A discipline nobody knows counts as office work: never guess upwards."""
    word = discipline.strip().lower().replace(" ", "_").replace("-", "_").replace(".", "")
    if word in PRACTITIONERS:
        return "practitioner"
    return "staff" if word in CLINICAL_STAFF else "admin"


@dataclass(frozen=True, slots=True)
class Dated:
    """A discipline a person held from a day to a day (both included; no last day: still)."""

    staff_id: UUID
    discipline: str
    from_on: date
    to_on: date | None = None


@dataclass(frozen=True, slots=True)
class Spell:
    """What one person's time counts as from an instant until another (excluded)."""

    staff_id: UUID
    discipline: str
    role_class: str
    starts_at: datetime
    ends_at: datetime


def spells(staff_ids: Iterable[UUID], held: Iterable[Dated], zone: str) -> list[Spell]:
    """Each person's whole time line, without gap or overlap, on the practice's clock.

    Where several disciplines cover a day, the one begun last counts; on days without any, the class is `admin`.
    """
    by_person: dict[UUID, list[Dated]] = {staff_id: [] for staff_id in staff_ids}
    for one in held:
        by_person.setdefault(one.staff_id, []).append(one)
    return [
        spell
        for staff_id, theirs in by_person.items()
        for spell in _line(staff_id, sorted(theirs, key=lambda d: (d.from_on, d.discipline)), zone)
    ]


def _line(staff_id: UUID, held: list[Dated], zone: str) -> list[Spell]:
    turns = {one.from_on for one in held} | {one.to_on + timedelta(days=1) for one in held if one.to_on}
    edges = [_BEGINNING, *(start_of_day(day, zone) for day in sorted(turns)), _END]
    firsts = [None, *sorted(turns)]
    line: list[Spell] = []
    for first, starts_at, ends_at in zip(firsts, edges, edges[1:], strict=False):
        now_held = [
            one
            for one in held
            if first and one.from_on <= first and (one.to_on is None or first <= one.to_on)
        ]
        discipline = now_held[-1].discipline if now_held else ""
        if line and line[-1].discipline == discipline:
            starts_at = line.pop().starts_at  # noqa: PLW2901 - the same discipline goes on
        line.append(Spell(staff_id, discipline, class_of(discipline), starts_at, ends_at))
    return line


def spell_at(line: Iterable[Spell], staff_id: UUID, at: datetime) -> Spell:
    """What the person's time counted as at instant `at`."""
    for spell in line:
        if spell.staff_id == staff_id and spell.starts_at <= at < spell.ends_at:
            return spell
    return Spell(staff_id, "", "admin", _BEGINNING, _END)
