"""Who opened a patient's record, over GraphQL."""

from datetime import datetime

import strawberry

from server.graphql.connections import id_of
from server.graphql.context import Info, actor_of
from server.graphql.refusals import field
from server.patients.gate import patient_for
from server.tenants.audit import openings
from server.tenants.db import tenant_db


@strawberry.type(description="One time somebody saw or did something with a patient's record.")
class Opening:
    at: datetime
    staff_name: str = strawberry.field(description="Empty for the system's own work.")
    role: str
    via: str
    action: str
    effect: str = strawberry.field(description="read, write or refused")


@strawberry.type
class AuditQuery:
    @field(permission="audit.read", description="Who opened a patient's record, newest first, at most 200.")
    async def openings(self, info: Info, patient_id: strawberry.ID) -> list[Opening]:
        actor = actor_of(info)
        async with tenant_db(actor, read_only=True) as db:
            patient = await patient_for(db, actor, id_of("Patient", patient_id), permission="audit.read")
            rows = await openings(db, actor, patient.id, most=200)
        return [
            Opening(
                at=row.at,
                staff_name=row.staff_name,
                role=row.role,
                via=row.via,
                action=row.action,
                effect=row.effect,
            )
            for row in rows
        ]
