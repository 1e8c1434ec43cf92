"""Large practices of invented people, for those who measure: as many as wanted, each with staff enough for its people."""

from typing import Any, Final

from sqlalchemy import update

from server import demo, demo_cast
from server.demo_cast import DemoPractice, Member
from server.demo_lives import Advance, fill_practice
from server.errors import Refused
from server.lives.life import Team
from server.lives.places import LAKESIDE
from server.tenants import passwords
from server.tenants.actor import system
from server.tenants.db import auth_db
from server.tenants.permissions import ADMINISTRATOR, CARE_MANAGER, MEDICAL_ASSISTANT, PROVIDER
from server.tenants.tables import Directory

_PER_MANAGER: Final = 150
_PER_PROVIDER: Final = 400
_PER_ASSISTANT: Final = 500


async def make(patients: int, practices: int, seed: int, advance: Advance | None = None) -> dict[str, Any]:
    """Make `practices` practices of `patients` people each; their slugs say seed and place. Raises Refused
    LARGE_DEMO_THERE if this seed's are there already."""
    password_hash = await passwords.hash_password(demo_cast.PASSWORD)
    slugs = []
    for number in range(1, practices + 1):
        practice, team = _practice(f"large-{seed}-{number}", patients)
        tenant_id, state = await demo.directory_of(practice)
        if state == "open":
            raise Refused(
                "LARGE_DEMO_THERE",
                f"The practice {practice.slug} was made here before.",
                "Give another --seed for further ones.",
            )
        persons = await demo.logins(practice, tenant_id, password_hash)
        await demo.found_practice(practice, tenant_id, persons)
        async with auth_db() as db:
            await db.execute(update(Directory).where(Directory.id == tenant_id).values(state="open"))
        before = (number - 1) * patients

        def told(done: int, _: int, before: int = before) -> None:
            if advance is not None:
                advance(before + done, patients * practices)

        actor = system(tenant_id, practice.time_zone, "minutes.write", via="command")
        await fill_practice(actor, LAKESIDE, team, seed * 1_000_003 + number, patients, told)
        slugs.append(practice.slug)
    says = f"{patients:,} people in each of {practices} practices: {', '.join(slugs)}. Sign in as ada@{slugs[0]}.example."
    return {"practices": slugs, "patients": patients * practices, "says": says}


def _practice(slug: str, patients: int) -> tuple[DemoPractice, Team]:
    managers = [
        Member(f"manager{n}", f"Manager {n}", CARE_MANAGER, "rn", licensed=True)
        for n in _up_to(patients, _PER_MANAGER)
    ]
    providers = [
        Member(
            f"provider{n}", f"Provider {n}", PROVIDER, "md", licensed=True, npi="1234567893" if n == 1 else ""
        )
        for n in _up_to(patients, _PER_PROVIDER)
    ]
    assistants = [
        Member(f"assistant{n}", f"Assistant {n}", MEDICAL_ASSISTANT, "medical_assistant")
        for n in _up_to(patients, _PER_ASSISTANT)
    ]
    staff = (Member("ada", "Ada Brandt", ADMINISTRATOR, "administrator"), *managers, *providers, *assistants)
    like = demo_cast.LAKESIDE
    practice = DemoPractice(slug, f"Practice {slug}", like.npi, like.time_zone, like.phone, like.site, staff)
    return practice, Team(_keys(managers), _keys(providers), _keys(assistants), "provider1")


def _keys(members: list[Member]) -> tuple[str, ...]:
    return tuple(one.key for one in members)


def _up_to(patients: int, each: int) -> range:
    return range(1, 2 + (patients - 1) // each)
