"""Doing a thing once, however often it is asked for: a second click, a retry after a lost connection, a thousand at once.

    answer = await once(actor, Asked("logMinutes", key, fingerprint), work)

The key is inserted first, in the transaction of the effect; `work` runs inside it (`one_transaction`), and its answer
is stored before the commit. So effect and answer stand or fall together: after an abort the key is free, after a
commit the same question gets the same bytes. A key belongs to one person, in one practice, for one operation.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from server.clock import now
from server.errors import Refused, forbidden
from server.ids import new_id
from server.jobs import add
from server.sealed import seal, unseal
from server.tenants.actor import Actor
from server.tenants.db import Db, one_transaction, tenant_db
from server.tenants.tables import IdempotencyKey
from server.words import say

PURGE: Final = "idempotency.purge"
KEPT: Final = timedelta(days=7)
LONGEST_KEY: Final = 200
LARGEST_ANSWER: Final = 256 * 1024
WAIT_SECONDS: Final = 5.0
_PURPOSE: Final = "idempotency answer"
_PURGED_AT_ONCE: Final = 2_000
_READING_AT_ONCE: Final = 6  # of one process's connections, however many ask again at the same moment


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: the operation, the caller's key, and a hash of everything else (`sealed.keyed_hash`)."""

    operation: str
    key: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes with their status. kept: whether the same question is to get them again. again: whether it just did."""

    status: int
    body: bytes
    kept: bool = True
    again: bool = False


Work = Callable[[], Awaitable[Answer]]
_Name = tuple[UUID, UUID | None, str, str]

#: asked in this process and not answered yet: whoever asks the same waits here, without a connection
_under_way: dict[_Name, asyncio.Event] = {}
_reading = asyncio.Semaphore(_READING_AT_ONCE)


def checked_key(key: str) -> str:
    """The key as given. Raises Refused IDEMPOTENCY_KEY."""
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise Refused(
            "IDEMPOTENCY_KEY",
            say(
                "An idempotency key is 1 to %(longest)s printable ASCII characters; this one has %(n)s.",
                longest=LONGEST_KEY,
                n=len(key),
            )
            if key.isascii() and key.isprintable()
            else say(
                "An idempotency key is 1 to %(longest)s printable ASCII characters; this one has %(n)s, some of "
                "them of another kind.",
                longest=LONGEST_KEY,
                n=len(key),
            ),
            say(
                "Make a random one, such as a UUID, for each thing to be done, and send the same one "
                "when trying again."
            ),
        )
    return key


async def once(actor: Actor, asked: Asked, work: Work) -> Answer:
    """`work`'s answer, or the stored one if this was done already. What `work` raises undoes everything, key included.

    Raises Refused IDEMPOTENCY_KEY_REUSED (the same key, another question), IDEMPOTENCY_KEY_IN_USE (still being done
    after five seconds), ANSWER_TOO_LARGE, or NOT_ALLOWED (the asker has lost a right since).
    """
    name = (actor.tenant_id, actor.staff_id, asked.operation, asked.key)
    until = time.monotonic() + WAIT_SECONDS
    while (other := _under_way.get(name)) is not None:
        try:
            async with asyncio.timeout(until - time.monotonic()):
                await other.wait()
        except TimeoutError:
            raise _in_use() from None
        async with _reading, tenant_db(actor, read_only=True) as db:
            if (stored := await _stored(db, actor, asked)) is not None:
                return stored
    ended = _under_way[name] = asyncio.Event()
    try:
        return await _first(actor, asked, work)
    finally:
        del _under_way[name]
        ended.set()


async def _first(actor: Actor, asked: Asked, work: Work) -> Answer:
    async with one_transaction(actor) as db:
        id = await _claimed(db, actor, asked)
        if id is None:
            stored = await _stored(db, actor, asked)
            if stored is None:  # purged between the two statements
                raise _in_use()
            return stored
        answer = await work()
        if not answer.kept:
            await db.execute(delete(IdempotencyKey).where(IdempotencyKey.id == id))
            return answer
        if len(answer.body) > LARGEST_ANSWER:
            raise Refused(
                "ANSWER_TOO_LARGE",
                say(
                    "The answer has %(n)s KB, more than the %(most)s KB that are kept with "
                    "an idempotency key. Nothing was changed.",
                    n=len(answer.body) // 1024,
                    most=LARGEST_ANSWER // 1024,
                ),
                say(
                    "Ask for less in the operation that changes things, and for the rest in a query after it."
                ),
            )
        await db.execute(
            update(IdempotencyKey)
            .where(IdempotencyKey.id == id)
            .values(
                status=answer.status,
                answer=seal(_PURPOSE, answer.body, id.bytes),
                patient_ids=sorted({each for note in db.notes for each in note["patient_ids"]}),
            )
        )
        purge_on = (now() + KEPT + timedelta(days=1)).date()
        await add(
            db, actor, PURGE, purge_on.isoformat(), {}, once=True,
            run_at=datetime(purge_on.year, purge_on.month, purge_on.day, tzinfo=UTC),
        )  # fmt: skip
    return answer


async def _claimed(db: Db, actor: Actor, asked: Asked) -> UUID | None:
    """The new row's id, or None if there is one. Whoever is doing the same in another process is waited for."""
    row = insert(IdempotencyKey).values(
        tenant_id=actor.tenant_id, id=new_id(), staff_id=actor.staff_id, operation=asked.operation, key=asked.key,
        asked_hash=asked.hash, status=0, answer=b"", rights=sorted(actor.rights), patient_ids=[], made_at=now(),
    )  # fmt: skip
    try:
        claimed: UUID | None = (
            await db.execute(row.on_conflict_do_nothing().returning(IdempotencyKey.id))
        ).scalar_one_or_none()
    except DBAPIError as error:
        if (
            getattr(error.orig, "sqlstate", "") == "55P03"
        ):  # lock_timeout, a second before the statement's own
            raise _in_use() from None
        raise
    return claimed


