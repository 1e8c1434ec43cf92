"""The two small demo practices: made once on an empty house, so that there is somebody to sign in as.

`python -m server.demo` makes what is missing and prints the sign-ins.
"""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from server import demo_cast
from server.clock import now, today
from server.demo_cast import DemoPractice, Member
from server.errors import Refused
from server.ids import new_id
from server.lives.hours import hours_of
from server.tenants import passwords, totp
from server.tenants.actor import Actor
from server.tenants.agreements import Accepted, documents
from server.tenants.db import auth_db, open_doors, tenant_db
from server.tenants.payers import add_payer
from server.tenants.permissions import ADMINISTRATOR, ROLES, permissions_of
from server.tenants.practice import change_practice
from server.tenants.sign_up import found
from server.tenants.sites import add_site
from server.tenants.tables import (
    DaysAway,
    Directory,
    Membership,
    Person,
    Practice,
    Qualification,
    Site,
    Staff,
    WorkingHours,
)

_SINCE = datetime(2020, 1, 6, tzinfo=UTC)
_TRAINED = date(2020, 1, 6)
_AWAY_SOON = "rosa"
#: practice, member -> weekday and hours kept for first visits
_KEPT = {("lakeside", "nora"): (2, time(13), time(15)), ("lakeside", "rosa"): (3, time(9), time(11))}


async def seed() -> list[dict[str, str]]:
    """Make what is missing of both practices; run again, it changes nothing.

    Returns one sign-in per person and practice: practice, slug, name, role, email, password, totp_secret.
    Raises Refused DEMO_SLUG_TAKEN if a real practice has one of the two names.
    """
    password_hash = await passwords.hash_password(
        demo_cast.PASSWORD
    )  # one for all: the same word, invented people
    for demo in demo_cast.PRACTICES:
        tenant_id, state = await directory_of(demo)
        if state == "open":
            continue
        persons = await logins(demo, tenant_id, password_hash)
        await found_practice(demo, tenant_id, persons)
        async with auth_db() as db:
            await db.execute(update(Directory).where(Directory.id == tenant_id).values(state="open"))
    from server.demo_people import seed_people  # it takes its actors from here

    await seed_people()
    from server.demo_billing import seed_billing

    await seed_billing()
    from server.demo_referrals import seed_referrals

    await seed_referrals()
    return [_sign_in(demo, member) for demo in demo_cast.PRACTICES for member in demo.staff]


async def practice_id(slug: str) -> UUID | None:
    """The id of a demo practice, for those who add patients to it."""
    async with auth_db() as db:
        rows = await db.execute(select(Directory.id).where(Directory.slug == slug, Directory.demo))
        id: UUID | None = rows.scalar_one_or_none()
        return id


async def actor_of(slug: str, key: str) -> Actor:
    """One of the cast, acting in a demo practice that was seeded: `await actor_of("lakeside", "nora")`."""
    demo = next(d for d in demo_cast.PRACTICES if d.slug == slug)
    member = next(m for m in demo.staff if m.key == key)
    tenant_id = await practice_id(slug)
    if tenant_id is None:
        raise Refused(
            "NO_DEMO",
            f"The demo practice {slug} has not been made here.",
            "Start with `up` on an empty folder.",
        )
    guest = Actor(tenant_id, None, None, "system", frozenset(), demo.time_zone, "command")
    async with tenant_db(guest, read_only=True) as db:
        row = (await db.execute(select(Staff).where(Staff.email == member.email(slug)))).scalar_one()
    return Actor(
        tenant_id, row.id, row.person_id, row.role, permissions_of(row.role), demo.time_zone, "command"
    )


