"""The authenticator app: setting it up at the first sign-in, replacing it, and the recovery codes that go
with it.

A new secret is kept nowhere until a code has proved that the phone has it: it travels sealed in the form,
bound to the session, and is dead after a quarter of an hour.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from server.clock import now
from server.errors import Refused
from server.ids import new_id
from server.mail import post
from server.sealed import NotSealedHere, seal, unseal
from server.tenants import credentials, recovery, sessions, totp
from server.tenants.db import auth_db
from server.tenants.sessions import Issued, SignedIn
from server.tenants.sign_in import enter_the_only_one
from server.tenants.tables import Person, RecoveryCode
from server.tenants.visitor import Visitor, day, new_mark
from server.words import N_, say

_LIFETIME: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the set-up page shows once. sealed: a hidden field to be sent back with the first code."""

    secret: str  # in groups of four, for typing by hand
    uri: str
    svg: str
    sealed: str


def begin(me: SignedIn) -> Enrolment:
    """A fresh secret for this session. Nothing changes until it is confirmed."""
    secret = totp.new_secret()
    ends = (now() + _LIFETIME).isoformat()
    sealed = seal("authenticator set-up", json.dumps([secret, ends]).encode(), _bound(me)).hex()
    uri = totp.provisioning_uri(secret, me.email)
    return Enrolment(totp.spoken(secret), uri, totp.qr_svg(uri), sealed)


def again(me: SignedIn, sealed: str) -> Enrolment:
    """The same set-up once more, for the page that answers a mistyped code. Raises Refused SET_UP_OVER."""
    secret = _open(me, sealed)
    uri = totp.provisioning_uri(secret, me.email)
    return Enrolment(totp.spoken(secret), uri, totp.qr_svg(uri), sealed)


async def confirm(token: str, sealed: str, typed: str) -> Issued:
    """Finish the first set-up with a code from the phone: fully signed in, with ten recovery codes to show
    once.

    Raises Refused SIGN_IN_AGAIN, SET_UP_OVER or CODE_WRONG. A login that has an authenticator gets no second
    one here.
    """
    me = await sessions.signed_in(token, "password")
    secret = _open(me, sealed)
    step = _proved(secret, typed)
    async with auth_db() as db:
        # Session rows before the person's row, here as everywhere: one order, so that no two can wait for
        # each other.
        issued = await sessions.renew(db, me.session_id, "full", ends_at=now() + sessions.ABSOLUTE)
        if not await _store(db, me.person_id, secret, step, Person.totp_confirmed_at.is_(None)):
            raise sessions.sign_in_again()
        codes = await _new_codes(db, me.person_id)
    issued = replace(issued, mark=new_mark(me.email, day(now())), recovery_codes=codes)
    return await enter_the_only_one(issued, me)


async def replace_authenticator(
    token: str, sealed: str, typed: str, password: str, visitor: Visitor
) -> Issued:
    """Move to another phone from inside a full session, proving the password again. Ends the other sessions;
    the old phone and the old recovery codes stop working.

    Raises Refused SIGN_IN_AGAIN, SET_UP_OVER, CODE_WRONG, TRY_LATER or SIGN_IN_WRONG.
    """
    me = await sessions.signed_in(token)
    secret = _open(me, sealed)
    step = _proved(secret, typed)
    await credentials.check(me.email, password, visitor)
    async with auth_db() as db:
        await sessions.end_all(db, me.person_id, but=me.session_id)
        issued = await sessions.renew(db, me.session_id, "full")
        await _store(db, me.person_id, secret, step)
        codes = await _new_codes(db, me.person_id)
        post(db, to=me.email, subject=say("Your authenticator was changed"), body=say(_CHANGED))
    return replace(issued, recovery_codes=codes)


async def renew_recovery_codes(token: str, password: str, visitor: Visitor) -> tuple[str, ...]:
    """Ten new recovery codes, shown once; the old ones stop working. Raises Refused as
    `replace_authenticator`."""
    me = await sessions.signed_in(token)
    await credentials.check(me.email, password, visitor)
    async with auth_db() as db:
        return await _new_codes(db, me.person_id)


async def codes_left(me: SignedIn) -> int:
    """How many recovery codes are still unused, for the security page."""
    async with auth_db() as db:
        left = await db.execute(
            select(func.count()).where(RecoveryCode.person_id == me.person_id, RecoveryCode.used_at.is_(None))
        )
        return int(left.scalar_one())


async def _store(db: AsyncSession, person_id: UUID, secret: str, step: int, *only_if: Any) -> bool:
    stored = await db.execute(
        update(Person)
        .where(Person.id == person_id, *only_if)
        .values(totp_secret=totp.seal_secret(person_id, secret), totp_last_step=step, totp_confirmed_at=now())
        .returning(Person.id)
    )
    return stored.scalar_one_or_none() is not None


async def _new_codes(db: AsyncSession, person_id: UUID) -> tuple[str, ...]:
    codes = tuple(recovery.new_codes())
    await db.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    for code in codes:
        folded = recovery.fold_code(code)
        if folded is None:
            raise RuntimeError("our own recovery code does not read back")
        db.add(
            RecoveryCode(id=new_id(), person_id=person_id, code_hash=recovery.code_hash(person_id, folded))
        )
    await db.flush()
    return codes


def _proved(secret: str, typed: str) -> int:
    step = totp.matching_step(secret, typed, now())
    if step is None:
        raise Refused(
            "CODE_WRONG",
            say("This is not the code that the new entry in your authenticator shows now."),
            say("Type the six digits under “Carewright”. If they never fit, check the clock of your phone."),
            "code",
        )
    return step


def _bound(me: SignedIn) -> bytes:
    return me.person_id.bytes + me.session_id.bytes


def _open(me: SignedIn, sealed: str) -> str:
    try:
        secret, ends = json.loads(unseal("authenticator set-up", bytes.fromhex(sealed), _bound(me)))
    except (NotSealedHere, ValueError):
        raise _over() from None
    if datetime.fromisoformat(ends) < now():
        raise _over()
    return str(secret)


def _over() -> Refused:
    return Refused(
        "SET_UP_OVER",
        say("This set-up was begun too long ago, or in another window."),
        say("Delete the entry in your authenticator, then begin again and scan the new picture."),
    )


_CHANGED = N_("""Hello,

the authenticator of your Carewright sign-in was just changed, and you were signed out everywhere else.

If that was you, all is well. If it was not, ask for a new password on the sign-in page at once and tell the
administrator of your practice.
""")
