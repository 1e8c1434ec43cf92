"""Referrals on pages: one screen, a slip on every page, and what became of it."""

import re
from html import unescape
from typing import Any

from cast import World
from newcomer import key, register, today


async def test_asked_on_one_screen_told_on_every_page_and_heard_of(
    lakeside: World, hillcrest: World, at_browser: Any, ask: Any
) -> None:
    """R084 R086 R088 R098 R101 R102: four fields; the slip; accepted; read. Another practice sees none of it."""
    maria = key(await register(ask, lakeside))
    mika, nora = await at_browser(lakeside, "mika"), await at_browser(lakeside, "nora")
    assert f'href="/people/{maria}/refer"' in await mika.get(f"/people/{maria}")
    found = (await mika.send("/refer/find", {"q": "alva"}, status=200)).text
    assert f'data-value="{maria}"' in found

    fields = {
        "q": "Alvarez",
        "reason": "",
        "how_soon": "now",
        "to_id": str(lakeside.staff["nora"]),
        "place": "Room 3",
    }
    refused = (await mika.send("/refer", fields, status=422)).text
    assert "Why Maria?" in refused
    assert 'value="Room 3"' in refused, "what was typed stays"
    nobody = (await mika.send("/refer", {**fields, "q": "Zzyzx", "reason": "Falls"}, status=422)).text
    assert "Nobody matches" in unescape(nobody)
    made = await mika.send("/refer", {**fields, "reason": "Third fall since spring"})
    one = made.headers["location"]
    assert re.fullmatch(r"/referrals/[0-9a-f-]{36}", one)

    page = unescape(await mika.get(one))
    assert "Third fall since spring" in page
    assert "Words to introduce Nora Feld" in page
    assert "Coming now" not in page, "that is for a care manager to say"
    before = await nora.get("/at-once/mark")
    slip = unescape(await nora.get("/at-once"))
    assert "Maria Alvarez is here now" in slip
    assert "Room 3" in slip
    assert "Maria" not in before, "the mark names nobody"
    rosa = await at_browser(lakeside, "rosa")
    assert await rosa.get("/at-once/mark") == ""
    other = await at_browser(hillcrest, "nora")
    assert await other.get("/at-once/mark") == ""
    await other.get(one, status=404)
    await other.send(f"{one}/accept", {}, status=404)

    await nora.send(f"{one}/coming", {})
    assert await nora.get("/at-once/mark") == ""
    told = unescape(await mika.get("/at-once"))
    assert "Nora Feld is coming to Maria Alvarez now." in told
    through = re.search(r'name="through" value="([^"]+)"', told)
    assert through
    await mika.send(f"{one}/read", {"through": through[1]})
    assert await mika.get("/at-once/mark") == ""

    await nora.send(f"{one}/accept", {"introduced": "yes"})
    assert "Nora Feld looks after Maria Alvarez." in unescape(await mika.get("/"))
    assert f'href="/people/{maria}/programs/new"' in await nora.get(one)
    too_soon = await nora.send(
        f"{one}/decline", {"reason": "Not while her sister is here", "ask_again_on": "2020-01-01"}, status=422
    )
    assert "1 January 2020" in too_soon.text
    gone = await nora.send(f"{one}/reroute", {"to_id": "", "reason": "Housing"}, status=422)
    assert "Choose a colleague" in gone.text
    await nora.send(
        f"{one}/decline", {"reason": "Not while her sister is here", "what_would_help": "An evening call"}
    )
    refer = {"patient_id": str(maria), "reason": "Again", "how_soon": "today", "to_id": ""}
    again = unescape((await mika.send("/refer", refer, status=422)).text)
    assert "An evening call" in again


async def test_here_today_and_the_practices_own_way(lakeside: World, at_browser: Any, ask: Any) -> None:
    """R027 R073 R085 R092: flagged at rooming; confirmed by a provider where the practice wants it; its own words."""
    maria = key(await register(ask, lakeside))
    fred, ada = await at_browser(lakeside, "fred"), await at_browser(lakeside, "ada")
    await fred.send(f"/people/{maria}/here", {"place": "Waiting room"})
    assert "Waiting room" in await fred.get(f"/people/{maria}")
    assert 'value="now" checked' in re.sub(r"\s+", " ", await fred.get(f"/people/{maria}/refer"))
    await fred.send(f"/people/{maria}/here", {"here": "no"})
    assert "Waiting room" not in await fred.get(f"/people/{maria}")

    await ada.send("/practice/referrals", {"confirmed_by_provider": "yes", "agreement": "opt_in"})
    await ada.send("/practice/referrals", {"agreement": "else"}, status=422)
    wrong = await ada.send(
        "/practice/referrals/words", {"role": "front_desk", "words": "Hi {{you}}"}, status=422
    )
    assert "is not a field that can be filled" in wrong.text
    await ada.send(
        "/practice/referrals/words", {"role": "front_desk", "words": "{{patient}}, Nora helps with this."}
    )
    made = await fred.send(
        "/refer", {"patient_id": str(maria), "reason": "Her pharmacist rang", "how_soon": "this_week", "source": "pharmacy",
                   "source_name": "Ms. Lee", "to_id": str(lakeside.staff["nora"])},
    )  # fmt: skip
    one = made.headers["location"]
    page = unescape(await fred.get(one))
    assert "Maria, Nora helps with this." in page
    assert "A pharmacy: Ms. Lee" in page
    lin = await at_browser(lakeside, "dr_lin")
    assert "Her pharmacist rang" in await lin.get("/")
    await lin.send(f"{one}/confirm", {"note": "Yes, please"})
    assert "confirmed it" in unescape(await fred.get("/"))
    await fred.get("/referrals", status=403)
    nora = await at_browser(lakeside, "nora")
    assert "Her pharmacist rang" in await nora.get("/referrals")
    bill = await at_browser(lakeside, "bill")
    await bill.get(one, status=403)

    enroll = {"program": "ccm", "practitioner_id": str(lakeside.staff["dr_lin"])}
    await nora.send(f"/people/{maria}/programs", {**enroll, "started_on": f"{today(lakeside)}"})
    assert "In care management with Nora Feld since" in unescape(await fred.get(f"/people/{maria}"))
