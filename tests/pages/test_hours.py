"""The week for everybody, and one's own hours, on pages."""

import re
from datetime import date, timedelta
from html import unescape
from typing import Any

from cast import World

from server.clock import today
from server.tenants.working_hours import monday_of


def week_after(world: World) -> date:
    return monday_of(today(world.zone)) + timedelta(days=7)


async def test_from_an_empty_week_to_hours_that_colleagues_see(
    lakeside: World, hillcrest: World, at_browser: Any
) -> None:
    nora = await at_browser(lakeside, "nora")
    monday = week_after(lakeside)
    week = f"/practice/hours?week={monday}"
    assert "Nobody has written down hours" in await nora.get(week)
    own = f"/practice/hours/{lakeside.staff['nora']}"
    fields = {"weekdays": ["0", "2"], "begins": "08:30", "ends": "16:30", "site_id": str(lakeside.site_id),
              "from_on": "2026-01-01", "to_on": ""}  # fmt: skip
    refused = await nora.send(f"{own}/lines", {**fields, "ends": "08:00"}, status=422)
    assert "not after its beginning" in refused.text
    assert re.search(r'name="weekdays" value="2" checked', refused.text), "what was ticked stays ticked"
    await nora.send(f"{own}/lines", fields, status=303)

    page = unescape(await nora.get(own))
    assert page.count("8:30\u00a0am to 4:30\u00a0pm") == 2
    rosa = await at_browser(lakeside, "rosa")
    assert unescape(await rosa.get(week)).count("8:30\u00a0am to 4:30\u00a0pm") == 2
    assert f'href="{own}"' not in await rosa.get(week), "a colleague's lines are theirs"
    await rosa.get(own, status=404)
    await rosa.send(f"{own}/lines", fields, status=404)
    elsewhere = await at_browser(hillcrest, "ada")
    assert "Nobody has written down hours" in await elsewhere.get(week)
    await elsewhere.get(own, status=404)


async def test_a_line_ends_and_goes_and_days_away_come_and_go(lakeside: World, at_browser: Any) -> None:
    ada = await at_browser(lakeside, "ada")
    own = f"/practice/hours/{lakeside.staff['rosa']}"
    monday = week_after(lakeside)
    week = f"/practice/hours?week={monday}"
    fields = {"weekdays": ["0"], "begins": "09:00", "ends": "12:00", "site_id": "", "from_on": "2026-01-01"}
    await ada.send(f"{own}/lines", fields, status=303)
    page = await ada.get(own)
    assert "From elsewhere" in page
    assert "from elsewhere" in await ada.get(week)
    line = re.search(r"/lines/([0-9a-f-]{36})/end", page)
    assert line

    wrong = await ada.send(f"{own}/lines/{line[1]}/end", {"last_day": "2025-12-31"}, status=422)
    assert f'href="#f-last_day_{line[1]}"' in wrong.text
    await ada.send(f"{own}/away", {"away_from": f"{monday}", "away_to": ""}, status=303)
    assert "Nobody has written down hours" in await ada.get(week)
    twice = await ada.send(f"{own}/away", {"away_from": f"{monday}", "away_to": ""}, status=422)
    assert "on the list already" in twice.text
    away = re.search(r"/away/([0-9a-f-]{36})/remove", await ada.get(own))
    assert away
    await ada.send(f"{own}/away/{away[1]}/remove", {}, status=303)
    assert "9:00\u00a0am to 12:00\u00a0pm" in await ada.get(week)

    await ada.send(f"{own}/lines/{line[1]}/end", {"last_day": f"{monday - timedelta(days=1)}"}, status=303)
    assert "Nobody has written down hours" in await ada.get(week)
    await ada.send(f"{own}/lines/{line[1]}/remove", {}, status=303)
    assert "No hours written down yet" in await ada.get(own)
    await ada.send(f"{own}/lines/{line[1]}/remove", {}, status=404)


async def test_a_week_that_has_been_or_is_none_shows_this_one(lakeside: World, at_browser: Any) -> None:
    nora = await at_browser(lakeside, "nora")
    this = monday_of(today(lakeside.zone))
    for strange in ("", "2020-01-06", "0001-01-01", "9999-12-31", "soon", "2026-02-31", "'--"):
        page = await nora.get(f"/practice/hours?week={strange}")
        assert f"week={this + timedelta(days=7)}" in page
        assert "The week before" not in page
