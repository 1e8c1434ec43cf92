"""Signing claims, taking them back, and what the payer said of them.

All of it takes turns within a practice, so that a service is never claimed twice.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from carewright_plugin_api.facts import local_day
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from server.claims.assembly import Draft
from server.claims.claim import Claim, service_key, service_keys
from server.claims.claim_queries import assembled, claim_for
from server.claims.claim_rows import Chosen, ClaimRow, LeftBehind, SignedBatch
from server.claims.resting import in_the_way
from server.claims.tables import Claim as ClaimTable
from server.claims.tables import ClaimedService, ClaimStanding
from server.claims.x12.words import unsafe_id
from server.clock import now, today
from server.dates import dated
from server.errors import Refused, not_found
from server.ids import new_id
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.names import written
from server.words import N_, say, say_of

_MOST_AT_ONCE: Final = 2000
#: state -> how a sentence says what a claim is
_IS: Final = {
    "signed": N_("signed"),
    "sent": N_("sent"),
    "refused": N_("refused"),
    "denied": N_("denied"),
    "withdrawn": N_("withdrawn"),
    "replaced": N_("replaced"),
}


# --- signing ------------------------------------------------------------------------------------------------------


async def sign_claims(db: Db, actor: Actor, month: str, chosen: Sequence[Chosen]) -> SignedBatch:
    """Sign what somebody looked at; what changed meanwhile, or is not ready, is left and said.

    Raises Refused NOTHING_CHOSEN, TOO_MANY, or the first reason if nothing could be signed.
    """
    actor.require("claims.sign")
    if not chosen:
        raise Refused(
            "NOTHING_CHOSEN", say("No claim was chosen."), say("Choose the claims to sign."), "chosen"
        )
    if len(chosen) > _MOST_AT_ONCE:
        raise Refused(
            "TOO_MANY",
            say_of(
                "%(n)s claim was chosen; %(most)s can be signed at once.",
                "%(n)s claims were chosen; %(most)s can be signed at once.",
                len(chosen),
                most=f"{_MOST_AT_ONCE:,}",
            ),
            say("Sign them in parts."),
            "chosen",
        )
    await take_turn(db, actor)
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
        keys |= service_keys(draft.claim)
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
            say("The claim of %(name)s has changed since you looked at it, so it was not signed.", name=name),
            say("Look at it again and sign what it says now."),
        )
    errors = [finding for finding in row.findings if finding.severity == "error"]
    if errors:
        return LeftBehind(
            one.draft_id,
            "CLAIM_NOT_READY",
            say("%(name)s: %(finding)s", name=name, finding=errors[0].sentence),
            errors[0].mends,
        )
    if row.findings and not one.looked:
        return LeftBehind(
            one.draft_id,
            "LOOK_FIRST",
            say("%(name)s: %(finding)s", name=name, finding=row.findings[0].sentence),
            say("Open the claim, look at what it says, and sign it from there."),
        )
    if keys & service_keys(draft.claim):
        return LeftBehind(
            one.draft_id,
            "CLAIMED_TWICE",
            say("Another claim just signed asks for the same service of %(name)s.", name=name),
            say("Look at the other claim."),
        )
    return None


def _gone(one: Chosen) -> LeftBehind:
    return LeftBehind(
        one.draft_id,
        "CLAIM_CHANGED",
        say(
            "One of the chosen claims is not there any more: it was signed already, or the month was "
            "decided anew."
        ),
        say("Look at the month again."),
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
    for _, draft in taken:
        if (
            draft.takes_from
        ):  # what both ask for is sent only when the other one's replacement or void is, too
            await db.execute(
                delete(ClaimedService).where(
                    ClaimedService.claim_id.in_([old.id for old in draft.takes_from]),
                    ClaimedService.service_key.in_(service_keys(draft.claim)),
                )
            )
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
    """Take a signed claim back before it is sent. Raises Refused NOT_FOUND, ALREADY_SENT, NOT_LIVE,
    WITHDRAW_FIRST or TEXT_*."""
    row = await _held(db, actor, claim_id)
    if row.state == "sent":
        raise Refused(
            "ALREADY_SENT",
            say("Claim %(number)s was sent. What a payer has cannot be taken back here.", number=row.number),
            say(
                "If the payer never took it in, enter its refusal; if it paid nothing, its denial. "
                "Otherwise correct what is wrong and close the month again: a replacement or a void is "
                "then offered."
            ),
        )
    if row.state != "signed":
        raise _not_live(row)
    why = written(note, "note", what=say("the reason"), longest=500, empty=True)
    await _release(db, actor, row, "withdrawn", why)
    return await claim_for(db, actor, claim_id)


async def record_refusal(db: Db, actor: Actor, claim_id: UUID, *, note: str) -> ClaimRow:
    """The payer refused to take a sent claim in at all (999 or 277CA): its services may be claimed anew.

    Raises Refused NOT_FOUND, NOT_SENT, WITHDRAW_FIRST or TEXT_*.
    """
    row = await _held(db, actor, claim_id)
    if row.state != "sent":
        raise _not_sent(row)
    why = written(note, "note", what=say("what the payer said"), longest=500)
    await _release(db, actor, row, "refused", why)
    return await claim_for(db, actor, claim_id)


async def record_denial(db: Db, actor: Actor, claim_id: UUID, *, on: date, note: str) -> ClaimRow:
    """The payer took a sent claim in and paid nothing. It stands no longer in the way of another payer's claim and needs
    no void; what changes at the same payer still replaces it. on: the day the payer said so.

    Raises Refused NOT_FOUND, NOT_SENT, VOID_DENIED, BAD_DENIED_ON, WITHDRAW_FIRST or TEXT_*.
    """
    row = await _held(db, actor, claim_id)
    if row.state != "sent":
        raise _not_sent(row)
    if row.claim.frequency == "8":
        raise Refused(
            "VOID_DENIED",
            say(
                "Claim %(number)s asks for no money: it takes back claim %(earlier)s. A payer "
                "that does not do that has turned it away.",
                number=row.number,
                earlier=row.replaces_number,
            ),
            say("Enter it as turned away."),
        )
    signed_on = local_day(row.signed_at, actor.zone) if row.signed_at else on
    now_on = today(actor.zone)
    if not signed_on <= on <= now_on:
        raise Refused(
            "BAD_DENIED_ON",
            say(
                "Claim %(number)s was signed on %(signed)s, and today is %(today)s; the payer "
                "cannot have said so on %(day)s.",
                number=row.number,
                signed=dated(signed_on, short=True),
                today=dated(now_on, short=True),
                day=dated(on, short=True),
            ),
            say("Enter the day of the remittance or of the payer's letter."),
            "on",
        )
    why = written(note, "note", what=say("what the payer said"), longest=500)
    rows = await _of_month(db, actor, row)
    voids = [
        one
        for one in rows
        if one.state == "signed" and one.replaces_id == row.id and one.claim.frequency == "8"
    ]
    if voids:
        raise _withdraw_first(row, [one.number for one in voids])
    await let_stand(db, actor, [row.id], state="denied", note=why, denied_on=on, denied_by=actor.staff_id)
    await db.execute(delete(ClaimedService).where(ClaimedService.claim_id == row.id))
    stand = [one for one in _standing(rows) if one.id != row.id and one.claim.frequency != "8"]
    await _hold_again(db, actor, stand)
    _note(db, actor, "claims.denied", row)
    return await claim_for(db, actor, claim_id)


async def take_back_denial(db: Db, actor: Actor, claim_id: UUID) -> ClaimRow:
    """It was not denied after all, or was paid when it was looked at again: the claim stands as sent. Raises Refused
    NOT_FOUND, NOT_DENIED or CLAIMED_ELSEWHERE."""
    row = await _held(db, actor, claim_id)
    if row.state != "denied":
        raise Refused(
            "NOT_DENIED",
            say(
                "Claim %(number)s is %(state)s, so there is no denial to take back.",
                number=row.number,
                state=say(_IS[row.state]),
            ),
            say("Check the number of the claim."),
        )
    rows = await _of_month(db, actor, row)
    gone = {one.replaces_id for one in rows if one.state in ("signed", "sent")}
    elsewhere = [
        one.number
        for one in rows
        if one.state in ("signed", "sent")
        and one.claim.frequency != "8"
        and one.payer_id != row.payer_id
        and one.id not in gone
    ]
    if elsewhere:
        raise Refused(
            "CLAIMED_ELSEWHERE",
            say_of(
                "Because claim %(number)s was denied, another payer was asked for the same month with "
                "claim %(others)s. Two payers cannot both owe it.",
                "Because claim %(number)s was denied, another payer was asked for the same month with "
                "claims %(others)s. Two payers cannot both owe it.",
                len(elsewhere),
                number=row.number,
                others=", ".join(elsewhere),
            ),
            say_of(
                "Withdraw claim %(others)s if it was not sent. If it was, settle with the payers "
                "which of them pays, and enter what the other one says to its claim.",
                "Withdraw claims %(others)s if they were not sent. If they were, settle with the payers "
                "which of them pays, and enter what the other one says to its claims.",
                len(elsewhere),
                others=", ".join(elsewhere),
            ),
        )
    await let_stand(db, actor, [row.id], state="sent", note="", denied_on=None, denied_by=None)
    await _hold_again(db, actor, [row])
    _note(db, actor, "claims.denial_taken_back", row)
    return await claim_for(db, actor, claim_id)


async def record_payer_number(db: Db, actor: Actor, claim_id: UUID, *, number: str) -> ClaimRow:
    """The payer's own number for a sent claim. Raises Refused NOT_FOUND, NOT_SENT, TEXT_* or PAYER_NUMBER."""
    row = await _held(db, actor, claim_id)
    if row.state not in ("sent", "denied", "replaced"):
        raise _not_sent(row)
    plain = written(number, "number", what=say("the payer's number"), longest=50)
    if unsafe_id(plain):
        raise Refused(
            "PAYER_NUMBER",
            say("The number holds %(characters)s, which a claim cannot carry.", characters=unsafe_id(plain)),
            say("Copy it from the acknowledgement or the remittance once more."),
            "number",
        )
    await let_stand(db, actor, [claim_id], payer_control_number=plain)
    _note(db, actor, "claims.payer_number", row)
    return await claim_for(db, actor, claim_id)