async def directory_of(demo: DemoPractice) -> tuple[UUID, str]:
    """The practice's id and state in the directory, entered there if it was not. Raises Refused DEMO_SLUG_TAKEN."""
    async with auth_db() as db:
        await db.execute(
            insert(Directory)
            .values(id=new_id(), slug=demo.slug, name=demo.name, state="preparing", demo=True, made_at=now())
            .on_conflict_do_nothing(index_elements=[Directory.slug])
        )
        row = (await db.execute(select(Directory).where(Directory.slug == demo.slug))).scalar_one()
    if not row.demo:
        raise Refused(
            "DEMO_SLUG_TAKEN",
            f"A real practice here is called {demo.slug}, so the demo of that name cannot be made.",
            "Start with --no-demo, or use another data folder for the demo.",
        )
    return row.id, row.state


async def logins(demo: DemoPractice, tenant_id: UUID, password_hash: str) -> dict[str, UUID]:
    """key -> person id; logins that exist (a person of both practices) are taken as they are."""
    persons = {}
    async with auth_db() as db:
        for member in demo.staff:
            id, email = new_id(), member.email(demo.slug)
            secret = totp.seal_secret(id, demo_cast.totp_secret(email))
            await db.execute(
                insert(Person)
                .values(
                    id=id, email=email, name=member.name, password_hash=password_hash, password_changed_at=_SINCE,
                    email_confirmed_at=_SINCE, totp_secret=secret, totp_confirmed_at=_SINCE, made_at=_SINCE,
                )
                .on_conflict_do_nothing(index_elements=[Person.email])
            )  # fmt: skip
            persons[member.key] = (
                await db.execute(select(Person.id).where(Person.email == email))
            ).scalar_one()
            membership = insert(Membership).values(person_id=persons[member.key], tenant_id=tenant_id)
            await db.execute(membership.on_conflict_do_nothing())
    return persons


async def found_practice(demo: DemoPractice, tenant_id: UUID, persons: dict[str, UUID]) -> None:
    """Its agreements, site, payers and staff; what is there is left as it is."""
    first = next(m for m in demo.staff if m.role == ADMINISTRATOR)
    accepted = [Accepted(d.kind, d.version, d.text_hash, first.name) for d in documents().values()]
    details = {"practice_name": demo.name, "npi": demo.npi, "time_zone": demo.time_zone}
    await found(tenant_id, persons[first.key], first.email(demo.slug), first.name, details, accepted, _SINCE)

    guest = Actor(tenant_id, None, None, "system", frozenset(), demo.time_zone, "command")
    async with tenant_db(guest, read_only=True) as db:
        first_id = (
            await db.execute(select(Staff.id).where(Staff.person_id == persons[first.key]))
        ).scalar_one()
        if (await db.execute(select(Site.id).limit(1))).first() is not None:
            return  # everything below is one transaction: a site there means all of it is
    actor = Actor(
        tenant_id,
        first_id,
        persons[first.key],
        ADMINISTRATOR,
        permissions_of(ADMINISTRATOR),
        demo.time_zone,
        "command",
    )
    async with tenant_db(actor) as db:
        name, street, city, state, zip = demo.site
        await add_site(db, actor, name=name, street=street, city=city, state=state, zip=zip, phone=demo.phone)
        for payer, kind in demo_cast.PAYERS.items():
            await add_payer(db, actor, name=payer, kind=kind, known_kinds=demo_cast.PAYERS.values())
        ids = {m.key: first_id if m is first else new_id() for m in demo.staff}
        db.add_all(
            _staff(tenant_id, ids[m.key], persons[m.key], demo, m) for m in demo.staff if m is not first
        )
        await (
            db.flush()
        )  # without relationships the session does not know that staff come before what refers to them
        for member in demo.staff:
            db.add_all(_qualifications(tenant_id, ids[member.key], demo, member))
        site_id = await db.scalar(select(Site.id))
        on = today(demo.time_zone)
        for member in demo.staff:
            db.add_all(_hours(tenant_id, ids[member.key], site_id, demo, member, on))
        await change_practice(
            db, actor, name=demo.name, npi=demo.npi, phone=demo.phone, time_zone=demo.time_zone
        )
        await db.execute(
            update(Practice).where(Practice.tenant_id == tenant_id).values(set_up_done_at=_SINCE)
        )


