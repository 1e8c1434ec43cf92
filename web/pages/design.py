"""The living page of the design, for whoever builds pages on this machine."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from litestar import Response

from server.errors import not_found
from web.charts import Value, bars, run_chart, sparkline
from web.rendering import render
from web.site import Answer, Visit, page


@page.get("/design", scope="public")
async def design(visit: Visit) -> Answer:
    if not visit.only_this_machine:
        raise not_found("page")
    return Response(
        render("styleguide.html", csrf_field=lambda: "", errors={}, values={}, charts=invented_charts()),
        media_type="text/html",
    )


def invented_charts() -> dict[str, Any]:
    """One chart of each kind, of nobody."""
    return {
        "falling": run_chart(_run("9.1 9.3 8.9 9.0 9.2 8.6 8.3 8.1 7.9 7.8 7.7 7.9", days=92)),
        "few": run_chart(_run("152 148 139 141", days=21)),
        "bars": bars(
            [("By phone", Decimal(126)), ("In the practice", Decimal(41)), ("By video", Decimal(17))]
        ),
        "spark": sparkline([Decimal(n) for n in (84, 83, 84, 82, 81, 80, 79)]),
    }


def _run(numbers: str, *, days: int) -> list[Value]:
    return [Value(date(2023, 10, 3) + n * timedelta(days), Decimal(v)) for n, v in enumerate(numbers.split())]
