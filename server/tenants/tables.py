"""Practices and their people: what is known before a practice is (platform), and what belongs to one (tenant)."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.ids import new_id
from server.mail import Mail  # noqa: F401 - its table is known wherever the others of the sign-in door are
from server.tables import JSON, Made, Platform, Table, Tenant, one_of, unique, within
from server.tenants.permissions import ROLES

# --- before a practice is known -------------------------------------------------------------------------------


class Directory(Platform, Table):
    """Which practices exist, for sign-in and the switcher. No patient data, no settings."""

    __tablename__ = "directory"
    __table_args__ = (one_of("state", "preparing", "open", "closed"),)
    exempt = "Names a practice before one can be chosen; readable by the sign-in role only."
    roles: ClassVar[dict[str, str]] = {"auth": "select, insert, update"}

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(unique=True)  # never reused: a closed practice keeps its row
    name: Mapped[str]
    state: Mapped[str]
    demo: Mapped[bool] = mapped_column(default=False)
    made_at: Mapped[datetime]


class Person(Platform, Table):
    """A login. One person may work in several practices."""

    __tablename__ = "person"
    exempt = "A login exists before a practice is chosen; readable by the sign-in role only."
    roles: ClassVar[dict[str, str]] = {"auth": "select, insert, update"}

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(unique=True)  # folded by server.tenants.names.fold_email
    name: Mapped[str]
    password_hash: Mapped[str]
    password_changed_at: Mapped[datetime]
    email_confirmed_at: Mapped[datetime | None]
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary)  # sealed with the installation's key
    totp_last_step: Mapped[int] = mapped_column(default=0)
    totp_confirmed_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    made_at: Mapped[datetime]


class Membership(Platform, Table):
    """Which practices a login may try to enter. The right to enter is the staff row inside the practice."""

    __tablename__ = "membership"
    exempt = "The switcher's index from login to practices; carries no rights."
    roles: ClassVar[dict[str, str]] = {"auth": "select, insert, delete"}

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("directory.id"), primary_key=True)


class RecoveryCode(Platform, Table):
    __tablename__ = "recovery_code"
    exempt = "Part of a login."
    roles: ClassVar[dict[str, str]] = {"auth": "select, insert, update, delete"}

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    used_at: Mapped[datetime | None]


class SignIn(Platform, Table):
    """A session. `stage` grows from password to full (second factor given); every change of stage, practice or
    role makes a new token. Only the token's hash is kept."""

    __tablename__ = "sign_in"
    __table_args__ = (one_of("stage", "password", "full"),)
    exempt = "A session is looked up before the practice is known."
    roles: ClassVar[dict[str, str]] = {"auth": "select, insert, update, delete"}

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    csrf_secret: Mapped[bytes] = mapped_column(LargeBinary)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("directory.id"))
    stage: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)  # wrong second factors in this challenge
    made_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]  # absolute; idling ends it sooner
    ended_at: Mapped[datetime | None]
    device: Mapped[str] = mapped_column(default="")


class OneTimeLink(Platform, Table):
    """Confirmation, reset and invitation links: hashed, single use, bound to an e-mail and a purpose."""

    __tablename__ = "one_time_link"
    __table_args__ = (one_of("kind", "confirm", "reset", "invite"),)
    exempt = "Opened by someone who has not signed in yet."
    roles: ClassVar[dict[str, str]] = {"auth": "select, insert, update"}

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    email: Mapped[str] = mapped_column(index=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("directory.id"))
    staff_id: Mapped[UUID | None]
    details: Mapped[JSON] = mapped_column(default=dict)
    made_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Attempt(Platform, Table):
    """Counters that slow guessing: keyed by account, address block or purpose, all hashed."""

    __tablename__ = "attempt"
    __table_args__ = (Index("ix_attempt_bucket_at", "bucket", "at"),)
    exempt = "Counts wrong passwords before anyone is known."
    roles: ClassVar[dict[str, str]] = {"auth": "select, insert, delete"}

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    bucket: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]


class ApiToken(Platform, Table):
    """A bearer token of one person in one practice, never exceeding that person's role there."""

    __tablename__ = "api_token"
    exempt = "A token is looked up before the practice is known."
    roles: ClassVar[dict[str, str]] = {"auth": "select, insert, update"}

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("directory.id"), index=True)
    name: Mapped[str]
    scopes: Mapped[list[str]]
    made_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Bell(Platform, Table):
    """Which practices have work due. No payload."""

    __tablename__ = "bell"
    exempt = "Holds no data: only that a practice has work due, so that workers can take turns."
    roles: ClassVar[dict[str, str]] = {
        "bell": "select, insert, update, delete",
        "app": "select, insert, update",
    }

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    due_at: Mapped[datetime]


