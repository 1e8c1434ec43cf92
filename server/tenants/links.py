"""One-time links in letters: 256 random bits, only their hash kept, bound to an e-mail and a purpose, used
once.

A link is looked at with GET as often as a mail scanner likes, and used up by POST alone, in one statement
that only one of any number of simultaneous requests can win.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from server.clock import now
from server.errors import Refused
from server.ids import new_id
from server.mail import link as absolute
from server.tenants.tables import OneTimeLink
from server.tenants.tokens_text import new_token, token_hash
from server.words import say

Kind = Literal["confirm", "reset", "invite"]

LIFETIME: Final[dict[Kind, timedelta]] = {
    "confirm": timedelta(hours=72),
    "reset": timedelta(hours=1),
    "invite": timedelta(hours=72),
}
#: Where the page behind each kind of link lives.
PATHS: Final[dict[Kind, str]] = {
    "confirm": "/sign-up/confirm/",
    "reset": "/password/new/",
    "invite": "/invitation/",
}


@dataclass(frozen=True, slots=True)
class Link:
    """A live link as found by its token."""

    id: UUID
    kind: Kind
    email: str
    person_id: UUID | None
    tenant_id: UUID | None
    staff_id: UUID | None
    details: dict[str, Any]


def issue(
    db: AsyncSession,
    kind: Kind,
    email: str,
    *,
    person_id: UUID | None = None,
    tenant_id: UUID | None = None,
    staff_id: UUID | None = None,
    details: dict[str, Any] | None = None,
) -> str:
    """Make a link within the caller's sign-in transaction; returns its absolute address, which is kept
    nowhere."""
    token = new_token("link")
    made = now()
    db.add(
        OneTimeLink(
            id=new_id(), kind=kind, token_hash=token_hash(token), email=email, person_id=person_id,
            tenant_id=tenant_id, staff_id=staff_id, details=details or {}, made_at=made,
            ends_at=made + LIFETIME[kind],
        )
    )  # fmt: skip
    return absolute(PATHS[kind] + token)


async def look(db: AsyncSession, kind: Kind, token: str) -> Link:
    """The link behind a token, unused and in time. Raises Refused LINK_OVER, the same for every reason."""
    found = await db.execute(
        select(OneTimeLink).where(
            OneTimeLink.token_hash == token_hash(token),
            OneTimeLink.kind == kind,
            OneTimeLink.used_at.is_(None),
            OneTimeLink.ends_at > now(),
        )
    )
    return _link(found.scalar_one_or_none(), kind)


async def use(db: AsyncSession, kind: Kind, token: str, **values: Any) -> Link:
    """Use the link up. Of simultaneous uses one succeeds; the others get Refused LINK_OVER."""
    used = await db.execute(
        update(OneTimeLink)
        .where(
            OneTimeLink.token_hash == token_hash(token),
            OneTimeLink.kind == kind,
            OneTimeLink.used_at.is_(None),
            OneTimeLink.ends_at > now(),
        )
        .values(used_at=now(), **values)
        .returning(OneTimeLink)
    )
    return _link(used.scalar_one_or_none(), kind)


async def end(
    db: AsyncSession, kind: Kind, *, person_id: UUID | None = None, staff_id: UUID | None = None
) -> None:
    """End every live link of this kind for a person or a staff member: a newer one or an event replaces
    it."""
    whose = OneTimeLink.person_id == person_id if person_id else OneTimeLink.staff_id == staff_id
    await db.execute(
        update(OneTimeLink)
        .where(OneTimeLink.kind == kind, whose, OneTimeLink.used_at.is_(None))
        .values(used_at=now())
    )


def over(kind: Kind) -> Refused:
    """The answer for a link that was used, is too old, was replaced, or never existed."""
    again = {
        "confirm": say("Sign up again, or, if you have confirmed already, sign in."),
        "reset": say("Ask for a new one on the sign-in page; it works for one hour."),
        "invite": say(
            "If you have joined already, sign in. If not, ask an administrator of the practice for a new one."
        ),
    }
    return Refused(
        "LINK_OVER", say("This link has been used, has been replaced, or is too old."), again[kind]
    )


def _link(row: OneTimeLink | None, kind: Kind) -> Link:
    if row is None:
        raise over(kind)
    return Link(row.id, kind, row.email, row.person_id, row.tenant_id, row.staff_id, dict(row.details))
