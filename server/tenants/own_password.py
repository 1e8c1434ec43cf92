"""One's own password: forgotten and replaced by mail, or changed from inside. Neither opens anything by
itself: after both comes the ordinary sign-in, second factor included."""

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from server.clock import now
from server.mail import post
from server.tenants import attempts, credentials, links, passwords, sessions
from server.tenants.db import auth_db
from server.tenants.names import fold_email
from server.tenants.sessions import Issued
from server.tenants.tables import Person
from server.tenants.visitor import Visitor
from server.words import N_, say


async def ask_reset(email: str, visitor: Visitor) -> None:
    """Mail a link for choosing a new password. Nothing in the answer or the work tells whether the login
    exists.

    Raises Refused EMAIL_FORM or TRY_LATER.
    """
    folded = fold_email(email)
    await attempts.take_place(attempts.of_mail(folded, visitor))
    login = await credentials.login_of(folded)
    async with auth_db() as db:
        # For an unknown address the link is made all the same, belongs to nobody and is not sent.
        address = links.issue(db, "reset", folded, person_id=login.id if login else None)
        body = say(_RESET, name=login.name, address=address) if login else say(_NO_LOGIN)
        post(db, to=folded, subject=say("A new password for Carewright"), body=body)


async def look_reset(token: str) -> str:
    """Whose password a link would replace (the e-mail), for the page behind it. Raises Refused LINK_OVER."""
    async with auth_db() as db:
        return (await links.look(db, "reset", token)).email


async def reset(token: str, password: str) -> None:
    """Choose the new password with the link, which is used up. Ends all sessions and signs nobody in.

    Raises Refused LINK_OVER or one of PASSWORD_*.
    """
    async with auth_db() as db:
        link = await links.look(db, "reset", token)
    chosen = passwords.check_password(password, about=(link.email,))
    stored = await passwords.hash_password(chosen)
    async with auth_db() as db:
        used = await links.use(db, "reset", token)
        if used.person_id is None:
            raise links.over("reset")
        await links.end(db, "reset", person_id=used.person_id)
        await sessions.end_all(db, used.person_id)
        await _store(db, used.person_id, stored)
        post(db, to=used.email, subject=say("Your password was changed"), body=say(_CHANGED))


async def change(token: str, old: str, new: str, visitor: Visitor) -> Issued:
    """Change the password from inside a full session; ends the others. A new token.

    Raises Refused SIGN_IN_AGAIN, TRY_LATER, SIGN_IN_WRONG or one of PASSWORD_*.
    """
    me = await sessions.signed_in(token)
    chosen = passwords.check_password(new, about=(me.email, me.name), field="new_password")
    login = await credentials.check(me.email, old, visitor)
    stored = await passwords.hash_password(chosen)
    async with auth_db() as db:
        await links.end(db, "reset", person_id=login.id)
        await sessions.end_all(db, login.id, but=me.session_id)
        issued = await sessions.renew(db, me.session_id, "full")
        await _store(db, login.id, stored)
        post(db, to=me.email, subject=say("Your password was changed"), body=say(_CHANGED))
        return issued


async def _store(db: AsyncSession, person_id: UUID, stored: str) -> None:
    await db.execute(
        update(Person).where(Person.id == person_id).values(password_hash=stored, password_changed_at=now())
    )


_RESET = N_("""Hello %(name)s,

somebody, probably you, asked for a new password for your Carewright sign-in. Choose it here within one hour:

%(address)s

If it was not you, do nothing: your password stays as it is.
""")
_NO_LOGIN = N_("""Hello,

somebody, probably you, asked for a new password at Carewright, but there is no sign-in with this e-mail address.

If you work in a practice that uses Carewright, you may have been invited under another address: ask its
administrator. If it was not you, do nothing.
""")
_CHANGED = N_("""Hello,

the password of your Carewright sign-in was just changed, and you were signed out everywhere else.

If that was you, all is well. If it was not, ask for a new password on the sign-in page at once and tell the
administrator of your practice.
""")