async def _held(db: Db, actor: Actor, claim_id: UUID) -> ClaimRow:
    actor.require("claims.sign")
    await take_turn(db, actor)
    return await claim_for(db, actor, claim_id)


async def _release(db: Db, actor: Actor, row: ClaimRow, state: str, note: str) -> None:
    """The claim no longer stands; the one it would have replaced stands again. Raises Refused WITHDRAW_FIRST while a
    signed claim counts on it, which would go out beside what comes back."""
    rows = await _of_month(db, actor, row)
    if resting := in_the_way(row, rows):
        raise _withdraw_first(row, sorted(one.number for one in resting))
    await let_stand(db, actor, [row.id], state=state, note=note)
    await db.execute(delete(ClaimedService).where(ClaimedService.claim_id == row.id))
    old = next((one for one in rows if one.id == row.replaces_id), None)
    if old is not None:
        await let_stand(db, actor, [old.id], state="denied" if old.denied_on else "sent")
    stand = [one for one in _standing(rows) if one.id != row.id]
    stand += [old] if old is not None and old not in stand and not old.denied_on else []
    await _hold_again(db, actor, [one for one in stand if one.claim.frequency != "8"])
    _note(db, actor, f"claims.{state}", row)


async def _of_month(db: Db, actor: Actor, row: ClaimRow) -> list[ClaimRow]:
    return [one for one, _ in await assembled(db, actor, row.month, [row.patient_id])]


