"""P23: twenty payloads in every text a practice holds; no page makes an element, a handler or an address of one."""

from collections.abc import Callable

import pytest
from page_forms import crawl, runs_in
from sqlalchemy.ext.asyncio import AsyncEngine
from two_practices import PAYLOADS, TwoPractices, hostile_texts

from web.rendering import environment

pytestmark = pytest.mark.timeout(300)  # making two practices takes a while on a busy machine

Count = Callable[[str, object], None]


async def test_nothing_that_was_typed_runs_on_any_page(
    two: TwoPractices, behind: AsyncEngine, record_property: Count
) -> None:
    columns = await hostile_texts(two, behind, " ".join(PAYLOADS))
    _, pages = await crawl(two.b)
    found = {address: runs for address, page in pages.items() if (runs := runs_in(page))}
    assert found == {}
    heard = [two.canaries.found_in(page) for page in pages.values()]
    shown, places = sum(map(bool, heard)), {place for some in heard for place in some}
    assert shown > 10, "hardly any page shows what was typed: the check is blind"
    record_property(
        "count",
        f"P23: {len(PAYLOADS)} payloads in {columns} columns ({len(two.b.written)} of them written by mutations), "
        f"{len(pages)} pages, {shown} of which show {len(places)} of the texts: 0 run",
    )


def test_control_a_page_that_writes_text_out_as_it_is_would_be_noticed() -> None:
    template = environment().from_string(
        "<p title='{{ words }}'>{{ words|safe }}</p><a href='{{ words }}'>x</a>"
    )
    for payload in PAYLOADS:
        if payload not in {
            "{{7*7}}{% __xss %}",
            "&lt;script&gt;__xss()&lt;/script&gt;",
            "]]><script>__xss()</script>",
        }:
            assert runs_in(template.render(words=payload)), payload
