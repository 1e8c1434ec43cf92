"""The practice itself: what it is, where it works, whom it bills, and what it accepted."""

from typing import Any

from server.claims.queries import closes
from server.errors import Refused
from server.plugin_host.discover import plugins
from server.tenants.agreements import accepted_documents, documents
from server.tenants.db import tenant_db
from server.tenants.payers import add_payer, change_payer, list_payers, payer_for
from server.tenants.practice import POLICIES, change_practice, practice_of, set_selection_policy
from server.tenants.regions import STATES
from server.tenants.sites import add_site, change_site, list_sites, site_for
from server.tenants.tables import Practice
from server.words import say
from web.site import Answer, Visit, page
from web.zones import zone_choices

_STATES = [(state, state) for state in STATES]


@page.get("/practice", permission="practice.read")
async def practice(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        found = await practice_of(db, visit.actor)
        accepted = await accepted_documents(db, visit.actor)
    titles = {kind: document.title for kind, document in documents().items()}
    return visit.show(
        "practice/overview.html", practice=found, policies=POLICIES, accepted=accepted, titles=titles
    )


@page.get("/practice/edit", permission="practice.write")
async def practice_form(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        found = await practice_of(db, visit.actor)
    return visit.show("practice/edit.html", values=_values(found), zones=zone_choices())


@page.post("/practice/edit", permission="practice.write")
async def practice_save(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            closed = len(await closes(db, visit.actor))
            changed = await change_practice(
                db,
                visit.actor,
                name=form.get("name", ""),
                npi=form.get("npi", ""),
                phone=form.get("phone", ""),
                time_zone=form.get("time_zone", ""),
                months_closed=closed,
            )
    except Refused as refused:
        return visit.again("practice/edit.html", refused, values=form, zones=zone_choices())
    if changed.warnings:
        return visit.go("/practice", " ".join((say("Saved."), *changed.warnings)), "soon")
    return visit.go("/practice", say("Saved."))


@page.get("/practice/policy", permission="practice.write")
async def policy_form(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        found = await practice_of(db, visit.actor)
    return visit.show("practice/policy.html", values={"policy": found.selection_policy}, policies=POLICIES)


@page.post("/practice/policy", permission="practice.write")
async def policy_save(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await set_selection_policy(
                db, visit.actor, policy=form.get("policy", ""), reason=form.get("reason", "")
            )
    except Refused as refused:
        return visit.again("practice/policy.html", refused, values=form, policies=POLICIES)
    return visit.go("/practice", say("Saved. It counts for months closed from now on."))


# --- sites ------------------------------------------------------------------------------------------------------


@page.get("/practice/sites", permission="practice.read")
async def sites(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        found = await list_sites(db, visit.actor, with_closed=True)
    return visit.show("practice/sites.html", sites=found)


@page.get("/practice/sites/new", permission="practice.write")
async def new_site_form(visit: Visit) -> Answer:
    return visit.show("practice/site.html", states=_STATES, site=None)


@page.post("/practice/sites/new", permission="practice.write")
async def new_site(visit: Visit) -> Answer:
    form = await visit.form()
    try:
        async with tenant_db(visit.actor) as db:
            await add_site(db, visit.actor, **_site_fields(form))
    except Refused as refused:
        return visit.again("practice/site.html", refused, values=form, states=_STATES, site=None)
    return visit.go("/practice/sites", say("The site is on the list."))


@page.get("/practice/sites/{id:str}", permission="practice.write")
async def site_form(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        found = await site_for(db, visit.actor, visit.id("id", "site"))
    return visit.show("practice/site.html", states=_STATES, site=found, values=_values(found))


@page.post("/practice/sites/{id:str}", permission="practice.write")
async def site_save(visit: Visit) -> Answer:
    form = await visit.form()
    site_id = visit.id("id", "site")
    found = None
    try:
        async with tenant_db(visit.actor) as db:
            found = await site_for(db, visit.actor, site_id)
            await change_site(db, visit.actor, site_id, active="closed" not in form, **_site_fields(form))
    except Refused as refused:
        return visit.again("practice/site.html", refused, values=form, states=_STATES, site=found)
    return visit.go("/practice/sites", say("Saved."))


def _site_fields(form: dict[str, str]) -> dict[str, str]:
    return {name: form.get(name, "") for name in ("name", "street", "city", "state", "zip", "phone")}


# --- payers -----------------------------------------------------------------------------------------------------


@page.get("/practice/payers", permission="practice.read")
async def payers(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        found = await list_payers(db, visit.actor, with_closed=True)
    return visit.show("practice/payers.html", payers=found, kinds=plugins().payer_kinds())


@page.get("/practice/payers/new", permission="practice.write")
async def new_payer_form(visit: Visit) -> Answer:
    return visit.show("practice/payer.html", kinds=plugins().payer_kinds(), payer=None)


@page.post("/practice/payers/new", permission="practice.write")
async def new_payer(visit: Visit) -> Answer:
    form, kinds = await visit.form(), plugins().payer_kinds()
    try:
        async with tenant_db(visit.actor) as db:
            added = await add_payer(
                db,
                visit.actor,
                name=form.get("name", ""),
                kind=form.get("kind", ""),
                edi_id=form.get("edi_id", ""),
                known_kinds=kinds,
            )
    except Refused as refused:
        return visit.again("practice/payer.html", refused, values=form, kinds=kinds, payer=None)
    if added.kind:
        return visit.go("/practice/payers", say("The payer is on the list."))
    said = say(
        "The payer is on the list. No rules are installed for it, so its months wait for a person to look at them."
    )
    return visit.go("/practice/payers", said, "soon")


@page.get("/practice/payers/{id:str}", permission="practice.write")
async def payer_form(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        found = await payer_for(db, visit.actor, visit.id("id", "payer"))
    return visit.show(
        "practice/payer.html", kinds=_kinds_with(found.kind), payer=found, values=_values(found)
    )


@page.post("/practice/payers/{id:str}", permission="practice.write")
async def payer_save(visit: Visit) -> Answer:
    form = await visit.form()
    payer_id = visit.id("id", "payer")
    found = None
    try:
        async with tenant_db(visit.actor) as db:
            found = await payer_for(db, visit.actor, payer_id)
            await change_payer(
                db,
                visit.actor,
                payer_id,
                name=form.get("name", ""),
                kind=form.get("kind", ""),
                edi_id=form.get("edi_id", ""),
                active="closed" not in form,
                known_kinds=plugins().payer_kinds(),
            )
    except Refused as refused:
        kinds = _kinds_with(form.get("kind", ""))
        return visit.again("practice/payer.html", refused, values=form, kinds=kinds, payer=found)
    return visit.go("/practice/payers", say("Saved."))


def _kinds_with(kind: str) -> dict[str, str]:
    """The kinds to choose from; one whose plugin is gone stays, or saving anything else would lose it."""
    return {**({kind: kind} if kind else {}), **plugins().payer_kinds()}


def _values(row: Practice | Any) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}
