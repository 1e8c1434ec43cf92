"""Who is acting, in which practice, with which rights. Made at the edge for each request, never stored."""

from dataclasses import dataclass
from uuid import UUID

from server.errors import forbidden
from server.tenants.permissions import PERMISSIONS


@dataclass(frozen=True, slots=True)
class Actor:
    """One request's actor. `staff_id` is empty for the system's own jobs, which hold exactly the rights given."""

    tenant_id: UUID
    staff_id: UUID | None
    person_id: UUID | None
    role: str
    rights: frozenset[str]
    zone: str
    via: str = "page"  # page | graphql | command | job
    request_id: str = ""

    def may(self, permission: str) -> bool:
        if permission not in PERMISSIONS:
            raise KeyError(f"unknown permission {permission!r}")
        return permission in self.rights

    def require(self, permission: str) -> None:
        if not self.may(permission):
            raise forbidden()


def system(tenant_id: UUID, zone: str, *rights: str, via: str = "job") -> Actor:
    """The actor of background work and commands: named rights only."""
    return Actor(tenant_id, None, None, "system", frozenset(rights), zone, via)
