"""Who somebody is in a practice, asked anew at every request: a role taken away is gone at the next one."""

from dataclasses import dataclass
from uuid import UUID

from server.tenants.db import glance


@dataclass(frozen=True, slots=True)
class Working:
    """An active member of the staff. time_zone: the practice's; hints_away: keys of hints shown no more."""

    staff_id: UUID
    role: str
    time_zone: str
    hints_away: list[str]


async def working_here(tenant_id: UUID, person_id: UUID) -> Working | None:
    """The person's place in the practice, or None if they do not work there (any more)."""
    found = await glance(
        tenant_id,
        """select staff.id as staff_id, staff.role, practice.time_zone, staff.hints_away from here
           join staff on staff.tenant_id = here.tenant_id
           join practice on practice.tenant_id = here.tenant_id and practice.id = here.tenant_id
           where staff.person_id = $2 and staff.active""",
        person_id,
    )
    return Working(**found[0]) if found else None
