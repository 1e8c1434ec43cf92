"""Signing claims, taking them back, what the payer said of them, and making the files that carry them.

All of it takes turns within a practice, so that numbers have no gap and a service is never claimed twice.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, delete, func, insert, select, text, update

from server.claims.assembly import Draft
from server.claims.claim import Claim, service_key
from server.claims.claim_queries import assembled, claim_for, interchange_for
from server.claims.claim_rows import Chosen, ClaimRow, InterchangeRow, LeftBehind, SignedBatch
from server.claims.tables import Claim as ClaimTable
from server.claims.tables import ClaimedService, ClaimStanding, Interchange, InterchangeClaim, UsualSite
from server.claims.x12.interchange import MOST_CLAIMS, Envelope, NotWritable, Numbered, write
from server.claims.x12.words import unsafe_id
from server.clock import now, today
from server.errors import Refused, not_found
from server.ids import new_id
from server.patients.gate import patient_for
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.billing_identity import routes_on
from server.tenants.db import Db
from server.tenants.names import written
from server.tenants.payers import payer_for
from server.tenants.sites import site_for

_MOST_AT_ONCE: Final = 2000
_MOST_CONTROL: Final = 999_999_999


# --- signing ------------------------------------------------------------------------------------------------------


async def sign_claims(db: Db, actor: Actor, month: str, chosen: Sequence[Chosen]) -> SignedBatch:
    """Sign what somebody looked at; what changed meanwhile, or is not ready, is left and said.

    Raises Refused NOTHING_CHOSEN, TOO_MANY, or the first reason if nothing could be signed.
    """
    actor.require("claims.sign")
    if not chosen:
        raise Refused("NOTHING_CHOSEN", "No claim was chosen.", "Choose the claims to sign.", "chosen")
    if len(chosen) > _MOST_AT_ONCE:
        raise Refused(
            "TOO_MANY",
            f"{len(chosen)} claims were chosen; {_MOST_AT_ONCE:,} can be signed at once.",
            "Sign them in parts.",
            "chosen",
        )
    await _turn(db, actor)
    people = {one.patient_id for one in chosen}
    if people - set((await db.execute(select(Patient.id).where(Patient.id.in_(people)))).scalars()):
        db.note(actor, "claims.sign", entity="patient", entity_ids=sorted(people), effect="refused")
        raise not_found("patient")
    rows = await assembled(db, actor, month, people)
    drafts = {row.id: (row, draft) for row, draft in rows if draft is not None}
    left: list[LeftBehind] = []
    taken: list[tuple[ClaimRow, Draft]] = []
    keys: set[str] = set()
    for one in {one.draft_id: one for one in chosen}.values():
        row, draft = drafts.get(one.draft_id, (None, None))
        reason = _reason(one, row, draft, keys)
        if reason is not None or row is None or draft is None:
            left.append(reason or _gone(one))
            continue
        keys |= {service_key(draft.claim, service) for service in draft.claim.services}
        taken.append((row, draft))
    if not taken:
        first = left[0]
        raise Refused(first.code, first.sentence, first.next_step, "chosen")
    signed = await _store(db, actor, taken)
    db.note(
        actor, "claims.sign", entity="claim", entity_ids=list(signed), effect="write", month=month,
        patient_ids=[row.patient_id for row, _ in taken],
    )  # fmt: skip
    after = await assembled(db, actor, month, {row.patient_id for row, _ in taken})
    return SignedBatch(tuple(row for row, _ in after if row.id in signed), tuple(left))


def _reason(one: Chosen, row: ClaimRow | None, draft: Draft | None, keys: set[str]) -> LeftBehind | None:
    """Why a draft cannot be signed as it was chosen, or None."""
    if row is None or draft is None:
        return _gone(one)
    name = f"{row.given_names} {row.family_name}".strip()
    if row.content_hash != one.content_hash:
        return LeftBehind(
            one.draft_id,
            "CLAIM_CHANGED",
            f"The claim of {name} has changed since you looked at it, so it was not signed.",
            "Look at it again and sign what it says now.",
        )
    errors = [finding for finding in row.findings if finding.severity == "error"]
    if errors:
        return LeftBehind(one.draft_id, "CLAIM_NOT_READY", f"{name}: {errors[0].sentence}", errors[0].mends)
    if row.findings and not one.looked:
        return LeftBehind(
            one.draft_id,
            "LOOK_FIRST",
            f"{name}: {row.findings[0].sentence}",
            "Open the claim, look at what it says, and sign it from there.",
        )
    if keys & {service_key(draft.claim, service) for service in draft.claim.services}:
        return LeftBehind(
            one.draft_id,
            "CLAIMED_TWICE",
            f"Another claim just signed asks for the same service of {name}.",
            "Look at the other claim.",
        )
    return None


def _gone(one: Chosen) -> LeftBehind:
    return LeftBehind(
        one.draft_id,
        "CLAIM_CHANGED",
        "One of the chosen claims is not there any more: it was signed already, or the month was decided anew.",
        "Look at the month again.",
    )


async def _store(db: Db, actor: Actor, taken: Sequence[tuple[ClaimRow, Draft]]) -> set[UUID]:
    last = await db.scalar(select(func.coalesce(func.max(ClaimTable.serial), 0)))
    at = now()
    claims: list[dict[str, Any]] = []
    standings: list[dict[str, Any]] = []
    services: list[dict[str, Any]] = []
    for serial, (row, draft) in enumerate(taken, (last or 0) + 1):
        claim, id = draft.claim, new_id()
        replaces = draft.replaces.id if draft.replaces else None
        claims.append(
            {
                "tenant_id": actor.tenant_id, "id": id, "patient_id": row.patient_id, "serial": serial,
                "number": f"{claim.month[2:4]}{claim.month[5:]}-{serial:05d}", "frequency": claim.frequency,
                "replaces_id": replaces, "month": claim.month, "decision_id": draft.decision_id,
                "coverage_id": UUID(claim.coverage), "payer_id": row.payer_id, "line_ids": list(row.line_ids),
                "total": claim.total, "content": claim.to_json(), "content_hash": claim.digest(), "signed_at": at,
                "signed_by": actor.staff_id,
            }
        )  # fmt: skip
        standings.append(
            {
                "tenant_id": actor.tenant_id, "id": new_id(), "patient_id": row.patient_id, "claim_id": id,
                "state": "signed", "replaces_id": replaces, "changed_at": at, "changed_by": actor.staff_id,
            }
        )  # fmt: skip
        if claim.frequency != "8":
            services += _services(actor, id, row.patient_id, claim, row.line_ids)
    replaced = [c["replaces_id"] for c in claims if c["replaces_id"]]
    if replaced:
        await db.execute(delete(ClaimedService).where(ClaimedService.claim_id.in_(replaced)))
    for table, rows in ((ClaimTable, claims), (ClaimStanding, standings), (ClaimedService, services)):
        if rows:
            await db.execute(insert(table), rows)
    return {c["id"] for c in claims}


def _services(
    actor: Actor, claim_id: UUID, patient_id: UUID, claim: Claim, line_ids: Iterable[UUID]
) -> list[dict[str, Any]]:
    return [
        {
            "tenant_id": actor.tenant_id, "id": new_id(), "patient_id": patient_id, "claim_id": claim_id,
            "line_id": line_id, "service_key": service_key(claim, service),
        }
        for service, line_id in zip(claim.services, line_ids, strict=True)
    ]  # fmt: skip


# --- what becomes of a signed claim -------------------------------------------------------------------------------


async def withdraw_claim(db: Db, actor: Actor, claim_id: UUID, *, note: str = "") -> ClaimRow:
    """Take a signed claim back before it is sent. Raises Refused NOT_FOUND, ALREADY_SENT, NOT_LIVE or TEXT_*."""
    row = await _held(db, actor, claim_id)
    if row.state == "sent":
        raise Refused(
            "ALREADY_SENT",
            f"Claim {row.number} was sent. What a payer has cannot be taken back here.",
            "If the payer never took it in, enter its refusal. Otherwise correct what is wrong and close the month "
            "again: a replacement or a void is then offered.",
        )
    if row.state != "signed":
        raise _not_live(row)
    why = written(note, "note", what="the reason", longest=500, empty=True)
    await _release(db, actor, row, "withdrawn", why)
    return await claim_for(db, actor, claim_id)


async def record_refusal(db: Db, actor: Actor, claim_id: UUID, *, note: str) -> ClaimRow:
    """The payer refused to take a sent claim in at all (999 or 277CA): its services may be claimed anew.

    Raises Refused NOT_FOUND, NOT_SENT or TEXT_*.
    """
    row = await _held(db, actor, claim_id)
    if row.state != "sent":
        raise _not_sent(row)
    why = written(note, "note", what="what the payer said", longest=500)
    await _release(db, actor, row, "refused", why)
    return await claim_for(db, actor, claim_id)


async def record_payer_number(db: Db, actor: Actor, claim_id: UUID, *, number: str) -> ClaimRow:
    """The payer's own number for a sent claim. Raises Refused NOT_FOUND, NOT_SENT, TEXT_* or PAYER_NUMBER."""
    row = await _held(db, actor, claim_id)
    if row.state not in ("sent", "replaced"):
        raise _not_sent(row)
    plain = written(number, "number", what="the payer's number", longest=50)
    if unsafe_id(plain):
        raise Refused(
            "PAYER_NUMBER",
            f"The number holds {unsafe_id(plain)}, which a claim cannot carry.",
            "Copy it from the acknowledgement or the remittance once more.",
            "number",
        )
    await _stand(db, actor, [claim_id], payer_control_number=plain)
    _note(db, actor, "claims.payer_number", row)
    return await claim_for(db, actor, claim_id)


