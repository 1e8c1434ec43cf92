"""Two practices and their people, always the same. Every test gets fresh copies under new ids.

    lakeside   Lakeside Family Medicine, America/Detroit: has the data
    hillcrest  Hillcrest Internal Medicine, America/Chicago: must see nothing of it

Staff: ada (administrator), nora (care manager), rosa (a second care manager), dr_lin (provider, bills),
mika (medical assistant), fred (front desk), bill (biller), mona (mentor).
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import insert

from server.ids import new_id
from server.tenants.actor import Actor
from server.tenants.actor import system as system_actor
from server.tenants.db import auth_db, tenant_db
from server.tenants.permissions import PERMISSIONS, permissions_of
from server.tenants.tables import (
    Acceptance,
    ApiToken,
    Directory,
    Membership,
    Payer,
    Person,
    Practice,
    Qualification,
    SignIn,
    Site,
    Staff,
)

PRACTICES = {
    "lakeside": ("Lakeside Family Medicine", "America/Detroit", "1881000008"),
    "hillcrest": ("Hillcrest Internal Medicine", "America/Chicago", "1992000004"),
}
#: first name -> (full name, role, discipline, licensed, NPI)
STAFF = {
    "ada": ("Ada Brandt", "administrator", "administrator", False, ""),
    "nora": ("Nora Feld", "care_manager", "rn", True, ""),
    "rosa": ("Rosa Ortiz", "care_manager", "lmsw", True, ""),
    "dr_lin": ("Lin Wei", "provider", "md", True, "1234567893"),
    "mika": ("Mika Salo", "medical_assistant", "medical_assistant", False, ""),
    "fred": ("Fred Okafor", "front_desk", "front_desk", False, ""),
    "bill": ("Bill Janssen", "biller", "biller", False, ""),
    "mona": ("Mona Reyes", "mentor", "rn", True, ""),
}
BY_ROLE = {role: name for name, (_, role, *_) in reversed(STAFF.items())}
JOINED = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class World:
    """One practice of one test."""

    slug: str
    tenant_id: UUID
    zone: str
    staff: dict[str, UUID] = field(default_factory=dict)
    persons: dict[str, UUID] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    csrf: dict[str, str] = field(default_factory=dict)
    payers: dict[str, UUID] = field(default_factory=dict)
    site_id: UUID | None = None

    def actor(self, who: str = "nora", via: str = "page") -> Actor:
        """`who`: a first name of the cast."""
        role = STAFF[who][1]
        return Actor(
            self.tenant_id,
            self.staff[who],
            self.persons[who],
            role,
            permissions_of(role),
            self.zone,
            via,
            "test",
        )

    def system(self, *rights: str) -> Actor:
        return system_actor(self.tenant_id, self.zone, *(rights or PERMISSIONS))


async def make_practice(kind: str) -> World:
    """A practice that is open, with its staff signed in (tokens and sessions ready), payers and one site."""
    name, zone, npi = PRACTICES[kind]
    tenant = new_id()
    now = datetime.now(UTC)
    slug = f"{kind}-{tenant.hex[-12:]}"
    world = World(slug, tenant, zone)
    people, members, sessions, tokens, staff, qualifications = [], [], [], [], [], []
    for first, (full, role, discipline, licensed, staff_npi) in STAFF.items():
        person, member = new_id(), new_id()
        email = f"{first}@{slug}.example"
        world.staff[first], world.persons[first], world.emails[first] = member, person, email
        token, session, csrf = (secrets.token_urlsafe(32) for _ in range(3))
        world.tokens[first], world.sessions[first], world.csrf[first] = token, session, csrf
        people.append(
            {
                "id": person, "email": email, "name": full, "password_hash": "!", "password_changed_at": JOINED,
                "email_confirmed_at": JOINED, "totp_secret": b"!", "totp_confirmed_at": JOINED, "made_at": JOINED,
            }
        )  # fmt: skip
        members.append({"person_id": person, "tenant_id": tenant})
        sessions.append(
            {
                "id": new_id(), "token_hash": hashlib.sha256(session.encode()).digest(), "csrf_secret": csrf.encode(),
                "person_id": person, "tenant_id": tenant, "stage": "full", "made_at": now, "seen_at": now,
                "ends_at": now + timedelta(hours=12), "device": "test",
            }
        )  # fmt: skip
        tokens.append(
            {
                "id": new_id(), "token_hash": hashlib.sha256(token.encode()).digest(), "person_id": person,
                "tenant_id": tenant, "name": "test", "scopes": ["read", "write", "billing", "administration"],
                "made_at": now, "ends_at": now + timedelta(days=1),
            }
        )  # fmt: skip
        staff.append(
            {
                "tenant_id": tenant, "id": member, "person_id": person, "name": full, "email": email, "role": role,
                "npi": staff_npi, "bills": bool(staff_npi), "active": True, "joined_at": JOINED, "made_at": JOINED,
            }
        )  # fmt: skip
        qualifications.append(_qualification(tenant, member, "discipline", discipline))
        qualifications.append(_qualification(tenant, member, "training", "Introduction to Team-Based Care"))
        if licensed:
            qualifications.append(_qualification(tenant, member, "licence", discipline))
    async with auth_db() as db:
        await db.execute(
            insert(Directory).values(
                id=tenant, slug=slug, name=name, state="open", demo=False, made_at=JOINED
            )
        )
        for table, rows in ((Person, people), (Membership, members), (SignIn, sessions), (ApiToken, tokens)):
            await db.execute(insert(table), rows)
    payers = (
        ("Medicare Part B", "medicare_part_b"),
        ("Blue Cross Blue Shield of Michigan", "bcbsm"),
        ("Acme Mutual", ""),
    )
    world.payers = {kind or "unknown": new_id() for _, kind in payers}
    world.site_id = new_id()
    async with tenant_db(world.system()) as db:
        await db.execute(
            insert(Practice).values(
                tenant_id=tenant,
                id=tenant,
                name=name,
                npi=npi,
                time_zone=zone,
                made_at=JOINED,
                set_up_done_at=JOINED,
            )
        )
        await db.execute(
            insert(Acceptance),
            [
                {
                    "tenant_id": tenant, "document": document, "version": "2026-11", "text_hash": "0" * 64,
                    "accepted_by": "Ada Brandt", "at": JOINED,
                }
                for document in ("terms", "baa")
            ],
        )  # fmt: skip
        await db.execute(
            insert(Site).values(
                tenant_id=tenant, id=world.site_id, name=f"{name}, Main Street", made_at=JOINED
            )
        )
        await db.execute(
            insert(Payer),
            [
                {
                    "tenant_id": tenant,
                    "id": world.payers[kind or "unknown"],
                    "name": name,
                    "kind": kind,
                    "made_at": JOINED,
                }
                for name, kind in payers
            ],
        )
        await db.execute(insert(Staff), staff)
        await db.execute(insert(Qualification), qualifications)
    return world


def _qualification(tenant: UUID, staff_id: UUID, kind: str, name: str) -> dict[str, object]:
    return {
        "tenant_id": tenant, "id": new_id(), "staff_id": staff_id, "kind": kind, "name": name,
        "from_on": date(2015, 1, 1), "made_at": JOINED,
    }  # fmt: skip