def _staff(tenant_id: UUID, id: UUID, person_id: UUID, demo: DemoPractice, member: Member) -> Staff:
    return Staff(
        tenant_id=tenant_id, id=id, person_id=person_id, name=member.name, email=member.email(demo.slug),
        role=member.role, npi=member.npi, bills=bool(member.npi), invited_at=_SINCE, joined_at=_SINCE,
        made_at=_SINCE,
    )  # fmt: skip


def _qualifications(
    tenant_id: UUID, staff_id: UUID, demo: DemoPractice, member: Member
) -> list[Qualification]:
    kinds = [("discipline", member.discipline, ""), ("training", "Introduction to Team-Based Care", "")]
    if member.licensed:
        kinds.append(("licence", member.discipline, demo.site[3]))
    return [
        Qualification(
            tenant_id=tenant_id, id=new_id(), staff_id=staff_id, kind=kind, name=name, region=region,
            from_on=_TRAINED, made_at=_SINCE,
        )
        for kind, name, region in kinds
    ]  # fmt: skip


def _hours(
    tenant_id: UUID, staff_id: UUID, site_id: UUID | None, demo: DemoPractice, member: Member, on: date
) -> list[WorkingHours | DaysAway]:
    """When they are there, as their contacts of these years say; and the days off that one of them looks forward to."""
    lines: list[WorkingHours | DaysAway] = [
        WorkingHours(
            tenant_id=tenant_id, id=new_id(), staff_id=staff_id, site_id=None if block.elsewhere else site_id,
            weekday=weekday, begins=begins, ends=ends, from_on=_TRAINED, protected=protected, made_at=_SINCE,
        )
        for block in hours_of(demo.slug, member.key)
        for weekday in block.weekdays
        for begins, ends, protected in _split(block.begins, block.ends, weekday, _KEPT.get((demo.slug, member.key)))
    ]  # fmt: skip
    if member.key == _AWAY_SOON:
        monday = on + timedelta(days=14 - on.weekday())
        lines.append(
            DaysAway(
                tenant_id=tenant_id, id=new_id(), staff_id=staff_id, from_on=monday,
                to_on=monday + timedelta(days=4), made_at=_SINCE,
            )
        )  # fmt: skip
    return lines


def _split(
    begins: time, ends: time, weekday: int, kept: tuple[int, time, time] | None
) -> list[tuple[time, time, bool]]:
    """The hours of a day, those kept for first visits by themselves."""
    if kept is None or kept[0] != weekday or not begins <= kept[1] < kept[2] <= ends:
        return [(begins, ends, False)]
    parts = [(begins, kept[1], False), (kept[1], kept[2], True), (kept[2], ends, False)]
    return [one for one in parts if one[0] < one[1]]


def _sign_in(demo: DemoPractice, member: Member) -> dict[str, str]:
    email = member.email(demo.slug)
    return {
        "practice": demo.name, "slug": demo.slug, "name": member.name, "role": member.role, "email": email,
        "password": demo_cast.PASSWORD, "totp_secret": demo_cast.totp_secret(email),
    }  # fmt: skip


def told(sign_ins: Sequence[dict[str, str]]) -> str:
    """The sign-ins as the terminal shows them."""
    lines = ["Two demo practices with invented people. Everybody's password: " + demo_cast.PASSWORD, ""]
    for demo in demo_cast.PRACTICES:
        lines.append(f"{demo.name} ({demo.slug})")
        lines += [
            f"  {one['email']:<28} {ROLES[one['role']]:<18} authenticator secret {one['totp_secret']}"
            for one in sign_ins
            if one["slug"] == demo.slug
        ]
        lines.append("")
    lines.append("A code for the second step: python3 carewright.py demo code nora@lakeside.example")
    return "\n".join(lines)


async def _main() -> None:
    doors = open_doors()
    try:
        sys.stdout.write(told(await seed()) + "\n")
    finally:
        await doors.close()


if __name__ == "__main__":
    asyncio.run(_main())
