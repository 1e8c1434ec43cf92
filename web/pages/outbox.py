"""The letters that did not go out by themselves, while this machine alone can read them."""

import re

from server.errors import Refused, not_found
from server.mail import outbox
from server.settings import settings
from server.tenants.db import auth_db
from web.site import Answer, Visit, page


@page.get("/outbox", scope="public")
async def outbox_page(visit: Visit) -> Answer:
    """Everywhere else there is no such page."""
    if not visit.has_outbox:
        raise not_found("page")
    try:
        async with auth_db() as db:
            letters = await outbox(db)
    except Refused:
        raise not_found("page") from None
    shown = [
        {"to": one.to, "subject": one.subject, "made_at": one.made_at, "paragraphs": _paragraphs(one.body)}
        for one in letters
    ]
    return visit.show("outbox/letters.html", letters=shown)


def _paragraphs(body: str) -> list[list[tuple[str, str]]]:
    """The letter's paragraphs, each of (words, address) pieces; the address is empty for plain words."""
    ours = re.compile("(" + re.escape(settings().base_url) + r"/[\w/.-]+)")
    return [
        [
            (piece, piece.removeprefix(settings().base_url) if number % 2 else "")
            for number, piece in enumerate(ours.split(part))
            if piece
        ]
        for part in body.strip().split("\n\n")
    ]