async def _stored(db: Db, actor: Actor, asked: Asked) -> Answer | None:
    row = (
        await db.execute(
            select(IdempotencyKey).where(
                IdempotencyKey.tenant_id == actor.tenant_id,
                IdempotencyKey.staff_id == actor.staff_id,
                IdempotencyKey.operation == asked.operation,
                IdempotencyKey.key == asked.key,
            )
        )
    ).scalar_one_or_none()
    if row is None:
        return None
    if row.asked_hash != asked.hash:
        raise Refused(
            "IDEMPOTENCY_KEY_REUSED",
            say("This key was used for something else already, and that was answered. Nothing was changed."),
            say(
                "Send a key of its own with each thing to be done; the same key only to try the same "
                "thing again."
            ),
        )
    if not actor.rights.issuperset(row.rights):
        raise forbidden()
    db.note(
        actor,
        "idempotency.tell_again",
        entity="idempotency_key",
        entity_ids=[row.id],
        patient_ids=row.patient_ids,
    )
    return Answer(row.status, unseal(_PURPOSE, row.answer, row.id.bytes), again=True)


def _in_use() -> Refused:
    return Refused(
        "IDEMPOTENCY_KEY_IN_USE",
        say("What was sent with this key before is still being done."),
        say("Send it again, with the same key, in a few seconds."),
    )


async def purge(db: Db, at: datetime) -> int:
    """Forget the practice's answers that were given more than seven days before `at`. Returns how many."""
    total = 0
    while True:
        old = (
            select(IdempotencyKey.id).where(IdempotencyKey.made_at < at - KEPT).limit(_PURGED_AT_ONCE)
        ).scalar_subquery()
        gone = await db.execute(
            delete(IdempotencyKey).where(IdempotencyKey.id.in_(old)).returning(IdempotencyKey.id)
        )
        count = len(gone.all())
        total += count
        if count < _PURGED_AT_ONCE:
            return total