async def _held(db: Db, actor: Actor, claim_id: UUID) -> ClaimRow:
    actor.require("claims.sign")
    await _turn(db, actor)
    return await claim_for(db, actor, claim_id)


async def _release(db: Db, actor: Actor, row: ClaimRow, state: str, note: str) -> None:
    """The claim no longer stands; the one it would have replaced stands again."""
    await _stand(db, actor, [row.id], state=state, note=note)
    await db.execute(delete(ClaimedService).where(ClaimedService.claim_id == row.id))
    if row.replaces_id is not None:
        old = await claim_for(db, actor, row.replaces_id)
        await _stand(db, actor, [old.id], state="sent")
        await db.execute(
            insert(ClaimedService), _services(actor, old.id, old.patient_id, old.claim, old.line_ids)
        )
    _note(db, actor, f"claims.{state}", row)


async def _stand(db: Db, actor: Actor, ids: Sequence[UUID], **values: Any) -> None:
    await db.execute(
        update(ClaimStanding)
        .where(ClaimStanding.claim_id.in_(ids))
        .values(changed_at=now(), changed_by=actor.staff_id, **values)
    )


def _note(db: Db, actor: Actor, action: str, row: ClaimRow) -> None:
    db.note(actor, action, entity="claim", entity_ids=[row.id], patient_ids=[row.patient_id], effect="write")


