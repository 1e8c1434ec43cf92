"""API tokens: a bearer's way in for programs. One person, one practice, some scopes, and an end.

A token may do what its scopes name and its owner's role allows at that moment: the smaller of the two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, update

from server.clock import now
from server.errors import Refused, not_found
from server.ids import new_id
from server.tenants.actor import Actor, system
from server.tenants.db import Db, auth_db, tenant_db
from server.tenants.names import fold_email, written
from server.tenants.permissions import SCOPES, permissions_of
from server.tenants.tables import ApiToken, Directory, Person, Staff
from server.tenants.tokens_text import new_token, token_hash
from server.tenants.working import working_here
from server.words import say

LONGEST_DAYS: Final = 365
_TOUCH: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class NewToken:
    """text: shown once and kept nowhere."""

    id: UUID
    text: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class TokenLine:
    """A token as the practice's list shows it; `state` is live, expired or revoked."""

    id: UUID
    name: str
    owner: str
    scopes: tuple[str, ...]
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None
    state: str


async def create_token(db: Db, actor: Actor, *, name: str, scopes: Iterable[str], days: int) -> NewToken:
    """A token for the actor, in this practice. scopes: words of `permissions.SCOPES`. days: 1 to 365.

    Raises Refused TEXT_*, SCOPE_UNKNOWN, SCOPE_EMPTY, DAYS_RANGE, or NOT_ALLOWED for the system.
    """
    actor.require("tokens.write")
    if actor.person_id is None:
        raise not_found("person on the staff")
    wanted = sorted(set(scopes))
    made = _make(db, actor.tenant_id, actor.person_id, actor.role, name, wanted, days)
    db.note(actor, "token.create", entity="api_token", entity_ids=[made.id], effect="write", scopes=wanted)
    return made


async def list_tokens(db: Db, actor: Actor) -> list[TokenLine]:
    """All tokens of this practice, newest first."""
    actor.require("tokens.write")
    at = now()
    async with auth_db() as auth:
        rows = await auth.execute(
            select(ApiToken, Person.name)
            .join(Person, Person.id == ApiToken.person_id)
            .where(ApiToken.tenant_id == actor.tenant_id)
            .order_by(ApiToken.id.desc())
        )
        return [
            TokenLine(
                t.id, t.name, owner, tuple(t.scopes), t.made_at, t.ends_at, t.used_at,
                "revoked" if t.revoked_at else "live" if t.ends_at > at else "expired",
            )
            for t, owner in rows
        ]  # fmt: skip


async def revoke_token(db: Db, actor: Actor, token_id: UUID) -> None:
    """End a token of this practice at once. Revoking twice is no error. Raises Refused NOT_FOUND."""
    actor.require("tokens.write")
    async with auth_db() as auth:
        there = await auth.execute(
            select(ApiToken.id).where(ApiToken.id == token_id, ApiToken.tenant_id == actor.tenant_id)
        )
        if there.scalar_one_or_none() is None:
            raise not_found("token")
        # Now, not after the commit: should anything fail in between, better a dead token nobody reports than a live
        # one that was reported dead.
        ending = update(ApiToken).where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
        await auth.execute(ending.values(revoked_at=now()))
    db.note(actor, "token.revoke", entity="api_token", entity_ids=[token_id], effect="write")


async def token_actor(bearer: str, *, request_id: str = "") -> Actor | None:
    """Whom a bearer token speaks for, or None if it is not live. Rights: the scopes' and the role's, both."""
    at = now()
    async with auth_db() as db:
        found = (
            await db.execute(
                select(ApiToken)
                .join(Person, Person.id == ApiToken.person_id)
                .join(Directory, Directory.id == ApiToken.tenant_id)
                .where(
                    ApiToken.token_hash == token_hash(bearer), ApiToken.revoked_at.is_(None),
                    ApiToken.ends_at > at,
                    Person.disabled_at.is_(None), Directory.state == "open",
                )
            )
        ).scalar_one_or_none()  # fmt: skip
        if found is None:
            return None
        if found.used_at is None or found.used_at < at - _TOUCH:
            await db.execute(update(ApiToken).where(ApiToken.id == found.id).values(used_at=at))
    granted: frozenset[str] = frozenset().union(*(SCOPES.get(scope, frozenset()) for scope in found.scopes))
    staff = await working_here(found.tenant_id, found.person_id)
    if staff is None:
        return None
    rights = granted & permissions_of(staff.role)
    return Actor(
        found.tenant_id,
        staff.staff_id,
        found.person_id,
        staff.role,
        rights,
        staff.time_zone,
        "graphql",
        request_id,
    )


