"""Sessions: opaque tokens whose hashes lie in PostgreSQL, looked up at every request.

Nothing about a person's rights is kept in a session. Each request asks the practice's own staff row, so that
a role taken away is gone at the next request. A token is replaced whenever what it opens changes: at the
password, at the second factor, when the practice is switched, when the password or authenticator is changed.
Sessions in a practice end when the role there changes.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from server.clock import now
from server.errors import Refused, not_found
from server.ids import new_id
from server.tenants.actor import Actor, system
from server.tenants.db import auth_db, tenant_db
from server.tenants.permissions import permissions_of
from server.tenants.tables import Directory, Membership, Person, SignIn, Staff
from server.tenants.tokens_text import new_token, token_hash
from server.tenants.working import working_here
from server.words import say

IDLE: Final = timedelta(minutes=15)
ABSOLUTE: Final = timedelta(hours=12)
#: How long there is for the second factor, or for setting it up, after the password.
CHALLENGE: Final = timedelta(minutes=15)
_TOUCH: Final = timedelta(seconds=30)
_KEPT: Final = timedelta(days=30)

Stage = Literal["password", "full"]
#: What somebody must do next before they can work; empty when nothing.
Need = Literal["authenticator", "code", "agreements", "practice", ""]


@dataclass(frozen=True, slots=True)
class PracticeChoice:
    """A practice that a login may try to enter. state: preparing (agreements not accepted yet), open or
    closed."""

    id: UUID
    slug: str
    name: str
    state: str
    demo: bool


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a live session's token stands for. `actor` is there only with both factors given and inside a
    practice."""

    session_id: UUID
    person_id: UUID
    name: str
    email: str
    stage: Stage
    has_authenticator: bool
    csrf_secret: bytes
    practices: tuple[PracticeChoice, ...]
    practice: PracticeChoice | None
    actor: Actor | None
    idle_at: datetime
    ends_at: datetime
    hints_away: frozenset[str] = frozenset()  # keys of hints that the person shall not be shown again here

    @property
    def needs(self) -> Need:
        """The next step: `authenticator` (set one up), `code`, `agreements`, `practice` (choose one), or
        none."""
        if self.stage == "password":
            return "code" if self.has_authenticator else "authenticator"
        if self.actor is not None:
            return ""
        waiting = [p for p in self.practices if p.state == "preparing"]
        return "agreements" if waiting and not any(p.state == "open" for p in self.practices) else "practice"


@dataclass(frozen=True, slots=True)
class Issued:
    """A token to put into the session cookie in place of any other. `mark`: for the long-lived device cookie.
    `recovery_codes`: to be shown once, only just made."""

    token: str
    session_id: UUID
    stage: Stage
    mark: str = ""
    recovery_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One line of a person's own security page."""

    id: UUID
    device: str
    practice: str
    made_at: datetime
    seen_at: datetime
    this: bool


# --- at every request ---------------------------------------------------------------------------------------


async def session_actor(
    token: str, *, via: str = "page", request_id: str = "", touch: bool = True
) -> SignedIn | None:
    """Who holds this token, or None if it opens nothing (any more).

    touch: False for requests that nobody made by hand (polling, an open socket): they must not keep a session
    awake.
    """
    at = now()
    async with auth_db() as db:
        rows = (
            await db.execute(
                select(SignIn, Person, Directory)
                .join(Person, Person.id == SignIn.person_id)
                .outerjoin(Membership, Membership.person_id == SignIn.person_id)
                .outerjoin(Directory, Directory.id == Membership.tenant_id)
                .where(SignIn.token_hash == token_hash(token), *_alive(at), Person.disabled_at.is_(None))
                .order_by(Directory.name, Directory.id)
            )
        ).all()
        if not rows:
            return None
        session, person = rows[0][0], rows[0][1]
        if touch and session.seen_at < at - _TOUCH:
            await db.execute(
                update(SignIn).where(SignIn.id == session.id, SignIn.ended_at.is_(None)).values(seen_at=at)
            )
    practices = tuple(
        PracticeChoice(d.id, d.slug, d.name, d.state, d.demo)
        for _, _, d in rows
        if d is not None and d.state != "closed"
    )
    practice = next((p for p in practices if p.id == session.tenant_id and p.state == "open"), None)
    actor, away = None, frozenset[str]()
    if session.stage == "full" and practice is not None:
        actor, away = await _actor_in(practice.id, person.id, via, request_id)
    return SignedIn(
        session_id=session.id, person_id=person.id, name=person.name, email=person.email, stage=session.stage,
        has_authenticator=person.totp_confirmed_at is not None, csrf_secret=session.csrf_secret,
        practices=practices, practice=practice if actor else None, actor=actor,
        idle_at=(at if touch else session.seen_at) + IDLE, ends_at=session.ends_at,
        hints_away=away,
    )  # fmt: skip


