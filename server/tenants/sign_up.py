"""A practice signs up: ask, confirm by mail, sign in with a second factor, accept the agreements, open.

Logins and practices lie behind two different doors of the database, so opening a practice takes two
transactions. They are ordered so that a cut between them leaves nothing half open, and every step may be
repeated:

1. `confirm` (sign-in door): the link is used up; the login, the practice's line in the directory
   (`preparing`, with its slug) and the membership that ties them are made together. Nothing else exists of
   the practice yet.
2. `open_practice` (practice's door): the practice, its first administrator and both acceptances are inserted
   together. The practice's row has the directory's id as its key, so a second try inserts nothing.
3. `open_practice` (sign-in door): the directory's line becomes `open`. Until then nobody can enter, and
   whoever accepts again simply gets this far again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from server.clock import now
from server.errors import Refused, not_found
from server.ids import new_id
from server.mail import post
from server.tenants import attempts, credentials, links, passwords, sessions
from server.tenants.actor import Actor
from server.tenants.agreements import Accepted, acceptance_rows, check_accepted
from server.tenants.db import auth_db, tenant_db
from server.tenants.names import check_zone, fold_email, slug_of, written
from server.tenants.npi import check_npi
from server.tenants.permissions import ADMINISTRATOR
from server.tenants.sessions import Issued
from server.tenants.tables import Directory, Membership, OneTimeLink, Person, Practice, Staff
from server.tenants.visitor import Visitor
from server.words import N_, say


@dataclass(frozen=True, slots=True)
class Wish:
    """The sign-up form as typed. npi: the practice's own (organization) number. time_zone: an IANA name."""

    practice_name: str
    npi: str
    time_zone: str
    name: str
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class Confirming:
    """What the page behind a confirmation link shows before the password is typed."""

    practice_name: str
    name: str
    email: str


async def request(wish: Wish, visitor: Visitor) -> None:
    """Take the wish and mail a confirmation link. Whether the e-mail has a login already is not even looked
    up here, so neither the answer nor the work can tell.

    Raises Refused TEXT_*, NPI_*, ZONE_UNKNOWN, EMAIL_FORM, PASSWORD_* (each with its field) or TRY_LATER.
    """
    practice_name = written(wish.practice_name, "practice_name", what=say("the practice's name"))
    npi = check_npi(wish.npi)
    zone = check_zone(wish.time_zone)
    name = written(wish.name, "name", what=say("your name"))
    email = fold_email(wish.email)
    password = passwords.check_password(wish.password, about=(email, name, practice_name))

    await attempts.take_place(attempts.of_mail(email, visitor))
    password_hash = await passwords.hash_password(password)

    async with auth_db() as db:
        details = {
            "practice_name": practice_name,
            "npi": npi,
            "time_zone": zone,
            "name": name,
            "password_hash": password_hash,
        }
        address = links.issue(db, "confirm", email, details=details)
        body = say(_CONFIRM, name=name, practice=practice_name, address=address)
        post(db, to=email, subject=say("Confirm your practice's sign-up at Carewright"), body=body)


async def look_confirm(token: str) -> Confirming:
    """What a confirmation link is about; uses nothing up. Raises Refused LINK_OVER."""
    async with auth_db() as db:
        link = await links.look(db, "confirm", token)
    return Confirming(link.details["practice_name"], link.details["name"], link.email)


async def confirm(token: str, password: str, visitor: Visitor) -> Issued:
    """Use the link up, and start the first session: stage `password`, so the second factor comes next.

    password: the one typed at sign-up, or, where the e-mail had a login already, that login's. Asking for it
    means that nobody can sign up with another's address and a password of their own, and have the other
    confirm it. Raises Refused LINK_OVER, TRY_LATER or SIGN_IN_WRONG.
    """
    async with auth_db() as db:
        link = await links.look(db, "confirm", token)
    login = await credentials.check_first(link.email, password, visitor, link.details["password_hash"])

    kept = {key: link.details[key] for key in ("practice_name", "npi", "time_zone", "name")}
    practice_id = new_id()
    person_id = login.id if login else new_id()
    async with auth_db() as db:
        if login is None and not await make_person(
            db, person_id, link.email, kept["name"], link.details["password_hash"]
        ):
            raise credentials.wrong()  # somebody confirmed another sign-up with this e-mail a moment ago
        await _enter_in_directory(db, practice_id, kept["practice_name"])
        await db.execute(insert(Membership).values(person_id=person_id, tenant_id=practice_id))
        await links.use(db, "confirm", token, person_id=person_id, tenant_id=practice_id, details=kept)
        return sessions.start(db, person_id, visitor.device)


