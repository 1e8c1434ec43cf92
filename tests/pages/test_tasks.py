"""Tasks on pages: people first, by the day they are for; what came back until it is read; nothing counts or hurries."""

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from cast import World
from newcomer import key, register, today
from sqlalchemy.ext.asyncio import AsyncEngine


async def test_from_asking_to_reading_what_came_of_it(
    lakeside: World, hillcrest: World, ask: Any, at_browser: Callable[..., Any], behind: AsyncEngine
) -> None:
    """R022, R037, R038, V13, V3, T23: the person and why; no red, no counts, nothing overdue; and back to who asked."""
    maria = f"/people/{key(await register(ask, lakeside, preferredName='Mia'))}"
    nora, mika, fred = [await at_browser(lakeside, who) for who in ("nora", "mika", "fred")]
    form = await nora.get(f"{maria}/tasks/new")
    fields = set(re.findall(r'name="(?!_)(\w+)"', form.partition('class="form"')[2].partition("</form>")[0]))
    assert fields == {"what", "why", "due_on", "due_time", "kind", "who"}
    assert "Call them (Mika Salo)" in form, "who could do it, as a hint"
    on = today(lakeside)
    new = {"what": "Ask about her shoes", "why": "Her feet swell", "kind": "decide", "due_on": on.isoformat(), "due_time": "14:05",
           "who": str(lakeside.staff["mika"])}  # fmt: skip
    wrong = await nora.send(f"{maria}/tasks", new | {"due_on": (on - timedelta(days=1)).isoformat()}, 422)
    assert "has passed" in wrong.text
    assert "Her feet swell" in wrong.text
    await nora.send(f"{maria}/tasks", new)
    await nora.send(
        f"{maria}/tasks", new | {"what": "Book the dietitian", "who": "role:front_desk", "due_time": ""}
    )
    assert "Mika Salo, for today, by 2:05 pm" in await nora.get(maria)

    page = await mika.get("/")
    first = html.unescape(re.sub(r"<[^>]+>", " ", page))
    assert (
        first.index("Today")
        < first.index("Mia Alvarez")
        < first.index("Ask about her shoes")
        < first.index("Her feet swell")
    )
    assert "by 2:05 pm" in first
    assert "Asked by Nora Feld" in first
    assert not re.search(r"overdue|late\b|\d+ tasks|danger", page.partition("<main")[2], re.IGNORECASE)
    (task,) = re.findall(r'action="(/tasks/[^"/]+)/done"', page)
    assert "Ask about her shoes" not in await nora.get("/"), "what others do is not on my first page"
    assert "Mika Salo" in await nora.get("/tasks")

    # Two at once: the later one reads what came of it.
    empty = await mika.send(f"{task}/done", {"outcome": " "}, 422)
    assert "what came of it" in empty.text
    sent = await mika.send(f"{task}/done", {"outcome": "Two sizes wider.", "back": "today"})
    assert sent.headers["location"] == "/"
    late = await nora.send(f"{task}/dismiss", {"reason": "No need"}, 422)
    assert "“Two sizes wider.”" in late.text
    page = await nora.get("/")
    assert "Done by Mika Salo, today" in page
    assert "Two sizes wider." in page
    await nora.send(f"{task}/read", {"back": "today"})
    assert "Two sizes wider." not in await nora.get("/")
    assert "Two sizes wider." in await nora.get(f"{maria}/tasks")

    # The check-out desk takes what waits for it, without a chart.
    page = await fred.get("/")
    (free,) = re.findall(r'action="(/tasks/[^"/]+)/take"', page)
    await fred.send(f"{free}/take", {"back": "today"})
    assert "Book the dietitian" in await fred.get(free)
    await fred.get(f"{maria}/tasks", 403)
    await fred.get(task, 404)
    await fred.send(f"{free}/move", {"move_on": (on + timedelta(days=1)).isoformat(), "move_at": ""})
    await fred.send(
        f"{free}/hand-on", {"next_who": str(lakeside.staff["mika"]), "hand_words": "You have her number"}
    )
    await mika.send(f"{free}/give-back", {"back_words": "I do not"})
    assert "Mika Salo gave it back" in await fred.get("/")
    assert "Tomorrow" in await fred.get("/")
    await nora.send(f"{free}/take", {"over_words": ""}, 422)
    await nora.send(f"{free}/take", {"over_words": "I see her at ten"})
    await nora.send(f"{free}/dismiss", {"reason": "She went by herself"})
    await nora.send(f"{free}/reopen", {"again_words": "Once more in spring", "again_on": ""})
    page = await nora.get(free)
    for words in (
        "I see her at ten",
        "She went by herself",
        "Once more in spring",
        "Fred Okafor handed it on to Mika Salo",
    ):
        assert words in page, words

    theirs = await at_browser(hillcrest, "nora")
    for address in (task, free, f"{maria}/tasks", f"{maria}/tasks/new"):
        await theirs.get(address, 404)
    assert "Alvarez" not in await theirs.get("/tasks")


async def test_what_does_not_fit_is_said_and_one_task_opens_one_person(
    lakeside: World, hillcrest: World, ask: Any, at_browser: Callable[..., Any], behind: AsyncEngine
) -> None:
    """V2: a list that is cut says so; whoever reads one task has opened the record of that person and of nobody else."""
    maria, luis = await register(ask, lakeside), await register(ask, lakeside, givenNames="Luis")
    nora, mika, theirs = [
        await at_browser(world, who)
        for world, who in ((lakeside, "nora"), (lakeside, "mika"), (hillcrest, "nora"))
    ]
    new = {"what": "Bring the scale", "kind": "other", "due_on": today(lakeside).isoformat(), "who": str(lakeside.staff["mika"])}  # fmt: skip
    for person in (maria, luis):
        await nora.send(f"/people/{key(person)}/tasks", new)
    page = await mika.get("/tasks")
    first, second = re.findall(r'action="(/tasks/[^"/]+)/done"', page)
    assert "more than fit here" not in page
    for task in (first, second):
        await mika.send(f"{task}/done", {"outcome": "In her kitchen."})
    async with behind.begin() as connection:
        about = await connection.execute(
            sa.text("select patient_id from task where id = :id"), {"id": first.rpartition("/")[2]}
        )
        whose = about.scalar_one()
        await connection.execute(sa.text("delete from audit_event where tenant_id = :t"), {"t": lakeside.tenant_id})  # fmt: skip
    assert "I have read it" in await nora.get(first)
    async with behind.begin() as connection:
        opened = await connection.execute(
            sa.text("select distinct unnest(patient_ids) from audit_event where tenant_id = :t"),
            {"t": lakeside.tenant_id},
        )
        assert set(opened.scalars()) == {whose}
        await connection.execute(
            sa.text(
                "insert into task (tenant_id, id, patient_id, kind, what, why, due_on, asked_by, holder_id, for_role, state,"
                " outcome, source_kind, made_at, made_by) select tenant_id, gen_random_uuid(), patient_id, kind, what, why,"
                " due_on, asked_by, holder_id, for_role, 'open', '', '', made_at, made_by from task,"
                " generate_series(1, 101) where id = :id"
            ),
            {"id": first.rpartition("/")[2]},
        )
    for who, address in ((nora, "/tasks"), (mika, "/tasks"), (mika, f"/people/{whose}/tasks")):
        assert "more than fit here" in await who.get(address), address
    assert "more than fit here" not in await theirs.get("/tasks")
