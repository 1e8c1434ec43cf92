"""What claims of the two demo practices say about them: all invented, and every file of theirs marked as a test."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from carewright_plugin_api.facts import Coverage, MonthFacts

from server.clock import today
from server.demo import actor_of, practice_id
from server.plugin_host.discover import Loaded, plugins
from server.tenants.billing_identity import state_identity, state_provider_billing, state_route, statements
from server.tenants.charges import all_charges, state_charge
from server.tenants.db import tenant_db
from server.tenants.payers import list_payers

_SINCE: Final = date(2020, 1, 6)
_NO_RATE: Final = Decimal("90.00")


@dataclass(frozen=True, slots=True)
class Biller:
    slug: str
    who: str  # the administrator
    legal_name: str
    tin: str
    npi: str
    street: str
    city: str
    state: str
    zip: str
    contact: str
    phone: str
    submitter_id: str
    provider: tuple[str, str, str]  # key, given name, family name


BILLERS: Final = (
    Biller(
        "lakeside", "ada", "Lakeside Family Medicine PC", "123456789", "1881000008", "12 Main Street", "Detroit", "MI",
        "48201-1906", "Bill Janssen", "313 555 0101", "DEMOLAKE", ("dr_lin", "Wei", "Lin"),
    ),
    Biller(
        "hillcrest", "iris", "Hillcrest Internal Medicine LLC", "987654321", "1992000004", "400 Oak Avenue", "Chicago",
        "IL", "60601-2203", "Bill Janssen", "312 555 0101", "DEMOHILL", ("dr_vega", "Elena", "Vega"),
    ),
)  # fmt: skip
#: payer kind -> (receiver id, receiver name, name on the claim, payer id, filing indicator)
_ROUTES: Final = {
    "medicare_part_b": ("DEMOGATE", "Demonstration Gateway", "Medicare Part B", "DEMOMB", "MB"),
    "bcbsm": ("DEMOGATE", "Demonstration Gateway", "Blue Cross Blue Shield of Michigan", "DEMOBL", "BL"),
}


async def seed_billing() -> None:
    """State it for both practices where nothing is stated; run again, it changes nothing."""
    for biller in BILLERS:
        if await practice_id(biller.slug) is None:
            continue
        actor = await actor_of(biller.slug, biller.who)
        key, given, family = biller.provider
        practitioner = await actor_of(biller.slug, key)
        async with tenant_db(actor) as db:
            if (await statements(db, actor)).identities:
                continue
            await state_identity(
                db, actor, from_on=_SINCE, legal_name=biller.legal_name, tin=biller.tin, tin_kind="EI", npi=biller.npi,
                taxonomy="207Q00000X", street=biller.street, city=biller.city, state=biller.state, zip=biller.zip,
                contact_name=biller.contact, contact_phone=biller.phone, submitter_id=biller.submitter_id,
            )  # fmt: skip
            if practitioner.staff_id is not None:
                await state_provider_billing(
                    db, actor, practitioner.staff_id, from_on=_SINCE, family_name=family, given_name=given,
                    taxonomy="207Q00000X",
                )  # fmt: skip
            kinds = set()
            for payer in await list_payers(db, actor):
                if payer.kind not in _ROUTES:
                    continue
                kinds.add(payer.kind)
                receiver_id, receiver, name, payer_id, indicator = _ROUTES[payer.kind]
                await state_route(
                    db, actor, payer.id, from_on=_SINCE, receiver_id=receiver_id, receiver_name=receiver,
                    claim_payer_name=name, claim_payer_id=payer_id, filing_indicator=indicator,
                )  # fmt: skip
            stated = {row.code for row in await all_charges(db, actor)}
            for code, amount in sorted(_charges(kinds, today(actor.zone)).items()):
                if code not in stated:
                    await state_charge(db, actor, code=code, from_on=_SINCE, amount=amount)


def _charges(kinds: set[str], on: date) -> dict[str, Decimal]:
    """A charge for every code the payers' rules may ask for: about a third above the highest rate they hold."""
    found: dict[str, Decimal] = {}
    for owner in plugins().loaded:
        for kind in sorted(kinds & {kind.key for kind in owner.manifest.payers}):
            facts = MonthFacts("demo", f"{on:%Y-%m}", "UTC", Coverage("demo", kind, "", _SINCE))
            for code in owner.manifest.codes:
                found[code] = max(found.get(code, Decimal(0)), _charge(owner, code, facts, on))
    return found


def _charge(owner: Loaded, code: str, facts: MonthFacts, on: date) -> Decimal:
    fee = owner.rules.fees(code, facts, on)
    if fee is None:
        return _NO_RATE
    return (fee.amount * Decimal("1.35") / 5).to_integral_value() * 5 + Decimal("0.00")