async def open_practice(token: str, practice_id: UUID, accepted: list[Accepted]) -> Issued:
    """Accept both agreements for a confirmed practice, which opens it, and step inside. A new token.

    Raises Refused SIGN_IN_AGAIN, AGREEMENT_*, SIGNATURE_SHORT, or NOT_FOUND for a practice that is not one's
    own.
    """
    me = await sessions.signed_in(token)
    choice = next((p for p in me.practices if p.id == practice_id), None)
    if choice is None:
        raise not_found("practice")
    if choice.state == "preparing":
        signed = check_accepted(accepted)
        details = await _what_was_wished(practice_id, me.person_id)
        await found(practice_id, me.person_id, me.email, me.name, details, signed, now())
        await _declare_open(practice_id)
    return await sessions.enter(token, practice_id)


async def found(
    practice_id: UUID,
    person_id: UUID,
    email: str,
    name: str,
    details: dict[str, Any],
    accepted: list[Accepted],
    at: datetime,
) -> UUID | None:
    """Make the practice's own rows, all or none; the first administrator's staff id, or None if they exist
    already.

    details: practice_name, npi, time_zone.
    """
    staff_id = new_id()
    actor = Actor(practice_id, staff_id, person_id, ADMINISTRATOR, frozenset(), details["time_zone"])
    async with tenant_db(actor) as db:
        made = await db.execute(
            insert(Practice)
            .values(
                tenant_id=practice_id, id=practice_id, name=details["practice_name"], npi=details["npi"],
                time_zone=details["time_zone"], made_at=at,
            )
            .on_conflict_do_nothing()
            .returning(Practice.id)
        )  # fmt: skip
        if made.scalar_one_or_none() is None:
            return None
        db.add(
            Staff(
                tenant_id=practice_id, id=staff_id, person_id=person_id, name=name, email=email,
                role=ADMINISTRATOR, joined_at=at, made_at=at,
            )
        )  # fmt: skip
        db.add_all(acceptance_rows(actor, accepted, at))
        db.rings = now()  # a worker's first turn with it writes down its schedules
        versions = {one.document: one.version for one in accepted}
        db.note(
            actor, "practice.open", entity="practice", entity_ids=[practice_id], effect="write", **versions
        )
    return staff_id


async def make_person(db: AsyncSession, id: UUID, email: str, name: str, password_hash: str) -> bool:
    """Insert a login whose e-mail has just been proved by a link; False if there is one already."""
    at = now()
    made = await db.execute(
        insert(Person)
        .values(
            id=id, email=email, name=name, password_hash=password_hash, password_changed_at=at,
            email_confirmed_at=at, made_at=at,
        )
        .on_conflict_do_nothing(index_elements=[Person.email])
        .returning(Person.id)
    )  # fmt: skip
    return made.scalar_one_or_none() is not None


async def _enter_in_directory(db: AsyncSession, id: UUID, name: str) -> None:
    """A line in the directory under the first free slug. Slugs of closed practices stay taken for ever."""
    taken = await db.execute(
        select(Directory.slug).where(Directory.slug.startswith(slug_of(name), autoescape=True))
    )
    used = set(taken.scalars())
    for number in range(1, len(used) + 50):
        slug = slug_of(name, number=number)
        if slug in used:
            continue
        made = await db.execute(
            insert(Directory)
            .values(id=id, slug=slug, name=name, state="preparing", demo=False, made_at=now())
            .on_conflict_do_nothing(index_elements=[Directory.slug])
            .returning(Directory.id)
        )
        if made.scalar_one_or_none() is not None:
            return
    raise Refused(
        "TRY_LATER",
        say("Many practices of this name are signing up at this moment."),
        say("Try again in a minute."),
    )


async def _what_was_wished(practice_id: UUID, person_id: UUID) -> dict[str, Any]:
    async with auth_db() as db:
        found = await db.execute(
            select(OneTimeLink.details).where(
                OneTimeLink.kind == "confirm",
                OneTimeLink.tenant_id == practice_id,
                OneTimeLink.person_id == person_id,
            )
        )
        details = found.scalar_one_or_none()
    if details is None:
        raise not_found("practice")
    return dict(details)


async def _declare_open(practice_id: UUID) -> None:
    async with auth_db() as db:
        await db.execute(
            update(Directory)
            .where(Directory.id == practice_id, Directory.state == "preparing")
            .values(state="open")
        )


_CONFIRM = N_("""Hello %(name)s,

somebody, probably you, signed up %(practice)s at Carewright with this e-mail address. Confirm it here within three days:

%(address)s

The page asks for your password: the one you chose when signing up, or, if you already had a Carewright sign-in with
this address, the one you always use.

If it was not you, do nothing, and nothing will be opened.
""")
