"""Drafts on pages: by script and by button, the author's alone, two texts side by side, discarded with undo."""

import json
import re
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from cast import World
from newcomer import key, register
from page_forms import csrf_of
from sqlalchemy.ext.asyncio import AsyncEngine

from server.ids import new_id

JSON = {"accept": "application/json"}


class Desk:
    """Somebody at a browser, with or without its script."""

    def __init__(self, client: Any, csrf: str) -> None:
        self.client, self.csrf = client, csrf

    async def get(self, address: str, status: int = 200) -> str:
        answer = await self.client.get(address)
        assert answer.status_code == status, (address, answer.status_code, answer.text[:900])
        return str(answer.text)

    async def send(self, address: str, status: int = 303, /, **fields: str) -> Any:
        answer = await self.client.post(address, data={"_csrf": self.csrf, **fields})
        assert answer.status_code == status, (address, answer.status_code, answer.text[:3000])
        return answer

    async def keep(self, of: str, status: int = 200, /, **fields: str) -> Any:
        """As the script sends it. of: the address of the person, or of the contact that is changed."""
        answer = await self.client.post(
            f"{of}/note-drafts", data={"_csrf": self.csrf, **fields}, headers=JSON
        )
        assert answer.status_code == status, (answer.status_code, answer.text[:900])
        return answer.json() if answer.headers["content-type"].startswith("application/json") else None


def desk(browse: Any, world: World, who: str) -> Desk:
    return Desk(browse(world, who), csrf_of(world, who))


async def maria(ask: Any, world: World) -> str:
    return f"/people/{key(await register(ask, world))}"


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


async def test_a_draft_kept_by_script_opens_the_same_composer_at_the_same_place(
    lakeside: World, hillcrest: World, browse: Any, ask: Any
) -> None:
    person = await maria(ask, lakeside)
    nora, rosa = desk(browse, lakeside, "nora"), desk(browse, lakeside, "rosa")
    page = await nora.get(person)
    assert 'data-keep="contact' not in page, "no words of a note in the browser's storage"
    draft = hidden(page, "draft")
    fields = {
        "draft": draft,
        "kind": "video",
        "note": "She said \n<b>no</b> ",
        "cursor_field": "note",
        "cursor_at": "9",
    }
    told = await nora.keep(person, **fields, draft_sequence="2")
    assert told["state"] == "saved"
    assert re.fullmatch(r"Saved \d+:\d\d [ap]m", told["said"])
    older = await nora.keep(person, **{**fields, "note": "She"}, draft_sequence="1")
    assert older["state"] == "older"
    assert UUID(older["draft"]) != UUID(draft)

    again = await nora.get(person)
    assert "She said \n&lt;b&gt;no&lt;/b&gt; " in again, "the text, its last space included"
    for words in ('data-cursor="note"', 'data-cursor-at="9"', f'value="{draft}:2"', "You were writing this."):
        assert words in again, words
    assert '<option value="video" selected>' in again
    assert hidden(again, "draft") != draft, "another window is another draft"
    seen = await rosa.get(person)
    assert "Nora Feld is writing about this person, saved" in seen
    assert "She said" not in seen
    today = await nora.get("/")
    assert f"{person}/contacts/new?draft={draft}" in today
    assert "Video visit with Maria Alvarez" in today
    assert draft not in await rosa.get("/")
    assert draft not in await rosa.get(f"{person}/contacts/new?draft={draft}")
    for someone in (desk(browse, hillcrest, "nora"), desk(browse, lakeside, "rosa")):
        await someone.send(f"{person}/note-drafts/{draft}/discard", 404)
        await someone.send(f"{person}/note-drafts/{draft}/restore", 404)
    await desk(browse, hillcrest, "nora").get(f"{person}/note-drafts", 404)
    await desk(browse, hillcrest, "nora").keep(
        person, 404, **{**fields, "draft": str(new_id())}, draft_sequence="1"
    )
    ada = await desk(browse, lakeside, "ada").get(person)
    assert "is writing about" not in ada