async def create_for_command(slug: str, email: str, scopes: Iterable[str], days: int = 30) -> str:
    """A token made by somebody at the machine itself, for a person on the practice's staff; without scopes,
    to read.

    Raises Refused PRACTICE_UNKNOWN, PERSON_UNKNOWN, SCOPE_UNKNOWN, SCOPE_EMPTY or DAYS_RANGE.
    """
    folded = fold_email(email)
    async with auth_db() as auth:
        practice = (await auth.execute(select(Directory).where(Directory.slug == slug))).scalar_one_or_none()
    if practice is None or practice.state != "open":
        raise Refused(
            "PRACTICE_UNKNOWN",
            say("There is no open practice “%(practice)s” here.", practice=slug[:40]),
            say("Check its slug."),
            "practice",
        )
    actor = system(practice.id, "UTC", "tokens.write", via="command")
    async with tenant_db(actor) as db:
        staff = (
            await db.execute(
                select(Staff).where(
                    Staff.tenant_id == practice.id,
                    Staff.email == folded,
                    Staff.active,
                    Staff.person_id.is_not(None),
                )
            )
        ).scalar_one_or_none()
        if staff is None or staff.person_id is None:
            raise Refused(
                "PERSON_UNKNOWN",
                say(
                    "Nobody with the e-mail %(email)s works in %(practice)s.",
                    email=folded,
                    practice=practice.name,
                ),
                say("Use an address from the practice's list of staff; the person must have joined."),
                "email",
            )
        wanted = sorted(set(scopes)) or ["read"]
        made = _make(db, practice.id, staff.person_id, staff.role, say("Made by command"), wanted, days)
        ids = [made.id, staff.id]
        db.note(actor, "token.create", entity="api_token", entity_ids=ids, effect="write", scopes=wanted)
    return made.text


def _make(
    db: Db, tenant_id: UUID, person_id: UUID, role: str, name: str, wanted: list[str], days: int
) -> NewToken:
    for scope in wanted:
        if scope not in SCOPES:
            raise Refused(
                "SCOPE_UNKNOWN",
                say("“%(scope)s” is not a scope.", scope=scope[:40]),
                say("Choose from: %(scopes)s.", scopes=", ".join(SCOPES)),
                "scopes",
            )
    if not any(SCOPES[scope] & permissions_of(role) for scope in wanted):
        raise Refused(
            "SCOPE_EMPTY",
            say("With these scopes the token could do nothing that its owner's role allows."),
            say("Choose from: %(scopes)s.", scopes=", ".join(SCOPES)),
            "scopes",
        )
    if not 1 <= days <= LONGEST_DAYS:
        raise Refused(
            "DAYS_RANGE",
            say(
                "A token lives between 1 and %(most)s days, not %(days)s: one that never ends "
                "is never missed when it leaks.",
                most=LONGEST_DAYS,
                days=days,
            ),
            say("Choose a number of days in between."),
            "days",
        )
    text, at = new_token("api"), now()
    row = ApiToken(
        id=new_id(), token_hash=token_hash(text), person_id=person_id, tenant_id=tenant_id,
        name=written(name, "name", what=say("what the token is for"), longest=80), scopes=wanted, made_at=at,
        ends_at=at + timedelta(days=days),
    )  # fmt: skip
    made = NewToken(row.id, text, row.ends_at)

    async def keep(auth: Db) -> None:
        auth.add(row)

    db.after_commit(keep)
    return made
