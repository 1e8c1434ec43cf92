"""What the tests of signing up and signing in share: visitors, letters, logins, and counts of work done."""

import itertools
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from server.clock import now
from server.ids import new_id
from server.mail import outbox
from server.tenants import passwords, sign_in, totp
from server.tenants.db import auth_db, doors
from server.tenants.sessions import Issued
from server.tenants.tables import Membership, Person
from server.tenants.visitor import Visitor

PASSWORD = "kettle otter marble song"
_blocks = itertools.count(1)


def visitor(**given: Any) -> Visitor:
    """Somebody from an address block of their own, so that tests do not slow each other down."""
    number = next(_blocks)
    return Visitor(
        **{"address": f"10.{number // 250 % 250}.{number % 250}.7", "device": "Firefox on Linux", **given}
    )


@dataclass
class Login:
    """A login that is set up: sign in with `await login.in_()`."""

    id: UUID
    email: str
    name: str
    secret: str
    behind: AsyncEngine
    visitor: Visitor = field(default_factory=visitor)

    def code(self, offset: int = 0) -> str:
        return totp.code_at(self.secret, totp.step_at(now()) + offset)

    async def forget_steps(self) -> None:
        async with self.behind.begin() as connection:
            await connection.execute(
                sa.text("update person set totp_last_step = 0 where id = :id"), {"id": self.id}
            )

    async def password_stage(self) -> Issued:
        return await sign_in.with_password(self.email, PASSWORD, self.visitor)

    async def in_(self) -> Issued:
        """Signed in with both factors."""
        await self.forget_steps()
        first = await self.password_stage()
        return await sign_in.second_factor(first.token, self.code(), self.visitor)


@pytest.fixture
def new_login(database: str, behind: AsyncEngine) -> Callable[..., Any]:
    """`await new_login(member_of=[tenant ids])` -> Login, with a password and an authenticator."""

    async def make(name: str = "Lou Adams", member_of: tuple[UUID, ...] = (), email: str = "") -> Login:
        id, secret, at = new_id(), totp.new_secret(), datetime.now(UTC)
        email = email or f"{name.partition(' ')[0].lower()}-{secrets.token_hex(5)}@somewhere.example"
        async with auth_db() as db:
            db.add(
                Person(
                    id=id, email=email, name=name, password_hash=await passwords.hash_password(PASSWORD),
                    password_changed_at=at, email_confirmed_at=at, totp_secret=totp.seal_secret(id, secret),
                    totp_confirmed_at=at, made_at=at,
                )
            )  # fmt: skip
            await db.flush()
            db.add_all(Membership(person_id=id, tenant_id=tenant) for tenant in member_of)
        return Login(id, email, name, secret, behind)

    return make


@pytest.fixture
async def lou(new_login: Callable[..., Any]) -> Login:
    """A login that belongs to no practice yet."""
    return await new_login()  # type: ignore[no-any-return]


async def letters_to(email: str) -> list[Any]:
    """Letters in the local outbox for an address, newest first."""
    async with auth_db() as db:
        return [letter for letter in await outbox(db, most=1000) if letter.to == email]


async def link_in(email: str) -> str:
    """The token of the link in the newest letter that has one."""
    for letter in await letters_to(email):
        if found := re.search(r"(http\S+/)(cw_link_[\w-]+)", letter.body):
            assert found[1].startswith("http://127.0.0.1:8080/"), found[1]
            return found[2]
    raise AssertionError(f"no letter with a link for {email}")


@pytest.fixture
def letters(database: str) -> Any:
    """`await letters(email)`; `await letters.link(email)`."""
    letters_to.link = link_in  # type: ignore[attr-defined]
    return letters_to


class Work:
    """The statements and hashes that a piece of code needed, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """Record every SQL statement through the doors and every call of Argon2."""
    work = Work()

    def statement(conn: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool) -> None:
        work.done.append(re.sub(r"\s+", " ", re.sub(r"\(\$\d.*?\)", "(...)", sql)))

    engines = [engine.sync_engine for engine in (doors()._auth, doors()._app) if engine is not None]
    for name in ("_verify", "_hash"):
        plain = getattr(passwords, name)
        monkeypatch.setattr(
            passwords, name, lambda *a, n=name, f=plain: (work.done.append(f"argon2{n}"), f(*a))[1]
        )
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", statement)
    try:
        yield work
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", statement)
        monkeypatch.undo()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch, database: str) -> Callable[[], Any]:
    return lambda: watched(monkeypatch)


@pytest.fixture
def counts(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say a figure that a promise asks for; the run's closing lines repeat it."""

    def say(figure: str) -> None:
        record_property("count", figure)
        sys.stdout.write(figure + "\n")

    return say


@pytest.fixture
async def superuser(behind: AsyncEngine) -> Callable[..., Any]:
    """`await superuser("update ...", id=...)`: what nobody could do through the doors."""

    async def run(sql: str, **given: Any) -> Any:
        async with behind.begin() as connection:
            result = await connection.execute(sa.text(sql), given)
            return result.all() if result.returns_rows else result.rowcount

    return run


@pytest.fixture
def new_visitor() -> Callable[..., Visitor]:
    return visitor


@pytest.fixture
def good_password() -> str:
    return PASSWORD
