"""What a FHIR record becomes here: frozen rows, each knowing where it came from.

Codes are kept as they were given (system, code, display); nothing is mapped to another code system. A SNOMED
condition is therefore only a hint when a diagnosis is billed. Social Security, driver's licence and passport
numbers never reach a row (see `private_numbers`).
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from server.interop.fhir.dates import When

# --- what came out of reading one resource --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a row came from. sha256: of the resource's canonical JSON, private numbers removed."""

    source: str
    kind: str
    source_id: str
    version: str
    last_updated: datetime | None
    sha256: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A part of a record that was not taken as it stood; the record itself was. code: LEFT_OUT, SHORTENED,
    UNREADABLE, CONTRADICTION or INCOMPLETE. path: such as Patient.telecom[2].value."""

    code: str
    path: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Translated:
    """The rows of one resource, and what a person should know about them."""

    rows: tuple["Row", ...]
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Retracted:
    """The source says this record was entered in error: whatever was stored from it is to be retracted."""

    kind: str
    source_id: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A kind of record nothing here is made from yet: kept as received, and counted."""

    kind: str
    source_id: str


@dataclass(frozen=True, slots=True)
class RowError:
    """A record that could not be read. path: the element at fault. place: where in the file (entry 12, line 4)."""

    kind: str
    source_id: str
    path: str
    sentence: str
    next_step: str
    place: str = ""


Outcome = Translated | Retracted | Unknown | RowError

# --- parts ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Coding:
    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Coded:
    """A concept: the words to show, and every code it was given with."""

    text: str
    codings: tuple[Coding, ...] = ()

    def code(self, system: str) -> str:
        """The first code from `system`, or an empty string."""
        return next((coding.code for coding in self.codings if coding.system == system and coding.code), "")

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(coding.code for coding in self.codings)


@dataclass(frozen=True, slots=True)
class Identifier:
    system: str
    value: str
    kind: str = ""  # HL7 v2-0203: MR, MC (Medicare), MA (Medicaid), PI ...
    use: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """Whom or what a row points to. source_id is empty when the source gave only an identifier or a name."""

    kind: str
    source_id: str
    identifier: Identifier | None = None
    display: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    use: str  # usual, official, temp, nickname, anonymous, old, maiden, or empty
    family: str
    given: tuple[str, ...]
    prefix: str
    suffix: str
    text: str
    start: When | None = None
    end: When | None = None

    @property
    def full(self) -> str:
        return self.text or " ".join(part for part in (*self.given, self.family, self.suffix) if part)


@dataclass(frozen=True, slots=True)
class ContactPoint:
    system: str  # phone, fax, email, pager, url, sms, other
    value: str
    use: str  # home, work, temp, old, mobile, or empty
    rank: int | None
    start: When | None = None
    end: When | None = None


@dataclass(frozen=True, slots=True)
class Address:
    use: str
    kind: str  # postal, physical, both, or empty
    lines: tuple[str, ...]
    city: str
    district: str
    state: str
    postal_code: str
    country: str
    start: When | None = None
    end: When | None = None


@dataclass(frozen=True, slots=True)
class Language:
    code: str
    text: str
    preferred: bool


@dataclass(frozen=True, slots=True)
class Heritage:
    """Race or ethnicity as US Core asks for it: OMB categories, detailed codes, the person's own words."""

    categories: tuple[Coding, ...]
    detailed: tuple[Coding, ...]
    text: str


@dataclass(frozen=True, slots=True)
class ContactPerson:
    """A person of `Patient.contact`: guardian, next of kin, emergency contact."""

    relationships: tuple[Coded, ...]
    name: Name | None
    points: tuple[ContactPoint, ...]
    address: Address | None
    organization: str
    start: When | None = None
    end: When | None = None

    @property
    def is_guardian(self) -> bool:
        return any("guardian" in r.text.lower() or "GUARD" in r.codes for r in self.relationships)


@dataclass(frozen=True, slots=True)
class Quantity:
    number: Decimal | None
    unit: str
    code: str = ""
    comparator: str = ""  # <, <=, >=, > or empty

    @property
    def text(self) -> str:
        number = "" if self.number is None else f"{self.number:f}"
        return " ".join(part for part in (self.comparator + number, self.unit or self.code) if part)


@dataclass(frozen=True, slots=True)
class Value:
    """An observation's answer, in exactly one of its forms; `text` is always fit to show.

    form: quantity, coded, text, boolean, integer, range, ratio, when, period, time or samples.
    """

    form: str
    text: str
    number: Decimal | None = None
    unit: str = ""
    comparator: str = ""
    coded: Coded | None = None
    when: When | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """One of several answers measured together, such as the systolic of a blood pressure."""

    code: Coded
    value: Value | None
    absent: str
    interpretation: tuple[Coded, ...]
    reference_range: str


# --- rows -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PatientRow:
    provenance: Provenance
    names: tuple[Name, ...]
    family: str
    given: tuple[str, ...]
    preferred: str
    maiden: str
    birth: When | None
    gender: str  # administrative: male, female, other, unknown, or empty
    birth_sex: str  # M, F, UNK, OTH, or empty
    sex: Coding | None
    gender_identity: Coded | None
    pronouns: Coded | None
    race: Heritage | None
    ethnicity: Heritage | None
    tribes: tuple[Coded, ...]
    languages: tuple[Language, ...]
    interpreter_needed: bool | None
    marital_status: Coded | None
    active: bool
    deceased: bool
    died: When | None
    identifiers: tuple[Identifier, ...]
    points: tuple[ContactPoint, ...]
    addresses: tuple[Address, ...]
    contacts: tuple[ContactPerson, ...]
    practitioners: tuple[Reference, ...]
    replaced_by: tuple[Reference, ...]

    @property
    def record_number(self) -> str:
        """The source's medical record number, or an empty string."""
        return next((i.value for i in self.identifiers if i.kind == "MR"), "")


