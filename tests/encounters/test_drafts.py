"""Drafts: the author's alone, the highest number wins, finished with the contact, discarded with undo."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from cast import World
from newcomer import ago, key, register, say, today, written
from sqlalchemy.ext.asyncio import AsyncEngine

from server.graphql.connections import global_id
from server.ids import new_id
from server.worker import drain_once

FIELDS = "id encounterId encounterRevision fields { name text } sequence cursorField cursorAt discardedAt"
SAVED = f"""{{ __typename ... on Draft {{ {FIELDS} }} ... on DraftMovedOn {{ sequence newer {{ {FIELDS} }} }}
  ... on Refusal {{ code message nextStep field }} }}"""
SAVE = f"mutation ($input: SaveDraftInput!) {{ saveDraft(input: $input) {SAVED} }}"
DISCARD = f"mutation ($id: ID!) {{ discardDraft(id: $id) {{ ... on Draft {{ {FIELDS} }} ... on Refusal {{ code }} }} }}"
RESTORE = f"mutation ($id: ID!) {{ restoreDraft(id: $id) {{ ... on Draft {{ {FIELDS} }} ... on Refusal {{ code }} }} }}"
MINE = f"query ($of: ID, $discarded: Boolean!) {{ myDrafts(patientId: $of, discarded: $discarded) {{ {FIELDS} }} }}"
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on Draft {{ {FIELDS} }} }} }}"
WRITING = "query ($id: ID!) { node(id: $id) { ... on Patient { colleaguesWriting { staffName savedAt } } } }"
RECORD = """mutation ($input: RecordEncounterInput!) { recordEncounter(input: $input) {
  ... on Encounter { id note revision } ... on Refusal { code field } } }"""
CHANGE = """mutation ($input: SaveEncounterInput!) { saveEncounter(input: $input) {
  __typename ... on Encounter { id note revision } ... on NewerEncounter { newer { note } } ... on Refusal { code } } }"""


def text(draft: dict[str, Any], name: str = "note") -> str:
    return next((str(f["text"]) for f in draft["fields"] if f["name"] == name), "")


def holding(patient: str, note: str, sequence: int = 1, **more: Any) -> dict[str, Any]:
    fields = [{"name": "kind", "text": "phone"}, {"name": "note", "text": note or None}]
    return {"patientId": patient, "fields": fields, "sequence": sequence, **more}


async def keep(
    ask: Any, world: World, patient: str, note: str, sequence: int = 1, who: str = "nora", **more: Any
) -> Any:
    return await say(ask, world, who, SAVE, input=holding(patient, note, sequence, **more))


async def mine(
    ask: Any, world: World, who: str = "nora", of: str | None = None, discarded: bool = False
) -> Any:
    return await say(ask, world, who, MINE, of=of, discarded=discarded)


async def test_a_draft_is_its_authors_alone(lakeside: World, hillcrest: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    made = await keep(ask, lakeside, maria, "She slept badly", cursorField="note", cursorAt=15)
    assert (text(made), made["cursorField"], made["cursorAt"]) == ("She slept badly", "note", 15)
    assert [d["id"] for d in await mine(ask, lakeside)] == [made["id"]]
    assert await mine(ask, lakeside, "rosa") == []
    for world, who in ((lakeside, "rosa"), (lakeside, "dr_lin"), (hillcrest, "nora")):
        there = await ask(world, who, NODE, id=made["id"])
        assert there["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        assert (await say(ask, world, who, DISCARD, id=made["id"]))["code"] == "NOT_FOUND"
        assert (await say(ask, world, who, RESTORE, id=made["id"]))["code"] == "NOT_FOUND"
    taken = await keep(ask, lakeside, maria, "mine now", 9, who="rosa", draftId=made["id"])
    assert taken["code"] == "NOT_FOUND"
    assert (await keep(ask, hillcrest, maria, "x"))["code"] == "NOT_FOUND"
    for who in ("ada", "fred", "bill", "mona"):
        assert (await keep(ask, lakeside, maria, "x", who=who))["code"] == "NOT_ALLOWED"
    assert text((await mine(ask, lakeside))[0]) == "She slept badly"


async def test_colleagues_see_that_somebody_writes_and_nothing_of_what(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    maria = await register(ask, lakeside)
    draft = await keep(ask, lakeside, maria, "Her son drinks", who="mika")
    seen = (await say(ask, lakeside, "nora", WRITING, id=maria))["colleaguesWriting"]
    assert [row["staffName"] for row in seen] == ["Mika Salo"]
    assert (await say(ask, lakeside, "mika", WRITING, id=maria))["colleaguesWriting"] == []
    await keep(ask, lakeside, maria, "", who="rosa")
    assert len((await say(ask, lakeside, "nora", WRITING, id=maria))["colleaguesWriting"]) == 1
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update note_draft set saved_at = now() - interval '13 hours' where id = :id"),
            {"id": key(draft["id"])},
        )
    assert (await say(ask, lakeside, "nora", WRITING, id=maria))["colleaguesWriting"] == []


async def test_a_late_older_save_never_wins_and_of_eight_at_once_the_highest_does(
    lakeside: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    draft = (await keep(ask, lakeside, maria, "text 1", 1))["id"]
    numbers = list(range(2, 10))
    random.Random(4).shuffle(numbers)
    answers = await asyncio.gather(
        *(keep(ask, lakeside, maria, f"text {n}", n, draftId=draft) for n in numbers)
    )
    assert {a["__typename"] for a in answers} <= {"Draft", "DraftMovedOn"}
    (kept,) = await mine(ask, lakeside)
    assert (kept["sequence"], text(kept)) == (9, "text 9")
    late = await keep(ask, lakeside, maria, "text 3", 3, draftId=draft)
    assert (late["__typename"], late["sequence"], text(late["newer"])) == ("DraftMovedOn", 9, "text 9")
    again = await keep(ask, lakeside, maria, "text 9", 9, draftId=draft)
    assert again["__typename"] == "Draft", "an answer that was lost on its way: sent once more, it is saved"


async def test_two_windows_of_one_author_are_two_drafts_and_a_left_one_goes_on(
    lakeside: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    first = await keep(ask, lakeside, maria, "one", 4)
    opened_with_it = {"continuesId": first["id"], "continuesSequence": 4}
    second = await keep(ask, lakeside, maria, "one two", 1, **opened_with_it)
    assert [d["id"] for d in await mine(ask, lakeside)] == [second["id"]]
    await keep(ask, lakeside, maria, "one, and more in the first window", 5, draftId=first["id"])
    assert {text(d) for d in await mine(ask, lakeside)} == {"one two", "one, and more in the first window"}
    third = await keep(ask, lakeside, maria, "one two three", 1, **opened_with_it)
    assert len(await mine(ask, lakeside)) == 3
    assert third["id"] not in {first["id"], second["id"]}


async def test_the_contact_finishes_the_draft_in_one_transaction(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    draft = await keep(ask, lakeside, maria, "She is well", 3)
    new = {"patientId": maria, "kind": "PHONE", "note": "She is well", "draftId": draft["id"]}
    refused = await say(ask, lakeside, "nora", RECORD, input={**new, "at": written(ago(hours=-2))})
    assert refused["code"] == "DATED_IN_FUTURE"
    assert len(await mine(ask, lakeside)) == 1, "what was refused leaves the draft"
    made = await say(ask, lakeside, "nora", RECORD, input={**new, "at": written(ago(hours=1))})
    assert made["note"] == "She is well"
    assert await mine(ask, lakeside) == []
    late = await keep(ask, lakeside, maria, "She is we", 4, draftId=draft["id"])
    assert (late["__typename"], late["newer"]) == ("DraftMovedOn", None)
    assert await mine(ask, lakeside) == []
    unknown = {**new, "at": written(ago(hours=1)), "draftId": global_id("Draft", new_id())}
    assert (await say(ask, lakeside, "nora", RECORD, input=unknown))["code"] == "NOT_FOUND"
    theirs = await keep(ask, lakeside, maria, "mine", who="rosa")
    stolen = {**new, "at": written(ago(hours=1)), "draftId": theirs["id"]}
    assert (await say(ask, lakeside, "nora", RECORD, input=stolen))["code"] == "NOT_FOUND"
    assert len(await mine(ask, lakeside, "rosa")) == 1


async def test_two_authors_change_one_contact_and_the_slower_keeps_their_text(
    lakeside: World, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    made = await say(
        ask, lakeside, "nora", RECORD,
        input={"patientId": maria, "kind": "PHONE", "at": written(ago(hours=1)), "note": "Well."},
    )  # fmt: skip
    of = {"encounterId": made["id"], "encounterRevision": 1}
    hers = await keep(ask, lakeside, maria, "Well. Feet better.", who="rosa", **of)
    his = await keep(ask, lakeside, maria, "Well. Call Friday.", who="nora", **of)
    change = {"encounterId": made["id"], "revision": 1}
    done = await say(
        ask, lakeside, "rosa", CHANGE,
        input={**change, "changes": {"note": "Well. Feet better."}, "draftId": hers["id"]},
    )  # fmt: skip
    assert done["revision"] == 2
    behind = await say(
        ask, lakeside, "nora", CHANGE,
        input={**change, "changes": {"note": "Well. Call Friday."}, "draftId": his["id"]},
    )  # fmt: skip
    assert behind["__typename"] == "NewerEncounter"
    assert await mine(ask, lakeside, "rosa") == []
    (left,) = await mine(ask, lakeside)
    assert (text(left), left["encounterRevision"]) == ("Well. Call Friday.", 1)
    gone_on = await keep(
        ask, lakeside, maria, "Well. Call Friday!", encounterId=made["id"], encounterRevision=2,
        continuesId=left["id"], continuesSequence=1,
    )  # fmt: skip
    assert gone_on["encounterRevision"] == 1, "in another window it still began before the colleague's save"


async def test_a_discarded_draft_can_be_brought_back_until_its_time_is_over(
    lakeside: World, hillcrest: World, ask: Any, behind: AsyncEngine
) -> None:
    maria = await register(ask, lakeside)
    draft = await keep(ask, lakeside, maria, "Too soon")
    assert (await say(ask, lakeside, "nora", DISCARD, id=draft["id"]))["discardedAt"]
    assert await mine(ask, lakeside) == []
    assert [text(d) for d in await mine(ask, lakeside, discarded=True)] == ["Too soon"]
    late = await keep(ask, lakeside, maria, "Too soon, again", 2, draftId=draft["id"])
    assert late["__typename"] == "DraftMovedOn"
    assert (await say(ask, lakeside, "nora", RESTORE, id=draft["id"]))["discardedAt"] is None
    assert [text(d) for d in await mine(ask, lakeside)] == ["Too soon"]

    await say(ask, lakeside, "nora", DISCARD, id=draft["id"])
    open_one = await keep(ask, lakeside, maria, "Still open")
    elsewhere = await register(ask, hillcrest)
    theirs = await keep(ask, hillcrest, elsewhere, "Theirs")
    await say(ask, hillcrest, "nora", DISCARD, id=theirs["id"])

    async def purged(days: int) -> set[str]:
        async with behind.begin() as connection:
            await connection.execute(
                sa.text(
                    "update note_draft set gone_at = now() - make_interval(days => :days) where id = :id"
                ),
                {"days": days, "id": key(draft["id"])},
            )
            await connection.execute(
                sa.text(
                    "update job set run_at = now(), state = 'ready' where kind = 'encounters.purge_drafts'"
                )
            )
            await connection.execute(sa.text("update bell set due_at = now()"))
        await drain_once()
        async with behind.connect() as connection:
            rows = await connection.execute(
                sa.text("select id from note_draft where tenant_id = any(:both)"),
                {"both": [lakeside.tenant_id, hillcrest.tenant_id]},
            )
            return {global_id("Draft", row[0]) for row in rows}

    assert await purged(13) == {draft["id"], open_one["id"], theirs["id"]}
    assert await purged(15) == {open_one["id"], theirs["id"]}
    assert (await say(ask, lakeside, "nora", RESTORE, id=draft["id"]))["code"] == "NOT_FOUND"


async def test_bad_drafts_are_refused_and_what_was_kept_stays(lakeside: World, ask: Any) -> None:
    maria = await register(ask, lakeside)
    draft = await keep(ask, lakeside, maria, "Good", 5)
    id = draft["id"]
    for note in ("x" * 50_001, "y" * 300_000, "nul \x00", "half \ud800"):
        answer = await ask(lakeside, "nora", SAVE, input=holding(maria, note, 6, draftId=id))
        assert answer["errors"][0]["extensions"]["code"] in {"TEXT_TOO_LONG", "BAD_TEXT"}
    many = [{"name": f"f{n}", "text": "z" * 45_000} for n in range(3)]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"fields": many}, "TEXT_TOO_LONG"),
        ({"fields": [{"name": f"f{n}"} for n in range(41)]}, "BAD_DRAFT"),
        ({"fields": [{"name": "Not a name"}]}, "BAD_DRAFT"),
        ({"sequence": 0}, "BAD_SEQUENCE"),
        ({"sequence": -3}, "BAD_SEQUENCE"),
        ({"cursorAt": -1}, "BAD_SEQUENCE"),
        ({"encounterId": global_id("Encounter", new_id())}, "NOT_FOUND"),
        ({"patientId": global_id("Patient", new_id())}, "NOT_FOUND"),
    ]
    for more, code in cases:
        refused = await say(
            ask, lakeside, "nora", SAVE, input={**holding(maria, "Bad", 6, draftId=id), **more}
        )
        assert refused["code"] == code, more
    (kept,) = await mine(ask, lakeside)
    assert (kept["sequence"], text(kept)) == (5, "Good")


async def test_after_a_death_there_may_still_be_something_to_write(
    lakeside: World, ask: Any, behind: AsyncEngine
) -> None:
    maria = await register(ask, lakeside)
    async with behind.begin() as connection:
        await connection.execute(
            sa.text("update patient set deceased_on = :day where id = :id"),
            {"day": today(lakeside) - timedelta(days=2), "id": key(maria)},
        )
    assert text(await keep(ask, lakeside, maria, "Called her daughter")) == "Called her daughter"
    assert len(await mine(ask, lakeside, of=maria)) == 1
