"""Asking on pages: the story first, a form that takes what is answered, paper, and the worry that stays in sight."""

import re
from typing import Any

from cast import World
from newcomer import key, register, today

PHQ = ["interest", "down", "sleep", "tired", "appetite", "failure", "concentration", "slow-or-restless", "better-off-dead"]  # fmt: skip
DAYS = ["LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9"]


def asked(world: World, instrument: str, **answers: Any) -> dict[str, Any]:
    return {
        "instrument": instrument, "version": "1", "on": str(today(world)), "began": "00:00", "mode": "in_person",
        "answered_by": "patient", "corrects": "", "note": "", **{f"q-{k.replace('_', '-')}": v for k, v in answers.items()},
    }  # fmt: skip


def phq(world: World, *points: int, **more: Any) -> dict[str, Any]:
    answers = {f"q-{item}": DAYS[n] for item, n in zip(PHQ, points, strict=False)}
    return asked(world, "phq-9") | answers | more


async def test_the_story_stands_first_and_nothing_has_to_be_answered(
    lakeside: World, hillcrest: World, at_browser: Any, ask: Any
) -> None:
    """R132, V4: what matters before any question, questionnaires put away, nothing compulsory, no completeness score."""
    at = f"/people/{key(await register(ask, lakeside))}"
    nora = await at_browser(lakeside, "nora")
    await nora.send(
        f"{at}/story", {"what_matters": "Dancing on Fridays", "story": "Taught school.", "told_by": ""}
    )
    choose = await nora.get(f"{at}/assessments/new")
    assert choose.index("Dancing on Fridays") < choose.index("Taught school.") < choose.index("PHQ-9")
    assert "<details" in choose
    assert not re.search(r"<details[^>]* open[^>]*>\s*<summary>(Mood|Needs)", choose)
    form = await nora.get(f"{at}/assessments/form?instrument=phq-9")
    assert form.index("Dancing on Fridays") < form.index("in their own words") < form.index("Little interest")
    questions = form[form.index("Little interest") : form.index("How it was asked")]
    assert "required" not in questions
    assert questions.count("Not answered") == 10
    made = await nora.send(f"{at}/assessments", phq(lakeside, 2))  # one answer is enough
    one = await nora.get(str(made.headers["location"]))
    assert "More than half the days" in one
    assert "Total is not told" in one
    for page in (choose, form, one, await nora.get(f"{at}/assessments"), await nora.get(at)):
        read = re.sub(r"<[^>]+>", " ", page.split('<main class="main"')[1].split("</main>")[0])
        assert not re.search(r"\d ?%|percent|\bcomplete", read, re.I)
    there = await at_browser(hillcrest, "nora")
    for path in (
        "",
        "/new",
        "/form?instrument=phq-9",
        str(made.headers["location"]).removeprefix(f"{at}/assessments"),
    ):
        await there.get(f"{at}/assessments{path}", status=404)
    await there.send(f"{at}/assessments", phq(hillcrest, 1), status=404)


async def test_scores_over_time_are_a_line_and_what_is_wrong_is_answered_anew(
    lakeside: World, at_browser: Any, ask: Any
) -> None:
    """F049, R122: a run chart with its finding; correcting begins from what was answered; taking back asks why."""
    at = f"/people/{key(await register(ask, lakeside))}"
    nora = await at_browser(lakeside, "nora")
    for points, day in (
        ((3, 3, 2, 2, 2, 1, 1, 0, 0), "2025-03-04"),
        ((1, 1, 1, 1, 1, 0, 0, 0, 0), "2025-07-01"),
    ):
        made = await nora.send(
            f"{at}/assessments", phq(lakeside, *points, on=day, note="Sleeps a little better.")
        )
    seen = await nora.get(f"{at}/assessments")
    assert 'class="chart-run"' in seen
    assert "From 14 to 5 of 27" in seen
    assert "Total 14 of 27, Moderate" in seen
    page = await nora.get(at)
    assert 'class="sparkline"' in page
    assert "Total 5 of 27, Mild" in page
    where = str(made.headers["location"])
    again = await nora.get(f"{at}/assessments/form?instrument=phq-9&corrects={where.rpartition('/')[2]}")
    assert f'name="q-interest" value="{DAYS[1]}" checked' in again
    assert "Sleeps a little better." in again
    unsaid = await nora.send(
        f"{at}/assessments", phq(lakeside, 2, corrects=where.rpartition("/")[2]), status=422
    )
    assert "What was written stays readable" in unsaid.text
    fixed = await nora.send(
        f"{at}/assessments", phq(lakeside, 2, corrects=where.rpartition("/")[2], reason="Misheard")
    )
    assert "Something stands in its place" in await nora.get(where)
    new = await nora.get(str(fixed.headers["location"]))
    assert "Misheard" in new
    await nora.send(f"{fixed.headers['location']}/taken-back", {"reason": ""}, status=422)
    await nora.send(f"{fixed.headers['location']}/taken-back", {"reason": "Another person’s"})
    assert "Taken back" in await nora.get(f"{at}/assessments")


