"""What is put into a person's hands is in the language they read, every word of it."""

import gettext
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from cast import World
from newcomer import key, register, staff, today

from server import words
from server.enrollment.wording import newest_wording
from web import catalog

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
async def papers(lakeside: World, rosa: str, at_browser: Any) -> dict[str, str]:
    """Template -> the address of Rosa's."""
    nora = await at_browser(lakeside, "nora")
    on = today(lakeside)
    days = {"dated_on": on.isoformat(), "review_on": (on + timedelta(days=90)).isoformat()}
    made = await nora.send(f"{rosa}/plan", {"program": "ccm", "based_on": "0", **days, **PLAN})
    return {"plan.html": f"{made.headers['location']}/home", "consent.html": f"{rosa}/consent/ccm/words"}


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


def wording(language: str) -> set[str]:
    """The words of consent, piece by piece; they come from a file of their own in each language."""
    found = newest_wording("ccm", language)
    assert found is not None
    assert found.language == language
    return {" ".join(piece.split()) for piece in re.split(r"\*\*|\n\n|^# ", found.text) if piece.strip()}


async def test_a_paper_is_in_the_language_its_person_reads(
    lakeside: World, hillcrest: World, papers: dict[str, str], at_browser: Any, browse: Any
) -> None:
    nora = await at_browser(lakeside, "nora")
    for address in papers.values():
        page, english = await nora.get(address), await nora.get(f"{address}?lang=en")
        assert 'lang="es"' in paper_of(page)
        assert f'href="{address}?lang=en"' in page  # the other language is one press away
        assert 'lang="en"' in paper_of(english)
        assert f'href="{address}?lang=es"' in english
        assert (await browse(hillcrest, "nora").get(address)).status_code == 404

    plan, on = await nora.get(papers["plan.html"]), today(lakeside)
    assert "<title>El plan de Rosa ·" in plan
    assert "Lo que es importante para mí" in paper_of(plan)
    months = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
    assert f"{on.day} de {months.split()[on.month - 1]} de {on.year}" in paper_of(plan)
    assert f"{on.month}/{on.day}/{on.year}" in paper_of(await nora.get(f"{papers['plan.html']}?lang=en"))
    consent = await nora.get(papers["consent.html"])
    assert wording("es") < set(lines_of(paper_of(consent)))
    assert wording("en") < set(lines_of(paper_of(await nora.get(f"{papers['consent.html']}?lang=en"))))
    assert "Usted vive con más de una enfermedad" in await nora.get(
        papers["consent.html"].removesuffix("/words")
    )


async def test_no_english_is_left_on_a_spanish_paper(
    lakeside: World, papers: dict[str, str], at_browser: Any
) -> None:
    nora = await at_browser(lakeside, "nora")
    words = {
        message.id for message in catalog.papers() if isinstance(message.id, str) and len(message.id) > 3
    }
    english = words | wording("en")
    assert len(english) > 30
    for address in papers.values():
        html = await nora.get(address)
        assert set(lines_of(paper_of(html))) & english == set()
        assert re.findall(r'class="print-only print-head"( lang="es")?', html) == [' lang="es"']
        assert (
            set(lines_of(paper_of(await nora.get(f"{address}?lang=en")))) & english
        )  # control: it is there in English


async def test_every_word_of_a_paper_goes_through_gettext(
    lakeside: World, papers: dict[str, str], at_browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = catalog.WEB / "templates" / "for_patients"
    assert set(papers) == {path.name for path in folder.glob("[!_]*.html")}, (
        "a new paper is looked at here too"
    )
    nora = await at_browser(lakeside, "nora")
    typed = {MATTERS, *"\n".join(PLAN.values()).split("\n"), *wording("es")}
    typed |= set(re.findall(r'topline-practice"><a href="/">([^<]*)<', await nora.get("/")))

    def speak(marking: gettext.NullTranslations) -> None:
        plain = gettext.NullTranslations()
        monkeypatch.setattr(words, "catalog", lambda language: marking if language == "es" else plain)

    for address in papers.values():
        speak(Marking())
        page = await nora.get(address)
        assert unsaid(paper_of(page), typed) == []
        assert "⟦" not in page.replace(paper_of(page), "").partition("<body")[2].partition("print-head")[0]
        speak(Marking("Who to call"))
        assert unsaid(paper_of(await nora.get(address)), typed) == ["Who to call"]  # control
