"""Where a person would be seen face to face: what a claim names as its place."""

from datetime import date
from uuid import UUID

from sqlalchemy import select

from server.claims.tables import UsualSite
from server.clock import now, today
from server.errors import not_found
from server.ids import new_id
from server.patients.gate import patient_for
from server.patients.records import of_people
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.sites import site_for
from server.tenants.tables import Site


async def set_usual_site(
    db: Db, actor: Actor, patient_id: UUID, site_id: UUID | None, *, from_on: date | None = None
) -> None:
    """Where this person would be seen face to face, from a day on (or the first of this month). site_id: None for nowhere
    in particular, as where nothing was ever said: at the practice's own address. Raises Refused NOT_FOUND."""
    await patient_for(db, actor, patient_id, permission="patients.write")
    if site_id is not None and not (await site_for(db, actor, site_id)).active:
        raise not_found("site")
    db.add(
        UsualSite(
            tenant_id=actor.tenant_id, id=new_id(), patient_id=patient_id, site_id=site_id,
            from_on=from_on or today(actor.zone).replace(day=1), made_at=now(), made_by=actor.staff_id,
        )
    )  # fmt: skip
    db.note(
        actor, "claims.usual_site", entity="usual_site", entity_ids=[site_id] if site_id else [], patient_ids=[patient_id], effect="write"
    )  # fmt: skip


async def usual_sites(db: Db, actor: Actor) -> list[Site]:
    """The sites at which somebody would be seen, by name."""
    actor.require("claims.read")
    used = select(UsualSite.site_id).where(UsualSite.site_id.is_not(None))
    return list(await db.scalars(select(Site).where(Site.id.in_(used)).order_by(Site.name, Site.id)))


async def usual_site_of(db: Db, actor: Actor, patient_id: UUID, on: date) -> Site | None:
    """Where claims of a day name that this person was seen; None for the practice's own address. For who has passed the
    patient's gate."""
    actor.require("patients.read")
    latest = (
        select(UsualSite.site_id)
        .where(of_people(UsualSite.patient_id, [patient_id]), UsualSite.from_on <= on)
        .order_by(UsualSite.from_on.desc(), UsualSite.made_at.desc(), UsualSite.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (await db.execute(select(Site).where(Site.id == latest))).scalar_one_or_none()