class DiagnosisCode(Platform, Table):
    """ICD-10-CM, a public code set; the same for everyone."""

    __tablename__ = "diagnosis_code"
    __table_args__ = (
        Index(
            "ix_diagnosis_code_words",
            "search_key",
            postgresql_using="gin",
            postgresql_ops={"search_key": "gin_trgm_ops"},
        ),
    )
    exempt = "A public code set."
    roles: ClassVar[dict[str, str]] = {"app": "select"}

    code: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str]
    search_key: Mapped[str]
    billable: Mapped[bool]


# --- a practice and its staff ---------------------------------------------------------------------------------


class Practice(Tenant, Table):
    """The practice's own row; its id equals its tenant_id."""

    __tablename__ = "practice"
    __table_args__ = (
        one_of("selection_policy", "accurate", "max"),
        one_of("kind", "practice", "rural_health_clinic", "federally_qualified_health_center"),
    )

    name: Mapped[str]
    npi: Mapped[str]
    time_zone: Mapped[str]
    phone: Mapped[str] = mapped_column(default="")
    selection_policy: Mapped[str] = mapped_column(default="accurate")
    kind: Mapped[str] = mapped_column(default="practice")
    set_up_done_at: Mapped[datetime | None]
    made_at: Mapped[datetime]


class PolicyChoice(Tenant, Made, Table):
    """How the practice chose to select lines, and why, in its own words. The newest is `Practice.selection_policy`."""

    __tablename__ = "policy_choice"
    __table_args__ = (one_of("policy", "accurate", "max"),)
    append_only = True

    policy: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")


class Acceptance(Tenant, Table):
    """Terms and business-associate agreement accepted; no patient data may be entered before both."""

    __tablename__ = "acceptance"
    __table_args__ = (one_of("document", "terms", "baa"),)
    append_only = True

    document: Mapped[str]
    version: Mapped[str]
    text_hash: Mapped[str]  # sha256 of the text shown
    accepted_by: Mapped[str]  # the name as typed
    staff_id: Mapped[UUID | None]
    at: Mapped[datetime]


class Site(Tenant, Made, Table):
    __tablename__ = "site"

    name: Mapped[str]
    street: Mapped[str] = mapped_column(default="")
    city: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="")
    zip: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    active: Mapped[bool] = mapped_column(default=True)


class Payer(Tenant, Made, Table):
    """A payer this practice bills. `kind` is the word plugins own payers by; empty means none claims it."""

    __tablename__ = "payer"
    __table_args__ = (unique("name"),)

    name: Mapped[str]
    kind: Mapped[str] = mapped_column(default="")
    edi_id: Mapped[str] = mapped_column(default="")
    active: Mapped[bool] = mapped_column(default=True)


class Staff(Tenant, Made, Table):
    """Someone who works in the practice. May have no login (person_id empty), as a provider who only bills."""

    __tablename__ = "staff"
    __table_args__ = (
        one_of("role", *ROLES),
        unique("person_id"),
        Index("uq_staff_email", "tenant_id", "email", unique=True, postgresql_where="email <> ''"),
    )

    person_id: Mapped[UUID | None]
    name: Mapped[str]
    email: Mapped[str] = mapped_column(default="")
    role: Mapped[str]
    npi: Mapped[str] = mapped_column(default="")
    bills: Mapped[bool] = mapped_column(default=False)  # may be the billing practitioner
    qualifying_participant: Mapped[bool] = mapped_column(
        default=False
    )  # paid by the higher conversion factor
    active: Mapped[bool] = mapped_column(default=True)
    invited_at: Mapped[datetime | None]
    joined_at: Mapped[datetime | None]
    hints_away: Mapped[list[str]] = mapped_column(server_default="{}")  # keys of web/hints.py: shown no more


class Qualification(Tenant, Made, Table):
    """A dated discipline, licence or training of a staff member: payer rules ask who someone was on the day."""

    __tablename__ = "qualification"
    __table_args__ = within(one_of("kind", "discipline", "licence", "training"), staff_id="staff")

    staff_id: Mapped[UUID]
    kind: Mapped[str]
    name: Mapped[str]  # such as rn, md, medical_assistant; a licence's type; a course
    number: Mapped[str] = mapped_column(default="")
    region: Mapped[str] = mapped_column(default="")
    from_on: Mapped[date]
    to_on: Mapped[date | None]


