"""What was stated about billing, as the API tells it: every word as written, every id a global one."""

from typing import Any

import pytest
from billing_ready import CHARGES, IDENTITY, ROUTES, ready_to_bill
from cast import World

from server.graphql.billing import PayerRoute
from server.graphql.connections import global_id, told
from server.tenants.billing_identity import route_history
from server.tenants.db import tenant_db

STATED = """query { billing {
  identities { id legalName npi submitterId contactName zip }
  routes { id payerId receiverId claimPayerId filingIndicator production filingDays namesSupervisor }
  providers { staffId familyName givenName taxonomy } charges { id code amount } sites { siteId } } }"""


async def test_every_statement_is_told_as_it_was_made(lakeside: World, hillcrest: World, ask: Any) -> None:
    await ready_to_bill(lakeside)
    said = (await ask(lakeside, "bill", STATED))["data"]["billing"]
    (identity,) = said["identities"]
    assert [identity[name] for name in ("legalName", "npi", "submitterId", "contactName", "zip")] == [
        IDENTITY[name] for name in ("legal_name", "npi", "submitter_id", "contact_name", "zip")
    ]
    assert {
        (r["payerId"], r["receiverId"], r["claimPayerId"], r["filingIndicator"]) for r in said["routes"]
    } == {
        (global_id("Payer", lakeside.payers[kind]), receiver, number, filing)
        for kind, (receiver, _, _, number, filing) in ROUTES.items()
    }
    assert all(
        (r["production"], r["filingDays"], r["namesSupervisor"]) == (True, 365, False) for r in said["routes"]
    )
    assert said["providers"] == [
        {
            "staffId": global_id("Staff", lakeside.staff["dr_lin"]), "familyName": "Wei", "givenName": "Lin",
            "taxonomy": "207Q00000X",
        }
    ]  # fmt: skip
    assert {one["code"]: one["amount"] for one in said["charges"]} == CHARGES
    assert len({one["id"] for one in (*said["charges"], *said["routes"])}) == len(CHARGES) + len(ROUTES)
    theirs = (await ask(hillcrest, "bill", STATED))["data"]["billing"]
    assert {name: rows for name, rows in theirs.items() if rows} == {}


async def test_no_bare_id_can_leave(lakeside: World) -> None:
    """The control: a field of that name that nobody turned into a global id is an error, not a leak."""
    await ready_to_bill(lakeside)
    bill = lakeside.actor("bill")
    async with tenant_db(bill, read_only=True) as db:
        row, *_ = await route_history(db, bill)
    with pytest.raises(TypeError, match=r"PayerRoute\.payer_id"):
        told(PayerRoute, row)