def _not_live(row: ClaimRow) -> Refused:
    return Refused(
        "NOT_LIVE",
        f"Claim {row.number} does not stand any more: it is {row.state}.",
        "Look at the month for the claim that took its place.",
    )


def _not_sent(row: ClaimRow) -> Refused:
    return Refused(
        "NOT_SENT",
        f"Claim {row.number} is {row.state}, not sent, so no payer can have said anything of it.",
        "Check the number of the claim.",
    )


# --- files --------------------------------------------------------------------------------------------------------


async def make_interchanges(
    db: Db, actor: Actor, *, month: str | None = None, payer_id: UUID | None = None
) -> list[InterchangeRow]:
    """One file per receiver of every signed claim that was not sent, kept here to be downloaded.

    A route that is still a test makes a file marked as one, and its claims stay signed. Raises Refused
    NOTHING_TO_SEND, or FILE_NOT_WRITABLE.
    """
    actor.require("claims.sign")
    await _turn(db, actor)
    if payer_id is not None:
        await payer_for(db, actor, payer_id, permission="claims.sign")
    waiting = await _waiting(db, month, payer_id)
    if not waiting:
        raise Refused(
            "NOTHING_TO_SEND",
            "No signed claim waits to be sent" + (f" for {month}." if month else "."),
            "Sign claims first.",
        )
    routes = await routes_on(db, actor, today(actor.zone))
    ends: dict[tuple[str, str, bool], list[Any]] = defaultdict(list)
    for row in waiting:
        claim = Claim.from_json(row.content)
        if claim.biller is None or claim.route is None:
            raise _not_writable(row.number)
        production = row.payer_id in routes and routes[row.payer_id].production
        ends[claim.biller.submitter_id, claim.route.receiver_id, production].append((row, claim))
    made = []
    for (submitter, receiver, production), held in sorted(ends.items(), key=lambda end: end[0]):
        for start in range(0, len(held), MOST_CLAIMS):
            some = held[start : start + MOST_CLAIMS]
            made.append(await _file(db, actor, submitter, receiver, production, some))
    return [await interchange_for(db, actor, id) for id in made]