@dataclass(frozen=True, slots=True)
class SupportPersonRow:
    """A RelatedPerson: family, friend, neighbour, guardian."""

    provenance: Provenance
    patient: Reference
    name: Name | None
    relationships: tuple[Coded, ...]
    points: tuple[ContactPoint, ...]
    addresses: tuple[Address, ...]
    languages: tuple[Language, ...]
    active: bool
    start: When | None
    end: When | None


@dataclass(frozen=True, slots=True)
class CareTeamMember:
    roles: tuple[Coded, ...]
    member: Reference
    name: str
    on_behalf_of: str
    start: When | None
    end: When | None


@dataclass(frozen=True, slots=True)
class CareTeamRow:
    provenance: Provenance
    patient: Reference
    name: str
    status: str
    categories: tuple[Coded, ...]
    members: tuple[CareTeamMember, ...]
    start: When | None
    end: When | None


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """Who pays. basis: "coverage" for a Coverage record; "claim" if only a bill shows it, in which case start and
    end are the days the bill is about, not the days the coverage began or ended."""

    provenance: Provenance
    patient: Reference
    payer: str
    payer_identifier: Identifier | None
    kind: Coded | None
    product: str
    group: str
    member_id: str
    relationship: str
    order: int | None
    status: str
    start: When | None
    end: When | None
    basis: str


@dataclass(frozen=True, slots=True)
class ConditionRow:
    provenance: Provenance
    patient: Reference
    code: Coded
    categories: tuple[str, ...]  # problem-list-item, encounter-diagnosis, health-concern ...
    clinical_status: str  # active, recurrence, relapse, inactive, remission, resolved, or empty
    verification_status: str
    severity: str
    onset: When | None
    onset_text: str
    abatement: When | None
    abatement_text: str
    recorded: When | None
    encounter: Reference | None
    note: str


@dataclass(frozen=True, slots=True)
class MedicationRow:
    """A prescription (form "request") or what someone says is taken (form "statement")."""

    provenance: Provenance
    patient: Reference
    form: str
    status: str
    intent: str
    code: Coded
    dosage: str
    as_needed: bool | None
    not_to_be_given: bool
    authored: When | None
    start: When | None
    end: When | None
    reasons: tuple[str, ...]
    prescriber: str
    reported: bool | None
    encounter: Reference | None
    note: str


@dataclass(frozen=True, slots=True)
class Reaction:
    substance: str
    manifestations: tuple[str, ...]
    severity: str


@dataclass(frozen=True, slots=True)
class AllergyRow:
    provenance: Provenance
    patient: Reference
    code: Coded
    kind: str  # allergy, intolerance, or empty
    categories: tuple[str, ...]  # food, medication, environment, biologic
    criticality: str
    clinical_status: str
    verification_status: str
    reactions: tuple[Reaction, ...]
    onset: When | None
    recorded: When | None
    note: str


@dataclass(frozen=True, slots=True)
class ObservationRow:
    """A measurement or an answer. With neither value nor components, `absent` says why, or it groups `members`."""

    provenance: Provenance
    patient: Reference
    categories: tuple[str, ...]  # vital-signs, laboratory, survey, social-history, sdoh ...
    code: Coded
    status: str
    value: Value | None
    absent: str
    components: tuple[Component, ...]
    effective: When | None
    effective_end: When | None
    issued: When | None
    interpretation: tuple[Coded, ...]
    reference_range: str
    members: tuple[Reference, ...]
    derived_from: tuple[Reference, ...]
    encounter: Reference | None
    note: str


@dataclass(frozen=True, slots=True)
class VisitRow:
    provenance: Provenance
    patient: Reference
    status: str
    setting: Coding  # HL7 ActCode: AMB, EMER, IMP, HH, VR ...
    types: tuple[Coded, ...]
    start: When | None
    end: When | None
    reasons: tuple[str, ...]
    provider: str
    organization: str
    location: str
    disposition: Coded | None


@dataclass(frozen=True, slots=True)
class StayRow:
    """Nights or observation in a facility, read from the same Encounter as its visit.

    form: inpatient, observation or nursing (skilled or other nursing facility).
    """

    provenance: Provenance
    patient: Reference
    form: str
    status: str
    facility: str
    admitted: When | None
    discharged: When | None
    reasons: tuple[str, ...]
    disposition: Coded | None


@dataclass(frozen=True, slots=True)
class ProcedureRow:
    provenance: Provenance
    patient: Reference
    code: Coded
    status: str
    start: When | None
    end: When | None
    performed_text: str
    reasons: tuple[str, ...]
    performers: tuple[str, ...]
    encounter: Reference | None
    note: str


@dataclass(frozen=True, slots=True)
class ImmunizationRow:
    provenance: Provenance
    patient: Reference
    code: Coded
    status: str  # completed, not-done
    given: When | None
    given_text: str
    not_given_because: str
    from_own_record: bool | None  # FHIR primarySource: false means someone told it
    lot_number: str
    encounter: Reference | None
    note: str


FactRow = (
    SupportPersonRow
    | CareTeamRow
    | CoverageRow
    | ConditionRow
    | MedicationRow
    | AllergyRow
    | ObservationRow
    | VisitRow
    | StayRow
    | ProcedureRow
    | ImmunizationRow
)
Row = PatientRow | FactRow
