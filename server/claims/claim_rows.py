"""Claims of a month as pages and GraphQL show them: those still to be signed, and those signed."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from server.claims.claim import Claim, ScrubFinding
from server.words import N_

#: state -> words. The first three are drafts: derived from the newest decisions, and gone when signed.
STATES = {
    "to_mend": N_("Something is missing"),
    "to_look_at": N_("Look before signing"),
    "ready": N_("Ready to sign"),
    "signed": N_("Signed"),
    "sent": N_("Sent"),
    "refused": N_("Refused by the payer"),
    "denied": N_("Denied or paid nothing"),
    "withdrawn": N_("Withdrawn"),
    "replaced": N_("Replaced"),
}
DRAFTS = ("to_mend", "to_look_at", "ready")


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """One claim. number, signed_at ... are empty for a draft; findings are empty for a signed one.

    changed_since: the newest decision no longer says what was signed. replaces_number: the claim that a replacement
    (frequency 7) or void (8) is about. unanswered: of a sent claim whose month no rules answered, why, and what to do. findings: errors first.
    """

    id: UUID
    state: str
    patient_id: UUID
    family_name: str
    given_names: str
    preferred_name: str
    family_key: str
    payer_id: UUID
    payer_name: str
    month: str
    decision_id: UUID
    claim: Claim
    content_hash: str
    line_ids: tuple[UUID, ...]
    labels: tuple[str, ...]  # ours, per service
    allowed: tuple[Decimal | None, ...]  # what the rules expect to be paid, per service
    findings: tuple[ScrubFinding, ...] = ()
    number: str = ""
    replaces_id: UUID | None = None
    replaces_number: str = ""
    changed_since: bool = False
    payer_control_number: str = ""
    note: str = ""
    signed_at: datetime | None = None
    signed_by: str = ""
    interchange_id: UUID | None = None
    unanswered: str = ""
    denied_on: date | None = None
    denied_by: str = ""

    @property
    def total(self) -> Decimal:
        return self.claim.total

    @property
    def asked(self) -> Decimal:
        return self.claim.asked

    @property
    def draft(self) -> bool:
        return self.state in DRAFTS


@dataclass(frozen=True, slots=True)
class ClaimsOverview:
    """How many claims of a month are in each state, and the dollars they ask for. changed: signed ones that no longer say what
    the newest decision does."""

    counts: dict[str, int]
    totals: dict[str, Decimal]
    changed: int


@dataclass(frozen=True, slots=True)
class InterchangeRow:
    """One file of claims. deliveries: how often it left the house.

    file_name: as it is downloaded. Control numbers begin at 1 in every practice and for every submitter, so who
    sends it and the end of its id keep the files of several practices apart in one folder.
    """

    id: UUID
    submitter_id: str
    receiver_id: str
    receiver_name: str
    control_number: int
    production: bool
    claims: int
    total: Decimal
    content_hash: str
    made_at: datetime
    made_by: str
    deliveries: int

    @property
    def file_name(self) -> str:
        kind = "P" if self.production else "T"
        ends = f"{self.submitter_id}-{self.receiver_id}".replace(" ", "_")
        return f"837P-{ends}-{self.control_number:09d}-{kind}-{self.id.hex[-8:]}.edi"


@dataclass(frozen=True, slots=True)
class MadeFiles:
    """left_out: numbers of signed claims that must not go out now."""

    files: tuple[InterchangeRow, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A draft somebody signs. content_hash: what they saw. looked: they looked at its warnings."""

    patient_id: UUID
    draft_id: UUID
    content_hash: str
    looked: bool = False


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A draft that was not signed, and why."""

    draft_id: UUID
    code: str
    sentence: str
    next_step: str


@dataclass(frozen=True, slots=True)
class SignedBatch:
    signed: tuple[ClaimRow, ...]
    left: tuple[LeftBehind, ...]
