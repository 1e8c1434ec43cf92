"""Counting guesses, so that they can be slowed: the database side of `throttle`.

A guess takes its place in the count before it is looked at, under a lock of its counters, so that a thousand
guesses sent at once by many processes are slowed exactly like a thousand sent one after another. A right one
gives its places back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, text

from server.clock import now
from server.ids import new_id
from server.sealed import keyed_hash
from server.tenants import throttle
from server.tenants.db import auth_db
from server.tenants.tables import Attempt
from server.tenants.throttle import Limit
from server.tenants.visitor import Visitor, day, known_device

_LOCK = text("select pg_advisory_xact_lock(k) from unnest(cast(:keys as bigint[])) as k")


@dataclass(frozen=True, slots=True)
class Taken:
    """The places one guess takes in the counters."""

    ids: tuple[UUID, ...]


def bucket(kind: str, what: str) -> bytes:
    """A counter's name. Keyed: the table tells nobody which accounts were tried."""
    return keyed_hash(f"attempts {kind}", what.encode("utf-8", "replace"))


async def take_place(buckets: Mapping[bytes, Limit]) -> Taken:
    """Count one attempt in each bucket, or raise Refused TRY_LATER if any of them asks for a wait."""
    at = now()
    keys = sorted(buckets)  # one order for everybody, or two guesses could wait for each other for ever
    async with auth_db() as db:
        await db.execute(_LOCK, {"keys": [int.from_bytes(key[:8], "big", signed=True) for key in keys]})
        rows = await db.execute(
            select(Attempt.bucket, Attempt.at).where(
                Attempt.bucket.in_(keys), Attempt.at > at - throttle.WINDOW
            )
        )
        past: dict[bytes, list[datetime]] = {key: [] for key in keys}
        for key, moment in rows:
            past[key].append(moment)
        waiting = max(throttle.wait(past[key], at, limit) for key, limit in buckets.items())
        if waiting > timedelta(0):
            raise throttle.try_later(waiting)
        places = [Attempt(id=new_id(), bucket=key, at=at) for key in keys]
        db.add_all(places)
        await db.execute(delete(Attempt).where(Attempt.bucket.in_(keys), Attempt.at <= at - throttle.WINDOW))
        return Taken(tuple(place.id for place in places))


async def give_back(taken: Taken) -> None:
    """The guess was right: it does not count against anyone."""
    async with auth_db() as db:
        await db.execute(delete(Attempt).where(Attempt.id.in_(taken.ids)))


def of_password(email: str, visitor: Visitor) -> dict[bytes, Limit]:
    """The counters of a password guess. A browser that signed in before has its own and is held up by no
    other.

    There is none for the practice here: it is known only for accounts that exist, so a wait of its own would
    tell which do. The practice is counted at the second factor, when the person is known.
    """
    if device := known_device(visitor.mark, email, day(now())):
        return {bucket("device", f"{email} {device}"): throttle.ACCOUNT}
    return {
        bucket("account", email): throttle.ACCOUNT,
        bucket("block", throttle.block_of(visitor.address)): throttle.BLOCK,
    }


def of_second_factor(person_id: UUID, practices: list[UUID]) -> dict[bytes, Limit]:
    """The counters of a code guess: the person's, and those of the practices the person works in."""
    counted = {bucket("second factor", str(person_id)): throttle.ACCOUNT}
    return counted | {bucket("practice", str(practice)): throttle.PRACTICE for practice in practices}


def of_mail(email: str, visitor: Visitor) -> dict[bytes, Limit]:
    """The counters of a letter that anybody may cause to be sent."""
    return {
        bucket("mail to", email): throttle.MAIL_TO,
        bucket("mail from", throttle.block_of(visitor.address)): throttle.MAIL_FROM,
    }


async def forget_old() -> int:
    """Delete counts that no longer matter; for the sweep. Returns how many."""
    async with auth_db() as db:
        old = delete(Attempt).where(Attempt.at < now() - 2 * throttle.WINDOW)
        return len((await db.execute(old.returning(Attempt.id))).all())
