"""What other rooms add to the page of a person: programs and consent, the plan, the diary, the composer."""

from typing import Any

from server.patients.tables import Patient
from server.tenants.actor import Actor
from server.tenants.db import Db


async def sections_of(db: Db, actor: Actor, patient: Patient) -> dict[str, Any]:
    """Values for templates/people/_care.html and _composer.html."""
    return {}
