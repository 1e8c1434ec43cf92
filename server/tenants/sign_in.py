"""Signing in: the password, then a code from the authenticator or a recovery code.

Each stage has its own token. Five codes may be tried per password; then it starts again with the password,
and both are counted per person, so that asking for challenge after challenge does not help a guesser either.
With one step of drift each way three codes are right at any moment: five tries hit one with 15 in 1,000,000.
"""

from dataclasses import replace
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from server.clock import now
from server.errors import Refused
from server.mail import post
from server.tenants import attempts, credentials, recovery, sessions, totp
from server.tenants.db import auth_db
from server.tenants.names import fold_email
from server.tenants.sessions import Issued
from server.tenants.tables import Person, RecoveryCode, SignIn
from server.tenants.visitor import Visitor, day, new_mark
from server.words import N_, say

TRIES: Final = 5


async def with_password(email: str, password: str, visitor: Visitor) -> Issued:
    """First stage. The token opens nothing but the second factor, or setting one up.

    Raises Refused EMAIL_FORM, TRY_LATER or SIGN_IN_WRONG.
    """
    login = await credentials.check(fold_email(email), password, visitor)
    async with auth_db() as db:
        return sessions.start(db, login.id, visitor.device)


async def second_factor(token: str, typed: str, visitor: Visitor) -> Issued:
    """Second stage: six digits from the authenticator, or one of the recovery codes. A new token, fully
    signed in; already inside the practice if there is only one.

    Raises Refused SIGN_IN_AGAIN, TRY_LATER, CODE_WRONG, CODE_USED or CHALLENGE_OVER.
    """
    me = await sessions.signed_in(token, "password")
    if not me.has_authenticator:
        raise sessions.sign_in_again()
    taken = await attempts.take_place(attempts.of_second_factor(me.person_id, [p.id for p in me.practices]))
    refusal: Refused | None = None
    issued: Issued | None = None
    async with auth_db() as db:
        # What is refused here must still be counted, so nothing is raised before the transaction has
        # committed.
        tries = await _count_try(db, me.session_id)
        if tries is None:
            raise sessions.sign_in_again()
        refusal = await _use_code(db, me.person_id, me.email, typed)
        if refusal is None:
            issued = await sessions.renew(db, me.session_id, "full", ends_at=now() + sessions.ABSOLUTE)
        elif tries >= TRIES:
            await db.execute(update(SignIn).where(SignIn.id == me.session_id).values(ended_at=now()))
            refusal = _challenge_over()
    if refusal is not None or issued is None:
        raise refusal or sessions.sign_in_again()
    await attempts.give_back(taken)
    issued = replace(issued, mark=new_mark(me.email, day(now())))
    return await enter_the_only_one(issued, me)


async def enter_the_only_one(issued: Issued, me: sessions.SignedIn) -> Issued:
    """Go straight in where there is nothing to choose; otherwise leave it at the door."""
    if len(me.practices) != 1 or me.practices[0].state != "open":
        return issued
    try:
        entered = await sessions.enter(issued.token, me.practices[0].id)
    except Refused:
        return issued  # no longer on the staff there: the page of one's practices says so
    return replace(entered, mark=issued.mark, recovery_codes=issued.recovery_codes)


async def _count_try(db: AsyncSession, session_id: UUID) -> int | None:
    counted = await db.execute(
        update(SignIn)
        .where(
            SignIn.id == session_id,
            SignIn.stage == "password",
            SignIn.attempts < TRIES,
            SignIn.ended_at.is_(None),
        )
        .values(attempts=SignIn.attempts + 1)
        .returning(SignIn.attempts)
    )
    return counted.scalar_one_or_none()


async def _use_code(db: AsyncSession, person_id: UUID, email: str, typed: str) -> Refused | None:
    """Use up the code that was typed, if it is one; otherwise what to answer."""
    sealed = (await db.execute(select(Person.totp_secret).where(Person.id == person_id))).scalar_one()
    step = None if sealed is None else totp.matching_step(totp.unseal_secret(person_id, sealed), typed, now())
    if step is not None:
        return None if await use_step(db, person_id, step) else _code_used()
    if code := recovery.fold_code(typed):
        used = await db.execute(
            update(RecoveryCode)
            .where(
                RecoveryCode.person_id == person_id,
                RecoveryCode.code_hash == recovery.code_hash(person_id, code),
                RecoveryCode.used_at.is_(None),
            )
            .values(used_at=now())
            .returning(RecoveryCode.id)
        )
        if used.scalar_one_or_none() is not None:
            post(db, to=email, subject=say("A recovery code was used"), body=say(_RECOVERY_USED))
            return None
    return Refused(
        "CODE_WRONG",
        say("This code is not right, or is no longer right: each one is good for about a minute."),
        say(
            "Type the six digits that your authenticator shows now. If they never fit, check the clock "
            "of your phone."
        ),
        "code",
    )


async def use_step(db: AsyncSession, person_id: UUID, step: int) -> bool:
    """Use up a time step. One statement decides: of any number of simultaneous uses one finds the step
    unused."""
    used = await db.execute(
        update(Person)
        .where(Person.id == person_id, Person.totp_last_step < step)
        .values(totp_last_step=step)
        .returning(Person.id)
    )
    return used.scalar_one_or_none() is not None


def _code_used() -> Refused:
    return Refused(
        "CODE_USED",
        say("This code has been used already; each one opens the door once."),
        say("Wait for the next code, at most half a minute, and type that one."),
        "code",
    )


def _challenge_over() -> Refused:
    return Refused(
        "CHALLENGE_OVER",
        say("That was the %(tries)sth code that did not fit, so this sign-in has ended.", tries=TRIES),
        say(
            "Start again with your password. If the phone is lost, a recovery code works in place of "
            "the six digits."
        ),
    )


_RECOVERY_USED = N_("""Hello,

one of your recovery codes was just used to sign in to Carewright in place of your authenticator. It will not work
a second time.

If that was you, all is well. You can make ten new codes on your security page.
If it was not, change your password at once and tell the administrator of your practice.
""")