async def _waiting(db: Db, month: str | None, payer_id: UUID | None) -> Sequence[Any]:
    c, s = ClaimTable, ClaimStanding
    statement = (
        select(c.id, c.number, c.patient_id, c.payer_id, c.content, c.total, c.replaces_id)
        .join(s, and_(s.tenant_id == c.tenant_id, s.claim_id == c.id))
        .join(Patient, and_(Patient.tenant_id == c.tenant_id, Patient.id == c.patient_id))
        .where(s.state == "signed")
        .order_by(c.serial)
    )
    if month is not None:
        statement = statement.where(c.month == month)
    if payer_id is not None:
        statement = statement.where(c.payer_id == payer_id)
    return (await db.execute(statement)).all()


async def _file(
    db: Db, actor: Actor, submitter: str, receiver: str, production: bool, held: Sequence[tuple[Any, Claim]]
) -> UUID:
    """Write one file, keep it, and let its claims stand as sent if it is no test."""
    held = sorted(held, key=lambda pair: (repr(pair[1].biller), pair[0].number))
    last = await db.scalar(
        select(func.coalesce(func.max(Interchange.control_number), 0)).where(
            Interchange.submitter_id == submitter, Interchange.receiver_id == receiver
        )
    )
    number, at = (last or 0) + 1, now()
    if number > _MOST_CONTROL:
        raise Refused(
            "CONTROL_NUMBERS_USED_UP",
            f"All control numbers for {receiver} are used up.",
            "Agree on a new submitter id with the receiver.",
        )
    envelope = Envelope(number, at.astimezone(ZoneInfo(actor.zone)).replace(tzinfo=None), production)
    try:
        content = write([Numbered(row.number, claim) for row, claim in held], envelope)
    except NotWritable:
        raise _not_writable(held[0][0].number) from None
    id, name = new_id(), held[-1][1].route
    await db.execute(
        insert(Interchange).values(
            tenant_id=actor.tenant_id, id=id, submitter_id=submitter, receiver_id=receiver,
            receiver_name=name.receiver_name if name else receiver, control_number=number, production=production,
            claims=len(held), total=sum(row.total for row, _ in held), content=content,
            content_hash=_digest(content), made_at=at, made_by=actor.staff_id,
        )
    )  # fmt: skip
    await db.execute(
        insert(InterchangeClaim),
        [
            {
                "tenant_id": actor.tenant_id, "id": new_id(), "patient_id": row.patient_id, "interchange_id": id,
                "claim_id": row.id, "position": position,
            }
            for position, (row, _) in enumerate(held, 1)
        ],
    )  # fmt: skip
    if production:
        await _stand(db, actor, [row.id for row, _ in held], state="sent", interchange_id=id)
        replaced = [row.replaces_id for row, _ in held if row.replaces_id]
        if replaced:
            await _stand(db, actor, replaced, state="replaced")
    db.note(
        actor, "claims.make_file", entity="interchange", entity_ids=[id], effect="write", production=production,
        patient_ids=[row.patient_id for row, _ in held],
    )  # fmt: skip
    return id


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode("ascii")).hexdigest()


def _not_writable(number: str) -> Refused:
    return Refused(
        "FILE_NOT_WRITABLE",
        f"Claim {number} cannot be written into a file as it was signed. No file was made.",
        f"Withdraw claim {number}, mend what its findings say, and sign it again.",
    )


# --- where a person is seen ---------------------------------------------------------------------------------------


async def set_usual_site(
    db: Db, actor: Actor, patient_id: UUID, site_id: UUID, *, from_on: date | None = None
) -> None:
    """Where this person would be seen face to face, from a day on (or the first of this month). Raises Refused
    NOT_FOUND."""
    await patient_for(db, actor, patient_id, permission="patients.write")
    site = await site_for(db, actor, site_id)
    if not site.active:
        raise not_found("site")
    db.add(
        UsualSite(
            tenant_id=actor.tenant_id, id=new_id(), patient_id=patient_id, site_id=site_id,
            from_on=from_on or today(actor.zone).replace(day=1), made_at=now(), made_by=actor.staff_id,
        )
    )  # fmt: skip
    db.note(
        actor, "claims.usual_site", entity="usual_site", entity_ids=[site_id], patient_ids=[patient_id], effect="write"
    )  # fmt: skip


async def _turn(db: Db, actor: Actor) -> None:
    """One at a time in a practice: what is signed, withdrawn or sent next sees what was before."""
    await db.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"{actor.tenant_id} claims"}
    )