async def signed_in(token: str, stage: Stage = "full", *, via: str = "page") -> SignedIn:
    """The holder of a live session at `stage`. Raises Refused SIGN_IN_AGAIN otherwise."""
    found = await session_actor(token, via=via)
    if found is None or found.stage != stage:
        raise sign_in_again()
    return found


async def _actor_in(
    tenant_id: UUID, person_id: UUID, via: str, request_id: str
) -> tuple[Actor | None, frozenset[str]]:
    """The person at work in the practice, and the hints they have put away there."""
    found = await working_here(tenant_id, person_id)
    if found is None:
        return None, frozenset()
    actor = Actor(
        tenant_id,
        found.staff_id,
        person_id,
        found.role,
        permissions_of(found.role),
        found.time_zone,
        via,
        request_id,
    )
    return actor, frozenset(found.hints_away)


# --- making, changing and ending ----------------------------------------------------------------------------


def start(db: AsyncSession, person_id: UUID, device: str) -> Issued:
    """A new session after the password, within the caller's sign-in transaction. It opens only the second
    factor."""
    token, id, at = new_token("session"), new_id(), now()
    db.add(
        SignIn(
            id=id, token_hash=token_hash(token), csrf_secret=_csrf_secret(), person_id=person_id,
            stage="password", made_at=at, seen_at=at, ends_at=at + CHALLENGE, device=device[:80],
        )
    )  # fmt: skip
    return Issued(token, id, "password")


async def renew(db: AsyncSession, session_id: UUID, stage: Stage, **values: Any) -> Issued:
    """Replace the token of a live session, so that whoever saw the old one holds nothing. Raises
    SIGN_IN_AGAIN."""
    token, at = new_token("session"), now()
    renewed = await db.execute(
        update(SignIn)
        .where(SignIn.id == session_id, *_alive(at))
        .values(
            token_hash=token_hash(token),
            csrf_secret=_csrf_secret(),
            stage=stage,
            seen_at=at,
            **values,
        )
        .returning(SignIn.id)
    )
    if renewed.scalar_one_or_none() is None:
        raise sign_in_again()
    return Issued(token, session_id, stage)


async def end_all(
    db: AsyncSession, person_id: UUID, *, tenant_id: UUID | None = None, but: UUID | None = None
) -> None:
    """End a person's sessions within the caller's transaction: all, or those inside one practice; never
    `but`."""
    ending = (
        update(SignIn).where(SignIn.person_id == person_id, SignIn.ended_at.is_(None)).values(ended_at=now())
    )
    if tenant_id is not None:
        ending = ending.where(SignIn.tenant_id == tenant_id)
    if but is not None:
        ending = ending.where(SignIn.id != but)
    await db.execute(ending)


async def enter(token: str, tenant_id: UUID) -> Issued:
    """Step into one of one's practices, leaving the one before; a new token. Raises Refused NOT_FOUND."""
    person = await signed_in(token)
    choice = next((p for p in person.practices if p.id == tenant_id and p.state == "open"), None)
    if choice is None:
        raise not_found("practice")
    actor, _ = await _actor_in(tenant_id, person.person_id, "page", "")
    if actor is None:
        await join(tenant_id, person.person_id, person.email)
        actor, _ = await _actor_in(tenant_id, person.person_id, "page", "")
    if actor is None:
        raise not_found("practice")
    async with tenant_db(actor) as db:
        db.note(actor, "practice.enter", entity="staff", entity_ids=[_staff(actor)], effect="read")
    async with auth_db() as db:
        return await renew(db, person.session_id, "full", tenant_id=tenant_id)


