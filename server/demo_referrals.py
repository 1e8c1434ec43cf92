"""The demo practice's referrals: one that waits for its care manager, and one that is looked after."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from server.demo import actor_of, practice_id
from server.enrollment.referral_tables import Referral
from server.enrollment.referring import NewReferral, accept_referral, refer
from server.patients.tables import Patient
from server.tenants.db import tenant_db


@dataclass(frozen=True, slots=True)
class Thought:
    """Of whom somebody thought, and, once it is looked after, the care manager's words."""

    family: str
    born: date
    by: str
    to: str
    new: NewReferral
    accepted: str = ""


LAKESIDE: Final = (
    Thought(
        "Adeyemi",
        date(1949, 8, 30),
        "mika",
        "nora",
        NewReferral(
            "His pressure was high again, and Grace says he takes the pills when he remembers. He asked who could help.",
            "this_week",
            condition="high blood pressure",
        ),
    ),
    Thought(
        "Tran",
        date(1962, 4, 9),
        "dr_lin",
        "rosa",
        NewReferral(
            "Has not slept since her sister fell ill. Would talk to somebody who speaks slowly, with the interpreter.",
            "when_it_suits",
        ),
        "I ring her Thursday morning, with the interpreter on the line.",
    ),
)


async def seed_referrals() -> None:
    """Run again, it changes nothing."""
    if await practice_id("lakeside") is None:
        return
    nora = await actor_of("lakeside", "nora")
    async with tenant_db(nora) as db:
        if await db.scalar(select(func.count()).select_from(Referral)):
            return
        for one in LAKESIDE:
            patient: UUID | None = await db.scalar(
                select(Patient.id).where(Patient.family_name == one.family, Patient.birth_date == one.born)
            )
            if patient is None:
                continue
            by, to = await actor_of("lakeside", one.by), await actor_of("lakeside", one.to)
            asked = await refer(db, by, patient, replace(one.new, to_id=to.staff_id))
            if one.accepted:
                await accept_referral(db, to, asked.referral.id, note=one.accepted)
