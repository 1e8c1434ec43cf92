"""What is put into a person's hands is in the language they read, every word of it."""

import gettext
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from cast import World
from newcomer import key, register, staff, today

from web import catalog, words

JOIN = "mutation ($input: AddCareTeamMemberInput!) { addCareTeamMember(input: $input) { __typename } }"
#: a plan as somebody writes it who speaks Spanish with Rosa
PLAN = {
    "goals": "Caminar con Nina a la escuela",
    "steps": "Rosa: la pastilla junto al radio\nLena: llamar el martes",
    "supports": "Ana, su hija",
    "medicines": "Metformina, en la noche",
    "problems": "Azúcar alta en las mañanas",
    "expected": "Menos cansancio",
}
MATTERS = "No ser una carga para Ana"


class Marking(gettext.NullTranslations):
    """A language in which every message says that it was said through gettext."""

    def __init__(self, unsaid: str = "") -> None:
        super().__init__()
        self.unsaid = unsaid

    def gettext(self, message: str) -> str:
        return message if message == self.unsaid else f"⟦{message}⟧"


@pytest.fixture
async def rosa(lakeside: World, ask: Any, at_browser: Any) -> str:
    """The address of Rosa, who reads Spanish, has a care team, and has said what matters to her."""
    id = await register(ask, lakeside, givenNames="Rosa", familyName="Delgado", language="es-MX")
    await ask(
        lakeside,
        "nora",
        JOIN,
        input={"patientId": id, "staffId": staff(lakeside, "nora"), "part": "care_manager"},
    )
    nora = await at_browser(lakeside, "nora")
    await nora.send(f"/people/{key(id)}/story", {"what_matters": MATTERS, "story": "", "told_by": ""})
    return f"/people/{key(id)}"


@pytest.fixture
async def plan(lakeside: World, rosa: str, at_browser: Any) -> str:
    nora = await at_browser(lakeside, "nora")
    on = today(lakeside)
    days = {"dated_on": on.isoformat(), "review_on": (on + timedelta(days=90)).isoformat()}
    made = await nora.send(f"{rosa}/plan", {"program": "ccm", "based_on": "0", **days, **PLAN})
    return f"{made.headers['location']}/home"


def paper_of(html: str) -> str:
    """The part of a page that is put into somebody's hands."""
    found = re.search(r"<article class=\"take-home.*?</article>", html, re.DOTALL)
    assert found, html[:2000]
    return found[0]


def lines_of(html: str) -> list[str]:
    """What is written on it, piece by piece."""
    return [line for piece in re.split(r"<[^>]*>", html) if (line := unescape(piece).strip())]


def unsaid(html: str, typed: set[str]) -> list[str]:
    """What stands on a marked paper that neither gettext said nor a person typed."""
    text, before = "\n".join(lines_of(html)), ""
    while text != before:
        before, text = text, re.sub(r"⟦[^⟦⟧]*⟧", "", text)
    return [line for piece in text.split("\n") if (line := piece.strip()) and line not in typed]


async def test_the_plan_is_in_the_language_its_person_reads(
    lakeside: World, hillcrest: World, plan: str, at_browser: Any, browse: Any
) -> None:
    nora = await at_browser(lakeside, "nora")
    page = await nora.get(plan)
    paper, on = paper_of(page), today(lakeside)
    assert 'lang="es"' in paper
    assert "<title>El plan de Rosa ·" in page
    assert "Lo que es importante para mí" in paper
    months = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
    assert f"{on.day} de {months.split()[on.month - 1]} de {on.year}" in paper
    assert 'href="' + plan + '?lang=en"' in page  # the other language is one press away
    english = await nora.get(f"{plan}?lang=en")
    assert "What matters to me" in paper_of(english)
    assert f"{on.month}/{on.day}/{on.year}" in paper_of(english)
    assert 'href="' + plan + '?lang=es"' in english
    assert (await browse(hillcrest, "nora").get(plan)).status_code == 404


async def test_no_english_is_left_on_a_spanish_paper(lakeside: World, plan: str, at_browser: Any) -> None:
    nora = await at_browser(lakeside, "nora")
    html = await nora.get(plan)
    said = set(lines_of(paper_of(html)))
    english = {
        message.id for message in catalog.papers() if isinstance(message.id, str) and len(message.id) > 3
    }
    assert len(english) > 20
    assert said & english == set()
    assert set(re.findall(r'class="print-only print-head"( lang="es")?', html)) == {' lang="es"'}


async def test_every_word_of_a_paper_goes_through_gettext(
    lakeside: World, plan: str, at_browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nora = await at_browser(lakeside, "nora")
    typed = {line for text in (MATTERS, *PLAN.values()) for line in text.split("\n")}
    typed |= set(re.findall(r'topline-practice"><a href="/">([^<]*)<', await nora.get("/")))

    def speak(catalog: gettext.NullTranslations) -> Callable[[str], gettext.NullTranslations]:
        return lambda language: catalog if language == "es" else gettext.NullTranslations()

    monkeypatch.setattr(words, "catalog", speak(Marking()))
    page = await nora.get(plan)
    assert page.count("⟦") > 10
    assert unsaid(paper_of(page), typed) == []
    assert page.count("⟦") == paper_of(page).count("⟦") + "".join(
        re.findall("<title>.*?</title>|print-head.*?</div>", page)
    ).count("⟦")

    # Control: one message that gettext did not say is found.
    monkeypatch.setattr(words, "catalog", speak(Marking("Who to call")))
    assert unsaid(paper_of(await nora.get(plan)), typed) == ["Who to call"]