async def test_branches_work_without_script_and_a_refusal_stands_beside_its_question(
    lakeside: World, at_browser: Any, ask: Any
) -> None:
    """Without script a further question stands there with the words of when it is asked; 11 is refused beside its ruler."""
    at = f"/people/{key(await register(ask, lakeside))}"
    nora = await at_browser(lakeside, "nora")
    form = await nora.get(f"{at}/assessments/form?instrument=falls")
    assert "Only if “Have you fallen in the last year?” is: Yes." in form
    closed = await nora.send(
        f"{at}/assessments", asked(lakeside, "falls", fallen="no", how_many="3"), status=422
    )
    assert 'id="f-q-how-many-error"' in closed.text
    assert 'value="3"' in closed.text
    opened = await nora.send(
        f"{at}/assessments", asked(lakeside, "falls", fallen="yes", how_many="3", unsteady="yes")
    )
    assert "Worth looking further" in await nora.get(str(opened.headers["location"]))
    for number, said in (("11", "11 is not between 1 and 10"), ("ten", "“ten” is not a whole number")):
        refused = await nora.send(
            f"{at}/assessments", asked(lakeside, "rulers", importance=number), status=422
        )
        assert said in refused.text
        assert 'href="#f-q-importance"' in refused.text
    moved = await nora.send(f"{at}/assessments", phq(lakeside, 1, version="7"), status=422)
    assert "Open PHQ-9 again" in moved.text
    await nora.send(
        f"{at}/assessments", asked(lakeside, "whole-picture", health="Tired") | {"mode": "phone"}, status=422
    )
    several = asked(lakeside, "ahc-hrsn") | {"q-place": ["LA28580-1", "LA32001-2"]}
    needs = await nora.send(f"{at}/assessments", several)
    assert "Mold, Leaks" in await nora.get(str(needs.headers["location"]))
    hostile = asked(
        lakeside, "whole-picture", matters="<script>window.__xss=1</script>", strengths="”><img onerror=x>"
    )
    told = await nora.get(str((await nora.send(f"{at}/assessments", hostile)).headers["location"]))
    assert "&lt;script&gt;window.__xss=1" in told  # P23
    assert "<img onerror" not in told


async def test_a_worry_stays_calmly_in_sight_until_it_is_closed_in_words(
    lakeside: World, at_browser: Any, ask: Any
) -> None:
    """F044, R135, V2, V8: on the chart and the Today of the one who opened it, without alarm; blank words close nothing."""
    at = f"/people/{key(await register(ask, lakeside, givenNames='Maria', familyName='Stillwater'))}"
    nora, rosa = await at_browser(lakeside, "nora"), await at_browser(lakeside, "rosa")
    made = await nora.send(f"{at}/assessments", phq(lakeside, 1, 1, 1, 1, 1, 1, 1, 1, 1))
    worry = str(made.headers["location"])
    assert worry.startswith(f"{at}/safety/")
    page = await nora.get(worry)
    assert "988" in page
    person, mine, hers = await nora.get(at), await nora.get("/"), await rosa.get("/")
    assert worry in person
    assert worry in mine
    assert "Stillwater" not in hers
    shown = person[person.index("To stay with") - 600 : person.index("To stay with") + 600]
    assert "callout-danger" not in shown
    words = {
        "done": "Rang back and asked", "done_by": "Nora Feld", "talked_with": "Dr. Lin", "words": "Safe tonight",
        "on": str(today(lakeside)),
    }  # fmt: skip
    for missing in words:
        refused = await nora.send(f"{worry}/closed", words | {missing: "   "}, status=422)
        assert f'href="#f-{missing}"' in refused.text
    assert worry in await nora.get("/")
    await nora.send(f"{worry}/closed", words)
    assert worry not in await nora.get("/")
    assert "Rang back and asked" in await rosa.get(worry)
    twice = await rosa.send(f"{worry}/closed", words, status=422)
    assert "Somebody has closed this already" in twice.text
    empty = await rosa.send(f"{at}/safety", {"domain": "home", "words": " "}, status=422)
    assert 'href="#f-words"' in empty.text
    byhand = await rosa.send(f"{at}/safety", {"domain": "home", "words": "The stove was on."})
    assert "The stove was on." in await rosa.get(str(byhand.headers["location"]))
    assert str(byhand.headers["location"]) in await rosa.get("/")
