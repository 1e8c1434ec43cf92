"""What somebody is told on whatever page they are; asked for by the page's script (static/js/at-once.js)."""

from litestar import Response

from server.enrollment.referral_queries import at_once, at_once_mark
from server.tenants.db import tenant_db
from web.pages.referrals import listed, news_said
from web.rendering import called, clock
from web.site import Answer, Visit, page


@page.get("/at-once/mark", permission="referrals.write")
async def mark(visit: Visit) -> Answer:
    """Another text when there is something else to tell; it names nobody."""
    return Response(await at_once_mark(visit.actor), media_type="text/plain")


@page.get("/at-once", permission="referrals.write")
async def slip(visit: Visit) -> Answer:
    async with tenant_db(visit.actor, read_only=True) as db:
        found = await at_once(db, visit.actor, visit.today)
    return visit.fragment(
        "referrals/_slip.html",
        hand_offs=[listed(row, visit.zone) for row in found.hand_offs],
        answers=[
            {
                "words": news_said(row, visit.zone),
                "href": f"/referrals/{row.referral.id}",
                "id": str(row.referral.id),
                "through": str(row.step.id),
            }
            for row in found.answers
        ],
        here=[
            {
                "name": f"{called(row)} {row.family_name}".strip(),
                "href": f"/people/{row.patient_id}",
                "place": row.place,
                "since": clock(row.noted_at, visit.zone),
            }
            for row in found.here
        ],
    )
