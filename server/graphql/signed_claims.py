"""Claims over GraphQL: drafts and their scrub, signing, what payers said, files, and copies for other systems."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import strawberry

from server.claims import claim_queries, files, sending, sign, usual_site
from server.claims.claim import Service
from server.claims.claim_rows import STATES, Chosen, ClaimRow, InterchangeRow
from server.claims.month import check_month
from server.errors import Refused
from server.graphql.connections import (
    After,
    Connection,
    First,
    Node,
    Ordering,
    global_id,
    id_of,
    node_kind,
    page_from_rows,
    rows_to_fetch,
)
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field, mutation
from server.graphql.scalars import Line, ShortText
from server.patients.gate import patient_for
from server.tenants.db import tenant_db
from server.tenants.payers import payer_for

BY_PERSON = Ordering("signed_claims.by_person", str, UUID)
NEWEST = Ordering("interchanges.newest", datetime, UUID)
_MOST_COPIED = 500


@strawberry.type(description="Something a payer would refuse (error), or a person should look at (warning).")
class ScrubFinding:
    rule: str = strawberry.field(description="S01 ... as listed in docs/billing.md; safe to switch on.")
    severity: str
    sentence: str
    mends: str
    field: str


@strawberry.type(description="One service of a claim.")
class ClaimService:
    code: str
    label: str
    modifiers: list[str]
    units: int
    service_on: date
    charge: Decimal = strawberry.field(
        description="Dollars for all units: the practice's own charge per code, times the units."
    )
    allowed: Decimal | None = strawberry.field(
        description="What the payer's rules expect to be paid; null where they hold no rate."
    )
    diagnoses: list[str] = strawberry.field(description="What it points to, the weightiest first.")

    @classmethod
    def of(cls, row: ClaimRow, place: int, service: Service) -> "ClaimService":
        return cls(
            code=service.code, label=row.labels[place], modifiers=list(service.modifiers), units=service.units,
            service_on=service.service_on, charge=service.charge, allowed=row.allowed[place],
            diagnoses=[row.claim.diagnoses[p - 1] for p in service.pointers if p <= len(row.claim.diagnoses)],
        )  # fmt: skip


@strawberry.type(
    description="A claim: one still to be signed (a draft, derived anew each time), or a signed one."
)
class Claim(Node):
    state: str = strawberry.field(description=f"One of {', '.join(STATES)}.")
    number: str = strawberry.field(description="Empty for a draft.")
    frequency: str = strawberry.field(description="1 original, 7 replacement, 8 void.")
    replaces_number: str
    patient_id: strawberry.ID
    patient_name: str
    payer: str
    month: str
    decision_id: strawberry.ID
    services: list[ClaimService]
    diagnoses: list[str]
    place_of_service: str
    rendering_npi: str
    billing_npi: str
    total: Decimal
    findings: list[ScrubFinding] = strawberry.field(description="Errors first. None for a signed claim.")
    content: str = strawberry.field(
        description="Canonical JSON of everything the payer is told: what a signature stands for."
    )
    content_hash: str = strawberry.field(description="sha256 of `content`; signing hands it back.")
    changed_since: bool = strawberry.field(description="The newest decision no longer says what was signed.")
    payer_control_number: str
    note: str = strawberry.field(description="Why it was withdrawn, refused or denied.")
    denied_on: date | None = strawberry.field(description="The day its payer said that it pays nothing.")
    denied_by: str = strawberry.field(description="Who entered that; empty if it was not denied.")
    unanswered: str = strawberry.field(
        description="Of a sent claim whose month no rules answered for: why it stays, and what to do; else empty."
    )
    signed_at: datetime | None
    signed_by: str
    interchange_id: strawberry.ID | None

    @classmethod
    def of(cls, row: ClaimRow) -> "Claim":
        claim = row.claim
        return cls(
            id=global_id("ClaimDraft" if row.draft else "Claim", row.id), state=row.state, number=row.number,
            frequency=claim.frequency, replaces_number=row.replaces_number,
            patient_id=global_id("Patient", row.patient_id),
            patient_name=f"{row.given_names} {row.family_name}".strip(), payer=row.payer_name, month=row.month,
            decision_id=global_id("MonthDecision", row.decision_id),
            services=[ClaimService.of(row, place, service) for place, service in enumerate(claim.services)],
            diagnoses=list(claim.diagnoses), place_of_service=claim.place.place_of_service,
            rendering_npi=claim.rendering.npi if claim.rendering else "",
            billing_npi=claim.biller.npi if claim.biller else "", total=row.total,
            findings=[
                ScrubFinding(rule=f.id, severity=f.severity, sentence=f.sentence, mends=f.mends, field=f.field)
                for f in row.findings
            ],
            content=claim.to_json(), content_hash=row.content_hash, changed_since=row.changed_since,
            payer_control_number=row.payer_control_number, note=row.note, denied_on=row.denied_on,
            denied_by=row.denied_by, unanswered=row.unanswered, signed_at=row.signed_at, signed_by=row.signed_by,
            interchange_id=global_id("Interchange", row.interchange_id) if row.interchange_id else None,
        )  # fmt: skip


@strawberry.type(description="One file of claims (X12 837P), kept as it was made.")
class Interchange(Node):
    submitter_id: str
    receiver_id: str
    receiver_name: str
    control_number: int = strawberry.field(
        description="Without a gap for this receiver; the file's ISA13 and GS06."
    )
    production: bool
    claims: int
    total: Decimal
    content_hash: str
    made_at: datetime
    made_by: str
    deliveries: int = strawberry.field(description="How often it was downloaded or written to a folder.")
    page: str = strawberry.field(description="Where people download it.")

    @classmethod
    def of(cls, row: InterchangeRow) -> "Interchange":
        return cls(
            id=global_id("Interchange", row.id), submitter_id=row.submitter_id, receiver_id=row.receiver_id,
            receiver_name=row.receiver_name, control_number=row.control_number, production=row.production,
            claims=row.claims, total=row.total, content_hash=row.content_hash, made_at=row.made_at,
            made_by=row.made_by, deliveries=row.deliveries, page=f"/claims/files/{row.id}",
        )  # fmt: skip


@strawberry.type(description="A file as it leaves the house: byte for byte the same each time.")
class InterchangeFile:
    file_name: str
    content: str = strawberry.field(description="ASCII; the interchange's contentHash is its sha256.")
    interchange: Interchange


@strawberry.type(description="A month's claims in one state, and what they ask for; a void asks for nothing.")
class ClaimsInState:
    state: str
    count: int
    total: Decimal


@strawberry.type(description="A claim that was not signed, and why.")
class LeftUnsigned:
    draft_id: strawberry.ID
    code: str
    sentence: str
    next_step: str


@strawberry.type(description="What was signed, and what was left.")
class SignedClaims:
    signed: list[Claim]
    left: list[LeftUnsigned]


@strawberry.type(description="The files that were made, one per receiver.")
class MadeInterchanges:
    interchanges: list[Interchange]
    left_out: list[str] = strawberry.field(
        description="Numbers of signed claims that no longer say what the newest decision does, or count on one that does not."
        " Withdraw them."
    )


@strawberry.type(description="A person's usual site.")
class UsualSite:
    patient_id: strawberry.ID
    site_id: strawberry.ID | None


@strawberry.input
class SignClaimInput:
    patient_id: strawberry.ID
    draft_id: strawberry.ID
    content_hash: Line
    looked: bool = strawberry.field(default=False, description="Somebody looked at its warnings.")


@strawberry.input
class SignClaimsInput:
    month: Line
    claims: list[SignClaimInput]


@strawberry.input
class SetUsualSiteInput:
    patient_id: strawberry.ID
    site_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="null takes it back: claims then name the practice's own address.",
    )
    from_on: date | None = strawberry.field(default=None, description="Left out: the first of this month.")


async def _load_claim(info: Info, id: UUID) -> Claim:
    async with tenant_db(actor_of(info), read_only=True) as db:
        return Claim.of(await claim_queries.claim_for(db, actor_of(info), id))


async def _load_interchange(info: Info, id: UUID) -> Interchange:
    async with tenant_db(actor_of(info), read_only=True) as db:
        return Interchange.of(await files.interchange_for(db, actor_of(info), id))


node_kind("Claim", permission="claims.read", loader=_load_claim)
node_kind("Interchange", permission="claims.read", loader=_load_interchange)


@strawberry.type
class SignedClaimsQuery:
    @field(
        permission="claims.read",
        description="A month's claims, drafts and signed ones, by family name. states: any of them, if given.",
    )
    async def claims(
        self, info: Info, month: Line, states: list[Line] | None = None, payer_id: strawberry.ID | None = None,
        patient_id: strawberry.ID | None = None, first: First = 50, after: After = None,
    ) -> Connection[Claim]:  # fmt: skip
        actor = actor_of(info)
        cursors = BY_PERSON.within(actor.tenant_id)
        if strange := set(states or ()) - set(STATES):
            raise Refused(
                "STATE_UNKNOWN",
                f"{len(strange)} of the states asked for {'is' if len(strange) == 1 else 'are'} no claim's state.",
                f"Use {', '.join(STATES)}.",
                "states",
            )
        payer = id_of("Payer", payer_id) if payer_id else None
        patient = id_of("Patient", patient_id) if patient_id else None
        async with tenant_db(actor, read_only=True) as db:
            if payer is not None:
                await payer_for(db, actor, payer, permission="claims.read")
            if patient is not None:
                await patient_for(db, actor, patient, permission="claims.read")
            rows = await claim_queries.month_claims(
                db, actor, check_month(month), states=states or (), payer_id=payer,
                patient_ids=[patient] if patient else None, limit=rows_to_fetch(first), position=cursors.read(after),
            )  # fmt: skip
        return page_from_rows(
            rows,
            first,
            cursor_of=lambda row: cursors.write(row.family_key, row.id),
            node_of=Claim.of,
            after=after,
        )

    @field(permission="claims.read", description="How many claims of a month are in each state, and dollars.")
    async def claims_overview(self, info: Info, month: Line) -> list[ClaimsInState]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            made = await claim_queries.claims_overview(db, actor, check_month(month))
        return [
            ClaimsInState(state=state, count=made.counts[state], total=made.totals[state])
            for state in STATES
            if state in made.counts
        ]

    @field(permission="claims.read", description="Files of claims, newest first; of a month, if given.")
    async def interchanges(
        self, info: Info, month: Line | None = None, first: First = 50, after: After = None
    ) -> Connection[Interchange]:
        actor = actor_of(info)
        cursors = NEWEST.within(actor.tenant_id)
        async with tenant_db(actor, read_only=True) as db:
            rows = await files.interchanges(
                db, actor, month=check_month(month) if month else None, limit=rows_to_fetch(first),
                position=cursors.read(after),
            )  # fmt: skip
        return page_from_rows(
            rows,
            first,
            cursor_of=lambda row: cursors.write(row.made_at.astimezone(UTC), row.id),
            node_of=Interchange.of,
            after=after,
        )

    @field(permission="claims.read", description="Signed claims as plain text, to type into another system.")
    async def billing_text(self, info: Info, claims: list[strawberry.ID]) -> str:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            return await claim_queries.billing_text(db, actor, _copied(claims))

    @field(permission="claims.read", description="Signed claims as CSV, a row per service.")
    async def billing_csv(self, info: Info, claims: list[strawberry.ID]) -> str:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            return await claim_queries.billing_csv(db, actor, _copied(claims))


def _copied(ids: list[strawberry.ID]) -> list[UUID]:
    if not 1 <= len(ids) <= _MOST_COPIED:
        raise Refused(
            "TOO_MANY",
            f"{len(ids)} claims were asked for; between 1 and {_MOST_COPIED} can be copied at once.",
            "Ask for them in parts.",
            "claims",
        )
    return [id_of("Claim", id) for id in ids]


@strawberry.type
class SignedClaimsMutation:
    @mutation(
        permission="claims.sign",
        description="Sign drafts as they were seen. What changed meanwhile, or is not ready, is left and said.",
    )
    async def sign_off_claims(self, info: Info, input: SignClaimsInput) -> SignedClaims:
        actor = actor_of(info)
        chosen = [
            Chosen(
                id_of("Patient", one.patient_id),
                id_of("ClaimDraft", one.draft_id, what="claim"),
                one.content_hash,
                one.looked,
            )
            for one in input.claims
        ]
        async with tenant_db(actor) as db:
            made = await sign.sign_claims(db, actor, check_month(input.month), chosen)
        return SignedClaims(
            signed=[Claim.of(row) for row in made.signed],
            left=[
                LeftUnsigned(
                    draft_id=global_id("ClaimDraft", one.draft_id), code=one.code, sentence=one.sentence,
                    next_step=one.next_step,
                )
                for one in made.left
            ],
        )  # fmt: skip

    @mutation(permission="claims.sign", description="Take a signed claim back before it is sent.")
    async def withdraw_claim(self, info: Info, id: strawberry.ID, note: ShortText | None = None) -> Claim:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            return Claim.of(await sign.withdraw_claim(db, actor, id_of("Claim", id), note=note or ""))

    @mutation(permission="claims.sign", description="The payer's own number for a sent claim.")
    async def record_payer_number(self, info: Info, id: strawberry.ID, number: Line) -> Claim:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            return Claim.of(await sign.record_payer_number(db, actor, id_of("Claim", id), number=number))

    @mutation(
        permission="claims.sign",
        description="The payer refused to take a sent claim in at all; its services may be claimed anew.",
    )
    async def record_claim_refusal(self, info: Info, id: strawberry.ID, note: ShortText) -> Claim:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            return Claim.of(await sign.record_refusal(db, actor, id_of("Claim", id), note=note))

    @mutation(
        permission="claims.sign",
        description="The payer took a sent claim in and paid nothing; the next payer's may go without a void of this one.",
    )
    async def record_claim_denial(self, info: Info, id: strawberry.ID, on: date, note: ShortText) -> Claim:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            return Claim.of(await sign.record_denial(db, actor, id_of("Claim", id), on=on, note=note))

    @mutation(
        permission="claims.sign",
        description="It was not denied after all, or was paid later: the claim stands as sent again.",
    )
    async def take_back_claim_denial(self, info: Info, id: strawberry.ID) -> Claim:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            return Claim.of(await sign.take_back_denial(db, actor, id_of("Claim", id)))

    @mutation(
        permission="claims.sign",
        alone=True,
        description="One file per receiver of every signed claim that was not sent and still holds.",
    )
    async def make_interchanges(
        self, info: Info, month: Line | None = None, payer_id: strawberry.ID | None = None
    ) -> MadeInterchanges:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            made = await sending.make_interchanges(
                db, actor, month=check_month(month) if month else None,
                payer_id=id_of("Payer", payer_id) if payer_id else None,
            )  # fmt: skip
        return MadeInterchanges(
            interchanges=[Interchange.of(row) for row in made.files], left_out=list(made.left_out)
        )

    @mutation(permission="claims.sign", description="Take a file along; that it left is written down.")
    async def download_interchange(self, info: Info, id: strawberry.ID) -> InterchangeFile:
        actor = actor_of(info)
        async with tenant_db(actor) as db:
            row, content = await files.file_of(db, actor, id_of("Interchange", id))
        return InterchangeFile(
            file_name=row.file_name, content=content.decode("ascii"), interchange=Interchange.of(row)
        )

    @mutation(permission="patients.write", description="Where this person would be seen, from a day on.")
    async def set_usual_site(self, info: Info, input: SetUsualSiteInput) -> UsualSite:
        actor = actor_of(info)
        if input.site_id is strawberry.UNSET:
            raise Refused(
                "SITE_NEEDED",
                "No site was given.",
                "Send its id, or null to take the usual site back.",
                "site_id",
            )
        async with tenant_db(actor) as db:
            await usual_site.set_usual_site(
                db,
                actor,
                id_of("Patient", input.patient_id),
                id_of("Site", input.site_id) if input.site_id else None,
                from_on=input.from_on,
            )
        return UsualSite(patient_id=input.patient_id, site_id=input.site_id)
