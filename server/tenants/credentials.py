"""Whether a password is right: counted, slowed, and the same work whoever is asked about."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update

from server.errors import Refused
from server.tenants import attempts, passwords
from server.tenants.db import auth_db
from server.tenants.tables import Person
from server.tenants.visitor import Visitor
from server.words import say


@dataclass(frozen=True, slots=True)
class Login:
    """A login as needed to check a password against it."""

    id: UUID
    email: str
    name: str
    password_hash: str


async def login_of(email: str) -> Login | None:
    """The enabled login with this folded e-mail."""
    async with auth_db() as db:
        row = (
            await db.execute(
                select(Person.id, Person.email, Person.name, Person.password_hash).where(
                    Person.email == email, Person.disabled_at.is_(None)
                )
            )
        ).one_or_none()
    return None if row is None else Login(row.id, row.email, row.name, row.password_hash)


async def check(email: str, password: str, visitor: Visitor) -> Login:
    """The login that this folded e-mail and password belong to.

    Raises Refused TRY_LATER or SIGN_IN_WRONG. An unknown e-mail, a disabled login and a wrong password run
    the same statements, hash once each, and give the same answer.
    """
    login, right = await _guess(email, password, visitor, None)
    if login is None or not right:
        raise wrong()
    return login


async def check_first(email: str, password: str, visitor: Visitor, stored: str) -> Login | None:
    """As `check`, for an e-mail that may have no login yet: then `password` must match `stored` and None
    is returned."""
    login, right = await _guess(email, password, visitor, stored)
    if not right:
        raise wrong()
    return login


async def _guess(
    email: str, password: str, visitor: Visitor, stored: str | None
) -> tuple[Login | None, bool]:
    taken = await attempts.take_place(attempts.of_password(email, visitor))
    login = await login_of(email)
    against = login.password_hash if login else stored
    right = await passwords.verify(against, password)
    if right:
        await attempts.give_back(taken)
        if login and passwords.needs_rehash(login.password_hash):
            await _rehash(login, password)
    return login, right


async def _rehash(login: Login, password: str) -> None:
    stronger = await passwords.hash_password(password)
    async with auth_db() as db:
        await db.execute(
            update(Person)
            .where(Person.id == login.id, Person.password_hash == login.password_hash)
            .values(password_hash=stronger)
        )


def wrong() -> Refused:
    return Refused(
        "SIGN_IN_WRONG",
        say("The e-mail address and the password do not go together."),
        say(
            "Check both, and the Caps Lock key. If you have forgotten the password, ask for a new one "
            "by mail."
        ),
    )
