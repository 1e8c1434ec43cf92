"""The steps between a closed month and a file, over GraphQL, and what goes wrong on the way, for this room's tests."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from cast import World
from month_end import close_month
from sqlalchemy.ext.asyncio import AsyncEngine

from server.tenants.billing_identity import state_route
from server.tenants.db import tenant_db
from server.tenants.payers import add_payer

#: the states of claims that nobody signed yet
DRAFTS = ("ready", "to_look_at", "to_mend")
FIELDS = """id state number frequency replacesNumber patientId patientName payer month total diagnoses placeOfService
  renderingNpi billingNpi content contentHash changedSince payerControlNumber note signedBy interchangeId
  services { code label modifiers units serviceOn charge allowed diagnoses }
  findings { rule severity sentence mends field }"""
CLAIMS = f"""query ($month: Line!, $states: [Line!], $payer: ID, $first: Int!, $after: String) {{
  claims(month: $month, states: $states, payerId: $payer, first: $first, after: $after) {{
    edges {{ node {{ {FIELDS} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
SIGN = f"""mutation ($input: SignClaimsInput!) {{ signOffClaims(input: $input) {{ __typename
  ... on SignedClaims {{ signed {{ {FIELDS} }} left {{ draftId code sentence nextStep }} }}
  ... on Refusal {{ code message nextStep field }} }} }}"""
MAKE = """mutation ($month: Line) { makeInterchanges(month: $month) { __typename
  ... on MadeInterchanges { interchanges { id controlNumber production claims total contentHash receiverId
    deliveries page } } ... on Refusal { code message nextStep } } }"""
DOWNLOAD = """mutation ($id: ID!) { downloadInterchange(id: $id) { __typename
  ... on InterchangeFile { fileName content interchange { deliveries contentHash } } ... on Refusal { code } } }"""
WITHDRAW = f"mutation ($id: ID!) {{ withdrawClaim(id: $id) {{ ... on Claim {{ {FIELDS} }} ... on Refusal {{ code message nextStep }} }} }}"
PAYER_NUMBER = f"""mutation ($id: ID!, $number: Line!) {{ recordPayerNumber(id: $id, number: $number) {{
  ... on Claim {{ {FIELDS} }} ... on Refusal {{ code message }} }} }}"""
REFUSED = f"""mutation ($id: ID!, $note: ShortText!) {{ recordClaimRefusal(id: $id, note: $note) {{
  ... on Claim {{ {FIELDS} }} ... on Refusal {{ code message }} }} }}"""
DENIED = f"""mutation ($id: ID!, $on: Date!, $note: ShortText!) {{ recordClaimDenial(id: $id, on: $on, note: $note) {{
  ... on Claim {{ {FIELDS} deniedOn deniedBy }} ... on Refusal {{ code message nextStep field }} }} }}"""
PAID = f"""mutation ($id: ID!) {{ takeBackClaimDenial(id: $id) {{ ... on Claim {{ {FIELDS} deniedOn deniedBy }}
  ... on Refusal {{ code message nextStep }} }} }}"""
OVERVIEW = "query ($month: Line!) { claimsOverview(month: $month) { state count total } }"


async def said(ask: Any, world: World, document: str, who: str = "bill", **variables: Any) -> Any:
    answer = await ask(world, who, document, **variables)
    assert not answer["errors"], answer["errors"]
    return next(iter(answer["data"].values()))


async def claims(ask: Any, world: World, month: str, *states: str) -> list[dict[str, Any]]:
    found = await said(
        ask, world, CLAIMS, month=month, states=list(states) or None, payer=None, first=50, after=None
    )
    return [edge["node"] for edge in found["edges"]]


async def sign(
    ask: Any,
    world: World,
    month: str,
    drafts: Sequence[dict[str, Any]],
    *,
    looked: bool = True,
    who: str = "bill",
) -> dict[str, Any]:
    chosen = [
        {
            "patientId": d["patientId"], "draftId": d["id"], "contentHash": d["contentHash"], "looked": looked,
        }
        for d in drafts
    ]  # fmt: skip
    return await said(ask, world, SIGN, who, input={"month": month, "claims": chosen})  # type: ignore[no-any-return]


async def close(world: World, month: str) -> None:
    await close_month(world.actor("bill"), month)


async def signed(ask: Any, world: World, month: str) -> list[dict[str, Any]]:
    """Close the month and sign all of it."""
    await close(world, month)
    drafts = await claims(ask, world, month)
    made = await sign(ask, world, month, drafts)
    assert made["__typename"] == "SignedClaims", made
    assert made["left"] == []
    return made["signed"]  # type: ignore[no-any-return]


async def sent(ask: Any, world: World, month: str) -> tuple[dict[str, Any], str]:
    """Make the one file of the month and take it along: (interchange, text)."""
    made = await said(ask, world, MAKE, month=month)
    assert made["__typename"] == "MadeInterchanges", made
    (interchange,) = made["interchanges"]
    got = await said(ask, world, DOWNLOAD, id=interchange["id"])
    return interchange, got["content"]


def errors(claim: dict[str, Any]) -> set[str]:
    return {finding["rule"] for finding in claim["findings"] if finding["severity"] == "error"}


async def another_medicare(world: World) -> UUID:
    """A second payer of the same kind: the same rules and codes, another receiver."""
    ada = world.actor("ada")
    async with tenant_db(ada) as db:
        payer = await add_payer(
            db, ada, name="Railroad Medicare", kind="medicare_part_b", known_kinds={"medicare_part_b"}
        )
        await state_route(
            db, ada, payer.id, from_on=date(2020, 1, 1), receiver_id="RRB01", receiver_name="Palmetto GBA",
            claim_payer_name="Railroad Medicare", claim_payer_id="RRB01", filing_indicator="MB", production=True,
        )  # fmt: skip
        return payer.id


async def corrected(behind: AsyncEngine, person: UUID, payer: UUID) -> None:
    """The coverage was the other payer's all along."""
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update coverage set payer_id = :payer where patient_id = :id"),
            {"payer": payer, "id": person},
        )


async def uncovered(behind: AsyncEngine, person: UUID) -> None:
    """It turns out that the coverage had ended."""
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update coverage set to_on = '2020-02-01' where patient_id = :id"), {"id": person}
        )


async def numbers_in_files(behind: AsyncEngine, world: World) -> list[str]:
    async with behind.connect() as connection:
        found = await connection.scalars(
            sa.text(
                "select c.number from interchange_claim i join claim c on c.tenant_id = i.tenant_id "
                "and c.id = i.claim_id where i.tenant_id = :t order by c.number"
            ),
            {"t": world.tenant_id},
        )
        return list(found)


def codes(rows: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    return {row["renderingNpi"]: [service["code"] for service in row["services"]] for row in rows}


async def numbered(ask: Any, world: World, rows: Sequence[dict[str, Any]]) -> None:
    """Their payers said their own numbers."""
    for row in rows:
        await said(ask, world, PAYER_NUMBER, id=row["id"], number=f"ICN{row['number']}")
