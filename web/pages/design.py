"""The living page of the design, for whoever builds pages on this machine."""

from litestar import Response

from server.errors import not_found
from web.rendering import render
from web.site import Answer, Visit, page


@page.get("/design", scope="public")
async def design(visit: Visit) -> Answer:
    if not visit.only_this_machine:
        raise not_found("page")
    return Response(
        render("styleguide.html", csrf_field=lambda: "", errors={}, values={}), media_type="text/html"
    )
