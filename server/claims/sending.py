"""Making the files that carry signed claims. Control numbers have no gap for a submitter and a receiver."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, insert, select

from server.claims.claim import Claim
from server.claims.claim_queries import assembled
from server.claims.claim_rows import ClaimRow, MadeFiles
from server.claims.files import interchange_for
from server.claims.resting import left_behind
from server.claims.sign import let_stand, take_turn
from server.claims.tables import Claim as ClaimTable
from server.claims.tables import ClaimStanding, Interchange, InterchangeClaim
from server.claims.x12.interchange import MOST_CLAIMS, Envelope, NotWritable, Numbered, write
from server.clock import now, today
from server.errors import Refused
from server.ids import new_id
from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.billing_identity import routes_on
from server.tenants.db import Db
from server.tenants.payers import payer_for
from server.words import say, say_of

_MOST_CONTROL: Final = 999_999_999
_MOST_NAMED: Final = 20


async def make_interchanges(
    db: Db, actor: Actor, *, month: str | None = None, payer_id: UUID | None = None
) -> MadeFiles:
    """One file per receiver of every signed claim that was not sent, kept here to be downloaded.

    A claim that no longer says what the newest decision does is left out, and with it what could only be signed because
    it was to replace or make void a sent one. A route that is still a test makes a file
    marked as one, and its claims stay signed. Raises Refused NOTHING_TO_SEND, CLAIMS_CHANGED if nothing else waits,
    or FILE_NOT_WRITABLE.
    """
    actor.require("claims.sign")
    await take_turn(db, actor)
    if payer_id is not None:
        await payer_for(db, actor, payer_id, permission="claims.sign")
    waiting = await _waiting(db, month, payer_id)
    if not waiting:
        raise Refused(
            "NOTHING_TO_SEND",
            say("No signed claim waits to be sent for %(month)s.", month=month)
            if month
            else say("No signed claim waits to be sent."),
            say("Sign claims first."),
        )
    left = await _left_behind(db, actor, waiting)
    left_out = tuple(row.number for row in waiting if row.id in left)
    waiting = [row for row in waiting if row.id not in left]
    if not waiting:
        raise claims_changed(left_out)
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
    return MadeFiles(tuple([await interchange_for(db, actor, id) for id in made]), left_out)


async def _waiting(db: Db, month: str | None, payer_id: UUID | None) -> Sequence[Any]:
    c, s = ClaimTable, ClaimStanding
    statement = (
        select(c.id, c.number, c.month, c.patient_id, c.payer_id, c.content, c.replaces_id)
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


async def _left_behind(db: Db, actor: Actor, waiting: Sequence[Any]) -> set[UUID]:
    """Those that must not go out now."""
    ids = {row.id for row in waiting}
    people: dict[str, set[UUID]] = defaultdict(set)
    for row in waiting:
        people[row.month].add(row.patient_id)
    rows: dict[tuple[str, UUID], list[ClaimRow]] = defaultdict(list)
    for month, theirs in people.items():
        for row, _ in await assembled(db, actor, month, theirs):
            rows[month, row.patient_id].append(row)
    return set().union(*(left_behind(of_month, ids) for of_month in rows.values()))


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
            say("All control numbers for %(receiver)s are used up.", receiver=receiver),
            say("Agree on a new submitter id with the receiver."),
        )
    envelope = Envelope(number, at.astimezone(ZoneInfo(actor.zone)).replace(tzinfo=None), production)
    try:
        content = write([Numbered(row.number, claim) for row, claim in held], envelope)
    except NotWritable as error:
        raise _not_writable(error.number or held[0][0].number) from None
    id, name = new_id(), held[-1][1].route
    await db.execute(
        insert(Interchange).values(
            tenant_id=actor.tenant_id, id=id, submitter_id=submitter, receiver_id=receiver,
            receiver_name=name.receiver_name if name else receiver, control_number=number, production=production,
            claims=len(held), total=sum(claim.asked for _, claim in held), content=content,
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
        await let_stand(db, actor, [row.id for row, _ in held], state="sent", interchange_id=id)
        replaced = [row.replaces_id for row, _ in held if row.replaces_id]
        if replaced:
            await let_stand(db, actor, replaced, state="replaced")
    db.note(
        actor, "claims.make_file", entity="interchange", entity_ids=[id], effect="write", production=production,
        patient_ids=[row.patient_id for row, _ in held],
    )  # fmt: skip
    return id


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode("ascii")).hexdigest()


def claims_changed(numbers: Sequence[str]) -> Refused:
    named = ", ".join(numbers[:_MOST_NAMED])
    if len(numbers) > _MOST_NAMED:
        named = say("%(numbers)s and %(more)s more", numbers=named, more=f"{len(numbers) - _MOST_NAMED:,}")
    return Refused(
        "CLAIMS_CHANGED",
        say_of(
            "Claim %(numbers)s was not sent: the newest decision says something else, what a claim was to "
            "replace would stand beside it, or an address names no state.",
            "Claims %(numbers)s were not sent: the newest decision says something else, what a claim was to "
            "replace would stand beside it, or an address names no state.",
            len(numbers),
            numbers=named,
        ),
        say_of(
            "Withdraw it, then look at the month and sign what it says now.",
            "Withdraw them, then look at the month and sign what it says now.",
            len(numbers),
        ),
    )


def _not_writable(number: str) -> Refused:
    return Refused(
        "FILE_NOT_WRITABLE",
        say(
            "Claim %(number)s cannot be written into a file as it was signed. No file was made.",
            number=number,
        ),
        say("Withdraw claim %(number)s, mend what its findings say, and sign it again.", number=number),
    )