async def join(tenant_id: UUID, person_id: UUID, email: str) -> None:
    """Tie a login to the staff row it was invited for. Done by the accepted invitation or, had that been
    cut off between the two databases' doors, by the next entrance: a membership is the proof that the link
    was used."""
    async with tenant_db(system(tenant_id, "UTC")) as db:
        joined = await db.execute(
            update(Staff)
            .where(
                Staff.tenant_id == tenant_id, Staff.email == email, Staff.person_id.is_(None), Staff.active,
                Staff.invited_at.is_not(None),
            )
            .values(person_id=person_id, joined_at=now())
            .returning(Staff.id, Staff.role)
        )  # fmt: skip
        if row := joined.one_or_none():
            actor = Actor(tenant_id, row.id, person_id, row.role, frozenset(), "UTC")
            db.note(actor, "staff.join", entity="staff", entity_ids=[row.id], effect="write")


async def sign_out(token: str) -> None:
    """End this session. Always succeeds: a token that opens nothing is already signed out."""
    async with auth_db() as db:
        await db.execute(
            update(SignIn)
            .where(SignIn.token_hash == token_hash(token), SignIn.ended_at.is_(None))
            .values(ended_at=now())
        )


async def sign_out_everywhere(me: SignedIn, *, but_here: bool = False) -> None:
    """End all of one's sessions, in every practice; `but_here` keeps this one."""
    async with auth_db() as db:
        await end_all(db, me.person_id, but=me.session_id if but_here else None)


async def my_sessions(me: SignedIn) -> list[OpenSession]:
    """One's own open sessions, the most recently used first."""
    async with auth_db() as db:
        rows = await db.execute(
            select(SignIn, Directory.name)
            .outerjoin(Directory, Directory.id == SignIn.tenant_id)
            .where(SignIn.person_id == me.person_id, *_alive(now()))
            .order_by(SignIn.seen_at.desc())
        )
        return [
            OpenSession(s.id, s.device, name or "", s.made_at, s.seen_at, s.id == me.session_id)
            for s, name in rows
        ]


async def end_session(me: SignedIn, session_id: UUID) -> None:
    """End one of one's own sessions. Raises Refused NOT_FOUND for any other."""
    async with auth_db() as db:
        ended = await db.execute(
            update(SignIn)
            .where(SignIn.id == session_id, SignIn.person_id == me.person_id, SignIn.ended_at.is_(None))
            .values(ended_at=now())
            .returning(SignIn.id)
        )
        if ended.scalar_one_or_none() is None:
            raise not_found("session")


async def forget_old() -> int:
    """Delete sessions that ended a month ago; for the sweep. Returns how many."""
    async with auth_db() as db:
        gone = await db.execute(delete(SignIn).where(SignIn.ends_at < now() - _KEPT).returning(SignIn.id))
        return len(gone.all())


def sign_in_again() -> Refused:
    """The answer wherever a session is needed and there is none that suffices."""
    return Refused(
        "SIGN_IN_AGAIN",
        say(
            "You are not signed in any more: the session ended, or was quiet for 15 minutes. This "
            "protects patients' records."
        ),
        say("Sign in again; what you were typing is kept on this page."),
    )


def _alive(at: datetime) -> tuple[Any, ...]:
    return (SignIn.ended_at.is_(None), SignIn.ends_at > at, SignIn.seen_at > at - IDLE)


def _csrf_secret() -> bytes:
    return secrets.token_urlsafe(32).encode()


def _staff(actor: Actor) -> UUID:
    if actor.staff_id is None:
        raise RuntimeError("an actor from a session has a staff row")
    return actor.staff_id
