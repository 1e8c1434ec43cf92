"""What is put into a person's hands: shown as it is printed, in the language they read, the other one press away."""

from typing import Any, Final

from server.tenants.actor import Actor
from server.tenants.db import Db
from server.tenants.practice import practice_of
from server.words import LANGUAGES, N_, say, speaking
from web.rendering import day, paper, phone
from web.site import Answer, Visit

#: what each paper is called in the browser and at its head
_TITLES: Final = {"plan.html": N_("The plan of %(name)s"), "consent.html": N_("For %(name)s")}
_IN: Final = {"en": N_("In English"), "es": N_("In Spanish")}


def handed(
    visit: Visit,
    template: str,
    language: str,
    /,
    *,
    given: dict[str, Any],
    at: str,
    back: str,
    note: str = "",
    **values: Any,
) -> Answer:
    """The page around a paper. template: of templates/for_patients/; given: web/pages/person_sections.person_frame;
    at, back: the paper's address, and the page one came from; note: for whoever prints it."""
    with speaking(language):
        title, printed_on = say(_TITLES[template], name=given["name"]), day(visit.today)
    others = [(say(_IN[other]), f"{at}?lang={other}") for other in LANGUAGES if other != language]
    return visit.show(
        "people/paper.html",
        **given
        | {
            "paper": paper(template, language, title=title, **values),
            "title": title,
            "printed_on": printed_on,
            "in_language": language,
            "others": others,
            "back": back,
            "note": note,
        },
    )


async def calls_of(db: Db, actor: Actor) -> dict[str, str]:
    """Whom to call, on every paper: the practice and its telephone."""
    practice = await practice_of(db, actor)
    return {"practice": practice.name, "phone": phone(practice.phone)}