async def test_saving_the_contact_finishes_the_draft_and_a_refusal_keeps_it(
    lakeside: World, browse: Any, ask: Any
) -> None:
    person = await maria(ask, lakeside)
    nora = desk(browse, lakeside, "nora")
    draft = hidden(await nora.get(f"{person}/contacts/new"), "draft")
    fields = {"draft": draft, "kind": "phone", "note": "Slept well", "on": "2026-01-05", "began": "10:00"}
    await nora.keep(person, **fields, draft_sequence="1")
    refused = await nora.send(
        f"{person}/contacts", 422, **{**fields, "began": "25:99"}, draft_sequence="1", outcome="reached"
    )
    assert "Slept well" in refused.text
    assert hidden(refused.text, "draft") == draft
    await nora.send(f"{person}/contacts", **fields, draft_sequence="1", outcome="reached")
    page = await nora.get(f"{person}/contacts/new")
    assert "Slept well" not in page
    assert (await nora.keep(person, **fields, draft_sequence="2"))["state"] == "gone"
    assert "No draft is waiting here" in await nora.get(f"{person}/note-drafts")
    # Saved before its first save as a draft arrived: that one, still on its way, does not bring it back.
    fields["draft"] = str(new_id())
    await nora.send(f"{person}/contacts", **{**fields, "began": "11:00"}, outcome="reached")
    assert (await nora.keep(person, **fields, draft_sequence="1"))["state"] == "gone"
    spoiled = {**fields, "began": "x", "draft_earlier": '"><img src=x>', "draft_sequence": "1e9"}
    refused = await nora.send(f"{person}/contacts", 422, **spoiled)
    assert "<img" not in refused.text
    assert "/note-drafts/&" not in refused.text


async def test_without_script_a_button_keeps_the_draft(lakeside: World, browse: Any, ask: Any) -> None:
    person = await maria(ask, lakeside)
    nora = desk(browse, lakeside, "nora")
    page = await nora.get(f"{person}/contacts/new")
    assert f'formaction="{person}/note-drafts"' in page
    fields = {"kind": "home", "note": "Porch stairs broken", "outcome": "reached", "draft_sequence": "0"}
    kept = await nora.send(f"{person}/note-drafts", **fields, draft=hidden(page, "draft"))
    at = str(kept.headers["location"])
    assert "Porch" not in at
    page = await nora.get(at)
    assert "Porch stairs broken" in page
    earlier = hidden(page, "draft_earlier")
    kept = await nora.send(
        f"{person}/note-drafts",
        **{**fields, "note": "Porch stairs mended"},
        draft=hidden(page, "draft"),
        draft_earlier=earlier,
    )
    assert "Porch stairs mended" in await nora.get(str(kept.headers["location"]))
    drafts = await nora.get(f"{person}/note-drafts")
    assert drafts.count("Porch stairs") == 1
    page = await nora.get(f"{person}/contacts/new")
    target = re.search(rf'formaction="({person}/note-drafts/[0-9a-f-]+/discard)"', page)
    assert target
    await nora.send(
        target[1], **{**fields, "note": "Porch stairs, again"}, draft=hidden(page, "draft"),
        draft_earlier=hidden(page, "draft_earlier"),
    )  # fmt: skip
    drafts = await nora.get(f"{person}/note-drafts")
    assert "No draft is waiting here" in drafts
    assert "Porch stairs, again" in drafts, "what was typed up to the last moment can be brought back"
    back = re.search(rf'action="({person}/note-drafts/[0-9a-f-]+/restore)"', drafts)
    assert back
    await nora.send(back[1])
    assert "Porch stairs, again" in await nora.get(f"{person}/contacts/new")


