"""Signed claims on their way out: copies for another billing system, and the files made of them."""

from uuid import UUID

from litestar import Response

from server.claims.claim_queries import billing_csv, billing_text, month_claims
from server.claims.files import claims_in, file_of, interchange_for
from server.claims.resting import remarks
from server.errors import not_found
from server.tenants.db import Db, tenant_db
from web.claim_words import brief, file_words
from web.pages.month import asked_month
from web.rendering import month_words
from web.site import Answer, Visit, page


@page.get("/month/{month:str}/claims/text", permission="claims.read")
async def claims_text(visit: Visit) -> Answer:
    """Every signed claim of the month that still holds as plain text, to copy into another system."""
    month = asked_month(visit)
    async with tenant_db(visit.actor, read_only=True) as db:
        ids, left_out = await _signed_ids(db, visit, month)
        text = await billing_text(db, visit.actor, ids) if ids else ""
    return visit.show(
        "claims/text.html",
        month=month,
        title=month_words(month),
        text=text,
        count=len(ids),
        left_out=left_out,
    )


@page.get("/month/{month:str}/claims/csv", permission="claims.read")
async def claims_csv(visit: Visit) -> Answer:
    month = asked_month(visit)
    async with tenant_db(visit.actor, read_only=True) as db:
        ids, _ = await _signed_ids(db, visit, month)
        if not ids:
            raise not_found("signed claim")
        text = await billing_csv(db, visit.actor, ids)
    return _attached(text.encode(), f"claims-{month}.csv", "text/csv")


async def _signed_ids(db: Db, visit: Visit, month: str) -> tuple[list[UUID], list[str]]:
    """(the claims to copy, the numbers of those left out because another is to take their place)"""
    rows = await month_claims(db, visit.actor, month, states=("signed", "sent"))
    out = remarks(rows)
    return [row.id for row in rows if row.id not in out], [row.number for row in rows if row.id in out]


def _attached(content: bytes, name: str, media_type: str) -> Answer:
    return Response(
        content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


# --- files ----------------------------------------------------------------------------------------------------


@page.get("/claims/files/{id:str}", permission="claims.read")
async def one_file(visit: Visit) -> Answer:
    """What a file holds, and how often it left the house."""
    id = visit.id("id", "file")
    async with tenant_db(visit.actor, read_only=True) as db:
        found = await interchange_for(db, visit.actor, id)
        rows = await claims_in(db, visit.actor, id)
    month = rows[0].month if rows else f"{visit.today:%Y-%m}"
    return visit.show(
        "claims/file.html", file=file_words(found, visit.zone), rows=[brief(row, visit.zone) for row in rows], month=month,
        title=month_words(month),
    )  # fmt: skip


@page.post("/claims/files/{id:str}", permission="claims.sign")
async def file_downloaded(visit: Visit) -> Answer:
    """The file, byte for byte as it was made; that it left the house is written down."""
    async with tenant_db(visit.actor) as db:
        found, content = await file_of(db, visit.actor, visit.id("id", "file"))
    return _attached(content, found.file_name, "application/edi-x12")
