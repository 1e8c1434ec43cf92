"""A form sent twice is saved once: a second click, a browser that tries again, a page that was left open."""

import asyncio
import re
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from sqlalchemy.ext.asyncio import AsyncEngine

NEW = "/practice/sites/new"


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the form that adds a site."""
    form = next(f for f in re.findall(r"<form.*?</form>", page, re.DOTALL) if 'name="name"' in f)
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


@pytest.fixture
def sites(behind: AsyncEngine) -> Any:
    async def sites(world: World, name: str) -> int:
        async with behind.connect() as connection:
            found = await connection.execute(
                sa.text("select count(*) from site where tenant_id = :t and name = :n"),
                {"t": world.tenant_id, "n": name},
            )
            return int(found.scalar_one())

    return sites


async def test_a_double_click_saves_once_and_both_are_led_on(
    lakeside: World, browse: Any, sites: Any
) -> None:
    ada = browse(lakeside, "ada")
    form = hidden((await ada.get(NEW)).text) | {"name": "East Street"}
    clicks = await asyncio.gather(*(ada.post(NEW, data=form) for _ in range(5)))
    clicks.append(await ada.post(NEW, data=form))
    assert {(c.status_code, c.headers["location"]) for c in clicks} == {(303, clicks[0].headers["location"])}
    assert len({c.headers["set-cookie"] for c in clicks}) == 1, "what it said is said again"
    assert await sites(lakeside, "East Street") == 1
    # The control: without its key a form is a new one each time.
    for _ in range(2):
        await ada.post(NEW, data={k: v for k, v in form.items() if k != "_once"} | {"name": "West Street"})
    assert await sites(lakeside, "West Street") == 2


async def test_a_form_changed_after_it_was_saved_is_not_taken_for_the_same(
    lakeside: World, browse: Any, sites: Any
) -> None:
    ada = browse(lakeside, "ada")
    form = hidden((await ada.get(NEW)).text) | {"name": "East Street"}
    await ada.post(NEW, data=form)
    changed = await ada.post(NEW, data=form | {"name": "West Street"})
    assert changed.status_code == 422
    assert "This form was saved already" in changed.text
    assert await sites(lakeside, "West Street") == 0


async def test_a_form_that_was_refused_can_be_mended_and_sent(
    lakeside: World, browse: Any, sites: Any
) -> None:
    ada = browse(lakeside, "ada")
    form = hidden((await ada.get(NEW)).text) | {"name": "East Street"}
    refused = await ada.post(NEW, data=form | {"zip": "12"})
    assert refused.status_code == 422
    assert "ZIP" in refused.text
    mended = await ada.post(NEW, data=form | {"zip": "48201"})
    assert mended.status_code == 303
    assert await sites(lakeside, "East Street") == 1


async def test_somebody_elses_key_is_another_key(
    lakeside: World, hillcrest: World, browse: Any, sites: Any
) -> None:
    for world in (lakeside, hillcrest):
        ada = browse(world, "ada")
        form = hidden((await ada.get(NEW)).text) | {"name": "East Street", "_once": "the same"}
        assert (await ada.post(NEW, data=form)).status_code == 303
        assert await sites(world, "East Street") == 1