async def test_two_texts_of_one_contact_side_by_side_and_nothing_is_lost(
    lakeside: World, hillcrest: World, browse: Any, ask: Any, behind: AsyncEngine
) -> None:
    person = await maria(ask, lakeside)
    nora, rosa = desk(browse, lakeside, "nora"), desk(browse, lakeside, "rosa")
    was = {
        "kind": "phone",
        "on": "2026-01-05",
        "began": "10:00",
        "outcome": "reached",
        "note": "Well.",
        "next_step": "Call",
    }
    await nora.send(f"{person}/contacts", **was, then="sign")
    found = re.search(rf'href="({person}/contacts/[0-9a-f-]{{36}})"', await nora.get(person))
    assert found
    contact = found[1]
    opened = await nora.get(f"{contact}/change")
    assert hidden(opened, "revision") == "2"
    await rosa.send(
        contact,
        **{**was, "note": "Well. Feet better.", "outcome": "left_message"},
        revision="2",
        reason="Feet",
    )
    mine = {**was, "note": "Well. Call Friday.", "next_step": "Call Tom", "outcome": "no_answer"}
    draft = hidden(opened, "draft")
    turned_away = await nora.send(
        contact, 422, **mine, revision="2", reason="Friday", draft=draft, draft_sequence="0"
    )
    for words in (
        "Feet better.", "Call Friday.", "Well. Feet better. Call Friday.", "Call Tom", "Left a message", "No answer",
        "You both wrote here.", "Only you changed this.", "Kept as your draft",
    ):  # fmt: skip
        assert words in turned_away.text, words
    assert hidden(turned_away.text, "revision") == "3"
    # Nothing saved yet, the window is closed: it opens again as it was.
    assert f"{contact}/change?draft={draft}" in await nora.get("/")
    again = await nora.get(f"{contact}/change?draft={draft}")
    assert "Two texts of one contact" in again
    assert "Well. Feet better. Call Friday." in again
    assert "Call Friday." not in await rosa.get(f"{contact}/change")
    window = {name: hidden(again, name) for name in ("draft", "draft_earlier")}
    typed = {
        **mine,
        "both_note": "Well. Feet better. Call Friday. Both.",
        "pick_note": "both",
        "revision": "3",
    }
    assert (await nora.keep(contact, **window, **typed, draft_sequence="1"))["state"] == "saved"
    again = await nora.get(f"{contact}/change")
    assert "Two texts of one contact" in again, "kept from the second window too, both are still compared"
    assert "Well. Feet better. Call Friday. Both." in again
    chosen = {
        **mine, "merging": "yes", "revision": "3", "reason": "Friday", "draft": hidden(again, "draft"),
        "draft_earlier": hidden(again, "draft_earlier"), "draft_sequence": "0", "differs_outcome": "yes",
        "pick_note": "both", "both_note": "Well. Feet better. Call Friday.", "pick_next_step": "mine",
    }  # fmt: skip
    for name, typed_long in (("reason", "r" * 501), ("next_step", "n" * 2001), ("who_else", "w" * 501)):
        told = await nora.send(contact, 422, **{**chosen, name: typed_long}, pick_outcome="theirs")
        assert f"{len(typed_long):,} characters; at most {len(typed_long) - 1:,} fit here" in told.text
        assert typed_long in told.text
    unsaid = await nora.send(contact, 422, **chosen)
    assert "Say which of the two stays" in unsaid.text
    await nora.send(contact, **chosen, pick_outcome="theirs")
    page = await nora.get(contact)
    for words in ("Well. Feet better. Call Friday.", "Call Tom", "Left a message", "Friday"):
        assert words in page, words
    assert "contacts/" not in re.sub(r"(?s).*Your loose ends", "", await nora.get("/"))
    there = await desk(browse, hillcrest, "nora").client.get(f"{contact}/change")
    assert there.status_code == 404
    async with behind.connect() as connection:
        rows = await connection.execute(
            sa.text("select fields || base from note_draft where tenant_id = :id and state = 'finished'"),
            {"id": lakeside.tenant_id},
        )
        left = list(rows.scalars())
    assert left == [{}, {}], "finished, neither window's draft keeps a word of the contact"