class WorkingHours(Tenant, Made, Table):
    """When somebody plans to be there on one day of the week, by the practice's clock. Told ahead, for planning alone:
    nothing is ever compared with it."""

    __tablename__ = "working_hours"
    __table_args__ = within(
        CheckConstraint("weekday between 0 and 6", name="weekday"),
        CheckConstraint("begins < ends", name="span"),
        CheckConstraint("to_on >= from_on", name="days"),
        Index("ix_working_hours_staff", "tenant_id", "staff_id", "from_on"),
        staff_id="staff",
        site_id="site",
    )

    staff_id: Mapped[UUID]
    site_id: Mapped[UUID | None]  # none: at home or on the road
    weekday: Mapped[int]  # 0 is Monday
    begins: Mapped[time]
    ends: Mapped[time]
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    protected: Mapped[bool] = mapped_column(default=False)  # kept for first visits and unhurried talks


class DaysAway(Tenant, Made, Table):
    """Whole days on which somebody is not there, whatever the week says. Why is nobody's business and has no place here."""

    __tablename__ = "days_away"
    __table_args__ = within(
        CheckConstraint("to_on >= from_on", name="days"),
        Index("ix_days_away_staff", "tenant_id", "staff_id", "from_on"),
        staff_id="staff",
    )

    staff_id: Mapped[UUID]
    from_on: Mapped[date]
    to_on: Mapped[date]


# --- what a claim says about the practice ---------------------------------------------------------------------
#
# Each row is a statement that holds from a day on. A correction is a further row for the same day: of those that
# begin on or before a date of service, the latest day counts, and of one day the row written last.


class BillingIdentity(Tenant, Made, Table):
    """Who bills: the legal name and numbers a payer has enrolled, and whom the payer may call."""

    __tablename__ = "billing_identity"
    __table_args__ = (
        one_of("tin_kind", "EI", "SY"),
        Index("ix_billing_identity_from", "tenant_id", "from_on"),
    )
    append_only = True

    from_on: Mapped[date]
    legal_name: Mapped[str]
    tin: Mapped[str]  # nine digits
    tin_kind: Mapped[str]  # EI employer number, SY Social Security number of a sole proprietor
    npi: Mapped[str]
    taxonomy: Mapped[str]
    street: Mapped[str]
    city: Mapped[str]
    state: Mapped[str]
    zip: Mapped[str]  # 48226-0001
    contact_name: Mapped[str]
    contact_phone: Mapped[str]
    contact_email: Mapped[str] = mapped_column(default="")
    submitter_id: Mapped[str]  # the receiver's name for whoever sends the file


class SiteBilling(Tenant, Made, Table):
    """A site as a claim names it. Without one, people are seen at the practice's own address."""

    __tablename__ = "site_billing"
    __table_args__ = within(Index("ix_site_billing_from", "tenant_id", "site_id", "from_on"), site_id="site")
    append_only = True

    site_id: Mapped[UUID]
    from_on: Mapped[date]
    legal_name: Mapped[str]
    npi: Mapped[str] = mapped_column(default="")  # empty: it has none of its own
    place_of_service: Mapped[str]  # two digits
    street: Mapped[str]
    city: Mapped[str]
    state: Mapped[str]
    zip: Mapped[str]


class PayerRoute(Tenant, Made, Table):
    """How claims reach a payer."""

    __tablename__ = "payer_route"
    __table_args__ = within(
        Index("ix_payer_route_from", "tenant_id", "payer_id", "from_on"), payer_id="payer"
    )
    append_only = True

    payer_id: Mapped[UUID]
    from_on: Mapped[date]
    receiver_id: Mapped[str]  # ISA08: the payer's gateway or a clearinghouse
    receiver_name: Mapped[str]
    claim_payer_name: Mapped[str]  # as the payer wants to be called on a claim
    claim_payer_id: Mapped[str]
    filing_indicator: Mapped[str]  # SBR09: MB, BL, CI ...
    production: Mapped[bool] = mapped_column(default=False)  # False: files are marked as a test
    provider_number: Mapped[str] = mapped_column(default="")  # the payer's own number for the practice
    names_supervisor: Mapped[bool] = mapped_column(default=False)  # wants incident-to work to say under whom
    filing_days: Mapped[int] = mapped_column(default=365)  # days after the service in which it takes a claim


class Charge(Tenant, Made, Table):
    """What the practice asks for one unit of a code, from a day on."""

    __tablename__ = "charge"
    __table_args__ = (Index("ix_charge_code", "tenant_id", "code", "from_on"),)
    append_only = True

    code: Mapped[str]
    from_on: Mapped[date]
    amount: Mapped[Decimal]


class ProviderBilling(Tenant, Made, Table):
    """A practitioner as a claim names one. The NPI stands on the staff row."""

    __tablename__ = "provider_billing"
    __table_args__ = within(
        Index("ix_provider_billing_from", "tenant_id", "staff_id", "from_on"), staff_id="staff"
    )
    append_only = True

    staff_id: Mapped[UUID]
    from_on: Mapped[date]
    family_name: Mapped[str]
    given_name: Mapped[str]
    taxonomy: Mapped[str]


