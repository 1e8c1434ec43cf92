"""People who may be on file twice, by page: compared, joined, told apart, put off, taken apart."""

from typing import Any

from cast import World
from duplicates.pairs import twice_on_file


async def a_pair(at_browser: Any, drain: Any, world: World) -> tuple[Any, str, Any, Any]:
    one, other = await twice_on_file(world)
    await drain()
    nora = await at_browser(world, "nora")
    listed = await nora.get("/people/duplicates")
    assert "Anna Keller" in listed
    assert "Ana Keller" in listed
    assert "same telephone number" in listed
    href = "/people/duplicates/" + listed.partition('href="/people/duplicates/')[2].partition('"')[0]
    return nora, href, one, other


async def test_compared_joined_and_taken_apart(
    lakeside: World, hillcrest: World, browse: Any, at_browser: Any, drain: Any
) -> None:
    nora, href, one, other = await a_pair(at_browser, drain, lakeside)
    assert "On file twice? (1)" in await nora.get("/people")
    page = await nora.get(href)
    for words in (
        "One person, or two?",
        "Which record stays",
        "K-1",
        "K-2",
        "1EG4TE5MK73",
        "Known on one record only",
    ):
        assert words in page, words
    away = browse(hillcrest, "nora")
    assert (await away.get(href)).status_code == 404
    assert "Keller" not in (await away.get("/people/duplicates")).text
    assert (await browse(lakeside, "fred").get(href)).status_code == 403

    seen_at = f'value="{lakeside.site_id}" selected'
    await nora.send(f"/people/{other}/usual-site", {"site": str(lakeside.site_id)})
    assert seen_at not in await nora.get(f"/people/{one}/details")

    keep = "one" if page.index("K-1") < page.index("K-2") else "other"
    refused = await nora.send(f"{href}/join", {"reason": "She says so"}, 422)
    assert "Which record stays?" in refused.text
    done = await nora.send(f"{href}/join", {"keep": keep, "reason": "She says so"})
    assert done.headers["location"] == f"/people/{one}/joined"
    page = await nora.get(f"/people/{one}/joined")
    assert "Record K-2" in page
    assert "She says so" in page

    for path in ("", "/diary", "/minutes", "/details"):  # addresses from before lead on
        led = await nora.client.get(f"/people/{other}{path}")
        assert (led.status_code, led.headers["location"]) == (303, f"/people/{one}{path}")
    assert "Also on file as K-2" in await nora.get(f"/people/{one}")
    await nora.get(href, 404)
    assert seen_at in await nora.get(f"/people/{one}/details"), (
        "what stays with the other record is read through it"
    )

    merge = page.partition(f'action="/people/{one}/joined/')[2].partition('"')[0]
    back = f"/people/{one}/joined/{merge}"
    refused = await nora.send(back, {"reason": ""}, 422)
    done = await nora.send(back, {"reason": "Sisters"})
    assert done.headers["location"] == f"/people/{other}"
    await nora.get(f"/people/{other}")
    assert "Sisters" in await nora.get(f"/people/{one}/joined")
    assert seen_at not in await nora.get(f"/people/{one}/details")


async def test_told_apart_and_put_off(lakeside: World, at_browser: Any, drain: Any) -> None:
    nora, href, *_ = await a_pair(at_browser, drain, lakeside)
    await nora.send(f"{href}/later", {})
    assert "Nobody seems to be on file twice" in await nora.get("/people/duplicates")
    assert "Keller" in await nora.get("/people/duplicates?show=later")
    refused = await nora.send(f"{href}/different", {"reason_apart": ""}, 422)
    assert "How do you know they are two people?" in refused.text
    await nora.send(f"{href}/different", {"reason_apart": "Twins"})
    assert "Nora Feld said: Twins" in await nora.get("/people/duplicates?show=different")
    assert "Keep this reason instead" in await nora.get(href), "what was said can be said anew"
    await nora.get("/people/duplicates?show=nonsense", 404)
    await nora.send("/people/duplicates", {})


async def test_words_are_kept_whole_or_given_back(lakeside: World, at_browser: Any, drain: Any) -> None:
    nora, href, one, _ = await a_pair(at_browser, drain, lakeside)
    page = await nora.get(href)
    keep = "one" if page.index("K-1") < page.index("K-2") else "other"
    long, fits = "twin " * 201, " ".join(["She says so."] * 70) + " The end"
    for what, field in (("join", "reason"), ("different", "reason_apart")):
        refused = await nora.send(f"{href}/{what}", {"keep": keep, field: long}, 422)
        assert "at most 1,000 fit here" in refused.text
        assert long.strip() in refused.text, "what was typed is given back"
    await nora.send(f"{href}/join", {"keep": keep, "reason": fits})
    page = await nora.get(f"/people/{one}/joined")
    assert "The end" in page
    back = f"/people/{one}/joined/" + page.partition(f'action="/people/{one}/joined/')[2].partition('"')[0]
    refused = await nora.send(back, {"reason": long}, 422)
    assert "at most 1,000 fit here" in refused.text
    assert long.strip() in refused.text, "what was typed is given back"
    told = await nora.send(f"{href}/different", {"reason_apart": "Twins"}, 422)
    assert "they are one person" in told.text
    await nora.send(back, {"reason": fits})
    assert (await nora.get(f"/people/{one}/joined")).count("The end") == 2