async def test_a_second_save_of_a_colleague_is_compared_afresh(
    lakeside: World, hillcrest: World, browse: Any, ask: Any
) -> None:
    person = await maria(ask, lakeside)
    nora, rosa = desk(browse, lakeside, "nora"), desk(browse, lakeside, "rosa")
    was = {"kind": "phone", "on": "2026-01-05", "began": "10:00", "outcome": "reached", "note": "Well."}
    await nora.send(f"{person}/contacts", **was)
    found = re.search(rf'href="({person}/contacts/[0-9a-f-]{{36}})"', await nora.get(person))
    assert found
    contact = found[1]
    opened = await nora.get(f"{contact}/change")
    await rosa.send(contact, **{**was, "note": "Well. Feet better."}, revision="1")
    mine = {**was, "note": "Well. Call Friday."}
    behind = await nora.send(
        contact, 422, **mine, revision="1", draft=hidden(opened, "draft"), draft_sequence="0"
    )
    put = "Well. Feet better. Call Friday, early."
    chosen = {
        **mine, "merging": "yes", "revision": "2", "draft": hidden(behind.text, "draft"), "draft_sequence": "1",
        "pick_note": "both", "both_note": put, "differs_note": "yes",
    }  # fmt: skip
    assert (await nora.keep(contact, **{**chosen, "draft_sequence": "2"}))["state"] == "saved"
    assert f">\n{put}</textarea>" in await nora.get(f"{contact}/change"), (
        "against the same revision it stands"
    )
    # The contact moves on once more, whether the author saves now or comes back to the draft.
    await rosa.send(contact, **{**was, "note": "Well. Feet better. New allergy to penicillin."}, revision="2")
    again = (await nora.send(contact, 422, **{**chosen, "draft_sequence": "3"})).text
    for page in (again, await nora.get(f"{contact}/change")):
        assert hidden(page, "revision") == "3"
        together = re.search(r'name="both_note"[^>]*>\n([^<]*)</textarea>', page)
        assert together
        for words in ("Feet better.", "New allergy to penicillin.", "Call Friday, early."):
            assert words in together[1], words
        assert together[1].count("Feet better.") == 1
        assert hidden(page, "note") == put, "what the author has is what they put together"
    assert (await desk(browse, hillcrest, "nora").client.get(f"{contact}/change")).status_code == 404


async def test_both_texts_together_may_be_too_long_to_save_and_nothing_of_them_is_lost(
    lakeside: World, hillcrest: World, browse: Any, ask: Any
) -> None:
    """Two long notes laid side by side come to more than a note holds: that stops nobody who keeps one of the two."""
    person = await maria(ask, lakeside)
    nora, rosa = desk(browse, lakeside, "nora"), desk(browse, lakeside, "rosa")
    ours, theirs = "Mine. " * 7_000, "Hers. " * 7_000
    was = {"kind": "phone", "on": "2026-01-05", "began": "10:00", "outcome": "reached", "note": "Well."}
    await nora.send(f"{person}/contacts", **was)
    found = re.search(rf'href="({person}/contacts/[0-9a-f-]{{36}})"', await nora.get(person))
    assert found
    contact = found[1]
    opened = await nora.get(f"{contact}/change")
    await rosa.send(contact, **{**was, "note": theirs}, revision="1")
    first = await nora.send(
        contact, 422, **{**was, "note": ours}, revision="1", draft=hidden(opened, "draft"), draft_sequence="0"
    )
    together = re.search(r'name="both_note"[^>]*>\n([^<]*)</textarea>', first.text)
    assert together
    assert len(together[1]) > 50_000
    chosen = {
        **was, "note": ours.strip(), "merging": "yes", "revision": "2", "draft": hidden(first.text, "draft"),
        "draft_sequence": "1", "both_note": together[1].strip(), "differs_note": "yes",
    }  # fmt: skip
    told = (await nora.send(contact, 422, **chosen, pick_note="both")).text
    assert "at most 50,000 fit here" in told
    again = re.search(r'name="both_note"[^>]*>\n([^<]*)</textarea>', told)
    assert again
    assert again[1].strip() == together[1].strip(), "it stands there to be shortened"
    kept = await nora.keep(contact, **{**chosen, "draft_sequence": "2", "pick_note": "mine"})
    assert kept["state"] == "saved", "their own text is not held up by it"
    await nora.send(contact, **chosen, pick_note="mine")
    assert ours.strip() in await nora.get(contact)
    assert (await desk(browse, hillcrest, "nora").client.get(contact)).status_code == 404


