"""Accepting an invitation: with a new login or the one somebody has; the second factor is asked for either
way."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from server.ids import new_id
from server.tenants import credentials, links, passwords, sessions
from server.tenants.actor import system
from server.tenants.db import auth_db, tenant_db
from server.tenants.names import written
from server.tenants.permissions import ROLES
from server.tenants.sessions import Issued
from server.tenants.sign_up import make_person
from server.tenants.tables import Membership, Staff
from server.tenants.visitor import Visitor
from server.words import say


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the page behind the link shows. has_login: ask for the password they have, instead of a new one.
    Whoever holds the link owns the mailbox, so this tells them nothing that is not theirs."""

    practice: str
    name: str
    email: str
    role: str
    has_login: bool


async def look_invitation(token: str) -> Invitation:
    """What an invitation says; uses nothing up. Raises Refused LINK_OVER."""
    link, staff = await _live(token)
    login = await credentials.login_of(link.email)
    return Invitation(
        link.details["practice"], staff["name"], link.email, say(ROLES[staff["role"]]), login is not None
    )


async def accept_invitation(token: str, password: str, visitor: Visitor, *, name: str = "") -> Issued:
    """Join the practice. A session at stage `password` follows: the second factor, or setting it up, comes
    next.

    password: of the login with the invited e-mail, or, if there is none, the one to choose. name: how a new
    login wants to be called; empty takes the invitation's. Raises Refused LINK_OVER, TRY_LATER, SIGN_IN_WRONG
    or one of PASSWORD_*.
    """
    link, staff = await _live(token)
    login = await credentials.login_of(link.email)
    called, stored = staff["name"], ""
    if login is not None:
        await credentials.check(link.email, password, visitor)
    else:
        called = written(name or called, "name", what=say("your name"))
        chosen = passwords.check_password(password, about=(link.email, called, link.details["practice"]))
        stored = await passwords.hash_password(chosen)

    person_id = login.id if login else new_id()
    async with auth_db() as db:
        await links.use(db, "invite", token)
        if login is None and not await make_person(db, person_id, link.email, called, stored):
            raise credentials.wrong()  # a login with this e-mail was made a moment ago: use its password
        membership = insert(Membership).values(person_id=person_id, tenant_id=link.tenant_id)
        await db.execute(membership.on_conflict_do_nothing())
        issued = sessions.start(db, person_id, visitor.device)
    # Across the other door. If this is cut off, the membership just made lets the next entrance do the same.
    await sessions.join(_practice(link), person_id, link.email)
    return issued


async def _live(token: str) -> tuple[links.Link, dict[str, Any]]:
    """The link, and the staff row it was made for, still waiting under the same e-mail and role."""
    async with auth_db() as db:
        link = await links.look(db, "invite", token)
    async with tenant_db(system(_practice(link), "UTC"), read_only=True) as db:
        row = (
            await db.execute(
                select(Staff.name, Staff.role).where(
                    Staff.tenant_id == _practice(link), Staff.id == link.staff_id, Staff.email == link.email,
                    Staff.role == link.details["role"], Staff.person_id.is_(None), Staff.active,
                )
            )
        ).one_or_none()  # fmt: skip
    if row is None:
        raise links.over("invite")
    return link, {"name": row.name, "role": row.role}


def _practice(link: links.Link) -> UUID:
    if link.tenant_id is None:
        raise links.over("invite")
    return link.tenant_id