def _standing(rows: Sequence[ClaimRow]) -> list[ClaimRow]:
    """Of a patient's month, the sent claims that no signed one is to replace."""
    taken = {one.replaces_id for one in rows if one.state == "signed"}
    return [one for one in rows if one.state == "sent" and one.id not in taken]


async def _hold_again(db: Db, actor: Actor, stand: Sequence[ClaimRow]) -> None:
    """Sent claims of a patient's month hold what they ask for. What another claim was signed for meanwhile stays with
    it: where that was sent, a payer has both, and one is still to be made void."""
    asked = {
        service["service_key"]: service
        for one in stand
        for service in _services(actor, one.id, one.patient_id, one.claim, one.line_ids)
    }
    held = await db.scalars(select(ClaimedService.service_key).where(ClaimedService.service_key.in_(asked)))
    for key in list(held):
        del asked[key]
    if asked:
        await db.execute(insert(ClaimedService), list(asked.values()))


def _withdraw_first(row: ClaimRow, resting: Sequence[str]) -> Refused:
    those = ", ".join(resting)
    return Refused(
        "WITHDRAW_FIRST",
        say_of(
            "Claim %(others)s was signed because of claim %(number)s and waits to be sent. If claim %(number)s "
            "no longer stands, the payers would be asked for something that is not so.",
            "Claims %(others)s were signed because of claim %(number)s and wait to be sent. If claim %(number)s "
            "no longer stands, the payers would be asked for something that is not so.",
            len(resting),
            others=those,
            number=row.number,
        ),
        say_of(
            "Withdraw claim %(others)s, then enter this again.",
            "Withdraw claims %(others)s, then enter this again.",
            len(resting),
            others=those,
        ),
    )


async def let_stand(db: Db, actor: Actor, ids: Sequence[UUID], **values: Any) -> None:
    """What became of these claims."""
    actor.require("claims.sign")
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
        say(
            "Claim %(number)s does not stand any more: it is %(state)s.",
            number=row.number,
            state=say(_IS[row.state]),
        ),
        say("Look at the month for the claim that took its place."),
    )


def _not_sent(row: ClaimRow) -> Refused:
    return Refused(
        "NOT_SENT",
        say(
            "Claim %(number)s is %(state)s, not sent, so no payer can have said anything of it.",
            number=row.number,
            state=say(_IS[row.state]),
        ),
        say("Check the number of the claim."),
    )


async def take_turn(db: Db, actor: Actor) -> None:
    """One at a time in a practice: what is signed, withdrawn or sent next sees what was before. Raises Refused
    CLAIMS_BUSY where the turn does not come within the lock timeout."""
    actor.require("claims.sign")
    try:
        await db.execute(
            text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"),
            {"key": f"{actor.tenant_id} claims"},
        )
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != "55P03":
            raise
        raise Refused(
            "CLAIMS_BUSY",
            say(
                "Somebody of your practice is signing claims or making files right now, and only one "
                "can at a time. Nothing was changed."
            ),
            say("Try again in a moment."),
        ) from None
