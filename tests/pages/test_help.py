"""Help as somebody meets it: beside the question, on one page, and by name."""

import re
from html import unescape
from typing import Any

from cast import STAFF, World

from web.help import TOPICS, topic
from web.ways import ways_to


async def test_everybody_finds_all_help_on_one_page(lakeside: World, browse: Any) -> None:
    for who in STAFF:
        answer = await browse(lakeside, who).get("/help")
        assert answer.status_code == 200
        assert set(re.findall(r'<article class="help-topic" id="([a-z-]+)"', answer.text)) == set(TOPICS)
        assert all(said in unescape(answer.text) for one in TOPICS.values() for said in one.says)


async def test_nobody_reads_it_without_a_sign_in(browse: Any) -> None:
    assert (await browse().get("/help")).status_code in {303, 401}


async def test_help_stands_beside_the_question_and_needs_no_script(lakeside: World, browse: Any) -> None:
    page = unescape((await browse(lakeside, "ada").get("/practice/staff/invite")).text)
    found = re.search(r'<details class="help no-print">(.*?)</details>', page, re.DOTALL)
    assert found
    roles = topic("roles")
    assert roles.title in found[1]
    assert all(said in found[1] for said in roles.says)
    assert 'href="/help#roles"' in found[1]
    assert "Source:" not in found[1]
    held = topic("consent-stop")
    everything = unescape((await browse(lakeside, "ada").get("/help")).text)
    assert f"Source: {held.source}" in everything


async def test_the_palette_finds_it_after_the_pages(lakeside: World, at_browser: Any) -> None:
    nora = await at_browser(lakeside, "nora")
    answer = await nora.send("/go", {"q": "initiating", "at": "/"}, status=200)
    assert "/help#initiating-visit" in answer.text
    empty = await nora.send("/go", {"q": "", "at": "/"}, status=200)
    assert "/help#" not in empty.text
    ways = ways_to("charge", "/", lambda _: True)
    assert [ways[0].address, ways[-1].note] == ["/practice/billing/charges", "help"]
