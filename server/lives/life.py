"""What a life is made of: frozen values, in the words of the rooms' tables."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Way:
    kind: str
    value: str
    use: str
    message_ok: bool
    best_time: str = ""


@dataclass(frozen=True, slots=True)
class Supporter:
    name: str
    kind: str
    words: str
    may_discuss: str
    helps_with: str
    legal_role: str
    phone: str


@dataclass(frozen=True, slots=True)
class Insurance:
    """payer: a name the practice lists. subscriber: (relationship, family name, given names, born, sex) if another's."""

    payer: str
    member_id: str
    rank: int
    from_on: date
    product: str = ""
    benefit: bool | None = None
    subscriber: tuple[str, str, str, date, str] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A condition: its ICD-10-CM code and official label, the chart's plain words, and since when."""

    key: str
    code: str
    label: str
    words: str
    chronic: bool
    since: date


@dataclass(frozen=True, slots=True)
class Medicine:
    label: str
    dosage: str
    reason: str
    started_on: date


@dataclass(frozen=True, slots=True)
class Result:
    """A measured value. words: what cannot be one number, such as a blood pressure."""

    label: str
    loinc: str
    at: datetime
    value: float | None
    unit: str
    words: str = ""
    category: str = "laboratory"


@dataclass(frozen=True, slots=True)
class Seen:
    """A visit with a practitioner. initiating_for: the program that was discussed at it."""

    on: date
    provider: str
    kind: str
    reason: str
    initiating_for: str = ""


@dataclass(frozen=True, slots=True)
class Hospital:
    from_at: datetime
    to_at: datetime
    facility: str
    reason: str


@dataclass(frozen=True, slots=True)
class Worked:
    """A span of somebody's time for this person."""

    staff: str
    activity: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    staff: str
    at: datetime
    kind: str
    outcome: str
    program: str
    note: str
    next_step: str
    who_else: str
    about_code: str
    signed: bool
    worked: tuple[Worked, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    dated_on: date
    problems: str
    goals: str
    steps: str
    medicines: str
    supports: str
    expected: str
    given_how: str
    revised: bool = False


@dataclass(frozen=True, slots=True)
class Agreement:
    """A yes, a no or a yes taken back."""

    kind: str
    at: datetime
    method: str
    given_by: str
    reason: str = ""
    what_would_help: str = ""
    ask_again_on: date | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """A person's time in a program; status `declined` has agreements only. changes: (status, from, reason)."""

    program: str
    status: str
    started_on: date
    ended_on: date | None
    ended_reason: str
    rhythm: str
    changes: tuple[tuple[str, date, str], ...]
    agreements: tuple[Agreement, ...]
    plans: tuple[Plan, ...]
    in_place: bool  # everything else the program asks for was stated by somebody


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to one item of an instrument."""

    item: str
    codes: tuple[str, ...] = ()
    number: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Stayed:
    """What was done about a worry for somebody's safety, so many days later."""

    done: str
    talked_with: str
    words: str
    days: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One time somebody answered an instrument, asked by `staff`."""

    instrument: str
    at: datetime
    staff: str
    mode: str
    replies: tuple[Reply, ...]
    note: str = ""
    worry: Stayed | None = None


@dataclass(frozen=True, slots=True)
class Life:
    family: str
    given: str
    preferred: str
    born: date
    sex: str
    races: tuple[str, ...]
    ethnicity: str
    language: str
    interpreter: bool
    marital: str
    reach: str
    ways: tuple[Way, ...]
    street: str
    city: str
    state: str
    zip: str
    supporters: tuple[Supporter, ...]
    insurance: tuple[Insurance, ...]
    matters: str
    story: str
    told_by: str
    told_on: date
    problems: tuple[Problem, ...]
    medicines: tuple[Medicine, ...]
    results: tuple[Result, ...]
    allergies: tuple[tuple[str, str], ...]  # what, what it does
    visits: tuple[Seen, ...]
    stays: tuple[Hospital, ...]
    manager: str  # key of the staff member who cares for them; empty where nobody does yet
    provider: str
    specialists: tuple[str, ...]
    since: date  # on the practice's books
    program: Program | None
    contacts: tuple[Contact, ...]
    asked: tuple[Asked, ...]
    between: tuple[Worked, ...]  # work for the person that was no contact
    died_on: date | None


@dataclass(frozen=True, slots=True)
class Team:
    """Keys of those who do the work of a practice, and of whom bills."""

    managers: tuple[str, ...]
    providers: tuple[str, ...]
    assistants: tuple[str, ...]
    bills: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a practice is. area_codes: of invented numbers, all of them 555-01xx. payers: names it lists, by kind."""

    slug: str
    zone: str
    city: str
    state: str
    zips: tuple[str, ...]
    area_codes: tuple[str, ...]
    streets: tuple[str, ...]
    medicare: str = "Medicare Part B"
    commercial: str = "Blue Cross Blue Shield of Michigan"
    other: str = "Acme Mutual"
    hospital: str = "St. Brigid Hospital"
