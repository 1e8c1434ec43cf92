"""All help in one place; what stands behind each "?" leads here."""

from web.help import GROUPS
from web.site import Answer, Visit, page


@page.get("/help", permission="self.read")
async def help_page(visit: Visit) -> Answer:
    return visit.show("help/help.html", groups=GROUPS)
