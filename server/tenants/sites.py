"""Where the practice sees people."""

import re
from uuid import UUID

from sqlalchemy import select

from server.clock import now
from server.errors import Refused, not_found
from server.ids import new_id
from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.names import check_phone, written
from server.tenants.regions import STATES
from server.tenants.tables import Site
from server.words import say


async def list_sites(db: Db, actor: Actor, *, with_closed: bool = False) -> list[Site]:
    """The practice's sites by name."""
    actor.require("practice.read")
    chosen = select(Site).order_by(Site.name, Site.id)
    return list((await db.execute(chosen if with_closed else chosen.where(Site.active))).scalars())


async def site_for(db: Db, actor: Actor, site_id: UUID, *, permission: str = "practice.read") -> Site:
    """The site, if `actor` may `permission`. Raises Refused NOT_FOUND."""
    actor.require(permission)
    found = await db.get(Site, (actor.tenant_id, site_id))
    if found is None:
        db.note(actor, permission, entity="site", entity_ids=[site_id], effect="refused")
        raise not_found("site")
    return found


async def add_site(
    db: Db,
    actor: Actor,
    *,
    name: str,
    street: str = "",
    city: str = "",
    state: str = "",
    zip: str = "",
    phone: str = "",
) -> Site:
    """A new site. Raises Refused TEXT_*, STATE_UNKNOWN, ZIP_FORM or PHONE_FORM."""
    actor.require("practice.write")
    fields = _checked(name, street, city, state, zip, phone)
    site = Site(tenant_id=actor.tenant_id, id=new_id(), made_at=now(), made_by=actor.staff_id, **fields)
    db.add(site)
    await db.flush()
    db.note(actor, "site.add", entity="site", entity_ids=[site.id], effect="write")
    return site


async def change_site(
    db: Db, actor: Actor, site_id: UUID,
    *, name: str, street: str = "", city: str = "", state: str = "", zip: str = "", phone: str = "",
    active: bool = True,
) -> Site:  # fmt: skip
    """Mend a site, or close it with `active=False`; what happened there stays. Raises as `add_site`."""
    site = await site_for(db, actor, site_id, permission="practice.write")
    for field, value in _checked(name, street, city, state, zip, phone).items():
        setattr(site, field, value)
    site.active = active
    db.note(actor, "site.change", entity="site", entity_ids=[site.id], effect="write", active=active)
    return site


def _checked(name: str, street: str, city: str, state: str, zip: str, phone: str) -> dict[str, str]:
    region = state.strip().upper()
    if region and region not in STATES:
        raise Refused(
            "STATE_UNKNOWN",
            say("“%(state)s” is not a state's abbreviation.", state=state.strip()[:20]),
            say("Write two letters, such as MI."),
            "state",
        )
    code = zip.strip()
    if code and not re.fullmatch(r"[0-9]{5}(-[0-9]{4})?", code):
        raise Refused(
            "ZIP_FORM",
            say("“%(code)s” is not a ZIP code.", code=code[:20]),
            say("Write five digits, such as 48201, or five and four."),
            "zip",
        )
    return {
        "name": written(name, "name", what=say("the site's name")),
        "street": written(street, "street", what=say("the street"), empty=True),
        "city": written(city, "city", what=say("the city"), empty=True),
        "state": region,
        "zip": code,
        "phone": check_phone(phone),
    }