class AuditEvent(Tenant, Table):
    """Who saw or did what, to whom. Written by the door; read by the privacy officer and the person concerned."""

    __tablename__ = "audit_event"
    __table_args__ = (Index("ix_audit_event_at", "tenant_id", "at"),)
    append_only = True

    at: Mapped[datetime]
    staff_id: Mapped[UUID | None]
    role: Mapped[str]
    via: Mapped[str]
    request_id: Mapped[str]
    action: Mapped[str]  # room.verb
    effect: Mapped[str]  # read | write | refused
    patient_ids: Mapped[list[UUID]]
    entity: Mapped[str]
    entity_ids: Mapped[list[UUID]]
    details: Mapped[JSON] = mapped_column(
        default=dict
    )  # never a person's words: codes, counts, reasons chosen


class AuditUnsealed(Platform, Table):
    """Events the sealer has not met yet. The door writes one in the message that commits the event."""

    __tablename__ = "audit_unsealed"
    exempt = (
        "Holds ids only: which practices' audits wait for the sealer, so that it need not visit them all."
    )
    roles: ClassVar[dict[str, str]] = {"bell": "select", "app": "select, insert, delete"}

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)


class AuditSeal(Tenant, Table):
    """The chain over a practice's audit: one row per event, in the order the sealer met them."""

    __tablename__ = "audit_seal"
    __table_args__ = (UniqueConstraint("tenant_id", "number"), unique("event_id"))
    append_only = True

    number: Mapped[int]
    event_id: Mapped[UUID]
    chain_hash: Mapped[str]
    sealed_at: Mapped[datetime]


class AuditSubject(Tenant, Table):
    """Whom an event is about, one row per patient: the sealer's index for "who opened this record". Patient ids
    inside `audit_event` cannot be searched under row level security: array containment is not leakproof."""

    __tablename__ = "audit_subject"
    __table_args__ = (Index("ix_audit_subject_patient", "tenant_id", "patient_id", "at"),)
    append_only = True
    about_patient = True

    patient_id: Mapped[UUID]  # no foreign key: a refusal may name someone who does not exist here
    event_id: Mapped[UUID]
    at: Mapped[datetime]


class Job(Tenant, Table):
    """The ledger of work. Ids only in `args`; the worker claims with a lease and a fence."""

    __tablename__ = "job"
    __table_args__ = (
        one_of("state", "ready", "running", "done", "dead", "cancelled", "given_up"),
        unique("kind", "dedupe_key"),
        Index("ix_job_due", "tenant_id", "run_at", postgresql_where="state in ('ready', 'running')"),
        Index("ix_job_dead", "tenant_id", "id", postgresql_where="state = 'dead'"),
    )

    kind: Mapped[str]
    dedupe_key: Mapped[str]
    args: Mapped[JSON]
    state: Mapped[str] = mapped_column(default="ready")
    attempts: Mapped[int] = mapped_column(default=0)
    run_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(default="")
    made_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="", server_default="")  # why somebody gave it up


class Schedule(Tenant, Table):
    """The occasions of what repeats in a practice (server/schedules.py): those that were, and the next one."""

    __tablename__ = "schedule"
    __table_args__ = (
        one_of("state", "waiting", "added", "skipped"),
        UniqueConstraint("tenant_id", "name", "due_at", name="uq_schedule_due_at"),
        UniqueConstraint("tenant_id", "name", "occasion", name="uq_schedule_occasion"),
        unique("name", where="state = 'waiting'", name="uq_schedule_waiting"),
    )

    name: Mapped[str]
    occasion: Mapped[str]  # a local date, or an hour of UTC: what makes it this one and no other
    due_at: Mapped[datetime]
    state: Mapped[str]  # skipped: missed in an outage, and a later occasion ran instead
    done_at: Mapped[datetime | None]


class IdempotencyKey(Tenant, Table):
    """What somebody asked for under a key of their own, and the answer they got. Inserted first, in the transaction
    of the effect, and gone after a week."""

    __tablename__ = "idempotency_key"
    __table_args__ = within(
        unique("staff_id", "operation", "key"), Index(None, "tenant_id", "made_at"), staff_id="staff"
    )

    staff_id: Mapped[UUID]
    operation: Mapped[str]
    key: Mapped[str]
    asked_hash: Mapped[bytes] = mapped_column(LargeBinary)  # keyed: it tells nobody what was asked
    status: Mapped[int]
    answer: Mapped[bytes] = mapped_column(LargeBinary)  # sealed; empty inside the transaction alone
    rights: Mapped[list[str]]  # of whoever asked; who has lost one of them is told nothing
    patient_ids: Mapped[list[UUID]]  # whom the answer is about, for the audit of its being told again
    made_at: Mapped[datetime]
