"""Practice, then Billing: what a claim says about the practice, who is asked for money how, and for how much."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from server.claims.billing_readiness import CodeSeen, Missing, codes_seen, missing
from server.claims.usual_site import usual_sites
from server.errors import Refused
from server.plugin_host.discover import plugins
from server.tenants.actor import Actor
from server.tenants.billing_identity import (
    FILING_INDICATORS,
    PLACES_OF_SERVICE,
    TIN_KINDS,
    identity_on,
    provider_billings_on,
    routes_on,
    site_billings_on,
    state_identity,
    state_provider_billing,
    state_route,
    state_site_billing,
    statements,
)
from server.tenants.billing_statements import in_force
from server.tenants.charges import all_charges, charges_on, state_charge
from server.tenants.db import Db, tenant_db
from server.tenants.payers import list_payers, payer_for
from server.tenants.practice import practice_of
from server.tenants.regions import STATES
from server.tenants.sites import list_sites, site_for
from server.tenants.staff import list_staff, staff_for
from server.tenants.tables import Payer, Site, Staff
from server.words import say
from web.rendering import day
from web.site import Answer, Visit, page
from web.typed import day_in, dollars_in, number_in, pairs

_STATES: Final = [(state, state) for state in STATES]
_IDENTITY: Final = (
    "legal_name", "tin_kind", "npi", "taxonomy", "street", "city", "state", "zip", "contact_name", "contact_phone",
    "contact_email", "submitter_id",
)  # fmt: skip
_ROUTE: Final = (
    "receiver_id", "receiver_name", "claim_payer_name", "claim_payer_id", "filing_indicator", "provider_number",
)  # fmt: skip
_SITE: Final = ("legal_name", "npi", "place_of_service", "street", "city", "state", "zip")
#: what is missing -> the page where it is mended
_MENDS: Final = {
    "identity": "/practice/billing/identity",
    "payer": "/practice/billing/payers/{id}",
    "provider": "/practice/billing/providers/{id}",
    "npi": "/practice/staff/{id}",
    "staff": "/practice/staff",
    "site": "/practice/billing/sites/{id}",
    "charges": "/practice/billing/charges",
}


@page.get("/practice/billing", permission="billing.read")
async def billing(visit: Visit) -> Answer:
    actor, on = visit.actor, visit.today
    async with tenant_db(actor, read_only=True) as db:
        stated = await statements(db, actor)
        charges = await charges_on(db, actor, on)
        payers = await list_payers(db, actor)
        staff = await list_staff(db, actor)
        sites = await list_sites(db, actor)
        seen = await codes_seen(db, actor)
        seen_at = await usual_sites(db, actor)
    kinds = plugins().payer_kinds()
    labels = _labels(payers, seen)
    return visit.show(
        "billing/overview.html",
        lacking=[_mended(one) for one in missing(stated, charges, payers, staff, sorted(seen), on, seen_at)],
        identity=in_force(stated.identities, on),
        earlier=[row for row in stated.identities if row.from_on <= on][1:],
        payers=[
            {
                "id": payer.id,
                "name": payer.name,
                "ruled": payer.kind in kinds,
                "route": in_force([r for r in stated.routes if r.payer_id == payer.id], on),
            }
            for payer in payers
        ],
        providers=[
            {
                "id": member.id,
                "name": member.name,
                "npi": member.npi,
                "row": in_force([p for p in stated.providers if p.staff_id == member.id], on),
            }
            for member in staff
            if member.bills
        ],
        sites=[
            {"id": site.id, "name": site.name, "row": in_force([s for s in stated.sites if s.site_id == site.id], on)}
            for site in sites
        ],
        charges=[
            {"code": row.code, "label": labels.get(row.code, ""), "amount": row.amount, "from_on": row.from_on}
            for row in sorted(charges.values(), key=lambda row: row.code)
        ],
        indicators=FILING_INDICATORS,
        places=PLACES_OF_SERVICE,
        tin_kinds=TIN_KINDS,
    )  # fmt: skip


def _mended(one: Missing) -> dict[str, str]:
    return {"sentence": one.sentence, "href": _MENDS[one.about].format(id=one.id)}


def _labels(payers: Iterable[Payer], seen: Mapping[str, CodeSeen]) -> dict[str, str]:
    """code -> what we call it: every code that rules here may ask for, and what months came to under earlier rules."""
    ours = plugins().labels({payer.kind for payer in payers})
    return {code: one.label for code, one in seen.items()} | ours


def _begins(visit: Visit, row: Any) -> str:
    """The day proposed for a statement: a correction keeps its day, a first one covers the month just over."""
    if row is not None:
        return str(row.from_on)
    return str((visit.today.replace(day=1) - timedelta(days=1)).replace(day=1))


def _values(row: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names} if row is not None else {}


# --- who bills --------------------------------------------------------------------------------------------------


@page.get("/practice/billing/identity", permission="billing.write")
async def identity_form(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        row = await identity_on(db, visit.actor, visit.today)
        practice = await practice_of(db, visit.actor)
    fresh = {
        "legal_name": practice.name,
        "npi": practice.npi,
        "contact_phone": practice.phone,
        "tin_kind": "EI",
    }
    values = (_values(row, _IDENTITY) if row else fresh) | {"from_on": _begins(visit, row)}
    return visit.show("billing/identity.html", values=values, **_identity_given(row))  # fmt: skip


@page.post("/practice/billing/identity", permission="billing.write")
async def identity_save(visit: Visit) -> Answer:
    form = await visit.form()
    row = None
    try:
        async with tenant_db(visit.actor) as db:
            row = await identity_on(db, visit.actor, visit.today)
            await state_identity(
                db,
                visit.actor,
                from_on=day_in(form, "from_on"),
                # The number is never written into a page; empty means the one on file.
                tin=form.get("tin", "") or (row.tin if row else ""),
                **{name: form.get(name, "") for name in _IDENTITY},
            )
    except Refused as refused:
        values = form | {"tin": ""}
        return visit.again("billing/identity.html", refused, values=values, **_identity_given(row))
    return visit.go("/practice/billing", say("Saved."))


def _identity_given(row: Any) -> dict[str, Any]:
    return {"states": _STATES, "tin_kinds": pairs(TIN_KINDS), "tin_ends": row.tin[-4:] if row else ""}


# --- payers -----------------------------------------------------------------------------------------------------


@page.get("/practice/billing/payers/{id:str}", permission="billing.write")
async def route_form(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        payer, row = await _route_of(db, visit)
    fresh = {"claim_payer_name": payer.name[:60], "claim_payer_id": payer.edi_id, "filing_days": 365}
    values = _values(row, (*_ROUTE, "filing_days", "names_supervisor")) if row else fresh
    values |= {"from_on": _begins(visit, row), "sends": "production" if row and row.production else "test"}
    return visit.show("billing/route.html", payer=payer, values=values, indicators=pairs(FILING_INDICATORS))


@page.post("/practice/billing/payers/{id:str}", permission="billing.write")
async def route_save(visit: Visit) -> Answer:
    form, payer = await visit.form(), None
    try:
        async with tenant_db(visit.actor) as db:
            payer, _ = await _route_of(db, visit)
            await state_route(
                db,
                visit.actor,
                payer.id,
                from_on=day_in(form, "from_on"),
                production=form.get("sends") == "production",
                names_supervisor="names_supervisor" in form,
                filing_days=number_in(form, "filing_days"),
                **{name: form.get(name, "") for name in _ROUTE},
            )
    except Refused as refused:
        return visit.again(
            "billing/route.html", refused, payer=payer, values=form, indicators=pairs(FILING_INDICATORS)
        )
    return visit.go("/practice/billing", say("Saved."))


async def _route_of(db: Db, visit: Visit) -> tuple[Payer, Any]:
    payer = await payer_for(db, visit.actor, visit.id("id", "payer"))
    return payer, (await routes_on(db, visit.actor, visit.today)).get(payer.id)


# --- practitioners and sites ------------------------------------------------------------------------------------


@page.get("/practice/billing/providers/{id:str}", permission="billing.write")
async def provider_form(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        member, row = await _provider_of(db, visit)
    given, _, family = member.name.rpartition(" ")
    fresh = {"given_name": given, "family_name": family}
    values = (_values(row, ("given_name", "family_name", "taxonomy")) if row else fresh) | {
        "from_on": _begins(visit, row)
    }
    return visit.show("billing/provider.html", member=member, values=values)


@page.post("/practice/billing/providers/{id:str}", permission="billing.write")
async def provider_save(visit: Visit) -> Answer:
    form, member = await visit.form(), None
    try:
        async with tenant_db(visit.actor) as db:
            member, _ = await _provider_of(db, visit)
            await state_provider_billing(
                db,
                visit.actor,
                member.id,
                from_on=day_in(form, "from_on"),
                family_name=form.get("family_name", ""),
                given_name=form.get("given_name", ""),
                taxonomy=form.get("taxonomy", ""),
            )
    except Refused as refused:
        return visit.again("billing/provider.html", refused, member=member, values=form)
    return visit.go("/practice/billing", say("Saved."))


async def _provider_of(db: Db, visit: Visit) -> tuple[Staff, Any]:
    member = await staff_for(db, visit.actor, visit.id("id", "colleague"))
    return member, (await provider_billings_on(db, visit.actor, visit.today)).get(member.id)


@page.get("/practice/billing/sites/{id:str}", permission="billing.write")
async def site_billing_form(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        site, row = await _site_of(db, visit)
    fresh = {
        "legal_name": site.name[:60], "street": site.street, "city": site.city, "state": site.state, "zip": site.zip,
        "place_of_service": "11",
    }  # fmt: skip
    values = (_values(row, _SITE) if row else fresh) | {"from_on": _begins(visit, row)}
    return visit.show("billing/site.html", site=site, values=values, states=_STATES, places=_places())


@page.post("/practice/billing/sites/{id:str}", permission="billing.write")
async def site_billing_save(visit: Visit) -> Answer:
    form, site = await visit.form(), None
    try:
        async with tenant_db(visit.actor) as db:
            site, _ = await _site_of(db, visit)
            await state_site_billing(
                db,
                visit.actor,
                site.id,
                from_on=day_in(form, "from_on"),
                **{name: form.get(name, "") for name in _SITE},
            )
    except Refused as refused:
        return visit.again(
            "billing/site.html", refused, site=site, values=form, states=_STATES, places=_places()
        )
    return visit.go("/practice/billing", say("Saved."))


async def _site_of(db: Db, visit: Visit) -> tuple[Site, Any]:
    site = await site_for(db, visit.actor, visit.id("id", "site"))
    return site, (await site_billings_on(db, visit.actor, visit.today)).get(site.id)


def _places() -> list[tuple[str, str]]:
    return [(key, f"{key}, {say(words)}") for key, words in PLACES_OF_SERVICE.items()]


# --- charges ----------------------------------------------------------------------------------------------------


@page.get("/practice/billing/charges", permission="billing.write")
async def charges_form(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        rows = await _charge_rows(db, visit.actor, visit.today)
    return visit.show("billing/charges.html", rows=rows, values={"from_on": _begins(visit, None)})


@page.post("/practice/billing/charges", permission="billing.write")
async def charges_save(visit: Visit) -> Answer:
    """Every amount that differs from the one in force that day; what was left empty or as it is changes nothing."""
    form = await visit.form()
    rows: list[dict[str, Any]] = []
    try:
        async with tenant_db(visit.actor) as db:
            rows = await _charge_rows(db, visit.actor, visit.today)
            from_on = day_in(form, "from_on")
            before = await charges_on(db, visit.actor, from_on)
            written = [(row["code"], f"amount_{row['code']}") for row in rows]
            if form.get("other_code") or form.get("other_amount"):
                written.append((form.get("other_code", ""), "other_amount"))
            saved = 0
            for code, name in written:
                amount = dollars_in(form, name)
                if amount is None and name == "other_amount":
                    raise Refused(
                        "AMOUNT_NEEDED",
                        say("This code has no amount."),
                        say("Write what one unit costs."),
                        name,
                    )
                if amount is None or (code in before and before[code].amount == amount):
                    continue
                try:
                    await state_charge(db, visit.actor, code=code, from_on=from_on, amount=amount)
                except Refused as refused:
                    place = "other_code" if refused.field == "code" else name
                    raise Refused(refused.code, refused.message, refused.next_step, place) from None
                saved += 1
    except Refused as refused:
        return visit.again("billing/charges.html", refused, rows=rows, values=form)
    if not saved:
        return visit.go(
            "/practice/billing/charges", say("Nothing was different, so nothing was saved."), "info"
        )
    return visit.go("/practice/billing", say("The charges are saved."))


async def _charge_rows(db: Db, actor: Actor, on: date) -> list[dict[str, Any]]:
    """A row for every code that a payer's rules here may ask for, that was ever decided, or that has a charge."""
    charges = await all_charges(db, actor)
    seen = await codes_seen(db, actor)
    labels = _labels(await list_payers(db, actor), seen)
    codes = set(labels) | {row.code for row in charges}
    held = await charges_on(db, actor, on)
    return [
        {
            "code": code,
            "label": labels.get(code, ""),
            "held": held[code].amount if code in held else None,
            "since": day(held[code].from_on) if code in held else "",
            "later": [say("$%(amount)s from %(day)s", amount=f"{row.amount:,.2f}", day=day(row.from_on)) for row in charges if row.code == code and row.from_on > on],
            "expected": seen[code].amount if code in seen else None,
        }
        for code in sorted(codes, key=lambda code: (code not in seen, code))
    ]  # fmt: skip