async def test_what_no_form_can_keep_is_given_back_whole(
    lakeside: World, hillcrest: World, browse: Any, ask: Any
) -> None:
    person = await maria(ask, lakeside)
    fred, nora = desk(browse, lakeside, "fred"), desk(browse, lakeside, "nora")
    long = "Grandmother's story. " * 2_500
    told = await nora.send(
        f"{person}/story", 422, story=long, what_matters="<b>The garden</b>", told_by="Maria"
    )
    assert "52,499 characters" in told.text
    assert f">\n{long.strip()}" in told.text.replace("&#39;", "'"), "in a field, to be shortened"
    assert 'name="what_matters" value="&lt;b&gt;The garden&lt;/b&gt;"' in told.text
    assert '<form class="form form-wide" method="post" novalidate>' in told.text, "sent where it came from"
    short = {"story": long[:1_000], "what_matters": "<b>The garden</b>", "told_by": "Maria"}
    await nora.send(f"{person}/story", **short, _once=hidden(told.text, "_once"))
    assert "The garden" in await nora.get(person)
    bad = await fred.send(
        f"{person}/address", 422, street="1 Oak\x00 Street", city="Detroit", state="MI", zip="48202"
    )
    assert ">\n1 Oak Street</textarea>" in bad.text
    assert "cannot be stored" in bad.text
    # By script the page is still there with all that was written: it is only told.
    by_script = await nora.client.post(
        f"{person}/story", data={"_csrf": nora.csrf, "story": long}, headers={"hx-request": "true"}
    )
    assert by_script.status_code == 422
    assert long[:60] not in by_script.text
    theirs = desk(browse, hillcrest, "nora")
    assert (
        await theirs.client.post(f"{person}/story", data={"_csrf": theirs.csrf, "story": "x"})
    ).status_code == 404


async def test_bad_drafts_by_script_are_told_and_an_ended_sign_in_is_401(
    lakeside: World, browse: Any, ask: Any, behind: AsyncEngine
) -> None:
    person = await maria(ask, lakeside)
    nora = desk(browse, lakeside, "nora")
    good = {"draft": str(new_id()), "draft_sequence": "3", "kind": "phone", "note": "Good"}
    await nora.keep(person, **good)
    for note in ("nul\x00", "x" * 50_001):
        told = await nora.keep(person, 422, **{**good, "note": note, "draft_sequence": "4"})
        assert told["state"] == "refused"
        assert note[:3] not in told["said"]
    await nora.keep(person, 422, **{**good, "note": "y" * 300_000, "draft_sequence": "4"})
    await nora.keep(person, 413, **{**good, "note": "y" * 1_200_000, "draft_sequence": "4"})
    for sequence in ("0", "-1", "9" * 10, "9" * 400, "x"):
        assert (await nora.keep(person, 422, **{**good, "draft_sequence": sequence}))["state"] == "refused"
    for sequence in ("9" * 10, "2147483648", "9" * 400):
        earlier = f"{good['draft']}:{sequence}"
        other = {**good, "draft": str(new_id()), "draft_earlier": earlier}
        assert (await nora.keep(person, **other))["state"] == "saved"
        await nora.send(f"{person}/contacts", **other, on="2026-01-05", began="10:00", outcome="reached")
    raw = f"_csrf={nora.csrf}&draft={new_id()}&draft_sequence=1&note=%ED%A0%80"
    answer = await nora.client.post(
        f"{person}/note-drafts",
        content=raw,
        headers={**JSON, "content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code in {200, 422}, answer.text[:300]
    without = await nora.client.post(f"{person}/note-drafts", data=good, headers=JSON)
    assert without.status_code == 403
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update sign_in set ends_at = now() where person_id = :id"),
            {"id": lakeside.persons["nora"]},
        )
    ended = await nora.client.post(f"{person}/note-drafts", data={"_csrf": nora.csrf, **good}, headers=JSON)
    assert (ended.status_code, ended.headers.get("x-session-ended")) == (401, "1")
    async with behind.connect() as connection:
        rows = await connection.execute(
            sa.text("select fields ->> 'note' from note_draft where tenant_id = :id"),
            {"id": lakeside.tenant_id},
        )
        assert "Good" in json.dumps([row[0] for row in rows])


async def test_on_the_way_in_and_beside_a_password_no_page_repeats_what_cannot_be_kept(
    lakeside: World, hillcrest: World, browse: Any
) -> None:
    """Fields there may be secrets: it is said, and nothing is given back."""
    for world in (lakeside, hillcrest):
        nora = desk(browse, world, "nora")
        for path in (
            "/switch", "/authenticator", f"/agreements/{world.tenant_id}", "/security/password", "/security/authenticator",
            "/security/recovery-codes",
        ):  # fmt: skip
            sent = {
                "practice": "p" * 60_000,
                "code": "s\x00cret",
                "password": "boats",
                "new_password": "la\x00ke",
            }
            answer = await nora.send(path, 422, **sent)
            for secret in ("ppppp", "cret", "harbor", "lamp"):
                assert secret not in answer.text, (path, secret)
