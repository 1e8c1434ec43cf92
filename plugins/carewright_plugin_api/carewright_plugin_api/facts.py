"""What a payer's rules are told about one patient, one month, one coverage. Nothing else is known to them.

Everything is frozen. Every tuple is a set: its order carries no meaning, and rules must not read one into it.
Instants are aware and in UTC, to the second or finer; days are days on the practice's own wall clock. Ids are
opaque text. No names, no birth dates, no free text: rules do not need them, so they do not travel.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from carewright_plugin_api import canonical

Policy = Literal["accurate", "max"]
Role = Literal["staff", "practitioner", "admin"]
Mode = Literal["phone", "video", "in_person", "home", "message", "email", "letter", "none"]
Activity = Literal[
    "contact",  # talking with the patient
    "supporter_contact",  # talking with the person who cares for them
    "coordination",  # with other clinicians and agencies
    "plan_work",
    "medication_review",
    "record_review",
    "team_meeting",
    "education",
    "assessment",  # a first, comprehensive assessment
    "transition",  # after a stay or an emergency visit
    "documentation",
    "chart_preparation",
    "prior_authorization",
    "administrative",  # scheduling, forms, billing and other office work
    "staff_training",
    "automated",  # a machine called or wrote; no person spent the time
    "other",
]
ConsentKind = Literal["given", "refused", "revoked"]
ConsentMethod = Literal["verbal", "written"]
Told = Literal["availability", "cost_share", "one_practitioner", "right_to_stop"]
Level = Literal["straightforward", "low", "moderate", "high"]
VisitKind = Literal[
    "office_visit",  # an evaluation visit of level 2 to 5, home and residence included
    "nurse_visit",  # level 1: no practitioner needed
    "annual_wellness",
    "welcome_visit",  # the first preventive visit under Medicare
    "transition_visit",  # the visit after a discharge
    "hospital",
    "emergency",
    "other",
]
_FIRST_YEAR, _LAST_YEAR = 1900, 2200  # far enough from the ends of the calendar to reckon in

StayKind = Literal[
    "inpatient",
    "observation",
    "skilled_nursing",  # a skilled stay paid under Part A
    "nursing_facility",  # living there, no skilled stay
    "other",
]
Site = Literal["practice", "rural_health_clinic", "federally_qualified_health_center"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """One insurance of the patient. payer and product are keys from a plugin's manifest, or a name no plugin knows.

    rank: 1 pays first. care_management_benefit: whether the member's group pays for care management (None: nobody
    has checked). replaces_part_b: a Medicare Advantage plan. qmb: Medicaid pays this patient's Medicare cost share.
    deductible_remaining: dollars left this year, from an eligibility answer.
    """

    id: str
    payer: str
    product: str
    starts_on: date
    ends_on: date | None = None
    rank: int = 1
    replaces_part_b: bool = False
    qmb: bool = False
    care_management_benefit: bool | None = None
    deductible_applies: bool | None = None
    deductible_remaining: Decimal | None = None

    def in_force(self, on: date) -> bool:
        return self.starts_on <= on and (self.ends_on is None or on <= self.ends_on)


@dataclass(frozen=True, slots=True)
class Practitioner:
    """Who bills. credential: MD, DO, NP, PA, CNS, CNM ...; qualifying_participant: paid by the higher factor."""

    id: str
    credential: str = ""
    qualifying_participant: bool = False


@dataclass(frozen=True, slots=True)
class Enrollment:
    """The patient takes part in a program, from a day, perhaps to a day."""

    program: str
    started_on: date
    ended_on: date | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """One event of the consent log. told: what its wording covers. practitioner: the one it was given to, if noted."""

    id: str
    program: str
    kind: ConsentKind
    at: datetime
    method: ConsentMethod = "verbal"
    told: tuple[Told, ...] = ()
    practitioner: str | None = None

    def __post_init__(self) -> None:
        _aware(self.at, "a consent's `at`")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """An ICD-10-CM code that a person chose. chronic: that person expects it to last 12 months or until death."""

    code: str
    chronic: bool = False
    starts_on: date | None = None
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class CarePlanVersion:
    """substantially_revised: more than a routine update (asked for by some rules before 2020)."""

    program: str
    dated_on: date
    copy_given_on: date | None = None
    electronic: bool = True
    substantially_revised: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """The patient saw a practitioner. initiating_for: the program discussed and documented at this visit, if any."""

    kind: VisitKind
    on: date
    practitioner: str | None = None
    initiating_for: str | None = None
    care_planning_by_practitioner: bool = False


@dataclass(frozen=True, slots=True)
class DecisionLevel:
    """The medical decision-making of the month, as the practitioner documented it."""

    program: str
    level: Level


@dataclass(frozen=True, slots=True)
class Attestation:
    """Somebody at the practice recorded that an element a program asks for is, or is not, in place.

    element: a key from `required_documents`, such as access_24x7 or significant_risk.
    """

    element: str
    met: bool
    on: date


@dataclass(frozen=True, slots=True)
class FacilityStay:
    """From admission until discharge, half open. Where only days are known use `of_days`, which takes whole days."""

    kind: StayKind
    starts: datetime
    ends: datetime | None = None

    def __post_init__(self) -> None:
        _aware(self.starts, "a stay's `starts`")
        if self.ends is not None:
            _aware(self.ends, "a stay's `ends`")

    @classmethod
    def of_days(cls, kind: StayKind, first: date, last: date | None, zone: str) -> "FacilityStay":
        """A stay known by its days: both end days belong to it whole, because nobody knows the hour."""
        ends = None if last is None else start_of_day(last + timedelta(days=1), zone)
        return cls(kind, start_of_day(first, zone), ends)


@dataclass(frozen=True, slots=True)
class BilledService:
    """A service already billed for this patient, by this practice or as far as it knows by somebody else."""

    code: str
    on: date
    same_practitioner: bool
    same_group: bool = False
    modifiers: tuple[str, ...] = ()
    diagnosis: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """Time one person spent on this patient, from the ledger, corrections already applied.

    role, discipline, licensed, trained_on: as they were that day. first_billed_on: the first day this person's work
    was billed to this payer. part_of: the other billed service the time belongs to, such as a visit. joint: the id
    shared by everybody's entry for one meeting. encounter: the contact this entry is a piece of. declined: the
    program was discussed and the patient said no. condition: the ICD-10 code the contact was about.
    """

    id: str
    person: str
    role: Role
    start: datetime
    end: datetime
    program: str
    activity: Activity = "contact"
    mode: Mode = "none"
    status: Literal["final", "draft"] = "final"
    part_of: str | None = None
    joint: str | None = None
    encounter: str | None = None
    face_to_face: bool = False
    with_patient: bool = False
    reached: bool = True
    declined: bool = False
    video_declined: bool = False
    condition: str | None = None
    discipline: str = ""
    licensed: bool = False
    trained_on: date | None = None
    first_billed_on: date | None = None

    def __post_init__(self) -> None:
        _aware(self.start, "an entry's `start`")
        _aware(self.end, "an entry's `end`")
        if self.end <= self.start:
            raise ValueError(f"entry {self.id} ends at {self.end:%H:%M:%S}, not after its start")


@dataclass(frozen=True, slots=True)
class Override:
    """What a person decided about this patient-month, with a reason that the house keeps; in force until withdrawn.

    withhold: do not bill the code `target` (empty: nothing at all); the house carries it out, rules need not look.
    choose: decide by the policy `target`, which MonthFacts.policy then says. accept: the hold `target` does not
    stand in the way; rules that gave it `may_accept` leave it out and say so in a finding.
    """

    kind: Literal["withhold", "choose", "accept"]
    target: str = ""


@lru_cache(maxsize=256)
def _days_of(month: str) -> tuple[date, date]:
    """The first and the last day of YYYY-MM; rules ask for them some fifty times for one patient."""
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MonthFacts:
    """One patient, one calendar month of the practice, one coverage: the whole question put to a payer's rules.

    month: YYYY-MM. zone: IANA name of the practice's time zone. entries: all that touch the month, of every
    program; an entry may begin before it or end after it. policy: how the practice chooses among several
    permitted answers. place_of_service: two digits, where the practitioner would see the patient face to face.
    """

    patient: str
    month: str
    zone: str
    coverage: Coverage
    other_coverages: tuple[Coverage, ...] = ()
    policy: Policy = "accurate"
    billing_practitioner: Practitioner | None = None
    place_of_service: str = "11"
    site: Site = "practice"
    died_on: date | None = None
    enrollments: tuple[Enrollment, ...] = ()
    consents: tuple[Consent, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    plans: tuple[CarePlanVersion, ...] = ()
    visits: tuple[Visit, ...] = ()
    decision_levels: tuple[DecisionLevel, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    stays: tuple[FacilityStay, ...] = ()
    billed: tuple[BilledService, ...] = ()
    entries: tuple[Entry, ...] = ()
    overrides: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        try:
            year, number = self.month.split("-")
            date(int(year), int(number), 1)
        except ValueError:
            raise ValueError(f"month is {self.month!r}; write it as YYYY-MM") from None
        if len(year) != 4 or len(number) != 2 or not _FIRST_YEAR <= int(year) <= _LAST_YEAR:
            raise ValueError(f"month is {self.month!r}; write it as YYYY-MM")
        try:
            ZoneInfo(self.zone)
        except (LookupError, OSError, ValueError):
            raise ValueError(f"zone is {self.zone!r}, which is no IANA time zone") from None
        ids = [entry.id for entry in self.entries]
        if len(set(ids)) != len(ids):
            raise ValueError("two entries have the same id")

    @property
    def first_day(self) -> date:
        return _days_of(self.month)[0]

    @property
    def last_day(self) -> date:
        return _days_of(self.month)[1]

    def accepts(self, hold_code: str) -> bool:
        """Whether a person said, with a reason, that this hold does not stand in the way this month."""
        return Override("accept", hold_code) in self.overrides

    def fingerprint(self) -> str:
        """sha256 over the canonical form: the same facts, in whatever order, give the same 64 hex digits."""
        return canonical.fingerprint(self)

    def to_json(self) -> str:
        return canonical.dumps(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> "MonthFacts":
        """Raises `canonical.NotCanonical` naming what does not fit."""
        return canonical.loads(cls, text)


def start_of_day(day: date, zone: str) -> datetime:
    """The instant (UTC) at which `day` begins on a wall clock in `zone`."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def local_day(instant: datetime, zone: str) -> date:
    """The date on a wall clock in `zone` at `instant`."""
    return instant.astimezone(ZoneInfo(zone)).date()


def _aware(instant: datetime, what: str) -> None:
    if instant.tzinfo is None or instant.utcoffset() != timedelta(0):
        raise ValueError(f"{what} is {instant}: instants are aware and in UTC")
